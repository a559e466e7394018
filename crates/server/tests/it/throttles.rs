//! Who calls too often is told so, in the words of the plane, and takes nothing from the others. The
//! rates here are so slow that no turn comes back while a test runs.

use serde_json::{Value, json};

use crate::support::{
    Site,
    http::{Request, Response},
    start_request,
};

/// Once in a thousand seconds.
fn once(burst: u32) -> String {
    format!("0.001/s, burst {burst}")
}

async fn site(limits: &[(&str, u32)]) -> Site {
    Site::demo_with(|config| {
        for (limit, burst) in limits {
            config.set(&format!("limits.{limit}"), &once(*burst), "test").unwrap();
        }
    })
    .await
}

fn message() -> Value {
    json!({ "ContentType": "text/plain", "Content": "Hello" })
}

#[track_caller]
fn assert_refused(response: &Response, name: &str) {
    assert_eq!(response.error(), (429, name));
    let after: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((900..=1000).contains(&after), "{after}");
}

#[tokio::test]
async fn a_participant_who_calls_too_often_is_told_when_to_come_back() {
    let site = site(&[("participant", 5)]).await;
    // Two calls for the connection and its socket, three more.
    let (customer, _socket) = site.customer("Jane").await;
    let (other, _other_socket) = site.customer("Joe").await;
    for _ in 0..3 {
        customer.call("message", &message()).await.ok();
    }
    for operation in ["message", "transcript", "event", "disconnect"] {
        assert_refused(&customer.call(operation, &message()).await, "ThrottlingException");
    }
    other.call("message", &message()).await.ok();
    // It is counted, and whoever looks after the server is never refused.
    let counted =
        "chatloom_throttled_requests_total{operation=\"SendMessage\",limit=\"participant\"}";
    assert!((site.figure(counted).await - 1.0).abs() < 0.1);
    assert!((site.figure("chatloom_limit_participants").await - 2.0).abs() < 0.1);
}

#[tokio::test]
async fn a_token_that_is_none_takes_nothing_from_anybody() {
    let site = site(&[("participant", 4), ("contact", 4), ("instance", 8)]).await;
    let (customer, _socket) = site.customer("Jane").await;
    let mut thief = customer.clone();
    thief.connection_token.replace_range(..4, "AAAA");
    for _ in 0..20 {
        let stolen = thief.call("message", &message()).await;
        assert_eq!(stolen.error(), (403, "AccessDeniedException"));
    }
    customer.call("message", &message()).await.ok();
    customer.call("message", &message()).await.ok();
    assert_refused(&customer.call("message", &message()).await, "ThrottlingException");
}

#[tokio::test]
async fn a_chat_an_address_and_an_origin_have_limits_too() {
    let site = site(&[("contact", 3)]).await;
    let (customer, _socket) = site.customer("Jane").await;
    customer.call("message", &message()).await.ok();
    assert_refused(&customer.call("message", &message()).await, "ThrottlingException");

    let site = self::site(&[("origin", 2)]).await;
    let page = |port: u16| Request::get("/").header("Origin", &format!("http://localhost:{port}"));
    for _ in 0..2 {
        assert_eq!(site.send(page(3000)).await.status, 200);
    }
    let refused = site.send(page(3000)).await;
    assert_refused(&refused, "ThrottlingException");
    assert!(refused.header("access-control-allow-origin").is_some(), "the page may read it");
    assert_eq!(site.send(page(4000)).await.status, 200);

    let site = self::site(&[("address", 3)]).await;
    for _ in 0..3 {
        assert_eq!(site.get("/").await.status, 200);
    }
    assert_refused(&site.get("/").await, "ThrottlingException");
    assert_eq!(site.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_control_plane_has_its_own_words() {
    let site = site(&[("access_key", 2)]).await;
    let start = start_request("Jane");
    let unsigned = Request::new("PUT", "/contact/chat").json(&start);
    for _ in 0..5 {
        assert_eq!(site.send(unsigned.clone()).await.status, 403);
    }
    for _ in 0..2 {
        site.signed("PUT", "/contact/chat", &start).await.ok();
    }
    // What is ours alone and is signed speaks as the rest of what is signed.
    for (method, path) in [
        ("PUT", "/contact/chat"),
        ("POST", "/v1/chats/delete"),
        ("POST", "/v1/contacts/none/view"),
        ("POST", "/v1/contacts/none/sign-in"),
    ] {
        let refused = site.signed(method, path, &start).await;
        assert_refused(&refused, "TooManyRequestsException");
    }
}

#[tokio::test]
async fn pages_start_so_many_chats_and_no_more() {
    let site = Site::demo_with(|config| {
        config.start_chat.per_second = 0.001;
        config.start_chat.burst = 2;
    })
    .await;
    let start = || {
        let body = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
        Request::post("/start-chat").json(&body)
    };
    let foreign = start().header("Origin", "https://elsewhere.example");
    for _ in 0..5 {
        assert_eq!(site.send(foreign.clone()).await.status, 403);
    }
    for _ in 0..2 {
        site.send(start()).await.ok();
    }
    let refused = site.send(start()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-amzn-errortype"), Some("TooManyRequestsException"));
    assert_eq!(refused.json()["data"]["Error"]["name"], "TooManyRequestsException");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 900);
}

#[tokio::test]
async fn the_preset_of_amazon_is_a_word() {
    let site = Site::demo_with(|config| {
        config.set("limits.preset", "amazon-connect", "test").unwrap();
        // As slow as it needs to be for a test.
        config.limits.operations = vec![chatloom_server::config::OperationLimit {
            name: "GetTranscript".to_owned(),
            rate: chatloom_server::config::Setting::from_text(&once(12)).unwrap(),
        }];
    })
    .await;
    assert_eq!(site.config.limits.most_chats(), Some(100));
    let (customer, _socket) = site.customer("Jane").await;
    for _ in 0..12 {
        customer.call("transcript", &json!({})).await.ok();
    }
    assert_refused(&customer.call("transcript", &json!({})).await, "ThrottlingException");
}
