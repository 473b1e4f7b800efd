use std::cell::Cell;

use super::*;

thread_local! {
    /// How many ranges and entries were read.
    static READ: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

pub(super) fn count(ranges: usize, entries: usize) {
    let before = READ.get();
    READ.set((before.0 + ranges, before.1 + entries));
}

/// Scans down in chunks. Returns how many entries were read per key, and how many ranges per chunk.
fn cost(keys: &[Vec<u8>], wanted: usize) -> (f64, f64) {
    READ.set((0, 0));
    let db = sled::Config::new().temporary(true).open().unwrap();
    for key in keys {
        db.insert(key, "").unwrap();
    }
    let mut descent = Descent::default();
    let mut found: Vec<Vec<u8>> = Vec::new();
    loop {
        let top = found.last().cloned();
        let upper = top.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let end = found.len() + wanted;
        let mut each = |key: &[u8], _: &[u8]| {
            found.push(key.to_vec());
            match found.len() < end {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let scanned = descent.scan(&db, (Bound::Unbounded, upper), &mut each);
        assert!(descent.stretch.is_empty(), "no entry is kept");
        if scanned.unwrap().is_continue() {
            break;
        }
    }
    assert!(found.iter().eq(keys.iter().rev()));
    let (ranges, entries) = READ.get();
    let each = found.len() as f64;
    (entries as f64 / each, (ranges * wanted) as f64 / each)
}

#[test]
fn each_entry_is_read_about_twice_however_keys_lie() {
    let mixed = |n: u64| n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = |n: u64, most: u64| vec![0xff; usize::try_from(n % most).unwrap()];
    type MakeKey<'a> = &'a dyn Fn(u64) -> Vec<u8>;
    let key_spaces: [(&str, MakeKey<'_>); 9] = [
        ("dense", &|n| n.to_be_bytes().to_vec()),
        ("random", &|n| mixed(n).to_be_bytes().to_vec()),
        ("skewed", &|n| (mixed(n) >> (n % 50)).to_be_bytes().to_vec()),
        ("around 0", &|n| {
            (n ^ 1 << 63).wrapping_sub(1_500).to_be_bytes().to_vec()
        }),
        ("text", &|n| {
            format!("https://example.com/{}/{n}", mixed(n) % 40).into()
        }),
        ("tenants", &|n| {
            [(mixed(n) % 300).to_be_bytes(), n.to_be_bytes()].concat()
        }),
        ("one number", &|n| vec![0; bytes(n, 500).len()]),
        ("stairs", &|n| {
            [bytes(n, 750), mixed(n).to_be_bytes()[..2].to_vec()].concat()
        }),
        ("long", &|n| {
            [
                vec![mixed(n).to_be_bytes()[0] % 3; 5_000],
                n.to_be_bytes().into(),
            ]
            .concat()
        }),
    ];
    for (name, key) in key_spaces {
        let mut keys: Vec<Vec<u8>> = (0..3_000).map(key).collect();
        keys.sort();
        keys.dedup();
        // The first chunk's search counts for more if there are few chunks.
        for (wanted, most_entries, most_ranges) in [
            (1, 6.0, 2.0),
            (10, 3.0, 8.0),
            (100, 2.5, 80.0),
            (1_000, 2.5, 800.0),
        ] {
            let (entries, ranges) = cost(&keys, wanted);
            assert!(
                entries < most_entries && ranges < most_ranges,
                "{name}, {wanted}: {entries:.2} entries for each, {ranges:.2} ranges per chunk"
            );
        }
    }
}

#[test]
fn half_way_is_exact_and_a_prefix_ends_where_its_keys_do() {
    for (low, high, half) in [
        (&b"\x10"[..], Some(&b"\x30"[..]), &b"\x20\0"[..]),
        (b"\x10", Some(b"\x11"), b"\x10\x80"),
        (b"", None, b"\x80"),
        (b"\xff\xfe", None, b"\xff\xff\0"),
        (b"a\xff\xff\xff", Some(b"b"), b"a\xff\xff\xff\x80"),
        (b"\xf0", Some(b"\xf0\x01"), b"\xf0\0\x80"),
    ] {
        assert_eq!(middle(low, high), half, "{low:x?}");
    }
    for (low, high, more, end) in [
        (&b"abcd"[..], Some(&b"ax"[..]), 1, Some(&b"ac"[..])),
        (b"abcd", None, 2, Some(b"ac")),
        (b"ab\xff\xff", Some(b"b"), 4, Some(b"ac")),
        (b"\xff\xff", None, 2, None),
        (b"ab", Some(b"ax"), 2, None),
    ] {
        assert_eq!(after_prefix(low, high, more).as_deref(), end, "{low:x?}");
    }
}
