use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How much is tried.
///
/// The environment decides where it says something: `KEYWALK_SEED` is the seed, `KEYWALK_CASES` the
/// number of cases.
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
    /// A fresh seed, 32 cases a property, 60 seconds of patience.
    ///
    /// # Panics
    ///
    /// If the environment asks for something that isn't a number.
    fn default() -> Self {
        let fresh = || RandomState::new().hash_one("seed") & 0xffff_ffff;
        Config {
            seed: asked_for("KEYWALK_SEED").unwrap_or_else(fresh),
            cases: asked_for("KEYWALK_CASES")
                .and_then(|cases| cases.try_into().ok())
                .unwrap_or(32),
            patience: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// The same cases again; a failure prints its seed. Default: a fresh one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many cases each property is tried with. Default: 32, which finds every mutant of the
    /// kit's own tests.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// How long a single operation of the store may take before it is said to be stuck. Default: 60
    /// seconds; only a store that hangs ever waits so long.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

fn asked_for(name: &str) -> Option<u64> {
    let asked = std::env::var(name).ok()?;
    match asked.trim().parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name} is {asked:?}, which is no number: {error}"),
    }
}
