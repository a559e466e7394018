//! The tables, and how older ones become these.

use rusqlite::Connection;

use super::failed;
use crate::store::StoreError;

/// The steps from an empty database to the present schema. `PRAGMA user_version` counts the ones that
/// were done. A step that was released never changes; a change is another step.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
];

/// The present schema.
pub(super) const NEWEST: u32 = MIGRATIONS.len() as u32;

/// The database's schema, if this program knows it.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed("reading the schema's version"))?;
    if found > NEWEST { Err(StoreError::TooNew { found, known: NEWEST }) } else { Ok(found) }
}

/// Brings the database to the present schema.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let step = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", done as u32 + 1)?;
            transaction.commit()
        };
        step(connection).map_err(failed("changing the schema"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_is_migrating_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let version: u32 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, MIGRATIONS.len() as u32);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 1000, .. }), "{error}");
    }
}
