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

/// How a replacement is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine::scan) struct Manner {
    /// Whether nothing beside it tells of its encoding.
    pub(in crate::engine::scan) alone: bool,
    /// The place of the view up to which its first group is written already.
    pub(in crate::engine::scan) since: u64,
    /// The place where another finding begins in its last group.
    pub(in crate::engine::scan) until: u64,
    /// How many groups more than it needs are written.
    pub(in crate::engine::scan) fill: usize,
}

/// What a run has beside a replacement in the groups that are written with it.
struct Groups<'view> {
    before: &'view [u8],
    rest: &'view [u8],
    last: Segment,
}

impl Groups<'_> {
    /// Whether more groups of base64 follow.
    fn goes_on(&self, encoding: Encoding) -> bool {
        self.last.view_len == 3 && matches!(encoding, Encoding::Base64 | Encoding::Base64Url)
    }
}

impl View {
    fn segments_round<'view>(&'view self, own: &Range<u64>) -> impl Iterator<Item = &'view Segment> + use<'view> {
        let from = self.segments.partition_point(|segment| segment.view_end() < own.start);
        let (segments, end) = (self.segments.get(from..).unwrap_or_default(), own.end);
        segments.iter().take_while(move |segment| segment.view <= end)
    }

    fn segments_inside<'view>(&'view self, own: &Range<u64>) -> impl Iterator<Item = &'view Segment> + use<'view> {
        let (start, end) = (own.start, own.end);
        self.segments_round(own).filter(move |segment| segment.view < end && segment.view_end() > start)
    }

    /// How a stretch of the view is written, by what is encoded in it or beside it.
    fn encoding(&self, own: &Range<u64>, alone: bool) -> Encoding {
        // A sign of a query (`limit=20`) looks like an encoded blank: only what is inside tells of this encoding.
        let near = |segment: &&Segment| {
            segment.view <= own.end && segment.view_end() >= own.start && segment.encoding != Encoding::QuotedPrintable
        };
        let telling = |segment: &&Segment| !matches!(segment.encoding, Encoding::Plain | Encoding::Folded);
        self.segments_inside(own)
            .find(telling)
            .or_else(|| self.segments_round(own).filter(|_| !alone).filter(near).find(telling))
            .map_or(Encoding::Plain, |segment| segment.encoding)
    }

    /// Whether a stretch of the view is one of a run.
    pub(in crate::engine::scan) fn is_run(&self, own: &Range<u64>) -> bool {
        self.encoding(own, true).is_run()
    }

    fn groups(&self, own: &Range<u64>, manner: Manner) -> Option<Groups<'_>> {
        let mut inside = self.segments_inside(own);
        let first = inside.next()?;
        let last = *inside.last().unwrap_or(first);
        // What stands in plain text before a run stays as it is.
        let before = if first.encoding == Encoding::Plain { own.start } else { first.view.max(manner.since) };
        Some(Groups {
            before: self.bytes(before..own.start.max(before)),
            rest: self.bytes(own.end..last.view_end().min(manner.until).max(own.end)),
            last,
        })
    }

    /// How many bytes what takes the place of a stretch lacks, if it has so many, to end with a group of base64 behind which
    /// the run goes on.
    pub(in crate::engine::scan) fn lacks(&self, own: &Range<u64>, len: usize, manner: Manner) -> usize {
        let encoding = self.encoding(own, manner.alone);
        let Some(groups) = self.groups(own, manner).filter(|groups| groups.goes_on(encoding)) else { return 0 };
        let quotes = if manner.alone { 0 } else { 2 * self.quote_for(own).len() };
        let len = groups.before.len() + quotes + len + groups.rest.len();
        len.next_multiple_of(3) - len
    }

    /// Appends what takes the place of a stretch of the view, as the text there is written. What shares its last group
    /// stays, up to a place where another finding begins.
    pub(in crate::engine::scan) fn write(
        &self,
        own: Range<u64>,
        replacement: &[u8],
        manner: Manner,
        out: &mut Vec<u8>,
    ) {
        let encoding = self.encoding(&own, manner.alone);
        if !encoding.is_run() {
            // A plus that a query's value begins with is no blank: it stays as it came, and so does how it is read.
            let plain = |segment: &Segment| segment.encoding == Encoding::Plain;
            let plus = encoding == Encoding::Query
                && self.bytes(own.clone()).first() == Some(&b'+')
                && self.segments_inside(&own).next().is_some_and(plain);
            let rest = replacement.strip_prefix(b"+").filter(|_| plus);
            out.extend(rest.map(|_| b'+'));
            return write(rest.unwrap_or(replacement), encoding, out);
        }
        let Some(groups) = self.groups(&own, manner) else { return };
        let mut bytes = groups.before.to_vec();
        let quote = if manner.alone { Vec::new() } else { self.quote_for(&own) };
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(replacement);
        // A run goes on behind a whole group, and its groups stay where they are. What fills up belongs to the
        // replacement: behind a quotation mark it would break what the run says.
        let mut fill = manner.fill * if matches!(encoding, Encoding::HexLower | Encoding::HexUpper) { 1 } else { 3 };
        if groups.goes_on(encoding) {
            let len = bytes.len() + quote.len() + groups.rest.len();
            fill += len.next_multiple_of(3) - len;
        }
        bytes.resize(bytes.len() + fill, b'*');
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(groups.rest);
        write_blob(&bytes, encoding, groups.last.text_len == 4, out);
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
