//! What agents see of a queue.

use chatloom_wire::{ContactId, Timestamp};
use serde::Serialize;

use crate::store::{Store, StoreError, Versioned, Waiting};

/// The topic on which agents' sockets are told of the queue.
pub const QUEUE_TOPIC: &str = "chatloom/queue";

/// How many waiting chats agents are told of, the longest waiting first.
pub(crate) const MAX_WAITING: u32 = 50;

/// Who waits in any of these queues, the ones that have waited longest, at most `limit`.
pub(crate) async fn waiting(
    store: &dyn Store,
    queues: &[&str],
    limit: u32,
) -> Result<Waiting, StoreError> {
    let mut all = Waiting::default();
    for queue in queues {
        let Waiting { total, chats } = store.waiting(queue, limit).await?;
        all.total += total;
        all.chats.extend(chats);
    }
    if queues.len() > 1 {
        let since = |waiting: &Versioned| waiting.chat.waiting().map(|(_, since)| since);
        all.chats.sort_by_key(since);
        all.chats.truncate(limit as usize);
    }
    Ok(all)
}

/// Who waits, as `GET /v1/agent/queue` answers it and the socket carries it.
#[derive(Serialize)]
pub(crate) struct QueueView<'a> {
    total: u64,
    waiting: Vec<WaitingView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingView<'a> {
    contact_id: &'a ContactId,
    customer_name: &'a str,
    queue: &'a str,
    since: Timestamp,
    /// The user it was transferred to, and until when only that user may take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_for: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_until: Option<Timestamp>,
}

impl<'a> QueueView<'a> {
    pub(crate) fn new(waiting: &'a Waiting) -> Self {
        let view = waiting.chats.iter().filter_map(|waiting| {
            let (queue, place) = waiting.chat.waiting()?;
            let contact = waiting.chat.current_contact();
            let meant = waiting.chat.meant_for();
            Some(WaitingView {
                contact_id: &contact.id,
                customer_name: &waiting.chat.customer().name,
                queue,
                since: contact.queued.as_ref().map_or(place, |(_, since)| *since),
                reserved_for: meant.map(|(user, _)| user),
                reserved_until: meant.map(|(_, until)| until),
            })
        });
        Self { total: waiting.total, waiting: view.collect() }
    }

    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and times always serialise")
    }
}

/// The frame that tells a socket who waits. As on `aws/chat`, the content is JSON text.
pub(crate) fn frame(waiting: &Waiting) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        topic: &'a str,
        content: String,
    }
    serde_json::to_string(&Frame { topic: QUEUE_TOPIC, content: QueueView::new(waiting).to_text() })
        .expect("strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits() {
        insta::assert_snapshot!(
            frame(&Waiting::default()),
            @r#"{"topic":"chatloom/queue","content":"{\"total\":0,\"waiting\":[]}"}"#
        );
    }
}
