//! Databases that are full already: reading the end of a long chat, and starting.

use std::{
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use chatloom_engine::{
    Chat,
    token::{Keys, Seat, SeatUse},
};
use chatloom_server::{
    Config,
    store::{
        Commit, Committed, Store,
        sqlite::{Options, Sqlite},
    },
};
use chatloom_wire::{ParticipantRole, Timestamp};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    client::Http,
    process::Server,
    report::{Report, median},
    store::{message, new_chat},
};

const ROUNDS: usize = 5;
/// Items of one commit.
const BATCH: usize = 100;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

/// A database with chats of so many items each.
async fn fill(folder: &Path, sizes: &[usize]) -> Result<Vec<Arc<Chat>>> {
    let store = Sqlite::open(folder.join("chatloom.db"), Options::default())?;
    let chats: Vec<Arc<Chat>> = stream::iter(sizes)
        .map(|items| fill_chat(&store, *items))
        .buffered(16)
        .try_collect()
        .await?;
    store.close().await?;
    Ok(chats)
}

async fn fill_chat(store: &Sqlite, items: usize) -> Result<Arc<Chat>> {
    let now = now();
    let chat = Arc::new(new_chat(now)?);
    store.create(Arc::clone(&chat), None, None).await?;
    let version = store.chat(&chat.id).await?.map_or(0, |stored| stored.version);
    for first in (0..items).step_by(BATCH) {
        let count = BATCH.min(items - first);
        let commit = Commit {
            chat: chat.id.clone(),
            version,
            state: None,
            head: None,
            drafts: (0..count).map(|_| message(&chat)).collect(),
            key: None,
            answer: 0,
            now,
        };
        let committed = store.commit(commit).await?;
        ensure!(matches!(committed, Committed::Done { .. }), "items were not stored");
    }
    Ok(chat)
}

/// The customer's connection token, as a demo server signs it.
fn token(chat: &Chat) -> Result<String> {
    let secret = Config::demo().keys.signing.context("a demo has a signing key")?;
    let seat = Seat {
        chat: chat.id.clone(),
        participant: chat.customer().id.clone(),
        role: ParticipantRole::Customer,
    };
    let keys = Keys::new(secret.expose().as_bytes())?;
    Ok(keys.mint_seat(SeatUse::Connection, &seat, now().plus_millis(3_600_000))?)
}

/// The last 100 items of a chat of 100,000 beside those of a chat of 100.
pub(crate) async fn transcript(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let long = (100_000.0 * scale) as usize;
    let data = tempfile::tempdir()?;
    let chats = fill(data.path(), &[long, 100]).await?;
    let server = Server::chatloom_with(chatloom, &[], data)?;
    let mut http = Http::connect(&server.address).await?;
    let tokens = chats.iter().map(|chat| token(chat)).collect::<Result<Vec<_>>>()?;
    let reads = (1_000.0 * scale) as usize;
    let (mut times, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for token in &tokens {
            let mut each = Vec::with_capacity(reads);
            let before = server.cpu()?;
            for _ in 0..reads {
                let started = Instant::now();
                let body = r#"{"MaxResults":100,"ScanDirection":"BACKWARD"}"#;
                let page =
                    http.post("/participant/transcript", ("X-Amz-Bearer", token), body).await?;
                each.push(started.elapsed().as_secs_f64() * 1e3);
                ensure!(page.len() > 100 * 150, "the page is too short");
            }
            let spent = server.cpu()?.saturating_sub(before).as_secs_f64() * 1e6;
            round.push((median(each.into_iter()), spent / reads as f64));
        }
        let [long_chat, short_chat] = round[..] else { continue };
        times.push((long_chat.0, short_chat.0));
        cpu.push((long_chat.1, short_chat.1));
    }
    let group = "GetTranscript of 100";
    let name = |what: &str| format!("{what}, chat of {long} items, baseline one of 100");
    report.pair(group, name("p50"), "ms", &times, "ratio at most 1.5");
    report.pair(group, name("server CPU"), "us", &cpu, "");
    Ok(())
}

/// From the start of the program to the line that says where it listens.
pub(crate) async fn startup(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let chats = (1_000.0 * scale) as usize;
    let mut full = tempfile::tempdir()?;
    fill(full.path(), &vec![1_000; chats]).await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = |data| -> Result<(f64, tempfile::TempDir)> {
            let started = Instant::now();
            let server = Server::chatloom_with(chatloom, &[], data)?;
            let took = started.elapsed().as_secs_f64() * 1e3;
            Ok((took, server.into_data()?))
        };
        let (ours, data) = start(full)?;
        full = data;
        let (empty, _) = start(tempfile::tempdir()?)?;
        times.push((ours, empty));
    }
    report.pair(
        "start",
        format!("with {} items in {chats} chats, baseline an empty database", chats * 1_000),
        "ms",
        &times,
        "under 1,000 ms",
    );
    Ok(())
}
