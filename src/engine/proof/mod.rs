//! Proofs about compiled rules, by automata and not by samples.
//!
//! Enters: a rule set, what its rules do, and which of them are asked about. Leaves: for each check how many rules it
//! was proven for, and every fault with an example. Proven are: no match goes without its anchor ([`Anchor`]), the
//! hold-back is the longest match, what takes a finding's place is not matched again, no rule stands in another's
//! shadow. A check that grows beyond its limit says so and is counted: nothing passes silently.
//!
//! Examples are made from the automata alone: they are nobody's data.

mod anchor;
mod automaton;
mod compare;
mod image;
mod replaced;
mod search;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use self::automaton::{Automaton, Longest};
use super::operator::Action;
use super::regex::{Regex, Stand};
use super::rule::{Pattern, RuleSpec};
use super::ruleset::{ActionTable, BuildErrorKind, Rule, RuleSet};
use super::validate::Validator;

pub use self::anchor::Anchor;
pub use super::byte_set::ByteSet;

/// The most pairs of states that one check looks at, unless told otherwise.
pub const LIMIT: usize = 1 << 18;
/// The most rules of an entity that a removed rule is held against at once.
const TOGETHER: usize = 64;

/// A text that shows something: a match, and the bytes beside it that count.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Example {
    before: Option<u8>,
    word: Vec<u8>,
    next: Option<u8>,
}

impl Example {
    pub(super) fn new(before: Option<u8>, word: Vec<u8>, next: Option<u8>) -> Self {
        Self { before, word, next }
    }

    /// The match itself.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.word
    }

    /// The match with what must stand beside it.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.before.iter().chain(&self.word).chain(&self.next).copied().collect()
    }
}

/// The match between backquotes, cut after 64 bytes, what is not printable escaped; the neighbours outside.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", shown(&self.word))?;
        let neighbours = (self.before.map(|byte| shown(&[byte])), self.next.map(|byte| shown(&[byte])));
        match neighbours {
            (None, None) => Ok(()),
            (Some(before), None) => write!(f, " behind `{before}`"),
            (None, Some(next)) => write!(f, " before `{next}`"),
            (Some(before), Some(next)) => write!(f, " between `{before}` and `{next}`"),
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let (head, tail) = bytes.split_at(bytes.len().min(64));
    let mut text = String::new();
    for chunk in head.utf8_chunks() {
        text.extend(chunk.valid().chars().flat_map(char::escape_debug));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    if !tail.is_empty() {
        text.push('…');
    }
    text
}

/// Why something is not proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unproven {
    /// It is wrong: this shows it.
    Example(Example),
    /// The search grew beyond its limit.
    TooLarge,
}

/// What is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Check {
    /// No match goes without its anchor.
    Anchor,
    /// The hold-back is the longest match.
    Holdback,
    /// What takes a finding's place is not matched again.
    Replacement,
    /// No rule stands in another's shadow.
    Shadow,
}

impl Check {
    /// Every check, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Anchor, Self::Holdback, Self::Replacement, Self::Shadow];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Anchor => "anchors",
            Self::Holdback => "hold-back",
            Self::Replacement => "replacements",
            Self::Shadow => "shadows",
        }
    }
}

/// What is wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A match without the anchor that the scan waits for.
    Anchor {
        /// What is looked for.
        anchor: &'static str,
        /// The match.
        example: Example,
    },
    /// A match longer than what is held back.
    TooShort {
        /// The longest match that was stated.
        stated: usize,
        /// The longest match there is; none where there is no bound.
        longest: Option<usize>,
    },
    /// More is held back than any match needs.
    TooLong {
        /// The longest match that was stated.
        stated: usize,
        /// The longest match there is.
        longest: usize,
    },
    /// No text is matched.
    NeverMatches,
    /// What takes the place of a finding is found again.
    Again {
        /// The rule that finds it.
        by: usize,
        /// What takes the finding's place.
        replacement: Example,
    },
    /// Another rule always wins.
    Shadowed {
        /// That rule.
        by: usize,
    },
    /// Plain words hold matches.
    InsideWords {
        /// A match within a word.
        example: Example,
    },
    /// The search grew beyond its limit.
    NotProven(Check),
}

/// What was proven of a rule set.
#[derive(Clone, Default, Debug)]
pub struct Proof {
    /// What is wrong or not proven, with the rule, in their order.
    pub faults: Vec<(usize, Fault)>,
    /// For each of [`Check::ALL`], how many rules it was proven for.
    pub proven: [usize; 4],
    /// For each of [`Check::ALL`], how many rules it could not be decided for.
    pub open: [usize; 4],
}

impl Proof {
    /// Counts a check that is not made of a rule.
    fn skip(&mut self, check: Check) {
        if let Some(count) = Check::ALL.iter().position(|known| *known == check).and_then(|at| self.open.get_mut(at)) {
            *count += 1;
        }
    }

    /// Adds what one check of one rule gave.
    fn add(&mut self, check: Check, rule: usize, faults: Vec<Fault>) {
        let place = Check::ALL.iter().position(|known| *known == check).unwrap_or(0);
        let counts = if faults.contains(&Fault::NotProven(check)) { &mut self.open } else { &mut self.proven };
        let clean = faults.iter().all(|fault| matches!(fault, Fault::NotProven(_) | Fault::TooLong { .. }));
        if let Some(count) = counts.get_mut(place)
            && clean
        {
            *count += 1;
        }
        self.faults.extend(faults.into_iter().map(|fault| (rule, fault)));
    }
}

/// Proves what can be proven of the rules that `asked` takes, under these actions. No check looks at more than `limit`
/// pairs of states.
#[must_use]
pub fn prove(rules: &Arc<RuleSet>, actions: &ActionTable, asked: impl Fn(usize) -> bool, limit: usize) -> Proof {
    let mut proof = Proof::default();
    let all = rules.rules();
    if !(0..all.len()).any(&asked) {
        return proof;
    }
    let tables = Tables::new(rules);
    let starts = Beginnings::new(rules);
    for (index, rule) in all.iter().enumerate().filter(|(index, _)| asked(*index)) {
        let Some(regex) = &rule.regex else { continue };
        let Some(table) = tables.get(index) else {
            let open = [Check::Anchor, Check::Holdback, Check::Shadow];
            open.into_iter().for_each(|check| proof.add(check, index, vec![Fault::NotProven(check)]));
            continue;
        };
        proof.add(Check::Anchor, index, anchors(table, rule, &rules.anchors(index), limit));
        proof.add(Check::Holdback, index, holdback(table, regex.max_len, regex.told, rule.holdback));
        if regex.value.is_some() {
            proof.skip(Check::Shadow);
        } else {
            proof.add(Check::Shadow, index, shadows(&tables, &starts, actions, index, limit));
        }
        if rule.takes_all()
            && let Some(example) = compare::inside_word(table, limit)
        {
            proof.faults.push((index, Fault::InsideWords { example }));
        }
    }
    replaced::prove(rules, actions, &tables, &asked, limit, &mut proof);
    proof.faults.sort_by_key(|(rule, _)| *rule);
    proof
}

/// Holds the anchors of a rule against its automaton.
fn anchors(table: &Automaton, rule: &Rule, anchors: &[Anchor], limit: usize) -> Vec<Fault> {
    let fault = |anchor: &Anchor| match anchor::proves(table, anchor, rule.checks.keywords.as_ref(), limit) {
        Ok(()) => None,
        Err(Unproven::TooLarge) => Some(Fault::NotProven(Check::Anchor)),
        Err(Unproven::Example(example)) => Some(Fault::Anchor { anchor: anchor.name(), example }),
    };
    anchors.iter().filter_map(fault).collect()
}

/// Holds the longest match that was stated against the automaton. Where the rule's author told a `max_len` (`told`), a
/// longer match is cut there or covered in pieces. `holdback` must have room for one byte more.
fn holdback(table: &Automaton, stated: usize, told: Option<usize>, holdback: usize) -> Vec<Fault> {
    let longest = match (table.longest(), told) {
        (Longest::NoMatch, _) => return vec![Fault::NeverMatches],
        (Longest::Unbounded, None) => return vec![Fault::TooShort { stated, longest: None }],
        (Longest::Unbounded, Some(told)) => told,
        (Longest::Bytes(longest), told) => told.map_or(longest, |told| told.min(longest)),
    };
    match stated {
        stated if stated < longest || holdback <= longest => vec![Fault::TooShort { stated, longest: Some(longest) }],
        stated if stated > longest => vec![Fault::TooLong { stated, longest }],
        _ => Vec::new(),
    }
}

/// Proves of a regular expression that every match has the anchor, for anchors that a rule set does not state itself.
///
/// # Errors
/// The shortest match without the anchor, or that the search grew too large. An expression that does not compile is
/// taken as too large.
pub fn proves(rule: &RuleSpec, anchor: &Anchor) -> Result<(), Unproven> {
    let (table, _) = table_of(rule).ok_or(Unproven::TooLarge)?;
    anchor::proves(&table, anchor, rule.keywords.as_ref(), LIMIT)
}

/// Proves of a regular expression that no match is longer than `stated` bytes, and that one is as long.
///
/// # Errors
/// The fault: a longer match, or none that long.
pub fn proves_longest(rule: &RuleSpec, stated: usize) -> Result<(), Fault> {
    let (table, regex) = table_of(rule).ok_or(Fault::NotProven(Check::Holdback))?;
    holdback(&table, stated, regex.told, stated + 1).pop().map_or(Ok(()), Err)
}

/// The shortest match of `rule` that none of `others` has. Only regular expressions have an answer: none where one of
/// them is something else, or the search grew too large. Checks beside the expressions do not count, but for the
/// validator of `rule`: its example passes it where one is found.
#[must_use]
pub fn lost(rule: &RuleSpec, others: &[&RuleSpec]) -> Option<Result<(), Example>> {
    let (table, own) = table_of(rule)?;
    let whole = own.value.is_none();
    let mut rest: Vec<&RuleSpec> = others.to_vec();
    let mut held: Vec<Automaton> = Vec::new();
    // Only what has the example that was found is added, so that few automata are walked at once.
    loop {
        let against: Vec<&Automaton> = held.iter().collect();
        let example = match compare::difference(&table, &against, LIMIT) {
            Ok(()) => return Some(Ok(())),
            Err(Unproven::TooLarge) => return None,
            Err(Unproven::Example(example)) => example,
        };
        let mut having = Vec::new();
        let mut left = Vec::new();
        for other in rest {
            let (own, regex) = table_of(other)?;
            if has(&regex, &example) { having.push(own) } else { left.push(other) }
        }
        if having.is_empty() {
            return Some(Err(match rule.validator {
                // The validator of a rule with a group `value` sees the value alone.
                Some(validator) if whole => passing(&table, &against, example, validator),
                _ => example,
            }));
        }
        held.extend(having);
        rest = left;
        if held.len() > TOGETHER {
            return None;
        }
    }
}

/// Whether an expression has this match, between the same neighbours.
fn has(regex: &Regex, example: &Example) -> bool {
    let Some(mut state) = regex.begin(example.before) else { return false };
    for byte in &example.word {
        match regex.step(state, *byte) {
            Stand::Dead => return false,
            Stand::Alive(next) | Stand::Matched(next) => state = next,
        }
    }
    match example.next {
        Some(next) => matches!(regex.step(state, next), Stand::Matched(_)),
        None => regex.end(state),
    }
}

/// As `example`, with other bytes that take the same way through the automata, so that the validator passes it.
fn passing(table: &Automaton, others: &[&Automaton], example: Example, validator: Validator) -> Example {
    const TRIES: usize = 20_000;
    let begin = automaton::BEFORE.iter().position(|known| *known == example.before).unwrap_or(0);
    let all: Vec<&Automaton> = std::iter::once(table).chain(others.iter().copied()).collect();
    let start = |automaton: &&Automaton| automaton.starts.get(begin).copied().unwrap_or(automaton::DEAD);
    let mut states: Vec<u32> = all.iter().map(start).collect();
    let mut alike: Vec<Vec<u8>> = Vec::new();
    for byte in &example.word {
        let step = |byte| -> Vec<u32> { all.iter().zip(&states).map(|(one, state)| one.step(*state, byte)).collect() };
        let next = step(*byte);
        alike.push(automaton::readable().filter(|other| step(*other) == next).collect());
        states = next;
    }
    let mut places = vec![0_usize; alike.len()];
    for _ in 0..TRIES {
        let byte = |(alike, place): (&Vec<u8>, &usize)| alike.get(*place).copied();
        let word: Vec<u8> = alike.iter().zip(&places).filter_map(byte).collect();
        if validator.accepts(&word) {
            return Example { word, ..example };
        }
        for (place, alike) in places.iter_mut().zip(&alike).rev() {
            *place += 1;
            if *place < alike.len() {
                break;
            }
            *place = 0;
        }
    }
    example
}

/// The table of a rule's expression; none where it has none, does not compile, or grows too large.
fn table_of(rule: &RuleSpec) -> Option<(Automaton, Regex)> {
    let Pattern::Regex { pattern, max_len } = &rule.pattern else { return None };
    let compiled: Result<Regex, BuildErrorKind> = Regex::compile(pattern, *max_len);
    let regex = compiled.ok()?;
    Some((Automaton::new(&regex)?, regex))
}

/// The tables of a rule set, each made when it is first asked for.
struct Tables<'a> {
    rules: &'a RuleSet,
    made: Vec<OnceCell<Option<Automaton>>>,
}

impl<'a> Tables<'a> {
    fn new(rules: &'a RuleSet) -> Self {
        Self { rules, made: rules.rules().iter().map(|_| OnceCell::new()).collect() }
    }

    /// How many rules there are.
    fn len(&self) -> usize {
        self.made.len()
    }

    /// The expression of a rule, if it is one.
    fn regex(&self, index: usize) -> Option<&'a Regex> {
        self.rules.rules().get(index)?.regex.as_deref()
    }

    /// The table of a rule's expression; none where it has none or grows too large.
    fn get(&self, index: usize) -> Option<&Automaton> {
        self.made.get(index)?.get_or_init(|| self.regex(index).and_then(Automaton::new)).as_ref()
    }
}

/// Regular expressions by the bytes that all their matches begin with.
struct Beginnings(HashMap<Vec<u8>, Vec<usize>>);

impl Beginnings {
    /// The most bytes that are told apart.
    const LEN: usize = 16;

    fn new(rules: &RuleSet) -> Self {
        let mut found: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.rules().iter().enumerate() {
            let Some(regex) = &rule.regex else { continue };
            let mut common = regex.literals.first().cloned().unwrap_or_default();
            for literal in &regex.literals {
                let same = common.iter().zip(literal).take_while(|(left, right)| left == right).count();
                common.truncate(same);
            }
            common.truncate(Self::LEN);
            found.entry(common).or_default().push(index);
        }
        Self(found)
    }

    /// The rules of which a match may begin as `word` does.
    fn of(&self, word: &[u8]) -> impl Iterator<Item = usize> {
        let heads = (0..=word.len().min(Self::LEN)).filter_map(|len| self.0.get(word.get(..len)?));
        heads.flatten().copied()
    }
}

/// A rule that wins wherever this one matches: it matches there too, as far or farther, has no check that this one
/// lacks, and comes first in the order of overlaps. Matches are held against each other as wholes, so nothing is proven
/// of a rule whose finding is its group `value`, nor by one.
fn shadows(
    tables: &Tables<'_>,
    beginnings: &Beginnings,
    actions: &ActionTable,
    index: usize,
    limit: usize,
) -> Vec<Fault> {
    let all = tables.rules.rules();
    let (Some(rule), Some(own), Some(table)) = (all.get(index), tables.regex(index), tables.get(index)) else {
        return Vec::new();
    };
    let Some((before, word)) = table.shortest() else { return Vec::new() };
    let mut faults = Vec::new();
    for by in beginnings.of(&word) {
        let (Some(other), Some(regex)) = (all.get(by), tables.regex(by)) else { continue };
        let first = (Reverse(other.priority), by) < (Reverse(rule.priority), index);
        let silent = matches!(actions.action(by), Action::Off | Action::Observe);
        let cut = regex.told.is_some_and(|told| told < own.max_len);
        if by == index || !first || silent || cut || !other.checks.at_most(&rule.checks) {
            continue;
        }
        if !matches_alone(regex, before, &word) {
            continue;
        }
        let Some(wide) = tables.get(by) else {
            faults = vec![Fault::NotProven(Check::Shadow)];
            continue;
        };
        match compare::includes(wide, table, limit) {
            Ok(()) if regex.value.is_some() => faults = vec![Fault::NotProven(Check::Shadow)],
            Ok(()) => return vec![Fault::Shadowed { by }],
            Err(Unproven::TooLarge) => faults = vec![Fault::NotProven(Check::Shadow)],
            Err(Unproven::Example(_)) => {}
        }
    }
    faults
}

/// Whether an expression matches this word before some byte: what an inclusion needs of it.
fn matches_alone(regex: &Regex, before: Option<u8>, word: &[u8]) -> bool {
    let Some(mut state) = regex.begin(before) else { return false };
    for byte in word {
        match regex.step(state, *byte) {
            Stand::Dead => return false,
            Stand::Alive(next) | Stand::Matched(next) => state = next,
        }
    }
    regex.end(state) || (0..=255).any(|byte| matches!(regex.step(state, byte), Stand::Matched(_)))
}
