use std::any::type_name;
use std::sync::mpsc::channel;

use crate::lab::Lab;
use crate::run::Run;
use crate::watch::watched;
use crate::{Config, Failure, Harness};

/// What a walk handed out: keys, with the number of the put that their value is of.
pub type Trace<K> = Vec<(K, u64)>;

/// What happens to a store while [`traces`] walks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Rows are inserted, replaced and deleted between chunks.
    Changes,
    /// Nothing: for stores that can't be changed, or answer from a snapshot.
    Nothing,
}

/// What walks hand out that are made, changed beside, cut and resumed as the seed says: for harnesses
/// of the same key space and the same capabilities, the same.
///
/// For tests of one store against another:
///
/// ```
/// # use keywalk_conformance::{Beside, Config, Harness, traces};
/// fn are_alike<A: Harness, B: Harness<Key = A::Key>>() {
///     let config = Config::default();
///     let traces_of_a = traces::<A>(&config, Beside::Changes).expect("A is sound");
///     let traces_of_b = traces::<B>(&config, Beside::Changes).expect("B is sound");
///     assert_eq!(traces_of_a, traces_of_b);
/// }
/// ```
///
/// Changes happen between chunks, so a source that answers shorter chunks than it is asked for (with
/// [`ScannedTo`](keywalk::Fetched::ScannedTo), say) sees them at other items.
///
/// # Errors
///
/// If a walk breaks its contract.
pub fn traces<H: Harness>(config: &Config, beside: Beside) -> Result<Vec<Trace<H::Key>>, Failure> {
    const NAME: &str = "traces";
    let (tells, told) = channel();
    let config = *config;
    watched(NAME, config.seed, config.patience, move |beat| {
        let lab = Lab::<H>::new(type_name::<H>(), NAME, config, beat);
        let plans = match beside {
            Beside::Changes => lab.plans(),
            Beside::Nothing => lab.plans_of(&[]),
        };
        let traced = lab.law(&plans, |trial, plan| {
            let mut run = Run::start(trial, plan)?;
            let walk = plan.walk(trial.source()?);
            let items = run.by_items(trial, walk, plan.chunk_size, plan.cut)?;
            run.resume(trial, items.cursor())?;
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
