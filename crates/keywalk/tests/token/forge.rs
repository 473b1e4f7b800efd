//! Tokens as anyone can make them: of any content, with the checksum that belongs to it.

use keywalk::Token;

use super::shelf::{Coded, Shelf};

/// FNV-1a of 64 bits, by its authors' description, behind the bytes.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    [body, &hash.to_be_bytes()].concat()
}

pub(crate) const DESCENDING: u8 = 1;
pub(crate) const START: u8 = 0;
pub(crate) const BOUNDED: u8 = 1 << 1;
pub(crate) const LIVE: u8 = 2 << 1;
pub(crate) const DONE: u8 = 3 << 1;
pub(crate) const NEAR_INCLUDED: u8 = 1 << 3;
pub(crate) const NEAR_EXCLUDED: u8 = 2 << 3;
pub(crate) const FAR_INCLUDED: u8 = 1 << 5;
pub(crate) const FAR_EXCLUDED: u8 = 2 << 5;
pub(crate) const SIGNED: u8 = 1 << 7;

/// A token of this source as far as its fingerprint goes, and of these flags and keys.
pub(crate) fn forged<K: Coded>(shelf: &Shelf<K>, flags: u8, keys: &[u8]) -> Vec<u8> {
    let token = keywalk::Walk::new(shelf.clone()).items().token();
    let token: Token = token.expect("it isn't broken");
    let fingerprint = &token.as_bytes()[2..18];
    sealed(&[&[1, flags], fingerprint, keys].concat())
}

/// A key as a token holds it; short ones.
pub(crate) fn held(key: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("it is short");
    [&[length], key].concat()
}
