//! What takes the place of a stretch of a view, as the text there is written.
//!
//! Enters: a stretch of the view and its replacement. Leaves: the replacement in the encoding of the stretch. A group of
//! base64 is written whole, with what stays of it, and a number of JSON in a run becomes a string.

use std::ops::Range;

use super::View;
use super::places::Segment;
use crate::engine::view::{Encoding, write, write_blob};

/// How far before a number in a run is looked for the name that it has in JSON: no farther than is always kept.
const BEFORE_NUMBER: u64 = 36;

impl View {
    /// Appends what takes the place of a stretch of the view, as the text there is written. What shares its last group
    /// stays, up to a place where another finding begins. What is written `alone` is not asked what stands beside it.
    pub(in crate::engine::scan) fn write(
        &self,
        own: Range<u64>,
        replacement: &[u8],
        alone: bool,
        until: u64,
        out: &mut Vec<u8>,
    ) {
        // A sign of a query (`limit=20`) looks like an encoded blank: only what is inside tells of this encoding.
        let near = |segment: &&Segment| {
            segment.view <= own.end && segment.view_end() >= own.start && segment.encoding != Encoding::QuotedPrintable
        };
        let inside = |segment: &&Segment| segment.view < own.end && segment.view_end() > own.start;
        let telling = |segment: &&Segment| !matches!(segment.encoding, Encoding::Plain | Encoding::Folded);
        let from = self.segments.partition_point(|segment| segment.view_end() < own.start);
        let segments = self.segments.get(from..).unwrap_or_default();
        let segments = || segments.iter().take_while(|segment| segment.view <= own.end);
        let encoding = segments()
            .filter(inside)
            .find(telling)
            .or_else(|| segments().filter(|_| !alone).filter(near).find(telling))
            .map_or(Encoding::Plain, |segment| segment.encoding);
        if !matches!(encoding, Encoding::Base64 | Encoding::Base64Url | Encoding::HexLower | Encoding::HexUpper) {
            // A plus that a query's value begins with is no blank: it stays as it came, and so does how it is read.
            let plain = |segment: &Segment| segment.encoding == Encoding::Plain;
            let plus = encoding == Encoding::Query
                && self.bytes(own.clone()).first() == Some(&b'+')
                && segments().find(inside).is_some_and(plain);
            let rest = replacement.strip_prefix(b"+").filter(|_| plus);
            out.extend(rest.map(|_| b'+'));
            return write(rest.unwrap_or(replacement), encoding, out);
        }
        let (Some(first), Some(final_group)) = (segments().find(inside), segments().filter(inside).last()) else {
            return;
        };
        // What stands in plain text before a run stays as it is.
        let before = if first.encoding == Encoding::Plain { own.start } else { first.view };
        let mut bytes = self.bytes(before..own.start.max(before)).to_vec();
        let quote = if alone { Vec::new() } else { self.quote_for(&own) };
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(replacement);
        let rest = self.bytes(own.end..final_group.view_end().min(until).max(own.end));
        // A run goes on behind a whole group, and its groups stay where they are. What fills up belongs to the
        // replacement: behind a quotation mark it would break what the run says.
        if final_group.view_len == 3 && matches!(encoding, Encoding::Base64 | Encoding::Base64Url) {
            let len = bytes.len() + quote.len() + rest.len();
            bytes.resize(bytes.len() + len.next_multiple_of(3) - len, b'*');
        }
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(rest);
        write_blob(&bytes, encoding, final_group.text_len == 4, out);
    }

    /// What must stand round the text in the place of a number of JSON, so that a string stands there: a quotation mark as
    /// the name before it has, with its backslashes where the JSON is a string itself. What stands before the number
    /// decides alone, since what follows may not have come.
    fn quote_for(&self, own: &Range<u64>) -> Vec<u8> {
        let value = self.bytes(own.clone());
        let is_number = value.first().is_some_and(u8::is_ascii_digit)
            && value.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte));
        let before = self.bytes(own.start.saturating_sub(BEFORE_NUMBER)..own.start).trim_ascii_end();
        // The first of a list, or one behind numbers alone.
        let list = before.iter().rposition(|byte| !(byte.is_ascii_digit() || b"-+.eE, \t\r\n".contains(byte)));
        let before = match list.map(|at| before.split_at(at)) {
            Some((name, [b'[', numbers @ ..])) if numbers.last().is_none_or(|last| *last == b',') => {
                name.trim_ascii_end()
            }
            _ => before,
        };
        let Some([name @ .., b'"']) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end).filter(|_| is_number)
        else {
            return Vec::new();
        };
        let backslashes = name.iter().rev().take_while(|byte| **byte == b'\\').count();
        let mut quote = vec![b'\\'; backslashes];
        quote.push(b'"');
        quote
    }
}
