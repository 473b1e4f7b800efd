use keywalk::Order;
use rusqlite::types::Value;

use crate::error::Problem;
use crate::key::ColumnLayout;
use crate::params::Params;

/// What is walked, resolved and proven: a table, or a query as a subselect.
#[derive(Debug)]
pub(crate) struct Relation {
    /// For messages: `table "items"` or `the query`.
    pub(crate) name: String,
    /// What stands after FROM.
    pub(crate) from: String,
    /// What is selected, as SQL, before key columns that aren't among it.
    pub(crate) select: String,
    /// How many columns that is.
    pub(crate) width: usize,
    pub(crate) key: Vec<KeyPart>,
    /// Columns that are fixed to one value.
    pub(crate) fixed: Vec<FixedPart>,
    pub(crate) filter: Option<String>,
    /// Of the filter, or of the query.
    pub(crate) params: Params,
    /// Whether the schema proves that no key comes twice; otherwise each fetch checks.
    pub(crate) unique: bool,
    /// SQL that answers whether the key holds NULL, where the schema lets it.
    pub(crate) null_check: Option<String>,
}

/// A column of the key.
#[derive(Debug)]
pub(crate) struct KeyPart {
    /// For messages.
    pub(crate) name: String,
    /// The column as SQL.
    pub(crate) expression: String,
    /// The column as plans name it, if that's known.
    pub(crate) in_plan: Option<String>,
    pub(crate) layout: ColumnLayout,
    /// Where the column stands in `select`, if it does.
    pub(crate) at: Option<usize>,
}

/// A leading column that is fixed to one value.
#[derive(Debug)]
pub(crate) struct FixedPart {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) in_plan: String,
    pub(crate) value: Value,
}

impl Relation {
    /// Whether the key's columns go in different directions.
    pub(crate) fn is_mixed(&self) -> bool {
        let mut orders = self.key.iter().map(|part| part.layout.order);
        let first = orders.next();
        orders.any(|order| Some(order) != first)
    }

    /// The direction of a key column in a walk of this order.
    pub(crate) fn direction(&self, part: &KeyPart, order: Order) -> Order {
        match part.layout.order {
            Order::Ascending => order,
            Order::Descending => order.reversed(),
        }
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> Problem {
        Problem::Sqlite {
            relation: self.name.clone(),
            source,
        }
    }

    pub(crate) fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|part| part.name.clone()).collect()
    }
}
