use keywalk_job::Stop;

use crate::Failure;

/// A flag that Ctrl-C sets. To be called once.
///
/// # Errors
///
/// If there is a handler already.
pub fn stop_on_interrupt() -> Result<Stop, Failure> {
    let stop = Stop::new();
    let on_interrupt = stop.clone();
    ctrlc::set_handler(move || on_interrupt.request()).map_err(Failure::failed)?;
    Ok(stop)
}
