use std::fmt::Debug;

use keywalk::Error;

use crate::Clause;
use crate::history::{Breach, Flaw};

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
