use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::fnv::Fnv;

/// What a [`ResumableSource`](crate::ResumableSource) walks, in words: by it a [`Token`](crate::Token) of
/// another source is told apart.
///
/// It has four [aspects](FingerprintField). Of each a token keeps a hash of 32 bits, so that it stays small and
/// shows no names; when one differs, the error names the aspect, and what this source says of it.
///
/// Say all that decides which keys are walked, in which order, and nothing that doesn't: not the file
/// that a database is in (which may be moved), nor the columns that are read.
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
    /// Of which [`with_value`](Self::with_value) speaks.
    last: FingerprintField,
}

/// What two sources can differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FingerprintField {
    /// The kind of store: SQLite, sled, a map.
    Store,
    /// The table, tree or query.
    Relation,
    /// What is walked by: the key's columns, types and directions.
    Key,
    /// Which of the keys are left out.
    Filter,
}

/// An aspect in words, the hash of all that was said of it, and what to do where a token differs.
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
    /// Of a store of this kind, `"sqlite"`, of which nothing else is said yet.
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

    /// Says which table, tree or query is walked.
    #[must_use]
    pub fn relation(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Relation, text.into())
    }

    /// Says by what is walked: columns, types, directions.
    #[must_use]
    pub fn key(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Key, text.into())
    }

    /// Says which keys are left out, if any are.
    #[must_use]
    pub fn filter(self, text: impl Into<String>) -> Self {
        self.say(FingerprintField::Filter, text.into())
    }

    /// Adds a value that counts and that no message shows (a filter's parameter, say) to the aspect that
    /// was spoken of last.
    #[must_use]
    pub fn with_value(mut self, value: &[u8]) -> Self {
        let said = &mut self.aspects[self.last as usize];
        said.hash.write(&(value.len() as u64).to_be_bytes());
        said.hash.write(value);
        self
    }

    /// Sets what a [`TokenError::Source`](crate::TokenError::Source) tells to do where a token differs in
    /// this aspect. Default: to resume it over the source that it was taken from. No token holds it.
    #[must_use]
    pub fn cure(mut self, aspect: FingerprintField, cure: impl Into<Cow<'static, str>>) -> Self {
        self.aspects[aspect as usize].cure = cure.into();
        self
    }

    pub(crate) fn said_cure(&self, aspect: FingerprintField) -> &str {
        &self.aspects[aspect as usize].cure
    }

    /// What was said of an aspect, for messages.
    #[must_use]
    pub fn text(&self, aspect: FingerprintField) -> &str {
        &self.aspects[aspect as usize].text
    }

    /// A hash of 32 bits of each aspect, the same in every release.
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
