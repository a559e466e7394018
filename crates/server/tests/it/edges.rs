//! Each operation as a table: its token, its end, its limits one below, at and one above, too many
//! calls, and a store that fails (docs/operations.md has the names of these tests by operation).

use std::sync::Arc;

use chatloom_server::{
    Server,
    blob::disk::DiskBlobs,
    bus::local::Local,
    config::{DEMO_INSTANCE, OperationLimit, Setting},
    store::{
        Store,
        sqlite::{Options, Sqlite},
    },
};
use serde_json::{Value, json};

use crate::support::{
    Person, Site, clock,
    http::{Request, Response},
    sign::sign,
    start_request, text,
};

const DENIED: (u16, &str) = (403, "AccessDeniedException");
const SESSION: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// An operation of the Participant Service: name, method, path, and a body that fits the model.
type Operation = (&'static str, &'static str, &'static str, Value);

fn participant_service() -> Vec<Operation> {
    let file = json!({
        "AttachmentName": "a.txt", "ContentType": "text/plain", "AttachmentSizeInBytes": 1,
        "ClientToken": "t",
    });
    let complete = json!({ "AttachmentIds": ["a"], "ClientToken": "t" });
    let typing = json!({ "ContentType": "application/vnd.amazonaws.connect.event.typing" });
    let text = json!({ "ContentType": "text/plain", "Content": "x" });
    let url = json!({ "SessionId": SESSION, "RedirectUri": "https://www.example.org/" });
    vec![
        (
            "CreateParticipantConnection",
            "POST",
            "/participant/connection",
            json!({ "Type": ["CONNECTION_CREDENTIALS"] }),
        ),
        ("SendMessage", "POST", "/participant/message", text),
        ("SendEvent", "POST", "/participant/event", typing),
        ("GetTranscript", "POST", "/participant/transcript", json!({})),
        ("StartAttachmentUpload", "POST", "/participant/start-attachment-upload", file),
        ("CompleteAttachmentUpload", "POST", "/participant/complete-attachment-upload", complete),
        ("GetAttachment", "POST", "/participant/attachment", json!({ "AttachmentId": "a" })),
        ("DescribeView", "GET", "/participant/views/token", Value::Null),
        ("GetAuthenticationUrl", "POST", "/participant/authentication-url", url),
        (
            "CancelParticipantAuthentication",
            "POST",
            "/participant/cancel-authentication",
            json!({ "SessionId": SESSION }),
        ),
        ("DisconnectParticipant", "POST", "/participant/disconnect", json!({})),
    ]
}

/// An operation of the control plane, for a contact.
fn control_plane(contact: &str) -> Vec<Operation> {
    let of_contact = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact });
    let with = |more: Value| {
        let mut body = of_contact.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let timer = json!({
        "ParticipantRole": "AGENT", "TimerType": "IDLE",
        "TimerValue": { "ParticipantTimerDurationInMinutes": 2 },
    });
    let path = |text: String| -> &'static str { String::leak(text) };
    let one = |place: &str| path(format!("{place}/{DEMO_INSTANCE}/{contact}"));
    vec![
        ("StartChatContact", "PUT", "/contact/chat", start_request("Jane")),
        (
            "UpdateParticipantRoleConfig",
            "PUT",
            one("/contact/participant-role-config"),
            json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": [timer] } } }),
        ),
        ("DescribeContact", "GET", one("/contacts"), Value::Null),
        ("GetContactAttributes", "GET", one("/contact/attributes"), Value::Null),
        (
            "UpdateContactAttributes",
            "POST",
            "/contact/attributes",
            json!({
                "InstanceId": DEMO_INSTANCE, "InitialContactId": contact, "Attributes": {},
            }),
        ),
        ("UpdateContact", "POST", one("/contacts"), json!({ "Name": "n" })),
        (
            "ListContactReferences",
            "GET",
            path(format!("/contact/references/{DEMO_INSTANCE}/{contact}?referenceTypes=URL")),
            Value::Null,
        ),
        ("TagContact", "POST", "/contact/tags", with(json!({ "Tags": { "a": "b" } }))),
        (
            "UntagContact",
            "DELETE",
            path(format!("/contact/tags/{DEMO_INSTANCE}/{contact}?TagKeys=a")),
            Value::Null,
        ),
        (
            "CreatePersistentContactAssociation",
            "POST",
            one("/contact/persistent-contact-association"),
            json!({ "RehydrationType": "FROM_SEGMENT", "SourceContactId": contact }),
        ),
        (
            "CreateParticipant",
            "POST",
            "/contact/create-participant",
            with(json!({ "ParticipantDetails": { "ParticipantRole": "CUSTOM_BOT" } })),
        ),
        (
            "StartContactStreaming",
            "POST",
            "/contact/start-streaming",
            with(json!({
                "ChatStreamingConfiguration": { "StreamingEndpointArn": "arn:aws:sns:x" },
                "ClientToken": "t",
            })),
        ),
        (
            "StopContactStreaming",
            "POST",
            "/contact/stop-streaming",
            with(json!({ "StreamingId": "s" })),
        ),
        ("StopContact", "POST", "/contact/stop", of_contact.clone()),
    ]
}

/// Calls an operation of the Participant Service with a token.
async fn call(site: &Site, operation: &Operation, token: &str) -> Response {
    let (_, method, path, body) = operation;
    let request = Request::new(method, path).bearer(token);
    site.send(if body.is_null() { request } else { request.json(body) }).await
}

/// The token that an operation takes.
fn token_for<'a>(person: &'a Person<'_>, operation: &Operation) -> &'a str {
    match operation.0 {
        "CreateParticipantConnection" => &person.participant_token,
        _ => &person.connection_token,
    }
}

#[tokio::test]
async fn every_operation_takes_its_own_token_alone() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let before = customer.transcript().await;
    let of_socket = customer.socket_url.rsplit_once('=').unwrap().1.to_owned();
    for operation in participant_service() {
        let own = token_for(&customer, &operation).to_owned();
        let other = [&customer.participant_token, &customer.connection_token];
        let other = (*other.into_iter().find(|token| **token != own).unwrap()).clone();
        let cut = own[..own.len() - 1].to_owned();
        for token in ["", "nonsense", &other, &cut, &of_socket, &"x".repeat(1_001)] {
            let refused = call(&site, &operation, token).await;
            assert_eq!(refused.error(), DENIED, "{} {token}", operation.0);
        }
        let (_, method, path, body) = &operation;
        let nobody = site.send(Request::new(method, path).json(body)).await;
        assert_eq!(nobody.error(), DENIED, "{} without a token", operation.0);
    }
    assert_eq!(customer.transcript().await, before, "nothing came of any of it");
    for operation in participant_service() {
        let answer = call(&site, &operation, token_for(&customer, &operation)).await;
        assert_ne!(answer.status, 403, "{}: {}", operation.0, answer.body);
    }
}

#[tokio::test]
async fn every_token_ends_at_its_time() {
    let mut request = start_request("Jane");
    request["ChatDurationInMinutes"] = json!(10_080);
    request["ConnectionTypes"] = json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"]);
    let site = Site::demo().await;
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let customer = Person {
        site: &site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: text(&started["ConnectionCredentials"]["ConnectionToken"]),
        socket_url: text(&started["Websocket"]["Url"]),
    };
    let _socket = {
        let mut socket = customer.socket().await;
        socket.subscribe().await;
        socket
    };
    // All but the one that leaves, which is tried last.
    let (leaving, others): (Vec<_>, Vec<_>) =
        participant_service().into_iter().partition(|one| one.0 == "DisconnectParticipant");
    let last = 24 * 3_600_000 - 1;
    site.clock.advance(last);
    for operation in &others {
        let answer = call(&site, operation, token_for(&customer, operation)).await;
        assert_ne!(answer.status, 403, "{}: {}", operation.0, answer.body);
    }
    site.clock.advance(1);
    for operation in others.iter().chain(&leaving) {
        let answer = call(&site, operation, token_for(&customer, operation)).await;
        let of_connection = operation.0 != "CreateParticipantConnection";
        assert_eq!(answer.status == 403, of_connection, "{}: {}", operation.0, answer.body);
    }
    // The participant token is good for as long as the chat.
    site.clock.advance(9_000 * 60_000);
    let operation = &others[0];
    assert_eq!(call(&site, operation, token_for(&customer, operation)).await.error(), DENIED);
}

#[tokio::test]
async fn nobody_acts_in_a_chat_that_has_ended() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.disconnect().await;
    socket.until_event("chat.ended").await;
    for operation in participant_service() {
        let answer = call(&site, &operation, token_for(&customer, &operation)).await;
        assert_eq!(answer.error(), DENIED, "{}", operation.0);
    }
    // What back ends keep with a contact outlives it.
    for (name, method, path, body) in control_plane(&customer.contact) {
        let expected = match name {
            "StopContact" => Some((410, "ContactNotFoundException")),
            // The endpoint of a stream is looked for first, and so is the stream.
            "UpdateParticipantRoleConfig"
            | "CreatePersistentContactAssociation"
            | "StartContactStreaming"
            | "StopContactStreaming" => Some((404, "ResourceNotFoundException")),
            "CreateParticipant" => Some((400, "InvalidRequestException")),
            _ => None,
        };
        let answer = site.signed(method, path, &body).await;
        match expected {
            Some(expected) => assert_eq!(answer.error(), expected, "{name}"),
            None => assert_eq!(answer.status, 200, "{name}: {}", answer.body),
        }
    }
}

#[tokio::test]
async fn nobody_knows_a_contact_that_never_was() {
    let site = Site::demo().await;
    let contact = "00000000-0000-4000-8000-000000000000";
    for (name, method, path, body) in control_plane(contact) {
        if name == "StartChatContact" {
            continue;
        }
        let answer = site.signed(method, path, &body).await;
        assert_eq!(answer.error(), (404, "ResourceNotFoundException"), "{name}");
        // Nor a contact of another instance.
        let path = path.replace(DEMO_INSTANCE, "elsewhere");
        let mut body = body;
        if body.get("InstanceId").is_some() {
            body["InstanceId"] = json!("elsewhere");
        }
        let answer = site.signed(method, &path, &body).await;
        assert_eq!(answer.error(), (404, "ResourceNotFoundException"), "{name} elsewhere");
    }
}

#[tokio::test]
async fn every_operation_says_when_it_is_called_too_often() {
    let contact = "00000000-0000-4000-8000-000000000000";
    let names: Vec<_> =
        participant_service().iter().chain(&control_plane(contact)).map(|one| one.0).collect();
    let site = Site::demo_with(|config| {
        let once = |name: &&str| OperationLimit {
            name: (*name).to_owned(),
            rate: Setting::from_text("0.001/s, burst 1").unwrap(),
        };
        config.limits.operations = names.iter().map(once).collect();
    })
    .await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let refused = |answer: &Response, name: &str, error: &str| {
        assert_eq!(answer.error(), (429, error), "{name}");
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((900..=1_000).contains(&after), "{name}: {after}");
    };
    for operation in participant_service() {
        let token = token_for(&customer, &operation);
        // The customer's connection was the first call of its kind.
        if operation.0 != "CreateParticipantConnection" {
            assert_ne!(call(&site, &operation, token).await.status, 429, "{}", operation.0);
        }
        refused(&call(&site, &operation, token).await, operation.0, "ThrottlingException");
    }
    for (name, method, path, body) in control_plane(contact) {
        assert_ne!(site.signed(method, path, &body).await.status, 429, "{name}");
        let answer = site.signed(method, path, &body).await;
        refused(&answer, name, "TooManyRequestsException");
    }
}

#[tokio::test]
async fn every_operation_says_when_the_store_fails() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = chatloom_server::Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let open = || Arc::new(Sqlite::open(folder.path().join("s.db"), Options::default()).unwrap());
    let start = async |store: Arc<dyn Store>| {
        let bus = Arc::new(Local::new());
        let listening = Arc::clone(&bus);
        let blobs = Arc::new(DiskBlobs::open(folder.path().join("files")).unwrap());
        let clock = clock();
        let listen = |listener| listening.set_listener(listener);
        let running =
            Server::start_with(config.clone(), clock.clone(), store, bus, blobs, listen).await;
        (running.unwrap(), clock)
    };
    let (running, clock) = start(open()).await;
    let mut site = Site::of(running, clock, config.clone(), tempfile::tempdir().unwrap());
    let (tokens, contact) = {
        let (customer, _socket) = site.customer("Jane").await;
        ((customer.participant_token, customer.connection_token), customer.contact)
    };
    site.stop().await;

    // The same keys, so the tokens are good; but nothing can be read or written.
    let store = open();
    store.close().await.unwrap();
    let (running, clock) = start(store).await;
    let site = Site::of(running, clock, config.clone(), tempfile::tempdir().unwrap());
    for operation in participant_service() {
        let token =
            if operation.0 == "CreateParticipantConnection" { &tokens.0 } else { &tokens.1 };
        let answer = call(&site, &operation, token).await;
        assert_eq!(answer.error(), (500, "InternalServerException"), "{}", operation.0);
        assert!(!answer.body.contains("closed"), "{}", answer.body);
    }
    for (name, method, path, body) in control_plane(&contact) {
        let answer = site.signed(method, path, &body).await;
        if name == "StartContactStreaming" {
            // An endpoint that is not configured needs no store.
            assert_eq!(answer.error(), (404, "ResourceNotFoundException"));
            continue;
        }
        assert_eq!(answer.error(), (500, "InternalServiceException"), "{name}");
    }
}

/// A member with values that fit the model and values that do not.
struct Edge {
    operation: &'static str,
    member: &'static str,
    good: Vec<Value>,
    bad: Vec<Value>,
}

fn text_of(count: usize) -> Value {
    // As the model counts: characters.
    json!("\u{e4}".repeat(count))
}

/// A text of so many characters: one less and one more than fit, and the edges.
fn chars(operation: &'static str, member: &'static str, least: usize, most: usize) -> Edge {
    let mut bad = vec![text_of(most + 1), json!(7)];
    if least > 0 {
        bad.push(text_of(least - 1));
    }
    let below = text_of(most.saturating_sub(1).max(least));
    Edge { operation, member, good: vec![text_of(least), below, text_of(most)], bad }
}

fn count(operation: &'static str, member: &'static str, least: i64, most: i64) -> Edge {
    let good = vec![json!(least), json!(least + 1), json!(most - 1), json!(most)];
    let bad = vec![json!(least - 1), json!(most + 1), json!(1.5), json!("1")];
    Edge { operation, member, good, bad }
}

fn edges() -> Vec<Edge> {
    let bytes = |count: usize| json!("x".repeat(count));
    let content = |operation, least: usize| Edge {
        operation,
        member: "Content",
        good: vec![bytes(least), bytes(16_383), bytes(16_384), text_of(8_192)],
        // Bytes, not characters.
        bad: vec![bytes(16_385), text_of(8_193), json!(7)],
    };
    let names = |operation, member, good: &[&str]| Edge {
        operation,
        member,
        good: good.iter().map(|name| json!(name)).collect(),
        bad: vec![json!("SOMETHING_ELSE"), json!(good[0].to_lowercase()), json!(7)],
    };
    vec![
        Edge {
            operation: "CreateParticipantConnection",
            member: "Type",
            good: vec![json!(["WEBSOCKET"]), json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"])],
            bad: vec![json!([]), json!(["X"]), json!("WEBSOCKET"), json!([1])],
        },
        content("SendMessage", 1),
        chars("SendMessage", "ClientToken", 0, 500),
        // Native clients send an empty one (§3.3).
        content("SendEvent", 0),
        chars("SendEvent", "ClientToken", 0, 500),
        chars("GetTranscript", "ContactId", 1, 256),
        count("GetTranscript", "MaxResults", 0, 100),
        names("GetTranscript", "ScanDirection", &["FORWARD", "BACKWARD"]),
        names("GetTranscript", "SortOrder", &["ASCENDING", "DESCENDING"]),
        chars("GetTranscript", "StartPosition.Id", 1, 256),
        count("GetTranscript", "StartPosition.MostRecent", 0, 100),
        chars("StartAttachmentUpload", "AttachmentName", 1, 256),
        chars("StartAttachmentUpload", "ClientToken", 1, 500),
        chars("CompleteAttachmentUpload", "ClientToken", 1, 500),
        chars("GetAttachment", "AttachmentId", 1, 256),
        count("GetAttachment", "UrlExpiryInSeconds", 5, 300),
        names("GetAttachment", "UrlContentDisposition", &["INLINE", "ATTACHMENT"]),
        chars("GetAuthenticationUrl", "SessionId", 36, 36),
        chars("CancelParticipantAuthentication", "SessionId", 36, 36),
        chars("DisconnectParticipant", "ClientToken", 0, 500),
        chars("StartChatContact", "ParticipantDetails.DisplayName", 1, 256),
        chars("StartChatContact", "ClientToken", 0, 500),
        chars("StartChatContact", "CustomerId", 1, 128),
        chars("StartChatContact", "RelatedContactId", 1, 256),
        count("StartChatContact", "ChatDurationInMinutes", 60, 10_080),
        chars("StartChatContact", "InstanceId", 1, 100),
        chars("StartChatContact", "ContactFlowId", 1, 500),
        chars("StopContact", "ContactId", 1, 256),
        chars("StopContact", "InstanceId", 1, 100),
        chars("StopContactStreaming", "StreamingId", 1, 100),
        chars("UpdateContact", "Name", 0, 1_024),
        chars("UpdateContact", "Description", 0, 4_096),
        chars("CreateParticipant", "ParticipantDetails.DisplayName", 1, 256),
        chars("CreateParticipant", "ClientToken", 0, 500),
    ]
}

/// Sets a member, which may be within another.
fn set(body: &mut Value, member: &str, value: &Value) {
    match member.split_once('.') {
        None => body[member] = value.clone(),
        Some((outer, inner)) => {
            if body[outer].is_null() {
                body[outer] = json!({});
            }
            body[outer][inner] = value.clone();
        }
    }
}

/// Whether an answer refuses a member for what it is. What fits may be refused for other reasons:
/// there is no such thing, or it is too late.
fn refuses(answer: &Response, member: &str) -> bool {
    let names = ["ValidationException", "InvalidParameterException", "InvalidRequestException"];
    if answer.status != 400 || !names.contains(&answer.error().1) {
        return false;
    }
    let message = text(&answer.json()["Message"]);
    let last = member.rsplit('.').next().unwrap();
    // Named with a rule, or a body that is not of the model's types.
    let is_rule = message.split(": ").next().is_some_and(|named| named.ends_with(last));
    let is_found = message.contains("no such") || message.contains("nobody is asked");
    (is_rule || message.contains("invalid type")) && !is_found
}

#[tokio::test]
async fn every_limit_holds_at_its_edge() {
    let site = Site::demo_with(|config| {
        config.set("limits.preset", "off", "test").unwrap();
        config.set("connection.burst", "1000", "test").unwrap();
    })
    .await;
    for Edge { operation: name, member, good, bad } in edges() {
        let (customer, _socket) = site.customer("Jane").await;
        let ours = participant_service().into_iter().find(|one| one.0 == name);
        let is_ours = ours.is_some();
        let of_model =
            ours.or_else(|| control_plane(&customer.contact).into_iter().find(|one| one.0 == name));
        let (_, method, path, body) = of_model.unwrap();
        let call = async |value: &Value| {
            let mut body = body.clone();
            set(&mut body, member, value);
            let request = Request::new(method, path).json(&body);
            let operation = (name, method, path, Value::Null);
            let token = token_for(&customer, &operation).to_owned();
            let request = if is_ours {
                request.bearer(&token)
            } else {
                sign(request, site.address, &*site.clock)
            };
            site.send(request).await
        };
        for value in bad {
            let answer = call(&value).await;
            let length = value.to_string().len();
            assert!(refuses(&answer, member), "{name}.{member} of {length}: {}", answer.body);
        }
        for value in good {
            let answer = call(&value).await;
            let length = value.to_string().len();
            assert!(!refuses(&answer, member), "{name}.{member} of {length}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_connection_has_what_was_asked_for() {
    let site = Site::demo().await;
    let customer = site.start_chat("Jane").await;
    for (types, members) in [
        (json!(["WEBSOCKET"]), ["Websocket"].as_slice()),
        (json!(["CONNECTION_CREDENTIALS"]), &["ConnectionCredentials"]),
        (json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"]), &["ConnectionCredentials", "Websocket"]),
    ] {
        let answer = customer.create_connection(&json!({ "Type": types })).await.ok();
        let given: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(given, members, "{types}");
        if members.contains(&"Websocket") {
            assert_eq!(answer["Websocket"]["ConnectionExpiry"], "2026-06-01T02:00:00.000Z");
            assert!((1..=2_000).contains(&text(&answer["Websocket"]["Url"]).len()));
        }
        if members.contains(&"ConnectionCredentials") {
            let credentials = &answer["ConnectionCredentials"];
            assert_eq!(credentials["Expiry"], "2026-06-02T00:00:00.000Z");
            assert!((1..=1_000).contains(&text(&credentials["ConnectionToken"]).len()));
        }
    }
}

#[tokio::test]
async fn a_start_gives_the_connections_it_is_asked_for() {
    let site = Site::demo().await;
    for (types, members) in [
        (Value::Null, [].as_slice()),
        (json!(["WEBSOCKET"]), &["Websocket"]),
        (json!(["CONNECTION_CREDENTIALS"]), &["ConnectionCredentials"]),
        (json!(["AUTHENTICATION_SESSION"]), &[]),
    ] {
        let mut request = start_request("Jane");
        if !types.is_null() {
            request["ConnectionTypes"] = types.clone();
        }
        let started = site.signed("PUT", "/contact/chat", &request).await.ok();
        let given = ["ConnectionCredentials", "Websocket"];
        let given: Vec<_> = given.into_iter().filter(|one| started.get(one).is_some()).collect();
        assert_eq!(given, members, "{types}");
    }
}

#[tokio::test]
async fn the_largest_file_is_twenty_megabytes() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let most = 20 << 20;
    for (size, error) in
        [(most - 1, None), (most, None), (most + 1, Some((402, "ServiceQuotaExceededException")))]
    {
        let request = crate::support::files::start_request("a.txt", "text/plain", size);
        let answer = customer.call("start-attachment-upload", &request).await;
        match error {
            None => drop(answer.ok()),
            Some(error) => assert_eq!(answer.error(), error),
        }
    }
}
