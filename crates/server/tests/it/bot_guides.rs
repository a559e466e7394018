//! Bots that guide: views, and customers who are asked to sign in.

use chatloom_server::{Config, config::DEMO_INSTANCE};
use serde_json::{Value, json};

use crate::{
    bots::{actions, bot, customer, expect, site},
    guides::{describe, follow, in_query, update, url, views},
    support::{Person, Site, event, eventually, socket::Socket, text, webhook::Webhook},
};

/// A bot that asks to sign in whenever it is spoken to, and says what became of it.
async fn asking() -> (Site, Webhook) {
    site(|turn| match text(&turn.json["type"]).as_str() {
        "start" => actions(&json!([])),
        "authentication" => {
            let outcome = text(&turn.json["authentication"]["outcome"]);
            let customer = &turn.json["customer"];
            let (name, is_known) = (&customer["displayName"], &customer["authenticated"]);
            let content = format!("{outcome} {name} {is_known}");
            actions(&json!([{ "type": "say", "content": content }]))
        }
        _ => actions(&json!([
            { "type": "say", "content": "Who are you?" },
            { "type": "authenticate", "timeoutInMinutes": 4 },
        ])),
    })
    .await
}

/// The next item that is this event.
async fn session(socket: &mut Socket) -> String {
    let asked = socket.until_event("authentication.initiated").await;
    assert_eq!(asked["ParticipantRole"], "SYSTEM");
    let content: Value = serde_json::from_str(&text(&asked["Content"])).unwrap();
    text(&content["SessionId"])
}

async fn last_message(customer: &Person<'_>, expected: &str) {
    eventually(expected, || async {
        customer.site.clock.advance(10);
        let messages = customer.messages().await;
        (messages.last().unwrap() == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_bot_has_the_customer_sign_in_and_hears_of_it() {
    let (site, webhook) = asking().await;
    let (customer, mut socket) = customer(&site).await;
    customer.say("hello").await;
    let asked = session(&mut socket).await;
    let sign_in = text(&url(&customer, &asked).await.ok()["AuthenticationUrl"]);
    // What the customer says meanwhile is a turn as before; to ask again does nothing.
    customer.say("a moment").await;
    let back = follow(&site, &sign_in, "&login_hint=Jane").await;
    let (code, state) = (in_query(&back, "code").unwrap(), in_query(&back, "state").unwrap());
    update(&site, json!({ "State": state, "Code": code })).await.ok();
    let items = expect(
        &customer,
        &[
            "Cleo participant.joined",
            "Robo: Welcome!",
            "Cleo: hello",
            "Robo: Who are you?",
            &format!("SYSTEM_MESSAGE: {}", json!({ "SessionId": asked })),
            "Cleo: a moment",
            "Robo: Who are you?",
            "SYSTEM_MESSAGE authentication.succeeded",
            "Jane participant.displayname.updated",
            "Robo: succeeded \"Jane\" true",
        ],
    )
    .await;
    let turns: Vec<Value> =
        [webhook.next().await, webhook.next().await, webhook.next().await, webhook.next().await]
            .map(|turn| turn.json)
            .into();
    assert_eq!(webhook.waiting(), 0, "of what else the flow says the bot hears nothing");
    assert_eq!(turns[0]["customer"]["authenticated"], false);
    assert_eq!(turns[3]["turn"], items[7]["Id"]);
    assert!(turns[3]["message"].is_null() && turns[2]["authentication"].is_null());
}

#[tokio::test]
async fn a_bot_hears_why_nobody_signed_in() {
    let (site, _webhook) = asking().await;
    let (customer, mut socket) = customer(&site).await;

    customer.say("one").await;
    let body = json!({ "SessionId": session(&mut socket).await });
    customer.call("cancel-authentication", &body).await.ok();
    last_message(&customer, "cancelled \"Cleo\" false").await;

    customer.say("two").await;
    let asked = session(&mut socket).await;
    let sign_in = text(&url(&customer, &asked).await.ok()["AuthenticationUrl"]);
    let back = follow(&site, &sign_in, "&login_hint=refuse").await;
    let body = json!({
        "State": in_query(&back, "state").unwrap(),
        "Error": "access_denied",
        "ErrorDescription": "no",
    });
    update(&site, body).await.ok();
    last_message(&customer, "failed \"Cleo\" false").await;

    customer.say("three").await;
    session(&mut socket).await;
    site.clock.advance(3 * 60_000);
    assert_eq!(customer.messages().await.last().unwrap(), "Who are you?", "four were wanted");
    site.clock.advance(60_000);
    last_message(&customer, "timeout \"Cleo\" false").await;
}

/// What cannot be done fails the turn, before anybody is asked anything.
#[tokio::test]
async fn a_sign_in_that_cannot_be_is_none() {
    for (timeout, has_provider) in [(json!(2), true), (json!(16), true), (json!(3), false)] {
        let asked = timeout.clone();
        let webhook = Webhook::new(move |turn| match text(&turn.json["type"]).as_str() {
            "start" => actions(&json!([])),
            _ => actions(&json!([
                { "type": "say", "content": "Who are you?" },
                { "type": "authenticate", "timeoutInMinutes": asked },
            ])),
        })
        .await;
        let mut config = if has_provider { Config::demo() } else { Config::default() };
        config.keys.access = Config::demo().keys.access;
        bot(&mut config, webhook.url());
        let site = Site::start(config).await;
        let (customer, _socket) = customer(&site).await;
        customer.say("hello").await;
        last_message(&customer, "Sorry, I am unwell.").await;
        let items = customer.transcript().await;
        assert_eq!(items.len(), 4, "{timeout} {has_provider}: {items:#?}");
    }
}

/// A view of the server's folder comes with the token that the page fetches it by, and what the customer
/// does with it is a turn.
#[tokio::test]
async fn a_bot_shows_a_view_and_is_told_the_answer() {
    const ANSWER: &str = "application/vnd.amazonaws.connect.message.interactive.response";
    let folder = views();
    let webhook = Webhook::new(|turn| match turn.json["message"]["contentType"].as_str() {
        None => actions(&json!([])),
        Some("text/plain") => {
            let view = text(&turn.json["message"]["content"]);
            actions(&json!([{ "type": "view", "viewId": view, "viewData": { "number": 7 } }]))
        }
        _ => actions(&json!([{ "type": "say", "content": turn.json["message"]["content"] }])),
    })
    .await;
    let site = Site::demo_with(|config| {
        bot(config, webhook.url());
        config.views.folder = Some(folder.path().to_owned());
    })
    .await;
    let (customer, _socket) = customer(&site).await;
    customer.say("parcel:$LATEST").await;
    let view = eventually("the view", || async {
        let items = customer.transcript().await;
        items.get(3).map(|item| serde_json::from_str::<Value>(&text(&item["Content"])).unwrap())
    })
    .await;
    let shown = &view["data"]["content"];
    assert_eq!(
        (&shown["viewId"], &shown["viewData"]["number"]),
        (&json!("parcel:$LATEST"), &json!(7))
    );
    let described = describe(&customer, &text(&shown["viewToken"])).await.ok();
    assert_eq!(described["View"]["Name"], "Parcel");
    assert!(text(&described["View"]["Arn"]).contains(DEMO_INSTANCE));

    let answer = json!({
        "action": "Submit", "data": { "number": 8 }, "templateType": "ViewResource", "version": "1.0",
    });
    let body = json!({ "ContentType": ANSWER, "Content": answer.to_string() });
    customer.call("message", &body).await.ok();
    last_message(&customer, &answer.to_string()).await;

    // One that is not there is not shown.
    customer.say("form").await;
    last_message(&customer, "Sorry, I am unwell.").await;
    let left = customer.transcript().await;
    assert!(left.iter().all(|item| !event(item).contains("ended")));
}
