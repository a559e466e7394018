//! What every bus must do, as tests, and a bus that loses what it may.
//!
//! A bus's own tests say how a node joins it ([`Network`]) and call
//! [`bus_conformance!`](crate::bus_conformance), which makes a test of each case.
//!
//! What is asked of a bus is little, because the store is the truth: what it delivers was published,
//! in order for each publisher and chat while nothing is lost, and to those who listen. It may
//! deliver what a node does not listen to; a listener ignores that. It may lose; a listener that
//! compares with the store, as [`Follower`] does in the smallest possible way, still sees everything.
//! [`Lossy`] loses exactly what leaves no hole, so that tests of listeners can show it.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chatloom_engine::{Audience, Draft, DraftBody, Entry, EntryKind, entry::item_id};
use chatloom_wire::{ContactId, ContentType, ItemType, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Bus, Listener, Notice};
use crate::store::{Commit, Committed, Store, conformance::sample};

/// How nodes join a bus.
pub trait Network: Send + Sync {
    /// A node joins, with its listener.
    fn join(&self, listener: Arc<dyn Listener>) -> BoxFuture<'_, Arc<dyn Bus>>;

    /// Waits until all that was published has been delivered or lost.
    fn settle(&self) -> BoxFuture<'_, ()>;

    /// How many nodes can be on it.
    fn nodes(&self) -> usize;
}

/// Makes a test of each case of the [suite](self). The arguments are an expression that makes a fresh
/// [`Network`] and one that makes fresh [`Data`](crate::store::conformance::Data) for the listener
/// that heals. Needs `tokio` with its test macro.
#[macro_export]
macro_rules! bus_conformance {
    ($network:expr, $data:expr) => {
        $crate::bus_conformance! { $network;
            listeners_are_told
            order_is_kept
            what_nobody_listens_to_harms_nobody
            listening_may_begin_and_end_at_any_time
        }

        #[tokio::test]
        async fn a_lost_last_message_is_found_by_comparing_heads() {
            $crate::bus::conformance::a_lost_last_message_is_found_by_comparing_heads(
                &$network, &$data,
            )
            .await;
        }
    };
    ($network:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::bus::conformance::$case(&$network).await;
            }
        )*
    };
}

/// A bus over another that drops the last notice of each burst: the one whose loss leaves no hole
/// that a later one would show.
///
/// A notice of entries is held until the next one for the same chat; [`Lossy::end_burst`] drops what
/// is held. Transient notices and those of queues are dropped every second time.
pub struct Lossy<B> {
    bus: B,
    state: Mutex<LossyState>,
}

#[derive(Default)]
struct LossyState {
    held: HashMap<ContactId, Notice>,
    lost: u64,
    other: u64,
}

impl<B> std::fmt::Debug for Lossy<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lossy").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

impl<B> Lossy<B> {
    /// Loses notices on their way to `bus`.
    pub fn new(bus: B) -> Self {
        Self { bus, state: Mutex::default() }
    }

    /// Drops what is held: the last notice of each chat since the last time.
    pub fn end_burst(&self) {
        let mut state = self.state.lock();
        state.lost += state.held.len() as u64;
        state.held.clear();
    }

    /// How many notices were lost so far.
    pub fn lost(&self) -> u64 {
        self.state.lock().lost
    }
}

impl<B: Bus> Bus for Lossy<B> {
    fn publish(&self, notice: Notice) {
        let mut state = self.state.lock();
        let passed = match &notice {
            Notice::Stored(entries) => match entries.first() {
                Some(first) => state.held.insert(first.chat.clone(), notice),
                None => Some(notice),
            },
            Notice::Transient(_) | Notice::QueueChanged(_) => {
                state.other += 1;
                let lost = state.other.is_multiple_of(2);
                state.lost += u64::from(lost);
                (!lost).then_some(notice)
            }
        };
        // Under the lock, or two publishers could change the order.
        if let Some(notice) = passed {
            self.bus.publish(notice);
        }
    }

    fn listen(&self, chat: &ContactId) {
        self.bus.listen(chat);
    }

    fn ignore(&self, chat: &ContactId) {
        self.bus.ignore(chat);
    }
}

impl<B: Bus + ?Sized> Bus for Arc<B> {
    fn publish(&self, notice: Notice) {
        (**self).publish(notice);
    }

    fn listen(&self, chat: &ContactId) {
        (**self).listen(chat);
    }

    fn ignore(&self, chat: &ContactId) {
        (**self).ignore(chat);
    }
}

/// A listener that keeps what it was told.
#[derive(Default)]
struct Recorder {
    notices: Mutex<Vec<Notice>>,
}

impl Recorder {
    /// Places of the stored entries of a chat, as they came.
    fn places(&self, chat: &ContactId) -> Vec<u64> {
        let notices = self.notices.lock();
        let stored = notices.iter().filter_map(|notice| match notice {
            Notice::Stored(entries) => Some(entries),
            _ => None,
        });
        stored.flatten().filter(|entry| entry.chat == *chat).map(|entry| entry.seq).collect()
    }
}

impl Listener for Recorder {
    fn notice(&self, notice: &Notice) {
        self.notices.lock().push(notice.clone());
    }

    fn reconnected(&self) {}
}

const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

fn contact(number: u64) -> ContactId {
    ContactId::from(uuid::Uuid::from_u64_pair(0xc0_4000, 1 << 63 | number).to_string())
}

fn draft(chat: &ContactId) -> Draft {
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: chat.clone(),
        about: None,
        sender: None,
        body: DraftBody::Item {
            item_type: ItemType::Message,
            content_type: ContentType::TextPlain,
            content: Some("hello".to_owned()),
        },
    }
}

fn entry(chat: u64, seq: u64) -> Arc<Entry> {
    let chat = contact(chat);
    let time = NOON.plus_millis(seq as i64);
    let id = item_id(time, seq.into());
    let draft = draft(&chat);
    Arc::new(Entry {
        text: draft.item_text(&chat, &id, time).into(),
        contact_id: chat.clone(),
        chat,
        seq,
        time,
        id,
        kind: draft.kind,
        audience: draft.audience,
        about: None,
        sender: None,
    })
}

/// Nodes on a network, each with its recorder.
async fn join(network: &dyn Network, nodes: usize) -> Vec<(Arc<dyn Bus>, Arc<Recorder>)> {
    let mut joined = Vec::new();
    for _ in 0..nodes.min(network.nodes()) {
        let recorder = Arc::new(Recorder::default());
        joined.push((network.join(Arc::<Recorder>::clone(&recorder)).await, recorder));
    }
    joined
}

/// Whatever one node publishes, every node that listens is told, the publisher included, unharmed.
pub async fn listeners_are_told(network: &dyn Network) {
    let nodes = join(network, 3).await;
    for (bus, _) in &nodes {
        bus.listen(&contact(1));
    }
    network.settle().await;
    let (publisher, _) = &nodes[0];
    let stored = vec![entry(1, 1), entry(1, 2)];
    let transient = Arc::new(Entry { seq: 0, ..(*entry(1, 9)).clone() });
    publisher.publish(Notice::Stored(stored.clone()));
    publisher.publish(Notice::Transient(Arc::clone(&transient)));
    publisher.publish(Notice::QueueChanged("basic".into()));
    network.settle().await;
    for (_, recorder) in &nodes {
        let notices = recorder.notices.lock();
        let [first, second, third] = &notices[..] else { panic!("three notices: {notices:?}") };
        assert!(matches!(first, Notice::Stored(entries) if *entries == stored), "{first:?}");
        assert!(matches!(second, Notice::Transient(entry) if *entry == transient), "{second:?}");
        assert!(matches!(third, Notice::QueueChanged(queue) if &**queue == "basic"), "{third:?}");
    }
}

/// What one node publishes about one chat comes in that order and once.
pub async fn order_is_kept(network: &dyn Network) {
    let nodes = join(network, 2).await;
    for (bus, _) in &nodes {
        bus.listen(&contact(1));
        bus.listen(&contact(2));
    }
    network.settle().await;
    let (publisher, _) = &nodes[0];
    for seq in 1..=500 {
        publisher.publish(Notice::Stored(vec![entry(1, seq)]));
        publisher.publish(Notice::Stored(vec![entry(2, 2 * seq - 1), entry(2, 2 * seq)]));
    }
    network.settle().await;
    for (_, recorder) in &nodes {
        assert_eq!(recorder.places(&contact(1)), (1..=500).collect::<Vec<_>>());
        assert_eq!(recorder.places(&contact(2)), (1..=1_000).collect::<Vec<_>>());
    }
}

/// A node that does not listen may be told or not; those who listen are told all the same.
pub async fn what_nobody_listens_to_harms_nobody(network: &dyn Network) {
    let nodes = join(network, 2).await;
    let (bus, recorder) = &nodes[0];
    bus.listen(&contact(1));
    network.settle().await;
    for seq in 1..=10 {
        for (bus, _) in &nodes {
            bus.publish(Notice::Stored(vec![entry(2, seq)]));
        }
        bus.publish(Notice::Stored(vec![entry(1, seq)]));
    }
    bus.publish(Notice::Stored(Vec::new()));
    network.settle().await;
    assert_eq!(recorder.places(&contact(1)), (1..=10).collect::<Vec<_>>());
}

/// Listening is idempotent, ends with one call, and may begin again.
pub async fn listening_may_begin_and_end_at_any_time(network: &dyn Network) {
    let nodes = join(network, 1).await;
    let (bus, recorder) = &nodes[0];
    bus.ignore(&contact(1));
    bus.listen(&contact(1));
    bus.listen(&contact(1));
    network.settle().await;
    bus.publish(Notice::Stored(vec![entry(1, 1)]));
    network.settle().await;
    bus.ignore(&contact(1));
    network.settle().await;
    bus.publish(Notice::Stored(vec![entry(1, 2)]));
    network.settle().await;
    bus.listen(&contact(1));
    network.settle().await;
    bus.publish(Notice::Stored(vec![entry(1, 3)]));
    network.settle().await;
    let places = recorder.places(&contact(1));
    assert!(places == [1, 3] || places == [1, 2, 3], "{places:?}");
}

/// The least a listener must do: take entries that follow on, read the store where one is missing,
/// and compare heads now and then.
pub struct Follower {
    store: Arc<dyn Store>,
    chats: Mutex<BTreeMap<ContactId, Followed>>,
}

#[derive(Default)]
struct Followed {
    entries: Vec<Arc<Entry>>,
    behind: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("chats", &self.chats.lock().len()).finish_non_exhaustive()
    }
}

impl Follower {
    /// Follows no chats yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, chats: Mutex::default() }
    }

    /// Follows a chat from its beginning on.
    pub fn follow(&self, chat: &ContactId) {
        self.chats.lock().insert(chat.clone(), Followed::default());
    }

    /// The entries of a chat seen so far.
    pub fn seen(&self, chat: &ContactId) -> Vec<Arc<Entry>> {
        self.chats.lock()[chat].entries.clone()
    }

    /// Reads from the store what is known to be missing.
    pub async fn fill_holes(&self) {
        let behind: Vec<_> = {
            let mut chats = self.chats.lock();
            let behind = chats.iter_mut().filter(|(_, followed)| followed.behind);
            behind
                .map(|(chat, followed)| {
                    followed.behind = false;
                    (chat.clone(), followed.entries.len() as u64)
                })
                .collect()
        };
        for (chat, seq) in behind {
            let missing = self.store.entries_after(&chat, seq, u32::MAX).await.unwrap();
            self.notice(&Notice::Stored(missing));
        }
    }

    /// Compares the heads of all chats with the store, and reads what is missing.
    pub async fn sweep(&self) {
        let chats: Vec<_> = self.chats.lock().keys().cloned().collect();
        let heads = self.store.heads(chats.clone()).await.unwrap();
        for (chat, head) in chats.iter().zip(heads) {
            if let Some(followed) = self.chats.lock().get_mut(chat) {
                followed.behind |= head > followed.entries.len() as u64;
            }
        }
        self.fill_holes().await;
    }
}

impl Listener for Follower {
    fn notice(&self, notice: &Notice) {
        let Notice::Stored(entries) = notice else { return };
        let mut chats = self.chats.lock();
        for entry in entries {
            let Some(followed) = chats.get_mut(&entry.chat) else { continue };
            let next = followed.entries.len() as u64 + 1;
            if entry.seq == next {
                followed.entries.push(Arc::clone(entry));
            } else if entry.seq > next {
                followed.behind = true;
            }
        }
    }

    fn reconnected(&self) {}
}

/// The last notice of a burst is lost and nothing follows it: only comparing heads finds it.
pub async fn a_lost_last_message_is_found_by_comparing_heads(
    network: &dyn Network,
    data: &dyn crate::store::conformance::Data,
) {
    let store = data.open().await;
    let follower = Arc::new(Follower::new(Arc::clone(&store)));
    let bus = Lossy::new(network.join(Arc::<Follower>::clone(&follower)).await);
    let chats = [contact(1), contact(2), contact(3)];
    for chat in &chats {
        store.create(Arc::new(sample(chat, NOON)), None, None).await.unwrap();
        follower.follow(chat);
        bus.listen(chat);
    }
    network.settle().await;
    for burst in 1..=3_usize {
        for number in 0..10 * chats.len() {
            let chat = &chats[number % chats.len()];
            let version = store.chat(chat).await.unwrap().unwrap().version;
            let commit = Commit {
                chat: chat.clone(),
                version,
                head: None,
                state: None,
                drafts: vec![draft(chat), draft(chat)],
                key: None,
                answer: 0,
                now: NOON,
            };
            match store.commit(commit).await.unwrap() {
                Committed::Done { entries, .. } => bus.publish(Notice::Stored(entries)),
                other => panic!("{other:?}"),
            }
        }
        bus.end_burst();
        network.settle().await;
        assert_eq!(bus.lost(), (burst * chats.len()) as u64);
        // There are holes after the first burst, and the loss is not among them.
        follower.fill_holes().await;
        for chat in &chats {
            let missing = 20 * burst - follower.seen(chat).len();
            assert!(burst > 1 || missing == 2, "{missing} entries missing");
        }
        follower.sweep().await;
        for chat in &chats {
            let all = store.entries_after(chat, 0, u32::MAX).await.unwrap();
            assert_eq!(all.len(), 20 * burst);
            assert_eq!(follower.seen(chat), all);
        }
    }
}
