//! The list of checks, each named after its rule, and the macro that makes tests of them.

use std::time::Instant;

use crate::clause::Clause;
use crate::config::Config;
use crate::harness::{DurableHarness, Harness, PrefetchedHarness};
use crate::outcome::{Outcome, Verdict};
use crate::recorder::watched;
use crate::runner::{Checked, Runner, Stop};

mod change;
mod faults;
mod fetch;
mod harness;
mod memory;
mod resume;
mod threads;
mod walk;
mod written;

/// Passes one list of checks, each `module::name [clauses that it proves]`, to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_check {
    (of_walks, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            harness::every_store_is_opened_empty [Harness]
            harness::what_is_put_can_be_fetched [Harness]
            harness::keys_are_ordered_as_they_declare [Harness, G1]
            harness::capabilities_are_as_declared [Harness]

            fetch::the_first_item_is_at_the_start [G3]
            fetch::the_start_is_exclusive [G6, G3, G8]
            fetch::an_absent_key_is_a_position_too [G3, G8]
            fetch::a_question_can_be_asked_again [G3, G4]

            fetch::bounds_are_included_or_excluded [G6]
            fetch::inverted_and_empty_ranges_hold_nothing [G6]
            fetch::the_limit_is_respected [G6, G8]
            fetch::a_byte_budget_is_kept [G6]
            fetch::no_limit_is_too_large [G8]
            fetch::descending_mirrors_ascending [G1, G8]

            fetch::keys_come_in_strict_order [G1]
            fetch::no_key_comes_twice [G2]
            fetch::values_are_those_that_were_put [G5, G3]
            fetch::the_end_is_said_only_when_nothing_remains [G8]
            fetch::the_end_comes [G8]
            fetch::the_smallest_and_the_largest_key_come [G3]
            fetch::every_boundary_key_has_its_place [G1, G3, G6, G8]
            fetch::the_last_key_is_the_furthest [G8, G6, G4]
            fetch::key_and_key_into_agree [G10]

            walk::every_chunk_size_gives_the_same_walk [G7, G12]
            walk::long_walks_have_every_item [G3, G8, G4, G10]
            walk::nothing_is_read_before_the_first_item [G13]
            walk::no_more_than_a_chunk_is_buffered [G13]
            walk::a_fetch_reads_about_what_it_returns [G13]
            walk::walks_do_not_disturb_each_other [G3, G8]
            memory::memory_stays_constant [G13]

            change::every_fetch_is_exact_during_changes [G7]
            change::deleting_the_cursors_row_loses_nothing [G3]
            change::deleting_the_last_row_ends_the_walk [G9]
            change::clearing_the_store_ends_the_walk [G9]
            change::what_is_deleted_ahead_does_not_come [G7, G4]
            change::what_is_inserted_ahead_comes [G7, G3]
            change::what_is_inserted_behind_does_not_come [G6]
            change::what_is_inserted_again_comes_once [G2]
            change::appending_for_ever_does_not_keep_a_walk_from_its_end [G9]
            change::a_refetch_sees_the_latest [G5, G7]
            change::a_snapshot_is_stable [G7]
            change::nothing_is_held_between_fetches [G14]

            threads::keys_that_stay_are_found_during_writes [G3, G2, G4, G5]

            resume::a_walk_can_be_resumed_at_every_item [G10]
            resume::a_walk_can_be_resumed_after_changes [G10]
            resume::a_walk_can_be_resumed_after_reopening [G10]

            faults::a_transient_fault_is_returned_and_loses_nothing [G11]
            faults::a_lasting_fault_is_returned_and_loses_nothing [G11]
            faults::a_failed_fetch_can_be_retried [G11]
        }
    };
    (of_tokens, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            written::keys_round_trip_through_their_bytes [G10]
            written::arbitrary_bytes_decode_or_are_refused [G10]
            written::different_keys_have_different_text [G10]

            resume::a_token_resumes_at_every_item [G10]
            resume::a_token_resumes_after_changes [G10]
            resume::a_token_resumes_after_reopening [G10]
            resume::a_token_outlives_its_rows [G10]

            written::the_fingerprint_stays_the_same [G10]
            written::a_token_of_another_source_is_refused [G10]

            written::the_fraction_grows_from_0_to_1 [G10]
        }
    };
    (of_prefetched, $then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            walk::a_prefetched_walk_is_the_same_walk [G7, G5, G8, G11]
            walk::a_prefetched_fault_comes_in_its_place [G11]
            threads::readers_in_threads_do_not_disturb_each_other [G3, G2, G5, G8]
        }
    };
}

pub(crate) struct Check<H: Harness> {
    pub(crate) name: &'static str,
    clauses: &'static [Clause],
    run: fn(&Runner<H>) -> Checked,
}

macro_rules! checks {
    ({$checks:ident: $harness:ident} $($module:ident :: $name:ident [$($clause:ident),+])+) => {
        /// Returns these checks, in the order in which they are best read.
        pub(crate) fn $checks<H: $harness>() -> Vec<Check<H>> {
            vec![$(Check {
                name: stringify!($name),
                clauses: &[$(Clause::$clause),+],
                run: $module::$name::<H>,
            }),+]
        }
    };
}

crate::__each_check!(of_walks, checks, { of_walks: Harness });
crate::__each_check!(of_tokens, checks, { of_tokens: DurableHarness });
crate::__each_check!(of_prefetched, checks, { of_prefetched: PrefetchedHarness });

impl<H: Harness> Check<H> {
    /// Runs the check on a thread of its own.
    pub(crate) fn run(&self, config: Config) -> Outcome {
        let Check { name, clauses, run } = *self;
        let start = Instant::now();
        let watched = watched(
            name,
            config,
            Box::new(move |beat| match run(&Runner::new(name, config, beat)) {
                Ok(()) => Ok(Verdict::Passed),
                Err(Stop::Skipped(reason)) => Ok(Verdict::Skipped(reason)),
                Err(Stop::Failed(failure)) => Err(failure),
            }),
        );
        Outcome {
            check: name,
            clauses,
            duration: start.elapsed(),
            verdict: watched.unwrap_or_else(Verdict::Failed),
        }
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
/// For a [`ResumableSource`](keywalk::ResumableSource), add the word `durable`, as in
/// `conformance!(shared: Shared, durable, prefetched)`. This also tests its tokens, the bytes of its keys and its
/// fingerprint. For a source that can move to another thread, add `prefetched`. This also tests
/// [prefetched](keywalk::Walk::prefetch) walks.
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
    ({$suite:ident $run:ident} $($module:ident :: $check:ident $clauses:tt)+) => {$(
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
