//! `chatloom load` against a server.

use serde_json::Value;

use crate::program::{Program, Server};

async fn load(server: &Server, args: &[&str], environment: &[(&str, &str)]) -> (i32, Value) {
    let given = ["load", "--json", "--endpoint", server.url()];
    let args: Vec<&str> = given.into_iter().chain(args.iter().copied()).collect();
    let (status, output, errors) = Program::start_in(&args, environment).end().await;
    let report = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}{errors}"));
    (status.code().unwrap(), report)
}

#[tokio::test]
async fn a_load_arrives_on_both_sides_and_is_judged() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let ends =
        ["--contacts", "4", "--rate", "40", "--for", "2s", "--size", "500", "--drain", "60s"];

    // Chats that pages start, with two agents in turn.
    let agents = ["--agent", "ana", "--agent", "ben"];
    let (status, report) = load(&server, &[&ends[..], &agents].concat(), &[]).await;
    assert_eq!(status, 0, "{report:#}");
    let sent = report["sent"].as_u64().unwrap();
    assert!((1..=80).contains(&sent), "{report:#}");
    assert_eq!(report["acknowledged"], sent);
    assert_eq!(report["arrived"], 2 * sent);
    for none in ["failed", "lost", "doubled", "out_of_order", "events_missed"] {
        assert_eq!(report[none], 0, "{none}: {report:#}");
    }
    assert!(report["delivery_ms"]["p99"].as_f64().unwrap() > 0.0);

    // Chats of a back end; and a rate that nobody reaches.
    let back_end = ["--access-key", "chatloom", "--min-rate", "1000000", "--max-p99", "1h"];
    let secret = [("CHATLOOM_LOAD_SECRET", "chatloom-demo-secret")];
    let (status, report) = load(&server, &[&ends[..], &back_end].concat(), &secret).await;
    assert_eq!(status, 1, "{report:#}");
    assert_eq!((&report["lost"], &report["failed"]), (&0.into(), &0.into()));
    let missed = report["missed"].as_array().unwrap();
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert!(missed[0].as_str().unwrap().contains("1000000 wanted"), "{missed:?}");
}

#[tokio::test]
async fn a_load_that_cannot_begin_says_why() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    for (args, why) in [
        (["--access-key", "chatloom"], "CHATLOOM_LOAD_SECRET"),
        (["--agent", "nobody"], "cannot log in as nobody"),
        (["--for", "9999h"], "too many for one run"),
        (["--contacts", "0"], "--contacts"),
        (["--size", "47"], "--size"),
        (["--rate", "0"], "--rate"),
    ] {
        let given = ["load", "--endpoint", server.url()];
        let args: Vec<&str> = given.into_iter().chain(args).collect();
        let (status, output, errors) = Program::start(&args).end().await;
        assert!(!status.success() && output.is_empty(), "{args:?}: {output}");
        assert!(errors.contains(why), "{args:?}: {errors}");
    }
}
