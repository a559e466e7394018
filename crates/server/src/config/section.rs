//! How a section is declared.

use super::{Config, ConfigError};

/// Declares a section: a struct whose keys have defaults and docs, and can be set from text.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $section:ident {
            $( $(#[doc = $doc:literal])+ pub $key:ident: $type:ty = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $key: $type, )*
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $key: $default, )* }
            }
        }

        impl $section {
            /// Takes one key's value from another one of these.
            pub(super) fn take(&mut self, key: &str, from: &Self) {
                match key {
                    $( stringify!($key) => self.$key.clone_from(&from.$key), )*
                    _ => {}
                }
            }
        }

        impl $crate::config::section::Section for $section {
            fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>> {
                match key {
                    $( stringify!($key) => {
                        Some($crate::config::Setting::from_text(text).map(|value| self.$key = value))
                    } )*
                    _ => None,
                }
            }

            fn lines(&self) -> Vec<$crate::config::section::Line> {
                vec![ $( $crate::config::section::Line {
                    key: stringify!($key),
                    doc: &[$( $doc ),+],
                    value: $crate::config::Setting::to_toml(&self.$key),
                }, )* ]
            }

            fn about(&self) -> &'static [&'static str] {
                &[$( $about ),+]
            }
        }
    };
}
pub(super) use section;

/// One key of a section, for printing.
pub(super) struct Line {
    pub(super) key: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) value: Option<String>,
}

/// What all sections can do.
pub(super) trait Section {
    /// Sets a key from text; `None` when there is no such key.
    fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>>;

    /// Every key.
    fn lines(&self) -> Vec<Line>;

    /// What the section is about.
    fn about(&self) -> &'static [&'static str];
}

/// What no single value of a section shows.
pub(super) trait Check {
    /// Looks for contradictions, within the section and with the others.
    fn check(&self, _config: &Config) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// Each is a scheme and a host, perhaps with a port, and nothing more.
pub(super) fn check_origins<'a>(
    key: &str,
    origins: impl IntoIterator<Item = &'a String>,
) -> Result<(), ConfigError> {
    for origin in origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let is_origin = host
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']));
        if !is_origin {
            return ConfigError::at(
                key,
                format!("{origin:?} is no origin such as https://www.example.org"),
            );
        }
    }
    Ok(())
}

/// A rate a second, and how many at once after a pause.
pub(super) fn check_rate(key: &str, per_second: f64, burst: u32) -> Result<(), ConfigError> {
    if !(0.0..=1e6).contains(&per_second) || burst == 0 {
        return ConfigError::at(key, "per_second is 0 to 1000000, burst at least 1");
    }
    Ok(())
}
