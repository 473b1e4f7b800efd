//! Keys and rows that a store doesn't know.

use std::sync::MutexGuard;

use keywalk::Walk;
use keywalk_sled::Tree;
use keywalk_sqlite::{Error, Query, Table};
use rusqlite::Connection;

// The cure: `Real` (no float), their `Option` or `Reverse`
fn by_a_float(db: &Connection) {
    Table::new(db, "items").key::<f64>(["price"]);
}

// The cure: a key is `i8` to `i64`, `u8` to `u32`, `bool`, `String`
fn by_a_borrowed_text(db: &Connection) {
    Table::new(db, "items").key::<&str>(["name"]);
}

// The cure: a tuple of up to six of these
fn by_a_float_among_others(db: &Connection) {
    Table::new(db, "items").key::<(f64, i64)>(["price", "id"]);
}

#[derive(Clone, PartialEq, PartialOrd)]
struct UserId(i64);

// The cure: implement `keywalk_sqlite::SqlKeyColumn`
fn by_my_own_type(db: &Connection) {
    Table::new(db, "users").key::<UserId>(["id"]);
}

struct User {
    name: String,
}

// The cure: implement `keywalk_sqlite::FromRow` for it, or give a closure to `map`
fn rows_of_an_unknown_type(db: &Connection) -> Result<(), Error> {
    Table::new(db, "users").key::<i64>(["id"])?.decode::<User>();
    Ok(())
}

// The cure: a `Query` has no key until you give one: `.key::<i64>(["id"])?`
fn a_query_without_a_key(db: &Connection) -> Result<(), Error> {
    for row in Walk::new(Query::new(db, "SELECT id, name FROM items", [])?) {
        println!("{}", row.is_ok());
    }
    Ok(())
}

// The cure: a guard that dereferences to a connection, as a pool's or a mutex's, is given as `Held(guard)`
fn a_table_over_a_guard(db: MutexGuard<'_, Connection>) {
    Table::new(db, "items");
}

// The cure: keys are `i8` to `i128`, `u8` to `u128`, `bool`
fn a_tree_by_a_float(tree: sled::Tree) {
    Tree::<f64>::new(tree);
}

// The cure: columns are `i8` to `i128`, `u8` to `u128`, `bool`
fn a_tree_by_a_float_among_others(tree: sled::Tree) {
    Tree::<(u32, f64)>::new(tree);
}

fn main() {}
