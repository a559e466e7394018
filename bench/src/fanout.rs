//! One message to many sockets.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{
    client::{Starter, subscribe},
    load::{Lane, Pace, measure},
    process::Server,
    report::Report,
};

const ROUNDS: usize = 3;

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let time = Duration::from_secs_f64(3.0 * scale);
    for sockets in [2, 10, 100] {
        let mut cpu = Vec::new();
        let mut p99 = Vec::new();
        for _ in 0..ROUNDS {
            let ours = {
                // All sockets are one participant's: more than it may have unless told otherwise.
                let settings = [("CHATLOOM_SOCKET_PER_PARTICIPANT", "100")];
                let server = Server::chatloom(chatloom, &settings)?;
                let mut starter = Starter::new(&server.address).await?;
                let (chat, first) = starter.chat().await?;
                drop(first);
                let lane =
                    lane(&server, chat.customer.token, &chat.customer.socket_url, sockets).await?;
                measure(&server, vec![lane], Pace::AsFastAsAcknowledged, time).await?
            };
            let bare = {
                let server = Server::pipeline(&[])?;
                let url = format!("ws://{}/socket?chat=0", server.address);
                let lane = lane(&server, "0".to_owned(), &url, sockets).await?;
                measure(&server, vec![lane], Pace::AsFastAsAcknowledged, time).await?
            };
            cpu.push((ours.cpu_us_per_message, bare.cpu_us_per_message));
            p99.push((ours.p99_ms, bare.p99_ms));
        }
        let name = |what: &str| format!("{what}, {sockets} sockets");
        report.pair("fan-out of one message", name("server CPU each"), "us", &cpu, "");
        report.pair("fan-out of one message", name("to the first socket p99"), "ms", &p99, "");
    }
    Ok(())
}

async fn lane(server: &Server, token: String, url: &str, sockets: usize) -> Result<Lane> {
    let mut opened = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        opened.push(subscribe(url).await?);
    }
    Lane::new(server, token, opened).await
}
