use rusqlite::Connection;

use crate::connect::{Connect, lend};
use crate::known::Known;
use crate::relation::Relation;
use crate::value::bind;
use crate::{Error, Key, Query, Table};

impl<C: Connect, K: Key, D> Table<C, K, D> {
    /// How many rows there are to walk: all of the table that [`within`](Self::within) and
    /// [`filter`](Self::filter) let through, whatever the walk's range.
    ///
    /// For a progress bar. It reads them all, in O(rows) and in one go, and is out of date as soon as
    /// others write.
    ///
    /// ```
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY);
    /// #     INSERT INTO items VALUES (1), (2), (3)")?;
    /// assert_eq!(Table::new(&db, "items").filter("id > ?1", [1])?.count()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the schema doesn't prove the key, and SQLite's own.
    pub fn count(&self) -> Result<u64, Error> {
        self.known.count(&*lend(&self.db)?, |db| self.resolve(db))
    }
}

impl<C: Connect, K: Key, D> Query<C, K, D> {
    /// How many rows there are to walk: all of the query's, whatever the walk's range.
    ///
    /// For a progress bar. It runs the whole query, in one go, and is out of date as soon as others
    /// write.
    ///
    /// # Errors
    ///
    /// SQLite's own.
    pub fn count(&self) -> Result<u64, Error> {
        self.known.count(&*lend(&self.db)?, |db| self.resolve(db))
    }
}

impl Known {
    /// What a walk begins from isn't settled by counting: a job makes its tables after that.
    fn count(
        &self,
        db: &Connection,
        resolve: impl FnOnce(&Connection) -> Result<Relation, Error>,
    ) -> Result<u64, Error> {
        Ok(match &self.fetcher {
            Some(fetcher) => fetcher.relation().count(db)?,
            None => resolve(db)?.count(db)?,
        })
    }
}

impl Relation {
    fn count(&self, db: &Connection) -> Result<u64, Error> {
        let given = self.params.len();
        let fixed = self.fixed.iter().zip(given + 1..);
        let fixed = fixed.map(|(part, number)| format!("{} = +?{number}", part.expression));
        // The bracket on a line of its own: a filter may end in a comment.
        let filters = self.filters.iter().map(|filter| format!("({filter}\n)"));
        let terms: Vec<String> = fixed.chain(filters).collect();
        let mut sql = format!("SELECT count(*) FROM {}", self.from);
        if !terms.is_empty() {
            sql += " WHERE ";
            sql += &terms.join(" AND ");
        }
        let count = || {
            let mut statement = db.prepare(&sql)?;
            let params = (0..given).map(|at| self.params.value(at));
            let fixed = self.fixed.iter().map(|part| bind(&part.value));
            for (number, value) in (1..).zip(params.chain(fixed)) {
                statement.raw_bind_parameter(number, value)?;
            }
            let mut rows = statement.raw_query();
            match rows.next()? {
                Some(row) => row.get(0).map(i64::unsigned_abs),
                None => Ok(0),
            }
        };
        count().map_err(|source| self.failed(source))
    }
}
