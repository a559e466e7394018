//! The bytes of files: signed URLs that one uploads to and downloads from.
//!
//! The token in the URL is the whole permission, as with the storage of Amazon Connect. Type and size
//! are those that the upload was started with, and are looked at while the bytes come in: nothing is
//! held but the piece that came last.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::BytesMut;
use chatloom_engine::{
    BlobId,
    attachment::Stage,
    media,
    token::{FilePass, FileUse},
};
use chatloom_wire::{ErrorKind, ServiceError};
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use super::{
    Answer, App, Call, error,
    range::{Part, part},
};
use crate::{
    blob::{BlobError, Incoming, Outgoing},
    files::Place,
};

/// What paths of files begin with; the token follows.
pub(super) const PREFIX: &str = "/v1/files/";
/// The paths of files.
pub(super) const PATH: &str = "/v1/files/{token}";

/// A file is read and sent in pieces of this size.
const PIECE: usize = 64 * 1024;

pub(super) async fn upload(app: Arc<App>, mut call: Call) -> Answer {
    let pass = app.file_pass(FileUse::Upload, &call)?;
    let file = app.chats.file_to_upload(&pass.chat, &pass.attachment).await?;
    let given = call.header(header::CONTENT_TYPE.as_str()).map(media::essence);
    if !given.is_some_and(|given| given.eq_ignore_ascii_case(&file.content_type)) {
        return Err(error::validation("Content-Type: the one of HeadersToInclude"));
    }
    let length = call.header(header::CONTENT_LENGTH.as_str()).map(str::parse::<u64>);
    if length.is_some_and(|length| length != Ok(file.size)) {
        return Err(wrong_size(file.size));
    }
    let place = app.files.place_for_upload(&pass.chat)?;

    let incoming = app.files.blobs.begin(&pass.chat).await.map_err(|error| failed(&error))?;
    let mut body = call.take_body();
    let received = receive(&app, &mut body, incoming, file.size).await;
    // Whatever is left of it is read away, so that the client can read the answer.
    call.give_back(body);
    // Done to its end even if the client hangs up now: what is kept without the chat's knowing of it
    // would fill the disk.
    let kept = keep(app, pass, received?, place).in_current_span();
    let blob = tokio::spawn(kept).await.map_err(|error| {
        tracing::error!(%error, "a file was not kept");
        ServiceError::new(ErrorKind::InternalServer, "The file could not be kept; try again")
    })??;
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::ETAG, etag(blob));
    Ok(response)
}

/// Makes a file that is here whole durable, and the chat know of it. A file has one content: of another
/// upload nothing is kept.
async fn keep(
    app: Arc<App>,
    pass: FilePass,
    (incoming, head): (Box<dyn Incoming>, Vec<u8>),
    _place: Place,
) -> Result<BlobId, ServiceError> {
    let FilePass { chat, attachment, .. } = pass;
    let _turn = app.files.turn(&attachment).await;
    // Another upload of it may have been faster.
    let file = app.chats.file_to_upload(&chat, &attachment).await?;
    let genuine = media::looks_like(&file.content_type, &file.name, &head);
    let blob = match (&file.stage, incoming.name()) {
        (Stage::Uploaded { .. }, Some(name)) => name,
        _ => incoming.finish(app.now()).await.map_err(|error| failed(&error))?,
    };
    app.chats.uploaded(&chat, &attachment, blob, genuine).await?;
    let counts = &app.files.counts;
    counts.uploads.fetch_add(1, Relaxed);
    counts.upload_bytes.fetch_add(file.size, Relaxed);
    if !genuine {
        counts.not_genuine.fetch_add(1, Relaxed);
    }
    Ok(blob)
}

/// Takes exactly `size` bytes; gives them with the first of them once more.
async fn receive(
    app: &App,
    body: &mut Body,
    mut incoming: Box<dyn Incoming>,
    size: u64,
) -> Result<(Box<dyn Incoming>, Vec<u8>), ServiceError> {
    let settings = app.files.settings();
    let until = Instant::now() + settings.transfer_timeout.get();
    let mut left = size;
    let mut head = Vec::with_capacity(media::HEAD_BYTES.min(size as usize));
    // A client may send a byte at a time: each write is work for a thread.
    let mut piece = BytesMut::new();
    loop {
        let patience = until.min(Instant::now() + settings.stall_timeout.get());
        let frame = match timeout_at(patience, body.frame()).await {
            Ok(None) if left == 0 => {
                incoming.write(piece.freeze()).await.map_err(|error| failed(&error))?;
                return Ok((incoming, head));
            }
            Ok(None) => return Err(wrong_size(size)),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(error::validation("The file ended before its end")),
            Err(_) => {
                return Err(ServiceError {
                    kind: ErrorKind::Other("RequestTimeoutException".into()),
                    status: StatusCode::REQUEST_TIMEOUT.as_u16(),
                    message: "The upload took too long".to_owned(),
                });
            }
        };
        let Ok(bytes) = frame.into_data() else { continue };
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| wrong_size(size))?;
        let wanted = (media::HEAD_BYTES - head.len()).min(bytes.len());
        head.extend_from_slice(&bytes[..wanted]);
        piece.extend_from_slice(&bytes);
        if piece.len() >= PIECE {
            incoming.write(piece.split().freeze()).await.map_err(|error| failed(&error))?;
        }
    }
}

pub(super) async fn download(app: Arc<App>, call: Call) -> Answer {
    let pass = app.file_pass(FileUse::Download, &call)?;
    let (file, blob) = app.chats.file_to_download(&pass.chat, &pass.attachment).await?;
    let tag = etag(blob);
    // A part of another file than the one that the client has begun with is of no use to it.
    let is_same = call.header(header::IF_RANGE.as_str()).is_none_or(|known| known == tag);
    let range = call.header(header::RANGE.as_str()).filter(|_| is_same);
    let (status, first, last) = match part(range, file.size) {
        Part::Whole => (StatusCode::OK, 0, file.size.saturating_sub(1)),
        Part::From(first, last) => (StatusCode::PARTIAL_CONTENT, first, last),
        Part::Nothing => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut response, header::CONTENT_RANGE, format!("bytes */{}", file.size));
            return Ok(response);
        }
    };
    let place = app.files.place_for_download(&pass.chat)?;
    let open =
        app.files.blobs.open(&pass.chat, blob, first).await.map_err(|error| failed(&error))?;
    let open = open.filter(|open| open.size() == file.size).ok_or_else(|| {
        tracing::error!(chat = %pass.chat, "the bytes of an attachment are not there");
        ServiceError::new(ErrorKind::InternalServer, "The file cannot be read")
    })?;
    app.files.counts.downloads.fetch_add(1, Relaxed);
    let length = last + 1 - first;
    let limit = app.files.settings().transfer_timeout.get();
    let mut response = Response::new(Sending::body(&app, open, place, length, limit));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, file.content_type.clone());
    set(&mut response, header::CONTENT_LENGTH, length.to_string());
    set(&mut response, header::CONTENT_DISPOSITION, disposition(pass.inline, &file.name));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{last}/{}", file.size);
        set(&mut response, header::CONTENT_RANGE, range);
    }
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-store"),
        // Whatever somebody sent here must not become a page of this origin.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn set(response: &mut Response, name: HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(value) => drop(response.headers_mut().insert(name, value)),
        Err(error) => tracing::error!(%error, %name, "a header of a file cannot be written"),
    }
}

/// A file on its way out. When its time is up it is closed, and its place given to another, even if
/// the client does not read on.
struct Sending(Mutex<Option<(Box<dyn Outgoing>, Place)>>);

impl Sending {
    fn body(
        app: &Arc<App>,
        open: Box<dyn Outgoing>,
        place: Place,
        length: u64,
        limit: Duration,
    ) -> Body {
        let sending = Arc::new(Self(Mutex::new(Some((open, place)))));
        let until = Instant::now() + limit;
        let (is_sent, sent) = oneshot::channel::<()>();
        let watched = Arc::clone(&sending);
        tokio::spawn(async move {
            // An error is what it waits for: the other end is dropped with the body.
            if timeout_at(until, sent).await.is_err() {
                drop(watched.0.lock().take());
            }
        });
        let app = Arc::clone(app);
        let pieces =
            stream::try_unfold((sending, length, is_sent), move |(sending, left, is_sent)| {
                let app = Arc::clone(&app);
                async move {
                    if left == 0 {
                        return Ok(None);
                    }
                    let open = sending.0.lock().take();
                    let (mut open, place) = open.ok_or_else(too_long)?;
                    let bytes = open.read(PIECE.min(left as usize)).await?;
                    if Instant::now() >= until {
                        // Its time ended during the reading, and nobody looks a second time.
                        return Err(too_long());
                    }
                    if bytes.is_empty() {
                        return Err(BlobError::Failed(
                            "the file is shorter than it was".to_owned(),
                        ));
                    }
                    *sending.0.lock() = Some((open, place));
                    app.files.counts.download_bytes.fetch_add(bytes.len() as u64, Relaxed);
                    let left = left - bytes.len() as u64;
                    Ok::<_, BlobError>(Some((bytes, (sending, left, is_sent))))
                }
            });
        Body::from_stream(pieces)
    }
}

fn too_long() -> BlobError {
    BlobError::Failed("sending it took too long".to_owned())
}

fn etag(blob: BlobId) -> HeaderValue {
    HeaderValue::try_from(format!("\"{blob}\"")).expect("quotes and hexadecimal digits are ASCII")
}

fn wrong_size(size: u64) -> ServiceError {
    error::validation(format!("The file has {size} bytes, as was said when its upload was started"))
}

fn failed(error: &BlobError) -> ServiceError {
    tracing::error!(%error, "a file was not taken or given");
    ServiceError::new(ErrorKind::InternalServer, "The file could not be kept or read; try again")
}

/// Whether a browser shows or saves a file, and under which name (RFC 6266). Clients that know the
/// extended form take it; for the others what is not ASCII, or means something in a header or to a
/// file system, is an underscore.
pub(super) fn disposition(inline: bool, name: &str) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '/' | '%' | ':' | '*' | '?' | '<' | '>' | '|' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut header = format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        // What stands as it is in an extended value (RFC 8187 §3.2.1).
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            header.push(byte.into());
        } else {
            write!(header, "%{byte:02X}").expect("a String takes everything");
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_headers() {
        for (name, expected) in [
            ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
            (
                "na\u{ef}ve \u{20ac}.pdf",
                "attachment; filename=\"na_ve _.pdf\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.pdf",
            ),
            (
                "x\"; filename=evil.exe",
                "attachment; filename=\"x_; filename=evil.exe\"; \
                 filename*=UTF-8''x%22%3B%20filename%3Devil.exe",
            ),
            ("a%41", "attachment; filename=\"a_41\"; filename*=UTF-8''a%2541"),
            ("a'b*(c)", "attachment; filename=\"a'b_(c)\"; filename*=UTF-8''a%27b%2A%28c%29"),
            // Cannot come here, and does no harm if it does.
            ("a\r\nb\0", "attachment; filename=\"a__b_\"; filename*=UTF-8''a%0D%0Ab%00"),
        ] {
            let written = disposition(false, name);
            assert_eq!(written, expected);
            assert!(HeaderValue::from_str(&written).is_ok());
        }
        assert!(disposition(true, "a").starts_with("inline; "));
    }
}
