//! What it costs to come into a chat: CreateParticipantConnection, the socket, the subscription.

use std::path::Path;

use anyhow::Result;

use crate::{
    client::{Starter, subscribe},
    process::Server,
    report::Report,
};

const ROUNDS: usize = 5;

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let count = (2_000.0 * scale) as usize;
    let mut cpu = Vec::new();
    for _ in 0..ROUNDS {
        let ours = {
            let server = Server::chatloom(chatloom, &[])?;
            let mut starter = Starter::new(&server.address).await?;
            let mut tokens = Vec::with_capacity(count);
            for _ in 0..count {
                tokens.push(starter.started().await?);
            }
            let before = server.cpu()?;
            let mut sockets = Vec::with_capacity(count);
            for token in &tokens {
                sockets.push(subscribe(&starter.connect(token).await?.socket_url).await?);
            }
            server.cpu()?.saturating_sub(before)
        };
        let bare = {
            let server = Server::pipeline(&[])?;
            let before = server.cpu()?;
            let mut sockets = Vec::with_capacity(count);
            for chat in 0..count {
                let url = format!("ws://{}/socket?chat={chat}", server.address);
                sockets.push(subscribe(&url).await?);
            }
            server.cpu()?.saturating_sub(before)
        };
        let each = |all: std::time::Duration| all.as_secs_f64() * 1e6 / count as f64;
        cpu.push((each(ours), each(bare)));
    }
    report.pair(
        "coming into a chat, baseline a socket alone",
        "CPU of connection, socket and the event that somebody joined",
        "us",
        &cpu,
        "at most 300 us",
    );
    Ok(())
}
