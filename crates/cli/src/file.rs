//! Files of a chat: sent from the disk, and fetched to it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use chatloom::{Attachment, Chat, Error, wire::AttachmentId};
use tokio::{fs::OpenOptions, io::AsyncWriteExt as _};

/// A file to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// Which; the newest one of somebody else's without an id.
    pub(crate) id: Option<AttachmentId>,
    /// Where it goes; nothing may be there.
    pub(crate) to: PathBuf,
}

/// A file that was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How many bytes it has.
    pub(crate) bytes: u64,
}

/// Sends a file under its own name.
pub(crate) async fn send(chat: &Chat, path: &Path) -> Result<(), Error> {
    chat.send_attachment(Attachment::file(path).await?).await
}

/// Writes a file to a path at which there is nothing yet. What did not come whole is removed again.
pub(crate) async fn fetch(chat: &Chat, id: AttachmentId, to: PathBuf) -> Result<Fetched, Error> {
    let mut download = chat.download_attachment(id).await?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&to)
        .await
        .map_err(|error| failed(&to, &error))?;
    let mut bytes = 0;
    let written = async {
        while let Some(piece) = download.next().await {
            let piece = piece?;
            bytes += piece.len() as u64;
            file.write_all(&piece).await.map_err(|error| failed(&to, &error))?;
        }
        file.flush().await.map_err(|error| failed(&to, &error))
    };
    match written.await {
        Ok(()) => Ok(Fetched { path: to, bytes }),
        Err(error) => {
            // The error that is told is the one before.
            let _ = tokio::fs::remove_file(&to).await;
            Err(error)
        }
    }
}

fn failed(path: &Path, error: &dyn fmt::Display) -> Error {
    Error::File { message: format!("{}: {error}", path.display()) }
}
