//! Whole chats, as a customer and an agent have them.

use serde_json::json;

use crate::support::{Site, contents, event, text};

#[tokio::test]
async fn a_customer_an_assistant_and_an_agent() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;

    // The customer sees itself join, and the assistant's greeting.
    let joined = socket.item().await;
    assert_eq!(event(&joined), "participant.joined");
    assert_eq!(joined["ParticipantRole"], "CUSTOMER");
    assert_eq!(joined["DisplayName"], "Jane");
    assert_eq!(joined["InitialContactId"], customer.contact.as_str());
    let greeting = socket.item().await;
    assert_eq!(greeting["ParticipantRole"], "SYSTEM");

    // What is sent comes back with the id that the call answered.
    let id = customer.say("When do you open?").await;
    let echo = socket.item().await;
    assert_eq!((text(&echo["Id"]), text(&echo["Content"])), (id, "When do you open?".to_owned()));
    assert!(socket.message().await.contains("9:00"));

    customer.say("agent").await;
    assert_eq!(socket.message().await, "agent");
    socket.message().await;
    let token = site.agent("ana").await;
    let agent = site.accept(&token).await;
    let mut agents_socket = agent.socket().await;
    agents_socket.subscribe().await;
    assert_eq!(socket.until_event("participant.joined").await["DisplayName"], "Ana");

    // The agent reads what was before.
    let before = agent.transcript().await;
    assert!(contents(&before).contains(&"When do you open?".to_owned()));

    // Typing is seen and not kept; a receipt reaches the sender and is in the transcript.
    let typing = json!({ "ContentType": "application/vnd.amazonaws.connect.event.typing" });
    agent.call("event", &typing).await.ok();
    let seen = socket.until_event("typing").await;
    assert_eq!(seen["ParticipantId"], agent.id.as_str());
    let id = agent.say("Hello Jane").await;
    assert_eq!(socket.message().await, "Hello Jane");
    let read = json!({
        "ContentType": "application/vnd.amazonaws.connect.event.message.read",
        "Content": json!({ "messageId": id }).to_string(),
        "ClientToken": "INCOMING_READ_RECEIPT",
    });
    customer.call("event", &read).await.ok();
    let receipt = loop {
        let item = agents_socket.item().await;
        if item["Type"] == "MESSAGEMETADATA" {
            break item;
        }
    };
    assert_eq!(receipt["MessageMetadata"]["MessageId"], id.as_str());
    let items = agent.transcript().await;
    let item = items.iter().find(|item| item["Id"] == id.as_str()).unwrap();
    let receipts = &item["MessageMetadata"]["Receipts"];
    assert_eq!(receipts[0]["RecipientParticipantId"], customer.id.as_str());
    assert!(items.iter().all(|item| item["Type"] != "EVENT" || event(item) != "typing"));

    // The agent ends the chat, and both see it.
    agent.disconnect().await;
    assert_eq!(socket.until_event("participant.left").await["ParticipantRole"], "AGENT");
    let ended = socket.until_event("chat.ended").await;
    assert!(ended.get("ParticipantRole").is_none());
    agents_socket.until_event("chat.ended").await;
    assert_eq!(
        customer.call("transcript", &json!({})).await.error(),
        (403, "AccessDeniedException")
    );
}

#[tokio::test]
async fn everybody_sees_the_same_order() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.say("agent").await;
    let agent = site.accept(&site.agent("ana").await).await;
    let mut others = Vec::new();
    for person in [&customer, &agent] {
        let mut socket = person.socket().await;
        socket.subscribe().await;
        others.push(socket);
    }
    let (customer, agent) = (&customer, &agent);
    let sends = (0..40).map(|n| async move {
        if n % 2 == 0 {
            customer.say(&n.to_string()).await
        } else {
            agent.say(&n.to_string()).await
        }
    });
    futures_util::future::join_all(sends).await;
    let is_number = |text: &String| text.parse::<u32>().is_ok();
    let stored: Vec<_> = agent.messages().await.into_iter().filter(is_number).collect();
    assert_eq!(stored.len(), 40);
    for socket in others.iter_mut().chain([&mut socket]) {
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let message = socket.message().await;
            if is_number(&message) {
                seen.push(message);
            }
        }
        assert_eq!(seen, stored);
    }
}

#[tokio::test]
async fn a_customer_who_leaves_ends_the_chat() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.disconnect().await;
    assert_eq!(socket.until_event("participant.left").await["ParticipantId"], customer.id.as_str());
    socket.until_event("chat.ended").await;
}

#[tokio::test]
async fn a_transcript_is_read_page_by_page() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let mut ids = Vec::new();
    for n in 0..25 {
        ids.push(customer.say(&format!("message {n}")).await);
    }
    let all = customer.transcript().await;
    assert!(all.is_sorted_by_key(|item| text(&item["AbsoluteTime"])));
    let position = |id: &str| all.iter().position(|item| item["Id"] == id);
    assert!(ids.iter().map(|id| position(id).unwrap()).is_sorted());

    // Ten by default, newest first, and on by the token.
    let first = customer.call("transcript", &json!({})).await.ok();
    assert_eq!(first["InitialContactId"], customer.contact.as_str());
    let newest: Vec<_> = all.iter().rev().collect();
    assert_eq!(first["Transcript"].as_array().unwrap().iter().collect::<Vec<_>>(), newest[..10]);
    let second = json!({ "NextToken": first["NextToken"], "MaxResults": 5 });
    let second = customer.call("transcript", &second).await.ok();
    assert_eq!(second["Transcript"].as_array().unwrap().iter().collect::<Vec<_>>(), newest[10..15]);

    // Forward from an item, oldest first.
    let from = json!({
        "StartPosition": { "Id": ids[3] }, "SortOrder": "ASCENDING", "MaxResults": 3,
    });
    let page = customer.call("transcript", &from).await.ok();
    assert_eq!(page["Transcript"][0]["Id"], ids[3].as_str());
    let forward = json!({ "ScanDirection": "FORWARD", "StartPosition": {} });
    assert_eq!(customer.call("transcript", &forward).await.ok()["Transcript"], json!([]));
    let foreign = json!({ "NextToken": "AQYB" });
    assert_eq!(customer.call("transcript", &foreign).await.error(), (400, "ValidationException"));
}

#[tokio::test]
async fn a_repeat_is_answered_like_the_first() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let message = json!({ "ContentType": "text/plain", "Content": "once", "ClientToken": "t-1" });
    let first = customer.call("message", &message).await.ok();
    assert_eq!(customer.call("message", &message).await.ok(), first);
    let other = json!({ "ContentType": "text/plain", "Content": "twice", "ClientToken": "t-1" });
    assert_eq!(customer.call("message", &other).await.error(), (400, "ValidationException"));
    let messages = customer.messages().await;
    assert_eq!(messages.iter().filter(|content| *content == "once").count(), 1);
    assert!(!messages.contains(&"twice".to_owned()));
    // Another participant's tokens are its own.
    let (somebody, _socket) = site.customer("John").await;
    assert_ne!(somebody.call("message", &message).await.ok()["Id"], first["Id"]);
}
