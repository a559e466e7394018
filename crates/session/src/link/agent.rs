//! Sessions whose connection token the host has, as those of agents under Amazon Connect Streams
//! (docs/protocol/streams.md).

use chatloom_wire::participant::{CreateParticipantConnection, Operation};

use crate::{
    ConnectionDetails, HostToken, HttpAnswer, LogLevel, Output, RequestId, Role, Source, core::Cx,
    link::is_passing, session::Session, timers::Timer,
};

/// What an agent's client asks for when the host has no token (docs/protocol/websocket.md S181).
pub(crate) const AGENT_CONNECTION_BODY: &str =
    r#"{"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"],"ConnectParticipant":true}"#;
/// Marks the participant as connected (docs/protocol/websocket.md S180).
const ACKNOWLEDGEMENT: &str = r#"{"ConnectParticipant":true}"#;
/// How long the host may take to bring a token. Streams may take 30 s (docs/protocol/streams.md §1).
const HOST_TOKEN_MS: u64 = 60_000;

/// What a session has to do with its host's tokens.
#[derive(Debug, Default)]
pub(crate) struct HostTokens {
    /// The host is asked; [`crate::link::Link::fetching`] is the number.
    pub(crate) asking: bool,
    /// The host had no token: the service is asked in its place until it has answered.
    has_none: bool,
    acknowledging: Option<RequestId>,
    acknowledgements: u32,
}

impl Session {
    /// Whether the next token comes from the host.
    pub(crate) fn asks_host(&self) -> bool {
        matches!(self.options.source, Source::Host { .. }) && !self.link.host.has_none
    }

    /// Whether the request for a connection itself tells the service that the agent is there.
    pub(crate) fn asks_as_agent(&self) -> bool {
        self.link.host.has_none && self.options.role == Role::Agent
    }

    pub(crate) fn ask_host(&mut self, cx: &mut Cx) {
        let request = cx.new_request(self.id);
        self.link.fetching = Some(request);
        self.link.host.asking = true;
        self.timers.set(Timer::HostToken, cx.after(HOST_TOKEN_MS));
        cx.push(Output::NeedToken { request, session: self.id });
    }

    /// The host brought a token or has none.
    pub(crate) fn host_answered(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        token: Result<HostToken, String>,
    ) {
        if !self.link.host.asking || self.link.fetching != Some(request) {
            return;
        }
        self.stop_asking(cx);
        match token {
            Ok(HostToken { token, expiry }) => {
                let expires_ms = cx.expiry(expiry.as_deref());
                self.granted(
                    cx,
                    ConnectionDetails {
                        url: None,
                        expiry: None,
                        acknowledged: false,
                        token,
                        token_expiry: expiry,
                    },
                    expires_ms,
                );
            }
            Err(_reason) => self.host_has_none(cx),
        }
    }

    /// The host said nothing.
    pub(crate) fn host_token_due(&mut self, cx: &mut Cx) {
        self.stop_asking(cx);
        self.host_has_none(cx);
    }

    fn host_has_none(&mut self, cx: &mut Cx) {
        self.log(cx, LogLevel::Warn, "the host has no connection token; the service is asked");
        self.link.host.has_none = true;
        self.fetch(cx);
    }

    /// Takes nothing more from the host.
    pub(crate) fn stop_asking(&mut self, cx: &mut Cx) {
        self.timers.clear(Timer::HostToken);
        if std::mem::take(&mut self.link.host.asking)
            && let Some(request) = self.link.fetching.take()
        {
            cx.forget_request(request);
        }
    }

    /// The next round begins with the host again.
    pub(crate) fn turn_to_host(&mut self) {
        self.link.host.has_none = false;
    }

    /// Tells the service that the agent is there, unless the request for the connection has.
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx, acknowledged: bool) {
        let is_due = matches!(self.options.source, Source::Host { .. })
            && self.options.role == Role::Agent
            && !acknowledged;
        if is_due {
            self.link.host.acknowledgements = 0;
            self.acknowledge_due(cx);
        }
    }

    pub(crate) fn acknowledge_due(&mut self, cx: &mut Cx) {
        let request = cx.new_request(self.id);
        self.link.host.acknowledging = Some(request);
        self.link.host.acknowledgements += 1;
        let token = self.options.participant_token.expose().to_owned();
        let http = self.http_request(
            request,
            CreateParticipantConnection::NAME,
            CreateParticipantConnection::PATH,
            token,
            ACKNOWLEDGEMENT.to_owned(),
            true,
        );
        cx.push(Output::Http(http));
    }

    /// An answer to the acknowledgement; gives back what is none.
    pub(crate) fn acknowledgement_answered(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        answer: Result<HttpAnswer, String>,
    ) -> Option<Result<HttpAnswer, String>> {
        if self.link.host.acknowledging != Some(request) {
            return Some(answer);
        }
        self.link.host.acknowledging = None;
        let (status, after_ms) = match &answer {
            Ok(answer) if (200..300).contains(&answer.status) => return None,
            Ok(answer) => (answer.status, answer.retry_after_ms),
            Err(_) => (0, None),
        };
        let passing = status == 0 || is_passing(status);
        let earlier = self.link.host.acknowledgements;
        if passing && earlier < self.options.retry.attempts {
            let wait = self.wait_ms(cx, earlier - 1, status == 429, after_ms);
            self.timers.set(Timer::Acknowledge, cx.after(wait));
        } else {
            self.log(cx, LogLevel::Warn, "the service did not mark the agent as connected");
        }
        None
    }

    /// Nothing of the host is needed any more.
    pub(crate) fn leave_host(&mut self, cx: &mut Cx) {
        self.stop_asking(cx);
        self.timers.clear(Timer::Acknowledge);
    }

    /// Nobody waits for what the service says to the acknowledgement either.
    pub(crate) fn forget_acknowledgement(&mut self, cx: &mut Cx) {
        if let Some(request) = self.link.host.acknowledging.take() {
            cx.abort(request);
        }
    }
}
