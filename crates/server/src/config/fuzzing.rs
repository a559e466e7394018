//! A fuzz target for what operators write.

use std::fmt::Debug;

use super::{Allowance, ChaosPlan, Config, Network, Period, Preset, Setting, Size};

/// A configuration from a file and from variables: what is good is printed in a form that is read as
/// the same, and no secret is printed. Each line `key = value` is a key's value besides, and its
/// variable's.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(config) = Config::from_toml(text)
        && config.check().is_ok()
    {
        is_printed(&config);
    }
    let mut config = Config::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let _ = config.set(key, value, "here");
        let variable = format!("CHATLOOM_{}", key.replace('.', "_").to_uppercase());
        let _ = config.set_from_env([(variable, value.to_owned())].into_iter());
        values(value);
    }
    if config.check().is_ok() {
        is_printed(&config);
    }
}

fn is_printed(config: &Config) {
    let printed = config.to_toml();
    let read: toml::Table = toml::from_str(&printed).expect("it is TOML");
    assert_eq!(read.len(), config.sections().len(), "every section is there");
    // Secrets, and what holds some, are placeholders, and not good where there is a form to keep to.
    match Config::from_toml(&printed) {
        Ok(again) => assert_eq!(again.to_toml(), printed, "the form is settled after one round"),
        Err(error) => assert!(printed.contains("(redacted)"), "{error} of {printed}"),
    }
}

/// A value is printed in a form that is read as the same.
fn values(text: &str) {
    settles::<Period>(text);
    settles::<Size>(text);
    settles::<Network>(text);
    settles::<Allowance>(text);
    settles::<Preset>(text);
    settles::<f64>(text);
    settles::<u64>(text);
    settles::<std::net::SocketAddr>(text);
    settles::<Vec<Network>>(text);
    // Shares are printed with six digits.
    if let Ok(plan) = ChaosPlan::from_text(text) {
        let printed = plan.to_string();
        let again = ChaosPlan::from_text(&printed).expect("what is printed is read");
        assert_eq!(again.to_string(), printed);
        assert_eq!(again.delay, plan.delay);
    }
}

fn settles<T: Setting + PartialEq + Debug>(text: &str) {
    let Ok(value) = T::from_text(text) else { return };
    let printed = format!("value = {}", value.to_toml().expect("it is set"));
    let table: toml::Table = toml::from_str(&printed).expect("it is TOML");
    let again = match &table["value"] {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => {
            let values: Vec<_> = values.iter().filter_map(toml::Value::as_str).collect();
            values.join(",")
        }
        other => other.to_string(),
    };
    assert_eq!(T::from_text(&again).as_ref(), Ok(&value), "{printed}");
}
