//! Where a request is charged: by who asks, by what is asked, and by the instance as a whole.
//!
//! What nobody can forge is charged first. A request that its own address, participant or key has no
//! room for takes nothing from what all share.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroUsize,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use chatloom_engine::token::{AgentUse, Seat, SeatUse};
use chatloom_wire::{ErrorKind, ServiceError, participant::BEARER_HEADER};
use http::{HeaderValue, header};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    App, Call, Operation,
    throttle::{Pace, Rate, Throttle, TooEarly},
};
use crate::{
    clients::network,
    config::{Allowance, Config},
};

/// Whose operation it is: what its errors are called, and how its callers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The Participant Service: by the token in the bearer header.
    Participant,
    /// The control plane: by the access key that signs.
    Control,
    /// What is ours alone: each in its own way.
    Ours,
}

impl Plane {
    /// The plane of a path.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/participant/") {
            return Self::Participant;
        }
        let is_ours = [
            "/v1/",
            "/start-chat",
            "/socket",
            "/demo/",
            "/dist/",
            "/healthz",
            "/readyz",
            "/metrics",
        ];
        if path == "/" || is_ours.iter().any(|start| path.starts_with(start)) {
            return Self::Ours;
        }
        Self::Control
    }
}

/// A limit by name, as the figures and errors have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Address,
    Connections,
    Origin,
    Participant,
    Contact,
    AccessKey,
    StartChat,
    Operation,
    Instance,
}

impl Limit {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Connections => "connections",
            Self::Origin => "origin",
            Self::Participant => "participant",
            Self::Contact => "contact",
            Self::AccessKey => "access_key",
            Self::StartChat => "start_chat",
            Self::Operation => "operation",
            Self::Instance => "instance",
        }
    }
}

/// A request is refused: a limit has no room for it until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) limit: Limit,
    pub(crate) after: Duration,
}

/// Who asks, once it is certain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'a> {
    Participant(&'a Seat),
    /// By user id.
    Agent(&'a str),
    /// By id.
    AccessKey(&'a str),
    /// A page that starts a chat.
    Page,
}

/// Callers of one kind, by a hash of what they are known by: nobody can make another's.
type Table = Option<Throttle<u64>>;

/// All limits of requests.
pub(crate) struct Limits {
    hasher: RandomState,
    addresses: Table,
    origins: Table,
    participants: Table,
    contacts: Table,
    access_keys: Table,
    /// CreateParticipantConnection of each participant. ChatJS calls it without a pause while its socket
    /// is refused, and gives up at a 429 (docs/protocol/websocket.md §5): so calls are held back before
    /// they are refused.
    connections: Throttle<u64>,
    start_chats: Shared,
    /// By operation, in the order of [`Operation::ALL`]: of participants and pages, and of back ends,
    /// for whom a preset may limit what it does not name.
    operations: [Vec<Option<Shared>>; 2],
    instance: Option<Shared>,
}

/// A rate that all callers share.
struct Shared {
    rate: Rate,
    pace: Mutex<Pace>,
}

impl Shared {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, pace: Mutex::new(Pace::new(now)) }
    }

    fn take(&self, now: Instant) -> Result<Duration, TooEarly> {
        self.pace.lock().take(now, &self.rate)
    }
}

fn rate(allowance: Allowance) -> Option<Rate> {
    allowance.rate().map(|(per_second, burst)| Rate::new(per_second, burst, Duration::ZERO))
}

impl Limits {
    /// As configured.
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        let limits = &config.limits;
        let remembered = NonZeroUsize::new(limits.remembered).unwrap_or(NonZeroUsize::MIN);
        let table = |allowance| rate(allowance).map(|rate| Throttle::new(rate, remembered));
        let connection = &config.connection;
        let connections =
            Rate::new(connection.per_second, connection.burst, connection.max_wait.get());
        let start_chats =
            Rate::new(config.start_chat.per_second, config.start_chat.burst, Duration::ZERO);
        let operations = |is_control| {
            let shared = |operation: &Operation| {
                let allowance = limits.operation(operation.name(), is_control);
                rate(allowance).map(|rate| Shared::new(rate, now))
            };
            Operation::ALL.iter().map(shared).collect()
        };
        Self {
            hasher: RandomState::new(),
            addresses: table(limits.address()),
            origins: table(limits.origin()),
            participants: table(limits.participant()),
            contacts: table(limits.contact()),
            access_keys: table(limits.access_key()),
            connections: Throttle::new(connections, remembered),
            start_chats: Shared::new(start_chats, now),
            operations: [operations(false), operations(true)],
            instance: rate(limits.instance()).map(|rate| Shared::new(rate, now)),
        }
    }

    fn turn(
        &self,
        table: &Table,
        limit: Limit,
        who: impl Hash,
        now: Instant,
    ) -> Result<(), Refused> {
        let Some(throttle) = table else { return Ok(()) };
        let turn = throttle.take(self.hasher.hash_one(who), now);
        turn.map(drop).map_err(|TooEarly(after)| Refused { limit, after })
    }

    /// Charges a request as it arrives, before anything is known but where it comes from.
    pub(crate) fn arrive(
        &self,
        address: IpAddr,
        origin: Option<&HeaderValue>,
        now: Instant,
    ) -> Result<(), Refused> {
        self.turn(&self.addresses, Limit::Address, network(address), now)?;
        match origin {
            Some(origin) => self.turn(&self.origins, Limit::Origin, origin.as_bytes(), now),
            None => Ok(()),
        }
    }

    /// Charges a request to its caller, and to what all share. Answers how long it must wait.
    pub(crate) fn charge(
        &self,
        operation: Operation,
        caller: Caller<'_>,
        now: Instant,
    ) -> Result<Duration, Refused> {
        let refused = |limit| move |TooEarly(after)| Refused { limit, after };
        let mut wait = Duration::ZERO;
        match caller {
            Caller::Participant(seat) => {
                let who = &seat.participant;
                self.turn(&self.participants, Limit::Participant, who, now)?;
                self.turn(&self.contacts, Limit::Contact, &seat.chat, now)?;
                if operation == Operation::CreateParticipantConnection {
                    wait = self
                        .connections
                        .take(self.hasher.hash_one(who), now)
                        .map_err(refused(Limit::Participant))?;
                }
            }
            Caller::Agent(user) => {
                self.turn(&self.participants, Limit::Participant, ("agent", user), now)?;
            }
            Caller::AccessKey(id) => self.turn(&self.access_keys, Limit::AccessKey, id, now)?,
            Caller::Page => {
                self.start_chats.take(now).map_err(refused(Limit::StartChat))?;
            }
        }
        let is_control = matches!(caller, Caller::AccessKey(_));
        if let Some(shared) = &self.operations[usize::from(is_control)][operation as usize] {
            shared.take(now).map_err(refused(Limit::Operation))?;
        }
        if let Some(shared) = &self.instance {
            shared.take(now).map_err(refused(Limit::Instance))?;
        }
        Ok(wait)
    }

    /// How many callers are remembered, by limit.
    pub(crate) fn remembered(&self) -> [(Limit, usize); 5] {
        let count = |table: &Table| table.as_ref().map_or(0, Throttle::remembered);
        [
            (Limit::Address, count(&self.addresses)),
            (Limit::Origin, count(&self.origins)),
            (Limit::Participant, count(&self.participants)),
            (Limit::Contact, count(&self.contacts)),
            (Limit::AccessKey, count(&self.access_keys)),
        ]
    }
}

/// How long a refused caller is to stay away, in seconds; 0 while none is. A request and what is
/// answered to it share this.
#[derive(Debug, Default)]
pub(super) struct RetryAfter(AtomicU32);

impl RetryAfter {
    pub(super) fn set(&self, after: Duration) {
        // Rounded up: a client that comes as told shall not be refused again.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.0.store(u32::try_from(seconds).unwrap_or(u32::MAX).max(1), Relaxed);
    }

    /// For the header, if a limit refused the request.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        match self.0.load(Relaxed) {
            0 => None,
            seconds => Some(seconds.into()),
        }
    }
}

impl App {
    /// Charges a request before its handler has it. The control plane's callers are known only when
    /// the signature, which covers the body, has been verified: [`App::charge_key`].
    pub(super) async fn charge(&self, call: &mut Call) -> Result<(), ServiceError> {
        let limits = &self.gates.limits;
        let now = Instant::now();
        if call.operation == Operation::Health {
            // Whoever watches over the server must see it, above all when it is busy.
            return Ok(());
        }
        let origin = call.parts.headers.get(header::ORIGIN);
        let arrived = limits.arrive(call.client(), origin, now);
        arrived.map_err(|refused| self.refuse(call, refused))?;
        if call.is_from_proxy {
            // The connection is the proxy's, which has many clients.
            let place = self.gates.clients.connect(call.client());
            let after = Duration::from_secs(1);
            let full = |_| self.refuse(call, Refused { limit: Limit::Connections, after });
            call.place = Some(place.map_err(full)?);
        }
        // Callers that are not who they say are refused by the handler, and take nothing from anybody.
        let charged = match (call.plane, call.operation) {
            (Plane::Participant, operation) => {
                let of_use = match operation {
                    Operation::CreateParticipantConnection => SeatUse::Participant,
                    _ => SeatUse::Connection,
                };
                let token = call.header(BEARER_HEADER);
                let seat = token.and_then(|token| self.seat_of(of_use, token).ok());
                let Some(seat) = seat else { return Ok(()) };
                let charged = limits.charge(operation, Caller::Participant(&seat), now);
                call.seat = Some((of_use, seat));
                charged
            }
            (Plane::Ours, Operation::StartChat) => {
                if !self.gates.cors.may_start_chats(call.parts.headers.get(header::ORIGIN)) {
                    return Ok(());
                }
                limits.charge(Operation::StartChat, Caller::Page, now)
            }
            (
                Plane::Ours,
                operation @ (Operation::AgentQueue
                | Operation::AgentAccept
                | Operation::AgentSocket),
            ) => {
                let token = call
                    .header(header::AUTHORIZATION.as_str())
                    .and_then(|value| value.strip_prefix("Bearer "));
                let user = token
                    .and_then(|token| self.tokens.agent(AgentUse::Calls, token, self.now()).ok());
                let Some(user) = user else { return Ok(()) };
                limits.charge(operation, Caller::Agent(&user), now)
            }
            (Plane::Ours, Operation::Socket) => {
                let token = super::socket::token(&call.parts);
                let seat = token.and_then(|token| self.seat_of(SeatUse::Socket, token).ok());
                let Some(seat) = seat else { return Ok(()) };
                limits.charge(Operation::Socket, Caller::Participant(&seat), now)
            }
            _ => return Ok(()),
        };
        let wait = charged.map_err(|refused| self.refuse(call, refused))?;
        if !wait.is_zero() {
            self.metrics.delayed.inc();
            tokio::time::sleep(wait).await;
            // The client did not choose to wait with its body.
            call.body_until += wait;
        }
        Ok(())
    }

    /// Charges a request of the control plane, whose signature is good, to its key.
    pub(super) fn charge_key(&self, call: &Call, key: &str) -> Result<(), ServiceError> {
        let caller = Caller::AccessKey(key);
        let charged = self.gates.limits.charge(call.operation, caller, Instant::now());
        charged.map(drop).map_err(|refused| self.refuse(call, refused))
    }

    fn refuse(&self, call: &Call, refused: Refused) -> ServiceError {
        self.metrics.throttled(call.operation, refused.limit);
        call.retry_after.set(refused.after);
        let kind = match (call.plane, call.operation) {
            (Plane::Control, _)
            | (
                _,
                Operation::StartChat
                | Operation::DeleteChats
                | Operation::ShowView
                | Operation::AskToSignIn,
            ) => ErrorKind::TooManyRequests,
            _ => ErrorKind::Throttling,
        };
        let what = match refused.limit {
            Limit::Address => "from this address",
            Limit::Connections => "at once from this address",
            Limit::Origin => "from pages of this origin",
            Limit::Participant => "of this participant",
            Limit::Contact => "of this chat's participants",
            Limit::AccessKey => "with this access key",
            Limit::StartChat => "to start chats",
            Limit::Operation => "of this operation",
            Limit::Instance => "of all callers together",
        };
        ServiceError::new(kind, format!("Rate exceeded: too many requests {what}"))
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::ParticipantRole;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn seat(chat: &str, participant: &str) -> Seat {
        Seat { chat: chat.into(), participant: participant.into(), role: ParticipantRole::Customer }
    }

    fn limits(text: &str, now: Instant) -> Limits {
        let config = Config::from_toml(text).unwrap();
        config.check().unwrap();
        Limits::new(&config, now)
    }

    /// How many of so many calls at once are let in, and what refuses the next.
    fn burst(
        limits: &Limits,
        operation: Operation,
        caller: Caller<'_>,
        now: Instant,
    ) -> (usize, Option<Limit>) {
        for count in 0..1_000 {
            if let Err(refused) = limits.charge(operation, caller, now) {
                return (count, Some(refused.limit));
            }
        }
        (1_000, None)
    }

    #[test]
    fn each_kind_of_caller_has_its_own_room() {
        let now = Instant::now();
        let limits = limits(
            "[limits]\naddress = '1/s, burst 7'\norigin = '1/s, burst 3'\n\
             participant = '1/s, burst 4'\ncontact = '1/s, burst 6'\naccess_key = '1/s, burst 2'\n",
            now,
        );
        let send = Operation::SendMessage;
        let (ana, ben) = (seat("one", "ana"), seat("one", "ben"));
        let limit = |limit| Some(limit);
        assert_eq!(
            burst(&limits, send, Caller::Participant(&ana), now),
            (4, limit(Limit::Participant))
        );
        // The chat has room for two more; a second later for one more of anybody.
        assert_eq!(
            burst(&limits, send, Caller::Participant(&ben), now),
            (2, limit(Limit::Contact))
        );
        let later = now + SECOND;
        assert_eq!(
            burst(&limits, send, Caller::Participant(&ana), later),
            (1, limit(Limit::Participant))
        );
        let other = seat("two", "cid");
        assert_eq!(burst(&limits, send, Caller::Participant(&other), now).0, 4);
        for key in ["first", "second"] {
            let caller = Caller::AccessKey(key);
            let stop = Operation::StopContact;
            assert_eq!(burst(&limits, stop, caller, now), (2, limit(Limit::AccessKey)));
        }
        assert_eq!(burst(&limits, Operation::AgentQueue, Caller::Agent("ana"), now).0, 4);

        let origin = HeaderValue::from_static("https://www.example.org");
        let arrive = |address, origin| limits.arrive(address, origin, now).map_err(|r| r.limit);
        for _ in 0..3 {
            assert_eq!(arrive(HERE, Some(&origin)), Ok(()));
        }
        assert_eq!(arrive(HERE, Some(&origin)), Err(Limit::Origin));
        for _ in 0..3 {
            assert_eq!(arrive(HERE, None), Ok(()));
        }
        assert_eq!(arrive(HERE, None), Err(Limit::Address));
        // All addresses of one network are one client.
        for count in 0..8_u16 {
            let address = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, count]);
            assert_eq!(arrive(address, None).is_ok(), count < 7, "{address}");
        }
        let remembered: Vec<_> = limits.remembered().map(|(limit, n)| (limit.name(), n)).into();
        assert_eq!(
            remembered,
            [("address", 2), ("origin", 1), ("participant", 4), ("contact", 2), ("access_key", 2)]
        );
    }

    #[test]
    fn whoever_has_no_room_takes_none_from_the_others() {
        let now = Instant::now();
        let limits =
            limits("[limits]\ninstance = '1/s, burst 10'\nparticipant = '1/s, burst 4'\n", now);
        let send = Operation::SendMessage;
        let (ana, ben, cid) = (seat("one", "ana"), seat("two", "ben"), seat("three", "cid"));
        for _ in 0..100 {
            let _ = limits.charge(send, Caller::Participant(&ana), now);
        }
        assert_eq!(burst(&limits, send, Caller::Participant(&ben), now).0, 4);
        let last = burst(&limits, send, Caller::Participant(&cid), now);
        assert_eq!(last, (2, Some(Limit::Instance)));
    }

    #[test]
    fn the_preset_allows_what_amazon_documents() {
        let now = Instant::now();
        let limits = limits("[limits]\npreset = 'amazon-connect'\n", now);
        let ana = seat("one", "ana");
        let by = |operation| burst(&limits, operation, Caller::Participant(&ana), now);
        let refused = Some(Limit::Operation);
        assert_eq!(by(Operation::SendMessage), (15, refused));
        assert_eq!(by(Operation::SendEvent), (15, refused), "a limit of its own");
        assert_eq!(by(Operation::GetTranscript), (12, refused));
        assert_eq!(by(Operation::DisconnectParticipant), (5, refused));
        let key = Caller::AccessKey("key");
        assert_eq!(burst(&limits, Operation::StartChatContact, key, now), (8, refused));
        assert_eq!(burst(&limits, Operation::DescribeContact, key, now), (15, refused));
        // Ten a second come back.
        let later = now + SECOND;
        let again = burst(&limits, Operation::SendMessage, Caller::Participant(&ana), later);
        assert_eq!(again, (10, refused));
    }

    #[test]
    fn a_connection_waits_before_it_is_refused() {
        let now = Instant::now();
        let limits = limits("[connection]\nper_second = 2\nburst = 3\nmax_wait = '1s'\n", now);
        let ana = seat("one", "ana");
        let create = || {
            let caller = Caller::Participant(&ana);
            limits.charge(Operation::CreateParticipantConnection, caller, now)
        };
        let waits: Vec<_> = (0..6).map(|_| create()).collect();
        let refused = Err(Refused { limit: Limit::Participant, after: SECOND / 2 });
        let none = Ok(Duration::ZERO);
        assert_eq!(waits, [none, none, none, Ok(SECOND / 2), Ok(SECOND), refused]);
    }

    #[test]
    fn seconds_are_rounded_up() {
        let seconds = |after| {
            let retry = RetryAfter::default();
            retry.set(after);
            retry.header().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(seconds(Duration::from_millis(1)), "1");
        assert_eq!(seconds(SECOND), "1");
        assert_eq!(seconds(SECOND + Duration::from_nanos(1)), "2");
        assert!(RetryAfter::default().header().is_none());
    }

    #[test]
    fn paths_tell_whose_operation_it_is() {
        for (path, plane) in [
            ("/participant/message", Plane::Participant),
            ("/participant/views/{ViewToken}", Plane::Participant),
            ("/contact/chat", Plane::Control),
            ("/contacts/{InstanceId}/{ContactId}", Plane::Control),
            ("/start-chat", Plane::Ours),
            ("/v1/agent/queue", Plane::Ours),
            ("/metrics", Plane::Ours),
            ("/", Plane::Ours),
        ] {
            assert_eq!(Plane::of(path), plane, "{path}");
        }
    }
}
