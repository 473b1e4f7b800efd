use tokio_postgres::Client;
use tokio_postgres::types::{Kind, Type};

use keywalk::Order;
use keywalk_sql::{Definition, Dialect, KeyColumn, Named, Quoted, without_end};

use crate::catalog::collations;
use crate::decode::Rows;
use crate::error::{Error, ErrorKind};
use crate::key::{KeyColumns, Layout, Nulls, TextOrder};
use crate::relation::Relation;
use crate::source::{Spec, SqlBuilder, first_row};
use crate::table::proof::{check_count, check_text_order, check_type, describe};
use crate::value::{Param, Params, Value};

/// A SELECT, walked by columns of its result: a join, a view, or any other query. A builder that is awaited once, and
/// then is a source. Its items are `(key, row)`.
///
/// The query becomes a subselect of the walk's statements, so it must not have an ORDER BY or LIMIT of its own.
/// PostgreSQL pushes the search by the key down into it. Its parameters are `$1`, `$2` and so on; see
/// [`Value`] for their types.
///
/// ```no_run
/// use keywalk_postgres::{Query, tokio_postgres::Client};
///
/// # async fn example(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// let sql = "SELECT o.id, o.sum, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.sum > $1";
/// let orders = Query::new(client, sql, [100])
///     .key::<i64>(["id"])
///     .map(|row| row.try_get::<_, String>("name"))
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # What is checked
///
/// - When it is awaited: that it is one SELECT that PostgreSQL accepts, that it has the key's columns with the key's
///   types, and that text is sorted as the key's type compares.
/// - At the first fetch that begins after a key: the plan. If it sorts, or scans, much more than a chunk, the query is
///   refused ([`ErrorKind::NotSeekable`]). The key's columns should belong to one index.
/// - While it is walked: that no key repeats, also across chunks (one row is read ahead). A repeat is an
///   [error](ErrorKind::RepeatedKey).
///
/// Rows whose key is NULL in a column are left out. A condition inside the query that drops most rows is checked row
/// by row within one fetch; only a table's [`filter`](crate::Table::filter) is spread over several fetches.
pub type Query<'a, C, K = (), D = Rows> = SqlBuilder<'a, C, QuerySpec, K, D>;

/// The definition of a [`Query`]: its SELECT and its key.
#[derive(Clone, Debug)]
pub struct QuerySpec {
    sql: String,
    params: Vec<Value>,
    key: Vec<String>,
}

impl<'a, C> Query<'a, C> {
    /// Walks the rows of this SELECT. Set the key with [`key`](Self::key).
    pub fn new(client: C, sql: impl Into<String>, params: impl Params) -> Self {
        let sql = sql.into();
        let spec = QuerySpec {
            sql: without_end(Dialect::Postgres, &sql).trim_start().to_owned(),
            params: params.into_values(),
            key: Vec::new(),
        };
        SqlBuilder::of(client, spec, Rows::default())
    }
}

/// For messages.
const NAME: &str = "the query";

impl Spec for QuerySpec {
    fn set_key(&mut self, columns: Vec<String>) {
        self.key = columns;
    }

    async fn resolve(&self, client: &Client, layout: Layout) -> Result<Relation, Error> {
        let params: Vec<Param> = self.params.iter().map(Value::to_param).collect();
        let sql = &self.sql;
        let refused = |source| Error::refused(ErrorKind::Query, "the query is refused", source);
        // A query with an ORDER BY or LIMIT accepts no further ORDER BY.
        let ordered = format!("EXPLAIN SELECT FROM ({sql}\nORDER BY 1\n) AS \"query\"");
        let plain = format!("EXPLAIN SELECT FROM ({sql}\n) AS \"query\"");
        first_row(client, &plain, &params).await.map_err(refused)?;
        if let Err(source) = first_row(client, &ordered, &params).await {
            let what = "the query must be a SELECT without ORDER BY, LIMIT and FOR UPDATE of its own: a walk adds them";
            return Err(Error::refused(ErrorKind::Query, what, source));
        }
        // One row of NULLs, which has the query's columns. The query isn't executed.
        let over = format!(
            "FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT * FROM ({sql}\n) AS \"query\" WHERE false) AS \"query\" \
             ON true"
        );
        let row = first_row(client, &format!("SELECT \"query\".* {over}"), &params).await;
        let row = row.map_err(refused)?;
        let columns = row.iter().flat_map(tokio_postgres::Row::columns);
        let columns: Vec<(String, Type)> = columns
            .map(|column| (column.name().to_owned(), column.type_().clone()))
            .collect();
        let names = Vec::from_iter(columns.iter().map(|(name, _)| name.clone()));
        let layouts = match &layout {
            Layout::Columns(layouts) => {
                check_count(NAME, self.key.len(), layouts.len())?;
                Some(layouts)
            }
            Layout::FromSchema => None,
        };
        let mut at = Vec::new();
        for (column, key) in self.key.iter().enumerate() {
            let mut found = columns
                .iter()
                .enumerate()
                .filter(|(_, (name, _))| name == key);
            let Some((position, (_, column_type))) = found.next() else {
                return Err(Error::no_such_column(NAME, key, &names));
            };
            if found.next().is_some() || self.key[..column].contains(key) {
                let message = format!(
                    "{NAME} has two columns {}; give one another name",
                    Named(key)
                );
                return Err(Error::new(ErrorKind::KeyColumns, message));
            }
            check_type(
                NAME,
                key,
                column_type,
                layouts.map(|layouts| &layouts[column]),
            )?;
            at.push(position);
        }
        let is_text = |at: &usize| matches!(columns[*at].1, Type::TEXT | Type::VARCHAR);
        let collated = self.key.iter().zip(&at).map(|(key, at)| match is_text(at) {
            true => format!("pg_collation_for(\"query\".{})", Quoted(key)),
            false => "NULL::text".to_owned(),
        });
        let collated = Vec::from_iter(collated).join(", ");
        let row = first_row(client, &format!("SELECT {collated} {over}"), &params).await;
        let row = row.map_err(refused)?;
        let collated = (0..at.len()).map(|at| match &row {
            Some(row) => row.try_get::<_, Option<String>>(at),
            None => Ok(None),
        });
        let failed = |source| Error::postgres(NAME, source);
        let collated: Vec<_> = collated.collect::<Result<_, _>>().map_err(failed)?;
        let found = collations(client, &collated).await.map_err(failed)?;
        let mut key_columns = KeyColumns {
            relation: sql.clone(),
            names: self.key.clone(),
            types: Vec::new(),
            orders: Vec::new(),
            text_orders: Vec::new(),
            nulls: Vec::new(),
        };
        let mut key = Vec::new();
        for (column, name) in self.key.iter().enumerate() {
            let layout = layouts.map(|layouts| &layouts[column]);
            let column_type = &columns[at[column]].1;
            let collation = found[column].as_ref();
            let is_binary = collation.is_some_and(|collation| collation.is_binary);
            let is_text = matches!(*column_type, Type::TEXT | Type::VARCHAR);
            if collation.is_some_and(|collation| !collation.is_deterministic) {
                let message = format!(
                    "{NAME}: {} has a nondeterministic collation, in which unequal texts are \
                     equal; walk by another key, or add COLLATE",
                    Named(name)
                );
                return Err(Error::new(ErrorKind::Collation, message));
            }
            if is_text {
                let text = collation.map_or("no collation", |collation| &collation.text);
                check_text_order(NAME, name, is_binary, text, layout)?;
            }
            if layout.is_some_and(|layout| layout.nulls != Nulls::Never) {
                let message = format!(
                    "{NAME}: rows with NULL in {} aren't walked; use the type without \
                     `Option` or `NullsLast`",
                    Named(name)
                );
                return Err(Error::new(ErrorKind::Nullable, message));
            }
            let order = layout.map_or(Order::Ascending, |layout| layout.order);
            let text_order = match layout {
                Some(layout) => layout.text_order,
                None if is_text && !is_binary => TextOrder::Collation,
                None if matches!(column_type.kind(), Kind::Enum(_)) => TextOrder::Collation,
                None if is_text => TextOrder::Binary,
                None => TextOrder::NotText,
            };
            key_columns.types.push(column_type.clone());
            key_columns.orders.push(order);
            key_columns.text_orders.push(text_order);
            key_columns.nulls.push(Nulls::Never);
            let expression = format!("\"query\".{}", Quoted(name));
            key.push(KeyColumn {
                name: name.clone(),
                uncollated: expression.clone(),
                expression,
                order,
                // The default of an index.
                nulls_last: order == Order::Ascending,
                is_collated: text_order == TextOrder::Collation,
                text_order: Some(describe(column_type, collation.map(|c| &*c.text))),
                nullable: false,
                may_be_null: false,
                excludes_null: true,
                at: Some(at[column]),
                own: (),
            });
        }
        let described = key
            .iter()
            .map(|key| key.describe(Dialect::Postgres, &key.name));
        let bytes = |param: &Param| param.bytes.clone().unwrap_or_default();
        let params_bytes: Vec<_> = params.iter().map(bytes).collect();
        let described = Vec::from_iter(described).join(", ");
        let definition = Definition::Query(sql.clone());
        let from = format!("({sql}\n) AS \"query\"");
        let select = "\"query\".*".to_owned();
        let mut types = columns.iter().map(|(_, column)| column);
        let looked_up = types.find(|column| Type::from_oid(column.oid()).is_none());
        let looked_up = looked_up.map(|_| select.clone());
        Ok(Relation {
            lookup: Relation::lookup(looked_up.as_slice(), &from, &params),
            fingerprint: definition.fingerprint(
                "postgres",
                "",
                described,
                Vec::new(),
                &params_bytes,
            ),
            name: NAME.to_owned(),
            from,
            select,
            columns: names.into(),
            key,
            key_columns: key_columns.into(),
            fixed: Vec::new(),
            filters: Vec::new(),
            served: Vec::new(),
            params,
            unique: false,
            settled: false,
        })
    }
}

/// Checks a plan of EXPLAIN: it may not sort or scan many rows. `lines`: its lines of text.
pub(crate) fn check_plan(lines: &[String]) -> Result<(), Error> {
    let of_node = |line: &str, name: &str, after: &str| {
        let node = line.trim_start().trim_start_matches("->").trim_start();
        let cost: f64 = match node.starts_with(name) {
            true => node
                .split_once(after)?
                .1
                .split([' ', ')'])
                .next()?
                .parse()
                .ok()?,
            false => return None,
        };
        Some(cost)
    };
    // The estimated rows that a sort returns are those that it reads, unless a LIMIT above it stops it; the total cost
    // of a scan is that of reading all.
    let sorts = |line: &&String| {
        ["Sort", "Incremental Sort"]
            .iter()
            .any(|name| of_node(line, name, "rows=").is_some_and(|rows| rows > MANY_ROWS))
    };
    let scans = |line: &&String| {
        ["Seq Scan", "Parallel Seq Scan"]
            .iter()
            .any(|name| of_node(line, name, "..").is_some_and(|cost| cost > MUCH_COST))
    };
    let Some(line) = lines
        .iter()
        .find(sorts)
        .or_else(|| lines.iter().find(scans))
    else {
        return Ok(());
    };
    let message = format!(
        "the query can't be searched by its key: its plan has `{}`; the key's columns must belong to one index, in \
         its order and collation, and the query must not group or sort",
        line.trim()
    );
    Err(Error::new(ErrorKind::NotSeekable, message))
}

/// Above this, a sort for each chunk isn't accepted.
const MANY_ROWS: f64 = 10_000.0;

/// Above this (1,000 pages, by PostgreSQL's default costs), a scan for each chunk isn't accepted.
const MUCH_COST: f64 = 1_000.0;
