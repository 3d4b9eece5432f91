//! Two rule sets over one body: the scopes of the rules in force, each with what the other set would do in its place.
//!
//! Enters: the scopes of both. Leaves: scopes that act as those in force do, byte for byte, and whose tables have the other
//! set read along. A place falls under the first of each set's paths that covers it, so each pair of paths is one place.

use std::sync::Arc;

use super::{JsonPath, Scopes};
use crate::engine::{ActionTable, Comparison, Shadow};

/// The most pairs of paths.
pub const PAIRS: usize = 1024;

impl Scopes {
    /// These scopes with `other` reading along; none where their paths make more than [`PAIRS`] pairs.
    #[must_use]
    pub fn beside(&self, other: &Self) -> Option<Self> {
        let both = |own: &ActionTable, their: &Arc<ActionTable>| {
            Arc::new(own.beside(Arc::new(Shadow::new(Arc::clone(&other.rules), Arc::clone(their)))))
        };
        let same = self.paths.iter().map(|(path, _)| path).eq(other.paths.iter().map(|(path, _)| path));
        let mut paths = Vec::new();
        if same {
            // Either's first path is the other's.
            let pairs = self.paths.iter().zip(&other.paths);
            paths.extend(pairs.map(|((path, own), (_, their))| (path.clone(), both(own, their))));
        } else {
            if (self.paths.len() + 1).saturating_mul(other.paths.len() + 1) > PAIRS {
                return None;
            }
            for (path, own) in &self.paths {
                let pair = |also: &JsonPath| JsonPath { also: Some(Box::new(also.clone())), ..path.clone() };
                paths.extend(other.paths.iter().map(|(also, their)| (pair(also), both(own, their))));
                paths.push((path.clone(), both(own, &other.actions)));
            }
            paths.extend(other.paths.iter().map(|(path, their)| (path.clone(), both(&self.actions, their))));
        }
        Some(Self { actions: both(&self.actions, &other.actions), paths, ..self.clone() })
    }

    /// The same for one exchange, which is told there how the two differ.
    #[must_use]
    pub fn compared(&self, comparison: &Arc<Comparison>) -> Self {
        self.with(|actions| Arc::new(actions.compared(comparison)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;
    use crate::body::json::Step;
    use crate::engine::{Action, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

    fn scopes(paths: &[&str]) -> Scopes {
        let spec = RuleSpec {
            id: RuleId::new("word"),
            entity: EntityType::new("WORD"),
            pattern: Pattern::Regex { pattern: "word".to_owned(), max_len: None },
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: 80,
        };
        let table = || Arc::new(ActionTable::new(vec![Action::Mask], None));
        Scopes {
            rules: Arc::new(RuleSet::build(vec![spec]).unwrap()),
            actions: table(),
            paths: paths.iter().map(|path| (JsonPath::parse(path).unwrap(), table())).collect(),
            tools: None,
            restore: None,
        }
    }

    #[test]
    fn each_place_falls_under_the_first_path_of_either_set() {
        let live = ["$.a.b", "$.a", "$..x"];
        let other = ["$.a.c", "$..b", "$.d[*]"];
        let merged = scopes(&live).beside(&scopes(&other)).unwrap();
        let places: [&[Step<'_>]; 8] = [
            &[],
            &[Step::Key(b"a")],
            &[Step::Key(b"a"), Step::Key(b"b")],
            &[Step::Key(b"a"), Step::Key(b"c"), Step::Key(b"x")],
            &[Step::Key(b"b")],
            &[Step::Key(b"d"), Step::Index(3), Step::Key(b"x")],
            &[Step::Key(b"d"), Step::Index(3), Step::Key(b"b"), Step::Key(b"x")],
            &[Step::Key(b"q")],
        ];
        let first = |paths: &[&str], place: &[Step<'_>]| {
            paths.iter().find(|path| JsonPath::parse(path).unwrap().matches(place)).map(|path| (*path).to_owned())
        };
        let spelled = |path: &JsonPath| {
            let known = live.iter().chain(&other).find(|text| JsonPath::parse(text).unwrap().steps == path.steps);
            known.map(|path| (*path).to_owned())
        };
        for place in places {
            let pair = merged.paths.iter().map(|(path, _)| path).find(|path| path.matches(place));
            let (own, their) = (first(&live, place), first(&other, place));
            let found = pair.map(|path| (spelled(path), path.also.as_deref().map(spelled)));
            let wanted = match (own, their) {
                (Some(own), Some(their)) => Some((Some(own), Some(Some(their)))),
                (Some(one), None) | (None, Some(one)) => Some((Some(one), None)),
                (None, None) => None,
            };
            assert_eq!(found, wanted, "{} steps", place.len());
        }
    }

    #[test]
    fn equal_paths_make_no_pairs_and_too_many_are_refused() {
        let paths: Vec<String> = (0..40).map(|at| format!("$.p{at}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(scopes(&paths).beside(&scopes(&paths)).unwrap().paths.len(), 40);
        // 32 times 32, and one path more.
        let most = scopes(&paths[..31]).beside(&scopes(&paths[1..32])).unwrap();
        assert_eq!(most.paths.len() + 1, PAIRS);
        assert!(scopes(&paths[..31]).beside(&scopes(&paths[1..33])).is_none());
    }
}
