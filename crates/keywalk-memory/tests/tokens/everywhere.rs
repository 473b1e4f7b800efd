//! A token can be taken everywhere, and gives the rest over each of the stores.

use keywalk::DurableSource;
use proptest::prelude::*;

use crate::samples::samples;
use crate::stores::{Stores, each};
use crate::walks::plan;

macro_rules! types {
    ($($name:ident: $key:ty),+ $(,)?) => {$(
        proptest! {
            #[test]
            fn $name(plan in plan::<$key>()) {
                let stores = Stores::new("orders", &plan.keys);
                let tokens = plan.tokens(stores.map());
                each!(stores, |source| {
                    prop_assert_eq!(&plan.tokens(source()), &tokens, "they write alike");
                    plan.check_rests(&tokens, source)?;
                });
            }
        }
    )+};
}

mod a_token_of_every_place_gives_the_rest_of_the_walk_by {
    use super::*;

    samples!(types);
}

#[test]
fn the_way_is_measured_by_the_key_and_keys_are_in_words() {
    let stores = Stores::new("", &[(1_u8, 8_i64)]);
    each!(stores, |source| {
        assert_eq!(source().share(&(1, 0), &(1, 8), &(1, 2)), Some(0.25));
        assert_eq!(source().share(&(1, 8), &(1, 0), &(1, 2)), Some(0.75));
        assert_eq!(source().key_text(&(1, -2)), "(1, -2)");
    });
}
