//! Walks the table `items` of a database with rusqlite by hand, or with keywalk over rusqlite:
//! `keywalk-bench-rusqlite WAY STORE`.

#![forbid(unsafe_code)]

use std::error::Error;

use keywalk::Walk;
use keywalk_bench_seen::{Args, Seen};
use keywalk_sqlite::{FromRow, Table};
use rusqlite::{Connection, Result, Row};

type Fallible<T> = std::result::Result<T, Box<dyn Error>>;

const PAGE: usize = 1_000;

/// The columns of a row other than its key.
#[derive(Default)]
struct Item {
    name: String,
    photo: Vec<u8>,
}

impl FromRow for Item {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Item {
            name: row.get(1)?,
            photo: row.get(2)?,
        })
    }

    fn refill(&mut self, row: &Row<'_>) -> Result<()> {
        self.name.clear();
        self.name.push_str(row.get_ref(1)?.as_str()?);
        self.photo.clear();
        self.photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
        Ok(())
    }
}

fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let db = Connection::open(&args.store)?;
    let seen = match args.way.as_str() {
        "lent" => lent(&db)?,
        "items" => items(&db)?,
        "visit" => visit(&db)?,
        "borrowed" => cursor_borrowed(&db)?,
        "owned" => cursor_owned(&db)?,
        "keyset" => keyset(&db)?,
        "offset" => offset(&db)?,
        "sqlite" => {
            println!("{}", rusqlite::version());
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}

/// One cursor that copies nothing: the least that reading the table can cost.
fn cursor_borrowed(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str()?;
        let photo = row.get_ref(2)?.as_blob()?;
        seen.see(row.get(0)?, name, photo);
    }
    Ok(seen)
}

/// One cursor that makes a new struct per row.
fn cursor_owned(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let item = Item::from_row(row)?;
        seen.see(row.get(0)?, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages after the last key, in a reused `Vec`: nothing is held while a page is processed.
fn keyset(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let sql = format!("SELECT id, name, photo FROM items WHERE id > ?1 ORDER BY id LIMIT {PAGE}");
    let mut statement = db.prepare(&sql)?;
    let mut page: Vec<(i64, Item)> = Vec::with_capacity(PAGE);
    let mut last = 0;
    loop {
        page.clear();
        let mut rows = statement.query([last])?;
        while let Some(row) = rows.next()? {
            page.push((row.get(0)?, Item::from_row(row)?));
        }
        for (id, item) in &page {
            seen.see(*id, &item.name, &item.photo);
            last = *id;
        }
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// Pages by OFFSET: each reads all rows before it again.
fn offset(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let sql = format!("SELECT id, name, photo FROM items ORDER BY id LIMIT {PAGE} OFFSET ?1");
    let mut statement = db.prepare(&sql)?;
    loop {
        let before = seen.rows();
        let mut rows = statement.query([i64::try_from(before)?])?;
        while let Some(row) = rows.next()? {
            let item = Item::from_row(row)?;
            seen.see(row.get(0)?, &item.name, &item.photo);
        }
        if seen.rows() == before {
            return Ok(seen);
        }
    }
}

/// Lent chunks, whose items are reused.
fn lent(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    let mut chunks = Walk::new(table).chunks();
    while let Some(items) = chunks.next()? {
        for (id, item) in items {
            seen.see(*id, &item.name, &item.photo);
        }
    }
    Ok(seen)
}

/// Item by item, each owned by the loop.
fn items(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    for item in Walk::new(table) {
        let (id, item) = item?;
        seen.see(id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Borrows each row and copies nothing.
fn visit(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.map(|row| {
        let name = row.get_ref(1)?.as_str()?.len();
        let photo = row.get_ref(2)?.as_blob()?.len();
        Ok(name + photo)
    });
    let mut chunks = Walk::new(table).chunks();
    while let Some(items) = chunks.next()? {
        for &mut (id, bytes) in items {
            seen.see_bytes(id, bytes);
        }
    }
    Ok(seen)
}
