//! What time does: the end of a chat, and people who fall silent
//! (docs/protocol/participant-service.md §12.5).

use super::{
    super::story::{Role, Who},
    Chat, Kind, Listening, MINUTE, Person, Phase, Presence, Reference, Time,
};

impl Reference {
    pub(super) fn time_passed(&mut self, chat: usize) {
        let at = &self.chats[chat];
        if at.phase == Phase::Over {
            return;
        }
        if at.ends() <= self.now {
            // Whoever never came is told nothing.
            if at.phase == Phase::Started {
                self.chats[chat].phase = Phase::Over;
            } else {
                self.end(chat);
            }
            return;
        }
        for nth in 0..self.chats[chat].listening.len() {
            let at = &mut self.chats[chat];
            if at.due(&at.listening[nth]) > self.now {
                continue;
            }
            let one = &mut at.listening[nth];
            let person = one.person;
            if one.patience.0.is_some() && !one.is_idle {
                (one.is_idle, one.since) = (true, self.now);
                self.tell(chat, Some(person), Kind::Event("participant.idle"));
                continue;
            }
            // The others are disconnected and miss the news.
            let item = self.item(
                chat,
                self.now,
                Some(person),
                Kind::Event("participant.autodisconnection"),
            );
            if self.chats[chat].people[0].sockets > 0 {
                self.told.push(((chat, 0), item));
            }
            self.others_go(chat);
            self.end(chat);
            return;
        }
    }

    pub(super) fn present(&self, chat: usize) -> impl Iterator<Item = &Person> {
        self.chats[chat].people.iter().filter(|person| person.presence == Presence::Here)
    }

    /// Timers run while a customer and somebody who answers are both there.
    pub(super) fn converses(&self, chat: usize) -> bool {
        let is_here = |customer: bool| {
            self.present(chat).any(|person| (person.who == Who::Customer) == customer)
        };
        is_here(true) && is_here(false)
    }

    /// After somebody came or went: who is listened to from now on, as is configured now.
    pub(super) fn listen(&mut self, chat: usize, conversed: bool) {
        if !self.converses(chat) {
            self.chats[chat].listening.clear();
            return;
        }
        let now = self.now;
        let at = &mut self.chats[chat];
        at.listening.retain(|one| at.people[one.person].presence == Presence::Here);
        for (number, person) in at.people.iter().enumerate() {
            let role = match person.who {
                _ if person.presence != Presence::Here => continue,
                Who::Bot => continue,
                Who::Customer if conversed => continue,
                Who::Customer => Role::Customer,
                Who::Ana | Who::Ben => Role::Agent,
            };
            let patience = at.timers[role as usize];
            if patience != (None, None) {
                at.listening.push(Listening {
                    person: number,
                    patience,
                    since: now,
                    is_idle: false,
                });
            }
        }
    }
}

impl Chat {
    /// Its last moment: the customer has five minutes to come.
    pub(super) fn ends(&self) -> Time {
        let end = self.started + self.plan.minutes * MINUTE;
        if self.phase == Phase::Started { end.min(self.started + 5 * MINUTE) } else { end }
    }

    pub(super) fn is_over(&self, now: Time) -> bool {
        self.phase == Phase::Over || self.ends() <= now
    }

    /// When somebody's silence is long enough.
    pub(super) fn due(&self, one: &Listening) -> Time {
        let since = one.since.max(self.people[one.person].spoke);
        let minutes = match one.patience {
            (Some(idle), _) if !one.is_idle => Some(idle),
            (_, disconnect) => disconnect,
        };
        minutes.map_or(Time::MAX, |minutes| since + minutes * MINUTE)
    }
}
