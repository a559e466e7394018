//! A state that changes, and whoever looks at it.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::error::Error;

/// A state that changes over time: look at it whenever you like, or wait until it is another.
///
/// Only the newest state is kept: whoever is slow skips those between and holds up nobody. Cheap to
/// clone; each clone has a place of its own. When the chat is over nothing changes any more, and the
/// last state can still be looked at.
///
/// ```no_run
/// # async fn example(chat: chatloom::Chat) {
/// let mut connection = chat.connection();
/// println!("now: {:?}", connection.get());
/// while let Some(state) = connection.changed().await {
///     println!("and now: {state:?}");
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Watch<T>(watch::Receiver<T>);

impl<T: Clone> Watch<T> {
    /// The state now. Whether [`changed`](Self::changed) has given it already does not matter.
    pub fn get(&self) -> T {
        self.0.borrow().clone()
    }

    /// The state now, which [`changed`](Self::changed) will then not give once more.
    pub fn newest(&mut self) -> T {
        self.0.borrow_and_update().clone()
    }

    /// Waits for a state that this has not given yet, and gives the newest; `None` when there will be
    /// no other. The state at the time when the watch was made counts as given. Safe to drop while it
    /// waits.
    pub async fn changed(&mut self) -> Option<T> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// Waits until the state is as wanted, which it may be already, and gives it. States that did not
    /// last may be missed. Safe to drop while it waits.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the state is another and will stay so.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<T, Error> {
        loop {
            // A copy, so that the program's test does not run under a lock that the driver takes.
            let state = self.0.borrow_and_update().clone();
            if wanted(&state) {
                return Ok(state);
            }
            self.0.changed().await.map_err(|_| Error::Closed)?;
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&*self.0.borrow()).finish()
    }
}

impl<T> From<watch::Receiver<T>> for Watch<T> {
    fn from(receiver: watch::Receiver<T>) -> Self {
        Self(receiver)
    }
}

/// Where a state comes from. It can still be looked at when it no longer changes.
pub(crate) struct Source<T> {
    sender: Mutex<Option<watch::Sender<T>>>,
    receiver: watch::Receiver<T>,
}

impl<T> Source<T> {
    pub(crate) fn new(state: T) -> Self {
        let (sender, receiver) = watch::channel(state);
        Self { sender: Mutex::new(Some(sender)), receiver }
    }

    fn sender(&self) -> MutexGuard<'_, Option<watch::Sender<T>>> {
        // Nothing that runs under this lock can panic half-way.
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> Watch<T> {
        let mut receiver = self.receiver.clone();
        receiver.mark_unchanged();
        Watch(receiver)
    }

    pub(crate) fn set(&self, state: T) {
        self.modify(|held| *held = state);
    }

    pub(crate) fn modify(&self, change: impl FnOnce(&mut T)) {
        if let Some(sender) = &*self.sender() {
            sender.send_modify(change);
        }
    }

    /// No more changes.
    pub(crate) fn close(&self) {
        self.sender().take();
    }
}

impl<T: fmt::Debug> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&*self.receiver.borrow()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_newest_state_is_given_once() {
        let source = Source::new(0);
        let mut watch = source.watch();
        assert_eq!((watch.get(), watch.changed().now_or_never()), (0, None));
        source.set(1);
        source.set(2);
        assert_eq!(watch.get(), 2);
        assert_eq!(watch.changed().now_or_never(), Some(Some(2)));
        assert_eq!(watch.changed().now_or_never(), None);
        source.set(3);
        assert_eq!((watch.newest(), watch.changed().now_or_never()), (3, None));
        // A watch that is made now begins with what is now.
        assert_eq!(source.watch().changed().now_or_never(), None);
    }

    #[test]
    fn the_last_state_can_be_seen_after_the_end() {
        let source = Source::new(0);
        let mut watch = source.watch();
        source.set(7);
        source.close();
        source.set(8);
        assert_eq!(watch.changed().now_or_never(), Some(Some(7)));
        assert_eq!(watch.changed().now_or_never(), Some(None));
        assert_eq!(source.watch().get(), 7);
        assert_eq!(watch.wait_for(|state| *state == 7).now_or_never(), Some(Ok(7)));
        assert_eq!(watch.wait_for(|state| *state == 8).now_or_never(), Some(Err(Error::Closed)));
    }

    #[tokio::test]
    async fn waiting_ends_when_the_state_is_as_wanted() {
        let source = Source::new(0);
        let mut watch = source.watch();
        let waiting = watch.wait_for(|state| *state == 2);
        let changing = async {
            for state in 1..=2 {
                source.set(state);
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(tokio::join!(waiting, changing).0, Ok(2));
    }
}
