//! A small chat service in the test's own process: it keeps a transcript, answers the Participant
//! Service's calls and publishes on sockets, and does what a test tells it to do wrong.

pub(crate) mod files;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{
        Path, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use chatloom::{
    ContentType, Item, ItemType, ParticipantRole, Timestamp,
    wire::{
        ContactId, ItemId, NewItem, ParticipantId,
        frame::{ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
        participant::{
            GetTranscriptRequest, GetTranscriptResponse, ScanDirection, SendEventRequest,
            SendMessageRequest, SentResponse, SortOrder, StartPosition,
        },
    },
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::JoinHandle,
};

pub(crate) const CONTACT: &str = "contact-1";
pub(crate) const CUSTOMER: &str = "participant-customer";
pub(crate) const CUSTOMER_NAME: &str = "Jane Customer";
pub(crate) const AGENT: &str = "participant-agent";
/// Texts that may appear in no log.
pub(crate) const PARTICIPANT_TOKEN: &str = "PARTICIPANT-TOKEN-SECRET";
pub(crate) const CONNECTION_TOKEN: &str = "CONNECTION-TOKEN-SECRET";
pub(crate) const SOCKET_SECRET: &str = "SOCKET-URL-SECRET";
pub(crate) const AGENT_TOKEN: &str = "AGENT-TOKEN-SECRET";

/// The time of the first item; each later one is a millisecond later.
const FIRST_MS: i64 = 1_767_225_600_000;

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    state: Mutex<ServiceState>,
    /// Counts everything that happens, for tests that wait for something.
    turn: watch::Sender<u64>,
}

#[derive(Default)]
struct ServiceState {
    transcript: Vec<Item>,
    /// What was sent without being kept: typing and receipts.
    events: Vec<SendEventRequest>,
    sent: HashMap<String, SentResponse>,
    /// What each operation answers instead of working, in turn.
    faults: HashMap<&'static str, VecDeque<Fault>>,
    /// How often each operation was called.
    calls: HashMap<&'static str, usize>,
    sockets: Vec<Subscriber>,
    next_socket: u64,
    /// Sockets that opened so far.
    opened: usize,
    /// A socket has subscribed; the service takes no messages before.
    arrived: bool,
    ended: bool,
    agent_logins: usize,
    waiting: Vec<&'static str>,
    /// What the calls say of their program, each once.
    user_agents: BTreeSet<String>,
    files: files::Files,
}

struct Subscriber {
    number: u64,
    topics: Vec<String>,
    frames: mpsc::Sender<Frame>,
}

/// More frames than any test leaves unread.
const SOCKET_QUEUE: usize = 4_096;

impl Subscriber {
    fn queue(&self, frame: Frame) {
        // A socket that has just closed is no error; one that is not read would be one of the test.
        if let Err(TrySendError::Full(_)) = self.frames.try_send(frame) {
            panic!("a socket's queue is full");
        }
    }
}

enum Frame {
    Text(String),
    Cut,
}

/// What an operation does instead of working.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Status(u16),
    RetryAfter(u16, u64),
    /// Works, and then the answer does not arrive.
    Unanswered,
}

pub(crate) const CONNECTION: &str = "connection";
pub(crate) const MESSAGE: &str = "message";
pub(crate) const TRANSCRIPT: &str = "transcript";

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { state: Mutex::default(), turn: watch::Sender::new(0) });
        let router = Router::new()
            .route("/start-chat", post(start_chat))
            .route("/participant/connection", post(connection))
            .route("/participant/message", post(message))
            .route("/participant/event", post(event))
            .route("/participant/transcript", post(transcript))
            .route("/participant/disconnect", post(disconnect))
            .route("/socket/{secret}", get(socket))
            .merge(files::routes())
            .route("/v1/agent/login", post(agent_login))
            .route("/v1/agent/accept", post(agent_accept))
            .route("/v1/agent/transfer", post(agent_transfer))
            .route("/v1/agent/socket", post(agent_socket))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Else a second small frame waits for the first one's acknowledgement: 40 ms of real
            // time, in which these tests have minutes pass.
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
            axum::serve(listener, router).await.unwrap();
        });
        Self { address, shared, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.shared.state.lock().unwrap()
    }

    /// The agent says something.
    pub(crate) fn say(&self, text: &str) {
        let item = self.state().append(AGENT, &ContentType::TextPlain, Some(text));
        self.shared.publish(&item);
    }

    /// The agent comes, goes, or does what else is kept.
    pub(crate) fn agent_does(&self, what: &ContentType) {
        let item = self.state().append(AGENT, what, None);
        self.shared.publish(&item);
    }

    /// The agent does what is of the moment.
    pub(crate) fn agent_signals(&self, what: &ContentType) {
        let at = FIRST_MS + self.state().transcript.len() as i64;
        let item = json!({
            "Id": "signal", "Type": "EVENT", "ContentType": what.as_str(), "ContactId": CONTACT,
            "AbsoluteTime": Timestamp::from_millis(at), "ParticipantId": AGENT,
            "ParticipantRole": "AGENT", "DisplayName": CUSTOMER_NAME, "InitialContactId": CONTACT,
        });
        self.publish_only(&Item::from_text(item.to_string()).unwrap());
    }

    /// The agent has received or read a message.
    pub(crate) fn agent_receipt(&self, message: &ItemId, read: bool) {
        let time = if read { "ReadTimestamp" } else { "DeliveredTimestamp" };
        let item = json!({
            "Id": "receipt", "Type": "MESSAGEMETADATA", "ContactId": CONTACT,
            "InitialContactId": CONTACT, "ParticipantId": AGENT,
            "MessageMetadata": { "MessageId": message, "Receipts": [
                { "RecipientParticipantId": AGENT, time: Timestamp::from_millis(FIRST_MS) },
            ] },
        });
        self.publish_only(&Item::from_text(item.to_string()).unwrap());
    }

    /// An item comes over the sockets that is in no transcript.
    pub(crate) fn publish_only(&self, item: &Item) {
        self.shared.publish(item);
    }

    /// A frame comes over the sockets, whatever it is.
    pub(crate) fn send_frame(&self, text: &str) {
        for subscriber in &self.state().sockets {
            subscriber.queue(Frame::Text(text.to_owned()));
        }
    }

    /// The chat ends.
    pub(crate) fn end(&self) {
        let item = self.state().end();
        self.shared.publish(&item);
    }

    /// The chat ends, and nobody who is connected hears of it.
    pub(crate) fn end_silently(&self) {
        self.state().end();
    }

    /// All sockets break.
    pub(crate) fn cut_sockets(&self) {
        for subscriber in self.state().sockets.drain(..) {
            subscriber.queue(Frame::Cut);
        }
    }

    /// An operation does something else, in turn, as often as there are faults.
    pub(crate) fn fail(&self, operation: &'static str, faults: &[Fault]) {
        self.state().faults.entry(operation).or_default().extend(faults.iter().cloned());
    }

    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state().calls.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn opened_sockets(&self) -> usize {
        self.state().opened
    }

    pub(crate) fn subscribed_sockets(&self) -> usize {
        self.state().sockets.iter().filter(|socket| !socket.topics.is_empty()).count()
    }

    pub(crate) fn open_sockets(&self) -> usize {
        self.state().sockets.len()
    }

    /// The contents of the messages of the transcript, with who said them.
    pub(crate) fn said(&self) -> Vec<(String, String)> {
        self.state()
            .transcript
            .iter()
            .filter(|item| item.head().item_type == Some(ItemType::Message))
            .map(|item| {
                let who = item.head().participant_id.as_ref().unwrap().to_string();
                (who, item.content().unwrap().into_owned())
            })
            .collect()
    }

    pub(crate) fn events(&self) -> Vec<SendEventRequest> {
        self.state().events.clone()
    }

    /// What the calls with a connection token say of their program, each once.
    pub(crate) fn user_agents(&self) -> Vec<String> {
        self.state().user_agents.iter().cloned().collect()
    }

    pub(crate) fn agent_logins(&self) -> usize {
        self.state().agent_logins
    }

    /// Who waits for an agent changes.
    pub(crate) fn set_waiting(&self, contacts: &[&'static str]) {
        self.state().waiting = contacts.to_vec();
        self.shared.publish_queue();
    }

    /// Waits until something holds of the service.
    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut turn = self.shared.turn.subscribe();
        while !holds(self) {
            turn.changed().await.unwrap();
        }
    }
}

impl Shared {
    fn happened(&self) {
        self.turn.send_modify(|turn| *turn += 1);
    }

    fn publish(&self, item: &Item) {
        // What the socket adds to an item: the contacts are there already.
        let frame = ServerFrame::Chat { content: item.text().into() }.to_text();
        self.publish_frame("aws/chat", &frame);
    }

    fn publish_queue(&self) {
        let waiting: Vec<Value> = self
            .state
            .lock()
            .unwrap()
            .waiting
            .iter()
            .map(|contact| {
                json!({
                    "contactId": contact, "customerName": CUSTOMER_NAME, "queue": "Default",
                    "since": Timestamp::from_millis(FIRST_MS),
                })
            })
            .collect();
        let content = json!({ "total": waiting.len(), "waiting": waiting }).to_string();
        let frame = json!({ "topic": "chatloom/queue", "content": content }).to_string();
        self.publish_frame("chatloom/queue", &frame);
    }

    fn publish_frame(&self, topic: &str, frame: &str) {
        for subscriber in &self.state.lock().unwrap().sockets {
            if subscriber.topics.iter().any(|subscribed| subscribed == topic) {
                subscriber.queue(Frame::Text(frame.to_owned()));
            }
        }
        self.happened();
    }

    /// Counts a call, and says what goes wrong with it.
    fn enter(&self, operation: &'static str) -> Option<Fault> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            *state.calls.entry(operation).or_default() += 1;
            state.faults.get_mut(operation).and_then(VecDeque::pop_front)
        };
        self.happened();
        fault
    }

    fn has_ended(&self) -> bool {
        self.state.lock().unwrap().ended
    }
}

impl ServiceState {
    fn append(&mut self, who: &str, content_type: &ContentType, content: Option<&str>) -> Item {
        let n = self.transcript.len() as i64;
        let (id, who) = (format!("item-{n}"), ParticipantId::from(who));
        let role = match who.as_str() {
            AGENT => ParticipantRole::Agent,
            CUSTOMER => ParticipantRole::Customer,
            _ => ParticipantRole::System,
        };
        let item_type = if content_type.is_event() { ItemType::Event } else { ItemType::Message };
        let contact = ContactId::from(CONTACT);
        let item = NewItem {
            absolute_time: Some(Timestamp::from_millis(FIRST_MS + n)),
            content,
            content_type: Some(content_type),
            id: Some(&id),
            item_type: Some(&item_type),
            participant_id: Some(&who),
            display_name: Some(CUSTOMER_NAME),
            participant_role: Some(&role),
            initial_contact_id: Some(&contact),
            contact_id: Some(&contact),
            ..NewItem::default()
        };
        let item = Item::from_text(item.to_text()).unwrap();
        self.transcript.push(item.clone());
        item
    }

    fn end(&mut self) -> Item {
        self.ended = true;
        self.append("system", &ContentType::ChatEnded, None)
    }
}

fn refuse(status: u16) -> Response {
    let (name, status) = match status {
        400 => ("ValidationException", StatusCode::BAD_REQUEST),
        403 => ("AccessDeniedException", StatusCode::FORBIDDEN),
        429 => ("ThrottlingException", StatusCode::TOO_MANY_REQUESTS),
        other => ("InternalServerException", StatusCode::from_u16(other).unwrap()),
    };
    (status, [("x-amzn-errortype", name)], Json(json!({ "Message": "as the test said" })))
        .into_response()
}

/// Answers with the fault when there is one. `None`: the operation works.
fn faulty(fault: Option<&Fault>) -> Option<Response> {
    match fault? {
        Fault::Status(status) => Some(refuse(*status)),
        Fault::RetryAfter(status, seconds) => {
            let mut response = refuse(*status);
            response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            Some(response)
        }
        Fault::Unanswered => None,
    }
}

async fn answer(fault: Option<&Fault>, response: Response) -> Response {
    if matches!(fault, Some(Fault::Unanswered)) {
        std::future::pending::<()>().await;
    }
    response
}

fn bearer(headers: &HeaderMap) -> &str {
    headers.get("x-amz-bearer").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

type Context = State<Arc<Shared>>;

async fn start_chat(State(shared): Context, Json(request): Json<Value>) -> Response {
    if let Some(refused) = faulty(shared.enter("start-chat").as_ref()) {
        return refused;
    }
    assert_eq!(request["ParticipantDetails"]["DisplayName"], CUSTOMER_NAME);
    Json(json!({ "data": { "startChatResult": {
        "ContactId": CONTACT, "ParticipantId": CUSTOMER, "ParticipantToken": PARTICIPANT_TOKEN,
    }, "featurePermissions": {} } }))
    .into_response()
}

async fn connection(State(shared): Context, headers: HeaderMap) -> Response {
    if let Some(refused) = faulty(shared.enter(CONNECTION).as_ref()) {
        return refused;
    }
    if shared.has_ended() || bearer(&headers) != PARTICIPANT_TOKEN {
        return refuse(403);
    }
    // As the server does: the way the client came is the way it comes back.
    let host = headers.get(header::HOST).unwrap().to_str().unwrap();
    Json(json!({
        "Websocket": {
            "Url": format!("ws://{host}/socket/{SOCKET_SECRET}"),
            "ConnectionExpiry": "2100-01-01T00:00:00.000Z",
        },
        "ConnectionCredentials": {
            "ConnectionToken": CONNECTION_TOKEN, "Expiry": "2100-01-01T00:00:00.000Z",
        },
    }))
    .into_response()
}

async fn message(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<SendMessageRequest>,
) -> Response {
    let fault = shared.enter(MESSAGE);
    if let Some(refused) = faulty(fault.as_ref()) {
        return refused;
    }
    let arrived = {
        let mut state = shared.state.lock().unwrap();
        for name in ["user-agent", "x-amz-user-agent"] {
            let text = headers.get(name).and_then(|value| value.to_str().ok());
            state.user_agents.extend(text.map(str::to_owned));
        }
        state.arrived
    };
    if !arrived || shared.has_ended() || bearer(&headers) != CONNECTION_TOKEN {
        return refuse(403);
    }
    let token = request.client_token.clone().unwrap();
    let known = shared.state.lock().unwrap().sent.get(&token).cloned();
    let sent = if let Some(sent) = known {
        sent
    } else {
        let (item, sent) = {
            let mut state = shared.state.lock().unwrap();
            let item = state.append(CUSTOMER, &request.content_type, Some(&request.content));
            let head = item.head();
            let sent = SentResponse {
                id: head.id.clone().unwrap(),
                absolute_time: Timestamp::parse(head.absolute_time.as_ref().unwrap()).unwrap(),
            };
            state.sent.insert(token, sent.clone());
            (item, sent)
        };
        shared.publish(&item);
        sent
    };
    answer(fault.as_ref(), Json(sent).into_response()).await
}

async fn event(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<SendEventRequest>,
) -> Response {
    if let Some(refused) = faulty(shared.enter("event").as_ref()) {
        return refused;
    }
    if shared.has_ended() || bearer(&headers) != CONNECTION_TOKEN {
        return refuse(403);
    }
    shared.state.lock().unwrap().events.push(request);
    shared.happened();
    let sent =
        SentResponse { id: ItemId::from("event"), absolute_time: Timestamp::from_millis(FIRST_MS) };
    Json(sent).into_response()
}

/// Pages with the place in the transcript as the token.
async fn transcript(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<GetTranscriptRequest>,
) -> Response {
    if let Some(refused) = faulty(shared.enter(TRANSCRIPT).as_ref()) {
        return refused;
    }
    if bearer(&headers) != CONNECTION_TOKEN {
        return refuse(403);
    }
    let items = shared.state.lock().unwrap().transcript.clone();
    let size = request.max_results.unwrap_or(10).max(1) as usize;
    let start = match &request.start_position {
        Some(StartPosition { id: Some(id), .. }) => {
            items.iter().position(|item| item.head().id.as_ref() == Some(id))
        }
        Some(StartPosition { absolute_time: Some(time), .. }) => Some(
            items.partition_point(|item| *item.head().absolute_time.as_deref().unwrap() < **time),
        ),
        _ => None,
    };
    let forward = request.scan_direction == Some(ScanDirection::Forward)
        || (request.scan_direction.is_none() && start.is_some());
    let token: Option<usize> = request.next_token.as_deref().map(|token| token.parse().unwrap());
    let (range, next) = if forward {
        let from = token.or(start).unwrap_or(items.len());
        let to = (from + size).min(items.len());
        (from..to, (to < items.len()).then_some(to))
    } else {
        let to = token.or(start.map(|start| start + 1)).unwrap_or(items.len());
        let from = to.saturating_sub(size);
        (from..to, (from > 0).then_some(from))
    };
    let mut page = items[range].to_vec();
    if request.sort_order != Some(SortOrder::Ascending) {
        page.reverse();
    }
    Json(GetTranscriptResponse {
        initial_contact_id: Some(ContactId::from(CONTACT)),
        transcript: page,
        next_token: next.map(|next| next.to_string()),
    })
    .into_response()
}

async fn disconnect(State(shared): Context, headers: HeaderMap) -> Response {
    if let Some(refused) = faulty(shared.enter("disconnect").as_ref()) {
        return refused;
    }
    if shared.has_ended() || bearer(&headers) != CONNECTION_TOKEN {
        return refuse(403);
    }
    let item = shared.state.lock().unwrap().end();
    shared.publish(&item);
    Json(json!({})).into_response()
}

async fn socket(
    State(shared): Context,
    Path(secret): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    assert_eq!(secret, SOCKET_SECRET);
    upgrade.on_upgrade(move |socket| serve_socket(shared, socket))
}

async fn serve_socket(shared: Arc<Shared>, mut socket: WebSocket) {
    let (frames, mut queue) = mpsc::channel(SOCKET_QUEUE);
    let number = {
        let mut state = shared.state.lock().unwrap();
        state.opened += 1;
        state.next_socket += 1;
        let number = state.next_socket;
        state.sockets.push(Subscriber { number, topics: Vec::new(), frames });
        number
    };
    shared.happened();
    loop {
        tokio::select! {
            frame = queue.recv() => match frame {
                Some(Frame::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Frame::Cut) | None => break,
            },
            received = socket.recv() => {
                let Some(Ok(received)) = received else { break };
                let Message::Text(text) = received else { continue };
                match ClientFrame::parse(&text).unwrap() {
                    ClientFrame::Heartbeat => {
                        let _ = socket.send(Message::text(HEARTBEAT)).await;
                    }
                    ClientFrame::Ping => {
                        let _ = socket.send(Message::text(PING_OK)).await;
                    }
                    ClientFrame::Subscribe { topics } => {
                        let answer =
                            ServerFrame::Subscribed { success: true, topics: topics.clone() };
                        shared.state.lock().unwrap().arrived = true;
                        let queue_too = topics.iter().any(|topic| topic == "chatloom/queue");
                        for subscriber in &mut shared.state.lock().unwrap().sockets {
                            if subscriber.number == number {
                                subscriber.topics.clone_from(&topics);
                            }
                        }
                        let _ = socket.send(Message::text(answer.to_text())).await;
                        if queue_too {
                            shared.publish_queue();
                        }
                        shared.happened();
                    }
                    ClientFrame::Other { .. } => {}
                }
            }
        }
    }
    shared.state.lock().unwrap().sockets.retain(|subscriber| subscriber.number != number);
    shared.happened();
}

async fn agent_login(State(shared): Context, Json(request): Json<Value>) -> Response {
    if request["user"] != "ana" || request["password"] != "let me in" {
        return refuse(403);
    }
    let logins = {
        let mut state = shared.state.lock().unwrap();
        state.agent_logins += 1;
        state.agent_logins
    };
    shared.happened();
    Json(json!({
        "token": format!("{AGENT_TOKEN}-{logins}"), "expiresAt": "2100-01-01T00:00:00.000Z",
        "user": { "id": "ana", "name": "Ana Agent" },
    }))
    .into_response()
}

/// Only the latest login is good.
fn is_agent(shared: &Shared, headers: &HeaderMap) -> bool {
    let logins = shared.state.lock().unwrap().agent_logins;
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
        == Some(&format!("Bearer {AGENT_TOKEN}-{logins}"))
}

async fn agent_accept(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Some(refused) = faulty(shared.enter("accept").as_ref()) {
        return refused;
    }
    if !is_agent(&shared, &headers) {
        return refuse(403);
    }
    let contact = {
        let mut state = shared.state.lock().unwrap();
        let place = match request["contactId"].as_str() {
            Some(contact) => state.waiting.iter().position(|waiting| *waiting == contact),
            None => (!state.waiting.is_empty()).then_some(0),
        };
        place.map(|place| state.waiting.remove(place))
    };
    let Some(contact) = contact else {
        let body = Json(json!({ "Message": "nobody waits" }));
        return (StatusCode::NOT_FOUND, [("x-amzn-errortype", "ResourceNotFoundException")], body)
            .into_response();
    };
    shared.publish_queue();
    Json(json!({
        "contactId": contact, "initialContactId": CONTACT, "participantId": AGENT,
        "participantToken": PARTICIPANT_TOKEN, "customerName": CUSTOMER_NAME,
    }))
    .into_response()
}

/// Only to Ben, and to the queue `sales`.
async fn agent_transfer(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Some(refused) = faulty(shared.enter("transfer").as_ref()) {
        return refused;
    }
    if !is_agent(&shared, &headers) {
        return refuse(403);
    }
    let contact = &request["contactId"];
    let known = [
        json!({ "contactId": contact, "user": "ben" }),
        json!({ "contactId": contact, "queue": "sales" }),
    ];
    if !known.contains(&request) {
        let body = Json(json!({ "Message": "away" }));
        return (StatusCode::CONFLICT, [("x-amzn-errortype", "ConflictException")], body)
            .into_response();
    }
    Json(json!({ "contactId": "the next", "initialContactId": CONTACT })).into_response()
}

async fn agent_socket(State(shared): Context, headers: HeaderMap) -> Response {
    if let Some(refused) = faulty(shared.enter("agent-socket").as_ref()) {
        return refused;
    }
    if !is_agent(&shared, &headers) {
        return refuse(403);
    }
    let host = headers.get(header::HOST).unwrap().to_str().unwrap();
    Json(json!({
        "url": format!("ws://{host}/socket/{SOCKET_SECRET}"),
        "expiresAt": "2100-01-01T00:00:00.000Z",
    }))
    .into_response()
}
