//! Names, filters and queries from untrusted users.

mod text;

use std::cell::RefCell;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{Error, Order, Walk};
use keywalk_sqlite::{ErrorKind, Query, Table};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Checks that a name is never run as SQL. A filter is refused, or the walk yields the rows of `WHERE (filter)`. A
/// query is refused, or the walk yields its rows. The database is unchanged afterwards.
///
/// # Panics
///
/// If keywalk breaks this promise.
pub fn run(data: &[u8]) {
    thread_local! {
        static GUARDED: RefCell<Guarded> = RefCell::new(Guarded::new());
    }
    let mut input = Unstructured::new(data);
    GUARDED.with_borrow_mut(|guarded| {
        guarded.refresh();
        // Input that is too short tests nothing.
        let _ = try_input(guarded, &mut input);
        guarded.must_be_as_it_was();
    });
}

fn try_input(guarded: &Guarded, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let choice = u8::arbitrary(input)? % 8;
    let sql = match choice {
        0 => return try_names(input),
        1 | 2 | 6 => text::raw(input)?,
        3 => text::soup(input)?,
        4 | 5 => text::condition(input)?,
        _ => text::query(input)?,
    };
    let trial = Trial::new(guarded, sql, input)?;
    if choice < 6 {
        trial.filter();
    } else {
        trial.query();
    }
    Ok(())
}

/// A database with two tables of the same columns. `long` has more rows than a fetch with a filter reads. No statement
/// can run for long, or call a function whose result changes from call to call.
struct Guarded {
    db: Connection,
    steps: Arc<AtomicU32>,
    before: Vec<String>,
}

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, \"end\", \"and\" INT, d REAL);
    CREATE TABLE long (id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, \"end\", \"and\" INT, d REAL);
    CREATE TABLE u (x TEXT PRIMARY KEY, y) WITHOUT ROWID;
    CREATE VIEW w AS SELECT * FROM t;
    CREATE INDEX by_a ON t (a);
    CREATE INDEX by_b ON t (b, id);
    CREATE INDEX by_sum ON t (id + a);
    CREATE INDEX some ON t (a) WHERE b IS NOT NULL;
    CREATE INDEX long_by_a ON long (a, id);
    INSERT INTO t VALUES
        (-5, NULL, 'x', 1, 0, 0.5), (-1, 0, 'X', NULL, 1, 1e300), (0, 1, NULL, 0, NULL, NULL),
        (1, 1.5, '', 'end', 2, -1), (2, 'x', 'and', x'', 3, 2), (3, x'00', '1', 1, 4, 3.25),
        (4, '1', 'it''s', 2, 5, 4), (7, -1, 'é', 3, 6, 5), (9, 9, ' x', 0, 7, 6), (10, '', '?', 1, 1, 1);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
    INSERT INTO long SELECT i, i % 7, char(64 + i % 5), i % 2, i / 100, i / 8.0 FROM n;
    INSERT INTO u VALUES ('a', 1), ('b', 2), ('c', NULL);";

/// The maximum cost of an input, in thousands of SQLite's steps.
const MOST_STEPS: u32 = 300;

const NEVER_THE_SAME: &str = "random randomblob date time datetime julianday unixepoch strftime timediff current_timestamp \
    current_date current_time changes total_changes";

fn authorize(context: AuthContext<'_>) -> Authorization {
    let denied = match context.action {
        AuthAction::Function { function_name } => {
            let is = |name: &str| name.eq_ignore_ascii_case(function_name);
            NEVER_THE_SAME.split(' ').any(is)
        }
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => true,
        _ => false,
    };
    if denied {
        Authorization::Deny
    } else {
        Authorization::Allow
    }
}

impl Guarded {
    fn new() -> Self {
        let mut db = Connection::open_in_memory().expect("a database in memory opens");
        db.execute_batch(SCHEMA).expect("the schema is right");
        let steps = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steps);
        let is_enough = move || counted.fetch_add(1, Relaxed) > MOST_STEPS;
        db.progress_handler(1_000, Some(is_enough))
            .and_then(|()| db.authorizer(Some(authorize)))
            .expect("the connection is idle");
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LENGTH, 100_000),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 10),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        ] {
            db.set_limit(limit, most).expect("a limit goes down");
        }
        let mut guarded = Guarded {
            db,
            steps,
            before: Vec::new(),
        };
        guarded.before = guarded.content();
        guarded
    }

    fn refresh(&self) {
        self.steps.store(0, Relaxed);
    }

    /// Returns whether a statement was interrupted because of its cost.
    fn is_exhausted(&self) -> bool {
        self.steps.load(Relaxed) > MOST_STEPS
    }

    fn must_be_as_it_was(&self) {
        self.refresh();
        assert!(self.db.is_autocommit(), "a transaction was begun");
        assert_eq!(self.content(), self.before);
    }

    /// Describes everything that a statement could change.
    fn content(&self) -> Vec<String> {
        let sql = "
            SELECT 'schema', count(*), total(length(sql)) FROM sqlite_schema
            UNION ALL SELECT 'temp', count(*), 0 FROM sqlite_temp_schema
            UNION ALL SELECT 'attached', count(*), 0 FROM pragma_database_list
            UNION ALL SELECT 't', count(*), total(id) + total(\"and\") + total(d) FROM t
            UNION ALL SELECT 'long', count(*), total(id) + total(a) + total(d) FROM long
            UNION ALL SELECT 'u', count(*), total(y) FROM u";
        let mut statement = self.db.prepare_cached(sql).expect("a plain query");
        let lines = statement.query_map([], |row| {
            let (what, count, total): (String, i64, f64) = row.try_into()?;
            Ok(format!("{what}: {count}, {total}"))
        });
        let mut lines: Vec<String> = lines
            .expect("it runs")
            .collect::<Result<_, _>>()
            .expect("numbers");
        lines.push(format!("{} changes", self.db.total_changes()));
        lines
    }
}

/// SQL from an untrusted user, and the options of its walk.
struct Trial<'a> {
    guarded: &'a Guarded,
    sql: String,
    params: Vec<i64>,
    table: &'static str,
    order: Order,
    chunk_size: usize,
}

impl<'a> Trial<'a> {
    fn new(
        guarded: &'a Guarded,
        sql: String,
        input: &mut Unstructured<'_>,
    ) -> arbitrary::Result<Self> {
        // At the end of the input, `arbitrary` returns 0.
        let how = u8::arbitrary(input)?;
        let first = i64::from(i8::arbitrary(input)?);
        Ok(Trial {
            guarded,
            sql,
            params: vec![first, 1, 0, 2, -1],
            table: if how & 2 == 0 { "t" } else { "long" },
            order: match how & 1 {
                0 => Order::Ascending,
                _ => Order::Descending,
            },
            chunk_size: usize::from(how >> 2) + 1,
        })
    }

    /// Returns one value per parameter of `sql`.
    fn params(&self, sql: &str) -> Vec<i64> {
        let count = match self.guarded.db.prepare(sql) {
            Ok(statement) => statement.parameter_count(),
            Err(_) => 0,
        };
        self.params.iter().copied().cycle().take(count).collect()
    }

    fn direction(&self) -> &'static str {
        match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        }
    }

    fn filter(&self) {
        let Trial { sql, table, .. } = self;
        let params = self.params(&format!("SELECT ({sql}\n) FROM {table}"));
        let walk = Table::new(&self.guarded.db, *table)
            .filter(sql.as_str(), params_from_iter(&params))
            .and_then(|table| table.key::<i64>(["id"]));
        let walk = match walk {
            Ok(table) => Walk::new(table.map(|row| Ok(vec![row.get::<_, Value>("id")?]))),
            Err(error) => return is_clear(&error),
        };
        let walk = walk.order(self.order).chunk_size(self.chunk_size);
        let plain = format!(
            "SELECT id FROM {table} WHERE ({sql}\n) ORDER BY id {}",
            self.direction()
        );
        self.compare(
            walk.into_iter().map(|item| item.map(|(_, row)| row)),
            &plain,
            &params,
        );
    }

    fn query(&self) {
        let Trial { sql, .. } = self;
        let params = self.params(sql);
        let query = Query::new(&self.guarded.db, sql.as_str(), params_from_iter(&params))
            .and_then(|query| query.key::<i64>(["id"]));
        let walk = match query {
            Ok(query) => Walk::new(query)
                .order(self.order)
                .chunk_size(self.chunk_size),
            Err(error) => return is_clear(&error),
        };
        let plain = format!(
            "SELECT * FROM ({}\n) ORDER BY id COLLATE BINARY {}",
            sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace()),
            self.direction()
        );
        let rows = walk
            .into_iter()
            .map(|item| item.map(|(_, row)| row.into_values()));
        self.compare(rows, &plain, &params);
    }

    /// Checks that the walk yields the rows of the plain statement, or the first of them and then an error.
    fn compare(
        &self,
        walked: impl Iterator<Item = Result<Vec<Value>, Error<keywalk_sqlite::Error>>>,
        plain: &str,
        params: &[i64],
    ) {
        let mut found = Vec::new();
        let mut failed = false;
        for item in walked {
            match item {
                Ok(row) => found.push(row),
                Err(Error::Source(error)) => {
                    is_clear(&error);
                    failed = true;
                }
                Err(error) => panic!("{error} by {:?}", self.sql),
            }
            if self.guarded.is_exhausted() {
                return;
            }
        }
        let Ok(mut expected) = rows(&self.guarded.db, plain, params) else {
            return;
        };
        if self.guarded.is_exhausted() {
            return;
        }
        if failed {
            assert!(found.len() <= expected.len(), "more rows by {:?}", self.sql);
            expected.truncate(found.len());
        }
        // Compares the `Debug` output. By `==`, NaN would differ from itself, and 0.0 would equal -0.0.
        assert_eq!(
            format!("{found:?}"),
            format!("{expected:?}"),
            "by {:?}",
            self.sql
        );
    }
}

fn rows(db: &Connection, sql: &str, params: &[i64]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = db.prepare(sql)?;
    assert!(statement.readonly(), "{sql:?} was accepted");
    let width = statement.column_count();
    let rows = statement.query_map(params_from_iter(params), |row| {
        (0..width).map(|at| row.get(at)).collect()
    })?;
    rows.collect()
}

fn is_clear(error: &keywalk_sqlite::Error) {
    let cause = error.source().map(ToString::to_string);
    assert!(
        !error.to_string().is_empty() && cause != Some(String::new()),
        "{error:?}"
    );
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes a table, a column and a schema with random names. Walks must find them by these names and by no others.
fn try_names(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let chunk_size = usize::from(u8::arbitrary(input)? % 4) + 1;
    let (table, column) = (text::raw(input)?, text::raw(input)?);
    let (schema, other) = (text::raw(input)?, text::raw(input)?);
    let db = Connection::open_in_memory().expect("a database in memory opens");
    let is_attached =
        !schema.contains('\0') && db.execute("ATTACH ':memory:' AS ?1", [&schema]).is_ok();
    let place = if is_attached { &schema } else { "main" };
    let made = format!(
        "CREATE TABLE {}.{} (n INTEGER, {} INTEGER NOT NULL UNIQUE)",
        quoted(place),
        quoted(&table),
        quoted(&column)
    );
    // SQLite refuses some names, and SQL ends at a NUL.
    let is_made = !made.contains('\0') && db.execute(&made, []).is_ok();
    if is_made {
        let insert = format!(
            "INSERT INTO {}.{} VALUES (3, 30), (1, 10), (2, 20)",
            quoted(place),
            quoted(&table)
        );
        db.execute(&insert, []).expect("the table is there");
    }
    let tables = count(&db, place);
    let changes = db.total_changes();
    for schema in [Some(place), None] {
        let found = walk(&db, schema, &table, &column, chunk_size);
        match found {
            Ok(numbers) => assert!(is_made && numbers == [1, 2, 3], "{numbers:?} of {made}"),
            Err(kind) => assert!(!is_made, "{kind:?} by {made}"),
        }
    }
    for (schema, table, column, given) in [
        (
            Some(place),
            other.as_str(),
            column.as_str(),
            (&other, &table),
        ),
        (Some(place), &table, &other, (&other, &column)),
        (Some(&other), &table, &column, (&other, &place.to_owned())),
    ] {
        if !given.0.eq_ignore_ascii_case(given.1)
            && let Ok(numbers) = walk(&db, schema, table, column, chunk_size)
        {
            // The other name may be that of the second column or of the rowid.
            let is_column = ["n", "rowid", "oid", "_rowid_"]
                .iter()
                .any(|name| other.eq_ignore_ascii_case(name));
            assert!(
                is_column && is_made,
                "{numbers:?} by {other:?} instead, {made}"
            );
        }
    }
    assert_eq!(
        (count(&db, place), db.total_changes()),
        (tables, changes),
        "{made}"
    );
    Ok(())
}

fn count(db: &Connection, schema: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {}.sqlite_schema", quoted(schema));
    let count = db.query_row(&sql, [], |row| row.get(0));
    count.expect("every schema has one")
}

fn walk(
    db: &Connection,
    schema: Option<&str>,
    table: &str,
    column: &str,
    chunk_size: usize,
) -> Result<Vec<i64>, ErrorKind> {
    let walked = Table::new(db, table);
    let walked = match schema {
        Some(schema) => walked.schema(schema),
        None => walked,
    };
    let walked = walked.key::<i64>([column]).map_err(|error| error.kind())?;
    let walked = walked
        .columns(["n", column])
        .map(|row| row.get::<_, i64>("n"));
    let items = Walk::new(walked).chunk_size(chunk_size).into_iter();
    items
        .map(|item| match item {
            Ok((_, n)) => Ok(n),
            Err(Error::Source(error)) => Err(error.kind()),
            Err(error) => panic!("{error}"),
        })
        .collect()
}
