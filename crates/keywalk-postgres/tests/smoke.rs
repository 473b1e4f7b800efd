#![allow(missing_docs, clippy::unwrap_used)]
use keywalk::{Order, Walk};
use keywalk_postgres::*;
use std::cmp::Reverse;
use tokio_postgres::{Client, NoTls};

async fn connect() -> Client {
    let (client, connection) = tokio_postgres::connect("host=/tmp/pgx user=postgres", NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}
async fn all<C: Connect, K: SqlKey, D: decode::Decode>(
    s: SqlSource<C, K, D>,
    n: usize,
    order: Order,
) -> Vec<K> {
    let walk = Walk::new(s).chunk_size(n);
    let walk = if order == Order::Descending {
        walk.descending()
    } else {
        walk
    };
    let mut chunks = walk.async_chunks();
    let mut keys = Vec::new();
    while let Some(items) = chunks.next().await.unwrap() {
        keys.extend(items.iter().map(|(k, _)| k.clone()));
    }
    println!("{}", chunks.source().last_sql());
    keys
}
#[tokio::test]
async fn smoke() {
    let c = connect().await;
    c.batch_execute("DROP TABLE IF EXISTS t, o, p, n CASCADE; DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad','ok','happy');
      CREATE TABLE t (id int8 PRIMARY KEY, name text, deleted bool not null default false, m mood not null default 'ok');
      INSERT INTO t SELECT i, 'n' || i, i % 7 = 0 FROM generate_series(1, 3000) i;
      CREATE TABLE o (a int4 not null, b text not null, c int8, primary key (a, b)); CREATE INDEX ON o (a, b DESC); CREATE INDEX ON o (c, a, b);
      INSERT INTO o SELECT i % 5, 'b' || i, case when i % 3 > 0 then i / 10 end FROM generate_series(1, 500) i;
      CREATE TABLE n (x numeric primary key, u uuid not null unique, ts timestamptz not null unique, d date not null);
      INSERT INTO n SELECT i / 7.0, gen_random_uuid(), now() + i * interval '1 second', '2000-01-01'::date + i  FROM generate_series(-100, 100) i;
      INSERT INTO n VALUES ('NaN', gen_random_uuid(), 'infinity', 'infinity'), ('0.0001000', gen_random_uuid(), '-infinity', '0044-03-15 BC'), (123456789012345678901234567890.5, gen_random_uuid(), '0001-01-01 BC', '5874897-12-31');
      ").await.unwrap();
    let t = Table::new(&c, "t").key::<i64>(["id"]).await.unwrap();
    assert_eq!(t.count().await.unwrap(), 3000);
    println!("est {}", t.count_estimate().await.unwrap());
    assert_eq!(
        all(t, 100, Order::Ascending).await,
        (1..=3000).collect::<Vec<_>>()
    );
    let t = Table::new(&c, "public.t")
        .key::<i64>(["id"])
        .map(|r| r.try_get::<_, String>("name"))
        .filter("deleted AND id > $1", [10])
        .await
        .unwrap();
    assert_eq!(
        all(t, 100, Order::Descending).await,
        (11..=3000).rev().filter(|i| i % 7 == 0).collect::<Vec<_>>()
    );
    let o = Table::new(&c, "o")
        .key::<(i32, Reverse<String>)>(["a", "b"])
        .keys()
        .await
        .unwrap();
    let keys = all(o, 7, Order::Ascending).await;
    assert_eq!(keys.len(), 500);
    assert!(keys.is_sorted());
    let o = Table::new(&c, "o")
        .key::<(NullsLast<i64>, i32, String)>(["c", "a", "b"])
        .await
        .unwrap();
    let mut keys = all(o, 7, Order::Descending).await;
    keys.reverse();
    assert_eq!(keys.len(), 500);
    assert!(keys.is_sorted());
    let o = Table::new(&c, "o")
        .prefix_eq("a", 3)
        .key::<String>(["b"])
        .await
        .unwrap();
    assert_eq!(all(o, 7, Order::Ascending).await.len(), 100);
    let n = Table::new(&c, "n").await.unwrap();
    for k in all(n, 7, Order::Ascending).await.iter().take(3) {
        println!("{k}");
    }
    let n = Table::new(&c, "n").key::<Numeric>(["x"]).await.unwrap();
    let keys = all(n, 7, Order::Ascending).await;
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), 204);
    for k in &keys {
        let s: String = c
            .query_one(
                "select x::text from n where x = $1::text::numeric",
                &[&k.as_str()],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(s, k.as_str());
    }
    let n = Table::new(&c, "n")
        .key::<TimestampTz>(["ts"])
        .await
        .unwrap();
    let keys = all(n, 7, Order::Ascending).await;
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), 204);
    println!("{:?} {}", keys[1], keys[1]);
    for (k, r) in keys.iter().zip(
        c.query(
            "select (ts at time zone 'UTC')::text, ts = $1::text::timestamptz from n order by ts",
            &[&"2000-01-01"],
        )
        .await
        .unwrap(),
    ) {
        let _ = &r;
        let same: bool = c
            .query_one(
                "select exists(select from n where ts = $1::text::timestamptz)",
                &[&k.to_string()],
            )
            .await
            .unwrap()
            .get(0);
        assert!(same);
    }
    for r in c.query("select d, d::text from n", &[]).await.unwrap() {
        let _ = r;
    }
    let q = Query::new(
        &c,
        "SELECT t.id, o.a, o.b FROM t JOIN o ON o.a = t.id",
        Vec::<Value>::new(),
    )
    .key::<(i64, String)>(["id", "b"])
    .await
    .unwrap();
    println!("{}", all(q, 50, Order::Ascending).await.len());
    for e in [
        Table::new(&c, "nope").await.unwrap_err(),
        Table::new(&c, "t").key::<i32>(["id"]).await.unwrap_err(),
        Table::new(&c, "t")
            .key::<Collated>(["name"])
            .await
            .unwrap_err(),
        Table::new(&c, "t")
            .key::<Collated>(["m"])
            .await
            .unwrap_err(),
        Table::new(&c, "o")
            .key::<(i32, Option<i64>)>(["a", "c"])
            .await
            .unwrap_err(),
        Table::new(&c, "t")
            .filter("nope = 1", [1])
            .await
            .unwrap_err(),
        Table::new(&c, "t")
            .filter("id = $1) OR (id > 1", [1])
            .await
            .unwrap_err(),
        Query::new(&c, "SELECT * FROM t ORDER BY 1", [1; 0])
            .key::<i64>(["id"])
            .await
            .unwrap_err(),
        Query::new(&c, "SELECT * FROM t LIMIT 1", [1; 0])
            .key::<i64>(["id"])
            .await
            .unwrap_err(),
    ] {
        println!("{:?}: {e}", e.kind());
    }
}
