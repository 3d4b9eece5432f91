//! Places of a view as places of its text.
//!
//! Enters: a place or a stretch of the view. Leaves: where in the text it comes from, by the stretches that the view is made of.

use std::ops::Range;

use super::View;
use crate::engine::view::Encoding;

/// A stretch of the view and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Where it begins in the view.
    pub(super) view: u64,
    /// Where it begins in the text.
    pub(super) text: u64,
    /// Its length in the view.
    pub(super) view_len: u32,
    /// Its length in the text.
    pub(super) text_len: u32,
    pub(super) encoding: Encoding,
}

impl Segment {
    pub(super) fn view_end(&self) -> u64 {
        self.view + u64::from(self.view_len)
    }

    pub(super) fn text_end(&self) -> u64 {
        self.text + u64::from(self.text_len)
    }

    pub(super) fn of(text: u64, len: usize, encoding: Encoding) -> Self {
        Self { view: 0, text, view_len: 0, text_len: u32::try_from(len).unwrap_or(u32::MAX), encoding }
    }
}

impl View {
    pub(super) fn segment(&self, own: u64) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.view <= own);
        after.checked_sub(1).and_then(|at| self.segments.get(at))
    }

    /// The place in the text of what begins at a place of the view.
    pub(in crate::engine::scan) fn text_start(&self, own: u64) -> u64 {
        match self.segment(own) {
            Some(segment) if own >= segment.view_end() => segment.text_end(),
            Some(segment) if segment.encoding == Encoding::Plain => segment.text + (own - segment.view),
            Some(segment) => segment.text,
            None => 0,
        }
    }

    /// The place in the text of what ends at a place of the view.
    pub(in crate::engine::scan) fn text_end(&self, own: u64) -> u64 {
        match own.checked_sub(1).and_then(|inside| self.segment(inside)) {
            Some(segment) if segment.encoding == Encoding::Plain => {
                (segment.text + (own - segment.view)).min(segment.text_end())
            }
            Some(segment) => segment.text_end(),
            None => 0,
        }
    }

    /// The place in the text where one part of a match ends and the next begins.
    pub(super) fn seam(&self, own: u64) -> u64 {
        self.text_start(own).min(self.text_end(own))
    }

    pub(in crate::engine::scan) fn bytes(&self, own: Range<u64>) -> &[u8] {
        self.lane.buffer.get(self.lane.floor(own.start)..self.lane.floor(own.end)).unwrap_or_default()
    }

    /// Where the group of base64 ends that a match ends within.
    pub(in crate::engine::scan) fn group_end(&self, own: u64) -> Option<u64> {
        let segment = own.checked_sub(1).and_then(|inside| self.segment(inside))?;
        let base64 = matches!(segment.encoding, Encoding::Base64 | Encoding::Base64Url);
        (base64 && own < segment.view_end()).then(|| segment.view_end())
    }

    /// Where the stretch ends that a place of the view lies in.
    pub(in crate::engine::scan) fn stretch_end(&self, own: u64) -> Option<u64> {
        self.segment(own).map(Segment::view_end).filter(|end| *end > own)
    }
}
