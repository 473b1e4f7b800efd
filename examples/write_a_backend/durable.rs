//! Tokens: how the backend encodes cursors, so that another process can resume.

use keywalk::{Fingerprint, ResumableSource};
use keywalk_bytes::Key;
use redb::TableHandle;

use crate::backend::Items;

impl ResumableSource for Items {
    fn fingerprint(&self) -> Result<Fingerprint, redb::Error> {
        let fingerprint = Fingerprint::new("redb").relation(self.table.name());
        Ok(fingerprint.key(i64::encoding_name()))
    }

    fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<i64>, redb::Error> {
        Ok(i64::decode(bytes).ok())
    }

    fn fraction(&self, first: &i64, last: &i64, at: &i64) -> Option<f64> {
        Key::fraction(first, last, at)
    }
}
