//! Compiles the world's numbering plans into the tables that `src/engine/detect/phone/plan.rs` walks.
//!
//! The plans are libphonenumber's, as the crate `phonenumber` carries them; a release of that crate brings new ones.
//! They are regular expressions over digits with a longest match, so each is a finite automaton without a cycle. Here
//! every automaton is spelled out state by state, and states that accept the same are made one, over all plans. What
//! is left is a few hundred kilobytes that need no loading and no library at run time.
//!
//! `plans.bin`: states of eleven little-endian 16-bit words, one successor for each digit and 1 where a number may end.
//! State 0 leads nowhere. `plans.rs`: the tables of calling codes and of regions, with their first states.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start::Config;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

/// Longest national number of any plan, in digits.
const LONGEST: usize = 17;

/// States that accept the same are one.
#[derive(Default)]
struct States {
    list: Vec<[u16; 11]>,
    known: HashMap<[u16; 11], u16>,
}

impl States {
    fn add(&mut self, state: [u16; 11]) -> Result<u16, Box<dyn Error>> {
        if let Some(known) = self.known.get(&state) {
            return Ok(*known);
        }
        let name = u16::try_from(self.list.len())?;
        self.list.push(state);
        self.known.insert(state, name);
        Ok(name)
    }

    /// The first state of the numbers that `pattern` matches whole and whose length is in the set.
    fn plan(&mut self, pattern: &str, lengths: u32) -> Result<u16, Box<dyn Error>> {
        let automaton = dense::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false).ignore_whitespace(true))
            .configure(dense::Config::new().start_kind(StartKind::Anchored).match_kind(MatchKind::All))
            .build(pattern)?;
        let start = automaton.start_state(&Config::new().anchored(Anchored::Yes))?;
        self.spell(&automaton, start, 0, lengths, &mut HashMap::new())
    }

    fn spell(
        &mut self,
        automaton: &dense::DFA<Vec<u32>>,
        at: StateID,
        depth: usize,
        lengths: u32,
        known: &mut HashMap<(StateID, usize), u16>,
    ) -> Result<u16, Box<dyn Error>> {
        if automaton.is_dead_state(at) || depth > LONGEST {
            return Ok(0);
        }
        if let Some(state) = known.get(&(at, depth)) {
            return Ok(*state);
        }
        let mut state = [0; 11];
        for (digit, next) in (b'0'..=b'9').zip(&mut state) {
            *next = self.spell(automaton, automaton.next_state(at, digit), depth + 1, lengths, known)?;
        }
        let ends = automaton.is_match_state(automaton.next_eoi_state(at)) && lengths & (1 << depth) != 0;
        if let Some(end) = state.last_mut() {
            *end = u16::from(ends);
        }
        let state = self.add(state)?;
        known.insert((at, depth), state);
        Ok(state)
    }
}

/// The lengths of national numbers in a plan, as a set.
fn lengths(plan: &Metadata) -> u32 {
    let kinds = plan.descriptors();
    let kinds = [
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
        Some(kinds.general()),
    ];
    let lengths = kinds.into_iter().flatten().flat_map(Descriptor::possible_length);
    lengths.filter(|length| usize::from(**length) <= LONGEST).fold(0, |set, length| set | 1 << length)
}

/// Whether the formats of the plan's usual numbers, fixed and mobile, write the prefix that is dialled before them.
fn writes_prefix(plan: &Metadata) -> bool {
    let Some(prefix) = plan.national_prefix() else { return false };
    let kinds = [plan.descriptors().fixed_line(), plan.descriptors().mobile()];
    kinds.into_iter().flatten().filter_map(Descriptor::example).all(|example| {
        let format = plan.formats().iter().find(|format| {
            let begins = format.leading_digits().last();
            begins.is_none_or(|begins| begins.find(example).is_some_and(|found| found.start() == 0))
                && format.pattern().find(example).is_some_and(|found| found.range() == (0..example.len()))
        });
        let rule = format.and_then(|format| format.national_prefix());
        rule.is_some_and(|rule| rule.contains("$NP") || rule.trim_start_matches('(').starts_with(prefix))
    })
}

#[expect(clippy::disallowed_methods, reason = "Cargo tells a build script where to write by the environment alone")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let mut states = States::default();
    states.add([0; 11])?;
    let mut codes: BTreeMap<u16, (Vec<String>, u32)> = BTreeMap::new();
    let mut regions = BTreeMap::new();
    // Plans of no country share one name, so they are asked for by their codes. The database has the order of a hash map;
    // the tables must not: the same sources give the same program.
    let mut plans: Vec<&Metadata> = (1..1000).filter_map(|code| DATABASE.by_code(&code)).flatten().collect();
    plans.sort_by_key(|plan| (plan.country_code(), plan.id()));
    for plan in plans {
        let pattern = format!("(?:{})", plan.descriptors().general().national_number().as_str());
        let lengths = lengths(plan);
        let (patterns, all) = codes.entry(plan.country_code()).or_default();
        patterns.push(pattern.clone());
        *all |= lengths;
        // Plans of no country have a number for a name.
        if plan.id().bytes().all(|byte| byte.is_ascii_uppercase()) {
            let prefix = plan.national_prefix().unwrap_or_default();
            let first = states.plan(&pattern, lengths)?;
            regions.insert(
                plan.id().to_owned(),
                (plan.country_code(), prefix.to_owned(), writes_prefix(plan), first, lengths),
            );
        }
    }
    let mut source = String::new();
    writeln!(source, "/// Calling codes with the first state of their plans, and the lengths of national numbers.")?;
    writeln!(source, "static CODES: [Code; {}] = [", codes.len())?;
    for (code, (mut patterns, lengths)) in codes {
        patterns.sort();
        let first = states.plan(&patterns.join("|"), lengths)?;
        writeln!(source, "    Code {{ code: {code}, first: {first}, lengths: {lengths:#x} }},")?;
    }
    writeln!(source, "];\n/// Regions by their ISO 3166 codes, sorted.")?;
    writeln!(source, "static REGIONS: [Region; {}] = [", regions.len())?;
    for (id, (_, prefix, written, first, lengths)) in regions {
        writeln!(
            source,
            "    Region {{ id: {id:?}, prefix: {prefix:?}, prefix_is_written: {written}, first: {first}, lengths: {lengths:#x} }},",
        )?;
    }
    writeln!(source, "];")?;
    let words = states.list.iter().flatten().flat_map(|word| word.to_le_bytes());
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("plans.bin"), words.collect::<Vec<u8>>())?;
    std::fs::write(Path::new(&out).join("plans.rs"), source)?;
    Ok(())
}
