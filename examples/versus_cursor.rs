//! What does a walk cost beside one open cursor over the same table?
//!
//! `cargo run --release --example versus_cursor [ROWS] [--offset]` makes a table (500,000 rows of
//! about 600 bytes) and reads it in turns: by one rusqlite cursor that makes a new struct a row, by
//! walks of several chunk sizes that fill their items again, by a walk that hands out each item, and,
//! if asked to, once by LIMIT and OFFSET, which takes a minute. It prints the CPU time of each as a
//! ratio to the cursor's of the same turn: the median of nine turns.

#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;

use keywalk::Walk;
use keywalk_examples::{make_table, thread_cpu_ns};
use keywalk_sqlite::{FromRow, Table};
use rusqlite::{Connection, Row};

type Fallible<T> = Result<T, Box<dyn Error>>;

const TURNS: usize = 9;

#[derive(Default)]
struct Item {
    name: String,
    photo: Vec<u8>,
}

impl FromRow for Item {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Item {
            name: row.get(1)?,
            photo: row.get(2)?,
        })
    }

    fn refill(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.name.clear();
        self.name.push_str(row.get_ref(1)?.as_str()?);
        self.photo.clear();
        self.photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
        Ok(())
    }
}

/// Sums what it sees, so that both ways can be seen to have done the same work.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    rows: u64,
    sum: u64,
}

impl Seen {
    fn see(&mut self, id: i64, item: &Item) {
        self.rows += 1;
        let bytes = item.name.len() + item.photo.len();
        self.sum = self
            .sum
            .wrapping_mul(31)
            .wrapping_add(id as u64 + bytes as u64);
        black_box(item);
    }
}

fn cursor(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        seen.see(row.get(0)?, &Item::from_row(row)?);
    }
    Ok(seen)
}

fn lent(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    let mut chunks = Walk::new(table).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (id, item) in items {
            seen.see(*id, item);
        }
    }
    Ok(seen)
}

fn owned(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<i64>(["id"])?.decode::<Item>();
    for entry in Walk::new(table) {
        let (id, item) = entry?;
        seen.see(id, &item);
    }
    Ok(seen)
}

fn offset(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement =
        db.prepare_cached("SELECT id, name, photo FROM items ORDER BY id LIMIT 1000 OFFSET ?1")?;
    loop {
        let before = seen.rows;
        let mut rows = statement.query([before as i64])?;
        while let Some(row) = rows.next()? {
            seen.see(row.get(0)?, &Item::from_row(row)?);
        }
        if seen.rows == before {
            return Ok(seen);
        }
    }
}

/// The median ratio of `way` to the cursor, each pair measured one after the other.
fn ratio(
    db: &Connection,
    turns: usize,
    way: impl Fn(&Connection) -> Fallible<Seen>,
) -> Fallible<f64> {
    let mut ratios = Vec::new();
    for _ in 0..turns {
        let start = thread_cpu_ns();
        let floor = cursor(db)?;
        let middle = thread_cpu_ns();
        let seen = way(db)?;
        let end = thread_cpu_ns();
        if seen != floor {
            return Err(format!("saw {seen:?} instead of {floor:?}").into());
        }
        ratios.push((end - middle) as f64 / (middle - start) as f64);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[turns / 2])
}

fn main() -> Fallible<()> {
    let mut rows = 500_000;
    let mut with_offset = false;
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--offset" => with_offset = true,
            number => rows = number.parse()?,
        }
    }
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("items.db"))?;
    make_table(&mut db, rows, |_| {})?;
    cursor(&db)?;

    println!("CPU time for {rows} rows, as a ratio to one cursor that makes a struct a row:");
    let default = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;
    for chunk_size in [10, 100, 256, default, 1_000, 10_000] {
        let ratio = ratio(&db, TURNS, |db| lent(db, chunk_size))?;
        println!("lent, chunks of {chunk_size}: {ratio:.2}");
    }
    let ratio_owned = ratio(&db, TURNS, owned)?;
    println!("item by item, chunks of {default}: {ratio_owned:.2}");
    if with_offset {
        let ratio_offset = ratio(&db, 1, offset)?;
        println!("LIMIT and OFFSET, pages of 1000: {ratio_offset:.0}");
    }
    Ok(())
}
