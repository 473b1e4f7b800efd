//! Times as stores keep them.

use std::time::{Duration, SystemTime};

use keywalk_job::{from_unix_millis, unix_millis};

#[test]
fn a_time_comes_back_to_the_millisecond() {
    for millis in [0, 1, 999, 1_000, 1_764_214_226_123] {
        assert_eq!(unix_millis(from_unix_millis(millis)), millis);
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_999_999);
    assert_eq!(unix_millis(time), 1);
    assert_eq!(
        from_unix_millis(1_500),
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)
    );
}

#[test]
fn what_is_before_1970_is_1970() {
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(unix_millis(before), 0);
    assert_eq!(from_unix_millis(-1), SystemTime::UNIX_EPOCH);
    assert_eq!(from_unix_millis(i64::MIN), SystemTime::UNIX_EPOCH);
}
