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
    let entries = fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<Vec<_>, _>>()
    });
    let mut files = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.sort();
    files
}

/// The names in a folder, without what stands behind a dot.
fn names(path: &str) -> BTreeSet<String> {
    let files = files(&folder(path));
    let stems = files.iter().filter_map(|file| file.file_stem());
    stems.map(|stem| stem.to_string_lossy().into()).collect()
}

fn replay(kind: &str, target: &str) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.unwrap_or_else(|| panic!("{kind}/{target} is of no fuzzer"));
    for file in files(&folder(kind).join(target)) {
        let input = fs::read(&file).expect("what is listed can be read");
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
    core_token,
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
