//! A database's files, to be damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::reopened::reopened;

/// So small that a leaf of some rows lies in a file of its own, a blob, beside the log.
const SEGMENT: usize = 2_048;

/// While a child starts, it has the files open that were being closed here, and sled's lock on them.
pub(crate) static NO_CHILD_STARTS: Mutex<()> = Mutex::new(());

pub(crate) fn open(directory: &Path) -> sled::Result<sled::Db> {
    let _guard = NO_CHILD_STARTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let config = sled::Config::new().path(directory);
    config.segment_size(SEGMENT).flush_every_ms(None).open()
}

/// What is stored by a key.
pub(crate) fn value(key: u64) -> Vec<u8> {
    format!("{key:>100}").into_bytes()
}

/// A database of rows by `u64`s, closed.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn written(keys: impl Iterator<Item = u64> + Clone) -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        let db = open(directory.path()).expect("a new one opens");
        // More than once: what changed a leaf is then written into it.
        for _ in 0..3 {
            for key in keys.clone() {
                db.insert(key.to_be_bytes(), value(key))
                    .expect("it can be written");
            }
        }
        db.flush().expect("it can be written");
        Files { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Opens the database. Of its leaves none is read yet.
    pub(crate) fn open(&self) -> sled::Db {
        reopened(|| open(self.path())).expect("it opens")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("db")
    }

    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path().join("blobs"))
            .expect("it is there")
            .map(|entry| entry.expect("it is readable").path())
            .collect()
    }

    /// Changes the blobs that `change` answers `true` for, with the checksum that belongs to that: sled
    /// then takes it for its own. The first byte is the blob's kind.
    pub(crate) fn forge(&self, change: impl Fn(&mut [u8]) -> bool) {
        let mut changed = 0;
        for blob in self.blobs() {
            let mut bytes = fs::read(&blob).expect("it is readable");
            if change(&mut bytes[4..]) {
                let checksum = crc32(&bytes[4..]);
                bytes[..4].copy_from_slice(&checksum.to_le_bytes());
                fs::write(&blob, bytes).expect("it is writable");
                changed += 1;
            }
        }
        assert!(changed > 0, "no blob was changed");
    }
}

/// The checksum of a blob, that of zip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}
