//! Who said how much in a chat, and how fast answers came: what DescribeContact calls `ChatMetrics`
//! (docs/protocol/participant-service.md §10.7).
//!
//! The figures come from the log alone, entry by entry in its order, so that messages write nothing but
//! themselves and a reader who goes on where it stopped gets the same figures as one who reads it all.

use std::collections::BTreeMap;

use chatloom_wire::{
    ContactId, ContentType, Item, ItemType, ParticipantId, ParticipantRole, Timestamp,
    contact::{ChatContactMetrics, ChatMetrics, ParticipantMetrics},
};

use crate::{Chat, Entry, EntryKind};

/// The figures of a chat up to a place in its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    seq: u64,
    contacts: BTreeMap<ContactId, Measured>,
}

/// The figures of one contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Measured {
    customer: Side,
    agents: Side,
    messages: u64,
    bot_messages: u64,
    bot_chars: u64,
    turns: u64,
    /// The customer has spoken, and nobody has answered yet.
    is_customer_open: bool,
    customer_came: Option<Timestamp>,
    /// When each agent came, and went.
    stays: BTreeMap<ParticipantId, Stay>,
    first_agent_came: Option<Timestamp>,
    first_agent_message: Option<Timestamp>,
    were_several: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stay {
    came: Timestamp,
    went: Option<Timestamp>,
}

/// The figures of the customer, or of the agents together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    participant: Option<ParticipantId>,
    messages: u64,
    chars: u64,
    responses: u64,
    response_ms: i64,
    slowest_ms: i64,
    last: Option<Timestamp>,
    /// Since when there is something to answer.
    asked: Option<Timestamp>,
}

impl Measures {
    /// The place of the last entry that is counted; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Counts the next entry. One that is counted already does nothing.
    pub fn add(&mut self, entry: &Entry) {
        if entry.seq <= self.seq {
            return;
        }
        self.seq = entry.seq;
        if entry.kind != EntryKind::Item {
            return;
        }
        // What a store holds was written by us; an item that is none counts as nothing.
        let Ok(item) = Item::from_text(entry.text.clone()) else { return };
        let head = item.head();
        let (Some(role), Some(who)) = (&head.participant_role, &entry.sender) else { return };
        let contact = self.contacts.entry(entry.contact_id.clone()).or_default();
        match (&head.item_type, &head.content_type) {
            (Some(ItemType::Message), _) => {
                let chars = item.content().map_or(0, |content| content.chars().count() as u64);
                contact.message(entry.time, who, role, chars);
            }
            (_, Some(ContentType::ParticipantJoined)) => contact.came(entry.time, who, role),
            (_, Some(ContentType::ParticipantLeft)) => {
                if let Some(stay) = contact.stays.get_mut(who) {
                    stay.went = Some(entry.time);
                }
            }
            _ => {}
        }
    }

    /// When the customer connected to a contact.
    pub fn connected_at(&self, contact: &ContactId) -> Option<Timestamp> {
        self.contacts.get(contact)?.customer_came
    }

    /// When somebody left a contact.
    pub fn left_at(&self, contact: &ContactId, participant: &ParticipantId) -> Option<Timestamp> {
        self.contacts.get(contact)?.stays.get(participant)?.went
    }

    /// The figures of a contact that ended at a time, or goes on.
    pub fn of(&self, chat: &Chat, contact: &ContactId, ended: Option<Timestamp>) -> ChatMetrics {
        let nothing = Measured::default();
        let measured = self.contacts.get(contact).unwrap_or(&nothing);
        let since = |from: Timestamp, to: Timestamp| to.as_millis() - from.as_millis();
        let first = measured.first_agent_message;
        let agents = &measured.agents;
        ChatMetrics {
            chat_contact_metrics: Some(ChatContactMetrics {
                multi_party: measured.were_several,
                total_messages: measured.messages,
                total_bot_messages: measured.bot_messages,
                total_bot_message_length_in_chars: measured.bot_chars,
                conversation_close_time_in_millis: ended
                    .zip(measured.customer.last)
                    .map(|(ended, last)| since(last, ended).max(0)),
                conversation_turn_count: measured.turns,
                agent_first_response_timestamp: first.map(seconds),
                agent_first_response_time_in_millis: first
                    .zip(measured.first_agent_came)
                    .map(|(first, came)| since(came, first).max(0)),
            }),
            agent_metrics: agents.participant.clone().map(|who| agents.metrics(who, "AGENT")),
            customer_metrics: Some(
                measured.customer.metrics(chat.customer().id.clone(), "CUSTOMER"),
            ),
        }
    }
}

impl Measured {
    fn message(
        &mut self,
        time: Timestamp,
        who: &ParticipantId,
        role: &ParticipantRole,
        chars: u64,
    ) {
        self.messages += 1;
        if *role == ParticipantRole::Customer {
            self.customer.say(time, who, chars, None);
            self.agents.asked.get_or_insert(time);
            self.is_customer_open = true;
            return;
        }
        if std::mem::take(&mut self.is_customer_open) {
            self.turns += 1;
        }
        self.customer.asked.get_or_insert(time);
        if *role == ParticipantRole::Agent {
            let came = self.stays.get(who).map(|stay| stay.came);
            self.agents.say(time, who, chars, came);
            self.first_agent_message.get_or_insert(time);
        } else {
            // A flow, a bot or a supervisor has answered in the agents' place.
            self.agents.asked = None;
            if matches!(role, ParticipantRole::System | ParticipantRole::CustomBot) {
                self.bot_messages += 1;
                self.bot_chars += chars;
            }
        }
    }

    fn came(&mut self, time: Timestamp, who: &ParticipantId, role: &ParticipantRole) {
        match role {
            ParticipantRole::Customer => {
                self.customer_came.get_or_insert(time);
            }
            ParticipantRole::Agent => {
                self.stays.insert(who.clone(), Stay { came: time, went: None });
                self.first_agent_came.get_or_insert(time);
                let here = self.stays.values().filter(|stay| stay.went.is_none()).count();
                self.were_several |= here > 1;
                self.agents.participant.get_or_insert_with(|| who.clone());
            }
            _ => {}
        }
    }
}

impl Side {
    /// Counts a message; who came later than the question is measured from then.
    fn say(&mut self, time: Timestamp, who: &ParticipantId, chars: u64, came: Option<Timestamp>) {
        self.participant = Some(who.clone());
        self.messages += 1;
        self.chars += chars;
        self.last = Some(time);
        if let Some(asked) = self.asked.take() {
            let from = came.map_or(asked, |came| came.max(asked));
            let took = (time.as_millis() - from.as_millis()).max(0);
            self.responses += 1;
            self.response_ms += took;
            self.slowest_ms = self.slowest_ms.max(took);
        }
    }

    fn metrics(&self, participant_id: ParticipantId, participant_type: &str) -> ParticipantMetrics {
        ParticipantMetrics {
            participant_id,
            participant_type: participant_type.to_owned(),
            messages_sent: self.messages,
            num_responses: self.responses,
            message_length_in_chars: self.chars,
            total_response_time_in_millis: self.response_ms,
            max_response_time_in_millis: self.slowest_ms,
            last_message_timestamp: self.last.map(seconds),
        }
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}
