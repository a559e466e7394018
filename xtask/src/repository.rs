//! The work tree: where things are, and which files belong to it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command::{cargo, new, output};

/// The work tree that this program was built from.
pub(crate) struct Repository {
    root: PathBuf,
    metadata: Metadata,
}

/// What `cargo metadata` says about the workspace, as far as a task asks.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
    target_directory: PathBuf,
}

/// A member of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name on crates.io.
    pub(crate) name: String,
    /// The oldest compiler it states, for example `1.95`.
    pub(crate) rust_version: Option<String>,
    /// What its manifest names, of every kind.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest names it.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// Its name on crates.io.
    pub(crate) name: String,
    /// Absent for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Repository {
    /// Finds the work tree and reads its manifests.
    pub(crate) fn open() -> Result<Self> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root =
            manifest_dir.parent().context("xtask stands in a folder of the work tree")?.to_owned();
        let mut command = cargo(&root, "metadata --format-version 1 --no-deps");
        let metadata = serde_json::from_str(&output(&mut command)?)
            .context("reading the answer of cargo metadata")?;
        Ok(Self { root, metadata })
    }

    /// The top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the work tree, with `/` between its parts.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path inside cargo's target folder.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.metadata.target_directory.join(relative)
    }

    /// Where tools are kept that a task installed: an ignored folder, so a fresh clone starts
    /// without them.
    pub(crate) fn tools(&self, relative: &str) -> PathBuf {
        self.target("tools").join(relative)
    }

    /// The members of the workspace.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.metadata.packages
    }

    /// The files under version control and the new ones that would be, relative to the top folder,
    /// sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut command = new("git");
        command.current_dir(&self.root);
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = output(&mut command)
            .context("the checks of the files ask git which files there are")?;
        let mut files: Vec<String> = listed
            .split_terminator('\0')
            // One that was deleted, the deletion not yet committed, is still listed.
            .filter(|file| self.path(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}
