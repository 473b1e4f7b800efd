use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use keywalk::ByteSize;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};

use super::{SqlKeyColumn, TextOrder};

/// A number in a REAL column. Unlike an `f64` it has a total order, because it is never a NaN, which SQLite stores as
/// NULL.
///
/// Infinities are values. `-0.0` becomes `0.0`: SQLite takes both for the same key. An integer that SQLite stores in a
/// column of another type (`3` for `3.0`) is read if an `f64` holds it exactly; otherwise it is an error. [`DynKey`]
/// has no such limit.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::{Real, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch(
///     "CREATE TABLE items (id INTEGER PRIMARY KEY, price REAL NOT NULL);
///      CREATE INDEX by_price ON items (price);
///      INSERT INTO items VALUES (1, 9.5), (2, 0.25), (3, 2)",
/// )?;
/// let items = Table::new(&db, "items").key::<(Real, i64)>(["price", "id"])?;
/// let from_one = Real::new(1.0).expect("it isn't a NaN");
/// let walk = Walk::new(items).range((from_one, 0)..).items();
/// let prices: Vec<f64> = walk
///     .map(|item| item.map(|((price, _id), _row)| price.get()))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(prices, [2.0, 9.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`DynKey`]: crate::DynKey
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Real(f64);

impl Real {
    /// Makes a key of a number; `None` for a NaN.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        // The sum of the two zeros is the positive one.
        (!number.is_nan()).then_some(Real(number + 0.0))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Real {}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl From<Real> for f64 {
    fn from(real: Real) -> Self {
        real.0
    }
}

impl ByteSize for Real {
    fn byte_size(&self) -> usize {
        size_of::<Self>()
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SqlKeyColumn for Real {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    const STORAGE_CLASS: Option<Type> = Some(Type::Real);

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Real(number) => Real::new(number).ok_or(FromSqlError::InvalidType),
            ValueRef::Integer(integer) => {
                let number = integer as f64;
                match number as i128 == i128::from(integer) {
                    true => Ok(Real(number)),
                    false => Err(FromSqlError::OutOfRange(integer)),
                }
            }
            _ => Err(FromSqlError::InvalidType),
        }
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Real(self.0))
    }
}
