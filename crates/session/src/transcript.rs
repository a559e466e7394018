//! The transcript as the application gets it, in Chatloom behaviour: in order, whole, each item once.
//!
//! The rule: what has been delivered is all there was up to the newest of it. A socket that has just
//! subscribed breaks the rule, for nobody knows what was published before. So what it brings is held
//! back while the transcript is read backward until it meets what has been delivered; then
//! everything comes out in the order of (AbsoluteTime, Id), and from then on the socket is *trusted*
//! and what it brings is delivered at once (docs/protocol/defects.md D6, D7).
//!
//! What cannot be read leaves a *gap*. It is told, and read again after the next recovery and when
//! the application asks for it. Nothing is held back for more than [`HELD_MS`]: then what waits is
//! delivered behind a gap, and the reading goes on for the gap.

pub(crate) mod delivered;
pub(crate) mod list;
pub(crate) mod partial;
pub(crate) mod reading;
pub(crate) mod track;

use chatloom_wire::ItemId;

use crate::{
    CHATLOOM, CallError, CallId, Event, GapId, ItemKind, LogLevel, OfChatloom, SocketId, Value,
    classify,
    core::Cx,
    session::{Incoming, Session, release},
    timers::Timer,
    transcript::delivered::{Delivered, Floor, Gone},
    transcript::list::Place,
    transcript::reading::{Aim, End, Reading},
    transcript::track::Arrival,
};

/// So many live items are held back; with more the recovery starts again, which holds them too.
const MOST_WAITING: usize = 1_000;
/// No live item is held back for longer.
const HELD_MS: u64 = 20_000;
/// So many gaps are remembered; of more the oldest can no longer be filled.
pub(crate) const MOST_GAPS: usize = 50;
/// So many files are remembered of which nobody knows what becomes of them; of more the newest.
const MOST_PENDING: usize = 20;
/// What belongs to an attached transcript is there so long after the event that tells of it
/// (docs/protocol/participant-service.md §7).
const REHYDRATED_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) delivered: OfChatloom<Delivered>,
    /// Live items that are held back.
    waiting: OfChatloom<Vec<Held>>,
    /// Files that have been delivered before it was known what becomes of them.
    pending: OfChatloom<Vec<Place>>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) last_reading: u32,
    gaps: OfChatloom<Vec<Gap>>,
    last_gap: u32,
    /// An earlier chat has been attached and has not been read.
    rehydrated: bool,
}

/// A live item that is held back until the transcript has been read for its socket; for the next
/// one if its socket is gone.
#[derive(Debug)]
struct Held {
    socket: SocketId,
    is_gone: bool,
    arrival: Arrival,
}

/// An item with the socket that brought it, or for which it was read.
type Piece = (SocketId, Arrival);

/// A hole in what has been delivered.
#[derive(Debug)]
struct Gap {
    id: GapId,
    /// It is behind this; it begins with the transcript when there is nothing before.
    after: Option<Place>,
    /// It is before this; nothing has been delivered behind it when there is none.
    before: Option<Place>,
    /// It is to be read after the recovery.
    due: bool,
}

impl Transcript {
    /// Begins hashes with this number; for a new one.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.delivered.seed(seed);
    }

    /// Where an item is that has been delivered and is remembered.
    pub(crate) fn place(&self, id: &ItemId) -> Option<&Place> {
        self.delivered.place(id)
    }

    /// Whether an item tells what became of a file that has been delivered.
    pub(crate) fn settles(&self, arrival: &Arrival) -> bool {
        arrival.is_file
            && !arrival.is_pending
            && self.pending.iter().any(|place| place.id.as_ref() == Some(&arrival.id))
    }

    /// Whether nothing is to be learned of a file that lies before a place.
    pub(crate) fn is_settled_before(&self, place: &Place) -> bool {
        self.pending.iter().all(|pending| pending >= place)
    }

    /// Notes what is known of a file.
    fn note_file(&mut self, arrival: &Arrival) {
        if !arrival.is_file {
            return;
        }
        self.pending.retain(|place| place.id.as_ref() != Some(&arrival.id));
        if arrival.is_pending {
            self.pending.push(arrival.place.clone());
            if self.pending.len() > MOST_PENDING {
                self.pending.remove(0);
            }
        }
    }

    /// What has been delivered, as it survives the process.
    pub(crate) fn floor(&self) -> Floor {
        let gaps = self.gaps.iter();
        let gaps = gaps.map(|gap| Gone { after: gap.after.clone(), before: gap.before.clone() });
        Floor { gaps: gaps.collect(), ..self.delivered.floor() }
    }

    /// Whether a place is before the end of a gap.
    pub(crate) fn is_before_end(&self, gap: GapId, place: &Place) -> bool {
        let gap = self.gaps.iter().find(|known| known.id == gap);
        gap.and_then(|gap| gap.before.as_ref()).is_none_or(|before| place < before)
    }

    pub(crate) fn new_gap(&mut self) -> GapId {
        self.last_gap += 1;
        GapId(self.last_gap)
    }

    fn drop_waiting(&mut self, cx: &mut Cx) {
        for held in self.waiting.drain(..) {
            release(cx, &held.arrival.body);
        }
    }
}

fn sort(arrivals: &mut [Arrival]) {
    arrivals.sort_unstable_by(|a, b| a.place.cmp(&b.place));
}

impl Session {
    /// Another process has delivered this.
    pub(crate) fn restore_floor(&mut self, cx: &mut Cx, floor: Floor) {
        for Gone { after, before } in floor.gaps {
            self.open_gap(cx, after, before, true);
        }
        let Floor { below, near, .. } = floor;
        self.transcript.delivered.restore(Floor { below, near, gaps: Vec::new() });
    }

    /// Forgets what has been delivered and gives everything up.
    pub(crate) fn clear_transcript(&mut self, cx: &mut Cx) {
        self.drop_readings(cx);
        if CHATLOOM {
            self.transcript.drop_waiting(cx);
            self.drop_older_calls(cx);
            self.transcript.delivered.clear();
            self.transcript.gaps.clear();
            self.transcript.pending.clear();
            self.timers.clear(Timer::Held);
            self.timers.clear(Timer::Rehydrated);
        }
    }

    /// A live item for the application.
    pub(crate) fn merge_live(
        &mut self,
        cx: &mut Cx,
        socket: SocketId,
        kind: ItemKind,
        incoming: Incoming,
    ) {
        if classify::is_transient(incoming.head(), kind) {
            // During a hand-over both sockets bring it; chunks have been told apart already.
            let is_chunk = classify::is_streamed(incoming.head());
            if !is_chunk && self.link.is_candidate(socket) && self.link.is_healthy() {
                release(cx, &incoming.into_body());
            } else {
                self.show_transient(cx, kind, incoming);
            }
            return;
        }
        let me = &self.options.participant_id;
        let Ok(arrival) = Arrival::new(incoming, kind, me) else { return };
        if self.link.is_trusted(socket) {
            if arrival.is_file && self.transcript.delivered.has_id(&arrival.id) {
                // With what became of it.
                self.transcript.note_file(&arrival);
                self.show_item(cx, arrival);
            } else if self.deliver(cx, arrival, false) {
                self.end(cx);
            } else {
                self.rehydrate_soon(cx);
            }
        } else if !arrival.streamed
            && self.transcript.delivered.has(&arrival.place, &arrival.id)
            && !self.transcript.settles(&arrival)
        {
            release(cx, &arrival.body);
        } else {
            // What a manager of the host's brings while it has no connection is of none.
            let is_gone = socket == SocketId(0);
            self.transcript.waiting.push(Held { socket, is_gone, arrival });
            if !self.timers.is_set(Timer::Held) {
                self.timers.set(Timer::Held, cx.after(HELD_MS));
            }
            if self.transcript.waiting.len() > MOST_WAITING {
                self.log(cx, LogLevel::Warn, "too many items wait; the transcript is read again");
                self.transcript.drop_waiting(cx);
                if let Some(recovery) = self.take_recovery(|_| true) {
                    self.drop_reading(cx, &recovery);
                }
                self.recover_next(cx);
            }
        }
    }

    /// Delivers an item unless it has been; says whether it ends the chat. What fills a gap may be
    /// older than what is remembered.
    fn deliver(&mut self, cx: &mut Cx, arrival: Arrival, fills: bool) -> bool {
        if self.transcript.settles(&arrival) {
            self.transcript.note_file(&arrival);
            self.show_item(cx, arrival);
            return false;
        }
        // The transcript may have given a streamed message before it was complete.
        let replaces = arrival.streamed && self.partials.take_cut(&arrival.id);
        let delivered = &mut self.transcript.delivered;
        let is_known = if fills {
            delivered.has_id(&arrival.id)
        } else {
            delivered.has(&arrival.place, &arrival.id)
        };
        if is_known && !replaces {
            release(cx, &arrival.body);
            return false;
        }
        self.is_changed |= delivered.note(&arrival.place, &arrival.id);
        self.transcript.note_file(&arrival);
        if !fills
            && let Some(gap) = self.transcript.gaps.last_mut()
            && gap.before.is_none()
        {
            gap.before = Some(arrival.place.clone());
        }
        self.transcript.rehydrated |= arrival.kind == ItemKind::ChatRehydrated;
        let ends_chat = arrival.ends_chat;
        if let Some(head) = arrival.head() {
            self.roster_item(cx, head);
        }
        let early = self.take_early_receipts(&arrival.id);
        let place = early.as_ref().map(|_| arrival.place.clone());
        self.show_item(cx, arrival);
        if let (Some(receipts), Some(place)) = (early, place) {
            self.receipts_for(cx, &place, &receipts);
        }
        ends_chat
    }

    fn deliver_all(&mut self, cx: &mut Cx, mut arrivals: Vec<Arrival>, fills: bool) -> bool {
        sort(&mut arrivals);
        let mut ends = self.link.handed_on;
        for arrival in arrivals {
            ends |= self.deliver(cx, arrival, fills);
        }
        ends
    }

    fn take_recovery(&mut self, of: impl Fn(SocketId) -> bool) -> Option<Reading> {
        self.take_reading(|reading| matches!(reading.aim, Aim::Recovery(socket) if of(socket)))
    }

    /// Reads what was published before a socket subscribed, if there is such a socket and the
    /// transcript is not being read for another one.
    pub(crate) fn recover_next(&mut self, cx: &mut Cx) {
        let is_recovery = |reading: &Reading| matches!(reading.aim, Aim::Recovery(_));
        if self.is_compat() || self.transcript.readings.iter().any(is_recovery) {
            return;
        }
        let Some(socket) = self.link.next_to_trust() else { return };
        if let Some(files) = self.take_reading(|reading| reading.aim == Aim::Files) {
            // This one looks for them, too.
            self.drop_reading(cx, &files);
        }
        let newest = self.transcript.delivered.newest().cloned();
        self.begin_reading(cx, Reading::new(Aim::Recovery(socket), newest));
    }

    /// A socket is gone, and with it the reason to read the transcript for it. What it brought stays
    /// and is sorted in by the next recovery: a transcript may lag behind.
    pub(crate) fn stop_recovery(&mut self, cx: &mut Cx, socket: SocketId) {
        if self.is_compat() {
            return;
        }
        let waiting: &mut Vec<Held> = &mut self.transcript.waiting;
        for held in waiting {
            held.is_gone |= held.socket == socket;
        }
        if let Some(recovery) = self.take_recovery(|of| of == socket) {
            self.drop_reading(cx, &recovery);
        }
    }

    /// Everything that could be read has been: delivers it with what was held back.
    pub(crate) fn recovered(&mut self, cx: &mut Cx, socket: SocketId, recovery: Reading, end: End) {
        #[cfg(feature = "sabotage")]
        if cx.sabotaged {
            self.transcript.drop_waiting(cx);
        }
        let is_covered = |held: &mut Held| held.is_gone || held.socket == socket;
        let waiting = self.transcript.waiting.extract_if(.., is_covered);
        let mut pieces: Vec<Piece> = waiting.map(|held| (held.socket, held.arrival)).collect();
        pieces.extend(recovery.found.into_iter().map(|arrival| (socket, arrival)));
        if self.transcript.waiting.is_empty() {
            self.timers.clear(Timer::Held);
        }
        // What was missed before is tried again now, what is missing now the next time.
        let gaps: &mut Vec<Gap> = &mut self.transcript.gaps;
        for gap in gaps {
            gap.due = true;
        }
        let ends = if end == End::Short {
            self.log(cx, LogLevel::Warn, "a part of the transcript could not be read");
            self.deliver_pieces(cx, recovery.bound, pieces, Some(socket)).1
        } else {
            let arrivals = pieces.into_iter().map(|(_, arrival)| arrival).collect();
            self.deliver_all(cx, arrivals, false)
        };
        if end == End::Beginning {
            // Whatever was attached has been read.
            self.transcript.rehydrated = false;
        }
        self.caught_up(cx, socket, ends);
    }

    /// What a socket brings is the next from now on.
    fn caught_up(&mut self, cx: &mut Cx, socket: SocketId, ends: bool) {
        self.trust(cx, socket);
        self.event(cx, Event::CaughtUp);
        if ends {
            return self.end(cx);
        }
        self.rehydrate_soon(cx);
        self.recover_next(cx);
        self.fill_next(cx);
        self.load_first(cx);
    }

    /// Something has been held back for too long: the transcript cannot be read at the moment.
    /// Everything that waits is delivered behind a gap, and the reading goes on for the gap.
    pub(crate) fn held_too_long(&mut self, cx: &mut Cx) {
        let delivered = &self.transcript.delivered;
        let waiting = self.transcript.waiting.iter();
        let mut waiting = waiting.map(|held| &held.arrival);
        let is_known = waiting.all(|arrival| delivered.has(&arrival.place, &arrival.id));
        let is_known = is_known && self.link.is_served();
        let pieces = self.take_waiting();
        if is_known {
            // A hand-over: the other socket has brought everything.
            let arrivals = pieces.into_iter().map(|(_, arrival)| arrival).collect();
            self.deliver_all(cx, arrivals, false);
            return;
        }
        self.log(cx, LogLevel::Warn, "what waits for the transcript is given behind a gap");
        let recovery = self.take_recovery(|_| true);
        let newest = self.transcript.delivered.newest().cloned();
        let after = recovery.as_ref().map_or(newest, |recovery| recovery.bound.clone());
        let trusted = match &recovery {
            Some(Reading { aim: Aim::Recovery(socket), .. }) => Some(*socket),
            _ => None,
        };
        let (gap, ends) = self.deliver_pieces(cx, after, pieces, trusted);
        if let Some(mut recovery) = recovery
            && let Aim::Recovery(socket) = recovery.aim
        {
            recovery.aim = Aim::Fill(gap);
            self.transcript.readings.push(recovery);
            self.caught_up(cx, socket, ends);
        } else if ends {
            self.end(cx);
        }
    }

    /// The session gives up: delivers what it holds, behind a gap, since something may be missing.
    pub(crate) fn give_up_recovery(&mut self, cx: &mut Cx) {
        if self.is_compat() {
            return;
        }
        let mut pieces = self.take_waiting();
        let mut after = self.transcript.delivered.newest().cloned();
        if let Some(recovery) = self.take_recovery(|_| true) {
            self.drop_reading(cx, &recovery);
            if let Aim::Recovery(socket) = recovery.aim {
                pieces.extend(recovery.found.into_iter().map(|arrival| (socket, arrival)));
            }
            after = recovery.bound;
        }
        self.timers.clear(Timer::Held);
        self.deliver_pieces(cx, after, pieces, None);
    }

    /// Everything that is held back.
    fn take_waiting(&mut self) -> Vec<Piece> {
        let waiting = self.transcript.waiting.drain(..);
        waiting.map(|held| (held.socket, held.arrival)).collect()
    }

    /// Delivers what there is behind a place, when the rest could not be read. What belongs to one
    /// socket is whole in itself; before it something may be missing, and also before what the socket
    /// brings that is trusted `next`. Gives the first gap, and whether the chat ends.
    fn deliver_pieces(
        &mut self,
        cx: &mut Cx,
        after: Option<Place>,
        pieces: Vec<Piece>,
        next: Option<SocketId>,
    ) -> (GapId, bool) {
        let delivered = &self.transcript.delivered;
        let (known, mut pieces): (Vec<Piece>, Vec<Piece>) =
            pieces.into_iter().partition(|(_, arrival)| {
                !arrival.streamed && delivered.has(&arrival.place, &arrival.id)
            });
        for (_, arrival) in known {
            release(cx, &arrival.body);
        }
        pieces.sort_unstable_by(|(_, a), (_, b)| a.place.cmp(&b.place));
        let before = pieces.first().map(|(_, arrival)| arrival.place.clone());
        // What is missing now is tried again after the next recovery.
        let due = next.is_none();
        let first = self.open_gap(cx, after, before, due);
        let mut ends = self.link.handed_on;
        let mut last: Option<(SocketId, Place)> = None;
        for (from, arrival) in pieces {
            let place = arrival.place.clone();
            if let Some((_, before)) = last.filter(|(of, last)| *of != from && *last != place) {
                self.open_gap(cx, Some(before), Some(place.clone()), due);
            }
            last = Some((from, place));
            ends |= self.deliver(cx, arrival, false);
        }
        if let (Some(next), Some((of, last))) = (next, last)
            && of != next
        {
            self.open_gap(cx, Some(last), None, due);
        }
        (first, ends)
    }

    /// Says that something is missing behind one place and before another.
    fn open_gap(
        &mut self,
        cx: &mut Cx,
        after: Option<Place>,
        before: Option<Place>,
        due: bool,
    ) -> GapId {
        self.is_changed = true;
        let id = self.transcript.new_gap();
        self.event(cx, Event::Gap { gap: id });
        self.enlist_gap(id, after.as_ref());
        self.transcript.gaps.push(Gap { id, after, before, due });
        if self.transcript.gaps.len() > MOST_GAPS {
            self.transcript.gaps.remove(0);
        }
        id
    }

    /// Reads for the next gap that is to be filled, unless the transcript is being read for one.
    pub(crate) fn fill_next(&mut self, cx: &mut Cx) {
        let is_fill = |reading: &Reading| matches!(reading.aim, Aim::Fill(_));
        if self.transcript.readings.iter().any(is_fill) {
            return;
        }
        if let Some(gap) = self.transcript.gaps.iter().find(|gap| gap.due) {
            self.begin_fill(cx, gap.id, None);
        }
    }

    fn begin_fill(&mut self, cx: &mut Cx, gap: GapId, call: Option<CallId>) {
        let gaps = &mut self.transcript.gaps;
        let Some(gap) = gaps.iter_mut().find(|known| known.id == gap) else { return };
        gap.due = false;
        // Only a reading from the newest on is sure to come to earlier chats
        // (docs/protocol/participant-service.md §7).
        let start = gap.after.as_ref().and(gap.before.as_ref()).and_then(|place| place.id.clone());
        let mut reading = Reading::new(Aim::Fill(gap.id), gap.after.clone()).starting_at(start);
        reading.endless = call.is_none();
        reading.calls.extend(call);
        self.begin_reading(cx, reading);
    }

    /// The application wants a gap filled.
    pub(crate) fn fill_gap(&mut self, cx: &mut Cx, call: CallId, gap: GapId) {
        if !self.admits_reading(cx, call) {
            return;
        }
        if !self.transcript.gaps.iter().any(|known| known.id == gap) {
            return self.fill_front(cx, call, gap);
        }
        let is_same = |reading: &Reading| reading.aim == Aim::Fill(gap);
        if let Some(going) = self.take_reading(is_same) {
            if !going.calls.is_empty() {
                self.transcript.readings.push(going);
                if let Some(going) = self.transcript.readings.last_mut() {
                    going.calls.push(call);
                }
                return;
            }
            // One that goes on for ever is no answer to a call.
            self.drop_reading(cx, &going);
        }
        self.begin_fill(cx, gap, Some(call));
    }

    /// What could be read of a gap has been.
    pub(crate) fn filled(
        &mut self,
        cx: &mut Cx,
        gap: GapId,
        reading: Reading,
        end: End,
        error: Option<CallError>,
    ) {
        let mut found = reading.found;
        if end == End::Short && self.is_before_something(gap) {
            // A recovery that became this reading began behind the gap. What it found of what is newer
            // than everything delivered may have more in front of it: whoever brings that, the socket
            // that was trusted or the next recovery, brings this as well.
            let newest = self.transcript.delivered.newest();
            let is_behind = |arrival: &mut Arrival| newest.is_some_and(|of| *of < arrival.place);
            for arrival in found.extract_if(.., is_behind) {
                release(cx, &arrival.body);
            }
        }
        let count = found.len() as u32;
        let oldest = found.iter().map(|arrival| &arrival.place).min().cloned();
        let ends = self.deliver_all(cx, found, true);
        self.is_changed = true;
        let gaps = &mut self.transcript.gaps;
        if end != End::Short {
            gaps.retain(|known| known.id != gap);
            self.unlist_gap(gap);
            self.event(cx, Event::GapClosed { gap });
        } else if let Some(known) = gaps.iter_mut().find(|known| known.id == gap) {
            let before = known.before.take();
            known.before = match &before {
                Some(before) => oldest.filter(|oldest| oldest < before),
                None => oldest,
            }
            .or(before);
        }
        let at_beginning = end == End::Beginning;
        let goes_on = error.as_ref().is_some_and(CallError::can_retry);
        let result = match error {
            Some(error) => Err(error),
            None => Ok(Value::Loaded { count, at_beginning }),
        };
        for call in reading.calls {
            self.done(cx, call, result.clone());
        }
        if end == End::Beginning && reading.bound.is_none() {
            self.transcript.rehydrated = false;
        }
        self.rehydrate_soon(cx);
        if ends {
            self.end(cx);
        } else if goes_on && self.link.is_served() {
            self.begin_fill(cx, gap, None);
        } else {
            self.fill_next(cx);
        }
    }

    /// Whether something has been delivered behind a gap.
    fn is_before_something(&self, gap: GapId) -> bool {
        let mut gaps = self.transcript.gaps.iter();
        gaps.any(|known| known.id == gap && known.before.is_some())
    }

    /// The transcript cannot be read any more: gives what has been found for gaps.
    pub(crate) fn give_found(&mut self, cx: &mut Cx) {
        if self.is_compat() {
            return;
        }
        for at in 0..self.transcript.readings.len() {
            let reading = &mut self.transcript.readings[at];
            let Aim::Fill(gap) = reading.aim else { continue };
            let found = std::mem::take(&mut reading.found);
            if self.is_before_something(gap) {
                // What has been found behind the gap has a gap of its own before it.
                let newest = self.transcript.delivered.newest().cloned();
                let places = found.iter().map(|arrival| &arrival.place);
                let behind = places.filter(|place| newest.as_ref().is_some_and(|of| of < place));
                if let Some(before) = behind.min().cloned() {
                    self.open_gap(cx, newest, Some(before), false);
                }
            }
            self.deliver_all(cx, found, true);
        }
    }

    /// Reads what an attached chat has brought, as soon as it is there.
    fn rehydrate_soon(&mut self, cx: &mut Cx) {
        if std::mem::take(&mut self.transcript.rehydrated) {
            self.timers.set(Timer::Rehydrated, cx.after(REHYDRATED_MS));
        }
    }

    /// An attached chat lies before everything else: the beginning is missing until it is read.
    pub(crate) fn rehydrated(&mut self, cx: &mut Cx) {
        self.open_gap(cx, None, None, true);
        self.fill_next(cx);
    }
}
