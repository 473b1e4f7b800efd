use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Measures how many bytes an item holds. [`Walk::chunk_bytes`](crate::Walk::chunk_bytes) sums these sizes.
///
/// The size is that of the value itself ([`size_of`]) plus the heap memory that it uses. Unused capacity
/// doesn't count: a `String` counts its length. Borrowed or shared data counts in full, each time that it is
/// reached.
///
/// It is implemented for numbers, text, byte strings, and for tuples, lists and boxes of such types. For types
/// of other crates (a `Uuid`, sled's `IVec`) use [`Walk::chunk_bytes_with`](crate::Walk::chunk_bytes_with)
/// instead.
///
/// ```
/// use keywalk::ByteSize;
///
/// struct User {
///     id: i64,
///     name: String,
/// }
///
/// impl ByteSize for User {
///     fn byte_size(&self) -> usize {
///         self.id.byte_size() + self.name.byte_size()
///     }
/// }
///
/// let ada = User { id: 1, name: "Ada".to_owned() };
/// assert_eq!(ada.byte_size(), size_of::<User>() + 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "it isn't known how many bytes `{Self}` holds",
    note = "implement `ByteSize` for it, or give a function to `Walk::chunk_bytes_with`"
)]
pub trait ByteSize {
    /// Returns the size in bytes. It is called once per item, so it should be O(1) or nearly so.
    fn byte_size(&self) -> usize;

    /// Returns the total size of some items. The default sums them in O(n).
    ///
    /// Override it if all items have the same size. That is how a `Vec<u8>` is measured in O(1).
    fn slice_byte_size(items: &[Self]) -> usize
    where
        Self: Sized,
    {
        items
            .iter()
            .fold(0, |sum, item| sum.saturating_add(item.byte_size()))
    }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl ByteSize for $type {
            fn byte_size(&self) -> usize {
                size_of::<Self>()
            }

            fn slice_byte_size(items: &[Self]) -> usize {
                size_of_val(items)
            }
        }
    )+};
}

plain!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64
);

impl ByteSize for str {
    fn byte_size(&self) -> usize {
        self.len()
    }
}

impl ByteSize for String {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add(self.len())
    }
}

impl<T: ByteSize> ByteSize for [T] {
    fn byte_size(&self) -> usize {
        T::slice_byte_size(self)
    }
}

impl<T: ByteSize, const N: usize> ByteSize for [T; N] {
    fn byte_size(&self) -> usize {
        T::slice_byte_size(self)
    }
}

impl<T: ByteSize> ByteSize for Vec<T> {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add(T::slice_byte_size(self))
    }
}

impl<T: ByteSize> ByteSize for Option<T> {
    fn byte_size(&self) -> usize {
        match self {
            Some(item) => (size_of::<Self>() - size_of::<T>()).saturating_add(item.byte_size()),
            None => size_of::<Self>(),
        }
    }
}

impl<T: ByteSize> ByteSize for Reverse<T> {
    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }
}

impl<T: ByteSize + ToOwned + ?Sized> ByteSize for Cow<'_, T> {
    fn byte_size(&self) -> usize {
        size_of::<Self>().saturating_add((**self).byte_size())
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<T: ByteSize + ?Sized> ByteSize for $pointer {
            fn byte_size(&self) -> usize {
                size_of::<Self>().saturating_add((**self).byte_size())
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

macro_rules! tuples {
    ($(($($name:ident),+);)+) => {$(
        impl<$($name: ByteSize),+> ByteSize for ($($name,)+) {
            fn byte_size(&self) -> usize {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                let padding = size_of::<Self>() $(- size_of_val($name))+;
                padding $(.saturating_add($name.byte_size()))+
            }
        }
    )+};
}

tuples! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
}
