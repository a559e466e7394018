//! What an application has been shown, and what must hold at every moment of it.

use std::collections::{BTreeMap, BTreeSet};

use chatloom_engine::token::Seat;
use chatloom_session::{
    Behaviour, Body, EntryContent, EntryKey, GapId, SessionId, Step, TranscriptUpdate,
};
use chatloom_wire::ItemId;

use crate::plan::SeatPlan;

/// A rule that was broken, and how.
pub(crate) type Broken = (&'static str, String);

/// How far the application of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Has no session: an agent without a chat yet.
    Waiting,
    /// Has a session, which is not connected.
    Idle,
    /// `connect` has succeeded.
    Connected,
    /// The core said that the chat is over.
    Ended,
    /// The service refuses to connect, and the chat is indeed over.
    Refused,
}

/// One session, as its application sees it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) session: SessionId,
    pub(crate) plan: SeatPlan,
    /// Whom it speaks for; none before an agent has the chat.
    pub(crate) seat: Option<Seat>,
    pub(crate) phase: Phase,
    pub(crate) connecting: bool,
    /// The items it was given, by their places among the items of the chat.
    given: BTreeSet<usize>,
    /// The place after the newest of them.
    next: usize,
    /// Places that a gap has swallowed.
    holes: BTreeSet<usize>,
    /// A gap was the last thing said of the transcript.
    gap_before_next: bool,
    pub(crate) gaps: BTreeSet<GapId>,
    /// The tracked transcript.
    pub(crate) list: Vec<Shown>,
    /// The messages that it sent, as the simulation counts them.
    pub(crate) keys: BTreeMap<EntryKey, usize>,
    /// Whether frames may overtake each other: then only the tracked transcript is in order.
    pub(crate) unordered: bool,
}

/// An entry of the tracked transcript.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) key: EntryKey,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Item(ItemId),
    Outgoing,
    Gap(GapId),
}

impl View {
    pub(crate) fn new(session: SessionId, plan: SeatPlan, unordered: bool) -> Self {
        Self {
            session,
            plan,
            seat: None,
            phase: Phase::Waiting,
            connecting: false,
            given: BTreeSet::new(),
            next: 0,
            holes: BTreeSet::new(),
            gap_before_next: false,
            gaps: BTreeSet::new(),
            list: Vec::new(),
            keys: BTreeMap::new(),
            unordered,
        }
    }

    pub(crate) fn is_compat(&self) -> bool {
        self.plan.behaviour == Behaviour::Compat
    }

    /// Whether the application has work for the session.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Connected)
    }

    /// The program starts again and has forgotten what it was shown.
    pub(crate) fn forget(&mut self) {
        let seat = self.seat.take();
        *self = Self::new(self.session, self.plan, self.unordered);
        self.seat = seat;
    }

    /// The program starts again, and what it was shown and has kept goes on.
    pub(crate) fn rest(&mut self) {
        self.connecting = false;
        // Gaps get new numbers, the tracked transcript begins anew.
        self.gaps.clear();
        self.list.clear();
    }

    /// An item of the transcript was given, the one at this place.
    pub(crate) fn item(&mut self, place: usize) -> Result<(), Broken> {
        if self.is_compat() {
            self.given.insert(place);
            return Ok(());
        }
        if !self.given.insert(place) {
            return Err(("an item is given once", format!("item {place} came again")));
        }
        if place >= self.next {
            // What fills an earlier gap says nothing of the one that is open at the end.
            let gap = std::mem::take(&mut self.gap_before_next);
            if place > self.next {
                if !gap && !self.unordered {
                    let missing = format!("items {} to {} are missing", self.next, place - 1);
                    return Err(("nothing is left out without a gap", missing));
                }
                self.holes.extend(self.next..place);
            }
            self.next = place + 1;
        } else if !self.holes.remove(&place) {
            let late = format!("item {place} came after item {}", self.next - 1);
            return Err(("order is the store's", late));
        }
        Ok(())
    }

    pub(crate) fn gap(&mut self, gap: GapId) -> Result<(), Broken> {
        self.gap_before_next = true;
        if !self.gaps.insert(gap) {
            return Err(("a gap has a number of its own", format!("{gap:?} opened twice")));
        }
        Ok(())
    }

    pub(crate) fn gap_closed(&mut self, gap: GapId) -> Result<(), Broken> {
        if !self.gaps.remove(&gap) {
            return Err(("a gap is closed once", format!("{gap:?} was not open")));
        }
        self.gap_before_next &= !self.gaps.is_empty();
        if self.gaps.is_empty() && !self.holes.is_empty() && !self.unordered {
            let missing = format!("{} items are missing, and no gap is open", self.holes.len());
            return Err(("a closed gap has given what it swallowed", missing));
        }
        Ok(())
    }

    /// What is missing of so many items. Once the chat is over nothing can be read any more: then
    /// what a gap accounts for may be missing.
    pub(crate) fn missing(&self, items: usize, goes_on: bool) -> Vec<usize> {
        if !goes_on && (self.gap_before_next || !self.gaps.is_empty()) {
            return Vec::new();
        }
        (0..items).filter(|place| !self.given.contains(place)).collect()
    }

    pub(crate) fn was_given(&self, place: usize) -> bool {
        self.given.contains(&place)
    }

    /// Applies a change of the tracked transcript.
    pub(crate) fn apply(
        &mut self,
        update: &TranscriptUpdate,
        id_of: impl Fn(&Body) -> Option<ItemId>,
    ) -> Result<(), Broken> {
        const RULE: &str = "a change of the transcript can be applied";
        let length = self.list.len();
        let outside = |at: usize, length: usize| (RULE, format!("entry {at} of {length}"));
        for step in &update.steps {
            let shown = |entry: &chatloom_session::Entry| {
                let what = match &entry.content {
                    EntryContent::Item(body) => What::Item(
                        id_of(body).ok_or((RULE, "an item that is not the core's".to_owned()))?,
                    ),
                    EntryContent::Outgoing(_) => What::Outgoing,
                    EntryContent::Gap(gap) => What::Gap(*gap),
                };
                Ok(Shown { key: entry.key, what })
            };
            match step {
                Step::Insert { at, entry } => {
                    let at = (*at).min(self.list.len());
                    self.list.insert(at, shown(entry)?);
                }
                Step::Replace { at, entry } => {
                    let new = shown(entry)?;
                    *self.list.get_mut(*at).ok_or_else(|| outside(*at, length))? = new;
                }
                Step::Remove { at } => {
                    if *at >= self.list.len() {
                        return Err(outside(*at, self.list.len()));
                    }
                    self.list.remove(*at);
                }
            }
        }
        Ok(())
    }
}
