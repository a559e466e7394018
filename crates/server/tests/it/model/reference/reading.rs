//! What a page of a transcript holds (docs/protocol/participant-service.md §7).

use super::{
    super::story::{At, Direction, Of, Page},
    Item, Kind, Read, Reference, Time,
};

impl Reference {
    /// The transcript from a place on, in pages. Receipts are in their items.
    pub(super) fn read(&self, chat: usize, page: Page) -> Vec<Vec<Read>> {
        let at = &self.chats[chat];
        let items: Vec<_> = at.items().collect();
        let forward = match page.direction {
            Some(direction) => direction == Direction::Forward,
            None => !matches!(page.from, At::Newest | At::Nth(0)),
        };
        let nth = |nth: usize| items.len().checked_sub(1 + nth % items.len().max(1));
        let start = match page.from {
            At::Newest | At::Nth(0) if forward => None,
            At::Newest | At::Nth(0) => items.len().checked_sub(1),
            At::Unknown => None,
            At::Item(back) => nth(back),
            At::Nth(count) => (!items.is_empty()).then(|| items.len().saturating_sub(count)),
            At::Time(back, millis) => nth(back).and_then(|place| {
                let time = items[place].time + millis;
                if forward {
                    items.iter().position(|item| item.time >= time)
                } else {
                    items.iter().rposition(|item| item.time <= time)
                }
            }),
        };
        let mut found: Vec<_> = match start {
            None => Vec::new(),
            Some(place) if forward => items[place..].to_vec(),
            Some(place) => items[..=place].iter().rev().copied().collect(),
        };
        let present = at.contacts.len() - 1;
        found.retain(|item| match page.of {
            Of::All => true,
            Of::First => item.contact == 0,
            Of::Present => item.contact == present,
            Of::Foreign => false,
        });
        let most = page.most.unwrap_or(10);
        if most == 0 || found.is_empty() {
            return vec![Vec::new()];
        }
        let pages = found.chunks(most).map(|chunk| {
            let mut chunk: Vec<_> =
                chunk.iter().map(|item| self.with_receipts(chat, item)).collect();
            let scanned_ascending = forward;
            if scanned_ascending != page.ascending {
                chunk.reverse();
            }
            chunk
        });
        pages.collect()
    }

    pub(super) fn with_receipts(&self, chat: usize, item: &Item) -> Read {
        let mut known: Vec<(usize, Time, Option<Time>)> = Vec::new();
        for entry in &self.chats[chat].log {
            let (Kind::Receipt { about, read }, Some(by)) = (&entry.kind, entry.by) else {
                continue;
            };
            if *about != item.number {
                continue;
            }
            let read = read.then_some(entry.time);
            match known.iter_mut().find(|(who, ..)| *who == by) {
                None => known.push((by, entry.time, read)),
                // What was read has been delivered, at that time at the latest.
                Some((_, delivered, first)) => {
                    *delivered = entry.time.min(*delivered);
                    *first = first.or(read);
                }
            }
        }
        Read(item.clone(), known)
    }
}
