//! The content of a token before its checksum or signature:
//!
//! ```text
//! byte 0       the form (the version of this format): 2 if a given range is recorded: the walk was given one,
//!              and either has begun or is unbounded; otherwise 1. Plus 2 if the source is made of members
//! byte 1       bit 0: descending; bits 1 and 2: the stage; bits 3 and 4: the kind of the start's bound;
//!              bits 5 and 6: the kind of the end's bound; bit 7: signed
//! bytes 2..18  the fingerprint: store, relation, key, filter, four bytes each
//! then         forms 3 and 4 only: the number of members (LEB128), at least 1; then for each, sorted by name: the
//!              length of its name (LEB128), the name in UTF-8, and the hash of its fingerprint in four bytes
//! one byte     forms 2 and 4 only: bits 0 and 1: the kind of the given range's start; bits 2 and 3: of its end
//! then         for each bound with a key (start, end, then start and end of the given range):
//!              the length of the key's bytes (LEB128), and the bytes
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use super::TokenError;
use crate::cursor::{Cursor, Stage};
use crate::error::Error;
use crate::excerpt::Excerpt;
use crate::fingerprint::{Fingerprint, FingerprintField, Member};
use crate::range::{KeyRange, Order};
use crate::resumable_source::ResumableSource;

/// The maximum number of characters shown of a member's name.
const MOST_CHARS: usize = 60;

const UNRANGED: u8 = 1;
const RANGED: u8 = 2;
/// Added to the form if the source is made of members.
const MEMBERS: u8 = 2;
/// The last known form.
const LAST_FORM: u8 = RANGED + MEMBERS;

pub(super) const SIGNED: u8 = 1 << 7;
const DESCENDING: u8 = 1;
const STAGE: u8 = 1;
const NEAR: u8 = 3;
const FAR: u8 = 5;
const GIVEN_NEAR: u8 = 0;
const GIVEN_FAR: u8 = 2;

pub(super) struct Body<'a> {
    pub(super) is_signed: bool,
    descending: bool,
    stage: Stage,
    near: Bound<&'a [u8]>,
    far: Bound<&'a [u8]>,
    /// The bounds of the range that the walk was given.
    given: Option<[Bound<&'a [u8]>; 2]>,
    fingerprint: [u32; 4],
    /// The names and hashes of the members, sorted by name.
    members: Vec<(&'a str, u32)>,
}

pub(super) fn write<S: ResumableSource + ?Sized>(
    cursor: &Cursor<S::Key>,
    source: &S,
) -> Result<Vec<u8>, S::Error> {
    let range = &cursor.range;
    let flags = [
        u8::from(range.order() == Order::Descending),
        stage_code(cursor.stage) << STAGE,
        bound_code(range.start()) << NEAR,
        bound_code(range.end()) << FAR,
    ];
    let flags = flags.into_iter().sum();
    let mut form = match cursor.given {
        None => UNRANGED,
        Some(_) => RANGED,
    };
    let fingerprint = source.fingerprint()?;
    if !fingerprint.members().is_empty() {
        form += MEMBERS;
    }
    let mut bytes = Vec::from([form, flags]);
    for hash in fingerprint.hashes() {
        bytes.extend_from_slice(&hash.to_be_bytes());
    }
    if !fingerprint.members().is_empty() {
        write_length(fingerprint.members().len(), &mut bytes);
        for Member { name, hash } in fingerprint.members() {
            write_length(name.len(), &mut bytes);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&hash.to_be_bytes());
        }
    }
    if let Some(given) = &cursor.given {
        let (near, far) = (bound_code(given.start()), bound_code(given.end()));
        bytes.push(near << GIVEN_NEAR | far << GIVEN_FAR);
    }
    let mut encoded = Vec::new();
    let ranges = [Some(range), cursor.given.as_ref()];
    for bound in ranges
        .into_iter()
        .flatten()
        .flat_map(|range| [range.start(), range.end()])
    {
        if let Bound::Included(key) | Bound::Excluded(key) = bound {
            encoded.clear();
            source.encode_key(key, &mut encoded);
            write_length(encoded.len(), &mut bytes);
            bytes.extend_from_slice(&encoded);
        }
    }
    Ok(bytes)
}

impl<'a> Body<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, TokenError> {
        match bytes.first() {
            Some(UNRANGED..=LAST_FORM) => {}
            None | Some(0) => return Err(TokenError::Damaged),
            Some(later) => return Err(TokenError::Version(*later)),
        }
        let body = Self::read_fields(bytes).ok_or(TokenError::Damaged)?;
        // A walk that has queried its last key ends at that key, which is included.
        match (body.stage, &body.far) {
            (Stage::Bounded, Bound::Unbounded | Bound::Excluded(_)) => Err(TokenError::Damaged),
            _ => Ok(body),
        }
    }

    fn read_fields(bytes: &'a [u8]) -> Option<Self> {
        let (&[form, flags], mut rest) = bytes.split_first_chunk()?;
        let mut fingerprint = [0; 4];
        for hash in &mut fingerprint {
            let (bytes, after) = rest.split_first_chunk()?;
            *hash = u32::from_be_bytes(*bytes);
            rest = after;
        }
        let members = match form > MEMBERS {
            true => take_members(&mut rest)?,
            false => Vec::new(),
        };
        let given_flags = match form % MEMBERS == RANGED % MEMBERS {
            true => {
                let (&flags, after) = rest.split_first()?;
                rest = after;
                Some(flags)
            }
            false => None,
        };
        let mut bound = |flags: u8, shift: u8| match flags >> shift & 3 {
            0 => Some(Bound::Unbounded),
            1 => take_key(&mut rest).map(Bound::Included),
            2 => take_key(&mut rest).map(Bound::Excluded),
            _ => None,
        };
        let (near, far) = (bound(flags, NEAR)?, bound(flags, FAR)?);
        let given = match given_flags {
            Some(flags) => Some([bound(flags, GIVEN_NEAR)?, bound(flags, GIVEN_FAR)?]),
            None => None,
        };
        let stage = match flags >> STAGE & 3 {
            0 => Stage::Start,
            1 => Stage::Bounded,
            2 => Stage::Unbounded,
            _ => Stage::Done,
        };
        // Each cursor has one form: reject the others.
        let is_written =
            given_flags.is_none_or(|flags| (1..=0b1111).contains(&flags) && stage != Stage::Start);
        (rest.is_empty() && is_written).then_some(Body {
            is_signed: flags & SIGNED != 0,
            descending: flags & DESCENDING != 0,
            stage,
            near,
            far,
            given,
            fingerprint,
            members,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    pub(super) fn check(
        &self,
        source: &Fingerprint,
        fields: &[FingerprintField],
    ) -> Result<(), TokenError> {
        let here = source.hashes();
        let cure_of_members = self.cure_of_members(source);
        let differs = |field: &FingerprintField| {
            // A forged token may have other members than its hash.
            let has_other_members =
                *field == FingerprintField::Relation && cure_of_members.is_some();
            has_other_members || self.fingerprint[*field as usize] != here[*field as usize]
        };
        let Some(field) = fields.iter().copied().find(differs) else {
            return Ok(());
        };
        let of_member = cure_of_members.filter(|_| field == FingerprintField::Relation);
        Err(TokenError::Source {
            field,
            here: source.text(field).into(),
            cure: of_member.unwrap_or_else(|| source.cure_of(field).into()),
        })
    }

    /// Names a member that differs from the source's, the first one by name, and says what to do.
    fn cure_of_members(&self, source: &Fingerprint) -> Option<String> {
        let (there, here) = (&self.members, source.members());
        let of_here = |name: &str| here.binary_search_by(|member| (*member.name).cmp(name));
        let of_there = |name: &str| there.binary_search_by(|(there, _)| (*there).cmp(name));
        let shown = |name: &str| format!("`{}`", Excerpt::new(name, MOST_CHARS));
        let missing = there.iter().find(|(name, _)| of_here(name).is_err());
        let new = here.iter().find(|member| of_there(&member.name).is_err());
        let missing = missing.map(|(name, _)| shown(name));
        let new = new.map(|member| shown(&member.name));
        Some(match (missing, new) {
            (Some(missing), Some(new)) => format!(
                "its member {missing} is missing here, and {new} is new; pass {missing} instead, or, if {new} is \
                 {missing} renamed, give it that name"
            ),
            (Some(missing), None) => format!("its member {missing} is missing here; add it"),
            (None, Some(new)) => {
                format!("the member {new} is new here; leave it out, or walk from the start")
            }
            (None, None) => {
                let mut both = there.iter().zip(here);
                let (_, other) = both.find(|((_, hash), member)| *hash != member.hash)?;
                let name = shown(&other.name);
                let cure = match source.cure_of(FingerprintField::Relation) {
                    "" => String::new(),
                    cure => format!("; {cure}"),
                };
                format!(
                    "its member {name} is another one here; pass the {name} that it was taken from{cure}"
                )
            }
        })
    }

    /// Decodes the cursor if these fingerprint fields match the source's.
    pub(super) fn cursor<S: ResumableSource + ?Sized>(
        &self,
        source: &S,
        fields: &[FingerprintField],
    ) -> Result<Cursor<S::Key>, Error<S::Error>> {
        let fingerprint = source.fingerprint().map_err(Error::Source)?;
        self.check(&fingerprint, fields).map_err(Error::Token)?;
        let range = |near, far| -> Result<_, Error<S::Error>> {
            let near = read_bound(near, source)?;
            let far = read_bound(far, source)?;
            Ok(match self.descending {
                false => KeyRange::new((near, far), Order::Ascending),
                true => KeyRange::new((far, near), Order::Descending),
            })
        };
        Ok(Cursor {
            range: range(self.near, self.far)?,
            stage: self.stage,
            given: self.given.map(|[near, far]| range(near, far)).transpose()?,
        })
    }
}

/// Decodes a bound. Refuses a key that doesn't equal itself or doesn't encode back to exactly these bytes.
fn read_bound<S: ResumableSource + ?Sized>(
    bound: Bound<&[u8]>,
    source: &S,
) -> Result<Bound<S::Key>, Error<S::Error>> {
    let is_form = |key: &S::Key, bytes: &[u8]| {
        let mut again = Vec::with_capacity(bytes.len());
        source.encode_key(key, &mut again);
        again == bytes && PartialEq::eq(key, key)
    };
    let read = |bytes: &[u8]| {
        let key = source.decode_key(bytes).map_err(Error::Source)?;
        key.filter(|key| is_form(key, bytes))
            .ok_or(Error::Token(TokenError::Key))
    };
    Ok(match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(bytes) => Bound::Included(read(bytes)?),
        Bound::Excluded(bytes) => Bound::Excluded(read(bytes)?),
    })
}

fn stage_code(stage: Stage) -> u8 {
    match stage {
        Stage::Start => 0,
        Stage::Bounded => 1,
        Stage::Unbounded => 2,
        Stage::Done => 3,
    }
}

fn bound_code<K>(bound: Bound<K>) -> u8 {
    match bound {
        Bound::Unbounded => 0,
        Bound::Included(_) => 1,
        Bound::Excluded(_) => 2,
    }
}

fn write_length(mut length: usize, bytes: &mut Vec<u8>) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// Reads the names and hashes of members.
fn take_members<'a>(bytes: &mut &'a [u8]) -> Option<Vec<(&'a str, u32)>> {
    // The number comes from outside: it reserves no memory.
    let mut members: Vec<(&str, u32)> = Vec::new();
    for _ in 0..take_length(bytes)? {
        let name = str::from_utf8(take_key(bytes)?).ok()?;
        let (hash, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        if members.last().is_some_and(|(last, _)| *last >= name) {
            return None;
        }
        members.push((name, u32::from_be_bytes(*hash)));
    }
    (!members.is_empty()).then_some(members)
}

/// Reads a length, and that many bytes.
fn take_key<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_length(bytes)?;
    let (key, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(key)
}

/// Reads a length in its shortest encoding.
fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let digit = usize::from(byte & 0x7f);
        // The shift drops bits that don't fit.
        if digit << shift >> shift != digit {
            return None;
        }
        length |= digit << shift;
        if byte < 0x80 {
            if byte == 0 && shift > 0 {
                return None;
            }
            return Some(length);
        }
    }
    None
}
