//! How far this participant has read, and how the service hears of it, in Chatloom behaviour.
//!
//! There is one horizon for what was delivered and one for what was read; neither goes back. What is
//! to be told is gathered for a while, then one request names the newest item, and is repeated until
//! the service takes it or refuses it. What has been read counts as delivered
//! (docs/protocol/participant-service.md §9).

use chatloom_wire::{
    ItemId,
    participant::{Operation, SendEvent},
};

use crate::{
    Answer, CallError, CallId, Value,
    calls::Owner,
    calls::receipts::{Kind, Receipt, receipt_body},
    core::Cx,
    json::Writer,
    session::Session,
    timers::Timer,
    transcript::list::Place,
};

/// So many calls wait for one receipt. With more the oldest is answered: a later one covers it.
const MOST_WAITING: usize = 1_000;

/// An item to name, its place where it is known, and the calls that want it named.
#[derive(Debug)]
struct Mark {
    id: ItemId,
    place: Option<Place>,
    calls: Vec<CallId>,
}

impl Mark {
    /// Whether a receipt for this says the other as well.
    fn covers(&self, id: &ItemId, place: Option<&Place>) -> bool {
        self.id == *id || place.is_some() && self.place.as_ref() >= place
    }
}

/// One of the two horizons.
#[derive(Debug, Default)]
struct Reach {
    /// What the service knows.
    known: Option<Place>,
    under_way: Option<Mark>,
    next: Option<Mark>,
}

/// What is known, for a snapshot: the newest item that was delivered, and that was read.
pub(crate) type Known = [Option<Place>; 2];

/// The content of a receipt (docs/protocol/participant-service.md §6.4).
fn content_of(id: &ItemId) -> String {
    let mut content = Writer::new();
    content.text("messageId", id.as_str());
    content.finish()
}

/// How far this participant has come.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    delivered: Reach,
    read: Reach,
}

impl Horizon {
    fn reach(&mut self, kind: Kind) -> &mut Reach {
        match kind {
            Kind::Delivered => &mut self.delivered,
            Kind::Read => &mut self.read,
        }
    }

    pub(crate) fn known(&self) -> [Option<&Place>; 2] {
        [self.delivered.known.as_ref(), self.read.known.as_ref()]
    }

    pub(crate) fn restore(&mut self, [delivered, read]: Known) {
        self.delivered.known = delivered;
        self.read.known = read;
    }

    fn covers(&self, kind: Kind, place: &Place) -> bool {
        let is_in = |reach: &Reach| reach.known.as_ref().is_some_and(|known| place <= known);
        is_in(&self.read) || kind == Kind::Delivered && is_in(&self.delivered)
    }

    /// The service knows of this; says whether that is news.
    fn raise(&mut self, kind: Kind, place: Option<Place>) -> bool {
        let known = &mut self.reach(kind).known;
        let is_news = place > *known;
        if is_news {
            *known = place;
        }
        is_news
    }

    fn marks(&mut self) -> impl Iterator<Item = (Kind, bool, &mut Option<Mark>)> {
        [
            (Kind::Delivered, false, &mut self.delivered.next),
            (Kind::Read, false, &mut self.read.next),
            (Kind::Delivered, true, &mut self.delivered.under_way),
            (Kind::Read, true, &mut self.read.under_way),
        ]
        .into_iter()
    }

    /// Forgets a call. One that waits alone is not told; one that is under way alone is not told
    /// again: its kind is the answer.
    pub(crate) fn cancel(&mut self, call: CallId) -> Option<Kind> {
        let mut alone = None;
        for (kind, is_under_way, slot) in self.marks() {
            let Some(mark) = slot else { continue };
            let Some(at) = mark.calls.iter().position(|waiting| *waiting == call) else { continue };
            mark.calls.remove(at);
            if !mark.calls.is_empty() {
                continue;
            }
            if is_under_way {
                alone = Some(kind);
            } else {
                *slot = None;
            }
        }
        alone
    }

    /// Nothing more is told; gives the calls that waited.
    pub(crate) fn end(&mut self) -> Vec<CallId> {
        let marks = [self.delivered.next.take(), self.read.next.take()];
        marks.into_iter().flatten().flat_map(|mark| mark.calls).collect()
    }
}

impl Session {
    /// The application says how far it has come. Compat sends what the original would.
    pub(crate) fn mark_item(&mut self, cx: &mut Cx, call: CallId, kind: Kind, id: ItemId) {
        if !self.admit(cx, call, SendEvent::NAME, Ok(())) {
            return;
        }
        if !self.options.receipts {
            self.done(cx, call, Err(CallError::ReceiptsOff));
        } else if self.is_compat() {
            self.gather(cx, Receipt { call, kind, content: content_of(&id), id, at_once: false });
        } else {
            self.mark(cx, call, kind, id, false);
        }
    }

    pub(crate) fn mark(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        kind: Kind,
        id: ItemId,
        at_once: bool,
    ) {
        let place = self.place_of(&id);
        let horizon = &mut self.receipts.horizon;
        if place.as_ref().is_some_and(|place| horizon.covers(kind, place)) {
            return self.done(cx, call, Ok(Value::AlreadyFired));
        }
        // One that is about to be told, or being told, may say it as well.
        let covering = horizon.marks().find_map(|(of, _, slot)| {
            // One that nobody waits for is not repeated.
            let fits = |mark: &&mut Mark| !mark.calls.is_empty() && of.max(kind) == of;
            let mark = slot.as_mut().filter(fits)?;
            mark.covers(&id, place.as_ref()).then_some(mark)
        });
        let mark = if let Some(mark) = covering {
            mark
        } else {
            // Of two of which one has no known place, nobody knows which is newer.
            let is_other = |next: &Mark| next.place.is_some() != place.is_some();
            if horizon.reach(kind).next.as_ref().is_some_and(is_other) {
                self.horizon_due(cx);
            }
            let next = &mut self.receipts.horizon.reach(kind).next;
            let calls = next.take().map_or(Vec::new(), |older| older.calls);
            next.insert(Mark { id, place, calls })
        };
        mark.calls.push(call);
        if mark.calls.len() > MOST_WAITING {
            let oldest = mark.calls.remove(0);
            self.done(cx, oldest, Ok(Value::AlreadyFired));
        }
        if at_once {
            self.timers.clear(Timer::ReceiptWindow);
            self.horizon_due(cx);
        } else if !self.timers.is_set(Timer::ReceiptWindow) {
            self.timers.set(Timer::ReceiptWindow, cx.after(self.options.receipt_throttle_ms));
        }
    }

    /// What was gathered is told.
    pub(crate) fn horizon_due(&mut self, cx: &mut Cx) {
        let horizon: &mut Horizon = &mut self.receipts.horizon;
        // What is read need not be told as delivered.
        if let (Some(read), Some(delivered)) = (&mut horizon.read.next, &horizon.delivered.next)
            && read.covers(&delivered.id, delivered.place.as_ref())
            && let Some(delivered) = horizon.delivered.next.take()
        {
            read.calls.extend(delivered.calls);
        }
        for kind in [Kind::Delivered, Kind::Read] {
            let reach = self.receipts.horizon.reach(kind);
            if reach.under_way.is_some() {
                // It goes when that one is through.
                continue;
            }
            let Some(mark) = reach.next.take() else { continue };
            let body = receipt_body(kind, &content_of(&mark.id), &cx.rng.uuid());
            reach.under_way = Some(mark);
            self.start(cx, Owner::Horizon(kind), SendEvent::NAME, SendEvent::PATH, body);
        }
    }

    /// The service took or refused what it was told.
    pub(crate) fn horizon_answered(
        &mut self,
        cx: &mut Cx,
        kind: Kind,
        result: Result<Answer, CallError>,
    ) {
        let reach = self.receipts.horizon.reach(kind);
        let Some(mark) = reach.under_way.take() else { return };
        let goes_on = reach.next.is_some() && !self.timers.is_set(Timer::ReceiptWindow);
        if result.is_ok() {
            self.is_changed |= self.receipts.horizon.raise(kind, mark.place);
        }
        self.answer_all(cx, mark.calls, result);
        if goes_on && self.can_call(SendEvent::NAME) {
            self.horizon_due(cx);
        }
    }

    /// An item says what the service knows of this participant, from an earlier process or through
    /// another connection.
    pub(crate) fn learn_horizon(&mut self, kind: Kind, place: &Place) {
        self.is_changed |= self.receipts.horizon.raise(kind, Some(place.clone()));
    }
}
