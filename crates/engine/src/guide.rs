//! What the control plane has the flow say: views, and that the customer shall sign in
//! (docs/protocol/participant-service.md §6.3, §6.6).
//!
//! A chat asks its customer to sign in at most once at a time. The customer's page learns of it by an
//! event with a session, asks within a minute where to sign in, comes back with a code, and the control
//! plane exchanges that. Who does not react in time hears so, and the chat goes on.

use std::fmt;

use chatloom_wire::{
    ContentType, ErrorKind, ItemType, ParticipantId, ParticipantRole, Timestamp,
    contact::{CUSTOMER_AUTHENTICATION, SegmentAttributeValue},
};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Chat, Decision, Draft, Participant, Phase, Refusal,
    compose::{event, item, message},
    send::require_supported,
};

/// How long after the event the customer's page may ask where to sign in, in milliseconds
/// (docs/protocol/participant-service.md §1.4).
pub const URL_WITHIN_MS: i64 = 60_000;

/// How long the customer may take in all, in minutes (docs/protocol/participant-service.md §6.6).
pub const SIGN_IN_MINUTES: std::ops::RangeInclusive<u8> = 3..=15;

/// The longest name that a chat shows, in characters (docs/protocol/participant-service.md §11.1).
const MAX_NAME_CHARS: usize = 256;

/// What a contact says of a customer who has signed in.
const AUTHENTICATED: &str = "AUTHENTICATED";

/// A customer who is asked to sign in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// What the customer's page knows it by, 36 characters.
    pub session: String,
    /// Until when the page may ask where to sign in.
    pub url_by: Timestamp,
    /// When the chat goes on without it.
    pub until: Timestamp,
    /// What was agreed when the page asked; it may ask once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
}

/// What has to be the same when the customer comes back from signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// Where the customer's browser comes back to.
    pub redirect_uri: String,
    /// Proves that who exchanges the code is who asked for it (PKCE).
    pub verifier: String,
    /// Ties the answer to this question.
    pub nonce: String,
    /// The customer came back with a code, which is being exchanged; it is good once.
    #[serde(default)]
    pub has_code: bool,
}

/// Only the times: who has the rest may sign in.
impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("url_by", &self.url_by)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreed").finish_non_exhaustive()
    }
}

/// What the flow is to say or do. Requests have been checked.
#[derive(Clone, PartialEq, Eq)]
pub enum Guide {
    /// Sends a message of the flow: for instance a view.
    Say {
        /// What it is.
        content_type: ContentType,
        /// The message.
        content: String,
    },
    /// Asks the customer to sign in.
    AskToSignIn {
        /// What the customer's page will know it by, 36 characters.
        session: String,
        /// How long the customer may take, 3 to 15.
        minutes: u8,
    },
    /// The customer's page asks where to sign in.
    BeginSignIn {
        /// Who.
        participant: ParticipantId,
        /// What it knows it by.
        session: String,
        /// What has to be the same when the customer comes back.
        agreed: Agreed,
    },
    /// The customer does not want to.
    DeclineSignIn {
        /// Who.
        participant: ParticipantId,
        /// What the page knows it by.
        session: String,
    },
    /// The customer came back with a code, which is exchanged next.
    TakeCode {
        /// What the page knew it by.
        session: String,
    },
    /// The customer came back from signing in.
    EndSignIn {
        /// What the page knew it by.
        session: String,
        /// Whether it worked, and then the first name, if it was learnt.
        outcome: SignedIn,
    },
}

/// How a customer's signing in ended.
#[derive(Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// It worked; the customer's first name, if it was learnt.
    Yes(Option<String>),
    /// It did not.
    No,
}

/// Which step, not what it says: that is private.
impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Say { .. } => "Say(..)",
            Self::AskToSignIn { .. } => "AskToSignIn(..)",
            Self::BeginSignIn { .. } => "BeginSignIn(..)",
            Self::DeclineSignIn { .. } => "DeclineSignIn(..)",
            Self::TakeCode { .. } => "TakeCode(..)",
            Self::EndSignIn { .. } => "EndSignIn(..)",
        })
    }
}

/// Does a step. Refused to the control plane with `InvalidRequestException` where the chat cannot take
/// it, `ConflictException` where it is another's turn; to the customer with `ValidationException`.
pub(crate) fn guide(now: Timestamp, chat: &Chat, guide: &Guide) -> Result<Decision, Refusal> {
    match guide {
        Guide::Say { content_type, content } => {
            in_conversation(now, chat)?;
            require_supported(&chat.content_types, content_type, ErrorKind::InvalidRequest)?;
            let said = message(chat, chat.system(), content_type.clone(), content.clone());
            Ok(Decision { entries: vec![said], ..Decision::nothing(Answer::Entry(0)) })
        }
        Guide::AskToSignIn { session, minutes } => ask(now, chat, session, *minutes),
        Guide::BeginSignIn { participant, session, agreed } => {
            let sign_in = customers(now, chat, participant, session)?;
            if sign_in.agreed.is_some() || sign_in.url_by <= now {
                return Err(Refusal::new(
                    ErrorKind::Validation,
                    "SessionId: used before, or older than a minute",
                ));
            }
            let mut after = chat.clone();
            after.updated_at = now;
            after.sign_in = Some(SignIn { agreed: Some(agreed.clone()), ..sign_in.clone() });
            Ok(Decision::change(after, Vec::new()))
        }
        Guide::DeclineSignIn { participant, session } => {
            customers(now, chat, participant, session)?;
            Ok(over(now, chat, ContentType::AuthenticationCancelled))
        }
        Guide::TakeCode { session } => {
            let (sign_in, agreed) = begun(now, chat, session)?;
            if agreed.has_code {
                return Err(Refusal::new(ErrorKind::Conflict, "A code was given already"));
            }
            let agreed = Some(Agreed { has_code: true, ..agreed.clone() });
            let mut after = chat.clone();
            after.sign_in = Some(SignIn { agreed, ..sign_in.clone() });
            Ok(Decision::change(after, Vec::new()))
        }
        Guide::EndSignIn { session, outcome } => end(now, chat, session, outcome),
    }
}

/// Tells who did not react in time; `None` when nobody was asked or the time is not up.
pub(crate) fn time_passed(now: Timestamp, chat: &Chat) -> Option<Decision> {
    let due = chat.sign_in.as_ref()?.until;
    (due <= now).then(|| over(now, chat, ContentType::AuthenticationTimeout))
}

fn ask(now: Timestamp, chat: &Chat, session: &str, minutes: u8) -> Result<Decision, Refusal> {
    in_conversation(now, chat)?;
    if chat.sign_in.is_some() {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            "The customer has been asked to sign in already",
        ));
    }
    let mut after = chat.clone();
    let asked = after.ask_to_sign_in(now, session, minutes);
    Ok(Decision::change(after, asked.into_iter().collect()))
}

impl Chat {
    /// Asks the customer to sign in: the event that says so; nothing while the customer is asked
    /// already.
    pub(crate) fn ask_to_sign_in(
        &mut self,
        now: Timestamp,
        session: &str,
        minutes: u8,
    ) -> Option<Draft> {
        if self.sign_in.is_some() {
            return None;
        }
        self.updated_at = now;
        self.sign_in = Some(SignIn {
            session: session.to_owned(),
            url_by: now.plus_millis(URL_WITHIN_MS),
            until: now.plus_millis(i64::from(minutes) * 60_000),
            agreed: None,
        });
        let content = serde_json::json!({ "SessionId": session }).to_string();
        let initiated = ContentType::AuthenticationInitiated;
        Some(item(self, Some(self.system()), ItemType::Event, initiated, Some(content)))
    }

    /// Whether the customer has signed in, here or before (docs/protocol/participant-service.md §10.1).
    pub fn is_authenticated(&self) -> bool {
        let customer = self.record.segment_attributes.get(CUSTOMER_AUTHENTICATION);
        let status = customer.and_then(|it| it.value_map.as_ref()?.get("Status"));
        status.is_some_and(|status| status.value_string.as_deref() == Some(AUTHENTICATED))
    }
}

fn end(
    now: Timestamp,
    chat: &Chat,
    session: &str,
    outcome: &SignedIn,
) -> Result<Decision, Refusal> {
    begun(now, chat, session)?;
    let SignedIn::Yes(name) = outcome else {
        return Ok(over(now, chat, ContentType::AuthenticationFailed));
    };
    let mut decision = over(now, chat, ContentType::AuthenticationSucceeded);
    let after = decision.chat.get_or_insert_with(|| chat.clone());
    let status = [("Status".to_owned(), SegmentAttributeValue::text(AUTHENTICATED))];
    after.record.segment_attributes.insert(
        CUSTOMER_AUTHENTICATION.to_owned(),
        SegmentAttributeValue {
            value_map: Some(status.into_iter().collect()),
            ..SegmentAttributeValue::default()
        },
    );
    let name: Option<String> = name
        .as_deref()
        .map(|name| name.trim().chars().take(MAX_NAME_CHARS).collect())
        .filter(|name: &String| !name.is_empty());
    if let Some(name) = name
        && let Some(customer) = after.participants.first_mut()
    {
        customer.name = name;
        let customer: &Participant = customer;
        let renamed = event(chat, Some(customer), ContentType::ParticipantDisplayNameUpdated);
        decision.entries.push(renamed);
    }
    Ok(decision)
}

/// What a customer is asked by a session that the page has asked about, while there is time.
fn begun<'a>(
    now: Timestamp,
    chat: &'a Chat,
    session: &str,
) -> Result<(&'a SignIn, &'a Agreed), Refusal> {
    let sign_in = chat.sign_in.as_ref().filter(|sign_in| {
        sign_in.session == session && sign_in.until > now && chat.ends_at > now && !chat.is_over()
    });
    sign_in.and_then(|sign_in| Some((sign_in, sign_in.agreed.as_ref()?))).ok_or_else(|| {
        Refusal::new(ErrorKind::Conflict, "The customer is not signing in, or not any more")
    })
}

/// Nobody is asked any more, and all are told why.
fn over(now: Timestamp, chat: &Chat, outcome: ContentType) -> Decision {
    let mut after = chat.clone();
    after.updated_at = now;
    after.sign_in = None;
    Decision::change(after, vec![event(chat, Some(chat.system()), outcome)])
}

/// What a customer is asked by a session, if it is this customer.
fn customers<'a>(
    now: Timestamp,
    chat: &'a Chat,
    participant: &ParticipantId,
    session: &str,
) -> Result<&'a SignIn, Refusal> {
    let who = chat.admit_joined(now, participant)?;
    let sign_in = chat.sign_in.as_ref().filter(|sign_in| {
        who.role == ParticipantRole::Customer && sign_in.session == session && sign_in.until > now
    });
    sign_in.ok_or_else(|| {
        Refusal::new(ErrorKind::Validation, "SessionId: nobody is asked to sign in by this one")
    })
}

/// The customer is there, and the chat is not over.
fn in_conversation(now: Timestamp, chat: &Chat) -> Result<(), Refusal> {
    let is_there = !matches!(chat.phase, Phase::Started { .. } | Phase::Ended { .. });
    if is_there && chat.ends_at > now {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorKind::InvalidRequest,
        "The customer of this contact has not connected, or it is over",
    ))
}
