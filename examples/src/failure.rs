use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Why the example ends early: one line for stderr, and an exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

/// What the user can mend: arguments, the file, the table, its key.
const USAGE: u8 = 2;
/// What is wrong with the walk or its data.
const FAILED: u8 = 1;
/// Nothing: whoever read the output wants no more.
const HANG_UP: u8 = 0;

impl Failure {
    /// Of the arguments.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Failure {
            message: format!("{message}; --help lists the options"),
            code: USAGE,
        }
    }

    /// Of what the user gave: a file, a table.
    #[must_use]
    pub fn input(message: impl fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            code: USAGE,
        }
    }

    /// Of anything else.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            code: FAILED,
        }
    }

    /// Of writing to stdout. A reader that has gone away, as `head` does, ends the example and is no error.
    #[must_use]
    pub fn stdout(error: io::Error) -> Self {
        let mut failure = Failure::failed(format!("can't write to stdout: {error}"));
        if error.kind() == io::ErrorKind::BrokenPipe {
            failure.code = HANG_UP;
        }
        failure
    }

    /// Whether the reader of stdout has gone away.
    #[must_use]
    pub fn is_hang_up(&self) -> bool {
        self.code == HANG_UP
    }

    /// An error of the walk. Those about the database and its table are the user's to mend.
    #[must_use]
    pub fn walk(error: keywalk::Error<keywalk_sqlite::Error>) -> Self {
        use keywalk_sqlite::ErrorKind;
        let keywalk::Error::Source(error) = error else {
            return Failure::failed(error);
        };
        match error.kind() {
            ErrorKind::Corrupt if is_no_database(error.sqlite_error()) => {
                Failure::input(NO_DATABASE)
            }
            ErrorKind::Sqlite
            | ErrorKind::Busy
            | ErrorKind::Interrupted
            | ErrorKind::Corrupt
            | ErrorKind::Io
            | ErrorKind::OutOfMemory
            | ErrorKind::Changed
            | ErrorKind::Value => Failure::failed(chain(&error)),
            _ => Failure::input(chain(&error)),
        }
    }

    /// What an error and its causes say.
    #[must_use]
    pub fn caused(error: &dyn Error) -> Self {
        Failure::failed(chain(error))
    }

    /// Says which file it is about.
    #[must_use]
    pub fn about(mut self, file: &Path) -> Self {
        self.message = format!("{}: {}", file.display(), self.message);
        self
    }

    /// 2 for what the user can mend, 1 for anything else, 0 for a hang-up.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a name or SQLite's message holds.
        f.write_str(&self.message.replace(['\n', '\r'], " "))
    }
}

impl From<keywalk_sqlite::Error> for Failure {
    fn from(error: keywalk_sqlite::Error) -> Self {
        Failure::walk(keywalk::Error::Source(error))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        if is_no_database(Some(&error)) {
            return Failure::input(NO_DATABASE);
        }
        Failure::failed(chain(&error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::failed(chain(&error))
    }
}

impl From<Box<dyn Error>> for Failure {
    fn from(error: Box<dyn Error>) -> Self {
        match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(error) => Failure::failed(chain(&*error)),
        }
    }
}

const NO_DATABASE: &str = "the file is not a SQLite database";

fn is_no_database(error: Option<&rusqlite::Error>) -> bool {
    let code = error.and_then(|error| error.sqlite_error_code());
    code == Some(rusqlite::ErrorCode::NotADatabase)
}

/// A job that failed. What is about its walk, table or checkpoint is the user's to mend, as for a
/// [walk](Failure::walk).
impl<C: Error + 'static> From<keywalk_job::Error<keywalk_sqlite::Error, C>> for Failure {
    fn from(error: keywalk_job::Error<keywalk_sqlite::Error, C>) -> Self {
        match error {
            keywalk_job::Error::Walk { error, .. } => Failure::walk(error),
            error @ (keywalk_job::Error::Taken { .. } | keywalk_job::Error::Resume { .. }) => {
                Failure::input(chain(&error))
            }
            error => Failure::failed(chain(&error)),
        }
    }
}

/// The error and what caused it, after colons; without what it says itself.
fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !message.contains(&said) {
            message += &format!(": {said}");
        }
        cause = error.source();
    }
    message
}
