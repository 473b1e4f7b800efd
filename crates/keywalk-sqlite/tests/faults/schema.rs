//! A schema that is damaged while it is walked.

use rusqlite::ErrorCode;

use crate::trial::Trial;
use crate::world::World;

/// Another connection writes into the schema table what can't be read any more.
#[test]
fn a_malformed_schema_is_corrupt_until_it_is_mended() {
    let world = World::new("DELETE");
    let other = world.another();
    let get = "SELECT sql FROM sqlite_schema WHERE name = 't'";
    let sql: String = other.query_row(get, [], |row| row.get(0)).unwrap();
    other.execute_batch("PRAGMA writable_schema = ON").unwrap();
    let version = || -> i64 {
        let get = "PRAGMA schema_version";
        other.query_row(get, [], |row| row.get(0)).unwrap()
    };
    let set = |sql: &str| {
        let set = "UPDATE sqlite_schema SET sql = ?1 WHERE name = 't'";
        other.execute(set, [sql]).unwrap();
        // Who has read it before reads it again.
        let next = version() + 1;
        let set = format!("PRAGMA schema_version = {next}");
        other.execute_batch(&set).unwrap();
    };
    for trial in Trial::all() {
        trial.holds(
            &world.db,
            ErrorCode::DatabaseCorrupt,
            || set("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT"),
            || set(&sql),
        );
    }
}
