//! Walks over what is no source, and what a source can't do; jobs.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::{FileCheckpoints, Job};
use keywalk_memory::Named;
use keywalk_retry::{ExponentialBuilder, Retry};
use keywalk_sqlite::{Error, Table};
use rusqlite::Connection;

// The cure: `&BTreeMap` and `&BTreeSet` are sources
fn over_a_map(map: BTreeMap<i64, String>) {
    for item in Walk::new(map) {
        println!("{item:?}");
    }
}

// The cure: others are made by keywalk-memory
fn over_a_vec(numbers: Vec<i64>) {
    Walk::new(numbers);
}

// The cure: `Table::new(&db, "items").key::<i64>(["id"])?`
fn over_a_connection(db: &Connection) {
    Walk::new(db).descending();
}

// The cure: `Tree::<u64>::new(tree)`
fn over_sleds_own_tree(tree: sled::Tree) {
    for item in Walk::new(tree) {
        println!("{}", item.is_ok());
    }
}

// The cure: `Table::new(&db, "items").key::<i64>(["id"])?`
fn a_retry_over_a_connection(db: &Connection) {
    Retry::new(db, ExponentialBuilder::default(), |_| true);
}

struct User {
    name: String,
}

// The cure: implement `ByteSize` for it, or give a function to `Walk::chunk_bytes_with`
fn bytes_of_an_unknown_type(users: &BTreeMap<i64, User>) {
    Walk::new(users).chunk_bytes(1_000_000);
}

// The cure: have to hold an `Arc`
fn items_with_an_rc_prefetched(db: Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    let items = items.map(|row| row.get::<_, String>("name").map(Rc::new));
    Walk::new(items).prefetch(1);
    Ok(())
}

// The cure: `Table::new(connection, "items")`
fn a_borrowed_connection_prefetched(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    for item in Walk::new(items).prefetch(1) {
        println!("{:?}", item.is_ok());
    }
    Ok(())
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u16, u16);

// The cure: for a type of your own implement `keywalk_bytes::Key`
fn a_token_of_keys_without_a_codec(versions: &BTreeMap<Version, String>) {
    Walk::new(Named::new("versions", versions)).items().token();
}

// The cure: leave `Job::clock` out
fn a_job_by_no_clock<S: ChunkSource + ResumableSource>(job: Job<'_, S, FileCheckpoints>) {
    job.clock(Instant::now());
}

// The cure: give `keywalk_sqlite::SqliteCheckpoints::new(&db)`
fn a_job_without_checkpoints(db: &Connection) -> Result<(), Error> {
    let items = Table::new(db, "items").key::<i64>(["id"])?;
    Job::new("job", Walk::new(items), db).run(|tx, items| Ok(()));
    Ok(())
}

// The cure: use `range` instead, with the first and the last key
fn a_prefix_before_a_column_without_a_least_value(map: &BTreeMap<(i64, std::cmp::Reverse<String>), u8>) {
    Walk::new(map).prefix((5,));
}

// The cure: for other keys use `range`
fn a_prefix_of_a_number(map: &BTreeMap<i64, u8>) {
    Walk::new(map).prefix("5");
}

fn main() {}
