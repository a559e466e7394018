//! Files: sent from memory, from a stream or from the disk; received as a stream.

use std::{
    fmt,
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use chatloom_session::{NewAttachment, Value};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::io::AsyncReadExt as _;

use crate::{
    error::Error,
    reply::{Outcome, Reply, unexpected},
    transfer,
    watch::Watch,
};

/// A file is read and sent in pieces of this size.
const PIECE: usize = 64 * 1024;

/// MIME types by the end of the name (docs/protocol/participant-service.md §5.3).
const TYPES: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("heic", "image/heic"),
    ("jfif", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("mov", "video/quicktime"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("rtf", "application/rtf"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
];

/// The MIME type of a file by the end of its name, of those that Amazon Connect takes.
fn type_of(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map(|(_, mime)| *mime)
}

/// A file to send with [`Chat::send_attachment`](crate::Chat::send_attachment).
pub struct Attachment {
    pub(crate) head: NewAttachment,
    pub(crate) body: FileBody,
}

/// Where the bytes of a file come from.
pub(crate) enum FileBody {
    Bytes(Bytes),
    /// Under a lock that nobody ever waits for: only so can the HTTP client share it.
    Stream(Mutex<BoxStream<'static, io::Result<Bytes>>>),
}

impl Attachment {
    /// A file in memory. The name has 1 to 256 characters; the type is a MIME type such as
    /// `image/png`, one of those that the contact centre allows.
    pub fn bytes(
        name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        let head = NewAttachment { name: name.into(), size, content_type: content_type.into() };
        Self { head, body: FileBody::Bytes(bytes) }
    }

    /// A file that comes piece by piece, of a size in bytes that must be known before. It is read
    /// only as fast as the storage takes it, and never held as a whole. A stream that fails, or that
    /// has more or fewer bytes, fails the call with [`Error::File`].
    pub fn stream(
        name: impl Into<String>,
        content_type: impl Into<String>,
        size: u64,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let head = NewAttachment { name: name.into(), size, content_type: content_type.into() };
        Self { head, body: FileBody::Stream(Mutex::new(pieces.boxed())) }
    }

    /// A file on the disk, under its own name and of the type that the name's end says;
    /// [`file_of_type`](Self::file_of_type) says another.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be opened or is not a file, or when the name does not tell a
    /// type that Amazon Connect takes.
    pub async fn file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content_type = type_of(&name).ok_or_else(|| Error::File {
            message: "the end of its name tells no type that is known; give one".to_owned(),
        })?;
        Self::open(path, name, content_type).await.map_err(Error::file)
    }

    /// A file on the disk, of a type that is given.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be opened or is not a file.
    pub async fn file_of_type(
        path: impl AsRef<Path>,
        content_type: impl Into<String>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::open(path, name, content_type).await.map_err(Error::file)
    }

    async fn open(path: &Path, name: String, content_type: impl Into<String>) -> io::Result<Self> {
        let file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        // A file that grows meanwhile is sent as it was.
        let size = metadata.len();
        let pieces = stream::try_unfold((file, size), async |(mut file, left)| {
            let mut piece = BytesMut::with_capacity(PIECE.min(left as usize));
            if left == 0 || file.read_buf(&mut piece).await? == 0 {
                return Ok(None);
            }
            piece.truncate(left.min(PIECE as u64) as usize);
            let left = left - piece.len() as u64;
            Ok(Some((piece.freeze(), (file, left))))
        });
        Ok(Self::stream(name, content_type, size, pieces))
    }

    /// Its name. Personal.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Its MIME type.
    pub fn content_type(&self) -> &str {
        &self.head.content_type
    }
}

/// Without the name: it is personal.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

impl FileBody {
    /// The file once more, where it can be had again.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => {
                let piece = bytes.split_to(PIECE.min(bytes.len()));
                Poll::Ready(Some(Ok(piece)))
            }
            Self::Stream(pieces) => match pieces.get_mut() {
                Ok(pieces) => pieces.poll_next_unpin(context),
                Err(_) => Poll::Ready(Some(Err(io::Error::other("its stream has failed before")))),
            },
        }
    }
}

/// How much of a file is through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadProgress {
    /// Bytes that are through.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A file on its way, from [`Chat::send_attachment`](crate::Chat::send_attachment): a future that is
/// done when the service has it. Dropping it breaks the upload off.
#[must_use = "dropping this breaks the upload off"]
#[derive(Debug)]
pub struct Uploading {
    pub(crate) reply: Reply<()>,
    pub(crate) progress: Watch<UploadProgress>,
}

impl Uploading {
    /// How much of it is through.
    pub fn progress(&self) -> Watch<UploadProgress> {
        self.progress.clone()
    }
}

impl Future for Uploading {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context)
    }
}

/// A file on its way here, from [`Chat::download_attachment`](crate::Chat::download_attachment): a
/// stream of its pieces. Dropping it breaks the download off.
pub struct Download {
    size: Option<u64>,
    content_type: Option<String>,
    pieces: BoxStream<'static, Result<Bytes, Error>>,
}

impl Download {
    /// How many bytes it has, if the storage says so.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Its MIME type, if the storage says so.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when the connection breaks or stalls; nothing follows then.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        self.pieces.next().await
    }

    /// All of it, if it has at most so many bytes.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next); [`Error::File`] when it is larger.
    pub async fn bytes(mut self, most: usize) -> Result<Bytes, Error> {
        let too_large = || Error::File { message: format!("it has more than {most} bytes") };
        if self.size.is_some_and(|size| size > most as u64) {
            return Err(too_large());
        }
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if all.len() + piece.len() > most {
                return Err(too_large());
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

impl Stream for Download {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_next_unpin(context)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// Where a file is, from [`Chat::attachment_url`](crate::Chat::attachment_url).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentUrl {
    /// Where. Secret: whoever has it may read the file.
    pub url: String,
    /// Until when it is good, ISO 8601, if the service says so.
    pub expiry: Option<String>,
}

/// Without the URL: it is secret.
impl fmt::Debug for AttachmentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentUrl").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

pub(crate) fn downloaded(outcome: Outcome) -> Result<Download, Error> {
    let Outcome::Download(response) = outcome else { return Err(unexpected()) };
    let content_type = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    Ok(Download {
        size: response.content_length(),
        content_type,
        pieces: transfer::pieces(*response).boxed(),
    })
}

pub(crate) fn attachment_url(outcome: Outcome) -> Result<AttachmentUrl, Error> {
    match outcome {
        Outcome::Value(Value::Url { url, expiry }) => Ok(AttachmentUrl { url, expiry }),
        _ => Err(unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_end_of_the_name() {
        for (name, expected) in [
            ("a.pdf", Some("application/pdf")),
            ("a.b.JPG", Some("image/jpeg")),
            ("a.exe", None),
            ("pdf", None),
            ("", None),
        ] {
            assert_eq!(type_of(name), expected, "{name}");
        }
    }

    #[test]
    fn names_and_urls_do_not_print() {
        let file = Attachment::bytes("my-name.txt", "text/plain", "abc");
        assert_eq!(
            (file.name(), file.size(), file.content_type()),
            ("my-name.txt", 3, "text/plain")
        );
        assert!(!format!("{file:?}").contains("my-name"));
        let url = AttachmentUrl { url: "http://secret".to_owned(), expiry: None };
        assert!(!format!("{url:?}").contains("secret"));
    }
}
