//! What people may do, and stories of it.

use proptest::{prelude::*, sample::select};

/// Somebody who takes part, or a custom participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Customer,
    Ana,
    Ben,
    Bot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Customer,
    Agent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerKind {
    Idle,
    Disconnect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    Text,
    Markdown,
    Json,
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Empty,
    Short,
    Largest,
    TooLarge,
}

/// A message: what it says is a letter, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: MessageKind,
    pub(super) size: Size,
    pub(super) letter: char,
}

impl Message {
    pub(super) fn bytes(self) -> usize {
        self.text().len()
    }

    pub(super) fn text(self) -> String {
        let bytes = match self.size {
            Size::Empty => 0,
            Size::Short => 12,
            Size::Largest => 16_384,
            Size::TooLarge => 16_385,
        };
        // Bytes count, not characters.
        let mut text = self.letter.to_string().repeat(bytes / self.letter.len_utf8());
        text.extend(std::iter::repeat_n('.', bytes - text.len()));
        text
    }

    pub(super) fn content_type(self) -> &'static str {
        match self.kind {
            MessageKind::Text => "text/plain",
            MessageKind::Markdown => "text/markdown",
            MessageKind::Json => "application/json",
            MessageKind::Response => {
                "application/vnd.amazonaws.connect.message.interactive.response"
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// Where a page begins. Items are counted back from the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Newest,
    Unknown,
    Item(usize),
    /// So many milliseconds after an item, or before it.
    Time(usize, i64),
    Nth(usize),
}

/// Which contact's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    All,
    First,
    Present,
    /// One of another chat.
    Foreign,
}

/// Whom a customer is handed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Default,
    Sales,
    Ana,
    Ben,
    NoQueue,
    NoUser,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) direction: Option<Direction>,
    pub(super) ascending: bool,
    pub(super) most: Option<usize>,
    pub(super) from: At,
    pub(super) of: Of,
}

/// A token that is not the newest connection token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    Oldest,
    Cut,
    ForConnecting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// CreateParticipantConnection for a socket and a token, and perhaps with `ConnectParticipant`.
    Create {
        mark: bool,
    },
    /// Opens a socket by the last URL, and subscribes.
    Open,
    Close,
    /// GetTranscript with another token.
    Knock(Bearer),
    Say(Message, Option<u8>),
    Typing,
    Acknowledge,
    /// About an item, counted back from the newest; about none that there is.
    Receipt {
        about: Option<usize>,
        read: bool,
    },
    Read(Page),
    StartFile {
        genuine: bool,
        large: bool,
    },
    /// Uploads one's last file.
    PutFile,
    SendFile {
        token: u8,
    },
    /// Asks for the chat's last file.
    GetFile,
    Leave,
    /// An agent takes the chat.
    Accept,
    /// An agent hands the customer on, naming the chat by its initial contact or the present one.
    Transfer {
        to: Target,
        initial: bool,
    },
    AddBot,
    Stop,
    SetTimer(Role, TimerKind, Option<i64>),
    /// Milliseconds.
    Pass(i64),
    /// The server stops and starts on the same data.
    Restart,
}

/// Who does what in which chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) chat: usize,
    pub(super) who: Who,
    pub(super) act: Act,
}

/// How a chat is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) all_types: bool,
    pub(super) first: Option<Message>,
    pub(super) minutes: i64,
    pub(super) agents_leave_too: bool,
}

impl Plan {
    pub(super) fn takes(&self, kind: MessageKind) -> bool {
        self.all_types || kind == MessageKind::Text
    }
}

/// Two chats, and what happens in them.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) chats: Vec<Plan>,
    pub(super) steps: Vec<Step>,
}

/// Rules that a reference may be made to forget: each must be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    TypingIsNotKept,
    TokensExpire,
    RepeatsAreKnown,
    ReceiptsNeedTwo,
    BotsHaveNoFiles,
    OneBotAtATime,
    TypesAreChecked,
    TimesGrow,
    WhoLeftSeesNoMore,
    WhoHandedOnSeesNoMore,
    WhoIsMeantHasTheFirstWord,
    WhoIsAwayIsGivenNobody,
    TransfersAreNewContacts,
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn any_message() -> impl Strategy<Value = Message> {
    let kind = prop_oneof![
        6 => Just(MessageKind::Text),
        1 => select(vec![MessageKind::Markdown, MessageKind::Json, MessageKind::Response]),
    ];
    let size = prop_oneof![
        12 => Just(Size::Short),
        1 => select(vec![Size::Empty, Size::Largest, Size::TooLarge]),
    ];
    let letter = select(vec!['a', 'b', 'ä']);
    (kind, size, letter).prop_map(|(kind, size, letter)| Message { kind, size, letter })
}

fn any_page() -> impl Strategy<Value = Page> {
    let direction = select(vec![None, Some(Direction::Forward), Some(Direction::Backward)]);
    let most = select(vec![None, Some(0), Some(2), Some(3), Some(10), Some(100)]);
    let from = prop_oneof![
        2 => Just(At::Newest),
        1 => Just(At::Unknown),
        2 => (0..12_usize).prop_map(At::Item),
        2 => (0..12_usize, -2..3_i64).prop_map(|(item, millis)| At::Time(item, millis)),
        2 => (0..12_usize).prop_map(At::Nth),
    ];
    let of = prop_oneof![
        17 => Just(Of::All),
        1 => select(vec![Of::First, Of::Present]),
        1 => Just(Of::Foreign),
    ];
    (direction, any::<bool>(), most, from, of).prop_map(|(direction, ascending, most, from, of)| {
        Page { direction, ascending, most, from, of }
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let token = prop_oneof![2 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    let role = select(vec![Role::Customer, Role::Agent]);
    let timer = select(vec![TimerKind::Idle, TimerKind::Disconnect]);
    let minutes = select(vec![None, Some(2), Some(2), Some(3), Some(480)]);
    let talk = prop_oneof![
        6 => (any_message(), token).prop_map(|(message, token)| Act::Say(message, token)),
        2 => Just(Act::Typing),
        4 => (proptest::option::weighted(0.9, 0..4_usize), any::<bool>())
            .prop_map(|(about, read)| Act::Receipt { about, read }),
        4 => any_page().prop_map(Act::Read),
        2 => (proptest::bool::weighted(0.8), proptest::bool::weighted(0.1))
            .prop_map(|(genuine, large)| Act::StartFile { genuine, large }),
        2 => Just(Act::PutFile),
        2 => (0..2_u8).prop_map(|token| Act::SendFile { token }),
        1 => Just(Act::GetFile),
    ];
    let coming = prop_oneof![
        6 => proptest::bool::weighted(0.2).prop_map(|mark| Act::Create { mark }),
        6 => Just(Act::Open),
        1 => Just(Act::Close),
        2 => select(vec![Bearer::Oldest, Bearer::Cut, Bearer::ForConnecting]).prop_map(Act::Knock),
        1 => Just(Act::Acknowledge),
        5 => Just(Act::Accept),
        4 => any_transfer(),
        3 => Just(Act::AddBot),
        1 => Just(Act::Leave),
    ];
    let rest = prop_oneof![
        1 => Just(Act::Stop),
        6 => (role, timer, minutes).prop_map(|(role, kind, time)| Act::SetTimer(role, kind, time)),
        6 => select(vec![1, 5, 400]).prop_map(Act::Pass),
        3 => select(vec![14_999, 15_000, 99_999, 100_000]).prop_map(Act::Pass),
        5 => select(vec![2 * MINUTE, 3 * MINUTE, 5 * MINUTE - 1]).prop_map(Act::Pass),
        2 => select(vec![15 * MINUTE, 56 * MINUTE, DAY - 1, DAY]).prop_map(Act::Pass),
        1 => Just(Act::Restart),
    ];
    prop_oneof![10 => talk, 7 => coming, 3 => rest]
}

fn any_transfer() -> impl Strategy<Value = Act> {
    use Target::{Ana, Ben, Default, NoQueue, NoUser, Sales};
    let to = select(vec![Default, Default, Sales, Ana, Ana, Ben, Ben, Ben, NoQueue, NoUser]);
    (to, any::<bool>()).prop_map(|(to, initial)| Act::Transfer { to, initial })
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = select(vec![Who::Customer, Who::Customer, Who::Ana, Who::Ana, Who::Ben, Who::Bot]);
    let chat = prop_oneof![4 => Just(0), 1 => Just(1)];
    (chat, who, any_act()).prop_map(|(chat, who, act)| {
        // Chats are taken and handed on by agents.
        let is_agent = matches!(who, Who::Ana | Who::Ben);
        let is_agents = matches!(act, Act::Accept | Act::Transfer { .. });
        let who = if is_agents && !is_agent { Who::Ana } else { who };
        Step { chat, who, act }
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let first = proptest::option::weighted(
        0.3,
        Just(Message { kind: MessageKind::Text, size: Size::Short, letter: 'i' }),
    );
    let minutes = select(vec![60, 1_500, 10_080]);
    (any::<bool>(), first, minutes, any::<bool>()).prop_map(
        |(all_types, first, minutes, agents_leave_too)| Plan {
            all_types,
            first,
            minutes,
            agents_leave_too,
        },
    )
}

/// Most stories begin as most chats do: the customer comes, and often somebody to answer.
pub(super) fn any_story() -> impl Strategy<Value = Story> {
    let opening = (0..5_usize).prop_map(|many| {
        let step = |who, act| Step { chat: 0, who, act };
        let create = Act::Create { mark: false };
        let mut steps = vec![step(Who::Customer, create), step(Who::Customer, Act::Open)];
        match many {
            0 => steps.clear(),
            1 => {}
            2 => steps.extend([step(Who::Bot, Act::AddBot), step(Who::Bot, create)]),
            _ => steps.extend([
                step(Who::Ana, Act::Accept),
                step(Who::Ana, create),
                step(Who::Ana, Act::Open),
            ]),
        }
        steps
    });
    let steps = proptest::collection::vec(any_step(), 0..40);
    let chats = proptest::collection::vec(any_plan(), 2);
    (chats, opening, steps).prop_map(|(chats, mut opening, steps)| {
        opening.extend(steps);
        Story { chats, steps: opening }
    })
}
