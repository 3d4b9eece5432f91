//! Whether bytes are JSON, byte by byte: the grammar of RFC 8259 and nothing more.
//!
//! It stands before the JSON reader where JSON was not announced, or where a fault is let pass: there the decision for
//! another reading must come before anything was rewritten. One bit of memory per level of nesting.

/// What a byte means for the value at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// The byte belongs to the blanks between values.
    Blank,
    /// The byte belongs to a value that goes on.
    Inside,
    /// The byte ends a value.
    Last,
    /// The byte cannot stand here.
    Wrong,
}

/// Where in the grammar the input stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Between values of the sequence.
    Top,
    /// Before a value.
    Value,
    /// Behind `[`: a value or `]`.
    FirstElement,
    /// Behind `{`: a name or `}`.
    FirstName,
    /// Behind `,` in an object.
    Name,
    /// Behind a name.
    Colon,
    /// Behind a value in an array or object.
    AfterValue,
    /// In a string.
    Text { name: bool },
    /// Behind `\` in a string.
    Escape { name: bool },
    /// In the hexadecimal digits of `\u`.
    Hex { name: bool, left: u8 },
    /// In `true`, `false` or `null`: what must follow.
    Literal(&'static [u8]),
    /// In a number.
    Number(Number),
    /// Behind a number that stands alone: nothing may follow it on its line, as the next one would make it one
    /// number in groups to whoever reads the line as text.
    Line,
}

/// Where in a number (RFC 8259 section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// Follows a sequence of JSON texts.
pub(super) struct Probe {
    place: Place,
    /// The open arrays and objects, outermost first; `true` is an object.
    open: Vec<bool>,
    depth: usize,
    /// Whether a text may be a bare string, number or literal.
    scalars: bool,
}

impl Probe {
    /// Follows texts nested at most `depth` deep.
    pub(super) fn new(depth: usize, scalars: bool) -> Self {
        Self { place: Place::Top, open: Vec::new(), depth, scalars }
    }

    /// Whether the input may end here; a number at the end counts as ended.
    pub(super) fn may_end(&self) -> bool {
        match self.place {
            Place::Top | Place::Line => true,
            Place::Number(number) => self.open.is_empty() && number.may_end(),
            _ => false,
        }
    }

    /// Takes a byte.
    pub(super) fn take(&mut self, byte: u8) -> Step {
        let blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.place {
            Place::Top if blank => Step::Blank,
            Place::Top if !self.scalars && !matches!(byte, b'{' | b'[') => Step::Wrong,
            Place::Top => self.value(byte),
            Place::Value | Place::FirstElement | Place::FirstName | Place::Name | Place::Colon | Place::AfterValue
                if blank =>
            {
                Step::Inside
            }
            Place::FirstElement if byte == b']' => self.close(false),
            Place::FirstName if byte == b'}' => self.close(true),
            Place::Value | Place::FirstElement => self.value(byte),
            Place::FirstName | Place::Name => self.expect(byte == b'"', Place::Text { name: true }),
            Place::Colon => self.expect(byte == b':', Place::Value),
            Place::AfterValue => match (byte, self.open.last()) {
                (b',', Some(true)) => self.expect(true, Place::Name),
                (b',', Some(false)) => self.expect(true, Place::Value),
                (b'}', _) => self.close(true),
                (b']', _) => self.close(false),
                _ => Step::Wrong,
            },
            Place::Text { name } => match byte {
                b'"' if name => self.expect(true, Place::Colon),
                b'"' => self.end_value(),
                b'\\' => self.expect(true, Place::Escape { name }),
                _ => self.expect(byte >= b' ', Place::Text { name }),
            },
            Place::Escape { name } => match byte {
                b'u' => self.expect(true, Place::Hex { name, left: 4 }),
                _ => self.expect(br#""\/bfnrt"#.contains(&byte), Place::Text { name }),
            },
            Place::Hex { name, left } => {
                let next = if left > 1 { Place::Hex { name, left: left - 1 } } else { Place::Text { name } };
                self.expect(byte.is_ascii_hexdigit(), next)
            }
            Place::Literal(rest) => match rest.split_first() {
                Some((wanted, [])) if *wanted == byte => self.end_value(),
                Some((wanted, rest)) => self.expect(*wanted == byte, Place::Literal(rest)),
                None => Step::Wrong,
            },
            Place::Number(number) => match number.next(byte) {
                Some(next) => self.expect(true, Place::Number(next)),
                None if !number.may_end() => Step::Wrong,
                None if self.open.is_empty() => {
                    self.place = Place::Line;
                    self.take(byte)
                }
                None => {
                    self.place = Place::AfterValue;
                    self.take(byte)
                }
            },
            Place::Line => match byte {
                b'\n' | b'\r' => self.end_value(),
                _ => self.expect(blank, Place::Line),
            },
        }
    }

    fn expect(&mut self, holds: bool, next: Place) -> Step {
        self.place = next;
        if holds { Step::Inside } else { Step::Wrong }
    }

    fn value(&mut self, byte: u8) -> Step {
        match byte {
            b'{' | b'[' if self.open.len() == self.depth => Step::Wrong,
            b'{' => {
                self.open.push(true);
                self.expect(true, Place::FirstName)
            }
            b'[' => {
                self.open.push(false);
                self.expect(true, Place::FirstElement)
            }
            b'"' => self.expect(true, Place::Text { name: false }),
            b't' => self.expect(true, Place::Literal(b"rue")),
            b'f' => self.expect(true, Place::Literal(b"alse")),
            b'n' => self.expect(true, Place::Literal(b"ull")),
            b'-' => self.expect(true, Place::Number(Number::Minus)),
            b'0' => self.expect(true, Place::Number(Number::Zero)),
            b'1'..=b'9' => self.expect(true, Place::Number(Number::Integer)),
            _ => Step::Wrong,
        }
    }

    fn close(&mut self, object: bool) -> Step {
        if self.open.pop() == Some(object) { self.end_value() } else { Step::Wrong }
    }

    fn end_value(&mut self) -> Step {
        if self.open.is_empty() {
            self.place = Place::Top;
            Step::Last
        } else {
            self.expect(true, Place::AfterValue)
        }
    }
}

impl Number {
    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Power)
    }

    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus | Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Self::Power,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_json(text: &str) -> bool {
        let mut probe = Probe::new(256, true);
        let mut values = 0;
        for byte in text.bytes() {
            match probe.take(byte) {
                Step::Last => values += 1,
                Step::Blank | Step::Inside => {}
                Step::Wrong => return false,
            }
        }
        let open_number = matches!(probe.place, Place::Number(_) | Place::Line);
        probe.may_end() && values + i32::from(open_number) == 1
    }

    #[test]
    fn it_agrees_with_a_whole_parser_on_all_short_texts() {
        let alphabet = [r"{", "}", "[", "]", ",", ":", "\"", "\\", "u", "0", "1", "-", ".", "e", "true", " "];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| alphabet.iter().map(move |next| format!("{text}{next}")));
            let longer: Vec<_> = longer.collect();
            for text in &longer {
                let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                assert_eq!(is_json(text), parsed, "{text:?}");
            }
            // Only what may still become JSON is worth going on with.
            texts = longer.into_iter().filter(|text| may_become_json(text)).collect();
        }
    }

    fn may_become_json(text: &str) -> bool {
        let mut probe = Probe::new(256, true);
        text.bytes().all(|byte| probe.take(byte) != Step::Wrong)
    }

    #[test]
    fn numbers_in_a_sequence_have_a_line_each() {
        let steps = |text: &str| {
            let mut probe = Probe::new(256, true);
            text.bytes().map(|byte| probe.take(byte)).collect::<Vec<_>>()
        };
        assert_eq!(steps("1 \n2\r"), [Step::Inside, Step::Inside, Step::Last, Step::Inside, Step::Last]);
        for text in ["4111 1", "1 {", "1 \"", "078", "1-"] {
            assert_eq!(steps(text).last(), Some(&Step::Wrong), "{text}");
        }
    }

    #[test]
    fn longer_texts() {
        for fine in [r#"{"a":[1,2.5e-3,{"b":"\u00e9\n"}],"c":null}"#, "\"\u{e9}\"", "-0", "[[]]", "1E+5"] {
            assert!(is_json(fine), "{fine}");
        }
        for wrong in [r#"{"a":1,}"#, "[1,]", "01", "1.", "+1", "\"\n\"", r#""\x""#, "NaN", "{'a':1}", "nul", "[}"] {
            assert!(!is_json(wrong), "{wrong}");
        }
        assert!(is_json(&format!("{}{}", "[".repeat(256), "]".repeat(256))));
        assert!(!is_json(&format!("{}{}", "[".repeat(257), "]".repeat(257))));
    }
}
