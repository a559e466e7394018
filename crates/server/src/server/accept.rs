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
    time::{Instant, Sleep},
};
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::{again::Again, seldom::Seldom, stopped};
use crate::{
    clients::{Full, Held},
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
    let refusals = Arc::new(Refusals::default());
    let failures = Seldom::default();
    let mut stop = std::pin::pin!(stopped(stopping.clone()));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(times) = failures.say(Instant::now()) {
                    tracing::warn!(%error, times, "connections cannot be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = match Place::take(app, places, peer) {
            Ok(place) => place,
            Err(bound) => {
                refusals.add(app, bound, peer);
                continue;
            }
        };
        // Frames are small and nobody shall wait for them.
        let _ = stream.set_nodelay(true);
        let stop = stopped(stopping.clone());
        let (http1, router) = (http1.clone(), router.clone());
        match tls.cloned() {
            None => {
                let io = Connection::new(Transport::Plain(stream), place);
                tokio::spawn(serve(http1, router, io, peer, false, stop));
            }
            Some(tls) => {
                let Ok(shaking) = app.gates.clients.shake_hands(peer.ip()) else {
                    refusals.add(app, "address_handshakes", peer);
                    continue;
                };
                let refusals = Arc::clone(&refusals);
                tokio::spawn(async move {
                    let mut stop = Box::pin(stop);
                    let handshake = tokio::select! {
                        handshake = tls.accept(stream) => handshake,
                        () = &mut stop => return,
                    };
                    drop(shaking);
                    match handshake {
                        Ok(stream) => {
                            let io = Connection::new(Transport::Tls(Box::new(stream)), place);
                            // In a task of its own, which does not hold what the handshake needed.
                            tokio::spawn(serve(http1, router, io, peer, true, stop));
                        }
                        Err(error) => {
                            if matches!(error, HandshakeError::TooMany) {
                                refusals.add(&place.app, "handshakes", peer);
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

/// Connections that were closed as they came, by what had no room for them.
#[derive(Default)]
struct Refusals(Seldom);

impl Refusals {
    fn add(&self, app: &App, bound: &'static str, peer: SocketAddr) {
        app.metrics.connection_refused(bound);
        if let Some(times) = self.0.say(Instant::now()) {
            let last = peer.ip();
            tracing::warn!(bound, %last, times, "connections are refused: there are too many");
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
        ended = Again::new(connection.as_mut()) => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            Again::new(connection).await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke");
    }
}

/// A place among the connections that are allowed, in all and of one client.
struct Place {
    app: Arc<App>,
    _permit: OwnedSemaphorePermit,
    _held: Held,
}

impl Place {
    /// A place, or what has no room for another.
    fn take(
        app: &Arc<App>,
        places: &Arc<Semaphore>,
        peer: SocketAddr,
    ) -> Result<Self, &'static str> {
        let permit = Arc::clone(places).try_acquire_owned().map_err(|_| "all")?;
        let held = app.gates.clients.connect(peer.ip()).map_err(|Full| "address")?;
        app.metrics.connections.inc();
        Ok(Self { app: Arc::clone(app), _permit: permit, _held: held })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.app.metrics.connections.dec();
    }
}

/// A connection that has a place for as long as it lives, as a socket too.
struct Connection {
    transport: Transport,
    /// Runs while the client takes in nothing of what is there for it. Of a connection that is well
    /// there is none.
    stalled: Option<Pin<Box<Sleep>>>,
    place: Place,
}

impl Connection {
    fn new(transport: Transport, place: Place) -> Self {
        Self { transport, stalled: None, place }
    }

    /// Breaks a connection whose client takes in nothing for too long: what is there for it stays in
    /// memory, and a file it has begun to fetch stays open.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let app = &self.place.app;
        let patience = app.config.http.stall_timeout.get();
        let sleep = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        sleep.as_mut().poll(context).map(|()| {
            app.metrics.connections_stalled.inc();
            tracing::debug!("a client takes in nothing; its connection is closed");
            Err(io::ErrorKind::TimedOut.into())
        })
    }
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
        let written = either!(self, stream => stream.poll_write(context, bytes));
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = either!(self, stream => stream.poll_write_vectored(context, slices));
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = either!(self, stream => stream.poll_flush(context));
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = either!(self, stream => stream.poll_shutdown(context));
        self.watch(context, shut)
    }
}
