//! What the tasks need beyond cargo, found on the machine or installed.
//!
//! Packages of pip and npm and programs built by cargo go to ignored folders of the work tree.
//! Programs that only the system's package manager can bring are installed on Debian when the task
//! runs as root; else the task stops and names the command.

pub(crate) mod cargo_deny;
pub(crate) mod certutil;
pub(crate) mod chromium;
pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod peers;
pub(crate) mod python;
pub(crate) mod wasm_target;

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Whether `installed` is a copy of `wanted`, the file that says what to install.
///
/// Compared by content, not by age: a fresh clone and a switch of branches both change the ages.
pub(crate) fn is_current(wanted: &Path, installed: &Path) -> Result<bool> {
    let wanted = fs::read(wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    Ok(fs::read(installed).is_ok_and(|installed| installed == wanted))
}

/// Notes that what `wanted` says is installed.
pub(crate) fn mark_current(wanted: &Path, installed: &Path) -> Result<()> {
    fs::copy(wanted, installed).with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_current_until_what_is_wanted_changes() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("chatloom-xtask-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (wanted, installed) = (folder.join("wanted"), folder.join("installed"));
        fs::write(&wanted, "one")?;
        assert!(!is_current(&wanted, &installed)?);
        mark_current(&wanted, &installed)?;
        assert!(is_current(&wanted, &installed)?);
        fs::write(&wanted, "two")?;
        assert!(!is_current(&wanted, &installed)?);
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
