use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Tells how many bytes an item holds; what [`Walk::chunk_bytes`](crate::Walk::chunk_bytes) adds up.
///
/// The bytes are those of the value itself ([`size_of`]) and those that it owns on the heap. What it
/// *holds* counts, not what it reserved: a `String` weighs its length, whatever its capacity. What is
/// borrowed or shared counts in full, each time that it is reached.
///
/// Implemented for numbers, text, byte strings, and tuples, lists and boxes of what has a weight. For
/// types of other crates (a `Uuid`, sled's `IVec`) take
/// [`Walk::chunk_bytes_by`](crate::Walk::chunk_bytes_by) instead.
///
/// ```
/// use keywalk::Weigh;
///
/// struct User {
///     id: i64,
///     name: String,
/// }
///
/// impl Weigh for User {
///     fn weigh(&self) -> usize {
///         self.id.weigh() + self.name.weigh()
///     }
/// }
///
/// let ada = User { id: 1, name: "Ada".to_owned() };
/// assert_eq!(ada.weigh(), size_of::<User>() + 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "it isn't known how many bytes `{Self}` holds",
    note = "implement `Weigh` for it, or give a function to `Walk::chunk_bytes_by`"
)]
pub trait Weigh {
    /// The bytes. Called once for each item that comes, so it should be O(1), or as good as.
    fn weigh(&self) -> usize;

    /// The bytes of some items together. Provided: their sum, O(n).
    ///
    /// Override it where all weigh the same; so a `Vec<u8>` of any length is weighed at once.
    fn weigh_slice(items: &[Self]) -> usize
    where
        Self: Sized,
    {
        items
            .iter()
            .fold(0, |sum, item| sum.saturating_add(item.weigh()))
    }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Weigh for $type {
            fn weigh(&self) -> usize {
                size_of::<Self>()
            }

            fn weigh_slice(items: &[Self]) -> usize {
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

impl Weigh for str {
    fn weigh(&self) -> usize {
        self.len()
    }
}

impl Weigh for String {
    fn weigh(&self) -> usize {
        size_of::<Self>().saturating_add(self.len())
    }
}

impl<T: Weigh> Weigh for [T] {
    fn weigh(&self) -> usize {
        T::weigh_slice(self)
    }
}

impl<T: Weigh, const N: usize> Weigh for [T; N] {
    fn weigh(&self) -> usize {
        T::weigh_slice(self)
    }
}

impl<T: Weigh> Weigh for Vec<T> {
    fn weigh(&self) -> usize {
        size_of::<Self>().saturating_add(T::weigh_slice(self))
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weigh(&self) -> usize {
        match self {
            Some(item) => (size_of::<Self>() - size_of::<T>()).saturating_add(item.weigh()),
            None => size_of::<Self>(),
        }
    }
}

impl<T: Weigh> Weigh for Reverse<T> {
    fn weigh(&self) -> usize {
        self.0.weigh()
    }
}

impl<T: Weigh + ToOwned + ?Sized> Weigh for Cow<'_, T> {
    fn weigh(&self) -> usize {
        size_of::<Self>().saturating_add((**self).weigh())
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<T: Weigh + ?Sized> Weigh for $pointer {
            fn weigh(&self) -> usize {
                size_of::<Self>().saturating_add((**self).weigh())
            }
        }
    )+};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

macro_rules! tuples {
    ($(($($name:ident),+);)+) => {$(
        impl<$($name: Weigh),+> Weigh for ($($name,)+) {
            fn weigh(&self) -> usize {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                let padding = size_of::<Self>() $(- size_of_val($name))+;
                padding $(.saturating_add($name.weigh()))+
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
