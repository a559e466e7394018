//! The chat socket (docs/protocol/websocket.md §1 and §11).

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Site, event, eventually, socket::Socket, text};

#[tokio::test]
async fn heartbeats_and_pings_are_answered() {
    let site = Site::demo().await;
    let (_customer, mut socket) = site.customer("Jane").await;
    socket.until_event("participant.joined").await;
    socket.message().await;
    // As ChatJS sends them, and as the native SDKs do.
    for frame in [r#"{"topic":"aws/heartbeat"}"#, r#"{"topic": "aws/heartbeat"}"#] {
        socket.send(frame).await;
        assert_eq!(socket.frame().await.unwrap(), json!({ "topic": "aws/heartbeat" }));
    }
    socket.send(r#"{"topic":"aws/ping"}"#).await;
    let pong = json!({ "topic": "aws/ping", "statusCode": 200, "statusContent": "OK" });
    assert_eq!(socket.frame().await.unwrap(), pong);
}

#[tokio::test]
async fn a_subscription_may_be_repeated_and_misspelt_as_ios_does() {
    let site = Site::demo().await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let mut socket = customer.socket().await;
    socket.send(r#"{"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})"#).await;
    let success = json!({ "status": "success", "topics": ["aws/chat"] });
    assert_eq!(socket.frame().await.unwrap()["content"], success);
    assert_eq!(event(&socket.item().await), "participant.joined");
    socket.message().await;
    // No second joining, and each item still once.
    assert_eq!(socket.subscribe_to(&["aws/chat"]).await["content"], success);
    customer.say("once").await;
    assert_eq!(socket.message().await, "once");
    socket.message().await;
    customer.say("and again").await;
    assert_eq!(socket.message().await, "and again");
    let joined = customer.transcript().await;
    assert_eq!(joined.iter().filter(|item| item["Type"] == "EVENT").count(), 1);
}

#[tokio::test]
async fn unknown_topics_are_refused_beside_known_ones() {
    let site = Site::demo().await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let mut socket = customer.socket().await;
    let failure = socket.subscribe_to(&["aws/weather"]).await;
    assert_eq!(failure["content"], json!({ "status": "failure", "topics": ["aws/weather"] }));
    let success = socket.subscribe_to(&["aws/weather", "aws/chat", "chatloom/queue"]).await;
    assert_eq!(success["content"], json!({ "status": "success", "topics": ["aws/chat"] }));
    loop {
        let frame = socket.frame().await.unwrap();
        if frame["topic"] == "aws/subscribe" {
            let refused =
                json!({ "status": "failure", "topics": ["aws/weather", "chatloom/queue"] });
            assert_eq!(frame["content"], refused);
            break;
        }
    }
    // What is not subscribed is not delivered, but an unknown topic does no harm.
    socket.send(r#"{"topic":"aws/unsubscribe","content":{"topics":["aws/chat"]}}"#).await;
    customer.say("still here").await;
    while socket.message().await != "still here" {}
}

#[tokio::test]
async fn nothing_is_delivered_before_the_subscription() {
    let site = Site::demo().await;
    let (customer, mut first) = site.customer("Jane").await;
    let mut second = customer.socket().await;
    customer.say("missed").await;
    while first.message().await != "missed" {}
    second.subscribe().await;
    customer.say("heard").await;
    // The assistant's answer to "missed" may come in between; the message itself never does.
    let mut heard = second.message().await;
    while heard != "heard" {
        assert_ne!(heard, "missed");
        heard = second.message().await;
    }
}

#[tokio::test]
async fn twenty_unreadable_frames_close_the_socket() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    let bad = ["{", "[]", "hello", r#"{"topic":7}"#, r#"{"topic":"aws/subscribe"}"#];
    for n in 0..19 {
        socket.send(bad[n % bad.len()]).await;
    }
    // Neither of these counts: nothing, and what is not text.
    socket.send("").await;
    socket.send(Message::Binary(b"\x00\x01".as_slice().into())).await;
    customer.say("still open").await;
    while socket.message().await != "still open" {}
    socket.send("one too many").await;
    assert_eq!(socket.closed().await, 1008);
    assert_eq!(site.figure("chatloom_unreadable_frames_total").await as u64, 20);
}

#[tokio::test]
async fn large_frames_and_floods_close_the_socket() {
    let site = Site::demo_with(|config| {
        config.set("socket.frames_burst", "50", "test").unwrap();
        config.set("socket.frames_per_second", "0.001", "test").unwrap();
    })
    .await;
    let (customer, mut socket) = site.customer("Jane").await;
    let frame = format!(r#"{{"topic":"aws/heartbeat","padding":"{}"}}"#, "x".repeat(8 * 1024));
    socket.try_send(frame).await;
    assert_eq!(socket.closed().await, 1008);

    let mut flood = customer.socket().await;
    for _ in 0..60 {
        if !flood.try_send(r#"{"topic":"aws/heartbeat"}"#).await {
            break;
        }
    }
    assert_eq!(flood.closed().await, 1008);
}

#[tokio::test]
async fn the_sixth_socket_closes_the_first() {
    let site = Site::demo().await;
    let (customer, first) = site.customer("Jane").await;
    let mut sockets = vec![first];
    for _ in 0..4 {
        let mut socket = customer.socket().await;
        socket.subscribe().await;
        sockets.push(socket);
    }
    customer.say("to five").await;
    for socket in &mut sockets {
        while socket.message().await != "to five" {}
    }
    let mut sixth = customer.socket().await;
    sixth.subscribe().await;
    assert_eq!(sockets[0].closed().await, 1008);
    customer.say("to the other five").await;
    for socket in sockets[1..].iter_mut().chain([&mut sixth]) {
        while socket.message().await != "to the other five" {}
    }
    // One participant's sockets are not another's.
    let (_john, mut johns) = site.customer("John").await;
    johns.message().await;
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_are_not() {
    let site = Site::demo_with(|config| {
        config.set("socket.queue_frames", "4", "test").unwrap();
        config.set("socket.queue_size", "64KiB", "test").unwrap();
    })
    .await;
    let (customer, mut reader) = site.customer("Jane").await;
    let mut slow = Socket::open_with_buffer(&customer.socket_url, Some(4096)).await.unwrap();
    slow.subscribe().await;
    let text = "x".repeat(16_000);
    let mut sent = 0;
    while site.figure("chatloom_slow_readers_total").await < 1.0 {
        customer.say(&text).await;
        sent += 1;
        assert!(sent < 2_000, "the queue has no bound");
        while reader.message().await != text {}
    }
    customer.say("the end").await;
    while reader.message().await != "the end" {}
    // What was on its way arrives, and then the close, or a connection that was cut.
    let code = slow.closed().await;
    assert!(code == 1013 || code == 1006, "{code}");
    let stored = customer.messages().await;
    assert_eq!(stored.iter().filter(|content| **content == text).count(), sent);
}

#[tokio::test]
async fn a_socket_is_closed_some_time_after_the_end() {
    let site = Site::demo_with(|config| {
        config.set("socket.linger", "50ms", "test").unwrap();
    })
    .await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.disconnect().await;
    socket.until_event("chat.ended").await;
    // Until then it is served.
    socket.send(r#"{"topic":"aws/heartbeat"}"#).await;
    assert_eq!(socket.closed().await, 1001);
}

#[tokio::test]
async fn a_silent_socket_is_closed() {
    let site = Site::demo_with(|config| {
        config.set("socket.idle_timeout", "100ms", "test").unwrap();
    })
    .await;
    let (_customer, mut socket) = site.customer("Jane").await;
    assert_eq!(socket.closed().await, 1001);
    let gone = || async { (site.figure("chatloom_sockets").await < 1.0).then_some(()) };
    eventually("the socket to be forgotten", gone).await;
}

#[tokio::test]
async fn what_sockets_leave_behind_is_nothing() {
    let site = Site::demo().await;
    {
        let (customer, _first) = site.customer("Jane").await;
        let _second = customer.socket().await;
        assert_eq!(site.figure("chatloom_sockets").await as u64, 2);
        assert_eq!(site.figure("chatloom_rooms").await as u64, 1);
    }
    for figure in ["chatloom_sockets", "chatloom_rooms"] {
        let gone = || async { (site.figure(figure).await < 1.0).then_some(()) };
        eventually(figure, gone).await;
    }
}

#[tokio::test]
async fn urls_name_what_the_client_used() {
    let site = Site::demo().await;
    let customer = site.start_chat("Jane").await;
    let port = site.address.port();
    for (host, base) in [
        (format!("localhost:{port}"), format!("ws://127.0.0.1:{port}/socket?token=")),
        ("127.0.0.1".to_owned(), "ws://127.0.0.1:80/socket?token=".to_owned()),
    ] {
        let request = crate::support::http::Request::post("/participant/connection")
            .bearer(&customer.participant_token)
            .header("Host", &host)
            // Nobody configured a proxy.
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "evil.example")
            .json(&json!({ "Type": ["WEBSOCKET"] }));
        let answer = site.send(request).await.ok();
        assert!(text(&answer["Websocket"]["Url"]).starts_with(&base), "{answer}");
        assert!(answer.get("ConnectionCredentials").is_none());
        assert_eq!(answer["Websocket"]["ConnectionExpiry"], "2026-06-01T02:00:00.000Z");
    }
    let site = Site::demo_with(|config| {
        config.set("server.public_url", "https://chat.example.org/eu", "test").unwrap();
    })
    .await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    assert!(customer.socket_url.starts_with("wss://chat.example.org/eu/socket?token="));
}
