//! Who comes into a chat: participants who connect, agents who take it from the queue.

use chatloom_wire::{ContentType, ErrorKind, ParticipantId, ParticipantRole, Timestamp};

use crate::{
    AgentUser, Answer, Answering, Chat, Decision, Draft, Flow, Follower, FollowerKind, Participant,
    Phase, Presence, Refusal, Rules,
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
        if participant.role == ParticipantRole::CustomBot {
            after.waits_for_bot = None;
        }
        let mut entries = vec![event(chat, Some(participant), ContentType::ParticipantJoined)];
        if matches!(chat.phase, Phase::Started { .. })
            && participant.role == ParticipantRole::Customer
        {
            // The flow starts with the customer's connection, and with it the conversation
            // (docs/protocol/participant-service.md §12.2).
            if let Some((content_type, content)) = after.initial_message.take() {
                entries.push(message(chat, participant, content_type, content));
            }
            self.begin_flow(now, chat, &mut after, &mut entries);
        }
        let mut decision = Decision::change(after, entries);
        if chat.past.is_some() && matches!(chat.phase, Phase::Started { .. }) {
            decision.transient.push(event(chat, Some(chat.system()), ContentType::ChatRehydrated));
        }
        decision
    }

    /// The greeting, and then to who answers first.
    fn begin_flow(&self, now: Timestamp, chat: &Chat, after: &mut Chat, entries: &mut Vec<Draft>) {
        let flow = self.flow(&chat.contact_flow_id);
        if let Answering::CustomParticipant { within_ms } = flow.assistant {
            after.phase = Phase::Assistant;
            let is_here = after.custom_bot(now).is_some_and(|bot| bot.presence == Presence::Joined);
            after.waits_for_bot = (!is_here).then(|| now.plus_millis(within_ms));
            entries.extend(flow.greeting.as_ref().map(|words| text(chat, chat.system(), words)));
        } else if !after.begin_assistant(flow, entries) {
            // A flow that has no assistant any more, or none yet when the chat was started, has nobody.
            after.enqueue(now, flow.queue.clone());
            entries.extend(flow.greeting.as_ref().map(|words| text(chat, chat.system(), words)));
        }
    }
}

impl Chat {
    /// An assistant of a flow answers from now on: a custom participant goes
    /// (docs/protocol/participant-service.md §10.3), and the assistant greets. Whether there is one.
    pub(crate) fn begin_assistant(&mut self, flow: &Flow, entries: &mut Vec<Draft>) -> bool {
        let Some(assistant) = self.assistant().map(|assistant| assistant.id.clone()) else {
            return false;
        };
        let (name, greeting) = match &flow.assistant {
            Answering::Nobody | Answering::CustomParticipant { .. } => return false,
            Answering::Script(script) => {
                (&script.name, flow.greeting.as_ref().or(Some(&script.greeting)))
            }
            Answering::Bot { name, display_name } => {
                self.followers.push(Follower {
                    // As much its own as the participant's.
                    id: assistant.as_str().into(),
                    kind: FollowerKind::Bot { name: name.clone() },
                });
                (display_name, flow.greeting.as_ref())
            }
        };
        self.phase = Phase::Assistant;
        entries.extend(self.remove_custom_bot());
        if let Some(assistant) = self.participant_mut(&assistant) {
            // The one of a disconnect flow may be called otherwise.
            name.clone_into(&mut assistant.name);
            assistant.presence = Presence::Joined;
        }
        let speaker = self.assistant();
        let greeting = greeting.zip(speaker).map(|(words, speaker)| text(self, speaker, words));
        entries.extend(greeting);
        true
    }

    /// The chat waits for an agent.
    pub(crate) fn enqueue(&mut self, now: Timestamp, queue: String) {
        self.current_contact_mut().queued = Some((queue.clone(), now));
        self.waits_for_bot = None;
        self.phase = Phase::Queued { queue, since: now };
        self.updated_at = now;
    }
}

pub(crate) fn accept(
    now: Timestamp,
    chat: &Chat,
    agent: &AgentUser,
    participant: &ParticipantId,
) -> Result<Decision, Refusal> {
    let has_ended = chat.has_ended_by(now);
    if chat.waiting().is_none() || has_ended {
        if chat.agent_of_user(&agent.id).is_some() && !has_ended {
            // The agent asks again, the first answer was lost.
            return Ok(Decision::nothing(Answer::Done));
        }
        return Err(if chat.phase == Phase::WithAgent && !has_ended {
            Refusal::new(ErrorKind::Conflict, "Another agent was faster")
        } else {
            Refusal::new(
                ErrorKind::ResourceNotFound,
                format!("The contact {} does not wait for an agent", chat.current_contact().id),
            )
        });
    }
    if chat.is_kept_from(now, &agent.id) {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            "This contact was transferred to another agent, and is kept for that agent for now",
        ));
    }
    if chat.present().count() >= limits::PRESENT_IN_CHAT {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            format!("There are {} people in this chat already", limits::PRESENT_IN_CHAT),
        ));
    }
    if chat.agents() >= limits::AGENTS_OF_CHAT {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            format!("This chat has had {} agents, as many as a chat may", limits::AGENTS_OF_CHAT),
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
    let mut entries = Vec::with_capacity(2);
    // A custom participant goes when an agent comes (docs/protocol/participant-service.md §10.3).
    entries.extend(after.remove_custom_bot());
    entries.push(entry);
    after.participants.push(joined);
    after.current_contact_mut().agent = Some((agent.id.clone(), now));
    after.phase = Phase::WithAgent;
    after.updated_at = now;
    Ok(Decision::change(after, entries))
}
