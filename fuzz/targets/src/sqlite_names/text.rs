//! Generates SQL from an input: arbitrary text, random tokens, and conditions and queries that are mostly valid.

use arbitrary::{Arbitrary, Unstructured};

type Text = arbitrary::Result<String>;

/// Returns arbitrary text.
pub(super) fn raw(input: &mut Unstructured<'_>) -> Text {
    let length = usize::from(u8::arbitrary(input)?).min(input.len());
    let bytes = input.bytes(length)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn one_of<'t>(
    input: &mut Unstructured<'_>,
    texts: &'t str,
    between: &str,
) -> arbitrary::Result<&'t str> {
    let texts: Vec<&str> = texts.split(between).collect();
    input.choose(&texts).copied()
}

const PIECES: &str = "a b id end \"end\" and \"and\" AND OR NOT ( ) = <> < IS NULL BETWEEN IN CASE WHEN \
    THEN ELSE END 1 0 'x' 'it''s' ? ?1 ?2 :p $p::q(r) @v #v -- /* */ [b] `a` ; DELETE SELECT FROM t \
    UNION ALL LIMIT ORDER BY EXISTS x'00' COLLATE NOCASE LIKE ESCAPE '\\' , + - || abs( count(*) ' \" [ \
    ` \u{0} é 1.5e3 0x10 GLOB ISNULL NOTNULL CAST AS TEXT OVER FILTER WHERE GROUP HAVING VALUES WITH \
    DISTINCT -> ->> % & << ~ != == . t.a main.t.a WINDOW RAISE RETURNING EXPLAIN PRAGMA w u x y sum(";

/// Returns SQL words and signs in random order.
pub(super) fn soup(input: &mut Unstructured<'_>) -> Text {
    let pieces: Vec<&str> = PIECES
        .split(' ')
        .filter(|piece| !piece.is_empty())
        .collect();
    let mut sql = String::new();
    for _ in 0..u8::arbitrary(input)? % 40 {
        let at = u8::arbitrary(input)?;
        match at {
            255 => sql.push('\n'),
            254 => {
                sql.pop();
            }
            at => {
                sql += pieces[usize::from(at) % pieces.len()];
                sql.push(' ');
            }
        }
    }
    Ok(sql)
}

/// Returns a condition, nearly always valid SQL.
pub(super) fn condition(input: &mut Unstructured<'_>) -> Text {
    boolean(input, 4)
}

fn boolean(input: &mut Unstructured<'_>, depth: u8) -> Text {
    if depth == 0 {
        return value(input, 0);
    }
    let depth = depth - 1;
    let both = |input: &mut Unstructured<'_>, word: &str| -> Text {
        let (a, b) = (boolean(input, depth)?, boolean(input, depth)?);
        Ok(format!("{a} {word} {b}"))
    };
    Ok(match u8::arbitrary(input)? % 16 {
        0..=2 => both(input, "AND")?,
        3 => both(input, "or")?,
        4 => format!("NOT {}", boolean(input, depth)?),
        5 => format!("({})", boolean(input, depth)?),
        6 => {
            let (a, b, c) = (value(input, 1)?, value(input, depth)?, value(input, depth)?);
            format!("{a} BETWEEN {b} AND {c}")
        }
        7 => {
            let (a, b) = (boolean(input, depth)?, boolean(input, depth)?);
            format!("CASE WHEN {a} THEN {b} ELSE {} END", value(input, depth)?)
        }
        8 => {
            let (a, b, c) = (value(input, 1)?, value(input, 1)?, value(input, 1)?);
            format!("{a} IN ({b}, {c})")
        }
        9 => format!("{} IS {}", value(input, depth)?, value(input, 1)?),
        10 => format!("{} LIKE {}", value(input, 1)?, value(input, 1)?),
        11 => format!(
            "{} IN (SELECT {} FROM u WHERE {})",
            value(input, 1)?,
            one_of(input, "x y a id", " ")?,
            boolean(input, depth)?
        ),
        12 => format!("{} /* ? or ' */ -- AND\n", boolean(input, depth)?),
        _ => {
            let (a, b) = (value(input, 2)?, value(input, 2)?);
            let word = one_of(input, "= | < | > | <= | >= | <> | IS NOT | ==", " | ")?;
            format!("{a} {word} {b}")
        }
    })
}

const PLAIN: &str = "a b id \"end\" end \"and\" [and] `d` t.id rowid 1 0 -1 2.5 NULL 'x' 'X' 'and' \
    '' 'it''s' x'00' ? ?1 ?2 :p @p $p::q(r) TRUE 9e999 '1' \"nothing\" ?1 d x";

fn value(input: &mut Unstructured<'_>, depth: u8) -> Text {
    if depth == 0 {
        return one_of(input, PLAIN, " ").map(str::to_owned);
    }
    let depth = depth - 1;
    Ok(match u8::arbitrary(input)? % 12 {
        0 => format!("{} + {}", value(input, depth)?, value(input, depth)?),
        1 => format!("{} || {}", value(input, depth)?, value(input, depth)?),
        2 => format!("-{}", value(input, depth)?),
        3 => format!("({})", boolean(input, depth)?),
        4 => format!("abs({})", value(input, depth)?),
        5 => {
            let collation = |input: &mut _| one_of(input, "NOCASE BINARY", " ");
            format!("{} COLLATE {}", value(input, depth)?, collation(input)?)
        }
        6 => {
            let (a, b) = (value(input, depth)?, value(input, depth)?);
            format!("coalesce({a}, {b})")
        }
        7 => format!("(SELECT max(y) FROM u WHERE {})", boolean(input, depth)?),
        _ => value(input, 0)?,
    })
}

const FROM: &str = "t | long | w | t AS s | (SELECT * FROM t) | t, u | t JOIN u ON y = id | t LEFT JOIN u ON x = b \
    | long CROSS JOIN u | u CROSS JOIN t";

const COLUMNS: &str = "* | id | id, a | a AS id | id + 1 AS id | DISTINCT id, b | b AS id, a | count(*) AS id | id, \
    'x''; --' AS x | +id AS id | id, id";

/// Returns a SELECT, nearly always valid and with a column `id`.
pub(super) fn query(input: &mut Unstructured<'_>) -> Text {
    let from = one_of(input, FROM, " | ")?;
    let columns = one_of(input, COLUMNS, " | ")?;
    let mut sql = format!("SELECT {columns} FROM {from}");
    if bool::arbitrary(input)? {
        sql += &format!(" WHERE {}", boolean(input, 3)?);
    }
    sql += match u8::arbitrary(input)? % 12 {
        0 => " ORDER BY id",
        1 => " LIMIT 3",
        2 => " GROUP BY id",
        3 => " UNION SELECT 1",
        4 => " UNION ALL SELECT * FROM t",
        5 => ";",
        6 => " -- end",
        7 => " /* end",
        8 => "; DELETE FROM t",
        _ => "",
    };
    Ok(sql)
}
