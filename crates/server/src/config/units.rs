//! Values with a unit, and values that are secret.

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A length of time, written as a number and a unit: `250ms`, `10s`, `5m`, `12h`, `1d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// A length in milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A length in seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A length in minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// A length in hours.
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    /// The length itself.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// The length in whole milliseconds.
    pub fn as_millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

const PERIODS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Setting for Period {
    fn from_text(text: &str) -> Result<Self, String> {
        with_unit(text, &PERIODS).map(Self::millis).ok_or_else(|| {
            format!("{text:?} is no length of time such as 250ms, 10s, 5m, 12h or 1d")
        })
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis() as u64;
        write_with_unit(f, millis, &PERIODS)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An amount of memory, written as a number and a unit: `512B`, `64KiB`, `1MiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// An amount in units of 1024 bytes.
    pub const fn kib(kib: u64) -> Self {
        Self(kib * 1024)
    }

    /// The amount in bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Setting for Size {
    fn from_text(text: &str) -> Result<Self, String> {
        with_unit(text, &SIZES)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no amount of memory such as 512B, 64KiB or 1MiB"))
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_unit(f, self.0, &SIZES)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A whole number and one of the units, with or without a space between.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// With the largest unit that leaves a whole number.
fn write_with_unit(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let (unit, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    write!(f, "{}{unit}", value / factor)
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// The secret itself. Only for what must use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

impl Setting for Secret {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("a secret must not be empty".to_owned()) } else { Ok(text.into()) }
    }

    fn to_toml(&self) -> Option<String> {
        Some("\"(redacted)\"".to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_string(deserializer)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_string(deserializer)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_string(deserializer)
    }
}

fn from_string<'de, D: Deserializer<'de>, T: Setting>(deserializer: D) -> Result<T, D::Error> {
    T::from_text(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A network, written as an address or as `10.0.0.0/8`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// One address alone.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether an address is in the network. An IPv4 address inside an IPv6 one counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Setting for Network {
    fn from_text(text: &str) -> Result<Self, String> {
        let parse = || {
            let (address, prefix) = match text.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
                None => (text, None),
            };
            let address = address.parse::<IpAddr>().ok()?.to_canonical();
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.unwrap_or(longest);
            (prefix <= longest).then_some(Self { address, prefix })
        };
        parse().ok_or_else(|| format!("{text:?} is no address or network such as 10.0.0.0/8"))
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_string(deserializer)
    }
}

/// A value that the file, an environment variable or a flag may set.
pub trait Setting: Sized {
    /// Reads the value from the text of an environment variable or flag.
    fn from_text(text: &str) -> Result<Self, String>;

    /// The value as TOML; `None` when it is not set.
    fn to_toml(&self) -> Option<String>;
}

macro_rules! parsed_settings {
    ($($type:ty, $what:literal;)*) => {$(
        impl Setting for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!(concat!("{:?} is not ", $what), text))
            }

            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

parsed_settings! {
    bool, "true or false";
    u32, "a whole number";
}

/// Whole numbers that the file can have, too: TOML's end at 2^63 - 1.
macro_rules! whole_settings {
    ($($type:ty,)*) => {$(
        impl Setting for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                let number = text.trim().parse().ok();
                number.filter(|number| i64::try_from(*number).is_ok()).ok_or_else(|| {
                    format!("{text:?} is not a whole number of at most {}", i64::MAX)
                })
            }

            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

whole_settings! { u64, usize, }

impl Setting for f64 {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| format!("{text:?} is not a number"))
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

impl Setting for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Setting for std::net::SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map_err(|_| format!("{text:?} is no address and port such as 127.0.0.1:8090"))
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl Setting for std::path::PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("a path must not be empty".to_owned()) } else { Ok(text.into()) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.display().to_string()))
    }
}

/// An empty text unsets.
impl<T: Setting> Setting for Option<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

/// Several values with commas between; an empty text is an empty list.
impl<T: Setting> Setting for Vec<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }

    fn to_toml(&self) -> Option<String> {
        let values: Vec<String> = self.iter().filter_map(Setting::to_toml).collect();
        Some(format!("[{}]", values.join(", ")))
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_trip() {
        for (text, millis) in
            [("250ms", 250), ("10s", 10_000), ("5 m", 300_000), ("12h", 43_200_000), ("0s", 0)]
        {
            let period = Period::from_text(text).unwrap();
            assert_eq!(period, Period::millis(millis));
            assert_eq!(Period::from_text(&period.to_string()).unwrap(), period);
        }
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("1mib", 1 << 20)] {
            let size = Size::from_text(text).unwrap();
            assert_eq!(size.bytes(), bytes);
            assert_eq!(Size::from_text(&size.to_string()).unwrap(), size);
        }
        for text in ["", "10", "s", "-1s", "1.5s", "10 years", "99999999999999999999d"] {
            assert!(Period::from_text(text).is_err(), "{text}");
            assert!(Size::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_that_a_file_can_have() {
        let largest = i64::MAX.to_string();
        assert_eq!(u64::from_text(&largest), Ok(i64::MAX as u64));
        assert!(toml::from_str::<toml::Table>(&format!("a = {largest}")).is_ok());
        for text in ["9223372036854775808", "18446744073709551615", "-1", "1.0", ""] {
            assert!(u64::from_text(text).is_err(), "{text}");
            assert!(usize::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks() {
        let network = Network::from_text("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.2.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!(!network.contains("::1".parse().unwrap()));
        assert!(Network::from_text("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(Network::from_text("fd00::/8").unwrap().contains("fd12::1".parse().unwrap()));
        assert!(Network::from_text("::1").unwrap().contains("::1".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "host", "10.0.0.0/-1"] {
            assert!(Network::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::from("hunter2");
        assert_eq!(
            format!("{secret:?} {:?}", secret.to_toml()),
            "(redacted) Some(\"\\\"(redacted)\\\"\")"
        );
    }
}
