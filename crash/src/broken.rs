//! Rules, and how it is said that one is broken.

use std::fmt;

/// What has to hold, however a server was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// What was acknowledged is in the transcript, once, as it was acknowledged.
    Kept,
    /// In one order for everybody, which is that of each sender's sending.
    Order,
    /// A repeat with the same `ClientToken` has the first answer.
    Repeat,
    /// Nobody was shown anything that was not kept.
    Shown,
    /// A file is there as a whole or not at all.
    Files,
    /// Receipts are kept.
    Receipts,
    /// A time that has come is not forgotten.
    Timers,
    /// A webhook is told of everything, in order, and a repeat is the same.
    Streams,
    /// A turn of a bot is done once.
    Bots,
    /// What the control plane was told holds.
    Control,
    /// A copy that was finished has everything that was acknowledged before it was begun.
    Backups,
    /// The database is sound.
    Database,
    /// The server starts again, and answers.
    Serves,
}

impl Rule {
    fn text(self) -> &'static str {
        match self {
            Self::Kept => "what was acknowledged is in the transcript, once",
            Self::Order => "everybody sees one order, in which each sender's is kept",
            Self::Repeat => "a repeat has the first answer",
            Self::Shown => "nobody was shown what was not kept",
            Self::Files => "a file is there as a whole or not at all",
            Self::Receipts => "receipts are kept",
            Self::Timers => "a time that has come is not forgotten",
            Self::Streams => "a webhook is told everything, in order",
            Self::Bots => "a turn of a bot is done once",
            Self::Control => "what the control plane was told holds",
            Self::Backups => "a copy has what was acknowledged before it",
            Self::Database => "the database is sound",
            Self::Serves => "the server starts again and answers",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A rule that is broken.
#[derive(Debug, thiserror::Error)]
#[error("\"{rule}\" does not hold: {what}")]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

/// Fails with [`Broken`].
pub(crate) fn broken<T>(rule: Rule, what: impl Into<String>) -> anyhow::Result<T> {
    Err(Broken { rule, what: what.into() }.into())
}

/// Fails with [`Broken`] unless something holds.
pub(crate) fn hold(rule: Rule, holds: bool, what: impl FnOnce() -> String) -> anyhow::Result<()> {
    if holds { Ok(()) } else { broken(rule, what()) }
}
