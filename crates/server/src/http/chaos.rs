//! Trouble on purpose: what happens to answers and frames by plan, and to one chat's connections on
//! demand.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use chatloom_engine::token::Seat;
use chatloom_wire::{ContactId, ErrorKind, ParticipantId, ServiceError, Timestamp};
use futures_util::task::AtomicWaker;
use http::header;
use lru::LruCache;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio::time::{Instant, Sleep};

use super::{Answer, App, Call, Operation, error, json, limits::Plane};
use crate::{
    chaos::{Dice, Plan},
    config::{Config, Secret},
    metrics::Metrics,
    random,
};

/// Frames that one socket's trouble holds; the others wait where frames always wait.
const MOST_HELD: usize = 64;
/// A frame that waits for the one after it waits no longer than this.
const REORDER_PATIENCE: Duration = Duration::from_secs(1);
/// Chats whose connections were expired and that are remembered.
const MOST_EXPIRED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// All trouble of this server.
pub(crate) struct Chaos {
    plan: Plan,
    seed: u64,
    key: Option<Secret>,
    /// By operation, in the order of [`Operation::ALL`].
    requests: Vec<AtomicU64>,
    sockets: AtomicU64,
    /// The sockets of each chat.
    open: Mutex<HashMap<ContactId, Vec<Weak<Strings>>>>,
    /// Connections of these chats that were made before are no longer good.
    expired: Mutex<LruCache<ContactId, Timestamp>>,
    metrics: Arc<Metrics>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    kind: Option<Trouble>,
    /// The answer comes so much later.
    pub(super) delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// 429, and it is not done.
    Throttled,
    /// 500, and it is not done.
    FailedBefore,
    /// 500, and it is done.
    FailedAfter,
}

impl Fate {
    /// The error that is answered instead of doing the request.
    pub(super) fn before(self, plane: Plane) -> Option<ServiceError> {
        let error = match self.kind? {
            Trouble::Throttled if plane == Plane::Control => {
                ServiceError::new(ErrorKind::TooManyRequests, "Rate exceeded (chaos)")
            }
            Trouble::Throttled => error::throttled("Rate exceeded (chaos)"),
            Trouble::FailedBefore => failure(),
            Trouble::FailedAfter => return None,
        };
        Some(in_words_of(plane, error))
    }

    /// The error that is answered though the request was done.
    pub(super) fn after(self, plane: Plane) -> Option<ServiceError> {
        (self.kind == Some(Trouble::FailedAfter)).then(|| in_words_of(plane, failure()))
    }
}

fn failure() -> ServiceError {
    ServiceError::new(ErrorKind::InternalServer, "The server failed (chaos)")
}

fn in_words_of(plane: Plane, error: ServiceError) -> ServiceError {
    if plane == Plane::Control { error::for_control_plane(error) } else { error }
}

impl Chaos {
    /// As configured; `None` when nobody asked for trouble. Said loudly, so that nobody runs a server
    /// like this without knowing.
    pub(crate) fn new(config: &Config, metrics: &Arc<Metrics>) -> Option<Arc<Self>> {
        let chaos = &config.chaos;
        if chaos.plan.is_none() && chaos.key.is_none() {
            return None;
        }
        let seed = chaos.seed.unwrap_or_else(|| u64::from_le_bytes(random::bytes()) >> 11);
        let plan = chaos.plan.unwrap_or_default();
        if chaos.plan.is_some() {
            tracing::warn!(%plan, seed, "CHAOS: this server breaks connections and answers on purpose");
        }
        if chaos.key.is_some() {
            tracing::warn!("CHAOS: whoever has chaos.key may break connections");
        }
        Some(Arc::new(Self {
            plan,
            seed,
            key: chaos.key.clone(),
            requests: Operation::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            sockets: AtomicU64::new(0),
            open: Mutex::default(),
            expired: Mutex::new(LruCache::new(MOST_EXPIRED)),
            metrics: Arc::clone(metrics),
        }))
    }

    /// What becomes of the next request of an operation.
    pub(super) fn request(&self, operation: Operation) -> Fate {
        // Pages, sockets and those who watch the server are left alone.
        if matches!(
            operation,
            Operation::Asset
                | Operation::Health
                | Operation::Preflight
                | Operation::Socket
                | Operation::Chaos
                | Operation::OpenApi
                | Operation::Unknown
        ) {
            return Fate::default();
        }
        let number = self.requests[operation as usize].fetch_add(1, Relaxed);
        let mut dice = Dice::new(self.seed, operation.name(), number);
        let (throttled, failed) = (dice.happens(self.plan.throttle), dice.happens(self.plan.fail));
        let before = dice.happens(0.5);
        let kind = match (throttled, failed) {
            (true, _) => Some(Trouble::Throttled),
            (_, true) if before => Some(Trouble::FailedBefore),
            (_, true) => Some(Trouble::FailedAfter),
            _ => None,
        };
        match kind {
            Some(Trouble::Throttled) => self.metrics.chaos("429"),
            Some(_) => self.metrics.chaos("500"),
            None => {}
        }
        Fate { kind, delay: self.plan.delay(&mut dice) }
    }

    /// The trouble of one socket that opens.
    pub(super) fn socket(self: &Arc<Self>, seat: Option<&Seat>) -> Box<Trick> {
        let number = self.sockets.fetch_add(1, Relaxed);
        let strings = Arc::new(Strings {
            participant: seat.map(|seat| seat.participant.clone()),
            pull: Mutex::default(),
            waker: AtomicWaker::new(),
        });
        if let Some(seat) = seat {
            let mut open = self.open.lock();
            open.entry(seat.chat.clone()).or_default().push(Arc::downgrade(&strings));
        }
        Box::new(Trick {
            chat: seat.map(|seat| seat.chat.clone()),
            dice: Dice::new(self.seed, "socket", number),
            held: VecDeque::new(),
            last_due: None,
            swapped: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            silent: false,
            silent_until: None,
            strings,
            chaos: Arc::clone(self),
        })
    }

    /// Pulls the strings of a chat's sockets; how many there were.
    fn pull(&self, chat: &ContactId, participant: Option<&ParticipantId>, pull: Pull) -> usize {
        let sockets = self.open.lock().get(chat).cloned().unwrap_or_default();
        let mut count = 0;
        for strings in sockets.iter().filter_map(Weak::upgrade) {
            if participant.is_none() || strings.participant.as_ref() == participant {
                *strings.pull.lock() = Some(pull);
                strings.waker.wake();
                count += 1;
            }
        }
        count
    }

    /// Whether a connection of a chat that was made then was expired since.
    pub(super) fn is_expired(&self, chat: &ContactId, made_at: Timestamp) -> bool {
        self.expired.lock().get(chat).is_some_and(|expired_at| made_at < *expired_at)
    }
}

/// By what a socket is pulled from outside.
struct Strings {
    participant: Option<ParticipantId>,
    pull: Mutex<Option<Pull>>,
    waker: AtomicWaker,
}

#[derive(Clone, Copy, Debug)]
enum Pull {
    /// The socket ends without a goodbye.
    Cut,
    /// The socket goes silent, for so long or for ever.
    Stall(Option<Duration>),
}

/// What the trouble of a socket has for its task.
pub(super) enum Turn {
    /// Write this frame now.
    Write(Utf8Bytes),
    /// End, without a goodbye.
    Cut,
    /// Something changed: look again.
    Again,
}

/// The trouble of one socket: frames that are held up, and silence.
pub(super) struct Trick {
    chat: Option<ContactId>,
    dice: Dice,
    /// Frames and when they are due, in order.
    held: VecDeque<(Instant, Utf8Bytes)>,
    last_due: Option<Instant>,
    /// A frame that lets the next one go first, and how long it waits for one.
    swapped: Option<(Instant, Utf8Bytes)>,
    timer: std::pin::Pin<Box<Sleep>>,
    silent: bool,
    silent_until: Option<Instant>,
    strings: Arc<Strings>,
    chaos: Arc<Chaos>,
}

impl Trick {
    /// Whether nothing is read or written.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Whether it takes another frame. What is said during a silence that ends comes after it; what is
    /// said during one that does not is lost.
    pub(super) fn takes_frames(&self) -> bool {
        if self.silent { self.silent_until.is_none() } else { self.held.len() < MOST_HELD }
    }

    /// Decides what becomes of a frame. Nothing when it is lost, and the socket with it.
    pub(super) fn take(&mut self, frame: Utf8Bytes, now: Instant) -> Option<()> {
        let plan = self.chaos.plan;
        if self.silent {
            return Some(());
        }
        if self.dice.happens(plan.drop) {
            self.chaos.metrics.chaos("drop");
            return None;
        }
        if self.dice.happens(plan.half_open) {
            self.chaos.metrics.chaos("half-open");
            self.fall_silent(None, now);
            return Some(());
        }
        let twice = self.dice.happens(plan.duplicate);
        let swaps = self.dice.happens(plan.reorder);
        let due = now + plan.delay(&mut self.dice);
        // What is late holds up what follows: frames of a socket keep their order.
        let due = self.last_due.map_or(due, |last| due.max(last));
        self.last_due = Some(due);
        if twice {
            self.chaos.metrics.chaos("duplicate");
            self.held.push_back((due, frame.clone()));
        }
        match self.swapped.take() {
            Some((_, earlier)) => self.held.extend([(due, frame), (due, earlier)]),
            None if swaps => {
                self.chaos.metrics.chaos("reorder");
                self.swapped = Some((due + REORDER_PATIENCE, frame));
            }
            None => self.held.push_back((due, frame)),
        }
        Some(())
    }

    fn fall_silent(&mut self, time: Option<Duration>, now: Instant) {
        self.silent = true;
        self.silent_until = time.map(|time| now + time);
        if time.is_none() {
            self.held.clear();
            self.swapped = None;
        }
    }

    /// The next thing to do. One task waits.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        self.strings.waker.register(context.waker());
        let now = Instant::now();
        let pull = self.strings.pull.lock().take();
        match pull {
            Some(Pull::Cut) => return Poll::Ready(Turn::Cut),
            Some(Pull::Stall(time)) => self.fall_silent(time, now),
            None => {}
        }
        if self.silent && self.silent_until.is_some_and(|until| until <= now) {
            (self.silent, self.silent_until) = (false, None);
            return Poll::Ready(Turn::Again);
        }
        if self.silent {
            let Some(until) = self.silent_until else { return Poll::Pending };
            return self.wait(context, until);
        }
        if let Some((due, _)) = self.held.front()
            && *due <= now
            && let Some((_, frame)) = self.held.pop_front()
        {
            return Poll::Ready(Turn::Write(frame));
        }
        if let Some((until, _)) = &self.swapped
            && *until <= now
            && let Some((_, frame)) = self.swapped.take()
        {
            return Poll::Ready(Turn::Write(frame));
        }
        let swapped = self.swapped.as_ref().map(|(until, _)| *until);
        let next = self.held.front().map(|(due, _)| *due);
        match [next, swapped].into_iter().flatten().min() {
            Some(at) => self.wait(context, at),
            None => Poll::Pending,
        }
    }

    fn wait(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<Turn> {
        if self.timer.deadline() != at || self.timer.is_elapsed() {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(context).map(|()| Turn::Again)
    }
}

impl Drop for Trick {
    fn drop(&mut self) {
        let Some(chat) = &self.chat else { return };
        let mut open = self.chaos.open.lock();
        if let Some(sockets) = open.get_mut(chat) {
            sockets.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(&self.strings)));
            if sockets.is_empty() {
                open.remove(chat);
            }
        }
    }
}

/// Whose connections.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    contact_id: ContactId,
    /// All participants', without it.
    #[serde(default)]
    participant_id: Option<ParticipantId>,
    /// For a stall: how long; for ever, without it.
    #[serde(default)]
    seconds: Option<f64>,
}

#[derive(Serialize)]
struct Done {
    /// How many sockets were open.
    sockets: usize,
}

/// Breaks the sockets of a chat, without a goodbye.
pub(super) async fn cut(app: Arc<App>, call: Call) -> Answer {
    let (chaos, chat, order) = ordered(&app, call).await?;
    json(&Done { sockets: chaos.pull(&chat, order.participant_id.as_ref(), Pull::Cut) })
}

/// Makes the sockets of a chat go silent.
pub(super) async fn stall(app: Arc<App>, call: Call) -> Answer {
    let (chaos, chat, order) = ordered(&app, call).await?;
    let time = match order.seconds {
        None => None,
        Some(seconds) => {
            let time = Duration::try_from_secs_f64(seconds).ok();
            let time = time.filter(|time| *time <= Duration::from_hours(1));
            Some(time.ok_or_else(|| error::validation("seconds: 0 to 3600"))?)
        }
    };
    json(&Done { sockets: chaos.pull(&chat, order.participant_id.as_ref(), Pull::Stall(time)) })
}

/// Makes the connection tokens and socket URLs of a chat no longer good, and breaks its sockets.
/// Participant tokens are still good for new ones.
pub(super) async fn expire(app: Arc<App>, call: Call) -> Answer {
    let (chaos, chat, order) = ordered(&app, call).await?;
    if order.participant_id.is_some() {
        return Err(error::validation("participantId: a chat's connections expire all at once"));
    }
    chaos.expired.lock().put(chat.clone(), app.now());
    json(&Done { sockets: chaos.pull(&chat, None, Pull::Cut) })
}

/// What an order is about, if whoever gives it may.
async fn ordered(
    app: &Arc<App>,
    mut call: Call,
) -> Result<(Arc<Chaos>, ContactId, Order), ServiceError> {
    let chaos = app.gates.chaos.as_ref();
    let Some((chaos, key)) = chaos.and_then(|chaos| Some((chaos, chaos.key.as_ref()?))) else {
        return Err(ServiceError::new(
            ErrorKind::UnknownOperation,
            "There is no such operation here: chaos.key is not set",
        ));
    };
    let shown =
        call.header(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    let may =
        shown.is_some_and(|shown| bool::from(key.expose().as_bytes().ct_eq(shown.as_bytes())));
    if !may {
        return Err(error::access_denied());
    }
    let order: Order = call.json(app.config.http.max_body).await?;
    let chat = app.store.chat_of_contact(&order.contact_id).await.map_err(|error| {
        tracing::error!(%error, "a contact cannot be looked up");
        ServiceError::new(ErrorKind::InternalServer, "The server failed; try again")
    })?;
    let chat = chat.ok_or_else(|| {
        ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")
    })?;
    tracing::warn!(operation = call.parts.uri.path(), %chat, "CHAOS: by order");
    Ok((Arc::clone(chaos), chat, order))
}
