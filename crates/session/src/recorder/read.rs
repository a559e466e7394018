//! Lines of a recording as inputs.

use std::sync::Arc;

use chatloom_wire::participant::{GetTranscriptRequest, StartPosition};

use crate::{
    Behaviour, Call, CallId, EntryKey, ForeignEvent, ForeignId, GapId, HostToken, HttpAnswer,
    Input, ItemHandle, LogLevel, NewAttachment, Now, Outgoing, RequestId, RetryPolicy, Role,
    SessionId, SessionOptions, SocketId, Source,
    json::{self, Raw},
    read,
};

/// The members of a line.
pub(super) struct Line<'a>(Vec<(Box<str>, Raw<'a>)>);

impl<'a> Line<'a> {
    /// `None` when this is no JSON object.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut members = Vec::new();
        json::object(text, &mut |name, value| members.push((name.into(), value))).ok()?;
        Some(Self(members))
    }

    pub(super) fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.0.iter().rev().find(|(held, _)| &**held == name).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.text().map(Into::into)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.integer()
    }

    pub(super) fn unsigned(&self, name: &str) -> Option<u64> {
        self.number(name).map(i64::cast_unsigned)
    }

    fn small<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.number(name)?.try_into().ok()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.boolean()
    }

    fn inside(&self, name: &str) -> Option<Self> {
        Self::parse(self.get(name)?.json())
    }

    fn id<T: for<'b> From<&'b str>>(&self, name: &str) -> Option<T> {
        self.get(name)?.text().map(|text| T::from(&text))
    }

    fn session(&self) -> Option<SessionId> {
        self.small("session").map(SessionId)
    }

    fn request(&self) -> Option<RequestId> {
        self.unsigned("request").map(RequestId)
    }

    fn socket(&self) -> Option<SocketId> {
        self.unsigned("socket").map(SocketId)
    }

    fn item(&self) -> Option<(ItemHandle, Arc<chatloom_wire::ItemHead>)> {
        let item = ItemHandle(self.unsigned("item")?);
        let head = read::item(self.get("head")?.json())?.head().clone();
        Some((item, Arc::new(head)))
    }

    /// The input of this line with its time; `None` when it is none that this version knows.
    pub(super) fn input(&self) -> Option<(Now, Input)> {
        let now = Now { mono_ms: self.unsigned("at")?, wall_ms: self.number("wall")? };
        let input = match &*self.text("in")? {
            "create" => Input::Create { session: self.session()?, options: self.options()? },
            "forget" => Input::Forget { session: self.session()? },
            "restore" => Input::Restore {
                session: self.session()?,
                options: self.options()?,
                snapshot: self.text("snapshot")?,
            },
            "resume" => Input::Resume { session: self.session()?, token: self.id("token")? },
            "track" => Input::Track { session: self.session()? },
            "call" => Input::Call {
                session: self.session()?,
                call: CallId(self.unsigned("call")?),
                what: self.call()?,
            },
            "cancel" => Input::Cancel { call: CallId(self.unsigned("call")?) },
            "answered" => Input::Answered { request: self.request()?, answer: self.answer()? },
            "failed" => Input::Failed { request: self.request()?, message: self.text("message")? },
            "progress" => {
                Input::Progress { request: self.request()?, sent: self.unsigned("sent")? }
            }
            "token" => Input::Token {
                request: self.request()?,
                token: match self.id("token") {
                    Some(token) => Ok(HostToken { token, expiry: self.text("expiry") }),
                    None => Err(self.text("message")?),
                },
            },
            "foreign" => Input::Foreign {
                foreign: ForeignId(self.small("foreign")?),
                event: self.foreign()?,
            },
            "handler_failed" => {
                Input::HandlerFailed { session: self.session()?, handler: self.text("handler")? }
            }
            "socket_opened" => Input::SocketOpened { socket: self.socket()? },
            "socket_text" => Input::SocketText { socket: self.socket()?, text: self.text("text")? },
            "socket_item" => {
                let (item, head) = self.item()?;
                Input::SocketItem { socket: self.socket()?, item, head }
            }
            "socket_closed" => Input::SocketClosed {
                socket: self.socket()?,
                code: self.small("code"),
                reason: self.text("reason")?,
            },
            "network" => Input::Network { online: self.flag("online")? },
            "visibility" => Input::Visibility { visible: self.flag("visible")? },
            "time" => Input::Time,
            _ => return None,
        };
        Some((now, input))
    }

    fn options(&self) -> Option<Box<SessionOptions>> {
        let line = self.inside("options")?;
        let foreign = line.small("foreign").map(ForeignId);
        Some(Box::new(SessionOptions {
            behaviour: match &*line.text("behaviour")? {
                "compat" => Behaviour::Compat,
                "chatloom" => Behaviour::Chatloom,
                _ => return None,
            },
            endpoint: line.text("endpoint")?,
            contact_id: line.id("contact_id")?,
            initial_contact_id: line.id("initial_contact_id")?,
            participant_id: line.id("participant_id")?,
            participant_token: line.id("participant_token")?,
            user_agent: line.text("user_agent")?,
            role: match &*line.text("role")? {
                "customer" => Role::Customer,
                "agent" => Role::Agent,
                _ => return None,
            },
            source: match &*line.text("source")? {
                "service" => Source::Service,
                "host" => Source::Host { foreign },
                "foreign" => Source::Foreign(foreign?),
                _ => return None,
            },
            retry: RetryPolicy {
                attempts: line.small("attempts")?,
                base_ms: line.unsigned("base_ms")?,
                throttled_base_ms: line.unsigned("throttled_base_ms")?,
                cap_ms: line.unsigned("cap_ms")?,
            },
            typing_throttle_ms: line.unsigned("typing_throttle_ms")?,
            receipts: line.flag("receipts")?,
            receipt_throttle_ms: line.unsigned("receipt_throttle_ms")?,
            most_entries: line.unsigned("most_entries")?.try_into().ok()?,
            log_level: match &*line.text("log_level")? {
                "debug" => LogLevel::Debug,
                "info" => LogLevel::Info,
                "warn" => LogLevel::Warn,
                "error" => LogLevel::Error,
                _ => return None,
            },
            persist: line.flag("persist")?,
            // Recordings of earlier versions do not say it.
            replay: line.flag("replay").unwrap_or(false),
        }))
    }

    fn call(&self) -> Option<Call> {
        Some(match &*self.text("what")? {
            "connect" => Call::Connect,
            "send_message" => Call::SendMessage(self.outgoing()?),
            "send_event" => Call::SendEvent(self.outgoing()?),
            "get_transcript" => {
                Call::GetTranscript(Box::new(self.inside("request")?.transcript_request()))
            }
            "disconnect_participant" => Call::DisconnectParticipant,
            "send_attachment" => Call::SendAttachment(NewAttachment {
                name: self.text("name")?,
                size: self.unsigned("size")?,
                content_type: self.text("content_type")?,
            }),
            "download_attachment" => {
                Call::DownloadAttachment { attachment_id: self.id("attachment_id")? }
            }
            "get_attachment_url" => {
                Call::GetAttachmentUrl { attachment_id: self.id("attachment_id")? }
            }
            "describe_view" => Call::DescribeView { view_token: self.text("view_token")? },
            "get_authentication_url" => Call::GetAuthenticationUrl {
                redirect_uri: self.text("redirect_uri")?,
                session_id: self.text("session_id")?,
            },
            "cancel_participant_authentication" => {
                Call::CancelParticipantAuthentication { session_id: self.text("session_id")? }
            }
            "mark_read" => Call::MarkRead { item: self.id("item")? },
            "mark_delivered" => Call::MarkDelivered { item: self.id("item")? },
            "load_older" => Call::LoadOlder { count: self.small("count")? },
            "fill_gap" => Call::FillGap { gap: GapId(self.small("gap")?) },
            "resend" => Call::Resend { key: EntryKey(self.unsigned("key")?) },
            "discard" => Call::Discard { key: EntryKey(self.unsigned("key")?) },
            _ => return None,
        })
    }

    fn outgoing(&self) -> Option<Outgoing> {
        Some(Outgoing {
            content_type: self.id("content_type")?,
            content: self.text("content"),
            client_token: self.text("client_token"),
        })
    }

    fn transcript_request(&self) -> GetTranscriptRequest {
        GetTranscriptRequest {
            contact_id: self.id("contact_id"),
            max_results: self.number("max_results"),
            next_token: self.text("next_token"),
            scan_direction: self.id("scan_direction"),
            sort_order: self.id("sort_order"),
            start_position: self.inside("start_position").map(|start| StartPosition {
                id: start.id("id"),
                absolute_time: start.text("absolute_time"),
                most_recent: start.number("most_recent"),
            }),
        }
    }

    fn answer(&self) -> Option<HttpAnswer> {
        Some(HttpAnswer {
            status: self.small("status")?,
            error_type: self.text("error_type"),
            request_id: self.text("request_id"),
            retry_after_ms: self.unsigned("retry_after_ms"),
            body: self.text("body")?,
        })
    }

    fn foreign(&self) -> Option<ForeignEvent> {
        Some(match &*self.text("event")? {
            "gained" => ForeignEvent::Gained,
            "lost" => ForeignEvent::Lost,
            "broken" => ForeignEvent::Broken,
            "deep_heartbeat" => ForeignEvent::DeepHeartbeat { success: self.flag("success")? },
            "text" => ForeignEvent::Text(self.text("text")?),
            "item" => {
                let (item, head) = self.item()?;
                ForeignEvent::Item { item, head }
            }
            _ => return None,
        })
    }
}
