mod proof;

use std::fmt;
use std::sync::Arc;

use keywalk::Order;
use keywalk_sql::{Conjunct, Definition, Dialect, Quoted};
use rusqlite::types::Value;
use rusqlite::{Connection, Params as RusqliteParams, ToSql};

use crate::connect::{Connect, lend};
use crate::decode::{KeysOnly, Rows};
use crate::error::{Error, ErrorKind, has_too_many_parameters, is_of_store};
use crate::key::{DynKey, Layout, SqlKey, TextOrder};
use crate::plan::PlanName;
use crate::relation::{FixedPart, ImpliedIndex, KeyPart, OwnColumn, OwnFixed, Relation, Rowid};
use crate::schema::{self, Affinity, Column, Index, Schema, SchemaVersion, relation_name};
use crate::source::{Spec, SqlSource};
use crate::sql::{Params, has_parameter_zero, names, same, with_backticks};
use crate::value::{as_stored, as_text};

pub(crate) use proof::check_names;
use proof::{ProvenColumn, ProvenKey, implied, prove};

/// A table, walked by a key. Its items are `(key, row)`.
///
/// `C` lends a connection ([`Connect`]): a borrowed one (`&Connection`), an owned, shared or boxed one (`Connection`,
/// `Rc<Connection>`), a guard of a pool or mutex ([`Held`](crate::Held)), or a pool ([`PerFetch`](crate::PerFetch)).
/// A table that owns its connection is `Send` and `'static`. [`connection`](Self::connection) lets you use it between
/// two fetches. Inside a transaction, pass `&*transaction`.
///
/// `K` is the key's type. By default the table is walked by its primary key, as [`DynKey`]; [`key`](Self::key)
/// chooses columns and a type. `D` decodes a row: by default into a [`Row`](crate::Row); [`map`](Self::map),
/// [`map_into`](Self::map_into) and [`decode`](Self::decode) choose something else.
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
/// - The table and its columns exist.
/// - The schema makes the key unique. A partial UNIQUE index counts if the [`filter`](Self::filter) contains its
///   condition.
/// - The schema or the filter keeps NULL out of the key, except in a column whose type is an [`Option`]. One more
///   exception: a primary key of one column that isn't declared NOT NULL is
///   accepted, and a NULL in it is an error when the walk reaches it. Such a key is refused when it is walked as
///   [`Collated`](crate::Collated), or as [`DynKey`] under a collation other than BINARY.
/// - For every statement of the walk, `EXPLAIN QUERY PLAN` shows a search by the whole key on an index, and no
///   sorting.
///
/// Each failure is an [`Error`] with its own [kind](crate::ErrorKind). [`key`](Self::key) checks the schema at once,
/// the first fetch checks the rest.
///
/// # Cost
///
/// A fetch costs about 3 us, plus what SQLite's cursor costs for each row. If the table isn't stored in the key's
/// order (a secondary index on a rowid table), each row is a random access. Reading such a table takes 7 to 8 times as
/// long, with keywalk or without.
pub type Table<C, K = DynKey, D = Rows> = SqlSource<C, TableSpec, K, D>;

impl<C: Connect> Table<C> {
    /// Walks the table of that name by its primary key, with all its columns.
    ///
    /// The name is quoted and never interpreted as SQL: `weird "name"` is a valid name. It is looked up as SQLite
    /// does, in `temp`, `main` and the attached databases; [`schema`](Self::schema) picks one of them. Nothing is
    /// read yet. A missing table is an error of [`key`](Self::key), or of the first fetch.
    pub fn new(db: C, table: impl Into<String>) -> Self {
        SqlSource::unresolved(db, TableSpec::new(table.into()), Rows::default())
    }
}

impl<C: Connect, D> Table<C, DynKey, D> {
    /// Makes a key of this table, for a [range](keywalk::Walk::range). Pass one value for each column of the key.
    /// Write values of different types as `rusqlite::params!["x", 1]`.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")?;
    /// let items = Table::new(&db, "items");
    /// let start = items.dyn_key([100])?;
    /// let from_100_on = Walk::new(items).range(start..);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the table's key can't be proven, if the number of values isn't the number of columns, or if a value doesn't
    /// convert or is NULL in a column that can't be.
    pub fn dyn_key(&self, values: impl IntoIterator<Item = impl ToSql>) -> Result<DynKey, Error> {
        self.spec.dyn_key(&*lend(&self.db)?, values)
    }
}

impl<C: Connect, K: SqlKey, D> Table<C, K, D> {
    /// Looks for the table in this schema only: `main`, `temp` or an attached database. Default: all of them, in
    /// SQLite's order.
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

    /// Restricts the walk to the rows whose leading index column equals `value`. The key is then the index's remaining
    /// columns. For a primary key `(tenant, id)`, write `prefix_eq("tenant", 5)` and then `key(["id"])`.
    ///
    /// It may be called for several columns, and must be called before [`key`](Self::key). Every search uses the
    /// condition. A search might not use a [`filter`](Self::filter) on the same column; then it reads rows with other
    /// values too.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE orders (tenant INT, id INT, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
    /// #     INSERT INTO orders VALUES (5, 1), (6, 1), (6, 2)")?;
    /// let of_six = Table::new(&db, "orders").prefix_eq("tenant", 6)?.key::<i64>(["id"])?;
    /// assert_eq!(Walk::new(of_six).into_iter().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such column, if it was already given to `prefix_eq` or is one of the columns passed to
    /// [`key`](Self::key), or if the value is NULL (which equals nothing) or doesn't convert.
    pub fn prefix_eq(
        mut self,
        column: impl Into<String>,
        value: impl ToSql,
    ) -> Result<Self, Error> {
        self.spec.fix(&*lend(&self.db)?, &column.into(), value)?;
        Ok(self.respecified())
    }

    /// Walks only the rows for which this SQL expression is true. Its parameters may be numbered, named or plain, and
    /// are passed as in rusqlite. There may be as many as SQLite allows (32,766), minus the few that the walk itself
    /// uses.
    ///
    /// A filter never prevents the index search by the key. The expression is split at its top-level ANDs. A condition
    /// that an index serves together with the key is part of the search. For the others, each row is read, then kept
    /// or dropped, and a fetch reads at most 512 rows, or as many as the chunk size if that is larger. So a filter that
    /// matches nothing causes many short fetches instead of one long one.
    ///
    /// A filter set before [`key`](Self::key) also helps to prove the key:
    ///
    /// - If it contains the condition `column IS NOT NULL`, a column that may hold NULL can be a key column. If that
    ///   isn't the key's first column, the rows with NULL are read and dropped within one fetch, unless a partial index
    ///   leaves them out.
    /// - A partial index counts if each part of its condition is a part of the filter: the same text, up to case, white
    ///   space and comments. Such an index can prove that the key is unique, and it can be searched. If the filter
    ///   keeps NULL out of the key, these parts may name a key column only in IS NOT NULL.
    ///
    /// ```
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// db.execute_batch(
    ///     "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, deleted INTEGER NOT NULL);
    ///      CREATE UNIQUE INDEX by_email ON users (email) WHERE deleted = 0",
    /// )?;
    /// let users = Table::new(&db, "users")
    ///     .filter("email IS NOT NULL AND deleted = 0", [])?
    ///     .key::<String>(["email"])?;
    /// # assert_eq!(keywalk::Walk::new(users).into_iter().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Prefer [`Walk::range`](keywalk::Walk::range) for a range of keys, and [`prefix_eq`](Self::prefix_eq) for a
    /// fixed leading column.
    ///
    /// Text in double quotes is always a name here. SQLite itself would read it as a string if there is no such
    /// column.
    ///
    /// The expression is SQL. Never build it from untrusted input; pass values as parameters. (keywalk checks only
    /// that it is one expression.)
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
    /// If it isn't an expression over the table's columns, if the parameters don't fit, or if there is a filter
    /// already.
    pub fn filter(
        mut self,
        condition: impl Into<String>,
        params: impl rusqlite::Params,
    ) -> Result<Self, Error> {
        self.spec
            .filter(&*lend(&self.db)?, condition.into(), params)?;
        Ok(self.respecified())
    }

    /// Reads only these columns, in this order. Default: all columns of the table, including generated ones. The key
    /// is always read.
    ///
    /// Fewer columns are faster, most of all if large ones are left out. A missing column is an error of the first
    /// fetch.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.spec.columns = Some(columns.into_iter().map(Into::into).collect());
        self.respecified()
    }

    /// Reads only the keys: items are `(key, ())`, and no other column is read or decoded. For work that needs no
    /// more, such as a DELETE, or one statement per chunk in a job (see `SqliteCheckpoints`).
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    /// #     INSERT INTO items VALUES (7, 'a')")?;
    /// let keys = Table::new(&db, "items").key::<i64>(["id"])?.keys();
    /// for item in Walk::new(keys) {
    ///     let (id, ()) = item?;
    ///     println!("{id}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn keys(self) -> Table<C, K, KeysOnly> {
        let Table { db, mut spec, .. } = self;
        spec.columns = Some(Vec::new());
        SqlSource::unresolved(db, spec, KeysOnly)
    }
}

/// The definition of a [`Table`]: its name, key and filter, and the columns that are read.
#[derive(Clone)]
pub struct TableSpec {
    schema: Option<String>,
    table: String,
    key: Option<Vec<String>>,
    within: Vec<(Column, Value)>,
    columns: Option<Vec<String>>,
    filter: Option<Filter>,
}

/// A condition on the rows.
#[derive(Clone, Debug)]
struct Filter {
    /// The text as the caller wrote it.
    text: String,
    /// The condition with numbered parameters, split at its ANDs.
    parts: Vec<(String, Conjunct)>,
    params: Params,
}

impl Filter {
    /// Checks whether the condition that a column isn't NULL is part of the filter.
    fn excludes_null(&self, column: &str) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|(_, conjunct)| conjunct.is_not_null(Dialect::Sqlite, column))
    }

    /// Checks whether these conditions are all part of the filter.
    fn implies(&self, conditions: &[Conjunct]) -> bool {
        let is_part = |condition| self.parts.iter().any(|(_, conjunct)| conjunct == condition);
        conditions.iter().all(is_part)
    }
}

impl TableSpec {
    fn new(table: String) -> Self {
        TableSpec {
            schema: None,
            table,
            key: None,
            within: Vec::new(),
            columns: None,
            filter: None,
        }
    }

    fn read_schema(&self, db: &Connection) -> Result<Schema, Error> {
        let schemas = schema::schemas(db).map_err(|source| self.failed(source))?;
        Schema::read(db, &schemas, self.schema.as_deref(), &self.table)
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::sqlite(&relation_name(&self.table), source)
    }

    /// Fixes a column to a value.
    fn fix(&mut self, db: &Connection, column: &str, value: impl ToSql) -> Result<(), Error> {
        let schema = self.read_schema(db)?;
        let column = schema.column(column)?;
        let relation = schema.relation();
        if self
            .within
            .iter()
            .any(|(fixed, _)| fixed.name == column.name)
        {
            return Err(Error::repeated_column(&relation, &column.name));
        }
        if self.key.iter().flatten().any(|key| same(key, &column.name)) {
            return Err(Error::fixed_column(&relation, &column.name));
        }
        let value = as_stored(db, value)
            .map_err(|source| Error::given_value(&relation, &column.name, source))?;
        if value == Value::Null {
            return Err(Error::fixed_to_null(&relation, &column.name));
        }
        self.within.push((column, value));
        Ok(())
    }

    /// Sets the filter.
    fn filter(
        &mut self,
        db: &Connection,
        condition: String,
        params: impl RusqliteParams,
    ) -> Result<(), Error> {
        let schema = self.read_schema(db)?;
        let relation = schema.relation();
        let has_zero = has_parameter_zero(&condition);
        // A failure of the store is not a fault of the filter.
        let because =
            |refused: &dyn Fn(rusqlite::Error) -> Error, source| match is_of_store(&source) {
                false if !has_zero && has_too_many_parameters(&source) => {
                    Error::too_many_params(ErrorKind::Filter, &relation, source)
                }
                true => Error::sqlite(&relation, source),
                false => refused(source),
            };
        if self.filter.is_some() {
            return Err(Error::second_filter(&relation));
        }
        let from = from(&schema);
        let text = condition.trim().to_owned();
        let condition = with_backticks(&condition);
        // The condition is prepared twice. Without added parentheses, a condition with unmatched ones is refused. With
        // them, a condition that is followed by something else, such as ORDER BY, is refused.
        let bare = format!("SELECT 1 FROM {from} WHERE {condition}");
        let bracketed = format!("SELECT ({condition}\n) FROM {from}");
        let invalid = |source| Error::bad_filter(&relation, &schema.column_names(), source);
        let unfit = |source| Error::filter_params(&relation, source);
        let statement = db
            .prepare(&bare)
            .and_then(|statement| db.prepare(&bracketed).map(|_| statement))
            .map_err(|source| because(&invalid, source))?;
        let (condition, params) = Params::capture(db, &condition, &statement, params)
            .map_err(|source| because(&unfit, source))?;
        let is_expression = |part: &str| {
            db.prepare(&format!("SELECT ({part}\n) FROM {from}"))
                .is_ok()
        };
        let parts = Conjunct::all(
            Dialect::Sqlite,
            &condition,
            &schema.column_names(),
            &is_expression,
        );
        self.filter = Some(Filter {
            text,
            parts,
            params,
        });
        Ok(())
    }

    /// Proves the key as far as the schema allows.
    fn prove(&self, schema: &Schema, layout: Layout) -> Result<ProvenKey, Error> {
        let fixed = self.fixed(schema)?;
        let fixed: Vec<&Column> = fixed.iter().collect();
        prove(
            schema,
            self.key.as_deref(),
            &fixed,
            layout,
            self.filter.as_ref(),
        )
    }

    /// Returns the fixed columns, as defined by the current schema.
    fn fixed(&self, schema: &Schema) -> Result<Vec<Column>, Error> {
        self.within
            .iter()
            .map(|(column, _)| schema.column(&column.name))
            .collect()
    }

    /// Makes a dynamic key of these values.
    fn dyn_key(
        &self,
        db: &Connection,
        given: impl IntoIterator<Item = impl ToSql>,
    ) -> Result<DynKey, Error> {
        let relation = self.resolve(db, DynKey::layout())?;
        let mut parts = relation.key.iter();
        let mut values = Vec::new();
        for value in given {
            let part = parts.next();
            let name = part.map_or("", |part| &part.name);
            let value = as_stored(db, value)
                .map_err(|source| Error::given_value(&relation.name, name, source))?;
            let is_text = part.is_some_and(|part| part.own.affinity == Affinity::Text);
            values.push(match is_text {
                true => as_text(db, &value).map_err(|source| relation.failed(source))?,
                false => value,
            });
        }
        let key = DynKey::new(values, Arc::new(relation.key_columns()));
        key.ok_or_else(|| Error::incomplete_key(&relation.name, &relation.key_names()))
    }
}

/// Prints the table's name but no data.
impl fmt::Debug for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.table)
            .finish_non_exhaustive()
    }
}

impl Spec for TableSpec {
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error> {
        self.key = Some(columns);
        self.prove(&self.read_schema(db)?, layout)?;
        Ok(())
    }

    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error> {
        let mut spec = self.clone();
        spec.schema = before.stamp.schemas().next().map(str::to_owned);
        spec.key = Some(before.key_names());
        spec.columns = Some(before.columns.to_vec());
        let relation = spec.resolve(db, before.layout())?;
        relation.succeeds(before)?;
        Ok(relation)
    }

    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error> {
        // Read before the rest, so that any later change is noticed.
        let stamp = SchemaVersion::of_all(db).map_err(|source| self.failed(source))?;
        let schemas: Vec<String> = stamp.schemas().map(str::to_owned).collect();
        let schema = Schema::read(db, &schemas, self.schema.as_deref(), &self.table)?;
        let stamp = stamp
            .of(db, &schema.schema)
            .map_err(|source| self.failed(source))?;
        let key = self.prove(&schema, layout)?;
        let columns = match &self.columns {
            None => schema.columns.iter().map(|c| c.name.clone()).collect(),
            Some(named) => named
                .iter()
                .map(|name| schema.column(name).map(|column| column.name))
                .collect::<Result<Arc<[_]>, _>>()?,
        };
        let qualifier = qualifier(&schema.table);
        let expression = |column: &str| format!("{}.{}", Quoted(qualifier), Quoted(column));
        let in_plan = |column: &Column| PlanName {
            name: column.name.clone(),
            is_rowid: column.is_rowid,
        };
        let fixed_columns = self.fixed(&schema)?;
        let fixed_columns: Vec<&Column> = fixed_columns.iter().collect();
        let key_columns: Vec<&Column> = key.columns.iter().map(|key| &key.column).collect();
        let is_sorted = |index: &Index| index.sorted_by(&fixed_columns, &key_columns).is_some();
        let indexes = schema.indexes.iter().filter(|index| is_sorted(index));
        let indexes = indexes.map(|index| index.name.clone()).collect();
        // The walk's own conditions keep these NULLs out.
        let excluding: Vec<&str> = key
            .columns
            .iter()
            .filter(|key| key.excludes_null)
            .map(|key| key.column.name.as_str())
            .collect();
        let is_written = |conjunct: &Conjunct| {
            excluding
                .iter()
                .any(|name| conjunct.is_not_null(Dialect::Sqlite, name))
        };
        let (text, parts, params) = match self.filter.clone() {
            Some(filter) => (Some(filter.text), filter.parts, filter.params),
            None => (None, Vec::new(), Params::default()),
        };
        let kept = parts
            .into_iter()
            .filter(|(_, conjunct)| !is_written(conjunct));
        let (filters, kept): (Vec<String>, Vec<Conjunct>) = kept.unzip();
        let implied_indexes = implied(&schema, self.filter.as_ref())
            .filter(|(index, _)| is_sorted(index))
            .map(|(index, conditions)| ImpliedIndex {
                name: index.name.clone(),
                filters: (0..kept.len())
                    .filter(|at| conditions.contains(&kept[*at]))
                    .collect(),
            })
            // Leaves out indexes with a condition on a key column. A plan would not show whether it searches by that
            // condition or by the walk's own condition that the column isn't NULL.
            .filter(|index| {
                let is_on_key = |at: &usize| {
                    let mut key = key_columns.iter();
                    key.any(|key| names(&filters[*at], &key.name, key.is_rowid))
                };
                excluding.is_empty() || !index.filters.iter().any(is_on_key)
            })
            .collect();
        let at = |name: &str| columns.iter().position(|column| same(column, name));
        let key = key
            .columns
            .into_iter()
            .map(
                |ProvenColumn {
                     column,
                     layout,
                     may_be_null,
                     excludes_null,
                 }| KeyPart {
                    expression: expression(&column.name),
                    uncollated: expression(&column.name),
                    order: layout.order,
                    nulls_last: layout.order == Order::Descending,
                    is_collated: layout.comparison == TextOrder::Collation,
                    text_order: schema.text_order(&column),
                    nullable: layout.nullable,
                    may_be_null,
                    excludes_null,
                    at: at(&column.name),
                    own: OwnColumn {
                        in_plan: Some(in_plan(&column)),
                        layout,
                        collation: Some(column.collation),
                        is_unstable_rowid: column.is_rowid && column.primary == 0,
                        affinity: column.affinity,
                    },
                    name: column.name,
                },
            )
            .collect();
        let fixed = self.within.iter().map(|(column, value)| FixedPart {
            name: column.name.clone(),
            expression: expression(&column.name),
            own: OwnFixed {
                in_plan: in_plan(column),
                value: value.clone(),
            },
        });
        let select: Vec<String> = columns.iter().map(|column| expression(column)).collect();
        let rowid = schema.rowid().map(|name| Rowid {
            expression: expression(&name),
            name,
        });
        Ok(Relation {
            rowid,
            name: schema.relation(),
            said: Definition::Table { filter: text },
            from: from(&schema),
            query: None,
            indexes,
            partial_indexes: schema.partial_indexes,
            implied_indexes,
            select: select.join(", "),
            columns,
            key,
            fixed: fixed.collect(),
            filters,
            params,
            unique: true,
            stamp,
        })
    }
}

/// Returns the name to write before this table's columns. Before 3.45, SQLite accepts `sqlite_master` there but not
/// `sqlite_schema` (and likewise for `temp`).
fn qualifier(table: &str) -> &str {
    match table {
        "sqlite_schema" => "sqlite_master",
        "sqlite_temp_schema" => "sqlite_temp_master",
        table => table,
    }
}

fn from(schema: &Schema) -> String {
    format!("{}.{}", Quoted(&schema.schema), Quoted(&schema.table))
}
