//! Who comes into a chat: participants who connect, agents who take it from the queue.

use chatloom_wire::{ContentType, ErrorKind, ParticipantId, ParticipantRole, Timestamp};

use crate::{
    AgentUser, Answer, Chat, Decision, Participant, Phase, Presence, Refusal, Rules,
    compose::{event, message, text},
    limits,
};

impl Rules {
    pub(crate) fn connect(
        &self,
        now: Timestamp,
        chat: &Chat,
        participant: &Participant,
    ) -> Decision {
        if participant.presence != Presence::Expected {
            return Decision::nothing(Answer::Done);
        }
        let mut after = chat.clone();
        after.updated_at = now;
        if let Some(participant) = after.participant_mut(&participant.id) {
            participant.presence = Presence::Joined;
        }
        let mut entries = vec![event(chat, Some(participant), ContentType::ParticipantJoined)];
        if matches!(chat.phase, Phase::Started { .. }) {
            // The flow starts with the customer's connection, and with it the conversation
            // (docs/protocol/participant-service.md §12.2).
            if let Some((content_type, content)) = after.initial_message.take() {
                entries.push(message(chat, participant, content_type, content));
            }
            if let (Some(script), Some(assistant)) = (&self.assistant, chat.assistant()) {
                after.phase = Phase::Assistant;
                entries.push(text(chat, assistant, &script.greeting));
            } else {
                self.enqueue(now, &mut after);
            }
        }
        let mut decision = Decision::change(after, entries);
        if chat.past.is_some() && matches!(chat.phase, Phase::Started { .. }) {
            decision.transient.push(event(chat, Some(chat.system()), ContentType::ChatRehydrated));
        }
        decision
    }

    pub(crate) fn enqueue(&self, now: Timestamp, chat: &mut Chat) {
        chat.phase = Phase::Queued { queue: self.queue.clone(), since: now };
        chat.current_contact_mut().queued = Some((self.queue.clone(), now));
        chat.updated_at = now;
    }
}

pub(crate) fn accept(
    now: Timestamp,
    chat: &Chat,
    agent: &AgentUser,
    participant: &ParticipantId,
) -> Result<Decision, Refusal> {
    if chat.waiting().is_none() || chat.ends_at <= now {
        if chat.agent_of_user(&agent.id).is_some() && !chat.is_over() {
            // The agent asks again, the first answer was lost.
            return Ok(Decision::nothing(Answer::Done));
        }
        return Err(if chat.phase == Phase::WithAgent {
            Refusal::new(ErrorKind::Conflict, "Another agent was faster")
        } else {
            Refusal::new(
                ErrorKind::ResourceNotFound,
                format!("The contact {} does not wait for an agent", chat.current_contact().id),
            )
        });
    }
    if chat.present().count() >= limits::PRESENT_IN_CHAT {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            format!("There are {} people in this chat already", limits::PRESENT_IN_CHAT),
        ));
    }
    let mut after = chat.clone();
    let joined = Participant {
        id: participant.clone(),
        role: ParticipantRole::Agent,
        name: agent.name.clone(),
        user: Some(agent.id.clone()),
        presence: Presence::Joined,
    };
    let entry = event(chat, Some(&joined), ContentType::ParticipantJoined);
    after.participants.push(joined);
    after.current_contact_mut().agent = Some((agent.id.clone(), now));
    after.phase = Phase::WithAgent;
    after.updated_at = now;
    Ok(Decision::change(after, vec![entry]))
}
