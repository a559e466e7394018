//! Results as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

/// Everything that was measured, in order.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Serialize)]
struct Row {
    group: &'static str,
    figure: String,
    unit: &'static str,
    ours: f64,
    /// The same figure of the baseline in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<f64>,
    /// Ours divided by the baseline's, the median over the rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// What was aimed at.
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'static str,
}

impl Report {
    /// A figure beside its baseline: medians over the rounds, and the median of their ratios.
    pub(crate) fn pair(
        &mut self,
        group: &'static str,
        figure: impl Into<String>,
        unit: &'static str,
        rounds: &[(f64, f64)],
        target: &'static str,
    ) {
        self.rows.push(Row {
            group,
            figure: figure.into(),
            unit,
            ours: median(rounds.iter().map(|round| round.0)),
            baseline: Some(median(rounds.iter().map(|round| round.1))),
            ratio: Some(median(rounds.iter().map(|round| round.0 / round.1))),
            target,
        });
    }

    /// A figure without a baseline.
    pub(crate) fn single(
        &mut self,
        group: &'static str,
        figure: impl Into<String>,
        unit: &'static str,
        value: f64,
        target: &'static str,
    ) {
        let figure = figure.into();
        self.rows.push(Row {
            group,
            figure,
            unit,
            ours: value,
            baseline: None,
            ratio: None,
            target,
        });
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings always serialise")
    }
}

/// The middle value; the mean of the middle two of an even number.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        let whole = format!("{value:.0}");
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A Markdown table, so that it can be pasted.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | figure | Chatloom | baseline | ratio | target |")?;
        writeln!(f, "| --- | --- | ---: | ---: | ---: | --- |")?;
        for row in &self.rows {
            let baseline = row.baseline.map_or_else(String::new, number);
            let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            writeln!(
                f,
                "| {} | {}, {} | {} | {baseline} | {ratio} | {} |",
                row.group,
                row.figure,
                row.unit,
                number(row.ours),
                row.target
            )?;
        }
        Ok(())
    }
}
