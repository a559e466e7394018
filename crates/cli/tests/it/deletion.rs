//! `chatloom delete`: somebody wants to be forgotten.

use serde_json::json;

use crate::{
    program::{Program, Server},
    service::{chat_with_agent, http},
};

const SECRET: [(&str, &str); 1] = [("CHATLOOM_DELETE_SECRET", "chatloom-demo-secret")];

async fn delete(url: &str, whose: &[&str]) -> (bool, String, String) {
    let args = ["delete", "--endpoint", url, "--access-key", "chatloom"];
    let args: Vec<_> = args.iter().chain(whose).copied().collect();
    let (status, output, errors) = Program::start_in(&args, &SECRET).end().await;
    (status.success(), output, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chats_of_somebody_are_deleted_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let http = http();
    let (customer, _) = chat_with_agent(&http, server.url(), "Jane").await;
    let contact = customer.details.contact_id.as_str().to_owned();

    let (ok, output, errors) = delete(server.url(), &["--customer", "nobody"]).await;
    assert!(ok && output.is_empty() && errors.contains("0 chats"), "{output} {errors}");
    // What the page's back end sets.
    let (ok, output, errors) = delete(server.url(), &["--attribute", "customerName=Jane"]).await;
    assert!(ok && output.trim() == contact && errors.contains("1 chats"), "{output} {errors}");
    let request = json!({ "Type": ["CONNECTION_CREDENTIALS"] });
    let gone = http
        .post(format!("{}/participant/connection", server.url()))
        .header("x-amz-bearer", customer.details.participant_token.expose())
        .json(&request)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 403, "nothing leads to it any more");
    let (ok, output, _) = delete(server.url(), &["--contact", &contact]).await;
    assert!(ok && output.is_empty(), "{output}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let url = "http://127.0.0.1:9";
    for (whose, why) in [
        (&[][..], "--customer"),
        (&["--customer", "a", "--contact", "b"], "cannot be used"),
        (&["--attribute", "email"], "a name, =, and a value"),
        (&["--contact", "b"], "ask again"),
    ] {
        let (ok, _, errors) = delete(url, whose).await;
        assert!(!ok && errors.contains(why), "{whose:?}: {errors}");
    }
    let args = ["delete", "--endpoint", url, "--access-key", "chatloom", "--customer", "a"];
    let (status, _, errors) = Program::start(&args).end().await;
    assert!(!status.success() && errors.contains("CHATLOOM_DELETE_SECRET"), "{errors}");
}
