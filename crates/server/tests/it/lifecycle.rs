//! Starting and stopping.

use std::sync::Arc;

use chatloom_server::{Config, Server, StartError, Stopped};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Person, Site, clock, http::Request, soon};

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_closes_sockets() {
    let mut site = Site::demo().await;
    let address = site.address;
    let (customer, socket) = site.customer("Jane").await;
    let person = customer.clone();
    let request = Request::post("/participant/message")
        .bearer(&customer.connection_token)
        .json(&json!({ "ContentType": "text/plain", "Content": "under way" }));
    let kept = (person.participant_token, person.connection_token, person.contact, person.id);

    // A request of which half has arrived.
    let bytes = request.to_bytes(address);
    let mut under_way = tokio::net::TcpStream::connect(address).await.unwrap();
    let (first, rest) = bytes.split_at(bytes.len() - 10);
    under_way.write_all(first).await.unwrap();
    // And a connection that waits for its next request.
    let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    soon("readiness", idle.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let mut socket = socket;
    let running = site.running.take().unwrap();
    let client = async {
        assert_eq!(socket.closed().await, 1012);
        let mut rest_of_idle = Vec::new();
        soon("the idle connection's end", idle.read_to_end(&mut rest_of_idle)).await.unwrap();
        under_way.write_all(rest).await.unwrap();
        let mut answer = Vec::new();
        soon("the answer", under_way.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    };
    let (stopped, ()) = soon("the stop", futures_util::future::join(running.stop(), client)).await;
    assert_eq!(stopped, Stopped::Drained);

    site.restart().await;
    let (participant_token, connection_token, contact, id) = kept;
    let person = Person {
        site: &site,
        participant_token,
        connection_token,
        contact,
        id,
        socket_url: String::new(),
    };
    assert!(person.messages().await.contains(&"under way".to_owned()));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut site = Site::demo_with(|config| {
        config.set("server.drain_timeout", "100ms", "test").unwrap();
    })
    .await;
    let mut stuck = tokio::net::TcpStream::connect(site.address).await.unwrap();
    stuck.write_all(b"POST /participant/message HTTP/1.1\r\nHost: 127.0.0.1\r\n").await.unwrap();
    // Accepted for sure once a later connection was served.
    assert_eq!(site.get("/healthz").await.status, 200);
    assert_eq!(site.stop().await, Stopped::Cut);
}

#[tokio::test]
async fn a_server_without_settings_works() {
    let mut site = Site::start(Config::default()).await;
    let made = site.running.as_ref().unwrap().keys().made.clone().unwrap();
    assert!(made.starts_with(&site.config.server.data));
    assert_eq!(site.get("/readyz").await.status, 200);
    site.stop().await;
    site.restart().await;
    assert_eq!(site.running.as_ref().unwrap().keys().made, None);
}

#[tokio::test]
async fn what_cannot_work_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = |change: fn(&mut Config), data: std::path::PathBuf| async move {
        let mut config = Config::demo();
        config.server.data = data;
        config.server.listen = ([127, 0, 0, 1], 0).into();
        change(&mut config);
        Server::start(config, Arc::new(chatloom_server::chats::SystemClock)).await
    };
    let path = folder.path().to_owned();
    let beyond =
        start(|config| config.server.listen = ([0, 0, 0, 0], 0).into(), path.clone()).await;
    assert!(matches!(beyond, Err(StartError::Config(_))));
    let running = start(|_| {}, path.clone()).await.unwrap();
    let twice = start(|_| {}, path.clone()).await;
    assert!(matches!(twice, Err(StartError::Store { .. })), "{twice:?}");
    running.stop().await;
    let file = path.join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(start(|_| {}, file).await, Err(StartError::Data { .. })));
    // The same clock type as in production starts; the tests' own is another.
    drop(clock());
}
