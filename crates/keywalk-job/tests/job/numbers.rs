//! A source of numbers that tests change, filter and break.

use std::collections::BTreeSet;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order, ResumableSource, Source,
    SplitSource, even_split_points,
};

use crate::shared::Shared;
use crate::store::Failed;

type OnQuestion = Box<dyn FnMut(usize) + Send>;

#[derive(Clone)]
pub(crate) struct Numbers {
    pub(crate) keys: Shared<BTreeSet<u32>>,
    pub(crate) passes: fn(u32) -> bool,
    pub(crate) name: &'static str,
    /// How many questions are answered before one fails.
    pub(crate) fails_in: Shared<Option<usize>>,
    pub(crate) asked: Shared<usize>,
    /// Is told the number of each question.
    pub(crate) on_question: Shared<Option<OnQuestion>>,
}

/// How many keys a fetch looks at.
const STRETCH: usize = 10;

impl Numbers {
    pub(crate) fn new(keys: impl IntoIterator<Item = u32>) -> Self {
        Numbers {
            keys: Shared::new(keys.into_iter().collect()),
            passes: |_| true,
            name: "numbers",
            fails_in: Shared::default(),
            asked: Shared::default(),
            on_question: Shared::default(),
        }
    }

    pub(crate) fn filter(self, passes: fn(u32) -> bool) -> Self {
        Numbers { passes, ..self }
    }

    fn ask(&self) -> Result<(), Failed> {
        self.asked.set(self.asked.get() + 1);
        if let Some(on_question) = &mut *self.on_question.borrow_mut() {
            on_question(self.asked.get());
        }
        match self.fails_in.take() {
            Some(0) => Err(Failed("the numbers", None)),
            left => {
                self.fails_in.set(left.map(|left| left - 1));
                Ok(())
            }
        }
    }

    fn within(&self, range: &KeyRange<u32>) -> Vec<u32> {
        let keys = self.keys.borrow();
        let mut within: Vec<u32> = keys
            .iter()
            .copied()
            .filter(|k| range.may_contain(k))
            .collect();
        if range.order() == Order::Descending {
            within.reverse();
        }
        within
    }
}

impl Source for Numbers {
    type Key = u32;
    type Item = u32;
    type Error = Failed;
}

impl ChunkSource for Numbers {
    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Failed> {
        self.ask()?;
        for (seen, key) in self.within(range).into_iter().enumerate() {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            if (self.passes)(key) {
                chunk.push(key);
            } else if seen + 1 >= STRETCH {
                return Ok(Fetched::ScannedTo(key));
            }
        }
        Ok(Fetched::End)
    }

    fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Failed> {
        self.ask()?;
        Ok(self.within(range).last().copied().into())
    }
}

impl SplitSource for Numbers {
    fn split_points(&mut self, range: &KeyRange<u32>, parts: usize) -> Result<Vec<u32>, Failed> {
        self.ask()?;
        Ok(even_split_points(self.within(range), parts))
    }
}

impl ResumableSource for Numbers {
    fn fingerprint(&self) -> Result<Fingerprint, Failed> {
        Ok(Fingerprint::new("numbers").relation(self.name).key("u32"))
    }

    fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Failed> {
        Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    }

    fn key_text(&self, key: &u32) -> String {
        match *key {
            // As a source might that shows a text as it is.
            u32::MAX => "the\u{1b}[2J\nlast".to_owned(),
            key => key.to_string(),
        }
    }

    fn fraction(&self, first: &u32, last: &u32, at: &u32) -> Option<f64> {
        let way = f64::from(last.abs_diff(*first));
        (way > 0.0).then(|| f64::from(at.abs_diff(*first)) / way)
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers::new([])
    }
}
