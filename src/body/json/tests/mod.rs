//! What the tests share: a rule set, and one body at every split.

mod citations;
mod dialects;
mod documents;
mod nested;
mod properties;
mod spans;

use std::sync::Arc;

use super::*;
use crate::body::{Beside, BodyError, BodyLimits, Dialect, Direction, Inspection, JsonPath, Scopes, Transform};
use crate::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

fn spec(id: &str, entity: &str, pattern: Pattern) -> RuleSpec {
    RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new(entity),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    }
}

fn regex(pattern: &str) -> Pattern {
    Pattern::Regex { pattern: pattern.to_owned(), max_len: None }
}

/// Cards keep four, addresses lose their domain, `EMP-` numbers become a name with a quote, `GONE-` numbers vanish,
/// `STOP-` numbers block, `SEEN-` numbers are observed.
fn rules() -> (Arc<RuleSet>, Vec<Action>) {
    let specs = vec![
        spec("pci.card", "CREDIT_CARD", Pattern::Detector(Detector::Card)),
        spec("contact.email", "EMAIL", Pattern::Detector(Detector::Email)),
        spec("t.employee", "EMPLOYEE", regex(r"EMP-\d{4}")),
        spec("t.gone", "GONE", regex(r"GONE-\d{4}")),
        spec("t.stop", "STOP", regex(r"STOP-\d{4}")),
        spec("t.seen", "SEEN", regex(r"SEEN-\d{4}")),
    ];
    let actions = vec![
        Action::KeepLast4,
        Action::MaskDomain,
        Action::Replace("a \"name\"\n".into()),
        Action::Remove,
        Action::Block,
        Action::Observe,
    ];
    (Arc::new(RuleSet::build(specs).expect("the rules compile")), actions)
}

fn scopes() -> Arc<Scopes> {
    let (rules, actions) = rules();
    Arc::new(Scopes {
        rules,
        actions: Arc::new(ActionTable::new(actions, None)),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

/// Scopes in which nothing changes at or below these paths.
fn scopes_sparing(paths: &[&str]) -> Arc<Scopes> {
    let (rules, actions) = rules();
    let spared = Arc::new(ActionTable::new(vec![Action::Observe; actions.len()], None));
    let paths =
        paths.iter().map(|path| (JsonPath::parse(path).expect("the path parses"), Arc::clone(&spared))).collect();
    Arc::new(Scopes { rules, actions: Arc::new(ActionTable::new(actions, None)), paths, tools: None, restore: None })
}

#[derive(Clone)]
struct Setting {
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    dialect: Dialect,
    beside: Beside,
    direction: Direction,
    framing: Framing,
}

impl Setting {
    fn plain() -> Self {
        Self {
            scopes: scopes(),
            limits: BodyLimits::default(),
            dialect: Dialect::Plain,
            beside: Beside::Nothing,
            direction: Direction::Request,
            framing: Framing::Document,
        }
    }

    fn dialect(dialect: Dialect, direction: Direction) -> Self {
        Self { dialect, direction, ..Self::plain() }
    }

    fn body(&self) -> JsonBody {
        let spoken = (self.dialect, self.beside);
        JsonBody::in_records(Arc::clone(&self.scopes), &self.limits, spoken, self.direction, self.framing, None)
    }

    /// The body in these chunks: what left, how it ended, and what was seen.
    fn run(&self, chunks: &[&[u8]]) -> (Vec<u8>, Result<(), BodyError>, Inspection) {
        let (mut body, mut out, mut seen) = (self.body(), Vec::new(), Inspection::default());
        let mut ended = Ok(());
        for chunk in chunks {
            ended = ended.and_then(|()| body.push(chunk, &mut out, &mut seen));
        }
        let ended = ended.and_then(|()| body.finish(&mut out, &mut seen));
        seen.findings.sort_unstable();
        (out, ended, seen)
    }

    /// The redacted body, which every split in two and byte for byte must give.
    fn redact(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let (whole, ended, seen) = self.run(&[bytes]);
        let shown = String::from_utf8_lossy(&whole).into_owned();
        assert_eq!(ended, Ok(()), "{text}: {shown}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let splits = (0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]);
        for chunks in splits.chain([single]) {
            let (out, ended, again) = self.run(&chunks);
            let first = chunks.first().map_or(0, |chunk| chunk.len());
            assert_eq!(ended, Ok(()), "{text} in {} chunks, first of {first}", chunks.len());
            assert_eq!(String::from_utf8_lossy(&out), shown, "{text} in {} chunks, first of {first}", chunks.len());
            assert_eq!(again.findings, seen.findings, "{text} in {} chunks, first of {first}", chunks.len());
            assert_eq!(again.scanned, seen.scanned, "{text} in {} chunks, first of {first}", chunks.len());
            assert_eq!(again.unscanned, seen.unscanned, "{text} in {} chunks, first of {first}", chunks.len());
        }
        shown
    }

    /// The error, which every split must give, with nothing of `secret` in what left.
    fn refuse(&self, text: &[u8], secret: &str) -> BodyError {
        let (_, ended, _) = self.run(&[text]);
        let error = ended.expect_err("the body is refused");
        let single: Vec<&[u8]> = text.chunks(1).collect();
        for chunks in (0..=text.len()).map(|at| vec![&text[..at], &text[at..]]).chain([single]) {
            let (out, ended, _) = self.run(&chunks);
            assert_eq!(ended.as_ref(), Err(&error), "{}", String::from_utf8_lossy(text));
            assert!(secret.is_empty() || !String::from_utf8_lossy(&out).contains(secret));
        }
        error
    }
}

/// The redacted document, checked at every split and with another JSON reader.
fn redact(text: &str) -> String {
    let out = Setting::plain().redact(text);
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}')).is_ok();
    // Half a surrogate pair is valid by the grammar and refused by this reader.
    assert!(read(&out) || !read(text), "{out}");
    out
}
