//! The sockets of a session: subscriptions, heartbeats, probes and hand-over.

use std::borrow::Cow;

use chatloom_wire::frame::{HEARTBEAT, PING};

use crate::{
    Connection, ConnectionStatus, Event, LogLevel, Output, SocketId,
    core::Cx,
    link::foreign::Signal,
    link::{Link, Phase},
    session::Session,
    timers::Timer,
};

/// The first frame on a socket (docs/protocol/websocket.md §1.2).
const SUBSCRIBE: &str = r#"{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}"#;
/// How long a socket may take to open.
const OPENING_MS: u64 = 10_000;
/// Heartbeat and ping (docs/protocol/websocket.md §2).
const BEAT_MS: u64 = 10_000;
/// How soon a socket must answer when the network or the page comes back.
const PROBE_MS: u64 = 5_000;
/// A socket is replaced at this age (docs/protocol/websocket.md §2).
const SOCKET_AGE_MS: u64 = 3_540_000;
/// Subscriptions: no answer (docs/protocol/websocket.md §1.3).
const SUBSCRIBE_SILENT_MS: u64 = 1_000;
const SUBSCRIBE_REPEATS: u8 = 3;
/// Subscriptions: refused.
const SUBSCRIBE_REFUSED_MS: u64 = 500;
const SUBSCRIBE_REFUSALS: u8 = 5;

/// Close codes of a service that restarts or is overloaded.
const SERVICE_RESTART: u16 = 1012;
const TRY_AGAIN_LATER: u16 = 1013;

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) id: SocketId,
    pub(crate) open: bool,
    pub(crate) opened_ms: u64,
    pub(crate) subscribed: bool,
    /// The transcript has been read since this socket subscribed: what it brings is the next.
    pub(crate) trusted: bool,
    /// It missed a heartbeat or a probe; an answer clears it.
    pub(crate) suspect: bool,
    /// It has to go: it is old, or the service does not confirm its subscription.
    pub(crate) replace: bool,
    pub(crate) beat_pending: bool,
    pub(crate) ping_pending: bool,
    pub(crate) subscribe_pending: bool,
    pub(crate) unanswered: u8,
    pub(crate) refused: u8,
}

impl Socket {
    pub(crate) fn new(id: SocketId) -> Self {
        Self {
            id,
            open: false,
            opened_ms: 0,
            subscribed: false,
            trusted: false,
            suspect: false,
            replace: false,
            beat_pending: false,
            ping_pending: false,
            subscribe_pending: false,
            unanswered: 0,
            refused: 0,
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.subscribed && !self.suspect
    }
}

impl Link {
    fn socket(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.primary.iter_mut().chain(&mut self.candidate).find(|socket| socket.id == id)
    }

    fn is_primary(&self, id: SocketId) -> bool {
        self.primary.as_ref().is_some_and(|socket| socket.id == id)
    }

    pub(crate) fn is_candidate(&self, id: SocketId) -> bool {
        self.candidate.as_ref().is_some_and(|socket| socket.id == id)
    }

    /// Whether a socket's deep heartbeats are told: those of a hand-over's second socket take the
    /// place of the first one's.
    fn speaks(&self, id: SocketId) -> bool {
        !(self.is_primary(id) && self.candidate.as_ref().is_some_and(|next| next.open))
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.primary.as_ref().is_some_and(Socket::is_healthy)
    }

    pub(crate) fn is_trusted(&self, id: SocketId) -> bool {
        self.primary.iter().chain(&self.candidate).any(|socket| socket.id == id && socket.trusted)
    }

    /// Whether a socket serves whose items are delivered as they come.
    pub(crate) fn is_served(&self) -> bool {
        self.primary.as_ref().is_some_and(|socket| socket.is_healthy() && socket.trusted)
    }

    /// A socket that has subscribed and for which the transcript has not been read since.
    pub(crate) fn next_to_trust(&self) -> Option<SocketId> {
        let mut sockets = self.primary.iter().chain(&self.candidate);
        sockets.find(|socket| socket.subscribed && !socket.trusted).map(|socket| socket.id)
    }
}

impl Session {
    pub(crate) fn open_socket(&mut self, cx: &mut Cx, url: String) {
        let id = cx.open_socket(self.id, url);
        self.timers.set(Timer::Opening(id), cx.after(OPENING_MS));
        let socket = Socket::new(id);
        if self.link.primary.is_none() {
            self.link.primary = Some(socket);
            self.show(cx, Connection::Connecting);
        } else {
            self.link.candidate = Some(socket);
        }
    }

    pub(crate) fn socket_opened(&mut self, cx: &mut Cx, id: SocketId) {
        let Some(socket) = self.link.socket(id).filter(|socket| !socket.open) else { return };
        socket.open = true;
        socket.opened_ms = cx.now.mono_ms;
        self.timers.clear(Timer::Opening(id));
        self.timers.set(Timer::Age(id), cx.after(SOCKET_AGE_MS));
        self.send_subscribe(cx, id);
        self.send_beat(cx, id);
        if self.is_compat() && self.link.is_primary(id) {
            self.gained(cx);
        }
    }

    fn send(cx: &mut Cx, socket: SocketId, text: &'static str) {
        cx.push(Output::SendText { socket, text: Cow::Borrowed(text) });
    }

    pub(crate) fn gained(&mut self, cx: &mut Cx) {
        self.timers.clear(Timer::Silence);
        self.link.lost = false;
        if !std::mem::replace(&mut self.link.gained, true) {
            self.link.status = Some(ConnectionStatus::Connected);
            self.event(cx, Event::Established { by_socket: true });
            self.tell_followers(cx, Signal::Gained);
            self.refresh(cx);
        }
    }

    pub(crate) fn socket_closed(
        &mut self,
        cx: &mut Cx,
        id: SocketId,
        code: Option<u16>,
        reason: &str,
    ) {
        let is_busy = matches!(code, Some(SERVICE_RESTART | TRY_AGAIN_LATER));
        let reason = if reason.is_empty() { "the socket closed" } else { reason };
        self.socket_gone(cx, id, is_busy, reason);
    }

    /// A socket is no more: it closed, or it was given up.
    fn socket_gone(&mut self, cx: &mut Cx, id: SocketId, is_busy: bool, reason: &str) {
        self.timers.clear_socket(id);
        if self.link.is_candidate(id) {
            self.link.candidate = None;
            self.stop_recovery(cx, id);
            self.recover_next(cx);
            self.strike(cx, None, reason);
            return;
        }
        let Some(gone) = self.link.primary.take_if(|socket| socket.id == id) else { return };
        self.stop_recovery(cx, id);
        self.link.primary = self.link.candidate.take();
        if gone.subscribed && cx.now.mono_ms.saturating_sub(gone.opened_ms) >= BEAT_MS {
            self.link.strikes = 0;
        }
        if let Some(heir) = self.link.primary.as_ref().filter(|socket| socket.open) {
            // The hand-over was under way; the other one takes over without a word.
            if heir.is_healthy() {
                self.show(cx, Connection::Online);
            }
            return self.recover_next(cx);
        }
        self.lose(cx);
        if self.link.primary.is_some() {
            return self.show(cx, Connection::Connecting);
        }
        let may_come_back = !self.timers.is_set(Timer::Reconnect);
        if gone.open && self.link.strikes == 0 && !is_busy && may_come_back {
            // A socket that served closed for the first time: come back at once. Not all in the same
            // instant, though, when the service says that it is the service.
            self.link.strikes = 1;
            self.pursue(cx);
        } else {
            self.strike(cx, None, reason);
        }
    }

    pub(crate) fn lose(&mut self, cx: &mut Cx) {
        let had = std::mem::replace(&mut self.link.gained, false);
        if !std::mem::replace(&mut self.link.lost, true) && (had || self.is_compat()) {
            self.link.status = Some(ConnectionStatus::ConnectionLost);
            self.log(cx, LogLevel::Info, "the connection is lost");
            self.event(cx, Event::Lost);
            self.tell_followers(cx, Signal::Lost);
        }
        if self.is_compat() && self.has_own_socket() && !self.timers.is_set(Timer::Silence) {
            self.timers.set(Timer::Silence, cx.after(BEAT_MS));
        }
    }

    /// Compat: without a socket each deep heartbeat fails (docs/protocol/websocket.md §1.5).
    pub(crate) fn silence(&mut self, cx: &mut Cx) {
        self.deep_heartbeat(cx, false);
        self.timers.set(Timer::Silence, cx.after(BEAT_MS));
    }

    pub(crate) fn deep_heartbeat(&mut self, cx: &mut Cx, success: bool) {
        self.link.status = Some(if success {
            ConnectionStatus::DeepHeartbeatSuccess
        } else {
            ConnectionStatus::DeepHeartbeatFailure
        });
        self.event(cx, Event::DeepHeartbeat { success });
        self.tell_followers(cx, Signal::DeepHeartbeat(success));
    }

    /// Gives a socket up.
    fn drop_socket(&mut self, cx: &mut Cx, id: SocketId, reason: &'static str) {
        cx.close_socket(id, reason);
        self.socket_gone(cx, id, false, reason);
    }

    pub(crate) fn opening_due(&mut self, cx: &mut Cx, id: SocketId) {
        self.drop_socket(cx, id, "the socket did not open in time");
    }

    pub(crate) fn grown_old(&mut self, cx: &mut Cx, id: SocketId) {
        if let Some(socket) = self.link.socket(id) {
            socket.replace = true;
            self.pursue(cx);
        }
    }

    /// The candidate takes over.
    fn promote(&mut self, cx: &mut Cx) {
        if let Some(next) = self.link.candidate.take()
            && let Some(old) = self.link.primary.replace(next)
        {
            self.timers.clear_socket(old.id);
            self.stop_recovery(cx, old.id);
            cx.close_socket(old.id, "replaced");
        }
    }

    /// What a socket brings is the next from now on: the transcript has been read up to it.
    pub(crate) fn trust(&mut self, cx: &mut Cx, id: SocketId) {
        if let Some(socket) = self.link.socket(id) {
            socket.trusted = true;
            if self.link.is_candidate(id) {
                self.promote(cx);
                self.online(cx);
            }
        }
    }

    /// A subscribed socket serves the session.
    pub(crate) fn online(&mut self, cx: &mut Cx) {
        if self.link.is_healthy() {
            self.show(cx, Connection::Online);
            self.gained(cx);
        }
    }

    fn send_subscribe(&mut self, cx: &mut Cx, id: SocketId) {
        if let Some(socket) = self.link.socket(id) {
            socket.subscribe_pending = true;
            Self::send(cx, id, SUBSCRIBE);
            self.timers.set(Timer::Subscribe(id), cx.after(SUBSCRIBE_SILENT_MS));
        }
    }

    pub(crate) fn subscribe_due(&mut self, cx: &mut Cx, id: SocketId) {
        let Some(socket) = self.link.socket(id) else { return };
        if socket.subscribe_pending {
            socket.unanswered += 1;
            if socket.unanswered > SUBSCRIBE_REPEATS {
                return self.subscription_failed(cx, id);
            }
        }
        self.send_subscribe(cx, id);
    }

    pub(crate) fn subscription_answered(
        &mut self,
        cx: &mut Cx,
        id: SocketId,
        success: bool,
        is_chat: bool,
    ) {
        let Some(socket) = self.link.socket(id).filter(|socket| socket.open && !socket.subscribed)
        else {
            return;
        };
        if !success {
            if socket.replace {
                // It has been refused before, and the next one is on its way.
                return;
            }
            socket.refused = socket.refused.saturating_add(1);
            socket.unanswered = 0;
            socket.subscribe_pending = false;
            if socket.refused >= SUBSCRIBE_REFUSALS {
                self.subscription_failed(cx, id);
            } else {
                self.timers.set(Timer::Subscribe(id), cx.after(SUBSCRIBE_REFUSED_MS));
            }
            return;
        }
        if !is_chat {
            return;
        }
        socket.subscribed = true;
        self.link.arrived = true;
        self.timers.clear(Timer::Subscribe(id));
        if self.is_compat() {
            if self.link.is_candidate(id) {
                self.promote(cx);
            }
        } else {
            if self.link.is_primary(id) {
                self.online(cx);
            }
            // Whoever confirms a subscription is there for the rest as well.
            self.hurry_exchanges(cx);
            self.pump_outbox(cx);
            self.recover_next(cx);
        }
    }

    /// The service does not confirm the subscription. The original stays silent for ever.
    fn subscription_failed(&mut self, cx: &mut Cx, id: SocketId) {
        self.log(cx, LogLevel::Warn, "the subscription was not confirmed; the socket is replaced");
        if self.link.is_candidate(id) {
            return self.drop_socket(cx, id, "the subscription was not confirmed");
        }
        self.timers.clear(Timer::Subscribe(id));
        if let Some(socket) = self.link.socket(id) {
            socket.replace = true;
            self.strike(cx, None, "the subscription was not confirmed");
        }
    }

    fn send_beat(&mut self, cx: &mut Cx, id: SocketId) {
        if let Some(socket) = self.link.socket(id) {
            socket.beat_pending = true;
            socket.ping_pending = true;
            Self::send(cx, id, PING);
            Self::send(cx, id, HEARTBEAT);
            self.timers.set(Timer::Beat(id), cx.after(BEAT_MS));
        }
    }

    pub(crate) fn beat(&mut self, cx: &mut Cx, id: SocketId) {
        let Some(socket) = self.link.socket(id) else { return };
        let (missed, dead) = (socket.beat_pending, socket.beat_pending && socket.suspect);
        let ping_missed = socket.ping_pending;
        socket.suspect |= missed;
        let serves = socket.is_healthy() && !socket.replace;
        if ping_missed && self.link.speaks(id) {
            self.deep_heartbeat(cx, false);
        }
        if dead {
            return self.drop_socket(cx, id, "two heartbeats were missed");
        }
        // A token may be asked for in vain meanwhile, less and less often.
        let asks = self.link.fetching.is_some() || self.timers.is_set(Timer::Reconnect);
        if serves && self.link.is_primary(id) && !asks {
            self.link.strikes = 0;
        }
        self.send_beat(cx, id);
        if missed {
            self.log(cx, LogLevel::Warn, "a heartbeat was missed; the socket is replaced");
            self.pursue(cx);
        }
    }

    pub(crate) fn heartbeat_answered(&mut self, cx: &mut Cx, id: SocketId) {
        let Some(socket) = self.link.socket(id) else { return };
        socket.beat_pending = false;
        let recovers = std::mem::replace(&mut socket.suspect, false);
        self.timers.clear(Timer::Probe(id));
        if recovers && self.link.is_primary(id) && self.link.is_healthy() {
            self.show(cx, Connection::Online);
        }
    }

    pub(crate) fn ping_answered(&mut self, cx: &mut Cx, id: SocketId, success: bool) {
        if let Some(socket) = self.link.socket(id) {
            socket.ping_pending = false;
            if self.link.speaks(id) {
                self.deep_heartbeat(cx, success);
            }
        }
    }

    /// The network or the page is back: nobody should wait for a back-off, and a socket that looks
    /// open has to prove it. The original stays silent here when a heartbeat was missed meanwhile
    /// (docs/protocol/websocket.md S197).
    pub(crate) fn wake(&mut self, cx: &mut Cx) {
        if self.link.phase != Phase::Live {
            return;
        }
        for socket in [&self.link.primary, &self.link.candidate] {
            let open = socket.as_ref().filter(|socket| socket.open && self.foreign().is_none());
            if let Some(&Socket { id, .. }) = open
                && !self.timers.is_set(Timer::Probe(id))
            {
                // The deadline is the probe's own: the next heartbeat may be due at once.
                Self::send(cx, id, HEARTBEAT);
                self.timers.set(Timer::Probe(id), cx.after(PROBE_MS));
            }
        }
        self.timers.clear(Timer::Reconnect);
        self.pursue(cx);
        if !self.link.is_healthy() {
            // It may have said that there is no network.
            self.show(cx, Connection::Connecting);
        }
        self.hurry_exchanges(cx);
    }

    pub(crate) fn went_offline(&mut self, cx: &mut Cx) {
        if self.link.phase == Phase::Live {
            self.pursue_offline(cx);
        }
    }

    pub(crate) fn probe_due(&mut self, cx: &mut Cx, id: SocketId) {
        let Some(socket) = self.link.socket(id) else { return };
        if std::mem::replace(&mut socket.suspect, true) {
            self.drop_socket(cx, id, "the socket did not answer");
        } else {
            self.pursue(cx);
        }
    }
}
