//! The checks, each named after its rule.

use crate::lab::{Lab, Stop};
use crate::report::{Outcome, Verdict};
use crate::watch::watched;
use crate::{Config, DurableHarness, Harness, PrefetchedHarness};

mod bounds;
mod change;
mod faults;
mod fingerprint;
mod harness;
mod items;
mod key_bytes;
mod prefetch;
mod prefetched_faults;
mod resume;
mod share;
mod start;
mod threads;
mod token;
mod walk;

/// Hands the list of checks, each `module::name`, to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_check {
    ($then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            harness::every_store_is_opened_empty
            harness::what_is_put_can_be_fetched
            harness::keys_are_ordered_as_they_declare
            harness::capabilities_are_as_declared

            start::an_empty_store_ends_at_once
            start::a_single_item_comes
            start::the_first_item_is_at_the_start
            start::the_start_is_exclusive
            start::an_absent_key_is_a_position_too
            start::past_the_last_key_is_the_end
            start::a_question_can_be_asked_again

            bounds::bounds_are_included_or_excluded
            bounds::inverted_and_empty_ranges_hold_nothing
            bounds::a_limit_of_one_gives_one
            bounds::the_limit_is_respected
            bounds::a_byte_budget_is_kept
            bounds::no_limit_is_too_large
            bounds::an_exact_multiple_of_the_limit_ends
            bounds::descending_mirrors_ascending

            items::keys_come_in_strict_order
            items::no_key_comes_twice
            items::values_are_those_that_were_put
            items::the_end_is_said_only_when_nothing_remains
            items::the_end_comes
            items::the_smallest_and_the_largest_key_come
            items::every_boundary_key_has_its_place
            items::the_last_key_is_the_furthest
            items::a_key_is_told_alike_in_both_ways

            walk::every_chunk_size_gives_the_same_walk
            walk::long_walks_have_every_item
            walk::after_the_end_nothing_comes
            walk::nothing_is_read_before_the_first_item
            walk::no_more_than_a_chunk_is_buffered
            walk::a_fetch_reads_about_what_it_answers
            walk::two_walks_do_not_disturb_each_other

            change::every_fetch_is_exact_beside_changes
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
            change::a_panic_of_the_consumer_harms_nothing

            threads::keys_that_stay_are_found_beside_writers

            resume::a_walk_can_be_resumed_at_every_item
            resume::a_walk_can_be_resumed_after_changes
            resume::a_walk_can_be_resumed_after_reopening
            resume::a_cursor_goes_on_by_its_key_alone
            resume::a_cursor_that_contradicts_the_walk_is_refused

            faults::a_transient_fault_is_said_and_loses_nothing
            faults::a_lasting_fault_is_said_and_loses_nothing
            faults::a_failed_fetch_can_be_asked_again
        }
    };
}

/// The same, of the checks of sources whose cursors can be written down.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_durable_check {
    ($then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            key_bytes::keys_come_back_from_their_bytes
            key_bytes::different_keys_have_different_bytes
            key_bytes::any_bytes_are_a_key_or_refused
            key_bytes::a_key_in_words_is_told_apart

            token::a_token_goes_on_at_every_item
            token::a_token_goes_on_after_changes
            token::a_token_goes_on_after_reopening
            token::a_token_outlives_its_rows

            fingerprint::the_fingerprint_stays_the_same
            fingerprint::a_token_of_a_stranger_is_refused
            fingerprint::a_damaged_token_is_refused

            share::the_share_grows_from_0_to_1
        }
    };
}

/// The same, of the checks of sources that can be prefetched.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_prefetched_check {
    ($then:path, $($argument:tt)*) => {
        $then! {
            $($argument)*
            prefetch::a_prefetched_walk_is_the_same_walk
            prefetch::a_prefetched_walk_is_exact_beside_changes
            prefetch::nothing_is_prefetched_before_the_first_item
            prefetch::no_more_than_the_depth_is_fetched_ahead
            prefetch::nothing_is_held_beside_prefetched_chunks
            prefetch::a_prefetched_walk_can_be_resumed_at_every_item
            prefetch::a_prefetched_walk_can_be_resumed_after_changes
            prefetch::a_source_comes_back_from_its_thread
            prefetched_faults::a_prefetched_fault_comes_in_its_place

            threads::keys_that_stay_are_prefetched_beside_writers
        }
    };
}

/// One of the kit's checks.
pub(crate) struct Check<H: Harness> {
    pub(crate) name: &'static str,
    run: fn(&Lab<H>) -> Result<(), Stop>,
}

macro_rules! checks {
    (
        {$(#[$attribute:meta])* $checks:ident: $harness:ident}
        $($module:ident :: $name:ident)+
    ) => {
        $(#[$attribute])*
        pub(crate) fn $checks<H: $harness>() -> Vec<Check<H>> {
            vec![$(Check { name: stringify!($name), run: $module::$name::<H> }),+]
        }
    };
}

crate::__each_check! {
    checks,
    {
        /// Those of every source, in the order in which they are best read.
        of_walks: Harness
    }
}

crate::__each_durable_check! {
    checks,
    {
        /// Those of a source whose cursors can be written down.
        of_tokens: DurableHarness
    }
}

crate::__each_prefetched_check! {
    checks,
    {
        /// Those of a source that can be prefetched.
        of_prefetched: PrefetchedHarness
    }
}

/// Those of every source, and of its tokens.
pub(crate) fn of_both<H: DurableHarness>() -> Vec<Check<H>> {
    let mut checks = of_walks();
    checks.extend(of_tokens());
    checks
}

impl<H: Harness> Check<H> {
    /// Runs it, on a thread of its own.
    pub(crate) fn run(&self, suite: &'static str, config: Config) -> Outcome {
        let Check { name, run } = *self;
        let carried_out = watched(name, config.seed, config.patience, move |beat| {
            match run(&Lab::new(suite, name, config, beat)) {
                Ok(()) => Ok(Verdict::Passed),
                Err(Stop::Skipped(reason)) => Ok(Verdict::Skipped(reason)),
                Err(Stop::Failed(failure)) => Err(failure),
            }
        });
        let verdict = carried_out.unwrap_or_else(Verdict::Failed);
        Outcome::new(name, verdict)
    }
}
