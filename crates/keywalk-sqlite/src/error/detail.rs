use std::fmt;

use keywalk::Excerpt;
use rusqlite::types::Type;

use crate::key::Layout;
use crate::name::{Named, Names, same};

/// Why a key column's text isn't ordered as the key's type is.
#[derive(Debug)]
pub(crate) enum CollationProblem {
    /// The column's collation isn't the order of the key's type.
    Collation(String),
    /// The database's text isn't UTF-8.
    Encoding(String),
    /// The store's own order, in a query, whose columns' collations aren't known.
    InQuery,
}

/// Why the columns that were named are no key.
#[derive(Debug)]
pub(crate) enum KeyProblem {
    /// The key's type has this many columns, and so many were named.
    Count {
        expected: usize,
        named: usize,
    },
    Repeated(String),
    /// `within` fixes the column to one value.
    Fixed(String),
    /// Columns are named after the rowid, which is unique.
    AfterRowid(String),
    /// `within` fixes every column.
    AllFixed,
    /// The column never holds what the key's type is stored as.
    Type {
        column: String,
        /// The column's type, as it is declared.
        declared: String,
        stored: Type,
        holds: &'static [Type],
    },
    None,
}

impl KeyProblem {
    pub(crate) fn of(names: &[&str], layout: &Layout) -> Option<Self> {
        let repeated = names
            .iter()
            .enumerate()
            .find(|(at, name)| names[..*at].iter().any(|before| same(before, name)));
        match layout {
            _ if names.is_empty() => Some(KeyProblem::None),
            Layout::Columns(types) if types.len() != names.len() => Some(KeyProblem::Count {
                expected: types.len(),
                named: names.len(),
            }),
            _ => repeated.map(|(_, name)| KeyProblem::Repeated((*name).to_owned())),
        }
    }
}

/// What changed so that a walk can't go on.
#[derive(Debug)]
pub(crate) enum Change {
    /// A query of `*` has other columns.
    Columns,
    /// The key is another one, or ordered in another way.
    Key,
    /// The schema did, perhaps by VACUUM, and with it the rowids that the table is walked by.
    Rowids,
    /// The schema changes faster than a table can be read.
    Unceasing,
}

/// Why a filter can't be used.
#[derive(Debug)]
pub(crate) enum FilterProblem {
    Twice,
    Invalid {
        columns: Vec<String>,
        source: rusqlite::Error,
    },
    Params(rusqlite::Error),
}

/// Why a query can't be walked.
#[derive(Debug)]
pub(crate) enum QueryProblem {
    Invalid(rusqlite::Error),
    Params(rusqlite::Error),
    NotASelect,
    OrderOrLimit(rusqlite::Error),
    /// A list of rows, which takes no order either.
    Values,
    /// Two columns of the result have the name of a key column.
    Ambiguous(String),
}

/// How much of a column's declared type is shown.
const DECLARED_CHARS: usize = 40;

fn plural(class: Type) -> &'static str {
    match class {
        Type::Null => "NULL",
        Type::Integer => "integers",
        Type::Real => "reals",
        Type::Text => "text",
        Type::Blob => "blobs",
    }
}

/// A type of a key's column for values of this class.
fn key_type(class: Type) -> Option<&'static str> {
    match class {
        Type::Integer => Some("i64"),
        Type::Text => Some("String"),
        Type::Blob => Some("Vec<u8>"),
        Type::Null | Type::Real => None,
    }
}

impl fmt::Display for CollationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CollationProblem::Collation(collation) => write!(
                f,
                "is ordered by the collation {}, not by its bytes; use `Collated` as its type",
                Excerpt::new(collation, DECLARED_CHARS)
            ),
            CollationProblem::Encoding(encoding) => write!(
                f,
                "is text in {encoding}, whose order differs from that of UTF-8; as a table's key, use `Collated` as its type"
            ),
            CollationProblem::InQuery => f.write_str(
                "is `Collated`, whose collation isn't known of a query's column; use `String`, which orders by bytes",
            ),
        }
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyProblem::Count { expected, named } => write!(
                f,
                "has {expected} column(s) by its type, and {named} were named; name one for each, or change the type"
            ),
            KeyProblem::Repeated(column) => {
                write!(f, "names the column {} twice", Named(column))
            }
            KeyProblem::Fixed(column) => write!(
                f,
                "names the column {}, which `within` fixes to one value; leave one of the two out",
                Named(column)
            ),
            KeyProblem::AfterRowid(column) => write!(
                f,
                "names columns after {}, the rowid, which no two rows share and no index has before them; leave those columns out",
                Named(column)
            ),
            KeyProblem::AllFixed => {
                f.write_str("has no column left to walk by: `within` fixes all of them")
            }
            KeyProblem::Type {
                column,
                declared,
                stored,
                holds,
            } => {
                write!(
                    f,
                    "is {} by its type, but the column {}",
                    plural(*stored),
                    Named(column)
                )?;
                if !declared.is_empty() {
                    write!(f, ", declared {},", Excerpt::new(declared, DECLARED_CHARS))?;
                }
                let held: Vec<&str> = holds.iter().map(|class| plural(*class)).collect();
                write!(f, " holds only {}", held.join(" or "))?;
                // What the column holds as a rule comes first.
                match holds.first().and_then(|class| key_type(*class)) {
                    Some(key_type) => write!(f, "; use a type such as `{key_type}` for it"),
                    None => f.write_str("; use `AnyKey`"),
                }?;
                // By default a type that compares as text is stored as text.
                match stored {
                    Type::Text => {
                        f.write_str(", or say by `KeyColumn::STORED` how your own is stored")
                    }
                    _ => Ok(()),
                }
            }
            KeyProblem::None => f.write_str("names no column"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Columns => {
                "it has other columns; name its columns instead of *, and resume the walk"
            }
            Change::Key => {
                "its key has other columns or another order, in which the walk's position means nothing; begin a new walk"
            }
            Change::Rowids => {
                "by what may be a VACUUM, which renumbers the rowid that it is walked by; begin a new walk, or walk by a key or an INTEGER PRIMARY KEY"
            }
            Change::Unceasing => "again and again during one fetch; resume the walk",
        })
    }
}

impl fmt::Display for FilterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterProblem::Twice => {
                f.write_str("is set already; join the conditions with AND in one filter")
            }
            FilterProblem::Invalid { columns, .. } => write!(
                f,
                "is not a SQL expression over its columns, {}; write what may follow WHERE, with strings in single quotes",
                Names(columns)
            ),
            FilterProblem::Params(_) => f.write_str("doesn't go with its parameters"),
        }
    }
}

impl fmt::Display for QueryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            QueryProblem::Invalid(_) => "is not valid SQL",
            QueryProblem::Params(_) => "doesn't go with its parameters",
            QueryProblem::NotASelect => "is not a SELECT that only reads",
            QueryProblem::OrderOrLimit(_) => {
                "must be a SELECT without an ORDER BY or LIMIT of its own: the walk sets both"
            }
            QueryProblem::Values => {
                "has VALUES, whose rows no index orders; put them in a table, perhaps a temporary one, and walk that"
            }
            QueryProblem::Ambiguous(column) => {
                let column = Named(column);
                return write!(
                    f,
                    "has several columns named {column}; give the key's its own name with AS"
                );
            }
        })
    }
}
