//! Chromium, for the tests in a real browser.

use std::{env, path::PathBuf};

use anyhow::{Result, bail};

use super::debian;
use crate::command::find;

/// Finds Chromium, or installs Debian's. The variable `CHROMIUM` names another one.
pub(crate) fn provide() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("CHROMIUM names {}, which is not a program: correct or unset it", path.display());
    }
    if let Some(path) = installed() {
        return Ok(path);
    }
    debian::install(&["chromium"], "run the tests in a browser")?;
    match installed() {
        Some(path) => Ok(path),
        None => bail!(
            "chromium is not on the PATH although it is installed: name its program in CHROMIUM"
        ),
    }
}

fn installed() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
        .into_iter()
        .find_map(find)
}
