//! The chat client's core: every rule of a chat session, and no I/O.
mod io;
pub use io::*;
