use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lexopt::ValueExt;

use crate::trouble::BoxError;

pub(crate) const USAGE: &str = "\
Walks SQLite and sled beside writers, faults and a process that is killed, and judges every walk.

  --seconds N     for so long (60)
  --seed N        of what is chosen at random; what threads do is up to the machine all the same
  --db DIR        where the databases are made, in a folder of their own; default: the temporary folder

The last line is for scripts; the exit code is 1 if a walk broke its contract.
";

/// What the command line asks for.
pub(crate) enum Args {
    Help,
    Soak {
        time: Duration,
        seed: u64,
        folder: PathBuf,
    },
    /// The process that is killed: it does what its parent says over this file.
    Victim {
        file: PathBuf,
    },
}

/// The hidden subcommand.
pub(crate) const VICTIM: &str = "victim-of";

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, BoxError> {
        use lexopt::Arg::{Long, Short, Value};
        let mut parser = lexopt::Parser::from_args(args);
        let (mut seconds, mut folder) = (60, std::env::temp_dir());
        // Any will do.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut seed = u64::from(now.subsec_nanos());
        while let Some(arg) = parser.next()? {
            match arg {
                Long("help") | Short('h') => return Ok(Args::Help),
                Long("seconds") => seconds = parser.value()?.parse()?,
                Long("seed") => seed = parser.value()?.parse()?,
                Long("db") => folder = parser.value()?.into(),
                Value(value) if value == VICTIM => {
                    let file = parser.value()?.into();
                    return Ok(Args::Victim { file });
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Args::Soak {
            time: Duration::from_secs(seconds),
            seed,
            folder,
        })
    }
}
