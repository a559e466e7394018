//! A customer that asks for an agent and says back whatever the agent says, until that is "bye".
//! With a demo server running (`chatloom serve --demo`), and `chatloom agent --user ana` or the
//! example `agent_bot` in another terminal:
//!
//! ```sh
//! cargo run -p chatloom --example customer_bot http://127.0.0.1:8090
//! ```

use chatloom::{Client, Error, Event, ParticipantRole};

pub(crate) async fn talk(client: &Client) -> Result<(), Error> {
    let chat = client.chat(client.start_chat("Echo").await?);
    let mut events = chat.events();
    chat.connect().await?;
    chat.send_message("agent").await?;
    while let Some(event) = events.next().await {
        // Two bots that answer each other never stop, so only agents are answered.
        let Event::Message(item) = event else { continue };
        if item.head().participant_role != Some(ParticipantRole::Agent) {
            continue;
        }
        let said = item.content().unwrap_or_default();
        if said == "bye" {
            chat.disconnect().await?;
        } else {
            drop(chat.typing()); // Nobody minds when an indicator is not sent.
            chat.send_message(format!("You said: {said}")).await?;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = std::env::args().nth(1).unwrap_or("http://127.0.0.1:8090".to_owned());
    talk(&Client::builder().endpoint(endpoint).build()?).await
}
