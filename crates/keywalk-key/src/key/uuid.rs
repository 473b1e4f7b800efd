use std::borrow::Cow;

use uuid::Uuid;

use super::{Key, KeyColumn, Malformed, integer, packed};

impl Key for Uuid {
    const STRICT: bool = true;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        integer::fixed(bytes).map(Uuid::from_bytes)
    }

    fn kind() -> Cow<'static, str> {
        Self::column_kind()
    }

    fn share(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        Self::column_share(first, last, at)
    }

    fn text(&self) -> String {
        self.column_text()
    }
}

impl KeyColumn for Uuid {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        packed::unpack(bytes, "UUID")
    }

    fn column_kind() -> Cow<'static, str> {
        "Uuid".into()
    }

    fn column_share(first: &Self, last: &Self, at: &Self) -> Option<f64> {
        u128::column_share(&first.as_u128(), &last.as_u128(), &at.as_u128())
    }

    fn column_text(&self) -> String {
        self.to_string()
    }
}
