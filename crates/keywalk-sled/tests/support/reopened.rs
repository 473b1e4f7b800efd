//! Databases that are closed and opened again, by tests of this crate and of others.

use std::thread;
use std::time::Duration;

/// Opens a database that was just closed. sled's threads hold its lock until they have ended, which on a busy
/// machine is a while after the last handle is gone: tried again for half a minute at most.
///
/// # Errors
///
/// sled's; also if it is locked for good, because a handle lives.
pub(crate) fn reopened(open: impl Fn() -> sled::Result<sled::Db>) -> sled::Result<sled::Db> {
    const TRIES: u32 = 3_000;
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 1..TRIES {
        match open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                thread::sleep(PAUSE);
            }
            opened => return opened,
        }
    }
    open()
}
