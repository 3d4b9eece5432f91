//! Calls about held requests that were refused, on their way into the audit.
//!
//! Enters: each refusal, with who asked as far as that is known. Leaves: a record of the first of a kind, and a minute later one
//! of how many followed, so that whoever tries a thousand tokens fills no log: a kind is an identity and a reason, and there are
//! at most [`KINDS`] of them in a minute; what is beyond is counted as one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::audit::{Entry, Kind};

/// How long refusals of a kind are put together.
pub(super) const STRETCH: Duration = Duration::from_secs(60);
/// Kinds that have records of their own in that time.
const KINDS: usize = 64;

/// Whose call was refused, and why.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Denial {
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// The person, where it is one that the configuration has.
    pub(super) person: Option<String>,
    /// The names of the certificate that was presented, and its SHA-256.
    pub(super) names: Vec<String>,
    pub(super) certificate: Option<String>,
}

impl Denial {
    /// Its record, of so many.
    fn entry(&self, count: u64) -> Entry {
        let mut entry = denied(self.code, count).number("status", u64::from(self.status));
        if let Some(person) = &self.person {
            entry = entry.text("by", person);
        }
        if !self.names.is_empty() {
            entry = entry.value("actor", &self.names);
        }
        match &self.certificate {
            Some(certificate) => entry.text("cert", certificate),
            None => entry,
        }
    }
}

fn denied(reason: &str, count: u64) -> Entry {
    Entry::new(Kind::Admin).text("act", "call").text("outcome", "denied").text("reason", reason).number("count", count)
}

/// The refusals of the last stretch.
#[derive(Default, Debug)]
pub(super) struct Denials(Mutex<Kinds>);

#[derive(Default, Debug)]
struct Kinds {
    /// How many of each kind have no record.
    known: HashMap<Denial, u64>,
    /// How many were of no kind that there was room for.
    others: u64,
}

impl Denials {
    /// Takes a refusal; gives its record where it is the first of its kind.
    pub(super) fn note(&self, denial: Denial) -> Option<Entry> {
        let mut kinds = self.kinds();
        if let Some(count) = kinds.known.get_mut(&denial) {
            *count += 1;
            return None;
        }
        if kinds.known.len() >= KINDS {
            kinds.others += 1;
            return None;
        }
        let entry = denial.entry(1);
        kinds.known.insert(denial, 0);
        Some(entry)
    }

    /// Ends the stretch; gives the records of what has none.
    pub(super) fn end(&self) -> Vec<Entry> {
        let Kinds { known, others } = std::mem::take(&mut *self.kinds());
        let others = (others > 0).then(|| denied("others", others));
        let known = known.into_iter().filter(|(_, count)| *count > 0).map(|(denial, count)| denial.entry(count));
        known.chain(others).collect()
    }

    fn kinds(&self) -> MutexGuard<'_, Kinds> {
        // Every holder leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(person: usize) -> Denial {
        let person = Some(format!("person {person}"));
        Denial { code: "role", status: 403, person, names: Vec::new(), certificate: None }
    }

    #[test]
    fn a_flood_of_denials_has_few_records() {
        let denials = Denials::default();
        let first: usize = (0..10_000).filter_map(|_| denials.note(denial(0))).count();
        assert_eq!((first, denials.end()), (1, vec![denial(0).entry(9_999)]));
        assert_eq!(denials.end(), Vec::new(), "what was told is forgotten");
        assert_eq!(denials.note(denial(0)), Some(denial(0).entry(1)));
        let told = (0..10_000).filter_map(|person| denials.note(denial(person))).count();
        assert_eq!(told, KINDS - 1);
        // The first was noted twice; the others each once, and what there was no room for as one.
        let rest = denials.end();
        assert_eq!(rest, vec![denial(0).entry(1), denied("others", 10_000 - KINDS as u64)]);
    }
}
