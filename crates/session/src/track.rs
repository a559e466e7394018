//! The tracked transcript of a session: what belongs into the list, and what becomes of own messages.
//!
//! In Chatloom behaviour the list holds what has been delivered, without what is only of the moment;
//! own messages go through their states. In Compat it holds every item that has an id, and what the
//! application sends, with the states of the original (docs/protocol/websocket.md S138 to S154);
//! the order is mended (docs/protocol/defects.md D7).

use std::{collections::VecDeque, sync::Arc};

use chatloom_wire::{
    Item, ItemHead, ItemId, ItemType, ParticipantId,
    participant::{GetTranscriptRequest, ScanDirection},
};

use crate::{
    Answer, Body, CallError, CallId, Entry, EntryContent, EntryKey, Event, ItemKind, MessageState,
    Outgoing, TranscriptUpdate,
    calls::Owner,
    classify,
    core::Cx,
    list::{Line, List, Place},
    read,
    session::{Incoming, Session, release},
};

/// So many own messages can still be delivered and read.
const MOST_OWN: usize = 1_000;

/// An item with what its place and its state depend on.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) place: Place,
    pub(crate) id: ItemId,
    pub(crate) kind: ItemKind,
    pub(crate) ends_chat: bool,
    /// It is the completed item of a streamed message.
    pub(crate) streamed: bool,
    is_message: bool,
    /// A message of this participant, and how far it has come.
    mine: Option<MessageState>,
    pub(crate) body: Body,
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
        let is_mine =
            head.item_type != Some(ItemType::Event) && head.participant_id.as_ref() == Some(me);
        Ok(Self {
            place: Place::of_item(head.absolute_time.as_deref().unwrap_or_default(), &id),
            kind,
            ends_chat: classify::ends_chat(head),
            streamed: classify::is_streamed(head),
            is_message,
            mine: is_mine.then(|| receipt_state(head, me)),
            id,
            body: incoming.into_body(),
        })
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
    own: VecDeque<Own>,
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
}

impl Session {
    /// The application wants to see the transcript.
    pub(crate) fn track(&mut self, cx: &mut Cx) {
        if self.is_tracked() {
            return;
        }
        self.track.list = Some(Box::new(List::new(cx.rng.next())));
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
    }

    pub(crate) fn is_tracked(&self) -> bool {
        self.track.list.is_some()
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
            self.enlist(cx, arrival, true);
        } else {
            self.note_own(&arrival);
            self.give(cx, arrival.kind, arrival.body);
        }
    }

    /// Compat: an item for the application and the list.
    pub(crate) fn show_compat(&mut self, cx: &mut Cx, kind: ItemKind, incoming: Incoming) {
        if !self.is_tracked() {
            return self.give(cx, kind, incoming.into_body());
        }
        self.track.touched = true;
        if let ItemKind::ReadReceipt | ItemKind::DeliveredReceipt = kind {
            let state = match kind {
                ItemKind::ReadReceipt => MessageState::Read,
                _ => MessageState::Delivered,
            };
            let id = incoming.head().id.clone();
            self.give(cx, kind, incoming.into_body());
            if let Some(id) = id {
                self.mark_messages(cx, &id, state, true);
            }
            return;
        }
        match Arrival::new(incoming, kind, &self.options.participant_id) {
            Ok(arrival) => self.show_item(cx, arrival),
            Err(incoming) => self.give(cx, kind, incoming.into_body()),
        }
    }

    /// Chatloom: remembers an own message; gives its key, and whether it had one.
    fn note_own(&mut self, arrival: &Arrival) -> Option<EntryKey> {
        let state = arrival.mine.clone().filter(|_| !self.is_compat())?;
        let own = &mut self.track.own;
        if let Some(own) = own.iter_mut().rev().find(|own| own.place.id == arrival.place.id) {
            own.place = arrival.place.clone();
            if rank(&own.state) < rank(&state) {
                own.state = state;
            }
            return Some(own.key);
        }
        let key = self.new_key();
        self.add_own(Own { key, call: None, place: arrival.place.clone(), state });
        Some(key)
    }

    fn add_own(&mut self, new: Own) {
        let own = &mut self.track.own;
        let at = own.iter().rposition(|own| own.place < new.place).map_or(0, |at| at + 1);
        own.insert(at, new);
        if own.len() > MOST_OWN {
            own.pop_front();
        }
    }

    fn own_state(&self, id: &ItemId) -> Option<&Own> {
        self.track.own.iter().rev().find(|own| own.place.id.as_ref() == Some(id))
    }

    /// Puts an item into the list, in place of the one of its id if there is one.
    pub(crate) fn enlist(&mut self, cx: &mut Cx, arrival: Arrival, is_live: bool) {
        let own_key = self.note_own(&arrival);
        let state = self.own_state(&arrival.id).map(|own| own.state.clone());
        let next_key = self.track.last_key + 1;
        let Some(list) = &mut self.track.list else { return release(cx, &arrival.body) };
        let known = list.find(&arrival.id);
        let key = match known {
            Some(at) => list.at(at).map(|line| line.entry.key),
            None => own_key,
        };
        let line = Line {
            place: arrival.place,
            is_message: arrival.is_message,
            entry: Entry {
                key: key.unwrap_or(EntryKey(next_key)),
                id: Some(arrival.id),
                content: EntryContent::Item(arrival.body),
                state,
            },
        };
        if key.is_none() {
            self.track.last_key = next_key;
        }
        if let Some(at) = known {
            list.replace(at, line);
        } else {
            list.insert(line);
            self.trim(is_live);
        }
    }

    /// Keeps the list within its bound.
    fn trim(&mut self, is_live: bool) {
        let Some(list) = &mut self.track.list else { return };
        if !is_live {
            self.track.allowance += 1;
            return;
        }
        self.track.allowance = self.track.allowance.saturating_sub(1);
        let most = self.options.most_entries.max(100) + self.track.allowance;
        while list.len() > most {
            list.remove(0);
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
            // Those before it are as far: receipts go up to what they name.
            if rank(&own.state) >= rank(&state) {
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
        self.trim(true);
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
                self.add_own(Own { key, call, place, state: MessageState::Sent });
            }
        }
        self.event(cx, Event::Message { key, call, id, state });
    }

    /// Compat: the application reads a page.
    pub(crate) fn page_asked(&mut self, call: CallId, request: &GetTranscriptRequest) {
        if self.is_compat() && self.is_tracked() {
            let forward = request.scan_direction == Some(ScanDirection::Forward);
            self.track.pages.push((call, !forward));
        }
    }

    /// Compat: the application no longer wants the page.
    pub(crate) fn forget_page(&mut self, call: CallId) {
        self.track.pages.retain(|(of, _)| *of != call);
    }

    /// Whether the body of an answer is read here.
    pub(crate) fn reads_answer(&self, owner: Owner) -> bool {
        match owner {
            Owner::Call(call) => {
                self.track.under_way.iter().any(|(of, _)| *of == call)
                    || self.track.pages.iter().any(|(of, _)| *of == call)
            }
            Owner::Outbox | Owner::Recovery => true,
            Owner::File(call) => self.asks_for_place(call),
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
                Ok(answer) => self.outgoing_sent(key, read::sent(&answer.body).0, None),
                Err(error) => self.outgoing_failed(key, MessageState::Failed(error.clone())),
            }
        } else if let Some(at) = self.track.pages.iter().position(|(of, _)| *of == call) {
            let (_, backward) = self.track.pages.swap_remove(at);
            let Some(page) = result.as_ref().ok().and_then(|answer| read::page(&answer.body))
            else {
                return;
            };
            self.track.touched = true;
            if backward {
                self.track.previous_token = page.next_token;
            }
            for item in page.items.into_iter().flatten() {
                self.enlist_read(cx, item);
            }
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
        if let Some(item) = item {
            list.remove(at);
            let item = item - usize::from(item > at);
            if let Some(mut line) = list.at(item).cloned() {
                line.entry.key = key;
                list.replace(item, line);
            }
        } else if id.is_none() {
            // Nothing would ever take its place.
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

    /// Puts an item of a page into the list: in Compat every one that has an id.
    pub(crate) fn enlist_read(&mut self, cx: &mut Cx, item: Item) {
        let incoming = Incoming::Item(self.partials.assemble_page(Arc::new(item)));
        let me = &self.options.participant_id;
        if let Ok(arrival) = Arrival::new(incoming, ItemKind::Message, me) {
            self.enlist(cx, arrival, false);
        }
    }
}
