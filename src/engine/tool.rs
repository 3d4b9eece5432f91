//! Which tools may be called: the name and the arguments of a call in, allowed or refused out.
//!
//! Pure. The last rule that fits decides, as the last line of `[actions]` does; what none names does what the table says
//! of the rest. Names are compared byte by byte, exactly or up to a final `*`.

use std::fmt;

use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;

/// Memory of one expression's automaton in bytes.
const AUTOMATON_LIMIT: usize = 1 << 20;

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToolVerdict {
    /// It goes on.
    Allow,
    /// It is refused.
    Block,
}

impl ToolVerdict {
    /// Block where either is.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        if self == Self::Block { self } else { other }
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
#[derive(Debug)]
pub struct ToolRules {
    rules: Vec<ToolRule>,
    otherwise: ToolVerdict,
}

impl ToolRules {
    /// These rules, and what holds where none of them fits.
    #[must_use]
    pub fn new(rules: Vec<ToolRule>, otherwise: ToolVerdict) -> Self {
        Self { rules, otherwise }
    }

    /// What the name alone decides; none where it takes the arguments.
    #[must_use]
    pub fn by_name(&self, name: &[u8]) -> Option<ToolVerdict> {
        let mut open = Vec::new();
        let mut last = self.otherwise;
        for rule in self.rules.iter().rev().filter(|rule| rule.names(name)) {
            if rule.arguments.is_none() {
                last = rule.verdict;
                break;
            }
            open.push(rule.verdict);
        }
        open.iter().all(|verdict| *verdict == last).then_some(last)
    }

    /// Whether any call may be refused.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.otherwise == ToolVerdict::Block || self.rules.iter().any(|rule| rule.verdict == ToolVerdict::Block)
    }

    /// Whether a rule allows names that begin so and go on.
    #[must_use]
    pub fn begins_allowed(&self, name: &[u8]) -> bool {
        let stem = |rule: &ToolRule| rule.name.strip_suffix('*').unwrap_or(&rule.name).len();
        let allows = |rule: &ToolRule| rule.verdict == ToolVerdict::Allow && stem(rule) > name.len();
        self.rules.iter().any(|rule| allows(rule) && rule.name.as_bytes().starts_with(name))
    }

    /// What becomes of a call with these arguments, as compact JSON or as they stand.
    #[must_use]
    pub fn judge(&self, name: &[u8], arguments: &[u8]) -> ToolVerdict {
        let fits = |rule: &&ToolRule| {
            rule.names(name)
                && rule.arguments.as_ref().is_none_or(|(_, vm)| vm.is_match(&mut vm.create_cache(), arguments))
        };
        self.rules.iter().rev().find(fits).map_or(self.otherwise, |rule| rule.verdict)
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
        assert_eq!(rules.by_name(b"mail.delete"), Some(Block));
        assert_eq!(rules.by_name(b"mail.list"), Some(Allow));
        assert_eq!(rules.by_name(b"mail.send"), None);
        assert_eq!(rules.judge(b"mail.send", br#"{"to":"a@acme.com"}"#), Allow);
        assert_eq!(rules.judge(b"mail.send", br#"{"to":"a@evil.example"}"#), Block);
        assert_eq!(rules.by_name(b"mail"), Some(Allow), "a name must have all that stands before the star");
        assert_eq!(rules.by_name(b"Mail.list"), Some(Allow));
        assert!(rules.begins_allowed(b"mail.") && !rules.begins_allowed(b"mail.list"));
    }

    #[test]
    fn arguments_that_cannot_change_the_verdict_are_not_waited_for() {
        use ToolVerdict::{Allow, Block};
        assert_eq!(rules(&[("*", Some("x"), Block)], Block).by_name(b"a"), Some(Block));
        assert_eq!(rules(&[("a", None, Allow), ("a", Some("x"), Block)], Block).by_name(b"a"), None);
    }

    #[test]
    fn what_does_not_parse_is_told() {
        assert!(ToolRule::new("a", Some("("), ToolVerdict::Block).is_err());
        assert!(ToolRule::new("a", Some(r"\w{1000}{1000}"), ToolVerdict::Block).is_err(), "beyond the size limit");
    }
}
