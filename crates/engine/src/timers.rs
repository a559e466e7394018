//! Timers of people who fall silent (docs/protocol/participant-service.md §12.5).
//!
//! While the customer and somebody who answers are both there, each of them is listened to. Who says
//! nothing for as long as their role's idle timer is idle; who says nothing for as long as its
//! disconnect timer, from then on or at once if there is no idle timer, is the reason that everybody
//! but the customer is disconnected.
//!
//! A message leaves the state of its chat as it is, so the state does not know when somebody spoke
//! last. It holds the latest moment it knows of, and from that a deadline that may be too early,
//! never too late. When the deadline comes, [`Chat::silent`] names who is meant, the log is asked
//! when they last said something, and [`Command::TimePassed`](crate::Command::TimePassed) brings the
//! answer: either the timer has run out, or the deadline moves. So a person who talks costs one
//! change of the state in the time of a timer, however much is said.

use chatloom_wire::{
    ContentType, ErrorKind, ParticipantId, ParticipantRole, Timestamp,
    contact::{ParticipantTimer, TimerRole, TimerType},
};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Audience, Chat, Decision, Draft, EndReason, Participant, Presence, Refusal, Rules,
    compose::event, leave,
};

/// The timers of a chat: what is configured, and who is listened to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// For the customer, when the next agent joins.
    customer: Patience,
    /// For the next agents.
    agent: Patience,
    /// Who is listened to, in the order of their coming.
    listening: Vec<Listening>,
}

/// How long one role may say nothing; for ever, without a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Patience {
    /// Minutes until they are idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle: Option<u16>,
    /// Minutes from then, or from the beginning, until they are the reason to disconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disconnect: Option<u16>,
}

/// A participant who is listened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listening {
    participant: ParticipantId,
    /// As it was configured when the agent joined.
    patience: Patience,
    /// When they last said something, as far as the state knows; or came; or became idle.
    since: Timestamp,
    /// Whether everybody was told that they are idle.
    is_idle: bool,
}

impl Listening {
    fn due(&self) -> Option<Timestamp> {
        let minutes = match self.patience {
            Patience { idle: Some(minutes), .. } if !self.is_idle => minutes,
            Patience { disconnect, .. } => disconnect?,
        };
        Some(self.since.plus_millis(i64::from(minutes) * 60_000))
    }
}

impl Timers {
    /// Whether nothing is configured and nobody is listened to.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first deadline; it may turn out to be too early.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.listening.iter().filter_map(Listening::due).min()
    }

    fn of(&mut self, participant: &ParticipantId) -> Option<&mut Listening> {
        self.listening.iter_mut().find(|listening| listening.participant == *participant)
    }
}

impl Chat {
    /// Those whose timers have run out unless the log knows of something they said since: who, and
    /// the moment after which to look.
    pub fn silent(&self, now: Timestamp) -> impl Iterator<Item = (&ParticipantId, Timestamp)> {
        let listening = self.timers.listening.iter();
        listening
            .filter(move |one| one.due().is_some_and(|due| due <= now))
            .map(|one| (&one.participant, one.since))
    }

    /// Whether the customer and somebody who answers are both there.
    fn converses(&self) -> bool {
        let is_here = |role: &ParticipantRole| self.present().any(|person| person.role == *role);
        !self.is_over()
            && is_here(&ParticipantRole::Customer)
            && (is_here(&ParticipantRole::Agent) || is_here(&ParticipantRole::CustomBot))
    }

    fn had(&self, participant: &Participant) -> bool {
        self.participant(&participant.id).is_some_and(|known| known.presence == Presence::Joined)
    }
}

/// Changes what is configured: for the next agent who joins, and those after.
pub(crate) fn configure(
    now: Timestamp,
    chat: &Chat,
    changes: &[ParticipantTimer],
) -> Result<Decision, Refusal> {
    if chat.has_ended_by(now) {
        return Err(Refusal::new(
            ErrorKind::ResourceNotFound,
            format!("The contact {} has ended", chat.current_contact().id),
        ));
    }
    let mut after = chat.clone();
    for change in changes {
        let patience = match change.participant_role {
            TimerRole::Customer => &mut after.timers.customer,
            TimerRole::Agent => &mut after.timers.agent,
            _ => continue,
        };
        let minutes = change.timer_value.participant_timer_duration_in_minutes;
        // Checked to be 2 to 480 where it is given.
        let minutes = minutes.and_then(|minutes| u16::try_from(minutes).ok());
        match change.timer_type {
            TimerType::Idle => patience.idle = minutes,
            TimerType::DisconnectNoncustomer => patience.disconnect = minutes,
            _ => {}
        }
    }
    if after == *chat {
        return Ok(Decision::nothing(Answer::Done));
    }
    after.updated_at = now;
    Ok(Decision::change(after, Vec::new()))
}

/// What a decision means for who is listened to: begins and ends with who comes and goes, and an idle
/// person who says something has returned.
pub(crate) fn follow(now: Timestamp, before: &Chat, decision: &mut Decision) {
    if let Some(after) = &mut decision.chat {
        follow_presence(now, before, after);
    }
    let listening = &decision.chat.as_ref().unwrap_or(before).timers.listening;
    if !listening.iter().any(|one| one.is_idle) {
        return;
    }
    let returned: Vec<ParticipantId> = listening
        .iter()
        .filter(|one| {
            let theirs = |draft: &Draft| {
                draft.is_said()
                    && draft.sender.as_ref().is_some_and(|sender| sender.id == one.participant)
            };
            one.is_idle && decision.entries.iter().any(theirs)
        })
        .map(|one| one.participant.clone())
        .collect();
    for id in returned {
        let after = decision.chat.get_or_insert_with(|| before.clone());
        after.updated_at = now;
        if let Some(listening) = after.timers.of(&id) {
            listening.is_idle = false;
            listening.since = now;
        }
        let person = after.participant(&id);
        decision.transient.push(event(after, person, ContentType::ParticipantReturned));
    }
}

fn follow_presence(now: Timestamp, before: &Chat, after: &mut Chat) {
    if !after.converses() {
        // No capacity is kept either: most chats are without timers.
        after.timers.listening = Vec::new();
        return;
    }
    let begins = !before.converses();
    let mut timers = std::mem::take(&mut after.timers);
    timers.listening.retain(|one| after.present().any(|person| person.id == one.participant));
    for person in after.present() {
        let patience = match person.role {
            ParticipantRole::Customer if begins => timers.customer,
            ParticipantRole::Agent if begins || !before.had(person) => timers.agent,
            _ => continue,
        };
        if patience != Patience::default() {
            timers.listening.push(Listening {
                participant: person.id.clone(),
                patience,
                since: now,
                is_idle: false,
            });
        }
    }
    after.timers = timers;
}

/// When somebody last said something, found in the log.
pub type Heard = (ParticipantId, Timestamp);

impl Rules {
    /// Tells the timers the time. `heard` is what the log knows of those in [`Chat::silent`].
    pub(crate) fn silence_passed(&self, now: Timestamp, chat: &Chat, heard: &[Heard]) -> Decision {
        let silent: Vec<ParticipantId> = chat.silent(now).map(|(id, _)| id.clone()).collect();
        if silent.is_empty() {
            return Decision::nothing(Answer::Done);
        }
        let mut after = chat.clone();
        let mut transient = Vec::new();
        for id in &silent {
            let Some(one) = after.timers.of(id) else { continue };
            let said = heard.iter().filter(|(who, _)| who == id).map(|(_, when)| *when).max();
            one.since = one.since.max(said.unwrap_or(one.since));
            if one.due().is_none_or(|due| due > now) {
                continue;
            }
            if one.patience.idle.is_some() && !one.is_idle {
                // A late timer leaves as much time for an answer as one on time.
                one.is_idle = true;
                one.since = now;
                after.updated_at = now;
                transient.push(event(chat, chat.participant(id), ContentType::ParticipantIdle));
                continue;
            }
            // The others are disconnected and miss the news.
            let told = Draft {
                audience: Audience::One(chat.customer().id.clone()),
                ..event(chat, chat.participant(id), ContentType::ParticipantAutoDisconnection)
            };
            transient.push(told);
            let answers = |person: &&Participant| person.role != ParticipantRole::Customer;
            let leaver = chat.present().find(answers).map_or(id, |person| &person.id);
            let mut entries = leave::others_leave(&mut after);
            self.close(now, &mut after, leaver, EndReason::Other, &mut entries);
            return Decision { transient, ..Decision::change(after, entries) };
        }
        Decision { transient, ..Decision::change(after, Vec::new()) }
    }
}
