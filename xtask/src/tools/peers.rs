//! Other chat servers, for benchmarks beside them: Debian's ejabberd and Prosody, and the Postgres that
//! ejabberd keeps its archive in.

use std::path::PathBuf;

use anyhow::Result;

use super::debian;
use crate::repository::Repository;

const PACKAGES: [&str; 5] = ["ejabberd", "erlang-p1-pgsql", "lua5.4", "prosody", "postgresql"];

/// What is unpacked even where the system has it: programs that look for each other.
const TOGETHER: [&str; 4] = ["ejabberd", "erlang-", "lua", "prosody"];

/// The folder that they are unpacked in.
pub(crate) fn provide(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.target("tools/peers");
    debian::unpack(&PACKAGES, &TOGETHER, &folder, "measure beside other chat servers")?;
    Ok(folder)
}
