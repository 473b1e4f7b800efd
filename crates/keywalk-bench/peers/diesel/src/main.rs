//! Walks the table `items` of a database with diesel: `keywalk-bench-diesel WAY STORE`.

#![forbid(unsafe_code)]

use std::error::Error;

use diesel::SqliteConnection;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::{Queryable, Selectable};
use diesel::{Connection, ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use keywalk_bench_seen::{Args, Seen};

type Fallible<T> = Result<T, Box<dyn Error>>;

const PAGE: usize = 1_000;

diesel::table! {
    items (id) {
        id -> BigInt,
        name -> Text,
        photo -> Binary,
    }
}

/// A row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = items, check_for_backend(diesel::sqlite::Sqlite))]
struct Item {
    id: i64,
    name: String,
    photo: Vec<u8>,
}

fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut db = SqliteConnection::establish(&args.store)?;
    let seen = match args.way.as_str() {
        "load_iter" => load_iter(&mut db)?,
        "keyset" => keyset(&mut db)?,
        "load" => load(&mut db)?,
        "sqlite" => {
            let version = diesel::dsl::sql::<diesel::sql_types::Text>("SELECT sqlite_version()");
            println!("{}", version.get_result::<String>(&mut db)?);
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}

/// One cursor.
fn load_iter(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    for item in query.load_iter::<Item, DefaultLoadingMode>(db)? {
        let item = item?;
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages by hand, each after the last key.
fn keyset(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        let page = items::table
            .filter(items::id.gt(last))
            .order(items::id)
            .limit(PAGE as i64)
            .select(Item::as_select())
            .load(db)?;
        for item in &page {
            seen.see(item.id, &item.name, &item.photo);
            last = item.id;
        }
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// The whole table at once.
fn load(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    for item in query.load(db)? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
