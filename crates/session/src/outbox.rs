//! Messages on their way, in Chatloom behaviour: one at a time, in order, until they are through.

use std::collections::VecDeque;

use chatloom_wire::participant::{Operation, SendMessage};

use crate::{
    Answer, CallError, CallId, Value, calls::Owner, core::Cx, link::Phase, session::Session,
};

/// More messages than this do not wait in one session.
const MOST_WAITING: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The first one is under way when `sending`.
    waiting: VecDeque<(CallId, String)>,
    sending: bool,
}

impl Outbox {
    /// Whether this message is under way.
    pub(crate) fn is_sending(&self, call: CallId) -> bool {
        self.sending && self.waiting.front().is_some_and(|(first, _)| *first == call)
    }

    /// Takes a message out unless it is under way.
    pub(crate) fn cancel(&mut self, call: CallId) {
        if !self.is_sending(call) {
            self.waiting.retain(|(waiting, _)| *waiting != call);
        }
    }
}

impl Session {
    /// Takes a message to be sent. One is taken as soon as `connect` has been called, and waits for
    /// the connection.
    pub(crate) fn post(&mut self, cx: &mut Cx, call: CallId, body: String) {
        if !matches!(self.link.phase, Phase::Connecting | Phase::Live) {
            let operation = SendMessage::NAME;
            return self.done(cx, call, Err(CallError::NotConnected { operation }));
        }
        let waiting = self.outbox.waiting.len();
        if waiting >= MOST_WAITING {
            return self.done(cx, call, Err(CallError::OutboxFull { waiting }));
        }
        self.outbox.waiting.push_back((call, body));
        self.pump_outbox(cx);
    }

    /// Sends the next message if none is under way.
    pub(crate) fn pump_outbox(&mut self, cx: &mut Cx) {
        if self.outbox.sending || self.link.phase != Phase::Live || !self.link.arrived {
            return;
        }
        let Some((_, body)) = self.outbox.waiting.front_mut() else { return };
        let body = std::mem::take(body);
        self.outbox.sending = true;
        self.start(cx, Owner::Outbox, SendMessage::NAME, SendMessage::PATH, body);
    }

    /// The message under way is through, or has failed for good; the next one may go either way.
    pub(crate) fn posted(&mut self, cx: &mut Cx, result: Result<Answer, CallError>) {
        self.outbox.sending = false;
        if let Some((call, _)) = self.outbox.waiting.pop_front() {
            self.done(cx, call, result.map(Value::Answered));
        }
        self.pump_outbox(cx);
    }

    /// What has not been sent will not be.
    pub(crate) fn fail_outbox(&mut self, cx: &mut Cx, error: &CallError) {
        let under_way = usize::from(self.outbox.sending);
        for (call, _) in self.outbox.waiting.split_off(under_way) {
            self.done(cx, call, Err(error.clone()));
        }
    }
}
