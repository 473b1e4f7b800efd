use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::recorder::lock;

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
/// assert_eq!([1, 2, 3].map(|_| fuse.operation().is_err()), [false, true, false]);
/// assert_eq!(fuse.disarm(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct FaultInjector(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// The number of operations since the last `arm`, and how many of them failed.
    count: u64,
    failed: u64,
}

impl FaultInjector {
    /// Counts one operation. Call it before each operation of the store.
    ///
    /// # Errors
    ///
    /// If this operation must fail.
    pub fn operation(&self) -> Result<(), InjectedFault> {
        let state = &mut *lock(&self.0);
        state.count += 1;
        let fails = match state.fault {
            None => false,
            Some(Fault::Once(number)) => state.count == number,
            Some(Fault::From(number)) => state.count >= number,
        };
        state.failed += u64::from(fails);
        if fails { Err(InjectedFault) } else { Ok(()) }
    }
}

impl Faults for FaultInjector {
    fn arm(&self, fault: Fault) {
        *lock(&self.0) = State {
            fault: Some(fault),
            ..State::default()
        };
    }

    fn disarm(&self) -> u64 {
        std::mem::take(&mut *lock(&self.0)).failed
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
