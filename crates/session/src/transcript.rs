//! The transcript as the application gets it, in Chatloom behaviour: in order, whole, each item once.
//!
//! The rule: what has been delivered is all there was up to the newest of it. A socket that has just
//! subscribed breaks the rule, for nobody knows what was published before. So what it brings is held
//! back while the transcript is read backward until it meets what has been delivered; then
//! everything comes out in the order of (AbsoluteTime, Id), and from then on the socket is *trusted*
//! and what it brings is delivered at once (docs/protocol/defects.md D6, D7).

use std::sync::Arc;

use chatloom_wire::participant::{
    GetTranscript, GetTranscriptRequest, Operation, ScanDirection, SortOrder,
};

use crate::{
    Answer, CallError, Event, GapId, ItemKind, LogLevel, SocketId,
    calls::{Owner, transcript_request},
    classify,
    core::Cx,
    delivered::{Delivered, Floor, MOST_ITEMS},
    list::Place,
    read,
    session::{Incoming, Session, release},
    track::Arrival,
};

/// So many live items are held back; with more the recovery starts again, which holds them too.
const MOST_WAITING: usize = 1_000;
/// Items on a page.
const PAGE_ITEMS: i64 = 100;
/// Pages of one recovery; a service may give pages that are not full.
const MOST_PAGES: u32 = 400;
/// Pages in a row that cannot be read before the recovery is given up.
const MOST_UNREADABLE: u32 = 5;

#[derive(Debug, Default)]
pub(crate) struct Transcript {
    delivered: Delivered,
    /// Live items that are held back.
    waiting: Vec<Held>,
    recovery: Option<Recovery>,
    last_gap: u32,
}

/// A live item that is held back until the transcript has been read for its socket; for the next
/// one if its socket is gone.
#[derive(Debug)]
struct Held {
    socket: Option<SocketId>,
    entry: Arrival,
}

#[derive(Debug)]
struct Recovery {
    socket: SocketId,
    exchange: u64,
    pages: u32,
    unreadable: u32,
    next_token: Option<String>,
    found: Vec<Arrival>,
}

fn sort(entries: &mut [Arrival]) {
    entries.sort_unstable_by(|a, b| a.place.cmp(&b.place));
}

impl Transcript {
    /// Begins hashes with this number; for a new one.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.delivered.seed(seed);
    }

    /// What has been delivered, as it survives the process.
    pub(crate) fn floor(&self) -> Floor {
        self.delivered.floor()
    }

    /// Another process has delivered this.
    pub(crate) fn restore_floor(&mut self, floor: Floor) {
        self.delivered.restore(floor);
    }

    fn drop_waiting(&mut self, cx: &mut Cx) {
        for held in self.waiting.drain(..) {
            release(cx, &held.entry.body);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, cx: &mut Cx) {
        self.drop_waiting(cx);
        self.recovery = None;
        self.delivered.clear();
    }
}

impl Session {
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
            let body = incoming.into_body();
            if !is_chunk && self.link.is_candidate(socket) && self.link.is_healthy() {
                release(cx, &body);
            } else {
                self.give(cx, kind, body);
            }
            return;
        }
        let me = &self.options.participant_id;
        let Ok(entry) = Arrival::new(incoming, kind, me) else { return };
        if self.link.is_trusted(socket) {
            if self.deliver(cx, entry) {
                self.end(cx);
            }
        } else if !entry.streamed && self.transcript.delivered.has(&entry.place, &entry.id) {
            release(cx, &entry.body);
        } else {
            self.transcript.waiting.push(Held { socket: Some(socket), entry });
            if self.transcript.waiting.len() > MOST_WAITING {
                self.log(cx, LogLevel::Warn, "too many items wait; the transcript is read again");
                self.transcript.drop_waiting(cx);
                if let Some(recovery) = self.transcript.recovery.take() {
                    self.drop_exchange(cx, recovery.exchange);
                }
                self.recover_next(cx);
            }
        }
    }

    /// Delivers an item unless it has been; says whether it ends the chat.
    fn deliver(&mut self, cx: &mut Cx, entry: Arrival) -> bool {
        // The transcript may have given a streamed message before it was complete.
        let replaces = entry.streamed && self.partials.take_cut(&entry.id);
        let delivered = &mut self.transcript.delivered;
        let is_new = !delivered.has(&entry.place, &entry.id);
        if is_new || replaces {
            self.is_changed |= delivered.note(&entry.place, &entry.id);
            let ends_chat = entry.ends_chat;
            self.show_item(cx, entry);
            ends_chat
        } else {
            release(cx, &entry.body);
            false
        }
    }

    /// Reads what was published before a socket subscribed, if there is such a socket and the
    /// transcript is not being read for another one.
    pub(crate) fn recover_next(&mut self, cx: &mut Cx) {
        if self.is_compat() || self.transcript.recovery.is_some() {
            return;
        }
        let Some(socket) = self.link.next_to_trust() else { return };
        self.transcript.recovery = Some(Recovery {
            socket,
            exchange: 0,
            pages: 0,
            unreadable: 0,
            next_token: None,
            found: Vec::new(),
        });
        self.read_page(cx);
    }

    /// A socket is gone, and with it the reason to read the transcript for it. What it brought stays
    /// and is sorted in by the next recovery: a transcript may lag behind.
    pub(crate) fn stop_recovery(&mut self, cx: &mut Cx, socket: SocketId) {
        for held in &mut self.transcript.waiting {
            held.socket.take_if(|of| *of == socket);
        }
        if let Some(recovery) = self.transcript.recovery.take_if(|going| going.socket == socket) {
            self.drop_exchange(cx, recovery.exchange);
        }
    }

    fn read_page(&mut self, cx: &mut Cx) {
        let Some(recovery) = &mut self.transcript.recovery else { return };
        let request = GetTranscriptRequest {
            max_results: Some(PAGE_ITEMS),
            next_token: recovery.next_token.clone(),
            scan_direction: Some(ScanDirection::Backward),
            sort_order: Some(SortOrder::Descending),
            ..GetTranscriptRequest::default()
        };
        let body = transcript_request(&request);
        let exchange =
            self.start(cx, Owner::Recovery, GetTranscript::NAME, GetTranscript::PATH, body);
        if let Some(recovery) = &mut self.transcript.recovery {
            recovery.exchange = exchange;
        }
    }

    /// A page came, newest item first, or the service refused it.
    pub(crate) fn page(&mut self, cx: &mut Cx, result: Result<Answer, CallError>) {
        let Some(recovery) = &mut self.transcript.recovery else { return };
        let Ok(answer) = result else {
            return self.recovered(cx, true);
        };
        let Some(page) = read::page(&answer.body) else {
            recovery.unreadable += 1;
            if recovery.unreadable >= MOST_UNREADABLE {
                return self.recovered(cx, true);
            }
            return self.read_page(cx);
        };
        recovery.unreadable = 0;
        recovery.pages += 1;
        // The oldest item decides, not any item that is held: the page may end between two items
        // that the socket brought in the other order.
        let mut oldest: Option<(Place, bool)> = None;
        let mut skipped = false;
        for item in page.items {
            let Some(item) = item else {
                skipped = true;
                continue;
            };
            let item = self.partials.assemble_page(Arc::new(item));
            let head = item.head();
            let Some(kind) = classify::kind(head, &self.options.participant_id) else { continue };
            if classify::is_transient(head, kind) {
                continue;
            }
            let me = &self.options.participant_id;
            let Ok(entry) = Arrival::new(Incoming::Item(item), kind, me) else { continue };
            let known = self.transcript.delivered.has(&entry.place, &entry.id);
            if oldest.as_ref().is_none_or(|(place, _)| &entry.place < place) {
                oldest = Some((entry.place.clone(), known));
            }
            if !known {
                recovery.found.push(entry);
            }
        }
        let met = oldest.is_some_and(|(_, known)| known);
        let at_beginning = page.next_token.is_none();
        let too_far = recovery.found.len() >= MOST_ITEMS || recovery.pages >= MOST_PAGES;
        recovery.next_token = page.next_token;
        if skipped {
            self.log(cx, LogLevel::Warn, "an item of the transcript cannot be read");
        }
        if met || at_beginning {
            self.recovered(cx, false);
        } else if too_far {
            self.recovered(cx, true);
        } else {
            self.read_page(cx);
        }
    }

    /// Everything that could be read has been: delivers it with what was held back.
    fn recovered(&mut self, cx: &mut Cx, gap: bool) {
        let Some(recovery) = self.transcript.recovery.take() else { return };
        let mut entries = recovery.found;
        #[cfg(feature = "sabotage")]
        if cx.sabotaged {
            self.transcript.drop_waiting(cx);
        }
        let is_covered = |held: &mut Held| held.socket.is_none_or(|of| of == recovery.socket);
        entries.extend(self.transcript.waiting.extract_if(.., is_covered).map(|held| held.entry));
        sort(&mut entries);
        if gap {
            self.log(cx, LogLevel::Warn, "a part of the transcript could not be read");
            self.gap(cx);
        }
        let mut ends = self.link.handed_on;
        for entry in entries {
            ends |= self.deliver(cx, entry);
        }
        self.trust(cx, recovery.socket);
        self.event(cx, Event::CaughtUp);
        if ends {
            self.end(cx);
        } else {
            self.recover_next(cx);
        }
    }

    /// Says that something is missing here.
    fn gap(&mut self, cx: &mut Cx) {
        self.transcript.last_gap += 1;
        let gap = GapId(self.transcript.last_gap);
        self.event(cx, Event::Gap { gap });
    }

    /// The session gives up: delivers what it holds, behind a gap, since something may be missing.
    pub(crate) fn give_up_recovery(&mut self, cx: &mut Cx) {
        if self.is_compat() {
            return;
        }
        let waiting = std::mem::take(&mut self.transcript.waiting);
        let mut entries: Vec<Arrival> = waiting.into_iter().map(|held| held.entry).collect();
        if let Some(recovery) = self.transcript.recovery.take() {
            self.drop_exchange(cx, recovery.exchange);
            entries.extend(recovery.found);
        }
        sort(&mut entries);
        self.gap(cx);
        for entry in entries {
            self.deliver(cx, entry);
        }
    }
}
