use keywalk::DurableSource;

use crate::Harness;

/// A [`Harness`] whose source is a [`DurableSource`]: its cursors can be written down. Every such harness
/// is one; nothing is to be implemented.
///
/// `conformance!(name: Harness, durable)` proves that too; so does [`run_durable`](crate::run_durable), which
/// answers a report. The bytes of keys, tokens of every place of a walk, and the fingerprint are tried by
/// themselves; of the sources that it must be told apart from the harness has to [tell](Harness::strangers).
pub trait DurableHarness: for<'a> Harness<Source<'a>: DurableSource> {}

impl<H: for<'a> Harness<Source<'a>: DurableSource>> DurableHarness for H {}
