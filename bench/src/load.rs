//! Durable messages from end to end: HTTP in, stored, out on two sockets.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::StreamExt;
use hdrhistogram::Histogram;

use crate::{
    client::{Http, Socket, Starter, subscribe},
    peers::xmpp,
    process::Server,
    report::{Report, median},
};

/// Rounds of each server, in turn.
const ROUNDS: usize = 5;
/// An item of about 500 bytes, as chats have.
const CONTENT_BYTES: usize = 150;

/// A chat ready for load: who sends, and who must receive, the other side first.
pub(crate) struct Lane {
    pub(crate) sender: Sender,
    pub(crate) receivers: Vec<Receiver>,
}

/// Sends a message, and knows when it was stored.
pub(crate) enum Sender {
    /// By the Participant Service, with this token.
    Http(Http, String),
    /// By another protocol.
    Xmpp(xmpp::Sender),
}

/// Receives messages.
pub(crate) enum Receiver {
    Socket(Box<Socket>),
    Xmpp(xmpp::Receiver),
}

impl Lane {
    /// A participant with this token and sockets.
    pub(crate) async fn new(server: &Server, token: String, sockets: Vec<Socket>) -> Result<Self> {
        let http = Http::connect(&server.address).await?;
        let receivers =
            sockets.into_iter().map(|socket| Receiver::Socket(Box::new(socket))).collect();
        Ok(Self { sender: Sender::Http(http, token), receivers })
    }
}

impl Sender {
    /// Sends a message of this text, and waits until the server has stored it.
    async fn send(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Http(http, token) => {
                let body = format!(
                    r#"{{"ClientToken":"{}","Content":"{text}","ContentType":"text/plain"}}"#,
                    uuid::Uuid::new_v4()
                );
                http.post("/participant/message", ("X-Amz-Bearer", token), &body).await.map(drop)
            }
            Self::Xmpp(sender) => sender.send(text).await,
        }
    }
}

impl Receiver {
    /// The time that the next message carries, in microseconds; nothing after the last one.
    async fn next(&mut self) -> Option<u64> {
        match self {
            Self::Socket(socket) => {
                while let Some(Ok(message)) = socket.next().await {
                    if let Some(sent) = message.to_text().ok().and_then(sent_at) {
                        return Some(sent);
                    }
                }
                None
            }
            Self::Xmpp(receiver) => receiver.next(sent_at).await,
        }
    }
}

/// The time of sending, which travels in the message.
fn sent_at(text: &str) -> Option<u64> {
    let at = text.find('@')?;
    text.get(at + 1..at + 19)?.parse().ok()
}

#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each chat sends its next message when the last one was acknowledged.
    AsFastAsAcknowledged,
    /// So many messages a second in all, however long an answer takes.
    PerSecond(u32),
}

pub(crate) struct Measured {
    /// How many messages were acknowledged.
    pub(crate) sent: u64,
    pub(crate) per_second: f64,
    pub(crate) cpu_us_per_message: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) wal_mb: f64,
}

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let time = Duration::from_secs_f64(5.0 * scale);
    for chats in [1, 64, 512] {
        let rounds = rounds(chatloom, &[], chats, Pace::AsFastAsAcknowledged, time).await?;
        let of = |figure: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
            rounds.iter().map(|(ours, base)| (figure(ours), figure(base))).collect()
        };
        let name = |what: &str| match chats {
            1 => format!("{what}, 1 chat"),
            chats => format!("{what}, {chats} chats"),
        };
        let target = if chats == 1 { "" } else { "ratio at least 0.7" };
        report.pair("messages", name("stored and delivered"), "1/s", &of(|m| m.per_second), target);
        let target = if chats == 1 { "" } else { "ratio at most 1.5" };
        report.pair(
            "messages",
            name("server CPU each"),
            "us",
            &of(|m| m.cpu_us_per_message),
            target,
        );
        report.pair("messages", name("to the other side p50"), "ms", &of(|m| m.p50_ms), "");
        report.pair("messages", name("to the other side p99"), "ms", &of(|m| m.p99_ms), "");
    }
    let rounds = rounds(chatloom, &[], 64, Pace::PerSecond(1000), time * 2).await?;
    let of = |figure: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
        rounds.iter().map(|(ours, base)| (figure(ours), figure(base))).collect()
    };
    report.pair(
        "1,000/s, 64 chats",
        "server CPU each",
        "us",
        &of(|m| m.cpu_us_per_message),
        "ratio at most 1.5",
    );
    report.pair("1,000/s, 64 chats", "to the other side p50", "ms", &of(|m| m.p50_ms), "");
    report.pair(
        "1,000/s, 64 chats",
        "to the other side p99",
        "ms",
        &of(|m| m.p99_ms),
        "at most 5 ms, or ratio 2.5",
    );
    let wal = median(rounds.iter().map(|round| round.0.wal_mb));
    report.single("1,000/s, 64 chats", "largest write-ahead log", "MB", wal, "");
    Ok(())
}

/// Chatloom and the pipeline in turn, both with these settings.
pub(crate) async fn rounds(
    chatloom: &Path,
    settings: &[(&str, &str)],
    chats: usize,
    pace: Pace,
    time: Duration,
) -> Result<Vec<(Measured, Measured)>> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let ours = chatloom_once(chatloom, settings, chats, pace, time).await?;
        let baseline = {
            let server = Server::pipeline(settings)?;
            let lanes = pipeline_lanes(&server, chats).await?;
            measure(&server, lanes, pace, time).await?
        };
        rounds.push((ours, baseline));
    }
    Ok(rounds)
}

/// A fresh Chatloom.
async fn chatloom_once(
    chatloom: &Path,
    settings: &[(&str, &str)],
    chats: usize,
    pace: Pace,
    time: Duration,
) -> Result<Measured> {
    let server = Server::chatloom(chatloom, settings)?;
    let lanes = chatloom_lanes(&server, chats).await?;
    measure(&server, lanes, pace, time).await
}

async fn chatloom_lanes(server: &Server, chats: usize) -> Result<Vec<Lane>> {
    let mut starter = Starter::new(&server.address).await?;
    let mut lanes = Vec::new();
    for _ in 0..chats {
        let (chat, customer_socket) = starter.chat().await?;
        let agent_socket = subscribe(&chat.agent.socket_url).await?;
        let sockets = vec![agent_socket, customer_socket];
        lanes.push(Lane::new(server, chat.customer.token, sockets).await?);
    }
    Ok(lanes)
}

async fn pipeline_lanes(server: &Server, chats: usize) -> Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for chat in 0..chats {
        let url = format!("ws://{}/socket?chat={chat}", server.address);
        let sockets = vec![subscribe(&url).await?, subscribe(&url).await?];
        lanes.push(Lane::new(server, chat.to_string(), sockets).await?);
    }
    Ok(lanes)
}

/// Sends on every lane for a time, and waits until every socket has everything.
pub(crate) async fn measure(
    server: &Server,
    lanes: Vec<Lane>,
    pace: Pace,
    time: Duration,
) -> Result<Measured> {
    let origin = Instant::now();
    let histogram = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?));
    let delivered = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let lanes_count = lanes.len();
    let receivers = lanes.first().map_or(0, |lane| lane.receivers.len()) as u64;
    let mut senders = Vec::new();
    for (index, lane) in lanes.into_iter().enumerate() {
        for (side, receiver) in lane.receivers.into_iter().enumerate() {
            // The first one is the other side: its time is what people feel.
            let histogram = (side == 0).then(|| Arc::clone(&histogram));
            tokio::spawn(receive(receiver, origin, histogram, Arc::clone(&delivered)));
        }
        let gap = match pace {
            Pace::AsFastAsAcknowledged => None,
            Pace::PerSecond(rate) => {
                Some(Duration::from_secs_f64(lanes_count as f64 / f64::from(rate)))
            }
        };
        // Lanes start spread over the gap, so that the load is even.
        let first =
            gap.map_or(Duration::ZERO, |gap| gap.mul_f64(index as f64 / lanes_count as f64));
        senders.push(tokio::spawn(send(lane.sender, origin, first, gap, Arc::clone(&stop))));
    }
    let cpu = server.cpu()?;
    let started = Instant::now();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await??;
    }
    let elapsed = started.elapsed();
    let cpu = server.cpu()?.saturating_sub(cpu);
    // What was acknowledged must arrive everywhere: a benchmark of losses would be no benchmark.
    let expected = receivers * sent;
    let complete = async {
        while delivered.load(Ordering::Relaxed) < expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), complete).await.with_context(|| {
        format!("{expected} deliveries expected, {} seen", delivered.load(Ordering::Relaxed))
    })?;
    let histogram = histogram.lock().expect("receivers do not panic with the lock");
    Ok(Measured {
        sent,
        per_second: sent as f64 / elapsed.as_secs_f64(),
        cpu_us_per_message: cpu.as_secs_f64() * 1e6 / sent as f64,
        p50_ms: histogram.value_at_quantile(0.50) as f64 / 1000.0,
        p99_ms: histogram.value_at_quantile(0.99) as f64 / 1000.0,
        wal_mb: server.wal_bytes() as f64 / 1e6,
    })
}

/// Sends until told to stop; answers how many were acknowledged.
async fn send(
    mut sender: Sender,
    origin: Instant,
    first: Duration,
    gap: Option<Duration>,
    stop: Arc<AtomicBool>,
) -> Result<u64> {
    let filler = "x".repeat(CONTENT_BYTES - 20);
    let mut due = tokio::time::Instant::now() + first;
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        if let Some(gap) = gap {
            tokio::time::sleep_until(due).await;
            due += gap;
        }
        let at = origin.elapsed().as_micros();
        sender.send(&format!("@{at:018}@{filler}")).await?;
        sent += 1;
    }
    Ok(sent)
}

async fn receive(
    mut receiver: Receiver,
    origin: Instant,
    histogram: Option<Arc<Mutex<Histogram<u64>>>>,
    delivered: Arc<AtomicU64>,
) {
    while let Some(sent) = receiver.next().await {
        if let Some(histogram) = &histogram {
            let micros = (origin.elapsed().as_micros() as u64).saturating_sub(sent);
            histogram
                .lock()
                .expect("receivers do not panic with the lock")
                .saturating_record(micros);
        }
        delivered.fetch_add(1, Ordering::Relaxed);
    }
}
