//! A span index of one whole JSON value, for events that are judged as a whole.
//!
//! Enters: the bytes of one value, bounded by the caller. Leaves: for each value in it the kind, the place of its
//! literal, its key and its neighbours, so that single literals can be replaced and all else copied. Linear in time;
//! memory is bounded by [`MAX_NODES`]. The index holds no text but the decoded keys.

use std::fmt;
use std::ops::Range;

use super::lexer::{Container, Fault, Framing, Lexer, Literal, Token};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, is_large};

/// The most values that an indexed document may have.
pub const MAX_NODES: usize = 1 << 17;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A value of an [`Index`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node(u32);

/// One step of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the member of this (decoded) key; to the last one where a key stands more than once, as most readers do.
    Key(&'a [u8]),
    /// To the element at this place.
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key.as_bytes())
    }
}

impl From<usize> for Step<'_> {
    fn from(place: usize) -> Self {
        Self::Index(place)
    }
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "Key({} bytes)", key.len()),
            Self::Index(place) => write!(f, "Index({place})"),
        }
    }
}

/// `NONE` in a link means that there is no such value.
const NONE: u32 = u32::MAX;

#[derive(Clone)]
struct Entry {
    kind: Kind,
    start: u32,
    end: u32,
    parent: u32,
    next: u32,
    first: u32,
    last: u32,
    /// Place among the siblings.
    place: u32,
    /// Literal of the key, quotes included; empty for an element.
    key_start: u32,
    key_end: u32,
    /// The decoded key in `keys`.
    name_start: u32,
    name_end: u32,
}

/// The index; reusable through [`Index::read`].
#[derive(Default)]
pub struct Index {
    entries: Vec<Entry>,
    keys: Vec<u8>,
    /// Between two readings.
    lexer: Option<Lexer>,
}

/// Indexes one whole JSON value; whitespace and a byte order mark may surround it.
///
/// # Errors
/// As [`Index::read`].
pub fn index(bytes: &[u8], limits: &BodyLimits) -> Result<Index, BodyError> {
    let mut index = Index::default();
    index.read(bytes, limits)?;
    Ok(index)
}

impl Index {
    /// Whether a large value has been read.
    pub(in crate::body) fn is_large(&self) -> bool {
        is_large(&self.entries) || is_large(&self.keys)
    }

    /// Indexes another value in place of the last one and keeps the memory. After an error the index is empty.
    ///
    /// # Errors
    /// Syntax, depth, and more than [`MAX_NODES`] values or 4 GiB.
    pub fn read(&mut self, bytes: &[u8], limits: &BodyLimits) -> Result<(), BodyError> {
        self.entries.clear();
        self.keys.clear();
        let mut lexer = match self.lexer.take() {
            Some(lexer) => lexer.again(limits.json_depth),
            None => Lexer::new(Framing::Document, limits.json_depth),
        };
        let read = Reader::new(self, &mut lexer).read(bytes);
        self.lexer = Some(lexer);
        if read.is_err() {
            self.entries.clear();
            self.keys.clear();
        }
        read
    }

    /// The outermost value; `None` only for an index that has read nothing.
    #[must_use]
    pub fn root(&self) -> Option<Node> {
        (!self.entries.is_empty()).then_some(Node(0))
    }

    /// The value at a path from the outermost value: `get(&["choices".into(), 0.into(), "delta".into()])`.
    #[must_use]
    pub fn get(&self, path: &[Step<'_>]) -> Option<Node> {
        self.get_from(self.root()?, path)
    }

    /// The value at a path from `node`.
    #[must_use]
    pub fn get_from(&self, node: Node, path: &[Step<'_>]) -> Option<Node> {
        path.iter().try_fold(node, |node, step| match step {
            Step::Key(key) => self.member(node, key),
            Step::Index(place) => self.element(node, *place),
        })
    }

    /// The member of this decoded key; the last one where a key stands more than once.
    #[must_use]
    pub fn member(&self, node: Node, key: &[u8]) -> Option<Node> {
        self.children(node).filter(|child| self.key(*child) == Some(key)).last()
    }

    /// The element at this place of an array.
    #[must_use]
    pub fn element(&self, node: Node, place: usize) -> Option<Node> {
        if self.kind(node) != Kind::Array {
            return None;
        }
        self.children(node).nth(place)
    }

    /// The values directly in an object or array, in order; duplicate keys included.
    pub fn children(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let mut at = self.entry(node).map_or(NONE, |entry| entry.first);
        std::iter::from_fn(move || {
            let entry = self.entry(Node(at))?;
            let child = Node(at);
            at = entry.next;
            Some(child)
        })
    }

    /// Every value, each before what it holds, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        (0..self.entries.len()).map(|at| Node(at as u32))
    }

    /// What the value is.
    #[must_use]
    pub fn kind(&self, node: Node) -> Kind {
        self.entry(node).map_or(Kind::Null, |entry| entry.kind)
    }

    /// Where its literal stands: a string with its quotes, an object or array with its brackets.
    #[must_use]
    pub fn range(&self, node: Node) -> Range<usize> {
        self.entry(node).map_or(0..0, |entry| entry.start as usize..entry.end as usize)
    }

    /// The literal itself, from the bytes that were indexed.
    #[must_use]
    pub fn literal<'a>(&self, node: Node, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.range(node)).unwrap_or_default()
    }

    /// Its decoded key, where it is a member.
    #[must_use]
    pub fn key(&self, node: Node) -> Option<&[u8]> {
        let entry = self.entry(node).filter(|entry| entry.key_end > entry.key_start)?;
        self.keys.get(entry.name_start as usize..entry.name_end as usize)
    }

    /// Where the literal of its key stands, quotes included, where it is a member.
    #[must_use]
    pub fn key_range(&self, node: Node) -> Option<Range<usize>> {
        let entry = self.entry(node).filter(|entry| entry.key_end > entry.key_start)?;
        Some(entry.key_start as usize..entry.key_end as usize)
    }

    /// The same with other keys: those that are told, where any is. Values are the same nodes in both.
    pub(in crate::body) fn renamed(&self, name: impl Fn(Node, &[u8]) -> Option<&'static [u8]>) -> Option<Self> {
        let mut renamed: Option<Self> = None;
        for node in self.nodes() {
            let Some(name) = self.key(node).and_then(|key| name(node, key)) else { continue };
            let copy = || Self { entries: self.entries.clone(), keys: self.keys.clone(), lexer: None };
            let index = renamed.get_or_insert_with(copy);
            let begin = index.keys.len() as u32;
            index.keys.extend_from_slice(name);
            let end = index.keys.len() as u32;
            if let Some(entry) = index.entries.get_mut(node.0 as usize) {
                (entry.name_start, entry.name_end) = (begin, end);
            }
        }
        renamed
    }

    /// Moves all that stands behind `place` by so many bytes: a literal that begins there or just before it has become that
    /// much longer, and nothing else has changed.
    pub(in crate::body) fn shift(&mut self, place: usize, by: isize) {
        if by == 0 {
            return;
        }
        let shift = |at: &mut u32| {
            if *at as usize > place {
                *at = (*at as usize).saturating_add_signed(by) as u32;
            }
        };
        for entry in &mut self.entries {
            [&mut entry.start, &mut entry.end, &mut entry.key_start, &mut entry.key_end].into_iter().for_each(shift);
        }
    }

    /// Its place among its siblings.
    #[must_use]
    pub fn place(&self, node: Node) -> usize {
        self.entry(node).map_or(0, |entry| entry.place as usize)
    }

    /// The object or array that it stands in.
    #[must_use]
    pub fn parent(&self, node: Node) -> Option<Node> {
        let parent = self.entry(node)?.parent;
        (parent != NONE).then_some(Node(parent))
    }

    /// The path from the outermost value.
    #[must_use]
    pub fn path(&self, node: Node) -> Vec<Step<'_>> {
        let mut path = Vec::new();
        let mut at = node;
        while let Some(parent) = self.parent(at) {
            path.push(match self.key(at) {
                Some(key) => Step::Key(key),
                None => Step::Index(self.place(at)),
            });
            at = parent;
        }
        path.reverse();
        path
    }

    fn entry(&self, node: Node) -> Option<&Entry> {
        self.entries.get(node.0 as usize)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} values, {} bytes of keys)", self.entries.len(), self.keys.len())
    }
}

/// One reading: where the lexer stands in the tree.
struct Reader<'a> {
    index: &'a mut Index,
    lexer: &'a mut Lexer,
    /// The innermost open object or array.
    open: u32,
    /// The string or number being read.
    current: u32,
    key: Range<u32>,
    name: Range<u32>,
}

impl<'a> Reader<'a> {
    fn new(index: &'a mut Index, lexer: &'a mut Lexer) -> Self {
        Self { index, lexer, open: NONE, current: NONE, key: 0..0, name: 0..0 }
    }

    fn read(mut self, bytes: &[u8]) -> Result<(), BodyError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(BodyErrorKind::TooLarge.into());
        }
        let (mut rest, mut at) = (bytes, 0_u32);
        let mut in_key = false;
        while let Some((taken, token)) = self.lexer.next(rest)? {
            let (covered, tail) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            let end = at + taken as u32;
            match token {
                Token::Space | Token::Comma | Token::Colon => {}
                Token::Open(container) => self.open(container, at)?,
                Token::Close => self.close(end),
                Token::StringBegin { key: true } => {
                    in_key = true;
                    self.key = at..end;
                    let begin = self.index.keys.len() as u32;
                    self.name = begin..begin;
                }
                Token::StringBegin { key: false } => self.current = self.add(Kind::String, at)?,
                Token::Run if in_key => self.index.keys.extend_from_slice(covered),
                Token::Escape(escape) if in_key => self.index.keys.extend_from_slice(escape.decoded()),
                Token::Run | Token::Escape(_) => {}
                Token::StringEnd { key: true } => {
                    in_key = false;
                    self.key.end = end;
                    self.name.end = self.index.keys.len() as u32;
                }
                Token::StringEnd { key: false } => self.end(self.current, end),
                Token::Number if self.current == NONE => {
                    self.current = self.add(Kind::Number, at)?;
                    self.stretch(end);
                }
                Token::Number => self.stretch(end),
                Token::NumberEnd => self.current = NONE,
                Token::Literal { literal, .. } => {
                    // A whole text never cuts a literal, so the token covers it from begin to end.
                    self.current = self.add(literal.into(), at)?;
                    self.end(self.current, end);
                }
            }
            at = end;
            rest = tail;
        }
        self.lexer.end_number();
        if self.lexer.may_end() && self.lexer.has_begun() { Ok(()) } else { Err(BodyErrorKind::JsonSyntax.into()) }
    }

    fn add(&mut self, kind: Kind, start: u32) -> Result<u32, BodyError> {
        let id = self.index.entries.len();
        if id >= MAX_NODES {
            return Err(BodyErrorKind::TooLarge.into());
        }
        let id = id as u32;
        let last = self.index.entries.get(self.open as usize).map_or(NONE, |parent| parent.last);
        let place = match self.index.entries.get_mut(last as usize) {
            Some(sibling) => {
                sibling.next = id;
                sibling.place + 1
            }
            None => 0,
        };
        if let Some(parent) = self.index.entries.get_mut(self.open as usize) {
            parent.last = id;
            if parent.first == NONE {
                parent.first = id;
            }
        }
        let (key, name) = (std::mem::take(&mut self.key), std::mem::take(&mut self.name));
        self.index.entries.push(Entry {
            kind,
            start,
            end: start,
            parent: self.open,
            next: NONE,
            first: NONE,
            last: NONE,
            place,
            key_start: key.start,
            key_end: key.end,
            name_start: name.start,
            name_end: name.end,
        });
        Ok(id)
    }

    fn open(&mut self, container: Container, at: u32) -> Result<(), BodyError> {
        self.open = self.add(container.into(), at)?;
        Ok(())
    }

    fn close(&mut self, end: u32) {
        if let Some(entry) = self.index.entries.get_mut(self.open as usize) {
            entry.end = end;
            self.open = entry.parent;
        }
    }

    fn stretch(&mut self, end: u32) {
        if let Some(entry) = self.index.entries.get_mut(self.current as usize) {
            entry.end = end;
        }
    }

    fn end(&mut self, id: u32, end: u32) {
        if let Some(entry) = self.index.entries.get_mut(id as usize) {
            entry.end = end;
        }
        self.current = NONE;
    }
}

impl From<Container> for Kind {
    fn from(container: Container) -> Self {
        match container {
            Container::Object => Self::Object,
            Container::Array => Self::Array,
        }
    }
}

impl From<Literal> for Kind {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::True => Self::True,
            Literal::False => Self::False,
            Literal::Null => Self::Null,
        }
    }
}

impl From<Fault> for BodyError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Syntax => BodyErrorKind::JsonSyntax.into(),
            Fault::Depth => BodyErrorKind::JsonDepth.into(),
        }
    }
}
