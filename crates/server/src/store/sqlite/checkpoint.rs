//! Keeping the write-ahead log short.
//!
//! Every commit appends to the log; a checkpoint copies what is new in it into the database. A
//! *passive* checkpoint disturbs nobody, but the log begins anew only when a checkpoint caught up
//! with it while nobody reads from it, which under steady load never happens by itself. So: a thread
//! with its own connection runs a passive checkpoint each time the log has grown by a step; and once
//! one of those has run past the limit, the writer itself, between two commits, runs a *restart*,
//! which has only a little left to copy. At twice the limit it waits for the thread and then runs
//! one in any case, so the log's bound is that and one batch. Only a foreign program that reads the
//! file for long can keep the log from beginning anew; it grows then, and is copied all the same.
//!
//! A checkpoint that the disk fails ends the store. One that does not catch up with the writer is not
//! made durable by itself, only together with the next one that does; and when that fails, what the
//! earlier one copied is perhaps on no disk, though SQLite counts it as copied and would let the log
//! begin anew. The next start copies the whole log, from its beginning
//! (docs/adr/0017-nothing-is-read-back-from-a-cache.md).

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, ErrorCode, MAIN_DB, config::DbConfig, wal::CheckpointMode};

use super::PAGE_BYTES;

/// A page in the log, with its header.
const FRAME_BYTES: u64 = PAGE_BYTES + 24;

/// What the writer and the checkpointing thread tell each other, and the world.
#[derive(Default)]
pub(super) struct Checkpoints {
    asked: Mutex<Asked>,
    ask: Condvar,
    /// A passive checkpoint has run since the writer asked last.
    done: AtomicBool,
    /// Held while a checkpoint runs: two at once would refuse each other.
    running: Mutex<()>,
    /// The disk failed one. Set while `running` is held.
    failed_by_disk: AtomicBool,
    /// How long the log is, and the longest it was, in bytes.
    pub(super) wal_bytes: AtomicU64,
    pub(super) largest_wal_bytes: AtomicU64,
    /// Checkpoints by how they ended.
    pub(super) passive: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) failed: AtomicU64,
}

#[derive(Default)]
struct Asked {
    passive: bool,
    close: bool,
}

/// Makes a connection fit for checkpoints: before its first read, it does not know that there is a
/// log, and its checkpoints would do nothing.
pub(super) fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Writes the log that an earlier process left once more, byte for byte, and makes it durable. To be
/// called before anything of it is copied into the database at `path`.
///
/// That process may have died after it failed to make a commit durable. Its frames then stand in the
/// system's cache, look whole, and are on no disk; nor does the system try to write them again. A
/// database that has some of their pages and lost the others would be damaged
/// (docs/adr/0017-nothing-is-read-back-from-a-cache.md).
pub(super) fn write_log_again(path: &Path) -> io::Result<()> {
    let mut name = OsString::from(path);
    name.push("-wal");
    let mut log = match File::options().read(true).write(true).open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let count = log.read(&mut piece)?;
        if count == 0 {
            return log.sync_all();
        }
        log.seek(SeekFrom::Start(at))?;
        log.write_all(&piece[..count])?;
        at += count as u64;
    }
}

/// Empties the log that an earlier process left, before anything is added to it.
pub(super) fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    match connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            tracing::warn!(
                "another program reads the database: the log is added to, not begun anew"
            );
            Ok(())
        }
        result => result.map(drop),
    }
}

impl Checkpoints {
    /// Runs passive checkpoints when asked, until closed or until the disk fails one.
    pub(super) fn run(&self, connection: &Connection) -> rusqlite::Result<()> {
        loop {
            let mut asked = self.asked.lock();
            while !asked.passive && !asked.close {
                self.ask.wait(&mut asked);
            }
            if asked.close {
                return Ok(());
            }
            asked.passive = false;
            drop(asked);
            let running = self.running.lock();
            if self.failed_by_disk.load(Relaxed) {
                return Ok(());
            }
            match connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE) {
                Ok((frames, copied)) => {
                    tracing::trace!(frames, copied, "a passive checkpoint");
                    self.passive.fetch_add(1, Relaxed);
                }
                Err(error) => {
                    self.failed.fetch_add(1, Relaxed);
                    if self.is_by_disk(&error) {
                        return Err(error);
                    }
                    tracing::warn!(%error, "a checkpoint failed; the log grows until one succeeds");
                }
            }
            drop(running);
            self.done.store(true, Release);
        }
    }

    /// Whether it was the disk that failed a checkpoint; remembers it. A disk that is full does not
    /// count: what could not be written is in no cache, and SQLite takes it for not copied.
    fn is_by_disk(&self, error: &rusqlite::Error) -> bool {
        let is = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        self.failed_by_disk.fetch_or(is, Relaxed);
        is
    }

    /// Before a connection closes: once the disk has failed a checkpoint, the log stays as it is. The
    /// last connection to close would empty it.
    pub(super) fn keep_log_if_failed(&self, connection: &Connection) {
        if self.failed_by_disk.load(Relaxed)
            && let Err(error) =
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "the write-ahead log may be emptied while the disk fails");
        }
    }

    fn ask(&self) {
        self.done.store(false, Relaxed);
        self.asked.lock().passive = true;
        self.ask.notify_one();
    }

    pub(super) fn close(&self) {
        self.asked.lock().close = true;
        self.ask.notify_one();
    }
}

/// The writer's side: watches the log grow.
pub(super) struct LogWatch {
    checkpoints: Arc<Checkpoints>,
    /// Length of the log at which the next passive checkpoint is asked for, in bytes.
    next: u64,
    /// Length at which a restart is run without a passive checkpoint before it.
    late: u64,
    step: u64,
    limit: u64,
}

/// How long a restart waits for readers; all writes wait with it.
const PATIENCE: Duration = Duration::from_millis(100);

impl LogWatch {
    /// Watches the log that `connection`, the only one that writes, appends to. Replaces SQLite's
    /// own automatic checkpoints, which run inside of commits.
    pub(super) fn new(
        connection: &mut Connection,
        checkpoints: Arc<Checkpoints>,
        limit: u64,
    ) -> rusqlite::Result<Self> {
        let seen = Arc::clone(&checkpoints);
        connection.wal_hook(Some(
            move |_: &mut rusqlite::hooks::Wal, frames: std::ffi::c_int| {
                let bytes = frames as u64 * FRAME_BYTES;
                seen.wal_bytes.store(bytes, Relaxed);
                seen.largest_wal_bytes.fetch_max(bytes, Relaxed);
                Ok(())
            },
        ))?;
        let step = limit / 4;
        Ok(Self { checkpoints, next: step, late: 2 * limit, step, limit })
    }

    /// Between two commits: asks for a passive checkpoint or runs a restart, if it is time.
    ///
    /// Fails if the disk does: nothing may be written then, since nobody keeps the log from beginning
    /// anew.
    pub(super) fn tend(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let bytes = self.checkpoints.wal_bytes.load(Relaxed);
        if bytes + self.step < self.next {
            // The log began anew by itself: a passive checkpoint had caught up.
            self.next = self.step;
            self.late = 2 * self.limit;
        }
        if bytes >= self.next {
            self.next = bytes + self.step;
            self.checkpoints.ask();
        }
        let caught_up = bytes >= self.limit && self.checkpoints.done.swap(false, Acquire);
        if caught_up || bytes >= self.late {
            let _running = self.checkpoints.running.lock();
            if self.checkpoints.failed_by_disk.load(Relaxed) {
                return Ok(());
            }
            match restart(connection) {
                Ok(()) => {
                    self.checkpoints.restarts.fetch_add(1, Relaxed);
                    self.checkpoints.wal_bytes.store(0, Relaxed);
                    self.next = self.step;
                    self.late = 2 * self.limit;
                }
                Err(error) => {
                    self.checkpoints.failed.fetch_add(1, Relaxed);
                    if self.checkpoints.is_by_disk(&error) {
                        return Err(error);
                    }
                    tracing::debug!(%error, "the log could not begin anew yet");
                    self.late = self.late.max(bytes + self.step);
                }
            }
        }
        Ok(())
    }
}

fn restart(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    let result = connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::RESTART);
    connection.busy_timeout(super::PATIENCE)?;
    result.map(drop)
}
