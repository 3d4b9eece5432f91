//! The files of a log: what enters is a directory, what leaves are its segments in order, or the name that is wrong.

use std::fs;
use std::path::Path;

use super::verify::{Fault, misplaced};

/// The files of a log by their names.
pub(super) struct Files {
    /// Segments that retention removed.
    pub(super) removed: Vec<(u64, u64)>,
    /// Segments that have ended.
    pub(super) closed: Vec<(u64, u64)>,
    /// The one that has not.
    pub(super) active: Option<u64>,
}

impl Files {
    /// Reads the names in a directory.
    ///
    /// # Errors
    /// A name that no file of a log has, or a segment that is missing.
    pub(super) fn list(directory: &Path) -> Result<Self, Fault> {
        let failed = |error| Fault::Io(directory.to_owned(), error);
        let (mut removed, mut closed, mut active, mut noted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else {
                let name = name.to_string_lossy();
                if name.starts_with("audit-") {
                    return Err(misplaced(&name, 0, "no file of a log is called so"));
                }
                continue;
            };
            let Some(stem) = name.strip_prefix("audit-") else { continue };
            let number = |text: &str| text.parse::<u64>().ok().filter(|number| format!("{number:020}") == text);
            let pair = |text: &str| {
                let (first, last) = text.split_once('-')?;
                Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)
            };
            let known = match stem.split_once('.') {
                Some((stem, "jsonl")) => match number(stem) {
                    Some(first) => {
                        active.push(first);
                        true
                    }
                    None => pair(stem).map(|range| closed.push(range)).is_some(),
                },
                Some((stem, "stub")) => pair(stem).map(|range| removed.push(range)).is_some(),
                Some((stem, "ckpt")) => number(stem).map(|first| noted.push(first)).is_some(),
                Some((stem, "torn")) => number(stem).is_some(),
                _ => false,
            };
            if !known {
                return Err(misplaced(name, 0, "no file of a log is called so"));
            }
        }
        removed.sort_unstable();
        closed.sort_unstable();
        // A segment that was about to be removed is still there: it counts, its stub does not yet.
        removed.retain(|range| !closed.contains(range));
        let active = match active.as_slice() {
            [] => None,
            [first] => Some(*first),
            [first, ..] => return Err(misplaced("audit-*.jsonl", *first, "two segments are open")),
        };
        let mut next = 0;
        for (first, last) in removed.iter().chain(&closed) {
            if *first != next {
                return Err(misplaced("audit-*.jsonl", next, "the segment with this record is missing"));
            }
            next = last + 1;
        }
        if active.is_some_and(|first| first != next) {
            return Err(misplaced("audit-*.jsonl", next, "the segment with this record is missing"));
        }
        let present = |first: &u64| active == Some(*first) || closed.iter().any(|(known, _)| known == first);
        match noted.iter().find(|first| !present(first) && !removed.iter().any(|(known, _)| known == *first)) {
            Some(first) => Err(misplaced("audit-*.ckpt", *first, "the segment of these checkpoints is missing")),
            None => Ok(Self { removed, closed, active }),
        }
    }
}
