//! Texts that are made to be slow: near misses of every rule, and units of one thing over and over.

use std::fmt::Write as _;

use super::Corpus;
use super::Kind;
use super::random::{BASE32, BASE62, BASE64_URL, DIGITS, HEX, LOWER, Random, UPPER};
use super::values::{card, grouped, iban_of, value};

/// Near misses: everything begins like a value and fails late. Nothing is planted; chance makes some findings.
pub(crate) fn adversarial(size: usize, seed: u64) -> Corpus {
    let mut random = Random::new(seed ^ 0x4144_5645);
    let mut corpus = Corpus::with_capacity(size);
    while corpus.text.len() < size {
        for _ in 0..random.between(6, 14) {
            near_miss(&mut corpus.text, &mut random);
            corpus.push(random.pick(&[" ", " ", ",", ";", "|", "/", "\t"]));
        }
        corpus.push("\n");
    }
    corpus
}

fn near_miss(text: &mut String, random: &mut Random) {
    let _ = match random.below(32) {
        0..=2 => write!(text, "{}", wrong_card(random)),
        3 => write!(text, "{}", random.string(DIGITS, 40)),
        4 => write!(text, "9{}-{}-{}", random.string(DIGITS, 2), random.string(DIGITS, 2), random.string(DIGITS, 4)),
        5 => write!(text, "{}-00-{}", random.string(DIGITS, 3), random.string(DIGITS, 4)),
        6 => write!(text, "({}) 1{}-{}", random.string(DIGITS, 3), random.string(DIGITS, 2), random.string(DIGITS, 4)),
        7 => write!(text, "+{}", random.string(DIGITS, 6)),
        8 => write!(text, "{}@", random.string(LOWER, 12)),
        9 => write!(text, "{}@{}", random.string(LOWER, 8), random.string(LOWER, 8)),
        10 => write!(text, "a.b.c.d.e.f.{}@{}.1", random.string(LOWER, 4), random.string(LOWER, 6)),
        11 => write!(text, "{}", wrong_iban(random)),
        12 => write!(text, "{}", random.string(UPPER, 2) + &random.string(DIGITS, 2) + &random.string(UPPER, 30)),
        13 => {
            let mut octet = || random.between(256, 999);
            write!(text, "{}.{}.{}.{}", octet(), octet(), octet(), octet())
        }
        14 => write!(text, "{}.{}.{}.", random.below(256), random.below(256), random.below(256)),
        15 => write!(text, "{}", colons(random, 6)),
        16 => write!(text, "{}:", colons(random, 3)),
        17 => write!(text, "AKI{}", random.string(BASE32, 17)),
        18 => write!(text, "AKIA{}", random.string(BASE32, 15)),
        19 => write!(text, "sk_{}", random.string(BASE62, 30)),
        20 => write!(text, "sk-{}", random.string(BASE64_URL, 12)),
        21 => write!(text, "ghp_{}", random.string(BASE62, 35)),
        22 => write!(text, "eyJ{}.eyJ{}", random.string(BASE64_URL, 24), random.string(BASE64_URL, 40)),
        23 | 24 => {
            let length = random.between(40, 200);
            write!(text, "{}", random.string(BASE64_URL, length))
        }
        // Runs in which every group may begin a value while others are still open: an automaton's states multiply.
        25 | 26 => write!(text, "{}", run(random, DIGITS, 4, " -")),
        27 | 28 => write!(text, "{}", run(random, b"ABCDEFGHIJ0123456789", 5, "  ")),
        29 => write!(text, "{}", run(random, HEX, 5, "::")),
        30 => write!(text, "{}", run(random, DIGITS, 3, ".-")),
        _ => write!(text, "{}", run(random, b"abcdef0123456789", 4, ".:")),
    };
}

/// Groups of up to `longest` characters with one of two separators between them.
fn run(random: &mut Random, alphabet: &[u8], longest: usize, separators: &str) -> String {
    let (one, other) = separators.split_at(1);
    let mut text = String::new();
    for _ in 0..random.between(8, 24) {
        let length = random.between(1, longest);
        text.push_str(&random.string(alphabet, length));
        text.push_str(random.pick(&[one, other]));
    }
    text
}

/// A card number with one digit changed, so that the check digit is wrong.
fn wrong_card(random: &mut Random) -> String {
    let mut number = card(random);
    let last = number.pop().and_then(|digit| digit.to_digit(10)).unwrap_or(0);
    let _ = write!(number, "{}", (last + 1) % 10);
    number
}

fn wrong_iban(random: &mut Random) -> String {
    let right = iban_of("DE", &random.string(DIGITS, 18));
    let (country, rest) = right.split_at(2);
    let (check, national) = rest.split_at(2);
    let check = check.parse::<u32>().unwrap_or(2);
    let wrong = format!("{country}{:02}{national}", (check + 1) % 100);
    if random.once_in(2) { grouped(&wrong, &[4; 6], " ").trim_end().to_owned() } else { wrong }
}

fn colons(random: &mut Random, groups: usize) -> String {
    let groups: Vec<String> = (0..groups).map(|_| random.string(HEX, 4)).collect();
    groups.join(":")
}

/// Pieces that worst cases repeat: every class of byte, and what makes a scanner begin and give up.
const REPEATED: &[(&str, &str)] = &[
    ("letters", "a"),
    ("capitals", "A"),
    ("zeros", "0"),
    ("nines", "9"),
    ("fours", "4"),
    ("spaces", " "),
    ("line ends", "\n"),
    ("tabs", "\t"),
    ("dots", "."),
    ("dashes", "-"),
    ("ats", "@"),
    ("colons", ":"),
    ("slashes", "/"),
    ("backslashes", "\\"),
    ("percents", "%"),
    ("pluses", "+"),
    ("parentheses", "("),
    ("underscores", "_"),
    ("equals", "="),
    ("quotes", "\""),
    ("ampersands", "&"),
    ("nul", "\0"),
    ("e acute", "é"),
    ("CJK", "号"),
    ("emoji", "😀"),
    ("zero-width spaces", "\u{200b}"),
    ("full-width digits", "４"),
    ("Arabic digits", "٤"),
    ("1 1 1", "1 "),
    ("1-1-1", "1-"),
    ("1.1.1", "1."),
    ("1,1,1", "1,"),
    ("12 12 12", "12 "),
    ("1234 1234", "1234 "),
    ("4 per line", "4\n"),
    ("aA0", "aA0"),
    ("a a a", "a "),
    ("A A A", "A "),
    ("a1 a1", "a1 "),
    ("a-a-a", "a-"),
    ("a.a.a", "a."),
    ("a_a_a", "a_"),
    ("a@a@a", "a@"),
    ("a@ a@", "a@ "),
    ("@a.a", "@a."),
    ("a@a.", "a@a."),
    ("+1+1", "+1"),
    ("+1 +1", "+1 "),
    ("(212)(212)", "(212)"),
    ("(212) 555-", "(212) 555-"),
    ("+44 20", "+44 20 "),
    ("a:a:a", "a:"),
    ("0:0:0", "0:"),
    ("::1::1", "::1"),
    ("ffff:", "ffff:"),
    ("1.1.1.1.", "255.255.255."),
    ("000-00-", "000-00-"),
    ("123-45-", "123-45-"),
    ("DE00 0000", "DE00 0000 "),
    ("ZZ99", "ZZ99"),
    ("AB12 ABCD", "AB12 ABCD "),
    ("AKIA", "AKIA"),
    ("AKIA with space", "AKIA "),
    ("sk-", "sk-"),
    ("sk-proj- with space", "sk-proj- "),
    ("ghp_", "ghp_"),
    ("eyJ", "eyJ"),
    ("eyJ.", "eyJhbGciOi."),
    ("%41", "%41"),
    ("%34 of digits", "%34"),
    ("%", "%%4"),
    ("\\u0041", "\\u0041"),
    ("\\u0034", "\\u0034"),
    ("\\n", "\\n"),
    ("\\\\", "\\\\\""),
    ("&#65;", "&#65;"),
    ("&#52;", "&#52;"),
    ("&amp;", "&amp;"),
    ("=34", "=34"),
    ("=\\n", "4=\n"),
    ("0x34", "0x34"),
    ("hexadecimal", "34313131"),
    ("labels", "card ssn iban phone password "),
    ("label and colon", "password: "),
    ("label=digits", "ssn=1234567890 "),
    ("key=value", "key=value&"),
    ("JSON", "{\"a\":1},"),
    ("XML", "<a>1</a>"),
    ("URL", "http://a.b/c?d=e "),
    ("URL userinfo", "http://a:b@"),
    ("-----BEGIN", "-----BEGIN "),
    ("spelled at", "a at a dot "),
];

/// Named texts of `size` bytes, each of them the same thing over and over, or random within one class of bytes.
pub(crate) fn worst_cases(size: usize, seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut random = Random::new(seed ^ 0x574f_5253);
    let mut all: Vec<(String, Vec<u8>)> =
        REPEATED.iter().map(|(name, piece)| ((*name).to_owned(), piece.bytes().cycle().take(size).collect())).collect();
    let alphabets: [(&str, &[u8]); 13] = [
        ("random digits", DIGITS),
        ("random digits and spaces", b"0123456789 "),
        ("random digits and dashes", b"0123456789-"),
        ("random digits and dots", b"0123456789."),
        ("random digits and colons", b"0123456789abcdef:"),
        ("random token bytes", BASE62),
        ("random base64", BASE64_URL),
        ("random base32 and spaces", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 "),
        ("random number punctuation", b"0123456789 -.()+/"),
        ("random address bytes", b"abc.-_@+ "),
        ("random separators", b" .-_/:@%+,;()[]{}<>=&\"'\\\n"),
        ("random prefixes", b"AKISekghpoJ-_ y"),
        ("random escapes", b"\\u0034%41&#;x=n"),
    ];
    for (name, alphabet) in alphabets {
        all.push((name.to_owned(), random.string(alphabet, size).into_bytes()));
    }
    all.push(("random bytes".to_owned(), (0..size).map(|_| random.next().to_le_bytes()[0]).collect()));
    for (kind, _) in Kind::SHARES {
        all.push((format!("nothing but {}", kind.name()), dense(kind, size, &mut random)));
    }
    let mut cards = String::new();
    while cards.len() < size {
        cards.push_str(&wrong_card(&mut random));
        cards.push(' ');
    }
    all.push(("nothing but wrong cards".to_owned(), cards.bytes().take(size).collect()));
    all
}

fn dense(kind: Kind, size: usize, random: &mut Random) -> Vec<u8> {
    let mut text = String::with_capacity(size + 512);
    while text.len() < size {
        text.push_str(&value(kind, random));
        text.push(' ');
    }
    text.bytes().take(size).collect()
}
