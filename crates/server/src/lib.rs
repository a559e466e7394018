//! In the making.

pub mod bus;
pub mod store;
