//! In the making.

pub mod bus;
pub mod chats;
pub mod store;
