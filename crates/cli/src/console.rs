//! What the two terminal clients have in common: the commands they take, what they have to show, and
//! the two formats for both.

use std::{
    io,
    path::{Path, PathBuf},
};

use chatloom::{
    Chat, ChatDetails, ContactId, ContentType, Error, Event, Item, Message, SentResponse,
    agent::{Accepted, Queue, TransferTo, Transferred, User},
};
use serde_json::Value;

use crate::{
    file::{Fetch, Fetched},
    jsonl::Jsonl,
    text::Text,
};

/// How a client talks to whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// A JSON object a line, for programs (docs/cli-jsonl.md).
    Jsonl,
}

/// Something that the client is asked to do.
#[derive(Debug, PartialEq)]
pub(crate) struct Order {
    /// What.
    pub(crate) command: Command,
    /// What the caller wants to see again in the answer.
    pub(crate) tag: Tag,
}

/// The member `ref` of a JSON command.
pub(crate) type Tag = Option<Value>;

/// What the client can do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Send a message.
    Send(Message),
    /// Send the file at a path.
    Attach(PathBuf),
    /// Fetch a file.
    Fetch(Fetch),
    /// Tell the others that somebody is typing.
    Typing,
    /// Show the whole transcript.
    Transcript,
    /// Leave the chat.
    Disconnect,
    /// Take a customer off the queue.
    Accept(Choice),
    /// Hand the customer on.
    Transfer(TransferTo),
    /// Show who waits.
    Queue,
    /// Show what can be done.
    Help,
    /// Leave the chat and the program.
    Quit,
}

/// Which customer to take off the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The one who waits longest.
    Longest,
    /// The one at this place of the list, from 1.
    Place(usize),
    /// This one.
    Contact(ContactId),
}

/// What comes in from whoever runs the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// Something to do.
    Order(Order),
    /// Somebody is writing a message.
    Keystroke,
    /// Something that cannot be understood, and why.
    Nonsense(String),
    /// Stop: the interrupt key, where the terminal does not make a signal of it.
    Interrupt,
}

impl From<Command> for Said {
    fn from(command: Command) -> Self {
        Self::Order(Order { command, tag: None })
    }
}

/// Something to show.
pub(crate) enum Happening<'a> {
    /// A customer's chat was started.
    Started(&'a ChatDetails),
    /// An agent logged in.
    LoggedIn(&'a User),
    /// Who waits, when that changed or was asked for.
    Queue(&'a Queue),
    /// An agent took a customer off the queue.
    Accepted(&'a Accepted),
    /// An agent handed the customer on.
    Transferred(&'a Tag, &'a Transferred),
    /// An event of a chat.
    Event(&'a Chat, &'a Event),
    /// A message was taken to be sent.
    Sending,
    /// A message was stored.
    Sent(&'a Tag, &'a SentResponse),
    /// A file was sent.
    Attached(&'a Tag, &'a Path),
    /// A file was fetched.
    Fetched(&'a Tag, &'a Fetched),
    /// The transcript that was asked for, the oldest item first. Not `complete` when it is longer
    /// than can be shown.
    Transcript { tag: &'a Tag, chat: &'a Chat, items: &'a [Item], complete: bool },
    /// Something that was asked for failed.
    Failed { tag: &'a Tag, doing: &'static str, error: &'a Error },
    /// A message failed.
    NotSent { tag: &'a Tag, message: &'a Message, error: &'a Error },
    /// Something that cannot be done now or at all, and why.
    Refused { tag: &'a Tag, reason: &'a str },
    /// What can be done.
    Help,
}

/// Standard input and output in one of the formats.
pub(crate) enum Console {
    /// For people.
    Text(Text),
    /// For programs.
    Jsonl(Jsonl),
}

impl Console {
    /// Opens standard input and output.
    pub(crate) fn open(format: Format, role: Role) -> Self {
        match format {
            Format::Text => Self::Text(Text::open(role)),
            Format::Jsonl => Self::Jsonl(Jsonl::open()),
        }
    }

    /// What is said next; `None` at the end of the input. Nothing is lost when this is dropped while
    /// it waits.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Said>> {
        match self {
            Self::Text(text) => text.next().await,
            Self::Jsonl(jsonl) => Ok(jsonl.next().await),
        }
    }

    /// Shows what happened. Fails when nobody reads standard output any more.
    pub(crate) fn show(&mut self, happening: &Happening<'_>) -> io::Result<()> {
        match self {
            Self::Text(text) => text.show(happening),
            Self::Jsonl(jsonl) => jsonl.show(happening),
        }
    }
}

/// For whom the client works; decides which commands there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A customer.
    Customer,
    /// An agent.
    Agent,
}

/// The content type of a JSON command; plain text when there is none.
pub(crate) fn message(content: String, content_type: Option<&str>) -> Message {
    Message::new(content_type.map_or(ContentType::TextPlain, ContentType::from), content)
}
