//! Data of an earlier release: they become the present ones, and everything goes on.

use chatloom_engine::token::{self, Seat, SeatUse};
use chatloom_server::{Config, Server, StartError, chats::Clock as _, export, store::StoreError};
use chatloom_wire::{ParticipantRole, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Person, Site, clock, contents, http::Request, text};

const SCHEMA_1: &str = include_str!("fixtures/schema_0001.sql");
const SIGNING: &str = "a signing key of thirty-two bytes";
/// The chat with an agent, its customer, and what the customer said first.
const JANE: (&str, &str) =
    ("fe32584d-1f35-4390-8bed-09af807c0432", "c1408707-5370-4c00-9983-6669a9ddd25a");
const FIRST_WORDS: &str = "01a208e7-52bf-74c9-ae1d-c86a11d482da";
/// The chat that ended.
const JOE: &str = "4e7dd722-c4a8-4857-9cd7-4d2f534b4295";

fn old_data() -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("chatloom.db")).unwrap();
    database.execute_batch(SCHEMA_1).unwrap();
    let mut config = Config::demo();
    folder.path().clone_into(&mut config.server.data);
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.keys.signing = Some(SIGNING.into());
    (folder, config)
}

#[tokio::test]
async fn chats_of_the_earlier_release_go_on() {
    let (folder, config) = old_data();
    let clock = clock();
    let running = Server::start(config.clone(), clock.clone()).await.unwrap();
    let mut site = Site::of(running, clock, config, folder);
    let seat =
        Seat { chat: JANE.0.into(), participant: JANE.1.into(), role: ParticipantRole::Customer };
    let end = site.clock.now().plus_millis(1_000_000);
    let mint = |of_use| {
        let keys = token::Keys::new(SIGNING.as_bytes()).unwrap();
        keys.mint_seat(of_use, &seat, end).unwrap()
    };
    let jane = Person {
        site: &site,
        contact: JANE.0.to_owned(),
        id: JANE.1.to_owned(),
        participant_token: mint(SeatUse::Participant),
        connection_token: mint(SeatUse::Connection),
        socket_url: String::new(),
    };
    let before = jane.transcript().await;
    let said = contents(&before);
    assert!(said.contains(&"first words".to_owned()) && said.contains(&"Hello Jane".to_owned()));
    // What was read stays read, a repeat is still one, and the chat goes on.
    let first = before.iter().find(|item| item["Id"] == FIRST_WORDS).unwrap();
    assert!(first["MessageMetadata"]["Receipts"][0]["ReadTimestamp"].is_string(), "{first}");
    let repeat = json!({
        "ContentType": "text/plain", "Content": "first words", "ClientToken": "token-1",
    });
    assert_eq!(text(&jane.call("message", &repeat).await.ok()["Id"]), FIRST_WORDS);
    let id = jane.say("and on").await;
    let after = jane.transcript().await;
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(text(&after.last().unwrap()["Id"]), id);
    let ana = site.agent("ana").await;
    let request = Request::get("/v1/agent/queue").header("Authorization", &format!("Bearer {ana}"));
    assert_eq!(site.send(request).await.status, 200);

    // What the new schema knows of old chats.
    let (data, mut lines) = (site.config.server.data.clone(), Vec::new());
    let long_ago = Timestamp::from_millis(0);
    let count = export::export(
        &data,
        long_ago,
        Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
        &mut lines,
    );
    assert_eq!(count.unwrap(), 1);
    let joe: Value = serde_json::from_slice(&lines).unwrap();
    assert_eq!(
        (&joe["ContactId"], &joe["DisconnectReason"]),
        (&json!(JOE), &json!("CUSTOMER_DISCONNECT"))
    );
    let ended = Timestamp::parse(&text(&joe["EndedAt"])).unwrap();
    let at = |time| {
        let mut none = Vec::new();
        export::export(&data, time, time.plus_millis(1), &mut none).unwrap()
    };
    // To the millisecond.
    assert_eq!((at(ended.plus_millis(-1)), at(ended), at(ended.plus_millis(1))), (0, 1, 0));
    site.stop().await;
    site.restart().await;
}

#[tokio::test]
async fn data_of_a_newer_release_are_refused_and_stay_as_they_are() {
    let (folder, config) = old_data();
    let path = folder.path().join("chatloom.db");
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 1_000).unwrap();
    database.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = Server::start(config.clone(), clock()).await.unwrap_err();
    let StartError::Store { error: StoreError::TooNew { found: 1_000, .. }, .. } = refused else {
        panic!("{refused}");
    };
    assert!(refused.to_string().contains("newer program"), "{refused}");
    let exported = export::export(
        folder.path(),
        Timestamp::from_millis(0),
        Timestamp::from_millis(1),
        &mut Vec::new(),
    );
    assert!(exported.unwrap_err().to_string().contains("newer program"));
    // The program that made them goes on with them.
    let database = Connection::open(&path).unwrap();
    let chats: u32 =
        database.query_row("SELECT count(*) FROM chats", [], |row| row.get(0)).unwrap();
    assert_eq!(chats, 3);
    database.close().unwrap();
    let changed = std::fs::read(&path).unwrap();
    assert_eq!(before.len(), changed.len());
}
