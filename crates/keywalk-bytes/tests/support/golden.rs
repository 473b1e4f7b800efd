//! Tokens that an earlier release wrote, a file each, in the folder of their form's version. Not this
//! crate's: what the stores' tests share.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::ops::Bound;
use std::path::Path;

use keywalk::{ChunkSource, Items, Order, ResumableSource, Walk};

use crate::samples::Sample;
use crate::walks::{ORDERS, rest};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1");

/// The files that were read.
#[derive(Default)]
pub(crate) struct Golden {
    names: BTreeSet<String>,
}

impl Golden {
    /// That the file's token gives the rest of the walk, and is what the walk's cursor is written as today.
    ///
    /// A file that is missing is written if `KEYWALK_BLESS` is 1; one that is there never is.
    pub(crate) fn check<S>(&mut self, name: &str, walked: &Items<S>, again: S, left: &[S::Key])
    where
        S: ChunkSource<Key: Debug, Error: Debug> + ResumableSource,
    {
        let name = format!("{name}.txt");
        let path = Path::new(FOLDER).join(&name);
        let today = walked
            .token()
            .expect("the source says what it is")
            .to_string();
        if !path.exists() && std::env::var("KEYWALK_BLESS").is_ok_and(|bless| bless == "1") {
            fs::create_dir_all(FOLDER).expect("it can be made");
            fs::write(&path, format!("{today}\n")).expect("it can be written");
        }
        let file = fs::read_to_string(&path);
        let file = file.unwrap_or_else(|error| {
            panic!("{name}: {error}; KEYWALK_BLESS=1 writes it, once and for all")
        });
        let text = file.trim_end();
        assert_eq!(rest(again, text, 2), left, "{name}");
        assert_eq!(text, today, "{name}: no release writes it differently");
        self.names.insert(name);
    }

    /// In the middle of walks over the fixed keys of a type, in both orders, bounded and live.
    pub(crate) fn check_walks<K: Sample, S>(&mut self, source: impl Fn() -> S)
    where
        S: ChunkSource<Key = K, Error: Debug> + ResumableSource,
    {
        for order in ORDERS {
            let mut keys = K::fixed();
            if order == Order::Descending {
                keys.reverse();
            }
            let walk = || Walk::new(source()).order(order).chunk_size(2);
            let direction = match order {
                Order::Ascending => "ascending",
                Order::Descending => "descending",
            };
            for (stage, walk) in [("bounded", walk()), ("live", walk().unbounded())] {
                let mut items = walk.items();
                assert_eq!(items.by_ref().take(3).filter(Result::is_ok).count(), 3);
                let name = format!("{}-{direction}-{stage}", K::NAME);
                self.check(&name, &items, source(), &keys[3..]);
            }
        }
    }

    /// Before a walk, after it, and of one over a part: of six keys, the outermost ones beyond the part.
    pub(crate) fn check_places<S>(&mut self, source: impl Fn() -> S, keys: &[i64])
    where
        S: ChunkSource<Key = i64, Error: Debug> + ResumableSource,
    {
        let start = Walk::new(source()).items();
        self.check("i64-start", &start, source(), keys);
        let mut done = Walk::new(source()).items();
        assert_eq!(done.by_ref().filter(Result::is_ok).count(), 6);
        self.check("i64-done", &done, source(), &[]);
        let range = (Bound::Excluded(-300), Bound::Included(255));
        let range = Walk::new(source()).range(range).descending();
        self.check("i64-range", &range.items(), source(), &[255, 0, -1]);
    }

    /// What was written once is read for ever.
    pub(crate) fn finish(self) {
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let files = fs::read_dir(FOLDER).expect("it is there");
        let files: BTreeSet<String> = files
            .map(|entry| name(entry.expect("it can be read")))
            .collect();
        assert_eq!(files, self.names, "each file is read");
    }
}
