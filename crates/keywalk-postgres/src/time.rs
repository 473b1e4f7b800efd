//! PostgreSQL's dates and times, with their infinities.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// From 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i64 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS * MICROS_PER_DAY;

macro_rules! time {
    ($($(#[$doc:meta])* $name:ident($number:ident: $inner:ty) $from:ident, $get:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// `infinity`: after every other value.
            pub const INFINITY: Self = $name(<$inner>::MAX);

            /// `-infinity`: before every other value.
            pub const NEG_INFINITY: Self = $name(<$inner>::MIN);

            /// Makes one from PostgreSQL's own number.
            #[must_use]
            pub const fn $from($number: $inner) -> Self {
                $name($number)
            }

            /// Returns PostgreSQL's own number.
            #[must_use]
            pub const fn $get(self) -> $inner {
                self.0
            }

            /// Whether it is neither infinity.
            #[must_use]
            pub const fn is_finite(self) -> bool {
                self.0 != <$inner>::MAX && self.0 != <$inner>::MIN
            }
        }

        /// Prints it as PostgreSQL reads it, whatever its `DateStyle`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    <$inner>::MAX => f.write_str("infinity"),
                    <$inner>::MIN => f.write_str("-infinity"),
                    _ => self.write(f),
                }
            }
        }

        impl keywalk::ByteSize for $name {
            fn byte_size(&self) -> usize {
                size_of::<Self>()
            }
        }
    )+};
}

time! {
    /// A `date`: the number of days since 2000-01-01.
    Date(days: i32) from_days, days;
    /// A `timestamp` (without time zone): the number of microseconds since 2000-01-01 00:00:00.
    Timestamp(micros: i64) from_micros, micros;
    /// A `timestamptz`: the number of microseconds since 2000-01-01 00:00:00 UTC.
    TimestampTz(micros: i64) from_micros, micros;
}

impl Date {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ce = write_date(f, i64::from(self.0))?;
        f.write_str(if is_ce { "" } else { " BC" })
    }
}

impl Timestamp {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ce = write_time(f, self.0)?;
        f.write_str(if is_ce { "" } else { " BC" })
    }
}

impl TimestampTz {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ce = write_time(f, self.0)?;
        f.write_str(if is_ce { "+00" } else { "+00 BC" })
    }
}

/// Rounds down to the microsecond.
impl From<SystemTime> for TimestampTz {
    fn from(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration().as_nanos().div_ceil(1_000);
                i64::try_from(before).map_or(i64::MIN, |micros| -micros)
            }
        };
        TimestampTz(micros.saturating_sub(EPOCH_MICROS))
    }
}

impl TimestampTz {
    /// Returns the time, or `None` if it is infinite or the platform can't represent it.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        if !self.is_finite() {
            return None;
        }
        let micros = self.0.checked_add(EPOCH_MICROS)?;
        let by = Duration::from_micros(micros.unsigned_abs());
        match micros < 0 {
            true => UNIX_EPOCH.checked_sub(by),
            false => UNIX_EPOCH.checked_add(by),
        }
    }
}

/// Writes a date of days since 2000, without the era. Returns whether it is of the common era.
fn write_date(f: &mut fmt::Formatter<'_>, days: i64) -> Result<bool, fmt::Error> {
    // Howard Hinnant's algorithm: years begin in March, eras have 400 years.
    let days = days + EPOCH_DAYS + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let shown = if year > 0 { year } else { 1 - year };
    write!(f, "{shown:04}-{month:02}-{day:02}")?;
    Ok(year > 0)
}

fn write_time(f: &mut fmt::Formatter<'_>, micros: i64) -> Result<bool, fmt::Error> {
    let is_ce = write_date(f, micros.div_euclid(MICROS_PER_DAY))?;
    let micros = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    write!(f, " {hours:02}:{minutes:02}:{:02}", seconds % 60)?;
    if fraction > 0 {
        write!(f, ".{fraction:06}")?;
    }
    Ok(is_ce)
}

#[cfg(feature = "chrono")]
pub(crate) mod with_chrono {
    use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

    use super::{Date, EPOCH_MICROS, Timestamp, TimestampTz};

    fn epoch() -> NaiveDate {
        NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()
    }

    impl From<NaiveDate> for Date {
        fn from(date: NaiveDate) -> Self {
            let days = date.signed_duration_since(epoch()).num_days();
            Date(i32::try_from(days).unwrap_or(i32::MAX))
        }
    }

    impl Date {
        /// Returns the date, or `None` if it is infinite or chrono can't represent it.
        #[must_use]
        pub fn to_chrono(self) -> Option<NaiveDate> {
            let days = Days::new(u64::from(self.0.unsigned_abs()));
            match self.0 < 0 {
                _ if !self.is_finite() => None,
                true => epoch().checked_sub_days(days),
                false => epoch().checked_add_days(days),
            }
        }
    }

    /// Rounds down to the microsecond.
    impl From<NaiveDateTime> for Timestamp {
        fn from(time: NaiveDateTime) -> Self {
            Timestamp(
                time.and_utc()
                    .timestamp_micros()
                    .saturating_sub(EPOCH_MICROS),
            )
        }
    }

    impl Timestamp {
        /// Returns the time, or `None` if it is infinite or chrono can't represent it.
        #[must_use]
        pub fn to_chrono(self) -> Option<NaiveDateTime> {
            let since = TimeDelta::microseconds(self.0);
            let epoch = epoch().and_hms_opt(0, 0, 0)?;
            self.is_finite().then_some(())?;
            epoch.checked_add_signed(since)
        }
    }

    /// Rounds down to the microsecond.
    impl From<DateTime<Utc>> for TimestampTz {
        fn from(time: DateTime<Utc>) -> Self {
            TimestampTz(time.timestamp_micros().saturating_sub(EPOCH_MICROS))
        }
    }

    impl TimestampTz {
        /// Returns the time, or `None` if it is infinite or chrono can't represent it.
        #[must_use]
        pub fn to_chrono(self) -> Option<DateTime<Utc>> {
            let time = Timestamp(self.0).to_chrono()?;
            Some(time.and_utc())
        }
    }
}
