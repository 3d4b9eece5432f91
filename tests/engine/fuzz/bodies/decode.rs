//! A value in a sentence in base64 or hexadecimal, or any text at all.

use std::cell::RefCell;

use super::{Choices, Cuts, Subject};
use crate::spelling::{STANDARD, URL, VALUES, base64, hex, unbase64, unhex};
use crate::support::usual;

/// What may stand before a run and behind it without being a part of it.
const BEFORE: &[&str] = &["", "it is ", "x: ", "\"", "(", "\n", "data:text/plain;base64,", "x=", "<b>", "号码是 "];
const BEHIND: &[&str] = &["", " or so", ", she said", "\"", ")", "\n", "; x", "</b>", "&y=1", " 号码"];

/// What a run is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Base64 { alphabet: &'static [u8; 64], padded: bool },
    Hex { upper: bool },
}

const FORMS: &[Form] = &[
    Form::Base64 { alphabet: STANDARD, padded: true },
    Form::Base64 { alphabet: STANDARD, padded: false },
    Form::Base64 { alphabet: URL, padded: true },
    Form::Base64 { alphabet: URL, padded: false },
    Form::Hex { upper: false },
    Form::Hex { upper: true },
];

impl Form {
    fn encode(self, text: &[u8]) -> String {
        match self {
            Self::Base64 { alphabet, padded } => base64(text, alphabet, padded),
            Self::Hex { upper } => hex(text, upper),
        }
    }

    /// Where a run never had a character of the one alphabet alone, it may go on in either.
    fn decode(self, run: &str, original: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 { alphabet, .. } if original.contains(['+', '/', '-', '_']) => unbase64(run, alphabet),
            Self::Base64 { .. } => unbase64(run, STANDARD).or_else(|| unbase64(run, URL)),
            Self::Hex { .. } => unhex(run),
        }
    }
}

/// An input is what is built, cuts, and then the choices of the run and what stands beside the value, or the text.
pub(crate) fn decode(data: &[u8]) {
    thread_local! {
        static SUBJECT: RefCell<Subject> = RefCell::new(Subject::new(&usual()));
    }
    let mut choices = Choices(data);
    let kind = choices.byte() % 8;
    let cuts = Cuts::chosen(&mut choices);
    SUBJECT.with_borrow_mut(|subject| match kind {
        0 => {
            subject.check(b"", choices.rest(), cuts);
        }
        // Runs in runs, whatever stands before the inner one.
        1 => {
            let inner = choices.of(FORMS).encode(&sentence(&mut choices).0);
            let outer = choices.of(FORMS).encode(format!("{}{inner}", choices.of(BEFORE)).as_bytes());
            subject.check(b"", outer.as_bytes(), cuts);
        }
        // Bytes of any kind in a run.
        2 => {
            let form = choices.of(FORMS);
            let before = choices.of(BEFORE);
            let text = [before.as_bytes(), form.encode(choices.rest()).as_bytes()].concat();
            subject.check(b"", &text, cuts);
        }
        _ => placed(subject, &mut choices, cuts),
    });
}

/// Text with a value in it that is no part of anything larger, and a part of the value that may not be read any more.
fn sentence(choices: &mut Choices<'_>) -> (Vec<u8>, &'static str) {
    let (value, part) = choices.of(VALUES);
    let words =
        |choices: &mut Choices<'_>| -> Vec<u8> { choices.take(24).iter().map(|byte| b' ' + byte % 95).collect() };
    let mut text = words(choices);
    if !text.is_empty() {
        text.extend_from_slice(b" is ");
    }
    text.extend_from_slice(value.as_bytes());
    let behind = words(choices);
    if !behind.is_empty() {
        text.extend_from_slice(b", or ");
        text.extend_from_slice(&behind);
    }
    (text, part)
}

fn placed(subject: &mut Subject, choices: &mut Choices<'_>, cuts: Cuts) {
    let form = choices.of(FORMS);
    let (before, behind) = (choices.of(BEFORE), choices.of(BEHIND));
    let (plain, part) = sentence(choices);
    let run = form.encode(&plain);
    let text = format!("{before}{run}{behind}");
    let redacted = subject.check(b"", text.as_bytes(), cuts).text;
    let redacted = String::from_utf8(redacted).expect("UTF-8 stays UTF-8");
    let shown = || format!("{:?}: {text:?} became {redacted:?}", String::from_utf8_lossy(&plain));
    let rest = redacted.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
    let rest = rest.unwrap_or_else(|| panic!("what stands beside a run is gone: {}", shown()));
    let decoded = form.decode(rest, &run).unwrap_or_else(|| panic!("the run is broken: {}", shown()));
    let decoded = String::from_utf8(decoded).unwrap_or_else(|_| panic!("the run holds no text: {}", shown()));
    // What stands beside the value may have the part as well, and may be replaced or not.
    let count = |text: &str| text.replace([' ', '-'], "").matches(part).count();
    assert!(count(&decoded) < count(&String::from_utf8_lossy(&plain)), "{decoded:?} of {}", shown());
}
