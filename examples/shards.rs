//! How do I walk a table that is split over many databases as one, in key order, and resume after a crash?
//!
//! `cargo run --release --example shards` makes 8 SQLite files and a PostgreSQL database, with the rows of one table
//! spread over them at random. It walks them as one table, in a process that is killed and resumes. It checks that
//! every row came once and in order. With `--db` and `--url` it walks databases of your own. `--help` lists the
//! options.

#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use keywalk::{Token, Walk};
use keywalk_shards::{BoxShard, Merge};
use keywalk_tests::database::open;
use keywalk_tests::postgres::{Blocking, Server, connect};
use keywalk_tests::program::{BoxError, Failure, in_temporary_folder, log_line, print_line, run};

/// Walks the table of several databases as one, in key order.
/// Without --db and --url it makes the databases, kills the walk five times, and checks every row.
#[derive(Parser)]
#[command(name = "shards")]
struct Args {
    /// Number of rows in all databases that it makes
    #[arg(long, default_value = "200000", conflicts_with_all = ["db", "url"])]
    rows: NonZeroU64,
    /// Walk this SQLite database; give it once per file
    #[arg(long, value_name = "FILE")]
    db: Vec<PathBuf>,
    /// Also walk this PostgreSQL database: `postgres://USER:PASSWORD@HOST/DATABASE`, or `host=HOST user=USER`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Table to walk, in each database
    #[arg(long, value_name = "NAME", default_value = "items")]
    table: String,
    /// Key column, of whole numbers
    #[arg(long, value_name = "COLUMN", default_value = "id")]
    key: String,
    /// Column of text to write
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    column: String,
    /// Write the key and the text of each row to this file; a second run continues where the first one was stopped
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print a line per chunk to stderr
    #[arg(long)]
    verbose: bool,
    /// Rows per fetch; default: 64 per database, but at least 512
    #[arg(long)]
    chunk_size: Option<NonZeroUsize>,
}

fn main() -> ExitCode {
    run(|args: Args| {
        if args.db.is_empty() && args.url.is_none() {
            return in_temporary_folder(|folder| kill_and_resume(&args, folder));
        }
        let start = Instant::now();
        let (shards, written) = walk(&args)?;
        report(written, shards, start)
    })
}

fn report(written: Written, shards: usize, start: Instant) -> Result<(), BoxError> {
    let Written { rows, chunks, .. } = written;
    let seconds = start.elapsed().as_secs_f64();
    Ok(print_line(format_args!(
        "walked {rows} rows of {shards} shards in {chunks} chunks, {seconds:.2} s"
    ))?)
}

/// A table of any of the databases.
type Shard = BoxShard<'static, i64, (i64, String)>;

/// Returns all databases as one source.
fn merge(args: &Args) -> Result<Merge<Shard>, BoxError> {
    let mut shards = Vec::new();
    for file in &args.db {
        let db = open(file)?;
        // Several caches of the default size don't fit into the processor's.
        db.pragma_update(None, "cache_size", -256)?;
        let table = keywalk_sqlite::Table::new(db, &args.table).key::<i64>([&args.key])?;
        let table = table.columns([&args.column]);
        let table = table.map(|row| row.get::<_, String>(0));
        shards.push((file.display().to_string(), BoxShard::new(table)));
    }
    if let Some(url) = &args.url {
        let table = keywalk_tokio::Blocking::open::<BoxError>(async {
            let table = keywalk_postgres::Table::new(connect(url).await?, &args.table);
            let table = table.key::<i64>([&args.key]).columns([&args.column]);
            Ok(table.map(|row| row.try_get::<_, String>(0)).await?)
        })?;
        shards.push(("PostgreSQL".to_owned(), BoxShard::new(table)));
    }
    Merge::new(shards).map_err(|error| Failure::Mistake(error.to_string()).into())
}

/// What the file holds.
#[derive(Clone, Copy, Default)]
struct Written {
    rows: usize,
    chunks: usize,
    bytes: u64,
}

/// Walks the databases, from where the last run was stopped. Returns their number.
fn walk(args: &Args) -> Result<(usize, Written), BoxError> {
    let shards = merge(args)?;
    let count = shards.shards().len();
    let size = args
        .chunk_size
        .map_or((64 * count).max(512), NonZeroUsize::get);
    let mut walk = Walk::new(shards).chunk_size(size);
    let mut written = Written::default();
    let state = args.out.as_ref().map(|out| out.with_extension("state"));
    if let Some(state) = state.as_ref().filter(|state| state.exists()) {
        let (of_state, token) = load(state)?;
        written = of_state;
        walk = walk
            .resume_token(&token)
            .map_err(|error| Failure::Mistake(error.to_string()))?;
    }
    let mut out = match &args.out {
        Some(file) => Some(begin(file, written)?),
        None => None,
    };
    let mut chunks = walk.chunks();
    if let Some(state) = &state {
        // The next run knows by it that the file is its own, even if this one is stopped in its first chunk.
        store(state, written, &chunks.token()?)?;
    }
    let mut lines = Vec::new();
    while let Some(rows) = chunks.next()? {
        lines.clear();
        for (key, text) in rows.iter() {
            writeln!(lines, "{key}\t{text}")?;
        }
        written.rows += rows.len();
        written.chunks += 1;
        written.bytes += lines.len() as u64;
        if let (Some(out), Some(state)) = (&mut out, &state) {
            out.write_all(&lines)?;
            store(state, written, &chunks.token()?)?;
        }
        if args.verbose {
            log_line(format_args!("{} rows", written.rows));
        }
    }
    Ok((count, written))
}

/// Opens the file, and removes what was written after the position was stored last.
fn begin(file: &Path, written: Written) -> Result<File, BoxError> {
    let is_new = written.chunks == 0;
    if is_new && fs::metadata(file).is_ok_and(|found| found.len() > 0) && !is_own(file) {
        let shown = file.display();
        return Err(Failure::Mistake(format!("{shown} exists; name another file")).into());
    }
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let opened =
        opened.map_err(|error| Failure::Mistake(format!("{}: {error}", file.display())))?;
    opened.set_len(written.bytes)?;
    Ok(opened)
}

/// Whether an earlier run began this file.
fn is_own(file: &Path) -> bool {
    file.with_extension("state").exists()
}

/// Stores the position beside the file, all or nothing.
fn store(state: &Path, written: Written, token: &Token) -> Result<(), BoxError> {
    let Written {
        rows,
        chunks,
        bytes,
    } = written;
    let new = state.with_extension("new");
    fs::write(&new, format!("{rows} {chunks} {bytes} {token}"))?;
    Ok(fs::rename(new, state)?)
}

fn load(state: &Path) -> Result<(Written, Token), BoxError> {
    let stored = fs::read_to_string(state)?;
    let parsed = match &*stored.split(' ').collect::<Vec<_>>() {
        [rows, chunks, bytes, token] => Written::of(rows, chunks, bytes).zip(token.parse().ok()),
        _ => None,
    };
    let shown = state.display();
    let damaged = || Failure::Mistake(format!("{shown} is damaged; remove it to start over"));
    Ok(parsed.ok_or_else(damaged)?)
}

impl Written {
    fn of(rows: &str, chunks: &str, bytes: &str) -> Option<Self> {
        Some(Written {
            rows: rows.parse().ok()?,
            chunks: chunks.parse().ok()?,
            bytes: bytes.parse().ok()?,
        })
    }
}

const FILES: u64 = 8;
const KILLS: usize = 5;

/// Makes the databases, walks them in a process of its own, kills it, runs it again, and checks every row.
fn kill_and_resume(args: &Args, folder: &Path) -> Result<(), BoxError> {
    let server = match Server::start() {
        Ok(server) => Some(server),
        Err(error) if matches!(error.downcast_ref(), Some(Failure::Mistake(_))) => {
            log_line(format_args!("without PostgreSQL: {error}"));
            None
        }
        Err(error) => return Err(error),
    };
    let shards = FILES + u64::from(server.is_some());
    let rows_of = |shard: u64| {
        let rows = args.rows;
        format!(
            "INSERT INTO items SELECT n, 'the item number ' || n FROM numbers
                 WHERE n * 2654435761 / 4096 % {shards} = {shard} AND n <= {rows}"
        )
    };
    let mut walk = Command::new(std::env::current_exe()?);
    for shard in 0..FILES {
        let file = folder.join(format!("{shard}.db"));
        rusqlite::Connection::open(&file)?.execute_batch(&format!(
            "PRAGMA synchronous = OFF;
             CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
             {}",
            args.rows,
            rows_of(shard)
        ))?;
        walk.arg("--db").arg(file);
    }
    if let Some(server) = &server {
        let sql = format!(
            "CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT NOT NULL);
             CREATE TEMPORARY VIEW numbers AS SELECT generate_series(1::BIGINT, {}) AS n;
             {}",
            args.rows,
            rows_of(FILES)
        );
        Blocking::connect(&server.url())?.run(async |db| db.batch_execute(&sql).await)?;
        walk.args(["--url", &server.url()]);
    }
    let out = folder.join("out");
    walk.arg("--verbose").arg("--out").arg(&out);
    if let Some(size) = args.chunk_size {
        walk.args(["--chunk-size", &size.to_string()]);
    }
    walk.stdout(Stdio::null()).stderr(Stdio::piped());

    let start = Instant::now();
    for chunks in 1..=KILLS {
        let mut child = walk.spawn()?;
        let lines = child
            .stderr
            .take()
            .map(|lines| BufReader::new(lines).lines());
        let said: Vec<String> = lines
            .into_iter()
            .flatten()
            .take(chunks)
            .collect::<Result<_, _>>()?;
        child.kill()?;
        child.wait()?;
        log_line(format_args!(
            "killed after {}",
            said.last().map_or("nothing", |line| line)
        ));
    }
    let end = walk.stderr(Stdio::inherit()).status()?;
    if !end.success() {
        return Err(format!("the walk failed: {end}").into());
    }
    let (written, _) = load(&out.with_extension("state"))?;
    check(&out, args.rows.get())?;
    report(written, shards as usize, start)
}

/// Checks that each row was written once, in order.
fn check(out: &Path, rows: u64) -> Result<(), BoxError> {
    let mut lines = BufReader::new(File::open(out)?).lines();
    for id in 1..=rows {
        let line = lines.next().transpose()?.unwrap_or_default();
        if line != format!("{id}\tthe item number {id}") {
            return Err(format!("row {id} came as `{line}`").into());
        }
    }
    match lines.next() {
        None => Ok(()),
        Some(_) => Err("more rows came than exist".into()),
    }
}
