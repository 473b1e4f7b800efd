/// Makes a module of tests of a harness: one `#[test]` a check, named after its rule.
///
/// ```
/// # mod tests {
/// # use keywalk_conformance::{BoxError, Harness, KeySpace};
/// # type Shared = ();
/// # macro_rules! conformance { ($($tokens:tt)*) => {} }
/// conformance! {
///     shared: Shared;
///     shared_again: Shared;
/// }
/// # }
/// ```
///
/// `cargo test shared::the_start` runs those of a name. Each opens stores of its own, so they run at
/// the same time.
#[macro_export]
macro_rules! conformance {
    ($($(#[$attribute:meta])* $name:ident: $harness:ty);+ $(;)?) => {$(
        $(#[$attribute])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            type Harness = $harness;

            $crate::__each_check!($crate::__tests, {$name});
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ({$suite:ident} $($module:ident :: $check:ident)+) => {$(
        #[test]
        fn $check() {
            $crate::assert_conforms::<Harness>(stringify!($suite), stringify!($check));
        }
    )+};
}
