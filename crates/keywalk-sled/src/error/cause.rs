use std::error::Error as StdError;
use std::fmt;
use std::io;

use keywalk_bytes::DecodeError;
use sled::IVec;

use super::ErrorKind;
use super::excerpt::{KeyExcerpt, TextExcerpt, TreeName, TypeName};
use crate::fault::Fault;

/// The cause of an [`Error`](crate::Error).
pub(crate) enum Cause {
    Key {
        tree: TreeName,
        key: IVec,
        expected: TypeName,
        why: DecodeError,
    },
    Value {
        tree: TreeName,
        key: IVec,
        source: Box<dyn StdError + Send + Sync>,
    },
    Store {
        tree: TreeName,
        fault: Fault,
    },
}

impl Cause {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Cause::Key { .. } => ErrorKind::Key,
            Cause::Value { .. } => ErrorKind::Value,
            Cause::Store { fault, .. } => kind_of(fault),
        }
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        match self {
            Cause::Key { key, .. } | Cause::Value { key, .. } => Some(key),
            Cause::Store { fault, .. } => match fault {
                Fault::Disorder(disorder) => Some(&disorder.key),
                Fault::Error(_) | Fault::Panic(_) => None,
            },
        }
    }

    pub(crate) fn sled_error(&self) -> Option<&sled::Error> {
        match self {
            Cause::Store {
                fault: Fault::Error(error),
                ..
            } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Cause::Value { source, .. } => Some(&**source),
            _ => self.sled_error().map(|error| error as _),
        }
    }
}

fn kind_of(fault: &Fault) -> ErrorKind {
    match fault {
        Fault::Panic(_) => ErrorKind::Panicked,
        Fault::Disorder(_) => ErrorKind::Corrupt,
        Fault::Error(error) => match error {
            sled::Error::CollectionNotFound(_) => ErrorKind::Dropped,
            sled::Error::Corruption { .. } => ErrorKind::Corrupt,
            // The file ends before the data that was written to it.
            sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                ErrorKind::Corrupt
            }
            sled::Error::Io(_) => ErrorKind::Io,
            _ => ErrorKind::Store,
        },
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Key {
                tree,
                key,
                expected,
                why,
            } => write!(
                f,
                "the key {} of {tree} is no {expected}: {why}; walk the tree by the type of key that it was written with (`Vec<u8>` takes any), or remove the key",
                KeyExcerpt(key)
            ),
            Cause::Value { tree, key, .. } => write!(
                f,
                "the value of {tree} at the key {} doesn't decode; put it right or remove it, or let the closure take it",
                KeyExcerpt(key)
            ),
            Cause::Store { tree, fault } => show_fault(f, tree, fault),
        }
    }
}

fn show_fault(f: &mut fmt::Formatter<'_>, tree: &TreeName, fault: &Fault) -> fmt::Result {
    match fault {
        Fault::Panic(said) => {
            return write!(
                f,
                "sled panicked when it read {tree} ({}); open the database again in a new process, and if that doesn't help, restore it",
                TextExcerpt(said)
            );
        }
        Fault::Disorder(disorder) => write!(
            f,
            "{tree} is damaged: the key {} comes after the one {}",
            KeyExcerpt(&disorder.key),
            KeyExcerpt(&disorder.before)
        )?,
        Fault::Error(_) => match kind_of(fault) {
            ErrorKind::Dropped => {
                return write!(
                    f,
                    "{tree} was dropped; open it again by its name, and resume the walk with that"
                );
            }
            ErrorKind::Io => {
                return write!(
                    f,
                    "the files of {tree} can't be read; check their file system, and resume the walk"
                );
            }
            ErrorKind::Corrupt => write!(f, "{tree} is damaged")?,
            _ => {
                return write!(
                    f,
                    "sled failed to read {tree}; open the database again, and resume the walk"
                );
            }
        },
    }
    f.write_str("; restore the database, or walk the ranges that can still be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::fault::Disorder;

    #[test]
    fn what_sled_never_seems_to_say_has_its_kind_and_cure_too() {
        let said = |fault| {
            let tree = TreeName("t".into());
            let error = Error::from(Cause::Store { tree, fault });
            (
                error.kind(),
                error.key().map(<[u8]>::to_vec),
                error.to_string(),
            )
        };
        let disorder = Disorder {
            before: "b".into(),
            key: "a".into(),
        };
        let (kind, key, message) = said(Fault::Disorder(disorder));
        assert_eq!((kind, key), (ErrorKind::Corrupt, Some(b"a".to_vec())));
        assert_eq!(
            message,
            "tree \"t\" is damaged: the key 0x61 (\"a\") comes after the one 0x62 (\"b\"); restore the database, or walk the ranges that can still be read"
        );
        let (kind, key, message) = said(Fault::Error(sled::Error::ReportableBug("x".into())));
        assert_eq!((kind, key), (ErrorKind::Store, None));
        assert_eq!(
            message,
            "sled failed to read tree \"t\"; open the database again, and resume the walk"
        );
        let whole_tree = "k: v, ".repeat(1_000);
        let (kind, _, message) = said(Fault::Panic(whole_tree));
        assert_eq!(kind, ErrorKind::Panicked);
        assert!(
            message.contains("(\"k: v, k: v") && message.len() < 300,
            "{message}"
        );
    }
}
