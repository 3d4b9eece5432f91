//! What one event gives rise to: edits of its data, and ends of texts that leave beside it.

use std::cmp::Reverse;
use std::ops::Range;

use super::plan::TextKey;
use crate::body::is_large;
use crate::body::json::{TextOut, escape};

/// Reused from event to event.
#[derive(Default)]
pub(super) struct Work {
    pub(super) decoded: Vec<u8>,
    pub(super) out: TextOut,
    /// Replaced stretches of the data, each with its place in `new`.
    edits: Vec<(Range<usize>, Range<usize>)>,
    new: Vec<u8>,
    /// Those of them in which text has only moved.
    moves: Vec<Range<usize>>,
    /// Ends of texts, each with its place in `tail_bytes`.
    tails: Vec<(TextKey, Range<usize>)>,
    tail_bytes: Vec<u8>,
    /// Choices whose text did not leave whole and unchanged in this event.
    pub(super) altered: Vec<u64>,
    /// Choices that have text in this event.
    pub(super) spoken: Vec<u64>,
    /// The data as it leaves.
    pub(super) data: Vec<u8>,
}

impl Work {
    pub(super) fn clear(&mut self) {
        self.edits.clear();
        self.new.clear();
        self.moves.clear();
        self.clear_tails();
        self.altered.clear();
        self.spoken.clear();
    }

    /// Whether a large event has been here.
    pub(super) fn is_large(&self) -> bool {
        [&self.decoded, &self.out.bytes, &self.new, &self.tail_bytes, &self.data].into_iter().any(is_large)
    }

    pub(super) fn has_edits(&self) -> bool {
        !self.edits.is_empty()
    }

    /// How many stretches are replaced so far.
    pub(super) fn edits(&self) -> usize {
        self.edits.len()
    }

    /// Whether this stretch is replaced already.
    pub(super) fn has_edit(&self, range: &Range<usize>) -> bool {
        self.edits.iter().any(|(edit, _)| edit == range)
    }

    /// Whether anything in this stretch has changed, and not only moved, but what stands here.
    pub(super) fn has_change_in(&self, range: &Range<usize>, but: &Range<usize>) -> bool {
        let inside = |edit: &Range<usize>| range.start <= edit.start && edit.end <= range.end && edit != but;
        self.edits.iter().any(|(edit, _)| inside(edit) && !self.moves.contains(edit))
    }

    /// Says that what takes the place of this stretch is text that has only moved.
    pub(super) fn note_move(&mut self, range: Range<usize>) {
        self.moves.push(range);
    }

    /// Where what this stretch has become lies in what [`Work::write_data`] wrote.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let end = self.moved(range.end);
        let edit = self.edits.iter().find(|(edit, _)| edit == range);
        end.saturating_sub(edit.map_or(range.len(), |(_, new)| new.len()))..end
    }

    /// Forgets what takes the place of this stretch.
    pub(super) fn drop_edit(&mut self, range: &Range<usize>) {
        self.edits.retain(|(edit, _)| edit != range);
    }

    /// Replaces a stretch by a literal string of this text.
    pub(super) fn edit_string(&mut self, range: Range<usize>, text: &[u8]) {
        let start = self.new.len();
        self.new.push(b'"');
        escape(text, &mut self.new);
        self.new.push(b'"');
        self.edits.push((range, start..self.new.len()));
    }

    /// Replaces a string's literal by the text in `out`.
    pub(super) fn edit_out(&mut self, range: Range<usize>) {
        let bytes = std::mem::take(&mut self.out.bytes);
        self.edit_string(range, &bytes);
        self.out.bytes = bytes;
    }

    /// Replaces a stretch as it is.
    pub(super) fn edit_raw(&mut self, range: Range<usize>, new: &[u8]) {
        let start = self.new.len();
        self.new.extend_from_slice(new);
        self.edits.push((range, start..self.new.len()));
    }

    /// Edits come in any order, some inside others; from here on the outermost are left, in the order of the data.
    pub(super) fn sort_edits(&mut self) {
        self.edits.sort_unstable_by_key(|(range, _)| (range.start, Reverse(range.end)));
        let mut end = 0;
        self.edits.retain(|(range, _)| {
            let outside = range.start >= end;
            end = end.max(range.end);
            outside
        });
    }

    /// Writes a stretch of the data with its edits.
    pub(super) fn write(&self, data: &[u8], range: Range<usize>, out: &mut Vec<u8>) {
        let first = self.edits.partition_point(|(edit, _)| edit.start < range.start);
        let mut at = range.start;
        for (edit, new) in self.edits.iter().skip(first).take_while(|(edit, _)| edit.end <= range.end) {
            out.extend_from_slice(data.get(at..edit.start).unwrap_or_default());
            out.extend_from_slice(self.new.get(new.clone()).unwrap_or_default());
            at = edit.end;
        }
        out.extend_from_slice(data.get(at..range.end).unwrap_or_default());
    }

    /// Fills `data` with the event's data and its edits.
    pub(super) fn write_data(&mut self, data: &[u8]) {
        let mut new = std::mem::take(&mut self.data);
        new.clear();
        self.write(data, 0..data.len(), &mut new);
        self.data = new;
    }

    /// Where the end of an edited or untouched stretch lies in what [`Work::write_data`] wrote.
    pub(super) fn moved(&self, end: usize) -> usize {
        let before = self.edits.iter().take_while(|(edit, _)| edit.end <= end);
        let (gone, come) = before.fold((0, 0), |(gone, come), (edit, new)| (gone + edit.len(), come + new.len()));
        end - gone + come
    }

    /// Adds what is in `out` as the end of a text.
    pub(super) fn add_tail(&mut self, key: TextKey) {
        if !self.out.bytes.is_empty() {
            let start = self.tail_bytes.len();
            self.tail_bytes.extend_from_slice(&self.out.bytes);
            self.tails.push((key, start..self.tail_bytes.len()));
        }
    }

    pub(super) fn tails(&self) -> impl Iterator<Item = (TextKey, &[u8])> {
        self.tails.iter().map(|(key, range)| (*key, self.tail_bytes.get(range.clone()).unwrap_or_default()))
    }

    pub(super) fn clear_tails(&mut self) {
        self.tails.clear();
        self.tail_bytes.clear();
    }
}

/// Makes white space of the line ends behind `from`: JSON has none inside its literals.
pub(super) fn one_line(json: &mut [u8], from: usize) {
    json.iter_mut().skip(from).filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
}
