//! Where findings are: bytes of stdin or files in, places, rules and actions out, never a value.
//!
//! Everything runs through the same [`BodyInspector`] as the proxy's, which decides what is a finding, counts it by
//! rule, and refuses what it cannot read; so `scan` sees what `redact` redacts. It does not know places. The input is
//! also scanned as it stands, a text as one and anything else line by line: the place of a finding that both see is
//! exact. Where a value is written with escapes or goes over several events it is column 1 of the line being read.

mod report;

use std::collections::VecDeque;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use self::report::Report;
use super::input::{PIECE, Source, media_type_argument, sources};
use super::locate::{Locator, Place};
use super::redact::{refusal, specification};
use super::rules::{Active, RulesChoice, Way};
use super::{Code, Failure, complain};
use crate::body::media::Shape;
use crate::body::{BodyError, BodyInspector, Decoding, MediaType, Scopes, parse_content_encoding};
use crate::engine::{Action, ActionTable, Output, RuleSet, StreamRedactor};

/// Findings of the line scan that wait for the body layer to see them too.
const WAITING: usize = 4096;
/// How far back places are known at least.
const REACH: usize = 64 << 10;

/// Arguments of `scan`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar scan --format sarif logs/*.ndjson > findings.sarif

Exit codes: 0 no findings, 1 findings or not scannable, 2 usage or I/O.")]
pub(super) struct ScanArguments {
    #[command(flatten)]
    rules: RulesChoice,
    /// Whose actions hold
    #[arg(long, value_enum, default_value_t = Way::Request)]
    direction: Way,
    /// What the bodies are, as in HTTP [default: from a file's name, else text/plain]
    #[arg(long = "type", value_name = "MEDIA_TYPE", value_parser = media_type_argument)]
    media_type: Option<String>,
    /// How findings are printed; json is one object a line
    #[arg(long, value_enum, default_value_t = Style::Text)]
    format: Style,
    /// Files; - or none is stdin
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Style {
    /// file:line:column: rule ENTITY action
    Text,
    /// One object a line
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// A finding's place and what is done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Index into the rules.
    pub(super) rule: usize,
    /// The action's name.
    pub(super) action: &'static str,
    /// Where it begins.
    pub(super) place: Place,
}

/// Runs `scan`.
pub(super) fn run(arguments: &ScanArguments) -> Result<Code, Failure> {
    let active = arguments.rules.load()?;
    let mut report = Report::new(arguments.format, Arc::clone(&active.rules));
    report.begin()?;
    let mut code = Code::Fine;
    for source in sources(&arguments.files) {
        report.source(&source);
        match one(arguments, &active, &source, &mut report) {
            Ok(()) => {}
            Err(failure) => {
                failure.lines.iter().for_each(|line| complain(line));
                code = code.max(failure.code);
            }
        }
    }
    report.end()?;
    Ok(if report.findings() > 0 { code.max(Code::Refused) } else { code })
}

fn one(arguments: &ScanArguments, active: &Active, source: &Source, report: &mut Report) -> Result<(), Failure> {
    let refused = |error: &BodyError| refusal(source, error, &active.rules);
    let format = source.format();
    let media_type = arguments.media_type.as_deref().unwrap_or(format.media_type);
    let named = active.scopes(arguments.direction.into());
    let scopes = unblocked(named, &active.rules);
    let encoding = format.content_encoding().unwrap_or_default();
    let codings = parse_content_encoding(std::iter::once(encoding.as_bytes()), active.limits.coding_layers)
        .map_err(|error| refused(&error))?;
    let mut decoding = Decoding::new(&codings, &active.limits).map_err(|error| refused(&error))?;
    let parsed = MediaType::parse(media_type.as_bytes());
    let is_one = |parsed: &MediaType| {
        let as_it_stands = matches!(parsed.shape(), Shape::Plain | Shape::Markup { .. } | Shape::Yaml);
        parsed.kind() == "text" && !parsed.is_json() && !parsed.is_json_lines() && as_it_stands
    };
    let texts = match parsed.filter(is_one) {
        Some(parsed) if parsed.is_event_stream() => Texts::Events,
        Some(_) => Texts::Whole,
        None => Texts::Lines,
    };
    let scopes = Arc::new(scopes);
    let spec = specification(active, &scopes, media_type, Vec::new(), arguments.direction.into());
    let inspector = BodyInspector::new(spec).map_err(|error| refused(&error))?;
    let scanner = BodyScanner::new(inspector, &scopes, &named.actions, texts);
    let input =
        source.open(arguments.format != Style::Text || !std::io::IsTerminal::is_terminal(&std::io::stdout()))?;
    feed(input, &mut decoding, scanner, source, &active.rules, report)
}

fn feed(
    mut input: impl Read,
    decoding: &mut Decoding,
    mut scanner: BodyScanner,
    source: &Source,
    rules: &RuleSet,
    report: &mut Report,
) -> Result<(), Failure> {
    let refused = |error: BodyError| refusal(source, &error, rules);
    let mut piece = vec![0_u8; PIECE];
    let mut found = Vec::new();
    loop {
        let count = input.read(&mut piece).map_err(|error| Failure::io(source, &error))?;
        let mut bytes = piece.get(..count).unwrap_or_default();
        if count == 0 {
            decoding.finish().map_err(refused)?;
            let ended = scanner.finish(&mut found);
            tell_blocks_once(&mut found, rules);
            report.print(&mut found)?;
            return ended.map_err(refused);
        }
        if decoding.is_identity() {
            scanner.push(bytes, &mut found).map_err(refused)?;
        } else {
            while let Some(text) = decoding.next_piece(&mut bytes).map_err(refused)? {
                scanner.push(text, &mut found).map_err(refused)?;
            }
        }
        tell_blocks_once(&mut found, rules);
        report.print(&mut found)?;
    }
}

/// Of several rules that block the same entity at one place the first is told: observed, they are all found, where one of
/// them would have blocked.
fn tell_blocks_once(found: &mut Vec<Found>, rules: &RuleSet) {
    let entity = |one: &Found| rules.rules().get(one.rule).map(|rule| &rule.entity);
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for one in found.drain(..) {
        let same = |other: &Found| other.action == "block" && entity(other) == entity(&one);
        let told = || kept.iter().rev().take_while(|other| other.place == one.place).any(same);
        if one.action != "block" || !told() {
            kept.push(one);
        }
    }
    *found = kept;
}

/// The same actions, but a rule that blocks only observes: a scan goes on to the end.
fn unblocked(scopes: &Scopes, rules: &Arc<RuleSet>) -> Scopes {
    let table = |table: &ActionTable| {
        let actions = (0..rules.rules().len()).map(|index| match table.action(index) {
            Action::Block | Action::Quarantine => Action::Observe,
            other => other.clone(),
        });
        Arc::new(ActionTable::new(actions.collect(), table.key().cloned()))
    };
    Scopes {
        rules: Arc::clone(rules),
        actions: table(&scopes.actions),
        paths: scopes.paths.iter().map(|(path, actions)| (path.clone(), table(actions))).collect(),
        tools: None,
        restore: None,
    }
}

/// What is scanned as one text where the input is scanned as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Texts {
    /// All of it.
    Whole,
    /// Each line.
    Lines,
    /// Each line, but values go on over the lines of several events.
    Events,
}

/// Scans a text as it stands.
struct TextScanner {
    redactor: StreamRedactor,
    /// The actions as configured.
    named: Arc<ActionTable>,
    locator: Locator,
    out: Output,
}

impl TextScanner {
    fn new(scopes: &Scopes, named: &Arc<ActionTable>) -> Self {
        Self {
            redactor: StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions)),
            named: Arc::clone(named),
            locator: Locator::new(scopes.rules.holdback() + REACH),
            out: Output::default(),
        }
    }

    fn push(&mut self, text: &[u8], found: &mut Vec<Found>) -> Result<(), BodyError> {
        self.locator.feed(text);
        self.redactor.push(text, &mut self.out)?;
        self.hand_over(found);
        Ok(())
    }

    fn finish(&mut self, found: &mut Vec<Found>) -> Result<(), BodyError> {
        self.redactor.finish(&mut self.out)?;
        self.hand_over(found);
        Ok(())
    }

    /// Ends this text and begins another.
    fn next(&mut self, found: &mut Vec<Found>) -> Result<(), BodyError> {
        self.finish(found)?;
        self.locator = Locator::new(self.locator.reach());
        Ok(())
    }

    fn hand_over(&mut self, found: &mut Vec<Found>) {
        for finding in &self.out.findings {
            let place = self.locator.place(finding.span.start);
            found.push(Found { rule: finding.rule, action: self.named.action(finding.rule).name(), place });
        }
        self.out.clear();
    }
}

/// Scans a body through its inspector, a line at a time, and also as it stands.
struct BodyScanner {
    texts: Texts,
    inspector: BodyInspector,
    redacted: Vec<u8>,
    /// What the inspector had counted, by rule and action.
    counted: Vec<(usize, &'static str, u64)>,
    raw: TextScanner,
    /// What the raw scan found and the inspector has not.
    waiting: VecDeque<Found>,
    /// What the body's reader has found before the scan as it stands could tell where, with the line read then.
    unplaced: VecDeque<Found>,
    /// The line that is being read, and the last one that has anything in it.
    line: u64,
    filled: u64,
}

impl BodyScanner {
    fn new(inspector: BodyInspector, scopes: &Scopes, named: &Arc<ActionTable>, texts: Texts) -> Self {
        Self {
            texts,
            inspector,
            redacted: Vec::new(),
            counted: Vec::new(),
            raw: TextScanner::new(scopes, named),
            waiting: VecDeque::new(),
            unplaced: VecDeque::new(),
            line: 1,
            filled: 1,
        }
    }

    fn push(&mut self, text: &[u8], found: &mut Vec<Found>) -> Result<(), BodyError> {
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            if part.iter().any(|byte| !byte.is_ascii_whitespace()) {
                self.filled = self.line;
            }
            let mut raw = Vec::new();
            self.raw.push(part, &mut raw)?;
            let ends = part.last() == Some(&b'\n');
            if ends && self.texts != Texts::Whole {
                self.raw.next(&mut raw)?;
            }
            self.wait_for(raw);
            let pushed = self.inspector.push(part, &mut self.redacted);
            self.redacted.clear();
            self.count(found);
            pushed?;
            if ends {
                self.line += 1;
                if self.texts == Texts::Lines {
                    self.waiting.clear();
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, found: &mut Vec<Found>) -> Result<(), BodyError> {
        let mut raw = Vec::new();
        self.raw.finish(&mut raw)?;
        self.wait_for(raw);
        let ended = self.inspector.finish(&mut self.redacted);
        self.redacted.clear();
        self.count(found);
        found.extend(self.unplaced.drain(..));
        found.sort_by_key(|one| one.place);
        ended
    }

    /// The scan of a line knows columns; lines are counted here.
    fn wait_for(&mut self, raw: Vec<Found>) {
        for one in raw {
            if self.waiting.len() == WAITING {
                self.waiting.pop_front();
            }
            let line = if self.texts == Texts::Whole { one.place.line } else { self.line };
            self.waiting.push_back(Found { place: Place { line, ..one.place }, ..one });
        }
    }

    /// What the inspector has counted since the last time, each with the best place known.
    fn count(&mut self, found: &mut Vec<Found>) {
        for (rule, action, total) in &self.inspector.inspection().findings {
            let known = self.counted.iter_mut().find(|(known, name, _)| known == rule && name == action);
            let new = match known {
                Some((_, _, before)) => total - std::mem::replace(before, *total),
                None => {
                    self.counted.push((*rule, action, *total));
                    *total
                }
            };
            for _ in 0..new {
                // A rule that blocks was made to observe, so that the scan goes on.
                let blocks = *action == "observe" && matches!(self.raw.named.action(*rule), Action::Block);
                let action = if blocks { "block" } else { action };
                let place = Place { line: self.filled, column: 1, character: 1 };
                self.unplaced.push_back(Found { rule: *rule, action, place });
            }
        }
        for mut one in std::mem::take(&mut self.unplaced) {
            match self.waiting.iter().position(|other| other.rule == one.rule).and_then(|at| self.waiting.remove(at)) {
                Some(placed) => one.place = placed.place,
                // Of one whole text the scan as it stands may know more later.
                None if self.texts == Texts::Whole => {
                    self.unplaced.push_back(one);
                    continue;
                }
                None => {}
            }
            found.push(one);
        }
        while self.unplaced.len() > WAITING {
            found.extend(self.unplaced.pop_front());
        }
        found.sort_by_key(|one| one.place);
    }
}
