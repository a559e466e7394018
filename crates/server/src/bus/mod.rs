//! The doorbell between nodes.
//!
//! The store is the truth; the bus only tells nodes that something happened, at most once and in any
//! order. [`local`] is the bus of a single node. [`conformance`] is the suite that every bus passes.

use std::sync::Arc;

use chatloom_engine::Entry;
use chatloom_wire::ContactId;

pub mod conformance;
pub mod local;

/// What is told.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Entries were stored: consecutive places of one chat.
    Stored(Vec<Arc<Entry>>),
    /// An entry that is not stored, such as typing. Its `seq` is 0.
    Transient(Arc<Entry>),
    /// Somebody came to a queue or went.
    QueueChanged(Arc<str>),
}

/// Tells nodes what happened.
pub trait Bus: Send + Sync + 'static {
    /// Tells every node that listens to the notice's chat, this one included. Never blocks; may lose.
    fn publish(&self, notice: Notice);

    /// From now on this node wants what concerns a chat.
    fn listen(&self, chat: &ContactId);

    /// This node no longer wants what concerns a chat.
    fn ignore(&self, chat: &ContactId);
}

/// Who is told, on each node.
pub trait Listener: Send + Sync + 'static {
    /// Something happened. Called in the order a node's bus learned of it; must not block.
    fn notice(&self, notice: &Notice);

    /// The bus lost sight of the others for a while: compare with the store.
    fn reconnected(&self);
}
