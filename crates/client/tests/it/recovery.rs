//! Nothing is lost, nothing comes twice, whatever happens to the connection.

use std::{borrow::Cow, sync::atomic::Ordering, time::Duration};

use chatloom::{Chat, Connection, Entry, Event, Events, Item, Transcript};

use super::{client, next_messages, online, run, service_and_client, until};
use crate::{
    proxy::{Fault as NetworkFault, Plan, Proxy},
    service::{CONNECTION, Fault, Service, TRANSCRIPT},
};

fn is_waiting(event: &Event) -> bool {
    matches!(event, Event::Connection(Connection::Waiting { .. }))
}

#[test]
fn what_was_missed_comes_once_and_in_order() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        service.say("0");
        for round in 0..5 {
            service.cut_sockets();
            // More than a page of the transcript, and some more while it is being read.
            for n in 1..=150 {
                service.say(&(round * 160 + n).to_string());
            }
            service.until(|service| service.subscribed_sockets() > 0).await;
            for n in 151..=160 {
                service.say(&(round * 160 + n).to_string());
            }
        }
        let expected: Vec<_> = (0..=800).map(|n| n.to_string()).collect();
        assert_eq!(next_messages(&chat, &mut events, 801).await, expected);
    });
}

#[test]
fn a_connection_that_is_half_open_is_noticed_and_replaced() {
    run(async {
        let service = Service::start().await;
        let proxy = Proxy::start(service.address, Plan::clear()).await.unwrap();
        let (chat, mut events) = online(&client(&proxy.url())).await;
        service.say("before");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["before"]);

        proxy.inflict(NetworkFault::HalfOpen);
        let lost_at = tokio::time::Instant::now();
        service.say("into the void");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["into the void"]);
        // One heartbeat may have been answered just before; the next one is not.
        assert!(lost_at.elapsed() < Duration::from_secs(45), "{:?}", lost_at.elapsed());
        assert!(proxy.counts().half_opens.load(Ordering::Relaxed) > 0);

        service.say("after");
        chat.send_message("and back").await.unwrap();
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["after"]);
    });
}

#[test]
fn a_failing_service_is_asked_again_until_it_works() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        let calls = service.calls(CONNECTION);
        let mut faults = vec![Fault::Status(500); 12];
        faults.extend([Fault::RetryAfter(429, 90), Fault::Status(502), Fault::Status(403)]);
        service.fail(CONNECTION, &faults);
        service.fail(TRANSCRIPT, &[Fault::Status(500), Fault::Status(429)]);
        let asked_at = tokio::time::Instant::now().into_std();
        service.cut_sockets();
        service.say("meanwhile");
        let (_, waiting) = until(&mut events, is_waiting).await;
        let Event::Connection(Connection::Waiting { until: next, reason }) = waiting else {
            panic!()
        };
        assert!(next > asked_at);
        assert!(reason.contains("InternalServerException"), "{reason}");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["meanwhile"]);
        assert_eq!(service.calls(CONNECTION), calls + faults.len() + 1);
    });
}

#[test]
fn a_chat_that_ended_meanwhile_ends_with_what_was_missed() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        service.end_silently();
        service.cut_sockets();
        until(&mut events, |event| matches!(event, Event::Ended)).await;
        assert!(events.next().await.is_none());
        assert_eq!(chat.connection().get(), Connection::Ended);
    });
}

#[test]
fn messages_wait_for_the_service_to_come_back() {
    run(async {
        let service = Service::start().await;
        let proxy = Proxy::start(service.address, Plan::clear()).await.unwrap();
        let (chat, mut events) = online(&client(&proxy.url())).await;
        let nowhere = Service::start().await.address;
        proxy.set_upstream(nowhere);
        proxy.inflict(NetworkFault::Cut);
        let reply = chat.send_message("through the outage");
        until(&mut events, is_waiting).await;
        proxy.set_upstream(service.address);
        reply.await.unwrap();
        assert_eq!(service.said().len(), 1);
    });
}

#[test]
fn frames_that_are_no_frames_harm_nothing() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        for frame in [
            "",
            "nonsense",
            "{}",
            "[]",
            r#"{"topic":"aws/chat","content":{"Id":"1"}}"#,
            r#"{"topic":"aws/chat","content":"nonsense"}"#,
            r#"{"topic":"aws/chat","content":"{\"Id\":7}"}"#,
            r#"{"topic":"aws/unheard","content":"?"}"#,
            r#"{"message":"Internal server error"}"#,
        ] {
            service.send_frame(frame);
        }
        service.say("still here");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["still here"]);
        assert_eq!(service.opened_sockets(), 1);
    });
}

#[test]
fn a_frame_beyond_all_bounds_costs_the_socket_and_nothing_else() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        service.send_frame(&"x".repeat(2 * 1024 * 1024));
        service.say("after that");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["after that"]);
        service.until(|service| service.opened_sockets() == 2).await;
    });
}

#[test]
fn an_item_that_is_published_twice_comes_once() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        service.say("once");
        let (_, event) = until(&mut events, |event| matches!(event, Event::Message(_))).await;
        service.publish_only(event.item().unwrap());
        service.say("next");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["next"]);
    });
}

/// The contents of the next so many messages of others, each in its place: what could not be read
/// for so long that others went before it comes between the gap and its end.
async fn in_order(chat: &Chat, events: &mut Events, count: usize) -> Vec<String> {
    let (mut messages, mut open) = (Vec::new(), Vec::new());
    while messages.len() < count || !open.is_empty() {
        match events.next().await.expect("the events ended") {
            Event::Message(item) if !chat.is_own(&item) => messages.push(item),
            Event::Gap { gap } => open.push(gap),
            Event::GapClosed { gap } => open.retain(|known| *known != gap),
            event @ (Event::Lagged { .. } | Event::Ended) => panic!("{event:?}"),
            _ => {}
        }
    }
    messages.sort_by_key(|item| item.head().absolute_time.clone());
    messages.iter().map(|item| item.content().unwrap().into_owned()).collect()
}

/// The promise, behind a network that breaks in every way: from both sides, each message once and in
/// order.
#[test]
fn a_bad_network_loses_nothing_and_doubles_nothing() {
    run(async {
        const MESSAGES: usize = 1_000;
        for seed in 1..=4 {
            let service = Service::start().await;
            let plan = Plan {
                seed,
                faults: vec![
                    (NetworkFault::Cut, 60),
                    (NetworkFault::Stall(Duration::from_secs(3)), 20),
                    (NetworkFault::Stall(Duration::from_mins(1)), 5),
                    (NetworkFault::HalfOpen, 10),
                ],
                after_bytes: 200..30_000,
            };
            let proxy = Proxy::start(service.address, plan).await.unwrap();
            // The start of a chat is not repeated by the client, so it does not come through the proxy.
            let details = client(&service.url()).start_chat("Jane Customer").await.unwrap();
            let chat = client(&proxy.url()).chat(details);
            let (mut events, mut transcript) = (chat.events(), chat.transcript());
            while chat.connect().await.is_err() {}

            let others = async {
                for n in 0..MESSAGES {
                    service.say(&n.to_string());
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            };
            let own = async {
                for n in (0..MESSAGES / 5).map(|n| format!("own {n}")) {
                    chat.send_message(n).await.unwrap();
                }
            };
            let read = in_order(&chat, &mut events, MESSAGES);
            let (read, ..) = tokio::join!(read, others, own);

            let expected: Vec<_> = (0..MESSAGES).map(|n| n.to_string()).collect();
            assert_eq!(read, expected, "seed {seed}");
            // What an application shows is what the service has, own messages and others'.
            let stored: Vec<_> = service.said().into_iter().map(|(_, content)| content).collect();
            let shown = |now: &Transcript| -> Vec<String> {
                let items = now.iter().filter_map(Entry::item).filter_map(Item::content);
                items.map(Cow::into_owned).collect()
            };
            transcript.wait_for(|now| shown(now) == stored).await.unwrap();
            let own: Vec<_> = service
                .said()
                .into_iter()
                .map(|(_, content)| content)
                .filter(|content| content.starts_with("own"))
                .collect();
            let expected: Vec<_> = (0..MESSAGES / 5).map(|n| format!("own {n}")).collect();
            assert_eq!(own, expected, "seed {seed}");
            assert!(proxy.counts().faults() >= 20, "seed {seed}: {:?}", proxy.counts());
        }
    });
}
