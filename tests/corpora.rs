//! What fuzzing kept, and what it once found, through the fuzzers' targets again.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use keywalk_fuzz_targets::TARGETS;

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz")
        .join(path)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.sort();
    files
}

/// The names in a folder, without what stands behind a dot.
fn names(path: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(&folder(path)).into_iter().map(stem).collect()
}

fn replay(kind: &str, target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    for file in files(&folder(kind).join(target)) {
        let input = fs::read(&file).unwrap();
        let outcome = catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{} fails", file.display());
    }
}

macro_rules! every_input_passes {
    ($($target:ident),+ $(,)?) => {
        mod every_kept_input_passes {
            $(#[test]
            fn $target() {
                super::replay("corpus", stringify!($target));
            })+
        }

        #[test]
        fn every_fuzzer_is_replayed() {
            let replayed = BTreeSet::from([$(stringify!($target).to_owned()),+]);
            assert_eq!(replayed, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
            for path in ["fuzz_targets", "corpus"] {
                assert_eq!(names(path), replayed, "{path}");
            }
        }
    };
}

every_input_passes! {
    core_state,
    sled_key,
    sled_schedule,
    sqlite_key,
    sqlite_names,
    sqlite_schedule,
}

#[test]
fn every_input_that_once_failed_passes() {
    for target in names("regressions") {
        replay("regressions", &target);
    }
}
