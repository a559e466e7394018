//! Files on their way between the application and the storage that the service names.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use chatloom_session::{HttpAnswer, RequestId, Upload};
use futures_util::{Stream, stream};
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use tokio::{sync::mpsc, time::timeout};

use crate::{attachment::FileBody, error::Error, http};

/// A transfer in which so long nothing moves has failed.
const STALL: Duration = Duration::from_mins(1);
/// Progress is told whenever so many bytes more are through, and at the end.
const PROGRESS_STEP: u64 = 64 * 1024;

/// Why an upload did not come to an answer of the storage.
pub(crate) enum UploadError {
    /// The application's file cannot be read, or is not as it said.
    File(String),
    /// The storage cannot be reached or stalls.
    Network(String),
}

/// What an upload and whoever watches it have in common.
#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    /// Why the file failed.
    broken: Mutex<Option<String>>,
}

/// A file on its way up.
struct UploadBody {
    request: RequestId,
    file: FileBody,
    left: u64,
    told: u64,
    shared: Arc<Shared>,
    progress: mpsc::Sender<(RequestId, u64)>,
}

impl UploadBody {
    fn broken(&self, error: io::Error) -> io::Error {
        *self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(error.to_string());
        error
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = match std::task::ready!(self.file.poll_piece(context)) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Poll::Ready(Some(Err(self.broken(error)))),
            None if self.left == 0 => return Poll::Ready(None),
            None => {
                let error = io::Error::other("it has fewer bytes than it said");
                return Poll::Ready(Some(Err(self.broken(error))));
            }
        };
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            let error = io::Error::other("it has more bytes than it said");
            return Poll::Ready(Some(Err(self.broken(error))));
        };
        self.left = left;
        let sent =
            self.shared.sent.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
        if left == 0 || sent - self.told >= PROGRESS_STEP {
            self.told = sent;
            // A driver that is behind hears the next one; the end of the call tells the rest.
            let _ = self.progress.try_send((self.request, sent));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        // A stream that has more than it said must be found out.
        self.left == 0 && matches!(self.file, FileBody::Bytes(_))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Brings a file to the storage.
pub(crate) async fn upload(
    client: reqwest::Client,
    upload: Upload,
    file: FileBody,
    size: u64,
    progress: mpsc::Sender<(RequestId, u64)>,
) -> Result<HttpAnswer, UploadError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, size.into());
    for (name, value) in &upload.headers {
        let (Ok(name), Ok(mut value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        else {
            return Err(UploadError::Network("the service asks for odd headers".to_owned()));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let shared = Arc::new(Shared::default());
    let body = UploadBody {
        request: upload.request,
        file,
        left: size,
        told: 0,
        shared: Arc::clone(&shared),
        progress,
    };
    let exchange = async {
        let request = client.put(&upload.url).headers(headers).body(reqwest::Body::wrap(body));
        http::read(request.send().await.map_err(http::why)?).await
    };
    let result = moving(exchange, &shared.sent).await;
    let broken = shared.broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    match broken {
        Some(message) => Err(UploadError::File(message)),
        None => result.map_err(UploadError::Network),
    }
}

/// Lets something take its time as long as bytes move.
async fn moving<T>(
    exchange: impl Future<Output = Result<T, String>>,
    moved: &AtomicU64,
) -> Result<T, String> {
    let mut exchange = std::pin::pin!(exchange);
    let mut before = 0;
    loop {
        if let Ok(result) = timeout(STALL, &mut exchange).await {
            return result;
        }
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return Err(format!("the storage took no data for {} s", STALL.as_secs()));
        }
        before = now;
    }
}

/// Asks the storage for a file: the answer for the core, and what has the file if there is one.
pub(crate) async fn download(
    client: reqwest::Client,
    url: String,
) -> Result<(HttpAnswer, Option<Box<reqwest::Response>>), String> {
    let response = timeout(STALL, client.get(&url).send())
        .await
        .map_err(|_| format!("the storage gave no answer in {} s", STALL.as_secs()))?
        .map_err(http::why)?;
    let answer = HttpAnswer {
        status: response.status().as_u16(),
        error_type: None,
        request_id: None,
        retry_after_ms: None,
        body: String::new(),
    };
    let file = response.status().is_success().then(|| Box::new(response));
    Ok((answer, file))
}

/// The pieces of a file, until one fails.
pub(crate) fn pieces(response: reqwest::Response) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::unfold(Some(response), async |response| {
        let mut response = response?;
        match timeout(STALL, response.chunk()).await {
            Ok(Ok(Some(piece))) => Some((Ok(piece), Some(response))),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => Some((Err(Error::Unreachable { message: http::why(error) }), None)),
            Err(_) => {
                let message = format!("the storage gave no data for {} s", STALL.as_secs());
                Some((Err(Error::Unreachable { message }), None))
            }
        }
    })
}
