//! The whole-buffer reference: what the engine must do, said as simply as possible and with no regard to speed.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

/// A rule of the reference.
pub(crate) struct Rule {
    pub(crate) shape: Shape,
    pub(crate) entity: &'static str,
    pub(crate) masks: bool,
    /// A keyword, and how many characters before and after it may stand.
    pub(crate) near: Option<(&'static str, usize, usize)>,
}

/// How a rule matches.
pub(crate) enum Shape {
    /// An expression with a longest match.
    Finite(Regex),
    /// One without, which is followed while it matches again within so many bytes.
    Endless(Regex, usize),
    Email(Regex),
    /// An expression of whose match only the group `value` counts.
    Value(Regex),
    Term(&'static str),
}

fn matches(rule: &Rule, text: &[u8]) -> Vec<(usize, usize)> {
    let anchored =
        |regex: &Regex, at| regex.find(Input::new(text).range(at..).anchored(Anchored::Yes)).map(|found| found.end());
    let word = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut found = Vec::new();
    let mut address_end = 0;
    for at in 0..text.len() {
        let end = match &rule.shape {
            Shape::Finite(regex) => anchored(regex, at),
            Shape::Endless(regex, limit) => {
                let mut end = None;
                let is_match = |to: usize| anchored(regex, at).is_some() && whole_match(regex, &text[at..to]);
                for to in (at + 1..=text.len().min(at + limit)).filter(|to| is_match(*to)) {
                    end = Some(to);
                }
                while let Some(next) =
                    end.and_then(|last| (last + 1..=text.len().min(last + limit)).find(|to| is_match(*to)))
                {
                    end = Some(next);
                }
                end
            }
            Shape::Email(domain) => {
                if text[at] != b'@' {
                    continue;
                }
                let local = text[address_end..at]
                    .iter()
                    .rev()
                    .take_while(|b| b.is_ascii_alphanumeric() || b".-".contains(b))
                    .count();
                if let (true, Some(end)) = (local > 0, anchored(domain, at + 1)) {
                    found.push((at - local, end));
                    address_end = end;
                }
                continue;
            }
            Shape::Value(regex) => {
                let mut groups = regex.create_captures();
                regex.captures(Input::new(text).range(at..).anchored(Anchored::Yes), &mut groups);
                found.extend(groups.get_group_by_name("value").map(|value| (value.start, value.end)));
                continue;
            }
            Shape::Term(term) => text[at..]
                .starts_with(term.as_bytes())
                .then_some(at + term.len())
                .filter(|end| !((at > 0 && word(at - 1) && word(at)) || (word(end - 1) && word(*end)))),
        };
        found.extend(end.map(|end| (at, end)));
    }
    found
}

fn whole_match(regex: &Regex, text: &[u8]) -> bool {
    regex.find(Input::new(text).anchored(Anchored::Yes)).is_some_and(|found| found.end() == text.len())
}

fn is_near(rule: &Rule, text: &[u8], start: usize, end: usize) -> bool {
    let Some((keyword, before, after)) = rule.near else { return true };
    let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let inside = |from: usize, to: usize| {
        (from..to).any(|at| {
            let stop = at + keyword.len();
            stop <= to && text[at..].starts_with(keyword.as_bytes()) && !word(at.checked_sub(1)) && !word(Some(stop))
        })
    };
    inside(start.saturating_sub(before), start) || inside(end, text.len().min(end + after))
}

/// The redacted text and the findings: rule and place.
pub(crate) fn redact(rules: &[Rule], text: &[u8]) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut all = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut free = 0;
        for (start, end) in matches(rule, text) {
            if start >= free && is_near(rule, text, start, end) {
                all.push((start, std::cmp::Reverse(end), index));
                free = end;
            }
        }
    }
    all.sort_unstable();
    let (mut out, mut left, mut findings) = (Vec::new(), 0, Vec::new());
    for (start, std::cmp::Reverse(end), index) in all {
        if end <= left {
            continue;
        }
        findings.push((index, start));
        if start > left {
            out.extend_from_slice(&text[left..start]);
        }
        if rules[index].masks {
            out.extend(text[start.max(left)..end].iter().map(|b| if b.is_ascii_alphanumeric() { b'*' } else { *b }));
        } else {
            out.extend_from_slice(format!("[{}]", rules[index].entity).as_bytes());
        }
        left = end;
    }
    out.extend_from_slice(&text[left..]);
    (out, findings)
}
