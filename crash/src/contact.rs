//! A chat: who takes part, and what happens in it until the server is killed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chatloom_server::config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    api::{Api, Fault, text},
    dice::Dice,
    person::{Acknowledgements, Ids, Person, locked},
    server::{BOT_FLOW, STREAM},
};

/// How often a chat is handed on, and to where.
const TRANSFERS: usize = 6;
const QUEUE: &str = "default";

/// What a chat is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A customer and an agent talk.
    Talk,
    /// A customer talks with a bot.
    Bot,
    /// They talk, and the back end stops the chat.
    Stopped,
    /// They talk until the kill, and then the customer says nothing more: after two minutes the agent is
    /// disconnected, or, with `idle`, after two minutes the customer is idle and after two more the
    /// agent is disconnected.
    Silent { idle: bool },
    /// The customer never comes.
    Nobody,
}

/// The agent's part.
#[derive(Clone, Debug)]
pub(crate) enum Agent {
    /// Not asked for yet.
    None,
    /// Asked for, and the answer was lost.
    Unknown,
    Here(Box<Person>),
}

/// Something that a back end told the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    #[default]
    No,
    /// Nobody knows whether it was done.
    Perhaps,
    Yes,
}

/// What sockets showed.
pub(crate) type Shown = Arc<Mutex<Vec<Value>>>;

/// A chat.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) kind: Kind,
    /// The request that starts it, with its `ClientToken`.
    pub(crate) request: Value,
    /// Empty until the server has said it.
    pub(crate) id: String,
    /// Its stream, if it has one.
    pub(crate) stream: Option<String>,
    pub(crate) customer: Person,
    pub(crate) agent: Agent,
    /// The contacts that it got by transfers that were acknowledged, in order.
    pub(crate) handed_on: Vec<String>,
    /// The sign-in of the agent who was handing it on when the server was killed.
    pub(crate) handing_on: Option<String>,
    /// Whether its timers were acknowledged.
    pub(crate) timers: Told,
    pub(crate) stopped: Told,
    /// The value of its attribute that was acknowledged last, and the one that was sent last.
    pub(crate) attribute: (u64, u64),
    pub(crate) shown: Shown,
    /// How far the clock had been moved when it began, or, for one that falls silent, when it did.
    pub(crate) since: i64,
    /// When it was thought of.
    pub(crate) begun: Instant,
    /// Whether the customer has come: one who has not for five minutes will find nothing.
    pub(crate) has_come: bool,
    /// Whether it has ended.
    pub(crate) is_over: bool,
    /// Whether time has passed it while nobody looked: what is true now, only its log will tell.
    pub(crate) is_unsure: bool,
    /// The items of the transcript when it was last looked at.
    pub(crate) kept: Vec<Value>,
    /// The number of the acknowledgement that it was started.
    pub(crate) started: Option<u64>,
}

/// A socket of a customer's.
pub(crate) type Socket = WebSocketStream<TcpStream>;

impl Contact {
    pub(crate) fn new(dice: &mut Dice, since: i64, acknowledgements: &Acknowledgements) -> Self {
        let kind = match dice.below(100) {
            0..40 => Kind::Talk,
            40..65 => Kind::Bot,
            65..75 => Kind::Stopped,
            75..95 => Kind::Silent { idle: dice.percent(50) },
            _ => Kind::Nobody,
        };
        let flow = if kind == Kind::Bot { BOT_FLOW } else { DEMO_CONTACT_FLOW };
        let mut request = json!({
            "InstanceId": DEMO_INSTANCE,
            "ContactFlowId": flow,
            "ParticipantDetails": { "DisplayName": "Customer" },
            "ClientToken": dice.token(),
            "ChatDurationInMinutes": 60,
        });
        // A customer of a chat with a stream may come without a socket; timers are told by sockets.
        if dice.percent(50) && !matches!(kind, Kind::Silent { .. }) {
            request["ChatStreamingConfiguration"] = json!({ "StreamingEndpointArn": STREAM });
        }
        if dice.percent(50) {
            request["ParticipantConfiguration"] = json!({ "ResponseMode": "INCREMENTAL" });
        }
        let person = || Person { acknowledgements: acknowledgements.clone(), ..Person::default() };
        Self {
            kind,
            request,
            id: String::new(),
            stream: None,
            customer: person(),
            agent: Agent::None,
            handed_on: Vec::new(),
            handing_on: None,
            timers: Told::No,
            stopped: Told::No,
            attribute: (0, 0),
            shown: Shown::default(),
            since,
            begun: Instant::now(),
            has_come: false,
            is_over: false,
            is_unsure: false,
            kept: Vec::new(),
            started: None,
        }
    }

    /// Whether it goes on after a kill.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self.kind, Kind::Talk | Kind::Bot) && !self.is_over && !self.is_unsure
    }

    /// Marks it unsure if time may have passed it: whether a silent customer is idle, and the agent
    /// there, depends on when the server looked; and one who was on the way may have been given up.
    /// Time passes by the moves of the clock, and on a busy machine by itself.
    pub(crate) fn look_at_time(&mut self, moved_by: i64) {
        let moved = (moved_by - self.since) / 1_000;
        let real = self.begun.elapsed().as_secs() as i64;
        let may_be_silent = matches!(self.kind, Kind::Silent { .. }) && (moved > 0 || real > 50);
        let may_be_late = self.kind != Kind::Nobody && !self.has_come && moved + real > 180;
        self.is_unsure |= may_be_silent || may_be_late;
    }

    /// Begins or goes on until the server is gone.
    pub(crate) async fn live(&mut self, api: &Api, desk: &str, mut dice: Dice) -> Fault {
        let fault = match self.begin(api, desk, &mut dice).await {
            Ok(()) => self.go_on(api, &mut dice).await,
            Err(fault) => fault,
        };
        // What one chat was refused is looked at by whoever asked; the server is gone for all.
        if fault.is_gone() || self.stopped == Told::No {
            return fault;
        }
        Fault::Gone { call: "a chat that was stopped".to_owned(), why: fault.to_string() }
    }

    async fn begin(&mut self, api: &Api, desk: &str, dice: &mut Dice) -> Result<(), Fault> {
        if self.id.is_empty() {
            self.start(api).await?;
        }
        if self.kind == Kind::Nobody {
            // Whoever never comes only looks now and then whether the server is still there.
            let nobodys = ("X-Amz-Bearer", "nobody's");
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                match api.call("/participant/transcript", nobodys, json!({})).await {
                    Err(fault) if fault.is_gone() => return Err(fault),
                    _ => {}
                }
            }
        }
        self.come(api).await?;
        if self.kind == Kind::Bot || !matches!(self.agent, Agent::None) {
            return Ok(());
        }
        if let Kind::Silent { idle } = self.kind {
            self.timers = Told::Perhaps;
            self.set_timers(api, idle).await?;
            self.timers = Told::Yes;
        }
        self.accept(api, desk).await?;
        // Before anybody has said anything to the agent, so that the next one has the same to answer for.
        while self.kind == Kind::Talk && self.handed_on.len() < TRANSFERS && dice.percent(40) {
            self.hand_on(api, desk).await?;
            self.accept(api, desk).await?;
        }
        Ok(())
    }

    /// StartChatContact, or its repeat: the contact's id.
    pub(crate) async fn start(&mut self, api: &Api) -> Result<String, Fault> {
        let answer = api.signed(Method::PUT, "/contact/chat", self.request.clone()).await?;
        let id = text(&answer["ContactId"]);
        if self.id.is_empty() {
            self.id.clone_from(&id);
            self.stream = answer["StreamingId"].as_str().map(ToOwned::to_owned);
            self.customer.id = text(&answer["ParticipantId"]);
            self.customer.participant_token = text(&answer["ParticipantToken"]);
            self.started = Some(self.customer.acknowledgements.next());
        }
        Ok(id)
    }

    /// The customer comes, with a socket unless the chat has a stream.
    async fn come(&mut self, api: &Api) -> Result<(), Fault> {
        let has_stream = self.stream.is_some();
        let kinds = if has_stream {
            json!(["CONNECTION_CREDENTIALS"])
        } else {
            json!(["WEBSOCKET", "CONNECTION_CREDENTIALS"])
        };
        let mut body = json!({ "Type": kinds });
        if has_stream {
            body["ConnectParticipant"] = true.into();
        }
        let url = connect(api, &mut self.customer, body).await?;
        if has_stream {
            self.has_come = true;
            return Ok(());
        }
        let mut socket = open(api, &url).await?;
        self.has_come = true;
        let shown = Arc::clone(&self.shown);
        // It ends with the server.
        tokio::spawn(async move {
            while let Some(item) = next_item(&mut socket).await {
                locked(&shown).push(item);
            }
        });
        Ok(())
    }

    async fn set_timers(&self, api: &Api, idle: bool) -> Result<(), Fault> {
        let timer = |kind: &str| {
            json!({
                "ParticipantRole": "CUSTOMER",
                "TimerType": kind,
                "TimerValue": { "ParticipantTimerDurationInMinutes": 2 },
            })
        };
        let mut timers = vec![timer("DISCONNECT_NONCUSTOMER")];
        timers.extend(idle.then(|| timer("IDLE")));
        let path = format!("/contact/participant-role-config/{DEMO_INSTANCE}/{}", self.id);
        let body =
            json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": timers } } });
        api.signed(Method::PUT, &path, body).await.map(drop)
    }

    /// An agent takes the chat, once it waits for one.
    async fn accept(&mut self, api: &Api, desk: &str) -> Result<(), Fault> {
        let authorization = format!("Bearer {desk}");
        let accepted = loop {
            let body = json!({ "contactId": self.id });
            self.agent = Agent::Unknown;
            match api.call("/v1/agent/accept", ("Authorization", &authorization), body).await {
                Err(fault) if fault.status() == Some(404) => {
                    self.agent = Agent::None;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                answer => break answer?,
            }
        };
        let mut agent = Person {
            id: text(&accepted["participantId"]),
            participant_token: text(&accepted["participantToken"]),
            acknowledgements: self.customer.acknowledgements.clone(),
            ..Person::default()
        };
        let connected =
            connect(api, &mut agent, json!({ "Type": ["CONNECTION_CREDENTIALS"] })).await;
        self.agent = Agent::Here(Box::new(agent));
        connected.map(drop)
    }

    /// Its present contact.
    pub(crate) fn present(&self) -> &str {
        self.handed_on.last().unwrap_or(&self.id)
    }

    /// The agent hands the customer on, and the chat waits again. A repeat of what was done does nothing.
    pub(crate) async fn hand_on(&mut self, api: &Api, desk: &str) -> Result<(), Fault> {
        let authorization = format!("Bearer {desk}");
        let body = json!({ "contactId": self.present(), "queue": QUEUE });
        self.handing_on = Some(desk.to_owned());
        self.agent = Agent::Unknown;
        let answer =
            api.call("/v1/agent/transfer", ("Authorization", &authorization), body).await?;
        self.handing_on = None;
        self.agent = Agent::None;
        self.handed_on.push(text(&answer["contactId"]));
        Ok(())
    }

    async fn go_on(&mut self, api: &Api, dice: &mut Dice) -> Fault {
        let (mut customers, mut agents) = (dice.split(), dice.split());
        let nobody = Ids::default();
        let back_end =
            back_end(api, &self.id, self.kind, &mut self.attribute, &mut self.stopped, dice);
        match &mut self.agent {
            Agent::Here(agent) if !agent.connection_token.is_empty() => {
                let others = Arc::clone(&agent.ids);
                let own = Arc::clone(&self.customer.ids);
                let (customer, agent, back_end) = tokio::join!(
                    self.customer.act(api, &mut customers, &others),
                    agent.act(api, &mut agents, &own),
                    back_end
                );
                first_refusal([customer, agent, back_end])
            }
            _ => {
                let (customer, back_end) =
                    tokio::join!(self.customer.act(api, &mut customers, &nobody), back_end);
                first_refusal([customer, back_end])
            }
        }
    }

    /// Whether DescribeContact says that it is over.
    pub(crate) async fn has_ended(&self, api: &Api) -> Result<bool, Fault> {
        let path = format!("/contacts/{DEMO_INSTANCE}/{}", self.id);
        let answer = api.signed(Method::GET, &path, Value::Null).await?;
        Ok(!answer["Contact"]["DisconnectTimestamp"].is_null())
    }
}

fn first_refusal<const N: usize>(faults: [Fault; N]) -> Fault {
    let mut faults = faults.into_iter();
    let first = faults.next().expect("somebody did something");
    if first.is_gone() { faults.find(|fault| !fault.is_gone()).unwrap_or(first) } else { first }
}

/// What a back end does meanwhile.
async fn back_end(
    api: &Api,
    id: &str,
    kind: Kind,
    attribute: &mut (u64, u64),
    stopped: &mut Told,
    dice: &mut Dice,
) -> Fault {
    for turn in 0_u64.. {
        tokio::time::sleep(Duration::from_millis(dice.between(20, 200))).await;
        if kind == Kind::Stopped && turn == 2 {
            *stopped = Told::Perhaps;
            let body = json!({ "ContactId": id, "InstanceId": DEMO_INSTANCE });
            match api.signed(Method::POST, "/contact/stop", body).await {
                Ok(_) => *stopped = Told::Yes,
                Err(fault) => return fault,
            }
            break;
        }
        attribute.1 += 1;
        let value = attribute.1;
        let body = json!({
            "InstanceId": DEMO_INSTANCE,
            "InitialContactId": id,
            "Attributes": { "step": value.to_string() },
        });
        match api.signed(Method::POST, "/contact/attributes", body).await {
            Ok(_) => attribute.0 = value,
            Err(fault) => return fault,
        }
    }
    Fault::Gone { call: "a back end".to_owned(), why: "its work is done".to_owned() }
}

/// CreateParticipantConnection: takes the token, answers the socket's URL if one was asked for.
async fn connect(api: &Api, person: &mut Person, body: Value) -> Result<String, Fault> {
    let token = ("X-Amz-Bearer", person.participant_token.as_str());
    let answer = api.call("/participant/connection", token, body).await?;
    person.connection_token = text(&answer["ConnectionCredentials"]["ConnectionToken"]);
    Ok(text(&answer["Websocket"]["Url"]))
}

/// Opens another socket of a customer's.
pub(crate) async fn another_socket(api: &Api, person: &mut Person) -> Result<Socket, Fault> {
    let body = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
    let url = connect(api, person, body).await?;
    open(api, &url).await
}

/// Opens a socket and subscribes: what is stored after this returns is shown.
async fn open(api: &Api, url: &str) -> Result<Socket, Fault> {
    let gone = |why: &dyn std::fmt::Display| Fault::Gone {
        call: "a socket".to_owned(),
        why: why.to_string(),
    };
    let stream = TcpStream::connect(api.address()).await.map_err(|error| gone(&error))?;
    let opened = tokio_tungstenite::client_async(url, stream).await;
    let (mut socket, _) = opened.map_err(|error| gone(&error))?;
    let subscribe = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
    let sent = socket.send(Message::text(subscribe.to_string())).await;
    sent.map_err(|error| gone(&error))?;
    match socket.next().await {
        Some(Ok(_)) => Ok(socket),
        Some(Err(error)) => Err(gone(&error)),
        None => Err(gone(&"it was closed")),
    }
}

/// The next item that a socket shows; nothing when the connection is gone.
pub(crate) async fn next_item(socket: &mut Socket) -> Option<Value> {
    loop {
        let frame = match socket.next().await? {
            Ok(Message::Text(frame)) => frame,
            Ok(_) => continue,
            Err(_) => return None,
        };
        let frame: Value = serde_json::from_str(&frame).ok()?;
        if frame["topic"] == "aws/chat" {
            return serde_json::from_str(frame["content"].as_str()?).ok();
        }
    }
}
