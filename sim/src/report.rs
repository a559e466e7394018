//! What a run did, counted.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// How often something was counted.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.add(what, *count);
        }
    }
}

/// What one seed or many came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Seeds that ran.
    pub seeds: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Troubles that were made, by kind.
    pub injected: Tally,
    /// Things that were looked at, by rule.
    pub checked: Tally,
    /// The most that a core put out in one virtual minute for each of its sessions, items and what
    /// the application asked for aside.
    pub busiest_minute: u64,
}

impl Counts {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.virtual_ms += other.virtual_ms;
        self.injected.merge(&other.injected);
        self.checked.merge(&other.checked);
        self.busiest_minute = self.busiest_minute.max(other.busiest_minute);
    }

    /// The table of a run that took so long.
    pub fn table(&self, took: Duration) -> String {
        Table { counts: self, took }.to_string()
    }
}

struct Table<'a> {
    counts: &'a Counts,
    took: Duration,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, tally) in
            [("injected", &self.counts.injected), ("checked", &self.counts.checked)]
        {
            let rule = "-".repeat(52);
            writeln!(f, "{title:<40}{:>12}\n{rule}", "times")?;
            for (what, count) in &tally.0 {
                writeln!(f, "{what:<40}{count:>12}")?;
            }
            writeln!(f)?;
        }
        let hours = self.counts.virtual_ms / 3_600_000;
        let seconds = self.took.as_secs_f64().max(0.001);
        writeln!(
            f,
            "{} seeds, {hours} virtual hours, {:.1} seeds a second; busiest minute of a session: {} outputs",
            self.counts.seeds,
            self.counts.seeds as f64 / seconds,
            self.counts.busiest_minute,
        )
    }
}
