//! Keys as bytes: a storage format, which stays what it is, in the keys' own order.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::Debug;

use keywalk_bytes::{BareString, DecodeError, Key, TupleElement};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;
use uuid::fmt::{Hyphenated, Simple};

/// A table, whose rows stay as they are written.
macro_rules! rows {
    ($($row:tt)*) => { [$($row)*] };
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Tuples, and single texts, are of FoundationDB's tuple layer:
/// <https://github.com/apple/foundationdb/blob/main/design/tuple.md>.
#[test]
fn the_bytes_of_keys_are_what_they_were() {
    fn check<K: Key + Debug>(key: K, bytes: &[u8]) {
        assert_eq!(key.to_bytes(), bytes, "{key:?}");
        assert_eq!(K::decode(bytes), Ok(key));
    }
    // Unsigned integers are big endian and as wide as their type; signed ones have their sign bit flipped.
    check(7_u8, &[7]);
    check(0x0102_u16, &[1, 2]);
    check(0x0102_0304_u32, &[1, 2, 3, 4]);
    check(0_u64, &[0; 8]);
    check(300_u64, &[0, 0, 0, 0, 0, 0, 1, 44]);
    check(u64::MAX, &[0xff; 8]);
    check(u128::MAX - 1, &[&[0xff; 15][..], &[0xfe]].concat());
    check(-1_i8, &[0x7f]);
    check(0_i16, &[0x80, 0]);
    check(1_i32, &[0x80, 0, 0, 1]);
    check(i64::MIN, &[0; 8]);
    check(-1_i64, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    check(0_i64, &[0x80, 0, 0, 0, 0, 0, 0, 0]);
    check(1_i64, &[0x80, 0, 0, 0, 0, 0, 0, 1]);
    check(i64::MAX, &[0xff; 8]);
    check(i128::MIN, &[0; 16]);
    // Bytes, bare texts and UUIDs are themselves.
    check(b"a\0\xff".to_vec(), b"a\0\xff");
    check(Vec::new(), b"");
    check(BareString::from("na\0ïve"), b"na\0\xc3\xafve");
    check(BareString::default(), b"");
    let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    check(
        uuid,
        b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
    );
    check(text(""), b"\x02\x00");
    // The specification's own examples.
    check(text("F\u{d4}O\0bar"), b"\x02F\xc3\x94O\x00\xffbar\x00");
    check((b"foo\0bar".to_vec(),), b"\x01foo\x00\xffbar\x00");
    check((-5_551_212,), b"\x11\xabK\x93");
    check((0_i64,), b"\x14");
    check((-1_i8, 255_u8), b"\x13\xfe\x15\xff");
    let ends = b"\x0c\x7f\xff\xff\xff\xff\xff\xff\xff\x1c\x7f\xff\xff\xff\xff\xff\xff\xff";
    check((i64::MIN, i64::MAX), ends);
    check((u64::MAX,), b"\x1c\xff\xff\xff\xff\xff\xff\xff\xff");
    check((u128::from(u64::MAX) + 1,), b"\x1d\x09\x01\0\0\0\0\0\0\0\0");
    check(
        (-i128::from(u64::MAX) - 1,),
        b"\x0b\xf6\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
    );
    check((text("a\0b"), -1_i64), b"\x02a\x00\xffb\x00\x13\xfe");
    let one = Uuid::from_u128(1);
    check(
        (one, 1_u32),
        b"\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x15\x01",
    );
    let six = (1_i16, 256_i32, text("x"), b"\0".to_vec(), 0_u16, -256_i128);
    check(
        six,
        b"\x15\x01\x16\x01\x00\x02x\x00\x01\x00\xff\x00\x14\x12\xfe\xff",
    );
    // An integer column is written alike whatever its type.
    check((-126_i8, 126_u8), b"\x13\x81\x15\x7e");
    check((-126_i16, 126_u16), b"\x13\x81\x15\x7e");
    check((-126_i32, 126_u32), b"\x13\x81\x15\x7e");
    check((-126_i64, 126_u64), b"\x13\x81\x15\x7e");
    check((-126_i128, 126_u128), b"\x13\x81\x15\x7e");
    // A reversed key is the complement; a text has one more end mark.
    check(Reverse(0_u64), &[0xff; 8]);
    check(Reverse(1_i16), &[0x7f, 0xfe]);
    check(Reverse(Uuid::nil()), &[0xff; 16]);
    let turned = (Reverse(1_i64), 1_i64, Reverse(Uuid::nil()));
    check(
        turned,
        &[&b"\xea\xfe\x15\x01\xcf"[..], &[0xff; 16]].concat(),
    );
    check(Reverse(text("a\0")), b"\xfd\x9e\xff\x00\xff\xff");
    check(Reverse(b"a\0".to_vec()), b"\xfe\x9e\xff\x00\xff\xff");
    check(Reverse(text("")), b"\xfd\xff\xff");
    let turned = (Reverse(text("a")), 1_i64, Reverse(b"a".to_vec()));
    check(turned, b"\xfd\x9e\xff\xff\x15\x01\xfe\x9e\xff\xff");
    check((Reverse(Reverse(text("a"))),), b"\x02a\x00\x00");
    // What came later: booleans, UUIDs as text, and the absence of a value.
    check(true, &[1]);
    check((false, Reverse(true)), b"\x26\xd8");
    let digits = *b"0123456789abcdef0123456789abcdef";
    check(uuid.simple(), &digits);
    assert!(Simple::decode(&digits.to_ascii_uppercase()).is_err());
    check(uuid.hyphenated(), b"01234567-89ab-cdef-0123-456789abcdef");
    check((uuid.simple(),), &[&b"\x02"[..], &digits, b"\0"].concat());
    check(None::<u8>, b"\x40");
    check((Some(7_u8), None::<String>), b"\x41\x15\x07\x40");
    check(
        (Some(text("a")), Some(None::<Uuid>)),
        b"\x41\x02a\x00\x41\x40",
    );
    check(Reverse(Some(Some(text("a")))), b"\xbe\xbe\xfd\x9e\xff\xff");
    let mut reused = (Some(text("long")),);
    let memory = reused.0.as_ref().map(|text| text.as_ptr());
    assert_eq!(reused.decode_in_place(b"\x41\x02a\x00"), Ok(()));
    assert_eq!(reused.0.as_ref().map(|text| text.as_ptr()), memory);
}

/// The same in both crates, so that one may take the other's place.
#[cfg(all(feature = "chrono", feature = "jiff"))]
#[test]
fn dates_and_times_have_the_same_bytes_and_names_in_chrono_and_jiff() {
    fn check<A: TupleElement + Key + Debug, B: TupleElement + Key + Debug>(
        a: A,
        b: B,
        bytes: &[u8],
    ) {
        assert_eq!(
            (a.to_bytes(), b.to_bytes()),
            (bytes.to_vec(), bytes.to_vec())
        );
        assert_eq!(
            (A::decode(bytes), B::decode(bytes)),
            (Ok(a.clone()), Ok(b.clone()))
        );
        let column = [b"\x42", bytes].concat();
        assert_eq!(((a,).to_bytes(), (b,).to_bytes()), (column.clone(), column));
        assert_eq!(A::encoding_name(), B::encoding_name());
        // One after the end, and one short of it.
        assert!(A::decode(&[bytes, b"\0"].concat()).is_err() && B::decode(&bytes[1..]).is_err());
    }
    let chrono = |text: &str| text.parse::<chrono::NaiveDateTime>().unwrap();
    let jiff = |text: &str| text.parse::<jiff::civil::DateTime>().unwrap();
    for (text, date, time, instant) in rows! {
        ("1970-01-01T00:00:00", [0x80, 0, 0, 0], [0x80, 0, 0, 0, 0, 0, 0, 0], [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (
            "1969-12-31T23:59:58.000000007",
            [0x7f, 0xff, 0xff, 0xff],
            [0x80, 1, 0x51, 0x7e, 0, 0, 0, 7],
            [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 7],
        ),
        (
            "2026-11-29T12:00:00.999999999",
            [0x80, 0, 0x51, 0x32],
            [0x80, 0, 0xa8, 0xc0, 0x3b, 0x9a, 0xc9, 0xff],
            [0x80, 0, 0, 0, 0x6b, 0x0c, 0x13, 0xc0, 0x3b, 0x9a, 0xc9, 0xff],
        ),
    } {
        let (a, b) = (chrono(text), jiff(text));
        check(a.date(), b.date(), &date);
        check(a.time(), b.time(), &time);
        check(a, b, &instant);
        let instant_of_b = jiff::tz::TimeZone::UTC.to_timestamp(b).unwrap();
        check(a.and_utc(), instant_of_b, &instant);
    }
    let day = |day| jiff::civil::date(2026, 1, day);
    assert_eq!(Key::fraction(&day(1), &day(5), &day(2)), Some(0.25));
    let second = |second| jiff::Timestamp::new(second, 0).unwrap();
    assert_eq!(
        Key::fraction(&second(-1), &second(3), &second(2)),
        Some(0.75)
    );
    use chrono::Timelike;
    // Only chrono has leap seconds, and years of more than four digits.
    let leap = chrono("2016-12-31T23:59:60.5");
    assert_eq!(Key::decode(&leap.to_bytes()), Ok(leap));
    // By chrono's own setters a leap second may stand at any second.
    let odd = leap.with_second(0).expect("chrono does so");
    assert_eq!(Key::decode(&odd.to_bytes()), Ok(odd));
    assert!(jiff::civil::DateTime::decode(&leap.to_bytes()).is_err());
    assert!(leap.to_bytes() < chrono("2017-01-01T00:00:00").to_bytes());
    let second = |at: u32| {
        chrono("2016-12-31T23:59:59")
            .with_nanosecond(at * 100_000_000)
            .unwrap()
    };
    goes_from_0_to_1([11, 15, 19].map(second)).unwrap();
    let after = chrono("2017-01-01T00:00:00");
    goes_from_0_to_1([
        second(9),
        second(19),
        after,
        after.with_nanosecond(500_000_000).unwrap(),
    ])
    .unwrap();
    for date in [chrono::NaiveDate::MIN, chrono::NaiveDate::MAX] {
        assert_eq!(Key::decode(&date.to_bytes()), Ok(date));
        assert!(jiff::civil::Date::decode(&date.to_bytes()).is_err());
    }
    for end in [jiff::Timestamp::MIN, jiff::Timestamp::MAX] {
        assert_eq!(Key::decode(&end.to_bytes()), Ok(end));
    }
}

/// Seconds of all lengths, and nanoseconds.
#[cfg(all(feature = "chrono", feature = "jiff"))]
mod times {
    use super::*;

    fn instants() -> impl Strategy<Value = (chrono::DateTime<chrono::Utc>, jiff::Timestamp)> {
        let seconds = (-300_000_000_000..250_000_000_000_i64, 0..40_u32);
        (seconds, 0..1_000_000_000_u32).prop_map(|((seconds, shift), nanos)| {
            let seconds = seconds >> shift;
            let instant = chrono::DateTime::from_timestamp(seconds, nanos).expect("it fits");
            (
                instant,
                jiff::Timestamp::new(seconds, 0).expect("it fits")
                    + std::time::Duration::from_nanos(nanos.into()),
            )
        })
    }

    proptest! {
        #[test]
        fn dates_and_times_are_ordered_and_go_from_0_to_1(instants in vec(instants(), 2..9)) {
            macro_rules! check {
                ($($of:expr),+) => {$({
                    let keys: Vec<_> = instants.iter().map($of).collect();
                    are_ordered(&keys[0], &keys[1])?;
                    are_ordered(&Reverse(keys[0]), &Reverse(keys[1]))?;
                    are_ordered_columns(&keys[0], &keys[1])?;
                    goes_from_0_to_1(keys.clone())?;
                    goes_from_0_to_1(keys.iter().map(|key| (Some(*key), Reverse(*key))))?;
                })+};
            }
            let civil = |at| jiff::tz::TimeZone::UTC.to_datetime(at);
            check!(|at| at.0, |at| at.0.naive_utc(), |at| at.0.date_naive(), |at| at.0.time());
            check!(|at| at.1, |at| civil(at.1), |at| civil(at.1).date(), |at| civil(at.1).time());
        }
    }
}

/// They are in stored cursors. Types of different bytes have different ones, and an integer column may become
/// wider.
#[test]
fn the_kinds_of_keys_are_what_they_were() {
    macro_rules! kinds {
        ($($key:ty => $kind:literal),+ $(,)?) => {{
            $(assert_eq!(<$key>::encoding_name(), $kind);)+
            [$($kind),+]
        }};
    }
    let kinds = kinds! {
        u8 => "u8", u16 => "u16", u32 => "u32", u64 => "u64", u128 => "u128",
        i8 => "i8", i16 => "i16", i32 => "i32", i64 => "i64", i128 => "i128",
        bool => "bool", Simple => "Simple", Reverse<Hyphenated> => "Reverse<Hyphenated>",
        Option<u8> => "Option<integer>", Reverse<Option<String>> => "Reverse<Option<String>>",
        (Option<Option<bool>>, i64) => "(Option<Option<bool>>, integer)",
        Uuid => "Uuid", Vec<u8> => "bytes", BareString => "BareString", String => "String",
        Reverse<u8> => "Reverse<u8>", Reverse<i8> => "Reverse<i8>", Reverse<u64> => "Reverse<u64>",
        Reverse<i64> => "Reverse<i64>", Reverse<u128> => "Reverse<u128>", Reverse<Uuid> => "Reverse<Uuid>",
        Reverse<Vec<u8>> => "Reverse<bytes>", Reverse<String> => "Reverse<String>",
        (i64,) => "(integer)", (Reverse<i64>,) => "(Reverse<integer>)", (Uuid,) => "(Uuid)",
        (String,) => "(String)", (Vec<u8>,) => "(bytes)", (Reverse<String>,) => "(Reverse<String>)",
        (String, i64) => "(String, integer)", (i64, String) => "(integer, String)",
        (Vec<u8>, Uuid) => "(bytes, Uuid)", (i64, i64) => "(integer, integer)",
        (i64, Reverse<String>) => "(integer, Reverse<String>)",
        (Reverse<i64>, String) => "(Reverse<integer>, String)",
        (Reverse<Reverse<Uuid>>, Reverse<u8>) => "(Reverse<Reverse<Uuid>>, Reverse<integer>)",
        (u8, u16, u32) => "(integer, integer, integer)",
        (u64, u128, i8, i16, i32, String) => "(integer, integer, integer, integer, integer, String)",
        (i64, i128, Reverse<i128>, u8) => "(integer, integer, Reverse<integer>, integer)",
    };
    assert_eq!(BTreeSet::from(kinds).len(), kinds.len(), "{kinds:?}");
}

/// A type of one's own that says no more than it must: what is provided is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Own(u64);

impl Key for Own {
    fn encode(&self, bytes: &mut Vec<u8>) {
        Key::encode(&self.0, bytes);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Key::decode(bytes).map(Own)
    }

    fn encoding_name() -> Cow<'static, str> {
        "Own".into()
    }
}

impl TupleElement for Own {
    fn pack(&self, bytes: &mut Vec<u8>) {
        Uuid::from_u128(self.0.into()).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let number = Uuid::unpack(bytes)?.as_u128().try_into();
        number
            .map(Own)
            .map_err(|_| DecodeError::new("is a larger number"))
    }

    fn column_kind() -> Cow<'static, str> {
        "Own".into()
    }
}

#[test]
fn a_key_in_words_is_its_value_fit_for_a_terminal_and_of_bounded_length() {
    let uuid = Uuid::from_u128(0xab);
    let hostile = text("\u{1b}[2J\r\n\u{202e}\u{9b}\u{200b}");
    let escaped = r#""\u{1b}[2J\r\n\u{202e}\u{9b}\u{200b}""#;
    let whole = "é".repeat(120);
    let four = (
        text(""),
        Reverse(uuid),
        Reverse(Reverse(-1_i64)),
        vec![2_u8],
    );
    for (said, expected) in rows! {
        ((-7_i8).display(), "-7"),
        (u128::MAX.display(), &u128::MAX.to_string()),
        (Reverse(300_u16).display(), "300"),
        (vec![0_u8, 171].display(), "00ab"),
        (text("a\n\"b").display(), r#""a\n\"b""#),
        (BareString::from("a").display(), r#""a""#),
        (Reverse(text("a")).display(), r#""a""#),
        (Reverse(vec![1_u8]).display(), "01"),
        (uuid.display(), "00000000-0000-0000-0000-0000000000ab"),
        (Reverse(uuid).display(), "00000000-0000-0000-0000-0000000000ab"),
        ((7_u8,).display(), "(7)"),
        (four.display(), &format!(r#"("", {uuid}, -1, 02)"#)),
        (hostile.display(), escaped),
        (BareString(hostile.clone()).display(), escaped),
        ((Reverse(hostile), 7).display(), &format!("({escaped}, 7)")),
        (whole.display(), &format!("\"{whole}\"")),
        ((whole.clone() + "é").display(), &format!("\"{whole}\"... (242 bytes)")),
        (vec![0xab_u8; 60].display(), &"ab".repeat(60)),
        (vec![0xab_u8; 61].display(), &("ab".repeat(60) + "... (61 bytes)")),
        (true.display(), "true"),
        (uuid.simple().display(), "000000000000000000000000000000ab"),
        ((Some(text("a")), None::<u8>).display(), r#"("a", none)"#),
        // A type of one's own is its bytes.
        (Own(255).display(), "00000000000000ff"),
        ((1_u8, Own(255)).display(), &format!("(1, 30{:032x})", 255)),
    } {
        assert_eq!(said, expected);
    }
}

/// In the keys' order, and they give the key back.
fn are_ordered<K: Key + Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
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
fn are_ordered_columns<C: TupleElement + Debug>(a: &C, b: &C) -> Result<(), TestCaseError> {
    let turn = |column: &C| Reverse(column.clone());
    are_ordered(&(a.clone(),), &(b.clone(),))?;
    are_ordered(&(turn(a),), &(turn(b),))?;
    are_ordered(&(Reverse(turn(a)),), &(Reverse(turn(b)),))?;
    are_ordered(&(a.clone(), b.clone()), &(b.clone(), a.clone()))?;
    are_ordered(&(turn(a), b.clone()), &(turn(b), a.clone()))?;
    are_ordered(&(a.clone(), turn(b)), &(b.clone(), turn(a)))?;
    are_ordered(&(turn(a), turn(b)), &(turn(b), turn(a)))?;
    are_ordered(&(a.clone(), turn(a)), &(a.clone(), turn(b)))?;
    are_ordered(&(turn(a), a.clone()), &(turn(a), b.clone()))?;
    are_ordered(&(turn(a), 0_u8), &(turn(b), 0_u8))
}

/// Numbers of every length, near powers of 256 above all: there encodings change their width.
fn wide() -> impl Strategy<Value = i128> {
    let near = (0..=16_u32, -2..=2_i128).prop_map(|(bytes, off)| {
        let power = 1_i128.checked_shl(8 * bytes).unwrap_or(i128::MAX);
        power.wrapping_add(off)
    });
    let signed = (prop_oneof![near, any::<i128>()], 0..128_u32, any::<bool>());
    signed.prop_map(|(number, shift, minus)| {
        let number = number >> if shift % 2 == 0 { shift } else { 0 };
        if minus { number.wrapping_neg() } else { number }
    })
}

/// Short bytes and texts of the letters that encodings have to take care of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![2 => Just(0), 1 => Just(1), 1 => Just(0xfe), 1 => Just(0xff), 1 => any::<u8>()],
        0..5,
    )
}

fn texts() -> impl Strategy<Value = String> {
    let some = prop::sample::select(vec!['\0', '\u{1}', 'a', 'ÿ']);
    vec(prop_oneof![4 => some, 1 => any::<char>()], 0..6).prop_map(String::from_iter)
}

fn uuids() -> impl Strategy<Value = Uuid> {
    (any::<u128>(), 0..128_u32).prop_map(|(bits, shift)| Uuid::from_u128(bits >> shift))
}

/// 0 at the first, 1 at the last, never back on the way, and the same from the other end.
fn goes_from_0_to_1<K: Key + Debug>(
    keys: impl IntoIterator<Item = K>,
) -> Result<(), TestCaseError> {
    let mut keys = Vec::from_iter(keys);
    keys.sort();
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    prop_assert_eq!(K::fraction(first, first, last), None);
    if first == last {
        return Ok(());
    }
    let mut before = 0.0;
    for at in &keys {
        let share = K::fraction(first, last, at).expect("there is a way");
        prop_assert!(before <= share && share <= 1.0, "{before} {share} {at:?}");
        let back = K::fraction(last, first, at).expect("there is a way");
        prop_assert!((share + back - 1.0).abs() < 1e-9, "{share} {back}");
        before = share;
    }
    let ends = |first, last| {
        (
            K::fraction(first, last, first),
            K::fraction(first, last, last),
        )
    };
    prop_assert_eq!(ends(first, last), (Some(0.0), Some(1.0)));
    prop_assert_eq!(ends(last, first), (Some(0.0), Some(1.0)));
    // What lies outside.
    let middle = &keys[keys.len() / 2];
    if first < middle && middle < last {
        prop_assert_eq!(K::fraction(middle, last, first), Some(0.0));
        prop_assert_eq!(K::fraction(last, middle, first), Some(1.0));
        prop_assert_eq!(K::fraction(first, middle, last), Some(1.0));
        prop_assert_eq!(K::fraction(middle, first, last), Some(0.0));
    }
    Ok(())
}

/// Few letters, so that they agree at their beginnings and end in zeros.
fn long_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![2 => Just(0), 1 => Just(7), 1 => any::<u8>()],
        0..24,
    )
}

/// `at` is so far from `first`, of `steps` to the last one.
fn near(share: Option<f64>, part: u32, steps: u32) -> bool {
    let wanted = f64::from(part) / f64::from(steps);
    share.is_some_and(|share| (share - wanted).abs() < 1e-9)
}

macro_rules! every_integer {
    ($($integer:ident),+) => {
        proptest! {
            #[test]
            fn integers_are_ordered_as_numbers_and_neighbours_too(a in wide(), b in wide()) {
                $(
                    let (a, b) = (a as $integer, b as $integer);
                    for (a, b) in [(a, b), (a, a.saturating_add(1))] {
                        are_ordered(&a, &b)?;
                        are_ordered(&Reverse(a), &Reverse(b))?;
                        are_ordered_columns(&a, &b)?;
                    }
                )+
            }

            #[test]
            fn integers_go_from_0_to_1(numbers in vec(any::<i128>(), 2..9), shift in 0..128_u32) {
                $(
                    let keys: Vec<$integer> =
                        numbers.iter().map(|number| (number >> shift) as $integer).collect();
                    goes_from_0_to_1(keys.clone())?;
                    goes_from_0_to_1(keys.iter().map(|key| Reverse(*key)))?;
                    goes_from_0_to_1(keys.iter().map(|key| (*key, Reverse(0_i32))))?;
                    goes_from_0_to_1(keys.iter().map(|key| (Reverse(*key),)))?;
                    goes_from_0_to_1([$integer::MIN, keys[0], keys[1], $integer::MAX])?;
                )+
            }
        }
    };
}

every_integer!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

proptest! {
    #[test]
    fn bytes_texts_and_uuids_are_ordered_as_their_bytes(
        (a, b) in (bytes(), bytes()),
        (c, d) in (texts(), texts()),
        (e, f) in (uuids(), uuids()),
    ) {
        are_ordered(&a, &b)?;
        are_ordered_columns(&a, &b)?;
        are_ordered(&Reverse(a), &Reverse(b))?;
        are_ordered(&c, &d)?;
        are_ordered(&BareString(c.clone()), &BareString(d.clone()))?;
        are_ordered_columns(&c, &d)?;
        are_ordered(&Reverse(c), &Reverse(d))?;
        are_ordered(&e, &f)?;
        are_ordered(&Reverse(e), &Reverse(f))?;
        are_ordered_columns(&e, &f)?;
    }

    #[test]
    fn optional_values_booleans_and_uuids_as_text_are_ordered_with_none_first(
        (a, b) in (prop::option::of(texts()), prop::option::of(texts())),
        (c, d) in (prop::option::of(bytes()), prop::option::of(bytes())),
        (e, f) in (prop::option::of(wide()), prop::option::of(wide())),
        (g, h) in (uuids(), uuids()),
        (i, j) in (any::<bool>(), any::<bool>()),
    ) {
        are_ordered(&a, &b)?;
        are_ordered(&Reverse(a.clone()), &Reverse(b.clone()))?;
        are_ordered_columns(&a, &b)?;
        are_ordered_columns(&a.map(|text| Some(Reverse(text))), &b.map(|text| Some(Reverse(text))))?;
        are_ordered_columns(&c, &d)?;
        are_ordered_columns(&e, &f)?;
        goes_from_0_to_1([e, f])?;
        goes_from_0_to_1([c.clone(), d.clone()])?;
        let unknown = Key::fraction(&None, &Some(2_u8), &Some(1));
        prop_assert_eq!(unknown, None, "how far None is from a value");
        goes_from_0_to_1([(i, c.clone()), (j, c), (i, d.clone()), (j, d)])?;
        are_ordered(&g.simple(), &h.simple())?;
        are_ordered(&Reverse(g.hyphenated()), &Reverse(h.hyphenated()))?;
        are_ordered_columns(&g.simple(), &h.simple())?;
        are_ordered_columns(&g.hyphenated(), &h.hyphenated())?;
        goes_from_0_to_1([g.simple(), h.simple(), Uuid::nil().simple()])?;
        are_ordered(&i, &j)?;
        are_ordered(&Reverse(i), &Reverse(j))?;
        are_ordered_columns(&i, &j)?;
        goes_from_0_to_1([Reverse(i), Reverse(j)])?;
    }

    #[test]
    fn tuples_are_ordered_column_by_column(
        a in (texts(), any::<i64>(), bytes(), uuids(), any::<u32>(), any::<i8>()),
        b in (texts(), any::<i64>(), bytes(), uuids(), any::<u32>(), any::<i8>()),
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
        are_ordered(&a, &b)?;
        let ((a0, a1, a2, a3, a4, a5), (b0, b1, b2, b3, b4, b5)) = (a.clone(), b.clone());
        are_ordered(&(a1, a0.clone()), &(b1, b0.clone()))?;
        are_ordered(&(Reverse(a0.clone()), a1), &(Reverse(b0.clone()), b1))?;
        are_ordered(&(a2.clone(), Reverse(a1), a3), &(b2.clone(), Reverse(b1), b3))?;
        are_ordered(
            &(Reverse(a2.clone()), a3, Reverse(a4), a5),
            &(Reverse(b2.clone()), b3, Reverse(b4), b5),
        )?;
        are_ordered(
            &(a0.clone(), Reverse(a2.clone()), a1, a4, Reverse(a5)),
            &(b0.clone(), Reverse(b2.clone()), b1, b4, Reverse(b5)),
        )?;
        are_ordered(
            &(Reverse(a0), Reverse(a1), Reverse(a2), Reverse(a3), Reverse(a4), Reverse(a5)),
            &(Reverse(b0), Reverse(b1), Reverse(b2), Reverse(b3), Reverse(b4), Reverse(b5)),
        )?;
    }

    #[test]
    fn bytes_uuids_tuples_and_types_of_ones_own_go_from_0_to_1(
        keys in vec((0..3_u8, long_bytes(), any::<i64>(), any::<u128>(), any::<u64>()), 2..9),
        shift in 0..128_u32,
    ) {
        let bytes = || keys.iter().map(|key| key.1.clone());
        goes_from_0_to_1(bytes())?;
        goes_from_0_to_1(bytes().map(Reverse))?;
        goes_from_0_to_1(bytes().map(|key| (key, 1_u8)))?;
        let uuids = || keys.iter().map(|key| Uuid::from_u128(key.3 >> shift));
        goes_from_0_to_1(uuids())?;
        goes_from_0_to_1(uuids().map(Reverse))?;
        goes_from_0_to_1(uuids().map(|key| (key, text("x"))))?;
        goes_from_0_to_1(keys.iter().map(|key| (key.0, key.1.clone(), key.2)))?;
        goes_from_0_to_1(keys.iter().map(|key| (Reverse(key.0), Reverse(key.1.clone()), key.2)))?;
        goes_from_0_to_1(keys.iter().map(|key| (key.0, Reverse(key.2), key.0, 0_u8, 0_u8, key.2)))?;
        goes_from_0_to_1(keys.iter().map(|key| Own(key.4)))?;
        goes_from_0_to_1(keys.iter().map(|key| (1_u8, Own(key.4))))?;
    }

    #[test]
    fn at_the_ends_of_a_first_column_fractions_go_on(
        (at, values) in (2..=u64::MAX, 0..63_u32)
            .prop_flat_map(|(values, shift)| (1..(values >> shift).max(2), Just((values >> shift).max(2)))),
    ) {
        let ends = [(at - 1, i64::MIN), (at - 1, i64::MAX), (at, i64::MIN), (at, i64::MAX)];
        goes_from_0_to_1([[(0, i64::MIN), (values, i64::MAX)], [ends[0], ends[1]], [ends[2], ends[3]]].concat())?;
    }

    /// Equal steps of values are equal steps of shares, wherever they lie and however far they go.
    #[test]
    fn shares_are_linear_in_the_value(
        start in any::<i64>(),
        step in 1..=i64::MAX / 1_000,
        (part, steps) in (1..=1_000_u32).prop_flat_map(|steps| (0..=steps, Just(steps))),
    ) {
        let start = start.min(i64::MAX - step * i64::from(steps));
        let (last, at) = (start + step * i64::from(steps), start + step * i64::from(part));
        prop_assert!(near(Key::fraction(&start, &last, &at), part, steps));
        prop_assert!(near(Key::fraction(&last, &start, &at), steps - part, steps));
        prop_assert!(near(Key::fraction(&Reverse(last), &Reverse(start), &Reverse(at)), steps - part, steps));
        prop_assert!(near(Key::fraction(&(7, start), &(7, last), &(7, at)), part, steps));
        // By their bytes, too.
        prop_assert!(near(Vec::fraction(&start.to_bytes(), &last.to_bytes(), &at.to_bytes()), part, steps));
        let own = |number: i64| Own(number.wrapping_sub(i64::MIN) as u64);
        prop_assert!(near(Key::fraction(&own(start), &own(last), &own(at)), part, steps));
        prop_assert!(near(Key::fraction(&(own(start),), &(own(last),), &(own(at),)), part, steps));
        // Over twice the width, with bits below that count for nothing.
        let wide = |number: i64| (own(number).0 as u128) << 64 | 0xffff;
        prop_assert!(near(Key::fraction(&wide(start), &wide(last), &wide(at)), part, steps));
        let uuid = |number| Uuid::from_u128(wide(number));
        prop_assert!(near(Key::fraction(&uuid(start), &uuid(last), &uuid(at)), part, steps));
    }

    /// Stores then don't look again.
    #[test]
    fn what_is_strict_reads_nothing_but_what_it_writes(bytes in any_bytes()) {
        macro_rules! check {
            ($($key:ty),+) => {$(
                if let (true, Ok(key)) = (<$key as Key>::CANONICAL, <$key as Key>::decode(&bytes)) {
                    prop_assert_eq!(key.to_bytes(), &bytes[..], "{:?}", key);
                }
            )+};
        }
        check!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, Uuid, Vec<u8>, BareString, String, (i64,));
        check!(bool, Reverse<bool>, Simple, Hyphenated, Option<String>, (Option<bool>, Option<u8>));
        #[cfg(feature = "chrono")]
        check!(chrono::NaiveDate, chrono::NaiveTime, chrono::NaiveDateTime, chrono::DateTime<chrono::Utc>);
        #[cfg(feature = "jiff")]
        check!(jiff::civil::Date, jiff::civil::Time, jiff::civil::DateTime, jiff::Timestamp);
        check!((i64, String), Reverse<i64>, Reverse<u16>, Reverse<Uuid>, Reverse<String>, Reverse<Vec<u8>>);
    }
}

/// With many that begin as tuples do: a one-byte seven, and a two-byte one.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let some = prop::sample::select(vec![0, 1, 7, 0x15, 0x16, 0x26, 0x40, 0x41, b'a', 0xff]);
    let letter = prop_oneof![5 => some, 1 => any::<u8>()];
    let widths = prop::sample::select(vec![0, 1, 2, 3, 4, 8, 12, 16, 32]);
    let width = prop_oneof![7 => widths, 1 => 0..20_usize];
    width.prop_flat_map(move |width| vec(letter.clone(), width))
}

/// Each by itself: values of one constant are alike.
macro_rules! strict {
    ($($key:ty),+) => { $(const _: () = assert!(<$key as Key>::CANONICAL);)+ };
}

strict!(
    u8,
    u64,
    i64,
    i128,
    Uuid,
    Vec<u8>,
    BareString,
    Reverse<u32>,
    Reverse<Uuid>
);

#[test]
fn shares_are_those_of_the_first_two_columns_that_differ_and_text_has_none() {
    let texts = |a: &str, b: i32| (text(a), b);
    let three = |a: u8, b: i64, c: &str| (a, b, text(c));
    let share = |at| <(u8, i64, String)>::fraction(&three(1, 0, "z"), &three(1, 4, "a"), &at);
    let long = |end: &str| format!("https://example.org/orders/2026/{end}").into_bytes();
    let zeros = |first, last, at| Vec::fraction(&vec![0; first], &vec![0; last], &vec![0; at]);
    let tenants = |a, b, c, d, e: u64, f: i64| {
        let share =
            Key::fraction(&(a, b), &(c, d), &(e, f)).map(|share| (share * 1e4).round() / 1e4);
        assert_eq!(Key::fraction(&(a, b), &(c, d), &(a, b)), Some(0.0));
        share
    };
    for (name, share, expected) in rows! {
        // The widest ranges don't overflow.
        ("i64", Key::fraction(&i64::MIN, &i64::MAX, &0), Some(0.5)),
        ("i128", Key::fraction(&i128::MAX, &i128::MIN, &0), Some(0.5)),
        ("u128", Key::fraction(&u128::MAX, &0, &(u128::MAX / 4 * 3)), Some(0.25)),
        ("i8", Key::fraction(&i8::MIN, &i8::MAX, &127), Some(1.0)),
        ("optional", Key::fraction(&Some(0_u8), &Some(8), &Some(2)), Some(0.25)),
        ("optional text", Key::fraction(&Some(text("a")), &Some(text("c")), &Some(text("b"))), None),
        ("text", Key::fraction(&text("a"), &text("c"), &text("b")), None),
        ("text, first", Key::fraction(&text("a"), &text("c"), &text("a")), None),
        ("bare text", Key::fraction(&BareString::from("a"), &BareString::from("c"), &BareString::from("b")), None),
        ("text, down", Key::fraction(&Reverse(text("c")), &Reverse(text("a")), &Reverse(text("b"))), None),
        // Nor what is led by it; where the text is the same, by what follows.
        ("led", Key::fraction(&texts("a", 0), &texts("c", 4), &texts("a", 0)), None),
        ("led", Key::fraction(&texts("a", 0), &texts("c", 4), &texts("b", 3)), None),
        ("led", Key::fraction(&texts("a", 0), &texts("c", 4), &texts("c", 4)), None),
        ("led, same", Key::fraction(&texts("a", 0), &texts("a", 4), &texts("a", 1)), Some(0.25)),
        ("second", share(three(1, 3, "m")), Some(0.75)),
        ("second, before", share(three(0, 9, "m")), Some(0.0)),
        ("second, behind", share(three(2, 1, "m")), Some(1.0)),
        // Within a tenant by its second column, as if each one had the range from 100 to 900.
        ("tenant", tenants(1, 100, 4, 900, 1, 500), Some(0.125)),
        ("tenant, up", tenants(1, 100, 4, 900, 3, 300), Some(0.5 + 0.0625)),
        ("tenant, down", tenants(4, 900, 1, 100, 3, 300), Some(0.5 - 0.0625)),
        ("tenant, last", tenants(1, 100, 4, 900, 4, 500), Some(0.875)),
        ("tenant, beyond", tenants(1, 100, 4, 900, 2, 5_000), Some(0.5)),
        ("tenant, one range", tenants(1, 7, 5, 7, 2, 7), Some(0.25)),
        ("tenants, many", tenants(0, 0, 1 << 40, 10, 1 << 39, 5), Some(0.5)),
        // Bytes are measured behind the common beginning.
        ("bytes", Key::fraction(&long("a"), &long("e"), &long("b")), Some(0.25)),
        ("no bytes", Key::fraction(&vec![], &vec![0x40], &vec![0x10]), Some(0.25)),
        // Those that differ in the zeros at their end alone are half way.
        ("zeros", zeros(1, 3, 2), Some(0.5)),
        ("zeros, back", zeros(3, 1, 2), Some(0.5)),
        ("zeros, first", zeros(3, 1, 3), Some(0.0)),
    } {
        assert_eq!(share, expected, "{name}");
    }
}

#[test]
fn an_error_moves_between_threads() {
    fn is_error<T: StdError + Debug + Send + Sync + 'static>() {}
    is_error::<DecodeError>();
}
