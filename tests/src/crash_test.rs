//! Crash tests: a program runs itself repeatedly, kills the child at random moments, and checks what is left.

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use keywalk_job::{AsyncLeases, CheckpointStore, FileCheckpoints, Leases};
use keywalk_postgres::PostgresCheckpoints;
use keywalk_sqlite::SqliteCheckpoints;

use crate::postgres::{Blocking, Server};
use crate::program::{BoxError, Failure, log_line, print_line, stop_on_interrupt};
use crate::random::Random;
use crate::sample;

/// Runs this program with these arguments, in so many processes at a time. Kills a process `kills` times, then its
/// server if it has one. `check` runs after each kill and after all processes have ended, and is told whether that was
/// done; if so, it must make the next ones start from scratch.
fn kill(
    kills: u64,
    processes: usize,
    mut server: Option<ServerKills<'_>>,
    seed: Option<u64>,
    arguments: &[OsString],
    mut check: impl FnMut(bool) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let seed = seed.unwrap_or_else(Random::any_seed);
    let of_server = server.as_ref().map_or(0, |server| server.kills);
    match of_server {
        0 => log_line(format_args!("killing {kills} times, seed {seed}")),
        more => log_line(format_args!(
            "killing {kills} times, and the server {more} times, seed {seed}"
        )),
    }
    let mut random = Random::new(seed);
    let stop = stop_on_interrupt()?;
    let start = || {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let succeeded = |status: ExitStatus| match status.success() {
        true => Ok(()),
        false => Err(BoxError::from(format!("the program failed: {status}"))),
    };
    let start_all = || {
        (0..processes)
            .map(|_| start())
            .collect::<Result<Vec<_>, _>>()
    };
    let wait_for_all = |children: Vec<Child>| {
        let mut children = children.into_iter();
        children.try_for_each(|mut child| succeeded(child.wait()?))
    };
    // The lifetime of each child, chosen so that the work takes about a dozen of them.
    let began = Instant::now();
    wait_for_all(start_all()?)?;
    let life = began.elapsed().div_f64(12.0);
    check(true)?;

    let mut killed = 0;
    let mut children = start_all()?;
    while killed < kills + of_server {
        if stop.is_requested() {
            return Err(format!("stopped after {killed} kills").into());
        }
        thread::sleep(life.mul_f64(random.below(2_000) as f64 / 1_000.0));
        let mut running = Vec::new();
        for (index, child) in children.iter_mut().enumerate() {
            match child.try_wait()? {
                Some(status) => succeeded(status)?,
                None => running.push(index),
            }
        }
        if running.is_empty() {
            check(true)?;
            children = start_all()?;
            continue;
        }
        let victim = running[random.below(running.len() as u64) as usize];
        match &mut server {
            // The program has to go on.
            Some(server) if killed >= kills => match (server.kill)()? {
                true => {}
                false => continue,
            },
            _ => {
                children[victim].kill()?;
                children[victim].wait()?;
            }
        }
        check(false)?;
        killed += 1;
        if killed <= kills {
            children[victim] = start()?;
        }
    }
    wait_for_all(children)?;
    check(true)
}

/// Who runs a job: so many workers in each of so many processes. Without workers, an ordinary job.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Runners {
    /// Split the job into parts, and run this many workers at a time
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// Run this many processes at a time, each with its workers
    #[arg(long, value_name = "N", requires_all = ["crash_test", "workers"])]
    processes: Option<NonZeroUsize>,
}

impl Runners {
    fn processes(self) -> usize {
        self.processes.map_or(1, Into::into)
    }

    /// Returns the arguments of one of the processes.
    fn arguments(self) -> Vec<OsString> {
        let workers = self
            .workers
            .map(|workers| ["--workers".into(), workers.to_string().into()]);
        workers.into_iter().flatten().collect()
    }
}

/// Kills of the server of a program.
#[expect(missing_debug_implementations, reason = "it has a closure")]
pub struct ServerKills<'a> {
    /// The number of kills.
    pub kills: u64,
    /// Kills the server and starts it again. Returns `false`, and kills nothing, if the program isn't connected yet: a
    /// program that finds no server at its start ends with an error.
    pub kill: &'a mut dyn FnMut() -> Result<bool, BoxError>,
}

/// What a job has done to its rows, as its store has it.
#[derive(Debug)]
pub struct Done {
    /// How many items the job's checkpoint counts.
    pub recorded: u64,
    /// How often each row was done, over all rounds.
    pub times: Vec<u64>,
}

/// Kills this program, which does each of `rows` rows once if it is run with these arguments, in the transaction that
/// records it. `look` reads what is done after each kill and after each child has ended. If it is told that the job is
/// done, it resets the job after that.
pub fn exactly_once(
    kills: u64,
    processes: usize,
    server: Option<ServerKills<'_>>,
    rows: u64,
    arguments: &[OsString],
    mut look: impl FnMut(bool) -> Result<Done, BoxError>,
) -> Result<(), BoxError> {
    let mut rounds = 0;
    let mut times = Vec::new();
    kill(kills, processes, server, None, arguments, |is_done| {
        let done = look(is_done)?;
        let (filled, due) = (
            done.times.iter().sum::<u64>(),
            rounds * rows + done.recorded,
        );
        if due != filled {
            return Err(format!("{filled} rows were done instead of {due}").into());
        }
        rounds += u64::from(is_done);
        times = done.times;
        Ok(())
    })?;
    let unknown = rounds * (rows - times.len() as u64);
    let missed = times.iter().map(|times| rounds.saturating_sub(*times));
    let missed = missed.sum::<u64>() + unknown;
    let repeated = times.iter().map(|times| times.saturating_sub(rounds));
    let repeated: u64 = repeated.sum();
    let line =
        format!("crash test: {kills} kills, {rows} rows, {missed} missed, {repeated} repeated");
    match missed == 0 && repeated == 0 {
        true => Ok(print_line(line)?),
        false => Err(line.into()),
    }
}

/// Kills the example `backfill`, and counts how often each row was filled. After a kill everything recorded is done.
/// Everything done is recorded, too; with checkpoints in files at most one chunk isn't.
pub fn backfill(
    kills: u64,
    rows: u64,
    job: &str,
    chunk_size: usize,
    in_files: bool,
    runners: Runners,
    seed: Option<u64>,
) -> Result<(), BoxError> {
    if in_files && runners.workers.is_some() {
        let why = "--crash-test with --workers needs the positions in the database: leave out --checkpoint";
        return Err(Failure::Mistake(why.to_owned()).into());
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items.db");
    let checkpoints = folder.path().join("checkpoints");
    let db = sample::items(&file, rows)?;
    db.execute_batch(
        "ALTER TABLE items ADD COLUMN slug TEXT;
         CREATE TABLE log (id INTEGER NOT NULL);
         CREATE TRIGGER logged AFTER UPDATE OF slug ON items
             BEGIN INSERT INTO log VALUES (new.id); END;",
    )?;
    let mut arguments = vec!["--db".into(), file.into()];
    arguments.extend(["--chunk-size".into(), chunk_size.to_string().into()]);
    arguments.extend(runners.arguments());
    if in_files {
        arguments.extend(["--checkpoint".into(), checkpoints.clone().into()]);
    }
    let (mut rounds, mut ahead) = (0, 0);
    kill(
        kills,
        runners.processes(),
        None,
        seed,
        &arguments,
        |is_done| {
            let (mut table, mut files) = (
                SqliteCheckpoints::new(&db),
                FileCheckpoints::new(&checkpoints),
            );
            // One statement sees one moment, though other processes go on. A job with workers counts its parts' items, and
            // its own once it is done.
            let counts = "SELECT ifnull(max(rowid), 0), (
                SELECT ifnull(max(total(items) FILTER (WHERE name = ?1),
                    total(items) FILTER (WHERE name GLOB ?1 || '#part-*')), 0) FROM keywalk_jobs
            ) FROM log";
            let counts = match in_files {
                false => db.query_row(counts, [job], |row| Ok((row.get(0)?, row.get(1)?))),
                true => db.query_row("SELECT ifnull(max(rowid), 0), 0 FROM log", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                }),
            };
            let (filled, mut recorded): (i64, f64) = counts?;
            if in_files {
                let checkpoint = files.load(job)?;
                recorded = checkpoint.map_or(0.0, |checkpoint| checkpoint.items() as f64);
            }
            let recorded = recorded as i64;
            let due = rounds * rows.cast_signed() + ahead + recorded;
            let most = if in_files { chunk_size as i64 } else { 0 };
            if !(due..=due + most).contains(&filled) {
                return Err(format!("{filled} rows were filled instead of {due}").into());
            }
            ahead += filled - due;
            if is_done {
                rounds += 1;
                match in_files {
                    false => Leases::reset(&mut table, job)?,
                    true => Leases::reset(&mut files, job)?,
                };
            }
            Ok(())
        },
    )?;
    let sql = "WITH filled AS (SELECT id, count(*) AS times FROM log GROUP BY id)
        SELECT total(max(?1 - ifnull(times, 0), 0)), total(max(times - ?1, 0)),
            total(slug IS NOT replace(name, ' ', '-'))
        FROM items LEFT JOIN filled USING (id)";
    let (missed, repeated, wrong): (f64, f64, f64) = db.query_row(sql, [rounds], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let mut line =
        format!("crash test: {kills} kills, {rows} rows, {missed} missed, {repeated} repeated");
    if in_files {
        line += &format!(", at most one chunk of {chunk_size} a kill");
    }
    match missed == 0.0 && wrong == 0.0 && repeated == ahead as f64 {
        true => Ok(print_line(line)?),
        false => Err(format!("{line}, {wrong} wrong, {ahead} ahead of their record").into()),
    }
}

/// Kills the example `backfill_postgres` and then, a fifth as often, its server. Counts how often each row was filled.
pub fn backfill_postgres(
    kills: u64,
    rows: u64,
    job: &str,
    chunk_size: usize,
    runners: Runners,
) -> Result<(), BoxError> {
    let mut server = Server::start()?;
    let url = server.url();
    Blocking::connect(&url)?.run(async |db| {
        sample::postgres_items(db, rows).await?;
        db.batch_execute(
            "ALTER TABLE items ADD COLUMN slug TEXT, ADD COLUMN times BIGINT NOT NULL DEFAULT 0;
             CREATE FUNCTION counted() RETURNS TRIGGER LANGUAGE plpgsql
                 AS 'BEGIN NEW.times := OLD.times + 1; RETURN NEW; END';
             CREATE TRIGGER counts BEFORE UPDATE OF slug ON items
                 FOR EACH ROW EXECUTE FUNCTION counted()",
        )
        .await
        .map_err(BoxError::from)
    })?;
    let arguments = ["--url", &url, "--chunk-size", &chunk_size.to_string()].map(OsString::from);
    let mut arguments = arguments.to_vec();
    arguments.extend(runners.arguments());
    let server = ServerKills {
        kills: kills / 5,
        kill: &mut || {
            let others = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend'
                AND pid <> pg_backend_pid() AND query <> ''";
            let others = Blocking::connect(&url)?.run(async |db| db.query(others, &[]).await)?;
            if others.is_empty() {
                return Ok(false);
            }
            server.kill()?;
            server.restart()?;
            Ok(true)
        },
    };
    let processes = runners.processes();
    exactly_once(
        kills,
        processes,
        Some(server),
        rows,
        &arguments,
        |is_done| {
            Blocking::connect(&url)?.run(async |db| {
            // One statement sees one moment. A job with workers counts its parts' items, and its own once it is done.
            let sql = "SELECT (SELECT greatest(sum(items) FILTER (WHERE name = $1), \
                     sum(items) FILTER (WHERE starts_with(name, $1 || '#part-')), 0)::BIGINT FROM keywalk_jobs), \
                 ARRAY(SELECT times FROM items), \
                 (SELECT count(*) FROM items WHERE slug IS DISTINCT FROM replace(name, ' ', '-'))";
            let row = db.query_one(sql, &[&job]).await?;
            let times: Vec<i64> = row.try_get(1)?;
            if is_done && row.try_get::<_, i64>(2)? != 0 {
                return Err("rows were filled wrongly".into());
            }
            if is_done {
                PostgresCheckpoints::new(db).reset(job).await?;
            }
            Ok(Done {
                recorded: row.try_get::<_, i64>(0)?.unsigned_abs(),
                times: times.into_iter().map(i64::unsigned_abs).collect(),
            })
        })
        },
    )
}

/// Kills the example `export`, and checks that a finished file has each row once and in order.
pub fn export(kills: u64, rows: u64, chunk_size: usize) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let [file, out, state] =
        ["readings.db", "out", "out.state"].map(|name| folder.path().join(name));
    sample::readings(&file, rows)?;
    let mut arguments: Vec<OsString> = vec!["--db".into(), file.clone().into()];
    arguments.extend(["--table", "readings", "--out"].map(OsString::from));
    arguments.push(out.clone().into());
    arguments.extend(["--chunk-size".into(), chunk_size.to_string().into()]);
    kill(kills, 1, None, None, &arguments, |is_done| {
        if is_done {
            sample::check_readings(&file, &out)?;
            fs::remove_file(&out)?;
            fs::remove_dir_all(&state)?;
        }
        Ok(())
    })?;
    Ok(print_line(format_args!(
        "crash test: {kills} kills, {rows} rows, 0 missed, 0 repeated"
    ))?)
}
