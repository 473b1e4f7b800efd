//! Walks over SQLite tables beside one open cursor over the same, CPU time.
//!
//! `KEY/visit_N` is a walk in chunks of N whose closure sees each row borrowed, over a cursor that does the
//! same. `KEY/lent_N` lends chunks of items that are filled again, `KEY/items_N` hands out each item; both
//! over a cursor that makes a new struct a row. The rows have about 600 bytes, and are in the cache.

mod item;
mod keys;
pub(crate) mod shape;

use keywalk::Walk;
use keywalk_sqlite::{Connect, Decode, Table};
use rusqlite::Connection;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::seen::Seen;
pub(crate) use item::Item;
pub(crate) use keys::{Composite, Integer, MixedOrder, OneTenant, OneTenantMixed, Text};
use keys::{TimeUuid, UuidIndex};
pub(crate) use shape::Shape;

/// What another key may cost beyond what it costs a cursor, over the integer key's ratio.
const MARGIN: f64 = 0.05;

const DEFAULT: usize = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let integer = all_sizes(bench)?;
    // Five more tables: fewer rows, so that all stay in the cache.
    let rows = bench.items() / 2;
    few_sizes::<Text>(bench, rows, &integer)?;
    few_sizes::<TimeUuid>(bench, rows, &integer)?;
    few_sizes::<UuidIndex>(bench, rows, &integer)?;
    few_sizes::<Composite>(bench, rows, &integer)?;
    few_sizes::<MixedOrder>(bench, rows, &integer)
}

/// The ratios of the integer key, by the names of the ways.
type Ratios = Vec<(String, f64)>;

fn all_sizes(bench: &mut Bench) -> Fallible<Ratios> {
    if !bench.wants_any(Integer::NAME) {
        return Ok(Ratios::new());
    }
    let rows = bench.items();
    let (_folder, db) = shape::database::<Integer>(rows)?;
    let mut ratios = Vec::new();
    for chunk_size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let visit = match chunk_size {
            100 => Target::AtMost(1.12),
            DEFAULT | 1_000 => Target::AtMost(1.03),
            _ => Target::None,
        };
        let lent = match chunk_size {
            10 => Target::AtMost(1.7),
            100 => Target::AtMost(1.02),
            DEFAULT | 1_000 => Target::AtMost(0.95),
            _ => Target::None,
        };
        let items = match chunk_size {
            DEFAULT | 1_000 => Target::AtMost(1.15),
            _ => Target::None,
        };
        ratios.extend(ways::<Integer>(
            bench,
            &db,
            chunk_size,
            [visit, lent, items],
        )?);
    }
    Ok(ratios)
}

/// A key that's to be within the margin of the integer key, each beside its own cursor.
fn few_sizes<S: Shape>(bench: &mut Bench, rows: u64, integer: &Ratios) -> Fallible {
    if !bench.wants_any(S::NAME) {
        return Ok(());
    }
    let (_folder, db) = shape::database::<S>(rows)?;
    for chunk_size in [100, DEFAULT, 1_000] {
        let target = |way: &str| {
            let way = format!("{way}_{chunk_size}");
            let ratio = integer.iter().find(|(known, _)| *known == way);
            match ratio {
                Some((_, ratio)) if ratio.is_finite() => Target::AtMost(ratio + MARGIN),
                _ => Target::None,
            }
        };
        let targets = [target("visit"), target("lent"), target("items")];
        ways::<S>(bench, &db, chunk_size, targets)?;
    }
    Ok(())
}

fn ways<S: Shape>(
    bench: &mut Bench,
    db: &Connection,
    chunk_size: usize,
    [visit, lent, items]: [Target; 3],
) -> Fallible<Ratios> {
    let mut ratios = Vec::new();
    let mut ratio = |way: &str, ratio: f64| ratios.push((format!("{way}_{chunk_size}"), ratio));
    let name = |way: &str| format!("{}/{way}_{chunk_size}", S::NAME);
    let of = bench.versus(
        name("visit"),
        visit,
        || cursor_visits::<S>(db),
        || walk_visits::<S>(db, chunk_size),
    )?;
    ratio("visit", of);
    let of = bench.versus(
        name("lent"),
        lent,
        || cursor_makes_structs::<S>(db),
        || walk_lends::<S>(db, chunk_size),
    )?;
    ratio("lent", of);
    let of = bench.versus(
        name("items"),
        items,
        || cursor_makes_structs::<S>(db),
        || walk_hands_out::<S>(db, chunk_size),
    )?;
    ratio("items", of);
    Ok(ratios)
}

/// What users write who want speed: a cursor that borrows each column.
pub(crate) fn cursor_visits<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&shape::select::<S>())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        seen.see(S::visit(row)?.wrapping_add(Item::visit(row, S::KEY.len())?));
    }
    Ok(seen)
}

pub(crate) fn walk_visits<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let table = Table::new(db, "items").key::<S::Key>(S::KEY.iter().copied())?;
    let table = table.columns(Item::COLUMNS).map(|row| Item::visit(row, 0));
    let mut chunks = Walk::new(table).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (key, bytes) in items {
            seen.see(S::digest(key).wrapping_add(*bytes));
        }
    }
    Ok(seen)
}

/// What users write: a struct a row.
pub(crate) fn cursor_makes_structs<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&shape::select::<S>())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, item) = (S::read(row)?, Item::read(row, S::KEY.len())?);
        seen.see(S::digest(&key).wrapping_add(item.digest()));
    }
    Ok(seen)
}

/// What users write who have never seen a large table: all structs in one `Vec`, then the work.
pub(crate) fn collects_structs<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&shape::select::<S>())?;
    let rows = statement.query_map([], |row| {
        Ok((S::read(row)?, Item::read(row, S::KEY.len())?))
    })?;
    for (key, item) in &rows.collect::<rusqlite::Result<Vec<_>>>()? {
        seen.see(S::digest(key).wrapping_add(item.digest()));
    }
    Ok(seen)
}

pub(crate) fn walk_lends<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = Walk::new(table::<S, _>(db)?)
        .chunk_size(chunk_size)
        .chunks();
    while let Some(items) = chunks.next()? {
        for (key, item) in items {
            seen.see(S::digest(key).wrapping_add(item.digest()));
        }
    }
    Ok(seen)
}

pub(crate) fn walk_hands_out<S: Shape>(db: &Connection, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in Walk::new(table::<S, _>(db)?).chunk_size(chunk_size) {
        let (key, item) = entry?;
        seen.see(S::digest(&key).wrapping_add(item.digest()));
    }
    Ok(seen)
}

/// The table, each row an [`Item`].
pub(crate) fn table<S: Shape, C: Connect>(
    db: C,
) -> Fallible<Table<C, S::Key, impl Decode<Item = Item>>> {
    let table = Table::new(db, "items").key::<S::Key>(S::KEY.iter().copied())?;
    Ok(table.columns(Item::COLUMNS).decode::<Item>())
}
