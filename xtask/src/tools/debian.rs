//! Packages of Debian and of the systems made from it.

use anyhow::{Context, Result, bail};

use crate::command::{find, new, output, run};

/// Installs packages, `why` completing the sentence "this is needed to ...".
///
/// # Errors
///
/// When the system has no `apt-get`, when this is not root (the error then holds the command to
/// run), or when the installation fails.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if find("apt-get").is_none() {
        bail!(
            "to {why}, install what Debian calls {names} by the means of this system, then run \
             this again"
        );
    }
    if !is_root()? {
        bail!(
            "to {why}, run this, then try again:\n\n    \
             sudo apt-get install --no-install-recommends {names}\n"
        );
    }
    println!("    to {why}, these packages are installed: {names}");
    if apt_get_install(packages).is_err() {
        // The lists of a fresh system are empty or name versions that the archive no longer has.
        run(new("apt-get").args(["-qq", "update"]))?;
        apt_get_install(packages).with_context(|| format!("cannot install {names}"))?;
    }
    Ok(())
}

/// The version of a package that an installation would bring, if the system's lists know one.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let policy = output(new("apt-cache").args(["policy", package])).ok()?;
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// Whether all these packages are installed.
pub(crate) fn installed(packages: &[&str]) -> bool {
    output(
        new("dpkg-query").args(["--show", "--showformat", "${db:Status-Status}\n"]).args(packages),
    )
    .is_ok_and(|statuses| statuses.lines().all(|status| status == "installed"))
}

fn apt_get_install(packages: &[&str]) -> Result<()> {
    run(new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "install", "--yes", "--no-install-recommends"])
        .args(packages))
}

fn is_root() -> Result<bool> {
    Ok(output(new("id").arg("-u"))?.trim() == "0")
}
