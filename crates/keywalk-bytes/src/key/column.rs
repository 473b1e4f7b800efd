use std::borrow::Cow;

use super::{DecodeError, display, fraction};

/// A column of a tuple that is a [`Key`](crate::Key). Its bytes are ordered and mark their own end, so that
/// another column can follow.
///
/// Implemented for `i8` to `i128`, `u8` to `u128`, `bool`, `String`, `Vec<u8>` and [`Uuid`]. Their bytes are those of
/// FoundationDB's [tuple layer](https://github.com/apple/foundationdb/blob/main/design/tuple.md). There all
/// integer types share one form, so a column may become wider without rewriting its data. `Simple` and `Hyphenated`
/// UUIDs are texts there.
///
/// [`Uuid`]: https://docs.rs/uuid/1/uuid/struct.Uuid.html
///
/// Also implemented for these types, with bytes of their own. The first byte is one of the type codes that the tuple
/// layer leaves to its users:
///
/// | Type | Its bytes |
/// |---|---|
/// | `Option` of a column | `40` for `None`, which comes first; `41` and the bytes of the column for `Some` |
/// | dates and times (features `chrono` and `jiff`) | `42`, and the bytes of the [key](crate::Key) |
///
/// Also implemented for the [`Reverse`](std::cmp::Reverse) of any column, which the tuple layer doesn't have.
/// It has the bytes of the column, each complemented. A text or byte string gets one more `00` at the end before
/// it is complemented. Without that `00`, `"a"` (`02 61 00`) would be a prefix of `"a\0b"` (`02 61 00 ff 62 00`).
/// The reversed `"a"` would then sort first, but it must sort second.
///
/// A type of your own that wraps one of these forwards the calls:
///
/// ```
/// use std::borrow::Cow;
/// use keywalk_bytes::{Key, TupleElement, DecodeError};
///
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
/// struct Tenant(u32);
///
/// impl TupleElement for Tenant {
///     fn pack(&self, bytes: &mut Vec<u8>) {
///         self.0.pack(bytes);
///     }
///
///     fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
///         u32::unpack(bytes).map(Tenant)
///     }
///
///     fn column_kind() -> Cow<'static, str> {
///         u32::column_kind()
///     }
///
///     fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
///         u32::column_fraction(&first.0, &last.0, &at.0)
///     }
/// }
///
/// let key = (Tenant(7), "order".to_owned());
/// assert_eq!(key.to_bytes(), b"\x15\x07\x02order\x00");
/// assert_eq!(<(Tenant, String)>::decode(&key.to_bytes()), Ok(key));
/// ```
///
/// # Contract
///
/// The contract of [`Key`](crate::Key), and:
///
/// 1. The first byte is neither `00` nor `ff`.
/// 2. The bytes of a column are not a prefix of the bytes of another column. One exception: they may be, if they begin
///    with `01` or `02`, or with one or more `41` and then `01` or `02`, and if the longer bytes continue with `ff`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a column of a key: it is no `keywalk_bytes::TupleElement`",
    label = "not a column of a key",
    note = "columns are `i8` to `i128`, `u8` to `u128`, `bool`, `String`, `Vec<u8>`, UUIDs, dates and times (features `chrono` \
            and `jiff`), their `Option` and `Reverse`; no floats, nothing borrowed",
    note = "for a type of your own implement `keywalk_bytes::TupleElement`, by way of one of these"
)]
pub trait TupleElement: Clone + Ord {
    /// Appends the column's bytes.
    fn pack(&self, bytes: &mut Vec<u8>);

    /// Takes the column off the front of `bytes`.
    ///
    /// # Errors
    ///
    /// If the bytes don't begin with a column of this type.
    fn unpack(bytes: &mut &[u8]) -> Result<Self, DecodeError>;

    /// Returns the name of the column's encoding and order, which is part of its tuple's
    /// [encoding name](crate::Key::encoding_name): `"integer"`, `"String"`, `"Reverse<integer>"`.
    fn column_kind() -> Cow<'static, str>;

    /// Returns the fraction of the way from `first` to `last` that lies before `at`; see
    /// [`Key::fraction`](crate::Key::fraction). By default, compares the columns' bytes.
    #[must_use]
    fn column_fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        fraction::of_bytes(&packed(first), &packed(last), &packed(at))
    }

    /// Returns the share that a single value has of the range from `first` to `last`, both included: 0.25 if there are
    /// four values. In a tuple's [fraction](crate::Key::fraction), the next column divides this share. Returns `None`
    /// (the default) if the share isn't known, or is negligible.
    #[must_use]
    fn column_step(first: &Self, last: &Self) -> Option<f64> {
        let _ = (first, last);
        None
    }

    /// Returns the column human-readable; see [`Key::display`](crate::Key::display). By default, returns its
    /// bytes as hexadecimal digits.
    fn column_text(&self) -> String {
        display::of_bytes(&packed(self))
    }

    /// Unpacks into the memory of an existing column. By default, assigns what [`unpack`](Self::unpack) returns.
    ///
    /// # Errors
    ///
    /// As for [`unpack`](Self::unpack). The column's value is then unspecified.
    fn unpack_in_place(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        *self = Self::unpack(bytes)?;
        Ok(())
    }
}

pub(super) fn packed(column: &impl TupleElement) -> Vec<u8> {
    let mut bytes = Vec::new();
    column.pack(&mut bytes);
    bytes
}
