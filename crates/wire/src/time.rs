//! Points in time as the protocols write them: ISO 8601 strings with milliseconds, in UTC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Written as `yyyy-MM-ddThh:mm:ss.SSSZ` (docs/protocol/participant-service.md §1.2), which sorts as
/// text for the years 0000 to 9999; times outside are written as the nearest bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00.000Z
const MIN_MS: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z
const MAX_MS: i64 = 253_402_300_799_999;

/// Why a text is not a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 time such as 2026-01-31T12:00:00.000Z: {0:?}")]
pub struct ParseTimestampError(Box<str>);

impl Timestamp {
    /// The time this many milliseconds after 1970-01-01T00:00:00Z; bounded to the years 0 to 9999.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < MIN_MS {
            Self(MIN_MS)
        } else if millis > MAX_MS {
            Self(MAX_MS)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and `millis` more.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Reads `yyyy-MM-ddThh:mm:ss`, an optional fraction of any length (cut to milliseconds), and
    /// `Z` or an offset `±hh:mm`.
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        parse(text.as_bytes()).ok_or_else(|| {
            // What a peer sent may be long; the error only needs enough to recognise it.
            ParseTimestampError(text.chars().take(40).collect::<String>().into())
        })
    }
}

/// Year, month, day, hour, minute and second have at least and at most these values; what more a day
/// must be depends on its month.
const BOUNDS: [(i32, i32); 6] = [(0, 9_999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59)];

fn parse(text: &[u8]) -> Option<Timestamp> {
    const LENGTH: usize = "yyyy-MM-ddThh:mm:ss".len();
    let mut fields = [0; BOUNDS.len()];
    let mut field = 0;
    for (at, byte) in text.get(..LENGTH)?.iter().enumerate() {
        let separators: &[u8] = match at {
            4 | 7 => b"-",
            10 => b"Tt ",
            13 | 16 => b":",
            _ => {
                fields[field] = fields[field] * 10 + digit(*byte)?;
                continue;
            }
        };
        if !separators.contains(byte) {
            return None;
        }
        field += 1;
    }
    for (value, (least, most)) in fields.iter().zip(BOUNDS) {
        if !(least..=most).contains(value) {
            return None;
        }
    }
    let [year, month, day, hour, minute, second] = fields;
    if day > days_in_month(year, month) {
        return None;
    }
    let mut rest = &text[LENGTH..];
    let mut millis = 0;
    if let [b'.', fraction @ ..] = rest {
        let mut scale = 100;
        rest = fraction;
        while let [byte, after @ ..] = rest
            && let Some(digit) = digit(*byte)
        {
            millis += digit * scale;
            scale /= 10;
            rest = after;
        }
        if rest.len() == fraction.len() {
            return None;
        }
    }
    let offset_minutes = match *rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h, i, b':', m, n] => {
            let (hours, minutes) = (digit(h)? * 10 + digit(i)?, digit(m)? * 10 + digit(n)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = hours * 60 + minutes;
            if sign == b'+' { size } else { -size }
        }
        _ => return None,
    };
    let minutes = hour * 60 + minute - offset_minutes;
    let in_day = i64::from((minutes * 60 + second) * 1_000 + millis);
    Some(Timestamp::from_millis(i64::from(days_from_civil(year, month, day)) * DAY_MS + in_day))
}

fn digit(byte: u8) -> Option<i32> {
    byte.is_ascii_digit().then(|| i32::from(byte - b'0'))
}

fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; the year is taken to begin in March
/// so that the leap day is its last.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    // A cycle of 400 years later, so that none is negative.
    let year = year + 400 - i32::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + day_of_year - 719_468 - 146_097
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY_MS));
        let in_day = self.0.rem_euclid(DAY_MS);
        let (seconds, millis) = (in_day / 1000, in_day % 1000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, width, value) in [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, seconds / 3600),
            (14, 2, seconds / 60 % 60),
            (17, 2, seconds % 60),
            (20, 3, millis),
        ] {
            let mut rest = value;
            for slot in text[at..at + width].iter_mut().rev() {
                *slot = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).expect("only ASCII is written above"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::from_text(deserializer, "an ISO 8601 time", Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_what_the_service_writes() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_573_180_888_172, "2019-11-08T02:41:28.172Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (MAX_MS, "9999-12-31T23:59:59.999Z"),
            (MIN_MS, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(Timestamp::parse(text).unwrap().as_millis(), millis);
        }
    }

    #[test]
    fn reads_offsets_and_fractions() {
        for (text, same_as) in [
            ("2020-10-31T17:00:00+00:00", "2020-10-31T17:00:00.000Z"),
            ("2020-10-31T17:00:00.5-01:30", "2020-10-31T18:30:00.500Z"),
            ("2020-10-31t17:00:00.123456789z", "2020-10-31T17:00:00.123Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), same_as);
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2020",
            "2020-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00Zulu",
            "2020-01-01T00:00:00+1:00",
            "２020-01-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_order_is_time_order(a in MIN_MS..=MAX_MS, b in MIN_MS..=MAX_MS) {
            let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(Timestamp::parse(&a.to_string()), Ok(a));
        }

        #[test]
        fn parse_never_panics(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
