use std::borrow::Cow;
use std::cmp::Ordering;
use std::marker::PhantomData;

use redb::{Key, TypeName, Value};

/// A type of redb's, as the bytes that redb stores. Its type, widths and order are those of `T`, so redb opens a table
/// of `T` by it.
#[derive(Debug)]
pub(crate) struct Raw<T>(PhantomData<T>);

#[deny(clippy::missing_trait_methods)]
impl<T: Value + 'static> Value for Raw<T> {
    type SelfType<'a> = &'a [u8];
    type AsBytes<'a> = &'a [u8];

    const NICHE: Option<&'static [u8]> = T::NICHE;

    fn fixed_width() -> Option<usize> {
        T::fixed_width()
    }

    fn from_bytes<'a>(bytes: &'a [u8]) -> &'a [u8]
    where
        Self: 'a,
    {
        bytes
    }

    fn as_bytes<'a, 'b: 'a>(value: &'a &'b [u8]) -> &'a [u8]
    where
        Self: 'b,
    {
        value
    }

    fn type_name() -> TypeName {
        T::type_name()
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Key + 'static> Key for Raw<T> {
    fn compare(a: &[u8], b: &[u8]) -> Ordering {
        T::compare(a, b)
    }

    fn separator<'a>(left: &'a [u8], right: &'a [u8]) -> Cow<'a, [u8]> {
        T::separator(left, right)
    }

    fn min_encoded_key() -> Option<Cow<'static, [u8]>> {
        T::min_encoded_key()
    }
}
