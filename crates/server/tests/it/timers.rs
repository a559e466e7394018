//! Timers of people who fall silent, over HTTP and sockets (docs/protocol/participant-service.md
//! §10.6, §12.5).

use chatloom_server::{
    chats::Clock as _,
    config::DEMO_INSTANCE,
    store::{
        Store as _,
        sqlite::{Options, Sqlite},
    },
};
use serde_json::{Value, json};

use crate::support::{Person, Site, event, http::Response, socket::Socket};

const MINUTE: i64 = 60_000;

fn timer(role: &str, kind: &str, minutes: i64) -> Value {
    json!({
        "ParticipantRole": role,
        "TimerType": kind,
        "TimerValue": { "ParticipantTimerDurationInMinutes": minutes },
    })
}

async fn set(site: &Site, contact: &str, timers: Value) -> Response {
    let path = format!("/contact/participant-role-config/{DEMO_INSTANCE}/{contact}");
    let body =
        json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": timers } } });
    site.signed("PUT", &path, &body).await
}

/// A customer and Ana, who came when these timers were set.
async fn with_timers(site: &Site, timers: Value) -> (Person<'_>, Socket, Person<'_>, Socket) {
    let (customer, mut socket) = site.customer("Jane").await;
    assert_eq!(set(site, &customer.contact, timers).await.ok(), json!({}));
    customer.say("agent").await;
    let token = site.agent("ana").await;
    let ana = site.accept(&token).await;
    let mut desk = ana.socket().await;
    desk.subscribe().await;
    loop {
        let item = socket.until_event("participant.joined").await;
        if item["ParticipantRole"] == "AGENT" {
            return (customer, socket, ana, desk);
        }
    }
}

#[tokio::test]
async fn silence_is_told_to_everybody_and_then_disconnects() {
    let mut site = Site::demo().await;
    let both = json!([
        timer("CUSTOMER", "IDLE", 2),
        timer("CUSTOMER", "DISCONNECT_NONCUSTOMER", 3),
        timer("AGENT", "IDLE", 480),
    ]);
    let (customer, mut socket, ana, mut desk) = with_timers(&site, both).await;
    let told = |item: Value, who: &Person<'_>| {
        assert_eq!(item["ParticipantId"], who.id.as_str());
        assert_eq!(item["DisplayName"], "Jane");
        assert_eq!(item["Type"], "EVENT");
        assert!(item.get("Content").is_none(), "{item}");
    };

    // Somebody who talks is not idle, however late the server looks.
    site.clock.advance(MINUTE);
    customer.say("one").await;
    site.clock.advance(MINUTE + 30_000);
    customer.say("two").await;
    site.clock.advance(2 * MINUTE + 1_000);
    told(socket.until_event("participant.idle").await, &customer);
    told(desk.until_event("participant.idle").await, &customer);
    customer.say("three").await;
    told(socket.until_event("participant.returned").await, &customer);
    told(desk.until_event("participant.returned").await, &customer);

    // Set again: for the next agent.
    let unset = json!([{
        "ParticipantRole": "CUSTOMER",
        "TimerType": "IDLE",
        "TimerValue": { "ParticipantTimerAction": "Unset" },
    }]);
    assert_eq!(set(&site, &customer.contact, unset).await.ok(), json!({}));
    site.clock.advance(2 * MINUTE + 1_000);
    told(socket.until_event("participant.idle").await, &customer);
    told(desk.until_event("participant.idle").await, &customer);

    // Timers survive the end of the process.
    let tokens = (customer.connection_token.clone(), ana.connection_token.clone());
    let (contact, id) = (customer.contact.clone(), customer.id.clone());
    let participant_token = customer.participant_token.clone();
    drop((socket, desk, ana));
    site.stop().await;
    site.restart().await;
    let mut customer = Person {
        site: &site,
        contact,
        id,
        participant_token,
        connection_token: tokens.0,
        socket_url: String::new(),
    };
    customer.connect().await;
    let mut socket = customer.socket().await;
    socket.subscribe().await;
    site.clock.advance(3 * MINUTE + 1_000);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "chat.ended") {
        let item = socket.item().await;
        if item["Type"] == "EVENT" {
            seen.push(event(&item));
        }
    }
    assert_eq!(seen, ["participant.autodisconnection", "participant.left", "chat.ended"]);
    let denied = customer.call("event", &json!({ "ContentType": "x" })).await;
    assert_eq!(denied.status, 400);
    let denied = customer.call("transcript", &json!({})).await;
    assert_eq!(denied.error(), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn events_of_timers_are_not_stored() {
    let site = Site::demo().await;
    let idle = json!([timer("AGENT", "IDLE", 2), timer("CUSTOMER", "IDLE", 2)]);
    let (customer, mut socket, ana, _desk) = with_timers(&site, idle).await;
    site.clock.advance(2 * MINUTE + 1_000);
    socket.until_event("participant.idle").await;
    socket.until_event("participant.idle").await;
    ana.say("still here").await;
    socket.until_event("participant.returned").await;
    let items = customer.transcript().await;
    let stored: Vec<String> =
        items.iter().filter(|item| item["Type"] == "EVENT").map(event).collect();
    assert_eq!(stored, ["participant.joined", "participant.joined"]);
}

#[tokio::test]
async fn timers_are_set_as_modelled_or_not_at_all() {
    let site = Site::demo().await;
    let customer = site.start_chat("Jane").await;
    let value = |value: Value| json!([{ "ParticipantRole": "AGENT", "TimerType": "IDLE", "TimerValue": value }]);
    for good in [
        json!([timer("CUSTOMER", "IDLE", 2)]),
        json!([timer("AGENT", "DISCONNECT_NONCUSTOMER", 480)]),
        value(json!({ "ParticipantTimerAction": "Unset" })),
        json!([
            timer("CUSTOMER", "IDLE", 3),
            timer("AGENT", "IDLE", 3),
            timer("CUSTOMER", "DISCONNECT_NONCUSTOMER", 3),
            timer("AGENT", "DISCONNECT_NONCUSTOMER", 3),
        ]),
    ] {
        let answer = set(&site, &customer.contact, good.clone()).await;
        assert_eq!(answer.status, 200, "{good}: {}", answer.body);
    }
    for bad in [
        json!([]),
        json!(vec![timer("CUSTOMER", "IDLE", 3); 7]),
        json!([timer("CUSTOMER", "IDLE", 3), timer("CUSTOMER", "IDLE", 4)]),
        json!([timer("CUSTOMER", "IDLE", 1)]),
        json!([timer("CUSTOMER", "IDLE", 481)]),
        json!([timer("SUPERVISOR", "IDLE", 3)]),
        json!([timer("CUSTOMER", "idle", 3)]),
        value(json!({})),
        value(json!({ "ParticipantTimerAction": "Set" })),
        value(json!({
            "ParticipantTimerAction": "Unset",
            "ParticipantTimerDurationInMinutes": 3,
        })),
    ] {
        let answer = set(&site, &customer.contact, bad.clone()).await;
        assert_eq!(answer.error(), (400, "InvalidParameterException"), "{bad}");
    }
    let answer = set(&site, &customer.contact, Value::Null).await;
    assert_eq!(answer.error(), (400, "InvalidRequestException"));
    let path = format!("/contact/participant-role-config/{DEMO_INSTANCE}/{}", customer.contact);
    for (body, error) in [
        (json!({}), "InvalidRequestException"),
        (json!({ "ChannelConfiguration": {} }), "InvalidParameterException"),
    ] {
        let answer = site.signed("PUT", &path, &body).await;
        assert_eq!(answer.error(), (400, error), "{body}");
    }
    let good = json!([timer("CUSTOMER", "IDLE", 2)]);
    let nobody = set(&site, "00000000-0000-4000-8000-000000000000", good.clone()).await;
    assert_eq!(nobody.error(), (404, "ResourceNotFoundException"));
    let path = format!("/contact/participant-role-config/elsewhere/{}", customer.contact);
    let body =
        json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": good } } });
    let elsewhere = site.signed("PUT", &path, &body).await;
    assert_eq!(elsewhere.error(), (404, "ResourceNotFoundException"));
    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": customer.contact });
    site.signed("POST", "/contact/stop", &stop).await.ok();
    let ended = set(&site, &customer.contact, good).await;
    assert_eq!(ended.error(), (404, "ResourceNotFoundException"));
}

/// A server that was killed gave no lease back. Nobody waits for it: its data belong to the next one
/// alone.
#[tokio::test]
async fn a_killed_server_keeps_no_lease() {
    let mut site = Site::demo().await;
    let minutes = json!([timer("CUSTOMER", "IDLE", 2)]);
    let (contact, id, participant_token) = {
        let (customer, ..) = with_timers(&site, minutes).await;
        (customer.contact.clone(), customer.id.clone(), customer.participant_token.clone())
    };
    site.stop().await;
    let path = site.config.server.data.join("chatloom.db");
    let dead = Sqlite::open(path, Options::default()).unwrap();
    let now = site.clock.now();
    for name in ["timers", "followers"] {
        assert!(dead.lease(name, "dead", now, now.plus_millis(60 * MINUTE)).await.unwrap());
    }
    dead.close().await.unwrap();

    site.restart().await;
    let mut customer = Person {
        site: &site,
        contact,
        id,
        participant_token,
        connection_token: String::new(),
        socket_url: String::new(),
    };
    customer.connect().await;
    let mut socket = customer.socket().await;
    socket.subscribe().await;
    site.clock.advance(2 * MINUTE + 1_000);
    let idle = socket.until_event("participant.idle").await;
    assert_eq!(idle["ParticipantId"], customer.id.as_str());
}
