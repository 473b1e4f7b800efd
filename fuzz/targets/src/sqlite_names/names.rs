use arbitrary::{Arbitrary, Unstructured};
use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::Connection;

use super::text;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table, a column and a schema of these names: found by them, and by no other.
pub(super) fn try_names(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let chunk_size = usize::from(u8::arbitrary(input)? % 4) + 1;
    let (table, column) = (text::raw(input)?, text::raw(input)?);
    let (schema, other) = (text::raw(input)?, text::raw(input)?);
    let db = Connection::open_in_memory().expect("a database in memory opens");
    let is_attached =
        !schema.contains('\0') && db.execute("ATTACH ':memory:' AS ?1", [&schema]).is_ok();
    let place = if is_attached { &schema } else { "main" };
    let made = format!(
        "CREATE TABLE {}.{} (n INTEGER, {} INTEGER NOT NULL UNIQUE)",
        quoted(place),
        quoted(&table),
        quoted(&column)
    );
    // Not all names are allowed, and SQL ends at a NUL.
    let is_made = !made.contains('\0') && db.execute(&made, []).is_ok();
    if is_made {
        let insert = format!(
            "INSERT INTO {}.{} VALUES (3, 30), (1, 10), (2, 20)",
            quoted(place),
            quoted(&table)
        );
        db.execute(&insert, []).expect("the table is there");
    }
    let tables = count(&db, place);
    let changes = db.total_changes();
    for schema in [Some(place), None] {
        let found = walk(&db, schema, &table, &column, chunk_size);
        match found {
            Ok(numbers) => assert!(is_made && numbers == [1, 2, 3], "{numbers:?} of {made}"),
            Err(kind) => assert!(!is_made, "{kind:?} by {made}"),
        }
    }
    for (schema, table, column, given) in [
        (
            Some(place),
            other.as_str(),
            column.as_str(),
            (&other, &table),
        ),
        (Some(place), &table, &other, (&other, &column)),
        (Some(&other), &table, &column, (&other, &place.to_owned())),
    ] {
        if !given.0.eq_ignore_ascii_case(given.1)
            && let Ok(numbers) = walk(&db, schema, table, column, chunk_size)
        {
            // The second column, or the rowid.
            let is_column = ["n", "rowid", "oid", "_rowid_"]
                .iter()
                .any(|name| other.eq_ignore_ascii_case(name));
            assert!(
                is_column && is_made,
                "{numbers:?} by {other:?} instead, {made}"
            );
        }
    }
    assert_eq!(
        (count(&db, place), db.total_changes()),
        (tables, changes),
        "{made}"
    );
    Ok(())
}

fn count(db: &Connection, schema: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {}.sqlite_schema", quoted(schema));
    let count = db.query_row(&sql, [], |row| row.get(0));
    count.expect("every schema has one")
}

fn walk(
    db: &Connection,
    schema: Option<&str>,
    table: &str,
    column: &str,
    chunk_size: usize,
) -> Result<Vec<i64>, ErrorKind> {
    let walked = Table::new(db, table);
    let walked = match schema {
        Some(schema) => walked.schema(schema),
        None => walked,
    };
    let walked = walked.key::<i64>([column]).map_err(|error| error.kind())?;
    let walked = walked
        .columns(["n", column])
        .map(|row| row.get::<_, i64>("n"));
    let items = Walk::new(walked).chunk_size(chunk_size).into_iter();
    items
        .map(|item| match item {
            Ok((_, n)) => Ok(n),
            Err(keywalk::Error::Source(error)) => Err(error.kind()),
            Err(error) => panic!("{error}"),
        })
        .collect()
}
