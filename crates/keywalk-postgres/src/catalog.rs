//! What the catalog says of a table.

use tokio_postgres::types::{Kind, Type};
use tokio_postgres::{Client, Row};

use keywalk_sql::{Named, Names, Quoted};

use crate::error::{Error, ErrorKind};

/// A table as the catalog describes it.
#[derive(Debug)]
pub(crate) struct Schema {
    /// For messages: `table "public"."items"`.
    pub(crate) name: String,
    /// The text after FROM.
    pub(crate) from: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
}

#[derive(Debug)]
pub(crate) struct Column {
    number: i16,
    pub(crate) name: String,
    /// The type of its values; for a domain its base type.
    pub(crate) column_type: Type,
    pub(crate) not_null: bool,
    /// The expression of its default value.
    pub(crate) default: Option<String>,
    pub(crate) collation: Option<Collation>,
}

#[derive(Clone, Debug)]
pub(crate) struct Collation {
    oid: u32,
    /// As written in SQL, with the database's own name for its default.
    pub(crate) text: String,
    /// Text is sorted by its UTF-8 bytes.
    pub(crate) is_binary: bool,
    pub(crate) is_deterministic: bool,
}

#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) is_unique: bool,
    pub(crate) is_primary: bool,
    pub(crate) is_immediate: bool,
    /// UNIQUE NULLS NOT DISTINCT: NULL counts as a value.
    pub(crate) has_one_null: bool,
    pub(crate) is_valid: bool,
    /// The condition of a partial index.
    pub(crate) predicate: Option<String>,
    pub(crate) has_expressions: bool,
    /// Those that are searched, without those of INCLUDE.
    pub(crate) columns: Vec<IndexColumn>,
}

#[derive(Debug)]
pub(crate) struct IndexColumn {
    number: i16,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
    collation: u32,
    is_default_class: bool,
}

impl IndexColumn {
    /// Checks whether the index sorts this column in the column's own order.
    pub(crate) fn sorts(&self, column: &Column) -> bool {
        let collation = column
            .collation
            .as_ref()
            .map_or(0, |collation| collation.oid);
        self.number == column.number && self.is_default_class && self.collation == collation
    }

    pub(crate) fn is(&self, column: &Column) -> bool {
        self.number == column.number
    }
}

const TABLE: &str = "\
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
        EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname::text = $1 AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
        AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) \
            ELSE n.nspname::text = $2 END";

// `to_jsonb` reads columns of the catalog that older servers don't have.
const COLUMNS: &str = "\
    SELECT a.attnum, a.attname::text, a.attnotnull, b.oid, b.typname::text, bn.nspname::text, b.typtype::text, \
        a.attcollation, co.collname::text, con.nspname::text, \
        coalesce((to_jsonb(co) ->> 'collisdeterministic')::bool, true), \
        CASE co.collprovider WHEN 'd' THEN d.datcollate WHEN 'c' THEN to_jsonb(co) ->> 'collcollate' END, \
        CASE WHEN co.collprovider = 'd' THEN coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') \
            ELSE co.collprovider::text END, \
        (SELECT pg_catalog.pg_get_expr(def.adbin, def.adrelid) FROM pg_catalog.pg_attrdef def \
            WHERE def.adrelid = a.attrelid AND def.adnum = a.attnum AND a.attgenerated = '') \
    FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
    JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace \
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database() \
    LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation \
    LEFT JOIN pg_catalog.pg_namespace con ON con.oid = co.collnamespace \
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const INDEXES: &str = "\
    SELECT ic.relname::text, am.amname::text, i.indisunique, i.indisprimary, i.indimmediate, \
        i.indisvalid AND i.indisready, pg_catalog.pg_get_expr(i.indpred, i.indrelid), \
        i.indexprs IS NOT NULL, i.indnkeyatts::int4, i.indkey::text, i.indoption::text, i.indcollation::text, \
        (SELECT string_agg(o.opcdefault::int::text, ' ' ORDER BY k.at) \
            FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (oid, at) \
            JOIN pg_catalog.pg_opclass o ON o.oid = k.oid), \
        coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) \
    FROM pg_catalog.pg_index i \
    JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid \
    JOIN pg_catalog.pg_am am ON am.oid = ic.relam \
    WHERE i.indrelid = $1 AND i.indislive ORDER BY i.indisprimary DESC, ic.relname";

impl Schema {
    /// Reads a table's columns and indexes. `only`: whether children by inheritance are left out.
    pub(crate) async fn read(
        client: &Client,
        schema: Option<&str>,
        table: &str,
        only: bool,
    ) -> Result<Self, Error> {
        let name = match schema {
            Some(schema) => format!("table {}.{}", Named(schema), Named(table)),
            None => format!("table {}", Named(table)),
        };
        let failed = |source| Error::postgres(&name, source);
        let found = client
            .query_typed(TABLE, &[(&table, Type::TEXT), (&schema, Type::TEXT)])
            .await
            .map_err(failed)?;
        let Some(found) = found.first() else {
            return Err(Error::no_such_table(&name, schema.is_some()));
        };
        let column = |at| found.try_get::<_, String>(at).map_err(failed);
        let oid: u32 = found.try_get(0).map_err(failed)?;
        let (schema, table, kind) = (column(1)?, column(2)?, column(3)?);
        let name = format!("table {}.{}", Named(&schema), Named(&table));
        let has_children: bool = found.try_get(4).map_err(failed)?;
        let mut from = format!("{}.{}", Quoted(&schema), Quoted(&table));
        match &*kind {
            "v" => return Err(Error::not_a_table(&name, VIEW)),
            "f" => return Err(Error::not_a_table(&name, FOREIGN)),
            "r" if has_children && !only => return Err(Error::not_a_table(&name, PARENT)),
            "r" if has_children => from.insert_str(0, "ONLY "),
            _ => {}
        }
        let columns = client.query_typed(COLUMNS, &[(&oid, Type::OID)]).await;
        let columns = columns.map_err(failed)?;
        let indexes = client.query_typed(INDEXES, &[(&oid, Type::OID)]).await;
        let indexes = indexes.map_err(failed)?;
        let columns: Result<_, _> = columns.iter().map(Column::of).collect();
        let indexes: Result<_, _> = indexes.iter().map(Index::of).collect();
        Ok(Schema {
            columns: columns.map_err(failed)?,
            indexes: indexes.map_err(failed)?,
            from,
            name,
        })
    }

    /// Returns the column of that name.
    pub(crate) fn column(&self, name: &str) -> Result<&Column, Error> {
        let found = self.columns.iter().find(|column| column.name == name);
        found.ok_or_else(|| Error::no_such_column(&self.name, name, &self.column_names()))
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    }

    /// Returns the names of an index's columns.
    pub(crate) fn names_of<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = &'a Column> {
        let columns = index.columns.iter();
        columns.filter_map(|of| self.columns.iter().find(|column| of.is(column)))
    }
}

impl Column {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let collation = match row.try_get(7)? {
            0 => None,
            oid => {
                let (name, schema): (String, String) = (row.try_get(8)?, row.try_get(9)?);
                let (locale, provider) = (row.try_get(11)?, row.try_get(12)?);
                Some(Collation::new(
                    oid,
                    &name,
                    &schema,
                    row.try_get(10)?,
                    locale,
                    provider,
                ))
            }
        };
        Ok(Column {
            number: row.try_get(0)?,
            name: row.try_get(1)?,
            column_type: type_of(
                row.try_get(3)?,
                row.try_get(4)?,
                row.try_get(5)?,
                row.try_get(6)?,
            ),
            not_null: row.try_get(2)?,
            default: row.try_get(13)?,
            collation,
        })
    }
}

impl Collation {
    /// `locale`: that of the operating system, if it is one. `provider`: whose collation it is, or for the database's
    /// default the database's.
    fn new(
        oid: u32,
        name: &str,
        schema: &str,
        is_deterministic: bool,
        locale: Option<String>,
        provider: String,
    ) -> Self {
        let is_by_code_point = |locale: &str| {
            ["c", "posix", "c.utf-8", "c.utf8"].contains(&&*locale.to_ascii_lowercase())
        };
        let is_binary = match &*provider {
            // All of PostgreSQL's own sort by code points.
            "b" => true,
            "c" => locale.as_deref().is_some_and(is_by_code_point),
            _ => false,
        };
        let mut text = format!("COLLATE {}.{}", Quoted(schema), Quoted(name));
        if let Some(locale) = locale.filter(|_| name == "default") {
            text += &format!(" ({locale})");
        }
        Collation {
            oid,
            text,
            is_binary,
            is_deterministic,
        }
    }
}

impl Index {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        fn numbers<T: std::str::FromStr>(text: &str) -> impl Iterator<Item = T> {
            text.split_whitespace()
                .filter_map(|number| number.parse().ok())
        }
        let width: i32 = row.try_get(8)?;
        let column = |at| row.try_get::<_, &str>(at);
        let columns = numbers::<i16>(column(9)?)
            .zip(numbers::<i16>(column(10)?))
            .zip(numbers::<u32>(column(11)?).zip(numbers::<i16>(column(12)?)))
            .take(usize::try_from(width).unwrap_or(0))
            .map(|((number, option), (collation, class))| IndexColumn {
                number,
                descending: option & 1 != 0,
                nulls_first: option & 2 != 0,
                collation,
                is_default_class: class == 1,
            });
        Ok(Index {
            columns: columns.collect(),
            name: row.try_get(0)?,
            method: row.try_get(1)?,
            is_unique: row.try_get(2)?,
            is_primary: row.try_get(3)?,
            is_immediate: row.try_get(4)?,
            is_valid: row.try_get(5)?,
            predicate: row.try_get(6)?,
            has_expressions: row.try_get(7)?,
            has_one_null: row.try_get(13)?,
        })
    }

    /// Why the index can neither be searched nor prove anything, whatever its columns are.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            _ if !self.is_valid => Some("is invalid: REINDEX rebuilds it"),
            _ if self.has_expressions => Some("is over an expression"),
            _ => None,
        }
    }
}

/// Returns a type by what the catalog says of it.
fn type_of(oid: u32, name: String, schema: String, kind: String) -> Type {
    Type::from_oid(oid).unwrap_or_else(|| {
        let kind = match &*kind {
            "e" => Kind::Enum(Vec::new()),
            _ => Kind::Simple,
        };
        Type::new(name, oid, kind, schema)
    })
}

/// Returns the collations by which a query's columns are compared.
pub(crate) async fn collations(
    client: &Client,
    names: &[Option<String>],
) -> Result<Vec<Option<Collation>>, tokio_postgres::Error> {
    const ONE: &str = "\
        SELECT co.oid, co.collname::text, con.nspname::text, \
            coalesce((to_jsonb(co) ->> 'collisdeterministic')::bool, true), \
            CASE co.collprovider WHEN 'd' THEN d.datcollate WHEN 'c' THEN to_jsonb(co) ->> 'collcollate' END, \
            CASE WHEN co.collprovider = 'd' THEN coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') \
                ELSE co.collprovider::text END \
        FROM pg_catalog.pg_collation co \
        JOIN pg_catalog.pg_namespace con ON con.oid = co.collnamespace \
        JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database() \
        WHERE co.oid = pg_catalog.to_regcollation($1)";
    let mut collations = Vec::new();
    for name in names {
        let Some(name) = name else {
            collations.push(None);
            continue;
        };
        let rows = client.query_typed(ONE, &[(name, Type::TEXT)]).await?;
        let collation = match rows.first() {
            None => None,
            Some(row) => {
                let (name, schema): (String, String) = (row.try_get(1)?, row.try_get(2)?);
                Some(Collation::new(
                    row.try_get(0)?,
                    &name,
                    &schema,
                    row.try_get(3)?,
                    row.try_get(4)?,
                    row.try_get(5)?,
                ))
            }
        };
        collations.push(collation);
    }
    Ok(collations)
}

const VIEW: &str = "is a view, and nothing proves a key of it: walk it as \
     `Query::new(client, \"SELECT * FROM …\", [])`";
const FOREIGN: &str = "is a foreign table, and nothing proves a key of it: walk it as a `Query`, by a \
     single column (a key of several isn't searched by the other server)";
const PARENT: &str = "has children by inheritance, which may hold the same keys: walk it without them, with \
     `only()`, and each child by itself";

impl Error {
    fn no_such_table(name: &str, is_qualified: bool) -> Self {
        let cure = match is_qualified {
            true => "the name is taken literally, upper and lower case too",
            false => {
                "write \"schema.table\" if its schema isn't in the search_path; upper and lower case count"
            }
        };
        Error::new(
            ErrorKind::NoSuchTable,
            format!("there is no {name}; {cure}"),
        )
    }

    fn not_a_table(name: &str, why: &str) -> Self {
        let name = name.strip_prefix("table ").unwrap_or(name);
        Error::new(ErrorKind::NotATable, format!("{name} {why}"))
    }

    pub(crate) fn no_such_column(relation: &str, column: &str, columns: &[String]) -> Self {
        let (column, columns) = (Named(column), Names(columns));
        let message = format!("{relation} has no column {column}; its columns are {columns}");
        Error::new(ErrorKind::NoSuchColumn, message)
    }
}
