//! What fuzzing asks of syslog: a body that takes any bytes and stops at a broken promise.
//!
//! Enters: bytes of a fuzzer, or of the tests beside it. Leaves: nothing, or a panic. The first three bytes choose the
//! framing, the terms and a chunking; the rest is a stream. Of every stream: any chunking gives one result (*Split*); what
//! left is whole messages that a reader written apart from the framer cuts into as many as were kept, counts made anew;
//! none of them holds a value or anything that blocks (*Coverage*); where nothing was found they are those that came
//! (*Verbatim*); and no more than the longest message is held (*Bound*).

use std::sync::{Arc, OnceLock};

use blackbar::body::syslog::{Framing, Messages, Terms};
use blackbar::body::{BodyErrorKind, BodyLimits, Inspection, Scopes, Transform};
use blackbar::engine::{Action, ActionTable, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

/// The longest message.
const LIMIT: usize = 160;
/// What is redacted, taken out, made longer and blocked, each before four digits.
const VALUES: [&str; 4] = ["CARD-", "GONE-", "LONG-", "STOP-"];

pub(crate) fn syslog(data: &[u8]) {
    let (choices, stream) = data.split_at(data.len().min(3));
    let choice = |at: usize| choices.get(at).copied().map_or(0, usize::from);
    let framing = Framing::ALL[choice(0) % Framing::ALL.len()];
    let (per_record, lenient) = (choice(1) & 1 == 0, choice(1) & 2 == 2);
    let terms = Terms { framing, per_record, lenient, keep_dropped: false };
    let whole = run(terms, [stream]);
    assert_eq!(run(terms, stream.chunks(1)), whole, "byte by byte");
    let largest = 1 + choice(2) % 64;
    assert_eq!(run(terms, stream.chunks(largest)), whole, "by {largest}");
    let messages = cut(framing, &whole.out).expect("what left is whole messages");
    assert_eq!(messages.len() as u64, whole.kept, "messages that left");
    // Where a value was taken out, what stood on both sides of it may look like one.
    let joined = holds(stream, "GONE-");
    for message in messages.iter().filter(|_| !joined) {
        for value in VALUES {
            assert!(!holds(message, value), "{value} left of {:?}", String::from_utf8_lossy(stream));
        }
    }
    if whole.end == Ok(()) && whole.found == 0 {
        assert_eq!(whole.out, stream, "nothing was found");
    }
}

#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    out: Vec<u8>,
    end: Result<(), BodyErrorKind>,
    kept: u64,
    dropped: u64,
    found: u64,
}

fn run<'a>(terms: Terms, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let limits = BodyLimits { syslog_message: LIMIT, ..BodyLimits::default() };
    let mut messages = Messages::new(&scopes(), &limits, terms);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    let end = pieces.into_iter().try_for_each(|piece| {
        assert!(messages.wanted() >= 1);
        messages.push(piece, &mut out, &mut seen)
    });
    let end = end.and_then(|()| messages.finish(&mut out, &mut seen)).map_err(|error| error.kind);
    assert_eq!(seen.bytes_out, out.len() as u64);
    assert!(seen.held_peak <= LIMIT, "{} bytes held", seen.held_peak);
    let found = seen.findings.iter().map(|(_, _, count)| count).sum();
    Outcome { out, end, kept: seen.records.kept, dropped: seen.records.dropped(), found }
}

/// Cuts a stream as RFC 6587 says, and nothing else: counted where it was asked for or begins with a count and a blank.
fn cut(framing: Framing, stream: &[u8]) -> Option<Vec<&[u8]>> {
    let digits = stream.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let counted = digits > 0 && stream[digits..].starts_with(b" ");
    let mut messages = Vec::new();
    let mut rest = stream;
    if framing == Framing::Octets || framing == Framing::Auto && counted {
        while !rest.is_empty() {
            let blank = rest.iter().position(|byte| *byte == b' ')?;
            let count: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
            messages.push(rest.get(blank + 1..blank + 1 + count)?);
            rest = &rest[blank + 1 + count..];
        }
        return Some(messages);
    }
    messages.extend(rest.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line)));
    Some(messages)
}

fn holds(message: &[u8], value: &str) -> bool {
    let is_value = |window: &[u8]| {
        let (name, digits) = window.split_at(value.len());
        name == value.as_bytes() && digits.iter().all(u8::is_ascii_digit)
    };
    message.windows(value.len() + 4).any(is_value)
}

fn scopes() -> Arc<Scopes> {
    static SCOPES: OnceLock<Arc<Scopes>> = OnceLock::new();
    let make = || {
        let spec = |value: &&str| RuleSpec {
            id: RuleId::new(value),
            entity: EntityType::new("X"),
            pattern: Pattern::Regex { pattern: format!("{value}[0-9]{{4}}"), max_len: None },
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: RuleSpec::CONFIDENCE,
        };
        let rules = RuleSet::build(VALUES.iter().map(spec).collect()).expect("the rules compile");
        let long = Action::Replace("a \"b\" ]|=\\".repeat(9).into());
        let actions = ActionTable::new(vec![Action::Redact, Action::Remove, long, Action::Block], None);
        Arc::new(Scopes {
            rules: Arc::new(rules),
            actions: Arc::new(actions),
            paths: Vec::new(),
            tools: None,
            restore: None,
        })
    };
    Arc::clone(SCOPES.get_or_init(make))
}
