//! Whole chats with real clients: boto3, the AWS SDKs for JavaScript and Rust, ChatJS in Chromium, and
//! the packed browser package in projects of its users.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};

use crate::{
    command::{cargo, run},
    repository::Repository,
    tools::{certutil, chromium, node::Node, python},
};

/// Where the tests with official clients stand.
const FOLDER: &str = "tests/e2e";

/// Where the chat with the AWS SDK for Rust stands, a workspace of its own: the SDK brings older HTTP
/// crates than the product's.
pub(crate) const SDK_MANIFEST: &str = "tests/aws-sdk-rust/Cargo.toml";

/// Where the tests of the packed package stand. They share what starts servers and pages.
const PACKAGE_FOLDER: &str = "tests/package";

/// Builds the program with the bundle in place, installs the clients, and runs the tests.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    let node = Node::provide()?;
    let python = python::provide(repository)?;
    let chromium = chromium::provide()?;
    let certutil = certutil::provide()?;
    node.install_locked(&repository.path(FOLDER))?;
    let sdk = build_sdk_client(repository)?;

    let mut command = tests(repository, &node, FOLDER)?;
    run(command
        .env("PYTHON", python)
        .env("CHROMIUM", chromium)
        .env("CERTUTIL", certutil)
        .env("AWS_SDK_RUST", sdk)
        .env("NODE", node.path()))
}

/// Builds the client with the AWS SDK for Rust; gives the program.
fn build_sdk_client(repository: &Repository) -> Result<PathBuf> {
    let target = repository.target("aws-sdk-rust");
    let mut command = cargo(repository.root(), "build --locked --quiet --manifest-path");
    command.arg(repository.path(SDK_MANIFEST)).arg("--target-dir").arg(&target);
    // Most of it is one crate of the SDK, which never changes here.
    run(command.env("CARGO_INCREMENTAL", "0"))?;
    Ok(target.join("debug/chatloom-aws-sdk-rust"))
}

/// Packs the browser package, which `cargo xtask web` has built, installs it into projects and runs
/// them.
pub(crate) fn package(repository: &Repository) -> Result<()> {
    let node = Node::provide()?;
    let chromium = chromium::provide()?;
    for folder in [FOLDER, PACKAGE_FOLDER] {
        node.install_locked(&repository.path(folder))?;
    }
    run(tests(repository, &node, PACKAGE_FOLDER)?.env("CHROMIUM", chromium))
}

/// The program, built.
pub(crate) fn program(repository: &Repository) -> Result<PathBuf> {
    // The tests of the workspace have built it with these very features, so nothing but the bundle
    // is new.
    let build = "test --locked --workspace --no-run --quiet";
    run(&mut cargo(repository.root(), build))?;
    let program = repository.target("debug/chatloom");
    ensure!(program.is_file(), "cargo built the workspace's tests but no {}", program.display());
    Ok(program)
}

/// A command that runs the tests of a folder against the program.
fn tests(repository: &Repository, node: &Node, folder: &str) -> Result<Command> {
    let program = program(repository)?;
    let tests: Vec<String> = repository
        .files()?
        .into_iter()
        .filter(|file| file.starts_with(folder) && file.ends_with(".test.mjs"))
        .collect();
    ensure!(!tests.is_empty(), "there are no tests named {folder}/*.test.mjs");
    let mut command = node.command(repository.root());
    command.args(["--test", "--test-reporter=spec"]).args(tests).env("CHATLOOM_BIN", program);
    Ok(command)
}
