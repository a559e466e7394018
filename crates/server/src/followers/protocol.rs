//! What the server and a bot say to each other; docs/bots.md describes it for those who write bots.

use std::collections::BTreeMap;

use chatloom_engine::{BotAction, Chat, guide::SIGN_IN_MINUTES};
use chatloom_wire::{
    ContentType, ItemId, ParticipantId, Timestamp, interactive::Interactive,
    participant::MAX_CONTENT_BYTES,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Guides;
use crate::{chats::new_id, outgoing::Failure};

/// The most that a bot may want done in one turn.
const MOST_ACTIONS: usize = 32;
/// The most items of the past that a bot is given.
pub(super) const MOST_HISTORY: u32 = 100;

/// A turn: what the bot is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Turn<'a> {
    pub(super) version: u32,
    /// Names the turn; the same in each repeat.
    #[serde(rename = "turn")]
    pub(super) id: &'a ItemId,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// 1 for the first time that this turn is asked.
    pub(super) attempt: u32,
    pub(super) chat: ChatView<'a>,
    pub(super) customer: CustomerView<'a>,
    pub(super) attributes: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<MessageView<'a>>,
    /// What became of asking the customer to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authentication: Option<AuthenticationView>,
    /// The item of a file that the customer sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachment: Option<&'a RawValue>,
    /// What was said before, oldest first; only for a bot that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<Vec<&'a RawValue>>,
}

/// What a turn is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnKind {
    /// The customer has come.
    Start,
    /// The customer has said something.
    Message,
    /// The customer has sent a file.
    Attachment,
    /// The customer who was asked to sign in has done so, or has not.
    Authentication(SignInOutcome),
}

/// How signing in ended (docs/protocol/participant-service.md §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SignInOutcome {
    Succeeded,
    Failed,
    Cancelled,
    Timeout,
}

impl TurnKind {
    /// As turns spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Message => "message",
            Self::Attachment => "attachment",
            Self::Authentication(_) => "authentication",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatView<'a> {
    pub(super) initial_contact_id: &'a str,
    pub(super) contact_id: &'a str,
    pub(super) contact_flow_id: &'a str,
    /// What may be said.
    pub(super) content_types: &'a [ContentType],
    /// Whether the customer is shown parts of an answer.
    pub(super) shows_parts: bool,
    pub(super) started_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerView<'a> {
    pub(super) participant_id: &'a ParticipantId,
    pub(super) display_name: &'a str,
    /// Whether the customer has signed in.
    pub(super) authenticated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthenticationView {
    pub(super) outcome: SignInOutcome,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageView<'a> {
    pub(super) id: &'a ItemId,
    pub(super) time: Timestamp,
    pub(super) content_type: &'a str,
    pub(super) content: &'a str,
}

/// A bot's whole answer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reply {
    pub(super) actions: Vec<Action>,
    /// Asks for the newest so many items, 1 to 100; the turn is asked again with them.
    pub(super) history: Option<u32>,
}

/// One thing that a bot wants done.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Action {
    /// To say something.
    Say { content: String, content_type: Option<String> },
    /// To show an interactive message.
    Interactive { content: serde_json::Value },
    /// To show a view.
    View {
        view_id: Option<String>,
        view_token: Option<String>,
        view_data: Option<serde_json::Value>,
    },
    /// To ask the customer to sign in.
    Authenticate { timeout_in_minutes: Option<u8> },
    /// To hand over to the queue.
    Handover { queue: Option<String> },
    /// To end the chat.
    End,
}

/// The data of a `chunk` event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    pub(super) content: String,
    pub(super) content_type: Option<String>,
}

/// Reads a JSON object of a bot. Only where it is wrong, not what it says.
pub(super) fn read<T: for<'de> Deserialize<'de>>(what: &str, text: &[u8]) -> Result<T, Failure> {
    // Serde also reads a struct from a list, which no bot means.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(Failure::Unusable(format!("{what}: not a JSON object")));
    }
    serde_json::from_slice(text).map_err(|error| {
        Failure::Unusable(format!(
            "{what}: {:?} error in line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        ))
    })
}

/// The type that a text is said in: Markdown is plain text where the chat does not take it.
pub(super) fn text_type(
    wanted: Option<&str>,
    supported: &[ContentType],
) -> Result<ContentType, Failure> {
    let wanted = wanted.map_or(ContentType::TextPlain, ContentType::from);
    match &wanted {
        ContentType::TextMarkdown if !supported.contains(&wanted) => Ok(ContentType::TextPlain),
        ContentType::TextPlain | ContentType::TextMarkdown => Ok(wanted),
        ContentType::Json if supported.contains(&wanted) => Ok(wanted),
        _ => Err(Failure::Unusable(
            "contentType: text/plain, text/markdown, or application/json where the chat takes it"
                .to_owned(),
        )),
    }
}

/// Whose actions these are, and what they may be.
pub(super) struct Actor<'a> {
    pub(super) chat: &'a Chat,
    pub(super) guides: &'a Guides,
    pub(super) has_sign_in: bool,
    pub(super) now: Timestamp,
}

/// The actions for the chat, checked.
pub(super) fn actions(actions: Vec<Action>, actor: &Actor<'_>) -> Result<Vec<BotAction>, Failure> {
    let actions = actions.into_iter().map(|action| one(action, actor));
    bounded(actions.collect::<Result<_, _>>()?)
}

/// No more than a bot may want done in one turn.
pub(super) fn bounded(actions: Vec<BotAction>) -> Result<Vec<BotAction>, Failure> {
    if actions.len() > MOST_ACTIONS {
        return Err(Failure::Unusable(format!("more than {MOST_ACTIONS} actions")));
    }
    Ok(actions)
}

/// An action for the chat, checked.
fn one(action: Action, actor: &Actor<'_>) -> Result<BotAction, Failure> {
    let supported = &actor.chat.content_types;
    Ok(match action {
        Action::Say { content, content_type } => {
            check_content(&content)?;
            let content_type = text_type(content_type.as_deref(), supported)?;
            BotAction::Say { content_type, content, streamed: None }
        }
        Action::Interactive { content } => interactive(&content.to_string(), supported)?,
        // A view of this server's folder, which the page fetches by a token.
        Action::View { view_id: Some(view), view_token: None, view_data }
            if !actor.guides.views.is_empty() =>
        {
            let Guides { views, tokens } = actor.guides;
            let shown = views.show(tokens, actor.now, &actor.chat.id, &view, view_data.as_ref());
            let shown = shown.map_err(|error| Failure::Unusable(format!("a view: {error}")))?;
            interactive(&shown.content, supported)?
        }
        Action::View { view_id, view_token, view_data } => {
            let mut content = serde_json::Map::new();
            content.extend(view_id.map(|id| ("viewId".to_owned(), id.into())));
            content.extend(view_token.map(|token| ("viewToken".to_owned(), token.into())));
            content.extend(view_data.map(|data| ("viewData".to_owned(), data)));
            let view = serde_json::json!({
                "templateType": "ViewResource",
                "version": "1.0",
                "data": { "content": content },
            });
            interactive(&view.to_string(), supported)?
        }
        Action::Authenticate { timeout_in_minutes } => {
            let minutes = timeout_in_minutes.unwrap_or(*SIGN_IN_MINUTES.start());
            if !SIGN_IN_MINUTES.contains(&minutes) {
                return Err(Failure::Unusable("timeoutInMinutes: 3 to 15".to_owned()));
            }
            if !actor.has_sign_in {
                return Err(Failure::Unusable(
                    "nobody can sign in here: sign_in.issuer is not configured".to_owned(),
                ));
            }
            BotAction::Authenticate { session: new_id(), minutes }
        }
        Action::Handover { queue } => BotAction::Handover { queue },
        Action::End => BotAction::End,
    })
}

pub(super) fn check_content(content: &str) -> Result<(), Failure> {
    if (1..=MAX_CONTENT_BYTES).contains(&content.len()) {
        return Ok(());
    }
    Err(Failure::Unusable(format!("content: 1 to {MAX_CONTENT_BYTES} bytes")))
}

fn interactive(text: &str, supported: &[ContentType]) -> Result<BotAction, Failure> {
    if !supported.contains(&ContentType::Interactive) {
        return Err(Failure::Unusable(
            "an interactive message, which this chat does not take".to_owned(),
        ));
    }
    let message = Interactive::read(text);
    if matches!(message, Interactive::Other(_)) {
        return Err(Failure::Unusable(
            "an interactive message that is no known template with all that it requires".to_owned(),
        ));
    }
    message
        .check()
        .map_err(|invalid| Failure::Unusable(format!("an interactive message: {invalid}")))?;
    let content = message.to_text();
    Ok(BotAction::Say { content_type: ContentType::Interactive, content, streamed: None })
}
