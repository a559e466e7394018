//! What is in `deploy/` and in `docs/running.md` names keys and flags that exist.

use std::{collections::BTreeSet, fs, path::PathBuf};

use chatloom_server::Config;

use crate::program::Program;

fn file(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every key of the configuration, such as `server.listen`.
fn keys() -> BTreeSet<String> {
    let (mut keys, mut section) = (BTreeSet::new(), String::new());
    for line in Config::default().to_toml().lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" =") {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}

#[tokio::test]
async fn the_configuration_is_good() {
    let path = format!("{}/../../deploy/chatloom.toml", env!("CARGO_MANIFEST_DIR"));
    let (status, output, errors) =
        Program::start(&["config", "check", "--config", &path]).end().await;
    assert!(status.success(), "{output}{errors}");
}

#[test]
fn the_container_sets_keys_that_exist() {
    let text = file("deploy/Containerfile");
    let line = text.lines().find_map(|line| line.strip_prefix("ENV ")).unwrap();
    let variables: Vec<(String, String)> = line
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(variables.len(), 2);
    let mut config = Config::default();
    assert_eq!(config.set_from_env(variables.into_iter()).unwrap(), Vec::<String>::new());
    assert!(!config.server.listen.ip().is_loopback());
    // Whoever runs it is nobody else, and nothing but the data is written.
    assert!(text.contains("USER 10001:10001") && text.contains("VOLUME /data"));
}

#[tokio::test]
async fn the_unit_starts_the_program_as_it_is() {
    let unit = file("deploy/chatloom.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let mut words = start.split_whitespace();
    assert_eq!(words.next(), Some("/usr/local/bin/chatloom"));
    assert_eq!(words.next(), Some("serve"));
    let (_, help, _) = Program::start(&["serve", "--help"]).end().await;
    for flag in words.filter(|word| word.starts_with("--")) {
        assert!(help.contains(flag), "{flag}");
    }
}

#[test]
fn every_key_that_is_named_exists() {
    let keys = keys();
    assert!(keys.contains("server.listen") && keys.contains("tls.certificate"), "{keys:?}");
    let sections: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    for path in [
        "docs/running.md",
        "docs/threat-model.md",
        "deploy/nginx.conf",
        "deploy/Caddyfile",
        "deploy/chatloom.service",
        "deploy/chatloom.toml",
    ] {
        let text = file(path);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"._-/".contains(c));
        for word in words.map(|word| word.trim_end_matches('.')) {
            let Some((section, key)) = word.split_once('.') else { continue };
            // Names of files and hosts have other forms.
            let is_key = sections.contains(section)
                && !key.is_empty()
                && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                && !["toml", "md", "pem", "rs", "db", "json", "jsonl", "service"].contains(&key);
            assert!(!is_key || keys.contains(word), "{path} names {word}");
        }
    }
}
