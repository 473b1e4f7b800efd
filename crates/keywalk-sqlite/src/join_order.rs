//! Takes a SELECT apart: rewrites it so that SQLite reads one of its tables first, and finds the parts of a UNION ALL.

use keywalk_sql::{Quoted, Token};
use rusqlite::Connection;

use crate::error::is_of_store;
use crate::plan::Plan;
use crate::schema::Schema;
use crate::sql::tokens;

/// Returns the ways to write a SELECT with these columns. The first variants force no index, and each of them
/// begins with a different table. The same variants follow for each index that can be forced.
pub(crate) fn others(
    db: &Connection,
    select: &str,
    columns: &[String],
) -> rusqlite::Result<Vec<Other>> {
    let Some(join) = Join::of(select) else {
        return Ok(Vec::new());
    };
    let mut hints: Vec<Option<(usize, String)>> = Vec::new();
    if join.terms.len() > 1 {
        hints.push(None);
    }
    for at in 0..join.terms.len() {
        let Some((schema, table)) = join.name(at) else {
            continue;
        };
        hints.push(Some((at, "NOT INDEXED".to_owned())));
        for index in Schema::indexes_of(db, schema.as_deref(), &table)? {
            hints.push(Some((at, format!("INDEXED BY {}", Quoted(&index)))));
        }
    }
    let firsts = || join.firsts();
    let ways = hints
        .iter()
        .flat_map(|hint| firsts().map(move |first| (first, hint)));
    let others = ways.map(|(first, hint)| {
        let hint = hint.as_ref().map(|(at, hint)| (*at, hint.as_str()));
        Other {
            select: join.beginning_with(first, hint),
            is_index_of_joined: hint.is_some_and(|(at, _)| at != first),
        }
    });
    let mut same = Vec::new();
    for other in others.take(MOST_WAYS) {
        match db.prepare(&other.select) {
            Ok(statement) if statement.column_names().eq(columns) => same.push(other),
            Err(error) if is_of_store(&error) => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(same)
}

/// Finds the first part, from 1, that keeps SQLite from merging the parts of a UNION ALL. Also returns whether the
/// reason is the types of its columns: they differ from those of the first part.
pub(crate) fn unmerged_part(
    db: &Connection,
    select: &str,
) -> rusqlite::Result<Option<(usize, bool)>> {
    let parts = union_parts(select);
    for (number, part) in (1..).zip(&parts) {
        for (first, by_types) in [(part, false), (&parts[0], true)] {
            let both = format!("SELECT * FROM ({first}\nUNION ALL {part}\n) ORDER BY 1");
            match Plan::of(db, &both) {
                Ok(plan) if plan.is_unmerged_union() => return Ok(Some((number, by_types))),
                Err(error) if is_of_store(&error) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(None)
}

/// Returns the parts of a UNION ALL. Empty for any other SELECT, and for one with a WITH.
fn union_parts(select: &str) -> Vec<&str> {
    let words = words(select);
    if words
        .iter()
        .any(|word| word.is_any(&["with", "intersect", "except"]))
    {
        return Vec::new();
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    for at in (0..words.len()).filter(|at| words[*at].is_any(&["union"])) {
        match words.get(at + 1) {
            Some(all) if all.is_any(&["all"]) => {
                parts.push(&select[start..words[at].at]);
                start = all.end();
            }
            _ => return Vec::new(),
        }
    }
    parts.push(&select[start..]);
    parts
}

/// Another way to write a SELECT.
pub(crate) struct Other {
    pub(crate) select: String,
    /// True if it prescribes the index of a table that isn't read first.
    pub(crate) is_index_of_joined: bool,
}

/// Limits the attempts, so that a refusal is quick.
const MOST_WAYS: usize = 64;

/// A word of SQL at the outermost level, outside of parentheses.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    at: usize,
}

/// A table after FROM.
struct Term<'a> {
    /// The join operator before it, if it is an outer join.
    outer_join: Option<&'a str>,
    /// The table with its alias.
    table: &'a str,
    /// The expression after ON.
    on: Option<&'a str>,
    /// USING with its columns.
    using: &'a str,
}

/// A SELECT of one table or of a join.
struct Join<'a> {
    before: &'a str,
    terms: Vec<Term<'a>>,
    condition: Option<&'a str>,
    /// True if the tables may be reordered. They may not if the result has a `*`, whose columns would be reordered too,
    /// or if a table is joined by column names (USING).
    is_movable: bool,
}

impl<'a> Join<'a> {
    /// Parses a SELECT. Returns `None` unless it certainly means the same with its tables in another order.
    fn of(select: &'a str) -> Option<Self> {
        const OTHERS: [&str; 12] = [
            "distinct",
            "union",
            "intersect",
            "except",
            "group",
            "having",
            "window",
            "order",
            "limit",
            "natural",
            "right",
            "full",
        ];
        let words = words(select);
        if !words.first()?.is_any(&["select", "with"]) || words.iter().any(|w| w.is_any(&OTHERS)) {
            return None;
        }
        let find = |word: &str, from: usize| {
            let found = words[from..].iter().position(|w| w.is_any(&[word]));
            found.map(|at| from + at)
        };
        let start = find("select", 0)?;
        let from = find("from", start)?;
        let condition = find("where", from).map(|at| words[at]);
        let has_star = words[start..from]
            .windows(2)
            .any(|pair| pair[1].text == "*" && pair[0].is_any(&["select", "all", ","]));
        let end = condition.map_or(select.len(), |word| word.at);
        let listed = words[from + 1..]
            .iter()
            .copied()
            .take_while(|word| word.at < end);
        let terms = terms(select, words[from].end(), end, &listed.collect::<Vec<_>>())?;
        Some(Join {
            before: &select[..words[from].end()],
            is_movable: !has_star && terms.iter().all(|term| term.using.is_empty()),
            terms,
            condition: condition.map(|word| &select[word.end()..]),
        })
    }

    /// Returns the positions of the tables that may be read first.
    fn firsts(&self) -> impl Iterator<Item = usize> {
        let may_be =
            |at: &usize| *at == 0 || self.is_movable && self.terms[*at].outer_join.is_none();
        (0..self.terms.len()).filter(may_be)
    }

    /// Returns the schema and table at a position, if an index can be prescribed for it.
    fn name(&self, at: usize) -> Option<(Option<String>, String)> {
        let words = words(self.terms[at].table);
        let is_plain = |word: &Word<'_>| !word.is_any(&["(", "indexed", "not"]);
        let first = words
            .first()
            .filter(|_| words.iter().all(is_plain))?
            .unquoted();
        match words.get(1) {
            Some(dot) if dot.text == "." => Some((Some(first), words.get(2)?.unquoted())),
            _ => Some((None, first)),
        }
    }

    /// Writes the SELECT so that the table at position `first` is read first, and the others in their order. It uses
    /// CROSS JOIN, which SQLite doesn't reorder. A hint may prescribe an index for one of them. Inner joins may be
    /// written in any order, with their ON as a part of WHERE.
    fn beginning_with(&self, first: usize, hint: Option<(usize, &str)>) -> String {
        // The parenthesis is on its own line, since a condition may end in a comment.
        let bracketed = |condition| format!("({condition}\n)");
        let table = |at: usize| match hint {
            Some((of, hint)) if of == at => format!("{}\n{hint}", self.terms[at].table),
            _ => self.terms[at].table.to_owned(),
        };
        let moved = &self.terms[first];
        let mut sql = format!("{} {}", self.before, table(first));
        for (at, term) in self.terms.iter().enumerate() {
            if at == first {
                continue;
            }
            let join = term.outer_join.unwrap_or("CROSS JOIN");
            sql += &format!("\n{join} {}", table(at));
            if let Some(on) = term.on {
                sql += &format!("\nON {}", bracketed(on));
            } else if !term.using.is_empty() {
                sql += &format!("\n{}", term.using.trim());
            }
        }
        let conditions: Vec<String> = moved
            .on
            .into_iter()
            .chain(self.condition)
            .map(bracketed)
            .collect();
        if !conditions.is_empty() {
            sql += &format!("\nWHERE {}", conditions.join(" AND "));
        }
        sql
    }
}

impl<'a> Word<'a> {
    fn is_any(&self, words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| self.text.eq_ignore_ascii_case(word))
    }

    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Returns the name without its quotes.
    fn unquoted(&self) -> String {
        let inner = |quote: char| self.text.strip_prefix(quote)?.strip_suffix(quote);
        for quote in ['"', '`', '\''] {
            if let Some(name) = inner(quote) {
                return name.replace(&format!("{quote}{quote}"), &quote.to_string());
            }
        }
        let bracketed = self
            .text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        bracketed.unwrap_or(self.text).to_owned()
    }
}

/// Returns the words outside of parentheses, including opening parentheses, without blanks and comments.
fn words(sql: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    for text in tokens(sql).map(Token::text) {
        if text == ")" {
            depth = depth.saturating_sub(1);
        }
        let is_blank = text.trim().is_empty() || text.starts_with("--") || text.starts_with("/*");
        if depth == 0 && text != ")" && !is_blank {
            words.push(Word { text, at });
        }
        if text == "(" {
            depth += 1;
        }
        at += text.len();
    }
    words
}

/// Parses the tables between `start` and `end`.
fn terms<'a>(
    select: &'a str,
    start: usize,
    end: usize,
    words: &[Word<'a>],
) -> Option<Vec<Term<'a>>> {
    let mut terms = Vec::new();
    let (mut join, mut start) = (None, start);
    let mut rest = words;
    loop {
        let is_join =
            |word: &Word<'_>| word.is_any(&[",", "left", "outer", "inner", "cross", "join"]);
        let len = rest.iter().position(is_join).unwrap_or(rest.len());
        let (own, after) = rest.split_at(len);
        let next = after.first().map_or(end, |word| word.at);
        let constraint = own.iter().find(|word| word.is_any(&["on", "using"]));
        let table_end = constraint.map_or(next, |word| word.at);
        let table = select[start..table_end].trim();
        if table.is_empty() || terms.is_empty() && constraint.is_some() {
            return None;
        }
        let on = constraint.filter(|word| word.is_any(&["on"]));
        let using = constraint.filter(|word| !word.is_any(&["on"]));
        terms.push(Term {
            outer_join: join,
            table,
            on: on.map(|word| select[word.end()..next].trim()),
            using: using.map_or("", |word| &select[word.at..next]),
        });
        let Some(operator) = after.first() else {
            return Some(terms);
        };
        let words = match operator.text {
            "," => 1,
            _ => 1 + after.iter().position(|word| word.is_any(&["join"]))?,
        };
        let (operators, after) = after.split_at(words);
        if !operators.iter().all(is_join) || operators[1..].iter().any(|word| word.text == ",") {
            return None;
        }
        start = operators[words - 1].end();
        let is_outer = operators.iter().any(|word| word.is_any(&["left", "outer"]));
        join = is_outer.then_some(&select[operator.at..start]);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::Join;

    /// Returns each way to write it, with blanks for line breaks.
    fn orders(select: &str) -> Vec<String> {
        let Some(join) = Join::of(select) else {
            return Vec::new();
        };
        let written = join.firsts().map(|first| join.beginning_with(first, None));
        written
            .map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn each_table_of_an_inner_join_may_be_read_first() {
        assert_eq!(
            orders("SELECT a.x FROM a JOIN main.b AS bb ON bb.y = a.y, c WHERE a.z OR c.z -- end"),
            [
                "SELECT a.x FROM a CROSS JOIN main.b AS bb ON (bb.y = a.y ) CROSS JOIN c WHERE ( a.z OR c.z -- end )",
                "SELECT a.x FROM main.b AS bb CROSS JOIN a CROSS JOIN c WHERE (bb.y = a.y ) AND ( a.z OR c.z -- end )",
                "SELECT a.x FROM c CROSS JOIN a CROSS JOIN main.b AS bb ON (bb.y = a.y ) WHERE ( a.z OR c.z -- end )",
            ]
        );
    }

    #[test]
    fn an_outer_join_stays_as_it_is() {
        assert_eq!(
            orders(
                "WITH w AS (SELECT 1 FROM z) SELECT a.x FROM a LEFT OUTER JOIN b ON b.y = a.y INNER JOIN (c JOIN d) ON c.q"
            ),
            [
                "WITH w AS (SELECT 1 FROM z) SELECT a.x FROM a LEFT OUTER JOIN b ON (b.y = a.y ) CROSS JOIN (c JOIN d) ON (c.q )",
                "WITH w AS (SELECT 1 FROM z) SELECT a.x FROM (c JOIN d) CROSS JOIN a LEFT OUTER JOIN b ON (b.y = a.y ) WHERE (c.q )",
            ]
        );
    }

    #[test]
    fn no_table_is_moved_where_the_columns_would_be() {
        for (select, kept) in [
            ("SELECT * FROM a JOIN b", "SELECT * FROM a CROSS JOIN b"),
            ("SELECT 1, * FROM a, b", "SELECT 1, * FROM a CROSS JOIN b"),
            (
                "SELECT x FROM a JOIN b USING (x)",
                "SELECT x FROM a CROSS JOIN b USING (x)",
            ),
        ] {
            assert_eq!(orders(select), [kept]);
        }
        for count in ["SELECT a.*, 2 * b.x FROM a, b", "SELECT count(*) FROM a, b"] {
            assert_eq!(orders(count).len(), 2);
        }
    }

    #[test]
    fn what_may_mean_something_else_is_not_written_otherwise() {
        for select in [
            "SELECT DISTINCT a.x FROM a, b",
            "SELECT a.x FROM a, b GROUP BY 1",
            "SELECT a.x FROM a UNION ALL SELECT b.x FROM b",
            "SELECT a.x FROM a NATURAL JOIN b",
            "SELECT a.x FROM a RIGHT JOIN b ON a.x = b.x",
            "SELECT a.x IS DISTINCT FROM b.x FROM a, b",
            "VALUES (1)",
            "SELECT 1",
            "",
        ] {
            assert_eq!(orders(select), [""; 0], "{select}");
        }
    }

    #[test]
    fn a_table_is_named_where_an_index_can_be() {
        let select = "SELECT 1 FROM [a b] AS x, \"m\".`t``u` y, (SELECT 1) z, f(1), t NOT INDEXED";
        let join = Join::of(select).unwrap();
        let names: Vec<_> = (0..5).map(|at| join.name(at)).collect();
        let name =
            |schema: Option<&str>, table: &str| Some((schema.map(str::to_owned), table.to_owned()));
        let expected = [name(None, "a b"), name(Some("m"), "t`u"), None, None, None];
        assert_eq!(names, expected);
    }
}
