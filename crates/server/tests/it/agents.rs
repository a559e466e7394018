//! The agent API.

use chatloom_server::{Config, config::AgentConfig, hash_password};
use serde_json::{Value, json};

use crate::support::{
    Site,
    http::{Request, Response},
    socket::Socket,
    soon, text,
};

fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

async fn login(site: &Site, user: &str, password: Option<&str>) -> Response {
    let body = json!({ "user": user, "password": password });
    site.send(Request::post("/v1/agent/login").json(&body)).await
}

async fn accept(site: &Site, token: &str, contact: Option<&str>) -> Response {
    let body = contact.map_or(json!({}), |contact| json!({ "contactId": contact }));
    site.send(bearer(Request::post("/v1/agent/accept"), token).json(&body)).await
}

/// Listens to the queue: the socket, and what it was told first.
async fn queue_socket(site: &Site, token: &str) -> (Socket, Value) {
    let answer = site.send(bearer(Request::post("/v1/agent/socket"), token)).await.ok();
    let mut socket = Socket::open(&text(&answer["url"])).await.unwrap();
    let subscribed = socket.subscribe_to(&["chatloom/queue"]).await;
    assert_eq!(subscribed["content"], json!({ "status": "success", "topics": ["chatloom/queue"] }));
    let first = queue_of(&mut socket).await;
    (socket, first)
}

async fn queue_of(socket: &mut Socket) -> Value {
    let frame = socket.frame().await.unwrap();
    assert_eq!(frame["topic"], "chatloom/queue");
    serde_json::from_str(frame["content"].as_str().unwrap()).unwrap()
}

/// A server that is no demo, with one agent.
async fn site_with_password(password: &str) -> Site {
    let mut config = Config::default();
    config.agents.users.push(AgentConfig {
        id: "eve".to_owned(),
        name: "Eve".to_owned(),
        password_hash: Some(hash_password(password).unwrap().into()),
    });
    Site::start(config).await
}

#[tokio::test]
async fn agents_sign_in_with_their_password() {
    let site = site_with_password("correct horse").await;
    let answer = login(&site, "eve", Some("correct horse")).await.ok();
    assert_eq!(answer["user"], json!({ "id": "eve", "name": "Eve" }));
    assert_eq!(answer["expiresAt"], "2026-06-01T12:00:00.000Z");
    let token = text(&answer["token"]);
    let queue = site.send(bearer(Request::get("/v1/agent/queue"), &token)).await.ok();
    assert_eq!(queue, json!({ "total": 0, "waiting": [] }));
    for (user, password) in [
        ("eve", Some("wrong horse")),
        ("eve", Some("")),
        ("eve", None),
        ("mallory", Some("correct horse")),
        ("", None),
        ("ana", None),
    ] {
        let refused = login(&site, user, password).await;
        assert_eq!(refused.error(), (403, "AccessDeniedException"), "{user} {password:?}");
    }
    site.clock.advance(12 * 3_600_000);
    let late = site.send(bearer(Request::get("/v1/agent/queue"), &token)).await;
    assert_eq!(late.error(), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn passwords_cannot_be_guessed_quickly() {
    let mut config = Config::default();
    config.agents.attempts_per_minute = 3;
    config.agents.users.push(AgentConfig {
        id: "eve".to_owned(),
        name: "Eve".to_owned(),
        password_hash: Some(hash_password("x").unwrap().into()),
    });
    let site = Site::start(config).await;
    for _ in 0..3 {
        assert_eq!(login(&site, "eve", Some("guess")).await.status, 403);
    }
    assert_eq!(login(&site, "eve", Some("x")).await.error(), (429, "ThrottlingException"));
}

#[tokio::test]
async fn demo_agents_need_no_password_on_this_machine() {
    let site = Site::demo().await;
    login(&site, "ben", None).await.ok();
    // What a proxy passes on comes from elsewhere.
    let request = Request::post("/v1/agent/login").json(&json!({ "user": "ben" }));
    let passed_on = site.send(request.clone().header("X-Forwarded-For", "203.0.113.7")).await;
    assert_eq!(passed_on.error(), (403, "AccessDeniedException"));
    // And so does a page whose name was made to point here.
    let rebound = site.send(request.header("Host", "evil.example")).await;
    assert_eq!(rebound.error(), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn the_queue_is_told_to_agents_as_it_changes() {
    let site = Site::demo().await;
    let ana = site.agent("ana").await;
    let (mut socket, first) = queue_socket(&site, &ana).await;
    assert_eq!(first, json!({ "total": 0, "waiting": [] }));

    let (jane, _janes) = site.customer("Jane").await;
    jane.say("agent").await;
    let one = queue_of(&mut socket).await;
    assert_eq!(one["total"], 1);
    assert_eq!(one["waiting"][0]["contactId"], jane.contact.as_str());
    assert_eq!(one["waiting"][0]["customerName"], "Jane");
    assert_eq!(one["waiting"][0]["queue"], "default");
    site.clock.advance(1_000);
    let (john, _johns) = site.customer("John").await;
    john.say("agent").await;
    assert_eq!(queue_of(&mut socket).await["total"], 2);
    let asked = site.send(bearer(Request::get("/v1/agent/queue"), &ana)).await.ok();
    let names: Vec<_> =
        asked["waiting"].as_array().unwrap().iter().map(|w| &w["customerName"]).collect();
    assert_eq!(names, ["Jane", "John"], "the longest waiting first");
    // Who comes later is told at once.
    let ben = site.agent("ben").await;
    let (_bens, first) = queue_socket(&site, &ben).await;
    assert_eq!(first["total"], 2);

    let accepted = accept(&site, &ben, None).await.ok();
    assert_eq!(accepted["customerName"], "Jane");
    assert_eq!(accepted["initialContactId"], jane.contact.as_str());
    assert_eq!(queue_of(&mut socket).await["total"], 1);
    // A customer who goes leaves the queue.
    john.disconnect().await;
    assert_eq!(queue_of(&mut socket).await["total"], 0);

    // An agent's socket is for the queue alone.
    let refused = socket.subscribe_to(&["aws/chat"]).await;
    assert_eq!(refused["content"]["status"], "failure");
}

#[tokio::test]
async fn one_agent_gets_the_chat() {
    let site = Site::demo().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    assert_eq!(accept(&site, &ana, None).await.error(), (404, "ResourceNotFoundException"));
    assert_eq!(accept(&site, &ana, Some("x")).await.error(), (404, "ResourceNotFoundException"));
    let (jane, _socket) = site.customer("Jane").await;
    let not_yet = accept(&site, &ana, Some(&jane.contact)).await;
    assert_eq!(not_yet.error(), (404, "ResourceNotFoundException"));
    jane.say("agent").await;
    let (first, second) = soon(
        "both agents",
        futures_util::future::join(
            accept(&site, &ana, Some(&jane.contact)),
            accept(&site, &ben, Some(&jane.contact)),
        ),
    )
    .await;
    let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
    won.ok();
    assert_eq!(lost.error(), (409, "ConflictException"));
    for path in ["/v1/agent/accept", "/v1/agent/socket"] {
        let nobody = site.send(Request::post(path).json(&json!({}))).await;
        assert_eq!(nobody.error(), (403, "AccessDeniedException"), "{path}");
    }
}
