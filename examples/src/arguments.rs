use std::fmt::Display;
use std::io::{self, Write};
use std::process::{self, ExitCode};

use clap::Parser;

use crate::Failure;

/// An example's `main`: does what the command line asks for. What fails is one line on stderr, after the
/// example's name, and an exit code: 2 for what the user can mend, 1 for anything else.
pub fn run<A: Parser>(task: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    end(A::command().get_name(), arguments().and_then(task))
}

/// The end of an example without arguments: as that of [`run`].
#[must_use]
pub fn end(name: &str, outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else {
        return ExitCode::SUCCESS;
    };
    if !failure.is_hang_up() {
        note(format_args!("{name}: {failure}"));
    }
    failure.exit_code()
}

/// Prints a line to stdout.
///
/// # Errors
///
/// If it can't be written; see [`Failure::stdout`].
pub fn say(line: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(Failure::stdout)
}

/// Prints a line to stderr. Where that fails there is no one to tell.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What the command line says. Where it asks for help this prints it, and ends the process.
///
/// # Errors
///
/// What is wrong with it, or that the help can't be printed.
pub fn arguments<A: Parser>() -> Result<A, Failure> {
    A::try_parse().map_err(|error| {
        if !error.use_stderr() {
            match error.print() {
                Ok(()) => process::exit(0),
                Err(error) => return Failure::stdout(error),
            }
        }
        // What follows the first blank line is usage.
        let message = error.to_string();
        let message = message.split("\n\n").next().unwrap_or_default();
        let words: Vec<&str> = message.split_whitespace().collect();
        Failure::usage(words.join(" ").trim_start_matches("error: "))
    })
}
