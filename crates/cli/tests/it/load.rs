//! `chatloom load` against a server.

use serde_json::Value;

use crate::{
    program::{Program, Server},
    service::http,
};

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

/// Our client in Chatloom behaviour, at a server that breaks sockets, mixes up frames and refuses
/// requests it has done: everything arrives, once.
#[tokio::test]
async fn chaos_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let plan = "drop=3%,delay=5ms±5ms,duplicate=5%,reorder,429=3%,500=3%";
    let args = ["--chaos", plan, "--chaos-seed", "7"];
    let server = Server::start_with(data.path(), &args).await;
    let ends = ["--contacts", "4", "--rate", "40", "--for", "5s", "--drain", "60s"];
    // Where a frame of one socket comes late, so does its event.
    let allowed = ["--max-out-of-order", "1000"];
    let (status, report) = load(&server, &[&ends[..], &allowed].concat(), &[]).await;
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(report["arrived"], 2 * report["acknowledged"].as_u64().unwrap(), "{report:#}");
    let figures = http().get(format!("{}/metrics", server.url())).send().await.unwrap();
    let figures = figures.text().await.unwrap();
    for trouble in ["drop", "duplicate", "reorder", "429", "500"] {
        let line = format!("chatloom_chaos_troubles_total{{trouble=\"{trouble}\"}}");
        assert!(figures.contains(&line), "{trouble}: {figures}");
    }
}

/// What the command line says is part of the configuration when that is read again.
#[tokio::test]
async fn a_demo_that_is_told_to_read_its_settings_again_finds_them_unchanged() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut server = Program::start(&[
        "serve",
        "--demo",
        "--listen",
        "127.0.0.1:0",
        "--data",
        folder,
        "--chaos",
        "drop=1%",
        "--chaos-seed",
        "7",
    ]);
    server.line().await.unwrap();
    server.signal("HUP").await;
    server.until_said("the keys are the same").await;
    server.terminate().await;
    let (status, _, errors) = server.end().await;
    assert!(status.success() && !errors.contains("needs another start"), "{errors}");
}

#[tokio::test]
async fn chaos_is_said_loudly_and_its_errors_clearly() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let serve = ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", folder];
    let mut server = Program::start(&[&serve[..], &["--chaos", "drop=1%"]].concat());
    server.line().await.unwrap();
    server.terminate().await;
    let (_, _, errors) = server.end().await;
    assert!(errors.contains("CHAOS") && errors.contains("drop=1%") && errors.contains("seed="));
    for (args, why) in [
        (&["--chaos", "lose=1%"][..], "half-open"),
        (&["--chaos", "drop=2"], "0% to 100%"),
        (&["--chaos-seed", "7"], "--chaos"),
    ] {
        let (status, _, errors) = Program::start(&[&serve[..], args].concat()).end().await;
        assert!(!status.success() && errors.contains(why), "{args:?}: {errors}");
    }
}
