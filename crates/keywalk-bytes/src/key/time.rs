//! Dates and times of chrono and jiff. Types of the same meaning have the same bytes in both.

use std::borrow::Cow;
use std::fmt::Display;

use super::{DecodeError, Key, TupleElement, fraction, integer};

/// The first byte of a column.
const TAG: u8 = 0x42;
const NANOS: i128 = 1_000_000_000;

/// A type that is a number of whole days or seconds and of nanoseconds.
trait Moment: Copy + Ord + Display {
    const NAME: &'static str;
    const FORM: Form;

    /// The days of a date; otherwise seconds, rounded down, and the nanoseconds after them.
    fn parts(self) -> (i64, u32);

    /// Returns `None` if the type has no such value. No two pairs of numbers give the same value.
    fn from_parts(whole: i64, nanos: u32) -> Option<Self>;
}

enum Form {
    /// The days in four bytes.
    Date,
    /// The seconds and nanoseconds, in four bytes each.
    Time,
    /// The seconds in eight bytes, and the nanoseconds in four.
    Instant,
}

fn width<T: Moment>() -> usize {
    match T::FORM {
        Form::Date => 4,
        Form::Time => 8,
        Form::Instant => 12,
    }
}

fn encode<T: Moment>(moment: T, bytes: &mut Vec<u8>) {
    let (whole, nanos) = moment.parts();
    match T::FORM {
        // Days and the seconds of a day fit.
        Form::Date | Form::Time => Key::encode(&(whole as i32), bytes),
        Form::Instant => Key::encode(&whole, bytes),
    }
    if !matches!(T::FORM, Form::Date) {
        Key::encode(&nanos, bytes);
    }
}

fn decode<T: Moment>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (whole, nanos) = match T::FORM {
        Form::Date => (i32::decode(bytes)?.into(), 0),
        Form::Time => {
            let (whole, nanos) = parts::<8>(bytes)?;
            (i32::decode(whole)?.into(), nanos)
        }
        Form::Instant => {
            let (whole, nanos) = parts::<12>(bytes)?;
            (i64::decode(whole)?, nanos)
        }
    };
    T::from_parts(whole, nanos)
        .ok_or_else(|| DecodeError::new(format!("is a {} that the type can't hold", T::NAME)))
}

/// Splits the nanoseconds from the end.
fn parts<const WIDTH: usize>(bytes: &[u8]) -> Result<(&[u8], u32), DecodeError> {
    integer::fixed::<WIDTH>(bytes)?;
    let (whole, nanos) = bytes.split_at(WIDTH - 4);
    Ok((whole, u32::decode(nanos)?))
}

fn unpack<T: Moment>(bytes: &mut &[u8]) -> Result<T, DecodeError> {
    let start = match bytes.split_first() {
        Some((&TAG, rest)) => rest.split_at_checked(width::<T>()),
        Some((first, _)) => {
            let why = format!("starts with 0x{first:02x}, which begins no {}", T::NAME);
            return Err(DecodeError::new(why));
        }
        None => None,
    };
    let (moment, rest) =
        start.ok_or_else(|| DecodeError::new(format!("is no whole {}", T::NAME)))?;
    *bytes = rest;
    decode(moment)
}

/// Counts nanoseconds. The days of a date count as seconds. A leap second counts as part of the second before it.
fn count<T: Moment>(moment: T) -> i128 {
    let (whole, nanos) = moment.parts();
    i128::from(whole) * NANOS + i128::from(nanos).min(NANOS - 1)
}

macro_rules! moments {
    ($($moment:ty),+) => {$(
        impl Key for $moment {
            const CANONICAL: bool = true;

            fn encode(&self, bytes: &mut Vec<u8>) {
                encode(*self, bytes);
            }

            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                decode(bytes)
            }

            as_column!();
        }

        impl TupleElement for $moment {
            fn pack(&self, bytes: &mut Vec<u8>) {
                bytes.push(TAG);
                encode(*self, bytes);
            }

            fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                unpack(bytes)
            }

            fn column_kind() -> Cow<'static, str> {
                Self::NAME.into()
            }

            fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                fraction::between(first, last, at, || {
                    i128::column_fraction(&count(*first), &count(*last), &count(*at)).or(Some(0.5))
                })
            }

            fn column_text(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

#[cfg(feature = "chrono")]
mod of_chrono {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

    use super::*;

    moments!(NaiveDate, NaiveTime, NaiveDateTime, DateTime<Utc>);

    impl Moment for NaiveDate {
        const NAME: &'static str = "date";
        const FORM: Form = Form::Date;

        fn parts(self) -> (i64, u32) {
            ((self - NaiveDate::default()).num_days(), 0)
        }

        fn from_parts(days: i64, _: u32) -> Option<Self> {
            NaiveDate::default().checked_add_signed(TimeDelta::try_days(days)?)
        }
    }

    /// A leap second has more than 1,000,000,000 nanoseconds, as in chrono itself.
    impl Moment for NaiveTime {
        const NAME: &'static str = "time";
        const FORM: Form = Form::Time;

        fn parts(self) -> (i64, u32) {
            (self.num_seconds_from_midnight().into(), self.nanosecond())
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            // chrono's own setters can move a leap second to any second of a minute.
            NaiveTime::from_num_seconds_from_midnight_opt(seconds.try_into().ok()?, 0)?
                .with_nanosecond(nanos)
        }
    }

    impl Moment for NaiveDateTime {
        const NAME: &'static str = "datetime";
        const FORM: Form = Form::Instant;

        fn parts(self) -> (i64, u32) {
            self.and_utc().parts()
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            DateTime::from_timestamp(seconds, 0)?
                .naive_utc()
                .with_nanosecond(nanos)
        }
    }

    impl Moment for DateTime<Utc> {
        const NAME: &'static str = "timestamp";
        const FORM: Form = Form::Instant;

        fn parts(self) -> (i64, u32) {
            (self.timestamp(), self.timestamp_subsec_nanos())
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            NaiveDateTime::from_parts(seconds, nanos).map(|utc| utc.and_utc())
        }
    }
}

#[cfg(feature = "jiff")]
mod of_jiff {
    use jiff::civil::{Date, DateTime, Time};
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    moments!(Date, Time, DateTime, Timestamp);

    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

    /// Returns seconds, rounded down, and the nanoseconds after them.
    fn split(nanos: i128) -> (i64, u32) {
        // Neither overflows: jiff's years have four digits.
        (
            nanos.div_euclid(NANOS) as i64,
            nanos.rem_euclid(NANOS) as u32,
        )
    }

    fn joined(seconds: i64, nanos: u32) -> Option<i128> {
        let nanos = i128::from(nanos);
        (nanos < NANOS).then(|| i128::from(seconds) * NANOS + nanos)
    }

    impl Moment for Date {
        const NAME: &'static str = "date";
        const FORM: Form = Form::Date;

        fn parts(self) -> (i64, u32) {
            (self.duration_since(EPOCH.date()).as_hours() / 24, 0)
        }

        fn from_parts(days: i64, _: u32) -> Option<Self> {
            let hours = SignedDuration::try_from_hours(days.checked_mul(24)?)?;
            EPOCH.date().checked_add(hours).ok()
        }
    }

    impl Moment for Time {
        const NAME: &'static str = "time";
        const FORM: Form = Form::Time;

        fn parts(self) -> (i64, u32) {
            split(self.duration_since(Time::midnight()).as_nanos())
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            let nanos = joined(seconds, nanos)?.try_into().ok()?;
            Time::midnight()
                .checked_add(SignedDuration::from_nanos(nanos))
                .ok()
        }
    }

    impl Moment for DateTime {
        const NAME: &'static str = "datetime";
        const FORM: Form = Form::Instant;

        fn parts(self) -> (i64, u32) {
            split(self.duration_since(EPOCH).as_nanos())
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            joined(seconds, nanos)?;
            EPOCH
                .checked_add(SignedDuration::new(seconds, nanos as i32))
                .ok()
        }
    }

    impl Moment for Timestamp {
        const NAME: &'static str = "timestamp";
        const FORM: Form = Form::Instant;

        fn parts(self) -> (i64, u32) {
            split(self.as_nanosecond())
        }

        fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
            Timestamp::from_nanosecond(joined(seconds, nanos)?).ok()
        }
    }
}
