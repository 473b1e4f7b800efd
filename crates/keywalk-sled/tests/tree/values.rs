//! Values are lent, or decoded in the memory of old items.

use keywalk::Walk;
use keywalk_sled::{Key, Tree, Utf8};

use crate::trees::{ORDERS, insert, open};

#[test]
fn old_items_are_filled_again_in_place() {
    let db = open();
    let keys: Vec<u32> = (0..100).collect();
    insert(&db, &keys);
    for order in ORDERS {
        let mut fresh = 0;
        let tree = Tree::<u32>::new((*db).clone()).fill(|value, item: &mut (bool, Vec<u8>)| {
            fresh += usize::from(!item.0);
            item.0 = true;
            item.1.clear();
            item.1.extend_from_slice(value);
            Ok::<_, std::convert::Infallible>(())
        });
        let mut chunks = Walk::new(tree).order(order).chunk_size(10).chunks();
        let mut count = 0;
        while let Some(items) = chunks.next().unwrap() {
            for (key, (_, value)) in items {
                assert_eq!(key.to_bytes(), *value);
                count += 1;
            }
        }
        drop(chunks);
        assert_eq!((count, fresh), (100, 10), "{order:?}");
    }
}

#[test]
fn a_lent_value_is_sleds_own() {
    let db = open();
    db.insert("key", vec![7; 500]).unwrap();
    let (_, lent) = Walk::new(Tree::<Utf8>::new((*db).clone()))
        .items()
        .next()
        .unwrap()
        .unwrap();
    let got = db.get("key").unwrap().unwrap();
    assert_eq!(lent.as_ptr(), got.as_ptr());
}
