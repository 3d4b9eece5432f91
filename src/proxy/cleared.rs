//! Short texts in which the rules of one configuration have found nothing: clients send the same head fields with every
//! request, and what was found clean once need not be read again.
//!
//! Enters: what a text is called and the text. Leaves: whether it was scanned before, under the same rules and actions,
//! without a finding. Kept of a text are 64 bits of a keyed hash, at a place that another 64 bits of it choose; the keys
//! are random and never leave the process, so nobody can make a text that is taken for another. What the rules find is a
//! function of name, text and [`Scopes`], so *Coverage* holds as if each text was scanned; scopes that are made for one
//! exchange, whose place in memory others may take later, are never remembered.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::body::{Direction, Scopes};
use crate::policy::Policy;

/// Texts that are remembered: a newer one takes the place of an older. 32 KiB for a configuration.
const PLACES: usize = 4096;
/// Longer texts are scanned each time, in bytes.
const TEXT: usize = 1024;

/// What one configuration has cleared.
pub(crate) struct Cleared {
    /// The scopes that the configuration itself keeps, by their address: they live as long as this.
    lasting: HashSet<usize>,
    keys: [RandomState; 2],
    places: Box<[AtomicU64]>,
}

/// Where a text's mark is or would be.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    place: usize,
    mark: u64,
}

impl Cleared {
    /// Nothing, of a configuration that must be kept as long as this is.
    pub(crate) fn new(policy: &Policy) -> Self {
        let routes = 0..policy.routes.len();
        let scopes = policy.workspaces.iter().flat_map(|workspace| {
            let both = |route| [Direction::Request, Direction::Response].map(|way| workspace.scopes(route, way));
            routes.clone().flat_map(both).flatten()
        });
        Self::of(scopes.map(|scopes| address(scopes)).collect())
    }

    fn of(lasting: HashSet<usize>) -> Self {
        Self {
            lasting,
            keys: [RandomState::new(), RandomState::new()],
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The mark of a text of this name under these rules and actions; none where it is not to be remembered.
    pub(crate) fn mark(&self, scopes: &Scopes, name: &[u8], text: &[u8]) -> Option<Mark> {
        let address = address(scopes);
        if text.len() > TEXT || !self.lasting.contains(&address) {
            return None;
        }
        let [place, mark] = self.keys.each_ref().map(|key| {
            let mut hasher = key.build_hasher();
            hasher.write_usize(address);
            hasher.write_usize(name.len());
            hasher.write(name);
            hasher.write(text);
            hasher.finish()
        });
        let place = usize::try_from(place).unwrap_or_default() % PLACES;
        // 0 is no text's.
        Some(Mark { place, mark: mark.max(1) })
    }

    /// Whether the text of this mark was found clean.
    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.places.get(mark.place).is_some_and(|place| place.load(Ordering::Relaxed) == mark.mark)
    }

    /// The text of this mark was found clean.
    pub(crate) fn keep(&self, mark: Mark) {
        if let Some(place) = self.places.get(mark.place) {
            place.store(mark.mark, Ordering::Relaxed);
        }
    }
}

fn address(scopes: &Scopes) -> usize {
    std::ptr::from_ref(scopes).addr()
}

impl fmt::Debug for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cleared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ActionTable, RuleSet};

    fn scopes() -> Scopes {
        let rules = RuleSet::build(Vec::new()).expect("no rule cannot fail").into();
        let actions = ActionTable::new(Vec::new(), None).into();
        Scopes { rules, actions, paths: Vec::new(), tools: None, restore: None }
    }

    #[test]
    fn only_the_same_text_of_the_same_name_under_the_same_rules_is_known() {
        let (lasting, other, passing) = (scopes(), scopes(), scopes());
        let cleared = Cleared::of([address(&lasting), address(&other)].into());
        let mark = |scopes, name: &str, text: &str| cleared.mark(scopes, name.as_bytes(), text.as_bytes());
        let known = |scopes, name, text| mark(scopes, name, text).is_some_and(|mark| cleared.has(mark));
        assert!(!known(&lasting, "x-team", "blue"));
        cleared.keep(mark(&lasting, "x-team", "blue").expect("it may be kept"));
        assert!(known(&lasting, "x-team", "blue"));
        for (name, text) in [("x-team", "Blue"), ("x-team", "blue "), ("x-tea", "mblue"), ("x-teamb", "lue"), ("", "")]
        {
            assert!(!known(&lasting, name, text), "{name}: {text}");
        }
        assert!(!known(&other, "x-team", "blue"));
        assert!(mark(&passing, "x-team", "blue").is_none(), "scopes of one exchange are not remembered");
    }

    #[test]
    fn long_texts_are_not_kept() {
        let scopes = scopes();
        let cleared = Cleared::of([address(&scopes)].into());
        assert!(cleared.mark(&scopes, b"x", &[b'a'; TEXT]).is_some());
        assert!(cleared.mark(&scopes, b"x", &[b'a'; TEXT + 1]).is_none());
    }
}
