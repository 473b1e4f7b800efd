//! The same walks, cut and resumed alike, beside the same changes, over every store: they hand out the
//! same.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_conformance::{Beside, Config, Harness, Trace, traces};
use keywalk_tests::stores::sled::SledHarness;
use keywalk_tests::stores::sqlite::{Clustered, Joined, SqliteHarness};
use keywalk_tests::stores::{LentMap, LentSlice, SharedMapHarness, SkipListHarness};

/// The walks over a store are those over a map behind a lock.
struct Alike<'a, K> {
    config: &'a Config,
    beside: Beside,
    expected: &'a [Trace<K>],
}

impl<K: PartialEq + Debug> Alike<'_, K> {
    fn of<H: Harness<Key = K>>(&self) {
        let Alike {
            config,
            beside,
            expected,
        } = self;
        let traces = match traces::<H>(config, *beside) {
            Ok(traces) => traces,
            Err(failure) => panic!("{}: {failure}", std::any::type_name::<H>()),
        };
        for (number, (trace, expected)) in traces.iter().zip(*expected).enumerate() {
            let name = std::any::type_name::<H>();
            assert_eq!(trace, expected, "walk {number} of {name}, {config:?}");
        }
        assert_eq!(traces.len(), expected.len());
    }
}

/// Beside changes, and beside nothing: what is borrowed can't change.
macro_rules! every_store_hands_out_the_same {
    ($($by:ident: $key:ty;)+) => {$(
        #[test]
        fn $by() {
            let config = &Config::default();
            for beside in [Beside::Changes, Beside::Nothing] {
                let expected = traces::<SharedMapHarness<$key>>(config, beside).unwrap();
                assert!(expected.iter().any(|trace| trace.len() > 3), "{config:?}");
                let alike = Alike {
                    config,
                    beside,
                    expected: &expected,
                };
                alike.of::<SkipListHarness<$key>>();
                alike.of::<SledHarness<$key>>();
                alike.of::<SqliteHarness<$key, Clustered>>();
                alike.of::<SqliteHarness<$key, Joined>>();
                if beside == Beside::Nothing {
                    alike.of::<LentMap<$key>>();
                    alike.of::<LentSlice<$key>>();
                }
            }
        }
    )+};
}

every_store_hands_out_the_same! {
    by_integers: i64;
    by_text: String;
    by_bytes: Vec<u8>;
    by_integers_and_text_descending: (i64, Reverse<String>);
}
