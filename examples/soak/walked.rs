use keywalk::{Cursor, KeyRange};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{Answer, Breach, Lives, Mutation, Oracle, Question};

use crate::tally::{Counts, Violation};
use crate::timeline::Timeline;
use crate::trouble::Fault;

/// All that a walk asked and handed out.
pub(crate) struct Walked {
    range: KeyRange<i64>,
    live: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) faults: Vec<Fault>,
    violation: Option<Violation>,
}

/// A walk's part, from where it set out to where it ended or was dropped.
#[derive(Clone)]
pub(crate) struct Part {
    /// Of its chunks.
    pub(crate) size: usize,
    questions: Vec<Question<i64>>,
    handed_out: Vec<(i64, u64)>,
    pub(crate) cursor: Cursor<i64>,
    /// How many items were fetched and not handed out.
    unread: usize,
    ended: bool,
}

impl Part {
    pub(crate) fn new(
        questions: Vec<Question<i64>>,
        handed_out: Vec<(i64, u64)>,
        cursor: Cursor<i64>,
        unread: usize,
    ) -> Self {
        Part {
            size: 1,
            questions,
            handed_out,
            cursor,
            unread,
            ended: false,
        }
    }

    /// The walk said that nothing more comes.
    pub(crate) fn ended(self) -> Self {
        Part {
            ended: true,
            ..self
        }
    }
}

impl Walked {
    pub(crate) fn new(range: KeyRange<i64>, live: bool) -> Self {
        Walked {
            range,
            live,
            parts: Vec::new(),
            faults: Vec::new(),
            violation: None,
        }
    }

    pub(crate) fn broken(self, violation: Violation) -> Self {
        Walked {
            violation: Some(violation),
            ..self
        }
    }

    /// All that it handed out.
    pub(crate) fn handed_out(&self) -> impl Iterator<Item = (i64, u64)> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.handed_out.iter().copied())
    }

    /// How much of it is remembered, in bytes.
    pub(crate) fn size(&self) -> usize {
        let parts = self.parts.iter();
        let sizes = parts.map(|part| {
            let items = 2 * part.handed_out.len() * size_of::<(i64, u64)>();
            size_of::<Part>() + items + part.questions.len() * size_of::<Question<i64>>()
        });
        sizes.sum()
    }

    /// Judges it by all that was changed meanwhile.
    pub(crate) fn judge(
        &self,
        lives: &Lives<i64>,
        changes: &[Mutation<i64>],
        counts: &mut Counts,
    ) -> Result<(), Violation> {
        counts.walks += 1;
        for fault in &self.faults {
            counts.fault(*fault);
        }
        let mut oracle = match self.live {
            true => Oracle::live(self.range),
            false => Oracle::bounded(self.range),
        };
        for part in &self.parts {
            counts.items += part.handed_out.len() as u64;
            self.judge_part(part, &mut oracle, lives, counts)
                .map_err(|(breach, question)| Violation {
                    clause: breach.clause(),
                    what: Timeline::of(&breach, question, changes).told(&breach),
                })?;
            self.judge_handed_out(part, counts)?;
            oracle.resume(part.unread > 0, 0);
        }
        match &self.violation {
            Some(violation) => Err(violation.clone()),
            None => Ok(()),
        }
    }

    fn judge_part<'p>(
        &self,
        part: &'p Part,
        oracle: &mut Oracle<i64>,
        lives: &Lives<i64>,
        counts: &mut Counts,
    ) -> Result<(), (Breach<i64>, Option<&'p Question<i64>>)> {
        for question in &part.questions {
            let observed = oracle.observe(question, lives);
            observed.map_err(|breach| (breach, Some(question)))?;
            let clauses: &[Clause] = match question.answer {
                Answer::LastKey(_) => &[Clause::G4, Clause::G6, Clause::G8],
                Answer::Items(_) => &[
                    Clause::G1,
                    Clause::G3,
                    Clause::G4,
                    Clause::G5,
                    Clause::G6,
                    Clause::G8,
                ],
                Answer::Error(_) | Answer::Panic(_) => &[Clause::G11],
            };
            for clause in clauses {
                counts.checked(*clause, 1);
            }
        }
        for (key, _) in &part.handed_out {
            oracle.hand_out(key).map_err(|breach| (breach, None))?;
        }
        counts.checked(Clause::G2, part.handed_out.len() as u64);
        if part.ended {
            let end = oracle.end(part.size, lives);
            end.map_err(|breach| (breach, part.questions.last()))?;
            counts.checked(Clause::G9, 1);
            counts.checked(Clause::G12, 1);
        }
        let stands = match part.handed_out.last() {
            Some((last, _)) if part.unread > 0 => oracle.cursor_is_past(&part.cursor, last),
            _ => oracle.cursor_is(&part.cursor),
        };
        stands.map_err(|breach| (breach, part.questions.last()))?;
        counts.checked(Clause::G10, 1);
        Ok(())
    }

    /// Hands out what was fetched, all of it and nothing else, but for what is unread (G13).
    fn judge_handed_out(&self, part: &Part, counts: &mut Counts) -> Result<(), Violation> {
        let fetched = part.questions.iter().filter_map(|question| {
            // The search for the last key goes in the other order.
            let is_forward = question.range.order() == self.range.order();
            match &question.answer {
                Answer::Items(items) if is_forward => Some(&items.items),
                _ => None,
            }
        });
        let fetched: Vec<&(i64, u64)> = fetched.flatten().collect();
        let due = fetched.len().saturating_sub(part.unread);
        counts.checked(Clause::G13, 1);
        if part.unread <= part.size && part.handed_out.iter().eq(fetched[..due].iter().copied()) {
            return Ok(());
        }
        let lost = fetched[..due]
            .iter()
            .find(|item| !part.handed_out.contains(item));
        Err(match lost {
            Some((key, _)) => Violation {
                clause: Clause::G3,
                what: format!("{key} was fetched and not handed out, and what came after it was"),
            },
            None => Violation {
                clause: Clause::G13,
                what: format!(
                    "{} items were handed out of {} fetched, {} left unread",
                    part.handed_out.len(),
                    fetched.len(),
                    part.unread
                ),
            },
        })
    }
}
