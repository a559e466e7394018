//! Receipts that this session sends: what a receipt is, who waits for it, and how the original
//! gathers them (docs/protocol/websocket.md S93 to S111). How Chatloom behaviour does is in
//! `horizon.rs`.
//!
//! The original's way has two stages. A *delivered* waits 300 ms, in which a *read* displaces it. What
//! comes out of that opens a window, at whose end the latest is sent, a *delivered* together with the
//! latest *read*. Each receipt that is sent answers the calls of its kind that came before it.

use chatloom_wire::{
    self as wire, ContentType, ItemHead, ItemId, ItemType,
    participant::{Operation, SendEvent},
};

use crate::{
    Answer, CallError, CallId, OfChatloom, Value, calls::Owner, calls::horizon::Horizon, classify,
    core::Cx, json::Writer, parsed::ReceiptContent, session::Session, timers::Timer,
};

/// A delivered waits so long for a read (docs/protocol/websocket.md S100).
const STAGE_MS: u64 = 300;
/// So many calls wait for a receipt. With more the oldest is answered: a later one covers it.
const MOST_WAITING: usize = 1_000;
/// So many messages are remembered as marked. With more the oldest is forgotten; a receipt for it
/// would be sent again.
const MOST_MARKS: usize = 1_000;

/// What a receipt says. A message that was read has also been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Delivered,
    Read,
}

impl Kind {
    /// What a receipt of the service says; if it has both times, that it was read.
    pub(crate) fn of(receipt: &wire::Receipt) -> Option<Self> {
        if receipt.read_timestamp.is_some() {
            Some(Self::Read)
        } else {
            receipt.delivered_timestamp.is_some().then_some(Self::Delivered)
        }
    }

    pub(crate) fn content_type(self) -> ContentType {
        match self {
            Self::Delivered => ContentType::MessageDelivered,
            Self::Read => ContentType::MessageRead,
        }
    }
}

/// A receipt that an application wants to be sent.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) call: CallId,
    pub(crate) kind: Kind,
    pub(crate) id: ItemId,
    pub(crate) content: String,
    /// It is not gathered (docs/protocol/websocket.md S107).
    pub(crate) at_once: bool,
}

/// The receipts of a session.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    /// Whose calls wait to be answered by a receipt that has not been sent, in order.
    waiting: Vec<Receipt>,
    /// The calls that the receipts under way answer, by the number of the receipt.
    sent: Vec<(u32, Vec<CallId>)>,
    last: u32,
    /// Compat: what has been marked.
    marks: Vec<(ItemId, Kind)>,
    /// Compat: the latest before its stage, at the end of the window, and the latest read.
    staged: Option<CallId>,
    latest: Option<CallId>,
    latest_read: Option<CallId>,
    pub(crate) horizon: OfChatloom<Horizon>,
}

impl Receipts {
    fn is_marked(&self, id: &ItemId, kind: Kind) -> bool {
        self.marks.iter().any(|(marked, how)| *how == kind && marked == id)
    }

    fn mark(&mut self, id: &ItemId, kind: Kind) {
        if !self.is_marked(id, kind) {
            self.marks.push((id.clone(), kind));
            if self.marks.len() > MOST_MARKS {
                self.marks.remove(0);
            }
        }
    }

    fn find(&self, call: Option<CallId>) -> Option<&Receipt> {
        self.waiting.iter().find(|receipt| Some(receipt.call) == call)
    }

    /// This call waits no longer.
    fn drop_waiting(&mut self, call: CallId) {
        if let Some(at) = self.waiting.iter().position(|receipt| receipt.call == call) {
            self.waiting.remove(at);
        }
    }

    /// Takes the calls out that this one answers: those of its kind up to itself.
    fn take_covered(&mut self, call: CallId, kind: Kind) -> Vec<CallId> {
        let upto = self.waiting.iter().rposition(|receipt| receipt.call == call);
        let (mut left, mut at) = (upto.map_or(0, |upto| upto + 1), 0);
        let mut taken = Vec::new();
        while left > 0 {
            left -= 1;
            if self.waiting[at].kind == kind {
                taken.push(self.waiting.remove(at).call);
            } else {
                at += 1;
            }
        }
        taken
    }
}

/// The body of a receipt.
pub(crate) fn receipt_body(kind: Kind, content: &str, client_token: &str) -> String {
    let mut body = Writer::new();
    body.text("ClientToken", client_token);
    body.text("Content", content);
    body.text("ContentType", classify::sent_type_text(&kind.content_type()));
    body.finish()
}

impl Session {
    /// The application sends a receipt as an event.
    pub(crate) fn send_receipt(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        content_type: &ContentType,
        content: Option<&str>,
    ) {
        let kind = match content_type {
            ContentType::MessageRead => Kind::Read,
            _ => Kind::Delivered,
        };
        if !self.options.receipts {
            return self.done(cx, call, Err(CallError::ReceiptsOff));
        }
        let rule = "JSON text with a messageId";
        let Some(content) = content else {
            return self.done(cx, call, Err(CallError::Invalid { member: "Content", rule }));
        };
        let ReceiptContent { message_id, at_once } = cx.receipt(content);
        let Some(id) = message_id else {
            return self.done(cx, call, Err(CallError::Invalid { member: "messageId", rule }));
        };
        let receipt = Receipt { call, kind, id, content: content.to_owned(), at_once };
        if self.is_compat() {
            self.gather(cx, receipt);
        } else {
            self.mark(cx, call, kind, receipt.id, at_once);
        }
    }

    /// Compat: takes a receipt into the first stage.
    pub(crate) fn gather(&mut self, cx: &mut Cx, receipt: Receipt) {
        let Receipt { call, kind, ref id, .. } = receipt;
        let receipts = &mut self.receipts;
        if receipts.is_marked(id, Kind::Read) || receipts.is_marked(id, kind) {
            return self.done(cx, call, Ok(Value::AlreadyFired));
        }
        receipts.waiting.push(receipt);
        receipts.staged = Some(call);
        if receipts.waiting.len() > MOST_WAITING {
            let oldest = receipts.waiting.remove(0).call;
            self.done(cx, oldest, Ok(Value::AlreadyFired));
        }
        if kind == Kind::Read {
            self.timers.clear(Timer::ReceiptStage);
            self.receipt_stage_due(cx);
        } else if !self.timers.is_set(Timer::ReceiptStage) {
            self.timers.set(Timer::ReceiptStage, cx.after(STAGE_MS));
        }
    }

    /// The latest receipt goes on to the window; those before it wait for one that covers them.
    pub(crate) fn receipt_stage_due(&mut self, cx: &mut Cx) {
        let receipts = &mut self.receipts;
        let staged = receipts.staged.take();
        let Some(&Receipt { call, kind, ref id, at_once, .. }) = receipts.find(staged) else {
            return;
        };
        let id = id.clone();
        // The transcript may have said so meanwhile.
        let is_read = receipts.is_marked(&id, Kind::Read);
        receipts.mark(&id, kind);
        if is_read {
            for call in receipts.take_covered(call, kind) {
                self.done(cx, call, Ok(Value::AlreadyFired));
            }
        } else if at_once {
            self.post_receipt(cx, call, true);
        } else {
            if kind == Kind::Read {
                receipts.latest_read = Some(call);
            }
            receipts.latest = Some(call);
            if !self.timers.is_set(Timer::ReceiptWindow) {
                let at_ms = cx.after(self.options.receipt_throttle_ms);
                self.timers.set(Timer::ReceiptWindow, at_ms);
            }
        }
    }

    /// The window is over.
    pub(crate) fn receipt_window_due(&mut self, cx: &mut Cx) {
        if !self.is_compat() {
            return self.horizon_due(cx);
        }
        let Some(latest) = self.receipts.latest.take() else { return };
        self.post_receipt(cx, latest, false);
        // Beside a delivered goes the latest read, unless it has gone before (S104).
        if let Some(read) = self.receipts.latest_read.take() {
            self.post_receipt(cx, read, false);
        }
    }

    /// Sends a receipt that waits, if it still does.
    fn post_receipt(&mut self, cx: &mut Cx, call: CallId, alone: bool) {
        let receipts = &mut self.receipts;
        let Some(receipt) = receipts.find(Some(call)) else { return };
        let kind = receipt.kind;
        // The server has to tell receipts apart by more than this (S97).
        let token = match kind {
            Kind::Read => "INCOMING_READ_RECEIPT",
            Kind::Delivered => "INCOMING_DELIVERED_RECEIPT",
        };
        let body = receipt_body(kind, &receipt.content, token);
        let calls = if alone {
            receipts.drop_waiting(call);
            vec![call]
        } else {
            receipts.take_covered(call, kind)
        };
        receipts.last = receipts.last.wrapping_add(1);
        let number = receipts.last;
        receipts.sent.push((number, calls));
        self.start(cx, Owner::Receipt(number), SendEvent::NAME, SendEvent::PATH, body);
    }

    /// A receipt went through or failed.
    pub(crate) fn receipt_answered(
        &mut self,
        cx: &mut Cx,
        number: u32,
        result: Result<Answer, CallError>,
    ) {
        let sent = &mut self.receipts.sent;
        if let Some(at) = sent.iter().position(|(sent, _)| *sent == number) {
            let (_, calls) = sent.swap_remove(at);
            self.answer_all(cx, calls, result);
        }
    }

    /// Ends calls in their order: the first with the result, the others as repeats of it.
    pub(crate) fn answer_all(
        &mut self,
        cx: &mut Cx,
        calls: Vec<CallId>,
        result: Result<Answer, CallError>,
    ) {
        let Some(&earlier) = calls.iter().find(|call| cx.is_open(**call)) else { return };
        let others = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.done(cx, earlier, result.map(Value::Answered));
        // One that has ended is not ended again.
        for call in calls {
            self.done(cx, call, others.clone().map(|()| Value::Repeated { earlier }));
        }
    }

    /// The application no longer wants to hear of a receipt. One that waits is not sent; one that is
    /// under way for nobody else is not sent again: its owner is the answer.
    pub(crate) fn cancel_receipt(&mut self, call: CallId) -> Option<Owner> {
        if !self.is_compat() {
            return self.receipts.horizon.cancel(call).map(Owner::Horizon);
        }
        let receipts = &mut self.receipts;
        receipts.drop_waiting(call);
        // The one before it is the latest again.
        let before = |kind| {
            let mut waiting = receipts.waiting.iter().rev();
            waiting.find(|receipt| receipt.kind == kind).map(|receipt| receipt.call)
        };
        let (delivered, read) = (before(Kind::Delivered), before(Kind::Read));
        for (latest, before) in [
            (&mut receipts.staged, delivered),
            (&mut receipts.latest, read.or(delivered)),
            (&mut receipts.latest_read, read),
        ] {
            if *latest == Some(call) {
                *latest = before;
            }
        }
        let alone = receipts.sent.iter().find(|(_, calls)| *calls == [call]);
        alone.map(|(number, _)| Owner::Receipt(*number))
    }

    /// The chat is over: receipts that wait are not sent (docs/protocol/websocket.md S108).
    pub(crate) fn end_receipts(&mut self, cx: &mut Cx) {
        self.timers.clear(Timer::ReceiptStage);
        self.timers.clear(Timer::ReceiptWindow);
        let waiting = std::mem::take(&mut self.receipts.waiting);
        for receipt in waiting {
            self.done(cx, receipt.call, Err(CallError::Closed));
        }
        if !self.is_compat() {
            for call in self.receipts.horizon.end() {
                self.done(cx, call, Err(CallError::Closed));
            }
        }
    }

    /// Compat: an item of a page that the application read may say that receipts are known
    /// (docs/protocol/websocket.md S109).
    pub(crate) fn mark_from_page(&mut self, head: &ItemHead) {
        if !self.options.receipts || head.item_type != Some(ItemType::MessageMetadata) {
            return;
        }
        let Some(metadata) = &head.message_metadata else { return };
        let receipt = metadata.receipts.as_deref().and_then(<[_]>::first);
        let (Some(id), Some(receipt)) = (&metadata.message_id, receipt) else { return };
        if receipt.read_timestamp.is_some() {
            self.receipts.mark(id, Kind::Read);
        }
        if receipt.delivered_timestamp.is_some() {
            self.receipts.mark(id, Kind::Delivered);
        }
    }
}
