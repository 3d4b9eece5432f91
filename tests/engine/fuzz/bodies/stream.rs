//! Any text under any of a few rule sets, by any chunking.

use std::cell::RefCell;
use std::sync::OnceLock;

use blackbar::body::Direction;
use blackbar::engine::{
    Action, Detector, HashKey, Keywords, Output, Pattern, RuleSpec, Suppression, TermList, Validator,
};

use super::{Choices, Cuts, Rules, Subject};
use crate::support::{keyword, regex, set, spec, usual};

/// The rule sets, compiled once.
pub(super) fn sets() -> &'static [Rules] {
    static SETS: OnceLock<Vec<Rules>> = OnceLock::new();
    SETS.get_or_init(|| vec![usual(), packs(), terms(), hostile()])
}

/// The packs that hold where nothing is told.
fn packs() -> Rules {
    let loaded = blackbar::policy::load_rules(None).expect("the packs compile");
    let scopes = loaded.scopes(Direction::Request);
    (scopes.rules.clone(), scopes.actions.clone())
}

/// Lists, words beside matches, and values that are none.
fn terms() -> Rules {
    let key = HashKey::new([3; 32]);
    let hashed: Vec<_> =
        ["Jane Doe", "van der Linden", "Ünal"].iter().filter_map(|value| TermList::hash(&key, value)).collect();
    let longest = hashed.iter().map(|term| term.len).max().unwrap_or(0);
    let hashed = TermList::hashed(&key, &[1, 2, 3], longest, hashed.iter().map(|term| term.hash).collect());
    let plain = TermList::new(["Jane Doe", "Jane", "Acme Holding", "José Núñez", "O'Neil-4 1", "41 11"]);
    let near = RuleSpec { keywords: keyword("ssn", 12, 0), ..regex("near", r"\b[0-9]{9}\b", None) };
    let words = Keywords { words: vec!["badge".to_owned(), "no".to_owned()], before: 6, after: 8 };
    let late = RuleSpec { keywords: Some(words), ..regex("late", "N[0-9]{3}", None) };
    let luhn = RuleSpec { validator: Validator::by_name("luhn"), ..regex("luhn", r"[0-9]{4,6}", None) };
    let suppressions = vec![
        Suppression::EmailDomain("acme.com".to_owned()),
        Suppression::EmailDomain("*.acme.com".to_owned()),
        Suppression::Value("info@example.com".to_owned()),
    ];
    let mail = RuleSpec { suppressions, ..spec("mail", Pattern::Detector(Detector::Email)) };
    set(
        vec![
            spec("name", Pattern::Terms(plain.expect("six values"))),
            spec("hashed", Pattern::Terms(hashed.expect("three values"))),
            near,
            late,
            luhn,
            mail,
        ],
        vec![Action::Redact, Action::Hash, Action::Mask, Action::Redact, Action::KeepLast4, Action::MaskDomain],
    )
}

/// Expressions that overlap, have no end, no beginning or no literal, and every action. No match is long, so that what
/// is held is bounded tightly.
fn hostile() -> Rules {
    let rules = [
        (regex("endless", r"1[1-]*1", Some(3)), Action::Mask),
        (regex("class", r"[a1]{2} ", None), Action::KeepLast4),
        (RuleSpec { keywords: keyword("a", 2, 2), ..regex("near", "--", None) }, Action::Redact),
        (regex("value", r"-[ .]?(?<value>[a1]{1,2})[@-]?", None), Action::Remove),
        (regex("word", r"\b\w{3,6}[0-9]\b", None), Action::Hash),
        (regex("begins", r"^[a-z]{2}[0-9]", None), Action::Redact),
        (regex("ends", r"x+$", Some(5)), Action::Redact),
        (regex("nested", r"(?:a|aa|b.?){1,4}c", None), Action::Replace("<>".into())),
        (regex("any", r"<[^>]+>", Some(8)), Action::Mask),
        (regex("scripts", r"\p{Greek}{2,3}é?", None), Action::Mask),
        (regex("one", "abcdef", None), Action::Redact),
        (regex("two", "(?i)defghi", None), Action::Mask),
        (regex("three", "hijkl", None), Action::Observe),
        (RuleSpec { priority: 1, ..regex("four", "[h-l]{5}", None) }, Action::Redact),
        (regex("off", "[0-9]", None), Action::Off),
        (regex("blocked", r"KEY-[0-9]{3}", None), Action::Block),
    ];
    let (specs, actions) = rules.into_iter().unzip();
    set(specs, actions)
}

/// An input is rules, cuts, how long a label is, the label, and the text.
pub(crate) fn stream(data: &[u8]) {
    thread_local! {
        static SUBJECTS: RefCell<Vec<Subject>> = RefCell::new(sets().iter().map(Subject::new).collect());
    }
    let mut choices = Choices(data);
    let chosen = choices.below(sets().len());
    let cuts = Cuts::chosen(&mut choices);
    let label = if choices.byte() % 4 == 0 { choices.take(24) } else { &[] };
    let text = choices.rest();
    SUBJECTS.with_borrow_mut(|subjects| {
        let subject = &mut subjects[chosen];
        let run = subject.check(label, text, cuts);
        // A whole text in one call.
        let mut out = Output::default();
        subject.whole.begin_labelled(&subject.actions, label);
        let last = subject.whole.push_last(text, &mut out).map_err(|blocked| blocked.rule).err();
        assert!(
            (&out.bytes, &out.findings, last) == (&run.text, &run.findings, run.blocked),
            "{:?} behind {:?} in one call\nwhole {:?} {:?}\nlast  {:?} {:?}",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(label),
            String::from_utf8_lossy(&run.text),
            run.findings,
            String::from_utf8_lossy(&out.bytes),
            out.findings,
        );
        assert!(run.blocked.is_some() || subject.whole.held() == 0);
    });
}
