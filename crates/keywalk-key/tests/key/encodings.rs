//! The bytes of keys are a storage format: they stay what they are.
//!
//! Tuples, and single texts, are of FoundationDB's tuple layer:
//! <https://github.com/apple/foundationdb/blob/main/design/tuple.md>.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_key::{Key, Utf8};
use uuid::Uuid;

fn check<K: Key + Debug>(key: K, bytes: &[u8]) {
    assert_eq!(key.to_bytes(), bytes, "{key:?}");
    assert_eq!(K::decode(bytes), Ok(key));
}

#[test]
fn unsigned_integers_are_big_endian_and_as_wide_as_their_type() {
    check(7_u8, &[7]);
    check(0x0102_u16, &[1, 2]);
    check(0x0102_0304_u32, &[1, 2, 3, 4]);
    check(0_u64, &[0; 8]);
    check(300_u64, &[0, 0, 0, 0, 0, 0, 1, 44]);
    check(u64::MAX, &[0xff; 8]);
    check(
        u128::MAX - 1,
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
    );
}

#[test]
fn signed_integers_have_their_sign_bit_flipped() {
    check(-1_i8, &[0x7f]);
    check(0_i16, &[0x80, 0]);
    check(1_i32, &[0x80, 0, 0, 1]);
    check(i64::MIN, &[0; 8]);
    check(-1_i64, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    check(0_i64, &[0x80, 0, 0, 0, 0, 0, 0, 0]);
    check(1_i64, &[0x80, 0, 0, 0, 0, 0, 0, 1]);
    check(i64::MAX, &[0xff; 8]);
    check(i128::MIN, &[0; 16]);
}

#[test]
fn bytes_bare_texts_and_uuids_are_themselves() {
    check(b"a\0\xff".to_vec(), b"a\0\xff");
    check(Vec::new(), b"");
    check(Utf8::from("na\0ïve"), b"na\0\xc3\xafve");
    check(Utf8::default(), b"");
    let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    check(
        uuid,
        b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
    );
}

#[test]
fn a_text_is_of_the_tuple_layer() {
    check(String::new(), b"\x02\x00");
    // The specification's own examples.
    check("F\u{d4}O\0bar".to_owned(), b"\x02F\xc3\x94O\x00\xffbar\x00");
    check((b"foo\0bar".to_vec(),), b"\x01foo\x00\xffbar\x00");
}

#[test]
fn columns_are_of_the_tuple_layer() {
    // The specification's own example.
    check((-5_551_212,), b"\x11\xabK\x93");
    check((0_i64,), b"\x14");
    check((-1_i8, 255_u8), b"\x13\xfe\x15\xff");
    check(
        (i64::MIN, i64::MAX),
        b"\x0c\x7f\xff\xff\xff\xff\xff\xff\xff\x1c\x7f\xff\xff\xff\xff\xff\xff\xff",
    );
    check((u64::MAX,), b"\x1c\xff\xff\xff\xff\xff\xff\xff\xff");
    check((u128::from(u64::MAX) + 1,), b"\x1d\x09\x01\0\0\0\0\0\0\0\0");
    check(
        (-i128::from(u64::MAX) - 1,),
        b"\x0b\xf6\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
    );
    check(("a\0b".to_owned(), -1_i64), b"\x02a\x00\xffb\x00\x13\xfe");
    let uuid = Uuid::from_u128(1);
    check(
        (uuid, 1_u32),
        b"\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x15\x01",
    );
    let six = (
        1_i16,
        256_i32,
        "x".to_owned(),
        b"\0".to_vec(),
        0_u16,
        -256_i128,
    );
    check(
        six,
        b"\x15\x01\x16\x01\x00\x02x\x00\x01\x00\xff\x00\x14\x12\xfe\xff",
    );
}

#[test]
fn an_integer_column_is_written_alike_whatever_its_type() {
    let bytes = b"\x13\x81\x15\x7e";
    check((-126_i8, 126_u8), bytes);
    check((-126_i16, 126_u16), bytes);
    check((-126_i32, 126_u32), bytes);
    check((-126_i64, 126_u64), bytes);
    check((-126_i128, 126_u128), bytes);
}

#[test]
fn a_reversed_key_is_the_complement() {
    check(Reverse(0_u64), &[0xff; 8]);
    check(Reverse(1_i16), &[0x7f, 0xfe]);
    check(Reverse(Uuid::nil()), &[0xff; 16]);
    check(
        (Reverse(1_i64), 1_i64, Reverse(Uuid::nil())),
        &[&b"\xea\xfe\x15\x01\xcf"[..], &[0xff; 16]].concat(),
    );
}

#[test]
fn a_reversed_text_has_one_more_end_mark() {
    check(Reverse("a\0".to_owned()), b"\xfd\x9e\xff\x00\xff\xff");
    check(Reverse(b"a\0".to_vec()), b"\xfe\x9e\xff\x00\xff\xff");
    check(Reverse(String::new()), b"\xfd\xff\xff");
    check(
        (Reverse("a".to_owned()), 1_i64, Reverse(b"a".to_vec())),
        b"\xfd\x9e\xff\xff\x15\x01\xfe\x9e\xff\xff",
    );
    check((Reverse(Reverse("a".to_owned())),), b"\x02a\x00\x00");
}
