//! The program that puts an authority into the store of a browser's home, for the tests over TLS.

use std::{env, path::PathBuf};

use anyhow::{Context, Result, bail};

use super::debian;
use crate::command::find;

/// Finds `certutil` of NSS, or installs Debian's. The variable `CERTUTIL` names another one.
pub(crate) fn provide() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CERTUTIL").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("CERTUTIL names {}, which is not a program: correct or unset it", path.display());
    }
    if let Some(path) = find("certutil") {
        return Ok(path);
    }
    debian::install(&["libnss3-tools"], "have a browser trust an authority of the tests")?;
    find("certutil").context("certutil is not on the PATH although libnss3-tools is installed")
}
