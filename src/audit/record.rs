//! Records: what enters are facts with names, what leaves is one line of canonical JSON (RFC 8785) and its hash.
//!
//! Holds *Secrecy* as far as form can: texts are bounded and without control or direction characters, numbers are
//! integers below 2^53, a line has at most [`LINE_LIMIT`] bytes. What may stand in a text is for who writes the entry.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use super::chain::{Domain, Hash, hex, tagged};

/// The longest line in bytes, without its line feed.
pub const LINE_LIMIT: usize = 8 << 10;
/// The longest text of a field in bytes; what is beyond is cut.
pub const TEXT_LIMIT: usize = 256;
/// The largest number: above it, readers of JSON differ.
const NUMBER_LIMIT: u64 = (1 << 53) - 1;
/// The field that holds the record's own hash.
pub(super) const HASH_FIELD: &str = "h";

/// What a record is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A request and its answer, or what refused them.
    Exchange,
    /// A WebSocket connection that begins; an exchange's record follows at its end.
    SessionOpen,
    /// What a person, or time, made of a held request.
    Quarantine,
    /// Messages of a connection for syslog, or how it ended.
    Syslog,
    /// What somebody did who runs the service.
    Admin,
    /// A configuration that took over.
    ConfigLoad,
    /// A configuration that was not taken.
    ConfigReject,
    /// The program serves.
    Start,
    /// The program has ended in order.
    Stop,
    /// A segment begins.
    SegmentOpen,
    /// A segment ends.
    SegmentClose,
    /// A line that was cut off by a crash was put aside.
    RecoveredTail,
    /// The log could not be written for a time.
    Recovered,
    /// The clock was set.
    ClockJump,
    /// Another key signs from here on.
    KeyRotate,
}

impl Kind {
    /// The word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::SessionOpen => "session_open",
            Self::Quarantine => "quarantine",
            Self::Syslog => "syslog",
            Self::Admin => "admin",
            Self::ConfigLoad => "config_load",
            Self::ConfigReject => "config_reject",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::SegmentOpen => "segment_open",
            Self::SegmentClose => "segment_close",
            Self::RecoveredTail => "recovered_tail",
            Self::Recovered => "recovered",
            Self::ClockJump => "clock_jump",
            Self::KeyRotate => "key_rotate",
        }
    }
}

/// A record before it has its place in the log.
///
/// Its values are written as JSON when they are added, by who knows them: the thread that writes the log has one text to take
/// over instead of a tree to walk and to take apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    kind: Kind,
    /// The values as JSON, one behind the other.
    text: Vec<u8>,
    /// The members' names, and where each one's value stands there.
    members: Vec<(&'static str, Range<usize>)>,
}

impl Entry {
    /// An entry without fields of its own.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, text: Vec::with_capacity(1024), members: Vec::with_capacity(36) }
    }

    /// What it is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &'static str, text: &str) -> Self {
        self.value(name, bounded(text))
    }

    /// Adds a number; above 2^53 - 1 it is that.
    #[must_use]
    pub fn number(self, name: &'static str, number: u64) -> Self {
        self.value(name, number.min(NUMBER_LIMIT))
    }

    /// Adds a value, whose texts are [`bounded`], whose numbers are [`integer`]s, and whose members are in the order of
    /// their names.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Serialize) -> Self {
        let value = self.put(&value);
        self.members.push((name, value));
        self
    }

    /// Writes a value behind the others; gives where it stands.
    fn put(&mut self, value: &impl Serialize) -> Range<usize> {
        let start = self.text.len();
        serde_json::to_writer(&mut self.text, value).expect("a value of texts and numbers is JSON");
        start..self.text.len()
    }

    /// A member's value, read again.
    fn read(&self, name: &str) -> Option<Value> {
        let (_, value) = self.members.iter().find(|(known, _)| *known == name)?;
        serde_json::from_slice(self.text.get(value.clone())?).ok()
    }
}

/// A number as records have it.
#[must_use]
pub fn integer(number: u64) -> Value {
    Value::from(number.min(NUMBER_LIMIT))
}

/// A text as records have it: at most [`TEXT_LIMIT`] bytes, control and direction characters spelled out.
#[must_use]
pub fn bounded(text: &str) -> Cow<'_, str> {
    spelled(text, TEXT_LIMIT)
}

/// A text with its control and direction characters spelled out, for whoever reads it on a terminal.
#[must_use]
pub fn spelled_out(text: &str) -> String {
    spelled(text, usize::MAX).into_owned()
}

fn spelled(text: &str, limit: usize) -> Cow<'_, str> {
    let plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.len() <= limit && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        let spelled = if plain(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
        if out.len() + spelled.len() > limit {
            break;
        }
        out.push_str(&spelled);
    }
    Cow::Owned(out)
}

/// A record's place in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) log: &'a str,
    pub(super) boot: &'a str,
    pub(super) seq: u64,
    pub(super) prev: &'a Hash,
    pub(super) time: &'a str,
    pub(super) mono_ns: u64,
}

/// The record as its line, without line feed, and its hash.
pub(super) fn line(entry: Entry, place: Place<'_>) -> (Vec<u8>, Hash) {
    let kind = entry.kind.name();
    let mut entry = entry
        .value("boot", place.boot)
        .value("kind", kind)
        .value("log", place.log)
        .number("mono_ns", place.mono_ns)
        .value("prev", hex(place.prev))
        .number("seq", place.seq)
        .value("ts", place.time)
        .value("v", 1);
    // Names are ASCII, so the order of bytes is the one that RFC 8785 section 3.2.3 asks for.
    entry.members.sort_unstable_by_key(|(name, _)| *name);
    loop {
        let (line, hash) = written(&entry);
        if line.len() <= LINE_LIMIT || !shorten(&mut entry) {
            return (line, hash);
        }
    }
}

fn written(entry: &Entry) -> (Vec<u8>, Hash) {
    let split = entry.members.partition_point(|(name, _)| *name < HASH_FIELD);
    let (before, after) = entry.members.split_at(split);
    // Of each a name, its marks and a value; a hash and its name.
    let names: usize = entry.members.iter().map(|(name, _)| name.len() + 4).sum();
    let mut line = Vec::with_capacity(entry.text.len() + names + 80);
    line.push(b'{');
    members(entry, before, &mut line);
    let comma: &[u8] = if before.is_empty() { b"" } else { b"," };
    let mut rest = Vec::with_capacity(line.capacity() - line.len());
    members(entry, after, &mut rest);
    rest.push(b'}');
    let hash = tagged(Domain::Record, &[&line, comma, &rest]);
    line.extend_from_slice(comma);
    let own = ["\"", HASH_FIELD, "\":\"", &hex(&hash), "\","];
    own.iter().for_each(|part| line.extend_from_slice(part.as_bytes()));
    line.extend_from_slice(&rest);
    (line, hash)
}

fn members(entry: &Entry, members: &[(&'static str, Range<usize>)], out: &mut Vec<u8>) {
    for (place, (name, value)) in members.iter().enumerate() {
        out.extend_from_slice(if place > 0 { b",\"" } else { b"\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(entry.text.get(value.clone()).unwrap_or_default());
    }
}

/// Leaves out the second half of the findings and says how many there were; `false` where there are none to leave out.
fn shorten(entry: &mut Entry) -> bool {
    let Some(Value::Array(mut findings)) = entry.read("findings") else { return false };
    if findings.is_empty() {
        return false;
    }
    let known = entry.read("findings_left_out").and_then(|known| known.as_u64()).unwrap_or(0);
    let left_out = known + (findings.len() - findings.len() / 2) as u64;
    findings.truncate(findings.len() / 2);
    let (findings, left_out) = (entry.put(&findings), entry.put(&left_out));
    let mut set = |name: &'static str, value| match entry.members.binary_search_by_key(&name, |(known, _)| known) {
        Ok(at) => entry.members.get_mut(at).into_iter().for_each(|(_, known)| *known = Range::clone(&value)),
        Err(at) => entry.members.insert(at, (name, value)),
    };
    set("findings", findings);
    set("findings_left_out", left_out);
    true
}

/// What a direction's body came to: every byte of the decoded body was scanned, passed for a reason, or was withheld.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Receipt {
    /// Bytes that came, as they came.
    pub bytes_in: u64,
    /// Bytes that left, as they left.
    pub bytes_out: u64,
    /// Length of the body once its codings are opened.
    pub length: u64,
    /// Of these, bytes that were scanned.
    pub scanned: u64,
    /// Of these, bytes that passed without being scanned, by reason.
    pub unscanned: Vec<(&'static str, u64)>,
    /// Of these, bytes that were not judged when the body was refused, and never left.
    pub withheld: u64,
}

impl Serialize for Receipt {
    /// As it stands in a record.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("bytes_in", &self.bytes_in.min(NUMBER_LIMIT))?;
        object.serialize_entry("bytes_out", &self.bytes_out.min(NUMBER_LIMIT))?;
        object.serialize_entry("length", &self.length.min(NUMBER_LIMIT))?;
        object.serialize_entry("scanned", &self.scanned.min(NUMBER_LIMIT))?;
        if !self.unscanned.is_empty() {
            let reasons = self.unscanned.iter().map(|(reason, bytes)| (*reason, (*bytes).min(NUMBER_LIMIT)));
            object.serialize_entry("unscanned", &reasons.collect::<BTreeMap<_, _>>())?;
        }
        if self.withheld > 0 {
            object.serialize_entry("withheld", &self.withheld.min(NUMBER_LIMIT))?;
        }
        object.end()
    }
}

/// `YYYY-MM-DDThh:mm:ss.mmmZ` of milliseconds since 1970.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second, milli) = at.to_hms_milli();
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(prev: &Hash) -> Place<'_> {
        Place { log: "00", boot: "ff", seq: 7, prev, time: "2026-11-29T10:00:00.000Z", mono_ns: 5 }
    }

    #[test]
    fn a_line_is_canonical_and_its_hash_is_over_the_rest() {
        let entry = Entry::new(Kind::Exchange).text("ws", "acme \"q\" \u{202e}x\n").number("dur_us", u64::MAX);
        let (line, hash) = line(entry, place(&[9; 32]));
        let text = std::str::from_utf8(&line).unwrap();
        let parsed: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
        assert_eq!(parsed["ws"], "acme \"q\" \\u202ex\\u000a");
        assert_eq!(parsed["dur_us"], 9_007_199_254_740_991_u64);
        assert_eq!(parsed["h"], hex(&hash));
        let mut rest = parsed.as_object().unwrap().clone();
        rest.remove("h");
        assert_eq!(tagged(Domain::Record, &[serde_json::to_string(&rest).unwrap().as_bytes()]), hash);
    }

    #[test]
    fn texts_and_lines_have_their_bounds() {
        assert_eq!(bounded(&"x".repeat(TEXT_LIMIT)).len(), TEXT_LIMIT);
        assert_eq!(bounded(&"x".repeat(TEXT_LIMIT + 1)).len(), TEXT_LIMIT);
        assert_eq!(bounded(&"é".repeat(TEXT_LIMIT)).len(), TEXT_LIMIT);
        let finding = serde_json::json!({"rule": "x".repeat(200)});
        for count in [1_usize, 30, 60, 500] {
            let entry = Entry::new(Kind::Exchange).value("findings", Value::Array(vec![finding.clone(); count]));
            let (line, _) = line(entry, place(&[0; 32]));
            assert!(line.len() <= LINE_LIMIT);
            let parsed: Value = serde_json::from_slice(&line).unwrap();
            let kept = parsed["findings"].as_array().unwrap().len() as u64;
            assert_eq!(kept + parsed["findings_left_out"].as_u64().unwrap_or(0), count as u64);
            assert_eq!(serde_json::to_vec(&parsed).unwrap(), line);
        }
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_796_000_000_007), "2026-11-30T00:53:20.007Z");
    }
}
