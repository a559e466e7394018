//! WebSockets: each runs in a task of its own, so that one that stalls holds up nobody else.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The largest frame that is read; a larger one closes the socket. An item of the largest content,
/// escaped twice, stays below.
const MAX_FRAME_BYTES: usize = 1024 * 1024;
/// Frames that wait to be written. The core writes a handful every ten seconds, so a socket that
/// holds up this many is as good as dead, and is given up.
const WRITE_QUEUE: usize = 64;
/// How long writing one frame, or saying goodbye, may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a socket has to say. `Closed` is the last.
pub(crate) enum Report {
    Opened,
    Text(String),
    Closed { code: Option<u16>, reason: String },
}

enum Write {
    Text(Cow<'static, str>),
    Close { code: u16, reason: &'static str },
}

/// The writing end of a socket. Dropping it closes the socket.
pub(crate) struct Socket {
    writes: mpsc::Sender<Write>,
}

/// How sockets are opened.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) connect_timeout: Duration,
}

/// Opens a socket. Its reports go to `reports` under `id`; a full channel holds up only this socket.
pub(crate) fn open<Id: Copy + Send + Sync + 'static>(
    settings: &Settings,
    id: Id,
    url: String,
    reports: mpsc::Sender<(Id, Report)>,
) -> Socket {
    let (writes, queue) = mpsc::channel(WRITE_QUEUE);
    let settings = settings.clone();
    tokio::spawn(async move {
        let (code, reason) = run(settings, &url, id, &reports, queue).await;
        // The driver may be gone; then nobody wants to know.
        let _ = reports.send((id, Report::Closed { code, reason })).await;
    });
    Socket { writes }
}

impl Socket {
    /// Queues a frame. `false` when the socket cannot take it: it is closed or stalls.
    pub(crate) fn write(&self, text: Cow<'static, str>) -> bool {
        self.writes.try_send(Write::Text(text)).is_ok()
    }

    /// Says goodbye and closes.
    pub(crate) fn close(self, code: u16, reason: &'static str) {
        // When the queue is full, dropping the sender closes as well, with another code.
        let _ = self.writes.try_send(Write::Close { code, reason });
    }
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn run<Id: Copy>(
    settings: Settings,
    url: &str,
    id: Id,
    reports: &mpsc::Sender<(Id, Report)>,
    mut queue: mpsc::Receiver<Write>,
) -> (Option<u16>, String) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(64 * 1024)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let connector = Connector::Rustls(settings.tls);
    let opening = connect_async_tls_with_config(url, Some(config), true, Some(connector));
    let mut stream: Stream = tokio::select! {
        opened = timeout(settings.connect_timeout, opening) => match opened {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(error)) => return (None, why(&error)),
            Err(_) => {
                let waited = settings.connect_timeout.as_millis();
                return (None, format!("the socket did not open within {waited} ms"));
            }
        },
        () = given_up(&mut queue) => return (None, "closed before it opened".to_owned()),
    };
    if reports.send((id, Report::Opened)).await.is_err() {
        return (None, String::new());
    }
    loop {
        tokio::select! {
            write = queue.recv() => match write {
                Some(Write::Text(text)) => {
                    let message = Message::text(text.into_owned());
                    match timeout(WRITE_TIMEOUT, stream.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return (None, why(&error)),
                        Err(_) => return (None, "the peer takes no data".to_owned()),
                    }
                }
                Some(Write::Close { code, reason }) => return goodbye(stream, code, reason).await,
                None => return goodbye(stream, 1001, "").await,
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if reports.send((id, Report::Text(text.as_str().to_owned()))).await.is_err() {
                        return (None, String::new());
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map(|frame| frame.code.into());
                    let reason = frame.map(|frame| frame.reason.as_str().to_owned());
                    return (code, reason.unwrap_or_default());
                }
                // Binary frames are no part of the protocol; pings are answered below us.
                Some(Ok(_)) => {}
                Some(Err(error)) => return (None, why(&error)),
                None => return (None, "the peer closed the connection".to_owned()),
            },
        }
    }
}

/// Waits until the driver wants the socket closed; what it wrote before the socket opened is lost,
/// and the core writes nothing then.
async fn given_up(queue: &mut mpsc::Receiver<Write>) {
    while let Some(Write::Text(_)) = queue.recv().await {}
}

async fn goodbye(mut stream: Stream, code: u16, reason: &'static str) -> (Option<u16>, String) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
    let closing = async {
        stream.close(Some(frame)).await?;
        // The other side's goodbye, so that it does not see a reset.
        while let Some(message) = stream.next().await {
            message?;
        }
        Ok::<_, Error>(())
    };
    // Neither an error nor a time-out matters to a socket that nobody listens to.
    let _ = timeout(WRITE_TIMEOUT, closing).await;
    (Some(code), reason.to_owned())
}

/// Why a socket failed, never with its URL: whoever has that may listen.
fn why(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection is closed".to_owned(),
        Error::Io(error) => error.to_string(),
        Error::Tls(error) => format!("TLS: {error}"),
        Error::Capacity(error) => error.to_string(),
        Error::Protocol(error) => error.to_string(),
        Error::Utf8(_) => "a text frame is not UTF-8".to_owned(),
        Error::Http(response) => {
            format!("the socket was refused with HTTP status {}", response.status())
        }
        Error::Url(_) | Error::HttpFormat(_) => "the socket's URL cannot be used".to_owned(),
        Error::WriteBufferFull(_) => "the peer takes no data".to_owned(),
        Error::AttackAttempt => "the peer sends nonsense".to_owned(),
    }
}
