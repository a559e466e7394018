//! The bus of a single node passes the suite for buses.

use std::sync::Arc;

use chatloom_server::{
    bus::{Bus, Listener, conformance::Network, local::Local},
    bus_conformance,
};
use futures_util::future::{BoxFuture, FutureExt as _, ready};

use crate::store::TemporaryFile;

/// A node by itself.
struct Alone;

impl Network for Alone {
    fn join(&self, listener: Arc<dyn Listener>) -> BoxFuture<'_, Arc<dyn Bus>> {
        let bus = Arc::new(Local::new());
        bus.set_listener(listener);
        ready(bus as Arc<dyn Bus>).boxed()
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        // Publishing delivers before it returns.
        ready(()).boxed()
    }

    fn nodes(&self) -> usize {
        1
    }
}

bus_conformance!(Alone, TemporaryFile::new());
