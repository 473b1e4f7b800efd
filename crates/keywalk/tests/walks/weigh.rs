//! What items weigh.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;

use keywalk::ByteSize;

const WORD: usize = size_of::<usize>();

#[test]
fn a_plain_value_weighs_its_size() {
    assert_eq!(().byte_size(), 0);
    assert_eq!(
        (true.byte_size(), 'x'.byte_size(), 1_u8.byte_size()),
        (1, 4, 1)
    );
    assert_eq!(
        (1_i64.byte_size(), 1.5_f32.byte_size(), 1_u128.byte_size()),
        (8, 4, 16)
    );
    assert_eq!(Reverse(7_i16).byte_size(), 2);
    assert_eq!([1_u32; 5].byte_size(), 20);
}

#[test]
fn text_and_bytes_weigh_what_they_hold_and_not_what_they_reserve() {
    let mut text = String::with_capacity(1_000);
    text.push_str("seven b");
    assert_eq!(text.byte_size(), 3 * WORD + 7);
    assert_eq!(text.as_str().byte_size(), 7);
    let mut bytes = Vec::with_capacity(1_000);
    bytes.extend([0_u8; 9]);
    assert_eq!(bytes.byte_size(), 3 * WORD + 9);
    assert_eq!(bytes.into_boxed_slice().byte_size(), 2 * WORD + 9);
}

#[test]
fn a_pointer_weighs_itself_and_all_that_it_leads_to() {
    assert_eq!(ByteSize::byte_size(&&5_u32), WORD + 4);
    assert_eq!(ByteSize::byte_size(&"four"), 2 * WORD + 4);
    assert_eq!(Box::new(5_u32).byte_size(), WORD + 4);
    assert_eq!(Rc::<str>::from("four").byte_size(), 2 * WORD + 4);
    assert_eq!(Arc::new("four".to_owned()).byte_size(), WORD + 3 * WORD + 4);
    assert_eq!(Cow::Borrowed("four").byte_size(), 3 * WORD + 4);
}

#[test]
fn a_list_weighs_its_elements_and_a_list_of_bytes_is_weighed_at_once() {
    let words = vec!["a".to_owned(), "bcd".to_owned()];
    assert_eq!(words.byte_size(), 3 * WORD + 2 * 3 * WORD + 4);
    // One by one this would take for ever.
    let units = vec![(); usize::MAX];
    assert_eq!(units.byte_size(), 3 * WORD);
}

#[test]
fn an_option_and_a_tuple_weigh_their_own_bytes_too() {
    assert_eq!(None::<u64>.byte_size(), size_of::<Option<u64>>());
    assert_eq!(Some(5_u64).byte_size(), size_of::<Option<u64>>());
    assert_eq!(Some("four".to_owned()).byte_size(), 3 * WORD + 4);
    assert_eq!((1_u8,).byte_size(), 1);
    assert_eq!((1_u8, 2_u64).byte_size(), size_of::<(u8, u64)>());
    assert_eq!(
        (1_u8, 2_u64, "four".to_owned(), (), 'x', Some(1)).byte_size(),
        size_of::<(u8, u64, String, (), char, Option<i32>)>() + 4
    );
}

/// An item that claims to hold everything.
struct All;

impl ByteSize for All {
    fn byte_size(&self) -> usize {
        usize::MAX
    }
}

#[test]
fn weights_do_not_overflow() {
    assert_eq!((All, 1_u8, All).byte_size(), usize::MAX);
    assert_eq!([All, All].byte_size(), usize::MAX);
    assert_eq!(vec![All, All].byte_size(), usize::MAX);
    assert_eq!(Some(Box::new([All, All])).byte_size(), usize::MAX);
}
