//! Copies of a server's data: taken while it runs, and put in place again.
//!
//! A copy is a folder: the database as it was at one moment, the files that its chats need, the keys,
//! and `backup.json`, which is written last. So a copy that was not finished is not taken for one.
//! Everything that was acknowledged before [`backup`] was called is in it.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chatloom_engine::BlobId;
use chatloom_wire::{ContactId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::store::sqlite::backup::Contents;
use crate::{
    blob::disk::path_of,
    keys,
    server::{DATABASE, FILES},
    store::{
        StoreError,
        sqlite::backup::{self as database, Snapshot},
    },
};

/// Name of what says that a copy is whole.
const MANIFEST: &str = "backup.json";
/// The form of copies that this program writes and reads.
const FORM: u32 = 1;

/// Why data were not copied or put in place.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something already.
    #[error("{0} is there already; name a folder that is not, or move it away")]
    Exists(PathBuf),
    /// There is no database.
    #[error("there is no database in {0}; is that the folder of a server's data?")]
    NoData(PathBuf),
    /// There is no copy that was finished.
    #[error("{0} is no finished backup: there is no readable {MANIFEST} in it")]
    NoBackup(PathBuf),
    /// The copy is of a newer program.
    #[error("{path} has form {found}, this program knows {FORM}; run the newer program")]
    TooNew {
        /// The copy.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
    /// The copy is not what was copied.
    #[error("{path}: the copy was made with {expected:?}, and now has {found:?}")]
    Changed {
        /// The copy.
        path: PathBuf,
        /// What it had.
        expected: Contents,
        /// What it has.
        found: Contents,
    },
    /// Files that chats need are not in the copy.
    #[error(
        "{path}: {count} files that chats need are not in it, {first} the first; \
             --accept-missing puts the rest in place all the same"
    )]
    Missing {
        /// The copy.
        path: PathBuf,
        /// How many.
        count: usize,
        /// The first of them, as chat and file.
        first: String,
    },
    /// Chats that needed files were deleted, again and again, while the files were copied.
    #[error(
        "chats are deleted faster than their files are copied; try again when less is going on"
    )]
    Unsettled,
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a copy says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    form: u32,
    /// The program that made it.
    program: String,
    made_at: Timestamp,
    schema: u32,
    chats: u64,
    entries: u64,
}

/// How often the database is copied, at most, because chats were deleted whose files were not there yet.
const TRIES: usize = 3;

/// A moment of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The files have been copied; the database is about to be looked at.
    Before,
    /// What the database of the copy will have is settled.
    Settled,
}

/// Copies the data in the folder `data` to the new folder `to`, at about so many bytes a second. A
/// server may run on the data. Blocks.
pub fn backup(
    data: &Path,
    to: &Path,
    bytes_per_second: u64,
    now: Timestamp,
) -> Result<Contents, BackupError> {
    copy_data(data, to, bytes_per_second, now, |_| {})
}

/// Calls `meanwhile` at some moments, for tests.
fn copy_data(
    data: &Path,
    to: &Path,
    bytes_per_second: u64,
    now: Timestamp,
    mut meanwhile: impl FnMut(Moment),
) -> Result<Contents, BackupError> {
    let source = data.join(DATABASE);
    if !source.is_file() {
        return Err(BackupError::NoData(data.to_owned()));
    }
    make_folder(to)?;
    let files = Files { from: data.join(FILES), to: to.join(FILES) };
    let target = to.join(DATABASE);
    // Most of them, so that few are left for later.
    files.copy()?;
    let mut tries = 0;
    let contents = loop {
        meanwhile(Moment::Before);
        let snapshot = Snapshot::take(&source)?;
        meanwhile(Moment::Settled);
        // A file is kept before the database names it, and goes after the database names it no more.
        // So what the snapshot names is copied by now, or here, or it has just gone.
        files.copy()?;
        write_new(&target, &mut io::empty())?;
        let contents = snapshot.copy(&target, bytes_per_second)?;
        drop(snapshot);
        if !names_what_has_gone(&source, &target, &files.to)? {
            break contents;
        }
        tries += 1;
        if tries == TRIES {
            return Err(BackupError::Unsettled);
        }
        fs::remove_file(&target).map_err(at(&target))?;
    };
    let keys = data.join(keys::FILE);
    if keys.exists() {
        copy_file(&keys, &to.join(keys::FILE))?;
    }
    let Contents { schema, chats, entries } = contents;
    let manifest = Manifest {
        form: FORM,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now,
        schema,
        chats,
        entries,
    };
    sync_folder(to)?;
    let text =
        serde_json::to_string_pretty(&manifest).expect("it has nothing but texts and numbers");
    write_new(&to.join(MANIFEST), &mut text.as_bytes())?;
    sync_folder(to)?;
    Ok(contents)
}

/// Whether the copied database names files that are not in the copy and that the present one names no
/// more. What both name and the copy has not, the data lack already: that is no reason to have no copy,
/// and [`restore`] says it.
fn names_what_has_gone(source: &Path, copy: &Path, files: &Path) -> Result<bool, BackupError> {
    let mut missing = HashSet::new();
    database::for_each_file(copy, |chat, blob| {
        if !has_file(files, chat, blob) {
            missing.insert((chat.clone(), blob));
        }
    })?;
    if !missing.is_empty() {
        Snapshot::take(source)?.for_each_file(|chat, blob| {
            missing.remove(&(chat.clone(), blob));
        })?;
    }
    Ok(!missing.is_empty())
}

fn has_file(files: &Path, chat: &ContactId, blob: BlobId) -> bool {
    path_of(files, chat, blob).is_some_and(|path| path.is_file())
}

/// What was put in place of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the database holds.
    pub contents: Contents,
    /// How many files that chats need were not in the copy.
    pub missing: usize,
}

/// Makes the folder `data`, which must not be there yet, of a copy. Without `accept_missing` the copy
/// has to have every file that its chats need. Blocks.
pub fn restore(from: &Path, data: &Path, accept_missing: bool) -> Result<Restored, BackupError> {
    let manifest = fs::read(from.join(MANIFEST)).ok();
    let manifest: Manifest = manifest
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or_else(|| BackupError::NoBackup(from.to_owned()))?;
    if manifest.form > FORM {
        return Err(BackupError::TooNew { path: from.to_owned(), found: manifest.form });
    }
    let database = data.join(DATABASE);
    if database.exists() {
        // Says more than that there is something.
        database::ensure_free(&database)?;
    }
    let is_empty = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_none());
    if data.exists() && !is_empty {
        return Err(BackupError::Exists(data.to_owned()));
    }
    // Beside its place, so that it is there as a whole or not at all.
    let mut draft = data.as_os_str().to_owned();
    draft.push(".restoring");
    let draft = PathBuf::from(draft);
    make_folder(&draft)?;
    let done = fill(from, &draft, &manifest, accept_missing).and_then(|contents| {
        fs::rename(&draft, data).map_err(at(data))?;
        sync_folder(data.parent().filter(|parent| *parent != "").unwrap_or(Path::new(".")))?;
        Ok(contents)
    });
    if done.is_err() {
        // What failed is told; that its rest stays as well, the next attempt says.
        let _ = fs::remove_dir_all(&draft);
    }
    done
}

/// Copies a copy, and looks whether it is what it says.
fn fill(
    from: &Path,
    to: &Path,
    manifest: &Manifest,
    accept_missing: bool,
) -> Result<Restored, BackupError> {
    copy_file(&from.join(DATABASE), &to.join(DATABASE))?;
    let found = database::check(&to.join(DATABASE))?;
    let expected =
        Contents { schema: manifest.schema, chats: manifest.chats, entries: manifest.entries };
    if found != expected {
        return Err(BackupError::Changed { path: from.to_owned(), expected, found });
    }
    let (mut missing, mut first) = (0, None);
    let files = from.join(FILES);
    database::for_each_file(&to.join(DATABASE), |chat, blob| {
        if !has_file(&files, chat, blob) {
            missing += 1;
            first.get_or_insert_with(|| format!("{chat}/{blob}"));
        }
    })?;
    if let Some(first) = first.filter(|_| !accept_missing) {
        return Err(BackupError::Missing { path: from.to_owned(), count: missing, first });
    }
    Files { from: files, to: to.join(FILES) }.copy()?;
    let keys = from.join(keys::FILE);
    if keys.exists() {
        copy_file(&keys, &to.join(keys::FILE))?;
    }
    sync_folder(to)?;
    Ok(Restored { contents: found, missing })
}

/// A folder of files that are never changed, only added and removed.
struct Files {
    from: PathBuf,
    to: PathBuf,
}

impl Files {
    /// Copies what is not there yet. A file that goes meanwhile is passed over.
    fn copy(&self) -> Result<(), BackupError> {
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let (from, to) = (self.from.join(&folder), self.to.join(&folder));
            let entries = match fs::read_dir(&from) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&from)(error)),
            };
            if !to.exists() {
                make_folder(&to)?;
            }
            for entry in entries {
                let entry = entry.map_err(at(&from))?;
                let kind = entry.file_type().map_err(at(&entry.path()))?;
                if kind.is_dir() {
                    folders.push(folder.join(entry.file_name()));
                } else if kind.is_file() && !to.join(entry.file_name()).exists() {
                    match copy_file(&entry.path(), &to.join(entry.file_name())) {
                        Err(BackupError::Io { error, .. })
                            if error.kind() == io::ErrorKind::NotFound => {}
                        other => other?,
                    }
                }
            }
            sync_folder(&to)?;
        }
        Ok(())
    }
}

/// A folder that only its owner can look into: what is in it is as secret as the data.
fn make_folder(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().mode(0o700).create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
        _ => at(path)(error),
    })
}

fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut from = File::open(from).map_err(at(from))?;
    write_new(to, &mut from)
}

/// A file that only its owner can read. It is on the disk when this returns.
fn write_new(path: &Path, from: &mut dyn Read) -> Result<(), BackupError> {
    let mut write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        io::copy(from, &mut file)?;
        file.flush()?;
        file.sync_all()
    };
    write().map_err(at(path))
}

fn sync_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(at(path))
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    |error| BackupError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use chatloom_engine::{
        Attachment,
        attachment::{RequestKey, Stage},
    };
    use chatloom_wire::ParticipantId;
    use tempfile::TempDir;
    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::{
        blob::{Blobs, disk::DiskBlobs},
        store::{
            Store,
            conformance::sample,
            sqlite::{Options, Sqlite, reading::Reading},
        },
    };

    const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

    /// A server's data, without the server.
    struct Data {
        folder: TempDir,
        runtime: Runtime,
        store: Sqlite,
        blobs: DiskBlobs,
    }

    impl Data {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            fs::create_dir(&data).unwrap();
            let runtime = Builder::new_current_thread().build().unwrap();
            let store = Sqlite::open(data.join(DATABASE), Options::default()).unwrap();
            let blobs = DiskBlobs::open(data.join(FILES)).unwrap();
            Self { folder, runtime, store, blobs }
        }

        /// A chat with a file.
        fn add(&self, number: u64) -> (ContactId, BlobId) {
            let chat = ContactId::from(format!("00000000-0000-4000-8000-{number:012}"));
            let blob = self.runtime.block_on(async {
                let mut incoming = self.blobs.begin(&chat).await.unwrap();
                incoming.write(Bytes::from(format!("file {number}"))).await.unwrap();
                let blob = incoming.finish(NOW).await.unwrap();
                let mut state = sample(&chat, NOW);
                state.attachments = vec![Attachment {
                    id: "file".into(),
                    owner: ParticipantId::from("somebody"),
                    name: "a.txt".to_owned(),
                    content_type: "text/plain".to_owned(),
                    size: 6,
                    started_at: NOW,
                    upload_by: NOW,
                    request: RequestKey { token: 1, body: 2 },
                    sent_in: Some(chat.clone()),
                    stage: Stage::Approved { blob, token: 3 },
                }];
                self.store.create(Arc::new(state), None, None).await.unwrap();
                blob
            });
            (chat, blob)
        }

        /// Deletes a chat, and what it needed.
        fn delete(&self, (chat, blob): &(ContactId, BlobId)) {
            self.runtime.block_on(async {
                assert!(self.store.delete(chat).await.unwrap());
                while self.store.sweep_deleted(100).await.unwrap() > 0 {}
            });
            let path = self.folder.path().join("data").join(FILES);
            fs::remove_file(path_of(&path, chat, *blob).unwrap()).unwrap();
        }

        fn copy(&self, meanwhile: impl FnMut(Moment)) -> Result<Contents, BackupError> {
            let [data, copy] = ["data", "copy"].map(|name| self.folder.path().join(name));
            copy_data(&data, &copy, u64::MAX, NOW, meanwhile)
        }

        fn restore(&self) -> Restored {
            let [copy, again] = ["copy", "again"].map(|name| self.folder.path().join(name));
            restore(&copy, &again, false).unwrap()
        }
    }

    #[test]
    fn a_file_that_comes_and_goes_meanwhile_is_not_named() {
        let data = Data::new();
        data.add(1);
        let (mut moments, mut brief) = (Vec::new(), None);
        let contents = data.copy(|moment| {
            moments.push(moment);
            match moments.len() {
                1 => {
                    data.add(2);
                    brief = Some(data.add(3));
                }
                2 => data.delete(&brief.take().unwrap()),
                _ => {}
            }
        });
        let (before, settled) = (Moment::Before, Moment::Settled);
        assert_eq!(moments, [before, settled, before, settled], "once more, without it");
        assert_eq!(contents.unwrap().chats, 2, "the one that was there, and the one that stayed");
        let restored = data.restore();
        assert_eq!((restored.contents.chats, restored.missing), (2, 0));
    }

    #[test]
    fn a_copy_that_never_gets_whole_is_none() {
        let data = Data::new();
        let (mut number, mut brief) = (0, None);
        let contents = data.copy(|moment| match moment {
            Moment::Before => {
                number += 1;
                brief = Some(data.add(number));
            }
            Moment::Settled => data.delete(&brief.take().unwrap()),
        });
        assert!(matches!(contents, Err(BackupError::Unsettled)), "{contents:?}");
        assert_eq!(number, TRIES as u64);
        let manifest = data.folder.path().join("copy").join(MANIFEST);
        assert!(!manifest.exists(), "nobody takes it for one");
    }

    /// The log of a server that has died is the next start's: it may be all that there is of some pages
    /// (docs/adr/0017-nothing-is-read-back-from-a-cache.md).
    #[test]
    fn nobody_who_only_reads_empties_the_log_of_a_server_that_has_died() {
        let data = Data::new();
        data.add(1);
        let [running, dead] = ["data", "dead"].map(|name| data.folder.path().join(name));
        fs::create_dir(&dead).unwrap();
        let names = [DATABASE.to_owned(), format!("{DATABASE}-wal")];
        for name in &names {
            fs::copy(running.join(name), dead.join(name)).unwrap();
        }
        let now = || names.each_ref().map(|name| fs::read(dead.join(name)).ok());
        let before = now();
        let taken = Snapshot::take(&dead.join(DATABASE)).unwrap();
        drop(taken);
        assert!(now() == before, "a copy");
        drop(Reading::open(&dead.join(DATABASE)).unwrap());
        assert!(now() == before, "an export");
        // And the start finds all of it.
        let store = Sqlite::open(dead.join(DATABASE), Options::default()).unwrap();
        let found = data.runtime.block_on(async {
            let found = store.chat(&"00000000-0000-4000-8000-000000000001".into()).await.unwrap();
            store.close().await.unwrap();
            found
        });
        assert!(found.is_some());
    }

    #[test]
    fn what_the_data_lack_already_is_no_reason_to_have_no_copy() {
        let data = Data::new();
        let (chat, blob) = data.add(1);
        let files = data.folder.path().join("data").join(FILES);
        fs::remove_file(path_of(&files, &chat, blob).unwrap()).unwrap();
        let mut moments = 0;
        data.copy(|_| moments += 1).unwrap();
        assert_eq!(moments, 2, "once");
        let [copy, again] = ["copy", "again"].map(|name| data.folder.path().join(name));
        let refused = restore(&copy, &again, false);
        assert!(matches!(refused, Err(BackupError::Missing { count: 1, .. })), "{refused:?}");
    }
}
