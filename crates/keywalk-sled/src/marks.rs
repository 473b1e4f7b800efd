use sled::IVec;

/// Keys met during a walk, at which later reads can begin. The marks that one read adds form a series: a known
/// number of entries lies between neighbours. That number is approximate if entries have changed since.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Ascending.
    marks: Vec<Mark>,
    /// The number of entries between two marks of a series.
    apart: usize,
}

#[derive(Debug)]
struct Mark {
    key: IVec,
    /// Whether this mark is in the same series as the mark below it.
    in_series: bool,
}

/// The most marks that are kept; the lowest are dropped.
const MOST_MARKS: usize = 256;

impl Marks {
    /// Forgets the marks at or above `top`. Keeps the lowest of them if it is in one series with the mark below
    /// `top`. Forgets all marks if `apart` changes.
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

    /// Adds a series: the first of `entries` and every `apart`th after it. It replaces all marks from there
    /// upwards.
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

    /// Returns the highest mark below `top`.
    pub(crate) fn below(&self, top: Option<&[u8]>) -> Option<&IVec> {
        self.marks
            .iter()
            .rev()
            .map(|mark| &mark.key)
            .find(|key| top.is_none_or(|top| ***key < *top))
    }

    /// Returns the mark that has about `wanted` entries between it and `top`. If all known numbers of entries are
    /// smaller, returns the mark with the largest number. Returns `None` if no number is known.
    pub(crate) fn with_above(&self, top: Option<&[u8]>, wanted: usize) -> Option<&IVec> {
        let last = self.marks.last()?;
        // How many entries lie above the highest mark below the top is known only up to another mark.
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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    fn entries(keys: Range<u16>) -> Vec<(IVec, IVec)> {
        keys.map(|key| (IVec::from(&key.to_be_bytes()), IVec::default()))
            .collect()
    }

    /// Returns marks at every fourth key from 0 to 19.
    fn marks() -> Marks {
        let mut marks = Marks::default();
        marks.come_to(None, 4);
        marks.add(&entries(0..20));
        marks
    }

    fn keys(marks: &Marks) -> Vec<u16> {
        let keys = marks.marks.iter().map(|mark| number(&mark.key));
        keys.collect()
    }

    fn number(key: &IVec) -> u16 {
        u16::from_be_bytes(key[..].try_into().expect("it is one of these"))
    }

    #[test]
    fn a_series_is_marked_and_takes_the_place_of_what_lay_there() {
        let mut marks = marks();
        assert_eq!(keys(&marks), [0, 4, 8, 12, 16]);
        marks.add(&[]);
        assert_eq!(keys(&marks), [0, 4, 8, 12, 16]);
        marks.add(&entries(8..14));
        assert_eq!(keys(&marks), [0, 4, 8, 12]);
        let in_series: Vec<bool> = marks.marks.iter().map(|mark| mark.in_series).collect();
        assert_eq!(in_series, [false, true, false, true]);
    }

    #[test]
    fn only_so_many_marks_are_kept_the_highest() {
        let mut marks = marks();
        marks.add(&entries(20..20 + 4 * 256));
        assert_eq!(marks.marks.len(), 256);
        assert_eq!(keys(&marks)[0], 20);
        marks.add(&entries(2_000..2_001));
        assert_eq!((keys(&marks)[0], keys(&marks)[255]), (24, 2_000));
    }

    #[test]
    fn marks_above_the_top_are_forgotten_but_for_the_next_of_the_series() {
        let kept = |top: u16| {
            let mut marks = marks();
            marks.add(&entries(30..31));
            marks.come_to(Some(&top.to_be_bytes()), 4);
            keys(&marks)
        };
        assert_eq!(kept(10), [0, 4, 8, 12]);
        assert_eq!(kept(12), [0, 4, 8, 12]);
        assert_eq!(kept(13), [0, 4, 8, 12, 16]);
        // What lies between 16 and 30 isn't known.
        assert_eq!(kept(25), [0, 4, 8, 12, 16]);
        assert_eq!(kept(31), [0, 4, 8, 12, 16, 30]);
        let mut marks = marks();
        marks.come_to(None, 4);
        assert_eq!(keys(&marks).len(), 5);
        marks.come_to(None, 5);
        assert_eq!(keys(&marks), []);
    }

    #[test]
    fn the_highest_mark_below_the_top_is_found() {
        let marks = marks();
        let below = |top: u16| marks.below(Some(&top.to_be_bytes())).map(number);
        assert_eq!((below(9), below(8), below(0)), (Some(8), Some(4), None));
        assert_eq!(marks.below(None).map(number), Some(16));
    }

    #[test]
    fn a_mark_is_found_that_so_many_entries_lie_above() {
        let mut marks = marks();
        let found = |marks: &Marks, top: u16, wanted| {
            let top = top.to_be_bytes();
            marks.with_above(Some(&top), wanted).map(number)
        };
        marks.come_to(Some(&10_u16.to_be_bytes()), 4);
        let some = [1, 4, 5, 8, 9, 100].map(|wanted| found(&marks, 10, wanted));
        assert_eq!(some, [8, 8, 4, 4, 0, 0].map(Some));
        assert_eq!(found(&marks, 10, 0), None);
        assert_eq!(found(&marks, 12, 1), Some(8));
        // How many lie above the highest mark isn't known.
        assert_eq!(found(&marks, 13, 1), None);
        assert_eq!(marks.with_above(None, 1), None);
        // Nor what lies between two series.
        marks.add(&entries(16..21));
        assert_eq!(found(&marks, 20, 100), Some(16));
    }
}
