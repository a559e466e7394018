//! Flows: what a customer goes on with when the agent has left, and waiting for a custom participant.

use chatloom_server::config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE, FlowConfig, Period};
use serde_json::{Value, json};

use crate::{
    bots::{actions, bot, create, customer, expect, started},
    support::{
        Person, Site, eventually,
        http::Request,
        start_request, text,
        webhook::{self, Webhook},
    },
};

const SURVEY: &str = "44444444-4444-4444-8444-444444444444";

/// A site whose chats go to the queue at once, and in the end to a bot that asks how it was.
async fn with_survey() -> (Site, Webhook) {
    let webhook = Webhook::new(|turn| match turn.json["message"]["content"].as_str() {
        None => actions(&json!([{ "type": "say", "content": "1 to 5?" }])),
        Some("agent") => actions(&json!([{ "type": "handover" }])),
        Some(_) => actions(&json!([{ "type": "say", "content": "Thank you" }, { "type": "end" }])),
    })
    .await;
    let site = Site::demo_with(|config| {
        bot(config, webhook.url());
        config.instance.flows = vec![
            FlowConfig {
                id: DEMO_CONTACT_FLOW.to_owned(),
                disconnect: Some(SURVEY.to_owned()),
                disconnect_within: Some(Period::minutes(10)),
                ..FlowConfig::default()
            },
            FlowConfig {
                id: SURVEY.to_owned(),
                bot: Some("shop".to_owned()),
                greeting: Some("How was it?".to_owned()),
                ..FlowConfig::default()
            },
        ];
    })
    .await;
    (site, webhook)
}

async fn reason(person: &Person<'_>) -> Value {
    let path = format!("/contacts/{DEMO_INSTANCE}/{}", person.contact);
    let described = person.site.signed("GET", &path, &Value::Null).await.ok();
    described["Contact"]["DisconnectReason"].clone()
}

async fn accepted(site: &Site) -> Person<'_> {
    let ana = site.agent("ana").await;
    site.accept(&ana).await
}

const ASKED: [&str; 5] = [
    "Cleo participant.joined",
    "Ana participant.joined",
    "Ana participant.left",
    "Robo: How was it?",
    "Robo: 1 to 5?",
];

#[tokio::test]
async fn a_bot_asks_when_the_agent_has_left_and_then_the_chat_ends() {
    let (site, webhook) = with_survey().await;
    let (customer, mut socket) = customer(&site).await;
    let ana = accepted(&site).await;
    assert_eq!(webhook.waiting(), 0, "it is not its turn");
    ana.disconnect().await;
    expect(&customer, &ASKED).await;
    let turn = webhook.next().await;
    assert_eq!(
        (&turn.json["type"], &turn.json["chat"]["contactFlowId"]),
        (&json!("start"), &json!(SURVEY))
    );
    customer.say("5").await;
    socket.until_event("chat.ended").await;
    assert_eq!(webhook.next().await.json["type"], "message");
    assert_eq!(webhook.waiting(), 0, "one beginning, one answer");
    assert_eq!(reason(&customer).await, "AGENT_DISCONNECT");
    let body = json!({ "ContentType": "text/plain", "Content": "more" });
    assert_eq!(customer.call("message", &body).await.error(), (403, "AccessDeniedException"));
}

/// docs/protocol/participant-service.md §12.3
#[tokio::test]
async fn a_customer_who_leaves_stays_to_be_asked() {
    let (site, webhook) = with_survey().await;
    let mut request = start_request("Cleo");
    request["DisconnectOnCustomerExit"] = json!(["AGENT"]);
    let (customer, mut socket) = started(&site, &request).await;
    let ana = accepted(&site).await;
    customer.disconnect().await;
    let mut asked = ASKED.to_vec();
    asked.insert(2, "Cleo participant.left");
    expect(&customer, &asked).await;
    assert_eq!(webhook.next().await.json["type"], "start");
    let body = json!({ "ContentType": "text/plain", "Content": "wait" });
    assert_eq!(ana.call("message", &body).await.error(), (403, "AccessDeniedException"));
    customer.say("4").await;
    socket.until_event("chat.ended").await;
    assert_eq!(reason(&customer).await, "CUSTOMER_DISCONNECT");
}

/// SDKs send a request again whose answer was lost; only another departure ends being asked.
#[tokio::test]
async fn a_repeated_departure_leaves_the_disconnect_flow_alone() {
    let (site, _webhook) = with_survey().await;
    let mut request = start_request("Cleo");
    request["DisconnectOnCustomerExit"] = json!(["AGENT"]);
    let (customer, mut socket) = started(&site, &request).await;
    let ana = accepted(&site).await;
    for _ in 0..3 {
        assert_eq!(
            customer.call("disconnect", &json!({ "ClientToken": "1" })).await.ok(),
            json!({})
        );
    }
    let mut asked = ASKED.to_vec();
    asked.insert(2, "Cleo participant.left");
    expect(&customer, &asked).await;
    // Who has left for good is told so, as without a disconnect flow.
    let again = ana.call("disconnect", &json!({ "ClientToken": "1" })).await;
    assert_eq!(again.error(), (403, "AccessDeniedException"));
    customer.call("disconnect", &json!({ "ClientToken": "2" })).await.ok();
    socket.until_event("chat.ended").await;
    let again = customer.call("disconnect", &json!({ "ClientToken": "2" })).await;
    assert_eq!(again.error(), (403, "AccessDeniedException"));
}

/// Who says nothing is asked for as long as is configured; who wants a person gets one.
#[tokio::test]
async fn being_asked_ends_by_itself_or_with_a_person() {
    let (site, _webhook) = with_survey().await;
    let (silent, mut socket) = customer(&site).await;
    accepted(&site).await.disconnect().await;
    expect(&silent, &ASKED).await;
    site.clock.advance(10 * 60_000);
    socket.until_event("chat.ended").await;

    let (asking, _socket) = customer(&site).await;
    accepted(&site).await.disconnect().await;
    expect(&asking, &ASKED).await;
    asking.say("agent").await;
    let ana = site.agent("ana").await;
    eventually("the chat in the queue again", || async {
        site.clock.advance(10);
        let request = Request::get("/v1/agent/queue");
        let request = request.header("Authorization", &format!("Bearer {ana}"));
        let queue = site.send(request).await.ok();
        (queue["total"] == 1).then_some(())
    })
    .await;
    site.accept(&ana).await.say("Here I am").await;
    assert_eq!(asking.messages().await.last().unwrap(), "Here I am");
}

/// A flow in which nobody answers says its words, and that is the end.
#[tokio::test]
async fn a_closing_message() {
    let site = Site::demo_with(|config| {
        let flow = |id: &str| FlowConfig { id: id.to_owned(), ..FlowConfig::default() };
        config.instance.flows = vec![
            FlowConfig { disconnect: Some(SURVEY.to_owned()), ..flow(DEMO_CONTACT_FLOW) },
            FlowConfig { greeting: Some("Good bye!".to_owned()), ..flow(SURVEY) },
        ];
    })
    .await;
    let (_customer, mut socket) = site.customer("Cleo").await;
    accepted(&site).await.disconnect().await;
    assert_eq!(socket.message().await, "Good bye!");
    socket.until_event("chat.ended").await;
}

/// docs/protocol/participant-service.md §10.3: the flow waits for whom the back end adds.
#[tokio::test]
async fn a_flow_waits_for_a_custom_participant() {
    let site = Site::demo_with(|config| {
        config.instance.flows = vec![FlowConfig {
            id: DEMO_CONTACT_FLOW.to_owned(),
            wait_for_participant: Some(Period::minutes(1)),
            handover: Some("A person comes.".to_owned()),
            failure: Some("Nobody came.".to_owned()),
            ..FlowConfig::default()
        }];
    })
    .await;
    let (customer, mut socket) = site.customer("Cleo").await;
    let path = "/contact/create-participant";
    let created = site.signed("POST", path, &create(&customer.contact)).await.ok();
    let mut robo = Person {
        id: text(&created["ParticipantId"]),
        participant_token: text(&created["ParticipantCredentials"]["ParticipantToken"]),
        ..customer.clone()
    };
    robo.connect().await;
    site.clock.advance(60_000);
    robo.say("I am a bot").await;
    assert_eq!(socket.message().await, "I am a bot");
    robo.disconnect().await;
    assert_eq!(socket.message().await, "A person comes.");
    accepted(&site).await.say("Hello").await;
    assert_eq!(socket.message().await, "Hello");

    let (_other, mut socket) = site.customer("Otto").await;
    site.clock.advance(60_000);
    assert_eq!(socket.message().await, "Nobody came.");
    accepted(&site).await.say("Hello, Otto").await;
    assert_eq!(socket.message().await, "Hello, Otto");
}

/// What a customer said last is nobody's business any more when the chat has ended meanwhile.
#[tokio::test]
async fn a_bot_is_asked_nothing_after_the_end() {
    let open = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let held = std::sync::Arc::clone(&open);
    let webhook = Webhook::new(move |turn| {
        if turn.json["customer"]["displayName"] != "Cleo" {
            return actions(&json!([]));
        }
        let (send, answer) = webhook::events();
        held.lock().unwrap().push(send);
        answer
    })
    .await;
    let site = Site::demo_with(|config| bot(config, webhook.url())).await;
    let (cleo, mut socket) = customer(&site).await;
    assert_eq!(webhook.next().await.json["type"], "start");
    cleo.say("hello?").await;
    let body = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": cleo.contact });
    site.signed("POST", "/contact/stop", &body).await.ok();
    socket.until_event("chat.ended").await;
    let answer = open.lock().unwrap().pop().unwrap();
    answer.send(webhook::event("done", &json!({}))).await.unwrap();
    eventually("the end of the turn", || async {
        let turns = site.figure("chatloom_bot_turns_total").await;
        (turns > 0.5).then_some(())
    })
    .await;
    // Its follower is due for longer than that of another chat.
    let (otto, _socket) = started(&site, &start_request("Otto")).await;
    let next = webhook.next().await;
    assert_eq!(next.json["customer"]["participantId"], otto.id);
}
