//! A token opens what it is for, and nothing else.

use serde_json::json;

use crate::support::{Person, Site, http::Request, socket::Socket};

const OPERATIONS: [&str; 4] = ["message", "event", "transcript", "disconnect"];

/// A body that is good for all four.
fn body() -> serde_json::Value {
    json!({
        "ContentType": "application/vnd.amazonaws.connect.event.typing",
        "Content": "x",
    })
}

async fn denied(person: &Person<'_>) {
    for operation in OPERATIONS {
        let mut body = body();
        if operation == "message" {
            body["ContentType"] = json!("text/plain");
        }
        let response = person.call(operation, &body).await;
        assert_eq!(response.error(), (403, "AccessDeniedException"), "{operation}");
    }
}

#[tokio::test]
async fn wrong_tokens_are_denied_and_do_nothing() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let agent = site.agent("ana").await;
    let before = customer.transcript().await;
    let socket_token = customer.socket_url.rsplit_once('=').unwrap().1.to_owned();
    let mut changed = customer.connection_token.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'E' } else { 'A' });
    let wrong = [
        String::new(),
        "nonsense".to_owned(),
        "x".repeat(5_000),
        customer.participant_token.clone(),
        socket_token.clone(),
        agent.clone(),
        changed,
        format!("{}A", customer.connection_token),
    ];
    for token in wrong {
        denied(&Person { connection_token: token, ..customer.clone() }).await;
    }
    let nobody = Request::post("/participant/message").json(&body());
    assert_eq!(site.send(nobody).await.error(), (403, "AccessDeniedException"));
    for token in [&customer.connection_token, &socket_token, &agent, "x"] {
        let other = Person { participant_token: token.to_owned(), ..customer.clone() };
        let response = other.create_connection(&json!({ "Type": ["WEBSOCKET"] })).await;
        assert_eq!(response.error(), (403, "AccessDeniedException"));
    }
    for token in [&customer.participant_token, &customer.connection_token, &agent, "", "x"] {
        let url = format!("ws://{}/socket?token={token}", site.address);
        assert_eq!(Socket::open(&url).await.err(), Some(403));
    }
    for token in [&customer.participant_token, &customer.connection_token, &socket_token] {
        let request =
            Request::get("/v1/agent/queue").header("Authorization", &format!("Bearer {token}"));
        assert_eq!(site.send(request).await.error(), (403, "AccessDeniedException"));
    }
    assert_eq!(customer.transcript().await, before);
}

#[tokio::test]
async fn tokens_expire() {
    let site = Site::demo().await;
    let (mut customer, _socket) = site.customer("Jane").await;
    let url = customer.socket_url.clone();
    // A URL is good for 100 seconds, as often as it is used.
    site.clock.advance(99_999);
    for _ in 0..2 {
        Socket::open(&url).await.unwrap();
    }
    site.clock.advance(1);
    assert_eq!(Socket::open(&url).await.err(), Some(403));

    // A connection token for a day; an older one beside a newer one too.
    let old = customer.clone();
    customer.connect().await;
    old.say("still good").await;
    site.clock.advance(24 * 3_600_000 - 100_000 - 1);
    old.say("to the last").await;
    site.clock.advance(1);
    denied(&old).await;
    customer.say("the newer one").await;
    // The participant token lives as long as the chat: 25 hours.
    site.clock.advance(3_500_000);
    customer.connect().await;
    site.clock.advance(200_000);
    let response = customer.create_connection(&json!({ "Type": ["WEBSOCKET"] })).await;
    assert_eq!(response.error(), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn nobody_acts_in_another_chat() {
    let site = Site::demo().await;
    let (jane, mut janes) = site.customer("Jane").await;
    let (john, mut johns) = site.customer("John").await;
    jane.say("for Jane's chat").await;
    john.say("for John's chat").await;
    for (person, socket, own, foreign) in
        [(&jane, &mut janes, "Jane", "John"), (&john, &mut johns, "John", "Jane")]
    {
        let messages = person.messages().await;
        assert!(messages.iter().any(|text| text.contains(own)));
        assert!(!messages.iter().any(|text| text.contains(foreign)));
        let mut heard = socket.message().await;
        while !heard.contains(own) {
            assert!(!heard.contains(foreign));
            heard = socket.message().await;
        }
    }
    // A page of one transcript is not another's, nor is a contact.
    jane.say("more").await;
    let first = jane.call("transcript", &json!({ "MaxResults": 1 })).await.ok();
    let stolen = json!({ "NextToken": first["NextToken"] });
    assert_eq!(john.call("transcript", &stolen).await.error(), (400, "ValidationException"));
    let foreign = json!({ "ContactId": jane.contact });
    assert_eq!(john.call("transcript", &foreign).await.ok()["Transcript"], json!([]));
}

#[tokio::test]
async fn after_the_end_everything_is_denied() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.disconnect().await;
    socket.until_event("chat.ended").await;
    denied(&customer).await;
    let response = customer.create_connection(&json!({ "Type": ["WEBSOCKET"] })).await;
    assert_eq!(response.error(), (403, "AccessDeniedException"));
    // A socket can still be opened, and is told that there is nothing to subscribe.
    let mut late = customer.socket().await;
    let answer = late.subscribe_to(&["aws/chat"]).await;
    assert_eq!(answer["content"]["status"], "failure");
}

#[tokio::test]
async fn tokens_outlive_a_restart() {
    let mut site = Site::demo().await;
    let mut customer = {
        let (customer, _socket) = site.customer("Jane").await;
        customer.say("before").await;
        (customer.participant_token, customer.connection_token, customer.contact, customer.id)
    };
    site.stop().await;
    site.restart().await;
    let mut person = Person {
        site: &site,
        participant_token: std::mem::take(&mut customer.0),
        connection_token: std::mem::take(&mut customer.1),
        contact: std::mem::take(&mut customer.2),
        id: std::mem::take(&mut customer.3),
        socket_url: String::new(),
    };
    assert!(person.messages().await.contains(&"before".to_owned()));
    person.connect().await;
    let mut socket = person.socket().await;
    socket.subscribe().await;
    person.say("after").await;
    assert_eq!(socket.message().await, "after");
}
