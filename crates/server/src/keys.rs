//! The secrets of this server, and the file that keeps those it made itself.

mod change;

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chatloom_engine::token;
use chatloom_wire::Timestamp;
use serde::Deserialize;

use crate::{
    config::{AccessKey, Config, Secret, describe},
    random,
};

pub use self::change::{KeysFile, TOKENS_LIVE_MS};

/// Name of the file in the data folder.
pub(crate) const FILE: &str = "keys.toml";

/// What signs tokens, and who may call the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerKeys {
    /// Signs tokens.
    pub signing: Secret,
    /// What signed tokens before, and until when those are good.
    pub earlier: Vec<EarlierKey>,
    /// Pairs for the control plane.
    pub access: Vec<AccessKey>,
    /// Where keys were made just now, at the first start.
    pub made: Option<PathBuf>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no file yet.
    #[error("{0} is not there yet: the first start of the server makes it")]
    Missing(PathBuf),
    /// The configuration has what the file would be asked for.
    #[error("the configuration sets {0}: change it there, then send the server SIGHUP")]
    InConfig(&'static str),
    /// There is no such access key.
    #[error("there is no access key {0:?}; `chatloom config keys` lists them")]
    NoSuchKey(String),
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not as this program writes it.
    #[error("{path}: {problem}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its line.
        problem: String,
    },
}

/// A secret that signed tokens once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierKey {
    /// The secret.
    pub secret: Secret,
    /// When all of its tokens are over; without it, when it is taken out.
    pub until: Option<Timestamp>,
}

/// What the file holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    signing: Secret,
    #[serde(default)]
    earlier: Vec<EarlierKey>,
    #[serde(default)]
    access: Vec<AccessKey>,
}

impl ServerKeys {
    /// The keys of the configuration; what it lacks comes from the data folder.
    pub fn load(config: &Config) -> Result<Self, KeysError> {
        let path = config.server.data.join(FILE);
        Self::from_config(config).map_or_else(|| Ok(Self::complete(config, read(&path)?)), Ok)
    }

    /// As [`ServerKeys::load`], but makes the file when it is not there.
    pub fn load_or_make(config: &Config) -> Result<Self, KeysError> {
        match Self::load(config) {
            Err(KeysError::Missing(path)) => {
                make(&path).map_err(|error| KeysError::Io { path: path.clone(), error })?;
                let mut keys = Self::load(config)?;
                keys.made = Some(path);
                Ok(keys)
            }
            other => other,
        }
    }

    /// What signs and verifies tokens.
    pub(crate) fn tokens(&self) -> Result<token::Keys, token::ShortSecret> {
        let keys = token::Keys::new(self.signing.expose().as_bytes())?;
        self.earlier.iter().try_fold(keys, |keys, earlier| {
            keys.with_earlier(earlier.secret.expose().as_bytes(), earlier.until)
        })
    }

    fn from_config(config: &Config) -> Option<Self> {
        let signing = config.keys.signing.clone()?;
        let access = config.keys.access.clone();
        (!access.is_empty()).then(|| Self { signing, earlier: earlier(config), access, made: None })
    }

    fn complete(config: &Config, kept: Kept) -> Self {
        let mut earlier = earlier(config);
        let signing = match &config.keys.signing {
            // What the file has is from before the configuration had any.
            Some(signing) => {
                earlier.push(EarlierKey { secret: kept.signing, until: None });
                signing.clone()
            }
            None => kept.signing,
        };
        earlier.extend(kept.earlier);
        let access = &config.keys.access;
        Self {
            signing,
            earlier,
            access: if access.is_empty() { kept.access } else { access.clone() },
            made: None,
        }
    }
}

fn earlier(config: &Config) -> Vec<EarlierKey> {
    let secrets = config.keys.earlier.iter().cloned();
    secrets.map(|secret| EarlierKey { secret, until: None }).collect()
}

fn read(path: &Path) -> Result<Kept, KeysError> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeysError::Missing(path.to_owned()),
        _ => KeysError::Io { path: path.to_owned(), error },
    })?;
    toml::from_str(&text).map_err(|error| KeysError::Content {
        path: path.to_owned(),
        problem: describe(&error, &text),
    })
}

/// Makes the file so that it is there whole or not at all, and only its owner can read it.
fn make(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let kept = Kept { signing: signing_key(), earlier: Vec::new(), access: vec![access_key()] };
    // A link, unlike a rename, does not replace what another process made meanwhile.
    kept.write(path, |draft, path| match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    })
}

impl Kept {
    fn to_toml(&self) -> String {
        // Made here, of letters that need no escape; what somebody wrote into the file may have some.
        let line =
            |key: &str, value: &str| format!("{key} = {}\n", toml::Value::String(value.to_owned()));
        let mut text = format!(
            "# Made by chatloom. Whoever has these can do everything: keep them secret.\n\
             # `signing` signs tokens. `chatloom keys rotate-signing` makes another one and keeps this\n\
             # as an `earlier` one for as long as it has tokens. `access` are the keys of back ends.\n\
             {}",
            line("signing", self.signing.expose())
        );
        for EarlierKey { secret, until } in &self.earlier {
            text.push_str(&line("\n[[earlier]]\nsecret", secret.expose()));
            if let Some(until) = until {
                text.push_str(&line("until", &until.to_string()));
            }
        }
        for AccessKey { id, secret } in &self.access {
            text.push_str(&line("\n[[access]]\nid", id));
            text.push_str(&line("secret", secret.expose()));
        }
        text
    }

    /// Writes a draft beside the file, which `place` then puts in its place.
    fn write(
        &self,
        path: &Path,
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let draft = path.with_extension(format!("toml.{}", random::uuid().simple()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(self.to_toml().as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| place(&draft, path))
            .and_then(|()| fs::File::open(folder)?.sync_all());
        match fs::remove_file(&draft) {
            // It was renamed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => written,
            removed => written.and(removed),
        }
    }
}

fn signing_key() -> Secret {
    STANDARD.encode(random::bytes::<32>()).into()
}

fn access_key() -> AccessKey {
    AccessKey { id: access_key_id(), secret: STANDARD.encode(random::bytes::<30>()).into() }
}

/// Twenty characters, as access key ids are long elsewhere.
fn access_key_id() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = random::bytes::<16>();
    let letters = random.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    "CLKA".chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_start_makes_keys_that_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data = folder.path().join("data");
        assert!(matches!(ServerKeys::load(&config), Err(KeysError::Missing(_))));
        let first = ServerKeys::load_or_make(&config).unwrap();
        let path = first.made.clone().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = ServerKeys::load_or_make(&config).unwrap();
        assert_eq!(second.made, None);
        assert!(first.signing == second.signing && first.access == second.access);
        assert_eq!(first.access[0].id.len(), 20);
        assert_eq!(fs::read_dir(config.server.data).unwrap().count(), 1);
    }

    #[test]
    fn keys_of_the_configuration_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::demo();
        config.server.data = folder.path().to_owned();
        let keys = ServerKeys::load_or_make(&config).unwrap();
        assert_eq!((keys.access[0].id.as_str(), keys.made), ("chatloom", None));
        config.keys.signing = None;
        let keys = ServerKeys::load_or_make(&config).unwrap();
        assert!(keys.made.is_some() && keys.access[0].id == "chatloom");
    }

    #[test]
    fn a_damaged_file_is_named_with_its_line_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data = folder.path().to_owned();
        fs::write(folder.path().join(FILE), "signing = \"top secret\"\naccess = 7\n").unwrap();
        let error = ServerKeys::load(&config).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("top secret"), "{error}");
    }
}
