//! A Rust standard library for wasm.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::ValueEnum;

use super::debian;
use crate::{
    command::{cargo, find, new, output, run},
    repository::Repository,
    rust,
};

/// The target of the browser core: no operating system, no generated bindings.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler with the source of the library, the cargo that goes with it, and a linker for
/// wasm.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "cargo-web", "lld-19"];

/// Where the library comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StdFrom {
    /// From the toolchain in use, else through rustup, else from Debian.
    Any,
    /// Built by the toolchain in use, which rustup may add the target to.
    Rustup,
    /// Built from the source that Debian packages, by Debian's compiler.
    Debian,
}

/// A cargo that can build for wasm, in `folder`, given as the beginning of a `cargo build` command,
/// and the folder below the target folder's [`TARGET`] where it leaves the program of profile
/// `wasm`.
pub(crate) fn build_command(repository: &Repository, from: StdFrom) -> Result<(Command, PathBuf)> {
    let library = |target: PathBuf| target.join(TARGET).join("wasm");
    if from != StdFrom::Debian {
        match add_target(repository.root()) {
            Ok(()) => {
                let command = cargo(repository.root(), &format!("build --target {TARGET}"));
                return Ok((command, library(repository.target(""))));
            }
            Err(error) if from == StdFrom::Rustup => return Err(error),
            Err(error) => {
                println!("    rustup brought no library for {TARGET}, Debian's is used: {error:#}");
            }
        }
    }
    if !debian::installed(&DEBIAN_PACKAGES) {
        debian::install(&DEBIAN_PACKAGES, "build the browser core")?;
    }
    // A folder of its own: the two compilers would throw away each other's work.
    let target = repository.target("debian");
    let mut command = new("/usr/bin/cargo");
    command
        .current_dir(repository.root())
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1") // to build the library is unstable in name only
        .env_remove("LD_LIBRARY_PATH") // set for programs of the other toolchain
        .args(["build", "-Zbuild-std=std,panic_abort", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .args(["--config", &format!("target.{TARGET}.linker='wasm-ld-19'")]);
    Ok((command, library(target)))
}

/// Makes sure that the toolchain in use has the library.
fn add_target(folder: &Path) -> Result<()> {
    let library = rust::sysroot(folder)?.join("lib/rustlib").join(TARGET).join("lib");
    if library.is_dir() {
        return Ok(());
    }
    anyhow::ensure!(
        find("rustup").is_some(),
        "the Rust in use is not rustup's and has no library for {TARGET}"
    );
    run(new("rustup").current_dir(folder).args(["target", "add", TARGET]))?;
    // rustup may have added it to another toolchain than the one that cargo uses.
    anyhow::ensure!(
        library.is_dir(),
        "rustup added {TARGET}, but not to {}",
        output(&mut rust::version(folder))?.trim()
    );
    Ok(())
}
