//! The streams of events and the states of one chat: where the driver puts them and the handles find
//! them.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::{Stream, stream::FusedStream};

use crate::{
    event::{Connection, Event},
    roster::Roster,
    snapshot::Snapshot,
    transcript::Transcript,
    watch::Source,
};

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
    pub(crate) connection: Source<Connection>,
    pub(crate) roster: Source<Roster>,
    pub(crate) transcript: Source<Transcript>,
    pub(crate) snapshots: Source<Option<Snapshot>>,
}

#[derive(Debug, Default)]
struct Readers {
    queues: Vec<Arc<Queue>>,
    closed: bool,
}

impl Feed {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            readers: Mutex::default(),
            connection: Source::new(Connection::New),
            roster: Source::new(Roster::default()),
            transcript: Source::new(Transcript::default()),
            snapshots: Source::new(None),
        }
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

    pub(crate) fn publish(&self, event: &Event) {
        match event {
            Event::Connection(connection) => self.connection.set(connection.clone()),
            Event::Roster(roster) => self.roster.set(roster.clone()),
            _ => {}
        }
        let mut readers = self.readers();
        // One count is this list's own: the reader has dropped its stream.
        readers.queues.retain(|queue| Arc::strong_count(queue) > 1);
        for queue in &readers.queues {
            queue.push(event, self.bounds);
        }
    }

    /// No more changes and no more events, ever.
    pub(crate) fn close(&self) {
        self.connection.close();
        self.roster.close();
        self.transcript.close();
        self.snapshots.close();
        self.close_events();
    }

    /// No more events, ever.
    pub(crate) fn close_events(&self) {
        let mut readers = self.readers();
        readers.closed = true;
        for queue in readers.queues.drain(..) {
            queue.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::Item;
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
}
