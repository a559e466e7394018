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
    include_str!("schema/0005.sql"),
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
    fn followers_of_an_earlier_release_get_their_endpoints() {
        let mut connection = Connection::open_in_memory().unwrap();
        for (done, migration) in MIGRATIONS[..4].iter().enumerate() {
            connection.execute_batch(migration).unwrap();
            connection.pragma_update(None, "user_version", done as u32 + 1).unwrap();
        }
        connection
            .execute_batch(
                r#"INSERT INTO chats (chat, id, version, state) VALUES
                   (1, 'a', 1, '{"followers":[
                       {"id":"01a208e7-52bf-74c9-ae1d-c86a11d482da",
                        "kind":{"Stream":{"endpoint":"arn:\"quoted\""}}},
                       {"id":"named","kind":{"Bot":{"name":"shop"}}}]}'),
                   (2, 'b', 1, '{}');
                   INSERT INTO followers (id, chat, place, due, failures) VALUES
                   (x'01a208e752bf74c9ae1dc86a11d482da', 1, 3, 700, 1),
                   ('named', 1, 4, 800, 0),
                   ('of a chat that knows nothing of it', 2, 5, 900, 0);"#,
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let mut rows = connection
            .prepare("SELECT endpoint, place, due, failures FROM followers ORDER BY place")
            .unwrap();
        let rows: Vec<(String, u32, u32, u32)> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let row = |endpoint: &str, place, due, failures| (endpoint.into(), place, due, failures);
        assert_eq!(
            rows,
            [
                row("stream arn:\"quoted\"", 3, 700, 1),
                row("bot shop", 4, 800, 0),
                row("", 5, 900, 0)
            ]
        );
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 1000, .. }), "{error}");
    }
}
