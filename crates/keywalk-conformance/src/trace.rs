use std::any::type_name;
use std::sync::mpsc::channel;

use crate::lab::Lab;
use crate::run::Run;
use crate::watch::watched;
use crate::{Config, Failure, Harness};

/// What a walk handed out: keys, with the number of the put that their value is of.
pub type Trace<K> = Vec<(K, u64)>;

/// What walks hand out that are made, changed beside and cut as the seed says: for harnesses of the
/// same key space and the same capabilities, the same.
///
/// For tests of one store against another:
///
/// ```
/// # use keywalk_conformance::{Config, Harness, traces};
/// fn are_alike<A: Harness, B: Harness<Key = A::Key>>() {
///     let config = Config::default();
///     let (a, b) = (traces::<A>(&config), traces::<B>(&config));
///     assert_eq!(a.expect("A is sound"), b.expect("B is sound"));
/// }
/// ```
///
/// Changes happen between chunks, so a source that answers shorter chunks than it is asked for (with
/// [`ScannedTo`](keywalk::Fetched::ScannedTo), say) sees them at other items.
///
/// # Errors
///
/// If a walk breaks its contract.
pub fn traces<H: Harness>(config: &Config) -> Result<Vec<Trace<H::Key>>, Failure> {
    const NAME: &str = "traces";
    let (tells, told) = channel();
    let config = *config;
    watched(NAME, config.seed, config.patience, move |beat| {
        let lab = Lab::<H>::new(type_name::<H>(), NAME, config, beat);
        let traced = lab.law(&lab.schedules(), |trial, schedule| {
            let mut run = Run::start(trial, schedule)?;
            let walk = schedule.walk(trial.source()?);
            let cursor = run.by_items(trial, walk, schedule.chunk_size, schedule.cut)?;
            run.resume(trial, cursor)?;
            // Where nobody listens any more, nothing is lost.
            drop(tells.send(run.into_trace()));
            Ok(())
        });
        match traced {
            Err(crate::lab::Stop::Failed(failure)) => Err(failure),
            _ => Ok(()),
        }
    })?;
    Ok(told.try_iter().collect())
}
