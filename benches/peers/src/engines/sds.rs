//! Data Dog's sensitive data scanner: one rule each, its own check digits, its own redaction.

use dd_sds::{MatchAction, RegexRuleConfig, RootRuleConfig, Scanner, SecondaryValidator};

use super::{Engine, Tally};
use crate::rules::{CARD, ELEVEN, IBAN};

pub struct Sds {
    scanner: Scanner,
    text: String,
}

impl Sds {
    pub fn new() -> Result<Self, String> {
        let rules: Vec<_> = ELEVEN
            .iter()
            .enumerate()
            .map(|(rule, (_, pattern))| {
                let validator = match rule {
                    CARD => Some(SecondaryValidator::LuhnChecksum),
                    IBAN => Some(SecondaryValidator::IbanChecker),
                    _ => None,
                };
                RootRuleConfig::new(RegexRuleConfig::new(pattern).with_validator(validator).build())
                    .match_action(MatchAction::redact("[REDACTED]"))
            })
            .collect();
        let scanner = Scanner::builder(&rules).build().map_err(|error| error.to_string())?;
        Ok(Self { scanner, text: String::new() })
    }
}

impl Engine for Sds {
    fn name(&self) -> &str {
        "sds"
    }

    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8] {
        self.text.clear();
        let Ok(unit) = std::str::from_utf8(unit) else { return &[] };
        self.text.push_str(unit);
        for found in self.scanner.scan(&mut self.text).unwrap_or_default() {
            tally[found.rule_index] += 1;
        }
        self.text.as_bytes()
    }
}
