//! Who did what by the control plane: a line for each call that was signed with one of our keys.
//!
//! A line says when, which key, from where, which operation, about which contact, and how it ended. It
//! has no content, no names and no attributes. Lines go to the log under the target `audit`, and to a
//! file, one JSON object each, if one is configured. A call is answered after its line is in the file.
//! When somebody moves the file away, the next line begins a new one: so an operator rotates it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use chatloom_wire::{ContactId, ServiceError, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{chats::Clock, config::AuditSection};

/// What is learnt of a call while it is served.
#[derive(Debug, Default)]
pub(crate) struct Note {
    operation: OnceLock<&'static str>,
    key: OnceLock<String>,
    contact: OnceLock<ContactId>,
}

impl Note {
    /// The operation, where the path alone does not tell it.
    pub(crate) fn set_operation(&self, name: &'static str) {
        let _ = self.operation.set(name);
    }

    /// The key that signed it.
    pub(crate) fn set_key(&self, id: &str) {
        let _ = self.key.set(id.to_owned());
    }

    /// The contact it is about: the first that is named counts.
    pub(crate) fn set_contact(&self, id: &ContactId) {
        let _ = self.contact.set(id.clone());
    }
}

/// What a line calls the outcome of a call whose caller went away before there was one. What the call
/// asked for may have been done.
const GONE: (u16, &str) = (499, "CallerWentAway");

#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    key: &'a str,
    address: IpAddr,
    operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<&'a str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    request: &'a str,
}

/// Where lines go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    file: Option<Arc<Mutex<Appended>>>,
}

impl Audit {
    /// To the log, and to a file if there is one.
    pub(crate) fn open(config: &AuditSection) -> io::Result<Self> {
        let path = config.file.as_deref();
        let file = path.map(|path| Appended::open(path, config.sync)).transpose()?;
        Ok(Self { file: file.map(|file| Arc::new(Mutex::new(file))) })
    }
}

/// A call that is being served. It leaves its line also when its caller goes away.
pub(crate) struct Watched {
    pub(crate) audit: Audit,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) note: Arc<Note>,
    pub(crate) operation: &'static str,
    pub(crate) address: IpAddr,
    pub(crate) request: String,
    /// Whether its line has been written, or nobody wants one.
    pub(crate) has_ended: bool,
}

impl Watched {
    /// Writes the line of a call that was signed; nothing for one that was not, which anybody can make.
    /// Fails when the line is not in the file.
    pub(crate) async fn end(mut self, error: Option<&ServiceError>) -> io::Result<()> {
        self.has_ended = true;
        if self.note.key.get().is_none() {
            return Ok(());
        }
        let outcome = error.map_or((200, None), |error| (error.status, Some(error.kind.name())));
        let Some((file, line)) = self.line(outcome)? else { return Ok(()) };
        let write = move || file.lock().append(line.as_bytes());
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }

    /// Says to the log how it ended, and makes the line for the file.
    fn line(
        &self,
        (status, error): (u16, Option<&str>),
    ) -> io::Result<Option<(Arc<Mutex<Appended>>, String)>> {
        let Self { audit, clock, note, address, request, .. } = self;
        let Some(key) = note.key.get() else { return Ok(None) };
        let operation = note.operation.get().copied().unwrap_or(self.operation);
        let contact = note.contact.get().map(ContactId::as_str);
        tracing::info!(
            target: "audit",
            key,
            %address,
            operation,
            contact,
            status,
            error,
            request,
            "a back end called"
        );
        let Some(file) = &audit.file else { return Ok(None) };
        let (time, address) = (clock.now(), *address);
        let line = Line { time, key, address, operation, contact, status, error, request };
        let mut line = serde_json::to_string(&line).map_err(io::Error::other)?;
        line.push('\n');
        Ok(Some((Arc::clone(file), line)))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let (status, error) = GONE;
        let Ok(Some((file, line))) = self.line((status, Some(error))) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || {
                if let Err(error) = file.lock().append(line.as_bytes()) {
                    tracing::error!(%error, "a line of the audit log could not be written");
                }
            });
        }
    }
}

/// A file that lines are added to.
#[derive(Debug)]
struct Appended {
    path: PathBuf,
    file: File,
    /// Whether lines are on the disk before their calls are answered.
    sync: bool,
    /// Whether the file ends within a line: somebody died, or the disk was full.
    is_torn: bool,
}

impl Appended {
    fn open(path: &Path, sync: bool) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let is_torn = ends_within_a_line(path, &file);
        if is_torn {
            tracing::warn!(path = %path.display(), "the audit log ends within a line, which is left as it is");
        }
        Ok(Self { path: path.to_owned(), file, sync, is_torn })
    }

    /// Adds a line, whole, to the file that has the name now.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let open = self.file.metadata()?;
        let is_there = match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_there {
            *self = Self::open(&self.path, self.sync)?;
        }
        // What is there of another line shall not make this one unreadable.
        let start: &[u8] = if self.is_torn { b"\n" } else { b"" };
        self.is_torn = true;
        self.file.write_all(&[start, line].concat())?;
        self.is_torn = false;
        if self.sync {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// Whether the last byte of a file is not the end of a line. What is no file, or may not be read, is
/// taken as it is.
fn ends_within_a_line(path: &Path, file: &File) -> bool {
    let mut last = [b'\n'];
    if let Ok(metadata) = file.metadata()
        && metadata.is_file()
        && let Some(at) = metadata.len().checked_sub(1)
        && let Ok(file) = File::open(path)
    {
        let _ = file.read_exact_at(&mut last, at);
    }
    last != *b"\n"
}
