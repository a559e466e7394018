//! Bots: over HTTP, and custom participants.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use axum::response::Response;
use chatloom_server::{
    Config,
    config::{Allowance, BotConfig, DEMO_CONTACT_FLOW, DEMO_INSTANCE, FlowConfig, Period},
};
use serde_json::{Value, json};

use crate::support::{
    Person, Site, event, eventually, start_request, text,
    webhook::{self, Received, SECRET, Webhook, allow_loopback, status},
};

const SALES: &str = "33333333-3333-4333-8333-333333333333";

pub(crate) fn bot(config: &mut Config, url: String) {
    allow_loopback(config);
    config.bots.endpoints = vec![BotConfig {
        name: "shop".to_owned(),
        url: url.into(),
        secret: SECRET.into(),
        display_name: "Robo".to_owned(),
        attributes: vec!["plan".to_owned()],
    }];
    config.outgoing.first_wait = Period::millis(1);
    // The tests look often.
    config.limits.participant = Some(Allowance::Off);
    config.limits.contact = Some(Allowance::Off);
    config.limits.address = Some(Allowance::Off);
    config.instance.flows = vec![FlowConfig {
        id: DEMO_CONTACT_FLOW.to_owned(),
        greeting: Some("Welcome!".to_owned()),
        bot: Some("shop".to_owned()),
        handover: Some("One moment, please.".to_owned()),
        failure: Some("Sorry, I am unwell.".to_owned()),
        ..FlowConfig::default()
    }];
}

/// A server whose chats a bot answers.
pub(crate) async fn site(
    answer: impl Fn(Received) -> Response + Send + Sync + 'static,
) -> (Site, Webhook) {
    let webhook = Webhook::new(answer).await;
    let url = webhook.url();
    (Site::demo_with(|config| bot(config, url)).await, webhook)
}

pub(crate) fn actions(actions: &Value) -> Response {
    webhook::json(&json!({ "actions": actions }))
}

/// A customer whose chat takes everything, with a socket; attributes as a back end sets them.
pub(crate) async fn customer(site: &Site) -> (Person<'_>, crate::support::socket::Socket) {
    let mut request = start_request("Cleo");
    request["Attributes"] = json!({ "plan": "gold", "secret": "nobody's business" });
    request["SupportedMessagingContentTypes"] = json!([
        "text/plain",
        "text/markdown",
        "application/vnd.amazonaws.connect.message.interactive",
        "application/vnd.amazonaws.connect.message.interactive.response",
    ]);
    started(site, &request).await
}

/// A customer of a chat that is started like this, with a socket.
pub(crate) async fn started<'a>(
    site: &'a Site,
    request: &Value,
) -> (Person<'a>, crate::support::socket::Socket) {
    let started = site.signed("PUT", "/contact/chat", request).await.ok();
    let mut customer = Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    customer.connect().await;
    let mut socket = customer.socket().await;
    socket.subscribe().await;
    (customer, socket)
}

/// Waits until the transcript is this, in short; time passes meanwhile.
pub(crate) async fn expect(person: &Person<'_>, expected: &[&str]) -> Vec<Value> {
    let patience = std::time::Duration::from_mins(1);
    let mut seen = Vec::new();
    let found = tokio::time::timeout(patience, async {
        loop {
            person.site.clock.advance(10);
            let items = person.transcript().await;
            seen = items.iter().map(in_short).collect();
            if seen == expected {
                return items;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("{seen:#?}\nis not {expected:#?}"))
}

pub(crate) fn in_short(item: &Value) -> String {
    let who = item["DisplayName"].as_str().unwrap_or("-");
    match item["Content"].as_str() {
        Some(content) => format!("{who}: {content}"),
        None => format!("{who} {}", event(item)),
    }
}

#[tokio::test]
async fn a_bot_answers_and_hands_over() {
    let (site, webhook) = site(|turn| match turn.json["message"]["content"].as_str() {
        None => actions(&json!([{ "type": "say", "content": "What is it about?" }])),
        Some("person") => actions(&json!([{ "type": "handover" }, { "type": "end" }])),
        Some(said) => actions(&json!([
            { "type": "say", "content": format!("*{said}*"), "contentType": "text/markdown" },
            { "type": "say", "content": "More?" },
        ])),
    })
    .await;
    let (customer, _socket) = customer(&site).await;

    let start = webhook.next().await;
    assert_eq!(start.json["type"], "start");
    assert_eq!(start.json["version"], 1);
    assert_eq!(start.json["attempt"], 1);
    assert_eq!(start.json["attributes"], json!({ "plan": "gold" }), "only what the config names");
    assert_eq!(start.json["customer"]["displayName"], "Cleo");
    assert_eq!(start.json["customer"]["participantId"], customer.id);
    assert_eq!(start.json["chat"]["initialContactId"], customer.contact);
    assert_eq!(start.json["chat"]["contactFlowId"], DEMO_CONTACT_FLOW);
    assert_eq!(start.json["chat"]["showsParts"], false);
    assert_eq!(start.header("chatloom-id"), text(&start.json["turn"]));
    start.signed_at();
    expect(&customer, &["Cleo participant.joined", "Robo: Welcome!", "Robo: What is it about?"])
        .await;

    let id = customer.say("an order").await;
    let turn = webhook.next().await;
    assert_eq!(turn.json["type"], "message");
    assert_eq!(turn.json["turn"], id);
    assert_eq!(turn.json["message"]["id"], id);
    assert_eq!(turn.json["message"]["contentType"], "text/plain");
    assert!(turn.json["history"].is_null(), "nobody asked");
    customer.say("person").await;
    let items = expect(
        &customer,
        &[
            "Cleo participant.joined",
            "Robo: Welcome!",
            "Robo: What is it about?",
            "Cleo: an order",
            "Robo: *an order*",
            "Robo: More?",
            "Cleo: person",
            "SYSTEM_MESSAGE: One moment, please.",
        ],
    )
    .await;
    assert_eq!(items[4]["ContentType"], "text/markdown");
    assert_eq!(items[4]["ParticipantRole"], "SYSTEM");

    // From here on an agent's business.
    let ana = site.agent("ana").await;
    let ana = site.accept(&ana).await;
    webhook.next().await;
    customer.say("hello?").await;
    ana.say("Hello").await;
    assert_eq!(customer.messages().await.last().unwrap(), "Hello");
    assert_eq!(webhook.waiting(), 0, "the bot is told nothing more");
    assert!((site.figure("chatloom_bot_turns_total").await - 3.0).abs() < 0.1);
}

/// One turn at a time; what was said meanwhile waits in order.
#[tokio::test]
async fn turns_are_one_after_the_other() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let gate = Arc::clone(&under_way);
    let (site, webhook) = site(move |turn| {
        assert_eq!(gate.load(SeqCst), 0, "two turns at once");
        match turn.json["message"]["content"].as_str() {
            None => actions(&json!([])),
            Some(said) => {
                gate.store(1, SeqCst);
                let (send, answer) = webhook::events();
                let (gate, said) = (Arc::clone(&gate), said.to_owned());
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    let say = json!({ "type": "say", "content": format!("re: {said}") });
                    send.send(webhook::event("action", &say)).await.unwrap();
                    gate.store(0, SeqCst);
                    send.send(webhook::event("done", &json!({}))).await.unwrap();
                });
                answer
            }
        }
    })
    .await;
    let (customer, _socket) = customer(&site).await;
    for said in ["one", "two", "three"] {
        customer.say(said).await;
    }
    eventually("all answers", || async {
        let messages = customer.messages().await;
        let answers: Vec<_> = messages.into_iter().filter(|it| it.starts_with("re: ")).collect();
        (answers == ["re: one", "re: two", "re: three"]).then_some(())
    })
    .await;
    assert_eq!(webhook.waiting(), 4);
}

/// A turn that was not answered is asked again, with its id; one that never is goes to the queue.
#[tokio::test]
async fn a_bot_that_fails_hands_over() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (site, webhook) = site(move |turn| match turn.json["message"]["content"].as_str() {
        None => actions(&json!([])),
        Some("once") if count.fetch_add(1, SeqCst) == 0 => status(500),
        Some("once") => actions(&json!([{ "type": "say", "content": "At last" }])),
        Some(_) => webhook::json(&json!({ "actions": [{ "type": "dance" }] })),
    })
    .await;
    let (customer, _socket) = customer(&site).await;
    webhook.next().await;
    customer.say("once").await;
    let said = ["Cleo participant.joined", "Robo: Welcome!", "Cleo: once", "Robo: At last"];
    expect(&customer, &said).await;
    let (first, second) = (webhook.next().await, webhook.next().await);
    assert_eq!(first.json["turn"], second.json["turn"]);
    assert_eq!((&first.json["attempt"], &second.json["attempt"]), (&json!(1), &json!(2)));

    customer.say("never").await;
    let mut expected = said.to_vec();
    expected.extend(["Cleo: never", "SYSTEM_MESSAGE: Sorry, I am unwell."]);
    expect(&customer, &expected).await;
    assert_eq!(webhook.waiting(), 3, "as often as is configured");
    let ana = site.agent("ana").await;
    site.accept(&ana).await;
}

/// A turn whose answer the server has not stored is asked again after a restart, with its id.
#[tokio::test]
async fn a_restart_repeats_the_turn_under_way() {
    let open = Arc::new(Mutex::new(Vec::new()));
    let never_done = Arc::clone(&open);
    let (mut site, webhook) = site(move |turn| match turn.json["message"]["content"].as_str() {
        None => actions(&json!([])),
        Some(_) if never_done.lock().unwrap().is_empty() => {
            // Never done.
            let (send, answer) = webhook::events();
            never_done.lock().unwrap().push(send);
            answer
        }
        Some(said) => actions(&json!([{ "type": "say", "content": format!("re: {said}") }])),
    })
    .await;
    let (contact, participant_token) = {
        let (customer, _socket) = customer(&site).await;
        webhook.next().await;
        customer.say("hello").await;
        (customer.contact.clone(), customer.participant_token.clone())
    };
    let first = webhook.next().await;
    site.stop().await;
    site.restart().await;
    let second = webhook.next().await;
    assert_eq!(first.json["turn"], second.json["turn"]);
    let mut customer = Person {
        site: &site,
        contact,
        id: String::new(),
        participant_token,
        connection_token: String::new(),
        socket_url: String::new(),
    };
    customer.connect().await;
    expect(
        &customer,
        &["Cleo participant.joined", "Robo: Welcome!", "Cleo: hello", "Robo: re: hello"],
    )
    .await;
}

/// Interactive messages and views are checked and passed on; what does not fit fails the turn.
#[tokio::test]
async fn a_bot_shows_interactive_messages_and_views() {
    let picker = json!({
        "templateType": "ListPicker",
        "version": "1.0",
        "data": { "content": { "title": "What?", "elements": [{ "title": "An order" }] } },
    });
    let offered = picker.clone();
    let (site, _webhook) = site(move |turn| {
        if turn.json["type"] == "start" {
            return actions(&json!([
                { "type": "interactive", "content": offered },
                { "type": "view", "viewId": "form", "viewToken": "t", "viewData": { "a": 1 } },
            ]));
        }
        let mut empty = offered.clone();
        empty["data"]["content"]["elements"] = json!([]);
        actions(&json!([{ "type": "interactive", "content": empty }]))
    })
    .await;
    let (customer, _socket) = customer(&site).await;
    let items = eventually("the offer", || async {
        let items = customer.transcript().await;
        (items.len() == 4).then_some(items)
    })
    .await;
    let content = |item: &Value| serde_json::from_str::<Value>(&text(&item["Content"])).unwrap();
    let interactive = "application/vnd.amazonaws.connect.message.interactive";
    assert_eq!((&items[2]["ContentType"], content(&items[2])), (&json!(interactive), picker));
    let view = content(&items[3]);
    assert_eq!(view["templateType"], "ViewResource");
    let shown = json!({ "viewId": "form", "viewToken": "t", "viewData": { "a": 1 } });
    assert_eq!(view["data"]["content"], shown);

    customer.say("an order").await;
    eventually("the bot's failure", || async {
        site.clock.advance(10);
        let messages = customer.messages().await;
        (messages.last().unwrap() == "Sorry, I am unwell.").then_some(())
    })
    .await;
}

/// What was said before is given to a bot that asks for it.
#[tokio::test]
async fn a_bot_may_ask_what_was_said() {
    let (site, webhook) = site(|turn| match turn.json["history"].as_array() {
        None => webhook::json(&json!({ "history": 2 })),
        Some(items) => {
            let said = items.iter().map(|item| item["Content"].as_str().unwrap_or("-"));
            let said: Vec<_> = said.collect();
            actions(&json!([{ "type": "say", "content": said.join("|") }, { "type": "end" }]))
        }
    })
    .await;
    let (_customer, mut socket) = customer(&site).await;
    // Up to the customer's coming there is nothing but that.
    assert_eq!(socket.message().await, "Welcome!");
    assert_eq!(socket.message().await, "-");
    assert_eq!(webhook.next().await.json["turn"], webhook.next().await.json["turn"]);
}

/// Each flow does what is configured for it; one that is not leads to the queue.
#[tokio::test]
async fn flows_differ() {
    let site = Site::demo_with(|config| {
        config.instance.contact_flows.push(SALES.to_owned());
        config.instance.flows.push(FlowConfig {
            id: SALES.to_owned(),
            queue: Some("sales".to_owned()),
            greeting: Some("Sales will be with you soon.".to_owned()),
            ..FlowConfig::default()
        });
    })
    .await;
    let mut request = start_request("Cleo");
    request["ContactFlowId"] = json!(SALES);
    request["ConnectionTypes"] = json!(["CONNECTION_CREDENTIALS"]);
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let customer = Person {
        site: &site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: text(&started["ConnectionCredentials"]["ConnectionToken"]),
        socket_url: String::new(),
    };
    customer.create_connection(&json!({ "ConnectParticipant": true })).await.ok();
    let items = customer.transcript().await;
    assert_eq!(in_short(&items[1]), "SYSTEM_MESSAGE: Sales will be with you soon.");
    // The demo's own flow goes on as it is.
    site.clock.advance(1_000);
    let (other, _socket) = site.customer("Otto").await;
    assert!(other.messages().await[0].starts_with("Hello!"));
    other.say("agent").await;
    // Agents see both queues, the one who has waited longest first.
    let ana = site.agent("ana").await;
    let accepted = site.accept(&ana).await;
    assert_eq!(accepted.contact, customer.contact);
    assert_eq!(site.accept(&ana).await.contact, other.contact);
}

pub(crate) fn create(contact: &str) -> Value {
    json!({
        "InstanceId": DEMO_INSTANCE,
        "ContactId": contact,
        "ClientToken": "once",
        "ParticipantDetails": { "ParticipantRole": "CUSTOM_BOT", "DisplayName": "Robo" },
    })
}

/// docs/protocol/participant-service.md §10.3
#[tokio::test]
async fn a_custom_participant_comes_speaks_and_goes_with_the_agent() {
    let site = Site::demo_with(|config| config.instance.flows.clear()).await;
    let (customer, mut socket) = site.customer("Cleo").await;
    let path = "/contact/create-participant";
    let created = site.signed("POST", path, &create(&customer.contact)).await.ok();
    let again = site.signed("POST", path, &create(&customer.contact)).await.ok();
    assert_eq!(created["ParticipantId"], again["ParticipantId"], "a repeat makes no other");
    let mut second = create(&customer.contact);
    second["ClientToken"] = json!("twice");
    let refused = site.signed("POST", path, &second).await;
    assert_eq!(refused.error(), (402, "ServiceQuotaExceededException"));

    let credentials = &created["ParticipantCredentials"];
    assert_eq!(credentials["Expiry"], "2026-06-01T00:00:15.000Z");
    let mut robo = Person {
        site: &site,
        contact: customer.contact.clone(),
        id: text(&created["ParticipantId"]),
        participant_token: text(&credentials["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    robo.connect().await;
    assert_eq!(event(&socket.item().await), "participant.joined");
    let joined = socket.item().await;
    assert_eq!(
        (event(&joined).as_str(), &joined["ParticipantRole"]),
        ("participant.joined", &json!("CUSTOM_BOT"))
    );
    // It may come again for another connection, long after.
    site.clock.advance(60_000);
    robo.connect().await;
    robo.say("I am a bot").await;
    customer.say("I see").await;
    assert_eq!(robo.messages().await, ["I am a bot", "I see"]);
    // Messages are what SendMessage takes from anybody (§3.2).
    let body = json!({
        "ContentType": "application/vnd.amazonaws.connect.message.interactive",
        "Content": "{}",
    });
    assert_eq!(robo.call("message", &body).await.error(), (400, "ValidationException"));

    let ana = site.agent("ana").await;
    let ana = site.accept(&ana).await;
    let lines: Vec<_> = customer.transcript().await.iter().map(in_short).collect();
    assert_eq!(lines[4..], ["Robo participant.left", "Ana participant.joined"]);
    let body = json!({ "ContentType": "text/plain", "Content": "still here" });
    assert_eq!(robo.call("message", &body).await.error(), (403, "AccessDeniedException"));
    let refused = site.signed("POST", path, &second).await;
    assert_eq!(refused.error(), (409, "ConflictException"));
    ana.say("Hello, Cleo").await;
}

/// Nobody is told what is said after they have left, but for the end.
#[tokio::test]
async fn a_custom_participant_that_has_left_hears_no_more() {
    let site = Site::demo_with(|config| config.instance.flows.clear()).await;
    let (customer, mut socket) = site.customer("Cleo").await;
    let body = create(&customer.contact);
    let created = site.signed("POST", "/contact/create-participant", &body).await.ok();
    let mut robo = Person {
        id: text(&created["ParticipantId"]),
        participant_token: text(&created["ParticipantCredentials"]["ParticipantToken"]),
        ..customer.clone()
    };
    robo.connect().await;
    let mut heard = robo.socket().await;
    heard.subscribe().await;
    customer.say("for the bot").await;
    assert_eq!(heard.message().await, "for the bot");
    let ana = site.accept(&site.agent("ana").await).await;
    ana.say("for the customer alone").await;
    assert_eq!(socket.message().await, "for the bot");
    assert_eq!(socket.message().await, "for the customer alone");
    ana.disconnect().await;
    let left = heard.item().await;
    assert_eq!(
        (event(&left).as_str(), text(&left["ParticipantId"])),
        ("participant.left", robo.id.clone())
    );
    assert_eq!(event(&heard.item().await), "chat.ended");
}

#[tokio::test]
async fn a_custom_participant_has_fifteen_seconds() {
    let site = Site::demo_with(|config| config.instance.flows.clear()).await;
    let (customer, _socket) = site.customer("Cleo").await;
    let path = "/contact/create-participant";
    let token = async |client_token: &str| {
        let mut body = create(&customer.contact);
        body["ClientToken"] = json!(client_token);
        let created = site.signed("POST", path, &body).await.ok();
        text(&created["ParticipantCredentials"]["ParticipantToken"])
    };
    let connect = async |token: &str| {
        let mut robo = customer.clone();
        token.clone_into(&mut robo.participant_token);
        robo.create_connection(&json!({ "Type": ["CONNECTION_CREDENTIALS"] })).await
    };
    let first = token("one").await;
    site.clock.advance(15_000);
    assert_eq!(connect(&first).await.error(), (404, "ResourceNotFoundException"));
    // Then another may be added.
    let second = token("two").await;
    site.clock.advance(14_999);
    connect(&second).await.ok();

    for (change, error) in [
        (json!({ "ContactId": "no-contact" }), (404, "ResourceNotFoundException")),
        (json!({ "InstanceId": "another" }), (404, "ResourceNotFoundException")),
        (
            json!({ "ParticipantDetails": { "ParticipantRole": "CUSTOMER" } }),
            (400, "InvalidRequestException"),
        ),
    ] {
        let mut body = create(&customer.contact);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(site.signed("POST", path, &body).await.error(), error, "{change}");
    }
    customer.disconnect().await;
    let mut late = create(&customer.contact);
    late["ClientToken"] = json!("late");
    let refused = site.signed("POST", path, &late).await;
    assert_eq!(refused.error(), (400, "InvalidRequestException"));
}

/// With an assistant of the flow's own there is no room for another.
#[tokio::test]
async fn a_custom_participant_does_not_join_an_assistant() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Cleo").await;
    let refused =
        site.signed("POST", "/contact/create-participant", &create(&customer.contact)).await;
    assert_eq!(refused.error(), (409, "ConflictException"));
}

/// docs/protocol/participant-service.md §6.7: parts on the socket, the whole once, under one id.
#[tokio::test]
async fn a_customer_is_shown_an_answer_as_it_grows() {
    let (site, _webhook) = site(|turn| {
        if turn.json["type"] == "start" {
            assert_eq!(turn.json["chat"]["showsParts"], true);
            return actions(&json!([]));
        }
        let (send, answer) = webhook::events();
        tokio::spawn(async move {
            for (part, content_type) in [("It ", "text/markdown"), ("**left**", ""), (".", "")] {
                let chunk = json!({ "content": part, "contentType": content_type });
                let _ = send.send(webhook::event("chunk", &chunk)).await;
            }
            let _ = send.send(webhook::event("end", &json!({}))).await;
            let _ = send.send(webhook::event("chunk", &json!({ "content": "More?" }))).await;
            let _ = send.send(webhook::event("done", &json!({}))).await;
        });
        answer
    })
    .await;
    let (customer, mut socket) = incremental(&site).await;
    assert_eq!(socket.message().await, "Welcome!");
    customer.say("Where is it?").await;
    assert_eq!(socket.message().await, "Where is it?");

    let mut shown = Vec::new();
    for _ in 0..6 {
        shown.push(socket.item().await);
    }
    let in_parts = |item: &Value| {
        let metadata = &item["MessageMetadata"];
        assert_eq!(metadata["MessageId"], item["Id"]);
        assert_eq!(
            (&item["Type"], &item["ParticipantRole"]),
            (&json!("MESSAGE"), &json!("SYSTEM"))
        );
        (
            text(&item["Content"]),
            metadata["ChunkNumber"].clone(),
            metadata["MessageCompleted"].clone(),
        )
    };
    let part = |content: &str, number: u32, completed: bool| {
        (content.to_owned(), json!(number), json!(completed))
    };
    let seen: Vec<_> = shown.iter().map(in_parts).collect();
    assert_eq!(
        seen,
        [
            part("It ", 1, false),
            part("**left**", 2, false),
            part(".", 3, false),
            part("More?", 1, false),
            part("It **left**.", 4, true),
            part("More?", 2, true),
        ]
    );
    let ids: Vec<_> = shown.iter().map(|item| text(&item["Id"])).collect();
    assert_eq!([&ids[0], &ids[1], &ids[2]], [&ids[4]; 3]);
    assert_eq!(ids[3], ids[5]);
    assert_ne!(ids[0], ids[3]);
    assert_eq!(shown[4]["ContentType"], "text/markdown");

    // Stored once; and a page may begin there, although the id was given before the place.
    let items = customer.transcript().await;
    let last: Vec<_> = items[3..].iter().map(|item| text(&item["Id"])).collect();
    assert_eq!(last, [ids[0].clone(), ids[3].clone()]);
    let body = json!({ "StartPosition": { "Id": ids[3] }, "ScanDirection": "BACKWARD" });
    let page = customer.call("transcript", &body).await.ok();
    assert_eq!(page["Transcript"][0]["Content"], "More?");
    assert_eq!(page["Transcript"].as_array().unwrap().len(), 5);
}

/// A customer who is shown parts.
async fn incremental(site: &Site) -> (Person<'_>, crate::support::socket::Socket) {
    let mut request = start_request("Cleo");
    request["ParticipantConfiguration"] = json!({ "ResponseMode": "INCREMENTAL" });
    request["SupportedMessagingContentTypes"] = json!(["text/plain", "text/markdown"]);
    started(site, &request).await
}

/// An answer that breaks off in parts is asked for again, under the same id; what was shown when the
/// bot has failed for good is kept as it is.
#[tokio::test]
async fn an_answer_that_breaks_off_is_kept_as_far_as_it_came() {
    let (site, webhook) = site(|turn| {
        if turn.json["type"] == "start" {
            return actions(&json!([]));
        }
        let (send, answer) = webhook::events();
        tokio::spawn(async move {
            let _ = send.send(webhook::event("chunk", &json!({ "content": "It is" }))).await;
        });
        answer
    })
    .await;
    let (customer, mut socket) = incremental(&site).await;
    webhook.next().await;
    customer.say("Where is it?").await;
    let said = ["Cleo participant.joined", "Robo: Welcome!", "Cleo: Where is it?"];
    let mut expected = said.to_vec();
    expected.extend(["Robo: It is", "SYSTEM_MESSAGE: Sorry, I am unwell."]);
    let items = expect(&customer, &expected).await;
    let mut shown = Vec::new();
    while shown.last() != Some(&json!(true)) {
        let item = socket.item().await;
        if item["Content"] == "It is" {
            assert_eq!(item["Id"], items[3]["Id"], "a repeat has the id again");
            shown.push(item["MessageMetadata"]["MessageCompleted"].clone());
        }
    }
    assert_eq!(shown, [false, false, false, true].map(Value::from));
}
