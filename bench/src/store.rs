//! Store appends, beside plain SQLite inserting the same rows.

use std::{sync::Arc, time::Instant};

use anyhow::{Result, ensure};
use chatloom_engine::{
    Audience, Chat, Draft, DraftBody, EntryKind, Rules, Sender, StartChat, entry::item_id,
};
use chatloom_server::store::{
    Commit, Committed, Store, TokenKey,
    sqlite::{Options, Sqlite},
};
use chatloom_wire::{ContactId, ContentType, ItemType, ParticipantId, Timestamp};
use futures_util::future::try_join_all;
use rusqlite::Connection;
use uuid::Uuid;

use crate::report::Report;

const ROUNDS: usize = 5;
const CHATS: usize = 64;

pub(crate) async fn run(report: &mut Report, scale: f64) -> Result<()> {
    for (batch, rows) in [(1, 3_000.0), (10, 20_000.0), (100, 60_000.0)] {
        let batches = ((rows * scale) as usize / batch).max(10);
        let mut rate = Vec::new();
        let mut cpu = Vec::new();
        for _ in 0..ROUNDS {
            let ours = appends(batch, batches).await?;
            let plain = plain_inserts(batch, batches)?;
            rate.push((ours.0, plain.0));
            cpu.push((ours.1, plain.1));
        }
        let name = |what: &str| format!("{what}, batches of {batch}");
        report.pair("store, baseline plain SQLite", name("rows durable"), "1/s", &rate, "");
        report.pair("store, baseline plain SQLite", name("CPU each row"), "us", &cpu, "");
    }
    Ok(())
}

/// CPU time of this process in seconds.
fn cpu() -> Result<f64> {
    Ok(crate::process::cpu_of(std::process::id())?.as_secs_f64())
}

/// Rows a second, and microseconds of CPU for each.
async fn appends(batch: usize, batches: usize) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let store = Sqlite::open(folder.path().join("bench.db"), Options::default())?;
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mut chats = Vec::new();
    for _ in 0..CHATS {
        let chat = Arc::new(new_chat(now)?);
        store.create(Arc::clone(&chat), None, None).await?;
        let version = store.chat(&chat.id).await?.map_or(0, |stored| stored.version);
        chats.push((chat, version));
    }
    let (cpu_before, started) = (cpu()?, Instant::now());
    for number in 0..batches {
        // What waits together is committed together: a batch is that many appends at once.
        let appends = (0..batch).map(|place| {
            let (chat, version) = &chats[(number * batch + place) % CHATS];
            store.commit(append(chat, *version, now))
        });
        for committed in try_join_all(appends).await? {
            ensure!(matches!(committed, Committed::Done { .. }), "an append was not stored");
        }
    }
    let rows = (batch * batches) as f64;
    let figures = (rows / started.elapsed().as_secs_f64(), (cpu()? - cpu_before) * 1e6 / rows);
    store.close().await?;
    Ok(figures)
}

pub(crate) fn new_chat(now: Timestamp) -> Result<Chat> {
    let rules = Rules::new("default");
    let request = serde_json::from_str(
        r#"{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{"DisplayName":"Load"}}"#,
    )?;
    let id = || Uuid::new_v4().to_string();
    let start = StartChat {
        contact_id: ContactId::from(id()),
        participant_id: ParticipantId::from(id()),
        system_id: ParticipantId::from(id()),
        assistant_id: ParticipantId::from(id()),
        request,
    };
    Ok(rules.start(now, start)?)
}

pub(crate) fn message(chat: &Chat) -> Draft {
    let customer = chat.customer();
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: chat.id.clone(),
        about: None,
        sender: Some(Sender {
            id: customer.id.clone(),
            role: customer.role.clone(),
            name: customer.name.clone(),
        }),
        body: DraftBody::Item {
            item_type: ItemType::Message,
            content_type: ContentType::TextPlain,
            content: Some("Words as people write them in a chat, some of them. ".repeat(3)),
        },
    }
}

fn append(chat: &Chat, version: u64, now: Timestamp) -> Commit {
    Commit {
        chat: chat.id.clone(),
        version,
        head: None,
        state: None,
        drafts: vec![message(chat)],
        key: Some(TokenKey { key: Uuid::new_v4().as_u128(), body: 1 }),
        answer: 0,
        now,
    }
}

/// The same rows, with an index of places and one of keys, by one connection that knows its batches. It
/// makes no ids, encodes no items, looks for no repeats and wakes no caller.
fn plain_inserts(batch: usize, batches: usize) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let mut connection = Connection::open(folder.path().join("plain.db"))?;
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8000;
         CREATE TABLE entries (chat INTEGER, seq INTEGER, time INTEGER, id BLOB, kind INTEGER,
                               contact BLOB, sender BLOB, key BLOB, text TEXT);
         CREATE UNIQUE INDEX entries_by_place ON entries (chat, seq);
         CREATE UNIQUE INDEX entries_by_key ON entries (chat, key);",
    )?;
    let now = Timestamp::from_millis(1_700_000_000_000);
    let chat = new_chat(now)?;
    let text = message(&chat).item_text(&chat.id, &item_id(now, 0), now);
    let id = *Uuid::now_v7().as_bytes();
    let mut seqs = [0_i64; CHATS];
    let (cpu_before, started) = (cpu()?, Instant::now());
    for number in 0..batches {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, 1, ?4, ?4, ?5, ?6)")?;
            for place in 0..batch {
                let chat = (number * batch + place) % CHATS;
                seqs[chat] += 1;
                let key = Uuid::new_v4();
                insert.execute((
                    chat as i64,
                    seqs[chat],
                    now.as_millis(),
                    &id,
                    key.as_bytes(),
                    &text,
                ))?;
            }
        }
        transaction.commit()?;
    }
    let rows = (batch * batches) as f64;
    Ok((rows / started.elapsed().as_secs_f64(), (cpu()? - cpu_before) * 1e6 / rows))
}
