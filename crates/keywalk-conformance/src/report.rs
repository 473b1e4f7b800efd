use std::any::type_name;
use std::collections::BTreeSet;
use std::env;
use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use keywalk::Walk;

use crate::checks::{Check, of_prefetched, of_tokens, of_walks};
use crate::config::Config;
use crate::harness::{DurableHarness, Harness, PrefetchedHarness};
use crate::outcome::{Failure, Outcome, Verdict};
use crate::recorder::{lock, watched};
use crate::run::Run;
use crate::runner::{Runner, Stop};

/// The outcomes of all checks of one run. Its `Display` is the table that [`run`] prints, followed by the failures.
#[derive(Clone, Debug)]
pub struct Report {
    /// The harness's type and the suite.
    suite: String,
    seed: u64,
    duration: Duration,
    outcomes: Vec<Outcome>,
    table: String,
}

/// Runs every check of a source and returns their outcomes. It doesn't stop at the first failure.
///
/// Prints one line per check on standard output as soon as it is done. The failures are in the report:
///
/// ```text
/// my_crate::MyStore, walks
///   check                                                clauses          outcome  seconds
///   every_store_is_opened_empty                          Harness          passed      0.00
///   the_start_is_exclusive                               G6, G3           FAILED      0.02
///   a_fetch_reads_about_what_it_returns                  G13              skipped     0.00  the harness doesn't count
///   3 checks: 1 passed, 1 failed, 1 skipped, with seed 2818768626, in 0.03 seconds
/// ```
///
/// If the environment variable `KEYWALK_JUNIT` names a folder, writes the report there as JUnit XML, one file per
/// harness and suite. A later run of the same tests overwrites it.
///
/// In tests, prefer [`conformance!`](crate::conformance), which makes one `#[test]` per check.
///
/// # Panics
///
/// If the folder of `KEYWALK_JUNIT` can't be written to, or standard output can't be.
#[must_use]
pub fn run<H: Harness>(config: &Config) -> Report {
    Report::of("walks", &of_walks::<H>(), config)
}

/// Does as [`run`] does with every check of a resumable source: those of [`run`], and those of its tokens.
#[must_use]
pub fn run_durable<H: DurableHarness>(config: &Config) -> Report {
    let checks = of_walks::<H>().into_iter().chain(of_tokens());
    Report::of("durable", &Vec::from_iter(checks), config)
}

/// Does as [`run`] does with the checks of prefetched walks only.
#[must_use]
pub fn run_prefetched<H: PrefetchedHarness>(config: &Config) -> Report {
    Report::of("prefetched", &of_prefetched::<H>(), config)
}

/// Runs one check of [`run`] by its name. Returns `None` if [`run`] has no such check.
#[must_use]
pub fn run_check<H: Harness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_walks::<H>(), check, config)
}

/// Runs one of the checks that [`run_durable`] adds, by its name. Returns `None` if there is no such check.
#[must_use]
pub fn run_durable_check<H: DurableHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_tokens::<H>(), check, config)
}

/// Runs one check of [`run_prefetched`] by its name. Returns `None` if there is no such check.
#[must_use]
pub fn run_prefetched_check<H: PrefetchedHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_prefetched::<H>(), check, config)
}

fn one_of<H: Harness>(all: &[Check<H>], check: &str, config: &Config) -> Option<Outcome> {
    let check = all.iter().find(|known| known.name == check)?;
    Some(check.run(*config))
}

impl Report {
    fn of<H: Harness>(suite: &str, checks: &[Check<H>], config: &Config) -> Self {
        let start = Instant::now();
        let mut report = Report {
            suite: format!("{}, {suite}", type_name::<H>()),
            seed: config.seed,
            duration: Duration::ZERO,
            outcomes: Vec::new(),
            table: String::new(),
        };
        let (check, clauses) = ("check", "clauses");
        report.add(&report.suite.clone());
        report.add(&format!("  {check:<52} {clauses:<16} outcome  seconds"));
        for check in checks {
            report.outcomes.push(check.run(*config));
            report.add(&row(&report.outcomes[report.outcomes.len() - 1]));
        }
        report.duration = start.elapsed();
        let (all, failed, skipped) = report.numbers();
        report.add(&format!(
            "  {all} checks: {} passed, {failed} failed, {skipped} skipped, with seed {}, in {:.2} seconds",
            all - failed - skipped,
            config.seed,
            report.duration.as_secs_f64()
        ));
        println!();
        if let Some(folder) = env::var_os("KEYWALK_JUNIT")
            && let Err(error) = report.write_into(Path::new(&folder))
        {
            panic!("KEYWALK_JUNIT is {folder:?}, where no report can be written: {error}");
        }
        report
    }

    /// Prints a line and adds it to the table.
    fn add(&mut self, line: &str) {
        println!("{line}");
        self.table += &format!("{line}\n");
    }

    /// Returns the numbers of all checks, of those that failed, and of those that were skipped.
    fn numbers(&self) -> (usize, usize, usize) {
        let verdicts = self.outcomes.iter().map(Outcome::verdict);
        let skipped = verdicts.filter(|verdict| matches!(verdict, Verdict::Skipped(_)));
        let failed = self.failures().count();
        (self.outcomes.len(), failed, skipped.count())
    }

    /// Writes the report as JUnit XML: one `testcase` per check.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn write_junit(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (suite, duration) = (xml(&self.suite), self.duration.as_secs_f64());
        let (all, failed, skipped) = self.numbers();
        let cases = self.outcomes.iter().map(|outcome| {
            let verdict = match outcome.verdict() {
                Verdict::Passed => String::new(),
                Verdict::Skipped(reason) => format!("<skipped message=\"{}\"/>", xml(reason)),
                Verdict::Failed(failure) => {
                    let (clause, text) = (failure.clause().name(), xml(&failure.to_string()));
                    let what = text.lines().next().unwrap_or_default();
                    format!("<failure type=\"{clause}\" message=\"{what}\">{text}</failure>")
                }
            };
            let (check, duration) = (outcome.check(), outcome.duration.as_secs_f64());
            format!(
                "<testcase classname=\"{suite}\" name=\"{check}\" time=\"{duration:.3}\">{verdict}</testcase>\n"
            )
        });
        let cases = String::from_iter(cases);
        let report = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
             <testsuite name=\"{suite}\" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" \
             skipped=\"{skipped}\" time=\"{duration:.3}\">\n\
             <properties><property name=\"seed\" value=\"{}\"/></properties>\n\
             {cases}</testsuite>\n</testsuites>\n",
            self.seed
        );
        fs::write(path, report)
    }

    /// Writes a file into a folder. Its name says the package, the harness and the suite, so that no other report of
    /// this run of the tests is overwritten.
    fn write_into(&self, folder: &Path) -> io::Result<()> {
        static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let package = env::var("CARGO_PKG_NAME").map_or(String::new(), |package| package + ".");
        let is_special = |letter: char| !letter.is_ascii_alphanumeric() && !"._".contains(letter);
        let name = package + &self.suite;
        let mut name = name.replace("::", ".").replace(", ", ".");
        name = name.replace(is_special, "-");
        // File systems allow 255 bytes; the end says the suite.
        name.drain(..name.len().saturating_sub(200));
        let mut written = lock(&WRITTEN);
        let numbers = (2..).map(|number| format!("{name}-{number}"));
        let mut names = [name.clone()].into_iter().chain(numbers);
        let name = names.find(|name| written.insert(name.clone()));
        fs::create_dir_all(folder)?;
        self.write_junit(folder.join(name.unwrap_or_default() + ".xml"))
    }

    /// Returns whether no check failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcomes.iter().all(Outcome::is_ok)
    }

    /// Returns the outcome of each check.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Iterates over the failures.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// Iterates over the names of the skipped checks and the reasons.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Skipped(reason) => Some((outcome.check(), *reason)),
            _ => None,
        })
    }

    /// Returns the seed of the cases.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// Prints the table, then each failure.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        for failure in self.failures() {
            writeln!(f, "\n{failure}")?;
        }
        Ok(())
    }
}

/// Returns a line of the table.
fn row(outcome: &Outcome) -> String {
    let clauses = format!("{:?}", outcome.clauses());
    let clauses = clauses.trim_matches(['[', ']']);
    let (verdict, reason) = match outcome.verdict() {
        Verdict::Passed => ("passed", ""),
        Verdict::Failed(_) => ("FAILED", ""),
        Verdict::Skipped(reason) => ("skipped", *reason),
    };
    let (check, seconds) = (outcome.check(), outcome.duration().as_secs_f64());
    let line = format!("  {check:<52} {clauses:<16} {verdict:<8} {seconds:>7.2}  {reason}");
    line.trim_end().to_owned()
}

/// Returns text as XML, for an element or an attribute. Replaces characters that XML doesn't allow.
fn xml(text: &str) -> String {
    let is_refused = |letter: char| match letter {
        '\t' | '\n' | '\r' => false,
        _ => letter < ' ' || letter == '\u{fffe}' || letter == '\u{ffff}',
    };
    let text = text.replace(is_refused, "\u{fffd}").replace('&', "&amp;");
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

/// The items that a walk yielded: each key with its value, which is the number of the put that wrote it.
pub type Trace<K> = Vec<(K, u64)>;

/// Whether the store changes while [`traces`] walks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrent {
    /// Rows are inserted, replaced and deleted between chunks.
    Changes,
    /// Nothing changes. For stores that can't be changed, or that read from a snapshot.
    Nothing,
}

/// Runs randomized walks and returns what each yielded, for tests of one store against another.
///
/// The seed determines the walks, the concurrent changes, and where each walk is cut and resumed. Two harnesses with
/// the same key space and the same capabilities must return the same traces.
///
/// Changes happen between chunks. If a source returns shorter chunks than requested, such as with
/// [`ScannedTo`](keywalk::Fetched::ScannedTo), each change happens after fewer items. The traces of this source then
/// differ from those of others.
///
/// # Errors
///
/// If a walk breaks its contract.
pub fn traces<H: Harness>(
    config: &Config,
    concurrent: Concurrent,
) -> Result<Vec<Trace<H::Key>>, Failure> {
    const NAME: &str = "traces";
    let (sender, receiver) = channel();
    let config = *config;
    let run = move |beat| {
        let runner = Runner::<H>::new(NAME, config, beat);
        let plans = match concurrent {
            Concurrent::Changes => runner.plans(),
            Concurrent::Nothing => runner.plans_of(&[]),
        };
        let traced = runner.law(&plans, &|case, plan| {
            let mut run = Run::start(case, plan)?;
            let walk = plan.walk(case.source()?);
            let items = run.by_items(case, walk, plan.cut)?;
            let (cursor, size) = (items.cursor(), plan.second_chunk_size);
            let walk = Walk::new(case.source()?).resume(cursor).chunk_size(size);
            drop(run.by_items(case, walk, usize::MAX)?);
            // Nothing is lost if the receiver is gone.
            drop(sender.send(run.seen));
            Ok(())
        });
        match traced {
            Err(Stop::Failed(failure)) => Err(failure),
            _ => Ok(Verdict::Passed),
        }
    };
    watched(NAME, config, Box::new(run))?;
    Ok(receiver.try_iter().collect())
}
