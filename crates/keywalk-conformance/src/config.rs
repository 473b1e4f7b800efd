use std::hash::{BuildHasher, RandomState};
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

/// The seed, the number of cases, the size of the largest store and the time limit of the checks.
///
/// [`default`](Self::default) reads the environment variables `KEYWALK_SEED`, `KEYWALK_CASES`, `KEYWALK_KEYS` and
/// `KEYWALK_THOROUGH`, if they are set. The methods override them: `Config::default().cases(1_000)`.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub(crate) seed: u64,
    pub(crate) cases: u32,
    pub(crate) keys: usize,
    pub(crate) is_thorough: bool,
    pub(crate) patience: Duration,
    /// The path of the `#[test]` that runs the check, to run it in a child process.
    pub(crate) test: Option<&'static str>,
}

impl Default for Config {
    /// Reads the environment variables. `KEYWALK_THOROUGH=1` does the same as [`thorough`](Self::thorough).
    ///
    /// # Panics
    ///
    /// If a variable isn't a number, or requests more than [`u32::MAX`] cases.
    fn default() -> Self {
        let fresh = || RandomState::new().hash_one("seed") & 0xffff_ffff;
        let config = Config {
            seed: asked_for("KEYWALK_SEED").unwrap_or_else(fresh),
            cases: asked_for("KEYWALK_CASES").unwrap_or(32),
            keys: asked_for("KEYWALK_KEYS").unwrap_or(5_000),
            is_thorough: false,
            patience: Duration::from_secs(60),
            test: None,
        };
        match asked_for::<u8>("KEYWALK_THOROUGH") {
            None | Some(0) => config,
            Some(_) => config.thorough(),
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

    /// Sets the number of keys in the largest store. More keys find faults of larger stores. Default: 5,000.
    #[must_use]
    pub fn keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Runs what takes too long for every day: eight times as many cases, a store of 70,000 keys, and the checks of a
    /// walk's memory. `KEYWALK_CASES` and `KEYWALK_KEYS` take precedence.
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.cases = asked_for("KEYWALK_CASES").unwrap_or(256);
        self.keys = asked_for("KEYWALK_KEYS").unwrap_or(70_000);
        self.is_thorough = true;
        self
    }

    /// Applies a word of [`conformance!`](crate::conformance).
    #[doc(hidden)]
    #[must_use]
    pub fn __word(self, word: &str) -> Self {
        match word {
            "thorough" => self.thorough(),
            _ => self,
        }
    }

    /// Sets which `#[test]` runs the check: its module's path with the crate, and its name.
    #[doc(hidden)]
    #[must_use]
    pub fn __in_test(mut self, path: &'static str) -> Self {
        // The test harness leaves out the crate.
        self.test = path.split_once("::").map(|(_, test)| test);
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
    std::env::var(name).ok().map(|value| number(name, &value))
}

fn number<N: FromStr<Err = ParseIntError>>(name: &str, value: &str) -> N {
    let number = value.trim().parse();
    number.unwrap_or_else(|error| {
        panic!("{name} is {value:?}, which is no number that it can be: {error}")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn cases_that_are_no_number_or_too_large_a_one_are_refused() {
        assert_eq!(super::number::<u32>("CASES", " 7\n"), 7);
        for cases in ["many", "-1", "4294967296"] {
            let run = std::panic::catch_unwind(|| super::number::<u32>("CASES", cases));
            let told = crate::recorder::message(&*run.expect_err(cases));
            assert!(told.starts_with(&format!("CASES is {cases:?}")), "{told}");
        }
    }
}
