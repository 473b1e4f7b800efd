//! The lines of a file as a source.

use std::fs;
use std::ops::Bound;

use keywalk::{Error, KeyRange, Order, Walk};
use keywalk_job::{FileCheckpoints, Job, Lines, LinesError};
use proptest::prelude::*;

type Line = (u64, Vec<u8>);

fn walked(walk: Walk<Lines>) -> Result<Vec<Line>, Error<LinesError>> {
    walk.items().collect()
}

/// The lines of a text, found in the simplest way.
fn lines_of(text: &[u8]) -> Vec<Line> {
    let mut at = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let start = at;
        at += line.len() as u64;
        let ended = line
            .strip_suffix(b"\n")
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        (start, ended.unwrap_or(line).to_vec())
    });
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_walk_yields_the_lines_that_begin_in_its_range_and_a_cursor_stands_between_two(
        parts in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("a"), Just("bc\r")], 0..40),
        size in 1..5_usize,
        bounds in (0..50_u64, 0..60_u64),
        taken in 0..40_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let text = parts.concat();
        fs::write(&path, &text).unwrap();
        let all = lines_of(text.as_bytes());
        let walk = || Walk::new(Lines::new(&path)).chunk_size(size);
        prop_assert_eq!(&walked(walk()).unwrap(), &all);
        let whole = if text.ends_with('\n') { &all[..] } else { &all[..all.len().saturating_sub(1)] };
        prop_assert_eq!(walked(walk().unbounded()).unwrap(), whole);
        for range in [
            (Bound::Included(bounds.0), Bound::Excluded(bounds.1)),
            (Bound::Excluded(bounds.0), Bound::Included(bounds.1)),
        ] {
            // After the end of the file there was never a line.
            prop_assume!(range.0 != Bound::Excluded(bounds.0) || bounds.0 < text.len() as u64);
            let range = KeyRange::new(range, Order::Ascending);
            let expected = all.iter().filter(|(at, _)| range.may_contain(at)).cloned();
            let expected: Vec<_> = expected.collect();
            prop_assert_eq!(walked(walk().range(range)).unwrap(), expected);
        }
        let mut items = walk().items();
        let mut seen: Vec<_> = items.by_ref().take(taken).map(Result::unwrap).collect();
        let token = items.token().unwrap();
        seen.extend(walked(walk().resume_token(&token).unwrap()).unwrap());
        prop_assert_eq!(seen, all);
    }
}

#[test]
fn a_file_that_cannot_be_walked_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let walk = || Walk::new(Lines::new(&path).max_line_bytes(3));
    let refused = |walk: Walk<Lines>| match walked(walk) {
        Err(Error::Source(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(refused(walk()).io_error().is_some(), "it isn't there");
    fs::write(&path, "123\r\n123").unwrap();
    assert_eq!(walked(walk()).unwrap().len(), 2);
    let cursor = |walk: Walk<Lines>| walk.cursor().after(0);
    let too_long = "the line at byte 5 of ";
    // What an unbounded walk finds too long; the rest may still be written.
    for (text, unbounded) in [("1234\n", true), ("1234", false), ("123456", true)] {
        fs::write(&path, format!("123\r\n{text}")).unwrap();
        assert!(refused(walk()).to_string().contains(too_long), "{text}");
        assert_eq!(walked(walk().unbounded()).is_err(), unbounded, "{text}");
    }
    let descending = refused(walk().descending()).to_string();
    assert!(descending.contains("walk them ascending"), "{descending}");
    fs::write(&path, "").unwrap();
    for cursor in [cursor(walk()), cursor(walk().unbounded())] {
        let cut = refused(walk().resume(cursor)).to_string();
        assert!(cut.contains("cut or replaced"), "{cut}");
    }
}

#[test]
fn an_import_of_a_file_that_grows_does_each_whole_line_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let mut seen = Vec::new();
    for text in ["", "one", "one\ntwo\n", "one\ntwo\nth", "one\ntwo\nthree\n"] {
        fs::write(&path, text).unwrap();
        let walk = Walk::new(Lines::new(&path)).unbounded();
        let job = Job::new("import", walk, FileCheckpoints::new(folder.path()));
        let outcome = job.run(|(), lines| {
            seen.extend(
                lines
                    .iter()
                    .map(|(_, line)| String::from_utf8_lossy(line).into_owned()),
            );
            Ok(())
        });
        assert!(outcome.unwrap().is_done());
    }
    assert_eq!(seen, ["one", "two", "three"]);
}
