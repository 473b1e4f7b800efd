//! Checks that the documentation lists the kit's checks, with their clauses and needs.

use keywalk_conformance::{
    Capabilities, Capability, Clause, Config, Outcome, Verdict, run_durable, run_prefetched,
};

use crate::store::{By, Kind, Quirky};

/// A row of the documented tables.
struct Documented {
    name: &'static str,
    clauses: Vec<&'static str>,
    needs: &'static str,
}

fn documented() -> Vec<Documented> {
    let rows = include_str!("../../src/checks.md").lines();
    let rows = rows.filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` |")?;
        let (clauses, needs) = rest.split_once('|')?;
        Some(Documented {
            name,
            clauses: clauses.split(',').map(str::trim).collect(),
            needs: needs.trim_end_matches('|').trim(),
        })
    });
    rows.collect()
}

/// Returns whether the check is documented to prove this clause.
pub(crate) fn is_documented(check: &str, clause: Clause) -> bool {
    let rows = documented();
    let row = rows.iter().find(|row| row.name == check);
    let is_clause = |of: &&str| clause.name().split(' ').next() == Some(of);
    row.is_some_and(|row| row.clauses.iter().any(is_clause))
}

/// Returns capabilities of a snapshot, and no others.
fn unable(_: Capabilities) -> Capabilities {
    const NO: Capability = Capability::No("it is said so");
    Capabilities {
        descending: NO,
        mutation: NO,
        replacement: NO,
        snapshot: Capability::Yes,
        threads: NO,
        faults: NO,
        reopening: NO,
        counting: NO,
    }
}

fn outcomes(capabilities: fn(Capabilities) -> Capabilities) -> Vec<Outcome> {
    type Tried = crate::Numbers;
    let kind = Kind {
        capabilities,
        ..Kind::SOUND
    };
    Tried::trying(&kind, || {
        let config = Config::default().cases(1);
        let durable = run_durable::<Quirky<Tried>>(&config);
        let prefetched = run_prefetched::<Quirky<Tried>>(&config);
        [durable.outcomes(), prefetched.outcomes()].concat()
    })
}

fn skipped(outcomes: &[Outcome]) -> Vec<&'static str> {
    let skipped = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.verdict(), Verdict::Skipped(_)));
    skipped.map(Outcome::check).collect()
}

fn names_of(rows: &[Documented], which: impl Fn(&Documented) -> bool) -> Vec<&'static str> {
    let rows = rows.iter().filter(|row| which(row));
    rows.map(|row| row.name).collect()
}

#[test]
fn every_check_is_listed_in_its_place_with_what_it_needs() {
    let rows = documented();
    // All capabilities except `snapshot`.
    let able = outcomes(|all| all);
    let names: Vec<_> = able.iter().map(Outcome::check).collect();
    assert_eq!(names_of(&rows, |_| true), names);
    let clauses = |outcome: &Outcome| format!("{:?}", outcome.clauses());
    let of_rows = rows
        .iter()
        .map(|row| format!("[{}]", row.clauses.join(", ")));
    assert_eq!(
        Vec::from_iter(of_rows),
        Vec::from_iter(able.iter().map(clauses))
    );
    let of_snapshots = |row: &Documented| {
        row.needs.ends_with("`snapshot`") && !row.needs.contains("no ")
            || row.needs.contains("thorough")
    };
    // Another machine may have too few overlaps of threads.
    let mut unable_now = skipped(&able);
    unable_now.retain(|name| *name != "keys_that_stay_are_found_during_writes");
    assert_eq!(names_of(&rows, of_snapshots), unable_now);
    let needy =
        |row: &Documented| !row.needs.is_empty() && !row.needs.contains("foreign_fingerprints");
    assert_eq!(names_of(&rows, needy), skipped(&outcomes(unable)));
}
