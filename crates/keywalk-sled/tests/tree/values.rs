//! Values are lent, or decoded in the memory of old items; and what types are beside what they do.

use std::error::Error as StdError;
use std::fmt::Debug;

use keywalk::{Items, Walk};
use keywalk_sled::{BareString, DecodeError, Error, Key, Tree};

use crate::trees::{ORDERS, insert, open, walk};

#[test]
fn old_items_are_filled_again_in_place() {
    let db = open();
    insert(&db, &(0..100).collect::<Vec<u32>>());
    for order in ORDERS {
        let mut fresh = 0;
        let tree = Tree::<u32>::new((*db).clone()).map_into(|value, item: &mut (bool, Vec<u8>)| {
            fresh += usize::from(!item.0);
            item.0 = true;
            item.1.clear();
            item.1.extend_from_slice(value);
            Ok::<_, std::convert::Infallible>(())
        });
        let mut chunks = Walk::new(tree).order(order).chunk_size(10).chunks();
        let mut count = 0;
        while let Some(items) = chunks.next().unwrap() {
            count += items.len();
            assert!(
                items
                    .iter()
                    .all(|(key, (_, value))| key.to_bytes() == *value)
            );
        }
        drop(chunks);
        assert_eq!((count, fresh), (100, 10), "{order:?}");
    }
}

#[test]
fn a_lent_value_is_sleds_own() {
    let db = open();
    db.insert("key", vec![7; 500]).unwrap();
    let (_, lent) = walk::<BareString>(&db).items().next().unwrap().unwrap();
    let got = db.get("key").unwrap().unwrap();
    assert_eq!(lent.as_ptr(), got.as_ptr());
}

#[test]
fn sources_and_errors_move_between_threads() {
    fn is_thread_safe<T: Send + Sync + 'static>() {}
    is_thread_safe::<Tree<u64>>();
    is_thread_safe::<Tree<(String, Vec<u8>)>>();
    is_thread_safe::<Items<Tree<BareString>>>();
    is_thread_safe::<Error>();
    fn is_error<T: StdError + Debug>() {}
    is_error::<Error>();
    is_error::<DecodeError>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn a_tree_is_printed_by_its_name_alone() {
    let db = open();
    for (name, shown) in [
        (&b"se\"cret"[..], r#"Tree(tree "se\"cret")"#),
        (b"__sled__default", "Tree(the default tree)"),
        (b"\xff", "Tree(tree 0xff)"),
    ] {
        let tree = db.open_tree(name).unwrap();
        tree.insert("key", "value").unwrap();
        assert_eq!(format!("{:?}", Tree::<BareString>::new(tree)), shown);
    }
}
