//! `GET /socket?token=...`: the chat socket (docs/protocol/websocket.md §1).

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    response::IntoResponse,
};
use chatloom_engine::token::Seat;
use chatloom_wire::{
    ErrorKind, ParticipantId, ParticipantRole, ServiceError,
    frame::{CHAT_TOPIC, ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
};
use futures_util::{Sink, Stream, StreamExt as _};
use http::{StatusCode, request::Parts};
use tokio::time::{Instant, Sleep};

use super::{
    Answer, App, Call,
    auth::SocketOwner,
    chaos::{Trick, Turn},
    error,
    throttle::{Pace, Rate},
};
use crate::{
    clients::Held,
    hub::{ChatSubscription, OpenSocket, QueueSubscription, Subscriber, subscribed},
    outbox::{Close, Next, Outbox},
    queue::QUEUE_TOPIC,
};

/// What is read at once: some frames of a client. It is allocated for as long as the socket lives.
const READ_BUFFER: usize = 256;
/// Frames are collected up to this size before they are written. What was used of it stays allocated.
const WRITE_BUFFER: usize = 512;
/// Frames written before the socket is looked at again.
const WRITES_AT_ONCE: usize = 32;
/// How long a client may take to answer the server's close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn open(app: Arc<App>, mut call: Call) -> Answer {
    if app.gates.is_draining() {
        return Err(ServiceError {
            kind: ErrorKind::Other("ServiceUnavailableException".into()),
            status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
            message: "The server is stopping; ask for another connection".to_owned(),
        });
    }
    let token = token(&call.parts).ok_or_else(error::access_denied)?;
    // At the handshake only: a token that ends later does not end its socket.
    let owner = app.socket_owner(token)?;
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut call.parts, &()).await else {
        return Err(error::validation("This path is for WebSockets"));
    };
    // For as long as the socket lives.
    let held = call.place.take();
    let max_frame = app.config.socket.max_frame.bytes();
    // What may be in the buffer when a frame is added, and the frame. A frame can be larger than the
    // queue's bound: one always has room there.
    let max_write = app.config.socket.queue_size.bytes().max(256 * 1024) + WRITE_BUFFER;
    let response = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(max_write)
        .max_message_size(max_frame)
        .max_frame_size(max_frame)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket was not upgraded"))
        .on_upgrade(move |socket| Session::run(app, owner, held, Box::new(socket)));
    Ok(response.into_response())
}

/// What the hub knows an agent's own socket by; no participant has such an id.
pub(super) fn agents_socket(user: &str) -> ParticipantId {
    format!("agent:{user}").into()
}

/// The token in a socket's URL.
pub(super) fn token(parts: &Parts) -> Option<&str> {
    parts.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// One socket and what it has asked for. Fields are dropped in this order: first what the hub knows of
/// it.
struct Session {
    chat: Option<ChatSubscription>,
    queue: Option<QueueSubscription>,
    place: OpenSocket,
    owner: SocketOwner,
    app: Arc<App>,
    unreadable: u32,
    pace: Pace,
    /// What its address holds by it, if it came through a proxy.
    _held: Option<Held>,
}

/// Why a conversation is over.
enum End {
    /// The client has gone, or is going.
    Gone,
    /// The server closes.
    Close(Close),
}

impl Session {
    /// Serves a socket until it is closed. An idle socket costs what this future holds, so the socket,
    /// which futures within futures would each make room for, and what is done rarely are boxed.
    async fn run(
        app: Arc<App>,
        owner: SocketOwner,
        held: Option<Held>,
        mut socket: Box<WebSocket>,
    ) {
        let place = app.hub.open(match &owner {
            SocketOwner::Participant(seat) => seat.participant.clone(),
            SocketOwner::Agent(user) => agents_socket(user),
        });
        let outbox = Arc::clone(place.outbox());
        let mut session = Self {
            chat: None,
            queue: None,
            place,
            owner,
            app,
            unreadable: 0,
            pace: Pace::new(Instant::now()),
            _held: held,
        };
        let idle = session.app.config.socket.idle_timeout.get();
        let subscribe = session.app.config.socket.subscribe_timeout.get();
        let mut deadline = pin!(tokio::time::sleep(subscribe.min(idle)));
        let mut lingering = false;
        let mut trick = session.app.gates.chaos.as_ref().map(|chaos| {
            chaos.socket(match &session.owner {
                SocketOwner::Participant(seat) => Some(seat),
                SocketOwner::Agent(_) => None,
            })
        });
        let end = loop {
            let next = next_step(&mut socket, &outbox, deadline.as_mut(), trick.as_deref_mut());
            let next = next.await;
            outbox.look_away();
            let step = match next {
                Step::Read(message) => {
                    let read = match session.read(message) {
                        Ok(Some(topics)) => Box::pin(session.subscribe(topics)).await,
                        Ok(None) => Ok(()),
                        Err(end) => Err(end),
                    };
                    // Heartbeats alone keep no socket open.
                    if session.is_subscribed() && !lingering {
                        deadline.as_mut().reset(Instant::now() + idle);
                    }
                    read
                }
                Step::Do(Next::Frame(frame)) => match &mut trick {
                    None => write(&mut socket, &outbox, frame, deadline.as_mut(), true).await,
                    Some(trick) => trick.take(frame, Instant::now()).ok_or(End::Gone),
                },
                Step::Trick(Turn::Write(frame)) => {
                    write(&mut socket, &outbox, frame, deadline.as_mut(), false).await
                }
                Step::Trick(Turn::Cut) => Err(End::Gone),
                Step::Trick(Turn::Again) => Ok(()),
                Step::Do(Next::Ended) => {
                    let linger = session.app.config.socket.linger.get();
                    deadline.as_mut().reset(Instant::now() + linger);
                    lingering = true;
                    Ok(())
                }
                Step::Do(Next::Close(_)) | Step::Deadline
                    if trick.as_ref().is_some_and(|trick| trick.is_silent()) =>
                {
                    Err(End::Gone)
                }
                Step::Do(Next::Close(close)) => Err(End::Close(close)),
                Step::Deadline => Err(End::Close(Close::GoingAway)),
            };
            if let Err(end) = step {
                break end;
            }
        };
        let app = Arc::clone(&session.app);
        // No more is queued for it from now on.
        drop(session);
        if let End::Close(close) = end
            && Box::pin(say_goodbye(socket, close)).await
        {
            app.metrics.socket_closed(close);
        }
    }

    /// What a client says. What takes time is left to the caller: the topics to subscribe.
    fn read(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Vec<String>>, End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            // Answered below us.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
            // Clients send none; an empty frame is nothing either.
            Some(Ok(Message::Binary(_))) => Utf8Bytes::default(),
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            // Too large a frame, or none at all. If the connection broke, nobody is there to be told.
            Some(Err(_)) => return Err(End::Close(Close::Policy)),
        };
        let rate = Rate::new(
            self.app.config.socket.frames_per_second,
            self.app.config.socket.frames_burst,
            Duration::ZERO,
        );
        if self.pace.take(Instant::now(), &rate).is_err() {
            return Err(End::Close(Close::Policy));
        }
        if text.is_empty() {
            return Ok(None);
        }
        match ClientFrame::parse(&text) {
            Ok(ClientFrame::Subscribe { topics }) => return Ok(Some(topics)),
            Ok(ClientFrame::Heartbeat) => self.push(Utf8Bytes::from_static(HEARTBEAT)),
            Ok(ClientFrame::Ping) => self.push(Utf8Bytes::from_static(PING_OK)),
            Ok(ClientFrame::Other { .. }) => {}
            Err(_) => {
                self.app.metrics.unreadable_frames.inc();
                self.unreadable += 1;
                if self.unreadable >= self.app.config.socket.unreadable_frames {
                    return Err(End::Close(Close::Policy));
                }
            }
        }
        Ok(None)
    }

    fn is_subscribed(&self) -> bool {
        self.chat.is_some() || self.queue.is_some()
    }

    fn push(&self, frame: Utf8Bytes) {
        // When there is no room the outbox closes the socket.
        self.app.hub.push(self.place.outbox(), frame);
    }

    /// Subscribes what this socket may have, and says of the rest that it may not.
    async fn subscribe(&mut self, topics: Vec<String>) -> Result<(), End> {
        let mut refused = Vec::new();
        for topic in topics {
            let subscribed = match (&self.owner, topic.as_str()) {
                (SocketOwner::Participant(seat), CHAT_TOPIC) => {
                    let seat = seat.clone();
                    self.subscribe_chat(&seat).await?
                }
                (SocketOwner::Agent(_), QUEUE_TOPIC) => {
                    self.subscribe_queue();
                    true
                }
                _ => false,
            };
            if !subscribed {
                refused.push(topic);
            }
        }
        if !refused.is_empty() {
            let frame = ServerFrame::Subscribed { success: false, topics: refused };
            self.push(frame.to_text().into());
        }
        Ok(())
    }

    /// Whether the chat is subscribed now. Being subscribed is being connected
    /// (docs/protocol/websocket.md §1.3).
    async fn subscribe_chat(&mut self, seat: &Seat) -> Result<bool, End> {
        if self.chat.is_some() {
            self.push(subscribed(CHAT_TOPIC));
            return Ok(true);
        }
        match self.app.chats.admit(seat).await {
            Ok(_) => {}
            Err(refused) => return not_now(&refused),
        }
        let subscriber = Subscriber {
            chat: &seat.chat,
            participant: &seat.participant,
            sees_agents: matches!(seat.role, ParticipantRole::Agent | ParticipantRole::Supervisor),
            is_customer: seat.role == ParticipantRole::Customer,
        };
        let (hub, chats) = (&self.app.hub, &self.app.chats);
        let head = || chats.head(&seat.chat);
        match hub.subscribe(subscriber, self.place.outbox(), head).await {
            Ok(subscription) => self.chat = Some(subscription),
            Err(error) => {
                tracing::warn!(chat = %seat.chat, %error, "a socket cannot be subscribed");
                return Err(End::Close(Close::TryAgain));
            }
        }
        // After it, so that the participant sees itself join.
        match self.app.chats.connect(seat).await {
            Ok(()) => Ok(true),
            Err(refused) => {
                self.chat = None;
                not_now(&refused)
            }
        }
    }

    fn subscribe_queue(&mut self) {
        self.push(subscribed(QUEUE_TOPIC));
        if self.queue.is_none() {
            self.queue = Some(self.app.hub.look_at_queue(self.place.outbox()));
        }
    }
}

/// A participant that may not is told so; when it is the server's fault, it shall come again.
fn not_now(refused: &ServiceError) -> Result<bool, End> {
    if refused.status == 403 { Ok(false) } else { Err(End::Close(Close::TryAgain)) }
}

/// What comes first.
enum Step {
    Read(Option<Result<Message, axum::Error>>),
    Do(Next),
    Trick(Turn),
    Deadline,
}

async fn next_step(
    socket: &mut WebSocket,
    outbox: &Outbox,
    mut deadline: Pin<&mut Sleep>,
    mut trick: Option<&mut Trick>,
) -> Step {
    poll_fn(|context| {
        let (mut reads, mut takes) = (true, true);
        if let Some(trick) = trick.as_deref_mut() {
            if let Poll::Ready(turn) = trick.poll(context) {
                return Poll::Ready(Step::Trick(turn));
            }
            (reads, takes) = (!trick.is_silent(), trick.takes_frames());
        }
        if reads && let Poll::Ready(message) = Pin::new(&mut *socket).poll_next(context) {
            return Poll::Ready(Step::Read(message));
        }
        if takes && let Poll::Ready(next) = outbox.poll_next(context) {
            return Poll::Ready(Step::Do(next));
        }
        deadline.as_mut().poll(context).map(|()| Step::Deadline)
    })
    .await
}

/// Writes a frame, and with the rest those that wait behind it. Gives up when the socket is to be closed while the
/// client does not read, and when it does not read for longer than it may be silent.
async fn write(
    socket: &mut WebSocket,
    outbox: &Outbox,
    first: Utf8Bytes,
    mut deadline: Pin<&mut Sleep>,
    with_rest: bool,
) -> Result<(), End> {
    let mut frame = Some(first);
    let mut written = 0;
    poll_fn(|context| {
        loop {
            let mut sink = Pin::new(&mut *socket);
            let ready = match frame {
                Some(_) => sink.as_mut().poll_ready(context),
                None => sink.as_mut().poll_flush(context),
            };
            match ready {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Gone)),
                Poll::Pending => {
                    if let Poll::Ready(close) = outbox.poll_close(context) {
                        return Poll::Ready(Err(End::Close(close)));
                    }
                    return deadline
                        .as_mut()
                        .poll(context)
                        .map(|()| Err(End::Close(Close::GoingAway)));
                }
                Poll::Ready(Ok(())) => {}
            }
            let Some(next) = frame.take() else { return Poll::Ready(Ok(())) };
            if sink.start_send(Message::Text(next)).is_err() {
                return Poll::Ready(Err(End::Gone));
            }
            written += 1;
            if with_rest && written < WRITES_AT_ONCE {
                frame = outbox.pop_frame();
            }
        }
    })
    .await
}

/// Closes a socket, and waits a little for the client to agree. Answers whether the client could be
/// told.
async fn say_goodbye(mut socket: Box<WebSocket>, close: Close) -> bool {
    let reason = Utf8Bytes::from_static(close.reason());
    let frame = Message::Close(Some(CloseFrame { code: close.code(), reason }));
    let told = tokio::time::timeout(CLOSE_PATIENCE, socket.send(frame)).await;
    if !matches!(told, Ok(Ok(()))) {
        return false;
    }
    let agreed = async { while let Some(Ok(_)) = socket.next().await {} };
    // A client that does not agree is cut.
    let _: Result<(), _> = tokio::time::timeout(CLOSE_PATIENCE, agreed).await;
    true
}
