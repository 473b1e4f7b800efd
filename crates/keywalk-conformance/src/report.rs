use std::any::type_name;
use std::fmt::{self, Debug, Display};
use std::sync::mpsc::channel;

use keywalk::Walk;

use crate::checks::{Check, of_prefetched, of_tokens, of_walks};
use crate::{
    Breach, Config, DurableHarness, Harness, Lab, PrefetchedHarness, Run, Stop, Telling, watched,
};

/// What came out of all checks.
#[derive(Clone, Debug)]
pub struct Report {
    suite: &'static str,
    seed: u64,
    outcomes: Vec<Outcome>,
}

/// Carries out every check, and answers what came of each. It doesn't panic, and doesn't stop at the
/// first failure.
#[must_use]
pub fn run<H: Harness>(config: &Config) -> Report {
    Report::of(&of_walks::<H>(), config)
}

/// The same of a source whose cursors can be written down: with the checks of its tokens too.
#[must_use]
pub fn run_durable<H: DurableHarness>(config: &Config) -> Report {
    let checks = of_walks::<H>().into_iter().chain(of_tokens());
    Report::of(&Vec::from_iter(checks), config)
}

/// Carries out the checks of a source that can be prefetched, and only these: beside [`run`] or
/// [`run_durable`].
#[must_use]
pub fn run_prefetched<H: PrefetchedHarness>(config: &Config) -> Report {
    Report::of(&of_prefetched::<H>(), config)
}

/// Carries out one check, by its name; `None` if the kit has none of that name.
#[must_use]
pub fn run_check<H: Harness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_walks::<H>(), check, config)
}

/// The same of the checks that only [`run_durable`] carries out.
#[must_use]
pub fn run_durable_check<H: DurableHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_tokens::<H>(), check, config)
}

/// The same of the checks of [`run_prefetched`].
#[must_use]
pub fn run_prefetched_check<H: PrefetchedHarness>(check: &str, config: &Config) -> Option<Outcome> {
    one_of(&of_prefetched::<H>(), check, config)
}

fn one_of<H: Harness>(all: &[Check<H>], check: &str, config: &Config) -> Option<Outcome> {
    let check = all.iter().find(|known| known.name == check)?;
    Some(check.run(*config))
}

impl Report {
    fn of<H: Harness>(checks: &[Check<H>], config: &Config) -> Self {
        let outcomes = checks.iter().map(|check| check.run(*config));
        Report {
            suite: type_name::<H>(),
            seed: config.seed,
            outcomes: outcomes.collect(),
        }
    }

    /// Whether no check failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What came out of each check.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// The checks that were skipped, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let outcomes = self.outcomes.iter();
        outcomes.filter_map(|outcome| match outcome.verdict() {
            Verdict::Skipped(reason) => Some((outcome.check(), *reason)),
            _ => None,
        })
    }

    /// The seed of the cases.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// The numbers, what was skipped, and each failure.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        let skipped = self.skipped().count();
        let passed = self.outcomes.len() - failed - skipped;
        writeln!(
            f,
            "{}: {passed} checks passed, {failed} failed, {skipped} skipped (seed {})",
            self.suite, self.seed
        )?;
        for (check, reason) in self.skipped() {
            writeln!(f, "  skipped {check}: {reason}")?;
        }
        for failure in self.failures() {
            writeln!(f, "\n{failure}")?;
        }
        Ok(())
    }
}

/// What a walk handed out: keys, with the number of the put that their value is of.
pub type Trace<K> = Vec<(K, u64)>;

/// What happens to a store while [`traces`] walks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Rows are inserted, replaced and deleted between chunks.
    Changes,
    /// Nothing: for stores that can't be changed, or answer from a snapshot.
    Nothing,
}

/// What walks hand out that are made, changed beside, cut and resumed as the seed says: for harnesses
/// of the same key space and the same capabilities, the same.
///
/// For tests of one store against another:
///
/// ```
/// # use keywalk_conformance::{Beside, Config, Harness, traces};
/// fn are_alike<A: Harness, B: Harness<Key = A::Key>>() {
///     let config = Config::default();
///     let traces_of_a = traces::<A>(&config, Beside::Changes).expect("A is sound");
///     let traces_of_b = traces::<B>(&config, Beside::Changes).expect("B is sound");
///     assert_eq!(traces_of_a, traces_of_b);
/// }
/// ```
///
/// Changes happen between chunks, so a source that answers shorter chunks than it is asked for (with
/// [`ScannedTo`](keywalk::Fetched::ScannedTo), say) sees them at other items.
///
/// # Errors
///
/// If a walk breaks its contract.
pub fn traces<H: Harness>(config: &Config, beside: Beside) -> Result<Vec<Trace<H::Key>>, Failure> {
    const NAME: &str = "traces";
    let (tells, told) = channel();
    let config = *config;
    let run = move |beat| {
        let lab = Lab::<H>::new(NAME, config, beat);
        let plans = match beside {
            Beside::Changes => lab.plans(),
            Beside::Nothing => lab.plans_of(&[]),
        };
        let traced = lab.law(&plans, &|trial, plan| {
            let mut run = Run::start(trial, plan)?;
            let walk = plan.walk(trial.source()?);
            let items = run.by_items(trial, walk, plan.chunk_size, plan.cut)?;
            let (cursor, size) = (items.cursor(), plan.second_chunk_size);
            let walk = Walk::new(trial.source()?).resume(cursor).chunk_size(size);
            drop(run.by_items(trial, walk, size, usize::MAX)?);
            // Where nobody listens any more, nothing is lost.
            drop(tells.send(run.seen));
            Ok(())
        });
        match traced {
            Err(Stop::Failed(failure)) => Err(failure),
            _ => Ok(Verdict::Passed),
        }
    };
    watched(NAME, config, Box::new(run))?;
    Ok(told.try_iter().collect())
}

/// What came out of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    check: &'static str,
    verdict: Verdict,
}

/// Whether a check passed.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It did.
    Passed,
    /// It didn't.
    Failed(Failure),
    /// It needs what the store can't do, for this reason.
    Skipped(&'static str),
}

impl Outcome {
    pub(crate) fn new(check: &'static str, verdict: Verdict) -> Self {
        Outcome { check, verdict }
    }

    /// The check, by its name.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.check
    }

    /// Whether it didn't fail.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !matches!(self.verdict, Verdict::Failed(_))
    }

    /// What came of it: passed, failed, or skipped and why.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// A check that failed: the clause, what happened, what was expected, and how to see it again.
#[derive(Clone, Debug)]
pub struct Failure(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    check: &'static str,
    telling: Telling,
    seed: u64,
}

impl Failure {
    pub(crate) fn new<K: Debug>(
        check: &'static str,
        seed: u64,
        breach: Breach<K>,
        timeline: Vec<String>,
    ) -> Self {
        Failure(Box::new(Told {
            check,
            telling: Telling::new(breach, timeline),
            seed,
        }))
    }

    /// The check, by its name.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.0.check
    }

    /// The clause that is broken.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.0.telling.clause
    }

    /// The events of the smallest history that was found to break it, a line each; the last 40 of a long one.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.0.telling.timeline
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told {
            check,
            telling,
            seed,
        } = &*self.0;
        write!(f, "`{check}` fails: {telling}")?;
        write!(f, "  {:<10}KEYWALK_SEED={seed} shows it again", "seed")
    }
}

impl std::error::Error for Failure {}

/// Each with its text, which is also its documentation, and its title.
macro_rules! clauses {
    ($($(#[doc = $text:literal])+ $clause:ident $title:literal;)+) => {
        /// A clause of what a walk promises, as far as a source can break it; or the harness, where that is
        /// to blame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Clause {
            $($(#[doc = $text])+ $clause,)+
        }

        impl Clause {
            /// Its name, such as `"G6 Bounds"`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Clause::$clause => concat!(stringify!($clause), $title),)+
                }
            }

            /// What it says, in a sentence.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Clause::$clause => concat!($($text),+).trim_start(),)+
                }
            }
        }
    };
}

clauses! {
    /// what is put can be fetched, what is declared is so, and nothing fails that wasn't made to
    Harness "";
    /// keys come strictly ascending in the store's declared order, or strictly descending
    G1 " Order";
    /// no key comes twice
    G2 " Once";
    /// a key that is certainly present throughout its fetch is yielded
    G3 " Complete";
    /// a key that is certainly absent throughout its fetch is not yielded
    G4 " Sound";
    /// an item is one that its key has during the fetch: never torn, never of an earlier fetch
    G5 " Value";
    /// every key lies past the cursor and within the range, and no more come than the limit
    G6 " Bounds";
    /// a fetch answers what the store holds when it is asked, or, from a declared snapshot, what it held
    /// when the walk began
    G7 " Exact";
    /// the end means that nothing remained; neither the end nor progress is a violation
    G8 " The end is said";
    /// a bounded walk ends
    G9 " Termination";
    /// what came before a cursor and what comes after it are together one walk
    G10 " Resume";
    /// a fetch that fails says so, hands out nothing, moves nothing, and never looks like the end
    G11 " Errors";
    /// after the end or an error nothing comes, and the store is not asked again
    G12 " Fused";
    /// nothing is fetched before the first item, at most a chunk is buffered, and a fetch reads about as
    /// much as it answers
    G13 " Bounded and lazy";
    /// between two fetches no statement, transaction, lock or iterator of the store is held
    G14 " Nothing held";
    /// a source that breaks its contract ends the walk with an error that names the clause
    G15 " Contract checks";
}

impl Clause {
    pub(crate) fn of(violation: keywalk::Violation) -> Self {
        match violation.clause() {
            "G1" => Clause::G1,
            "G6" => Clause::G6,
            "G8" => Clause::G8,
            _ => Clause::G15,
        }
    }
}

impl Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.text())
    }
}
