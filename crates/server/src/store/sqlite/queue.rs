//! A bounded queue between callers and the threads that own connections.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::store::StoreError;

/// Many callers put in without waiting; threads take out and wait when there is nothing.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    bound: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    open: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(bound: usize) -> Self {
        let state = State { waiting: VecDeque::new(), open: true };
        Self { state: Mutex::new(state), filled: Condvar::new(), bound }
    }

    /// Puts something in, unless the queue is full or closed.
    pub(super) fn push(&self, item: T) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(StoreError::Closed);
        }
        let waiting = state.waiting.len();
        if waiting >= self.bound {
            return Err(StoreError::Overloaded { waiting });
        }
        state.waiting.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits until there is something and takes everything, at most `limit`, into the empty `batch`.
    /// False when the queue is closed and nothing is left.
    pub(super) fn take_all(&self, batch: &mut VecDeque<T>, limit: usize) -> bool {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if !state.open {
                return false;
            }
            self.filled.wait(&mut state);
        }
        if state.waiting.len() <= limit {
            // The two change places, so neither is ever allocated anew.
            std::mem::swap(&mut state.waiting, batch);
        } else {
            batch.extend(state.waiting.drain(..limit));
        }
        true
    }

    /// Waits until there is something and takes it. Nothing when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.waiting.pop_front() {
                return Some(item);
            }
            if !state.open {
                return None;
            }
            self.filled.wait(&mut state);
        }
    }

    /// Takes no more. What is in is still handed out.
    pub(super) fn close(&self) {
        self.state.lock().open = false;
        self.filled.notify_all();
    }

    /// Whether it takes more.
    pub(super) fn is_open(&self) -> bool {
        self.state.lock().open
    }

    /// Takes no more and drops what is in.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.open = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
        self.filled.notify_all();
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        let refused = queue.push(3);
        assert!(matches!(refused, Err(StoreError::Overloaded { waiting: 2 })), "{refused:?}");
        assert_eq!(queue.take(), Some(1));
        queue.push(4).unwrap();
        assert_eq!((queue.take(), queue.take()), (Some(2), Some(4)));
    }

    #[test]
    fn a_batch_is_all_there_is_up_to_its_limit() {
        let queue = Queue::new(10);
        (0..5).for_each(|item| queue.push(item).unwrap());
        let mut batch = VecDeque::new();
        assert!(queue.take_all(&mut batch, 3));
        assert_eq!(batch, [0, 1, 2]);
        batch.clear();
        assert!(queue.take_all(&mut batch, 3));
        assert_eq!(batch, [3, 4]);
    }

    #[test]
    fn a_closed_queue_hands_out_what_is_in() {
        let queue = Queue::new(10);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        queue.close();
        assert!(matches!(queue.push(3), Err(StoreError::Closed)));
        assert_eq!(queue.take(), Some(1));
        let mut batch = VecDeque::new();
        assert!(queue.take_all(&mut batch, 10));
        batch.clear();
        assert!(!queue.take_all(&mut batch, 10));
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn an_abandoned_queue_drops_what_is_in() {
        let queue = Queue::new(10);
        let item = std::sync::Arc::new(());
        queue.push(std::sync::Arc::clone(&item)).unwrap();
        queue.abandon();
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
        assert!(queue.take().is_none());
    }

    #[test]
    fn whoever_waits_is_woken() {
        let queue = std::sync::Arc::new(Queue::new(10));
        let taker = std::thread::spawn({
            let queue = std::sync::Arc::clone(&queue);
            move || (queue.take(), queue.take())
        });
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(taker.join().unwrap(), (Some(1), None));
    }
}
