//! The part of a match that is its finding: the group `value` of an expression.
//!
//! The automaton that follows a text knows where a match ends and nothing of its parts. Once a match is complete, its
//! expression is walked over it again by threads that know where the group began (a Pike machine), and that walk ends as
//! soon as no thread is left that would say otherwise: mostly a few bytes into the value, however long that is. What was
//! matched beside the group is context: it leaves as it came.
//!
//! The same label stands in line after line, so a walk keeps what it has learned: which threads follow which, in their order,
//! behind a byte ([`Learned`]). Where it has been before it goes by a table.

mod learned;

use std::fmt;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::nfa::thompson::{self, NFA, State};
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::{PatternID, StateID};
use regex_syntax::hir::{Hir, HirKind};

use self::learned::Learned;
use super::ruleset::BuildErrorKind;

/// The name of the group.
const NAME: &str = "value";

type Create = Box<dyn Fn() -> Walk + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// An expression's group `value`, ready to be asked of complete matches.
pub(super) struct Narrow {
    nfa: NFA,
    /// The group's place among the groups.
    group: usize,
    /// Whether every match ends with the group.
    last: bool,
    /// Whether the group, once it was met, is not met again.
    once: bool,
    /// Whether what a walk learns of it holds elsewhere.
    learns: bool,
    walks: Pool<Walk, Create>,
}

/// Where the group stands, as far as a thread has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Slots {
    start: Option<usize>,
    end: Option<usize>,
}

/// Threads in the order of their priority, one for a state at most.
#[derive(Default)]
struct Threads {
    list: Vec<(StateID, Slots)>,
    /// For each state the place in the list, if it is there.
    places: Vec<u32>,
}

/// The memory of one walk.
#[derive(Default)]
struct Walk {
    now: Threads,
    next: Threads,
    stack: Vec<(StateID, Slots)>,
    learned: Learned,
}

impl Threads {
    fn clear(&mut self, states: usize) {
        self.list.clear();
        self.places.resize(states, 0);
    }

    /// Whether the state is new here.
    fn insert(&mut self, state: StateID, slots: Slots) -> bool {
        let Some(place) = self.places.get_mut(state.as_usize()) else { return false };
        if self.list.get(*place as usize).is_some_and(|(known, _)| *known == state) {
            return false;
        }
        *place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push((state, slots));
        true
    }
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
        let nfa = thompson::Compiler::new()
            .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(limit)))
            .build_from_hir(hir)
            .map_err(|_| BuildErrorKind::TooLarge { limit })?;
        let group = nfa.group_info().to_index(PatternID::ZERO, NAME).ok_or(BuildErrorKind::Groups)?;
        let walks = Pool::new(Box::new(Walk::default) as Create);
        let (last, once) = (ends_with_group(hir), stands_once(hir));
        let learns = last && once && Learned::holds(&nfa);
        Ok(Some(Self { nfa, group, last, once, learns, walks }))
    }

    /// Where the value of the match `text[start..end]` stands: the whole match where the group takes no part in it.
    pub(super) fn value(&self, text: &[u8], start: usize, end: usize) -> Range<usize> {
        if end > text.len() {
            return start..end;
        }
        let mut walk = self.walks.get();
        let start_of = if self.learns { self.by_table(&mut walk, text, start..end) } else { None };
        let slots = match start_of {
            Some(start) => Slots { start, end: None },
            None => self.slots(&mut walk, text, start..end),
        };
        match slots.start.zip(if self.last { Some(end) } else { slots.end }) {
            Some((from, to)) => from..to,
            None => start..end,
        }
    }

    /// Where the group begins in the leftmost-first match that begins where the span does, by what has been learned and
    /// learning the rest. Nothing where threads differ by more places than are counted.
    fn by_table(&self, walk: &mut Walk, text: &[u8], span: Range<usize>) -> Option<Option<usize>> {
        let Walk { now, next, stack, learned } = walk;
        let states = self.nfa.states().len();
        let mut standing = match learned.begun(text, span.start) {
            Some(standing) => standing,
            None => {
                now.clear(states);
                self.follow(now, stack, text, span.start, self.nfa.start_anchored(), Slots::default());
                learned.begin(&self.nfa, text, span.start, &now.list)?
            }
        };
        let mut matched: Option<Option<usize>> = None;
        for at in span.start..=span.end {
            match learned.told(&standing) {
                (Some(start), _) if matched.is_none_or(|matched| matched == Some(start)) => return Some(Some(start)),
                (_, Some(start)) => matched = Some(start),
                _ => {}
            }
            if at == span.end || learned.is_over(&standing) {
                break;
            }
            if !learned.step(text, at, &mut standing) {
                now.list.clear();
                learned.threads(&standing, &mut now.list);
                next.clear(states);
                self.advance(now, next, stack, text, at);
                standing = learned.learn(&self.nfa, text, at, &standing, &next.list)?;
            }
        }
        Some(matched.flatten())
    }

    /// Follows threads over the byte at `at`.
    fn advance(&self, now: &Threads, next: &mut Threads, stack: &mut Vec<(StateID, Slots)>, text: &[u8], at: usize) {
        let Some(byte) = text.get(at).copied() else { return };
        for (state, slots) in &now.list {
            let target = match self.nfa.state(*state) {
                // What stands behind it in the order has lost.
                State::Match { .. } => break,
                State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
                State::Sparse(sparse) => sparse.matches_byte(byte),
                State::Dense(dense) => dense.matches_byte(byte),
                _ => None,
            };
            if let Some(target) = target {
                self.follow(next, stack, text, at + 1, target, *slots);
            }
        }
    }

    /// The groups of the leftmost-first match that begins where the span does.
    fn slots(&self, walk: &mut Walk, text: &[u8], span: Range<usize>) -> Slots {
        let Walk { now, next, stack, .. } = walk;
        let states = self.nfa.states().len();
        let mut matched: Option<Slots> = None;
        now.clear(states);
        self.follow(now, stack, text, span.start, self.nfa.start_anchored(), Slots::default());
        for at in span.start..=span.end {
            if let Some(slots) = self.agreed(now, matched) {
                return slots;
            }
            let matches = |(state, _): &&(StateID, Slots)| matches!(self.nfa.state(*state), State::Match { .. });
            matched = now.list.iter().find(matches).map(|(_, slots)| *slots).or(matched);
            next.clear(states);
            if at < span.end {
                self.advance(now, next, stack, text, at);
            }
            std::mem::swap(now, next);
        }
        matched.unwrap_or_default()
    }

    /// What all threads say, and the match that there is already: nothing while they differ or may still come to say
    /// something else.
    fn agreed(&self, threads: &Threads, matched: Option<Slots>) -> Option<Slots> {
        let all = || threads.list.iter().map(|(_, slots)| *slots).chain(matched);
        let first = all().next()?;
        let settled = first.start.is_some() && (self.last || first.end.is_some());
        (self.once && settled && all().all(|slots| slots == first)).then_some(first)
    }

    /// Adds a state and what it leads to without a byte, in the order of priority.
    fn follow(
        &self,
        threads: &mut Threads,
        stack: &mut Vec<(StateID, Slots)>,
        text: &[u8],
        at: usize,
        state: StateID,
        slots: Slots,
    ) {
        stack.push((state, slots));
        while let Some((mut state, mut slots)) = stack.pop() {
            while threads.insert(state, slots) {
                state = match self.nfa.state(state) {
                    State::Look { look, next } if self.nfa.look_matcher().matches(*look, text, at) => *next,
                    State::Union { alternates } => {
                        let Some((first, rest)) = alternates.split_first() else { break };
                        stack.extend(rest.iter().rev().map(|state| (*state, slots)));
                        *first
                    }
                    State::BinaryUnion { alt1, alt2 } => {
                        stack.push((*alt2, slots));
                        *alt1
                    }
                    State::Capture { next, group_index, slot, .. } => {
                        if group_index.as_usize() == self.group {
                            // Groups have their beginning in an even slot.
                            let own = if slot.as_usize() % 2 == 0 { &mut slots.start } else { &mut slots.end };
                            *own = Some(at);
                        }
                        *next
                    }
                    _ => break,
                };
            }
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

/// Whether the group is the last of every match that takes bytes.
fn ends_with_group(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => capture.name.as_deref() == Some(NAME) || ends_with_group(&capture.sub),
        HirKind::Concat(parts) => {
            let takes_bytes = |part: &&Hir| part.properties().maximum_len() != Some(0);
            parts.iter().rev().find(takes_bytes).is_some_and(ends_with_group)
        }
        HirKind::Alternation(parts) => parts.iter().all(ends_with_group),
        _ => false,
    }
}

/// Whether the group is in no repetition.
fn stands_once(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => stands_once(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(stands_once),
        HirKind::Repetition(repetition) => repetition.sub.properties().explicit_captures_len() == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::nfa::thompson::pikevm::PikeVM;
    use regex_automata::{Anchored, Input};

    use super::*;

    /// Every value is that of a whole Pike machine over the whole match.
    #[test]
    fn the_walk_that_ends_early_says_what_the_whole_one_does() {
        let patterns = [
            r"(?:key|token)[ =:*]{0,3}(?<value>[a-c*=]{3,}[a-c])",
            r"(?:key(?:[ \t]*[a-c]+[ ]*=|=|:))[*(]{0,2}(?<value>[a-c*(=]{2,})\b",
            r"key=(?<value>[a-c]+?)(?:;|$|=key)",
            r"key(?:=(?<value>[ab]+)|:[abc]+)c*",
            r"(?:k|ke|key|keya)??(?<value>[a-ey=]+)[b=]",
            r"(?:key|token)?(?:(?-u:\b)[a-c]|[a-c=]{0,4})*(?:^|[ =*]|(?-u:\b)*)(?<value>[a-c=:]{2,})",
            r"(?:[a-z=]*(?-u:\b))?(?:=|[*(]{1,2})(?<value>[a-c*(=]+)",
            r"key[a=]*(?<value>a+b?)=?",
            r"key(?:[=*](?<value>[ab]+))+",
        ];
        let mut state = 9_u32;
        let mut below = |count: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % count
        };
        let mut compared = 0;
        for pattern in patterns {
            let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).expect("a pattern");
            let narrow = Narrow::new(&hir, 1 << 20).expect("small").expect("with a value");
            let whole = PikeVM::new(pattern).expect("a pattern");
            let mut cache = whole.create_cache();
            for _ in 0..3000 {
                let pieces = ["key", "token", "=", "a", "b", "c", "*", " ", "(", ";", ":", "ab"];
                let text: String = (0..below(14)).map(|_| pieces[below(pieces.len())]).collect();
                let mut captures = whole.create_captures();
                let input = Input::new(&text).anchored(Anchored::Yes);
                whole.captures(&mut cache, input, &mut captures);
                let Some(found) = captures.get_match() else { continue };
                let wanted = captures.get_group_by_name(NAME).map_or(found.range(), |span| span.range());
                let slots = narrow.slots(&mut Walk::default(), text.as_bytes(), found.range());
                let end = if narrow.last { Some(found.end()) } else { slots.end };
                let walked = slots.start.zip(end).map_or(found.range(), |(start, end)| start..end);
                assert_eq!(walked, wanted, "{pattern} {text:?}");
                // By what was learned from the texts before.
                assert_eq!(narrow.value(text.as_bytes(), found.start(), found.end()), wanted, "{pattern} {text:?}");
                compared += 1;
            }
        }
        assert!(compared > 500, "{compared} compared");
    }

    #[test]
    fn a_long_value_is_not_walked_to_its_end() {
        let hir = regex_syntax::parse("key=(?<value>[a-z=]{7,}[a-z])").expect("a pattern");
        let narrow = Narrow::new(&hir, 1 << 20).expect("small").expect("with a value");
        assert!(narrow.learns);
        // What stands behind the agreement is not looked at, so that it need not even match.
        let text = b"key=key=valuekey=value and what no match goes on with";
        assert_eq!(narrow.slots(&mut Walk::default(), text, 0..text.len()).start, Some(4));
        let other = b"key.abcdefgh and what no match goes on with";
        assert_eq!(narrow.slots(&mut Walk::default(), other, 0..other.len()).start, None);
    }
}
