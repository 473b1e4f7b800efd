use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Which operations of a store fail.
///
/// The harness defines what an operation is: a read of an item or of a page, or a step of a statement. Finer
/// operations test more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Only the n-th operation from now on fails; 1 is the next one.
    Once(u64),
    /// The n-th operation from now on and all after it fail.
    From(u64),
}

/// Makes operations of a store fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't make the store's operations fail: it is no `Faults`",
    label = "not a `Faults`",
    note = "keep a `keywalk_conformance::FaultInjector`, which the store calls before each operation; or implement `Faults`"
)]
pub trait Faults {
    /// Makes operations fail from now on, as `fault` defines.
    fn arm(&self, fault: Fault);

    /// Stops the failures. Returns how many operations have failed since [`arm`](Self::arm).
    fn disarm(&self) -> u64;
}

/// [`Faults`] for a store that calls [`operation`](Self::operation) before each of its operations. Clones share their
/// state: the harness keeps one clone and the store another.
///
/// Place it below the source: in a client's transport, a file layer or a hook of the store. Then a fetch can fail
/// half-way, and the source itself has to convert the fault into its error.
///
/// ```
/// use keywalk_conformance::{Fault, Faults, FaultInjector};
///
/// let fuse = FaultInjector::default();
/// fuse.arm(Fault::Once(2));
/// assert!(fuse.operation().is_ok());
/// assert!(fuse.operation().is_err());
/// assert!(fuse.operation().is_ok());
/// assert_eq!(fuse.disarm(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct FaultInjector(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of operations since the last `arm`.
    count: AtomicU64,
    /// The first and the last operation that fail; 0 is none.
    first: AtomicU64,
    last: AtomicU64,
    failed: AtomicU64,
}

impl FaultInjector {
    /// Counts one operation. Call it before each operation of the store.
    ///
    /// # Errors
    ///
    /// If this operation must fail.
    pub fn operation(&self) -> Result<(), InjectedFault> {
        let State {
            count,
            first,
            last,
            failed,
        } = &*self.0;
        let number = count.fetch_add(1, SeqCst) + 1;
        if (first.load(SeqCst)..=last.load(SeqCst)).contains(&number) {
            failed.fetch_add(1, SeqCst);
            Err(InjectedFault)
        } else {
            Ok(())
        }
    }
}

impl Faults for FaultInjector {
    fn arm(&self, fault: Fault) {
        let (first, last) = match fault {
            Fault::Once(number) => (number, number),
            Fault::From(number) => (number, u64::MAX),
        };
        self.disarm();
        self.0.first.store(first, SeqCst);
        self.0.last.store(last, SeqCst);
    }

    fn disarm(&self) -> u64 {
        self.0.first.store(0, SeqCst);
        self.0.last.store(0, SeqCst);
        self.0.count.store(0, SeqCst);
        self.0.failed.swap(0, SeqCst)
    }
}

/// The error of an operation that a [`FaultInjector`] failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InjectedFault;

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an injected fault")
    }
}

impl Error for InjectedFault {}
