//! What SQLite's statistics keep it from.

use rusqlite::Connection;

use crate::name::Quoted;
use crate::relation::{Relation, Said};

impl Relation {
    /// An index of the table, or of any that a query may read, which the statistics call unordered: SQLite
    /// then uses it for equality alone (<https://www.sqlite.org/fileformat2.html#stat1tab>).
    pub(crate) fn unordered_index(&self, db: &Connection) -> Option<String> {
        let table = match &self.said {
            Said::Table { table, .. } => Some(table),
            Said::Query(_) => None,
        };
        self.stamp.schemas().find_map(|schema| {
            let sql = format!(
                "SELECT idx FROM {}.sqlite_stat1
                 WHERE idx IS NOT NULL AND stat LIKE '% unordered%' AND tbl = coalesce(?1, tbl)",
                Quoted(schema)
            );
            // Where there are no statistics there is no such table.
            db.query_row(&sql, [table], |row| row.get(0)).ok()
        })
    }
}
