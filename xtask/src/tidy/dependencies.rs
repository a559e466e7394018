//! Which crate may depend on what.
//!
//! The crates without I/O stay so only if nothing in their dependency tree does any. The compiler
//! cannot say that; the tree can.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::Finding;
use crate::{
    command::{cargo, output},
    repository::{Package, Repository},
};

/// What one of our crates may depend on.
struct Rule {
    package: &'static str,
    /// All that its manifest may name as a normal or build dependency; empty where that is open.
    only: &'static [&'static str],
    /// What must not be in its dependency tree, however deep.
    never: &'static [&'static [&'static str]],
    because: &'static str,
}

/// What opens sockets, speaks HTTP or runs tasks.
const NETWORK: &[&str] = &[
    "async-std",
    "axum",
    "http",
    "hyper",
    "mio",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-tungstenite",
    "tower",
    "tungstenite",
];
/// What reads the clock or the system's randomness.
const AMBIENT: &[&str] =
    &["chrono", "fastrand", "getrandom", "instant", "jiff", "rand", "time", "web-time"];
/// What stores.
const STORAGE: &[&str] = &["libsqlite3-sys", "object_store", "rusqlite", "sqlx", "tokio-postgres"];
/// What generates bindings for wasm instead of plain exports.
const BINDINGS: &[&str] = &["js-sys", "wasm-bindgen", "web-sys"];

const RULES: [Rule; 5] = [
    Rule {
        package: "chatloom-wire",
        only: &["serde", "serde_json", "thiserror"],
        never: &[NETWORK, AMBIENT, STORAGE, BINDINGS],
        because: "the wire types know no HTTP library, no clock and no store",
    },
    Rule {
        package: "chatloom-session",
        only: &["chatloom-wire", "serde", "serde_json", "thiserror"],
        never: &[NETWORK, AMBIENT, STORAGE, BINDINGS, &["chatloom", "chatloom-engine"]],
        because: "the session core knows no driver, and the same inputs give the same outputs",
    },
    Rule {
        package: "chatloom-engine",
        only: &[],
        never: &[NETWORK, AMBIENT, STORAGE, BINDINGS, &["chatloom-session", "chatloom-server"]],
        because: "the server's rules know no HTTP library, no store, no clock and no tasks",
    },
    Rule {
        package: "chatloom-wasm",
        only: &["chatloom-session", "chatloom-wire", "serde", "serde_json"],
        never: &[NETWORK, AMBIENT, STORAGE, BINDINGS],
        because: "every byte of it is downloaded, and the host does all I/O",
    },
    Rule {
        package: "chatloom",
        only: &[],
        never: &[STORAGE, &["axum", "chatloom-engine", "chatloom-server"]],
        because: "the client library brings nothing that only a server needs",
    },
];

/// Checks every rule against the manifests and the resolved tree, and that all manifests agree.
pub(super) fn check(repository: &Repository) -> Result<Vec<Finding>> {
    let packages = repository.packages();
    let mut findings = one_compiler(packages);
    for rule in &RULES {
        let package = packages.iter().find(|package| package.name == rule.package);
        let package = package.with_context(|| {
            format!("there is a dependency rule for {}, which is no package", rule.package)
        })?;
        findings.extend(direct(rule, package));
        let tree = format!(
            "tree --locked --package {} --all-features --target all \
             --edges normal,build,no-proc-macro --prefix none --format {{p}}",
            rule.package
        );
        let tree = output(&mut cargo(repository.root(), &tree))?;
        findings.extend(indirect(rule, &names(&tree)));
    }
    Ok(findings)
}

/// All members state the same oldest compiler: a user of one gets the others with it.
fn one_compiler(packages: &[Package]) -> Vec<Finding> {
    let stated = packages.first().and_then(|package| package.rust_version.as_deref());
    packages
        .iter()
        .filter(|package| {
            package.rust_version.is_none() || package.rust_version.as_deref() != stated
        })
        .map(|package| {
            Finding::new(
                &package.name,
                0,
                "states another `rust-version` than the rest: use `rust-version.workspace = true`",
            )
        })
        .collect()
}

fn direct(rule: &Rule, package: &Package) -> Vec<Finding> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter(|dependency| {
            !rule.only.is_empty() && !rule.only.contains(&dependency.name.as_str())
        })
        .map(|dependency| {
            Finding::new(
                rule.package,
                0,
                format!(
                    "depends on {}, but {}: it may name only {}",
                    dependency.name,
                    rule.because,
                    rule.only.join(", ")
                ),
            )
        })
        .collect()
}

fn indirect(rule: &Rule, tree: &BTreeSet<&str>) -> Vec<Finding> {
    rule.never
        .iter()
        .copied()
        .flatten()
        .filter(|never| tree.contains(*never))
        .map(|never| {
            Finding::new(
                rule.package,
                0,
                format!(
                    "{never} is in its dependency tree, but {}: `cargo tree -p {} -i {never}` \
                     shows the way there",
                    rule.because, rule.package
                ),
            )
        })
        .collect()
}

/// The names of the packages that `cargo tree` printed one a line, as `name v1.2.3 (path) (*)`.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Dependency;

    const RULE: Rule = Rule {
        package: "core",
        only: &["serde"],
        never: &[&["tokio", "mio"]],
        because: "it does no I/O",
    };

    fn package(name: &str, rust_version: Option<&str>, dependencies: &[(&str, &str)]) -> Package {
        Package {
            name: name.to_owned(),
            rust_version: rust_version.map(str::to_owned),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: Some((*kind).to_owned()).filter(|kind| !kind.is_empty()),
                })
                .collect(),
        }
    }

    #[test]
    fn a_manifest_may_name_what_the_rule_lists_and_anything_for_tests() {
        let good = package("core", None, &[("serde", ""), ("tokio", "dev")]);
        assert_eq!(direct(&RULE, &good), []);
        let bad = package("core", None, &[("serde", ""), ("libc", ""), ("cc", "build")]);
        let places: Vec<String> =
            direct(&RULE, &bad).iter().map(|finding| finding.what.clone()).collect();
        assert_eq!(places.len(), 2);
        assert_eq!(places[0], "depends on libc, but it does no I/O: it may name only serde");
    }

    #[test]
    fn a_forbidden_package_is_found_however_deep_and_not_by_a_part_of_its_name() {
        let tree = "core v0.1.0 (/somewhere/core)\nserde v1.0.228\ntokio-like v1.0.0\n";
        assert_eq!(indirect(&RULE, &names(tree)), []);
        let tree = format!("{tree}mio v1.2.0\nserde v1.0.228 (*)\n");
        let findings = indirect(&RULE, &names(&tree));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.starts_with("mio is in its dependency tree"), "{findings:?}");
    }

    #[test]
    fn members_that_state_another_compiler_or_none_are_named() {
        let packages = [
            package("one", Some("1.95"), &[]),
            package("two", Some("1.96"), &[]),
            package("three", None, &[]),
        ];
        let places: Vec<String> =
            one_compiler(&packages).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["two", "three"]);
    }
}
