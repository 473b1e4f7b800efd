use std::path::Path;
use std::rc::Rc;

use keywalk_conformance::history::Change;
use rusqlite::InterruptHandle;

use crate::trouble::{BoxError, Fault, Mischief, Trouble};
use crate::witness::{Log, Source};

/// What is walked.
pub(crate) trait Store: Send + Sync {
    /// What a thread needs.
    type Connection: Send;

    fn name(&self) -> &'static str;

    fn connect(&self) -> Result<Self::Connection, BoxError>;

    /// A walker's next walk waits no longer than so for others.
    fn set_patience(&self, _: &Self::Connection, _milliseconds: u64) -> Result<(), BoxError> {
        Ok(())
    }

    fn source<'a>(
        &self,
        connection: &'a Self::Connection,
        log: &Rc<Log>,
        mischief: Mischief,
    ) -> Result<Source<'a>, Trouble>;

    /// In one transaction, if the store has them. Answers what took effect, each key once.
    fn change(
        &self,
        connection: &mut Self::Connection,
        steps: &[Step],
    ) -> Result<Vec<(i64, Change)>, BoxError>;

    /// All that it holds, read otherwise than by a walk.
    fn content(&self, connection: &Self::Connection) -> Result<Vec<(i64, u64)>, BoxError>;

    /// What may end a walk.
    fn faults(&self) -> &'static [Fault];

    /// Interrupts what the connection is doing.
    fn interrupts(&self, _: &Self::Connection) -> Option<InterruptHandle> {
        None
    }

    /// Makes changes and takes them back.
    fn change_and_roll_back(
        &self,
        _: &mut Self::Connection,
        _steps: &[Step],
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// Has all of the store for itself while `hold` goes on, if that's possible.
    fn lock(&self, _: &mut Self::Connection, _hold: &mut dyn FnMut()) -> Result<(), BoxError> {
        Ok(())
    }

    /// Does what fails at once if anything of it is held (G14). `false` if it knows of nothing.
    fn use_alone(&self, _: &Self::Connection) -> Result<bool, BoxError> {
        Ok(false)
    }

    /// The file, if other processes can work with it.
    fn file(&self) -> Option<&Path> {
        None
    }
}

/// What is to be done to a key, or to several.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Put(i64, u64),
    /// If it isn't there.
    Insert(i64, u64),
    /// If it is there.
    Update(i64, u64),
    Delete(i64),
    /// From this key to that.
    DeleteAll(i64, i64),
    /// To another key, with another value; if it is there, and nothing is at the other.
    Move(i64, i64, u64),
}

/// A value is stored with its inverse and a text that is as long as the value says, so that a torn
/// one is seen.
pub(crate) fn padding(value: u64) -> usize {
    (value % 251) as usize
}

/// The value of what was stored.
pub(crate) fn whole(value: u64, inverse: u64, padding_len: usize) -> Result<u64, BoxError> {
    if inverse == !value && padding_len == padding(value) {
        Ok(value)
    } else {
        Err(format!("torn: {value}, {inverse}, {padding_len} bytes").into())
    }
}
