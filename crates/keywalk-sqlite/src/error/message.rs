//! What each problem says: what is wrong, with which names and values, and the cure.

use std::fmt;

use keywalk::Excerpt;

use super::Problem;
use crate::ErrorKind;
use crate::name::{Named, Names};

/// How much of a plan is shown.
const PLAN_CHARS: usize = 400;

/// A key that the table has.
struct OrBy<'a>(&'a [String]);

impl fmt::Display for OrBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            columns => write!(f, ", or walk by the key {}", Names(columns)),
        }
    }
}

/// What to do about a failure of SQLite's own.
fn cure(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Busy => {
            ", which another connection has locked; set a busy timeout, or ask again later"
        }
        ErrorKind::Interrupted => ", as it was told to stop; resume the walk from its cursor",
        ErrorKind::Corrupt => {
            ", whose file is damaged or no database; PRAGMA integrity_check tells more"
        }
        ErrorKind::Io => "; look after its file and disk, and resume the walk",
        ErrorKind::OutOfMemory => {
            ", as there is no memory left for it; resume the walk with smaller chunks or a higher limit"
        }
        _ => "",
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoSuchTable {
                schema,
                table,
                tables,
            } => {
                write!(f, "there is no table {}", Named(table))?;
                if let Some(schema) = schema {
                    write!(f, " in schema {}", Named(schema))?;
                }
                if tables.is_empty() {
                    return f.write_str(", nor any other; check that this is the right database");
                }
                let hint = match table.contains('.') {
                    true => " (a schema is named by `schema`)",
                    false => "",
                };
                write!(
                    f,
                    "; check its name{hint}, and that this is the right database: its tables are {}",
                    Names(tables)
                )
            }
            Problem::NoSuchSchema { schema, schemas } => write!(
                f,
                "there is no schema {}; those of this connection are {}",
                Named(schema),
                Names(schemas)
            ),
            Problem::NotATable { table, what } => {
                let cure = match what.as_str() {
                    "view" => "walk a table, or the view's SELECT as a `Query`",
                    _ => {
                        "walk the table that holds its content, and join this one to it in a `Query` (FROM content CROSS JOIN this one)"
                    }
                };
                write!(
                    f,
                    "{} is a {what}, whose rows have no key that can be proven; {cure}",
                    Named(table)
                )
            }
            Problem::NoSuchColumn {
                relation,
                column,
                columns,
            } => write!(
                f,
                "{relation} has no column {}; its columns are {}",
                Named(column),
                Names(columns)
            ),
            Problem::NoPrimaryKey { table, other_key } => write!(
                f,
                "table {} has no primary key; name the columns of a UNIQUE index over NOT NULL columns{}",
                Named(table),
                OrBy(other_key)
            ),
            Problem::KeyColumns { relation, why } => write!(f, "the key of {relation} {why}"),
            Problem::NotUnique {
                table,
                columns,
                by_collation: true,
                other_key,
            } => write!(
                f,
                "nothing makes {columns} unique in table {} as the collation of the columns compares, only as that of an index does; make a UNIQUE index on ({columns}){}",
                Named(table),
                OrBy(other_key),
                columns = Names(columns)
            ),
            Problem::NotUnique {
                table,
                columns,
                by_collation: false,
                other_key,
            } => write!(
                f,
                "nothing makes {} unique in table {}; add the columns of its primary key or of a UNIQUE index to the key{}",
                Names(columns),
                Named(table),
                OrBy(other_key)
            ),
            Problem::Nullable {
                table,
                column,
                other_key,
            } => write!(
                f,
                "key column {column} of table {} may hold NULL, which has no place in a key; declare it NOT NULL, leave NULLs out in a `Query` by WHERE +{column} IS NOT NULL{}",
                Named(table),
                OrBy(other_key),
                column = Named(column)
            ),
            Problem::Collation {
                relation,
                column,
                why,
            } => {
                write!(f, "key column {} of {relation} ", Named(column))?;
                fmt::Display::fmt(why, f)
            }
            Problem::FixedToNull { relation, column } => write!(
                f,
                "column {} of {relation} can't be fixed to NULL, which equals nothing; use a filter with IS NULL",
                Named(column)
            ),
            Problem::Given {
                relation, column, ..
            } => write!(
                f,
                "the value for column {} of {relation} can't be stored by SQLite; use a different value",
                Named(column)
            ),
            Problem::NotSeekable {
                relation,
                index: Some(index),
                has_one,
                plan,
            } => write!(
                f,
                "{relation} has no index to search by this key: SQLite would read or sort more rows than it answers; make one on ({index}), or walk by a key that has one{} (the plan is: {})",
                // ANALYZE never writes that; people do.
                match has_one {
                    true =>
                        ", or run ANALYZE if sqlite_stat1 calls the one over these columns unordered",
                    false => "",
                },
                Excerpt::new(plan, PLAN_CHARS),
                index = Excerpt::new(index, PLAN_CHARS)
            ),
            Problem::NotSeekable {
                relation,
                index: None,
                plan,
                ..
            } => write!(
                f,
                "{relation} can't be searched by its key: SQLite would read, sort or group more rows than it answers; walk it by the columns of one index, with the collation BINARY, of one of its tables{}, or walk that as a `Table` and put the rest into its filter, by EXISTS or IN{} (the plan is: {})",
                match plan.contains(" VIRTUAL TABLE ") {
                    true => ", which no virtual table can be",
                    false => "",
                },
                match plan.contains(" USING AUTOMATIC ") {
                    true => "; and make an index on the columns that join a table",
                    false => "; and run ANALYZE, if its statistics are of smaller tables",
                },
                Excerpt::new(plan, PLAN_CHARS)
            ),
            Problem::UnknownPlan { relation, step } => write!(
                f,
                "SQLite {} plans to read {relation} by a step that this version of keywalk-sqlite doesn't know ({}), so nothing is proven; use a newer one, or the SQLite of the feature `bundled`",
                rusqlite::version(),
                Excerpt::new(step, PLAN_CHARS)
            ),
            Problem::StaleStatistics { relation } => write!(
                f,
                "SQLite would read {relation} from its start at every chunk, since its statistics say that it has only a few rows; run ANALYZE"
            ),
            Problem::Changed { relation, why } => {
                write!(f, "{relation} has changed since the walk began: ")?;
                fmt::Display::fmt(why, f)
            }
            Problem::OwnRange { relation, columns } => write!(
                f,
                "{relation} compares its key ({}) with a value by itself, and SQLite would search from there at every chunk; leave that condition out and give the walk a `range`, or put a plus before an IS NOT NULL (+column IS NOT NULL)",
                Names(columns)
            ),
            Problem::Filter { relation, why } => {
                write!(f, "the filter on {relation} ")?;
                fmt::Display::fmt(why, f)
            }
            Problem::Query { why } => {
                f.write_str("the query ")?;
                fmt::Display::fmt(why, f)
            }
            Problem::TooManyParameters { relation, .. } => write!(
                f,
                "{relation} has more parameters than SQLite takes in one statement (32,766, if it isn't told otherwise) beside those of the walk itself; give the values in one parameter as a JSON array, as by IN (SELECT value FROM json_each(?1)), or put them in a table"
            ),
            Problem::NumericBound {
                relation,
                column,
                value,
            } => write!(
                f,
                "{value} can't be a bound of key column {} of {relation}: by its declared type SQLite compares it as a number; declare the column TEXT, or bound the walk by a number as an `AnyKey`",
                Named(column)
            ),
            Problem::ForeignKey { relation, columns } => write!(
                f,
                "the range or cursor has a key of another table or of other columns than {} of {relation}; use one that was made for this key",
                Names(columns)
            ),
            Problem::AnyKey { relation, columns } => write!(
                f,
                "a key of {relation} takes a value that isn't NULL for each of {}",
                Names(columns)
            ),
            Problem::Key {
                relation,
                column,
                value,
                ..
            } => write!(
                f,
                "key column {} of {relation} holds {value}, which is no value of the key's type; change the row, or the key's type",
                Named(column)
            ),
            Problem::NullKey { relation, column } => write!(
                f,
                "key column {column} of {relation} holds NULL, which has no place in a key; give the row a value, or leave it out by a condition +{column} IS NOT NULL",
                column = Named(column)
            ),
            Problem::NotRead {
                relation, columns, ..
            } => write!(
                f,
                "the decoding of a row of {relation} asks for a column that isn't read; those that are: {}",
                Names(columns)
            ),
            Problem::Row { relation, key, .. } => {
                write!(
                    f,
                    "the row of {relation} with the key {key} doesn't decode; change it, or what it is decoded into (an `Option` where a column may be NULL)"
                )
            }
            Problem::RepeatedKey { key } => write!(
                f,
                "the query gave two rows with the key {key}; walk it by a key that is unique in its result"
            ),
            Problem::OutOfOrder {
                relation,
                before,
                key,
            } => write!(
                f,
                "SQLite gave the row of {relation} with the key {key} after the one with {before}, against its order: the file is damaged; PRAGMA integrity_check tells more, and REINDEX rebuilds an index"
            ),
            Problem::NoConnection { .. } => f.write_str(
                "the pool lent no connection; try again, give it more connections, or do what its own error says",
            ),
            Problem::Sqlite { relation, .. } => {
                write!(f, "SQLite failed to read {relation}{}", cure(self.kind()))
            }
        }
    }
}
