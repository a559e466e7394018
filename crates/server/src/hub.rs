//! The sockets of this node, and what each of them is told.
//!
//! Sockets attach to a *room*, the part of a chat that is on this node. A room knows the last place
//! of the chat's log that it has delivered. A notice of the bus that continues there is delivered at
//! once; one that leaves a hole waits a moment for the missing entries, and then they are read from
//! the store, by one task for each room. Since the last entries of a burst leave no hole when they are
//! lost, the last place of every room is compared with the store in a sweep every few seconds, and
//! when the bus was cut. So every socket is told every entry that was stored after it subscribed, in
//! the order of the log, once.
//!
//! An entry's frame is made once, and its buffer is shared by all sockets that may see it.

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::{Arc, Weak},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use chatloom_engine::{Audience, Entry, EntryKind};
use chatloom_wire::{
    ContactId, ContentType, Item, ParticipantId,
    frame::{CHAT_TOPIC, ServerFrame},
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    bus::{Bus, Listener, Notice},
    metrics::Metrics,
    outbox::{Bounds, Close, Outbox, Pushed},
    queue::{self, MAX_WAITING},
    store::{Store, StoreError},
};

/// Entries that arrived before their predecessors, kept for each room. Further ones are read from the
/// store when it is their turn.
const MAX_AHEAD: usize = 64;
/// Entries read at once to fill a hole.
const HEAL_PAGE: u32 = 256;
/// Chats compared with the store at once.
const SWEEP_PAGE: usize = 512;
/// The least time between two looks at a queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);

/// How a hub works.
pub(crate) struct HubOptions {
    /// What may wait for one socket.
    pub(crate) bounds: Bounds,
    /// Open sockets for each participant.
    pub(crate) per_owner: usize,
    /// How often rooms are compared with the store.
    pub(crate) sweep: Duration,
    /// How long a missing entry is waited for before it is read from the store.
    pub(crate) patience: Duration,
    /// The queues that agents look at.
    pub(crate) queues: Vec<String>,
}

/// The sockets of this node.
pub(crate) struct Hub {
    me: Weak<Self>,
    options: HubOptions,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    metrics: Arc<Metrics>,
    runtime: Handle,
    rooms: Mutex<HashMap<ContactId, Arc<Room>>>,
    open: Mutex<Open>,
    queue: Mutex<QueueRoom>,
    sweep_now: Notify,
}

/// The open sockets.
#[derive(Default)]
struct Open {
    by_owner: HashMap<ParticipantId, Vec<Arc<Outbox>>>,
    /// The server stops: sockets that open now are closed at once.
    closing: bool,
}

/// A chat that has sockets here. Locked after [`Hub::rooms`], never before.
struct Room {
    chat: ContactId,
    state: Mutex<RoomState>,
}

#[derive(Default)]
struct RoomState {
    sockets: Vec<Attached>,
    /// The last place that was delivered; `None` until the store has told where the log stands.
    delivered: Option<u64>,
    /// The highest place that is known to exist.
    known: u64,
    /// Entries that wait for their predecessors.
    ahead: BTreeMap<u64, Arc<Entry>>,
    /// A task fills a hole.
    healing: bool,
    /// The room is no longer in [`Hub::rooms`].
    gone: bool,
}

struct Attached {
    outbox: Arc<Outbox>,
    participant: ParticipantId,
    sees_agents: bool,
    is_customer: bool,
    part: Part,
    /// The last place of the log when it subscribed, as far as was known. What is told late may be older.
    since: u64,
}

/// What somebody has to do with a chat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Takes,
    /// Has left: only the end of the chat concerns it still.
    Left,
    /// Has handed the customer on: `transfer.succeeded` was the last that it is told
    /// (docs/protocol/websocket.md S163).
    HandedOn,
}

/// The agents' sockets that look at the queue.
#[derive(Default)]
struct QueueRoom {
    sockets: Vec<Looking>,
    last: Option<Utf8Bytes>,
    changed: bool,
    refreshing: bool,
}

struct Looking {
    outbox: Arc<Outbox>,
    /// Has been told nothing yet.
    fresh: bool,
}

/// An open socket. Dropping it frees its place.
pub(crate) struct OpenSocket {
    hub: Arc<Hub>,
    owner: ParticipantId,
    outbox: Arc<Outbox>,
}

/// A socket's subscription of its chat. Dropping it ends the subscription.
pub(crate) struct ChatSubscription {
    hub: Arc<Hub>,
    room: Arc<Room>,
    outbox: Arc<Outbox>,
}

/// A socket's subscription of the queue. Dropping it ends the subscription.
pub(crate) struct QueueSubscription {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
}

/// Who subscribes a chat.
pub(crate) struct Subscriber<'a> {
    pub(crate) chat: &'a ContactId,
    pub(crate) participant: &'a ParticipantId,
    pub(crate) sees_agents: bool,
    pub(crate) is_customer: bool,
}

impl Hub {
    /// A hub on the present runtime. [`Hub::sweep_forever`] is to run beside it.
    pub(crate) fn new(
        options: HubOptions,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            options,
            store,
            bus,
            metrics,
            runtime: Handle::current(),
            rooms: Mutex::default(),
            open: Mutex::default(),
            queue: Mutex::default(),
            sweep_now: Notify::new(),
        })
    }

    /// Opens a socket for a participant, or for an agent under an id that is no participant's. When
    /// the owner has too many, the oldest is closed.
    pub(crate) fn open(self: &Arc<Self>, owner: ParticipantId) -> OpenSocket {
        let outbox = Arc::new(Outbox::default());
        let mut open = self.open.lock();
        if open.closing {
            outbox.close(Close::Restart);
        }
        // Most have one: no room for four from the start.
        let sockets = open.by_owner.entry(owner.clone()).or_insert_with(|| Vec::with_capacity(1));
        while sockets.len() >= self.options.per_owner {
            sockets.remove(0).close(Close::Policy);
        }
        sockets.push(Arc::clone(&outbox));
        drop(open);
        self.metrics.sockets.inc();
        OpenSocket { hub: Arc::clone(self), owner, outbox }
    }

    /// Whether somebody has an open socket.
    pub(crate) fn has_socket(&self, owner: &ParticipantId) -> bool {
        self.open.lock().by_owner.contains_key(owner)
    }

    /// Closes all sockets because the server stops.
    pub(crate) fn close_all(&self) {
        let mut open = self.open.lock();
        open.closing = true;
        for socket in open.by_owner.values().flatten() {
            socket.close(Close::Restart);
        }
    }

    /// Subscribes a socket to its chat: confirms it with a success frame, and from then on tells the
    /// socket every entry that is stored. `head` is the last place of the chat's log, if that is known;
    /// else the store is asked.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        subscriber: Subscriber<'_>,
        outbox: &Arc<Outbox>,
        head: impl Fn() -> Option<u64>,
    ) -> Result<ChatSubscription, StoreError> {
        let since = head().unwrap_or(0);
        loop {
            let room = self.room(subscriber.chat);
            // Also keeps the room from being left behind when the store fails.
            let subscription = ChatSubscription {
                hub: Arc::clone(self),
                room: Arc::clone(&room),
                outbox: Arc::clone(outbox),
            };
            let head = if room.state.lock().delivered.is_some() {
                None
            } else if let Some(head) = head() {
                // Looked at after the room was opened: what is stored from here on is told.
                Some(head)
            } else {
                let heads = self.store.heads(vec![subscriber.chat.clone()]).await?;
                heads.first().copied().or(Some(0))
            };
            let mut state = room.state.lock();
            if state.gone {
                // The last other socket left just now, and the room with it.
                continue;
            }
            if state.delivered.is_none() {
                let Some(head) = head else { continue };
                state.delivered = Some(head);
                self.catch_up(&room, &mut state);
            }
            self.push(outbox, subscribed(CHAT_TOPIC));
            // Most rooms have one or two: no room for four from the start.
            state.sockets.reserve_exact(1);
            state.sockets.push(Attached {
                outbox: Arc::clone(outbox),
                participant: subscriber.participant.clone(),
                sees_agents: subscriber.sees_agents,
                is_customer: subscriber.is_customer,
                part: Part::Takes,
                since,
            });
            return Ok(subscription);
        }
    }

    fn room(&self, chat: &ContactId) -> Arc<Room> {
        match self.rooms.lock().entry(chat.clone()) {
            hash_map::Entry::Occupied(entry) => Arc::clone(entry.get()),
            hash_map::Entry::Vacant(entry) => {
                let room = Arc::new(Room { chat: chat.clone(), state: Mutex::default() });
                entry.insert(Arc::clone(&room));
                // Before the head is read: what is stored after that is told.
                self.bus.listen(chat);
                self.metrics.rooms.inc();
                room
            }
        }
    }

    fn unsubscribe(&self, room: &Room, outbox: &Arc<Outbox>) {
        let mut rooms = self.rooms.lock();
        let mut state = room.state.lock();
        state.sockets.retain(|attached| !Arc::ptr_eq(&attached.outbox, outbox));
        if state.sockets.is_empty() && !state.gone {
            state.gone = true;
            rooms.remove(&room.chat);
            self.bus.ignore(&room.chat);
            self.metrics.rooms.dec();
        }
    }

    /// Delivers what continues the log, keeps what does not, and sees to holes.
    fn catch_up(&self, room: &Arc<Room>, state: &mut RoomState) {
        let Some(mut delivered) = state.delivered else { return };
        while let Some(entry) = state.ahead.first_entry() {
            if *entry.key() > delivered + 1 {
                break;
            }
            let entry = entry.remove();
            if entry.seq == delivered + 1 {
                delivered += 1;
                self.deliver(state, &entry);
            }
        }
        state.delivered = Some(delivered);
        state.known = state.known.max(delivered);
        if state.known > delivered && !state.healing {
            state.healing = true;
            self.heal(Arc::clone(room));
        }
    }

    /// Gives an entry to all sockets of a room that may see it.
    fn deliver(&self, state: &mut RoomState, entry: &Entry) {
        let event = event(entry);
        let over = event == Some(ContentType::ChatEnded);
        let is_transfer = event == Some(ContentType::TransferSucceeded);
        let mut frame = None;
        let mut told = 0;
        state.sockets.retain_mut(|attached| {
            let may_see = match &entry.audience {
                Audience::All => true,
                Audience::Agents => attached.sees_agents,
                Audience::One(participant) => attached.participant == *participant,
            };
            let concerns = match attached.part {
                // An agent who came after a transfer would take it for the end of its own part.
                Part::Takes => !is_transfer || !attached.sees_agents || attached.since < entry.seq,
                Part::Left => over,
                Part::HandedOn => false,
            };
            if !may_see || !concerns {
                return true;
            }
            if is_transfer && attached.sees_agents {
                attached.part = Part::HandedOn;
            }
            let frame = frame.get_or_insert_with(|| {
                let frame = ServerFrame::Chat { content: (&*entry.text).into() };
                Utf8Bytes::from(frame.to_text())
            });
            told += 1;
            self.push(&attached.outbox, frame.clone())
        });
        self.metrics.frames.inc_by(told);
        match event {
            Some(ContentType::ChatEnded) => {
                for attached in &state.sockets {
                    attached.outbox.end();
                }
            }
            Some(ContentType::ParticipantLeft) => {
                // A customer who leaves ends the chat, and waits for that
                // (docs/protocol/websocket.md §7).
                for attached in &mut state.sockets {
                    let is_theirs = Some(&attached.participant) == entry.sender.as_ref();
                    if is_theirs && !attached.is_customer && attached.part == Part::Takes {
                        attached.part = Part::Left;
                        attached.outbox.end();
                    }
                }
            }
            // All agents are disconnected by a transfer (docs/protocol/participant-service.md §12.4).
            Some(ContentType::TransferSucceeded) => {
                for attached in &state.sockets {
                    if attached.part == Part::HandedOn {
                        attached.outbox.end();
                    }
                }
            }
            _ => {}
        }
    }

    /// Fills a hole, once the missing entries have had their time to come by themselves.
    fn heal(&self, room: Arc<Room>) {
        let Some(hub) = self.me.upgrade() else { return };
        self.runtime.spawn(async move {
            tokio::time::sleep(hub.options.patience).await;
            loop {
                let from = {
                    let mut state = room.state.lock();
                    match state.delivered {
                        Some(delivered) if delivered < state.known && !state.gone => delivered,
                        _ => {
                            state.healing = false;
                            return;
                        }
                    }
                };
                hub.metrics.holes.inc();
                let read = hub.store.entries_after(&room.chat, from, HEAL_PAGE).await;
                let mut state = room.state.lock();
                match read {
                    Ok(entries) if !entries.is_empty() => {
                        hub.metrics.healed.inc_by(entries.len() as u64);
                        // These are next: they may pass the bound of what waits.
                        state.ahead.extend(entries.into_iter().map(|entry| (entry.seq, entry)));
                        hub.catch_up(&room, &mut state);
                    }
                    read => {
                        // The next notice or sweep tries again.
                        if let Err(error) = read {
                            tracing::warn!(chat = %room.chat, %error, "cannot read missing entries");
                        }
                        state.healing = false;
                        return;
                    }
                }
            }
        });
    }

    /// Compares all rooms with the store, again and again.
    pub(crate) async fn sweep_forever(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.options.sweep) => {}
                () = self.sweep_now.notified() => {}
            }
            self.sweep().await;
        }
    }

    async fn sweep(&self) {
        self.metrics.sweeps.inc();
        let chats: Vec<ContactId> = self.rooms.lock().keys().cloned().collect();
        for chats in chats.chunks(SWEEP_PAGE) {
            let heads = match self.store.heads(chats.to_vec()).await {
                Ok(heads) => heads,
                Err(error) => {
                    tracing::warn!(%error, "cannot compare chats with the store");
                    return;
                }
            };
            for (chat, head) in chats.iter().zip(heads) {
                let Some(room) = self.rooms.lock().get(chat).cloned() else { continue };
                let mut state = room.state.lock();
                state.known = state.known.max(head);
                self.catch_up(&room, &mut state);
            }
        }
        self.queue_changed();
    }

    /// Subscribes an agent's socket to the queue: tells it at once who waits, and again at each
    /// change.
    pub(crate) fn look_at_queue(self: &Arc<Self>, outbox: &Arc<Outbox>) -> QueueSubscription {
        self.queue.lock().sockets.push(Looking { outbox: Arc::clone(outbox), fresh: true });
        self.queue_changed();
        QueueSubscription { hub: Arc::clone(self), outbox: Arc::clone(outbox) }
    }

    /// Looks at the queue soon, if any agent does. Many changes are one look.
    fn queue_changed(&self) {
        let mut queue = self.queue.lock();
        if queue.sockets.is_empty() {
            return;
        }
        queue.changed = true;
        if queue.refreshing {
            return;
        }
        let Some(hub) = self.me.upgrade() else { return };
        queue.refreshing = true;
        self.runtime.spawn(async move {
            loop {
                hub.queue.lock().changed = false;
                hub.refresh_queue().await;
                tokio::time::sleep(QUEUE_PAUSE).await;
                let mut queue = hub.queue.lock();
                if !queue.changed || queue.sockets.is_empty() {
                    queue.refreshing = false;
                    return;
                }
            }
        });
    }

    async fn refresh_queue(&self) {
        let queues: Vec<_> = self.options.queues.iter().map(String::as_str).collect();
        let waiting = match queue::waiting(&*self.store, &queues, MAX_WAITING).await {
            Ok(waiting) => waiting,
            Err(error) => {
                // The next change or sweep tries again.
                tracing::warn!(%error, "cannot read the queue");
                return;
            }
        };
        let frame = Utf8Bytes::from(queue::frame(&waiting));
        let mut queue = self.queue.lock();
        let same = queue.last.as_ref() == Some(&frame);
        queue.last = Some(frame.clone());
        let mut told = 0;
        queue.sockets.retain_mut(|looking| {
            if same && !looking.fresh {
                return true;
            }
            looking.fresh = false;
            told += 1;
            self.push(&looking.outbox, frame.clone())
        });
        self.metrics.frames.inc_by(told);
    }

    /// Adds a frame to what waits for a socket. Answers whether the socket stays open.
    pub(crate) fn push(&self, outbox: &Outbox, frame: Utf8Bytes) -> bool {
        let pushed = outbox.push(frame, self.options.bounds);
        if pushed == Pushed::Overflowed {
            self.metrics.slow_readers.inc();
        }
        pushed == Pushed::Waits
    }
}

impl Listener for Hub {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Stored(entries) => {
                let Some(chat) = entries.first().map(|entry| &entry.chat) else { return };
                let Some(room) = self.rooms.lock().get(chat).cloned() else { return };
                let mut state = room.state.lock();
                for entry in entries {
                    if state.delivered == Some(entry.seq - 1) {
                        state.delivered = Some(entry.seq);
                        self.deliver(&mut state, entry);
                    } else if state.ahead.len() < MAX_AHEAD {
                        state.ahead.insert(entry.seq, Arc::clone(entry));
                    }
                    state.known = state.known.max(entry.seq);
                }
                self.catch_up(&room, &mut state);
            }
            Notice::Transient(entry) => {
                let Some(room) = self.rooms.lock().get(&entry.chat).cloned() else { return };
                self.deliver(&mut room.state.lock(), entry);
            }
            Notice::QueueChanged(queue) => {
                if self.options.queues.iter().any(|known| **known == **queue) {
                    self.queue_changed();
                }
            }
        }
    }

    fn reconnected(&self) {
        self.sweep_now.notify_one();
    }
}

/// The event that an entry is, where it is one that concerns the hub.
fn event(entry: &Entry) -> Option<ContentType> {
    // Messages are by far the most frequent, and need no parsing; one that contains this text by
    // chance has another type.
    if entry.kind != EntryKind::Item || !entry.text.contains(".connect.event.") {
        return None;
    }
    Item::from_text(Arc::clone(&entry.text)).ok()?.head().content_type.clone()
}

/// The frame that confirms a subscription.
pub(crate) fn subscribed(topic: &str) -> Utf8Bytes {
    ServerFrame::Subscribed { success: true, topics: vec![topic.to_owned()] }.to_text().into()
}

impl OpenSocket {
    /// What waits to be written to it.
    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let mut open = self.hub.open.lock();
        if let Some(sockets) = open.by_owner.get_mut(&self.owner) {
            sockets.retain(|outbox| !Arc::ptr_eq(outbox, &self.outbox));
            if sockets.is_empty() {
                open.by_owner.remove(&self.owner);
            }
        }
        drop(open);
        self.hub.metrics.sockets.dec();
    }
}

impl Drop for ChatSubscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.room, &self.outbox);
    }
}

impl Drop for QueueSubscription {
    fn drop(&mut self) {
        let mut queue = self.hub.queue.lock();
        queue.sockets.retain(|looking| !Arc::ptr_eq(&looking.outbox, &self.outbox));
        if queue.sockets.is_empty() {
            queue.last = None;
        }
    }
}
