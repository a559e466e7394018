//! Who did what by the control plane, and what nobody reads there.

use std::{fs, path::Path, time::Duration};

use chatloom_server::config::DEMO_INSTANCE;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{Site, eventually, http::Request, sign::sign, start_request, text};

async fn site(file: &Path) -> Site {
    Site::demo_with(|config| {
        config.set("audit.file", file.to_str().unwrap(), "test").unwrap();
    })
    .await
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_signed_call_leaves_a_line_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let site = site(&file).await;
    let mut start = start_request("secret-name");
    start["Attributes"] = json!({ "secret-key": "secret-value" });
    start["CustomerId"] = json!("secret-customer");
    start["InitialMessage"] = json!({ "ContentType": "text/plain", "Content": "secret-text" });
    start["ClientToken"] = json!("secret-token");
    let contact = text(&site.signed("PUT", "/contact/chat", &start).await.ok()["ContactId"]);
    let names = format!("/contacts/{DEMO_INSTANCE}/{contact}");
    let update = json!({
        "Name": "secret-title",
        "References": { "secret-reference": { "Type": "URL", "Value": "https://secret" } },
    });
    site.signed("POST", &names, &update).await.ok();
    site.signed("GET", &names, &Value::Null).await.ok();
    let attributes = json!({
        "InstanceId": DEMO_INSTANCE, "InitialContactId": contact,
        "Attributes": { "secret-more": "secret-most" },
    });
    site.signed("POST", "/contact/attributes", &attributes).await.ok();
    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact });
    site.signed("POST", "/contact/stop", &stop).await.ok();
    site.signed("POST", "/contact/stop", &stop).await.error();
    site.signed("POST", "/contact/transfer", &json!({ "UserId": "secret-user" })).await.error();
    let forged = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": "a\n{\"key\":\"forged\"}" });
    site.signed("POST", "/contact/stop", &forged).await.error();

    // Calls of others leave nothing: of people, of pages, and of who has no key.
    site.customer("secret-visitor").await;
    site.send(Request::post("/contact/stop").json(&stop)).await.error();
    let stolen = sign(Request::post("/contact/stop").json(&stop), site.address, &*site.clock);
    site.send(stolen.body("{}")).await.error();

    let lines = lines(&file);
    let of = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let about = if text("contact") == contact { "it".to_owned() } else { text("contact") };
        (text("operation"), about, line["status"].as_u64().unwrap(), text("error"))
    };
    let expected = [
        ("StartChatContact", "it", 200, "-"),
        ("UpdateContact", "it", 200, "-"),
        ("DescribeContact", "it", 200, "-"),
        ("UpdateContactAttributes", "it", 200, "-"),
        ("StopContact", "it", 200, "-"),
        ("StopContact", "it", 410, "ContactNotFoundException"),
        ("TransferContact", "-", 400, "InvalidRequestException"),
        ("StopContact", "a\n{\"key\":\"forged\"}", 404, "ResourceNotFoundException"),
    ]
    .map(|(operation, about, status, error)| {
        (operation.to_owned(), about.to_owned(), status, error.to_owned())
    });
    assert_eq!(lines.iter().map(of).collect::<Vec<_>>(), expected);
    for line in &lines {
        assert_eq!((&line["key"], &line["address"]), (&json!("chatloom"), &json!("127.0.0.1")));
        assert_eq!(text(&line["request"]).len(), 36);
        assert!(text(&line["time"]).starts_with("2026-06-01T00:00:00"));
    }
    let all = fs::read_to_string(&file).unwrap();
    assert!(!all.contains("secret"), "{all}");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let site = site(&file).await;
    let start = || async { site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok() };
    start().await;
    start().await;
    fs::rename(&file, folder.path().join("audit.1")).unwrap();
    start().await;
    assert_eq!(lines(&file).len(), 1);
    assert_eq!(lines(&folder.path().join("audit.1")).len(), 2);
    // As a rotation does that makes the new file itself.
    fs::rename(&file, folder.path().join("audit.2")).unwrap();
    fs::write(&file, "").unwrap();
    start().await;
    assert_eq!(lines(&file).len(), 1);
    assert_eq!(lines(&folder.path().join("audit.2")).len(), 1);
}

#[tokio::test]
async fn a_line_that_was_torn_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let torn = "{\"time\":\"2026-05-31T00:00:00.000Z\",\"key\":\"ba";
    fs::write(&file, torn).unwrap();
    let site = Site::demo_with(|config| {
        config.set("audit.file", file.to_str().unwrap(), "test").unwrap();
        config.set("audit.sync", "true", "test").unwrap();
    })
    .await;
    for _ in 0..2 {
        site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok();
    }
    let text = fs::read_to_string(&file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(first, torn);
    let rest: Vec<Value> = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rest.len(), 2);
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let site = Site::demo_with(|config| {
        config.set("audit.file", file.to_str().unwrap(), "test").unwrap();
        // Nobody waits for the answer that long.
        config.set("chaos.plan", "delay=60s", "test").unwrap();
    })
    .await;
    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": "none" });
    let stop = sign(Request::post("/contact/stop").json(&stop), site.address, &*site.clock);
    eventually("a line", || async {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(&stop.to_bytes(site.address)).await.unwrap();
        // It may go before the server has looked at the request; then nobody knows who it was.
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stream);
        (!lines(&file).is_empty()).then_some(())
    })
    .await;
    let line = &lines(&file)[0];
    assert_eq!(line["operation"], "StopContact");
    assert_eq!((&line["status"], &line["error"]), (&json!(499), &json!("CallerWentAway")));
    assert_eq!((&line["key"], &line["contact"]), (&json!("chatloom"), &json!("none")));
}

#[tokio::test]
async fn a_call_is_answered_when_its_line_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("log");
    fs::create_dir(&inner).unwrap();
    let file = inner.join("audit.jsonl");
    let site = site(&file).await;
    fs::remove_dir_all(&inner).unwrap();
    site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok();
    eventually("the failure to be counted", || async {
        (site.figure("chatloom_audit_failures_total").await > 0.0).then_some(())
    })
    .await;
    fs::create_dir(&inner).unwrap();
    site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok();
    assert_eq!(lines(&file).len(), 1);
}
