//! The compiler in use.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::command::{new, output};

/// The compiler that cargo uses, in `folder`.
fn rustc(folder: &Path) -> Command {
    let mut command = new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(folder);
    command
}

/// A command that prints the compiler's version, for example `rustc 1.95.0 (59807616e 2026-04-14)`.
pub(crate) fn version(folder: &Path) -> Command {
    let mut command = rustc(folder);
    command.arg("--version");
    command
}

/// The folder of the toolchain.
pub(crate) fn sysroot(folder: &Path) -> Result<PathBuf> {
    let printed = output(rustc(folder).args(["--print", "sysroot"]))
        .context("asking rustc where it is installed")?;
    Ok(printed.trim().into())
}

/// What the toolchain builds for when it is not told, for example `x86_64-unknown-linux-gnu`.
pub(crate) fn host(folder: &Path) -> Result<String> {
    let printed = output(rustc(folder).args(["--print", "host-tuple"]))
        .context("asking rustc for what machine it builds")?;
    Ok(printed.trim().to_owned())
}

/// Major and minor number of a version as `rustc --version` or a manifest states it.
pub(crate) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let version = version.trim().trim_start_matches("rustc ");
    let mut numbers = version.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::major_minor;

    #[test]
    fn compiler_versions_are_read() {
        assert_eq!(major_minor("rustc 1.95.0 (59807616e 2026-04-14)\n"), Some((1, 95)));
        assert_eq!(major_minor("1.96"), Some((1, 96)));
        assert_eq!(major_minor("nightly"), None);
    }
}
