//! Who leaves a chat, and how it ends.

use chatloom_wire::{ContentType, ErrorKind, ParticipantRole, Timestamp};

use crate::{
    Answer, Chat, Decision, Draft, EndReason, Participant, Phase, Presence, Refusal, compose::event,
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
        ParticipantRole::Customer => entries.push(end(now, &mut after, EndReason::Customer)),
        ParticipantRole::Agent if !agent_remains => {
            entries.push(end(now, &mut after, EndReason::Agent));
        }
        _ => {}
    }
    Decision::change(after, entries)
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

pub(crate) fn time_passed(now: Timestamp, chat: &Chat) -> Decision {
    if chat.next_due().is_none_or(|due| due > now) {
        return Decision::nothing(Answer::Done);
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
    event(chat, None, ContentType::ChatEnded)
}
