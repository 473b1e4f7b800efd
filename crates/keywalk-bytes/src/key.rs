//! Keys and their encoding.

/// Implements the methods of [`Key`] that return the same for a key as for a column.
macro_rules! as_column {
    () => {
        fn encoding_name() -> Cow<'static, str> {
            Self::column_kind()
        }

        fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
            Self::column_fraction(first, last, at)
        }

        fn display(&self) -> String {
            self.column_text()
        }
    };
}

mod bool;
mod by_column;
mod bytes;
mod column;
mod decode_error;
mod display;
pub(crate) mod fraction;
mod integer;
mod option;
mod packed;
mod reverse;
mod text;
#[cfg(any(feature = "chrono", feature = "jiff"))]
mod time;
mod tuple;
mod uuid;

use std::borrow::Cow;

pub use column::TupleElement;
pub use decode_error::DecodeError;
pub use text::BareString;

/// A type of keys whose bytes sort as the keys do, for stores that are ordered by bytes.
///
/// | Type | Its bytes |
/// |---|---|
/// | `u8` to `u128` | big-endian, as wide as the type |
/// | `i8` to `i128` | the same, with the sign bit flipped |
/// | [`Uuid`](https://docs.rs/uuid/1/uuid/struct.Uuid.html) | its 16 bytes |
/// | [`Simple`](https://docs.rs/uuid/1/uuid/fmt/struct.Simple.html), [`Hyphenated`](https://docs.rs/uuid/1/uuid/fmt/struct.Hyphenated.html) | the UUID as text, in lower case: 32 or 36 bytes |
/// | `bool` | `00` or `01` |
/// | `Vec<u8>` | the bytes themselves; works with every store |
/// | [`BareString`] | the text, with nothing around it |
/// | `String` | as in the tuple layer: `02`, then the text (each `00` in it becomes `00 ff`), then `00` |
/// | dates (`chrono::NaiveDate`, `jiff::civil::Date`) | the days since 1970-01-01, as an `i32` |
/// | times of day (`NaiveTime`, `civil::Time`) | the seconds since midnight as an `i32`, then the nanoseconds as a `u32` |
/// | dates with a time (`NaiveDateTime`, `civil::DateTime`) | the seconds since 1970-01-01, rounded down, as an `i64`, then the nanoseconds as a `u32` |
/// | timestamps (`DateTime<Utc>`, `jiff::Timestamp`) | the same, in UTC |
/// | `Option` of a column | the same bytes as in a tuple, see [`TupleElement`]; `None` comes first |
/// | `(A, B, …)`, up to six | the bytes of each column ([`TupleElement`]), one after the other, as in the tuple layer |
/// | [`Reverse`](std::cmp::Reverse) of a type of fixed width | the complement of its bytes |
/// | `Reverse` of `String`, `Vec<u8>` or `Option` | the same bytes as in a tuple, see [`TupleElement`] |
///
/// The [tuple layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md) is FoundationDB's
/// published format, which other languages implement too.
///
/// Dates and times need the feature `chrono` or `jiff`. They are exact, to the nanosecond; a leap second of chrono is
/// kept. Both crates have the same bytes and names, so you can change from one to the other. Types with an offset or a
/// time zone, such as `DateTime<FixedOffset>` or `Zoned`, aren't keys: two equal values can have different zones, so
/// they would have different bytes.
///
/// An optional column, and a date (feature `jiff`):
///
/// ```
/// use keywalk_bytes::Key;
///
/// // Posts by their category, those without one first.
/// let none = (None::<String>, 8_u64);
/// let news = (Some("news".to_owned()), 7_u64);
/// assert!(none.to_bytes() < news.to_bytes());
///
/// # #[cfg(feature = "jiff")]
/// # {
/// let (old, new) = (jiff::civil::date(1969, 7, 20), jiff::civil::date(2026, 1, 1));
/// assert!((old, 1_u64).to_bytes() < (new, 1_u64).to_bytes());
/// # }
/// ```
///
/// To use a type of your own as a key, implement its encoding:
///
/// ```
/// use std::borrow::Cow;
/// use keywalk_bytes::{Key, DecodeError};
///
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
/// struct Version {
///     major: u16,
///     minor: u16,
/// }
///
/// impl Key for Version {
///     fn encode(&self, bytes: &mut Vec<u8>) {
///         bytes.extend_from_slice(&self.major.to_be_bytes());
///         bytes.extend_from_slice(&self.minor.to_be_bytes());
///     }
///
///     fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
///         match *bytes {
///             [a, b, c, d] => Ok(Version {
///                 major: u16::from_be_bytes([a, b]),
///                 minor: u16::from_be_bytes([c, d]),
///             }),
///             _ => Err(DecodeError::new(format!("has {} bytes, not 4", bytes.len()))),
///         }
///     }
///
///     fn encoding_name() -> Cow<'static, str> {
///         "our_shop::Version".into()
///     }
/// }
///
/// let (broken, slow) = (Version { major: 1, minor: 2 }, Version { major: 1, minor: 300 });
/// assert!(broken.to_bytes() < slow.to_bytes());
/// assert_eq!(Version::decode(&slow.to_bytes()), Ok(slow));
/// ```
///
/// # Contract
///
/// 1. **Order.** The bytes of a smaller key are smaller: they are compared byte by byte, and a prefix comes
///    first.
/// 2. **Round trip.** `decode` returns what was encoded.
/// 3. **Hostile bytes.** `decode` may get any bytes that a store holds, and never panics. Unless the type is
///    [`CANONICAL`](Self::CANONICAL), it may accept bytes that `encode` doesn't write. The store then encodes the
///    decoded key again, and refuses it if the bytes differ.
/// 4. **Named.** Types whose bytes or order differ have different [encoding names](Self::encoding_name).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as bytes in its order: it is no `keywalk_bytes::Key`",
    label = "not a key",
    note = "keys are `i8` to `i128`, `u8` to `u128`, `bool`, `String`, `Vec<u8>`, `BareString`, UUIDs, dates and times (features \
            `chrono` and `jiff`), tuples of up to six columns, and their `Option` and `Reverse`; no floats, nothing borrowed",
    note = "for a type of your own implement `keywalk_bytes::Key`"
)]
pub trait Key: Clone + Ord {
    /// Whether [`decode`](Self::decode) refuses all bytes except those that [`encode`](Self::encode) writes. If
    /// so, a store doesn't need to encode each decoded key again. `true` for integers, `bool`, UUIDs, dates, times,
    /// bytes, [`BareString`] and [`Reverse`](std::cmp::Reverse) of types of fixed width. The default is `false`, which
    /// is always safe.
    const CANONICAL: bool = false;

    /// Appends the key's bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Decodes a key from its bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are not a key of this type.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// Returns the name of the type's encoding and order: `"i64"`, `"Reverse<String>"`, `"(integer, String)"`.
    /// A saved cursor records the name. A walk whose keys have another name refuses the cursor.
    ///
    /// The name must stay the same across compilers and releases ([`type_name`](std::any::type_name) doesn't).
    /// A type of your own needs a unique name, for example with its crate's name. If it only wraps another
    /// key type, with the same bytes and order, use the name of the wrapped type.
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// use keywalk_bytes::Key;
    ///
    /// assert_eq!(<u16 as Key>::encoding_name(), "u16");
    /// // Integer columns of all types have the same encoding, so a column may become wider.
    /// assert_eq!(<(u16, Reverse<String>)>::encoding_name(), "(integer, Reverse<String>)");
    /// ```
    fn encoding_name() -> Cow<'static, str>;

    /// Returns the fraction of the way from `first` to `last` that lies before `at`, 0 to 1, for a progress
    /// bar. `None` if `first` equals `last`, or if the fraction isn't known. In a descending walk `first` is
    /// larger than `last`.
    ///
    /// Integers, UUIDs, dates and times are compared by value, and bytes by what follows their common prefix. Tuples
    /// are compared by the first column that differs. If that column holds integers, the next column divides each step
    /// from one integer to the next. This assumes that the next column has about the same range for every integer. The
    /// fraction is right if keys are spread evenly. It isn't known for text, nor between `None` and a value. For a type
    /// of your own, the default compares the encoded keys as bytes.
    ///
    /// ```
    /// use keywalk_bytes::Key;
    ///
    /// assert_eq!(Key::fraction(&-10_i64, &30, &0), Some(0.25));
    /// assert_eq!(Key::fraction(&30_i64, &-10, &0), Some(0.75));
    /// assert_eq!(Key::fraction(&7_i64, &7, &7), None);
    ///
    /// // Tenants 1 to 4: half of the second one's rows.
    /// let fraction = Key::fraction(&(1_i64, 0_i64), &(4, 800), &(2, 400));
    /// assert!(fraction.is_some_and(|fraction| (0.37..0.38).contains(&fraction)));
    /// ```
    #[must_use]
    fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        fraction::of_bytes(&first.to_bytes(), &last.to_bytes(), &at.to_bytes())
    }

    /// Returns the key human-readable, for a log or a progress bar. This is not a stable format. Text is
    /// escaped so that it is safe on a terminal, and cut after 120 characters or 60 bytes, so two long keys may
    /// look alike. By default, returns the key's bytes as hexadecimal digits.
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// use keywalk_bytes::Key;
    ///
    /// let key = ("ada".to_string(), Reverse(7_i64), vec![0, 255]);
    /// assert_eq!(key.display(), r#"("ada", 7, 00ff)"#);
    /// ```
    fn display(&self) -> String {
        display::of_bytes(&self.to_bytes())
    }

    /// Decodes into the memory of an existing key. By default, assigns what [`decode`](Self::decode) returns.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode). The key's value is then unspecified.
    fn decode_in_place(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        *self = Self::decode(bytes)?;
        Ok(())
    }

    /// Copies into the memory of an existing key. By default, calls [`Clone::clone_from`]. Tuples override it,
    /// since their `clone_from` doesn't reuse the memory of their columns.
    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    /// Returns the key's bytes, for example to insert an entry.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}
