//! Walks the table `items` of a database with diesel: `keywalk-bench-diesel WAY FILE`.

#![forbid(unsafe_code)]

use std::error::Error;

use diesel::{Connection, RunQueryDsl, SqliteConnection};
use keywalk_bench_seen::Args;

mod item;
mod ways;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut db = SqliteConnection::establish(&args.file)?;
    let seen = match args.way.as_str() {
        "load-iter" => ways::load_iter(&mut db)?,
        "keyset" => ways::keyset(&mut db)?,
        "load" => ways::load(&mut db)?,
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
