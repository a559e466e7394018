//! Who is in the chat and what they do, in Chatloom behaviour; and what receipts of others say.
//!
//! Everybody is known by the items they send and by those about them, in the order of the
//! transcript, so that a recovery tells what happened meanwhile. Flows and bots of the service
//! (`SYSTEM`) do not take part: each of their messages may come from another participant, and nobody
//! is told when they go (docs/protocol/participant-service.md §12.1).

use std::collections::VecDeque;

use chatloom_wire::{
    ContentType, ItemHead, ItemId, ItemType, ParticipantId, ParticipantRole, Receipt,
};

use crate::{
    Event, MessageState, Person, Presence, calls::receipts::Kind, classify, core::Cx,
    session::Session, timers::Timer, transcript::list::Place,
};

/// Typing ends so long after the last sign of it (docs/protocol/participant-service.md §9).
const TYPING_MS: u64 = 12_000;
/// So many people are remembered. With more, who left and came first is forgotten; if nobody left,
/// who came first.
pub(crate) const MOST_PEOPLE: usize = 100;

/// Receipts for so many items that have not been shown yet are kept. With more, the oldest is
/// forgotten; the transcript has it.
const MOST_EARLY: usize = 100;

/// Somebody, with when and where what is known of them ends.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) person: Person,
    /// The time of the newest item of theirs, as text: one that fills a gap says nothing new.
    pub(crate) time: Box<str>,
    typing_until_ms: u64,
    pub(crate) delivered: Option<Place>,
    pub(crate) read: Option<Place>,
}

#[derive(Debug, Default)]
pub(crate) struct Roster {
    people: Vec<Known>,
    /// Receipts that came before the item they are about.
    early: VecDeque<(ItemId, Vec<Receipt>)>,
    /// Something may have changed since the application was told.
    touched: bool,
    told: Vec<Person>,
}

impl Roster {
    /// Somebody, who has just come if they were not known.
    fn known(&mut self, id: &ParticipantId) -> &mut Known {
        let people = &mut self.people;
        let at = people.iter().position(|known| known.person.participant_id == *id);
        let at = at.unwrap_or_else(|| {
            if people.len() >= MOST_PEOPLE {
                let gone = people.iter().position(|known| known.person.presence == Presence::Gone);
                people.remove(gone.unwrap_or(0));
            }
            people.push(Known::new(id.clone()));
            self.touched = true;
            people.len() - 1
        });
        &mut self.people[at]
    }

    /// Who is remembered, for a snapshot.
    pub(crate) fn people(&self) -> &[Known] {
        &self.people
    }

    /// Another process has known these.
    pub(crate) fn restore(&mut self, people: Vec<Known>) {
        self.people = people;
        self.touched = true;
    }

    fn next_end_of_typing(&self) -> Option<u64> {
        let typing = self.people.iter().filter(|known| known.person.typing);
        typing.map(|known| known.typing_until_ms).min()
    }
}

impl Known {
    /// Somebody who has just come.
    pub(crate) fn new(participant_id: ParticipantId) -> Self {
        Self {
            person: Person {
                participant_id,
                role: None,
                name: None,
                presence: Presence::Here,
                typing: false,
                delivered: None,
                read: None,
            },
            time: "".into(),
            typing_until_ms: 0,
            delivered: None,
            read: None,
        }
    }

    /// Something has reached them, or they have read it.
    pub(crate) fn raise(&mut self, kind: Kind, place: &Place) {
        if kind == Kind::Read && self.read.as_ref() < Some(place) {
            self.read = Some(place.clone());
            self.person.read.clone_from(&place.id);
        }
        if self.delivered.as_ref() < Some(place) {
            self.delivered = Some(place.clone());
            self.person.delivered.clone_from(&place.id);
        }
    }
}

impl Session {
    /// An item is shown: what it says of its sender.
    pub(crate) fn roster_item(&mut self, cx: &mut Cx, head: &ItemHead) {
        use ContentType as Type;
        // What happened in an earlier chat says nothing of this one.
        if head.related_contact_id.is_some()
            || head.participant_role == Some(ParticipantRole::System)
        {
            return;
        }
        let is_message = matches!(head.item_type, Some(ItemType::Message | ItemType::Attachment));
        let presence = match head.content_type.as_ref() {
            _ if is_message => Some(Presence::Here),
            Some(Type::ParticipantJoined | Type::ParticipantReturned | Type::Typing) => {
                Some(Presence::Here)
            }
            Some(Type::ParticipantIdle) => Some(Presence::Idle),
            Some(Type::ParticipantLeft | Type::ParticipantAutoDisconnection) => {
                Some(Presence::Gone)
            }
            Some(Type::ParticipantDisplayNameUpdated) => None,
            _ => return,
        };
        let Some(id) = head.participant_id.as_ref().filter(|id| !id.as_str().is_empty()) else {
            return;
        };
        let known = self.roster.known(id);
        let mut touched = false;
        if let Some(time) = &head.absolute_time {
            if *time < known.time {
                return;
            }
            known.time.clone_from(time);
        }
        let person = &mut known.person;
        if head.participant_role.is_some() && person.role != head.participant_role {
            person.role.clone_from(&head.participant_role);
            touched = true;
        }
        let names = head.display_name.as_deref().is_some_and(|name| !name.is_empty());
        if names && person.name != head.display_name {
            person.name.clone_from(&head.display_name);
            touched = true;
        }
        let presence = presence.unwrap_or(person.presence);
        touched |= presence != person.presence;
        person.presence = presence;
        let was_typing = person.typing;
        if head.content_type == Some(Type::Typing) {
            person.typing = true;
            known.typing_until_ms = cx.after(TYPING_MS);
        } else if is_message || presence == Presence::Gone {
            person.typing = false;
        }
        let is_typing = person.typing;
        self.is_changed |= touched;
        self.roster.touched |= touched || is_typing != was_typing;
        if was_typing || is_typing {
            self.await_end_of_typing();
        }
    }

    fn await_end_of_typing(&mut self) {
        match self.roster.next_end_of_typing() {
            Some(at_ms) => self.timers.set(Timer::Typing, at_ms),
            None => self.timers.clear(Timer::Typing),
        }
    }

    pub(crate) fn typing_due(&mut self, cx: &mut Cx) {
        self.roster.touched = true;
        for known in &mut self.roster.people {
            known.person.typing &= known.typing_until_ms > cx.now.mono_ms;
        }
        self.await_end_of_typing();
    }

    /// What the receipts on an item say, or those that came by themselves: all of them, and about
    /// this participant too (docs/protocol/participant-service.md §4.4).
    pub(crate) fn receipts_on(&mut self, cx: &mut Cx, head: &ItemHead) {
        let Some(metadata) = &head.message_metadata else { return };
        let receipts = metadata.receipts.as_deref().unwrap_or_default();
        let id = if classify::is_receipt(head) { None } else { head.id.as_ref() };
        let (Some(id), false) = (id.or(metadata.message_id.as_ref()), receipts.is_empty()) else {
            return;
        };
        let place = match self.transcript.place(id) {
            Some(place) => place.clone(),
            None if head.id.as_ref() != Some(id) => {
                let early = &mut self.roster.early;
                early.push_back((id.clone(), receipts.to_vec()));
                if early.len() > MOST_EARLY {
                    early.pop_front();
                }
                return;
            }
            None => Place::of_item(head.absolute_time.as_deref().unwrap_or_default(), id),
        };
        self.receipts_for(cx, &place, receipts);
    }

    /// An item is about to be shown: the receipts that came before it.
    pub(crate) fn take_early_receipts(&mut self, id: &ItemId) -> Option<Vec<Receipt>> {
        let early = &mut self.roster.early;
        if early.is_empty() {
            return None;
        }
        let mut receipts = Vec::new();
        early.retain_mut(|(of, these)| {
            let is_wanted = of == id;
            if is_wanted {
                receipts.append(these);
            }
            !is_wanted
        });
        Some(receipts)
    }

    /// What receipts for the item at a place say.
    pub(crate) fn receipts_for(&mut self, cx: &mut Cx, place: &Place, receipts: &[Receipt]) {
        let Some(id) = &place.id else { return };
        for receipt in receipts {
            let Some(kind) = Kind::of(receipt) else { continue };
            let Some(recipient) = &receipt.recipient_participant_id else { continue };
            if *recipient == self.options.participant_id {
                self.learn_horizon(kind, place);
                continue;
            }
            self.roster.touched = true;
            self.is_changed = true;
            self.roster.known(recipient).raise(kind, place);
            let state = match kind {
                Kind::Delivered => MessageState::Delivered,
                Kind::Read => MessageState::Read,
            };
            self.mark_messages(cx, id, state, false);
        }
    }

    /// The chat is over: nobody is there any more.
    pub(crate) fn end_roster(&mut self) {
        if self.is_compat() {
            return;
        }
        self.timers.clear(Timer::Typing);
        let roster: &mut Roster = &mut self.roster;
        roster.early = VecDeque::new();
        for known in &mut roster.people {
            known.person.presence = Presence::Gone;
            known.person.typing = false;
            roster.touched = true;
        }
    }

    /// Tells who is there if that has changed.
    pub(crate) fn tell_roster(&mut self, cx: &mut Cx) {
        if self.is_compat() {
            return;
        }
        let roster = &mut self.roster;
        if !std::mem::take(&mut roster.touched) {
            return;
        }
        let people = || roster.people.iter().map(|known| &known.person);
        if !roster.told.iter().eq(people()) {
            roster.told = people().cloned().collect();
            let told = roster.told.clone();
            self.event(cx, Event::Roster(told));
        }
    }
}
