//! Which of two JSON paths is the narrower.
//!
//! A path means the value that it leads to and everything within. Where two paths mean one value, the narrower must
//! come first; what cannot be told from the steps alone counts as not wider.

use crate::body::{JsonPath, PathStep};

/// Whether every place that `narrow` means is also meant by `wide`.
pub(crate) fn covers(wide: &JsonPath, narrow: &JsonPath) -> bool {
    // One row for each number of wide steps: which prefixes of `narrow` they can cover.
    let width = narrow.steps.len();
    let mut reach = vec![false; width + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for step in &wide.steps {
        let mut next = vec![false; width + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = reach.get(at).copied().unwrap_or(false);
            let below = at.checked_sub(1);
            let taken = below.and_then(|below| narrow.steps.get(below));
            match step {
                PathStep::Descend => {
                    open |= here;
                    *slot = open;
                }
                PathStep::Any | PathStep::Key(_) | PathStep::Index(_) => {
                    let before = below.and_then(|below| reach.get(below)).copied().unwrap_or(false);
                    let fits = match taken {
                        Some(PathStep::Descend) | None => false,
                        Some(taken) => matches!(step, PathStep::Any) || step == taken,
                    };
                    *slot = before && fits;
                }
            }
        }
        reach = next;
    }
    // The value that a part of `narrow` leads to holds what all of it leads to.
    reach.contains(&true)
}

/// Sorts `paths` so that none comes before one that is narrower; of others, the one that names more steps comes first.
pub(crate) fn narrow_first(mut paths: Vec<&JsonPath>) -> Vec<&JsonPath> {
    paths.sort_by_key(|path| breadth(path));
    let strictly = |wide: &JsonPath, narrow: &JsonPath| covers(wide, narrow) && !covers(narrow, wide);
    let mut waiting: Vec<(&JsonPath, usize)> =
        paths.iter().map(|path| (*path, paths.iter().filter(|other| strictly(path, other)).count())).collect();
    let mut sorted = Vec::with_capacity(paths.len());
    while !waiting.is_empty() {
        let free = waiting.iter().position(|(_, narrower)| *narrower == 0).unwrap_or(0);
        let (next, _) = waiting.remove(free);
        let wider = waiting.iter_mut().filter(|(path, _)| strictly(path, next));
        wider.for_each(|(_, narrower)| *narrower = narrower.saturating_sub(1));
        sorted.push(next);
    }
    sorted
}

/// More named steps, fewer `..`, more steps come first.
fn breadth(path: &JsonPath) -> (usize, usize, usize) {
    let count = |wanted: fn(&PathStep) -> bool| path.steps.iter().filter(|step| wanted(step)).count();
    let named = count(|step| matches!(step, PathStep::Key(_) | PathStep::Index(_)));
    let open = count(|step| matches!(step, PathStep::Descend));
    (usize::MAX - named, open, usize::MAX - path.steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> JsonPath {
        JsonPath::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"))
    }

    #[test]
    fn a_wider_path_covers_a_narrower_one() {
        let covering = [
            ("$", "$.a"),
            ("$.a", "$.a"),
            ("$.a", "$.a.b"),
            ("$.a", "$.a..b"),
            ("$.*", "$.a"),
            ("$..a", "$.a"),
            ("$..a", "$.x.y.a"),
            ("$..a", "$..b.a"),
            ("$..*", "$.*.*"),
            ("$.*.*", "$[0].b"),
            ("$..a..b", "$.a.x.b.c"),
        ];
        for (wide, narrow) in covering {
            assert!(covers(&path(wide), &path(narrow)), "{wide} {narrow}");
        }
        let other =
            [("$.a", "$.*"), ("$.a", "$..a"), ("$.a.b", "$.a"), ("$..a", "$"), ("$.a", "$.b"), ("$[0]", "$[1]")];
        for (wide, narrow) in other {
            assert!(!covers(&path(wide), &path(narrow)), "{wide} {narrow}");
        }
    }

    #[test]
    fn narrower_paths_come_first() {
        let texts = ["$", "$..*", "$.a", "$.a..*", "$.*", "$.a.b", "$..b", "$.a[*].b", "$.*.b"];
        let paths: Vec<JsonPath> = texts.iter().map(|text| path(text)).collect();
        for turn in 0..paths.len() {
            let mut turned: Vec<&JsonPath> = paths.iter().collect();
            turned.rotate_left(turn);
            let sorted = narrow_first(turned);
            assert_eq!(sorted.len(), paths.len());
            for (at, wide) in sorted.iter().enumerate() {
                let later = sorted.iter().skip(at + 1).find(|narrow| covers(wide, narrow) && !covers(narrow, wide));
                assert!(later.is_none(), "{wide:?} stands before {later:?}");
            }
        }
    }
}
