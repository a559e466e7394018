//! The browser package in `web/chatjs`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{
    command::run,
    repository::Repository,
    tools::{node::Node, wasm_target::StdFrom},
    translate,
    wasm::{self, Core},
};

/// The classic script that the server serves.
pub(crate) const BUNDLE: &str = "web/chatjs/dist/amazon-connect-chat.js";

/// Builds the browser core and the package around it.
pub(crate) fn build(repository: &Repository) -> Result<()> {
    for core in [Core::Small, Core::Full] {
        wasm::build(repository, core, StdFrom::Any)?;
        translate::build(repository, core)?;
    }
    let (node, folder) = prepare(repository)?;
    run(node.npm(&folder).args(["run", "--silent", "release"]))?;
    let bundle = repository.path(BUNDLE);
    ensure!(bundle.is_file(), "the build of web/chatjs succeeded but left no {BUNDLE}");
    println!("    {BUNDLE}: {}", wasm::describe(wasm::measure(&node, &folder, &bundle)?));
    Ok(())
}

/// Checks the package's types and runs its unit tests. They use the browser core, which [`build`]
/// leaves behind.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    let (node, folder) = prepare(repository)?;
    run(node.npm(&folder).args(["run", "--silent", "test"]))
}

fn prepare(repository: &Repository) -> Result<(Node, PathBuf)> {
    let node = Node::provide()?;
    let folder = repository.path("web/chatjs");
    node.install_locked(&folder)?;
    Ok((node, folder))
}
