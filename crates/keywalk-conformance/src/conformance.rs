use crate::{Outcome, Verdict};

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
///
/// One that can move to another thread, and so be [prefetched](keywalk::Walk::prefetch), is said to be
/// `prefetched`: such walks are then tried too. Both can be said, `durable` first or last.
///
/// ```
/// # mod tests {
/// # macro_rules! conformance { ($($tokens:tt)*) => {} }
/// conformance!(shared: Shared, durable, prefetched);
/// # }
/// ```
#[macro_export]
macro_rules! conformance {
    ($($(#[$attribute:meta])* $name:ident: $harness:ty $(, $more:ident)*);+ $(;)?) => {$(
        $(#[$attribute])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            type Harness = $harness;

            $crate::__each_check!(of_walks, $crate::__tests, {$name run_check});
            $($crate::__more_tests! { $name $more })*
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ({$suite:ident $run:ident} $($module:ident :: $check:ident)+) => {$(
        #[test]
        fn $check() {
            let outcome = $crate::$run::<Harness>(stringify!($check), &$crate::Config::default());
            $crate::assert_conforms(stringify!($suite), outcome);
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __more_tests {
    ($suite:ident durable) => {
        $crate::__each_check!(of_tokens, $crate::__tests, {$suite run_durable_check});
    };
    ($suite:ident prefetched) => {
        $crate::__each_check!(of_prefetched, $crate::__tests, {$suite run_prefetched_check});
    };
    ($suite:ident $other:ident) => {
        compile_error!("a source can be `durable` and `prefetched`, and nothing else");
    };
}

/// What a test that [`conformance!`](crate::conformance) made says of its check.
///
/// # Panics
///
/// If it failed, with the failure; or if there is no such check.
#[doc(hidden)]
#[track_caller]
pub fn assert_conforms(suite: &str, outcome: Option<Outcome>) {
    match outcome.as_ref().map(Outcome::verdict) {
        None => panic!("the kit has no such check"),
        Some(Verdict::Passed) => {}
        Some(Verdict::Skipped(reason)) => println!("{suite}: skipped: {reason}"),
        Some(Verdict::Failed(failure)) => panic!("\n\n{suite}: {failure}\n\n"),
    }
}
