//! What writing does, and the one thread that does it.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use chatloom_engine::{Chat, Draft, Entry, FollowerId, entry::item_id};
use chatloom_wire::{ContactId, ItemId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql, params};
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    Random,
    checkpoint::LogWatch,
    delete, failed,
    memory::{Keys, Known, Memory},
    queue::Queue,
    row::{self, IdIn, IdOut, audience},
};
use crate::store::{Commit, Committed, Created, FIRST_VERSION, FollowerStep, StoreError, TokenKey};

/// Something to write.
pub(super) enum Write {
    Create {
        chat: Arc<Chat>,
        state: String,
        key: Option<TokenKey>,
        most: Option<u64>,
        reply: Reply<Created>,
    },
    Commit {
        commit: Commit,
        state: Option<String>,
        reply: Reply<Committed>,
    },
    Advance {
        step: FollowerStep,
        reply: Reply<bool>,
    },
    Lease {
        lease: Lease,
        reply: Reply<bool>,
    },
    Delete {
        chat: ContactId,
        reply: Reply<bool>,
    },
    Sweep {
        limit: u32,
        reply: Reply<u64>,
    },
}

pub(super) struct Lease {
    pub(super) name: String,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A write that was done, and waits with its reply until the transaction is durable.
enum Done {
    Create(Reply<Created>, Result<Created, StoreError>),
    Commit(Reply<Committed>, Result<Committed, StoreError>),
    /// Whether a lease, a deletion or a step was taken.
    Answer(Reply<bool>, Result<bool, StoreError>),
    Sweep(Reply<u64>, Result<u64, StoreError>),
}

impl Done {
    /// Nobody may be waiting any more; then the reply is nobody's loss.
    fn send(self) {
        match self {
            Self::Create(reply, result) => drop(reply.send(result)),
            Self::Commit(reply, result) => drop(reply.send(result)),
            Self::Answer(reply, result) => drop(reply.send(result)),
            Self::Sweep(reply, result) => drop(reply.send(result)),
        }
    }

    fn failed(self, error: StoreError) {
        match self {
            Self::Create(reply, _) => drop(reply.send(Err(error))),
            Self::Commit(reply, _) => drop(reply.send(Err(error))),
            Self::Answer(reply, _) => drop(reply.send(Err(error))),
            Self::Sweep(reply, _) => drop(reply.send(Err(error))),
        }
    }
}

/// Why a write was not done.
pub(super) enum Failure {
    /// For a reason of its own; the others of the batch are unharmed.
    Own(StoreError),
    /// The database failed; the whole batch is rolled back.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// What the writer counts.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) transactions: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) entries: AtomicU64,
    pub(super) largest_batch: AtomicU64,
    pub(super) failed_transactions: AtomicU64,
}

/// How many chats the writer remembers, and how many idempotency keys in all.
const KNOWN_CHATS: NonZeroUsize = NonZeroUsize::new(32_768).expect("it is not 0");
const KNOWN_KEYS: usize = 1 << 19;

/// The most writes in one transaction. It bounds how long the first one of them waits.
const LARGEST_BATCH: usize = 1_024;

/// Writes until the queue is closed and empty.
pub(super) fn run(
    connection: &Connection,
    queue: &Queue<Write>,
    counters: &Counters,
    mut log: LogWatch,
    random: Random,
    runtime: Option<&Handle>,
) -> rusqlite::Result<()> {
    let mut statements = Statements::prepare(connection)?;
    let mut writer = Writer::new(random);
    let mut batch = VecDeque::new();
    let mut done = Vec::new();
    while queue.take_all(&mut batch, LARGEST_BATCH) {
        let size = batch.len() as u64;
        writer.appended = 0;
        match writer.transaction(&mut statements, &mut batch, &mut done) {
            Ok(()) => {
                counters.transactions.fetch_add(1, Relaxed);
                counters.writes.fetch_add(size, Relaxed);
                counters.entries.fetch_add(writer.appended, Relaxed);
                counters.largest_batch.fetch_max(size, Relaxed);
                reply(runtime, &mut done);
            }
            Err(error) => {
                counters.failed_transactions.fetch_add(1, Relaxed);
                tracing::error!(%error, writes = size, "a transaction failed and was rolled back");
                writer.memory.clear();
                let error = || StoreError::Database(format!("writing: {error}"));
                done.drain(..).for_each(|done| done.failed(error()));
                batch.drain(..).for_each(|write| write.refuse(error()));
                if !connection.is_autocommit() {
                    connection.execute_batch("ROLLBACK")?;
                }
            }
        }
        log.tend(connection)?;
    }
    Ok(())
}

/// Tells the callers of a batch. To wake a caller from outside of its runtime takes a context switch
/// each time the runtime has gone to sleep since the last one, which is most times; a task inside
/// wakes all of them after one.
fn reply(runtime: Option<&Handle>, done: &mut Vec<Done>) {
    match runtime {
        Some(runtime) if done.len() > 1 => {
            let done = std::mem::take(done);
            runtime.spawn(async { done.into_iter().for_each(Done::send) });
        }
        _ => done.drain(..).for_each(Done::send),
    }
}

impl Write {
    fn refuse(self, error: StoreError) {
        match self {
            Self::Create { reply, .. } => drop(reply.send(Err(error))),
            Self::Commit { reply, .. } => drop(reply.send(Err(error))),
            Self::Advance { reply, .. }
            | Self::Lease { reply, .. }
            | Self::Delete { reply, .. } => drop(reply.send(Err(error))),
            Self::Sweep { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

pub(super) struct Writer {
    memory: Memory,
    random: Random,
    /// Entries in the present transaction.
    appended: u64,
}

impl Writer {
    pub(super) fn new(random: Random) -> Self {
        Self { memory: Memory::new(KNOWN_CHATS, KNOWN_KEYS), random, appended: 0 }
    }

    /// Forgets a chat that is no more.
    pub(super) fn forget(&mut self, chat: &ContactId) {
        self.memory.forget(chat);
    }

    /// Does one write in a transaction of its own.
    pub(super) fn alone<'c, T>(
        &mut self,
        statements: &mut Statements<'c>,
        write: impl FnOnce(&mut Self, &mut Statements<'c>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut database_failed = None;
        let begun = statements.begin.raw_execute().map_err(Failure::from);
        let written = own(begun.and_then(|_| write(self, statements)), &mut database_failed);
        if database_failed.is_none() {
            database_failed = statements.commit.raw_execute().err();
        }
        let Some(error) = database_failed else { return written };
        self.memory.clear();
        if !statements.connection.is_autocommit() {
            statements.connection.execute_batch("ROLLBACK").map_err(failed("rolling back"))?;
        }
        Err(failed("writing")(error))
    }

    /// Does a batch of writes in one transaction. On failure `done` holds those that were tried.
    fn transaction(
        &mut self,
        statements: &mut Statements<'_>,
        batch: &mut VecDeque<Write>,
        done: &mut Vec<Done>,
    ) -> rusqlite::Result<()> {
        statements.begin.raw_execute()?;
        while let Some(write) = batch.pop_front() {
            let mut database_failed = None;
            match write {
                Write::Create { chat, state, key, most, reply } => {
                    let result = self.create(statements, &chat, &state, key, most);
                    done.push(Done::Create(reply, own(result, &mut database_failed)));
                }
                Write::Commit { commit, state, reply } => {
                    let result = self.commit(statements, &commit, state.as_deref());
                    done.push(Done::Commit(reply, own(result, &mut database_failed)));
                }
                Write::Lease { lease, reply } => {
                    let result = statements.take_lease(&lease).map_err(Failure::from);
                    done.push(Done::Answer(reply, own(result, &mut database_failed)));
                }
                Write::Advance { step, reply } => {
                    let result = statements.advance(&step).map_err(Failure::from);
                    done.push(Done::Answer(reply, own(result, &mut database_failed)));
                }
                Write::Delete { chat, reply } => {
                    let result = delete::delete(self, statements.connection, &chat);
                    done.push(Done::Answer(reply, own(result, &mut database_failed)));
                }
                Write::Sweep { limit, reply } => {
                    let result = delete::sweep(statements.connection, limit);
                    done.push(Done::Sweep(reply, own(result, &mut database_failed)));
                }
            }
            if let Some(error) = database_failed {
                return Err(error);
            }
        }
        statements.commit.raw_execute()?;
        Ok(())
    }

    pub(super) fn create(
        &mut self,
        statements: &mut Statements<'_>,
        chat: &Chat,
        state: &str,
        key: Option<TokenKey>,
        most: Option<u64>,
    ) -> Result<Created, Failure> {
        if let Some(key) = key
            && let Some((body, first)) = statements.started_under(key)?
        {
            return Ok(if body == key.body {
                // What one stored state is like is nobody else's loss.
                let first = read_state(&first).map_err(|error| {
                    Failure::Own(StoreError::Database(format!("reading a chat: {error}")))
                })?;
                Created::Repeated(Arc::new(first))
            } else {
                Created::TokenReused
            });
        }
        // Everything that can be wrong is found out before anything is written.
        if let Some(most) = most
            && statements.has_open(most)?
        {
            return Ok(Created::Full);
        }
        if statements.find_chat(&chat.id)?.is_some() {
            return Err(Failure::Own(StoreError::Exists(chat.id.clone())));
        }
        for contact in &chat.contacts {
            if statements.chat_of_contact(&contact.id)?.is_some() {
                return Err(Failure::Own(StoreError::Exists(contact.id.clone())));
            }
        }
        let row = statements.insert_chat(chat, state)?;
        for contact in &chat.contacts {
            statements.insert_contact(&contact.id, row)?;
        }
        if let Some(key) = key {
            statements.insert_start_key(key, row)?;
        }
        let mut known = Known::new(row, FIRST_VERSION, 0, i64::MIN);
        known.contacts = chat.contacts.len();
        known.keys = Some(Keys::new());
        statements.keep_followers(&mut known, chat)?;
        self.memory.put(chat.id.clone(), known);
        Ok(Created::New)
    }

    pub(super) fn commit(
        &mut self,
        statements: &mut Statements<'_>,
        commit: &Commit,
        state: Option<&str>,
    ) -> Result<Committed, Failure> {
        let known = self.memory.get_or_read(&commit.chat, || {
            statements
                .find_chat(&commit.chat)?
                .ok_or_else(|| Failure::Own(StoreError::NoChat(commit.chat.clone())))
        })?;
        // Before the version: a repeat is answered whatever happened to the chat since.
        if let Some(key) = commit.key {
            let keys = match &mut known.keys {
                Some(keys) => keys,
                unread => unread.insert(statements.keys(known.chat)?),
            };
            if let Some(seq) = keys.get(&key.halves())
                && let Some((body, id, time)) = statements.sent_at(known.chat, *seq)?
            {
                return Ok(if body == key.body {
                    Committed::Repeated { id, time }
                } else {
                    Committed::TokenReused
                });
            }
        }
        if commit.version != known.version || commit.head.is_some_and(|head| head != known.seq) {
            return Ok(Committed::Conflict);
        }
        if let (Some(text), Some(chat)) = (state, &commit.state) {
            // Everything that can be wrong is found out before anything is written.
            let mut new = Vec::new();
            for contact in chat.contacts.iter().skip(known.contacts) {
                match statements.chat_of_contact(&contact.id)? {
                    Some(chat) if chat == known.chat => {}
                    Some(_) => return Err(Failure::Own(StoreError::Exists(contact.id.clone()))),
                    None => new.push(&contact.id),
                }
            }
            for contact in new {
                statements.insert_contact(contact, known.chat)?;
            }
            statements.update_chat(known.chat, known.version + 1, chat, text)?;
            known.contacts = chat.contacts.len();
            known.version += 1;
            statements.keep_followers(known, chat)?;
        }
        let mut entries = Vec::with_capacity(commit.drafts.len());
        for (index, draft) in commit.drafts.iter().enumerate() {
            let time = Timestamp::from_millis(commit.now.as_millis().max(known.time + 1));
            let entry = place(&commit.chat, draft, known.seq + 1, time, (self.random)());
            let key = commit.key.filter(|_| index == commit.answer);
            statements.insert_entry(known.chat, &entry, key)?;
            if let (Some(key), Some(keys)) = (key, &mut known.keys) {
                keys.insert(key.halves(), entry.seq);
            }
            known.seq = entry.seq;
            known.time = time.as_millis();
            entries.push(Arc::new(entry));
        }
        if known.followed && !entries.is_empty() {
            statements.ring_followers(known.chat, commit.now)?;
        }
        self.appended += entries.len() as u64;
        let version = known.version;
        if commit.key.is_some() {
            self.memory.count_keys();
        }
        Ok(Committed::Done { entries, version })
    }
}

impl TokenKey {
    /// As rows hold it.
    fn halves(self) -> [i64; 2] {
        [(self.key >> 64) as i64, self.key as i64]
    }
}

/// Keeps an own failure as the result and takes out one of the database.
fn own<T>(
    result: Result<T, Failure>,
    database_failed: &mut Option<rusqlite::Error>,
) -> Result<T, StoreError> {
    result.map_err(|failure| match failure {
        Failure::Own(error) => error,
        Failure::Database(error) => {
            let message = error.to_string();
            *database_failed = Some(error);
            StoreError::Database(message)
        }
    })
}

/// Gives a draft its place.
fn place(chat: &ContactId, draft: &Draft, seq: u64, time: Timestamp, random: u128) -> Entry {
    let id = draft.given_id().cloned().unwrap_or_else(|| item_id(time, random));
    Entry {
        chat: chat.clone(),
        seq,
        time,
        kind: draft.kind,
        audience: draft.audience.clone(),
        contact_id: draft.contact_id.clone(),
        about: draft.about.clone(),
        sender: draft.sender.as_ref().map(|sender| sender.id.clone()),
        text: draft.item_text(chat, &id, time).into(),
        id,
    }
}

/// Reads a chat's state.
pub(super) fn read_state(text: &str) -> rusqlite::Result<Chat> {
    let mut chat: Chat = serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Text,
            // Only where and how, not what: the state is private, and errors go into logs.
            format!(
                "the state of a chat cannot be read: {:?} error at column {}",
                error.classify(),
                error.column()
            )
            .into(),
        )
    })?;
    chat.shrink_to_fit();
    Ok(chat)
}

/// The writer's statements, prepared once.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    find_chat: Statement<'c>,
    last_entry: Statement<'c>,
    chat_of_contact: Statement<'c>,
    keys: Statement<'c>,
    sent_at: Statement<'c>,
    started_under: Statement<'c>,
    has_open: Statement<'c>,
    insert_chat: Statement<'c>,
    update_chat: Statement<'c>,
    insert_contact: Statement<'c>,
    insert_start_key: Statement<'c>,
    insert_entry: Statement<'c>,
    take_lease: Statement<'c>,
    followers: Statement<'c>,
    insert_follower: Statement<'c>,
    delete_follower: Statement<'c>,
    ring_followers: Statement<'c>,
    advance: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Self {
            connection,
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
            find_chat: prepare("SELECT chat, version FROM chats WHERE id = ?1")?,
            last_entry: prepare(
                "SELECT seq, time FROM entries WHERE chat = ?1 ORDER BY seq DESC LIMIT 1",
            )?,
            chat_of_contact: prepare("SELECT chat FROM contacts WHERE id = ?1")?,
            keys: prepare(
                "SELECT key, key_rest, seq FROM entries INDEXED BY entries_by_place
                 WHERE chat = ?1 AND key IS NOT NULL",
            )?,
            sent_at: prepare(
                "SELECT body, id, time FROM entries INDEXED BY entries_by_place
                 WHERE chat = ?1 AND seq = ?2",
            )?,
            started_under: prepare(
                "SELECT body, state FROM start_keys JOIN chats USING (chat) WHERE key = ?1",
            )?,
            has_open: prepare("SELECT 1 FROM chats WHERE due IS NOT NULL LIMIT 1 OFFSET ?1")?,
            insert_chat: prepare(
                "INSERT INTO chats (id, version, state, queue, queued_at, due, scanning, ended_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            update_chat: prepare(
                "UPDATE chats SET version = ?2, state = ?3, queue = ?4, queued_at = ?5, due = ?6,
                 scanning = ?7, ended_at = ?8 WHERE chat = ?1",
            )?,
            insert_contact: prepare("INSERT INTO contacts (id, chat) VALUES (?1, ?2)")?,
            insert_start_key: prepare(
                "INSERT INTO start_keys (key, body, chat) VALUES (?1, ?2, ?3)",
            )?,
            insert_entry: prepare(
                "INSERT INTO entries (chat, seq, time, id, kind, audience, reader, contact, about,
                 sender, key, key_rest, body, text)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?,
            take_lease: prepare(
                "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, ?4)
                 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                 WHERE leases.holder = excluded.holder OR leases.until <= ?3",
            )?,
            followers: prepare(
                "SELECT id FROM followers INDEXED BY followers_by_chat WHERE chat = ?1",
            )?,
            insert_follower: prepare(
                "INSERT INTO followers (id, chat, place, failures, endpoint)
                 VALUES (?1, ?2, ?3, 0, ?4)",
            )?,
            delete_follower: prepare("DELETE FROM followers WHERE id = ?1")?,
            ring_followers: prepare(
                "UPDATE followers INDEXED BY followers_by_chat SET due = ?2
                 WHERE chat = ?1 AND due IS NULL",
            )?,
            advance: prepare(
                "UPDATE followers SET place = ?3, failures = ?4, due = CASE WHEN ?3 < (
                     SELECT max(seq) FROM entries WHERE entries.chat = followers.chat
                 ) THEN ?5 END
                 WHERE id = ?1 AND place = ?2",
            )?,
        })
    }

    fn find_chat(&mut self, id: &ContactId) -> rusqlite::Result<Option<Known>> {
        let found = one(&mut self.find_chat, params![IdIn::new(id.as_str())], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let Some((chat, version)) = found else { return Ok(None) };
        let (seq, time) =
            one(&mut self.last_entry, params![chat], |row| Ok((row.get(0)?, row.get(1)?)))?
                .unwrap_or((0, i64::MIN));
        let mut known = Known::new(chat, version, seq, time);
        known.followed = self.followers.exists([chat])?;
        Ok(Some(known))
    }

    fn chat_of_contact(&mut self, id: &ContactId) -> rusqlite::Result<Option<i64>> {
        one(&mut self.chat_of_contact, params![IdIn::new(id.as_str())], |row| row.get(0))
    }

    fn keys(&mut self, chat: i64) -> rusqlite::Result<Keys> {
        let read = |row: &Row<'_>| Ok(([row.get(0)?, row.get(1)?], row.get(2)?));
        self.keys.query_map([chat], read)?.collect()
    }

    /// The body's hash, id and time of what was sent under a key and has this place.
    fn sent_at(
        &mut self,
        chat: i64,
        seq: u64,
    ) -> rusqlite::Result<Option<(u64, ItemId, Timestamp)>> {
        one(&mut self.sent_at, params![chat, seq], |row| {
            let IdOut(id) = row.get(1)?;
            Ok((row.get::<_, i64>(0)? as u64, id, Timestamp::from_millis(row.get(2)?)))
        })
    }

    /// The body's hash and the state of the chat that was started under a key.
    fn started_under(&mut self, key: TokenKey) -> rusqlite::Result<Option<(u64, String)>> {
        one(&mut self.started_under, params![key.key.to_be_bytes()], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
        })
    }

    /// Whether so many chats are open. Steps over that many rows of the smallest index.
    fn has_open(&mut self, most: u64) -> rusqlite::Result<bool> {
        let Some(before) = most.checked_sub(1) else { return Ok(true) };
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        Ok(one(&mut self.has_open, params![before], |_| Ok(()))?.is_some())
    }

    fn insert_chat(&mut self, chat: &Chat, state: &str) -> rusqlite::Result<i64> {
        let (queue, queued_at) = waits(chat);
        self.insert_chat.execute(params![
            IdIn::new(chat.id.as_str()),
            FIRST_VERSION,
            state,
            queue,
            queued_at,
            chat.next_due().map(Timestamp::as_millis),
            chat.scanning() as i64,
            chat.ended_at().map(Timestamp::as_millis),
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn update_chat(
        &mut self,
        row: i64,
        version: u64,
        chat: &Chat,
        state: &str,
    ) -> rusqlite::Result<()> {
        let (queue, queued_at) = waits(chat);
        let due = chat.next_due().map(Timestamp::as_millis);
        let scanning = chat.scanning() as i64;
        let ended_at = chat.ended_at().map(Timestamp::as_millis);
        self.update_chat
            .execute(params![row, version, state, queue, queued_at, due, scanning, ended_at])?;
        Ok(())
    }

    fn insert_contact(&mut self, id: &ContactId, chat: i64) -> rusqlite::Result<()> {
        self.insert_contact.execute(params![IdIn::new(id.as_str()), chat])?;
        Ok(())
    }

    fn insert_start_key(&mut self, key: TokenKey, chat: i64) -> rusqlite::Result<()> {
        self.insert_start_key.execute(params![key.key.to_be_bytes(), key.body as i64, chat])?;
        Ok(())
    }

    fn insert_entry(
        &mut self,
        chat: i64,
        entry: &Entry,
        key: Option<TokenKey>,
    ) -> rusqlite::Result<()> {
        let (audience, reader) = audience(&entry.audience);
        let row = &mut self.insert_entry;
        row.raw_bind_parameter(1, chat)?;
        row.raw_bind_parameter(2, entry.seq)?;
        row.raw_bind_parameter(3, entry.time.as_millis())?;
        row.raw_bind_parameter(4, IdIn::new(entry.id.as_str()))?;
        row.raw_bind_parameter(5, entry.kind as u8)?;
        row.raw_bind_parameter(6, audience)?;
        row.raw_bind_parameter(7, reader)?;
        row.raw_bind_parameter(8, IdIn::new(entry.contact_id.as_str()))?;
        row.raw_bind_parameter(9, entry.about.as_ref().map(|id| IdIn::new(id.as_str())))?;
        row.raw_bind_parameter(10, entry.sender.as_ref().map(|id| IdIn::new(id.as_str())))?;
        row.raw_bind_parameter(11, key.map(|key| key.halves()[0]))?;
        row.raw_bind_parameter(12, key.map(|key| key.halves()[1]))?;
        row.raw_bind_parameter(13, key.map(|key| key.body as i64))?;
        row.raw_bind_parameter(14, &*entry.text)?;
        row.raw_execute()?;
        Ok(())
    }

    /// Makes and removes followers so that they are those of the state.
    fn keep_followers(&mut self, known: &mut Known, chat: &Chat) -> rusqlite::Result<()> {
        if chat.followers.is_empty() && !known.followed {
            return Ok(());
        }
        let read = |row: &Row<'_>| Ok(row.get::<_, IdOut<FollowerId>>(0)?.0);
        let kept: Vec<_> =
            self.followers.query_map([known.chat], read)?.collect::<Result<_, _>>()?;
        for gone in kept.iter().filter(|kept| chat.follower(kept).is_none()) {
            self.delete_follower.execute([IdIn::new(gone.as_str())])?;
        }
        for new in chat.followers.iter().filter(|follower| !kept.contains(&follower.id)) {
            let id = IdIn::new(new.id.as_str());
            let endpoint = row::endpoint(&new.kind);
            self.insert_follower.execute(params![id, known.chat, known.seq, endpoint])?;
        }
        known.followed = !chat.followers.is_empty();
        Ok(())
    }

    fn ring_followers(&mut self, chat: i64, now: Timestamp) -> rusqlite::Result<()> {
        self.ring_followers.execute(params![chat, now.as_millis()])?;
        Ok(())
    }

    fn advance(&mut self, step: &FollowerStep) -> rusqlite::Result<bool> {
        let changed = self.advance.execute(params![
            IdIn::new(step.follower.as_str()),
            step.from,
            step.to,
            step.failures,
            step.retry.unwrap_or(step.now).as_millis(),
        ])?;
        Ok(changed == 1)
    }

    fn take_lease(&mut self, lease: &Lease) -> rusqlite::Result<bool> {
        let changed = self.take_lease.execute(params![
            lease.name,
            lease.holder,
            lease.now.as_millis(),
            lease.until.as_millis(),
        ])?;
        Ok(changed == 1)
    }
}

/// The first row of a query, if there is one.
fn one<T>(
    statement: &mut Statement<'_>,
    params: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    statement.query_row(params, read).optional()
}

/// The queue a chat waits in, and since when (ms).
fn waits(chat: &Chat) -> (Option<&str>, Option<i64>) {
    chat.waiting().map(|(queue, since)| (queue, since.as_millis())).unzip()
}
