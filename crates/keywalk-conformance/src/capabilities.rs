/// What a store and its harness can do. A check that needs what they can't is skipped, and the
/// reason printed; what is declared and isn't so fails, in either direction.
///
/// ```
/// use keywalk_conformance::{Capabilities, Capability};
///
/// let durable = Capabilities {
///     reopening: Capability::Yes,
///     threads: Capability::No("one connection, and the database is in memory"),
///     ..Capabilities::default()
/// };
/// assert_eq!(durable.descending, Capability::Yes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Fetches in descending order. Without it the source answers them with an error, and knows its
    /// [last key](keywalk::ChunkSource::last_key): else no bounded walk could begin. Where that key
    /// can't be had, prove a wrapper that finds it by fetching on. Default: yes.
    pub descending: Capability,
    /// [`put`](crate::Harness::put) and [`delete`](crate::Harness::delete) work while a source is
    /// open. Default: yes.
    pub mutation: Capability,
    /// Putting a key that is there leaves it there at every moment. Default: yes.
    pub replacement: Capability,
    /// The source answers what the store held when the walk began: one transaction, kept for all of
    /// its fetches. Default: no, each fetch answers what it holds then.
    pub snapshot: Capability,
    /// [`writer`](crate::Harness::writer) gives writers for other threads. Default: no.
    pub threads: Capability,
    /// [`faults`](crate::Harness::faults) makes operations fail. Without it an error that is taken
    /// for the end isn't found. Default: no.
    pub faults: Capability,
    /// [`reopen`](crate::Harness::reopen) keeps what was put. Default: no.
    pub reopening: Capability,
    /// [`reads`](crate::Harness::reads) counts. Default: no.
    pub counting: Capability,
}

/// Whether something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It can.
    Yes,
    /// It can't, for this reason.
    No(&'static str),
}

impl Capability {
    /// Whether it can be done.
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Capability::Yes
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            descending: Capability::Yes,
            mutation: Capability::Yes,
            replacement: Capability::Yes,
            snapshot: Capability::No("each fetch answers what the store holds then"),
            threads: Capability::No("the harness has no writer for other threads"),
            faults: Capability::No("the harness can't make the store fail"),
            reopening: Capability::No("the harness can't reopen the store"),
            counting: Capability::No("the harness doesn't count what is read"),
        }
    }
}

impl Capabilities {
    /// All, by name.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Capability); 8] {
        [
            ("descending", self.descending),
            ("mutation", self.mutation),
            ("replacement", self.replacement),
            ("snapshot", self.snapshot),
            ("threads", self.threads),
            ("faults", self.faults),
            ("reopening", self.reopening),
            ("counting", self.counting),
        ]
    }
}
