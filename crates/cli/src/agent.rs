//! `chatloom agent`: an agent in the terminal, one chat at a time.

use std::{future::pending, io, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use chatloom::{
    Chat, Client, ContactId, Error, Events, Watch,
    agent::{Accepted, Agent, Password, Queue, TransferTo, Transferred},
};
use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    chat::{Common, Signals, block_on, exit, hasty_leave},
    console::{Choice, Command, Console, Format, Happening, Order, Role, Said, Tag},
    talk::{End, Talk},
};

/// What a shell shows for a program that an interrupt ended.
const INTERRUPTED: u8 = 130;
/// When an automatic acceptance failed, the next one comes after this.
const ACCEPT_AGAIN: Duration = Duration::from_secs(2);
/// How often connecting to an accepted chat is tried: a customer counts on this agent by then.
const CONNECT_ATTEMPTS: usize = 10;
/// Largest password file.
const MAX_PASSWORD_BYTES: u64 = 1_024;

/// Work as an agent of a Chatloom server, here in the terminal.
///
/// The program ends when it is told to: with status 0, 1 when it could not log in or lost a chat,
/// 2 when the command line is wrong, 130 when interrupted twice.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// The user to log in as.
    #[arg(long)]
    user: String,
    /// A file with the user's password. Users of a demo server need none.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take whoever waits longest as soon as no chat is open.
    #[arg(long)]
    auto_accept: bool,
}

/// Runs until the agent leaves.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    block_on(work(args))
}

async fn work(args: &Args) -> anyhow::Result<ExitCode> {
    let password = args.password_file.as_ref().map(read_password).transpose()?;
    let client = args.common.client()?;
    let signals = Signals::new().context("cannot listen for signals")?;
    let agent = client
        .log_in(&args.user, password)
        .await
        .with_context(|| format!("cannot log in as {} at {}", args.user, args.common.endpoint()))?;

    // From here on the terminal belongs to the console.
    let console = Console::open(args.common.format, Role::Agent);
    let mut desk = Desk {
        client,
        queue: agent.queue(),
        agent,
        console,
        signals,
        auto_accept: args.auto_accept,
        quiet: args.common.format == Format::Text,
        accepting: None,
        accept_after: None,
        handing: Handing::No,
        talk: None,
        leaving: false,
    };
    let ended = desk.run().await;
    let Desk { talk, console, .. } = desk;
    drop(console);
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            if let Some(talk) = talk {
                hasty_leave(talk.chat()).await;
            }
            Err(error).context("cannot write to standard output")
        }
    }
}

/// The password in a file: its text without the end of the last line.
pub(crate) fn read_password(path: &PathBuf) -> anyhow::Result<Password> {
    let read = || -> anyhow::Result<String> {
        let bytes = std::fs::metadata(path)?.len();
        anyhow::ensure!(
            bytes <= MAX_PASSWORD_BYTES,
            "{bytes} bytes are no password: at most {MAX_PASSWORD_BYTES}"
        );
        Ok(std::fs::read_to_string(path)?)
    };
    let text = read().with_context(|| format!("cannot read the password in {}", path.display()))?;
    Ok(Password::from(text.trim_end_matches(['\r', '\n'])))
}

/// What an acceptance came to.
type Acceptance = Result<(Accepted, Chat, Events), Error>;

/// A customer is handed on.
enum Handing {
    No,
    /// When what was asked for before is done.
    Soon(Tag, TransferTo),
    Now(Tag, BoxFuture<'static, Result<Transferred, Error>>),
}

/// An agent at work.
struct Desk {
    client: Client,
    agent: Agent,
    queue: Watch<Queue>,
    console: Console,
    signals: Signals,
    auto_accept: bool,
    /// An empty queue is not worth a line while a chat is open.
    quiet: bool,
    /// A customer is being taken off the queue, for the command with this tag; none for an
    /// automatic acceptance.
    accepting: Option<(Option<Tag>, BoxFuture<'static, Acceptance>)>,
    /// The next automatic acceptance comes not before this.
    accept_after: Option<Instant>,
    handing: Handing,
    talk: Option<Talk>,
    leaving: bool,
}

impl Desk {
    /// Works until the agent leaves. Fails when nobody reads the output any more.
    async fn run(&mut self) -> io::Result<anyhow::Result<ExitCode>> {
        self.console.show(&Happening::LoggedIn(self.agent.user()))?;
        let mut input = true;
        loop {
            let is_idle = self.accepting.is_none() && matches!(self.handing, Handing::No);
            if self.leaving && self.talk.is_none() && is_idle {
                return Ok(Ok(ExitCode::SUCCESS));
            }
            if self.wants_to_accept() {
                self.accepting = Some((None, accept(&self.client, &self.agent, None).boxed()));
            }
            self.hand_on()?;
            tokio::select! {
                said = self.console.next(), if input => match said? {
                    Some(Said::Interrupt) => {
                        if self.interrupt() {
                            return Ok(Ok(ExitCode::from(INTERRUPTED)));
                        }
                    }
                    Some(said) => self.obey(said)?,
                    None => {
                        input = false;
                        self.leave();
                    }
                },
                () = self.signals.next() => {
                    if self.interrupt() {
                        return Ok(Ok(ExitCode::from(INTERRUPTED)));
                    }
                }
                // The sender lives in the agent, which lives as long as this.
                Some(_) = self.queue.changed() => self.show_queue()?,
                (tag, accepted) = accepted(&mut self.accepting) => {
                    self.accepting = None;
                    self.begin(tag, accepted)?;
                }
                (tag, result) = handed_on(&mut self.handing) => {
                    self.handing = Handing::No;
                    self.console.show(&match &result {
                        Ok(transferred) => Happening::Transferred(&tag, transferred),
                        Err(error) => Happening::Failed { tag: &tag, doing: "transfer", error },
                    })?;
                }
                step = step(&mut self.talk) => {
                    if let Some(end) = self.take(&step)? {
                        return Ok(exit(end));
                    }
                }
                () = until(self.accept_after) => self.accept_after = None,
            }
        }
    }

    fn wants_to_accept(&self) -> bool {
        self.auto_accept
            && !self.leaving
            && self.talk.is_none()
            && self.accepting.is_none()
            && self.accept_after.is_none()
            && self.queue.get().total > 0
    }

    fn leave(&mut self) {
        self.leaving = true;
        if let Some(talk) = &mut self.talk {
            talk.leave();
        }
    }

    /// Leaves; `true` when asked a second time.
    fn interrupt(&mut self) -> bool {
        let again = self.leaving;
        self.leave();
        again
    }

    fn show_queue(&mut self) -> io::Result<()> {
        let queue = self.queue.newest();
        if self.quiet && self.talk.is_some() && queue.total == 0 {
            return Ok(());
        }
        self.console.show(&Happening::Queue(&queue))
    }

    fn obey(&mut self, said: Said) -> io::Result<()> {
        let Order { command, tag } = match said {
            Said::Order(order) => order,
            Said::Keystroke => {
                if let Some(talk) = &self.talk {
                    talk.keystroke();
                }
                return Ok(());
            }
            Said::Nonsense(reason) => return self.refuse(&None, &reason),
            // Taken care of by the caller.
            Said::Interrupt => return Ok(()),
        };
        match command {
            Command::Help => self.console.show(&Happening::Help),
            Command::Queue => {
                let queue = self.queue.newest();
                self.console.show(&Happening::Queue(&queue))
            }
            Command::Quit => {
                self.leave();
                Ok(())
            }
            Command::Accept(choice) => self.accept(choice, tag),
            Command::Transfer(_) if self.talk.as_ref().is_none_or(Talk::is_leaving) => {
                self.refuse(&tag, "no chat is open: accept one first")
            }
            Command::Transfer(_) if !matches!(self.handing, Handing::No) => {
                self.refuse(&tag, "the customer is being handed on already")
            }
            Command::Transfer(to) => {
                self.handing = Handing::Soon(tag, to);
                Ok(())
            }
            Command::Send(_)
            | Command::Attach(_)
            | Command::Fetch(_)
            | Command::Typing
            | Command::Transcript
            | Command::Disconnect => match &mut self.talk {
                Some(talk) => talk.order(command, tag, &mut self.console),
                None => self.refuse(&tag, "no chat is open: accept one first"),
            },
        }
    }

    fn refuse(&mut self, tag: &Tag, reason: &str) -> io::Result<()> {
        self.console.show(&Happening::Refused { tag, reason })
    }

    fn accept(&mut self, choice: Choice, tag: Tag) -> io::Result<()> {
        if self.talk.is_some() || self.accepting.is_some() || self.leaving {
            return self.refuse(&tag, "one chat at a time: end this one first");
        }
        let contact = match choice {
            Choice::Longest => None,
            Choice::Contact(contact) => Some(contact),
            Choice::Place(place) => {
                let waiting = self.queue.get().waiting.get(place - 1).cloned();
                match waiting {
                    Some(waiting) => Some(waiting.contact_id),
                    None => return self.refuse(&tag, "the queue has no such number"),
                }
            }
        };
        let accepting = accept(&self.client, &self.agent, contact).boxed();
        self.accepting = Some((Some(tag), accepting));
        Ok(())
    }

    /// Hands the customer on, once what was asked for before is done.
    fn hand_on(&mut self) -> io::Result<()> {
        let Handing::Soon(tag, to) = &self.handing else { return Ok(()) };
        match &self.talk {
            Some(talk) if !talk.is_quiet() => Ok(()),
            Some(talk) => {
                let (agent, to) = (self.agent.clone(), to.clone());
                let contact = talk.chat().details().contact_id.clone();
                let handing = async move { agent.transfer(&contact, &to).await }.boxed();
                self.handing = Handing::Now(tag.clone(), handing);
                Ok(())
            }
            None => {
                let tag = tag.clone();
                self.handing = Handing::No;
                self.refuse(&tag, "the chat is over")
            }
        }
    }

    /// An acceptance is over: the chat begins, or there is none.
    fn begin(&mut self, tag: Option<Tag>, accepted: Acceptance) -> io::Result<()> {
        match accepted {
            Ok((accepted, chat, events)) => {
                self.console.show(&Happening::Accepted(&accepted))?;
                let mut talk = Talk::new(chat, events);
                if self.leaving {
                    talk.leave();
                }
                self.talk = Some(talk);
                Ok(())
            }
            Err(error) => {
                self.accept_after = Some(Instant::now() + ACCEPT_AGAIN);
                // That another agent was faster, or the customer gave up, is nothing to report of an
                // automatic acceptance.
                let missed = matches!(&error, Error::Service(e) if matches!(e.status, 404 | 409));
                match tag {
                    None if missed => Ok(()),
                    tag => {
                        let (tag, doing) = (&tag.flatten(), "accept");
                        self.console.show(&Happening::Failed { tag, doing, error: &error })
                    }
                }
            }
        }
    }

    /// Something happened in the chat. What ends the chat for good order ends only the chat; the
    /// rest ends the program.
    fn take(&mut self, step: &crate::talk::Step) -> io::Result<Option<End>> {
        let Some(talk) = &mut self.talk else { return Ok(None) };
        match talk.show(step, &mut self.console)? {
            None => Ok(None),
            Some(End::Good) => {
                self.talk = None;
                if !self.leaving && self.queue.get().total > 0 {
                    self.show_queue()?;
                }
                Ok(None)
            }
            Some(end) => Ok(Some(end)),
        }
    }
}

/// Takes a customer off the queue and connects to the chat.
fn accept(
    client: &Client,
    agent: &Agent,
    contact: Option<ContactId>,
) -> impl Future<Output = Acceptance> + use<> {
    let (client, agent) = (client.clone(), agent.clone());
    async move {
        let accepted = agent.accept(contact.as_ref()).await?;
        let chat = client.chat_with(accepted.details.clone(), &client.options().agent());
        let events = chat.events();
        let mut attempts = 1;
        while let Err(error) = chat.connect().await {
            if !error.can_retry() || attempts == CONNECT_ATTEMPTS {
                return Err(error);
            }
            attempts += 1;
            sleep(ACCEPT_AGAIN).await;
        }
        Ok((accepted, chat, events))
    }
}

async fn accepted(
    accepting: &mut Option<(Option<Tag>, BoxFuture<'static, Acceptance>)>,
) -> (Option<Tag>, Acceptance) {
    match accepting {
        Some((tag, accepting)) => {
            let accepted = accepting.await;
            (tag.take(), accepted)
        }
        None => pending().await,
    }
}

async fn handed_on(handing: &mut Handing) -> (Tag, Result<Transferred, Error>) {
    match handing {
        Handing::Now(tag, handing) => {
            let result = handing.await;
            (tag.take(), result)
        }
        Handing::No | Handing::Soon(..) => pending().await,
    }
}

async fn step(talk: &mut Option<Talk>) -> crate::talk::Step {
    match talk {
        Some(talk) => talk.step().await,
        None => pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
