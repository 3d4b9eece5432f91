//! Chat messages as people and models write them, clean prose, and chat as the JSON bodies of a chat API.

use std::fmt::Write as _;

use super::random::{DIGITS, Random};
use super::values::{any_kind, value};
use super::{Corpus, Planted};

/// Common words, the commonest first; a short tail of endings makes more of them.
const WORDS: &[&str] = &[
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "is",
    "that",
    "it",
    "for",
    "was",
    "on",
    "with",
    "as",
    "be",
    "at",
    "by",
    "this",
    "have",
    "from",
    "or",
    "had",
    "not",
    "are",
    "but",
    "what",
    "all",
    "were",
    "when",
    "we",
    "there",
    "can",
    "an",
    "your",
    "which",
    "their",
    "if",
    "will",
    "each",
    "about",
    "how",
    "up",
    "out",
    "them",
    "then",
    "many",
    "some",
    "so",
    "these",
    "would",
    "other",
    "into",
    "has",
    "more",
    "two",
    "like",
    "him",
    "see",
    "time",
    "could",
    "make",
    "than",
    "first",
    "been",
    "its",
    "who",
    "now",
    "people",
    "over",
    "down",
    "only",
    "way",
    "find",
    "use",
    "may",
    "water",
    "long",
    "little",
    "very",
    "after",
    "word",
    "called",
    "just",
    "where",
    "most",
    "know",
    "get",
    "through",
    "back",
    "much",
    "before",
    "go",
    "good",
    "new",
    "write",
    "our",
    "used",
    "me",
    "man",
    "too",
    "any",
    "day",
    "same",
    "right",
    "look",
    "think",
    "also",
    "around",
    "another",
    "came",
    "come",
    "work",
    "three",
    "must",
    "because",
    "does",
    "part",
    "even",
    "place",
    "well",
    "such",
    "here",
    "take",
    "why",
    "things",
    "help",
    "put",
    "years",
    "different",
    "away",
    "again",
    "off",
    "went",
    "old",
    "number",
    "great",
    "tell",
    "men",
    "say",
    "small",
    "every",
    "found",
    "still",
    "between",
    "name",
    "should",
    "home",
    "big",
    "give",
    "air",
    "line",
    "set",
    "own",
    "under",
    "read",
    "last",
    "never",
    "left",
    "end",
    "along",
    "while",
    "might",
    "next",
    "sound",
    "below",
    "saw",
    "something",
    "thought",
    "both",
    "few",
    "those",
    "always",
    "looked",
    "show",
    "large",
    "often",
    "together",
    "asked",
    "house",
    "world",
    "going",
    "want",
    "school",
    "important",
    "until",
    "form",
    "food",
    "keep",
    "children",
    "feet",
    "land",
    "side",
    "without",
    "boy",
    "once",
    "animal",
    "life",
    "enough",
    "took",
    "four",
    "head",
    "above",
    "kind",
    "began",
    "almost",
    "live",
    "page",
    "got",
    "earth",
    "need",
    "far",
    "hand",
    "high",
    "year",
    "mother",
    "light",
    "country",
    "father",
    "let",
    "night",
    "picture",
    "being",
    "study",
    "second",
    "soon",
    "story",
    "since",
    "white",
    "ever",
    "paper",
    "hard",
    "near",
    "sentence",
    "better",
    "best",
    "across",
    "during",
    "today",
    "however",
    "sure",
    "knew",
    "try",
    "told",
    "young",
    "sun",
    "thing",
    "whole",
    "hear",
    "example",
    "heard",
    "several",
    "change",
    "answer",
    "room",
    "sea",
    "against",
    "top",
    "turned",
    "learn",
    "point",
    "city",
    "play",
    "toward",
    "five",
    "himself",
    "usually",
    "money",
    "seen",
    "car",
    "morning",
    "body",
    "upon",
    "family",
    "later",
    "turn",
    "move",
    "face",
    "door",
    "cut",
    "done",
    "group",
    "true",
    "half",
    "red",
    "fish",
    "plants",
    "order",
    "invoice",
    "customer",
    "request",
    "server",
    "function",
    "value",
    "return",
    "error",
    "message",
    "account",
    "payment",
    "contract",
    "review",
    "summary",
    "translate",
    "explain",
    "policy",
    "schedule",
    "report",
    "meeting",
    "draft",
    "reply",
    "shipment",
    "delivery",
    "refund",
    "support",
    "ticket",
    "database",
    "query",
    "table",
];

const ENDINGS: &[&str] = &["s", "ed", "ing", "ly", "er", "ness", "able"];

const LEADS: &[&str] = &[
    "it is",
    "please use",
    "you can take",
    "they gave me",
    "that was",
    "my new one is",
    "she wrote",
    "the old entry,",
    "what about",
    "on file there is",
];

/// Whether, and how, numbers that are nobody's stand in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Clean,
    Chat,
}

/// Bytes between two planted values of chat, on average.
const DISTANCE: usize = 2180;

/// Chat message bodies one after another, `size` bytes of them; a value in about every 2.2 KB.
pub(crate) fn chat(size: usize, seed: u64) -> Corpus {
    prose(size, seed ^ 0x4348_4154, Flavour::Chat)
}

/// Prose in which nothing is to be found.
pub(crate) fn clean(size: usize, seed: u64) -> Corpus {
    prose(size, seed ^ 0x434c_4541, Flavour::Clean)
}

fn prose(size: usize, seed: u64, flavour: Flavour) -> Corpus {
    let mut random = Random::new(seed);
    let mut corpus = Corpus::with_capacity(size);
    let mut writer = Writer { flavour, next_value: random.below(2 * DISTANCE) };
    while corpus.text.len() < size {
        writer.message(&mut corpus, &mut random);
    }
    corpus
}

struct Writer {
    flavour: Flavour,
    /// The length of text after which the next value is due.
    next_value: usize,
}

impl Writer {
    /// A message: some paragraphs or a list, an empty line after each.
    fn message(&mut self, corpus: &mut Corpus, random: &mut Random) {
        for _ in 0..random.between(1, 5) {
            let list = random.once_in(6);
            for _ in 0..random.between(1, 6) {
                corpus.push(if list { "- " } else { "" });
                self.sentence(corpus, random);
                corpus.push(if list { "\n" } else { " " });
            }
            corpus.push("\n\n");
        }
    }

    fn sentence(&mut self, corpus: &mut Corpus, random: &mut Random) {
        let first = corpus.text.len();
        for place in 0..random.between(5, 19) {
            if place > 0 {
                corpus.push(if random.once_in(14) { ", " } else { " " });
            }
            if place > 0 && random.once_in(40) {
                self.ornament(corpus, random);
            } else {
                word(corpus, random);
            }
        }
        if let Some(letter) = corpus.text.get_mut(first..=first) {
            letter.make_ascii_uppercase();
        }
        if self.flavour == Flavour::Chat && corpus.text.len() >= self.next_value {
            self.next_value += random.between(1, 2 * DISTANCE - 1);
            self.planted(corpus, random);
        }
        corpus.push(random.pick(&[".", ".", ".", ".", "?", "!", ":", "…"]));
    }

    /// A value within the sentence, with something before it and lower-case prose or the sentence's end after it.
    fn planted(&mut self, corpus: &mut Corpus, random: &mut Random) {
        let kind = any_kind(random);
        let lead = random.pick(LEADS);
        let (open, close) = [("", ""), ("", ""), ("", ""), ("(", ")"), ("\"", "\""), ("`", "`")][random.below(6)];
        let _ = write!(corpus.text, " {lead} {open}");
        corpus.plant(kind, &value(kind, random));
        corpus.push(close);
        if random.once_in(2) {
            corpus.push(random.pick(&[" ", ", ", "; "]));
            word(corpus, random);
        }
    }

    /// What else stands in prose: numbers, names, links, code, letters of other languages.
    fn ornament(&mut self, corpus: &mut Corpus, random: &mut Random) {
        let text = &mut corpus.text;
        let _ = match random.below(14) {
            0 | 1 => write!(text, "{}", random.between(2, 99)),
            2 => write!(text, "{}", random.between(1900, 2030)),
            3 => write!(text, "${},{:03}.{:02}", random.between(1, 99), random.below(1000), random.below(100)),
            4 => write!(text, "{}.{}%", random.below(100), random.below(10)),
            5 => write!(text, "2026-{:02}-{:02}", random.between(1, 12), random.between(1, 28)),
            6 => write!(text, "don’t"),
            7 => write!(text, "the “{}” one —", random.pick(&["first", "other", "new"])),
            8 => write!(text, "café {}", random.pick(&["über", "naïve", "señal", "ça"])),
            9 => write!(text, "https://www.example.com/docs/{}", random.between(1, 400)),
            10 => write!(text, "`get_{}(x, {})`", random.pick(&["row", "user", "item"]), random.below(10)),
            11 => write!(text, "version {}.{}.{}", random.below(20), random.below(30), random.below(40)),
            12 => write!(text, "at {}:{:02}", random.below(24), random.below(60)),
            // Decimal fractions as programs print them; their digits look like a card's.
            _ if self.flavour == Flavour::Chat && random.once_in(2) => {
                write!(text, "{}.{}", random.below(3), random.string(DIGITS, 16))
            }
            _ => write!(text, "{}", random.pick(&["OpenStreet", "McKay", "JavaScript", "PostgreSQL", "GitHub"])),
        };
    }
}

fn word(corpus: &mut Corpus, random: &mut Random) {
    let place = random.below(WORDS.len()) * random.below(WORDS.len()) / WORDS.len();
    let word = WORDS[place];
    corpus.push(word);
    if word.len() > 4 && random.once_in(5) {
        corpus.push(random.pick(ENDINGS));
    }
}

/// Chat as request bodies of a chat API, one to a line, `size` bytes of them: what is planted lies in the messages.
pub(crate) fn chat_bodies(size: usize, seed: u64) -> Corpus {
    let mut random = Random::new(seed ^ 0x4a53_4f4e);
    let mut corpus = Corpus::with_capacity(size);
    let mut writer = Writer { flavour: Flavour::Chat, next_value: random.below(2 * DISTANCE) };
    let mut message = Corpus::default();
    while corpus.text.len() < size {
        corpus.push("{\"model\":\"gpt-5\",\"stream\":true,\"temperature\":0.7,\"messages\":[");
        for turn in 0..random.between(2, 12) {
            let role = if turn == 0 { "system" } else { ["assistant", "user"][turn % 2] };
            let _ = write!(corpus.text, "{}{{\"role\":\"{role}\",\"content\":\"", if turn == 0 { "" } else { "," });
            writer.next_value = writer.next_value.saturating_sub(message.text.len());
            message.text.clear();
            message.planted.clear();
            writer.message(&mut message, &mut random);
            append_escaped(&mut corpus, &message);
            corpus.push("\"}");
        }
        corpus.push("]}\n");
    }
    corpus
}

/// Appends a text as the inside of a JSON string (RFC 8259 section 7), with its planted places moved along.
fn append_escaped(corpus: &mut Corpus, message: &Corpus) {
    let mut planted = message.planted.iter();
    let mut next = planted.next();
    let mut begun = 0;
    let letters = message.text.char_indices().map(|(place, letter)| (place, Some(letter)));
    for (place, letter) in letters.chain([(message.text.len(), None)]) {
        if let Some(value) = next.filter(|value| value.end == place) {
            corpus.planted.push(Planted { kind: value.kind, start: begun, end: corpus.text.len() });
            next = planted.next();
        }
        if next.is_some_and(|value| value.start == place) {
            begun = corpus.text.len();
        }
        match letter {
            Some('"') => corpus.push("\\\""),
            Some('\\') => corpus.push("\\\\"),
            Some('\n') => corpus.push("\\n"),
            Some(letter) => corpus.text.push(letter),
            None => {}
        }
    }
}
