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
