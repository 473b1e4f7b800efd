//! Tokens that someone made who knows the form.

use keywalk::Walk;

use super::shelf::{Coded, Shelf};

/// The bytes, and the checksum that belongs to them (FNV-1a of 64 bits).
pub(super) fn sealed(body: &[u8]) -> Vec<u8> {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    [body, &hash.to_be_bytes()].concat()
}

/// Of this form and source: the first byte gives the flags, the others stand where the keys do (of the second
/// form, behind a byte of further flags).
pub(super) fn of<K: Coded>(form: u8, data: &[u8], shelf: &Shelf<K>) -> Option<Vec<u8>> {
    let (flags, keys) = data.split_first()?;
    let token = Walk::new(shelf).items().token();
    let token = token.expect("it can say what it walks");
    let fingerprint = token.as_bytes().get(2..18)?;
    Some(sealed(&[&[form, *flags], fingerprint, keys].concat()))
}
