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
        for key in [keys.clone(), keys.clone(), keys].into_iter().flatten() {
            db.insert(key.to_be_bytes(), value(key))
                .expect("it can be written");
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

    pub(crate) fn blobs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.path().join("blobs")).expect("it is there");
        let paths = entries.map(|entry| entry.expect("it is readable").path());
        paths
            .map(|path| (path.clone(), fs::read(path).expect("it is readable")))
            .collect()
    }

    /// Makes all blobs one of this kind, with the checksum that belongs to that: sled then takes it for its
    /// own.
    pub(crate) fn forge_kind(&self, kind: u8) {
        let blobs = self.blobs();
        assert!(!blobs.is_empty(), "no blob was changed");
        for (blob, mut bytes) in blobs {
            bytes[4] = kind;
            let checksum = crc32(&bytes[4..]);
            bytes[..4].copy_from_slice(&checksum.to_le_bytes());
            fs::write(&blob, bytes).expect("it is writable");
        }
    }
}

/// The checksum of a blob, that of zip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
}
