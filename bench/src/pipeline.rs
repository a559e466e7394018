//! The bare pipeline: the least that stores and delivers messages durably.
//!
//! It parses the same JSON, makes an id, writes the same row with the same group commit, encodes the
//! frame once and writes it to the sockets of the chat. It has no rules: no tokens, no idempotency,
//! no transcript, no recovery. What Chatloom costs more is the price of those.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, mpsc as thread_mpsc},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes},
    },
    http::HeaderMap,
    response::Response,
    routing::{get, post},
    serve::ListenerExt as _,
};
use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, NewItem, ParticipantId, ParticipantRole, Timestamp,
    frame::ServerFrame,
    participant::{
        BEARER_HEADER, ConnectionCredentials, CreateParticipantConnectionRequest,
        CreateParticipantConnectionResponse, SendMessageRequest, SentResponse, Websocket,
    },
};
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

struct Write {
    chat: i64,
    rows: Vec<NewRow>,
    done: oneshot::Sender<()>,
}

struct NewRow {
    time: i64,
    id: String,
    text: String,
}

struct Shared {
    writer: thread_mpsc::SyncSender<Write>,
    sockets: Mutex<HashMap<i64, Vec<mpsc::Sender<Utf8Bytes>>>>,
}

#[derive(Deserialize)]
struct SocketQuery {
    chat: i64,
    /// Whoever subscribes there joins, and is greeted.
    #[serde(default)]
    enters: bool,
}

pub(crate) async fn serve(data: &Path) -> Result<()> {
    let database = Connection::open(data.join("pipeline.db"))?;
    database.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8000;
         CREATE TABLE entries (chat INTEGER, seq INTEGER, time INTEGER, id TEXT, kind INTEGER,
                               text TEXT);
         CREATE UNIQUE INDEX entries_place ON entries (chat, seq);",
    )?;
    let (writer, queue) = thread_mpsc::sync_channel::<Write>(4096);
    std::thread::spawn(move || write_loop(database, &queue));
    let shared = Arc::new(Shared { writer, sockets: Mutex::default() });
    let router = Router::new()
        .route("/participant/connection", post(connection))
        .route("/participant/message", post(message))
        .route("/socket", get(socket))
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    // As Chatloom does: else small writes wait for each other, up to 40 ms.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}

fn write_loop(mut database: Connection, queue: &thread_mpsc::Receiver<Write>) {
    let mut seqs: HashMap<i64, i64> = HashMap::new();
    let mut batch = Vec::new();
    while let Ok(first) = queue.recv() {
        batch.push(first);
        batch.extend(queue.try_iter().take(511));
        let transaction = database.transaction().expect("the benchmark's database works");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, 1, ?5)")
                .expect("the statement fits the table above");
            for write in &batch {
                let seq = seqs.entry(write.chat).or_insert(0);
                for row in &write.rows {
                    *seq += 1;
                    insert
                        .execute((write.chat, *seq, row.time, &row.id, &row.text))
                        .expect("the benchmark's database works");
                }
            }
        }
        transaction.commit().expect("the benchmark's database works");
        for write in batch.drain(..) {
            let _ = write.done.send(());
        }
    }
}

async fn message(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<SendMessageRequest>,
) -> Json<SentResponse> {
    let chat: i64 = headers
        .get(BEARER_HEADER)
        .and_then(|token| token.to_str().ok()?.parse().ok())
        .expect("the load generator sends a number");
    let row = row(&ItemType::Message, &ContentType::TextPlain, Some(&request.content));
    let (id, time) = (row.id.clone(), row.time);
    shared.store_and_tell(chat, vec![row]).await;
    Json(SentResponse { id: ItemId::from(id), absolute_time: Timestamp::from_millis(time) })
}

/// An item with a new id.
fn row(item_type: &ItemType, content_type: &ContentType, content: Option<&str>) -> NewRow {
    let time =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let id = Uuid::now_v7().to_string();
    let contact = ContactId::from("11111111-1111-4111-8111-111111111111");
    let participant = ParticipantId::from("22222222-2222-4222-8222-222222222222");
    let text = NewItem {
        absolute_time: Some(Timestamp::from_millis(time)),
        content,
        content_type: Some(content_type),
        id: Some(&id),
        item_type: Some(item_type),
        participant_id: Some(&participant),
        display_name: Some("Load"),
        participant_role: Some(&ParticipantRole::Customer),
        initial_contact_id: Some(&contact),
        contact_id: Some(&contact),
        ..NewItem::default()
    }
    .to_text();
    NewRow { time, id, text }
}

impl Shared {
    /// Stores rows of a chat in one commit, and then writes them to its sockets.
    async fn store_and_tell(&self, chat: i64, rows: Vec<NewRow>) {
        let frame = |row: &NewRow| {
            let frame = ServerFrame::Chat { content: row.text.as_str().into() };
            Utf8Bytes::from(frame.to_text())
        };
        let frames: Vec<_> = rows.iter().map(frame).collect();
        let (done, stored) = oneshot::channel();
        let write = Write { chat, rows, done };
        self.writer.send(write).expect("the writer lives as long as the program");
        stored.await.expect("the writer answers everything it takes");
        let sockets = self.sockets.lock().expect("nobody panics with the lock").get(&chat).cloned();
        for socket in sockets.unwrap_or_default() {
            for frame in &frames {
                let _ = socket.try_send(frame.clone());
            }
        }
    }
}

/// Answers what a participant with this number needs to open its socket, and to come in there.
async fn connection(
    headers: HeaderMap,
    Json(_): Json<CreateParticipantConnectionRequest>,
) -> Json<CreateParticipantConnectionResponse> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (chat, host) = (header(BEARER_HEADER), header("host"));
    let expiry = Some("2100-01-01T00:00:00.000Z".to_owned());
    Json(CreateParticipantConnectionResponse {
        websocket: Some(Websocket {
            url: Some(format!("ws://{host}/socket?chat={chat}&enters=true")),
            connection_expiry: expiry.clone(),
        }),
        connection_credentials: Some(ConnectionCredentials {
            connection_token: Some(chat.to_owned().into()),
            expiry,
        }),
    })
}

async fn socket(
    State(shared): State<Arc<Shared>>,
    Query(SocketQuery { chat, enters }): Query<SocketQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.read_buffer_size(1024).write_buffer_size(0).on_upgrade(move |mut socket| async move {
        let (sender, mut frames) = mpsc::channel(256);
        shared
            .sockets
            .lock()
            .expect("nobody panics with the lock")
            .entry(chat)
            .or_default()
            .push(sender);
        loop {
            tokio::select! {
                frame = frames.recv() => {
                    let Some(frame) = frame else { return };
                    if socket.send(Message::Text(frame)).await.is_err() {
                        return;
                    }
                }
                message = socket.recv() => {
                    let Some(Ok(_)) = message else { return };
                    // Whatever the client says, it is subscribed.
                    let reply = ServerFrame::Subscribed {
                        success: true,
                        topics: vec!["aws/chat".to_owned()],
                    };
                    if socket.send(Message::Text(reply.to_text().into())).await.is_err() {
                        return;
                    }
                    if enters {
                        let joined = row(&ItemType::Event, &ContentType::ParticipantJoined, None);
                        let greeting = "Welcome! Somebody will be with you in a moment. Meanwhile you may ask \
                                        about opening hours and orders.";
                        let said = row(&ItemType::Message, &ContentType::TextPlain, Some(greeting));
                        shared.store_and_tell(chat, vec![joined, said]).await;
                    }
                }
            }
        }
    })
}
