//! Types of keys whose cursors are written down, and keys of them. Not this crate's: what the stores' tests
//! share.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_bytes::Key;
use uuid::Uuid;

pub(crate) trait Sample: Key + Debug + 'static {
    /// In the names of files.
    const NAME: &'static str;

    /// Six keys in their order. The golden files are of them: they never change.
    fn fixed() -> [Self; 6];
}

/// Calls a macro with each of the types.
macro_rules! samples {
    ($call:ident) => {
        $call! {
            i64: i64,
            u64: u64,
            string: String,
            bytes: Vec<u8>,
            uuid: uuid::Uuid,
            string_and_i64: (String, i64),
            i64_and_reversed_string: (i64, std::cmp::Reverse<String>),
        }
    };
}
pub(crate) use samples;

impl Sample for i64 {
    const NAME: &'static str = "i64";

    fn fixed() -> [Self; 6] {
        [i64::MIN, -300, -1, 0, 255, i64::MAX]
    }
}

impl Sample for u64 {
    const NAME: &'static str = "u64";

    fn fixed() -> [Self; 6] {
        [0, 1, 255, 256, 1 << 40, u64::MAX]
    }
}

impl Sample for String {
    const NAME: &'static str = "string";

    fn fixed() -> [Self; 6] {
        ["", "a", "a\0b", "ab", "naïve", "\u{10ffff}"].map(str::to_owned)
    }
}

impl Sample for Vec<u8> {
    const NAME: &'static str = "bytes";

    fn fixed() -> [Self; 6] {
        [
            &b""[..],
            b"\0",
            b"\0\0",
            b"a",
            b"\xff",
            b"\xff\xff\xff\xff\xff",
        ]
        .map(<[u8]>::to_vec)
    }
}

impl Sample for Uuid {
    const NAME: &'static str = "uuid";

    fn fixed() -> [Self; 6] {
        [0, 1, 1 << 64, 1 << 80, 1 << 127, u128::MAX].map(Uuid::from_u128)
    }
}

impl Sample for (String, i64) {
    const NAME: &'static str = "string-and-i64";

    fn fixed() -> [Self; 6] {
        [
            ("", 0),
            ("a", -300),
            ("a", 0),
            ("a", 255),
            ("a\0", i64::MIN),
            ("b", i64::MAX),
        ]
        .map(|(text, number)| (text.to_owned(), number))
    }
}

impl Sample for (i64, Reverse<String>) {
    const NAME: &'static str = "i64-and-reversed-string";

    fn fixed() -> [Self; 6] {
        [
            (i64::MIN, ""),
            (-1, "b"),
            (-1, "a\0"),
            (-1, "a"),
            (-1, ""),
            (300, "z"),
        ]
        .map(|(number, text)| (number, Reverse(text.to_owned())))
    }
}
