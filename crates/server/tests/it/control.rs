//! The rest of the control plane: what back ends keep with a contact, and what is not offered.

use chatloom_server::config::DEMO_INSTANCE;
use serde_json::{Value, json};

use crate::support::{
    Site,
    http::{Request, Response},
    start_request, text,
};

impl Site {
    /// Starts a chat by the control plane; its contact.
    async fn contact(&self, members: Value) -> String {
        let mut request = start_request("Jane");
        for (name, value) in members.as_object().unwrap() {
            request[name] = value.clone();
        }
        text(&self.signed("PUT", "/contact/chat", &request).await.ok()["ContactId"])
    }

    async fn described(&self, contact: &str) -> Value {
        let path = format!("/contacts/{DEMO_INSTANCE}/{contact}");
        self.signed("GET", &path, &Value::Null).await.ok()["Contact"].take()
    }

    async fn end(&self, contact: &str) {
        let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact });
        self.signed("POST", "/contact/stop", &stop).await.ok();
    }

    async fn attributes(&self, contact: &str) -> Response {
        let path = format!("/contact/attributes/{DEMO_INSTANCE}/{contact}");
        self.signed("GET", &path, &Value::Null).await
    }

    async fn set_attributes(&self, contact: &str, attributes: Value) -> Response {
        let body = json!({
            "InstanceId": DEMO_INSTANCE, "InitialContactId": contact, "Attributes": attributes,
        });
        self.signed("POST", "/contact/attributes", &body).await
    }

    async fn update(&self, contact: &str, body: &Value) -> Response {
        self.signed("POST", &format!("/contacts/{DEMO_INSTANCE}/{contact}"), body).await
    }

    async fn references(&self, contact: &str, query: &str) -> Response {
        let path = format!("/contact/references/{DEMO_INSTANCE}/{contact}{query}");
        self.signed("GET", &path, &Value::Null).await
    }

    async fn tag(&self, contact: &str, tags: Value) -> Response {
        let body = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact, "Tags": tags });
        self.signed("POST", "/contact/tags", &body).await
    }

    async fn untag(&self, contact: &str, query: &str) -> Response {
        let path = format!("/contact/tags/{DEMO_INSTANCE}/{contact}{query}");
        self.signed("DELETE", &path, &Value::Null).await
    }
}

const INVALID_REQUEST: (u16, &str) = (400, "InvalidRequestException");
const INVALID_PARAMETER: (u16, &str) = (400, "InvalidParameterException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

#[tokio::test]
async fn what_a_start_says_is_described() {
    let site = Site::demo().await;
    let segment = json!({
        "connect:Subtype": { "ValueString": "connect:Guide" },
        "connect:CustomerAuthentication": {
            "ValueMap": { "Status": { "ValueString": "AUTHENTICATED" } },
        },
        "visits": { "ValueInteger": 3 },
        "seen": { "ValueList": [{ "ValueString": "a" }, { "ValueArn": "arn:aws:b" }] },
    });
    let interactive = "application/vnd.amazonaws.connect.message.interactive";
    let contact = site
        .contact(json!({
            "SegmentAttributes": segment,
            "SupportedMessagingContentTypes":
                ["text/plain", interactive, format!("{interactive}.response")],
            "CustomerId": "customer-7",
            "ParticipantConfiguration": { "ResponseMode": "INCREMENTAL" },
            "Attributes": { "plan": "gold" },
            "ChatDurationInMinutes": 60,
        }))
        .await;
    let described = site.described(&contact).await;
    assert_eq!(described["SegmentAttributes"], segment);
    assert_eq!(described["CustomerId"], "customer-7");
    assert_eq!(described["Attributes"], json!({ "plan": "gold" }));
    assert_eq!(described["ContactAssociationId"], contact.as_str());
    for absent in ["Name", "Description", "Tags", "InitialContactId", "PreviousContactId"] {
        assert!(described.get(absent).is_none(), "{absent}");
    }
    assert!(described.get("ConnectedToSystemTimestamp").is_none(), "the customer is not here yet");

    // The duration that was asked for, to the millisecond.
    site.clock.advance(5 * 60_000 - 1);
    assert!(site.described(&contact).await.get("DisconnectTimestamp").is_none());
}

#[tokio::test]
async fn a_start_is_refused_by_the_member_that_does_not_fit() {
    let site = Site::demo().await;
    let text = |count: usize| json!("x".repeat(count));
    let segment = |value: Value| json!({ "SegmentAttributes": { "a": value } });
    for (members, error) in [
        (json!({ "CustomerId": "" }), Some(INVALID_PARAMETER)),
        (json!({ "CustomerId": text(128) }), None),
        (json!({ "CustomerId": text(129) }), Some(INVALID_PARAMETER)),
        (json!({ "CustomerId": 7 }), Some(INVALID_REQUEST)),
        (json!({ "ClientToken": text(500) }), None),
        (json!({ "ClientToken": text(501) }), Some(INVALID_PARAMETER)),
        (json!({ "ChatDurationInMinutes": 59 }), Some(INVALID_PARAMETER)),
        (json!({ "ChatDurationInMinutes": 60 }), None),
        (json!({ "ChatDurationInMinutes": 10_080 }), None),
        (json!({ "ChatDurationInMinutes": 10_081 }), Some(INVALID_PARAMETER)),
        (json!({ "ParticipantConfiguration": {} }), None),
        (
            json!({ "ParticipantConfiguration": { "ResponseMode": "SOON" } }),
            Some(INVALID_PARAMETER),
        ),
        (segment(json!({ "ValueString": text(1_024) })), None),
        (segment(json!({ "ValueString": text(1_025) })), Some(INVALID_PARAMETER)),
        (segment(json!({})), Some(INVALID_PARAMETER)),
        (segment(json!("b")), Some(INVALID_REQUEST)),
        (
            json!({ "SegmentAttributes":
                { "connect:Subtype": { "ValueString": "connect:Guide" } } }),
            Some(INVALID_PARAMETER),
        ),
        (json!({ "Attributes": { "a": text(32_767) } }), None),
        (json!({ "Attributes": { "a": text(32_768) } }), Some(INVALID_PARAMETER)),
        (json!({ "Attributes": { "a b": "" } }), Some(INVALID_PARAMETER)),
        (json!({ "ConnectionTypes": ["AUTHENTICATION_SESSION"] }), None),
        (json!({ "ConnectionTypes": ["TELEPATHY"] }), Some(INVALID_PARAMETER)),
        (json!({ "ConnectionTypes": ["WEBRTC_CONNECTION"] }), Some(INVALID_REQUEST)),
        (
            json!({ "InitialMessage": { "ContentType": "text/plain", "Content": text(16_384) } }),
            None,
        ),
        (
            json!({ "InitialMessage": { "ContentType": "text/plain", "Content": text(16_385) } }),
            Some(INVALID_PARAMETER),
        ),
        (
            json!({ "InitialMessage": { "ContentType": "text/markdown", "Content": "x" } }),
            Some(INVALID_REQUEST),
        ),
        (json!({ "SupportedMessagingContentTypes": ["text/html"] }), Some(INVALID_PARAMETER)),
    ] {
        let mut request = start_request("Jane");
        let (name, value) = members.as_object().unwrap().iter().next().unwrap();
        request[name] = value.clone();
        let answer = site.signed("PUT", "/contact/chat", &request).await;
        let what = members.to_string().chars().take(100).collect::<String>();
        match error {
            Some(error) => {
                assert_eq!(answer.error(), error, "{what}");
                let message = &answer.json()["Message"];
                assert!(!message.to_string().contains("xxxx"), "nothing is echoed: {message}");
            }
            None => assert_eq!(answer.status, 200, "{what}: {}", answer.body),
        }
    }
}

#[tokio::test]
async fn as_many_chats_are_open_as_configured() {
    let site = Site::demo_with(|config| {
        config.set("instance.max_open_chats", "2", "test").unwrap();
    })
    .await;
    let first = site.contact(json!({})).await;
    let second = site.contact(json!({ "ClientToken": "t-2" })).await;
    let third = || async { site.signed("PUT", "/contact/chat", &start_request("Jane")).await };
    assert_eq!(third().await.error(), (429, "LimitExceededException"));
    let page = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
    let by_page = site.send(Request::post("/start-chat").json(&page)).await;
    assert_eq!(by_page.status, 429);
    assert_eq!(by_page.json()["data"]["Error"]["name"], "LimitExceededException");
    // Whose answer was lost gets it again.
    assert_eq!(site.contact(json!({ "ClientToken": "t-2" })).await, second);

    site.end(&first).await;
    third().await.ok();
    assert_eq!(third().await.error(), (429, "LimitExceededException"));
    // A customer who does not come leaves room as well.
    site.clock.advance(5 * 60_000);
    crate::support::eventually("room for a chat", || async {
        (third().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn attributes_are_read_merged_and_cleared() {
    let site = Site::demo().await;
    let contact = site.contact(json!({ "Attributes": { "plan": "gold", "city": "Ulm" } })).await;
    let plain = site.contact(json!({})).await;
    assert_eq!(site.attributes(&plain).await.ok(), json!({ "Attributes": {} }));

    for round in 0..2 {
        let change = site.set_attributes(&contact, json!({ "city": "", "age": "7" })).await;
        assert_eq!(change.ok(), json!({}), "round {round}");
        let kept = json!({ "Attributes": { "plan": "gold", "city": "", "age": "7" } });
        assert_eq!(site.attributes(&contact).await.ok(), kept);
        assert_eq!(site.described(&contact).await["Attributes"], kept["Attributes"]);
        if round == 0 {
            site.end(&contact).await;
        }
    }
    assert_eq!(site.set_attributes(&contact, json!({})).await.ok(), json!({}));
    let large = "x".repeat(32_768 - "plangoldcityage7a".len());
    assert_eq!(site.set_attributes(&contact, json!({ "a": large })).await.ok(), json!({}));
    let more = site.set_attributes(&contact, json!({ "b": "" })).await;
    assert_eq!(more.error(), INVALID_PARAMETER, "one byte too many");
    for (attributes, error) in [
        (json!({ "a b": "" }), INVALID_PARAMETER),
        (json!({ "a": "x".repeat(32_768) }), INVALID_PARAMETER),
        (json!({ "a": 1 }), INVALID_REQUEST),
        (Value::Null, INVALID_REQUEST),
    ] {
        assert_eq!(site.set_attributes(&contact, attributes).await.error(), error);
    }
    assert_eq!(site.set_attributes("", json!({})).await.error(), INVALID_PARAMETER);
    assert_eq!(site.set_attributes("nobody", json!({})).await.error(), NOT_FOUND);
    assert_eq!(site.attributes("nobody").await.error(), NOT_FOUND);
    let elsewhere = format!("/contact/attributes/elsewhere/{contact}");
    assert_eq!(site.signed("GET", &elsewhere, &Value::Null).await.error(), NOT_FOUND);
    let long = "x".repeat(257);
    assert_eq!(site.attributes(&long).await.error(), INVALID_REQUEST, "it models no other");
}

#[tokio::test]
async fn details_and_references_come_and_go() {
    let site = Site::demo().await;
    let contact = site.contact(json!({})).await;
    let first = json!({
        "Name": "Parcel", "Description": "Where is it?",
        "SegmentAttributes": { "urgent": { "ValueInteger": 1 } },
        "References": {
            "shop": { "Type": "URL", "Value": "https://example.org" },
            "order": { "Type": "NUMBER", "Value": "7" },
            "scan": {
                "Type": "ATTACHMENT", "Value": "scan.png", "Status": "APPROVED",
                "Arn": "arn:aws:connect:us-west-2:0:file/1", "StatusReason": "clean",
            },
            "mail": { "Type": "EMAIL_MESSAGE", "Arn": "arn:aws:connect:us-west-2:0:mail/1" },
        },
    });
    assert_eq!(site.update(&contact, &first).await.ok(), json!({}));
    site.end(&contact).await;
    let second = json!({
        "Name": "",
        "References": { "order": { "Type": "NUMBER", "Value": "8" } },
    });
    assert_eq!(site.update(&contact, &second).await.ok(), json!({}));
    let described = site.described(&contact).await;
    assert!(described.get("Name").is_none());
    assert_eq!(described["Description"], "Where is it?");
    assert_eq!(described["SegmentAttributes"], json!({ "urgent": { "ValueInteger": 1 } }));

    let all = "?referenceTypes=URL&referenceTypes=NUMBER&referenceTypes=ATTACHMENT\
               &referenceTypes=EMAIL_MESSAGE&referenceTypes=DATE&referenceTypes=STRING";
    assert_eq!(
        site.references(&contact, all).await.ok(),
        json!({ "ReferenceSummaryList": [
            { "EmailMessage": { "Name": "mail", "Arn": "arn:aws:connect:us-west-2:0:mail/1" } },
            { "Number": { "Name": "order", "Value": "8" } },
            { "Attachment": {
                "Name": "scan", "Value": "scan.png", "Status": "APPROVED",
                "Arn": "arn:aws:connect:us-west-2:0:file/1",
            } },
            { "Url": { "Name": "shop", "Value": "https://example.org" } },
        ] })
    );
    let urls = site.references(&contact, "?referenceTypes=URL").await.ok();
    assert_eq!(urls["ReferenceSummaryList"].as_array().unwrap().len(), 1);
    let seven = format!("{all}&referenceTypes=EMAIL");
    for (query, error) in [
        ("", INVALID_REQUEST),
        ("?referenceTypes=", INVALID_PARAMETER),
        ("?referenceTypes=url", INVALID_PARAMETER),
        ("?referenceTypes=URL&nextToken=x", INVALID_PARAMETER),
        (seven.as_str(), INVALID_PARAMETER),
    ] {
        assert_eq!(site.references(&contact, query).await.error(), error, "{query}");
    }
    let nobody = site.references("nobody", "?referenceTypes=URL").await;
    assert_eq!(nobody.error(), NOT_FOUND);
}

#[tokio::test]
async fn an_update_is_refused_by_the_member_that_does_not_fit() {
    let site = Site::demo().await;
    let contact = site.contact(json!({})).await;
    let text = |count: usize| json!("x".repeat(count));
    for (body, error) in [
        (json!({}), Some(INVALID_REQUEST)),
        (json!({ "Mood": "sunny" }), Some(INVALID_REQUEST)),
        (json!({ "Name": text(1_024) }), None),
        (json!({ "Name": text(1_025) }), Some(INVALID_PARAMETER)),
        (json!({ "Description": text(4_096) }), None),
        (json!({ "Description": text(4_097) }), Some(INVALID_PARAMETER)),
        (json!({ "References": { "a": {} } }), Some(INVALID_REQUEST)),
        (json!({ "References": { "a": { "Type": "HOLOGRAM" } } }), Some(INVALID_PARAMETER)),
        (
            json!({ "References": { "a": { "Type": "URL", "Value": text(4_097) } } }),
            Some(INVALID_PARAMETER),
        ),
        (json!({ "QueueInfo": { "Id": "q" } }), Some(INVALID_PARAMETER)),
        (json!({ "UserInfo": { "UserId": "ana" } }), Some(INVALID_PARAMETER)),
        (json!({ "CustomerEndpoint": {} }), Some(INVALID_PARAMETER)),
        (json!({ "SystemEndpoint": {} }), Some(INVALID_PARAMETER)),
        (json!({ "AdditionalRecipients": {} }), Some(INVALID_PARAMETER)),
    ] {
        let answer = site.update(&contact, &body).await;
        match error {
            Some(error) => assert_eq!(answer.error(), error, "{body}"),
            None => assert_eq!(answer.ok(), json!({})),
        }
    }
    assert_eq!(site.update("nobody", &json!({ "Name": "a" })).await.error(), NOT_FOUND);
    let long = site.update(&"x".repeat(257), &json!({ "Name": "a" })).await;
    assert_eq!(long.error(), INVALID_PARAMETER);
}

#[tokio::test]
async fn tags_come_and_go() {
    let site = Site::demo().await;
    let contact = site.contact(json!({})).await;
    let tags = json!({ "team": "red", "a": "", "b": "", "c": "", "d": "", "e": "x".repeat(256) });
    assert_eq!(site.tag(&contact, tags.clone()).await.ok(), json!({}));
    site.end(&contact).await;
    assert_eq!(site.tag(&contact, json!({ "team": "blue" })).await.ok(), json!({}));
    assert_eq!(
        site.tag(&contact, json!({ "f": "" })).await.error(),
        INVALID_PARAMETER,
        "a seventh"
    );
    assert_eq!(site.untag(&contact, "?TagKeys=a&TagKeys=b&TagKeys=zz").await.ok(), json!({}));
    let mut left = tags;
    left["team"] = json!("blue");
    left.as_object_mut().unwrap().retain(|name, _| name != "a" && name != "b");
    assert_eq!(site.described(&contact).await["Tags"], left);
    for (tags, error) in [
        (json!({}), INVALID_PARAMETER),
        (json!({ "aws:a": "" }), INVALID_PARAMETER),
        (json!({ "a": "x".repeat(257) }), INVALID_PARAMETER),
        (json!([]), INVALID_REQUEST),
    ] {
        assert_eq!(site.tag(&contact, tags).await.error(), error);
    }
    for query in ["", "?TagKeys=", "?TagKeys=aws%3Aa", "?TagKeys=%FF"] {
        assert_eq!(site.untag(&contact, query).await.error().0, 400, "{query}");
    }
    assert_eq!(site.tag("nobody", json!({ "a": "" })).await.error(), NOT_FOUND);
    assert_eq!(site.untag("nobody", "?TagKeys=a").await.error(), NOT_FOUND);
}

#[tokio::test]
async fn a_description_tells_who_said_how_much() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.say("agent").await;
    let ana = site.agent("ana").await;
    let agent = site.accept(&ana).await;
    let described = site.described(&customer.contact).await;
    assert_eq!(described["ChatMetrics"]["AgentMetrics"]["MessagesSent"], 0);
    site.clock.advance(2_000);
    agent.say("Hi, I am Ana").await;
    customer.say("hello").await;
    agent.disconnect().await;
    socket.until_event("chat.ended").await;

    let described = site.described(&customer.contact).await;
    let metrics = &described["ChatMetrics"];
    assert_eq!(metrics["CustomerMetrics"]["MessagesSent"], 2);
    assert_eq!(metrics["CustomerMetrics"]["ParticipantId"], customer.id.as_str());
    assert_eq!(metrics["AgentMetrics"]["MessagesSent"], 1);
    assert_eq!(metrics["AgentMetrics"]["ParticipantId"], agent.id.as_str());
    assert_eq!(metrics["AgentMetrics"]["MessageLengthInChars"], 12);
    let took = metrics["ChatContactMetrics"]["AgentFirstResponseTimeInMillis"].as_i64().unwrap();
    // Entries of one moment get times one after the other.
    assert!((1_900..=2_000).contains(&took), "{took}");
    assert_eq!(metrics["ChatContactMetrics"]["TotalBotMessages"], 2);
    let agent = &described["AgentInfo"];
    assert_eq!(agent["Id"], "ana");
    let states: Vec<_> = agent["StateTransitions"].as_array().unwrap().iter().collect();
    assert_eq!(states.len(), 2);
    assert_eq!(
        (&states[0]["State"], &states[1]["State"]),
        (&json!("CONNECTED"), &json!("DISCONNECTED"))
    );
    assert_eq!(states[0]["StateEndTimestamp"], states[1]["StateStartTimestamp"]);
    assert!(described["ConnectedToSystemTimestamp"].is_number());
    assert_eq!(described["DisconnectReason"], "AGENT_DISCONNECT");

    // Counted anew after a restart, it is the same.
    let mut site = site;
    let contact = described["Id"].as_str().unwrap().to_owned();
    drop(socket);
    site.stop().await;
    site.restart().await;
    assert_eq!(site.described(&contact).await, described);
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let site = Site::demo().await;
    for (method, path, name, error) in [
        ("POST", "/contact/transfer", "TransferContact", INVALID_REQUEST),
        ("POST", "/contact/monitor", "MonitorContact", INVALID_REQUEST),
        ("GET", "/instance", "ListInstances", INVALID_REQUEST),
        ("GET", "/users/a/b", "DescribeUser", INVALID_REQUEST),
        ("PUT", "/contact/task", "StartTaskContact", INVALID_REQUEST),
        ("GET", "/evaluation-forms/a", "ListEvaluationForms", INVALID_PARAMETER),
    ] {
        let answer = site.signed(method, path, &Value::Null).await;
        assert_eq!(answer.error(), error, "{name}");
        assert!(text(&answer.json()["Message"]).starts_with(&format!("{name}: ")), "{name}");
        // Who has no key learns nothing of it.
        let unsigned = site.send(Request::new(method, path)).await;
        assert_eq!(unsigned.error(), (403, "MissingAuthenticationTokenException"), "{name}");
    }
    let unknown = site.signed("POST", "/contact/teleport", &Value::Null).await;
    assert_eq!(unknown.error(), (404, "UnknownOperationException"));
}

#[tokio::test]
async fn every_operation_needs_a_good_signature() {
    let site = Site::demo().await;
    let contact = site.contact(json!({})).await;
    for (method, path) in [
        ("PUT", "/contact/chat".to_owned()),
        ("POST", "/contact/stop".to_owned()),
        ("POST", "/contact/attributes".to_owned()),
        ("POST", "/contact/tags".to_owned()),
        ("GET", format!("/contact/attributes/{DEMO_INSTANCE}/{contact}")),
        ("GET", format!("/contacts/{DEMO_INSTANCE}/{contact}")),
        ("POST", format!("/contacts/{DEMO_INSTANCE}/{contact}")),
        ("GET", format!("/contact/references/{DEMO_INSTANCE}/{contact}")),
        ("DELETE", format!("/contact/tags/{DEMO_INSTANCE}/{contact}")),
    ] {
        let unsigned = site.send(Request::new(method, &path)).await;
        assert_eq!(unsigned.error(), (403, "MissingAuthenticationTokenException"), "{path}");
        let forged =
            crate::support::sign::sign(Request::new(method, &path), site.address, &*site.clock);
        let forged = forged.body("changed");
        assert_eq!(site.send(forged).await.error(), (403, "InvalidSignatureException"), "{path}");
    }
    assert_eq!(site.attributes(&contact).await.ok(), json!({ "Attributes": {} }));
}
