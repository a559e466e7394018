//! Memory of idle sockets, each with a chat of its own, and what it is for.

use std::path::Path;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    client::{Socket, Starter, enter, open, subscribe, subscribe_on},
    process::Server,
    report::Report,
};

/// A socket's URL is good for 100 seconds: so many are opened before the next are asked for.
const SLICE: usize = 500;

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let count = (10_000.0 * scale) as usize;
    // Sockets stay without a subscription until all are open.
    let settings = [("CHATLOOM_SOCKET_SUBSCRIBE_TIMEOUT", "600s")];
    let server = Server::chatloom(chatloom, &settings)?;
    let mut starter = Starter::new(&server.address).await?;
    // Pools, caches and arenas grow with the first clients whoever they are.
    let mut warm = Vec::new();
    for _ in 0..100 {
        warm.push(subscribe(&starter.customer().await?.socket_url).await?);
    }
    let before = server.resident()?;
    let mut chats = Vec::with_capacity(count);
    for _ in 0..count {
        let token = starter.started().await?;
        starter.join(&token).await?;
        chats.push(token);
    }
    let with_chats = server.resident()?;
    let mut sockets = Vec::with_capacity(count);
    for slice in chats.chunks(SLICE) {
        let mut urls = Vec::with_capacity(SLICE);
        for token in slice {
            urls.push(starter.connect(token).await?.socket_url);
        }
        let opened = stream::iter(urls).map(async |url| open(&url).await).buffer_unordered(16);
        sockets.extend(opened.try_collect::<Vec<Socket>>().await?);
    }
    let with_sockets = server.resident()?;
    for socket in &mut sockets {
        subscribe_on(socket).await?;
    }
    let subscribed = server.resident()?;
    let group = "idle sockets";
    let each = |from: u64, to: u64| to.saturating_sub(from) as f64 / count as f64 / 1024.0;
    let all = format!("resident memory each, {count} sockets with a chat each");
    report.single(group, all, "KB", each(before, subscribed), "at most 8, goal 4");
    report.single(
        group,
        "of that the chat and the database's cache",
        "KB",
        each(before, with_chats),
        "",
    );
    report.single(group, "of that the connection", "KB", each(with_chats, with_sockets), "");
    report.single(group, "of that the subscription", "KB", each(with_sockets, subscribed), "");
    drop((warm, sockets, server));
    let greeted = each(0, greeted(chatloom, count).await?);
    let all = format!("resident memory each, {count} sockets that were greeted");
    report.single(group, all, "KB", greeted, "");
    Ok(())
}

/// Memory of sockets whose participants came in there, one after the other: the events and the greeting
/// have passed through their buffers, and what all needed for a moment lies between what stays.
async fn greeted(chatloom: &Path, count: usize) -> Result<u64> {
    let server = Server::chatloom(chatloom, &[])?;
    let mut starter = Starter::new(&server.address).await?;
    let mut sockets = Vec::with_capacity(100 + count);
    for _ in 0..100 {
        sockets.push(enter(&starter.customer().await?.socket_url).await?);
    }
    let before = server.resident()?;
    for _ in 0..count {
        sockets.push(enter(&starter.customer().await?.socket_url).await?);
    }
    Ok(server.resident()?.saturating_sub(before))
}
