use keywalk_conformance::history::{Breach, Mutation, Question};

/// What bears on a breach: the last changes of its key, what was changed at the same time, and the
/// question.
pub(crate) struct Timeline<'h> {
    changes: Vec<&'h Mutation<i64>>,
    question: Option<&'h Question<i64>>,
}

/// So many changes are shown of the key, and of others.
const MOST: usize = 8;

impl<'h> Timeline<'h> {
    pub(crate) fn of(
        breach: &Breach<i64>,
        question: Option<&'h Question<i64>>,
        changes: &'h [Mutation<i64>],
    ) -> Self {
        let key = breach.flaw().key();
        let (of_key, others): (Vec<_>, Vec<_>) = changes
            .iter()
            .filter(|change| question.is_none_or(|asked| !asked.during.is_before(change.during)))
            .partition(|change| Some(&change.key) == key);
        let meanwhile = others
            .into_iter()
            .filter(|change| question.is_some_and(|asked| !change.during.is_before(asked.during)));
        let mut told: Vec<&Mutation<i64>> = meanwhile.take(MOST).collect();
        let mut of_key = of_key;
        of_key.sort_by_key(|change| change.during.from);
        told.extend(of_key.iter().rev().take(MOST));
        told.sort_by_key(|change| change.during.from);
        Timeline {
            changes: told,
            question,
        }
    }

    /// As the kit tells a breach, and a line for each event.
    pub(crate) fn told(&self, breach: &Breach<i64>) -> String {
        let mut told = format!("{breach:#}\n");
        for change in &self.changes {
            let (from, to) = (change.during.from, change.during.to);
            told += &format!("    from {from} to {to}: {change}\n");
        }
        if let Some(question) = self.question {
            let (from, to) = (question.during.from, question.during.to);
            told += &format!("    from {from} to {to}: {question}\n");
        }
        told
    }
}
