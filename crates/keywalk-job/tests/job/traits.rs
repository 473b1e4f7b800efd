//! What the types are.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use keywalk::Walk;
use keywalk_job::{
    Buried, Checkpoint, CheckpointFiles, Clock, DeadLetter, Ended, Error, FileError, Job, Lease,
    NotACheckpoint, Outcome, Progress, Stop,
};

use crate::numbers::{Broken, Numbers};
use crate::store::{Failed, Store};

#[test]
fn they_can_be_sent_shared_and_printed() {
    fn all<T: Send + Sync + Debug>() {}
    all::<Buried>();
    all::<Checkpoint>();
    all::<CheckpointFiles>();
    all::<DeadLetter<'_>>();
    all::<Ended>();
    all::<Error<Broken, Failed>>();
    all::<FileError>();
    all::<NotACheckpoint>();
    all::<Outcome>();
    all::<Progress<'_, u32>>();
    all::<Stop>();
    fn sent<T: Send + Debug>() {}
    sent::<Lease>();
    fn printed<T: Debug + ?Sized>() {}
    printed::<dyn Clock>();
    printed::<Job<'_, Numbers, Store>>();
    // Also of a key that can't be printed.
    struct Secret;
    printed::<Progress<'_, Secret>>();
}

#[test]
fn errors_are_errors() {
    fn error<T: StdError + Send + Sync + 'static>() {}
    error::<Error<Broken, Failed>>();
    error::<FileError>();
    error::<NotACheckpoint>();
}

#[test]
fn what_is_printed_holds_no_key() {
    let store = Store::default();
    store.get().buries = true;
    let walk = Walk::new(Numbers::new([987_654_321]));
    let mut printed = Vec::new();
    let job = Job::new("print", walk, store.clone())
        .skip_failures()
        .on_progress(|progress| printed.push(format!("{progress:?}")));
    let begun = format!("{job:?}");
    let outcome = job.run(|_, _| Err("bad".into())).unwrap();
    printed.extend([
        begun,
        format!("{outcome:?}"),
        format!("{:?}", store.at("print")),
    ]);
    assert_eq!(store.at("print").position(), Some("987654321"));
    for text in printed {
        assert!(text.contains("print"), "the name: {text}");
        assert!(!text.contains("987654321"), "a key: {text}");
    }
}

#[test]
fn a_letter_that_is_printed_shows_no_data() {
    let letter = Buried::new("77", vec![77]).failed_with("no 77");
    assert!(!format!("{letter:?}").contains("77"));
}

#[test]
fn a_letter_says_what_a_store_has_put_into_it() {
    let letter = Buried::new("7", vec![0, 7]);
    assert_eq!(
        (letter.error(), letter.time()),
        ("", SystemTime::UNIX_EPOCH)
    );
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let letter = letter.failed_at(time).failed_with("no 7");
    assert_eq!((letter.key(), letter.key_bytes()), ("7", &[0, 7][..]));
    assert_eq!((letter.error(), letter.time()), ("no 7", time));
}

#[test]
fn a_checkpoint_is_read_from_what_it_writes_and_from_an_earlier_release() {
    let store = Store::default();
    let job = Job::new("a \"job\"\n", Walk::new(Numbers::new(0..4)), store.clone());
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    let checkpoint = store.at("a \"job\"\n");
    let json = checkpoint.to_json();
    assert!(!json.contains('\n'), "on one line");
    assert_eq!(Checkpoint::from_json(&json).unwrap(), checkpoint);
    assert_eq!(
        Checkpoint::from_json(&format!("{json}\n")).unwrap(),
        checkpoint
    );
    // With serde's own form, which has no checksum, what a later release adds is passed over.
    let bare = serde_json::to_string(&checkpoint).unwrap();
    let more = bare.replacen('{', "{\"later\": [1, 2],", 1);
    assert_eq!(
        serde_json::from_str::<Checkpoint>(&more).unwrap(),
        checkpoint
    );
    assert!(Checkpoint::from_json(&bare).is_err());
}

#[test]
fn a_checkpoint_of_which_any_byte_was_changed_is_refused() {
    let store = Store::default();
    let job = Job::new("job", Walk::new(Numbers::new(0..40)), store.clone());
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    let json = store.at("job").to_json();
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
