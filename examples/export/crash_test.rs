use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use keywalk_examples::{Failure, Random, say, stop_on_interrupt};

use crate::args::{Options, Own};
use crate::made_table::{check, make};

/// Kills an export to a file at random moments, runs it again until it is done, and checks the file. Where it
/// is done before all kills are, it is checked and begun anew.
pub(crate) fn run(rows: u64, kills: u64, options: &Options) -> Result<(), Failure> {
    let stop = stop_on_interrupt()?;
    let folder = tempfile::tempdir()?;
    let mut own = make(folder.path(), rows, &stop)?;
    let out = folder.path().join("out.ndjson");
    own.out = Some(out.clone());
    // About as long as each may live for an export to take a dozen of them.
    let began = Instant::now();
    start(&own, options, true)?.wait()?;
    let life = began.elapsed().div_f64(12.0);

    let mut random = Random::new(Random::any_seed());
    let mut killed = 0;
    let mut anew = true;
    while killed < kills && !stop.is_requested() {
        let mut child = start(&own, options, anew)?;
        anew = false;
        thread::sleep(life.mul_f64(random.below(2_000) as f64 / 1_000.0));
        match child.try_wait()? {
            None => {
                child.kill()?;
                child.wait()?;
                killed += 1;
            }
            Some(status) if status.success() => {
                check(&own.db, &out)?;
                anew = true;
            }
            Some(_) => return Err(Failure::failed("the export failed")),
        }
    }
    if !start(&own, options, false)?.wait()?.success() {
        return Err(Failure::failed("the export failed"));
    }
    check(&own.db, &out)?;
    say(format_args!(
        "crash test: {killed} kills, {rows} rows, 0 missed, 0 repeated"
    ))?;
    Ok(())
}

fn start(own: &Own, options: &Options, anew: bool) -> Result<Child, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--db").arg(&own.db);
    command.args(["--table", &own.table]);
    command.args(
        own.out
            .iter()
            .flat_map(|out| ["--out".as_ref(), out.as_os_str()]),
    );
    command.args(["--chunk-size", &options.chunk_size.to_string()]);
    command.args(anew.then_some("--reset"));
    Ok(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?)
}
