//! Virtual time, and everything that happens in it.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    sync::Arc,
};

use chatloom_engine::{Entry, EntryKind, token::Seat};
use chatloom_server::store::sqlite::InMemory;
use chatloom_session::{Call, HttpRequest, Input, RequestId, SocketId};
use chatloom_wire::{ContactId, ItemId, ParticipantRole, Timestamp};

use crate::{
    dice::Dice,
    host::Host,
    network::{Pipe, Room, Wire},
    plan::{FAIR, Plan, Reply, Weather, What},
    report::Counts,
    service::Service,
};

/// Where the wall clock stands when a simulation begins: 2026-01-01.
const START_WALL: i64 = 1_767_225_600_000;
/// What is left to happen after the trouble is over: the back-offs end, tokens are renewed, dead
/// sockets are found out.
const QUIET_MS: u64 = 200_000;
/// Then holes are filled, last words are said, what lists no longer hold is read again, and
/// everything is looked at.
const LAST_WORDS_AFTER_MS: u64 = 30_000;
const READ_ALL_AFTER_MS: u64 = 20_000;
const END_AFTER_MS: u64 = 120_000;

/// Something on its way.
pub(crate) enum Coming {
    Act(usize),
    /// A host's program starts.
    Start {
        host: usize,
    },
    /// An agent looks for a chat.
    Accept {
        host: usize,
        seat: usize,
    },
    /// An application does something.
    App {
        host: usize,
        epoch: u32,
        seat: usize,
        call: Call,
    },
    /// A request reaches the service.
    Request {
        host: usize,
        epoch: u32,
        http: Box<HttpRequest>,
        tries: u32,
        copy: bool,
    },
    /// Something reaches a host.
    ToHost {
        host: usize,
        epoch: u32,
        input: Input,
    },
    /// A request was not answered in time.
    Timeout {
        host: usize,
        epoch: u32,
        request: RequestId,
    },
    Handshake {
        wire: Wire,
        url: String,
    },
    /// A frame reaches the service.
    FrameUp {
        wire: Wire,
        text: String,
    },
    /// A frame reaches the client.
    FrameDown {
        wire: Wire,
        text: Arc<str>,
    },
    /// The end of a socket reaches the service.
    ClosedUp {
        wire: Wire,
    },
    /// A socket manager looks after itself.
    ManagerLooks {
        host: usize,
        epoch: u32,
    },
    /// The hub hears of an entry.
    Bell {
        entry: Arc<Entry>,
    },
    /// The hub compares itself with the store.
    Sweep,
    /// The hub fills a hole.
    Mend {
        chat: ContactId,
    },
    /// Time is told to the chats.
    Tick,
    /// The hub closes the sockets of a chat that is over.
    CloseRoom {
        chat: ContactId,
    },
    /// A trouble is over.
    Over(Over),
    Heal,
    FillGaps,
    LastWords,
    ReadAll,
}

/// A trouble that ends by itself.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    Weather { host: usize, number: u64 },
    Down { host: usize, told: bool },
    RefuseSockets,
    SilentSubscriptions,
    SilentHeartbeats,
    LostBells,
    Server,
}

struct Due {
    at: u64,
    number: u64,
    what: Coming,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What the service does wrong at the moment.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) down: bool,
    pub(crate) refuse_sockets: bool,
    /// Subscriptions are not answered, or are refused.
    pub(crate) subscriptions: Option<Subscriptions>,
    pub(crate) silent_heartbeats: bool,
    pub(crate) lost_bells: u64,
    pub(crate) replies: BTreeMap<(usize, &'static str), VecDeque<Reply>>,
    /// Sessions that were refused a connection for no reason and have not been given one since: a
    /// second time would mean that the chat is over.
    pub(crate) forbidden: BTreeSet<(usize, u32)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscriptions {
    Silent,
    Refused,
}

/// A chat as the simulation knows it.
pub(crate) struct ChatState {
    pub(crate) id: ContactId,
    pub(crate) customer: chatloom_wire::ParticipantId,
    /// The items of the transcript in the order they were stored.
    pub(crate) items: Vec<ItemId>,
    /// An agent has taken it, with this user id.
    pub(crate) taken: bool,
}

/// A message that an application sent.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) host: usize,
    pub(crate) seat: usize,
    pub(crate) outcome: Outcome,
    /// Sent after the trouble was over: it has to arrive.
    pub(crate) last_word: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The application waits for it.
    Pending,
    /// The application was told that it is stored under this id.
    Sent(ItemId),
    /// The application was told that it failed.
    Failed,
    /// The application called it off.
    Cancelled,
    /// The program ended before it heard.
    Unknown,
}

/// How a simulation is run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Lines of the trace that are kept, the last ones.
    pub(crate) trace: usize,
    /// The clients' merge is broken on purpose.
    pub(crate) sabotage: bool,
}

/// A rule that did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which rule.
    pub rule: &'static str,
    /// How it was broken. Without content.
    pub what: String,
    /// When, in virtual milliseconds.
    pub at_ms: u64,
}

pub(crate) struct World<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) settings: Settings,
    pub(crate) now: u64,
    coming: BinaryHeap<Reverse<Due>>,
    number: u64,
    pub(crate) dice: Dice,
    pub(crate) service: Service<'p>,
    pub(crate) server_wall_offset: i64,
    pub(crate) chats: Vec<ChatState>,
    /// The chat and the place among its items of each item.
    pub(crate) places: BTreeMap<ItemId, (usize, usize)>,
    pub(crate) rooms: BTreeMap<ContactId, Room>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) pipes: BTreeMap<Wire, Pipe>,
    pub(crate) opened: u64,
    pub(crate) faults: Faults,
    pub(crate) healed: bool,
    pub(crate) sends: Vec<Send>,
    /// The items that hold each message that was sent.
    pub(crate) stored_sends: BTreeMap<usize, Vec<ItemId>>,
    pub(crate) counts: Counts,
    pub(crate) failure: Option<Failure>,
    trace: VecDeque<String>,
}

impl<'p> World<'p> {
    pub(crate) fn new(
        plan: &'p Plan,
        database: &'p InMemory,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let mut world = Self {
            plan,
            settings,
            now: 0,
            coming: BinaryHeap::new(),
            number: 0,
            dice: Dice::new(plan.seed, 4),
            service: Service::new(database, plan.seed, plan.token_life_ms)?,
            server_wall_offset: 0,
            chats: Vec::new(),
            places: BTreeMap::new(),
            rooms: BTreeMap::new(),
            hosts: Vec::new(),
            pipes: BTreeMap::new(),
            opened: 0,
            faults: Faults::default(),
            healed: false,
            sends: Vec::new(),
            stored_sends: BTreeMap::new(),
            counts: Counts { seeds: 1, ..Counts::default() },
            failure: None,
            trace: VecDeque::new(),
        };
        for chat in &plan.chats {
            let (id, customer) =
                world.service.start(world.server_time(), chat.minutes, chat.page)?;
            world.chats.push(ChatState { id, customer, items: Vec::new(), taken: false });
        }
        for (host, of) in plan.hosts.iter().enumerate() {
            world.hosts.push(Host::new(plan, host));
            world.at(of.starts_at_ms, Coming::Start { host });
        }
        for (number, act) in plan.acts.iter().enumerate() {
            world.at(act.at_ms, Coming::Act(number));
        }
        world.at(1_000, Coming::Tick);
        world.at(plan.heal_at_ms, Coming::Heal);
        world.at(plan.heal_at_ms + QUIET_MS, Coming::FillGaps);
        let last_words = plan.heal_at_ms + QUIET_MS + LAST_WORDS_AFTER_MS;
        world.at(last_words, Coming::LastWords);
        world.at(last_words + READ_ALL_AFTER_MS, Coming::ReadAll);
        Ok(world)
    }

    /// Lets everything happen.
    pub(crate) fn run(&mut self) {
        let end = self.plan.heal_at_ms + QUIET_MS + LAST_WORDS_AFTER_MS + END_AFTER_MS;
        while self.failure.is_none() {
            let coming = self.coming.peek().map(|Reverse(due)| due.at);
            let wake = self
                .hosts
                .iter()
                .enumerate()
                .filter_map(|(host, of)| Some((of.wakes_at()?, host)))
                .min();
            match (coming, wake) {
                (at, Some((wake, host))) if at.is_none_or(|at| wake < at) && wake <= end => {
                    self.now = self.now.max(wake);
                    self.give(host, Input::Time);
                }
                (Some(at), _) if at <= end => {
                    if let Some(Reverse(due)) = self.coming.pop() {
                        self.now = self.now.max(at);
                        self.happen(due.what);
                    }
                }
                _ => break,
            }
        }
        self.now = self.now.max(end.min(self.now + END_AFTER_MS));
        self.counts.virtual_ms = self.now;
    }

    pub(crate) fn at(&mut self, at: u64, what: Coming) {
        self.number += 1;
        let due = Due { at: at.max(self.now), number: self.number, what };
        self.coming.push(Reverse(due));
    }

    pub(crate) fn after(&mut self, ms: u64, what: Coming) {
        self.at(self.now + ms, what);
    }

    /// The service's wall clock.
    pub(crate) fn server_time(&self) -> Timestamp {
        Timestamp::from_millis(START_WALL + self.now as i64 + self.server_wall_offset)
    }

    /// A host's wall clock.
    pub(crate) fn wall_of(&self, host: usize) -> i64 {
        START_WALL + self.now as i64 + self.hosts[host].wall_offset
    }

    pub(crate) fn seat_of(
        &self,
        chat: usize,
        agent: bool,
        participant: chatloom_wire::ParticipantId,
    ) -> Seat {
        let role = if agent { ParticipantRole::Agent } else { ParticipantRole::Customer };
        Seat { chat: self.chats[chat].id.clone(), participant, role }
    }

    /// Notes the first rule that does not hold; with it the run ends.
    pub(crate) fn fail(&mut self, rule: &'static str, what: impl Into<String>) {
        if self.failure.is_none() {
            let what = what.into();
            self.note(|| format!("BROKEN: {rule}: {what}"));
            self.failure = Some(Failure { rule, what, at_ms: self.now });
        }
    }

    pub(crate) fn check(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        self.counts.checked.add(rule, 1);
        if !holds {
            self.fail(rule, what());
        }
    }

    pub(crate) fn holds(&mut self, result: Result<(), crate::view::Broken>) {
        if let Err((rule, what)) = result {
            self.fail(rule, what);
        }
    }

    pub(crate) fn injected(&mut self, what: &'static str) {
        self.counts.injected.add(what, 1);
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.settings.trace > 0 {
            if self.trace.len() == self.settings.trace {
                self.trace.pop_front();
            }
            let (seconds, ms) = (self.now / 1_000, self.now % 1_000);
            self.trace.push_back(format!("{seconds:>7}.{ms:03}  {}", line()));
        }
    }

    pub(crate) fn into_trace(self) -> Vec<String> {
        self.trace.into()
    }

    fn happen(&mut self, what: Coming) {
        match what {
            Coming::Act(number) => self.act(number),
            Coming::Start { host } => self.start(host),
            Coming::Accept { host, seat } => self.accept(host, seat),
            Coming::App { host, epoch, seat, call } => {
                if self.hosts[host].runs(epoch) {
                    self.application(host, seat, call);
                }
            }
            Coming::Request { host, epoch, http, tries, copy } => {
                self.request_arrives(host, epoch, &http, tries, copy);
            }
            Coming::ToHost { host, epoch, input } => self.arrives(host, epoch, input),
            Coming::Timeout { host, epoch, request } => {
                if self.hosts[host].runs(epoch) && self.hosts[host].requests.remove(&request) {
                    let message = "the request timed out".to_owned();
                    self.give(host, Input::Failed { request, message });
                }
            }
            Coming::Handshake { wire, url } => self.handshake(wire, &url),
            Coming::FrameUp { wire, text } => self.frame_up(wire, &text),
            Coming::FrameDown { wire, text } => self.frame_down(wire, &text),
            Coming::ClosedUp { wire } => self.server_drops(wire),
            Coming::ManagerLooks { host, epoch } => self.manager_looks(host, epoch),
            Coming::Bell { entry } => self.bell(&entry),
            Coming::Sweep => self.sweep(),
            Coming::Mend { chat } => self.mend(&chat),
            Coming::Tick => self.tick(),
            Coming::CloseRoom { chat } => self.close_room(&chat),
            Coming::Over(over) => self.over(over),
            Coming::Heal => self.heal(),
            Coming::FillGaps => self.fill_gaps(),
            Coming::LastWords => self.last_words(),
            Coming::ReadAll => self.read_all(),
        }
    }

    fn tick(&mut self) {
        if !self.faults.down {
            let told = self.service.tick(self.server_time());
            self.check("the service does its part", told.is_ok(), || format!("{told:?}"));
            self.publish();
        }
        // Only the end of a chat waits for it; a day has many seconds.
        let pause = if self.plan.heal_at_ms > 3_600_000 && !self.healed { 60_000 } else { 1_000 };
        self.after(pause, Coming::Tick);
    }

    /// Publishes what the service has just stored.
    pub(crate) fn publish(&mut self) {
        for entry in std::mem::take(&mut self.service.stored) {
            let chat = self.chats.iter().position(|chat| chat.id == entry.chat);
            if let (Some(chat), EntryKind::Item) = (chat, entry.kind) {
                let place = self.chats[chat].items.len();
                self.places.insert(entry.id.clone(), (chat, place));
                self.chats[chat].items.push(entry.id.clone());
                if let Some(send) = crate::host::send_of(&entry.text) {
                    self.stored_sends.entry(send).or_default().push(entry.id.clone());
                }
            }
            self.note(|| format!("store    entry {} {:?}", entry.seq, entry.kind));
            if self.faults.lost_bells > 0 && self.dice.permille(self.faults.lost_bells) {
                self.injected("doorbell lost");
                // The hub finds out when it looks.
                let next = (self.now / 5_000 + 1) * 5_000;
                self.at(next, Coming::Sweep);
            } else {
                let late = if self.dice.permille(50) { self.dice.below(200) } else { 0 };
                self.after(late, Coming::Bell { entry });
            }
        }
        for entry in std::mem::take(&mut self.service.transient) {
            self.after(0, Coming::Bell { entry });
        }
    }

    fn act(&mut self, number: usize) {
        let act = &self.plan.acts[number];
        self.note(|| format!("act {number:<4} {:?}", act.what));
        match &act.what {
            What::Send { host, seat, burst } => {
                for n in 0..*burst {
                    self.after(
                        n * 7,
                        Coming::App {
                            host: *host,
                            epoch: self.hosts[*host].epoch,
                            seat: *seat,
                            call: Host::message(),
                        },
                    );
                }
            }
            What::Typing { host, seat } => self.application(*host, *seat, Host::typing()),
            What::Receipt { host, seat, read } => self.receipt(*host, *seat, *read),
            What::ReadTranscript { host, seat, backward, most } => {
                self.application(*host, *seat, Host::page(*backward, *most));
            }
            What::File { host, seat, call } => self.application(*host, *seat, Host::file(*call)),
            What::LoadOlder { host, seat, count } => {
                self.application(*host, *seat, Call::LoadOlder { count: *count });
            }
            What::Cancel { host } => self.cancel_a_call(*host),
            What::Connect { host, seat } => self.application(*host, *seat, Call::Connect),
            What::Leave { host, seat } => {
                self.injected("participant leaves");
                self.application(*host, *seat, Call::DisconnectParticipant);
            }
            What::StopChat { chat } => {
                self.injected("chat stopped by the control plane");
                let id = self.chats[*chat].id.clone();
                // It may be over already.
                drop(self.service.stop(self.server_time(), &id));
                self.publish();
            }
            What::Weather { host, weather, for_ms } => {
                self.injected("bad weather");
                self.hosts[*host].weathers += 1;
                self.hosts[*host].weather = *weather;
                let number = self.hosts[*host].weathers;
                self.after(*for_ms, Coming::Over(Over::Weather { host: *host, number }));
            }
            What::Cut { host } => {
                self.injected("sockets cut");
                self.cut_all(*host);
            }
            What::HalfOpen { host } => {
                self.injected("sockets half open");
                for (wire, pipe) in &mut self.pipes {
                    pipe.half_open |= wire.host == *host;
                }
            }
            What::NetworkDown { host, for_ms, told } => {
                self.injected(if *told { "network off, told" } else { "network off, untold" });
                self.hosts[*host].down = true;
                if *told {
                    self.give(*host, Input::Network { online: false });
                }
                self.after(*for_ms, Coming::Over(Over::Down { host: *host, told: *told }));
            }
            What::Visibility { host, visible } => {
                self.injected("visibility");
                self.give(*host, Input::Visibility { visible: *visible });
            }
            What::ClockJump { host, by_ms } => {
                self.injected("client's wall clock jumps");
                self.hosts[*host].wall_offset += by_ms;
            }
            What::ServerClockJump { by_ms } => {
                self.injected("server's wall clock jumps");
                self.server_wall_offset += by_ms;
            }
            What::ProcessRestart { host, after_ms, damages } => {
                self.kill(*host, *after_ms, *damages);
            }
            What::Replies { host, operation, replies } => {
                self.faults.replies.entry((*host, operation)).or_default().extend(replies);
            }
            What::RevokeTokens { host } => {
                self.injected("connection tokens revoked");
                let seats = self.hosts[*host].views.iter().filter_map(|view| view.seat.clone());
                for seat in seats.collect::<Vec<_>>() {
                    self.service.revoke(&seat.participant);
                }
            }
            What::RefuseSockets { for_ms } => {
                self.injected("sockets refused");
                self.faults.refuse_sockets = true;
                self.after(*for_ms, Coming::Over(Over::RefuseSockets));
            }
            What::SilentSubscriptions { for_ms, refused } => {
                self.injected("subscriptions not confirmed");
                self.faults.subscriptions =
                    Some(if *refused { Subscriptions::Refused } else { Subscriptions::Silent });
                self.after(*for_ms, Coming::Over(Over::SilentSubscriptions));
            }
            What::SilentHeartbeats { for_ms } => {
                self.injected("heartbeats unanswered");
                self.faults.silent_heartbeats = true;
                self.after(*for_ms, Coming::Over(Over::SilentHeartbeats));
            }
            What::LoseBells { permille, for_ms } => {
                self.faults.lost_bells = *permille;
                self.after(*for_ms, Coming::Over(Over::LostBells));
            }
            What::RepeatFrames { host } => self.repeat_frames(*host),
            What::ServerRestart { for_ms } => {
                self.injected("server restart");
                self.faults.down = true;
                self.rooms.clear();
                self.cut_everybody();
                let opened = self.service.restart();
                self.check("the service does its part", opened.is_ok(), || format!("{opened:?}"));
                self.after(*for_ms, Coming::Over(Over::Server));
            }
        }
    }

    fn over(&mut self, over: Over) {
        match over {
            Over::Weather { host, number } => {
                if self.hosts[host].weathers == number {
                    self.hosts[host].weather = FAIR;
                }
            }
            Over::Down { host, told } => {
                self.hosts[host].down = false;
                if told {
                    self.give(host, Input::Network { online: true });
                }
            }
            Over::RefuseSockets => self.faults.refuse_sockets = false,
            Over::SilentSubscriptions => self.faults.subscriptions = None,
            Over::SilentHeartbeats => self.faults.silent_heartbeats = false,
            Over::LostBells => self.faults.lost_bells = 0,
            Over::Server => self.faults.down = false,
        }
    }

    /// The trouble is over.
    fn heal(&mut self) {
        self.note(|| "the trouble is over".to_owned());
        self.healed = true;
        self.faults = Faults::default();
        for host in 0..self.hosts.len() {
            self.hosts[host].weather = Weather { ..FAIR };
            self.hosts[host].down = false;
            self.give(host, Input::Network { online: true });
            self.give(host, Input::Visibility { visible: true });
        }
        // Whatever bell was lost last.
        self.after(5_000, Coming::Sweep);
    }

    fn fill_gaps(&mut self) {
        for host in 0..self.hosts.len() {
            for seat in 0..self.hosts[host].views.len() {
                let view = &self.hosts[host].views[seat];
                if view.is_live() && !view.is_compat() {
                    for gap in view.gaps.clone() {
                        self.application(host, seat, Call::FillGap { gap });
                    }
                }
            }
        }
    }

    /// Who tracks the transcript wants all of it.
    fn read_all(&mut self) {
        for host in 0..self.hosts.len() {
            for seat in 0..self.hosts[host].views.len() {
                let view = &self.hosts[host].views[seat];
                if view.is_live() && view.plan.tracked {
                    self.application(host, seat, Call::LoadOlder { count: 50 });
                }
            }
        }
    }

    /// Everybody says something more, which all others have to hear.
    fn last_words(&mut self) {
        for host in 0..self.hosts.len() {
            for seat in 0..self.hosts[host].views.len() {
                let view = &self.hosts[host].views[seat];
                let Some(place) = view.seat.clone() else { continue };
                if !view.is_live() || !self.service.admits(self.server_time(), &place) {
                    continue;
                }
                let first = self.sends.len();
                self.application(host, seat, Host::message());
                for send in &mut self.sends[first..] {
                    send.last_word = true;
                }
            }
        }
    }

    /// A socket that is open at the client, of those of a host.
    pub(crate) fn sockets_of(&self, host: usize) -> Vec<Wire> {
        self.pipes.keys().filter(|wire| wire.host == host).copied().collect()
    }

    pub(crate) fn wire(&self, host: usize, socket: SocketId) -> Wire {
        Wire { host, epoch: self.hosts[host].epoch, socket }
    }
}
