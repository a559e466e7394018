//! A session beyond its process: what another one needs to go on where this one stopped.
//!
//! A snapshot holds who takes part, with the participant's token, from which a connection is had at
//! any time; in Chatloom behaviour also the messages that wait or have failed, with their keys and
//! client tokens, up to where the transcript has been delivered and read, what is missing of it, and
//! who is in the chat, which is not read again. It holds nothing that the service gives again: no
//! connection token, no items. So it is as large as the messages in it, and at most 256 KiB beside
//! them.
//!
//! A text that is no whole snapshot of this version is refused as a whole.

use std::borrow::Cow;

use chatloom_wire::{
    ContactId, ErrorKind, ItemId, ParticipantId, ParticipantRole, ParticipantToken, ServiceError,
};

use crate::{
    CallError, Core, EntryKey, LogLevel, MessageState, Outgoing, Output, Presence, SessionId,
    calls::horizon,
    calls::outbox::MOST_WAITING,
    calls::receipts::Kind,
    core::Cx,
    json::{self, Raw, Writer},
    link::Phase,
    roster::{self, MOST_PEOPLE},
    session::Session,
    transcript::MOST_GAPS,
    transcript::delivered::{Floor, Gone},
    transcript::list::Place,
};

/// Of the text.
const VERSION: i64 = 1;
/// Keys are counted from 1; none comes near to this.
const MOST_KEY: i64 = 1 << 53;
/// Of the messages that wait, and again of those that have failed.
const MOST_MESSAGES: usize = 2 * MOST_WAITING;
/// Far more than any version writes.
const MOST_NEAR: usize = 1_000;

/// A snapshot that was read.
struct Kept {
    contact_id: ContactId,
    initial_contact_id: ContactId,
    participant_id: ParticipantId,
    participant_token: ParticipantToken,
    messages: Vec<(EntryKey, Outgoing, MessageState)>,
    floor: Floor,
    horizon: horizon::Known,
    people: Vec<roster::Known>,
}

impl Core {
    /// What another process needs to go on with a session ([`Input::Restore`](crate::Input::Restore)),
    /// as [`Output::Persist`] gives it; `None` when the session is not known or its chat is over.
    /// Secret: it holds the participant's token and messages.
    pub fn snapshot(&self, session: SessionId) -> Option<String> {
        self.session(session)?.snapshot()
    }
}

impl Session {
    /// What is to be kept of it.
    pub(crate) fn snapshot(&self) -> Option<String> {
        if self.link.phase == Phase::Ended {
            return None;
        }
        let mut out = Writer::new();
        out.number("Version", VERSION);
        out.text("ContactId", self.options.contact_id.as_str());
        out.text("InitialContactId", self.options.initial_contact_id.as_str());
        out.text("ParticipantId", self.options.participant_id.as_str());
        out.text("ParticipantToken", self.options.participant_token.expose());
        let mut list = "[".to_owned();
        for message in self.outbox.messages() {
            next(&mut list).push_str(&written(message.key, &message.what, &message.state));
        }
        list.push(']');
        out.json("Outbox", &list);
        let floor = self.transcript.floor();
        write_place(&mut out, "Below", floor.below.as_ref());
        list.clear();
        list.push('[');
        for near in &floor.near {
            next(&mut list).push_str(&place(near));
        }
        list.push(']');
        out.json("Near", &list);
        list.clear();
        list.push('[');
        for gap in &floor.gaps {
            let mut out = Writer::new();
            for (name, end) in [("After", &gap.after), ("Before", &gap.before)] {
                write_place(&mut out, name, end.as_ref());
            }
            next(&mut list).push_str(&out.finish());
        }
        list.push(']');
        out.json("Gaps", &list);
        let [delivered, read] = self.receipts.horizon.known();
        write_place(&mut out, "Delivered", delivered);
        write_place(&mut out, "Read", read);
        list.clear();
        list.push('[');
        for known in self.roster.people() {
            next(&mut list).push_str(&person(known));
        }
        list.push(']');
        out.json("People", &list);
        Some(out.finish())
    }

    /// Takes over from another process.
    pub(crate) fn restore(&mut self, cx: &mut Cx, snapshot: &str) {
        let Some(kept) = read(snapshot) else {
            self.log(cx, LogLevel::Warn, "the snapshot cannot be read; the session begins anew");
            return;
        };
        self.options.contact_id = kept.contact_id;
        self.options.initial_contact_id = kept.initial_contact_id;
        self.options.participant_id = kept.participant_id;
        self.options.participant_token = kept.participant_token;
        self.is_changed = false;
        if self.is_compat() {
            if !kept.messages.is_empty() {
                let text = "the snapshot has messages that this behaviour does not keep";
                self.log(cx, LogLevel::Warn, text);
            }
            return;
        }
        if !self.options.replay {
            self.restore_floor(cx, kept.floor);
        }
        self.receipts.horizon.restore(kept.horizon);
        self.roster.restore(kept.people);
        for (key, what, state) in kept.messages {
            self.restore_message(cx, key, what, state);
        }
    }

    /// Has the host keep what has changed.
    pub(crate) fn persist(&mut self, cx: &mut Cx) {
        self.is_changed = false;
        cx.push(Output::Persist { session: self.id, snapshot: self.snapshot() });
    }
}

/// Where the next element of a list goes.
fn next(list: &mut String) -> &mut String {
    if list.len() > 1 {
        list.push(',');
    }
    list
}

fn place(place: &Place) -> String {
    let mut out = Writer::new();
    out.text("AbsoluteTime", &place.time);
    out.some_text("Id", place.id.as_ref().map(ItemId::as_str));
    out.finish()
}

fn write_place(out: &mut Writer, name: &str, at: Option<&Place>) {
    if let Some(at) = at {
        out.json(name, &place(at));
    }
}

/// Somebody; whether they are typing does not matter: that ends soon.
fn person(known: &roster::Known) -> String {
    let roster::Known { person, time, delivered, read, .. } = known;
    let mut out = Writer::new();
    out.text("ParticipantId", person.participant_id.as_str());
    out.some_text("ParticipantRole", person.role.as_ref().map(ParticipantRole::as_str));
    out.some_text("DisplayName", person.name.as_deref());
    out.number("Presence", person.presence as i64);
    out.text("AbsoluteTime", time);
    write_place(&mut out, "Delivered", delivered.as_ref());
    write_place(&mut out, "Read", read.as_ref());
    out.finish()
}

/// A message; that it was on its way does not matter: nobody knows whether it arrived.
fn written(key: EntryKey, what: &Outgoing, state: &MessageState) -> String {
    let mut out = Writer::new();
    out.number("Key", key.0.cast_signed());
    out.some_text("ClientToken", what.client_token.as_deref());
    out.text("ContentType", what.content_type.as_str());
    out.some_text("Content", what.content.as_deref());
    if let MessageState::Failed(error) = state {
        let mut why = Writer::new();
        match error {
            CallError::Service(error) => {
                why.text("code", error.kind.name());
                why.number("statusCode", error.status.into());
                why.text("message", &error.message);
            }
            CallError::Unreachable { message } => why.text("message", message),
            // The session had ended, or broken, before it could be sent.
            _ => {}
        }
        out.json("Error", &why.finish());
    }
    out.finish()
}

/// `None` when this is no whole snapshot of this version.
fn read(snapshot: &str) -> Option<Kept> {
    let (mut version, mut outbox, mut below, mut near) = (None, None, None, None);
    let mut gaps = None;
    let (mut contact, mut chat, mut participant, mut token) = (None, None, None, None);
    let (mut horizon, mut people) = (horizon::Known::default(), None);
    json::object(snapshot, &mut |name, value| match name {
        "Version" => version = value.integer(),
        "ContactId" => contact = text(value),
        "InitialContactId" => chat = text(value),
        "ParticipantId" => participant = text(value),
        "ParticipantToken" => token = text(value),
        "Outbox" => outbox = Some(value),
        "Below" => below = Some(value),
        "Near" => near = Some(value),
        "Gaps" => gaps = Some(value),
        "Delivered" => horizon[0] = read_place(value),
        "Read" => horizon[1] = read_place(value),
        "People" => people = Some(value),
        _ => {}
    })
    .ok()?;
    let messages = list(outbox?, MOST_MESSAGES, message)?;
    let mut keys: Vec<u64> = messages.iter().map(|(key, ..)| key.0).collect();
    keys.sort_unstable();
    if version != Some(VERSION) || keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let below = match below {
        Some(below) => Some(read_place(below)?),
        None => None,
    };
    Some(Kept {
        contact_id: contact?.into(),
        initial_contact_id: chat?.into(),
        participant_id: participant?.into(),
        participant_token: token?.into(),
        messages,
        floor: Floor {
            below,
            near: list(near?, MOST_NEAR, read_place)?,
            gaps: list(gaps?, MOST_GAPS, read_gap)?,
        },
        horizon,
        people: list(people?, MOST_PEOPLE, read_person)?,
    })
}

fn text(value: Raw<'_>) -> Option<String> {
    value.text().map(Cow::into_owned)
}

/// The elements of a list that has no more than so many; `None` when one of them is none.
fn list<T>(value: Raw<'_>, most: usize, read: fn(Raw<'_>) -> Option<T>) -> Option<Vec<T>> {
    let (mut list, mut is_whole) = (Vec::new(), true);
    let is_list = value.elements(&mut |value| match read(value).filter(|_| list.len() < most) {
        Some(one) => list.push(one),
        None => is_whole = false,
    });
    (is_list && is_whole).then_some(list)
}

fn read_place(value: Raw<'_>) -> Option<Place> {
    let (mut time, mut id) = (None, None);
    value.members(&mut |name, value| match name {
        "AbsoluteTime" => time = text(value),
        "Id" => id = text(value),
        _ => {}
    });
    Some(Place::of_item(&time?, &ItemId::from(id?)))
}

fn read_gap(value: Raw<'_>) -> Option<Gone> {
    let (mut after, mut before) = (None, None);
    value.members(&mut |name, value| match name {
        "After" => after = Some(value),
        "Before" => before = Some(value),
        _ => {}
    });
    let end = |value: Option<_>| value.map_or(Some(None), |value| read_place(value).map(Some));
    Some(Gone { after: end(after)?, before: end(before)? })
}

fn read_person(value: Raw<'_>) -> Option<roster::Known> {
    let (mut id, mut role, mut name, mut presence) = (None, None, None, None);
    let (mut time, mut delivered, mut read) = (None, None, None);
    value.members(&mut |member, value| match member {
        "ParticipantId" => id = text(value),
        "ParticipantRole" => role = text(value),
        "DisplayName" => name = text(value),
        "Presence" => presence = value.integer(),
        "AbsoluteTime" => time = text(value),
        "Delivered" => delivered = read_place(value),
        "Read" => read = read_place(value),
        _ => {}
    });
    let mut known = roster::Known::new(id?.into());
    known.time = time?.into();
    known.person.role = role.map(|role| role.as_str().into());
    known.person.name = name.map(Into::into);
    known.person.presence = match presence? {
        0 => Presence::Here,
        1 => Presence::Idle,
        2 => Presence::Gone,
        _ => return None,
    };
    for (kind, place) in [(Kind::Delivered, delivered), (Kind::Read, read)] {
        if let Some(place) = &place {
            known.raise(kind, place);
        }
    }
    Some(known)
}

fn message(value: Raw<'_>) -> Option<(EntryKey, Outgoing, MessageState)> {
    let (mut key, mut token, mut content_type, mut content) = (None, None, None, None);
    let mut state = MessageState::Queued;
    value.members(&mut |name, value| match name {
        "Key" => key = value.integer(),
        "ClientToken" => token = text(value),
        "ContentType" => content_type = text(value),
        "Content" => content = text(value),
        "Error" => state = MessageState::Failed(error(value)),
        _ => {}
    });
    let key = key.filter(|key| (1..MOST_KEY).contains(key))?;
    let what = Outgoing {
        content_type: content_type?.as_str().into(),
        content,
        // Without it a repeat would be a second message.
        client_token: Some(token?),
    };
    Some((EntryKey(key.cast_unsigned()), what, state))
}

fn error(value: Raw<'_>) -> CallError {
    let (mut code, mut status, mut said) = (None, None, None);
    value.members(&mut |name, value| match name {
        "code" => code = text(value),
        "statusCode" => status = value.integer().and_then(|status| status.try_into().ok()),
        "message" => said = text(value),
        _ => {}
    });
    match (code, status, said) {
        (Some(code), Some(status), Some(message)) => {
            let kind = ErrorKind::from(code.as_str());
            ServiceError { kind, status, message }.into()
        }
        (None, None, Some(message)) => CallError::Unreachable { message },
        _ => CallError::Closed,
    }
}
