use keywalk_sql::{Conjunct, Definition, Dialect, FixedColumn, KeyColumn, Named, Quoted};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::catalog::{Column, Schema};
use crate::decode::{KeysOnly, Rows};
use crate::error::{Error, ErrorKind};
use crate::key::{DynKey, Layout};
use crate::relation::Relation;
use crate::source::{Spec, SqlBuilder, first_row};
use crate::value::{Param, Params, Value};

pub(crate) mod proof;

use proof::Proof;

/// A table, walked by a key: a builder that is awaited once, and then is a source. Its items are `(key, row)`.
///
/// `C` lends a connection ([`Connect`](crate::Connect)): a borrowed one (`&Client`), an owned or shared one (`Client`,
/// `Arc<Client>`), a transaction's (`transaction.client()`), or a pool ([`PerFetch`](crate::PerFetch)).
///
/// `K` is the key's type. By default the table is walked by its primary key, as [`DynKey`]; [`key`](SqlBuilder::key)
/// chooses columns and a type. `D` decodes a row: by default into a [`Row`](crate::Row); [`map`](SqlBuilder::map),
/// [`map_into`](SqlBuilder::map_into) and [`decode`](SqlBuilder::decode) choose something else.
///
/// ```no_run
/// use keywalk::Walk;
/// use keywalk_postgres::{Table, tokio_postgres::Client};
///
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let items = Table::new(&client, "shop.items")
///     .key::<i64>(["id"])
///     .filter("deleted_at IS NULL", [])
///     .map(|row| row.try_get::<_, String>("name"))
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Proven when it is awaited
///
/// - The table and its columns exist, and the columns have the key's types.
/// - A unique index or constraint makes the key unique: valid, not deferrable, without expressions, over columns that
///   are NOT NULL. A partial one counts if the [`filter`](SqlBuilder::filter) contains its condition.
/// - The columns or the filter keep NULL out of the key, except in a column whose type is an [`Option`] or a
///   [`NullsLast`](crate::NullsLast).
/// - A B-tree index is sorted by the [fixed columns](SqlBuilder::prefix_eq) and the key: with these directions and
///   places of NULL, in the columns' own deterministic collations, by the default operator classes.
/// - There are no children by inheritance, or they are left out ([`only`](SqlBuilder::only)). Partitions are walked as
///   one table.
///
/// Each failure is an [`Error`] with its own [kind](ErrorKind), and its message names the cure.
///
/// If the index or constraint is dropped during a walk, PostgreSQL sorts for each fetch, and a key that then
/// repeats is an [error](ErrorKind::OutOfOrder) if the walk meets both rows in one chunk.
///
/// # Cost
///
/// A fetch is one statement, in one round trip. It is parsed and planned each time, in about 0.1 ms. PostgreSQL reads
/// about 10 pages to find the place, then the rows.
///
/// Row-level security is checked for each row, and can't be part of the search: a policy that shows few rows makes a
/// fetch read far.
pub type Table<'a, C, K = DynKey, D = Rows> = SqlBuilder<'a, C, TableSpec, K, D>;

/// The definition of a [`Table`]: its name, key and filter, and the columns that are read.
#[derive(Clone, Debug)]
pub struct TableSpec {
    schema: Option<String>,
    table: String,
    only: bool,
    key: Option<Vec<String>>,
    fixed: Vec<(String, Value)>,
    columns: Option<Vec<String>>,
    filter: Option<(String, Vec<Value>)>,
    has_second_filter: bool,
    settled: bool,
}

impl<'a, C> Table<'a, C> {
    /// Walks this table by its primary key, with all its columns.
    ///
    /// The name is `table` or `schema.table`. It is quoted and never interpreted as SQL, so upper and lower case
    /// count. Without a schema it is looked up in the `search_path`. If the name itself contains a point, give the
    /// schema with [`schema`](Self::schema).
    pub fn new(client: C, table: impl Into<String>) -> Self {
        let table = table.into();
        let (schema, table) = match table.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
            None => (None, table),
        };
        let spec = TableSpec {
            schema,
            table,
            only: false,
            key: None,
            fixed: Vec::new(),
            columns: None,
            filter: None,
            has_second_filter: false,
            settled: false,
        };
        SqlBuilder::of(client, spec, Rows::default())
    }
}

impl<'a, C, K, D> Table<'a, C, K, D> {
    /// Looks for the table in this schema only. The name given to [`new`](Self::new) is then the table's whole name.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        if let Some(before) = self.spec.schema.replace(schema.into()) {
            self.spec.table = format!("{before}.{}", self.spec.table);
        }
        self
    }

    /// Walks the table without its children by inheritance (`FROM ONLY`), whose keys may repeat its own. Doesn't
    /// matter for partitions.
    pub fn only(mut self) -> Self {
        self.spec.only = true;
        self
    }

    /// Restricts the walk to the rows whose column equals `value`. The column must lead an index, and the key is then
    /// the index's remaining columns. For a primary key `(tenant, id)`, write `.prefix_eq("tenant", 5).key(["id"])`.
    ///
    /// It may be called for several columns. Every search uses the condition.
    ///
    /// ```no_run
    /// # use keywalk_postgres::{Error, Table, tokio_postgres::Client};
    /// # async fn example(client: &Client) -> Result<(), Error> {
    /// let of_six = Table::new(client, "orders").prefix_eq("tenant", 6).key::<i64>(["id"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix_eq(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.spec.fixed.push((column.into(), value.into()));
        self
    }

    /// Walks only the rows for which this SQL expression is true. Its parameters are `$1`, `$2` and so on; see
    /// [`Value`] for their types.
    ///
    /// A filter never prevents the index search by the key. It is evaluated on the server, for at most 512 rows per
    /// fetch, or as many as the chunk size if that is larger. Dropped rows don't come to the client. So a filter that
    /// matches nothing causes many short fetches instead of one long one.
    ///
    /// The filter also helps to prove the key. It is split at its top-level ANDs:
    ///
    /// - If it contains the condition `column IS NOT NULL`, a column that may hold NULL can be a key column.
    /// - A partial index counts if each part of its condition is a part of the filter: the same text as PostgreSQL
    ///   prints (`\d table`), up to case, white space and parentheses.
    ///
    /// Prefer [`Walk::range`](keywalk::Walk::range) for a range of keys, and [`prefix_eq`](Self::prefix_eq) for a
    /// fixed leading column. The expression is SQL: never build it from untrusted input; pass values as parameters.
    ///
    /// ```no_run
    /// # use keywalk_postgres::{Error, Table, tokio_postgres::Client};
    /// # async fn example(client: &Client) -> Result<(), Error> {
    /// let named = Table::new(client, "items").filter("name LIKE $1", ["a%"]).await?;
    /// let dear = Table::new(client, "items")
    ///     .filter("price > $1 AND name <> $2", (100, "test"))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter(mut self, condition: impl Into<String>, params: impl Params) -> Self {
        let filter = (condition.into(), params.into_values());
        let before = self.spec.filter.replace(filter);
        self.spec.has_second_filter |= before.is_some();
        self
    }

    /// Reads only these columns, in this order. Default: all columns of the table. The key is always read.
    ///
    /// Fewer columns are faster, most of all if large ones are left out.
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.spec.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves out the rows that aren't settled yet, so that rows that commit late aren't missed. For increments: a job
    /// that each night walks the rows added since the night before.
    ///
    /// Keys of a sequence don't become visible in their order. While one transaction has inserted row 5 and not
    /// committed, another one commits row 6. A walk that goes past 6 doesn't return for 5. The ids of both transactions
    /// (`xmin`) don't always show that: row 6 may be of the one that began first. So the key must begin with the id of
    /// the transaction that inserts the row:
    ///
    /// ```sql
    /// CREATE TABLE orders (
    ///     xact int8 NOT NULL DEFAULT pg_current_xact_id()::text::int8,
    ///     id int8 GENERATED ALWAYS AS IDENTITY,
    ///     PRIMARY KEY (xact, id)
    /// );
    /// ```
    ///
    /// A row is *settled* if its transaction, and each one with an earlier id, is over. A walk ends at the first row
    /// that isn't, and the next walk begins there:
    ///
    /// ```no_run
    /// use keywalk::Walk;
    /// use keywalk_job::Job;
    /// # #[cfg(feature = "jobs")]
    /// use keywalk_postgres::PostgresCheckpoints;
    /// use keywalk_postgres::{Table, tokio_postgres::Client};
    ///
    /// # #[cfg(feature = "jobs")]
    /// # async fn example(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// // Run every night. Each run continues after the last row of the run before.
    /// let orders = Table::new(client, "orders").key::<(i64, i64)>(["xact", "id"]).settled().keys();
    /// let walk = Walk::new(orders.await?).unbounded();
    /// let job = Job::new_async("copy", walk, PostgresCheckpoints::new(client), tokio::time::sleep);
    /// let ran = job.run_async(async |transaction, orders| {
    ///     let copy = "INSERT INTO copies SELECT * FROM orders WHERE (xact, id) BETWEEN ($1, $2) AND ($3, $4)";
    ///     let ((from_xact, from), (to_xact, to)) = (orders.first_key(), orders.last_key());
    ///     transaction.execute(copy, &[&from_xact, &from, &to_xact, &to]).await?;
    ///     Ok(())
    /// });
    /// ran.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The default of the key's first column proves this when the table is awaited: `pg_current_xact_id()::text::int8`
    /// as above, or `txid_current()`. Otherwise it is an error of the kind [`Settled`](ErrorKind::Settled). With
    /// [`prefix_eq`](Self::prefix_eq), the first column after the fixed ones counts. In an existing table, the column
    /// can be added, with an index on it and the previous key.
    ///
    /// # When it holds
    ///
    /// It misses no row, and yields none twice, if the column has its default's value:
    ///
    /// - No INSERT or UPDATE sets it.
    /// - The rows were inserted in this cluster. Rows that a dump or logical replication brought have ids of another
    ///   one. If those are larger, they aren't settled until this cluster's ids are; so set the column to 0 after that.
    ///   (`pg_upgrade` continues the ids.)
    ///
    /// Walks of every kind are possible: [unbounded](keywalk::Walk::unbounded) ones continue with the rows that are
    /// settled by then, bounded ones end at the last settled row, and both directions, pages and
    /// [splits](keywalk::Walk::async_split) see only settled rows. So do [`count`](crate::SqlSource::count) and the
    /// estimates.
    ///
    /// # What delays it
    ///
    /// Any open transaction of the server that has written something (in any database, also a prepared one) keeps
    /// later rows from being settled. Rows that the walk's own transaction wrote aren't settled in it. A fetch costs no
    /// more than without `settled`.
    ///
    /// These list such transactions, the oldest first:
    ///
    /// ```sql
    /// SELECT pid, backend_xid, query FROM pg_stat_activity
    /// WHERE backend_xid IS NOT NULL ORDER BY age(backend_xid) DESC;
    /// SELECT gid, database, prepared FROM pg_prepared_xacts ORDER BY age(transaction) DESC;
    /// ```
    ///
    /// For a table, view or join without such a column: end the walk some time before the last key, with
    /// [`Walk::end_before`](keywalk::Walk::end_before). It misses rows of transactions that are open for longer.
    pub fn settled(mut self) -> Self {
        self.spec.settled = true;
        self
    }

    /// Reads only the keys: items are `(key, ())`, and no other column is read or decoded. For work that needs no
    /// more, such as a DELETE, or one statement per chunk.
    pub fn keys(mut self) -> Table<'a, C, K, KeysOnly> {
        self.spec.columns = Some(Vec::new());
        self.with(|_| KeysOnly)
    }
}

impl Spec for TableSpec {
    fn set_key(&mut self, columns: Vec<String>) {
        self.key = Some(columns);
    }

    async fn resolve(&self, client: &Client, layout: Layout) -> Result<Relation, Error> {
        let schema = self.schema.as_deref();
        let schema = Schema::read(client, schema, &self.table, self.only).await?;
        if self.has_second_filter {
            let message = format!("{} has two filters: write one, with AND", schema.name);
            return Err(Error::new(ErrorKind::Filter, message));
        }
        let fixed = self.fixed(&schema)?;
        let params: Vec<Param> = match &self.filter {
            Some((_, params)) => params.iter().map(Value::to_param).collect(),
            None => Vec::new(),
        };
        let conjuncts = match &self.filter {
            Some((condition, _)) => split_filter(client, &schema, condition, &params).await?,
            None => Vec::new(),
        };
        let proof = Proof {
            schema: &schema,
            fixed: &fixed,
            conjuncts: &conjuncts,
        };
        let (key, key_columns, mut served) = proof.prove(self.key.as_deref(), layout)?;
        let mut filters = Vec::from_iter(conjuncts.into_iter().map(|(text, _)| text));
        if self.settled {
            served.push(filters.len());
            filters.push(settled(&schema, schema.column(&key[0].name)?)?);
        }
        let columns = self.selected(&schema)?;
        let at = |key: &KeyColumn<()>| columns.iter().position(|column| *column == key.name);
        let key: Vec<KeyColumn<()>> = key
            .into_iter()
            .map(|key| KeyColumn {
                at: at(&key),
                ..key
            })
            .collect();
        let select = columns.iter().map(|column| Quoted(column).to_string());
        let described = key
            .iter()
            .map(|key| key.describe(Dialect::Postgres, &key.name));
        let definition = Definition::Table {
            filter: self.filter.as_ref().map(|(text, _)| text.trim().to_owned()),
        };
        let bytes = |param: &Param| param.bytes.clone().unwrap_or_default();
        let fixed_columns = fixed
            .iter()
            .zip(&self.fixed)
            .map(|(column, (_, value))| FixedColumn {
                name: column.name.clone(),
                expression: Quoted(&column.name).to_string(),
                own: value.to_param(),
            });
        let fixed_columns = Vec::from_iter(fixed_columns);
        let fixed_values = fixed_columns
            .iter()
            .map(|column| (&*column.name, bytes(&column.own)));
        let looked_up = schema.columns.iter().filter(|column| {
            let is_read = columns.contains(&column.name);
            Type::from_oid(column.column_type.oid()).is_none()
                && (is_read || key.iter().any(|key| key.name == column.name))
        });
        let looked_up = looked_up.map(|column| Quoted(&column.name).to_string());
        Ok(Relation {
            lookup: Relation::lookup(&Vec::from_iter(looked_up), &schema.from, &[]),
            fingerprint: definition.fingerprint(
                "postgres",
                schema.from.trim_start_matches("ONLY "),
                Vec::from_iter(described).join(", "),
                fixed_values.collect(),
                &params.iter().map(bytes).collect::<Vec<_>>(),
            ),
            select: Vec::from_iter(select).join(", "),
            columns: columns.into(),
            key,
            key_columns: key_columns.into(),
            fixed: fixed_columns,
            filters,
            served,
            params,
            unique: true,
            settled: self.settled,
            name: schema.name,
            from: schema.from,
        })
    }
}

impl TableSpec {
    /// Returns the columns that are fixed to a value.
    fn fixed<'s>(&self, schema: &'s Schema) -> Result<Vec<&'s Column>, Error> {
        let mut fixed: Vec<&Column> = Vec::new();
        for (name, value) in &self.fixed {
            let column = schema.column(name)?;
            if fixed.iter().any(|before| before.name == column.name) {
                let message = format!("{}: {} is fixed twice", schema.name, Named(name));
                return Err(Error::new(ErrorKind::KeyColumns, message));
            }
            if *value == Value::Null {
                let message = format!(
                    "{}: {} can't be fixed to NULL, which equals nothing; use a filter",
                    schema.name,
                    Named(name)
                );
                return Err(Error::new(ErrorKind::Value, message));
            }
            fixed.push(column);
        }
        Ok(fixed)
    }

    /// Returns the names of the columns that are read.
    fn selected(&self, schema: &Schema) -> Result<Vec<String>, Error> {
        let Some(columns) = &self.columns else {
            return Ok(schema.column_names());
        };
        for (at, column) in columns.iter().enumerate() {
            schema.column(column)?;
            if columns[..at].contains(column) {
                let message = format!("{}: {} is read twice", schema.name, Named(column));
                return Err(Error::new(ErrorKind::KeyColumns, message));
            }
        }
        Ok(columns.clone())
    }
}

/// Writes the condition that a row is settled. `column`: the first one of the key.
///
/// All transactions with ids before a snapshot's `xmin` are over, and the snapshot shows what they committed. The
/// condition is an end of the search, and the planner knows its value: the functions are stable.
fn settled(schema: &Schema, column: &Column) -> Result<String, Error> {
    const IDS: [&str; 2] = ["((pg_current_xact_id())::text)::bigint", "txid_current()"];
    let is_id = |default: &String| IDS.contains(&&**default);
    if column.not_null && column.default.as_ref().is_some_and(is_id) {
        let end = "pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::int8";
        return Ok(format!("{} < {end}", Quoted(&column.name)));
    }
    let (name, table) = (Named(&column.name), &schema.from);
    let message = format!(
        "{}: with `settled`, the key must begin with the id of the transaction that inserted the row, and {name} isn't \
         that by its default; ALTER TABLE {table} ADD COLUMN xact int8 NOT NULL DEFAULT \
         pg_current_xact_id()::text::int8, and walk it by a unique key that begins with \"xact\"",
        schema.name
    );
    Err(Error::new(ErrorKind::Settled, message))
}

/// Checks that a filter is one expression over the table, and that its parameters fit; then splits it at its ANDs.
async fn split_filter(
    client: &Client,
    schema: &Schema,
    condition: &str,
    params: &[Param],
) -> Result<Vec<(String, Conjunct)>, Error> {
    let check = async |condition: &str| {
        let sql = format!("EXPLAIN SELECT FROM {} WHERE {condition}", schema.from);
        let checked = first_row(client, &sql, params).await;
        checked.map_err(|source| {
            let what = format!("the filter of {} is refused", schema.name);
            Error::refused(ErrorKind::Filter, &what, source)
        })
    };
    // Without added parentheses, a condition with unmatched ones is refused. With them, one that is followed by
    // something else, such as ORDER BY.
    check(condition).await?;
    check(&format!("({condition}\n)")).await?;
    let names = schema.column_names();
    let parts = Conjunct::all(Dialect::Postgres, condition, &names, &|_| true);
    let joined = parts.iter().map(|(part, _)| format!("({part}\n)"));
    let joined = Vec::from_iter(joined).join(" AND ");
    if parts.len() > 1 && check(&joined).await.is_err() {
        return Ok(Conjunct::all(Dialect::Postgres, condition, &names, &|_| {
            false
        }));
    }
    Ok(parts)
}
