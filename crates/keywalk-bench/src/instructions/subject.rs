use std::hint::black_box;

use crate::seen::Seen;
use crate::sqlite::{Composite, Integer, MixedOrder, Text, shape};
use crate::{Fallible, memory, sled, sqlite};

const CHUNK_SIZE: usize = 512;

/// A walk whose instructions are counted.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Makes a store of so many items, and walks it in [`counted_pass`].
    pub(crate) run: fn(u64) -> Fallible,
}

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "sqlite/cursor_visits",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::cursor_visits::<Integer>(&db))
        },
    },
    Subject {
        name: "sqlite/cursor_makes_structs",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::cursor_makes_structs::<Integer>(&db))
        },
    },
    Subject {
        name: "sqlite/visit",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::walk_visits::<Integer>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sqlite/lent",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::walk_lends::<Integer>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sqlite/lent_by_10",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::walk_lends::<Integer>(&db, 10))
        },
    },
    Subject {
        name: "sqlite/items",
        run: |items| {
            let (_folder, db) = shape::database::<Integer>(items)?;
            warm_and_counted(|| sqlite::walk_hands_out::<Integer>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sqlite/text_lent",
        run: |items| {
            let (_folder, db) = shape::database::<Text>(items)?;
            warm_and_counted(|| sqlite::walk_lends::<Text>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sqlite/composite_lent",
        run: |items| {
            let (_folder, db) = shape::database::<Composite>(items)?;
            warm_and_counted(|| sqlite::walk_lends::<Composite>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sqlite/mixed_order_lent",
        run: |items| {
            let (_folder, db) = shape::database::<MixedOrder>(items)?;
            warm_and_counted(|| sqlite::walk_lends::<MixedOrder>(&db, CHUNK_SIZE))
        },
    },
    Subject {
        name: "sled/lent",
        run: |items| {
            let (_folder, tree) = sled::tree(items)?;
            warm_and_counted(|| sled::walk_lends(&tree, CHUNK_SIZE))
        },
    },
    Subject {
        name: "memory/native_range",
        run: |items| {
            let map = memory::map(items);
            warm_and_counted(|| Ok(memory::of_refs(map.range(..))))
        },
    },
    Subject {
        name: "memory/native_iter",
        run: |items| {
            let map = memory::map(items);
            warm_and_counted(|| Ok(memory::of_refs(&map)))
        },
    },
    Subject {
        name: "sled/native",
        run: |items| {
            let (_folder, tree) = sled::tree(items)?;
            warm_and_counted(|| sled::native(&tree))
        },
    },
    Subject {
        name: "memory/map_lent",
        run: |items| {
            let map = memory::map(items);
            warm_and_counted(|| memory::map_lends(&map, CHUNK_SIZE))
        },
    },
    Subject {
        name: "memory/map_items",
        run: |items| {
            let map = memory::map(items);
            warm_and_counted(|| memory::map_hands_out(&map, CHUNK_SIZE))
        },
    },
];

fn warm_and_counted(mut pass: impl FnMut() -> Fallible<Seen>) -> Fallible {
    pass()?;
    counted_pass(&mut pass)
}

/// Known to callgrind by its name.
#[inline(never)]
fn counted_pass(pass: &mut dyn FnMut() -> Fallible<Seen>) -> Fallible {
    black_box(pass()?);
    Ok(())
}
