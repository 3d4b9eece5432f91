//! Where in a text the destination of a Markdown link, image or reference stands, or of CSS's `url(…)`.
//!
//! Enters: the text byte by byte. Leaves: whether it may be within one. What is within is read in every way at once
//! (CommonMark 0.31.2 sections 4.7 and 6.3, and renderers before it): parentheses, an angle-bracketed destination and a
//! title each end by themselves, and the place with the last of them, at the latest where the paragraph ends. Constant memory.

use super::html::Tail;

/// Where a destination begins behind blanks, over the end of a line and the marks of a quotation too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lead {
    No,
    /// Behind `](`.
    Inline,
    /// Behind `]:`.
    Definition,
}

/// The destination of a reference that stands without angle brackets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bare {
    No,
    /// One word, as far as is known.
    Word,
    /// Much like an address: some take blanks into it, up to the end of the line.
    Line,
}

/// The links of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Links {
    last: u8,
    /// Nothing but blanks stands in the line.
    blank: bool,
    /// Parentheses that are open since `](` or `url(`, the one there among them.
    depth: u32,
    lead: Lead,
    bare: Bare,
    /// Within `<…>`.
    angle: bool,
    /// Within a title, or a quoted address of CSS, that this byte ends.
    title: Option<u8>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self { last: b'\n', blank: true, depth: 0, lead: Lead::No, bare: Bare::No, angle: false, title: None }
    }

    /// Whether the next byte may belong to a destination or a title.
    pub(super) fn refuse(&self) -> bool {
        self.depth > 0 || self.lead != Lead::No || self.bare != Bare::No || self.angle || self.title.is_some()
    }

    /// Whether nothing but blanks stands in the line so far.
    pub(super) fn is_blank(&self) -> bool {
        self.blank
    }

    /// Goes over a byte; `tail` is the word before it.
    pub(super) fn step(&mut self, byte: u8, tail: Tail) {
        match byte {
            // No link goes over the end of a paragraph.
            b'\n' if self.blank => *self = Self::new(),
            b'\n' => self.blank = true,
            b' ' | b'\t' | b'\r' => {}
            _ => self.blank = false,
        }
        if self.refuse() {
            self.step_within(byte);
        }
        match (self.last, byte) {
            (b']', b'(') => (self.depth, self.lead) = (self.depth.saturating_add(1), Lead::Inline),
            (b']', b':') => self.lead = Lead::Definition,
            // An escape keeps a parenthesis from closing, and not from opening: so the last possible end is met.
            (_, b'(') if self.depth > 0 || tail.ends_with(b"url") => self.depth = self.depth.saturating_add(1),
            (b'\\', b')') => {}
            (_, b')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.last = byte;
    }

    fn step_within(&mut self, byte: u8) {
        let is_escaped = self.last == b'\\';
        self.angle &= byte != b'>' || is_escaped;
        self.bare = match (self.bare, byte) {
            (Bare::Word, b'/' | b'\\' | b'&' | b':' | b'%' | b'?' | b'#') => Bare::Line,
            (Bare::Line, b'\n') => Bare::No,
            (Bare::Word, _) if byte.is_ascii_whitespace() => Bare::No,
            (bare, _) => bare,
        };
        self.title = match self.title {
            Some(quote) if quote == byte && !is_escaped => None,
            None if self.depth > 0 && matches!(byte, b'"' | b'\'') => {
                (self.last == b'(' || self.last.is_ascii_whitespace()).then_some(byte)
            }
            title => title,
        };
        match (self.lead, byte) {
            (Lead::No, _) | (_, b'>') => {}
            _ if byte.is_ascii_whitespace() => {}
            (_, b'<') => (self.lead, self.angle) = (Lead::No, true),
            (Lead::Definition, b'/' | b'\\' | b'&' | b'%') => (self.lead, self.bare) = (Lead::No, Bare::Line),
            (Lead::Definition, _) => (self.lead, self.bare) = (Lead::No, Bare::Word),
            (Lead::Inline, _) => self.lead = Lead::No,
        }
    }
}
