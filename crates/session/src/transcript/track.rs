//! The tracked transcript of a session: what belongs into the list, and what becomes of own messages.
//!
//! In Chatloom behaviour the list holds what has been delivered, without what is only of the moment;
//! own messages go through their states. In Compat it holds every item that has an id, and what the
//! application sends, with the states of the original (docs/protocol/websocket.md S138 to S154);
//! the order is mended (docs/protocol/defects.md D7).

mod older;

use std::{collections::VecDeque, sync::Arc};

use chatloom_wire::{
    ItemHead, ItemId, ItemType, ParticipantId,
    participant::{GetTranscriptRequest, ScanDirection},
};

use crate::{
    Answer, Body, CHATLOOM, CallError, CallId, Entry, EntryContent, EntryKey, Event, GapId,
    ItemKind, MessageState, OfChatloom, Outgoing, TranscriptUpdate,
    calls::Owner,
    classify,
    core::Cx,
    session::{Incoming, Session, release},
    transcript::list::{Line, List, Place},
};

/// So many own messages can still be delivered and read.
const MOST_OWN: usize = 1_000;
/// No list is bounded to fewer entries.
const LEAST_ENTRIES: usize = 100;
/// So many entries are read at once for somebody who begins to look in the middle of a chat.
const FIRST_ENTRIES: usize = 100;
/// So many entries can be asked for at once.
const MOST_OLDER: u32 = 1_000;

/// How an item comes into the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// As it was delivered.
    Live,
    /// With a page that was asked for.
    Page,
}

/// An item with what its place and its state depend on.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) place: Place,
    pub(crate) id: ItemId,
    pub(crate) kind: ItemKind,
    pub(crate) ends_chat: bool,
    /// It is the completed item of a streamed message.
    pub(crate) streamed: bool,
    /// A file; it comes again when its status changes.
    pub(crate) is_file: bool,
    /// Nothing is known yet of what becomes of the file.
    pub(crate) is_pending: bool,
    is_message: bool,
    /// A message of this participant, and how far it has come.
    mine: Option<MessageState>,
    pub(crate) body: Body,
    /// The members of an item that the host holds.
    held_head: Option<Arc<ItemHead>>,
}

impl Arrival {
    /// `None` for an item without `Id`, which cannot be told from others; with the item.
    pub(crate) fn new(
        incoming: Incoming,
        kind: ItemKind,
        me: &ParticipantId,
    ) -> Result<Self, Incoming> {
        let head = incoming.head();
        let Some(id) = head.id.clone().filter(|id| !id.as_str().is_empty()) else {
            return Err(incoming);
        };
        let is_message = head.item_type == Some(ItemType::Message);
        let is_file = head.item_type == Some(ItemType::Attachment);
        let is_pending = CHATLOOM && is_file && head.file_status.as_deref() == Some("IN_PROGRESS");
        let is_mine =
            head.item_type != Some(ItemType::Event) && head.participant_id.as_ref() == Some(me);
        let place = Place::of_item(incoming.time(), &id);
        let ends_chat = classify::ends_chat(head);
        let streamed = classify::is_streamed(head);
        let mine = (CHATLOOM && is_mine).then(|| receipt_state(head, me));
        let (body, held_head) = match incoming {
            Incoming::Item(item) => (Body::Item(item), None),
            Incoming::Held(item, head) => (Body::Held(item), Some(head)),
        };
        Ok(Self {
            place,
            id,
            kind,
            ends_chat,
            streamed,
            is_file,
            is_pending,
            is_message,
            mine,
            body,
            held_head,
        })
    }

    pub(crate) fn head(&self) -> Option<&ItemHead> {
        match &self.body {
            Body::Item(item) => Some(item.head()),
            Body::Held(_) => self.held_head.as_deref(),
        }
    }
}

/// How far a message has come, by the receipts of others that are written on it.
fn receipt_state(head: &ItemHead, me: &ParticipantId) -> MessageState {
    let metadata = head.message_metadata.as_ref();
    let mut state = MessageState::Sent;
    for receipt in metadata.and_then(|known| known.receipts.as_deref()).unwrap_or_default() {
        if receipt.recipient_participant_id.as_ref() == Some(me) {
            continue;
        }
        if receipt.read_timestamp.is_some() {
            return MessageState::Read;
        }
        if receipt.delivered_timestamp.is_some() {
            state = MessageState::Delivered;
        }
    }
    state
}

/// The order in which a message goes through its states.
fn rank(state: &MessageState) -> u8 {
    match state {
        MessageState::Failed(_) => 0,
        MessageState::Queued => 1,
        MessageState::Sending => 2,
        MessageState::Sent => 3,
        MessageState::Delivered => 4,
        MessageState::Read => 5,
    }
}

/// A message of this participant that the service has.
#[derive(Debug)]
struct Own {
    key: EntryKey,
    call: Option<CallId>,
    place: Place,
    state: MessageState,
}

#[derive(Debug, Default)]
pub(crate) struct Track {
    list: Option<Box<List>>,
    /// Compat: an update is due, whether or not something changed (S141).
    touched: bool,
    /// The token of the page that was read backward last (S153).
    previous_token: Option<String>,
    /// Chatloom: own messages that may still be delivered or read, by place.
    own: OfChatloom<VecDeque<Own>>,
    /// Compat: the messages under way.
    under_way: Vec<(CallId, EntryKey)>,
    /// Compat: the pages that the application reads, and whether backward.
    pages: Vec<(CallId, bool)>,
    last_key: u64,
    /// Orders what is being sent.
    last_turn: u64,
    /// How many more entries than it should the list may hold, for the application has asked for
    /// them. Each entry that comes takes one away.
    allowance: usize,
    /// Chatloom: what stands at the front for older entries.
    front: Option<GapId>,
    /// The first entries have not been asked for, though there are some.
    first_due: bool,
    /// Until the first entries are there: what is up to here comes with them.
    since: Option<Place>,
    /// The place of the first entry, and the token of the page that comes before it.
    older: Option<(Place, String)>,
    /// The calls that want older entries and wait their turn.
    older_calls: OfChatloom<VecDeque<(CallId, usize)>>,
    /// Compat: what came since the connection was lost has not been read; before it came this.
    unread: bool,
    reach: Option<Place>,
}

impl Session {
    /// The application wants to see the transcript.
    pub(crate) fn track(&mut self, cx: &mut Cx) {
        if self.is_tracked() {
            return;
        }
        self.track.list = Some(Box::new(List::new(cx.rng.next())));
        if self.is_compat() {
            return;
        }
        // What waits or has failed is there before.
        let messages: Vec<_> = self
            .outbox
            .messages()
            .map(|known| (known.key, known.what.clone(), known.state.clone()))
            .collect();
        for (key, message, state) in messages {
            self.enlist_outgoing(key, &message, state.clone());
            if let MessageState::Failed(_) = state {
                self.outgoing_failed(key, state);
            }
        }
        if self.transcript.delivered.newest().is_some() {
            self.track.since = self.transcript.delivered.newest().cloned();
            self.track.first_due = true;
            self.enlist_front();
            self.load_first(cx);
        }
    }

    /// Where an item is that has been delivered or is listed.
    pub(crate) fn place_of(&self, id: &ItemId) -> Option<Place> {
        let listed = || self.track.list.as_ref().and_then(|list| list.at(list.find(id)?));
        let delivered = self.transcript.place(id);
        delivered.or_else(|| listed().map(|line| &line.place)).cloned()
    }

    pub(crate) fn is_tracked(&self) -> bool {
        self.track.list.is_some()
    }

    /// How many entries the list has; none when there is no list.
    pub(crate) fn entries(&self) -> usize {
        self.track.list.as_ref().map_or(0, |list| list.len())
    }

    /// A key of another process is not given again.
    pub(crate) fn use_key(&mut self, key: EntryKey) {
        self.track.last_key = self.track.last_key.max(key.0);
    }

    pub(crate) fn new_key(&mut self) -> EntryKey {
        self.track.last_key += 1;
        EntryKey(self.track.last_key)
    }

    /// Tells what has become of the transcript.
    pub(crate) fn tell_transcript(&mut self, cx: &mut Cx) {
        let Some(list) = &mut self.track.list else { return };
        if !std::mem::take(&mut self.track.touched) && !list.has_steps() {
            return;
        }
        let (steps, gone) = list.take_steps();
        let previous_next_token = self.track.previous_token.clone();
        self.event(cx, Event::Transcript(TranscriptUpdate { steps, previous_next_token }));
        for item in gone {
            release(cx, &Body::Held(item));
        }
    }

    /// The session is no more: what the list holds of the host's is the host's again.
    pub(crate) fn drop_list(&mut self, cx: &mut Cx) {
        if let Some(mut list) = self.track.list.take() {
            let gone = list.take_steps().1;
            for item in gone.into_iter().chain(list.held()) {
                release(cx, &Body::Held(item));
            }
        }
    }

    /// Shows an item to the application and puts it into the list.
    pub(crate) fn show_item(&mut self, cx: &mut Cx, arrival: Arrival) {
        if self.is_tracked() {
            self.event(cx, Event::Item { kind: arrival.kind, body: arrival.body.clone() });
            self.enlist(cx, arrival, Feed::Live);
        } else {
            self.note_own(cx, &arrival);
            self.give(cx, arrival.kind, arrival.body);
        }
    }

    /// Compat: an item for the application and the list.
    pub(crate) fn show_compat(&mut self, cx: &mut Cx, kind: ItemKind, incoming: Incoming) {
        if !self.is_tracked() {
            return self.give(cx, kind, incoming.into_body());
        }
        self.track.touched = true;
        if incoming.head().item_type == Some(ItemType::MessageMetadata) {
            let state = match kind {
                ItemKind::ReadReceipt => MessageState::Read,
                _ => MessageState::Delivered,
            };
            // One without an id of its own has no effect (S146).
            let head = incoming.head();
            let has_id = head.id.as_ref().is_some_and(|id| !id.as_str().is_empty());
            let metadata = head.message_metadata.as_ref().filter(|_| has_id);
            let named = metadata.and_then(|metadata| metadata.message_id.clone());
            self.give(cx, kind, incoming.into_body());
            if let Some(id) = named {
                self.mark_messages(cx, &id, state, true);
            }
            return;
        }
        match Arrival::new(incoming, kind, &self.options.participant_id) {
            Ok(arrival) => self.show_item(cx, arrival),
            Err(incoming) => self.give(cx, kind, incoming.into_body()),
        }
    }

    /// Chatloom: remembers an own message; gives its key and how far it has come.
    fn note_own(&mut self, cx: &mut Cx, arrival: &Arrival) -> Option<(EntryKey, MessageState)> {
        if self.is_compat() {
            return None;
        }
        let mut state = arrival.mine.clone()?;
        let own = &mut self.track.own;
        let key;
        if let Some(own) = own.iter_mut().rev().find(|own| own.place.id == arrival.place.id) {
            own.place = arrival.place.clone();
            if rank(&own.state) < rank(&state) {
                own.state = state;
            }
            (key, state) = (own.key, own.state.clone());
        } else {
            key = self.new_key();
            let place = arrival.place.clone();
            state = self.add_own(Own { key, call: None, place, state });
        }
        if rank(&state) > rank(&MessageState::Sent) {
            // What its receipts say, they say of those before it too.
            self.mark_messages(cx, &arrival.id, state.clone(), false);
        }
        Some((key, state))
    }

    /// Adds an own message; gives how far it has come: as far as the one behind it at least.
    fn add_own(&mut self, mut new: Own) -> MessageState {
        let own = &mut self.track.own;
        let at = own.iter().rposition(|own| own.place < new.place).map_or(0, |at| at + 1);
        if let Some(behind) = own.get(at)
            && rank(&new.state) < rank(&behind.state)
        {
            new.state.clone_from(&behind.state);
        }
        let state = new.state.clone();
        own.insert(at, new);
        if own.len() > MOST_OWN {
            own.pop_front();
        }
        state
    }

    /// Puts an item into the list, in place of the one of its id if there is one.
    pub(crate) fn enlist(&mut self, cx: &mut Cx, arrival: Arrival, feed: Feed) {
        let own = self.note_own(cx, &arrival);
        let is_before_first = feed == Feed::Live && self.is_before_first(&arrival.place);
        let Some(list) = &mut self.track.list else { return release(cx, &arrival.body) };
        let known = list.find(&arrival.id);
        if known.is_none() && is_before_first {
            return release(cx, &arrival.body);
        }
        let key = match known.and_then(|at| list.at(at)) {
            Some(line) => Some(line.entry.key),
            None => own.as_ref().map(|(key, _)| *key),
        };
        let line = Line {
            place: arrival.place,
            is_message: arrival.is_message,
            entry: Entry {
                key: key.unwrap_or(EntryKey(self.track.last_key + 1)),
                id: Some(arrival.id),
                content: EntryContent::Item(arrival.body),
                state: own.map(|(_, state)| state),
            },
        };
        self.track.last_key += u64::from(key.is_none());
        if let Some(at) = known {
            list.replace(at, line);
        } else {
            list.insert(line);
            self.trim(feed);
        }
    }

    /// Keeps the list within its bound: the oldest entries go. What the application has asked for
    /// stays until as many have come behind.
    fn trim(&mut self, feed: Feed) {
        if feed == Feed::Page {
            self.track.allowance += 1;
            return;
        }
        self.track.allowance = self.track.allowance.saturating_sub(1);
        // What is being read belongs right in front of the first entry: that one has to stay until then.
        if self.is_reading_older() {
            return;
        }
        let most = self.options.most_entries.max(LEAST_ENTRIES) + self.track.allowance;
        while let Some(list) = &mut self.track.list
            && list.len() > most
        {
            let first = usize::from(self.track.front.is_some());
            if list.at(first).is_none_or(|line| line.place.last) {
                return;
            }
            list.remove(first);
            if !self.is_compat() {
                self.enlist_front();
            }
        }
    }

    /// Something stands at the front for what is older.
    fn enlist_front(&mut self) {
        if self.track.front.is_none() {
            let gap = self.transcript.new_gap();
            self.track.front = Some(gap);
            self.enlist_gap_at(gap, Place::default());
        }
    }

    fn enlist_gap_at(&mut self, gap: GapId, place: Place) {
        let key = self.new_key();
        let Some(list) = &mut self.track.list else { return };
        let entry = Entry { key, id: None, content: EntryContent::Gap(gap), state: None };
        list.insert(Line { place, entry, is_message: false });
    }

    /// Something is missing behind a place.
    pub(crate) fn enlist_gap(&mut self, gap: GapId, after: Option<&Place>) {
        self.track.last_turn += 1;
        let place = Place { n: self.track.last_turn, ..after.cloned().unwrap_or_default() };
        if !self.is_before_first(&place) {
            self.enlist_gap_at(gap, place);
        }
    }

    /// Whether what belongs there is part of what stands at the front for older entries.
    fn is_before_first(&self, place: &Place) -> bool {
        let has_front = !self.is_compat() && self.track.front.is_some();
        let Some(list) = self.track.list.as_ref().filter(|_| has_front) else { return false };
        // What is being sent is no entry of the transcript yet.
        list.at(1).is_some_and(|first| !first.place.last && place < &first.place)
            || self.track.since.as_ref().is_some_and(|since| place <= since)
    }

    /// Nobody waits for older entries any more.
    pub(crate) fn drop_older_calls(&mut self, cx: &mut Cx) {
        for (call, _) in self.track.older_calls.split_off(0) {
            self.done(cx, call, Err(CallError::Closed));
        }
    }

    /// What was missing is there.
    pub(crate) fn unlist_gap(&mut self, gap: GapId) {
        if let Some(list) = &mut self.track.list
            && let Some(at) = list.find_gap(gap)
        {
            list.remove(at);
        }
    }

    /// A receipt says that an own message has reached somebody, or was read: in Chatloom behaviour
    /// with all own messages before it unless it speaks `of_one` alone, in Compat that one in any
    /// case (docs/protocol/websocket.md S146).
    pub(crate) fn mark_messages(
        &mut self,
        cx: &mut Cx,
        item: &ItemId,
        state: MessageState,
        of_one: bool,
    ) {
        if self.is_compat() {
            if let Some(list) = &mut self.track.list
                && let Some(at) = list.find(item)
                && list.at(at).is_some_and(|line| line.is_message)
            {
                list.set_state(at, Some(state));
            }
            return;
        }
        let own = &self.track.own;
        let Some(newest) = own.iter().rposition(|own| own.place.id.as_ref() == Some(item)) else {
            return;
        };
        let oldest = if of_one { newest } else { 0 };
        for at in (oldest..=newest).rev() {
            let Some(own) = self.track.own.get_mut(at) else { return };
            if rank(&own.state) >= rank(&state) {
                // An item may have come with its receipt.
                if at == newest {
                    continue;
                }
                // Those before it are as far: receipts go up to what they name.
                return;
            }
            own.state = state.clone();
            let (key, call, id) = (own.key, own.call, own.place.id.clone());
            if let (Some(list), Some(id)) = (&mut self.track.list, &id)
                && let Some(at) = list.find(id)
            {
                list.set_state(at, Some(state.clone()));
            }
            self.event(cx, Event::Message { key, call, id, state: state.clone() });
        }
    }

    /// Compat: a message is on its way (S141, S142).
    pub(crate) fn message_started(&mut self, call: CallId, message: &Outgoing) {
        if !self.is_compat() || !self.is_tracked() {
            return;
        }
        self.track.touched = true;
        let key = self.new_key();
        self.track.under_way.push((call, key));
        self.enlist_outgoing(key, message, MessageState::Sending);
    }

    /// Puts a message that is to be sent behind everything else.
    pub(crate) fn enlist_outgoing(
        &mut self,
        key: EntryKey,
        message: &Outgoing,
        state: MessageState,
    ) {
        self.track.last_turn += 1;
        let Some(list) = &mut self.track.list else { return };
        let content = EntryContent::Outgoing(Box::new(message.clone()));
        let entry = Entry { key, id: None, content, state: Some(state) };
        let place = Place { last: true, n: self.track.last_turn, ..Place::default() };
        list.insert(Line { place, entry, is_message: true });
        self.trim(Feed::Live);
    }

    /// Takes a message out of the list.
    pub(crate) fn unlist_outgoing(&mut self, key: EntryKey) {
        if let Some(list) = &mut self.track.list
            && let Some(at) = list.find_key(key)
        {
            list.remove(at);
        }
    }

    /// Chatloom: a message that is being sent has come so far.
    pub(crate) fn outgoing_state(&mut self, key: EntryKey, state: MessageState) {
        if let Some(list) = &mut self.track.list
            && let Some(at) = list.find_key(key)
        {
            list.set_state(at, Some(state));
        }
    }

    /// Chatloom: the service has a message. Its item may have been here before, and receipts too.
    pub(crate) fn message_sent(
        &mut self,
        cx: &mut Cx,
        key: EntryKey,
        call: Option<CallId>,
        place: Option<Place>,
    ) {
        let id = place.as_ref().and_then(|place| place.id.clone());
        let mut state = MessageState::Sent;
        if let Some(place) = place {
            let known = self.track.own.iter_mut().rev().find(|own| own.place.id == place.id);
            if let Some(own) = known {
                own.key = key;
                own.call = call;
                state = own.state.clone();
            } else {
                state = self.add_own(Own { key, call, place, state });
            }
        }
        self.event(cx, Event::Message { key, call, id, state });
    }

    /// Compat: the application reads a page.
    pub(crate) fn page_asked(&mut self, call: CallId, request: &GetTranscriptRequest) {
        if self.is_compat() {
            let forward = request.scan_direction == Some(ScanDirection::Forward);
            self.track.pages.push((call, !forward));
        }
    }

    /// Takes out what is known of a page that the application reads: whether backward.
    fn take_page(&mut self, call: CallId) -> Option<bool> {
        let at = self.track.pages.iter().position(|(of, _)| *of == call)?;
        Some(self.track.pages.swap_remove(at).1)
    }

    /// Compat: the application no longer wants the page.
    pub(crate) fn forget_page(&mut self, call: CallId) {
        self.take_page(call);
    }

    /// Whether the body of an answer is read here.
    pub(crate) fn reads_answer(&self, owner: Owner) -> bool {
        match owner {
            Owner::Call(call) => {
                self.track.under_way.iter().any(|(of, _)| *of == call)
                    || self.track.pages.iter().any(|(of, _)| *of == call)
            }
            Owner::Outbox | Owner::Reading { .. } => true,
            Owner::File(call) => self.asks_for_place(call),
            Owner::Receipt(_) | Owner::Horizon(_) => false,
        }
    }

    /// Compat: a message went through or failed (S143, S144), or a page was read (S148, S153).
    pub(crate) fn call_answered(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        result: &Result<Answer, CallError>,
    ) {
        if let Some(at) = self.track.under_way.iter().position(|(of, _)| *of == call) {
            let (_, key) = self.track.under_way.swap_remove(at);
            self.track.touched = true;
            match result {
                Ok(answer) => self.outgoing_sent(key, cx.sent(&answer.body).id, None),
                Err(error) => self.outgoing_failed(key, MessageState::Failed(error.clone())),
            }
        } else if let Some(backward) = self.take_page(call) {
            let Some(page) = result.as_ref().ok().and_then(|answer| cx.page(&answer.body)) else {
                return;
            };
            let mut arrivals = Vec::new();
            for item in page.items.into_iter().flatten() {
                arrivals.extend(self.arrival_read(cx, Arc::new(item)));
            }
            if backward {
                self.page_was_backward(page.next_token);
            }
            self.page_for_list(cx, arrivals);
        }
    }

    /// Compat: the page that was read last was read backward (S153).
    pub(crate) fn page_was_backward(&mut self, next_token: Option<String>) {
        self.track.previous_token = Some(next_token.unwrap_or_default());
    }

    /// Compat: a page goes into the list (S141, S148).
    pub(crate) fn page_for_list(&mut self, cx: &mut Cx, arrivals: Vec<Arrival>) {
        self.track.touched |= self.is_tracked();
        for arrival in arrivals {
            self.enlist(cx, arrival, Feed::Page);
        }
    }

    /// A message in the list has an id now. If its item has been faster, the message goes and the
    /// item gets its key.
    pub(crate) fn outgoing_sent(
        &mut self,
        key: EntryKey,
        id: Option<ItemId>,
        place: Option<Place>,
    ) {
        let Some(list) = &mut self.track.list else { return };
        let Some(at) = list.find_key(key) else { return };
        let item = id.as_ref().and_then(|id| list.find(id));
        let first = list.first_item().map(|line| &line.place);
        let is_older = place.as_ref().is_some_and(|place| first.is_none_or(|first| place < first));
        if let Some(item) = item {
            list.remove(at);
            let item = item - usize::from(item > at);
            if let Some(mut line) = list.at(item).cloned() {
                line.entry.key = key;
                list.replace(item, line);
            }
        } else if id.is_none() || (self.track.front.is_some() && is_older) {
            // Nothing would ever take its place; or it is part of what stands at the front.
            list.remove(at);
        } else if let Some(mut line) = list.at(at).cloned() {
            line.entry.id = id;
            line.entry.state = Some(MessageState::Sent);
            line.place = place.unwrap_or(line.place);
            list.replace(at, line);
        }
    }

    /// A message in the list has failed: it keeps its place, behind what is there now.
    pub(crate) fn outgoing_failed(&mut self, key: EntryKey, state: MessageState) {
        let Some(list) = &mut self.track.list else { return };
        let Some(at) = list.find_key(key) else { return };
        let before = list.newest().map(|line| line.place.clone()).unwrap_or_default();
        if let Some(line) = list.at(at) {
            let mut line = line.clone();
            line.entry.state = Some(state);
            line.place = Place { n: line.place.n, ..before };
            list.replace(at, line);
        }
    }

    /// Chatloom: shows what is only of the moment. A message that grows is in the list meanwhile.
    pub(crate) fn show_transient(&mut self, cx: &mut Cx, kind: ItemKind, incoming: Incoming) {
        self.roster_item(cx, incoming.head());
        if kind != ItemKind::Message || !self.is_tracked() {
            return self.give(cx, kind, incoming.into_body());
        }
        match Arrival::new(incoming, kind, &self.options.participant_id) {
            Ok(arrival) => self.show_item(cx, arrival),
            Err(incoming) => self.give(cx, kind, incoming.into_body()),
        }
    }
}
