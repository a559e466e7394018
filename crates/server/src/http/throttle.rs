//! Rates: who may do something how often.
//!
//! A [`Pace`] is a token bucket kept as one number: the time at which it would be full again.

use std::{hash::Hash, num::NonZeroUsize, time::Duration};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::time::Instant;

/// The longest that a refused caller is told to stay away.
const LONGEST_AFTER: Duration = Duration::from_hours(1);

/// A rate with a burst, and how long a call may be held back to keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    interval: Duration,
    burst: u32,
    max_wait: Duration,
}

impl Rate {
    /// `per_second` calls each second, `burst` at once after a pause. A call waits for its turn up to
    /// `max_wait`.
    pub(crate) fn new(per_second: f64, burst: u32, max_wait: Duration) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(Duration::MAX);
        Self { interval, burst: burst.max(1), max_wait }
    }
}

/// A call comes too early: the rate has room for it after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooEarly(pub(crate) Duration);

/// How far one caller is ahead of its rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    full_at: Instant,
}

impl Pace {
    /// A caller that has done nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a turn: how long the caller must wait for it. When that is too long, no turn is taken.
    pub(crate) fn take(&mut self, now: Instant, rate: &Rate) -> Result<Duration, TooEarly> {
        let full_at = self.full_at.max(now).checked_add(rate.interval);
        let full_at = full_at.ok_or(TooEarly(LONGEST_AFTER))?;
        let ahead = full_at.duration_since(now);
        let wait = ahead.saturating_sub(rate.interval.saturating_mul(rate.burst));
        if wait > rate.max_wait {
            return Err(TooEarly(wait.saturating_sub(rate.max_wait).min(LONGEST_AFTER)));
        }
        self.full_at = full_at;
        Ok(wait)
    }
}

/// A rate for each of many callers. The ones seen longest ago are forgotten, and begin afresh.
pub(crate) struct Throttle<K: Hash + Eq> {
    rate: Rate,
    callers: Mutex<LruCache<K, Pace>>,
}

impl<K: Hash + Eq> Throttle<K> {
    /// Remembers at most `callers` callers.
    pub(crate) fn new(rate: Rate, callers: NonZeroUsize) -> Self {
        Self { rate, callers: Mutex::new(LruCache::new(callers)) }
    }

    /// Takes a turn for a caller: how long to wait for it.
    pub(crate) fn take(&self, caller: K, now: Instant) -> Result<Duration, TooEarly> {
        let mut callers = self.callers.lock();
        // Who has a full bucket again is as good as new: two go for each that comes.
        for _ in 0..2 {
            if callers.peek_lru().is_none_or(|(_, pace)| pace.full_at > now) {
                break;
            }
            callers.pop_lru();
        }
        callers.get_or_insert_mut(caller, || Pace::new(now)).take(now, &self.rate)
    }

    /// How many callers are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.callers.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const AT_ONCE: Result<Duration, TooEarly> = Ok(Duration::ZERO);

    fn throttle(per_second: f64, burst: u32, max_wait: Duration) -> Throttle<&'static str> {
        let callers = NonZeroUsize::new(2).unwrap();
        Throttle::new(Rate::new(per_second, burst, max_wait), callers)
    }

    #[test]
    fn a_burst_passes_then_callers_wait_then_are_refused() {
        let throttle = throttle(2.0, 3, SECOND);
        let now = Instant::now();
        let waits: Vec<_> = (0..6).map(|_| throttle.take("a", now)).collect();
        let half = SECOND / 2;
        let refused = Err(TooEarly(half));
        assert_eq!(waits, [AT_ONCE, AT_ONCE, AT_ONCE, Ok(half), Ok(SECOND), refused]);
        // A refused call costs nothing; after a second two turns are back.
        assert_eq!(throttle.take("a", now + SECOND), Ok(half));
        assert_eq!(throttle.take("b", now), AT_ONCE);
        // After a long pause a whole burst is there again, and not more.
        let later = now + 100 * SECOND;
        let waits: Vec<_> = (0..4).map(|_| throttle.take("a", later)).collect();
        assert_eq!(waits, [AT_ONCE, AT_ONCE, AT_ONCE, Ok(half)]);
    }

    #[test]
    fn a_refused_caller_that_stays_away_as_told_is_let_in() {
        let throttle = throttle(2.0, 3, Duration::ZERO);
        let now = Instant::now();
        let Err(TooEarly(after)) =
            (0..9).map(|_| throttle.take("a", now)).find(Result::is_err).unwrap()
        else {
            panic!("nine at once pass a burst of three");
        };
        assert!(throttle.take("a", now + after - Duration::from_millis(1)).is_err());
        assert_eq!(throttle.take("a", now + after), AT_ONCE);
    }

    #[test]
    fn a_rate_of_nothing_refuses_at_once() {
        let throttle = throttle(0.0, 1, SECOND);
        let now = Instant::now();
        assert_eq!(throttle.take("a", now), Err(TooEarly(LONGEST_AFTER)));
    }

    #[test]
    fn callers_are_forgotten_not_collected() {
        let throttle = throttle(0.001, 1, Duration::ZERO);
        let now = Instant::now();
        assert_eq!(throttle.take("a", now), AT_ONCE);
        assert!(throttle.take("a", now).is_err());
        for other in ["b", "c"] {
            assert_eq!(throttle.take(other, now), AT_ONCE);
        }
        assert_eq!(throttle.take("a", now), AT_ONCE);
        assert_eq!(throttle.remembered(), 2);
    }
}
