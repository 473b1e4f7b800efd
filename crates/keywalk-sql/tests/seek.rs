//! The statements of both dialects select what a model of walks selects. SQLite evaluates both.

use std::cmp::Ordering;

use keywalk::Order::{self, Ascending, Descending};
use keywalk_sql::{
    Answer, BoundKind, Dialect, FarBound, FixedColumn, KeyColumn, Nulls, Param, RangeShape, Scalar,
    ScalarBuf, SeekForm, Statement, between, is_mixed, key_positions, row_width,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rusqlite::Connection;

type Key = Vec<Option<i64>>;
/// A row's key, whether its fixed column has the value, and whether the filter keeps it.
type Row = (Key, bool, bool);

fn columns() -> impl Strategy<Value = Vec<KeyColumn<()>>> {
    let column = (any::<[bool; 4]>(), 0..3_u8);
    vec(column, 1..4).prop_map(|columns| {
        let columns = columns.into_iter().enumerate();
        let column = |(at, (flags, nulls)): (usize, ([bool; 4], u8))| {
            let [is_down, nulls_last, is_collated, nullable] = flags;
            KeyColumn {
                name: format!("k{at}"),
                expression: format!("k{at}"),
                uncollated: format!("k{at}"),
                order: if is_down { Descending } else { Ascending },
                nulls_last,
                is_collated,
                text_order: None,
                nullable,
                may_be_null: nulls == 1,
                excludes_null: nulls == 2,
                at: (at == 0).then_some(0),
                own: (),
            }
        };
        columns.map(column).collect()
    })
}

fn key() -> impl Strategy<Value = Key> {
    vec(option::weighted(0.8, 0..3_i64), 3)
}

fn bound() -> impl Strategy<Value = (BoundKind, Key)> {
    let kinds = [BoundKind::Open, BoundKind::Included, BoundKind::Excluded];
    (prop::sample::select(kinds.to_vec()), key())
}

/// Compares in the order of a walk.
fn compare(columns: &[KeyColumn<()>], order: Order, a: &Key, b: &Key) -> Ordering {
    let by_column = columns.iter().enumerate().map(|(at, column)| {
        let is_null_last = column.nulls_last == (order == Ascending);
        match (a[at], b[at]) {
            (Some(a), Some(b)) if column.direction(order) == Ascending => a.cmp(&b),
            (Some(a), Some(b)) => b.cmp(&a),
            (a, b) if is_null_last => a.is_none().cmp(&b.is_none()),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    });
    by_column.fold(Ordering::Equal, Ordering::then)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]
    #[test]
    fn statements_select_the_rows_between_the_bounds_in_order(
        mut columns in columns(),
        rows in vec((key(), any::<bool>(), any::<bool>()), 0..24),
        [mut near, mut far] in [bound(), bound()],
        [is_sqlite, is_down, is_union, is_fixed, is_served, is_key] in any::<[bool; 6]>(),
        limit in 1..6_usize,
    ) {
        let order = if is_down { Descending } else { Ascending };
        let dialect = if is_sqlite { Dialect::Sqlite } else { Dialect::Postgres };
        for (at, column) in columns.iter_mut().enumerate() {
            if is_sqlite {
                column.nulls_last = column.order == Descending;
            }
            for bound in [&mut near, &mut far] {
                if !column.nullable {
                    bound.1[at].get_or_insert(1);
                }
            }
        }
        let width = columns.len();
        let nulls = |bound: &(BoundKind, Key)| match bound.0 {
            BoundKind::Open => Nulls::NONE,
            _ => Nulls::at((0..width).filter(|at| bound.1[*at].is_none())),
        };
        let fixed = [FixedColumn { name: "f".to_owned(), expression: "f".to_owned(), own: () }];
        let answer = if is_key { Answer::FirstKey } else { Answer::Rows };
        let filter = format!("x = {} -- kept", dialect.parameter(1));
        let statement = Statement {
            dialect,
            key: &columns,
            fixed: if is_fixed { &fixed } else { &[] },
            select: "k0, x",
            width: 2,
            filters: &[filter],
            served: if is_served { &[0] } else { &[] },
            given: 1,
            form: if is_union || is_mixed(&columns) { SeekForm::Union } else { SeekForm::RowValue },
            shape: RangeShape {
                order,
                near: near.0,
                far: far.0,
                near_nulls: nulls(&near),
                far_nulls: nulls(&far),
                answer,
            },
        };

        // The model.
        let is_between = |key: &Key, bound: &(BoundKind, Key), way| match bound.0 {
            BoundKind::Open => true,
            kind => match compare(&columns, order, key, &bound.1) {
                Ordering::Equal => kind == BoundKind::Included,
                this => this == way,
            },
        };
        let is_row = |row: &&Row| {
            let mut nulls = columns.iter().zip(&row.0).filter(|(_, value)| value.is_none());
            (row.1 || !is_fixed)
                && (row.2 || !is_served)
                && nulls.all(|(column, _)| !column.excludes_null)
                && is_between(&row.0, &near, Ordering::Greater)
        };
        // Rows hold NULL only where they may.
        let mut rows: Vec<Row> = rows;
        for (key, ..) in &mut rows {
            key.truncate(width);
            for (value, column) in key.iter_mut().zip(&columns) {
                if !column.may_be_null && !column.excludes_null {
                    value.get_or_insert(0);
                }
            }
        }
        rows.sort_by(|a, b| compare(&columns, order, &a.0, &b.0).then(a.cmp(b)));
        rows.dedup_by(|a, b| a.0 == b.0);
        let after: Vec<&Row> = rows.iter().filter(is_row).collect();
        let is_within = |key: &Key| is_between(key, &far, Ordering::Less);
        // A NULL that the key's type doesn't have is an error when the walk reaches it.
        let is_readable = |key: &Key| {
            let mut values = columns.iter().zip(key);
            values.all(|(column, value)| column.nullable || value.is_some())
        };
        let is_yielded = |row: &&&Row| is_readable(&row.0) && is_within(&row.0);
        let within = after.iter().take(limit).take_while(is_yielded);
        let expected: Vec<_> = within.map(|row| (row.0.clone(), row.2)).collect();

        // SQLite.
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (k0, k1, k2, f, x)").unwrap();
        for (key, f, x) in &rows {
            let k = |at: usize| key.get(at).copied().flatten();
            let values = (k(0), k(1), k(2), f, x);
            db.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values).unwrap();
        }
        let seek = statement.seek();
        // SQLite has no parts in parentheses.
        let sql = seek.sql("t", Some(limit)).replace("(SELECT ", "SELECT * FROM (SELECT ");
        let mut prepared = db.prepare(&sql).unwrap();
        let own = seek.own.iter().map(|param| match *param {
            Param::Near(at) => near.1[at],
            Param::Far(at) => far.1[at],
            Param::Fixed(_) | Param::Given(_) => Some(1),
        });
        for (number, value) in (1..).zip([Some(1)].into_iter().chain(own)) {
            let name = dialect.parameter(number);
            if let Some(at) = prepared.parameter_index(name.trim_start_matches('+')).unwrap() {
                prepared.raw_bind_parameter(at, value).unwrap();
            }
        }
        let positions = match answer {
            Answer::Rows => key_positions(&columns, 2),
            Answer::FirstKey | Answer::Keys => (0..width).collect(),
        };
        let verdict_at = if is_key { width } else { row_width(&columns, 2) };
        let within_at = verdict_at + usize::from(!is_served);
        let mut found = prepared.raw_query();
        let mut read = Vec::new();
        while let Some(row) = found.next().unwrap() {
            let key: Key = positions.iter().map(|at| row.get(*at).unwrap()).collect();
            if !is_readable(&key) {
                break;
            }
            if seek.far == FarBound::Reported {
                prop_assert_eq!(row.get::<_, bool>(within_at).unwrap(), is_within(&key), "{}", sql);
            }
            if seek.far != FarBound::Ended && !is_within(&key) {
                break;
            }
            let kept = is_served || row.get(verdict_at).unwrap();
            read.push((key, kept));
        }
        prop_assert_eq!(read, expected, "{}", sql);
    }
}

#[test]
fn fractions_are_those_of_the_first_column_that_differs() {
    use Scalar::{Bytes, Integer, Null, Real, Text};
    let uuid = |digit: &str| format!("{}-0000-4000-8000-000000000000", digit.repeat(8));
    let (low, mid, high) = (uuid("0"), uuid("4"), uuid("8"));
    for (first, last, at, found) in [
        (
            vec![Integer(0)],
            vec![Integer(4)],
            vec![Real(1.0)],
            Some(0.25),
        ),
        (
            vec![Integer(7), Integer(0)],
            vec![Integer(7), Integer(4)],
            vec![Integer(7), Integer(1)],
            Some(0.25),
        ),
        (
            vec![Integer(1), Integer(0)],
            vec![Integer(2), Integer(4)],
            vec![Integer(2), Integer(2)],
            Some(0.75),
        ),
        (
            vec![Bytes(b"aa")],
            vec![Bytes(b"ac")],
            vec![Bytes(b"ab")],
            Some(0.5),
        ),
        (vec![Text("a")], vec![Text("c")], vec![Text("b")], None),
        (
            vec![Text(&low)],
            vec![Text(&high)],
            vec![Text(&mid)],
            Some(0.5),
        ),
        (vec![Null], vec![Integer(1)], vec![Integer(0)], None),
        (vec![], vec![Integer(1)], vec![Integer(0)], None),
    ] {
        let scale = keywalk_sql::Scale {
            order: Ascending,
            is_collated: false,
        };
        assert_eq!(
            keywalk_sql::fraction(&[scale; 2], &first, &last, &at),
            found,
            "{at:?}"
        );
    }
}

#[test]
fn a_value_between_two_others_lies_at_its_fraction_and_is_never_the_first() {
    let text = |text: &str| Some(ScalarBuf::Text(text.to_owned()));
    let integer = |integer| Some(ScalarBuf::Integer(integer));
    let uuids = [
        "00000000-0000-4000-8000-000000000000",
        "80000000-0000-4000-8000-000000000000",
    ];
    for (from, to, at, expected) in [
        (Scalar::Integer(0), Scalar::Integer(100), 0.25, integer(25)),
        (Scalar::Integer(5), Scalar::Integer(-5), 0.5, integer(0)),
        (
            Scalar::Integer(i64::MIN),
            Scalar::Integer(i64::MAX),
            0.5,
            integer(0),
        ),
        (Scalar::Integer(7), Scalar::Integer(8), 0.1, integer(8)),
        (Scalar::Integer(7), Scalar::Integer(7), 0.5, None),
        (Scalar::Null, Scalar::Integer(7), 0.5, None),
        (
            Scalar::Real(-1.0),
            Scalar::Integer(1),
            0.5,
            Some(ScalarBuf::Real(0.0)),
        ),
        (
            Scalar::Bytes(&[1]),
            Scalar::Bytes(&[3]),
            0.5,
            Some(ScalarBuf::Bytes(vec![2])),
        ),
        (
            Scalar::Text("item-10"),
            Scalar::Text("item-30"),
            0.5,
            text("item-20"),
        ),
        (Scalar::Text("é"), Scalar::Text("è"), 0.5, None),
        (
            Scalar::Text(uuids[0]),
            Scalar::Text(uuids[1]),
            0.5,
            text("40000000-0000-4000-0000-000000000000"),
        ),
    ] {
        assert_eq!(between(from, to, at), expected, "{from:?} to {to:?}");
    }
}
