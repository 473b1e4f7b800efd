//! The common parts of a command-line program: arguments, lines of output, progress of jobs, Ctrl-C and exit codes. The
//! examples, `soak` and the benchmarks share it.

use std::env;
use std::error::Error;
use std::fmt::{self, Display};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{self, Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use keywalk::{AsyncChunkSource, ChunkSource, ResumableSource};
use keywalk_job::{
    AsyncCheckpointStore, AsyncJob, Checkpoint, CheckpointStore, Job, Outcome, ParallelJob, Stop,
};

/// Any error, of any thread.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An error that a program finds by itself.
#[derive(Debug)]
pub enum Failure {
    /// The user can fix it: the arguments, the file, the table.
    Mistake(String),
    /// Stdout can't be written to.
    Stdout(io::Error),
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Mistake(what) => f.write_str(what),
            Failure::Stdout(_) => f.write_str("can't write to stdout"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Mistake(_) => None,
            Failure::Stdout(error) => Some(error),
        }
    }
}

/// Runs a program's `main` with the parsed command line. An error is printed to stderr as one line, after the
/// program's name. The exit code is 2 if the user can fix the error, 1 otherwise.
pub fn run<A: Parser>(task: impl FnOnce(A) -> Result<(), BoxError>) -> ExitCode {
    let done = arguments().map_err(BoxError::from).and_then(task);
    end(
        A::command().get_name(),
        done.map_err(|error| -> Box<dyn Error> { error }),
    )
}

/// Ends a program that takes no arguments, as [`run`] does.
#[must_use]
pub fn end(name: &str, done: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    let causes: Vec<&(dyn Error + 'static)> = causes(&*error).collect();
    // The reader of the output closed it, as `head` does.
    let is_hang_up = |cause: &&(dyn Error + 'static)| match cause.downcast_ref() {
        Some(Failure::Stdout(error)) => error.kind() == io::ErrorKind::BrokenPipe,
        _ => false,
    };
    if causes.iter().any(is_hang_up) {
        return ExitCode::SUCCESS;
    }
    log_line(format_args!("{name}: {}", one_line(&*error)));
    let is_mistake = causes.iter().any(|cause| is_mistake(*cause));
    ExitCode::from(if is_mistake { 2 } else { 1 })
}

/// Returns the messages of an error and of its causes, as one line, even if the names in it have line breaks.
#[must_use]
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in causes(error).skip(1) {
        let said = cause.to_string();
        if !line.contains(&said) {
            line += &format!(": {said}");
        }
    }
    line.replace(['\n', '\r'], " ")
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns whether the user can fix an error. Of a store's errors, these are the ones about the database and its table.
fn is_mistake(error: &(dyn Error + 'static)) -> bool {
    use keywalk_postgres::ErrorKind as Postgres;
    use keywalk_sqlite::ErrorKind as Sqlite;
    if let Some(error) = of_source::<keywalk_sqlite::Error>(error) {
        return !matches!(
            error.kind(),
            Sqlite::Sqlite
                | Sqlite::Busy
                | Sqlite::Interrupted
                | Sqlite::Corrupt
                | Sqlite::Io
                | Sqlite::OutOfMemory
                | Sqlite::Changed
                | Sqlite::Value
        );
    }
    if let Some(error) = of_source::<keywalk_postgres::Error>(error) {
        return !matches!(
            error.kind(),
            Postgres::Postgres
                | Postgres::Connection
                | Postgres::NoConnection
                | Postgres::OutOfOrder
                | Postgres::Value
        );
    }
    matches!(error.downcast_ref(), Some(Failure::Mistake(_)))
}

/// Returns the error of a source, which may be inside that of a walk.
fn of_source<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    match error.downcast_ref() {
        Some(keywalk::Error::Source(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// Parses the command line. If it asks for help, prints the help and ends the process.
pub fn arguments<A: Parser>() -> Result<A, Failure> {
    A::try_parse().map_err(|error| {
        if !error.use_stderr() {
            match error.print() {
                Ok(()) => process::exit(0),
                Err(error) => return Failure::Stdout(error),
            }
        }
        // Usage follows the first blank line.
        let message = error.to_string();
        let message = message.split("\n\n").next().unwrap_or_default();
        let words: Vec<&str> = message.split_whitespace().collect();
        let message = words.join(" ");
        let message = message.trim_start_matches("error: ");
        Failure::Mistake(format!("{message}; --help lists the options"))
    })
}

/// Prints a line to stdout.
pub fn print_line(line: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(Failure::Stdout)
}

/// Prints a line to stderr, and ignores failures.
pub fn log_line(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Creates a flag that Ctrl-C sets. Can be called once per process.
pub fn stop_on_interrupt() -> Result<Stop, BoxError> {
    let stop = Stop::new();
    let on_interrupt = stop.clone();
    ctrlc::set_handler(move || on_interrupt.request())?;
    Ok(stop)
}

/// Calls `work` with a folder that is removed after it, and also if Ctrl-C ends the program. Can be called once per
/// process.
pub fn in_temporary_folder(
    work: impl FnOnce(&Path) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let on_interrupt = folder.path().to_owned();
    ctrlc::set_handler(move || {
        let _ = fs::remove_dir_all(&on_interrupt);
        process::exit(130);
    })?;
    work(folder.path())
}

/// Runs this program in a process of its own, with `--make PATH` added, so that what follows can't reuse its memory.
pub fn make_in_a_process(path: &Path) -> Result<(), BoxError> {
    let mut make = Command::new(env::current_exe()?);
    make.args(env::args_os().skip(1)).arg("--make").arg(path);
    match make.status()?.success() {
        true => Ok(()),
        false => Err(format!("{} could not be made", path.display()).into()),
    }
}

/// Options for how fast a job may be and for how long it may run.
#[derive(Clone, Debug, clap::Args)]
pub struct Pace {
    /// Maximum rows per second
    #[arg(long, value_name = "N")]
    max_items_per_second: Option<NonZeroU32>,
    /// Start no new chunk after this time
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,
}

/// Shows the progress of a job of any kind.
macro_rules! shown {
    ($job:ident, $verb:ident) => {
        match progress_bar($verb)? {
            Some(bar) => $job.bar(bar),
            None => {
                let mut lines = ProgressLines {
                    verb: $verb,
                    printed: 0,
                };
                $job.on_progress(move |progress| {
                    lines.print(progress.items_of_run(), progress);
                })
            }
        }
    };
}

impl Pace {
    /// Applies the options to a job, which `stop` stops, and shows its progress on stderr: as a bar on a terminal, as a
    /// line per 100,000 rows elsewhere.
    pub fn set<'a, S: ChunkSource + ResumableSource, C: CheckpointStore>(
        &self,
        job: Job<'a, S, C>,
        verb: &'static str,
        stop: &Stop,
    ) -> Result<Job<'a, S, C>, BoxError> {
        let job = self.limit(job, stop);
        Ok(shown!(job, verb))
    }

    /// Does the same for an asynchronous job.
    pub fn set_async<'a, S: AsyncChunkSource + ResumableSource, C: AsyncCheckpointStore>(
        &self,
        job: AsyncJob<'a, S, C>,
        verb: &'static str,
        stop: &Stop,
    ) -> Result<AsyncJob<'a, S, C>, BoxError> {
        let job = self.limit(job, stop);
        Ok(shown!(job, verb))
    }

    /// Shows the progress of a job that has workers. To each worker's job, apply [`limit`](Self::limit).
    pub fn set_workers(
        &self,
        job: ParallelJob,
        verb: &'static str,
    ) -> Result<ParallelJob, BoxError> {
        Ok(shown!(job, verb))
    }

    /// Applies the options to a job, which `stop` stops.
    pub fn limit<'a, S: ResumableSource, C, H>(
        &self,
        mut job: Job<'a, S, C, H>,
        stop: &Stop,
    ) -> Job<'a, S, C, H> {
        job = job.stop_on(stop);
        if let Some(most) = self.max_items_per_second {
            job = job.max_items_per_second(most.get().into());
        }
        match self.deadline {
            Some(seconds) => job.deadline(Duration::from_secs(seconds)),
            None => job,
        }
    }
}

/// Returns the bar of a job's progress, if stderr is a terminal.
fn progress_bar(verb: &'static str) -> Result<Option<ProgressBar>, BoxError> {
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    let style = "{prefix} {wide_bar} {percent}% {msg}, {eta} left";
    let bar = ProgressBar::no_length().with_prefix(verb);
    bar.set_style(ProgressStyle::with_template(style)?);
    Ok(Some(bar))
}

/// The progress of a job as a line per 100,000 rows.
struct ProgressLines {
    verb: &'static str,
    printed: u64,
}

impl ProgressLines {
    fn print(&mut self, rows: u64, progress: impl Display) {
        const ROWS_PER_LINE: u64 = 100_000;
        if rows / ROWS_PER_LINE > self.printed {
            self.printed = rows / ROWS_PER_LINE;
            log_line(format_args!("{}: {progress}", self.verb));
        }
    }
}

/// Describes how far a job has come.
#[must_use]
pub fn job_position(checkpoint: &Checkpoint) -> String {
    format!(
        "{} rows in {} chunks, {:.0} %, up to the key {}, {}",
        checkpoint.items(),
        checkpoint.chunks(),
        checkpoint.fraction().unwrap_or_default() * 100.0,
        checkpoint.position().unwrap_or("-"),
        completion(checkpoint.is_done())
    )
}

/// Describes whether a job is done.
#[must_use]
pub fn completion(is_done: bool) -> &'static str {
    match is_done {
        true => "done",
        false => "not done yet",
    }
}

/// Describes a run of a job over this many rows.
#[must_use]
pub fn run_summary(verb: &str, rows: u64, outcome: &Outcome) -> String {
    runs_summary(verb, rows, outcome.chunks(), outcome.elapsed())
}

/// Describes several runs of a job.
#[must_use]
pub fn runs_summary(verb: &str, rows: u64, chunks: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    format!("{verb} {rows} rows in {chunks} chunks, {seconds:.2} s")
}

/// Converts the error of a job. The user can fix an error about the table, a job that already runs, and a
/// job that was started over something else.
pub fn job_error<E: Error + Send + Sync + 'static, C: Error + Send + Sync + 'static>(
    error: keywalk_job::Error<E, C>,
) -> BoxError {
    match error {
        keywalk_job::Error::Walk { error, .. } => error.into(),
        keywalk_job::Error::AlreadyRunning { .. } | keywalk_job::Error::Resume { .. } => {
            Failure::Mistake(error.to_string()).into()
        }
        error => error.into(),
    }
}
