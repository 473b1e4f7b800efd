use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::fnv::Fnv;

/// A description of what a [`ResumableSource`](crate::ResumableSource) walks. With it a [`Token`](crate::Token)
/// of another source is detected.
///
/// It has four [fields](FingerprintField). A token stores a 32-bit hash of each field, so that it stays small
/// and reveals no names. If a field differs, the error names the field and shows this source's description of
/// it.
///
/// Include everything that determines which keys are walked and in which order, and nothing else. For example,
/// leave out the file of a database, which may be moved, and the columns that are read.
///
/// ```
/// use keywalk::Fingerprint;
///
/// let orders = Fingerprint::new("redb")
///     .relation("table orders")
///     .key("(tenant: u32, id: i64)")
///     .filter("of tenant")
///     .with_value(&5_u32.to_be_bytes());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    aspects: [Said; 4],
    /// The field to which [`with_value`](Self::with_value) adds.
    last: FingerprintField,
}

/// A part in which two sources can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FingerprintField {
    /// The kind of store: SQLite, sled, a map.
    Store,
    /// The table, tree or query.
    Relation,
    /// The key: its columns, types and directions.
    Key,
    /// The filter: which keys are left out.
    Filter,
}

/// A field's description, the hash of everything added to it, and what to do if a token differs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Said {
    text: String,
    hash: Fnv,
    cure: Cow<'static, str>,
}

impl FingerprintField {
    pub(crate) const ALL: [FingerprintField; 4] = [
        FingerprintField::Store,
        FingerprintField::Relation,
        FingerprintField::Key,
        FingerprintField::Filter,
    ];
}

impl Fingerprint {
    /// Creates a fingerprint with this kind of store, such as `"sqlite"`. The other fields are empty.
    #[must_use]
    pub fn new(store: impl Into<String>) -> Self {
        let nothing = || Said {
            text: String::new(),
            hash: Fnv::new(),
            cure: Cow::Borrowed(""),
        };
        let fingerprint = Fingerprint {
            aspects: [nothing(), nothing(), nothing(), nothing()],
            last: FingerprintField::Store,
        };
        fingerprint.say(FingerprintField::Store, store.into())
    }

    /// Sets the table, tree or query.
    #[must_use]
    pub fn relation(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Relation, text.into())
    }

    /// Sets the key: columns, types, directions.
    #[must_use]
    pub fn key(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Key, text.into())
    }

    /// Sets which keys are left out, if any.
    #[must_use]
    pub fn filter(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Filter, text.into())
    }

    /// Adds a value to the field that was set last. It changes the hash but isn't shown in messages. Use it for
    /// a filter's parameter, for example.
    #[must_use]
    pub fn with_value(mut self, value: &[u8]) -> Self {
        let said = &mut self.aspects[self.last as usize];
        said.hash.write(&(value.len() as u64).to_be_bytes());
        said.hash.write(value);
        self
    }

    /// Sets the advice in [`TokenError::Source`](crate::TokenError::Source) if a token differs in this field.
    /// Default: resume it over the source that it was taken from. Tokens don't store it.
    #[must_use]
    pub fn cure(mut self, aspect: FingerprintField, cure: impl Into<Cow<'static, str>>) -> Self {
        self.aspects[aspect as usize].cure = cure.into();
        self
    }

    pub(crate) fn said_cure(&self, aspect: FingerprintField) -> &str {
        &self.aspects[aspect as usize].cure
    }

    /// Returns a field's description, for messages.
    #[must_use]
    pub fn text(&self, aspect: FingerprintField) -> &str {
        &self.aspects[aspect as usize].text
    }

    /// Returns a 32-bit hash of each field, the same in every release.
    pub(crate) fn hashes(&self) -> [u32; 4] {
        self.aspects.each_ref().map(|said| said.hash.folded())
    }

    fn say(mut self, aspect: FingerprintField, text: String) -> Self {
        self.last = aspect;
        let said = &mut self.aspects[aspect as usize];
        said.text.clear();
        said.hash = Fnv::new();
        let mut spoken = self.with_value(text.as_bytes());
        spoken.aspects[aspect as usize].text = text;
        spoken
    }
}

impl fmt::Display for FingerprintField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FingerprintField::Store => "store",
            FingerprintField::Relation => "table or query",
            FingerprintField::Key => "key",
            FingerprintField::Filter => "filter",
        })
    }
}
