//! The cases of the group `split` over SQLite and PostgreSQL.
//!
//! Each is named STORE_KEYS, as those of the other stores. `sqlite_KEYS` are tables with a rowid and rows of about 600
//! bytes, split by an index; `sqlite_rowids` have an INTEGER PRIMARY KEY, and `sqlite_gaps` one with large gaps.
//! `sqlite_tree_KEYS` are tables WITHOUT ROWID. `postgres_KEYS` are tables of such rows after ANALYZE, and
//! `postgres_new_KEYS` before. `icu` are texts under a collation of ICU. `statements` is the number of statements of one
//! split.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use keywalk::{Cursor, Walk};
use keywalk_postgres::{Collated, SqlKey as PostgresKey, Table as PostgresTable};
use keywalk_sqlite::{SqlKey, Table};
use keywalk_tests::postgres::database;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use uuid::Uuid;

use crate::bench::Bench;
use crate::measure::{Fallible, median};
use crate::postgres::Connected;
use crate::split::{PARTS, TURNS, record};

/// The statements that a traced connection has begun.
static STATEMENTS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn sqlite(bench: &mut Bench) -> Fallible {
    const GAPS: &str = "n + n / 10000 * 1000000000";
    const INTEGER: &str = "n * 2654435761 % 4294967296 * 1000000 + n";
    const UUID: &str =
        "unhex(printf('%08x%08x%016x', n * 2654435761 % 4294967296, n * 40503 % 4294967296, n))";
    const TEXT: &str =
        "printf('%c%c-%d', 97 + n * 7919 % 26, 97 + n * n % 26, n * 2654435761 % 4294967296)";
    const SKEWED: &str = "iif(n % 5 > 0, 500, n / 5 % 1000), n";
    const TREE: &str = " WITHOUT ROWID";
    let id = "id INTEGER PRIMARY KEY";
    of_table::<i64>(bench, "rowids", id, "n", "", &["id"])?;
    of_table::<i64>(bench, "gaps", id, GAPS, "", &["id"])?;
    for (prefix, end) in [("", ""), ("tree_", TREE)] {
        let name = |keys| format!("{prefix}{keys}");
        let key = "id INT NOT NULL PRIMARY KEY";
        of_table::<i64>(bench, &name("integers"), key, INTEGER, end, &["id"])?;
        let key = "id BLOB NOT NULL PRIMARY KEY";
        of_table::<Uuid>(bench, &name("uuids"), key, UUID, end, &["id"])?;
        let key = "id TEXT NOT NULL PRIMARY KEY";
        of_table::<String>(bench, &name("text"), key, TEXT, end, &["id"])?;
        let key = "a INT NOT NULL, id INT NOT NULL, PRIMARY KEY (a, id)";
        of_table::<(i64, i64)>(bench, &name("skewed"), key, SKEWED, end, &["a", "id"])?;
    }
    Ok(())
}

/// Makes a table and measures its split. `key`: the declaration of the key's columns; `values`: those of row `n`.
fn of_table<K: SqlKey>(
    bench: &mut Bench,
    keys: &str,
    key: &str,
    values: &str,
    end: &str,
    columns: &[&str],
) -> Fallible {
    let name = format!("sqlite_{keys}");
    if !bench.wants(&name) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("split.db"))?;
    let (columns_sql, primary) = match key.split_once(", PRIMARY") {
        Some((columns, primary)) => (columns, format!(", PRIMARY{primary}")),
        None => (key, String::new()),
    };
    let sql = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
         CREATE TABLE items ({columns_sql}, photo BLOB NOT NULL{primary}){end};
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {})
         INSERT INTO items SELECT {values}, zeroblob(600) FROM numbers",
        bench.items
    );
    db.execute_batch(&sql)?;
    let count = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(..) = event {
            STATEMENTS.fetch_add(1, Relaxed);
        }
    };
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count))?;
    let mut table = Table::new(&db, "items")
        .key::<K>(columns.iter().copied())?
        .keys();
    let (mut times, mut parts) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        STATEMENTS.store(0, Relaxed);
        let start = Instant::now();
        parts = Walk::new(&mut table).split(PARTS)?;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    let statements = STATEMENTS.load(Relaxed);
    let mut counts = Vec::new();
    for part in parts {
        let mut walk = Walk::new(&mut table).resume(Cursor::unbounded(part));
        counts.push(walk.count()?);
    }
    record(bench, &name, &counts, median(times), Some(statements))
}

pub(crate) fn postgres(bench: &mut Bench) -> Fallible {
    if !bench.wants_any("postgres") {
        return Ok(());
    }
    let Some(database) = database() else {
        return Ok(());
    };
    let db = Connected::to(database.url())?;
    let columns = "a int8 NOT NULL, id int8 NOT NULL, number int8 NOT NULL, uuid uuid NOT NULL,
        text text COLLATE \"C\" NOT NULL, icu text COLLATE \"en-x-icu\" NOT NULL, photo bytea NOT NULL";
    db.execute(&format!(
        "CREATE TABLE items ({columns}) WITH (autovacuum_enabled = off);
         INSERT INTO items SELECT CASE WHEN n % 5 > 0 THEN 500 ELSE n / 5 % 1000 END, n,
             n * 2654435761 % 4294967296 * 1000000 + n, md5(n::text)::uuid, text, text, decode(repeat('00', 520), 'hex')
         FROM (SELECT n, chr(97 + (n * 7919 % 26)::int) || chr(97 + (n * n % 26)::int) || '-' || n * 2654435761 % 4294967296
             AS text FROM generate_series(1, {}::int8) AS n) AS numbers;
         CREATE UNIQUE INDEX ON items (a, id); CREATE UNIQUE INDEX ON items (number); CREATE UNIQUE INDEX ON items (uuid);
         CREATE UNIQUE INDEX ON items (text); CREATE UNIQUE INDEX ON items (icu)",
        bench.items
    ))?;
    for prefix in ["new_", ""] {
        if prefix.is_empty() {
            db.execute("ANALYZE items")?;
        }
        let name = |keys| format!("postgres_{prefix}{keys}");
        of_items::<i64>(bench, &db, &name("integers"), &["number"])?;
        of_items::<Uuid>(bench, &db, &name("uuids"), &["uuid"])?;
        of_items::<String>(bench, &db, &name("text"), &["text"])?;
        of_items::<Collated>(bench, &db, &name("icu"), &["icu"])?;
        of_items::<(i64, i64)>(bench, &db, &name("skewed"), &["a", "id"])?;
    }
    Ok(())
}

fn of_items<K: PostgresKey>(
    bench: &mut Bench,
    db: &Connected,
    name: &str,
    columns: &[&str],
) -> Fallible {
    if !bench.wants(name) {
        return Ok(());
    }
    let (times, counts, statements) = db.run(async |db| {
        // Each statement is a transaction of its own.
        let committed = async || -> Fallible<i64> {
            db.batch_execute("SELECT pg_stat_force_next_flush()")
                .await?;
            let sql = "SELECT pg_stat_clear_snapshot(), xact_commit FROM pg_stat_database
                WHERE datname = current_database()";
            Ok(db.query_one(sql, &[]).await?.try_get(1)?)
        };
        let table = PostgresTable::new(db, "items").keys();
        let mut table = table.key::<K>(columns.iter().copied()).await?;
        let (mut times, mut parts, mut statements) = (Vec::new(), Vec::new(), 0);
        for _ in 0..TURNS {
            let before = committed().await?;
            let start = Instant::now();
            parts = Walk::new(&mut table).async_split(PARTS).await?;
            times.push(start.elapsed().as_secs_f64() * 1_000.0);
            // Without those that read the counts.
            statements = committed().await? - before - 3;
        }
        let mut counts = Vec::new();
        for part in parts {
            let mut walk = Walk::new(&mut table).resume(Cursor::unbounded(part));
            counts.push(walk.async_count().await?);
        }
        Ok((times, counts, statements.unsigned_abs()))
    })?;
    record(bench, name, &counts, median(times), Some(statements))
}
