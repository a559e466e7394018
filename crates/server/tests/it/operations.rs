//! Requests that do not fit the model have no effect, and say why; odd ones that do are served.

use serde_json::{Value, json};

use crate::support::{
    Site,
    http::{Request, exchange},
    soon,
};

#[tokio::test]
async fn what_does_not_fit_the_model_is_refused() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let before = customer.transcript().await;
    let long = |count| "x".repeat(count);
    let typing = "application/vnd.amazonaws.connect.event.typing";
    let read = "application/vnd.amazonaws.connect.event.message.read";
    for (operation, body) in [
        ("message", json!({})),
        ("message", json!([])),
        ("message", json!("text")),
        ("message", json!({ "ContentType": "text/plain" })),
        ("message", json!({ "ContentType": "text/plain", "Content": "" })),
        ("message", json!({ "ContentType": "text/plain", "Content": 7 })),
        ("message", json!({ "ContentType": "text/plain", "Content": Value::Null })),
        ("message", json!({ "ContentType": "text/plain", "Content": long(16_385) })),
        ("message", json!({ "ContentType": "text/html", "Content": "x" })),
        ("message", json!({ "ContentType": typing, "Content": "x" })),
        ("message", json!({ "ContentType": 1, "Content": "x" })),
        (
            "message",
            json!({ "ContentType": "text/plain", "Content": "x", "ClientToken": long(501) }),
        ),
        (
            "message",
            json!({
                "ContentType": "application/vnd.amazonaws.connect.message.interactive.response",
                "Content": "not supported by this chat",
            }),
        ),
        ("event", json!({})),
        ("event", json!({ "ContentType": "text/plain" })),
        ("event", json!({ "ContentType": typing, "Content": long(16_385) })),
        ("event", json!({ "ContentType": read })),
        ("event", json!({ "ContentType": read, "Content": "no JSON" })),
        ("event", json!({ "ContentType": read, "Content": "{\"messageId\":\"\"}" })),
        ("transcript", json!({ "MaxResults": 101 })),
        ("transcript", json!({ "MaxResults": -1 })),
        ("transcript", json!({ "MaxResults": "10" })),
        ("transcript", json!({ "SortOrder": "SIDEWAYS" })),
        ("transcript", json!({ "ScanDirection": "UP" })),
        ("transcript", json!({ "NextToken": "" })),
        ("transcript", json!({ "NextToken": "forged" })),
        ("transcript", json!({ "StartPosition": { "MostRecent": 101 } })),
        ("transcript", json!({ "StartPosition": { "AbsoluteTime": "yesterday" } })),
        ("transcript", json!({ "ContactId": "" })),
        ("disconnect", json!({ "ClientToken": long(501) })),
        ("disconnect", json!({ "ClientToken": {} })),
    ] {
        let response = customer.call(operation, &body).await;
        assert_eq!(response.error(), (400, "ValidationException"), "{operation} {body}");
    }
    for body in [
        json!({}),
        json!({ "Type": [] }),
        json!({ "Type": ["CARRIER_PIGEON"] }),
        json!({ "Type": "WEBSOCKET" }),
        json!({ "Type": ["WEBRTC_CONNECTION"] }),
        json!({ "Type": ["WEBSOCKET", "WEBRTC_CONNECTION"] }),
        json!({ "ConnectParticipant": "yes" }),
    ] {
        let response = customer.create_connection(&body).await;
        assert_eq!(response.error(), (400, "ValidationException"), "{body}");
    }
    for body in ["{", "nul", "{\"Content\":\"\\ud800\"}", "\u{0}", "{\"a\":1}{", &"[".repeat(200)] {
        let request = Request::post("/participant/message").bearer(&customer.connection_token);
        let response = site.send(request.body(body)).await;
        assert_eq!(response.error(), (400, "ValidationException"), "{body:?}");
    }
    let not_utf8 = Request::post("/participant/message").bearer(&customer.connection_token);
    let response = site.send(not_utf8.body(b"{\"Content\":\"\xff\"}".as_slice())).await;
    assert_eq!(response.error(), (400, "ValidationException"));
    assert_eq!(customer.transcript().await, before);
}

#[tokio::test]
async fn large_bodies_and_heads_are_refused() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let before = customer.transcript().await;
    let message = |size| json!({ "ContentType": "text/plain", "Content": "x".repeat(size) });
    let response = customer.call("message", &message(200 * 1024)).await;
    assert_eq!(response.error(), (413, "RequestEntityTooLargeException"));

    // The same without saying so before.
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    let request = Request::post("/participant/message")
        .bearer(&customer.connection_token)
        .header("Transfer-Encoding", "chunked")
        .body(chunk.repeat(4) + "0\r\n\r\n");
    let response = site.send(request).await;
    assert_eq!(response.error(), (413, "RequestEntityTooLargeException"));

    // The largest message that the model allows, written as long as JSON can.
    let escaped =
        format!("{{\"ContentType\":\"text/plain\",\"Content\":\"{}\"}}", "\\u0041".repeat(16_384));
    let request = Request::post("/participant/message").bearer(&customer.connection_token);
    site.send(request.body(escaped)).await.ok();
    let after = customer.transcript().await;
    assert_eq!(after.len() - before.len(), 2, "the message and the assistant's answer");

    let request = Request::get("/healthz").header("X-Long", &"x".repeat(20 * 1024));
    assert_eq!(site.send(request).await.status, 431);
    let mut request = Request::get("/healthz");
    for n in 0..200 {
        request = request.header(&format!("X-{n}"), "1");
    }
    assert_eq!(site.send(request).await.status, 431);
}

#[tokio::test]
async fn half_a_request_has_no_effect() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let before = customer.transcript().await;
    let body = json!({ "ContentType": "text/plain", "Content": "half a message" });
    let request = Request::post("/participant/message").bearer(&customer.connection_token);
    let bytes = request.json(&body).to_bytes(site.address);
    for cut in [bytes.len() - 1, bytes.len() - 20, bytes.len() / 2, 5] {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes[..cut]).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
        // Whatever it says, if it says anything, it is no success.
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        let _ = soon("the end", read).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(customer.transcript().await, before);
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_to_the_next_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let site = Site::demo().await;
    let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
    for _ in 0..3 {
        // The token is refused as soon as the head is there. Many clients send the body in a packet of
        // its own, and take the connection for theirs when they have read the answer.
        let head = "POST /participant/message HTTP/1.1\r\nHost: localhost\r\nX-Amz-Bearer: none\r\n\
                    Content-Length: 2\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(site.get("/healthz").await.status, 200);
        stream.write_all(b"{}").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let read = soon("an answer", stream.read_buf(&mut answer)).await;
            assert_ne!(read.unwrap(), 0, "closed: {}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(b"HTTP/1.1 403"));
    }
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for() {
    let site = Site::demo_with(|config| {
        config.set("http.body_timeout", "50ms", "test").unwrap();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    let body = json!({ "ContentType": "text/plain", "Content": "slow" });
    let request = Request::post("/participant/message").bearer(&customer.connection_token);
    let bytes = request.json(&body).to_bytes(site.address);
    let stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let response = exchange(stream, &bytes[..bytes.len() - 1]).await;
    assert_eq!(response.error(), (408, "RequestTimeoutException"));
}

#[tokio::test]
async fn what_is_no_http_is_answered_or_cut() {
    let site = Site::demo().await;
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET\r\n\r\n", b"\r\n\r\nX /"]
    {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        let _ = soon("the end", read).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"));
    }
    assert_eq!(site.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn oddities_of_real_clients_are_served() {
    let site = Site::demo().await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;

    // An agent of ChatJS asks for nothing but to be connected.
    let answer = customer.create_connection(&json!({ "ConnectParticipant": true })).await.ok();
    assert_eq!(answer, json!({}));
    assert!(!customer.messages().await.is_empty(), "the assistant greets who is connected");

    // Each SDK signs with empty keys, and newer ones send members that nobody knows.
    let request = Request::post("/participant/message")
        .header("x-amz-bearer", &customer.connection_token)
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=/20260601/us-west-2/execute-api/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .header("X-Amz-Date", "20200101T000000Z")
        .json(&json!({ "ContentType": "text/plain", "Content": "hi", "Mood": { "sunny": true } }));
    let sent = site.send(request).await.ok();
    assert_eq!(sent.as_object().unwrap().len(), 2);
    assert!(sent["AbsoluteTime"].as_str().unwrap().ends_with('Z'));

    // The native SDKs send typing with an empty content.
    let typing = json!({
        "ContentType": "application/vnd.amazonaws.connect.event.typing", "Content": "",
    });
    customer.call("event", &typing).await.ok();
    // No body at all.
    let request = Request::post("/participant/transcript").bearer(&customer.connection_token);
    assert!(site.send(request).await.ok()["Transcript"].is_array());
}

#[tokio::test]
async fn other_paths_and_methods_do_not_exist() {
    let site = Site::demo().await;
    for (method, path) in [
        ("GET", "/participant/message"),
        ("POST", "/participant/messages"),
        ("POST", "/participant/message/"),
        ("DELETE", "/contact/chat"),
        ("POST", "/contact/chat"),
        ("GET", "/../etc/passwd"),
        ("GET", "//"),
    ] {
        let response = site.send(Request::new(method, path)).await;
        assert_eq!(response.error(), (404, "UnknownOperationException"), "{method} {path}");
    }
}

#[tokio::test]
async fn connections_of_one_participant_have_a_rate() {
    let site = Site::demo_with(|config| {
        config.set("connection.burst", "2", "test").unwrap();
        config.set("connection.per_second", "0.01", "test").unwrap();
    })
    .await;
    let customer = site.start_chat("Jane").await;
    let body = json!({ "Type": ["CONNECTION_CREDENTIALS"] });
    for _ in 0..2 {
        customer.create_connection(&body).await.ok();
    }
    let refused = customer.create_connection(&body).await;
    assert_eq!(refused.error(), (429, "ThrottlingException"));
    // A turn comes back after 100 seconds, and 5 of them could be waited for.
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=95).contains(&after), "{after}");
    site.start_chat("John").await.create_connection(&body).await.ok();
}

#[tokio::test]
async fn connections_are_held_back_before_they_are_refused() {
    let site = Site::demo_with(|config| {
        config.set("connection.burst", "1", "test").unwrap();
        config.set("connection.per_second", "20", "test").unwrap();
    })
    .await;
    let customer = site.start_chat("Jane").await;
    let body = json!({ "Type": ["CONNECTION_CREDENTIALS"] });
    let started = tokio::time::Instant::now();
    for _ in 0..5 {
        customer.create_connection(&body).await.ok();
    }
    assert!(started.elapsed().as_millis() >= 200, "four of five had to wait 50 ms each");
}
