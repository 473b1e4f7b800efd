use uuid::Uuid;

use super::{Key, KeyColumn, Malformed, integer, packed};

impl Key for Uuid {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        integer::fixed(bytes).map(Uuid::from_bytes)
    }
}

impl KeyColumn for Uuid {
    fn pack(&self, bytes: &mut Vec<u8>) {
        packed::pack(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        packed::unpack(bytes, "UUID")
    }
}
