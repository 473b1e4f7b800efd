use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Program, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

use crate::args::VICTIM;
use crate::message::{Command, parse_fetched, parse_last_key};
use crate::trouble::{BoxError, Fault, Trouble};
use keywalk_examples::Random;

/// Another process that works with a database, and is killed now and then.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    is_dead: bool,
}

impl Process {
    pub(crate) fn start(file: &Path) -> Result<Self, BoxError> {
        let mut child = Program::new(std::env::current_exe()?)
            .arg(VICTIM)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("it has no output")?;
        Ok(Process {
            input: child.stdin.take(),
            output: BufReader::new(output),
            child,
            is_dead: false,
        })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// Tells it, and kills it after so long. Its answer, if there was time for one.
    pub(crate) fn tell(
        &mut self,
        command: &Command,
        killed_after: Option<Duration>,
    ) -> Result<Option<String>, BoxError> {
        let input = self.input.as_mut().ok_or("it has no input")?;
        input.write_all(command.line().as_bytes())?;
        if let Some(time) = killed_after {
            // Sleeping takes longer than a transaction.
            let start = Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
            self.child.kill()?;
            self.child.wait()?;
            self.is_dead = true;
        }
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        let answer = answer.strip_suffix('\n').map(str::to_owned);
        if answer.is_none() && !self.is_dead {
            return Err("the process ended by itself".into());
        }
        Ok(answer)
    }
}

/// It ends when its input does.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have failed, and said so.
        let _ = self.child.wait();
    }
}

/// A source in another process, which is killed at this rate.
pub(crate) struct Remote {
    pub(crate) process: Rc<RefCell<Process>>,
    pub(crate) random: Random,
    pub(crate) rarity: u64,
}

impl Remote {
    fn ask(&mut self, command: &Command) -> Result<String, Trouble> {
        let mut process = self.process.borrow_mut();
        let killed = || Trouble {
            fault: Some(Fault::Kill),
            what: "the process was killed".to_owned(),
        };
        if process.is_dead() {
            return Err(killed());
        }
        let time = Duration::from_micros(self.random.below(300));
        let time = self.random.one_in(self.rarity).then_some(time);
        process.tell(command, time)?.ok_or_else(killed)
    }
}

impl ChunkSource for Remote {
    type Key = i64;
    type Item = (i64, u64);
    type Error = Trouble;

    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, u64)>,
    ) -> Result<Fetched<i64>, Trouble> {
        let answer = self.ask(&Command::Fetch(chunk.limit(), *range))?;
        let (fetched, items) = parse_fetched(&answer)?;
        for item in items {
            chunk.push(item);
        }
        Ok(fetched)
    }

    fn key_of(&self, (key, _): &(i64, u64)) -> i64 {
        *key
    }

    fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Trouble> {
        let answer = self.ask(&Command::LastKey(*range))?;
        Ok(parse_last_key(&answer)?)
    }
}
