//! What browsers need: CORS, the demo's page, the bundle.

use chatloom_server::Config;
use serde_json::json;

use crate::support::{Site, http::Request};

#[tokio::test]
async fn preflights_are_answered_for_every_path() {
    let site = Site::demo().await;
    for path in ["/participant/connection", "/start-chat", "/v1/agent/queue", "/contact/chat", "/x"]
    {
        let request = Request::new("OPTIONS", path)
            .header("Origin", "http://localhost:3000")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-amz-bearer");
        let answer = site.send(request).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
        let headers = answer.header("access-control-allow-headers").unwrap();
        for header in [
            "authorization",
            "content-type",
            "x-amz-bearer",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-user-agent",
        ] {
            assert!(headers.split(", ").any(|allowed| allowed == header), "{header}");
        }
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    }
}

#[tokio::test]
async fn pages_can_read_answers_and_errors() {
    let site = Site::demo().await;
    let request = Request::post("/participant/message").json(&json!({}));
    let answer = site.send(request.clone().header("Origin", "http://127.0.0.1:3000")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://127.0.0.1:3000"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("x-amzn-ErrorType") && exposed.contains("x-amzn-RequestId"));
    let foreign = site.send(request.clone().header("Origin", "https://evil.example")).await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);

    let mut config = Config::default();
    config.set("cors.origins", "https://www.example.org", "test").unwrap();
    let site = Site::start(config).await;
    let answer = site.send(request.clone().header("Origin", "https://www.example.org")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://www.example.org"));
    let local = site.send(request.header("Origin", "http://127.0.0.1:3000")).await;
    assert_eq!(local.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_demo_has_a_page_and_others_have_not() {
    let site = Site::demo().await;
    let page = site.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("'wasm-unsafe-eval'"));
    for part in page.body.split('"').filter(|part| part.starts_with("/demo/")) {
        let file = site.get(part).await;
        assert_eq!(file.status, 200, "{part}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    for name in ["amazon-connect-chat", "amazon-connect-chat.chatloom"] {
        let bundle = site.get(&format!("/dist/{name}.js")).await;
        if bundle.status == 404 {
            assert!(bundle.body.contains("cargo xtask web"));
        } else {
            assert!(bundle.header("content-type").unwrap().starts_with("text/javascript"));
        }
    }
    let site = Site::start(Config::default()).await;
    assert_eq!(site.get("/").await.error(), (404, "UnknownOperationException"));
}

/// What a page says of itself comes back in headers only when it is what was configured.
#[tokio::test]
async fn odd_origins_and_hosts_are_not_repeated() {
    let mut config = Config::demo();
    config.set("cors.origins", "https://www.example.org", "test").unwrap();
    let site = Site::start(config).await;
    for origin in [
        "null",
        "*",
        "https://www.example.org.evil.example",
        "https://evil.example/https://www.example.org",
        "https://www.example.org, https://evil.example",
        "https://www.example.org/",
        "http://www.example.org",
        "https://WWW.EXAMPLE.ORG@evil.example",
        "https://www.example.org\u{e9}",
    ] {
        let request = Request::post("/participant/message").header("Origin", origin);
        let answer = site.send(request.json(&json!({}))).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{origin}");
    }
    // Who decides by the origin must not share answers between origins.
    let request = Request::post("/participant/message").header("Origin", "https://www.example.org");
    let answer = site.send(request.json(&json!({}))).await;
    assert_eq!(answer.header("vary").map(str::to_ascii_lowercase).as_deref(), Some("origin"));

    // A host that is no host is never part of a URL.
    let customer = site.start_chat("Jane").await;
    for host in ["a b", "evil.example/path", "user@evil.example", "evil.example:port", "\u{e9}"] {
        let request = Request::post("/participant/connection")
            .header("Host", host)
            .bearer(&customer.participant_token)
            .json(&json!({ "Type": ["WEBSOCKET"] }));
        let answer = site.send(request).await;
        assert!(answer.status == 400 || answer.status == 403, "{host}: {}", answer.body);
        assert!(!answer.body.contains("wss://") && !answer.body.contains("ws://"), "{host}");
    }
}
