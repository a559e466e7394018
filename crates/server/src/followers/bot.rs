//! Turns of bots: the customer comes or says something, the bot is asked, what it answers is done.
//!
//! A turn is known by the item it is about. At most one is under way in a chat; what the customer says
//! meanwhile is further turns, in order. A turn whose answer was lost is asked again, and whatever
//! comes of it is done once.

use std::sync::Arc;

use bytes::Bytes;
use chatloom_engine::{
    BotAction, Chat, Entry, EntryKind, FollowerId, Participant, Streamed, entry::item_id,
};
use chatloom_wire::{ContentType, ErrorKind, Item, ItemId, ItemType, ServiceError};
use http::{HeaderMap, HeaderValue, header};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    Bot, Followers, PAGE,
    protocol::{
        self, Actor, AuthenticationView, ChatView, Chunk, CustomerView, MOST_HISTORY, MessageView,
        Reply, SignInOutcome, Turn, TurnKind,
    },
};
use crate::{
    outgoing::{Answer, Failure, Post, sse},
    store::{FollowerPlace, StoreError},
};

/// The type of an answer in parts.
const EVENTS: &str = "text/event-stream";

/// A turn that is being asked.
struct Asked<'a> {
    bot: &'a Bot,
    id: &'a FollowerId,
    chat: &'a Chat,
    about: &'a Entry,
    attempt: u32,
}

/// A message that the bot is saying in parts.
struct Saying {
    id: ItemId,
    content_type: ContentType,
    content: String,
    /// How many parts the customer has been shown.
    parts: u32,
}

/// What a bot has said by the time that it failed.
#[derive(Default)]
struct SoFar(Option<BotAction>);

impl Followers {
    /// Asks a bot about what comes next in its chat.
    pub(super) async fn tell_bot(&self, at: &FollowerPlace, name: &str) -> Result<(), StoreError> {
        let chat = self.chats.state(&at.chat).await?;
        if chat.follower(&at.follower).is_none() {
            // Removed since.
            return Ok(());
        }
        let entries = self.store.entries_after(&at.chat, at.place, PAGE).await?;
        if chat.is_over() {
            // Nothing that a bot says now would be heard: it is asked nothing more.
            return self.told(at, entries.last().map_or(at.place, |last| last.seq)).await;
        }
        let next = entries.iter().find_map(|entry| Some((entry, turn_of(&chat, entry)?)));
        let Some((about, (kind, item))) = next else {
            return self.told(at, entries.last().map_or(at.place, |last| last.seq)).await;
        };
        let mut so_far = SoFar::default();
        let answered = match self.bots.get(name) {
            None => Err(Failure::Unconfigured),
            Some(bot) => {
                let attempt = at.failures.saturating_add(1);
                let asked = Asked { bot, id: &at.follower, chat: &chat, about, attempt };
                self.ask(&asked, kind, &item, &mut so_far).await
            }
        };
        let done = match answered {
            Ok(actions) => {
                self.chats.bot_answered(&at.chat, &at.follower, &about.id, actions).await
            }
            Err(failure) => {
                self.metrics.turns_failed.inc();
                let last = at.failures.saturating_add(1) >= self.bot_bounds.attempts
                    || matches!(failure, Failure::Unconfigured | Failure::Forbidden);
                tracing::warn!(chat = %at.chat, bot = name, last, %failure, "a bot's turn failed");
                if !last {
                    // What came before the turn is of no interest.
                    return self.failed(at, about.seq - 1, &failure).await;
                }
                self.chats.bot_failed(&at.chat, &at.follower, so_far.0).await
            }
        };
        match done {
            Ok(()) => {
                self.metrics.turns.inc();
                self.told(at, about.seq).await
            }
            // The chat is over, or has no room for more: there is nothing left to do for a bot.
            Err(refused) if is_final(&refused) => self.told(at, about.seq).await,
            Err(refused) => Err(StoreError::Database(format!(
                "what a bot has answered could not be stored: {}",
                refused.kind.name()
            ))),
        }
    }

    /// Asks, twice if the bot wants to know what was said before.
    async fn ask(
        &self,
        asked: &Asked<'_>,
        kind: TurnKind,
        item: &Item,
        so_far: &mut SoFar,
    ) -> Result<Vec<BotAction>, Failure> {
        let until = Instant::now() + self.bot_bounds.answer_timeout.get();
        let mut history: Option<Vec<Arc<Entry>>> = None;
        loop {
            let answer = self.send(asked, kind, item, history.as_deref()).await?;
            if answer.content_type() == EVENTS {
                return self.read_events(asked, answer, until, so_far).await;
            }
            let most = self.bounds.max_answer.bytes();
            let body = answer.whole(most, until).await?;
            let body = if body.trim_ascii().is_empty() { b"{}".to_vec() } else { body };
            let reply: Reply = protocol::read("the answer", &body)?;
            match reply.history {
                Some(count) if history.is_none() => {
                    let count = count.clamp(1, MOST_HISTORY);
                    let said = self.chats.said_before(asked.chat, asked.about.seq, count).await;
                    let said = said.map_err(|error| Failure::Unreachable(error.to_string()))?;
                    history = Some(said);
                }
                _ => return protocol::actions(reply.actions, &self.actor(asked)),
            }
        }
    }

    fn actor<'a>(&'a self, asked: &Asked<'a>) -> Actor<'a> {
        Actor {
            chat: asked.chat,
            guides: &self.guides,
            has_sign_in: self.has_sign_in,
            now: self.clock.now(),
        }
    }

    async fn send(
        &self,
        asked: &Asked<'_>,
        kind: TurnKind,
        item: &Item,
        history: Option<&[Arc<Entry>]>,
    ) -> Result<Answer, Failure> {
        let Asked { bot, chat, about, attempt, .. } = asked;
        let unwritable = |_| Failure::Unusable("the turn cannot be written".to_owned());
        let content = item.content();
        let head = item.head();
        let raw = |entry: &'_ Entry| serde_json::from_str::<Box<RawValue>>(&entry.text);
        let attachment = raw(about).map_err(unwritable)?;
        let history = history
            .map(|entries| entries.iter().map(|entry| raw(entry)).collect::<Result<Vec<_>, _>>())
            .transpose()
            .map_err(unwritable)?;
        let attributes = chat.attributes.iter();
        let turn = Turn {
            version: 1,
            id: &about.id,
            kind: kind.name(),
            attempt: *attempt,
            chat: ChatView {
                initial_contact_id: chat.id.as_str(),
                contact_id: about.contact_id.as_str(),
                contact_flow_id: chat.present_flow().as_str(),
                content_types: &chat.content_types,
                shows_parts: chat.shows_parts(),
                started_at: chat.started_at,
            },
            customer: CustomerView {
                participant_id: &chat.customer().id,
                display_name: &chat.customer().name,
                authenticated: chat.is_authenticated(),
            },
            attributes: attributes
                .filter(|(name, _)| bot.attributes.contains(name))
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            message: (kind == TurnKind::Message).then(|| MessageView {
                id: &about.id,
                time: about.time,
                content_type: head.content_type.as_ref().map_or("", ContentType::as_str),
                content: content.as_deref().unwrap_or_default(),
            }),
            authentication: match kind {
                TurnKind::Authentication(outcome) => Some(AuthenticationView { outcome }),
                _ => None,
            },
            attachment: (kind == TurnKind::Attachment).then_some(&*attachment),
            history: history.as_ref().map(|items| items.iter().map(|item| &**item).collect()),
        };
        let body = serde_json::to_vec(&turn).map_err(unwritable)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        let post = Post {
            id: about.id.as_str().to_owned(),
            headers,
            body: Bytes::from(body),
            timeout: self.bot_bounds.timeout.get(),
        };
        self.outgoing.post(&bot.endpoint, post).await
    }

    /// Reads an answer in parts, showing the customer what the bot says as it says it.
    async fn read_events(
        &self,
        asked: &Asked<'_>,
        mut answer: Answer,
        until: Instant,
        so_far: &mut SoFar,
    ) -> Result<Vec<BotAction>, Failure> {
        let most = self.bounds.max_answer.bytes();
        let mut events = sse::Events::default();
        let mut actions = Vec::new();
        let mut saying: Option<Saying> = None;
        let mut bytes = 0;
        loop {
            let patience = until.min(Instant::now() + self.bot_bounds.timeout.get());
            let Some(more) = answer.chunk(patience).await? else {
                return Err(Failure::BrokeOff("it has no done event".to_owned()));
            };
            bytes += more.len();
            if bytes > most {
                return Err(Failure::TooLong(most));
            }
            for event in events.push(&more) {
                match event.name.as_str() {
                    "chunk" => {
                        let chunk: Chunk = protocol::read("a chunk", event.data.as_bytes())?;
                        let saying = match &mut saying {
                            Some(saying) => saying,
                            none => none.insert(asked.begin(actions.len(), &chunk)?),
                        };
                        self.say_part(asked, saying, chunk.content).await?;
                        so_far.0 = Some(saying.so_far());
                    }
                    "action" => {
                        actions.extend(saying.take().map(|said| said.so_far()));
                        so_far.0 = None;
                        let action = protocol::read("an action", event.data.as_bytes())?;
                        actions.extend(protocol::actions(vec![action], &self.actor(asked))?);
                    }
                    "end" => {
                        actions.extend(saying.take().map(|said| said.so_far()));
                        so_far.0 = None;
                    }
                    "done" => {
                        actions.extend(saying.take().map(|said| said.so_far()));
                        return protocol::bounded(actions);
                    }
                    // A later version may know more.
                    _ => {}
                }
            }
        }
    }

    async fn say_part(
        &self,
        asked: &Asked<'_>,
        saying: &mut Saying,
        part: String,
    ) -> Result<(), Failure> {
        if part.is_empty() {
            return Ok(());
        }
        saying.content.push_str(&part);
        protocol::check_content(&saying.content)?;
        if !asked.chat.shows_parts() {
            return Ok(());
        }
        saying.parts += 1;
        let at = Streamed { id: saying.id.clone(), chunk: saying.parts };
        let content_type = saying.content_type.clone();
        self.chats
            .bot_says(&asked.chat.id, asked.id, content_type, part, at)
            .await
            .map_err(|error| Failure::Unreachable(error.kind.name().to_owned()))
    }
}

impl Asked<'_> {
    /// A message begins, the `index`-th thing of the answer. A repeat of the turn gives it the same id,
    /// so that what is shown again takes the place of what was shown.
    fn begin(&self, index: usize, chunk: &Chunk) -> Result<Saying, Failure> {
        let content_type =
            protocol::text_type(chunk.content_type.as_deref(), &self.chat.content_types)?;
        let mut hash = Sha256::new();
        for part in [self.id.as_str(), self.about.id.as_str(), &index.to_string()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let random = u128::from_le_bytes(hash[..16].try_into().expect("16 of 32 bytes"));
        Ok(Saying {
            id: item_id(self.about.time, random),
            content_type,
            content: String::new(),
            parts: 0,
        })
    }
}

impl Saying {
    /// What it is as far as it has come; the whole, once nothing more comes.
    fn so_far(&self) -> BotAction {
        BotAction::Say {
            content_type: self.content_type.clone(),
            content: self.content.clone(),
            // The whole has a number, too: the one after the last part's.
            streamed: (self.parts > 0)
                .then(|| Streamed { id: self.id.clone(), chunk: self.parts + 1 }),
        }
    }
}

/// What an entry is to a bot, if it is anything.
fn turn_of(chat: &Chat, entry: &Entry) -> Option<(TurnKind, Item)> {
    let from = |who: &Participant| entry.sender.as_ref() == Some(&who.id);
    let is_customers = from(chat.customer());
    let leaver = chat.closing().map(|closing| &closing.leaver);
    let is_leavers = leaver.is_some() && entry.sender.as_ref() == leaver;
    if entry.kind != EntryKind::Item || !(is_customers || is_leavers || from(chat.system())) {
        return None;
    }
    let item = Item::from_text(Arc::clone(&entry.text)).ok()?;
    let head = item.head();
    let kind = match (&head.item_type, &head.content_type) {
        // With it the disconnect flow began.
        (Some(ItemType::Event), Some(ContentType::ParticipantLeft)) if is_leavers => {
            TurnKind::Start
        }
        (Some(ItemType::Event), Some(event)) if !is_customers => {
            TurnKind::Authentication(outcome(event)?)
        }
        _ if !is_customers => return None,
        (Some(ItemType::Message), _) => TurnKind::Message,
        (Some(ItemType::Attachment), _) => TurnKind::Attachment,
        (Some(ItemType::Event), Some(ContentType::ParticipantJoined)) => TurnKind::Start,
        _ => return None,
    };
    Some((kind, item))
}

/// What an event of the flow says about the customer's signing in.
fn outcome(event: &ContentType) -> Option<SignInOutcome> {
    Some(match event {
        ContentType::AuthenticationSucceeded => SignInOutcome::Succeeded,
        ContentType::AuthenticationFailed => SignInOutcome::Failed,
        ContentType::AuthenticationCancelled => SignInOutcome::Cancelled,
        ContentType::AuthenticationTimeout => SignInOutcome::Timeout,
        _ => return None,
    })
}

/// Whether to try again would be in vain.
fn is_final(error: &ServiceError) -> bool {
    matches!(error.kind, ErrorKind::AccessDenied | ErrorKind::Validation)
}
