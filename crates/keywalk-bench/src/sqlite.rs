//! Walks over SQLite tables. The ratio is the CPU time over that of one open cursor over the same table.
//!
//! `KEY/visit_N` is a walk in chunks of N that passes each borrowed row to a closure. It is compared with a cursor that
//! borrows too. `KEY/lent_N` lends chunks whose items are reused, and `KEY/items_N` yields each item. Both are compared
//! with a cursor that makes a new struct per row. The tables are in the cache.

use std::collections::BTreeMap;

use keywalk::Walk;
use keywalk_sqlite::{Connect, Decode, Table};
use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, lent, owned};
use crate::sqlite_table::{
    Composite, Integer, Item, MixedOrder, Shape, Text, TimeUuid, database, select,
};

pub(crate) const DEFAULT: usize = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;

/// The amount by which the ratio of another key may exceed the integer key's.
const MARGIN: f64 = 0.05;

/// Ratios by way and chunk size.
type Ratios = BTreeMap<(&'static str, usize), f64>;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let sizes = [1, 10, 100, DEFAULT, 1_000, 10_000];
    let integer = shape::<Integer>(bench, bench.items, &sizes, |way| match way {
        ("visit", 100) => Target::AtMost(1.12),
        ("visit", DEFAULT | 1_000) => Target::AtMost(1.03),
        ("lent", 10) => Target::AtMost(1.7),
        ("lent", 100) => Target::AtMost(1.02),
        ("lent", DEFAULT | 1_000) => Target::AtMost(0.95),
        ("items", DEFAULT | 1_000) => Target::AtMost(1.15),
        _ => Target::None,
    })?;
    // The five other tables have fewer rows, so that all stay in the cache.
    let (rows, sizes) = (bench.items / 2, [100, DEFAULT, 1_000]);
    let near = |way| match integer.get(&way) {
        Some(ratio) => Target::AtMost(ratio + MARGIN),
        None => Target::None,
    };
    shape::<Text>(bench, rows, &sizes, near)?;
    shape::<TimeUuid<false>>(bench, rows, &sizes, near)?;
    shape::<TimeUuid<true>>(bench, rows, &sizes, near)?;
    shape::<Composite>(bench, rows, &sizes, near)?;
    shape::<MixedOrder>(bench, rows, &sizes, near)?;
    Ok(())
}

/// Measures each way to walk a table, in chunks of each size in `sizes`.
fn shape<S: Shape>(
    bench: &mut Bench,
    rows: u64,
    sizes: &[usize],
    target: impl Fn((&'static str, usize)) -> Target,
) -> Fallible<Ratios> {
    let mut ratios = Ratios::new();
    if !bench.wants_any(S::NAME) {
        return Ok(ratios);
    }
    let (_folder, db) = database::<S>(rows)?;
    for size in sizes.iter().copied() {
        let mut versus = |way, floor: fn(&Connection) -> Fallible<Seen>, walk: Pass| -> Fallible {
            let (name, target) = (format!("{}/{way}_{size}", S::NAME), target((way, size)));
            let ratio = bench.versus(name, target, || floor(&db), || walk(&db, size))?;
            ratios.extend(ratio.map(|ratio| ((way, size), ratio)));
            Ok(())
        };
        versus("visit", cursor_visits::<S>, walk_visits::<S>)?;
        versus("lent", cursor_makes_structs::<S>, walk_lends::<S>)?;
        versus("items", cursor_makes_structs::<S>, walk_yields::<S>)?;
    }
    Ok(ratios)
}

/// Makes a walk in chunks of this size.
type Pass = fn(&Connection, usize) -> Fallible<Seen>;

/// What users write for speed: a cursor that borrows each column.
pub(crate) fn cursor_visits<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&select::<S>())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        seen.see(S::visit(row)?.wrapping_add(Item::visit(row, S::KEY.len())?));
    }
    Ok(seen)
}

pub(crate) fn walk_visits<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let table = Table::new(db, "items").key::<S::Key>(S::KEY.iter().copied())?;
    let table = table.columns(Item::COLUMNS).map(|row| Item::visit(row, 0));
    let walk = Walk::new(table).chunk_size(chunk_size);
    lent(walk, |(key, bytes)| S::digest(key).wrapping_add(*bytes))
}

/// What users write: a cursor that makes one struct per row.
pub(crate) fn cursor_makes_structs<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&select::<S>())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, item) = (S::read(row)?, Item::read(row, S::KEY.len())?);
        seen.see(S::digest(&key).wrapping_add(item.digest()));
    }
    Ok(seen)
}

pub(crate) fn walk_lends<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let walk = Walk::new(table::<S, _>(db)?).chunk_size(chunk_size);
    lent(walk, |(key, item)| {
        S::digest(key).wrapping_add(item.digest())
    })
}

pub(crate) fn walk_yields<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let walk = Walk::new(table::<S, _>(db)?).chunk_size(chunk_size);
    owned(walk, |(key, item)| {
        S::digest(&key).wrapping_add(item.digest())
    })
}

/// Makes a source of the table, with each row as an [`Item`].
pub(crate) fn table<S: Shape, C: Connect>(
    db: C,
) -> Fallible<Table<C, S::Key, impl Decode<Item = Item>>> {
    let table = Table::new(db, "items").key::<S::Key>(S::KEY.iter().copied())?;
    Ok(table.columns(Item::COLUMNS).decode::<Item>())
}
