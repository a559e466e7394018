//! What the bus loses, the hub reads from the store.

use std::sync::Arc;

use chatloom_server::{
    Config, Server,
    blob::disk::DiskBlobs,
    bus::{Bus, Listener, Notice, conformance::Lossy, local::Local},
    store::sqlite::{Options, Sqlite},
};
use chatloom_wire::ContactId;
use parking_lot::Mutex;

use crate::support::{Person, Site, clock, socket::Socket};

/// A demo without an assistant on a bus of the test's own.
async fn site_on(bus: Arc<dyn Bus>, local: Arc<Local>, sweep: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.set("socket.sweep", sweep, "test").unwrap();
    config.set("socket.hole_patience", "1ms", "test").unwrap();
    let store = Sqlite::open(folder.path().join("chatloom.db"), Options::default()).unwrap();
    let clock = clock();
    let listen = move |listener| local.set_listener(listener);
    let blobs = Arc::new(DiskBlobs::open(folder.path().join("files")).unwrap());
    let store = Arc::new(store);
    let running =
        Server::start_with(config.clone(), clock.clone(), store, bus, blobs, listen).await.unwrap();
    Site::of(running, clock, config, folder)
}

async fn hears(socket: &mut Socket, messages: &[String]) {
    for message in messages {
        let mut heard = socket.message().await;
        // The assistant answers in between.
        while !messages.contains(&heard) {
            heard = socket.message().await;
        }
        assert_eq!(heard, *message);
    }
}

async fn say_all(person: &Person<'_>, count: usize) -> Vec<String> {
    let mut messages = Vec::new();
    for n in 0..count {
        let message = format!("message {n}");
        person.say(&message).await;
        messages.push(message);
    }
    messages
}

#[tokio::test]
async fn the_last_of_a_burst_comes_by_the_sweep() {
    let local = Arc::new(Local::new());
    let bus = Arc::new(Lossy::new(Arc::clone(&local)));
    let site = site_on(Arc::<Lossy<_>>::clone(&bus), local, "20ms").await;
    let (customer, mut socket) = site.customer("Jane").await;
    let messages = say_all(&customer, 5).await;
    bus.end_burst();
    hears(&mut socket, &messages).await;
    assert!(bus.lost() >= 1);
    assert!(site.figure("chatloom_hub_holes_total").await >= 1.0);
}

/// Loses what it is told to lose, and can hold notices back to change their order.
struct Scrambler {
    local: Arc<Local>,
    plan: Mutex<Plan>,
}

enum Plan {
    /// Every third notice of entries is lost.
    LoseSome(u64),
    /// Notices are held back, and let go in the opposite order.
    Hold(Vec<Notice>),
    /// Everything passes.
    Pass,
}

impl Bus for Scrambler {
    fn publish(&self, notice: Notice) {
        let passed = match (&mut *self.plan.lock(), &notice) {
            (Plan::LoseSome(count), Notice::Stored(_)) => {
                *count += 1;
                (!count.is_multiple_of(3)).then_some(notice)
            }
            (Plan::Hold(held), Notice::Stored(_)) => {
                held.push(notice);
                None
            }
            _ => Some(notice),
        };
        if let Some(notice) = passed {
            self.local.publish(notice);
        }
    }

    fn listen(&self, _: &ContactId) {}

    fn ignore(&self, _: &ContactId) {}
}

impl Scrambler {
    fn new(plan: Plan) -> (Arc<Self>, Arc<Local>) {
        let local = Arc::new(Local::new());
        (Arc::new(Self { local: Arc::clone(&local), plan: Mutex::new(plan) }), local)
    }
}

#[tokio::test]
async fn holes_are_read_from_the_store() {
    let (bus, local) = Scrambler::new(Plan::LoseSome(0));
    // The sweep would hide whether holes are seen at once.
    let site = site_on(bus, local, "1h").await;
    let (customer, mut socket) = site.customer("Jane").await;
    let mut messages = say_all(&customer, 20).await;
    // The very last one may be lost: one more shows the hole, unless it is lost itself.
    messages.truncate(18);
    hears(&mut socket, &messages).await;
    assert!(site.figure("chatloom_hub_holes_total").await >= 1.0);
}

#[tokio::test]
async fn notices_in_another_order_are_put_right_without_the_store() {
    let (bus, local) = Scrambler::new(Plan::Pass);
    let folder_bus = Arc::clone(&bus);
    let site = site_on(folder_bus, local, "1h").await;
    let (customer, mut socket) = site.customer("Jane").await;
    socket.message().await;
    *bus.plan.lock() = Plan::Hold(Vec::new());
    let messages = say_all(&customer, 8).await;
    let Plan::Hold(held) = std::mem::replace(&mut *bus.plan.lock(), Plan::Pass) else {
        panic!("held");
    };
    for notice in held.into_iter().rev() {
        bus.publish(notice);
    }
    hears(&mut socket, &messages).await;
    assert_eq!(site.figure("chatloom_hub_holes_total").await as u64, 0);
}

#[tokio::test]
async fn a_bus_that_was_cut_makes_the_hub_look() {
    /// Keeps the listener to tell it that the bus was cut.
    struct Cut(Mutex<Option<Arc<dyn Listener>>>);

    impl Bus for Cut {
        fn publish(&self, _: Notice) {}

        fn listen(&self, _: &ContactId) {}

        fn ignore(&self, _: &ContactId) {}
    }

    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.set("socket.sweep", "1h", "test").unwrap();
    let store = Sqlite::open(folder.path().join("chatloom.db"), Options::default()).unwrap();
    let bus = Arc::new(Cut(Mutex::new(None)));
    let clock = clock();
    let listening = Arc::clone(&bus);
    let listen = move |listener| *listening.0.lock() = Some(listener);
    let running = Server::start_with(
        config.clone(),
        clock.clone(),
        Arc::new(store),
        Arc::<Cut>::clone(&bus),
        Arc::new(DiskBlobs::open(folder.path().join("files")).unwrap()),
        listen,
    )
    .await
    .unwrap();
    let site = Site::of(running, clock, config, folder);
    let (customer, mut socket) = site.customer("Jane").await;
    let messages = say_all(&customer, 3).await;
    let listener = bus.0.lock().clone().unwrap();
    listener.reconnected();
    hears(&mut socket, &messages).await;
}
