//! Who leaves a chat, and how it ends.

use chatloom_wire::{ContentType, ErrorKind, ParticipantRole, Timestamp};

use crate::{
    Answer, Chat, Decision, Draft, EndReason, Heard, Participant, Phase, Presence, Refusal, Rules,
    compose::{event, text},
    guide,
};

impl Rules {
    pub(crate) fn disconnect(&self, now: Timestamp, chat: &Chat, leaver: &Participant) -> Decision {
        let mut after = chat.clone();
        after.updated_at = now;
        // Whose leaving began the disconnect flow has left already, as all know.
        let has_left = chat.closing().is_some_and(|closing| closing.leaver == leaver.id);
        let mut entries = Vec::with_capacity(2);
        if leaver.presence == Presence::Joined && !has_left {
            entries.push(event(chat, Some(leaver), ContentType::ParticipantLeft));
        }
        if leaver.role == ParticipantRole::Customer && chat.agents_leave_with_customer {
            entries.extend(others_leave(&mut after));
            if chat.phase == Phase::WithAgent {
                self.close(now, &mut after, &leaver.id, EndReason::Customer, &mut entries);
            }
            if after.closing().is_some() && chat.closing().is_none() {
                // Who left stays for the disconnect flow (docs/protocol/participant-service.md §12.3).
                return Decision::change(after, entries);
            }
        }
        if let Some(leaver) = after.participant_mut(&leaver.id) {
            leaver.presence = Presence::Left;
        }
        let agent_remains =
            after.present().any(|participant| participant.role == ParticipantRole::Agent);
        match leaver.role {
            ParticipantRole::Customer if !after.is_over() => {
                entries.push(end(now, &mut after, EndReason::Customer));
            }
            ParticipantRole::Agent if !agent_remains => {
                self.close(now, &mut after, &leaver.id, EndReason::Agent, &mut entries);
            }
            ParticipantRole::CustomBot => {
                after.custom_bot = None;
                let was_here = leaver.presence == Presence::Joined;
                if was_here && chat.phase == Phase::Assistant && chat.bot().is_none() {
                    // The flow has waited for it.
                    let flow = self.flow_of(chat);
                    let words = flow.handover.as_ref();
                    entries.extend(words.map(|words| text(chat, chat.system(), words)));
                    after.enqueue(now, flow.queue.clone());
                }
            }
            _ => {}
        }
        Decision::change(after, entries)
    }

    /// The last moment comes before everything else that is due.
    pub(crate) fn time_passed(&self, now: Timestamp, chat: &Chat, heard: &[Heard]) -> Decision {
        match chat.ends_by() {
            None => return Decision::nothing(Answer::Done),
            Some(end) if end > now => {
                return guide::time_passed(now, chat)
                    .or_else(|| self.nobody_came(now, chat))
                    .unwrap_or_else(|| self.silence_passed(now, chat, heard));
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

    /// The custom participant that the flow waits for did not come in time: to the queue.
    fn nobody_came(&self, now: Timestamp, chat: &Chat) -> Option<Decision> {
        chat.waits_for_bot.filter(|until| *until <= now)?;
        let flow = self.flow_of(chat);
        let words = flow.failure.as_ref().map(|words| text(chat, chat.system(), words));
        let mut after = chat.clone();
        after.enqueue(now, flow.queue.clone());
        Some(Decision::change(after, words.into_iter().collect()))
    }
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
    if chat.has_ended_by(now) {
        return Err(Refusal::new(
            ErrorKind::ContactNotFound,
            format!("The contact {} has ended", chat.id),
        ));
    }
    let mut after = chat.clone();
    let ended = end(now, &mut after, EndReason::Other);
    Ok(Decision::change(after, vec![ended]))
}

/// Ends a chat; gives the event that says so, which is from nobody.
pub(crate) fn end(now: Timestamp, chat: &mut Chat, reason: EndReason) -> Draft {
    // What ended the conversation ended the chat, whatever ends its disconnect flow.
    let reason = chat.closing().map_or(reason, |closing| closing.reason);
    chat.phase = Phase::Ended { at: now, reason };
    chat.updated_at = now;
    chat.sign_in = None;
    chat.waits_for_bot = None;
    event(chat, None, ContentType::ChatEnded)
}
