use std::fmt;
use std::ops::Bound;
use std::str::FromStr;

use keywalk::{
    Cursor, Error, KeyRange, Order, ResumableSource, SplitSource, Token, TokenError, Walk,
};

/// The position of a [parallel walk](crate::Parallel): the key ranges that are left, in the walk's order.
///
/// [`Parallel::parts`](crate::Parallel::parts) returns it, and [`Parallel::new`](crate::Parallel::new) continues from
/// it, with any number of workers. In another process, use its [token](Self::token). Finished ranges are left out. A
/// range that was begun starts after the last chunk that was done.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Named;
/// use keywalk_shards::{Parts, PartsToken};
///
/// let map: BTreeMap<u64, u64> = (0..1_000).map(|n| (n, n)).collect();
/// let numbers = Named::new("numbers", &map);
/// let parts = Parts::new(Walk::new(&map).split(8)?);
/// let stored = parts.token(&numbers)?.to_string();
///
/// // In another process.
/// let token: PartsToken = stored.parse()?;
/// assert_eq!(token.parts(&numbers)?, parts);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parts<K> {
    ranges: Vec<KeyRange<K>>,
}

impl<K: Clone + PartialOrd> Parts<K> {
    /// Creates a position from ranges, usually those of [`Walk::split`]. They must not overlap, or items of the overlap
    /// are visited twice. Their order is that of a walk [in order](crate::Parallel::map_in_order). Leaves out ranges
    /// that are empty.
    pub fn new(ranges: impl IntoIterator<Item = KeyRange<K>>) -> Self {
        let mut ranges = Vec::from_iter(ranges);
        ranges.retain(|range| !range.is_empty());
        Parts { ranges }
    }

    /// Joins neighbours: ranges of which one begins where the one before ends. The token is then as short as possible.
    /// But the walk has fewer parts for its workers: [split it again](Self::split_again) before it continues.
    #[must_use]
    pub fn joined(self) -> Self {
        let mut joined: Vec<KeyRange<K>> = Vec::new();
        for range in self.ranges {
            let before = joined.pop_if(|before| match (before.end(), range.start()) {
                (Bound::Excluded(end), Bound::Included(start)) => {
                    before.order() == range.order() && end == start
                }
                _ => false,
            });
            joined.push(match before {
                Some(before) => both(&before, &range),
                None => range,
            });
        }
        Parts { ranges: joined }
    }

    /// Splits the ranges again if there are fewer than `parts`, each into the same number of parts. For a walk that
    /// resumes with more workers, or whose neighbours were [joined](Self::joined). `source` is any source over the
    /// store.
    ///
    /// It costs one [`split_points`](SplitSource::split_points) per range.
    ///
    /// # Errors
    ///
    /// The source's.
    pub fn split_again<S>(self, mut source: S, parts: usize) -> Result<Self, Error<S::Error>>
    where
        S: SplitSource<Key = K>,
    {
        let Some(each) = self.parts_per_range(parts) else {
            return Ok(self);
        };
        let mut split = Vec::new();
        for range in self.ranges {
            let part = Cursor::unbounded(range);
            split.extend(Walk::new(&mut source).resume(part).split(each)?);
        }
        Ok(Parts { ranges: split })
    }

    /// Splits the ranges again by an asynchronous source; see [`split_again`](Self::split_again).
    ///
    /// # Errors
    ///
    /// The source's.
    #[cfg(feature = "async")]
    pub async fn async_split_again<S>(
        self,
        mut source: S,
        parts: usize,
    ) -> Result<Self, Error<S::Error>>
    where
        S: keywalk::AsyncSplitSource<Key = K>,
    {
        let Some(each) = self.parts_per_range(parts) else {
            return Ok(self);
        };
        let mut split = Vec::new();
        for range in self.ranges {
            let part = Cursor::unbounded(range);
            split.extend(
                Walk::new(&mut source)
                    .resume(part)
                    .async_split(each)
                    .await?,
            );
        }
        Ok(Parts { ranges: split })
    }

    /// Returns into how many parts to split each range, if there are too few.
    fn parts_per_range(&self, parts: usize) -> Option<usize> {
        let ranges = self.ranges.len();
        (0 < ranges && ranges < parts).then(|| parts.div_ceil(ranges))
    }

    /// Returns the ranges that are left.
    #[must_use]
    pub fn ranges(&self) -> &[KeyRange<K>] {
        &self.ranges
    }

    /// Converts into the ranges that are left.
    #[must_use]
    pub fn into_ranges(self) -> Vec<KeyRange<K>> {
        self.ranges
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Writes the position down, for another process. `source` is any source over the store: it identifies the store
    /// and encodes the keys. O(parts): each computes the source's fingerprint and allocates once. Makes no request.
    ///
    /// # Errors
    ///
    /// See [`Token::new`]. [`TokenError::TooLong`] if the whole would be longer than [`PartsToken::MAX_BYTES`]; then
    /// [join](Self::joined) neighbours.
    pub fn token<S>(&self, source: &S) -> Result<PartsToken, Error<S::Error>>
    where
        S: ResumableSource<Key = K> + ?Sized,
    {
        let whole = Cursor::bounded(KeyRange::all(Order::Ascending));
        let parts = self.ranges.iter().cloned().map(Cursor::bounded);
        let mut tokens = Vec::with_capacity(1 + self.ranges.len());
        for cursor in [whole].into_iter().chain(parts) {
            tokens.push(Token::new(&cursor, source)?);
        }
        Ok(PartsToken::of(tokens)?)
    }
}

impl<K: Clone + PartialOrd> From<Vec<KeyRange<K>>> for Parts<K> {
    fn from(ranges: Vec<KeyRange<K>>) -> Self {
        Parts::new(ranges)
    }
}

/// The range from the start of `first` to the end of `last`.
fn both<K: Clone>(first: &KeyRange<K>, last: &KeyRange<K>) -> KeyRange<K> {
    match first.order() {
        order @ Order::Ascending => KeyRange::new((first.lower(), last.upper()), order),
        order @ Order::Descending => KeyRange::new((last.lower(), first.upper()), order),
    }
}

/// The [position](Parts) of a parallel walk, written down: as bytes, or as text that is safe in a URL.
///
/// Like a [`Token`] it holds a fingerprint of the source, and is refused if it is damaged, was cut, or belongs to
/// another source.
///
/// # Format
///
/// It is a list of tokens: one for the source, and one per range that is left. The bytes are a version byte, which
/// is 1, the number of tokens, and each token with its length before it. Numbers are of four bytes, the highest first.
/// The text is the version, the number of tokens and their texts, joined by dots. Every later release reads the tokens
/// of this one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PartsToken {
    /// The first one identifies the source. The others are the parts.
    tokens: Vec<Token>,
}

const VERSION: u8 = 1;
const NUMBER: usize = size_of::<u32>();

impl PartsToken {
    /// The maximum size of a token that is read, as bytes: 16 MiB, that of a single [`Token`].
    pub const MAX_BYTES: usize = Token::MAX_BYTES;

    /// Decodes the position for a walk over `source`. O(parts): each computes the source's fingerprint. Makes no
    /// request.
    ///
    /// # Errors
    ///
    /// See [`Token::cursor`].
    pub fn parts<S>(&self, source: &S) -> Result<Parts<S::Key>, Error<S::Error>>
    where
        S: ResumableSource + ?Sized,
    {
        let mut ranges = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            ranges.push(token.cursor(source)?.range().clone());
        }
        ranges.remove(0);
        Ok(Parts::new(ranges))
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tokens.len() == 1
    }

    /// Returns the bytes, for storage.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        bytes.push(VERSION);
        bytes.extend(number(self.tokens.len()));
        for token in &self.tokens {
            bytes.extend(number(token.as_bytes().len()));
            bytes.extend(token.as_bytes());
        }
        bytes
    }

    /// Decodes a token from bytes that [`to_bytes`](Self::to_bytes) returned. Doesn't check which source it belongs to;
    /// [`parts`](Self::parts) does.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged, exceed [`MAX_BYTES`](Self::MAX_BYTES), or have the newer format of a later release.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenError> {
        check_length(bytes.len())?;
        let (&version, mut rest) = bytes.split_first().ok_or(TokenError::Damaged)?;
        check_version(version)?;
        let count = take_number(&mut rest)?;
        let mut tokens = Vec::new();
        while !rest.is_empty() {
            let length = take_number(&mut rest)?;
            let (token, after) = rest.split_at_checked(length).ok_or(TokenError::Damaged)?;
            tokens.push(Token::from_bytes(token)?);
            rest = after;
        }
        check_count(count, &tokens)?;
        Self::of(tokens)
    }

    fn of(tokens: Vec<Token>) -> Result<Self, TokenError> {
        let token = PartsToken { tokens };
        check_length(token.len())?;
        Ok(token)
    }

    /// The number of its bytes.
    fn len(&self) -> usize {
        let tokens = self
            .tokens
            .iter()
            .map(|token| NUMBER + token.as_bytes().len());
        1 + NUMBER + tokens.sum::<usize>()
    }
}

fn check_length(bytes: usize) -> Result<(), TokenError> {
    match bytes > PartsToken::MAX_BYTES {
        true => Err(TokenError::TooLong(bytes)),
        false => Ok(()),
    }
}

fn check_count(count: usize, tokens: &[Token]) -> Result<(), TokenError> {
    match count == tokens.len() && count > 0 {
        true => Ok(()),
        false => Err(TokenError::Damaged),
    }
}

fn check_version(version: u8) -> Result<(), TokenError> {
    match version {
        VERSION => Ok(()),
        0 => Err(TokenError::Damaged),
        later => Err(TokenError::Version(later)),
    }
}

/// The bytes of a number, which is less than [`PartsToken::MAX_BYTES`].
fn number(number: usize) -> [u8; NUMBER] {
    (number as u32).to_be_bytes()
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, TokenError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(TokenError::Damaged)?;
    *bytes = rest;
    Ok(u32::from_be_bytes(*number) as usize)
}

/// Prints text of letters, digits, `-`, `_` and `.`.
impl fmt::Display for PartsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}.{}", self.tokens.len())?;
        self.tokens
            .iter()
            .try_for_each(|token| write!(f, ".{token}"))
    }
}

/// Parses the text that [`Display`](fmt::Display) prints. White space around it is ignored.
impl FromStr for PartsToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        check_length(text.len() / 4 * 3)?;
        let mut fields = text.trim_ascii().split('.');
        let mut number = || {
            let field = fields.next().unwrap_or_default();
            // Each number has one form.
            let number = field.parse::<u32>().ok();
            number
                .filter(|number| number.to_string() == field)
                .ok_or(TokenError::Damaged)
        };
        let version = number()?;
        check_version(u8::try_from(version).unwrap_or(0))?;
        let count = number()? as usize;
        let tokens = fields.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        check_count(count, &tokens)?;
        Self::of(tokens)
    }
}

/// Prints the number of ranges that are left, and no keys.
impl fmt::Debug for PartsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartsToken")
            .field("parts", &(self.tokens.len() - 1))
            .finish_non_exhaustive()
    }
}
