//! Files that are damaged anywhere, before the database is opened or after.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::LazyLock;

use keywalk::{Order, Walk};
use keywalk_sled::{SledErrorKind, Tree};
use proptest::prelude::*;

use crate::child::{Ended, run, say};
use crate::files::{self, Files, value};
use crate::trees::{self, ORDERS, walk};

const ROWS: u64 = 300;

/// What is done to a file: whether before it is opened, which one, how, from which part of it on (in 1 /
/// 65536), and for how many bytes.
type Damage = [usize; 5];

const FLIP: usize = 0;
const ZERO: usize = 1;
const CUT: usize = 2;
/// Bytes of the file itself, from elsewhere: whole and in the wrong place.
const COPY: usize = 3;
const REMOVE: usize = 4;

fn damages() -> impl Strategy<Value = Damage> {
    let rarely = prop_oneof![Just(CUT), Just(REMOVE)];
    let how = prop_oneof![4 => Just(FLIP), 3 => Just(ZERO), 3 => Just(COPY), 2 => rarely];
    let length = prop_oneof![1..40_usize, Just(2_048), 1..20_000_usize];
    let place = 0..65_536_usize;
    (0..2_usize, place.clone(), how, place, length)
        .prop_map(|(before_opening, file, how, at, length)| [before_opening, file, how, at, length])
}

fn apply([_, file, how, at, length]: Damage, directory: &Path) {
    let file = choose(file, directory);
    if how == REMOVE {
        return fs::remove_file(file).expect("it can be removed");
    }
    let mut bytes = fs::read(&file).expect("it is readable");
    let at = bytes.len() * at / 65_536;
    let end = bytes.len().min(at + length);
    match how {
        FLIP if at < bytes.len() => bytes[at] ^= 1 << (length % 8),
        ZERO => bytes[at..end].fill(0),
        CUT => bytes.truncate(at),
        // From the segment before or, in the first one, from the last.
        COPY => {
            let from = at.checked_sub(2_048).unwrap_or(bytes.len() - (end - at));
            bytes.copy_within(from..from + (end - at), at);
        }
        _ => {}
    }
    // In place: sled has the file open.
    fs::write(file, bytes).expect("it is writable");
}

/// Half the time the log, otherwise any file.
fn choose(file: usize, directory: &Path) -> PathBuf {
    let mut others = Vec::new();
    for directory in [directory.to_owned(), directory.join("blobs")] {
        for entry in fs::read_dir(directory).expect("it is there") {
            let path = entry.expect("it is readable").path();
            if path.is_file() && !path.ends_with("db") {
                others.push(path);
            }
        }
    }
    others.sort();
    match file % 2 {
        1 => others.swap_remove(file / 2 % others.len()),
        _ => directory.join("db"),
    }
}

/// In a child: damages a database and walks it in every way. What is said last tells how far it came.
pub(crate) fn damage_and_walk(directory: &Path, damage: &str) {
    let numbers = damage
        .split(' ')
        .map(|number| number.parse().expect("it is a number"));
    let damage: Damage = numbers
        .collect::<Vec<_>>()
        .try_into()
        .expect("it is a damage");
    let before_opening = damage[0] == 1;
    if before_opening {
        apply(damage, directory);
    }
    say("opening");
    let opened = panic::catch_unwind(AssertUnwindSafe(|| files::open(directory)));
    let Ok(Ok(db)) = opened else {
        say("refused");
        process::exit(0);
    };
    if !before_opening {
        apply(damage, directory);
    }
    say("reading");
    let read = Read::of(&db);
    say("walking");
    let mut kinds = BTreeMap::new();
    for order in ORDERS {
        // Where sled looks a million times before it panics, each walk takes a second.
        for (size, live) in [(1, true), (16, true), (1_000, true), (16, false)] {
            let walk = walk(&db).order(order);
            let walk = if live { walk.unbounded() } else { walk };
            let kind = read.check(walk.chunk_size(size), order, size, live);
            *kinds.entry(format!("{kind:?}")).or_insert(0) += 1;
        }
    }
    say(&format!("walked: {kinds:?}"));
    // Without sled's own end, which writes to the damaged files.
    process::exit(0);
}

/// What sled itself reads.
struct Read<'a> {
    tree: &'a sled::Tree,
    /// From the lowest key on, until it fails.
    up: Vec<u64>,
    failed: bool,
}

impl<'a> Read<'a> {
    fn of(tree: &'a sled::Tree) -> Self {
        let mut up = Vec::new();
        let whole = panic::catch_unwind(AssertUnwindSafe(|| {
            for entry in tree.iter() {
                let (key, found) = entry?;
                let key = u64::from_be_bytes(key[..].try_into().expect("it was written"));
                assert_eq!(found, value(key), "it was written");
                up.push(key);
            }
            Ok::<_, sled::Error>(())
        }));
        let failed = !matches!(whole, Ok(Ok(())));
        Read { tree, up, failed }
    }

    fn has(&self, key: u64) -> bool {
        let get = || self.tree.get(key.to_be_bytes());
        matches!(panic::catch_unwind(AssertUnwindSafe(get)), Ok(Ok(Some(_))))
    }

    /// Good rows and then one error, or what sled itself reads, exactly.
    fn check(
        &self,
        walk: Walk<Tree<u64>>,
        order: Order,
        size: usize,
        live: bool,
    ) -> Option<SledErrorKind> {
        let mut chunks = walk.chunks();
        let mut keys = Vec::new();
        let kind = loop {
            match chunks.next() {
                Ok(Some(items)) => keys.extend(items.iter().map(|(key, found)| {
                    assert_eq!(*found, value(*key));
                    *key
                })),
                Ok(None) => break None,
                Err(keywalk::Error::Source(error)) => break Some(trees::kind(&error).unwrap()),
                Err(other) => panic!("{other:?}"),
            }
        };
        assert!(matches!(chunks.next(), Ok(None)), "it is fused");
        assert_eq!(kind.is_some(), self.failed, "what sled can't read");
        let unread = |key: &&u64| !self.up.contains(key);
        let made_up = keys.iter().filter(unread).find(|key| !self.has(**key));
        assert_eq!(made_up, None, "sled has it not");
        if order == Order::Ascending {
            // After damage sled itself may end early without a word, and find the rest the next time.
            let is_more = keys.starts_with(&self.up);
            assert!(is_more || kind.is_some(), "{keys:?} of {:?}", self.up);
            assert!(
                is_more || self.up.starts_with(&keys),
                "{keys:?} of {:?}",
                self.up
            );
            let lost = self.up.len().saturating_sub(keys.len());
            assert!(lost < size || !live, "the rows before the damage come");
        } else if kind.is_some() {
            assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
            let last = keys.last().copied().unwrap_or(ROWS);
            let skipped = (last..ROWS).find(|key| !keys.contains(key) && self.has(*key));
            assert_eq!(skipped, None, "{keys:?}");
        } else {
            keys.reverse();
            assert!(keys.starts_with(&self.up), "{keys:?} of {:?}", self.up);
        }
        kind
    }
}

/// A database that all cases copy.
static ORIGINAL: LazyLock<Files> = LazyLock::new(|| Files::written(0..ROWS));

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("it is there") {
        let from = entry.expect("it is readable").path();
        let to = to.join(from.file_name().expect("it has a name"));
        if from.is_dir() {
            fs::create_dir(&to).expect("it is new");
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("there is room");
        }
    }
}

/// The last word of a child that damages and walks a copy.
fn outcome(damage: Damage) -> Result<String, TestCaseError> {
    let directory = tempfile::tempdir()?;
    copy(ORIGINAL.path(), directory.path());
    let (said, ended) = run(
        &damage.map(|number| number.to_string()).join(" "),
        directory.path(),
    );
    let last = said.last().cloned().unwrap_or_default();
    match (last.as_str(), &ended) {
        ("refused", Ended::Well) => Ok(last),
        (walked, Ended::Well) if walked.starts_with("walked") => Ok(last),
        // sled itself, before anything was walked.
        ("opening" | "reading", Ended::Badly | Ended::Hung) => Ok(format!("{last}: {ended:?}")),
        _ => Err(TestCaseError::fail(format!("{ended:?}: {said:?}"))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_damaged_database_gives_good_rows_and_then_one_error_whatever_the_damage(
        damage in damages(),
    ) {
        outcome(damage)?;
    }
}
