//! cargo-deny, which checks licences, sources and duplicate versions of dependencies.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    command::{cargo, find, new, output, run},
    repository::Repository,
};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Finds cargo-deny of the right version, or builds it.
pub(crate) fn provide(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tools(&format!("cargo-deny-{VERSION}"));
    let built = folder.join("bin/cargo-deny");
    let right = |program: &PathBuf| {
        output(new(program).arg("--version")).is_ok_and(|version| version.trim().ends_with(VERSION))
    };
    if let Some(program) =
        [Some(built.clone()), find("cargo-deny")].into_iter().flatten().find(right)
    {
        return Ok(program);
    }
    println!("    cargo-deny {VERSION} is built once, which takes a minute or two");
    let install = format!("install cargo-deny --version {VERSION} --locked --quiet");
    let mut install = cargo(repository.root(), &install);
    install
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(repository.tools("cargo-deny-build"))
        // It runs for a second: building it fast is worth more than a fast program.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    run(&mut install)?;
    Ok(built)
}
