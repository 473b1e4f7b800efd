use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use keywalk::Walk;

use super::*;

thread_local! {
    /// How many ranges and entries were read.
    static READ: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

pub(super) fn count(ranges: usize, entries: usize) {
    let before = READ.get();
    READ.set((before.0 + ranges, before.1 + entries));
}

/// Walks down in chunks. Returns how many entries were read per wanted entry, and how many ranges per chunk.
fn cost(keys: &[Vec<u8>], wanted: usize) -> (f64, f64) {
    READ.set((0, 0));
    let db = sled::Config::new()
        .temporary(true)
        .open()
        .expect("it opens");
    for key in keys {
        db.insert(key, "").expect("it can be written");
    }
    let mut backward = Backward::default();
    let mut upper: Option<IVec> = None;
    let mut walked = 0;
    loop {
        let bound = upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut chunk = Vec::new();
        let ended = backward
            .fetch(&db, (Bound::Unbounded, bound), wanted, |key, _| {
                chunk.push(key.clone());
                Ok::<_, Fault>(chunk.len() < wanted)
            })
            .unwrap_or_else(|_| panic!("it is read"));
        assert!(backward.stretch.is_empty());
        walked += chunk.len();
        if ended {
            break;
        }
        upper = chunk.pop();
    }
    assert_eq!(walked, keys.len());
    let (ranges, entries) = READ.get();
    (
        entries as f64 / walked as f64,
        (ranges * wanted) as f64 / walked as f64,
    )
}

#[test]
fn about_as_much_is_read_as_is_wanted_however_keys_lie() {
    let count = 3_000_u64;
    let mixed = |n: u64| n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    type MakeKey<'a> = &'a dyn Fn(u64) -> Vec<u8>;
    let key_spaces: [(&str, MakeKey<'_>); 6] = [
        ("dense", &|n| n.to_be_bytes().to_vec()),
        ("random", &|n| mixed(n).to_be_bytes().to_vec()),
        ("skewed", &|n| (mixed(n) >> (n % 50)).to_be_bytes().to_vec()),
        ("around zero", &|n| {
            (n ^ 1 << 63).wrapping_sub(count / 2).to_be_bytes().to_vec()
        }),
        ("text", &|n| {
            format!("https://example.com/{}/{n}", mixed(n) % 40).into_bytes()
        }),
        ("one number", &|n| {
            vec![0; usize::try_from(n / 6).expect("it is small")]
        }),
    ];
    for (name, key) in key_spaces {
        let mut keys: Vec<Vec<u8>> = (0..count).map(key).collect();
        keys.sort();
        keys.dedup();
        // The first chunk's search for a start counts for more if there are few chunks.
        for (wanted, most_entries, most_ranges) in [
            (1, 7.0, 2.0),
            (10, 3.0, 5.0),
            (100, 2.5, 10.0),
            (1_000, 3.0, 100.0),
        ] {
            let (entries, ranges) = cost(&keys, wanted);
            assert!(
                entries < most_entries && ranges < most_ranges,
                "{name}, {wanted}: {entries:.2} entries each, {ranges:.2} ranges a chunk"
            );
        }
    }
}

/// As in a walk by bytes: a fetch ends before the chunk's limit, at a point that isn't known beforehand.
#[test]
fn a_walk_by_bytes_reads_about_as_much_as_it_takes_and_not_up_to_the_limit() {
    let db = sled::Config::new()
        .temporary(true)
        .open()
        .expect("it opens");
    for n in 0..3_000_u64 {
        db.insert(n.to_be_bytes(), "").expect("it can be written");
    }
    for (items, most) in [(1, 30.0), (10, 4.0), (100, 3.0)] {
        let walk = Walk::new(crate::Tree::<u64>::new((*db).clone())).descending();
        let walk = walk.chunk_size(1_000).chunk_bytes_with(8 * items, |_| 8);
        READ.set((0, 0));
        let keys = walk.items().map(|item| item.map(|(key, _)| key));
        let keys: Vec<u64> = keys.collect::<Result<_, _>>().expect("it is read");
        assert!(keys.into_iter().eq((0..3_000).rev()));
        let each = READ.get().1 as f64 / 3_000.0;
        assert!(each < most, "{items}: {each:.2} entries for each");
    }
}

#[test]
fn keys_that_differ_behind_thousands_of_bytes_are_found_in_finite_steps() {
    let key = |n: u16| {
        let stem = vec![u8::try_from(n % 3).expect("it is small"); 5_000];
        [&stem[..], &n.to_be_bytes()].concat()
    };
    let mut keys: Vec<Vec<u8>> = (0..600).map(key).collect();
    keys.sort();
    for wanted in [1, 10, 100] {
        let (_, ranges) = cost(&keys, wanted);
        let all = ranges * 600.0 / wanted as f64;
        assert!(all < 4_000.0, "{wanted}: {all} ranges");
    }
}

#[test]
fn what_is_taken_may_panic_and_no_entry_is_kept() {
    let db = sled::Config::new()
        .temporary(true)
        .open()
        .expect("it opens");
    for key in 0..9_u8 {
        db.insert([key], "").expect("it can be written");
    }
    let mut backward = Backward::default();
    let all = (Bound::Unbounded, Bound::Unbounded);
    // Unlike `panic!` this prints nothing.
    let take = |_: &IVec, _| -> Result<bool, Fault> { panic::resume_unwind(Box::new(7)) };
    let fetch = AssertUnwindSafe(|| backward.fetch(&db, all, 5, take).is_ok());
    assert!(panic::catch_unwind(fetch).is_err());
    assert!(backward.stretch.is_empty());
}
