//! How much memory the state of a chat takes.

use std::{
    io::{self, Write},
    mem::size_of,
};

use crate::{
    Attachment, Chat, Contact, Follower, FollowerKind, Participant, PastChat, Record,
    transfer::HandedOn,
};

/// A short text on the heap, such as an id: its bytes, and what an allocation costs.
const ID: usize = 48;

impl Chat {
    /// About how many bytes of memory it takes: estimated from the texts in it and from what its lists
    /// have, allocations included.
    pub fn bytes(&self) -> usize {
        let text = |text: &str| size_of::<String>() + text.len();
        let attributes: usize =
            self.attributes.iter().map(|(name, value)| text(name) + text(value)).sum();
        let content_types: usize = self.content_types.iter().map(|it| text(it.as_str())).sum();
        let participants: usize = self
            .participants
            .iter()
            .map(|person| size_of::<Participant>() + 2 * ID + person.name.len())
            .sum();
        let contacts: usize = self
            .contacts
            .iter()
            .map(|contact| {
                let handed_on =
                    contact.handed_on.as_ref().map_or(0, |_| size_of::<HandedOn>() + ID);
                size_of::<Contact>() + 3 * ID + handed_on
            })
            .sum();
        let files: usize = self
            .attachments
            .iter()
            .map(|file| size_of::<Attachment>() + 4 * ID + file.name.len())
            .sum();
        let followers: usize = self
            .followers
            .iter()
            .map(|Follower { kind, .. }| {
                let (FollowerKind::Stream { endpoint: name } | FollowerKind::Bot { name }) = kind;
                size_of::<Follower>() + ID + name.len()
            })
            .sum();
        let past = self.past.as_ref().map_or(0, |past| past.chats.len());
        let first = self.initial_message.as_ref().map_or(0, |(_, content)| content.len());
        size_of::<Self>()
            + 6 * ID
            + attributes
            + content_types
            + participants
            + contacts
            + files
            + followers
            + past * (size_of::<PastChat>() + 2 * ID)
            + first
            + self.record.bytes()
    }
}

impl Record {
    /// What it holds is about as long as its JSON.
    fn bytes(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let mut length = Length(0);
        // Nothing fails: all of it can be written, as it is into the store.
        let _ = serde_json::to_writer(&mut length, self);
        length.0
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
