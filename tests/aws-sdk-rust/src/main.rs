//! The AWS SDK for Rust against a running server: both of its clients, unmodified, in a whole chat.
//!
//! `ENDPOINT` is the server's address, `CA` the file with the authority to trust. An agent takes every
//! chat and answers "pong N" to "ping N". The first thing that is not as it should be ends the program
//! with a panic that names it.

use std::{
    env, fs,
    time::{Duration, Instant},
};

use aws_sdk_connect::{
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient, retry::RetryConfig},
    types::{ChatMessage, ParticipantDetails},
};
use aws_sdk_connectparticipant::{
    error::ProvideErrorMetadata,
    types::{ChatItemType, ConnectionType, Item, ParticipantRole, ScanDirection, SortKey},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

const REGION: &str = "us-west-2";
const EVENT: &str = "application/vnd.amazonaws.connect.event.";
/// Far more than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const PINGS: usize = 12;

/// What whoever runs this says.
fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("set {name}: `cargo xtask test e2e` does"))
}

/// TLS that trusts one authority and nobody else.
fn http_client() -> SharedHttpClient {
    let authority = fs::read(setting("CA")).expect("the authority can be read");
    let trust = TrustStore::empty().with_pem_certificate(authority);
    let context = TlsContext::builder().with_trust_store(trust).build().expect("it is one");
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https()
}

/// The client of back ends.
fn connect(secret: &str) -> aws_sdk_connect::Client {
    let key = Credentials::new(setting("ACCESS_KEY"), secret, None, None, "test");
    let config = aws_sdk_connect::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(setting("ENDPOINT"))
        .credentials_provider(key)
        // A server that is well answers the first time.
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .build();
    aws_sdk_connect::Client::from_conf(config)
}

/// The client of participants, which signs with keys that the server has never heard of.
fn participant() -> aws_sdk_connectparticipant::Client {
    let config = aws_sdk_connectparticipant::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(setting("ENDPOINT"))
        .credentials_provider(Credentials::new("unknown", "unknown", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .build();
    aws_sdk_connectparticipant::Client::from_conf(config)
}

/// A customer in a chat.
struct Customer {
    client: aws_sdk_connectparticipant::Client,
    token: String,
}

impl Customer {
    async fn say(&self, content: &str) -> (String, String) {
        let sent = self.client.send_message();
        let sent = sent.content_type("text/plain").content(content).connection_token(&self.token);
        let sent = sent.send().await.expect("the message is taken");
        (sent.id.expect("an id"), sent.absolute_time.expect("a time"))
    }

    async fn tell(&self, event: &str, content: Option<String>) {
        let event = self.client.send_event().content_type(format!("{EVENT}{event}"));
        let event = event.set_content(content).connection_token(&self.token);
        event.send().await.expect("the event is taken");
    }

    /// Everything, oldest first, a few at a time by the SDK's own paginator.
    async fn transcript(&self) -> Vec<Item> {
        let pages = self.client.get_transcript().connection_token(&self.token);
        let pages = pages.scan_direction(ScanDirection::Backward).sort_order(SortKey::Descending);
        let pages = pages.into_paginator().page_size(5).send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("all pages");
        let mut items: Vec<_> =
            pages.into_iter().flat_map(|page| page.transcript.unwrap_or_default()).collect();
        items.reverse();
        items
    }

    async fn waits_for(&self, what: &str, matches: impl Fn(&Item) -> bool) -> Item {
        let until = Instant::now() + PATIENCE;
        loop {
            let items = self.transcript().await;
            if let Some(item) = items.iter().find(|item| matches(item)) {
                return item.clone();
            }
            assert!(Instant::now() < until, "no {what} in {items:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn chat() {
    let connect = connect(&setting("SECRET"));
    let (instance, flow) = (setting("INSTANCE"), setting("FLOW"));
    let name = ParticipantDetails::builder().display_name("Jane").build().expect("a name");
    let hello = ChatMessage::builder().content_type("text/plain").content("Good morning");
    let started = connect
        .start_chat_contact()
        .instance_id(&instance)
        .contact_flow_id(&flow)
        .participant_details(name)
        .initial_message(hello.build().expect("a message"))
        .attributes("plan", "gold")
        .client_token("one start")
        .send()
        .await
        .expect("the chat starts");
    let contact = started.contact_id.expect("a contact");

    let client = participant();
    let connection = client
        .create_participant_connection()
        .r#type(ConnectionType::Websocket)
        .r#type(ConnectionType::ConnectionCredentials)
        .connect_participant(true)
        .participant_token(started.participant_token.expect("a participant token"))
        .send()
        .await
        .expect("the participant connects");
    let url = connection.websocket.and_then(|socket| socket.url).expect("a socket");
    assert!(url.starts_with("wss://"), "{url}");
    let token = connection.connection_credentials.and_then(|it| it.connection_token);
    let jane = Customer { client, token: token.expect("a connection token") };

    jane.waits_for("greeting", |item| item.participant_role == Some(ParticipantRole::System)).await;
    jane.say("An agent, please").await;
    let joined = format!("{EVENT}participant.joined");
    jane.waits_for("agent", |item| {
        item.content_type.as_deref() == Some(&*joined)
            && item.participant_role == Some(ParticipantRole::Agent)
    })
    .await;
    jane.tell("typing", None).await;
    let mut sent = Vec::new();
    for number in 0..PINGS {
        sent.push(jane.say(&format!("ping {number}")).await);
    }
    let last = format!("pong {}", PINGS - 1);
    let answer = jane.waits_for("answer", |item| item.content.as_deref() == Some(&*last)).await;
    let id = answer.id.expect("an id");
    jane.tell("message.read", Some(format!(r#"{{"messageId":"{id}"}}"#))).await;

    let transcript = jane.transcript().await;
    let pings: Vec<_> = transcript
        .iter()
        .filter(|item| item.r#type == Some(ChatItemType::Message))
        .filter(|item| item.content.as_deref().is_some_and(|text| text.starts_with("ping")))
        .map(|item| {
            (item.id.clone().unwrap_or_default(), item.absolute_time.clone().unwrap_or_default())
        })
        .collect();
    assert_eq!(pings, sent, "every message, once, in its order, as it was acknowledged");
    assert!(transcript.is_sorted_by(|a, b| a.absolute_time < b.absolute_time));
    assert!(transcript.iter().any(|item| item.content.as_deref() == Some("Good morning")));
    let read = transcript.iter().find(|item| item.id.as_deref() == Some(&*id)).expect("the answer");
    let receipts = read.message_metadata().map(|metadata| metadata.receipts()).unwrap_or_default();
    assert!(receipts.len() == 1 && receipts[0].read_timestamp.is_some(), "{receipts:?}");

    let described = connect.describe_contact().instance_id(&instance).contact_id(&contact).send();
    let described = described.await.expect("the contact is described").contact.expect("a contact");
    assert_eq!(described.agent_info.and_then(|agent| agent.id).as_deref(), Some("ana"));
    connect
        .update_contact_attributes()
        .instance_id(&instance)
        .initial_contact_id(&contact)
        .attributes("city", "Ulm")
        .send()
        .await
        .expect("attributes are kept");
    let kept = connect.get_contact_attributes().instance_id(&instance).initial_contact_id(&contact);
    let kept = kept.send().await.expect("attributes are told").attributes.expect("attributes");
    assert_eq!((kept["plan"].as_str(), kept["city"].as_str()), ("gold", "Ulm"));

    refusals(&jane, &instance, &contact).await;

    jane.client
        .disconnect_participant()
        .connection_token(&jane.token)
        .send()
        .await
        .expect("she leaves");
    let late = jane.client.send_message().content_type("text/plain").content("too late");
    let late = late.connection_token(&jane.token).send().await.expect_err("the chat is over");
    assert!(late.into_service_error().is_access_denied_exception());
    let stop = connect.stop_contact().instance_id(&instance).contact_id(&contact).send().await;
    let stop = stop.expect_err("nothing to stop").into_service_error();
    assert!(stop.is_contact_not_found_exception(), "{stop:?}");
}

/// What is refused is an error of the type that the model names.
async fn refusals(jane: &Customer, instance: &str, contact: &str) {
    let page = jane.client.get_transcript().connection_token("made up").send().await;
    let page = page.expect_err("nobody's token").into_service_error();
    assert!(page.is_access_denied_exception(), "{page:?}");
    let sent = jane.client.send_message().content_type("text/html").content("<p>");
    let sent = sent.connection_token(&jane.token).send().await.expect_err("no type of this chat");
    let sent = sent.into_service_error();
    assert!(sent.is_validation_exception(), "{sent:?}");
    let early = jane.client.complete_attachment_upload().attachment_ids("none").client_token("x");
    let early = early.connection_token(&jane.token).send().await.expect_err("no such file");
    assert!(early.into_service_error().is_validation_exception());
    let wrong = connect("wrong").describe_contact().instance_id(instance).contact_id(contact);
    let wrong = wrong.send().await.expect_err("a wrong signature").into_service_error();
    assert_eq!(wrong.code(), Some("InvalidSignatureException"), "{wrong:?}");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(chat());
}
