//! The format for people: lines of text, and on a terminal a line to type in that stays at the
//! bottom, with who is typing and how the connection is.

mod lines;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use chatloom::{
    Chat, Connection, ContentType, Event, Item, ParticipantRole, Timestamp, agent::Queue,
};
use crossterm::{
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, terminal,
};
use jiff::tz::TimeZone;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use self::lines::{help, read};
use crate::{
    console::{Happening, Role, Said},
    editor::{Editor, Outcome},
    file::Fetched,
    input::{self, Line},
};

/// How long somebody counts as typing: they say so every ten seconds while they do.
const TYPING: Duration = Duration::from_secs(12);

/// Text for people.
pub(crate) struct Text {
    role: Role,
    input: Input,
    output: Box<dyn Write + Send>,
    colour: bool,
    zone: TimeZone,
    /// Messages that have not been stored yet.
    sending: usize,
    /// Who is typing, until when.
    typing: Option<(String, Instant)>,
    /// The connection is not what it should be.
    trouble: Option<&'static str>,
}

enum Input {
    /// Not a terminal.
    Lines(mpsc::Receiver<Line>),
    /// A terminal.
    Keys { keys: mpsc::Receiver<crossterm::event::Event>, editor: Editor, _raw: RawMode },
}

/// The terminal gives keys as they are pressed, until this is dropped.
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let raw = Self;
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok(raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // The program is about to end; there is nobody to tell of an error.
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = write!(io::stdout(), "\r\x1b[K");
        let _ = terminal::disable_raw_mode();
    }
}

#[derive(Clone, Copy)]
enum Colour {
    Own,
    Agent,
    Customer,
    System,
    Dim,
    Bad,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Own => "1",
            Self::Agent => "36",
            Self::Customer => "32",
            Self::System => "35",
            Self::Dim => "2",
            Self::Bad => "31",
        }
    }
}

impl Text {
    /// Opens standard input and output. On a terminal, keys are read as they are pressed.
    pub(crate) fn open(role: Role) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let keys = is_terminal && io::stdin().is_terminal() && !dumb;
        let input = match keys.then(RawMode::enter) {
            Some(Ok(raw)) => {
                Input::Keys { keys: input::keys(), editor: Editor::default(), _raw: raw }
            }
            _ => Input::Lines(input::lines()),
        };
        Self {
            role,
            input,
            output: Box::new(io::stdout()),
            colour: is_terminal && !dumb && !no_colour,
            zone: TimeZone::system(),
            sending: 0,
            typing: None,
            trouble: None,
        }
    }

    pub(crate) async fn next(&mut self) -> io::Result<Option<Said>> {
        loop {
            let until = self.typing.as_ref().map(|(_, until)| *until);
            let lapsed = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let said = match &mut self.input {
                Input::Lines(lines) => match lines.recv().await {
                    None => return Ok(None),
                    Some(Line::Text(line)) => read(&line, self.role),
                    Some(Line::Bad(why)) => Some(Said::Nonsense(why.to_owned())),
                },
                Input::Keys { keys, editor, .. } => {
                    let event = tokio::select! {
                        event = keys.recv() => event,
                        () = lapsed => {
                            self.typing = None;
                            self.draw()?;
                            continue;
                        }
                    };
                    match event.map_or(Outcome::End, |event| editor.take(&event)) {
                        Outcome::Nothing => None,
                        Outcome::Changed => {
                            let typing =
                                !editor.line().is_empty() && !editor.line().starts_with('/');
                            self.draw()?;
                            typing.then_some(Said::Keystroke)
                        }
                        Outcome::Line(line) => {
                            self.draw()?;
                            read(&line, self.role)
                        }
                        Outcome::Interrupt => Some(Said::Interrupt),
                        Outcome::End => return Ok(None),
                    }
                }
            };
            if said.is_some() {
                return Ok(said);
            }
        }
    }

    pub(crate) fn show(&mut self, happening: &Happening<'_>) -> io::Result<()> {
        match *happening {
            Happening::Started(_) => {
                self.dim("Type a message and press Enter. /help shows what else there is.")
            }
            Happening::LoggedIn(user) => self.dim(&format!(
                "You are {} ({}). /help shows what you can do.",
                clean(&user.name),
                clean(&user.id)
            )),
            Happening::Queue(queue) => {
                let line = self.queue(queue);
                self.dim(&line)
            }
            Happening::Accepted(accepted) => {
                self.dim(&format!("You have taken {}.", clean(&accepted.customer_name)))
            }
            Happening::Transferred(..) => self.dim("You have handed the customer on."),
            Happening::Event(chat, event) => self.event(chat, event),
            Happening::Sending => {
                self.sending += 1;
                self.draw()
            }
            Happening::Sent(..) => {
                self.sending -= 1;
                self.draw()
            }
            Happening::NotSent { message, error, .. } => {
                self.sending -= 1;
                let content = clean(message.content());
                self.line(Colour::Bad, &format!("✗ not sent: {content} ({error})"))
            }
            Happening::Attached(_, path) => {
                self.dim(&format!("{} is sent.", clean(&path.to_string_lossy())))
            }
            Happening::Fetched(_, Fetched { path, bytes }) => {
                let path = clean(&path.to_string_lossy());
                self.dim(&format!("{path} is saved, {bytes} bytes."))
            }
            Happening::Transcript { chat, items, complete, .. } => {
                self.dim("--- the transcript so far ---")?;
                if !complete {
                    self.dim("(it begins earlier)")?;
                }
                for item in items {
                    self.item(chat, &Event::from_item(item.clone()), item)?;
                }
                self.dim("--- the end of the transcript ---")
            }
            Happening::Failed { doing, error, .. } => {
                self.line(Colour::Bad, &format!("{doing}: {error}"))
            }
            Happening::Refused { reason, .. } => self.line(Colour::Bad, reason),
            Happening::Help => self.dim(help(self.role)),
        }
    }

    fn event(&mut self, chat: &Chat, event: &Event) -> io::Result<()> {
        match event {
            Event::Typing(item) => self.types(chat, item),
            Event::Connection(connection) => self.connection(connection),
            Event::Gap { .. } => self.line(Colour::Bad, "Some items here could not be read."),
            Event::Lagged { missed } => self.line(
                Colour::Bad,
                &format!("{missed} events were left out here; /transcript shows the messages."),
            ),
            Event::Ended => {
                (self.trouble, self.typing) = (None, None);
                self.dim("The chat has ended.")
            }
            other => match other.item() {
                Some(item) => self.item(chat, other, item),
                None => Ok(()),
            },
        }
    }

    fn types(&mut self, chat: &Chat, item: &Item) -> io::Result<()> {
        if chat.is_own(item) {
            return Ok(());
        }
        let name = clean(item.head().display_name.as_deref().unwrap_or("Somebody"));
        let begins = self.typing.as_ref().is_none_or(|(typing, until)| {
            *typing != name || until.saturating_duration_since(Instant::now()).is_zero()
        });
        self.typing = Some((name.clone(), Instant::now() + TYPING));
        match self.input {
            Input::Lines(_) if begins => self.dim(&format!("{name} is typing…")),
            Input::Lines(_) => Ok(()),
            Input::Keys { .. } => self.draw(),
        }
    }

    fn connection(&mut self, connection: &Connection) -> io::Result<()> {
        let before = self.trouble;
        match connection {
            Connection::Online => {
                self.trouble = None;
                if before.is_some() { self.dim("Connected again.") } else { Ok(()) }
            }
            Connection::Waiting { reason, .. } => {
                self.trouble = Some("reconnecting");
                if before.is_some() {
                    return self.draw();
                }
                let reason = clean(reason);
                self.line(Colour::Bad, &format!("The connection is lost ({reason}). Reconnecting…"))
            }
            Connection::Offline => {
                self.trouble = Some("no network");
                self.draw()
            }
            Connection::Broken { reason } => {
                let reason = clean(reason);
                self.line(Colour::Bad, &format!("The connection cannot be restored: {reason}"))
            }
            _ => Ok(()),
        }
    }

    /// An item of the transcript, live or read.
    fn item(&mut self, chat: &Chat, event: &Event, item: &Item) -> io::Result<()> {
        let head = item.head();
        let own = chat.is_own(item);
        let name = match (&head.display_name, own) {
            (_, true) => "You".to_owned(),
            // What the service calls the messages of a flow.
            (Some(name), false) if **name == *"SYSTEM_MESSAGE" => "System".to_owned(),
            (Some(name), false) => clean(name),
            (None, false) => "Somebody".to_owned(),
        };
        if self.typing.as_ref().is_some_and(|(typing, _)| *typing == name) {
            self.typing = None;
        }
        let time = head.absolute_time.as_deref().and_then(|time| Timestamp::parse(time).ok());
        let time = time.map_or("     ".to_owned(), |time| self.clock(time));
        match event {
            Event::Message(_) => {
                let colour = match (own, &head.participant_role) {
                    (true, _) => Colour::Own,
                    (_, Some(ParticipantRole::Customer)) => Colour::Customer,
                    (_, Some(ParticipantRole::Agent | ParticipantRole::Supervisor)) => {
                        Colour::Agent
                    }
                    _ => Colour::System,
                };
                let tick = if own { " ✓" } else { "" };
                let content = clean(&item.content().unwrap_or_default());
                let (time, name) = (self.paint(Colour::Dim, &time), self.paint(colour, &name));
                self.print(&format!("{time} {name}{tick}: {content}"))
            }
            Event::Attachment(_) => {
                let files = item.attachments().into_iter().map(|file| {
                    let name = clean(file.attachment_name.as_deref().unwrap_or("a file"));
                    match file.status.as_deref() {
                        Some("IN_PROGRESS") => format!("{name} (being checked)"),
                        Some("REJECTED") => format!("{name} (refused)"),
                        _ => name,
                    }
                });
                let files: Vec<_> = files.collect();
                self.dim(&format!("{time} {name} attached {}", files.join(", ")))
            }
            Event::Joined(_) => self.dim(&format!("{time} {name} joined")),
            Event::Left(_) => self.dim(&format!("{time} {name} left")),
            Event::Receipt(_) | Event::Typing(_) => Ok(()),
            _ => match &head.content_type {
                // Of the end, `Event::Ended` tells.
                None | Some(ContentType::ChatEnded) => Ok(()),
                Some(ContentType::TransferSucceeded) => {
                    self.dim(&format!("{time} the chat was transferred"))
                }
                Some(ContentType::TransferFailed) => {
                    self.dim(&format!("{time} the chat could not be transferred"))
                }
                Some(other) => {
                    let kind = other.as_str().rsplit("event.").next().unwrap_or_default();
                    self.dim(&format!("{time} {name}: {}", clean(kind)))
                }
            },
        }
    }

    fn queue(&self, queue: &Queue) -> String {
        if queue.waiting.is_empty() {
            return if queue.live { "Nobody is waiting." } else { "The queue is not known." }
                .to_owned();
        }
        let mut line = format!("{} waiting:", queue.total);
        for (place, waiting) in queue.waiting.iter().enumerate().take(9) {
            let (name, since) = (clean(&waiting.customer_name), self.clock(waiting.since));
            // Writing to a string cannot fail.
            let _ = write!(line, " [{}] {name} since {since}", place + 1);
            if let Some(user) = &waiting.reserved_for {
                let _ = write!(line, " for {}", clean(user));
            }
        }
        line
    }

    fn clock(&self, time: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(time.as_millis()).map_or_else(
            |_| "--:--".to_owned(),
            |time| time.to_zoned(self.zone.clone()).strftime("%H:%M").to_string(),
        )
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_owned() }
    }

    fn dim(&mut self, text: &str) -> io::Result<()> {
        self.line(Colour::Dim, text)
    }

    fn line(&mut self, colour: Colour, text: &str) -> io::Result<()> {
        let painted = text.lines().map(|line| self.paint(colour, line)).collect::<Vec<_>>();
        self.print(&painted.join("\n"))
    }

    /// Prints lines, above the line that is being typed.
    fn print(&mut self, text: &str) -> io::Result<()> {
        if let Input::Keys { .. } = self.input {
            let mut lines = String::from("\r\x1b[K");
            for line in text.split('\n') {
                lines.push_str(line);
                lines.push_str("\r\n");
            }
            self.output.write_all(lines.as_bytes())?;
            self.draw()
        } else {
            writeln!(self.output, "{text}")?;
            self.output.flush()
        }
    }

    /// Draws the line that is being typed.
    fn draw(&mut self) -> io::Result<()> {
        let Input::Keys { editor, .. } = &self.input else { return Ok(()) };
        let mut notes = Vec::new();
        if let Some((name, _)) = &self.typing {
            notes.push(format!("{name} is typing…"));
        }
        if let Some(trouble) = self.trouble {
            notes.push(trouble.to_owned());
        }
        if self.sending > 0 {
            notes.push(format!("sending {}", self.sending));
        }
        let columns = terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        let mut notes = notes.join(", ");
        // The typed line keeps at least half of the columns.
        notes = notes.chars().take(columns / 2).collect();
        if !notes.is_empty() {
            notes.push(' ');
        }
        let used = notes.chars().count() + 2;
        let (line, cursor) = editor.window(columns.saturating_sub(used + 1));
        if !notes.is_empty() {
            notes = self.paint(Colour::Dim, &notes);
        }
        write!(self.output, "\r\x1b[K{notes}> {line}\r\x1b[{}C", used + cursor)?;
        self.output.flush()
    }
}

/// Text of others, without what could command the terminal or hide what is written: control
/// characters and marks that turn the direction of writing become visible. Further lines are
/// indented, so that nobody can forge a line of somebody else's.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => cleaned.push_str("\n      "),
            '\r' => {}
            '\t' => cleaned.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => cleaned.push('\u{fffd}'),
            c if c.is_control() => cleaned.push('\u{fffd}'),
            c => cleaned.push(c),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chatloom::{ChatDetails, Client, Error, Message, SentResponse};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A view without a terminal, and what it writes.
    fn text(role: Role) -> (Text, Page) {
        let page = Page::default();
        let text = Text {
            role,
            input: Input::Lines(mpsc::channel(1).1),
            output: Box::new(page.clone()),
            colour: false,
            zone: TimeZone::UTC,
            sending: 0,
            typing: None,
            trouble: None,
        };
        (text, page)
    }

    fn item(kind: &str, content_type: &str, who: &str, content: &str) -> Event {
        let item = serde_json::json!({
            "AbsoluteTime": "2026-01-31T12:34:56.000Z", "Type": kind, "ContentType": content_type,
            "ParticipantId": who, "DisplayName": if who == "p-1" { "Jane" } else { "Ana" },
            "ParticipantRole": if who == "p-1" { "CUSTOMER" } else { "AGENT" },
            "Content": content, "Id": "i",
        });
        Event::from_item(Item::from_text(item.to_string()).unwrap())
    }

    fn event_of(name: &str, who: &str) -> Event {
        item("EVENT", &format!("application/vnd.amazonaws.connect.event.{name}"), who, "")
    }

    #[tokio::test]
    async fn a_chat_reads_well() {
        let client = Client::builder().endpoint("http://127.0.0.1:1").build().unwrap();
        let chat = client.chat(ChatDetails::new("c-1", "p-1", "secret"));
        let (mut text, page) = text(Role::Customer);
        let lost = Connection::Waiting {
            until: Instant::now().into_std(),
            reason: "connection refused".to_owned(),
        };
        for event in [
            Event::Connection(Connection::Connecting),
            Event::Connection(Connection::Online),
            event_of("participant.joined", "p-1"),
            Event::CaughtUp,
            item("MESSAGE", "text/plain", "p-1", "Hello?"),
            event_of("participant.joined", "p-2"),
            event_of("typing", "p-2"),
            event_of("typing", "p-2"),
            event_of("typing", "p-1"),
            item("MESSAGE", "text/plain", "p-2", "Good day!\nHow can I help?"),
            event_of("typing", "p-2"),
            Event::Connection(lost.clone()),
            Event::Connection(Connection::Connecting),
            Event::Connection(lost),
            Event::Connection(Connection::Online),
            event_of("transfer.succeeded", "p-2"),
            event_of("something.new", "p-2"),
            event_of("participant.left", "p-2"),
            event_of("chat.ended", "p-2"),
            Event::Ended,
        ] {
            text.show(&Happening::Event(&chat, &event)).unwrap();
        }
        let page = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let expected = "\
12:34 You joined
12:34 You ✓: Hello?
12:34 Ana joined
Ana is typing…
12:34 Ana: Good day!
      How can I help?
Ana is typing…
The connection is lost (connection refused). Reconnecting…
Connected again.
12:34 the chat was transferred
12:34 Ana: something.new
12:34 Ana left
The chat has ended.
";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_message_that_was_not_sent_is_shown_with_the_reason() {
        let (mut text, page) = text(Role::Customer);
        let message = Message::text("Hello?");
        let sent = SentResponse { id: "i".into(), absolute_time: Timestamp::from_millis(0) };
        for happening in [
            Happening::Sending,
            Happening::Sending,
            Happening::Sent(&None, &sent),
            Happening::NotSent { tag: &None, message: &message, error: &Error::Closed },
        ] {
            text.show(&happening).unwrap();
        }
        assert_eq!(text.sending, 0);
        let page = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(page, "✗ not sent: Hello? (the chat is closed)\n");
    }

    #[test]
    fn what_others_write_cannot_command_the_terminal() {
        assert_eq!(clean("plain ü 日本 \u{1f600}"), "plain ü 日本 \u{1f600}");
        assert_eq!(clean("\x1b[2J\x07\u{9b}31m"), "\u{fffd}[2J\u{fffd}\u{fffd}31m");
        assert_eq!(clean("abc\u{202e}def\u{2066}"), "abc\u{fffd}def\u{fffd}");
        assert_eq!(clean("one\r\n12:34 You: two\n"), "one\n      12:34 You: two");
    }
}
