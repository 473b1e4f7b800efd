//! Keys, and their bytes.

mod bytes;
mod column;
mod integer;
mod malformed;
mod packed;
mod reverse;
mod text;
mod tuple;
mod uuid;

pub use column::KeyColumn;
pub use malformed::Malformed;
pub use text::Utf8;

/// A key of a store that is ordered by bytes: bytes whose order is the key's own.
///
/// | Type | Its bytes |
/// |---|---|
/// | `u8` to `u128` | big-endian, as wide as the type |
/// | `i8` to `i128` | the same with the sign bit flipped |
/// | [`Uuid`](::uuid::Uuid) | its 16 bytes |
/// | `Vec<u8>` | themselves: every store's |
/// | [`Utf8`] | the text, with nothing around it |
/// | `String` | one text of the tuple layer: `02`, the text with `00` as `00 ff`, `00` |
/// | `(A, B, …)`, to six | one [`KeyColumn`] of the tuple layer after the other |
/// | [`Reverse`](std::cmp::Reverse) of an integer or UUID | the complement of its bytes |
/// | `Reverse` of `String` or `Vec<u8>` | the [`KeyColumn`] |
///
/// The [tuple layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md) is
/// FoundationDB's published format, which other languages write too.
///
/// A type of your own is a key once it says its bytes:
///
/// ```
/// use keywalk_key::{Key, Malformed};
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
///     fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
///         match *bytes {
///             [a, b, c, d] => Ok(Version {
///                 major: u16::from_be_bytes([a, b]),
///                 minor: u16::from_be_bytes([c, d]),
///             }),
///             _ => Err(Malformed::new(format!("has {} bytes, not 4", bytes.len()))),
///         }
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
/// 3. **Hostile bytes.** `decode` takes whatever a store holds, and never panics. It need not be strict:
///    what it takes is encoded again and compared, so no two byte strings come as one key.
pub trait Key: Clone + Ord {
    /// Appends the key's bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// The key that these bytes are.
    ///
    /// # Errors
    ///
    /// If they are none.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed>;

    /// Decodes in the memory of a key that is there. Provided: assigns [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); the key is then of no meaning.
    fn decode_in_place(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
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
