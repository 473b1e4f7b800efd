//! Instructions per item, over the recorded count. Unlike a time, the count is the same in each run.
//!
//! Each case runs in a process of its own under valgrind's callgrind, with two numbers of items. The difference is the
//! cost of the additional items, without the fixed cost of a walk. The recorded counts are in `instructions.tsv`;
//! `KEYWALK_BLESS=1` rewrites them.

use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{Child, Command, Stdio};

use keywalk::Order;
use keywalk_sled::SledTree;
use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen};
use crate::sqlite_table::{Composite, Integer, MixedOrder, Shape, Text, TextComposite, database};
use crate::{bytes, memory, postgres, sled, sqlite};

/// The factor by which a count may grow.
const GROWTH: f64 = 1.02;

/// The two numbers of items.
const ITEMS: [u64; 2] = [10_000, 20_000];

const CHUNK_SIZE: usize = 512;

const KNOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");

/// The first argument of the process that is counted.
pub(crate) const PROCESS: &str = "--counted";

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let is_blessed = env::var_os("KEYWALK_BLESS").is_some();
    let known = fs::read_to_string(KNOWN).map_err(|error| format!("{KNOWN}: {error}"))?;
    let mut counts = String::new();
    for line in known.lines() {
        let Some((name, before)) = line.split_once('\t').filter(|(name, _)| bench.wants(name))
        else {
            counts.push_str(&format!("{line}\n"));
            continue;
        };
        let [few, many] = ITEMS;
        // Both at the same time.
        let (with_many, with_few) = (begun(name, many)?, begun(name, few)?);
        let more = instructions(name, with_many)? - instructions(name, with_few)?;
        let count = more / (many - few) as f64;
        counts.push_str(&format!("{name}\t{count:.1}\n"));
        let before = if is_blessed { count } else { before.parse()? };
        let figures = [("instructions_item", count), ("known", before)];
        let target = Target::AtMost(GROWTH);
        bench.record(name, target, count / before, many - few, None, &figures)?;
    }
    match is_blessed {
        true => Ok(fs::write(KNOWN, counts)?),
        false => Ok(()),
    }
}

fn begun(name: &str, items: u64) -> Fallible<Child> {
    let child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Counts only the pass over the items.
        .args(["--collect-atstart=no", "--toggle-collect=*counted_pass*"])
        .arg(env::current_exe()?)
        .args([PROCESS, name, &items.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    Ok(child.map_err(|error| format!("valgrind doesn't run ({error}); install it"))?)
}

fn instructions(name: &str, child: Child) -> Fallible<f64> {
    let child = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&child.stderr);
    // "==123== Collected : 456"
    let mut lines = said.lines();
    let count = lines.find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match count {
        Some(count) if child.status.success() && count > 0.0 => Ok(count),
        _ => Err(format!("{name} wasn't counted: {said}").into()),
    }
}

/// Makes a store of this many items and walks it in [`counted_pass`].
pub(crate) fn process(name: &str, items: u64) -> Fallible {
    match name {
        "sqlite/cursor_visits" => table::<Integer>(items, sqlite::cursor_visits::<Integer>),
        "sqlite/cursor_makes_structs" => {
            table::<Integer>(items, sqlite::cursor_makes_structs::<Integer>)
        }
        "sqlite/visit" => {
            table::<Integer>(items, |db| sqlite::walk_visits::<Integer>(db, CHUNK_SIZE))
        }
        "sqlite/lent" => lent_table::<Integer>(items, CHUNK_SIZE),
        "sqlite/lent_by_10" => lent_table::<Integer>(items, 10),
        "sqlite/items" => {
            table::<Integer>(items, |db| sqlite::walk_yields::<Integer>(db, CHUNK_SIZE))
        }
        "sqlite/text_lent" => lent_table::<Text>(items, CHUNK_SIZE),
        "sqlite/composite_lent" => lent_table::<Composite>(items, CHUNK_SIZE),
        "sqlite/text_composite_items" => table::<TextComposite>(items, |db| {
            sqlite::walk_yields::<TextComposite>(db, CHUNK_SIZE)
        }),
        "sqlite/mixed_order_lent" => lent_table::<MixedOrder>(items, CHUNK_SIZE),
        "postgres/lent" => {
            let (_database, db) = postgres::items_of_new_database(items)?;
            warm_and_counted(|| postgres::lent(&db, CHUNK_SIZE))
        }
        "postgres/stream" => {
            let (_database, db) = postgres::items_of_new_database(items)?;
            warm_and_counted(|| postgres::stream(&db))
        }
        "sled/lent" => {
            let (_folder, tree) = sled::tree(items)?;
            warm_and_counted(|| bytes::walk_lends::<SledTree>(tree.clone().into(), CHUNK_SIZE))
        }
        "sled/native" => {
            let (_folder, tree) = sled::tree(items)?;
            warm_and_counted(|| {
                bytes::floor(CHUNK_SIZE, |slots| {
                    sled::native(&tree, Order::Ascending, slots)
                })
            })
        }
        _ => {
            let map = memory::map(items);
            match name {
                "memory/native_range" => warm_and_counted(|| Ok(memory::of_refs(map.range(..)))),
                "memory/native_iter" => warm_and_counted(|| Ok(memory::of_refs(&map))),
                "memory/map_lent" => {
                    warm_and_counted(|| memory::map_lends(memory::Counted(&map), CHUNK_SIZE))
                }
                "memory/map_items" => {
                    warm_and_counted(|| memory::map_yields(memory::Counted(&map), CHUNK_SIZE))
                }
                _ => Err(format!("{name} is no case").into()),
            }
        }
    }
}

fn lent_table<S: Shape>(rows: u64, chunk_size: usize) -> Fallible {
    table::<S>(rows, |db| sqlite::walk_lends::<S>(db, chunk_size))
}

fn table<S: Shape>(rows: u64, pass: impl Fn(&Connection) -> Fallible<Seen>) -> Fallible {
    let (_folder, db) = database::<S>(rows)?;
    warm_and_counted(|| pass(&db))
}

fn warm_and_counted(mut pass: impl FnMut() -> Fallible<Seen>) -> Fallible {
    pass()?;
    counted_pass(&mut pass)
}

/// Callgrind identifies this function by its name.
#[inline(never)]
fn counted_pass(pass: &mut dyn FnMut() -> Fallible<Seen>) -> Fallible {
    black_box(pass()?);
    Ok(())
}
