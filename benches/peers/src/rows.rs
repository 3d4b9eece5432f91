//! The rows below the table: packs, users' rules, worst cases, pieces, the JSON layer, the process, memory.

use std::process::{Command, Stdio};

use blackbar::engine::{Output, StreamRedactor};

use crate::arguments::Arguments;
use crate::clock::{Spread, children_seconds, thread_seconds};
use crate::corpus::{self, Corpus};
use crate::engines::Engine;
use crate::engines::json::Json;
use crate::engines::ours::Ours;
use crate::report::{Goal, Report, significant};
use crate::rules::{RULES, eleven, eleven_file, redactor};
use crate::table::{UNIT, measure};
use crate::{memory, packs};

/// The first argument with which this program is `blackbar` itself.
pub const AS_BLACKBAR: &str = "--as-blackbar";

type Row = fn(&Arguments, &mut Report) -> Result<(), String>;

/// The rows by the names that `--only` takes.
pub const ROWS: [(&str, Row); 9] = [
    ("packs", bundled_packs),
    ("users", users_rules),
    ("worst", worst),
    ("stream", pieces),
    ("forms", forms),
    ("json", json),
    ("process", process),
    ("allocations", allocations),
    ("state", state),
];

/// Every row that was asked for. A row that cannot be measured says why; the others go on.
pub fn run(arguments: &Arguments, report: &mut Report) {
    for (name, row) in ROWS {
        if arguments.wants(name)
            && let Err(reason) = row(arguments, report)
        {
            report.line(format_args!("{name} was not measured: {reason}"));
        }
    }
}

fn ours(name: &str) -> Result<Box<dyn Engine>, String> {
    Ok(Box::new(Ours::new(name, redactor(eleven())?)))
}

/// The three corpora that have no bad intent.
fn everyday(arguments: &Arguments) -> [(&'static str, Corpus); 3] {
    let (size, seed) = (arguments.size, arguments.seed);
    [("chat", corpus::chat(size, seed)), ("clean", corpus::clean(size, seed)), ("logs", corpus::logs(size, seed))]
}

fn bundled_packs(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("Bundled packs: how many times the eleven rules' time");
    let (default, all) = (packs::bundled("default")?, packs::bundled("all")?);
    let mut engines = vec![
        ours("eleven")?,
        Box::new(Ours::new("default", packs::redactor(&default))) as Box<dyn Engine>,
        Box::new(Ours::new("all", packs::redactor(&all))),
    ];
    report.line(format_args!(
        "| corpus | eleven, MB/s | default ({} rules) | all ({} rules) |",
        default.rules.rules().len(),
        all.rules.rules().len()
    ));
    report.line(format_args!("|---|---|---|---|"));
    for (name, corpus) in everyday(arguments) {
        let (speeds, _) = measure(&mut engines, corpus.bytes(), arguments.rounds);
        let base = significant(Spread::of(speeds[0].clone()).median);
        let default = Spread::ratio(&speeds[0], &speeds[1]);
        let default = report.judged(&format!("default pack on {name}"), default, Goal::AtMost(1.3));
        let all = Spread::ratio(&speeds[0], &speeds[2]);
        let all = report.judged(&format!("all packs on {name}"), all, Goal::AtMost(2.0));
        report.line(format_args!("| {name} | {base} | {default} | {all} |"));
    }
    Ok(())
}

fn users_rules(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("A thousand users' rules with literals: how many times the time of ten");
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(Ours::new("ten", redactor(packs::users(10))?)),
        Box::new(Ours::new("thousand", redactor(packs::users(1000))?)),
    ];
    report.line(format_args!("| corpus | ten, MB/s | thousand |"));
    report.line(format_args!("|---|---|---|"));
    for (name, corpus) in everyday(arguments) {
        let (speeds, _) = measure(&mut engines, corpus.bytes(), arguments.rounds);
        let ten = significant(Spread::of(speeds[0].clone()).median);
        let ratio = Spread::ratio(&speeds[0], &speeds[1]);
        let ratio = report.judged(&format!("1,000 users' rules on {name}"), ratio, Goal::AtMost(2.0));
        report.line(format_args!("| {name} | {ten} | {ratio} |"));
    }
    Ok(())
}

/// How often a worst case is repeated to a text that takes time to measure.
const REPEATS: usize = 8;

/// MB/s of one engine on one unit, given `REPEATS` times a round.
fn unit_speed(engine: &mut dyn Engine, unit: &[u8], rounds: usize) -> f64 {
    let mut ignored = [0; RULES];
    engine.redact(unit, &mut ignored);
    let once = |_| {
        let begun = thread_seconds();
        for _ in 0..REPEATS {
            std::hint::black_box(engine.redact(unit, &mut ignored));
        }
        (REPEATS * unit.len()) as f64 / 1e6 / (thread_seconds() - begun)
    };
    Spread::of((0..rounds.min(3)).map(once).collect()).median
}

fn worst(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("The worst 64 KiB: its speed as a part of chat's");
    let mut cases = corpus::worst_cases(UNIT, arguments.seed);
    let adversarial = corpus::adversarial(arguments.size / 5, arguments.seed);
    let units = corpus::units(adversarial.bytes(), UNIT);
    cases.extend(units.iter().enumerate().map(|(place, unit)| (format!("near misses {place}"), unit.to_vec())));
    let longer = corpus::worst_cases(16 * UNIT, arguments.seed);
    let chat = corpus::chat(1 << 20, arguments.seed);
    let sets: [(&str, Result<StreamRedactor, String>); 3] = [
        ("eleven rules", redactor(eleven())),
        ("default", packs::bundled("default").map(|scopes| packs::redactor(&scopes))),
        ("all", packs::bundled("all").map(|scopes| packs::redactor(&scopes))),
    ];
    report.line(format_args!("{} cases.\n", cases.len()));
    report.line(format_args!(
        "| rules | chat, MB/s | slowest, MB/s | part of chat | 1 MiB of it at the speed of 64 KiB | next slowest |"
    ));
    report.line(format_args!("|---|---|---|---|---|---|"));
    for (name, redactor) in sets {
        let mut engine = Ours::new(name, redactor?);
        let base = unit_speed(&mut engine, chat.bytes(), arguments.rounds);
        let mut speeds: Vec<(f64, &str)> =
            cases.iter().map(|(case, unit)| (unit_speed(&mut engine, unit, arguments.rounds), case.as_str())).collect();
        speeds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let Some((slowest, case)) = speeds.first().copied() else { continue };
        let part = report.judged(&format!("worst 64 KiB with {name} ({case})"), slowest / base, Goal::AtLeast(0.1));
        // No quadratic case: of the ten slowest, sixteen times the text takes sixteen times the time.
        let growth = speeds.iter().take(10).filter_map(|(speed, case)| {
            let (_, text) = longer.iter().find(|(name, _)| name == case)?;
            Some(unit_speed(&mut engine, text, 1) / speed)
        });
        let growth = growth.min_by(f64::total_cmp).unwrap_or(1.0);
        let growth = report.judged(&format!("growth of the worst cases with {name}"), growth, Goal::AtLeast(0.5));
        let next: Vec<String> =
            speeds.iter().skip(1).take(7).map(|(speed, case)| format!("{case} {}", significant(*speed))).collect();
        let (base, slowest) = (significant(base), significant(slowest));
        report.line(format_args!("| {name} | {base} | {case} {slowest} | {part} | {growth} | {} |", next.join(", ")));
    }
    Ok(())
}

fn pieces(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("Pieces of 4 KiB: the speed as a part of whole units'");
    let (size, seed) = (arguments.size, arguments.seed);
    let mut engines =
        vec![ours("whole")?, Box::new(Ours::in_pieces("pieces", redactor(eleven())?, 4 << 10)) as Box<dyn Engine>];
    let near = ("adversarial", corpus::adversarial(size / 5, seed));
    for (name, corpus) in everyday(arguments).into_iter().chain([near]) {
        let mut ignored = [0; RULES];
        for unit in corpus::units(corpus.bytes(), UNIT) {
            let whole = engines[0].redact(unit, &mut ignored).to_vec();
            assert!(whole == engines[1].redact(unit, &mut ignored), "pieces give other bytes than the whole on {name}");
        }
        let (speeds, _) = measure(&mut engines, corpus.bytes(), arguments.rounds);
        let ratio = Spread::ratio(&speeds[1], &speeds[0]);
        let ratio = report.judged(&format!("4 KiB pieces of {name}"), ratio, Goal::AtLeast(0.9));
        report.line(format_args!("- {name}: {ratio}, the same bytes out"));
    }
    Ok(())
}

fn forms(_: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("Forms of the vectorised pass");
    report.line(format_args!("The crate offers no way to choose one."));
    Ok(())
}

fn json(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("Through the JSON layer: the speed as a part of the bare engine's on the same bytes");
    let scopes = packs::from_file("eleven", &eleven_file())?;
    let bodies = corpus::chat_bodies(arguments.size, arguments.seed);
    let mut engines: Vec<Box<dyn Engine>> =
        vec![Box::new(Ours::new("bare", packs::redactor(&scopes))), Box::new(Json::new(scopes))];
    let (speeds, tallies) = measure(&mut engines, bodies.bytes(), arguments.rounds);
    let [bare, layer] = [0, 1].map(|engine: usize| significant(Spread::of(speeds[engine].clone()).median));
    let ratio = Spread::ratio(&speeds[1], &speeds[0]);
    let ratio = report.judged("JSON layer", ratio, Goal::AtLeast(0.5));
    let [bare_found, found] = [0, 1].map(|engine: usize| tallies[engine].iter().sum::<u64>());
    let planted = bodies.planted.len();
    report.line(format_args!(
        "{ratio}: {layer} of {bare} MB/s; planted {planted}, found {found}, without the layer {bare_found}."
    ));
    Ok(())
}

/// How often the corpus stands in the file that the process reads, so that its start does not count.
const COPIES: usize = 16;

fn process(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("`blackbar redact` as a process: its CPU as a multiple of the engine's");
    let failed = |error: std::io::Error| error.to_string();
    let folder = std::env::temp_dir().join(format!("blackbar-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let (rules, input) = (folder.join("rules.toml"), folder.join("chat.txt"));
    let chat = corpus::chat(arguments.size, arguments.seed);
    std::fs::write(&rules, eleven_file()).map_err(failed)?;
    std::fs::write(&input, chat.text.repeat(COPIES)).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut engines = vec![ours("engine")?];
    let mut ratios = Vec::new();
    let mut speeds = Vec::new();
    for _ in 0..arguments.rounds {
        let before = children_seconds();
        let status = Command::new(&program)
            .args([AS_BLACKBAR, "redact", "--rules"])
            .args([&rules, &input])
            .stdout(Stdio::null())
            .status()
            .map_err(failed)?;
        if !status.success() {
            return Err(format!("blackbar redact: {status}"));
        }
        let process = children_seconds() - before;
        let (engine, _) = measure(&mut engines, chat.bytes(), 1);
        let bytes = (chat.text.len() * COPIES) as f64 / 1e6;
        ratios.push(process / (bytes / engine[0][0]));
        speeds.push(bytes / process);
    }
    let _ = std::fs::remove_dir_all(&folder);
    let ratio = report.judged("blackbar redact", Spread::of(ratios).median, Goal::AtMost(1.5));
    let speed = significant(Spread::of(speeds).median);
    report.line(format_args!("{ratio}: {speed} MB/s of user and system time, start and rules included."));
    Ok(())
}

fn allocations(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("Allocations");
    let clean = corpus::clean(arguments.size.min(16 << 20), arguments.seed);
    let chat = corpus::chat(arguments.size.min(16 << 20), arguments.seed);
    let mut ignored = [0; RULES];
    for (name, piece) in [("whole units", 0), ("4 KiB pieces", 4 << 10)] {
        let mut engine = Ours::in_pieces(name, redactor(eleven())?, piece);
        let mut count = |text: &[u8]| {
            let before = memory::calls();
            for unit in corpus::units(text, UNIT) {
                engine.redact(unit, &mut ignored);
            }
            // The list of units is ours, and grows as it is made.
            let engine_and_list = memory::calls() - before;
            let before = memory::calls();
            std::hint::black_box(corpus::units(text, UNIT));
            engine_and_list - (memory::calls() - before)
        };
        count(clean.bytes());
        let on_clean = count(clean.bytes());
        count(chat.bytes());
        let on_chat = count(chat.bytes());
        let judged = report.judged(&format!("allocations on clean text, {name}"), on_clean as f64, Goal::AtMost(0.0));
        report.line(format_args!(
            "- {name}: clean {judged}; chat {on_chat}, {} for each of {} findings",
            significant(on_chat as f64 / chat.planted.len() as f64),
            chat.planted.len()
        ));
    }
    Ok(())
}

fn state(arguments: &Arguments, report: &mut Report) -> Result<(), String> {
    report.heading("State of a stream, in bytes");
    let clean = corpus::clean(UNIT, arguments.seed);
    let scopes = [
        ("eleven rules", packs::from_file("eleven", &eleven_file())?),
        ("default", packs::bundled("default")?),
        ("all", packs::bundled("all")?),
    ];
    let mut out = Output::default();
    for (name, scopes) in scopes {
        // One stream grows the output; what the next ones allocate is their own.
        let mut warm = packs::redactor(&scopes);
        let mut stream = |piece: usize| {
            let before = memory::live();
            let mut redactor = packs::redactor(&scopes);
            let new = memory::live() - before;
            let mut held = 0;
            for piece in clean.bytes().chunks(piece) {
                out.clear();
                let _ = redactor.push(piece, &mut out);
                held = held.max(redactor.held());
            }
            let fed = memory::live() - before;
            out.clear();
            let _ = redactor.finish(&mut out);
            (new, held, fed, memory::live() - before)
        };
        let _ = (stream(4 << 10), warm.finish(&mut Output::default()));
        let (new, held, fed, ended) = stream(4 << 10);
        let own = std::mem::size_of::<StreamRedactor>() as f64 + new as f64;
        let judged = report.judged(&format!("state of a stream, {name}"), own, Goal::AtMost(512.0));
        report.line(format_args!(
            "- {name}: {judged} of its own ({} and {new} on the heap); in clean text it holds {held} at most, its heap is {fed}, {ended} after the end; the rules' hold-back is {}",
            std::mem::size_of::<StreamRedactor>(),
            scopes.rules.holdback()
        ));
    }
    Ok(())
}
