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
        let name = |number| statement.parameter_name(number);
        let mut echo = "SELECT 1".to_owned();
        for number in 1..=count {
            echo += ", ";
            match name(number) {
                Some(name) => echo += name,
                None => echo += &format!("?{number}"),
            }
        }
        let values: Vec<Value> = db.query_row(&echo, given, |row| {
            (1..=count).map(|at| row.get(at)).collect()
        })?;

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
                Token::Parameter(text) => (1..=count)
                    .find(|number| name(*number) == Some(text))
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
