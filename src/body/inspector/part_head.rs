//! A line of a part's head: what of it is scanned, and how what is new is written into it.
//!
//! Enters: a line, and later how its redacted text came about. Leaves: the line in which parameters are parameters as before
//! (RFC 2183 section 2, RFC 7578 section 4.2): what keeps them apart stays, each value is changed within its own quotes, one
//! of RFC 8187 (`filename*=`) is scanned decoded and written percent-encoded, one without quotes gets them where a token may
//! not be what it has become. What a finding covers beyond its first value goes.

use crate::engine::{Output, Piece};

/// Fields whose values have parameters.
const WITH_PARAMETERS: [&[u8]; 2] = [b"content-disposition", b"content-type"];
/// Names of parameters that hold nothing of anyone, without the star of RFC 8187.
const KNOWN: [&[u8]; 11] = [
    b"name",
    b"filename",
    b"charset",
    b"boundary",
    b"type",
    b"start",
    b"format",
    b"size",
    b"creation-date",
    b"modification-date",
    b"read-date",
];

/// How a character of a line stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It keeps others apart, and stays whatever is found.
    Frame,
    /// Of a value that is no parameter's.
    Plain,
    /// Of what has no quotes where parameters are.
    Token,
    /// Between quotes.
    Quoted,
    /// Of a value that says its charset and is percent-encoded.
    Extended,
}

/// A character of a line.
#[derive(Clone, Copy)]
struct Unit {
    /// What is scanned.
    octet: u8,
    /// The bytes that it is written with.
    len: u8,
    form: Form,
}

/// A line without its end.
pub(super) struct HeadLine<'a> {
    line: &'a [u8],
    units: Vec<Unit>,
}

impl<'a> HeadLine<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        let mut read = Self { line, units: Vec::with_capacity(line.len()) };
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            read.all(line, Form::Plain);
            return read;
        };
        let (name, value) = line.split_at(colon);
        let known = WITH_PARAMETERS.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known));
        read.all(name, if known { Form::Frame } else { Form::Plain });
        let (colon, value) = value.split_at(1);
        read.all(colon, Form::Frame);
        if known {
            read.parameters(value);
        } else {
            read.all(value, Form::Plain);
        }
        read
    }

    /// The line as it is scanned.
    pub(super) fn shown(&self) -> Vec<u8> {
        self.units.iter().map(|unit| unit.octet).collect()
    }

    fn all(&mut self, bytes: &[u8], form: Form) {
        self.units.extend(bytes.iter().map(|octet| Unit { octet: *octet, len: 1, form }));
    }

    /// What stands before the first semicolon, and the parameters behind it.
    fn parameters(&mut self, value: &[u8]) {
        let end = |text: &[u8]| text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let (kind, mut rest) = value.split_at(end(value));
        self.all(kind, Form::Token);
        while !rest.is_empty() {
            let blanks = |text: &[u8]| text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b';')).count();
            let (between, tail) = rest.split_at(blanks(rest));
            self.all(between, Form::Frame);
            let named = tail.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(named);
            let bare = name.trim_ascii().to_ascii_lowercase();
            let bare = bare.strip_suffix(b"*").unwrap_or(&bare);
            self.all(name, if KNOWN.contains(&bare) { Form::Frame } else { Form::Token });
            rest = tail;
            let Some(tail) = tail.strip_prefix(b"=") else { continue };
            self.all(b"=", Form::Frame);
            let (before, tail) = tail.split_at(blanks(tail.split(|byte| *byte == b';').next().unwrap_or_default()));
            self.all(before, Form::Frame);
            rest = match tail.strip_prefix(b"\"") {
                Some(inside) => self.quoted(inside),
                None => {
                    let (value, tail) = tail.split_at(end(tail));
                    if name.trim_ascii_end().ends_with(b"*") {
                        self.extended(value);
                    } else {
                        self.all(value, Form::Token);
                    }
                    tail
                }
            };
        }
    }

    /// A value between quotes, of which the first is behind; what follows it.
    fn quoted<'t>(&mut self, inside: &'t [u8]) -> &'t [u8] {
        self.all(b"\"", Form::Frame);
        let mut rest = inside;
        loop {
            let taken = match rest {
                [] => return rest,
                [b'"', tail @ ..] => {
                    self.all(b"\"", Form::Frame);
                    let end = tail.iter().position(|byte| *byte == b';').unwrap_or(tail.len());
                    let (behind, tail) = tail.split_at(end);
                    self.all(behind, Form::Token);
                    return tail;
                }
                // Others escape nothing: a backslash before another byte is a folder's end to them.
                [b'\\', octet @ (b'"' | b'\\'), ..] => {
                    self.units.push(Unit { octet: *octet, len: 2, form: Form::Quoted });
                    2
                }
                [octet, ..] => {
                    self.units.push(Unit { octet: *octet, len: 1, form: Form::Quoted });
                    1
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// A value of RFC 8187 section 3.2: its charset, a language, the text.
    fn extended(&mut self, value: &[u8]) {
        let mut rest = value;
        while let Some((first, tail)) = rest.split_first() {
            let coded = tail.first_chunk::<2>().filter(|_| *first == b'%').and_then(octet);
            let (octet, len, form) = match coded {
                Some(octet) => (octet, 3, Form::Extended),
                // As a blank, or the charset would be read for the beginning of the text.
                None if *first == b'\'' => (b' ', 1, Form::Frame),
                None => (*first, 1, Form::Extended),
            };
            self.units.push(Unit { octet, len, form });
            rest = rest.get(usize::from(len)..).unwrap_or_default();
        }
    }

    /// Writes the line as `output` has it, which is what became of [`HeadLine::shown`].
    pub(super) fn write(&self, output: &Output, out: &mut Vec<u8>) {
        let mut writer = Writer { out, stretch: Vec::new(), changed: false, form: Form::Frame };
        let (mut line, mut units, mut given) = (self.line, self.units.as_slice(), output.bytes.as_slice());
        for piece in &output.pieces {
            let (taken, new) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let (new, tail) = given.split_at(new.min(given.len()));
            let (covered, later) = units.split_at(taken.min(units.len()));
            (given, units) = (tail, later);
            let mut new = matches!(piece, Piece::Replaced { .. }).then_some(new);
            let is_new = new.is_some();
            for unit in covered {
                let (raw, tail) = line.split_at(usize::from(unit.len).min(line.len()));
                line = tail;
                writer.enter(unit.form);
                if !is_new || unit.form == Form::Frame {
                    writer.stretch.extend_from_slice(raw);
                } else {
                    writer.fresh(new.take().unwrap_or_default());
                }
            }
        }
        writer.end();
    }
}

/// Puts a line together, one stretch of the same form after another.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    stretch: Vec<u8>,
    changed: bool,
    form: Form,
}

impl Writer<'_> {
    fn enter(&mut self, form: Form) {
        if self.form != form {
            self.end();
            self.form = form;
        }
    }

    /// What stands in place of a value: it adds no line, and ends nothing.
    fn fresh(&mut self, new: &[u8]) {
        self.changed = true;
        let form = self.form;
        let blank = |byte: &u8| match byte {
            b'\\' if form != Form::Plain => b' ',
            b'"' => b' ',
            byte if byte.is_ascii_control() => b' ',
            byte => *byte,
        };
        if form != Form::Extended {
            self.stretch.extend(new.iter().map(blank));
            return;
        }
        for byte in new {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(byte) {
                self.stretch.push(*byte);
            } else {
                self.stretch.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
        }
    }

    fn end(&mut self) {
        let is_token = || {
            let may_be = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(byte);
            !self.stretch.is_empty() && self.stretch.iter().all(may_be)
        };
        let quoted = self.form == Form::Token && self.changed && !is_token();
        self.out.extend(quoted.then_some(b'"'));
        self.out.append(&mut self.stretch);
        self.out.extend(quoted.then_some(b'"'));
        self.changed = false;
    }
}

/// The octet that two hexadecimal digits write.
fn octet(digits: &[u8; 2]) -> Option<u8> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line in which this text, as it is scanned, gives way to another.
    fn replaced(line: &str, old: &str, new: &str) -> String {
        let read = HeadLine::new(line.as_bytes());
        let shown = String::from_utf8(read.shown()).expect("ASCII");
        let at = shown.find(old).unwrap_or_else(|| panic!("{old} in {shown}"));
        let (bytes, behind) = (shown.replacen(old, new, 1).into_bytes(), shown.len() - at - old.len());
        let pieces = vec![
            Piece::Clear { len: at },
            Piece::Replaced { taken: old.len(), given: new.len() },
            Piece::Clear { len: behind },
        ];
        let mut out = Vec::new();
        read.write(&Output { bytes, pieces, ..Output::default() }, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn parameters_stay_parameters() {
        let own = "Content-Disposition: form-data; name=\"jane\"; filename=\"a \\\"b\\\" jane\"";
        for (line, old, new, expected) in [
            (
                own,
                "jane",
                "\"; x=\"\\",
                "Content-Disposition: form-data; name=\" ; x=  \"; filename=\"a \\\"b\\\" jane\"",
            ),
            (own, "b\" jane", "[X]", "Content-Disposition: form-data; name=\"jane\"; filename=\"a \\\"[X]\""),
            // One that reaches over what keeps two apart.
            (
                own,
                "e\"; filename=\"a",
                "*",
                "Content-Disposition: form-data; name=\"jan*\"; filename=\" \\\"b\\\" jane\"",
            ),
            ("content-type: text/x; a=jane;b=c", "jane", "[X]", "content-type: text/x; a=\"[X]\";b=c"),
            ("content-type: text/x; a=jane;b=c", "jane", "", "content-type: text/x; a=\"\";b=c"),
            ("content-type: text/x; a=jane;b=c", "ja", "**", "content-type: text/x; a=**ne;b=c"),
            (
                "Content-Disposition: form-data; filename*=UTF-8'en'%6Aane%40b%20c",
                "jane@b",
                "j@*\u{e9}",
                "Content-Disposition: form-data; filename*=UTF-8'en'j%40%2A%C3%A9%20c",
            ),
            ("X-Note: \"a\"; jane", "jane", "a\"\r\nb", "X-Note: \"a\"; a   b"),
            ("no colon jane", "jane", "[X]", "no colon [X]"),
        ] {
            assert_eq!(replaced(line, old, new), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_touched_stays_as_it_came() {
        for line in [
            "",
            ":",
            "a",
            "Content-Disposition:",
            "Content-Disposition: form-data; name=\"a\\",
            "Content-Disposition: form-data; name=\"a\" x ;; ; = ; y",
            "Content-Disposition: form-data ; name = a ; filename*=''%zz%4",
            "Content-Type: a/b;charset=\"x\\y\\\\\"",
        ] {
            let read = HeadLine::new(line.as_bytes());
            let bytes = read.shown();
            let pieces = vec![Piece::Clear { len: bytes.len() }];
            let mut out = Vec::new();
            read.write(&Output { bytes, pieces, ..Output::default() }, &mut out);
            assert_eq!(String::from_utf8(out).expect("ASCII"), line);
        }
    }
}
