//! Chats that continue others (docs/protocol/participant-service.md §10.10).
//!
//! A chat that continues another shows that one's transcript as its past, and what that one continued
//! itself. What shows is settled once, when the past is attached: chats that have ended do not change.

use chatloom_wire::{
    ContactId, ContentType, ErrorKind, ParticipantId, Timestamp,
    contact::{PersistentChat, RehydrationType},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Chat, Contact, Decision, Presence, Refusal, compose::event, limits};

/// What a chat continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The last contact that shows.
    pub continued_from: ContactId,
    /// The chats that show, newest first; never empty.
    pub chats: Vec<PastChat>,
}

/// A chat that another one shows as its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastChat {
    /// The chat, which is over.
    pub chat: ContactId,
    /// Who its customer was: the customer of the chat that continues it reads what was for that
    /// participant.
    pub customer: ParticipantId,
    /// How many of its contacts show, from its first on.
    pub contacts: u32,
    /// The last place that shows.
    pub last: u64,
}

/// The contacts of a chat that show when it is continued as requested, oldest first.
///
/// Refused with `InvalidRequestException` when the chat has not ended, or the contact is not the
/// initial one where that is called for; with `ResourceNotFoundException` when there is no such contact.
pub fn shown<'a>(source: &'a Chat, request: &PersistentChat) -> Result<&'a [Contact], Refusal> {
    let refuse = |message: &str| Err(Refusal::new(ErrorKind::InvalidRequest, message));
    if !source.is_over() {
        return refuse("SourceContactId: only a chat that has ended can be continued");
    }
    let id = &request.source_contact_id;
    let at = source.contacts.iter().position(|contact| contact.id == *id);
    match (&request.rehydration_type, at) {
        (_, None) => Err(Refusal::new(ErrorKind::ResourceNotFound, "There is no such contact")),
        (RehydrationType::FromSegment, Some(at)) => Ok(&source.contacts[..=at]),
        (_, Some(0)) => Ok(&source.contacts),
        _ => refuse(
            "SourceContactId: ENTIRE_PAST_SESSION needs the initial contact of the chat; \
             FROM_SEGMENT takes any",
        ),
    }
}

impl Past {
    /// What a chat shows that continues `source` with the contacts in `shown`, whose last entry has
    /// the place `last`.
    ///
    /// At most 100 contacts show; beyond, the oldest chats are left out as a whole.
    pub fn new(source: &Chat, shown: &[Contact], last: u64) -> Self {
        let newest = PastChat {
            chat: source.id.clone(),
            customer: source.customer().id.clone(),
            contacts: u32::try_from(shown.len()).unwrap_or(u32::MAX),
            last,
        };
        let mut room = limits::PAST_CONTACTS.saturating_sub(newest.contacts);
        let earlier = source.past.as_ref().map_or(&[][..], |past| &past.chats);
        let earlier = earlier.iter().take_while(|past| {
            let left = room.checked_sub(past.contacts);
            room = left.unwrap_or(0);
            left.is_some()
        });
        let mut chats = vec![newest];
        chats.extend(earlier.cloned());
        chats.shrink_to_fit();
        let continued_from = shown.last().map_or_else(|| source.id.clone(), |last| last.id.clone());
        Self { continued_from, chats }
    }
}

impl Chat {
    /// Attaches a past to a chat that has just been started.
    #[must_use]
    pub fn continuing(mut self, past: Past) -> Self {
        self.related = Some(past.continued_from.clone());
        self.past = Some(past);
        self
    }
}

/// Attaches a past to a chat that goes on. A chat has one past at most; attaching it again does
/// nothing.
pub(crate) fn attach(now: Timestamp, chat: &Chat, past: &Past) -> Result<Decision, Refusal> {
    if chat.ends_by().is_none_or(|end| end <= now) {
        let message = format!("The contact {} has ended", chat.current_contact().id);
        return Err(Refusal::new(ErrorKind::ResourceNotFound, message));
    }
    if chat.past.as_ref() == Some(past) {
        return Ok(Decision::nothing(Answer::Done));
    }
    if chat.past.is_some() {
        return Err(Refusal::new(
            ErrorKind::InvalidRequest,
            "This chat continues another one already",
        ));
    }
    let mut after = chat.clone().continuing(past.clone());
    after.updated_at = now;
    let mut decision = Decision::change(after, Vec::new());
    // Who connects later is told then.
    if chat.customer().presence == Presence::Joined {
        decision.transient.push(event(chat, Some(chat.system()), ContentType::ChatRehydrated));
    }
    Ok(decision)
}
