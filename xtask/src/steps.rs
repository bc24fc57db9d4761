//! The steps of a task, timed: the first failure ends it, and the end shows where time went.

use std::time::{Duration, Instant};

use anyhow::Context;

/// Wall time of each step done so far. Dropping it prints the table.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration, Outcome)>,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Done,
    Failed,
}

impl Steps {
    /// Does one step under its name.
    ///
    /// # Errors
    /// What the step returned, with the name of the step in front.
    pub(crate) fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        let outcome = match result {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        self.done.push((name, start.elapsed(), outcome));
        result.with_context(|| format!("step `{name}` failed"))
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        println!();
        for (name, took, outcome) in &self.done {
            let note = match outcome {
                Outcome::Done => "",
                Outcome::Failed => "  FAILED",
            };
            println!("{:>8.1} s  {name}{note}", took.as_secs_f64());
        }
    }
}
