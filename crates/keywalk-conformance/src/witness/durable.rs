use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::{DurableSource, Fingerprint};

use super::{SourceError, Witness};
use crate::history::{Breach, Flaw};
use crate::watch::{Doing, message};
use crate::{Clause, DurableHarness};

/// Unwinds out of a method that panicked as a token was made or read.
pub(crate) struct Unwritten {
    method: &'static str,
    message: String,
}

impl Unwritten {
    pub(crate) fn breach<K: std::fmt::Debug>(&self) -> Breach<K> {
        let Unwritten { method, message } = self;
        let breach = Breach::new(Flaw::Panicked)
            .of(Clause::G10)
            .got(format!("`{method}`: {message}"));
        match *method {
            "decode_key" => breach.hint(
                "it is given any bytes: are there as many as it takes, and is the text UTF-8?",
            ),
            "share" => breach.hint("does a difference of two far keys overflow?"),
            _ => breach,
        }
    }
}

impl<'t, H: DurableHarness> Witness<'t, H> {
    fn write<T>(&self, method: &'static str, write: impl FnOnce(&H::Source<'t>) -> T) -> T {
        let written = || catch_unwind(AssertUnwindSafe(|| write(&self.source)));
        let result = self.trial.beat().during(Doing::Writing, written);
        result.unwrap_or_else(|panic| {
            let message = message(&*panic);
            resume_unwind(Box::new(Unwritten { method, message }))
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl<'t, H: DurableHarness> DurableSource for Witness<'t, H> {
    fn fingerprint(&self) -> Result<Fingerprint, SourceError<'t, H>> {
        self.write("fingerprint", |source| source.fingerprint())
    }

    fn encode_key(&self, key: &H::Key, bytes: &mut Vec<u8>) {
        self.write("encode_key", |source| source.encode_key(key, bytes));
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<H::Key>, SourceError<'t, H>> {
        self.write("decode_key", |source| source.decode_key(bytes))
    }

    fn key_text(&self, key: &H::Key) -> String {
        self.write("key_text", |source| source.key_text(key))
    }

    fn share(&self, first: &H::Key, last: &H::Key, at: &H::Key) -> Option<f64> {
        self.write("share", |source| source.share(first, last, at))
    }
}
