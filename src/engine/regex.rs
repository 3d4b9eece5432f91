//! Users' regular expressions compiled for streaming: an automaton that is stepped byte by byte from a known
//! beginning, the literals every match begins with, and the longest match.

#![allow(clippy::indexing_slicing, reason = "tables of 256 entries are indexed by a byte")]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use sha2::{Digest as _, Sha256};

use super::automaton::Automaton;
use super::byte_set::ByteSet;
use super::narrow::Narrow;
use super::ruleset::BuildErrorKind;

/// Longest match of any rule in bytes.
pub(super) const MAX_LEN_LIMIT: usize = 16 << 10;
/// Memory of one rule's automaton in bytes.
const AUTOMATON_LIMIT: usize = 16 << 20;

/// What an expression is compiled from, the pattern and its longest match where that is told, as a hash: patterns are longer
/// than what is kept of most of them.
type Source = [u8; 32];

fn source(pattern: &str, max_len: Option<usize>) -> Source {
    let told = max_len.map_or([0; 8], |max_len| (max_len as u64).saturating_add(1).to_le_bytes());
    Sha256::new().chain_update(told).chain_update(pattern).finalize().into()
}

/// Expressions that some rule set holds, by what they were compiled from. Workspaces that take the same packs share
/// their automata, and a reload compiles what has changed.
static KNOWN: LazyLock<Mutex<HashMap<Source, Weak<Regex>>>> = LazyLock::new(Mutex::default);

/// One expression, ready to be stepped.
#[derive(Debug)]
pub(super) struct Regex {
    automaton: Automaton,
    /// Shortest match in bytes, or less.
    pub(super) min_len: usize,
    /// Longest match, told or derived.
    pub(super) max_len: usize,
    /// The longest match that the rule's author allows, where it is told.
    pub(super) told: Option<usize>,
    /// Whether the expression itself has a longest match; if not, a match may be followed beyond `max_len`.
    pub(super) finite: bool,
    /// Literals of two bytes or more of which every match begins with one; empty when there are none.
    pub(super) literals: Vec<Vec<u8>>,
    /// How many [`is_token`] bytes every match begins with, at least.
    pub(super) leading_run: usize,
    /// The group `value`, where the expression has one: it alone is the finding.
    pub(super) value: Option<Narrow>,
}

/// Where an automaton stands after a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stand {
    /// Nothing can match any more.
    Dead,
    /// It may match later.
    Alive(StateID),
    /// A match ended before the byte just taken, and more may come.
    Matched(StateID),
}

impl Regex {
    /// The expression, compiled or as another rule set has it already.
    pub(super) fn shared(pattern: &str, max_len: Option<usize>) -> Result<Arc<Self>, BuildErrorKind> {
        let key = source(pattern, max_len);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known().get(&key).and_then(Weak::upgrade) {
            return Ok(regex);
        }
        let regex = Arc::new(Self::compile(pattern, max_len)?);
        let mut known = known();
        if known.len() == known.capacity() {
            known.retain(|_, regex| regex.strong_count() > 0);
        }
        known.insert(key, Arc::downgrade(&regex));
        Ok(regex)
    }

    pub(super) fn compile(pattern: &str, max_len: Option<usize>) -> Result<Self, BuildErrorKind> {
        let syntax = |message: String| BuildErrorKind::Syntax(message);
        let hir = regex_syntax::ParserBuilder::new()
            .utf8(false)
            .nest_limit(100)
            .build()
            .parse(pattern)
            .map_err(|error| syntax(short(&error.to_string())))?;
        let hir = ascii_word_boundaries(hir);
        let properties = hir.properties();
        let min_len = match properties.minimum_len() {
            Some(0) => return Err(BuildErrorKind::MatchesEmpty),
            None => return Err(syntax("it can never match".to_owned())),
            Some(len) => len,
        };
        let own = properties.maximum_len();
        let longest = match (own, max_len) {
            (Some(own), Some(told)) => own.min(told),
            (Some(len), None) | (None, Some(len)) => len,
            (None, None) => return Err(BuildErrorKind::Unbounded),
        };
        if longest > MAX_LEN_LIMIT {
            return Err(BuildErrorKind::TooLong { asked: longest, limit: MAX_LEN_LIMIT });
        }
        let value = Narrow::new(&hir, AUTOMATON_LIMIT)?;
        let automaton = Automaton::of(&determinize(&hir)?);
        let leading_run = leading_run(&automaton);
        let literals = leading_literals(&hir);
        let finite = own.is_some();
        Ok(Self { literals, automaton, min_len, max_len: longest, told: max_len, finite, leading_run, value })
    }

    /// The automaton, as it is stepped.
    pub(super) fn automaton(&self) -> &Automaton {
        &self.automaton
    }

    /// The bytes that the automaton tells apart, each kind by one of them.
    pub(super) fn kinds(&self) -> Vec<(u8, ByteSet)> {
        self.automaton.kinds()
    }

    /// The states before a match, and for each what it begins behind: the beginning of the text, or these bytes.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = (StateID, ByteSet)> {
        self.automaton.beginnings().filter(|(state, _)| !self.automaton.is_dead_state(*state))
    }

    /// The state before a match that would begin after `before`, or at the beginning of the text.
    pub(super) fn begin(&self, before: Option<u8>) -> Option<StateID> {
        Some(self.automaton.begin(before)).filter(|state| !self.automaton.is_dead_state(*state))
    }

    /// Takes one byte. Matches are reported one byte late, so that what follows a match can be looked at.
    #[inline]
    pub(super) fn step(&self, state: StateID, byte: u8) -> Stand {
        self.stand(self.automaton.next_state(state, byte))
    }

    /// Takes the end of the text; whether a match ends there.
    pub(super) fn end(&self, state: StateID) -> bool {
        self.automaton.is_match_state(self.automaton.next_eoi_state(state))
    }

    #[inline]
    fn stand(&self, state: StateID) -> Stand {
        if !self.automaton.is_special_state(state) {
            Stand::Alive(state)
        } else if self.automaton.is_match_state(state) {
            Stand::Matched(state)
        } else if self.automaton.is_dead_state(state) || self.automaton.is_quit_state(state) {
            // No byte is a quit byte: word boundaries are ASCII.
            Stand::Dead
        } else {
            Stand::Alive(state)
        }
    }
}

/// The parser's message without the picture of the pattern above it.
fn short(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

pub(super) fn determinize(hir: &Hir) -> Result<dense::DFA<Vec<u32>>, BuildErrorKind> {
    let too_large = |_| BuildErrorKind::TooLarge { limit: AUTOMATON_LIMIT };
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .which_captures(thompson::WhichCaptures::None)
                .nfa_size_limit(Some(AUTOMATON_LIMIT)),
        )
        .build_from_hir(hir)
        .map_err(|_| BuildErrorKind::TooLarge { limit: AUTOMATON_LIMIT })?;
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .accelerate(false)
                .match_kind(MatchKind::LeftmostFirst)
                .start_kind(StartKind::Anchored)
                .dfa_size_limit(Some(AUTOMATON_LIMIT))
                .determinize_size_limit(Some(2 * AUTOMATON_LIMIT)),
        )
        .build_from_nfa(&nfa)
        .map_err(too_large)
}

/// Puts ASCII word boundaries in place of Unicode ones, and takes signs out that stand for letters. The nesting of the expression is bounded by its parser.
fn ascii_word_boundaries(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(without_signs(class)),
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        }),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min, max, greedy, sub: Box::new(ascii_word_boundaries(*sub)) })
        }
        // A group without a name only holds together.
        HirKind::Capture(Capture { name: None, sub, .. }) => ascii_word_boundaries(*sub),
        HirKind::Capture(Capture { index, name, sub }) => {
            Hir::capture(Capture { index, name, sub: Box::new(ascii_word_boundaries(*sub)) })
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(ascii_word_boundaries).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(ascii_word_boundaries).collect()),
    }
}

/// Takes the Kelvin sign and the long s out of a class that has them only as other cases of k and s: no one writes them,
/// they double automata, and a view shows them as the letters that they stand for.
fn without_signs(class: Class) -> Class {
    let Class::Unicode(mut class) = class else { return class };
    for (sign, letters) in [('\u{212A}', ['K', 'k']), ('\u{17F}', ['S', 's'])] {
        let has = |wanted: char| class.iter().any(|range| (range.start()..=range.end()).contains(&wanted));
        let alone = class.iter().any(|range| (range.start(), range.end()) == (sign, sign));
        if alone && letters.into_iter().all(has) {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new(sign, sign)]));
        }
    }
    Class::Unicode(class)
}

fn leading_literals(hir: &Hir) -> Vec<Vec<u8>> {
    let mut sequence = Extractor::new().kind(ExtractKind::Prefix).limit_total(64).extract(hir);
    sequence.keep_first_bytes(16);
    let Some(literals) = sequence.literals() else {
        return Vec::new();
    };
    if literals.is_empty() || literals.iter().any(|literal| literal.as_bytes().len() < 2) {
        return Vec::new();
    }
    literals.iter().map(|literal| literal.as_bytes().to_vec()).collect()
}

/// Bytes that keys and tokens are made of.
#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        token[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'+');
        byte += 1;
    }
    token
};

/// The most of [`Regex::leading_run`].
pub(super) const LEADING_RUN: usize = 32;

/// How many bytes at the beginning of every match are certain to be token bytes, up to [`LEADING_RUN`].
fn leading_run(automaton: &Automaton) -> usize {
    let mut states: Vec<StateID> = automaton.beginnings().map(|(state, _)| state).collect();
    let kinds: Vec<(u8, bool)> =
        automaton.kinds().into_iter().map(|(byte, members)| (byte, members.bytes().all(is_token))).collect();
    for run in 0..LEADING_RUN {
        // A match that the text's end is a part of.
        if states.iter().any(|state| automaton.is_match_state(automaton.next_eoi_state(*state))) {
            return run;
        }
        let mut next = Vec::new();
        for state in &states {
            for (byte, tokens) in &kinds {
                let reached = automaton.next_state(*state, *byte);
                if automaton.is_dead_state(reached) {
                    continue;
                }
                if !tokens || automaton.is_match_state(reached) {
                    return run;
                }
                next.push(reached);
            }
        }
        next.sort_unstable();
        next.dedup();
        // An expression of many shapes is not worth the search.
        if next.len() > 256 {
            return run + 1;
        }
        states = next;
    }
    LEADING_RUN
}
