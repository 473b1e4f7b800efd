use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value};

use super::sealed::Sealed;
use super::{ColumnLayout, Comparison, Key, KeyColumn, KeyColumns, KeyRow, Layout, Unreadable};

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: KeyColumn),+> Sealed for ($($column,)+) {}

        impl<$($column: KeyColumn),+> Key for ($($column,)+) {
            fn layout() -> Layout {
                Layout::Columns(vec![$(ColumnLayout::of::<$column>()),+])
            }

            fn read_row(row: &KeyRow<'_, '_>) -> Result<Self, Unreadable> {
                Ok(($(row.column($at, $column::read)?,)+))
            }

            fn reread_row(&mut self, row: &KeyRow<'_, '_>) -> Result<(), Unreadable> {
                $(row.column($at, |value| self.$at.reread(value))?;)+
                Ok(())
            }

            fn copy_from(&mut self, other: &Self) {
                $(self.$at.clone_from(&other.$at);)+
            }

            fn bind_column(&self, column: usize) -> ToSqlOutput<'_> {
                match column {
                    $($at => self.$at.bind(),)+
                    _ => ToSqlOutput::Owned(Value::Null),
                }
            }

            fn width(&self) -> usize {
                [$($at),+].len()
            }

            fn comparison(&self, column: usize) -> Comparison {
                [$($column::COMPARISON),+][column]
            }

            fn from_values(values: Vec<Value>, _columns: &Arc<KeyColumns>) -> Option<Self> {
                if values.len() != [$($at),+].len() {
                    return None;
                }
                Some(($($column::read((&values[$at]).into()).ok()?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}
