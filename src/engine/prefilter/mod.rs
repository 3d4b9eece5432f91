//! Which rule may begin where: windows of bytes for every rule and detector, put into the buckets of one pass.
//!
//! Enters: compiled rules. Leaves: for a text, the places at which rules are tried. A window is what must stand round a
//! place of every match, so nothing is missed; what stands there by chance costs a try. Everything that is tried
//! anywhere is found here: expressions by the bytes of their automata, detectors by what they say they begin with.
//!
//! Some expressions have no telling first bytes. Those that must have a digit soon are tried round each number (`digits`),
//! those that begin with one of many words by the words' first letters (`grams`), those that begin with a long run of
//! token bytes where there is one (`long`). Words before a match are asked for last, when what stands there fits a rule; where
//! it is known beforehand that none stand (`keywords::Ahead`), rules that ask for them are left out first.
//!
//! Expressions that begin with a digit at a number's beginning are many (numbers of authorities) and all alike in their
//! first bytes. They share one window, and are told apart by how long the run of digits is, what stands on both sides of it
//! (`runs`) and what stands farther on (`deep`). So are those that must have a digit soon.
//!
//! Most keys and words begin with a few bytes of their own. Windows that few sequences pass are looked for by these, all in
//! one bucket (`words`, `vector::Sequences`), once they are more than a few buckets hold well.
//!
//! What a bucket's bit leaves open is told in steps: the windows of the sequence that stands there; for other windows the
//! run of letters and digits that they begin, where they are many (`shapes`), what numbers, addresses and encodings need
//! beyond their windows (`looks`), the exact windows of its entries, many at once (`rows`); and at last the first bytes of
//! the one expression (`window`). What a text's end cuts off is told by `begun`.

mod begun;
mod buckets;
mod deep;
mod digits;
mod grams;
mod long;
mod looks;
mod rows;
mod runs;
mod shapes;
#[cfg(test)]
mod tests;
mod window;
mod words;

use std::ops::Range;

use super::byte_set::ByteSet;
use super::detect;
use super::proof::Anchor;
use super::rule::Detector;
use super::ruleset::Rule;
use super::vector::{AHEAD, BANK, Hit, Hits, MANY, PLACES, Sequences, Tables};
use super::view::{self, Blob};
use begun::Begun;
pub(super) use deep::Bits;
use digits::Digits;
use grams::{Gram, Grams};
use long::LongRuns;
use looks::{Looks, Plan};
use rows::Rows;
pub(super) use runs::Number;
use runs::{Left, Runs};
use shapes::{Lengths, Shapes};
use window::{BACK, DEPTH, leads, widen};
pub(super) use window::{Lead, Window};
use words::Words;

/// A window that is met more often than this tells too little.
const TELLING: f64 = 0.003;
/// Buckets that rules which ask for words may take.
const ASKING: usize = 8;
/// So many windows of few sequences take buckets of the pass; more are looked for by their sequences.
const FEW: usize = 24;
/// Buckets that they may take.
const FEW_BUCKETS: usize = 14;
/// Windows that stand for the beginnings of many words where a text ends.
const GRAMS: usize = 12;

/// A slot without an entry.
const NO_ENTRY: u32 = u32::MAX;

/// What is tried at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A detector.
    Detector(Detector),
    /// The expressions that begin with a run of digits.
    Runs,
    /// The expressions that must have a digit soon; the place is the first digit of a run.
    Digits,
    /// The expressions that begin with one of many words.
    Grams,
    /// The expressions that begin with a long run of token bytes.
    LongRuns,
    /// An encoded character.
    Encoded,
    /// A run of base64 or hexadecimal.
    Blob(Blob),
    /// An expression; its match would begin so many bytes before the place.
    Rule {
        /// Index of the rule.
        rule: usize,
        /// Bytes before the place.
        back: usize,
    },
}

/// A window and what is tried where it holds.
struct Entry {
    window: Window,
    target: Target,
    /// What stands at the first bytes of an expression's match.
    lead: Option<Box<Lead>>,
    /// The expression that it is for, where it is one.
    rule: Option<usize>,
    /// Whether the expression asks for words before its matches.
    asks: bool,
}

impl Entry {
    /// The entry of what is no single expression.
    fn of(target: Target, window: Window) -> Self {
        Self { window, target, lead: None, rule: None, asks: false }
    }

    fn back(&self) -> usize {
        match self.target {
            Target::Rule { back, .. } => back,
            Target::Digits => digits::FARTHEST,
            Target::Detector(_)
            | Target::Runs
            | Target::Grams
            | Target::LongRuns
            | Target::Encoded
            | Target::Blob(_) => 0,
        }
    }

    /// The least bytes that a match has from the window's place on, or less.
    fn least(&self, rules: &[Rule]) -> usize {
        match self.target {
            Target::Rule { rule, back } => {
                let regex = rules.get(rule).and_then(|rule| rule.regex.as_ref());
                regex.map_or(1, |regex| regex.min_len.saturating_sub(back))
            }
            Target::Detector(detector) => detect::least(detector),
            Target::Grams => AHEAD,
            Target::LongRuns => long::LONG,
            Target::Blob(blob) => blob.least(),
            Target::Digits | Target::Runs | Target::Encoded => 1,
        }
    }

    /// What may stand before a match (0) or at its first places, as far as one place tells.
    fn at(&self, place: usize) -> ByteSet {
        match &self.lead {
            Some(lead) => lead.place(place),
            // Without a lead the window stands at the match's beginning.
            None => self.window.get(place).copied().unwrap_or(ByteSet::ALL),
        }
    }

    /// Whether its window holds text back: a spelled sign does not, since the address before it does where it must.
    fn holds(&self) -> bool {
        self.target != Target::Detector(Detector::EmailSpelled)
    }

    /// Whether what decides on a match that begins at `start` has not been looked at.
    fn undecided(&self, text: &[u8], start: usize, seen: usize) -> bool {
        match self.target {
            // The first digit decides.
            Target::Digits => !text.get(start..seen).unwrap_or_default().iter().any(u8::is_ascii_digit),
            _ => start + self.back() >= seen,
        }
    }

    /// Whether a match may begin where the window holds, `at`, by what the window does not look at.
    #[inline]
    fn may_begin(&self, text: &[u8], at: usize, begins: Option<usize>) -> bool {
        let (Some(lead), Target::Rule { back, .. }) = (&self.lead, self.target) else { return true };
        at.checked_sub(back).is_some_and(|start| lead.fits(text, start, begins))
    }

    /// Whether a match that begins at `start` fits what the text has up to its end; nothing stands before it where the
    /// text `begins` there.
    fn fits(&self, text: &[u8], start: usize, begins: bool) -> bool {
        let holds = |place: usize, from: usize, set: &ByteSet| {
            let at = (from + place).checked_sub(1).filter(|at| !begins || *at >= start);
            at.and_then(|at| text.get(at)).is_none_or(|byte| set.contains(*byte))
        };
        let leads = self.lead.as_ref().is_none_or(|lead| {
            holds(0, start, &lead.before) && lead.at.iter().enumerate().all(|(at, set)| holds(at + 1, start, set))
        });
        if self.target == Target::Digits {
            return leads;
        }
        let place = start + self.back();
        leads && self.window.iter().enumerate().all(|(at, set)| holds(at, place, set))
    }
}

/// The windows of a rule set.
pub(super) struct Prefilter {
    tables: Tables,
    entries: Vec<Entry>,
    /// The entries that have a bucket, bucket by bucket, each from a word's first bit on.
    slots: Vec<u32>,
    /// For each bucket whose windows are all the same its entries: a hit is exact there.
    alike: Vec<Vec<usize>>,
    /// Where the words of each bucket stand.
    buckets: Vec<Range<usize>>,
    /// The slots by their windows, and by the bytes that they need where the text ends.
    rows: Rows,
    runs: Runs,
    digits: Digits,
    grams: Grams,
    long: LongRuns,
    /// The bits of the buckets of rules that ask for words before their matches, and the banks that hold these alone: the
    /// first.
    asked: u64,
    asked_banks: usize,
    /// The bits of the buckets whose windows few sequences pass, or of those sequences.
    few: u64,
    words: Words,
    /// The bits of the bucket of numbers, and of those of the expressions that begin with one and that must have one soon.
    numbers: u64,
    number_runs: u64,
    number_digits: u64,
    /// The bits of other buckets of expressions, and the runs that they begin.
    shaped: u64,
    shapes: Shapes,
    /// What rules most of its places out by itself.
    looks: Looks,
    /// The entries by a match's first bytes and by how far behind them it is decided, for where a piece ends; those that are
    /// decided farthest behind come first.
    begun: Begun,
    /// The same for rules that ask for words before their matches.
    begun_asked: Begun,
    /// The bits of what the pass hits for matches that need no more than so many bytes more.
    ends: [u64; AHEAD],
    /// The farthest that a window begins behind its match.
    reach: usize,
}

impl Prefilter {
    pub(super) fn new(rules: &[Rule], detectors: impl Iterator<Item = Detector>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for detector in detectors {
            let windows = detect::windows(detector);
            let target = Target::Detector(detector);
            entries.extend(windows.into_iter().map(|window| Entry::of(target, window)));
        }
        if !rules.is_empty() {
            let encoded = view::windows().into_iter().map(|window| (Target::Encoded, window));
            let blobs = Blob::windows().into_iter().map(|(blob, window)| (Target::Blob(blob), window));
            entries.extend(encoded.chain(blobs).map(|(target, window)| Entry::of(target, window)));
        }
        let (mut runs, mut run_window): (Runs, Option<Window>) = (Runs::default(), None);
        let (mut digits, mut grams, mut long) = (Digits::default(), Grams::default(), LongRuns::default());
        // A few expressions have buckets of their own, where five rare bytes tell more than a sequence.
        let many = rules.iter().filter(|rule| rule.regex.is_some()).count() > FEW;
        for (index, rule) in rules.iter().enumerate() {
            let Some(regex) = &rule.regex else { continue };
            let leads = leads(regex);
            let group = rule.asks();
            // Of several leads where all begin with two digits: a digit alone stands in too many texts.
            if let Some(union) = union(&leads)
                .filter(|union| leads.len() == 1 || union.place(2).bytes().all(|byte| byte.is_ascii_digit()))
                && runs.take(index, regex, &union, group)
            {
                widen(&mut run_window, &union.window(0));
                continue;
            }
            // Where words are asked for a number is rare enough.
            if group.is_some() && digits.take(index, regex, group) {
                entries.extend(digit_entry(index, &leads, true));
                continue;
            }
            let met: Vec<_> = leads.iter().map(Lead::met).collect();
            let near = back(&leads, &met, |_| true).unwrap_or(0);
            if rate(&met, near) > TELLING {
                if digits.take(index, regex, None) {
                    entries.extend(digit_entry(index, &leads, false));
                    continue;
                }
                if grams.take(index, regex) {
                    continue;
                }
                if let [lead] = leads.as_slice()
                    && long.take(index, regex, lead.window(0), group)
                {
                    continue;
                }
            }
            // Sequences tell more than the rarest bytes do, most of all where they stand only outside words.
            let outside = |window: &Window| words::few(window) && !words::stands_inside(window);
            let by_sequence = || back(&leads, &met, outside).or_else(|| back(&leads, &met, words::few));
            let back = many.then(by_sequence).flatten().unwrap_or(near);
            entries.extend(leads.into_iter().map(|lead| Entry {
                window: lead.window(back),
                target: Target::Rule { rule: index, back },
                lead: Some(Box::new(lead)),
                rule: Some(index),
                asks: group.is_some(),
            }));
        }
        runs.seal();
        digits.seal();
        entries.extend(run_window.map(|window| Entry::of(Target::Runs, window)));
        // Digits are one window for all; their entries say what is held where none has come.
        let mut seen_digits = false;
        let members: Vec<usize> = (0..entries.len())
            .filter(|id| {
                let digits = entries.get(*id).is_some_and(|entry| entry.target == Target::Digits);
                !(digits && std::mem::replace(&mut seen_digits, true))
            })
            .collect();
        // What begins with a long run is found without a bucket; its entry says what is held where the text ends.
        entries.extend(long.window().map(|window| Entry::of(Target::LongRuns, window)));
        // What their windows hold is told by sequences, and where a text ends by themselves.
        let from = entries.len();
        let unions = buckets::buckets(&grams.windows(), MANY - GRAMS);
        entries.extend(unions.into_iter().map(|(window, _)| Entry::of(Target::Grams, window)));
        let of_grams = from..entries.len();
        let targets: Vec<Target> = entries.iter().map(|entry| entry.target).collect();
        let target_of = |id: &usize| targets.get(*id).copied();
        let (looked, members): (Vec<usize>, Vec<usize>) =
            members.into_iter().partition(|id| target_of(id).is_some_and(looks::has_look));
        let plan = Plan::new(&looked, &entries);
        let target_is_rule = |id: &usize| matches!(target_of(id), Some(Target::Rule { .. }));
        // What few sequences pass is told apart by these.
        let (few, members): (Vec<usize>, Vec<usize>) = members
            .into_iter()
            .partition(|id| target_is_rule(id) && entries.get(*id).is_some_and(|entry| words::few(&entry.window)));
        // Numbers are met so often that they stand alone.
        let is_number = |id: &usize| matches!(target_of(id), Some(Target::Digits | Target::Runs));
        let (numbers, others): (Vec<usize>, Vec<usize>) = members.into_iter().partition(is_number);
        let together = |members: &[usize], taken: usize| -> Vec<(Window, Vec<usize>)> {
            let windows: Vec<Window> =
                members.iter().filter_map(|id| entries.get(*id)).map(|entry| entry.window).collect();
            let all = buckets::buckets(&windows, taken).into_iter();
            all.map(|(union, at)| (union, at.iter().filter_map(|at| members.get(*at)).copied().collect())).collect()
        };
        let id_of_gram = |gram: Gram| {
            let mut ids = of_grams.clone();
            let holds = |entry: &Entry| entry.window.iter().skip(1).zip(&gram).all(|(set, byte)| set.contains(*byte));
            Some((ids.find(|id| entries.get(*id).is_some_and(holds))?, gram))
        };
        let windows_of_few = few.iter().filter_map(|id| Some((*id, &entries.get(*id)?.window)));
        let words = Words::new(windows_of_few, grams.beginnings().filter_map(id_of_gram));
        // A few windows cost less as a bucket, and many less as sequences.
        let listed = few.len() > FEW || !of_grams.is_empty();
        let mut groups = if listed { Vec::new() } else { together(&few, MANY - FEW_BUCKETS) };
        let few_bits = u64::MAX.checked_shr(u64::BITS - groups.len() as u32).unwrap_or(0);
        // Those that ask for words have buckets of their own: where no words stand, none of them is looked at.
        let (asking, others): (Vec<usize>, Vec<usize>) =
            others.into_iter().partition(|id| entries.get(*id).is_some_and(|entry| entry.asks));
        groups.extend(together(&asking, MANY - ASKING));
        let asked = u64::MAX.checked_shr(u64::BITS - groups.len() as u32).unwrap_or(0) & !few_bits;
        // They fill banks of their own, which are left out where no words stand.
        let asked_banks = if listed && !asking.is_empty() { groups.len().div_ceil(BANK) } else { 0 };
        groups.resize(groups.len().max(asked_banks * BANK), ([ByteSet::NONE; PLACES], Vec::new()));
        groups.extend(together(&others, groups.len() + plan.buckets() + 4));
        let shaped_bits = u64::MAX.checked_shr(u64::BITS - groups.len() as u32).unwrap_or(0) & !few_bits;
        let bit = |bucket: usize| 1_u64.checked_shl(bucket as u32).unwrap_or(0);
        let numbers_bit = if numbers.is_empty() { 0 } else { bit(groups.len()) };
        let of_numbers = numbers.iter().filter_map(|id| entries.get(*id)).fold(None, |mut union, entry| {
            widen(&mut union, &entry.window);
            union
        });
        groups.extend(of_numbers.map(|window| (window, Vec::new())));
        let lengths_of = |id: &usize| -> Lengths {
            let entry = entries.get(*id);
            let rule = entry.and_then(|entry| entry.rule).and_then(|rule| rules.get(rule));
            match (entry.map(|entry| (entry.target, &entry.lead)), rule.and_then(|rule| rule.regex.as_ref())) {
                (Some((Target::Rule { back, .. }, Some(lead))), Some(regex)) => shapes::lengths(regex, lead, back),
                _ => shapes::ANY,
            }
        };
        let shapes = Shapes::new(groups.iter().enumerate().map(|(bucket, (_, ids))| match few_bits >> bucket & 1 {
            1 => shapes::ANY,
            _ => ids.iter().map(lengths_of).fold(Lengths::default(), shapes::or),
        }));
        let mut groups: Vec<(Option<Window>, Vec<usize>)> =
            groups.into_iter().map(|(union, ids)| (Some(union), ids)).collect();
        let looks = plan.seal(&mut groups);
        // Which of them a number is for is told by its run.
        let mut bits_of = |target: Target| {
            let own: Vec<usize> = numbers.iter().copied().filter(|id| target_of(id) == Some(target)).collect();
            let bits = if own.is_empty() { 0 } else { bit(groups.len()) };
            groups.extend((!own.is_empty()).then_some((None, own)));
            bits
        };
        let (number_runs, number_digits) = (bits_of(Target::Runs), bits_of(Target::Digits));
        let listed_bit = if listed { bit(groups.len()) } else { 0 };
        groups.extend(listed.then(|| (None, few.iter().copied().chain(of_grams).collect())));
        let mut sequences = Sequences::default();
        if listed {
            let inside = |id: usize| entries.get(id).is_some_and(|entry| words::stands_inside(&entry.window));
            words.list_in(&mut sequences, inside);
        }
        // Those without a window stand last.
        let unions: Vec<Window> = groups.iter().map_while(|(union, _)| *union).collect();
        let (mut slots, mut buckets) = (Vec::new(), Vec::new());
        for (_, members) in &groups {
            let from = slots.len() / 64;
            slots.extend(members.iter().map(|id| u32::try_from(*id).unwrap_or(NO_ENTRY)));
            slots.resize(slots.len().next_multiple_of(64), NO_ENTRY);
            buckets.push(from..slots.len() / 64);
        }
        let alike = |(union, members): &(Option<Window>, Vec<usize>)| {
            let same = |id: &usize| entries.get(*id).is_some_and(|entry| Some(entry.window) == *union);
            if members.iter().all(same) || members.iter().all(is_number) { members.clone() } else { Vec::new() }
        };
        let alike = groups.iter().map(alike).collect();
        // What the pass never hits by itself is told by what it hits in its place.
        let hit_for = |bucket: usize, window: &Option<Window>| match bit(bucket) {
            own if window.is_some() || own == listed_bit => own,
            own if own & (number_runs | number_digits) != 0 => numbers_bit,
            _ => looks.hit_numbers(),
        };
        let ends = std::array::from_fn(|left| {
            let counts = |id: &usize| entries.get(*id).is_some_and(|entry| entry.least(rules) <= left);
            let counting = groups.iter().enumerate().filter(|(_, (_, ids))| ids.iter().any(counts));
            counting.fold(0, |bits, (bucket, (window, _))| bits | hit_for(bucket, window))
        });
        let of_slot = |slot: usize| slots.get(slot).and_then(|id| entries.get(*id as usize));
        Self {
            tables: Tables::new(&unions, (sequences, listed_bit)),
            rows: Rows::new(
                slots.len(),
                |slot, place| of_slot(slot).and_then(|entry| entry.window.get(place)).copied().unwrap_or(ByteSet::NONE),
                PLACES,
                |slot, left| of_slot(slot).is_some_and(|entry| entry.least(rules) <= left),
            ),
            begun: Begun::new(&entries, |entry| !entry.asks),
            begun_asked: Begun::new(&entries, |entry| entry.asks),
            slots,
            alike,
            buckets,
            ends,
            reach: entries.iter().map(Entry::back).max().unwrap_or(0),
            entries,
            runs,
            digits,
            grams,
            long,
            asked,
            asked_banks,
            few: few_bits | listed_bit,
            numbers: numbers_bit,
            number_runs,
            number_digits,
            words,
            shaped: shaped_bits,
            shapes,
            looks,
        }
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(super) fn digits(&self) -> &Digits {
        &self.digits
    }

    pub(super) fn grams(&self) -> &Grams {
        &self.grams
    }

    /// The expressions that begin with long runs.
    pub(super) fn long(&self) -> &LongRuns {
        &self.long
    }

    /// What an expression is tried at, for rules that are told by more than a window.
    pub(super) fn anchor_of(&self, rule: usize) -> Option<Anchor> {
        if self.digits.has(rule) {
            let bytes = ByteSet::new(|byte| byte.is_ascii_digit());
            return Some(Anchor::Byte { bytes, within: digits::FARTHEST + 1 });
        }
        let literals = self.grams.of_rule(rule);
        (!literals.is_empty()).then_some(Anchor::Literals { literals, within: 0, ignore_case: true })
    }

    /// The windows that an expression is tried at, each for matches that begin `back` bytes before it; nothing for
    /// rules that are no expressions.
    pub(super) fn windows_of(&self, rule: usize) -> (usize, Vec<Window>) {
        if self.runs.has(rule) {
            let windows = self.entries.iter().filter(|entry| entry.target == Target::Runs);
            return (0, windows.map(|entry| entry.window).collect());
        }
        if let Some(window) = self.long.window_of(rule) {
            return (0, vec![window]);
        }
        let of_rule = |entry: &&Entry| matches!(entry.target, Target::Rule { rule: known, .. } if known == rule);
        let back = self.entries.iter().find(of_rule).map_or(0, Entry::back);
        (back, self.entries.iter().filter(of_rule).map(|entry| entry.window).collect())
    }

    /// Looks for places of a stretch whose windows are whole in the text, as [`Tables::scan`] does. Where all of it is `quiet`,
    /// those of rules that ask for words are left out.
    pub(super) fn scan(&self, text: &[u8], stretch: (usize, usize), quiet: bool, hits: &mut Hits) -> usize {
        self.tables.scan(text, stretch, if quiet { self.asked_banks } else { 0 }, hits)
    }

    /// Whether a quiet stretch costs less than another one.
    pub(super) fn spares_quiet(&self) -> bool {
        self.asked_banks > 0
    }

    /// The hit without the buckets that a second look rules out: most hits of those that are met often. Where the text
    /// `begins` there nothing stands before it; where it is `quiet` no words do that a rule asks for.
    #[inline]
    pub(super) fn second_look(&self, text: &[u8], hit: Hit, begins: bool, quiet: bool) -> Hit {
        let at = hit.at as usize;
        let mut buckets = if quiet { hit.buckets & !self.asked } else { hit.buckets };
        if buckets & self.few != 0 && !self.is_listed(text, at, begins) {
            buckets &= !self.few;
        }
        if buckets & self.shaped != 0 {
            buckets &= !self.shaped | self.shapes.allowed(text, at);
        }
        if buckets & self.numbers != 0 {
            buckets = buckets & !self.numbers | self.of_number(text, at, begins, quiet);
        }
        self.looks.at(text, Hit { buckets, ..hit })
    }

    /// Whether some window of those that few sequences pass holds at `at`.
    #[inline]
    fn is_listed(&self, text: &[u8], at: usize, begins: bool) -> bool {
        let Some(lists) = self.words.at(text, at) else { return true };
        let begins = begins.then_some(at);
        let mut entries = lists.into_iter().flatten().filter_map(|id| self.entries.get(*id as usize));
        entries.any(|entry| window::holds(&entry.window, text, at, begins))
    }

    /// Whether a hit has rules that ask for words, and the hit without them.
    #[inline]
    pub(super) fn unasked(&self, hit: Hit) -> Option<Hit> {
        (hit.buckets & self.asked != 0).then_some(Hit { buckets: hit.buckets & !self.asked, ..hit })
    }

    /// The buckets of the expressions that may match at the number at `at` or round it.
    #[inline]
    fn of_number(&self, text: &[u8], at: usize, begins: bool, quiet: bool) -> u64 {
        let number = Number::new(text, at, begins.then_some(at));
        let any = |left: Left| left.free || (left.asked && !quiet);
        let runs = if any(self.runs.left(number)) { self.number_runs } else { 0 };
        runs | if any(self.digits.left(number)) { self.number_digits } else { 0 }
    }

    /// The place up to which windows are whole.
    pub(super) fn whole(text: &[u8]) -> usize {
        (text.len() + 1).saturating_sub(AHEAD)
    }

    /// Tells what is tried at one of the last places of a text, whose windows reach beyond it.
    pub(super) fn at_end(&self, text: &[u8], at: usize, begins: Option<usize>, mut tell: impl FnMut(Target)) {
        let left = text.len().saturating_sub(at);
        let buckets = match begins == Some(at) {
            true => self.tables.at_end(text.get(at..).unwrap_or_default(), 0),
            false => self.tables.at_end(text, at),
        };
        // Most rules need more than what is left.
        if buckets & self.ends.get(left).copied().unwrap_or(u64::MAX) == 0 {
            return;
        }
        self.rows.any(text, at, left, begins == Some(at), |slot| {
            self.of_slot(slot).map(|entry| entry.target).into_iter().for_each(&mut tell);
            false
        });
    }

    #[inline]
    fn of_slot(&self, slot: usize) -> Option<&Entry> {
        let id = self.slots.get(slot)?;
        self.entries.get(*id as usize)
    }

    /// The place where a text begins, behind a label that is not looked at.
    pub(super) fn at_beginning(&self, text: &[u8], at: usize) -> Hit {
        let own = text.get(at..).unwrap_or_default();
        let hit = Hit { at: u32::try_from(at).unwrap_or(u32::MAX), buckets: self.tables.at(own, 0) };
        self.second_look(text, hit, true, false)
    }

    /// Tells what is tried at a place, by the exact windows of its buckets and what stands farther on. `begins` is where the
    /// text begins behind a label: nothing stands before that place.
    #[inline]
    pub(super) fn targets(&self, text: &[u8], hit: Hit, begins: Option<usize>, mut tell: impl FnMut(Target)) {
        let at = hit.at as usize;
        let mut tell = |entry: &Entry| {
            if entry.may_begin(text, at, begins) {
                tell(entry.target);
            }
        };
        let mut sets = None;
        let mut left = hit.buckets;
        if left & self.few != 0
            && let Some(lists) = self.words.at(text, at)
        {
            left &= !self.few;
            let entries = lists.into_iter().flatten().filter_map(|id| self.entries.get(*id as usize));
            entries.filter(|entry| window::holds(&entry.window, text, at, begins)).for_each(&mut tell);
        }
        while left != 0 {
            let bucket = left.trailing_zeros() as usize;
            left &= left - 1;
            let alike = self.alike.get(bucket).map_or(&[][..], Vec::as_slice);
            if !alike.is_empty() {
                alike.iter().filter_map(|id| self.entries.get(*id)).for_each(&mut tell);
                continue;
            }
            let sets = *sets.get_or_insert_with(|| self.rows.sets(text, at, begins == Some(at)));
            let words = self.buckets.get(bucket).cloned().unwrap_or_default();
            self.rows.among(sets, words, |slot| self.of_slot(slot).into_iter().for_each(&mut tell));
        }
    }
}

/// What all leads of an expression allow.
fn union(leads: &[Lead]) -> Option<Lead> {
    leads.iter().cloned().reduce(|mut union, lead| {
        union.widen(&lead);
        union
    })
}

/// The entry of an expression that must have a digit soon.
fn digit_entry(rule: usize, leads: &[Lead], asks: bool) -> Option<Entry> {
    let lead = Some(Box::new(union(leads)?));
    Some(Entry { window: digits::window(), target: Target::Digits, lead, rule: Some(rule), asks })
}

/// How often the windows `back` bytes behind the beginnings of matches are met, by how often their places are.
fn rate(met: &[[f64; DEPTH + 1]], back: usize) -> f64 {
    met.iter().map(|places| places.iter().skip(back).take(PLACES).product::<f64>()).sum()
}

/// How far behind a match's beginning its windows are met least often, of the places where all of them are such as is wanted.
fn back(leads: &[Lead], met: &[[f64; DEPTH + 1]], wanted: impl Fn(&Window) -> bool) -> Option<usize> {
    // Nearer is better where it is as good: less is looked at again at the end of a piece.
    let cost = |back: &usize| rate(met, *back) * (1.0 + 0.02 * *back as f64);
    let places = (0..=BACK.min(DEPTH)).filter(|back| leads.iter().all(|lead| wanted(&lead.window(*back))));
    places.min_by(|one, other| cost(one).total_cmp(&cost(other)))
}
