//! A chat with its log in memory, and a clock that stands until it is moved.

use std::sync::Arc;

use chatloom_engine::{
    AgentUser, Answer, Assistant, Chat, Command, Decision, Draft, DraftBody, Entry, Refusal, Rules,
    StartChat, Transfer, TransferTo, entry::item_id,
};
use chatloom_wire::{
    ContactId, ContentType, ItemId, ParticipantId, Timestamp,
    contact::{ParticipantTimer, StartChatContactRequest, TimerRole, TimerType, TimerValue},
    participant::{SendEventRequest, SendMessageRequest},
};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
pub(crate) const MINUTE: i64 = 60_000;

pub(crate) const CHAT: &str = "0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e";
pub(crate) const CUSTOMER: &str = "c0000000-0000-4000-8000-000000000001";
pub(crate) const SYSTEM: &str = "50000000-0000-4000-8000-000000000002";
pub(crate) const ASSISTANT: &str = "b0000000-0000-4000-8000-000000000003";
pub(crate) const ANA: &str = "a0000000-0000-4000-8000-000000000004";
pub(crate) const BEN: &str = "a0000000-0000-4000-8000-000000000005";

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    pub(crate) chat: Chat,
    pub(crate) log: Vec<Arc<Entry>>,
}

pub(crate) fn rules(assistant: Option<Assistant>) -> Rules {
    match assistant {
        Some(script) => Rules::with_script("default", script),
        None => Rules::new("default"),
    }
}

/// A request to start a chat; `members` are added to it, as JSON members.
pub(crate) fn start_request(members: &str) -> StartChatContactRequest {
    let comma = if members.is_empty() { "" } else { "," };
    serde_json::from_str(&format!(
        r#"{{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{{"DisplayName":"Cleo"}}{comma}{members}}}"#
    ))
    .unwrap()
}

pub(crate) fn start_chat(request: StartChatContactRequest) -> StartChat {
    StartChat {
        contact_id: CHAT.into(),
        participant_id: CUSTOMER.into(),
        system_id: SYSTEM.into(),
        assistant_id: ASSISTANT.into(),
        request,
    }
}

impl World {
    pub(crate) fn new(rules: Rules, members: &str) -> Self {
        let chat = rules.start(START, start_chat(start_request(members))).unwrap();
        Self { rules, now: START, chat, log: Vec::new() }
    }

    /// A chat between the customer and Ana that has just begun.
    pub(crate) fn with_ana(members: &str) -> Self {
        let mut world = Self::new(rules(None), members);
        world.run(&connect(CUSTOMER)).unwrap();
        world.run(&accept("ana", ANA)).unwrap();
        world
    }

    /// Decides and applies; the decision comes with the state before it applied.
    pub(crate) fn decide(&mut self, command: &Command) -> Result<Decision, Refusal> {
        let command = self.informed(command);
        let decision = self.rules.decide(self.now, &self.chat, &command)?;
        for draft in &decision.entries {
            let entry = place(&self.chat.id, draft, self.now, self.log.last().map(|last| &**last));
            self.log.push(Arc::new(entry));
        }
        if let Some(chat) = &decision.chat {
            self.chat = chat.clone();
        }
        Ok(decision)
    }

    /// The command, and what the log knows if it tells the time.
    pub(crate) fn informed(&self, command: &Command) -> Command {
        match command {
            Command::TimePassed { .. } => {}
            // Ids are made by whoever gives the command, each once.
            Command::Accept { agent, participant }
                if self.chat.participant(participant).is_some() =>
            {
                let fresh = format!("{participant} {}", self.chat.participants.len());
                return Command::Accept {
                    agent: agent.clone(),
                    participant: fresh.as_str().into(),
                };
            }
            Command::Transfer(transfer)
                if self.chat.contacts.iter().any(|contact| contact.id == transfer.contact) =>
            {
                let fresh = format!("{} {}", transfer.contact, self.chat.contacts.len());
                let contact = fresh.as_str().into();
                return Command::Transfer(Transfer { contact, ..transfer.clone() });
            }
            _ => return command.clone(),
        }
        let heard = self.chat.silent(self.now).filter_map(|(who, after)| {
            let theirs = |entry: &&Arc<Entry>| {
                entry.sender.as_ref() == Some(who)
                    && entry.time > after
                    && entry.text.contains(r#""Type":"MESSAGE""#)
            };
            self.log.iter().rfind(theirs).map(|entry| (who.clone(), entry.time))
        });
        Command::TimePassed { heard: heard.collect() }
    }

    /// Decides and applies; says in short what was stored and, in parentheses, what was only
    /// published, or the name of the error.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Vec<String>, String> {
        let decision = self.decide(command).map_err(|refusal| refusal.0.kind.name().to_owned())?;
        let transient = decision.transient.iter().map(|draft| format!("({})", in_short(draft)));
        Ok(decision.entries.iter().map(in_short).chain(transient).collect())
    }

    pub(crate) fn answer(&mut self, command: &Command) -> Answer {
        self.decide(command).unwrap().answer
    }

    pub(crate) fn pass(&mut self, millis: i64) -> &mut Self {
        self.now = self.now.plus_millis(millis);
        self
    }
}

/// Gives a draft its place, as stores do.
pub(crate) fn place(
    chat: &ContactId,
    draft: &Draft,
    now: Timestamp,
    last: Option<&Entry>,
) -> Entry {
    let seq = last.map_or(1, |last| last.seq + 1);
    let time = last.map_or(now, |last| now.max(last.time.plus_millis(1)));
    let id = item_id(time, seq.into());
    Entry {
        chat: chat.clone(),
        seq,
        time,
        kind: draft.kind,
        audience: draft.audience.clone(),
        contact_id: draft.contact_id.clone(),
        about: draft.about.clone(),
        sender: draft.sender.as_ref().map(|sender| sender.id.clone()),
        text: draft.item_text(chat, &id, time).into(),
        id,
    }
}

/// For instance `CUSTOMER: hello`, `AGENT participant.joined`, `AGENT read`, `chat.ended`.
pub(crate) fn in_short(draft: &Draft) -> String {
    let role = draft.sender.as_ref().map_or("", |sender| sender.role.as_str());
    let text = match &draft.body {
        DraftBody::Item { content: Some(content), .. }
        | DraftBody::Streamed { content, completed: true, .. } => format!("{role}: {content}"),
        DraftBody::Item { content_type, .. } => {
            let name = content_type.as_str().rsplit("event.").next().unwrap();
            format!("{role} {name}")
        }
        DraftBody::Streamed { content, .. } => format!("{role}: {content}..."),
        DraftBody::Receipt { read: true } => format!("{role} read"),
        DraftBody::Receipt { read: false } => format!("{role} delivered"),
        DraftBody::Attachment(file) => {
            let part = |part: &Option<Box<str>>| part.as_deref().unwrap_or_default().to_owned();
            format!("{role} {} {}", part(&file.attachment_name), part(&file.status))
        }
    };
    text.trim().to_owned()
}

pub(crate) fn connect(participant: &str) -> Command {
    Command::Connect { participant: participant.into() }
}

pub(crate) fn say(participant: &str, content: &str) -> Command {
    say_as(participant, ContentType::TextPlain, content)
}

pub(crate) fn say_as(participant: &str, content_type: ContentType, content: &str) -> Command {
    let request = SendMessageRequest { client_token: None, content: content.into(), content_type };
    Command::SendMessage { participant: participant.into(), request }
}

pub(crate) fn event(participant: &str, content_type: ContentType) -> Command {
    let request = SendEventRequest { client_token: None, content: None, content_type };
    Command::SendEvent { participant: participant.into(), request }
}

pub(crate) fn receipt(participant: &str, read: bool, message: &ItemId) -> Command {
    let content_type = if read { ContentType::MessageRead } else { ContentType::MessageDelivered };
    let request = SendEventRequest {
        client_token: None,
        content: Some(format!(r#"{{"messageId":"{message}"}}"#)),
        content_type,
    };
    Command::SendEvent { participant: participant.into(), request }
}

pub(crate) fn disconnect(participant: &str) -> Command {
    Command::Disconnect { participant: participant.into() }
}

/// To be given to a [`World`], which adds what it has heard.
pub(crate) fn time_passed() -> Command {
    Command::TimePassed { heard: Vec::new() }
}

/// Sets timers: role, type and minutes, or none to unset one.
pub(crate) fn timers(list: &[(TimerRole, TimerType, Option<i64>)]) -> Command {
    let timers = list.iter().map(|(role, kind, minutes)| ParticipantTimer {
        participant_role: role.clone(),
        timer_type: kind.clone(),
        timer_value: TimerValue {
            participant_timer_action: minutes.is_none().then(|| "Unset".to_owned()),
            participant_timer_duration_in_minutes: *minutes,
        },
    });
    Command::SetTimers { timers: timers.collect() }
}

pub(crate) fn accept(user: &str, participant: &str) -> Command {
    let name = user.to_uppercase();
    Command::Accept {
        agent: AgentUser { id: user.into(), name },
        participant: ParticipantId::from(participant),
    }
}

/// Of the contact `from`; a user has it alone for two minutes.
pub(crate) fn transfer(by: &str, from: &str, to: TransferTo, contact: &str) -> Command {
    Command::Transfer(Transfer {
        by: by.to_owned(),
        from: from.into(),
        to,
        contact: contact.into(),
        reserved_ms: 2 * MINUTE,
        is_impossible: false,
    })
}
