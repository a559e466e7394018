//! Somebody outside who is called: a small HTTP server of the test's own.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use chatloom_server::{Config, config::Setting as _};
use futures_util::StreamExt as _;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use super::soon;

/// What signs the requests.
pub(crate) const SECRET: &str = "a secret of the test's own";

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) text: Bytes,
    pub(crate) json: Value,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Checks the signature; the time it names, in seconds.
    pub(crate) fn signed_at(&self) -> i64 {
        let signature = self.header("chatloom-signature");
        let (time, hash) = signature.split_once(",v1=").unwrap();
        let time = time.strip_prefix("t=").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(&self.text);
        let hash: Vec<_> = (0..hash.len() / 2)
            .map(|at| u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        mac.verify_slice(&hash).unwrap();
        time.parse().unwrap()
    }
}

/// A webhook. What it answers is a function of what came; requests wait until they are taken.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    received: Mutex<VecDeque<Received>>,
    came: Notify,
    answer: Box<dyn Fn(Received) -> Response + Send + Sync>,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Webhook {
    pub(crate) async fn new(answer: impl Fn(Received) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            came: Notify::new(),
            answer: Box::new(answer),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next request.
    pub(crate) async fn next(&self) -> Received {
        soon("a request to the webhook", async {
            loop {
                let came = self.shared.came.notified();
                let next = self.shared.received.lock().unwrap().pop_front();
                if let Some(received) = next {
                    return received;
                }
                came.await;
            }
        })
        .await
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let text = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let json = serde_json::from_slice(&text).unwrap();
    let received = Received { headers: parts.headers, text, json };
    let response = (shared.answer)(received.clone());
    shared.received.lock().unwrap().push_back(received);
    shared.came.notify_one();
    response
}

/// An answer of a status, without a body.
pub(crate) fn status(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

/// An answer in JSON.
pub(crate) fn json(value: &Value) -> Response {
    Response::builder()
        .header("Content-Type", "application/json")
        .body(Body::from(value.to_string()))
        .unwrap()
}

/// An answer in server-sent events, and what sends them; it ends when that is dropped.
pub(crate) fn events() -> (mpsc::Sender<String>, Response) {
    let (send, receive) = mpsc::channel::<String>(16);
    let stream = futures_util::stream::unfold(receive, |mut receive| async move {
        Some((receive.recv().await?, receive))
    });
    let body = Body::from_stream(stream.map(Ok::<_, std::io::Error>));
    let response =
        Response::builder().header("Content-Type", "text/event-stream").body(body).unwrap();
    (send, response)
}

/// An event as a stream carries it.
pub(crate) fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Lets a server call this machine.
pub(crate) fn allow_loopback(config: &mut Config) {
    let network = chatloom_server::config::Network::from_text("127.0.0.0/8").unwrap();
    config.outgoing.allow_networks = vec![network];
}
