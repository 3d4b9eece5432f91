//! What an answer is to say besides what its sink has said.
//!
//! Enters: the turns of an [`Edit`] over the answer. Leaves: items in their places, texts between others, or a number added
//! to the sink's own; `errors` is true where items came in.

use super::{Begin, Edit, put};
use crate::body::batch::{Addition, Items, Rejected};
use crate::body::json::Step;
use crate::body::json::lexer::Literal;

/// The member of OTLP's answers that tells of a part of the batch, and the one in it that says why.
const PARTIAL: [&str; 2] = ["partialSuccess", "partial_success"];
const EXPLAINED: [&str; 2] = ["errorMessage", "error_message"];
/// Digits of a number of records.
pub(super) const MOST_DIGITS: usize = 19;

/// How far the answer has come that is to say more.
#[derive(Default)]
pub(super) struct Telling {
    /// How many of the additions have left.
    pub(super) given: usize,
    /// The place of the next element or text, additions among them.
    pub(super) place: u64,
    /// The array is there, or the partial success.
    pub(super) found: bool,
    /// The number of rejected records that the sink has counted itself.
    pub(super) theirs: u64,
    /// The digits of that number, as it is read.
    pub(super) digits: Option<Vec<u8>>,
    /// The sink has said why.
    pub(super) explained: bool,
}

impl Edit {
    /// Adds to an answer what comes before the value that begins; whether the value itself is not to leave.
    pub(super) fn tells(&mut self, begin: Begin, out: &mut Vec<u8>) -> bool {
        let Some(told) = self.edits.told.clone() else { return false };
        let depth = self.place.depth();
        match &told.addition {
            Addition::Texts(texts) if depth == 0 => {
                self.give(texts, false, out);
                self.telling.place += 1;
            }
            Addition::Items(items) => {
                if depth == 1 && begin == Begin::Literal(Literal::False) && self.is_named(&[items.flag]) {
                    self.emit_gap(out);
                    out.extend_from_slice(b"true");
                    return true;
                }
                if depth == 1 && begin == Begin::Array && self.is_named(&[items.array]) {
                    self.telling.found = true;
                } else if depth == 2 && self.place.key().is_none() && self.is_within(&[items.array]) {
                    self.give(&items.items, true, out);
                    self.telling.place += 1;
                }
            }
            Addition::Rejected(rejected) => {
                if depth == 1 && begin != Begin::Object && self.is_named(&PARTIAL) {
                    self.gap.clear();
                    return true;
                }
                if depth == 2 && self.is_within(&PARTIAL) {
                    self.telling.explained |= self.is_named(&EXPLAINED);
                    if self.is_named(&rejected.names()) {
                        self.gap.clear();
                        self.telling.digits = Some(Vec::new());
                        return true;
                    }
                }
            }
            Addition::Texts(_) => {}
        }
        false
    }

    /// Gives the additions whose place has come.
    fn give(&mut self, additions: &[(u64, Vec<u8>)], in_array: bool, out: &mut Vec<u8>) {
        while let Some((place, item)) = additions.get(self.telling.given)
            && *place <= self.telling.place
        {
            self.put_item(item, in_array, out);
        }
    }

    pub(super) fn put_item(&mut self, item: &[u8], in_array: bool, out: &mut Vec<u8>) {
        if in_array
            && let Some(kept) = self.kept.last_mut()
            && std::mem::replace(kept, true)
        {
            out.push(b',');
        }
        out.extend_from_slice(item);
        self.telling.given += 1;
        self.telling.place += 1;
    }

    /// Adds to an answer what comes before a bracket.
    pub(super) fn tells_last(&mut self, kept: &mut bool, out: &mut Vec<u8>) {
        let Some(told) = self.edits.told.clone() else { return };
        let depth = self.place.depth();
        match &told.addition {
            Addition::Items(Items { array, items, made, .. }) => {
                if depth == 2 && self.place.key().is_none() && self.is_within(&[array]) {
                    self.kept.push(*kept);
                    for (_, item) in items.iter().skip(self.telling.given) {
                        self.put_item(item, true, out);
                    }
                    *kept = self.kept.pop().unwrap_or_default();
                } else if depth == 1 && *made && !self.telling.found && !items.is_empty() {
                    let list: Vec<&[u8]> = items.iter().map(|(_, item)| item.as_slice()).collect();
                    let list = String::from_utf8_lossy(&list.join(&b',')).into_owned();
                    put(array, &format!("[{list}]"), kept, out);
                }
            }
            Addition::Rejected(rejected) => {
                if depth == 2 && self.is_within(&PARTIAL) {
                    self.telling.found = true;
                    self.put_rejected(*rejected, kept, out);
                } else if depth == 1 && !self.telling.found {
                    let mut inner = Vec::new();
                    self.put_rejected(*rejected, &mut false, &mut inner);
                    put(PARTIAL[0], &format!("{{{}}}", String::from_utf8_lossy(&inner)), kept, out);
                }
            }
            Addition::Texts(_) => {}
        }
    }

    fn put_rejected(&self, rejected: Rejected, kept: &mut bool, out: &mut Vec<u8>) {
        let count = self.telling.theirs.saturating_add(rejected.count);
        put(rejected.names()[0], &format!("\"{count}\""), kept, out);
        if !self.telling.explained {
            put(EXPLAINED[0], &format!("\"{}\"", rejected.message()), kept, out);
        }
    }

    /// Whether the member at hand has one of these names.
    fn is_named(&self, names: &[&str]) -> bool {
        self.place.key().is_some_and(|key| names.iter().any(|name| !name.is_empty() && name.as_bytes() == key))
    }

    /// Whether the place is in a member of the outermost object that has one of these names.
    fn is_within(&self, names: &[&str]) -> bool {
        matches!(self.place.steps().next(), Some(Step::Key(key)) if names.iter().any(|name| name.as_bytes() == key))
    }
}
