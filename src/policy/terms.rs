//! Lists of `[[terms]]`: files with one value a line, or with keyed hashes of values; compiled lists out.
//!
//! Diagnostics name lines, never values. Also makes a file of hashes from values.

use std::io::BufRead;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::engine::{HashKey, HashedTerm, MAX_WORDS, TermList};

use super::credentials::{Inspector, key_bytes};
use super::diagnostic::{Place, Report};
use super::files::{Disk, Value, beside};

/// Largest list of terms.
const TERMS_LIMIT: u64 = 128 << 20;
/// Most terms of a list.
const TERMS_COUNT: usize = 1_000_000;
/// Longest term in bytes.
const TERM_LENGTH: usize = 512;
/// The first line of a file of hashes.
const MAGIC: &str = "blackbar-hashed-terms 1";

/// The key of `hashed = { key = … }`.
pub(super) fn key(value: &Value<'_>, file: &Path, disk: &mut Disk, report: &mut Report) -> Option<HashKey> {
    let mut fields = value.table("hashed", report)?;
    let key = fields.wanted("key", "write { key = { file = \"…\" } } or { key = { env = \"…\" } }", report);
    fields.finish(report);
    // Whether keys that others may read are errors is the configuration's to say: here they are warned of.
    Inspector { disk, report, strict: false, now: UNIX_EPOCH }.hash_key(&key?, file)
}

/// Reads the list that `name` means, seen from `file`: of hashes under `key`, or of values.
pub(super) fn read(
    (file, name): (&Path, &str),
    place: &Place,
    key: Option<&HashKey>,
    disk: &mut Disk,
    report: &mut Report,
) -> Option<TermList> {
    let path = beside(file, name);
    let contents = disk.wanted(&path, TERMS_LIMIT, place, report)?;
    let mut fault = |message: String, help: &str| {
        report.error(place, "terms", message).help(help);
    };
    let bytes = contents.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&contents.bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            fault(format!("line {line} of {} is not UTF-8", path.display()), "save the list as UTF-8");
            return None;
        }
    };
    let made = match (text.lines().next() == Some(MAGIC), key) {
        (true, Some(key)) => hashes(text, key),
        (false, None) => values(text),
        (true, None) => Err(("holds hashes".to_owned(), "add hashed = { key = { file = \"…\" } }")),
        (false, Some(_)) => {
            Err(("does not hold hashes".to_owned(), "make it with `blackbar rules hash-terms`, or remove `hashed`"))
        }
    };
    made.map_err(|(message, help)| fault(format!("{} {message}", path.display()), help)).ok()
}

/// What is wrong with a list, and the way out.
type Wrong = (String, &'static str);

fn values(text: &str) -> Result<TermList, Wrong> {
    let all = || text.lines().map(str::trim).filter(|value| !value.is_empty());
    if let Some(line) = text.lines().position(|value| value.trim().len() > TERM_LENGTH) {
        let message = format!("has a value of more than {TERM_LENGTH} bytes in line {}", line + 1);
        return Err((message, "write one value a line"));
    }
    match all().count() {
        0 => Err(("has no values".to_owned(), "write one value a line")),
        count if count > TERMS_COUNT => Err((format!("has more than {TERMS_COUNT} values"), "split the list")),
        _ => TermList::new(all()).map_err(|_| ("does not compile".to_owned(), "split the list")),
    }
}

fn hashes(text: &str, key: &HashKey) -> Result<TermList, Wrong> {
    let damaged = |line: usize| (format!("is damaged in line {line}"), "make it anew with `blackbar rules hash-terms`");
    let mut lines = text.lines().enumerate().skip(1);
    let mut header = |name: &str| {
        let (at, line) = lines.next().ok_or_else(|| damaged(2))?;
        let numbers = line.strip_prefix(name).ok_or_else(|| damaged(at + 1))?.split_whitespace();
        numbers
            .map(|number| number.parse::<usize>().map_err(|_| damaged(at + 1)))
            .collect::<Result<Vec<usize>, Wrong>>()
    };
    let words = header("words ")?;
    let longest = header("longest ")?.first().copied().unwrap_or(0);
    let mut found = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        found.push(hexadecimal(line).ok_or_else(|| damaged(at + 1))?);
        if found.len() > TERMS_COUNT {
            return Err((format!("has more than {TERMS_COUNT} values"), "split the list"));
        }
    }
    TermList::hashed(key, &words, longest, found).map_err(|_| damaged(2))
}

fn hexadecimal(line: &str) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    let mut digits = line.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    for slot in &mut hash {
        *slot = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(hash)
}

/// Why a file of hashes could not be made.
#[derive(Debug)]
pub enum HashTermsError {
    /// The key cannot be read.
    Key(std::io::Error),
    /// The key is not 32 bytes, nor 64 hexadecimal digits, nor base64 of 32 bytes.
    KeyForm,
    /// The values cannot be read.
    Values(std::io::Error),
    /// A line whose value has no word, more than six, or more than 512 bytes.
    Value(usize),
    /// More than a million values, or none.
    Count,
}

impl std::fmt::Display for HashTermsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(error) => write!(f, "the key cannot be read: {error}"),
            Self::KeyForm => f.write_str("the key is not 32 bytes; make one with `openssl rand -out FILE 32`"),
            Self::Values(error) => write!(f, "the values cannot be read: {error}"),
            Self::Value(line) => {
                write!(f, "line {line}: a value needs 1 to {MAX_WORDS} words and at most {TERM_LENGTH} bytes")
            }
            Self::Count => write!(f, "1 to {TERMS_COUNT} values are needed, one a line"),
        }
    }
}

impl std::error::Error for HashTermsError {}

/// The file of hashes of `values`, one a line, under the key in the file `key`. The hashes are sorted, so that their
/// order tells nothing.
///
/// # Errors
/// What cannot be read, or a value that cannot be hashed, by its line.
pub fn hash_terms(key: &Path, values: impl BufRead) -> Result<String, HashTermsError> {
    let bytes = zeroize::Zeroizing::new(std::fs::read(key).map_err(HashTermsError::Key)?);
    let key = key_bytes(&bytes).ok_or(HashTermsError::KeyForm)?;
    let mut terms: Vec<HashedTerm> = Vec::new();
    for (at, line) in values.lines().enumerate() {
        let line = line.map_err(HashTermsError::Values)?;
        let value = line.trim().trim_start_matches('\u{feff}');
        if value.is_empty() {
            continue;
        }
        terms.push(TermList::hash(&key, value).ok_or(HashTermsError::Value(at + 1))?);
        if terms.len() > TERMS_COUNT {
            return Err(HashTermsError::Count);
        }
    }
    terms.sort_unstable();
    terms.dedup();
    let longest = terms.iter().map(|term| term.len).max().ok_or(HashTermsError::Count)?;
    let words = (1..=MAX_WORDS).filter(|words| terms.iter().any(|term| term.words == *words));
    let words: Vec<String> = words.map(|words| words.to_string()).collect();
    let mut text = format!("{MAGIC}\nwords {}\nlongest {longest}\n", words.join(" "));
    for term in &terms {
        term.hash.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        text.push('\n');
    }
    Ok(text)
}
