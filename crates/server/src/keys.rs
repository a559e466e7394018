//! The secrets of this server, and the file that keeps those it made itself.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    config::{AccessKey, Config, Secret, describe},
    random,
};

/// Name of the file in the data folder.
const FILE: &str = "keys.toml";

/// What signs tokens, and who may call the control plane.
#[derive(Clone, Debug)]
pub struct ServerKeys {
    /// Signs tokens.
    pub signing: Secret,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    signing: Secret,
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

    fn from_config(config: &Config) -> Option<Self> {
        let signing = config.keys.signing.clone()?;
        let access = config.keys.access.clone();
        (!access.is_empty()).then_some(Self { signing, access, made: None })
    }

    fn complete(config: &Config, file: File) -> Self {
        let access = &config.keys.access;
        Self {
            signing: config.keys.signing.clone().unwrap_or(file.signing),
            access: if access.is_empty() { file.access } else { access.clone() },
            made: None,
        }
    }
}

fn read(path: &Path) -> Result<File, KeysError> {
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
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let text = format!(
        "# Made by chatloom at its first start. Whoever has these can do everything: keep them secret.\n\
         # `signing` signs tokens; a new one ends all sessions. `access` are the keys of back ends.\n\
         signing = \"{}\"\n\n[[access]]\nid = \"{}\"\nsecret = \"{}\"\n",
        STANDARD.encode(random::bytes::<32>()),
        access_key_id(),
        STANDARD.encode(random::bytes::<30>()),
    );
    let draft = path.with_extension(format!("toml.{}", random::uuid().simple()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        // A link, unlike a rename, does not replace what another process made meanwhile.
        .and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        })
        .and_then(|()| fs::File::open(folder)?.sync_all());
    let removed = fs::remove_file(&draft);
    written.and(removed)
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
