//! A database that a process walks and another one opens.

use std::path::Path;

use keywalk::Walk;
use keywalk_sled::Tree;

use crate::child::{Ended, run, say};
use crate::files::{self, Files};

/// In a child: opens the database.
pub(crate) fn open(directory: &Path) {
    match files::open(directory) {
        Ok(_) => say("opened"),
        Err(error) => say(&error.to_string()),
    }
}

#[test]
fn a_second_process_is_refused_by_sled_for_as_long_as_a_walk_lives_and_does_not_disturb_it() {
    let files = Files::written(0..100);
    let source = Tree::<u64>::new((*files.open()).clone());
    let mut items = Walk::new(source).chunk_size(7).into_iter();
    assert_eq!(items.by_ref().take(30).filter_map(Result::ok).count(), 30);
    let (said, ended) = run("open", files.path());
    assert!(matches!(ended, Ended::Well), "{ended:?}");
    assert!(said[0].contains("could not acquire lock"), "{said:?}");
    assert_eq!(items.by_ref().filter_map(Result::ok).count(), 70);
    drop(items);
    assert_eq!(run("open", files.path()).0, ["opened"]);
}
