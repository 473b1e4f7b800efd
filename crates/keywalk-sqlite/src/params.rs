use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Params as RusqliteParams, Statement};

use crate::value;

/// The parameters of a piece of SQL that the caller wrote, with their values: bound anew for each
/// fetch.
///
/// A walk's statement repeats the caller's SQL and adds parameters of its own. Numbered and named
/// parameters keep their meaning wherever they stand; a plain `?` gets a new number each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    values: Vec<Value>,
    /// `None` is a plain `?`, or a number that was left out.
    names: Vec<Option<String>>,
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
    /// Takes the values of the parameters that `statement` has. rusqlite binds them itself, to a
    /// statement that answers them, so all that it accepts is accepted.
    pub(crate) fn capture(
        db: &Connection,
        statement: &Statement<'_>,
        given: impl RusqliteParams,
    ) -> rusqlite::Result<Self> {
        let count = statement.parameter_count();
        let names: Vec<Option<String>> = (1..=count)
            .map(|at| statement.parameter_name(at).map(str::to_owned))
            .collect();
        let mut echo = "SELECT 1".to_owned();
        for (at, name) in (1..).zip(&names) {
            match name {
                Some(name) => echo += &format!(", {name}"),
                None => echo += &format!(", ?{at}"),
            }
        }
        let values = db.query_row(&echo, given, |row| {
            (1..=count).map(|at| row.get(at)).collect()
        })?;
        Ok(Params { values, names })
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value(&self, at: usize) -> ToSqlOutput<'_> {
        value::bind(&self.values[at])
    }

    /// What each parameter of `statement` stands for, by its number less one. `own` are the walk's,
    /// which are numbered from the caller's on. `None` if it can't be told: plain `?` and numbers in
    /// one text, which is repeated.
    pub(crate) fn assign(&self, statement: &Statement<'_>, own: &[Param]) -> Option<Vec<Param>> {
        let plain: Vec<usize> = (0..self.len())
            .filter(|at| self.names[*at].is_none())
            .collect();
        let mut assigned: Vec<Param> = (0..self.len()).map(Param::Given).collect();
        assigned.truncate(statement.parameter_count());
        assigned.extend(own);
        let first_repeated = assigned.len() + 1;
        let mut repeated = plain.iter().cycle();
        let mut repeats = 0;
        for number in first_repeated..=statement.parameter_count() {
            let at = match statement.parameter_name(number) {
                None => {
                    repeats += 1;
                    *repeated.next()?
                }
                Some(name) => self
                    .names
                    .iter()
                    .position(|known| known.as_deref() == Some(name))?,
            };
            assigned.push(Param::Given(at));
        }
        let whole = plain.is_empty() || repeats % plain.len() == 0;
        whole.then_some(assigned)
    }
}
