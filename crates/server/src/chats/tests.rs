//! Chats over the SQLite store, with a clock that stands until it is moved.

mod alone;
mod delete;

use std::{
    future::{Future, pending, poll_fn},
    sync::atomic::AtomicI64,
    task::Poll,
};

use chatloom_engine::{
    AgentUser, Assistant, Command, Entry, EntryKind, FollowerId, Phase, entry::time_of_item, limits,
};
use chatloom_wire::{
    ContentType, ItemId, ParticipantId, ParticipantRole, Timestamp,
    contact::StartChatContactRequest,
    participant::{
        DisconnectParticipantRequest, GetTranscriptRequest, GetTranscriptResponse,
        SendEventRequest, SendMessageRequest, SentResponse, StartPosition,
    },
};
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore, oneshot};

use super::{
    repeats::token_key,
    settle::TRIES,
    timers::{LEASE_MS, RENEW_MS, TOLD_AT_ONCE, Timers},
    *,
};
use crate::{
    bus::Notice,
    store::{
        self, Commit, Committed, Created, FollowerPlace, FollowerStep, ItemQuery, Place, TokenKey,
        Waiting,
        sqlite::{Options, Sqlite},
    },
};

const START: i64 = 1_790_000_000_000;
const MINUTE: i64 = 60_000;

/// A clock that is moved by hand.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Relaxed))
    }
}

/// Remembers what was published.
#[derive(Default)]
struct Published {
    notices: Mutex<Vec<Notice>>,
    changed: Notify,
}

impl Bus for Published {
    fn publish(&self, notice: Notice) {
        self.notices.lock().push(notice);
        self.changed.notify_one();
    }

    fn listen(&self, _: &ContactId) {}

    fn ignore(&self, _: &ContactId) {}
}

impl Published {
    /// What was published since the last look, in short.
    fn take(&self) -> Vec<String> {
        let entry = |entry: &Entry| {
            let item = chatloom_wire::Item::from_text(Arc::clone(&entry.text)).unwrap();
            let role = item.head().participant_role.as_ref().map(ParticipantRole::as_str);
            let kind = item.head().content_type.as_ref().unwrap().as_str();
            let what = match item.content() {
                Some(content) => content.into_owned(),
                None => kind.rsplit("event.").next().unwrap().to_owned(),
            };
            format!("{} {} {what}", entry.seq, role.unwrap_or("-"))
        };
        let notices = std::mem::take(&mut *self.notices.lock());
        let lines = |notice: &Notice| match notice {
            Notice::Stored(entries) => entries.iter().map(|stored| entry(stored)).collect(),
            Notice::Transient(transient) => vec![entry(transient)],
            Notice::QueueChanged(queue) => vec![format!("queue {queue}")],
        };
        notices.iter().flat_map(lines).collect()
    }

    /// The same, once something was published.
    async fn wait(&self) -> Vec<String> {
        loop {
            let taken = self.take();
            if !taken.is_empty() {
                return taken;
            }
            self.changed.notified().await;
        }
    }
}

/// A server: its chats, what it published, and its clock.
struct Node {
    chats: Arc<Chats>,
    published: Arc<Published>,
    clock: Arc<HandClock>,
    store: Arc<dyn Store>,
    _folder: Arc<TempDir>,
}

/// A folder with a store, and the servers that share it.
struct World {
    store: Arc<dyn Store>,
    folder: Arc<TempDir>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("chats.db"), Options::default()).unwrap();
        Self { store: Arc::new(store), folder: Arc::new(folder) }
    }

    fn node(&self) -> Node {
        self.node_on(Arc::clone(&self.store), None)
    }

    /// A server whose commits somebody meddles with.
    fn node_with(&self, meddle: impl Fn() -> Meddling + Send + Sync + 'static) -> Node {
        let store = Meddled { inner: Arc::clone(&self.store), meddle: Box::new(meddle) };
        self.node_on(Arc::new(store), None)
    }

    fn node_on(&self, store: Arc<dyn Store>, assistant: Option<Assistant>) -> Node {
        let published = Arc::new(Published::default());
        let clock = Arc::new(HandClock(AtomicI64::new(START)));
        let chats = Arc::new(Chats::new(
            Arc::clone(&store),
            Arc::clone(&published) as Arc<dyn Bus>,
            match assistant {
                Some(script) => Rules::with_script("default", script),
                None => Rules::new("default"),
            },
            Arc::new(Keys::new(&[3; 32]).unwrap()),
            Arc::clone(&clock) as Arc<dyn Clock>,
        ));
        Node { chats, published, clock, store, _folder: Arc::clone(&self.folder) }
    }
}

impl Node {
    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Relaxed);
    }

    /// Starts a chat; gives the customer's seat.
    async fn start(&self) -> Seat {
        seat(&self.chats.start(start_request("")).await.unwrap(), 0)
    }

    /// Starts a chat whose customer is there and waits for an agent.
    async fn waiting(&self) -> Seat {
        let seat = self.start().await;
        self.chats.connect(&seat).await.unwrap();
        seat
    }

    /// A chat between a customer and Ana.
    async fn talking(&self) -> (Seat, Seat) {
        let customer = self.waiting().await;
        let accepted = self.chats.accept(&agent("ana"), Some(&customer.chat)).await.unwrap();
        let ana = Seat {
            chat: accepted.chat.id.clone(),
            participant: accepted.participant,
            role: ParticipantRole::Agent,
        };
        self.published.take();
        (customer, ana)
    }

    async fn say(&self, seat: &Seat, content: &str) -> Result<SentResponse, ServiceError> {
        self.chats.send_message(seat, message(content, None)).await
    }

    async fn page(&self, seat: &Seat, request: &GetTranscriptRequest) -> GetTranscriptResponse {
        let body = self.chats.transcript(seat, request).await.unwrap();
        serde_json::from_str(&body).unwrap()
    }

    /// What messages say, oldest first.
    async fn messages(&self, seat: &Seat) -> Vec<String> {
        let request = GetTranscriptRequest {
            max_results: Some(100),
            sort_order: Some("ASCENDING".into()),
            ..GetTranscriptRequest::default()
        };
        let page = self.page(seat, &request).await;
        page.transcript.iter().filter_map(|item| Some(item.content()?.into_owned())).collect()
    }
}

fn start_request(members: &str) -> StartChatContactRequest {
    let text = format!(
        r#"{{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{{"DisplayName":"Cleo"}}{members}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn seat(chat: &Chat, participant: usize) -> Seat {
    let participant = &chat.participants[participant];
    Seat {
        chat: chat.id.clone(),
        participant: participant.id.clone(),
        role: participant.role.clone(),
    }
}

fn agent(user: &str) -> AgentUser {
    AgentUser { id: user.into(), name: user.to_uppercase() }
}

fn message(content: &str, token: Option<&str>) -> SendMessageRequest {
    SendMessageRequest {
        client_token: token.map(str::to_owned),
        content: content.into(),
        content_type: ContentType::TextPlain,
    }
}

fn event(content_type: ContentType, content: Option<String>) -> SendEventRequest {
    let client_token = Some("INCOMING_READ_RECEIPT".to_owned());
    SendEventRequest { client_token, content, content_type }
}

fn read(message: &ItemId) -> SendEventRequest {
    event(ContentType::MessageRead, Some(format!(r#"{{"messageId":"{message}"}}"#)))
}

fn kind<T: fmt::Debug>(result: Result<T, ServiceError>) -> String {
    result.unwrap_err().kind.name().to_owned()
}

/// What somebody does before a commit reaches the store.
enum Meddling {
    Wait(Arc<Semaphore>),
    Answer(Result<Committed, StoreError>),
}

struct Meddled {
    inner: Arc<dyn Store>,
    meddle: Box<dyn Fn() -> Meddling + Send + Sync>,
}

impl Store for Meddled {
    fn create(
        &self,
        chat: Arc<Chat>,
        key: Option<TokenKey>,
        most: Option<u64>,
    ) -> store::Answer<'_, Created> {
        self.inner.create(chat, key, most)
    }

    fn chat(&self, chat: &ContactId) -> store::Answer<'_, Option<Versioned>> {
        self.inner.chat(chat)
    }

    fn chat_of_contact(&self, contact: &ContactId) -> store::Answer<'_, Option<ContactId>> {
        self.inner.chat_of_contact(contact)
    }

    fn commit(&self, commit: Commit) -> store::Answer<'_, Committed> {
        match (self.meddle)() {
            Meddling::Answer(answer) => Box::pin(async { answer }),
            Meddling::Wait(gate) => Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                self.inner.commit(commit).await
            }),
        }
    }

    fn items(&self, query: ItemQuery) -> store::Answer<'_, Vec<Arc<Entry>>> {
        self.inner.items(query)
    }

    fn place(&self, chat: &ContactId, of: Place) -> store::Answer<'_, Option<u64>> {
        self.inner.place(chat, of)
    }

    fn about(&self, chat: &ContactId, items: Vec<ItemId>) -> store::Answer<'_, Vec<Arc<Entry>>> {
        self.inner.about(chat, items)
    }

    fn scanning(&self, limit: u32) -> store::Answer<'_, Vec<ContactId>> {
        self.inner.scanning(limit)
    }

    fn entries_after(
        &self,
        chat: &ContactId,
        seq: u64,
        limit: u32,
    ) -> store::Answer<'_, Vec<Arc<Entry>>> {
        self.inner.entries_after(chat, seq, limit)
    }

    fn finished(
        &self,
        from: (Timestamp, u64),
        before: Timestamp,
        limit: u32,
    ) -> store::Answer<'_, Vec<store::Finished>> {
        self.inner.finished(from, before, limit)
    }

    fn chats_from(&self, from: u64, limit: u32) -> store::Answer<'_, Vec<(u64, Versioned)>> {
        self.inner.chats_from(from, limit)
    }

    fn delete(&self, chat: &ContactId) -> store::Answer<'_, bool> {
        self.inner.delete(chat)
    }

    fn sweep_deleted(&self, limit: u32) -> store::Answer<'_, u64> {
        self.inner.sweep_deleted(limit)
    }

    fn last_said(
        &self,
        chat: &ContactId,
        sender: &ParticipantId,
        after: Timestamp,
    ) -> store::Answer<'_, Option<Timestamp>> {
        self.inner.last_said(chat, sender, after)
    }

    fn heads(&self, chats: Vec<ContactId>) -> store::Answer<'_, Vec<u64>> {
        self.inner.heads(chats)
    }

    fn waiting(&self, queue: &str, limit: u32) -> store::Answer<'_, Waiting> {
        self.inner.waiting(queue, limit)
    }

    fn due(&self, now: Timestamp, limit: u32) -> store::Answer<'_, Vec<ContactId>> {
        self.inner.due(now, limit)
    }

    fn followers_due(&self, now: Timestamp, each: u32) -> store::Answer<'_, Vec<FollowerPlace>> {
        self.inner.followers_due(now, each)
    }

    fn advance(&self, step: FollowerStep) -> store::Answer<'_, bool> {
        self.inner.advance(step)
    }

    fn lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> store::Answer<'_, bool> {
        self.inner.lease(name, holder, now, until)
    }

    fn close(&self) -> store::Answer<'_, ()> {
        self.inner.close()
    }
}

#[tokio::test]
async fn a_chat_from_its_start_to_its_end() {
    let world = World::new();
    let node = world.node_on(Arc::clone(&world.store), Some(Assistant::default()));
    let chat = node.chats.start(start_request("")).await.unwrap();
    let customer = seat(&chat, 0);
    assert_eq!(kind(node.say(&customer, "too early").await), "AccessDeniedException");
    node.chats.connect(&customer).await.unwrap();
    node.chats.connect(&customer).await.unwrap();
    let greeting = Assistant::default().greeting;
    assert_eq!(
        node.published.take(),
        ["1 CUSTOMER participant.joined".to_owned(), format!("2 SYSTEM {greeting}")]
    );

    assert_eq!(node.chats.waiting(10).await.unwrap().total, 0);
    node.say(&customer, "agent").await.unwrap();
    let handover = Assistant::default().handover.text;
    assert_eq!(
        node.published.take(),
        ["3 CUSTOMER agent".to_owned(), format!("4 SYSTEM {handover}"), "queue default".to_owned()]
    );

    let accepted = node.chats.accept(&agent("ana"), None).await.unwrap();
    assert_eq!(accepted.chat.phase, Phase::WithAgent);
    assert_eq!(node.published.take(), ["5 AGENT participant.joined", "queue default"]);
    let ana = Seat { participant: accepted.participant, ..customer.clone() };
    let sent = node.say(&ana, "Hello, Cleo").await.unwrap();
    assert_eq!(time_of_item(&sent.id), Some(sent.absolute_time));

    let typing = node.chats.send_event(&customer, event(ContentType::Typing, None)).await.unwrap();
    assert_eq!(typing.absolute_time, node.clock.now());
    node.chats.send_event(&customer, read(&sent.id)).await.unwrap();
    assert_eq!(
        node.published.take(),
        ["6 AGENT Hello, Cleo", "0 CUSTOMER typing", "7 - message.metadata"]
    );

    node.chats.disconnect(&ana, DisconnectParticipantRequest::default()).await.unwrap();
    assert_eq!(node.published.take(), ["8 AGENT participant.left", "9 - chat.ended"]);
    for seat in [&customer, &ana] {
        assert_eq!(kind(node.say(seat, "x").await), "AccessDeniedException");
        assert_eq!(kind(node.chats.admit(seat).await), "AccessDeniedException");
        let transcript = node.chats.transcript(seat, &GetTranscriptRequest::default()).await;
        assert_eq!(kind(transcript), "AccessDeniedException");
        let again = node.chats.disconnect(seat, DisconnectParticipantRequest::default()).await;
        assert_eq!(kind(again), "AccessDeniedException");
    }
    let described = node.chats.describe(&customer.chat).await.unwrap();
    assert!(described.is_over());
    assert!(node.published.take().is_empty());
}

#[tokio::test]
async fn a_repeated_message_is_one_message() {
    let world = World::new();
    let node = world.node();
    let customer = node.waiting().await;
    let send = |content: &str, token| {
        let request = message(content, Some(token));
        node.chats.send_message(&customer, request)
    };
    let first = send("hello", "t-1").await.unwrap();
    node.pass(1_000);
    assert_eq!(send("hello", "t-1").await.unwrap(), first);
    assert_ne!(send("hello", "t-2").await.unwrap(), first);
    assert_eq!(kind(send("good bye", "t-1").await), "ValidationException");

    // The state has changed since, and the answer is still the first.
    let accepted = node.chats.accept(&agent("ana"), None).await.unwrap();
    assert_eq!(send("hello", "t-1").await.unwrap(), first);

    // An empty token is none.
    assert_ne!(send("a", "").await.unwrap(), send("b", "").await.unwrap());

    // A token is its participant's own.
    let ana = Seat { participant: accepted.participant, ..customer.clone() };
    let hers = node.chats.send_message(&ana, message("hello", Some("t-1"))).await.unwrap();
    assert_ne!(hers, first);

    // Another server, and this one after a restart, know it too.
    let other = world.node();
    let request = message("hello", Some("t-1"));
    assert_eq!(other.chats.send_message(&customer, request).await.unwrap(), first);

    assert_eq!(node.messages(&customer).await, ["hello", "hello", "a", "b", "hello"]);
    assert_eq!(node.chats.counts().repeated.load(Relaxed), 2);
    node.chats.stop(&customer.chat).await.unwrap();
    assert_eq!(kind(send("hello", "t-1").await), "AccessDeniedException");
}

#[tokio::test]
async fn the_content_type_is_part_of_a_body() {
    let node = World::new().node();
    let types = r#","SupportedMessagingContentTypes":["text/plain","text/markdown"]"#;
    let customer = seat(&node.chats.start(start_request(types)).await.unwrap(), 0);
    node.chats.connect(&customer).await.unwrap();
    node.chats.send_message(&customer, message("x", Some("t"))).await.unwrap();
    let markdown =
        SendMessageRequest { content_type: ContentType::TextMarkdown, ..message("x", Some("t")) };
    assert_eq!(kind(node.chats.send_message(&customer, markdown).await), "ValidationException");
}

#[tokio::test]
async fn receipts_are_known_by_kind_and_message() {
    let node = World::new().node();
    let (customer, ana) = node.talking().await;
    let one = node.say(&ana, "one").await.unwrap().id;
    let two = node.say(&ana, "two").await.unwrap().id;
    // All with the same client token, as ChatJS sends them.
    let read_one = node.chats.send_event(&customer, read(&one)).await.unwrap();
    let read_two = node.chats.send_event(&customer, read(&two)).await.unwrap();
    let delivered = SendEventRequest { content_type: ContentType::MessageDelivered, ..read(&one) };
    let delivered_one = node.chats.send_event(&customer, delivered).await.unwrap();
    node.pass(5_000);
    assert_eq!(node.chats.send_event(&customer, read(&one)).await.unwrap(), read_one);
    assert!(read_one != read_two && read_one != delivered_one);

    let entries = node.store.entries_after(&customer.chat, 0, 100).await.unwrap();
    let receipts = entries.iter().filter(|entry| entry.kind == EntryKind::Receipt).count();
    assert_eq!(receipts, 3);
    let page = node.page(&ana, &GetTranscriptRequest::default()).await;
    let told: Vec<_> = page
        .transcript
        .iter()
        .filter_map(|item| item.head().message_metadata.clone()?.receipts)
        .map(|receipts| receipts.iter().filter(|one| one.read_timestamp.is_some()).count())
        .collect();
    assert_eq!(told, [1, 1]);
}

#[tokio::test]
async fn what_has_no_effect_is_answered_all_the_same() {
    let node = World::new().node();
    let customer = node.waiting().await;
    let message = node.say(&customer, "anybody?").await.unwrap().id;
    node.published.take();
    // Nobody else is there who could care.
    let told = node.chats.send_event(&customer, read(&message)).await.unwrap();
    assert_eq!(time_of_item(&told.id), Some(node.clock.now()));
    assert!(node.published.take().is_empty());
}

#[tokio::test]
async fn a_repeated_start_is_one_chat() {
    let node = World::new().node();
    let start = |members: &'static str| node.chats.start(start_request(members));
    let first = start(r#","ClientToken":"t""#).await.unwrap();
    let again = start(r#","ClientToken":"t""#).await.unwrap();
    assert_eq!((&again.id, &again.customer().id), (&first.id, &first.customer().id));
    let other = start(r#","ClientToken":"t","Attributes":{"a":"b"}"#).await;
    assert_eq!(kind(other), "InvalidRequestException");
    assert_ne!(start("").await.unwrap().id, start("").await.unwrap().id);
    let markdown = r#","InitialMessage":{"ContentType":"text/markdown","Content":"x"}"#;
    assert_eq!(kind(start(markdown).await), "InvalidRequestException");
}

#[tokio::test]
async fn another_server_may_have_changed_the_chat() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let customer = here.waiting().await;
    here.say(&customer, "one").await.unwrap();
    // There the agent accepts; here the chat is still known as waiting.
    let accepted = there.chats.accept(&agent("ana"), None).await.unwrap();
    let ana = Seat { participant: accepted.participant, ..customer.clone() };
    here.say(&ana, "two").await.unwrap();
    here.say(&customer, "three").await.unwrap();
    // The other way round, found out by the store.
    let third = world.node();
    third.chats.admit(&customer).await.unwrap();
    here.chats.disconnect(&ana, DisconnectParticipantRequest::default()).await.unwrap();
    assert_eq!(kind(third.say(&customer, "four").await), "AccessDeniedException");
    assert_eq!(third.chats.counts().conflicts.load(Relaxed), 1);
    assert_eq!(kind(there.chats.admit(&ana).await), "AccessDeniedException");
}

#[tokio::test]
async fn messages_at_once_are_all_there_in_one_order() {
    let node = World::new().node();
    let (customer, ana) = node.talking().await;
    let sends = (0..64).map(|at| {
        let from = if at % 2 == 0 { &customer } else { &ana };
        let request = message(&format!("m{at}"), Some(&format!("t{at}")));
        node.chats.send_message(from, request)
    });
    let sent = futures_util::future::join_all(sends).await;
    let mut places: Vec<_> =
        sent.into_iter().map(Result::unwrap).map(|sent| (sent.absolute_time, sent.id)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 64);
    let mut messages = node.messages(&ana).await;
    messages.sort_unstable_by_key(|text| text[1..].parse::<u32>().unwrap());
    assert_eq!(messages, (0..64).map(|at| format!("m{at}")).collect::<Vec<_>>());
    assert_eq!(node.chats.counts().conflicts.load(Relaxed), 0, "messages leave the state alone");
}

#[tokio::test]
async fn a_message_costs_no_look_at_the_store() {
    let node = World::new().node();
    let (customer, _) = node.talking().await;
    let before = node.chats.counts().loaded.load(Relaxed);
    for _ in 0..5 {
        node.say(&customer, "x").await.unwrap();
    }
    assert_eq!(node.chats.counts().loaded.load(Relaxed), before);
}

#[tokio::test]
async fn of_many_agents_one_gets_the_chat() {
    let node = World::new().node();
    let customer = node.waiting().await;
    let users: Vec<AgentUser> = (0..8).map(|at| agent(&format!("agent-{at}"))).collect();
    let accepts = users.iter().map(|user| node.chats.accept(user, Some(&customer.chat)));
    let results = futures_util::future::join_all(accepts).await;
    let (got, not): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((got.len(), not.len()), (1, 7));
    for result in not {
        assert_eq!(kind(result), "ConflictException");
    }
    // Whoever has it may ask again and is the same participant.
    let accepted = got.into_iter().next().unwrap().unwrap();
    let user = accepted.chat.participant(&accepted.participant).unwrap().user.clone().unwrap();
    let again = node.chats.accept(&agent(&user), Some(&customer.chat)).await.unwrap();
    assert_eq!(again.participant, accepted.participant);
}

#[tokio::test]
async fn agents_take_who_has_waited_longest() {
    let node = World::new().node();
    assert_eq!(kind(node.chats.accept(&agent("ana"), None).await), "ResourceNotFoundException");
    let (first, second, third) = (node.start().await, node.start().await, node.start().await);
    for seat in [&second, &first, &third] {
        node.pass(1_000);
        node.chats.connect(seat).await.unwrap();
    }
    let waiting = node.chats.waiting(2).await.unwrap();
    assert_eq!((waiting.total, waiting.chats.len()), (3, 2));
    for expected in [&second, &first] {
        let accepted = node.chats.accept(&agent("ana"), None).await.unwrap();
        assert_eq!(accepted.chat.id, expected.chat);
    }
    // The last one goes before anybody takes it.
    node.published.take();
    node.chats.disconnect(&third, DisconnectParticipantRequest::default()).await.unwrap();
    assert_eq!(
        node.published.take(),
        ["2 CUSTOMER participant.left", "3 - chat.ended", "queue default"]
    );
    for contact in [None, Some(&third.chat), Some(&ContactId::from("nobody's"))] {
        let accepted = node.chats.accept(&agent("ana"), contact).await;
        assert_eq!(kind(accepted), "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn the_control_plane_has_errors_of_its_own() {
    let node = World::new().node();
    let customer = node.waiting().await;
    let nobodys = ContactId::from("nobody's");
    assert_eq!(kind(node.chats.stop(&nobodys).await), "ResourceNotFoundException");
    assert_eq!(kind(node.chats.describe(&nobodys).await), "ResourceNotFoundException");
    node.chats.stop(&customer.chat).await.unwrap();
    assert_eq!(kind(node.chats.stop(&customer.chat).await), "ContactNotFoundException");
    node.store.close().await.unwrap();
    assert_eq!(kind(node.chats.stop(&customer.chat).await), "InternalServiceException");
    assert_eq!(kind(node.chats.start(start_request("")).await), "InternalServiceException");
    assert_eq!(kind(node.chats.waiting(1).await), "InternalServerException");
}

#[tokio::test]
async fn strangers_are_told_nothing() {
    let node = World::new().node();
    let (customer, _) = node.talking().await;
    let other = node.waiting().await;
    for stranger in [
        Seat { chat: "nobody's".into(), ..customer.clone() },
        Seat { chat: other.chat.clone(), ..customer.clone() },
    ] {
        assert_eq!(kind(node.say(&stranger, "x").await), "AccessDeniedException");
        assert_eq!(kind(node.chats.connect(&stranger).await), "AccessDeniedException");
        let transcript = node.chats.transcript(&stranger, &GetTranscriptRequest::default()).await;
        assert_eq!(kind(transcript), "AccessDeniedException");
    }
}

#[tokio::test]
async fn pages_turn_by_their_tokens() {
    let node = World::new().node();
    let (customer, ana) = node.talking().await;
    let mut ids = Vec::new();
    for at in 0..7 {
        ids.push(node.say(&customer, &format!("m{at}")).await.unwrap().id);
        node.pass(10);
    }
    let of_page = |page: &GetTranscriptResponse| -> Vec<ItemId> {
        page.transcript.iter().map(|item| item.head().id.clone().unwrap()).collect()
    };
    let mut request = GetTranscriptRequest {
        max_results: Some(3),
        start_position: Some(StartPosition {
            id: Some(ids[0].clone()),
            ..StartPosition::default()
        }),
        sort_order: Some("ASCENDING".into()),
        ..GetTranscriptRequest::default()
    };
    let mut seen = Vec::new();
    let mut first_token = None;
    loop {
        let page = node.page(&ana, &request).await;
        assert_eq!(page.initial_contact_id.as_ref(), Some(&customer.chat));
        seen.extend(of_page(&page));
        request.next_token = page.next_token;
        let Some(token) = &request.next_token else { break };
        first_token.get_or_insert(token.clone());
    }
    assert_eq!(seen, ids);

    // The token is Ana's, and nobody can change it.
    let token = first_token.unwrap();
    let mut cut = token.clone();
    cut.pop();
    for (seat, token) in [(&customer, token), (&ana, cut), (&ana, "x".to_owned())] {
        let request =
            GetTranscriptRequest { next_token: Some(token), ..GetTranscriptRequest::default() };
        let refused = node.chats.transcript(seat, &request).await;
        assert_eq!(kind(refused), "ValidationException");
    }

    let position = |start_position| GetTranscriptRequest {
        start_position: Some(start_position),
        ..GetTranscriptRequest::default()
    };
    let most_recent = position(StartPosition { most_recent: Some(2), ..StartPosition::default() });
    assert_eq!(of_page(&node.page(&ana, &most_recent).await), [ids[6].clone(), ids[5].clone()]);
    let time = time_of_item(&ids[5]).unwrap().plus_millis(-1).to_string();
    let by_time = position(StartPosition { absolute_time: Some(time), ..StartPosition::default() });
    assert_eq!(of_page(&node.page(&ana, &by_time).await), [ids[6].clone(), ids[5].clone()]);
    let backward = GetTranscriptRequest { scan_direction: Some("BACKWARD".into()), ..by_time };
    assert_eq!(of_page(&node.page(&ana, &backward).await)[0], ids[4]);
    let contact_id = Some("another".into());
    let foreign = GetTranscriptRequest { contact_id, ..GetTranscriptRequest::default() };
    assert!(node.page(&ana, &foreign).await.transcript.is_empty());
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_caller_goes_away() {
    let world = World::new();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let (customer, _) = world.node().talking().await;
    let node = world.node_with(move || Meddling::Wait(Arc::clone(&held)));
    node.chats.admit(&customer).await.unwrap();

    let mut sending = Box::pin(node.say(&customer, "still here?"));
    let began = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_pending())).await;
    assert!(began, "the store holds the commit back");
    drop(sending);
    gate.add_permits(1);
    assert_eq!(node.published.wait().await, ["3 CUSTOMER still here?"]);

    // What was not begun is not done.
    drop(node.say(&customer, "never mind"));
    drop(node.chats.settle(&customer.chat, Command::Stop, None));
    gate.add_permits(1);
    node.say(&customer, "fourth").await.unwrap();
    assert_eq!(node.published.take(), ["4 CUSTOMER fourth"]);
}

#[tokio::test]
async fn conflicts_without_end_end() {
    let world = World::new();
    let (customer, _) = world.node().talking().await;
    let node = world.node_with(|| Meddling::Answer(Ok(Committed::Conflict)));
    assert_eq!(kind(node.say(&customer, "x").await), "ThrottlingException");
    assert_eq!(node.chats.counts().conflicts.load(Relaxed), TRIES as u64);
    assert!(node.published.take().is_empty());
}

#[tokio::test]
async fn failures_of_the_store_are_modelled_errors() {
    let world = World::new();
    let (customer, _) = world.node().talking().await;
    for (failure, name) in [
        ((|| StoreError::Overloaded { waiting: 7 }) as fn() -> StoreError, "ThrottlingException"),
        (|| StoreError::Closed, "InternalServerException"),
        (|| StoreError::Database("disk full: secret text".into()), "InternalServerException"),
        (|| StoreError::NoChat("gone".into()), "AccessDeniedException"),
    ] {
        let node = world.node_with(move || Meddling::Answer(Err(failure())));
        let error = node.say(&customer, "x").await.unwrap_err();
        assert_eq!(error.kind.name(), name);
        assert!(!error.message.contains("secret"), "{error}");
        assert!(node.published.take().is_empty());
    }
}

#[tokio::test]
async fn a_full_chat_can_still_be_left() {
    let node = World::new().node();
    let (customer, _) = node.talking().await;
    let (held, _) = node.chats.load(&customer.chat).await.unwrap();
    node.chats.remember(&customer.chat, Cached { head: Some(limits::ENTRIES_IN_CHAT), ..held });
    assert_eq!(kind(node.say(&customer, "x").await), "ValidationException");
    let typing = node.chats.send_event(&customer, event(ContentType::Typing, None)).await;
    assert_eq!(kind(typing), "ValidationException");
    // Of those who are no participants, too.
    let asked = node.chats.ask_to_sign_in(&customer.chat, 3).await;
    assert_eq!(kind(asked), "InvalidRequestException");
    let (bot, turn) = (FollowerId::from("bot"), ItemId::from("turn"));
    let answered = node.chats.bot_answered(&customer.chat, &bot, &turn, Vec::new()).await;
    assert_eq!(kind(answered), "ValidationException");
    node.chats.disconnect(&customer, DisconnectParticipantRequest::default()).await.unwrap();
}

#[tokio::test]
async fn an_older_state_does_not_take_the_place_of_a_newer() {
    let node = World::new().node();
    let customer = node.waiting().await;
    let (waiting, _) = node.chats.load(&customer.chat).await.unwrap();
    node.chats.accept(&agent("ana"), None).await.unwrap();
    let kept = node.chats.remember(&customer.chat, waiting.clone());
    assert!(kept.version > waiting.version);
    assert_eq!(kept.chat.phase, Phase::WithAgent);
}

#[tokio::test]
async fn time_is_told_to_the_chats_that_wait_for_it() {
    let node = World::new().node();
    let absent = node.start().await;
    let (customer, _) = node.talking().await;
    let mut timers = Timers { holder: "here".into(), leased_until: None };
    node.pass(5 * MINUTE - 1);
    assert_eq!(node.chats.tick(&mut timers).await.unwrap(), 0);
    node.pass(1);
    assert_eq!(node.chats.tick(&mut timers).await.unwrap(), 1);
    assert!(node.chats.describe(&absent.chat).await.unwrap().is_over());
    assert!(node.published.take().is_empty(), "nobody is told of a customer who never came");

    node.pass(1_495 * MINUTE);
    assert_eq!(kind(node.say(&customer, "too late").await), "AccessDeniedException");
    assert_eq!(node.chats.tick(&mut timers).await.unwrap(), 1);
    assert_eq!(node.published.take(), ["3 - chat.ended"]);
    assert_eq!(node.chats.tick(&mut timers).await.unwrap(), 0);
}

#[tokio::test]
async fn more_chats_than_are_told_at_once_are_all_told() {
    let node = World::new().node();
    let count = TOLD_AT_ONCE as usize + 3;
    futures_util::future::join_all((0..count).map(|_| node.start())).await;
    node.pass(5 * MINUTE);
    let mut timers = Timers { holder: "here".into(), leased_until: None };
    assert_eq!(node.chats.tick(&mut timers).await.unwrap(), count);
}

#[tokio::test]
async fn one_server_at_a_time_tells_the_time() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let mut mine = Timers { holder: "here".into(), leased_until: None };
    let mut theirs = Timers { holder: "there".into(), leased_until: None };
    here.start().await;
    for node in [&here, &there] {
        node.pass(5 * MINUTE);
    }
    here.chats.tick(&mut mine).await.unwrap();
    here.start().await;
    for node in [&here, &there] {
        node.pass(5 * MINUTE + LEASE_MS);
    }
    // The lease has run out; whoever comes first has the next.
    assert_eq!(there.chats.tick(&mut theirs).await.unwrap(), 1);
    assert_eq!(here.chats.tick(&mut mine).await.unwrap(), 0);
    assert_eq!((mine.leased_until, theirs.leased_until.is_some()), (None, true));
    // It is renewed before it ends.
    let before = theirs.leased_until;
    there.pass(LEASE_MS - RENEW_MS);
    there.chats.tick(&mut theirs).await.unwrap();
    assert!(theirs.leased_until > before);
}

#[tokio::test]
async fn timers_run_until_shutdown_and_give_their_lease_back() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    here.talking().await;
    here.pass(1_500 * MINUTE);
    there.pass(1_500 * MINUTE);
    let (stop, stopped) = oneshot::channel::<()>();
    let timers = tokio::spawn(Arc::clone(&here.chats).run_timers(async {
        drop(stopped.await);
    }));
    assert_eq!(here.published.wait().await, ["3 - chat.ended"]);
    stop.send(()).unwrap();
    timers.await.unwrap();
    let mut theirs = Timers { holder: "there".into(), leased_until: None };
    there.chats.tick(&mut theirs).await.unwrap();
    assert!(theirs.leased_until.is_some(), "at once, not after the lease");
}

#[tokio::test]
async fn timers_end_with_the_store() {
    let node = World::new().node();
    node.store.close().await.unwrap();
    Arc::clone(&node.chats).run_timers(pending()).await;
}

#[test]
fn keys_tell_requests_apart() {
    let base = token_key(&["p", "SendMessage", "t"], &["text/plain", "x"]);
    assert_eq!(base, token_key(&["p", "SendMessage", "t"], &["text/plain", "x"]));
    // Texts that run together are still two texts.
    for other in [["p", "SendMessage", "u"], ["pS", "endMessage", "t"], ["p", "SendEvent", "t"]] {
        assert_ne!(token_key(&other, &["text/plain", "x"]).key, base.key);
    }
    assert_ne!(token_key(&["p", "SendMessage", "t"], &["text/plainx", ""]).body, base.body);
    // Kept in databases: the same for all versions of this program.
    assert_eq!(base.key, 99_711_632_191_591_686_604_009_565_954_538_536_166);
    assert_eq!(base.body, 9_416_117_374_946_755_791);
}

#[tokio::test]
async fn what_is_sent_while_connecting_waits_for_the_connection() {
    let node = World::new().node();
    let customer = node.start().await;
    let (early, connected) =
        tokio::join!(node.say(&customer, "before the socket"), node.chats.connect(&customer));
    connected.unwrap();
    early.unwrap();
    assert_eq!(node.messages(&customer).await, ["before the socket"]);
}

#[tokio::test]
async fn the_former_acknowledgement_waits_for_nobody() {
    let node = World::new().node();
    let customer = node.start().await;
    let acknowledged = event(ContentType::ConnectionAcknowledged, None);
    // A message that waits for its sender goes on with it.
    let (early, sent) =
        tokio::join!(node.say(&customer, "before"), node.chats.send_event(&customer, acknowledged));
    early.unwrap();
    sent.unwrap();
    assert_eq!(
        node.published.take(),
        ["1 CUSTOMER participant.joined", "queue default", "2 CUSTOMER before"]
    );
}

#[tokio::test]
async fn a_connection_to_another_server_lets_a_message_through() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let customer = here.start().await;
    let (early, connected) =
        tokio::join!(here.say(&customer, "before the socket"), there.chats.connect(&customer));
    connected.unwrap();
    early.unwrap();
}

#[tokio::test]
async fn whoever_does_not_connect_is_refused() {
    let node = World::new().node();
    let customer = node.start().await;
    assert_eq!(kind(node.say(&customer, "nobody is there").await), "AccessDeniedException");
    assert!(node.published.take().is_empty());
}
