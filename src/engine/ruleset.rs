//! Rules compiled: one value that every stream of a workspace shares.

use std::fmt;

use super::operator::{Action, HashKey};
use super::rule::{EntityType, RuleId, RuleSpec};

/// How a rule's candidates are found, from cheap to dear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cost {
    /// A hand-written detector behind the digit and `@` anchors.
    Detector,
    /// A regular expression behind a literal that every match begins with.
    Literal,
    /// A term list, walked from the beginning of each word.
    Terms,
    /// A regular expression with no leading literal, tried at every byte that may begin it.
    Start,
}

/// One compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Permanent name.
    pub id: RuleId,
    /// What it finds.
    pub entity: EntityType,
    /// How its candidates are found.
    pub cost: Cost,
    /// The most bytes held back on its account: longest match plus the context it waits for.
    pub holdback: usize,
}

/// Compiled rules, shared by every stream that scans with them.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Every rule that cannot be compiled, at once.
    pub fn build(specs: Vec<RuleSpec>) -> Result<Self, Vec<BuildError>> {
        let rules = specs
            .into_iter()
            .map(|spec| Rule { id: spec.id, entity: spec.entity, cost: Cost::Detector, holdback: 0 })
            .collect();
        Ok(Self { rules })
    }

    /// The rules in their order; a [`super::Finding`]'s `rule` is an index into it.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The most bytes a stream holds back under these rules.
    #[must_use]
    pub fn holdback(&self) -> usize {
        self.rules.iter().map(|rule| rule.holdback).max().unwrap_or(0)
    }
}

/// What each rule of a [`RuleSet`] does in one direction and place.
#[derive(Clone, Debug)]
pub struct ActionTable {
    actions: Box<[Action]>,
    key: Option<HashKey>,
}

impl ActionTable {
    /// One action for each rule, in the rule set's order; `key` feeds [`Action::Hash`] (without it, hash redacts).
    #[must_use]
    pub fn new(actions: Vec<Action>, key: Option<HashKey>) -> Self {
        Self { actions: actions.into(), key }
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

    /// Whether any rule blocks.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Block))
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
    /// A keyword is empty, or `before` and `after` are both 0 or above 1,024.
    Keywords,
    /// A term is empty, or longer than 512 bytes.
    Term,
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
            BuildErrorKind::Keywords => f.write_str("keywords need words, and a distance of 1 to 1024 characters"),
            BuildErrorKind::Term => f.write_str("a term must have 1 to 512 bytes"),
        }
    }
}

impl std::error::Error for BuildError {}
