//! Exchanging secrets: another signing key while tokens of the former live on, and access keys.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use chatloom_wire::Timestamp;

use super::{EarlierKey, FILE, Kept, KeysError, access_key, read, signing_key};
use crate::config::{AccessKey, Config};

/// Longer than any token lives: a chat lasts seven days at most, a sign-in shorter. In milliseconds.
pub const TOKENS_LIVE_MS: i64 = 8 * 24 * 3_600 * 1_000;

/// The file of the keys that this server made, while it is changed. Others who want to change it wait.
#[derive(Debug)]
pub struct KeysFile<'c> {
    config: &'c Config,
    path: PathBuf,
    kept: Kept,
    /// Its lock is freed when it is dropped.
    _folder: File,
}

impl<'c> KeysFile<'c> {
    /// Opens the file in the data folder, which the first start of the server makes.
    pub fn open(config: &'c Config) -> Result<Self, KeysError> {
        let path = config.server.data.join(FILE);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => KeysError::Missing(path.clone()),
            _ => KeysError::Io { path: path.clone(), error },
        };
        let folder = File::open(&config.server.data).map_err(failed)?;
        folder.lock().map_err(failed)?;
        let kept = read(&path)?;
        Ok(Self { config, path, kept, _folder: folder })
    }

    /// Makes another signing key. What the former one signed is good until it is over, and the secret
    /// is kept for so long: the answer says until when. Those whose tokens are over now go.
    pub fn rotate_signing(&mut self, now: Timestamp) -> Result<Timestamp, KeysError> {
        if self.config.keys.signing.is_some() {
            return Err(KeysError::InConfig("keys.signing"));
        }
        let lifetime = TOKENS_LIVE_MS.max(self.config.agents.token_lifetime.as_millis());
        let until = now.plus_millis(lifetime);
        let former = std::mem::replace(&mut self.kept.signing, signing_key());
        self.kept.earlier.retain(|key| key.until.is_none_or(|until| now < until));
        self.kept.earlier.insert(0, EarlierKey { secret: former, until: Some(until) });
        self.write()?;
        Ok(until)
    }

    /// Makes another access key, beside those that are there.
    pub fn add_access(&mut self) -> Result<AccessKey, KeysError> {
        self.ensure_access_is_here()?;
        let key = access_key();
        self.kept.access.push(key.clone());
        self.write()?;
        Ok(key)
    }

    /// Takes an access key out.
    pub fn remove_access(&mut self, id: &str) -> Result<(), KeysError> {
        self.ensure_access_is_here()?;
        let before = self.kept.access.len();
        self.kept.access.retain(|key| key.id != id);
        if self.kept.access.len() == before {
            return Err(KeysError::NoSuchKey(id.to_owned()));
        }
        self.write()
    }

    fn ensure_access_is_here(&self) -> Result<(), KeysError> {
        if self.config.keys.access.is_empty() {
            Ok(())
        } else {
            Err(KeysError::InConfig("keys.access"))
        }
    }

    fn write(&self) -> Result<(), KeysError> {
        self.kept
            .write(&self.path, |draft, path| fs::rename(draft, path))
            .map_err(|error| KeysError::Io { path: self.path.clone(), error })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::ServerKeys;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn config() -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data = folder.path().to_owned();
        (folder, config)
    }

    #[test]
    fn a_former_signing_key_is_kept_for_as_long_as_it_has_tokens() {
        let (_folder, config) = config();
        assert!(matches!(KeysFile::open(&config), Err(KeysError::Missing(_))));
        let first = ServerKeys::load_or_make(&config).unwrap();
        let until = KeysFile::open(&config).unwrap().rotate_signing(NOW).unwrap();
        assert_eq!(until, NOW.plus_millis(TOKENS_LIVE_MS));
        let second = ServerKeys::load(&config).unwrap();
        assert_ne!(second.signing, first.signing);
        let earlier = EarlierKey { secret: first.signing, until: Some(until) };
        assert_eq!(second.earlier, [earlier]);
        assert_eq!(second.access, first.access);
        // The second one's, and no more the first one's.
        KeysFile::open(&config).unwrap().rotate_signing(until).unwrap();
        let third = ServerKeys::load(&config).unwrap();
        assert_eq!(third.earlier.len(), 1);
        assert_eq!(third.earlier[0].secret, second.signing);
        let path = config.server.data.join(FILE);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&config.server.data).unwrap().count(), 1);
    }

    #[test]
    fn access_keys_come_and_go() {
        let (_folder, config) = config();
        let first = ServerKeys::load_or_make(&config).unwrap().access[0].clone();
        let second = KeysFile::open(&config).unwrap().add_access().unwrap();
        assert_eq!(ServerKeys::load(&config).unwrap().access, [first.clone(), second.clone()]);
        let mut file = KeysFile::open(&config).unwrap();
        file.remove_access(&first.id).unwrap();
        assert_eq!(ServerKeys::load(&config).unwrap().access, [second]);
        assert!(matches!(file.remove_access(&first.id), Err(KeysError::NoSuchKey(_))));
    }

    #[test]
    fn what_the_configuration_sets_is_changed_there() {
        let (_folder, mut config) = config();
        let made = ServerKeys::load_or_make(&config).unwrap();
        config.set("keys.signing", &"x".repeat(32), "test").unwrap();
        config.set("keys.earlier", &"y".repeat(32), "test").unwrap();
        let keys = ServerKeys::load(&config).unwrap();
        // A configuration that begins to set the key ends no session.
        let earlier: Vec<&str> = keys.earlier.iter().map(|key| key.secret.expose()).collect();
        assert_eq!(earlier, [&*"y".repeat(32), made.signing.expose()]);
        let rotated = KeysFile::open(&config).unwrap().rotate_signing(NOW);
        assert!(matches!(rotated, Err(KeysError::InConfig("keys.signing"))));
        config.keys.access = made.access;
        let added = KeysFile::open(&config).unwrap().add_access();
        assert!(matches!(added, Err(KeysError::InConfig("keys.access"))));
    }
}
