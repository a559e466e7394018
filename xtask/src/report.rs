//! Timing of steps and the table at the end of a run.

use std::time::{Duration, Instant};

use anyhow::Result;

/// What became of one step.
struct Line {
    name: &'static str,
    took: Duration,
    failure: Option<anyhow::Error>,
}

/// The steps of a run, in order.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    not_run: Vec<&'static str>,
}

impl Report {
    /// Runs a step, says what it does before and how long it took after, and notes how it went.
    ///
    /// Returns whether the step succeeded.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        about: &str,
        step: impl FnOnce() -> Result<()>,
    ) -> bool {
        println!("\n== {name}: {about}");
        let (took, outcome) = timed(step);
        match &outcome {
            Ok(()) => println!("== {name}: passed in {}", seconds(took)),
            Err(error) => println!("== {name}: FAILED after {}\nerror: {error:#}", seconds(took)),
        }
        self.lines.push(Line { name, took, failure: outcome.err() });
        self.lines.last().is_some_and(|line| line.failure.is_none())
    }

    /// Notes a step that was left out because an earlier one failed.
    pub(crate) fn not_run(&mut self, name: &'static str) {
        self.not_run.push(name);
    }

    /// The number of steps that failed.
    pub(crate) fn failed(&self) -> usize {
        self.lines.iter().filter(|line| line.failure.is_some()).count()
    }

    /// The table of all steps; its last line is `N passed, N failed`, with `, N skipped` where
    /// steps were left out.
    pub(crate) fn table(&self) -> String {
        let width = self
            .lines
            .iter()
            .map(|line| line.name)
            .chain(self.not_run.iter().copied())
            .map(str::len)
            .max();
        let width = width.unwrap_or_default();
        let mut table: Vec<String> = Vec::new();
        for line in &self.lines {
            let outcome = if line.failure.is_some() { "FAILED" } else { "passed" };
            table.push(format!("{:<width$}  {outcome}  {:>12}", line.name, seconds(line.took)));
        }
        for name in &self.not_run {
            table.push(format!("{name:<width$}  not run"));
        }
        let total: Duration = self.lines.iter().map(|line| line.took).sum();
        table.push(format!("{:<width$}  in all  {:>12}\n", "", seconds(total)));
        let (passed, failed) = (self.lines.len() - self.failed(), self.failed());
        let skipped = match self.not_run.len() {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        table.push(format!("{passed} passed, {failed} failed{skipped}"));
        table.join("\n")
    }
}

/// Runs something and says how long it took. The only clock of the task runner.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a step is shown to the person who waits for it"
    )]
    let started = Instant::now();
    let value = work();
    (started.elapsed(), value)
}

/// A duration as a person reads it.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn the_last_line_counts_the_steps() {
        let mut report = Report::default();
        assert!(report.step("one", "passes", || Ok(())));
        assert!(!report.step("two", "fails", || bail!("broken")));
        report.not_run("three");
        assert_eq!(report.failed(), 1);
        assert_eq!(report.table().lines().last(), Some("1 passed, 1 failed, 1 skipped"));
    }

    #[test]
    fn a_run_without_failure_ends_with_the_plain_line() {
        let mut report = Report::default();
        assert!(report.step("one", "passes", || Ok(())));
        assert_eq!(report.table().lines().last(), Some("1 passed, 0 failed"));
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(1_249)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
