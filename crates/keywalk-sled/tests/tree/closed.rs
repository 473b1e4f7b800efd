//! Databases that are closed, and trees that are dropped or made again, while they are walked.

use std::error::Error as _;

use keywalk::{Items, Order};
use keywalk_sled::{Error, ErrorKind, SledErrorKind, Tree};

use crate::reopened::reopened;
use crate::trees::{ORDERS, insert, kind, open, walk};

/// A walk over the tree that yielded `count` items.
fn begun(tree: &sled::Tree, order: Order, count: usize) -> Items<Tree<u16>> {
    let mut items = walk(tree).order(order).chunk_size(4).into_iter();
    let came = items.by_ref().map_while(Result::ok).take(count).count();
    assert_eq!(came, count);
    items
}

/// The only error of a walk, after which it is over; and how many items came before it.
fn only_error(items: &mut Items<Tree<u16>>) -> (usize, Error) {
    let came: Vec<_> = items.by_ref().collect();
    let count = came.iter().filter(|item| item.is_ok()).count();
    match came.into_iter().last() {
        Some(Err(keywalk::Error::Source(error))) if items.next().is_none() => (count, error),
        other => panic!("{count} items, then {other:?}"),
    }
}

#[test]
fn a_tree_that_is_dropped_is_an_error_that_says_so_in_every_state() {
    let db = open();
    // Before the first query, within a chunk, between two chunks.
    for (order, (before, buffered)) in ORDERS
        .into_iter()
        .flat_map(|order| [(0, 0), (3, 1), (4, 0)].map(|at| (order, at)))
    {
        let tree = db.open_tree("gone").unwrap();
        insert(&tree, &(0..20).collect::<Vec<u16>>());
        let mut items = begun(&tree, order, before);
        db.drop_tree("gone").unwrap();
        let (count, error) = only_error(&mut items);
        assert_eq!(count, buffered, "what was fetched before is yielded");
        assert_eq!((error.kind(), error.key()), (ErrorKind::Store, None));
        assert_eq!(kind(&error), Some(SledErrorKind::Dropped));
        let said =
            "\"gone\" (sled) can't be read; solve what the store reports, and resume the walk";
        assert_eq!(error.to_string(), said);
        let dropped = error.source().unwrap();
        let said = "the tree was dropped; open it again by its name, and resume the walk with that";
        assert_eq!(dropped.to_string(), said);
        let cause = dropped.source().unwrap().downcast_ref::<sled::Error>();
        assert!(
            matches!(cause, Some(sled::Error::CollectionNotFound(_))),
            "{error:?}"
        );
        assert_eq!(error.store_error().unwrap().sled_error(), cause);
    }
}

#[test]
fn a_tree_that_is_made_again_is_another_and_the_cursor_goes_on_there() {
    let db = open();
    for (order, expected) in [
        (Order::Ascending, [4_u16, 9, 15, 16, 17]),
        (Order::Descending, [15, 9, 4, 3, 2]),
    ] {
        let tree = db.open_tree("again").unwrap();
        insert(&tree, &(0..20).collect::<Vec<u16>>());
        let mut items = begun(&tree, order, 4);
        db.drop_tree("again").unwrap();
        let again = db.open_tree("again").unwrap();
        insert(&again, &[2_u16, 3, 4, 9, 15, 16, 17]);
        // The old handle doesn't show what the new tree holds.
        assert_eq!(
            kind(&only_error(&mut items).1),
            Some(SledErrorKind::Dropped)
        );
        let rest = walk::<u16>(&again).resume(items.cursor()).into_iter();
        assert!(
            rest.map(|item| item.expect("it is there again").0)
                .eq(expected)
        );
        db.drop_tree("again").unwrap();
    }
}

#[test]
fn a_source_keeps_the_database_open_and_no_longer_than_it_lives() {
    let directory = tempfile::tempdir().unwrap();
    for order in ORDERS {
        let db = reopened(|| sled::open(directory.path())).unwrap();
        insert(&db, &(0..40).collect::<Vec<u16>>());
        let mut items = begun(&db, order, 6);
        drop(db);
        assert_eq!(items.by_ref().map_while(Result::ok).count(), 34);
        // sled's own lock: the database is open still, and a second one is refused.
        let refused = sled::open(directory.path()).unwrap_err();
        assert!(matches!(refused, sled::Error::Io(_)), "{refused:?}");
        drop(items);
    }
    reopened(|| sled::open(directory.path())).unwrap();
}
