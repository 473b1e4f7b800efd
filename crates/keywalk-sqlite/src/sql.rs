//! Parses the caller's SQL as far as needed: names, parameters, conditions.

use std::collections::HashMap;

use keywalk_sql::{Dialect, Token, unquoted};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Params as RusqliteParams, Statement};

use crate::value;

/// Compares names as SQLite does, ignoring the case of ASCII letters.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The values of the parameters in a piece of the caller's SQL, bound again for each fetch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    values: Vec<Value>,
}

impl Params {
    /// Captures the values of the parameters of `sql`, from which `statement` was prepared. rusqlite binds them to
    /// another statement, which returns them. So everything that rusqlite accepts is accepted.
    ///
    /// Also returns `sql` with each parameter written as `(+?1)`. The number lets the text occur more than once in a
    /// statement. The `+` hides the value from the planner: with a bare parameter and a table with statistics, SQLite
    /// would prepare the statement again at every fetch.
    pub(crate) fn capture(
        db: &Connection,
        sql: &str,
        statement: &Statement<'_>,
        given: impl RusqliteParams,
    ) -> rusqlite::Result<(String, Self)> {
        let count = statement.parameter_count();
        let names: Vec<Option<&str>> = (1..=count).map(|at| statement.parameter_name(at)).collect();
        // One row per value: SQLite limits the columns of a result, not the rows of a VALUES.
        let mut echo = String::from(if count == 0 { "SELECT 1" } else { "VALUES " });
        for (number, name) in (1..).zip(&names) {
            let comma = if number == 1 { "" } else { ", " };
            echo += &match name {
                Some(name) => format!("{comma}({name})"),
                None => format!("{comma}(?{number})"),
            };
        }
        let mut echoing = db.prepare(&echo)?;
        let rows = echoing.query_map(given, |row| row.get(0))?;
        let mut values = rows.collect::<rusqlite::Result<Vec<Value>>>()?;
        values.truncate(count);

        let numbers: HashMap<&str, usize> = names
            .iter()
            .zip(1..)
            .filter_map(|(name, number)| Some(((*name)?, number)))
            .collect();
        let mut numbered = String::new();
        // A plain `?` has the next number after the largest so far (sqlite.org/lang_expr.html#varparam).
        let mut largest = 0;
        for token in tokens(sql) {
            let number = match token {
                Token::Other(text) => {
                    numbered += text;
                    continue;
                }
                Token::Parameter("?") => largest + 1,
                Token::Parameter(text) => (numbers.get(text).copied())
                    .or_else(|| text.strip_prefix('?')?.parse().ok())
                    .unwrap_or(largest + 1),
            };
            largest = largest.max(number);
            numbered += &format!("(+?{number})");
        }
        Ok((numbered, Params { values }))
    }

    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value(&self, at: usize) -> ToSqlOutput<'_> {
        value::bind(&self.values[at])
    }
}

/// Splits SQL at its parameters.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    keywalk_sql::tokens(Dialect::Sqlite, sql)
}

/// Returns the SQL with backticks around names in double quotes. SQLite takes `"x"` for a string if there is no
/// column `x`; `` `x` `` is always a name.
pub(crate) fn with_backticks(sql: &str) -> String {
    let mut changed = String::new();
    for text in tokens(sql).map(Token::text) {
        let quoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        match quoted {
            Some(name) => {
                let name = name.replace("\"\"", "\"").replace('`', "``");
                changed += &format!("`{name}`");
            }
            None => changed += text,
        }
    }
    changed
}

/// Checks whether the SQL contains VALUES outside of parentheses, where it is a SELECT of its own.
pub(crate) fn has_values(sql: &str) -> bool {
    let mut depth = 0_usize;
    tokens(sql).any(|token| {
        let (Token::Parameter(text) | Token::Other(text)) = token;
        match text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && text.eq_ignore_ascii_case("values")
    })
}

/// Checks whether the SQL contains parameter 0, which doesn't exist. SQLite reports it as too many parameters.
pub(crate) fn has_parameter_zero(sql: &str) -> bool {
    let is_zero = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit == b'0');
    tokens(sql).any(|token| match token {
        Token::Parameter(text) => text.strip_prefix('?').is_some_and(is_zero),
        Token::Other(_) => false,
    })
}

/// Checks whether a condition names a column; the rowid also by its other names.
pub(crate) fn names(condition: &str, column: &str, is_rowid: bool) -> bool {
    let others: &[&str] = if is_rowid {
        &["rowid", "oid", "_rowid_"]
    } else {
        &[]
    };
    tokens(condition).any(|token| match token {
        Token::Parameter(_) => false,
        Token::Other(text) => {
            let name = unquoted(Dialect::Sqlite, text);
            same(&name, column) || others.iter().any(|other| same(&name, other))
        }
    })
}

/// Returns the condition of a partial index, from its CREATE INDEX.
pub(crate) fn index_condition(sql: &str) -> Option<&str> {
    let (mut depth, mut at) = (0_usize, 0);
    for text in tokens(sql).map(Token::text) {
        at += text.len();
        match text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth == 0 && same(text, "where") => return Some(&sql[at..]),
            _ => {}
        }
    }
    None
}

/// Checks whether a condition is one comparison, so that an index that serves it serves all of it. Conditions with many
/// parameters (`IN` lists) are excluded: their rows aren't in key order, and planning them takes quadratic time.
pub(crate) fn is_single(condition: &str) -> bool {
    const MOST_PARAMETERS: usize = 8;
    let parameters = tokens(condition).filter(|token| matches!(token, Token::Parameter(_)));
    if parameters.take(MOST_PARAMETERS + 1).count() > MOST_PARAMETERS {
        return false;
    }
    !tokens(condition).any(|token| {
        let (Token::Parameter(text) | Token::Other(text)) = token;
        ["and", "or", "not", "case", "select"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_single, with_backticks};

    #[test]
    fn names_in_double_quotes_get_backticks_and_nothing_else_changes() {
        let sql = r#""a" = '"b"' AND "c""d`e" > [f"g] -- "h"#;
        let expected = r#"`a` = '"b"' AND `c"d``e` > [f"g] -- "h"#;
        assert_eq!(with_backticks(sql), expected);
        assert_eq!(with_backticks("\"\" \"unclosed"), "`` \"unclosed");
    }

    #[test]
    fn a_single_comparison_joins_nothing() {
        assert!(is_single("\"and\" = ' or '"));
        assert!(!is_single("(a AND b)") && !is_single("x IN (SELECT 1)"));
        assert!(is_single("x IN (?1, ?2)") && !is_single("x IN (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    }
}
