//! What a table or query is told apart by where a cursor is written down. The texts are hashed into every
//! token: one that changes makes the tokens that are out there be refused.

use keywalk::{Aspect, Fingerprint, Order};
use rusqlite::types::Value;

use crate::key::bytes;
use crate::name::Quoted;
use crate::relation::{KeyPart, Relation, Said};

const AFTER_A_CHANGE: &str = "if that is but another version of the schema, something in the schema has changed since, and a rowid may be another row's (VACUUM renumbers it, and counts as a change): begin a new walk, by an INTEGER PRIMARY KEY or another unique key if it is to outlive such changes";
const SAME_ROWS: &str = "give the table the same filter and the same `within` columns, with the same values, as when the token was taken";

impl Relation {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let fingerprint = Fingerprint::new("sqlite");
        let (fingerprint, condition) = match &self.said {
            Said::Query(sql) => {
                let fingerprint = fingerprint.relation(format!("query: {sql}"));
                (with_values(fingerprint, self.params.values()), None)
            }
            Said::Table { filter } => {
                let fingerprint = fingerprint.relation(format!("table {}", self.from));
                (fingerprint, filter.as_ref())
            }
        };
        let mut fingerprint = fingerprint.key(self.key_text());
        if self.key.iter().any(|part| part.is_fleeting) {
            fingerprint = fingerprint.cure(Aspect::Key, AFTER_A_CHANGE);
        }
        if let Said::Table { .. } = self.said {
            fingerprint = fingerprint.cure(Aspect::Filter, SAME_ROWS);
        }
        if self.fixed.is_empty() && condition.is_none() {
            return fingerprint;
        }
        // In whatever order they were fixed.
        let mut fixed: Vec<_> = self.fixed.iter().collect();
        fixed.sort_by_key(|part| &part.name);
        let mut terms: Vec<String> = fixed
            .iter()
            .map(|part| format!("{} = ?", Quoted(&part.name)))
            .collect();
        terms.extend(condition.map(|condition| format!("({condition})")));
        let fingerprint = fingerprint.filter(terms.join(" AND "));
        let fingerprint = with_values(fingerprint, fixed.iter().map(|part| &part.value));
        match condition {
            Some(_) => with_values(fingerprint, self.params.values()),
            None => fingerprint,
        }
    }

    /// The key's columns. A rowid that VACUUM renumbers is the same as long as the schema is, whose
    /// version VACUUM counts up.
    fn key_text(&self) -> String {
        let is_query = matches!(self.said, Said::Query(_));
        let columns = self.key.iter().map(|part| column_text(part, is_query));
        let columns: Vec<String> = columns.collect();
        let mut text = columns.join(", ");
        if self.key.iter().any(|part| part.is_fleeting)
            && let Some(version) = self.stamp.version()
        {
            text += &format!(", of schema version {version}");
        }
        text
    }
}

fn column_text(part: &KeyPart, is_query: bool) -> String {
    let name = match (part.is_fleeting, is_query) {
        // Of its three names, any will do.
        (true, _) => "rowid".to_owned(),
        // How SQLite calls a query's column without AS may change from one of its releases to the next.
        (false, true) => part.name.to_ascii_lowercase(),
        (false, false) => part.name.clone(),
    };
    let order = match part.layout.order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    match &part.text_order {
        Some(text_order) => format!("{} {text_order} {order}", Quoted(&name)),
        None => format!("{} {order}", Quoted(&name)),
    }
}

fn with_values<'a>(
    fingerprint: Fingerprint,
    values: impl IntoIterator<Item = &'a Value>,
) -> Fingerprint {
    values.into_iter().fold(fingerprint, |fingerprint, value| {
        let mut encoded = Vec::new();
        bytes::write(value.into(), &mut encoded);
        fingerprint.with_value(&encoded)
    })
}
