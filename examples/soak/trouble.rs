use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

use rusqlite::{ErrorCode, InterruptHandle};

use keywalk_examples::Random;

/// Any error, of any thread.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What is made to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The process that writes and answers fetches is killed.
    Kill,
    /// Another connection has the database for itself.
    Busy,
    Interrupt,
    /// A decoding closure fails.
    Decoding,
    /// A decoding closure panics.
    Panic,
    /// A walk is dropped before its end.
    Drop,
}

impl Fault {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Fault::Kill => "processes killed",
            Fault::Busy => "busy",
            Fault::Interrupt => "interrupts",
            Fault::Decoding => "decoding failures",
            Fault::Panic => "panics",
            Fault::Drop => "walks dropped midway",
        }
    }
}

/// Why a source couldn't answer.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// None if nothing was made to go wrong.
    pub(crate) fault: Option<Fault>,
    pub(crate) what: String,
}

impl From<keywalk_sqlite::Error> for Trouble {
    fn from(error: keywalk_sqlite::Error) -> Self {
        let code = error.sqlite_error().and_then(|why| why.sqlite_error_code());
        let fault = match code {
            Some(ErrorCode::DatabaseBusy) => Some(Fault::Busy),
            Some(ErrorCode::OperationInterrupted) => Some(Fault::Interrupt),
            _ if is_interrupt_without_its_code(&error) => Some(Fault::Interrupt),
            _ => Made::is_cause_of(&error).then_some(Fault::Decoding),
        };
        Trouble::new(fault, &error)
    }
}

/// SQLite reads the schema by virtual tables; one that is interrupted while it is declared fails
/// with SQLITE_ERROR, and only the message says why (`sqlite3_declare_vtab`).
fn is_interrupt_without_its_code(error: &keywalk_sqlite::Error) -> bool {
    matches!(
        error.sqlite_error(),
        Some(rusqlite::Error::SqliteFailure(_, Some(message))) if message == "interrupted"
    )
}

impl From<keywalk_sled::Error> for Trouble {
    fn from(error: keywalk_sled::Error) -> Self {
        let fault = Made::is_cause_of(&error).then_some(Fault::Decoding);
        Trouble::new(fault, &error)
    }
}

impl From<BoxError> for Trouble {
    fn from(error: BoxError) -> Self {
        Trouble::new(None, &*error)
    }
}

impl Trouble {
    fn new(fault: Option<Fault>, error: &(dyn Error + 'static)) -> Self {
        let causes: Vec<String> = causes(error).map(ToString::to_string).collect();
        Trouble {
            fault,
            what: causes.join(": "),
        }
    }
}

/// The error and what caused it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Trouble {}

/// What a decoding closure fails with, or panics with, when it is told to.
#[derive(Debug)]
pub(crate) struct Made;

impl Made {
    fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        causes(error).any(|error| error.is::<Made>())
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the closure was told to fail")
    }
}

impl Error for Made {}

/// Lets a decoding closure fail now and then.
pub(crate) struct Mischief {
    random: Random,
    interrupts: Option<InterruptHandle>,
    /// Once in so many items; never is `None`.
    rarity: Option<u64>,
}

impl Mischief {
    pub(crate) fn new(random: Random, rarity: Option<u64>) -> Self {
        Mischief {
            random,
            interrupts: None,
            rarity,
        }
    }

    /// Interrupts what this connection is doing, too.
    pub(crate) fn and_interrupts(mut self, handle: InterruptHandle) -> Self {
        self.interrupts = Some(handle);
        self
    }

    /// Called for each item.
    pub(crate) fn happens(&mut self) -> Result<(), Made> {
        match self.rarity {
            Some(rarity) if self.random.one_in(rarity) => {}
            _ => return Ok(()),
        }
        match (self.random.below(3), &self.interrupts) {
            (0, _) => Err(Made),
            // Without the message that a panic prints.
            (1, _) => resume_unwind(Box::new(Made)),
            (_, Some(handle)) => {
                handle.interrupt();
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }
}
