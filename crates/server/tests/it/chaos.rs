//! Trouble on purpose: what is planned happens, the same for the same seed, and one chat's connections
//! break when a test says so.

use serde_json::{Value, json};

use crate::support::{
    Person, Site, eventually,
    http::{Request, Response},
    socket::Socket,
    soon, text,
};

const KEY: &str = "a key that opens the chaos";

async fn site(plan: &str, seed: &str) -> Site {
    Site::demo_with(|config| {
        config.set("chaos.plan", plan, "test").unwrap();
        config.set("chaos.seed", seed, "test").unwrap();
    })
    .await
}

/// Asks until the answer is no made-up trouble: what came before it.
async fn insist(site: &Site, request: Request) -> (Vec<u16>, Response) {
    let mut before = Vec::new();
    soon("an answer without trouble", async {
        loop {
            let response = site.send(request.clone()).await;
            match response.status {
                429 | 500 => before.push(response.status),
                _ => return (before, response),
            }
        }
    })
    .await
}

/// A customer who insists.
async fn customer(site: &Site) -> Person<'_> {
    let body = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
    let started = insist(site, Request::post("/start-chat").json(&body)).await.1.ok();
    let started = &started["data"]["startChatResult"];
    let mut person = Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    renew(&mut person).await;
    person
}

async fn renew(person: &mut Person<'_>) {
    let body = json!({
        "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"],
        "ConnectParticipant": true,
    });
    let request = Request::post("/participant/connection").json(&body);
    let answer = insist(person.site, request.bearer(&person.participant_token)).await.1.ok();
    person.connection_token = text(&answer["ConnectionCredentials"]["ConnectionToken"]);
    person.socket_url = text(&answer["Websocket"]["Url"]);
}

fn message(token: &str, content: &str) -> Request {
    let body = json!({ "ContentType": "text/plain", "Content": content, "ClientToken": content });
    Request::post("/participant/message").json(&body).bearer(token)
}

#[tokio::test]
async fn answers_fail_before_and_after_the_request_was_done() {
    let site = site("429=20%,500=40%", "3").await;
    let customer = customer(&site).await;
    let (mut throttled, mut failed) = (0, 0);
    for number in 0..40 {
        let request = message(&customer.connection_token, &number.to_string());
        let (before, answer) = insist(&site, request).await;
        answer.ok();
        throttled += before.iter().filter(|status| **status == 429).count();
        failed += before.iter().filter(|status| **status == 500).count();
    }
    assert!(throttled > 5 && failed > 10, "{throttled} {failed}");
    // Some of those that failed were done: a repeat was answered like the first, and stored once.
    let repeated = site.figure("chatloom_requests_repeated_total").await;
    assert!(repeated > 5.0 && repeated < failed as f64, "{repeated} of {failed}");
    let transcript = || {
        let body = json!({ "MaxResults": 100, "SortOrder": "ASCENDING" });
        let request = Request::post("/participant/transcript").json(&body);
        request.bearer(&customer.connection_token)
    };
    let items = insist(&site, transcript()).await.1.ok();
    let items = items["Transcript"].as_array().unwrap();
    let numbers: Vec<usize> =
        items.iter().filter_map(|item| item["Content"].as_str()?.parse().ok()).collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    // Those who watch the server see how it is.
    assert_eq!(site.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_trouble() {
    let history = async |seed| {
        let site = site("429=20%,500=20%", seed).await;
        let customer = customer(&site).await;
        let mut statuses = Vec::new();
        for number in 0..40 {
            let request = message(&customer.connection_token, &number.to_string());
            statuses.push(site.send(request).await.status);
        }
        statuses
    };
    let first = Box::pin(history("5")).await;
    assert_eq!(first, Box::pin(history("5")).await);
    assert_ne!(first, Box::pin(history("6")).await);
}

#[tokio::test]
async fn errors_are_in_the_words_of_the_plane() {
    let throttled = site("429=100%", "1").await;
    let request = Request::post("/participant/message").json(&json!({}));
    assert_eq!(throttled.send(request).await.error(), (429, "ThrottlingException"));
    let signed = throttled.signed("PUT", "/contact/chat", &json!({})).await;
    assert_eq!(signed.error(), (429, "TooManyRequestsException"));
    let failing = site("500=100%", "1").await;
    for _ in 0..5 {
        // Half of them are refused for what they are: they never got a token.
        let answer = failing.send(Request::post("/participant/message").json(&json!({}))).await;
        assert!([403, 500].contains(&answer.status), "{answer:?}");
    }
    let start = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
    let answer = failing.send(Request::post("/start-chat").json(&start)).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["data"]["Error"]["name"], "InternalServerException");
}

/// Subscribes; the answer is left to be read.
async fn subscribed(customer: &Person<'_>) -> Socket {
    let mut socket = customer.socket().await;
    let frame = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
    socket.send(frame.to_string()).await;
    socket
}

/// Reads up to the answer to the subscription: what is said from here on comes.
async fn confirmed(socket: &mut Socket) {
    while socket.frame().await.unwrap()["topic"] != "aws/subscribe" {}
}

/// The next items, up to so many whose content is a number. (The demo's assistant answers between.)
async fn items(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    while items.iter().filter_map(number).count() < count {
        let frame = socket.frame().await.unwrap();
        // The answer to the subscription has another content.
        if let Some(content) = frame["content"].as_str() {
            items.push(serde_json::from_str(content).unwrap());
        }
    }
    items
}

fn number(item: &Value) -> Option<usize> {
    item["Content"].as_str()?.parse().ok()
}

/// The next numbers.
async fn numbers(socket: &mut Socket, count: usize) -> Vec<usize> {
    items(socket, count).await.iter().filter_map(number).collect()
}

#[tokio::test]
async fn frames_are_doubled_swapped_and_held_up() {
    let site = site("duplicate=100%", "1").await;
    let customer = customer(&site).await;
    let mut socket = subscribed(&customer).await;
    confirmed(&mut socket).await;
    customer.say("1").await;
    customer.say("2").await;
    assert_eq!(numbers(&mut socket, 4).await, [1, 1, 2, 2]);

    let site = self::site("reorder=100%,delay=5ms±5ms", "1").await;
    let customer = self::customer(&site).await;
    let mut socket = subscribed(&customer).await;
    confirmed(&mut socket).await;
    for number in 0..20 {
        customer.say(&number.to_string()).await;
    }
    let items = items(&mut socket, 20).await;
    let times: Vec<String> = items.iter().map(|item| text(&item["AbsoluteTime"])).collect();
    assert!(times.windows(2).filter(|pair| pair[0] > pair[1]).count() > 10, "{times:?}");
    let mut seen: Vec<usize> = items.iter().filter_map(number).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>(), "each of them once");
}

#[tokio::test]
async fn a_lost_frame_takes_its_socket_with_it() {
    let site = site("drop=100%", "1").await;
    let customer = customer(&site).await;
    let mut socket = subscribed(&customer).await;
    assert_eq!(socket.frame().await, Err(1006), "without a goodbye");
    assert!(site.figure("chatloom_chaos_troubles_total{trouble=\"drop\"}").await > 0.5);
}

#[tokio::test]
async fn a_half_open_socket_says_nothing_more() {
    let site = Site::demo_with(|config| {
        config.set("chaos.plan", "half-open=100%", "test").unwrap();
        config.set("chaos.key", KEY, "test").unwrap();
    })
    .await;
    let customer = customer(&site).await;
    let mut socket = subscribed(&customer).await;
    socket.send("{\"topic\":\"aws/heartbeat\"}").await;
    customer.say("1").await;
    let figure = "chatloom_chaos_troubles_total{trouble=\"half-open\"}";
    let silent = || async { (site.figure(figure).await > 0.5).then_some(()) };
    eventually("the silence", silent).await;
    // Open as far as anybody can tell, and without a word until somebody cuts it.
    let all = json!({ "contactId": customer.contact });
    assert_eq!(order(&site, "cut", &all).await.ok(), json!({ "sockets": 1 }));
    assert_eq!(socket.frame().await, Err(1006));
}

async fn keyed() -> Site {
    Site::demo_with(|config| config.set("chaos.key", KEY, "test").unwrap()).await
}

async fn order(site: &Site, what: &str, body: &Value) -> Response {
    let request = Request::post(&format!("/v1/admin/chaos/{what}")).json(body);
    site.send(request.header("Authorization", &format!("Bearer {KEY}"))).await
}

#[tokio::test]
async fn orders_need_the_key_and_a_chat() {
    let body = json!({ "contactId": "11111111-2222-4333-8444-555555555555" });
    let plain = Site::demo().await;
    assert_eq!(order(&plain, "cut", &body).await.error(), (404, "UnknownOperationException"));
    let site = keyed().await;
    let bare = Request::post("/v1/admin/chaos/cut").json(&body);
    assert_eq!(site.send(bare.clone()).await.error(), (403, "AccessDeniedException"));
    let wrong = bare.header("Authorization", "Bearer a key that opens nothing");
    assert_eq!(site.send(wrong).await.error(), (403, "AccessDeniedException"));
    for what in ["cut", "stall", "expire"] {
        let answer = order(&site, what, &body).await;
        assert_eq!(answer.error(), (404, "ResourceNotFoundException"), "{what}");
        let answer = order(&site, what, &json!({ "contact": "x" })).await;
        assert_eq!(answer.error(), (400, "ValidationException"), "{what}");
    }
}

#[tokio::test]
async fn a_chat_is_cut_and_no_other() {
    let site = keyed().await;
    let (jane, mut janes) = site.customer("Jane").await;
    let (joe, mut joes) = site.customer("Joe").await;
    let one = json!({ "contactId": jane.contact, "participantId": joe.id });
    assert_eq!(order(&site, "cut", &one).await.ok(), json!({ "sockets": 0 }));
    let all = json!({ "contactId": jane.contact });
    assert_eq!(order(&site, "cut", &all).await.ok(), json!({ "sockets": 1 }));
    assert_eq!(janes.closed().await, 1006);
    joe.say("1").await;
    assert_eq!(numbers(&mut joes, 1).await, [1]);
    // What is cut can be opened again.
    let mut again = jane.socket().await;
    again.subscribe().await;
    jane.say("2").await;
    assert_eq!(numbers(&mut again, 1).await, [2]);
}

#[tokio::test]
async fn a_stall_ends_and_nothing_is_lost() {
    let site = keyed().await;
    let (jane, mut socket) = site.customer("Jane").await;
    let refused = order(&site, "stall", &json!({ "contactId": jane.contact, "seconds": -1 })).await;
    assert_eq!(refused.error(), (400, "ValidationException"));
    let started = tokio::time::Instant::now();
    let stall = json!({ "contactId": jane.contact, "seconds": 0.4 });
    assert_eq!(order(&site, "stall", &stall).await.ok(), json!({ "sockets": 1 }));
    for number in 0..3 {
        jane.say(&number.to_string()).await;
    }
    assert_eq!(numbers(&mut socket, 3).await, [0, 1, 2]);
    assert!(started.elapsed().as_millis() >= 400);
}

#[tokio::test]
async fn expired_connections_are_made_anew_with_the_participant_token() {
    let site = keyed().await;
    let (mut jane, mut socket) = site.customer("Jane").await;
    site.clock.advance(1);
    let all = json!({ "contactId": jane.contact });
    assert_eq!(order(&site, "expire", &all).await.ok(), json!({ "sockets": 1 }));
    assert_eq!(socket.closed().await, 1006);
    let body = json!({ "ContentType": "text/plain", "Content": "Hello" });
    assert_eq!(jane.call("message", &body).await.error(), (403, "AccessDeniedException"));
    assert_eq!(Socket::open(&jane.socket_url).await.err(), Some(403));
    jane.connect().await;
    jane.call("message", &body).await.ok();
    jane.socket().await.subscribe().await;
}
