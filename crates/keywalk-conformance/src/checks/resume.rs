//! Checks of walks that are cut and resumed, from a cursor or from a token.

use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{Cursor, Error, Items, Order, Token, TokenError, Walk};

use crate::case::{Case, SourceOf, Tried};
use crate::clause::Clause;
use crate::harness::{DurableHarness, Harness};
use crate::history::{FailureKind, Violation};
use crate::run::{Plan, Run};
use crate::runner::{Checked, Runner};

/// Defines checks by their harness, the way in which the walk is cut, and what it is resumed from.
macro_rules! cut {
    ($($name:ident: $harness:ident, $how:ident, $kept:ident;)+) => {$(
        pub(super) fn $name<H: $harness>(runner: &Runner<H>) -> Checked {
            $how::<H, $kept<H::Key>>(runner)
        }
    )+};
}

cut! {
    a_walk_can_be_resumed_at_every_item: Harness, at_every_item, Cursor;
    a_walk_can_be_resumed_after_changes: Harness, after_changes, Cursor;
    a_walk_can_be_resumed_after_reopening: Harness, after_reopening, Cursor;
    a_token_resumes_after_changes: DurableHarness, after_changes, Written;
    a_token_resumes_after_reopening: DurableHarness, after_reopening, Written;
}

pub(super) fn a_token_resumes_at_every_item<H: DurableHarness>(runner: &Runner<H>) -> Checked {
    // Walks a few neighbours at a time, so that many keys take as many cuts, each of a short walk.
    const FEW: usize = 9;
    runner.in_each_order(runner.keys.ladder(), |case, keys, order| {
        for (few, live) in keys.chunks(FEW).flat_map(|few| [(few, false), (few, true)]) {
            let plan = Plan {
                bounds: (
                    Bound::Included(few[0].clone()),
                    Bound::Included(few[few.len() - 1].clone()),
                ),
                live,
                second_chunk_size: 4,
                ..Plan::of_all(order, 3)
            };
            cut_at_each::<H, Written<H::Key>>(case, &plan, few.len())?;
        }
        Ok(())
    })?;
    at_every_item::<H, Written<H::Key>>(runner)
}

/// Deletes the row at the cursor, and the last row of the walk.
pub(super) fn a_token_outlives_its_rows<H: DurableHarness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.in_each_order(&runner.some_keys(7), |case, keys, order| {
        for (live, cut) in (1..=keys.len()).flat_map(|cut| [(false, cut), (true, cut)]) {
            let plan = Plan {
                live,
                second_chunk_size: 2,
                ..Plan::of_all(order, 3)
            };
            let (here, last) = match order {
                Order::Ascending => (cut - 1, keys.len() - 1),
                Order::Descending => (keys.len() - cut, 0),
            };
            case.put_all(keys)?;
            let run = Run::again(case, &plan);
            cut_and_go_on::<H, Written<H::Key>>(case, run, cut, |case, _| {
                case.delete(&keys[here])?;
                match cut % 2 {
                    0 => case.delete(&keys[last]),
                    _ => Ok(()),
                }
            })?;
        }
        Ok(())
    })
}

/// The stored position of a walk, from which another source resumes.
pub(super) trait Kept<H: Harness>: Sized {
    fn of(items: &Items<SourceOf<'_, H>>) -> Tried<H, Self>;

    fn walk<'t>(&self, source: SourceOf<'t, H>) -> Tried<H, Walk<SourceOf<'t, H>>>;
}

fn at_every_item<H: Harness, P: Kept<H>>(runner: &Runner<H>) -> Checked {
    runner.law_of(runner.few(), &runner.plans(), &|case, plan| {
        let plan = plan.clone().still();
        case.put_all(&plan.edits.initial)?;
        cut_at_each::<H, P>(case, &plan, plan.edits.initial.len())
    })
}

fn cut_at_each<H: Harness, P: Kept<H>>(
    case: &mut Case<H>,
    plan: &Plan<H::Key>,
    items: usize,
) -> Tried<H> {
    (0..=items + 1).try_for_each(|cut| {
        case.note(format!("a walk that is cut after {cut} items"));
        let run = Run::again(case, plan);
        cut_and_go_on::<H, P>(case, run, cut, |_, _| Ok(()))
    })
}

fn after_changes<H: Harness, P: Kept<H>>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.law(&runner.plans(), &|case, plan| {
        let run = Run::start(case, plan)?;
        cut_and_go_on::<H, P>(case, run, plan.cut, |case, run| {
            case.note("the walk is cut");
            run.mutate(case)
        })
    })
}

fn after_reopening<H: Harness, P: Kept<H>>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.reopening)?;
    runner.law_of(runner.few(), &runner.plans(), &|case, plan| {
        let run = Run::start(case, plan)?;
        cut_and_go_on::<H, P>(case, run, plan.cut, |case, _| case.reopen())
    })
}

pub(super) fn cut_and_go_on<H: Harness, P: Kept<H>>(
    case: &mut Case<H>,
    mut run: Run<'_, H>,
    cut: usize,
    between: impl FnOnce(&mut Case<H>, &mut Run<'_, H>) -> Tried<H>,
) -> Tried<H> {
    let plan = run.plan;
    let walk = plan.walk(case.source()?);
    let items = run.by_items(case, walk, cut)?;
    let kept = P::of(&items)?;
    drop(items);
    between(case, &mut run)?;
    let walk = kept.walk(case.source()?)?;
    let walk = walk.chunk_size(plan.second_chunk_size);
    run.by_items(case, walk, usize::MAX).map(drop)
}

impl<H: Harness> Kept<H> for Cursor<H::Key> {
    fn of(items: &Items<SourceOf<'_, H>>) -> Tried<H, Self> {
        Ok(items.cursor())
    }

    fn walk<'t>(&self, source: SourceOf<'t, H>) -> Tried<H, Walk<SourceOf<'t, H>>> {
        Ok(Walk::new(source).resume(self.clone()))
    }
}

struct Written<K> {
    cursor: Cursor<K>,
    token: Token,
}

impl<H: DurableHarness> Kept<H> for Written<H::Key> {
    /// Converts the token to text and back.
    fn of(items: &Items<SourceOf<'_, H>>) -> Tried<H, Self> {
        let token = items.token().map_err(|error| failed(&error))?;
        let text = token.to_string();
        match text.parse::<Token>() {
            Ok(read) if read == token => Ok(Written {
                cursor: items.cursor(),
                token,
            }),
            other => {
                let otherwise = "a token doesn't come back from its text";
                let violation = Violation::message(Clause::G10, otherwise).expected(text);
                Err(violation.got(format!("{other:?}")))
            }
        }
    }

    fn walk<'t>(&self, source: SourceOf<'t, H>) -> Tried<H, Walk<SourceOf<'t, H>>> {
        let read = self
            .token
            .cursor(&source)
            .map_err(|error| refused(&error))?;
        if read != self.cursor {
            return Err(
                Violation::message(Clause::G10, "a token is read as another cursor")
                    .expected(format!("{:?}", self.cursor))
                    .got(format!("{read:?}"))
                    .hint("does `decode_key` give back what `encode_key` was given?"),
            );
        }
        let walk = Walk::new(source).resume_token(&self.token);
        walk.map_err(|error| refused(&error))
    }
}

/// Makes a violation of a token that its own source refuses.
fn refused<K: Debug, E: Debug>(error: &Error<E>) -> Violation<K> {
    if let Error::Source(error) = error {
        return failed(error);
    }
    let refused = "a token is refused by another source over its store";
    let violation = Violation::message(Clause::G10, refused).got(format!("{error:?}"));
    match error {
        Error::Token(TokenError::Key) => violation.hint(
            "does a key come back from its bytes? What `decode_key` gives is encoded again and \
             compared",
        ),
        Error::Token(TokenError::Source { .. }) => violation
            .hint("does the fingerprint say what isn't the same for each source and at each time?"),
        _ => violation,
    }
}

/// Makes a violation of a [`ResumableSource`](keywalk::ResumableSource) method that failed without a fault.
pub(super) fn failed<K: Debug, E: Debug>(error: &E) -> Violation<K> {
    Violation::new(FailureKind::Failed)
        .of(Clause::G10)
        .got(format!("{error:?}"))
}
