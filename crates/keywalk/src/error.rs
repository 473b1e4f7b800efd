use core::error::Error as StdError;
use core::fmt;

use crate::token::TokenError;

/// Why a walk ended before its range did.
///
/// The walk yields it once and is then fused; its cursor stays at the last item handed out, so a
/// walk resumed from there goes on where this one stopped (G11).
///
/// A function that walks returns it, by `?`, or anything that it converts into, such as a boxed error. What parsing
/// a [`Token`](crate::Token) fails with converts into it, and so do the errors of keywalk's adapters. An error of a
/// source of your own is put into [`Error::Source`] by `map_err`, or by a `From` that you implement for it.
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
    /// The store failed to answer; the error is the source's own.
    Source(E),
    /// The source broke its contract. What it answered was thrown away.
    Contract(ContractViolation),
    /// The walk's options contradict the cursor that it was to resume from. The store wasn't asked.
    Cursor(CursorMismatch),
    /// The token that the walk was to resume from isn't one of this source's, or is damaged.
    Token(TokenError),
}

/// For `?` on what parsing a token fails with.
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

/// The source's error speaks for itself; the others are whole sentences.
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
    /// What caused the source's error; the error itself is in [`Error::Source`].
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Source(error) => error.source(),
            Error::Contract(_) | Error::Cursor(_) | Error::Token(_) => None,
        }
    }
}

/// How a source broke the contract of [`ChunkSource`](crate::ChunkSource), as far as a walk can see
/// it in O(1) a chunk (G15).
///
/// A bug in the source, to be reported to its author; the conformance kit finds these and more. Or the
/// store under it is damaged in a way that it doesn't notice itself: check that first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContractViolation {
    /// An item came whose key is before the range's near bound, or at it where that is excluded: the source ignores
    /// its position, or takes an exclusive bound for an inclusive one.
    NotPastStart,
    /// An item came, or a stretch was said to be scanned, past the range's far bound.
    PastEnd,
    /// The chunk's last key doesn't come after its first one in the range's order.
    OutOfOrder,
    /// More items came than the chunk's limit, or its bytes, allow.
    Overfull,
    /// The source says that there is more, and neither gives an item nor gets any further; or it
    /// came back to a position where it had been.
    NoProgress,
    /// The source says that it scanned up to a key that lies before an item of the same chunk.
    ScannedShort,
    /// What the source says is the range's last key doesn't lie in the range.
    LastKeyOutside,
}

impl ContractViolation {
    /// The clause of the walk's contract that was broken, such as `"G6"`.
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
            ContractViolation::NoProgress => "the source says there is more, and got no further",
            ContractViolation::ScannedShort => {
                "the scanned key lies before an item of the same chunk"
            }
            ContractViolation::LastKeyOutside => "the range's last key does not lie in the range",
        })?;
        write!(f, " ({})", self.clause())
    }
}

impl StdError for ContractViolation {}

/// Which option of a [`Walk`](crate::Walk) contradicts the cursor that it was to resume from.
///
/// A cursor says what is still to be walked, how, and how far; options that say something else are
/// refused rather than ignored (G10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CursorMismatch {
    /// The cursor goes in the other order than the walk was told to.
    Order,
    /// The walk was given another range than the cursor's walk was.
    Range,
    /// The walk was told to be live, and the cursor is of a bounded one.
    Unbounded,
}

impl fmt::Display for CursorMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CursorMismatch::Order => {
                "the cursor's order is the opposite of the walk's; leave `order` (or `descending`) out to go on as the cursor says"
            }
            CursorMismatch::Range => {
                "the walk's range is not the one that the cursor's walk was given; leave `range` out to go on as the cursor says, or leave the cursor out to walk another range"
            }
            CursorMismatch::Unbounded => {
                "the walk is unbounded and the cursor is of a bounded one; leave `unbounded` out to go on as the cursor says"
            }
        })
    }
}

impl StdError for CursorMismatch {}
