use std::error::Error;
use std::fmt;

use keywalk::{ContractViolation, Excerpt};

/// Any error of any shard.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request to a [`Merge`](crate::Merge) or a [`Diff`](crate::Diff) failed. It names the shard, or the side.
///
/// The walk yielded nothing of this fetch (G11). Its cursor and token are those of the whole: once the cause is fixed,
/// the walk resumes from them.
///
/// If a shard failed, [`source`](Error::source) returns the shard's own error:
///
/// ```
/// use std::error::Error;
/// use keywalk_shards::ShardError;
///
/// fn is_transient(error: &ShardError) -> bool {
///     let error = error.source().and_then(|error| error.downcast_ref());
///     error.is_some_and(keywalk_sqlite::Error::is_transient)
/// }
/// ```
#[derive(Debug)]
pub struct ShardError {
    kind: ShardErrorKind,
    /// The shard concerned; empty if it is none.
    shard: String,
    /// The other one, and the key.
    other: String,
    key: String,
    cause: Option<BoxError>,
}

/// The kinds of [`ShardError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardErrorKind {
    /// The shard failed. [`source`](Error::source) is its error.
    Shard,
    /// Two shards hold the same key.
    SameKey,
    /// The keys of two shards can't be compared, because only their store knows the order.
    Unordered,
    /// The shard's source broke its contract. [`source`](Error::source) is the
    /// [`ContractViolation`](keywalk::ContractViolation).
    Contract,
    /// Two shards have the same name.
    SameName,
    /// There are no shards.
    NoShards,
}

/// The maximum number of characters shown of a name or key.
const MOST_CHARS: usize = 80;

impl ShardError {
    fn new(kind: ShardErrorKind, shard: &str) -> Self {
        ShardError {
            kind,
            shard: shard.into(),
            other: String::new(),
            key: String::new(),
            cause: None,
        }
    }

    pub(crate) fn failed(shard: &str, cause: BoxError) -> Self {
        ShardError {
            cause: Some(cause),
            ..Self::new(ShardErrorKind::Shard, shard)
        }
    }

    pub(crate) fn broken(shard: &str, violation: ContractViolation) -> Self {
        ShardError {
            cause: Some(violation.into()),
            ..Self::new(ShardErrorKind::Contract, shard)
        }
    }

    pub(crate) fn same_key(shard: &str, other: &str, key: String) -> Self {
        ShardError {
            other: other.into(),
            key,
            ..Self::new(ShardErrorKind::SameKey, shard)
        }
    }

    pub(crate) fn unordered(shard: &str, other: &str) -> Self {
        ShardError {
            other: other.into(),
            ..Self::new(ShardErrorKind::Unordered, shard)
        }
    }

    pub(crate) fn same_name(shard: &str) -> Self {
        Self::new(ShardErrorKind::SameName, shard)
    }

    pub(crate) fn no_shards() -> Self {
        Self::new(ShardErrorKind::NoShards, "")
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ShardErrorKind {
        self.kind
    }

    /// Returns the name of the shard, or of the first of two. Empty if there are no shards.
    #[must_use]
    pub fn shard(&self) -> &str {
        &self.shard
    }
}

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shard = Excerpt::new(&self.shard, MOST_CHARS);
        let other = Excerpt::new(&self.other, MOST_CHARS);
        match (self.kind, &self.cause) {
            (ShardErrorKind::Shard, Some(cause)) => write!(f, "`{shard}`: {cause}"),
            (ShardErrorKind::Contract, Some(cause)) => {
                write!(f, "`{shard}`: the source broke its contract: {cause}")
            }
            (ShardErrorKind::Shard | ShardErrorKind::Contract, None) => {
                write!(f, "`{shard}` failed")
            }
            (ShardErrorKind::SameKey, _) => write!(
                f,
                "`{shard}` and `{other}` both hold the key {}; delete one, or use the first shard's by \
                 `SameKey::First`, or walk both by `Merge::numbered`",
                Excerpt::new(&self.key, MOST_CHARS)
            ),
            (ShardErrorKind::Unordered, _) => write!(
                f,
                "the keys of `{shard}` and `{other}` can't be compared, because only the store knows their order; \
                 use a key that is ordered by bytes or numbers, such as text under a binary collation"
            ),
            (ShardErrorKind::SameName, _) => {
                write!(
                    f,
                    "two shards have the name `{shard}`; use a different name for each"
                )
            }
            (ShardErrorKind::NoShards, _) => f.write_str("there are no shards; pass at least one"),
        }
    }
}

impl Error for ShardError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(&**cause),
            None => None,
        }
    }
}
