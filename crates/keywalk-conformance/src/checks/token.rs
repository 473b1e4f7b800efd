//! Walks that are cut, and go on from a token: a cursor that was written down.

use std::fmt::Debug;

use keywalk::{Cursor, Error, Items, Token, TokenError, Walk};

use crate::history::{Breach, Flaw};
use crate::lab::{Lab, Stop};
use crate::plan::Plan;
use crate::run::Run;
use crate::trial::{HarnessBreach, Trial};
use crate::witness::Witness;
use crate::{Clause, DurableHarness};

pub(super) fn a_token_goes_on_at_every_item<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.attempt_with(lab.keys().ladder(), |trial, keys| {
        for order in lab.orders() {
            for live in [false, true] {
                let plan = Plan {
                    live,
                    second_chunk_size: 4,
                    ..Plan::of_all(*order, 3)
                };
                at_every_item(trial, &plan, keys.len())?;
            }
        }
        Ok(())
    })?;
    lab.law_of(lab.few(), &lab.plans(), |trial, plan| {
        let plan = plan.clone().still();
        trial.put_all(&plan.schedule.initial)?;
        at_every_item(trial, &plan, plan.schedule.initial.len())
    })
}

fn at_every_item<H: DurableHarness>(
    trial: &Trial<H>,
    plan: &Plan<H::Key>,
    count: usize,
) -> Result<(), HarnessBreach<H>> {
    for cut in 0..=count + 1 {
        trial.note(format!("a walk that is cut after {cut} items"));
        let mut run = Run::again(trial, plan);
        let place = first_part(trial, &mut run, plan, cut)?;
        place.go_on(trial, &mut run, plan)?;
    }
    Ok(())
}

pub(super) fn a_token_goes_on_after_changes<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.law(&lab.plans(), |trial, plan| {
        let mut run = Run::start(trial, plan)?;
        let place = first_part(trial, &mut run, plan, plan.cut)?;
        trial.note("the walk is cut");
        run.mutate(trial)?;
        place.go_on(trial, &mut run, plan)
    })
}

pub(super) fn a_token_goes_on_after_reopening<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.reopening)?;
    lab.law_of(lab.few(), &lab.plans(), |trial, plan| {
        let mut run = Run::start(trial, plan)?;
        let place = first_part(trial, &mut run, plan, plan.cut)?;
        trial.reopen()?;
        place.go_on(trial, &mut run, plan)
    })
}

/// The row that it stands at is deleted, and the one where the walk is to end.
pub(super) fn a_token_outlives_its_rows<H: DurableHarness>(lab: &Lab<H>) -> Result<(), Stop> {
    lab.needs(|can| can.mutation)?;
    lab.attempt_with(&lab.some_keys(7), |trial, keys| {
        for order in lab.orders() {
            for live in [false, true] {
                let plan = Plan {
                    live,
                    second_chunk_size: 2,
                    ..Plan::of_all(*order, 3)
                };
                for cut in 1..=keys.len() {
                    trial.put_all(keys)?;
                    let mut run = Run::again(trial, &plan);
                    let place = first_part(trial, &mut run, &plan, cut)?;
                    let (here, last) = match order {
                        keywalk::Order::Ascending => (cut - 1, keys.len() - 1),
                        keywalk::Order::Descending => (keys.len() - cut, 0),
                    };
                    trial.delete(&keys[here])?;
                    if cut % 2 == 0 {
                        trial.delete(&keys[last])?;
                    }
                    place.go_on(trial, &mut run, &plan)?;
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Where a walk was cut.
struct Place<K> {
    cursor: Cursor<K>,
    token: Token,
}

fn first_part<H: DurableHarness>(
    trial: &Trial<H>,
    run: &mut Run<'_, H>,
    plan: &Plan<H::Key>,
    cut: usize,
) -> Result<Place<H::Key>, HarnessBreach<H>> {
    let walk = plan.walk(trial.source()?);
    let items = run.by_items(trial, walk, plan.chunk_size, cut)?;
    Ok(Place {
        cursor: items.cursor(),
        token: written(&items)?,
    })
}

/// Through its text, and back.
fn written<H: DurableHarness>(items: &Items<Witness<'_, H>>) -> Result<Token, HarnessBreach<H>> {
    let token = items.token().map_err(|error| failed(&error))?;
    let text = token.to_string();
    match text.parse() {
        Ok(read) if read == token => Ok(read),
        other => Err(
            Breach::new(Flaw::Said("a token doesn't come back from its text"))
                .of(Clause::G10)
                .expected(text)
                .got(format!("{other:?}")),
        ),
    }
}

impl<K: Ord + Clone + Debug + Send + 'static> Place<K> {
    /// Another source goes on from the token, to the end.
    fn go_on<H: DurableHarness<Key = K>>(
        &self,
        trial: &Trial<H>,
        run: &mut Run<'_, H>,
        plan: &Plan<K>,
    ) -> Result<(), Breach<K>> {
        let source = trial.source()?;
        let read = self
            .token
            .cursor(&source)
            .map_err(|error| refused(&error))?;
        if read != self.cursor {
            return Err(Breach::new(Flaw::Said("a token is read as another cursor"))
                .of(Clause::G10)
                .expected(format!("{:?}", self.cursor))
                .got(format!("{read:?}"))
                .hint("does `decode_key` give back what `encode_key` was given?"));
        }
        let size = plan.second_chunk_size;
        let walk = Walk::new(source)
            .chunk_size(size)
            .resume_token(&self.token)
            .map_err(|error| refused(&error))?;
        run.by_items(trial, walk, size, usize::MAX).map(drop)
    }
}

/// A token is refused by a source that it is of.
fn refused<K: Debug, E: Debug>(error: &Error<E>) -> Breach<K> {
    let breach = match error {
        Error::Source(error) => return failed(error),
        _ => Breach::new(Flaw::Said(
            "a token is refused by another source over its store",
        )),
    };
    let breach = breach.of(Clause::G10).got(format!("{error:?}"));
    match error {
        Error::Token(TokenError::Key) => breach.hint(
            "does a key come back from its bytes? What `decode_key` gives is encoded again and \
             compared",
        ),
        Error::Token(TokenError::Source { .. }) => breach
            .hint("does the fingerprint say what isn't the same for each source and at each time?"),
        _ => breach,
    }
}

/// A method of [`DurableSource`](keywalk::DurableSource) fails where nothing was made to.
pub(super) fn failed<K: Debug, E: Debug>(error: &E) -> Breach<K> {
    Breach::new(Flaw::Failed)
        .of(Clause::G10)
        .got(format!("{error:?}"))
}
