use std::error::Error as StdError;
use std::fmt;

use sled::IVec;

use super::shown::{ShownKey, TreeName, TypeName};
use crate::Malformed;

/// What an [`Error`](crate::Error) is about.
pub(crate) enum Problem {
    Key {
        tree: TreeName,
        key: IVec,
        expected: TypeName,
        why: Malformed,
    },
    Value {
        tree: TreeName,
        key: IVec,
        source: Box<dyn StdError + Send + Sync>,
    },
    Store {
        tree: TreeName,
        source: sled::Error,
    },
}

impl Problem {
    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Problem::Key { .. } => None,
            Problem::Value { source, .. } => Some(&**source),
            Problem::Store { source, .. } => Some(source),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Key {
                tree,
                key,
                expected,
                why,
            } => write!(
                f,
                "the key {} of {tree} is no {expected}: {why}; walk the tree by the type of key that it was written with (`Vec<u8>` takes any), or remove the key",
                ShownKey(key)
            ),
            Problem::Value { tree, key, .. } => {
                write!(
                    f,
                    "the value of {tree} at the key {} doesn't decode",
                    ShownKey(key)
                )
            }
            Problem::Store { tree, .. } => write!(f, "sled failed to read {tree}"),
        }
    }
}
