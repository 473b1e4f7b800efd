use std::borrow::Cow;

use super::{DecodeError, Key, TupleElement, fraction, packed};

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: TupleElement),+> Key for ($($column,)+) {
            fn encode(&self, bytes: &mut Vec<u8>) {
                $(self.$at.pack(bytes);)+
            }

            fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
                let key = ($(
                    $column::unpack(&mut bytes).map_err(|malformed| malformed.in_column($at))?,
                )+);
                packed::end(bytes)?;
                Ok(key)
            }

            fn encoding_name() -> Cow<'static, str> {
                let kinds = [$($column::column_kind()),+].join(", ");
                format!("({kinds})").into()
            }

            fn fraction(first: &Self, last: &Self, at: &Self) -> Option<f64> {
                // What lies between has the same leading columns as both.
                let mut found: Option<fraction::Value> = None;
                let inside = 'column: {
                    $(
                        if let Some(value) = found {
                            break 'column Some(value.within(&first.$at, &last.$at, &at.$at));
                        }
                        if first.$at != last.$at {
                            found = fraction::Value::of(&first.$at, &last.$at, &at.$at);
                            if found.is_none() {
                                break 'column None;
                            }
                        }
                    )+
                    found.map(|value| value.share)
                }?;
                fraction::between(first, last, at, || Some(inside))
            }

            fn display(&self) -> String {
                let columns = [$(self.$at.column_text()),+].join(", ");
                format!("({columns})")
            }

            fn decode_in_place(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
                $(
                    self.$at
                        .unpack_in_place(&mut bytes)
                        .map_err(|malformed| malformed.in_column($at))?;
                )+
                packed::end(bytes)
            }

            fn copy_from(&mut self, other: &Self) {
                $(self.$at.clone_from(&other.$at);)+
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
