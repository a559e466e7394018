//! A chat in the terminal: what is written is sent, `/file PATH` sends a file, `/quit` leaves. With
//! a demo server running (`chatloom serve --demo`):
//!
//! ```sh
//! cargo run -p chatloom --example terminal_chat http://127.0.0.1:8090 Jane
//! ```

use std::io::{self, Write};

use chatloom::{Attachment, Chat, Client, Connection, Error, Event, Item, Roster};
use tokio::sync::mpsc;

pub(crate) async fn talk(
    client: &Client,
    name: &str,
    mut lines: mpsc::Receiver<String>,
    mut screen: impl Write,
) -> Result<(), Error> {
    let chat = client.chat(client.start_chat(name).await?);
    let mut events = chat.events();
    chat.connect().await?;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => show(&chat, &event, &mut screen),
                None => return Ok(()),
            },
            Some(line) = lines.recv() => obey(&chat, &line).await?,
        }
    }
}

async fn obey(chat: &Chat, line: &str) -> Result<(), Error> {
    match line.split_once(' ') {
        _ if line.is_empty() => {}
        _ if line == "/quit" => chat.disconnect().await?,
        Some(("/file", path)) => chat.send_attachment(Attachment::file(path).await?).await?,
        // Not awaited: it is sent through any outage, in order, and its echo shows that it was.
        _ => drop(chat.send_message(line)),
    }
    Ok(())
}

fn show(chat: &Chat, event: &Event, screen: &mut impl Write) {
    let line = match event {
        Event::Message(item) => {
            let who = if chat.is_own(item) { "You" } else { name(item) };
            format!("{who}: {}", item.content().unwrap_or_default())
        }
        Event::Attachment(item) => {
            format!("{} sent {} file(s)", name(item), item.attachments().len())
        }
        Event::Joined(item) => format!("-- {} came in", name(item)),
        Event::Left(item) => format!("-- {} left", name(item)),
        Event::Roster(roster) => match typing(chat, roster) {
            Some(name) => format!("-- {name} is typing"),
            None => return,
        },
        Event::Connection(Connection::Waiting { reason, .. }) => {
            format!("-- disconnected ({reason}); trying again")
        }
        Event::Gap { .. } => "-- something is missing here".to_owned(),
        Event::Ended => "-- the chat is over".to_owned(),
        _ => return,
    };
    // A terminal that is gone needs no word of it.
    let _ = writeln!(screen, "{line}");
}

fn name(item: &Item) -> &str {
    item.head().display_name.as_deref().unwrap_or("Somebody")
}

fn typing<'a>(chat: &Chat, roster: &'a Roster) -> Option<&'a str> {
    let own = &chat.details().participant_id;
    let person = roster.typing().find(|person| person.participant_id != *own)?;
    Some(person.name.as_deref().unwrap_or("Somebody"))
}

/// What is written in the terminal. In a thread of its own, which may wait for a line that never
/// comes when the program wants to end.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("http://127.0.0.1:8090".to_owned());
    let name = arguments.next().unwrap_or("Jane".to_owned());
    let client = Client::builder().endpoint(endpoint).build()?;
    talk(&client, &name, typed(), io::stdout()).await
}
