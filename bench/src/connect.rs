//! What it costs to come into a chat: CreateParticipantConnection, the socket, the subscription, and
//! what is stored and told then: that somebody joined, and the greeting.
//!
//! The bare pipeline answers the same request without looking, opens the same socket, and stores and
//! tells the same two items in one commit.

use std::path::Path;

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::{
    client::{Connected, Http, Socket, Starter, connect, enter},
    process::Server,
    report::Report,
};

const ROUNDS: usize = 3;
/// How many come before it is measured: pools and caches grow with the first.
const WARM_UP: usize = 64;

/// CPU of the server in microseconds for each who comes.
struct Cpu {
    create: f64,
    enter: f64,
}

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let count = (1_000.0 * scale) as usize;
    for (at_once, group) in
        [(1, "coming into a chat, one at a time"), (16, "coming into a chat, 16 at once")]
    {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let ours = {
                let server = Server::chatloom(chatloom, &[])?;
                let mut starter = Starter::new(&server.address).await?;
                let mut tokens = Vec::with_capacity(count);
                for _ in 0..WARM_UP + count {
                    tokens.push(starter.started().await?);
                }
                measure(&server, &tokens, at_once).await?
            };
            let bare = {
                let server = Server::pipeline(&[])?;
                let tokens: Vec<_> = (0..WARM_UP + count).map(|chat| chat.to_string()).collect();
                measure(&server, &tokens, at_once).await?
            };
            rounds.push((ours, bare));
        }
        let of = |figure: fn(&Cpu) -> f64| -> Vec<(f64, f64)> {
            rounds.iter().map(|(ours, bare)| (figure(ours), figure(bare))).collect()
        };
        let target = "at most 300 us";
        report.pair(group, "CPU of CreateParticipantConnection", "us", &of(|cpu| cpu.create), "");
        report.pair(group, "CPU of socket, joining, greeting", "us", &of(|cpu| cpu.enter), "");
        report.pair(group, "CPU in all", "us", &of(|cpu| cpu.create + cpu.enter), target);
    }
    Ok(())
}

async fn measure(server: &Server, tokens: &[String], at_once: usize) -> Result<Cpu> {
    let mut clients = Vec::new();
    for _ in 0..at_once {
        clients.push(Http::connect(&server.address).await?);
    }
    let (first, rest) = tokens.split_at(WARM_UP.min(tokens.len()));
    // All sockets stay open.
    let mut open = sockets(&connections(&mut clients, first).await?, at_once).await?;
    let before = server.cpu()?;
    let connected = connections(&mut clients, rest).await?;
    let between = server.cpu()?;
    open.extend(sockets(&connected, at_once).await?);
    let after = server.cpu()?;
    let each = |from, to: std::time::Duration| {
        to.saturating_sub(from).as_secs_f64() * 1e6 / rest.len() as f64
    };
    Ok(Cpu { create: each(before, between), enter: each(between, after) })
}

/// Makes a connection with each token, so many at once as there are clients.
async fn connections(clients: &mut [Http], tokens: &[String]) -> Result<Vec<Connected>> {
    let share = tokens.len().div_ceil(clients.len());
    let workers = clients.iter_mut().zip(tokens.chunks(share)).map(async |(http, tokens)| {
        let mut made = Vec::with_capacity(tokens.len());
        for token in tokens {
            made.push(connect(http, token).await?);
        }
        anyhow::Ok(made)
    });
    Ok(try_join_all(workers).await?.into_iter().flatten().collect())
}

/// Comes in by each connection, so many at once.
async fn sockets(connections: &[Connected], at_once: usize) -> Result<Vec<Socket>> {
    let share = connections.len().div_ceil(at_once);
    let workers = connections.chunks(share).map(async |connections| {
        let mut opened = Vec::with_capacity(connections.len());
        for connection in connections {
            opened.push(enter(&connection.socket_url).await?);
        }
        anyhow::Ok(opened)
    });
    Ok(try_join_all(workers).await?.into_iter().flatten().collect())
}
