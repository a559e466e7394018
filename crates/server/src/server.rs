//! Starting and stopping.

mod accept;
mod again;
mod reload;
mod seldom;

use std::{
    fs::DirBuilder, io, net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc,
};

use chatloom_engine::token;
use parking_lot::RwLock;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::Instant,
};

use crate::{
    audit::Audit,
    blob::{Blobs, disk::DiskBlobs},
    bus::{Bus, Listener, local::Local},
    chats::{Chats, Clock, Retention},
    config::{Config, ConfigError, Period},
    files::{Files, ScannerError},
    followers::{Followers, Guides},
    http::{App, Gates, limits::Limits},
    hub::{Hub, HubOptions},
    keys::{KeysError, ServerKeys},
    metrics::Metrics,
    outbox::Bounds,
    outgoing::OutgoingError,
    random,
    sign_in::{
        Provider, SignInError,
        demo::{self, Demo},
    },
    store::{
        Store, StoreError,
        sqlite::{self, Sqlite},
    },
    tls::{Tls, TlsError},
    views::{Views, ViewsError},
};

/// Name of the database in the data folder.
pub(crate) const DATABASE: &str = "chatloom.db";
/// Name of the folder of files in the data folder.
pub(crate) const FILES: &str = "files";

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
    /// The certificate or its key cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The data folder cannot be made.
    #[error("cannot make the folder {path}: {error}")]
    Data {
        /// Which folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The views cannot be used.
    #[error(transparent)]
    Views(#[from] ViewsError),
    /// Nobody could sign in.
    #[error("sign_in: {0}")]
    SignIn(#[from] SignInError),
    /// The audit log cannot be opened.
    #[error("audit.file: cannot open {path}: {error}")]
    Audit {
        /// Which file.
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
    /// The service that is to look at files could never be reached.
    #[error(transparent)]
    Scanner(#[from] ScannerError),
    /// Calls to the outside cannot be made.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
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

/// What a server stands on.
struct Parts {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    blobs: Arc<dyn Blobs>,
    /// The store is this server's alone.
    is_alone: bool,
}

/// A server that runs. [`Running::stop`] it: one that is dropped goes on until its runtime ends.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    has_tls: bool,
    keys: ServerKeys,
    reload: watch::Sender<Config>,
    stop: Arc<watch::Sender<bool>>,
    task: JoinHandle<Stopped>,
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All requests were answered and all sockets closed.
    Drained,
    /// Some connections were cut because they took too long.
    Cut,
    /// It stopped by itself: its store could work no more, or it met an error of its own. The log says
    /// which. What was acknowledged is stored.
    Broken,
}

impl Server {
    /// Starts a server on one node: SQLite in the data folder. From the moment this returns it
    /// accepts connections.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
        config.check()?;
        let tls = Tls::open(&config.tls)?;
        let data = &config.server.data;
        // What people wrote is nobody else's business on this machine.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .map_err(|error| StartError::Data { path: data.clone(), error })?;
        let path = data.join(DATABASE);
        let options = sqlite::Options {
            random: Box::new(|| u128::from_le_bytes(random::bytes())),
            // A server that was killed gave none back, and this one would wait until they run out.
            end_leases: true,
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
        let path = data.join(FILES);
        let blobs = DiskBlobs::open(&path).map_err(|error| StartError::Data { path, error })?;
        // The file is locked: no other process writes to it.
        let parts = Parts { store, bus, blobs: Arc::new(blobs), is_alone: true };
        Self::start_on(config, tls, clock, parts, metrics, listen).await
    }

    /// Starts a server on a store, a bus and a storage of files of the caller's choice. `listen` is
    /// given who is to be told by the bus, before the first connection is accepted.
    pub async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        blobs: Arc<dyn Blobs>,
        listen: impl FnOnce(Arc<dyn Listener>),
    ) -> Result<Running, StartError> {
        config.check()?;
        let tls = Tls::open(&config.tls)?;
        let parts = Parts { store, bus, blobs, is_alone: false };
        Self::start_on(config, tls, clock, parts, Metrics::new(), listen).await
    }

    async fn start_on(
        config: Config,
        tls: Option<Tls>,
        clock: Arc<dyn Clock>,
        parts: Parts,
        mut metrics: Metrics,
        listen: impl FnOnce(Arc<dyn Listener>),
    ) -> Result<Running, StartError> {
        let Parts { store, bus, blobs, is_alone } = parts;
        let keys = ServerKeys::load_or_make(&config)?;
        let views = Arc::new(Views::load(&config)?);
        let audit = Audit::open(&config.audit).map_err(|error| {
            let path = config.audit.file.clone().unwrap_or_default();
            StartError::Audit { path, error }
        })?;
        let tokens = Arc::new(keys.tokens()?);
        let rules = config.rules();
        let queues = rules.queues().into_iter().map(str::to_owned).collect();
        let chats = Chats::new(
            Arc::clone(&store),
            Arc::clone(&bus),
            rules,
            Arc::clone(&tokens),
            Arc::clone(&clock),
        );
        let chats = chats.with_most_open(config.instance.max_open_chats);
        let chats = Arc::new(if is_alone { chats.alone() } else { chats });
        let socket = &config.socket;
        let options = HubOptions {
            bounds: Bounds { frames: socket.queue_frames, bytes: socket.queue_size.bytes() },
            per_owner: socket.per_participant,
            sweep: socket.sweep.get(),
            patience: socket.hole_patience.get(),
            queues,
        };
        let files = Arc::new(Files::new(
            blobs,
            Arc::clone(&chats),
            Arc::clone(&clock),
            config.attachments.clone(),
        )?);
        metrics.add_chats(Arc::clone(&chats));
        let limits = Arc::new(Limits::new(&config, Instant::now()));
        metrics.add_limits(Arc::clone(&limits));
        metrics.add_files(Arc::clone(&files));
        let metrics = Arc::new(metrics);
        let followers = Followers::new(
            &config,
            Arc::clone(&chats),
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&metrics),
            Guides { views: Arc::clone(&views), tokens: Arc::clone(&tokens) },
        )?;
        let hub = Hub::new(options, Arc::clone(&store), bus, Arc::clone(&metrics));
        listen(Arc::<Hub>::clone(&hub));

        let address = config.server.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| StartError::Listen { address, error })?;
        let address =
            listener.local_addr().map_err(|error| StartError::Listen { address, error })?;

        let scheme = if tls.is_some() { "https" } else { "http" };
        // As it was given: with that the next one is compared.
        let (reload, reloads) = watch::channel(config.clone());
        let mut config = config;
        let demo_provider = if config.demo && config.sign_in.issuer.is_none() {
            let provider = Demo::new(&format!("{scheme}://{address}"))?;
            config.sign_in.issuer = Some(provider.issuer().to_owned());
            config.sign_in.client_id = Some(demo::CLIENT_ID.to_owned());
            Some(provider)
        } else {
            None
        };
        let sign_in = Provider::new(&config.sign_in, Arc::clone(&clock))?.map(Arc::new);
        let (stop, stopping) = watch::channel(false);
        let stop = Arc::new(stop);
        let node = Node {
            app: Arc::new(App {
                gates: Gates::new(&config, limits, &metrics),
                access: RwLock::new(keys.access.as_slice().into()),
                tokens,
                chats,
                store,
                hub,
                files,
                metrics,
                clock,
                audit,
                views,
                sign_in,
                demo_provider,
                config,
            }),
            followers: Arc::new(followers),
            stop: Arc::clone(&stop),
            stopping,
        };
        let has_tls = tls.is_some();
        let task = tokio::spawn(node.run(listener, tls.map(Arc::new), keys.clone(), reloads));
        Ok(Running { address, has_tls, keys, reload, stop, task })
    }
}

impl Running {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients on this machine reach it by, such as `http://127.0.0.1:8090`.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", if self.has_tls { "https" } else { "http" }, self.address)
    }

    /// Whether it has TLS itself.
    pub fn has_tls(&self) -> bool {
        self.has_tls
    }

    /// Looks at the files of the certificate and of the keys now, not only when
    /// [`watch`](crate::config::ServerSection::watch) is over, and takes over the section `keys` of a
    /// configuration. What was found, the log says; what else has changed in the configuration needs
    /// another start.
    pub fn reload(&self, config: Config) {
        // Nobody listens only when the task has ended already.
        let _ = self.reload.send(config);
    }

    /// Its keys.
    pub fn keys(&self) -> &ServerKeys {
        &self.keys
    }

    /// Until the server is about to stop by itself, because it [broke](Stopped::Broken): then
    /// [`Running::stop`] waits until it has.
    pub async fn broken(&self) {
        stopped(self.stop.subscribe()).await;
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
                Stopped::Broken
            }
        }
    }
}

/// A server's own tasks.
struct Node {
    app: Arc<App>,
    followers: Arc<Followers>,
    stop: Arc<watch::Sender<bool>>,
    stopping: watch::Receiver<bool>,
}

/// Tells everybody that the server stops, when it ends for whatever reason.
struct Ending(Arc<watch::Sender<bool>>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Node {
    async fn run(
        self,
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        keys: ServerKeys,
        reloads: watch::Receiver<Config>,
    ) -> Stopped {
        let Self { app, followers, stop, stopping } = self;
        let ending = Ending(stop);
        let sweep = tokio::spawn(Arc::clone(&app.hub).sweep_forever());
        let timers = tokio::spawn(Arc::clone(&app.chats).run_timers(stopped(stopping.clone())));
        let retention = &app.config.retention;
        let retention = Retention {
            keep_ms: retention.keep.map(Period::as_millis),
            every: retention.every.get(),
            batch: retention.batch,
            pause: retention.pause.get(),
        };
        let old = Arc::clone(&app.chats).run_retention(
            retention,
            Arc::clone(&app.files.blobs),
            stopped(stopping.clone()),
        );
        let old = tokio::spawn(old);
        let files = tokio::spawn(reload::run(Arc::clone(&app), tls.clone(), keys, reloads));
        let attachments = [
            tokio::spawn(Arc::clone(&app.files).run_scans(stopped(stopping.clone()))),
            tokio::spawn(Arc::clone(&app.files).run_sweeps(stopped(stopping.clone()))),
        ];
        let followers = tokio::spawn(followers.run(stopped(stopping.clone())));
        let max = app.config.http.max_connections.min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(max));

        let is_broken = tokio::select! {
            () = accept::run(&app, &listener, tls.as_ref(), &stopping, &places) => false,
            () = app.store.broken() => {
                tracing::error!("the store is broken: the server stops");
                true
            }
        };

        drop(ending);
        drop(listener);
        app.gates.drain();
        app.hub.close_all();
        let places_back = u32::try_from(max).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(
            app.config.server.drain_timeout.get(),
            places.acquire_many(places_back),
        );
        let stopped = match drained.await {
            _ if is_broken => Stopped::Broken,
            Ok(_) => Stopped::Drained,
            Err(_) => Stopped::Cut,
        };
        sweep.abort();
        files.abort();
        if let Err(error) = timers.await {
            tracing::error!(%error, "the timers ended by themselves");
        }
        for task in attachments {
            if let Err(error) = task.await {
                tracing::error!(%error, "what looks after files ended by itself");
            }
        }
        if let Err(error) = old.await {
            tracing::error!(%error, "the deletion of old chats ended by itself");
        }
        if let Err(error) = followers.await {
            tracing::error!(%error, "telling followers ended by itself");
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
