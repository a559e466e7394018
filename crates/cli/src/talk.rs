//! One chat of a terminal client: its calls that are under way, its events, and leaving it in good
//! order.

use std::{future::pending, io, path::PathBuf, time::Duration};

use chatloom::{
    Chat, Connection, Error, Event, Events, GetTranscriptRequest, Item, Message, ScanDirection,
    SentResponse, SortOrder, wire::AttachmentId,
};
use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use tokio::time::{Instant, sleep_until};

use crate::{
    console::{Command, Console, Happening, Tag},
    file::{self, Fetch, Fetched},
};

/// How long leaving may take, with the messages that are still to be sent.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the end of the chat may take to arrive after leaving.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of 100 items that are read of a transcript.
const MOST_PAGES: usize = 100;

/// A chat that is connected.
pub(crate) struct Talk {
    chat: Chat,
    events: Events,
    calls: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// The chat has been on line: the service takes no leave of one who never arrived.
    arrived: bool,
    leaving: Leaving,
    /// Of the command to leave.
    leave_tag: Tag,
    /// The newest file of somebody else's.
    newest_file: Option<AttachmentId>,
}

enum Leaving {
    No,
    /// When the calls that are under way are through.
    Soon {
        deadline: Instant,
    },
    /// The service is being told.
    Told {
        deadline: Instant,
    },
    /// The service knows; the end of the chat may still arrive.
    Left {
        deadline: Instant,
    },
}

/// A call that is over.
pub(crate) enum Answered {
    Sent { tag: Tag, message: Message, result: Result<SentResponse, Error> },
    Attached { tag: Tag, path: PathBuf, result: Result<(), Error> },
    Fetched { tag: Tag, result: Result<Fetched, Error> },
    Typing { tag: Tag, result: Result<(), Error> },
    Transcript { tag: Tag, result: Result<(Vec<Item>, bool), Error> },
    Left { tag: Tag, result: Result<(), Error> },
}

/// What comes next.
pub(crate) enum Step {
    /// Something happened in the chat.
    Event(Event),
    /// A call is over.
    Answered(Answered),
    /// There is nothing more to come.
    Over(End),
}

/// How a chat ended for this client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is over, or this participant has left it.
    Good,
    /// The connection cannot be restored.
    Broken(String),
    /// Leaving took too long: the service may not know of it.
    Stuck,
}

impl Talk {
    pub(crate) fn new(chat: Chat, events: Events) -> Self {
        Self {
            chat,
            events,
            calls: FuturesUnordered::new(),
            arrived: false,
            leaving: Leaving::No,
            leave_tag: None,
            newest_file: None,
        }
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(crate) fn is_leaving(&self) -> bool {
        !matches!(self.leaving, Leaving::No)
    }

    /// Whether all that was asked for is done.
    pub(crate) fn is_quiet(&self) -> bool {
        self.calls.is_empty()
    }

    /// Somebody is writing a message.
    pub(crate) fn keystroke(&self) {
        // Nobody minds when an indicator is not sent.
        drop(self.chat.typing());
    }

    /// Does what is asked for, if it concerns a chat.
    pub(crate) fn order(
        &mut self,
        command: Command,
        tag: Tag,
        console: &mut Console,
    ) -> io::Result<()> {
        if self.is_leaving() {
            let reason = "the chat is being left";
            return console.show(&Happening::Refused { tag: &tag, reason });
        }
        let call = match command {
            Command::Send(message) => {
                console.show(&Happening::Sending)?;
                let reply = self.chat.send_message(message.clone());
                async move { Answered::Sent { tag, message, result: reply.await } }.boxed()
            }
            Command::Attach(path) => {
                let chat = self.chat.clone();
                let sent = async move {
                    let result = file::send(&chat, &path).await;
                    Answered::Attached { tag, path, result }
                };
                sent.boxed()
            }
            Command::Fetch(Fetch { id, to }) => {
                let Some(id) = id.or_else(|| self.newest_file.clone()) else {
                    let reason = "nobody has sent a file yet";
                    return console.show(&Happening::Refused { tag: &tag, reason });
                };
                let chat = self.chat.clone();
                async move { Answered::Fetched { tag, result: file::fetch(&chat, id, to).await } }
                    .boxed()
            }
            Command::Typing => {
                let reply = self.chat.typing();
                async move { Answered::Typing { tag, result: reply.await } }.boxed()
            }
            Command::Transcript => {
                let chat = self.chat.clone();
                async move { Answered::Transcript { tag, result: transcript(&chat).await } }.boxed()
            }
            Command::Disconnect | Command::Quit => {
                self.leave_tag = tag;
                self.leave();
                return Ok(());
            }
            Command::Help => return console.show(&Happening::Help),
            Command::Accept(_) | Command::Transfer(_) | Command::Queue => {
                let reason = "only agents take customers off a queue";
                return console.show(&Happening::Refused { tag: &tag, reason });
            }
        };
        self.calls.push(call);
        Ok(())
    }

    /// Leaves the chat once what was asked for before is done.
    pub(crate) fn leave(&mut self) {
        if !self.is_leaving() {
            self.leaving = Leaving::Soon { deadline: Instant::now() + LEAVE_TIMEOUT };
        }
    }

    /// What comes next. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn step(&mut self) -> Step {
        if let Leaving::Soon { deadline } = self.leaving
            && self.calls.is_empty()
            && self.arrived
        {
            self.leaving = Leaving::Told { deadline };
            let reply = self.chat.disconnect();
            let tag = self.leave_tag.take();
            self.calls.push(async { Answered::Left { tag, result: reply.await } }.boxed());
        }
        let deadline = match self.leaving {
            Leaving::No => None,
            Leaving::Soon { deadline }
            | Leaving::Told { deadline }
            | Leaving::Left { deadline } => Some(deadline),
        };
        tokio::select! {
            event = self.events.next() => match event {
                None => Step::Over(End::Good),
                Some(event) => {
                    self.arrived |= matches!(event, Event::Connection(Connection::Online));
                    Step::Event(event)
                }
            },
            Some(answered) = self.calls.next() => {
                if matches!(answered, Answered::Left { result: Ok(()), .. }) {
                    self.leaving = Leaving::Left { deadline: Instant::now() + END_TIMEOUT };
                }
                Step::Answered(answered)
            }
            () = until(deadline) => Step::Over(match self.leaving {
                Leaving::Left { .. } => End::Good,
                _ => End::Stuck,
            }),
        }
    }

    /// Shows what came, and says how the chat ended if that was the last.
    pub(crate) fn show(&mut self, step: &Step, console: &mut Console) -> io::Result<Option<End>> {
        match step {
            Step::Event(event) => {
                if let Event::Attachment(item) = event
                    && !self.chat.is_own(item)
                    && let Some(file) = item.attachments().into_iter().next()
                {
                    self.newest_file = file.attachment_id;
                }
                console.show(&Happening::Event(&self.chat, event))?;
                Ok(match event {
                    Event::Connection(Connection::Broken { reason }) => {
                        Some(End::Broken(reason.clone()))
                    }
                    _ => None,
                })
            }
            Step::Answered(answered) => self.show_answer(answered, console),
            Step::Over(end) => Ok(Some(end.clone())),
        }
    }

    fn show_answer(&self, answered: &Answered, console: &mut Console) -> io::Result<Option<End>> {
        let mut failed = |tag, doing, error| console.show(&Happening::Failed { tag, doing, error });
        match answered {
            Answered::Attached { tag, result: Err(error), .. } => failed(tag, "attach", error)?,
            Answered::Fetched { tag, result: Err(error) } => failed(tag, "fetch", error)?,
            Answered::Typing { tag, result: Err(error) } => failed(tag, "typing", error)?,
            Answered::Transcript { tag, result: Err(error) } => failed(tag, "transcript", error)?,
            // The chat was over already.
            Answered::Left { result: Err(Error::NotConnected { .. } | Error::Closed), .. } => {
                return Ok(Some(End::Good));
            }
            Answered::Left { tag, result: Err(error) } => {
                failed(tag, "disconnect", error)?;
                return Ok(Some(End::Stuck));
            }
            Answered::Sent { tag, message, result } => console.show(&match result {
                Ok(sent) => Happening::Sent(tag, sent),
                Err(error) => Happening::NotSent { tag, message, error },
            })?,
            Answered::Attached { tag, path, result: Ok(()) } => {
                console.show(&Happening::Attached(tag, path))?;
            }
            Answered::Fetched { tag, result: Ok(fetched) } => {
                console.show(&Happening::Fetched(tag, fetched))?;
            }
            Answered::Transcript { tag, result: Ok((items, complete)) } => {
                let (chat, complete) = (&self.chat, *complete);
                console.show(&Happening::Transcript { tag, chat, items, complete })?;
            }
            Answered::Typing { result: Ok(()), .. } | Answered::Left { result: Ok(()), .. } => {}
        }
        Ok(None)
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// The transcript, the oldest item first, and whether it is whole.
async fn transcript(chat: &Chat) -> Result<(Vec<Item>, bool), Error> {
    let mut request = GetTranscriptRequest {
        max_results: Some(GetTranscriptRequest::MAX_RESULTS.into()),
        scan_direction: Some(ScanDirection::Backward),
        sort_order: Some(SortOrder::Descending),
        ..GetTranscriptRequest::default()
    };
    let mut items = Vec::new();
    let mut complete = false;
    for _ in 0..MOST_PAGES {
        let page = chat.get_transcript(request.clone()).await?;
        items.extend(page.items);
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            complete = true;
            break;
        }
    }
    items.reverse();
    Ok((items, complete))
}
