//! Cursors of trees, written down.

use keywalk::{FingerprintField, ResumableSource, Walk};
use keywalk_sled::{Key, Tree};

use crate::golden_files::Golden;
use crate::refusal::{differs, refusal, token};
use crate::samples::{Sample, samples};
use crate::trees::open;
use crate::walks::rest;

/// Holds these keys and no others.
fn fill<K: Key>(tree: &sled::Tree, keys: &[K]) {
    tree.clear().expect("it can be emptied");
    for key in keys {
        tree.insert(key.to_bytes(), b"value")
            .expect("it can be written");
    }
}

/// What was written once is read for ever, and written alike.
#[test]
fn golden_tokens_give_the_rest_and_are_what_is_written_today() {
    let db = open();
    let tree = db.open_tree("orders").unwrap();
    let mut golden = Golden::default();
    macro_rules! types {
        ($($name:ident: $key:ty),+ $(,)?) => {$(
            fill(&tree, &<$key>::fixed());
            golden.check_walks::<$key, _>(|| Tree::<$key>::new(tree.clone()));
        )+};
    }
    samples!(types);

    let keys = i64::fixed();
    fill(&tree, &keys);
    golden.check_places(|| Tree::<i64>::new(tree.clone()), &keys);

    for (name, tree) in [
        ("default-tree", (*db).clone()),
        ("not-utf8-tree", db.open_tree(b"\xfforders").unwrap()),
    ] {
        fill(&tree, &keys);
        let source = || Tree::<i64>::new(tree.clone());
        let mut items = Walk::new(source()).items();
        items.next().unwrap().unwrap();
        golden.check(name, &items, source(), &keys[1..]);
    }
    golden.finish();
}

#[test]
fn a_token_is_of_every_database_that_has_the_tree_and_of_whatever_is_made_of_its_values() {
    let [ours, theirs] = [open(), open()].map(|db| db.open_tree("orders").unwrap());
    fill(&ours, &[1_u64, 2]);
    fill(&theirs, &[1_u64, 2, 3]);
    let token = token(Tree::<u64>::new(ours)).to_string();
    let sizes = Tree::<u64>::new(theirs).map(|value| Ok::<_, std::fmt::Error>(value.len()));
    assert_eq!(rest(sizes, &token, 1), [2, 3]);
}

/// A name that is no text isn't taken for the text that shows it.
#[test]
fn a_token_of_another_tree_is_refused() {
    let db = open();
    let tree = |name: &[u8]| Tree::<u64>::new(db.open_tree(name).unwrap());
    for (name, other, here) in [
        (&b"orders"[..], &b"Orders"[..], "Orders"),
        (b"orders", b"", ""),
        (b"orders", b"__sled__default", "__sled__default"),
        (b"orders", b"order\xff", "0x6f72646572ff"),
        (b"\xff", b"0xff", "0xff"),
        (b"0xff", b"\xff", "0xff"),
    ] {
        fill(tree(name).tree(), &[1_u64, 2]);
        let token = token(tree(name));
        assert_eq!(
            refusal(tree(other), &token),
            differs(FingerprintField::Relation, here)
        );
        assert!(Walk::new(tree(name)).resume_token(&token).is_ok());
    }
}

#[test]
fn the_way_is_measured_by_the_key_and_keys_are_in_words() {
    let source = Tree::<(u8, i64)>::new(open().open_tree("orders").unwrap());
    assert_eq!(source.fraction(&(1, 0), &(1, 8), &(1, 2)), Some(0.25));
    assert_eq!(source.fraction(&(1, 8), &(1, 0), &(1, 2)), Some(0.75));
    assert_eq!(source.fraction(&(1, 8), &(1, 8), &(1, 8)), None);
    assert_eq!(source.key_text(&(1, -2)), "(1, -2)");
}
