//! Bots in a chat: what a bot outside has answered ([`BotAction`]), and the custom participant that a
//! back end adds (docs/protocol/participant-service.md §10.3).

use std::fmt;

use chatloom_wire::{
    ContentType, ErrorKind, ItemId, ItemType, ParticipantId, ParticipantRole, Timestamp,
    contact::ResponseMode,
};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Audience, Chat, Decision, Draft, DraftBody, EndReason, FollowerId, Participant, Phase,
    Presence, Refusal, Rules,
    compose::{event, item, message, text},
    leave, limits,
};

/// One thing that a bot wants done.
#[derive(Clone, PartialEq, Eq)]
pub enum BotAction {
    /// To say something. The content has been checked, and the chat supports its type.
    Say {
        /// Of what type.
        content_type: ContentType,
        /// What, 1 to 16,384 bytes.
        content: String,
        /// When it was said in chunks before.
        streamed: Option<Streamed>,
    },
    /// To ask the customer to sign in; nothing while the customer is asked already.
    Authenticate {
        /// What the customer's page will know it by, 36 characters.
        session: String,
        /// How long the customer may take, 3 to 15.
        minutes: u8,
    },
    /// To hand the customer over to the queue. What comes after it is not done.
    Handover {
        /// Another queue than the flow's, one that a flow leads to.
        queue: Option<String>,
    },
    /// To end the chat. What comes after it is not done.
    End,
}

/// Without the content: it is private.
impl fmt::Debug for BotAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say { content_type, streamed, .. } => f
                .debug_struct("Say")
                .field("content_type", content_type)
                .field("streamed", streamed)
                .finish_non_exhaustive(),
            Self::Authenticate { minutes, .. } => {
                f.debug_struct("Authenticate").field("minutes", minutes).finish_non_exhaustive()
            }
            Self::Handover { queue } => f.debug_struct("Handover").field("queue", queue).finish(),
            Self::End => f.write_str("End"),
        }
    }
}

/// That a message has been shown in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// The id that its chunks had.
    pub id: ItemId,
    /// The number of this chunk, from 1 on; the whole message has the one after the last chunk's.
    pub chunk: u32,
}

/// A custom participant that a back end added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomBot {
    /// The participant.
    pub participant: ParticipantId,
    /// Until when it has to connect.
    pub connect_by: Timestamp,
}

impl Rules {
    /// What a bot's answer does. Nothing, when the bot answers in this chat no more.
    pub(crate) fn bot_answered(
        &self,
        now: Timestamp,
        chat: &Chat,
        follower: &FollowerId,
        actions: &[BotAction],
    ) -> Decision {
        let nothing = Decision::nothing(Answer::Done);
        let Some(bot) = answering(now, chat, follower) else { return nothing };
        let mut entries = Vec::with_capacity(actions.len());
        let mut after: Option<Chat> = None;
        for action in actions {
            match action {
                BotAction::Say { content_type, content, streamed } => {
                    entries.push(said(chat, bot, content_type, content, streamed.as_ref()));
                }
                BotAction::Authenticate { session, minutes } => {
                    let after = after.get_or_insert_with(|| chat.clone());
                    entries.extend(after.ask_to_sign_in(now, session, *minutes));
                }
                BotAction::Handover { queue } => {
                    let mut after = after.unwrap_or_else(|| chat.clone());
                    let flow = self.flow_of(chat);
                    if entries.is_empty()
                        && let Some(words) = &flow.handover
                    {
                        entries.push(text(chat, chat.system(), words));
                    }
                    self.leave_bot(now, &mut after, queue.as_deref());
                    return Decision::change(after, entries);
                }
                BotAction::End => {
                    let mut after = after.unwrap_or_else(|| chat.clone());
                    after.dismiss_bot();
                    entries.push(leave::end(now, &mut after, EndReason::Other));
                    return Decision::change(after, entries);
                }
            }
        }
        Decision { chat: after, entries, ..nothing }
    }

    /// A bot has failed: the configured words, and to the queue; the one of a disconnect flow ends the
    /// chat.
    pub(crate) fn bot_failed(
        &self,
        now: Timestamp,
        chat: &Chat,
        follower: &FollowerId,
        so_far: Option<&BotAction>,
    ) -> Decision {
        let nothing = Decision::nothing(Answer::Done);
        let Some(bot) = answering(now, chat, follower) else { return nothing };
        let mut after = chat.clone();
        let mut entries = Vec::with_capacity(2);
        if let Some(BotAction::Say { content_type, content, streamed }) = so_far {
            entries.push(said(chat, bot, content_type, content, streamed.as_ref()));
        }
        if let Some(words) = &self.flow_of(chat).failure {
            entries.push(text(chat, chat.system(), words));
        }
        if chat.closing().is_some() {
            // Nobody is to be asked anything any more.
            after.dismiss_bot();
            entries.push(leave::end(now, &mut after, EndReason::Other));
        } else {
            self.leave_bot(now, &mut after, None);
        }
        Decision::change(after, entries)
    }

    fn leave_bot(&self, now: Timestamp, after: &mut Chat, queue: Option<&str>) {
        after.dismiss_bot();
        let assistant = after.assistant().map(|assistant| assistant.id.clone());
        if let Some(assistant) = assistant.and_then(|id| after.participant_mut(&id)) {
            assistant.presence = Presence::Left;
        }
        // In a queue that no flow leads to nobody would look.
        let queue = queue.filter(|queue| self.queues().contains(queue));
        let queue = queue.unwrap_or_else(|| self.queue_of(after)).to_owned();
        after.leave_closing();
        after.enqueue(now, queue);
    }
}

/// A part of a message that a bot is saying, for the customer.
pub(crate) fn says(
    now: Timestamp,
    chat: &Chat,
    follower: &FollowerId,
    content_type: &ContentType,
    content: &str,
    at: &Streamed,
) -> Decision {
    let nothing = Decision::nothing(Answer::Done);
    let Some(bot) = answering(now, chat, follower) else { return nothing };
    let mut part = streamed(chat, bot, content_type, content, at, false);
    part.audience = Audience::One(chat.customer().id.clone());
    Decision { transient: vec![part], ..nothing }
}

fn said(
    chat: &Chat,
    bot: &Participant,
    content_type: &ContentType,
    content: &str,
    at: Option<&Streamed>,
) -> Draft {
    match at {
        None => message(chat, bot, content_type.clone(), content.to_owned()),
        Some(at) => streamed(chat, bot, content_type, content, at, true),
    }
}

fn streamed(
    chat: &Chat,
    bot: &Participant,
    content_type: &ContentType,
    content: &str,
    at: &Streamed,
    completed: bool,
) -> Draft {
    let draft = item(chat, Some(bot), ItemType::Message, content_type.clone(), None);
    Draft {
        body: DraftBody::Streamed {
            at: at.clone(),
            content_type: content_type.clone(),
            content: content.to_owned(),
            completed,
        },
        ..draft
    }
}

/// Who speaks for the bot, while it is the one that answers.
fn answering<'a>(now: Timestamp, chat: &'a Chat, follower: &FollowerId) -> Option<&'a Participant> {
    let answers = chat.bot().is_some_and(|(bot, _)| bot == follower);
    let open = chat.phase == Phase::Assistant && chat.ends_at > now;
    chat.assistant().filter(|_| answers && open)
}

impl Chat {
    /// Whether the customer is shown parts of what a bot says
    /// (docs/protocol/participant-service.md §6.7).
    pub fn shows_parts(&self) -> bool {
        self.record.response_mode == Some(ResponseMode::Incremental)
    }

    /// The custom participant who is in the chat, or may still come.
    pub fn custom_bot(&self, now: Timestamp) -> Option<&Participant> {
        let bot = self.participant(&self.custom_bot.as_ref()?.participant)?;
        let is_here = match bot.presence {
            Presence::Expected => !self.came_too_late(now, &bot.id),
            Presence::Joined => true,
            Presence::Left => false,
        };
        is_here.then_some(bot)
    }

    /// Whether this is a custom participant whose time to connect has passed without it.
    pub fn came_too_late(&self, now: Timestamp, id: &ParticipantId) -> bool {
        self.participant(id).is_some_and(|participant| {
            participant.role == ParticipantRole::CustomBot
                && participant.presence == Presence::Expected
                && self
                    .custom_bot
                    .as_ref()
                    .is_none_or(|bot| bot.participant != *id || bot.connect_by <= now)
        })
    }

    /// Adds a custom participant (docs/protocol/participant-service.md §10.3); nothing where it is
    /// there already.
    ///
    /// Refused with `InvalidRequestException` after the end, with `ServiceQuotaExceededException` when
    /// there is another one, with `ConflictException` while an agent or an assistant is there.
    pub(crate) fn add_custom_bot(
        &self,
        now: Timestamp,
        id: &ParticipantId,
        name: &str,
    ) -> Result<Option<Self>, Refusal> {
        if self.participant(id).is_some() {
            return Ok(None);
        }
        if self.has_ended_by(now) {
            return Err(Refusal::new(
                ErrorKind::InvalidRequest,
                format!("The contact {} has ended", self.id),
            ));
        }
        let of_role = |role: &ParticipantRole| {
            self.participants.iter().filter(|participant| participant.role == *role).count()
        };
        if self.custom_bot(now).is_some()
            || of_role(&ParticipantRole::CustomBot) >= limits::CUSTOM_BOTS_OF_CHAT
        {
            return Err(Refusal::new(
                ErrorKind::ServiceQuotaExceeded,
                "A contact has one custom participant at a time, and a bounded number in all",
            ));
        }
        let agent = |participant: &Participant| participant.role == ParticipantRole::Agent;
        let assistant = self.assistant().filter(|_| self.phase == Phase::Assistant);
        let assists = assistant.is_some_and(|assistant| assistant.presence == Presence::Joined);
        if assists || self.present().any(agent) {
            return Err(Refusal::new(
                ErrorKind::Conflict,
                "A custom participant cannot join while an agent or an assistant is there",
            ));
        }
        let mut after = self.clone();
        after.participants.push(Participant {
            id: id.clone(),
            role: ParticipantRole::CustomBot,
            name: name.to_owned(),
            user: None,
            presence: Presence::Expected,
        });
        after.custom_bot = Some(CustomBot {
            participant: id.clone(),
            connect_by: now.plus_millis(limits::CUSTOM_BOT_WITHIN_MS),
        });
        after.updated_at = now;
        Ok(Some(after))
    }

    /// The custom participant goes, because an agent comes: the event that says so, if it had joined.
    pub(crate) fn remove_custom_bot(&mut self) -> Option<Draft> {
        let id = self.custom_bot.take()?.participant;
        let bot = self.participant(&id)?;
        let left = (bot.presence == Presence::Joined)
            .then(|| event(self, Some(bot), ContentType::ParticipantLeft));
        if let Some(bot) = self.participant_mut(&id) {
            bot.presence = Presence::Left;
        }
        left
    }
}
