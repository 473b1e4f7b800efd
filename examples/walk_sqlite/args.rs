use std::ffi::OsString;
use std::path::PathBuf;

use keywalk::{Order, Walk};
use keywalk_examples::Failure;
use keywalk_examples::option_value::{names, number, path, text};
use keywalk_sqlite::Table;
use rusqlite::Connection;

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
                Long("make") => make = Some(path(&mut parser)?),
                Long("db") => db = Some(path(&mut parser)?),
                Long("table") => table = Some(text(&mut parser)?),
                Long("key") => key = names(&mut parser, "--key")?,
                Long("rows") => rows = Some(number(&mut parser, "--rows", 0)?),
                Long("chunk-size") => {
                    options.chunk_size = number(&mut parser, "--chunk-size", 1)?;
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
