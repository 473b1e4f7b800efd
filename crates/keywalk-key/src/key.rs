//! Keys, and their bytes.

mod by_column;
mod bytes;
mod column;
mod integer;
mod malformed;
mod packed;
mod reverse;
mod share;
mod text;
mod tuple;
mod uuid;
mod words;

use std::borrow::Cow;

pub use column::TupleElement;
pub use malformed::DecodeError;
pub use text::BareString;

/// A key of a store that is ordered by bytes: bytes whose order is the key's own.
///
/// | Type | Its bytes |
/// |---|---|
/// | `u8` to `u128` | big-endian, as wide as the type |
/// | `i8` to `i128` | the same with the sign bit flipped |
/// | [`Uuid`](https://docs.rs/uuid/1/uuid/struct.Uuid.html) | its 16 bytes |
/// | `Vec<u8>` | themselves: every store's |
/// | [`BareString`] | the text, with nothing around it |
/// | `String` | one text of the tuple layer: `02`, the text with `00` as `00 ff`, `00` |
/// | `(A, B, …)`, to six | one [`TupleElement`] of the tuple layer after the other |
/// | [`Reverse`](std::cmp::Reverse) of an integer or UUID | the complement of its bytes |
/// | `Reverse` of `String` or `Vec<u8>` | the [`TupleElement`] |
///
/// The [tuple layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md) is
/// FoundationDB's published format, which other languages write too.
///
/// A type of your own is a key once it says its bytes:
///
/// ```
/// use std::borrow::Cow;
/// use keywalk_key::{Key, DecodeError};
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
/// 1. **Order.** The bytes of a smaller key are smaller, byte by byte and a beginning before what it
///    begins.
/// 2. **Round trip.** `decode` gives back what was encoded.
/// 3. **Hostile bytes.** `decode` takes whatever a store holds, and never panics. It need not be
///    [strict](Self::CANONICAL): what it takes is encoded again and compared, so no two byte strings come as
///    one key.
/// 4. **Named.** Types whose bytes or order differ have different [kinds](Self::encoding_name).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as bytes in its order: it is no `keywalk_key::Key`",
    label = "not a key",
    note = "keys are `i8` to `i128`, `u8` to `u128`, `String`, `Vec<u8>`, `BareString`, `Uuid`, tuples of up to six columns, and their \
            `Reverse`; no floats, nothing borrowed or optional",
    note = "for a type of your own implement `keywalk_key::Key`"
)]
pub trait Key: Clone + Ord {
    /// Whether [`decode`](Self::decode) refuses all bytes but those that [`encode`](Self::encode) writes,
    /// so that a store needn't encode each key that it reads again. So it is for integers, UUIDs, bytes,
    /// [`BareString`] and [`Reverse`](std::cmp::Reverse) of what has a fixed width; provided: `false`, which is
    /// never wrong.
    const CANONICAL: bool = false;

    /// Appends the key's bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// The key that these bytes are.
    ///
    /// # Errors
    ///
    /// If they are none.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// The name of the type's bytes and order, by which a cursor that was written down is told from one
    /// by another key: `"i64"`, `"Reverse<String>"`, `"(integer, String)"`.
    ///
    /// It stays what it is, whatever the compiler and the release ([`type_name`](std::any::type_name)
    /// doesn't). A type of your own says what nobody else says, by its crate's name for one; or, if it
    /// does nothing but wrap one of these and is written and ordered as that, the wrapped one's.
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// use keywalk_key::Key;
    ///
    /// assert_eq!(<u16 as Key>::encoding_name(), "u16");
    /// // An integer column is written alike whatever its type, so it may become wider.
    /// assert_eq!(<(u16, Reverse<String>)>::encoding_name(), "(integer, Reverse<String>)");
    /// ```
    fn encoding_name() -> Cow<'static, str>;

    /// What part of the way from `first` to `last` lies before `at`, from 0 to 1, for a progress bar;
    /// `None` if there is no way between them, or it can't be told. `first` is the larger one of a walk
    /// downwards.
    ///
    /// By value for integers and UUIDs, by what follows the common beginning for bytes, by the first column
    /// that differs for tuples: right where keys are spread evenly. Not told for text. Provided: by the
    /// key's bytes, as for bytes.
    ///
    /// ```
    /// use keywalk_key::Key;
    ///
    /// assert_eq!(Key::fraction(&-10_i64, &30, &0), Some(0.25));
    /// assert_eq!(Key::fraction(&30_i64, &-10, &0), Some(0.75));
    /// assert_eq!(Key::fraction(&7_i64, &7, &7), None);
    /// ```
    #[must_use]
    fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        share::of_bytes(&first.to_bytes(), &last.to_bytes(), &at.to_bytes())
    }

    /// The key in words, for people: in a log or a progress bar, and no format. Text is escaped, so that a
    /// terminal only shows it; more than 120 characters, or 60 bytes, are cut, so two long keys may read
    /// alike. Provided: its bytes as hexadecimal digits.
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// use keywalk_key::Key;
    ///
    /// let key = ("ada".to_string(), Reverse(7_i64), vec![0, 255]);
    /// assert_eq!(key.display(), r#"("ada", 7, 00ff)"#);
    /// ```
    fn display(&self) -> String {
        words::of_bytes(&self.to_bytes())
    }

    /// Decodes in the memory of a key that is there. Provided: assigns [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); the key is then of no meaning.
    fn decode_in_place(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        *self = Self::decode(bytes)?;
        Ok(())
    }

    /// Copies in the memory of a key that is there. Provided: [`Clone::clone_from`], which a tuple
    /// doesn't hand on to its columns.
    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    /// The key's bytes, to insert by.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}
