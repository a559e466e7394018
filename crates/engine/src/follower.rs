//! Who outside is told what happens in a chat.
//!
//! Which followers a chat has is part of its state, under the same guard as everything else. How far
//! each of them has been told is the store's, so that telling does not change the state.

use std::fmt;

use chatloom_wire::{ErrorKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Chat, Refusal, limits};

/// Names a follower, unlike any other of any chat; for a stream, its `StreamingId`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FollowerId(Box<str>);

impl FollowerId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for FollowerId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for FollowerId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for FollowerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody outside who is told what happens in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// The follower.
    pub id: FollowerId,
    /// What it is.
    pub kind: FollowerKind,
}

/// What a follower is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowerKind {
    /// An endpoint that is sent every item: contact streaming
    /// (docs/protocol/participant-service.md §10.4).
    Stream {
        /// The endpoint, by its ARN.
        endpoint: String,
    },
    /// A bot that answers the customer.
    Bot {
        /// The bot, by its name in the configuration.
        name: String,
    },
}

impl Follower {
    /// An endpoint that is sent every item.
    pub fn stream(id: FollowerId, endpoint: impl Into<String>) -> Self {
        Self { id, kind: FollowerKind::Stream { endpoint: endpoint.into() } }
    }
}

impl Chat {
    /// One of its followers.
    pub fn follower(&self, id: &FollowerId) -> Option<&Follower> {
        self.followers.iter().find(|follower| follower.id == *id)
    }

    /// The endpoints its items are sent to, each as a follower and by its ARN.
    pub fn streams(&self) -> impl Iterator<Item = (&FollowerId, &str)> {
        self.followers.iter().filter_map(|follower| match &follower.kind {
            FollowerKind::Stream { endpoint } => Some((&follower.id, endpoint.as_str())),
            FollowerKind::Bot { .. } => None,
        })
    }

    /// The bot that answers now, as a follower and by its name.
    pub fn bot(&self) -> Option<(&FollowerId, &str)> {
        self.followers.iter().find_map(|follower| match &follower.kind {
            FollowerKind::Bot { name } => Some((&follower.id, name.as_str())),
            FollowerKind::Stream { .. } => None,
        })
    }

    /// Begins to stream: the chat with the stream, or nothing where it is there already.
    ///
    /// Refused with `InvalidRequestException` after the end and for another endpoint than the stream
    /// has, with `LimitExceededException` when there are as many streams as may be.
    pub(crate) fn start_streaming(
        &self,
        now: Timestamp,
        id: &FollowerId,
        endpoint: &str,
    ) -> Result<Option<Self>, Refusal> {
        if let Some((_, first)) = self.streams().find(|(stream, _)| *stream == id) {
            return if first == endpoint {
                Ok(None)
            } else {
                Err(Refusal::new(
                    ErrorKind::InvalidRequest,
                    "ClientToken: used before for another request; use a new one for each",
                ))
            };
        }
        if self.has_ended_by(now) {
            return Err(Refusal::new(
                ErrorKind::InvalidRequest,
                format!("The contact {} has ended", self.id),
            ));
        }
        if self.streams().count() >= limits::STREAMS_OF_CHAT {
            return Err(Refusal::new(
                ErrorKind::LimitExceeded,
                format!("A contact is streamed to {} endpoints at most", limits::STREAMS_OF_CHAT),
            ));
        }
        let mut after = self.clone();
        after.followers.push(Follower::stream(id.clone(), endpoint));
        after.updated_at = now;
        Ok(Some(after))
    }

    /// Streams no longer: the chat without the stream.
    ///
    /// Refused with `ResourceNotFoundException` when there is no such stream.
    pub(crate) fn stop_streaming(&self, now: Timestamp, id: &FollowerId) -> Result<Self, Refusal> {
        if !self.streams().any(|(stream, _)| stream == id) {
            return Err(Refusal::new(
                ErrorKind::ResourceNotFound,
                "StreamingId: the contact has no such stream",
            ));
        }
        let mut after = self.clone();
        after.followers.retain(|follower| follower.id != *id);
        after.updated_at = now;
        Ok(after)
    }

    /// The bot answers no more.
    pub(crate) fn dismiss_bot(&mut self) {
        self.followers.retain(|follower| matches!(follower.kind, FollowerKind::Stream { .. }));
    }
}
