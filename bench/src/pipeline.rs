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
};
use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, NewItem, ParticipantId, ParticipantRole, Timestamp,
    frame::ServerFrame,
    participant::{BEARER_HEADER, SendMessageRequest, SentResponse},
};
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

struct Write {
    chat: i64,
    time: i64,
    id: String,
    text: String,
    done: oneshot::Sender<()>,
}

struct Shared {
    writer: thread_mpsc::SyncSender<Write>,
    sockets: Mutex<HashMap<i64, Vec<mpsc::Sender<Utf8Bytes>>>>,
}

#[derive(Deserialize)]
struct SocketQuery {
    chat: i64,
}

pub(crate) async fn serve(data: &Path) -> Result<()> {
    let connection = Connection::open(data.join("pipeline.db"))?;
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8000;
         CREATE TABLE entries (chat INTEGER, seq INTEGER, time INTEGER, id TEXT, kind INTEGER,
                               text TEXT);
         CREATE UNIQUE INDEX entries_place ON entries (chat, seq);",
    )?;
    let (writer, queue) = thread_mpsc::sync_channel::<Write>(4096);
    std::thread::spawn(move || write_loop(connection, &queue));
    let shared = Arc::new(Shared { writer, sockets: Mutex::default() });
    let router = Router::new()
        .route("/participant/message", post(message))
        .route("/socket", get(socket))
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

fn write_loop(mut connection: Connection, queue: &thread_mpsc::Receiver<Write>) {
    let mut seqs: HashMap<i64, i64> = HashMap::new();
    let mut batch = Vec::new();
    while let Ok(first) = queue.recv() {
        batch.push(first);
        batch.extend(queue.try_iter().take(511));
        let transaction = connection.transaction().expect("the benchmark's database works");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, 1, ?5)")
                .expect("the statement fits the table above");
            for write in &batch {
                let seq = seqs.entry(write.chat).or_insert(0);
                *seq += 1;
                insert
                    .execute((write.chat, *seq, write.time, &write.id, &write.text))
                    .expect("the benchmark's database works");
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
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let id = Uuid::now_v7().to_string();
    let contact = ContactId::from("11111111-1111-4111-8111-111111111111");
    let participant = ParticipantId::from("22222222-2222-4222-8222-222222222222");
    let text = NewItem {
        absolute_time: Some(Timestamp::from_millis(now)),
        content: Some(&request.content),
        content_type: Some(&ContentType::TextPlain),
        id: Some(&id),
        item_type: Some(&ItemType::Message),
        participant_id: Some(&participant),
        display_name: Some("Load"),
        participant_role: Some(&ParticipantRole::Customer),
        initial_contact_id: Some(&contact),
        contact_id: Some(&contact),
        ..NewItem::default()
    }
    .to_text();
    let frame = Utf8Bytes::from(ServerFrame::Chat { content: text.as_str().into() }.to_text());
    let (done, stored) = oneshot::channel();
    let write = Write { chat, time: now, id: id.clone(), text, done };
    shared.writer.send(write).expect("the writer lives as long as the program");
    stored.await.expect("the writer answers everything it takes");
    let sockets = shared.sockets.lock().expect("nobody panics with the lock").get(&chat).cloned();
    for socket in sockets.unwrap_or_default() {
        let _ = socket.try_send(frame.clone());
    }
    Json(SentResponse { id: ItemId::from(id), absolute_time: Timestamp::from_millis(now) })
}

async fn socket(
    State(shared): State<Arc<Shared>>,
    Query(SocketQuery { chat }): Query<SocketQuery>,
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
                }
            }
        }
    })
}
