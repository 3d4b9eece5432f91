//! Where in YAML a byte stands, as far as it matters to what may be written there.
//!
//! Enters: one byte after another (YAML 1.2.2 chapters 6 to 8). Leaves: the place behind it. It is no parser: tags, anchors
//! and mappings have no meaning here, and what is no YAML has places too.

/// Where the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// At the beginning of a line, behind so many blanks; in the midst of a plain scalar where true.
    Indent(usize, bool),
    /// Where a node may begin.
    Begin,
    /// Behind a hyphen, question mark or colon that begins a node, or is an indicator before one.
    Indicator,
    Plain,
    /// Behind a colon in a plain scalar.
    Colon,
    Double,
    /// Behind a backslash in double quotes.
    Escape,
    Single,
    /// Behind a quote in single quotes, which are at their end or go on.
    Quote,
    /// Behind a node that has an end of its own.
    After,
    /// In a tag or an anchor.
    Property,
    /// In a comment or a directive.
    Comment,
    /// Behind the indicator of a block scalar, on its line.
    Header,
    /// In a block scalar, on a line.
    Block,
    /// In a block scalar, behind so many blanks of a line.
    BlockIndent(usize),
}

/// Reads places.
pub(super) struct Lexer {
    pub(super) place: Place,
    /// Brackets and braces that are open.
    flow: usize,
    /// The least indentation with which a line goes on with the scalar at hand.
    floor: usize,
    /// How many bytes of the line were read, and where on it the scalar at hand begins.
    column: usize,
    began: usize,
    /// Whether the last byte was blank.
    blank: bool,
    /// Bytes of what may be the marker of a document.
    marker: usize,
    /// The indentation of the block scalar at hand, where it is known.
    block: Option<usize>,
    /// How many scalars have begun.
    pub(super) scalars: u64,
    /// The last of them begins as an alias does.
    pub(super) alias: bool,
    /// In brackets, only blanks, line ends and comments came behind a node: a colon makes a key of it.
    behind_node: bool,
}

impl Lexer {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Indent(0, false),
            flow: 0,
            floor: 0,
            column: 0,
            began: 0,
            blank: true,
            marker: 0,
            block: None,
            scalars: 0,
            alias: false,
            behind_node: false,
        }
    }

    /// Whether a bracket or a brace is open.
    pub(super) fn in_flow(&self) -> bool {
        self.flow > 0
    }

    /// How many brackets and braces are open.
    pub(super) fn depth(&self) -> usize {
        self.flow
    }

    /// How many bytes of the line were read.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Whether the last byte was blank, or there was none.
    pub(super) fn behind_blank(&self) -> bool {
        self.blank
    }

    /// Whether a scalar that began here would be a node's first byte.
    pub(super) fn begins(&self) -> bool {
        matches!(self.place, Place::Begin | Place::Indent(_, false))
    }

    /// Whether the place is in the midst of a plain scalar, or may be.
    pub(super) fn in_plain(&self) -> bool {
        matches!(self.place, Place::Plain | Place::Colon | Place::Indent(_, true))
    }

    pub(super) fn take(&mut self, byte: u8) {
        self.place = self.next(byte);
        self.blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.column = if byte == b'\n' { 0 } else { self.column.saturating_add(1) };
    }

    fn next(&mut self, byte: u8) -> Place {
        let blank = matches!(byte, b' ' | b'\t' | b'\r');
        match self.place {
            Place::Indent(indent, plain) => match byte {
                b' ' => Place::Indent(indent.saturating_add(1), plain),
                b'\t' | b'\r' => self.place,
                b'\n' => Place::Indent(0, plain),
                byte => self.begin_line(indent, plain, byte),
            },
            Place::Begin => self.begin(byte),
            Place::Indicator if blank || byte == b'\n' => {
                // What is behind it belongs to it only if it stands further in.
                self.floor = if self.flow == 0 { self.began + 1 } else { self.floor };
                if byte == b'\n' { self.line(false) } else { Place::Begin }
            }
            Place::Indicator => self.plain(byte),
            Place::Plain => self.plain(byte),
            Place::Colon if blank || byte == b'\n' || self.flow > 0 && b",[]{}".contains(&byte) => {
                self.key();
                self.begin(byte)
            }
            Place::Colon => self.plain(byte),
            Place::Double => match byte {
                b'"' => Place::After,
                b'\\' => Place::Escape,
                _ => Place::Double,
            },
            Place::Escape => Place::Double,
            Place::Single if byte == b'\'' => Place::Quote,
            Place::Single => Place::Single,
            Place::Quote if byte == b'\'' => Place::Single,
            Place::Quote | Place::After => self.after(byte),
            Place::Property if blank => Place::Begin,
            Place::Property if byte == b'\n' => self.line(false),
            Place::Property if self.flow > 0 && b",[]{}".contains(&byte) => self.begin(byte),
            Place::Property => Place::Property,
            Place::Comment if byte == b'\n' => self.line(false),
            Place::Comment => Place::Comment,
            Place::Header => self.header(byte),
            Place::Block if byte == b'\n' => Place::BlockIndent(0),
            Place::Block => Place::Block,
            Place::BlockIndent(indent) => match byte {
                b' ' if self.block.is_none_or(|block| indent < block) => Place::BlockIndent(indent.saturating_add(1)),
                b'\n' => Place::BlockIndent(0),
                b'\r' => self.place,
                _ if indent >= self.block.unwrap_or(self.floor) => {
                    self.block.get_or_insert(indent);
                    Place::Block
                }
                byte => self.begin_line(indent, false, byte),
            },
        }
    }

    /// Behind a line's end.
    fn line(&mut self, plain: bool) -> Place {
        match self.flow {
            0 => Place::Indent(0, plain),
            _ if plain => Place::Indent(0, true),
            _ => Place::Begin,
        }
    }

    fn begin_line(&mut self, indent: usize, plain: bool, byte: u8) -> Place {
        let ends_plain = byte == b'#' || indent == 0 && matches!(byte, b'-' | b'.') && self.flow == 0;
        if plain && (indent >= self.floor || self.flow > 0) && !ends_plain {
            self.marker = 0;
            return self.plain(byte);
        }
        if self.flow == 0 {
            self.floor = self.floor.min(indent);
            if indent == 0 && byte == b'%' {
                return Place::Comment;
            }
        }
        self.begin(byte)
    }

    fn begin(&mut self, byte: u8) -> Place {
        self.marker = 0;
        let flow = self.flow > 0;
        match byte {
            b' ' | b'\t' | b'\r' => return Place::Begin,
            b'\n' => return self.line(false),
            b'#' => return Place::Comment,
            b':' if flow && self.behind_node => {
                self.behind_node = false;
                return Place::Begin;
            }
            _ => self.behind_node = false,
        }
        match byte {
            b'[' | b'{' => {
                self.flow = self.flow.saturating_add(1);
                return Place::Begin;
            }
            b']' | b'}' if flow => {
                self.flow -= 1;
                return Place::After;
            }
            b',' if flow => return Place::Begin,
            b'|' | b'>' if !flow => {
                self.block = None;
                return Place::Header;
            }
            b'!' | b'&' => return Place::Property,
            _ => {}
        }
        self.began = self.column;
        self.scalars += 1;
        self.alias = byte == b'*';
        match byte {
            b'"' => Place::Double,
            b'\'' => Place::Single,
            b'-' | b'?' | b':' => {
                self.marker = usize::from(byte == b'-' && self.column == 0);
                Place::Indicator
            }
            _ => Place::Plain,
        }
    }

    fn plain(&mut self, byte: u8) -> Place {
        let marked = self.marker == 3;
        self.marker = if byte == b'-' && matches!(self.marker, 1 | 2) { self.marker + 1 } else { 0 };
        match byte {
            b' ' | b'\t' if marked => {
                self.floor = 0;
                Place::Begin
            }
            b'\n' if marked => {
                self.floor = 0;
                Place::Indent(0, false)
            }
            b'\r' if marked => {
                self.marker = 3;
                Place::Plain
            }
            b'\n' => self.line(true),
            b'#' if self.blank => Place::Comment,
            b':' => Place::Colon,
            b',' | b'[' | b']' | b'{' | b'}' if self.flow > 0 => self.begin(byte),
            _ => Place::Plain,
        }
    }

    /// Behind a node: only what may follow one has a meaning.
    fn after(&mut self, byte: u8) -> Place {
        match byte {
            b'\n' => {
                self.behind_node = self.flow > 0;
                self.line(false)
            }
            b':' => {
                self.key();
                Place::Begin
            }
            b'#' if self.blank => {
                self.behind_node = self.flow > 0;
                Place::Comment
            }
            b',' | b'[' | b']' | b'{' | b'}' if self.flow > 0 => self.begin(byte),
            _ => Place::After,
        }
    }

    /// What has ended is a key: its value stands further in.
    fn key(&mut self) {
        if self.flow == 0 {
            self.floor = self.began + 1;
        }
    }

    /// In the line of a block scalar's indicator: the number of its blanks may be told.
    fn header(&mut self, byte: u8) -> Place {
        match byte {
            b'\n' => Place::BlockIndent(0),
            b'1'..=b'9' if !self.blank => {
                self.block = Some(self.floor.saturating_sub(1) + usize::from(byte - b'0'));
                Place::Header
            }
            _ => Place::Header,
        }
    }
}
