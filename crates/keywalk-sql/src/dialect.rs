use keywalk::Order;

/// What SQL is written and read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Writes the parameter of this number, from 1.
    #[must_use]
    pub fn parameter(self, number: usize) -> String {
        match self {
            // The plus sign makes an expression, whose value SQLite ignores when it plans. So a statement isn't
            // prepared again when another value is bound, as it would be for a table with statistics.
            Dialect::Sqlite => format!("+?{number}"),
            Dialect::Postgres => format!("${number}"),
        }
    }

    /// Writes a condition that is never true.
    pub(crate) fn never(self) -> &'static str {
        match self {
            Dialect::Sqlite => "0",
            Dialect::Postgres => "FALSE",
        }
    }

    /// Writes what follows a column in ORDER BY.
    #[must_use]
    pub fn direction(self, order: Order, nulls_last: bool) -> &'static str {
        match (self, order, nulls_last) {
            // SQLite's NULL is before all values.
            (Dialect::Sqlite, Order::Ascending, _) => "",
            (Dialect::Sqlite, Order::Descending, _) => " DESC",
            // PostgreSQL uses an index only in exactly the index's order, even for columns without NULL.
            (Dialect::Postgres, Order::Ascending, true) => " NULLS LAST",
            (Dialect::Postgres, Order::Ascending, false) => " NULLS FIRST",
            (Dialect::Postgres, Order::Descending, false) => " DESC NULLS FIRST",
            (Dialect::Postgres, Order::Descending, true) => " DESC NULLS LAST",
        }
    }

    /// Returns the form of a name in which equal names are equal. A name without quotes is in any case.
    pub(crate) fn folded(self, name: &str, is_quoted: bool) -> String {
        match self {
            Dialect::Postgres if is_quoted => name.to_owned(),
            Dialect::Sqlite | Dialect::Postgres => name.to_ascii_lowercase(),
        }
    }

    /// Checks whether a word in lower case is a function without parentheses or a constant, and no column's name.
    pub(crate) fn is_function(self, word: &str) -> bool {
        const POSTGRES: [&str; 11] = [
            "current_catalog",
            "current_role",
            "current_schema",
            "current_user",
            "false",
            "localtime",
            "localtimestamp",
            "session_user",
            "system_user",
            "true",
            "user",
        ];
        self == Dialect::Postgres && POSTGRES.contains(&word)
    }
}
