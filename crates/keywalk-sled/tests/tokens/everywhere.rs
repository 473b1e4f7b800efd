//! A token can be taken everywhere, and gives the rest.

use std::borrow::Cow;

use keywalk::{DurableSource, Walk};
use keywalk_sled::{Key, Malformed, Tree};
use proptest::prelude::*;

use crate::samples::samples;
use crate::trees::{fill, open, orders};
use crate::walks::{plan, rest};

macro_rules! types {
    ($($name:ident: $key:ty),+ $(,)?) => {$(
        proptest! {
            #[test]
            fn $name(plan in plan::<$key>()) {
                let tree = orders();
                fill(&tree, &plan.keys);
                let source = || Tree::<$key>::new(tree.clone());
                let tokens = plan.tokens(source());
                plan.check_rests(&tokens, source)?;
            }
        }
    )+};
}

mod a_token_of_every_place_gives_the_rest_of_the_walk_by {
    use super::*;

    samples!(types);
}

#[test]
fn a_token_is_of_every_database_that_has_the_tree_and_of_whatever_is_made_of_its_values() {
    let (ours, theirs) = (open(), open());
    fill(&ours.open_tree("orders").unwrap(), &[1_u64, 2]);
    fill(&theirs.open_tree("orders").unwrap(), &[1_u64, 2, 3]);
    let mut items = Walk::new(Tree::<u64>::new(ours.open_tree("orders").unwrap()))
        .live()
        .items();
    items.next().unwrap().unwrap();
    let text = items.token().unwrap().to_string();
    let sizes = Tree::<u64>::new(theirs.open_tree("orders").unwrap())
        .map(|value| Ok::<_, std::fmt::Error>(value.len()));
    assert_eq!(rest(sizes, &text, 1), [2, 3]);
}

#[test]
fn an_integer_column_may_become_wider_under_a_token() {
    let tree = open().open_tree("orders").unwrap();
    fill(&tree, &[(1_u16, -7_i8), (1, 7), (300, 0)]);
    let mut items = Walk::new(Tree::<(u16, i8)>::new(tree.clone())).items();
    items.next().unwrap().unwrap();
    let text = items.token().unwrap().to_string();
    assert_eq!(
        rest(Tree::<(u64, i128)>::new(tree), &text, 1),
        [(1, 7), (300, 0)]
    );
}

/// A type of one's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u8, u8);

impl Key for Version {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[self.0, self.1]);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        match *bytes {
            [major, minor] => Ok(Version(major, minor)),
            _ => Err(Malformed::new("hasn't 2 bytes")),
        }
    }

    fn kind() -> Cow<'static, str> {
        "keywalk_sled::tests::Version".into()
    }
}

#[test]
fn a_type_of_ones_own_is_written_down_too_and_its_way_measured() {
    let tree = open().open_tree("releases").unwrap();
    let versions = [Version(1, 0), Version(1, 9), Version(2, 0)];
    fill(&tree, &versions);
    let source = Tree::<Version>::new(tree.clone());
    let mut items = Walk::new(Tree::<Version>::new(tree)).items();
    items.next().unwrap().unwrap();
    let text = items.token().unwrap().to_string();
    assert_eq!(
        source.share(&Version(1, 0), &Version(3, 0), &Version(2, 0)),
        Some(0.5)
    );
    assert_eq!(rest(source, &text, 1), versions[1..]);
}

#[test]
fn the_way_is_measured_by_the_key_and_keys_are_in_words() {
    let source = Tree::<(u8, i64)>::new(open().open_tree("orders").unwrap());
    assert_eq!(source.share(&(1, 0), &(1, 8), &(1, 2)), Some(0.25));
    assert_eq!(source.share(&(1, 8), &(1, 0), &(1, 2)), Some(0.75));
    assert_eq!(source.share(&(1, 8), &(1, 8), &(1, 8)), None);
    assert_eq!(source.key_text(&(1, -2)), "(1, -2)");
}
