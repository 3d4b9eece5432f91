//! The filter: bytes of stdin or files in, redacted bytes out, in constant memory and any size.
//!
//! The bodies run through the same [`BodyInspector`] as the proxy's. What may not pass ends the output before it: on
//! stdout with what was decided so far, with `-i` and `-o` with the target as it was.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::input::{PIECE, Source, media_type_argument, sources};
use super::output::Output;
use super::rules::{Active, RulesChoice, Way};
use super::{Code, Failure, complain};
use crate::body::{
    Beside, BodyError, BodyErrorKind, BodyInspector, BodySpec, ContentCoding, Dialect, Direction, Edits, Inspection,
    MediaType, Scopes, parse_content_encoding,
};
use crate::engine::RuleSet;
use crate::telemetry;

/// Arguments of `redact`.
#[derive(Args, Debug)]
#[command(after_help = "Example: kubectl logs api | blackbar redact --type application/x-ndjson --stats

Exit codes: 0 fine, with findings or without, 1 blocked or not scannable, 2 usage or I/O.")]
pub(super) struct RedactArguments {
    #[command(flatten)]
    rules: RulesChoice,
    /// Whose actions hold
    #[arg(long, value_enum, default_value_t = Way::Request)]
    direction: Way,
    /// What the bodies are, as in HTTP [default: from a file's name, else text/plain]
    #[arg(long = "type", value_name = "MEDIA_TYPE", value_parser = media_type_argument)]
    media_type: Option<String>,
    /// Write each file back to its place
    #[arg(short, long, requires = "files", conflicts_with = "out")]
    in_place: bool,
    /// Write each file under its name to this directory
    #[arg(short, long, value_name = "DIR", requires = "files")]
    out: Option<PathBuf>,
    /// Print findings per rule, bytes and speed to stderr
    #[arg(long)]
    stats: bool,
    /// Files; - or none is stdin
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs `redact`.
pub(super) fn run(arguments: &RedactArguments) -> Result<Code, Failure> {
    let sources = sources(&arguments.files);
    targets(arguments, &sources)?;
    let active = arguments.rules.load()?;
    let mut total = Total::default();
    let mut code = Code::Fine;
    for source in &sources {
        match one(arguments, &active, source, &mut total) {
            Ok(()) => {}
            // Whole files stand by themselves; a stream that has an end in it must not go on after it.
            Err(failure) if arguments.in_place || arguments.out.is_some() => {
                failure.lines.iter().for_each(|line| complain(line));
                code = code.max(failure.code);
            }
            Err(failure) => {
                if arguments.stats {
                    total.print(&active.rules);
                }
                return Err(failure);
            }
        }
    }
    if arguments.stats {
        total.print(&active.rules);
    }
    Ok(code)
}

/// Finds out before anything is written whether every output has a place of its own.
fn targets(arguments: &RedactArguments, sources: &[Source]) -> Result<(), Failure> {
    if !arguments.in_place && arguments.out.is_none() {
        return Ok(());
    }
    let mut names: HashSet<OsString> = HashSet::new();
    for source in sources {
        let Source::File(path) = source else {
            return Err(Failure::failed("-i and -o are for files; - is stdin"));
        };
        if arguments.in_place {
            // Whoever opens a pipe to read waits for somebody to write.
            let is_regular = fs::metadata(path).map(|about| about.is_file());
            if matches!(is_regular, Ok(false)) {
                return Err(irregular(path));
            }
        }
        let Some(out) = &arguments.out else { continue };
        let name = path.file_name().unwrap_or_default().to_owned();
        let same = fs::canonicalize(out.join(&name)).ok().zip(fs::canonicalize(path).ok());
        if same.is_some_and(|(target, source)| target == source) {
            return Err(Failure::failed(format!("{}: -o would write over it; use -i", path.display())));
        }
        if !names.insert(name) {
            return Err(Failure::failed(format!("{}: two files of this name for one directory", path.display())));
        }
    }
    match &arguments.out {
        Some(out) => fs::create_dir_all(out).map_err(|error| Failure::io(out.display(), &error)),
        None => Ok(()),
    }
}

fn irregular(path: &Path) -> Failure {
    Failure::failed(format!("{}: -i is for regular files", path.display()))
}

fn one(arguments: &RedactArguments, active: &Active, source: &Source, total: &mut Total) -> Result<(), Failure> {
    let inspector = inspector(active, source, arguments.media_type.as_deref(), arguments.direction.into())
        .map_err(|error| refusal(source, &error, &active.rules))?;
    let to_stdout = !arguments.in_place && arguments.out.is_none();
    let mut input = source.open(!(to_stdout && io::stdout().is_terminal()))?;
    let mut output = output(arguments, source)?;
    let begun = telemetry::now();
    let mut seen = Inspection::default();
    let ended = pump(&mut input, inspector, &mut output, &mut seen);
    total.add(&seen, begun.elapsed());
    match ended {
        Ok(()) => {
            let name = output.name();
            output.commit().map_err(|error| Failure::io(name, &error))
        }
        Err(Stop::Read(error)) => Err(Failure::io(source, &error)),
        Err(Stop::Write(error)) => Err(Failure::io(output.name(), &error)),
        Err(Stop::Refused(error)) => {
            // What was decided before the end may be seen; only stdout shows it.
            let _ = output.flush();
            Err(refusal(source, &error, &active.rules))
        }
    }
}

fn output(arguments: &RedactArguments, source: &Source) -> Result<Output, Failure> {
    let Source::File(path) = source else { return Ok(Output::stdout()) };
    let fault = |error: &io::Error| Failure::io(path.display(), error);
    if arguments.in_place {
        // A link stays a link: its target is what is written.
        let target = fs::canonicalize(path).map_err(|error| fault(&error))?;
        let metadata = fs::metadata(&target).map_err(|error| fault(&error))?;
        if !metadata.is_file() {
            return Err(irregular(path));
        }
        return Output::replacing(&target, Some(&metadata));
    }
    match &arguments.out {
        Some(out) => Output::replacing(&out.join(path.file_name().unwrap_or_default()), None),
        None => Ok(Output::stdout()),
    }
}

/// Why a body ended early.
#[derive(Debug)]
pub(super) enum Stop {
    Read(io::Error),
    Write(io::Error),
    Refused(BodyError),
}

/// Everything of `input` through `inspector` to `output`, a piece at a time.
fn pump(
    input: &mut dyn Read,
    mut inspector: BodyInspector,
    output: &mut dyn Write,
    seen: &mut Inspection,
) -> Result<(), Stop> {
    let mut piece = vec![0_u8; PIECE];
    let mut out = Vec::with_capacity(2 * PIECE);
    loop {
        let count = input.read(&mut piece).map_err(Stop::Read)?;
        let ended = match piece.get(..count) {
            Some([]) | None => inspector.finish(&mut out),
            Some(bytes) => inspector.push(bytes, &mut out),
        };
        let written = output.write_all(&out);
        out.clear();
        if ended.is_err() || count == 0 {
            seen.clone_from(inspector.inspection());
        }
        ended.map_err(Stop::Refused)?;
        written.map_err(Stop::Write)?;
        if count == 0 {
            return Ok(());
        }
        // A pipe's reader sees what is decided when it is decided.
        output.flush().map_err(Stop::Write)?;
    }
}

/// The inspector for a source, by its name or the type that the command line gives.
fn inspector(
    active: &Active,
    source: &Source,
    media_type: Option<&str>,
    direction: Direction,
) -> Result<BodyInspector, BodyError> {
    let format = source.format();
    let encoding = format.content_encoding().unwrap_or_default();
    let codings = parse_content_encoding(std::iter::once(encoding.as_bytes()), active.limits.coding_layers)?;
    let media_type = media_type.unwrap_or(format.media_type);
    BodyInspector::new(specification(active, active.scopes(direction), media_type, codings, direction))
}

/// What is known of a body.
pub(super) fn specification(
    active: &Active,
    scopes: &Arc<Scopes>,
    media_type: &str,
    codings: Vec<ContentCoding>,
    direction: Direction,
) -> BodySpec {
    BodySpec {
        media_type: MediaType::parse(media_type.as_bytes()),
        codings,
        dialect: Dialect::Plain,
        beside: Beside::Nothing,
        direction,
        scopes: Arc::clone(scopes),
        limits: active.limits.clone(),
        on_fault_pass: active.on_fault_pass,
        opaque: Arc::default(),
        edits: Edits::default(),
        batch: None,
        keep_dropped: false,
    }
}

/// What is told of a body that may not pass: its rule or the reason, never its text.
pub(super) fn refusal(source: &Source, error: &BodyError, rules: &RuleSet) -> Failure {
    match &error.kind {
        BodyErrorKind::Blocked { rule } => {
            let rule = rules.rules().get(*rule).map_or("?", |rule| rule.id.as_str());
            Failure::refused(format!("{source}: blocked by {rule}"))
        }
        kind => Failure::refused(format!("{source}: {error}; {}", way_out(kind))),
    }
}

/// What to do about a body that cannot be read.
fn way_out(kind: &BodyErrorKind) -> &'static str {
    match kind {
        BodyErrorKind::Blocked { .. } => "change the rule's action to let it pass redacted",
        BodyErrorKind::CodingUnsupported => "gzip, zstd and br are read, `coding_layers` of them on each other",
        BodyErrorKind::CodingInvalid => {
            "it is compressed and not named so, or damaged; end its name in .gz, .zst or .br"
        }
        BodyErrorKind::Expansion => "raise `expansion_ratio` of a --config if so much is right",
        BodyErrorKind::MediaType => "binary content cannot be scanned",
        BodyErrorKind::Charset => {
            "name its character set with --type, as in text/plain; charset=utf-16le, or convert it to UTF-8"
        }
        BodyErrorKind::JsonSyntax => "it is not the JSON that it should be; name what it is with --type",
        BodyErrorKind::JsonDepth => "raise `json_depth` of a --config",
        BodyErrorKind::ProtobufSyntax => "it is not the message that it should be",
        BodyErrorKind::ProtobufDepth => "raise `protobuf_depth` of a --config",
        BodyErrorKind::FrameSyntax => "it is not the event stream that it should be, or damaged",
        BodyErrorKind::TooLarge => "raise `json_hold`, `sse_event` or `protobuf_message` of a --config",
        BodyErrorKind::TooManyTexts => "raise `logical_texts` of a --config",
        BodyErrorKind::Tool => "change the [[tool]] rules to let the call pass",
        BodyErrorKind::TokenIds => "it holds token ids, which nobody here can read; send the text",
        BodyErrorKind::UploadPart => "it is one part of a file",
        BodyErrorKind::Retention => "it asks for something to be kept",
        BodyErrorKind::Truncated => "it ends in the middle of a value or of its coding",
        BodyErrorKind::WebSocket => "it is no stream of frames",
    }
}

/// Everything that was seen, for `--stats`.
#[derive(Debug, Default)]
struct Total {
    findings: Vec<(usize, &'static str, u64)>,
    bytes_in: u64,
    bytes_out: u64,
    unscanned: Vec<(&'static str, u64)>,
    time: Duration,
}

impl Total {
    fn add(&mut self, seen: &Inspection, time: Duration) {
        for (rule, action, count) in &seen.findings {
            match self.findings.iter_mut().find(|(known, name, _)| known == rule && name == action) {
                Some((_, _, total)) => *total += count,
                None => self.findings.push((*rule, action, *count)),
            }
        }
        for (reason, count) in &seen.unscanned {
            match self.unscanned.iter_mut().find(|(known, _)| known == reason) {
                Some((_, total)) => *total += count,
                None => self.unscanned.push((reason, *count)),
            }
        }
        self.bytes_in += seen.bytes_in;
        self.bytes_out += seen.bytes_out;
        self.time += time;
    }

    fn print(&mut self, rules: &RuleSet) {
        self.findings.sort_unstable();
        for (rule, action, count) in &self.findings {
            let rule = rules.rules().get(*rule).map_or("?", |rule| rule.id.as_str());
            complain(&format!("{rule:<36} {action:<12} {count:>10}"));
        }
        for (reason, count) in &self.unscanned {
            complain(&format!("unscanned: {reason:<25} {:<12} {count:>10}", "bytes"));
        }
        let findings: u64 = self.findings.iter().map(|(_, _, count)| count).sum();
        let seconds = self.time.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_precision_loss, reason = "a speed for people, in one decimal")]
        let speed = self.bytes_in as f64 / 1e6 / seconds;
        let (bytes_in, bytes_out) = (self.bytes_in, self.bytes_out);
        complain(&format!("{findings} findings, {bytes_in} bytes in, {bytes_out} bytes out, {speed:.1} MB/s"));
    }
}
