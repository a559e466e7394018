//! What the fuzz targets of this crate do with their bytes, each beside what it tries.
//!
//! A target is a function of bytes that panics when a law is broken. The programs in `fuzz/` hand it
//! what libFuzzer makes up; the test here hands it the files in `fuzz/corpus/`. No part of the
//! interface: the feature `fuzzing` is for those programs alone.

#[cfg(test)]
#[expect(unreachable_pub, reason = "the file is a module of the fuzz crate")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

pub use crate::{
    config::fuzzing::config,
    followers::fuzzing::bot_answer,
    http::fuzzing::{attachment, public_url, range, sigv4},
    outgoing::fuzzing::events,
    sign_in::fuzzing::id_token,
    views::fuzzing::view_file,
};

/// What a target does with its bytes.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("attachment", attachment),
    ("bot_answer", bot_answer),
    ("config", config),
    ("events", events),
    ("id_token", id_token),
    ("public_url", public_url),
    ("range", range),
    ("sigv4", sigv4),
    ("view_file", view_file),
];

/// The text before the first line feed, and what follows it.
pub(crate) fn line(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let rest = data.get(end + 1..).unwrap_or_default();
    Some((std::str::from_utf8(&data[..end]).ok()?, rest))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_corpus_passes() {
        super::replay::corpora(super::TARGETS);
    }
}
