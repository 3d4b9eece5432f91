//! Rule sets for tests, and ways to push a text.

use std::sync::Arc;

use blackbar::engine::{
    Action, ActionTable, Detector, EntityType, Finding, HashKey, Keywords, Output, Pattern, Piece, RuleId, RuleSet,
    RuleSpec, StreamRedactor,
};

pub(crate) fn spec(id: &str, pattern: Pattern) -> RuleSpec {
    RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new(&id.to_uppercase()),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    }
}

pub(crate) fn regex(id: &str, pattern: &str, max_len: Option<usize>) -> RuleSpec {
    spec(id, Pattern::Regex { pattern: pattern.to_owned(), max_len })
}

pub(crate) fn keyword(word: &str, before: usize, after: usize) -> Option<Keywords> {
    Some(Keywords { words: vec![word.to_owned()], before, after })
}

pub(crate) fn set(specs: Vec<RuleSpec>, actions: Vec<Action>) -> (Arc<RuleSet>, Arc<ActionTable>) {
    let rules = RuleSet::build(specs).expect("the rules compile");
    (Arc::new(rules), Arc::new(ActionTable::new(actions, Some(HashKey::new([1; 32])))))
}

/// Every detector, and a few shapes of secrets.
pub(crate) fn usual() -> (Arc<RuleSet>, Arc<ActionTable>) {
    let mut specs: Vec<RuleSpec> =
        Detector::ALL.iter().map(|(name, detector)| spec(name, Pattern::Detector(*detector))).collect();
    // This one asks for a word.
    for any in specs.iter_mut().filter(|spec| matches!(spec.pattern, Pattern::Detector(Detector::PhoneAny))) {
        any.keywords = keyword("phone", 40, 0);
    }
    specs.push(regex("aws", r"\bAKIA[A-Z2-7]{16}\b", None));
    specs.push(regex("sk", r"\bsk-[A-Za-z0-9_-]{20,}", Some(64)));
    specs.push(regex("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}", Some(4096)));
    specs.push(regex("staff", r"\bEMP-\d{6}\b", None));
    specs.push(regex("label", r#"(?i)\bkey[=:] ?"?(?<value>[a-z0-9]{4,})"?"#, Some(40)));
    let actions = vec![
        Action::KeepLast4,
        Action::Mask,
        Action::Mask,
        Action::KeepLast4,
        Action::KeepLast4,
        Action::KeepLast4,
        Action::MaskDomain,
        Action::Redact,
        Action::Redact,
        Action::Redact,
        Action::Redact,
        Action::Redact,
        Action::Redact,
        Action::Redact,
        Action::Hash,
        Action::Redact,
    ];
    set(specs, actions)
}

/// What a text becomes when it is pushed in these pieces.
pub(crate) struct Run {
    pub(crate) text: Vec<u8>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) blocked: Option<usize>,
    pub(crate) peak: usize,
}

pub(crate) fn push_all<'text>(
    redactor: &mut StreamRedactor,
    pieces: impl IntoIterator<Item = &'text [u8]>,
    out: &mut Output,
) -> Run {
    out.clear();
    let mut peak = 0;
    let mut blocked = None;
    for piece in pieces {
        if let Err(error) = redactor.push(piece, out) {
            blocked = Some(error.rule);
            break;
        }
        peak = peak.max(redactor.held());
    }
    if blocked.is_none()
        && let Err(error) = redactor.finish(out)
    {
        blocked = Some(error.rule);
    }
    Run { text: out.bytes.clone(), findings: out.findings.clone(), blocked, peak }
}

pub(crate) fn run(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, pieces: &[&[u8]]) -> Run {
    let mut redactor = StreamRedactor::new(Arc::clone(rules), Arc::clone(actions));
    push_all(&mut redactor, pieces.iter().copied(), &mut Output::default())
}

pub(crate) fn whole(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, text: &str) -> String {
    String::from_utf8(run(rules, actions, &[text.as_bytes()]).text).expect("UTF-8 stays UTF-8")
}

/// *Verbatim* and *Coverage*: the pieces rebuild the original outside findings, and every finding is replaced that is not
/// merely observed.
pub(crate) fn check_pieces(out: &Output, text: &[u8], actions: &ActionTable) {
    let (mut taken, mut given) = (0, 0);
    let mut replaced = Vec::new();
    for piece in &out.pieces {
        match *piece {
            Piece::Clear { len } => {
                assert_eq!(text[taken..taken + len], out.bytes[given..given + len]);
                taken += len;
                given += len;
            }
            Piece::Replaced { taken: original, given: replacement } => {
                replaced.push(taken..taken + original);
                taken += original;
                given += replacement;
            }
        }
    }
    assert_eq!((taken, given), (text.len(), out.bytes.len()));
    for finding in out.findings.iter().filter(|finding| *actions.action(finding.rule) != Action::Observe) {
        for byte in finding.span.clone() {
            assert!(replaced.iter().any(|range| range.contains(&(byte as usize))), "byte {byte} of a finding is clear");
        }
    }
}

/// A text in pieces of these lengths.
pub(crate) fn pieces(text: &[u8], mut next: impl FnMut() -> usize) -> Vec<&[u8]> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, others) = rest.split_at(next().clamp(1, rest.len()));
        pieces.push(piece);
        rest = others;
    }
    pieces
}

/// Sees that a text gives the same in random pieces, of at most so many bytes each, as `wanted`, which it gave in one.
pub(crate) fn same_in_pieces(
    rules: &Arc<RuleSet>,
    actions: &Arc<ActionTable>,
    text: &str,
    wanted: &Run,
    sizes: &[usize],
    mut number: impl FnMut(usize) -> usize,
) {
    for largest in sizes {
        let found = run(rules, actions, &pieces(text.as_bytes(), || 1 + number(*largest)));
        assert_eq!(
            (String::from_utf8_lossy(&found.text), &found.findings),
            (String::from_utf8_lossy(&wanted.text), &wanted.findings),
            "{text}"
        );
    }
}
