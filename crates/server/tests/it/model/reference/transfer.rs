//! Customers who are handed on (docs/protocol/participant-service.md §12.4).

use super::{
    super::story::{Rule, Target, Who},
    Answer, CONFLICT, INVALID, Kind, MINUTE, NOT_FOUND, Phase, Presence, QUOTA, Reference, Refused,
};

/// How long a user has a customer alone, and how long one who asks for nothing is there.
const PATIENCE: i64 = 2 * MINUTE;
const MOST: usize = 11;

impl Reference {
    pub(super) fn transfer(
        &mut self,
        chat: usize,
        by: Who,
        to: Target,
        initial: bool,
    ) -> Result<Answer, Refused> {
        self.see(by);
        let user = match to {
            Target::NoQueue | Target::NoUser => return Err(INVALID),
            Target::Default | Target::Sales => None,
            Target::Ana => Some(Who::Ana),
            Target::Ben => Some(Who::Ben),
        };
        if self.chats[chat].is_over(self.now) {
            return Err(NOT_FOUND);
        }
        let me = self.find(chat, by).filter(|me| self.is_here(chat, *me));
        let contacts = &self.chats[chat].contacts;
        let Some(me) = me else {
            // Asked once more, by whoever is not back.
            let is_that = |how: &Option<(Who, Target, i64)>| {
                how.is_some_and(|(who, whom, _)| (who, whom) == (by, to))
            };
            // Nothing has come after the present contact yet.
            let done = contacts.iter().rposition(is_that).filter(|_| initial);
            return done.map(Answer::Transferred).ok_or(NOT_FOUND);
        };
        if user == Some(by) {
            return Err(INVALID);
        }
        if contacts.len() > MOST {
            return Err(QUOTA);
        }
        let last = user.and_then(|user| self.seen.get(name(user)));
        let is_there = user.is_none() || last.is_some_and(|last| self.now < last + PATIENCE);
        if !is_there && self.holds(Rule::WhoIsAwayIsGivenNobody) {
            self.keep(chat, Some(me), Kind::Event("transfer.failed"));
            return Err(CONFLICT);
        }
        self.keep(chat, Some(me), Kind::Event("transfer.succeeded"));
        // There is one agent at a time.
        self.chats[chat].people[me].presence = Presence::HandedOn;
        self.keep(chat, Some(me), Kind::Event("participant.left"));
        if self.holds(Rule::TransfersAreNewContacts) {
            self.chats[chat].contacts.push(Some((by, to, self.now + PATIENCE)));
        }
        self.chats[chat].phase = Phase::Queued;
        self.listen(chat, true);
        Ok(Answer::Transferred(self.chats[chat].contacts.len() - 1))
    }

    pub(super) fn is_kept_from(&self, chat: usize, agent: Who) -> bool {
        let meant = match self.chats[chat].contacts.last() {
            Some(Some((_, Target::Ana, until))) => Some((Who::Ana, *until)),
            Some(Some((_, Target::Ben, until))) => Some((Who::Ben, *until)),
            _ => None,
        };
        meant.is_some_and(|(user, until)| user != agent && self.now < until)
            && self.holds(Rule::WhoIsMeantHasTheFirstWord)
    }

    pub(super) fn is_here(&self, chat: usize, person: usize) -> bool {
        self.chats[chat].people[person].presence == Presence::Here
    }

    pub(super) fn see(&mut self, agent: Who) {
        self.seen.insert(name(agent), self.now);
    }
}

fn name(agent: Who) -> &'static str {
    if agent == Who::Ana { "ana" } else { "ben" }
}
