//! The table of speeds: four corpora, every engine, the ratios with their goals.

use crate::arguments::Arguments;
use crate::clock::{Spread, thread_seconds};
use crate::corpus::{self, Corpus, Kind};
use crate::engines::automata::Automata;
use crate::engines::ceilings::{AbsentByte, Copy};
use crate::engines::hyperscan::Hyperscan;
use crate::engines::ours::Ours;
use crate::engines::{Engine, Tally};
use crate::report::{Goal, Report, significant};
use crate::rules::{self, ELEVEN, RULES};

/// The most bytes of a unit.
pub const UNIT: usize = 64 << 10;

/// A corpus and what the engines should reach on it: factors over `automata`, `automata-64m`, Hyperscan, dd-sds and
/// `memchr`.
struct Field {
    name: &'static str,
    corpus: Corpus,
    goals: [Option<f64>; 5],
}

fn fields(arguments: &Arguments) -> [Field; 4] {
    let (size, seed) = (arguments.size, arguments.seed);
    let goals = |automata, large_cache, hyperscan, sds, memchr| {
        [automata, large_cache, Some(hyperscan), Some(sds), Some(memchr)]
    };
    [
        Field { name: "chat", corpus: corpus::chat(size, seed), goals: goals(Some(6.0), None, 20.0, 30.0, 0.16) },
        Field { name: "clean", corpus: corpus::clean(size, seed), goals: goals(Some(6.0), None, 24.0, 22.0, 0.22) },
        Field { name: "logs", corpus: corpus::logs(size, seed), goals: goals(Some(3.0), None, 12.0, 50.0, 0.07) },
        Field {
            name: "adversarial",
            corpus: corpus::adversarial(size / 5, seed),
            goals: goals(Some(25.0), Some(2.5), 6.0, 25.0, 0.02),
        },
    ]
}

/// The names that `--only` takes for engines.
pub const ENGINES: [&str; 10] = [
    "blackbar",
    "automata",
    "automata-64m",
    "hyperscan",
    "vectorscan",
    "hyperscan-ends",
    "vectorscan-ends",
    "sds",
    "memchr",
    "memcpy",
];

/// The engines that were asked for; those that are not there say why.
fn engines(arguments: &Arguments, report: &mut Report) -> Result<Vec<Box<dyn Engine>>, String> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Ours::new("blackbar", rules::redactor(rules::eleven())?))];
    if arguments.wants_engine("automata") {
        engines.push(Box::new(Automata::new("automata", None)?));
    }
    if arguments.wants_engine("automata-64m") {
        engines.push(Box::new(Automata::new("automata-64m", Some(64 << 20))?));
    }
    for (library, start_of_match) in
        [("hyperscan", true), ("vectorscan", true), ("hyperscan", false), ("vectorscan", false)]
    {
        let name = format!("{library}{}", if start_of_match { "" } else { "-ends" });
        if arguments.wants_engine(&name) {
            match Hyperscan::open(library, start_of_match) {
                Ok(engine) => engines.push(Box::new(engine)),
                Err(reason) => report.line(format_args!("{name} is left out: {reason}")),
            }
        }
    }
    #[cfg(feature = "sds")]
    if arguments.wants_engine("sds") {
        engines.push(Box::new(crate::engines::sds::Sds::new()?));
    }
    if arguments.wants_engine("memchr") {
        engines.push(Box::new(AbsentByte));
    }
    if arguments.wants_engine("memcpy") {
        engines.push(Box::new(Copy::default()));
    }
    Ok(engines)
}

/// Speeds in MB/s: by engine, then by round.
type Speeds = Vec<Vec<f64>>;

/// One pass of an engine over the units: seconds of CPU.
pub fn pass(engine: &mut dyn Engine, units: &[&[u8]], tally: &mut Tally) -> f64 {
    let begun = thread_seconds();
    for unit in units {
        std::hint::black_box(engine.redact(unit, tally));
    }
    thread_seconds() - begun
}

/// Engines in turn, round by round, after one pass each that counts and warms up.
pub fn measure(engines: &mut [Box<dyn Engine>], text: &[u8], rounds: usize) -> (Speeds, Vec<Tally>) {
    let units = corpus::units(text, UNIT);
    let mut tallies = vec![[0; RULES]; engines.len()];
    for (engine, tally) in engines.iter_mut().zip(&mut tallies) {
        pass(engine.as_mut(), &units, tally);
    }
    let mut speeds = vec![Vec::with_capacity(rounds); engines.len()];
    let mut ignored = [0; RULES];
    for _ in 0..rounds {
        for (engine, speeds) in engines.iter_mut().zip(&mut speeds) {
            speeds.push(text.len() as f64 / 1e6 / pass(engine.as_mut(), &units, &mut ignored));
        }
    }
    (speeds, tallies)
}

/// Measures and prints; gives the versions of the engines that no lock file knows.
pub fn run(arguments: &Arguments, report: &mut Report) -> Result<Vec<(String, String)>, String> {
    let mut engines = engines(arguments, report)?;
    if engines.len() == 1 && !arguments.wants_engine("blackbar") {
        return Ok(Vec::new());
    }
    let fields = fields(arguments);
    report.heading("Speed, eleven rules, MB/s of CPU time: median [least, most]");
    report.line(format_args!("Blackbar's rules: {}. {} rounds.\n", rules::forms(), arguments.rounds));
    let measured: Vec<(Speeds, Vec<Tally>)> =
        fields.iter().map(|field| measure(&mut engines, field.corpus.bytes(), arguments.rounds)).collect();
    let names: Vec<String> = engines.iter().map(|engine| engine.name().to_owned()).collect();
    speeds(&names, &fields, &measured, report);
    ratios(&names, &fields, &measured, report);
    let redacting: Vec<bool> = engines.iter().map(|engine| engine.redacts()).collect();
    for (field, (_, tallies)) in fields.iter().zip(&measured) {
        matches(&names, &redacting, field, tallies, report);
    }
    let versions = engines.iter().filter_map(|engine| Some((engine.name().to_owned(), engine.version()?.to_owned())));
    Ok(versions.collect())
}

fn speeds(names: &[String], fields: &[Field], measured: &[(Speeds, Vec<Tally>)], report: &mut Report) {
    let header: String = fields
        .iter()
        .map(|field| format!(" {} {:.1} MB |", field.name, field.corpus.bytes().len() as f64 / 1e6))
        .collect();
    report.line(format_args!("| engine |{header}"));
    report.line(format_args!("|---|{}", "---|".repeat(fields.len())));
    for (place, name) in names.iter().enumerate() {
        let cells: String = measured
            .iter()
            .map(|(speeds, _)| {
                let spread = Spread::of(speeds[place].clone());
                let [median, least, most] = [spread.median, spread.least, spread.most].map(significant);
                format!(" **{median}** [{least}, {most}] |")
            })
            .collect();
        report.line(format_args!("| {name} |{cells}"));
    }
}

/// Columns of the goals: what they are called, and the engines that they are measured by, the fastest of them.
const AGAINST: [(&str, &[&str]); 5] = [
    ("regex-automata", &["automata"]),
    ("regex-automata, 64 MiB cache", &["automata-64m"]),
    ("Hyperscan, start of match", &["hyperscan", "vectorscan"]),
    ("dd-sds", &["sds"]),
    ("memchr of an absent byte", &["memchr"]),
];

fn ratios(names: &[String], fields: &[Field], measured: &[(Speeds, Vec<Tally>)], report: &mut Report) {
    report.heading("Blackbar's speed as a multiple of the peers', in the same rounds");
    let columns: String = AGAINST.iter().map(|(name, _)| format!(" {name} |")).collect();
    report.line(format_args!("| corpus |{columns}"));
    report.line(format_args!("|---|{}", "---|".repeat(AGAINST.len())));
    for (field, (speeds, _)) in fields.iter().zip(measured) {
        let mut cells = String::new();
        for ((column, peers), goal) in AGAINST.iter().zip(field.goals) {
            let places = peers.iter().filter_map(|peer| names.iter().position(|name| name == peer));
            let least = places.map(|place| Spread::ratio(&speeds[0], &speeds[place])).min_by(f64::total_cmp);
            cells += &match (least, goal) {
                (Some(ratio), Some(goal)) => {
                    format!(
                        " {} |",
                        report.judged(&format!("{} against {column}", field.name), ratio, Goal::AtLeast(goal))
                    )
                }
                (Some(ratio), None) => format!(" {} |", significant(ratio)),
                (None, _) => " – |".to_owned(),
            };
        }
        report.line(format_args!("| {} |{cells}", field.name));
    }
}

/// Findings by rule: what was planted, what each engine found. A kind that differs from ours is marked.
fn matches(names: &[String], redacting: &[bool], field: &Field, tallies: &[Tally], report: &mut Report) {
    report.heading(&format!("Findings in {}", field.name));
    let header: String = ELEVEN.iter().map(|(name, _)| format!(" {name} |")).collect();
    report.line(format_args!("| |{header} all |"));
    report.line(format_args!("|---|{}", "---|".repeat(RULES + 1)));
    let planted: Vec<u64> = Kind::SHARES.iter().map(|(kind, _)| field.corpus.count(*kind) as u64).collect();
    let row = |name: &str, counts: &[u64], mark: &dyn Fn(usize, u64) -> &'static str| {
        let cells: String =
            counts.iter().enumerate().map(|(rule, count)| format!(" {count}{} |", mark(rule, *count))).collect();
        format!("| {name} |{cells} {} |", counts.iter().sum::<u64>())
    };
    let planted_row = row("planted", &planted, &|_, _| "");
    report.line(format_args!("{planted_row}"));
    for ((name, redacts), tally) in names.iter().zip(redacting).zip(tallies) {
        if *redacts {
            let line = row(name, tally, &|rule, count| if count == tallies[0][rule] { "" } else { " *" });
            report.line(format_args!("{line}"));
        }
    }
}
