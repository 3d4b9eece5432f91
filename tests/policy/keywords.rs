//! The words of bundled rules in the spellings that people and programs give them.

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Output, RuleSet, StreamRedactor};
use blackbar::policy::{bundled_names, bundled_pack, load_rules};
use tempfile::TempDir;

/// Letters by their last accent, with what is left without it.
const ACCENTS: [(char, &str, &str); 18] = [
    ('\u{300}', "àèìòùằầềồờừ", "aeiouăâêôơư"),
    ('\u{301}', "áéíóúýćńśάέήίόύώѓấếốớứ", "aeiouycnsαεηιουωгâêôơư"),
    ('\u{302}', "âêîôûậệộ", "aeiouạẹọ"),
    ('\u{303}', "ãñõ", "ano"),
    ('\u{304}', "āēī", "aei"),
    ('\u{306}', "ăğй", "agи"),
    ('\u{307}', "ċėż", "cez"),
    ('\u{308}', "äëöüϊёї", "aeouιеі"),
    ('\u{309}', "ảẻểổ", "aeêô"),
    ('\u{30a}', "åů", "au"),
    ('\u{30b}', "őű", "ou"),
    ('\u{30c}', "čďěľňřšťžǎ", "cdelnrstza"),
    ('\u{31b}', "ơư", "ou"),
    ('\u{323}', "ạẹịọợụự", "aeioơuư"),
    ('\u{326}', "șț", "st"),
    ('\u{327}', "çģķļņşţ", "cgklnst"),
    ('\u{328}', "ąęįų", "aeiu"),
    ('\u{331}', "ḇḏ", "bd"),
];
/// Letters that have no accent, as who has no such key writes them.
const LETTERS: [(char, &str); 10] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('þ', "th"),
    ('ı', "i"),
    ('ħ', "h"),
];
/// The same where an accent is written as a letter.
const OTHERS: [(char, &str); 8] =
    [('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('ß', "ss"), ('ø', "oe"), ('å', "aa"), ('æ', "ae"), ('đ', "d")];

/// A letter without its accents, and these, the innermost first.
fn decomposed(letter: char) -> (char, String) {
    for (accent, letters, bases) in ACCENTS {
        if let Some(place) = letters.chars().position(|known| known == letter) {
            let (base, mut accents) = decomposed(bases.chars().nth(place).unwrap());
            accents.push(accent);
            return (base, accents);
        }
    }
    (letter, String::new())
}

fn replaced(word: &str, table: &[(char, &str)]) -> String {
    let known = |letter| table.iter().find(|(known, _)| *known == letter).map(|(_, other)| (*other).to_owned());
    word.chars().map(|letter| known(letter).unwrap_or_else(|| letter.to_string())).collect()
}

/// The spellings of a word that differ from it.
fn spellings(word: &str) -> Vec<String> {
    let apart: String = word
        .chars()
        .map(|letter| {
            let (base, accents) = decomposed(letter);
            format!("{base}{accents}")
        })
        .collect();
    let bare = |word: &str| word.chars().map(|letter| decomposed(letter).0).collect::<String>();
    let folded = replaced(&bare(word), &LETTERS);
    let other = replaced(&bare(&replaced(word, &OTHERS)), &LETTERS);
    // Without its letter an abbreviation is another one: `đt` is a telephone, `dt` is not.
    let abbreviates = word.contains('đ') && word.chars().count() <= 2;
    let mut all = vec![word.to_uppercase(), apart.clone(), apart.to_uppercase()];
    if !abbreviates {
        all.extend([folded.to_uppercase(), folded, other.to_uppercase(), other]);
    }
    all.retain(|spelling| spelling != word);
    all
}

/// The bundled rules, all of them, where every finding is told.
struct Bundled {
    rules: Arc<RuleSet>,
    actions: Arc<ActionTable>,
}

impl Bundled {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, "version = 1\npacks = [\"all\"]\n").unwrap();
        let rules = load_rules(Some(&path)).unwrap().rules;
        let actions = Arc::new(ActionTable::new(vec![Action::Observe; rules.rules().len()], None));
        Self { rules, actions }
    }

    /// What a rule finds in a text.
    fn found<'text>(&self, id: &str, text: &'text str) -> Vec<&'text str> {
        let mut out = Output::default();
        StreamRedactor::new(self.rules.clone(), self.actions.clone()).push_last(text.as_bytes(), &mut out).unwrap();
        let own = out.findings.iter().filter(|finding| self.rules.rules()[finding.rule].id.as_str() == id);
        own.filter_map(|finding| text.get(finding.span.start as usize..finding.span.end as usize)).collect()
    }
}

/// Every word with letters beyond ASCII, beside a value that its rule finds there, is as good in capitals, with its accents
/// as characters of their own, without them, and with `ue` for `ü`.
#[test]
fn words_count_in_every_spelling() {
    let bundled = Bundled::new();
    let (mut words, mut spelled, mut silent, mut missed) = (0, 0, Vec::new(), Vec::new());
    let mut packs: Vec<&str> = bundled_names().filter_map(bundled_pack).flatten().copied().collect();
    packs.sort_unstable();
    packs.dedup();
    for rule in packs.into_iter().flat_map(rules_of) {
        let id = rule["id"].as_str().unwrap();
        let Some(keywords) = rule.get("keywords") else { continue };
        let behind = keywords.get("before").is_some_and(|before| before.as_integer() == Some(0));
        let examples = texts(rule.get("examples"));
        let values: Vec<&str> = examples.iter().flat_map(|example| bundled.found(id, example)).collect();
        let counts = |word: &str, joint: &str, value: &str| {
            let text = if behind { format!("{value}{joint}{word}") } else { format!("{word}{joint}{value}") };
            bundled.found(id, &text).contains(&value)
        };
        for word in texts(keywords.get("words")).into_iter().filter(|word| !word.is_ascii()) {
            words += 1;
            let places =
                [": ", " ", " nr. "].into_iter().flat_map(|joint| values.iter().map(move |value| (joint, *value)));
            let Some((joint, value)) = places.clone().find(|(joint, value)| counts(word, joint, value)) else {
                silent.push(format!("{id}: {word}"));
                continue;
            };
            for spelling in spellings(word) {
                spelled += 1;
                if !counts(&spelling, joint, value) {
                    missed.push(format!("{id}: {word} as {spelling}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} of {spelled}:\n{}", missed.len(), missed.join("\n"));
    assert!(words > 1500 && spelled > 4000, "{words} {spelled}");
    assert!(silent.len() < 20, "{} of {words}:\n{}", silent.len(), silent.join("\n"));
}

fn rules_of(pack: &str) -> Vec<toml::Value> {
    let table: toml::Table = pack.parse().unwrap();
    table.get("rule").and_then(toml::Value::as_array).cloned().unwrap_or_default()
}

fn texts(list: Option<&toml::Value>) -> Vec<&str> {
    list.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str).collect()
}
