//! Every chat of this server: what handlers call.
//!
//! [`Chats`] brings the rules ([`chatloom_engine`]), the [`Store`] and the [`Bus`] together. A command
//! is decided on the chat's state, its decision committed under the version guard, and what became
//! of it published; when another command was faster, it is decided again on the newer state. The
//! states of recent chats are kept in memory, as a cache only: the guard finds out when one is old.

use std::{
    fmt,
    future::Future,
    num::NonZeroUsize,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use chatloom_engine::{
    AgentUser, Answer, Chat, Command, Draft, Entry, Presence, Rules, StartChat,
    entry::item_id,
    limits,
    token::{Keys, Seat},
    transcript::{self, Start},
};
use chatloom_wire::{
    ContactId, ErrorKind, ParticipantId, ServiceError, Timestamp,
    contact::StartChatContactRequest,
    participant::{
        DisconnectParticipantRequest, GetTranscriptRequest, SendEventRequest, SendMessageRequest,
        SentResponse,
    },
};
use futures_util::future::BoxFuture;
use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    bus::{Bus, Notice},
    random,
    store::{
        Commit, Committed, Created, ItemQuery, Place, Store, StoreError, TokenKey, Versioned,
        Waiting,
    },
};

/// Chats whose state is kept in memory; a further one takes the place of the one that was not used
/// for longest. A state takes about 2 KB, and up to 50 KB with the largest attributes and first
/// message.
const CACHED_CHATS: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// How often a command is decided on a state that turns out to be old. Then its caller is told to
/// try again later.
const TRIES: usize = 16;

/// How long a message waits for its sender to connect, and how often the store is asked meanwhile, in
/// case the connection is another server's. ChatJS sends as soon as its `connect()` has resolved, which
/// is before its socket subscribes (docs/protocol/websocket.md S46).
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_LOOK: Duration = Duration::from_millis(500);

/// How many of those who wait are offered to an agent who takes anybody.
const OFFERED: u32 = 16;

/// Place beyond every item.
const NEWEST: u64 = u64::MAX;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The computer's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a clock that is not set.
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What was counted since the start of the server.
#[derive(Debug, Default)]
pub struct Counts {
    /// Chats started.
    pub started: AtomicU64,
    /// Entries stored: items and receipts.
    pub stored: AtomicU64,
    /// Entries published and not stored: typing.
    pub transient: AtomicU64,
    /// Repeats of a request that were answered like the first.
    pub repeated: AtomicU64,
    /// Commands that the rules refused.
    pub refused: AtomicU64,
    /// Decisions made anew because another command was faster.
    pub conflicts: AtomicU64,
    /// States read from the store.
    pub loaded: AtomicU64,
}

/// What became of an agent's wish for a chat.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The chat.
    pub chat: Arc<Chat>,
    /// The participant that the agent is there.
    pub participant: ParticipantId,
}

/// Every chat of this server. Shared by all handlers.
pub struct Chats {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    rules: Rules,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    cache: Mutex<LruCache<ContactId, Cached>>,
    /// Rings when a participant has connected.
    connected: Notify,
    counts: Counts,
}

impl fmt::Debug for Chats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chats").field("counts", &self.counts).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Cached {
    chat: Arc<Chat>,
    version: u64,
    /// Place of the last entry, as far as this server knows: 0 until it has stored one.
    head: u64,
}

/// What became of a command, and the state after it.
struct Settled {
    told: Told,
    chat: Arc<Chat>,
}

enum Told {
    Done,
    Sent(SentResponse),
}

impl Chats {
    /// Chats by these rules, kept in this store. `keys` sign the `NextToken`s.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        rules: Rules,
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let cache = Mutex::new(LruCache::new(CACHED_CHATS));
        Self {
            store,
            bus,
            rules,
            keys,
            clock,
            cache,
            connected: Notify::new(),
            counts: Counts::default(),
        }
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Starts a chat: StartChatContact. The request has been checked. A repeat with the same
    /// `ClientToken` answers the chat that the first one started.
    ///
    /// Errors are those of the control plane: `InvalidRequestException` for a first message of a type
    /// that the chat does not support, and for another request under a token that was used.
    pub async fn start(&self, request: StartChatContactRequest) -> Result<Arc<Chat>, ServiceError> {
        let key = match given(request.client_token.as_deref()) {
            Some(token) => Some(start_key(token, &request)?),
            None => None,
        };
        let start = StartChat {
            contact_id: new_id().into(),
            participant_id: new_id().into(),
            system_id: new_id().into(),
            assistant_id: new_id().into(),
            request,
        };
        let chat = Arc::new(self.rules.start(self.clock.now(), start)?);
        let created = self.store.create(Arc::clone(&chat), key).await;
        match created.map_err(|error| to_control_plane(failed(&error)))? {
            Created::New => {
                self.counts.started.fetch_add(1, Relaxed);
                Ok(chat)
            }
            Created::Repeated(first) => {
                self.counts.repeated.fetch_add(1, Relaxed);
                Ok(first)
            }
            Created::TokenReused => Err(to_control_plane(token_reused())),
        }
    }

    /// Marks a participant as connected: subscribed on a socket, or `ConnectParticipant`. Does
    /// nothing from the second time on.
    pub async fn connect(self: &Arc<Self>, seat: &Seat) -> Result<(), ServiceError> {
        let command = Command::Connect { participant: seat.participant.clone() };
        let settled = self.settle(&seat.chat, command, None).await.map(drop);
        self.connected.notify_waiters();
        settled
    }

    /// Whether a participant may still connect, as far as the state in memory tells.
    async fn is_expected(&self, seat: &Seat) -> Result<bool, StoreError> {
        let (held, _) = self.load(&seat.chat).await?;
        let participant = held.chat.participant(&seat.participant);
        Ok(!held.chat.is_over()
            && participant.is_some_and(|participant| participant.presence == Presence::Expected))
    }

    /// Waits a while for a participant who has not connected yet. Whoever has not then is refused by
    /// the rules.
    async fn wait_for(&self, seat: &Seat) -> Result<(), StoreError> {
        let until = Instant::now() + CONNECT_PATIENCE;
        while self.is_expected(seat).await? && Instant::now() < until {
            let mut connected = pin!(self.connected.notified());
            // From here on no ring is missed; one before that shows in the state.
            connected.as_mut().enable();
            if !self.is_expected(seat).await? {
                break;
            }
            let look = until.min(Instant::now() + CONNECT_LOOK);
            if tokio::time::timeout_at(look, connected).await.is_err() {
                self.reload(&seat.chat).await?;
            }
        }
        Ok(())
    }

    /// Sends a message: SendMessage. The request has been checked.
    pub async fn send_message(
        self: &Arc<Self>,
        seat: &Seat,
        request: SendMessageRequest,
    ) -> Result<SentResponse, ServiceError> {
        let key = given(request.client_token.as_deref()).map(|token| {
            let body = [request.content_type.as_str(), &request.content];
            token_key(&[seat.participant.as_str(), "SendMessage", token], &body)
        });
        let command = Command::SendMessage { participant: seat.participant.clone(), request };
        self.sent(seat, command, key).await
    }

    /// Sends an event: SendEvent. The request has been checked.
    ///
    /// A receipt is known by its kind and message, not by its `ClientToken`
    /// (docs/protocol/participant-service.md §2.4). What is not stored needs no token.
    pub async fn send_event(
        self: &Arc<Self>,
        seat: &Seat,
        request: SendEventRequest,
    ) -> Result<SentResponse, ServiceError> {
        let key = request.receipt_message_id().filter(|_| request.content_type.is_receipt()).map(
            |message| {
                let kind = request.content_type.as_str();
                token_key(&[seat.participant.as_str(), kind, message.as_str()], &[])
            },
        );
        let command = Command::SendEvent { participant: seat.participant.clone(), request };
        self.sent(seat, command, key).await
    }

    async fn sent(
        self: &Arc<Self>,
        seat: &Seat,
        command: Command,
        key: Option<TokenKey>,
    ) -> Result<SentResponse, ServiceError> {
        self.wait_for(seat).await.map_err(|error| failed(&error))?;
        match self.settle(&seat.chat, command, key).await?.told {
            Told::Sent(answer) => Ok(answer),
            Told::Done => {
                tracing::error!("a message or event was settled without an id");
                Err(internal())
            }
        }
    }

    /// Leaves the chat: DisconnectParticipant. Whoever has left is refused everything, a second
    /// departure too, so the request's `ClientToken` makes no difference.
    pub async fn disconnect(
        self: &Arc<Self>,
        seat: &Seat,
        _: DisconnectParticipantRequest,
    ) -> Result<(), ServiceError> {
        let command = Command::Disconnect { participant: seat.participant.clone() };
        self.settle(&seat.chat, command, None).await.map(drop)
    }

    /// The chat of a participant who may still do something there.
    ///
    /// Read from the store: no version guard would find out that what is in memory is old.
    pub async fn admit(&self, seat: &Seat) -> Result<Arc<Chat>, ServiceError> {
        let chat = self.reload(&seat.chat).await.map_err(|error| failed(&error))?.chat;
        chat.admit(self.clock.now(), &seat.participant).inspect_err(|_| {
            self.counts.refused.fetch_add(1, Relaxed);
        })?;
        Ok(chat)
    }

    /// A page of the transcript: the answer to GetTranscript as JSON text. The request has been
    /// checked.
    ///
    /// A `NextToken` that was not given to this participant is refused with `ValidationException`:
    /// `AccessDeniedException` would tell clients that the chat is over.
    pub async fn transcript(
        &self,
        seat: &Seat,
        request: &GetTranscriptRequest,
    ) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let next = request
            .next_token
            .as_deref()
            .map(|token| self.keys.page(token, seat, now))
            .transpose()
            .map_err(|error| {
                tracing::debug!(chat = %seat.chat, %error, "a NextToken was refused");
                ServiceError::new(
                    ErrorKind::Validation,
                    "NextToken: wrong or expired; begin again without one",
                )
            })?;
        let chat = self.admit(seat).await?;
        let reader = chat.participant(&seat.participant).ok_or_else(internal)?;
        let Some(plan) = transcript::plan(&chat, request, next) else {
            return page_body(&chat, &[], &[], None);
        };
        let failed = |error: StoreError| failed(&error);
        let query = |forward, from, limit| ItemQuery {
            chat: chat.id.clone(),
            contact: plan.contact.clone(),
            reader: reader.id.clone(),
            agents: reader.sees_agents(),
            forward,
            from,
            limit,
        };
        let from = match plan.start {
            Start::Newest => Some(NEWEST),
            Start::Place(place) => Some(place),
            Start::MostRecent(count) => {
                let newest = self.store.items(query(false, NEWEST, count)).await.map_err(failed)?;
                newest.last().map(|item| item.seq)
            }
            Start::Item(_, time) => {
                self.store.place(&chat.id, Place::AtOrAfter(time)).await.map_err(failed)?
            }
            Start::Time(time) => {
                let place =
                    if plan.forward { Place::AtOrAfter(time) } else { Place::AtOrBefore(time) };
                self.store.place(&chat.id, place).await.map_err(failed)?
            }
        };
        let Some(from) = from else {
            return page_body(&chat, &[], &[], None);
        };
        let found =
            self.store.items(query(plan.forward, from, plan.look_for())).await.map_err(failed)?;
        let page = plan.page(found);
        let receipts = if page.items.is_empty() {
            Vec::new()
        } else {
            let ids = page.items.iter().map(|item| item.id.clone()).collect();
            self.store.receipts(&chat.id, ids).await.map_err(failed)?
        };
        let next = page
            .next
            .map(|place| {
                let end = now.plus_millis(limits::NEXT_TOKEN_MS);
                self.keys.mint_page(&plan.next_page(seat, place), end)
            })
            .transpose()
            .map_err(|error| {
                tracing::error!(%error, "no NextToken could be made");
                internal()
            })?;
        page_body(&chat, &page.items, &receipts, next.as_deref())
    }

    /// Gives an agent a chat that waits: this contact's, or the one that has waited longest. An
    /// agent who has that contact already gets the same participant again.
    ///
    /// `ResourceNotFoundException` when nobody waits, or that contact does not; `ConflictException`
    /// when another agent was faster.
    pub async fn accept(
        self: &Arc<Self>,
        agent: &AgentUser,
        contact: Option<&ContactId>,
    ) -> Result<Accepted, ServiceError> {
        if let Some(contact) = contact {
            let chat = self.chat_of(contact).await?;
            return self.accept_chat(agent, &chat).await;
        }
        let mut was_late = false;
        for waiting in self.waiting(OFFERED).await?.chats {
            match self.accept_chat(agent, &waiting.chat.id).await {
                // Taken by another agent, or gone, since the list was made.
                Err(error)
                    if [ErrorKind::Conflict, ErrorKind::ResourceNotFound].contains(&error.kind) =>
                {
                    was_late = true;
                }
                other => return other,
            }
        }
        Err(if was_late {
            ServiceError::new(ErrorKind::Conflict, "Other agents were faster; try again")
        } else {
            ServiceError::new(ErrorKind::ResourceNotFound, "Nobody waits for an agent")
        })
    }

    async fn accept_chat(
        self: &Arc<Self>,
        agent: &AgentUser,
        chat: &ContactId,
    ) -> Result<Accepted, ServiceError> {
        let command = Command::Accept { agent: agent.clone(), participant: new_id().into() };
        let Settled { chat, .. } = self.settle(chat, command, None).await?;
        // Not the id above when the agent has the chat already.
        let participant = chat.agent_of_user(&agent.id).map(|agent| agent.id.clone());
        Ok(Accepted { participant: participant.ok_or_else(internal)?, chat })
    }

    /// Who waits for an agent: the ones that have waited longest, at most `limit`.
    pub async fn waiting(&self, limit: u32) -> Result<Waiting, ServiceError> {
        self.store.waiting(&self.rules.queue, limit).await.map_err(|error| failed(&error))
    }

    /// The chat that a contact belongs to, for the control plane; `ResourceNotFoundException` when
    /// there is none.
    pub async fn describe(&self, contact: &ContactId) -> Result<Arc<Chat>, ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        // Read anew: what is described is what is stored.
        let held = self.reload(&chat).await.map_err(|error| to_control_plane(failed(&error)))?;
        Ok(held.chat)
    }

    /// Ends a chat by one of its contacts: StopContact. `ResourceNotFoundException` when there is no
    /// such contact, `ContactNotFoundException` when it has ended.
    pub async fn stop(self: &Arc<Self>, contact: &ContactId) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        self.settle(&chat, Command::Stop, None).await.map(drop).map_err(to_control_plane)
    }

    async fn chat_of(&self, contact: &ContactId) -> Result<ContactId, ServiceError> {
        let chat = self.store.chat_of_contact(contact).await.map_err(|error| failed(&error))?;
        chat.ok_or_else(|| {
            ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")
        })
    }

    /// Does a command. It is done to its end even if the caller goes away meanwhile: what was stored
    /// must still be published.
    fn settle(
        self: &Arc<Self>,
        chat: &ContactId,
        command: Command,
        key: Option<TokenKey>,
    ) -> Finishing<Result<Settled, ServiceError>> {
        let (chats, chat) = (Arc::clone(self), chat.clone());
        Finishing::new(async move { chats.decide_and_commit(chat, command, key).await })
    }

    async fn decide_and_commit(
        &self,
        id: ContactId,
        command: Command,
        key: Option<TokenKey>,
    ) -> Result<Settled, ServiceError> {
        let failed = |error: StoreError| failed(&error);
        let (mut known, mut may_be_old) = self.load(&id).await.map_err(failed)?;
        for _ in 0..TRIES {
            let now = self.clock.now();
            let decided = room_for(&command, known.head)
                .and_then(|()| Ok(self.rules.decide(now, &known.chat, &command)?));
            let decision = match decided {
                Ok(decision) => decision,
                // Another server may have changed the chat: nobody is refused on hearsay.
                Err(_) if may_be_old => {
                    known = self.reload(&id).await.map_err(failed)?;
                    may_be_old = false;
                    continue;
                }
                Err(refusal) => {
                    self.counts.refused.fetch_add(1, Relaxed);
                    return Err(refusal);
                }
            };
            if decision.chat.is_none() && decision.entries.is_empty() {
                let transient = self.publish_transient(&id, now, &decision.transient);
                let told = match decision.answer {
                    Answer::Transient(index) => Told::Sent(sent(&transient[index])),
                    Answer::Accepted => Told::Sent(SentResponse {
                        id: item_id(now, random::uuid().as_u128()),
                        absolute_time: now,
                    }),
                    Answer::Done | Answer::Entry(_) => Told::Done,
                };
                return Ok(Settled { told, chat: known.chat });
            }
            let state = decision.chat.map(Arc::new);
            let answer = match decision.answer {
                Answer::Entry(index) => index,
                _ => 0,
            };
            let commit = Commit {
                chat: id.clone(),
                version: known.version,
                state: state.clone(),
                drafts: decision.entries,
                key,
                answer,
                now,
            };
            match self.store.commit(commit).await.map_err(failed)? {
                Committed::Done { entries, version } => {
                    let told = match decision.answer {
                        Answer::Entry(index) => Told::Sent(sent(&entries[index])),
                        _ => Told::Done,
                    };
                    let queues = state.as_ref().map(|after| changed_queues(&known.chat, after));
                    let chat = state.unwrap_or(known.chat);
                    let head = entries.last().map_or(0, |entry| entry.seq);
                    self.remember(&id, Cached { chat: Arc::clone(&chat), version, head });
                    self.counts.stored.fetch_add(entries.len() as u64, Relaxed);
                    if !entries.is_empty() {
                        self.bus.publish(Notice::Stored(entries));
                    }
                    self.publish_transient(&id, now, &decision.transient);
                    for queue in queues.into_iter().flatten().flatten() {
                        self.bus.publish(Notice::QueueChanged(queue));
                    }
                    return Ok(Settled { told, chat });
                }
                Committed::Repeated { id, time } => {
                    self.counts.repeated.fetch_add(1, Relaxed);
                    let told = Told::Sent(SentResponse { id, absolute_time: time });
                    return Ok(Settled { told, chat: known.chat });
                }
                Committed::TokenReused => return Err(token_reused()),
                Committed::Conflict => {
                    self.counts.conflicts.fetch_add(1, Relaxed);
                    known = self.reload(&id).await.map_err(failed)?;
                    may_be_old = false;
                }
            }
        }
        Err(ServiceError::new(
            ErrorKind::Throttling,
            "The chat changes too fast for this request; try again",
        ))
    }

    fn publish_transient(
        &self,
        chat: &ContactId,
        now: Timestamp,
        drafts: &[Draft],
    ) -> Vec<Arc<Entry>> {
        let entries: Vec<_> = drafts
            .iter()
            .map(|draft| {
                let id = item_id(now, random::uuid().as_u128());
                Arc::new(Entry {
                    chat: chat.clone(),
                    seq: 0,
                    time: now,
                    kind: draft.kind,
                    audience: draft.audience.clone(),
                    contact_id: draft.contact_id.clone(),
                    about: draft.about.clone(),
                    sender: draft.sender.as_ref().map(|sender| sender.id.clone()),
                    text: draft.item_text(chat, &id, now).into(),
                    id,
                })
            })
            .collect();
        self.counts.transient.fetch_add(entries.len() as u64, Relaxed);
        for entry in &entries {
            self.bus.publish(Notice::Transient(Arc::clone(entry)));
        }
        entries
    }

    /// A chat's state, and whether it may be old: it is if it comes from memory.
    async fn load(&self, id: &ContactId) -> Result<(Cached, bool), StoreError> {
        let cached = self.cache.lock().get(id).cloned();
        match cached {
            Some(cached) => Ok((cached, true)),
            None => Ok((self.reload(id).await?, false)),
        }
    }

    async fn reload(&self, id: &ContactId) -> Result<Cached, StoreError> {
        self.counts.loaded.fetch_add(1, Relaxed);
        let stored = self.store.chat(id).await?;
        let Versioned { chat, version } = stored.ok_or_else(|| StoreError::NoChat(id.clone()))?;
        Ok(self.remember(id, Cached { chat, version, head: 0 }))
    }

    /// Keeps a state unless a newer one is known, and gives the newest. Answers of the store may
    /// overtake each other on their way here.
    fn remember(&self, id: &ContactId, new: Cached) -> Cached {
        let mut cache = self.cache.lock();
        let Some(known) = cache.get_mut(id) else {
            cache.put(id.clone(), new.clone());
            return new;
        };
        let head = known.head.max(new.head);
        if new.version >= known.version {
            *known = new;
        }
        known.head = head;
        known.clone()
    }
}

/// How often time is told to the chats that wait for it.
const TICK: Duration = Duration::from_secs(1);
/// How long one server tells the time alone, in milliseconds, if it does not renew its lease.
const LEASE_MS: i64 = 30_000;
/// When it renews: each renewal is a write.
const RENEW_MS: i64 = 15_000;
/// Chats told at once, and how many times in a tick; what remains is told in the next.
const TOLD_AT_ONCE: u32 = 128;
const TOLD_IN_A_TICK: usize = 16;

impl Chats {
    /// Tells the chats when a time of theirs has passed (five minutes without the customer, the end
    /// of the longest duration), until `shutdown`. Of all servers with one store one does it at a
    /// time, by a lease.
    ///
    /// A chat that is told late loses nothing: its rules look at the time themselves.
    pub async fn run_timers(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut timers = Timers { holder: new_id(), leased_until: None };
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => {}
            }
            match self.tick(&mut timers).await {
                Ok(_) => {}
                Err(StoreError::Closed) => break,
                Err(error) => tracing::warn!(%error, "timers could not be looked at"),
            }
        }
        if timers.leased_until.is_some() {
            // Another server need not wait for the lease to run out.
            let now = self.clock.now();
            if let Err(error) = self.store.lease(Timers::LEASE, &timers.holder, now, now).await {
                tracing::debug!(%error, "the lease of the timers was not given back");
            }
        }
    }

    /// Does what is due; answers how many chats were told.
    async fn tick(self: &Arc<Self>, timers: &mut Timers) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if timers.leased_until.is_none_or(|until| now.plus_millis(RENEW_MS) >= until) {
            let until = now.plus_millis(LEASE_MS);
            let held = self.store.lease(Timers::LEASE, &timers.holder, now, until).await?;
            timers.leased_until = held.then_some(until);
        }
        if timers.leased_until.is_none() {
            return Ok(0);
        }
        let mut told = 0;
        for _ in 0..TOLD_IN_A_TICK {
            let due = self.store.due(now, TOLD_AT_ONCE).await?;
            let mut failures = 0;
            for chat in &due {
                if let Err(error) = self.settle(chat, Command::TimePassed, None).await {
                    tracing::warn!(%chat, %error, "a chat could not be told the time");
                    failures += 1;
                }
            }
            told += due.len() - failures;
            if due.len() < TOLD_AT_ONCE as usize || failures > 0 {
                break;
            }
        }
        Ok(told)
    }
}

struct Timers {
    holder: String,
    leased_until: Option<Timestamp>,
}

impl Timers {
    const LEASE: &str = "timers";
}

/// A future that is run to its end in the background if whoever waits for it goes away after it
/// has begun. (A client that hangs up makes hyper drop the handler where it stands.)
struct Finishing<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    has_begun: bool,
}

impl<T: Send + 'static> Finishing<T> {
    fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { future: Some(Box::pin(future)), has_begun: false }
    }
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.has_begun = true;
        let future = self.future.as_mut().expect("a future that has ended is not polled again");
        let result = std::task::ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(result)
    }
}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        if self.has_begun
            && let Some(future) = self.future.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}

fn new_id() -> String {
    random::uuid().to_string()
}

fn sent(entry: &Entry) -> SentResponse {
    SentResponse { id: entry.id.clone(), absolute_time: entry.time }
}

/// The queues that one state waits in and the other does not.
fn changed_queues(before: &Chat, after: &Chat) -> [Option<Arc<str>>; 2] {
    let queue = |chat: &Chat| chat.waiting().map(|(queue, _)| Arc::from(queue));
    let (before, after) = (queue(before), queue(after));
    if before == after { [None, None] } else { [before, after] }
}

/// A chat has room for so many entries; leaving and ending are always possible.
fn room_for(command: &Command, head: u64) -> Result<(), ServiceError> {
    let adds = matches!(command, Command::SendMessage { .. } | Command::SendEvent { .. });
    if adds && head >= limits::ENTRIES_IN_CHAT {
        return Err(ServiceError::new(
            ErrorKind::Validation,
            format!(
                "This chat has all the {} entries a chat may have; start another one",
                limits::ENTRIES_IN_CHAT
            ),
        ));
    }
    Ok(())
}

/// Hashes texts so that no two lists of texts look alike.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// An empty `ClientToken` is none: it says nothing about which request it belongs to.
fn given(token: Option<&str>) -> Option<&str> {
    token.filter(|token| !token.is_empty())
}

fn token_key(key: &[&str], body: &[&str]) -> TokenKey {
    let (key, body) = (hash(key), hash(body));
    TokenKey {
        key: u128::from_le_bytes(key[..16].try_into().expect("16 of 32 bytes")),
        body: u64::from_le_bytes(body[..8].try_into().expect("8 of 32 bytes")),
    }
}

fn start_key(token: &str, request: &StartChatContactRequest) -> Result<TokenKey, ServiceError> {
    // Members are written in one order, whatever order they came in.
    let body = serde_json::to_string(request).map_err(|error| {
        tracing::error!(%error, "a request to start a chat could not be hashed");
        to_control_plane(internal())
    })?;
    Ok(token_key(&["StartChatContact", token], &[&body]))
}

fn page_body(
    chat: &Chat,
    items: &[Arc<Entry>],
    receipts: &[Arc<Entry>],
    next_token: Option<&str>,
) -> Result<String, ServiceError> {
    transcript::body(&chat.id, items, receipts, next_token).map_err(|error| {
        // Only where, not what: the text is private.
        let (line, column) = (error.line(), error.column());
        tracing::error!(chat = %chat.id, line, column, "a stored item is no JSON object");
        internal()
    })
}

fn token_reused() -> ServiceError {
    ServiceError::new(
        ErrorKind::Validation,
        "ClientToken: used before for another request; use a new one for each",
    )
}

fn internal() -> ServiceError {
    ServiceError::new(ErrorKind::InternalServer, "The request could not be served; try again")
}

/// What a participant is told when the store did not do it.
fn failed(error: &StoreError) -> ServiceError {
    match error {
        // The token is good, so the chat was there once.
        StoreError::NoChat(_) => {
            ServiceError::new(ErrorKind::AccessDenied, "Access denied: the chat is over")
        }
        StoreError::Overloaded { .. } => {
            tracing::warn!(%error, "a request was refused");
            ServiceError::new(ErrorKind::Throttling, "The server is busy; try again")
        }
        StoreError::Closed => {
            ServiceError::new(ErrorKind::InternalServer, "The server is stopping; try again")
        }
        _ => {
            tracing::error!(%error, "a request failed");
            internal()
        }
    }
}

/// The control plane has names of its own for some errors
/// (docs/protocol/participant-service.md §10).
fn to_control_plane(error: ServiceError) -> ServiceError {
    let kind = match error.kind {
        ErrorKind::InternalServer => ErrorKind::InternalService,
        ErrorKind::Throttling => ErrorKind::TooManyRequests,
        ErrorKind::Validation => ErrorKind::InvalidRequest,
        ErrorKind::AccessDenied => ErrorKind::ResourceNotFound,
        _ => return error,
    };
    ServiceError::new(kind, error.message)
}

#[cfg(test)]
mod tests;
