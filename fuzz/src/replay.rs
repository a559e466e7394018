//! Replays the corpora of targets: for the tests of the crates, which include this file.

use std::{fs, path::Path};

use super::Target;

/// Gives every file of a target's corpus to it, for these targets.
pub fn corpora(targets: &[(&str, Target)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in targets {
        let mut files = 0;
        for entry in fs::read_dir(folder.join(name)).expect("every target has a corpus") {
            let path = entry.expect("the folder can be read").path();
            let data = fs::read(&path).expect("the file can be read");
            let passed = std::panic::catch_unwind(|| target(&data)).is_ok();
            assert!(passed, "{name} breaks a law at {}", path.display());
            files += 1;
        }
        assert!(files > 0, "the corpus of {name} is empty");
    }
}
