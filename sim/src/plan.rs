//! What happens in a seed: who is there, and what they and their surroundings do when.
//!
//! A plan is made of the seed alone. A failing seed is made smaller by leaving acts out, so an act
//! says everything it needs and still makes sense when its neighbours are gone.

use chatloom_session::Behaviour;

use crate::dice::Dice;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A seed, spelled out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) chats: Vec<ChatPlan>,
    pub(crate) hosts: Vec<HostPlan>,
    /// How long a connection token is good.
    pub(crate) token_life_ms: i64,
    /// How long the agents wait before they look for a chat.
    pub(crate) agents_after_ms: u64,
    /// When the trouble is over.
    pub(crate) heal_at_ms: u64,
    /// Whether frames of one socket may overtake each other now and then.
    pub(crate) reorders: bool,
    pub(crate) acts: Vec<Act>,
}

#[derive(Clone, Debug)]
pub(crate) struct ChatPlan {
    pub(crate) minutes: i64,
    /// Items on a page at most, as a service may choose.
    pub(crate) page: u32,
}

/// A process with one core.
#[derive(Clone, Debug)]
pub(crate) struct HostPlan {
    /// Reads frames itself and lends items, as a browser does.
    pub(crate) parses: bool,
    /// Has a socket manager of its own, as an agent's page has.
    pub(crate) manager: bool,
    /// Keeps what the core asks to keep, and begins again from it.
    pub(crate) restores: bool,
    pub(crate) starts_at_ms: u64,
    /// What its wall clock is wrong by.
    pub(crate) wall_offset_ms: i64,
    pub(crate) seats: Vec<SeatPlan>,
}

/// A session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatPlan {
    pub(crate) chat: usize,
    pub(crate) agent: bool,
    pub(crate) behaviour: Behaviour,
    pub(crate) tracked: bool,
    /// Entries of the tracked transcript at most.
    pub(crate) most_entries: usize,
    /// Whether the core is told that it is an agent's.
    pub(crate) says_agent: bool,
    pub(crate) from: From,
}

/// Where tokens and items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// Both from the service.
    Service,
    /// The token from the service, items from the host's socket manager.
    Manager,
    /// Both from the host.
    Host,
}

#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) at_ms: u64,
    pub(crate) what: What,
}

/// What a service does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Refuses it.
    Status { status: u16, retry_after_ms: Option<u64> },
    /// It does not arrive.
    Lost,
    /// It has its effect, and nobody hears of it.
    AnswerLost,
    /// It has its effect, and the answer takes this long.
    Slow(u64),
    /// It arrives twice.
    Twice,
    /// It has its effect, and the answer is no JSON.
    Garbage,
}

/// What operations replies are about.
pub(crate) const OPERATIONS: [&str; 9] = [
    "CreateParticipantConnection",
    "CreateParticipantConnection",
    "SendMessage",
    "SendMessage",
    "GetTranscript",
    "GetTranscript",
    "SendEvent",
    "StartAttachmentUpload",
    STORAGE,
];

/// What files are uploaded to and downloaded from.
pub(crate) const STORAGE: &str = "the storage";

/// What the network of a host is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Of a thousand requests, so many do not arrive, and as many answers.
    pub(crate) loss: u64,
    /// Of a thousand requests, so many arrive twice.
    pub(crate) twice: u64,
    /// Of a thousand frames, so many have to be sent again, and hold up those behind them.
    pub(crate) stall: u64,
    /// Of a thousand frames, so many cut their socket.
    pub(crate) cut: u64,
    /// Frames may overtake each other.
    pub(crate) reorder: bool,
}

pub(crate) const FAIR: Weather =
    Weather { latency_ms: 20, jitter_ms: 30, loss: 0, twice: 0, stall: 0, cut: 0, reorder: false };

/// What is to be done with a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FileCall {
    Send,
    Download,
    Locate,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    // What people do. A session is a host and its place there.
    Send { host: usize, seat: usize, burst: u64 },
    Typing { host: usize, seat: usize },
    Receipt { host: usize, seat: usize, read: bool },
    ReadTranscript { host: usize, seat: usize, backward: bool, most: i64 },
    File { host: usize, seat: usize, call: FileCall },
    LoadOlder { host: usize, seat: usize, count: u32 },
    Cancel { host: usize },
    Connect { host: usize, seat: usize },
    Leave { host: usize, seat: usize },
    // What happens to them.
    Weather { host: usize, weather: Weather, for_ms: u64 },
    Cut { host: usize },
    HalfOpen { host: usize },
    NetworkDown { host: usize, for_ms: u64, told: bool },
    Visibility { host: usize, visible: bool },
    ClockJump { host: usize, by_ms: i64 },
    ProcessRestart { host: usize, after_ms: u64, damages: bool },
    // What the service does.
    Replies { host: usize, operation: &'static str, replies: Vec<Reply> },
    RevokeTokens { host: usize },
    RefuseSockets { for_ms: u64 },
    SilentSubscriptions { for_ms: u64, refused: bool },
    SilentHeartbeats { for_ms: u64 },
    LoseBells { permille: u64, for_ms: u64 },
    RepeatFrames { host: usize },
    ServerRestart { for_ms: u64 },
    ServerClockJump { by_ms: i64 },
    StopChat { chat: usize },
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let long = seed.is_multiple_of(100);
        let length = if long {
            dice.between(24 * HOUR, 72 * HOUR)
        } else {
            dice.between(2 * MINUTE, 6 * MINUTE)
        };
        let chats: Vec<ChatPlan> = (0..dice.between(1, 3))
            .map(|_| ChatPlan {
                minutes: if long { 10_080 } else { dice.pick(&[60, 1_500]) },
                page: dice.pick(&[1, 2, 7, 15, 100, 100]) as u32,
            })
            .collect();
        let hosts = hosts(&mut dice, chats.len());
        let mut plan = Self {
            seed,
            chats,
            hosts,
            token_life_ms: dice.pick(&[86_400_000, 86_400_000, 86_400_000, 150_000, 65_000]),
            agents_after_ms: dice.below(20_000),
            heal_at_ms: length,
            reorders: dice.permille(100),
            acts: Vec::new(),
        };
        if long {
            plan.token_life_ms = dice.pick(&[86_400_000, 3_600_000]);
        }
        let count = dice.between(30, 120);
        // Most of a day is quiet: its trouble comes in fits.
        let mut fits: Vec<u64> = (0..8).map(|_| dice.between(5_000, length - 1_000)).collect();
        fits.push(0);
        for _ in 0..count {
            let at_ms = if long {
                dice.pick(&fits) + dice.below(10 * MINUTE)
            } else {
                dice.between(3_000, length - 1)
            };
            let what = plan.what(&mut dice);
            plan.acts.push(Act { at_ms: at_ms.min(length - 1), what });
        }
        plan.acts.sort_by_key(|act| act.at_ms);
        plan
    }

    fn what(&self, dice: &mut Dice) -> What {
        let host = dice.index(self.hosts.len());
        let seat = dice.index(self.hosts[host].seats.len());
        let for_ms = dice.between(500, 40_000);
        match dice.below(100) {
            0..22 => {
                let burst = if dice.permille(150) { dice.between(5, 40) } else { 1 };
                What::Send { host, seat, burst }
            }
            22..25 => What::Typing { host, seat },
            25..31 => What::Receipt { host, seat, read: dice.permille(500) },
            31..34 => {
                let call = dice.pick(&[FileCall::Send, FileCall::Download, FileCall::Locate]);
                What::File { host, seat, call }
            }
            34..36 => What::LoadOlder { host, seat, count: dice.between(1, 60) as u32 },
            36..38 => What::ReadTranscript {
                host,
                seat,
                backward: dice.permille(700),
                most: dice.between(1, 100) as i64,
            },
            38..40 => What::Cancel { host },
            40 => What::Connect { host, seat },
            41..49 => What::Weather { host, weather: self.weather(dice), for_ms },
            49..55 => What::Cut { host },
            55..59 => What::HalfOpen { host },
            59..63 => What::NetworkDown { host, for_ms, told: dice.permille(500) },
            63..65 => What::Visibility { host, visible: dice.permille(600) },
            65..67 => What::ClockJump { host, by_ms: jump(dice, 3 * HOUR) },
            67..70 => What::ProcessRestart {
                host,
                after_ms: dice.between(0, 15_000),
                damages: dice.permille(50),
            },
            70..84 => What::Replies {
                host,
                operation: dice.pick(&OPERATIONS),
                replies: (0..dice.between(1, 5)).map(|_| reply(dice)).collect(),
            },
            84..87 => What::RevokeTokens { host },
            87 => What::RefuseSockets { for_ms },
            88..90 => What::SilentSubscriptions { for_ms, refused: dice.permille(500) },
            90 => What::SilentHeartbeats { for_ms },
            91..94 => What::LoseBells { permille: dice.between(100, 1_000), for_ms },
            94..96 => What::RepeatFrames { host },
            96..98 => What::ServerRestart { for_ms: dice.between(0, 20_000) },
            98 => What::ServerClockJump { by_ms: jump(dice, MINUTE) },
            _ if dice.permille(300) => {
                if dice.permille(500) {
                    What::Leave { host, seat }
                } else {
                    What::StopChat { chat: dice.index(self.chats.len()) }
                }
            }
            _ => What::Cut { host },
        }
    }

    fn weather(&self, dice: &mut Dice) -> Weather {
        Weather {
            latency_ms: dice.pick(&[1, 20, 80, 300, 1_500]),
            jitter_ms: dice.pick(&[0, 30, 400, 4_000]),
            loss: dice.pick(&[0, 20, 150, 500]),
            twice: dice.pick(&[0, 0, 100, 400]),
            stall: dice.pick(&[0, 50, 300]),
            cut: dice.pick(&[0, 0, 10, 100]),
            reorder: self.reorders && dice.permille(500),
        }
    }
}

fn seat(dice: &mut Dice, chat: usize, agent: bool, manager: bool) -> SeatPlan {
    let from = match dice.below(4) {
        0..3 if manager && agent => From::Host,
        _ if manager => From::Manager,
        _ => From::Service,
    };
    SeatPlan {
        chat,
        agent,
        behaviour: if dice.permille(750) { Behaviour::Chatloom } else { Behaviour::Compat },
        tracked: dice.permille(700),
        most_entries: dice.pick(&[100, 10_000, 10_000]),
        says_agent: agent && (from == From::Host || dice.permille(500)),
        from,
    }
}

fn host(dice: &mut Dice, chats: &[usize], agent: bool) -> HostPlan {
    let manager = dice.permille(if agent { 500 } else { 50 });
    let mut seats: Vec<SeatPlan> =
        chats.iter().map(|chat| seat(dice, *chat, agent, manager)).collect();
    if dice.permille(150) {
        // Two sessions for the same participant: in the original they share a socket.
        let twin = seats[dice.index(seats.len())];
        seats.push(twin);
    }
    HostPlan {
        parses: dice.permille(500),
        manager,
        restores: dice.permille(600),
        starts_at_ms: dice.below(2_000),
        wall_offset_ms: if dice.permille(200) { jump(dice, 2 * HOUR) } else { 0 },
        seats,
    }
}

fn hosts(dice: &mut Dice, chats: usize) -> Vec<HostPlan> {
    let all: Vec<usize> = (0..chats).collect();
    let mut hosts = Vec::new();
    if chats > 1 && dice.permille(250) {
        // One program in which several customers chat.
        hosts.push(host(dice, &all, false));
    } else {
        for chat in 0..chats {
            // Some have two devices.
            for _ in 0..=u64::from(dice.permille(200)) {
                hosts.push(host(dice, &[chat], false));
            }
        }
    }
    // The agents: one for all chats, or one for each.
    let with_agent: Vec<usize> = (0..chats).filter(|_| dice.permille(850)).collect();
    if with_agent.len() > 1 && dice.permille(500) {
        hosts.push(host(dice, &with_agent, true));
    } else {
        for chat in with_agent {
            hosts.push(host(dice, &[chat], true));
        }
    }
    hosts
}

fn jump(dice: &mut Dice, most_ms: u64) -> i64 {
    dice.between(0, 2 * most_ms) as i64 - most_ms as i64
}

fn reply(dice: &mut Dice) -> Reply {
    let status = |status, retry_after_ms| Reply::Status { status, retry_after_ms };
    match dice.below(16) {
        0 | 1 => Reply::Lost,
        2..5 => Reply::AnswerLost,
        5 => status(500, None),
        6 | 7 => status(503, None),
        8 => status(503, Some(dice.below(3_000))),
        9 | 10 => status(429, Some(dice.below(3_000))),
        11 => status(429, None),
        12 => status(403, None),
        13 => Reply::Slow(dice.between(1_000, 20_000)),
        14 => Reply::Twice,
        _ if dice.permille(500) => status(400, None),
        _ => Reply::Garbage,
    }
}
