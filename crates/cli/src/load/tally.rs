//! What is counted: messages on their way, where they arrived, how long it took.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chatloom::Error;
use hdrhistogram::Histogram;
use tokio::time::Instant;

/// The least bytes a message needs to say which one it is.
pub(crate) const MIN_SIZE: u32 = 48;
/// Times are kept in microseconds up to this, with three digits.
const LONGEST_US: u64 = 600_000_000;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Customer,
    Agent,
}

/// One message, as its content says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) side: Side,
    /// Which one of its side, from 0.
    pub(crate) number: u64,
    /// When it was handed to the client, in microseconds since the origin.
    pub(crate) at: u64,
}

impl Mark {
    /// The content of a message, of so many bytes.
    pub(crate) fn content(self, size: usize) -> String {
        let writer = match self.side {
            Side::Customer => 'c',
            Side::Agent => 'a',
        };
        let mut text = format!("load {writer} {} {} ", self.number, self.at);
        while text.len() < size {
            text.push(if text.len() % 8 == 7 { ' ' } else { 'x' });
        }
        text.truncate(size);
        text
    }

    /// What a content says; nothing when it is no message of a load.
    pub(crate) fn read(content: &str) -> Option<Self> {
        let mut words = content.strip_prefix("load ")?.split(' ');
        let side = match words.next()? {
            "c" => Side::Customer,
            "a" => Side::Agent,
            _ => return None,
        };
        let mut number = || words.next()?.parse().ok();
        Some(Self { side, number: number()?, at: number()? })
    }
}

/// A set of numbers from 0, a bit each.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number; `false` when it was there.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    fn contains(&self, number: u64) -> bool {
        self.0.get((number / 64) as usize).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

/// What one participant has seen of one side's messages.
#[derive(Default)]
struct Seen {
    numbers: Bits,
    /// The number after the highest.
    next: u64,
    doubled: u64,
    disordered: u64,
}

impl Seen {
    fn add(&mut self, number: u64) -> bool {
        if !self.numbers.insert(number) {
            self.doubled += 1;
            return false;
        }
        if number < self.next {
            self.disordered += 1;
        }
        self.next = self.next.max(number + 1);
        true
    }
}

/// What has become of the messages of one side of one chat.
#[derive(Default)]
pub(crate) struct Ledger {
    handed: u64,
    acknowledged: Bits,
    by_other: Seen,
    by_sender: Seen,
}

/// Sums over ledgers. What was sent arrives twice: with the other side, and back with the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) disordered: u64,
}

impl std::ops::Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            disordered: self.disordered + other.disordered,
        }
    }
}

impl Ledger {
    /// The number of the next message.
    pub(crate) fn hand_over(&mut self) -> u64 {
        self.handed += 1;
        self.handed - 1
    }

    pub(crate) fn acknowledge(&mut self, number: u64) {
        self.acknowledged.insert(number);
    }

    /// A participant has received a message. Whether it is the first time, and the number one that was
    /// handed over.
    pub(crate) fn receive(&mut self, number: u64, by_sender: bool) -> bool {
        if number >= self.handed {
            return false;
        }
        if by_sender { self.by_sender.add(number) } else { self.by_other.add(number) }
    }

    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for seen in [&self.by_other, &self.by_sender] {
            sums.doubled += seen.doubled;
            sums.disordered += seen.disordered;
            let lost = (0..self.handed)
                .filter(|number| self.acknowledged.contains(*number))
                .filter(|number| !seen.numbers.contains(*number));
            sums.lost += lost.count() as u64;
        }
        sums
    }
}

/// The times of one kind of thing.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Self(histogram.expect("the bounds are constants that fit"))
    }

    fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Milliseconds below which this share of the times are.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1_000.0
    }

    /// The longest, in milliseconds.
    pub(crate) fn longest(&self) -> f64 {
        self.0.max() as f64 / 1_000.0
    }
}

/// All times.
pub(crate) struct AllTimes {
    /// From handing a message to the client to its acknowledgement.
    pub(crate) acknowledged: Times,
    /// From handing a message to the client to the other side's event.
    pub(crate) delivered: Times,
    /// The same, since the last line of progress.
    recent: Times,
    /// How much later than it should a message was handed over: the generator's own lag.
    pub(crate) late: Times,
}

/// What all chats count together.
pub(crate) struct Tally {
    origin: Instant,
    pub(crate) sent: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// First arrivals, on either side.
    pub(crate) arrived: AtomicU64,
    /// Times a connection was lost.
    pub(crate) disconnected: AtomicU64,
    /// Holes that a client could not fill at once.
    pub(crate) gaps: AtomicU64,
    /// Events thrown away because their reader was too slow.
    pub(crate) missed: AtomicU64,
    times: Mutex<AllTimes>,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let times = AllTimes {
            acknowledged: Times::new(),
            delivered: Times::new(),
            recent: Times::new(),
            late: Times::new(),
        };
        Self {
            origin: Instant::now(),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            disconnected: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            times: Mutex::new(times),
            errors: Mutex::default(),
        }
    }

    /// What times in messages count from.
    pub(crate) fn origin(&self) -> Instant {
        self.origin
    }

    /// The times. Whoever panics with this lock ends the run.
    pub(crate) fn times(&self) -> MutexGuard<'_, AllTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message was handed over, so much later than it should have been.
    pub(crate) fn sent(&self, late: Duration) {
        self.sent.fetch_add(1, Relaxed);
        self.times().late.add(late);
    }

    pub(crate) fn acknowledged(&self, took: Duration) {
        self.times().acknowledged.add(took);
        self.acknowledged.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, error: &Error) {
        self.failed.fetch_add(1, Relaxed);
        self.error(error_kind(error));
    }

    pub(crate) fn error(&self, kind: String) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        // The names are the service's: a peer could make up many.
        if errors.len() < 100 || errors.contains_key(&kind) {
            *errors.entry(kind).or_default() += 1;
        }
    }

    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A message came for the first time; `took` when it came to the other side.
    pub(crate) fn arrived(&self, took: Option<Duration>) {
        if let Some(took) = took {
            let mut times = self.times();
            times.delivered.add(took);
            times.recent.add(took);
        }
        self.arrived.fetch_add(1, Relaxed);
    }

    /// Whether as much has arrived as was acknowledged. What failed may have arrived too, so this may
    /// be early; the ledgers know exactly.
    pub(crate) fn is_complete(&self) -> bool {
        self.arrived.load(Relaxed) >= 2 * self.acknowledged.load(Relaxed)
    }

    /// How things stand, for people.
    pub(crate) fn progress(&self, elapsed: Duration) -> String {
        let mut times = self.times();
        let recent = std::mem::replace(&mut times.recent, Times::new());
        drop(times);
        format!(
            "{:>5} s  {} sent, {} acknowledged, {} arrived, {} failed; delivery p50 {:.1} ms, \
             p99 {:.1} ms",
            elapsed.as_secs(),
            self.sent.load(Relaxed),
            self.acknowledged.load(Relaxed),
            self.arrived.load(Relaxed),
            self.failed.load(Relaxed),
            recent.quantile(0.5),
            recent.quantile(0.99),
        )
    }
}

/// What an error is counted as.
fn error_kind(error: &Error) -> String {
    match error {
        Error::Service(error) => error.kind.name().to_owned(),
        Error::Unreachable { .. } => "unreachable".to_owned(),
        Error::BadAnswer { .. } => "unusable answer".to_owned(),
        Error::OutboxFull { .. } => "too many waiting".to_owned(),
        Error::NotConnected { .. } | Error::Closed => "chat closed".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_which_one_it_is() {
        for side in [Side::Customer, Side::Agent] {
            let mark = Mark { side, number: u64::from(u32::MAX), at: LONGEST_US * 1_000 };
            for size in [MIN_SIZE as usize, 150, 16_384] {
                let content = mark.content(size);
                assert_eq!(content.len(), size);
                assert_eq!(Mark::read(&content), Some(mark), "{content}");
            }
        }
        for content in ["", "agent", "load", "load x 1 2 ", "load c 1", "load c one 2 "] {
            assert_eq!(Mark::read(content), None, "{content}");
        }
    }

    #[test]
    fn losses_doubles_and_disorder_are_counted_on_both_sides() {
        let mut ledger = Ledger::default();
        for _ in 0..100 {
            ledger.hand_over();
        }
        // 99 fails and arrives nowhere: nobody was promised anything.
        for number in 0..99 {
            ledger.acknowledge(number);
            // The other side misses 7 and has 8 twice; 90 comes back after 91.
            if number != 7 {
                assert!(ledger.receive(number, false));
            }
            if number == 8 {
                assert!(!ledger.receive(number, false));
            }
            if number != 90 {
                assert!(ledger.receive(number, true));
            }
            if number == 91 {
                assert!(ledger.receive(90, true));
            }
        }
        assert!(!ledger.receive(100, false), "nobody sent that one");
        assert_eq!(ledger.sums(), Sums { lost: 1, doubled: 1, disordered: 1 });
    }

    #[test]
    fn quantiles_are_milliseconds() {
        let mut times = Times::new();
        for millis in 1..=100 {
            times.add(Duration::from_millis(millis));
        }
        assert!((49.9..50.2).contains(&times.quantile(0.5)), "{}", times.quantile(0.5));
        assert!((98.9..99.3).contains(&times.quantile(0.99)));
        assert!((99.9..100.2).contains(&times.longest()));
    }
}
