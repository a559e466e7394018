//! The connections: who has a place, and what is spoken there.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::stopped;
use crate::{
    http::{self, App, Peer},
    tls::{HandshakeError, Tls},
};

/// How long no connection is accepted after one could not be, for instance because there are too many
/// open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the server is to stop.
pub(super) async fn run(
    app: &Arc<App>,
    listener: &TcpListener,
    tls: Option<&Arc<Tls>>,
    stopping: &watch::Receiver<bool>,
    places: &Arc<Semaphore>,
) {
    let router = http::router(app);
    let mut http1 = http1::Builder::new();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.http.header_timeout.get())
        .max_buf_size(app.config.http.max_head.bytes());
    let mut stop = std::pin::pin!(stopped(stopping.clone()));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(places).try_acquire_owned() else {
            app.metrics.connections_refused.inc();
            continue;
        };
        // Frames are small and nobody shall wait for them.
        let _ = stream.set_nodelay(true);
        app.metrics.connections.inc();
        let place = Place { app: Arc::clone(app), _permit: permit };
        let stop = stopped(stopping.clone());
        let (http1, router) = (http1.clone(), router.clone());
        match tls.cloned() {
            None => {
                let io = Connection { transport: Transport::Plain(stream), _place: place };
                tokio::spawn(serve(http1, router, io, peer, false, stop));
            }
            Some(tls) => {
                tokio::spawn(async move {
                    let mut stop = Box::pin(stop);
                    let handshake = tokio::select! {
                        handshake = tls.accept(stream) => handshake,
                        () = &mut stop => return,
                    };
                    match handshake {
                        Ok(stream) => {
                            let transport = Transport::Tls(Box::new(stream));
                            let io = Connection { transport, _place: place };
                            // In a task of its own, which does not hold what the handshake needed.
                            tokio::spawn(serve(http1, router, io, peer, true, stop));
                        }
                        Err(error) => {
                            if matches!(error, HandshakeError::TooMany) {
                                place.app.metrics.connections_refused.inc();
                            }
                            place.app.metrics.handshakes_failed.inc();
                            tracing::debug!(%error, "a TLS handshake failed");
                        }
                    }
                });
            }
        }
    }
}

/// Serves one connection until it ends or the server is to stop.
async fn serve(
    http1: http1::Builder,
    router: Router,
    io: Connection,
    peer: SocketAddr,
    is_secure: bool,
    stop: impl Future<Output = ()>,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer { address: peer, is_secure });
        router.clone().call(request)
    });
    let connection = http1.serve_connection(TokioIo::new(io), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke");
    }
}

/// A place among the connections that are allowed.
struct Place {
    app: Arc<App>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.app.metrics.connections.dec();
    }
}

/// A connection that has a place for as long as it lives, as a socket too.
struct Connection {
    transport: Transport,
    _place: Place,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls what the stream of either kind has.
macro_rules! either {
    ($connection:expr, $stream:ident => $call:expr) => {
        match &mut $connection.transport {
            Transport::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Transport::Tls($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(context))
    }
}
