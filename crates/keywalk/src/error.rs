use core::error::Error as StdError;
use core::fmt;

use crate::token::TokenError;

/// Why a walk ended before the end of its range.
///
/// The walk returns it once and is then fused. Its cursor stays after the last item yielded, so a walk resumed
/// from there continues where this one stopped (G11).
///
/// `?` works in a function that returns this error or a type it converts into, such as a boxed error. The error
/// of parsing a [`Token`](crate::Token) converts into it, and so do the errors of keywalk's backends. For the
/// error of your own source use [`Error::Source`] with `map_err`, or implement `From`.
///
/// ```
/// use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, Source, Walk};
///
/// /// The whole numbers, of a store that is out of reach now and then.
/// struct Numbers {
///     is_down: bool,
/// }
///
/// #[derive(Debug, PartialEq)]
/// struct Down;
///
/// impl Source for Numbers {
///     type Key = u32;
///     type Item = (u32, ());
///     type Error = Down;
/// }
///
/// impl ChunkSource for Numbers {
///     fn fetch(
///         &mut self,
///         range: &KeyRange<u32>,
///         chunk: &mut Chunk<(u32, ())>,
///     ) -> Result<Fetched<u32>, Down> {
///         self.is_down = !self.is_down;
///         if !self.is_down {
///             return Err(Down);
///         }
///         let numbers = (0..u32::MAX).filter(|number| range.may_contain(number));
///         Ok(match chunk.fill_from(numbers.map(|number| (number, ()))) {
///             true => Fetched::More,
///             false => Fetched::End,
///         })
///     }
/// }
///
/// let mut items = Walk::new(Numbers { is_down: false }).unbounded().chunk_size(1).items();
/// assert_eq!(items.next(), Some(Ok((0, ()))));
/// assert_eq!(items.next(), Some(Err(Error::Source(Down))));
/// assert_eq!(items.next(), None);
///
/// let cursor = items.cursor();
/// let mut rest = Walk::new(items.into_source()).resume(cursor).items();
/// assert_eq!(rest.next(), Some(Ok((1, ()))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The store failed. This is the source's own error.
    Source(E),
    /// The source broke its contract. The response was discarded.
    Contract(ContractViolation),
    /// The walk's options contradict the cursor it was to resume from. No request was made.
    Cursor(CursorMismatch),
    /// The token to resume from is damaged or belongs to another source.
    Token(TokenError),
}

/// Lets `?` convert the error of parsing a token.
impl<E> From<TokenError> for Error<E> {
    fn from(error: TokenError) -> Self {
        Error::Token(error)
    }
}

impl<E> From<CursorMismatch> for Error<E> {
    fn from(mismatch: CursorMismatch) -> Self {
        Error::Cursor(mismatch)
    }
}

impl<E> From<ContractViolation> for Error<E> {
    fn from(violation: ContractViolation) -> Self {
        Error::Contract(violation)
    }
}

/// Prints the source's error as it is, and the others as whole sentences.
impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Source(error) => error.fmt(f),
            Error::Contract(violation) => write!(f, "the source broke its contract: {violation}"),
            Error::Cursor(mismatch) => {
                write!(f, "the walk can't be resumed from this cursor: {mismatch}")
            }
            Error::Token(error) => error.fmt(f),
        }
    }
}

impl<E: StdError> StdError for Error<E> {
    /// Returns the cause of the source's error; the error itself is in [`Error::Source`].
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Source(error) => error.source(),
            Error::Contract(_) | Error::Cursor(_) | Error::Token(_) => None,
        }
    }
}

/// How a source broke the contract of [`ChunkSource`](crate::ChunkSource), as far as a walk can detect it in
/// O(1) per chunk (G15).
///
/// It is a bug in the source: report it to the source's author. The conformance kit finds these bugs and more.
/// But check the store for undetected damage first; that can also cause this error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContractViolation {
    /// The key of an item lies before the range's start, or at it although the start is excluded. The source
    /// ignores the range's start, or treats an excluded start as included.
    NotPastStart,
    /// An item or a scanned key lies past the range's end.
    PastEnd,
    /// The chunk's last key doesn't come after its first one in the range's order.
    OutOfOrder,
    /// The chunk has more items than its limit or its bytes allow.
    Overfull,
    /// The source reported that there is more, but gave no item and no later position. Or the walk went in a
    /// circle: a fetch ended where an earlier fetch had ended.
    NoProgress,
    /// The scanned key lies before an item of the same chunk.
    ScannedShort,
    /// The reported last key of the range doesn't lie in the range.
    LastKeyOutside,
}

impl ContractViolation {
    /// Returns the number of the guarantee (G1 to G15) that was broken, such as `"G6"`.
    ///
    /// ```
    /// assert_eq!(keywalk::ContractViolation::NoProgress.clause(), "G8");
    /// ```
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            ContractViolation::OutOfOrder => "G1",
            ContractViolation::NotPastStart
            | ContractViolation::PastEnd
            | ContractViolation::Overfull
            | ContractViolation::LastKeyOutside => "G6",
            ContractViolation::NoProgress | ContractViolation::ScannedShort => "G8",
        }
    }
}

impl fmt::Display for ContractViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContractViolation::NotPastStart => {
                "an item came whose key is not past the start of the range"
            }
            ContractViolation::PastEnd => {
                "an item or a scanned key came that is past the end of the range"
            }
            ContractViolation::OutOfOrder => {
                "the last key of a chunk does not come after its first"
            }
            ContractViolation::Overfull => "more items came than the chunk's limit",
            ContractViolation::NoProgress => {
                "the source reports that there is more, but made no progress"
            }
            ContractViolation::ScannedShort => {
                "the scanned key lies before an item of the same chunk"
            }
            ContractViolation::LastKeyOutside => "the range's last key does not lie in the range",
        })?;
        write!(f, " ({})", self.clause())
    }
}

impl StdError for ContractViolation {}

/// The option of a [`Walk`](crate::Walk) that contradicts the cursor to resume from.
///
/// A cursor holds the range that is left, the order and the end. Options that differ are refused rather than
/// ignored (G10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CursorMismatch {
    /// The order of the walk is the opposite of the cursor's.
    Order,
    /// The range of the walk isn't the one that the cursor's walk was given.
    Range,
    /// The walk is unbounded, and the cursor belongs to a bounded one.
    Unbounded,
}

impl fmt::Display for CursorMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CursorMismatch::Order => {
                "the cursor's order is the opposite of the walk's; leave `order` (or `descending`) out to continue as the cursor does"
            }
            CursorMismatch::Range => {
                "the walk's range is not the one that the cursor's walk was given; leave `range` out to continue as the cursor does, or leave the cursor out to walk another range"
            }
            CursorMismatch::Unbounded => {
                "the walk is unbounded and the cursor is of a bounded one; leave `unbounded` out to continue as the cursor does"
            }
        })
    }
}

impl StdError for CursorMismatch {}
