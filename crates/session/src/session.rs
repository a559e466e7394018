//! One session: its parts, and what sets them in motion.

use std::sync::Arc;

use chatloom_wire::{Item, ItemHead};

use crate::{
    Behaviour, Body, CHATLOOM, CallError, CallId, ChatDetails, Event, HttpAnswer, ItemHandle,
    ItemKind, LogLevel, OfChatloom, RequestId, Role, SessionId, SessionOptions, SocketId,
    calls::attachments::Transfer,
    calls::outbox::Outbox,
    calls::receipts::Receipts,
    calls::{Exchange, Typing},
    classify,
    core::Cx,
    link::foreign::Signal,
    link::{Link, Phase},
    parsed::Frame,
    read,
    roster::Roster,
    timers::{Timer, Timers},
    transcript::Transcript,
    transcript::partial::Partials,
    transcript::track::Track,
};

/// The item a session of the original behaviour gives when it learns from the service that the chat
/// ended while it was away (docs/protocol/websocket.md S164).
const SYNTHETIC_END: &str = r#"{"AbsoluteTime":"","ContentType":"application/vnd.amazonaws.connect.event.chat.ended","Id":"","Type":"EVENT","InitialContactId":""}"#;

/// An item with its members, wherever they were read.
#[derive(Clone, Debug)]
pub(crate) enum Incoming {
    Item(Arc<Item>),
    Held(ItemHandle, Arc<ItemHead>),
}

impl Incoming {
    pub(crate) fn head(&self) -> &ItemHead {
        match self {
            Self::Item(item) => item.head(),
            Self::Held(_, head) => head,
        }
    }

    /// When the service took it.
    pub(crate) fn time(&self) -> &str {
        match self {
            Self::Item(item) => item.absolute_time(),
            Self::Held(_, head) => head.absolute_time.as_deref(),
        }
        .unwrap_or_default()
    }

    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Item(item) => Body::Item(item),
            Self::Held(item, _) => Body::Held(item),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) options: SessionOptions,
    pub(crate) timers: Timers,
    /// The deadline under which the core has this session in its index.
    pub(crate) indexed_deadline: Option<u64>,
    pub(crate) link: Link,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) last_exchange: u64,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) typing: Option<Typing>,
    pub(crate) outbox: OfChatloom<Outbox>,
    pub(crate) transcript: Transcript,
    pub(crate) partials: Partials,
    pub(crate) receipts: Receipts,
    pub(crate) roster: OfChatloom<Roster>,
    pub(crate) track: Track,
    /// Something has changed that a snapshot holds, since the last one.
    pub(crate) is_changed: bool,
}

impl Session {
    pub(crate) fn new(id: SessionId, options: SessionOptions) -> Self {
        Self {
            id,
            options,
            timers: Timers::default(),
            indexed_deadline: None,
            link: Link::default(),
            exchanges: Vec::new(),
            last_exchange: 0,
            transfers: Vec::new(),
            typing: None,
            outbox: OfChatloom::<Outbox>::default(),
            transcript: Transcript::default(),
            partials: Partials::default(),
            receipts: Receipts::default(),
            roster: OfChatloom::<Roster>::default(),
            track: Track::default(),
            is_changed: true,
        }
    }

    pub(crate) fn is_compat(&self) -> bool {
        !CHATLOOM || self.options.behaviour == Behaviour::Compat
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.timers.deadline()
    }

    pub(crate) fn log(&self, cx: &mut Cx, level: LogLevel, text: &str) {
        if level >= self.options.log_level {
            cx.log(Some(self.id), level, text);
        }
    }

    /// Who the session is and what it was given.
    pub(crate) fn details(&self) -> ChatDetails<'_> {
        ChatDetails {
            contact_id: &self.options.contact_id,
            initial_contact_id: &self.options.initial_contact_id,
            participant_id: &self.options.participant_id,
            participant_token: &self.options.participant_token,
            connection: self.link.details.as_deref(),
        }
    }

    /// A handler of the application failed. The original hides that (docs/protocol/defects.md D10).
    pub(crate) fn handler_failed(&mut self, cx: &mut Cx, handler: String) {
        let mut text = "a handler of the application failed: ".to_owned();
        text.push_str(&handler);
        self.log(cx, LogLevel::Error, &text);
        if !self.is_compat() {
            self.event(cx, Event::HandlerFailed { handler });
        }
    }

    pub(crate) fn event(&self, cx: &mut Cx, event: Event) {
        cx.event(self.id, event);
    }

    /// Shows an item to the application and is done with it.
    pub(crate) fn give(&self, cx: &mut Cx, kind: ItemKind, body: Body) {
        let held = match body {
            Body::Held(item) => Some(item),
            Body::Item(_) => None,
        };
        self.event(cx, Event::Item { kind, body });
        if let Some(item) = held {
            cx.release(item);
        }
    }

    pub(crate) fn fire_due(&mut self, cx: &mut Cx) {
        while let Some(timer) = self.timers.pop_due(cx.now.mono_ms) {
            match timer {
                Timer::Reconnect => self.reconnect_due(cx),
                Timer::Token => self.token_due(cx),
                Timer::HostToken => self.host_token_due(cx),
                Timer::Acknowledge => self.acknowledge_due(cx),
                Timer::Silence => self.silence(cx),
                Timer::Opening(socket) => self.opening_due(cx, socket),
                Timer::Subscribe(socket) => self.subscribe_due(cx, socket),
                Timer::Beat(socket) => self.beat(cx, socket),
                Timer::Probe(socket) => self.probe_due(cx, socket),
                Timer::Age(socket) => self.grown_old(cx, socket),
                Timer::Retry(exchange) => self.retry_due(cx, exchange),
                Timer::ReceiptStage => self.receipt_stage_due(cx),
                Timer::ReceiptWindow => self.receipt_window_due(cx),
                // Only Chatloom behaviour sets the others.
                _ if !CHATLOOM => {}
                Timer::Held => self.held_too_long(cx),
                Timer::Rehydrated => self.rehydrated(cx),
                Timer::Typing => self.typing_due(cx),
            }
        }
    }

    pub(crate) fn answered(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        answer: Result<HttpAnswer, String>,
    ) {
        let Some(answer) = self.acknowledgement_answered(cx, request, answer) else { return };
        if self.link.fetching == Some(request) {
            self.fetched(cx, request, answer);
        } else if !self.storage_answered(cx, request, &answer) {
            self.exchange_answered(cx, request, answer);
        }
    }

    /// A frame came that is no item.
    pub(crate) fn frame(&mut self, cx: &mut Cx, socket: SocketId, frame: Frame) {
        match frame {
            Frame::Subscribed { success, is_chat } => {
                self.subscription_answered(cx, socket, success, is_chat);
            }
            Frame::Heartbeat => self.heartbeat_answered(cx, socket),
            Frame::Ping { success } => self.ping_answered(cx, socket, success),
            Frame::Gateway => {
                self.log(
                    cx,
                    LogLevel::Warn,
                    "the gateway in front of the service reports an error",
                );
            }
            Frame::Other => {
                self.log(cx, LogLevel::Debug, "a frame of another topic was ignored");
            }
            Frame::Unreadable => {
                self.log(cx, LogLevel::Warn, "a frame that cannot be read was ignored");
            }
        }
    }

    /// An item came over a socket, or over the connection of a socket manager of the host's.
    pub(crate) fn live_item(&mut self, cx: &mut Cx, socket: Option<SocketId>, incoming: Incoming) {
        let primary = || self.link.primary.as_ref().map_or(SocketId(0), |primary| primary.id);
        let socket = socket.unwrap_or_else(primary);
        let head = incoming.head();
        let is_compat = self.is_compat();
        let SessionOptions { contact_id, initial_contact_id, participant_id, .. } = &self.options;
        let wanted = self.link.phase == Phase::Live
            && classify::is_for(head, contact_id, initial_contact_id, is_compat);
        let kind = if wanted { classify::kind(head, participant_id, is_compat) } else { None };
        if wanted && !is_compat {
            self.receipts_on(cx, head);
        }
        let Some(kind) = kind else { return release(cx, &incoming.into_body()) };
        let Some(incoming) = self.assemble(cx, incoming) else { return };
        let head = incoming.head();
        let hands_on = self.options.role == Role::Agent && classify::hands_on(head);
        if !self.is_compat() {
            self.link.handed_on |= hands_on;
            self.merge_live(cx, socket, kind, incoming);
            if hands_on && self.link.is_trusted(socket) {
                self.end(cx);
            }
        } else if hands_on {
            // The application hears neither of an end nor of anything else (S163).
            self.show_compat(cx, kind, incoming);
            self.close_link(cx, "the chat was handed on");
            self.link.phase = Phase::Broken;
            // Nobody brings the token that some may wait for.
            self.end_exchanges(cx, &CallError::Closed);
        } else if classify::ends_chat(head) {
            // The socket closes before the application hears of the end (S161).
            self.close_link(cx, "the chat ended");
            self.show_compat(cx, kind, incoming);
            self.end(cx);
        } else {
            self.show_compat(cx, kind, incoming);
        }
    }

    /// The service says that the chat ended while nobody listened.
    pub(crate) fn ended_while_away(&mut self, cx: &mut Cx) {
        self.log(cx, LogLevel::Info, "the service confirms that the chat is over");
        self.give_up_recovery(cx);
        self.dissolve_share(cx, Signal::EndedAway);
        self.close_link(cx, "the chat ended");
        if self.is_compat() {
            let head = if CHATLOOM { read::item_head(SYNTHETIC_END) } else { None };
            let item = Item::from_parts(SYNTHETIC_END, head.unwrap_or_default());
            self.give(cx, ItemKind::Message, Body::Item(Arc::new(item)));
        }
        self.end(cx);
    }

    /// The chat is over: nothing is sent any more but what is under way.
    pub(crate) fn end(&mut self, cx: &mut Cx) {
        if self.link.phase == Phase::Ended {
            return;
        }
        self.close_link(cx, "the chat ended");
        self.link.phase = Phase::Ended;
        self.is_changed = true;
        self.give_found(cx);
        self.clear_transcript(cx);
        self.end_exchanges(cx, &CallError::Closed);
        self.end_uploads(cx);
        self.fail_outbox(cx, &CallError::Closed);
        self.end_receipts(cx);
        self.end_roster();
        self.show(cx, crate::Connection::Ended);
        // Whoever stops listening at the end has seen everything.
        self.tell_transcript(cx);
        self.tell_roster(cx);
        self.event(cx, Event::Ended);
    }

    /// The host has no more use for this session.
    pub(crate) fn forget(&mut self, cx: &mut Cx) {
        self.close_link(cx, "the session is closed");
        self.forget_acknowledgement(cx);
        self.clear_transcript(cx);
        self.drop_list(cx);
        for exchange in std::mem::take(&mut self.exchanges) {
            exchange.abort(cx);
        }
        self.forget_transfers(cx);
        for call in cx.calls_of(self.id) {
            cx.done(self.id, call, Err(CallError::Closed));
        }
    }

    pub(crate) fn done(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        result: Result<crate::Value, CallError>,
    ) {
        cx.done(self.id, call, result);
    }
}

/// Gives an item back that nobody wants.
pub(crate) fn release(cx: &mut Cx, body: &Body) {
    if let Body::Held(item) = *body {
        cx.release(item);
    }
}
