//! What was written once is read for ever, and written alike, over each of the stores.

use keywalk::Walk;

use crate::golden_files::Golden;
use crate::samples::{Sample, samples};
use crate::stores::{Stores, each};

#[test]
fn golden_tokens_give_the_rest_and_are_what_is_written_today() {
    let mut golden = Golden::default();
    macro_rules! types {
        ($($name:ident: $key:ty),+ $(,)?) => {$(
            let stores = Stores::new("orders", &<$key>::fixed());
            each!(stores, |source| golden.check_walks::<$key, _>(source));
        )+};
    }
    samples!(types);

    let keys = i64::fixed();
    each!(Stores::new("orders", &keys), |source| {
        golden.check_places(source, &keys);
    });
    each!(Stores::new("", &keys), |source| {
        let mut items = Walk::new(source()).items();
        items.next().unwrap().unwrap();
        golden.check("i64-unnamed", &items, source(), &keys[1..]);
    });
    golden.finish();
}
