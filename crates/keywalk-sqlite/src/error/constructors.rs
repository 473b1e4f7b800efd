//! One function per error: its kind, what is wrong, the names and values, and the cure.
//!
//! A relation is `table "items"` or `the query`. An `other_key` is another key of the table, or empty.

use std::error::Error as StdError;

use keywalk::Excerpt;
use keywalk_sql::{Named, Names};
use rusqlite::types::{FromSqlError, Type};

use super::ErrorKind::{self, *};
use super::{Error, is_of_store, kind_of};

/// The maximum length of a plan in a message, and of a column's declared type or collation.
const PLAN_CHARS: usize = 400;
const DECLARED_CHARS: usize = 40;

fn or_by(other_key: &[String]) -> String {
    match other_key {
        [] => String::new(),
        columns => format!(", or walk by the key {}", Names(columns)),
    }
}

fn plural(class: Type) -> &'static str {
    match class {
        Type::Null => "NULL",
        Type::Integer => "integers",
        Type::Real => "reals",
        Type::Text => "text",
        Type::Blob => "blobs",
    }
}

/// Makes an error of a kind, with a source if there is one, and a message in the syntax of `format!`.
macro_rules! error {
    ($kind:ident $(from $source:ident)?: $message:literal) => {
        Error::new($kind, format!($message))$(.with_source($source))?
    };
}

impl Error {
    pub(crate) fn no_such_table(schema: Option<&str>, table: &str, tables: &[String]) -> Self {
        let schema = schema.map(|schema| format!(" in schema {}", Named(schema)));
        let hint = match table.contains('.') {
            true => " (a schema is named by `schema`)",
            false => "",
        };
        let (table, schema) = (Named(table), schema.unwrap_or_default());
        if tables.is_empty() {
            return error!(NoSuchTable: "there is no table {table}{schema}, nor any other; check that this is the right database");
        }
        let tables = Names(tables);
        error!(NoSuchTable: "there is no table {table}{schema}; check its name{hint}, and that this is the right database: its tables are {tables}")
    }

    pub(crate) fn no_such_schema(schema: &str, schemas: &[String]) -> Self {
        let (schema, schemas) = (Named(schema), Names(schemas));
        error!(NoSuchTable: "there is no schema {schema}; those of this connection are {schemas}")
    }

    pub(crate) fn not_a_table(table: &str, what: &str) -> Self {
        let table = Named(table);
        match what {
            "view" => {
                error!(NotATable: "{table} is a {what}, whose rows have no key that can be proven; walk a table, or the view's SELECT as a `Query`")
            }
            _ => {
                error!(NotATable: "{table} is a {what}, whose rows have no key that can be proven; walk the table that holds its content, and join this one to it in a `Query` (FROM content CROSS JOIN this one)")
            }
        }
    }

    pub(crate) fn no_such_column(relation: &str, column: &str, columns: &[String]) -> Self {
        let (column, columns) = (Named(column), Names(columns));
        error!(NoSuchColumn: "{relation} has no column {column}; its columns are {columns}")
    }

    pub(crate) fn no_primary_key(table: &str, other_key: &[String]) -> Self {
        let (table, other_key) = (Named(table), or_by(other_key));
        error!(NoPrimaryKey: "table {table} has no primary key; name the columns of a UNIQUE index over NOT NULL columns{other_key}")
    }

    pub(crate) fn no_key_columns(relation: &str) -> Self {
        error!(KeyColumns: "the key of {relation} names no column")
    }

    pub(crate) fn key_column_count(relation: &str, expected: usize, named: usize) -> Self {
        error!(KeyColumns: "the key of {relation} has {expected} column(s) by its type, and {named} were named; name one for each, or change the type")
    }

    pub(crate) fn repeated_column(relation: &str, column: &str) -> Self {
        let column = Named(column);
        error!(KeyColumns: "the key of {relation} names the column {column} twice")
    }

    pub(crate) fn fixed_column(relation: &str, column: &str) -> Self {
        let column = Named(column);
        error!(KeyColumns: "the key of {relation} names the column {column}, which `prefix_eq` fixes to one value; leave one of the two out")
    }

    pub(crate) fn all_columns_fixed(relation: &str) -> Self {
        error!(KeyColumns: "the key of {relation} has no column left to walk by: `prefix_eq` fixes all of them")
    }

    pub(crate) fn columns_after_rowid(relation: &str, rowid: &str) -> Self {
        let rowid = Named(rowid);
        error!(KeyColumns: "the key of {relation} names columns after {rowid}, the rowid, which no two rows share and no index has before them; leave those columns out")
    }

    pub(crate) fn key_column_type(
        relation: &str,
        column: &str,
        declared: &str,
        stored: Type,
        holds: &[Type],
    ) -> Self {
        let declared = match declared {
            "" => String::new(),
            declared => format!(", declared {},", Excerpt::new(declared, DECLARED_CHARS)),
        };
        let held: Vec<&str> = holds.iter().map(|class| plural(*class)).collect();
        // The first class is what the column usually holds.
        let cure = match holds.first() {
            Some(Type::Integer) => "use a type such as `i64` for it",
            Some(Type::Text) => "use a type such as `String` for it",
            Some(Type::Blob) => "use a type such as `Vec<u8>` for it",
            Some(Type::Real) => "use `Real` or `DynKey`",
            Some(Type::Null) | None => "use `DynKey`",
        };
        // By default a type that compares as text is stored as text.
        let other_cure = match stored {
            Type::Text => ", or say by `SqlKeyColumn::STORAGE_CLASS` how your own is stored",
            _ => "",
        };
        let (column, stored, held) = (Named(column), plural(stored), held.join(" or "));
        error!(KeyColumns: "the key of {relation} is {stored} by its type, but the column {column}{declared} holds only {held}; {cure}{other_cure}")
    }

    pub(crate) fn not_unique(table: &str, columns: &[String], other_key: &[String]) -> Self {
        let (columns, table, other_key) = (Names(columns), Named(table), or_by(other_key));
        error!(NotUnique: "nothing makes {columns} unique in table {table}; add the columns of its primary key or of a UNIQUE index to the key{other_key}")
    }

    pub(crate) fn unique_otherwise(table: &str, columns: &[String], other_key: &[String]) -> Self {
        let (columns, table, other_key) = (Names(columns), Named(table), or_by(other_key));
        error!(NotUnique: "nothing makes {columns} unique in table {table} as the collation of the columns compares, only as that of an index does; make a UNIQUE index on ({columns}){other_key}")
    }

    pub(crate) fn nullable(table: &str, column: &str, other_key: &[String]) -> Self {
        let (column, table, other_key) = (Named(column), Named(table), or_by(other_key));
        error!(Nullable: "key column {column} of table {table} may hold NULL, which has no place in a key; declare it NOT NULL, leave NULLs out by a `filter` {column} IS NOT NULL before the `key` (in a `Query` by WHERE +{column} IS NOT NULL), use `Option<T>` as its type in a key that ends in the primary key{other_key}")
    }

    pub(crate) fn null_repeats(table: &str, column: &str, other_key: &[String]) -> Self {
        let (column, table) = (Named(column), Named(table));
        let rest = match other_key {
            [] => "the primary key".to_owned(),
            columns => Names(columns).to_string(),
        };
        error!(NotUnique: "key column {column} of table {table} may hold NULL in many rows, since a UNIQUE index allows that; end the key with {rest}, or leave NULLs out by a `filter` {column} IS NOT NULL before the `key`")
    }

    pub(crate) fn column_collation(relation: &str, column: &str, collation: &str) -> Self {
        let (column, collation) = (Named(column), Excerpt::new(collation, DECLARED_CHARS));
        error!(Collation: "key column {column} of {relation} is ordered by the collation {collation}, not by its bytes; use `Collated` as its type")
    }

    pub(crate) fn column_encoding(relation: &str, column: &str, encoding: &str) -> Self {
        let column = Named(column);
        error!(Collation: "key column {column} of {relation} is text in {encoding}, whose order differs from that of UTF-8; as a table's key, use `Collated` as its type")
    }

    pub(crate) fn collated_in_query(relation: &str, column: &str) -> Self {
        let column = Named(column);
        error!(Collation: "key column {column} of {relation} is `Collated`, whose collation isn't known of a query's column; use `String`, which orders by bytes")
    }

    /// `has_one` is true if the table has an index over these columns, in any directions.
    pub(crate) fn no_index(relation: &str, index: &str, has_one: bool, plan: &str) -> Self {
        // `sqlite_stat1` can mark an index as unordered. ANALYZE never writes that mark, but people can.
        let other_cure = match has_one {
            true => ", or run ANALYZE if sqlite_stat1 calls the one over these columns unordered",
            false => "",
        };
        let index = Excerpt::new(index, PLAN_CHARS);
        let plan = Excerpt::new(plan, PLAN_CHARS);
        error!(NotSeekable: "{relation} has no index to search by this key: SQLite would read or sort more rows than it returns; make one on ({index}), or walk by a key that has one{other_cure} (the plan is: {plan})")
    }

    pub(crate) fn query_not_seekable(relation: &str, plan: &str) -> Self {
        let unless_virtual = match plan.contains(" VIRTUAL TABLE ") {
            true => ", which no virtual table can be",
            false => "",
        };
        let other_cure = match plan.contains(" USING AUTOMATIC ") {
            true => "; and make an index on the columns that join a table",
            false => "; and run ANALYZE, if its statistics are of smaller tables",
        };
        let plan = Excerpt::new(plan, PLAN_CHARS);
        error!(NotSeekable: "{relation} can't be searched by its key: SQLite would read, sort or group more rows than it returns; walk it by the columns of one index, with the collation BINARY, of one of its tables{unless_virtual}, or walk that as a `Table` and put the rest into its filter, by EXISTS or IN{other_cure} (the plan is: {plan})")
    }

    pub(crate) fn part_not_seekable(relation: &str, part: usize, plan: &str) -> Self {
        let plan = Excerpt::new(plan, PLAN_CHARS);
        error!(NotSeekable: "{relation} can't be searched by its key, because part {part} of its UNION ALL can't: SQLite would read or sort more of its rows than it returns; make an index on that part's key columns, in the order of the key and with the collation BINARY, name them there without a function or operator, and run ANALYZE, if its statistics are of smaller tables, or delete its rows from sqlite_stat1, if it has only one or two rows (the part's plan is: {plan})")
    }

    /// `part`: the one at fault, if known, and whether the types of its columns are.
    pub(crate) fn unmerged_union(relation: &str, part: Option<(usize, bool)>, plan: &str) -> Self {
        const PLAIN: &str =
            "a SELECT with FROM, without DISTINCT, GROUP BY and aggregate or window functions";
        const CAST: &str = "write CAST around an expression or NULL";
        let why = match part {
            Some((part, false)) => format!("part {part} isn't {PLAIN}"),
            Some((part, true)) => {
                format!("a column of part {part} has another type than in part 1; {CAST}")
            }
            None => format!(
                "each part has to be {PLAIN}, and each column has to have the same type in all of them; {CAST}"
            ),
        };
        let plan = Excerpt::new(plan, PLAN_CHARS);
        error!(NotSeekable: "{relation} can't be searched by its key: SQLite would read the parts of its UNION ALL one after the other and sort the rows, because {why}, or walk each part as a query of its own (the plan is: {plan})")
    }

    pub(crate) fn unknown_plan(relation: &str, step: &str) -> Self {
        let (version, step) = (rusqlite::version(), Excerpt::new(step, PLAN_CHARS));
        error!(NotSeekable: "SQLite {version} plans to read {relation} by a step that this version of keywalk-sqlite doesn't know ({step}), so nothing is proven; use a newer one, or the SQLite of the feature `bundled`")
    }

    pub(crate) fn stale_statistics(relation: &str) -> Self {
        error!(NotSeekable: "SQLite would read {relation} from its start at every chunk, since its statistics say that it has only a few rows; run ANALYZE")
    }

    pub(crate) fn own_range(relation: &str, columns: &[String]) -> Self {
        let columns = Names(columns);
        error!(NotSeekable: "{relation} compares its key ({columns}) with a value by itself, and SQLite would search from there at every chunk; leave that condition out and give the walk a `range`, or put a plus before an IS NOT NULL (+column IS NOT NULL)")
    }

    pub(crate) fn columns_changed(relation: &str) -> Self {
        error!(Changed: "{relation} has changed since the walk began: it has other columns; name its columns instead of *, and resume the walk")
    }

    pub(crate) fn key_changed(relation: &str) -> Self {
        error!(Changed: "{relation} has changed since the walk began: its key has other columns or another order, in which the walk's position means nothing; begin a new walk")
    }

    pub(crate) fn rowids_changed(relation: &str) -> Self {
        error!(Changed: "{relation} has changed since the walk began: by what may be a VACUUM, which renumbers the rowid that it is walked by; begin a new walk, or walk by a key or an INTEGER PRIMARY KEY")
    }

    /// A fetch discards this error and retries. Callers see it only if the schema changes during each retry.
    pub(crate) fn changed_again(relation: &str) -> Self {
        error!(Changed: "{relation} has changed since the walk began: again and again during one fetch; resume the walk")
    }

    pub(crate) fn second_filter(relation: &str) -> Self {
        error!(Filter: "the filter on {relation} is set already; join the conditions with AND in one filter")
    }

    pub(crate) fn bad_filter(relation: &str, columns: &[String], source: rusqlite::Error) -> Self {
        let columns = Names(columns);
        error!(Filter from source: "the filter on {relation} is not a SQL expression over its columns, {columns}; write what may follow WHERE, with strings in single quotes")
    }

    pub(crate) fn filter_params(relation: &str, source: rusqlite::Error) -> Self {
        error!(Filter from source: "the filter on {relation} doesn't go with its parameters")
    }

    pub(crate) fn bad_query(source: rusqlite::Error) -> Self {
        error!(Query from source: "the query is not valid SQL")
    }

    pub(crate) fn query_params(source: rusqlite::Error) -> Self {
        error!(Query from source: "the query doesn't go with its parameters")
    }

    pub(crate) fn not_a_select() -> Self {
        error!(Query: "the query is not a SELECT that only reads")
    }

    pub(crate) fn order_or_limit(source: rusqlite::Error) -> Self {
        error!(Query from source: "the query must be a SELECT without an ORDER BY or LIMIT of its own: the walk sets both")
    }

    pub(crate) fn values_in_query() -> Self {
        error!(Query: "the query has VALUES, whose rows no index orders; put them in a table, perhaps a temporary one, and walk that")
    }

    pub(crate) fn ambiguous_column(column: &str) -> Self {
        let column = Named(column);
        error!(Query: "the query has several columns named {column}; give the key's its own name with AS")
    }

    /// Has the kind `Filter` or `Query`: the caller's SQL and the walk's own have too many parameters together.
    pub(crate) fn too_many_params(of: ErrorKind, relation: &str, source: rusqlite::Error) -> Self {
        error!(of from source: "{relation} has more parameters than SQLite takes in one statement (32,766 by default) beside those of the walk itself; give the values in one parameter as a JSON array, as by IN (SELECT value FROM json_each(?1)), or put them in a table")
    }

    pub(crate) fn fixed_to_null(relation: &str, column: &str) -> Self {
        let column = Named(column);
        error!(Value: "column {column} of {relation} can't be fixed to NULL, which equals nothing; use a filter with IS NULL")
    }

    /// Reports a value that SQLite can't store. If `source` is a failure of the database, reports that instead.
    pub(crate) fn given_value(relation: &str, column: &str, source: rusqlite::Error) -> Self {
        if is_of_store(&source) {
            return Error::sqlite(relation, source);
        }
        let column = Named(column);
        error!(Value from source: "the value for column {column} of {relation} can't be stored by SQLite; use a different value")
    }

    pub(crate) fn incomplete_key(relation: &str, columns: &[String]) -> Self {
        let columns = Names(columns);
        error!(Value: "a key of {relation} takes a value for each of {columns}, which isn't NULL in a column that can't be")
    }

    pub(crate) fn numeric_bound(relation: &str, column: &str, value: &str) -> Self {
        let column = Named(column);
        error!(Value: "{value} can't be a bound of key column {column} of {relation}: by its declared type SQLite compares it as a number; declare the column TEXT, or bound the walk by a number as a `DynKey`")
    }

    pub(crate) fn key_of_other_columns(relation: &str, columns: &[String]) -> Self {
        let columns = Names(columns);
        error!(Value: "the range or cursor has a key of another table or of other columns than {columns} of {relation}; use one that was made for this key")
    }

    pub(crate) fn bad_key(relation: &str, column: &str, value: &str, source: FromSqlError) -> Self {
        let column = Named(column);
        error!(Value from source: "key column {column} of {relation} holds {value}, which is no value of the key's type; change the row, or the key's type")
    }

    pub(crate) fn null_key(relation: &str, column: &str) -> Self {
        let column = Named(column);
        error!(Value: "key column {column} of {relation} holds NULL, which has no place in a key of this type; give the row a value, leave it out by a condition +{column} IS NOT NULL, or use `Option<T>` as the column's type")
    }

    pub(crate) fn not_read(relation: &str, columns: &[String], source: rusqlite::Error) -> Self {
        let columns = Names(columns);
        error!(Value from source: "the decoding of a row of {relation} asks for a column that isn't read; those that are: {columns}")
    }

    pub(crate) fn bad_row(relation: &str, key: &str, source: rusqlite::Error) -> Self {
        error!(Value from source: "the row of {relation} with the key {key} doesn't decode; change it, or what it is decoded into (an `Option` where a column may be NULL)")
    }

    pub(crate) fn repeated_key(key: &str) -> Self {
        error!(RepeatedKey: "the query gave two rows with the key {key}; walk it by a key that is unique in its result")
    }

    pub(crate) fn out_of_order(relation: &str, before: &str, key: &str) -> Self {
        error!(Corrupt: "SQLite gave the row of {relation} with the key {key} after the one with {before}, against its order: the file is damaged; PRAGMA integrity_check reports more, and REINDEX rebuilds an index")
    }

    pub(crate) fn no_connection(source: impl StdError + Send + Sync + 'static) -> Self {
        error!(NoConnection from source: "the pool lent no connection; try again, give it more connections, or do what its own error says")
    }

    pub(crate) fn sqlite(relation: &str, source: rusqlite::Error) -> Self {
        match kind_of(&source) {
            Busy => {
                error!(Busy from source: "SQLite failed to read {relation}, which another connection has locked; set a busy timeout, or try again later")
            }
            Interrupted => {
                error!(Interrupted from source: "SQLite failed to read {relation}, because it was interrupted; resume the walk from its cursor")
            }
            Corrupt => {
                error!(Corrupt from source: "SQLite failed to read {relation}, whose file is damaged or no database; PRAGMA integrity_check reports more")
            }
            Io => {
                error!(Io from source: "SQLite failed to read {relation}; look after its file and disk, and resume the walk")
            }
            OutOfMemory => {
                error!(OutOfMemory from source: "SQLite failed to read {relation}, as there is no memory left for it; resume the walk with smaller chunks or a higher limit")
            }
            _ => error!(Sqlite from source: "SQLite failed to read {relation}"),
        }
    }
}
