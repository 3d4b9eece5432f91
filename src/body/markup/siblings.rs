//! Elements that say what the one behind them is: `<name>password</name><value>…</value>`, `<key>` and `<string>` of
//! property lists, `<dt>` and `<dd>`, `<th>` and `<td>`.
//!
//! Enters: tags and texts, in order. Leaves: what the element that begins is called by the one before it. In XML a name
//! holds for what stands behind it in the same element, and in what that holds; in HTML, whose end tags may be missing, up
//! to the next name, row or list. Kept: one name of [`NAME`] bytes.

use super::super::json::{says, speaks_of};
use super::lexer::Tag;
use super::names::INLINE;
use super::references::References;

/// Bytes of a text that may be a name.
const NAME: usize = 64;
/// Names of rows and lists.
const TERMS: [&[u8]; 2] = [b"dt", b"th"];
/// What they name.
const CELLS: [&[u8]; 2] = [b"dd", b"td"];
/// Values of property lists and of XML-RPC.
const TYPED: [&[u8]; 9] = [b"string", b"integer", b"real", b"date", b"data", b"int", b"i4", b"double", b"base64"];
/// What no name reaches over in HTML.
const ROWS: [&[u8]; 4] = [b"tr", b"dl", b"table", b"tbody"];

/// Follows names.
pub(super) struct Siblings {
    html: bool,
    /// Elements of XML that are open.
    depth: usize,
    /// The name at hand, its element being open.
    coming: Vec<u8>,
    references: References,
    open: bool,
    /// The last name, and how many elements it stands in.
    name: Vec<u8>,
    level: usize,
}

impl Siblings {
    pub(super) fn new(html: bool) -> Self {
        Self {
            html,
            depth: 0,
            coming: Vec::new(),
            references: References::default(),
            open: false,
            name: Vec::new(),
            level: 0,
        }
    }

    /// Text of an element.
    pub(super) fn text(&mut self, text: &[u8]) {
        if self.open {
            // One byte more tells that it is too long.
            self.references.push(text, NAME, &mut self.coming);
        }
    }

    /// A tag has ended, of which `empty` says that it has no content.
    pub(super) fn tag(&mut self, tag: &Tag<'_>, empty: bool) {
        if INLINE.contains(&tag.name) && (self.html || self.open && !says(tag.name)) {
            return;
        }
        let names = TERMS.contains(&tag.name) || !self.html && says(tag.name);
        if std::mem::take(&mut self.open) {
            self.references.finish(&mut self.coming);
            // In XML another element within it makes it none.
            let whole = self.html || tag.closes && names;
            let name = self.coming.trim_ascii();
            self.name.clear();
            if whole && name.len() <= NAME {
                self.name.extend_from_slice(name);
            }
        }
        if self.html {
            if ROWS.contains(&tag.name) {
                self.name.clear();
            }
        } else if tag.closes {
            self.depth = self.depth.saturating_sub(1);
            if self.depth < self.level {
                self.name.clear();
            }
        }
        if names && !tag.closes && !empty {
            self.open = true;
            self.coming.clear();
            self.level = self.depth;
        }
        if !self.html && !tag.closes && !empty {
            self.depth += 1;
        }
    }

    /// What the element is called that this tag begins; empty where no name reaches it.
    pub(super) fn name(&self, tag: &Tag<'_>) -> &[u8] {
        let named = CELLS.contains(&tag.name) || !self.html && (speaks_of(tag.name) || TYPED.contains(&tag.name));
        if named && !tag.closes && !self.open { &self.name } else { &[] }
    }
}
