//! The report of a run: its table, and its file for other programs.

use std::ffi::OsString;
use std::process::Command;
use std::{env, fs, process};

use keywalk_conformance::{Capabilities, Capability, Config, Verdict};
use keywalk_conformance::{run, run_durable};

use crate::store::{By, Kind, Quirky, fetches};

type Tried = crate::Told;

const HOSTILE: &str = "<never> & \"]]>\0\u{1b}\u{ffff}";
/// Characters that XML doesn't allow are replaced.
const IN_XML: &str = "<never> & \"]]>\u{fffd}\u{fffd}\u{fffd}";

#[test]
fn a_report_has_a_line_and_a_test_case_for_each_check() {
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
    let config = Config::default().cases(1);
    let report = Tried::trying(&kind, || run::<Quirky<Tried>>(&config));
    let path = env::temp_dir().join(format!("keywalk-report-{}.xml", process::id()));
    report.write_junit(&path).expect("a file");
    let xml = fs::read_to_string(&path).expect("the file");
    fs::remove_file(path).expect("the file");
    let xml = roxmltree::Document::parse(&xml).expect("XML");
    let nodes = xml.descendants();
    let mut cases = nodes.filter(|node| node.has_tag_name("testcase"));
    let table = report.to_string();
    let mut lines = table.lines().skip(2);
    let mut numbers = [0; 3];
    for outcome in report.outcomes() {
        let case = cases.next().expect("a case");
        assert_eq!(case.attribute("name"), Some(outcome.check()));
        let node = case.first_element_child();
        let text = node.and_then(|node| node.text().or(node.attribute("message")));
        let (says, at, expected) = match outcome.verdict() {
            Verdict::Passed => ("passed", 0, None),
            Verdict::Failed(failure) => ("FAILED", 1, Some(failure.to_string())),
            Verdict::Skipped(reason) => ("skipped", 2, Some((*reason).to_owned())),
        };
        numbers[at] += 1;
        let expected = expected.map(|text| text.replace(HOSTILE, IN_XML));
        assert_eq!(text, expected.as_deref());
        let clauses = format!("{:?}", outcome.clauses());
        let row = [outcome.check(), clauses.trim_matches(['[', ']']), says];
        let line = lines.next().expect("a line");
        assert!(row.iter().all(|cell| line.contains(cell)), "{line}");
    }
    assert_eq!(cases.next(), None);
    let [passed, failed, skipped] = numbers;
    let counts = format!("{passed} passed, {failed} failed, {skipped} skipped, with seed ");
    let is_counted = lines.next().is_some_and(|line| line.contains(&counts));
    // Counting, the memory and snapshots are skipped; on a busy machine, a check of threads is too.
    let is_told = failed > 0 && skipped >= 3 && table.contains(HOSTILE);
    assert!(is_counted && is_told, "{table}");
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
    let mut this = Command::new(env::current_exe().expect("a test has a file"));
    let run = this.args(["--exact", NAME]).env("KEYWALK_JUNIT", &folder);
    let run = run.env("CARGO_PKG_NAME", "kit").output();
    let run = run.expect("it runs once more");
    assert!(run.status.success(), "{run:?}");
    let files = fs::read_dir(&folder).expect("the folder");
    let mut files = Vec::from_iter(files.map(|file| file.expect("a file").file_name()));
    files.sort();
    let name = "kit.sources.store.Quirky-sources.Told-.";
    let suites =
        ["durable", "walks-2", "walks"].map(|suite| OsString::from(format!("{name}{suite}.xml")));
    assert_eq!(files, suites);
    fs::remove_dir_all(folder).expect("the folder");
}
