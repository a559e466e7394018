//! A disk that is full, that fails to make things durable, and that loses its power, under the real
//! store and server (docs/adr/0017-nothing-is-read-back-from-a-cache.md).

mod shadow;
mod vfs;

use std::sync::{Arc, Mutex};

use chatloom_server::{
    Config,
    store::{
        Commit, Committed, Store as _, StoreError,
        sqlite::{Options, Sqlite},
    },
};
use futures_util::{FutureExt as _, future::join_all};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use self::shadow::{Dice, Disk, Syncs};
use crate::{
    store::{content, create, key, log, say},
    support::{Person, Site, clock, start_request, text},
};

/// A folder on a disk of its own.
struct Drive {
    folder: TempDir,
    disk: Arc<Disk>,
}

impl Drive {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = vfs::insert(folder.path(), seed);
        Self { folder, disk }
    }

    fn open(&self, wal_limit: u64) -> Result<Sqlite, StoreError> {
        let path = self.folder.path().join("chatloom.db");
        self.disk.watch_writes_past_it();
        Sqlite::open(path, Options { wal_limit, ..Options::default() })
    }

    /// The same after the process was killed: the kernel's cache is still there.
    fn after_a_kill(&self, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = self.disk.after_a_kill(folder.path(), seed);
        Self { folder, disk }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.disk.take_out();
    }
}

const LIMIT: u64 = 64 << 20;
const CHATS: usize = 4;

/// Writes messages at once; the contents of those that were acknowledged.
async fn burst(store: &Sqlite, contents: impl Iterator<Item = usize>) -> Vec<usize> {
    let commits = contents.map(|number| async move {
        let name = number.to_string();
        let long = format!("{name} {}", ".".repeat(number * 97 % 3_000));
        let commit = Commit { key: Some(key(&name)), ..say(number % CHATS, long) };
        match store.commit(commit).await {
            Ok(Committed::Done { .. } | Committed::Repeated { .. }) => Some(number),
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Database(_) | StoreError::Closed) => None,
            Err(error) => panic!("{error}"),
        }
    });
    join_all(commits).await.into_iter().flatten().collect()
}

/// The contents of all messages, of which each is there once.
async fn kept(store: &Sqlite) -> Vec<usize> {
    let mut kept = Vec::new();
    for chat in 0..CHATS {
        for entry in log(store, chat).await {
            kept.push(content(&entry).split(' ').next().unwrap().parse().unwrap());
        }
    }
    kept.sort_unstable();
    assert!(kept.is_sorted_by(|a, b| a < b), "something is there twice: {kept:?}");
    kept
}

fn assert_has_all(kept: &[usize], acknowledged: &[usize], seed: u64) {
    let lost: Vec<_> = acknowledged.iter().filter(|one| !kept.contains(one)).collect();
    assert!(lost.is_empty(), "seed {seed}: {lost:?} of {} are lost", acknowledged.len());
}

/// Cuts the power, and looks at what is left: all that was acknowledged, in a sound database that can
/// be written to.
async fn look_after_a_power_cut(left: &TempDir, acknowledged: &[usize], seed: u64) {
    let path = left.path().join("chatloom.db");
    let store = Sqlite::open(&path, Options::default()).unwrap();
    assert_has_all(&kept(&store).await, acknowledged, seed);
    let next = [1_000_000];
    assert_eq!(burst(&store, next.into_iter()).await, next);
    store.close().await.unwrap();
    let connection = Connection::open(&path).unwrap();
    let check = connection.pragma_query_value(None, "integrity_check", |row| row.get(0));
    let verdict: String = check.unwrap();
    assert_eq!(verdict, "ok", "seed {seed}");
}

/// Whether the store has ended, as it does when the disk fails a checkpoint.
fn has_ended(store: &Sqlite) -> bool {
    store.broken().now_or_never().is_some()
}

/// Starts anew until the disk allows it, as a service manager does.
async fn start_again(store: Sqlite, drive: &Drive, wal_limit: u64) -> Sqlite {
    store.close().await.unwrap();
    drop(store);
    loop {
        match drive.open(wal_limit) {
            Ok(store) => return store,
            Err(StoreError::Database(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn with_chats(drive: &Drive, wal_limit: u64) -> Sqlite {
    let store = drive.open(wal_limit).unwrap();
    for number in 0..CHATS {
        create(&store, number).await;
    }
    store
}

/// Wherever in a transaction the room ends, the transaction fails as a whole; with room again the same
/// store goes on.
#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let drive = Drive::new(1);
    let store = with_chats(&drive, LIMIT).await;
    let mut acknowledged = burst(&store, 0..20).await;
    assert_eq!(acknowledged.len(), 20);
    let mut next = 20;
    let mut refused = 0;
    for room in [0, 1, 23, 24, 100, 8_191, 8_216, 8_217, 16_432, 30_000, 50_000] {
        drive.disk.leave_room_for(room);
        let taken = burst(&store, next..next + 30).await;
        refused += 30 - taken.len();
        acknowledged.extend(taken);
        assert_has_all(&kept(&store).await, &acknowledged, room);
        drive.disk.leave_room_for(u64::MAX);
        // With the same keys: what was refused is done now, and nothing twice.
        let again = burst(&store, next..next + 30).await;
        assert_eq!(again.len(), 30, "there is room again");
        acknowledged.extend(again);
        next += 30;
    }
    assert!(refused >= 30 * 5, "{refused}");
    acknowledged.sort_unstable();
    acknowledged.dedup();
    let left = tempfile::tempdir().unwrap();
    drive.disk.cut_now(left.path());
    look_after_a_power_cut(&left, &acknowledged, 1).await;
    store.close().await.unwrap();
}

/// What was not made durable is written again before anything after it is acknowledged.
#[tokio::test]
async fn after_a_failed_sync_nothing_is_taken_for_durable() {
    for seed in 0..10 {
        let drive = Drive::new(seed);
        let store = with_chats(&drive, LIMIT).await;
        let mut acknowledged = burst(&store, 0..10).await;
        drive.disk.set_syncs(Syncs::Fail);
        assert_eq!(burst(&store, 10..30).await, [0_usize; 0], "nothing is durable");
        assert_has_all(&acknowledged, &kept(&store).await, seed);
        drive.disk.set_syncs(Syncs::Work);
        let after = burst(&store, 30..35).await;
        assert_eq!(after.len(), 5);
        acknowledged.extend(after);
        let left = tempfile::tempdir().unwrap();
        drive.disk.cut_now(left.path());
        look_after_a_power_cut(&left, &acknowledged, seed).await;
        store.close().await.unwrap();
    }
}

/// A commit that failed may stand whole in the kernel's cache, and nowhere else. A process that begins
/// there takes it for done, and what it writes behind it would be lost with it.
#[tokio::test]
async fn a_start_after_a_failed_sync_and_a_kill_builds_on_nothing_that_is_not_durable() {
    for seed in 0..20 {
        let drive = Drive::new(seed);
        let store = with_chats(&drive, LIMIT).await;
        let mut acknowledged = burst(&store, 0..10).await;
        drive.disk.set_syncs(Syncs::Fail);
        assert_eq!(burst(&store, 10..30).await, [0_usize; 0], "nothing is durable");

        let next = drive.after_a_kill(seed);
        let started = next.open(LIMIT).unwrap();
        acknowledged.extend(burst(&started, 30..50).await);
        assert_eq!(acknowledged.len(), 30);
        let left = tempfile::tempdir().unwrap();
        next.disk.cut_now(left.path());
        look_after_a_power_cut(&left, &acknowledged, seed).await;
        started.close().await.unwrap();
        drop(store);
    }
}

/// The same when the power goes while the start copies what it found: what is copied is in the log for
/// sure.
#[tokio::test]
async fn the_power_may_go_during_a_start_after_a_failed_sync_and_a_kill() {
    let limit = 256 << 10;
    let mut cuts = 0;
    for seed in 0..40 {
        let drive = Drive::new(seed);
        let store = with_chats(&drive, limit).await;
        let mut acknowledged = Vec::new();
        let mut next = 0;
        // Until the log has begun anew: pages that it no longer has are in the database alone.
        while store.stats().restarts == 0 {
            acknowledged.extend(burst(&store, next..next + 20).await);
            next += 20;
        }
        drive.disk.set_syncs(Syncs::Fail);
        assert_eq!(burst(&store, next..next + 60).await, [0_usize; 0], "nothing is durable");

        let next_drive = drive.after_a_kill(seed);
        let left = tempfile::tempdir().unwrap();
        next_drive.disk.cut_after(1 + seed % 20, left.path(), || {});
        let started = next_drive.open(limit).unwrap();
        next_drive.disk.no_more_cut();
        if left.path().join("chatloom.db").exists() {
            cuts += 1;
            look_after_a_power_cut(&left, &acknowledged, seed).await;
        }
        started.close().await.unwrap();
        drop(store);
    }
    assert!(cuts > 20, "{cuts}");
}

/// What a checkpoint copies while the writer goes on is made durable by a later one. When that one
/// fails, nobody knows what of the former is on the disk, so that all of the log has to be copied again.
#[tokio::test]
async fn a_checkpoint_that_the_disk_fails_ends_the_store_and_the_next_start_copies_all() {
    for seed in 0..20 {
        let drive = Drive::new(seed);
        let limit = 256 << 10;
        let mut store = with_chats(&drive, limit).await;
        drive.disk.set_syncs(Syncs::FailOneOfDatabase(3));
        let mut acknowledged = Vec::new();
        let mut next = 0;
        while !has_ended(&store) {
            acknowledged.extend(burst(&store, next..next + 20).await);
            next += 20;
            assert!(next < 10_000, "checkpoints run, and one of three fails");
        }
        drive.disk.set_syncs(Syncs::Work);
        store = start_again(store, &drive, limit).await;
        // So many that the log has begun anew since.
        for _ in 0..20 {
            acknowledged.extend(burst(&store, next..next + 20).await);
            next += 20;
        }
        let left = tempfile::tempdir().unwrap();
        drive.disk.cut_now(left.path());
        look_after_a_power_cut(&left, &acknowledged, seed).await;
        store.close().await.unwrap();
    }
}

/// The power goes at any moment, also in the middle of a write, a checkpoint or a start; now and then
/// the disk is full or fails to make something durable, and a process is killed.
#[tokio::test]
async fn power_cuts_lose_nothing_acknowledged() {
    let mut failed_syncs = 0;
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut drive = Drive::new(seed);
        // Short, so that checkpoints run and the log begins anew.
        let limit = 256 << 10;
        let mut store = with_chats(&drive, limit).await;
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let at_the_cut = Arc::new(Mutex::new(Vec::new()));
        let left = tempfile::tempdir().unwrap();
        if dice.below(3) > 0 {
            drive.disk.set_syncs(Syncs::FailOneOf(2 + dice.below(12)));
        }
        let cut_in = dice.below(10);
        let mut next = 0;
        for step in 0..10 {
            if step == cut_in {
                let (now, then) = (Arc::clone(&acknowledged), Arc::clone(&at_the_cut));
                drive.disk.cut_after(dice.below(60), left.path(), move || {
                    then.lock().unwrap().clone_from(&now.lock().unwrap());
                });
            }
            if dice.below(6) == 0 {
                drive.disk.leave_room_for(dice.below(60_000));
            }
            for _ in 0..dice.below(4) {
                let count = 1 + dice.below(40) as usize;
                let done = burst(&store, next..next + count).await;
                acknowledged.lock().unwrap().extend(done);
                next += count;
            }
            drive.disk.leave_room_for(u64::MAX);
            if has_ended(&store) {
                store = start_again(store, &drive, limit).await;
            }
            if step > cut_in && dice.below(8) == 0 {
                failed_syncs += drive.disk.failed_syncs();
                drive.disk.no_more_cut();
                drive = drive.after_a_kill(dice.next());
                store = drive.open(limit).unwrap();
            }
        }
        // A checkpoint may be under way, and the cut in the middle of it.
        drive.disk.no_more_cut();
        {
            let at_the_cut = at_the_cut.lock().unwrap().clone();
            if left.path().join("chatloom.db").exists() {
                look_after_a_power_cut(&left, &at_the_cut, seed).await;
            }
        }
        failed_syncs += drive.disk.failed_syncs();
        drive.disk.set_syncs(Syncs::Work);
        let last = tempfile::tempdir().unwrap();
        let acknowledged = acknowledged.lock().unwrap().clone();
        drive.disk.cut_now(last.path());
        look_after_a_power_cut(&last, &acknowledged, seed).await;
        drop(store);
    }
    assert!(failed_syncs > 50, "{failed_syncs}");
}

/// A server on a disk of its own, with a customer in a chat.
async fn site(seed: u64) -> (Site, Arc<Disk>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = vfs::insert(folder.path(), seed);
    let mut config = Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let clock = clock();
    let running = chatloom_server::Server::start(config.clone(), clock.clone()).await.unwrap();
    (Site::of(running, clock, config, folder), disk)
}

async fn try_to_say(customer: &Person<'_>, content: &str) -> (u16, String) {
    let body = json!({ "ContentType": "text/plain", "Content": content, "ClientToken": content });
    let answer = customer.call("message", &body).await;
    let kind =
        if answer.status == 200 { text(&answer.ok()["Id"]) } else { answer.error().1.to_owned() };
    (answer.status, kind)
}

/// Whatever the disk cannot do is answered 500 and not done, what can be read is read, and the server
/// goes on by itself when the disk does.
#[tokio::test]
async fn a_server_goes_on_when_its_disk_does() {
    let (mut site, disk) = site(7).await;
    {
        let (customer, _socket) = site.customer("Jane").await;
        customer.say("before").await;
        let failed = (500, "InternalServerException".to_owned());
        for (number, break_it) in [(|disk: &Disk| disk.leave_room_for(10)) as fn(&Disk), |disk| {
            disk.set_syncs(Syncs::Fail);
        }]
        .into_iter()
        .enumerate()
        {
            let word = format!("refused {number}");
            let before = customer.transcript().await.len();
            break_it(&disk);
            for _ in 0..3 {
                assert_eq!(try_to_say(&customer, &word).await, failed);
            }
            assert_eq!(customer.transcript().await.len(), before);
            let start = site.signed("PUT", "/contact/chat", &start_request("Ben")).await;
            assert_eq!(start.error(), (500, "InternalServiceException"));
            assert_eq!(site.get("/readyz").await.status, 200, "reading goes on");
            disk.leave_room_for(u64::MAX);
            disk.set_syncs(Syncs::Work);
            let (status, id) = try_to_say(&customer, &word).await;
            assert_eq!(status, 200, "{id}");
            assert_eq!(try_to_say(&customer, &word).await, (200, id), "it is done once");
            assert_eq!(customer.messages().await.iter().filter(|said| **said == word).count(), 1);
        }
    }
    site.stop().await;
    disk.take_out();
}
