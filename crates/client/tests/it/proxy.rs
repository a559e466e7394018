//! A TCP proxy that does to connections what bad networks do: it cuts them, stalls them, and lets
//! them hang half open, by a plan that a seed decides or at a test's command.
//!
//! It knows nothing of what it carries, and this file needs only tokio, so that other tests can use
//! it too: `#[path = "../../../client/tests/it/proxy.rs"] mod proxy;`, with an `expect` of dead code
//! where they do not use all of it.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
    time::sleep,
};

/// What may happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both ends see a reset.
    Cut,
    /// Nothing passes for this long; then everything that waited does.
    Stall(Duration),
    /// Nothing ever passes again, and neither end is told.
    HalfOpen,
}

/// Which faults happen, and when.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Decides everything that is left to chance.
    pub(crate) seed: u64,
    /// The faults to choose from, and how many times each may happen.
    pub(crate) faults: Vec<(Fault, u32)>,
    /// After how many bytes, in both directions together, a connection meets its fault. A fault
    /// happens in the middle of whatever is passing.
    pub(crate) after_bytes: Range<u64>,
}

impl Plan {
    /// Nothing happens by itself.
    pub(crate) fn clear() -> Self {
        Self { seed: 0, faults: Vec::new(), after_bytes: 0..1 }
    }

    fn random(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below.max(1)
    }

    /// The fate of the next connection, or of the rest of one that stalled.
    fn next(&mut self) -> Option<(u64, Fault)> {
        self.faults.retain(|(_, left)| *left > 0);
        if self.faults.is_empty() {
            return None;
        }
        let choice = self.random(self.faults.len() as u64) as usize;
        self.faults[choice].1 -= 1;
        let fault = self.faults[choice].0;
        let spread = self.after_bytes.end - self.after_bytes.start;
        Some((self.after_bytes.start + self.random(spread), fault))
    }
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicU64,
    pub(crate) cuts: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) half_opens: AtomicU64,
}

impl Counts {
    pub(crate) fn faults(&self) -> u64 {
        [&self.cuts, &self.stalls, &self.half_opens]
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

/// A running proxy. Dropping it closes everything.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    plan: Mutex<Plan>,
    counts: Counts,
    orders: broadcast::Sender<Fault>,
}

impl Proxy {
    /// Listens on a loopback port of its own and carries to `upstream`.
    pub(crate) async fn start(upstream: SocketAddr, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            plan: Mutex::new(plan),
            counts: Counts::default(),
            orders: broadcast::channel(16).0,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An `http://` URL of it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Carries connections from now on to another address: the server has moved.
    pub(crate) fn set_upstream(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock().unwrap() = upstream;
    }

    /// Lets a fault happen now to every open connection.
    pub(crate) fn inflict(&self, fault: Fault) {
        // Without connections there is nobody to hear it.
        let _ = self.shared.orders.send(fault);
    }

    /// No more faults by plan. What hangs half open stays so.
    pub(crate) fn calm(&self) {
        self.shared.plan.lock().unwrap().faults.clear();
    }

    /// What has happened so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let orders = shared.orders.subscribe();
                connections.spawn(carry(client, Arc::clone(&shared), orders));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// How a connection ends, besides by itself.
enum End {
    Cut,
    HalfOpen,
}

async fn carry(client: TcpStream, shared: Arc<Shared>, mut orders: broadcast::Receiver<Fault>) {
    shared.counts.connections.fetch_add(1, Ordering::Relaxed);
    let upstream = *shared.upstream.lock().unwrap();
    let mut client = client;
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        // A refused connection shows as one that closes at once.
        return;
    };
    for side in [&client, &server] {
        let _ = side.set_nodelay(true);
    }
    let mut fate = shared.plan.lock().unwrap().next();
    let mut passed = 0;
    let end = loop {
        let left = fate.map_or(u64::MAX, |(after, _)| after.saturating_sub(passed));
        let fault = if left == 0 {
            fate.take().map(|(_, fault)| fault)
        } else {
            tokio::select! {
                Ok(fault) = orders.recv() => Some(fault),
                step = pass(&mut client, &mut server, left) => match step {
                    Ok(0) | Err(_) => return,
                    Ok(bytes) => {
                        passed += bytes;
                        None
                    }
                },
            }
        };
        match fault {
            None => {}
            Some(Fault::Cut) => break End::Cut,
            Some(Fault::HalfOpen) => break End::HalfOpen,
            Some(Fault::Stall(time)) => {
                shared.counts.stalls.fetch_add(1, Ordering::Relaxed);
                sleep(time).await;
                passed = 0;
                fate = shared.plan.lock().unwrap().next();
            }
        }
    };
    match end {
        End::Cut => {
            shared.counts.cuts.fetch_add(1, Ordering::Relaxed);
            for side in [&client, &server] {
                let _ = side.set_zero_linger();
            }
        }
        End::HalfOpen => {
            shared.counts.half_opens.fetch_add(1, Ordering::Relaxed);
            // Neither read nor closed, until the proxy goes.
            pending::<()>().await;
        }
    }
}

/// Passes what comes next in either direction, at most so many bytes. 0 at the end of either.
async fn pass(client: &mut TcpStream, server: &mut TcpStream, most: u64) -> io::Result<u64> {
    let mut up = [0; 4096];
    let mut down = [0; 4096];
    let room = usize::try_from(most).unwrap_or(usize::MAX).min(up.len());
    let bytes = tokio::select! {
        read = client.read(&mut up[..room]) => {
            let bytes = read?;
            server.write_all(&up[..bytes]).await?;
            bytes
        }
        read = server.read(&mut down[..room]) => {
            let bytes = read?;
            client.write_all(&down[..bytes]).await?;
            bytes
        }
    };
    Ok(bytes as u64)
}
