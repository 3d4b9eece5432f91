//! A field of a part's head, or of a message's that has parameters: what of it is scanned, and how what is new is written into it.
//!
//! Enters: a field, and later how its redacted text came about. Leaves: the field in which parameters are parameters as
//! before (RFC 2183 section 2, RFC 7578 section 4.2): what keeps them apart stays, each value is changed within its own
//! quotes, one of RFC 8187 (`filename*=`) is scanned decoded and written percent-encoded, one without quotes gets them where
//! a token may not be what it has become. A field on several lines is scanned as one, and so is a value that is cut into
//! sections (RFC 2231 section 3), which must follow each other. What a finding covers beyond its first value goes.

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

/// How a character of a field stands there.
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

/// A character of a field.
#[derive(Clone, Copy)]
struct Unit {
    /// What is scanned.
    octet: u8,
    /// The bytes that it is written with.
    len: u8,
    form: Form,
    /// It stands between what its readers read as one, and is not scanned.
    hidden: bool,
}

impl Unit {
    /// Whether it is of the end of a line that goes on.
    fn is_fold(&self) -> bool {
        self.hidden && matches!(self.octet, b'\r' | b'\n')
    }
}

/// A parameter that has come.
struct Parameter<'a> {
    of: &'a [u8],
    /// Which section of its value it is: that of `filename*1`.
    number: Option<usize>,
}

/// A field without its end.
pub(crate) struct HeadField<'a> {
    line: &'a [u8],
    units: Vec<Unit>,
    /// Sections do not follow each other: one reader puts them in order, and one takes them as they come.
    disordered: bool,
}

impl<'a> HeadField<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        let mut read = Self { line, units: Vec::with_capacity(line.len()), disordered: false };
        read.read();
        read.unfold();
        read
    }

    fn read(&mut self) {
        let line = self.line;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return self.all(line, Form::Plain);
        };
        let (name, value) = line.split_at(colon);
        let known = WITH_PARAMETERS.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known));
        self.all(name, if known { Form::Frame } else { Form::Plain });
        let (colon, value) = value.split_at(1);
        self.all(colon, Form::Frame);
        if known {
            self.parameters(value);
        } else {
            self.all(value, Form::Plain);
        }
    }

    /// Hides the ends of lines that go on.
    fn unfold(&mut self) {
        let mut at = 0;
        let mut fold = 0;
        for unit in &mut self.units {
            if self.line.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
                fold = 2;
            }
            if fold > 0 {
                fold -= 1;
                (unit.form, unit.hidden) = (Form::Frame, true);
            }
            at += usize::from(unit.len);
        }
    }

    /// Whether a value's sections do not follow each other.
    pub(crate) fn is_disordered(&self) -> bool {
        self.disordered
    }

    /// The field as it is scanned.
    pub(crate) fn shown(&self) -> Vec<u8> {
        self.units.iter().filter(|unit| !unit.hidden).map(|unit| unit.octet).collect()
    }

    fn all(&mut self, bytes: &[u8], form: Form) {
        self.units.extend(bytes.iter().map(|octet| Unit { octet: *octet, len: 1, form, hidden: false }));
    }

    /// What stands before the first semicolon, and the parameters behind it.
    fn parameters(&mut self, value: &[u8]) {
        let end = |text: &[u8]| text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let (kind, mut rest) = value.split_at(end(value));
        self.all(kind, Form::Token);
        let mut come: Vec<Parameter<'_>> = Vec::new();
        // Where the last value ended.
        let mut ended = self.units.len();
        while !rest.is_empty() {
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';');
            let blanks = |text: &[u8]| text.iter().take_while(blank).count();
            let (between, tail) = rest.split_at(blanks(rest));
            self.all(between, Form::Frame);
            let named = tail.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(named);
            let (section, follows) = self.section(name.trim_ascii(), &mut come);
            let lower = name.trim_ascii().to_ascii_lowercase();
            let bare = lower.strip_suffix(b"*").unwrap_or(&lower);
            let bare = bare.get(..section.unwrap_or(bare.len())).unwrap_or_default();
            let known = KNOWN.contains(&bare);
            self.all(name, if known || follows { Form::Frame } else { Form::Token });
            rest = tail;
            let Some(tail) = tail.strip_prefix(b"=") else { continue };
            self.all(b"=", Form::Frame);
            let (before, tail) = tail.split_at(blanks(tail.split(|byte| *byte == b';').next().unwrap_or_default()));
            self.all(before, Form::Frame);
            let quoted = tail.strip_prefix(b"\"");
            self.all(if quoted.is_some() { b"\"" } else { b"" }, Form::Frame);
            if follows {
                self.join(ended);
            }
            rest = match quoted {
                Some(inside) => self.quoted(inside, &mut ended),
                None => {
                    let (value, tail) = tail.split_at(end(tail));
                    let (value, blanks) = value.split_at(value.trim_ascii_end().len());
                    if lower.ends_with(b"*") {
                        self.extended(value, !follows);
                    } else {
                        self.all(value, Form::Token);
                    }
                    ended = self.units.len();
                    self.all(blanks, Form::Frame);
                    tail
                }
            };
        }
    }

    /// Where in a name the star is that its section's number stands behind, and whether that goes on with the parameter
    /// before it.
    fn section<'t>(&mut self, name: &'t [u8], come: &mut Vec<Parameter<'t>>) -> (Option<usize>, bool) {
        let bare = name.strip_suffix(b"*").unwrap_or(name);
        let star = bare.iter().rposition(|byte| *byte == b'*');
        let Some((star, number)) = star.and_then(|star| Some((star, number(bare.get(star + 1..)?)?))) else {
            come.push(Parameter { of: bare, number: None });
            return (None, false);
        };
        let of = bare.get(..star).unwrap_or_default();
        let same = |other: &&Parameter<'_>| other.number.is_some() && other.of.eq_ignore_ascii_case(of);
        let last = come.last().filter(same).and_then(|last| last.number?.checked_add(1));
        let follows = last == Some(number);
        self.disordered |= !follows && (number > 0 || come.iter().any(|other| same(&other)));
        come.push(Parameter { of, number: Some(number) });
        (Some(star), follows)
    }

    /// Hides what stands between a value's sections, from the end of the last one on.
    fn join(&mut self, ended: usize) {
        let between = self.units.get_mut(ended..).unwrap_or_default();
        // Anything else there is told apart by no reader.
        self.disordered |= between.iter().any(|unit| unit.form != Form::Frame);
        between.iter_mut().for_each(|unit| unit.hidden = true);
    }

    /// A value between quotes, of which the first is behind, and where it ended; what follows it.
    fn quoted<'t>(&mut self, inside: &'t [u8], ended: &mut usize) -> &'t [u8] {
        let mut rest = inside;
        loop {
            *ended = self.units.len();
            let taken = match rest {
                [] => return rest,
                [b'"', tail @ ..] => {
                    self.all(b"\"", Form::Frame);
                    let end = tail.iter().position(|byte| *byte == b';').unwrap_or(tail.len());
                    let (behind, tail) = tail.split_at(end);
                    self.all(behind, if behind.trim_ascii().is_empty() { Form::Frame } else { Form::Token });
                    return tail;
                }
                // Others escape nothing: a backslash before another byte is a folder's end to them.
                [b'\\', octet @ (b'"' | b'\\'), ..] => {
                    self.units.push(Unit { octet: *octet, len: 2, form: Form::Quoted, hidden: false });
                    2
                }
                [octet, ..] => {
                    self.all(&[*octet], Form::Quoted);
                    1
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// A value of RFC 8187 section 3.2: its charset, a language, the text. A section that is not the `first` has the text
    /// alone.
    fn extended(&mut self, value: &[u8], first: bool) {
        let begins = first;
        let mut rest = value;
        while let Some((first, tail)) = rest.split_first() {
            let coded = tail.first_chunk::<2>().filter(|_| *first == b'%').and_then(octet);
            let (octet, len, form) = match coded {
                Some(octet) => (octet, 3, Form::Extended),
                // As a blank, or the charset would be read for the beginning of the text.
                None if begins && *first == b'\'' => (b' ', 1, Form::Frame),
                None => (*first, 1, Form::Extended),
            };
            self.units.push(Unit { octet, len, form, hidden: false });
            rest = rest.get(usize::from(len)..).unwrap_or_default();
        }
    }

    /// Writes the field as `output` has it, which is what became of [`HeadField::shown`].
    pub(crate) fn write(&self, output: &Output, out: &mut Vec<u8>) {
        let mut writer = Writer { out, stretch: Vec::new(), changed: false, form: Form::Frame };
        let (mut line, mut units, mut given) = (self.line, self.units.iter(), output.bytes.as_slice());
        for piece in &output.pieces {
            let (taken, new) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let (new, tail) = given.split_at(new.min(given.len()));
            given = tail;
            let is_new = matches!(piece, Piece::Replaced { .. });
            let mut new = is_new.then_some(new);
            let mut covered = 0;
            while covered < taken
                && let Some(unit) = units.next()
            {
                covered += usize::from(!unit.hidden);
                if is_new && unit.form != Form::Frame {
                    line = line.get(usize::from(unit.len)..).unwrap_or_default();
                    writer.enter(unit.form);
                    writer.fresh(new.take().unwrap_or_default());
                } else {
                    line = writer.copy(unit, line);
                }
            }
        }
        for unit in units {
            line = writer.copy(unit, line);
        }
        writer.end();
    }
}

/// The number of a section, as it may be written.
fn number(digits: &[u8]) -> Option<usize> {
    let plain = digits == b"0" || digits.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    // What is no number that follows another is none of any value's sections.
    Some(if plain { digits.parse().unwrap_or(usize::MAX) } else { usize::MAX }).filter(|_| !digits.is_empty())
}

/// Puts a field together, one stretch of the same form after another.
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

    /// Takes a character as it stands at the beginning of `line`; what follows it. What has changed goes on one line: none
    /// may be left empty, for it would end the head.
    fn copy<'l>(&mut self, unit: &Unit, line: &'l [u8]) -> &'l [u8] {
        let (raw, rest) = line.split_at(usize::from(unit.len).min(line.len()));
        self.enter(unit.form);
        if !unit.is_fold() {
            self.stretch.extend_from_slice(raw);
        }
        rest
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
        let read = HeadField::new(line.as_bytes());
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
            (
                "content-disposition: form-data; filename*0=\"a ja\" ;\r\n filename*1=\"ne b\"; filename*2*=c%20d",
                "jane",
                "[X]",
                "content-disposition: form-data; filename*0=\"a [X]\" ; filename*1=\" b\"; filename*2*=c%20d",
            ),
            (
                "content-disposition: form-data; name*0*=utf-8'en'j; name*1*=a%6E; name*2=e ; x=y",
                "jane",
                "[X]",
                "content-disposition: form-data; name*0*=utf-8'en'%5BX%5D; name*1*=; name*2=\"\" ; x=y",
            ),
            ("X-Note: ja\r\n\tne", "ja\tne", "[X]", "X-Note: [X]"),
            ("X-Note: a\r\n jane", "jane", "", "X-Note: a "),
            ("X-Note: \"a\"; jane", "jane", "a\"\r\nb", "X-Note: \"a\"; a   b"),
            ("no colon jane", "jane", "[X]", "no colon [X]"),
        ] {
            assert_eq!(replaced(line, old, new), expected, "{line}");
        }
    }

    #[test]
    fn sections_follow_each_other() {
        for (line, good) in [
            ("name*0=a; name*1=b", true),
            ("name=a; name*0=a; filename*0=b; filename*1*=c; name*=a", true),
            ("name*1=a; name*0=b", false),
            ("name*0=a; name*2=b", false),
            ("name*0=a; name*0=b", false),
            ("name*0=a; filename=b; name*1=c", false),
            ("name*0=\"a\" x; name*1=c", false),
            ("name*0=a; name*01=c", false),
            ("name*99999999999999999999999999=a; name*99999999999999999999999999=b", false),
        ] {
            let line = format!("Content-Disposition: form-data; {line}");
            assert_eq!(HeadField::new(line.as_bytes()).is_disordered(), !good, "{line}");
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
            let read = HeadField::new(line.as_bytes());
            let bytes = read.shown();
            let pieces = vec![Piece::Clear { len: bytes.len() }];
            let mut out = Vec::new();
            read.write(&Output { bytes, pieces, ..Output::default() }, &mut out);
            assert_eq!(String::from_utf8(out).expect("ASCII"), line);
        }
    }
}
