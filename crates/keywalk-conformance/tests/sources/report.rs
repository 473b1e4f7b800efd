//! The report of a run: its table, and its file for other programs.

use std::process::Command;
use std::{env, fs, process};

use keywalk_conformance::{Capabilities, Capability, Config, Report, Verdict};
use keywalk_conformance::{run, run_durable};

use crate::store::{By, Kind, Quirky, fetches};

type Tried = crate::Told;

const HOSTILE: &str = "<never> & \"]]>\0\u{1b}\u{ffff}";
/// Characters that XML doesn't allow are replaced.
const IN_XML: &str = "<never> & \"]]>\u{fffd}\u{fffd}\u{fffd}";

/// Returns the report of a source that panics on inverted ranges.
fn report() -> Report {
    let kind = Kind {
        open: &|_| {
            fetches(|store, range, chunk| {
                assert!(!range.is_empty(), "{HOSTILE}");
                store.answer(range, chunk)
            })
        },
        capabilities: |all| Capabilities {
            counting: Capability::No(HOSTILE),
            ..all
        },
        ..Kind::SOUND
    };
    Tried::trying(&kind, || run::<Quirky<Tried>>(&Config::default().cases(1)))
}

#[test]
fn a_report_has_a_line_and_a_test_case_for_each_check() {
    let report = report();
    let path = env::temp_dir().join(format!("keywalk-report-{}.xml", process::id()));
    report.write_junit(&path).expect("a file");
    let xml = fs::read_to_string(&path).expect("the file");
    fs::remove_file(path).expect("the file");
    let xml = roxmltree::Document::parse(&xml).expect("XML");
    let mut cases = xml
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    let table = report.to_string();
    let mut lines = table.lines().skip(2);
    let mut numbers = [0; 3];
    for outcome in report.outcomes() {
        let case = cases.next().expect("a case");
        assert_eq!(case.attribute("name"), Some(outcome.check()));
        let node = case.first_element_child();
        let (says, at, came, expected) = match outcome.verdict() {
            Verdict::Passed => ("passed", 0, node.map(|_| "a node"), None),
            Verdict::Failed(failure) => {
                let text = node.and_then(|node| node.text());
                ("FAILED", 1, text, Some(failure.to_string()))
            }
            Verdict::Skipped(reason) => {
                let message = node.and_then(|node| node.attribute("message"));
                ("skipped", 2, message, Some((*reason).to_owned()))
            }
        };
        numbers[at] += 1;
        assert_eq!(
            came.map(str::to_owned),
            expected.map(|text| text.replace(HOSTILE, IN_XML))
        );
        let clauses = format!("{:?}", outcome.clauses());
        let row = [outcome.check(), clauses.trim_matches(['[', ']']), says];
        let line = lines.next().expect("a line");
        assert!(row.iter().all(|cell| line.contains(cell)), "{line}");
    }
    let [passed, failed, skipped] = numbers;
    assert!(
        failed > 0 && skipped == 3 && table.contains(HOSTILE),
        "{table}"
    );
    let counts = format!("{passed} passed, {failed} failed, {skipped} skipped, with seed ");
    assert!(
        lines.next().is_some_and(|line| line.contains(&counts)),
        "{table}"
    );
    assert_eq!(cases.next(), None);
}

#[test]
fn each_suite_has_a_file_of_its_own_where_it_is_asked_for() {
    const NAME: &str = "report::each_suite_has_a_file_of_its_own_where_it_is_asked_for";
    let config = Config::default().cases(1);
    if env::var_os("KEYWALK_JUNIT").is_some() {
        Tried::trying(&Kind::SOUND, || {
            drop([run::<Quirky<Tried>>(&config), run::<Quirky<Tried>>(&config)]);
            drop(run_durable::<Quirky<Tried>>(&config));
        });
        return;
    }
    let folder = env::temp_dir().join(format!("keywalk-junit-{}", process::id()));
    let this = env::current_exe().expect("a test has a file");
    let mut this = Command::new(this);
    let run = this.args(["--exact", NAME]).env("KEYWALK_JUNIT", &folder);
    let run = run
        .env("CARGO_PKG_NAME", "kit")
        .output()
        .expect("it runs once more");
    assert!(run.status.success(), "{run:?}");
    let files = fs::read_dir(&folder).expect("the folder");
    let name =
        |file: std::io::Result<fs::DirEntry>| file.map(|file| file.file_name().into_string());
    let mut files = Vec::from_iter(
        files
            .map(name)
            .map(|name| name.expect("a file").expect("UTF-8")),
    );
    files.sort();
    let name = "kit.sources.store.Quirky-sources.Told-.";
    let suites = ["durable", "walks-2", "walks"].map(|suite| format!("{name}{suite}.xml"));
    assert_eq!(files, suites);
    fs::remove_dir_all(folder).expect("the folder");
}
