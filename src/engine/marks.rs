//! What others find in a text: the texts of a body out, the places that another service names in them in.
//!
//! Enters: the logical texts of a body, whole, and for each the findings of a service that has read it. Leaves: the texts,
//! each once, and candidates that are judged with the rules' own in the one order of overlaps. A text is known by its
//! bytes, never by its place, so that what a service said of one text can never be laid on another; a text that no
//! service has read is told ([`Marks::missed`]). Debug shows counts alone (*Secrecy*).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which rules stay on beside what a service found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    /// Every rule.
    All,
    /// Only those whose findings come from a service.
    External,
    /// None: the body is only read.
    Nothing,
}

/// What another service is to read, or has found.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Texts are kept, and go on as they come.
    Keep(Arc<Texts>),
    /// Findings are laid on the texts that they are about.
    Apply(Arc<Marks>),
}

/// The texts of one body, each once, in the order of their ends.
pub struct Texts {
    most: usize,
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    order: Vec<Arc<[u8]>>,
    places: HashMap<Arc<[u8]>, usize>,
    bytes: usize,
    full: bool,
}

impl Texts {
    /// None yet; as many as this, of as many bytes together.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Arc<Self> {
        Arc::new(Self { most, most_bytes, kept: Mutex::default() })
    }

    /// Keeps a text. One without a letter or digit says nothing and is not kept.
    pub(super) fn add(&self, text: &[u8]) {
        let mut kept = self.kept();
        if !says_something(text) || kept.places.contains_key(text) {
            return;
        }
        if kept.order.len() >= self.most || kept.bytes.saturating_add(text.len()) > self.most_bytes {
            kept.full = true;
            return;
        }
        let (text, place): (Arc<[u8]>, _) = (Arc::from(text), kept.order.len());
        kept.bytes += text.len();
        kept.order.push(Arc::clone(&text));
        kept.places.insert(text, place);
    }

    /// What was kept; nothing where there was more than there may be.
    #[must_use]
    pub fn take(&self) -> Option<Vec<Arc<[u8]>>> {
        let kept = std::mem::take(&mut *self.kept());
        (!kept.full).then_some(kept.order)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every holder leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({} kept)", self.kept().order.len())
    }
}

/// One finding of a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Index into [`super::RuleSet::rules`].
    pub rule: usize,
    /// Its first byte in the text.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// What services found in the texts of one body.
#[derive(Default)]
pub struct Marks {
    of: HashMap<Arc<[u8]>, Vec<Mark>>,
    missed: AtomicBool,
}

impl Marks {
    /// Adds what was found in a text, or that it was read and nothing was. Findings of one rule that touch become one.
    pub fn add(&mut self, text: &Arc<[u8]>, found: impl IntoIterator<Item = Mark>) {
        let marks = self.of.entry(Arc::clone(text)).or_default();
        marks.extend(found.into_iter().filter(|mark| mark.start < mark.end && mark.end <= text.len()));
        marks.sort_unstable_by_key(|mark| (mark.rule, mark.start, mark.end));
        marks.dedup_by(|later, earlier| {
            let one = later.rule == earlier.rule && later.start < earlier.end;
            if one {
                earlier.end = earlier.end.max(later.end);
            }
            one
        });
    }

    /// Whether anything was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.values().all(Vec::is_empty)
    }

    /// Whether a text was met that no service has read: what it was asked about is not what goes on.
    #[must_use]
    pub fn missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn of(&self, text: &[u8]) -> &[Mark] {
        match self.of.get(text) {
            Some(marks) => marks,
            None => {
                if says_something(text) {
                    self.missed.store(true, Ordering::Relaxed);
                }
                &[]
            }
        }
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marks({} texts)", self.of.len())
    }
}

/// Whether a text has a letter, a digit, or a character beyond ASCII.
fn says_something(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}

/// A text as services read it: what is no UTF-8 becomes U+FFFD, one for each broken sequence.
#[must_use]
pub fn spoken(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The bytes of `text` that characters `start..end` (Unicode scalar values) of [`spoken`] stand for; none where it does not
/// have them.
#[must_use]
pub fn unspoken(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if start > end {
        return None;
    }
    let (mut at, mut count, mut from) = (0, 0, None);
    let mut step = |len: usize| {
        if count == start {
            from = Some(at);
        }
        if count == end {
            return Some((from?, at));
        }
        at += len;
        count += 1;
        None
    };
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid().chars().map(char::len_utf8);
        let broken = (!chunk.invalid().is_empty()).then_some(chunk.invalid().len());
        for len in valid.chain(broken) {
            if let Some(found) = step(len) {
                return Some(found);
            }
        }
    }
    step(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        Action, ActionTable, Detector, EntityType, Output, Pattern, RuleId, RuleSet, RuleSpec, StreamRedactor,
    };

    fn rule(id: &str, entity: &str, pattern: Pattern) -> RuleSpec {
        let (validator, keywords, suppressions) = (None, None, Vec::new());
        let (id, entity) = (RuleId::new(id), EntityType::new(entity));
        RuleSpec { id, entity, pattern, validator, keywords, suppressions, priority: 0, confidence: 80 }
    }

    fn redacted(text: &str, marks: &[(usize, usize, usize)], layer: Layer, chunk: usize) -> (String, bool) {
        let specs = vec![
            rule("pci.card", "CREDIT_CARD", Pattern::Detector(Detector::Card)),
            rule("external.a.person", "PERSON", Pattern::External),
            rule("external.b.place", "PLACE", Pattern::External),
        ];
        let rules = Arc::new(RuleSet::build(specs).unwrap());
        let table = ActionTable::new(vec![Action::Redact, Action::Redact, Action::Redact], None);
        let mut known = Marks::default();
        let key: Arc<[u8]> = Arc::from(text.as_bytes());
        known.add(&key, marks.iter().map(|(rule, start, end)| Mark { rule: *rule, start: *start, end: *end }));
        let known = Arc::new(known);
        let table = table.overlaid(&rules, Overlay::Apply(Arc::clone(&known)), layer);
        let mut redactor = StreamRedactor::new(rules, Arc::new(table));
        let mut out = Output::default();
        for piece in text.as_bytes().chunks(chunk) {
            redactor.push(piece, &mut out).unwrap();
        }
        redactor.finish(&mut out).unwrap();
        (String::from_utf8(out.bytes).unwrap(), known.missed())
    }

    #[test]
    fn marks_join_the_order_of_overlaps_and_the_union_is_covered() {
        let text = "Jane 4111 1111 1111 1111 Doe";
        for chunk in [1, 3, 64] {
            assert_eq!(redacted(text, &[(1, 0, 4)], Layer::All, chunk).0, "[PERSON] [CREDIT_CARD] Doe");
            assert_eq!(redacted(text, &[(1, 0, 4)], Layer::External, chunk).0, "[PERSON] 4111 1111 1111 1111 Doe");
            // In the middle of a card, over its beginning, over its end, and one over another.
            assert_eq!(redacted(text, &[(1, 10, 14)], Layer::All, chunk).0, "Jane [CREDIT_CARD] Doe");
            let (over, _) = redacted(text, &[(1, 2, 9)], Layer::All, chunk);
            assert!(over.starts_with("Ja[PERSON]") && !over.contains("11") && over.ends_with(" Doe"), "{over}");
            let (over, _) = redacted(text, &[(1, 20, 28)], Layer::All, chunk);
            assert!(over.starts_with("Jane [CREDIT_CARD]") && !over.contains("Doe"), "{over}");
            let (two, _) = redacted(text, &[(1, 0, 9), (2, 5, 14)], Layer::External, chunk);
            assert!(two.starts_with("[PERSON]") && two.ends_with(" 1111 1111 Doe") && !two.contains("4111"), "{two}");
            // One rule's own overlap.
            let (same, _) = redacted(text, &[(1, 0, 9), (1, 5, 14)], Layer::External, chunk);
            assert_eq!(same, "[PERSON] 1111 1111 Doe");
        }
    }

    #[test]
    fn places_that_a_text_does_not_have_are_nothing() {
        for marks in [(1, 4, 4), (1, 5, 4), (1, 0, 5), (1, 9, 12), (1, usize::MAX - 1, usize::MAX)] {
            assert_eq!(redacted("Jane", &[marks], Layer::External, 64), ("Jane".to_owned(), false));
        }
        assert_eq!(redacted("Jane", &[(1, 0, 4)], Layer::External, 64).0, "[PERSON]");
    }

    #[test]
    fn a_text_that_nobody_read_is_told() {
        let marks = Marks::default();
        assert!(marks.of(b" ,.").is_empty() && !marks.missed());
        assert!(marks.of(b"x").is_empty() && marks.missed());
    }

    #[test]
    fn texts_are_kept_once_and_within_their_bounds() {
        for (most, bytes, whole) in [(2, 6, true), (1, 6, false), (2, 5, false)] {
            let texts = Texts::new(most, bytes);
            [&b"abc"[..], b"...", b"def", b"abc"].into_iter().for_each(|text| texts.add(text));
            let kept = texts.take().map(|kept| kept.iter().map(|text| text.to_vec()).collect::<Vec<_>>());
            assert_eq!(kept, whole.then(|| vec![b"abc".to_vec(), b"def".to_vec()]));
        }
    }

    #[test]
    fn characters_are_counted_as_services_count_them() {
        let text = "a\u{e9}\u{1f600}b".as_bytes();
        assert_eq!(unspoken(text, 1, 3), Some((1, 7)));
        assert_eq!(unspoken(text, 3, 4), Some((7, 8)));
        assert_eq!(unspoken(text, 0, 0), Some((0, 0)));
        assert_eq!(unspoken(text, 4, 4), Some((8, 8)));
        for (start, end) in [(3, 5), (2, 1), (5, 5)] {
            assert_eq!(unspoken(text, start, end), None);
        }
        let broken = b"a\xff\xe2\x82b";
        assert_eq!(spoken(broken).chars().count(), 4);
        assert_eq!(unspoken(broken, 1, 2), Some((1, 2)));
        assert_eq!(unspoken(broken, 2, 4), Some((2, 5)));
    }
}
