//! Reads SQL as far as needed: parameters, and conditions that are joined by AND.

use crate::dialect::Dialect;

/// A piece of SQL: a parameter or anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// SQLite: `?`, `?5`, `:name`, `@name`, `#name` or `$name`. PostgreSQL: `$5`.
    Parameter(&'a str),
    /// Anything else. Strings, quoted names and comments are whole.
    Other(&'a str),
}

impl<'a> Token<'a> {
    /// Returns its text.
    #[must_use]
    pub fn text(self) -> &'a str {
        let (Token::Parameter(text) | Token::Other(text)) = self;
        text
    }
}

/// Splits SQL at its parameters, by the rules of the database's own tokenizer. The pieces together are the text.
/// PostgreSQL's setting `standard_conforming_strings` has to be on, as it is by default.
pub fn tokens(dialect: Dialect, mut sql: &str) -> impl Iterator<Item = Token<'_>> {
    std::iter::from_fn(move || {
        let first = sql.chars().next()?;
        let rest = &sql[first.len_utf8()..];
        let is_sqlite = dialect == Dialect::Sqlite;
        let len = match first {
            '\'' | '"' => quoted_len(rest, first),
            '-' if rest.starts_with('-') => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with('*') => comment_len(rest, !is_sqlite),
            '`' if is_sqlite => quoted_len(rest, first),
            '[' if is_sqlite => rest.find(']').map_or(rest.len(), |at| at + 1),
            '?' if is_sqlite => len_while(rest, |c| c.is_ascii_digit()),
            ':' | '@' | '#' | '$' if is_sqlite => variable_len(rest),
            '$' if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                len_while(rest, |c| c.is_ascii_digit())
            }
            '$' => dollar_quoted_len(rest),
            c if !is_sqlite && OPERATORS.contains(c) => operator_len(sql) - 1,
            c if in_name(c) => match prefixed_len(sql) {
                Some(len) if !is_sqlite => len - 1,
                _ => len_while(rest, in_name),
            },
            _ => 0,
        };
        let (token, after) = sql.split_at(first.len_utf8() + len);
        sql = after;
        let is_parameter = match first {
            '?' => is_sqlite,
            ':' | '@' | '#' if is_sqlite => token.len() > 1,
            '$' if is_sqlite => token.len() > 1,
            '$' => token.len() > 1 && !token.ends_with('$'),
            _ => false,
        };
        Some(if is_parameter {
            Token::Parameter(token)
        } else {
            Token::Other(token)
        })
    })
}

/// Returns the SQL without the semicolons, blanks and comments at its end.
#[must_use]
pub fn without_end(dialect: Dialect, sql: &str) -> &str {
    let (mut end, mut at) = (0, 0);
    for text in tokens(dialect, sql).map(Token::text) {
        at += text.len();
        if text != ";" && !is_filling(text) {
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

/// Returns the length of a comment after its first character. In PostgreSQL, comments nest.
fn comment_len(rest: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (1, 1);
    while let Some(found) = rest[at..].find(['*', '/']) {
        at += found;
        match rest.get(at..at + 2) {
            Some("*/") => {
                depth -= 1;
                at += 2;
            }
            Some("/*") if nests => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Returns the length of `tag$ ... $tag$`, PostgreSQL's string after a dollar sign; 0 if it isn't one.
fn dollar_quoted_len(rest: &str) -> usize {
    let tag = len_while(rest, |c| c != '$' && in_name(c)) + 1;
    if !rest[..tag.min(rest.len())].ends_with('$') {
        return 0;
    }
    let end = format!("${}", &rest[..tag]);
    let text = &rest[tag..];
    text.find(&end)
        .map_or(rest.len(), |at| tag + at + end.len())
}

/// Returns the length of a PostgreSQL string or name with a prefix: `E'\''`, `x'ff'`, `U&"name"`.
fn prefixed_len(sql: &str) -> Option<usize> {
    let prefix = sql
        .bytes()
        .take(3)
        .position(|byte| matches!(byte, b'\'' | b'"'))?;
    let quote = sql[prefix..].chars().next()?;
    let rest = &sql[prefix + 1..];
    let len = match (&*sql[..prefix].to_ascii_lowercase(), quote) {
        ("e", '\'') => escaped_len(rest),
        ("b" | "n" | "x" | "u&", '\'') | ("u&", '"') => quoted_len(rest, quote),
        _ => return None,
    };
    Some(prefix + 1 + len)
}

/// Returns the length up to and including the closing quote of a string with backslashes.
fn escaped_len(rest: &str) -> usize {
    let mut at = 0;
    while let Some(found) = rest[at..].find(['\'', '\\']) {
        at += found;
        let next = rest[at + 1..].chars().next();
        match (&rest[at..=at], next) {
            ("'", Some('\'')) => at += 2,
            ("'", _) => return at + 1,
            (_, next) => at += 1 + next.map_or(0, char::len_utf8),
        }
    }
    rest.len()
}

/// The characters of PostgreSQL's operators.
const OPERATORS: &str = "+-*/<>=~!@#%^&|`?";

/// Returns the length of a PostgreSQL operator. It ends before a comment. It ends in `+` or `-` only if it is just that
/// or has a character that SQL's own operators don't have.
fn operator_len(sql: &str) -> usize {
    let run = &sql[..len_while(sql, |c| OPERATORS.contains(c))];
    let comment = ["--", "/*"].into_iter().filter_map(|start| run.find(start));
    let run = &run[..comment.min().unwrap_or(run.len())];
    match run.contains(|c| "~!@#%^&|`?".contains(c)) {
        true => run.len(),
        false => run.trim_end_matches(['+', '-']).len().max(1),
    }
}

fn len_while(text: &str, accepts: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accepts(c)).unwrap_or(text.len())
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Returns a name without its quotes; any other text unchanged.
#[must_use]
pub fn unquoted(dialect: Dialect, text: &str) -> String {
    let inner = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    let quotes: &[char] = match dialect {
        Dialect::Sqlite => &['"', '`'],
        Dialect::Postgres => &['"'],
    };
    if dialect == Dialect::Sqlite
        && let Some(name) = inner('[', ']')
    {
        return name.to_owned();
    }
    for &quote in quotes {
        if let Some(name) = inner(quote, quote) {
            return name.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
    }
    text.to_owned()
}

/// Splits a condition at its top-level ANDs. Each part can be checked alone. A condition with a top-level OR stays
/// whole, because OR binds weaker than AND.
fn conjuncts(dialect: Dialect, condition: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    let mut betweens = 0_usize;
    for text in tokens(dialect, condition).map(Token::text) {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if text == "(" || text == "[" || is("case") {
            depth += 1;
        } else if text == ")" || text == "]" || is("end") {
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

/// A condition, written so that the same text in other case, quotes and white space is equal to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conjunct {
    /// The column of this name, which may be in lower case, isn't NULL.
    NotNull(String),
    /// Any other condition, as its words.
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
    pub fn all(
        dialect: Dialect,
        condition: &str,
        columns: &[String],
        is_expression: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, Conjunct)> {
        let bare = without_brackets(dialect, condition);
        let parts = conjuncts(dialect, &bare);
        match parts.len() > 1 && parts.iter().all(|part| is_expression(part)) {
            true => parts
                .iter()
                .flat_map(|part| Conjunct::all(dialect, part, columns, is_expression))
                .collect(),
            false => {
                let conjunct = Conjunct::of(dialect, &bare, columns);
                vec![(bare, conjunct)]
            }
        }
    }

    /// Checks whether this is the condition that the column isn't NULL.
    #[must_use]
    pub fn is_not_null(&self, dialect: Dialect, column: &str) -> bool {
        matches!(self, Conjunct::NotNull(name) if *name == dialect.folded(column, true))
    }

    fn of(dialect: Dialect, condition: &str, columns: &[String]) -> Self {
        let texts = tokens(dialect, condition).map(Token::text);
        let tokens: Vec<String> = texts
            .filter(|text| !is_filling(text))
            .map(|text| {
                let name = unquoted(dialect, text);
                let is_quoted = name != text;
                let folded = dialect.folded(&name, is_quoted);
                let mut columns = columns.iter();
                let is_name = is_quoted || columns.any(|c| dialect.folded(c, true) == folded);
                let word = text.to_ascii_lowercase();
                let is_keyword = KEYWORDS.contains(&&*word) || dialect.is_function(&word);
                match is_name && !is_keyword {
                    true => format!("`{folded}"),
                    false if text.contains(['\'', '"', '$']) => text.to_owned(),
                    false => word,
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

/// Checks whether a token is blank or a comment.
fn is_filling(text: &str) -> bool {
    text.trim().is_empty() || text.starts_with("--") || text.starts_with("/*")
}

/// Returns the condition without parentheses around all of it.
fn without_brackets(dialect: Dialect, condition: &str) -> String {
    let mut tokens: Vec<&str> = tokens(dialect, condition).map(Token::text).collect();
    loop {
        while tokens.last().is_some_and(|text| is_filling(text)) {
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

#[cfg(test)]
mod tests {
    use super::{Conjunct, Token, conjuncts, tokens, without_end};
    use crate::dialect::Dialect::{self, Postgres, Sqlite};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_of_any_text_are_the_text(sql in r#"([-$'"`/*eE\\ ;()&uU_a0?:=+\[\]é]|and|\$a\$){0,20}"#) {
            for dialect in [Sqlite, Postgres] {
                parameters(dialect, &sql);
                prop_assert!(sql.starts_with(without_end(dialect, &sql)));
                Conjunct::all(dialect, &sql, &[], &|_| true);
            }
        }
    }

    fn parameters(dialect: Dialect, sql: &str) -> Vec<&str> {
        let whole: String = tokens(dialect, sql).map(Token::text).collect();
        assert_eq!(whole, sql, "the pieces together are the text");
        tokens(dialect, sql)
            .filter_map(|token| match token {
                Token::Parameter(text) => Some(text),
                Token::Other(_) => None,
            })
            .collect()
    }

    #[test]
    fn every_form_of_parameter_is_found() {
        let found = parameters(
            Sqlite,
            "a=? and b>?12 or c in (:x,@y_1,$zé,#n,$a::b(c d),$a::b(c))",
        );
        let expected = ["?", "?12", ":x", "@y_1", "$zé", "#n", "$a::b", "$a::b(c)"];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_quoted_or_commented_is_no_parameter() {
        let sql = "'?' \"?1\" `:a` [@b] 'it''s ?' -- ?\n /* :c */ x'3f' a$b ?";
        assert_eq!(parameters(Sqlite, sql), ["?"]);
    }

    #[test]
    fn unclosed_quotes_and_comments_reach_the_end() {
        for sql in [
            "'?", "\"?", "[?", "/* ?", "/*", "-- ?", "'?''", "-", "/", ":", "é?",
        ] {
            let expected: &[&str] = if sql == "é?" { &["?"] } else { &[] };
            assert_eq!(parameters(Sqlite, sql), expected, "{sql}");
        }
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
                without_end(Sqlite, &format!("a - b;c /* d */ e{end}")),
                "a - b;c /* d */ e"
            );
        }
        assert_eq!(without_end(Sqlite, "a '; --'"), "a '; --'");
        assert_eq!(without_end(Sqlite, "; -- a"), "");
    }

    fn parts(condition: &str) -> Vec<String> {
        let trim = |part: String| part.trim().to_owned();
        conjuncts(Sqlite, condition).into_iter().map(trim).collect()
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
            assert_eq!(conjuncts(Sqlite, condition), [condition]);
        }
        assert_eq!(
            parts("a BETWEEN 1 AND 2 AND b BETWEEN 3 AND 4"),
            ["a BETWEEN 1 AND 2", "b BETWEEN 3 AND 4"]
        );
    }

    #[test]
    fn postgres_strings_comments_and_operators_are_whole() {
        for (sql, cut) in [
            ("$1||$$?;$2$$", "$1 || $$?;$2$$"),
            ("$a$$b$'$a$-$12", "$a$$b$'$a$ - $12"),
            (r"E'\'--'''||'\'", r"E'\'--''' || '\'"),
            ("/*/**/;*/a/*/*/", "/*/**/;*/ a /*/*/"),
            ("a$b<>-1--c", "a$b <> - 1 --c"),
            ("a@-b::int[1]", "a @- b : : int [ 1 ]"),
            (r#"U&"a""b"x'1'"c"`d"#, r#"U&"a""b" x'1' "c" ` d"#),
            ("a->>'b'?'c'", "a ->> 'b' ? 'c'"),
            (r"e'\", r"e'\"),
        ] {
            let texts: Vec<&str> = tokens(Postgres, sql).map(Token::text).collect();
            assert_eq!(texts.join(" "), cut);
            assert_eq!(texts.concat(), sql);
        }
        assert_eq!(parameters(Postgres, "$1 $a '$2' ?3 :x $40"), ["$1", "$40"]);
    }

    #[test]
    fn a_column_is_found_by_its_name_as_the_database_reads_it() {
        let columns = ["Name", "name", "user"].map(str::to_owned);
        for (dialect, condition, found) in [
            (Postgres, "(NAME IS NOT NULL)", "name"),
            (Postgres, "t.\"Name\" NOTNULL", "Name"),
            (Postgres, "user IS NOT NULL", ""),
            (Postgres, "\"user\" IS NOT NULL", "user"),
            (Sqlite, "user IS NOT NULL", "user"),
            (Sqlite, "[NAME] NOTNULL -- x", "name"),
        ] {
            let all = Conjunct::all(dialect, condition, &columns, &|_| true);
            let [(_, conjunct)] = all.as_slice() else {
                panic!("{all:?}");
            };
            let mut of = columns
                .iter()
                .filter(|name| conjunct.is_not_null(dialect, name));
            assert_eq!(
                of.next_back().map_or("", String::as_str),
                found,
                "{condition}"
            );
        }
    }
}
