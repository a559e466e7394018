//! Chatloom beside other chat servers, at the same work: many pairs of people, each message stored
//! with its history before it is acknowledged, and delivered.
//!
//! A pair has two connections: one that sends, and one that receives. With Chatloom, whoever sends makes
//! calls and has no socket, so that a message is delivered once, as it is in XMPP. The others keep it in
//! two archives, the sender's and the receiver's. They run without TLS, as Chatloom does here.

mod ejabberd;
mod prosody;
pub(crate) mod xmpp;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    client::{Starter, subscribe},
    load::{Lane, Measured, Pace, Receiver, Sender, measure},
    process::Server,
    report::Report,
};

/// Rounds of each server, in turn.
const ROUNDS: usize = 3;
/// Pairs of people.
const PAIRS: usize = 64;
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// Another server: what it is called, and how it is started with the packages in a folder.
type Peer = (&'static str, fn(&Packages) -> Result<Server>);

/// Measures all of them. `packages` is a folder that their Debian packages were unpacked into.
pub(crate) async fn run(
    report: &mut Report,
    chatloom: &Path,
    packages: &Path,
    scale: f64,
) -> Result<()> {
    let packages = Packages::new(packages)?;
    let peers: [Peer; 2] = [
        ("peers, baseline ejabberd with Postgres", ejabberd::start),
        ("peers, baseline Prosody with its files, which are not flushed", prosody::start),
    ];
    let time = Duration::from_secs_f64(5.0 * scale);
    for (group, start) in peers {
        let durable = group.contains("Postgres");
        for (pace, at) in [
            (Pace::AsFastAsAcknowledged, "64 pairs as fast as they can"),
            (Pace::PerSecond(200), "200/s by 64 pairs"),
        ] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let ours = ours(chatloom, pace, time).await?;
                let theirs = once(start(&packages)?, pace, time).await;
                rounds.push((ours, theirs.with_context(|| group.to_owned())?));
            }
            let of = |figure: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
                rounds.iter().map(|(ours, theirs)| (figure(ours), figure(theirs))).collect()
            };
            let name = |what: &str| format!("{what}, {at}");
            let cpu = of(|m| m.cpu_us_per_message);
            if matches!(pace, Pace::AsFastAsAcknowledged) {
                let [fast, cheap] =
                    if durable { ["ratio at least 7", "ratio at most 0.15"] } else { ["", ""] };
                let rate = of(|m| m.per_second);
                report.pair(group, name("stored and delivered"), "1/s", &rate, fast);
                report.pair(group, name("server CPU each"), "us", &cpu, cheap);
            } else {
                report.pair(group, name("to the other side p50"), "ms", &of(|m| m.p50_ms), "");
                report.pair(group, name("to the other side p99"), "ms", &of(|m| m.p99_ms), "");
                report.pair(group, name("server CPU each"), "us", &cpu, "");
            }
        }
    }
    Ok(())
}

/// Measures Chatloom.
async fn ours(chatloom: &Path, pace: Pace, time: Duration) -> Result<Measured> {
    let server = Server::chatloom(chatloom, &[])?;
    let mut starter = Starter::new(&server.address).await?;
    let mut lanes = Vec::new();
    for _ in 0..PAIRS {
        let chat = starter.chat_of_calls().await?;
        let socket = subscribe(&chat.agent.socket_url).await?;
        lanes.push(Lane::new(&server, chat.customer.token, vec![socket]).await?);
    }
    measure(&server, lanes, pace, time).await
}

/// Measures another server, and asks it whether it has all that it acknowledged.
async fn once(server: Server, pace: Pace, time: Duration) -> Result<Measured> {
    warm_up(&server.address).await?;
    let mut lanes = Vec::new();
    for pair in 0..PAIRS {
        let (from, to) = (format!("from{pair}"), format!("to{pair}"));
        xmpp::register(&server.address, &from).await?;
        xmpp::register(&server.address, &to).await?;
        let receiver = xmpp::Receiver::log_in(&server.address, &to).await?;
        let sender = xmpp::Sender::log_in(&server.address, &from, &to).await?;
        lanes
            .push(Lane { sender: Sender::Xmpp(sender), receivers: vec![Receiver::Xmpp(receiver)] });
    }
    let measured = measure(&server, lanes, pace, time).await?;
    // What was acknowledged may be on its way to the archive still.
    let mut kept = 0;
    for _ in 0..20 {
        kept = archived(&server).await?;
        if kept == measured.sent {
            return Ok(measured);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    bail!("{} were acknowledged, {kept} are in the archives", measured.sent)
}

/// Waits until the archive works. ejabberd connects to its database at the first question, and fails
/// those who come meanwhile.
async fn warm_up(address: &str) -> Result<()> {
    xmpp::register(address, "first").await?;
    for _ in 0..30 {
        let asked =
            async { xmpp::Sender::log_in(address, "first", "nobody").await?.archived().await };
        let answered = tokio::time::timeout(Duration::from_secs(2), asked).await;
        // The other connections are made right after.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if matches!(answered, Ok(Ok(_))) {
            return Ok(());
        }
    }
    bail!("the archive does not answer")
}

/// How many messages the archives of all senders have.
async fn archived(server: &Server) -> Result<u64> {
    let mut kept = 0;
    for pair in 0..PAIRS {
        let user = format!("from{pair}");
        kept += xmpp::Sender::log_in(&server.address, &user, "nobody").await?.archived().await?;
    }
    Ok(kept)
}

/// A folder that Debian packages were unpacked into. What the system has itself is not in it.
struct Packages {
    root: PathBuf,
    /// Its folder for the libraries of this processor.
    libraries: PathBuf,
}

impl Packages {
    fn new(root: &Path) -> Result<Self> {
        let root = root.canonicalize().with_context(|| {
            format!("{} is not there: `cargo xtask bench --peers` makes it", root.display())
        })?;
        let libraries = first(&root.join("usr/lib"), |name| name.ends_with("-linux-gnu"))?;
        Ok(Self { root, libraries })
    }
}

/// The first in a folder whose name is like that.
fn first(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries
        .flatten()
        .find(|entry| entry.file_name().to_str().is_some_and(&is_wanted))
        .map(|entry| entry.path())
        .with_context(|| format!("{} lacks what a server needs", folder.display()))
}

/// A port of this machine that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens there.
fn wait_for(port: u16, process: &mut Child) -> Result<()> {
    let step = Duration::from_millis(50);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        if let Some(status) = process.try_wait()? {
            bail!("it ended by itself: {status}");
        }
        std::thread::sleep(step);
    }
    let _ = process.kill();
    bail!("nobody listens after {} seconds", PATIENCE.as_secs())
}
