//! The server's parts, and the whole, at the boundaries people use.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod store;
