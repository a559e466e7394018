//! How often somebody may call, and how many chats there may be.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Config, ConfigError, Setting,
    section::{Check, section},
    units::quoted,
};
use crate::http::Operation;

section! {
    /// How often somebody may call; who calls more often is answered 429 with `Retry-After`. Rates are
    /// written as `10/s, burst 15`, or `off`. What is left out is as `preset` says.
    pub struct LimitsSection {
        /// `default`: far above what people do, so that nobody can take the server for themselves.
        /// `amazon-connect`: besides that, the documented quotas of Amazon Connect, to test an
        /// application against. `off`: none.
        pub preset: Preset = Preset::Default,
        /// All requests of participants and back ends together. By default `50000/s, burst 100000`.
        pub instance: Option<Allowance> = None,
        /// Each participant, and each agent who is signed in. By default `200/s, burst 2000`.
        pub participant: Option<Allowance> = None,
        /// The participants of each chat together. By default `500/s, burst 5000`.
        pub contact: Option<Allowance> = None,
        /// The pages of each origin together. By default `5000/s, burst 10000`.
        pub origin: Option<Allowance> = None,
        /// Each address that requests come from. Behind a proxy that is not named in
        /// `server.trusted_proxies`, all have the proxy's. By default `5000/s, burst 10000`.
        pub address: Option<Allowance> = None,
        /// Each access key of the control plane. By default `1000/s, burst 2000`.
        pub access_key: Option<Allowance> = None,
        /// Single operations, all callers together; in the file as `[[limits.operations]]` with `name`,
        /// such as `SendMessage`, and `rate`. They take the place of the preset's.
        pub operations: Vec<OperationLimit> = Vec::new(),
        /// Chats at once; one more is refused with `LimitExceededException`. 0 as `preset` says:
        /// 100,000, and 100 in `amazon-connect`.
        pub chats: usize = 0,
        /// How many callers are remembered in each of these ways. Beyond that the ones seen longest ago
        /// are forgotten, and begin afresh.
        pub remembered: usize = 65_536,
    }
}

/// Where limits come from that are not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Generous ones.
    Default,
    /// Those that Amazon Connect documents (docs/protocol/participant-service.md §11.2).
    AmazonConnect,
    /// None.
    Off,
}

impl Preset {
    const NAMES: [(&'static str, Self); 3] =
        [("default", Self::Default), ("amazon-connect", Self::AmazonConnect), ("off", Self::Off)];
}

impl Setting for Preset {
    fn from_text(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text.trim());
        found
            .map(|(_, preset)| preset)
            .ok_or_else(|| format!("{text:?} is not default, amazon-connect or off"))
    }

    fn to_toml(&self) -> Option<String> {
        let name = Self::NAMES.into_iter().find(|(_, preset)| preset == self);
        name.map(|(name, _)| quoted(name))
    }
}

/// How often something may be done: so many times a second, and so many at once after a pause; or
/// always.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// As often as anybody likes.
    Off,
    /// A rate.
    Rate {
        /// Times a second, above 0 and up to 1,000,000.
        per_second: f64,
        /// Times at once, 1 to 1,000,000.
        burst: u32,
    },
}

impl Allowance {
    const fn of(per_second: f64, burst: u32) -> Self {
        Self::Rate { per_second, burst }
    }

    /// The rate, unless there is none.
    pub(crate) fn rate(self) -> Option<(f64, u32)> {
        match self {
            Self::Off => None,
            Self::Rate { per_second, burst } => Some((per_second, burst)),
        }
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Rate { per_second, burst } => write!(f, "{per_second}/s, burst {burst}"),
        }
    }
}

impl Setting for Allowance {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim() == "off" {
            return Ok(Self::Off);
        }
        let parse = || {
            let (rate, burst) = text.split_once(',')?;
            let per_second: f64 = rate.trim().strip_suffix("/s")?.trim().parse().ok()?;
            let burst: u32 = burst.trim().strip_prefix("burst")?.trim().parse().ok()?;
            let fits = per_second > 0.0 && per_second <= 1e6 && (1..=1_000_000).contains(&burst);
            fits.then_some(Self::Rate { per_second, burst })
        };
        parse().ok_or_else(|| {
            format!("{text:?} is no rate such as \"10/s, burst 15\" (both up to 1000000), nor off")
        })
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_text(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The limit of one operation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationLimit {
    /// The operation, such as `SendMessage`.
    pub name: String,
    /// How often it may be called.
    pub rate: Allowance,
}

impl Setting for OperationLimit {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("limits of operations can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!(
            "{{ name = {}, rate = {} }}",
            quoted(&self.name),
            quoted(&self.rate.to_string())
        ))
    }
}

/// What Amazon Connect documents for operations of the Participant Service, and for those of the
/// control plane that are not at its default: calls a second and at once, for each operation. AWS
/// raises them on request (docs/protocol/participant-service.md §11.2).
const AMAZON: &[(&str, f64, u32)] = &[
    ("CreateParticipantConnection", 6.0, 9),
    ("DisconnectParticipant", 3.0, 5),
    ("GetTranscript", 8.0, 12),
    ("SendEvent", 10.0, 15),
    ("SendMessage", 10.0, 15),
    ("StartAttachmentUpload", 2.0, 5),
    ("CompleteAttachmentUpload", 2.0, 5),
    ("GetAttachment", 8.0, 12),
    ("StartChatContact", 5.0, 8),
    ("StartContactStreaming", 5.0, 8),
    ("StopContactStreaming", 5.0, 8),
    ("CreateParticipant", 5.0, 8),
    ("UpdateParticipantRoleConfig", 5.0, 8),
    ("CreatePersistentContactAssociation", 5.0, 8),
    ("GetContactAttributes", 10.0, 15),
    ("UpdateContactAttributes", 10.0, 15),
    ("DescribeContact", 10.0, 15),
    ("StopContact", 10.0, 15),
    ("UpdateContact", 10.0, 15),
    ("ListContactReferences", 10.0, 15),
    ("SendChatIntegrationEvent", 17.0, 26),
    ("TagContact", 20.0, 25),
];
/// The default of the control plane there.
const AMAZON_CONTROL: Allowance = Allowance::of(2.0, 5);
/// Active chats of an instance there (docs/protocol/participant-service.md §11.1).
const AMAZON_CHATS: usize = 100;
const DEFAULT_CHATS: usize = 100_000;

impl LimitsSection {
    /// A limit as set, else as the preset has it.
    fn or(&self, set: Option<Allowance>, per_second: f64, burst: u32) -> Allowance {
        set.unwrap_or(match self.preset {
            Preset::Default | Preset::AmazonConnect => Allowance::of(per_second, burst),
            Preset::Off => Allowance::Off,
        })
    }

    pub(crate) fn instance(&self) -> Allowance {
        self.or(self.instance, 50_000.0, 100_000)
    }

    pub(crate) fn participant(&self) -> Allowance {
        self.or(self.participant, 200.0, 2_000)
    }

    pub(crate) fn contact(&self) -> Allowance {
        self.or(self.contact, 500.0, 5_000)
    }

    pub(crate) fn origin(&self) -> Allowance {
        self.or(self.origin, 5_000.0, 10_000)
    }

    pub(crate) fn address(&self) -> Allowance {
        self.or(self.address, 5_000.0, 10_000)
    }

    pub(crate) fn access_key(&self) -> Allowance {
        self.or(self.access_key, 1_000.0, 2_000)
    }

    /// What an operation may be called by all together. `is_control`: it is one of the control plane.
    pub(crate) fn operation(&self, name: &str, is_control: bool) -> Allowance {
        if let Some(set) = self.operations.iter().find(|limit| limit.name == name) {
            return set.rate;
        }
        match self.preset {
            Preset::Default | Preset::Off => Allowance::Off,
            Preset::AmazonConnect => {
                match AMAZON.iter().find(|(operation, ..)| *operation == name) {
                    Some((_, per_second, burst)) => Allowance::of(*per_second, *burst),
                    None if is_control => AMAZON_CONTROL,
                    None => Allowance::Off,
                }
            }
        }
    }

    /// Chats at once; `None` for any number.
    pub fn most_chats(&self) -> Option<usize> {
        match (self.chats, self.preset) {
            (0, Preset::Default) => Some(DEFAULT_CHATS),
            (0, Preset::AmazonConnect) => Some(AMAZON_CHATS),
            (0, Preset::Off) => None,
            (set, _) => Some(set),
        }
    }
}

impl Check for LimitsSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if !(1..=10_000_000).contains(&self.remembered) {
            return ConfigError::at("limits.remembered", "1 to 10000000");
        }
        for (index, limit) in self.operations.iter().enumerate() {
            let name = &limit.name;
            if !Operation::ALL.iter().any(|operation| operation.name() == name) {
                return ConfigError::at(
                    "limits.operations",
                    format!("there is no operation {name:?}"),
                );
            }
            if self.operations[..index].iter().any(|other| other.name == *name) {
                return ConfigError::at("limits.operations", format!("{name:?} is there twice"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for (text, rate) in [
            ("10/s, burst 15", Some((10.0, 15))),
            ("0.5/s, burst 1", Some((0.5, 1))),
            (" 6 /s ,burst 9 ", Some((6.0, 9))),
            ("off", None),
        ] {
            let read = Allowance::from_text(text).unwrap();
            assert_eq!(read.rate(), rate, "{text}");
            assert_eq!(Allowance::from_text(&read.to_string()), Ok(read), "{text}");
        }
        for text in ["", "10", "10/s", "10/s, 15", "0/s, burst 1", "1/s, burst 0", "NaN/s, burst 1"]
        {
            assert!(Allowance::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_set_goes_before_the_preset() {
        let limits = |text: &str| Config::from_toml(text).unwrap().limits;
        let preset = limits("[limits]\npreset = 'amazon-connect'\n");
        assert_eq!(preset.operation("SendMessage", false).rate(), Some((10.0, 15)));
        assert_eq!(preset.operation("TransferContact", true).rate(), Some((2.0, 5)));
        assert_eq!(preset.operation("DescribeView", false), Allowance::Off);
        assert_eq!(preset.most_chats(), Some(100));
        let raised = limits(
            "[limits]\npreset = 'amazon-connect'\nchats = 500\nparticipant = 'off'\n\
             [[limits.operations]]\nname = 'SendMessage'\nrate = '50/s, burst 60'\n",
        );
        assert_eq!(raised.operation("SendMessage", false).rate(), Some((50.0, 60)));
        assert_eq!(raised.operation("SendEvent", false).rate(), Some((10.0, 15)));
        assert_eq!((raised.participant(), raised.most_chats()), (Allowance::Off, Some(500)));
        let off = limits("[limits]\npreset = 'off'\n");
        assert_eq!(
            (off.instance(), off.address(), off.most_chats()),
            (Allowance::Off, Allowance::Off, None)
        );
        assert!(limits("").operations.is_empty());
        assert_eq!(limits("").operation("SendMessage", false), Allowance::Off);
    }

    #[test]
    fn operations_that_are_none_are_refused() {
        for (text, problem) in [
            ("name = 'SendMesage'\nrate = 'off'", "no operation"),
            (
                "name = 'SendMessage'\nrate = 'off'\n[[limits.operations]]\nname = 'SendMessage'\n\
                 rate = 'off'",
                "twice",
            ),
        ] {
            let config = Config::from_toml(&format!("[[limits.operations]]\n{text}\n")).unwrap();
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    /// The preset says what the page says.
    #[test]
    fn the_preset_is_the_documented_one() {
        let page =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol/participant-service.md");
        let page = std::fs::read_to_string(page).unwrap();
        let section = page.split("### 11.2").nth(1).unwrap().split("\n## ").next().unwrap();
        let mut documented = BTreeMap::new();
        for row in section.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let (Ok(rate), Ok(burst)) = (cells[1].parse::<f64>(), cells[2].parse::<u32>()) else {
                continue;
            };
            for name in cells[0].split([',', ' ']).filter(|word| word.len() > 3) {
                documented.insert(name.to_owned(), (rate, burst));
            }
        }
        // The row of the control plane's default is "all that are not listed".
        assert_eq!(documented.remove("listed"), AMAZON_CONTROL.rate());
        documented.remove("that");
        let ours = AMAZON.iter().map(|(name, rate, burst)| ((*name).to_owned(), (*rate, *burst)));
        assert_eq!(documented, ours.collect());
    }
}
