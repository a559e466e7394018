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

use std::{
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
use rusqlite::{Connection, ErrorCode, MAIN_DB, wal::CheckpointMode};

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

/// Empties the log that an earlier process left, before anything is added to it.
///
/// That process may have died after it failed to make a commit durable. Its frames then stand in the
/// system's cache, look whole, and are nowhere else: what is written behind them would be lost with
/// them. Copied into the database they are written again, and so is the log from its beginning
/// (docs/adr/0017-nothing-is-read-back-from-a-cache.md).
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
    /// Runs passive checkpoints when asked, until closed.
    pub(super) fn run(&self, connection: &Connection) {
        loop {
            let mut asked = self.asked.lock();
            while !asked.passive && !asked.close {
                self.ask.wait(&mut asked);
            }
            if asked.close {
                return;
            }
            asked.passive = false;
            drop(asked);
            let running = self.running.lock();
            match connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE) {
                Ok((frames, copied)) => {
                    tracing::trace!(frames, copied, "a passive checkpoint");
                    self.passive.fetch_add(1, Relaxed)
                }
                Err(error) => {
                    tracing::warn!(%error, "a checkpoint failed; the log grows until one succeeds");
                    self.failed.fetch_add(1, Relaxed)
                }
            };
            drop(running);
            self.done.store(true, Release);
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
    pub(super) fn tend(&mut self, connection: &Connection) {
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
            match restart(connection) {
                Ok(()) => {
                    self.checkpoints.restarts.fetch_add(1, Relaxed);
                    self.checkpoints.wal_bytes.store(0, Relaxed);
                    self.next = self.step;
                    self.late = 2 * self.limit;
                }
                Err(error) => {
                    tracing::debug!(%error, "the log could not begin anew yet");
                    self.checkpoints.failed.fetch_add(1, Relaxed);
                    self.late = self.late.max(bytes + self.step);
                }
            }
        }
    }
}

fn restart(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    let result = connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::RESTART);
    connection.busy_timeout(super::PATIENCE)?;
    result.map(drop)
}
