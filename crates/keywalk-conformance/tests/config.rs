//! What the environment says of how much is tried.

#![forbid(unsafe_code)]

use std::process::{Command, Output};

use keywalk_conformance::Config;

/// This test alone, in a process of its own with that many cases asked for.
fn run_with(cases: &str, test: &str) -> Output {
    let this = std::env::current_exe().expect("a test has a file");
    let mut run = Command::new(this);
    run.args(["--exact", test]).env("KEYWALK_CASES", cases);
    run.output().expect("it runs once more")
}

#[test]
fn cases_that_are_said_replace_those_of_the_environment() {
    let config = format!("{:?}", Config::default().cases(4));
    assert!(config.contains("cases: 4,"), "{config}");
}

#[test]
fn cases_that_are_no_number_or_too_large_a_one_are_refused() {
    let test = "cases_that_are_said_replace_those_of_the_environment";
    assert!(run_with("7", test).status.success());
    for cases in ["many", "-1", "4294967296"] {
        let run = run_with(cases, test);
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(!run.status.success(), "{cases}");
        let named = format!("KEYWALK_CASES is \"{cases}\"");
        assert!(told.contains(&named), "{told}");
    }
}
