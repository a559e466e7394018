//! Older entries of the tracked transcript, and in Compat what came while there was no connection.

use chatloom_wire::participant::{GetTranscript, Operation};

use super::{FIRST_ENTRIES, Feed, MOST_OLDER};
use crate::{
    CHATLOOM, CallError, CallId, GapId, Value,
    core::Cx,
    session::Session,
    transcript::reading::{Aim, End, Reading},
};

impl Session {
    /// Whether the transcript can be read for a call; answers it if not.
    pub(crate) fn admits_reading(&mut self, cx: &mut Cx, call: CallId) -> bool {
        self.admit(cx, call, GetTranscript::NAME, Ok(()))
    }

    /// The application wants older entries.
    pub(crate) fn load_older(&mut self, cx: &mut Cx, call: CallId, count: u32) {
        let error = if !self.is_tracked() {
            CallError::Invalid { member: "transcript", rule: "must be tracked" }
        } else if !(1..=MOST_OLDER).contains(&count) {
            CallError::Invalid { member: "count", rule: "must be 1 to 1,000" }
        } else {
            if self.admits_reading(cx, call) {
                self.track.older_calls.push_back((call, count as usize));
                self.load_next(cx);
            }
            return;
        };
        self.done(cx, call, Err(error));
    }

    /// The application wants to see what stands at the front, by its number as a gap.
    pub(crate) fn fill_front(&mut self, cx: &mut Cx, call: CallId, gap: GapId) {
        if self.track.front == Some(gap) {
            return self.load_older(cx, call, FIRST_ENTRIES as u32);
        }
        let rule = "must be that of a gap";
        self.done(cx, call, Err(CallError::Invalid { member: "gap", rule }));
    }

    /// Somebody began to look in the middle of a chat: reads the newest entries.
    pub(crate) fn load_first(&mut self, cx: &mut Cx) {
        if self.track.first_due && self.can_call(GetTranscript::NAME) {
            self.track.first_due = false;
            self.begin_older(cx, FIRST_ENTRIES, None);
        }
    }

    /// Reads for the next call that wants older entries, unless some are being read.
    fn load_next(&mut self, cx: &mut Cx) {
        if !self.is_reading_older()
            && let Some((call, count)) = self.track.older_calls.pop_front()
        {
            self.begin_older(cx, count, Some(call));
        }
    }

    pub(super) fn is_reading_older(&self) -> bool {
        let readings = &self.transcript.readings;
        CHATLOOM && readings.iter().any(|reading| matches!(reading.aim, Aim::Older(_)))
    }

    fn begin_older(&mut self, cx: &mut Cx, count: usize, call: Option<CallId>) {
        let Some(list) = &self.track.list else { return };
        // The first entries are the newest, whatever has come meanwhile.
        let first = list.first_item().filter(|_| call.is_some());
        let bound = first.map(|line| line.place.clone());
        let start = first.and_then(|line| line.entry.id.clone());
        let mut reading = Reading::new(Aim::Older(count), bound).starting_at(start);
        reading.endless = false;
        reading.calls.extend(call);
        if let Some((place, token)) = self.track.older.take()
            && reading.bound.as_ref() == Some(&place)
        {
            reading.next_token = Some(token);
        }
        self.begin_reading(cx, reading);
    }

    /// Older entries have been read.
    pub(crate) fn loaded_older(
        &mut self,
        cx: &mut Cx,
        count: usize,
        reading: Reading,
        end: End,
        error: Option<CallError>,
    ) {
        let mut arrivals = reading.found;
        arrivals.sort_unstable_by(|a, b| b.place.cmp(&a.place));
        let is_all = arrivals.len() <= count;
        let at_beginning = is_all && end == End::Beginning;
        if is_all
            && let Some(oldest) = arrivals.last()
            && let Some(token) = reading.next_token
        {
            self.track.older = Some((oldest.place.clone(), token));
        }
        arrivals.truncate(count);
        let loaded = arrivals.len() as u32;
        for arrival in arrivals {
            self.enlist(cx, arrival, Feed::Page);
        }
        if error.is_none() {
            self.track.since = None;
        }
        if at_beginning && let Some(front) = self.track.front.take() {
            self.unlist_gap(front);
        }
        let result = match error {
            Some(error) => Err(error),
            None => Ok(Value::Loaded { count: loaded, at_beginning }),
        };
        for call in reading.calls {
            self.done(cx, call, result.clone());
        }
        self.load_next(cx);
    }

    /// Compat: there is a connection again: reads what came since the last one (S140), until it meets
    /// what is held (docs/protocol/defects.md D6).
    pub(crate) fn refresh(&mut self, cx: &mut Cx) {
        let Some(list) = self.track.list.as_ref().filter(|_| self.is_compat()) else { return };
        if !self.can_call(GetTranscript::NAME) {
            return;
        }
        if !std::mem::replace(&mut self.track.unread, true) {
            self.track.reach = list.newest().map(|line| line.place.clone());
        }
        let bound = self.track.reach.clone();
        if let Some(going) = self.take_reading(|reading| reading.aim == Aim::Refresh) {
            self.drop_reading(cx, &going);
        }
        self.begin_reading(cx, Reading::new(Aim::Refresh, bound));
    }

    /// Compat: everything that came while there was no connection has been read.
    pub(crate) fn refreshed(&mut self) {
        self.track.unread = false;
    }
}
