//! What people in a chat may expect: the rules of docs/protocol/participant-service.md and, where that
//! is silent, of docs/protocol/README.md, as briefly as they can be said. It knows nothing of the
//! server's code: times are milliseconds, people and items are numbers, errors are status and name.

mod files;
mod reading;
mod time;
mod transfer;

use std::collections::BTreeMap;

use super::story::{Act, Bearer, Message, Plan, Rule, Step, Target, TimerKind, Who};

pub(super) type Time = i64;
pub(super) type Refused = (u16, &'static str);

const SECOND: Time = 1_000;
const MINUTE: Time = 60 * SECOND;
const DAY: Time = 24 * 60 * MINUTE;

const DENIED: Refused = (403, "AccessDeniedException");
const INVALID: Refused = (400, "ValidationException");
const CONFLICT: Refused = (409, "ConflictException");
const QUOTA: Refused = (402, "ServiceQuotaExceededException");
const NOT_FOUND: Refused = (404, "ResourceNotFoundException");
const GONE: Refused = (410, "ContactNotFoundException");
const BAD_REQUEST: Refused = (400, "InvalidRequestException");

/// What somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// The step makes no sense here, and is not done.
    Skipped,
    Done,
    Refused(Refused),
    /// Id and time of an item; no number for one that nobody sees.
    Sent(Option<usize>, Time),
    /// The whole, page by page.
    Pages(Vec<Vec<Read>>),
    /// The number of the contact that the chat got.
    Transferred(usize),
    /// A socket: refused by its URL, or open, and whether it could subscribe.
    Socket(Option<bool>),
}

/// An item, by its number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) number: usize,
    /// By its number in the chat.
    pub(super) contact: usize,
    pub(super) time: Time,
    /// By their number in the chat.
    pub(super) by: Option<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Message(Message),
    /// The last part of its content type.
    Event(&'static str),
    File {
        file: usize,
        approved: bool,
    },
    Receipt {
        about: usize,
        read: bool,
    },
}

/// An item of a transcript, with who has it since when: delivered, and read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read(pub(super) Item, pub(super) Vec<(usize, Time, Option<Time>)>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    Expected,
    Here,
    Gone,
    /// Has handed the customer on, or was there when somebody did.
    HandedOn,
}

pub(super) struct Person {
    pub(super) who: Who,
    presence: Presence,
    connect_by: Time,
    /// When the connection tokens end, in the order they were given.
    tokens: Vec<Time>,
    /// When the last socket's URL ends.
    url: Option<Time>,
    pub(super) sockets: usize,
    spoke: Time,
    /// What each `ClientToken` was used for.
    spent: BTreeMap<u8, (Message, usize, Time)>,
    receipts: BTreeMap<(bool, usize), (usize, Time)>,
}

impl Person {
    fn new(who: Who, presence: Presence, connect_by: Time) -> Self {
        let (tokens, spent, receipts) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { who, presence, connect_by, tokens, url: None, sockets: 0, spoke: 0, spent, receipts }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Started,
    Uploaded,
    /// With the `ClientToken` that sent it.
    Sent {
        token: u8,
        approved: bool,
    },
}

struct File {
    owner: usize,
    genuine: bool,
    started: Time,
    stage: Stage,
    forgotten: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Started,
    Queued,
    WithAgent,
    Over,
}

/// Minutes until somebody is idle, and until everybody but the customer is disconnected.
type Patience = (Option<Time>, Option<Time>);

struct Listening {
    person: usize,
    patience: Patience,
    since: Time,
    is_idle: bool,
}

struct Chat {
    plan: Plan,
    phase: Phase,
    started: Time,
    people: Vec<Person>,
    log: Vec<Item>,
    files: Vec<File>,
    last: Time,
    /// How each contact came about: who handed it on to whom, and until when it is kept for a user.
    contacts: Vec<Option<(Who, Target, Time)>>,
    timers: [Patience; 2],
    listening: Vec<Listening>,
}

/// Items for all sockets of somebody, by chat and number.
pub(super) type Told = Vec<((usize, usize), Item)>;

pub(super) struct Reference {
    now: Time,
    chats: Vec<Chat>,
    items: usize,
    told: Told,
    /// When each agent last asked for something.
    seen: BTreeMap<&'static str, Time>,
    /// A rule that this reference does not know, to see whether anybody notices.
    without: Option<Rule>,
}

impl Reference {
    pub(super) fn new(now: Time, plans: &[Plan], without: Option<Rule>) -> Self {
        let customer = || Person::new(Who::Customer, Presence::Expected, 0);
        let chat = |plan: &Plan| Chat {
            plan: *plan,
            phase: Phase::Started,
            started: now,
            people: vec![customer()],
            log: Vec::new(),
            files: Vec::new(),
            last: 0,
            contacts: vec![None],
            timers: Default::default(),
            listening: Vec::new(),
        };
        let chats = plans.iter().map(chat).collect();
        Self { now, chats, items: 0, told: Vec::new(), seen: BTreeMap::new(), without }
    }

    fn holds(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Somebody's latest number in a chat.
    pub(super) fn find(&self, chat: usize, who: Who) -> Option<usize> {
        self.chats[chat].people.iter().rposition(|person| person.who == who)
    }

    pub(super) fn person(&self, chat: usize, person: usize) -> &Person {
        &self.chats[chat].people[person]
    }

    /// The number of a transcript's item, counted back from the newest, and round again.
    pub(super) fn back(&self, chat: usize, nth: usize) -> Option<usize> {
        let items: Vec<_> = self.chats[chat].items().collect();
        items.len().checked_sub(1 + nth % items.len().max(1)).map(|place| items[place].number)
    }

    pub(super) fn time(&self, chat: usize, number: usize) -> Time {
        let item = self.chats[chat].items().find(|item| item.number == number);
        item.map_or(0, |item| item.time)
    }

    /// Whether time will tell a chat something, and the customer has no socket to hear it.
    pub(super) fn is_unheard(&self, chat: usize, millis: Time) -> bool {
        let (at, then) = (&self.chats[chat], self.now + millis);
        let due = at.ends() <= then || at.listening.iter().any(|one| at.due(one) <= then);
        let customer = &at.people[0];
        due && !at.is_over(self.now) && customer.presence == Presence::Here && customer.sockets == 0
    }

    /// What comes of a step: what its doer is told, and what sockets are told.
    pub(super) fn take(&mut self, step: &Step) -> (Answer, Told) {
        let answer = match self.decide(step) {
            Ok(answer) => answer,
            Err(refused) => Answer::Refused(refused),
        };
        (answer, std::mem::take(&mut self.told))
    }

    fn decide(&mut self, step: &Step) -> Result<Answer, Refused> {
        let chat = step.chat;
        match step.act {
            Act::Pass(millis) => {
                self.now += millis;
                (0..self.chats.len()).for_each(|chat| self.time_passed(chat));
                return Ok(Answer::Done);
            }
            Act::Restart => {
                let people = self.chats.iter_mut().flat_map(|chat| &mut chat.people);
                people.for_each(|person| (person.sockets, person.url) = (0, None));
                self.seen.clear();
                return Ok(Answer::Done);
            }
            Act::Accept => return self.accept(chat, step.who),
            Act::Transfer { to, initial } => return self.transfer(chat, step.who, to, initial),
            Act::AddBot => return self.add_bot(chat),
            Act::Stop => {
                if self.chats[chat].is_over(self.now) {
                    return Err(GONE);
                }
                self.end(chat);
                return Ok(Answer::Done);
            }
            Act::SetTimer(role, kind, minutes) => {
                if self.chats[chat].is_over(self.now) {
                    return Err(NOT_FOUND);
                }
                let patience = &mut self.chats[chat].timers[role as usize];
                match kind {
                    TimerKind::Idle => patience.0 = minutes,
                    TimerKind::Disconnect => patience.1 = minutes,
                }
                return Ok(Answer::Done);
            }
            _ => {}
        }
        // The others are done by somebody of the chat.
        let Some(me) = self.find(chat, step.who) else { return Ok(Answer::Skipped) };
        match step.act {
            Act::Create { mark } => self.create(chat, me, mark),
            Act::Open => Ok(self.open(chat, me)),
            Act::Close => {
                self.chats[chat].people[me].sockets = 0;
                Ok(Answer::Done)
            }
            Act::Knock(bearer) => self.knock(chat, me, bearer),
            Act::PutFile | Act::SendFile { .. } if !self.has_file(chat, me) => Ok(Answer::Skipped),
            Act::GetFile if self.chats[chat].files.is_empty() => Ok(Answer::Skipped),
            // Its URL is its token.
            Act::PutFile => self.put(chat, me),
            _ if self.chats[chat].people[me].tokens.is_empty() => Ok(Answer::Skipped),
            _ => {
                let newest = self.chats[chat].people[me].tokens.last();
                self.good_token(newest.copied())?;
                self.act(chat, me, step.act)
            }
        }
    }

    /// A connection token is good for a day.
    fn good_token(&self, end: Option<Time>) -> Result<(), Refused> {
        let is_good = end.is_some_and(|end| self.now < end) || !self.holds(Rule::TokensExpire);
        if is_good { Ok(()) } else { Err(DENIED) }
    }

    /// Nobody acts who has left, or after the end, or, but for few things, before having come.
    fn admit(&self, chat: usize, me: usize, joined: bool) -> Result<(), Refused> {
        let presence = self.chats[chat].people[me].presence;
        let is_over = self.chats[chat].is_over(self.now);
        let may = presence == Presence::Here || (presence == Presence::Expected && !joined);
        if may && !is_over { Ok(()) } else { Err(DENIED) }
    }

    fn act(&mut self, chat: usize, me: usize, act: Act) -> Result<Answer, Refused> {
        let is_new = self.chats[chat].people[me].presence == Presence::Expected;
        match act {
            Act::Say(message, token) => {
                if !(1..=16_384).contains(&message.bytes()) {
                    return Err(INVALID);
                }
                if is_new && self.admit(chat, me, false).is_ok() {
                    return Ok(Answer::Skipped); // The call would wait for the connection.
                }
                self.admit(chat, me, true)?;
                let takes = self.chats[chat].plan.takes(message.kind);
                if !takes && self.holds(Rule::TypesAreChecked) {
                    return Err(INVALID);
                }
                self.say(chat, me, message, token)
            }
            Act::Typing => {
                if is_new && self.admit(chat, me, false).is_ok() {
                    return Ok(Answer::Skipped);
                }
                self.admit(chat, me, true)?;
                let number = if self.holds(Rule::TypingIsNotKept) {
                    self.tell(chat, Some(me), Kind::Event("typing"))
                } else {
                    self.keep(chat, Some(me), Kind::Event("typing"))
                };
                Ok(Answer::Sent(Some(number), self.now))
            }
            Act::Acknowledge => {
                self.admit(chat, me, false)?;
                let before = self.items;
                self.connect(chat, me);
                let joined = (self.items > before).then_some(before);
                let first = self.chats[chat].log.iter().find(|item| Some(item.number) == joined);
                Ok(Answer::Sent(joined, first.map_or(self.now, |item| item.time)))
            }
            Act::Receipt { about, read } => {
                if is_new && self.admit(chat, me, false).is_ok() {
                    return Ok(Answer::Skipped);
                }
                self.admit(chat, me, true)?;
                Ok(self.receipt(chat, me, about, read))
            }
            Act::Read(page) => {
                self.admit(chat, me, false)?;
                Ok(Answer::Pages(self.read(chat, page)))
            }
            Act::StartFile { genuine, large } => {
                if large {
                    return Err(QUOTA);
                }
                if is_new && self.admit(chat, me, false).is_ok() {
                    return Ok(Answer::Skipped);
                }
                self.start_file(chat, me, genuine)
            }
            Act::SendFile { token } => self.send_file(chat, me, token),
            Act::GetFile => {
                self.admit_files(chat, me)?;
                match self.chats[chat].files.last() {
                    None => Ok(Answer::Skipped),
                    Some(File { stage: Stage::Sent { approved: true, .. }, .. }) => {
                        Ok(Answer::Done)
                    }
                    Some(_) => Err(INVALID),
                }
            }
            Act::Leave => {
                self.admit(chat, me, false)?;
                self.leave(chat, me);
                Ok(Answer::Done)
            }
            _ => unreachable!("done by nobody of the chat"),
        }
    }

    // Coming and going.

    fn create(&mut self, chat: usize, me: usize, mark: bool) -> Result<Answer, Refused> {
        self.admit(chat, me, false)?;
        let (now, person) = (self.now, &self.chats[chat].people[me]);
        if mark || person.who == Who::Bot {
            let late = person.who == Who::Bot && person.presence == Presence::Expected;
            if late && person.connect_by <= now {
                return Err(NOT_FOUND);
            }
            self.connect(chat, me);
        }
        let person = &mut self.chats[chat].people[me];
        person.tokens.push(now + DAY);
        person.url = Some(now + 100 * SECOND);
        Ok(Answer::Done)
    }

    fn open(&mut self, chat: usize, me: usize) -> Answer {
        let Some(end) = self.chats[chat].people[me].url else { return Answer::Skipped };
        if self.chats[chat].people[me].sockets >= 2 {
            return Answer::Skipped;
        }
        if self.now >= end {
            return Answer::Socket(None);
        }
        if self.admit(chat, me, false).is_err() {
            return Answer::Socket(Some(false));
        }
        self.chats[chat].people[me].sockets += 1;
        self.connect(chat, me);
        Answer::Socket(Some(true))
    }

    fn knock(&self, chat: usize, me: usize, bearer: Bearer) -> Result<Answer, Refused> {
        let tokens = &self.chats[chat].people[me].tokens;
        if tokens.is_empty() {
            return Ok(Answer::Skipped);
        }
        match bearer {
            // An older token is good beside a newer one.
            Bearer::Oldest => {
                self.good_token(tokens.first().copied())?;
                self.admit(chat, me, false)?;
                Ok(Answer::Done)
            }
            Bearer::Cut | Bearer::ForConnecting => Err(DENIED),
        }
    }

    /// The first connection is the coming; the customer's begins the conversation.
    fn connect(&mut self, chat: usize, me: usize) {
        if self.chats[chat].people[me].presence != Presence::Expected {
            return;
        }
        let conversed = self.converses(chat);
        self.chats[chat].people[me].presence = Presence::Here;
        self.keep(chat, Some(me), Kind::Event("participant.joined"));
        if me == 0 {
            if let Some(first) = self.chats[chat].plan.first {
                self.keep(chat, Some(0), Kind::Message(first));
            }
            self.chats[chat].phase = Phase::Queued;
        }
        self.listen(chat, conversed);
    }

    fn accept(&mut self, chat: usize, agent: Who) -> Result<Answer, Refused> {
        self.see(agent);
        if self.chats[chat].is_over(self.now) {
            return Err(NOT_FOUND);
        }
        match (self.chats[chat].phase, self.find(chat, agent)) {
            (Phase::Queued, _) if self.is_kept_from(chat, agent) => Err(CONFLICT),
            (Phase::Queued, _) => {
                let conversed = self.converses(chat);
                // A custom participant goes when an agent comes.
                if let Some(bot) = self.find(chat, Who::Bot) {
                    self.goes(chat, bot);
                }
                let me = self.chats[chat].people.len();
                self.chats[chat].people.push(Person::new(agent, Presence::Here, 0));
                self.chats[chat].phase = Phase::WithAgent;
                self.keep(chat, Some(me), Kind::Event("participant.joined"));
                self.listen(chat, conversed);
                Ok(Answer::Done)
            }
            (Phase::WithAgent, Some(me)) if self.is_here(chat, me) => Ok(Answer::Done),
            (Phase::WithAgent, _) => Err(CONFLICT),
            _ => Err(NOT_FOUND),
        }
    }

    fn add_bot(&mut self, chat: usize) -> Result<Answer, Refused> {
        let at = &self.chats[chat];
        if at.is_over(self.now) {
            return Err(BAD_REQUEST);
        }
        let bot = self.find(chat, Who::Bot).map(|bot| &at.people[bot]);
        let is_there = bot.is_some_and(|bot| match bot.presence {
            Presence::Here => true,
            Presence::Expected => self.now < bot.connect_by,
            Presence::Gone | Presence::HandedOn => false,
        });
        if is_there && self.holds(Rule::OneBotAtATime) {
            return Err(QUOTA);
        }
        if at.phase == Phase::WithAgent {
            return Err(CONFLICT);
        }
        let bot = Person::new(Who::Bot, Presence::Expected, self.now + 15 * SECOND);
        self.chats[chat].people.push(bot);
        Ok(Answer::Done)
    }

    /// Somebody is gone, and whoever had come is seen to leave.
    fn goes(&mut self, chat: usize, me: usize) {
        if self.chats[chat].people[me].presence == Presence::HandedOn {
            return;
        }
        if self.chats[chat].people[me].presence == Presence::Here {
            self.keep(chat, Some(me), Kind::Event("participant.left"));
        }
        self.chats[chat].people[me].presence = Presence::Gone;
    }

    fn leave(&mut self, chat: usize, me: usize) {
        let conversed = self.converses(chat);
        self.goes(chat, me);
        match self.chats[chat].people[me].who {
            Who::Customer => {
                if self.chats[chat].plan.agents_leave_too {
                    self.others_go(chat);
                }
                self.end(chat);
            }
            Who::Ana | Who::Ben => self.end(chat),
            Who::Bot => self.listen(chat, conversed),
        }
    }

    fn others_go(&mut self, chat: usize) {
        (1..self.chats[chat].people.len()).for_each(|person| self.goes(chat, person));
    }

    fn end(&mut self, chat: usize) {
        self.keep(chat, None, Kind::Event("chat.ended"));
        self.chats[chat].phase = Phase::Over;
        self.chats[chat].listening.clear();
    }

    // Saying something.

    fn say(
        &mut self,
        chat: usize,
        me: usize,
        message: Message,
        token: Option<u8>,
    ) -> Result<Answer, Refused> {
        let spent = token.and_then(|token| self.chats[chat].people[me].spent.get(&token));
        if let Some((said, number, time)) = spent.filter(|_| self.holds(Rule::RepeatsAreKnown)) {
            let same = Answer::Sent(Some(*number), *time);
            return if *said == message { Ok(same) } else { Err(INVALID) };
        }
        let number = self.keep_said(chat, me, Kind::Message(message));
        let time = self.chats[chat].last;
        if let Some(token) = token {
            self.chats[chat].people[me].spent.insert(token, (message, number, time));
        }
        Ok(Answer::Sent(Some(number), time))
    }

    /// Whoever is idle and says something has returned.
    fn keep_said(&mut self, chat: usize, me: usize, kind: Kind) -> usize {
        let now = self.now;
        let mut listening = self.chats[chat].listening.iter_mut();
        if let Some(one) = listening.find(|one| one.person == me && one.is_idle) {
            (one.is_idle, one.since) = (false, now);
            self.tell(chat, Some(me), Kind::Event("participant.returned"));
        }
        self.keep(chat, Some(me), kind)
    }

    fn receipt(&mut self, chat: usize, me: usize, about: Option<usize>, read: bool) -> Answer {
        let log: Vec<_> = self.chats[chat].items().map(|item| item.number).collect();
        let about =
            about.filter(|_| !log.is_empty()).map(|nth| log[log.len() - 1 - nth % log.len()]);
        let present = self.present(chat).count();
        let Some(about) = about.filter(|_| present == 2 || !self.holds(Rule::ReceiptsNeedTwo))
        else {
            return Answer::Sent(None, self.now);
        };
        let known = self.chats[chat].people[me].receipts.get(&(read, about));
        if let Some((number, time)) = known {
            return Answer::Sent(Some(*number), *time);
        }
        let number = self.keep(chat, Some(me), Kind::Receipt { about, read });
        let time = self.chats[chat].last;
        self.chats[chat].people[me].receipts.insert((read, about), (number, time));
        Answer::Sent(Some(number), time)
    }

    // The log.

    /// A new item, with the next number.
    fn item(&mut self, chat: usize, time: Time, by: Option<usize>, kind: Kind) -> Item {
        self.items += 1;
        let contact = self.chats[chat].contacts.len() - 1;
        Item { number: self.items - 1, contact, time, by, kind }
    }

    /// Tells everybody, and keeps nothing.
    fn tell(&mut self, chat: usize, by: Option<usize>, kind: Kind) -> usize {
        let item = self.item(chat, self.now, by, kind);
        self.publish(chat, &item);
        item.number
    }

    fn keep(&mut self, chat: usize, by: Option<usize>, kind: Kind) -> usize {
        let after = self.chats[chat].last + i64::from(self.holds(Rule::TimesGrow));
        let time = self.now.max(after);
        let item = self.item(chat, time, by, kind);
        self.chats[chat].last = time;
        if let (Some(by), Kind::Message(_) | Kind::File { .. }) = (by, &item.kind) {
            self.chats[chat].people[by].spoke = time;
        }
        self.publish(chat, &item);
        self.chats[chat].log.push(item.clone());
        item.number
    }

    /// Everybody who is in the chat sees everything, also their own. Whoever has left sees the end
    /// alone, but for the customer, whose leaving is the end; whoever was there at a transfer, nothing.
    fn publish(&mut self, chat: usize, item: &Item) {
        let over = item.kind == Kind::Event("chat.ended");
        for (number, person) in self.chats[chat].people.iter().enumerate() {
            if person.presence == Presence::HandedOn && self.holds(Rule::WhoHandedOnSeesNoMore) {
                continue;
            }
            let has_left = person.presence == Presence::Gone && person.who != Who::Customer;
            if has_left && !over && self.holds(Rule::WhoLeftSeesNoMore) {
                continue;
            }
            if person.sockets > 0 {
                self.told.push(((chat, number), item.clone()));
            }
        }
    }
}

impl Chat {
    /// What a transcript shows.
    fn items(&self) -> impl Iterator<Item = &Item> {
        self.log.iter().filter(|item| !matches!(item.kind, Kind::Receipt { .. }))
    }
}
