//! Leaves that are damaged while the database is open, so that sled meets them in a fetch.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use keywalk::{Cursor, Order, Walk};
use keywalk_sled::{Error, ErrorKind, Tree};

use crate::files::{Files, value};

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// What came before the error of a walk, the error, and where it stands.
fn failed(db: &sled::Db, order: Order, size: usize) -> (Vec<u64>, Error, Cursor<u64>) {
    let walk = Walk::new(Tree::<u64>::new((**db).clone())).live();
    let mut chunks = walk.order(order).chunk_size(size).chunks();
    let mut keys = Vec::new();
    let error = loop {
        match chunks.next() {
            Ok(Some(items)) => keys.extend(items.iter().map(|(key, _)| *key)),
            Ok(None) => panic!("{keys:?}, and the end"),
            Err(keywalk::Error::Source(error)) => break error,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(matches!(chunks.next(), Ok(None)), "it comes once");
    (keys, error, chunks.cursor())
}

fn resumed(db: &sled::Db, cursor: Cursor<u64>) -> Vec<u64> {
    let walk = Walk::new(Tree::<u64>::new((**db).clone())).resume(cursor);
    walk.into_iter()
        .map(|item| {
            let (key, found) = item.expect("it is repaired");
            assert_eq!(found, value(key));
            key
        })
        .collect()
}

#[test]
fn a_panic_of_sleds_is_an_error_that_says_what_it_said() {
    let files = Files::written(0..10);
    let db = files.open();
    // To a blob of the kind `Canceled` sled says `panic!`.
    files.forge(|bytes| {
        bytes[0] = 1;
        true
    });
    for order in ORDERS {
        let (keys, error, _) = failed(&db, order, 4);
        assert_eq!((keys.len(), error.kind()), (0, ErrorKind::Panicked));
        assert_eq!(
            error.to_string(),
            "sled panicked when it read the default tree (\"unexpected pull: Canceled\"); open the \
             database again in a new process, and if that doesn't help, restore it"
        );
        assert!(error.source().is_none() && error.sled_error().is_none());
        assert_eq!(error.key(), None);
        // Of `last_key` too, which a bounded walk begins with.
        let source = Tree::<u64>::new((*db).clone());
        let first = Walk::new(source).order(order).into_iter().next();
        match first {
            Some(Err(keywalk::Error::Source(error))) => {
                assert_eq!(error.kind(), ErrorKind::Panicked);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn damage_to_a_leaf_is_an_error_after_what_lies_before_it_and_the_walk_goes_on_once_it_is_repaired()
{
    type Damage = fn(&Path);
    let damages: [(Damage, ErrorKind); 4] = [
        // A checksum that is wrong, a file that is cut off, at its head too, one that is gone.
        (
            |blob| {
                let mut bytes = fs::read(blob).unwrap();
                bytes[40] ^= 1;
                fs::write(blob, bytes).unwrap();
            },
            ErrorKind::Corrupt,
        ),
        (
            |blob| fs::write(blob, &fs::read(blob).unwrap()[..60]).unwrap(),
            ErrorKind::Corrupt,
        ),
        (|blob| fs::write(blob, "").unwrap(), ErrorKind::Corrupt),
        (|blob| fs::remove_file(blob).unwrap(), ErrorKind::Io),
    ];
    for (damage, kind) in damages {
        for order in ORDERS {
            let files = Files::written(0..100);
            let db = files.open();
            let holds_it = |blob: &PathBuf| {
                let bytes = fs::read(blob).unwrap();
                bytes.windows(100).any(|bytes| bytes == value(50))
            };
            let hit: Vec<PathBuf> = files.blobs().into_iter().filter(holds_it).collect();
            let saved: Vec<_> = hit.iter().map(|blob| fs::read(blob).unwrap()).collect();
            hit.iter().for_each(|blob| damage(blob));
            let (keys, error, cursor) = failed(&db, order, 1);
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(
                error
                    .source()
                    .is_some_and(|source| source.is::<sled::Error>())
            );
            assert!(error.sled_error().is_some());
            let mut all: Vec<u64> = (0..100).collect();
            if order == Order::Descending {
                all.reverse();
            }
            assert!(keys.len() > 10 && all.starts_with(&keys), "{keys:?}");
            for (blob, bytes) in hit.iter().zip(saved) {
                fs::write(blob, bytes).unwrap();
            }
            assert_eq!(resumed(&db, cursor), all[keys.len()..]);
        }
    }
}

#[test]
fn a_log_that_is_cut_off_is_an_error() {
    let files = Files::written(0..10);
    let db = files.open();
    fs::OpenOptions::new()
        .write(true)
        .open(files.log())
        .unwrap()
        .set_len(0)
        .unwrap();
    for order in ORDERS {
        let (keys, error, _) = failed(&db, order, 3);
        assert_eq!(
            (keys.len(), error.kind()),
            (0, ErrorKind::Corrupt),
            "{error:?}"
        );
    }
}

#[test]
fn a_directory_that_is_deleted_is_an_error_or_the_rows_that_sled_has_still() {
    for (order, read_before) in ORDERS
        .into_iter()
        .flat_map(|order| [(order, false), (order, true)])
    {
        let files = Files::written(0..100);
        let db = files.open();
        if read_before {
            assert_eq!(db.len(), 100);
        }
        fs::remove_dir_all(files.path()).unwrap();
        if read_before {
            let walk = Walk::new(Tree::<u64>::new((*db).clone())).order(order);
            assert_eq!(walk.into_iter().filter_map(Result::ok).count(), 100);
        } else {
            let (_, error, _) = failed(&db, order, 3);
            assert_eq!(error.kind(), ErrorKind::Io);
            assert_eq!(
                error.to_string(),
                "the files of the default tree can't be read; see to what their file system says, \
                 and resume the walk"
            );
        }
    }
}
