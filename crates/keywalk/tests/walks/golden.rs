//! What a release has written every later one reads, and writes to the very same text.
//!
//! `KEYWALK_BLESS=1` writes the files that are missing. One that is there is never changed: a form that
//! is to change gets a new version, and a folder of its own. The second form is that of a walk that was given
//! a range and has begun; what was written of it in the first one is still read. The third and fourth form are the
//! same, of a source that is made of members.

use std::collections::BTreeSet;
use std::fs;
use std::ops::{Bound, RangeInclusive};
use std::path::{Path, PathBuf};

use keywalk::{Fingerprint, SignedToken, Token, Walk};

use crate::shelf::{Shelf, Stored, tens};

const SECRET: &[u8] = b"the server's secret";

/// After `taken` items of a walk: its token, and what a walk from it yields.
struct Shape {
    name: &'static str,
    token: Token,
    rest: fn(&Token) -> String,
    expected: &'static str,
}

fn texts() -> Shelf<String> {
    Shelf::of(["", "a", "é", "\u{10ffff}"].map(String::from))
}

fn after<K: Stored>(walk: Walk<Shelf<K>>, taken: usize) -> Token {
    let mut items = walk.chunk_size(2).items();
    assert!(items.by_ref().take(taken).all(|item| item.is_ok()));
    items.token().expect("it isn't broken")
}

fn shapes() -> Vec<Shape> {
    let walk = || Walk::new(tens(5));
    let down = || walk().descending();
    let long = Walk::new(texts()).range("k".repeat(200)..);
    let excluded = (Bound::Excluded(10), Bound::Excluded(50));
    let numbers = rows! {
        ("start", walk(), 0, "[10, 20, 30, 40, 50]"),
        ("start-descending", down(), 0, "[50, 40, 30, 20, 10]"),
        ("start-included", walk().range(20..=40), 0, "[20, 30, 40]"),
        ("start-excluded", walk().range(excluded), 0, "[20, 30, 40]"),
        ("bounded", walk(), 2, "[30, 40, 50]"),
        ("bounded-descending", down(), 2, "[30, 20, 10]"),
        ("live", walk().unbounded(), 3, "[40, 50]"),
        ("live-included", walk().range(..=40).unbounded(), 1, "[20, 30, 40]"),
        ("live-excluded", walk().range(..40).unbounded(), 1, "[20, 30]"),
        ("live-descending", down().unbounded(), 4, "[10]"),
        ("live-ended", walk().unbounded(), 6, "[]"),
        ("done", walk(), 6, "[]"),
        ("done-descending", down(), 6, "[]"),
        ("done-empty", walk().range(90..), 1, "[]"),
    };
    let texts = [
        ("text", Walk::new(texts()), 1, r#"["a", "é", "\u{10ffff}"]"#),
        ("text-long", long, 0, r#"["é", "\u{10ffff}"]"#),
    ];
    let numbers = numbers.map(|(name, walk, taken, expected)| Shape {
        name,
        token: after(walk, taken),
        rest: |token| format!("{:?}", tens(5).rest(token, 2)),
        expected,
    });
    let texts = texts.map(|(name, walk, taken, expected)| Shape {
        name,
        token: after(walk, taken),
        rest: |token| format!("{:?}", self::texts().rest(token, 2)),
        expected,
    });
    let ranged = || Walk::new(members()).range(20..);
    let members = [
        ("members", Walk::new(members()), 2, "[30, 40, 50]"),
        ("members-ranged", ranged(), 1, "[30, 40, 50]"),
    ];
    let members = members.map(|(name, walk, taken, expected)| Shape {
        name,
        token: after(walk, taken),
        rest: |token| format!("{:?}", self::members().rest(token, 2)),
        expected,
    });
    numbers.into_iter().chain(texts).chain(members).collect()
}

/// A source that is made of two.
fn members() -> Shelf<i64> {
    let member = Fingerprint::new("member");
    let whole = Fingerprint::new("shelf");
    tens(5).saying(whole.member("eu", &member).member("us", &member))
}

/// The forms in which a token of today's form may have been written. Members have none of the earlier ones.
fn forms(today: u8) -> RangeInclusive<u8> {
    match today {
        1 | 2 => 1..=today,
        _ => today..=today,
    }
}

/// The folder of a form.
fn folder(form: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{form}"))
}

/// The text in a golden file. With its line's end, as editors like it.
fn golden(form: u8, name: &str, written: &str) -> String {
    let file = folder(form).join(format!("{name}.txt"));
    if !file.exists() && std::env::var_os("KEYWALK_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&file, format!("{written}\n")).expect("the folder is there");
    }
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    text.strip_suffix('\n').expect("a line").to_owned()
}

#[test]
fn what_was_written_or_signed_is_read_and_written_to_the_very_same_text() {
    for shape in shapes() {
        let name = shape.name;
        let today = shape.token.as_bytes()[0];
        for form in forms(today) {
            let text = golden(form, name, &shape.token.to_string());
            let token: Token = text.parse().unwrap();
            assert_eq!(token == shape.token, form == today, "{name}");
            assert_eq!((shape.rest)(&token), shape.expected, "{name}");

            let signed = shape.token.sign(SECRET).to_string();
            let text = golden(form, &format!("{name}-signed"), &signed);
            assert_eq!(signed == text, form == today, "{name}");
            let verified = text.parse::<SignedToken>().unwrap().verify(SECRET);
            assert_eq!(verified, Ok(token), "{name}");
        }
    }
}

#[test]
fn every_golden_file_is_read() {
    for form in [1, 2, 3, 4] {
        let files = fs::read_dir(folder(form)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        let files: BTreeSet<String> = files.map(|file| stem(file.unwrap().path())).collect();
        let shapes = shapes().into_iter();
        let names = shapes
            .filter(|shape| forms(shape.token.as_bytes()[0]).contains(&form))
            .flat_map(|shape| [shape.name.to_owned(), format!("{}-signed", shape.name)]);
        assert_eq!(files, names.collect());
    }
}
