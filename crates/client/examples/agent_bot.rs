//! An agent of a Chatloom server that takes every customer who waits, says hello, and answers each
//! message with how long it was. With a demo server running (`chatloom serve --demo`):
//!
//! ```sh
//! cargo run -p chatloom --example agent_bot http://127.0.0.1:8090 ana
//! ```

#![expect(clippy::print_stderr, reason = "an example tells what went wrong")]

use chatloom::{Chat, Client, Error, Event, ParticipantRole};

pub(crate) async fn work(client: &Client, user: &str) -> Result<(), Error> {
    let agent = client.log_in(user, None).await?;
    let mut queue = agent.queue();
    loop {
        queue.wait_for(|queue| queue.live && queue.total > 0).await?;
        match agent.accept(None).await {
            Ok(accepted) => {
                let chat = client.chat(accepted.details);
                tokio::spawn(async move {
                    if let Err(error) = serve(chat, &accepted.customer_name).await {
                        eprintln!("a chat failed: {error}");
                    }
                });
            }
            // Another agent was faster; the queue will say what is left.
            Err(Error::Service(error)) if matches!(error.status, 404 | 409) => {
                queue.changed().await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn serve(chat: Chat, customer: &str) -> Result<(), Error> {
    let mut events = chat.events();
    chat.connect().await?;
    // What was said before was for others.
    while !matches!(events.next().await, Some(Event::CaughtUp) | None) {}
    chat.send_message(format!("Hello {customer}, how can I help?")).await?;
    while let Some(event) = events.next().await {
        let Event::Message(item) = event else { continue };
        if item.head().participant_role != Some(ParticipantRole::Customer) {
            continue;
        }
        if let Some(id) = &item.head().id {
            drop(chat.mark_read(id)); // Receipts are gathered; nobody has to wait for them.
        }
        let said = item.content().unwrap_or_default();
        chat.send_message(format!("That was {} characters.", said.chars().count())).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("http://127.0.0.1:8090".to_owned());
    let user = arguments.next().unwrap_or("ana".to_owned());
    work(&Client::builder().endpoint(endpoint).build()?, &user).await
}
