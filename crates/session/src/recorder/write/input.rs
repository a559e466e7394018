//! Inputs.

use chatloom_wire::{
    ContactId, ItemId,
    participant::{GetTranscriptRequest, ScanDirection, SortOrder},
};

use super::{Line, item_head, level};
use crate::{
    Behaviour, Call, ForeignEvent, HttpAnswer, Input, Outgoing, Role, SessionOptions, Source,
    recorder::redact::filler,
};

impl Line<'_> {
    pub(super) fn input(&mut self, input: &Input) {
        match input {
            Input::Create { session, options } => {
                self.word("in", "create");
                self.unsigned("session", session.0.into());
                self.inside("options", |line| line.options(options));
            }
            Input::Forget { session } => {
                self.word("in", "forget");
                self.unsigned("session", session.0.into());
            }
            Input::Restore { session, options, snapshot } => {
                self.word("in", "restore");
                self.unsigned("session", session.0.into());
                self.inside("options", |line| line.options(options));
                self.json("snapshot", snapshot);
            }
            Input::Resume { session, token } => {
                self.word("in", "resume");
                self.unsigned("session", session.0.into());
                self.secret("token", token.expose());
            }
            Input::Track { session } => {
                self.word("in", "track");
                self.unsigned("session", session.0.into());
            }
            Input::Call { session, call, what } => {
                self.word("in", "call");
                self.unsigned("session", session.0.into());
                self.unsigned("call", call.0);
                self.call(what);
            }
            Input::Cancel { call } => {
                self.word("in", "cancel");
                self.unsigned("call", call.0);
            }
            Input::Answered { request, answer } => {
                self.word("in", "answered");
                self.unsigned("request", request.0);
                self.answer(answer);
            }
            Input::Failed { request, message } => {
                self.word("in", "failed");
                self.unsigned("request", request.0);
                self.prose("message", message);
            }
            Input::Progress { request, sent } => {
                self.word("in", "progress");
                self.unsigned("request", request.0);
                self.unsigned("sent", *sent);
            }
            Input::Token { request, token } => {
                self.word("in", "token");
                self.unsigned("request", request.0);
                match token {
                    Ok(token) => {
                        self.secret("token", token.token.expose());
                        self.some_kept("expiry", token.expiry.as_deref());
                    }
                    Err(message) => self.prose("message", message),
                }
            }
            Input::Foreign { foreign, event } => {
                self.word("in", "foreign");
                self.unsigned("foreign", foreign.0.into());
                self.foreign(event);
            }
            Input::HandlerFailed { session, handler } => {
                self.word("in", "handler_failed");
                self.unsigned("session", session.0.into());
                self.kept("handler", handler);
            }
            Input::SocketOpened { socket } => {
                self.word("in", "socket_opened");
                self.unsigned("socket", socket.0);
            }
            Input::SocketText { socket, text } => {
                self.word("in", "socket_text");
                self.unsigned("socket", socket.0);
                self.json("text", text);
            }
            Input::SocketItem { socket, item, head } => {
                self.word("in", "socket_item");
                self.unsigned("socket", socket.0);
                self.unsigned("item", item.0);
                self.object.json("head", &item_head(head));
            }
            Input::SocketClosed { socket, code, reason } => {
                self.word("in", "socket_closed");
                self.unsigned("socket", socket.0);
                if let Some(code) = code {
                    self.unsigned("code", (*code).into());
                }
                self.prose("reason", reason);
            }
            Input::Network { online } => {
                self.word("in", "network");
                self.flag("online", *online);
            }
            Input::Visibility { visible } => {
                self.word("in", "visibility");
                self.flag("visible", *visible);
            }
            Input::Time => self.word("in", "time"),
        }
    }

    fn options(&mut self, options: &SessionOptions) {
        let SessionOptions {
            behaviour,
            endpoint,
            contact_id,
            initial_contact_id,
            participant_id,
            participant_token,
            user_agent,
            role,
            source,
            retry,
            typing_throttle_ms,
            receipts,
            receipt_throttle_ms,
            most_entries,
            log_level,
            persist,
            replay,
        } = options;
        self.word(
            "behaviour",
            match behaviour {
                Behaviour::Compat => "compat",
                Behaviour::Chatloom => "chatloom",
            },
        );
        self.word("endpoint", endpoint);
        self.kept("contact_id", contact_id.as_str());
        self.kept("initial_contact_id", initial_contact_id.as_str());
        self.kept("participant_id", participant_id.as_str());
        self.secret("participant_token", participant_token.expose());
        self.kept("user_agent", user_agent);
        self.word(
            "role",
            match role {
                Role::Customer => "customer",
                Role::Agent => "agent",
            },
        );
        let (source, foreign) = match source {
            Source::Service => ("service", None),
            Source::Host { foreign } => ("host", *foreign),
            Source::Foreign(foreign) => ("foreign", Some(*foreign)),
        };
        self.word("source", source);
        if let Some(foreign) = foreign {
            self.unsigned("foreign", foreign.0.into());
        }
        self.unsigned("attempts", retry.attempts.into());
        self.unsigned("base_ms", retry.base_ms);
        self.unsigned("throttled_base_ms", retry.throttled_base_ms);
        self.unsigned("cap_ms", retry.cap_ms);
        self.unsigned("typing_throttle_ms", *typing_throttle_ms);
        self.flag("receipts", *receipts);
        self.unsigned("receipt_throttle_ms", *receipt_throttle_ms);
        self.unsigned("most_entries", *most_entries as u64);
        self.word("log_level", level(*log_level));
        self.flag("persist", *persist);
        self.flag("replay", *replay);
    }

    fn call(&mut self, what: &Call) {
        match what {
            Call::Connect => self.word("what", "connect"),
            Call::SendMessage(message) => self.outgoing("send_message", message),
            Call::SendEvent(event) => self.outgoing("send_event", event),
            Call::GetTranscript(request) => {
                self.word("what", "get_transcript");
                self.inside("request", |line| line.transcript_request(request));
            }
            Call::DisconnectParticipant => self.word("what", "disconnect_participant"),
            Call::SendAttachment(attachment) => {
                self.word("what", "send_attachment");
                self.word("name", &filler(&attachment.name));
                self.unsigned("size", attachment.size);
                self.kept("content_type", &attachment.content_type);
            }
            Call::DownloadAttachment { attachment_id } => {
                self.word("what", "download_attachment");
                self.kept("attachment_id", attachment_id.as_str());
            }
            Call::GetAttachmentUrl { attachment_id } => {
                self.word("what", "get_attachment_url");
                self.kept("attachment_id", attachment_id.as_str());
            }
            Call::DescribeView { view_token } => {
                self.word("what", "describe_view");
                self.secret("view_token", view_token);
            }
            Call::GetAuthenticationUrl { redirect_uri, session_id } => {
                self.word("what", "get_authentication_url");
                self.secret("redirect_uri", redirect_uri);
                self.secret("session_id", session_id);
            }
            Call::CancelParticipantAuthentication { session_id } => {
                self.word("what", "cancel_participant_authentication");
                self.secret("session_id", session_id);
            }
            Call::MarkRead { item } => {
                self.word("what", "mark_read");
                self.kept("item", item.as_str());
            }
            Call::MarkDelivered { item } => {
                self.word("what", "mark_delivered");
                self.kept("item", item.as_str());
            }
            Call::LoadOlder { count } => {
                self.word("what", "load_older");
                self.unsigned("count", (*count).into());
            }
            Call::FillGap { gap } => {
                self.word("what", "fill_gap");
                self.unsigned("gap", gap.0.into());
            }
            Call::Resend { key } => {
                self.word("what", "resend");
                self.unsigned("key", key.0);
            }
            Call::Discard { key } => {
                self.word("what", "discard");
                self.unsigned("key", key.0);
            }
        }
    }

    fn outgoing(&mut self, what: &str, outgoing: &Outgoing) {
        self.word("what", what);
        self.kept("content_type", outgoing.content_type.as_str());
        if let Some(content) = &outgoing.content {
            self.object.text("content", &self.redactor.content(content));
        }
        self.some_kept("client_token", outgoing.client_token.as_deref());
    }

    fn transcript_request(&mut self, request: &GetTranscriptRequest) {
        let GetTranscriptRequest {
            contact_id,
            max_results,
            next_token,
            scan_direction,
            sort_order,
            start_position,
        } = request;
        self.some_kept("contact_id", contact_id.as_ref().map(ContactId::as_str));
        if let Some(count) = max_results {
            self.object.number("max_results", *count);
        }
        if let Some(token) = next_token {
            self.secret("next_token", token);
        }
        self.some_kept("scan_direction", scan_direction.as_ref().map(ScanDirection::as_str));
        self.some_kept("sort_order", sort_order.as_ref().map(SortOrder::as_str));
        if let Some(start) = start_position {
            self.inside("start_position", |line| {
                line.some_kept("id", start.id.as_ref().map(ItemId::as_str));
                line.some_kept("absolute_time", start.absolute_time.as_deref());
                if let Some(count) = start.most_recent {
                    line.object.number("most_recent", count);
                }
            });
        }
    }

    fn answer(&mut self, answer: &HttpAnswer) {
        self.unsigned("status", answer.status.into());
        self.some_kept("error_type", answer.error_type.as_deref());
        self.some_kept("request_id", answer.request_id.as_deref());
        if let Some(wait) = answer.retry_after_ms {
            self.unsigned("retry_after_ms", wait);
        }
        self.json("body", &answer.body);
    }

    fn foreign(&mut self, event: &ForeignEvent) {
        match event {
            ForeignEvent::Gained => self.word("event", "gained"),
            ForeignEvent::Lost => self.word("event", "lost"),
            ForeignEvent::Broken => self.word("event", "broken"),
            ForeignEvent::DeepHeartbeat { success } => {
                self.word("event", "deep_heartbeat");
                self.flag("success", *success);
            }
            ForeignEvent::Text(text) => {
                self.word("event", "text");
                self.json("text", text);
            }
            ForeignEvent::Item { item, head } => {
                self.word("event", "item");
                self.unsigned("item", item.0);
                self.object.json("head", &item_head(head));
            }
        }
    }
}
