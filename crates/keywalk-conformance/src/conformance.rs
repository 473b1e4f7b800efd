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
///
/// A source whose cursors can be written down ([`DurableSource`](keywalk::DurableSource)) is said to be
/// `durable`: its tokens, keys' bytes and fingerprint are then tried too.
///
/// ```
/// # mod tests {
/// # macro_rules! conformance { ($($tokens:tt)*) => {} }
/// conformance!(shared: Shared, durable);
/// # }
/// ```
#[macro_export]
macro_rules! conformance {
    ($($(#[$attribute:meta])* $name:ident: $harness:ty $(, $durable:ident)?);+ $(;)?) => {$(
        $(#[$attribute])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            type Harness = $harness;

            $crate::__each_check!($crate::__tests, {$name assert_conforms});
            $($crate::__durable_tests! { $name $durable })?
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ({$suite:ident $assert:ident} $($module:ident :: $check:ident)+) => {$(
        #[test]
        fn $check() {
            $crate::$assert::<Harness>(stringify!($suite), stringify!($check));
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __durable_tests {
    ($suite:ident durable) => {
        $crate::__each_durable_check!($crate::__tests, {$suite assert_conforms_durably});
    };
    ($suite:ident $other:ident) => {
        compile_error!("a source can be `durable`, and nothing else");
    };
}
