//! Who leaves a chat, and how it ends.

use chatloom_wire::{ContentType, ErrorKind, ParticipantRole, Timestamp};

use crate::{
    Answer, Chat, Decision, Draft, EndReason, Heard, Participant, Phase, Presence, Refusal,
    compose::event, guide, timers,
};

pub(crate) fn disconnect(now: Timestamp, chat: &Chat, leaver: &Participant) -> Decision {
    let mut after = chat.clone();
    after.updated_at = now;
    if let Some(leaver) = after.participant_mut(&leaver.id) {
        leaver.presence = Presence::Left;
    }
    let mut entries = Vec::with_capacity(2);
    if leaver.presence == Presence::Joined {
        entries.push(event(chat, Some(leaver), ContentType::ParticipantLeft));
    }
    let agent_remains =
        after.present().any(|participant| participant.role == ParticipantRole::Agent);
    match leaver.role {
        ParticipantRole::Customer => {
            if chat.agents_leave_with_customer {
                entries.extend(others_leave(&mut after));
            }
            entries.push(end(now, &mut after, EndReason::Customer));
        }
        ParticipantRole::Agent if !agent_remains => {
            entries.push(end(now, &mut after, EndReason::Agent));
        }
        ParticipantRole::CustomBot => after.custom_bot = None,
        _ => {}
    }
    Decision::change(after, entries)
}

/// Everybody but the customer leaves; gives the events that say so.
pub(crate) fn others_leave(chat: &mut Chat) -> Vec<Draft> {
    let leaves = |person: &Participant| person.role != ParticipantRole::Customer;
    let left = chat.present().filter(|person| leaves(person));
    let left: Vec<Draft> =
        left.map(|person| event(chat, Some(person), ContentType::ParticipantLeft)).collect();
    for person in &mut chat.participants {
        if leaves(person) && person.role != ParticipantRole::System {
            person.presence = Presence::Left;
        }
    }
    left
}

/// The control plane ends the chat.
pub(crate) fn stop(now: Timestamp, chat: &Chat) -> Result<Decision, Refusal> {
    if chat.is_over() {
        return Err(Refusal::new(
            ErrorKind::ContactNotFound,
            format!("The contact {} has ended", chat.id),
        ));
    }
    let mut after = chat.clone();
    let ended = end(now, &mut after, EndReason::Other);
    Ok(Decision::change(after, vec![ended]))
}

/// The last moment comes before everything else that is due.
pub(crate) fn time_passed(now: Timestamp, chat: &Chat, heard: &[Heard]) -> Decision {
    match chat.ends_by() {
        None => return Decision::nothing(Answer::Done),
        Some(end) if end > now => {
            let sign_in = guide::time_passed(now, chat);
            return sign_in.unwrap_or_else(|| timers::time_passed(now, chat, heard));
        }
        Some(_) => {}
    }
    let mut after = chat.clone();
    let ended = end(now, &mut after, EndReason::Other);
    if matches!(chat.phase, Phase::Started { .. }) {
        // The customer never came: no events to anybody (docs/protocol/participant-service.md §12.3).
        return Decision::change(after, Vec::new());
    }
    Decision::change(after, vec![ended])
}

/// Ends a chat; gives the event that says so, which is from nobody.
pub(crate) fn end(now: Timestamp, chat: &mut Chat, reason: EndReason) -> Draft {
    chat.phase = Phase::Ended { at: now, reason };
    chat.updated_at = now;
    chat.sign_in = None;
    event(chat, None, ContentType::ChatEnded)
}
