//! The part of a match that is its finding: the group `value` of an expression.
//!
//! The automaton that follows a text knows where a match ends and nothing of its parts. Once a match is complete, an
//! engine with captures runs over its bytes alone, and tells where the group stands. What was matched beside the group is
//! context: it leaves as it came.

use std::fmt;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::nfa::thompson::{self, pikevm};
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::{NonMaxUsize, PatternID};
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Hir, HirKind};

use super::ruleset::BuildErrorKind;

/// The name of the group.
const NAME: &str = "value";

type Create = Box<dyn Fn() -> pikevm::Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// An expression's group `value`, ready to be asked of complete matches.
pub(super) struct Narrow {
    engine: pikevm::PikeVM,
    /// The group's place among the groups.
    group: usize,
    caches: Pool<pikevm::Cache, Create>,
}

impl Narrow {
    /// The group `value` of an expression; none where it has no named group.
    pub(super) fn new(hir: &Hir, limit: usize) -> Result<Option<Self>, BuildErrorKind> {
        let mut names = Vec::new();
        named_groups(hir, &mut names);
        match names.as_slice() {
            [] => return Ok(None),
            [(NAME, false)] => {}
            [(NAME, true)] => return Err(BuildErrorKind::EmptyValue),
            _ => return Err(BuildErrorKind::Groups),
        }
        let too_large = |_| BuildErrorKind::TooLarge { limit };
        let nfa = thompson::Compiler::new()
            .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(limit)))
            .build_from_hir(hir)
            .map_err(too_large)?;
        let group = nfa.group_info().to_index(PatternID::ZERO, NAME).ok_or(BuildErrorKind::Groups)?;
        let engine = pikevm::PikeVM::new_from_nfa(nfa).map_err(|_| BuildErrorKind::TooLarge { limit })?;
        let for_caches = engine.clone();
        let caches = Pool::new(Box::new(move || for_caches.create_cache()) as Create);
        Ok(Some(Self { engine, group, caches }))
    }

    /// Where the value of the match `text[start..end]` stands: the whole match where the group takes no part in it.
    pub(super) fn value(&self, text: &[u8], start: usize, end: usize) -> Range<usize> {
        let whole = start..end;
        if end > text.len() {
            return whole;
        }
        let input = Input::new(text).span(whole.clone()).anchored(Anchored::Yes);
        let mut slots: Vec<Option<NonMaxUsize>> = vec![None; 2 * (self.group + 1)];
        let mut cache = self.caches.get();
        self.engine.search_slots(&mut cache, &input, &mut slots);
        match slots.as_slice() {
            [.., Some(from), Some(to)] => from.get()..to.get(),
            _ => whole,
        }
    }
}

impl fmt::Debug for Narrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Narrow(group {})", self.group)
    }
}

/// The names of an expression's groups, each with whether it may be empty.
fn named_groups<'hir>(hir: &'hir Hir, names: &mut Vec<(&'hir str, bool)>) {
    if hir.properties().explicit_captures_len() == 0 {
        return;
    }
    match hir.kind() {
        HirKind::Capture(capture) => {
            let empty = capture.sub.properties().minimum_len().is_none_or(|len| len == 0);
            names.extend(capture.name.as_deref().map(|name| (name, empty)));
            named_groups(&capture.sub, names);
        }
        HirKind::Repetition(repetition) => named_groups(&repetition.sub, names),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| named_groups(part, names));
        }
        _ => {}
    }
}
