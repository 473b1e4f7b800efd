use keywalk_examples::quoted;
use keywalk_sqlite::{AnyKey, Row};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::purge::OldRows;

/// Deletes the rows of a chunk, inside of its transaction.
///
/// Where the key is an integer, by one statement over the range from the chunk's first key to its last: a row
/// then takes three quarters of what it takes by a statement of its own. The rows between those keys that the
/// condition isn't true of stay, and are looked at once more. Nobody else writes meanwhile, so it finds the
/// rows that the chunk has (and those that became old in this moment, where the condition asks for the time).
///
/// Other keys go row by row: ranges of composite keys, of mixed directions and of texts under a collation
/// are easily written wrong, or so that no index serves them.
pub(crate) struct Deletion {
    by_range: String,
    by_row: String,
}

impl Deletion {
    pub(crate) fn new(old: &OldRows, key: &[String]) -> Self {
        let table = quoted(&old.table);
        let is_key: Vec<String> = (1..)
            .zip(key)
            .map(|(number, column)| format!("{} = ?{number}", quoted(column)))
            .collect();
        Deletion {
            // The plus keeps SQLite from searching an index by the condition, and all old rows for each
            // chunk. The bracket on a line of its own: the condition may end in a comment.
            by_range: format!(
                "DELETE FROM {table} WHERE {} BETWEEN ?1 AND ?2 AND +({}\n)",
                key.first()
                    .map_or_else(String::new, |column| quoted(column)),
                old.condition
            ),
            by_row: format!("DELETE FROM {table} WHERE {}", is_key.join(" AND ")),
        }
    }

    /// Answers how many rows were there.
    pub(crate) fn run(&self, db: &Connection, rows: &[(AnyKey, Row)]) -> rusqlite::Result<usize> {
        let end = |row: Option<&(AnyKey, Row)>| row.and_then(|(key, _)| integer(key));
        if let (Some(first), Some(last)) = (end(rows.first()), end(rows.last())) {
            let mut delete = db.prepare_cached(&self.by_range)?;
            // The key's own order may be descending.
            return delete.execute([first.min(last), first.max(last)]);
        }
        let mut delete = db.prepare_cached(&self.by_row)?;
        rows.iter().try_fold(0, |deleted, (key, _)| {
            Ok(deleted + delete.execute(params_from_iter(key.values()))?)
        })
    }
}

/// The key, if it is one integer.
fn integer(key: &AnyKey) -> Option<i64> {
    match key.values() {
        [Value::Integer(integer)] => Some(*integer),
        _ => None,
    }
}
