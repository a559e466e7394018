//! The service: the real rules over the real store, behind a door that is simulated.
//!
//! What the server does with handlers, tasks and a cache happens here within a call. The rest is the
//! server's own: [`Rules`] decide, the store keeps, [`Keys`] sign and verify, the engine writes pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use chatloom_engine::{
    AgentUser, Answer, Chat, Command, Draft, Entry, EntryKind, Presence, Rules, StartChat,
    entry::item_id,
    limits,
    token::{Keys, Seat, SeatUse},
    transcript::{self, Start},
};
use chatloom_server::store::{
    Commit, Committed, ItemQuery, Place, StoreError, TokenKey,
    sqlite::{Direct, InMemory},
};
use chatloom_session::HttpRequest;
use chatloom_wire::{
    ContactId, ErrorKind, ItemId, ParticipantId, ParticipantRole, ServiceError, Timestamp,
    contact::StartChatContactRequest,
    participant::{
        BEARER_HEADER, CompleteAttachmentUpload, ConnectionCredentials, ConnectionType,
        CreateParticipantConnection, CreateParticipantConnectionRequest,
        CreateParticipantConnectionResponse, DisconnectParticipant, GetAttachment, GetTranscript,
        GetTranscriptRequest, Operation, SendEvent, SendEventRequest, SendMessage,
        SendMessageRequest, SentResponse, StartAttachmentUpload, Websocket,
    },
};
use serde::de::DeserializeOwned;

use crate::dice::Dice;

/// Where the service is.
pub(crate) const ENDPOINT: &str = "https://service.test";
const SOCKET_URL: &str = "wss://service.test/socket?token=";
const SECRET: &[u8; 32] = b"a secret of thirty-two bytes, ok";
const QUEUE: &str = "default";
/// How often a command is decided anew.
const TRIES: usize = 16;

pub(crate) struct Service<'c> {
    database: &'c InMemory,
    store: Direct<'c>,
    rules: Rules,
    keys: Keys,
    dice: Dice,
    /// Connection tokens that are good, and whose they are.
    tokens: BTreeMap<String, ParticipantId>,
    pub(crate) token_life_ms: i64,
    /// Items on a page at most, for each chat.
    pages: BTreeMap<ContactId, u32>,
    /// What was stored since it was last taken, in order.
    pub(crate) stored: Vec<Arc<Entry>>,
    /// What was published and not stored.
    pub(crate) transient: Vec<Arc<Entry>>,
}

/// What a request comes to.
pub(crate) enum Served {
    Answer(Result<String, ServiceError>),
    /// The participant has yet to connect: look again soon.
    Wait,
}

impl<'c> Service<'c> {
    pub(crate) fn new(
        database: &'c InMemory,
        seed: u64,
        token_life_ms: i64,
    ) -> Result<Self, StoreError> {
        let mut dice = Dice::new(seed, 2);
        let store = open(database, &mut dice)?;
        Ok(Self {
            database,
            store,
            rules: Rules::new(QUEUE),
            keys: Keys::new(SECRET).expect("the secret is long enough"),
            dice,
            tokens: BTreeMap::new(),
            token_life_ms,
            pages: BTreeMap::new(),
            stored: Vec::new(),
            transient: Vec::new(),
        })
    }

    /// The process ends and starts again: what it remembered is gone.
    pub(crate) fn restart(&mut self) -> Result<(), StoreError> {
        self.store = open(self.database, &mut self.dice)?;
        Ok(())
    }

    /// Starts a chat; gives it and the customer.
    pub(crate) fn start(
        &mut self,
        now: Timestamp,
        minutes: i64,
        page: u32,
    ) -> Result<(ContactId, ParticipantId), ServiceError> {
        let request = serde_json::json!({
            "InstanceId": "instance", "ContactFlowId": "flow",
            "ParticipantDetails": { "DisplayName": "Cleo" },
            "ChatDurationInMinutes": minutes,
        });
        let request: StartChatContactRequest =
            serde_json::from_value(request).expect("a request as documented");
        let start = StartChat {
            contact_id: self.dice.uuid().into(),
            participant_id: self.dice.uuid().into(),
            system_id: self.dice.uuid().into(),
            assistant_id: self.dice.uuid().into(),
            request,
        };
        let chat = self.rules.start(now, start)?;
        self.store.create(&chat, None).map_err(|error| failed(&error))?;
        self.pages.insert(chat.id.clone(), page);
        let customer = chat.customer().id.clone();
        Ok((chat.id, customer))
    }

    /// Gives an agent a chat that waits.
    pub(crate) fn accept(
        &mut self,
        now: Timestamp,
        chat: &ContactId,
        user: &str,
    ) -> Result<ParticipantId, ServiceError> {
        let agent = AgentUser { id: user.to_owned(), name: "Ana".to_owned() };
        let participant: ParticipantId = self.dice.uuid().into();
        self.run(now, chat, &Command::Accept { agent, participant }, None)?;
        let chat = self.chat(chat)?;
        let agent = chat.agent_of_user(user).ok_or_else(denied)?;
        Ok(agent.id.clone())
    }

    /// Ends a chat.
    pub(crate) fn stop(&mut self, now: Timestamp, chat: &ContactId) -> Result<(), ServiceError> {
        self.run(now, chat, &Command::Stop, None).map(drop)
    }

    /// Tells the chats that are due the time.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Result<(), ServiceError> {
        for chat in self.store.due(now, 128).map_err(|error| failed(&error))? {
            self.run(now, &chat, &Command::TimePassed { heard: Vec::new() }, None)?;
        }
        Ok(())
    }

    pub(crate) fn chat(&self, id: &ContactId) -> Result<Arc<Chat>, ServiceError> {
        let found = self.store.chat(id).map_err(|error| failed(&error))?;
        found.map(|found| found.chat).ok_or_else(denied)
    }

    /// Whether somebody may still do something in a chat.
    pub(crate) fn admits(&self, now: Timestamp, seat: &Seat) -> bool {
        self.chat(&seat.chat).is_ok_and(|chat| chat.admit(now, &seat.participant).is_ok())
    }

    pub(crate) fn participant_token(&self, now: Timestamp, seat: &Seat) -> String {
        let end = now.plus_millis(30 * 86_400_000);
        self.keys.mint_seat(SeatUse::Participant, seat, end).expect("ids are short")
    }

    /// Whose socket a URL opens.
    pub(crate) fn socket_owner(&self, now: Timestamp, url: &str) -> Option<Seat> {
        let token = url.strip_prefix(SOCKET_URL)?;
        self.keys.seat(SeatUse::Socket, token, now).ok()
    }

    /// Takes the connection tokens of a participant back.
    pub(crate) fn revoke(&mut self, participant: &ParticipantId) {
        self.tokens.retain(|_, of| of != participant);
    }

    /// A socket has subscribed: its participant is connected.
    pub(crate) fn connect(&mut self, now: Timestamp, seat: &Seat) -> Result<(), ServiceError> {
        let command = Command::Connect { participant: seat.participant.clone() };
        self.run(now, &seat.chat, &command, None).map(drop)
    }

    /// The last place of a chat.
    pub(crate) fn head(&self, chat: &ContactId) -> Result<u64, StoreError> {
        let heads = self.store.heads(std::slice::from_ref(chat))?;
        Ok(heads.first().copied().unwrap_or(0))
    }

    pub(crate) fn entries_after(
        &self,
        chat: &ContactId,
        seq: u64,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.store.entries_after(chat, seq, 10_000)
    }

    /// The transcript as a participant may see it, oldest first.
    pub(crate) fn items(&self, seat: &Seat) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.store.items(&ItemQuery {
            chat: seat.chat.clone(),
            contact: None,
            reader: seat.participant.clone(),
            agents: seat.role == ParticipantRole::Agent,
            forward: true,
            from: 0,
            limit: 1_000_000,
        })
    }

    /// Serves a request of a participant.
    pub(crate) fn serve(&mut self, now: Timestamp, http: &HttpRequest, patient: bool) -> Served {
        match self.answer(now, http, patient) {
            Ok(Some(body)) => Served::Answer(Ok(body)),
            Ok(None) => Served::Wait,
            Err(error) => Served::Answer(Err(error)),
        }
    }

    fn answer(
        &mut self,
        now: Timestamp,
        http: &HttpRequest,
        patient: bool,
    ) -> Result<Option<String>, ServiceError> {
        let path = http.url.strip_prefix(ENDPOINT).unwrap_or_default();
        let bearer = http.headers.iter().find(|(name, _)| *name == BEARER_HEADER);
        let bearer = bearer.map(|(_, token)| token.as_str()).unwrap_or_default();
        if path == CreateParticipantConnection::PATH {
            let seat = self.keys.seat(SeatUse::Participant, bearer, now)?;
            self.chat(&seat.chat)?.admit(now, &seat.participant)?;
            let request: CreateParticipantConnectionRequest = read(&http.body)?;
            request.check().map_err(|error| invalid(&error.to_string()))?;
            if request.connect_participant == Some(true) {
                self.connect(now, &seat)?;
            }
            return self.connection(now, &seat, &request.types.unwrap_or_default()).map(Some);
        }
        let seat = self.keys.seat(SeatUse::Connection, bearer, now)?;
        if !self.tokens.contains_key(bearer) {
            return Err(denied());
        }
        if [SendMessage::PATH, SendEvent::PATH].contains(&path) && patient {
            // As the server does: ChatJS sends before its socket has subscribed.
            let chat = self.chat(&seat.chat)?;
            let sender = chat.participant(&seat.participant);
            if !chat.is_over() && sender.is_some_and(|sender| sender.presence == Presence::Expected)
            {
                return Ok(None);
            }
        }
        let participant = seat.participant.clone();
        let body = if path == SendMessage::PATH {
            let request: SendMessageRequest = read(&http.body)?;
            request.check().map_err(|error| invalid(&error.to_string()))?;
            let key = request.client_token.clone().map(|token| {
                let body = [request.content_type.as_str(), &request.content];
                token_key(&[participant.as_str(), "SendMessage", &token], &body)
            });
            json(&self.sent(now, &seat, &Command::SendMessage { participant, request }, key)?)
        } else if path == SendEvent::PATH {
            let request: SendEventRequest = read(&http.body)?;
            request.check().map_err(|error| invalid(&error.to_string()))?;
            let about = request.receipt_message_id().filter(|_| request.content_type.is_receipt());
            let key = about.map(|message| {
                let kind = request.content_type.as_str();
                token_key(&[participant.as_str(), kind, message.as_str()], &[])
            });
            json(&self.sent(now, &seat, &Command::SendEvent { participant, request }, key)?)
        } else if path == GetTranscript::PATH {
            let request: GetTranscriptRequest = read(&http.body)?;
            request.check().map_err(|error| invalid(&error.to_string()))?;
            self.transcript(now, &seat, &request)?
        } else if path == DisconnectParticipant::PATH {
            self.run(now, &seat.chat, &Command::Disconnect { participant }, None)?;
            "{}".to_owned()
        } else {
            self.chat(&seat.chat)?.admit(now, &seat.participant)?;
            self.file(path)?
        };
        Ok(Some(body))
    }

    /// A connection token, and until when it is good.
    pub(crate) fn connection_token(
        &mut self,
        now: Timestamp,
        seat: &Seat,
    ) -> Result<(String, Timestamp), ServiceError> {
        self.chat(&seat.chat)?.admit(now, &seat.participant)?;
        let end = now.plus_millis(self.token_life_ms);
        let token = self.keys.mint_seat(SeatUse::Connection, seat, end);
        let token = token.map_err(|error| invalid(&error.to_string()))?;
        self.tokens.insert(token.clone(), seat.participant.clone());
        Ok((token, end))
    }

    fn connection(
        &mut self,
        now: Timestamp,
        seat: &Seat,
        types: &[ConnectionType],
    ) -> Result<String, ServiceError> {
        let websocket = if types.contains(&ConnectionType::Websocket) {
            let end = now.plus_millis(limits::SOCKET_URL_MS);
            let token = self.keys.mint_seat(SeatUse::Socket, seat, end);
            let token = token.map_err(|error| invalid(&error.to_string()))?;
            let url = Some(format!("{SOCKET_URL}{token}"));
            Some(Websocket { url, connection_expiry: Some(end.to_string()) })
        } else {
            None
        };
        let connection_credentials = if types.contains(&ConnectionType::ConnectionCredentials) {
            let (token, end) = self.connection_token(now, seat)?;
            let expiry = Some(end.to_string());
            Some(ConnectionCredentials { connection_token: Some(token.into()), expiry })
        } else {
            None
        };
        Ok(json(&CreateParticipantConnectionResponse { websocket, connection_credentials }))
    }

    /// Where files go and are. What becomes of them there is another's business.
    fn file(&mut self, path: &str) -> Result<String, ServiceError> {
        let id = self.dice.uuid();
        let url = "https://storage.test/file";
        let answer = if path == StartAttachmentUpload::PATH {
            serde_json::json!({
                "AttachmentId": id,
                "UploadMetadata": { "Url": url, "UrlExpiry": "", "HeadersToInclude": {} },
            })
        } else if path == GetAttachment::PATH {
            serde_json::json!({ "Url": url, "UrlExpiry": "", "AttachmentSizeInBytes": 5_000 })
        } else if path == CompleteAttachmentUpload::PATH {
            serde_json::json!({})
        } else {
            return Err(ServiceError::new(ErrorKind::ResourceNotFound, "No such operation"));
        };
        Ok(answer.to_string())
    }

    fn sent(
        &mut self,
        now: Timestamp,
        seat: &Seat,
        command: &Command,
        key: Option<TokenKey>,
    ) -> Result<SentResponse, ServiceError> {
        let (id, absolute_time) = self.run(now, &seat.chat, command, key)?.ok_or_else(internal)?;
        Ok(SentResponse { id, absolute_time })
    }

    /// The command, and what the log knows if it tells the time. Nobody else writes meanwhile.
    fn informed(
        &self,
        now: Timestamp,
        chat: &Chat,
        command: &Command,
    ) -> Result<Command, StoreError> {
        let Command::TimePassed { .. } = command else { return Ok(command.clone()) };
        let mut heard = Vec::new();
        for (who, after) in chat.silent(now) {
            if let Some(time) = self.store.last_said(&chat.id, who, after)? {
                heard.push((who.clone(), time));
            }
        }
        Ok(Command::TimePassed { heard })
    }

    /// Decides a command, commits what comes of it and publishes it. Gives what its sender is told.
    fn run(
        &mut self,
        now: Timestamp,
        id: &ContactId,
        command: &Command,
        key: Option<TokenKey>,
    ) -> Result<Option<(ItemId, Timestamp)>, ServiceError> {
        let failed = |error: StoreError| failed(&error);
        for _ in 0..TRIES {
            let known = self.store.chat(id).map_err(failed)?.ok_or_else(denied)?;
            let informed = self.informed(now, &known.chat, command).map_err(failed)?;
            let decision = self.rules.decide(now, &known.chat, &informed)?;
            let answer = decision.answer;
            if decision.chat.is_none() && decision.entries.is_empty() {
                let published = self.publish(id, now, &decision.transient);
                return Ok(match answer {
                    Answer::Transient(index) => published.get(index).cloned(),
                    Answer::Accepted => Some((item_id(now, self.dice.bits()), now)),
                    Answer::Done | Answer::Entry(_) => None,
                });
            }
            let at = if let Answer::Entry(index) = answer { index } else { 0 };
            let commit = Commit {
                chat: id.clone(),
                version: known.version,
                head: None,
                state: decision.chat.map(Arc::new),
                drafts: decision.entries,
                key,
                answer: at,
                now,
            };
            match self.store.commit(&commit).map_err(failed)? {
                Committed::Done { entries, .. } => {
                    let told = entries.get(at).map(|entry| (entry.id.clone(), entry.time));
                    self.publish(id, now, &decision.transient);
                    self.stored.extend(entries);
                    return Ok(told.filter(|_| matches!(answer, Answer::Entry(_))));
                }
                Committed::Repeated { id, time } => return Ok(Some((id, time))),
                Committed::TokenReused => {
                    return Err(invalid("ClientToken: used before for another request"));
                }
                Committed::Conflict => {}
            }
        }
        Err(internal())
    }

    fn publish(
        &mut self,
        chat: &ContactId,
        now: Timestamp,
        drafts: &[Draft],
    ) -> Vec<(ItemId, Timestamp)> {
        drafts
            .iter()
            .map(|draft| {
                let id = item_id(now, self.dice.bits());
                self.transient.push(Arc::new(Entry {
                    chat: chat.clone(),
                    seq: 0,
                    time: now,
                    kind: EntryKind::Item,
                    audience: draft.audience.clone(),
                    contact_id: draft.contact_id.clone(),
                    about: draft.about.clone(),
                    sender: draft.sender.as_ref().map(|sender| sender.id.clone()),
                    text: draft.item_text(chat, &id, now).into(),
                    id: id.clone(),
                }));
                (id, now)
            })
            .collect()
    }

    fn transcript(
        &self,
        now: Timestamp,
        seat: &Seat,
        request: &GetTranscriptRequest,
    ) -> Result<String, ServiceError> {
        let failed = |error: StoreError| failed(&error);
        let next = request.next_token.as_deref().map(|token| self.keys.page(token, seat, now));
        let next = next.transpose().map_err(|_| invalid("NextToken: wrong or expired"))?;
        let chat = self.chat(&seat.chat)?;
        let reader = chat.admit(now, &seat.participant)?;
        let most = self.pages.get(&chat.id).copied().unwrap_or(100);
        let Some(mut plan) = transcript::plan(&chat, request, next) else {
            return page(&chat, &[], &[], None);
        };
        plan.limit = plan.limit.min(most);
        let items = |forward, from, limit| {
            self.store.items(&ItemQuery {
                chat: chat.id.clone(),
                contact: plan.contact.clone(),
                reader: reader.id.clone(),
                agents: reader.sees_agents(),
                forward,
                from,
                limit,
            })
        };
        let from = match &plan.start {
            Start::Newest => Some(u64::MAX),
            Start::Place(place) => Some(*place),
            Start::MostRecent(count) => {
                items(false, u64::MAX, *count).map_err(failed)?.last().map(|item| item.seq)
            }
            Start::Item(_, time) => {
                self.store.place(&chat.id, Place::AtOrAfter(*time)).map_err(failed)?
            }
            Start::Time(time) => {
                let place =
                    if plan.forward { Place::AtOrAfter(*time) } else { Place::AtOrBefore(*time) };
                self.store.place(&chat.id, place).map_err(failed)?
            }
        };
        let Some(from) = from else { return page(&chat, &[], &[], None) };
        let found = plan.page(items(plan.forward, from, plan.look_for()).map_err(failed)?);
        let ids: BTreeSet<ItemId> = found.items.iter().map(|item| item.id.clone()).collect();
        let ids: Vec<ItemId> = ids.into_iter().collect();
        let about = self.store.about(&chat.id, &ids).map_err(failed)?;
        let next = plan.after(&chat, &found, seat).map(|next| {
            let end = now.plus_millis(limits::NEXT_TOKEN_MS);
            self.keys.mint_page(&next, end)
        });
        let next = next.transpose().map_err(|error| invalid(&error.to_string()))?;
        page(&chat, &found.items, &about, next.as_deref())
    }
}

fn open<'c>(database: &'c InMemory, dice: &mut Dice) -> Result<Direct<'c>, StoreError> {
    let mut ids = Dice::new(dice.next(), 3);
    database.store(Box::new(move || ids.bits()))
}

fn page(
    chat: &Chat,
    items: &[Arc<Entry>],
    receipts: &[Arc<Entry>],
    next: Option<&str>,
) -> Result<String, ServiceError> {
    transcript::body(&chat.id, items, receipts, next).map_err(|error| invalid(&error.to_string()))
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, ServiceError> {
    serde_json::from_str(body).map_err(|error| invalid(&error.to_string()))
}

fn json(answer: &impl serde::Serialize) -> String {
    serde_json::to_string(answer).expect("an answer is plain data")
}

/// As the server makes keys, with another hash.
fn token_key(key: &[&str], body: &[&str]) -> TokenKey {
    let hash = |salt: u8, parts: &[&str]| {
        let mut hasher = DefaultHasher::new();
        (salt, parts).hash(&mut hasher);
        hasher.finish()
    };
    TokenKey { key: u128::from(hash(0, key)) << 64 | u128::from(hash(1, key)), body: hash(2, body) }
}

fn denied() -> ServiceError {
    ServiceError::new(ErrorKind::AccessDenied, "Access denied")
}

fn internal() -> ServiceError {
    ServiceError::new(ErrorKind::InternalServer, "The request could not be served; try again")
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new(ErrorKind::Validation, message)
}

fn failed(error: &StoreError) -> ServiceError {
    ServiceError::new(ErrorKind::InternalServer, format!("the store failed: {error}"))
}
