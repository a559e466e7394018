//! The bus of a single node.

use std::sync::{Arc, OnceLock};

use chatloom_wire::ContactId;

use super::{Bus, Listener, Notice};

/// Calls this node's listener, at once and on the publisher's thread. Loses nothing, delivers every
/// chat's notices whether anybody listens or not, and is never cut, so it never calls
/// [`Listener::reconnected`].
///
/// What is published before [`Local::set_listener`] is told to nobody.
#[derive(Default)]
pub struct Local {
    listener: OnceLock<Arc<dyn Listener>>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("has_listener", &self.listener.get().is_some()).finish()
    }
}

impl Local {
    /// A bus that nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who is told. The first call counts: a node has one listener for its whole life.
    pub fn set_listener(&self, listener: Arc<dyn Listener>) {
        let first = self.listener.set(listener).is_ok();
        debug_assert!(first, "a node has one listener");
    }
}

impl Bus for Local {
    fn publish(&self, notice: Notice) {
        if let Some(listener) = self.listener.get() {
            listener.notice(&notice);
        }
    }

    fn listen(&self, _: &ContactId) {}

    fn ignore(&self, _: &ContactId) {}
}
