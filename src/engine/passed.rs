//! Labels that have been looked along once: the texts of a log or of an event stream are called the same again and again, and
//! most of what is tried in a label ends in it.
//!
//! Enters: a label. Leaves: a text begun behind it, as it is spelled out, looked along so far as the label alone decides. That
//! is what a push of nothing but the label would leave, where nothing is followed, waits or was found; any other label is
//! looked along with its text each time. What is compared are the labels themselves. Bounded: [`LABELS`] labels of
//! [`LONGEST`] bytes.

use super::scan::{Force, Passed, Text};
use super::stream::{is_no_credential, spell_out};

/// Labels that are kept, the later in the place of the earlier.
const LABELS: usize = 8;
/// Bytes of a label that is kept, as it came and as it is spelled out.
const LONGEST: usize = 64;
/// How often a label has come before it is looked along by itself.
const BEFORE: u32 = 2;

/// The labels of one redactor, under one table of actions.
#[derive(Default)]
pub(super) struct PassedLabels {
    labels: Vec<Label>,
    /// The one whose place is taken next.
    next: usize,
}

/// A label that came before.
#[derive(Default)]
struct Label {
    /// As it came.
    name: Vec<u8>,
    /// As it is looked along.
    spelled: Vec<u8>,
    /// It names a field.
    field: bool,
    times: u32,
    passed: Option<Passed>,
}

impl PassedLabels {
    /// Other actions hold.
    pub(super) fn forget(&mut self) {
        self.labels.clear();
        self.next = 0;
    }

    /// Begins a text of this name, which `spelled` becomes as it is looked along.
    pub(super) fn begin(&mut self, force: Force<'_>, name: &[u8], spelled: &mut Vec<u8>, text: &mut Text) {
        spelled.clear();
        if let Some(known) = self.labels.iter_mut().find(|known| known.name == name) {
            spelled.extend_from_slice(&known.spelled);
            text.begin(spelled);
            if known.times < BEFORE {
                known.times += 1;
            } else if known.times == BEFORE {
                known.times += 1;
                known.passed = text.pass_label(force);
                text.begin(spelled);
            }
            if let Some(passed) = known.passed {
                text.begin_behind(passed);
            }
            if known.field {
                text.begin_field(force, name);
            }
            return;
        }
        if !is_no_credential(name) {
            spell_out(name, spelled);
        }
        text.begin(spelled);
        text.begin_field(force, name);
        if !name.is_empty() && name.len().max(spelled.len()) <= LONGEST {
            self.keep(name, spelled, text.is_field());
        }
    }

    fn keep(&mut self, name: &[u8], spelled: &[u8], field: bool) {
        if self.labels.len() < LABELS {
            self.labels.push(Label::default());
        } else {
            self.next %= LABELS;
        }
        if let Some(slot) = self.labels.get_mut(self.next) {
            slot.name.clear();
            slot.name.extend_from_slice(name);
            slot.spelled.clear();
            slot.spelled.extend_from_slice(spelled);
            (slot.field, slot.times, slot.passed) = (field, 0, None);
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::engine::rule::{Detector, EntityType, Pattern, RuleId, RuleSpec};
    use crate::engine::{Action, ActionTable, Finding, Output, RuleSet, StreamRedactor};

    fn rules() -> (Arc<RuleSet>, Arc<ActionTable>) {
        let regex = |pattern: &str| Pattern::Regex { pattern: pattern.to_owned(), max_len: None };
        let field = Pattern::Field { names: vec!["key".to_owned()], max_len: None };
        let patterns = [
            regex("key: [a-z]{4,8}"),
            regex(r"ab[a-z: ]{1,20}\d{3}"),
            regex(r"\b\d{5}\b"),
            regex("[a-z]{3}_[a-z0-9]{16,40}"),
            Pattern::Detector(Detector::Card),
            Pattern::Detector(Detector::Email),
            Pattern::Detector(Detector::EmailSpelled),
            field,
        ];
        let actions = vec![Action::Redact; patterns.len()];
        let spec = |(at, pattern)| RuleSpec {
            id: RuleId::new(&format!("t.r{at}")),
            entity: EntityType::new("SECRET"),
            pattern,
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: 80,
        };
        let specs = (0..).zip(patterns).map(spec).collect();
        (Arc::new(RuleSet::build(specs).expect("they are rules")), Arc::new(ActionTable::new(actions, None)))
    }

    fn run(redactor: &mut StreamRedactor, label: &str, text: &str, cut: usize) -> (Vec<u8>, Vec<Finding>) {
        let mut out = Output::default();
        let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
        let actions = Arc::clone(redactor.actions());
        redactor.begin_labelled(&actions, label.as_bytes());
        redactor.push(head, &mut out).expect("nothing blocks");
        redactor.push_last(tail, &mut out).expect("nothing blocks");
        (out.bytes, out.findings)
    }

    #[test]
    fn a_label_that_came_before_changes_nothing() {
        let labels = [
            "",
            "key",
            "ab key",
            "abab",
            "tok_abcdefgh",
            "seq",
            "x@example",
            "50%",
            "aGVsbG8gd29ybGQ",
            "user=3D",
            "4111 1111",
            "card4111",
            "jane",
            "mail at",
        ];
        let texts = [
            "",
            "abcd",
            "12345",
            "123",
            "ab 123",
            "ijklmnopqrst",
            ".com",
            "20card",
            "@example.com",
            "IGhlbGxv",
            "x",
            "1111 1111",
            "4111111111111111",
            "at example.com",
        ];
        let (rules, actions) = rules();
        let mut many = StreamRedactor::new(Arc::clone(&rules), Arc::clone(&actions));
        for label in labels {
            for text in texts.repeat(2) {
                for cut in [0, 1, text.len()] {
                    let mut one = StreamRedactor::new(Arc::clone(&rules), Arc::clone(&actions));
                    let (kept, fresh) = (run(&mut many, label, text, cut), run(&mut one, label, text, cut));
                    assert_eq!(kept, fresh, "{label}: {text}");
                }
            }
        }
    }
}
