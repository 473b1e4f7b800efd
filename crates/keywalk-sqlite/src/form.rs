/// How a statement finds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `(a, b) > (?, ?)`, bounded at both ends: one search of an index in one direction.
    RowValue,
    /// `a = ? AND b < ?`, then `a > ?`, merged: for columns that go in different directions, for an
    /// index whose last column is the rowid, and on the way down to NULL. Bounded at the near end,
    /// and at the far one by the first column: the fetch looks for the rest. The OR of these
    /// conditions would search by the first column alone, and read all rows of one `a` at every
    /// chunk.
    Union,
}

/// How a statement is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    pub(crate) form: Form,
    /// What stands after FROM, where it isn't as the caller wrote it.
    pub(crate) from: Option<&'a str>,
    /// The index that SQLite is told to use.
    pub(crate) index: Option<&'a str>,
    pub(crate) urge: Urge<'a>,
    /// The filters that stand in WHERE, since an index serves them; by their positions. The others
    /// stand beside the row's columns, after them: the fetch counts the rows that they drop.
    pub(crate) served: &'a [usize],
}

/// What moves SQLite to search, whatever its statistics say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Urge<'a> {
    /// How likely the walk's conditions are called.
    pub(crate) likelihood: Option<&'static str>,
    /// Two lookups of one row, in this schema's own table, are joined before.
    pub(crate) one_row: Option<&'a str>,
}

/// As a fetch reads only a chunk: so a join begins with the key's table, and nothing is sorted for it.
pub(crate) const UNLIKELY: &str = "0.000001";

/// Where statistics say that a table has one row or two, SQLite finds a scan by the rowid cheaper than a
/// search, by a difference that is lost beside the cost of looking up one row before: then it takes what
/// reads fewer rows. (And after a table without statistics, it makes no Bloom filter of another.)
pub(crate) const CERTAIN: &str = "1.0";

/// Who looks for the range's far bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FarBound {
    /// The statement ends there.
    Ended,
    /// The fetch: it compares each row's key.
    Compared,
    /// The statement says it of each row, in its last column: only SQLite knows the order.
    Told,
}
