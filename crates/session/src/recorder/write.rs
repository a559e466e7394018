//! Inputs and outputs as lines of a recording.

mod input;
mod output;

use chatloom_wire::{
    ContactId, ContentType, ItemHead, ItemId, ItemType, MessageMetadata, ParticipantId,
    ParticipantRole,
};

use super::redact::{Redactor, filler, kept};
use crate::{Input, LogLevel, Now, Output, json::Writer};

/// An object of a recording that is being written.
struct Line<'a> {
    object: Writer,
    redactor: &'a mut Redactor,
}

/// The line of an input.
pub(super) fn input(redactor: &mut Redactor, now: Now, input: &Input) -> String {
    let mut line = Line { object: Writer::new(), redactor };
    line.unsigned("at", now.mono_ms);
    line.object.number("wall", now.wall_ms);
    line.input(input);
    line.object.finish()
}

/// The line of an output.
pub(super) fn output(redactor: &mut Redactor, output: &Output) -> String {
    let mut line = Line { object: Writer::new(), redactor };
    line.output(output);
    line.object.finish()
}

impl Line<'_> {
    /// A number of 64 bits; one beyond the signed range is written as a negative one.
    fn unsigned(&mut self, name: &str, number: u64) {
        self.object.number(name, number.cast_signed());
    }

    fn flag(&mut self, name: &str, flag: bool) {
        self.object.json(name, if flag { "true" } else { "false" });
    }

    fn word(&mut self, name: &str, word: &str) {
        self.object.text(name, word);
    }

    fn kept(&mut self, name: &str, text: &str) {
        self.object.text(name, &kept(text));
    }

    fn some_kept(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.kept(name, text);
        }
    }

    fn secret(&mut self, name: &str, secret: &str) {
        self.object.text(name, &self.redactor.secret(secret));
    }

    fn prose(&mut self, name: &str, text: &str) {
        self.object.text(name, &self.redactor.prose(text));
    }

    fn json(&mut self, name: &str, text: &str) {
        self.object.text(name, &self.redactor.json(text));
    }

    /// An object in this one.
    fn inside(&mut self, name: &str, write: impl FnOnce(&mut Line<'_>)) {
        let mut line = Line { object: Writer::new(), redactor: self.redactor };
        write(&mut line);
        self.object.json(name, &line.object.finish());
    }

    /// A list of objects.
    fn list<T>(&mut self, name: &str, of: &[T], write: impl Fn(&mut Line<'_>, &T)) {
        let mut list = "[".to_owned();
        for (at, one) in of.iter().enumerate() {
            if at > 0 {
                list.push(',');
            }
            let mut line = Line { object: Writer::new(), redactor: self.redactor };
            write(&mut line, one);
            list.push_str(&line.object.finish());
        }
        list.push(']');
        self.object.json(name, &list);
    }
}

/// The members of an item that the host holds, as the item would have them.
fn item_head(head: &ItemHead) -> String {
    let ItemHead {
        id,
        absolute_time,
        item_type,
        content_type,
        contact_id,
        initial_contact_id,
        related_contact_id,
        participant_id,
        participant_role,
        display_name,
        file_status,
        message_metadata,
    } = head;
    let mut item = Writer::new();
    let mut text = |name, value: Option<&str>| {
        if let Some(value) = value {
            item.text(name, &kept(value));
        }
    };
    text("Id", id.as_ref().map(ItemId::as_str));
    text("AbsoluteTime", absolute_time.as_deref());
    text("Type", item_type.as_ref().map(ItemType::as_str));
    text("ContentType", content_type.as_ref().map(ContentType::as_str));
    text("ContactId", contact_id.as_ref().map(ContactId::as_str));
    text("InitialContactId", initial_contact_id.as_ref().map(ContactId::as_str));
    text("RelatedContactId", related_contact_id.as_ref().map(ContactId::as_str));
    text("ParticipantId", participant_id.as_ref().map(ParticipantId::as_str));
    text("ParticipantRole", participant_role.as_ref().map(ParticipantRole::as_str));
    if let Some(name) = display_name {
        item.text("DisplayName", &filler(name));
    }
    if let Some(status) = file_status {
        let mut file = Writer::new();
        file.text("Status", status);
        let mut files = "[".to_owned();
        files.push_str(&file.finish());
        files.push(']');
        item.json("Attachments", &files);
    }
    if let Some(metadata) = message_metadata {
        item.json("MessageMetadata", &item_metadata(metadata));
    }
    item.finish()
}

fn item_metadata(metadata: &MessageMetadata) -> String {
    let mut out = Writer::new();
    out.some_text("MessageId", metadata.message_id.as_ref().map(ItemId::as_str));
    if let Some(receipts) = &metadata.receipts {
        let mut list = "[".to_owned();
        for (at, receipt) in receipts.iter().enumerate() {
            if at > 0 {
                list.push(',');
            }
            let mut one = Writer::new();
            one.some_text("DeliveredTimestamp", receipt.delivered_timestamp.as_deref());
            one.some_text("ReadTimestamp", receipt.read_timestamp.as_deref());
            let recipient = receipt.recipient_participant_id.as_ref().map(ParticipantId::as_str);
            one.some_text("RecipientParticipantId", recipient);
            list.push_str(&one.finish());
        }
        list.push(']');
        out.json("Receipts", &list);
    }
    if let Some(number) = metadata.chunk_number {
        out.number("ChunkNumber", number.into());
    }
    if let Some(completed) = metadata.message_completed {
        out.json("MessageCompleted", if completed { "true" } else { "false" });
    }
    out.some_text("MessageProcessingStatus", metadata.message_processing_status.as_deref());
    out.finish()
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}
