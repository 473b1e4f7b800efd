use std::sync::LazyLock;

use keywalk::{Fingerprint, FingerprintField, SendSource};
use keywalk_conformance::{BoxError, Capabilities, Faults, Harness, KeySpace, Writer};
use keywalk_tokio::{Blocking, Offload};
use tokio::runtime::Runtime;

/// A store whose source is offloaded to tokio's blocking pool, and called from blocking code again.
#[derive(Debug)]
pub struct OffloadedHarness<H>(H);

pub(super) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("the system has threads"));

impl<H: for<'a> Harness<Source<'a>: SendSource, Key: Sync>> Harness for OffloadedHarness<H> {
    type Key = H::Key;
    type Source<'a> = Blocking<Offload<H::Source<'a>>>;

    fn open() -> Result<Self, BoxError> {
        H::open().map(OffloadedHarness)
    }

    fn capabilities() -> Capabilities {
        H::capabilities()
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let source = Offload::new(self.0.source()?);
        Ok(Blocking::new(source, RUNTIME.handle().clone()))
    }

    fn put(&self, key: &H::Key, value: u64) -> Result<(), BoxError> {
        self.0.put(key, value)
    }

    fn put_all(&self, entries: &[(H::Key, u64)]) -> Result<(), BoxError> {
        self.0.put_all(entries)
    }

    fn delete(&self, key: &H::Key) -> Result<(), BoxError> {
        self.0.delete(key)
    }

    fn value(item: &<Self::Source<'_> as keywalk::Source>::Item) -> u64 {
        H::value(item)
    }

    fn keys() -> KeySpace<H::Key> {
        H::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<H::Key>>> {
        self.0.writer()
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.0.faults()
    }

    fn reopen(self) -> Result<Self, BoxError> {
        self.0.reopen().map(OffloadedHarness)
    }

    fn rows_read(&self) -> Option<u64> {
        self.0.rows_read()
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.0.with_exclusive_access()
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        self.0.foreign_fingerprints()
    }
}
