use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use keywalk_examples::{Failure, Random, make_table, note, say};
use keywalk_job::{Checkpoint, Checkpoints};
use rusqlite::Connection;

use crate::args::Options;
use crate::backfill::name;
use crate::ledger::Ledger;

/// Kills the backfill at random moments, runs it again until it is done, and counts how often each row was
/// done: its column `fills` is counted up, so a repetition shows.
///
/// Where it is done before all kills are, it is reset and every row is done once more.
pub(crate) fn run(kills: u64, rows: u64, options: &Options) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items.db");
    let mut db = Connection::open(&file)?;
    make_table(&mut db, rows, |_| {})?;
    db.execute_batch(
        "ALTER TABLE items ADD COLUMN fills INTEGER NOT NULL DEFAULT 0;
         CREATE TABLE totals (fills INTEGER NOT NULL);
         INSERT INTO totals VALUES (0);",
    )?;
    let seed = options.seed.unwrap_or_else(Random::any_seed);
    note(format_args!(
        "made a table of {rows} rows; killing {kills} times, --seed {seed}"
    ));
    let mut test = CrashTest {
        db,
        file,
        folder: options
            .checkpoint
            .as_ref()
            .map(|_| folder.path().join("checkpoint")),
        options,
        rows: rows.cast_signed(),
        random: Random::new(seed),
        rounds: 1,
        lives: Duration::ZERO,
        repeated: 0,
    };
    for killed in 0..kills {
        test.kill(kills - killed)?;
    }
    test.finish()?;
    let line = test.judge(kills)?;
    say(line)?;
    Ok(())
}

struct CrashTest<'a> {
    db: Connection,
    file: PathBuf,
    /// Of the checkpoint, if it isn't in the database.
    folder: Option<PathBuf>,
    options: &'a Options,
    rows: i64,
    random: Random,
    /// How often each row is to be done.
    rounds: i64,
    /// How long the processes of this round have lived.
    lives: Duration,
    /// Rows that were done and not recorded when a process was killed, so that they come again.
    repeated: i64,
}

impl CrashTest<'_> {
    /// Starts the backfill and kills it at a random moment, so that about the whole of the work is done when
    /// so many `kills` are.
    fn kill(&mut self, kills: u64) -> Result<(), Failure> {
        loop {
            let mut child = self.start()?;
            let began = Instant::now();
            let mean = self.time_left(kills);
            thread::sleep(mean.mul_f64(self.random.below(2_000) as f64 / 1_000.0));
            if let Some(status) = child.try_wait()? {
                succeeded(status.success())?;
                self.begin_round()?;
                continue;
            }
            child.kill()?;
            child.wait()?;
            self.lives += began.elapsed();
            return self.check_position();
        }
    }

    /// What is left of the work, for each of so many kills, by how long it took so far.
    fn time_left(&self, kills: u64) -> Duration {
        let done = self
            .checkpoint()
            .ok()
            .flatten()
            .map_or(0, |checkpoint| checkpoint.items().cast_signed());
        if done == 0 {
            return Duration::from_millis(15);
        }
        let left = (self.rows - done.min(self.rows)) as f64 / done as f64;
        self.lives
            .mul_f64(left / (kills + 1) as f64)
            .max(Duration::from_millis(1))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let status = self.start()?.wait()?;
        succeeded(status.success())
    }

    /// Every row once more.
    fn begin_round(&mut self) -> Result<(), Failure> {
        let name = name(self.options);
        let reset = |error: &dyn std::error::Error| Failure::caused(error);
        match Ledger::new(&self.db, &self.child_options()) {
            Ledger::Table(mut table) => table.reset(&name).map_err(|e| reset(&e))?,
            Ledger::Files(mut files) => files.reset(&name).map_err(|e| reset(&e))?,
        };
        self.rounds += 1;
        self.lives = Duration::ZERO;
        Ok(())
    }

    /// After a kill: nothing is recorded that isn't done, and what is done and not recorded is a chunk at
    /// most; nothing, where both are one transaction.
    fn check_position(&mut self) -> Result<(), Failure> {
        let fills: i64 = self
            .db
            .query_row("SELECT fills FROM totals", [], |row| row.get(0))?;
        let recorded = self
            .checkpoint()?
            .map_or(0, |checkpoint| checkpoint.items().cast_signed());
        let recorded = (self.rounds - 1) * self.rows + recorded + self.repeated;
        let most = match self.folder {
            None => 0,
            Some(_) => self.options.chunk_size.get() as i64,
        };
        let ahead = Some(fills - recorded).filter(|ahead| (0..=most).contains(ahead));
        self.repeated += ahead.ok_or_else(|| {
            Failure::failed(format!(
                "after a kill {recorded} rows are recorded, and {fills} were filled"
            ))
        })?;
        Ok(())
    }

    fn judge(&self, kills: u64) -> Result<String, Failure> {
        let rounds = self.rounds;
        let sql = "SELECT total(max(?1 - fills, 0)), total(max(fills - ?1, 0)), total(slug IS NULL) FROM items";
        let (missed, repeated, empty): (f64, f64, f64) =
            self.db.query_row(sql, [rounds], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let rows = self.rows;
        let mut line =
            format!("crash test: {kills} kills, {rows} rows, {missed} missed, {repeated} repeated");
        if self.folder.is_some() {
            line += &format!(", at most one chunk of {} a kill", self.options.chunk_size);
        }
        let is_right = missed == 0.0 && empty == 0.0 && repeated == self.repeated as f64;
        match is_right {
            true => Ok(line),
            false => Err(Failure::failed(line)),
        }
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, Failure> {
        let name = name(self.options);
        match Ledger::new(&self.db, &self.child_options()) {
            Ledger::Table(mut table) => table.load(&name).map_err(|error| Failure::caused(&error)),
            Ledger::Files(mut files) => files.load(&name).map_err(|error| Failure::caused(&error)),
        }
    }

    fn child_options(&self) -> Options {
        Options {
            checkpoint: self.folder.clone(),
            ..self.options.clone()
        }
    }

    fn start(&self) -> Result<Child, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--counts").arg("--db").arg(&self.file);
        command.args(["--chunk-size", &self.options.chunk_size.to_string()]);
        if let Some(folder) = &self.folder {
            command.arg("--checkpoint").arg::<&Path>(folder);
        }
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
    }
}

fn succeeded(success: bool) -> Result<(), Failure> {
    match success {
        true => Ok(()),
        false => Err(Failure::failed("the backfill failed")),
    }
}
