use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

/// A database of two tables alike, one of more rows than a filter's stretch, where no statement runs
/// for long or asks what changes from call to call.
pub(super) struct Guarded {
    pub(super) db: Connection,
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

/// What an input may cost, in thousands of SQLite's steps.
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
    pub(super) fn new() -> Self {
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

    pub(super) fn refresh(&self) {
        self.steps.store(0, Relaxed);
    }

    /// Whether a statement was cut short.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.load(Relaxed) > MOST_STEPS
    }

    pub(super) fn must_be_as_it_was(&self) {
        self.refresh();
        assert!(self.db.is_autocommit(), "a transaction was begun");
        assert_eq!(self.content(), self.before);
    }

    /// All that a statement could change.
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
