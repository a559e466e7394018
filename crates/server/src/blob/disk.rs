//! Files in a folder.
//!
//! `<part>/<chat>/<name>` holds a file, `incoming/` what is not whole yet. A file is written there,
//! made durable, and then renamed: so whatever stands under a name is whole. The folder belongs to one
//! process, the one that has the database of the same data folder.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chatloom_engine::BlobId;
use chatloom_wire::{ContactId, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{Answer, BlobError, Blobs, Incoming, Outgoing};
use crate::random;

/// Where files are until they are whole.
const INCOMING: &str = "incoming";

/// Files in a folder. See the [module](self).
pub struct DiskBlobs {
    folder: Arc<Path>,
    /// Held while names come and go: what removes old ones must not meet what brings them anew.
    names: Arc<Mutex<()>>,
}

impl fmt::Debug for DiskBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskBlobs").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl DiskBlobs {
    /// Opens the folder, which is made if it is not there. What an earlier process left in the middle
    /// of its way in is removed.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let incoming = folder.join(INCOMING);
        make_folder(&incoming)?;
        for left in fs::read_dir(&incoming)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { folder: folder.into(), names: Arc::default() })
    }

    fn chat_folder(&self, chat: &ContactId) -> Result<PathBuf, BlobError> {
        chat_folder(&self.folder, chat)
    }
}

/// Only ids as the server makes them are names of folders: nothing that a peer wrote gets into a
/// path.
fn chat_folder(folder: &Path, chat: &ContactId) -> Result<PathBuf, BlobError> {
    let id = chat.as_str();
    let digits = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = id.split('-');
    let is_uuid = [8, 4, 4, 4, 12]
        .iter()
        .all(|length| parts.next().is_some_and(|part| part.len() == *length && digits(part)))
        && parts.next().is_none();
    match id.get(id.len().saturating_sub(2)..) {
        // The end, since ids may begin with the time.
        Some(part) if is_uuid => Ok(folder.join(part).join(id)),
        _ => Err(BlobError::Failed("the id of the chat cannot name a folder".to_owned())),
    }
}

/// Where a file of a chat is, in a folder of files; `None` for a chat that cannot have any.
pub(crate) fn path_of(folder: &Path, chat: &ContactId, blob: BlobId) -> Option<PathBuf> {
    Some(chat_folder(folder, chat).ok()?.join(blob.to_string()))
}

/// A folder that only its owner sees into, with those above it. What is new is durable.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Runs what waits for the disk where it keeps nobody else waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(BlobError::Failed(error.to_string())))
}

impl Blobs for DiskBlobs {
    fn begin(&self, chat: &ContactId) -> Answer<'_, Box<dyn Incoming>> {
        let chat = self.chat_folder(chat);
        let path = self.folder.join(INCOMING).join(random::uuid().to_string());
        let names = Arc::clone(&self.names);
        Box::pin(async move {
            let chat = chat?;
            blocking(move || {
                let file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                let part = Part(path);
                let open = Some((file, Sha256::new()));
                Ok(Box::new(DiskIncoming { open, part, chat, names }) as Box<dyn Incoming>)
            })
            .await
        })
    }

    fn open(
        &self,
        chat: &ContactId,
        blob: BlobId,
        from: u64,
    ) -> Answer<'_, Option<Box<dyn Outgoing>>> {
        let chat = self.chat_folder(chat);
        Box::pin(async move {
            let path = chat?.join(blob.to_string());
            blocking(move || {
                let mut file = match File::open(path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                let size = file.metadata()?.len();
                file.seek(SeekFrom::Start(from))?;
                Ok(Some(Box::new(DiskOutgoing { file: Some(file), size }) as Box<dyn Outgoing>))
            })
            .await
        })
    }

    fn local(&self, chat: &ContactId, blob: BlobId) -> Answer<'_, Option<PathBuf>> {
        let chat = self.chat_folder(chat);
        Box::pin(async move {
            let path = chat?.join(blob.to_string());
            blocking(move || Ok(path.try_exists()?.then_some(path))).await
        })
    }

    fn chats(&self, part: u16) -> Answer<'_, Vec<ContactId>> {
        let folder = self.folder.join(format!("{part:02x}"));
        Box::pin(blocking(move || {
            let listed = match fs::read_dir(folder) {
                Ok(listed) => listed,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut chats = Vec::new();
            for chat in listed {
                if let Some(id) = chat?.file_name().to_str() {
                    chats.push(id.into());
                }
            }
            Ok(chats)
        }))
    }

    fn retain(&self, chat: &ContactId, named: Vec<BlobId>, before: Timestamp) -> Answer<'_, u64> {
        let (chat, lock) = (self.chat_folder(chat), Arc::clone(&self.names));
        Box::pin(async move {
            let chat = chat?;
            blocking(move || {
                let before = system_time(before);
                let _lock = lock.lock();
                let listed = match fs::read_dir(&chat) {
                    Ok(listed) => listed,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                    Err(error) => return Err(error.into()),
                };
                let mut removed = 0;
                for file in listed {
                    let file = file?;
                    let id = file.file_name().to_str().and_then(|name| name.parse::<BlobId>().ok());
                    let is_named = id.is_none_or(|id| named.contains(&id));
                    if !is_named && file.metadata()?.modified()? < before {
                        fs::remove_file(file.path())?;
                        removed += 1;
                    }
                }
                remove_if_empty(&chat)?;
                Ok(removed)
            })
            .await
        })
    }

    fn delete_chat(&self, chat: &ContactId) -> Answer<'_, ()> {
        let (chat, names) = (self.chat_folder(chat), Arc::clone(&self.names));
        Box::pin(async move {
            let chat = chat?;
            blocking(move || {
                let _names = names.lock();
                match fs::remove_dir_all(&chat) {
                    Ok(()) => chat.parent().map_or(Ok(()), sync_folder).map_err(BlobError::from),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(error.into()),
                }
            })
            .await
        })
    }
}

fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.as_millis().max(0) as u64)
}

/// A file that is not whole. It goes unless it has got its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there any more when it has its name; else the next start tries again.
        let _ = fs::remove_file(&self.0);
    }
}

struct DiskIncoming {
    /// Nothing after a failure.
    open: Option<(File, Sha256)>,
    part: Part,
    chat: PathBuf,
    names: Arc<Mutex<()>>,
}

fn broken() -> BlobError {
    BlobError::Failed("it failed before".to_owned())
}

impl Incoming for DiskIncoming {
    fn write(&mut self, bytes: Bytes) -> Answer<'_, ()> {
        let open = self.open.take();
        Box::pin(async move {
            let (mut file, mut hash) = open.ok_or_else(broken)?;
            self.open = Some(
                blocking(move || {
                    hash.update(&bytes);
                    file.write_all(&bytes)?;
                    Ok((file, hash))
                })
                .await?,
            );
            Ok(())
        })
    }

    fn name(&self) -> Option<BlobId> {
        self.open.as_ref().map(|(_, hash)| BlobId(hash.clone().finalize().into()))
    }

    fn finish(self: Box<Self>, now: Timestamp) -> Answer<'static, BlobId> {
        Box::pin(blocking(move || {
            let Self { open, part, chat, names } = *self;
            let (file, hash) = open.ok_or_else(broken)?;
            file.set_modified(system_time(now))?;
            file.sync_all()?;
            let blob = BlobId(hash.finalize().into());
            {
                let _names = names.lock();
                make_folder(&chat)?;
                fs::rename(&part.0, chat.join(blob.to_string()))?;
            }
            sync_folder(&chat)?;
            Ok(blob)
        }))
    }
}

struct DiskOutgoing {
    /// Nothing while it is read, or after a failure.
    file: Option<File>,
    size: u64,
}

impl Outgoing for DiskOutgoing {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, most: usize) -> Answer<'_, Bytes> {
        let file = self.file.take();
        Box::pin(async move {
            let mut file = file.ok_or_else(broken)?;
            let (file, bytes) = blocking(move || {
                let mut bytes = Vec::with_capacity(most);
                (&mut file).take(most as u64).read_to_end(&mut bytes)?;
                Ok((file, bytes))
            })
            .await?;
            self.file = Some(file);
            Ok(bytes.into())
        })
    }
}
