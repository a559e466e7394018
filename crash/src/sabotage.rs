//! Harm done to the data of a dead server, to see that it is found.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    broken::Rule,
    contact::{Agent, Contact, Kind, Told},
    data::{self, DATABASE},
    outside::Outside,
    person::Person,
    server::BOT_FLOW,
};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A message that was acknowledged is removed.
    LoseMessage,
    /// Two messages of one sender change places.
    SwapMessages,
    /// It is forgotten which `ClientToken` messages were sent under.
    ForgetTokens,
    /// A byte of a file is another one.
    DamageFile,
    /// Receipts are removed.
    LoseReceipts,
    /// Streams are taken to have been told everything.
    SkipDeliveries,
    /// Nothing is due any more.
    LoseTimers,
    /// A page of the database is empty.
    DamagePage,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 8] = [
        Self::LoseMessage,
        Self::SwapMessages,
        Self::ForgetTokens,
        Self::DamageFile,
        Self::LoseReceipts,
        Self::SkipDeliveries,
        Self::LoseTimers,
        Self::DamagePage,
    ];

    /// The rule that is found broken.
    pub(crate) fn breaks(self) -> Rule {
        match self {
            Self::LoseMessage => Rule::Kept,
            Self::SwapMessages => Rule::Order,
            Self::ForgetTokens => Rule::Repeat,
            Self::DamageFile => Rule::Files,
            Self::LoseReceipts => Rule::Receipts,
            Self::SkipDeliveries => Rule::Streams,
            Self::LoseTimers => Rule::Timers,
            Self::DamagePage => Rule::Database,
        }
    }

    /// Whether time has to pass before anybody can notice.
    pub(crate) fn needs_time(self) -> bool {
        self == Self::LoseTimers
    }

    /// Does it to the data of a server that was killed. False when there is nothing to do it to.
    pub(crate) fn act(self, data: &Path, contacts: &[Contact], outside: &Outside) -> Result<bool> {
        let path = data.join(DATABASE);
        let open = || Connection::open(&path).context("the database cannot be opened");
        let looked_at = contacts.iter().filter(|contact| {
            contact.stopped == Told::No && !contact.is_over && contact.kind != Kind::Nobody
        });
        let people = looked_at.flat_map(|contact| match &contact.agent {
            Agent::Here(agent) => vec![&contact.customer, &**agent],
            _ => vec![&contact.customer],
        });
        match self {
            Self::LoseMessage => {
                let Some(content) = people.flat_map(acknowledged).next() else { return Ok(false) };
                let removed = open()?.execute(
                    "DELETE FROM entries WHERE instr(text, ?1) > 0 AND kind = 1",
                    [content],
                )?;
                Ok(removed == 1)
            }
            Self::SwapMessages => {
                let pairs = people.filter_map(|person| {
                    let mut contents = acknowledged(person);
                    Some((contents.next()?, contents.next()?))
                });
                let Some((one, other)) = pairs.into_iter().next() else { return Ok(false) };
                let connection = open()?;
                let row = |content: &str| -> rusqlite::Result<Option<(i64, String)>> {
                    let sql = "SELECT entry, text FROM entries WHERE instr(text, ?1) > 0";
                    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                    connection.query_row(sql, [content], read).optional()
                };
                let (Some(one), Some(other)) = (row(one)?, row(other)?) else {
                    return Ok(false);
                };
                let put = "UPDATE entries SET text = ?1 WHERE entry = ?2";
                connection.execute(put, params![other.1, one.0])?;
                connection.execute(put, params![one.1, other.0])?;
                Ok(true)
            }
            Self::ForgetTokens => {
                let sql = "UPDATE entries SET key = NULL, key_rest = NULL, body = NULL";
                let has_any = people.flat_map(acknowledged).next().is_some();
                Ok(open()?.execute(sql, [])? > 0 && has_any)
            }
            Self::DamageFile => {
                for path in data::files(data)? {
                    let mut bytes = fs::read(&path)?;
                    let Some(first) = bytes.first_mut() else { continue };
                    *first ^= 1;
                    fs::write(&path, bytes)?;
                    return Ok(true);
                }
                Ok(false)
            }
            Self::LoseReceipts => {
                let has_any = people
                    .flat_map(|person| &person.receipts)
                    .any(|receipt| receipt.acknowledged.is_some());
                Ok(open()?.execute("DELETE FROM entries WHERE kind = 2", [])? > 0 && has_any)
            }
            Self::SkipDeliveries => {
                // Bots follow as streams do.
                let sql = "UPDATE followers SET place = place + 1000000, due = NULL \
                           WHERE chat NOT IN (SELECT chat FROM chats WHERE instr(state, ?1) > 0)";
                let is_owed = contacts.iter().any(|contact| {
                    let Some(stream) =
                        contact.stream.as_ref().filter(|_| contact.kind != Kind::Bot)
                    else {
                        return false;
                    };
                    let told = outside.told(stream);
                    let mut said =
                        contact.customer.said.iter().filter_map(|one| one.answer.as_ref());
                    contact.stopped == Told::No
                        && said.any(|said| told.iter().all(|one| !one.item.contains(&said.id)))
                });
                Ok(is_owed && open()?.execute(sql, [BOT_FLOW])? > 0)
            }
            Self::LoseTimers => {
                let is_timed = contacts.iter().any(|contact| {
                    contact.kind == (Kind::Silent { idle: false })
                        && contact.timers == Told::Yes
                        && matches!(contact.agent, Agent::Here(_))
                });
                Ok(is_timed && open()?.execute("UPDATE chats SET due = NULL", [])? > 0)
            }
            Self::DamagePage => {
                // With the log in it, so that no copy of the page is elsewhere.
                open()?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
                let mut bytes = fs::read(&path)?;
                let Some(page) = bytes.get_mut(8_192..16_384) else {
                    bail!("the database has one page");
                };
                page.fill(0);
                fs::write(&path, bytes)?;
                Ok(true)
            }
        }
    }
}

/// The names of the messages of somebody that were acknowledged.
fn acknowledged(person: &Person) -> impl Iterator<Item = &str> {
    let said = person.said.iter().filter(|said| said.answer.is_some());
    said.filter_map(|said| said.content.split(' ').next())
}
