use sled::IVec;

/// Keys that were met on the way, to begin at later: where they stand says how many entries lie above.
/// They may be gone since; then it is about so many.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Ascending.
    marks: Vec<Mark>,
    /// How many entries lie between two marks of a series.
    apart: usize,
}

#[derive(Debug)]
struct Mark {
    key: IVec,
    /// Of the same series as the mark below it.
    in_series: bool,
}

/// No more are kept: the lowest are left out.
const MOST_MARKS: usize = 256;

impl Marks {
    /// Forgets the marks at or above `top`, but for one that says how far it is to the one below. If
    /// marks are to stand otherwise apart than they do, forgets all.
    pub(crate) fn come_to(&mut self, top: Option<&[u8]>, apart: usize) {
        if self.apart != apart {
            self.marks.clear();
            self.apart = apart;
        }
        let Some(top) = top else {
            return;
        };
        let below = self.marks.partition_point(|mark| *mark.key < *top);
        self.marks.truncate(below + 1);
        if self.marks.len() > below && !self.marks[below].in_series {
            self.marks.truncate(below);
        }
    }

    /// Adds a series: the keys of entries above all marks that are below the top.
    pub(crate) fn add(&mut self, entries: &[(IVec, IVec)]) {
        let Some((first, _)) = entries.first() else {
            return;
        };
        self.marks.retain(|mark| mark.key < *first);
        for (at, (key, _)) in entries.iter().enumerate().step_by(self.apart) {
            self.marks.push(Mark {
                key: key.clone(),
                in_series: at > 0,
            });
        }
        let surplus = self.marks.len().saturating_sub(MOST_MARKS);
        self.marks.drain(..surplus);
    }

    /// The highest mark below `top`.
    pub(crate) fn below(&self, top: Option<&[u8]>) -> Option<&IVec> {
        self.marks
            .iter()
            .rev()
            .map(|mark| &mark.key)
            .find(|key| top.is_none_or(|top| ***key < *top))
    }

    /// The mark below `top` that about so many entries lie above, or fewer if that isn't known of any;
    /// `None` if not even the highest is known to have few enough.
    pub(crate) fn with_above(&self, top: Option<&[u8]>, wanted: usize) -> Option<&IVec> {
        let last = self.marks.last()?;
        // The way from the highest mark below the top is known if it leads to a mark.
        if top.is_none_or(|top| *last.key < *top) {
            return None;
        }
        let mut above = 0;
        let mut found = None;
        for (mark, upper) in self.marks.iter().rev().skip(1).zip(self.marks.iter().rev()) {
            if !upper.in_series || above >= wanted {
                break;
            }
            above += self.apart;
            found = Some(&mark.key);
        }
        found
    }
}
