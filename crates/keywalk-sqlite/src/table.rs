use rusqlite::ToSql;

use crate::connect::{Connect, lend};
use crate::decode::Rows;
use crate::error::Error;
use crate::key::{AnyKey, Key};
use crate::source::SqlSource;

mod spec;

pub use spec::TableSpec;

/// A table, walked by a key. Its items are `(key, row)`.
///
/// `C` is what lends a connection ([`Connect`]): one that is borrowed (`&Connection`), owned, shared or
/// boxed (`Connection`, `Rc<Connection>`), a pool's or a mutex's guard ([`Held`](crate::Held)), or a pool
/// ([`PerFetch`](crate::PerFetch)). A table that owns its connection is `Send` and
/// `'static`, and [`connection`](Self::connection) lends it out between two fetches. Inside a
/// transaction give `&*transaction`.
///
/// What it is walked by (`K`): its primary key as [`AnyKey`], or the columns and the type that
/// [`key`](Self::key) is told. What a row becomes (`D`): a [`Row`](crate::Row), or what
/// [`map`](Self::map), [`fill`](Self::fill) or [`decode`](Self::decode) make of it.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, deleted_at TEXT);
/// #     INSERT INTO items VALUES (-7, 'minus seven', NULL), (3, 'three', 'today')")?;
/// let items = Table::new(&db, "items")
///     .key::<i64>(["id"])?
///     .filter("deleted_at IS NULL", [])?
///     .map(|row| row.get::<_, String>("name"));
/// for item in Walk::new(items) {
///     let (id, name) = item?;
///     db.execute("UPDATE items SET name = upper(?2) WHERE id = ?1", (id, name))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Proven before the first row
///
/// The table and its columns exist; the key is unique by the schema and holds no NULL (a primary key of
/// one column that isn't declared NOT NULL is let pass, unless it is walked as
/// [`Collated`](crate::Collated), or as [`AnyKey`] under another collation than BINARY: a NULL in it is an
/// error when the walk comes to it); and for every statement of the walk `EXPLAIN QUERY PLAN` shows a
/// search by the whole key on an index, and no sorting. Each failing is an [`Error`] of its own
/// [kind](crate::ErrorKind). [`key`](Self::key) proves the schema's part at once, the first fetch the rest.
///
/// # Cost
///
/// A fetch costs about 3 us and, for each row, what a cursor costs. Where the key isn't how the
/// table is stored (a secondary index on a rowid table, in no order of the rows), each row is a jump:
/// 7 to 8 times as much, for any method.
pub type Table<C, K = AnyKey, D = Rows> = SqlSource<C, TableSpec, K, D>;

impl<C: Connect> Table<C> {
    /// The table of that name, by its primary key, with all its columns.
    ///
    /// The name is a name and never SQL: `weird "name"` is just that. It is looked up where SQLite
    /// looks: `temp`, `main`, the attached databases; [`schema`](Self::schema) names one. Nothing is
    /// read yet: a name that isn't there is an error of [`key`](Self::key), or of the first fetch.
    pub fn new(db: C, table: impl Into<String>) -> Self {
        SqlSource::unresolved(db, TableSpec::new(table.into()), Rows::default())
    }
}

impl<C: Connect, D> Table<C, AnyKey, D> {
    /// A key of this table, for a [range](keywalk::Walk::range): a value for each column of the key;
    /// several of different types by `rusqlite::params!["x", 1]`.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")?;
    /// let items = Table::new(&db, "items");
    /// let start = items.any_key([100])?;
    /// let from_100_on = Walk::new(items).range(start..);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the table's key can't be proven, if there is another number of values than columns, or if
    /// one is NULL or doesn't convert.
    pub fn any_key(&self, values: impl IntoIterator<Item = impl ToSql>) -> Result<AnyKey, Error> {
        self.spec.any_key(&*lend(&self.db)?, values)
    }
}

impl<C: Connect, K: Key, D> Table<C, K, D> {
    /// Looks for the table in this schema only: `main`, `temp` or an attached database. Default: where
    /// SQLite looks.
    ///
    /// ```
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// db.execute("ATTACH ':memory:' AS archive", [])?;
    /// # db.execute_batch("CREATE TABLE archive.items (id INTEGER PRIMARY KEY)")?;
    /// let items = Table::new(&db, "items").schema("archive").key::<i64>(["id"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.spec.schema = Some(schema.into());
        self.respecified()
    }

    /// Walks only the rows where a leading column of the key's index has this value, by the rest of
    /// the key: `within("tenant", 5)` and then `key(["id"])` for a primary key `(tenant, id)`.
    ///
    /// May be called for several columns, and must be before [`key`](Self::key). This is the fast
    /// way: as a filter the condition would not use the index together with the key.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE orders (tenant INT, id INT, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
    /// #     INSERT INTO orders VALUES (5, 1), (6, 1), (6, 2)")?;
    /// let of_six = Table::new(&db, "orders").within("tenant", 6)?.key::<i64>(["id"])?;
    /// assert_eq!(Walk::new(of_six).into_iter().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such column, if it was fixed already or is part of the key that was named, or if the
    /// value is NULL, which equals nothing, or doesn't convert.
    pub fn within(mut self, column: impl Into<String>, value: impl ToSql) -> Result<Self, Error> {
        self.spec.fix(&*lend(&self.db)?, &column.into(), value)?;
        Ok(self.respecified())
    }

    /// Walks only the rows for which this SQL expression is true. It may have parameters of its own,
    /// numbered, named or plain, given as rusqlite takes them, and as many as SQLite takes (32,766) less the
    /// few of the walk itself.
    ///
    /// It never costs the search by the key. Of conditions that AND joins, those that an index serves
    /// together with the key are searched by; for the others rows are read and dropped, and a fetch
    /// ends after a stretch of them (512, or the chunk size if that's larger), so a filter that
    /// matches nothing makes for many short fetches, not a long one.
    ///
    /// A range of keys is better said with [`Walk::range`](keywalk::Walk::range), a fixed leading
    /// column with [`within`](Self::within).
    ///
    /// What stands in double quotes is a name here, never a string, as it would be to SQLite where there
    /// is no such column.
    ///
    /// The expression is SQL: never build it from what a stranger sent. It can't end the condition
    /// that it stands in, and its values go in as parameters.
    ///
    /// ```
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL)")?;
    /// let dear = Table::new(&db, "items").filter("price > ?1 AND name <> 'test'", [100.0])?;
    /// let named = Table::new(&db, "items").filter("name LIKE :start", &[(":start", "a%")])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it isn't an expression over the table's columns, if the parameters don't fit, or if there is
    /// a filter already.
    pub fn filter(
        mut self,
        condition: impl Into<String>,
        params: impl rusqlite::Params,
    ) -> Result<Self, Error> {
        self.spec
            .filter(&*lend(&self.db)?, condition.into(), params)?;
        Ok(self.respecified())
    }

    /// Reads only these columns, in this order; default: all of the table's, generated ones too. The key is
    /// read in any case.
    ///
    /// Fewer columns are faster, large ones most of all. One that isn't there is an error of the first fetch.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.spec.columns = Some(columns.into_iter().map(Into::into).collect());
        self.respecified()
    }
}
