//! Which texts of a document a reader may add up, and how these ended.
//!
//! Enters: each text for a reader that ends, with its kind and sort. Leaves: how the texts ended that the next of its kind
//! may be added to. Of one kind are texts at places of the same names; their sort is what their objects say of them (`type`,
//! `thought`). Some readers add up all of a kind, others pass over the sorts that they do not know, and what sort a
//! text is may be said behind it: so it follows the last of its kind of every sort.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::index::Kind;
use super::names::is_like;
use crate::engine::Ends;

/// Sorts and kinds of texts that are remembered of a document.
const MOST: usize = 512;

/// How the texts of a document ended.
#[derive(Default)]
pub(in crate::body) struct Joins {
    /// The last one of each kind and sort: at most [`MOST`].
    ended: Vec<(u64, Sort, Ends)>,
    /// There were more.
    full: bool,
}

impl Joins {
    /// Another document begins.
    pub(in crate::body) fn clear(&mut self) {
        self.ended.clear();
        self.full = false;
    }

    /// How the texts ended that one of this kind may be added to, where there are any. Where too many were to be remembered
    /// it may be any.
    pub(in crate::body) fn before(&self, kind: u64) -> Option<Ends> {
        if self.full {
            return Some(Ends::unknown());
        }
        let mut before = None;
        for (.., ended) in self.ended.iter().filter(|(of, ..)| *of == kind) {
            let before = before.get_or_insert_with(Ends::default);
            before.add_all(ended);
            if before.is_unknown() {
                break;
            }
        }
        before
    }

    /// A text of this kind and sort has ended.
    pub(in crate::body) fn end(&mut self, kind: u64, sort: Sort, ended: Ends) {
        if let Some((.., last)) = self.ended.iter_mut().find(|(of, sorted, _)| (*of, *sorted) == (kind, sort)) {
            *last = ended;
        } else if self.ended.len() < MOST {
            self.ended.push((kind, sort, ended));
        } else {
            self.full = true;
        }
    }
}

/// As much of a `type` as tells it from others.
pub(super) const WORD: usize = 128;

/// The sort of an object's text: one number for what the object says of it, in the order in which it does.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(in crate::body) struct Sort(u64);

impl Sort {
    /// The object has this member, which [`tells_sort`].
    pub(in crate::body) fn member(&mut self, key: &[u8], kind: Kind) {
        self.add((key, kind as u8));
    }

    /// The member, which is a string, says this. A word beyond [`WORD`] bytes may be cut.
    pub(in crate::body) fn word(&mut self, word: &[u8]) {
        self.add(word.get(..WORD).unwrap_or(word));
    }

    fn add(&mut self, said: impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.0, said).hash(&mut hasher);
        self.0 = hasher.finish();
    }
}

/// Whether a member says of what sort its object's text is.
pub(in crate::body) fn tells_sort(key: &[u8], kind: Kind) -> bool {
    kind == Kind::String && is_like(key, b"type")
        || !matches!(kind, Kind::False | Kind::Null) && is_like(key, b"thought")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_follows_the_last_of_its_kind_of_every_sort() {
        let mut joins = Joins::default();
        assert!(joins.before(1).is_none());
        joins.end(1, Sort(1), Ends::unknown());
        joins.end(1, Sort(2), Ends::default());
        assert!(joins.before(1).is_some_and(|before| !before.is_over()) && joins.before(2).is_none());
        joins.end(1, Sort(1), Ends::default());
        assert!(joins.before(1).is_some_and(|before| before.is_over()));
        joins.clear();
        assert!(joins.before(1).is_none());
    }

    #[test]
    fn a_sort_is_what_its_object_says() {
        let sort = |members: &[(&str, Kind, &str)]| {
            let mut sort = Sort::default();
            for (key, kind, word) in members {
                sort.member(key.as_bytes(), *kind);
                if *kind == Kind::String {
                    sort.word(word.as_bytes());
                }
            }
            sort
        };
        let long = "x".repeat(WORD);
        let texts = [
            sort(&[]),
            sort(&[("type", Kind::String, "text")]),
            sort(&[("type", Kind::String, "")]),
            sort(&[("type", Kind::String, &long)]),
            sort(&[("thought", Kind::True, "")]),
            sort(&[("thought", Kind::String, "")]),
            sort(&[("type", Kind::String, "text"), ("thought", Kind::True, "")]),
        ];
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(texts.iter().position(|other| other == text), Some(at));
        }
        assert_eq!(texts[3], sort(&[("type", Kind::String, &format!("{long}y"))]), "it may have been cut");
    }

    #[test]
    fn beyond_the_bound_nothing_is_known_of_any_text() {
        let mut joins = Joins::default();
        for kind in 0..MOST as u64 {
            joins.end(kind, Sort(0), Ends::default());
        }
        assert!(joins.before(0).is_some_and(|before| before.is_over()) && joins.before(u64::MAX).is_none());
        joins.end(u64::MAX, Sort(0), Ends::default());
        for kind in [0, u64::MAX, u64::MAX - 1] {
            assert!(joins.before(kind).is_some_and(|before| !before.is_over()));
        }
    }
}
