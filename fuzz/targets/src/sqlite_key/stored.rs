use arbitrary::{Arbitrary, Unstructured};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use uuid::Uuid;

/// A value of any type, also of those that a Rust value isn't: a text that isn't UTF-8.
pub(super) enum Stored<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Uuid([u8; 16]),
    Hyphenated(String),
}

impl<'a> Arbitrary<'a> for Stored<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes = |input: &mut Unstructured<'a>| {
            let length = u8::arbitrary(input)? % 24;
            input.bytes(usize::from(length).min(input.len()))
        };
        Ok(match u8::arbitrary(input)? % 12 {
            0 => Stored::Null,
            1 => Stored::Integer(i64::arbitrary(input)?),
            2 | 3 => Stored::Integer(i8::arbitrary(input)?.into()),
            4 => Stored::Real(f64::arbitrary(input)?),
            5 => Stored::Real(f64::from(i8::arbitrary(input)?) / 2.0),
            6..=8 => Stored::Text(bytes(input)?),
            9 => Stored::Blob(bytes(input)?),
            10 => Stored::Uuid(Arbitrary::arbitrary(input)?),
            _ => {
                let uuid = Uuid::from_bytes(Arbitrary::arbitrary(input)?);
                Stored::Hyphenated(match bool::arbitrary(input)? {
                    false => uuid.hyphenated().to_string(),
                    true => format!("{:X}", uuid.hyphenated()),
                })
            }
        })
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Stored::Null => ValueRef::Null,
            Stored::Integer(integer) => ValueRef::Integer(*integer),
            Stored::Real(real) => ValueRef::Real(*real),
            Stored::Text(bytes) => ValueRef::Text(bytes),
            Stored::Blob(bytes) => ValueRef::Blob(bytes),
            Stored::Uuid(bytes) => ValueRef::Blob(bytes),
            Stored::Hyphenated(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
