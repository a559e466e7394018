//! Trouble on purpose, for people who test what their applications make of it.
//!
//! A [`Plan`] says what goes wrong how often. What happens to the n-th request of an operation, and to
//! the n-th frame of the n-th socket, depends on the seed alone: [`Dice`].

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::config::{Period, Setting};

/// What is meant by a bare `reorder`.
const REORDER: f64 = 0.05;
/// The longest that frames and answers may be held up: then clients give up anyway.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// What goes wrong how often. Shares are 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Plan {
    /// A frame is lost, and its socket breaks with it, without a goodbye. (TCP loses nothing else.)
    pub drop: f64,
    /// Frames and answers come later: the middle of the delays, and how much they differ from it at
    /// most. Frames keep their order.
    pub delay: (Duration, Duration),
    /// A frame comes twice.
    pub duplicate: f64,
    /// A frame comes after the one that follows it.
    pub reorder: f64,
    /// A request is refused with status 429, and not done.
    pub throttle: f64,
    /// A request is answered with status 500: half of them are not done, the other half are.
    pub fail: f64,
    /// A socket goes silent at a frame: nothing more comes, no heartbeat is answered, and nobody says
    /// that it is over.
    pub half_open: f64,
}

impl Plan {
    /// Reads a plan such as `drop=2%,delay=300ms±200ms,duplicate=1%,reorder,429=1%,500=1%,half-open=0.1%`.
    fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part, None),
            };
            let share = |default: Option<f64>| match value {
                Some(value) => share(value).ok_or_else(|| {
                    format!("{part:?}: a share is 0% to 100%, for instance {name}=2%")
                }),
                None => default.ok_or_else(|| format!("{part:?}: how often? Say {name}=2%")),
            };
            match name {
                "drop" => plan.drop = share(None)?,
                "duplicate" => plan.duplicate = share(None)?,
                "reorder" => plan.reorder = share(Some(REORDER))?,
                "429" => plan.throttle = share(None)?,
                "500" => plan.fail = share(None)?,
                "half-open" => plan.half_open = share(None)?,
                "delay" => {
                    plan.delay = value.and_then(delay).ok_or_else(|| {
                        format!(
                            "{part:?}: a delay is up to {} s in all, for instance delay=300ms or \
                             delay=300ms±200ms",
                            LONGEST_DELAY.as_secs()
                        )
                    })?;
                }
                _ => {
                    return Err(format!(
                        "{part:?}: there is no such trouble; there are drop, delay, duplicate, \
                         reorder, 429, 500 and half-open"
                    ));
                }
            }
        }
        Ok(plan)
    }

    /// How much later something comes this time.
    pub(crate) fn delay(&self, dice: &mut Dice) -> Duration {
        let (middle, spread) = self.delay;
        if middle.is_zero() && spread.is_zero() {
            return Duration::ZERO;
        }
        (middle + spread.mul_f64(2.0 * dice.roll())).saturating_sub(spread)
    }
}

fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn delay(text: &str) -> Option<(Duration, Duration)> {
    let (middle, spread) =
        text.split_once('±').or_else(|| text.split_once("+-")).unwrap_or((text, "0ms"));
    let period = |text: &str| Period::from_text(text.trim()).ok().map(Period::get);
    let (middle, spread) = (period(middle)?, period(spread)?);
    (middle + spread <= LONGEST_DELAY).then_some((middle, spread))
}

/// In the form that is read; what never happens is left out.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, share) in [
            ("drop", self.drop),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("429", self.throttle),
            ("500", self.fail),
            ("half-open", self.half_open),
        ] {
            if share > 0.0 {
                // Percent with no more digits than were written.
                let percent = (share * 100.0 * 1e6).round() / 1e6;
                parts.push(format!("{name}={percent}%"));
            }
        }
        let (middle, spread) = self.delay;
        if !middle.is_zero() || !spread.is_zero() {
            parts.push(format!("delay={}ms±{}ms", middle.as_millis(), spread.as_millis()));
        }
        if parts.is_empty() {
            parts.push("drop=0%".to_owned());
        }
        f.write_str(&parts.join(","))
    }
}

impl Setting for Plan {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Numbers that look random and follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of the n-th of these, for instance of the third socket.
    pub(crate) fn new(seed: u64, of: &str, number: u64) -> Self {
        let mut dice = Self(seed);
        for part in of.bytes().map(u64::from).chain([number]) {
            dice.0 = dice.next() ^ part;
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to and without 1.
    fn roll(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether it happens this time.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.roll() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "drop=2%,delay=300ms±200ms,duplicate=1%,reorder,429=1%,500=1%,half-open=0.1%";

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        let plan = Plan::from_text(ALL).unwrap();
        let expected = Plan {
            drop: 0.02,
            delay: (Duration::from_millis(300), Duration::from_millis(200)),
            duplicate: 0.01,
            reorder: REORDER,
            throttle: 0.01,
            fail: 0.01,
            half_open: 0.001,
        };
        assert_eq!(plan, expected);
        assert_eq!(
            plan.to_string(),
            "drop=2%,duplicate=1%,reorder=5%,429=1%,500=1%,half-open=0.1%,delay=300ms±200ms"
        );
        for text in [ALL, "delay=1s", "drop=100%", "reorder=7%", "delay = 5ms +- 5ms , 500 = 3 %"] {
            let plan = Plan::from_text(text).unwrap();
            assert_eq!(Plan::from_text(&plan.to_string()), Ok(plan), "{text}");
        }
    }

    #[test]
    fn errors_name_the_part_and_what_it_should_be() {
        for (text, part, advice) in [
            ("drop=2%,lose=1%", "\"lose=1%\"", "duplicate"),
            ("drop", "\"drop\"", "drop=2%"),
            ("drop=2", "\"drop=2\"", "0% to 100%"),
            ("429=101%", "\"429=101%\"", "0% to 100%"),
            ("500=NaN%", "\"500=NaN%\"", "0% to 100%"),
            ("delay=300", "\"delay=300\"", "delay=300ms"),
            ("delay", "\"delay\"", "delay=300ms"),
            ("delay=50s±20s", "\"delay=50s±20s\"", "60 s in all"),
            ("", "\"\"", "there are drop"),
        ] {
            let error = Plan::from_text(text).unwrap_err();
            assert!(error.contains(part) && error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn the_same_seed_rolls_the_same() {
        let rolls = |seed, of: &str, number| {
            let mut dice = Dice::new(seed, of, number);
            (0..50).map(|_| dice.next()).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7, "socket", 1), rolls(7, "socket", 1));
        for other in [rolls(8, "socket", 1), rolls(7, "socket", 2), rolls(7, "SendMessage", 1)] {
            assert_ne!(rolls(7, "socket", 1), other);
        }
    }

    #[test]
    fn things_happen_as_often_as_planned() {
        let mut happened = 0;
        let mut delays = (Duration::MAX, Duration::ZERO);
        let plan = Plan::from_text("delay=300ms±200ms").unwrap();
        for number in 0..10_000 {
            let mut dice = Dice::new(1, "request", number);
            happened += u32::from(dice.happens(0.02));
            let delay = plan.delay(&mut dice);
            delays = (delays.0.min(delay), delays.1.max(delay));
        }
        assert!((150..250).contains(&happened), "{happened}");
        assert!(delays.0 >= Duration::from_millis(100) && delays.0 < Duration::from_millis(102));
        assert!(delays.1 <= Duration::from_millis(500) && delays.1 > Duration::from_millis(498));
        assert!(!Dice::new(1, "x", 1).happens(0.0) && Dice::new(1, "x", 1).happens(1.0));
        assert_eq!(Plan::default().delay(&mut Dice::new(1, "x", 1)), Duration::ZERO);
    }
}
