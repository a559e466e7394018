//! A server on which a story is played, step by step, and held to what the reference says.

use std::collections::BTreeMap;

use chatloom_server::{
    chats::Clock,
    config::{DEMO_INSTANCE, FlowConfig},
};
use chatloom_wire::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    reference::{Answer, Item, Kind, Read, Reference, Told},
    story::{
        Act, At, Bearer, Direction, Of, Page, Plan, Role, Rule, Step, Story, Target, TimerKind, Who,
    },
};
use crate::support::{
    PATIENCE, Site,
    files::Upload,
    http::{Request, Response},
    socket::Socket,
    start_request, text,
};

/// What went another way than the reference says.
pub(super) type Difference = String;

type Checked<T = ()> = Result<T, Difference>;

const EVENT: &str = "application/vnd.amazonaws.connect.event.";
const LARGEST_FILE: usize = 1 << 20;

/// Somebody's own things.
#[derive(Default)]
struct Seat {
    id: String,
    participant_token: String,
    tokens: Vec<String>,
    url: Option<String>,
    sockets: Vec<Socket>,
    file: Option<Upload>,
}

struct Chat {
    /// The ids of its contacts, the present one last.
    contacts: Vec<String>,
    seats: Vec<Seat>,
    /// Ids of files, in the order they were started.
    files: Vec<String>,
}

struct Stage {
    site: Site,
    chats: Vec<Chat>,
    reference: Reference,
    /// Ids of items by their number in the reference.
    ids: BTreeMap<usize, String>,
}

/// Plays a story; the first difference.
pub(super) async fn play(story: &Story, without: Option<Rule>) -> Checked {
    let site = Site::demo_with(|config| {
        // Nobody answers but people.
        config.instance.flows.clear();
        config.instance.flows.push(FlowConfig {
            id: "to-sales".to_owned(),
            queue: Some("sales".to_owned()),
            ..FlowConfig::default()
        });
        for (key, value) in [
            ("limits.preset", "off"),
            ("connection.per_second", "10000"),
            ("connection.burst", "10000"),
            ("agents.attempts_per_minute", "10000"),
            ("socket.frames_per_second", "10000"),
            ("socket.frames_burst", "10000"),
            // Of the real clock, which this is not about.
            ("socket.linger", "1h"),
            ("attachments.max_size", "1MiB"),
        ] {
            config.set(key, value, "test").unwrap();
        }
    })
    .await;
    let reference = Reference::new(site.clock.now().as_millis(), &story.chats, without);
    let mut stage = Stage { site, chats: Vec::new(), reference, ids: BTreeMap::new() };
    for plan in &story.chats {
        stage.start(plan).await;
    }
    for (nth, step) in story.steps.iter().enumerate() {
        if let Act::Pass(millis) = step.act {
            stage.listen(millis).await?;
        }
        stage
            .take(step)
            .await
            .map_err(|difference| format!("step {nth}, {step:?}: {difference}"))?;
    }
    Ok(())
}

impl Stage {
    async fn start(&mut self, plan: &Plan) {
        let mut request = start_request("Jane");
        request["ChatDurationInMinutes"] = json!(plan.minutes);
        if plan.all_types {
            request["SupportedMessagingContentTypes"] = json!([
                "text/plain",
                "text/markdown",
                "application/json",
                "application/vnd.amazonaws.connect.message.interactive.response",
            ]);
        }
        if let Some(first) = &plan.first {
            let (kind, content) = (first.content_type(), first.text());
            request["InitialMessage"] = json!({ "ContentType": kind, "Content": content });
        }
        if plan.agents_leave_too {
            request["DisconnectOnCustomerExit"] = json!(["AGENT"]);
        }
        let started = self.site.signed("PUT", "/contact/chat", &request).await.ok();
        let customer = Seat {
            id: text(&started["ParticipantId"]),
            participant_token: text(&started["ParticipantToken"]),
            ..Seat::default()
        };
        let contacts = vec![text(&started["ContactId"])];
        self.chats.push(Chat { contacts, seats: vec![customer], files: Vec::new() });
    }

    /// Sees to it that what time does is heard.
    async fn listen(&mut self, millis: i64) -> Checked {
        for chat in 0..self.chats.len() {
            if self.reference.is_unheard(chat, millis) {
                for act in [Act::Create { mark: false }, Act::Open] {
                    self.take(&Step { chat, who: Who::Customer, act }).await?;
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Checked {
        let step = &self.knowable(*step);
        let me = self.reference.find(step.chat, step.who);
        let (answer, told) = self.reference.take(step);
        if answer == Answer::Skipped {
            return Ok(());
        }
        self.act(step, me, &answer).await?;
        self.hear(&told, matches!(step.act, Act::Pass(_))).await
    }

    /// Nobody can name an item that nobody has seen yet.
    fn knowable(&self, mut step: Step) -> Step {
        let is_known = |nth| {
            self.reference.back(step.chat, nth).is_some_and(|number| self.ids.contains_key(&number))
        };
        match &mut step.act {
            Act::Receipt { about, .. } => *about = about.filter(|nth| is_known(*nth)),
            Act::Read(Page { from, .. }) => match *from {
                At::Item(nth) if !is_known(nth) => *from = At::Unknown,
                _ => {}
            },
            _ => {}
        }
        step
    }

    async fn act(&mut self, step: &Step, me: Option<usize>, expected: &Answer) -> Checked {
        let chat = step.chat;
        let contact = self.chats[chat].contacts[0].clone();
        let here = json!({ "InstanceId": DEMO_INSTANCE, "ContactId": contact });
        match step.act {
            Act::Pass(millis) => self.site.clock.advance(millis),
            Act::Restart => self.restart().await,
            Act::Accept => {
                let accept = json!({ "contactId": contact });
                let accepted = self.as_agent(step.who, "accept", &accept).await;
                if let Some(body) = same(expected, &accepted)? {
                    differ(&json!(self.chats[chat].contacts.last()), &body["contactId"])?;
                    let (id, token) = (&body["participantId"], &body["participantToken"]);
                    self.seat(chat, step.who, text(id), text(token))?;
                }
            }
            Act::Transfer { to, initial } => {
                return self.transfer(chat, step.who, to, initial, expected).await;
            }
            Act::AddBot => {
                let details = json!({ "ParticipantRole": "CUSTOM_BOT", "DisplayName": "Robo" });
                let request = with(here, "ParticipantDetails", details);
                let path = "/contact/create-participant";
                let created = self.site.signed("POST", path, &request).await;
                if let Some(body) = same(expected, &created)? {
                    let token = &body["ParticipantCredentials"]["ParticipantToken"];
                    self.seat(chat, Who::Bot, text(&body["ParticipantId"]), text(token))?;
                }
            }
            Act::Stop => {
                same(expected, &self.site.signed("POST", "/contact/stop", &here).await)?;
            }
            Act::SetTimer(role, kind, minutes) => {
                let path = format!("/contact/participant-role-config/{DEMO_INSTANCE}/{contact}");
                let timer = timer(role, kind, minutes);
                same(expected, &self.site.signed("PUT", &path, &timer).await)?;
            }
            _ => {
                let me = me.ok_or("nobody is there to do it")?;
                self.act_in_chat(chat, me, step.act, expected).await?;
            }
        }
        Ok(())
    }

    async fn as_agent(&self, who: Who, operation: &str, body: &Value) -> Response {
        let user = if who == Who::Ana { "ana" } else { "ben" };
        let token = self.site.agent(user).await;
        let request = Request::post(&format!("/v1/agent/{operation}")).json(body);
        self.site.send(request.header("Authorization", &format!("Bearer {token}"))).await
    }

    async fn transfer(
        &mut self,
        chat: usize,
        who: Who,
        to: Target,
        initial: bool,
        expected: &Answer,
    ) -> Checked {
        let contacts = &self.chats[chat].contacts;
        let contact = if initial { contacts.first() } else { contacts.last() };
        let body = match to {
            Target::Default => json!({ "contactId": contact, "queue": "default" }),
            Target::Sales => json!({ "contactId": contact, "queue": "sales" }),
            Target::NoQueue => json!({ "contactId": contact, "queue": "attic" }),
            Target::Ana => json!({ "contactId": contact, "user": "ana" }),
            Target::Ben => json!({ "contactId": contact, "user": "ben" }),
            Target::NoUser => json!({ "contactId": contact, "user": "mallory" }),
        };
        let answer = self.as_agent(who, "transfer", &body).await;
        let Answer::Transferred(number) = expected else {
            return same(expected, &answer).map(drop);
        };
        let told = answered(&answer)?;
        let contacts = &mut self.chats[chat].contacts;
        let id = text(&told["contactId"]);
        if *number == contacts.len() && !contacts.contains(&id) {
            contacts.push(id.clone());
        }
        let (contact, chat) = (contacts.get(*number), &contacts[0]);
        differ(&json!({ "contactId": contact, "initialContactId": chat }), &told)
    }

    async fn act_in_chat(
        &mut self,
        chat: usize,
        me: usize,
        act: Act,
        expected: &Answer,
    ) -> Checked {
        let seat = &self.chats[chat].seats[me];
        match act {
            Act::Create { mark } => {
                let mut body = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
                if mark {
                    body["ConnectParticipant"] = json!(true);
                }
                let created = self.post("connection", &seat.participant_token, &body).await;
                if let Some(body) = same(expected, &created)? {
                    let seat = &mut self.chats[chat].seats[me];
                    seat.tokens.push(text(&body["ConnectionCredentials"]["ConnectionToken"]));
                    seat.url = Some(text(&body["Websocket"]["Url"]));
                }
            }
            Act::Open => return self.open(chat, me, expected).await,
            Act::Close => {
                for socket in std::mem::take(&mut self.chats[chat].seats[me].sockets) {
                    socket.close().await;
                }
            }
            Act::Knock(bearer) => {
                let token = match bearer {
                    Bearer::Oldest => seat.tokens[0].clone(),
                    Bearer::ForConnecting => seat.participant_token.clone(),
                    Bearer::Cut => {
                        let newest = seat.tokens.last().unwrap();
                        newest[..newest.len() - 1].to_owned()
                    }
                };
                same(expected, &self.post("transcript", &token, &json!({})).await)?;
            }
            Act::Say(message, token) => {
                let (kind, content) = (message.content_type(), message.text());
                let mut body = json!({ "ContentType": kind, "Content": content });
                if let Some(token) = token {
                    body["ClientToken"] = json!(format!("token {token}"));
                }
                return self.sent(chat, me, "message", &body, expected).await;
            }
            Act::Typing => {
                let body = json!({ "ContentType": format!("{EVENT}typing") });
                return self.sent(chat, me, "event", &body, expected).await;
            }
            Act::Acknowledge => {
                let body = json!({ "ContentType": format!("{EVENT}connection.acknowledged") });
                return self.sent(chat, me, "event", &body, expected).await;
            }
            Act::Receipt { about, read } => {
                let id =
                    about.and_then(|nth| self.reference.back(chat, nth)).map(|n| &self.ids[&n]);
                let message = json!({ "messageId": id.map_or("nobody's", String::as_str) });
                let kind = if read { "message.read" } else { "message.delivered" };
                let body = json!({
                    "ContentType": format!("{EVENT}{kind}"),
                    "Content": message.to_string(),
                    // As ChatJS sends it (docs/protocol/participant-service.md §2.4).
                    "ClientToken": "INCOMING_READ_RECEIPT",
                });
                return self.sent(chat, me, "event", &body, expected).await;
            }
            Act::Read(page) => return self.read(chat, me, page, expected).await,
            Act::StartFile { genuine, large } => {
                let number = self.chats[chat].files.len();
                let body = json!({
                    "AttachmentName": format!("{number}.bin"),
                    "ContentType": if genuine { "text/plain" } else { "image/png" },
                    "AttachmentSizeInBytes": if large { LARGEST_FILE + 1 } else { 5 },
                    "ClientToken": uuid::Uuid::new_v4().to_string(),
                });
                let started = self.as_me(chat, me, "start-attachment-upload", &body).await;
                if let Some(body) = same(expected, &started)? {
                    let upload = Upload::of(&body);
                    self.chats[chat].files.push(upload.id.clone());
                    self.chats[chat].seats[me].file = Some(upload);
                }
            }
            Act::PutFile => {
                let upload = seat.file.as_ref().ok_or("no file was started")?;
                let put = self.site.send(upload.put("hello")).await;
                match expected {
                    Answer::Done if put.status == 200 => {}
                    Answer::Done => return Err(format!("answered {put:?}")),
                    _ => drop(same(expected, &put)?),
                }
            }
            Act::SendFile { token } => {
                let upload = seat.file.as_ref().ok_or("no file was started")?;
                let token = format!("token {token}");
                let body = json!({ "AttachmentIds": [upload.id], "ClientToken": token });
                same(expected, &self.as_me(chat, me, "complete-attachment-upload", &body).await)?;
            }
            Act::GetFile => {
                let body = json!({ "AttachmentId": self.chats[chat].files.last() });
                same(expected, &self.as_me(chat, me, "attachment", &body).await)?;
            }
            Act::Leave => {
                same(expected, &self.as_me(chat, me, "disconnect", &json!({})).await)?;
            }
            _ => return Err("nobody knows how to do this".to_owned()),
        }
        Ok(())
    }

    /// Somebody has a place in a chat, a new one or again.
    fn seat(&mut self, chat: usize, who: Who, id: String, token: String) -> Checked {
        let number = self.reference.find(chat, who).ok_or("somebody came whom nobody expected")?;
        let seats = &mut self.chats[chat].seats;
        if number == seats.len() {
            seats.push(Seat { id, participant_token: token, ..Seat::default() });
        } else if seats[number].id == id {
            seats[number].participant_token = token;
        } else {
            return Err("somebody who is there already came again".to_owned());
        }
        Ok(())
    }

    async fn restart(&mut self) {
        self.site.stop().await;
        for seat in self.chats.iter_mut().flat_map(|chat| &mut chat.seats) {
            for mut socket in std::mem::take(&mut seat.sockets) {
                assert_eq!(socket.closed().await, 1012);
            }
        }
        self.site.restart().await;
    }

    async fn post(&self, operation: &str, token: &str, body: &Value) -> Response {
        let request = Request::post(&format!("/participant/{operation}")).json(body);
        self.site.send(request.bearer(token)).await
    }

    async fn as_me(&self, chat: usize, me: usize, operation: &str, body: &Value) -> Response {
        let token = self.chats[chat].seats[me].tokens.last().unwrap();
        self.post(operation, token, body).await
    }

    async fn open(&mut self, chat: usize, me: usize, expected: &Answer) -> Checked {
        let url = self.chats[chat].seats[me].url.as_deref().ok_or("no URL was given")?;
        let opened = Socket::open(url).await;
        let mut socket = match (opened, expected) {
            (Err(403), Answer::Socket(None)) => return Ok(()),
            (Ok(socket), Answer::Socket(Some(_))) => socket,
            (opened, _) => return Err(format!("the socket was answered {:?}", opened.err())),
        };
        let answer = socket.subscribe_to(&["aws/chat"]).await;
        let is_subscribed = answer["content"]["status"] == "success";
        if *expected != Answer::Socket(Some(is_subscribed)) {
            return Err(format!("subscribing was answered {answer}"));
        }
        if is_subscribed {
            self.chats[chat].seats[me].sockets.push(socket);
        } else {
            socket.close().await;
        }
        Ok(())
    }

    /// SendMessage or SendEvent.
    async fn sent(
        &mut self,
        chat: usize,
        me: usize,
        operation: &str,
        body: &Value,
        expected: &Answer,
    ) -> Checked {
        let answer = self.as_me(chat, me, operation, body).await;
        let Answer::Sent(number, time) = expected else { return same(expected, &answer).map(drop) };
        let told = answered(&answer)?;
        let id = text(&told["Id"]);
        match number {
            Some(number) => self.bind(*number, &id)?,
            None if self.ids.values().any(|known| *known == id) => {
                return Err(format!("nothing came of it, and its id is known: {told}"));
            }
            None => {}
        }
        differ(&json!({ "Id": id, "AbsoluteTime": iso(*time) }), &told)
    }

    async fn read(&mut self, chat: usize, me: usize, page: Page, expected: &Answer) -> Checked {
        let mut body =
            json!({ "SortOrder": if page.ascending { "ASCENDING" } else { "DESCENDING" } });
        if let Some(direction) = page.direction {
            let forward = direction == Direction::Forward;
            body["ScanDirection"] = json!(if forward { "FORWARD" } else { "BACKWARD" });
        }
        if let Some(most) = page.most {
            body["MaxResults"] = json!(most);
        }
        match page.of {
            Of::All => {}
            Of::First => body["ContactId"] = json!(self.chats[chat].contacts[0]),
            Of::Present => body["ContactId"] = json!(self.chats[chat].contacts.last()),
            Of::Foreign => body["ContactId"] = json!(self.chats[1 - chat].contacts.last()),
        }
        // Without an item to count from there is nowhere to start.
        let item = |nth| self.reference.back(chat, nth);
        body["StartPosition"] = match page.from {
            At::Newest => json!({}),
            At::Unknown => json!({ "Id": "nobody's" }),
            At::Item(nth) => {
                json!({ "Id": item(nth).map_or("nobody's", |number| &*self.ids[&number]) })
            }
            At::Time(nth, millis) => {
                let time = item(nth).map_or(0, |number| self.reference.time(chat, number) + millis);
                json!({ "AbsoluteTime": iso(time) })
            }
            At::Nth(count) => json!({ "MostRecent": count }),
        };
        let Answer::Pages(pages) = expected else {
            let answer = self.as_me(chat, me, "transcript", &body).await;
            return same(expected, &answer).map(drop);
        };
        for (nth, items) in pages.iter().enumerate() {
            let answer = answered(&self.as_me(chat, me, "transcript", &body).await)?;
            differ(&json!(self.chats[chat].contacts[0]), &answer["InitialContactId"])?;
            let read = answer["Transcript"].as_array().ok_or("no list of items")?;
            if read.len() != items.len() {
                let ids: Vec<_> = items.iter().map(|item| item.0.number).collect();
                return Err(format!("page {nth} should have {ids:?}, and is {read:?}"));
            }
            for (read, item) in read.iter().zip(items) {
                self.is_item(chat, &item.0, Some(item), read)?;
            }
            let has_more = nth + 1 < pages.len();
            if answer.get("NextToken").is_some() != has_more {
                return Err(format!("page {nth}: more is {has_more}, and NextToken is wrong"));
            }
            if has_more {
                body["NextToken"] = answer["NextToken"].clone();
            }
        }
        Ok(())
    }

    /// Reads what the sockets have been told, and compares it. Only what time does comes by itself.
    async fn hear(&mut self, told: &Told, later: bool) -> Checked {
        let until = Instant::now() + PATIENCE;
        for chat in 0..self.chats.len() {
            for me in 0..self.chats[chat].seats.len() {
                let items = told.iter().filter(|(to, _)| *to == (chat, me)).map(|(_, item)| item);
                let items: Vec<_> = items.collect();
                for nth in 0..self.chats[chat].seats[me].sockets.len() {
                    let mut heard = Vec::new();
                    loop {
                        let socket = &mut self.chats[chat].seats[me].sockets[nth];
                        heard.extend(socket.so_far().await.map_err(|code| {
                            format!("the socket of {chat}/{me} was closed with {code}")
                        })?);
                        if !later || heard.len() >= items.len() || Instant::now() > until {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    if heard.len() != items.len() {
                        return Err(format!("{chat}/{me} should hear {items:?}, heard {heard:?}"));
                    }
                    for (heard, item) in heard.iter().zip(&items) {
                        self.is_item(chat, item, None, heard)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// An item has one id, everywhere and for ever, and no other item has it.
    fn bind(&mut self, number: usize, id: &str) -> Checked {
        match self.ids.get(&number) {
            Some(known) if known == id => Ok(()),
            Some(known) => Err(format!("item {number} has the ids {known} and {id}")),
            None if self.ids.values().any(|known| known == id) => {
                Err(format!("another item than {number} has the id {id} already"))
            }
            None => {
                self.ids.insert(number, id.to_owned());
                Ok(())
            }
        }
    }

    /// Whether this is the item, member by member, as a socket shows it or a transcript.
    fn is_item(&mut self, chat: usize, item: &Item, read: Option<&Read>, seen: &Value) -> Checked {
        self.bind(item.number, seen["Id"].as_str().ok_or("an item without an id")?)?;
        let Chat { contacts, seats, files } = &self.chats[chat];
        let contact = contacts.get(item.contact).ok_or("of a contact that there is not")?;
        let mut whole = json!({
            "Id": self.ids[&item.number],
            "AbsoluteTime": iso(item.time),
            "ContactId": contact,
        });
        if read.is_none() {
            whole["InitialContactId"] = json!(contacts[0]);
        }
        let is_receipt = matches!(item.kind, Kind::Receipt { .. });
        if let Some(by) = item.by.filter(|_| !is_receipt) {
            let (role, name) = match self.reference.person(chat, by).who {
                Who::Customer => ("CUSTOMER", "Jane"),
                Who::Ana => ("AGENT", "Ana"),
                Who::Ben => ("AGENT", "Ben"),
                Who::Bot => ("CUSTOM_BOT", "Robo"),
            };
            whole["ParticipantId"] = json!(seats[by].id);
            whole["ParticipantRole"] = json!(role);
            whole["DisplayName"] = json!(name);
        }
        match &item.kind {
            Kind::Message(message) => {
                whole["Type"] = json!("MESSAGE");
                whole["ContentType"] = json!(message.content_type());
                whole["Content"] = json!(message.text());
            }
            Kind::Event(name) => {
                whole["Type"] = json!("EVENT");
                whole["ContentType"] = json!(format!("{EVENT}{name}"));
            }
            Kind::File { file, approved } => {
                whole["Type"] = json!("ATTACHMENT");
                whole["Attachments"] = json!([{
                    "AttachmentId": files[*file],
                    "AttachmentName": format!("{file}.bin"),
                    "ContentType": if *approved { "text/plain" } else { "image/png" },
                    "Status": if *approved { "APPROVED" } else { "REJECTED" },
                }]);
            }
            Kind::Receipt { about, read } => {
                let time = if *read { "ReadTimestamp" } else { "DeliveredTimestamp" };
                let by = item.by.map(|by| &seats[by].id);
                whole["Type"] = json!("MESSAGEMETADATA");
                whole["ContentType"] = json!(format!("{EVENT}message.metadata"));
                whole["MessageMetadata"] = json!({
                    "MessageId": self.ids[about],
                    "Receipts": [{ time: iso(item.time), "RecipientParticipantId": by }],
                });
            }
        }
        if let Some(Read(_, known)) = read
            && (!known.is_empty() || matches!(item.kind, Kind::Message(_)))
        {
            let receipts = known.iter().map(|(by, delivered, read)| {
                let delivered = iso(*delivered);
                let by = &seats[*by].id;
                let mut receipt =
                    json!({ "DeliveredTimestamp": delivered, "RecipientParticipantId": by });
                if let Some(read) = read {
                    receipt["ReadTimestamp"] = json!(iso(*read));
                }
                receipt
            });
            let receipts: Vec<_> = receipts.collect();
            whole["MessageMetadata"] =
                json!({ "MessageId": self.ids[&item.number], "Receipts": receipts });
        }
        differ(&whole, seen)
    }
}

/// As the protocol writes times.
fn iso(time: i64) -> String {
    Timestamp::from_millis(time).to_string()
}

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

fn timer(role: Role, kind: TimerKind, minutes: Option<i64>) -> Value {
    let timer = json!({
        "ParticipantRole": if role == Role::Customer { "CUSTOMER" } else { "AGENT" },
        "TimerType": if kind == TimerKind::Idle { "IDLE" } else { "DISCONNECT_NONCUSTOMER" },
        "TimerValue": match minutes {
            Some(minutes) => json!({ "ParticipantTimerDurationInMinutes": minutes }),
            None => json!({ "ParticipantTimerAction": "Unset" }),
        },
    });
    json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": [timer] } } })
}

fn differ(expected: &Value, seen: &Value) -> Checked {
    if expected == seen { Ok(()) } else { Err(format!("should be {expected}, is {seen}")) }
}

/// The body of a success.
fn answered(answer: &Response) -> Checked<Value> {
    if answer.status == 200 { Ok(answer.json()) } else { Err(format!("answered {answer:?}")) }
}

/// Compares an answer with what is expected; the body of a success.
fn same(expected: &Answer, answer: &Response) -> Checked<Option<Value>> {
    match expected {
        Answer::Refused(refused) if answer.status >= 400 => {
            let error = answer.error();
            if error == *refused { Ok(None) } else { Err(format!("{refused:?}, not {error:?}")) }
        }
        Answer::Refused(refused) => Err(format!("should be {refused:?}, is {answer:?}")),
        _ => answered(answer).map(Some),
    }
}
