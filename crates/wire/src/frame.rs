//! Frames of the chat WebSocket (docs/protocol/websocket.md §1).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{self, JsonError, lenient, lenient_text};

/// The topic of chat items.
pub const CHAT_TOPIC: &str = "aws/chat";
/// The topic of subscriptions.
pub const SUBSCRIBE_TOPIC: &str = "aws/subscribe";
/// The topic of heartbeats.
pub const HEARTBEAT_TOPIC: &str = "aws/heartbeat";
/// The topic of deep heartbeats.
pub const PING_TOPIC: &str = "aws/ping";

/// The heartbeat in either direction.
pub const HEARTBEAT: &str = r#"{"topic":"aws/heartbeat"}"#;
/// The deep heartbeat a client sends.
pub const PING: &str = r#"{"topic":"aws/ping"}"#;
/// The answer to [`PING`] from a healthy server.
pub const PING_OK: &str = r#"{"topic":"aws/ping","statusCode":200,"statusContent":"OK"}"#;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// Deliver these topics from now on.
    Subscribe {
        /// The topics asked for.
        topics: Vec<String>,
    },
    /// Are you there?
    Heartbeat,
    /// Are you and what is behind you well?
    Ping,
    /// A topic this version does not know.
    Other {
        /// Its name.
        topic: String,
    },
}

/// What a server says.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerFrame<'a> {
    /// Answer to a subscription.
    Subscribed {
        /// Whether the topics are delivered from now on.
        success: bool,
        /// The topics it is about.
        topics: Vec<String>,
    },
    /// Answer to a heartbeat.
    Heartbeat,
    /// Answer to a deep heartbeat.
    Ping {
        /// 200 when all is well; absent or another number otherwise.
        status_code: Option<i64>,
        /// `OK` when all is well.
        status_content: Option<Cow<'a, str>>,
    },
    /// A chat item, as JSON text.
    Chat {
        /// One item; read it with [`Item::from_text`](crate::Item::from_text).
        content: Cow<'a, str>,
    },
    /// An error of the gateway before the service: no topic, only a message.
    GatewayError {
        /// For instance `Forbidden`.
        message: Cow<'a, str>,
    },
    /// A topic this version does not know, or a chat frame whose content is not a string.
    Other {
        /// Its name.
        topic: Cow<'a, str>,
    },
}

/// Why a frame cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The text does not begin with a JSON object of the expected members.
    #[error("the frame does not begin with a JSON object as documented")]
    Json(#[from] JsonError),
    /// There is no `topic`.
    #[error("the frame has no topic")]
    NoTopic,
    /// A subscription without topics.
    #[error("the frame subscribes to no topics")]
    NoTopics,
}

/// The members of any frame, each read only where its topic asks for it.
#[derive(Deserialize)]
struct AnyFrame<'a> {
    #[serde(borrow, default)]
    topic: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "statusCode")]
    status_code: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "statusContent")]
    status_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// The content of `aws/subscribe`, in either direction.
#[derive(Serialize, Deserialize)]
struct Topics<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    status: Option<Cow<'a, str>>,
    #[serde(default)]
    topics: Vec<String>,
}

#[derive(Serialize)]
struct TopicFrame<'a, T> {
    topic: &'a str,
    #[serde(rename = "contentType", skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    content: T,
}

fn encode<T: Serialize>(topic: &str, content_type: Option<&str>, content: T) -> String {
    serde_json::to_string(&TopicFrame { topic, content_type, content })
        .expect("strings and lists of strings always serialise")
}

impl<'a> AnyFrame<'a> {
    /// The content of a subscription or of the answer to one.
    fn topics(&self) -> Result<Topics<'a>, FrameError> {
        let content = self.content.ok_or(FrameError::NoTopics)?;
        json::read(content.get()).map_err(|_| FrameError::NoTopics)
    }
}

impl ClientFrame {
    /// Reads the first JSON value of a frame and ignores text after it: the iOS client sends a stray
    /// bracket there (docs/protocol/websocket.md §1.2).
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let frame: AnyFrame<'_> = json::read_first(text)?;
        let topic = lenient_text(frame.topic).ok_or(FrameError::NoTopic)?;
        match &*topic {
            HEARTBEAT_TOPIC => Ok(Self::Heartbeat),
            PING_TOPIC => Ok(Self::Ping),
            SUBSCRIBE_TOPIC => {
                let Topics { topics, .. } = frame.topics()?;
                if topics.is_empty() {
                    return Err(FrameError::NoTopics);
                }
                Ok(Self::Subscribe { topics })
            }
            _ => Ok(Self::Other { topic: topic.into_owned() }),
        }
    }

    /// The frame as JSON text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Heartbeat => HEARTBEAT.to_owned(),
            Self::Ping => PING.to_owned(),
            Self::Subscribe { topics } => {
                encode(SUBSCRIBE_TOPIC, None, Topics { status: None, topics: topics.clone() })
            }
            Self::Other { topic } => format!("{{\"topic\":{}}}", serde_json::Value::from(&**topic)),
        }
    }
}

impl<'a> ServerFrame<'a> {
    /// Reads a frame. Members that are not as documented count as absent, so that a peer can never
    /// do more harm than being ignored.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let frame: AnyFrame<'a> = json::read_first(text)?;
        let Some(topic) = lenient_text(frame.topic) else {
            let message = lenient_text(frame.message).ok_or(FrameError::NoTopic)?;
            return Ok(Self::GatewayError { message });
        };
        Ok(match &*topic {
            HEARTBEAT_TOPIC => Self::Heartbeat,
            PING_TOPIC => Self::Ping {
                status_code: lenient(frame.status_code),
                status_content: lenient_text(frame.status_content),
            },
            SUBSCRIBE_TOPIC => {
                let Topics { status, topics } = frame.topics()?;
                Self::Subscribed { success: status.as_deref() == Some("success"), topics }
            }
            CHAT_TOPIC => match lenient_text(frame.content) {
                Some(content) => Self::Chat { content },
                None => Self::Other { topic },
            },
            _ => Self::Other { topic },
        })
    }

    /// The frame as JSON text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Heartbeat => HEARTBEAT.to_owned(),
            Self::Subscribed { success, topics } => encode(
                SUBSCRIBE_TOPIC,
                None,
                Topics {
                    status: Some(if *success { "success" } else { "failure" }.into()),
                    topics: topics.clone(),
                },
            ),
            Self::Ping { status_code, status_content } => {
                #[derive(Serialize)]
                struct Pong<'a> {
                    topic: &'a str,
                    #[serde(rename = "statusCode", skip_serializing_if = "Option::is_none")]
                    status_code: Option<i64>,
                    #[serde(rename = "statusContent", skip_serializing_if = "Option::is_none")]
                    status_content: Option<&'a str>,
                }
                serde_json::to_string(&Pong {
                    topic: PING_TOPIC,
                    status_code: *status_code,
                    status_content: status_content.as_deref(),
                })
                .expect("strings and numbers always serialise")
            }
            Self::Chat { content } => encode(CHAT_TOPIC, Some("application/json"), content),
            Self::GatewayError { message } => {
                format!("{{\"message\":{}}}", serde_json::Value::from(&**message))
            }
            Self::Other { topic } => format!("{{\"topic\":{}}}", serde_json::Value::from(&**topic)),
        }
    }
}

impl std::fmt::Debug for ServerFrame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subscribed { success, topics } => f
                .debug_struct("Subscribed")
                .field("success", success)
                .field("topics", topics)
                .finish(),
            Self::Heartbeat => f.write_str("Heartbeat"),
            Self::Ping { status_code, .. } => {
                f.debug_struct("Ping").field("status_code", status_code).finish_non_exhaustive()
            }
            // The content of a chat frame is private.
            Self::Chat { content } => write!(f, "Chat({} bytes)", content.len()),
            Self::GatewayError { message } => f.debug_tuple("GatewayError").field(message).finish(),
            Self::Other { topic } => f.debug_tuple("Other").field(topic).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stray_bracket_of_ios_is_ignored() {
        let text = r#"{"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})"#;
        assert_eq!(
            ClientFrame::parse(text).unwrap(),
            ClientFrame::Subscribe { topics: vec![CHAT_TOPIC.to_owned()] }
        );
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for text in
            ["", "   ", "x", "[]", "{}", "7", r#"{"topic":7}"#, r#"{"topic":"aws/subscribe"}"#]
        {
            assert!(ClientFrame::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn server_frames_round_trip() {
        for frame in [
            ServerFrame::Heartbeat,
            ServerFrame::Subscribed { success: true, topics: vec![CHAT_TOPIC.to_owned()] },
            ServerFrame::Subscribed { success: false, topics: vec!["x".to_owned()] },
            ServerFrame::Ping { status_code: Some(200), status_content: Some("OK".into()) },
            ServerFrame::Chat { content: "{\"Id\":\"\u{1F600}\\\"\"}".into() },
            ServerFrame::GatewayError { message: "Forbidden".into() },
        ] {
            assert_eq!(ServerFrame::parse(&frame.to_text()).unwrap(), frame);
        }
        assert_eq!(
            PING_OK,
            ServerFrame::Ping { status_code: Some(200), status_content: Some("OK".into()) }
                .to_text()
        );
    }

    #[test]
    fn a_chat_frame_with_an_object_is_not_an_item() {
        // S204: the original drops it.
        let frame = r#"{"topic":"aws/chat","content":{"Id":"1"}}"#;
        assert_eq!(
            ServerFrame::parse(frame).unwrap(),
            ServerFrame::Other { topic: CHAT_TOPIC.into() }
        );
    }
}
