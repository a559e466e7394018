//! What peers may cause as often as they like, and the log says seldom.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Between two lines.
const APART: Duration = Duration::from_secs(10);

/// Counts what happens between two lines about it.
#[derive(Default)]
pub(super) struct Seldom(Mutex<Since>);

#[derive(Default)]
struct Since {
    last: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// It has happened: how often since the last line, when it is time for another.
    pub(super) fn say(&self, now: Instant) -> Option<u64> {
        let mut since = self.0.lock();
        since.times += 1;
        if since.last.is_some_and(|last| now.duration_since(last) < APART) {
            return None;
        }
        since.last = Some(now);
        Some(std::mem::take(&mut since.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_now_and_then() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.say(start), Some(1));
        for _ in 0..999 {
            assert_eq!(seldom.say(start + APART / 2), None);
        }
        assert_eq!(seldom.say(start + APART), Some(1_000));
        assert_eq!(seldom.say(start + 2 * APART), Some(1));
    }
}
