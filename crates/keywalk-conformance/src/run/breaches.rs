use std::fmt::Debug;

use keywalk::Error;

use super::Run;
use crate::history::{Answer, Breach, Flaw, Question, explained};
use crate::trial::{HarnessBreach, Trial};
use crate::witness::{SourceError, Witness};
use crate::{Clause, Harness};

impl<H: Harness> Run<'_, H> {
    pub(super) fn observe(
        &mut self,
        trial: &Trial<H>,
        witness: &Witness<'_, H>,
        question: &Question<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let observed = self.observe_of(trial, witness.opened(), question);
        observed.map_err(|breach| match (&question.answer, breach.clause()) {
            (_, Clause::G7 | Clause::G5) => breach,
            (Answer::Items(_), _) if !self.is_snapshot => witness.compared(breach),
            _ => breach,
        })
    }

    /// The next question of a source that was opened then.
    pub(crate) fn observe_of(
        &mut self,
        trial: &Trial<H>,
        opened: u64,
        question: &Question<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let lives = trial.ledger().lives();
        let observed = self.oracle.observe(question, &lives);
        observed.map_err(|breach| match &question.answer {
            Answer::Items(answer) if !self.is_snapshot => {
                let times = (opened, question.during);
                explained(breach, &question.range, answer, &lives, times)
            }
            Answer::Items(_) if breach.flaw().key().is_some() => breach.of_a_snapshot(),
            _ => breach,
        })
    }

    /// Why a walk failed: what its source answered, if that shows it.
    pub(super) fn failed(
        &mut self,
        trial: &Trial<H>,
        witness: &Witness<'_, H>,
        judged: usize,
        error: &Error<SourceError<'_, H>>,
    ) -> HarnessBreach<H> {
        let mut questions = witness.questions()[judged..].iter();
        match questions.try_for_each(|question| self.observe(trial, witness, question)) {
            Err(breach) => breach,
            Ok(()) => unexpected(error),
        }
    }
}

/// An error where nothing was made to fail.
pub(crate) fn unexpected<K: Debug, E: Debug>(error: &Error<E>) -> Breach<K> {
    match error {
        Error::Contract(violation) => Breach::new(Flaw::Said(
            "the walk ended with a violation of the contract",
        ))
        .of(Clause::of(*violation))
        .got(violation),
        error => Breach::new(Flaw::Failed).got(format!("{error:?}")),
    }
}

pub(crate) fn handed_out<K: Debug>(fetched: &impl Debug, handed_out: &impl Debug) -> Breach<K> {
    Breach::new(Flaw::HandedOut)
        .expected(format!("{fetched:?}"))
        .got(format!("{handed_out:?}"))
}

pub(crate) fn not_fused<K: Debug>() -> Breach<K> {
    Breach::new(Flaw::Said("the walk went on after its end")).of(Clause::G12)
}
