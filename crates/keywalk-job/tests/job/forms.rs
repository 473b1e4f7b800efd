//! What is printed of a job, and what is kept of it.

use std::time::{Duration, SystemTime};

use keywalk::Walk;
use keywalk_job::{Checkpoint, DeadLetterRecord, Job, from_unix_millis, unix_millis};

use crate::lab::{Lab, attempt, collect, millis};
use crate::numbers::Numbers;
use crate::store::Store;

#[test]
fn progress_and_outcome_are_shown_with_their_counts_and_printed_without_a_key() {
    let lab = Lab::new([1, 2, 987_654_321]);
    let (mut printed, mut shown) = (Vec::new(), String::new());
    let job = lab.job(4).skip_failures();
    let begun = format!("{job:?}");
    let job = job.on_progress(|progress| {
        printed.push(format!("{progress:?}"));
        shown = progress.to_string();
    });
    let (_, run) = attempt(job, |items, _| (items[0] > 1).then_some("bad"));
    let outcome = run.unwrap();
    assert_eq!(shown, "3 items (2 skipped), 100 %");
    let says = "done: 3 items (2 skipped) in 1 chunks, 0.00 s";
    assert_eq!(outcome.to_string(), says);
    let at = lab.store.at("job");
    assert_eq!(at.position(), Some("987654321"));
    printed.extend([begun, format!("{outcome:?}"), format!("{at:?}")]);
    for text in printed {
        assert!(text.contains("\"job\""), "the name: {text}");
        assert!(!text.contains("987654321"), "a key: {text}");
    }
}

#[test]
fn a_letter_says_what_a_store_has_put_into_it_and_prints_no_data() {
    let letter = DeadLetterRecord::new("77", vec![0, 77]);
    assert!(letter.error().is_empty());
    assert_eq!(letter.time(), SystemTime::UNIX_EPOCH);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    let letter = letter.failed_at(time).failed_with("no 77");
    assert_eq!((letter.key(), letter.key_bytes()), ("77", &[0, 77][..]));
    assert_eq!((letter.error(), letter.time()), ("no 77", time));
    assert!(!format!("{letter:?}").contains("77"));
}

#[test]
fn a_checkpoint_is_read_from_what_it_writes_and_from_an_earlier_release() {
    let store = Store::default();
    let job = Job::new("a \"job\"\n", Walk::new(Numbers::new(0..4)), store.clone());
    assert!(collect(job).1.unwrap().is_done());
    let checkpoint = store.at("a \"job\"\n");
    let json = checkpoint.to_json();
    assert!(!json.contains('\n'), "on one line");
    for json in [&json, &format!("{json}\n")] {
        assert_eq!(Checkpoint::from_json(json).unwrap(), checkpoint);
    }
    // With serde's own form, which has no checksum, what a later release adds is passed over.
    let bare = serde_json::to_string(&checkpoint).unwrap();
    let more = bare.replacen('{', "{\"later\": [1, 2],", 1);
    let read: Checkpoint = serde_json::from_str(&more).unwrap();
    assert_eq!(read, checkpoint);
    assert!(Checkpoint::from_json(&bare).is_err());
}

#[test]
fn a_checkpoint_of_which_any_byte_was_changed_is_refused() {
    let lab = Lab::new(0..40);
    assert!(collect(lab.job(512)).1.unwrap().is_done());
    let json = lab.store.at("job").to_json();
    for at in 0..json.len() {
        assert!(Checkpoint::from_json(&json[..at]).is_err(), "cut at {at}");
        for byte in (0..=127).filter(|byte| *byte != json.as_bytes()[at]) {
            let mut damaged = json.clone().into_bytes();
            damaged[at] = byte;
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(Checkpoint::from_json(&damaged).is_err(), "{damaged}");
        }
    }
}

#[test]
fn a_time_comes_back_to_the_millisecond_and_what_is_before_1970_is_1970() {
    let epoch = SystemTime::UNIX_EPOCH;
    for time in [0, 1, 999, 1_000, 1_764_214_226_123] {
        assert_eq!(unix_millis(from_unix_millis(time)), time);
    }
    assert_eq!(unix_millis(epoch + Duration::from_nanos(1_999_999)), 1);
    assert_eq!(from_unix_millis(1_500), epoch + millis(1_500));
    assert_eq!(unix_millis(epoch - Duration::from_secs(1)), 0);
    assert_eq!(from_unix_millis(-1), epoch);
    assert_eq!(from_unix_millis(i64::MIN), epoch);
}
