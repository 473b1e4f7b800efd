//! Walks over eight SQLite files as one, by [`Merge`], and over the differences of two, by [`Diff`]. The ratio is the
//! CPU time over that of walking the same files one after the other, in chunks of 512.
//!
//! `shards_N` merges eight files, which hold the rows at random, in chunks of N; each fetch reads all files. `months_N` is
//! the same over files that hold consecutive rows. `diff_N` compares a file with itself, over two connections. Chunks are
//! lent. Each connection has a page cache of 256 KiB, as `Merge` advises.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use keywalk::{ChunkSource, Walk};
use keywalk_shards::{Diff, Merge};
use keywalk_sqlite::{Decode, Table};
use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen};
use crate::sqlite::{self, DEFAULT};
use crate::sqlite_table::{Integer, Item, Shape, database};

const SHARDS: usize = 8;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (folder, db) = database::<Integer>(bench.items)?;
    let rows = bench.items;
    let ways = [
        ("shards", format!("(id * 2654435761 >> 12) % {SHARDS}")),
        ("months", format!("(id - 1) * {SHARDS} / {rows}")),
    ];
    for (name, shard) in ways {
        let mut files = Vec::new();
        for number in 0..SHARDS {
            let file = folder.path().join(format!("{name}{number}.db"));
            db.execute("ATTACH ?1 AS shard", [file.to_str()])?;
            db.execute_batch(&format!(
                "PRAGMA shard.journal_mode = WAL;
                 PRAGMA shard.synchronous = OFF;
                 CREATE TABLE shard.items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL);
                 INSERT INTO shard.items SELECT * FROM main.items WHERE {shard} = {number};
                 DETACH shard"
            ))?;
            files.push((number.to_string(), file));
        }
        for size in [DEFAULT, 2 * DEFAULT, SHARDS * DEFAULT] {
            let target = match size {
                // Missed by both; `Merge` documents what was measured.
                DEFAULT => Target::AtMost(1.15),
                _ => Target::None,
            };
            bench.versus(
                format!("{name}_{size}"),
                target,
                || {
                    let mut seen = Seen::default();
                    for (_, file) in &files {
                        walk(table(file)?, DEFAULT, &mut seen)?;
                    }
                    Ok(seen)
                },
                || {
                    let shards = files.iter().map(|(name, file)| Ok((name, table(file)?)));
                    let shards = Merge::new(shards.collect::<Fallible<Vec<_>>>()?)?;
                    let mut seen = Seen::default();
                    walk(shards, size, &mut seen)?;
                    Ok(seen)
                },
            )?;
        }
    }
    let file = folder.path().join("items.db");
    bench.versus(
        format!("diff_{DEFAULT}"),
        Target::AtMost(1.15),
        || {
            let mut seen = Seen::default();
            walk(table(&file)?, DEFAULT, &mut seen)?;
            walk(table(&file)?, DEFAULT, &mut seen)?;
            Ok(seen)
        },
        || {
            let mut seen = Seen::default();
            let diff = Diff::new(table(&file)?, table(&file)?, |left, right| {
                see(&mut seen, left);
                see(&mut seen, right);
                left.0 == right.0
            });
            let mut chunks = Walk::new(diff).chunk_size(DEFAULT).chunks();
            while chunks.next()?.is_some() {}
            drop(chunks);
            Ok(seen)
        },
    )?;
    Ok(())
}

fn table(file: &Path) -> Fallible<Table<Connection, i64, impl Decode<Item = Item> + Send + use<>>> {
    let db = Connection::open(file)?;
    db.execute_batch("PRAGMA cache_size = -256")?;
    sqlite::table::<Integer, _>(db)
}

fn walk<S>(source: S, chunk_size: usize, seen: &mut Seen) -> Fallible
where
    S: ChunkSource<Key = i64, Item = (i64, Item), Error: Error + Send + Sync + 'static>,
{
    let mut chunks = Walk::new(source).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        items.iter().for_each(|item| see(seen, item));
    }
    Ok(())
}

/// Counts an item. The sum doesn't depend on the order.
#[inline]
fn see(seen: &mut Seen, (key, item): &(i64, Item)) {
    seen.items += 1;
    let digest = Integer::digest(key).wrapping_add(item.digest());
    seen.sum = seen.sum.wrapping_add(black_box(digest));
}
