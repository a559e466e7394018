//! What goes into the core and what comes out of it.

mod call;
mod debug;
mod details;
mod event;
mod input;
mod options;
mod output;

pub use self::{call::*, details::*, event::*, input::*, options::*, output::*};

/// The time an input arrives at.
///
/// Two clocks, both the host's: deadlines follow the monotonic one, so that setting the wall clock
/// cannot stop a heartbeat; token expiry and item times follow the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never goes back, from any origin.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
}

macro_rules! number {
    ($( $(#[$meta:meta])* $name:ident($inner:ty); )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);
    )*};
}

impl From<SessionId> for u64 {
    fn from(id: SessionId) -> Self {
        id.0.into()
    }
}

number! {
    /// A session, by a number the host picks and uses once.
    SessionId(u32);
    /// A call, by a number the host picks and uses once.
    CallId(u64);
    /// An HTTP request, by a number the core picks.
    RequestId(u64);
    /// A socket, by a number the core picks.
    SocketId(u64);
    /// An item that the host parsed and holds, by a number the host picks. It belongs to the core
    /// from the input that names it until [`Output::Release`] gives it back; in between, any number
    /// of events may show it.
    ItemHandle(u64);
    /// A socket manager that belongs to the host and serves many sessions, by a number the host
    /// picks (docs/protocol/websocket.md §8).
    ForeignId(u32);
    /// An entry of a tracked transcript, by a number the core picks. A message keeps it from the
    /// moment it is to be sent until its echo and beyond.
    EntryKey(u64);
    /// A hole in what the application has been given, by a number the core picks.
    GapId(u32);
}
