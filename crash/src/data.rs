//! The data of a server that is dead, as a newcomer would look at them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::{
    api::hex,
    broken::{Rule, hold},
};

/// Name of the database in a data folder.
pub(crate) const DATABASE: &str = "chatloom.db";

/// Copies the database with its log as the kill left them: to open the original would mend it, which
/// the server has to do.
pub(crate) fn copy_database(data: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir(to)?;
    for end in ["", "-wal"] {
        let name = format!("{DATABASE}{end}");
        if data.join(&name).exists() {
            fs::copy(data.join(&name), to.join(&name))
                .with_context(|| format!("copying {name}"))?;
        }
    }
    Ok(to.join(DATABASE))
}

/// Looks at every page, index and key of a database that nobody has open.
pub(crate) fn database_is_sound(path: &Path) -> Result<()> {
    let look = || -> rusqlite::Result<(String, u64)> {
        let connection = Connection::open(path)?;
        let verdict = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        let mut broken = connection.prepare("PRAGMA foreign_key_check")?;
        let broken = broken.query_map([], |_| Ok(()))?.count() as u64;
        Ok((verdict, broken))
    };
    let found = look();
    hold(Rule::Database, matches!(&found, Ok((verdict, 0)) if verdict == "ok"), || {
        format!("{found:?}")
    })
}

/// The files of participants that are whole: what is not has no name yet.
pub(crate) fn files(data: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![data.join("files")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if !path.is_dir() {
                files.push(path);
            } else if !path.ends_with("incoming") {
                folders.push(path);
            }
        }
    }
    Ok(files)
}

/// Every file that has its name has the bytes that the name stands for.
pub(crate) fn files_are_whole(data: &Path) -> Result<()> {
    for path in files(data)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let hash = hex(&Sha256::digest(fs::read(&path)?));
        hold(Rule::Files, name.as_deref() == Some(&*hash), || {
            format!("{} has the hash {hash}", path.display())
        })?;
    }
    Ok(())
}
