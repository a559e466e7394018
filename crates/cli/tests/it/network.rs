//! The client behind a bad network: every message of the other side arrives once and in order.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chatloom::{Client, Event};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    program::Server,
    proxy::{Fault, Plan, Proxy},
    service::{chat_with_agent, http},
};

const MESSAGES: usize = 1_000;
/// The sender is so many messages ahead at most: most of them arrive live, between the faults.
const AHEAD: usize = 40;

/// Runs a test in a clock that is so many times as fast as the wall's. The client waits up to half a
/// minute between attempts, and twenty seconds before it gives a silent connection up; its peers and
/// the network are as fast as ever.
pub(crate) fn in_fast_time(times: u32, test: impl Future<Output = ()>) {
    const TICK: Duration = Duration::from_millis(1);
    let (tick, mut ticks) = mpsc::channel(1);
    let clock = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut interval = tokio::time::interval(TICK);
            loop {
                interval.tick().await;
                if tick.send(()).await.is_err() {
                    return;
                }
            }
        });
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        // Tokio lets a paused clock jump when nobody can run, but not while such a task runs.
        let (done, is_done) = std::sync::mpsc::sync_channel::<()>(0);
        let hold = tokio::task::spawn_blocking(move || is_done.recv());
        let clock = tokio::spawn(async move {
            while ticks.recv().await.is_some() {
                tokio::time::advance(TICK * times).await;
            }
        });
        test.await;
        clock.abort();
        drop(done);
        let _ = hold.await;
    });
    drop(runtime);
    clock.join().unwrap();
}

#[test]
fn a_thousand_messages_arrive_once_and_in_order_through_a_bad_network() {
    in_fast_time(30, async {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path()).await;
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let plan = Plan {
            seed: 7,
            faults: vec![
                (Fault::Cut, 30),
                (Fault::Stall(Duration::from_secs(3)), 15),
                (Fault::HalfOpen, 6),
            ],
            after_bytes: 300..9_000,
        };
        let proxy = Proxy::start(address, plan).await.unwrap();
        let (customer, agent) = chat_with_agent(&http(), server.url(), "Jane").await;

        let client = Client::builder().endpoint(proxy.url()).build().unwrap();
        let chat = client.chat(customer.details);
        let mut events = chat.events();
        let ahead = Semaphore::new(AHEAD);
        let send = async {
            let http = http();
            for n in 0..MESSAGES {
                ahead.acquire().await.unwrap().forget();
                let content = n.to_string();
                agent.send(&http, server.url(), &content, &content).await.expect("no fault here");
            }
        };
        let receive = async {
            // The first connection may be cut as well; `connect` says so after some attempts.
            while chat.connect().await.is_err() {}
            let (mut received, mut open) = (Vec::with_capacity(MESSAGES), Vec::new());
            while received.len() < MESSAGES || !open.is_empty() {
                let event = events.next().await.expect("the chat goes on");
                match &event {
                    Event::Lagged { .. } => panic!("messages are missing: {event:?}"),
                    // In the clock of this test a moment of this machine's is long: what is live may
                    // go before what cannot be read yet.
                    Event::Gap { gap } => open.push(*gap),
                    Event::GapClosed { gap } => open.retain(|known| known != gap),
                    Event::Message(item)
                        if item.head().participant_id.as_ref()
                            == Some(&agent.details.participant_id) =>
                    {
                        received.push(Arc::clone(item));
                        ahead.add_permits(1);
                    }
                    _ => {}
                }
            }
            received.sort_by_key(|item| item.head().absolute_time.clone());
            let contents = received.iter().filter_map(|item| item.content());
            contents.map(Cow::into_owned).collect::<Vec<_>>()
        };
        let ((), received) = tokio::join!(send, receive);
        let expected: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
        assert_eq!(received, expected);
        let counts = proxy.counts();
        for (what, count) in
            [("cut", &counts.cuts), ("stalled", &counts.stalls), ("hung", &counts.half_opens)]
        {
            assert!(count.load(Ordering::Relaxed) > 3, "few connections were {what}: {counts:?}");
        }
        println!("{counts:?}");
    });
}
