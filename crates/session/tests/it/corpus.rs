//! What fuzzing found worth keeping, through the very functions that the fuzz targets call.

#[expect(unreachable_pub, reason = "the file is a module of the fuzz crate")]
#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[expect(unreachable_pub, reason = "the file is a module of the fuzz crate")]
#[path = "../../../../fuzz/src/session.rs"]
mod targets;

type Target = fn(&[u8]);

#[test]
fn every_corpus_passes() {
    replay::corpora(targets::TARGETS);
}
