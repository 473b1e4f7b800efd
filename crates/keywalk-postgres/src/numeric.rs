//! PostgreSQL's `numeric`, exactly.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use keywalk::ByteSize;

/// A `numeric` as its exact decimal text: `-12.50`, `NaN`, `Infinity`.
///
/// It compares as PostgreSQL does: by value, so `1.0` equals `1.00`; infinities at the ends, and `NaN` after everything
/// and equal to itself. The digits after the point are kept as stored.
///
/// ```
/// use keywalk_postgres::Numeric;
///
/// let price: Numeric = "12.50".parse()?;
/// assert_eq!(price, "12.5".parse()?);
/// assert_eq!(price.as_str(), "12.50");
/// assert!(price < "100".parse()?);
/// # Ok::<(), keywalk_postgres::NotNumeric>(())
/// ```
#[derive(Clone, Debug)]
pub struct Numeric(String);

/// A text that isn't a decimal number, with more than 131,072 digits before or 16,383 after the point, or in scientific
/// notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNumeric;

impl fmt::Display for NotNumeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number such as `-12.50`, `NaN` or `Infinity`")
    }
}

impl std::error::Error for NotNumeric {}

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEG_INFINITY: &str = "-Infinity";
const MOST_WHOLE: usize = 131_072;
const MOST_FRACTION: usize = 16_383;

impl Numeric {
    /// Returns the decimal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns where it stands beside other classes of values: -infinity, numbers, infinity, NaN.
    fn class(&self) -> u8 {
        match &*self.0 {
            NEG_INFINITY => 0,
            INFINITY => 2,
            NAN => 3,
            _ => 1,
        }
    }

    /// Returns the sign, the digits before the point, and those after it without zeros at the end.
    fn parts(&self) -> (bool, &str, &str) {
        let (is_negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, &*self.0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (is_negative, whole, fraction.trim_end_matches('0'))
    }

    /// Decodes PostgreSQL's binary form; `None` if it isn't one.
    pub(crate) fn from_binary(stored: &[u8]) -> Option<Self> {
        let mut words = stored
            .chunks_exact(2)
            .map(|word| u16::from_be_bytes([word[0], word[1]]));
        let count = usize::from(words.next()?);
        let weight = i32::from(words.next()?.cast_signed());
        let sign = words.next()?;
        let scale = usize::from(words.next()?);
        let digits: Vec<u16> = words.collect();
        if !stored.len().is_multiple_of(2)
            || digits.len() != count
            || digits.iter().any(|d| *d > 9_999)
        {
            return None;
        }
        let mut text = String::new();
        match sign {
            0 => {}
            0x4000 => text.push('-'),
            0xC000 => return Some(Numeric(NAN.to_owned())),
            0xD000 => return Some(Numeric(INFINITY.to_owned())),
            0xF000 => return Some(Numeric(NEG_INFINITY.to_owned())),
            _ => return None,
        }
        // Of the digit of 10,000 to this power; zero where none is stored.
        let digit = |power: i32| {
            let at = usize::try_from(weight - power).ok();
            at.and_then(|at| digits.get(at)).copied().unwrap_or(0)
        };
        let push = |text: &mut String, digit: u16| *text += &format!("{digit:04}");
        let mut whole = String::new();
        for power in (0..=weight.max(0)).rev() {
            push(&mut whole, digit(power));
        }
        let trimmed = whole.trim_start_matches('0');
        text += if trimmed.is_empty() { "0" } else { trimmed };
        if scale > 0 {
            let mut fraction = String::new();
            let mut power = -1;
            while fraction.len() < scale {
                push(&mut fraction, digit(power));
                power -= 1;
            }
            text.push('.');
            text += &fraction[..scale];
        }
        Some(Numeric(text))
    }

    /// Appends PostgreSQL's binary form.
    pub(crate) fn to_binary(&self, bytes: &mut Vec<u8>) {
        let mut put = |word: u16| bytes.extend_from_slice(&word.to_be_bytes());
        let special = match self.class() {
            0 => Some(0xF000),
            2 => Some(0xD000),
            3 => Some(0xC000),
            _ => None,
        };
        if let Some(sign) = special {
            for word in [0, 0, sign, 0] {
                put(word);
            }
            return;
        }
        let (is_negative, whole, fraction) = self.parts();
        let scale = self
            .0
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        let mut digits = Vec::new();
        let lead = (4 - whole.len() % 4) % 4;
        let padded: Vec<u8> = std::iter::repeat_n(b'0', lead)
            .chain(whole.bytes())
            .collect();
        let mut weight = padded.len() as i32 / 4 - 1;
        let mut tail = fraction.as_bytes().to_vec();
        tail.resize(tail.len().next_multiple_of(4), b'0');
        for four in padded.chunks(4).chain(tail.chunks(4)) {
            digits.push(
                four.iter()
                    .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')),
            );
        }
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        weight -= zeros as i32;
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            weight = 0;
        }
        put(digits.len() as u16);
        put((weight as i16).cast_unsigned());
        put(if is_negative { 0x4000 } else { 0 });
        put(scale as u16);
        digits.into_iter().for_each(put);
    }
}

impl FromStr for Numeric {
    type Err = NotNumeric;

    fn from_str(text: &str) -> Result<Self, NotNumeric> {
        if [NAN, INFINITY, NEG_INFINITY].contains(&text) {
            return Ok(Numeric(text.to_owned()));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) {
            return Err(NotNumeric);
        }
        if whole.len() > MOST_WHOLE || fraction.len() > MOST_FRACTION {
            return Err(NotNumeric);
        }
        let trimmed = match whole.trim_start_matches('0') {
            "" => "0",
            trimmed => trimmed,
        };
        let is_zero = digits.bytes().all(|digit| matches!(digit, b'0' | b'.'));
        let sign = if text.len() > digits.len() && !is_zero {
            "-"
        } else {
            ""
        };
        Ok(Numeric(format!(
            "{sign}{trimmed}{}",
            &digits[whole.len()..]
        )))
    }
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl From<$integer> for Numeric {
            fn from(integer: $integer) -> Self {
                Numeric(integer.to_string())
            }
        }
    )+};
}

integers!(i16, i32, i64, i128, u16, u32, u64);

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        let classes = self.class().cmp(&other.class());
        if classes.is_ne() || self.class() != 1 {
            return classes;
        }
        let ((a_negative, a_whole, a_rest), (b_negative, b_whole, b_rest)) =
            (self.parts(), other.parts());
        let sizes = || {
            let whole = a_whole
                .len()
                .cmp(&b_whole.len())
                .then_with(|| a_whole.cmp(b_whole));
            whole.then_with(|| a_rest.cmp(b_rest))
        };
        match (a_negative, b_negative) {
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Numeric {}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ByteSize for Numeric {
    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }
}
