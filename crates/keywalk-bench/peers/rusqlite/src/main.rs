//! Walks the table `items` of a database with rusqlite by hand, or with keywalk over rusqlite:
//! `keywalk-bench-rusqlite WAY FILE`.

#![forbid(unsafe_code)]

use std::error::Error;

use keywalk_bench_seen::Args;
use rusqlite::Connection;

mod by_hand;
mod item;
mod walk;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let db = Connection::open(&args.file)?;
    let seen = match args.way.as_str() {
        "walk-lent" => walk::lent(&db)?,
        "walk-items" => walk::items(&db)?,
        "walk-visit" => walk::visit(&db)?,
        "cursor-borrowed" => by_hand::cursor_borrowed(&db)?,
        "cursor-owned" => by_hand::cursor_owned(&db)?,
        "keyset" => by_hand::keyset(&db)?,
        "offset" => by_hand::offset(&db)?,
        "sqlite" => {
            println!("{}", rusqlite::version());
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}
