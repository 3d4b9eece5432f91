//! Anchors: what the scan looks for before it tries a rule, and the proof that no match goes without one.
//!
//! Enters: a rule's automaton and the description of an anchor. Leaves: a proof, the shortest match that the anchor
//! misses, or the answer that the search grew too large. A description is turned into a small automaton of its own that
//! reads a match from its first byte; the product of both is searched for a match that ends while the anchor has not
//! been seen. The anchor must lie within the match.

#![allow(clippy::indexing_slicing, reason = "a window has its five places")]

use std::collections::HashMap;

use super::automaton::{Automaton, BEFORE, representatives};
use super::search::Search;
use super::{Example, Unproven};
use crate::engine::byte_set::ByteSet;
use crate::engine::rule::Keywords;

/// What the scan waits for before it tries a rule. Each of them must hold for every match of the rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// One of the literals begins among the match's first `within` + 1 bytes; 0: the match begins with it.
    Literals {
        /// The literals.
        literals: Vec<Vec<u8>>,
        /// The farthest that one may begin behind the first byte.
        within: usize,
        /// Whether ASCII case does not count.
        ignore_case: bool,
    },
    /// The match begins with one of these bytes.
    First {
        /// Where a word character stands before.
        behind_word: ByteSet,
        /// Where anything else does, or nothing.
        elsewhere: ByteSet,
    },
    /// One of the windows holds `back` bytes behind the match's first: the byte before that place, its own, three behind.
    /// Places that lie outside the match count only where a window allows every byte there.
    Windows {
        /// How far behind the first byte.
        back: usize,
        /// The windows.
        windows: Vec<[ByteSet; 5]>,
    },
    /// The match begins with so many bytes of the set.
    Run {
        /// The set.
        bytes: ByteSet,
        /// How many.
        len: usize,
    },
    /// One of the bytes stands among the match's first `within`.
    Byte {
        /// The bytes.
        bytes: ByteSet,
        /// How many bytes are looked at.
        within: usize,
    },
    /// The rule is tried only where one of these words, in lower case, stands so many characters before the match.
    Label {
        /// The words.
        words: Vec<String>,
        /// How far before.
        before: usize,
    },
}

impl Anchor {
    /// What it is, in words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Literals { within: 0, .. } => "leading literals",
            Self::Literals { .. } => "inner literals",
            Self::First { .. } => "first bytes",
            Self::Windows { .. } => "windows",
            Self::Run { .. } => "leading run",
            Self::Byte { .. } => "near byte",
            Self::Label { .. } => "label",
        }
    }

    /// Whether a rule with these keywords is never a finding without the label.
    fn holds_for(&self, keywords: Option<&Keywords>) -> bool {
        let Self::Label { words, before } = self else { return true };
        keywords.is_some_and(|keywords| {
            keywords.after == 0
                && keywords.before <= *before
                && keywords.words.iter().all(|word| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
        })
    }
}

/// What an anchor knows of a match that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Seen {
    /// It may still come.
    Not(u32),
    /// It was there.
    Yes,
    /// It can come no more.
    Never,
}

/// The automaton of an anchor; its states are made as they are reached.
struct Guard<'a> {
    anchor: &'a Anchor,
    /// Bytes read, and for each literal that has begun how much of it was read.
    states: Vec<(usize, Vec<(usize, usize)>)>,
    known: HashMap<(usize, Vec<(usize, usize)>), u32>,
}

impl<'a> Guard<'a> {
    fn new(anchor: &'a Anchor) -> Self {
        Self { anchor, states: Vec::new(), known: HashMap::new() }
    }

    /// The beginning behind `before`.
    fn begin(&mut self, before: Option<u8>) -> Seen {
        match self.anchor {
            Anchor::First { .. } => {
                let behind_word = before.is_some_and(|before| before.is_ascii_alphanumeric() || before == b'_');
                self.state(usize::from(behind_word), Vec::new())
            }
            Anchor::Run { len: 0, .. } => Seen::Yes,
            Anchor::Windows { back, windows } => {
                let fits = |window: &[ByteSet; 5]| *back > 0 || before.is_none_or(|before| window[0].contains(before));
                let left =
                    windows.iter().enumerate().filter(|(_, window)| fits(window)).map(|(at, _)| (at, 0)).collect();
                self.windows_left(0, left)
            }
            _ => self.state(0, Vec::new()),
        }
    }

    fn state(&mut self, read: usize, begun: Vec<(usize, usize)>) -> Seen {
        let key = (read, begun);
        if let Some(number) = self.known.get(&key) {
            return Seen::Not(*number);
        }
        let number = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        self.states.push(key.clone());
        self.known.insert(key, number);
        Seen::Not(number)
    }

    /// The windows that still fit after so many bytes; settled once one of them asks for nothing more.
    fn windows_left(&mut self, read: usize, left: Vec<(usize, usize)>) -> Seen {
        let Anchor::Windows { back, windows } = self.anchor else { return Seen::Never };
        // The window's place n is the match's byte back + n - 1.
        let asks = |(window, _): &(usize, usize)| {
            windows.get(*window).is_some_and(|window| {
                window.iter().enumerate().any(|(place, set)| back + place > read && *set != ByteSet::ALL)
            })
        };
        if left.iter().any(|one| !asks(one)) {
            return Seen::Yes;
        }
        if left.is_empty() { Seen::Never } else { self.state(read, left) }
    }

    fn step(&mut self, seen: Seen, byte: u8) -> Seen {
        let Seen::Not(number) = seen else { return seen };
        let Some((read, begun)) = self.states.get(number as usize).cloned() else { return Seen::Never };
        match self.anchor {
            Anchor::First { behind_word, elsewhere } => {
                let bytes = if read == 1 { behind_word } else { elsewhere };
                if bytes.contains(byte) { Seen::Yes } else { Seen::Never }
            }
            Anchor::Windows { back, windows } => {
                let place = (read + 1).checked_sub(*back);
                let fits = |window: &[ByteSet; 5]| {
                    place.and_then(|place| window.get(place)).is_none_or(|set| set.contains(byte))
                };
                let left = begun.into_iter().filter(|(window, _)| windows.get(*window).is_some_and(fits)).collect();
                self.windows_left(read + 1, left)
            }
            Anchor::Run { bytes, .. } if !bytes.contains(byte) => Seen::Never,
            Anchor::Run { len, .. } if read + 1 >= *len => Seen::Yes,
            Anchor::Run { .. } => self.state(read + 1, Vec::new()),
            Anchor::Byte { within, .. } if read >= *within => Seen::Never,
            Anchor::Byte { bytes, .. } if bytes.contains(byte) => Seen::Yes,
            Anchor::Byte { .. } => self.state(read + 1, Vec::new()),
            Anchor::Literals { literals, within, ignore_case } => {
                let same = |wanted: &u8| *wanted == byte || *ignore_case && wanted.eq_ignore_ascii_case(&byte);
                let fresh = literals.iter().enumerate().map(|(literal, _)| (literal, 0)).filter(|_| read <= *within);
                let mut next = Vec::new();
                for (literal, done) in begun.into_iter().chain(fresh) {
                    let Some(text) = literals.get(literal) else { continue };
                    if !text.get(done).is_some_and(same) {
                        continue;
                    }
                    if done + 1 == text.len() {
                        return Seen::Yes;
                    }
                    next.push((literal, done + 1));
                }
                if next.is_empty() && read >= *within {
                    return Seen::Never;
                }
                next.sort_unstable();
                next.dedup();
                // Beyond `within` no literal begins any more, and the count need not go on.
                self.state((read + 1).min(within + 1), next)
            }
            Anchor::Label { .. } => Seen::Yes,
        }
    }

    /// What tells bytes apart.
    fn key(&self, byte: u8) -> Vec<bool> {
        match self.anchor {
            Anchor::First { behind_word, elsewhere } => vec![behind_word.contains(byte), elsewhere.contains(byte)],
            Anchor::Run { bytes, .. } | Anchor::Byte { bytes, .. } => vec![bytes.contains(byte)],
            Anchor::Literals { literals, .. } => match literals.iter().any(|literal| holds(literal, byte)) {
                true => (0..8).map(|bit| byte >> bit & 1 == 1).collect(),
                false => Vec::new(),
            },
            Anchor::Windows { windows, .. } => windows.iter().flatten().map(|set| set.contains(byte)).collect(),
            Anchor::Label { .. } => Vec::new(),
        }
    }
}

/// Whether a literal has the byte, in either case.
fn holds(literal: &[u8], byte: u8) -> bool {
    literal.iter().any(|wanted| wanted.eq_ignore_ascii_case(&byte))
}

/// Proves that every match of the automaton has the anchor.
pub(super) fn proves(
    automaton: &Automaton,
    anchor: &Anchor,
    keywords: Option<&Keywords>,
    limit: usize,
) -> Result<(), Unproven> {
    if !anchor.holds_for(keywords) {
        let example = automaton.shortest().map(|(before, word)| Example::new(before, word, None));
        return Err(example.map_or(Unproven::TooLarge, Unproven::Example));
    }
    let mut guard = Guard::new(anchor);
    let bytes = representatives(|byte| (automaton.class(byte), guard.key(byte)));
    for (before, start) in BEFORE.into_iter().zip(automaton.starts) {
        let mut search = Search::new(limit);
        search.begin((start, guard.begin(before)));
        while let Some((node, (state, seen))) = search.next() {
            if seen == Seen::Yes || !automaton.is_alive(state) {
                continue;
            }
            if automaton.is_final(state) {
                let (_, word) = search.word(node);
                let next = if automaton.ends(state) { None } else { follower(automaton, state) };
                return Err(Unproven::Example(Example::new(before, word, next)));
            }
            for byte in &bytes {
                let seen = guard.step(seen, *byte);
                search.reach(node, *byte, (automaton.step(state, *byte), seen));
            }
            if search.is_too_large() {
                return Err(Unproven::TooLarge);
            }
        }
    }
    Ok(())
}

/// A byte that must follow for a match to end at `state`.
pub(super) fn follower(automaton: &Automaton, state: u32) -> Option<u8> {
    super::automaton::readable().find(|byte| automaton.ends_before(state, Some(*byte)))
}
