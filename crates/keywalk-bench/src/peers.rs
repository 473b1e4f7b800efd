//! The same table walked by what users pick today, each in a process. The ratio is the CPU time over that of keywalk's
//! lent chunks.
//!
//! Each peer is a program under `peers/` that walks `items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT
//! NULL)` in order of `id`: the group `peers` in SQLite, the group `peers_postgres` in PostgreSQL, where the server's CPU
//! time doesn't count. It prints what it saw, which must be the same for all. The peers run in rounds, each between two
//! runs of keywalk; a ratio is the median of its rounds. The programs are built first, Python's in an environment of its
//! own. A program that can't be built is left out, with a message. The output ends with the table for the peers' README.
//!
//! In PostgreSQL, each peer also runs once with a pause in the middle. The figure `dead_tuples` is the number of old
//! versions of rows that VACUUM has to keep then, after 8,000 updates of another table.

mod program;

use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use wait4::Wait4;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, median};
use crate::postgres::{Connected, Counters};
use crate::sqlite_table::{Integer, database};
use program::Program;

const ROUNDS: usize = 3;

/// The peer that all others are compared with.
const LENT: Peer = Peer("keywalk/lent", "**keywalk, lent chunks**");

/// A way to walk the table: its case, `PROGRAM/WAY`, and its name in the README's table.
#[derive(Clone, Copy, Debug)]
struct Peer(&'static str, &'static str);

/// The peers of a database.
#[derive(Debug)]
struct Suite {
    programs: &'static [Program],
    peers: &'static [Peer],
    /// The least ratios that some peers must have.
    at_least: &'static [(&'static str, f64)],
}

const SQLITE: Suite = Suite {
    programs: &program::SQLITE,
    peers: &SQLITE_PEERS,
    at_least: &[
        ("diesel/load_iter", 1.15),
        ("sqlx/fetch", 6.0),
        ("sea_orm/cursor", 5.0),
        ("django/iterator", 9.0),
        ("django/snippet", 35.0),
    ],
};

const POSTGRES: Suite = Suite {
    programs: &program::POSTGRES,
    peers: &POSTGRES_PEERS,
    at_least: &[],
};

const SQLITE_PEERS: [Peer; 22] = [
    Peer("keywalk/items", "keywalk, item by item"),
    Peer("keywalk/visit", "keywalk, rows borrowed"),
    Peer("rusqlite/borrowed", "rusqlite, one cursor, rows borrowed"),
    Peer("rusqlite/owned", "rusqlite, one cursor, one struct per row"),
    Peer("rusqlite/keyset", "rusqlite, `id > ? LIMIT 1000` by hand"),
    Peer(OFFSET, "rusqlite, `LIMIT 1000 OFFSET ?`"),
    Peer("diesel/load_iter", "diesel `load_iter`"),
    Peer("diesel/keyset", "diesel, `id > ? LIMIT 1000` by hand"),
    Peer("diesel/load", "diesel `load`"),
    Peer("sqlx/fetch", "sqlx `fetch`"),
    Peer("sqlx/keyset", "sqlx, `id > ? LIMIT 1000` by hand"),
    Peer("sqlx/fetch_all", "sqlx `fetch_all`"),
    Peer("sea_orm/stream", "SeaORM `stream`"),
    Peer("sea_orm/cursor", "SeaORM `cursor_by`"),
    Peer("sea_orm/all", "SeaORM `all`"),
    Peer("django/iterator", "Django `.iterator()`"),
    Peer("django/all", "Django `.all()`"),
    Peer("django/snippet", "Django, the snippet of 2010"),
    Peer(
        "django/snippet_without_gc",
        "Django, the snippet without its `gc.collect()`",
    ),
    Peer("sqlalchemy/yield_per", "SQLAlchemy `yield_per`"),
    Peer("sqlalchemy/sqlakeyset", "SQLAlchemy, sqlakeyset"),
    Peer("sqlalchemy/all", "SQLAlchemy `.all()`"),
];

const POSTGRES_PEERS: [Peer; 21] = [
    Peer("keywalk/ahead", "keywalk, lent chunks fetched ahead"),
    Peer("keywalk/stream", "keywalk, item by item (`stream`)"),
    Peer(
        "tokio_postgres/query_raw",
        "tokio-postgres, one row stream (`query_raw`)",
    ),
    Peer(
        "tokio_postgres/cursor",
        "tokio-postgres, a portal in a transaction",
    ),
    Peer(
        "tokio_postgres/keyset",
        "tokio-postgres, `id > $1 LIMIT 1000` by hand",
    ),
    Peer("tokio_postgres/query", "tokio-postgres `query`"),
    Peer("diesel_async/load_stream", "diesel-async `load_stream`"),
    Peer(
        "diesel_async/keyset",
        "diesel-async, `id > $1 LIMIT 1000` by hand",
    ),
    Peer("diesel_async/load", "diesel-async `load`"),
    Peer("sqlx/fetch", "sqlx `fetch`"),
    Peer("sqlx/keyset", "sqlx, `id > $1 LIMIT 1000` by hand"),
    Peer("sqlx/fetch_all", "sqlx `fetch_all`"),
    Peer("sea_orm/stream", "SeaORM `stream`"),
    Peer("sea_orm/cursor", "SeaORM `cursor_by`"),
    Peer(PAGINATOR, "SeaORM `paginate` (OFFSET)"),
    Peer("sea_orm/all", "SeaORM `all`"),
    Peer(
        "django/iterator",
        "Django `.iterator()`, a cursor of the server",
    ),
    Peer(
        "django/client_side_iterator",
        "Django `.iterator()` without server-side cursors",
    ),
    Peer("django/all", "Django `.all()`"),
    Peer("django/snippet", "Django, the snippet of 2010"),
    Peer(
        "django/snippet_without_gc",
        "Django, the snippet without its `gc.collect()`",
    ),
];

/// A peer that takes so long that one round is enough.
const OFFSET: &str = "rusqlite/offset";

/// The same of PostgreSQL.
const PAGINATOR: &str = "sea_orm/paginator";

impl Peer {
    fn is_of(&self, program: &Program) -> bool {
        let (name, _) = self.0.split_once('/').unwrap_or_default();
        program.cases.contains(&name)
    }

    /// Returns the command that walks the table.
    fn command(&self, suite: &Suite, store: &OsStr) -> Fallible<Command> {
        let program = suite.programs.iter().find(|program| self.is_of(program));
        let (_, way) = self.0.split_once('/').unwrap_or_default();
        let mut command = program.ok_or("no such program")?.command()?;
        command.arg(way).arg(store);
        Ok(command)
    }

    /// Walks the table in a process. Returns what it saw and its costs.
    fn run(&self, suite: &Suite, store: &OsStr) -> Fallible<(String, Usage)> {
        usage(&self.command(suite, store)?)
    }
}

/// The rounds of a peer.
#[derive(Debug)]
struct Runs {
    peer: Peer,
    usages: Vec<Usage>,
    ratios: Vec<f64>,
    /// Whether one of its processes failed. Then it isn't run again.
    has_failed: bool,
    /// The number of old versions of rows that it keeps from VACUUM.
    dead_tuples: Option<f64>,
}

impl Runs {
    fn of(peer: Peer) -> Self {
        let (usages, ratios, has_failed) = (Vec::new(), Vec::new(), false);
        Runs {
            peer,
            usages,
            ratios,
            has_failed,
            dead_tuples: None,
        }
    }

    /// Adds a round, and the CPU seconds of keywalk in that round.
    fn push(&mut self, usage: Usage, floor: f64) {
        self.ratios.push(usage.cpu / floor);
        self.usages.push(usage);
    }

    fn median(&self, number: fn(&Usage) -> f64) -> f64 {
        median(self.usages.iter().map(number))
    }

    /// Returns its row of the README's table.
    fn row(&self, ratio: f64) -> String {
        let decimals = if ratio < 10.0 { 2 } else { 0 };
        let title = self.peer.1;
        let cpu = self.median(|usage| usage.cpu);
        let wall = self.median(|usage| usage.wall);
        let peak = self.median(|usage| usage.peak_mib);
        let dead_tuples = self.dead_tuples.map(|number| format!(" {number} |"));
        let dead_tuples = dead_tuples.unwrap_or_default();
        format!(
            "| {title} | {cpu:.2} | {ratio:.decimals$} | {wall:.2} | {peak:.0} |{dead_tuples}\n"
        )
    }
}

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let suite = &SQLITE;
    let (there, missing) = build(bench, suite)?;
    let (folder, db) = database::<Integer>(bench.items)?;
    drop(db);
    let file = folder.path().join("items.db");
    compare(bench, suite, &there, missing, file.as_os_str(), None)
}

pub(crate) fn run_postgres(bench: &mut Bench) -> Fallible {
    let Some(database) = keywalk_tests::postgres::database() else {
        return Ok(());
    };
    let suite = &POSTGRES;
    let (there, missing) = build(bench, suite)?;
    let db = Connected::to(database.url())?;
    db.create_items(bench.items)?;
    let counters = Counters::create(&db, bench.items)?;
    let uri = uri(database.url())?;
    compare(bench, suite, &there, missing, uri.as_ref(), Some(&counters))
}

/// Builds the requested peers' programs. Returns those that were built, and messages about the others.
fn build<'s>(bench: &Bench, suite: &'s Suite) -> Fallible<(Vec<&'s Program>, Vec<String>)> {
    let mut missing = Vec::new();
    let mut there = Vec::new();
    for program in suite.programs {
        let is_requested = |peer: &&Peer| bench.wants(peer.0) && peer.is_of(program);
        if LENT.is_of(program) || suite.peers.iter().any(|peer| is_requested(&peer)) {
            match program.build() {
                Ok(()) => there.push(program),
                Err(error) => is_missing(&mut missing, program.name, error),
            }
        }
    }
    match there.iter().any(|program| LENT.is_of(program)) {
        true => Ok((there, missing)),
        false => Err("without keywalk's own program there is nothing to compare with".into()),
    }
}

/// Measures the requested peers. With `counters`, also the old versions of rows that each of them keeps.
fn compare(
    bench: &mut Bench,
    suite: &Suite,
    there: &[&Program],
    mut missing: Vec<String>,
    store: &OsStr,
    counters: Option<&Counters<'_>>,
) -> Fallible {
    let peers = suite.peers.iter().filter(|peer| bench.wants(peer.0));
    let is_there = |peer: &&Peer| there.iter().any(|program| peer.is_of(program));
    let mut peers: Vec<Runs> = peers.filter(is_there).copied().map(Runs::of).collect();
    let mut lent = in_turns(suite, &mut peers, store, &mut missing)?;
    if let Some(counters) = counters {
        for runs in peers.iter_mut().chain([&mut lent]) {
            if !runs.has_failed {
                let mut command = runs.peer.command(suite, store)?;
                runs.dead_tuples = Some(dead_tuples(&mut command, counters, bench.items)?);
            }
        }
    }

    let mut table = lent.row(1.0);
    for runs in peers.iter().filter(|runs| !runs.has_failed) {
        let name = runs.peer.0;
        let target = suite.at_least.iter().find(|(peer, _)| *peer == name);
        let target = target.map_or(Target::None, |(_, least)| Target::AtLeast(*least));
        let ratio = median(runs.ratios.iter().copied());
        table.push_str(&runs.row(ratio));
        // Rounds of programs with two threads, such as sqlx, differed up to threefold.
        let ratios = runs.ratios.iter().copied();
        let mut figures = vec![
            ("ratio_least", ratios.clone().fold(f64::INFINITY, f64::min)),
            ("ratio_most", ratios.fold(0.0, f64::max)),
            ("wall_s", runs.median(|usage| usage.wall)),
            ("peak_mib", runs.median(|usage| usage.peak_mib)),
        ];
        figures.extend(runs.dead_tuples.map(|number| ("dead_tuples", number)));
        let ns_item = runs.median(|usage| usage.cpu) * 1e9 / bench.items as f64;
        bench.record(name, target, ratio, bench.items, Some(ns_item), &figures)?;
    }
    let versions = there
        .iter()
        .map(|program| match program.versions(counters.is_none()) {
            Ok(versions) => versions,
            Err(error) => format!("{} ({error})", program.name),
        });
    let mut versions = versions.collect::<Vec<_>>().join(", ");
    let (mut head, mut rule) = ("", "");
    if let Some(counters) = counters {
        (head, rule) = (" Old row versions kept |", "---|");
        versions = format!("PostgreSQL {}; {versions}", counters.server_version()?);
    }
    writeln!(
        io::stdout(),
        "\n| | CPU s | Ratio | Wall s | Peak MiB |{head}\n|---|---|---|---|---|{rule}\n{table}\n{}; \
         {versions}.\n{}",
        machine()?,
        missing.concat()
    )?;
    Ok(())
}

/// Pauses a peer in the middle of its walk, and counts the old versions of updated rows that VACUUM then keeps.
fn dead_tuples(command: &mut Command, counters: &Counters<'_>, rows: u64) -> Fallible<f64> {
    command.env("PAUSE_AT", (rows / 2).to_string());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // Open until the child ends: it prints a second line.
    let mut stdout = BufReader::new(stdout.ok_or("no stdout")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    if line.trim_end() != "paused" {
        return Err(format!("{command:?} said {line:?} instead of \"paused\"").into());
    }
    counters.update_all()?;
    let kept = counters.kept()?;
    writeln!(stdin.ok_or("no stdin")?)?;
    match child.wait()?.success() {
        true => Ok(kept),
        false => Err(format!("{command:?} failed").into()),
    }
}

/// Returns how to connect to a database as `postgres:///NAME?host=HOST&user=USER`, which all peers understand.
fn uri(url: &str) -> Fallible<String> {
    let config: Config = url.parse()?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => Some(host.clone()),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => Some(folder.display().to_string()),
        None => None,
    };
    let password = config.get_password().map(String::from_utf8_lossy);
    let parts = [
        ("host", host),
        ("port", config.get_ports().first().map(u16::to_string)),
        ("user", config.get_user().map(str::to_owned)),
        ("password", password.map(Into::into)),
    ];
    let mut uri = format!("postgres:///{}", config.get_dbname().unwrap_or_default());
    let mut separator = '?';
    for (name, value) in parts {
        if let Some(value) = value {
            uri += &format!("{separator}{name}=");
            for byte in value.bytes() {
                match byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                    true => uri.push(byte.into()),
                    false => uri += &format!("%{byte:02X}"),
                }
            }
            separator = '&';
        }
    }
    Ok(uri)
}

/// Runs each of `peers` between two runs of keywalk, round by round. Returns keywalk's rounds.
fn in_turns(
    suite: &Suite,
    peers: &mut [Runs],
    store: &OsStr,
    missing: &mut Vec<String>,
) -> Fallible<Runs> {
    // Warms up, and checks that all do the same.
    let (expected, _) = LENT.run(suite, store)?;
    let mut lent = Runs::of(LENT);
    let (_, mut before) = LENT.run(suite, store)?;
    lent.push(before, before.cpu);
    for round in 0..ROUNDS {
        for runs in &mut *peers {
            if runs.has_failed || [OFFSET, PAGINATOR].contains(&runs.peer.0) && round > 0 {
                continue;
            }
            let (seen, usage) = match runs.peer.run(suite, store) {
                Ok(run) => run,
                Err(error) => {
                    runs.has_failed = true;
                    is_missing(missing, runs.peer.0, error);
                    continue;
                }
            };
            if seen != expected {
                let name = runs.peer.0;
                return Err(format!("{name}: saw {seen} instead of {expected}").into());
            }
            let (_, after) = LENT.run(suite, store)?;
            runs.push(usage, (before.cpu + after.cpu) / 2.0);
            lent.push(after, before.cpu);
            before = after;
        }
    }
    Ok(lent)
}

/// Reports a program that can't be built or run, at once and again at the end.
fn is_missing(missing: &mut Vec<String>, name: &str, error: Box<dyn Error>) {
    let line = format!("{name} isn't there: {error}\n");
    eprint!("{line}");
    missing.push(line);
}

/// Describes the machine and the compiler.
fn machine() -> Fallible<String> {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = known.lines();
    let model = lines.find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let cores = thread::available_parallelism()?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    // Leaves out the commit.
    let rustc = rustc.split(" (").next().unwrap_or_default();
    Ok(format!("{model}, {cores} cores; {}", rustc.trim()))
}

/// The costs of a process.
#[derive(Clone, Copy, Debug)]
struct Usage {
    /// Seconds of CPU time, in user and in system mode.
    cpu: f64,
    /// Seconds of wall time.
    wall: f64,
    peak_mib: f64,
}

/// The first argument of the process that measures another.
///
/// The reported peak memory of a process includes the memory of its parent at the start. So the parent is a process
/// that has done nothing yet.
pub(crate) const PROCESS: &str = "--measured";

/// Runs a command in a process that measures it. Returns the line that it printed and its costs.
fn usage(command: &Command) -> Fallible<(String, Usage)> {
    let child = Command::new(env::current_exe()?)
        .arg(PROCESS)
        .arg(command.get_program())
        .args(command.get_args())
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8(child.stdout)?;
    let lines: Vec<&str> = said.lines().collect();
    let [line, used] = lines[..] else {
        return Err(format!("{command:?} failed").into());
    };
    let numbers: Result<Vec<f64>, _> = used.split(' ').map(str::parse).collect();
    let [cpu, wall, peak] = numbers?[..] else {
        return Err(format!("{command:?} was measured as {used:?}").into());
    };
    let peak_mib = peak / f64::from(1 << 20);
    Ok((
        line.to_owned(),
        Usage {
            cpu,
            wall,
            peak_mib,
        },
    ))
}

/// Runs a command. Prints its output, its CPU time and wall time in seconds, and its peak memory in bytes.
pub(crate) fn process(program: &OsStr, args: &[OsString]) -> Fallible {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut said)?;
    }
    let used = child.wait4()?;
    let wall = start.elapsed().as_secs_f64();
    if !used.status.success() {
        return Err(format!("it ended with {}", used.status).into());
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    println!("{}\n{cpu} {wall} {}", said.trim_end(), used.rusage.maxrss);
    Ok(())
}
