//! Cursors of trees, written down.

use keywalk::Walk;
use keywalk_sled::{Key, Tree};

use crate::golden_files::Golden;
use crate::samples::{Sample, samples};
use crate::trees::open;

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
