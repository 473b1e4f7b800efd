//! Dates and times as text, in the one form that rusqlite writes for each type. All of these forms sort by their bytes
//! as the values do.

use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use super::{NotCanonical, SqlKeyColumn, TextOrder};

/// Values before the year 0 are bound as this text, and those after 9999 as `AFTER_ALL`, because their own texts would
/// not sort. These two texts are read as the type's first and last value.
const BEFORE_ALL: &str = "-infinity";
#[cfg(feature = "chrono")]
const AFTER_ALL: &str = "infinity";

macro_rules! date_times {
    ($($type:ty: $read:expr, $write:expr, $form:literal;)+) => {$(
        impl SqlKeyColumn for $type {
            const TEXT_ORDER: TextOrder = TextOrder::Binary;

            fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let read: fn(&str) -> Option<Self> = $read;
                read(value.as_str()?).ok_or_else(|| FromSqlError::other(NotCanonical($form)))
            }

            fn bind(&self) -> ToSqlOutput<'_> {
                let write: fn(&Self) -> String = $write;
                ToSqlOutput::Owned(write(self).into())
            }
        }
    )+};
}

/// The numbers of digits that a fraction may have. The smallest that writes the fraction exactly is used.
type Digits = &'static [usize];

/// Reads `YYYY-MM-DD`; returns the rest too.
fn read_date(text: &str) -> Option<((i16, u8, u8), &str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    Some(((year.try_into().ok()?, month as u8, day as u8), rest))
}

/// The hour, minute, second and nanoseconds.
type Clock = (u8, u8, u8, u32);

/// Reads `HH:MM:SS`, and a fraction with as many digits as it needs; returns the rest too.
fn read_time(text: &str, allowed: Digits) -> Option<(Clock, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = number(rest.strip_prefix(':')?, 2)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let is_end = |c: char| !c.is_ascii_digit();
        let digits = fraction.find(is_end).unwrap_or(fraction.len());
        let read = number(fraction, digits).filter(|_| digits <= 9)?;
        nanos = read.0 * 10_u32.pow(9 - digits as u32);
        rest = read.1;
        if fraction_digits(nanos, allowed) != digits {
            return None;
        }
    }
    Some(((hour as u8, minute as u8, second as u8, nanos), rest))
}

/// Returns the fewest of the allowed numbers of digits that write the fraction exactly; 0 if it is zero.
fn fraction_digits(nanos: u32, allowed: Digits) -> usize {
    let is_exact = |digits: &usize| nanos.is_multiple_of(10_u32.pow(9 - *digits as u32));
    match nanos {
        0 => 0,
        _ => allowed.iter().copied().find(is_exact).unwrap_or(9),
    }
}

fn write_date((year, month, day): (i16, u8, u8)) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

fn write_time((hour, minute, second, nanos): Clock, allowed: Digits) -> String {
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    let digits = fraction_digits(nanos, allowed);
    if digits > 0 {
        text += &format!(".{:0digits$}", nanos / 10_u32.pow(9 - digits as u32));
    }
    text
}

/// Reads a number of exactly so many digits; returns the rest too.
fn number(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let is_number = digits > 0 && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, rest))
}

#[cfg(feature = "chrono")]
mod of_chrono {
    use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

    use super::*;

    const DIGITS: Digits = &[3, 6, 9];

    date_times! {
        NaiveDate: |text| match text {
            BEFORE_ALL => Some(NaiveDate::MIN),
            AFTER_ALL => Some(NaiveDate::MAX),
            text => whole(read_date(text)?).and_then(date),
        }, |it| of_date(*it).map_or_else(str::to_owned, write_date), "a date as YYYY-MM-DD";

        NaiveTime: |text| whole(read_time(text, DIGITS)?).and_then(time), |it| clock(*it),
            "a time as HH:MM:SS, with a fraction of 3, 6 or 9 digits if it isn't zero";

        NaiveDateTime: |text| match text {
            BEFORE_ALL => Some(NaiveDateTime::MIN),
            AFTER_ALL => Some(NaiveDateTime::MAX),
            text => whole(date_time(text)?),
        }, |it| match of_date(it.date()) {
            Ok(date) => format!("{} {}", write_date(date), clock(it.time())),
            Err(bound) => bound.to_owned(),
        }, "a date and time as YYYY-MM-DD HH:MM:SS, with a fraction of 3, 6 or 9 digits if it isn't zero";

        DateTime<Utc>: |text| match text {
            BEFORE_ALL => Some(DateTime::<Utc>::MIN_UTC),
            AFTER_ALL => Some(DateTime::<Utc>::MAX_UTC),
            text => {
                let (naive, rest) = date_time(text)?;
                (rest == UTC).then(|| naive.and_utc())
            }
        }, |it| match of_date(it.date_naive()) {
            Ok(date) => format!("{} {}{UTC}", write_date(date), clock(it.time())),
            Err(bound) => bound.to_owned(),
        }, "a date and time as YYYY-MM-DD HH:MM:SS+00:00, with a fraction of 3, 6 or 9 digits if it isn't zero";
    }

    const UTC: &str = "+00:00";

    /// Returns what was read, if nothing follows.
    fn whole<T>((read, rest): (T, &str)) -> Option<T> {
        rest.is_empty().then_some(read)
    }

    fn date((year, month, day): (i16, u8, u8)) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
    }

    /// Returns the parts of a date, or what a date outside the years 0 to 9999 is bound as.
    fn of_date(date: NaiveDate) -> Result<(i16, u8, u8), &'static str> {
        match date.year() {
            year @ 0..=9999 => Ok((year as i16, date.month() as u8, date.day() as u8)),
            ..0 => Err(BEFORE_ALL),
            _ => Err(AFTER_ALL),
        }
    }

    /// A leap second is the second 60, which chrono counts as further nanoseconds of the second 59.
    const SECOND: u32 = 1_000_000_000;

    fn time((hour, minute, second, nanos): Clock) -> Option<NaiveTime> {
        let (second, nanos) = match second {
            60 => (59, nanos + SECOND),
            second => (second, nanos),
        };
        NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanos)
    }

    fn clock(time: NaiveTime) -> String {
        let (hour, minute, second) = (time.hour() as u8, time.minute() as u8, time.second() as u8);
        let nanos = time.nanosecond();
        let (second, nanos) = match nanos.checked_sub(SECOND) {
            Some(nanos) => (second + 1, nanos),
            None => (second, nanos),
        };
        write_time((hour, minute, second, nanos), DIGITS)
    }

    fn date_time(text: &str) -> Option<(NaiveDateTime, &str)> {
        let (day, rest) = read_date(text)?;
        let (clock, rest) = read_time(rest.strip_prefix(' ')?, DIGITS)?;
        Some((date(day)?.and_time(time(clock)?), rest))
    }
}

#[cfg(feature = "jiff")]
mod of_jiff {
    use jiff::civil::{Date, DateTime, Time};

    use super::*;

    const DIGITS: Digits = &[1, 2, 3, 4, 5, 6, 7, 8, 9];

    date_times! {
        Date: |text| match text {
            BEFORE_ALL => Some(Date::MIN),
            text => match read_date(text)? {
                (day, "") => date(day),
                _ => None,
            },
        }, |it| of_date(*it).map_or_else(|| BEFORE_ALL.to_owned(), write_date), "a date as YYYY-MM-DD";

        Time: |text| match read_time(text, DIGITS)? {
            (clock, "") => time(clock),
            _ => None,
        }, |it| clock(*it), "a time as HH:MM:SS, with a fraction that doesn't end in zero";

        DateTime: |text| {
            if text == BEFORE_ALL {
                return Some(DateTime::MIN);
            }
            let (day, rest) = read_date(text)?;
            match read_time(rest.strip_prefix('T')?, DIGITS)? {
                (clock, "") => Some(date(day)?.to_datetime(time(clock)?)),
                _ => None,
            }
        }, |it| match of_date(it.date()) {
            Some(date) => format!("{}T{}", write_date(date), clock(it.time())),
            None => BEFORE_ALL.to_owned(),
        }, "a date and time as YYYY-MM-DDTHH:MM:SS, with a fraction that doesn't end in zero";
    }

    fn date((year, month, day): (i16, u8, u8)) -> Option<Date> {
        Date::new(year, month.cast_signed(), day.cast_signed()).ok()
    }

    /// Returns the parts of a date; `None` before the year 0.
    fn of_date(date: Date) -> Option<(i16, u8, u8)> {
        let (month, day) = (date.month().cast_unsigned(), date.day().cast_unsigned());
        (date.year() >= 0).then_some((date.year(), month, day))
    }

    fn time((hour, minute, second, nanos): Clock) -> Option<Time> {
        let [hour, minute, second] = [hour, minute, second].map(u8::cast_signed);
        Time::new(hour, minute, second, nanos.cast_signed()).ok()
    }

    fn clock(time: Time) -> String {
        let [hour, minute, second] =
            [time.hour(), time.minute(), time.second()].map(i8::cast_unsigned);
        let nanos = time.subsec_nanosecond().cast_unsigned();
        write_time((hour, minute, second, nanos), DIGITS)
    }
}
