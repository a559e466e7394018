//! A customer that asks for an agent and says back whatever the agent says. With a demo server
//! running (`cargo xtask demo`), and `chatloom agent --user ana` in another terminal:
//!
//! ```sh
//! cargo run -p chatloom --example echo_bot http://127.0.0.1:8090
//! ```

#![expect(clippy::print_stderr, reason = "an example tells what it does")]

use chatloom::{Client, Event, ParticipantRole};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("http://127.0.0.1:8090".to_owned());
    let client = Client::builder().endpoint(endpoint).build()?;

    let chat = client.chat(client.start_chat("Echo").await?);
    let mut events = chat.events();
    chat.connect().await?;
    chat.send_message("agent").await?;

    while let Some(event) = events.next().await {
        match event {
            // Two bots that answer each other never stop, so only people are answered.
            Event::Message(item)
                if item.head().participant_role == Some(ParticipantRole::Agent) =>
            {
                let said = item.content().unwrap_or_default();
                if said == "bye" {
                    chat.disconnect().await?;
                } else {
                    chat.typing().await?;
                    chat.send_message(format!("You said: {said}")).await?;
                }
            }
            Event::Joined(_) => eprintln!("somebody joined; they say \"bye\" to end this"),
            Event::Connection(connection) => eprintln!("connection: {connection:?}"),
            Event::Ended => eprintln!("the chat has ended"),
            _ => {}
        }
    }
    Ok(())
}
