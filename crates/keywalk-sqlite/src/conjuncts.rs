use crate::tokens::{Token, tokens};

/// Cuts a condition at the ANDs that join it, where nothing binds weaker: each part can be checked by
/// itself.
pub(crate) fn conjuncts(condition: &str) -> Vec<String> {
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

/// Whether a condition is one comparison, so that an index that serves it serves all of it. One of many
/// parameters is a list of values, whose rows don't come in the key's order; trying it would cost SQLite
/// the square of their number.
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
    use super::{conjuncts, is_single};

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
