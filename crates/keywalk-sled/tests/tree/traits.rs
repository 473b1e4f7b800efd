//! What types are beside what they do.

use std::error::Error as StdError;
use std::fmt::Debug;

use keywalk::{ChunkSource, Items, Walk};
use keywalk_sled::{Error, Malformed, Tree, Utf8};

use crate::trees::open;

fn is_thread_safe<T: Send + Sync + 'static>() {}

#[test]
fn sources_and_errors_move_between_threads() {
    is_thread_safe::<Tree<u64>>();
    is_thread_safe::<Tree<(String, Vec<u8>)>>();
    is_thread_safe::<Items<Tree<Utf8>>>();
    is_thread_safe::<Error>();
    fn is_error<T: StdError + Debug>() {}
    is_error::<Error>();
    is_error::<Malformed>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn a_walk_moves_to_another_thread() {
    let db = open();
    db.insert(7_u32.to_be_bytes(), "x").unwrap();
    let items = Walk::new(Tree::<u32>::new((*db).clone()).map(|value| Ok::<_, Error>(value.len())));
    let mut items = items.items();
    let thread = std::thread::spawn(move || items.next().unwrap().unwrap());
    assert_eq!(thread.join().unwrap(), (7, 1));
}

#[test]
fn a_tree_is_printed_by_its_name_alone() {
    let db = open();
    let tree = db.open_tree("se\"cret").unwrap();
    tree.insert("key", "value").unwrap();
    assert_eq!(
        format!("{:?}", Tree::<Utf8>::new(tree)),
        r#"Tree(tree "se\"cret")"#
    );
    assert_eq!(
        format!("{:?}", Tree::<Utf8>::new((*db).clone())),
        "Tree(the default tree)"
    );
    let tree = Tree::<Utf8>::new(db.open_tree(b"\xff").unwrap());
    assert_eq!(format!("{tree:?}"), "Tree(tree 0xff)");
}

#[test]
fn sleds_tree_can_be_reached_through_the_walk() {
    let db = open();
    db.insert("a", "1").unwrap();
    db.insert("b", "2").unwrap();
    let mut items = Walk::new(Tree::<Utf8>::new((*db).clone()))
        .chunk_size(1)
        .items();
    let (first, _) = items.next().unwrap().unwrap();
    items.source().tree().remove(first.0).unwrap();
    assert_eq!(
        items
            .source()
            .key_of(&(Utf8::from("x"), sled::IVec::default())),
        Utf8::from("x")
    );
    assert_eq!(items.next().unwrap().unwrap().0, Utf8::from("b"));
    assert_eq!(db.len(), 1);
}
