//! Lists of terms: large ones within their memory and time, hashed ones at every split.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test that measures says what it found")]

use std::sync::Arc;
use std::time::Instant;

use blackbar::engine::{Action, HashKey, Pattern, TermList};

use crate::support::{run, set, spec};

/// Names of two words, each of them once; the first of them is `Bababa Bababa`.
fn names(count: usize) -> String {
    const SYLLABLES: [&str; 32] = [
        "ba", "be", "bi", "bo", "da", "de", "di", "do", "ka", "ke", "ki", "ko", "la", "le", "li", "lo", "ma", "me",
        "mi", "mo", "na", "ne", "ni", "no", "ra", "re", "ri", "ro", "sa", "se", "si", "so",
    ];
    let mut text = String::with_capacity(count * 14);
    for number in 0..count {
        for part in 0..2 {
            let digits = number >> (part * 10) & 0x3FF | (number & 0x1F) << 10;
            for (place, shift) in [10, 5, 0].into_iter().enumerate() {
                let syllable = SYLLABLES[digits >> shift & 0x1F];
                let (first, rest) = syllable.split_at(1);
                if place == 0 {
                    text.push_str(&first.to_uppercase())
                } else {
                    text.push_str(first)
                }
                text.push_str(rest);
            }
            text.push(if part == 0 { ' ' } else { '\n' });
        }
    }
    text
}

/// The kernel's high-water mark of this process's resident memory.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn large(count: usize) {
    let values = names(count);
    let before = peak();
    let started = Instant::now();
    let list = TermList::new(values.lines()).unwrap();
    let built = started.elapsed();
    let above = peak().saturating_sub(before);
    assert_eq!(list.len(), values.lines().collect::<std::collections::HashSet<_>>().len());
    let (rules, actions) = set(vec![spec("name", Pattern::Terms(list))], vec![Action::Redact]);
    // Prose with one of the names in every 2,000 bytes, and names that are none of them.
    let mut text = String::new();
    while text.len() < 4 << 20 {
        let name = values.lines().nth(text.len() * 7 % count.min(1000)).unwrap();
        text.push_str(name);
        text.push_str(&" the order of Bababe Kokoxo was sent to him last week and came back on Monday".repeat(26));
        text.push(' ');
    }
    let started = Instant::now();
    let found = run(&rules, &actions, &[text.as_bytes()]);
    let speed = text.len() as f64 / started.elapsed().as_secs_f64() / 1e6;
    assert!(found.findings.len() > text.len() / 2200, "{}", found.findings.len());
    println!("{count} names: built in {built:?}, {} KiB above {} KiB, {speed:.0} MB/s", above >> 10, before >> 10);
    // The list, its folded copy and the places of its values.
    assert!(above < 200 << 20, "{above} bytes");
}

#[test]
fn a_hundred_thousand_names() {
    large(100_000);
}

#[test]
fn a_million_names() {
    if std::env::var_os("BLACKBAR_LONG").is_some() {
        large(1_000_000);
    }
}

#[test]
fn accents_and_width_do_not_hide_a_name() {
    let list = TermList::new(["José Núñez", "Zoe\u{308}"]).unwrap();
    let (rules, actions) = set(vec![spec("name", Pattern::Terms(list))], vec![Action::Redact]);
    let text = "JOSE\u{301} nu\u{301}n\u{303}ez, Zoë, Jose Nunez, ｊｏｓé núñez, Zoë\u{301}";
    let wanted = "[NAME], [NAME], Jose Nunez, [NAME], Zoë\u{301}";
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        assert_eq!(run(&rules, &actions, &[head, tail]).text, wanted.as_bytes(), "at {cut}");
    }
}

#[test]
fn hashed_names_are_found_at_every_split() {
    let key = HashKey::new([3; 32]);
    let values = ["Jane Doe", "Jane", "Doe van der Linden", "Ünal"];
    let terms: Vec<_> = values.iter().map(|value| TermList::hash(&key, value).unwrap()).collect();
    let longest = terms.iter().map(|term| term.len).max().unwrap();
    let hashes = terms.iter().map(|term| term.hash).collect();
    let list = TermList::hashed(&key, &[1, 2, 4], longest, hashes).unwrap();
    let (rules, actions) = set(vec![spec("name", Pattern::Terms(list))], vec![Action::Redact]);
    let text = "jane, doe; JANE — doe van-der  linden. janet jane u\u{308}nal \u{fffd} jane doe van derlinden";
    let wanted = "[NAME]; [NAME] van-der  linden. janet [NAME] [NAME] \u{fffd} [NAME] van derlinden";
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        let found = run(&rules, &actions, &[head, tail]);
        assert_eq!(String::from_utf8(found.text).unwrap(), wanted, "at {cut}");
        assert!(found.peak <= rules.holdback());
    }
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(run(&rules, &Arc::clone(&actions), &bytes).text, wanted.as_bytes());
}
