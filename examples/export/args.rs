use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use keywalk_examples::Failure;
use keywalk_examples::option_value::{names, number, path, text};

pub(crate) const USAGE: &str = "\
Exports a SQLite table as lines of JSON, and goes on where it was after a crash.

  export [--rows N]                makes a table of N rows (500000) in a temporary folder, exports it to a file
                                   and checks the file
  export --crash-test KILLS        kills it so many times at random moments, runs it again until it is done,
         [--rows N]                and checks the file
  export --db FILE --table NAME    exports a table of yours to stdout; the database is opened read-only
         [--columns A,B...]        only these columns, and those of the key
         [--where SQL]             only the rows for which this is true
         [--state FOLDER]          keeps there where it stands: run again it goes on, and after a crash one
                                   chunk may come again
         [--out FILE]              to this file, where each row comes exactly once; where it stands is kept in
                                   FILE.state if --state says nothing else
         [--status]                says where it stands, and does nothing
         [--reset]                 starts anew, and writes the file anew

  --chunk-size N                   rows between two checkpoints (4096)
  --deadline SECONDS               begins no chunk after this time

Numbers are written exactly. Blobs are texts of hexadecimal digits, as SQLite's hex() makes them.
";

const ROWS: u64 = 500_000;

/// What the command line asks for.
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) options: Options,
}

pub(crate) enum Task {
    Help,
    /// A table of the user's own.
    Own(Own),
    Status(Own),
    /// A table that is made for it.
    Made {
        rows: u64,
    },
    CrashTest {
        rows: u64,
        kills: u64,
    },
}

/// What is exported, and where to.
pub(crate) struct Own {
    pub(crate) db: PathBuf,
    pub(crate) what: What,
    pub(crate) out: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
}

pub(crate) struct What {
    pub(crate) table: String,
    /// All, if there are none.
    pub(crate) columns: Vec<String>,
    pub(crate) condition: Option<String>,
}

/// The options of the job.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) chunk_size: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) anew: bool,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut parser = lexopt::Parser::from_args(args);
        let (mut db, mut table, mut columns, mut condition) = (None, None, None, None);
        let (mut state, mut out, mut rows, mut kills, mut asks) = (None, None, None, None, false);
        let mut options = Options {
            chunk_size: 4096,
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
                Long("columns") => columns = Some(names(&mut parser, "--columns")?),
                Long("where") => condition = Some(text(&mut parser)?),
                Long("state") => state = Some(path(&mut parser)?),
                Long("out") => out = Some(path(&mut parser)?),
                Long("rows") => rows = Some(number(&mut parser, "--rows", 1)?),
                Long("crash-test") => kills = Some(number(&mut parser, "--crash-test", 1)?),
                Long("status") => asks = true,
                Long("reset") => options.anew = true,
                Long("chunk-size") => options.chunk_size = number(&mut parser, "--chunk-size", 1)?,
                Long("deadline") => {
                    let seconds = number(&mut parser, "--deadline", 0)?;
                    options.deadline = Some(Duration::from_secs(seconds));
                }
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        let is_kept = state.is_some() || out.is_some();
        if (asks || options.anew) && !is_kept {
            let message = "--status and --reset need --out or --state, where it is kept";
            return Err(Failure::usage(message));
        }
        let task = match (db, table) {
            (Some(db), Some(table)) if rows.is_none() && kills.is_none() => {
                let columns = columns.unwrap_or_default();
                let what = What {
                    table,
                    columns,
                    condition,
                };
                let own = Own {
                    db,
                    what,
                    out,
                    state,
                };
                match asks {
                    true => Task::Status(own),
                    false => Task::Own(own),
                }
            }
            (Some(_), Some(_)) => {
                let message = "--rows and --crash-test are for the made table, not for --db";
                return Err(Failure::usage(message));
            }
            (None, None) if columns.is_none() && condition.is_none() && !is_kept => {
                let rows = rows.unwrap_or(ROWS);
                match kills {
                    Some(kills) => Task::CrashTest { rows, kills },
                    None => Task::Made { rows },
                }
            }
            _ => {
                let message = "to export a table of your own give both --db FILE and --table NAME";
                return Err(Failure::usage(message));
            }
        };
        Ok(Args { task, options })
    }
}
