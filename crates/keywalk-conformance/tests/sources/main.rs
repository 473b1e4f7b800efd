//! Tests the kit. Each broken source must fail the check that is there for its fault, by the clause that names it.
//! Right sources, some of them unusual, must pass all checks.

#![forbid(unsafe_code)]
#![expect(clippy::type_complexity, reason = "a quirk is a function")]

mod broken;
mod documented;
mod large;
mod messages;
mod other_keys;
mod pool;
mod rare;
mod report;
mod right;
mod rows;
mod store;
mod tokens;

use std::cmp::Reverse;
use std::time::Duration;

use keywalk_conformance::{
    Clause, Config, Outcome, Report, Verdict, conformance, run_check, run_durable,
    run_durable_check, run_prefetched, run_prefetched_check,
};
use uuid::Uuid;

use documented::is_documented;
use other_keys::{half_keyed, mixed, pairs, plain, text, text_and_number};
use rows::{Row, Rows};
use store::{By, Kind, Quirky, by};

by! {
    Integers: i64;
    /// The same keys, for another test thread.
    Numbers: i64;
    /// The same keys, for another test thread.
    Told: i64;
    Texts: String;
    Pairs: (i64, i64);
    Mixed: (i64, Reverse<String>);
    TextsAndNumbers: (String, i64);
    Unsigned: u64;
    Small: i8;
    Uuids: Uuid;
    Bytes: Vec<u8>;
    Triples: (i64, String, u64);
    /// Sets only half of a key.
    HalfKeyed: (i64, i64), {
        fn key_into(key: &Self::Key, into: &mut Self::Key) {
            into.1 = key.1;
        }
    };
    Sound: i64;
}

conformance! {
    a_sound_source: Quirky<Sound>, durable, prefetched;
}

type Table<B> = fn(&mut Rows<<B as By>::Key>);

/// Runs a check of any suite.
fn outcome_of<B: By>(config: &Config, kind: &Kind<B::Key>, check: &str) -> Option<Outcome> {
    B::trying(kind, || {
        let of_walks = run_check::<Quirky<B>>(check, config);
        let of_both = of_walks.or_else(|| run_durable_check::<Quirky<B>>(check, config));
        of_both.or_else(|| run_prefetched_check::<Quirky<B>>(check, config))
    })
}

/// Checks that each broken source fails its check by its clause. The clause may have to be documented too.
fn fail_by<B: By>(is_said: fn(&str, Clause) -> bool, config: &Config, tables: &[Table<B>]) {
    let mut unnoticed = String::new();
    for Row { name, kind, fails } in Rows::of(tables).rows {
        let Some((check, clause)) = fails else {
            continue;
        };
        let outcome = outcome_of::<B>(config, &kind, check);
        match outcome.as_ref().map(Outcome::verdict) {
            Some(Verdict::Failed(failure)) if failure.clause() == clause => {}
            verdict => unnoticed += &format!("{name}: {check} says {verdict:?}\n"),
        }
        assert!(is_said(check, clause), "src/checks.md has {name} otherwise");
    }
    assert!(unnoticed.is_empty(), "\n{unnoticed}");
}

fn fail<B: By>(tables: &[Table<B>]) {
    fail_by::<B>(is_documented, &quick(), tables);
}

/// Detects a source that hangs soon, but not too soon: on a loaded machine, the first backtrace of a panic may take a
/// second.
fn quick() -> Config {
    Config::default().patience(Duration::from_secs(5))
}

fn durable<B: By>(config: &Config) -> Vec<Report> {
    vec![run_durable::<Quirky<B>>(config)]
}

fn every<B: By>(config: &Config) -> Vec<Report> {
    let prefetched = run_prefetched::<Quirky<B>>(config);
    vec![run_durable::<Quirky<B>>(config), prefetched]
}

/// Checks that each right source passes these suites.
fn pass<B: By>(suites: fn(&Config) -> Vec<Report>, tables: &[Table<B>]) {
    let rows = Rows::of(tables).rows.into_iter();
    for Row { name, kind, .. } in rows.filter(|row| row.fails.is_none()) {
        for report in B::trying(&kind, || suites(&Config::default())) {
            assert!(report.is_ok(), "{name}: {report}");
        }
    }
}

// All sources by integers are in one test. They take turns, and separate tests would block cores while they wait.
#[test]
fn broken_sources_fail() {
    fail::<Integers>(&[
        tokens::sources,
        broken::sources,
        rare::sources,
        large::sources,
    ]);
    fail_by::<Integers>(is_documented, &quick().keys(70_000), &[large::thorough]);
    fail_by::<Integers>(|_, _| true, &quick(), &[broken::by_another_clause]);
}

#[test]
fn broken_sources_with_other_keys_fail() {
    fail::<Pairs>(&[pairs]);
    fail::<Mixed>(&[mixed, large::trailing]);
    fail::<Texts>(&[text, large::texts]);
    fail::<TextsAndNumbers>(&[large::leading]);
    fail::<Bytes>(&[large::bytes]);
    fail::<HalfKeyed>(&[half_keyed]);
}

#[test]
fn right_sources_pass() {
    pass::<Numbers>(every::<Numbers>, &[plain, right::answers]);
    pass::<Numbers>(durable::<Numbers>, &[right::tokens]);
}

#[test]
fn right_sources_with_texts_for_keys_pass() {
    pass::<Texts>(every::<Texts>, &[plain]);
    pass::<Texts>(durable::<Texts>, &[text]);
    pass::<TextsAndNumbers>(every::<TextsAndNumbers>, &[plain]);
    pass::<TextsAndNumbers>(durable::<TextsAndNumbers>, &[text_and_number]);
    pass::<Mixed>(every::<Mixed>, &[plain]);
}

#[test]
fn right_sources_with_other_keys_pass() {
    pass::<Unsigned>(durable::<Unsigned>, &[plain]);
    pass::<Small>(durable::<Small>, &[plain]);
    pass::<Uuids>(durable::<Uuids>, &[plain]);
    pass::<Bytes>(durable::<Bytes>, &[plain]);
    pass::<Triples>(durable::<Triples>, &[plain]);
}
