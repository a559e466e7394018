//! Calls of the application: requests, attempts, retries, and a second try after a refused token.

pub(crate) mod attachments;
pub(crate) mod horizon;
pub(crate) mod outbox;
pub(crate) mod receipts;

use chatloom_wire::{
    ConnectionToken, ContactId, ContentType, ItemId, ServiceError,
    participant::{
        CancelParticipantAuthentication, CancelParticipantAuthenticationRequest,
        CompleteAttachmentUpload, DescribeView, DisconnectParticipant, GetAuthenticationUrl,
        GetAuthenticationUrlRequest, GetTranscript, GetTranscriptRequest, Invalid, Operation,
        ScanDirection, SendEvent, SendMessage, SortOrder, check_client_token, check_content,
    },
};

use crate::{
    Answer, CHATLOOM, Call, CallError, CallId, HttpAnswer, Outgoing, Output, RequestId, Value,
    calls::receipts::Kind,
    classify,
    core::Cx,
    json::{self, Writer},
    link::{ENDLESS_BASE_MS, ENDLESS_CAP_MS, Phase, RETRY_AFTER_CAP_MS, is_passing},
    session::Session,
    timers::Timer,
};

/// What a page of the transcript holds when the application does not say
/// (docs/protocol/websocket.md S68).
const PAGE_SIZE: i64 = 15;
/// A page of the transcript is asked for with so many new tokens: to give it up leaves a gap.
const RECOVERY_REPLAYS: u8 = 3;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The application.
    Call(CallId),
    /// The outbox, for its first message.
    Outbox,
    /// A reading of the transcript.
    Reading {
        /// Which.
        id: u32,
        /// Whether it goes on through everything that passes.
        endless: bool,
    },
    /// The file of this call, which takes several requests.
    File(CallId),
    /// Compat: the receipt of this number.
    Receipt(u32),
    /// Chatloom: how far this participant has come.
    Horizon(Kind),
}

/// A request with all its attempts.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) id: u64,
    owner: Owner,
    operation: &'static str,
    path: Box<str>,
    /// Empty for a `GET`.
    body: String,
    attempts: u32,
    most_attempts: u32,
    waited_ms: u64,
    /// The service said when to come back.
    told_to_wait: bool,
    request: Option<RequestId>,
    bearer: Option<ConnectionToken>,
    /// How often it was made again with a new token.
    replays: u8,
    most_replays: u8,
    /// It was refused and waits for a new token.
    denied: Option<ServiceError>,
}

/// The typing event that was sent last.
#[derive(Debug)]
pub(crate) struct Typing {
    at_ms: u64,
    call: CallId,
    /// How it ended, if it has.
    ended: Option<Result<(), CallError>>,
    /// The calls that get the same answer.
    followers: Vec<CallId>,
}

/// The caller's client token, or a new one: an empty one makes no repeat harmless
/// (docs/protocol/websocket.md S66).
fn client_token(cx: &mut Cx, what: &Outgoing) -> String {
    let given = what.client_token.as_ref().filter(|token| !token.is_empty());
    given.cloned().unwrap_or_else(|| cx.rng.uuid())
}

/// The body of SendMessage and SendEvent (docs/protocol/websocket.md S66, S85).
fn outgoing(what: &Outgoing, client_token: &str, content: Option<&str>) -> Writer {
    let mut body = Writer::new();
    body.text("ClientToken", client_token);
    body.some_text("Content", content);
    body.text("ContentType", classify::sent_type_text(&what.content_type));
    body
}

/// The body of SendMessage for a message that has its client token.
pub(crate) fn message_body(message: &Outgoing) -> String {
    let token = message.client_token.as_deref().unwrap_or_default();
    outgoing(message, token, Some(message.content.as_deref().unwrap_or_default())).finish()
}

/// The body of GetTranscript, with the members that were given.
pub(crate) fn transcript_request(request: &GetTranscriptRequest) -> String {
    let mut body = Writer::new();
    body.some_text("ContactId", request.contact_id.as_ref().map(ContactId::as_str));
    if let Some(count) = request.max_results {
        body.number("MaxResults", count);
    }
    body.some_text("NextToken", request.next_token.as_deref());
    body.some_text("ScanDirection", request.scan_direction.as_ref().map(ScanDirection::as_str));
    body.some_text("SortOrder", request.sort_order.as_ref().map(SortOrder::as_str));
    if let Some(start) = &request.start_position {
        let mut position = Writer::new();
        position.some_text("Id", start.id.as_ref().map(ItemId::as_str));
        position.some_text("AbsoluteTime", start.absolute_time.as_deref());
        if let Some(count) = start.most_recent {
            position.number("MostRecent", count);
        }
        body.json("StartPosition", &position.finish());
    }
    body.finish()
}

/// Content types of files, which the original takes for messages and events as well
/// (docs/protocol/websocket.md S191).
const FILE_TYPES: [&str; 13] = [
    "text/csv",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/pdf",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "image/jpeg",
    "image/png",
    "audio/wav",
    "audio/x-wav",
    "audio/vnd.wave",
];

/// Checks that the original takes a content type (docs/protocol/websocket.md S64, S191). The host of a
/// core without Chatloom behaviour is the browser package, which has thrown before.
fn check_type(content_type: &ContentType) -> Result<(), Invalid> {
    let takes = match content_type {
        _ if !CHATLOOM => true,
        ContentType::Attachment | ContentType::MessageMetadata => false,
        ContentType::Other(text) => FILE_TYPES.contains(&&**text),
        _ => true,
    };
    require(takes, "ContentType", "a content type of the chat or of a file")
}

/// Whether the content of an event is JSON text (docs/protocol/websocket.md S86). The host of a core
/// without Chatloom behaviour has parsed it.
fn is_json(content: Option<&str>) -> bool {
    !CHATLOOM || content.is_none_or(json::is_json)
}

fn require(holds: bool, member: &'static str, rule: &'static str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid { member, rule }) }
}

/// Calls that the original also makes when the chat is over (docs/protocol/websocket.md S58).
fn outlives_chat(operation: &str) -> bool {
    matches!(
        operation,
        DescribeView::NAME | GetAuthenticationUrl::NAME | CancelParticipantAuthentication::NAME
    )
}

/// Requests that leave nothing behind when they are broken off.
fn only_reads(operation: &str) -> bool {
    matches!(operation, GetTranscript::NAME | DescribeView::NAME | GetAuthenticationUrl::NAME)
}

impl From<Invalid> for CallError {
    fn from(Invalid { member, rule }: Invalid) -> Self {
        Self::Invalid { member, rule }
    }
}

impl Exchange {
    fn is_endless(&self) -> bool {
        matches!(
            self.owner,
            Owner::Outbox | Owner::Reading { endless: true, .. } | Owner::Horizon(_)
        )
    }

    pub(crate) fn abort(&self, cx: &mut Cx) {
        if let Some(request) = self.request {
            cx.abort(request);
        }
    }
}

impl Session {
    pub(crate) fn call(&mut self, cx: &mut Cx, call: CallId, what: Call) {
        match what {
            Call::Connect => self.connect(cx, call),
            Call::SendMessage(message) => self.send_message(cx, call, message),
            Call::SendEvent(event) => self.send_event(cx, call, &event),
            Call::GetTranscript(request) => self.get_transcript(cx, call, *request),
            Call::SendAttachment(file) => self.send_attachment(cx, call, file),
            Call::DownloadAttachment { attachment_id } => {
                self.find_attachment(cx, call, attachment_id, true);
            }
            Call::GetAttachmentUrl { attachment_id } => {
                self.find_attachment(cx, call, attachment_id, false);
            }
            Call::DescribeView { view_token } => {
                // Without a token the path names no view; the SDK refuses that as well.
                let fits = if self.is_compat() {
                    require(!view_token.is_empty(), "ViewToken", "at least 1 character")
                } else {
                    DescribeView::check(&view_token)
                };
                let path = DescribeView::path(&view_token);
                self.request(cx, call, DescribeView::NAME, &path, String::new(), fits);
            }
            Call::GetAuthenticationUrl { redirect_uri, session_id } => {
                let request = GetAuthenticationUrlRequest { session_id, redirect_uri };
                let mut body = Writer::new();
                body.text("SessionId", &request.session_id);
                body.text("RedirectUri", &request.redirect_uri);
                let fits = self.limit(|| request.check());
                self.post_body::<GetAuthenticationUrl>(cx, call, body, fits);
            }
            Call::CancelParticipantAuthentication { session_id } => {
                let request = CancelParticipantAuthenticationRequest { session_id };
                let mut body = Writer::new();
                body.text("SessionId", &request.session_id);
                let fits = self.limit(|| request.check());
                self.post_body::<CancelParticipantAuthentication>(cx, call, body, fits);
            }
            Call::DisconnectParticipant => {
                let mut body = Writer::new();
                body.text("ClientToken", &cx.rng.uuid());
                self.post_body::<DisconnectParticipant>(cx, call, body, Ok(()));
            }
            _ if !CHATLOOM => {
                let rule = "part of this build";
                self.done(cx, call, Err(CallError::Invalid { member: "call", rule }));
            }
            Call::Resend { key } => self.resend(cx, call, key),
            Call::Discard { key } => self.discard(cx, call, key),
            Call::LoadOlder { count } => self.load_older(cx, call, count),
            Call::FillGap { gap } => self.fill_gap(cx, call, gap),
            Call::MarkRead { item } => self.mark_item(cx, call, Kind::Read, item),
            Call::MarkDelivered { item } => self.mark_item(cx, call, Kind::Delivered, item),
        }
    }

    /// A modelled limit: the original leaves it to the service (docs/protocol/websocket.md S67).
    pub(crate) fn limit(&self, check: impl FnOnce() -> Result<(), Invalid>) -> Result<(), Invalid> {
        if self.is_compat() { Ok(()) } else { check() }
    }

    fn send_message(&mut self, cx: &mut Cx, call: CallId, mut message: Outgoing) {
        // An empty token is none, here as for events.
        message.client_token = message.client_token.filter(|token| !token.is_empty());
        let content = message.content.as_deref().unwrap_or_default();
        let fits = if self.is_compat() {
            check_type(&message.content_type)
        } else {
            check_content(content)
                .and_then(|()| check_client_token(message.client_token.as_deref()))
        };
        if self.is_compat() {
            let token = client_token(cx, &message);
            let body = outgoing(&message, &token, Some(content));
            if fits.is_ok() && self.can_call(SendMessage::NAME) {
                self.message_started(call, &message);
            }
            self.post_body::<SendMessage>(cx, call, body, fits);
        } else if let (Err(invalid), Phase::Connecting | Phase::Live) = (fits, self.link.phase) {
            self.done(cx, call, Err(invalid.into()));
        } else {
            self.post(cx, call, message);
        }
    }

    fn send_event(&mut self, cx: &mut Cx, call: CallId, event: &Outgoing) {
        // Nothing is as good as none (docs/protocol/websocket.md S85).
        let content = event.content.as_deref().filter(|content| !content.is_empty());
        let fits = if self.is_compat() {
            check_type(&event.content_type)
                .and_then(|()| require(is_json(content), "Content", "JSON text"))
        } else {
            content
                .map_or(Ok(()), check_content)
                .and_then(|()| check_client_token(event.client_token.as_deref()))
        };
        let is_typing = event.content_type == ContentType::Typing;
        if is_typing && fits.is_ok() && self.can_call(SendEvent::NAME) {
            // One that is still under way has followers that wait for it, however long it takes.
            let throttle_ms = self.options.typing_throttle_ms;
            if let Some(last) = &mut self.typing
                && (last.ended.is_none() || cx.now.mono_ms.saturating_sub(last.at_ms) < throttle_ms)
            {
                let earlier = last.call;
                match last.ended.clone() {
                    None => last.followers.push(call),
                    Some(ended) => {
                        self.done(cx, call, ended.map(|()| Value::Repeated { earlier }));
                    }
                }
                return;
            }
            let at_ms = cx.now.mono_ms;
            self.typing = Some(Typing { at_ms, call, ended: None, followers: Vec::new() });
        }
        if event.content_type.is_receipt() {
            if self.admit(cx, call, SendEvent::NAME, fits) {
                self.send_receipt(cx, call, &event.content_type, content);
            }
            return;
        }
        let token = client_token(cx, event);
        let body = outgoing(event, &token, content);
        self.post_body::<SendEvent>(cx, call, body, fits);
    }

    fn get_transcript(&mut self, cx: &mut Cx, call: CallId, mut request: GetTranscriptRequest) {
        if self.is_compat() {
            request.max_results = request.max_results.filter(|count| *count != 0);
        }
        request.max_results.get_or_insert(PAGE_SIZE);
        request.contact_id = request.contact_id.filter(|id| !id.as_str().is_empty());
        request.next_token = request.next_token.filter(|token| !token.is_empty());
        request.scan_direction.get_or_insert(ScanDirection::Backward);
        request.sort_order.get_or_insert(SortOrder::Ascending);
        request.start_position.get_or_insert_default();
        let fits = self.limit(|| request.check());
        if self.admit(cx, call, GetTranscript::NAME, fits) {
            self.page_asked(call, &request);
            let body = transcript_request(&request);
            self.start(cx, Owner::Call(call), GetTranscript::NAME, GetTranscript::PATH, body);
        }
    }

    /// Whether the service can be asked at all (docs/protocol/websocket.md S57, S58).
    pub(crate) fn can_call(&self, operation: &str) -> bool {
        self.link.token.is_some()
            && (self.link.phase != Phase::Ended || (self.is_compat() && outlives_chat(operation)))
    }

    /// Whether a call can be made; answers it if not. What its arguments are like counts after that
    /// (docs/protocol/websocket.md S65).
    pub(crate) fn admit(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        operation: &'static str,
        fits: Result<(), Invalid>,
    ) -> bool {
        let error = match fits {
            _ if !self.can_call(operation) => CallError::NotConnected { operation },
            Err(invalid) => invalid.into(),
            Ok(()) => return true,
        };
        self.done(cx, call, Err(error));
        false
    }

    /// Makes the request of a call at once.
    fn request(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        operation: &'static str,
        path: &str,
        body: String,
        fits: Result<(), Invalid>,
    ) {
        if self.admit(cx, call, operation, fits) {
            self.start(cx, Owner::Call(call), operation, path, body);
        }
    }

    fn post_body<O: Operation>(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        body: Writer,
        fits: Result<(), Invalid>,
    ) {
        self.request(cx, call, O::NAME, O::PATH, body.finish(), fits);
    }

    /// Begins a request and returns its number. There must be a connection token.
    pub(crate) fn start(
        &mut self,
        cx: &mut Cx,
        owner: Owner,
        operation: &'static str,
        path: &str,
        body: String,
    ) -> u64 {
        self.last_exchange += 1;
        let id = self.last_exchange;
        let most_attempts = match owner {
            Owner::Call(_)
            | Owner::File(_)
            | Owner::Receipt(_)
            | Owner::Reading { endless: false, .. } => self.options.retry.attempts.max(1),
            Owner::Outbox | Owner::Reading { endless: true, .. } | Owner::Horizon(_) => u32::MAX,
        };
        self.exchanges.push(Exchange {
            id,
            owner,
            operation,
            path: path.into(),
            body,
            attempts: 0,
            most_attempts,
            waited_ms: 0,
            told_to_wait: false,
            request: None,
            bearer: None,
            replays: 0,
            most_replays: if matches!(owner, Owner::Reading { .. }) { RECOVERY_REPLAYS } else { 1 },
            denied: None,
        });
        self.attempt(cx, self.exchanges.len() - 1);
        id
    }

    fn attempt(&mut self, cx: &mut Cx, at: usize) {
        let exchange = &self.exchanges[at];
        // What is tried for ever waits for the network; `hurry_exchanges` goes on.
        if exchange.is_endless() && !cx.online {
            return;
        }
        let Some(bearer) = self.link.token.clone() else { return };
        let request = cx.new_request(self.id);
        let http = self.http_request(
            request,
            exchange.operation,
            &exchange.path,
            bearer.expose().to_owned(),
            exchange.body.clone(),
            !self.reads_answer(exchange.owner),
        );
        let exchange = &mut self.exchanges[at];
        exchange.request = Some(request);
        exchange.bearer = Some(bearer);
        exchange.attempts = exchange.attempts.saturating_add(1);
        cx.push(Output::Http(http));
    }

    pub(crate) fn retry_due(&mut self, cx: &mut Cx, id: u64) {
        match self.exchanges.iter().position(|exchange| exchange.id == id) {
            Some(at) => self.attempt(cx, at),
            // The original moves a file once.
            None if self.is_compat() => {}
            None => self.transfer_due(cx, id),
        }
    }

    pub(crate) fn exchange_answered(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        answer: Result<HttpAnswer, String>,
    ) {
        let Some(at) = self.exchanges.iter().position(|exchange| exchange.request == Some(request))
        else {
            return;
        };
        let is_compat = self.is_compat();
        let exchange = &mut self.exchanges[at];
        exchange.request = None;
        let answer = match answer {
            Ok(answer) => answer,
            Err(message) => {
                // A browser's SDK does not repeat a fetch that was rejected (§2.3).
                let again = exchange.is_endless() || !is_compat;
                return self.repeat(cx, at, again, None, false, CallError::Unreachable { message });
            }
        };
        // Of a file that is being completed already the attempt before this one has told, the answer to
        // which was lost (docs/protocol/participant-service.md §2.1).
        let is_told = answer.status == 409
            && exchange.attempts > 1
            && exchange.operation == CompleteAttachmentUpload::NAME
            && !is_compat;
        if is_told || (200..300).contains(&answer.status) {
            let exchange = self.exchanges.remove(at);
            let answer = Answer {
                request,
                request_id: answer.request_id,
                attempts: exchange.attempts,
                retry_delay_ms: exchange.waited_ms,
                body: if is_told { "{}".to_owned() } else { answer.body },
            };
            return self.finish(cx, exchange.owner, Ok(answer));
        }
        let error = cx.error(&answer);
        if answer.status == 403
            && exchange.replays < exchange.most_replays
            && self.link.phase == Phase::Live
        {
            // The token may be old (D4): once more with a new one.
            exchange.replays += 1;
            if exchange.bearer == self.link.token {
                exchange.denied = Some(error);
                self.pursue(cx);
            } else {
                self.attempt(cx, at);
            }
            return;
        }
        let again = if self.is_compat() {
            matches!(answer.status, 429 | 500 | 502 | 503 | 504)
        } else {
            is_passing(answer.status)
        };
        let throttled = answer.status == 429;
        self.repeat(cx, at, again, answer.retry_after_ms, throttled, CallError::Service(error));
    }

    /// Makes a failed request again, if it may, or ends it.
    fn repeat(
        &mut self,
        cx: &mut Cx,
        at: usize,
        again: bool,
        after_ms: Option<u64>,
        throttled: bool,
        error: CallError,
    ) {
        let is_over = matches!(self.link.phase, Phase::Ended | Phase::Broken | Phase::Idle);
        let exchange = &self.exchanges[at];
        let operation = exchange.operation;
        let may = if exchange.is_endless() { !is_over } else { self.can_call(operation) };
        if !(again && may && exchange.attempts < exchange.most_attempts) {
            let owner = self.exchanges.remove(at).owner;
            return self.finish(cx, owner, Err(error));
        }
        let failures = exchange.attempts - 1;
        let wait = if exchange.is_endless() {
            cx.rng
                .back_off(failures, ENDLESS_BASE_MS, ENDLESS_CAP_MS)
                .max(after_ms.unwrap_or(0).min(RETRY_AFTER_CAP_MS))
        } else {
            self.wait_ms(cx, failures, throttled, after_ms)
        };
        let exchange = &mut self.exchanges[at];
        exchange.waited_ms = exchange.waited_ms.saturating_add(wait);
        exchange.told_to_wait = after_ms.is_some();
        let id = exchange.id;
        self.timers.set(Timer::Retry(id), cx.after(wait));
    }

    /// How long what an application asked for waits for its next attempt.
    pub(crate) fn wait_ms(
        &self,
        cx: &mut Cx,
        failures: u32,
        throttled: bool,
        after_ms: Option<u64>,
    ) -> u64 {
        let retry = &self.options.retry;
        let base_ms = if throttled { retry.throttled_base_ms } else { retry.base_ms };
        let wait_ms = cx.rng.back_off(failures, base_ms, retry.cap_ms);
        wait_ms.max(after_ms.unwrap_or(0).min(RETRY_AFTER_CAP_MS))
    }

    fn finish(&mut self, cx: &mut Cx, owner: Owner, result: Result<Answer, CallError>) {
        match owner {
            Owner::Reading { id, .. } => self.page(cx, id, result),
            Owner::File(call) => self.file_answered(cx, call, result),
            Owner::Receipt(number) => self.receipt_answered(cx, number, result),
            Owner::Call(call) => {
                self.call_answered(cx, call, &result);
                let ended = result.as_ref().map(|_| ()).map_err(Clone::clone);
                self.done(cx, call, result.map(Value::Answered));
                self.typing_ended(cx, call, &ended);
            }
            // Only Chatloom behaviour makes requests for the others.
            _ if !CHATLOOM => {}
            Owner::Outbox => self.posted(cx, result),
            Owner::Horizon(kind) => self.horizon_answered(cx, kind, result),
        }
    }

    /// Answers the typing calls that were not sent because this one was.
    fn typing_ended(&mut self, cx: &mut Cx, call: CallId, ended: &Result<(), CallError>) {
        let Some(mut typing) = self.typing.take_if(|typing| typing.call == call) else { return };
        let followers = std::mem::take(&mut typing.followers);
        // The original's throttle repeats a failure too (S90); otherwise the next one may be sent.
        if ended.is_ok() || self.is_compat() {
            typing.ended = Some(ended.clone());
            self.typing = Some(typing);
        }
        for follower in followers {
            self.done(cx, follower, ended.clone().map(|()| Value::Repeated { earlier: call }));
        }
    }

    pub(crate) fn an_exchange_waits_for_a_token(&self) -> bool {
        self.exchanges.iter().any(|exchange| exchange.denied.is_some())
    }

    /// There is a new token: what the old one was refused for is made again.
    pub(crate) fn replay_exchanges(&mut self, cx: &mut Cx) {
        for at in 0..self.exchanges.len() {
            if self.exchanges[at].denied.take().is_some() {
                self.attempt(cx, at);
            }
        }
    }

    /// There is no new token: whoever does not wait for ever hears of the refusal.
    pub(crate) fn fail_denied_exchanges(&mut self, cx: &mut Cx) {
        let keep_endless = self.link.phase == Phase::Live;
        while let Some(at) = self.exchanges.iter().position(|exchange| {
            exchange.denied.is_some() && !(keep_endless && exchange.is_endless())
        }) {
            let exchange = self.exchanges.remove(at);
            if let Some(error) = exchange.denied {
                self.finish(cx, exchange.owner, Err(CallError::Service(error)));
            }
        }
    }

    /// The network is back, or a socket has subscribed: nothing waits for its back-off, unless the
    /// service has said how long.
    pub(crate) fn hurry_exchanges(&mut self, cx: &mut Cx) {
        for at in 0..self.exchanges.len() {
            let exchange = &self.exchanges[at];
            if exchange.is_endless()
                && exchange.request.is_none()
                && exchange.denied.is_none()
                && !(exchange.told_to_wait && self.timers.is_set(Timer::Retry(exchange.id)))
            {
                let id = exchange.id;
                self.timers.clear(Timer::Retry(id));
                self.attempt(cx, at);
            }
        }
    }

    /// The chat is over, or the session is broken: what is under way may still be answered, but what
    /// waits to be made again is not. A broken session still makes the calls of the application
    /// (docs/protocol/websocket.md S157).
    pub(crate) fn end_exchanges(&mut self, cx: &mut Cx, error: &CallError) {
        self.fail_denied_exchanges(cx);
        while let Some(at) = self.exchanges.iter().position(|exchange| {
            exchange.request.is_none()
                && (exchange.is_endless() || !self.can_call(exchange.operation))
        }) {
            let exchange = self.exchanges.remove(at);
            self.timers.clear(Timer::Retry(exchange.id));
            self.finish(cx, exchange.owner, Err(error.clone()));
        }
    }

    /// Forgets a request.
    pub(crate) fn drop_exchange(&mut self, cx: &mut Cx, id: u64) {
        if let Some(at) = self.exchanges.iter().position(|exchange| exchange.id == id) {
            self.timers.clear(Timer::Retry(id));
            self.exchanges.remove(at).abort(cx);
        }
    }

    /// Forgets the request that is made for a file.
    pub(crate) fn drop_file_exchange(&mut self, cx: &mut Cx, call: CallId) {
        let owner = Owner::File(call);
        if let Some(exchange) = self.exchanges.iter().find(|exchange| exchange.owner == owner) {
            self.drop_exchange(cx, exchange.id);
        }
    }

    pub(crate) fn cancel(&mut self, cx: &mut Cx, call: CallId) {
        let owner = if self.outbox.is_sending(call) {
            Owner::Outbox
        } else {
            self.cancel_receipt(call).unwrap_or(Owner::Call(call))
        };
        self.done(cx, call, Err(CallError::Cancelled));
        if !self.is_compat() {
            self.cancel_message(cx, call);
        }
        self.cancel_file(cx, call);
        if let Some(typing) = &self.typing
            && typing.call == call
            && typing.followers.iter().any(|follower| cx.is_open(*follower))
        {
            // Others wait for the same answer.
            return;
        }
        let Some(at) = self.exchanges.iter().position(|exchange| exchange.owner == owner) else {
            return;
        };
        let exchange = &mut self.exchanges[at];
        if exchange.request.is_none() {
            let exchange = self.exchanges.remove(at);
            self.timers.clear(Timer::Retry(exchange.id));
            self.finish(cx, owner, Err(CallError::Cancelled));
        } else if only_reads(exchange.operation) {
            self.forget_page(call);
            self.exchanges.remove(at).abort(cx);
        } else {
            // What was sent stays sent, but it is not sent again.
            exchange.most_attempts = 0;
            exchange.most_replays = 0;
        }
    }
}
