//! Whole chats with real clients: boto3, the AWS SDK for JavaScript, and ChatJS in Chromium.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{
    command::{cargo, run},
    repository::Repository,
    tools::{chromium, node::Node, python},
};

/// Where these tests stand.
const FOLDER: &str = "tests/e2e";

/// Builds the program with the bundle in place, installs the clients, and runs the tests.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    let node = Node::provide()?;
    let python = python::provide(repository)?;
    let chromium = chromium::provide()?;
    node.install_locked(&repository.path(FOLDER))?;

    // The tests of the workspace have built it with these very features, so nothing but the bundle
    // is new.
    let build = "test --locked --workspace --no-run --quiet";
    run(&mut cargo(repository.root(), build))?;
    let program: PathBuf = repository.target("debug/chatloom");
    ensure!(program.is_file(), "cargo built the workspace's tests but no {}", program.display());

    let tests: Vec<String> = repository
        .files()?
        .into_iter()
        .filter(|file| file.starts_with(FOLDER) && file.ends_with(".test.mjs"))
        .collect();
    ensure!(!tests.is_empty(), "there are no tests named {FOLDER}/*.test.mjs");
    run(node
        .command(repository.root())
        .args(["--test", "--test-reporter=spec"])
        .args(tests)
        .env("CHATLOOM_BIN", program)
        .env("PYTHON", python)
        .env("CHROMIUM", chromium)
        .env("NODE", node.path()))
}
