//! Checks that the documentation lists the kit's checks, with their clauses and needs.

use keywalk_conformance::{
    Capabilities, Capability, Clause, Config, Report, Verdict, run_durable, run_prefetched,
};

use crate::store::{By, Kind, Quirky};

/// Returns the documented checks, the clauses of each and what it needs.
fn documented() -> impl Iterator<Item = [&'static str; 3]> {
    let rows = include_str!("../../src/checks.md").lines();
    rows.filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` |")?;
        let (clauses, needs) = rest.trim_end_matches('|').split_once('|')?;
        Some([name, clauses.trim(), needs.trim()])
    })
}

/// Returns whether the check is documented to prove this clause.
pub(crate) fn is_documented(check: &str, clause: Clause) -> bool {
    let number = clause.name().split(' ').next();
    documented()
        .any(|[name, clauses, _]| name == check && clauses.split(", ").any(|of| Some(of) == number))
}

/// Checks that all checks of a source with these capabilities are documented, and skipped where they need more.
fn are_documented(capabilities: fn(Capabilities) -> Capabilities, is_needy: fn(&str) -> bool) {
    type Tried = crate::Numbers;
    let kind = Kind {
        capabilities,
        ..Kind::SOUND
    };
    let suites = [
        run_durable::<Quirky<Tried>>,
        run_prefetched::<Quirky<Tried>>,
    ];
    let config = Config::default().cases(1);
    let reports = Tried::trying(&kind, || suites.map(|run| run(&config)));
    let mut rows = documented();
    for outcome in reports.iter().flat_map(Report::outcomes) {
        let [name, clauses, needs] = rows.next().expect("a row for each check");
        let of_outcome = format!("{:?}", outcome.clauses());
        assert_eq!(
            (name, format!("[{clauses}]")),
            (outcome.check(), of_outcome)
        );
        let is_skipped = matches!(outcome.verdict(), Verdict::Skipped(_));
        // Another machine may have too few overlaps of threads.
        let is_lucky = name == "keys_that_stay_are_found_during_writes";
        assert!(
            is_skipped == is_needy(needs) || is_skipped && is_lucky,
            "{name}"
        );
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn every_check_is_listed_in_its_place_with_what_it_needs() {
    // All capabilities except `snapshot`.
    are_documented(
        |all| all,
        |needs| {
            let of_snapshots = needs.ends_with("`snapshot`") && !needs.contains("no ");
            of_snapshots || needs.contains("thorough")
        },
    );
    const NO: Capability = Capability::No("it is said so");
    let only_snapshot = |_| Capabilities {
        descending: NO,
        mutation: NO,
        replacement: NO,
        snapshot: Capability::Yes,
        threads: NO,
        faults: NO,
        reopening: NO,
        counting: NO,
    };
    are_documented(only_snapshot, |needs| {
        !needs.is_empty() && !needs.contains("foreign_fingerprints")
    });
}
