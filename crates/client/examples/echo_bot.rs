//! A customer that says everything back. With a demo server running (`cargo xtask demo`):
//!
//! ```sh
//! cargo run -p chatloom --example echo_bot http://127.0.0.1:8090
//! ```

#![expect(clippy::print_stderr, reason = "an example tells what it does")]

use chatloom::{Client, Event};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("http://127.0.0.1:8090".to_owned());
    let client = Client::builder().endpoint(endpoint).build()?;

    let chat = client.chat(client.start_chat("Echo").await?);
    let mut events = chat.events();
    chat.connect().await?;
    chat.send_message("Say something, and I shall say it too.").await?;

    while let Some(event) = events.next().await {
        match event {
            Event::Message(item) if !chat.is_own(&item) => {
                let said = item.content().unwrap_or_default();
                if said == "bye" {
                    chat.disconnect().await?;
                } else {
                    chat.typing().await?;
                    chat.send_message(format!("You said: {said}")).await?;
                }
            }
            Event::Connection(connection) => eprintln!("connection: {connection:?}"),
            Event::Ended => eprintln!("the chat has ended"),
            _ => {}
        }
    }
    Ok(())
}
