//! What the log does not say.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Site, http::Request, socket::Socket, start_request};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn tokens_content_names_and_attributes_are_never_logged() {
    let memory = Memory::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(memory.clone())
        .finish();
    // While a process has but one subscriber, tracing asks that of the thread which is the first to
    // reach a place whether anything is wanted there, and the threads of the other tests have none.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(log);

    let site = Site::demo().await;
    let mut secrets = Vec::new();
    let mut request = start_request("Name-of-Jane");
    request["Attributes"] = json!({ "plan": "secret-attribute" });
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    secrets.push(started["ParticipantToken"].as_str().unwrap().to_owned());
    let (customer, mut socket) = site.customer("Name-of-John").await;
    customer.say("secret-content").await;
    customer.say("agent").await;
    let ana = site.agent("ana").await;
    let agent = site.accept(&ana).await;
    agent.say("secret-answer").await;
    while socket.message().await != "secret-answer" {}
    customer.transcript().await;
    // What goes wrong is logged most.
    let bad = "{\"ContentType\":\"text/plain\",\"Content\":\"secret-content\"";
    let request = Request::post("/participant/message").bearer(&customer.connection_token);
    assert_eq!(site.send(request.body(bad)).await.status, 400);
    assert_eq!(site.send(Request::post("/participant/event").bearer(&ana)).await.status, 403);
    let wrong = format!("{}&x=secret-query", customer.socket_url.replace("token=", "token=x"));
    assert_eq!(Socket::open(&wrong).await.err(), Some(403));
    socket.send("{\"topic\":\"secret-content").await;
    let login = json!({ "user": "ana", "password": "secret-password" });
    site.send(Request::post("/v1/agent/login").json(&login)).await;
    customer.disconnect().await;
    socket.until_event("chat.ended").await;

    for person in [&customer, &agent] {
        secrets.push(person.participant_token.clone());
        secrets.push(person.connection_token.clone());
        secrets.push(person.socket_url.rsplit_once('=').unwrap().1.to_owned());
    }
    secrets.push(ana);
    secrets.extend(["secret-", "Name-of-", "chatloom-demo-secret"].map(ToOwned::to_owned));
    let log = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    // It does say what happened, and where.
    assert!(log.contains("SendMessage") && log.contains(&customer.contact), "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
}

/// What people write must not look like a line of the log, nor speak to the terminal that shows it.
#[tokio::test]
async fn nobody_writes_lines_of_the_log() {
    let memory = Memory::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(memory.clone())
        .finish();
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(log);

    // A line, a terminal's title, colours, and a word that hides the ones before it.
    let forged =
        "x\n2026-06-01T00:00:00Z ERROR forged\r\u{1b}]0;forged\u{7}\u{1b}[31m\u{9b}31m\u{8}";
    let encoded = "x%0A2026-06-01T00:00:00Z%20ERROR%20forged%0D%1B%5B31m%C2%9B31m";
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer(forged).await;
    customer.say(forged).await;
    let mut start = start_request(forged);
    start["Attributes"] = json!({ "forged": forged });
    start["ClientToken"] = json!(forged);
    site.signed("PUT", "/contact/chat", &start).await;
    let instance = &site.config.instance.id;
    for (path, body) in [
        ("/contact/stop", json!({ "InstanceId": instance, "ContactId": forged })),
        ("/contact/stop", json!({ "InstanceId": forged, "ContactId": forged })),
        ("/v1/chats/delete", json!({ "ContactIds": [forged] })),
        ("/v1/chats/delete", json!({ "CustomerId": forged })),
    ] {
        site.signed("POST", path, &body).await;
    }
    for path in ["/contacts/none/", "/v1/files/", "/participant/views/", "/", "/socket?token="] {
        site.send(Request::get(&format!("{path}{encoded}"))).await;
    }
    let login = json!({ "user": forged, "password": forged });
    site.send(Request::post("/v1/agent/login").json(&login)).await;
    let odd = "x\u{9b}31m\tforged";
    for name in ["Host", "Origin", "Authorization", "X-Amz-Bearer", "X-Amz-Date", "X-Forwarded-For"]
    {
        site.send(Request::post("/participant/message").header(name, odd).json(&json!({}))).await;
        site.send(Request::new("PUT", "/contact/chat").header(name, odd)).await;
    }
    let file = crate::support::files::start_request(forged, "text/plain", 1);
    customer.call("start-attachment-upload", &file).await;
    let event = json!({ "ContentType": forged, "Content": forged, "ClientToken": forged });
    customer.call("event", &event).await;
    let subscribe = json!({ "topic": "aws/subscribe", "content": { "topics": [forged] } });
    socket.send(subscribe.to_string()).await;
    socket.send(forged).await;
    customer.disconnect().await;
    while !socket.frame().await.unwrap()["content"].to_string().contains("chat.ended") {}

    let log = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("StopContact"), "{log}");
    for line in log.lines() {
        let mut words = line.split_whitespace().skip(1);
        let level = words.next().unwrap_or_default();
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "{line:?}");
        assert_ne!(words.next(), Some("forged"), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
