//! The client against a scripted service in the same process, on loopback, in a time that the tests
//! make pass: minutes of outages take milliseconds, and no test waits for a fixed time.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and so do its helpers"
)]

mod agent;
mod chat;
mod files;
mod messages;
mod options;
mod people;
#[expect(dead_code, reason = "other tests use it too, and more of it")]
mod proxy;
mod recovery;
mod resume;
mod secrets;
mod service;
mod transcript;

use std::time::Duration;

use chatloom::{Chat, Client, Connection, Event, Events};
use service::{CUSTOMER_NAME, Service};

/// Runs a test in a time of its own.
///
/// Tokio's paused clock by itself would jump to the next timer whenever nobody can run, also while
/// bytes are on their way through the loopback device. So it is pushed: some passes over everything
/// that can run and over the sockets, then a pause of real time, in which the kernel gets to carry
/// what was sent, then a step of the tests' time, and so on. What the tests measure in seconds is
/// thousands of passes. A test that waits for what never comes fails after an hour of its time.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel has no clock that a test could set; too short a pause only slows a test down"
)]
fn run(test: impl Future<Output = ()>) {
    const PASSES: usize = 20;
    const PAUSE: Duration = Duration::from_micros(100);
    const STEP: Duration = Duration::from_millis(50);
    const LIMIT: Duration = Duration::from_hours(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.spawn(async {
        loop {
            for _ in 0..PASSES {
                tokio::task::yield_now().await;
            }
            std::thread::sleep(PAUSE);
            tokio::time::advance(STEP).await;
        }
    });
    let ended = runtime.block_on(async { tokio::time::timeout(LIMIT, test).await });
    ended.expect("the test still waits after an hour of its time");
}

/// A client of what listens at a URL.
fn client(url: &str) -> Client {
    Client::builder().endpoint(url).build().unwrap()
}

/// A started chat that is on line and has heard what the transcript holds.
async fn online(client: &Client) -> (Chat, Events) {
    let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
    let mut events = chat.events();
    chat.connect().await.unwrap();
    until(&mut events, |event| matches!(event, Event::CaughtUp)).await;
    (chat, events)
}

/// Reads on until an event of some kind, and gives it with the items before.
async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> (Vec<Event>, Event) {
    let mut before = Vec::new();
    loop {
        let event =
            events.next().await.expect("the events ended before the one that was waited for");
        if wanted(&event) {
            return (before, event);
        }
        before.push(event);
    }
}

/// The contents of the next so many messages of others.
async fn next_messages(chat: &Chat, events: &mut Events, count: usize) -> Vec<String> {
    let mut messages = Vec::new();
    while messages.len() < count {
        match events.next().await.expect("the events ended") {
            Event::Message(item) if !chat.is_own(&item) => {
                messages.push(item.content().unwrap().into_owned());
            }
            event @ (Event::Gap { .. } | Event::Lagged { .. } | Event::Ended) => {
                panic!("messages are missing: {event:?}")
            }
            _ => {}
        }
    }
    messages
}

async fn is_online(chat: &Chat) {
    chat.connection().wait_for(|connection| *connection == Connection::Online).await.unwrap();
}

/// A service and a client of it.
async fn service_and_client() -> (Service, Client) {
    let service = Service::start().await;
    let client = client(&service.url());
    (service, client)
}
