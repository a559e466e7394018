//! What must hold when the trouble is over and everything has come to rest.

use std::collections::BTreeSet;

use crate::{
    plan::From,
    view::{Phase, What},
    world::{Outcome, World},
};

/// So many of the last items the end of a chat may overtake.
const MOST_OVERTAKEN: usize = 20;

impl World<'_> {
    /// Looks at everything.
    pub(crate) fn judge(&mut self) {
        self.judge_store();
        self.judge_sends();
        self.judge_sessions();
        let open = self.open_calls();
        self.check("no call hangs", open.is_empty(), || open.join("; "));
        let kept = self.forget_everything();
        self.check("lent items released once", kept == 0, || format!("{kept} were kept"));
    }

    /// The order of the store is the order it told, with times that strictly increase.
    fn judge_store(&mut self) {
        for chat in 0..self.chats.len() {
            let customer = self.chats[chat].customer.clone();
            let seat = self.seat_of(chat, false, customer);
            let stored = match self.service.items(&seat) {
                Ok(stored) => stored,
                Err(error) => return self.fail("the service does its part", error.to_string()),
            };
            let in_time = stored.windows(2).all(|two| two[0].time < two[1].time);
            self.check("order is the store's", in_time, || "times do not increase".to_owned());
            let same = stored.iter().map(|entry| &entry.id).eq(&self.chats[chat].items);
            self.check("order is the store's", same, || "the store has other items".to_owned());
        }
    }

    fn judge_sends(&mut self) {
        let none = Vec::new();
        let mut last: Vec<((usize, usize), usize)> = Vec::new();
        for number in 0..self.sends.len() {
            let send = &self.sends[number];
            let (host, seat, outcome) = (send.host, send.seat, send.outcome.clone());
            let view = &self.hosts[host].views[seat];
            let (is_compat, last_word) = (view.is_compat(), send.last_word);
            let stored = self.stored_sends.get(&number).unwrap_or(&none).clone();
            let name = format!("message {number} of host {host}.{seat}");
            self.check("a message is stored at most once", stored.len() <= 1, || {
                format!("{name} is stored {} times", stored.len())
            });
            self.check("a message is sent or reported failed", outcome != Outcome::Pending, || {
                format!("{name} hangs")
            });
            let kept = self.hosts[host].views[seat].keys.values().any(|of| *of == number);
            self.check(
                "what was kept is not forgotten",
                !kept || outcome != Outcome::Unknown,
                || format!("{name} was kept, and nobody heard of it again"),
            );
            if let Outcome::Sent(id) = &outcome {
                let there = stored.first().is_some_and(|of| of == id || id.as_str().is_empty());
                self.check("what was reported sent is stored", there, || {
                    format!("{name} is not stored under the id it was reported with")
                });
                if let Some(&(chat, place)) = stored.first().and_then(|id| self.places.get(id))
                    && !is_compat
                {
                    let before = last.iter().find(|(of, _)| *of == (host, seat));
                    let in_order = before.is_none_or(|(_, before)| *before < place);
                    self.check("messages keep their order", in_order, || {
                        format!("{name} of chat {chat} is stored before an earlier one")
                    });
                    last.retain(|(of, _)| *of != (host, seat));
                    last.push(((host, seat), place));
                }
            }
            if last_word {
                let through = matches!(outcome, Outcome::Sent(_));
                self.check("after healing messages are sent", through, || {
                    format!("{name}: {outcome:?}")
                });
            }
        }
    }

    fn judge_sessions(&mut self) {
        let last_words: Vec<(usize, usize)> = (0..self.sends.len())
            .filter(|number| self.sends[*number].last_word)
            .filter_map(|number| self.stored_sends.get(&number)?.first())
            .filter_map(|id| self.places.get(id).copied())
            .collect();
        for host in 0..self.hosts.len() {
            for seat in 0..self.hosts[host].views.len() {
                self.judge_session(host, seat, &last_words);
            }
        }
    }

    fn judge_session(&mut self, host: usize, seat: usize, last_words: &[(usize, usize)]) {
        let view = &self.hosts[host].views[seat];
        let Some(place) = view.seat.clone() else { return };
        let (chat, phase, is_compat) = (view.plan.chat, view.phase, view.is_compat());
        let goes_on = self.service.admits(self.server_time(), &place);
        let name = format!("host {host}.{seat}");
        if goes_on {
            self.check("after healing sessions are connected", phase == Phase::Connected, || {
                format!("{name} is {phase:?}")
            });
        } else if !(is_compat && view.plan.from != From::Service) {
            // In the original only who keeps a socket alive learns of an end that it missed
            // (docs/protocol/websocket.md S164).
            let knows = matches!(phase, Phase::Ended | Phase::Refused);
            self.check("the end of a chat is told", knows, || format!("{name} is {phase:?}"));
        }
        let items = self.chats[chat].items.len();
        let view = &self.hosts[host].views[seat];
        if is_compat {
            let places = view.list.iter().filter_map(|shown| match &shown.what {
                What::Item(id) => self.places.get(id).map(|(_, place)| *place),
                What::Outgoing | What::Gap(_) => None,
            });
            let sorted = places.is_sorted_by(|one, next| one < next);
            self.check("the tracked transcript is sorted", sorted, || format!("{name} is not"));
            let view = &self.hosts[host].views[seat];
            if goes_on {
                let deaf = last_words.iter().any(|(of, at)| *of == chat && !view.was_given(*at));
                self.check("after healing messages arrive", !deaf, || format!("{name} is deaf"));
            }
            return;
        }
        if phase == Phase::Refused {
            return;
        }
        let gaps = view.gaps.len();
        let (missing, unordered) = (view.missing(items, goes_on), view.unordered);
        if goes_on {
            self.check("no gap stays open", gaps == 0, || format!("{name} has {gaps}"));
        }
        // Where frames overtake each other the end may overtake what was said last, and after the end
        // the service lets nobody read.
        let overtaken =
            !goes_on && unordered && missing.iter().all(|place| place + MOST_OVERTAKEN >= items);
        self.check("every item is given", missing.is_empty() || overtaken, || {
            format!("{name} of {items} items lacks {missing:?}")
        });
        let view = &self.hosts[host].views[seat];
        if goes_on && view.plan.tracked {
            self.judge_list(host, seat);
        }
    }

    /// The tracked transcript is the store's.
    fn judge_list(&mut self, host: usize, seat: usize) {
        let view = &self.hosts[host].views[seat];
        let shown: Vec<_> = view
            .list
            .iter()
            .filter_map(|shown| match &shown.what {
                What::Item(id) => Some(id.clone()),
                What::Outgoing | What::Gap(_) => None,
            })
            .collect();
        let keys: BTreeSet<_> = view.list.iter().map(|shown| shown.key).collect();
        let (keys, length) = (keys.len(), view.list.len());
        let gaps = view.list.iter().filter(|shown| matches!(shown.what, What::Gap(_))).count();
        let stored = &self.chats[view.plan.chat].items;
        let same = shown == *stored;
        let (count, of) = (shown.len(), stored.len());
        let from = shown.iter().zip(stored).position(|(one, other)| one != other);
        let from = from.unwrap_or(count.min(of));
        self.check("the tracked transcript is the store's", same, || {
            format!("host {host}.{seat} shows {count} items of {of}, others from item {from} on")
        });
        self.check("no gap stays open", gaps == 0, || format!("host {host}.{seat} shows {gaps}"));
        self.check("entries have keys of their own", keys == length, || {
            format!("host {host}.{seat} has {length} entries with {keys} keys")
        });
    }
}
