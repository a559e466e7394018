//! Starting and stopping.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use chatloom_engine::{Assistant, Rules, token};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
    time::Instant,
};
use tower::Service;

use crate::{
    bus::{Bus, Listener, local::Local},
    chats::{Chats, Clock},
    config::{Config, ConfigError},
    http::{self, App, Gates, Peer, limits::Limits},
    hub::{Hub, HubOptions},
    keys::{KeysError, ServerKeys},
    metrics::Metrics,
    outbox::Bounds,
    random,
    store::{
        Store, StoreError,
        sqlite::{self, Sqlite},
    },
};

/// Name of the database in the data folder.
const DATABASE: &str = "chatloom.db";
/// How long no connection is accepted after one could not be, for instance because there are too many
/// open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The signing key is too short.
    #[error("keys.signing: {0}")]
    SigningKey(#[from] token::ShortSecret),
    /// The data folder cannot be made.
    #[error("cannot make the folder {path}: {error}")]
    Data {
        /// Which folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open {path}: {error}")]
    Store {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: StoreError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// A chat server.
#[derive(Debug)]
pub struct Server;

/// A server that runs. [`Running::stop`] it: one that is dropped goes on until its runtime ends.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    keys: ServerKeys,
    stop: watch::Sender<bool>,
    task: JoinHandle<Stopped>,
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All requests were answered and all sockets closed.
    Drained,
    /// Some connections were cut because they took too long.
    Cut,
}

impl Server {
    /// Starts a server on one node: SQLite in the data folder. From the moment this returns it
    /// accepts connections.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
        config.check()?;
        let data = &config.server.data;
        std::fs::create_dir_all(data)
            .map_err(|error| StartError::Data { path: data.clone(), error })?;
        let path = data.join(DATABASE);
        let options = sqlite::Options {
            random: Box::new(|| u128::from_le_bytes(random::bytes())),
            ..sqlite::Options::default()
        };
        let store = Sqlite::open(&path, options)
            .map_err(|error| StartError::Store { path: path.clone(), error })?;
        let store = Arc::new(store);
        let mut metrics = Metrics::new();
        let stats = Arc::clone(&store);
        metrics.add_store(move || stats.stats());
        let bus = Arc::new(Local::new());
        let listening = Arc::clone(&bus);
        let listen = move |listener| listening.set_listener(listener);
        Self::start_on(config, clock, store, bus, metrics, listen).await
    }

    /// Starts a server on a store and a bus of the caller's choice. `listen` is given who is to be
    /// told by the bus, before the first connection is accepted.
    pub async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        listen: impl FnOnce(Arc<dyn Listener>),
    ) -> Result<Running, StartError> {
        config.check()?;
        Self::start_on(config, clock, store, bus, Metrics::new(), listen).await
    }

    async fn start_on(
        config: Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        mut metrics: Metrics,
        listen: impl FnOnce(Arc<dyn Listener>),
    ) -> Result<Running, StartError> {
        let keys = ServerKeys::load_or_make(&config)?;
        let tokens = Arc::new(token::Keys::new(keys.signing.expose().as_bytes())?);
        let rules = Rules {
            queue: config.instance.queue.clone(),
            assistant: config.demo.then(Assistant::default),
        };
        let chats = Arc::new(Chats::new(
            Arc::clone(&store),
            Arc::clone(&bus),
            rules,
            Arc::clone(&tokens),
            Arc::clone(&clock),
        ));
        let socket = &config.socket;
        let options = HubOptions {
            bounds: Bounds { frames: socket.queue_frames, bytes: socket.queue_size.bytes() },
            per_owner: socket.per_participant,
            sweep: socket.sweep.get(),
            patience: socket.hole_patience.get(),
            queue: config.instance.queue.clone(),
        };
        metrics.add_chats(Arc::clone(&chats));
        let limits = Arc::new(Limits::new(&config, Instant::now()));
        metrics.add_limits(Arc::clone(&limits));
        let metrics = Arc::new(metrics);
        let hub = Hub::new(options, Arc::clone(&store), bus, Arc::clone(&metrics));
        listen(Arc::<Hub>::clone(&hub));

        let address = config.server.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| StartError::Listen { address, error })?;
        let address =
            listener.local_addr().map_err(|error| StartError::Listen { address, error })?;

        let (stop, stopping) = watch::channel(false);
        let node = Node {
            app: Arc::new(App {
                gates: Gates::new(&config, limits),
                keys: keys.clone(),
                tokens,
                chats,
                store,
                hub,
                metrics,
                clock,
                config,
            }),
            stopping,
        };
        let task = tokio::spawn(node.run(listener));
        Ok(Running { address, keys, stop, task })
    }
}

impl Running {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients on this machine reach it by, such as `http://127.0.0.1:8090`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its keys.
    pub fn keys(&self) -> &ServerKeys {
        &self.keys
    }

    /// Stops: takes no more connections and sockets, answers what is under way, closes sockets with
    /// 1012, writes what waits. After [`drain_timeout`](crate::config::ServerSection::drain_timeout)
    /// what is left is cut.
    pub async fn stop(self) -> Stopped {
        // Nobody listens only when the task has ended already.
        let _ = self.stop.send(true);
        match self.task.await {
            Ok(stopped) => stopped,
            Err(error) => {
                tracing::error!(%error, "the server ended by itself");
                Stopped::Cut
            }
        }
    }
}

/// A server's own tasks.
struct Node {
    app: Arc<App>,
    stopping: watch::Receiver<bool>,
}

impl Node {
    async fn run(self, listener: TcpListener) -> Stopped {
        let Self { app, stopping } = self;
        let sweep = tokio::spawn(Arc::clone(&app.hub).sweep_forever());
        let timers = tokio::spawn(Arc::clone(&app.chats).run_timers(stopped(stopping.clone())));
        let max = app.config.http.max_connections.min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(max));

        accept(&app, &listener, &stopping, &places).await;

        drop(listener);
        app.gates.drain();
        app.hub.close_all();
        let places_back = u32::try_from(max).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(
            app.config.server.drain_timeout.get(),
            places.acquire_many(places_back),
        );
        let stopped = if drained.await.is_ok() { Stopped::Drained } else { Stopped::Cut };
        sweep.abort();
        if let Err(error) = timers.await {
            tracing::error!(%error, "the timers ended by themselves");
        }
        if let Err(error) = app.store.close().await {
            tracing::error!(%error, "the store was not closed as it should");
        }
        stopped
    }
}

/// Until the server is to stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that nobody can stop it any more: then it runs on.
    if stopping.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Accepts connections until the server is to stop.
async fn accept(
    app: &Arc<App>,
    listener: &TcpListener,
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
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            app.metrics.connections_refused.inc();
            continue;
        };
        // Frames are small and nobody shall wait for them.
        let _ = stream.set_nodelay(true);
        app.metrics.connections.inc();
        let io = Connection { stream, app: Arc::clone(app), _place: place };
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.clone().call(request)
        });
        let connection = http1.serve_connection(TokioIo::new(io), service).with_upgrades();
        let stop = stopped(stopping.clone());
        tokio::spawn(async move {
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
        });
    }
}

/// A connection that has a place among those allowed, for as long as it lives, as a socket too.
struct Connection {
    stream: TcpStream,
    app: Arc<App>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.app.metrics.connections.dec();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
