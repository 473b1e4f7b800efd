use std::ffi::OsString;
use std::path::PathBuf;

use keywalk::{Order, Walk};
use keywalk_sqlite::Table;
use lexopt::ValueExt;
use rusqlite::Connection;

use keywalk_examples::Failure;

pub(crate) const USAGE: &str = "\
Walks a SQLite table in key order, a chunk at a time, in constant memory.

  walk_sqlite [--rows N]                  makes a table of N rows (500000) in a temporary folder and
                                          walks it while a second connection deletes every tenth row
  walk_sqlite --db FILE --table NAME      walks a table of yours; the file is opened read-only
              [--key COLUMN,COLUMN...]    by these columns; default: the table's primary key
              [--print-keys]              prints each key, its columns separated by tabs, and the last
                                          line on stderr
  walk_sqlite --make FILE [--rows N]      only makes the table, `items`, in a new file

  --chunk-size N                          items to fetch at a time (512)
  --desc                                  from the last key to the first
";

const ROWS: u64 = 500_000;

/// What the command line asks for.
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) options: Options,
}

pub(crate) enum Task {
    Help,
    Make {
        file: PathBuf,
        rows: u64,
    },
    /// Over a table that is made for it, beside a connection that deletes.
    Walk {
        rows: u64,
    },
    /// Over a table of the user's own.
    WalkOwn {
        file: PathBuf,
        table: String,
        key: Vec<String>,
    },
}

/// The options of the walk.
pub(crate) struct Options {
    pub(crate) chunk_size: usize,
    pub(crate) order: Order,
    pub(crate) print_keys: bool,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut parser = lexopt::Parser::from_args(args);
        let (mut make, mut db, mut table, mut rows) = (None, None, None, None);
        let mut key: Vec<String> = Vec::new();
        let mut options = Options {
            chunk_size: Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE,
            order: Order::Ascending,
            print_keys: false,
        };
        while let Some(arg) = parser.next().map_err(Failure::usage)? {
            use lexopt::Arg::{Long, Short};
            match arg {
                Long("help") | Short('h') => {
                    return Ok(Args {
                        task: Task::Help,
                        options,
                    });
                }
                Long("make") => make = Some(value(&mut parser)?.into()),
                Long("db") => db = Some(PathBuf::from(value(&mut parser)?)),
                Long("table") => {
                    table = Some(value(&mut parser)?.string().map_err(Failure::usage)?)
                }
                Long("key") => {
                    let columns = value(&mut parser)?.string().map_err(Failure::usage)?;
                    key = columns.split(',').map(|c| c.trim().to_owned()).collect();
                    if key.iter().any(String::is_empty) {
                        return Err(Failure::usage(
                            "--key takes names of columns, as in --key a,b",
                        ));
                    }
                }
                Long("rows") => rows = Some(number(&mut parser, "--rows")?),
                Long("chunk-size") => {
                    options.chunk_size = number(&mut parser, "--chunk-size")?;
                    if options.chunk_size == 0 {
                        return Err(Failure::usage("--chunk-size must be at least 1"));
                    }
                }
                Long("desc") => options.order = Order::Descending,
                Long("print-keys") => options.print_keys = true,
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        let task = match (make, db, table) {
            (Some(file), None, None) => Task::Make {
                file,
                rows: rows.unwrap_or(ROWS),
            },
            (None, Some(file), Some(table)) if rows.is_none() => Task::WalkOwn { file, table, key },
            (None, None, None) if key.is_empty() && !options.print_keys => Task::Walk {
                rows: rows.unwrap_or(ROWS),
            },
            (None, Some(_), Some(_)) => {
                return Err(Failure::usage("--rows is for the made table, not for --db"));
            }
            (Some(_), ..) => return Err(Failure::usage("--make goes with --rows only")),
            _ => {
                return Err(Failure::usage(
                    "to walk a table of your own give both --db FILE and --table NAME",
                ));
            }
        };
        Ok(Args { task, options })
    }
}

fn value(parser: &mut lexopt::Parser) -> Result<OsString, Failure> {
    parser.value().map_err(Failure::usage)
}

fn number<N: std::str::FromStr>(parser: &mut lexopt::Parser, option: &str) -> Result<N, Failure> {
    let given = value(parser)?;
    given
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            Failure::usage(format!(
                "{option} takes a whole number, not \"{}\"",
                given.to_string_lossy()
            ))
        })
}
