use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::fnv::Fnv;

/// A description of what a [`ResumableSource`](crate::ResumableSource) walks. It lets a walk detect a
/// [`Token`](crate::Token) of another source.
///
/// It has four [fields](FingerprintField). A token stores a 32-bit hash of each field, so that it stays small
/// and reveals no names, except those of [members](Self::member), which it stores as text. If a field differs,
/// the error names the field and shows this source's description of it.
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
    fields: [Field; 4],
    /// The field to which [`with_value`](Self::with_value) adds.
    last: FingerprintField,
    /// Sorted by name.
    members: Vec<Member>,
}

/// A source that another one is made of: its name, and a hash of its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) hash: u32,
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
struct Field {
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
        let nothing = || Field {
            text: String::new(),
            hash: Fnv::new(),
            cure: Cow::Borrowed(""),
        };
        let fingerprint = Fingerprint {
            fields: [nothing(), nothing(), nothing(), nothing()],
            last: FingerprintField::Store,
            members: Vec::new(),
        };
        fingerprint.set(FingerprintField::Store, store.into())
    }

    /// Sets the table, tree or query.
    #[must_use]
    pub fn relation(self, text: impl Into<String>) -> Self {
        self.set(FingerprintField::Relation, text.into())
    }

    /// Sets the key: columns, types, directions.
    #[must_use]
    pub fn key(self, text: impl Into<String>) -> Self {
        self.set(FingerprintField::Key, text.into())
    }

    /// Sets which keys are left out, if any.
    #[must_use]
    pub fn filter(self, text: impl Into<String>) -> Self {
        self.set(FingerprintField::Filter, text.into())
    }

    /// Adds a value to the field that was set last. It changes the hash but isn't shown in messages. Use it for
    /// a filter's parameter, for example.
    #[must_use]
    pub fn with_value(mut self, value: &[u8]) -> Self {
        let stored = &mut self.fields[self.last as usize];
        stored.hash.write(&(value.len() as u64).to_be_bytes());
        stored.hash.write(value);
        self
    }

    /// Adds a member: a source that this one is made of, such as a shard. The order doesn't matter; a name that was added
    /// before is replaced.
    ///
    /// A token also stores each member's name, as text that anyone can read, and a 32-bit hash of its fingerprint. If a
    /// member is missing, new or different, the token is refused in the field
    /// [`Relation`](FingerprintField::Relation), and the error names the member. For a different one, the error also
    /// gives your [advice](Self::cure) on that field.
    ///
    /// ```
    /// use keywalk::Fingerprint;
    ///
    /// let table = |name: &str| Fingerprint::new("sqlite").relation(name).key("id INTEGER");
    /// let orders = Fingerprint::new("shards")
    ///     .key("id INTEGER")
    ///     .member("eu", &table("orders"))
    ///     .member("us", &table("orders"));
    /// ```
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, member: &Fingerprint) -> Self {
        let mut hash = Fnv::new();
        for field in member.hashes() {
            hash.write(&field.to_be_bytes());
        }
        let member = Member {
            name: name.into(),
            hash: hash.folded(),
        };
        match self
            .members
            .binary_search_by(|old| old.name.cmp(&member.name))
        {
            Ok(place) => self.members[place] = member,
            Err(place) => self.members.insert(place, member),
        }
        self
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Sets the advice in [`TokenError::Source`](crate::TokenError::Source) if a token differs in this field.
    /// The default text advises to resume the token over its own source. Tokens don't store the advice.
    #[must_use]
    pub fn cure(mut self, field: FingerprintField, cure: impl Into<Cow<'static, str>>) -> Self {
        self.fields[field as usize].cure = cure.into();
        self
    }

    pub(crate) fn cure_of(&self, field: FingerprintField) -> &str {
        &self.fields[field as usize].cure
    }

    /// Returns a field's description, for messages.
    #[must_use]
    pub fn text(&self, field: FingerprintField) -> &str {
        &self.fields[field as usize].text
    }

    /// Returns a 32-bit hash of each field, the same in every release.
    pub(crate) fn hashes(&self) -> [u32; 4] {
        let mut hashes = self.fields.each_ref().map(|stored| stored.hash);
        for Member { name, hash } in &self.members {
            let relation = &mut hashes[FingerprintField::Relation as usize];
            relation.write(&(name.len() as u64).to_be_bytes());
            relation.write(name.as_bytes());
            relation.write(&hash.to_be_bytes());
        }
        hashes.map(|hash| hash.folded())
    }

    fn set(mut self, field: FingerprintField, text: String) -> Self {
        self.last = field;
        let stored = &mut self.fields[field as usize];
        stored.text.clear();
        stored.hash = Fnv::new();
        let mut changed = self.with_value(text.as_bytes());
        changed.fields[field as usize].text = text;
        changed
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
