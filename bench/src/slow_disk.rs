//! Durable messages on a disk that takes 4 ms for a flush, as a busy or a networked one does: latency
//! grows, and what is committed together has to make up for it.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    load::{Measured, Pace, rounds},
    report::Report,
};

pub(crate) async fn run(report: &mut Report, chatloom: &Path, scale: f64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("slow_disk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/slow_disk.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .context("a C compiler is needed")?;
    ensure!(compiled.success(), "{source} does not compile");
    let library = library.to_str().context("the temporary folder has a name that is no text")?;
    let slow = [("LD_PRELOAD", library)];

    let time = Duration::from_secs_f64(5.0 * scale);
    for chats in [1, 64, 512] {
        let rounds = rounds(chatloom, &slow, chats, Pace::AsFastAsAcknowledged, time).await?;
        let of = |figure: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
            rounds.iter().map(|(ours, base)| (figure(ours), figure(base))).collect()
        };
        let group = "messages, 4 ms for a flush";
        let name = |what: &str| match chats {
            1 => format!("{what}, 1 chat"),
            chats => format!("{what}, {chats} chats"),
        };
        let target = if chats == 1 { "" } else { "ratio at least 0.7" };
        report.pair(group, name("stored and delivered"), "1/s", &of(|m| m.per_second), target);
        report.pair(group, name("to the other side p50"), "ms", &of(|m| m.p50_ms), "");
        report.pair(group, name("to the other side p99"), "ms", &of(|m| m.p99_ms), "");
    }
    Ok(())
}
