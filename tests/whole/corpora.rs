//! Runs the fuzz targets on the corpora, and on the inputs that fuzzing found to fail.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

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

/// Returns the names in a folder, without their extensions.
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

#[test]
fn every_kept_input_passes() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for path in ["fuzz_targets", "corpus"] {
        assert_eq!(names(path), targets, "{path}");
    }
    thread::scope(|scope| {
        for target in &targets {
            scope.spawn(|| replay("corpus", target));
        }
    });
}

#[test]
fn every_input_that_once_failed_passes() {
    for target in names("regressions") {
        replay("regressions", &target);
    }
}
