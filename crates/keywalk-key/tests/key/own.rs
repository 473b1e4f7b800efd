//! A type of one's own that says no more than it must: what is provided is asked.

use std::borrow::Cow;

use keywalk_key::{Key, KeyColumn, Malformed};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Own(pub(crate) u64);

impl Key for Own {
    fn encode(&self, bytes: &mut Vec<u8>) {
        Key::encode(&self.0, bytes);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Key::decode(bytes).map(Own)
    }

    fn kind() -> Cow<'static, str> {
        "Own".into()
    }
}

impl KeyColumn for Own {
    fn pack(&self, bytes: &mut Vec<u8>) {
        Uuid::from_u128(self.0.into()).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        let uuid = Uuid::unpack(bytes)?;
        let number = uuid.as_u128().try_into();
        number
            .map(Own)
            .map_err(|_| Malformed::new("is a larger number"))
    }

    fn column_kind() -> Cow<'static, str> {
        "Own".into()
    }
}
