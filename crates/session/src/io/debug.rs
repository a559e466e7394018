//! What inputs, outputs, calls and values look like in `Debug`: which, and their numbers, without
//! content and without secrets.

use std::fmt::{Debug, Formatter, Result};

use crate::{Call, ForeignEvent, Input, Output, Value};

/// Members by their names; there are more.
fn some(f: &mut Formatter<'_>, name: &str, members: &[(&str, &dyn Debug)]) -> Result {
    let mut shown = f.debug_struct(name);
    for (name, member) in members {
        shown.field(name, member);
    }
    shown.finish_non_exhaustive()
}

impl Debug for Input {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Create { session, options } => {
                some(f, "Create", &[("session", session), ("options", options)])
            }
            Self::Forget { session } => some(f, "Forget", &[("session", session)]),
            Self::Restore { session, options, snapshot: _ } => {
                some(f, "Restore", &[("session", session), ("options", options)])
            }
            Self::Resume { session, token: _ } => some(f, "Resume", &[("session", session)]),
            Self::Track { session } => some(f, "Track", &[("session", session)]),
            Self::Call { session, call, what } => {
                some(f, "Call", &[("session", session), ("call", call), ("what", what)])
            }
            Self::Cancel { call } => some(f, "Cancel", &[("call", call)]),
            Self::Answered { request, answer } => {
                some(f, "Answered", &[("request", request), ("answer", answer)])
            }
            Self::Failed { request, message } => {
                some(f, "Failed", &[("request", request), ("message", message)])
            }
            Self::Progress { request, sent } => {
                some(f, "Progress", &[("request", request), ("sent", sent)])
            }
            Self::Token { request, token } => {
                some(f, "Token", &[("request", request), ("token", token)])
            }
            Self::Foreign { foreign, event } => {
                some(f, "Foreign", &[("foreign", foreign), ("event", event)])
            }
            Self::HandlerFailed { session, handler } => {
                some(f, "HandlerFailed", &[("session", session), ("handler", handler)])
            }
            Self::SocketOpened { socket } => some(f, "SocketOpened", &[("socket", socket)]),
            Self::SocketText { socket, text } => {
                some(f, "SocketText", &[("socket", socket), ("bytes", &text.len())])
            }
            Self::SocketItem { socket, item, head } => {
                some(f, "SocketItem", &[("socket", socket), ("item", item), ("head", head)])
            }
            Self::SocketClosed { socket, code, reason } => {
                let members: [(&str, &dyn Debug); 3] =
                    [("socket", socket), ("code", code), ("reason", reason)];
                some(f, "SocketClosed", &members)
            }
            Self::Network { online } => some(f, "Network", &[("online", online)]),
            Self::Visibility { visible } => some(f, "Visibility", &[("visible", visible)]),
            Self::Time => f.write_str("Time"),
        }
    }
}

impl Debug for ForeignEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Gained => f.write_str("Gained"),
            Self::Lost => f.write_str("Lost"),
            Self::Broken => f.write_str("Broken"),
            Self::DeepHeartbeat { success } => some(f, "DeepHeartbeat", &[("success", success)]),
            Self::Text(text) => some(f, "Text", &[("bytes", &text.len())]),
            Self::Item { item, head } => some(f, "Item", &[("item", item), ("head", head)]),
        }
    }
}

impl Debug for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Connect => f.write_str("Connect"),
            Self::SendMessage(message) => f.debug_tuple("SendMessage").field(message).finish(),
            Self::SendEvent(event) => f.debug_tuple("SendEvent").field(event).finish(),
            Self::GetTranscript(request) => f.debug_tuple("GetTranscript").field(request).finish(),
            Self::DisconnectParticipant => f.write_str("DisconnectParticipant"),
            Self::SendAttachment(file) => f.debug_tuple("SendAttachment").field(file).finish(),
            Self::DownloadAttachment { attachment_id } => {
                some(f, "DownloadAttachment", &[("attachment_id", attachment_id)])
            }
            Self::GetAttachmentUrl { attachment_id } => {
                some(f, "GetAttachmentUrl", &[("attachment_id", attachment_id)])
            }
            // What these name lets its bearer in.
            Self::DescribeView { .. } => some(f, "DescribeView", &[]),
            Self::GetAuthenticationUrl { .. } => some(f, "GetAuthenticationUrl", &[]),
            Self::CancelParticipantAuthentication { .. } => {
                some(f, "CancelParticipantAuthentication", &[])
            }
            Self::MarkRead { item } => some(f, "MarkRead", &[("item", item)]),
            Self::MarkDelivered { item } => some(f, "MarkDelivered", &[("item", item)]),
            Self::LoadOlder { count } => some(f, "LoadOlder", &[("count", count)]),
            Self::FillGap { gap } => some(f, "FillGap", &[("gap", gap)]),
            Self::Resend { key } => some(f, "Resend", &[("key", key)]),
            Self::Discard { key } => some(f, "Discard", &[("key", key)]),
        }
    }
}

impl Debug for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Http(http) => f.debug_tuple("Http").field(http).finish(),
            Self::AbortHttp { request } => some(f, "AbortHttp", &[("request", request)]),
            Self::OpenSocket { socket, url: _ } => some(f, "OpenSocket", &[("socket", socket)]),
            Self::SendText { socket, text } => {
                some(f, "SendText", &[("socket", socket), ("text", text)])
            }
            Self::CloseSocket { socket, code, reason } => {
                let members: [(&str, &dyn Debug); 3] =
                    [("socket", socket), ("code", code), ("reason", reason)];
                some(f, "CloseSocket", &members)
            }
            Self::Event { session, event } => {
                some(f, "Event", &[("session", session), ("event", event)])
            }
            Self::Done { session, call, result } => {
                some(f, "Done", &[("session", session), ("call", call), ("result", result)])
            }
            Self::Release { item } => some(f, "Release", &[("item", item)]),
            Self::Upload(upload) => f.debug_tuple("Upload").field(upload).finish(),
            Self::Download { request, session, url: _ } => {
                some(f, "Download", &[("request", request), ("session", session)])
            }
            Self::NeedToken { request, session } => {
                some(f, "NeedToken", &[("request", request), ("session", session)])
            }
            Self::JoinForeign { foreign } => some(f, "JoinForeign", &[("foreign", foreign)]),
            Self::LeaveForeign { foreign } => some(f, "LeaveForeign", &[("foreign", foreign)]),
            Self::Persist { session, snapshot } => {
                let bytes = snapshot.as_ref().map(String::len);
                some(f, "Persist", &[("session", session), ("bytes", &bytes)])
            }
            Self::Log { session, level, text } => {
                some(f, "Log", &[("session", session), ("level", level), ("text", text)])
            }
            Self::Wake(at_ms) => f.debug_tuple("Wake").field(at_ms).finish(),
        }
    }
}

impl Debug for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Connected { status } => some(f, "Connected", &[("status", status)]),
            Self::Answered(answer) => f.debug_tuple("Answered").field(answer).finish(),
            Self::Repeated { earlier } => some(f, "Repeated", &[("earlier", earlier)]),
            Self::AlreadyFired => f.write_str("AlreadyFired"),
            Self::Url { url: _, expiry } => some(f, "Url", &[("expiry", expiry)]),
            Self::Downloaded { request, status } => {
                some(f, "Downloaded", &[("request", request), ("status", status)])
            }
            Self::Loaded { count, at_beginning } => {
                some(f, "Loaded", &[("count", count), ("at_beginning", at_beginning)])
            }
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}
