use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use keywalk_examples::Failure;
use keywalk_examples::option_value::{number, path, text};

pub(crate) const USAGE: &str = "\
Fills a column of a SQLite table from another one, a chunk at a time, and goes on where it was.

  backfill [--rows N]              makes a table of N rows (500000) in a temporary folder, fills it and checks it
  backfill --db FILE               fills a table of yours; run again it goes on, and does nothing when it is done
           [--table NAME]          which table (items)
           [--from COLUMN]         from this column (name)
           [--to COLUMN]           into this column (slug), which is added if it isn't there
           [--status | --reset]    says where it stands; or forgets it, so that the next run starts anew
  backfill --crash-test KILLS      kills it so many times at random moments, runs it again until it is done, and
           [--rows N]              counts how often each row was filled

  --checkpoint FOLDER              keeps the position in a file there (at least once) instead of in the database
                                   (exactly once)
  --chunk-size N                   rows to a transaction (512)
  --count                          counts the rows first, to show how much is left where the key doesn't tell
  --most-per-second N              no faster than this
  --deadline SECONDS               stops after so long
  --seed N                         of the moments at which the crash test kills
";

const ROWS: u64 = 500_000;

/// What the command line asks for.
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) options: Options,
}

pub(crate) enum Task {
    Help,
    Fill { file: PathBuf },
    FillMade { rows: u64 },
    Status { file: PathBuf },
    Reset { file: PathBuf },
    CrashTest { kills: u64, rows: u64 },
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) table: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// A folder for the checkpoint; otherwise it is in the database.
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) chunk_size: usize,
    pub(crate) count: bool,
    pub(crate) most_per_second: Option<f64>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) seed: Option<u64>,
    /// Of a child of the crash test: counts what it does, and says nothing.
    pub(crate) counts: bool,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut parser = lexopt::Parser::from_args(args);
        let (mut db, mut rows, mut kills, mut ask) = (None, None, None, None);
        let mut options = Options {
            table: "items".to_owned(),
            from: "name".to_owned(),
            to: "slug".to_owned(),
            checkpoint: None,
            chunk_size: 512,
            count: false,
            most_per_second: None,
            deadline: None,
            seed: None,
            counts: false,
        };
        while let Some(arg) = parser.next().map_err(Failure::usage)? {
            use lexopt::Arg::{Long, Short};
            match arg {
                Long("help") | Short('h') => {
                    let task = Task::Help;
                    return Ok(Args { task, options });
                }
                Long("db") => db = Some(path(&mut parser)?),
                Long("table") => options.table = text(&mut parser)?,
                Long("from") => options.from = text(&mut parser)?,
                Long("to") => options.to = text(&mut parser)?,
                Long("rows") => rows = Some(number(&mut parser, "--rows", 1)?),
                Long("crash-test") => kills = Some(number(&mut parser, "--crash-test", 0)?),
                Long("checkpoint") => options.checkpoint = Some(path(&mut parser)?),
                Long("chunk-size") => options.chunk_size = number(&mut parser, "--chunk-size", 1)?,
                Long("most-per-second") => {
                    let most: u32 = number(&mut parser, "--most-per-second", 1)?;
                    options.most_per_second = Some(most.into());
                }
                Long("deadline") => {
                    let seconds = number(&mut parser, "--deadline", 0)?;
                    options.deadline = Some(Duration::from_secs(seconds));
                }
                Long("count") => options.count = true,
                Long("seed") => options.seed = Some(number(&mut parser, "--seed", 0)?),
                Long("counts") => options.counts = true,
                Long("status") => ask = Some(true),
                Long("reset") => ask = Some(false),
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        let task = match (db, kills, ask) {
            (Some(_), ..) if rows.is_some() => {
                return Err(Failure::usage("--rows is for the made table, not for --db"));
            }
            (Some(file), None, None) => Task::Fill { file },
            (Some(file), None, Some(true)) => Task::Status { file },
            (Some(file), None, Some(false)) => Task::Reset { file },
            (None, kills, None) => {
                let rows = rows.unwrap_or(ROWS);
                match kills {
                    Some(kills) => Task::CrashTest { kills, rows },
                    None => Task::FillMade { rows },
                }
            }
            (Some(_), Some(_), _) => {
                return Err(Failure::usage(
                    "--crash-test makes a table of its own, without --db",
                ));
            }
            (None, _, Some(_)) => {
                return Err(Failure::usage("--status and --reset need a --db FILE"));
            }
        };
        Ok(Args { task, options })
    }
}
