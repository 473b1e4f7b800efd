//! Runs the same walks over every store, cut and resumed alike, with the same concurrent changes. They must yield the
//! same items.

use std::cmp::Reverse;

use keywalk_conformance::{Concurrent, Config, Harness, Trace, traces};
use keywalk_tests::stores::sled::SledHarness;
use keywalk_tests::stores::sqlite::{Clustered, Joined, SqliteHarness};
use keywalk_tests::stores::{LentMap, LentSlice, SharedMapHarness, SkipListHarness};

/// Checks that walks over a store are the same as those over a map behind a lock.
fn alike<H: Harness<Key: PartialEq>>(
    config: &Config,
    concurrent: Concurrent,
    expected: &[Trace<H::Key>],
) {
    let name = std::any::type_name::<H>();
    let traces =
        traces::<H>(config, concurrent).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    for (number, (trace, expected)) in traces.iter().zip(expected).enumerate() {
        assert_eq!(trace, expected, "walk {number} of {name}, {config:?}");
    }
    assert_eq!(traces.len(), expected.len(), "{name}");
}

/// With and without concurrent changes: what is borrowed can't change.
macro_rules! every_store_yields_the_same {
    ($($by:ident: $key:ty;)+) => {$(
        #[test]
        fn $by() {
            let config = &Config::default();
            for concurrent in [Concurrent::Changes, Concurrent::Nothing] {
                let expected = traces::<SharedMapHarness<$key>>(config, concurrent).unwrap();
                assert!(expected.iter().any(|trace| trace.len() > 3), "{config:?}");
                alike::<SkipListHarness<$key>>(config, concurrent, &expected);
                alike::<SledHarness<$key>>(config, concurrent, &expected);
                alike::<SqliteHarness<$key, Clustered>>(config, concurrent, &expected);
                alike::<SqliteHarness<$key, Joined>>(config, concurrent, &expected);
                if concurrent == Concurrent::Nothing {
                    alike::<LentMap<$key>>(config, concurrent, &expected);
                    alike::<LentSlice<$key>>(config, concurrent, &expected);
                }
            }
        }
    )+};
}

every_store_yields_the_same! {
    by_integers: i64;
    by_text: String;
    by_bytes: Vec<u8>;
    by_integers_and_text_descending: (i64, Reverse<String>);
}
