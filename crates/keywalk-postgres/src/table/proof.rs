//! The proof of a table's key.

use keywalk::Order;
use keywalk_sql::{Conjunct, Dialect, KeyColumn, Named, Quoted};
use tokio_postgres::types::{Kind, Type};

use crate::catalog::{Column, Index, Schema};
use crate::error::{Error, ErrorKind};
use crate::key::{ColumnLayout, KeyColumns, Layout, Nulls, TextOrder};

/// Proves a key by what the catalog says.
pub(super) struct Proof<'a> {
    pub(super) schema: &'a Schema,
    pub(super) fixed: &'a [&'a Column],
    /// The parts of the filter.
    pub(super) conjuncts: &'a [(String, Conjunct)],
}

/// A key as it is proven, its columns, and the parts of the filter that its index implies.
type Proven = (Vec<KeyColumn<()>>, KeyColumns, Vec<usize>);

impl Proof<'_> {
    pub(super) fn prove(&self, names: Option<&[String]>, layout: Layout) -> Result<Proven, Error> {
        let schema = self.schema;
        let names = match names {
            Some(names) => names.to_vec(),
            None => self.primary_key()?,
        };
        let columns = names.iter().map(|name| schema.column(name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        self.check_names(&names)?;
        let layouts = match &layout {
            Layout::Columns(layouts) => {
                check_count(&schema.name, names.len(), layouts.len())?;
                Some(layouts)
            }
            Layout::FromSchema => None,
        };
        for (at, column) in columns.iter().enumerate() {
            let layout = layouts.map(|layouts| &layouts[at]);
            check_type(&schema.name, &column.name, &column.column_type, layout)?;
            self.check_collation(column, layout)?;
            if layout.is_some_and(|layout| layout.nulls == Nulls::Never) && self.may_be_null(column)
            {
                return Err(self.nullable(column));
            }
        }
        let mut served = Vec::new();
        self.prove_unique(&columns, &mut served)?;
        let (index, is_backward) =
            self.find_sorted(&columns, layouts.map(|l| &**l), &mut served)?;
        let skipped = self.fixed.len();
        let mut key = Vec::new();
        let mut key_columns = KeyColumns {
            relation: schema.from.clone(),
            names,
            types: Vec::new(),
            orders: Vec::new(),
            text_orders: Vec::new(),
            nulls: Vec::new(),
        };
        for (at, column) in columns.iter().enumerate() {
            let sorted = &index.columns[skipped + at];
            let may_be_null = self.may_be_null(column);
            let order = match sorted.descending != is_backward {
                true => Order::Descending,
                false => Order::Ascending,
            };
            let nulls_last = sorted.nulls_first == is_backward;
            let nulls = match layouts {
                Some(layouts) => layouts[at].nulls,
                None if !may_be_null => Nulls::Never,
                None if nulls_last => Nulls::Last,
                None => Nulls::First,
            };
            let collation = column.collation.as_ref();
            let is_text = TextOrder::Collation;
            let text_order = match (collation, layouts) {
                (_, Some(layouts)) => layouts[at].text_order,
                (Some(collation), None) if !collation.is_binary => is_text,
                (_, None) if matches!(column.column_type.kind(), Kind::Enum(_)) => is_text,
                (Some(_), None) => TextOrder::Binary,
                (None, None) => TextOrder::NotText,
            };
            key_columns.types.push(column.column_type.clone());
            key_columns.orders.push(order);
            key_columns.text_orders.push(text_order);
            key_columns.nulls.push(nulls);
            key.push(KeyColumn {
                name: column.name.clone(),
                expression: Quoted(&column.name).to_string(),
                uncollated: Quoted(&column.name).to_string(),
                order,
                nulls_last,
                is_collated: text_order == TextOrder::Collation,
                text_order: Some(describe(&column.column_type, collation.map(|c| &*c.text))),
                nullable: nulls != Nulls::Never,
                may_be_null: nulls != Nulls::Never && may_be_null,
                excludes_null: !column.not_null && !may_be_null,
                at: None,
                own: (),
            });
        }
        served.sort_unstable();
        served.dedup();
        Ok((key, key_columns, served))
    }

    /// Returns the columns of the primary key, without those that are fixed.
    fn primary_key(&self) -> Result<Vec<String>, Error> {
        let schema = self.schema;
        let Some(index) = schema.indexes.iter().find(|index| index.is_primary) else {
            let message = format!("{} has no primary key: {}", schema.name, self.other_keys());
            return Err(Error::new(ErrorKind::NoPrimaryKey, message));
        };
        let columns = schema.names_of(index);
        let columns = columns.filter(|column| !self.is_fixed(column));
        Ok(columns.map(|column| column.name.clone()).collect())
    }

    /// Lists the unique indexes that prove a key and are sorted by it, as calls of `key`.
    fn other_keys(&self) -> String {
        let schema = self.schema;
        let mut keys = Vec::new();
        for index in &schema.indexes {
            let names = schema
                .names_of(index)
                .filter(|column| !self.is_fixed(column));
            let names = Vec::from_iter(names.map(|column| column.name.clone()));
            let is_key = index.is_unique && self.prove(Some(&names), Layout::FromSchema).is_ok();
            let key = format!("key({names:?})");
            if is_key && !keys.contains(&key) {
                keys.push(key);
            }
        }
        match keys.is_empty() {
            true => "no other unique index fits either, so add one; `key` names its columns".into(),
            false => format!("walk by another unique key: `{}`", keys.join("` or `")),
        }
    }

    fn is_fixed(&self, column: &Column) -> bool {
        self.fixed.iter().any(|fixed| fixed.name == column.name)
    }

    fn check_names(&self, names: &[String]) -> Result<(), Error> {
        let relation = &self.schema.name;
        let refused = |message| Err(Error::new(ErrorKind::KeyColumns, message));
        if names.is_empty() {
            return refused(format!("{relation}: a key has at least one column"));
        }
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return refused(format!("{relation}: {} is twice in the key", Named(name)));
            }
            if self.fixed.iter().any(|fixed| fixed.name == *name) {
                let name = Named(name);
                return refused(format!(
                    "{relation}: {name} is fixed by `prefix_eq`, so leave it out of the key"
                ));
            }
        }
        Ok(())
    }

    fn check_collation(&self, column: &Column, layout: Option<&ColumnLayout>) -> Result<(), Error> {
        let Some(collation) = &column.collation else {
            return Ok(());
        };
        let (relation, name, text) = (&self.schema.name, Named(&column.name), &collation.text);
        if !collation.is_deterministic {
            let message = format!(
                "{relation}: {name} has the nondeterministic {text}, in which unequal texts are equal; walk by \
                 another key, or by a column with a deterministic collation"
            );
            return Err(Error::new(ErrorKind::Collation, message));
        }
        check_text_order(relation, &column.name, collation.is_binary, text, layout)
    }

    /// Checks whether rows of the walk may hold NULL in the column.
    fn may_be_null(&self, column: &Column) -> bool {
        !column.not_null && !self.is_fixed(column) && !self.excludes_null(column)
    }

    /// Checks whether the filter leaves out rows with NULL in the column.
    fn excludes_null(&self, column: &Column) -> bool {
        let mut conjuncts = self.conjuncts.iter();
        conjuncts.any(|(_, conjunct)| conjunct.is_not_null(Dialect::Postgres, &column.name))
    }

    fn nullable(&self, column: &Column) -> Error {
        let (relation, name) = (&self.schema.name, Named(&column.name));
        let message = format!(
            "{relation}: {name} may be NULL; declare it NOT NULL, filter by `{name} IS NOT NULL`, or make its type \
             an `Option` (NULLS FIRST) or a `NullsLast` in a key that is unique without it"
        );
        Error::new(ErrorKind::Nullable, message)
    }

    /// Returns the positions of the filter's parts that imply a partial index's condition; `None` if they don't.
    fn implied(&self, index: &Index) -> Option<Vec<usize>> {
        let Some(predicate) = &index.predicate else {
            return Some(Vec::new());
        };
        let names = self.schema.column_names();
        let parts = Conjunct::all(Dialect::Postgres, predicate, &names, &|_| true);
        let place = |part: &(String, Conjunct)| {
            let mut conjuncts = self.conjuncts.iter();
            conjuncts.position(|(_, conjunct)| *conjunct == part.1)
        };
        parts.iter().map(place).collect()
    }

    /// Proves that the key is unique.
    fn prove_unique(&self, columns: &[&Column], served: &mut Vec<usize>) -> Result<(), Error> {
        let schema = self.schema;
        let is_known = |column: &Column| {
            self.is_fixed(column) || columns.iter().any(|key| key.name == column.name)
        };
        let mut why = None;
        for index in schema.indexes.iter().filter(|index| index.is_unique) {
            let is_within = index.fault() != Some("is over an expression")
                && schema.names_of(index).count() == index.columns.len()
                && schema.names_of(index).all(is_known);
            if !is_within {
                continue;
            }
            let name = Named(&index.name);
            let nullable = schema
                .names_of(index)
                .find(|column| !index.has_one_null && self.may_be_null(column));
            let implied = self.implied(index);
            let reason = match (index.fault(), nullable, &implied) {
                (Some(fault), ..) => format!("the unique index {name} {fault}"),
                _ if !index.is_immediate => format!(
                    "the constraint {name} is deferrable, so that keys may repeat within a transaction: declare it \
                     NOT DEFERRABLE"
                ),
                (_, Some(column), _) => format!(
                    "the unique index {name} allows many rows with NULL in {}: declare that column NOT NULL, or \
                     add the primary key to the key's columns",
                    Named(&column.name)
                ),
                (_, _, None) => format!(
                    "the unique index {name} is partial: give the table the filter `{}`",
                    index.predicate.as_deref().unwrap_or_default()
                ),
                (None, None, Some(parts)) => {
                    served.extend(parts);
                    return Ok(());
                }
            };
            why.get_or_insert(reason);
        }
        let names: Vec<_> = columns
            .iter()
            .map(|column| Quoted(&column.name).to_string())
            .collect();
        let names = names.join(", ");
        let why = why.unwrap_or_else(|| {
            format!("add the columns of the primary key, or create a UNIQUE index on ({names})")
        });
        let message = format!(
            "{}: nothing makes the key ({names}) unique; {why}",
            schema.name
        );
        Err(Error::new(ErrorKind::NotUnique, message))
    }

    /// Finds an index that is sorted by the fixed columns, in any order of these, and then by the key. Returns whether
    /// it is read backward in an ascending walk.
    fn find_sorted(
        &self,
        columns: &[&Column],
        layouts: Option<&[ColumnLayout]>,
        served: &mut Vec<usize>,
    ) -> Result<(&Index, bool), Error> {
        let schema = self.schema;
        let mut why = None;
        for index in &schema.indexes {
            let Some((lead, key)) = index.columns.split_at_checked(self.fixed.len()) else {
                continue;
            };
            let leads = lead
                .iter()
                .all(|of| self.fixed.iter().any(|fixed| of.is(fixed)));
            let is_key =
                key.len() >= columns.len() && key.iter().zip(columns).all(|(of, c)| of.is(c));
            if !leads || !is_key {
                continue;
            }
            let name = Named(&index.name);
            let sorts = lead
                .iter()
                .all(|of| self.fixed.iter().any(|fixed| of.sorts(fixed)))
                && key.iter().zip(columns).all(|(of, column)| of.sorts(column));
            let way = [false, true].into_iter().find(|is_backward| {
                layouts.is_none_or(|layouts| {
                    key.iter().zip(layouts).all(|(of, layout)| {
                        let descends = of.descending != *is_backward;
                        let is_last = of.nulls_first == *is_backward;
                        let nulls_fit = match layout.nulls {
                            Nulls::Never => true,
                            Nulls::First => !is_last,
                            Nulls::Last => is_last,
                        };
                        descends == (layout.order == Order::Descending) && nulls_fit
                    })
                })
            });
            let reason = match (index.fault(), self.implied(index), way) {
                _ if index.method != "btree" => format!("index {name} is no B-tree"),
                (Some(fault), ..) => format!("index {name} {fault}"),
                _ if !sorts => format!(
                    "index {name} has another collation or operator class than its columns' own"
                ),
                (_, None, _) => format!(
                    "index {name} is partial: give the table the filter `{}`",
                    index.predicate.as_deref().unwrap_or_default()
                ),
                (_, _, None) => format!("index {name} has other directions or places of NULL"),
                (None, Some(parts), Some(is_backward)) => {
                    served.extend(parts);
                    return Ok((index, is_backward));
                }
            };
            why.get_or_insert(reason);
        }
        let fixed = self
            .fixed
            .iter()
            .map(|column| Quoted(&column.name).to_string());
        let key = columns.iter().enumerate().map(|(at, column)| {
            let layout = layouts.map(|layouts| (layouts[at].order, layouts[at].nulls));
            let (direction, nulls) = match layout {
                Some((Order::Descending, nulls)) => (" DESC", nulls),
                Some((Order::Ascending, nulls)) => ("", nulls),
                None => ("", Nulls::Never),
            };
            // What isn't the default is written.
            let nulls = match (direction, nulls) {
                ("", Nulls::First) => " NULLS FIRST",
                (" DESC", Nulls::Last) => " NULLS LAST",
                _ => "",
            };
            format!("{}{direction}{nulls}", Quoted(&column.name))
        });
        let wanted = Vec::from_iter(fixed.chain(key)).join(", ");
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let message = format!(
            "{} has no index sorted by ({wanted}){why}; CREATE INDEX ON {} ({wanted}), or walk by another key",
            schema.name,
            schema.from.trim_start_matches("ONLY ")
        );
        Err(Error::new(ErrorKind::NotSeekable, message))
    }
}

pub(crate) fn check_count(relation: &str, given: usize, wanted: usize) -> Result<(), Error> {
    if given == wanted {
        return Ok(());
    }
    let message = format!("{relation}: the key names {given} columns, but its type has {wanted}");
    Err(Error::new(ErrorKind::KeyColumns, message))
}

/// Checks that a key's type can hold the column's values.
pub(crate) fn check_type(
    relation: &str,
    name: &str,
    column: &Type,
    layout: Option<&ColumnLayout>,
) -> Result<(), Error> {
    let is_accepted = match layout {
        Some(layout) => (layout.accepts)(column),
        None => rust_type(column).is_some(),
    };
    if is_accepted {
        return Ok(());
    }
    let is = format!("{relation}: {} is {}", Named(name), column.name());
    let message = match (rust_type(column), layout) {
        (Some(rust), Some(layout)) => {
            format!(
                "{is}, and the key's type holds {}; use `{rust}`",
                layout.expected
            )
        }
        _ => match *column {
            Type::FLOAT4 | Type::FLOAT8 => format!(
                "{is}, which can't be a key: NaN and -0 have no place of their own; walk by another key"
            ),
            _ => format!("{is}, which can't be a key; walk by another key"),
        },
    };
    Err(Error::new(ErrorKind::KeyColumns, message))
}

/// Returns the Rust type for a key column; `None` if it can't be one.
fn rust_type(column: &Type) -> Option<&'static str> {
    Some(match *column {
        Type::INT2 => "i16",
        Type::INT4 => "i32",
        Type::INT8 => "i64",
        Type::NUMERIC => "Numeric",
        Type::BOOL => "bool",
        Type::TEXT | Type::VARCHAR => "String` or `Collated",
        Type::BYTEA => "Vec<u8>",
        Type::UUID => "Uuid",
        Type::DATE => "Date",
        Type::TIMESTAMP => "Timestamp",
        Type::TIMESTAMPTZ => "TimestampTz",
        _ if matches!(column.kind(), Kind::Enum(_)) => "Collated",
        _ => return None,
    })
}

/// Checks that a key's type orders text as the column's collation does.
pub(crate) fn check_text_order(
    relation: &str,
    name: &str,
    is_binary: bool,
    collation: &str,
    layout: Option<&ColumnLayout>,
) -> Result<(), Error> {
    if is_binary || layout.is_none_or(|layout| layout.text_order != TextOrder::Binary) {
        return Ok(());
    }
    let message = format!(
        "{relation}: {} isn't sorted by bytes as a `String` is, but by {collation}; use `Collated`, or declare the \
         column COLLATE \"C\"",
        Named(name)
    );
    Err(Error::new(ErrorKind::Collation, message))
}

/// Describes a key column's values, for fingerprints.
pub(crate) fn describe(column: &Type, collation: Option<&str>) -> String {
    let name = match column.kind() {
        Kind::Enum(_) => format!("{}.{}", Quoted(column.schema()), Quoted(column.name())),
        _ => column.name().to_owned(),
    };
    match collation {
        Some(collation) => format!("{name} {collation}"),
        None => name,
    }
}
