//! Parses the caller's SQL as far as needed: names, parameters, conditions.

use std::collections::HashMap;

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

/// A piece of SQL: a parameter or anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `?`, `?5`, `:name`, `@name`, `#name` or `$name`.
    Parameter(&'a str),
    /// Anything else. Strings, quoted names and comments are whole.
    Other(&'a str),
}

/// Splits SQL at its parameters, by the rules of SQLite's own tokenizer. The pieces together are the text.
pub(crate) fn tokens(mut sql: &str) -> impl Iterator<Item = Token<'_>> {
    std::iter::from_fn(move || {
        let first = sql.chars().next()?;
        let rest = &sql[first.len_utf8()..];
        let len = first.len_utf8()
            + match first {
                '\'' | '"' | '`' => quoted_len(rest, first),
                '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
                '-' if rest.starts_with('-') => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with('*') => {
                    rest[1..].find("*/").map_or(rest.len(), |at| at + 3)
                }
                '?' => len_while(rest, |c| c.is_ascii_digit()),
                ':' | '@' | '#' | '$' => variable_len(rest),
                c if in_name(c) => len_while(rest, in_name),
                _ => 0,
            };
        let (token, after) = sql.split_at(len);
        sql = after;
        let is_parameter = match first {
            '?' => true,
            ':' | '@' | '#' | '$' => token.len() > 1,
            _ => false,
        };
        Some(if is_parameter {
            Token::Parameter(token)
        } else {
            Token::Other(token)
        })
    })
}

/// Returns the SQL with backticks around names in double quotes. SQLite takes `"x"` for a string if there is no
/// column `x`; `` `x` `` is always a name.
pub(crate) fn with_backticks(sql: &str) -> String {
    let mut changed = String::new();
    for Token::Parameter(text) | Token::Other(text) in tokens(sql) {
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

/// Returns the SQL without the semicolons, blanks and comments at its end.
pub(crate) fn without_end(sql: &str) -> &str {
    let (mut end, mut at) = (0, 0);
    for Token::Parameter(text) | Token::Other(text) in tokens(sql) {
        at += text.len();
        let is_comment = text.starts_with("--") || text.starts_with("/*");
        if !is_comment && text != ";" && !text.trim().is_empty() {
            end = at;
        }
    }
    &sql[..end]
}

/// Returns the length up to and including the closing quote. A doubled quote stands for itself.
fn quoted_len(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// Returns the length of a name, which may continue after `::` and end in parentheses, like Tcl's variables.
fn variable_len(rest: &str) -> usize {
    let mut len = len_while(rest, in_name);
    while rest[len..].starts_with("::") {
        len += 2 + len_while(&rest[len + 2..], in_name);
    }
    if len > 0 && rest[len..].starts_with('(') {
        let inside = len_while(&rest[len + 1..], |c| c != ')' && !c.is_ascii_whitespace());
        if rest[len + 1 + inside..].starts_with(')') {
            len += inside + 2;
        }
    }
    len
}

fn len_while(text: &str, accepts: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accepts(c)).unwrap_or(text.len())
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Splits a condition at its top-level ANDs. Each part can be checked alone. A condition with a top-level OR stays
/// whole, because OR binds weaker than AND.
fn conjuncts(condition: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    let mut betweens = 0_usize;
    for token in tokens(condition) {
        let (Token::Parameter(text) | Token::Other(text)) = token;
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if text == "(" || is("case") {
            depth += 1;
        } else if text == ")" || is("end") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && is("or") {
            return vec![condition.to_owned()];
        } else if depth == 0 && is("between") {
            betweens += 1;
        } else if depth == 0 && is("and") {
            if betweens == 0 {
                parts.push(String::new());
                continue;
            }
            betweens -= 1;
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(text);
        }
    }
    parts
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
            let name = unquoted(text);
            same(&name, column) || others.iter().any(|other| same(&name, other))
        }
    })
}

/// Returns a name without its quotes; any other text unchanged.
fn unquoted(text: &str) -> String {
    let inner = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    if let Some(name) = inner('[', ']') {
        return name.to_owned();
    }
    for quote in ['"', '`'] {
        if let Some(name) = inner(quote, quote) {
            return name.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
    }
    text.to_owned()
}

/// A condition, written so that the same text in other case, quotes and white space is equal to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conjunct {
    /// The column of this name, in lower case, isn't NULL.
    NotNull(String),
    Other(Vec<String>),
}

/// Words that can't name a column unless they are quoted.
const KEYWORDS: [&str; 20] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "and",
    "or",
    "not",
    "is",
    "null",
    "in",
    "between",
    "case",
    "when",
    "then",
    "else",
    "exists",
    "select",
    "from",
    "where",
    "isnull",
    "notnull",
];

impl Conjunct {
    /// Splits a condition over a table with these columns at its ANDs. Parentheses around all of the condition, or
    /// around all of a part, are removed, and what was in them is split too. Returns each part with its text. Splits
    /// only into parts that `is_expression` accepts.
    pub(crate) fn all(
        condition: &str,
        columns: &[String],
        is_expression: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, Conjunct)> {
        let bare = without_brackets(condition);
        let parts = conjuncts(&bare);
        match parts.len() > 1 && parts.iter().all(|part| is_expression(part)) {
            true => parts
                .iter()
                .flat_map(|part| Conjunct::all(part, columns, is_expression))
                .collect(),
            false => {
                let conjunct = Conjunct::of(&bare, columns);
                vec![(bare, conjunct)]
            }
        }
    }

    /// Checks whether this is the condition that the column isn't NULL.
    pub(crate) fn is_not_null(&self, column: &str) -> bool {
        matches!(self, Conjunct::NotNull(name) if same(name, column))
    }

    fn of(condition: &str, columns: &[String]) -> Self {
        let tokens: Vec<String> = meaningful(condition)
            .map(|text| {
                let name = unquoted(text);
                let is_keyword = || KEYWORDS.iter().any(|word| same(word, text));
                let is_name = name != text || columns.iter().any(|column| same(column, text));
                match text.starts_with('\'') {
                    true => text.to_owned(),
                    false if is_name && !is_keyword() => format!("`{}", name.to_ascii_lowercase()),
                    false => text.to_ascii_lowercase(),
                }
            })
            .collect();
        let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let tested = match words.as_slice() {
            [tested @ .., "is", "not", "null"] | [tested @ .., "not", "null"] => tested,
            [tested @ .., "notnull"] => tested,
            _ => &[],
        };
        let tested: Vec<&str> = tested
            .iter()
            .copied()
            .skip_while(|word| *word == "+")
            .collect();
        // A name may follow those of its schema and table.
        let is_path = |(at, word): (usize, &&str)| match at % 2 {
            0 => word.starts_with('`') || at + 1 < tested.len(),
            _ => *word == ".",
        };
        match tested.last().and_then(|word| word.strip_prefix('`')) {
            Some(column) if tested.len() % 2 == 1 && tested.iter().enumerate().all(is_path) => {
                Conjunct::NotNull(column.to_owned())
            }
            _ => Conjunct::Other(tokens),
        }
    }
}

/// Returns the text of the tokens that are neither blank nor a comment.
fn meaningful(sql: &str) -> impl Iterator<Item = &str> {
    tokens(sql)
        .map(|(Token::Parameter(text) | Token::Other(text))| text)
        .filter(|text| {
            !text.trim().is_empty() && !text.starts_with("--") && !text.starts_with("/*")
        })
}

/// Returns the condition without parentheses around all of it.
fn without_brackets(condition: &str) -> String {
    let mut tokens: Vec<&str> = tokens(condition)
        .map(|(Token::Parameter(text) | Token::Other(text))| text)
        .collect();
    let is_filling =
        |text: &&str| text.trim().is_empty() || text.starts_with("--") || text.starts_with("/*");
    loop {
        while tokens.last().is_some_and(is_filling) {
            tokens.pop();
        }
        let start = tokens.iter().position(|text| !is_filling(text));
        tokens.drain(..start.unwrap_or(0));
        let mut depth = 0_usize;
        let closing = tokens.iter().position(|text| {
            match *text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        if tokens.len() < 2 || tokens[0] != "(" || closing != Some(tokens.len() - 1) {
            return tokens.concat();
        }
        tokens.pop();
        tokens.remove(0);
    }
}

/// Returns the condition of a partial index, from its CREATE INDEX.
pub(crate) fn index_condition(sql: &str) -> Option<&str> {
    let (mut depth, mut at) = (0_usize, 0);
    for Token::Parameter(text) | Token::Other(text) in tokens(sql) {
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
    use super::{Token, conjuncts, is_single, tokens, with_backticks, without_end};

    fn parameters(sql: &str) -> Vec<&str> {
        let whole: String = tokens(sql)
            .map(|(Token::Parameter(text) | Token::Other(text))| text)
            .collect();
        assert_eq!(whole, sql, "the pieces together are the text");
        tokens(sql)
            .filter_map(|token| match token {
                Token::Parameter(text) => Some(text),
                Token::Other(_) => None,
            })
            .collect()
    }

    #[test]
    fn every_form_of_parameter_is_found() {
        let found = parameters("a=? and b>?12 or c in (:x,@y_1,$zé,#n,$a::b(c d),$a::b(c))");
        let expected = ["?", "?12", ":x", "@y_1", "$zé", "#n", "$a::b", "$a::b(c)"];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_quoted_or_commented_is_no_parameter() {
        let sql = "'?' \"?1\" `:a` [@b] 'it''s ?' -- ?\n /* :c */ x'3f' a$b ?";
        assert_eq!(parameters(sql), ["?"]);
    }

    #[test]
    fn unclosed_quotes_and_comments_reach_the_end() {
        for sql in [
            "'?", "\"?", "[?", "/* ?", "/*", "-- ?", "'?''", "-", "/", ":", "é?",
        ] {
            let expected: &[&str] = if sql == "é?" { &["?"] } else { &[] };
            assert_eq!(parameters(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_in_double_quotes_get_backticks_and_nothing_else_changes() {
        let sql = r#""a" = '"b"' AND "c""d`e" > [f"g] -- "h"#;
        let expected = r#"`a` = '"b"' AND `c"d``e` > [f"g] -- "h"#;
        assert_eq!(with_backticks(sql), expected);
        assert_eq!(with_backticks("\"\" \"unclosed"), "`` \"unclosed");
    }

    #[test]
    fn what_ends_a_statement_is_cut_and_nothing_else() {
        for end in [
            "",
            ";",
            " ; ;\n",
            "; -- ;",
            "/* ; */ ;",
            " /* unclosed",
            "--",
        ] {
            assert_eq!(
                without_end(&format!("a - b;c /* d */ e{end}")),
                "a - b;c /* d */ e"
            );
        }
        assert_eq!(without_end("a '; --'"), "a '; --'");
        assert_eq!(without_end("; -- a"), "");
    }

    fn parts(condition: &str) -> Vec<String> {
        let trim = |part: String| part.trim().to_owned();
        conjuncts(condition).into_iter().map(trim).collect()
    }

    #[test]
    fn ands_of_the_outermost_level_cut() {
        assert_eq!(parts("a = 1 AND b > 2 and c"), ["a = 1", "b > 2", "c"]);
        assert_eq!(
            parts("(a AND b) AND f(c AND d)"),
            ["(a AND b)", "f(c AND d)"]
        );
    }

    #[test]
    fn ands_that_belong_to_something_else_do_not() {
        let whole = [
            "a BETWEEN 1 AND 2",
            "a AND b OR c",
            "CASE WHEN a AND b THEN c END",
            "a = ' and ' -- and\n",
            "\"and\" = [x and y]",
        ];
        for condition in whole {
            assert_eq!(conjuncts(condition), [condition]);
        }
        assert_eq!(
            parts("a BETWEEN 1 AND 2 AND b BETWEEN 3 AND 4"),
            ["a BETWEEN 1 AND 2", "b BETWEEN 3 AND 4"]
        );
    }

    #[test]
    fn a_single_comparison_joins_nothing() {
        assert!(is_single("\"and\" = ' or '"));
        assert!(!is_single("(a AND b)") && !is_single("x IN (SELECT 1)"));
        assert!(is_single("x IN (?1, ?2)") && !is_single("x IN (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    }
}
