use std::time::{Duration, SystemTime};

/// A time in milliseconds since 1970, as the stores of checkpoints here keep it; for one of your own. 0 for a
/// time before that, `i64::MAX` for one that is too late to be told so.
///
/// ```
/// use std::time::SystemTime;
/// use keywalk_job::{from_unix_millis, unix_millis};
///
/// let stored: i64 = unix_millis(SystemTime::now());
/// assert_eq!(unix_millis(from_unix_millis(stored)), stored);
/// ```
#[must_use]
pub fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// The time that is so many [milliseconds](unix_millis) after 1970; 1970 itself where they are negative, or
/// more than the machine's clock can tell.
#[must_use]
pub fn from_unix_millis(millis: i64) -> SystemTime {
    let since = Duration::from_millis(millis.try_into().unwrap_or(0));
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
