/// A piece of SQL, as far as parameters need to be told from everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `?`, `?5`, `:name`, `@name`, `#name` or `$name`.
    Parameter(&'a str),
    /// Anything else, strings, quoted names and comments whole.
    Other(&'a str),
}

/// Cuts SQL at its parameters, by the rules of SQLite's own tokenizer. The pieces together are the
/// text.
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

/// The SQL with backticks around the names that stand in double quotes. SQLite takes `"x"` for a string
/// where there is no column `x`; `` `x` `` is always a name.
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

/// Whether VALUES stands in the SQL outside of brackets, where it is a SELECT of its own.
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

/// Whether the SQL asks for parameter 0, which there is none of. SQLite's error is that of too many.
pub(crate) fn has_parameter_zero(sql: &str) -> bool {
    let is_zero = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit == b'0');
    tokens(sql).any(|token| match token {
        Token::Parameter(text) => text.strip_prefix('?').is_some_and(is_zero),
        Token::Other(_) => false,
    })
}

/// The SQL without the semicolons, blanks and comments at its end.
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

/// Up to and with the closing quote; a doubled one stands for itself.
fn quoted_len(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// A name, which may go on behind `::` and end in brackets, as Tcl's variables do.
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

#[cfg(test)]
mod tests {
    use super::{Token, tokens, with_backticks, without_end};

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
}
