//! What a chat tells its application: typed events in a stream, and the state of the connection.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

use chatloom_session as session;
use chatloom_wire::{ContentType, Item, ItemType};
use futures_util::{Stream, stream::FusedStream};
use tokio::sync::watch;

/// Something that happened in a chat.
///
/// Items come in the order of the transcript and each once, whatever happened to the connection in
/// between: what was missed is read from the transcript and delivered in its place, before anything
/// live. Typing and receipts are not kept by the service; those of an outage are lost.
///
/// Your own items come back to you too. Tell them apart with [`Chat::is_own`](crate::Chat::is_own).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message: text, Markdown, JSON or an interactive message. [`Item::content`] has it.
    Message(Item),
    /// A file. [`Item::attachments`] names it.
    Attachment(Item),
    /// Somebody came in.
    Joined(Item),
    /// Somebody left.
    Left(Item),
    /// Somebody is typing. There is no word when they stop: let it lapse after some seconds.
    Typing(Item),
    /// Somebody received or read a message: `message_metadata` in [`Item::head`] says which.
    Receipt(Item),
    /// Any other item: transfers, the end of the chat, sign-in, what this version does not know.
    /// `content_type` in [`Item::head`] says what it is.
    Other(Item),
    /// What the connection is doing changed. The same as in
    /// [`Chat::connection`](crate::Chat::connection), at its place between the items.
    Connection(Connection),
    /// Everything that the transcript held when the socket opened has been delivered; what follows
    /// is live.
    CaughtUp,
    /// Items between those before and those after this event could not be read from the transcript.
    Gap,
    /// This reader was too slow: so many events were thrown away here, after those before it.
    /// [`Chat::get_transcript`](crate::Chat::get_transcript) has the items.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// The chat is over. The last event.
    Ended,
}

impl Event {
    /// The item that this event is about, if it is about one.
    pub fn item(&self) -> Option<&Item> {
        match self {
            Self::Message(item)
            | Self::Attachment(item)
            | Self::Joined(item)
            | Self::Left(item)
            | Self::Typing(item)
            | Self::Receipt(item)
            | Self::Other(item) => Some(item),
            Self::Connection(_)
            | Self::CaughtUp
            | Self::Gap
            | Self::Lagged { .. }
            | Self::Ended => None,
        }
    }

    /// Sorts an item of a transcript or a socket into its event.
    pub fn from_item(item: Item) -> Self {
        let head = item.head();
        match (&head.item_type, &head.content_type) {
            (Some(ItemType::Attachment), _) => Self::Attachment(item),
            (Some(ItemType::MessageMetadata), _)
            | (
                _,
                Some(
                    ContentType::MessageDelivered
                    | ContentType::MessageRead
                    | ContentType::MessageMetadata,
                ),
            ) => Self::Receipt(item),
            (_, Some(ContentType::ParticipantJoined)) => Self::Joined(item),
            (_, Some(ContentType::ParticipantLeft)) => Self::Left(item),
            (_, Some(ContentType::Typing)) => Self::Typing(item),
            (Some(ItemType::Message), _) => Self::Message(item),
            _ => Self::Other(item),
        }
    }
}

/// What the connection of a chat is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// Nobody called [`Chat::connect`](crate::Chat::connect) yet.
    New,
    /// Asking for a connection or opening a socket.
    Connecting,
    /// A socket is open and subscribed: items arrive as they happen.
    Online,
    /// The connection is lost; waiting to try again.
    Waiting {
        /// Until then.
        until: Instant,
        /// Why the last attempt failed, for people.
        reason: String,
    },
    /// There is no network.
    Offline,
    /// The client has given up. [`Chat::connect`](crate::Chat::connect) may be called again.
    Broken {
        /// Why, for people.
        reason: String,
    },
    /// The chat is over.
    Ended,
}

/// The events of one chat, from [`Chat::events`](crate::Chat::events). Ends after [`Event::Ended`],
/// or when the last handle of the chat is gone.
///
/// Each stream has a queue of its own with a bound in events and in bytes
/// ([`ClientBuilder::event_buffer`](crate::ClientBuilder::event_buffer)). A reader that falls behind
/// further than that gets what is queued, then [`Event::Lagged`], then what happens from then on. It
/// never holds up the connection, other readers or other chats.
#[must_use = "events that nobody reads fill a buffer and are thrown away"]
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// The next event; `None` when there will be no more. Safe to drop while it waits: no event is
    /// lost.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.queue.poll(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(context)
    }
}

impl FusedStream for Events {
    fn is_terminated(&self) -> bool {
        let state = self.queue.lock();
        state.closed && state.is_empty()
    }
}

/// The bounds of the queue of one reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Queue {
    state: Mutex<QueueState>,
}

#[derive(Debug, Default)]
struct QueueState {
    events: VecDeque<Event>,
    bytes: usize,
    /// Events thrown away since the queue was full; they belong after all that is in it.
    missed: u64,
    closed: bool,
    reader: Option<Waker>,
}

impl QueueState {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.missed == 0
    }

    fn pop(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= size(&event);
            return Some(event);
        }
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(Event::Lagged { missed })
    }
}

fn size(event: &Event) -> usize {
    event.item().map_or(0, |item| item.text().len())
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // Nothing that runs under this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: &Event, bounds: Bounds) {
        let reader = {
            let mut state = self.lock();
            let full = state.events.len() >= bounds.events
                || state.bytes.saturating_add(size(event)) > bounds.bytes;
            // An event behind a hole would come out before it; so it falls into it. The last event
            // of all needs no room.
            if (full || state.missed > 0) && !matches!(event, Event::Ended) {
                state.missed += 1;
            } else {
                if state.missed > 0 {
                    let missed = std::mem::take(&mut state.missed);
                    state.events.push_back(Event::Lagged { missed });
                }
                state.bytes += size(event);
                state.events.push_back(event.clone());
            }
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn close(&self) {
        let reader = {
            let mut state = self.lock();
            state.closed = true;
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.lock();
        match state.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Where the driver puts the events of one chat, and the handles find them.
#[derive(Debug)]
pub(crate) struct Feed {
    bounds: Bounds,
    readers: Mutex<Readers>,
    connection: watch::Sender<Connection>,
}

#[derive(Debug, Default)]
struct Readers {
    queues: Vec<Arc<Queue>>,
    closed: bool,
}

impl Feed {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, readers: Mutex::default(), connection: watch::Sender::new(Connection::New) }
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        // Nothing that runs under this lock can panic half-way.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> Events {
        let queue = Arc::new(Queue { state: Mutex::default() });
        let mut readers = self.readers();
        if readers.closed {
            queue.close();
        } else {
            readers.queues.push(Arc::clone(&queue));
        }
        Events { queue }
    }

    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    pub(crate) fn publish(&self, event: &Event) {
        if let Event::Connection(connection) = event {
            self.connection.send_replace(connection.clone());
        }
        let mut readers = self.readers();
        // One count is this list's own: the reader has dropped its stream.
        readers.queues.retain(|queue| Arc::strong_count(queue) > 1);
        for queue in &readers.queues {
            queue.push(event, self.bounds);
        }
    }

    /// No more events, ever.
    pub(crate) fn close(&self) {
        let mut readers = self.readers();
        readers.closed = true;
        for queue in readers.queues.drain(..) {
            queue.close();
        }
    }
}

/// The application's event for one of the core; `None` for those that say what
/// [`Event::Connection`] says already, or that only the core's other hosts use.
pub(crate) fn from_core(event: session::Event, origin: Instant) -> Option<Event> {
    use session::{Body, Event as Core};
    Some(match event {
        Core::Item { body: Body::Item(item), .. } => Event::from_item(Arc::unwrap_or_clone(item)),
        Core::Connection(connection) => Event::Connection(match connection {
            session::Connection::Connecting => Connection::Connecting,
            session::Connection::Online => Connection::Online,
            session::Connection::Waiting { until_ms, reason } => Connection::Waiting {
                until: origin + std::time::Duration::from_millis(until_ms),
                reason,
            },
            session::Connection::Offline => Connection::Offline,
            session::Connection::Broken { reason } => Connection::Broken { reason },
            session::Connection::Ended => Connection::Ended,
        }),
        Core::Gap { .. } => Event::Gap,
        Core::CaughtUp => Event::CaughtUp,
        Core::Ended => Event::Ended,
        // Only a host that parses frames itself lends items; this one hands over text.
        Core::Item { body: Body::Held(_), .. }
        | Core::Established { .. }
        | Core::Lost
        | Core::Broken
        | Core::DeepHeartbeat { .. }
        | Core::GapClosed { .. }
        | Core::Transcript(_)
        | Core::Message { .. }
        | Core::Roster(_)
        | Core::AttachmentProgress { .. }
        | Core::HandlerFailed { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const BOUNDS: Bounds = Bounds { events: 3, bytes: 1_000 };

    fn message(n: usize) -> Event {
        let text = format!(r#"{{"Id":"{n}","Type":"MESSAGE","ContentType":"text/plain"}}"#);
        Event::from_item(Item::from_text(text).unwrap())
    }

    fn drain(events: &mut Events) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(Some(event)) = events.next().now_or_never() {
            seen.push(match event {
                Event::Message(item) => item.head().id.as_ref().unwrap().to_string(),
                other => format!("{other:?}"),
            });
        }
        seen
    }

    #[test]
    fn a_slow_reader_gets_what_fitted_then_the_hole_then_what_follows() {
        let feed = Feed::new(BOUNDS);
        let mut slow = feed.subscribe();
        let mut quick = feed.subscribe();
        let mut seen = Vec::new();
        for n in 1..=5 {
            feed.publish(&message(n));
            seen.extend(drain(&mut quick));
        }
        assert_eq!(seen, ["1", "2", "3", "4", "5"]);
        assert_eq!(drain(&mut slow), ["1", "2", "3", "Lagged { missed: 2 }"]);
        feed.publish(&message(6));
        assert_eq!(drain(&mut slow), ["6"]);
    }

    #[test]
    fn a_hole_comes_before_what_follows_it() {
        let feed = Feed::new(BOUNDS);
        let mut events = feed.subscribe();
        for n in 1..=4 {
            feed.publish(&message(n));
        }
        // There is room for 5 again, but 4 is missing: 5 belongs behind the hole, so into it.
        assert!(matches!(events.next().now_or_never(), Some(Some(Event::Message(_)))));
        feed.publish(&message(5));
        feed.publish(&Event::Ended);
        feed.close();
        assert_eq!(drain(&mut events), ["2", "3", "Lagged { missed: 2 }", "Ended"]);
        assert!(events.is_terminated());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let feed = Feed::new(Bounds { events: 100, bytes: 150 });
        let mut events = feed.subscribe();
        for n in 1..=9 {
            feed.publish(&message(n));
        }
        assert_eq!(drain(&mut events), ["1", "2", "Lagged { missed: 7 }"]);
        feed.publish(&message(10));
        assert_eq!(drain(&mut events), ["10"]);
    }

    #[test]
    fn a_reader_that_went_away_is_forgotten() {
        let feed = Feed::new(BOUNDS);
        drop(feed.subscribe());
        feed.publish(&message(1));
        assert!(feed.readers().queues.is_empty());
    }

    #[test]
    fn a_reader_that_comes_after_the_end_sees_the_end() {
        let feed = Feed::new(BOUNDS);
        feed.close();
        assert!(matches!(feed.subscribe().next().now_or_never(), Some(None)));
    }

    #[test]
    fn items_are_sorted_by_type_and_content_type() {
        for (text, expected) in [
            (r#"{"Type":"MESSAGE","ContentType":"text/plain"}"#, "Message"),
            (r#"{"Type":"MESSAGE","ContentType":"x/unknown"}"#, "Message"),
            (r#"{"Type":"ATTACHMENT"}"#, "Attachment"),
            (r#"{"Type":"MESSAGEMETADATA"}"#, "Receipt"),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.typing"}"#,
                "Typing",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.participant.joined"}"#,
                "Joined",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.participant.left"}"#,
                "Left",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.chat.ended"}"#,
                "Other",
            ),
            ("{}", "Other"),
        ] {
            let event = format!("{:?}", Event::from_item(Item::from_text(text).unwrap()));
            assert!(event.starts_with(expected), "{text}: {event}");
        }
    }
}
