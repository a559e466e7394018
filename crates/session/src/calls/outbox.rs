//! Messages on their way, in Chatloom behaviour: one at a time, in order, until they are through or
//! refused. One that has failed waits for the application to say what is to become of it.

use std::collections::VecDeque;

use chatloom_wire::participant::{Operation, SendMessage};

use crate::{
    Answer, CallError, CallId, EntryKey, Event, MessageState, Outgoing, Value,
    calls::{Owner, message_body},
    core::Cx,
    link::Phase,
    parsed::Sent,
    session::Session,
    transcript::list::Place,
};

/// More messages than this do not wait in one session, and not more failed ones are kept.
pub(crate) const MOST_WAITING: usize = 1_000;

/// A message that the service does not have yet.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) key: EntryKey,
    /// The call that wants to hear of it.
    call: Option<CallId>,
    /// With its client token.
    pub(crate) what: Outgoing,
    pub(crate) state: MessageState,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The first one is under way when `sending`.
    waiting: VecDeque<Message>,
    failed: VecDeque<Message>,
    sending: bool,
}

impl Outbox {
    /// Whether this message is under way.
    pub(crate) fn is_sending(&self, call: CallId) -> bool {
        self.sending && self.waiting.front().is_some_and(|first| first.call == Some(call))
    }

    /// What the service does not have, in the order in which it is sent; at last what has failed.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.waiting.iter().chain(&self.failed)
    }
}

impl Session {
    /// Takes a message to be sent. One is taken as soon as `connect` has been called, and waits for
    /// the connection.
    pub(crate) fn post(&mut self, cx: &mut Cx, call: CallId, mut message: Outgoing) {
        if !self.takes_message(cx, call) {
            return;
        }
        message.client_token.get_or_insert_with(|| cx.rng.uuid());
        let key = self.new_key();
        self.queue(
            cx,
            Message { key, call: Some(call), what: message, state: MessageState::Queued },
        );
        self.pump_outbox(cx);
    }

    /// Whether a message can be taken; answers the call if not.
    fn takes_message(&mut self, cx: &mut Cx, call: CallId) -> bool {
        let waiting = self.outbox.waiting.len();
        let error = if !matches!(self.link.phase, Phase::Connecting | Phase::Live) {
            CallError::NotConnected { operation: SendMessage::NAME }
        } else if waiting >= MOST_WAITING {
            CallError::OutboxFull { waiting }
        } else {
            return true;
        };
        self.done(cx, call, Err(error));
        false
    }

    fn queue(&mut self, cx: &mut Cx, message: Message) {
        self.enlist_outgoing(message.key, &message.what, MessageState::Queued);
        self.tell_message(cx, &message);
        self.outbox.waiting.push_back(message);
        self.is_changed = true;
    }

    fn tell_message(&self, cx: &mut Cx, message: &Message) {
        let (key, call, state) = (message.key, message.call, message.state.clone());
        self.event(cx, Event::Message { key, call, id: None, state });
    }

    /// Sends the next message if none is under way.
    pub(crate) fn pump_outbox(&mut self, cx: &mut Cx) {
        if self.is_compat()
            || self.outbox.sending
            || self.link.phase != Phase::Live
            || !self.link.arrived
        {
            return;
        }
        let Some(mut message) = self.outbox.waiting.pop_front() else { return };
        message.state = MessageState::Sending;
        self.outgoing_state(message.key, MessageState::Sending);
        self.tell_message(cx, &message);
        let body = message_body(&message.what);
        self.outbox.waiting.push_front(message);
        self.outbox.sending = true;
        self.start(cx, Owner::Outbox, SendMessage::NAME, SendMessage::PATH, body);
    }

    /// The message under way is through, or has failed for good; the next one may go either way.
    pub(crate) fn posted(&mut self, cx: &mut Cx, result: Result<Answer, CallError>) {
        self.outbox.sending = false;
        if let Some(message) = self.outbox.waiting.pop_front() {
            self.is_changed = true;
            match result {
                Ok(answer) => {
                    let Sent { id, time } = cx.sent(&answer.body);
                    let place = id.as_ref().map(|id| Place::of_item(&time.unwrap_or_default(), id));
                    self.outgoing_sent(message.key, id, place.clone());
                    self.message_sent(cx, message.key, message.call, place);
                    if let Some(call) = message.call {
                        self.done(cx, call, Ok(Value::Answered(answer)));
                    }
                }
                Err(error) => self.message_failed(cx, message, error),
            }
        }
        self.pump_outbox(cx);
    }

    fn message_failed(&mut self, cx: &mut Cx, mut message: Message, error: CallError) {
        self.is_changed = true;
        message.state = MessageState::Failed(error.clone());
        self.outgoing_failed(message.key, message.state.clone());
        self.tell_message(cx, &message);
        if let Some(call) = message.call.take() {
            self.done(cx, call, Err(error));
        }
        self.outbox.failed.push_back(message);
        if self.outbox.failed.len() > MOST_WAITING
            && let Some(oldest) = self.outbox.failed.pop_front()
        {
            self.unlist_outgoing(oldest.key);
        }
    }

    /// What has not been sent will not be, unless the application asks for it again.
    pub(crate) fn fail_outbox(&mut self, cx: &mut Cx, error: &CallError) {
        if self.is_compat() {
            return;
        }
        let under_way = usize::from(self.outbox.sending);
        for message in self.outbox.waiting.split_off(under_way) {
            self.message_failed(cx, message, error.clone());
        }
    }

    /// The first connection failed for a reason that may pass: who waits for a message hears of it. What
    /// another process has left waits for the next attempt, for nobody is there to hear.
    pub(crate) fn fail_called(&mut self, cx: &mut Cx, error: &CallError) {
        if self.is_compat() {
            return;
        }
        let under_way = usize::from(self.outbox.sending);
        for message in self.outbox.waiting.split_off(under_way) {
            if message.call.is_some() {
                self.message_failed(cx, message, error.clone());
            } else {
                self.outbox.waiting.push_back(message);
            }
        }
    }

    /// The application no longer wants a message: one that waits is gone.
    pub(crate) fn cancel_message(&mut self, cx: &mut Cx, call: CallId) {
        let under_way = usize::from(self.outbox.sending);
        let waiting = &self.outbox.waiting;
        let Some(at) = waiting.iter().position(|message| message.call == Some(call)) else {
            return;
        };
        if at < under_way {
            self.outbox.waiting[at].call = None;
        } else if let Some(mut message) = self.outbox.waiting.remove(at) {
            self.is_changed = true;
            self.unlist_outgoing(message.key);
            message.state = MessageState::Failed(CallError::Cancelled);
            self.tell_message(cx, &message);
        }
    }

    /// Takes a message that failed out; answers the call if there is no such.
    fn take_failed(&mut self, cx: &mut Cx, call: CallId, key: EntryKey) -> Option<Message> {
        let failed = &mut self.outbox.failed;
        let at = failed.iter().position(|message| message.key == key);
        let message = at.and_then(|at| failed.remove(at));
        self.is_changed |= message.is_some();
        if message.is_none() {
            let rule = "must be that of a message that failed";
            self.done(cx, call, Err(CallError::Invalid { member: "key", rule }));
        }
        message
    }

    /// Sends a message that failed once more, behind those that wait, with the same client token: if
    /// the service has it after all, it answers as it did.
    pub(crate) fn resend(&mut self, cx: &mut Cx, call: CallId, key: EntryKey) {
        if !self.takes_message(cx, call) {
            return;
        }
        let Some(mut message) = self.take_failed(cx, call, key) else { return };
        self.unlist_outgoing(key);
        message.call = Some(call);
        message.state = MessageState::Queued;
        self.queue(cx, message);
        self.pump_outbox(cx);
    }

    /// Drops a message that failed.
    pub(crate) fn discard(&mut self, cx: &mut Cx, call: CallId, key: EntryKey) {
        if self.take_failed(cx, call, key).is_some() {
            self.unlist_outgoing(key);
            self.done(cx, call, Ok(Value::Nothing));
        }
    }

    /// Takes a message from another process, with its key and its client token: one that has failed,
    /// or one that waits.
    pub(crate) fn restore_message(
        &mut self,
        cx: &mut Cx,
        key: EntryKey,
        what: Outgoing,
        state: MessageState,
    ) {
        self.use_key(key);
        let message = Message { key, call: None, what, state };
        self.tell_message(cx, &message);
        if matches!(message.state, MessageState::Failed(_)) {
            self.outbox.failed.push_back(message);
        } else {
            self.outbox.waiting.push_back(message);
        }
    }
}
