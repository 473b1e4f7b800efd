use std::error::Error as _;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{Error, Order, Walk};
use keywalk_sqlite::{Query, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::guarded::Guarded;

/// SQL that a stranger wrote, and how it is to be walked.
pub(super) struct Trial<'a> {
    guarded: &'a Guarded,
    sql: String,
    params: Vec<i64>,
    table: &'static str,
    order: Order,
    chunk_size: usize,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        guarded: &'a Guarded,
        sql: String,
        input: &mut Unstructured<'_>,
    ) -> arbitrary::Result<Self> {
        // What is short of bytes is 0.
        let how = u8::arbitrary(input)?;
        let first = i64::from(i8::arbitrary(input)?);
        Ok(Trial {
            guarded,
            sql,
            params: vec![first, 1, 0, 2, -1],
            table: if how & 2 == 0 { "t" } else { "long" },
            order: match how & 1 {
                0 => Order::Ascending,
                _ => Order::Descending,
            },
            chunk_size: usize::from(how >> 2) + 1,
        })
    }

    /// As many values as `sql` has parameters.
    fn params(&self, sql: &str) -> Vec<i64> {
        let count = match self.guarded.db.prepare(sql) {
            Ok(statement) => statement.parameter_count(),
            Err(_) => 0,
        };
        self.params.iter().copied().cycle().take(count).collect()
    }

    fn direction(&self) -> &'static str {
        match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        }
    }

    pub(super) fn filter(&self) {
        let Trial { sql, table, .. } = self;
        let params = self.params(&format!("SELECT ({sql}\n) FROM {table}"));
        let walk = Table::new(&self.guarded.db, *table)
            .filter(sql.as_str(), params_from_iter(&params))
            .and_then(|table| table.key::<i64>(["id"]));
        let walk = match walk {
            Ok(table) => Walk::new(table.map(|row| Ok(vec![row.get::<_, Value>("id")?]))),
            Err(error) => return is_clear(&error),
        };
        let walk = walk.order(self.order).chunk_size(self.chunk_size);
        let plain = format!(
            "SELECT id FROM {table} WHERE ({sql}\n) ORDER BY id {}",
            self.direction()
        );
        self.compare(
            walk.into_iter().map(|item| item.map(|(_, row)| row)),
            &plain,
            &params,
        );
    }

    pub(super) fn query(&self) {
        let Trial { sql, .. } = self;
        let params = self.params(sql);
        let query = Query::new(&self.guarded.db, sql.as_str(), params_from_iter(&params))
            .and_then(|query| query.key::<i64>(["id"]));
        let walk = match query {
            Ok(query) => Walk::new(query)
                .order(self.order)
                .chunk_size(self.chunk_size),
            Err(error) => return is_clear(&error),
        };
        let plain = format!(
            "SELECT * FROM ({}\n) ORDER BY id COLLATE BINARY {}",
            sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace()),
            self.direction()
        );
        let rows = walk
            .into_iter()
            .map(|item| item.map(|(_, row)| row.into_values()));
        self.compare(rows, &plain, &params);
    }

    /// The walk's rows are those of the plain statement, or a beginning of them and an error.
    fn compare(
        &self,
        walked: impl Iterator<Item = Result<Vec<Value>, Error<keywalk_sqlite::Error>>>,
        plain: &str,
        params: &[i64],
    ) {
        let mut found = Vec::new();
        let mut failed = false;
        for item in walked {
            match item {
                Ok(row) => found.push(row),
                Err(Error::Source(error)) => {
                    is_clear(&error);
                    failed = true;
                }
                Err(error) => panic!("{error} by {:?}", self.sql),
            }
            if self.guarded.is_exhausted() {
                return;
            }
        }
        let Ok(mut expected) = rows(&self.guarded.db, plain, params) else {
            return;
        };
        if self.guarded.is_exhausted() {
            return;
        }
        if failed {
            assert!(found.len() <= expected.len(), "more rows by {:?}", self.sql);
            expected.truncate(found.len());
        }
        // By what is printed: a NaN is none, but 0.0 and -0.0 are two.
        assert_eq!(
            format!("{found:?}"),
            format!("{expected:?}"),
            "by {:?}",
            self.sql
        );
    }
}

fn rows(db: &Connection, sql: &str, params: &[i64]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = db.prepare(sql)?;
    assert!(statement.readonly(), "{sql:?} was taken");
    let width = statement.column_count();
    let rows = statement.query_map(params_from_iter(params), |row| {
        (0..width).map(|at| row.get(at)).collect()
    })?;
    rows.collect()
}

fn is_clear(error: &keywalk_sqlite::Error) {
    let cause = error.source().map(ToString::to_string);
    assert!(
        !error.to_string().is_empty() && cause != Some(String::new()),
        "{error:?}"
    );
}
