//! Agents hand customers on (docs/protocol/participant-service.md §12.4).

use std::sync::Arc;

use chatloom_engine::{Participant, Presence};
use chatloom_server::{
    config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE, FlowConfig, StreamingEndpoint},
    store::{
        Commit, Committed, Store,
        sqlite::{Options, Sqlite},
    },
};
use chatloom_wire::ParticipantRole;
use serde_json::{Value, json};

use crate::support::{
    Person, Site, event,
    http::{Request, Response},
    socket::Socket,
    start_request, text,
    webhook::{SECRET, Webhook, allow_loopback, status},
};

const MINUTE: i64 = 60_000;

/// People but no flow that answers, and the queues `default` and `sales`.
async fn site() -> Site {
    Site::demo_with(|config| {
        config.instance.flows.clear();
        for (key, value) in [("limits.preset", "off"), ("agents.attempts_per_minute", "1000")] {
            config.set(key, value, "test").unwrap();
        }
        config.instance.flows.push(FlowConfig {
            id: "to-sales".to_owned(),
            queue: Some("sales".to_owned()),
            ..FlowConfig::default()
        });
    })
    .await
}

fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

async fn ask(site: &Site, token: &str, body: &Value) -> Response {
    site.send(bearer(Request::post("/v1/agent/transfer").json(body), token)).await
}

async fn to_user(site: &Site, token: &str, contact: &str, user: &str) -> Response {
    ask(site, token, &json!({ "contactId": contact, "user": user })).await
}

async fn to_queue(site: &Site, token: &str, contact: &str, queue: &str) -> Response {
    ask(site, token, &json!({ "contactId": contact, "queue": queue })).await
}

async fn accept(site: &Site, token: &str, contact: Option<&str>) -> Response {
    let body = contact.map_or(json!({}), |contact| json!({ "contactId": contact }));
    site.send(bearer(Request::post("/v1/agent/accept").json(&body), token)).await
}

async fn queue(site: &Site, token: &str) -> Value {
    site.send(bearer(Request::get("/v1/agent/queue"), token)).await.ok()
}

async fn describe(site: &Site, contact: &str) -> Value {
    let path = format!("/contacts/{DEMO_INSTANCE}/{contact}");
    site.signed("GET", &path, &Value::Null).await.ok()["Contact"].clone()
}

async fn count(site: &Site, figure: &str) -> u64 {
    site.figure(figure).await as u64
}

/// An agent who is in the chat, and subscribed.
async fn agent<'a>(site: &'a Site, token: &str) -> (Person<'a>, Socket) {
    let agent = site.accept(token).await;
    let mut socket = agent.socket().await;
    socket.subscribe().await;
    (agent, socket)
}

/// The names of the events among items, and what messages say.
fn in_short(items: &[Value]) -> Vec<String> {
    let short = |item: &Value| match item["Type"].as_str() {
        Some("EVENT") => event(item),
        _ => text(&item["Content"]),
    };
    items.iter().map(short).collect()
}

#[tokio::test]
async fn a_customer_is_handed_on_and_notices_nothing_but_who_is_there() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, mut janes) = site.customer("Jane").await;
    let (first, mut anas) = agent(&site, &ana).await;
    let mut second_of_ana = first.socket().await;
    second_of_ana.subscribe().await;
    first.say("one moment").await;
    anas.message().await;
    site.clock.advance(1_000);

    let answer = to_user(&site, &ana, &jane.contact, "ben").await.ok();
    let next = text(&answer["contactId"]);
    assert_ne!(next, jane.contact);
    assert_eq!(answer["initialContactId"], jane.contact.as_str());

    // Who handed on gets transfer.succeeded, and nothing after it (docs/protocol/websocket.md S163).
    jane.say("hello?").await;
    for socket in [&mut anas, &mut second_of_ana] {
        let last = socket.until_event("transfer.succeeded").await;
        assert_eq!(last["ContactId"], jane.contact.as_str());
        assert_eq!(last["ParticipantId"], first.id.as_str());
        assert_eq!(socket.so_far().await.unwrap(), [Value::Null; 0]);
    }
    // The seat is empty, whatever is tried with it.
    let told = first.call("transcript", &json!({})).await;
    assert_eq!(told.error(), (403, "AccessDeniedException"));
    let again = first.create_connection(&json!({ "Type": ["WEBSOCKET"] })).await;
    assert_eq!(again.error(), (403, "AccessDeniedException"));
    let mut late = first.socket().await;
    assert_eq!(late.subscribe_to(&["aws/chat"]).await["content"]["status"], "failure");

    let (second, mut bens) = agent(&site, &ben).await;
    assert_eq!(second.contact, next);
    second.say("Ben here").await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|item: &Value| item["Content"] != "Ben here") {
        seen.push(janes.item().await);
    }
    let story = [
        "participant.joined",
        "participant.joined",
        "one moment",
        "transfer.succeeded",
        "participant.left",
        "hello?",
        "participant.joined",
        "Ben here",
    ];
    assert_eq!(in_short(&seen), story);
    for (at, item) in seen.iter().enumerate() {
        let contact = if at < 5 { &jane.contact } else { &next };
        assert_eq!(item["ContactId"], contact.as_str(), "{item}");
        assert_eq!(item["InitialContactId"], jane.contact.as_str());
    }
    // The same token, the same socket, one transcript: the customer's and the next agent's.
    for person in [&jane, &second] {
        assert_eq!(in_short(&person.transcript().await), story);
    }
    assert_eq!(bens.message().await, "Ben here");
    jane.say("thanks").await;
    assert_eq!(bens.message().await, "thanks");
    // One contact of it.
    for (contact, count) in [(&jane.contact, 5), (&next, 4)] {
        let body = json!({ "ContactId": contact, "MaxResults": 100 });
        let page = second.call("transcript", &body).await.ok();
        assert_eq!(page["Transcript"].as_array().unwrap().len(), count, "{contact}");
    }
    second.disconnect().await;
    janes.until_event("chat.ended").await;
    assert_eq!(anas.so_far().await.unwrap(), [Value::Null; 0], "the end is others' end");
}

#[tokio::test]
async fn both_contacts_are_described() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, _socket) = site.customer("Jane").await;
    site.accept(&ana).await;
    site.clock.advance(10_000);
    let then = describe(&site, &jane.contact).await;
    assert!(then.get("DisconnectTimestamp").is_none());
    let answer = to_user(&site, &ana, &jane.contact, "ben").await.ok();
    let next = text(&answer["contactId"]);
    let now = then["InitiationTimestamp"].as_f64().unwrap() + 10.0;
    site.clock.advance(5_000);
    let waits = describe(&site, &next).await;
    assert!(waits.get("AgentInfo").is_none());
    site.accept(&ben).await.disconnect().await;

    let first = describe(&site, &jane.contact).await;
    assert_eq!(first["DisconnectTimestamp"], now);
    assert_eq!(first["DisconnectReason"], "OTHER");
    assert_eq!(first["InitiationMethod"], "API");
    assert_eq!(first["AgentInfo"]["Id"], "ana");
    assert_eq!(first["AgentInfo"]["StateTransitions"][1]["State"], "DISCONNECTED");
    let second = describe(&site, &next).await;
    assert_eq!(second["InitiationMethod"], "TRANSFER");
    for name in ["InitialContactId", "PreviousContactId", "ContactAssociationId"] {
        assert_eq!(second[name], jane.contact.as_str(), "{name}");
    }
    for name in ["InitiationTimestamp", "ConnectedToSystemTimestamp"] {
        assert_eq!(second[name], now, "{name}");
    }
    assert_eq!(second["QueueInfo"], json!({ "Id": "default", "EnqueueTimestamp": now }));
    assert_eq!(second["AgentInfo"]["Id"], "ben");
    assert_eq!(second["AgentInfo"]["ConnectedToAgentTimestamp"], now + 5.0);
    assert_eq!(second["DisconnectReason"], "AGENT_DISCONNECT");
    assert_eq!(second["DisconnectTimestamp"], now + 5.0);
}

#[tokio::test]
async fn whoever_it_is_for_has_it_alone_for_a_while() {
    let mut site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let jane = site.customer("Jane").await.0.contact;
    accept(&site, &ana, Some(&jane)).await.ok();
    site.clock.advance(1_000);
    let _others = site.customer("John").await;
    let next = text(&to_user(&site, &ana, &jane, "ben").await.ok()["contactId"]);
    let told = queue(&site, &ana).await;
    assert_eq!(told["total"], 2);
    assert_eq!(
        told["waiting"][0],
        json!({
            "contactId": next,
            "customerName": "Jane",
            "queue": "default",
            "since": "2026-06-01T00:00:01.000Z",
            "reservedFor": "ben",
            "reservedUntil": "2026-06-01T00:02:01.000Z",
        })
    );
    assert!(told["waiting"][1].get("reservedFor").is_none());

    // In the middle of waiting the server goes and comes back.
    site.stop().await;
    site.restart().await;
    site.clock.advance(2 * MINUTE - 1);
    for contact in [&next, &jane] {
        let kept = accept(&site, &ana, Some(contact)).await;
        assert_eq!(kept.error(), (409, "ConflictException"), "{kept:?}");
    }
    // Without a contact it is passed over.
    assert_eq!(accept(&site, &ana, None).await.ok()["customerName"], "John");
    assert_eq!(accept(&site, &ana, None).await.error(), (404, "ResourceNotFoundException"));
    site.clock.advance(1);
    let taken = accept(&site, &ana, None).await.ok();
    assert_eq!(taken["contactId"], next.as_str());
    assert_eq!(taken["initialContactId"], jane.as_str());

    // Who it is for gets it first, however long others have waited.
    let _third = site.customer("Jim").await;
    site.clock.advance(1_000);
    queue(&site, &ben).await;
    to_user(&site, &ana, &next, "ben").await.ok();
    assert_eq!(accept(&site, &ben, None).await.ok()["customerName"], "Jane");
}

#[tokio::test]
async fn behind_many_that_are_kept_for_others_the_rest_is_found() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    for nth in 0..18 {
        let jane = site.customer(&format!("Jane {nth}")).await.0.contact;
        accept(&site, &ana, Some(&jane)).await.ok();
        to_user(&site, &ana, &jane, "ben").await.ok();
    }
    assert_eq!(accept(&site, &ana, None).await.error(), (404, "ResourceNotFoundException"));
    site.clock.advance(1_000);
    let _john = site.customer("John").await;
    assert_eq!(accept(&site, &ana, None).await.ok()["customerName"], "John");
    assert_eq!(accept(&site, &ben, None).await.ok()["customerName"], "Jane 0");
}

/// Agents choose whom they take: many may have waited since before the chat was started.
#[tokio::test]
async fn whoever_it_is_for_finds_it_before_all_who_have_waited_longer() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let mut others = Vec::new();
    for nth in 0..60 {
        others.push(site.customer(&format!("John {nth}")).await.0.contact);
    }
    site.clock.advance(1_000);
    let hand_on = async |name: &str, user: &str| {
        let contact = site.customer(name).await.0.contact;
        accept(&site, &ana, Some(&contact)).await.ok();
        to_user(&site, &ana, &contact, user).await.ok()["contactId"].clone()
    };
    let jane = hand_on("Jane", "ben").await;
    let told = queue(&site, &ben).await;
    assert_eq!((&told["total"], &told["waiting"][0]["contactId"]), (&json!(61), &jane));
    assert_eq!(accept(&site, &ben, None).await.ok()["contactId"], jane);

    // Also behind many whose time alone with somebody else has passed.
    for other in others.iter().take(18) {
        accept(&site, &ben, Some(other)).await.ok();
        to_user(&site, &ben, other, "ana").await.ok();
    }
    site.clock.advance(2 * MINUTE);
    queue(&site, &ben).await;
    let joan = hand_on("Joan", "ben").await;
    assert_eq!(accept(&site, &ben, None).await.ok()["contactId"], joan);
}

#[tokio::test]
async fn another_queue_takes_the_customer() {
    let site = site().await;
    let ana = site.agent("ana").await;
    let (jane, mut janes) = site.customer("Jane").await;
    site.accept(&ana).await;
    site.clock.advance(1_000);
    let next = text(&to_queue(&site, &ana, &jane.contact, "sales").await.ok()["contactId"]);
    let told = queue(&site, &ana).await;
    assert_eq!(told["waiting"][0]["queue"], "sales");
    assert!(told["waiting"][0].get("reservedFor").is_none());
    janes.until_event("participant.left").await;
    // Others who wait come first for whoever handed on.
    site.clock.advance(1_000);
    let (john, _johns) = site.customer("John").await;
    assert_eq!(accept(&site, &ana, None).await.ok()["contactId"], john.contact.as_str());
    // Whoever handed on may take it again, by any of its contacts; it is another seat.
    let again = accept(&site, &ana, Some(&jane.contact)).await.ok();
    assert_eq!(again["contactId"], next.as_str());
    assert_eq!(janes.item().await["ContactId"], next.as_str());
}

#[tokio::test]
async fn what_is_wrong_with_a_transfer_is_said_and_nothing_happens() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, mut janes) = site.customer("Jane").await;
    let chat = jane.contact.as_str();
    let not_yet = to_user(&site, &ana, chat, "ben").await;
    assert_eq!(not_yet.error(), (404, "ResourceNotFoundException"));
    site.accept(&ana).await;
    janes.until_event("participant.joined").await;
    janes.until_event("participant.joined").await;
    let invalid = (400, "ValidationException");
    for (body, error) in [
        (json!({}), invalid),
        (json!({ "contactId": chat }), invalid),
        (json!({ "contactId": chat, "queue": "default", "user": "ben" }), invalid),
        (json!({ "contactId": chat, "queue": null, "user": null }), invalid),
        (json!({ "contactId": chat, "queue": "attic" }), invalid),
        (json!({ "contactId": chat, "user": "mallory" }), invalid),
        (json!({ "contactId": chat, "user": "" }), invalid),
        (json!({ "contactId": chat, "user": "ana" }), invalid),
        (json!({ "contactId": chat, "user": 7 }), invalid),
        (json!({ "contactId": "x", "user": "ben" }), (404, "ResourceNotFoundException")),
    ] {
        assert_eq!(ask(&site, &ana, &body).await.error(), error, "{body}");
    }
    // Of a chat of others an agent learns what one learns of none.
    let others = to_queue(&site, &ben, chat, "default").await;
    let nobodys = to_queue(&site, &ben, "x", "default").await;
    assert_eq!(others.error(), (404, "ResourceNotFoundException"));
    assert_eq!(others.body, nobodys.body);
    // Nobody but agents: no token, a customer's, that of a queue's socket.
    let body = json!({ "contactId": chat, "queue": "default" });
    let request = Request::post("/v1/agent/transfer").json(&body);
    let denied = (403, "AccessDeniedException");
    assert_eq!(site.send(request.clone()).await.error(), denied);
    assert_eq!(ask(&site, &jane.connection_token, &body).await.error(), denied);
    assert_eq!(ask(&site, &jane.participant_token, &body).await.error(), denied);
    let socket = site.send(bearer(Request::post("/v1/agent/socket"), &ana)).await.ok();
    let url = text(&socket["url"]);
    let token = url.split("token=").nth(1).unwrap();
    assert_eq!(ask(&site, token, &body).await.error(), denied);
    assert_eq!(janes.so_far().await.unwrap(), [Value::Null; 0], "nobody heard of it");

    jane.disconnect().await;
    let over = to_queue(&site, &ana, chat, "default").await;
    assert_eq!(over.error(), (404, "ResourceNotFoundException"));
    assert_eq!(count(&site, "chatloom_chats_transferred_total").await, 0);
}

#[tokio::test]
async fn a_customer_stays_when_the_other_is_away() {
    let site = site().await;
    let ana = site.agent("ana").await;
    let (jane, mut janes) = site.customer("Jane").await;
    let (first, mut anas) = agent(&site, &ana).await;
    let conflict = (409, "ConflictException");
    let refused = to_user(&site, &ana, &jane.contact, "ben").await;
    assert_eq!(refused.error(), conflict, "who never signed in");
    for socket in [&mut anas, &mut janes] {
        let failed = socket.until_event("transfer.failed").await;
        assert_eq!(failed["ParticipantId"], first.id.as_str());
        assert_eq!(failed["ContactId"], jane.contact.as_str());
    }
    first.say("I stay").await;
    assert_eq!(janes.message().await, "I stay");
    assert_eq!(janes.so_far().await.unwrap(), [Value::Null; 0]);

    // Who has asked for something is there for two minutes, and for as long as a queue's socket is open.
    let ben = site.agent("ben").await;
    site.clock.advance(2 * MINUTE);
    let refused = to_user(&site, &ana, &jane.contact, "ben").await;
    assert_eq!(refused.error(), conflict, "who was there");
    let url = text(&site.send(bearer(Request::post("/v1/agent/socket"), &ben)).await.ok()["url"]);
    let mut socket = Socket::open(&url).await.unwrap();
    socket.subscribe_to(&["chatloom/queue"]).await;
    site.clock.advance(60 * MINUTE);
    to_user(&site, &ana, &jane.contact, "ben").await.ok();
    assert_eq!(count(&site, "chatloom_chats_transferred_total").await, 1);
    assert_eq!(count(&site, "chatloom_transfers_failed_total").await, 2);
}

#[tokio::test]
async fn somebody_who_asked_just_now_is_there() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, _socket) = site.customer("Jane").await;
    site.accept(&ana).await;
    site.clock.advance(2 * MINUTE);
    queue(&site, &ben).await;
    site.clock.advance(2 * MINUTE - 1);
    to_user(&site, &ana, &jane.contact, "ben").await.ok();
}

#[tokio::test]
async fn a_full_queue_takes_nobody() {
    let mut site = site().await;
    site.stop().await;
    site.config.set("agents.transfer_room", "2", "test").unwrap();
    site.restart().await;
    let (ana, _ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, mut janes) = site.customer("Jane").await;
    site.accept(&ana).await;
    let _first = site.customer("one").await;
    let (second, _socket) = site.customer("two").await;
    for refused in [
        to_queue(&site, &ana, &jane.contact, "default").await,
        to_user(&site, &ana, &jane.contact, "ben").await,
    ] {
        assert_eq!(refused.error(), (409, "ConflictException"));
        janes.until_event("transfer.failed").await;
    }
    // Another queue has room of its own; and then there is room again.
    second.disconnect().await;
    to_queue(&site, &ana, &jane.contact, "default").await.ok();
}

#[tokio::test]
async fn a_repeat_of_a_lost_answer_answers_the_same() {
    let site = site().await;
    let (ana, _ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, _socket) = site.customer("Jane").await;
    site.accept(&ana).await;
    let first = to_user(&site, &ana, &jane.contact, "ben").await.ok();
    let before = jane.transcript().await.len();
    assert_eq!(to_user(&site, &ana, &jane.contact, "ben").await.ok(), first);
    assert_eq!(jane.transcript().await.len(), before);
    let other = to_queue(&site, &ana, &jane.contact, "default").await;
    assert_eq!(other.error(), (404, "ResourceNotFoundException"));
    assert_eq!(count(&site, "chatloom_chats_transferred_total").await, 1);
}

/// By the chat's initial contact, which has been handed on before: it is the last time that is meant.
#[tokio::test]
async fn a_repeat_by_the_initial_contact_is_of_the_last_time() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, _socket) = site.customer("Jane").await;
    let mut answers = Vec::new();
    for agent in [&ana, &ben, &ana] {
        site.accept(agent).await;
        let answer = to_queue(&site, agent, &jane.contact, "default").await.ok();
        assert_eq!(to_queue(&site, agent, &jane.contact, "default").await.ok(), answer);
        answers.push(answer);
    }
    // One that comes very late is known still.
    assert_eq!(to_queue(&site, &ben, &jane.contact, "default").await.ok(), answers[1]);
    assert_eq!(count(&site, "chatloom_chats_transferred_total").await, 3);
}

#[tokio::test]
async fn a_chat_is_handed_on_eleven_times_at_most() {
    let site = site().await;
    let ana = site.agent("ana").await;
    let (jane, _socket) = site.customer("Jane").await;
    let mut contacts = vec![jane.contact.clone()];
    for _ in 0..11 {
        site.accept(&ana).await;
        let by = contacts.last().unwrap();
        contacts.push(text(&to_queue(&site, &ana, by, "default").await.ok()["contactId"]));
    }
    let last = site.accept(&ana).await;
    assert_eq!(last.contact, contacts[11]);
    let refused = to_queue(&site, &ana, &last.contact, "default").await;
    assert_eq!(refused.error(), (402, "ServiceQuotaExceededException"));
    // Every contact leads to the chat, and the back end ends it by any.
    let previous = &describe(&site, &contacts[7]).await["PreviousContactId"];
    assert_eq!(*previous, contacts[6].as_str());
    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contacts[4] });
    site.signed("POST", "/contact/stop", &stop).await.ok();
    let refused = to_queue(&site, &ana, &last.contact, "default").await;
    assert_eq!(refused.error(), (404, "ResourceNotFoundException"));
}

/// No call makes a conference yet: Ben is put into the chat.
#[tokio::test]
async fn all_agents_of_a_conference_are_disconnected() {
    let mut site = site().await;
    let ana = site.agent("ana").await;
    let (chat, token) = {
        let (jane, _socket) = site.customer("Jane").await;
        let agent = site.accept(&ana).await;
        (jane.contact.clone(), agent.participant_token)
    };
    site.stop().await;
    let path = site.config.server.data.join("chatloom.db");
    let store = Sqlite::open(path, Options::default()).unwrap();
    let held = store.chat(&chat.as_str().into()).await.unwrap().unwrap();
    let mut state = (*held.chat).clone();
    state.participants.push(Participant {
        id: "ben".into(),
        role: ParticipantRole::Agent,
        name: "Ben".to_owned(),
        user: Some("ben".to_owned()),
        presence: Presence::Joined,
    });
    let commit = Commit {
        chat: chat.as_str().into(),
        version: held.version,
        head: None,
        state: Some(Arc::new(state)),
        drafts: Vec::new(),
        key: None,
        answer: 0,
        now: held.chat.updated_at,
    };
    assert!(matches!(store.commit(commit).await.unwrap(), Committed::Done { .. }));
    store.close().await.unwrap();
    site.restart().await;

    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    // Who is in the chat already is given the seat again, as after a lost answer.
    let seat = accept(&site, &ben, Some(&chat)).await.ok();
    let person = |id: &str, token: String| Person {
        site: &site,
        contact: chat.clone(),
        id: id.to_owned(),
        participant_token: token,
        connection_token: String::new(),
        socket_url: String::new(),
    };
    let mut sockets = Vec::new();
    for mut agent in [person("ana", token), person("ben", text(&seat["participantToken"]))] {
        agent.connect().await;
        let mut socket = agent.socket().await;
        socket.subscribe().await;
        sockets.push(socket);
    }
    let already = to_user(&site, &ana, &chat, "ben").await;
    assert_eq!(already.error(), (400, "ValidationException"));
    to_queue(&site, &ben, &chat, "sales").await.ok();
    for socket in &mut sockets {
        let told = socket.so_far().await.unwrap();
        assert_eq!(in_short(&told), ["transfer.succeeded"]);
    }
    let seat = accept(&site, &ana, Some(&chat)).await.ok();
    let mut agent = person("ana", text(&seat["participantToken"]));
    agent.connect().await;
    let told = in_short(&agent.transcript().await);
    let (left, joined) = ("participant.left", "participant.joined");
    assert_eq!(told, [joined, joined, "transfer.succeeded", left, left, joined]);
}

#[tokio::test]
async fn timers_go_on_with_the_next_agent() {
    let site = site().await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, mut janes) = site.customer("Jane").await;
    let timer = json!({
        "ParticipantRole": "CUSTOMER",
        "TimerType": "DISCONNECT_NONCUSTOMER",
        "TimerValue": { "ParticipantTimerDurationInMinutes": 2 },
    });
    let timers =
        json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": [timer] } } });
    let path = format!("/contact/participant-role-config/{DEMO_INSTANCE}/{}", jane.contact);
    site.signed("PUT", &path, &timers).await.ok();
    site.accept(&ana).await;
    to_user(&site, &ana, &jane.contact, "ben").await.ok();
    site.clock.advance(10 * MINUTE);
    jane.say("still here").await;
    site.accept(&ben).await;
    janes.message().await;
    site.clock.advance(2 * MINUTE);
    janes.until_event("chat.ended").await;
    let story = in_short(&site_log(&site, &jane.contact).await);
    let (left, joined) = ("participant.left", "participant.joined");
    assert_eq!(
        story,
        [joined, joined, "transfer.succeeded", left, "still here", joined, left, "chat.ended"]
    );
}

/// Everything that is stored of a chat that is over, read by the one that continues it.
async fn site_log(site: &Site, chat: &str) -> Vec<Value> {
    let mut request = start_request("Jane");
    request["PersistentChat"] =
        json!({ "RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": chat });
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let mut reader = Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    reader.connect().await;
    reader.transcript().await
}

/// A stream and a disconnect flow belong to the chat: they go on with its next contact.
#[tokio::test]
async fn a_stream_and_a_disconnect_flow_go_on_with_the_next_contact() {
    const ARN: &str = "arn:aws:sns:us-west-2:000000000000:chats";
    let webhook = Webhook::new(|_| status(200)).await;
    let site = Site::demo_with(|config| {
        allow_loopback(config);
        config.streaming.endpoints = vec![StreamingEndpoint {
            arn: ARN.to_owned(),
            url: webhook.url().into(),
            secret: SECRET.into(),
        }];
        config.instance.flows = vec![
            FlowConfig {
                id: DEMO_CONTACT_FLOW.to_owned(),
                disconnect: Some("last".to_owned()),
                ..FlowConfig::default()
            },
            FlowConfig {
                id: "last".to_owned(),
                greeting: Some("Goodbye".to_owned()),
                ..FlowConfig::default()
            },
        ];
    })
    .await;
    let (ana, ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, mut janes) = site.customer("Jane").await;
    let stream = json!({
        "InstanceId": DEMO_INSTANCE,
        "ContactId": jane.contact,
        "ChatStreamingConfiguration": { "StreamingEndpointArn": ARN },
        "ClientToken": "once",
    });
    site.signed("POST", "/contact/start-streaming", &stream).await.ok();
    site.accept(&ana).await;
    let next = text(&to_user(&site, &ana, &jane.contact, "ben").await.ok()["contactId"]);
    jane.say("hello?").await;
    site.accept(&ben).await.disconnect().await;
    janes.until_event("chat.ended").await;
    let (first, next) = (jane.contact.as_str(), next.as_str());
    let story = [
        (first, "participant.joined"),
        (first, "transfer.succeeded"),
        (first, "participant.left"),
        (next, "hello?"),
        (next, "participant.joined"),
        (next, "participant.left"),
        (next, "Goodbye"),
        (next, "chat.ended"),
    ];
    for (contact, what) in story {
        let received = webhook.next().await;
        let item: Value = serde_json::from_str(&text(&received.json["Message"])).unwrap();
        assert_eq!(in_short(std::slice::from_ref(&item)), [what]);
        assert_eq!(item["ContactId"], contact, "{what}");
        let attributes = &received.json["MessageAttributes"];
        assert_eq!(attributes["InitialContactId"]["Value"], first, "{what}");
        assert_eq!(attributes["ContactId"]["Value"], contact, "{what}");
    }
}

/// Deletion and persistent chat go by any contact.
#[tokio::test]
async fn a_chat_of_two_contacts_is_continued_and_forgotten_as_one() {
    let site = site().await;
    let (ana, _ben) = (site.agent("ana").await, site.agent("ben").await);
    let (jane, _socket) = site.customer("Jane").await;
    site.accept(&ana).await;
    let next = text(&to_user(&site, &ana, &jane.contact, "ben").await.ok()["contactId"]);
    jane.say("of the second").await;
    jane.disconnect().await;
    let ended = text(&describe(&site, &next).await["DisconnectReason"]);
    assert_eq!(ended, "CUSTOMER_DISCONNECT");
    let past = site_log(&site, &jane.contact).await;
    assert_eq!(past.len(), 7, "{past:?}");
    assert_eq!(past[4]["RelatedContactId"], next.as_str());

    let body = json!({ "ContactIds": [next] });
    let deleted = site.signed("POST", "/v1/chats/delete", &body).await.ok();
    assert_eq!(deleted["Deleted"], json!([jane.contact]));
    for contact in [&jane.contact, &next] {
        let path = format!("/contacts/{DEMO_INSTANCE}/{contact}");
        let gone = site.signed("GET", &path, &Value::Null).await;
        assert_eq!(gone.error(), (404, "ResourceNotFoundException"));
    }
}
