use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};
use core::ops::Bound;

/// A type of keys that can begin with a prefix of type `P`. [`Walk::prefix`](crate::Walk::prefix) walks the keys that
/// do.
///
/// | Key | Prefix | Keys with the prefix |
/// |---|---|---|
/// | `String` | any text | the texts that begin with it |
/// | `Vec<u8>` | any bytes | the byte strings that begin with them |
/// | a tuple of two to six columns | a tuple of fewer columns | the tuples whose first columns equal it |
///
/// The columns of a tuple are [`PrefixColumn`]s. Write those of the prefix as the key's own types, or text as `&str`
/// and bytes as `&[u8]`.
///
/// For a type that wraps a text, map the bounds: `let (start, end) = String::bounds_of("ab")`, then
/// `walk.range((start.map(BareString), end.map(BareString)))`.
///
/// Implement it for a key of your own if it has prefixes. The keys with one prefix must be contiguous in the store's
/// order.
///
/// ```
/// use std::ops::Bound;
/// use keywalk::HasPrefix;
///
/// let bounds = String::bounds_of("ab");
/// assert_eq!(bounds, (Bound::Included("ab".into()), Bound::Excluded("ac".into())));
///
/// let bounds = <(u32, String)>::bounds_of((5,));
/// let (five, six) = ((5, String::new()), (6, String::new()));
/// assert_eq!(bounds, (Bound::Included(five), Bound::Excluded(six)));
/// ```
#[diagnostic::on_unimplemented(
    message = "a key `{Self}` has no such prefix",
    label = "no prefix of this key",
    note = "a text has a prefix of text, bytes have one of bytes, and a tuple has a tuple of fewer columns, such as `(5,)` \
            of `(i64, String)`",
    note = "for other keys use `range`"
)]
pub trait HasPrefix<P>: Sized {
    /// Returns the bounds of all keys that begin with `prefix`. A prefix after which no other one comes, such as bytes
    /// `FF`, has no upper bound.
    fn bounds_of(prefix: P) -> (Bound<Self>, Bound<Self>);
}

/// A column of a tuple key that [has prefixes](HasPrefix). The type has a least value, and each value except the
/// greatest has a successor.
///
/// Implemented for integers, `bool`, `String`, `Vec<u8>`, `Option` of a column, the [`Reverse`] of integers and `bool`,
/// and with the feature `uuid` for UUIDs, their texts and their `Reverse`. `Reverse<String>` has no least value,
/// because no text is the greatest.
///
/// Implement it for a column of your own. Nothing may lie between a value and its successor.
#[diagnostic::on_unimplemented(
    message = "a tuple with a column `{Self}` has no prefixes",
    label = "not a `PrefixColumn`",
    note = "columns are integers, `bool`, `String`, `Vec<u8>`, `Uuid` (feature `uuid`), their `Option`, and the `Reverse` of those \
            with a greatest value: a `Reverse<String>` has no least one",
    note = "use `range` instead, with the first and the last key"
)]
pub trait PrefixColumn: Sized {
    /// Returns the least value, in the column's order.
    fn least() -> Self;

    /// Returns the next greater value, or `None` if this is the greatest one.
    fn successor(&self) -> Option<Self>;
}

/// A value as a column of type `C`: `C` itself, `&str` for text, `&[u8]` for bytes. Part of a [prefix](HasPrefix).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of the key's column `{C}`",
    label = "expected `{C}`"
)]
pub trait IntoColumn<C> {
    /// Returns the column.
    fn into_column(self) -> C;
}

impl<C> IntoColumn<C> for C {
    fn into_column(self) -> C {
        self
    }
}

impl IntoColumn<String> for &str {
    fn into_column(self) -> String {
        self.to_owned()
    }
}

impl IntoColumn<Vec<u8>> for &[u8] {
    fn into_column(self) -> Vec<u8> {
        self.to_owned()
    }
}

impl<const N: usize> IntoColumn<Vec<u8>> for &[u8; N] {
    fn into_column(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<P: AsRef<str>> HasPrefix<P> for String {
    fn bounds_of(prefix: P) -> (Bound<Self>, Bound<Self>) {
        let mut after = prefix.as_ref().to_owned();
        // The last character that has a successor is replaced by it. The characters behind it are removed.
        let next = core::iter::from_fn(|| after.pop()).find_map(|last| match last {
            // Surrogates are no characters.
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        });
        let upper = next.map(|next| {
            after.push(next);
            after
        });
        bounds(prefix.as_ref().to_owned(), upper)
    }
}

impl<P: AsRef<[u8]>> HasPrefix<P> for Vec<u8> {
    fn bounds_of(prefix: P) -> (Bound<Self>, Bound<Self>) {
        let mut after = prefix.as_ref().to_owned();
        let next = core::iter::from_fn(|| after.pop()).find_map(|last| last.checked_add(1));
        let upper = next.map(|next| {
            after.push(next);
            after
        });
        bounds(prefix.as_ref().to_owned(), upper)
    }
}

fn bounds<K>(lower: K, upper: Option<K>) -> (Bound<K>, Bound<K>) {
    let upper = upper.map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(lower), upper)
}

/// Implements [`HasPrefix`] for tuples. Before the semicolon are the columns of the prefix: their type, that of the
/// given value, and a name.
macro_rules! tuples {
    ($($($first:ident $given:ident $at:ident),+; $($rest:ident),+;)+) => {$(
        impl<$($first, $given,)+ $($rest),+> HasPrefix<($($given,)+)> for ($($first,)+ $($rest),+)
        where
            $($first: PrefixColumn + Clone, $given: IntoColumn<$first>,)+
            $($rest: PrefixColumn,)+
        {
            fn bounds_of(prefix: ($($given,)+)) -> (Bound<Self>, Bound<Self>) {
                let ($($at,)+) = prefix;
                $(let $at = $at.into_column();)+
                let lower = ($($at.clone(),)+ $($rest::least()),+);
                // The last column that has a successor is replaced by it. The columns behind it get their least values.
                let have_successors = [$($at.successor().is_some()),+];
                let steps = have_successors.iter().rposition(|has_one| *has_one);
                let mut columns = 0_usize..;
                $(let $at = stepped($at, columns.next().cmp(&steps));)+
                bounds(lower, steps.map(|_| ($($at,)+ $($rest::least()),+)))
            }
        }
    )+};
}

/// `place` is where the column lies relative to the one that gets its successor.
fn stepped<C: PrefixColumn>(column: C, place: Ordering) -> C {
    match place {
        Ordering::Less => column,
        Ordering::Equal => column.successor().unwrap_or(column),
        Ordering::Greater => C::least(),
    }
}

tuples! {
    A P p; B;
    A P p; B, C;
    A P p, B Q q; C;
    A P p; B, C, D;
    A P p, B Q q; C, D;
    A P p, B Q q, C R r; D;
    A P p; B, C, D, E;
    A P p, B Q q; C, D, E;
    A P p, B Q q, C R r; D, E;
    A P p, B Q q, C R r, D S s; E;
    A P p; B, C, D, E, F;
    A P p, B Q q; C, D, E, F;
    A P p, B Q q, C R r; D, E, F;
    A P p, B Q q, C R r, D S s; E, F;
    A P p, B Q q, C R r, D S s, E T t; F;
}

macro_rules! integers {
    ($($integer:ident),+) => {$(
        impl PrefixColumn for $integer {
            fn least() -> Self {
                $integer::MIN
            }

            fn successor(&self) -> Option<Self> {
                self.checked_add(1)
            }
        }

        impl PrefixColumn for Reverse<$integer> {
            fn least() -> Self {
                Reverse($integer::MAX)
            }

            fn successor(&self) -> Option<Self> {
                self.0.checked_sub(1).map(Reverse)
            }
        }
    )+};
}

integers!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize
);

impl PrefixColumn for bool {
    fn least() -> Self {
        false
    }

    fn successor(&self) -> Option<Self> {
        (!self).then_some(true)
    }
}

impl PrefixColumn for Reverse<bool> {
    fn least() -> Self {
        Reverse(true)
    }

    fn successor(&self) -> Option<Self> {
        self.0.then_some(Reverse(false))
    }
}

impl PrefixColumn for String {
    fn least() -> Self {
        String::new()
    }

    fn successor(&self) -> Option<Self> {
        Some([self, "\0"].concat())
    }
}

impl PrefixColumn for Vec<u8> {
    fn least() -> Self {
        Vec::new()
    }

    fn successor(&self) -> Option<Self> {
        Some([self, &[0][..]].concat())
    }
}

/// `None` comes first.
impl<C: PrefixColumn> PrefixColumn for Option<C> {
    fn least() -> Self {
        None
    }

    fn successor(&self) -> Option<Self> {
        match self {
            None => Some(Some(C::least())),
            Some(column) => column.successor().map(Some),
        }
    }
}

#[cfg(feature = "uuid")]
macro_rules! uuids {
    ($($uuid:ty),+) => {$(
        impl PrefixColumn for $uuid {
            fn least() -> Self {
                uuid::Uuid::nil().into()
            }

            fn successor(&self) -> Option<Self> {
                let next = uuid::Uuid::from(*self).as_u128().checked_add(1)?;
                Some(uuid::Uuid::from_u128(next).into())
            }
        }

        impl PrefixColumn for Reverse<$uuid> {
            fn least() -> Self {
                Reverse(uuid::Uuid::max().into())
            }

            fn successor(&self) -> Option<Self> {
                let next = uuid::Uuid::from(self.0).as_u128().checked_sub(1)?;
                Some(Reverse(uuid::Uuid::from_u128(next).into()))
            }
        }
    )+};
}

#[cfg(feature = "uuid")]
uuids!(uuid::Uuid, uuid::fmt::Hyphenated, uuid::fmt::Simple);
