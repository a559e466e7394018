//! The store inside the binary: one SQLite file.
//!
//! One thread writes. It takes whatever waits, does it in one transaction and replies after the
//! commit, so the cost of making a write durable is shared by all that came meanwhile. A few threads
//! read. One thread keeps the write-ahead log short. Each has its own connection, and the file
//! belongs to one process at a time.
//!
//! What a peer can fill has a bound: at most [`Options::waiting_writes`] writes and
//! [`Options::waiting_reads`] reads wait, and one more is refused with [`StoreError::Overloaded`].

pub mod backup;
mod checkpoint;
mod delete;
mod direct;
mod memory;
mod queue;
mod reader;
pub mod reading;
mod row;
mod schema;
mod writer;

use std::{
    ffi::OsString,
    fmt,
    fs::{File, TryLockError},
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use chatloom_engine::{Chat, Entry};
use chatloom_wire::{ContactId, ItemId, ParticipantId, Timestamp};
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

pub use self::direct::{Direct, InMemory};
use self::{
    checkpoint::{Checkpoints, LogWatch},
    queue::Queue,
    writer::{Counters, Lease, Reply, Write},
};
use super::{
    Answer, Commit, Committed, Created, Finished, FollowerPlace, FollowerStep, ItemQuery, Place,
    Store, StoreError, TokenKey, Versioned, Waiting,
};

/// Random bits for ids, 128 at a time.
pub type Random = Box<dyn FnMut() -> u128 + Send>;

/// The database's page size in bytes. Larger pages mean fewer of them dirtied by the rows of a
/// transaction, and more bytes written for each; 8 KB measured cheapest.
const PAGE_BYTES: u64 = 8_192;

/// How long a connection waits while a foreign program holds the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a [`Sqlite`] store works.
pub struct Options {
    /// Makes the random part of item ids. By default, bits that nobody outside can foresee.
    pub random: Random,
    /// How many writes may wait, not counting those in the transaction under way. Default 4,096.
    pub waiting_writes: usize,
    /// How many reads may wait. Default 4,096.
    pub waiting_reads: usize,
    /// How many threads read. Default 2.
    pub readers: usize,
    /// When the write-ahead log is longer than this many bytes, it is made to begin anew. It grows
    /// past that by what is written during one checkpoint. Default 64 MB.
    pub wal_limit: u64,
    /// Whether leases end when the file is opened: nobody else has it, so whoever held one is dead.
    /// Only for a file whose servers are all in one process. Default false.
    pub end_leases: bool,
}

impl Default for Options {
    fn default() -> Self {
        let keys = (RandomState::new(), RandomState::new());
        let mut count = 0_u64;
        Self {
            random: Box::new(move || {
                count += 1;
                u128::from(keys.0.hash_one(count)) << 64 | u128::from(keys.1.hash_one(count))
            }),
            waiting_writes: 4_096,
            waiting_reads: 4_096,
            readers: 2,
            wal_limit: 64 << 20,
            end_leases: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("waiting_writes", &self.waiting_writes)
            .field("waiting_reads", &self.waiting_reads)
            .field("readers", &self.readers)
            .field("wal_limit", &self.wal_limit)
            .field("end_leases", &self.end_leases)
            .finish_non_exhaustive()
    }
}

/// What a [`Sqlite`] store has done since it was opened, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed.
    pub transactions: u64,
    /// Writes in them; divided by `transactions`, the average batch.
    pub writes: u64,
    /// Entries appended.
    pub entries: u64,
    /// The most writes that were in one transaction.
    pub largest_batch: u64,
    /// Transactions that failed and were rolled back.
    pub failed_transactions: u64,
    /// Writes that wait now.
    pub waiting_writes: usize,
    /// Reads that wait now.
    pub waiting_reads: usize,
    /// Length of the write-ahead log's content in bytes, as of the last commit.
    pub wal_bytes: u64,
    /// The largest that was.
    pub largest_wal_bytes: u64,
    /// Passive checkpoints that ran.
    pub passive_checkpoints: u64,
    /// Times the log was made to begin anew.
    pub restarts: u64,
    /// Checkpoints that failed or met a reader in the way.
    pub failed_checkpoints: u64,
}

/// A store in one SQLite file. See the [module](self).
///
/// Dropping it without [`Store::close`] lets the threads finish what waits and end in their own time.
pub struct Sqlite {
    shared: Arc<Shared>,
    /// Every thread holds a sender; the channel closes when the last one ended.
    ended: watch::Receiver<()>,
}

struct Shared {
    writes: Queue<Write>,
    reads: Queue<Read>,
    checkpoints: Arc<Checkpoints>,
    counters: Counters,
    /// A thread has ended though the store was not closed.
    broken: watch::Sender<bool>,
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("stats", &self.stats()).finish()
    }
}

/// Words an error of the database: what was done when it failed.
fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Database(format!("{doing}: {error}"))
}

fn failed_io(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::Database(format!("{doing} {path}: {error}"))
}

impl Sqlite {
    /// Opens the file at `path`, or makes it, and brings its schema up to date.
    ///
    /// Blocks while it does so. To be called inside of the runtime that will use it, where there is
    /// one: replies to many callers at once then cost less.
    ///
    /// Fails with [`StoreError::InUse`] while another process, or another `Sqlite` of this one, has
    /// the file open, and with [`StoreError::TooNew`] when a newer program wrote it. Beside the file,
    /// SQLite keeps two of its own (`-wal`, `-shm`) and the store an empty `-lock`; all belong
    /// together.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = Arc::new(lock(path)?);
        checkpoint::write_log_again(path)
            .map_err(failed_io("writing the write-ahead log again, of", path))?;
        let mut writer =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
                .and_then(prepare_writer)
                .map_err(failed("opening the database"))?;
        checkpoint::begin_anew(&writer).map_err(failed("emptying the write-ahead log"))?;
        schema::migrate(&mut writer)?;
        if options.end_leases {
            writer.execute("DELETE FROM leases", []).map_err(failed("ending leases"))?;
        }
        let checkpoints = Arc::new(Checkpoints::default());
        let log = LogWatch::new(&mut writer, Arc::clone(&checkpoints), options.wal_limit)
            .map_err(failed("opening the database"))?;
        let shared = Arc::new(Shared {
            writes: Queue::new(options.waiting_writes),
            reads: Queue::new(options.waiting_reads),
            checkpoints,
            counters: Counters::default(),
            broken: watch::Sender::new(false),
        });
        let (alive, ended) = watch::channel(());
        let checkpointer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .and_then(checkpoint::prepare)
            .map_err(failed("opening the database for checkpoints"))?;
        let spawner = Spawner { shared: &shared, lock, alive };
        // From here on, dropping the store ends the threads that were started.
        let store = Self { shared: Arc::clone(&shared), ended };

        spawner.spawn("store-checkpoints", move |shared| {
            let checkpointer = checkpointer;
            if let Err(error) = shared.checkpoints.run(&checkpointer) {
                tracing::error!(%error, "the disk failed a checkpoint; a start copies the log anew");
            }
            shared.checkpoints.keep_log_if_failed(&checkpointer);
        })?;
        let others = Arc::new(Others(Arc::clone(&shared)));
        let random = options.random;
        let runtime = Handle::try_current().ok();
        spawner.spawn("store-writer", {
            let others = Arc::clone(&others);
            move |shared| {
                let _others = others;
                let writer = writer;
                let (queue, counters) = (&shared.writes, &shared.counters);
                if let Err(error) =
                    writer::run(&writer, queue, counters, log, random, runtime.as_ref())
                {
                    tracing::error!(%error, "the store can write no more");
                }
                shared.checkpoints.keep_log_if_failed(&writer);
            }
        })?;
        for _ in 0..options.readers.max(1) {
            let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
                .map_err(failed("opening the database to read"))?;
            let others = Arc::clone(&others);
            spawner.spawn("store-reader", move |shared| {
                let _others = others;
                let reader = reader;
                while let Some(read) = shared.reads.take() {
                    read(&reader);
                }
            })?;
        }
        Ok(store)
    }

    /// What it has done and holds.
    pub fn stats(&self) -> Stats {
        let Shared { writes, reads, checkpoints, counters, broken: _ } = &*self.shared;
        Stats {
            transactions: counters.transactions.load(Relaxed),
            writes: counters.writes.load(Relaxed),
            entries: counters.entries.load(Relaxed),
            largest_batch: counters.largest_batch.load(Relaxed),
            failed_transactions: counters.failed_transactions.load(Relaxed),
            waiting_writes: writes.len(),
            waiting_reads: reads.len(),
            wal_bytes: checkpoints.wal_bytes.load(Relaxed),
            largest_wal_bytes: checkpoints.largest_wal_bytes.load(Relaxed),
            passive_checkpoints: checkpoints.passive.load(Relaxed),
            restarts: checkpoints.restarts.load(Relaxed),
            failed_checkpoints: checkpoints.failed.load(Relaxed),
        }
    }

    async fn write<T>(&self, make: impl FnOnce(Reply<T>) -> Write) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.writes.push(make(reply))?;
        // The writer drops a reply only when it stopped for good.
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.reads.push(Box::new(move |connection| {
            // Whoever asked may have gone while this waited.
            if !reply.is_closed() {
                drop(reply.send(read(connection).map_err(failed(doing))));
            }
        }))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        self.writes.close();
        self.reads.close();
    }

    /// Refuses everything from now on, what waits as well.
    fn abandon(&self) {
        self.writes.abandon();
        self.reads.abandon();
        self.broken.send_replace(true);
    }
}

/// Held by every thread but the checkpointing one, which ends when all of these are gone: the last
/// connection to close must be one that can write, because it is the one that empties the log.
struct Others(Arc<Shared>);

impl Drop for Others {
    fn drop(&mut self) {
        self.0.checkpoints.close();
    }
}

/// Held by each thread while it runs. When one ends before the store is closed, by a panic too, nobody
/// waits for it in vain, and the store does not look as if all was well: it is broken as a whole.
struct Alive<'a>(&'a Shared);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        if thread::panicking() || self.0.writes.is_open() {
            self.0.abandon();
        }
    }
}

struct Spawner<'a> {
    shared: &'a Arc<Shared>,
    lock: Arc<Lock>,
    alive: watch::Sender<()>,
}

impl Spawner<'_> {
    fn spawn(
        &self,
        name: &str,
        run: impl FnOnce(&Shared) + Send + 'static,
    ) -> Result<(), StoreError> {
        let (shared, lock, alive) =
            (Arc::clone(self.shared), Arc::clone(&self.lock), self.alive.clone());
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                {
                    let _alive = Alive(&shared);
                    run(&shared);
                }
                // In this order: when the last thread has told its end, the file is free.
                drop(lock);
                drop(alive);
            })
            .map(drop)
            .map_err(|error| StoreError::Database(format!("starting a thread: {error}")))
    }
}

/// The file, taken for this process. The operating system frees it when the process dies.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file would not do at once: a program that is just being started, a scanner
        // for instance, has a copy of it for the moment before its own code runs. Should this fail,
        // closing does it a moment later.
        let _ = self.0.unlock();
    }
}

/// Takes the file for this process.
fn lock(path: &Path) -> Result<Lock, StoreError> {
    let mut name = OsString::from(path);
    name.push("-lock");
    let name = Path::new(&name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)
        .map_err(failed_io("opening", name))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(failed_io("locking", name)(error)),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection stays with one thread at a time, so SQLite need not lock it.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Else a statement whose plan might depend on the value of a parameter, such as a limit, is
    // prepared anew each time that parameter is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// For a program that only reads, beside a server or without one. It leaves the log of a server that has
/// died to the next start: whoever closes a database last would empty it otherwise
/// (docs/adr/0017-nothing-is-read-back-from-a-cache.md).
fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    // To read a database with a log, it has to be opened for writing.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn prepare_writer(connection: Connection) -> rusqlite::Result<Connection> {
    // Before the first page is written; an older file keeps its size.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| {
        // Some file systems cannot share memory; SQLite then keeps another mode without an error.
        match row.get_ref(0)?.as_str()? {
            "wal" => Ok(()),
            other => Err(rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                format!("its file system allows journal mode {other} only, not WAL").into(),
            )),
        }
    })?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is replaced, such as the state of a chat, leaves nothing behind in its page.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
    // In KB: the pages that open chats append to stay in memory, some thousand chats' at least; those
    // of more come from the operating system's memory, which costs microseconds.
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

impl Store for Sqlite {
    fn create(
        &self,
        chat: Arc<Chat>,
        key: Option<TokenKey>,
        most: Option<u64>,
    ) -> Answer<'_, Created> {
        Box::pin(async move {
            let state = state_text(&chat)?;
            self.write(|reply| Write::Create { chat, state, key, most, reply }).await
        })
    }

    fn chat(&self, chat: &ContactId) -> Answer<'_, Option<Versioned>> {
        let chat = chat.clone();
        Box::pin(self.read("reading a chat", move |c| reader::chat(c, &chat)))
    }

    fn chat_of_contact(&self, contact: &ContactId) -> Answer<'_, Option<ContactId>> {
        let contact = contact.clone();
        Box::pin(self.read("reading a contact", move |c| reader::chat_of_contact(c, &contact)))
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Committed> {
        Box::pin(async move {
            // Here rather than in the writer, where everybody would wait for it.
            let state = commit.state.as_deref().map(state_text).transpose()?;
            self.write(|reply| Write::Commit { commit, state, reply }).await
        })
    }

    fn items(&self, query: ItemQuery) -> Answer<'_, Vec<Arc<Entry>>> {
        Box::pin(self.read("reading a transcript", move |c| reader::items(c, &query)))
    }

    fn place(&self, chat: &ContactId, of: Place) -> Answer<'_, Option<u64>> {
        let chat = chat.clone();
        Box::pin(self.read("looking for a place", move |c| reader::place_of(c, &chat, of)))
    }

    fn about(&self, chat: &ContactId, items: Vec<ItemId>) -> Answer<'_, Vec<Arc<Entry>>> {
        let chat = chat.clone();
        Box::pin(self.read("reading receipts", move |c| reader::about(c, &chat, &items)))
    }

    fn entries_after(&self, chat: &ContactId, seq: u64, limit: u32) -> Answer<'_, Vec<Arc<Entry>>> {
        let chat = chat.clone();
        Box::pin(self.read("reading entries", move |c| reader::entries_after(c, &chat, seq, limit)))
    }

    fn last_said(
        &self,
        chat: &ContactId,
        sender: &ParticipantId,
        after: Timestamp,
    ) -> Answer<'_, Option<Timestamp>> {
        let (chat, sender) = (chat.clone(), sender.clone());
        Box::pin(self.read("looking for the last words", move |c| {
            reader::last_said(c, &chat, &sender, after)
        }))
    }

    fn heads(&self, chats: Vec<ContactId>) -> Answer<'_, Vec<u64>> {
        Box::pin(self.read("reading heads", move |c| reader::heads(c, &chats)))
    }

    fn waiting(&self, queue: &str, limit: u32) -> Answer<'_, Waiting> {
        let queue = queue.to_owned();
        Box::pin(self.read("reading a queue", move |c| reader::waiting(c, &queue, limit)))
    }

    fn due(&self, now: Timestamp, limit: u32) -> Answer<'_, Vec<ContactId>> {
        Box::pin(self.read("reading timers", move |c| reader::due(c, now, limit)))
    }

    fn scanning(&self, limit: u32) -> Answer<'_, Vec<ContactId>> {
        Box::pin(self.read("reading scans", move |c| reader::scanning(c, limit)))
    }

    fn finished(
        &self,
        from: (Timestamp, u64),
        before: Timestamp,
        limit: u32,
    ) -> Answer<'_, Vec<Finished>> {
        Box::pin(
            self.read("reading finished chats", move |c| reader::finished(c, from, before, limit)),
        )
    }

    fn chats_from(&self, from: u64, limit: u32) -> Answer<'_, Vec<(u64, Versioned)>> {
        Box::pin(self.read("reading chats", move |c| reader::chats_from(c, from, limit)))
    }

    fn delete(&self, chat: &ContactId) -> Answer<'_, bool> {
        let chat = chat.clone();
        Box::pin(self.write(|reply| Write::Delete { chat, reply }))
    }

    fn sweep_deleted(&self, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.write(move |reply| Write::Sweep { limit, reply }))
    }

    fn followers_due(&self, now: Timestamp, each: u32) -> Answer<'_, Vec<FollowerPlace>> {
        Box::pin(self.read("reading followers", move |c| reader::followers_due(c, now, each)))
    }

    fn advance(&self, step: FollowerStep) -> Answer<'_, bool> {
        Box::pin(self.write(|reply| Write::Advance { step, reply }))
    }

    fn lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Answer<'_, bool> {
        let lease = Lease { name: name.to_owned(), holder: holder.to_owned(), now, until };
        Box::pin(self.write(|reply| Write::Lease { lease, reply }))
    }

    fn broken(&self) -> BoxFuture<'_, ()> {
        let mut broken = self.shared.broken.subscribe();
        Box::pin(async move {
            broken.wait_for(|broken| *broken).await.expect("the store has the sender");
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            self.shared.close();
            // Nothing is ever sent: this ends when every thread has dropped its sender.
            while ended.changed().await.is_ok() {}
            Ok(())
        })
    }
}

fn state_text(chat: &Chat) -> Result<String, StoreError> {
    serde_json::to_string(chat)
        .map_err(|error| StoreError::Database(format!("writing the state of a chat: {error}")))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// No test can cut the power: this is what makes the disk keep a commit before it is answered.
    #[test]
    fn the_writer_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let writer = connect(&folder.path().join("x.db"), flags).and_then(prepare_writer).unwrap();
        let pragma = |name| {
            writer.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
        };
        assert_eq!(pragma("synchronous").unwrap(), 2.into(), "FULL");
        assert_eq!(pragma("journal_mode").unwrap(), "wal".to_owned().into());
        assert_eq!(pragma("page_size").unwrap(), (PAGE_BYTES as i64).into());
    }

    /// However one of its threads ends: nobody waits in vain, and the whole store says so.
    #[tokio::test]
    async fn a_thread_that_dies_breaks_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { readers: 2, ..Options::default() };
        let store = Sqlite::open(folder.path().join("x.db"), options).unwrap();
        assert!(store.broken().now_or_never().is_none());
        let read = store.read::<()>("reading", |_| panic!("one of the readers is to die")).await;
        assert!(matches!(read, Err(StoreError::Closed)), "{read:?}");
        store.broken().await;
        let later = store.heads(Vec::new()).await;
        assert!(matches!(later, Err(StoreError::Closed)), "{later:?}");
        let later = store.sweep_deleted(1).await;
        assert!(matches!(later, Err(StoreError::Closed)), "{later:?}");
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_store_that_is_closed_is_not_broken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("x.db"), Options::default()).unwrap();
        store.close().await.unwrap();
        assert!(store.broken().now_or_never().is_none());
    }

    /// A program that is being started has a copy of every open file until its own code runs.
    #[test]
    fn a_closed_file_is_free_though_somebody_has_a_copy_of_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let taken = lock(&path).unwrap();
        let copy = taken.0.try_clone().unwrap();
        assert!(matches!(lock(&path), Err(StoreError::InUse(_))));
        drop(taken);
        lock(&path).unwrap();
        drop(copy);
    }
}
