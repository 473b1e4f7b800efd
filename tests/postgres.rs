//! keywalk-postgres over a real server: refusals, key types, connections, faults, and what a fetch reads.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use keywalk::{AsyncChunkSource, Chunk, Cursor, KeyRange, Order, ResumableSource, Token, Walk};
use keywalk_postgres::decode::Decode;
use keywalk_postgres::tokio_postgres::{self, Client, NoTls};
use keywalk_postgres::{
    Collated, Connect, Date, DynKey, ErrorKind, NullsLast, Numeric, PerFetch, Query, SqlKey,
    SqlSource, Table, Timestamp, TimestampTz, Value,
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
            CREATE INDEX ON t (m, id DESC); CREATE INDEX ON t (e text_pattern_ops) INCLUDE (l);
            CREATE TABLE parent (id int8 PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
            CREATE TABLE bare (id int8 NOT NULL); CREATE VIEW v AS SELECT * FROM t;
            CREATE TABLE hashed (id int8 PRIMARY KEY, h text NOT NULL); CREATE INDEX ON hashed USING hash (h);";
        let setup = setup.replace("CREATE INDEX ON t (e text_pattern_ops) INCLUDE (l);", "");
        db.batch_execute(&setup).await.unwrap();
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
            Table::new(db, "bare"), NoPrimaryKey, "primary key";
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
        // What is printed is what PostgreSQL reads.
        let source = Table::new(db, "t")
            .key::<i16>(["a"])
            .columns(["c", "f", "g", "h"])
            .await
            .unwrap();
        let mut items = Walk::new(source).async_chunks();
        while let Some(rows) = items.next().await.unwrap() {
            for (a, row) in rows {
                let values: Vec<String> = row
                    .values()
                    .iter()
                    .map(|v| format!("{v}").replace('\'', ""))
                    .collect();
                let sql =
                    "SELECT c::text = $2::text AND f = $3::text::date AND g = $4::text::timestamp
                    AND h = $5::text::timestamptz FROM t WHERE a = $1";
                let same = db
                    .query_one(sql, &[a, &values[0], &values[1], &values[2], &values[3]])
                    .await;
                assert!(same.unwrap().get::<_, bool>(0), "{values:?}");
            }
        }
    });
}

/// Nine tenths of the rows have one leading value.
const SKEWED: &str =
    "CREATE TABLE t (a int4 NOT NULL, b int4 NOT NULL, pad text, PRIMARY KEY (a, b));
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
        let setup =
            "CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)";
        owned.batch_execute(setup).await.unwrap();
        let shared = Arc::new(connect(&database).await);
        let pool = tokio::sync::Mutex::new(connect(&database).await);
        let expected: Vec<i64> = (1..=10).collect();
        macro_rules! walked {
            ($($connection:expr;)+) => {$(
                let source = Table::new($connection, "t").key::<i64>(["id"]).await.unwrap();
                assert_eq!(keys(source, Order::Ascending, 3).await, expected);
            )+};
        }
        walked! {
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
            PerFetch(|| async { Ok::<_, std::io::Error>(pool.lock().await) }),
            "t",
        );
        let mut chunks = Walk::new(source.key::<i64>(["id"]).await.unwrap())
            .chunk_size(3)
            .async_chunks();
        while chunks.next().await.unwrap().is_some() {
            assert!(pool.try_lock().is_ok(), "no connection is held");
        }
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
        let walk = Walk::new(&mut *source).resume(Cursor::bounded(range));
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
            let mut chunks = walk.resume(Cursor::bounded(range)).async_chunks();
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

/// A generic caller can spawn a walk.
#[expect(dead_code, reason = "compiled only")]
fn is_send<C: Connect, K: SqlKey, D: Decode>(source: &mut SqlSource<C, K, D>, range: &KeyRange<K>) {
    fn check(_: impl Send) {}
    check(source.fetch(range, &mut Chunk::with_limit(1)));
}
