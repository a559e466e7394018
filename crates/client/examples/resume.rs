//! A customer whose program may be killed at any moment and goes on where it was: nothing that the
//! others said is lost or shown twice, and what waited to be sent is sent once. With a demo server
//! running (`chatloom serve --demo`), run it, write `agent`, kill it, say something as the agent,
//! and run it again:
//!
//! ```sh
//! cargo run -p chatloom --example resume http://127.0.0.1:8090 chat.json
//! ```

use std::{
    io::{self, Write},
    path::Path,
};

use chatloom::{Chat, Client, Event, Snapshot};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error>;

/// The chat that an earlier run has left, or a new one.
async fn open(client: &Client, path: &Path) -> Result<Chat, Failure> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(client.restore(&Snapshot::from(text))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(client.chat(client.start_chat("Jane").await?))
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps a snapshot in the file: first under another name, so that the file is whole at any moment.
async fn store(snapshot: Option<Snapshot>, path: &Path) -> io::Result<()> {
    match snapshot {
        Some(snapshot) => {
            let new = path.with_extension("new");
            tokio::fs::write(&new, snapshot.expose()).await?;
            tokio::fs::rename(&new, path).await
        }
        None => match tokio::fs::remove_file(path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        },
    }
}

/// Keeps the newest snapshot. However slow the disk is, the chat does not wait for it.
async fn keep(chat: &Chat, path: &Path) -> Result<(), Failure> {
    let mut snapshots = chat.snapshots();
    while let Some(snapshot) = snapshots.changed().await {
        store(snapshot, path).await?;
    }
    Ok(())
}

pub(crate) async fn talk(
    client: &Client,
    path: &Path,
    mut lines: mpsc::Receiver<String>,
    mut screen: impl Write,
) -> Result<(), Failure> {
    let chat = open(client, path).await?;
    let mut events = chat.events();
    let talking = async {
        chat.connect().await?;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Message(item)) => {
                        writeln!(screen, "> {}", item.content().unwrap_or_default())?;
                    }
                    Some(_) => {}
                    None => return Ok::<_, Failure>(()),
                },
                line = lines.recv() => match line {
                    Some(line) => drop(chat.send_message(line)),
                    None => return Ok(()),
                },
            }
        }
    };
    tokio::select! {
        ended = talking => ended?,
        kept = keep(&chat, path) => kept?,
    }
    Ok(store(chat.snapshots().get(), path).await?)
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
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("http://127.0.0.1:8090".to_owned());
    let path = arguments.next().unwrap_or("chat.json".to_owned());
    let client = Client::builder().endpoint(endpoint).snapshots(true).build()?;
    talk(&client, Path::new(&path), typed(), io::stdout()).await
}
