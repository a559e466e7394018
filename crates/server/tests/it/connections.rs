//! Those who hold connections and do nothing with them: too many, too slow, or both.

use std::time::Duration;

use chatloom_server::Config;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{
    Site, eventually,
    http::{Request, Response},
    socket::Socket,
    soon,
};

/// A demo that counts connections from this machine too.
async fn counting(change: impl FnOnce(&mut Config)) -> Site {
    Site::demo_with(|config| {
        config.addresses.exempt.clear();
        change(config);
    })
    .await
}

/// Another address of this machine.
#[cfg(target_os = "linux")]
async fn connect_from(site: &Site, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(site.address).await.unwrap()
}

/// Whether the server closes a connection that nothing is sent on.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut nothing = Vec::new();
    soon("the end", stream.read_to_end(&mut nothing)).await.is_err() || nothing.is_empty()
}

fn refused(bound: &str) -> String {
    format!("chatloom_connections_refused_total{{bound=\"{bound}\"}}")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_address_leaves_connections_to_the_others() {
    let site = counting(|config| {
        config.set("addresses.connections", "3", "test").unwrap();
        config.set("http.header_timeout", "1h", "test").unwrap();
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect_from(&site, "127.0.0.2").await);
    }
    assert!(is_closed(&mut connect_from(&site, "127.0.0.2").await).await);
    // From here it is served.
    assert_eq!(site.figure(&refused("address")).await as u64, 1);
    // A place that is given back is another's.
    held.pop();
    eventually("a place", || async {
        let mut stream = connect_from(&site, "127.0.0.2").await;
        let request = Request::get("/healthz").to_bytes(site.address);
        let mut answer = Vec::new();
        let _ = stream.write_all(&request).await;
        let _ = stream.read_to_end(&mut answer).await;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    })
    .await;
}

/// What a flood leaves of the server: everybody else's chats, and as many connections as are allowed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_flood_of_connections_ends_at_its_bound() {
    let site = Site::demo_with(|config| {
        config.set("addresses.connections", "50", "test").unwrap();
        config.set("http.header_timeout", "1h", "test").unwrap();
    })
    .await;
    let mut flood = Vec::new();
    for _ in 0..300 {
        let mut stream = connect_from(&site, "127.0.0.2").await;
        // As much of a head as may be, and no end of it. Those who are refused may find it closed.
        let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(12_000));
        let _ = stream.write_all(head.as_bytes()).await;
        flood.push(stream);
    }
    eventually("the rest to be refused", || async {
        (site.figure(&refused("address")).await as u64 == 250).then_some(())
    })
    .await;
    assert!(site.figure("chatloom_connections").await as u64 <= 51, "50 and the one that asks");
    let (customer, mut socket) = site.customer("Jane").await;
    customer.say("all is well").await;
    while socket.message().await != "all is well" {}
    drop(flood);
    eventually("the connections to go", || async {
        (site.figure("chatloom_connections").await as u64 <= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn clients_of_a_proxy_are_counted_by_the_address_it_names() {
    let site = counting(|config| {
        config.set("addresses.connections", "2", "test").unwrap();
        config.set("server.trusted_proxies", "127.0.0.1", "test").unwrap();
    })
    .await;
    // The proxy itself has as many connections as it likes.
    let mut pool = Vec::new();
    for _ in 0..20 {
        pool.push(TcpStream::connect(site.address).await.unwrap());
    }
    let (customer, _own) = site.customer("Jane").await;
    let open = |client| Socket::open_for(&customer.socket_url, client);
    let (first, second) = (open("203.0.113.7").await.unwrap(), open("203.0.113.7").await.unwrap());
    assert_eq!(open("203.0.113.7").await.err(), Some(429));
    // What a client writes before the proxy's own word changes nothing.
    assert_eq!(open("198.51.100.1, 203.0.113.7").await.err(), Some(429));
    let ask = |client: &str| {
        let body = json!({ "Type": ["CONNECTION_CREDENTIALS"] });
        Request::post("/participant/connection")
            .header("X-Forwarded-For", client)
            .bearer(&customer.participant_token)
            .json(&body)
    };
    let refused = site.send(ask("203.0.113.7")).await;
    assert_eq!(refused.error(), (429, "ThrottlingException"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    site.send(ask("203.0.113.8")).await.ok();
    let _other = open("2001:db8::1").await.unwrap();

    drop(first);
    eventually("a place", || async {
        (site.send(ask("203.0.113.7")).await.status == 200).then_some(())
    })
    .await;
    drop((second, pool));
}

/// How often somebody slow writes a byte. That is a pace, and nothing waits for it: the bounds of time
/// that it is to meet are far longer, and those of size, at this pace, far away.
const PACE: Duration = Duration::from_millis(1);

/// Writes a byte now and then until the server has enough; what it answered.
async fn dribble(mut stream: TcpStream, bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let write = async {
        for byte in bytes {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(PACE).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // What was still on its way makes it a reset.
        _ = soon("the server to have enough", reader.read_to_end(&mut answer)) => {}
        () = write => {}
    }
    answer
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let site = Site::demo_with(|config| {
        config.set("http.header_timeout", "200ms", "test").unwrap();
    })
    .await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let endless = b"GET / HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat(b'x'));
    let answer = dribble(stream, endless).await;
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let site = Site::demo_with(|config| {
        config.set("http.body_timeout", "200ms", "test").unwrap();
    })
    .await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let head =
        b"POST /start-chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Connection: close\r\nContent-Length: 100000\r\n\r\n{\"";
    let answer = dribble(stream, head.iter().copied().chain(std::iter::repeat(b'x'))).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_connection_without_a_next_request_is_closed() {
    let site = Site::demo_with(|config| {
        config.set("http.header_timeout", "200ms", "test").unwrap();
    })
    .await;
    // A machine that is busy may take longer than that to send the first request.
    eventually("an answer and the end", || async {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut answer)).await;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    })
    .await;
}

/// A connection that takes in little before it is read.
async fn small_window(site: &Site) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(site.address).await.unwrap()
}

#[tokio::test]
async fn a_download_that_nobody_reads_is_cut() {
    let site = Site::demo_with(|config| {
        config.set("http.stall_timeout", "200ms", "test").unwrap();
        config.set("attachments.transfer_timeout", "1h", "test").unwrap();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    // More than the buffers of a connection.
    let bytes = vec![b'x'; 20 << 20];
    let file = customer.send_file("a.txt", "text/plain", &bytes).await;
    let get = Request::get(&customer.file_path(&file).await);
    let mut stream = small_window(&site).await;
    stream.write_all(&get.to_bytes(site.address)).await.unwrap();
    eventually("the connection to be cut", || async {
        (site.figure("chatloom_connections_stalled_total").await >= 1.0).then_some(())
    })
    .await;
    // Its file is closed, and its place is another's.
    eventually("the transfer to end", || async {
        (site.figure("chatloom_file_transfers").await < 1.0).then_some(())
    })
    .await;
    let answer = Response::read(stream).await;
    assert!(answer.status == 200 && answer.bytes.len() < bytes.len(), "{}", answer.bytes.len());
    // Whoever reads has all of it.
    let whole = site.send(Request::get(&customer.file_path(&file).await)).await;
    assert!(whole.bytes == bytes);
}

#[tokio::test]
async fn a_socket_that_nobody_reads_is_cut() {
    let site = Site::demo_with(|config| {
        config.set("http.stall_timeout", "200ms", "test").unwrap();
        // What is queued is not what ends it here.
        config.set("socket.queue_frames", "100000", "test").unwrap();
        config.set("socket.queue_size", "1024MiB", "test").unwrap();
    })
    .await;
    let (customer, mut reader) = site.customer("Jane").await;
    let mut stalled = Socket::open_with_buffer(&customer.socket_url, Some(4_096)).await.unwrap();
    stalled.subscribe().await;
    let text = "x".repeat(16_000);
    let mut sent = 0;
    while site.figure("chatloom_connections_stalled_total").await < 1.0 {
        sent += 1;
        assert!(sent < 5_000, "it may stall for ever");
        customer.say(&text).await;
        while reader.message().await != text {}
    }
    assert_eq!(stalled.closed().await, 1006);
    customer.say("the end").await;
    while reader.message().await != "the end" {}
}

#[tokio::test]
async fn a_socket_that_subscribes_to_nothing_is_closed() {
    let site = Site::demo_with(|config| {
        config.set("socket.subscribe_timeout", "200ms", "test").unwrap();
        config.set("socket.frames_burst", "1000000", "test").unwrap();
    })
    .await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let mut idle = customer.socket().await;
    let mut beating = customer.socket().await;
    let mut refused = customer.socket().await;
    let code = soon("the end of a socket that only beats", async {
        while beating.try_send(r#"{"topic":"aws/heartbeat"}"#).await {
            if let Err(code) = beating.frame().await {
                return code;
            }
        }
        beating.closed().await
    });
    let ask = r#"{"topic":"aws/subscribe","content":{"topics":["aws/weather"]}}"#;
    refused.try_send(ask).await;
    assert_eq!((code.await, idle.closed().await, refused.closed().await), (1001, 1001, 1001));
}

#[tokio::test]
async fn frames_against_the_protocol_close_the_socket() {
    let site = Site::demo().await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let part = |opcode, size: usize, is_final| {
        Message::Frame(Frame::message(vec![b'x'; size], OpCode::Data(opcode), is_final))
    };
    let too_large = vec![
        part(Data::Text, 6_000, false),
        part(Data::Continue, 6_000, false),
        part(Data::Continue, 6_000, true),
    ];
    let endless: Vec<_> = std::iter::once(part(Data::Text, 100, false))
        .chain((0..200).map(|_| part(Data::Continue, 100, false)))
        .collect();
    let out_of_place = vec![part(Data::Continue, 1, true)];
    let no_text =
        vec![Message::Frame(Frame::message(&b"\xff\xfe"[..], OpCode::Data(Data::Text), true))];
    for (what, frames) in [
        ("parts that are too large together", too_large),
        ("parts without end", endless),
        ("a part of nothing", out_of_place),
        ("text that is no UTF-8", no_text),
    ] {
        let mut socket = customer.socket().await;
        for frame in frames {
            if !socket.try_send(frame).await {
                break;
            }
        }
        // What was still on its way may make it a reset.
        let code = socket.closed().await;
        assert!(code == 1008 || code == 1006, "{what}: {code}");
    }
    // Nobody else has noticed.
    let mut socket = customer.socket().await;
    socket.subscribe().await;
}
