//! What fuzzing found worth keeping, through the very functions that the fuzz targets call.

use std::{fs, path::Path};

type Target = fn(&[u8]);

#[expect(unreachable_pub, reason = "the file is a public module of the fuzz crate")]
#[path = "../../../../fuzz/src/wire.rs"]
mod targets;

#[test]
fn every_corpus_passes() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut files = 0;
        for entry in fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            // Shown only if the target panics.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            files += 1;
        }
        assert!(files > 0, "the corpus of {name} is empty");
    }
}
