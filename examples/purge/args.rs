use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use keywalk_examples::Failure;
use keywalk_examples::option_value::{number, path, text};

use crate::purge::OldRows;

pub(crate) const USAGE: &str = "\
Deletes old rows from a SQLite table, a chunk at a time, without holding up writers.

  purge [--rows N]                 makes a table of N rows (500000) in a temporary folder and deletes the older
                                   half, while a second connection inserts and reads
        [--at-once]                by one DELETE, to compare
  purge --db FILE --table NAME     counts the rows of a table of yours that would be deleted:
        --where SQL                those for which this is true
        [--yes]                    deletes them. Run again it goes on where it was; once it is done, it starts
                                   anew. The condition has to stay the same until then: write
                                   \"at < unixepoch('now', '-30 days')\" rather than a number that changes
        [--reset]                  starts anew, whatever was done

  --chunk-size N                   rows to a transaction (512)
  --pause MS                       after each chunk, so that others who wait for the database get in (1)
  --most-per-second N              deletes no faster than this
  --deadline SECONDS               begins no chunk after this time
";

const ROWS: u64 = 500_000;

/// What the command line asks for.
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) options: Options,
}

pub(crate) enum Task {
    Help,
    /// From a table that is made for it, beside a writer.
    Made {
        rows: u64,
        at_once: bool,
    },
    /// From a table of the user's own.
    Own {
        file: PathBuf,
        old: OldRows,
        yes: bool,
    },
}

/// The options of the job.
pub(crate) struct Options {
    pub(crate) chunk_size: usize,
    pub(crate) pause: Duration,
    pub(crate) most_per_second: Option<f64>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) anew: bool,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut parser = lexopt::Parser::from_args(args);
        let (mut db, mut table, mut condition, mut rows) = (None, None, None, None);
        let (mut yes, mut at_once) = (false, false);
        let mut options = Options {
            chunk_size: 512,
            pause: Duration::from_millis(1),
            most_per_second: None,
            deadline: None,
            anew: false,
        };
        while let Some(arg) = parser.next().map_err(Failure::usage)? {
            use lexopt::Arg::{Long, Short};
            match arg {
                Long("help") | Short('h') => {
                    let task = Task::Help;
                    return Ok(Args { task, options });
                }
                Long("db") => db = Some(path(&mut parser)?),
                Long("table") => table = Some(text(&mut parser)?),
                Long("where") => condition = Some(text(&mut parser)?),
                Long("rows") => rows = Some(number(&mut parser, "--rows", 1)?),
                Long("yes") => yes = true,
                Long("at-once") => at_once = true,
                Long("reset") => options.anew = true,
                Long("chunk-size") => options.chunk_size = number(&mut parser, "--chunk-size", 1)?,
                Long("pause") => {
                    options.pause = Duration::from_millis(number(&mut parser, "--pause", 0)?);
                }
                Long("most-per-second") => {
                    let most: u32 = number(&mut parser, "--most-per-second", 1)?;
                    options.most_per_second = Some(most.into());
                }
                Long("deadline") => {
                    let seconds = number(&mut parser, "--deadline", 0)?;
                    options.deadline = Some(Duration::from_secs(seconds));
                }
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        let task = match (db, table, condition) {
            (Some(file), Some(table), Some(condition)) if rows.is_none() && !at_once => Task::Own {
                file,
                old: OldRows { table, condition },
                yes,
            },
            (None, None, None) if !yes && !options.anew => Task::Made {
                rows: rows.unwrap_or(ROWS),
                at_once,
            },
            (Some(_), Some(_), Some(_)) => {
                let message = "--rows and --at-once are for the made table, not for --db";
                return Err(Failure::usage(message));
            }
            _ => {
                let message = "to delete from a table of your own give --db FILE, --table NAME and --where SQL";
                return Err(Failure::usage(message));
            }
        };
        Ok(Args { task, options })
    }
}
