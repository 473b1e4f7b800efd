use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use keywalk_conformance::history::{Change, Clock, Mutation, Span};

use crate::database::Database;
use crate::message::Command;
use crate::plan::{Plan, pool_key};
use crate::process::{Process, Remote};
use crate::store::{Step, Store};
use crate::trouble::{BoxError, Fault};
use crate::walked::Walked;
use crate::walker::Walker;
use crate::witness::Witness;
use keywalk_examples::Random;

/// Has a process write and walk, kills it at random moments, and starts it again.
pub(crate) struct Killer {
    pub(crate) walker: Walker,
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    /// The last value that was put.
    pub(crate) value: u64,
}

/// What the process did.
#[derive(Default)]
pub(crate) struct Deeds {
    pub(crate) changes: Vec<Mutation<i64>>,
    pub(crate) walks: Vec<Walked>,
    pub(crate) kills: Vec<Fault>,
}

impl Killer {
    pub(crate) fn go(
        mut self,
        file: &Path,
        go_on: impl Fn() -> bool,
        walked: impl Fn(&Walked),
    ) -> Result<Deeds, BoxError> {
        let database = Database::at(file.to_owned())?;
        let db = database.connect()?;
        let mut number = database.last_number(&db)?;
        let mut deeds = Deeds::default();
        let process = Rc::new(RefCell::new(Process::start(file)?));
        while go_on() {
            if process.borrow().is_dead() {
                *process.borrow_mut() = Process::start(file)?;
            }
            if self.random.one_in(4) {
                let walk = self.walk(file, &process);
                walked(&walk);
                deeds.walks.push(walk);
                continue;
            }
            number += 1;
            let steps = self.steps();
            let time = Duration::from_micros(self.random.below(1_000));
            let time = self.random.one_in(12).then_some(time);
            // It can't begin before it is told.
            let from = self.clock.tick();
            let command = Command::Change(number, steps);
            let answer = process.borrow_mut().tell(&command, time)?;
            let is_done = match (answer.as_deref(), time) {
                (Some("done"), None) => true,
                (Some("done") | None, Some(_)) => {
                    deeds.kills.push(Fault::Kill);
                    // Nothing more comes of it: what is committed now was, and the rest never is.
                    let is_committed = database.last_number(&db)? == number;
                    if answer.is_some() && !is_committed {
                        return Err("what the process had done was lost with it".into());
                    }
                    is_committed
                }
                (answer, _) => return Err(format!("the process answers {answer:?}").into()),
            };
            let during = Span {
                from,
                to: self.clock.tick(),
            };
            if is_done && let Command::Change(_, steps) = command {
                let changes = steps.iter().filter_map(known);
                deeds.changes.extend(changes.map(|(key, change)| Mutation {
                    key,
                    change,
                    during,
                }));
            }
        }
        Ok(deeds)
    }

    /// A walk by the process: where that is killed, the next one goes on.
    fn walk(&mut self, file: &Path, process: &Rc<RefCell<Process>>) -> Walked {
        let mut rarity = self.random.pick([5, 50, 1_000]);
        let random = &mut self.random;
        let plan = Plan {
            rarity: None,
            ..Plan::at_random(random)
        };
        self.walker.walk(
            plan,
            &mut |log, _| {
                if process.borrow().is_dead() {
                    *process.borrow_mut() = Process::start(file)?;
                }
                // Ever more rarely, so that the walk comes to its end.
                rarity *= 2;
                let remote = Remote {
                    process: Rc::clone(process),
                    random: random.fork(),
                    rarity,
                };
                Ok(Witness::over(remote, log))
            },
            None,
        )
    }

    /// Puts and deletes, often so many that they are partly written before the commit.
    fn steps(&mut self) -> Vec<Step> {
        let many = self.random.pick([1, 5, 100]);
        let mut steps = BTreeMap::new();
        for _ in 0..many {
            let key = pool_key(&mut self.random);
            self.value += 1;
            let step = match self.random.one_in(2) {
                true => Step::Put(key, self.value),
                false => Step::Delete(key),
            };
            steps.insert(key, step);
        }
        steps.into_values().collect()
    }
}

/// What takes effect whatever the store holds.
fn known(step: &Step) -> Option<(i64, Change)> {
    match *step {
        Step::Put(key, value) => Some((key, Change::Put(value))),
        Step::Delete(key) => Some((key, Change::Delete)),
        _ => None,
    }
}
