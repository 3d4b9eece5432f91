//! Tables and records.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use time::OffsetDateTime;

use crate::arguments::{Arguments, root};
use crate::cases::{self, Against, Figure};
use crate::client::Sample;
use crate::machine;
use crate::targets;

/// The samples of a case: round by round, each proxy's.
pub type Rounds = Vec<Vec<(&'static str, Sample)>>;

/// What is printed, and kept for the record.
#[derive(Default)]
pub struct Report {
    text: String,
    goals: Vec<String>,
}

impl Report {
    pub fn line(&mut self, line: &str) {
        println!("{line}");
        let _ = writeln!(self.text, "{line}");
    }

    /// A goal beside its figure.
    pub fn goal(&mut self, what: &str, figure: &str, goal: &str, met: bool) {
        self.goals.push(format!("| {what} | {figure} | {goal} | {} |", if met { "met" } else { "**missed**" }));
    }

    /// The table of a case, and its goals.
    pub fn case(&mut self, case: &str, rounds: &Rounds) {
        self.line(&format!("\n### {case}: {}\n", cases::title(case)));
        self.line("| proxy | CPU µs a request | to nginx | requests/s | p50 µs | p99 µs | first byte p50 µs |");
        self.line("|---|---|---|---|---|---|---|");
        for name in targets::NAMES {
            let samples: Vec<Sample> = rounds.iter().filter_map(|round| sample(round, name)).collect();
            if samples.is_empty() {
                continue;
            }
            let of = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure).collect());
            let ratio = ratio(rounds, name, Figure::Cpu, Against::Nginx);
            self.line(&format!(
                "| {name} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} |",
                of(|sample| sample.cpu),
                ratio.map_or("–".to_owned(), |ratio| format!("{ratio}x")),
                of(|sample| sample.rate).median,
                of(|sample| sample.p50).median,
                of(|sample| sample.p99).median,
                of(|sample| sample.first_p50).median,
            ));
        }
        for goal in cases::goals(case) {
            for name in ["blackbar", "blackbar-eleven"] {
                let Some(ratio) = ratio(rounds, name, goal.figure, goal.against) else { continue };
                let word = if goal.figure == Figure::Rate { "at least" } else { "at most" };
                let what = format!("{case}, {name}: {} to {}", goal.figure.name(), goal.against.name());
                self.goal(&what, &format!("{ratio}x"), &format!("{word} {}x", goal.bound), goal.is_met(ratio.median));
            }
        }
    }

    pub fn summary(&mut self) {
        if self.goals.is_empty() {
            return;
        }
        self.line("\n## Goals\n\n| what | figure | goal | |\n|---|---|---|---|");
        for goal in std::mem::take(&mut self.goals) {
            self.line(&goal);
        }
    }

    /// Writes the record of today; a second one of a day replaces the first.
    pub fn record(&self, head: &str) -> Result<PathBuf, String> {
        let date = OffsetDateTime::now_utc().date();
        let path = root().join(format!("benches/record/proxy-{date}.md"));
        let text = format!("# Proxies, {date}\n\n{head}\n## Figures\n{}", self.text);
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path)
    }
}

fn sample(round: &[(&'static str, Sample)], name: &str) -> Option<Sample> {
    round.iter().find(|(known, _)| *known == name).map(|(_, sample)| *sample)
}

/// The median of the rounds' ratios.
fn ratio(rounds: &Rounds, name: &str, figure: Figure, against: Against) -> Option<Spread> {
    let ratios = rounds.iter().filter_map(|round| {
        let own = figure.of(&sample(round, name)?);
        Some(own / against.sample(figure, round)?)
    });
    let ratios: Vec<f64> = ratios.collect();
    (!ratios.is_empty()).then(|| Spread::of(ratios))
}

/// The median of a case's CPU for a proxy.
pub fn median_cpu(rounds: &Rounds, name: &str) -> Option<f64> {
    let figures: Vec<f64> = rounds.iter().filter_map(|round| Some(sample(round, name)?.cpu)).collect();
    (!figures.is_empty()).then(|| Spread::of(figures).median)
}

/// A median with the least and the most.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
        let (middle, last) = (figures.len() / 2, figures.len().saturating_sub(1));
        let median = if figures.len().is_multiple_of(2) {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        } else {
            at(middle)
        };
        Self { median, least: at(0), most: at(last) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = match self.median {
            median if median < 10.0 => 2,
            median if median < 100.0 => 1,
            _ => 0,
        };
        write!(f, "{:.digits$} [{:.digits$}–{:.digits$}]", self.median, self.least, self.most)
    }
}

/// The machine, the versions and the method, as the head of a record.
pub fn head(arguments: &Arguments, versions: &[(&str, String)], load: &str) -> String {
    let mut head = String::new();
    let _ = writeln!(
        head,
        "- CPU: {}, {} of them",
        machine::processor("model name"),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let _ = writeln!(head, "- kernel: {}", machine::read("/proc/sys/kernel/osrelease"));
    let _ = writeln!(head, "- load: {load} at the start, {} at the end", machine::read("/proc/loadavg"));
    let _ = writeln!(head, "- compiler: {}; release as in `Cargo.toml`", output("rustc", &["--version"]));
    let described = output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]);
    let _ = writeln!(head, "- Blackbar at {described}");
    for (name, version) in versions.iter().filter(|(name, _)| targets::PEERS.contains(name)) {
        let _ = writeln!(head, "- {name}: {version}");
    }
    let _ = writeln!(
        head,
        "- {} rounds of {} ms for each proxy, in turn within a round; medians [least–most]; ratios are of a round",
        arguments.rounds,
        arguments.time.as_millis()
    );
    let _ = writeln!(
        head,
        "- all: TLS 1.3, client certificates, HTTP/1.1 over kept plain connections to the upstream, one worker, no access log, no buffering of bodies"
    );
    for (name, meaning) in targets::FORMS.iter().filter(|(name, _)| versions.iter().any(|(known, _)| known == name)) {
        let _ = writeln!(head, "- `{name}`: {meaning}; metrics on");
    }
    head
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
