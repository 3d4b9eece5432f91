//! Text that is encoded twice: a value in it, or any text at all.

use std::cell::RefCell;

use super::stream::sets;
use super::{Choices, Cuts, Subject};
use crate::spelling::{LAYERS, VALUES};

/// What may stand before what is encoded and behind it, outside and between the two.
const BEFORE: &[&str] =
    &["", "it is ", "x: ", "\"", "(", "\n", "x=", "caf\u{e9} \u{2013} ", "%41 ", "号码是 ", "1", "&amp;"];
const BEHIND: &[&str] = &["", " or so", ", she said", "\"", ")", "\n", "; x", "%", "&y=1", " \u{200b}号码", "=", "\\"];

/// An input is whether a value is placed, rules, cuts, two encodings, what stands beside them, and the text.
pub(crate) fn layers(data: &[u8]) {
    thread_local! {
        // An escape in hexadecimal has twelve bytes.
        static SUBJECTS: RefCell<Vec<Subject>> =
            RefCell::new(sets().iter().map(|rules| Subject { width: 12, ..Subject::new(rules) }).collect());
    }
    let mut choices = Choices(data);
    let placed = choices.byte() % 4 == 0;
    // The last set is of expressions without an end: where looks overlap, their matches may be cut differently.
    let chosen = if placed { 0 } else { choices.below(sets().len() - 1) };
    let cuts = Cuts::chosen(&mut choices);
    let place = |choices: &mut Choices<'_>| choices.below(LAYERS.len());
    let (outer, inner) = (&LAYERS[place(&mut choices)], &LAYERS[place(&mut choices)]);
    let (before, behind) = (choices.of(BEFORE), choices.of(BEHIND));
    SUBJECTS.with_borrow_mut(|subjects| {
        let subject = &mut subjects[chosen];
        if !placed {
            let within = (choices.of(BEFORE), choices.of(BEHIND));
            let plain = String::from_utf8_lossy(choices.rest()).into_owned();
            let text = (outer.encode)(&format!("{}{}{}", within.0, (inner.encode)(&plain), within.1));
            subject.check(b"", format!("{before}{text}{behind}").as_bytes(), cuts);
            return;
        }
        let (value, part) = choices.of(VALUES);
        let words: String = choices.take(24).iter().map(|byte| char::from(b' ' + byte % 95)).collect();
        let rest: String = choices.take(24).iter().map(|byte| char::from(b' ' + byte % 95)).collect();
        let plain = format!("{words} is {value}, or {rest}");
        let text = (outer.encode)(&(inner.encode)(&plain));
        let redacted = subject.check(b"", format!("it is {text}, she said").as_bytes(), cuts).text;
        let redacted = String::from_utf8(redacted).expect("UTF-8 stays UTF-8");
        let shown = || format!("{} in {}: {plain:?}: {text:?} became {redacted:?}", inner.name, outer.name);
        let left = redacted.strip_prefix("it is ").and_then(|rest| rest.strip_suffix(", she said"));
        let left = left.and_then(outer.decode).unwrap_or_else(|| panic!("the outer is broken: {}", shown()));
        let left = (inner.decode)(&left).unwrap_or_else(|| panic!("the inner is broken: {left:?} of {}", shown()));
        // What stands beside the value may have the part as well, and may be replaced or not.
        let count = |text: &str| text.replace([' ', '-'], "").matches(part).count();
        assert!(count(&left) < count(&plain), "{left:?} of {}", shown());
    });
}
