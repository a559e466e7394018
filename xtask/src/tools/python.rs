//! Python, for the tests with the official Python client.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{debian, is_current, mark_current};
use crate::{
    command::{find, new, output, run},
    repository::Repository,
};

/// What the tests with Python need, with exact versions.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// Makes a virtual environment with the test requirements, unless it is there; gives its
/// interpreter.
pub(crate) fn provide(repository: &Repository) -> Result<PathBuf> {
    let requirements = repository.path(REQUIREMENTS);
    let folder = repository.tools("venv");
    let interpreter = folder.join("bin/python");
    let installed = folder.join("installed-requirements.txt");
    if interpreter.is_file() && is_current(&requirements, &installed)? {
        return Ok(interpreter);
    }
    let python = with_venv()?;
    run(new(&python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let install = "-m pip install --quiet --disable-pip-version-check --no-input --requirement";
    run(new(&interpreter).args(install.split_whitespace()).arg(&requirements))?;
    mark_current(&requirements, &installed)?;
    Ok(interpreter)
}

/// A Python 3 that can make virtual environments.
fn with_venv() -> Result<PathBuf> {
    if let Some(python) = find("python3").filter(|python| makes_venvs(python)) {
        return Ok(python);
    }
    debian::install(&["python3", "python3-venv"], "run the tests with the official Python client")?;
    let installed =
        [PathBuf::from("/usr/bin/python3"), find("python3").context("python3 is not on the PATH")?];
    match installed.into_iter().find(|python| makes_venvs(python)) {
        Some(python) => Ok(python),
        None => {
            bail!("python3 cannot make virtual environments although python3-venv is installed")
        }
    }
}

/// Debian ships `venv` without the `ensurepip` that it needs, in a package of its own.
fn makes_venvs(python: &Path) -> bool {
    output(new(python).args(["-c", "import venv, ensurepip"])).is_ok()
}
