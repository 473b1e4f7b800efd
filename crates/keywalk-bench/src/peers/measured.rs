//! A process that runs another, and says what that took.
//!
//! The peak memory that the system tells of a process counts what its parent had when it started it. So the
//! parent is a process that has done nothing yet.

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Fallible;

/// The first argument of the process that measures another; the program and its arguments follow.
const MEASURED: &str = "--measured";

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Seconds of the processors' time, for the program and for the system on its behalf.
    pub(crate) cpu: f64,
    /// Seconds.
    pub(crate) wall: f64,
    /// Bytes.
    pub(crate) peak: u64,
}

/// What the process does that measures another, if this is one.
pub(crate) fn measured() -> Option<Fallible> {
    let mut args = env::args_os().skip(1);
    if args.next()? != MEASURED {
        return None;
    }
    let mut command = Command::new(args.next()?);
    command.args(args);
    Some(measure(command))
}

fn measure(mut command: Command) -> Fallible {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut said)?;
    }
    let used = child.wait4()?;
    let wall = start.elapsed();
    if !used.status.success() {
        return Err(format!("it ended with {}", used.status).into());
    }
    let cpu = used.rusage.utime + used.rusage.stime;
    print!("{said}");
    println!("{} {} {}", micros(cpu), micros(wall), used.rusage.maxrss);
    Ok(())
}

fn micros(time: Duration) -> u128 {
    time.as_micros()
}

/// Runs a command, and answers the line that it said and what it took.
pub(crate) fn run(command: &Command) -> Fallible<(String, Usage)> {
    let child = Command::new(env::current_exe()?)
        .arg(MEASURED)
        .arg(command.get_program())
        .args(command.get_args())
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8(child.stdout)?;
    let lines: Vec<&str> = said.lines().collect();
    let [line, used] = lines[..] else {
        return Err(format!("{command:?} failed").into());
    };
    let numbers: Result<Vec<u64>, _> = used.split(' ').map(str::parse).collect();
    let [cpu, wall, peak] = numbers?[..] else {
        return Err(format!("{command:?} was measured as {used:?}").into());
    };
    let (cpu, wall) = (cpu as f64 / 1e6, wall as f64 / 1e6);
    Ok((line.to_owned(), Usage { cpu, wall, peak }))
}
