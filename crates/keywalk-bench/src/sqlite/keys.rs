//! The shapes of keys.

use std::cmp::Reverse;

use rusqlite::types::Value;
use rusqlite::{Result, Row};
use uuid::Uuid;

use super::Shape;

/// `id INTEGER PRIMARY KEY`.
#[derive(Debug)]
pub(crate) struct Integer;

impl Shape for Integer {
    type Key = i64;
    const NAME: &'static str = "integer";
    const COLUMNS: &'static str = "id INTEGER PRIMARY KEY";
    const CONSTRAINT: &'static str = "";
    const SUFFIX: &'static str = "";
    const KEY: &'static [&'static str] = &["id"];
    const ORDER: &'static str = "id";

    fn values(at: u64) -> Vec<Value> {
        vec![Value::Integer(at as i64)]
    }

    #[inline]
    fn read(row: &Row<'_>) -> Result<i64> {
        row.get(0)
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(row.get_ref(0)?.as_i64()? as u64)
    }

    #[inline]
    fn digest(key: &i64) -> u64 {
        *key as u64
    }
}

/// Texts of 20 bytes.
#[derive(Debug)]
pub(crate) struct Text;

impl Shape for Text {
    type Key = String;
    const NAME: &'static str = "text";
    const COLUMNS: &'static str = "code TEXT PRIMARY KEY NOT NULL";
    const CONSTRAINT: &'static str = "";
    const SUFFIX: &'static str = "WITHOUT ROWID";
    const KEY: &'static [&'static str] = &["code"];
    const ORDER: &'static str = "code";

    fn values(at: u64) -> Vec<Value> {
        vec![Value::Text(format!("code/{at:015}"))]
    }

    #[inline]
    fn read(row: &Row<'_>) -> Result<String> {
        row.get(0)
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(row.get_ref(0)?.as_str()?.len() as u64)
    }

    #[inline]
    fn digest(key: &String) -> u64 {
        key.len() as u64
    }
}

/// In a table that is ordered by them.
pub(crate) type TimeUuid = Uuids<false>;
/// As an index of a table that is ordered by rowid.
pub(crate) type UuidIndex = Uuids<true>;

/// UUIDs that begin with the time (version 7).
#[derive(Debug)]
pub(crate) struct Uuids<const HAS_ROWID: bool>;

impl<const HAS_ROWID: bool> Shape for Uuids<HAS_ROWID> {
    type Key = Uuid;
    const NAME: &'static str = match HAS_ROWID {
        true => "uuid_v7_index",
        false => "uuid_v7",
    };
    const COLUMNS: &'static str = "id BLOB PRIMARY KEY NOT NULL";
    const CONSTRAINT: &'static str = "";
    const SUFFIX: &'static str = match HAS_ROWID {
        true => "",
        false => "WITHOUT ROWID",
    };
    const KEY: &'static [&'static str] = &["id"];
    const ORDER: &'static str = "id";

    fn values(at: u64) -> Vec<Value> {
        uuid_values(at)
    }

    #[inline]
    fn read(row: &Row<'_>) -> Result<Uuid> {
        Ok(Uuid::from_bytes(row.get(0)?))
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(Self::digest(&Self::read(row)?))
    }

    #[inline]
    fn digest(key: &Uuid) -> u64 {
        key.as_u128() as u64
    }
}

/// A millisecond each; what is random of them comes from multiplying by an odd number.
fn uuid_values(at: u64) -> Vec<Value> {
    let random = u128::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let random = (random >> 48).to_be_bytes();
    let mut tail = [0; 10];
    tail.copy_from_slice(&random[6..]);
    let id = uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000 + at, &tail).into_uuid();
    vec![Value::Blob(id.as_bytes().to_vec())]
}

/// `(tenant, number)`, a thousand rows a tenant.
pub(crate) type Composite = TenantNumber<1_000>;
/// All rows of one tenant.
pub(crate) type OneTenant = TenantNumber<{ u64::MAX }>;
/// `(tenant, number DESC)`.
pub(crate) type MixedOrder = TenantNumberDesc<1_000>;
/// All rows of one tenant.
pub(crate) type OneTenantMixed = TenantNumberDesc<{ u64::MAX }>;

/// `(tenant, number)`, so many rows a tenant.
#[derive(Debug)]
pub(crate) struct TenantNumber<const ROWS: u64>;

impl<const ROWS: u64> Shape for TenantNumber<ROWS> {
    type Key = (i64, i64);
    const NAME: &'static str = "composite";
    const COLUMNS: &'static str = "tenant INTEGER NOT NULL, number INTEGER NOT NULL";
    const CONSTRAINT: &'static str = ", PRIMARY KEY (tenant, number)";
    const SUFFIX: &'static str = "WITHOUT ROWID";
    const KEY: &'static [&'static str] = &["tenant", "number"];
    const ORDER: &'static str = "tenant, number";

    fn values(at: u64) -> Vec<Value> {
        let (tenant, number) = (at / ROWS, at % ROWS);
        vec![Value::Integer(tenant as i64), Value::Integer(number as i64)]
    }

    #[inline]
    fn read(row: &Row<'_>) -> Result<(i64, i64)> {
        Ok((row.get(0)?, row.get(1)?))
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(Self::digest(&Self::read(row)?))
    }

    #[inline]
    fn digest((tenant, number): &(i64, i64)) -> u64 {
        (tenant ^ (number << 32)) as u64
    }
}

/// `(tenant, number DESC)`, so many rows a tenant.
#[derive(Debug)]
pub(crate) struct TenantNumberDesc<const ROWS: u64>;

impl<const ROWS: u64> Shape for TenantNumberDesc<ROWS> {
    type Key = (i64, Reverse<i64>);
    const NAME: &'static str = "mixed_order";
    const COLUMNS: &'static str = TenantNumber::<ROWS>::COLUMNS;
    const CONSTRAINT: &'static str = ", PRIMARY KEY (tenant, number DESC)";
    const SUFFIX: &'static str = "WITHOUT ROWID";
    const KEY: &'static [&'static str] = TenantNumber::<ROWS>::KEY;
    const ORDER: &'static str = "tenant, number DESC";

    fn values(at: u64) -> Vec<Value> {
        TenantNumber::<ROWS>::values(at)
    }

    #[inline]
    fn read(row: &Row<'_>) -> Result<(i64, Reverse<i64>)> {
        Ok((row.get(0)?, Reverse(row.get(1)?)))
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        TenantNumber::<ROWS>::visit(row)
    }

    #[inline]
    fn digest((tenant, Reverse(number)): &(i64, Reverse<i64>)) -> u64 {
        TenantNumber::<ROWS>::digest(&(*tenant, *number))
    }
}
