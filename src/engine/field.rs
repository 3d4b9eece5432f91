//! Fields by their names: rules whose finding is the whole of a text that has a name.
//!
//! Enters: the label of a text that structure ends (a JSON string, a cell, a form field, an element). Leaves: the rules
//! that name it, which take the text whole, from its first character that is no blank to its last, whatever stands in
//! it. A label is compared by its last words, as keywords are: `dbPassword`, `user[password]` and `Password 2` all end
//! with `password`, `password_hint` does not.

use std::collections::HashMap;
use std::fmt;

use super::automaton::Automaton;
use super::keywords::{folded_words, spellings};

/// The longest text of a field that a rule without `max_len` takes, in bytes.
pub(super) const USUAL_LEN: usize = 1024;
/// The most words of a name.
const WORDS: usize = 8;
/// Words behind a name that say which of several values it is.
const WHICH: [&[u8]; 14] = [
    b"value",
    b"val",
    b"plain",
    b"plaintext",
    b"cleartext",
    b"new",
    b"old",
    b"current",
    b"confirm",
    b"confirmation",
    b"confirmed",
    b"again",
    b"repeat",
    b"verify",
];

/// What a rule for fields says.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) names: Vec<String>,
    /// The longest text in bytes, blanks round the value included.
    pub(super) max_len: usize,
}

/// A rule that a text is looked at whole for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) rule: usize,
    pub(super) max_len: usize,
}

/// The fields of all rules of a set.
#[derive(Default)]
pub(super) struct FieldTable {
    /// Rules by a name's words, written together.
    names: HashMap<Vec<u8>, Vec<u32>>,
    /// The same for names that a longer word may end with.
    ends: HashMap<Vec<u8>, Vec<u32>>,
    shortest_end: usize,
    /// What one of stands in every label in ASCII that is named.
    hints: Option<Automaton>,
    bounds: Vec<usize>,
}

impl FieldTable {
    /// Of the rules of a set, in their order.
    pub(super) fn new<'a>(fields: impl Iterator<Item = Option<&'a Field>>) -> Self {
        let mut table = Self { shortest_end: usize::MAX, ..Self::default() };
        let mut hints = Vec::new();
        for (rule, field) in fields.enumerate() {
            table.bounds.push(field.map_or(0, |field| field.max_len));
            for name in field.into_iter().flat_map(|field| &field.names) {
                let (name, end) = name.strip_prefix('*').map_or((name.as_str(), false), |name| (name, true));
                for words in spellings(name) {
                    hints.extend(words.last().cloned());
                    let joined = words.concat();
                    if end {
                        table.shortest_end = table.shortest_end.min(joined.len());
                    }
                    let map = if end { &mut table.ends } else { &mut table.names };
                    let rules = map.entry(joined).or_default();
                    if rules.last() != Some(&(rule as u32)) {
                        rules.push(rule as u32);
                    }
                }
            }
        }
        hints.sort_unstable();
        hints.dedup();
        if !hints.is_empty() {
            // Without it every label is cut into words, which is only slower.
            table.hints = Automaton::of_words(&hints);
        }
        table
    }

    /// Tells the rules that name a text of this label.
    pub(super) fn named(&self, label: &[u8], mut tell: impl FnMut(Wanted)) {
        if label.is_empty() || self.names.is_empty() && self.ends.is_empty() {
            return;
        }
        if label.is_ascii() && self.hints.as_ref().is_some_and(|hints| !hints.is_in(label)) {
            return;
        }
        let mut words = folded_words(&String::from_utf8_lossy(label));
        let mut told: Vec<u32> = Vec::new();
        loop {
            if let Some(last) = words.last_mut() {
                let digits = last.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
                last.truncate(last.len() - digits);
            }
            if words.last().is_some_and(Vec::is_empty) {
                words.pop();
                continue;
            }
            self.look_up(&words, &mut told);
            match words.last() {
                Some(last) if words.len() > 1 && WHICH.contains(&last.as_slice()) => words.pop(),
                Some(_) | None => break,
            };
        }
        told.sort_unstable();
        told.dedup();
        for rule in told {
            let rule = rule as usize;
            tell(Wanted { rule, max_len: self.bounds.get(rule).copied().unwrap_or(0) });
        }
    }

    fn look_up(&self, words: &[Vec<u8>], told: &mut Vec<u32>) {
        let mut joined = Vec::new();
        for word in words.iter().rev().take(WORDS) {
            joined.splice(0..0, word.iter().copied());
            for map in [&self.names, &self.ends] {
                told.extend(map.get(&joined).into_iter().flatten());
            }
        }
        let Some(last) = words.last() else { return };
        for cut in 1..(last.len() + 1).saturating_sub(self.shortest_end) {
            told.extend(last.get(cut..).and_then(|end| self.ends.get(end)).into_iter().flatten());
        }
    }
}

impl fmt::Debug for FieldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldTable({} names)", self.names.len() + self.ends.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FieldTable {
        let field = |names: &[&str]| Field {
            names: names.iter().map(|name| String::from(*name)).collect(),
            max_len: USUAL_LEN,
        };
        let all = [field(&["*password", "pwd", "密码", "contraseña"]), field(&["client secret"])];
        FieldTable::new(all.iter().map(Some).chain([None]))
    }

    #[test]
    fn labels_are_named_by_their_last_words() {
        let table = table();
        let named = |label: &str| {
            let mut rules = Vec::new();
            table.named(label.as_bytes(), |wanted| rules.push(wanted.rule));
            rules
        };
        for label in [
            "password",
            "PASSWORD",
            "dbPassword",
            "db_password2",
            "userpassword",
            "user[password]",
            "password[]",
            "login password value",
            "password confirmation",
            "newPassword",
            "X-Pwd",
            "密码",
            "用户密码",
            "Contraseña",
            "contrasena",
            "password 1",
        ] {
            assert_eq!(named(label), [0], "{label}");
        }
        for label in ["clientSecret", "client_secret", "client secret", "clientsecret", "CLIENT-SECRET"] {
            assert_eq!(named(label), [1], "{label}");
        }
        for label in ["", "password hint", "passwordPolicy", "upwd", "secret", "secret client", "value", "2", "密码学"]
        {
            assert_eq!(named(label), [0_usize; 0], "{label}");
        }
    }
}
