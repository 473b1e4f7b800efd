use std::hash::{BuildHasher, RandomState};
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

/// The seed, the number of cases and the time limit of the checks.
///
/// [`default`](Self::default) takes the seed from the environment variable `KEYWALK_SEED` and the number of cases from
/// `KEYWALK_CASES`, if they are set. [`seed`](Self::seed) and [`cases`](Self::cases) override them.
///
/// ```
/// use keywalk_conformance::Config;
///
/// let longer = Config::default().cases(1_000);
/// let again = Config::default().seed(42);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub(crate) seed: u64,
    pub(crate) cases: u32,
    pub(crate) patience: Duration,
}

impl Default for Config {
    /// Returns a random seed, 32 cases per property and 60 seconds of patience. The environment variables override the
    /// seed and the cases.
    ///
    /// # Panics
    ///
    /// If a variable isn't a number, or requests more than [`u32::MAX`] cases.
    fn default() -> Self {
        let fresh = || RandomState::new().hash_one("seed") & 0xffff_ffff;
        Config {
            seed: asked_for("KEYWALK_SEED").unwrap_or_else(fresh),
            cases: asked_for("KEYWALK_CASES").unwrap_or(32),
            patience: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Sets the seed, to repeat the same cases. A failure prints its seed. Default: a random one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of cases per property. More cases find rarer faults and take proportionally longer.
    /// Default: 32.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Sets how long a single operation of the store may take before it counts as stuck. The kit waits this long only
    /// if a store hangs. Default: 60 seconds.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

fn asked_for<N: FromStr<Err = ParseIntError>>(name: &str) -> Option<N> {
    let requested = std::env::var(name).ok()?;
    match requested.trim().parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name} is {requested:?}, which is no number that it can be: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::Config;

    /// Runs this one test in a process of its own, with `KEYWALK_CASES` set.
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
        let test = "config::tests::cases_that_are_said_replace_those_of_the_environment";
        assert!(run_with("7", test).status.success());
        for cases in ["many", "-1", "4294967296"] {
            let run = run_with(cases, test);
            let told = String::from_utf8_lossy(&run.stdout);
            assert!(!run.status.success(), "{cases}");
            let named = format!("KEYWALK_CASES is \"{cases}\"");
            assert!(told.contains(&named), "{told}");
        }
    }
}
