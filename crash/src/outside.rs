//! Those whom a server calls: a webhook and a bot, which are never killed and remember all they were
//! told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{api::text, dice::Dice};

/// A webhook and a bot.
#[derive(Debug)]
pub(crate) struct Outside {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    told: Mutex<HashMap<String, Vec<Delivery>>>,
    turns: Mutex<HashMap<String, u64>>,
    dice: Mutex<Dice>,
}

/// Something that a webhook was told and has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Its place in the stream.
    pub(crate) number: u64,
    /// The item's text.
    pub(crate) item: String,
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever panics with a lock ends the run.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outside {
    pub(crate) async fn new(dice: Dice) -> Result<Self> {
        let shared = Arc::new(Shared {
            told: Mutex::default(),
            turns: Mutex::default(),
            dice: Mutex::new(dice),
        });
        let routes = Router::new().route("/hook", post(take)).route("/bot", post(answer));
        let routes = routes.with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for a webhook")?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // It fails only when the listener does, and then every rule about it is broken.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, shared, task })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What a stream has told, in the order in which it came.
    pub(crate) fn told(&self, stream: &str) -> Vec<Delivery> {
        locked(&self.shared.told).get(stream).cloned().unwrap_or_default()
    }

    /// How many deliveries came, and how many of them for the first time.
    pub(crate) fn deliveries(&self) -> (u64, u64) {
        let told = locked(&self.shared.told);
        let all = told.values().map(|stream| stream.len() as u64).sum();
        let first = told.values().map(|stream| {
            let mut numbers: Vec<_> = stream.iter().map(|delivery| delivery.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers.len() as u64
        });
        (all, first.sum())
    }

    /// How many turns a bot was asked, and how many of them for the first time.
    pub(crate) fn turns(&self) -> (u64, u64) {
        let turns = locked(&self.shared.turns);
        (turns.values().sum(), turns.len() as u64)
    }

    /// Forgets what it was told: another server begins, with other chats.
    pub(crate) fn forget(&self) {
        locked(&self.shared.told).clear();
        locked(&self.shared.turns).clear();
    }
}

impl Shared {
    /// Some answers take a while, so that a kill meets them, and some are refusals.
    async fn trouble(&self) -> bool {
        let (wait, refuse) = {
            let mut dice = locked(&self.dice);
            let wait = if dice.percent(20) { dice.between(1, 60) } else { 0 };
            (wait, dice.percent(3))
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        refuse
    }
}

/// An item of a stream, as SNS posts it.
async fn take(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> StatusCode {
    let id = text(&body["MessageId"]);
    let Some((stream, number)) = id.rsplit_once('-') else { return StatusCode::BAD_REQUEST };
    let Ok(number) = number.parse() else { return StatusCode::BAD_REQUEST };
    // What is refused may come again; what was taken is remembered before the answer leaves.
    if shared.trouble().await {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let delivery = Delivery { number, item: text(&body["Message"]) };
    locked(&shared.told).entry(stream.to_owned()).or_default().push(delivery);
    StatusCode::OK
}

/// What the bot says to something.
pub(crate) fn echo(content: &str) -> String {
    format!("echo of {content}")
}

/// What the bot says first.
pub(crate) const WELCOME: &str = "welcome";

/// A turn: half of the answers come in parts.
async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(turn) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *locked(&shared.turns).entry(text(&turn["turn"])).or_default() += 1;
    // A turn that is refused three times ends the bot: the server decides, not chance.
    shared.trouble().await;
    let said = match turn["message"]["content"].as_str() {
        Some(content) => echo(content),
        None => WELCOME.to_owned(),
    };
    let in_parts = locked(&shared.dice).percent(50);
    if !in_parts {
        return Json(json!({ "actions": [{ "type": "say", "content": said }] })).into_response();
    }
    let (first, second) = said.split_at(said.floor_char_boundary(said.len() / 2));
    let parts = [first, second].into_iter().filter(|part| !part.is_empty());
    let parts = parts.map(|part| {
        let data = json!({ "content": part });
        Bytes::from(format!("event: chunk\ndata: {data}\n\n"))
    });
    let parts: Vec<_> = parts.chain([Bytes::from("event: done\ndata: {}\n\n")]).collect();
    let parts = futures_util::stream::unfold(
        (shared, parts.into_iter()),
        |(shared, mut parts)| async move {
            let part = parts.next()?;
            shared.trouble().await;
            Some((Ok::<_, std::io::Error>(part), (shared, parts)))
        },
    );
    ([("Content-Type", "text/event-stream")], Body::from_stream(parts)).into_response()
}
