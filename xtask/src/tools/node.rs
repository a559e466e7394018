//! Node and the packages of npm.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{debian, is_current, mark_current};
use crate::{
    command::{find, new, output, run},
    repository::Repository,
};

/// The oldest Node that the browser package is built and tested with.
const OLDEST_MAJOR: u32 = 20;

/// Node and npm of this machine.
pub(crate) struct Node {
    node: PathBuf,
    npm: PathBuf,
}

impl Node {
    /// Finds Node and npm, or installs them where Debian's are new enough.
    pub(crate) fn provide() -> Result<Self> {
        if find("node").is_none() || find("npm").is_none() {
            let known = debian::candidate("nodejs");
            let known_major = known.as_deref().and_then(major);
            if known_major.is_none_or(|major| major < OLDEST_MAJOR) {
                let known = known.map_or_else(String::new, |version| {
                    format!(" (this system's package is {version})")
                });
                bail!(
                    "node and npm are not on the PATH: install Node {OLDEST_MAJOR} or newer{known}, \
                     then run this again"
                );
            }
            debian::install(&["nodejs", "npm"], "build and test the browser package")?;
        }
        let node = find("node").context("node is not on the PATH")?;
        let npm = find("npm").context("npm is not on the PATH")?;
        let version = output(new(&node).arg("--version"))?;
        if major(&version).is_none_or(|major| major < OLDEST_MAJOR) {
            bail!(
                "{} is version {}: put Node {OLDEST_MAJOR} or newer first on the PATH, then run this \
                 again",
                node.display(),
                version.trim()
            );
        }
        Ok(Self { node, npm })
    }

    /// The program itself.
    pub(crate) fn path(&self) -> &Path {
        &self.node
    }

    /// A command that runs Node in `folder`.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = new(&self.node);
        command.current_dir(folder);
        command
    }

    /// A command that runs npm in `folder`.
    pub(crate) fn npm(&self, folder: &Path) -> Command {
        let mut command = new(&self.npm);
        // npm's scripts start `node` by name: it shall be this one.
        let mut folders: Vec<PathBuf> =
            self.node.parent().map(Path::to_owned).into_iter().collect();
        folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
        if let Ok(path) = env::join_paths(folders) {
            command.env("PATH", path);
        }
        command.current_dir(folder);
        command
    }

    /// Installs the packages that a folder's `package-lock.json` names, unless they are installed
    /// already.
    pub(crate) fn install_locked(&self, folder: &Path) -> Result<()> {
        let lock = folder.join("package-lock.json");
        let installed = folder.join("node_modules/.installed-lock.json");
        if is_current(&lock, &installed)? {
            return Ok(());
        }
        run(self.npm(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
        mark_current(&lock, &installed)
    }

    /// Installs the programs that the tasks themselves take from npm; gives the folder of their
    /// packages.
    pub(crate) fn programs(&self, repository: &Repository) -> Result<PathBuf> {
        let folder = repository.tools("npm");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for file in ["package.json", "package-lock.json"] {
            let from = repository.path("xtask/npm").join(file);
            fs::copy(&from, folder.join(file))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
        self.install_locked(&folder)?;
        Ok(folder.join("node_modules"))
    }
}

/// The first number of a version such as `v20.20.2` or `20.19.2+dfsg-1`.
fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn versions_of_node_and_of_its_packages_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("18.19.0+dfsg-6~deb12u2"), Some(18));
        assert_eq!(major("unknown"), None);
    }
}
