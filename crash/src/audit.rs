//! The log of each chat when all is over, as `chatloom export` writes it: also of those that nobody can
//! look into any more.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    api::text,
    broken::{Rule, hold},
    check::{Round, about, is_told, said_is_kept},
    contact::{Agent, Contact},
    person::Person,
};

/// Compares the exported chats with what was acknowledged in all chats.
pub(crate) async fn audit(round: Round<'_>, exported: &[u8], contacts: &[Contact]) -> Result<()> {
    let mut chats = HashMap::new();
    for line in exported.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let chat: Value = serde_json::from_slice(line).context("a line of the export")?;
        chats.insert(text(&chat["ContactId"]), chat);
    }
    hold(Rule::Repeat, chats.len() == contacts.len(), || {
        format!("{} chats were started, and there are {}", contacts.len(), chats.len())
    })?;
    for contact in contacts {
        let chat = chats.get(&contact.id);
        hold(Rule::Kept, chat.is_some(), || format!("chat {} is gone", contact.id))?;
        let log = chat.and_then(|chat| chat["Log"].as_array()).map_or(&[][..], Vec::as_slice);
        look(round, contact, log).await.map_err(|error| about(contact, error))?;
    }
    Ok(())
}

async fn look(round: Round<'_>, contact: &Contact, log: &[Value]) -> Result<()> {
    for (index, entry) in log.iter().enumerate() {
        hold(Rule::Order, entry["Place"] == index + 1, || {
            format!("place {} follows {index}", entry["Place"])
        })?;
    }
    let of_kind = |kind: &str| -> Vec<Value> {
        let entries = log.iter().filter(|entry| entry["Kind"] == kind);
        entries.map(|entry| entry["Item"].clone()).collect()
    };
    let items = of_kind("ITEM");
    let metadata = of_kind("RECEIPT");
    let mut people = vec![&contact.customer];
    if let Agent::Here(agent) = &contact.agent {
        people.push(agent);
    }
    for person in people {
        said_is_kept(person, &items)?;
        receipts(person, &metadata)?;
        for file in person.files.iter().filter(|file| file.completed.is_some()) {
            let count = items
                .iter()
                .filter(|item| item["Attachments"][0]["AttachmentName"] == file.name.as_str())
                .count();
            hold(Rule::Files, count == 1, || {
                format!("file {} is in the log {count} times", file.name)
            })?;
        }
    }
    for (index, kept) in contact.kept.iter().enumerate() {
        hold(Rule::Kept, items.get(index).is_some_and(|item| item["Id"] == kept["Id"]), || {
            format!("item {index} of the log is another one than the transcript had")
        })?;
    }
    match &contact.stream {
        Some(stream) => is_told(round, stream, &items).await,
        None => Ok(()),
    }
}

/// Each receipt that was acknowledged is an entry, or is said by one that says more.
fn receipts(person: &Person, metadata: &[Value]) -> Result<()> {
    for receipt in person.receipts.iter().filter(|receipt| receipt.acknowledged.is_some()) {
        let is_kept = metadata.iter().any(|item| {
            let metadata = &item["MessageMetadata"];
            let mut receipts = metadata["Receipts"].as_array().into_iter().flatten();
            metadata["MessageId"] == receipt.message.as_str()
                && receipts.any(|one| {
                    one["RecipientParticipantId"] == person.id.as_str()
                        && (!receipt.is_read || !one["ReadTimestamp"].is_null())
                })
        });
        hold(Rule::Receipts, is_kept, || format!("{receipt:?} is not in the log"))?;
    }
    Ok(())
}
