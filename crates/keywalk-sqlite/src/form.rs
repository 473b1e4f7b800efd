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
#[derive(Clone, Debug)]
pub(crate) struct How<'a> {
    pub(crate) form: Form,
    /// The index that SQLite is told to use.
    pub(crate) index: Option<&'a str>,
    /// The filters that stand in WHERE, since an index serves them; by their positions. The others
    /// stand beside the row's columns, after them: the fetch counts the rows that they drop.
    pub(crate) served: &'a [usize],
}

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
