//! Bounds of connections, and who may look at the figures.

use chatloom_server::Config;

use crate::support::{Site, eventually, http::Request, soon};

#[tokio::test]
async fn a_connection_too_many_is_closed_and_its_place_comes_back() {
    let site = Site::demo_with(|config| {
        config.set("http.max_connections", "2", "test").unwrap();
    })
    .await;
    let first = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let second = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let mut third = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let mut nothing = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut third, &mut nothing);
    let _ = soon("the third connection to be closed", read).await;
    assert!(nothing.is_empty());
    drop((first, second));
    let served = || async {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        let request = Request::get("/healthz").to_bytes(site.address);
        let mut answer = Vec::new();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &request).await;
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    };
    eventually("a place", served).await;
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let site = Site::demo_with(|config| {
        config.set("http.header_timeout", "50ms", "test").unwrap();
    })
    .await;
    for start in ["", "GET /healthz HTTP/1.1\r\nHost: 127"] {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, start.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        let _ = soon("the connection to be closed", read).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
}

#[tokio::test]
async fn figures_are_for_this_machine_or_a_token() {
    let mut config = Config::default();
    config.set("metrics.token", "let me see", "test").unwrap();
    let site = Site::start(config).await;
    let figures = site.get("/metrics").await;
    assert_eq!(figures.status, 200);
    for name in [
        "chatloom_request_duration_seconds",
        "chatloom_connections",
        "chatloom_sockets",
        "chatloom_store_transactions_total",
        "chatloom_store_log_bytes",
        "chatloom_chats_started_total",
        "chatloom_hub_sweeps_total",
    ] {
        assert!(figures.body.contains(&format!("\n{name}")), "{name}");
    }
    let passed_on = || Request::get("/metrics").header("X-Forwarded-For", "203.0.113.7");
    assert_eq!(site.send(passed_on()).await.error(), (403, "AccessDeniedException"));
    let with = |token: &str| passed_on().header("Authorization", &format!("Bearer {token}"));
    assert_eq!(site.send(with("let me in")).await.status, 403);
    assert_eq!(site.send(with("let me see")).await.status, 200);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(site.send(Request::get(path)).await.status, 200, "{path}");
    }
}
