//! The SQLite store passes the suite for stores, and keeps its own promises: one process at a time,
//! bounds, a short log, and nothing acknowledged lost to `kill -9` or a torn write.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use chatloom_engine::{Audience, Draft, DraftBody, Entry, EntryKind, entry::time_of_item};
use chatloom_server::store::{
    Commit, Committed, Created, Store, StoreError, TokenKey,
    conformance::{Data, sample},
    sqlite::{Options, Sqlite},
};
use chatloom_wire::{ContactId, ContentType, ItemType, Timestamp};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use rusqlite::Connection;
use tempfile::TempDir;

/// A file in a folder of its own, gone afterwards.
pub(crate) struct TemporaryFile {
    folder: TempDir,
}

impl TemporaryFile {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chatloom.db")
    }

    fn sqlite(&self) -> Sqlite {
        Sqlite::open(self.path(), Options::default()).unwrap()
    }
}

impl Data for TemporaryFile {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async { Arc::new(self.sqlite()) as Arc<dyn Store> }.boxed()
    }
}

mod conformance {
    chatloom_server::store_conformance!(super::TemporaryFile::new());
}

const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

pub(crate) fn contact(number: usize) -> ContactId {
    ContactId::from(format!("00000000-0000-4000-8000-{number:012}"))
}

pub(crate) async fn create(store: &Sqlite, number: usize) {
    let chat = sample(&contact(number), NOON);
    let created = store.create(Arc::new(chat), None, None).await.unwrap();
    assert!(matches!(created, Created::New));
}

pub(crate) fn say(number: usize, content: impl Into<String>) -> Commit {
    let draft = Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: contact(number),
        about: None,
        sender: None,
        body: DraftBody::Item {
            item_type: ItemType::Message,
            content_type: ContentType::TextPlain,
            content: Some(content.into()),
        },
    };
    Commit {
        chat: contact(number),
        version: 1,
        head: None,
        state: None,
        drafts: vec![draft],
        key: None,
        answer: 0,
        now: NOON,
    }
}

pub(crate) fn content(entry: &Entry) -> String {
    let item: serde_json::Value = serde_json::from_str(&entry.text).unwrap();
    item["Content"].as_str().unwrap().to_owned()
}

/// The log of a chat, which must be in order.
pub(crate) async fn log(store: &Sqlite, number: usize) -> Vec<Arc<Entry>> {
    let entries = store.entries_after(&contact(number), 0, u32::MAX).await.unwrap();
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry.seq, index as u64 + 1, "a hole or a double");
        assert_eq!(time_of_item(&entry.id), Some(entry.time));
    }
    assert!(entries.is_sorted_by(|a, b| a.time < b.time));
    entries
}

#[tokio::test]
async fn the_file_belongs_to_one_store_at_a_time() {
    let file = TemporaryFile::new();
    let store = file.sqlite();
    let error = Sqlite::open(file.path(), Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    assert!(error.to_string().contains("chatloom.db"), "{error}");
    store.close().await.unwrap();
    file.sqlite();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let file = TemporaryFile::new();
    file.sqlite().close().await.unwrap();
    let connection = Connection::open(file.path()).unwrap();
    connection.pragma_update(None, "user_version", 1_000).unwrap();
    let error = Sqlite::open(file.path(), Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 1_000, .. }), "{error}");
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1_000);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let file = TemporaryFile::new();
    let letter = "Dear reader, this is not a database. ".repeat(100);
    fs::write(file.path(), &letter).unwrap();
    let error = Sqlite::open(file.path(), Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    assert_eq!(fs::read_to_string(file.path()).unwrap(), letter);

    let nowhere = file.path().join("there/is/no/such/folder.db");
    let error = Sqlite::open(nowhere, Options::default()).unwrap_err().to_string();
    assert!(error.contains("such/folder.db"), "{error}");
}

#[tokio::test]
async fn more_writes_than_the_bound_are_refused() {
    let file = TemporaryFile::new();
    let options = Options { waiting_writes: 8, ..Options::default() };
    let store = Sqlite::open(file.path(), options).unwrap();
    create(&store, 1).await;
    // While somebody else has the database, the writer waits, and so does everything else.
    let other = Connection::open(file.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits = (0..100).map(|number| store.commit(say(1, number.to_string())));
    let release = async { other.execute_batch("COMMIT").unwrap() };
    let (results, ()) = tokio::join!(join_all(commits), release);

    let mut refused = 0;
    let mut told = Vec::new();
    for result in results {
        match result {
            Ok(Committed::Done { entries, .. }) => told.extend(entries),
            Err(StoreError::Overloaded { waiting }) => {
                assert_eq!(waiting, 8);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    // The writer may have taken one batch of up to 8 before the queue filled.
    assert!((84..=92).contains(&refused), "{refused} refused");
    told.sort_by_key(|entry| entry.seq);
    assert_eq!(log(&store, 1).await, told);
}

#[tokio::test]
async fn a_failed_transaction_fails_its_callers_and_nobody_else() {
    // The first leaves the transaction open, the second ends it.
    for how in ["ABORT", "ROLLBACK"] {
        let file = TemporaryFile::new();
        let store = file.sqlite();
        create(&store, 1).await;
        store.commit(say(1, "before")).await.unwrap();
        let saboteur = Connection::open(file.path()).unwrap();
        saboteur
            .execute_batch(&format!(
                "CREATE TRIGGER broken BEFORE INSERT ON entries WHEN new.text LIKE '%poison%'
                 BEGIN SELECT RAISE({how}, 'the disk is on fire'); END"
            ))
            .unwrap();
        let commits = ["good", "poison", "good"]
            .map(|content| store.commit(Commit { key: Some(key(content)), ..say(1, content) }));
        let results = join_all(commits).await;
        let error = results[1].as_ref().unwrap_err();
        assert!(matches!(error, StoreError::Database(text) if text.contains("on fire")), "{error}");

        // Whoever was told that it is done finds it, at the place that was told, before and after
        // more; and what was rolled back left no trace in what the writer remembers.
        let again = Commit { key: Some(key("good")), ..say(1, "good") };
        let again = store.commit(again).await.unwrap();
        store.commit(say(1, "after")).await.unwrap();
        let entries = log(&store, 1).await;
        let contents: Vec<_> = entries.iter().map(|entry| content(entry)).collect();
        assert_eq!(contents, ["before", "good", "after"]);
        match again {
            Committed::Done { entries: told, .. } => assert_eq!(told[0], entries[1]),
            Committed::Repeated { id, .. } => assert_eq!(id, entries[1].id),
            other => panic!("{other:?}"),
        }
        for result in results {
            match result {
                Ok(Committed::Done { entries: told, .. }) => assert_eq!(told[0], entries[1]),
                Ok(Committed::Repeated { id, .. }) => assert_eq!(id, entries[1].id),
                Err(StoreError::Database(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.stats().failed_transactions, 1);
    }
}

/// The row of a deleted chat stays for a while, under another name.
#[tokio::test]
async fn what_a_deleted_chat_leaves_is_no_chat() {
    let file = TemporaryFile::new();
    let store = file.sqlite();
    create(&store, 1).await;
    assert!(store.delete(&contact(1)).await.unwrap());
    let name: String = Connection::open(file.path())
        .unwrap()
        .query_row("SELECT id FROM chats", [], |row| row.get(0))
        .unwrap();
    assert!(store.chat(&name.as_str().into()).await.unwrap().is_none(), "{name}");
}

#[tokio::test]
async fn the_log_stays_short() {
    let file = TemporaryFile::new();
    let limit = 1 << 20;
    let store =
        Sqlite::open(file.path(), Options { wal_limit: limit, ..Options::default() }).unwrap();
    create(&store, 1).await;
    let (rounds, batch) = (400, 16);
    for round in 0..rounds {
        let commits = (0..batch)
            .map(|number| store.commit(say(1, format!("{round} {number} {}", "x".repeat(4_000)))));
        for result in join_all(commits).await {
            assert!(matches!(result, Ok(Committed::Done { .. })), "{result:?}");
        }
    }
    let stats = store.stats();
    let written = rounds * batch * 4_000;
    assert!(written > 20 << 20, "it is far more than the limit");
    // One batch of 16 rows of 4 KB dirties fewer than 32 pages of 8 KB.
    assert!(stats.largest_wal_bytes < 2 * limit + (32 << 13), "{stats:?}");
    assert!(stats.passive_checkpoints > 0, "{stats:?}");
    assert_eq!(stats.entries, rounds * batch);
    assert_eq!(log(&store, 1).await.len() as u64, rounds * batch);
    store.close().await.unwrap();
    assert!(!file.path().with_extension("db-wal").exists(), "closing leaves one file");
}

#[tokio::test]
async fn a_foreign_reader_holds_up_the_log_and_nothing_else() {
    let file = TemporaryFile::new();
    let limit = 1 << 18;
    let store =
        Sqlite::open(file.path(), Options { wal_limit: limit, ..Options::default() }).unwrap();
    create(&store, 1).await;
    let reader = Connection::open(file.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entries").unwrap();
    let burst = async || {
        let commits = (0..400).map(|_| store.commit(say(1, "x".repeat(4_000))));
        let results = join_all(commits).await;
        assert!(results.iter().all(|result| matches!(result, Ok(Committed::Done { .. }))));
    };
    burst().await;
    let held_up = store.stats();
    assert!(held_up.wal_bytes > 2 * limit && held_up.restarts == 0, "{held_up:?}");

    reader.execute_batch("COMMIT").unwrap();
    burst().await;
    burst().await;
    let stats = store.stats();
    assert!(stats.restarts > 0 || stats.wal_bytes < held_up.wal_bytes, "{stats:?}");
    assert_eq!(log(&store, 1).await.len(), 1_200);
}

#[tokio::test]
async fn a_seeded_generator_makes_the_same_ids_again() {
    let ids = |seed: u128| async move {
        let file = TemporaryFile::new();
        let mut random = seed;
        let options = Options {
            random: Box::new(move || {
                random = random.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) + 1;
                random
            }),
            ..Options::default()
        };
        let store = Sqlite::open(file.path(), options).unwrap();
        create(&store, 1).await;
        for _ in 0..3 {
            store.commit(say(1, "x")).await.unwrap();
        }
        log(&store, 1).await.into_iter().map(|entry| entry.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(1).await, ids(1).await);
    assert_ne!(ids(1).await, ids(2).await);
}

#[tokio::test]
async fn debug_shows_no_content() {
    let file = TemporaryFile::new();
    let store = file.sqlite();
    create(&store, 1).await;
    let commit = say(1, "my card number");
    let before = format!("{commit:?}");
    let committed = store.commit(commit).await.unwrap();
    let printed = format!("{before} {committed:?} {:?} {store:?}", log(&store, 1).await);
    assert!(!printed.contains("card"), "{printed}");
}

/// What a power cut leaves: the log up to some byte, after the last one that was made durable.
#[tokio::test]
async fn a_torn_log_holds_all_that_was_acknowledged() {
    let file = TemporaryFile::new();
    // No checkpoint runs, so the database itself stays as it is while it is copied.
    let store =
        Sqlite::open(file.path(), Options { wal_limit: 1 << 40, ..Options::default() }).unwrap();
    for number in 0..4 {
        create(&store, number).await;
    }
    let burst = async |from: usize, to: usize| {
        let commits = (from..to).map(|number| store.commit(say(number % 4, number.to_string())));
        let results = join_all(commits).await;
        assert!(results.iter().all(|result| matches!(result, Ok(Committed::Done { .. }))));
    };
    burst(0, 100).await;
    let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let durable = fs::metadata(wal(&file.path())).unwrap().len() as usize;
    for round in 1..=20 {
        burst(100 * round, 100 * round + 100).await;
    }
    let database = fs::read(file.path()).unwrap();
    let log_bytes = fs::read(wal(&file.path())).unwrap();
    assert!(log_bytes.len() > durable);

    for cut in 0..12 {
        let copy = TemporaryFile::new();
        let keep = durable + (log_bytes.len() - durable) * cut / 11;
        let mut torn = log_bytes[..keep].to_vec();
        // Beyond the cut, blocks that never arrived.
        torn.resize(log_bytes.len(), 0xff);
        fs::write(copy.path(), &database).unwrap();
        fs::write(wal(&copy.path()), torn).unwrap();
        let store = copy.sqlite();
        for number in 0..4 {
            let contents: Vec<_> =
                log(&store, number).await.iter().map(|entry| content(entry)).collect();
            let expected: Vec<_> = (0..2_100)
                .filter(|content| content % 4 == number)
                .map(|content| content.to_string())
                .collect();
            assert!(contents.len() >= 25, "{} of the first burst", contents.len());
            assert_eq!(contents, expected[..contents.len()]);
        }
        store.close().await.unwrap();
    }
}

/// Names the file of the process that is to be killed.
const VICTIM: &str = "CHATLOOM_TEST_STORE_VICTIM";

/// Not a test by itself: the process that [`killing_the_process_loses_nothing_acknowledged`] kills.
/// It writes without end and prints each write that was acknowledged.
#[tokio::test]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let round: usize = std::env::var("CHATLOOM_TEST_ROUND").unwrap().parse().unwrap();
    let store = Sqlite::open(path, Options { wal_limit: 1 << 20, ..Options::default() }).unwrap();
    let writers = (0..32_usize).map(|writer| {
        let store = &store;
        async move {
            for number in 0_u64.. {
                let content = format!("{round}/{writer}/{number}");
                let key = Some(key(&content));
                match store.commit(Commit { key, ..say(writer % 8, &content) }).await.unwrap() {
                    Committed::Done { entries, .. } => {
                        let entry = &entries[0];
                        // One write each, so that no line is cut in two by another.
                        let line = format!("{} {} {} {content}\n", writer % 8, entry.seq, entry.id);
                        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    join_all(writers).await;
}

pub(crate) fn key(content: &str) -> TokenKey {
    let number = content.bytes().fold(0_u128, |sum, byte| sum.rotate_left(8) ^ u128::from(byte));
    TokenKey { key: number, body: 1 }
}

#[tokio::test]
async fn killing_the_process_loses_nothing_acknowledged() {
    let file = TemporaryFile::new();
    let store = file.sqlite();
    for number in 0..8 {
        create(&store, number).await;
    }
    store.close().await.unwrap();

    let mut acknowledged: BTreeMap<String, (usize, u64, String)> = BTreeMap::new();
    // How many acknowledgements to wait for before the kill.
    for (round, patience) in [1, 700, 64, 2_500, 33, 311, 1_000].into_iter().enumerate() {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::victim", "--nocapture", "--quiet"])
            .env(VICTIM, file.path())
            .env("CHATLOOM_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = 0;
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let words: Vec<_> = line.split(' ').collect();
            // Everything else is the test harness's own. A last line may be cut.
            let [chat, seq, id, content] = words[..] else { continue };
            let (Ok(chat), Ok(seq)) = (chat.parse(), seq.parse()) else { continue };
            if content.split('/').count() != 3 || id.len() != 36 {
                continue;
            }
            acknowledged.insert(content.to_owned(), (chat, seq, id.to_owned()));
            seen += 1;
            if seen == patience {
                // SIGKILL; what it had printed by then is still read.
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(seen >= patience, "the victim ended by itself after {seen} writes");

        let store = file.sqlite();
        let mut stored = BTreeSet::new();
        for number in 0..8 {
            for entry in log(&store, number).await {
                let content = content(&entry);
                if let Some(told) = acknowledged.get(&content) {
                    assert_eq!(*told, (number, entry.seq, entry.id.as_str().to_owned()));
                }
                assert!(stored.insert(content), "{entry:?} is there twice");
            }
        }
        let lost: Vec<_> =
            acknowledged.keys().filter(|content| !stored.contains(*content)).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        // Whoever was not answered asks again, and it is there once.
        let unanswered: Vec<_> =
            stored.iter().filter(|content| !acknowledged.contains_key(*content)).collect();
        for content in unanswered {
            let writer: usize = content.split('/').nth(1).unwrap().parse().unwrap();
            let again = Commit { key: Some(key(content)), ..say(writer % 8, content) };
            let result = store.commit(again).await.unwrap();
            assert!(matches!(result, Committed::Repeated { .. }), "{result:?}");
        }
        store.close().await.unwrap();
    }
}
