//! `POST /v1/agent/transfer`: an agent hands a customer on
//! (docs/protocol/participant-service.md §12.4).

use std::{collections::HashMap, sync::Arc};

use chatloom_engine::TransferTo;
use chatloom_wire::{ContactId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{Answer, App, Call, error, json, socket::agents_socket};
use crate::chats::Wish;

/// When each user last asked for something. Users are configured, so there are so many at most.
#[derive(Default)]
pub(super) struct LastSeen(Mutex<HashMap<String, Timestamp>>);

impl LastSeen {
    pub(super) fn see(&self, user: &str, now: Timestamp) {
        let mut seen = self.0.lock();
        match seen.get_mut(user) {
            Some(last) => *last = now,
            None => drop(seen.insert(user.to_owned(), now)),
        }
    }

    fn of(&self, user: &str) -> Option<Timestamp> {
        self.0.lock().get(user).copied()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransferRequest {
    contact_id: ContactId,
    #[serde(default)]
    queue: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferAnswer<'a> {
    contact_id: &'a ContactId,
    initial_contact_id: &'a ContactId,
}

pub(super) async fn transfer(app: Arc<App>, mut call: Call) -> Answer {
    let agent = app.agent(&call)?;
    let request: TransferRequest = call.json(app.config.http.max_body).await?;
    let (to, is_away) = match (request.queue, request.user) {
        (Some(queue), None) if app.chats.has_queue(&queue) => (TransferTo::Queue(queue), false),
        (Some(_), None) => return Err(error::validation("queue: there is no such queue")),
        (None, Some(user)) if app.config.agents.users.iter().any(|known| known.id == user) => {
            let is_away = app.is_away(&user);
            (TransferTo::User(user), is_away)
        }
        (None, Some(_)) => return Err(error::validation("user: there is no such user")),
        _ => return Err(error::validation("Give a queue or a user, and not both")),
    };
    let agents = &app.config.agents;
    let wish = Wish {
        contact: request.contact_id,
        to,
        reserved_ms: agents.transfer_reserved.as_millis(),
        is_away,
        room: agents.transfer_room.into(),
    };
    let transferred = app.chats.transfer(&agent, wish).await?;
    json(&TransferAnswer {
        contact_id: &transferred.contact,
        initial_contact_id: &transferred.chat.id,
    })
}

impl App {
    /// Whether a user would not notice that somebody waits.
    fn is_away(&self, user: &str) -> bool {
        if self.hub.has_socket(&agents_socket(user)) {
            return false;
        }
        let patience = self.config.agents.away_after.as_millis();
        let seen = self.gates.agents.seen.of(user);
        seen.is_none_or(|last| last.plus_millis(patience) <= self.now())
    }
}
