//! Polling a future again in place when it rings for itself.
//!
//! A runtime puts a task that wakes itself while it is polled behind all others, and wakes another
//! thread to take it. A connection of hyper does that for every request with a body: the handler that
//! asks for the body and the part that reads it are in one task, and ring for each other. On a server
//! that is not busy, that thread costs more than all of the handler.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// How often a future is polled before others have their turn.
const TURNS: usize = 8;

/// Nobody has rung.
const QUIET: u8 = 0;
/// The future is being polled; nobody has rung since.
const POLLED: u8 = 1;
/// Somebody has rung.
const RUNG: u8 = 2;

/// A future that is polled again at once, a few times, when it rings for itself.
pub(super) struct Again<F> {
    future: F,
    bell: Arc<Bell>,
    /// What the future rings.
    waker: Waker,
}

struct Bell {
    task: AtomicWaker,
    state: AtomicU8,
}

impl<F: Future + Unpin> Again<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { task: AtomicWaker::new(), state: AtomicU8::new(QUIET) });
        let waker = Waker::from(Arc::clone(&bell));
        Self { future, bell, waker }
    }
}

impl<F: Future + Unpin> Future for Again<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, bell, waker } = self.get_mut();
        bell.task.register(context.waker());
        let mut inner = Context::from_waker(waker);
        for _ in 0..TURNS {
            // Reads as well: what was done before a ring that is forgotten here is to be seen by this poll.
            bell.state.swap(POLLED, AcqRel);
            if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut inner) {
                return Poll::Ready(output);
            }
            if bell.state.compare_exchange(POLLED, QUIET, AcqRel, Acquire).is_ok() {
                return Poll::Pending;
            }
        }
        // It has rung since it was polled last.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever polls it now looks at this after it.
        if self.state.swap(RUNG, AcqRel) == QUIET {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use super::*;

    /// Counts how often it is rung.
    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// Polls it once: whether it has ended, and how often the task was rung since the last time.
    fn poll<F: Future + Unpin>(future: &mut Again<F>, rings: &Arc<Rings>) -> (bool, usize) {
        let waker = Waker::from(Arc::clone(rings));
        let ended = Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready();
        (ended, rings.0.swap(0, Relaxed))
    }

    #[test]
    fn whoever_rings_for_itself_goes_on_in_place() {
        let (rings, mut polls) = (Arc::default(), 0);
        let mut future = Again::new(poll_fn(|context| {
            polls += 1;
            if polls == TURNS {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!(poll(&mut future, &rings), (true, 0));
    }

    #[test]
    fn whoever_rings_without_end_lets_others_have_their_turn() {
        let (rings, polls) = (Arc::default(), AtomicUsize::new(0));
        let mut future = Again::new(poll_fn(|context| {
            polls.fetch_add(1, Relaxed);
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        for _ in 0..3 {
            assert_eq!(poll(&mut future, &rings), (false, 1));
            assert_eq!(polls.swap(0, Relaxed), TURNS);
        }
    }

    #[test]
    fn a_ring_from_elsewhere_wakes_the_task_once() {
        let (rings, mut kept) = (Arc::default(), None);
        let mut future = Again::new(poll_fn(|context: &mut Context<'_>| {
            kept.get_or_insert_with(|| context.waker().clone());
            Poll::<()>::Pending
        }));
        assert_eq!(poll(&mut future, &rings), (false, 0));
        let waker = future.waker.clone();
        for rung in [1, 1, 1] {
            waker.wake_by_ref();
            waker.wake_by_ref();
            assert_eq!(rings.0.load(Relaxed), rung);
            assert_eq!(poll(&mut future, &rings), (false, rung));
        }
    }
}
