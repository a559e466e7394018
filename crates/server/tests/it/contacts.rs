//! The control plane, and `/start-chat`.

use chatloom_server::{
    Config,
    chats::Clock,
    config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE},
};
use serde_json::{Value, json};

use crate::support::{Person, Site, http::Request, sign::sign, start_request, text};

fn person<'a>(site: &'a Site, started: &Value) -> Person<'a> {
    Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: started["ConnectionCredentials"]["ConnectionToken"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        socket_url: started["Websocket"]["Url"].as_str().unwrap_or_default().to_owned(),
    }
}

fn contact_path(contact: &str) -> String {
    format!("/contacts/{DEMO_INSTANCE}/{contact}")
}

#[tokio::test]
async fn a_back_end_starts_describes_and_stops_a_chat() {
    let site = Site::demo().await;
    let mut request = start_request("Jane");
    request["Attributes"] = json!({ "plan": "gold" });
    request["ConnectionTypes"] = json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"]);
    request["InitialMessage"] = json!({ "ContentType": "text/plain", "Content": "hello there" });
    request["Unknown"] = json!({ "ValueString": "ignored" });
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();

    // Connected without another call.
    let customer = person(&site, &started);
    let mut socket = customer.socket().await;
    socket.subscribe().await;
    assert_eq!(socket.message().await, "hello there");
    assert!(customer.messages().await.contains(&"hello there".to_owned()));

    let described = site.signed("GET", &contact_path(&customer.contact), &Value::Null).await.ok();
    let contact = &described["Contact"];
    assert_eq!(contact["Id"], customer.contact.as_str());
    assert_eq!(contact["Channel"], "CHAT");
    assert_eq!(contact["InitiationMethod"], "API");
    assert_eq!(contact["Attributes"], json!({ "plan": "gold" }));
    let begun = contact["InitiationTimestamp"].as_f64().unwrap();
    assert!((begun - site.clock.now().as_millis() as f64 / 1000.0).abs() < 1.0);
    assert!(contact.get("DisconnectTimestamp").is_none());

    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": customer.contact });
    assert_eq!(site.signed("POST", "/contact/stop", &stop).await.ok(), json!({}));
    socket.until_event("chat.ended").await;
    let again = site.signed("POST", "/contact/stop", &stop).await;
    assert_eq!(again.error(), (410, "ContactNotFoundException"));
    let described = site.signed("GET", &contact_path(&customer.contact), &Value::Null).await.ok();
    assert_eq!(described["Contact"]["DisconnectReason"], "OTHER");
    assert!(described["Contact"]["DisconnectTimestamp"].is_number());
}

#[tokio::test]
async fn a_repeated_start_answers_the_first_chat() {
    let site = Site::demo().await;
    let mut request = start_request("Jane");
    request["ClientToken"] = json!("t-1");
    let first = site.signed("PUT", "/contact/chat", &request).await.ok();
    let again = site.signed("PUT", "/contact/chat", &request).await.ok();
    assert_eq!(first["ContactId"], again["ContactId"]);
    assert_eq!(first["ParticipantId"], again["ParticipantId"]);
    person(&site, &again).connect().await;
    request["ParticipantDetails"]["DisplayName"] = json!("John");
    let other = site.signed("PUT", "/contact/chat", &request).await;
    assert_eq!(other.error(), (400, "InvalidRequestException"));
    assert_eq!(site.figure("chatloom_chats_started_total").await as u64, 1);
}

#[tokio::test]
async fn requests_that_are_not_well_signed_start_nothing() {
    let site = Site::demo().await;
    let request = || {
        Request::new("PUT", "/contact/chat")
            .header("Content-Type", "application/json")
            .body(start_request("Jane").to_string())
    };
    let signed = || sign(request(), site.address, &*site.clock);
    let with = |from: &str, to: &str| {
        let mut request = signed();
        let (_, value) =
            request.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
        *value = value.replace(from, to);
        request
    };
    let denied = |response: crate::support::http::Response| {
        let (status, name) = response.error();
        (status, name.to_owned())
    };
    let unsigned = denied(site.send(request()).await);
    assert_eq!(unsigned, (403, "MissingAuthenticationTokenException".to_owned()));
    let stranger = denied(site.send(with("Credential=chatloom/", "Credential=mallory/")).await);
    assert_eq!(stranger, (403, "UnrecognizedClientException".to_owned()));
    let cut = denied(site.send(with("SignedHeaders=host;x-amz-date, ", "")).await);
    assert_eq!(cut, (400, "IncompleteSignatureException".to_owned()));
    let forged = denied(site.send(with("Signature=", "Signature=0")).await);
    assert_eq!(forged, (403, "InvalidSignatureException".to_owned()));
    let mut changed = signed();
    changed.body = start_request("Mallory").to_string().into_bytes();
    assert_eq!(denied(site.send(changed).await).0, 403);
    let mut elsewhere = signed();
    elsewhere.path = "/contact/stop".to_owned();
    elsewhere.method = "POST".to_owned();
    assert_eq!(denied(site.send(elsewhere).await).0, 403);
    let old = signed();
    site.clock.advance(5 * 60_000 + 1);
    assert_eq!(denied(site.send(old).await), (403, "InvalidSignatureException".to_owned()));
    assert_eq!(site.figure("chatloom_chats_started_total").await as u64, 0);
    site.send(signed()).await.ok();
}

#[tokio::test]
async fn requests_that_do_not_fit_start_nothing() {
    let site = Site::demo().await;
    let with = |member: &str, value: Value| {
        let mut request = start_request("Jane");
        request[member] = value;
        request
    };
    for request in [
        json!({}),
        json!([]),
        with("ParticipantDetails", json!({})),
        with("Attributes", json!({ "a": 1 })),
        with("InitialMessage", json!({ "ContentType": "text/markdown", "Content": "x" })),
        with("ConnectionTypes", json!(["WEBRTC_CONNECTION"])),
    ] {
        let response = site.signed("PUT", "/contact/chat", &request).await;
        assert_eq!(response.error(), (400, "InvalidRequestException"), "{request}");
    }
    for request in [
        with("InstanceId", json!("")),
        with("ParticipantDetails", json!({ "DisplayName": "" })),
        with("ParticipantDetails", json!({ "DisplayName": "x".repeat(257) })),
        with("Attributes", json!({ "a b": "c" })),
        with("Attributes", json!({ "a": "x".repeat(32_768) })),
        with("ChatDurationInMinutes", json!(59)),
        with("SupportedMessagingContentTypes", json!(["text/markdown"])),
        with("InitialMessage", json!({ "ContentType": "text/plain", "Content": "" })),
        with("ConnectionTypes", json!([])),
        with("ClientToken", json!("x".repeat(501))),
    ] {
        let response = site.signed("PUT", "/contact/chat", &request).await;
        assert_eq!(response.error(), (400, "InvalidParameterException"), "{request}");
    }
    for request in
        [with("InstanceId", json!("somewhere else")), with("ContactFlowId", json!("another flow"))]
    {
        let response = site.signed("PUT", "/contact/chat", &request).await;
        assert_eq!(response.error(), (404, "ResourceNotFoundException"), "{request}");
    }
    let foreign = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": "nobody" });
    let response = site.signed("POST", "/contact/stop", &foreign).await;
    assert_eq!(response.error(), (404, "ResourceNotFoundException"));
    let response = site.signed("GET", &contact_path("nobody"), &Value::Null).await;
    assert_eq!(response.error(), (404, "ResourceNotFoundException"));
    let large = with("Attributes", json!({ "a": "x".repeat(500_000) }));
    let response = site.signed("PUT", "/contact/chat", &large).await;
    assert_eq!(response.error(), (413, "RequestEntityTooLargeException"));
    assert_eq!(site.figure("chatloom_chats_started_total").await as u64, 0);
}

#[tokio::test]
async fn a_page_starts_a_chat_but_proves_nothing() {
    let site = Site::demo().await;
    let body = json!({
        "InstanceId": DEMO_INSTANCE,
        "ContactFlowId": DEMO_CONTACT_FLOW,
        "ParticipantDetails": { "DisplayName": "Jane" },
        "Attributes": { "isAdministrator": "true" },
        "SupportedMessagingContentTypes": ["text/plain", "text/markdown"],
    });
    let answer = site.send(Request::post("/start-chat").json(&body)).await.ok();
    assert_eq!(answer["data"]["featurePermissions"], json!({ "MESSAGING_MARKDOWN": true }));
    let contact = text(&answer["data"]["startChatResult"]["ContactId"]);
    let described = site.signed("GET", &contact_path(&contact), &Value::Null).await.ok();
    assert_eq!(described["Contact"]["Attributes"], json!({ "customerName": "Jane" }));

    let foreign = json!({ "InstanceId": "x", "ParticipantDetails": { "DisplayName": "Jane" } });
    let refused = site.send(Request::post("/start-chat").json(&foreign)).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json()["data"]["Error"]["name"], "ResourceNotFoundException");
    let refused = site.send(Request::post("/start-chat").body("{")).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn pages_start_chats_only_where_it_is_configured() {
    let body = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
    let from = |origin: &str| Request::post("/start-chat").json(&body).header("Origin", origin);
    let site = Site::start(Config::default()).await;
    assert_eq!(site.send(from("http://localhost")).await.status, 403);
    assert_eq!(site.send(Request::post("/start-chat").json(&body)).await.status, 403);

    let mut config = Config::default();
    config.set("start_chat.origins", "https://www.example.org", "test").unwrap();
    config.set("start_chat.per_second", "0.001", "test").unwrap();
    config.set("start_chat.burst", "2", "test").unwrap();
    let site = Site::start(config).await;
    for _ in 0..2 {
        site.send(from("https://www.example.org")).await.ok();
    }
    let third = site.send(from("https://www.example.org")).await;
    assert_eq!(third.status, 429);
    assert_eq!(third.json()["data"]["Error"]["name"], "TooManyRequestsException");
    assert_eq!(site.send(from("https://evil.example")).await.status, 403);
    assert_eq!(site.send(from("http://127.0.0.1:3000")).await.status, 403);
    assert_eq!(site.send(Request::post("/start-chat").json(&body)).await.status, 403);
}
