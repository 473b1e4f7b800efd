use arbitrary::{Arbitrary, Unstructured};
use rusqlite::Connection;

use super::stored::Stored;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// How a key column is declared.
#[derive(Arbitrary, Clone, Copy)]
struct Column {
    declared: u8,
    collation: u8,
    nullable: bool,
    descending: bool,
}

impl Column {
    fn declared(self) -> String {
        let types: Vec<&str> = "INTEGER,TEXT,BLOB,REAL,NUMERIC,,INT,VARCHAR(9)"
            .split(',')
            .collect();
        let collations = ["", "", "COLLATE NOCASE", "COLLATE RTRIM"];
        format!(
            "{} {} {}",
            types[usize::from(self.declared) % types.len()],
            collations[usize::from(self.collation) % collations.len()],
            if self.nullable { "" } else { "NOT NULL" }
        )
    }
}

/// A table `t` with a number `n` for each row, and a key of columns `a`, `b`, `c`.
pub(super) struct Kept {
    pub(super) db: Connection,
    pub(super) names: &'static [&'static str],
    declared: Vec<&'static str>,
}

impl Kept {
    /// `None` if SQLite refuses the table.
    pub(super) fn new(
        input: &mut Unstructured<'_>,
        columns: usize,
    ) -> arbitrary::Result<Option<Self>> {
        let names = &NAMES[..columns];
        let mut lines = vec!["n INT".to_owned()];
        let mut declared = Vec::new();
        let mut key = Vec::new();
        for name in names {
            let column = Column::arbitrary(input)?;
            let direction = if column.descending { "DESC" } else { "ASC" };
            lines.push(format!("{name} {}", column.declared()));
            key.push(format!("{name} {direction}"));
            declared.push(direction);
        }
        let (kept, end) = match u8::arbitrary(input)? % 3 {
            0 => ("PRIMARY KEY", ""),
            1 => ("UNIQUE", ""),
            _ => ("PRIMARY KEY", "WITHOUT ROWID"),
        };
        lines.push(format!("{kept} ({})", key.join(", ")));
        let db = Connection::open_in_memory().expect("a database in memory opens");
        let sql = format!("CREATE TABLE t ({}) {end}", lines.join(", "));
        if db.execute_batch(&sql).is_err() {
            return Ok(None);
        }
        let kept = Kept {
            db,
            names,
            declared,
        };
        kept.fill(input)?;
        Ok(Some(kept))
    }

    fn fill(&self, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let marks = ", ?".repeat(self.names.len());
        let insert = format!("INSERT OR IGNORE INTO t VALUES (?{marks})");
        let mut statement = self.db.prepare(&insert).expect("the table is there");
        for n in 0..u8::arbitrary(input)? % 24 {
            statement.raw_bind_parameter(1, n).expect("it has one");
            for at in 0..self.names.len() {
                let value = Stored::arbitrary(input)?;
                let bound = statement.raw_bind_parameter(at + 2, value);
                bound.expect("it has one");
            }
            // A value may be none for a column: a text in a rowid.
            let _ = statement.raw_execute();
        }
        Ok(())
    }

    /// Those of the key as it is kept, which an `AnyKey` follows.
    pub(super) fn directions(&self) -> Vec<&'static str> {
        let sql = "SELECT count(*) FROM pragma_index_list('t')";
        let indexes: i64 = self
            .db
            .query_row(sql, [], |row| row.get(0))
            .expect("the table is there");
        match indexes {
            // The rowid.
            0 => vec!["ASC"],
            _ => self.declared.clone(),
        }
    }

    /// The rows in the order of the key: their numbers, and whether their keys are of the type.
    pub(super) fn rows(
        &self,
        directions: &[&str],
        is_key: fn(&rusqlite::Row<'_>) -> bool,
    ) -> Vec<(i64, bool)> {
        let terms = self.names.iter().zip(directions);
        let order: Vec<String> = terms
            .map(|(name, direction)| format!("{name} {direction}"))
            .collect();
        let names = self.names.join(", ");
        let sql = format!("SELECT {names}, n FROM t ORDER BY {}", order.join(", "));
        let mut statement = self.db.prepare(&sql).expect("a plain query");
        let rows = statement.query_map([], |row| Ok((row.get("n")?, is_key(row))));
        rows.expect("it runs")
            .collect::<Result<_, _>>()
            .expect("numbers")
    }
}
