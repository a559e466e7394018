//! A server of a test's own, and small clients for it.

pub(crate) mod authority;
pub(crate) mod files;
pub(crate) mod http;
mod openapi;
pub(crate) mod sign;
pub(crate) mod socket;
pub(crate) mod webhook;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use chatloom_server::{
    Config, Running, Server, Stopped,
    chats::Clock,
    config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE},
};
use chatloom_wire::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::{
    http::{Request, Response},
    socket::Socket,
};

/// The longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for something, not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let value = tokio::time::timeout(PATIENCE, future).await;
    value.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Tries until something is there, not for ever.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// A clock that stands still until it is told to go on.
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(SeqCst))
    }
}

/// 2026-06-01T00:00:00Z
const START: i64 = 1_780_272_000_000;

pub(crate) fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock(AtomicI64::new(START)))
}

/// A server, its data and its clock.
pub(crate) struct Site {
    pub(crate) running: Option<Running>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) config: Config,
    pub(crate) address: std::net::SocketAddr,
    folder: TempDir,
}

impl Site {
    /// A demo.
    pub(crate) async fn demo() -> Self {
        Self::demo_with(|_| {}).await
    }

    /// A demo with other settings.
    pub(crate) async fn demo_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::demo();
        change(&mut config);
        Self::start(config).await
    }

    /// A server as configured, on a free port and in a folder of its own.
    pub(crate) async fn start(mut config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        config.server.data = folder.path().to_owned();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        let clock = clock();
        let running = Server::start(config.clone(), clock.clone()).await.unwrap();
        let address = running.address();
        Self { running: Some(running), clock, config, address, folder }
    }

    /// A server that runs already, for instance on another store.
    pub(crate) fn of(
        running: Running,
        clock: Arc<FakeClock>,
        config: Config,
        folder: TempDir,
    ) -> Self {
        let address = running.address();
        Self { running: Some(running), clock, config, address, folder }
    }

    /// Stops the server; its data stays.
    pub(crate) async fn stop(&mut self) -> Stopped {
        let running = self.running.take().unwrap();
        soon("the server to stop", running.stop()).await
    }

    /// Starts a stopped server again, on the same data and another port.
    pub(crate) async fn restart(&mut self) {
        assert!(self.running.is_none() && self.folder.path().exists());
        let running = Server::start(self.config.clone(), self.clock.clone()).await.unwrap();
        self.address = running.address();
        self.running = Some(running);
    }

    /// Sends a request. An answer that the OpenAPI document describes is held to it.
    pub(crate) async fn send(&self, request: Request) -> Response {
        let response = request.send(self.address).await;
        openapi::check(&request, &response);
        response
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path)).await
    }

    /// Starts a chat as a page does.
    pub(crate) async fn start_chat(&self, name: &str) -> Person<'_> {
        let body = json!({
            "ParticipantDetails": { "DisplayName": name },
            "SupportedMessagingContentTypes": ["text/plain", "text/markdown", "application/json"],
        });
        let answer = self.send(Request::post("/start-chat").json(&body)).await.ok();
        let started = &answer["data"]["startChatResult"];
        Person {
            site: self,
            contact: text(&started["ContactId"]),
            id: text(&started["ParticipantId"]),
            participant_token: text(&started["ParticipantToken"]),
            connection_token: String::new(),
            socket_url: String::new(),
        }
    }

    /// A customer with a connection and, by its socket, in the chat.
    pub(crate) async fn customer(&self, name: &str) -> (Person<'_>, Socket) {
        let mut customer = self.start_chat(name).await;
        customer.connect().await;
        let mut socket = customer.socket().await;
        socket.subscribe().await;
        (customer, socket)
    }

    /// Signs a demo agent in: the token.
    pub(crate) async fn agent(&self, user: &str) -> String {
        let request = Request::post("/v1/agent/login").json(&json!({ "user": user }));
        text(&self.send(request).await.ok()["token"])
    }

    /// An agent takes the chat that has waited longest.
    pub(crate) async fn accept(&self, token: &str) -> Person<'_> {
        let request =
            Request::post("/v1/agent/accept").header("Authorization", &format!("Bearer {token}"));
        let accepted = self.send(request).await.ok();
        let mut agent = Person {
            site: self,
            contact: text(&accepted["contactId"]),
            id: text(&accepted["participantId"]),
            participant_token: text(&accepted["participantToken"]),
            connection_token: String::new(),
            socket_url: String::new(),
        };
        agent.connect().await;
        agent
    }

    /// A figure of `/metrics`; 0 when it is not there.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        let response = self.get("/metrics").await;
        let mut lines = response.body.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// A signed request of a back end.
    pub(crate) async fn signed(&self, method: &str, path: &str, body: &Value) -> Response {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request =
            Request::new(method, path).body(body).header("Content-Type", "application/json");
        self.send(sign::sign(request, self.address, &*self.clock)).await
    }
}

/// The least that StartChatContact needs.
pub(crate) fn start_request(name: &str) -> Value {
    json!({
        "InstanceId": DEMO_INSTANCE,
        "ContactFlowId": DEMO_CONTACT_FLOW,
        "ParticipantDetails": { "DisplayName": name },
    })
}

/// A participant.
#[derive(Clone)]
pub(crate) struct Person<'a> {
    pub(crate) site: &'a Site,
    pub(crate) contact: String,
    pub(crate) id: String,
    pub(crate) participant_token: String,
    pub(crate) connection_token: String,
    pub(crate) socket_url: String,
}

impl Person<'_> {
    /// CreateParticipantConnection as ChatJS sends it.
    pub(crate) async fn connect(&mut self) {
        let body = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
        let answer = self.create_connection(&body).await.ok();
        self.connection_token = text(&answer["ConnectionCredentials"]["ConnectionToken"]);
        self.socket_url = text(&answer["Websocket"]["Url"]);
    }

    pub(crate) async fn create_connection(&self, body: &Value) -> Response {
        let request = Request::post("/participant/connection").json(body);
        self.site.send(request.bearer(&self.participant_token)).await
    }

    /// Opens the socket of the last connection.
    pub(crate) async fn socket(&self) -> Socket {
        Socket::open(&self.socket_url).await.unwrap()
    }

    pub(crate) async fn call(&self, operation: &str, body: &Value) -> Response {
        let request = Request::post(&format!("/participant/{operation}")).json(body);
        self.site.send(request.bearer(&self.connection_token)).await
    }

    /// Sends a text; its id.
    pub(crate) async fn say(&self, content: &str) -> String {
        let body = json!({ "ContentType": "text/plain", "Content": content });
        text(&self.call("message", &body).await.ok()["Id"])
    }

    pub(crate) async fn disconnect(&self) {
        assert_eq!(self.call("disconnect", &json!({})).await.ok(), json!({}));
    }

    /// All items, oldest first, paged as clients do.
    pub(crate) async fn transcript(&self) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut body = json!({ "MaxResults": 100, "ScanDirection": "BACKWARD" });
            if !next.is_null() {
                body["NextToken"] = next;
            }
            let page = self.call("transcript", &body).await.ok();
            items.extend(page["Transcript"].as_array().unwrap().iter().cloned());
            next = page["NextToken"].clone();
            if next.is_null() {
                items.reverse();
                return items;
            }
        }
    }

    /// The contents of all messages, oldest first.
    pub(crate) async fn messages(&self) -> Vec<String> {
        contents(&self.transcript().await)
    }
}

/// The contents of the messages among items.
pub(crate) fn contents(items: &[Value]) -> Vec<String> {
    let messages = items.iter().filter(|item| item["Type"] == "MESSAGE");
    messages.map(|item| text(&item["Content"])).collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The last part of an event's content type.
pub(crate) fn event(item: &Value) -> String {
    let content_type = text(&item["ContentType"]);
    content_type.trim_start_matches("application/vnd.amazonaws.connect.event.").to_owned()
}
