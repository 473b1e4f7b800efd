use std::collections::HashMap;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Params as RusqliteParams, Statement};

use crate::tokens::{Token, tokens};
use crate::value;

/// The values of the parameters in a piece of SQL that the caller wrote: bound anew for each fetch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    values: Vec<Value>,
}

/// What a parameter of a walk's statement stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    /// The caller's, by its position.
    Given(usize),
    /// A column that is fixed to one value.
    Fixed(usize),
    /// A column of the key at the near bound.
    Near(usize),
    /// A column of the key at the far bound.
    Far(usize),
}

impl Params {
    /// Takes the values of the parameters of `sql`, which `statement` was prepared from. rusqlite
    /// binds them itself, to a statement that answers them, so all that it accepts is accepted.
    ///
    /// Answers `sql` too, with each parameter as `(+?1)`: by its number, so that the text can stand
    /// in a statement more than once; and as an expression, whose value SQLite doesn't look at when
    /// it plans. A table with statistics would have a statement with a bare parameter prepared again
    /// at every fetch.
    pub(crate) fn capture(
        db: &Connection,
        sql: &str,
        statement: &Statement<'_>,
        given: impl RusqliteParams,
    ) -> rusqlite::Result<(String, Self)> {
        let count = statement.parameter_count();
        let names: Vec<Option<&str>> = (1..=count).map(|at| statement.parameter_name(at)).collect();
        // A row each: SQLite bounds the columns of a result, not the rows of a VALUES.
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
        // A plain `?` has the number after the largest so far (sqlite.org/lang_expr.html#varparam).
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
