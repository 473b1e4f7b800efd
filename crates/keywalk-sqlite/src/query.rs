use std::fmt;
use std::sync::Arc;

use keywalk::Order;
use keywalk_sql::{Definition, Dialect, Quoted, without_end};
use rusqlite::{Connection, Statement};

use crate::connect::{Connect, lend};
use crate::decode::Rows;
use crate::error::{Error, ErrorKind, has_too_many_parameters, is_of_store};
use crate::key::{ColumnLayout, Layout, TextOrder};
use crate::relation::{KeyPart, OwnColumn, Relation};
use crate::schema::{self, Affinity, SchemaVersion};
use crate::source::{Spec, SqlSource};
use crate::sql::{Params, has_parameter_zero, has_values, same};
use crate::table::check_names;

/// A SELECT, walked by a key that is unique in its result. Its items are `(key, row)`.
///
/// Use it where a [`Table`](crate::Table) isn't enough: joins, views, several tables as one, computed columns, full-text
/// search. The query becomes a subselect of the walk's statements, so it must not have an ORDER BY or LIMIT of its own.
/// SQLite pushes the search by the key down into it.
///
/// `C` lends a connection, as for a table. `K` is the key's type: a query can be walked only after [`key`](Self::key)
/// has set it. `D` decodes a row.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::Query;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, sum REAL);
/// #     CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
/// #     INSERT INTO users VALUES (1, 'Ada'); INSERT INTO orders VALUES (10, 1, 9.5), (11, 1, 0.5)")?;
/// let sql = "SELECT o.id, o.sum, u.name FROM orders o JOIN users u ON u.id = o.user WHERE o.sum > ?1";
/// let orders = Query::new(&db, sql, [1.0])?
///     .key::<i64>(["id"])?
///     .map(|row| Ok((row.get::<_, String>("name")?, row.get::<_, f64>("sum")?)));
/// for item in Walk::new(orders) {
///     let (id, (name, sum)) = item?;
///     println!("order {id} of {name}: {sum}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is proven, and what is checked
///
/// The plan is proven as for a table: a search by the whole key, with nothing sorted, grouped or materialized first.
/// If SQLite would choose another plan because of its statistics, the walk forces the table order and the index. The
/// rows are the same. A query that needs sorting or grouping is [`NotSeekable`](crate::ErrorKind::NotSeekable).
/// Instead, a [`Table`](crate::Table) whose filter tests the other tables with EXISTS or IN may work.
///
/// No schema shows that the key of a query is unique. So each key is compared with the previous one, also across
/// chunks (one row is read ahead). A repeat is an [error](crate::ErrorKind::RepeatedKey). A row whose key holds NULL
/// is an [error](crate::ErrorKind::Value) when the walk reaches it, unless the column's type is an [`Option`]. Use
/// `Option` only for a column that may be NULL: SQLite doesn't search for NULL in one that can't.
///
/// A [token](keywalk::Token) of a query is valid for the same text with the same parameter values. If databases are
/// attached, write `schema.table`, so that a name can't come to mean another table. Don't walk a query by a rowid that
/// isn't an INTEGER PRIMARY KEY: VACUUM renumbers it, and a SELECT hides that from the walk.
///
/// A condition inside the query that drops most rows is checked row by row within one fetch. Only a table's
/// [`filter`](crate::Table::filter) is spread over several fetches. A condition on the key itself is an error, since
/// it would prevent the search: use a [range](keywalk::Walk::range) of the walk instead.
///
/// # Several tables as one
///
/// A UNION ALL of tables, such as one per month, is walked if each part can be searched by the key. SQLite merges the
/// parts in the key's order, and each of them is searched from the walk's position. A key that two parts have is a
/// repeat:
///
/// ```
/// # use keywalk::Walk;
/// # use keywalk_sqlite::Query;
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE sales_01 (id INTEGER PRIMARY KEY, sum REAL);
/// #     CREATE TABLE sales_02 (id INTEGER PRIMARY KEY, sum REAL);
/// #     INSERT INTO sales_01 VALUES (1, 9.5), (4, 0.5); INSERT INTO sales_02 VALUES (3, 2)")?;
/// let sql = "SELECT id, sum FROM sales_01 UNION ALL SELECT id, sum FROM sales_02";
/// let sales = Query::new(&db, sql, [])?.key::<i64>(["id"])?;
/// let mut ids = Vec::new();
/// for item in Walk::new(sales) {
///     ids.push(item?.0);
/// }
/// assert_eq!(ids, [1, 3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// SQLite merges the parts if each is a SELECT with FROM that has no DISTINCT, no GROUP BY, and no aggregate or window
/// functions. Each column must have the same type in all parts: write `CAST(NULL AS TEXT)` for a column that a part
/// doesn't have. If SQLite can't merge them, the error names the part that prevents it. A fetch costs one search per
/// part.
///
/// # Full-text search, and other virtual tables
///
/// The plan of a virtual table proves nothing, so a walk can't search one. Put the rowids that match into a table, and
/// join the content to it. The key must be a column of that table, since the walk begins with the key's table:
///
/// ```
/// # use keywalk::Walk;
/// # use keywalk_sqlite::Query;
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
/// #     INSERT INTO posts VALUES (1, 'one apple'), (2, 'a pear'), (3, 'two apple trees');
/// #     CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
/// #     INSERT INTO search (search) VALUES ('rebuild')")?;
/// db.execute_batch("CREATE TEMPORARY TABLE hits (id INTEGER PRIMARY KEY)")?;
/// db.execute("INSERT INTO hits SELECT rowid FROM search WHERE search MATCH ?1", ["apple"])?;
/// let sql = "SELECT hits.id, posts.body FROM temp.hits JOIN main.posts ON posts.id = hits.id";
/// let apples = Query::new(&db, sql, [])?.key::<i64>(["id"])?;
/// assert_eq!(Walk::new(apples).into_iter().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The table holds the matches of one moment, one rowid each. Fill it again before you resume from a token on another
/// connection. Of 200,000 posts, the 10 with a rare word were read in 2 ms, and the 50,000 with a common one in 85 ms.
///
/// Without such a table, begin with the content: put it first in FROM, then CROSS JOIN the virtual table. SQLite doesn't
/// reorder that. The walk then sees what is written while it runs, but it reads all of the content and searches the
/// index for each row. For the same two words, that took 1.3 s and 3.7 s:
///
/// ```
/// # use keywalk::Walk;
/// # use keywalk_sqlite::Query;
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
/// #     INSERT INTO posts VALUES (1, 'one apple'), (2, 'a pear'), (3, 'two apple trees');
/// #     CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
/// #     INSERT INTO search (search) VALUES ('rebuild')")?;
/// let sql = "SELECT posts.id, posts.body FROM posts CROSS JOIN search ON search.rowid = posts.id
///            WHERE search.body MATCH ?1";
/// let apples = Query::new(&db, sql, ["apple"])?.key::<i64>(["id"])?;
/// assert_eq!(Walk::new(apples).into_iter().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An FTS5 table without an external content table stores its content in `NAME_content`, with the key `id`.
pub type Query<C, K = (), D = Rows> = SqlSource<C, QuerySpec, K, D>;

/// The definition of a [`Query`]: its SELECT and its key.
pub struct QuerySpec {
    /// The text as the caller wrote it.
    text: String,
    /// The text with numbered parameters.
    sql: String,
    columns: Arc<[String]>,
    key: Vec<String>,
    params: Params,
}

impl<C: Connect> Query<C> {
    /// Walks the rows of this SELECT. Parameters are passed as in rusqlite. Set the key with [`key`](Self::key).
    ///
    /// # Errors
    ///
    /// If it isn't one valid SELECT that only reads, if it has an ORDER BY or LIMIT of its own, or if the parameters
    /// don't fit.
    pub fn new(
        db: C,
        sql: impl Into<String>,
        params: impl rusqlite::Params,
    ) -> Result<Self, Error> {
        let mut sql = sql.into();
        // A subselect can't contain the end of a statement (`;`).
        sql.truncate(without_end(Dialect::Sqlite, &sql).len());
        // `prepare` of empty SQL: an error from rusqlite 0.43 on, a statement without columns in older versions.
        if sql.is_empty() {
            return Err(Error::not_a_select());
        }
        let has_zero = has_parameter_zero(&sql);
        // A failure of the store is not a fault of the query.
        let because = |refused: fn(_) -> Error, source| match is_of_store(&source) {
            false if !has_zero && has_too_many_parameters(&source) => {
                Error::too_many_params(ErrorKind::Query, NAME, source)
            }
            true => failed(source),
            false => refused(source),
        };
        let lent = lend(&db)?;
        let connection: &Connection = &lent;
        let statement = connection
            .prepare(&sql)
            .map_err(|source| because(Error::bad_query, source))?;
        if statement.column_count() == 0 || !statement.readonly() || statement.is_explain() != 0 {
            return Err(Error::not_a_select());
        }
        connection
            .prepare(&format!("SELECT * FROM ({sql}\n)"))
            .map_err(|source| because(Error::bad_query, source))?;
        // A query with an ORDER BY or LIMIT accepts no further ORDER BY.
        connection
            .prepare(&format!("{sql}\nORDER BY 1"))
            .map_err(|source| match has_values(&sql) && !is_of_store(&source) {
                true => Error::values_in_query(),
                false => because(Error::order_or_limit, source),
            })?;
        let columns = column_names(&statement);
        let (numbered, params) = Params::capture(connection, &sql, &statement, params)
            .map_err(|source| because(Error::query_params, source))?;
        drop(statement);
        drop(lent);
        let spec = QuerySpec {
            text: sql,
            sql: numbered,
            columns,
            key: Vec::new(),
            params,
        };
        Ok(SqlSource::unresolved(db, spec, Rows::default()))
    }
}

/// Prints the names of the columns but no data.
impl fmt::Debug for QuerySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

const NAME: &str = "the query";

/// Returns the names of a statement's columns.
fn column_names(statement: &Statement<'_>) -> Arc<[String]> {
    // A list up to rusqlite 0.40, an iterator from 0.41 on.
    let names = Vec::from_iter(statement.column_names());
    names.into_iter().map(str::to_owned).collect()
}

fn failed(source: rusqlite::Error) -> Error {
    Error::sqlite(NAME, source)
}

impl QuerySpec {
    /// Returns the key's columns, and the prepared query in which they were found.
    fn key_parts<'db>(
        &self,
        db: &'db Connection,
        layout: Layout,
    ) -> Result<(Statement<'db>, Vec<KeyPart>), Error> {
        let encoding = schema::encoding(db).map_err(failed)?;
        let names: Vec<&str> = self.key.iter().map(String::as_str).collect();
        check_names(NAME, &names, &layout)?;
        let statement = db.prepare(&self.sql).map_err(failed)?;
        let layouts = match layout {
            Layout::Columns(layouts) => layouts,
            Layout::FromSchema => {
                let layout = ColumnLayout {
                    order: Order::Ascending,
                    comparison: TextOrder::Binary,
                    stored: None,
                    nullable: false,
                };
                vec![layout; self.key.len()]
            }
        };
        let parts = self
            .key
            .iter()
            .zip(layouts)
            .map(|(name, layout)| match layout.comparison {
                TextOrder::Collation => Err(Error::collated_in_query(NAME, name)),
                TextOrder::Binary if encoding != schema::UTF_8 => {
                    Err(Error::column_encoding(NAME, name, &encoding))
                }
                _ => self.key_part(&statement, name, layout),
            })
            .collect::<Result<_, _>>()?;
        Ok((statement, parts))
    }

    fn key_part(
        &self,
        statement: &Statement<'_>,
        name: &str,
        layout: ColumnLayout,
    ) -> Result<KeyPart, Error> {
        let mut columns = self.columns.iter().filter(|column| same(column, name));
        match (columns.next(), columns.next()) {
            (Some(column), None) => Ok(KeyPart {
                name: column.clone(),
                // The collation of a query's column isn't known. If it isn't BINARY, its index can't be searched with
                // this expression, and the plan shows that.
                expression: Relation::in_query(format_args!("{} COLLATE BINARY", Quoted(name))),
                uncollated: Relation::in_query(Quoted(name)),
                order: layout.order,
                nulls_last: layout.order == Order::Descending,
                is_collated: false,
                text_order: None,
                nullable: layout.nullable,
                may_be_null: true,
                excludes_null: false,
                at: None,
                own: OwnColumn {
                    in_plan: None,
                    layout,
                    collation: None,
                    is_unstable_rowid: false,
                    affinity: affinity(statement, name),
                },
            }),
            (None, _) => Err(Error::no_such_column(NAME, name, &self.columns)),
            (Some(_), Some(_)) => Err(Error::ambiguous_column(name)),
        }
    }
}

/// Returns the affinity of the column's declared type; an expression has none.
fn affinity(statement: &Statement<'_>, name: &str) -> Affinity {
    // A list up to rusqlite 0.40, an iterator from 0.41 on.
    let columns = Vec::from_iter(statement.columns());
    let column = columns.iter().find(|column| same(column.name(), name));
    // Treated as in a STRICT table: a declared type ANY is rare elsewhere.
    column.map_or(Affinity::None, |column| {
        Affinity::of(column.decl_type().unwrap_or_default(), true)
    })
}

impl Spec for QuerySpec {
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error> {
        self.key = columns;
        self.key_parts(db, layout)?;
        Ok(())
    }

    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error> {
        let relation = self.resolve(db, before.layout())?;
        relation.succeeds(before)?;
        Ok(relation)
    }

    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error> {
        let stamp = SchemaVersion::of_all(db).map_err(failed)?;
        let (statement, key) = self.key_parts(db, layout)?;
        if column_names(&statement) != self.columns {
            return Err(Error::columns_changed(NAME));
        }
        Ok(Relation {
            name: NAME.to_owned(),
            said: Definition::Query(self.text.trim_start().to_owned()),
            from: Relation::subselect(&self.sql),
            query: Some(self.sql.clone()),
            select: Relation::in_query("*"),
            columns: Arc::clone(&self.columns),
            key,
            fixed: Vec::new(),
            filters: Vec::new(),
            indexes: Vec::new(),
            partial_indexes: Vec::new(),
            implied_indexes: Vec::new(),
            params: self.params.clone(),
            rowid: None,
            unique: false,
            stamp,
        })
    }
}
