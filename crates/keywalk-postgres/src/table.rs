use tokio_postgres::Client;
use tokio_postgres::types::{Kind, Type};

use keywalk::Order;
use keywalk_sql::{Conjunct, Definition, Dialect, FixedColumn, KeyColumn, Named, Quoted};

use crate::catalog::{Column, Index, Schema};
use crate::decode::{KeysOnly, Rows};
use crate::error::{Error, ErrorKind};
use crate::key::{ColumnLayout, DynKey, KeyColumns, Layout, Nulls, TextOrder};
use crate::relation::Relation;
use crate::source::{Spec, SqlBuilder, first_row};
use crate::value::{Param, Params, Value};

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
        let (key, key_columns, served) = proof.prove(self.key.as_deref(), layout)?;
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
        Ok(Relation {
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
            filters: conjuncts.into_iter().map(|(text, _)| text).collect(),
            served,
            params,
            unique: true,
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

/// Proves a key by what the catalog says.
struct Proof<'a> {
    schema: &'a Schema,
    fixed: &'a [&'a Column],
    /// The parts of the filter.
    conjuncts: &'a [(String, Conjunct)],
}

/// A key as it is proven, its columns, and the parts of the filter that its index implies.
type Proven = (Vec<KeyColumn<()>>, KeyColumns, Vec<usize>);

impl Proof<'_> {
    fn prove(&self, names: Option<&[String]>, layout: Layout) -> Result<Proven, Error> {
        let schema = self.schema;
        let names = match names {
            Some(names) => names.to_vec(),
            None => self.primary_key()?,
        };
        let columns = names.iter().map(|name| schema.column(name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        self.check_names(&names)?;
        let layouts = match &layout {
            Layout::Columns(layouts) => {
                check_count(&schema.name, names.len(), layouts.len())?;
                Some(layouts)
            }
            Layout::FromSchema => None,
        };
        for (at, column) in columns.iter().enumerate() {
            let layout = layouts.map(|layouts| &layouts[at]);
            check_type(&schema.name, &column.name, &column.column_type, layout)?;
            self.check_collation(column, layout)?;
            if layout.is_some_and(|layout| layout.nulls == Nulls::Never) && self.may_be_null(column)
            {
                return Err(self.nullable(column));
            }
        }
        let mut served = Vec::new();
        self.prove_unique(&columns, &mut served)?;
        let (index, is_backward) =
            self.find_sorted(&columns, layouts.map(|l| &**l), &mut served)?;
        let skipped = self.fixed.len();
        let mut key = Vec::new();
        let mut key_columns = KeyColumns {
            relation: schema.from.clone(),
            names,
            types: Vec::new(),
            orders: Vec::new(),
            text_orders: Vec::new(),
            nulls: Vec::new(),
        };
        for (at, column) in columns.iter().enumerate() {
            let sorted = &index.columns[skipped + at];
            let may_be_null = self.may_be_null(column);
            let order = match sorted.descending != is_backward {
                true => Order::Descending,
                false => Order::Ascending,
            };
            let nulls_last = sorted.nulls_first == is_backward;
            let nulls = match layouts {
                Some(layouts) => layouts[at].nulls,
                None if !may_be_null => Nulls::Never,
                None if nulls_last => Nulls::Last,
                None => Nulls::First,
            };
            let collation = column.collation.as_ref();
            let is_text = TextOrder::Collation;
            let text_order = match (collation, layouts) {
                (_, Some(layouts)) => layouts[at].text_order,
                (Some(collation), None) if !collation.is_binary => is_text,
                (_, None) if matches!(column.column_type.kind(), Kind::Enum(_)) => is_text,
                (Some(_), None) => TextOrder::Binary,
                (None, None) => TextOrder::NotText,
            };
            key_columns.types.push(column.column_type.clone());
            key_columns.orders.push(order);
            key_columns.text_orders.push(text_order);
            key_columns.nulls.push(nulls);
            key.push(KeyColumn {
                name: column.name.clone(),
                expression: Quoted(&column.name).to_string(),
                uncollated: Quoted(&column.name).to_string(),
                order,
                nulls_last,
                is_collated: text_order == TextOrder::Collation,
                text_order: Some(describe(&column.column_type, collation.map(|c| &*c.text))),
                nullable: nulls != Nulls::Never,
                may_be_null: nulls != Nulls::Never && may_be_null,
                excludes_null: !column.not_null && !may_be_null,
                at: None,
                own: (),
            });
        }
        served.sort_unstable();
        served.dedup();
        Ok((key, key_columns, served))
    }

    /// Returns the columns of the primary key, without those that are fixed.
    fn primary_key(&self) -> Result<Vec<String>, Error> {
        let schema = self.schema;
        let Some(index) = schema.indexes.iter().find(|index| index.is_primary) else {
            let message = format!(
                "{} has no primary key: name the columns of another unique key with `key`",
                schema.name
            );
            return Err(Error::new(ErrorKind::NoPrimaryKey, message));
        };
        let columns = schema.names_of(index);
        let columns = columns.filter(|column| !self.is_fixed(column));
        Ok(columns.map(|column| column.name.clone()).collect())
    }

    fn is_fixed(&self, column: &Column) -> bool {
        self.fixed.iter().any(|fixed| fixed.name == column.name)
    }

    fn check_names(&self, names: &[String]) -> Result<(), Error> {
        let relation = &self.schema.name;
        let refused = |message| Err(Error::new(ErrorKind::KeyColumns, message));
        if names.is_empty() {
            return refused(format!("{relation}: a key has at least one column"));
        }
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return refused(format!("{relation}: {} is twice in the key", Named(name)));
            }
            if self.fixed.iter().any(|fixed| fixed.name == *name) {
                let name = Named(name);
                return refused(format!(
                    "{relation}: {name} is fixed by `prefix_eq`, so leave it out of the key"
                ));
            }
        }
        Ok(())
    }

    fn check_collation(&self, column: &Column, layout: Option<&ColumnLayout>) -> Result<(), Error> {
        let Some(collation) = &column.collation else {
            return Ok(());
        };
        let (relation, name, text) = (&self.schema.name, Named(&column.name), &collation.text);
        if !collation.is_deterministic {
            let message = format!(
                "{relation}: {name} has the nondeterministic {text}, in which unequal texts are equal; walk by \
                 another key, or by a column with a deterministic collation"
            );
            return Err(Error::new(ErrorKind::Collation, message));
        }
        check_text_order(relation, &column.name, collation.is_binary, text, layout)
    }

    /// Checks whether rows of the walk may hold NULL in the column.
    fn may_be_null(&self, column: &Column) -> bool {
        !column.not_null && !self.is_fixed(column) && !self.excludes_null(column)
    }

    /// Checks whether the filter leaves out rows with NULL in the column.
    fn excludes_null(&self, column: &Column) -> bool {
        let mut conjuncts = self.conjuncts.iter();
        conjuncts.any(|(_, conjunct)| conjunct.is_not_null(Dialect::Postgres, &column.name))
    }

    fn nullable(&self, column: &Column) -> Error {
        let (relation, name) = (&self.schema.name, Named(&column.name));
        let message = format!(
            "{relation}: {name} may be NULL; declare it NOT NULL, filter by `{name} IS NOT NULL`, or make its type \
             an `Option` (NULLS FIRST) or a `NullsLast` in a key that is unique without it"
        );
        Error::new(ErrorKind::Nullable, message)
    }

    /// Returns the positions of the filter's parts that imply a partial index's condition; `None` if they don't.
    fn implied(&self, index: &Index) -> Option<Vec<usize>> {
        let Some(predicate) = &index.predicate else {
            return Some(Vec::new());
        };
        let names = self.schema.column_names();
        let parts = Conjunct::all(Dialect::Postgres, predicate, &names, &|_| true);
        let place = |part: &(String, Conjunct)| {
            let mut conjuncts = self.conjuncts.iter();
            conjuncts.position(|(_, conjunct)| *conjunct == part.1)
        };
        parts.iter().map(place).collect()
    }

    /// Proves that the key is unique.
    fn prove_unique(&self, columns: &[&Column], served: &mut Vec<usize>) -> Result<(), Error> {
        let schema = self.schema;
        let is_known = |column: &Column| {
            self.is_fixed(column) || columns.iter().any(|key| key.name == column.name)
        };
        let mut why = None;
        for index in schema.indexes.iter().filter(|index| index.is_unique) {
            let is_within = index.fault() != Some("is over an expression")
                && schema.names_of(index).count() == index.columns.len()
                && schema.names_of(index).all(is_known);
            if !is_within {
                continue;
            }
            let name = Named(&index.name);
            let nullable = schema
                .names_of(index)
                .find(|column| !index.has_one_null && self.may_be_null(column));
            let implied = self.implied(index);
            let reason = match (index.fault(), nullable, &implied) {
                (Some(fault), ..) => format!("the unique index {name} {fault}"),
                _ if !index.is_immediate => format!(
                    "the constraint {name} is deferrable, so that keys may repeat within a transaction: declare it \
                     NOT DEFERRABLE"
                ),
                (_, Some(column), _) => format!(
                    "the unique index {name} allows many rows with NULL in {}: declare that column NOT NULL, or \
                     add the primary key to the key's columns",
                    Named(&column.name)
                ),
                (_, _, None) => format!(
                    "the unique index {name} is partial: give the table the filter `{}`",
                    index.predicate.as_deref().unwrap_or_default()
                ),
                (None, None, Some(parts)) => {
                    served.extend(parts);
                    return Ok(());
                }
            };
            why.get_or_insert(reason);
        }
        let names: Vec<_> = columns
            .iter()
            .map(|column| Quoted(&column.name).to_string())
            .collect();
        let names = names.join(", ");
        let why = why.unwrap_or_else(|| {
            format!("add the columns of the primary key, or create a UNIQUE index on ({names})")
        });
        let message = format!(
            "{}: nothing makes the key ({names}) unique; {why}",
            schema.name
        );
        Err(Error::new(ErrorKind::NotUnique, message))
    }

    /// Finds an index that is sorted by the fixed columns, in any order of these, and then by the key. Returns whether
    /// it is read backward in an ascending walk.
    fn find_sorted(
        &self,
        columns: &[&Column],
        layouts: Option<&[ColumnLayout]>,
        served: &mut Vec<usize>,
    ) -> Result<(&Index, bool), Error> {
        let schema = self.schema;
        let mut why = None;
        for index in &schema.indexes {
            let Some((lead, key)) = index.columns.split_at_checked(self.fixed.len()) else {
                continue;
            };
            let leads = lead
                .iter()
                .all(|of| self.fixed.iter().any(|fixed| of.is(fixed)));
            let is_key =
                key.len() >= columns.len() && key.iter().zip(columns).all(|(of, c)| of.is(c));
            if !leads || !is_key {
                continue;
            }
            let name = Named(&index.name);
            let sorts = lead
                .iter()
                .all(|of| self.fixed.iter().any(|fixed| of.sorts(fixed)))
                && key.iter().zip(columns).all(|(of, column)| of.sorts(column));
            let way = [false, true].into_iter().find(|is_backward| {
                layouts.is_none_or(|layouts| {
                    key.iter().zip(layouts).all(|(of, layout)| {
                        let descends = of.descending != *is_backward;
                        let is_last = of.nulls_first == *is_backward;
                        let nulls_fit = match layout.nulls {
                            Nulls::Never => true,
                            Nulls::First => !is_last,
                            Nulls::Last => is_last,
                        };
                        descends == (layout.order == Order::Descending) && nulls_fit
                    })
                })
            });
            let reason = match (index.fault(), self.implied(index), way) {
                _ if index.method != "btree" => format!("index {name} is no B-tree"),
                (Some(fault), ..) => format!("index {name} {fault}"),
                _ if !sorts => format!(
                    "index {name} has another collation or operator class than its columns' own"
                ),
                (_, None, _) => format!(
                    "index {name} is partial: give the table the filter `{}`",
                    index.predicate.as_deref().unwrap_or_default()
                ),
                (_, _, None) => format!("index {name} has other directions or places of NULL"),
                (None, Some(parts), Some(is_backward)) => {
                    served.extend(parts);
                    return Ok((index, is_backward));
                }
            };
            why.get_or_insert(reason);
        }
        let fixed = self
            .fixed
            .iter()
            .map(|column| Quoted(&column.name).to_string());
        let key = columns.iter().enumerate().map(|(at, column)| {
            let layout = layouts.map(|layouts| (layouts[at].order, layouts[at].nulls));
            let (direction, nulls) = match layout {
                Some((Order::Descending, nulls)) => (" DESC", nulls),
                Some((Order::Ascending, nulls)) => ("", nulls),
                None => ("", Nulls::Never),
            };
            // What isn't the default is written.
            let nulls = match (direction, nulls) {
                ("", Nulls::First) => " NULLS FIRST",
                (" DESC", Nulls::Last) => " NULLS LAST",
                _ => "",
            };
            format!("{}{direction}{nulls}", Quoted(&column.name))
        });
        let wanted = Vec::from_iter(fixed.chain(key)).join(", ");
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let message = format!(
            "{} has no index sorted by ({wanted}){why}; CREATE INDEX ON {} ({wanted}), or walk by another key",
            schema.name,
            schema.from.trim_start_matches("ONLY ")
        );
        Err(Error::new(ErrorKind::NotSeekable, message))
    }
}

pub(crate) fn check_count(relation: &str, given: usize, wanted: usize) -> Result<(), Error> {
    if given == wanted {
        return Ok(());
    }
    let message = format!("{relation}: the key names {given} columns, but its type has {wanted}");
    Err(Error::new(ErrorKind::KeyColumns, message))
}

/// Checks that a key's type can hold the column's values.
pub(crate) fn check_type(
    relation: &str,
    name: &str,
    column: &Type,
    layout: Option<&ColumnLayout>,
) -> Result<(), Error> {
    let is_accepted = match layout {
        Some(layout) => (layout.accepts)(column),
        None => rust_type(column).is_some(),
    };
    if is_accepted {
        return Ok(());
    }
    let is = format!("{relation}: {} is {}", Named(name), column.name());
    let message = match (rust_type(column), layout) {
        (Some(rust), Some(layout)) => {
            format!(
                "{is}, and the key's type holds {}; use `{rust}`",
                layout.expected
            )
        }
        _ => match *column {
            Type::FLOAT4 | Type::FLOAT8 => format!(
                "{is}, which can't be a key: NaN and -0 have no place of their own; walk by another key"
            ),
            _ => format!("{is}, which can't be a key; walk by another key"),
        },
    };
    Err(Error::new(ErrorKind::KeyColumns, message))
}

/// Returns the Rust type for a key column; `None` if it can't be one.
fn rust_type(column: &Type) -> Option<&'static str> {
    Some(match *column {
        Type::INT2 => "i16",
        Type::INT4 => "i32",
        Type::INT8 => "i64",
        Type::NUMERIC => "Numeric",
        Type::BOOL => "bool",
        Type::TEXT | Type::VARCHAR => "String` or `Collated",
        Type::BYTEA => "Vec<u8>",
        Type::UUID => "Uuid",
        Type::DATE => "Date",
        Type::TIMESTAMP => "Timestamp",
        Type::TIMESTAMPTZ => "TimestampTz",
        _ if matches!(column.kind(), Kind::Enum(_)) => "Collated",
        _ => return None,
    })
}

/// Checks that a key's type orders text as the column's collation does.
pub(crate) fn check_text_order(
    relation: &str,
    name: &str,
    is_binary: bool,
    collation: &str,
    layout: Option<&ColumnLayout>,
) -> Result<(), Error> {
    if is_binary || layout.is_none_or(|layout| layout.text_order != TextOrder::Binary) {
        return Ok(());
    }
    let message = format!(
        "{relation}: {} isn't sorted by bytes as a `String` is, but by {collation}; use `Collated`, or declare the \
         column COLLATE \"C\"",
        Named(name)
    );
    Err(Error::new(ErrorKind::Collation, message))
}

/// Describes a key column's values, for fingerprints.
pub(crate) fn describe(column: &Type, collation: Option<&str>) -> String {
    let name = match column.kind() {
        Kind::Enum(_) => format!("{}.{}", Quoted(column.schema()), Quoted(column.name())),
        _ => column.name().to_owned(),
    };
    match collation {
        Some(collation) => format!("{name} {collation}"),
        None => name,
    }
}
