//! The connection of a session: tokens, sockets, subscriptions, heartbeats, and coming back.
//!
//! A session has one socket, the *primary*, and during a hand-over a second one, the *candidate*,
//! which takes over once it can replace the first (make before break). There is at most one request
//! for a connection at a time; [`Session::pursue`] starts it whenever something asks for one and
//! nothing forbids it, so no event can be forgotten between two states.

pub(crate) mod agent;
pub(crate) mod foreign;
pub(crate) mod sharing;
pub(crate) mod sockets;

use chatloom_wire::{
    ConnectionToken,
    participant::{BEARER_HEADER, CreateParticipantConnection, Operation, SendMessage},
};

use crate::{
    CHATLOOM, CallError, CallId, Connection, ConnectionDetails, ConnectionStatus, Event,
    HttpAnswer, HttpRequest, LogLevel, OfChatloom, Output, RequestId, SessionId, Value,
    core::Cx,
    link::agent::{AGENT_CONNECTION_BODY, HostTokens},
    link::foreign::Signal,
    link::sockets::Socket,
    session::Session,
    timers::Timer,
};

/// What a customer's client asks for (docs/protocol/websocket.md S45).
const CONNECTION_BODY: &str = r#"{"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#;

/// How long a request may take.
pub(crate) const REQUEST_TIMEOUT_MS: u64 = 15_000;
/// How often the first connection is asked for before `connect` fails, unless the session makes fewer
/// attempts at anything.
const CONNECT_ATTEMPTS: u32 = 3;
/// Back-off of what is tried for ever.
pub(crate) const ENDLESS_BASE_MS: u64 = 500;
pub(crate) const ENDLESS_CAP_MS: u64 = 30_000;
/// The longest `Retry-After` that is believed: a wrong one must not silence a chat for a day.
pub(crate) const RETRY_AFTER_CAP_MS: u64 = 120_000;
/// In Chatloom behaviour the service has to refuse so often in a row before the session is broken.
const SURE_REFUSALS: u8 = 5;
/// The second look at a refusal comes after this and up to as much again.
const SECOND_LOOK_MS: u64 = 500;
/// The token is renewed this long before its end (docs/protocol/websocket.md S166), but never
/// sooner than after the floor. An end that is missing or past says that one of the two clocks is
/// wrong: then the token is renewed now and then, and a refusal renews it sooner.
const TOKEN_MARGIN_MS: i64 = 60_000;
const TOKEN_FLOOR_MS: i64 = 60_000;
const TOKEN_CEILING_MS: i64 = 24 * 3_600_000;
const TOKEN_UNKNOWN_MS: u64 = 600_000;

/// How far a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not connected: `connect` has not been called, or has failed.
    #[default]
    Idle,
    /// The first connection has been asked for.
    Connecting,
    /// `connect` succeeded; the link keeps itself alive.
    Live,
    /// The service refuses a connection for good, or the agent has handed the chat on (S163).
    Broken,
    /// The chat is over.
    Ended,
}

#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    /// The calls that wait for the first connection.
    pub(crate) connects: Vec<CallId>,
    pub(crate) token: Option<ConnectionToken>,
    pub(crate) token_due: bool,
    pub(crate) fetching: Option<RequestId>,
    /// How often the first connection has been asked for.
    pub(crate) attempts: u32,
    /// Failures in a row; a socket that lives for a while ends the row.
    pub(crate) strikes: u32,
    /// The last answer of the service was 403.
    pub(crate) forbidden: bool,
    /// How often the service has refused for good since the last success.
    refusals: u8,
    pub(crate) primary: Option<Socket>,
    pub(crate) candidate: Option<Socket>,
    /// A socket has subscribed: from then on the service takes the participant for connected, and
    /// refuses messages before (docs/protocol/websocket.md §1.3).
    pub(crate) arrived: bool,
    /// The application has been told of a connection and not of its loss.
    pub(crate) gained: bool,
    /// The application has been told of the loss.
    pub(crate) lost: bool,
    pub(crate) shown: OfChatloom<Option<Connection>>,
    /// What the socket does; nothing before `connect` has succeeded for the first time.
    pub(crate) status: Option<ConnectionStatus>,
    /// What the first successful `connect` was given.
    pub(crate) details: OfChatloom<Option<Box<ConnectionDetails>>>,
    /// The session that keeps the socket alive, when it is shared and this one does not.
    pub(crate) follows: Option<SessionId>,
    /// This session keeps a socket alive that may be shared.
    pub(crate) leads: bool,
    pub(crate) host: HostTokens,
    /// The chat was handed on by this agent, whose part in it is over.
    pub(crate) handed_on: bool,
}

/// Why the service gave no connection.
enum Trouble {
    /// It may give one later.
    Again { error: CallError, after_ms: Option<u64>, throttled: bool },
    /// The chat may be over.
    Forbidden(CallError),
    /// It will not.
    Refused(CallError),
}

/// Whether a status says: try again later.
pub(crate) fn is_passing(status: u16) -> bool {
    status == 408 || status == 429 || status >= 500
}

fn is_socket_url(url: &str) -> bool {
    let scheme = |name: &str| url.get(..name.len()).is_some_and(|s| s.eq_ignore_ascii_case(name));
    scheme("wss://") || scheme("ws://")
}

/// How long to wait before a token is renewed that is good until then.
fn token_wait_ms(wall_ms: i64, expires_ms: Option<i64>) -> u64 {
    match expires_ms {
        Some(expires_ms) if expires_ms > wall_ms => (expires_ms - wall_ms)
            .saturating_sub(TOKEN_MARGIN_MS)
            .clamp(TOKEN_FLOOR_MS, TOKEN_CEILING_MS)
            as u64,
        _ => TOKEN_UNKNOWN_MS,
    }
}

/// A text for people, without what a service may have put into its message.
fn reason_of(error: &CallError) -> String {
    match error {
        // Only Chatloom behaviour tells it.
        _ if !CHATLOOM => String::new(),
        CallError::Service(error) => error.kind.name().to_owned(),
        CallError::Unreachable { message } | CallError::BadAnswer { message } => message.clone(),
        _ => String::new(),
    }
}

/// A reason as it is told, which only Chatloom behaviour does.
fn told(reason: &str) -> String {
    if CHATLOOM { reason.to_owned() } else { String::new() }
}

/// Asking for a connection.
impl Session {
    pub(crate) fn connect(&mut self, cx: &mut Cx, call: CallId) {
        match self.link.phase {
            Phase::Live => self.connected(cx, call),
            Phase::Connecting => self.link.connects.push(call),
            Phase::Ended => {
                let operation = CreateParticipantConnection::NAME;
                self.done(cx, call, Err(CallError::NotConnected { operation }));
            }
            Phase::Idle | Phase::Broken => {
                self.link.phase = Phase::Connecting;
                self.link.connects.push(call);
                self.link.attempts = 0;
                self.link.strikes = 0;
                self.link.forbidden = false;
                self.link.refusals = 0;
                self.link.gained = false;
                self.link.lost = false;
                self.turn_to_host();
                self.show(cx, Connection::Connecting);
                self.fetch(cx);
            }
        }
    }

    /// Goes on for a core that has failed: as if the connection had just been lost.
    pub(crate) fn resume(&mut self, cx: &mut Cx, token: ConnectionToken) {
        if self.link.phase != Phase::Idle {
            return;
        }
        self.link.phase = Phase::Live;
        self.link.token = Some(token);
        self.link.token_due = true;
        self.attach(cx);
        // The application has been told.
        self.link.lost |= self.foreign().is_none();
        self.greet_foreign(cx);
        self.pursue(cx);
    }

    /// Whether this session keeps its socket alive itself.
    pub(crate) fn has_own_socket(&self) -> bool {
        self.link.follows.is_none() && self.foreign().is_none()
    }

    fn needs_socket(&self) -> bool {
        let primary = self.link.primary.as_ref();
        self.has_own_socket()
            && self.link.candidate.is_none()
            && primary.is_none_or(|socket| socket.suspect || socket.replace)
    }

    /// Ends a `connect` that succeeded.
    fn connected(&mut self, cx: &mut Cx, call: CallId) {
        let status = self.link.status.unwrap_or(ConnectionStatus::Starting);
        self.done(cx, call, Ok(Value::Connected { status }));
    }

    pub(crate) fn fetch(&mut self, cx: &mut Cx) {
        self.timers.clear(Timer::Reconnect);
        if self.asks_host() {
            return self.ask_host(cx);
        }
        let request = cx.new_request(self.id);
        self.link.fetching = Some(request);
        self.link.attempts = self.link.attempts.saturating_add(1);
        let token = self.options.participant_token.expose().to_owned();
        let body = if self.asks_as_agent() { AGENT_CONNECTION_BODY } else { CONNECTION_BODY };
        let http = self.http_request(
            request,
            CreateParticipantConnection::NAME,
            CreateParticipantConnection::PATH,
            token,
            body.to_owned(),
            false,
        );
        cx.push(Output::Http(http));
    }

    pub(crate) fn http_request(
        &self,
        request: RequestId,
        operation: &'static str,
        path: &str,
        token: String,
        body: String,
        keep_body: bool,
    ) -> HttpRequest {
        let mut url = String::with_capacity(self.options.endpoint.len() + path.len());
        url.push_str(&self.options.endpoint);
        url.push_str(path);
        // An agent's client may have no token of the participant's (docs/protocol/streams.md §1).
        let mut headers =
            vec![(BEARER_HEADER, token), ("x-amz-user-agent", self.options.user_agent.clone())];
        headers.retain(|(_, value)| !value.is_empty());
        HttpRequest {
            request,
            session: self.id,
            operation,
            // All but one operation have a body (docs/protocol/participant-service.md §1.2).
            method: if body.is_empty() { "GET" } else { "POST" },
            url,
            headers,
            body,
            timeout_ms: REQUEST_TIMEOUT_MS,
            keep_body,
        }
    }

    /// Asks for a connection when something needs one and nothing is in the way.
    pub(crate) fn pursue(&mut self, cx: &mut Cx) {
        if self.link.phase != Phase::Live {
            return;
        }
        let wanted =
            self.needs_socket() || self.link.token_due || self.an_exchange_waits_for_a_token();
        if !wanted || self.link.fetching.is_some() || self.timers.is_set(Timer::Reconnect) {
            return;
        }
        if !cx.online {
            self.fail_denied_exchanges(cx);
            return self.pursue_offline(cx);
        }
        if !self.link.is_healthy() {
            self.show(cx, Connection::Connecting);
        }
        self.fetch(cx);
    }

    pub(crate) fn reconnect_due(&mut self, cx: &mut Cx) {
        match self.link.phase {
            Phase::Connecting => self.fetch(cx),
            _ => self.pursue(cx),
        }
    }

    pub(crate) fn token_due(&mut self, cx: &mut Cx) {
        self.link.token_due = true;
        self.pursue(cx);
    }

    /// The service answered, or did not, when asked for a connection.
    pub(crate) fn fetched(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        answer: Result<HttpAnswer, String>,
    ) {
        if self.link.host.asking {
            let failed = answer.err().unwrap_or_default();
            return self.host_answered(cx, request, Err(failed));
        }
        self.link.fetching = None;
        let answer = match answer {
            Err(message) => {
                let error = CallError::Unreachable { message };
                let trouble = Trouble::Again { error, after_ms: None, throttled: false };
                return self.not_connected(cx, trouble);
            }
            Ok(answer) => answer,
        };
        if !(200..300).contains(&answer.status) {
            let error = CallError::Service(cx.error(&answer));
            return self.not_connected(
                cx,
                match answer.status {
                    403 => Trouble::Forbidden(error),
                    status if is_passing(status) => Trouble::Again {
                        error,
                        after_ms: answer.retry_after_ms,
                        throttled: status == 429,
                    },
                    _ => Trouble::Refused(error),
                },
            );
        }
        let given = cx.connection(&answer.body);
        let Some(token) = given.token.filter(|_| given.has_socket) else {
            let message = "it holds no socket or no token".to_owned();
            return self.not_connected(cx, Trouble::Refused(CallError::BadAnswer { message }));
        };
        let usable = is_socket_url(&given.url);
        // The original says connected before it looks at the URL (S52).
        let looks_later = self.is_compat() && self.link.phase == Phase::Connecting;
        if !usable && !looks_later && self.foreign().is_none() {
            let message = "it holds no URL of a socket".to_owned();
            return self.not_connected(cx, Trouble::Refused(CallError::BadAnswer { message }));
        }
        let acknowledged = self.asks_as_agent();
        self.granted(
            cx,
            ConnectionDetails {
                url: Some(given.url),
                expiry: given.url_expiry,
                acknowledged,
                token: ConnectionToken::from(token),
                token_expiry: given.expiry,
            },
            given.expires_ms,
        );
    }

    /// There is a connection, or at least a token.
    pub(crate) fn granted(
        &mut self,
        cx: &mut Cx,
        grant: ConnectionDetails,
        expires_ms: Option<i64>,
    ) {
        let wait_ms = token_wait_ms(cx.now.wall_ms, expires_ms);
        self.timers.set(Timer::Token, cx.after(wait_ms));
        self.timers.clear(Timer::Reconnect);
        self.turn_to_host();
        self.link.token = Some(grant.token.clone());
        self.link.token_due = false;
        self.link.forbidden = false;
        self.link.refusals = 0;
        let first = self.link.phase == Phase::Connecting;
        if first {
            self.link.phase = Phase::Live;
            self.attach(cx);
            for call in std::mem::take(&mut self.link.connects) {
                self.connected(cx, call);
            }
            if self.is_compat() {
                self.event(cx, Event::Established { by_socket: false });
            }
        }
        let url = grant.url.clone();
        let acknowledged = !first || grant.acknowledged;
        // The host of a core without Chatloom behaviour keeps them itself.
        if CHATLOOM {
            self.link.details.get_or_insert_with(|| Box::new(grant));
        }
        if !self.needs_socket() {
            self.link.strikes = 0;
        } else if let Some(url) = url {
            if !is_socket_url(&url) {
                return self.break_off(cx, "the service gave no URL of a socket");
            }
            // Without a network the original waits for it.
            if cx.online || !self.is_compat() {
                self.open_socket(cx, url);
            }
        } else if first {
            // The original asks once more before it gives up (S186).
            self.fetch(cx);
            return self.acknowledge(cx, acknowledged);
        } else {
            return self.break_off(cx, "the session has neither a socket nor a socket manager");
        }
        self.acknowledge(cx, acknowledged);
        if first && self.foreign().is_some() {
            self.greet_foreign(cx);
        }
        self.replay_exchanges(cx);
        if first {
            // What waited for the network when the session broke.
            self.hurry_exchanges(cx);
        }
        self.pump_outbox(cx);
    }

    fn not_connected(&mut self, cx: &mut Cx, trouble: Trouble) {
        if self.link.phase == Phase::Connecting {
            return self.connect_failed(cx, trouble);
        }
        self.log(cx, LogLevel::Warn, "the service gave no connection");
        self.turn_to_host();
        // Somebody who waits for a bounded call hears now what the service said.
        self.fail_denied_exchanges(cx);
        let is_well = self.is_well();
        // A refusal is confirmed by the next answer or not at all; no answer says nothing.
        let is_answer = matches!(
            trouble,
            Trouble::Again { error: CallError::Service(_), .. } | Trouble::Refused(_)
        );
        self.link.forbidden &= !is_answer;
        match trouble {
            Trouble::Again { error, after_ms, .. } => {
                self.strike(cx, after_ms, &reason_of(&error));
            }
            Trouble::Forbidden(error) => {
                // In the original only who keeps a socket alive learns of an end this way (S164).
                let may_end = self.has_own_socket() || !self.is_compat();
                if self.link.forbidden && !is_well && may_end {
                    return self.ended_while_away(cx);
                }
                // The gateway says 403 for more than one reason, so one is not believed.
                let first = !std::mem::replace(&mut self.link.forbidden, true);
                let look = SECOND_LOOK_MS + cx.rng.up_to(SECOND_LOOK_MS);
                self.strike(cx, first.then_some(look), &reason_of(&error));
            }
            Trouble::Refused(error) => {
                let mut sockets = self.link.primary.iter().chain(&self.link.candidate);
                let is_dead = self.has_own_socket() && !sockets.any(|socket| socket.open);
                // In the original one refusal is enough. But a page that a network puts in front of
                // everything is no answer of the service, and a proxy may not know it for a while.
                let is_service = matches!(error, CallError::Service(_));
                self.link.refusals = self.link.refusals.saturating_add(u8::from(is_service));
                let is_sure = self.is_compat() || self.link.refusals >= SURE_REFUSALS;
                if is_dead && is_sure {
                    self.break_off(cx, &reason_of(&error));
                } else {
                    // What brings the items may still serve; the next answer may be a better one.
                    self.strike(cx, None, &reason_of(&error));
                }
            }
        }
    }

    /// Whether the application misses nothing at the moment.
    fn is_well(&self) -> bool {
        self.link
            .primary
            .as_ref()
            .is_some_and(|socket| socket.is_healthy() && (self.is_compat() || socket.trusted))
    }

    fn connect_failed(&mut self, cx: &mut Cx, trouble: Trouble) {
        let error = match trouble {
            Trouble::Again { error, after_ms, throttled } => {
                let retry = self.options.retry;
                if self.link.attempts < CONNECT_ATTEMPTS.min(retry.attempts) {
                    let base = if throttled { retry.throttled_base_ms } else { retry.base_ms };
                    let wait = cx.rng.back_off(self.link.attempts - 1, base, retry.cap_ms);
                    let wait = wait.max(after_ms.unwrap_or(0).min(RETRY_AFTER_CAP_MS));
                    let until_ms = cx.after(wait);
                    self.timers.set(Timer::Reconnect, until_ms);
                    self.show(cx, Connection::Waiting { until_ms, reason: reason_of(&error) });
                    return;
                }
                error
            }
            Trouble::Forbidden(error) | Trouble::Refused(error) => error,
        };
        self.log(cx, LogLevel::Error, "the first connection failed");
        self.link.phase = Phase::Idle;
        for call in std::mem::take(&mut self.link.connects) {
            self.done(cx, call, Err(error.clone()));
        }
        let not_connected = CallError::NotConnected { operation: SendMessage::NAME };
        self.end_exchanges(cx, &not_connected);
        if error.can_retry() {
            self.fail_called(cx, &not_connected);
        } else {
            self.fail_outbox(cx, &not_connected);
        }
        self.show(cx, Connection::Broken { reason: reason_of(&error) });
    }

    /// Counts a failure and waits before the next attempt.
    pub(crate) fn strike(&mut self, cx: &mut Cx, after_ms: Option<u64>, reason: &str) {
        let wait = cx.rng.back_off(self.link.strikes, ENDLESS_BASE_MS, ENDLESS_CAP_MS);
        self.link.strikes = self.link.strikes.saturating_add(1);
        let until_ms = cx.after(wait.max(after_ms.unwrap_or(0).min(RETRY_AFTER_CAP_MS)));
        // The service may have asked for a longer wait when it refused something else.
        let until_ms = until_ms.max(self.timers.at(Timer::Reconnect).unwrap_or(0));
        self.timers.set(Timer::Reconnect, until_ms);
        if !cx.online {
            self.pursue_offline(cx);
        } else if !self.link.is_healthy() {
            self.show(cx, Connection::Waiting { until_ms, reason: told(reason) });
        }
    }

    pub(crate) fn pursue_offline(&mut self, cx: &mut Cx) {
        if !self.link.is_healthy() {
            self.show(cx, Connection::Offline);
        }
    }

    /// Gives up: there will be no connection.
    pub(crate) fn break_off(&mut self, cx: &mut Cx, reason: &str) {
        self.log(cx, LogLevel::Error, "there will be no connection; the session is broken");
        self.give_up_recovery(cx);
        self.dissolve_share(cx, Signal::Broken);
        self.close_link(cx, "the session is broken");
        self.link.phase = Phase::Broken;
        let error = CallError::NotConnected { operation: SendMessage::NAME };
        self.end_exchanges(cx, &error);
        self.fail_outbox(cx, &error);
        self.show(cx, Connection::Broken { reason: told(reason) });
        self.event(cx, Event::Broken);
    }

    /// Closes the sockets and stops everything that would open new ones.
    pub(crate) fn close_link(&mut self, cx: &mut Cx, reason: &'static str) {
        self.leave_share(cx);
        self.leave_foreign(cx);
        self.leave_host(cx);
        for socket in self.link.primary.take().into_iter().chain(self.link.candidate.take()) {
            self.timers.clear_socket(socket.id);
            self.stop_recovery(cx, socket.id);
            cx.close_socket(socket.id, reason);
        }
        if let Some(status) = &mut self.link.status {
            *status = ConnectionStatus::Ended;
        }
        for timer in [Timer::Reconnect, Timer::Token, Timer::Silence] {
            self.timers.clear(timer);
        }
        self.link.token_due = false;
        if let Some(request) = self.link.fetching.take() {
            cx.abort(request);
        }
    }

    /// Tells what the connection is doing when that has changed.
    pub(crate) fn show(&mut self, cx: &mut Cx, state: Connection) {
        if !self.is_compat() && self.link.shown.as_ref() != Some(&state) {
            self.link.shown.replace(state.clone());
            self.event(cx, Event::Connection(state));
        }
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::Timestamp;

    use super::*;
    use crate::read;

    #[test]
    fn s168_mended_a_token_never_asks_to_be_renewed_at_once() {
        let wall = Timestamp::parse("2026-01-01T00:00:00Z").unwrap().as_millis();
        for (expiry, wait_ms) in [
            (Some("2026-01-02T00:00:00.000Z"), 24 * 3_600_000 - 60_000),
            (Some("2026-03-01T00:00:00.000Z"), 24 * 3_600_000),
            (Some("2026-01-01T01:00:00.000Z"), 59 * 60_000),
            (Some("2026-01-01T00:01:30.000Z"), 60_000),
            (Some("2026-01-01T00:00:10.000Z"), 60_000),
            (Some("2025-12-31T00:00:00.000Z"), 600_000),
            (Some("soon"), 600_000),
            (None, 600_000),
        ] {
            assert_eq!(token_wait_ms(wall, expiry.and_then(read::time_ms)), wait_ms, "{expiry:?}");
        }
    }

    #[test]
    fn sockets_have_socket_urls() {
        for url in ["wss://a/b?c", "ws://localhost:1/", "WSS://a"] {
            assert!(is_socket_url(url), "{url}");
        }
        for url in ["", "ws:/", "https://a", "javascript:alert(1)", "wsé://"] {
            assert!(!is_socket_url(url), "{url}");
        }
    }
}
