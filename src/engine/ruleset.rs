//! Rules compiled: one value that every stream of a workspace shares.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::byte_set::ByteSet;
use super::detect;
use super::field::{Field, FieldTable, USUAL_LEN};
use super::keywords::{KeywordTable, KeywordTableBuilder, Near, look_ahead, look_behind, normalised, written};
use super::marks::{Layer, Overlay};
use super::operator::{Action, HashKey};
use super::prefilter::Prefilter;
use super::proof::Anchor;
use super::regex::{MAX_LEN_LIMIT, Regex, is_token};
use super::rule::{Detector, EntityType, Keywords, Pattern, RuleId, RuleSpec, Suppression};
use super::shadow::{Comparison, Shadow};
use super::terms::Terms;
use super::token::{Kept, TokenMap};
use super::validate::Validator;
use super::vector::AHEAD;

/// Bytes kept before what has been released: what the detectors look back at.
const MIN_LOOK_BEHIND: usize = 38;
/// Farthest keyword in characters.
const MAX_KEYWORD_DISTANCE: usize = 1024;

/// How a rule's candidates are found, from cheap to dear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cost {
    /// The name of a field, asked once for each.
    Field,
    /// A hand-written detector behind the digit and `@` anchors.
    Detector,
    /// A regular expression behind a literal that every match begins with.
    Literal,
    /// A term list, walked from the beginning of each word.
    Terms,
    /// A list of keyed hashes: at the beginning of each word one hash for each number of words that its values have.
    Hashes,
    /// A regular expression with no leading literal, tried at every byte that may begin it.
    Start,
    /// Found by another service, at no cost here.
    External,
}

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Permanent name.
    pub id: RuleId,
    /// What it finds.
    pub entity: EntityType,
    /// How its candidates are found.
    pub cost: Cost,
    /// The most bytes held back on its account: longest match plus the context it waits for.
    pub holdback: usize,
    pub(super) priority: i32,
    pub(super) checks: Checks,
    pub(super) regex: Option<Arc<Regex>>,
    field: Option<Field>,
}

impl Rule {
    /// Whether every match is a finding, from its first byte to its last.
    pub(super) fn takes_all(&self) -> bool {
        self.checks.none() && self.regex.as_ref().is_none_or(|regex| regex.value.is_none())
    }

    /// The group of the words of which one must stand before a match, where its first byte decides on that. A match that
    /// is narrowed to a value begins later than the place that is tried.
    pub(super) fn asks(&self) -> Option<usize> {
        let narrowed = self.regex.as_ref().is_some_and(|regex| regex.value.is_some());
        self.checks.near.filter(|near| near.after == 0 && !narrowed).map(|near| near.group)
    }

    /// How large the automaton is that the rule is determinized to, in bytes: what it costs to compile.
    #[must_use]
    pub fn automaton_size(&self) -> usize {
        self.regex.as_ref().map_or(0, |regex| regex.automaton().memory_usage())
    }
}

/// What a match must pass to be a finding.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    pub(super) validator: Option<Validator>,
    pub(super) keywords: Option<Keywords>,
    /// The keywords, as the rule set's table knows them.
    pub(super) near: Option<Near>,
    pub(super) suppressions: Vec<Suppression>,
}

impl Checks {
    /// Whether what passes `other` passes these too.
    pub(super) fn at_most(&self, other: &Self) -> bool {
        let same = |(own, theirs): (&Keywords, &Keywords)| {
            own.before >= theirs.before
                && own.after >= theirs.after
                && theirs.words.iter().all(|word| own.words.contains(word))
        };
        (self.validator.is_none() || self.validator == other.validator)
            && self.suppressions.iter().all(|one| other.suppressions.contains(one))
            && self
                .keywords
                .as_ref()
                .is_none_or(|own| other.keywords.as_ref().is_some_and(|theirs| same((own, theirs))))
    }

    /// Whether nothing is asked of a match.
    pub(super) fn none(&self) -> bool {
        self.validator.is_none() && self.keywords.is_none() && self.suppressions.is_empty()
    }
}

/// Rules compiled one by one, of which rule sets are put together: what makes a set scan fast costs as much as its rules do.
#[derive(Debug)]
pub struct CompiledRules(Vec<Compiled>);

/// A rule, and what a set finds it by beside its expression.
#[derive(Clone, Debug)]
struct Compiled {
    rule: Rule,
    detector: Option<Detector>,
    terms: Option<Arc<Terms>>,
}

impl CompiledRules {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Every rule that cannot be compiled, at once.
    pub fn compile(specs: Vec<RuleSpec>) -> Result<Self, Vec<BuildError>> {
        let mut errors = Vec::new();
        let mut rules = Vec::with_capacity(specs.len());
        for spec in specs {
            let id = spec.id.clone();
            match Compiled::new(spec) {
                Ok(compiled) => rules.push(compiled),
                Err(kind) => errors.push(BuildError { rule: id, kind }),
            }
        }
        if errors.is_empty() { Ok(Self(rules)) } else { Err(errors) }
    }

    /// The rules in their order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter().map(|compiled| &compiled.rule)
    }

    /// The rule set of those that `kept` takes, by their places in this order.
    #[must_use]
    pub fn set_of(&self, kept: impl Fn(usize) -> bool) -> RuleSet {
        let kept = self.0.iter().enumerate().filter(|(index, _)| kept(*index));
        RuleSet::assemble(kept.map(|(_, compiled)| compiled.clone()).collect())
    }
}

/// Compiled rules, shared by every stream that scans with them.
pub struct RuleSet {
    rules: Vec<Rule>,
    /// Rules of each detector, by [`Detector`]'s place in [`Detector::ALL`].
    pub(super) detectors: Vec<(Detector, Vec<usize>)>,
    /// Term lists and their rules.
    pub(super) terms: Vec<(Arc<Terms>, usize)>,
    /// Where rules are tried.
    pub(super) prefilter: Prefilter,
    /// The rules that take fields whole.
    pub(super) fields: FieldTable,
    /// The keywords of all rules.
    pub(super) keywords: KeywordTable,
    /// Bytes kept before what has been released, for what rules look back at.
    pub(super) look_behind: usize,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleSet({} rules)", self.rules.len())
    }
}

impl RuleSet {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Every rule that cannot be compiled, at once.
    pub fn build(specs: Vec<RuleSpec>) -> Result<Self, Vec<BuildError>> {
        CompiledRules::compile(specs).map(|CompiledRules(rules)| Self::assemble(rules))
    }

    fn assemble(compiled: Vec<Compiled>) -> Self {
        let mut rules = Vec::with_capacity(compiled.len());
        let mut terms = Vec::new();
        let mut detectors: Vec<(Detector, Vec<usize>)> = Vec::new();
        let mut farthest = MIN_LOOK_BEHIND;
        let mut keywords = KeywordTableBuilder::default();
        for (index, Compiled { mut rule, detector, terms: own }) in compiled.into_iter().enumerate() {
            if let Some(detector) = detector {
                farthest = farthest.max(detect::look_behind(detector));
                match detectors.iter_mut().find(|(known, _)| *known == detector) {
                    Some((_, list)) => list.push(index),
                    None => detectors.push((detector, vec![index])),
                }
            }
            if let Some(words) = &rule.checks.keywords {
                farthest = farthest.max(look_behind(words));
                rule.checks.near = Some(keywords.add(words));
            }
            terms.extend(own.map(|own| (own, index)));
            rules.push(rule);
        }
        let prefilter = Prefilter::new(&rules, detectors.iter().map(|(detector, _)| *detector));
        let fields = FieldTable::new(rules.iter().map(|rule| rule.field.as_ref()));
        Self { rules, detectors, terms, prefilter, fields, keywords: keywords.build(), look_behind: farthest }
    }

    /// The rules in their order; a [`super::Finding`]'s `rule` is an index into it.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the scan waits for before it tries rule `index`; every one of these must hold for every match of the rule.
    /// Nothing for rules that are tried everywhere, or are no regular expressions.
    #[must_use]
    pub fn anchors(&self, index: usize) -> Vec<Anchor> {
        let regex = self.rules.get(index).and_then(|rule| rule.regex.as_ref());
        let Some(regex) = regex else { return Vec::new() };
        if let Some(anchor) = self.prefilter.anchor_of(index) {
            return vec![anchor];
        }
        let (back, windows) = self.prefilter.windows_of(index);
        let windows = Anchor::Windows { back, windows };
        if regex.leading_run > AHEAD {
            return vec![windows, Anchor::Run { bytes: ByteSet::new(is_token), len: regex.leading_run }];
        }
        vec![windows]
    }

    /// The most bytes a stream holds back under these rules, of text as it stands. An encoded character counts as what it
    /// stands for, and up to 24 bytes of one that is not whole are held besides.
    #[must_use]
    pub fn holdback(&self) -> usize {
        self.rules.iter().map(|rule| rule.holdback).max().unwrap_or(0)
    }
}

impl Compiled {
    fn new(spec: RuleSpec) -> Result<Self, BuildErrorKind> {
        let mut keywords = spec.keywords;
        if let Some(keywords) = &mut keywords {
            let distances = [keywords.before, keywords.after];
            let usable = distances.iter().any(|distance| *distance > 0)
                && distances.iter().all(|distance| *distance <= MAX_KEYWORD_DISTANCE)
                && !keywords.words.is_empty()
                && keywords.words.iter().all(|word| !normalised(word).is_empty());
            if !usable {
                return Err(BuildErrorKind::Keywords);
            }
            for word in &mut keywords.words {
                *word = written(word);
            }
        }
        let mut regex = None;
        let mut detector = None;
        let mut terms = None;
        let mut field = None;
        let (cost, longest) = match spec.pattern {
            Pattern::Detector(kind) => {
                detector = Some(kind);
                (Cost::Detector, detect::max_len(kind))
            }
            Pattern::External => (Cost::External, 0),
            Pattern::Terms(list) => {
                let compiled = list.terms();
                let (cost, longest) = (compiled.cost(), compiled.max_len);
                terms = Some(compiled);
                (cost, longest)
            }
            Pattern::Regex { pattern, max_len } => {
                let compiled = Regex::shared(&pattern, max_len)?;
                let cost = if compiled.literals.is_empty() { Cost::Start } else { Cost::Literal };
                let longest = compiled.max_len + 1;
                regex = Some(compiled);
                (cost, longest)
            }
            Pattern::Field { names, max_len } => {
                let max_len = max_len.unwrap_or(USUAL_LEN);
                if max_len > MAX_LEN_LIMIT {
                    return Err(BuildErrorKind::TooLong { asked: max_len, limit: MAX_LEN_LIMIT });
                }
                let bare = |name: &String| normalised(name.strip_prefix('*').unwrap_or(name)).is_empty();
                if names.is_empty() || names.iter().any(bare) {
                    return Err(BuildErrorKind::Field);
                }
                field = Some(Field { names, max_len });
                (Cost::Field, max_len + 1)
            }
        };
        let after = keywords.as_ref().map_or(0, look_ahead);
        let checks = Checks { validator: spec.validator, keywords, near: None, suppressions: spec.suppressions };
        let rule = Rule {
            id: spec.id,
            entity: spec.entity,
            cost,
            holdback: longest + after,
            priority: spec.priority,
            checks,
            regex,
            field,
        };
        Ok(Self { rule, detector, terms })
    }
}

/// What each rule of a [`RuleSet`] does in one direction and place.
#[derive(Clone, Debug)]
pub struct ActionTable {
    actions: Arc<[Action]>,
    key: Option<HashKey>,
    /// The key for fingerprints; without it there are none.
    fingerprints: Option<HashKey>,
    scoring: Option<Arc<Scoring>>,
    /// The exchange's tokens, and whether values found under this table are kept there.
    tokens: Option<(Arc<TokenMap>, bool)>,
    /// See [`ActionTable::per_record`]; made when it is first asked for.
    per_record: OnceLock<Arc<Self>>,
    /// What another service is to read of a body, or has found in it.
    overlay: Option<Overlay>,
    /// Another rule set that reads along, and where it tells what it finds otherwise.
    shadow: Option<(Arc<Shadow>, Option<Arc<Comparison>>)>,
    /// See [`ActionTable::again`].
    again: bool,
}

impl ActionTable {
    /// One action for each rule, in the rule set's order; `key` feeds [`Action::Hash`] (without it, hash redacts).
    #[must_use]
    pub fn new(actions: Vec<Action>, key: Option<HashKey>) -> Self {
        Self {
            actions: actions.into(),
            key,
            fingerprints: None,
            scoring: None,
            tokens: None,
            per_record: OnceLock::new(),
            overlay: None,
            shadow: None,
            again: false,
        }
    }

    /// The same, and findings come with fingerprints under this key.
    #[must_use]
    pub fn with_fingerprints(self, key: Option<HashKey>) -> Self {
        Self { fingerprints: key, ..self }
    }

    /// The key for fingerprints.
    pub(super) fn fingerprints(&self) -> Option<&HashKey> {
        self.fingerprints.as_ref()
    }

    /// The same, and findings count towards a score that blocks.
    #[must_use]
    pub fn scored(self, scoring: Option<Arc<Scoring>>) -> Self {
        Self { scoring, ..self }
    }

    /// What findings count, where a body's score may block.
    #[must_use]
    pub fn scoring(&self) -> Option<&Scoring> {
        self.scoring.as_deref()
    }

    /// The action of rule `index`; [`Action::Redact`] where the table is too short, so that a slip never leaks.
    #[must_use]
    pub fn action(&self, index: usize) -> &Action {
        self.actions.get(index).unwrap_or(&Action::Redact)
    }

    /// The key for [`Action::Hash`].
    #[must_use]
    pub fn key(&self) -> Option<&HashKey> {
        self.key.as_ref()
    }

    /// The same actions for texts of which a record can be kept back by itself: what blocks becomes [`Action::Drop`].
    /// Always the same table, which lives as long as this one.
    #[must_use]
    pub fn per_record(&self) -> Arc<Self> {
        let soften = |action: &Action| match action {
            Action::Block => Action::Drop,
            other => other.clone(),
        };
        let made = || {
            let softened = Self::new(self.actions.iter().map(soften).collect(), self.key.clone());
            let softened = softened.with_fingerprints(self.fingerprints.clone()).scored(self.scoring.clone());
            let (tokens, overlay, shadow) = (self.tokens.clone(), self.overlay.clone(), self.shadow.clone());
            Arc::new(Self { tokens, overlay, shadow, again: self.again, ..softened })
        };
        Arc::clone(self.per_record.get_or_init(made))
    }

    /// The same actions for one exchange, whose tokens [`Action::Tokenize`] mints; values are kept, to be given back, where
    /// this says so.
    #[must_use]
    pub fn in_exchange(&self, tokens: Arc<TokenMap>, keep: bool) -> Self {
        Self { tokens: Some((tokens, keep)), per_record: OnceLock::new(), ..self.clone() }
    }

    /// The same actions for a body that another service reads or has read: texts are kept for it, or its findings join
    /// those of the rules that `layer` leaves on.
    #[must_use]
    pub fn overlaid(&self, rules: &RuleSet, overlay: Overlay, layer: Layer) -> Self {
        let external = |index: usize| rules.rules.get(index).is_some_and(|rule| rule.cost == Cost::External);
        let on = |index: usize| match layer {
            Layer::All => true,
            // What a person has let pass is no news to them because a service has found it too.
            Layer::External => external(index) || *self.action(index) == Action::Approved,
            Layer::Nothing => false,
        };
        let kept = |(index, action): (usize, &Action)| if on(index) { action.clone() } else { Action::Off };
        let actions = self.actions.iter().enumerate().map(kept).collect();
        let scoring = self.scoring.clone().filter(|_| layer == Layer::All);
        // What the rules leave off has been compared before.
        let shadow = self.shadow.clone().filter(|_| layer == Layer::All);
        Self { actions, scoring, overlay: Some(overlay), shadow, per_record: OnceLock::new(), ..self.clone() }
    }

    /// The same actions where another rule set reads along.
    #[must_use]
    pub fn beside(&self, shadow: Arc<Shadow>) -> Self {
        Self { shadow: Some((shadow, None)), per_record: OnceLock::new(), ..self.clone() }
    }

    /// The same actions for one exchange, which is told there what another rule set finds otherwise.
    #[must_use]
    pub fn compared(&self, comparison: &Arc<Comparison>) -> Self {
        let shadow = self.shadow.as_ref().map(|(shadow, _)| (Arc::clone(shadow), Some(Arc::clone(comparison))));
        Self { shadow, per_record: OnceLock::new(), ..self.clone() }
    }

    /// Whether what comes of a text depends on that text alone, and nobody else reads it or is told of it: then a text in
    /// which nothing was found need not be read again. Where values get tokens it depends on those that were given before.
    #[must_use]
    pub fn judges_alone(&self) -> bool {
        self.shadow().is_none() && self.overlay.is_none() && self.tokens().is_none()
    }

    /// Who reads along, where somebody is told.
    pub(super) fn shadow(&self) -> Option<(&Arc<Shadow>, &Arc<Comparison>)> {
        let (shadow, comparison) = self.shadow.as_ref()?;
        comparison.as_ref().map(|comparison| (shadow, comparison))
    }

    /// What another service reads or has read.
    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    /// The tokens of the exchange.
    #[must_use]
    pub fn tokens(&self) -> Option<&Arc<TokenMap>> {
        self.tokens.as_ref().map(|(tokens, _)| tokens)
    }

    /// Appends a value's token; `false` where it has none.
    pub(super) fn mint(&self, entity: &EntityType, value: &[u8], kept: Kept, out: &mut Vec<u8>) -> bool {
        let kept = |keep: &bool| if *keep { kept } else { kept.forgotten() };
        self.tokens.as_ref().is_some_and(|(tokens, keep)| tokens.mint(entity, value, kept(keep), out))
    }

    /// Appends what stands in a value's place in its shape; `false` where nothing does.
    pub(super) fn stand_in(&self, entity: &EntityType, value: &[u8], out: &mut Vec<u8>) -> bool {
        self.tokens.as_ref().is_some_and(|(tokens, keep)| tokens.stand_in(entity, value, *keep, out))
    }

    /// Whether a text stands for a value of the exchange, so that no rule has found anything.
    pub(super) fn is_stand_in(&self, text: &[u8]) -> bool {
        self.tokens.as_ref().is_some_and(|(tokens, keep)| tokens.is_stand_in(text, *keep && !self.again))
    }

    /// The same actions for what they have left of a text of this exchange: what stands there for a value stays.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { again: true, per_record: OnceLock::new(), ..self.clone() }
    }

    /// Notes a value of a request that stays where it is.
    pub(super) fn note(&self, value: &[u8]) {
        if let Some((tokens, true)) = &self.tokens {
            tokens.note(value);
        }
    }

    /// Whether any rule tokenizes.
    #[must_use]
    pub fn tokenizes(&self) -> bool {
        self.actions.contains(&Action::Tokenize) || self.stands_in()
    }

    /// Whether any rule puts stand-ins in values' places.
    #[must_use]
    pub fn stands_in(&self) -> bool {
        self.actions.contains(&Action::StandIn)
    }

    /// Whether any rule holds an exchange for a person.
    #[must_use]
    pub fn quarantines(&self) -> bool {
        self.actions.contains(&Action::Quarantine)
    }

    /// The same actions, with another one for each rule that would hold the exchange, by the rule's index.
    #[must_use]
    pub fn instead_of_quarantine(&self, other: impl Fn(usize) -> Action) -> Arc<Self> {
        let decide = |(index, action): (usize, &Action)| match action {
            Action::Quarantine => other(index),
            action => action.clone(),
        };
        let actions = self.actions.iter().enumerate().map(decide).collect();
        Arc::new(Self { actions, per_record: OnceLock::new(), ..self.clone() })
    }

    /// Whether any rule sends an exchange elsewhere.
    #[must_use]
    pub fn reroutes(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Reroute(_)))
    }

    /// The same actions, with another one for each that would send the exchange elsewhere, by what is to hold there.
    #[must_use]
    pub fn instead_of_reroute(&self, other: impl Fn(&Action) -> Action) -> Arc<Self> {
        let decide = |action: &Action| match action {
            Action::Reroute(there) => other(there),
            action => action.clone(),
        };
        let actions = self.actions.iter().map(decide).collect();
        Arc::new(Self { actions, per_record: OnceLock::new(), ..self.clone() })
    }

    /// Whether any rule blocks.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.scoring.is_some() || self.actions.iter().any(|action| matches!(action, Action::Block))
    }
}

/// How much the findings of each rule weigh, and the sum at which a body is blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scoring {
    weights: Box<[u8]>,
    threshold: u8,
}

impl Scoring {
    /// The most that a sum counts.
    pub const MOST: u8 = 100;

    /// One weight for each rule, in the rule set's order, and the sum that blocks, 1 to [`Scoring::MOST`].
    #[must_use]
    pub fn new(weights: Vec<u8>, threshold: u8) -> Self {
        Self { weights: weights.into(), threshold }
    }

    /// Adds a finding of rule `index` to `score`; whether the sum blocks. A rule without weight never blocks.
    #[must_use]
    pub fn adds(&self, index: usize, score: &mut u8) -> bool {
        let weight = self.weights.get(index).copied().unwrap_or(0);
        *score = score.saturating_add(weight).min(Self::MOST);
        weight > 0 && *score >= self.threshold
    }
}

/// Why a rule does not compile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildError {
    /// The rule.
    pub rule: RuleId,
    /// The reason.
    pub kind: BuildErrorKind,
}

/// The reasons of [`BuildError`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildErrorKind {
    /// The expression does not parse; the parser's message.
    Syntax(String),
    /// The expression matches the empty string.
    MatchesEmpty,
    /// The expression has no longest match and `max_len` is missing.
    Unbounded,
    /// `max_len` or the expression's longest match is above this many bytes.
    TooLong {
        /// The longest match asked for.
        asked: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// The automaton is larger than this many bytes.
    TooLarge {
        /// The largest allowed.
        limit: usize,
    },
    /// A named group that is not `value`, or more than one of it.
    Groups,
    /// The group `value` may match the empty string.
    EmptyValue,
    /// A keyword is empty, or `before` and `after` are both 0 or above 1,024.
    Keywords,
    /// A term is empty, or longer than 512 bytes.
    Term,
    /// A rule for fields names none, or one without a letter or digit.
    Field,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: ", self.rule)?;
        match &self.kind {
            BuildErrorKind::Syntax(message) => write!(f, "the pattern does not parse: {message}"),
            BuildErrorKind::MatchesEmpty => f.write_str("the pattern matches the empty string"),
            BuildErrorKind::Unbounded => f.write_str("the pattern has no longest match; add max_len"),
            BuildErrorKind::TooLong { asked, limit } => write!(f, "longest match of {asked} bytes is above {limit}"),
            BuildErrorKind::TooLarge { limit } => write!(f, "the pattern's automaton is larger than {limit} bytes"),
            BuildErrorKind::Groups => {
                f.write_str("the one named group of a pattern is `value`, and it stands there once")
            }
            BuildErrorKind::EmptyValue => f.write_str("the group `value` matches the empty string"),
            BuildErrorKind::Keywords => f.write_str("keywords need words, and a distance of 1 to 1024 characters"),
            BuildErrorKind::Term => f.write_str("a term must have 1 to 512 bytes"),
            BuildErrorKind::Field => f.write_str("`fields` needs names with letters or digits"),
        }
    }
}

impl std::error::Error for BuildError {}
