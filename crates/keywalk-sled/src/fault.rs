use std::any::Any;
use std::cell::Cell;
use std::ops::Bound;
use std::panic::{self, AssertUnwindSafe};

use sled::IVec;

/// A failure of sled.
pub(crate) enum Fault {
    Error(sled::Error),
    /// sled panicked with this message.
    Panic(String),
    /// sled returned keys that don't ascend.
    Disorder(Disorder),
}

/// A key that isn't larger than the previous key, or lies below the range's lower bound.
pub(crate) struct Disorder {
    pub(crate) before: IVec,
    pub(crate) key: IVec,
}

impl Disorder {
    pub(crate) fn new(before: Bound<&[u8]>, key: IVec) -> Self {
        let before = match before {
            Bound::Unbounded => IVec::default(),
            Bound::Included(before) | Bound::Excluded(before) => IVec::from(before),
        };
        Disorder { before, key }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        Fault::Error(error)
    }
}

/// Runs sled's code, and returns a panic there as a fault. Code inside [`Others::run`] isn't sled's: its panics
/// propagate to the caller unchanged.
pub(crate) fn caught<R>(run: impl FnOnce(&Others) -> R) -> Result<R, Fault> {
    let others = Others(Cell::new(false));
    // Nothing that a panic left half done is used. The chunk is discarded. Each fetch sets the source's state again,
    // except for the estimates of where to look.
    panic::catch_unwind(AssertUnwindSafe(|| run(&others))).map_err(|payload| {
        if others.0.get() {
            panic::resume_unwind(payload);
        }
        Fault::Panic(message(&*payload))
    })
}

/// Knows whether the code that runs now is sled's or someone else's, such as a closure.
pub(crate) struct Others(Cell<bool>);

impl Others {
    pub(crate) fn run<R>(&self, run: impl FnOnce() -> R) -> R {
        self.0.set(true);
        let result = run();
        self.0.set(false);
        result
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it didn't say why")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(payload: Box<dyn Any + Send>) -> String {
        // Unlike `panic!` this prints nothing.
        match caught(|_| panic::resume_unwind(payload)) {
            Err(Fault::Panic(message)) => message,
            Err(_) | Ok(()) => panic!("it isn't caught"),
        }
    }

    #[test]
    fn what_a_panic_of_sleds_says_is_kept_whatever_it_is() {
        assert_eq!(said(Box::new("a text")), "a text");
        assert_eq!(said(Box::new("a text".to_owned())), "a text");
        assert_eq!(said(Box::new(7)), "it didn't say why");
    }

    #[test]
    fn a_panic_of_others_goes_on_as_it_was() {
        let run = || {
            caught(|others| {
                others.run(|| ());
                others.run(|| panic::resume_unwind(Box::new(7)))
            })
        };
        let payload = panic::catch_unwind(AssertUnwindSafe(|| drop(run())));
        assert_eq!(payload.unwrap_err().downcast_ref(), Some(&7));
    }

    #[test]
    fn a_panic_after_others_ran_is_sleds() {
        let result = caught(|others| {
            others.run(|| ());
            panic::resume_unwind(Box::new("sled's"));
        });
        assert!(matches!(result, Err::<(), _>(Fault::Panic(text)) if text == "sled's"));
    }
}
