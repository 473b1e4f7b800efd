//! The list of checks, each named after its rule, and the macro that makes tests of them.

use crate::config::Config;
use crate::harness::{DurableHarness, Harness, PrefetchedHarness};
use crate::outcome::{Outcome, Verdict};
use crate::recorder::watched;
use crate::runner::{Checked, Runner, Stop};

mod change;
mod faults;
mod fetch;
mod harness;
mod resume;
mod threads;
mod walk;
mod written;

/// Passes one list of checks, each `module::name`, to a macro. The lists are `of_walks` (for every source), `of_tokens`
/// (for resumable sources) and `of_prefetched` (for sources that can be prefetched).
#[doc(hidden)]
#[macro_export]
macro_rules! __each_check {
    (of_walks, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            harness::every_store_is_opened_empty
            harness::what_is_put_can_be_fetched
            harness::keys_are_ordered_as_they_declare
            harness::capabilities_are_as_declared

            fetch::the_first_item_is_at_the_start
            fetch::the_start_is_exclusive
            fetch::an_absent_key_is_a_position_too
            fetch::past_the_last_key_is_the_end
            fetch::a_question_can_be_asked_again

            fetch::bounds_are_included_or_excluded
            fetch::inverted_and_empty_ranges_hold_nothing
            fetch::the_limit_is_respected
            fetch::a_byte_budget_is_kept
            fetch::no_limit_is_too_large
            fetch::descending_mirrors_ascending

            fetch::keys_come_in_strict_order
            fetch::no_key_comes_twice
            fetch::values_are_those_that_were_put
            fetch::the_end_is_said_only_when_nothing_remains
            fetch::the_end_comes
            fetch::the_smallest_and_the_largest_key_come
            fetch::every_boundary_key_has_its_place
            fetch::the_last_key_is_the_furthest
            fetch::key_and_key_into_agree

            walk::every_chunk_size_gives_the_same_walk
            walk::long_walks_have_every_item
            walk::nothing_is_read_before_the_first_item
            walk::no_more_than_a_chunk_is_buffered
            walk::a_fetch_reads_about_what_it_returns
            walk::walks_do_not_disturb_each_other

            change::every_fetch_is_exact_during_changes
            change::deleting_the_cursors_row_loses_nothing
            change::deleting_the_last_row_ends_the_walk
            change::clearing_the_store_ends_the_walk
            change::what_is_deleted_ahead_does_not_come
            change::what_is_inserted_ahead_comes
            change::what_is_inserted_behind_does_not_come
            change::what_is_inserted_again_comes_once
            change::appending_for_ever_does_not_keep_a_walk_from_its_end
            change::a_refetch_sees_the_latest
            change::a_snapshot_is_stable
            change::nothing_is_held_between_fetches

            threads::keys_that_stay_are_found_during_writes

            resume::a_walk_can_be_resumed_at_every_item
            resume::a_walk_can_be_resumed_after_changes
            resume::a_walk_can_be_resumed_after_reopening

            faults::a_transient_fault_is_returned_and_loses_nothing
            faults::a_lasting_fault_is_returned_and_loses_nothing
            faults::a_failed_fetch_can_be_retried
        }
    };
    (of_tokens, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            written::keys_round_trip_through_their_bytes
            written::different_keys_have_different_bytes
            written::arbitrary_bytes_decode_or_are_refused
            written::different_keys_have_different_text

            resume::a_token_resumes_at_every_item
            resume::a_token_resumes_after_changes
            resume::a_token_resumes_after_reopening
            resume::a_token_outlives_its_rows

            written::the_fingerprint_stays_the_same
            written::a_token_of_another_source_is_refused

            written::the_fraction_grows_from_0_to_1
        }
    };
    (of_prefetched, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            walk::a_prefetched_walk_is_the_same_walk
            walk::a_prefetched_fault_comes_in_its_place
        }
    };
}

pub(crate) struct Check<H: Harness> {
    pub(crate) name: &'static str,
    run: fn(&Runner<H>) -> Checked,
}

macro_rules! checks {
    ({$checks:ident: $harness:ident} $($module:ident :: $name:ident)+) => {
        /// Returns these checks, in the order in which they are best read.
        pub(crate) fn $checks<H: $harness>() -> Vec<Check<H>> {
            vec![$(Check { name: stringify!($name), run: $module::$name::<H> }),+]
        }
    };
}

crate::__each_check!(of_walks, checks, { of_walks: Harness });
crate::__each_check!(of_tokens, checks, { of_tokens: DurableHarness });
crate::__each_check!(of_prefetched, checks, { of_prefetched: PrefetchedHarness });

impl<H: Harness> Check<H> {
    /// Runs the check on a thread of its own.
    pub(crate) fn run(&self, config: Config) -> Outcome {
        let Check { name, run } = *self;
        let watched = watched(
            name,
            config,
            Box::new(move |beat| match run(&Runner::new(name, config, beat)) {
                Ok(()) => Ok(Verdict::Passed),
                Err(Stop::Skipped(reason)) => Ok(Verdict::Skipped(reason)),
                Err(Stop::Failed(failure)) => Err(failure),
            }),
        );
        Outcome::new(name, watched.unwrap_or_else(Verdict::Failed))
    }
}

/// Makes a test module for a harness: one `#[test]` per check, named after its rule.
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
/// To run some of them, filter by name: `cargo test shared::the_start`. Each test opens stores of its own, so tests can
/// run in parallel.
///
/// For a [`ResumableSource`](keywalk::ResumableSource), add `durable`. This also tests its tokens, the bytes of its
/// keys and its fingerprint.
///
/// ```
/// # mod tests {
/// # macro_rules! conformance { ($($tokens:tt)*) => {} }
/// conformance!(shared: Shared, durable);
/// # }
/// ```
///
/// For a source that can move to another thread, add `prefetched`. This also tests
/// [prefetched](keywalk::Walk::prefetch) walks. The words can be combined in any order.
///
/// ```
/// # mod tests {
/// # macro_rules! conformance { ($($tokens:tt)*) => {} }
/// conformance!(shared: Shared, durable, prefetched);
/// # }
/// ```
///
/// For a run that takes minutes, before a release, add `thorough`, or set `KEYWALK_THOROUGH=1` instead: see
/// [`Config::thorough`](crate::Config::thorough).
#[macro_export]
macro_rules! conformance {
    ($($(#[$attribute:meta])* $name:ident: $harness:ty $(, $more:ident)*);+ $(;)?) => {$(
        $(#[$attribute])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            type Harness = $harness;

            fn config() -> $crate::Config {
                $crate::Config::default()$(.__word(stringify!($more)))*
            }

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
            let config = config().__in_test(concat!(module_path!(), "::", stringify!($check)));
            let outcome = $crate::$run::<Harness>(stringify!($check), &config);
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
    ($suite:ident thorough) => {};
    ($suite:ident $other:ident) => {
        compile_error!("the words of a suite are `durable`, `prefetched` and `thorough`");
    };
}

/// Reports the outcome of a check in a test that [`conformance!`](crate::conformance) made.
///
/// # Panics
///
/// If the check failed (the message is the failure), or if there is no such check.
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
