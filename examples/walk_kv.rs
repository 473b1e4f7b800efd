//! How do I walk an embedded key-value store in constant memory while another thread deletes items?
//!
//! `cargo run --release --example walk_kv -- --store redb` (or fjall, or sled) makes a store of 500,000 items of 500
//! bytes and walks it. Concurrently, a second thread deletes items ahead of and behind the cursor. The example checks
//! every item that the walk yields. `--help` lists the options.

#![forbid(unsafe_code)]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use keywalk::{Order, Stats, Walk};
use keywalk_bytes::{ByteStore, Key, Tree};
use keywalk_fjall::{FjallKeyspace, fjall};
use keywalk_redb::{Table, redb};
use keywalk_sled::{SledTree, sled};
use keywalk_tests::concurrent::Deleter;
use keywalk_tests::peak_memory::measured;
use keywalk_tests::program::{BoxError, in_temporary_folder, make_in_a_process, print_line, run};

/// Walks an embedded store in key order, one chunk at a time, in constant memory, while another thread deletes every
/// tenth item. The store is made in a temporary folder.
#[derive(Parser)]
#[command(name = "walk_kv")]
struct Args {
    /// Store to walk
    #[arg(long, value_enum, default_value_t = Store::Redb)]
    store: Store,
    /// Number of items in the store
    #[arg(long, default_value_t = 500_000)]
    items: u64,
    /// Items per fetch
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Walk from the last key to the first
    #[arg(long)]
    desc: bool,
    /// Only make the store in this folder
    #[arg(long, hide = true)]
    make: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    Redb,
    Fjall,
    Sled,
}

const ITEMS: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("items");

/// Each store's cache, in bytes. A walk reads each page once, so it can be small.
const CACHE: u64 = 4 << 20;

fn main() -> ExitCode {
    run(|args: Args| {
        if let Some(folder) = &args.make {
            return open(folder, &args).map(drop);
        }
        in_temporary_folder(|folder| {
            make_in_a_process(folder)?;
            Ok(print_line(measured(folder, || open(folder, &args))?)?)
        })
    })
}

/// A key, and the value to insert, or `None` to remove it.
type Change = (Vec<u8>, Option<Vec<u8>>);

/// Opens the store, with a closure that makes changes in one transaction.
fn open(folder: &Path, args: &Args) -> Result<Stats, BoxError> {
    match args.store {
        Store::Redb => {
            let mut db = redb::Database::builder();
            let db = db
                .set_cache_size(CACHE as usize)
                .create(folder.join("items"))?;
            let db = Arc::new(db);
            walk(Table::new(Arc::clone(&db), ITEMS), args, move |changes| {
                let tx = db.begin_write()?;
                let mut table = tx.open_table(ITEMS)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => table.insert(&*key, &*value)?,
                        None => table.remove(&*key)?,
                    };
                }
                drop(table);
                Ok(tx.commit()?)
            })
        }
        Store::Fjall => {
            let db = fjall::Database::builder(folder).cache_size(CACHE).open()?;
            let options = || fjall::KeyspaceCreateOptions::default().max_memtable_size(CACHE);
            let items = db.keyspace("items", options)?;
            walk(FjallKeyspace::from(items.clone()), args, move |changes| {
                let mut batch = db.batch();
                for (key, value) in changes {
                    match value {
                        Some(value) => batch.insert(&items, key, value),
                        None => batch.remove(&items, key),
                    }
                }
                Ok(batch.commit()?)
            })
        }
        Store::Sled => {
            let config = sled::Config::new().path(folder).cache_capacity(CACHE);
            let items = config.open()?.open_tree("items")?;
            walk(SledTree::from(items.clone()), args, move |changes| {
                let mut batch = sled::Batch::default();
                for (key, value) in changes {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                Ok(items.apply_batch(batch)?)
            })
        }
    }
}

/// Walks any byte-ordered store, and checks that every item that isn't deleted comes once, in order. With `--make`,
/// fills it and walks nothing. Its keys are 1, 2, 3 and so on, in the encoding of `Key`.
fn walk<B: ByteStore>(
    store: B,
    args: &Args,
    mut write: impl FnMut(Vec<Change>) -> Result<(), BoxError> + Send + 'static,
) -> Result<Stats, BoxError> {
    if args.make.is_some() {
        let insert = |id: u64| (id.to_bytes(), Some(format!("{id:<500}").into_bytes()));
        for first in (1..=args.items).step_by(5_000) {
            write(
                (first..=args.items.min(first + 4_999))
                    .map(insert)
                    .collect(),
            )?;
        }
        return Ok(Stats::default());
    }
    let order = [Order::Ascending, Order::Descending][usize::from(args.desc)];
    let walk = Walk::new(Tree::<B, u64>::new(store)).chunk_size(args.chunk_size.get());
    let remove = move |ids: &[u64]| write(ids.iter().map(|id| (id.to_bytes(), None)).collect());
    Deleter::start(args.items, order, remove).check(walk, |(id, _value)| *id)
}
