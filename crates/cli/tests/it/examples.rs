//! The SDK's examples against the program in demo mode.

use std::{
    borrow::Cow,
    io::Write,
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use chatloom::{
    Chat, Client, Event, Events, GetTranscriptRequest, Item, ParticipantRole, SortOrder,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::{
    network::in_fast_time,
    program::Server,
    proxy::{Fault, Plan, Proxy},
};

#[expect(dead_code, reason = "the program is run as a part of this one")]
#[path = "../../../client/examples/agent_bot.rs"]
mod agent_bot;
#[expect(dead_code, reason = "the program is run as a part of this one")]
#[path = "../../../client/examples/customer_bot.rs"]
mod customer_bot;
#[expect(dead_code, reason = "the program is run as a part of this one")]
#[path = "../../../client/examples/resume.rs"]
mod resume;
#[expect(dead_code, reason = "the program is run as a part of this one")]
#[path = "../../../client/examples/terminal_chat.rs"]
mod terminal_chat;

/// What a program shows.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        str::from_utf8(&bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn client(url: &str) -> Client {
    Client::builder().endpoint(url).build().unwrap()
}

/// Takes the next customer, as an agent.
async fn accept(client: &Client) -> (Chat, Events) {
    let agent = client.log_in("ana", None).await.unwrap();
    agent.queue().wait_for(|queue| queue.total > 0).await.unwrap();
    let chat = client.chat(agent.accept(None).await.unwrap().details);
    let events = chat.events();
    chat.connect().await.unwrap();
    (chat, events)
}

/// The content of the next message of the customer.
async fn said_by_customer(events: &mut Events) -> String {
    loop {
        match events.next().await.expect("the chat goes on") {
            Event::Message(item)
                if item.head().participant_role == Some(ParticipantRole::Customer) =>
            {
                return item.content().unwrap().into_owned();
            }
            event @ (Event::Gap { .. } | Event::Lagged { .. }) => panic!("{event:?}"),
            _ => {}
        }
    }
}

async fn until_message(events: &mut Events, text: &str) {
    while said_by_customer(events).await != text {}
}

/// All messages that the service has, in its order.
async fn stored(chat: &Chat) -> Vec<String> {
    let mut request = GetTranscriptRequest {
        max_results: Some(100),
        sort_order: Some(SortOrder::Descending),
        ..GetTranscriptRequest::default()
    };
    let mut contents = Vec::new();
    loop {
        let page = chat.get_transcript(request.clone()).await.unwrap();
        contents.extend(
            page.items
                .iter()
                .filter(|item| {
                    matches!(
                        item.head().participant_role,
                        Some(ParticipantRole::Customer | ParticipantRole::Agent)
                    )
                })
                .filter_map(Item::content)
                .map(Cow::into_owned),
        );
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            contents.reverse();
            return contents;
        }
    }
}

/// The promise of the README: 500 messages through a network that never holds for longer than two
/// seconds.
#[test]
fn the_customer_bot_holds_a_chat_while_its_connection_is_cut_every_two_seconds() {
    const QUESTIONS: usize = 250;
    const CUT: Duration = Duration::from_secs(2);
    const PACE: Duration = Duration::from_millis(150);
    in_fast_time(5, async {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path()).await;
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let proxy = Proxy::start(address, Plan::clear()).await.unwrap();

        let bot = client(&proxy.url());
        let bot = customer_bot::talk(&bot);
        let agent = async {
            let (chat, mut events) = accept(&client(server.url())).await;
            let mut cut = interval_at(Instant::now() + CUT, CUT);
            let cutting = async {
                loop {
                    cut.tick().await;
                    proxy.inflict(Fault::Cut);
                }
            };
            let talking = async {
                let mut pace = interval_at(Instant::now(), PACE);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let asking = async {
                    for n in 0..QUESTIONS {
                        pace.tick().await;
                        chat.send_message(format!("question {n}")).await.unwrap();
                    }
                };
                let hearing = async {
                    let mut answers = Vec::with_capacity(QUESTIONS);
                    while answers.len() < QUESTIONS {
                        let said = said_by_customer(&mut events).await;
                        if said != "agent" {
                            answers.push(said);
                        }
                    }
                    answers
                };
                tokio::join!(asking, hearing).1
            };
            let answers = tokio::select! {
                answers = talking => answers,
                () = cutting => unreachable!("it goes on for ever"),
            };
            let expected: Vec<_> =
                (0..QUESTIONS).map(|n| format!("You said: question {n}")).collect();
            assert_eq!(answers, expected);

            let stored = stored(&chat).await;
            let of = |by: &str| -> Vec<_> {
                stored.iter().filter(|said| said.starts_with(by)).cloned().collect()
            };
            assert_eq!(of("You said"), expected, "each answer is stored once, in order");
            assert_eq!(of("question").len(), QUESTIONS);
            assert_eq!(stored.len(), 2 * QUESTIONS + 1, "with the word that asked for an agent");
            chat.send_message("bye").await.unwrap();
            while events.next().await.is_some() {}
        };
        let (talked, ()) = tokio::join!(bot, agent);
        talked.unwrap();
        let cuts = proxy.counts().cuts.load(Ordering::Relaxed);
        assert!(cuts >= 15, "{:?}", proxy.counts());
        println!("{:?}", proxy.counts());
    });
}

#[tokio::test]
async fn the_agent_bot_answers_whoever_comes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let client = client(server.url());
    let customers = async {
        for name in ["Jane", "Joe"] {
            let chat = client.chat(client.start_chat(name).await.unwrap());
            let mut events = chat.events();
            chat.connect().await.unwrap();
            chat.send_message("agent").await.unwrap();
            let mut said = Vec::new();
            while said.len() < 2 {
                let Some(event) = events.next().await else { panic!("the chat goes on") };
                if let Event::Message(item) = event
                    && item.head().participant_role == Some(ParticipantRole::Agent)
                {
                    said.push(item.content().unwrap().into_owned());
                    if said.len() == 1 {
                        drop(chat.send_message("How do I…"));
                    }
                }
            }
            let hello = format!("Hello {name}, how can I help?");
            assert_eq!(said, [hello, "That was 9 characters.".to_owned()]);
            chat.disconnect().await.unwrap();
        }
    };
    tokio::select! {
        () = customers => {}
        ended = agent_bot::work(&client, "ana") => panic!("the agent stopped working: {ended:?}"),
    }
}

#[tokio::test]
async fn the_terminal_chat_shows_what_happens_and_sends_what_is_written() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let (client, screen) = (client(server.url()), Screen::default());
    let (keyboard, lines) = mpsc::channel(4);
    let customer = terminal_chat::talk(&client, "Jane", lines, screen.clone());
    let agent = async {
        keyboard.send("agent".to_owned()).await.unwrap();
        let (chat, mut events) = accept(&client).await;
        chat.send_message("Hello Jane").await.unwrap();
        keyboard.send("a question".to_owned()).await.unwrap();
        until_message(&mut events, "a question").await;
        keyboard.send("/quit".to_owned()).await.unwrap();
        while events.next().await.is_some() {}
    };
    let (talked, ()) = tokio::join!(customer, agent);
    talked.unwrap();
    let lines = screen.lines();
    for line in ["You: agent", "You: a question", "-- the chat is over"] {
        assert_eq!(lines.iter().filter(|shown| *shown == line).count(), 1, "{line}: {lines:?}");
    }
    assert!(lines.iter().any(|line| line.ends_with(": Hello Jane")), "{lines:?}");
}

#[tokio::test]
async fn the_resumed_chat_goes_on_where_the_killed_program_was() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let path = data.path().join("chat.json");
    let client = Client::builder().endpoint(server.url()).snapshots(true).build().unwrap();
    let run = |screen: &Screen, path: &Path| {
        let (keyboard, lines) = mpsc::channel(4);
        let (client, path, screen) = (client.clone(), path.to_owned(), screen.clone());
        let running = async move {
            resume::talk(&client, &path, lines, screen).await.map_err(|error| error.to_string())
        };
        (keyboard, tokio::spawn(running))
    };

    let screen = Screen::default();
    let (keyboard, program) = run(&screen, &path);
    keyboard.send("agent".to_owned()).await.unwrap();
    let (chat, mut events) = accept(&self::client(server.url())).await;
    keyboard.send("first".to_owned()).await.unwrap();
    until_message(&mut events, "first").await;
    let heard = chat.send_message("heard before").await.unwrap();
    let count = |screen: &Screen, text: &str| {
        screen.lines().iter().filter(|line| line.strip_prefix("> ") == Some(text)).count()
    };
    // The program has shown it, and kept that it has.
    let kept = || std::fs::read_to_string(&path).unwrap_or_default();
    while count(&screen, "heard before") == 0 || !kept().contains(heard.id.as_str()) {
        tokio::task::yield_now().await;
    }
    program.abort();
    let _ = program.await;

    chat.send_message("said meanwhile").await.unwrap();
    let screen = Screen::default();
    let (keyboard, program) = run(&screen, &path);
    keyboard.send("second".to_owned()).await.unwrap();
    until_message(&mut events, "second").await;
    while count(&screen, "second") == 0 || count(&screen, "said meanwhile") == 0 {
        tokio::task::yield_now().await;
    }
    program.abort();
    let _ = program.await;
    assert_eq!(count(&screen, "said meanwhile"), 1);
    assert_eq!(count(&screen, "heard before") + count(&screen, "first"), 0, "{screen:?}");
}
