//! Files that are damaged while the database is open, so that sled meets the damage in a fetch.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use keywalk::{Order, Walk};
use keywalk_sled::{SledErrorKind, Tree};

use crate::files::{Files, value};
use crate::trees::{ORDERS, failed, kind, walk};

fn live(db: &sled::Db, order: Order, size: usize) -> Walk<Tree<u64>> {
    walk(db).unbounded().order(order).chunk_size(size)
}

#[test]
fn a_panic_of_sleds_is_an_error_that_says_what_it_said() {
    let files = Files::written(0..10);
    let db = files.open();
    // To a blob of the kind `Canceled` sled says `panic!`.
    files.forge_kind(1);
    for order in ORDERS {
        let (keys, error, _) = failed(live(&db, order, 4));
        assert_eq!(
            (keys.len(), kind(&error)),
            (0, Some(SledErrorKind::Panicked))
        );
        let said = "sled panicked (\"unexpected pull: Canceled\"); open the database again in a new process, and \
                    if that doesn't help, restore it";
        let panicked = error.source().unwrap();
        assert_eq!(panicked.to_string(), said);
        assert!(panicked.source().is_none());
        assert_eq!(error.key(), None);
        // Of `last_key` too, which a bounded walk begins with.
        match walk::<u64>(&db).order(order).into_iter().next() {
            Some(Err(keywalk::Error::Source(error))) => {
                assert_eq!(kind(&error), Some(SledErrorKind::Panicked));
            }
            other => panic!("{other:?}"),
        }
    }
}

type Spoil = fn(&Path, Vec<u8>);

/// A checksum that is wrong, a file that is cut off, at its head too, one that is gone.
const DAMAGES: [(Spoil, SledErrorKind); 4] = [
    (
        |blob, mut bytes| {
            bytes[40] ^= 1;
            fs::write(blob, bytes).unwrap();
        },
        SledErrorKind::Corrupt,
    ),
    (
        |blob, bytes| fs::write(blob, &bytes[..60]).unwrap(),
        SledErrorKind::Corrupt,
    ),
    (
        |blob, _| fs::write(blob, "").unwrap(),
        SledErrorKind::Corrupt,
    ),
    (|blob, _| fs::remove_file(blob).unwrap(), SledErrorKind::Io),
];

#[test]
fn damage_to_a_leaf_is_an_error_after_what_lies_before_it_and_the_walk_goes_on_once_it_is_repaired()
{
    for ((damage, expected), order) in DAMAGES
        .into_iter()
        .flat_map(|damage| ORDERS.map(|order| (damage, order)))
    {
        let files = Files::written(0..100);
        let db = files.open();
        let mut hit = files.blobs();
        hit.retain(|(_, bytes)| bytes.windows(100).any(|bytes| bytes == value(50)));
        hit.iter()
            .for_each(|(blob, bytes)| damage(blob, bytes.clone()));
        let (keys, error, cursor) = failed(live(&db, order, 1));
        assert_eq!(kind(&error), Some(expected), "{error:?}");
        assert!(error.store_error().unwrap().sled_error().is_some());
        let mut all: Vec<u64> = (0..100).collect();
        if order == Order::Descending {
            all.reverse();
        }
        assert!(keys.len() > 10 && all.starts_with(&keys), "{keys:?}");
        hit.iter()
            .for_each(|(blob, bytes)| fs::write(blob, bytes).unwrap());
        let rest = walk::<u64>(&db)
            .resume(cursor)
            .into_iter()
            .map(|item| item.expect("it is repaired"));
        assert!(rest.eq(all[keys.len()..].iter().map(|key| (*key, value(*key)))));
    }
}

#[test]
fn a_log_that_is_cut_off_is_an_error() {
    let files = Files::written(0..10);
    let db = files.open();
    let log = fs::OpenOptions::new()
        .write(true)
        .open(files.path().join("db"));
    log.unwrap().set_len(0).unwrap();
    for order in ORDERS {
        let (keys, error, _) = failed(live(&db, order, 3));
        assert_eq!(
            (keys.len(), kind(&error)),
            (0, Some(SledErrorKind::Corrupt)),
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
            let items = walk::<u64>(&db).order(order).into_iter();
            assert_eq!(items.filter_map(Result::ok).count(), 100);
        } else {
            let (_, error, _) = failed(live(&db, order, 3));
            assert_eq!(kind(&error), Some(SledErrorKind::Io));
            let said = "the files can't be read; check their file system, and resume the walk";
            assert_eq!(error.source().unwrap().to_string(), said);
        }
    }
}
