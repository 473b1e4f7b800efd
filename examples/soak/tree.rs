use std::path::Path;
use std::rc::Rc;

use keywalk_conformance::history::Change;
use keywalk_sled::{Key, Tree};

use crate::store::{Step, Store, padding, whole};
use crate::trouble::{BoxError, Fault, Mischief, Trouble};
use crate::witness::{Log, Source, Witness};

/// A sled tree.
pub(crate) struct SledTree {
    tree: sled::Tree,
    /// The tree is of this database.
    _db: sled::Db,
}

/// sled's default is a GiB.
const CACHE_BYTES: u64 = 8 << 20;

impl SledTree {
    pub(crate) fn make(folder: &Path) -> Result<Self, BoxError> {
        let config = sled::Config::new().path(folder);
        let db = config.cache_capacity(CACHE_BYTES).open()?;
        let tree = db.open_tree("items")?;
        Ok(SledTree { tree, _db: db })
    }
}

impl Store for SledTree {
    type Connection = sled::Tree;

    fn name(&self) -> &'static str {
        "sled"
    }

    fn connect(&self) -> Result<sled::Tree, BoxError> {
        Ok(self.tree.clone())
    }

    fn source<'a>(
        &self,
        tree: &'a sled::Tree,
        log: &Rc<Log>,
        mut mischief: Mischief,
    ) -> Result<Source<'a>, Trouble> {
        let tree = Tree::<i64>::new(tree.clone()).map(move |bytes| {
            mischief.happens()?;
            decode(bytes)
        });
        Ok(Witness::over(tree, log))
    }

    /// One after another: sled's batches can't look first.
    fn change(
        &self,
        tree: &mut sled::Tree,
        steps: &[Step],
    ) -> Result<Vec<(i64, Change)>, BoxError> {
        let mut done = Vec::new();
        let insert = |key: i64, value: u64| -> Result<bool, BoxError> {
            let absent = None::<&[u8]>;
            let swapped = tree.compare_and_swap(key.to_bytes(), absent, Some(encode(value)))?;
            Ok(swapped.is_ok())
        };
        for step in steps {
            match *step {
                Step::Put(key, value) => {
                    tree.insert(key.to_bytes(), encode(value))?;
                    done.push((key, Change::Put(value)));
                }
                Step::Insert(key, value) if insert(key, value)? => {
                    done.push((key, Change::Put(value)));
                }
                Step::Move(from, to, value) if insert(to, value)? => {
                    done.push((to, Change::Put(value)));
                    tree.remove(from.to_bytes())?;
                    done.push((from, Change::Delete));
                }
                Step::Insert(..) | Step::Move(..) => {}
                Step::Update(key, value) => {
                    let Some(old) = tree.get(key.to_bytes())? else {
                        continue;
                    };
                    let new = Some(encode(value));
                    if tree
                        .compare_and_swap(key.to_bytes(), Some(old), new)?
                        .is_ok()
                    {
                        done.push((key, Change::Put(value)));
                    }
                }
                Step::Delete(key) => {
                    tree.remove(key.to_bytes())?;
                    done.push((key, Change::Delete));
                }
                Step::DeleteAll(first, last) => {
                    for entry in tree.range(first.to_bytes()..=last.to_bytes()) {
                        let (key, _) = entry?;
                        tree.remove(&key)?;
                        done.push((decode_key(&key)?, Change::Delete));
                    }
                }
            }
        }
        Ok(done)
    }

    fn content(&self, tree: &sled::Tree) -> Result<Vec<(i64, u64)>, BoxError> {
        tree.iter()
            .map(|entry| {
                let (key, value) = entry?;
                Ok((decode_key(&key)?, decode(&value)?))
            })
            .collect()
    }

    /// sled neither waits nor is interrupted.
    fn faults(&self) -> &'static [Fault] {
        &[Fault::Decoding]
    }
}

fn encode(value: u64) -> Vec<u8> {
    let mut bytes = [value.to_be_bytes(), (!value).to_be_bytes()].concat();
    bytes.resize(bytes.len() + padding(value), b'p');
    bytes
}

fn decode(bytes: &[u8]) -> Result<u64, BoxError> {
    let (value, rest) = bytes.split_first_chunk().ok_or("too short")?;
    let (inverse, padding) = rest.split_first_chunk().ok_or("too short")?;
    whole(
        u64::from_be_bytes(*value),
        u64::from_be_bytes(*inverse),
        padding.len(),
    )
}

fn decode_key(bytes: &[u8]) -> Result<i64, BoxError> {
    Ok(i64::decode(bytes)?)
}
