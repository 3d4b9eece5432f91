//! Which tools may be called: the name and the arguments of a call in, allowed, held or refused out.
//!
//! Pure. The last rule that fits decides, as the last line of `[actions]` does; what none names does what the table says
//! of the rest. Names are compared byte by byte, exactly or up to a final `*`. Who cannot hold anything need not know
//! that calls can be held: until somebody says otherwise ([`ToolRules::holding`]) such a call is refused.

use std::fmt;
use std::sync::Arc;

use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;

/// Memory of one expression's automaton in bytes.
const AUTOMATON_LIMIT: usize = 1 << 20;

/// What becomes of a call. The later, the stricter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ToolVerdict {
    /// It goes on.
    Allow,
    /// It waits for a person, with all that it stands in.
    Hold,
    /// It is refused.
    Block,
}

/// What becomes of a call, and what says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToolDecision {
    /// What becomes of it.
    pub verdict: ToolVerdict,
    /// The rule that decides, by its place; their number where none fits.
    pub rule: usize,
}

impl ToolDecision {
    /// The stricter of two; the first where they are alike.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        if other.verdict > self.verdict { other } else { self }
    }
}

/// What is said of some calls.
pub struct ToolRule {
    name: String,
    arguments: Option<(String, PikeVM)>,
    verdict: ToolVerdict,
}

impl ToolRule {
    /// A rule for calls of `name`, or of every name that begins with what stands before a final `*`; with an expression
    /// for those alone whose arguments have a match of it.
    ///
    /// # Errors
    /// What is wrong with the expression, in the parser's words.
    pub fn new(name: &str, arguments: Option<&str>, verdict: ToolVerdict) -> Result<Self, String> {
        let compile = |pattern: &str| {
            let nfa = thompson::Config::new().nfa_size_limit(Some(AUTOMATON_LIMIT));
            let built = PikeVM::builder().syntax(syntax::Config::new()).thompson(nfa).build(pattern);
            built.map(|vm| (pattern.to_owned(), vm)).map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                cause.unwrap_or_else(|| error.to_string())
            })
        };
        Ok(Self { name: name.to_owned(), arguments: arguments.map(compile).transpose()?, verdict })
    }

    fn names(&self, name: &[u8]) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix.as_bytes()),
            None => name == self.name.as_bytes(),
        }
    }
}

impl fmt::Debug for ToolRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = self.arguments.as_ref().map(|(pattern, _)| pattern);
        write!(f, "ToolRule({:?}, {arguments:?}, {:?})", self.name, self.verdict)
    }
}

/// What is said of all calls.
#[derive(Clone, Debug)]
pub struct ToolRules {
    rules: Arc<[ToolRule]>,
    otherwise: ToolVerdict,
    /// What rules are called in reports, by their place; the last is for calls that none names.
    ids: Arc<[Arc<str>]>,
    /// Whether a call can be held, and whose calls a person has let pass.
    held: Option<Vec<Arc<str>>>,
}

impl ToolRules {
    /// These rules, and what holds where none of them fits.
    #[must_use]
    pub fn new(rules: Vec<ToolRule>, otherwise: ToolVerdict) -> Self {
        let ids = rules.iter().map(|rule| format!("tool.{}", rule.name).into());
        let ids = ids.chain([Arc::from("tools")]).collect();
        Self { rules: rules.into(), otherwise, ids, held: None }
    }

    /// The same where what they say is held can be held; but calls that these rules hold have been seen by a person, and
    /// pass.
    #[must_use]
    pub fn holding(&self, passed: Vec<Arc<str>>) -> Self {
        Self { held: Some(passed), ..self.clone() }
    }

    /// The same where nothing can be held: such calls are refused.
    #[must_use]
    pub fn refusing(&self) -> Self {
        Self { held: None, ..self.clone() }
    }

    /// What a rule is called in reports: `tool.` and the name that it gives, or `tools`.
    #[must_use]
    pub fn id(&self, rule: usize) -> Option<&Arc<str>> {
        self.ids.get(rule)
    }

    /// Whether any of them says that calls are held, wherever that can be done.
    #[must_use]
    pub fn says_hold(&self) -> bool {
        self.otherwise == ToolVerdict::Hold || self.rules.iter().any(|rule| rule.verdict == ToolVerdict::Hold)
    }

    /// Whether a call is held here and not refused.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.held.is_some() && self.says_hold()
    }

    /// What the rule at this place says, here.
    fn said(&self, rule: usize) -> ToolDecision {
        let verdict = match self.rules.get(rule).map_or(self.otherwise, |rule| rule.verdict) {
            ToolVerdict::Hold => match (&self.held, self.ids.get(rule)) {
                (Some(passed), Some(id)) if passed.contains(id) => ToolVerdict::Allow,
                (Some(_), _) => ToolVerdict::Hold,
                (None, _) => ToolVerdict::Block,
            },
            plain => plain,
        };
        ToolDecision { verdict, rule }
    }

    /// What the name alone decides; none where it takes the arguments.
    #[must_use]
    pub fn by_name(&self, name: &[u8]) -> Option<ToolDecision> {
        let mut open = Vec::new();
        let mut last = self.said(self.rules.len());
        for (place, rule) in self.rules.iter().enumerate().rev().filter(|(_, rule)| rule.names(name)) {
            let said = self.said(place);
            if rule.arguments.is_none() {
                last = said;
                break;
            }
            open.push(said.verdict);
        }
        open.iter().all(|verdict| *verdict == last.verdict).then_some(last)
    }

    /// Whether any call may be refused or held.
    #[must_use]
    pub fn blocks(&self) -> bool {
        (0..=self.rules.len()).any(|rule| self.said(rule).verdict != ToolVerdict::Allow)
    }

    /// Whether a rule allows or holds names that begin so and go on.
    #[must_use]
    pub fn begins_allowed(&self, name: &[u8]) -> bool {
        let stem = |rule: &ToolRule| rule.name.strip_suffix('*').unwrap_or(&rule.name).len();
        let passes = |place| self.said(place).verdict != ToolVerdict::Block;
        let begins = |rule: &ToolRule| stem(rule) > name.len() && rule.name.as_bytes().starts_with(name);
        self.rules.iter().enumerate().any(|(place, rule)| begins(rule) && passes(place))
    }

    /// What becomes of a call with these arguments, as compact JSON or as they stand.
    #[must_use]
    pub fn judge(&self, name: &[u8], arguments: &[u8]) -> ToolDecision {
        let fits = |(_, rule): &(usize, &ToolRule)| {
            rule.names(name)
                && rule.arguments.as_ref().is_none_or(|(_, vm)| vm.is_match(&mut vm.create_cache(), arguments))
        };
        let fitting = self.rules.iter().enumerate().rev().find(fits);
        self.said(fitting.map_or(self.rules.len(), |(place, _)| place))
    }

    /// What becomes of a call whose arguments nobody can tell: what no rule says is refused.
    #[must_use]
    pub fn unreadable(&self) -> ToolDecision {
        ToolDecision { verdict: ToolVerdict::Block, rule: self.rules.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, Option<&str>, ToolVerdict)], otherwise: ToolVerdict) -> ToolRules {
        let rule = |(name, arguments, verdict): &(&str, Option<&str>, ToolVerdict)| {
            ToolRule::new(name, *arguments, *verdict).expect("the expression compiles")
        };
        ToolRules::new(rules.iter().map(rule).collect(), otherwise)
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        use ToolVerdict::{Allow, Block};
        let rules = rules(
            &[
                ("mail.*", None, Block),
                ("mail.send", Some(r#""to":"[^"]*@acme\.com""#), Allow),
                ("mail.list", None, Allow),
            ],
            Allow,
        );
        let by_name = |name: &[u8]| rules.by_name(name).map(|said| said.verdict);
        assert_eq!(by_name(b"mail.delete"), Some(Block));
        assert_eq!(by_name(b"mail.list"), Some(Allow));
        assert_eq!(by_name(b"mail.send"), None);
        assert_eq!(rules.judge(b"mail.send", br#"{"to":"a@acme.com"}"#).verdict, Allow);
        assert_eq!(rules.judge(b"mail.send", br#"{"to":"a@evil.example"}"#).verdict, Block);
        assert_eq!(by_name(b"mail"), Some(Allow), "a name must have all that stands before the star");
        assert_eq!(by_name(b"Mail.list"), Some(Allow));
        assert!(rules.begins_allowed(b"mail.") && !rules.begins_allowed(b"mail.list"));
    }

    #[test]
    fn arguments_that_cannot_change_the_verdict_are_not_waited_for() {
        use ToolVerdict::{Allow, Block};
        let rule = |given: &[_]| rules(given, Block).by_name(b"a").map(|said| said.verdict);
        assert_eq!(rule(&[("*", Some("x"), Block)]), Some(Block));
        assert_eq!(rule(&[("a", None, Allow), ("a", Some("x"), Block)]), None);
    }

    #[test]
    fn calls_are_held_where_somebody_holds_them_and_else_refused() {
        use ToolVerdict::{Allow, Block, Hold};
        let plain = rules(&[("mail.*", None, Hold), ("mail.send", Some("x"), Block), ("pay", None, Hold)], Allow);
        let verdict = |rules: &ToolRules, name: &[u8], arguments: &[u8]| rules.judge(name, arguments).verdict;
        assert!(plain.says_hold() && !plain.can_hold() && plain.blocks());
        assert_eq!(verdict(&plain, b"mail.list", b""), Block);
        let holding = plain.holding(Vec::new());
        assert!(holding.can_hold() && !holding.refusing().can_hold());
        assert_eq!(verdict(&holding, b"mail.list", b""), Hold);
        assert_eq!(verdict(&holding, b"mail.send", b"x"), Block);
        assert_eq!(holding.by_name(b"mail.send"), None);
        assert_eq!(holding.by_name(b"pay").and_then(|said| holding.id(said.rule)).map(|id| &**id), Some("tool.pay"));
        // What one rule holds a person has seen; what others hold, nobody has.
        let passed = plain.holding(vec!["tool.mail.*".into()]);
        assert_eq!(verdict(&passed, b"mail.list", b""), Allow);
        assert_eq!(verdict(&passed, b"mail.send", b"x"), Block);
        assert_eq!(verdict(&passed, b"pay", b""), Hold);
        let rest = rules(&[], Hold).holding(Vec::new());
        assert_eq!(rest.id(rest.judge(b"a", b"").rule).map(|id| &**id), Some("tools"));
    }

    #[test]
    fn the_stricter_of_two_decides() {
        use ToolVerdict::{Allow, Block, Hold};
        let of = |verdict, rule| ToolDecision { verdict, rule };
        assert_eq!(of(Allow, 0).stricter(of(Hold, 1)), of(Hold, 1));
        assert_eq!(of(Block, 0).stricter(of(Hold, 1)), of(Block, 0));
        assert_eq!(of(Hold, 0).stricter(of(Hold, 1)), of(Hold, 0));
    }

    #[test]
    fn what_does_not_parse_is_told() {
        assert!(ToolRule::new("a", Some("("), ToolVerdict::Block).is_err());
        assert!(ToolRule::new("a", Some(r"\w{1000}{1000}"), ToolVerdict::Block).is_err(), "beyond the size limit");
    }
}
