//! What is printed, kept as well for the record.

use std::fmt::Arguments;
use std::io::Write as _;

/// Prints each line at once and keeps it.
#[derive(Default)]
pub struct Report {
    text: String,
    met: usize,
    missed: Vec<String>,
}

impl Report {
    pub fn line(&mut self, line: Arguments<'_>) {
        let line = format!("{line}\n");
        // A reader that has gone is no reason to stop measuring for the record.
        let _ = std::io::stdout().write_all(line.as_bytes());
        let _ = std::io::stdout().flush();
        self.text += &line;
    }

    pub fn heading(&mut self, text: &str) {
        self.line(format_args!("\n## {text}\n"));
    }

    /// A figure with its goal beside it: "6.2 (>= 6, met)".
    pub fn judged(&mut self, what: &str, figure: f64, goal: Goal) -> String {
        let met = goal.met(figure);
        if met {
            self.met += 1;
        } else {
            self.missed.push(format!("{what}: {} ({goal})", significant(figure)));
        }
        format!("**{}** ({goal}, {})", significant(figure), if met { "met" } else { "missed" })
    }

    /// What was met and what was not.
    pub fn summary(&mut self) {
        self.heading("Summary");
        let (met, missed) = (self.met, std::mem::take(&mut self.missed));
        self.line(format_args!("{met} goals met, {} missed.", missed.len()));
        for goal in &missed {
            self.line(format_args!("- missed: {goal}"));
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(goal) => figure >= goal,
            Self::AtMost(goal) => figure <= goal,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, ">= {goal}"),
            Self::AtMost(goal) => write!(f, "<= {goal}"),
        }
    }
}

/// Three significant digits.
pub fn significant(figure: f64) -> String {
    let digits = match figure.abs() {
        0.0 => 0,
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    format!("{figure:.digits$}")
}
