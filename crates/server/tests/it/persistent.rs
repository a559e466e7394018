//! Chats that continue others, over HTTP and sockets (docs/protocol/participant-service.md §7, §10.10).

use std::sync::Arc;

use chatloom_engine::{Audience, Contact, Draft, DraftBody, EntryKind, Sender};
use chatloom_server::{
    chats::Clock,
    config::DEMO_INSTANCE,
    store::{
        Commit, Committed, Store,
        sqlite::{Options, Sqlite},
    },
};
use chatloom_wire::{ContactId, ContentType, ItemType};
use serde_json::{Value, json};

use crate::support::{Person, Site, contents, http::Response, start_request, text};

fn person<'a>(site: &'a Site, started: &Value) -> Person<'a> {
    Person {
        site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    }
}

async fn start(site: &Site, name: &str, members: Value) -> Response {
    let mut request = start_request(name);
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    site.signed("PUT", "/contact/chat", &request).await
}

/// A chat that says these things and ends.
async fn talk<'a>(site: &'a Site, name: &str, members: Value, says: &[&str]) -> Person<'a> {
    let mut customer = person(site, &start(site, name, members).await.ok());
    customer.connect().await;
    customer.socket().await.subscribe().await;
    for content in says {
        customer.say(content).await;
    }
    customer
}

fn entire(source: &str) -> Value {
    json!({ "PersistentChat": { "RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": source } })
}

fn from_segment(source: &str) -> Value {
    json!({ "PersistentChat": { "RehydrationType": "FROM_SEGMENT", "SourceContactId": source } })
}

/// What the customer said, newest first, page by page.
fn said(page: &Value) -> Vec<String> {
    let items = page["Transcript"].as_array().unwrap();
    let theirs: Vec<Value> =
        items.iter().filter(|item| item["ParticipantRole"] == "CUSTOMER").cloned().collect();
    contents(&theirs)
}

#[tokio::test]
async fn a_chat_shows_those_it_continues() {
    let site = Site::demo().await;
    let first = talk(&site, "Jane", json!({}), &["one", "two"]).await;
    first.disconnect().await;
    let second = start(&site, "Jane", entire(&first.contact)).await.ok();
    assert_eq!(second["ContinuedFromContactId"], first.contact.as_str());
    let mut second = person(&site, &second);
    second.connect().await;
    let mut socket = second.socket().await;
    socket.subscribe().await;
    let rehydrated = socket.until_event("chat.rehydrated").await;
    assert_eq!(rehydrated["ContactId"], second.contact.as_str());
    second.say("three").await;
    second.disconnect().await;
    let path = format!("/contacts/{DEMO_INSTANCE}/{}", second.contact);
    let described = site.signed("GET", &path, &Value::Null).await.ok();
    assert_eq!(described["Contact"]["RelatedContactId"], first.contact.as_str());

    let mut third = talk(&site, "Jane", from_segment(&second.contact), &["four"]).await;
    third.connect().await;
    // The first page is the present chat's, and says that there is more.
    let present = third.call("transcript", &json!({ "MaxResults": 100 })).await.ok();
    assert_eq!(present["InitialContactId"], third.contact.as_str());
    assert_eq!(said(&present), ["four"]);
    for item in present["Transcript"].as_array().unwrap() {
        assert_eq!(item["ContactId"], third.contact.as_str());
        assert!(item.get("RelatedContactId").is_none());
    }
    let kinds = present["Transcript"].to_string();
    assert!(!kinds.contains("chat.rehydrated"), "it is not stored");
    let more = |page: &Value| {
        json!({
            "MaxResults": 100, "ScanDirection": "BACKWARD", "NextToken": page["NextToken"],
        })
    };
    let mut page = present;
    for (chat, expected) in [(&second.contact, &["three"][..]), (&first.contact, &["two", "one"])] {
        page = third.call("transcript", &more(&page)).await.ok();
        assert_eq!(said(&page), expected);
        assert_eq!(page["InitialContactId"], third.contact.as_str());
        for item in page["Transcript"].as_array().unwrap() {
            assert_eq!(item["RelatedContactId"], chat.as_str(), "{item}");
            assert!(item.get("ContactId").is_none(), "{item}");
        }
        let newest = page["Transcript"][0]["ContentType"].as_str().unwrap();
        assert!(newest.ends_with("chat.ended"), "{newest}");
    }
    assert!(page.get("NextToken").is_none());

    // Item by item it is the same, to the agent as well.
    third.say("agent").await;
    let ana = site.accept(&site.agent("ana").await).await;
    for reader in [&third, &ana] {
        let mut seen = Vec::new();
        let mut body = json!({ "MaxResults": 1 });
        loop {
            let page = reader.call("transcript", &body).await.ok();
            seen.extend(
                page["Transcript"].as_array().unwrap().iter().map(|item| text(&item["Id"])),
            );
            if page.get("NextToken").is_none() {
                break;
            }
            body = json!({ "MaxResults": 1, "NextToken": page["NextToken"] });
        }
        let mut all: Vec<String> =
            reader.transcript().await.iter().map(|item| text(&item["Id"])).collect();
        all.reverse();
        assert_eq!(seen, all);
    }
    assert_eq!(contents(&ana.transcript().await).iter().filter(|text| *text == "one").count(), 1);
}

#[tokio::test]
async fn the_past_has_no_start_positions_and_no_contacts() {
    let site = Site::demo().await;
    let first = talk(&site, "Jane", json!({}), &["one"]).await;
    let old = first.say("two").await;
    first.disconnect().await;
    let second = talk(&site, "Jane", entire(&first.contact), &["three"]).await;
    for body in [
        json!({ "ContactId": first.contact }),
        json!({ "StartPosition": { "Id": old }, "ScanDirection": "BACKWARD" }),
        json!({ "StartPosition": { "AbsoluteTime": "2020-01-01T00:00:00.000Z" }, "ScanDirection": "BACKWARD" }),
    ] {
        let page = second.call("transcript", &body).await.ok();
        assert_eq!(page["Transcript"], json!([]), "{body}");
        assert!(page.get("NextToken").is_none(), "{body}");
    }
    // The present contact is no way into the past, and forward leads to the present.
    let present = json!({ "ContactId": second.contact, "MaxResults": 100 });
    let page = second.call("transcript", &present).await.ok();
    assert_eq!(said(&page), ["three"]);
    assert!(page.get("NextToken").is_none());
    let forward = json!({ "StartPosition": { "MostRecent": 100 }, "MaxResults": 100 });
    let page = second.call("transcript", &forward).await.ok();
    assert_eq!(said(&page), ["three"]);
    assert!(page.get("NextToken").is_none());

    // A token is its reader's.
    let page = second.call("transcript", &json!({ "MaxResults": 100 })).await.ok();
    let other = talk(&site, "John", json!({}), &[]).await;
    let stolen = other.call("transcript", &json!({ "NextToken": page["NextToken"] })).await;
    assert_eq!(stolen.error(), (400, "ValidationException"));
}

#[tokio::test]
async fn what_cannot_be_continued_is_refused() {
    let site = Site::demo().await;
    let open = talk(&site, "Jane", json!({}), &["one"]).await;
    for (members, expected) in [
        (entire(&open.contact), (400, "InvalidRequestException")),
        (from_segment(&open.contact), (400, "InvalidRequestException")),
        (entire("00000000-0000-4000-8000-000000000000"), (404, "ResourceNotFoundException")),
        (
            json!({ "RelatedContactId": "00000000-0000-4000-8000-000000000000" }),
            (404, "ResourceNotFoundException"),
        ),
    ] {
        let answer = start(&site, "Jane", members.clone()).await;
        assert_eq!(answer.error(), expected, "{members}");
    }
    let mut both = entire(&open.contact);
    both["RelatedContactId"] = json!(open.contact);
    assert_eq!(start(&site, "Jane", both).await.status, 400);
    let unknown =
        json!({ "PersistentChat": { "RehydrationType": "SOME", "SourceContactId": "c" } });
    assert_eq!(start(&site, "Jane", unknown).await.status, 400);
    assert_eq!(site.figure("chatloom_chats_started_total").await as u64, 1);

    // A customer's chats are that customer's.
    let jane = talk(&site, "Jane", json!({ "CustomerId": "jane" }), &["mine"]).await;
    jane.disconnect().await;
    let with = |customer: &str| {
        let mut members = entire(&jane.contact);
        members["CustomerId"] = json!(customer);
        members
    };
    let john = start(&site, "John", with("john")).await;
    assert_eq!(john.error(), (400, "InvalidRequestException"));
    start(&site, "Jane", with("jane")).await.ok();
    start(&site, "Jane", entire(&jane.contact)).await.ok();
}

const ENTIRE: &str = "ENTIRE_PAST_SESSION";

async fn associate(site: &Site, chat: &str, kind: &str, source: &str) -> Response {
    let path = format!("/contact/persistent-contact-association/{DEMO_INSTANCE}/{chat}");
    let body = json!({ "RehydrationType": kind, "SourceContactId": source, "ClientToken": "t" });
    site.signed("POST", &path, &body).await
}

#[tokio::test]
async fn a_chat_that_goes_on_gets_a_past() {
    let site = Site::demo().await;
    let first = talk(&site, "Jane", json!({}), &["one"]).await;
    first.disconnect().await;
    let other = talk(&site, "Jane", json!({}), &["other"]).await;
    other.disconnect().await;
    let (second, mut socket) = site.customer("Jane").await;
    for _ in 0..2 {
        // Again is the same.
        let answer = associate(&site, &second.contact, ENTIRE, &first.contact).await.ok();
        assert_eq!(answer, json!({ "ContinuedFromContactId": first.contact }));
    }
    socket.until_event("chat.rehydrated").await;
    assert!(second.messages().await.contains(&"one".to_owned()));
    let twice = associate(&site, &second.contact, ENTIRE, &other.contact).await;
    assert_eq!(twice.error(), (400, "InvalidRequestException"));
    let itself = associate(&site, &second.contact, ENTIRE, &second.contact).await;
    assert_eq!(itself.error(), (400, "InvalidRequestException"));
    let nobody = "00000000-0000-4000-8000-000000000000";
    let unknown = associate(&site, nobody, ENTIRE, &first.contact).await;
    assert_eq!(unknown.error(), (404, "ResourceNotFoundException"));
    let unknown = associate(&site, &second.contact, ENTIRE, nobody).await;
    assert_eq!(unknown.error(), (404, "ResourceNotFoundException"));
    let wrong = associate(&site, &second.contact, "SOME", &first.contact).await;
    assert_eq!(wrong.status, 400);
    let ended = associate(&site, &other.contact, ENTIRE, &first.contact).await;
    assert_eq!(ended.error(), (404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_linked_chat_has_the_attributes_of_the_other() {
    let site = Site::demo().await;
    let members = json!({ "Attributes": { "plan": "gold", "city": "Oslo" }, "CustomerId": "jane" });
    let first = start(&site, "Jane", members).await.ok();
    let first = text(&first["ContactId"]);
    let members =
        json!({ "RelatedContactId": first, "Attributes": { "plan": "free", "new": "1" } });
    let second = start(&site, "Jane", members).await.ok();
    assert!(second.get("ContinuedFromContactId").is_none());
    let path = format!("/contacts/{DEMO_INSTANCE}/{}", text(&second["ContactId"]));
    let contact = site.signed("GET", &path, &Value::Null).await.ok()["Contact"].clone();
    assert_eq!(contact["RelatedContactId"], first.as_str());
    assert_eq!(contact["CustomerId"], "jane");
    assert_eq!(contact["Attributes"], json!({ "plan": "free", "city": "Oslo", "new": "1" }));

    // Together they have the room of one.
    let large = json!({ "Attributes": { "a": "x".repeat(20_000) } });
    let large = text(&start(&site, "Jane", large).await.ok()["ContactId"]);
    let members = json!({ "RelatedContactId": large, "Attributes": { "b": "x".repeat(20_000) } });
    assert_eq!(start(&site, "Jane", members).await.status, 400);
}

/// Puts a second contact into a chat, as a transfer does, and lets its customer say something there.
async fn transfer(site: &Site, chat: &str, second: &str, says: &str) {
    let path = site.config.server.data.join("chatloom.db");
    let store = Sqlite::open(path, Options::default()).unwrap();
    let held = store.chat(&chat.into()).await.unwrap().unwrap();
    let mut state = (*held.chat).clone();
    let first = state.contacts[0].clone();
    state.contacts.push(Contact { id: second.into(), ..first });
    let customer = state.customer();
    let said = Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: second.into(),
        about: None,
        sender: Some(Sender {
            id: customer.id.clone(),
            role: customer.role.clone(),
            name: customer.name.clone(),
        }),
        body: DraftBody::Item {
            item_type: ItemType::Message,
            content_type: ContentType::TextPlain,
            content: Some(says.to_owned()),
        },
    };
    let commit = Commit {
        chat: ContactId::from(chat),
        version: held.version,
        head: None,
        state: Some(Arc::new(state)),
        drafts: vec![said],
        key: None,
        answer: 0,
        now: site.clock.now(),
    };
    let done = store.commit(commit).await.unwrap();
    assert!(matches!(done, Committed::Done { .. }), "{done:?}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_part_of_a_chat_or_all_of_it_shows() {
    let mut site = Site::demo().await;
    let first = talk(&site, "Jane", json!({}), &["one"]).await;
    let (contact, token) = (first.contact.clone(), first.participant_token.clone());
    let id = first.id.clone();
    site.stop().await;
    let second = "5ec00d00-0000-4000-8000-000000000002";
    transfer(&site, &contact, second, "two").await;
    site.restart().await;
    let mut jane = Person {
        site: &site,
        contact: contact.clone(),
        id,
        participant_token: token,
        connection_token: String::new(),
        socket_url: String::new(),
    };
    jane.connect().await;
    jane.disconnect().await;

    for (members, from, expected) in [
        (from_segment(&contact), contact.as_str(), &["one"][..]),
        (from_segment(second), second, &["two", "one"]),
        (entire(&contact), second, &["two", "one"]),
    ] {
        let started = start(&site, "Jane", members.clone()).await.ok();
        assert_eq!(started["ContinuedFromContactId"], from, "{members}");
        let mut next = person(&site, &started);
        next.connect().await;
        let present = next.call("transcript", &json!({})).await.ok();
        let body = json!({ "MaxResults": 100, "NextToken": present["NextToken"] });
        let past = next.call("transcript", &body).await.ok();
        assert_eq!(said(&past), expected, "{members}");
        let ends = past["Transcript"].to_string().contains("chat.ended");
        assert_eq!(ends, expected.len() == 2, "{members}");
        for item in past["Transcript"].as_array().unwrap() {
            let related = text(&item["RelatedContactId"]);
            let is_two = item["Content"] == "two";
            assert!(related == contact || related == second, "{item}");
            assert!(!is_two || related == second, "{item}");
        }
    }
    let wrong = start(&site, "Jane", entire(second)).await;
    assert_eq!(wrong.error(), (400, "InvalidRequestException"));
}
