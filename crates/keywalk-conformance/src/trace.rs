use std::sync::mpsc::channel;

use keywalk::Walk;

use crate::{Config, Failure, Harness, Lab, Run, Stop, Verdict, watched};

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
    let run = move |beat| {
        let lab = Lab::<H>::new(NAME, config, beat);
        let plans = match beside {
            Beside::Changes => lab.plans(),
            Beside::Nothing => lab.plans_of(&[]),
        };
        let traced = lab.law(&plans, &|trial, plan| {
            let mut run = Run::start(trial, plan)?;
            let walk = plan.walk(trial.source()?);
            let items = run.by_items(trial, walk, plan.chunk_size, plan.cut)?;
            let (cursor, size) = (items.cursor(), plan.second_chunk_size);
            let walk = Walk::new(trial.source()?).resume(cursor).chunk_size(size);
            drop(run.by_items(trial, walk, size, usize::MAX)?);
            // Where nobody listens any more, nothing is lost.
            drop(tells.send(run.seen));
            Ok(())
        });
        match traced {
            Err(Stop::Failed(failure)) => Err(failure),
            _ => Ok(Verdict::Passed),
        }
    };
    watched(NAME, config, Box::new(run))?;
    Ok(told.try_iter().collect())
}
