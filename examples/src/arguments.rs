use std::process::ExitCode;

use clap::Parser;

use crate::Failure;

/// An example's `main`: does what the command line asks for. What fails is one line on stderr, after the
/// example's name, and an exit code: 2 for what the user can mend, 1 for anything else.
pub fn run<A: Parser>(task: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    match arguments().and_then(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}: {failure}", A::command().get_name());
            failure.exit_code()
        }
    }
}

/// What the command line says. Where it asks for help this prints it, and ends the process.
///
/// # Errors
///
/// What is wrong with it.
pub fn arguments<A: Parser>() -> Result<A, Failure> {
    A::try_parse().map_err(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        // What follows the first blank line is usage.
        let message = error.to_string();
        let message = message.split("\n\n").next().unwrap_or_default();
        let words: Vec<&str> = message.split_whitespace().collect();
        Failure::usage(words.join(" ").trim_start_matches("error: "))
    })
}
