//! Contact streaming: the items of a chat posted to a webhook.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use chatloom_server::config::{Period, StreamingEndpoint};
use serde_json::{Value, json};

use crate::support::{
    Site, eventually, start_request, text,
    webhook::{Received, SECRET, Webhook, allow_loopback, status},
};

const ARN: &str = "arn:aws:sns:us-west-2:000000000000:chats";
const OTHER_ARN: &str = "arn:aws:sns:us-west-2:000000000000:others";

fn endpoint(arn: &str, webhook: &Webhook) -> StreamingEndpoint {
    StreamingEndpoint { arn: arn.to_owned(), url: webhook.url().into(), secret: SECRET.into() }
}

async fn site(webhook: &Webhook) -> Site {
    Site::demo_with(|config| {
        allow_loopback(config);
        config.streaming.endpoints = vec![endpoint(ARN, webhook), endpoint(OTHER_ARN, webhook)];
        config.outgoing.first_wait = Period::millis(1);
    })
    .await
}

fn streaming(contact: &str, arn: &str, token: &str) -> Value {
    json!({
        "InstanceId": chatloom_server::config::DEMO_INSTANCE,
        "ContactId": contact,
        "ChatStreamingConfiguration": { "StreamingEndpointArn": arn },
        "ClientToken": token,
    })
}

/// The item in a notification, in short.
fn told(received: &Received) -> String {
    let item: Value = serde_json::from_str(received.json["Message"].as_str().unwrap()).unwrap();
    match item["Content"].as_str() {
        Some(content) => format!("{} {content}", text(&item["ParticipantRole"])),
        None => text(&item["ContentType"]).rsplit("event.").next().unwrap().to_owned(),
    }
}

/// docs/protocol/participant-service.md §6.8 and §10.4: the flow without a socket, and what a
/// notification has.
#[tokio::test]
async fn a_chat_is_streamed_without_a_socket() {
    let webhook = Webhook::new(|_| status(200)).await;
    let site = site(&webhook).await;
    let mut request = start_request("Cleo");
    request["ChatStreamingConfiguration"] = json!({ "StreamingEndpointArn": ARN });
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let stream = text(&started["StreamingId"]);
    // The flow has not begun: nothing is told before the customer connects.
    let mut customer = crate::support::Person {
        site: &site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    let body = json!({ "Type": ["CONNECTION_CREDENTIALS"], "ConnectParticipant": true });
    let connection = customer.create_connection(&body).await.ok();
    customer.connection_token = text(&connection["ConnectionCredentials"]["ConnectionToken"]);

    let joined = webhook.next().await;
    assert_eq!(told(&joined), "participant.joined");
    assert_eq!(joined.signed_at(), 1_780_272_000, "the server's time");
    assert_eq!(joined.header("x-amz-sns-message-type"), "Notification");
    assert_eq!(joined.header("chatloom-id"), joined.json["MessageId"].as_str().unwrap());
    assert_eq!(joined.json["MessageId"], format!("{stream}-1"));
    assert_eq!(joined.json["TopicArn"], ARN);
    assert_eq!(joined.json["Type"], "Notification");
    let attributes = &joined.json["MessageAttributes"];
    for (name, value) in [
        ("InitialContactId", customer.contact.as_str()),
        ("ContactId", &customer.contact),
        ("ParticipantRole", "CUSTOMER"),
        ("InstanceId", chatloom_server::config::DEMO_INSTANCE),
        ("AccountId", "000000000000"),
        ("Type", "EVENT"),
        ("ContentType", "application/vnd.amazonaws.connect.event.participant.joined"),
        ("MessageVisibility", "ALL"),
    ] {
        assert_eq!(attributes[name], json!({ "Type": "String", "Value": value }), "{name}");
    }
    let greeting = webhook.next().await;
    assert!(told(&greeting).starts_with("SYSTEM Hello!"), "{}", told(&greeting));

    customer.say("agent").await;
    assert_eq!(told(&webhook.next().await), "CUSTOMER agent");
    assert!(told(&webhook.next().await).starts_with("SYSTEM I am getting you an agent"));
    let ana = site.agent("ana").await;
    let ana = site.accept(&ana).await;
    ana.say("Hello, Cleo").await;
    assert_eq!(told(&webhook.next().await), "participant.joined");
    assert_eq!(told(&webhook.next().await), "AGENT Hello, Cleo");
    customer.disconnect().await;
    assert_eq!(told(&webhook.next().await), "participant.left");
    assert_eq!(told(&webhook.next().await), "chat.ended");
    assert_eq!(webhook.waiting(), 0);
}

#[tokio::test]
async fn a_stream_is_started_stopped_and_refused_as_modelled() {
    let webhook = Webhook::new(|_| status(200)).await;
    let site = site(&webhook).await;
    let (customer, _socket) = site.customer("Cleo").await;
    let start = async |body: &Value| site.signed("POST", "/contact/start-streaming", body).await;
    let contact = customer.contact.as_str();

    for (body, kind, code) in [
        (streaming(contact, "arn:aws:sns:x:0:nobody", "t"), "ResourceNotFoundException", 404),
        (streaming("no-contact", ARN, "t"), "ResourceNotFoundException", 404),
        (streaming(contact, "", "t"), "InvalidParameterException", 400),
        (streaming(contact, ARN, ""), "InvalidParameterException", 400),
        (json!({}), "InvalidRequestException", 400),
    ] {
        let refused = start(&body).await;
        assert_eq!(refused.error(), (code, kind), "{body}");
    }
    let first = start(&streaming(contact, ARN, "one")).await.ok();
    let again = start(&streaming(contact, ARN, "one")).await.ok();
    assert_eq!(first, again, "a repeat answers the first stream");
    let other = start(&streaming(contact, OTHER_ARN, "one")).await;
    assert_eq!(other.error(), (400, "InvalidRequestException"), "a token stands for one request");
    start(&streaming(contact, OTHER_ARN, "two")).await.ok();
    let third = start(&streaming(contact, ARN, "three")).await;
    assert_eq!(third.error(), (429, "LimitExceededException"));

    // Only what comes after the start of a stream is told.
    customer.say("to both").await;
    let mut both = Vec::new();
    for _ in 0..4 {
        both.push(told(&webhook.next().await));
    }
    both.sort();
    assert_eq!(both[..2], ["CUSTOMER to both", "CUSTOMER to both"]);
    assert!(both[2..].iter().all(|answer| answer.starts_with("SYSTEM")), "{both:?}");

    let stop = |stream: &Value| {
        json!({
            "InstanceId": chatloom_server::config::DEMO_INSTANCE,
            "ContactId": contact,
            "StreamingId": stream,
        })
    };
    let path = "/contact/stop-streaming";
    let body = stop(&first["StreamingId"]);
    assert_eq!(site.signed("POST", path, &body).await.ok(), json!({}));
    let gone = site.signed("POST", path, &body).await;
    assert_eq!(gone.error(), (404, "ResourceNotFoundException"));
    customer.say("to one").await;
    let one = webhook.next().await;
    assert_eq!(
        (told(&one).as_str(), &one.json["TopicArn"]),
        ("CUSTOMER to one", &json!(OTHER_ARN))
    );

    customer.disconnect().await;
    let late = start(&streaming(contact, ARN, "late")).await;
    assert_eq!(late.error(), (400, "InvalidRequestException"));
}

/// What fails is tried again, in order, with the same id; a restart in between changes nothing.
#[tokio::test]
async fn what_an_endpoint_does_not_take_is_told_again_in_order() {
    // How often each item came. It fails twice: once refused, once with a redirect, which is not
    // followed.
    let came = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let counts = Arc::clone(&came);
    let webhook = Webhook::new(move |received| {
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(text(&received.json["MessageId"])).or_default();
        *count += 1;
        match *count {
            1 => status(503),
            2 => axum::response::Response::builder()
                .status(307)
                .header("Location", "/elsewhere")
                .body(axum::body::Body::empty())
                .unwrap(),
            _ => status(204),
        }
    })
    .await;
    let taken = || came.lock().unwrap().values().filter(|count| **count > 2).count();
    let mut site = site(&webhook).await;
    let contact = {
        let (customer, _socket) = site.customer("Cleo").await;
        let body = streaming(&customer.contact, ARN, "one");
        site.signed("POST", "/contact/start-streaming", &body).await.ok();
        customer.say("first").await;
        customer.say("second").await;
        customer.contact.clone()
    };
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.push(next_after_waits(&site, &webhook).await);
    }
    site.stop().await;
    site.restart().await;
    while taken() < 4 {
        seen.push(next_after_waits(&site, &webhook).await);
    }
    while webhook.waiting() > 0 {
        seen.push(webhook.next().await);
    }
    // Whatever came again because the server stopped under way: each came after the one before it.
    let mut in_order: Vec<(String, String)> = Vec::new();
    for received in &seen {
        let id = text(&received.json["MessageId"]);
        if in_order.iter().all(|(known, _)| *known != id) {
            in_order.push((id, told(received)));
        }
    }
    let places: Vec<_> = in_order.iter().map(|(id, _)| id.rsplit('-').next().unwrap()).collect();
    assert_eq!(places, ["3", "4", "5", "6"], "{contact}");
    assert_eq!([in_order[0].1.as_str(), &in_order[2].1], ["CUSTOMER first", "CUSTOMER second"]);
    for received in &seen {
        received.signed_at();
    }
}

/// The next request, with time passing until it comes: no more than a failure may have to wait for.
async fn next_after_waits(site: &Site, webhook: &Webhook) -> Received {
    let mut passed = 0;
    eventually("a request after a wait", || {
        let is_there = webhook.waiting() > 0;
        if !is_there && passed < 300_000 {
            passed += 100;
            site.clock.advance(100);
        }
        async move {
            site.figure("chatloom_stream_items_given_up_total").await;
            is_there.then_some(())
        }
    })
    .await;
    webhook.next().await
}

/// What no endpoint took in time is given up, and counted; what comes later is told again.
#[tokio::test]
async fn what_is_too_old_is_given_up() {
    let down = Arc::new(AtomicUsize::new(1));
    let is_down = Arc::clone(&down);
    let webhook =
        Webhook::new(move |_| status(if is_down.load(SeqCst) == 1 { 500 } else { 200 })).await;
    let site = site(&webhook).await;
    let (customer, _socket) = site.customer("Cleo").await;
    let body = streaming(&customer.contact, ARN, "one");
    site.signed("POST", "/contact/start-streaming", &body).await.ok();
    customer.say("lost").await;
    assert_eq!(told(&webhook.next().await), "CUSTOMER lost");
    site.clock.advance(3_600_000);
    eventually("the items to be given up", || async {
        site.clock.advance(1_000);
        let given_up = site.figure("chatloom_stream_items_given_up_total").await;
        (given_up >= 2.0).then_some(())
    })
    .await;
    down.store(0, SeqCst);
    while webhook.waiting() > 0 {
        webhook.next().await;
    }
    customer.say("kept").await;
    let received = next_after_waits(&site, &webhook).await;
    assert_eq!(told(&received), "CUSTOMER kept");
}

/// Endpoints that take calls and never answer hold up nobody but their own.
#[tokio::test]
async fn endpoints_that_are_gone_hold_up_only_their_own() {
    const GONE: [&str; 2] = ["arn:aws:sns:us-west-2:0:gone", "arn:aws:sns:us-west-2:0:gone-too"];
    let gone = Webhook::new(|_| {
        let never = futures_util::stream::pending::<std::io::Result<axum::body::Bytes>>();
        axum::response::Response::new(axum::body::Body::from_stream(never))
    })
    .await;
    let webhook = Webhook::new(|_| status(200)).await;
    let site = Site::demo_with(|config| {
        allow_loopback(config);
        config.streaming.endpoints = GONE.map(|arn| endpoint(arn, &gone)).into();
        config.streaming.endpoints.push(endpoint(ARN, &webhook));
        config.outgoing.at_once = 4;
        config.outgoing.at_once_per_endpoint = 4;
        config.outgoing.timeout = Period::hours(1);
    })
    .await;
    for arn in GONE {
        for _ in 0..4 {
            let (customer, _socket) = site.customer("Joe").await;
            let body = streaming(&customer.contact, arn, "one");
            site.signed("POST", "/contact/start-streaming", &body).await.ok();
            customer.say("to nobody").await;
        }
    }
    for _ in 0..3 {
        gone.next().await;
    }
    let (customer, _socket) = site.customer("Cleo").await;
    let body = streaming(&customer.contact, ARN, "one");
    site.signed("POST", "/contact/start-streaming", &body).await.ok();
    customer.say("to somebody").await;
    assert_eq!(told(&webhook.next().await), "CUSTOMER to somebody");
    assert!(told(&webhook.next().await).starts_with("SYSTEM"));
    assert_eq!(gone.waiting(), 0, "no endpoint has more calls than are free");
}
