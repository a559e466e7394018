//! CPU of the native client for each message, beside a socket and a parser that do the same decoding.
//!
//! The service is this process: it answers the requests of a session and sends frames as fast as they
//! are read. The clients run in processes of their own and read their CPU time themselves.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    routing::{get, post},
};
use chatloom::{ChatDetails, Client, Event};
use chatloom_wire::Item;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{client, process::cpu_of, report::Report};

/// The chat that everything is about.
const CONTACT: &str = "aaaaaaaa-1111-4222-8333-444455556666";

/// How many messages come before CPU time is taken: the connection is not what is measured.
const WARM_UP: u64 = 2_000;

pub(crate) async fn run(report: &mut Report, scale: f64) -> Result<()> {
    // Few enough to be through before a heartbeat is due, which nobody answers here.
    let messages = (50_000.0 * scale) as u64;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let service = Router::new()
        .route("/participant/connection", post(connection))
        .route("/participant/transcript", post(|| async { Json(json!({ "Transcript": [] })) }))
        .route("/socket", get(socket))
        .with_state((address.clone(), WARM_UP + messages));
    let serving = tokio::spawn(async { axum::serve(listener, service).await });
    let mut rounds = Vec::new();
    for _ in 0..if scale < 1.0 { 1 } else { 5 } {
        let ours = receiver(&address, messages, false).await?;
        rounds.push((ours, receiver(&address, messages, true).await?));
    }
    serving.abort();
    report.pair(
        "native client",
        "CPU each received message, baseline a socket and a parser",
        "us",
        &rounds,
        "ratio at most 2",
    );
    Ok(())
}

async fn connection(State((address, _)): State<(String, u64)>) -> Json<Value> {
    Json(json!({
        "Websocket": {
            "Url": format!("ws://{address}/socket"),
            "ConnectionExpiry": "2100-01-01T00:00:00.000Z",
        },
        "ConnectionCredentials": { "ConnectionToken": "x", "Expiry": "2100-01-01T00:00:00.000Z" },
    }))
}

async fn socket(
    State((_, messages)): State<(String, u64)>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    upgrade.on_upgrade(async move |socket| {
        // The client closes when it has all.
        let _ = send_all(socket, messages).await;
    })
}

async fn send_all(mut socket: WebSocket, messages: u64) -> Result<()> {
    loop {
        let Some(Ok(message)) = socket.recv().await else { bail!("the client left") };
        if message.to_text().is_ok_and(|text| text.contains("aws/subscribe")) {
            break;
        }
    }
    let subscribed =
        r#"{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}"#;
    socket.send(Message::text(subscribed)).await?;
    for number in 0..messages {
        socket.send(Message::text(frame(number))).await?;
    }
    while socket.recv().await.is_some() {}
    Ok(())
}

fn frame(number: u64) -> String {
    let (minutes, ms) = (number / 60_000, number % 60_000);
    let item = json!({
        "AbsoluteTime": format!(
            "2026-01-01T{:02}:{:02}:{:02}.{:03}Z", minutes / 60, minutes % 60, ms / 1_000, ms % 1_000,
        ),
        "Content": "Somebody said something, about as long as people write in a chat, most of the time.",
        "ContentType": "text/plain",
        "Id": format!("{number:08x}-1111-4222-8333-444455556666"),
        "Type": "MESSAGE",
        "ParticipantId": "bbbbbbbb-1111-4222-8333-444455556666",
        "DisplayName": "Ana",
        "ParticipantRole": "AGENT",
        "InitialContactId": CONTACT,
        "ContactId": CONTACT,
    });
    json!({ "topic": "aws/chat", "contentType": "application/json", "content": item.to_string() })
        .to_string()
}

/// Runs a receiver in a process of its own; CPU microseconds for each message.
async fn receiver(address: &str, messages: u64, bare: bool) -> Result<f64> {
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["receive", &format!("http://{address}"), &messages.to_string()]);
    command.args(bare.then_some("--bare"));
    let output = command.stderr(Stdio::inherit()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_mins(2), output)
        .await
        .context("a receiver did not get its messages within two minutes")??;
    ensure!(output.status.success(), "a receiver failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The role of a receiver: prints its CPU microseconds for each message.
#[expect(clippy::print_stdout, reason = "the process that started it reads this")]
pub(crate) async fn receive(endpoint: &str, messages: u64, bare: bool) -> Result<()> {
    let cpu = if bare {
        receive_bare(endpoint, messages).await?
    } else {
        receive_with_chatloom(endpoint, messages).await?
    };
    println!("{}", cpu.as_secs_f64() * 1e6 / messages as f64);
    Ok(())
}

async fn receive_with_chatloom(endpoint: &str, messages: u64) -> Result<Duration> {
    let client = Client::builder().endpoint(endpoint).build()?;
    let chat = client.chat(ChatDetails::new(CONTACT, "p", "t"));
    let mut events = chat.events();
    chat.connect().await?;
    let (mut seen, mut before) = (0, Duration::ZERO);
    while let Some(event) = events.next().await {
        let Event::Message(item) = event else { continue };
        ensure!(item.content().is_some(), "a message came without its content");
        seen += 1;
        if seen == WARM_UP {
            before = cpu_of(std::process::id())?;
        } else if seen == WARM_UP + messages {
            return Ok(cpu_of(std::process::id())?.saturating_sub(before));
        }
    }
    bail!("the chat ended after {seen} messages")
}

async fn receive_bare(endpoint: &str, messages: u64) -> Result<Duration> {
    #[derive(Deserialize)]
    struct Frame {
        topic: String,
        content: String,
    }
    let url = format!("{}/socket", endpoint.replace("http", "ws"));
    let mut socket = client::subscribe(&url).await?;
    let (mut seen, mut before) = (0, Duration::ZERO);
    while let Some(message) = socket.next().await {
        let message = message?;
        let Ok(frame) = serde_json::from_str::<Frame>(message.to_text()?) else { continue };
        if frame.topic != chatloom_wire::frame::CHAT_TOPIC {
            continue;
        }
        let item: Item = serde_json::from_str(&frame.content)?;
        ensure!(item.content().is_some(), "a message came without its content");
        seen += 1;
        if seen == WARM_UP {
            before = cpu_of(std::process::id())?;
        } else if seen == WARM_UP + messages {
            return Ok(cpu_of(std::process::id())?.saturating_sub(before));
        }
    }
    bail!("the socket closed after {seen} messages")
}
