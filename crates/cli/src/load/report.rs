//! What a load has shown, for people and for programs, and whether it was good.

use std::{collections::BTreeMap, fmt, sync::atomic::Ordering::Relaxed, time::Duration};

use serde::Serialize;

use super::{
    Args,
    lane::Lane,
    tally::{Sums, Tally, Times},
    time,
};

/// What must hold, beyond that nothing is lost, doubled or refused.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Thresholds {
    /// Of a hundred messages, 99 reach the other side within this; else the program fails.
    #[arg(long, value_name = "TIME", value_parser = time)]
    max_p99: Option<Duration>,
    /// So many messages a second are acknowledged; else the program fails.
    #[arg(long, value_name = "PER_SECOND")]
    min_rate: Option<f64>,
    /// So many messages may fail, for instance when a server under test refuses some.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    max_failed: u64,
    /// So many deliveries may be missing.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    max_lost: u64,
    /// So many deliveries may be out of order, for instance when a server under test mixes up frames.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    max_out_of_order: u64,
    /// So many deliveries may be double.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    max_doubled: u64,
}

/// Milliseconds below which so many of a hundred were.
#[derive(Clone, Copy, Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    longest: f64,
}

impl Quantiles {
    fn of(times: &Times) -> Self {
        Self {
            p50: times.quantile(0.5),
            p90: times.quantile(0.9),
            p99: times.quantile(0.99),
            p999: times.quantile(0.999),
            longest: times.longest(),
        }
    }
}

/// What a load has shown.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    contacts: u32,
    /// Messages a second that were asked for.
    rate: f64,
    seconds: f64,
    size: u32,
    sent: u64,
    acknowledged: u64,
    acknowledged_per_second: f64,
    failed: u64,
    /// Each acknowledged message arrives twice: with the other side, and back with its sender.
    arrived: u64,
    lost: u64,
    doubled: u64,
    out_of_order: u64,
    acknowledgement_ms: Quantiles,
    delivery_ms: Quantiles,
    /// How much later than they should messages were handed to the client: the generator's own lag.
    late_ms: Quantiles,
    connections_lost: u64,
    gaps: u64,
    events_missed: u64,
    errors: BTreeMap<String, u64>,
    /// Which thresholds were missed, for people.
    missed: Vec<String>,
}

impl Report {
    pub(crate) fn new(args: &Args, tally: &Tally, lanes: &[Lane], took: Duration) -> Self {
        let sums = lanes.iter().map(Lane::sums).fold(Sums::default(), |all, one| all + one);
        let times = tally.times();
        let acknowledged = tally.acknowledged.load(Relaxed);
        let mut report = Self {
            contacts: args.contacts,
            rate: args.rate,
            seconds: took.as_secs_f64(),
            size: args.size,
            sent: tally.sent.load(Relaxed),
            acknowledged,
            acknowledged_per_second: acknowledged as f64 / took.as_secs_f64(),
            failed: tally.failed.load(Relaxed),
            arrived: tally.arrived.load(Relaxed),
            lost: sums.lost,
            doubled: sums.doubled,
            out_of_order: sums.disordered,
            acknowledgement_ms: Quantiles::of(&times.acknowledged),
            delivery_ms: Quantiles::of(&times.delivered),
            late_ms: Quantiles::of(&times.late),
            connections_lost: tally.disconnected.load(Relaxed),
            gaps: tally.gaps.load(Relaxed),
            events_missed: tally.missed.load(Relaxed),
            errors: tally.errors(),
            missed: Vec::new(),
        };
        drop(times);
        report.missed = report.judge(args.thresholds);
        report
    }

    fn judge(&self, thresholds: Thresholds) -> Vec<String> {
        let mut missed = Vec::new();
        let mut at_most = |what: &str, count: u64, most: u64| {
            if count > most {
                missed.push(format!("{count} {what}, {most} allowed"));
            }
        };
        at_most("deliveries lost", self.lost, thresholds.max_lost);
        at_most("deliveries doubled", self.doubled, thresholds.max_doubled);
        at_most("deliveries out of order", self.out_of_order, thresholds.max_out_of_order);
        at_most("messages failed", self.failed, thresholds.max_failed);
        if self.acknowledged == 0 {
            missed.push("no message was acknowledged".to_owned());
        }
        if let Some(most) = thresholds.max_p99.map(|most| most.as_secs_f64() * 1_000.0)
            && self.delivery_ms.p99 > most
        {
            missed.push(format!("delivery p99 {:.1} ms, {most} ms allowed", self.delivery_ms.p99));
        }
        if let Some(least) = thresholds.min_rate
            && self.acknowledged_per_second < least
        {
            missed.push(format!(
                "{:.1} messages a second acknowledged, {least} wanted",
                self.acknowledged_per_second
            ));
        }
        missed
    }

    pub(crate) fn is_good(&self) -> bool {
        self.missed.is_empty()
    }

    pub(crate) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("numbers and strings always serialise") + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} chats, {} messages a second for {:.0} s, {} bytes each\n",
            self.contacts, self.rate, self.seconds, self.size
        )?;
        for (what, count) in [
            ("messages sent", self.sent),
            ("acknowledged", self.acknowledged),
            ("failed", self.failed),
            ("arrived, on both sides", self.arrived),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("out of order", self.out_of_order),
        ] {
            writeln!(f, "{what:<26}{count:>12}")?;
        }
        writeln!(f, "{:<26}{:>12.1}\n", "acknowledged a second", self.acknowledged_per_second)?;
        writeln!(
            f,
            "{:<26}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "milliseconds", "p50", "p90", "p99", "p99.9", "longest"
        )?;
        for (what, times) in [
            ("to be acknowledged", self.acknowledgement_ms),
            ("to the other side", self.delivery_ms),
            ("sent later than due", self.late_ms),
        ] {
            let Quantiles { p50, p90, p99, p999, longest } = times;
            writeln!(f, "{what:<26}{p50:>10.2}{p90:>10.2}{p99:>10.2}{p999:>10.2}{longest:>10.2}")?;
        }
        for (what, count) in [
            ("connections lost", self.connections_lost),
            ("gaps in transcripts", self.gaps),
            ("events not read in time", self.events_missed),
        ] {
            if count > 0 {
                writeln!(f, "{what:<26}{count:>12}")?;
            }
        }
        if !self.errors.is_empty() {
            writeln!(f, "\nerrors")?;
            for (kind, count) in &self.errors {
                writeln!(f, "{kind:<40}{count:>12}")?;
            }
        }
        writeln!(f)?;
        if self.is_good() {
            return writeln!(f, "good");
        }
        self.missed.iter().try_for_each(|missed| writeln!(f, "FAILED: {missed}"))
    }
}
