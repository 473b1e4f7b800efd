//! Broken sources: each must fail, by the check that is there for it and by the clause that names its
//! fault.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::time::Duration;

use keywalk_conformance::{
    Clause, Config, Outcome, Verdict, run, run_check, run_durable_check, run_prefetched_check,
};

mod mutants {
    pub(crate) mod bound;
    pub(crate) mod cache;
    pub(crate) mod column;
    pub(crate) mod documented;
    pub(crate) mod durable;
    pub(crate) mod end;
    pub(crate) mod fault;
    pub(crate) mod fingerprint;
    pub(crate) mod held;
    pub(crate) mod item;
    pub(crate) mod key_bytes;
    pub(crate) mod last;
    pub(crate) mod picky;
    pub(crate) mod position;
    pub(crate) mod reads_on;
    pub(crate) mod scan;
    pub(crate) mod share;
    pub(crate) mod store;
    pub(crate) mod thread;
}

use mutants::documented::is_documented;
use mutants::store::Quirky;
use mutants::{
    bound, cache, column, end, fault, fingerprint, held, item, key_bytes, last, picky, position,
    reads_on, scan, share, thread,
};

/// One that hangs is found soon; but not so soon that a loaded machine, which may take a second over
/// the first backtrace of a panic, looks like one.
fn clause_of(run: fn(&str, &Config) -> Option<Outcome>, check: &str) -> Option<Clause> {
    let config = Config::default().patience(Duration::from_secs(5));
    let outcome = run(check, &config)?;
    // Shown if it isn't the expected one.
    println!("{:?}", outcome.verdict());
    match outcome.verdict() {
        Verdict::Failed(failure) => Some(failure.clause()),
        _ => None,
    }
}

/// Which check must fail, and by which clause.
macro_rules! mutants {
    ($run:ident; $($name:ident: $mutant:ty, $check:literal, $clause:ident;)+) => {$(
        #[test]
        fn $name() {
            assert_eq!(clause_of($run::<$mutant>, $check), Some(Clause::$clause));
            assert!(is_documented($check, Clause::$clause), "src/checks.md has it otherwise");
        }
    )+};
}

mutants! {
    run_check;
    cursor_inclusive: Quirky<position::Inclusive>, "the_start_is_exclusive", G6;
    skips_the_key_after_the_cursor: Quirky<position::Skips>, "the_start_is_exclusive", G3;
    takes_zero_for_the_start: Quirky<position::ZeroIsStart>, "the_start_is_exclusive", G6;
    ignores_its_position: Quirky<position::Ignored>, "the_start_is_exclusive", G6;
    pages_by_offset: Quirky<position::Offset>, "deleting_the_cursors_row_loses_nothing", G3;
    upper_bound_exclusive: Quirky<bound::UpperExclusive>, "bounds_are_included_or_excluded", G6;
    lower_bound_exclusive: Quirky<bound::LowerExclusive>, "bounds_are_included_or_excluded", G6;
    upper_bound_ignored: Quirky<bound::UpperIgnored>, "bounds_are_included_or_excluded", G6;
    one_more_than_the_limit: Quirky<bound::OneMore>, "the_limit_is_respected", G6;
    up_to_the_limit_whatever_the_bytes: Quirky<bound::BytesIgnored>, "a_byte_budget_is_kept", G6;
    limit_cut_to_a_byte: Quirky<bound::ByteLimit>, "no_limit_is_too_large", G8;
    panics_on_inverted_ranges: Quirky<bound::Panics>, "inverted_and_empty_ranges_hold_nothing", G6;
    sign_bit_lost: Quirky<item::SignLost>, "keys_come_in_strict_order", G1;
    drops_the_smallest_key: Quirky<item::DropsSmallest>, "the_smallest_and_the_largest_key_come", G3;
    drops_the_largest_key: Quirky<item::DropsLargest>, "every_boundary_key_has_its_place", G3;
    wrong_order: Quirky<item::Ascending>, "descending_mirrors_ascending", G1;
    last_two_swapped: Quirky<item::Swapped>, "keys_come_in_strict_order", G1;
    duplicates_from_a_join: Quirky<item::Joined>, "no_key_comes_twice", G2;
    wrong_values: Quirky<item::WrongValues>, "values_are_those_that_were_put", G5;
    a_short_page_taken_for_the_end: Quirky<end::ShortPage>, "the_end_is_said_only_when_nothing_remains", G8;
    always_ends: Quirky<end::Always>, "the_end_is_said_only_when_nothing_remains", G8;
    never_ends: Quirky<end::Never>, "the_end_comes", G8;
    stops_where_the_cursors_row_is_gone: Quirky<end::RowGone>, "an_absent_key_is_a_position_too", G8;
    an_error_taken_for_the_end: Quirky<fault::End>, "a_transient_fault_is_said_and_loses_nothing", G11;
    half_a_chunk_before_an_error: Quirky<fault::Half>, "a_transient_fault_is_said_and_loses_nothing", G11;
    an_old_snapshot: Quirky<held::Snapshot>, "what_is_deleted_ahead_does_not_come", G7;
    holds_a_lock: Quirky<held::Lock>, "nothing_is_held_between_fetches", G14;
    not_lazy: Quirky<held::Eager>, "nothing_is_read_before_the_first_item", G13;
    compares_each_column: Quirky<column::Each, (i64, i64)>, "the_start_is_exclusive", G3;
    compares_the_first_column: Quirky<column::FirstOnly, (i64, i64)>, "the_start_is_exclusive", G3;
    takes_a_descending_column_for_ascending: Quirky<column::Reversed, (i64, Reverse<String>)>, "keys_come_in_strict_order", G1;
    keeps_half_of_a_key: Quirky<column::HalfKept, (i64, i64)>, "a_key_is_told_alike_in_both_ways", G10;
    the_nearest_key_for_the_last: Quirky<last::Nearest>, "the_last_key_is_the_furthest", G8;
    the_largest_key_for_the_last: Quirky<last::Largest>, "the_last_key_is_the_furthest", G8;
    the_last_key_of_the_store: Quirky<last::OfTheStore>, "the_last_key_is_the_furthest", G6;
    the_bound_for_the_last_key: Quirky<last::TheBound>, "the_last_key_is_the_furthest", G4;
    the_key_before_the_bound_for_the_last: Quirky<last::BeforeTheBound>, "the_last_key_is_the_furthest", G8;
    an_error_taken_for_an_empty_range: Quirky<last::EmptyOnError>, "a_transient_fault_is_said_and_loses_nothing", G11;
    remembers_values: Quirky<cache::Values>, "a_refetch_sees_the_latest", G5;
    leaves_out_what_it_gave_before: Quirky<cache::Seen>, "a_question_can_be_asked_again", G3;
    keeps_an_iterator: Quirky<cache::Iterator>, "no_more_than_a_chunk_is_buffered", G13;
    keeps_the_item_that_it_peeked_at: Quirky<cache::Peeked>, "no_more_than_a_chunk_is_buffered", G13;
    scans_past_items: Quirky<scan::PastItems>, "the_first_item_is_at_the_start", G3;
    scans_upwards_always: Quirky<scan::Upwards>, "descending_mirrors_ascending", G8;
    says_more_without_an_item: Quirky<scan::Nowhere>, "past_the_last_key_is_the_end", G8;
    more_of_the_first_page_for_ever: Quirky<reads_on::FirstPage<false>>, "the_last_key_is_the_furthest", G6;
    a_stretch_of_the_first_page_for_ever: Quirky<reads_on::FirstPage<true>>, "the_last_key_is_the_furthest", G6;
    slots_that_are_not_emptied: Quirky<item::Appended, String>, "a_question_can_be_asked_again", G4;
    an_error_a_fetch_late: Quirky<fault::Late>, "a_failed_fetch_can_be_asked_again", G11;
    dead_after_an_error: Quirky<fault::Dead>, "a_failed_fetch_can_be_asked_again", G11;
    tries_again_into_the_same_chunk: Quirky<fault::Again>, "a_transient_fault_is_said_and_loses_nothing", G11;
    reads_everything_on_the_first_fetch: Quirky<held::All>, "a_fetch_reads_about_what_it_answers", G13;
}

mutants! {
    run_durable_check;
    a_key_cut_to_32_bits: Quirky<key_bytes::Cut>, "keys_come_back_from_their_bytes", G10;
    a_time_cut_to_milliseconds: Quirky<key_bytes::Milliseconds>, "keys_come_back_from_their_bytes", G10;
    text_in_lower_case: Quirky<key_bytes::LowerCase, String>, "keys_come_back_from_their_bytes", G10;
    any_bytes_as_the_default_key: Quirky<key_bytes::Zero>, "keys_come_back_from_their_bytes", G10;
    bytes_in_the_place_of_others: Quirky<key_bytes::Clears>, "keys_come_back_from_their_bytes", G10;
    the_same_bytes_for_two_keys: Quirky<key_bytes::SignLost>, "different_keys_have_different_bytes", G10;
    text_without_its_blanks: Quirky<key_bytes::NoBlanks, String>, "different_keys_have_different_bytes", G10;
    short_bytes_panic: Quirky<key_bytes::Slices>, "any_bytes_are_a_key_or_refused", G10;
    bytes_of_no_key_are_an_error: Quirky<key_bytes::Fails>, "any_bytes_are_a_key_or_refused", G10;
    keys_that_only_their_source_knows: Quirky<key_bytes::Numbered>, "a_token_goes_on_at_every_item", G10;
    a_key_is_read_by_its_row: Quirky<key_bytes::ByRow>, "a_token_outlives_its_rows", G10;
    the_first_column_in_words: Quirky<key_bytes::FirstInWords, (i64, i64)>, "a_key_in_words_is_told_apart", G10;
    no_words: Quirky<key_bytes::NoWords>, "a_key_in_words_is_told_apart", G10;
    a_fingerprint_of_each_source: Quirky<fingerprint::OfEach>, "the_fingerprint_stays_the_same", G10;
    a_fingerprint_of_the_first_fetch: Quirky<fingerprint::OfTheFetch>, "the_fingerprint_stays_the_same", G10;
    a_fingerprint_of_the_rows: Quirky<fingerprint::OfTheRows>, "a_token_goes_on_after_changes", G10;
    a_fingerprint_of_the_handle: Quirky<fingerprint::OfTheHandle>, "a_token_goes_on_after_reopening", G10;
    a_fingerprint_without_the_table: Quirky<fingerprint::NoTable>, "a_token_of_a_stranger_is_refused", G10;
    a_fingerprint_without_directions: Quirky<fingerprint::NoDirection>, "a_token_of_a_stranger_is_refused", G10;
    a_fingerprint_without_the_filters_value: Quirky<fingerprint::NoValue>, "a_token_of_a_stranger_is_refused", G10;
    a_fingerprint_of_one_word: Quirky<fingerprint::OneWord>, "a_token_of_a_stranger_is_refused", G10;
    a_share_that_goes_back: Quirky<share::Back>, "the_share_grows_from_0_to_1", G10;
    a_share_in_percent: Quirky<share::Percent>, "the_share_grows_from_0_to_1", G10;
    a_share_of_walks_upwards: Quirky<share::Upwards>, "the_share_grows_from_0_to_1", G10;
    a_share_that_overflows: Quirky<share::Overflows>, "the_share_grows_from_0_to_1", G10;
    a_share_that_is_no_number: Quirky<share::NoNumber>, "the_share_grows_from_0_to_1", G10;
}

mutants! {
    run_prefetched_check;
    a_handle_of_the_thread: Quirky<thread::Handle>, "a_prefetched_walk_is_the_same_walk", G8;
    a_panic_in_another_thread: Quirky<thread::Owner>, "a_prefetched_walk_is_the_same_walk", G11;
    differences_to_another_chunk: Quirky<thread::Differences>, "a_prefetched_walk_is_the_same_walk", G5;
    an_error_that_is_swallowed_ahead: Quirky<fault::End>, "a_prefetched_fault_comes_in_its_place", G11;
}

#[test]
fn what_is_wrong_without_a_fault_is_not_the_faults() {
    type Skips = Quirky<position::Skips>;
    let transient = "a_transient_fault_is_said_and_loses_nothing";
    assert_eq!(clause_of(run_check::<Skips>, transient), Some(Clause::G3));
    let ahead = "a_prefetched_fault_comes_in_its_place";
    assert_eq!(
        clause_of(run_prefetched_check::<Skips>, ahead),
        Some(Clause::G3)
    );
}

#[test]
fn operations_that_never_run_out_are_the_harnesss() {
    let lasting = "a_lasting_fault_is_said_and_loses_nothing";
    let clause = clause_of(run_check::<Quirky<fault::TooFine>>, lasting);
    assert_eq!(clause, Some(Clause::Harness));
}

#[test]
fn a_put_that_panics_is_told_with_its_key() {
    let outcome =
        run_check::<picky::Picky<false>>("what_is_put_can_be_fetched", &Config::default());
    let Some(Verdict::Failed(failure)) = outcome.as_ref().map(Outcome::verdict) else {
        panic!("it didn't fail: {outcome:?}");
    };
    assert_eq!(failure.clause(), Clause::Harness);
    let told = failure.to_string();
    assert!(told.contains(r#"put "" = "#), "{told}");
    assert!(
        told.contains("it panicked: a key may not be empty"),
        "{told}"
    );
}

#[test]
fn keys_that_are_filtered_out_are_not_tried() {
    let report = run::<picky::Picky<true>>(&Config::default());
    assert!(report.is_ok(), "{report}");
}
