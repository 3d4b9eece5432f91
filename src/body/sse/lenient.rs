//! What readers of event streams take for `data` that the standard's own reader does not (WHATWG HTML 9.2.6).
//!
//! Enters: lines, or the text of which they are. Leaves: whether somebody finds a model's event there. SDKs trim white
//! space and byte order marks off lines and events, and split lines where Python's `splitlines` does; some read JSON in
//! a line that no field begins. What all of them read alike is read by [`frame`](super::frame), what they do not is
//! refused in answers of models: no one reading of it would be everybody's.

/// Blanks behind `data:` that are waited through for the first byte of the data.
const MAX_BLANKS: usize = 64;
/// And behind the first bracket of the data.
const INSIDE: usize = 16;

/// What a text begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Blank {
    /// A line end of the standard: CR or LF.
    LineEnd,
    /// White space, or what only some take for a line end; so many bytes.
    Other(usize),
    /// Something else.
    None,
    /// More bytes tell.
    Open,
}

/// What stands at a line's beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Begin {
    Data,
    Other,
    /// More bytes tell.
    Open,
}

/// Where a text that is read as such goes on as an event stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// In a line that everybody reads as data.
    Data,
    /// In one that only some do.
    Odd,
}

/// Looks along a text for the first line of data. What may still become one is to be kept, see [`Lookout::look`].
#[derive(Debug)]
pub(crate) struct Lookout {
    /// Whether lines count that only some readers take for data, and others only where JSON stands in them.
    lenient: bool,
    /// The text stands at the beginning of a line, blanks before it aside.
    fresh: bool,
    /// What stands before it in the line, or has ended the last, is not everybody's.
    odd: bool,
}

impl Lookout {
    /// At the beginning of a text. `lenient` where it is a model's answer: its readers are lenient, and its data is JSON.
    pub(crate) fn new(lenient: bool) -> Self {
        Self { lenient, fresh: true, odd: false }
    }

    /// Looks along what comes next. So many bytes of it are text; what is behind them is data if it was found, and is to be
    /// given again with what follows if not. That is never more than a hundred bytes.
    pub(crate) fn look(&mut self, text: &[u8]) -> (usize, Option<Found>) {
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return (at, None);
            }
            if !self.fresh {
                let (len, ended) = self.rest_of_line(rest);
                at += len;
                match ended {
                    Some(odd) => (self.fresh, self.odd) = (true, odd),
                    None => return (at, None),
                }
                continue;
            }
            match blank(rest) {
                Blank::LineEnd => (at, self.odd) = (at + 1, false),
                Blank::Other(len) if self.lenient => (at, self.odd) = (at + len, true),
                Blank::Open if self.lenient => return (at, None),
                Blank::Other(_) | Blank::Open | Blank::None => match self.begin(rest) {
                    Begin::Data if self.odd => return (at, Some(Found::Odd)),
                    Begin::Data => return (at, Some(Found::Data)),
                    Begin::Open => return (at, None),
                    Begin::Other => self.fresh = false,
                },
            }
        }
    }

    /// The bytes up to the next line's beginning, and whether only some see one there; `None` where it has not come.
    fn rest_of_line(&self, text: &[u8]) -> (usize, Option<bool>) {
        if !self.lenient {
            let end = memchr::memchr2(b'\r', b'\n', text);
            return end.map_or((text.len(), None), |at| (at + 1, Some(false)));
        }
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b'\r' | b'\n' => return (at + 1, Some(false)),
                0x0b | 0x0c | 0x1c..=0x1e | 0xc2 | 0xe2 => match line_end(text.get(at..).unwrap_or_default()) {
                    Blank::Other(len) => return (at + len, Some(true)),
                    Blank::Open => return (at, None),
                    Blank::LineEnd | Blank::None => at += 1,
                },
                _ => at += 1,
            }
        }
        (at, None)
    }

    /// What a line begins with, no blanks before it.
    fn begin(&self, text: &[u8]) -> Begin {
        const NAME: &[u8] = b"data:";
        let Some(mut value) = text.strip_prefix(NAME) else {
            return if NAME.starts_with(text) { Begin::Open } else { Begin::Other };
        };
        if !self.lenient {
            return Begin::Data;
        }
        let all = value.len();
        loop {
            match blank(value) {
                Blank::Other(len) => value = value.get(len..).unwrap_or_default(),
                Blank::LineEnd => return Begin::Other,
                _ if all - value.len() > MAX_BLANKS => return Begin::Data,
                Blank::Open => return Begin::Open,
                Blank::None => {
                    return match value {
                        [] => Begin::Open,
                        [b'{' | b'[', inside @ ..] => begins_event(inside),
                        [_, ..] => Begin::Other,
                    };
                }
            }
        }
    }
}

/// Whether an event of a model stands behind the first bracket of a line's data, by what it begins with: a member's name, or
/// an object. Programs and documents have other lines that begin so.
fn begins_event(mut inside: &[u8]) -> Begin {
    let all = inside.len();
    loop {
        inside = match inside {
            [] => return Begin::Open,
            [b' ' | b'\t', rest @ ..] if all - inside.len() < INSIDE => rest,
            [b'"' | b'{', ..] => return Begin::Data,
            [_, ..] => return Begin::Other,
        };
    }
}

/// Whether some reader of a model's answer finds an event in this value of a line that is not `data`; `whole` where the
/// value is the line.
pub(super) fn misleads(value: &[u8], whole: bool) -> bool {
    let (mut rest, mut begins) = (value, whole);
    loop {
        let line = trim_start(rest);
        if begins && (matches!(line.first(), Some(b'{' | b'[')) || line.starts_with(b"data:")) {
            return true;
        }
        let at = (0..rest.len()).find_map(|at| match line_end(rest.get(at..).unwrap_or_default()) {
            Blank::Other(len) => Some(at + len),
            Blank::LineEnd | Blank::None | Blank::Open => None,
        });
        let Some(at) = at else { return false };
        (rest, begins) = (rest.get(at..).unwrap_or_default(), true);
    }
}

/// The text behind white space and byte order marks.
pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    loop {
        text = match blank(text) {
            Blank::LineEnd => text.get(1..).unwrap_or_default(),
            Blank::Other(len) => text.get(len..).unwrap_or_default(),
            Blank::None | Blank::Open => return text,
        }
    }
}

/// What only some take for a line end (Python's `str.splitlines`).
fn line_end(text: &[u8]) -> Blank {
    match text {
        [0x0b | 0x0c | 0x1c..=0x1e, ..] => Blank::Other(1),
        [0xc2, 0x85, ..] => Blank::Other(2),
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => Blank::Other(3),
        [0xc2 | 0xe2] | [0xe2, 0x80] => Blank::Open,
        _ => Blank::None,
    }
}

fn blank(text: &[u8]) -> Blank {
    match text {
        [b'\r' | b'\n', ..] => Blank::LineEnd,
        [b'\t' | 0x0b | 0x0c | 0x1c..=0x1f | b' ', ..] => Blank::Other(1),
        [] | [0..=0x7f, ..] => Blank::None,
        _ => {
            // The longest of them has three bytes.
            let start = text.get(..3).unwrap_or(text);
            let first = |text: &str| text.chars().next().filter(|first| first.is_whitespace() || *first == '\u{feff}');
            let len = match std::str::from_utf8(start) {
                Ok(text) => first(text).map(char::len_utf8),
                Err(error) => {
                    let valid = start.get(..error.valid_up_to()).unwrap_or_default();
                    if valid.is_empty() && error.error_len().is_none() && text.len() < 3 {
                        return Blank::Open;
                    }
                    std::str::from_utf8(valid).ok().and_then(first).map(char::len_utf8)
                }
            };
            len.map_or(Blank::None, Blank::Other)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    /// Where data is found with these cuts, and that no more is kept than is said.
    fn found(lenient: bool, text: &[u8], size: usize) -> Option<(usize, Found)> {
        let (mut lookout, mut kept, mut passed) = (Lookout::new(lenient), Vec::new(), 0);
        for chunk in text.chunks(size) {
            kept.extend_from_slice(chunk);
            let (len, found) = lookout.look(&kept);
            passed += len;
            kept.drain(..len);
            if let Some(found) = found {
                return Some((passed, found));
            }
            assert!(kept.len() <= 100, "{} kept", kept.len());
        }
        None
    }

    #[test]
    fn lines_of_data_are_found_wherever_they_stand_and_in_any_chunking() {
        use Found::{Data, Odd};
        let blanks = format!("data:{}", " ".repeat(100));
        let cases: [(&str, Option<(usize, Found)>); 27] = [
            ("data: {\"a\":1}", Some((0, Data))),
            ("data:{ \t\"a\":1}", Some((0, Data))),
            ("data:\t[{", Some((0, Data))),
            ("\n\r\ndata: {\"", Some((3, Data))),
            ("x: 1\r\rdata: {\"", Some((6, Data))),
            (":ok\n\ndata: {\"", Some((5, Data))),
            ("<p>x</p>\ndata: {\"", Some((9, Data))),
            ("data\ndata:\ndata: {\"", Some((11, Data))),
            (" data: {\"", Some((1, Odd))),
            ("x\n\u{a0}\u{feff}data: {\"", Some((7, Odd))),
            ("x\n \ndata: {\"", Some((4, Data))),
            ("x\u{b}data: {\"", Some((2, Odd))),
            ("x\u{85}data: {\"", Some((3, Odd))),
            ("\u{e9}\u{2028} data: {\"", Some((6, Odd))),
            ("data:\u{a0}{\"", Some((0, Data))),
            (&blanks, Some((0, Data))),
            ("data: 4 of 5", None),
            ("data: {}", None),
            ("  data: {\n", None),
            ("data: [DONE]", None),
            ("data: x\n", None),
            ("date: {", None),
            ("some data: {\"", None),
            ("Data: {", None),
            ("data {", None),
            ("data", None),
            ("\u{2027}data: {\"\u{c2}", None),
        ];
        for (text, expected) in cases {
            for size in 1..=text.len() {
                assert_eq!(found(true, text.as_bytes(), size), expected, "{text:?} by {size}");
            }
        }
        for (text, expected) in [
            ("{x\n\ndata: one", Some((4, Data))),
            ("{x\ndata:", Some((3, Data))),
            ("{x\n data: {", None),
            ("{x\u{2028}data: {", None),
            ("\u{feff}\u{fe}data: x", None),
        ] {
            for size in 1..=text.len() {
                assert_eq!(found(false, text.as_bytes(), size), expected, "{text:?} by {size}");
            }
        }
        assert_eq!(found(true, b"\xff\xe2\x80\ndata: {\"", 1), Some((4, Data)));
    }

    #[test]
    fn lines_that_only_some_read_mislead() {
        for (line, misleading) in [
            (" data: {}", true),
            ("\u{feff}data: x", true),
            ("{\"candidates\":[]}", true),
            ("  [{}]", true),
            ("x\u{c}data: {}", true),
            ("x\u{2029} {\"candidates\":[]}", true),
            ("x: {}", false),
            ("datax: {}", false),
            ("x\u{e9}\u{2026}", false),
            ("", false),
        ] {
            assert_eq!(misleads(line.as_bytes(), true), misleading, "{line:?}");
        }
        assert!(!misleads(b"{\"a\":1}", false) && misleads(b"x\x0bdata: {", false));
    }
}
