//! A request of a back end that comes twice: somebody has recorded it, or a network repeats it.
//!
//! As at Amazon, it is good until its time stamp is five minutes old. What it does the second time is
//! what these tests say, and what docs/threat-model.md says.

use chatloom_server::config::DEMO_INSTANCE;
use serde_json::json;

use crate::support::{Site, http::Request, sign::sign, start_request, text};

const FIVE_MINUTES: i64 = 5 * 60_000;

#[tokio::test]
async fn a_start_with_a_client_token_starts_one_chat() {
    let site = Site::demo().await;
    let signed = |token: Option<&str>| {
        let mut body = start_request("Jane");
        if let Some(token) = token {
            body["ClientToken"] = json!(token);
        }
        sign(Request::new("PUT", "/contact/chat").json(&body), site.address, &*site.clock)
    };
    let recorded = signed(Some("one"));
    let first = site.send(recorded.clone()).await.ok();
    site.clock.advance(FIVE_MINUTES);
    let second = site.send(recorded.clone()).await.ok();
    assert_eq!(second["ContactId"], first["ContactId"]);
    assert_eq!(site.figure("chatloom_chats_started_total").await as u64, 1);
    // From the next millisecond on it is too old.
    site.clock.advance(1);
    let late = site.send(recorded).await;
    assert_eq!(late.error(), (403, "InvalidSignatureException"));
    assert!(text(&late.json()["Message"]).starts_with("Signature expired: "));

    // Nothing tells a repeat without a token from a second chat.
    let untold = signed(None);
    let first = site.send(untold.clone()).await.ok();
    let second = site.send(untold).await.ok();
    assert_ne!(second["ContactId"], first["ContactId"]);
}

#[tokio::test]
async fn what_was_done_is_not_done_again() {
    let site = Site::demo().await;
    let contact = site.signed("PUT", "/contact/chat", &start_request("Jane")).await.ok();
    let contact = text(&contact["ContactId"]);
    let attributes = |value: &str| {
        let body = json!({
            "InstanceId": DEMO_INSTANCE, "InitialContactId": contact,
            "Attributes": { "plan": value },
        });
        let request = Request::post("/contact/attributes").json(&body);
        sign(request, site.address, &*site.clock)
    };
    let recorded = attributes("basic");
    for _ in 0..2 {
        site.send(recorded.clone()).await.ok();
    }
    // A repeat that comes late sets what it said: the last who asks wins, as with two who ask.
    site.clock.advance(1_000);
    site.send(attributes("gold")).await.ok();
    site.send(recorded).await.ok();
    let path = format!("/contact/attributes/{DEMO_INSTANCE}/{contact}");
    let now = site.signed("GET", &path, &serde_json::Value::Null).await.ok();
    assert_eq!(now["Attributes"]["plan"], "basic");

    let stop = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact });
    let stop = sign(Request::post("/contact/stop").json(&stop), site.address, &*site.clock);
    site.send(stop.clone()).await.ok();
    assert_eq!(site.send(stop).await.error(), (410, "ContactNotFoundException"));
}

#[tokio::test]
async fn a_signature_in_the_url_is_none() {
    let site = Site::demo().await;
    let path = format!("/contacts/{DEMO_INSTANCE}/none");
    let signed = sign(Request::get(&path), site.address, &*site.clock);
    let authorization = signed.find("Authorization").unwrap();
    let (_, signature) = authorization.rsplit_once('=').unwrap();
    // Good for a week, it says.
    let presigned = format!(
        "{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=chatloom&\
         X-Amz-Date={}&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}",
        signed.find("X-Amz-Date").unwrap()
    );
    let refused = site.get(&presigned).await;
    assert_eq!(refused.error(), (403, "MissingAuthenticationTokenException"));
}
