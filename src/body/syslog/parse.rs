//! What stands where in a syslog message: RFC 5424, RFC 3164 and what has no header, with JSON, CEF or LEEF in it.
//!
//! Enters: one whole message. Leaves: its stretches in order, which cover it. A pure function: what does not fit a form
//! is text, never a fault, and what passes unread (PRI, VERSION, TIMESTAMP, punctuation) has been held against its
//! grammar, so that no value fits into it.

use std::ops::{Range, RangeInclusive};

/// What a stretch is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Structure: it passes as it is.
    Keep,
    /// A field of the header (RFC 5424 section 6.2): its name, and how long it may be.
    Field { label: &'static str, longest: usize },
    /// The name of an element of structured data or of a parameter (RFC 5424 section 6.3.3).
    Name,
    /// The value of a parameter, with the stretch of its name.
    Value { name: Range<usize> },
    /// Text.
    Text,
    /// What looks like JSON.
    Json,
    /// A field of CEF's header.
    CefHeader,
    /// A key of CEF or LEEF.
    Key,
    /// A value of CEF, with the stretch of what it is called.
    CefValue { label: Range<usize> },
    /// A field of LEEF's header.
    LeefHeader,
    /// A value of LEEF, with the stretch of its key and what stands between two attributes.
    LeefValue { key: Range<usize>, delimiter: u8 },
}

/// A stretch of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// What the value of a key is called, as `cs1Label=…` says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Label {
    key: Range<usize>,
    text: Range<usize>,
}

/// The byte order mark that UTF-8 in MSG begins with (RFC 5424 section 6.4).
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// The cookie before JSON (CEE, libfastjson).
const CEE: &[u8] = b"@cee:";
/// What stands behind a key in the key of its label.
const LABEL: &[u8] = b"Label=";
/// Fields between the time and the structured data, and the most bytes of each.
const FIELDS: [(&str, usize); 4] = [("hostname", 255), ("app-name", 48), ("procid", 128), ("msgid", 32)];

/// Reads a message into `parts`, which are emptied first. `labels` is room for what it calls its values.
pub(super) fn parse(message: &[u8], parts: &mut Vec<Part>, labels: &mut Vec<Label>) {
    parts.clear();
    let mut reader = Reader { message, at: 0, parts, labels };
    reader.keep(pri(message));
    let begun = reader.mark();
    if !reader.rfc5424() {
        reader.back(begun);
        let time = time(reader.rest());
        reader.keep(time);
        reader.content();
    }
}

/// Which parts are the header's fields, with what stands between them; none without a header of RFC 5424.
pub(super) fn fields(parts: &[Part]) -> Option<RangeInclusive<usize>> {
    let is_field = |part: &Part| matches!(part.kind, Kind::Field { .. });
    Some(parts.iter().position(is_field)?..=parts.iter().rposition(is_field)?)
}

/// Reads what stands at `at` and behind it as a message without a header. The parts end there.
pub(super) fn headless(message: &[u8], at: usize, parts: &mut Vec<Part>, labels: &mut Vec<Label>) {
    Reader { message, at, parts, labels }.content();
}

/// The length of `<PRIVAL>`; 0 where there is none.
fn pri(message: &[u8]) -> usize {
    let digits = message.iter().skip(1).take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits > 0 && message.first() == Some(&b'<') && message.get(digits + 1) == Some(&b'>');
    if whole { digits + 2 } else { 0 }
}

/// The length of a time as RFC 3164 and those who write RFC 3339 into it have it; 0 where there is none.
fn time(text: &[u8]) -> usize {
    let end = |len: usize| matches!(text.get(len), None | Some(b' ' | b':')).then_some(len);
    bsd_time(text).and_then(end).or_else(|| rfc3339(text).and_then(end)).unwrap_or(0)
}

/// `Mmm dd hh:mm:ss`, and with a year before the hour; a fraction may follow.
fn bsd_time(text: &[u8]) -> Option<usize> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let month = text.get(..3)?;
    if !MONTHS.contains(&month) {
        return None;
    }
    let day = shaped(text.get(3..)?, b" 00 ").or_else(|| shaped(text.get(3..)?, b"  0 "))?;
    let mut at = 3 + day;
    if let Some(year) = shaped(text.get(at..)?, b"0000 ") {
        at += year;
    }
    at += shaped(text.get(at..)?, b"00:00:00")?;
    Some(at + fraction(text.get(at..).unwrap_or_default()))
}

/// The length of an RFC 3339 time as RFC 5424 section 6.2.3 narrows it.
fn rfc3339(text: &[u8]) -> Option<usize> {
    let mut at = shaped(text, b"0000-00-00T00:00:00")?;
    at += fraction(text.get(at..)?);
    match text.get(at)? {
        b'Z' => Some(at + 1),
        b'+' | b'-' => Some(at + 1 + shaped(text.get(at + 1..)?, b"00:00")?),
        _ => None,
    }
}

/// A point and one to six digits.
fn fraction(text: &[u8]) -> usize {
    let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if text.first() == Some(&b'.') && (1..=6).contains(&digits) { digits + 1 } else { 0 }
}

/// Whether a text begins with this shape, in which `0` is any digit.
fn shaped(text: &[u8], shape: &[u8]) -> Option<usize> {
    let fits = |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    (text.len() >= shape.len() && text.iter().zip(shape).all(fits)).then_some(shape.len())
}

struct Reader<'m, 'p> {
    message: &'m [u8],
    at: usize,
    parts: &'p mut Vec<Part>,
    labels: &'p mut Vec<Label>,
}

impl<'m> Reader<'m, '_> {
    fn rest(&self) -> &'m [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    /// The next `len` bytes are this; an empty stretch is none.
    fn take(&mut self, len: usize, kind: Kind) -> Range<usize> {
        let range = self.at..self.at + len;
        self.at = range.end;
        if len > 0 {
            self.parts.push(Part { range: range.clone(), kind });
        }
        range
    }

    fn keep(&mut self, len: usize) {
        let begins = self.at;
        self.at += len;
        match self.parts.last_mut() {
            Some(Part { range, kind: Kind::Keep }) if range.end == begins => range.end = self.at,
            Some(_) | None if len > 0 => self.parts.push(Part { range: begins..self.at, kind: Kind::Keep }),
            Some(_) | None => {}
        }
    }

    /// Where the reading is.
    fn mark(&self) -> (usize, usize) {
        (self.at, self.parts.len())
    }

    /// Forgets what was read since.
    fn back(&mut self, (at, parts): (usize, usize)) {
        self.at = at;
        self.parts.truncate(parts);
        if let Some(Part { range, .. }) = self.parts.last_mut() {
            range.end = range.end.min(at);
        }
    }

    /// The length up to a blank that must be there.
    fn token(&self) -> Option<usize> {
        memchr::memchr(b' ', self.rest()).filter(|len| *len > 0)
    }

    /// VERSION and all that follows, if the header is one of RFC 5424. Behind a TIMESTAMP that no structured data follows
    /// is one text: its first words would else be fields, each a part of what they say.
    fn rfc5424(&mut self) -> bool {
        let Some(version) = self.token().filter(|len| *len <= 3) else { return false };
        let digits = self.rest().get(..version).unwrap_or_default();
        if digits.first() == Some(&b'0') || !digits.iter().all(u8::is_ascii_digit) {
            return false;
        }
        self.keep(version + 1);
        let Some(time) = self.token() else { return false };
        let stamp = self.rest().get(..time).unwrap_or_default();
        if stamp != b"-" && rfc3339(stamp) != Some(time) {
            return false;
        }
        self.keep(time + 1);
        let begun = self.mark();
        if self.fields() && self.structured_data() {
            if self.rest().is_empty() {
                return true;
            }
            self.keep(1);
        } else if stamp == b"-" {
            return false;
        } else {
            self.back(begun);
        }
        self.content();
        true
    }

    /// HOSTNAME, APP-NAME, PROCID and MSGID.
    fn fields(&mut self) -> bool {
        for (label, longest) in FIELDS {
            let Some(len) = self.token() else { return false };
            self.take(len, Kind::Field { label, longest });
            self.keep(1);
        }
        true
    }

    /// STRUCTURED-DATA up to its end, which a blank or the message's end follows.
    fn structured_data(&mut self) -> bool {
        if self.rest().first() == Some(&b'-') {
            self.keep(1);
        } else {
            while self.rest().first() == Some(&b'[') {
                if self.element().is_none() {
                    return false;
                }
            }
        }
        let ended = self.message.get(..self.at).is_some_and(|read| read.ends_with(b"-") || read.ends_with(b"]"));
        ended && matches!(self.rest().first(), None | Some(b' '))
    }

    /// `[SD-ID NAME="VALUE" …]`.
    fn element(&mut self) -> Option<()> {
        self.keep(1);
        self.name()?;
        loop {
            match self.rest().first()? {
                b']' => {
                    self.keep(1);
                    return Some(());
                }
                b' ' => {}
                _ => return None,
            }
            self.keep(1);
            let name = self.name()?;
            if !self.rest().starts_with(b"=\"") {
                return None;
            }
            self.keep(2);
            let len = quoted(self.rest())?;
            self.take(len, Kind::Value { name });
            self.keep(1);
        }
    }

    fn name(&mut self) -> Option<Range<usize>> {
        let is_name = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
        let len = self.rest().iter().take_while(is_name).count();
        (len > 0).then(|| self.take(len, Kind::Name))
    }

    /// What the message says, to its end.
    fn content(&mut self) {
        if self.rest().starts_with(BOM) {
            self.keep(BOM.len());
        }
        let text = self.rest();
        let start = self.mark();
        if let Some(at) = marked(text, b"CEF:") {
            self.take(at, Kind::Text);
            if self.cef().is_some() {
                return;
            }
            self.back(start);
        } else if let Some(at) = marked(text, b"LEEF:") {
            self.take(at, Kind::Text);
            if self.leef().is_some() {
                return;
            }
            self.back(start);
        }
        if let Some(at) = json_start(text) {
            self.take(at, Kind::Text);
            self.take(self.rest().len(), Kind::Json);
        } else {
            self.take(text.len(), Kind::Text);
        }
    }

    /// `CEF:Version|Vendor|Product|Version|Class|Name|Severity|Extension`.
    fn cef(&mut self) -> Option<()> {
        let version = memchr::memchr(b'|', self.rest())?;
        let number = self.rest().get(4..version)?;
        if number.is_empty() || number.len() > 4 || !number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
            return None;
        }
        self.keep(version + 1);
        for _ in 0..6 {
            let len = unescaped(self.rest(), b'|')?;
            self.take(len, Kind::CefHeader);
            self.keep(1);
        }
        self.extension();
        Some(())
    }

    /// `key=value key=value`: a value goes on to the blank before the next key.
    fn extension(&mut self) {
        self.label_all();
        while !self.rest().is_empty() {
            let blanks = self.rest().iter().take_while(|byte| **byte == b' ').count();
            self.keep(blanks);
            let Some(len) = key(self.rest()) else {
                // Something before the first key: text like a value without a name.
                let len = next_key(self.rest()).unwrap_or(self.rest().len());
                let none = self.at..self.at;
                self.take(len, Kind::CefValue { label: none });
                continue;
            };
            let key = self.take(len, Kind::Key);
            self.keep(1);
            let len = next_key(self.rest()).unwrap_or(self.rest().len());
            let label = self.called(&key).unwrap_or(key);
            self.take(len, Kind::CefValue { label });
        }
    }

    /// Looks once for what an extension calls its values: labels in the order of their keys, the first of a key first.
    fn label_all(&mut self) {
        let (whole, offset, message) = (self.rest(), self.at, self.message);
        self.labels.clear();
        for at in memchr::memmem::find_iter(whole, LABEL) {
            let before = whole.get(..at).unwrap_or_default();
            let begins = at - before.iter().rev().take_while(|byte| is_key(**byte)).count();
            let apart = begins.checked_sub(1).is_none_or(|blank| whole.get(blank) == Some(&b' '));
            if !apart || !before.last().is_some_and(u8::is_ascii_digit) {
                continue;
            }
            let from = at + LABEL.len();
            let text = whole.get(from..).unwrap_or_default();
            let end = from + next_key(text).unwrap_or(text.len());
            self.labels.push(Label { key: begins + offset..at + offset, text: from + offset..end + offset });
        }
        self.labels.sort_by_key(|label| message.get(label.key.clone()));
    }

    /// What the value of a key is called, if anything.
    fn called(&self, key: &Range<usize>) -> Option<Range<usize>> {
        let text = |range: &Range<usize>| self.message.get(range.clone());
        let wanted = text(key);
        let at = self.labels.partition_point(|label| text(&label.key) < wanted);
        self.labels.get(at).filter(|label| text(&label.key) == wanted).map(|label| label.text.clone())
    }

    /// `LEEF:1.0|Vendor|Product|Version|Event|` and attributes; `LEEF:2.0` names what stands between them. Where that can
    /// stand in a value, values would be cut by it, and all is text.
    fn leef(&mut self) -> Option<()> {
        let version = memchr::memchr(b'|', self.rest())?;
        let second = match self.rest().get(5..version)? {
            b"1.0" => false,
            b"2.0" => true,
            _ => return None,
        };
        self.keep(version + 1);
        for _ in 0..4 {
            let len = memchr::memchr(b'|', self.rest())?;
            self.take(len, Kind::LeefHeader);
            self.keep(1);
        }
        let mut delimiter = b'\t';
        if second && let Some((named, len)) = delimiter_of(self.rest()) {
            if !separates(named) {
                return None;
            }
            delimiter = named;
            self.keep(len);
        }
        while !self.rest().is_empty() {
            let end = memchr::memchr(delimiter, self.rest()).unwrap_or(self.rest().len());
            let attribute = self.rest().get(..end).unwrap_or_default();
            match memchr::memchr(b'=', attribute) {
                Some(len) => {
                    let key = self.take(len, Kind::Key);
                    self.keep(1);
                    self.take(end - len - 1, Kind::LeefValue { key, delimiter });
                }
                None => {
                    let key = self.at..self.at;
                    self.take(end, Kind::LeefValue { key, delimiter });
                }
            }
            let more = usize::from(!self.rest().is_empty());
            self.keep(more);
        }
        Some(())
    }
}

/// The length of a parameter's value: up to the `"` that no `\` stands before.
fn quoted(text: &[u8]) -> Option<usize> {
    unescaped(text, b'"')
}

/// Where `wanted` stands first without a `\` before it.
fn unescaped(text: &[u8], wanted: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr::memchr2(wanted, b'\\', text.get(at..)?)?;
        if text.get(found) == Some(&wanted) {
            return Some(found);
        }
        at = found + 2;
    }
}

/// Where a mark with a digit behind it stands: at the beginning, or behind a blank or a colon.
fn marked(text: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(text, mark).find(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        matches!(before, None | Some(b' ' | b':' | b'\t')) && text.get(at + mark.len()).is_some_and(u8::is_ascii_digit)
    })
}

/// Where JSON begins: an object at the beginning, behind a blank, a colon or CEE's cookie, or an array that the text is.
fn json_start(text: &[u8]) -> Option<usize> {
    if let Some(at) = memchr::memmem::find(text, CEE) {
        let after = at + CEE.len();
        let blanks = text.get(after..)?.iter().take_while(|byte| **byte == b' ').count();
        if text.get(after + blanks) == Some(&b'{') {
            return Some(after + blanks);
        }
    }
    if text.first() == Some(&b'[') {
        return Some(0);
    }
    memchr::memchr_iter(b'{', text).find(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let mut after = text.iter().skip(at + 1).skip_while(|byte| byte.is_ascii_whitespace());
        matches!(before, None | Some(b' ' | b':' | b'\t')) && after.next() == Some(&b'"')
    })
}

/// The length of a key that `=` follows.
fn key(text: &[u8]) -> Option<usize> {
    let len = text.iter().take_while(|byte| is_key(**byte)).count();
    (len > 0 && text.get(len) == Some(&b'=')).then_some(len)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'[' | b']')
}

/// Where the blank before the next key stands.
fn next_key(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'=', text).find_map(|equals| {
        let before = text.get(..equals)?;
        let len = before.iter().rev().take_while(|byte| is_key(**byte)).count();
        let at = equals.checked_sub(len + 1)?;
        (len > 0 && before.get(at) == Some(&b' ')).then_some(at)
    })
}

/// What stands between attributes of LEEF 2.0, and how many bytes say so: a character, `x09` or `0x09`, with its `|`.
fn delimiter_of(text: &[u8]) -> Option<(u8, usize)> {
    let len = memchr::memchr(b'|', text).filter(|len| *len <= 6)?;
    let named = text.get(..len)?;
    let hex = named.strip_prefix(b"0x").or_else(|| named.strip_prefix(b"x"));
    let byte = match (named, hex) {
        ([], _) => b'\t',
        ([byte], _) => *byte,
        (_, Some(digits)) if digits.len() <= 4 && digits.iter().all(u8::is_ascii_hexdigit) => {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::try_from(u32::from_str_radix(digits, 16).ok()?).ok()?
        }
        _ => return None,
    };
    Some((byte, len + 1))
}

/// Whether a byte between attributes stands in no value: a tab, other controls that are no blank or line's end, and the signs
/// that senders of LEEF use.
fn separates(byte: u8) -> bool {
    matches!(byte, b'\t' | b'^' | b'|' | b';' | 0x01..=0x08 | 0x0e..=0x1f)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        reason = "a panic here is a failed test"
    )]

    use super::*;

    /// The stretches of a message, each with a letter for what it is; they must cover it.
    fn read(message: &str) -> String {
        let (mut parts, mut at, mut told) = (Vec::new(), 0, String::new());
        parse(message.as_bytes(), &mut parts, &mut Vec::new());
        for part in &parts {
            assert!(part.range.start == at && part.range.end > at, "{parts:?}");
            at = part.range.end;
            let text = |range: &Range<usize>| message[range.clone()].to_owned();
            let kind = match &part.kind {
                Kind::Keep => "=".to_owned(),
                Kind::Field { label, .. } => format!("{label}:"),
                Kind::Name => "n:".to_owned(),
                Kind::Value { name } => format!("v({}):", text(name)),
                Kind::Text => "t:".to_owned(),
                Kind::Json => "j:".to_owned(),
                Kind::CefHeader | Kind::LeefHeader => "h:".to_owned(),
                Kind::Key => "k:".to_owned(),
                Kind::CefValue { label } => format!("c({}):", text(label)),
                Kind::LeefValue { key, delimiter } => format!("l({},{delimiter}):", text(key)),
            };
            told += &format!("{kind}{}\u{a6}", &message[part.range.clone()]);
        }
        assert_eq!(at, message.len(), "{message:?}");
        told
    }

    #[test]
    fn the_first_label_of_a_key_counts_and_stands_apart() {
        for (extension, called) in [
            ("cs1=v cs1Label=a cs1Label=b", "a"),
            ("cs1Label=a cs10Label=b cs1=v", "a"),
            ("xcs1Label=a cs1=v", "cs1"),
            ("x=cs1Label=a cs1=v", "cs1"),
            ("cs1Label= cs1=v", ""),
            ("csLabel=a cs=v", "cs"),
            ("cs2Label=b cs3Label=c cs1Label=a b cs1=v", "a b"),
        ] {
            let told = read(&format!("CEF:0|a|b|c|d|e|f|{extension}"));
            assert!(told.contains(&format!("c({called}):v\u{a6}")), "{told}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "it measures time")]
    fn many_keys_and_many_labels_take_no_time_of_their_product() {
        let message = format!("CEF:0|a|b|c|d|e|f|{}{}", "11= ".repeat(8000), "Label= ".repeat(4500));
        let labelled: String = (0..8000).map(|at| format!("a{at}Label= a{at}= ")).collect();
        let begun = std::time::Instant::now();
        for message in [message, format!("CEF:0|a|b|c|d|e|f|{labelled}")] {
            parse(message.as_bytes(), &mut Vec::new(), &mut Vec::new());
        }
        assert!(begun.elapsed() < std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
    }

    #[test]
    fn headers_are_told_from_text() {
        for (message, expected) in [
            (
                "<165>1 2026-10-11T22:14:15.003Z host app 111 ID47 [a@1 k=\"v\"][b] \u{feff}text",
                "=<165>1 2026-10-11T22:14:15.003Z \u{a6}hostname:host\u{a6}= \u{a6}app-name:app\u{a6}= \u{a6}procid:111\u{a6}= \u{a6}\
                 msgid:ID47\u{a6}= [\u{a6}n:a@1\u{a6}= \u{a6}n:k\u{a6}==\"\u{a6}v(k):v\u{a6}=\"][\u{a6}n:b\u{a6}=] \u{feff}\u{a6}t:text\u{a6}",
            ),
            (
                "<13>1 - - - - - -",
                "=<13>1 - \u{a6}hostname:-\u{a6}= \u{a6}app-name:-\u{a6}= \u{a6}procid:-\u{a6}= \u{a6}msgid:-\u{a6}= -\u{a6}",
            ),
            (
                "<13>1 - h a p m - x",
                "=<13>1 - \u{a6}hostname:h\u{a6}= \u{a6}app-name:a\u{a6}= \u{a6}procid:p\u{a6}= \u{a6}msgid:m\u{a6}= - \u{a6}t:x\u{a6}",
            ),
            ("<34>Oct 11 22:14:15 mymachine su: x", "=<34>Oct 11 22:14:15\u{a6}t: mymachine su: x\u{a6}"),
            ("<34>Oct  1 2026 22:14:15.123: x", "=<34>Oct  1 2026 22:14:15.123\u{a6}t:: x\u{a6}"),
            ("<34>2026-10-11T22:14:15+02:00 h t: x", "=<34>2026-10-11T22:14:15+02:00\u{a6}t: h t: x\u{a6}"),
            ("just text", "t:just text\u{a6}"),
            ("", ""),
            ("<13>", "=<13>\u{a6}"),
            ("<1234>x", "t:<1234>x\u{a6}"),
            ("<>x", "t:<>x\u{a6}"),
        ] {
            assert_eq!(read(message), expected, "{message:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_header_is_text() {
        for message in [
            "1 4111111111111111 h a p m - x",
            "99 bottles of beer on the wall today",
            "1 2026-10-11T22:14:15.1234567Z h a p m - x",
            "1 - h a p",
            "01 - h a p m - x",
        ] {
            assert_eq!(read(&format!("<13>{message}")), format!("=<13>\u{a6}t:{message}\u{a6}"));
        }
        assert_eq!(read("Oct 11 22:14:15078051120"), "t:Oct 11 22:14:15078051120\u{a6}");
        for data in [
            "[a",
            "[a b]",
            "[a b=c]",
            "[a b=\"c]",
            "[a b=\"c\\\"]",
            "[]",
            "[ a]",
            "[a]x",
            "-x",
            "x",
            "[a b=\"c\"d=\"e\"]",
        ] {
            let message = format!("1 - h a p m {data}");
            assert_eq!(read(&format!("<1>{message}")), format!("=<1>\u{a6}t:{message}\u{a6}"));
            let stamp = "<1>1 2026-10-11T22:14:15Z ";
            assert_eq!(read(&format!("{stamp}h a p m {data}")), format!("={stamp}\u{a6}t:h a p m {data}\u{a6}"));
        }
        assert_eq!(read("<1>1 2026-10-11T22:14:15Z h a"), "=<1>1 2026-10-11T22:14:15Z \u{a6}t:h a\u{a6}");
        assert_eq!(
            read("<1>1 2026-10-11T22:14:15Z h t: {\"a\":1}"),
            "=<1>1 2026-10-11T22:14:15Z \u{a6}t:h t: \u{a6}j:{\"a\":1}\u{a6}"
        );
    }

    #[test]
    fn json_cef_and_leef_are_found_in_the_text() {
        for (message, expected) in [
            ("{\"a\":1}", "j:{\"a\":1}\u{a6}"),
            ("[1]", "j:[1]\u{a6}"),
            ("h t: @cee: {\"a\":1}", "t:h t: @cee: \u{a6}j:{\"a\":1}\u{a6}"),
            ("h t[1]: { \"a\":1}", "t:h t[1]: \u{a6}j:{ \"a\":1}\u{a6}"),
            ("f{\"a\"} {x", "t:f{\"a\"} {x\u{a6}"),
            (
                "h CEF:0|V|P|1.0|100|na\\|me|10|src=1.2.3.4 msg=a b\\=c d cs1Label=SSN cs1=9",
                "t:h \u{a6}=CEF:0|\u{a6}h:V\u{a6}=|\u{a6}h:P\u{a6}=|\u{a6}h:1.0\u{a6}=|\u{a6}h:100\u{a6}=|\u{a6}h:na\\|me\u{a6}=|\u{a6}h:10\u{a6}=|\u{a6}\
                 k:src\u{a6}==\u{a6}c(src):1.2.3.4\u{a6}= \u{a6}k:msg\u{a6}==\u{a6}c(msg):a b\\=c d\u{a6}= \u{a6}\
                 k:cs1Label\u{a6}==\u{a6}c(cs1Label):SSN\u{a6}= \u{a6}k:cs1\u{a6}==\u{a6}c(SSN):9\u{a6}",
            ),
            (
                "CEF:0|a|b|c|d|e|f|",
                "=CEF:0|\u{a6}h:a\u{a6}=|\u{a6}h:b\u{a6}=|\u{a6}h:c\u{a6}=|\u{a6}h:d\u{a6}=|\u{a6}h:e\u{a6}=|\u{a6}h:f\u{a6}=|\u{a6}",
            ),
            (
                "CEF:0|a|b|c|d|e|f|lost k=v",
                "=CEF:0|\u{a6}h:a\u{a6}=|\u{a6}h:b\u{a6}=|\u{a6}h:c\u{a6}=|\u{a6}h:d\u{a6}=|\u{a6}h:e\u{a6}=|\u{a6}h:f\u{a6}=|\u{a6}c():lost\u{a6}= \u{a6}k:k\u{a6}==\u{a6}c(k):v\u{a6}",
            ),
            ("CEF:0|a|b|c|d", "t:CEF:0|a|b|c|d\u{a6}"),
            ("CEF:4111111111111111|a|b|c|d|e|f|", "t:CEF:4111111111111111|a|b|c|d|e|f|\u{a6}"),
            (
                "LEEF:1.0|V|P|1|E|a=b\tc=d e",
                "=LEEF:1.0|\u{a6}h:V\u{a6}=|\u{a6}h:P\u{a6}=|\u{a6}h:1\u{a6}=|\u{a6}h:E\u{a6}=|\u{a6}k:a\u{a6}==\u{a6}l(a,9):b\u{a6}=\t\u{a6}k:c\u{a6}==\u{a6}l(c,9):d e\u{a6}",
            ),
            (
                "LEEF:2.0|V|P|1|E|^|a=b^c",
                "=LEEF:2.0|\u{a6}h:V\u{a6}=|\u{a6}h:P\u{a6}=|\u{a6}h:1\u{a6}=|\u{a6}h:E\u{a6}=|^|\u{a6}k:a\u{a6}==\u{a6}l(a,94):b\u{a6}=^\u{a6}l(,94):c\u{a6}",
            ),
            (
                "LEEF:2.0|V|P|1|E|x5E|a=b",
                "=LEEF:2.0|\u{a6}h:V\u{a6}=|\u{a6}h:P\u{a6}=|\u{a6}h:1\u{a6}=|\u{a6}h:E\u{a6}=|x5E|\u{a6}k:a\u{a6}==\u{a6}l(a,94):b\u{a6}",
            ),
            (
                "LEEF:2.0|V|P|1|E|0x01|a=b",
                "=LEEF:2.0|\u{a6}h:V\u{a6}=|\u{a6}h:P\u{a6}=|\u{a6}h:1\u{a6}=|\u{a6}h:E\u{a6}=|0x01|\u{a6}k:a\u{a6}==\u{a6}l(a,1):b\u{a6}",
            ),
            ("LEEF:3.0|V|P|1|E|a=b", "t:LEEF:3.0|V|P|1|E|a=b\u{a6}"),
            ("LEEF:2.0|V|P|1|E|x31|a=b", "t:LEEF:2.0|V|P|1|E|x31|a=b\u{a6}"),
            ("CEF:0|a|b {\"a\":1}", "t:CEF:0|a|b \u{a6}j:{\"a\":1}\u{a6}"),
        ] {
            assert_eq!(read(message), expected, "{message:?}");
        }
    }
}
