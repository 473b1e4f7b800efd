/// What a job does after its function returned: go on, end the run, or end the job.
///
/// The function returns `Ok(())` to go on, or one of these. They commit the batch first. With
/// [`after`](Self::after) they commit only its first items.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Job, Next};
///
/// # let folder = tempfile::tempdir()?;
/// # let map: std::collections::BTreeMap<u32, u32> = (1..=9).map(|n| (n, n)).collect();
/// # let walk = Walk::new(keywalk_memory::Named::new("items", &map)).chunk_size(4);
/// let mut budget = 6; // Requests that are still allowed today.
/// let outcome = Job::new("notify", walk, FileCheckpoints::new(folder.path())).run(|(), items| {
///     for (done, (id, _)) in items.iter().enumerate() {
///         if budget == 0 {
///             // The items before this one are recorded. The next run begins with this one.
///             return Ok(Next::stop().after(done));
///         }
///         budget -= 1;
///         println!("notify {id}");
///     }
///     Ok(Next::go_on())
/// })?;
/// assert_eq!((outcome.items(), outcome.is_done()), (6, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Effects
///
/// Everything that the function did through its scope commits with the checkpoint after the last item that counts
/// as done. So with [`after`](Self::after), process only those items before returning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the function must return it"]
pub struct Next {
    pub(crate) items: Option<usize>,
    pub(crate) then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Stop,
    Finish,
}

impl Next {
    const fn all(then: Then) -> Self {
        Next { items: None, then }
    }

    /// Goes on with the next item. The same as `()`.
    pub const fn go_on() -> Self {
        Next::all(Then::GoOn)
    }

    /// Ends the run, with [`StopReason::Stopped`](crate::StopReason::Stopped). The next run continues.
    pub const fn stop() -> Self {
        Next::all(Then::Stop)
    }

    /// Ends the job as done, even if items remain. Later runs do nothing, unless the job
    /// [starts over](crate::Job::restart_when_done) or [continues to a later end](crate::Job::extend_range).
    pub const fn finish() -> Self {
        Next::all(Then::Finish)
    }

    /// Counts only the first `items` items of the batch as done. The item after them is the next one to be
    /// processed, in this run or a later one, and is fetched again.
    ///
    /// The run ends with [`Error::InvalidNext`](crate::Error::InvalidNext) if `items` is more than the batch has, or if
    /// it is 0 and the job goes on. The chunk is then undone where possible.
    pub const fn after(mut self, items: usize) -> Self {
        self.items = Some(items);
        self
    }
}

impl From<()> for Next {
    fn from((): ()) -> Self {
        Next::go_on()
    }
}
