//! keywalk-postgres over a real server: refusals, key types, connections, faults, and what a fetch reads.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod jobs;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::ops::Bound;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use keywalk::{AsyncChunkSource, Chunk, Cursor, KeyRange, Order, ResumableSource, Token, Walk};
use keywalk_postgres::chrono::NaiveDate;
use keywalk_postgres::decode::Decode;
use keywalk_postgres::tokio_postgres::types::ToSql;
use keywalk_postgres::tokio_postgres::{self, Client, IsolationLevel, NoTls};
use keywalk_postgres::{
    Collated, Connect, Date, DynKey, ErrorKind, NullsLast, Numeric, PerFetch, Query, SqlKey,
    SqlSource, Table, Timestamp, TimestampTz, Value, Wrapped,
};
use keywalk_tests::postgres::{Database, database};
use uuid::Uuid;

/// Runs a test over an empty database, if PostgreSQL is there.
fn with_database<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) {
    let Some(database) = database() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("threads are there");
    runtime.block_on(test(database));
}

async fn connect(database: &Database) -> Client {
    let connected = tokio_postgres::connect(database.url(), NoTls).await;
    let (client, connection) = connected.expect("the server is there");
    tokio::spawn(connection);
    client
}

/// Walks all keys, in chunks of this size.
async fn keys<C, K, D>(source: SqlSource<C, K, D>, order: Order, size: usize) -> Vec<K>
where
    C: Connect,
    K: SqlKey,
    D: Decode,
{
    let walk = Walk::new(source).chunk_size(size);
    let walk = match order {
        Order::Ascending => walk,
        Order::Descending => walk.descending(),
    };
    let mut chunks = walk.async_chunks();
    let mut keys = Vec::new();
    while let Some(items) = chunks.next().await.expect("nothing fails") {
        keys.extend(items.iter().map(|(key, _)| key.clone()));
    }
    keys
}

#[test]
fn what_is_not_proven_is_refused_and_the_error_names_the_cure() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TYPE mood AS ENUM ('sad', 'happy');
            CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE t (id int8 PRIMARY KEY, n int4, f float8 UNIQUE NOT NULL, c char(3) UNIQUE NOT NULL,
                x text COLLATE \"en-x-icu\" UNIQUE NOT NULL, y text COLLATE blind UNIQUE NOT NULL, u int4 UNIQUE,
                l int4 NOT NULL, p int4 NOT NULL, e int4 NOT NULL, m mood NOT NULL);
            ALTER TABLE t ADD CONSTRAINT later UNIQUE (l) DEFERRABLE;
            CREATE UNIQUE INDEX part ON t (p) WHERE n > 5 AND f > 0;
            CREATE UNIQUE INDEX expr ON t (abs(e));
            CREATE INDEX ON t (m, id DESC);
            CREATE TABLE parent (id int8 PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
            CREATE TABLE bare (id int8 NOT NULL); CREATE TABLE keyless (a int8 UNIQUE, b text UNIQUE NOT NULL, c int8 NOT NULL);
            CREATE UNIQUE INDEX ON keyless (c, b, a DESC); CREATE UNIQUE INDEX ON keyless (abs(a)); CREATE VIEW v AS SELECT * FROM t;
            CREATE TABLE hashed (id int8 PRIMARY KEY, h text NOT NULL); CREATE INDEX ON hashed USING hash (h);";
        db.batch_execute(setup).await.unwrap();
        let t = || Table::new(db, "t");
        let query = |sql: &str| keywalk_postgres::Query::new(db, sql, []);
        use ErrorKind::*;
        macro_rules! refused {
            ($($builder:expr, $kind:expr, $part:literal;)+) => {$(
                let error = $builder.await.err().unwrap_or_else(|| panic!("accepted: {}", stringify!($builder)));
                assert_eq!((error.kind(), error.is_transient()), ($kind, false), "{error}");
                assert!(error.to_string().contains($part), "{error}");
            )+};
        }
        refused! {
            Table::new(db, "none").key::<i64>(["id"]), NoSuchTable, "\"none\"";
            Table::new(db, "other.t").key::<i64>(["id"]), NoSuchTable, "\"other\".\"t\"";
            Table::new(db, "v").key::<i64>(["id"]), NotATable, "Query";
            Table::new(db, "parent").key::<i64>(["id"]), NotATable, "only()";
            Table::new(db, "bare"), NoPrimaryKey, "no other unique index";
            Table::new(db, "keyless"), NoPrimaryKey, r#"key: `key(["b"])` or `key(["c", "b", "a"])`"#;
            t().snapshot("'; DROP TABLE t"), Snapshot, "pg_export_snapshot()";
            t().snapshot("00000003-00000001-1"), Snapshot, "must be open";
            Table::new(db, "bare").key::<i64>(["id"]), NotUnique, "UNIQUE index on (\"id\")";
            t().key::<i64>(["di"]), NoSuchColumn, "its columns are \"id\"";
            t().key::<i64>(["ID"]), NoSuchColumn, "\"ID\"";
            t().key::<i32>(["id"]), KeyColumns, "use `i64`";
            t().key::<(i64, i64)>(["id"]), KeyColumns, "2";
            t().key::<(i64, i64)>(["id", "id"]), KeyColumns, "twice";
            t().key::<i64>(["f"]), KeyColumns, "NaN";
            t().key::<DynKey>(["f"]), KeyColumns, "NaN";
            t().key::<String>(["c"]), KeyColumns, "bpchar";
            t().key::<String>(["x"]), Collation, "`Collated`";
            t().key::<Collated>(["y"]), Collation, "nondeterministic";
            t().key::<i32>(["u"]), Nullable, "`\"u\" IS NOT NULL`";
            t().key::<NullsLast<i32>>(["u"]), NotUnique, "NULL in \"u\"";
            t().key::<i32>(["l"]), NotUnique, "DEFERRABLE";
            t().key::<i32>(["p"]), NotUnique, "((n > 5) AND (f > (0)::double precision))";
            t().key::<i32>(["p"]).filter("n > 5", []), NotUnique, "partial";
            t().key::<i32>(["e"]), NotUnique, "UNIQUE index on (\"e\")";
            t().key::<(Collated, i64)>(["m", "id"]), NotSeekable, "other directions";
            t().key::<(i32, i64)>(["l", "id"]), NotSeekable, "CREATE INDEX ON \"public\".\"t\" (\"l\", \"id\")";
            Table::new(db, "hashed").key::<(Collated, i64)>(["h", "id"]), NotSeekable, "\"h\", \"id\"";
            t().prefix_eq("id", 1).key::<i64>(["id"]), KeyColumns, "prefix_eq";
            t().prefix_eq("id", None::<i64>).key::<i32>(["n"]), Value, "NULL";
            t().filter("nope > 1", []), Filter, "nope";
            t().filter("true) OR (true", []), Filter, "syntax";
            t().filter("true ORDER BY id", []), Filter, "syntax";
            t().filter("n > $1", ["x"]), Filter, "integer";
            t().filter("true", []).filter("true", []), Filter, "AND";
            t().columns(["n", "n"]), KeyColumns, "twice";
            query("SELECT * FROM t ORDER BY id").key::<i64>(["id"]), Query, "ORDER BY";
            query("SELECT * FROM t LIMIT 5").key::<i64>(["id"]), Query, "LIMIT";
            query("SELECT * FROM t FOR UPDATE").key::<i64>(["id"]), Query, "FOR UPDATE";
            query("DELETE FROM t RETURNING id").key::<i64>(["id"]), Query, "syntax";
            query("SELECT id, id FROM t").key::<i64>(["id"]), KeyColumns, "two columns";
            query("SELECT id FROM t").key::<i64>(["n"]), NoSuchColumn, "\"id\"";
            query("SELECT x FROM t").key::<String>(["x"]), Collation, "Collated";
            query("SELECT u FROM t").key::<Option<i32>>(["u"]), Nullable, "Option";
        }
        for accepted in [
            t().key::<i32>(["u"])
                .filter("u IS NOT NULL", [])
                .await
                .err(),
            t().key::<i32>(["p"])
                .filter("N>5 and (f > (0)::double precision)", [])
                .await
                .err(),
            Table::new(db, "parent")
                .only()
                .key::<i64>(["id"])
                .await
                .err(),
        ] {
            assert!(accepted.is_none(), "{accepted:?}");
        }
    });
}

#[test]
fn keys_of_each_type_come_once_in_the_servers_order_both_ways() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN id AS int2;
            CREATE TABLE t (a id UNIQUE NOT NULL, b bool NOT NULL, c numeric UNIQUE NOT NULL, d bytea UNIQUE NOT NULL,
                e uuid UNIQUE NOT NULL, f date NOT NULL, g timestamp UNIQUE NOT NULL, h timestamptz UNIQUE NOT NULL,
                i mood NOT NULL, j text COLLATE \"en-x-icu\" UNIQUE NOT NULL, k int4, l varchar(9) COLLATE \"C\");
            CREATE UNIQUE INDEX ON t (b, a); CREATE UNIQUE INDEX ON t (f DESC, a); CREATE UNIQUE INDEX ON t (i, a);
            CREATE UNIQUE INDEX ON t (k, a); CREATE UNIQUE INDEX ON t (k DESC, a DESC, l NULLS FIRST);
            INSERT INTO t SELECT i, i % 3 = 0, CASE i WHEN 9 THEN 'NaN' WHEN 5 THEN -12345678901234567890.5000
                    WHEN 7 THEN 'Infinity' WHEN 6 THEN '-Infinity' ELSE (50 - i) * 0.0010 * 10 ^ (i % 9 * 4 - 16) END,
                decode(md5(i::text), 'hex'), md5(i::text)::uuid, CASE i WHEN 4 THEN 'infinity'
                    WHEN 8 THEN '4713-01-01 BC' ELSE date '1999-12-01' + i END,
                CASE i WHEN 3 THEN '-infinity' ELSE timestamp '0001-12-31 23:59:59.999999 BC' + i * interval '7 hours' END,
                timestamptz '2026-03-29 00:30+00' + i * interval '1 microsecond',
                (ARRAY['happy', 'sad', 'ok'])[1 + i % 3]::mood, chr(97 + i % 26) || chr(65 + i), nullif(i % 4, 0),
                nullif(i % 3, 0)
            FROM generate_series(1, 50) i; ANALYZE t;";
        db.batch_execute(setup).await.unwrap();
        macro_rules! walked {
            ($($type:ty, [$($column:literal),+], $order:literal;)+) => {$(
                let sql = format!("SELECT a FROM t ORDER BY {}", $order);
                let expected = db.query(&sql, &[]).await.unwrap();
                let expected: Vec<i16> = expected.iter().map(|row| row.get("a")).collect();
                for (order, size) in [(Order::Ascending, 7), (Order::Descending, 1)] {
                    let source = Table::new(db, "t").key::<$type>([$($column),+]).await.unwrap();
                    let walk = Walk::new(source).chunk_size(size);
                    let walk = if order == Order::Ascending { walk } else { walk.descending() };
                    let mut chunks = walk.async_chunks();
                    let mut came = Vec::new();
                    while let Some(items) = chunks.next().await.unwrap() {
                        came.extend(items.iter().map(|(_, row)| row.get("a").cloned()));
                    }
                    if order == Order::Descending {
                        came.reverse();
                    }
                    let expected: Vec<_> = expected.iter().map(|a| Some(Value::from(*a))).collect();
                    assert_eq!(came, expected, "{}", stringify!($type));
                    // A key is the same after its bytes and its text.
                    let source = Table::new(db, "t").key::<$type>([$($column),+]).await.unwrap();
                    for key in keys(Table::new(db, "t").key::<$type>([$($column),+]).await.unwrap(), order, 9).await {
                        let mut bytes = Vec::new();
                        source.encode_key(&key, &mut bytes);
                        assert_eq!(source.decode_key(&bytes).unwrap(), Some(key));
                    }
                }
            )+};
        }
        walked! {
            i16, ["a"], "a";
            (bool, i16), ["b", "a"], "b, a";
            Numeric, ["c"], "c";
            Vec<u8>, ["d"], "d";
            [u8; 16], ["e"], "e";
            Uuid, ["e"], "e";
            (Reverse<Date>, i16), ["f", "a"], "f DESC, a";
            Timestamp, ["g"], "g";
            TimestampTz, ["h"], "h";
            (Collated, i16), ["i", "a"], "i, a";
            Collated, ["j"], "j";
            (NullsLast<i32>, i16), ["k", "a"], "k, a";
            (Reverse<NullsLast<i32>>, Reverse<i16>, Option<String>), ["k", "a", "l"],
                "k DESC, a DESC, l NULLS FIRST";
            DynKey, ["k", "a"], "k, a";
            DynKey, ["c"], "c";
            DynKey, ["i", "a"], "i, a";
        }
        // What is printed is what PostgreSQL reads, and a value can be bound: in binary form, or as text for `json`.
        let source = Table::new(db, "t").key::<i16>(["a"]).await.unwrap();
        let mut items = Walk::new(source).async_chunks();
        while let Some(rows) = items.next().await.unwrap() {
            for (_, row) in rows {
                let printed = [2, 5, 6, 7].map(|at| row.values()[at].to_text());
                let values = row.values().iter().map(|v| v as &(dyn ToSql + Sync));
                let mut values: Vec<_> = values.collect();
                values.extend(printed.iter().map(|text| text as &(dyn ToSql + Sync)));
                values.push(values[0]);
                let sql = "SELECT c::text = $13::text AND f = $14::text::date AND g = $15::text::timestamp
                        AND h = $16::text::timestamptz AND $17::json::text = a::text FROM t
                    WHERE (a, b, c, d, e, f, g, h, i, j) = ($1::int8, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                        AND k IS NOT DISTINCT FROM $11 AND l IS NOT DISTINCT FROM $12";
                let same = db.query_one(sql, &values).await;
                assert!(same.unwrap().get::<_, bool>(0), "{printed:?}");
            }
        }
    });
}

/// Nine tenths of the rows have one leading value.
const SKEWED: &str =
    "CREATE TABLE t (a int4 NOT NULL, b int4 NOT NULL, pad text, PRIMARY KEY (a, b))
        WITH (autovacuum_enabled = off);
    CREATE INDEX ON t (a, b DESC);
    INSERT INTO t SELECT CASE WHEN i % 10 = 0 THEN i % 100 ELSE 50 END, i, repeat('x', 100)
        FROM generate_series(1, 60000) i ORDER BY 1, 2; VACUUM ANALYZE t";

#[test]
fn a_fetch_reads_few_pages_anywhere() {
    with_database(async |database| {
        let db = &connect(&database).await;
        for sql in SKEWED.split(';') {
            db.batch_execute(sql).await.unwrap();
        }
        let pages = async || {
            let sql = "SELECT pg_stat_force_next_flush()";
            db.batch_execute(sql).await.unwrap();
            let sql = "SELECT (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::int8
                FROM pg_statio_user_tables WHERE relname = 't'";
            db.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
        };
        macro_rules! walked {
            ($($builder:expr, $rows:literal;)+) => {$(
                for order in [Order::Ascending, Order::Descending] {
                    let source = $builder.await.unwrap();
                    let before = pages().await;
                    let came = keys(source, order, 500).await;
                    assert_eq!(came.len(), $rows);
                    let read = (pages().await - before) / 120;
                    assert!(read <= 25, "{read} pages per chunk: {}", stringify!($builder));
                }
            )+};
        }
        walked! {
            Table::new(db, "t").key::<(i32, i32)>(["a", "b"]), 60_000;
            Table::new(db, "t").key::<(i32, Reverse<i32>)>(["a", "b"]), 60_000;
            Table::new(db, "t").prefix_eq("a", 50).key::<i32>(["b"]), 54_600;
            Table::new(db, "t").key::<(i32, i32)>(["a", "b"]).filter("b % 20000 = $1", [7]), 3;
            Query::new(db, "SELECT a, b FROM t WHERE b > $1", [0]).key::<(i32, i32)>(["a", "b"]), 60_000;
        }
        let unsearchable =
            Query::new(db, "SELECT a, -b AS b FROM t", []).key::<(i32, i32)>(["a", "b"]);
        let mut chunks = Walk::new(unsearchable.await.unwrap()).async_chunks();
        let error = loop {
            match chunks.next().await {
                Ok(chunk) => assert!(chunk.is_some()),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&error, keywalk::Error::Source(e) if e.kind() == ErrorKind::NotSeekable),
            "{error}"
        );
        let source = Table::new(db, "t")
            .key::<(i32, i32)>(["a", "b"])
            .await
            .unwrap();
        assert_eq!(source.count().await.unwrap(), 60_000);
        assert!((59_000..=61_000).contains(&source.count_estimate().await.unwrap()));
        let half = KeyRange::new((50, 30_000).., Order::Ascending);
        assert!((25_000..=35_000).contains(&source.rows_estimate(&half).await.unwrap()));
    });
}

#[test]
fn each_kind_of_connection_lends_a_client_and_is_free_between_fetches() {
    with_database(async |database| {
        let mut owned = connect(&database).await;
        // Each new connection has to look up the enum, before more rows come than tokio-postgres buffers.
        let setup = "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (id int8 PRIMARY KEY, m mood, pad text);
            INSERT INTO t SELECT i, 'ok', repeat('x', 100000) FROM generate_series(1, 10) i";
        owned.batch_execute(setup).await.unwrap();
        let shared = Arc::new(connect(&database).await);
        let pool = tokio::sync::Mutex::new(connect(&database).await);
        let config: tokio_postgres::Config = database.url().parse().unwrap();
        let manager = deadpool_postgres::Manager::new(config.clone(), NoTls);
        let deadpool = deadpool_postgres::Pool::builder(manager).max_size(1);
        let deadpool = deadpool.build().unwrap();
        let manager = bb8_postgres::PostgresConnectionManager::new(config, NoTls);
        let bb8 = bb8_postgres::bb8::Pool::builder().max_size(1);
        let bb8 = bb8.build(manager).await.unwrap();
        let expected: Vec<i64> = (1..=10).collect();
        macro_rules! walked {
            ($($connection:expr;)+) => {$(
                let source = Table::new($connection, "t").key::<i64>(["id"]).await.unwrap();
                let mut chunks = Walk::new(source).chunk_size(3).async_chunks();
                let mut came = Vec::new();
                while let Some(items) = chunks.next().await.unwrap() {
                    came.extend(items.iter().map(|(id, _)| *id));
                    let is_free = pool.try_lock().is_ok() && deadpool.status().available == deadpool.status().size;
                    assert!(is_free && bb8.state().idle_connections == bb8.state().connections);
                }
                assert_eq!(came, expected);
            )+};
        }
        walked! {
            connect(&database).await;
            PerFetch(|| async { deadpool.get().await.map(Wrapped) });
            PerFetch(|| bb8.get());
            &owned;
            Box::new(&owned);
            Arc::clone(&shared);
            PerFetch(async || Ok::<_, std::io::Error>(Arc::clone(&shared)));
            PerFetch(|| async { Ok::<_, std::io::Error>(pool.lock().await) });
        }
        let transaction = owned.transaction().await.unwrap();
        transaction
            .batch_execute("DELETE FROM t WHERE id > 5")
            .await
            .unwrap();
        let source = Table::new(transaction.client(), "t")
            .key::<i64>(["id"])
            .await
            .unwrap();
        assert_eq!(keys(source, Order::Descending, 3).await, [5, 4, 3, 2, 1]);
        transaction.rollback().await.unwrap();
        let source = Table::new(
            PerFetch(async || Err::<Arc<Client>, _>(std::io::Error::other("no"))),
            "t",
        );
        let error = source.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (ErrorKind::NoConnection, true)
        );
        // A source that owns its connection moves to a task.
        let source = Table::new(owned, "t").key::<i64>(["id"]).await.unwrap();
        let walked = tokio::spawn(keys(source, Order::Ascending, 4)).await;
        assert_eq!(walked.unwrap(), expected);
    });
}

#[test]
fn a_lost_connection_is_transient_and_the_walk_resumes_at_the_row() {
    with_database(async |database| {
        let db = connect(&database).await;
        let setup =
            "CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3000)";
        db.batch_execute(setup).await.unwrap();
        let database = &database;
        let current = Arc::new(std::sync::Mutex::new(None::<Arc<Client>>));
        let lend = || async {
            let known = current.lock().unwrap().clone();
            if let Some(client) = known.filter(|client| !client.is_closed()) {
                return Ok(client);
            }
            let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
            tokio::spawn(connection);
            let client = Arc::new(client);
            *current.lock().unwrap() = Some(Arc::clone(&client));
            Ok::<_, tokio_postgres::Error>(client)
        };
        let source = Table::new(PerFetch(lend), "t")
            .key::<i64>(["id"])
            .await
            .unwrap();
        let mut chunks = Walk::new(source).chunk_size(100).async_chunks();
        let (mut came, mut losses) = (Vec::new(), 0);
        loop {
            if came.len() % 500 == 0 && losses <= came.len() / 500 {
                losses += 1;
                let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                db.batch_execute(others).await.unwrap();
            }
            match chunks.next().await {
                Ok(Some(items)) => came.extend(items.iter().map(|(id, _)| *id)),
                Ok(None) => break,
                Err(keywalk::Error::Source(error)) => {
                    assert!(error.is_transient(), "{error:?}");
                    let cursor = chunks.cursor();
                    chunks = Walk::new(chunks.into_source())
                        .chunk_size(100)
                        .resume(cursor)
                        .async_chunks();
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(came, Vec::from_iter(1..=3000));
        assert!(losses > 3);
    });
}

/// Splits a walk, and walks each part. Returns the keys of the parts, which are all keys in order.
async fn parts<C, K, D>(source: &mut SqlSource<C, K, D>, order: Order, parts: usize) -> Vec<Vec<K>>
where
    C: Connect,
    K: SqlKey + std::fmt::Debug,
    D: Decode,
{
    let all = Cursor::bounded(KeyRange::all(order));
    let cut = Walk::new(&mut *source).resume(all).async_split(parts).await;
    let cut = cut.expect("nothing fails");
    assert!(cut.len() <= parts);
    let mut ranges = vec![KeyRange::all(order)];
    ranges.extend(cut);
    let mut of_ranges = Vec::new();
    for range in ranges {
        let mut keys = Vec::new();
        let walk = Walk::new(&mut *source).resume(Cursor::unbounded(range));
        let mut chunks = walk.async_chunks();
        while let Some(items) = chunks.next().await.expect("nothing fails") {
            keys.extend(items.iter().map(|(key, _)| key.clone()));
        }
        of_ranges.push(keys);
    }
    let all = of_ranges.remove(0);
    assert_eq!(
        of_ranges.concat(),
        all,
        "the parts cover the range and don't overlap"
    );
    of_ranges
}

/// The keys of the slowest of 8 workers, which take the parts from a queue, to an eighth of all.
fn slowest<K>(parts: &[Vec<K>]) -> f64 {
    let mut workers = [0; 8];
    for part in parts {
        let next = workers.iter_mut().min().expect("there are 8");
        *next += part.len();
    }
    let all: usize = workers.iter().sum();
    workers.into_iter().max().unwrap_or(0) as f64 * 8.0 / all as f64
}

#[test]
fn parts_of_each_key_type_cover_the_range_once_and_are_even() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
            CREATE TABLE rows AS SELECT i AS id, abs(hashint8(i)::int8) * 1000 + i AS a, md5(i::text)::uuid AS u,
                (md5(i::text) || i) COLLATE \"C\" AS c, (chr(97 + i % 26) || chr(65 + i / 26 % 26) || i) COLLATE \"en-x-icu\" AS x,
                CASE WHEN i % 5 > 0 THEN 500 ELSE i / 5 % 1000 END AS skewed, 7 AS one,
                (i / 1000.0) ^ 3 AS n, decode(md5(i::text), 'hex') AS b, date '1999-12-01' + i AS d,
                CASE i WHEN 7 THEN 'infinity' WHEN 8 THEN '-infinity' ELSE timestamptz '2026-01-01' + i * interval '1 s' END AS z,
                (ARRAY['happy', 'sad', 'ok'])[1 + i % 3]::mood AS m, nullif(i % 4, 0) AS k
            FROM generate_series(1, 12000) i;
            DO $$ DECLARE name text; BEGIN FOREACH name IN ARRAY ARRAY['known', 'unknown', 'part'] LOOP
                EXECUTE 'CREATE TABLE ' || name || ' (id int4 NOT NULL, a int8 NOT NULL, u uuid NOT NULL,
                    c text COLLATE \"C\" NOT NULL, x text COLLATE \"en-x-icu\" NOT NULL, skewed int4 NOT NULL,
                    one int4 NOT NULL, n numeric NOT NULL, b bytea NOT NULL, d date NOT NULL, z timestamptz NOT NULL,
                    m mood NOT NULL, k int4)' || CASE name WHEN 'part' THEN ' PARTITION BY RANGE (id)'
                    ELSE ' WITH (autovacuum_enabled = off)' END;
                IF name = 'part' THEN
                    CREATE TABLE low PARTITION OF part FOR VALUES FROM (0) TO (6000);
                    CREATE TABLE high PARTITION OF part FOR VALUES FROM (6000) TO (90000);
                ELSE
                    EXECUTE replace('CREATE UNIQUE INDEX ON t (a); CREATE UNIQUE INDEX ON t (u);
                        CREATE UNIQUE INDEX ON t (c); CREATE UNIQUE INDEX ON t (x); CREATE UNIQUE INDEX ON t (n);
                        CREATE UNIQUE INDEX ON t (b); CREATE UNIQUE INDEX ON t (d); CREATE UNIQUE INDEX ON t (z);
                        CREATE UNIQUE INDEX ON t (skewed, id DESC); CREATE UNIQUE INDEX ON t (one, id);
                        CREATE UNIQUE INDEX ON t (m, x); CREATE UNIQUE INDEX ON t (k, id);
                        CREATE UNIQUE INDEX ON t (k NULLS FIRST, id); CREATE UNIQUE INDEX ON t (one, skewed, id)',
                        ' t ', ' ' || name || ' ');
                END IF;
                EXECUTE 'ALTER TABLE ' || name || ' ADD PRIMARY KEY (id); INSERT INTO ' || name || ' SELECT * FROM rows';
            END LOOP; END $$;
            ANALYZE known; ANALYZE part;";
        db.batch_execute(setup).await.unwrap();
        macro_rules! even {
            ($order:ident: $($builder:expr, $most:literal;)+) => {$(
                {
                    let mut source = $builder.await.unwrap();
                    let parts = parts(&mut source, $order, 64).await;
                    let (count, slowest) = (parts.len(), slowest(&parts));
                    let what = format!("{}: {count} parts, {slowest:.2}", stringify!($builder));
                    assert!(slowest <= $most, "{what}");
                }
            )+};
        }
        for (name, order) in [("known", Order::Ascending), ("unknown", Order::Descending)] {
            let t = || Table::new(db, name).keys();
            even! { order:
                t().key::<i32>(["id"]), 1.15;
                t().key::<i64>(["a"]), 1.15;
                t().key::<Uuid>(["u"]), 1.15;
                t().key::<String>(["c"]), 1.15;
                t().key::<Collated>(["x"]), 1.15;
                t().key::<(i32, Reverse<i32>)>(["skewed", "id"]), 1.15;
                t().key::<(i32, i32)>(["one", "id"]), 1.15;
                t().key::<(i32, i32, i32)>(["one", "skewed", "id"]), 1.15;
                t().key::<DynKey>(["skewed", "id"]), 1.15;
                t().key::<Numeric>(["n"]), 1.15;
                t().key::<Vec<u8>>(["b"]), 1.15;
                t().key::<Date>(["d"]), 1.15;
                t().key::<TimestampTz>(["z"]), 1.15;
                t().key::<(Collated, Collated)>(["m", "x"]), 1.15;
                t().key::<(NullsLast<i32>, i32)>(["k", "id"]), 1.15;
                t().key::<(Option<i32>, i32)>(["k", "id"]), 1.15;
                t().prefix_eq("skewed", 500).key::<Reverse<i32>>(["id"]), 1.15;
                t().filter("id % 3 = $1 AND d > $2", (0, "2000-01-01")).key::<Collated>(["x"]), 1.2;
                t().filter("id % 3 = $1 AND d > $2", (0, "2000-01-01")).key::<i64>(["a"]), 1.2;
                Query::new(db, format!("SELECT x, id FROM {name} WHERE one = $1"), [7]).key::<Collated>(["x"]), 1.15;
                Query::new(db, format!("SELECT id, a FROM {name}"), []).key::<i32>(["id"]), 1.15;
            }
        }
        let order = Order::Descending;
        // Keys that can't be read, in rows that the filter drops.
        let invalid = "CREATE TABLE invalid (s int8 PRIMARY KEY, d date NOT NULL UNIQUE);
            INSERT INTO invalid SELECT id, d FROM rows; INSERT INTO invalid VALUES (-1, 'infinity'), (-2, '-infinity'),
                (-3, '6000-01-01')";
        db.batch_execute(invalid).await.unwrap();
        for statistics in ["", "ANALYZE invalid"] {
            db.batch_execute(statistics).await.unwrap();
            even!(order: Table::new(db, "invalid").filter("s > 0", []).key::<NaiveDate>(["d"]), 1.15;);
        }
        even!(order: Table::new(db, "part").key::<i32>(["id"]), 1.15;);
        // A heavy stretch that only a sample finds: a value of the first column has no middle in the second.
        let unknown = "CREATE TABLE mixed (a int4, x text COLLATE \"en-x-icu\", PRIMARY KEY (a, x));
            INSERT INTO mixed SELECT CASE WHEN id % 5 = 0 THEN id / 5 % 1000 ELSE 500 END, x FROM rows; ANALYZE mixed";
        db.batch_execute(unknown).await.unwrap();
        even!(order: Table::new(db, "mixed").key::<(i32, Collated)>(["a", "x"]), 1.15;);
    });
}

#[test]
fn few_rows_are_split_into_single_ones_and_no_row_into_none() {
    with_database(async |database| {
        let db = &connect(&database).await;
        db.batch_execute("CREATE TABLE t (id int8 PRIMARY KEY)")
            .await
            .unwrap();
        for analyze in ["", "ANALYZE t"] {
            db.batch_execute(analyze).await.unwrap();
            for rows in [0, 1, 5] {
                let fill =
                    format!("DELETE FROM t; INSERT INTO t SELECT 3 * generate_series(1, {rows})");
                db.batch_execute(&fill).await.unwrap();
                for order in [Order::Ascending, Order::Descending] {
                    let mut source = Table::new(db, "t").key::<i64>(["id"]).await.unwrap();
                    let parts = parts(&mut source, order, 8).await;
                    let counts: Vec<usize> = parts.iter().map(Vec::len).collect();
                    assert_eq!(counts, vec![1; rows], "{order:?}");
                }
            }
        }
    });
}

#[test]
fn parts_cover_what_stays_while_others_insert_and_delete() {
    with_database(async |database| {
        let (db, other) = (&connect(&database).await, connect(&database).await);
        let setup = "CREATE TABLE t (id int8 PRIMARY KEY);
            INSERT INTO t SELECT 10 * generate_series(1, 15000); ANALYZE t";
        db.batch_execute(setup).await.unwrap();
        let mut source = Table::new(db, "t").key::<i64>(["id"]).await.unwrap();
        let edit = async |seed: i64| {
            let sql = format!(
                "DELETE FROM t WHERE id % 20 = 0 AND id / 10 % 97 = {seed};
                INSERT INTO t SELECT id + {} FROM t WHERE id % 20 = 10 ON CONFLICT DO NOTHING",
                1 + seed % 9
            );
            other.batch_execute(&sql).await.unwrap();
        };
        let mut walk = Walk::new(&mut source);
        let (cut, ()) = tokio::join!(walk.async_split(16), edit(1));
        let mut came = Vec::new();
        for (seed, range) in (2..).zip(cut.unwrap()) {
            let walk = Walk::new(&mut source).chunk_size(400);
            let mut chunks = walk.resume(Cursor::unbounded(range)).async_chunks();
            while let Some(items) = chunks.next().await.unwrap() {
                came.extend(items.iter().map(|(id, _)| *id));
            }
            edit(seed).await;
        }
        assert!(came.is_sorted_by(|a, b| a < b), "none comes twice");
        let stayed: Vec<i64> = came.into_iter().filter(|id| id % 20 == 10).collect();
        assert!(stayed.into_iter().eq((10..150_000).step_by(20)));
    });
}

#[test]
fn a_token_stays_readable_whatever_the_keys_rust_type_is() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TABLE t (tenant int4, id int8, x numeric, PRIMARY KEY (tenant, id));
            INSERT INTO t SELECT 1, i FROM generate_series(1, 10) i";
        db.batch_execute(setup).await.unwrap();
        let source = Table::new(db, "public.t")
            .key::<(i32, i64)>(["tenant", "id"])
            .await
            .unwrap();
        let mut chunks = Walk::new(source).chunk_size(4).async_chunks();
        assert_eq!(
            chunks.next().await.unwrap().map(|items| items.len()),
            Some(4)
        );
        let token = chunks.token().unwrap().to_string();
        // If it changes, tokens of earlier releases are no longer read.
        assert_eq!(token, GOLDEN);
        let token: Token = GOLDEN.parse().unwrap();
        let rest = Walk::new(Table::new(db, "t").await.unwrap())
            .resume_token(&token)
            .unwrap();
        let mut chunks = rest.async_chunks();
        let items = chunks.next().await.unwrap().unwrap();
        assert_eq!(items[0].0.values(), [Value::Int(1), Value::Int(5)]);
        let key = chunks.source().dyn_key([1, 7]).unwrap();
        assert_eq!(chunks.source().key_text(&key), "(1, 7)");
        assert!(chunks.source().dyn_key([Value::Null, 7.into()]).is_err());
        for other in [
            Table::new(db, "t").filter("id > $1", [0]).await.unwrap(),
            Table::new(db, "t").prefix_eq("tenant", 1).await.unwrap(),
        ] {
            assert!(token.check(&other.fingerprint().unwrap()).is_err());
        }
    });
}

const GOLDEN: &str = "ATJ-33CnTZkcl0HphCZP0L_BDgUAAAABCQAAAAAAAAAEDgUAAAABCQAAAAAAAAAK9KL17Jwpr6A";

#[test]
fn a_budget_of_bytes_bounds_what_is_requested() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TABLE t (id int8 PRIMARY KEY, pad text NOT NULL);
            INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) i";
        db.batch_execute(setup).await.unwrap();
        let source = Table::new(db, "t")
            .key::<i64>(["id"])
            .map(|row| row.try_get::<_, String>("pad"));
        let mut chunks = Walk::new(source.await.unwrap())
            .chunk_bytes(10_000)
            .async_chunks();
        let mut limits = BTreeSet::new();
        let mut came = 0;
        while let Some(items) = chunks.next().await.unwrap() {
            came += items.len();
            let sql = chunks.source().last_sql();
            limits.insert(
                sql.rsplit(' ')
                    .next()
                    .and_then(|n| n.parse::<usize>().ok())
                    .unwrap(),
            );
        }
        assert_eq!(came, 2000);
        limits.pop_last();
        assert!(limits.last().is_some_and(|most| *most <= 13), "{limits:?}");
    });
}

#[test]
fn partitions_policies_and_foreign_tables_are_walked_in_the_servers_order() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TABLE ranged (b int8, a int8, pad text, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
            CREATE TABLE r1 PARTITION OF ranged FOR VALUES FROM (MINVALUE) TO (10);
            CREATE TABLE r2 (pad text, a int8 NOT NULL, b int8 NOT NULL, PRIMARY KEY (a, b));
            ALTER TABLE ranged ATTACH PARTITION r2 FOR VALUES FROM (10) TO (MAXVALUE);
            CREATE TABLE hashed (id int8 PRIMARY KEY) PARTITION BY HASH (id);
            CREATE TABLE h1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE h2 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            CREATE TABLE policed (id int8 PRIMARY KEY, owner text); ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
            CREATE POLICY mine ON policed USING (owner = current_user);
            INSERT INTO ranged SELECT i % 7, i, 'x' FROM generate_series(1, 40) i;
            INSERT INTO hashed SELECT generate_series(1, 40);
            INSERT INTO policed SELECT i, CASE WHEN i % 3 = 0 THEN 'keywalk_reader' END FROM generate_series(1, 40) i;
            CREATE VIEW seen AS SELECT p.id, r.b FROM policed p JOIN ranged r ON r.a = p.id;
            DO $$ BEGIN CREATE ROLE keywalk_reader; EXCEPTION WHEN duplicate_object THEN END $$;
            GRANT SELECT ON policed TO keywalk_reader;";
        db.batch_execute(setup).await.unwrap();
        let reader = &connect(&database).await;
        let role = "SET ROLE keywalk_reader";
        reader.batch_execute(role).await.unwrap();
        macro_rules! walked {
            ($($db:ident: $builder:expr, $sql:literal;)+) => {$(
                let expected = $db.query($sql, &[]).await.unwrap();
                let expected = Vec::from_iter(expected.iter().map(|row| row.get::<_, i64>(0)));
                for (order, size) in [(Order::Ascending, 7), (Order::Descending, 3)] {
                    let source = $builder.key::<DynKey>(["id"]).await.unwrap();
                    let mut came = keys(source, order, size).await;
                    if order == Order::Descending {
                        came.reverse();
                    }
                    let came = came.iter().map(|key| key.values()[0].clone());
                    let expected = expected.iter().map(|id| Value::Int(*id));
                    assert!(came.eq(expected), stringify!($builder));
                }
            )+};
        }
        walked! {
            db: Table::new(db, "hashed"), "SELECT id FROM hashed ORDER BY id";
            db: Table::new(db, "h2").filter("id % 2 = 0", []), "SELECT id FROM h2 WHERE id % 2 = 0 ORDER BY id";
            reader: Table::new(reader, "policed"), "SELECT id FROM policed ORDER BY id";
            db: Query::new(db, "SELECT * FROM seen", []), "SELECT id FROM seen ORDER BY id";
        }
        let source = Table::new(db, "ranged").key::<(i64, i64)>(["a", "b"]);
        let came = keys(source.await.unwrap(), Order::Descending, 7).await;
        assert!(came.into_iter().eq((1..=40).rev().map(|i| (i, i % 7))));
        // Over a TCP connection, the server would have to accept its own password.
        let config: tokio_postgres::Config = database.url().parse().unwrap();
        let [tokio_postgres::config::Host::Unix(folder)] = config.get_hosts() else {
            return;
        };
        let fdw = "SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw'";
        if db.query(fdw, &[]).await.unwrap().is_empty() {
            return;
        }
        let foreign = format!(
            "CREATE EXTENSION postgres_fdw;
            CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', dbname '{}');
            CREATE USER MAPPING FOR CURRENT_USER SERVER itself OPTIONS (user 'postgres');
            CREATE FOREIGN TABLE far (id int8) SERVER itself OPTIONS (table_name 'hashed')",
            folder.display(),
            config.get_dbname().unwrap()
        );
        db.batch_execute(&foreign).await.unwrap();
        let refused = Table::new(db, "far").key::<i64>(["id"]).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("as a `Query`, by a single column"),
            "{refused}"
        );
        walked! {
            db: Query::new(db, "SELECT * FROM far", []), "SELECT id FROM hashed ORDER BY id";
        }
    });
}

/// Walks on from a cursor, and returns the ids and the new cursor.
async fn added<K: SqlKey, D: Decode>(
    source: SqlSource<&Client, K, D>,
    cursor: Option<Cursor<K>>,
) -> (Vec<K>, Cursor<K>) {
    let walk = Walk::new(source).chunk_size(2);
    let walk = match cursor {
        Some(cursor) => walk.resume(cursor),
        None => walk.unbounded(),
    };
    let mut chunks = walk.async_chunks();
    let mut ids = Vec::new();
    while let Some(items) = chunks.next().await.unwrap() {
        ids.extend(items.iter().map(|(id, _)| id.clone()));
    }
    (ids, chunks.cursor())
}

/// Waits until what is committed is settled. The other tests' transactions delay that.
async fn settle(db: &Client) {
    let id = "SELECT pg_current_xact_id()::text";
    let id: String = db.query_one(id, &[]).await.unwrap().get(0);
    let is_settled = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8";
    while !db
        .query_one(is_settled, &[&id])
        .await
        .unwrap()
        .get::<_, bool>(0)
    {}
}

#[test]
fn a_settled_walk_visits_rows_that_commit_late_and_another_one_misses_them() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let (other, third) = (connect(&database).await, connect(&database).await);
        let setup = "CREATE TABLE t (xact int8 DEFAULT pg_current_xact_id()::text::int8, n int8,
                id int8 GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (xact, id)) PARTITION BY HASH (id);
            CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)";
        db.batch_execute(setup).await.unwrap();
        let insert = "INSERT INTO t (n) SELECT generate_series(1, 3)";
        db.batch_execute(insert).await.unwrap();
        settle(db).await;
        let table = || Table::new(db, "t").key::<(i64, i64)>(["xact", "id"]).keys();
        let tables = || {
            let [first, late] = ["n = 1", "id > 3"].map(|filter| table().filter(filter, []));
            [table(), table().settled(), first.settled(), late.settled()]
        };
        // Rows 4 to 6 commit late: their transaction isn't over when a row with a larger id, of one that began before,
        // and a row that this one has updated, are visible.
        let updated = "INSERT INTO t (n) VALUES (9)";
        let begin = "BEGIN; SELECT pg_current_xact_id()";
        db.batch_execute(begin).await.unwrap();
        let late = format!("BEGIN; {insert}");
        other.batch_execute(&late).await.unwrap();
        third.batch_execute(updated).await.unwrap();
        let later = "INSERT INTO t (n) VALUES (0)";
        let commit = format!("{later}; UPDATE t SET n = 0 WHERE n = 9; COMMIT");
        db.batch_execute(&commit).await.unwrap();
        let mut cursors = [const { None }; 4];
        let tonight = [vec![1, 2, 3, 8, 7], vec![1, 2, 3, 8], vec![1], vec![8]];
        let tomorrow = [vec![], vec![4, 5, 6, 7], vec![4], vec![4, 5, 6, 7]];
        for night in [tonight, tomorrow] {
            for ((table, cursor), expected) in tables().into_iter().zip(&mut cursors).zip(night) {
                let (keys, end) = added(table.await.unwrap(), cursor.take()).await;
                let ids = Vec::from_iter(keys.iter().map(|(_, id)| *id));
                assert_eq!(ids, expected);
                *cursor = Some(end);
            }
            // What a filter drops isn't read again.
            if let Some(Bound::Excluded((_, id))) = cursors[2].as_ref().map(|of| of.range().start())
            {
                assert_ne!(*id, 1);
            }
            // All kinds of walks see the same rows.
            let mut source = table().settled().await.unwrap();
            let settled = added(table().settled().await.unwrap(), None).await.0;
            let count = source.count().await.unwrap();
            assert_eq!(count, settled.len() as u64);
            for order in [Order::Ascending, Order::Descending] {
                let mut came = parts(&mut source, order, 3).await.concat();
                if order == Order::Descending {
                    came.reverse();
                }
                assert_eq!(came, settled);
            }
            other.batch_execute("COMMIT").await.unwrap();
            settle(db).await;
        }
        // Its own rows aren't settled.
        let own = format!("BEGIN; {later}; SAVEPOINT s; {later}");
        db.batch_execute(&own).await.unwrap();
        let source = table().settled().await.unwrap();
        assert_eq!(added(source, None).await.0.len(), 8);
        db.batch_execute("ROLLBACK").await.unwrap();
        // The condition is the search's.
        let mut source = table().settled().await.unwrap();
        let (last, mut one) = (KeyRange::all(Order::Descending), Chunk::with_limit(1));
        source.fetch(&last, &mut one).await.unwrap();
        let plan = format!("SET enable_seqscan = off; EXPLAIN {}", source.last_sql());
        let plan = db.simple_query(&plan).await.unwrap();
        let plan = format!("{plan:?}");
        assert!(plan.contains("Index Cond: (xact < "), "{plan}");
        let columns = "ALTER TABLE t ADD COLUMN old int8 NOT NULL DEFAULT txid_current();
            CREATE UNIQUE INDEX ON t (old, id); CREATE UNIQUE INDEX ON t (id, xact)";
        db.batch_execute(columns).await.unwrap();
        let by = async |columns: [&str; 2]| {
            Table::new(db, "t")
                .key::<(i64, i64)>(columns)
                .settled()
                .await
                .err()
        };
        assert!(by(["old", "id"]).await.is_none());
        let refused = by(["id", "xact"]).await.unwrap();
        assert_eq!(refused.kind(), ErrorKind::Settled);
        assert!(
            refused.to_string().contains("DEFAULT pg_current_xact_id()"),
            "{refused}"
        );
    });
}

#[test]
fn a_walk_in_a_snapshot_yields_its_moment_and_leaves_nothing_open() {
    with_database(async |database| {
        let db = &connect(&database).await;
        let setup = "CREATE TABLE t (id int8 PRIMARY KEY, n int8 NOT NULL);
            INSERT INTO t SELECT i, 0 FROM generate_series(1, 50) i";
        db.batch_execute(setup).await.unwrap();
        let mut holder = connect(&database).await;
        let held = holder
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead);
        let held = held.start().await.unwrap();
        let id = "SELECT pg_export_snapshot()";
        let id: String = held.query_one(id, &[]).await.unwrap().get(0);
        let manager = deadpool_postgres::Manager::new(database.url().parse().unwrap(), NoTls);
        let pool = deadpool_postgres::Pool::builder(manager).max_size(1);
        let pool = pool.build().unwrap();
        let items = || {
            let table = Table::new(PerFetch(|| async { pool.get().await.map(Wrapped) }), "t");
            let table = table.snapshot(&id).key::<i64>(["id"]);
            table.map(|row| row.try_get::<_, i64>("n"))
        };
        let open = async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
            db.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
        };
        for order in [Order::Ascending, Order::Descending] {
            let walk = Walk::new(items().await.unwrap()).order(order);
            let mut chunks = walk.chunk_size(7).async_chunks();
            let (mut came, mut is_dropped) = (Vec::new(), false);
            loop {
                let change = "UPDATE t SET n = 1; DELETE FROM t WHERE id % 10 = 3;
                    INSERT INTO t SELECT 1 + max(id), 1 FROM t";
                db.batch_execute(change).await.unwrap();
                is_dropped = !is_dropped;
                let mut fetch = pin!(chunks.next());
                let fetched = poll_fn(|context| match fetch.as_mut().poll(context) {
                    Poll::Ready(fetched) => Poll::Ready(Some(fetched)),
                    Poll::Pending if is_dropped => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                });
                match fetched.await.transpose().unwrap() {
                    Some(Some(items)) => came.extend_from_slice(items),
                    Some(None) => break,
                    None => continue,
                }
                assert_eq!(open().await, 1, "only the holder's");
            }
            if order == Order::Descending {
                came.reverse();
            }
            assert!(came.into_iter().eq((1..=50).map(|id| (id, 0))));
        }
        assert_eq!(items().await.unwrap().count().await.unwrap(), 50);
        // A transaction that begins on the walk's connection is rolled back.
        for begin in ["BEGIN; DELETE FROM t", "BEGIN; SELECT 1 / 0"] {
            let table = Table::new(db, "t").snapshot(&id).key::<i64>(["id"]);
            let mut chunks = Walk::new(table.await.unwrap()).async_chunks();
            let _ = db.batch_execute(begin).await;
            let Err(keywalk::Error::Source(error)) = chunks.next().await else {
                panic!("it was in a transaction");
            };
            let is_its_own = error.to_string().contains("was in a transaction");
            assert!(error.kind() == ErrorKind::Snapshot && is_its_own, "{error}");
            let rows = db.query("SELECT FROM t", &[]).await.unwrap();
            assert!(!rows.is_empty());
        }
        let mut chunks = Walk::new(items().await.unwrap())
            .chunk_size(7)
            .async_chunks();
        chunks.next().await.unwrap();
        held.rollback().await.unwrap();
        let Err(keywalk::Error::Source(error)) = chunks.next().await else {
            panic!("it has ended");
        };
        assert_eq!(
            (error.kind(), error.is_transient()),
            (ErrorKind::Snapshot, false)
        );
        assert!(error.to_string().contains("must be open"), "{error}");
        assert_eq!(open().await, 0);
        let begin = "BEGIN; DELETE FROM t";
        db.batch_execute(begin).await.unwrap();
        let refused = Table::new(db, "t").snapshot(&id).await.unwrap_err();
        assert!(
            refused.to_string().contains("without a transaction"),
            "{refused}"
        );
        let rows = db.query("SELECT FROM t", &[]).await.unwrap();
        assert!(rows.is_empty(), "the transaction goes on");
    });
}

/// A generic caller can spawn a walk.
#[expect(dead_code, reason = "compiled only")]
fn is_send<C: Connect, K: SqlKey, D: Decode>(source: &mut SqlSource<C, K, D>, range: &KeyRange<K>) {
    fn check(_: impl Send) {}
    check(source.fetch(range, &mut Chunk::with_limit(1)));
}
