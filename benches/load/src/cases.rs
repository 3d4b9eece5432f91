//! The cases, and what the goals are.

use crate::client::{Load, Sample};
use crate::prompt;

/// Every case by name.
pub const NAMES: [&str; 10] = ["1k", "16k", "1m", "sse", "sse-apart", "h2-1k", "h2-16k", "h2-1m", "one-1k", "shape"];

/// What is measured without rounds.
pub const ROWS: [&str; 2] = ["memory", "engine"];

/// What a reader needs to know of a case.
pub fn title(case: &str) -> &'static str {
    match case {
        "1k" => "POST of 1 KiB, short answer, 8 connections",
        "16k" => "POST of 16 KiB, short answer, 8 connections",
        "1m" => "POST of 1 MiB, short answer, 8 connections",
        "sse" => "POST of 1 KiB, an answer of 200 events without a pause, 8 connections",
        "sse-apart" => "the same, each event in a write of its own",
        "h2-1k" => "POST of 1 KiB over HTTP/2, 8 connections, one request at a time on each",
        "h2-16k" => "POST of 16 KiB over HTTP/2, 8 connections",
        "h2-1m" => "POST of 1 MiB over HTTP/2, 8 connections",
        "one-1k" => "POST of 1 KiB, one connection",
        _ => "the published shape: 1 KiB, an answer of 10 KiB after 10 ms, 50 connections, values both ways",
    }
}

/// What a case sends.
pub fn load(case: &str) -> Load {
    let size = match case.trim_start_matches("h2-") {
        "16k" => 16 << 10,
        "1m" => 1 << 20,
        _ => 1 << 10,
    };
    let (answer, connections) = match case {
        "sse" => ("sse", 8),
        "sse-apart" => ("sse-apart", 8),
        "one-1k" => ("short", 1),
        "shape" => ("long", 50),
        _ => ("short", 8),
    };
    Load { answer, body: prompt::body(size, answer.starts_with("sse")), connections, h2: case.starts_with("h2-") }
}

/// A figure that a goal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    Cpu,
    P50,
    Rate,
}

impl Figure {
    pub fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Cpu => sample.cpu,
            Self::P50 => sample.p50,
            Self::Rate => sample.rate,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::P50 => "p50",
            Self::Rate => "requests a second",
        }
    }
}

/// What a figure is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Against {
    Nginx,
    Haproxy,
    /// The peer that is cheapest in the round.
    Cheapest,
    /// Blackbar that only forwards.
    Off,
}

impl Against {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Cheapest => "the cheapest peer",
            Self::Off => "blackbar-off",
        }
    }

    /// Among the samples of a round, by name.
    pub fn sample(self, figure: Figure, round: &[(&'static str, Sample)]) -> Option<f64> {
        let named = |name| round.iter().find(|(known, _)| *known == name).map(|(_, sample)| figure.of(sample));
        match self {
            Self::Nginx => named("nginx"),
            Self::Haproxy => named("haproxy"),
            Self::Off => named("blackbar-off"),
            Self::Cheapest => crate::targets::PEERS.into_iter().filter_map(named).min_by(f64::total_cmp),
        }
    }
}

/// A bound on a ratio.
#[derive(Clone, Copy)]
pub struct Goal {
    pub figure: Figure,
    pub against: Against,
    pub bound: f64,
}

impl Goal {
    /// Rates are to be high, all else low.
    pub fn is_met(&self, ratio: f64) -> bool {
        if self.figure == Figure::Rate { ratio >= self.bound } else { ratio <= self.bound }
    }
}

/// The goals of a case, for Blackbar that scans.
pub fn goals(case: &str) -> Vec<Goal> {
    let cpu = |against, bound| vec![Goal { figure: Figure::Cpu, against, bound }];
    match case {
        "1k" | "h2-1k" => cpu(Against::Nginx, 1.15),
        "16k" | "h2-16k" => cpu(Against::Nginx, 1.35),
        "1m" | "h2-1m" => cpu(Against::Cheapest, 1.7),
        "sse" => cpu(Against::Nginx, 1.3),
        "one-1k" => vec![Goal { figure: Figure::P50, against: Against::Haproxy, bound: 1.2 }],
        "shape" => vec![
            Goal { figure: Figure::Rate, against: Against::Off, bound: 0.95 },
            Goal { figure: Figure::Cpu, against: Against::Nginx, bound: 1.5 },
        ],
        _ => Vec::new(),
    }
}
