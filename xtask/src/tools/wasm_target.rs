//! A Rust standard library for wasm.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use super::debian;
use crate::{
    command::{cargo, find, new, output, run},
    repository::Repository,
    rust,
};

/// The target of the browser core: no operating system, no generated bindings.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the library along with the core, for small size. Unstable in name only, which
/// `RUSTC_BOOTSTRAP` says.
const REBUILD: [&str; 2] =
    ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];

/// With a library of its own a panic is one instruction: no message, nothing that formats one
/// (docs/adr/0009-the-core-brings-its-own-library.md). Values of more than two words are moved by
/// one instruction instead of one for each word.
const REBUILD_FLAGS: [&str; 4] = [
    "-Cpanic=immediate-abort",
    "-Zunstable-options",
    "-Cllvm-args=--max-store-memcpy=2",
    "-Cllvm-args=--max-store-memset=2",
];

/// The stack, which ends at address 0, so that to overrun it is a trap: far more than the deepest
/// JSON needs, and a megabyte less for each instance than a program gets that does not say.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

/// Debian's compiler with the source of the library, the cargo that goes with it, and a linker for
/// wasm.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "cargo-web", "lld-19"];

/// Where the library comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StdFrom {
    /// From the source of the toolchain in use, else built by rustup, else from Debian's source.
    Any,
    /// From the source of the toolchain in use, which rustup may add.
    Source,
    /// As rustup brings it for the toolchain in use: a larger core.
    Rustup,
    /// From the source that Debian packages, with Debian's compiler.
    Debian,
}

/// How to build for wasm.
pub(crate) struct Build {
    /// The beginning of a `cargo rustc` command.
    pub(crate) command: Command,
    /// What the compiler needs to be told.
    pub(crate) flags: Vec<String>,
    /// Where it leaves the program of profile `wasm`.
    pub(crate) folder: PathBuf,
    /// Whether the library is built with the program, and so for its size.
    pub(crate) rebuilt: bool,
}

impl Build {
    fn new(command: Command, target: &Path, rebuilt: bool) -> Self {
        let mut flags = vec![STACK.to_owned()];
        if rebuilt {
            flags.extend(REBUILD_FLAGS.map(str::to_owned));
        }
        Self { command, flags, folder: target.join(TARGET).join("wasm"), rebuilt }
    }
}

/// A cargo that can build for wasm.
pub(crate) fn provide(repository: &Repository, from: StdFrom) -> Result<Build> {
    let ways: [(StdFrom, Way); 3] = [
        (StdFrom::Source, from_source),
        (StdFrom::Rustup, from_rustup),
        (StdFrom::Debian, from_debian),
    ];
    let mut last = None;
    for (name, way) in ways {
        if from != StdFrom::Any && from != name {
            continue;
        }
        match way(repository) {
            Ok(build) => return Ok(build),
            Err(error) => {
                if from == StdFrom::Any {
                    println!("    no library for {TARGET} by way of `{name:?}`: {error:#}");
                }
                last = Some(error);
            }
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no way to a library for {TARGET}")))
}

type Way = fn(&Repository) -> Result<Build>;

fn from_source(repository: &Repository) -> Result<Build> {
    let root = repository.root();
    let source = rust::sysroot(root)?.join("lib/rustlib/src/rust/library");
    let lock = source.join("Cargo.lock");
    if !lock.is_file() {
        rustup(root, "component add rust-src", &lock)?;
    }
    // Here, so that a machine without a network learns it before the build.
    let mut fetch = cargo(root, &format!("fetch --quiet --locked --target {TARGET}"));
    fetch.arg("--manifest-path").arg(source.join("Cargo.toml"));
    run(fetch.env("RUSTC_BOOTSTRAP", "1"))?;
    // A folder of its own: what is compiled for this machine differs when unstable features are
    // on, and would be built anew each time.
    let target = repository.target("small");
    let mut command = cargo(root, &format!("rustc --target {TARGET} --target-dir"));
    command.arg(&target).args(REBUILD).env("RUSTC_BOOTSTRAP", "1");
    Ok(Build::new(command, &target, true))
}

fn from_rustup(repository: &Repository) -> Result<Build> {
    let root = repository.root();
    let library = rust::sysroot(root)?.join("lib/rustlib").join(TARGET).join("lib");
    if !library.is_dir() {
        rustup(root, &format!("target add {TARGET}"), &library)?;
    }
    let command = cargo(root, &format!("rustc --target {TARGET}"));
    Ok(Build::new(command, &repository.target(""), false))
}

fn from_debian(repository: &Repository) -> Result<Build> {
    if !debian::installed(&DEBIAN_PACKAGES) {
        debian::install(&DEBIAN_PACKAGES, "build the browser core")?;
    }
    // A folder of its own: the two compilers would throw away each other's work.
    let target = repository.target("debian");
    let mut command = new("/usr/bin/cargo");
    command
        .current_dir(repository.root())
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("LD_LIBRARY_PATH") // set for programs of the other toolchain
        .args(["rustc", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .args(REBUILD)
        .args(["--config", &format!("target.{TARGET}.linker='wasm-ld-19'")]);
    Ok(Build::new(command, &target, true))
}

/// Has rustup add something to the toolchain in use, which shows by the presence of `path`.
fn rustup(folder: &Path, what: &str, path: &Path) -> Result<()> {
    ensure!(
        find("rustup").is_some(),
        "the Rust in use is not rustup's and has no {}",
        path.display()
    );
    run(new("rustup").current_dir(folder).args(what.split_whitespace()))?;
    // rustup may have added it to another toolchain than the one that cargo uses.
    ensure!(
        path.exists(),
        "`rustup {what}` succeeded, but not for {}",
        output(&mut rust::version(folder))?.trim()
    );
    Ok(())
}
