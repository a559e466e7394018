//! Old chats, and those of people who want to be forgotten.

use std::{fs, path::PathBuf};

use chatloom_server::{chats::Clock as _, export};
use chatloom_wire::Timestamp;
use serde_json::{Value, json};

use crate::support::{Site, eventually, http::Request, start_request, text};

const NAME: &str = "Name-of-one-who-is-forgotten";
const WORDS: &str = "words that nobody shall find again";

async fn describe(site: &Site, contact: &str) -> u16 {
    let path = format!("/contacts/{}/{contact}", site.config.instance.id);
    site.signed("GET", &path, &Value::Null).await.status
}

/// The files of the data folder in which there are these words.
fn files_with(site: &Site, words: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(&site.config.server.data).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    });
    paths
}

#[tokio::test]
async fn old_chats_go_and_the_others_stay() {
    let mut site = Site::demo_with(|config| {
        config.set("retention.keep", "1d", "test").unwrap();
        config.set("retention.every", "5ms", "test").unwrap();
        config.set("retention.batch", "2", "test").unwrap();
        config.set("retention.pause", "0ms", "test").unwrap();
    })
    .await;
    let (old, _) = site.customer(NAME).await;
    for _ in 0..9 {
        old.say(WORDS).await;
    }
    old.disconnect().await;
    let old = old.contact;
    site.clock.advance(20 * 3_600_000);
    let (young, _) = site.customer("Joe").await;
    young.say("young words").await;
    young.disconnect().await;
    let young = young.contact;
    let (open, _) = site.customer("Jim").await;
    site.clock.advance(5 * 3_600_000);
    eventually("the old chat to go", || async {
        (describe(&site, &old).await == 404).then_some(())
    })
    .await;
    assert_eq!(describe(&site, &young).await, 200);
    open.say("still here").await;
    // Until its entries have gone too.
    eventually("its entries to go", || async {
        let connection = rusqlite::Connection::open(site.config.server.data.join("chatloom.db"));
        let count = "SELECT count(*) FROM chats WHERE leaving IS NOT NULL";
        let left: u32 = connection.unwrap().query_row(count, [], |row| row.get(0)).unwrap();
        (left == 0).then_some(())
    })
    .await;
    drop(open);
    site.stop().await;
    assert_eq!(files_with(&site, "young words").len(), 1);
    for gone in [WORDS, NAME] {
        assert_eq!(files_with(&site, gone), Vec::<PathBuf>::new(), "{gone}");
    }
}

#[tokio::test]
async fn a_customer_is_forgotten_on_request() {
    let site = Site::demo().await;
    let start = async |name: &str, customer: &str, plan: &str| {
        let mut request = start_request(name);
        request["CustomerId"] = json!(customer);
        request["Attributes"] = json!({ "plan": plan });
        text(&site.signed("PUT", "/contact/chat", &request).await.ok()["ContactId"])
    };
    let [jane, jane_again, joe, jim] = [
        start("Jane", "customer-1", "gold").await,
        start("Jane", "customer-1", "gold").await,
        start("Joe", "customer-2", "gold").await,
        start("Jim", "customer-3", "lead").await,
    ];
    let (customer, mut socket) = site.customer("Page").await;
    let delete = async |body: Value| site.signed("POST", "/v1/chats/delete", &body).await;
    let deleted = async |body: Value| {
        let mut ids: Vec<String> =
            delete(body).await.ok()["Deleted"].as_array().unwrap().iter().map(text).collect();
        ids.sort();
        ids
    };

    for wrong in [
        json!({}),
        json!({ "CustomerId": "" }),
        json!({ "CustomerId": "customer-1", "ContactIds": [joe] }),
        json!({ "ContactIds": [] }),
        json!({ "ContactIds": vec![joe.clone(); 101] }),
        json!({ "Customer": "customer-1" }),
        json!({ "Attribute": { "Name": "plan" } }),
    ] {
        assert_eq!(delete(wrong.clone()).await.error().0, 400, "{wrong}");
    }
    let unsigned = Request::post("/v1/chats/delete").json(&json!({ "CustomerId": "customer-1" }));
    assert_eq!(site.send(unsigned).await.status, 403);

    let mut expected = vec![jane.clone(), jane_again.clone()];
    expected.sort();
    assert_eq!(deleted(json!({ "CustomerId": "customer-1" })).await, expected);
    assert_eq!(deleted(json!({ "CustomerId": "customer-1" })).await, Vec::<String>::new());
    for (contact, status) in [(&jane, 404), (&jane_again, 404), (&joe, 200), (&jim, 200)] {
        assert_eq!(describe(&site, contact).await, status);
    }
    let attribute = json!({ "Attribute": { "Name": "plan", "Value": "gold" } });
    assert_eq!(deleted(attribute).await, std::slice::from_ref(&joe));
    // One that goes on is ended first, and who is there is told.
    let page = customer.contact.clone();
    let contacts = json!({ "ContactIds": [page, page, joe, "nobody"] });
    assert_eq!(deleted(contacts).await, [page]);
    socket.until_event("chat.ended").await;
    let refused = customer.call("transcript", &json!({})).await;
    assert!(refused.status >= 400 && refused.status < 500, "{refused:?}");
    assert_eq!(describe(&site, &jim).await, 200);
}

#[tokio::test]
async fn finished_chats_are_exported_while_the_server_runs() {
    let site = Site::demo().await;
    let since = site.clock.now();
    let (open, _) = site.customer("Open").await;
    let (customer, _) = site.customer("Jane \"J\"").await;
    let id = customer.say("line\none").await;
    customer.disconnect().await;
    open.say("not yet").await;
    let lines = |since: Timestamp, before: Timestamp| {
        let mut lines = Vec::new();
        let count = export::export(&site.config.server.data, since, before, &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!(lines.lines().count() as u64, count);
        lines
    };
    let later = site.clock.now().plus_millis(60_000);
    assert_eq!(lines(later, later.plus_millis(1)), "");
    let all = lines(since, later);
    assert_eq!(all.lines().count(), 1, "{all}");
    let chat: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(text(&chat["ContactId"]), customer.contact);
    assert_eq!(chat["DisconnectReason"], "CUSTOMER_DISCONNECT");
    assert_eq!(chat["Participants"][0]["DisplayName"], "Jane \"J\"");
    let log = chat["Log"].as_array().unwrap();
    let places: Vec<u64> = log.iter().map(|entry| entry["Place"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=log.len() as u64).collect::<Vec<_>>());
    let said = log.iter().find(|entry| entry["Item"]["Id"] == id.as_str()).unwrap();
    assert_eq!((&said["Kind"], &said["Audience"]), (&json!("ITEM"), &json!("ALL")));
    assert_eq!(said["Item"]["Content"], "line\none");
}
