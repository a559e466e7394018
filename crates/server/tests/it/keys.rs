//! Keys that are exchanged while people chat.

use std::fs;

use chatloom_engine::token::{self, SeatUse, TokenError};
use chatloom_server::{KeysFile, ServerKeys, chats::Clock as _};
use serde_json::Value;

use crate::support::{Site, eventually};

/// A demo whose keys are in its data folder, and looked at very often.
async fn site() -> Site {
    Site::demo_with(|config| {
        config.keys.signing = None;
        config.set("server.watch", "5ms", "test").unwrap();
    })
    .await
}

async fn until_figure(site: &Site, name: &str, value: f64) {
    eventually(name, || async { (site.figure(name).await >= value).then_some(()) }).await;
}

fn tokens_of(secret: &str) -> token::Keys {
    token::Keys::new(secret.as_bytes()).unwrap()
}

#[tokio::test]
async fn another_signing_key_ends_no_chat() {
    let mut site = site().await;
    let first = ServerKeys::load(&site.config).unwrap().signing;
    let (customer, mut socket) = site.customer("Jane").await;
    let mut later = customer.clone();
    let unused = customer.clone();

    KeysFile::open(&site.config).unwrap().rotate_signing(site.clock.now()).unwrap();
    until_figure(&site, "chatloom_keys_taken_total", 1.0).await;
    let second = ServerKeys::load(&site.config).unwrap().signing;

    // The open socket, the old tokens, and the socket URL that was asked for before.
    let id = customer.say("with an old token").await;
    loop {
        let frame = socket.frame().await.unwrap();
        if frame["content"].as_str().is_some_and(|content| content.contains(&id)) {
            break;
        }
    }
    unused.socket().await;
    // Whoever asks again gets tokens of the new key.
    later.connect().await;
    assert_ne!(later.connection_token, customer.connection_token);
    let now = site.clock.now();
    let verify =
        |secret: &str, token: &str| tokens_of(secret).seat(SeatUse::Connection, token, now);
    assert!(verify(second.expose(), &later.connection_token).is_ok());
    let refused = verify(second.expose(), &customer.connection_token);
    assert_eq!(refused, Err(TokenError::Signature));
    assert!(verify(first.expose(), &customer.connection_token).is_ok());
    later.say("with a new token").await;

    // After a restart too.
    let (old, new) = (customer.connection_token.clone(), later.connection_token.clone());
    site.stop().await;
    site.restart().await;
    for token in [old, new] {
        let request = crate::support::http::Request::post("/participant/transcript").bearer(&token);
        assert_eq!(site.send(request).await.status, 200);
    }
}

#[tokio::test]
async fn access_keys_of_the_configuration_are_exchanged_on_demand() {
    let site = Site::demo().await;
    let contact = site.start_chat("Jane").await.contact;
    let path = format!("/contacts/{}/{contact}", site.config.instance.id);
    let describe = || site.signed("GET", &path, &Value::Null);
    assert_eq!(describe().await.status, 200);
    let running = site.running.as_ref().unwrap();
    let mut other = site.config.clone();
    other.keys.access[0].id = "other".to_owned();
    running.reload(other);
    until_figure(&site, "chatloom_keys_taken_total", 1.0).await;
    assert_eq!(describe().await.error(), (403, "UnrecognizedClientException"));
    // One that is wrong changes nothing, and neither does what needs another start.
    let mut wrong = site.config.clone();
    wrong.keys.signing = Some("short".into());
    running.reload(wrong);
    until_figure(&site, "chatloom_keys_refused_total", 1.0).await;
    assert_eq!(describe().await.status, 403);
    let mut more = site.config.clone();
    more.set("http.max_body", "1KiB", "test").unwrap();
    running.reload(more);
    until_figure(&site, "chatloom_keys_taken_total", 2.0).await;
    assert_eq!(describe().await.status, 200);
}

#[tokio::test]
async fn a_damaged_file_of_keys_changes_nothing() {
    let site = site().await;
    let customer = site.customer("Jane").await.0;
    let file = site.config.server.data.join("keys.toml");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, "signing = \"").unwrap();
    until_figure(&site, "chatloom_keys_refused_total", 1.0).await;
    customer.say("and on").await;
    fs::write(&file, whole).unwrap();
    customer.say("and on").await;
}
