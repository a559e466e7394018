//! Contact streaming: the items of a chat, to a webhook in the form that SNS gives its subscribers
//! (docs/protocol/participant-service.md §6.8).

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use chatloom_engine::{Audience, Chat, Entry, EntryKind};
use chatloom_wire::{Item, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use tokio::time::Instant;

use super::{Followers, PAGE};
use crate::{
    outgoing::{Failure, Post},
    store::{FollowerPlace, StoreError},
};

impl Followers {
    /// Posts what comes after its place to a stream's endpoint, in order.
    pub(super) async fn tell_stream(
        &self,
        at: &FollowerPlace,
        endpoint: &str,
    ) -> Result<(), StoreError> {
        let chat = self.chats.state(&at.chat).await?;
        if chat.follower(&at.follower).is_none() {
            // Removed since.
            return Ok(());
        }
        let entries = self.store.entries_after(&at.chat, at.place, PAGE).await?;
        let mut to = at.place;
        for (index, entry) in entries.iter().enumerate() {
            if let Some(notice) = self.notice(&chat, at, endpoint, entry)
                && let Err(failure) = self.post(endpoint, notice).await
            {
                self.metrics.deliveries_failed.inc();
                let given_up = self.too_old(&entries[index..]);
                if let Some(last) = given_up.last() {
                    to = last.seq;
                    self.metrics.deliveries_given_up.inc_by(given_up.len() as u64);
                    tracing::warn!(
                        chat = %at.chat, stream = %at.follower, items = given_up.len(), %failure,
                        "items were given up: their endpoint did not take them in time"
                    );
                } else {
                    tracing::debug!(
                        chat = %at.chat, stream = %at.follower, %failure,
                        "an item could not be delivered; it is tried again"
                    );
                }
                return self.failed(at, to, &failure).await;
            }
            to = entry.seq;
        }
        self.told(at, to).await
    }

    async fn post(&self, endpoint: &str, notice: Post) -> Result<(), Failure> {
        // One that is configured no longer may come back with the next start.
        let endpoint = self.streams.get(endpoint).ok_or(Failure::Unconfigured)?;
        let until = Instant::now() + self.bounds.timeout.get();
        let answer = self.outgoing.post(endpoint, notice).await?;
        // What it says does not matter; reading it keeps the connection.
        answer.whole(self.bounds.max_answer.bytes(), until).await?;
        self.metrics.deliveries.inc();
        Ok(())
    }

    /// The first of these entries that have waited for too long.
    fn too_old<'a>(&self, entries: &'a [Arc<Entry>]) -> &'a [Arc<Entry>] {
        let limit = self.clock.now().plus_millis(-self.bounds.give_up_after.as_millis());
        let count = entries.iter().take_while(|entry| entry.time <= limit).count();
        &entries[..count]
    }

    /// What a stream is told of an entry; nothing of receipts and notes.
    fn notice(
        &self,
        chat: &Chat,
        at: &FollowerPlace,
        endpoint: &str,
        entry: &Entry,
    ) -> Option<Post> {
        let visibility = visibility(chat, entry)?;
        let item = Item::from_text(Arc::clone(&entry.text)).ok()?;
        let head = item.head();
        let mut attributes = BTreeMap::new();
        let mut attribute = |name, value: &str| {
            attributes.insert(name, Attribute { kind: "String", value: value.to_owned() });
        };
        attribute("InitialContactId", chat.id.as_str());
        attribute("ContactId", entry.contact_id.as_str());
        attribute("InstanceId", &self.instance);
        attribute("AccountId", ACCOUNT);
        attribute("MessageVisibility", visibility);
        if let Some(role) = &head.participant_role {
            attribute("ParticipantRole", role.as_str());
        }
        if let Some(item_type) = &head.item_type {
            attribute("Type", item_type.as_str());
        }
        if let Some(content_type) = &head.content_type {
            attribute("ContentType", content_type.as_str());
        }
        let id = format!("{}-{}", at.follower, entry.seq);
        let notification = Notification {
            kind: "Notification",
            message_id: &id,
            topic_arn: endpoint,
            message: &entry.text,
            timestamp: entry.time,
            message_attributes: attributes,
        };
        let body = serde_json::to_vec(&notification).ok()?;
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        for (name, value) in [
            ("x-amz-sns-message-type", "Notification"),
            ("x-amz-sns-message-id", &id),
            ("x-amz-sns-topic-arn", endpoint),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        Some(Post { id, headers, body: Bytes::from(body), timeout: self.bounds.timeout.get() })
    }
}

/// The account of an instance that is nobody's at Amazon.
const ACCOUNT: &str = "000000000000";

/// Who an item is for, as streams are told; `None` for what they are not told.
fn visibility(chat: &Chat, entry: &Entry) -> Option<&'static str> {
    if !matches!(entry.kind, EntryKind::Item | EntryKind::AttachmentStatus) {
        return None;
    }
    match &entry.audience {
        Audience::All => Some("ALL"),
        Audience::One(reader) if *reader == chat.customer().id => Some("CUSTOMER"),
        Audience::Agents | Audience::One(_) => Some("AGENT"),
    }
}

/// What SNS posts to its subscribers, without the signature that only SNS can make.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notification<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    message_id: &'a str,
    topic_arn: &'a str,
    message: &'a str,
    timestamp: Timestamp,
    message_attributes: BTreeMap<&'static str, Attribute>,
}

#[derive(Serialize)]
struct Attribute {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "Value")]
    value: String,
}
