//! What was acknowledged is there, once, in one order, however often the server is killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chatloom::{Client, Event};
use serde_json::Value;
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    program::Server,
    service::{Seat, Sent, chat_with_agent, http},
};

const ROUNDS: u64 = 50;
const CHATS: usize = 3;
/// A round is over after this many acknowledgements at most.
const MOST_IN_A_ROUND: u64 = 60;

/// Somebody who sends messages one after the other.
struct Sender {
    chat: usize,
    name: String,
    seat: Seat,
    next: usize,
    acknowledged: Vec<(String, Sent)>,
}

impl Sender {
    fn content(&self) -> String {
        format!("{} {}", self.name, self.next)
    }

    /// Sends until no answer comes.
    async fn send_until_cut_off(mut self, url: Arc<str>, count: Arc<Count>) -> Self {
        let http = http();
        loop {
            let content = self.content();
            let Some(sent) = self.seat.send(&http, &url, &content, &content).await else {
                return self;
            };
            self.acknowledged.push((content, sent));
            self.next += 1;
            count.up();
        }
    }

    /// Sends the message again that no answer came for. If it was stored, the repeat is answered with
    /// what is stored.
    async fn repeat(&mut self, url: &str) -> bool {
        let http = http();
        let content = self.content();
        let stored: Vec<Value> = self
            .seat
            .newest(&http, url)
            .await
            .into_iter()
            .filter(|item| item["Content"] == content.as_str())
            .collect();
        let sent = self.seat.send(&http, url, &content, &content).await.unwrap();
        assert!(stored.len() <= 1, "{content} is stored once or not at all");
        for item in &stored {
            assert_eq!(item["Id"], sent.id.as_str(), "a repeat is answered with the first Id");
            assert_eq!(item["AbsoluteTime"], sent.time.as_str(), "and with its time");
        }
        self.acknowledged.push((content, sent));
        self.next += 1;
        !stored.is_empty()
    }
}

#[derive(Default)]
struct Count {
    count: AtomicUsize,
    changed: Notify,
}

impl Count {
    fn up(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    async fn reaches(&self, target: usize) {
        while self.count.load(Ordering::Relaxed) < target {
            self.changed.notified().await;
        }
    }
}

/// Connects a client that gives the ids of all items it hears, until one with this content and until
/// nothing is missing, each in its place: what cannot be read while the server is gone may come after
/// what is live.
async fn listen(url: &str, seat: &Seat, last: &'static str) -> JoinHandle<Vec<String>> {
    let client = Client::builder().endpoint(url).build().unwrap();
    let chat = client.chat(seat.details.clone());
    let mut events = chat.events();
    chat.connect().await.unwrap();
    tokio::spawn(async move {
        // The connection lives as long as the chat's handle.
        let _chat = chat;
        let (mut heard, mut open, mut is_over) = (Vec::new(), Vec::new(), false);
        while !is_over || !open.is_empty() {
            let event = events.next().await.expect("the chat goes on");
            match &event {
                Event::Lagged { .. } => panic!("items are missing: {event:?}"),
                Event::Gap { gap } => open.push(*gap),
                Event::GapClosed { gap } => open.retain(|known| known != gap),
                Event::Typing(_) | Event::Receipt(_) => continue,
                _ => {}
            }
            let Some(item) = event.item() else { continue };
            let id = item.head().id.as_ref().unwrap().to_string();
            heard.push((item.head().absolute_time.clone().unwrap(), id));
            is_over |= item.content().as_deref() == Some(last);
        }
        heard.sort();
        heard.into_iter().map(|(_, id)| id).collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_fifty_kills() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path()).await;
    let url: Arc<str> = server.url().into();
    let (mut senders, mut listeners) = (Vec::new(), Vec::new());
    for chat in 0..CHATS {
        let (customer, agent) = chat_with_agent(&http(), &url, "Jane").await;
        for (name, seat) in [("customer", customer), ("agent", agent)] {
            listeners.push(listen(&url, &seat, "the last word").await);
            let name = format!("{name} of chat {chat} says");
            senders.push(Sender { chat, name, seat, next: 0, acknowledged: Vec::new() });
        }
    }

    let mut random = Random(42);
    let mut stored_without_answer = 0;
    for _ in 0..ROUNDS {
        let count = Arc::new(Count::default());
        let mut sending = JoinSet::new();
        for sender in senders.drain(..) {
            sending.spawn(sender.send_until_cut_off(Arc::clone(&url), Arc::clone(&count)));
        }
        tokio::select! {
            () = count.reaches(random.below(MOST_IN_A_ROUND) as usize) => {}
            ended = sending.join_next() => {
                ended.unwrap().unwrap();
                panic!("a sender was cut off before the server was killed");
            }
        }
        server.kill().await;
        // Before it is there again, or one of them would never notice.
        senders = sending.join_all().await;
        server.restart(data.path()).await;
        for sender in &mut senders {
            stored_without_answer += usize::from(sender.repeat(&url).await);
        }
    }

    senders.sort_by_key(|sender| sender.chat);
    let http = http();
    // By chat: what its two listeners heard.
    let mut heard_by = vec![Vec::new(); CHATS];
    for pair in senders.chunks(2) {
        pair[0].seat.send(&http, &url, "the last word", "last").await.unwrap();
    }
    for (at, listener) in listeners.into_iter().enumerate() {
        // A client that was cut off fifty times in a row waits up to half a minute before it tries
        // again.
        let ids = timeout(Duration::from_secs(90), listener).await.expect("it recovers").unwrap();
        heard_by[at / 2].push(ids);
    }
    for (pair, heard_by) in senders.chunks(2).zip(heard_by) {
        let transcript = pair[0].seat.transcript(&http, &url).await;
        assert_eq!(transcript, pair[1].seat.transcript(&http, &url).await, "both read the same");
        check(&transcript, pair);
        let ids: Vec<&str> = transcript.iter().map(|item| item["Id"].as_str().unwrap()).collect();
        for heard in heard_by {
            assert_eq!(heard, ids, "whoever listened heard all of it, once and in that order");
        }
    }
    // Some kills came between the commit and the answer, or nothing was tried here.
    assert!(stored_without_answer > 0);
}

/// Everything acknowledged is in the transcript once, as it was acknowledged, and in the order of its
/// sender.
fn check(transcript: &[Value], senders: &[Sender]) {
    let times: Vec<&str> =
        transcript.iter().map(|item| item["AbsoluteTime"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "times strictly increase");
    for sender in senders {
        let stored: Vec<(String, Sent)> = transcript
            .iter()
            .filter(|item| {
                item["Content"].as_str().is_some_and(|text| text.starts_with(&sender.name))
            })
            .map(|item| {
                let text = |name: &str| item[name].as_str().unwrap().to_owned();
                (text("Content"), Sent { id: text("Id"), time: text("AbsoluteTime") })
            })
            .collect();
        // Each was sent again until it was acknowledged: so there is nothing else either.
        assert_eq!(stored, sender.acknowledged, "{}", sender.name);
        assert!(!stored.is_empty());
    }
}

/// SplitMix64: the same schedule every time.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}
