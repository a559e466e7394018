//! The browser package and ChatJS side by side, in the same scenarios.

use anyhow::{Result, ensure};

use crate::{
    command::run as run_command,
    repository::Repository,
    tools::node::Node,
    web::{self, BUNDLE},
};

/// Where the scenarios stand.
const FOLDER: &str = "tests/compare";

/// Builds the package and runs the scenarios.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    web::build(repository)?;
    test(repository)
}

/// Runs the scenarios. They use the classic script, which [`web::build`] leaves behind.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    let bundle = repository.path(BUNDLE);
    ensure!(bundle.is_file(), "there is no {BUNDLE}: `cargo xtask web` makes it");
    let node = Node::provide()?;
    let folder = repository.path(FOLDER);
    node.install_locked(&folder)?;
    run_command(node.command(&folder).arg("run.mjs").arg("--ours").arg(bundle))
}
