//! Memory of idle sockets, each with a chat of its own.

use std::path::Path;

use anyhow::Result;
use futures_util::{StreamExt, stream};

use crate::{
    client::{Starter, subscribe},
    process::Server,
    report::Report,
};

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let count = (10_000.0 * scale) as usize;
    let server = Server::chatloom(chatloom, &[])?;
    let mut starter = Starter::new(&server.address).await?;
    // Pools, caches and arenas grow with the first clients whoever they are.
    let mut warm = Vec::new();
    for _ in 0..100 {
        warm.push(subscribe(&starter.customer().await?.socket_url).await?);
    }
    let before = server.resident()?;
    let mut urls = Vec::with_capacity(count);
    let mut sockets = Vec::with_capacity(count);
    // A URL is good for 100 seconds: open in slices.
    for _ in 0..count.div_ceil(500) {
        for _ in 0..500.min(count - sockets.len()) {
            urls.push(starter.customer().await?.socket_url);
        }
        let opened: Vec<_> = stream::iter(urls.drain(..))
            .map(|url| async move { subscribe(&url).await })
            .buffer_unordered(16)
            .collect()
            .await;
        for socket in opened {
            sockets.push(socket?);
        }
    }
    let grown = server.resident()?.saturating_sub(before);
    report.single(
        "idle sockets",
        format!("resident memory each, {count} sockets with a chat each"),
        "KB",
        grown as f64 / count as f64 / 1024.0,
        "at most 8, goal 4",
    );
    drop((warm, sockets));
    Ok(())
}
