use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Which operations of a store are to fail. What an operation is the harness chooses: a read of an
/// item, of a page, a step of a statement; the finer, the more is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The n-th from now on, and no other; 1 is the next one.
    Once(u64),
    /// The n-th from now on, and all after it.
    From(u64),
}

/// Makes operations of a store fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't make the store's operations fail: it is no `Faults`",
    label = "not a `Faults`",
    note = "keep a `keywalk_conformance::FaultInjector`, which the store asks before each operation; or implement `Faults`"
)]
pub trait Faults {
    /// From now on operations fail as `fault` says.
    fn arm(&self, fault: Fault);

    /// From now on none fails. How many have failed since [`arm`](Self::arm)?
    fn disarm(&self) -> u64;
}

/// [`Faults`] for a store that asks before each operation whether it is to fail. Clones share their
/// state, so that the harness keeps one and the source has another.
///
/// It belongs under the source, in what that calls: a client's transport, a file layer, a hook of the
/// store's. Then a fetch can fail half-way, and it is the source that turns the fault into its error.
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
    /// Operations since it was armed.
    count: AtomicU64,
    /// The first and the last one to fail; 0 is none.
    first: AtomicU64,
    last: AtomicU64,
    failed: AtomicU64,
}

impl FaultInjector {
    /// To be called at each operation.
    ///
    /// # Errors
    ///
    /// If this one is to fail.
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

/// The error of an operation that a [`FaultInjector`] made fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InjectedFault;

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an injected fault")
    }
}

impl Error for InjectedFault {}
