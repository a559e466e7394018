//! Packages of Debian and of the systems made from it.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

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

/// Unpacks packages, and what they need that the system lacks, into a folder. Nothing of the system
/// changes and nothing is started, so this needs no root. What has a name that begins with one of
/// `always` is unpacked even if the system has it.
///
/// # Errors
///
/// When the system has no `apt-get`, or its lists do not know the packages.
pub(crate) fn unpack(packages: &[&str], always: &[&str], into: &Path, why: &str) -> Result<()> {
    ensure!(find("apt-get").is_some(), "to {why}, a Debian is needed");
    // On a system without any package, all would be installed.
    let simulated = output(
        new("apt-get")
            .args(["--simulate", "--option", "Dir::State::status=/dev/null"])
            .args(["install", "--no-install-recommends"])
            .args(packages),
    )
    .context("apt-get does not know the packages: `apt-get update`, as root, brings its lists")?;
    let wanted: Vec<String> = simulated
        .lines()
        .filter_map(planned)
        .filter(|(name, _)| {
            always.iter().any(|begin| name.starts_with(begin)) || !installed(&[name])
        })
        .map(|(name, version)| format!("{name}={version}"))
        .collect();
    let unpacked = into.join("packages.txt");
    let list = wanted.join("\n");
    if fs::read_to_string(&unpacked).is_ok_and(|unpacked| unpacked == list) {
        return Ok(());
    }
    if into.exists() {
        fs::remove_dir_all(into).with_context(|| format!("cannot remove {}", into.display()))?;
    }
    let downloads = into.join("downloads");
    fs::create_dir_all(&downloads)
        .with_context(|| format!("cannot make {}", downloads.display()))?;
    println!(
        "    to {why}, {} packages of Debian are unpacked in {}",
        wanted.len(),
        into.display()
    );
    run(new("apt-get").current_dir(&downloads).args(["-qq", "download"]).args(&wanted))?;
    let archives =
        fs::read_dir(&downloads).with_context(|| format!("cannot read {}", downloads.display()))?;
    for archive in archives.flatten() {
        output(new("dpkg-deb").arg("--extract").arg(archive.path()).arg(into))?;
    }
    fs::remove_dir_all(&downloads)
        .with_context(|| format!("cannot remove {}", downloads.display()))?;
    fs::write(&unpacked, list).with_context(|| format!("cannot write {}", unpacked.display()))
}

/// The package and version of a line such as `Inst prosody (0.12.3-1 Debian:12/stable [amd64])`.
fn planned(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    // The version that is there already may stand before it in brackets.
    let version = rest.split_once('(')?.1.split(' ').next()?;
    Some((name, version))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_installed_is_read() {
        let line = "Inst prosody (0.12.3-1+deb12u1 Debian:12.15/oldstable [amd64])";
        assert_eq!(planned(line), Some(("prosody", "0.12.3-1+deb12u1")));
        let upgrade = "Inst libc6 [2.36-9] (2.36-10 Debian:12.15/oldstable [amd64]) []";
        assert_eq!(planned(upgrade), Some(("libc6", "2.36-10")));
        assert_eq!(planned("Conf libc6 (2.36-10 Debian:12.15/oldstable [amd64])"), None);
    }
}
