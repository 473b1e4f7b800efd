//! The bytes of every type of key are ordered as the keys are, and give the key back.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_key::{Key, KeyColumn, Utf8};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

fn check<K: Key + Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
    let (a_bytes, b_bytes) = (a.to_bytes(), b.to_bytes());
    prop_assert_eq!(
        a_bytes.cmp(&b_bytes),
        a.cmp(b),
        "{:x?} {:x?}",
        a_bytes,
        b_bytes
    );
    prop_assert_eq!(&K::decode(&a_bytes), &Ok(a.clone()));
    let mut b = b.clone();
    prop_assert_eq!(b.decode_in_place(&a_bytes), Ok(()));
    prop_assert_eq!(&b, a);
    let mut appended = b"before".to_vec();
    a.encode(&mut appended);
    prop_assert_eq!(&appended[6..], &a_bytes[..]);
    b.copy_from(a);
    prop_assert_eq!(&b, a);
    Ok(())
}

/// As a column: alone, before another, behind another, reversed, and reversed twice.
fn check_column<C: KeyColumn + Debug>(a: &C, b: &C) -> Result<(), TestCaseError> {
    let turn = |column: &C| Reverse(column.clone());
    check(&(a.clone(),), &(b.clone(),))?;
    check(&(turn(a),), &(turn(b),))?;
    check(&(Reverse(turn(a)),), &(Reverse(turn(b)),))?;
    check(&(a.clone(), b.clone()), &(b.clone(), a.clone()))?;
    check(&(turn(a), b.clone()), &(turn(b), a.clone()))?;
    check(&(a.clone(), turn(b)), &(b.clone(), turn(a)))?;
    check(&(turn(a), turn(b)), &(turn(b), turn(a)))?;
    check(&(a.clone(), turn(a)), &(a.clone(), turn(b)))?;
    check(&(turn(a), a.clone()), &(turn(a), b.clone()))?;
    check(&(turn(a), 0_u8), &(turn(b), 0_u8))
}

/// Numbers of every length, near powers of 256 above all: there encodings change their width.
fn wide() -> impl Strategy<Value = i128> {
    let near = (0..=16_u32, -2..=2_i128).prop_map(|(bytes, off)| {
        1_i128
            .checked_shl(8 * bytes)
            .unwrap_or(i128::MAX)
            .wrapping_add(off)
    });
    let signed = (prop_oneof![near, any::<i128>()], 0..128_u32, any::<bool>());
    signed.prop_map(|(number, shift, minus)| {
        let number = if shift % 2 == 0 {
            number >> shift
        } else {
            number
        };
        if minus { number.wrapping_neg() } else { number }
    })
}

/// Short bytes and texts of the letters that encodings have to take care of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![
        Just(0),
        Just(0),
        Just(1),
        Just(0xfe),
        Just(0xff),
        any::<u8>()
    ];
    vec(letter, 0..5)
}

fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        Just('\0'),
        Just('\u{1}'),
        Just('a'),
        Just('ÿ'),
        any::<char>()
    ];
    vec(letter, 0..6).prop_map(String::from_iter)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    (any::<u128>(), 0..128_u32).prop_map(|(bits, shift)| Uuid::from_u128(bits >> shift))
}

macro_rules! every_integer {
    ($($integer:ident),+) => {
        proptest! {
            #[test]
            fn integers_are_ordered_as_numbers(a in wide(), b in wide()) {
                $(
                    let (a, b) = (a as $integer, b as $integer);
                    check(&a, &b)?;
                    check(&Reverse(a), &Reverse(b))?;
                    check_column(&a, &b)?;
                )+
            }

            #[test]
            fn neighbours_are_in_order(a in wide()) {
                $(
                    let number = a as $integer;
                    if let Some(next) = number.checked_add(1) {
                        check(&number, &next)?;
                        check_column(&number, &next)?;
                    }
                )+
            }
        }
    };
}

every_integer!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

proptest! {
    #[test]
    fn bytes_are_ordered_as_slices(a in bytes(), b in bytes()) {
        check(&a, &b)?;
        check(&Reverse(a.clone()), &Reverse(b.clone()))?;
        check_column(&a, &b)?;
    }

    #[test]
    fn texts_are_ordered_as_their_bytes(a in text(), b in text()) {
        check(&a, &b)?;
        check(&Reverse(a.clone()), &Reverse(b.clone()))?;
        check(&Utf8(a.clone()), &Utf8(b.clone()))?;
        check_column(&a, &b)?;
    }

    #[test]
    fn uuids_are_ordered_as_their_bytes(a in uuid(), b in uuid()) {
        check(&a, &b)?;
        check(&Reverse(a), &Reverse(b))?;
        check_column(&a, &b)?;
    }

    #[test]
    fn tuples_are_ordered_column_by_column(
        a in (text(), any::<i64>(), bytes(), uuid(), any::<u32>(), any::<i8>()),
        b in (text(), any::<i64>(), bytes(), uuid(), any::<u32>(), any::<i8>()),
        same in 0..7_usize,
    ) {
        // Random texts hardly ever agree: let the first few columns do.
        let mut b = b;
        if same > 0 { b.0.clone_from(&a.0); }
        if same > 1 { b.1 = a.1; }
        if same > 2 { b.2.clone_from(&a.2); }
        if same > 3 { b.3 = a.3; }
        if same > 4 { b.4 = a.4; }
        if same > 5 { b.5 = a.5; }
        check(&a, &b)?;
        let pick = |k: &(String, i64, Vec<u8>, Uuid, u32, i8)| k.clone();
        let ((a0, a1, a2, a3, a4, a5), (b0, b1, b2, b3, b4, b5)) = (pick(&a), pick(&b));
        check(&(a1, a0.clone()), &(b1, b0.clone()))?;
        check(&(Reverse(a0.clone()), a1), &(Reverse(b0.clone()), b1))?;
        check(&(a2.clone(), Reverse(a1), a3), &(b2.clone(), Reverse(b1), b3))?;
        check(
            &(Reverse(a2.clone()), a3, Reverse(a4), a5),
            &(Reverse(b2.clone()), b3, Reverse(b4), b5),
        )?;
        check(
            &(a0.clone(), Reverse(a2.clone()), a1, a4, Reverse(a5)),
            &(b0.clone(), Reverse(b2.clone()), b1, b4, Reverse(b5)),
        )?;
        check(
            &(Reverse(a0), Reverse(a1), Reverse(a2), Reverse(a3), Reverse(a4), Reverse(a5)),
            &(Reverse(b0), Reverse(b1), Reverse(b2), Reverse(b3), Reverse(b4), Reverse(b5)),
        )?;
    }
}
