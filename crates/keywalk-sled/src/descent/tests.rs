use super::*;
use std::cell::Cell;

thread_local! {
    static READ: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

pub(super) fn count(ranges: usize, entries: usize) {
    let before = READ.get();
    READ.set((before.0 + ranges, before.1 + entries));
}

fn cost(keys: &[Vec<u8>], wanted: usize) -> (f64, f64, (usize, usize)) {
    READ.set((0, 0));
    let db = sled::Config::new()
        .temporary(true)
        .open()
        .expect("it opens");
    for key in keys {
        db.insert(key, "").expect("it can be written");
    }
    let mut backward = Descent::default();
    let mut upper: Option<IVec> = None;
    let mut walked = 0;
    let mut first = None;
    loop {
        let bound = upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut chunk = Vec::new();
        let ended = backward
            .scan(&db, (Bound::Unbounded, bound), &mut |key: &[u8], _| {
                chunk.push(IVec::from(key));
                if chunk.len() < wanted {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
            .unwrap_or_else(|_| panic!("it is read"));
        first.get_or_insert(READ.get());
        walked += chunk.len();
        if ended.is_continue() {
            break;
        }
        upper = chunk.pop();
    }
    assert_eq!(walked, keys.len());
    let (ranges, entries) = READ.get();
    (
        entries as f64 / walked as f64,
        (ranges * wanted) as f64 / walked as f64,
        first.unwrap(),
    )
}

#[test]
fn about_as_much_is_read_as_is_wanted_however_keys_lie() {
    let count = std::env::var("COUNT").map_or(3_000_u64, |c| c.parse().unwrap());
    let mixed = |n: u64| n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    type MakeKey<'a> = &'a dyn Fn(u64) -> Vec<u8>;
    let key_spaces: [(&str, MakeKey<'_>); 9] = [
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
        ("long", &|n| {
            [&vec![(n % 3) as u8; 5_000][..], &n.to_be_bytes()].concat()
        }),
        ("tenants", &|n| {
            [(mixed(n) % (1 + n % 300)).to_be_bytes(), n.to_be_bytes()].concat()
        }),
        ("staircase", &|n| {
            let n = n as usize % 3000;
            [vec![0xff; n / 4], vec![n as u8 % 4 * 60; n % 4]].concat()
        }),
    ];
    for (name, key) in key_spaces {
        let count = if matches!(name, "long" | "one number" | "staircase") {
            count.min(4000)
        } else {
            count
        };
        let mut keys: Vec<Vec<u8>> = (0..count).map(key).collect();
        keys.sort();
        keys.dedup();
        for wanted in [1, 10, 100, 512, 1_000] {
            let (entries, ranges, first) = cost(&keys, wanted);
            println!(
                "{name}, {wanted}: {entries:.2} entries each, {ranges:.2} ranges a chunk, first {first:?} of {}",
                keys.len()
            );
        }
    }
}
