use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::Connection;
use std::cmp::Reverse;
#[test]
fn smoke() {
    let db = Connection::open("/tmp/flights.db").unwrap();
    for t in ["flights", "flights_id", "flights_uuid", "flights_mixed"] {
        for desc in [false, true] {
            let mut w = Walk::new(Table::new(&db, t));
            if desc {
                w = w.descending();
            }
            let mut c = w.chunks();
            let mut n = 0;
            while let Some(items) = c.next().unwrap_or_else(|e| panic!("{e:?}")) {
                n += items.len();
            }
            println!("{t} {desc} {n} {:?}", c.stats());
            for s in c.source().statements() {
                println!("  {s}");
            }
            assert_eq!(n, 336_776);
        }
    }
    let t = Table::new(&db, "flights_mixed")
        .key::<(String, Reverse<String>, i64)>(["carrier", "time_hour", "flight"])
        .unwrap()
        .columns(["dest"])
        .map(|r| r.get::<_, String>(0));
    let v: Result<Vec<_>, _> = Walk::new(t).into_iter().take(3).collect();
    println!("{v:?}");
}
