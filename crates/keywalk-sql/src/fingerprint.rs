//! Identifies tables and queries in tokens. The strings here are hashed into tokens: changing one invalidates the
//! existing tokens that have it.

use keywalk::{Fingerprint, FingerprintField, Order};

use crate::dialect::Dialect;
use crate::names::Quoted;
use crate::seek::KeyColumn;

/// What is walked, in the caller's own text. Tokens depend on it, not on how statements are written.
#[derive(Clone, Debug)]
pub enum Definition {
    /// A table, with its filter if there is one.
    Table {
        /// The condition.
        filter: Option<String>,
    },
    /// The SELECT.
    Query(String),
}

const SAME_ROWS: &str = "give the table the same filter and the same `prefix_eq` columns, with the same values, as when the token was taken";

impl Definition {
    /// Computes the fingerprint that tokens are bound to. `store` is the kind of store, `from` the table's text after
    /// FROM, and `key` describes the key's columns. The values of `fixed` columns and of the caller's parameters are
    /// encoded by the backend, which must never change their bytes.
    #[must_use]
    pub fn fingerprint(
        &self,
        store: &str,
        from: &str,
        key: String,
        mut fixed: Vec<(&str, Vec<u8>)>,
        params: &[Vec<u8>],
    ) -> Fingerprint {
        let fingerprint = Fingerprint::new(store);
        let fingerprint = match self {
            Definition::Query(sql) => {
                with_values(fingerprint.relation(format!("query: {sql}")), params)
            }
            Definition::Table { .. } => fingerprint
                .relation(format!("table {from}"))
                .cure(FingerprintField::Filter, SAME_ROWS),
        };
        let fingerprint = fingerprint.key(key);
        let condition = match self {
            Definition::Table { filter } => filter.as_deref(),
            Definition::Query(_) => None,
        };
        if fixed.is_empty() && condition.is_none() {
            return fingerprint;
        }
        // The order in which they were fixed doesn't matter.
        fixed.sort();
        let terms = fixed
            .iter()
            .map(|(name, _)| format!("{} = ?", Quoted(name)));
        let condition = condition.map(|condition| format!("({condition})"));
        let terms: Vec<String> = terms.chain(condition).collect();
        let fingerprint = fingerprint.filter(terms.join(" AND "));
        let fingerprint = with_values(fingerprint, fixed.iter().map(|(_, value)| value));
        with_values(fingerprint, params)
    }
}

fn with_values<'a>(
    fingerprint: Fingerprint,
    values: impl IntoIterator<Item = &'a Vec<u8>>,
) -> Fingerprint {
    let values = values.into_iter();
    values.fold(fingerprint, |fingerprint, value| {
        fingerprint.with_value(value)
    })
}

impl<X> KeyColumn<X> {
    /// Describes the column under this name, for a fingerprint.
    #[must_use]
    pub fn describe(&self, dialect: Dialect, name: &str) -> String {
        let order = match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let nulls = match (dialect, self.nullable, self.nulls_last) {
            (Dialect::Sqlite, ..) | (_, false, _) => "",
            (_, true, false) => " NULLS FIRST",
            (_, true, true) => " NULLS LAST",
        };
        match &self.text_order {
            Some(text_order) => format!("{} {text_order} {order}{nulls}", Quoted(name)),
            None => format!("{} {order}{nulls}", Quoted(name)),
        }
    }
}
