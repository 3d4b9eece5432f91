//! The eleven rules that every engine runs, and Blackbar's own form of them. Shared by `#[path]`.
#![allow(dead_code, reason = "each of its users needs a part")]

use std::sync::Arc;

use blackbar::engine::{
    Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec, StreamRedactor, Validator,
};

/// How many rules there are.
pub(crate) const RULES: usize = 11;

/// Names and expressions, ASCII semantics, without flags.
pub(crate) const ELEVEN: [(&str, &str); RULES] = [
    ("card", r"\b[0-9](?:[ -]?[0-9]){12,18}\b"),
    (
        "ssn",
        r"\b(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6(?:[0-57-9][0-9]|6[0-57-9]))-(?:0[1-9]|[1-9][0-9])-(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)\b",
    ),
    (
        "phone",
        r"(?:\+[1-9][0-9]{7,14}|(?:\+?1[ .-])?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4})\b",
    ),
    ("email", r"\b[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b"),
    ("iban", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"),
    ("ipv4", r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\b"),
    ("ipv6", r"\b(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6})\b"),
    ("aws", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("sk", r"\bsk-(?:proj-|svcacct-|ant-api03-)?[A-Za-z0-9_-]{20,}"),
    ("ghp", r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"),
];

/// Places in [`ELEVEN`] of the rules with arithmetic.
pub(crate) const CARD: usize = 0;
pub(crate) const IBAN: usize = 4;

/// The detector that says a rule of [`ELEVEN`], where there is one.
const DETECTORS: [(&str, &str); 7] = [
    ("card", "card"),
    ("ssn", "us-ssn"),
    ("phone", "phone"),
    ("email", "email"),
    ("iban", "iban"),
    ("ipv4", "ipv4"),
    ("ipv6", "ipv6"),
];

/// The longest match of a rule without an end.
const MAX_LEN: usize = 4096;

/// Whether a match of a rule passes its arithmetic.
pub(crate) fn passes(rule: usize, value: &[u8]) -> bool {
    match rule {
        CARD => luhn(value),
        IBAN => mod_97(value),
        _ => true,
    }
}

/// ISO/IEC 7812-1 annex B, over the digits.
fn luhn(value: &[u8]) -> bool {
    let mut sum = 0;
    for (place, digit) in value.iter().rev().filter(|byte| byte.is_ascii_digit()).enumerate() {
        let digit = u32::from(digit - b'0');
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
    }
    sum % 10 == 0
}

/// ISO 13616 and ISO 7064 mod 97-10: the first four characters go to the end.
fn mod_97(value: &[u8]) -> bool {
    let characters = || value.iter().filter(|byte| **byte != b' ');
    let mut remainder = 0_u32;
    for byte in characters().skip(4).chain(characters().take(4)) {
        remainder = match byte {
            b'0'..=b'9' => remainder * 10 + u32::from(byte - b'0'),
            _ => remainder * 100 + u32::from(byte - b'A') + 10,
        } % 97;
    }
    remainder == 1
}

fn spec(id: &str, entity: &str, pattern: Pattern, validator: Option<Validator>) -> RuleSpec {
    RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new(entity),
        pattern,
        validator,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: RuleSpec::CONFIDENCE,
    }
}

/// A rule by its expression.
pub(crate) fn regex(id: &str, pattern: &str) -> RuleSpec {
    spec(id, "X", Pattern::Regex { pattern: pattern.to_owned(), max_len: Some(MAX_LEN) }, None)
}

fn detector_of(name: &str) -> Option<(&'static str, Detector)> {
    let (_, detector) = DETECTORS.iter().find(|(rule, _)| *rule == name)?;
    Some((*detector, Detector::by_name(detector)?))
}

/// The eleven rules as one writes them for Blackbar: detectors where there are any.
pub(crate) fn eleven() -> Vec<RuleSpec> {
    ELEVEN
        .iter()
        .map(|(name, pattern)| match detector_of(name) {
            Some((_, detector)) => spec(name, "X", Pattern::Detector(detector), None),
            None => RuleSpec { validator: Validator::by_name(name), ..regex(name, pattern) },
        })
        .collect()
}

/// Which of the eleven are detectors, in words.
pub(crate) fn forms() -> String {
    let (detectors, regexes): (Vec<_>, Vec<_>) = ELEVEN.iter().partition(|(name, _)| detector_of(name).is_some());
    let names = |list: Vec<&(&str, &str)>| list.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    format!("detectors: {}; expressions: {}", names(detectors), names(regexes))
}

/// The eleven rules as a rules file.
pub(crate) fn eleven_file() -> String {
    let mut file = "version = 1\n".to_owned();
    for (name, pattern) in ELEVEN {
        let how = match detector_of(name) {
            Some((detector, _)) => format!("detector = \"{detector}\""),
            None => format!("pattern = '{pattern}'\nmax_len = {MAX_LEN}"),
        };
        let validator = match (detector_of(name), Validator::by_name(name)) {
            (None, Some(_)) => format!("validator = \"{name}\"\n"),
            _ => String::new(),
        };
        file += &format!("\n[[rule]]\nid = \"bench.{name}\"\nentity = \"X\"\n{how}\n{validator}");
    }
    file
}

/// A redactor that redacts what these rules find.
pub(crate) fn redactor(specs: Vec<RuleSpec>) -> Result<StreamRedactor, String> {
    let actions = vec![Action::Redact; specs.len()];
    let rules =
        RuleSet::build(specs).map_err(|errors| errors.iter().map(|error| format!("{error}\n")).collect::<String>())?;
    Ok(StreamRedactor::new(Arc::new(rules), Arc::new(ActionTable::new(actions, None))))
}
