//! What was written once is read for ever, and written alike.

use std::ops::Bound;

use keywalk::Walk;
use keywalk_sled::Tree;

use crate::golden_files::Golden;
use crate::samples::{Sample, samples};
use crate::trees::{fill, open};

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
    let source = || Tree::<i64>::new(tree.clone());
    let start = Walk::new(source()).items();
    golden.check("i64-start", &start, source(), &keys);
    let mut done = Walk::new(source()).items();
    assert_eq!(done.by_ref().filter(Result::is_ok).count(), 6);
    golden.check("i64-done", &done, source(), &[]);
    let range = (Bound::Excluded(-300), Bound::Included(255));
    let range = Walk::new(source()).range(range).descending();
    golden.check("i64-range", &range.items(), source(), &[255, 0, -1]);

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
