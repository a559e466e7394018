//! What a run came to.

use std::{fmt::Write as _, time::Duration};

use crate::life::World;

/// What was done and looked at.
pub(crate) fn table(world: &World, rounds: u64, time: Duration) -> String {
    let (tally, counts) = (&world.tally, &world.counts);
    let (deliveries, first) = counts.deliveries;
    let (turns, asked) = counts.turns;
    let lines = [
        ("rounds", rounds, format!("{:.0} s in all", time.as_secs_f64())),
        ("chats", counts.contacts, String::new()),
        ("acknowledgements", counts.acknowledged, String::new()),
        (
            "transfers between agents",
            counts.transfers,
            format!("{} under way at a kill", tally.transfers_in_flight),
        ),
        ("messages looked at", tally.messages, String::new()),
        (
            "messages under way at a kill",
            tally.in_flight_kept + tally.in_flight_lost,
            format!("{} of them kept", tally.in_flight_kept),
        ),
        ("files fetched", tally.files, format!("{} uploads were cut", tally.uploads_cut)),
        ("receipts", tally.receipts, String::new()),
        ("items shown by sockets before a kill", tally.shown, String::new()),
        ("posted to the webhook", deliveries, format!("{} of them again", deliveries - first)),
        ("turns of the bot", turns, format!("{} of them again", turns - asked)),
        ("times that had come", tally.timers, format!("after {} moves of the clock", counts.jumps)),
        ("copies restored", counts.backups, String::new()),
        ("starts killed", counts.starts_killed, String::new()),
    ];
    lines.into_iter().fold(String::new(), |mut table, (name, count, more)| {
        let more = if more.is_empty() { more } else { format!("   {more}") };
        writeln!(table, "{name:<38}{count:>9}{more}").expect("a String takes everything");
        table
    })
}
