//! The browser core: built for wasm, optimised, measured.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    command::{output, run},
    repository::Repository,
    tools::{
        node::Node,
        wasm_target::{self, Build, StdFrom, TARGET},
    },
};

/// The most that the browser core may weigh on the network, in bytes after gzip
/// (docs/adr/0009-the-core-brings-its-own-library.md).
const BUDGET: u64 = 46 * 1024;

/// The same where the library could not be built along: measured, the core is an eighth larger.
const PREBUILT_BUDGET: u64 = BUDGET + BUDGET / 8;

/// How the optimiser is to work: for size, with the jumps made anew once in between. What is called
/// once and is not small stays a function: in one that is too large every variable costs more. The
/// lowest bytes of the memory are the stack's last, which nothing else points to. In the end what
/// belongs to one module stands together: it repeats itself, which compresses.
const PASSES: [&str; 9] = [
    "--one-caller-inline-max-function-size=60",
    "--low-memory-unused",
    "-Oz",
    "--converge",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--reorder-functions-by-name",
];

/// What is taken out in the end.
const STRIP: [&str; 2] = ["--strip-debug", "--strip-producers"];

/// What Rust's wasm target uses, all in every browser since 2022. Named one by one because the file
/// that reaches the optimiser no longer says, and `--all-features` would emit imports that browsers
/// refuse.
pub(crate) const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Prints the sizes of the file that it is given, as JSON. Node's zlib and brotli are what web
/// servers use.
const MEASURE: &str = "\
const { gzipSync, brotliCompressSync } = require('node:zlib');
const file = require('node:fs').readFileSync(process.argv[1]);
console.log(JSON.stringify({
  raw: file.length,
  gzip: gzipSync(file, { level: 9 }).length,
  brotli: brotliCompressSync(file).length,
}));";

/// Sizes of a file in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sizes {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Which browser core is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// The one that every page loads: as the original behaves, and held to the budget.
    Small,
    /// With Chatloom behaviour too, which a page loads when its application asks for that.
    Full,
}

impl Core {
    fn name(self) -> &'static str {
        match self {
            Self::Small => "chatloom",
            Self::Full => "chatloom-full",
        }
    }

    /// The file that [`build`] leaves.
    ///
    /// Not where another target folder may be set: the browser package reads it from there.
    pub(crate) fn file(self, repository: &Repository) -> PathBuf {
        repository.path("target/wasm").join(self.name()).with_extension("wasm")
    }

    /// What cargo is told of its features.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Small => &["--no-default-features"],
            Self::Full => &["--features", "chatloom"],
        }
    }
}

/// Builds a browser core to `target/wasm/chatloom.wasm`, or `chatloom-full.wasm`, and prints its
/// sizes; the small one fails above the budget. Beside it the file with the ending `symbols` has the
/// name of each function by its number, as a trap's stack gives it.
pub(crate) fn build(repository: &Repository, core: Core, from: StdFrom) -> Result<()> {
    let node = Node::provide()?;
    let binaryen = node.programs(repository)?.join("binaryen/bin/wasm-opt");
    let Build { mut command, mut flags, folder: built, rebuilt } =
        wasm_target::provide(repository, from)?;
    flags.extend(remapped(repository.root()));
    // As a library for other languages and for them alone: one that Rust can use as well is not
    // optimised as a whole.
    command
        .args(["--locked", "--package", "chatloom-wasm", "--lib", "--crate-type", "cdylib"])
        .args(core.features())
        .args(["--profile", "wasm", "--config", &format!("target.{TARGET}.rustflags={flags:?}")]);
    run(&mut command)?;

    let optimised = core.file(repository);
    let folder = repository.path("target/wasm");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let symbols = format!("--symbolmap={}", optimised.with_extension("symbols").display());
    let mut optimise = node.command(repository.root());
    optimise.arg(binaryen).args(PASSES).arg(symbols).args(STRIP).args(FEATURES);
    run(optimise.arg(built.join("chatloom_wasm.wasm")).arg("-o").arg(&optimised))?;

    let sizes = measure(&node, repository.root(), &optimised)?;
    println!("    target/wasm/{}.wasm: {}", core.name(), describe(sizes));
    if core == Core::Full {
        Ok(())
    } else if rebuilt {
        within(BUDGET, sizes)
    } else {
        println!(
            "    the library was not built for its size, so the budget is {PREBUILT_BUDGET} \
             instead of {BUDGET}: `cargo xtask wasm --std-from source` says why"
        );
        within(PREBUILT_BUDGET, sizes)
    }
}

/// Sizes of a file as it is, after gzip and after brotli, both at their strongest.
pub(crate) fn measure(node: &Node, folder: &Path, file: &Path) -> Result<Sizes> {
    let printed = output(node.command(folder).args(["-e", MEASURE]).arg(file))?;
    serde_json::from_str(&printed)
        .with_context(|| format!("reading the sizes of {}", file.display()))
}

/// Sizes as a person reads them.
pub(crate) fn describe(sizes: Sizes) -> String {
    format!("{} bytes, {} after gzip, {} after brotli", sizes.raw, sizes.gzip, sizes.brotli)
}

fn within(budget: u64, sizes: Sizes) -> Result<()> {
    if sizes.gzip > budget {
        bail!(
            "the browser core is {} bytes over its budget of {budget} after gzip: look for \
             formatting and generic JSON code that its last changes brought in",
            sizes.gzip - budget
        );
    }
    println!("    {} bytes below the budget of {budget} after gzip", budget - sizes.gzip);
    Ok(())
}

/// Flags that keep the folders of this machine out of the file, so that two machines build the
/// same.
fn remapped(root: &Path) -> Vec<String> {
    let home =
        env::var_os("CARGO_HOME").map(Into::into).or_else(|| Some(env::home_dir()?.join(".cargo")));
    home.iter()
        .map(|home| format!("--remap-path-prefix={}=cargo", home.display()))
        .chain([format!("--remap-path-prefix={}=chatloom", root.display())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_the_size_after_gzip() {
        let sizes = Sizes { raw: 200_000, gzip: BUDGET, brotli: 40_000 };
        assert!(within(BUDGET, sizes).is_ok());
        let error = within(BUDGET, Sizes { gzip: BUDGET + 1, ..sizes }).unwrap_err().to_string();
        assert!(
            error.starts_with("the browser core is 1 bytes over its budget of 47104"),
            "{error}"
        );
    }

    #[test]
    fn folders_of_this_machine_are_renamed() {
        let flags = remapped(Path::new("/somewhere/chatloom"));
        assert_eq!(
            flags.last().map(String::as_str),
            Some("--remap-path-prefix=/somewhere/chatloom=chatloom")
        );
    }
}
