//! What waits to be written to one socket.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use axum::extract::ws::Utf8Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Why the server closes a socket (docs/protocol/README.md, "Sockets"). Never 1000 or 4000: after
/// those Android stays disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// The chat has been over for a while, or nothing came for long.
    GoingAway,
    /// Another socket of the participant took its place, or its frames are no frames.
    Policy,
    /// The server stops.
    Restart,
    /// It reads too slowly; or the server cannot serve it at present.
    TryAgain,
}

impl Close {
    /// The code on the wire.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Policy => 1008,
            Self::Restart => 1012,
            Self::TryAgain => 1013,
        }
    }

    /// A text for people who look at the network.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the chat is over, or nothing came for long",
            Self::Policy => "too many sockets, or frames that are none",
            Self::Restart => "the server stops",
            Self::TryAgain => "too slow, or the server is busy",
        }
    }
}

/// A bounded queue of frames between the hub and the task of one socket. Empty, it holds no memory.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// The chat is over, or the participant has left it.
    ended: bool,
    close: Option<Close>,
}

impl State {
    fn pop_frame(&mut self) -> Option<Utf8Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        if self.frames.is_empty() {
            // An idle socket keeps no buffer.
            self.frames = VecDeque::new();
        }
        Some(frame)
    }

    fn drop_frames(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}

/// What an outbox may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// What the task of a socket is to do.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write this frame.
    Frame(Utf8Bytes),
    /// Nothing more will come: the chat is over. Told once.
    Ended,
    /// Close.
    Close(Close),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits to be written.
    Waits,
    /// There was no room: the socket is being closed.
    Overflowed,
    /// The socket was being closed already.
    Closed,
}

impl Outbox {
    /// Adds a frame. When there is no room the socket is closed instead, without what waited: it
    /// recovers by the transcript.
    pub(crate) fn push(&self, frame: Utf8Bytes, bounds: Bounds) -> Pushed {
        let mut state = self.state.lock();
        if state.close.is_some() {
            return Pushed::Closed;
        }
        let bytes = state.bytes + frame.len();
        // A single frame always fits: else a large item could never be delivered.
        let overflows = state.frames.len() >= bounds.frames
            || (bytes > bounds.bytes && !state.frames.is_empty());
        if overflows {
            state.drop_frames();
            state.close = Some(Close::TryAgain);
        } else {
            state.frames.push_back(frame);
            state.bytes = bytes;
        }
        drop(state);
        self.reader.wake();
        if overflows { Pushed::Overflowed } else { Pushed::Waits }
    }

    /// The chat is over for this socket. What waits is still written.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.reader.wake();
    }

    /// Closes the socket. When the server restarts, what waits is written before; a socket that gave
    /// up its place gets no more. The first reason stays.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.state.lock();
        if close != Close::Restart {
            state.drop_frames();
        }
        state.close.get_or_insert(close);
        drop(state);
        self.reader.wake();
    }

    /// The next frame, if one waits.
    pub(crate) fn pop_frame(&self) -> Option<Utf8Bytes> {
        self.state.lock().pop_frame()
    }

    /// The next thing to do. One task at a time may wait.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Next> {
        self.reader.register(context.waker());
        let mut state = self.state.lock();
        if let Some(frame) = state.pop_frame() {
            return Poll::Ready(Next::Frame(frame));
        }
        if let Some(close) = state.close {
            return Poll::Ready(Next::Close(close));
        }
        if state.ended {
            state.ended = false;
            return Poll::Ready(Next::Ended);
        }
        Poll::Pending
    }

    /// Whoever waited has something else to do, and will look here after it: until then nothing wakes
    /// it. A task that is woken while it runs is put behind all others, and a thread is woken for it.
    pub(crate) fn look_away(&self) {
        drop(self.reader.take());
    }

    /// Ready once the socket is to be closed and nothing waits. For a task that is stuck in a write;
    /// one task at a time may wait.
    pub(crate) fn poll_close(&self, context: &mut Context<'_>) -> Poll<Close> {
        self.reader.register(context.waker());
        let state = self.state.lock();
        match state.close {
            Some(close) if state.frames.is_empty() => Poll::Ready(close),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::{Wake, Waker},
    };

    use futures_util::task::noop_waker;

    use super::*;

    /// Counts how often it is rung.
    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    const BOUNDS: Bounds = Bounds { frames: 3, bytes: 10 };

    fn next(outbox: &Outbox) -> Option<Next> {
        match outbox.poll_next(&mut Context::from_waker(&noop_waker())) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        }
    }

    fn close(outbox: &Outbox) -> Option<Close> {
        match outbox.poll_close(&mut Context::from_waker(&noop_waker())) {
            Poll::Ready(close) => Some(close),
            Poll::Pending => None,
        }
    }

    #[test]
    fn frames_come_in_order_and_the_end_comes_last() {
        let outbox = Outbox::default();
        assert!(next(&outbox).is_none());
        for text in ["a", "b"] {
            assert_eq!(outbox.push(text.into(), BOUNDS), Pushed::Waits);
        }
        outbox.end();
        for text in ["a", "b"] {
            assert!(matches!(next(&outbox), Some(Next::Frame(frame)) if frame.as_str() == text));
        }
        assert!(matches!(next(&outbox), Some(Next::Ended)));
        assert!(next(&outbox).is_none());
        outbox.close(Close::GoingAway);
        outbox.close(Close::Policy);
        assert!(matches!(next(&outbox), Some(Next::Close(Close::GoingAway))));
        assert_eq!(outbox.push("c".into(), BOUNDS), Pushed::Closed);
    }

    #[test]
    fn nobody_is_woken_who_looks_anyway() {
        let (outbox, rings) = (Outbox::default(), Arc::<Rings>::default());
        let waker = Waker::from(Arc::clone(&rings));
        let next = || outbox.poll_next(&mut Context::from_waker(&waker)).is_ready();
        assert!(!next());
        outbox.push("a".into(), BOUNDS);
        assert_eq!(rings.0.load(Relaxed), 1);
        assert!(next());
        outbox.look_away();
        outbox.push("b".into(), BOUNDS);
        assert_eq!(rings.0.load(Relaxed), 1);
        // And looking, it sees it.
        assert!(next());
        assert!(!next());
        outbox.close(Close::Restart);
        assert_eq!(rings.0.load(Relaxed), 2);
    }

    #[test]
    fn too_many_or_too_much_closes() {
        for frames in [&["1", "2", "3", "4"][..], &["123456", "78901"]] {
            let outbox = Outbox::default();
            let (last, first) = frames.split_last().unwrap();
            for frame in first {
                assert_eq!(outbox.push((*frame).into(), BOUNDS), Pushed::Waits);
            }
            assert_eq!(close(&outbox), None);
            assert_eq!(outbox.push((*last).into(), BOUNDS), Pushed::Overflowed);
            assert_eq!(close(&outbox), Some(Close::TryAgain));
            assert!(matches!(next(&outbox), Some(Next::Close(Close::TryAgain))));
        }
        let outbox = Outbox::default();
        assert_eq!(outbox.push("a frame larger than the bound".into(), BOUNDS), Pushed::Waits);
    }

    #[test]
    fn a_restart_waits_for_what_is_queued_and_a_lost_place_does_not() {
        let outbox = Outbox::default();
        outbox.push("a".into(), BOUNDS);
        outbox.close(Close::Restart);
        assert_eq!(close(&outbox), None);
        assert!(outbox.pop_frame().is_some());
        assert_eq!(close(&outbox), Some(Close::Restart));

        let outbox = Outbox::default();
        outbox.push("a".into(), BOUNDS);
        outbox.close(Close::Policy);
        assert_eq!((outbox.pop_frame(), close(&outbox)), (None, Some(Close::Policy)));
    }
}
