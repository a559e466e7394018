//! Reading the transcript page by page, newest first, until there is enough.

use std::sync::Arc;

use chatloom_wire::{
    ItemId,
    participant::{
        GetTranscript, GetTranscriptRequest, Operation, ScanDirection, SortOrder, StartPosition,
    },
};

use crate::{
    Answer, CHATLOOM, CallError, CallId, GapId, ItemKind, LogLevel, SocketId,
    calls::{Owner, transcript_request},
    classify,
    core::Cx,
    session::{Incoming, Session, release},
    transcript::delivered::MOST_ITEMS,
    transcript::list::Place,
    transcript::track::Arrival,
};

/// Items on a page.
const PAGE_ITEMS: usize = 100;
/// Pages of one reading; a service may give pages that are not full.
const MOST_PAGES: u32 = 400;
/// With those of the recovery, after which nobody goes further back for what became of files.
const MOST_FILE_PAGES: u32 = 10;
/// Pages in a row that cannot be read before a reading is given up.
const MOST_UNREADABLE: u32 = 5;

/// What the transcript is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// What was published before this socket subscribed.
    Recovery(SocketId),
    /// What became meanwhile of files that lie before what a recovery has met. Nobody waits for it.
    Files,
    /// What a gap has swallowed.
    Fill(GapId),
    /// So many entries that are older than those of the list.
    Older(usize),
    /// Compat: what came while there was no connection (docs/protocol/defects.md D6).
    Refresh,
}

/// How far a reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It met what was there before, or has enough.
    Met,
    /// It came to the beginning of the transcript.
    Beginning,
    /// It gave up.
    Short,
}

#[derive(Debug)]
pub(crate) struct Reading {
    id: u32,
    pub(crate) aim: Aim,
    exchange: u64,
    /// It goes on through everything that passes.
    pub(crate) endless: bool,
    pages: u32,
    unreadable: u32,
    pub(crate) next_token: Option<String>,
    /// The item to begin with; the newest when there is none.
    start: Option<ItemId>,
    /// What is up to here need not be read. A recovery ends at what has been delivered; of the others
    /// one that reads older entries ends by their number and wants nothing that is not older.
    pub(crate) bound: Option<Place>,
    pub(crate) found: Vec<Arrival>,
    /// The calls that wait for the end.
    pub(crate) calls: Vec<CallId>,
}

impl Reading {
    pub(crate) fn new(aim: Aim, bound: Option<Place>) -> Self {
        Self {
            id: 0,
            aim,
            exchange: 0,
            endless: true,
            pages: 0,
            unreadable: 0,
            next_token: None,
            start: None,
            bound,
            found: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// What the transcript is read for, which is one thing only in a build without Chatloom
    /// behaviour.
    fn aim(&self) -> Aim {
        if CHATLOOM { self.aim } else { Aim::Refresh }
    }

    /// Begins with this item instead of the newest.
    pub(crate) fn starting_at(self, start: Option<ItemId>) -> Self {
        Self { start, ..self }
    }
}

impl Session {
    pub(crate) fn begin_reading(&mut self, cx: &mut Cx, mut reading: Reading) {
        self.transcript.last_reading += 1;
        reading.id = self.transcript.last_reading;
        self.transcript.readings.push(reading);
        self.read_page(cx, self.transcript.readings.len() - 1);
    }

    /// Takes out the reading for this.
    pub(crate) fn take_reading(&mut self, wanted: impl Fn(&Reading) -> bool) -> Option<Reading> {
        let at = self.transcript.readings.iter().position(wanted)?;
        Some(self.transcript.readings.swap_remove(at))
    }

    /// Gives a reading up that has been taken out.
    pub(crate) fn drop_reading(&mut self, cx: &mut Cx, reading: &Reading) {
        self.drop_exchange(cx, reading.exchange);
    }

    fn read_page(&mut self, cx: &mut Cx, at: usize) {
        let is_compat = self.is_compat();
        let Some(reading) = self.transcript.readings.get(at) else { return };
        let mut items = PAGE_ITEMS;
        // From the newest on, most of what comes is not what is wanted.
        if let Aim::Older(count) = reading.aim()
            && (reading.start.is_some() || reading.next_token.is_some() || reading.bound.is_none())
        {
            items = items.min(count.saturating_sub(reading.found.len()).max(1));
        }
        let start = reading.start.clone().filter(|_| CHATLOOM && reading.next_token.is_none());
        let position = |id| StartPosition { id, ..StartPosition::default() };
        let request = GetTranscriptRequest {
            max_results: Some(items as i64),
            next_token: reading.next_token.clone(),
            scan_direction: Some(ScanDirection::Backward),
            // As the original asks (docs/protocol/websocket.md S68, S69, S140).
            sort_order: Some(if is_compat { SortOrder::Ascending } else { SortOrder::Descending }),
            start_position: (is_compat || start.is_some()).then(|| position(start)),
            ..GetTranscriptRequest::default()
        };
        let (id, endless) = (reading.id, reading.endless);
        let owner = Owner::Reading { id, endless };
        let body = transcript_request(&request);
        let exchange = self.start(cx, owner, GetTranscript::NAME, GetTranscript::PATH, body);
        if let Some(reading) = self.transcript.readings.iter_mut().find(|of| of.id == id) {
            reading.exchange = exchange;
        }
    }

    /// A page came, or the service refused it.
    pub(crate) fn page(&mut self, cx: &mut Cx, id: u32, result: Result<Answer, CallError>) {
        let readings = &mut self.transcript.readings;
        let Some(at) = readings.iter().position(|reading| reading.id == id) else { return };
        let reading = &mut readings[at];
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => return self.reading_over(cx, at, End::Short, Some(error)),
        };
        let Some(page) = cx.page(&answer.body) else {
            reading.unreadable += 1;
            if reading.unreadable >= MOST_UNREADABLE {
                let message = "it holds no transcript".to_owned();
                let error = CallError::BadAnswer { message };
                return self.reading_over(cx, at, End::Short, Some(error));
            }
            return self.read_page(cx, at);
        };
        if CHATLOOM
            && page.items.is_empty()
            && page.next_token.is_none()
            && reading.start.take().is_some()
        {
            // The service does not know the place, or it lies in an earlier chat
            // (docs/protocol/participant-service.md §7).
            return self.read_page(cx, at);
        }
        reading.unreadable = 0;
        reading.pages += 1;
        reading.next_token = page.next_token;
        // The oldest item decides, not any item that is held: the page may end between two items
        // that the socket brought in the other order.
        let mut oldest: Option<(Place, bool)> = None;
        let mut skipped = false;
        let mut fresh = Vec::new();
        for item in page.items {
            let Some(item) = item else {
                skipped = true;
                continue;
            };
            let Some(arrival) = self.arrival_read(cx, Arc::new(item)) else { continue };
            let is_delivered =
                CHATLOOM && self.transcript.delivered.has(&arrival.place, &arrival.id);
            if oldest.as_ref().is_none_or(|(place, _)| &arrival.place < place) {
                oldest = Some((arrival.place.clone(), is_delivered));
            }
            let reading = &self.transcript.readings[at];
            let is_wanted = match reading.aim() {
                Aim::Recovery(_) => !is_delivered || self.transcript.settles(&arrival),
                Aim::Files => self.transcript.settles(&arrival),
                // Outside the gap, what is not remembered has been delivered all the same.
                Aim::Fill(gap) => {
                    reading.bound.as_ref().is_none_or(|bound| &arrival.place > bound)
                        && (!is_delivered
                            || !self.transcript.delivered.has_id(&arrival.id)
                                && self.transcript.is_before_end(gap, &arrival.place))
                }
                Aim::Older(_) => reading.bound.as_ref().is_none_or(|bound| &arrival.place < bound),
                Aim::Refresh => true,
            };
            if is_wanted {
                fresh.push(arrival);
            }
        }
        if skipped {
            self.log(cx, LogLevel::Warn, "an item of the transcript cannot be read");
        }
        let has_files = |(place, _): &(Place, bool)| !self.transcript.is_settled_before(place);
        let has_files = oldest.as_ref().is_some_and(has_files);
        let reading = &mut self.transcript.readings[at];
        let seeks_files = has_files && reading.pages < MOST_FILE_PAGES;
        let is_past = |place: &Place| reading.bound.as_ref().is_some_and(|bound| place <= bound);
        let met = match reading.aim() {
            Aim::Recovery(_) => oldest.is_some_and(|(_, is_delivered)| is_delivered),
            Aim::Files => !seeks_files,
            Aim::Fill(_) => oldest.is_some_and(|(place, _)| is_past(&place)),
            Aim::Older(count) => reading.found.len() + fresh.len() >= count,
            // The original reads one page; without anything to meet that is enough.
            Aim::Refresh => {
                reading.bound.is_none() || oldest.is_some_and(|(place, _)| is_past(&place))
            }
        };
        let too_far =
            reading.found.len() + fresh.len() >= MOST_ITEMS || reading.pages >= MOST_PAGES;
        let at_beginning = reading.next_token.is_none();
        match reading.aim() {
            Aim::Refresh => {
                let token = reading.next_token.clone();
                self.page_was_backward(token);
                self.page_for_list(cx, fresh);
            }
            Aim::Files => _ = self.deliver_all(cx, fresh, false),
            aim => {
                reading.found.append(&mut fresh);
                if matches!(aim, Aim::Recovery(_)) && met && seeks_files && !at_beginning {
                    // What was missed is complete, and waits for no more pages.
                    let mut files = Reading::new(Aim::Files, None);
                    files.pages = reading.pages;
                    files.next_token.clone_from(&reading.next_token);
                    self.begin_reading(cx, files);
                }
            }
        }
        if met || at_beginning || too_far {
            let end = match (met, at_beginning) {
                (_, true) => End::Beginning,
                (true, _) => End::Met,
                _ => End::Short,
            };
            self.reading_over(cx, at, end, None);
        } else {
            self.read_page(cx, at);
        }
    }

    /// An item of a page, unless it is none for the list: in Chatloom behaviour what is only of the
    /// moment (docs/protocol/websocket.md S148, S149).
    pub(crate) fn arrival_read(
        &mut self,
        cx: &mut Cx,
        item: Arc<chatloom_wire::Item>,
    ) -> Option<Arrival> {
        if self.is_compat() {
            self.mark_from_page(item.head());
        } else {
            self.receipts_on(cx, item.head());
        }
        let item = self.partials.assemble_page(item);
        let me = &self.options.participant_id;
        let kind = classify::kind(item.head(), me, self.is_compat());
        if !self.is_compat() && kind.is_none_or(|kind| classify::is_transient(item.head(), kind)) {
            return None;
        }
        let kind = kind.unwrap_or(ItemKind::Message);
        Arrival::new(Incoming::Item(item), kind, me).ok()
    }

    fn reading_over(&mut self, cx: &mut Cx, at: usize, end: End, error: Option<CallError>) {
        let reading = self.transcript.readings.swap_remove(at);
        match reading.aim() {
            Aim::Recovery(socket) => self.recovered(cx, socket, reading, end),
            Aim::Fill(gap) => self.filled(cx, gap, reading, end, error),
            Aim::Older(count) => self.loaded_older(cx, count, reading, end, error),
            // The next recovery looks again.
            Aim::Files => {}
            Aim::Refresh if error.is_some() => {
                self.log(cx, LogLevel::Warn, "the transcript could not be read");
            }
            Aim::Refresh => self.refreshed(),
        }
    }

    /// Gives all readings up.
    pub(crate) fn drop_readings(&mut self, cx: &mut Cx) {
        for reading in std::mem::take(&mut self.transcript.readings) {
            self.drop_reading(cx, &reading);
            if !CHATLOOM {
                continue;
            }
            for arrival in reading.found {
                release(cx, &arrival.body);
            }
            for call in reading.calls {
                self.done(cx, call, Err(CallError::Closed));
            }
        }
    }
}
