//! One chat of a load: its two participants, what they send and what they receive.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::Context as _;
use chatloom::{Chat, ChatDetails, Client, Connection, Event, Events, SentResponse};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Args,
    contacts::{Contacts, Desk},
    tally::{Ledger, Mark, Side, Tally},
};

/// Chats for each client: a client does its work on one thread.
const CHATS_EACH: usize = 125;
/// Clients on each side at most.
const MOST_CLIENTS: usize = 8;
/// How long a socket may take to open.
const CONNECT_PATIENCE: Duration = Duration::from_mins(1);

/// The clients of both sides.
pub(crate) struct Clients {
    customers: Vec<Client>,
    agents: Vec<Client>,
}

impl Clients {
    pub(crate) fn new(endpoint: &str, contacts: usize) -> anyhow::Result<Self> {
        let count = contacts.div_ceil(CHATS_EACH).clamp(1, MOST_CLIENTS);
        let make = || {
            let client = Client::builder().endpoint(endpoint);
            client.user_agent_suffix(concat!("chatloom-load/", env!("CARGO_PKG_VERSION"))).build()
        };
        let side = || (0..count).map(|_| make()).collect::<Result<_, _>>();
        Ok(Self { customers: side()?, agents: side()? })
    }

    fn customers(&self, number: usize) -> &Client {
        &self.customers[number % self.customers.len()]
    }

    pub(crate) fn agents(&self, number: usize) -> &Client {
        &self.agents[number % self.agents.len()]
    }
}

/// When messages are due.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) first: Instant,
    pub(crate) until: Instant,
    /// Between two messages of one chat.
    pub(crate) gap: Duration,
    /// The chats' turns are spread over the gap, so that the load is even.
    pub(crate) lanes: usize,
    pub(crate) drain: Duration,
}

/// One chat.
pub(crate) struct Lane {
    customer: Chat,
    agent: Chat,
    events: Option<(Events, Events)>,
    ledgers: Arc<Ledgers>,
    tally: Arc<Tally>,
}

/// What both sides have sent.
#[derive(Default)]
pub(crate) struct Ledgers {
    customer: Mutex<Ledger>,
    agent: Mutex<Ledger>,
}

impl Ledgers {
    /// One side's. Whoever panics with this lock ends the run.
    fn of(&self, side: Side) -> MutexGuard<'_, Ledger> {
        let ledger = match side {
            Side::Customer => &self.customer,
            Side::Agent => &self.agent,
        };
        ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Starts a chat and brings both sides into it.
    pub(crate) async fn start(
        number: usize,
        args: &Args,
        clients: &Clients,
        contacts: &Contacts,
        desk: &Desk,
        tally: &Arc<Tally>,
    ) -> anyhow::Result<Self> {
        let client = clients.customers(number);
        let details = contacts.start(client).await?;
        let contact = details.contact_id.clone();
        let (customer, customer_events) = join(client, details).await?;
        if !args.ask_for_agent.is_empty() {
            let asked = customer.send_message(args.ask_for_agent.as_str()).await;
            asked.context("cannot ask for an agent")?;
        }
        let details = desk.take(number, &contact).await?;
        let (agent, agent_events) = join(clients.agents(number), details).await?;
        Ok(Self {
            customer,
            agent,
            events: Some((customer_events, agent_events)),
            ledgers: Arc::default(),
            tally: Arc::clone(tally),
        })
    }

    /// Begins to receive on both sides; what stops it.
    pub(crate) fn read(&mut self, origin: Instant) -> Vec<AbortHandle> {
        let Some((customer, agent)) = self.events.take() else { return Vec::new() };
        [(customer, Side::Customer), (agent, Side::Agent)]
            .map(|(events, side)| {
                let (ledgers, tally) = (Arc::clone(&self.ledgers), Arc::clone(&self.tally));
                tokio::spawn(receive(events, side, origin, ledgers, tally)).abort_handle()
            })
            .into()
    }

    /// What sends, on both sides in turn.
    pub(crate) fn sender(&self, size: usize) -> Sender {
        Sender {
            customer: self.customer.clone(),
            agent: self.agent.clone(),
            ledgers: Arc::clone(&self.ledgers),
            tally: Arc::clone(&self.tally),
            size,
        }
    }

    /// What has become of its messages, added up.
    pub(crate) fn sums(&self) -> super::tally::Sums {
        let (customer, agent) =
            (self.ledgers.of(Side::Customer).sums(), self.ledgers.of(Side::Agent).sums());
        customer + agent
    }

    /// Ends the chat.
    pub(crate) async fn leave(self) {
        // The run is over: whoever cannot be told will find out.
        let _ = self.customer.disconnect().await;
    }
}

/// Takes part in a chat: done when its socket is open.
async fn join(client: &Client, details: ChatDetails) -> anyhow::Result<(Chat, Events)> {
    let chat = client.chat(details);
    let events = chat.events();
    let online = async {
        chat.connect().await?;
        let mut connection = chat.connection();
        connection.wait_for(|connection| *connection == Connection::Online).await?;
        anyhow::Ok(())
    };
    timeout(CONNECT_PATIENCE, online)
        .await
        .with_context(|| format!("no socket within {CONNECT_PATIENCE:?}"))?
        .context("cannot connect to a chat")?;
    Ok((chat, events))
}

type Acknowledgement =
    BoxFuture<'static, (Side, u64, Instant, Result<SentResponse, chatloom::Error>)>;

/// The sending end of a chat.
pub(crate) struct Sender {
    customer: Chat,
    agent: Chat,
    ledgers: Arc<Ledgers>,
    tally: Arc<Tally>,
    size: usize,
}

impl Sender {
    /// Sends when it is due, however long answers take, until the time is over or somebody stops it;
    /// then waits for what is under way.
    pub(crate) async fn run(self, pace: Pace, number: usize, mut stop: watch::Receiver<bool>) {
        let mut due = pace.first + pace.gap.mul_f64(number as f64 / pace.lanes as f64);
        let mut side = if number.is_multiple_of(2) { Side::Customer } else { Side::Agent };
        let mut under_way: FuturesUnordered<Acknowledgement> = FuturesUnordered::new();
        while due < pace.until {
            tokio::select! {
                () = sleep_until(due) => {
                    under_way.push(self.send(side, due));
                    side = match side {
                        Side::Customer => Side::Agent,
                        Side::Agent => Side::Customer,
                    };
                    due += pace.gap;
                }
                Some(acknowledged) = under_way.next() => self.take(acknowledged),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let rest = async {
            while let Some(acknowledged) = under_way.next().await {
                self.take(acknowledged);
            }
        };
        if timeout(pace.drain, rest).await.is_err() {
            for _ in 0..under_way.len() {
                self.tally.failed.fetch_add(1, Relaxed);
                self.tally.error("no answer in time".to_owned());
            }
        }
    }

    fn send(&self, side: Side, due: Instant) -> Acknowledgement {
        let number = self.ledgers.of(side).hand_over();
        let now = Instant::now();
        let at = (now - self.tally.origin()).as_micros() as u64;
        let content = Mark { side, number, at }.content(self.size);
        self.tally.sent(now - due);
        let chat = match side {
            Side::Customer => &self.customer,
            Side::Agent => &self.agent,
        };
        chat.send_message(content).map(move |result| (side, number, now, result)).boxed()
    }

    fn take(
        &self,
        (side, number, at, result): (Side, u64, Instant, Result<SentResponse, chatloom::Error>),
    ) {
        match result {
            Ok(_) => {
                self.ledgers.of(side).acknowledge(number);
                self.tally.acknowledged(at.elapsed());
            }
            Err(error) => self.tally.failed(&error),
        }
    }
}

/// Counts what one participant receives, until it is stopped.
async fn receive(
    mut events: Events,
    reader: Side,
    origin: Instant,
    ledgers: Arc<Ledgers>,
    tally: Arc<Tally>,
) {
    while let Some(event) = events.next().await {
        match event {
            Event::Message(item) => {
                let Some(mark) = item.content().and_then(|content| Mark::read(&content)) else {
                    continue;
                };
                let by_sender = mark.side == reader;
                if ledgers.of(mark.side).receive(mark.number, by_sender) {
                    let at = origin + Duration::from_micros(mark.at);
                    tally.arrived((!by_sender).then(|| at.elapsed()));
                }
            }
            Event::Connection(Connection::Waiting { .. } | Connection::Broken { .. }) => {
                tally.disconnected.fetch_add(1, Relaxed);
            }
            Event::Gap { .. } => {
                tally.gaps.fetch_add(1, Relaxed);
            }
            Event::Lagged { missed } => {
                tally.missed.fetch_add(missed, Relaxed);
            }
            _ => {}
        }
    }
}
