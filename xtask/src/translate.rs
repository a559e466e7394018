//! The browser core as plain JavaScript, for engines and pages that have no wasm.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{
    command::run,
    repository::Repository,
    tools::{self, node::Node},
    wasm::{Core, FEATURES},
};

/// What the translator does not know is put into simpler instructions first. It has calls of a host for
/// copies and fills of memory otherwise, and traps where a number does not fit.
const LOWERED: [&str; 3] = [
    "--llvm-memory-copy-fill-lowering",
    "--llvm-nontrapping-fptoint-lowering",
    "--signext-lowering",
];

/// Translates `target/wasm/chatloom.wasm`, or `chatloom-full.wasm`, to a file beside it with the
/// ending `js`, unless it is there already: an ES module that the package's build puts into a form of
/// its own (web/chatjs/build/translated.mjs).
pub(crate) fn build(repository: &Repository, core: Core) -> Result<PathBuf> {
    let node = Node::provide()?;
    let binaryen = node.programs(repository)?.join("binaryen/bin");
    let wasm = core.file(repository);
    let (lowered, script) = (wasm.with_extension("lowered.wasm"), wasm.with_extension("js"));
    let translated = wasm.with_extension("translated.wasm");
    if script.is_file() && tools::is_current(&wasm, &translated)? {
        return Ok(script);
    }
    for (program, passes, from, to) in
        [("wasm-opt", LOWERED.as_slice(), &wasm, &lowered), ("wasm2js", &[], &lowered, &script)]
    {
        let mut command = node.command(repository.root());
        command.arg(binaryen.join(program)).args(FEATURES).args(passes);
        run(command.arg("-Oz").arg(from).arg("-o").arg(to))
            .with_context(|| format!("translating {}", wasm.display()))?;
    }
    tools::mark_current(&wasm, &translated)?;
    Ok(script)
}
