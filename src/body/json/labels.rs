//! What a value is called: its key, and the key of the object around it.
//!
//! Enters: keys, brackets and short strings as the walk meets them. Leaves: the label of the value that begins. An
//! array's elements are called as the array. Where an object says what its value is called (`"name": "ssn"` before
//! `"value": …`) that counts too. Kept: the end of each open object's key, and of one short string.

use super::index::{Index, Node};

/// Bytes of a key that count, its last ones.
const KEY: usize = 64;

/// Members that say what another member of their object is.
const NAMES: [&[u8]; 6] = [b"name", b"key", b"label", b"field", b"type", b"attribute"];
/// The members that they speak of.
const VALUES: [&[u8]; 5] = [b"value", b"val", b"content", b"text", b"data"];
/// Members of a model's protocol that hold prose: what a text is called in one event it is not called in the next.
const PROSE: [&[u8]; 20] = [
    b"content",
    b"text",
    b"arguments",
    b"thinking",
    b"reasoning",
    b"reasoning_content",
    b"refusal",
    b"transcript",
    b"partial_json",
    b"delta",
    b"output",
    b"input",
    b"summary",
    b"prompt",
    b"response",
    b"tool_plan",
    b"inputText",
    b"outputText",
    b"generation",
    b"completion",
];

/// Whether a member or column of this name says what another one is.
pub(in crate::body) fn says(key: &[u8]) -> bool {
    is_one_of(key, &NAMES)
}

/// Whether a member or column of this name is one that another one speaks of.
pub(in crate::body) fn speaks_of(key: &[u8]) -> bool {
    is_one_of(key, &VALUES)
}

/// What a value of an indexed document of a model's protocol is called, as [`Labels::label`] tells it.
pub(in crate::body) fn label_of(index: &Index, node: Node, out: &mut Vec<u8>) {
    out.clear();
    let mut keys = std::iter::successors(Some(node), |node| index.parent(*node)).filter_map(|node| index.key(node));
    let Some(own) = keys.next().filter(|own| !is_one_of(own, &PROSE)) else { return };
    for key in [keys.next(), Some(own)].into_iter().flatten() {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(key.get(key.len().saturating_sub(KEY)..).unwrap_or_default());
    }
}

/// An object or array that is open.
#[derive(Default)]
struct Frame {
    array: bool,
    /// The end of the object's current key.
    key: Vec<u8>,
    /// What the object says its value is called.
    name: Vec<u8>,
}

/// Follows a document.
#[derive(Default)]
pub(super) struct Labels {
    /// The frames that are open, and behind them those that were, to be used again.
    frames: Vec<Frame>,
    depth: usize,
    /// What the document itself is called.
    document: Vec<u8>,
    /// A string that may be a name, and how long it is.
    string: Vec<u8>,
    string_len: usize,
    listening: bool,
    /// The document is of a model's protocol.
    model: bool,
    /// It is what Kafka REST takes or gives, in which the keys of records are what these are called.
    kafka_keys: bool,
    label: Vec<u8>,
    /// The label is given and not made of what is open.
    said: bool,
}

impl Labels {
    /// A document of a model's protocol.
    pub(super) fn of_model(&mut self) {
        self.model = true;
    }

    /// A document of Kafka's records in base64.
    pub(super) fn with_kafka_keys(&mut self) {
        self.kafka_keys = true;
    }

    /// Whether the string at hand is the key of a record, which stands in the root's `records` or, for who consumes them, in
    /// a root that is an array: its own name says nothing of it, and it is no name of a field.
    fn is_kafka_key(&self) -> bool {
        let open = self.frames.get(..self.depth).unwrap_or_default();
        let records = match open {
            [root, records, _] => !root.array && root.key == b"records" && records.array,
            [records, _] => records.array,
            _ => false,
        };
        self.kafka_keys && records && open.last().is_some_and(|own| !own.array && own.key == b"key")
    }

    /// Begins a document that is called so.
    pub(super) fn restart(&mut self, document: &[u8]) {
        self.depth = 0;
        self.listening = false;
        self.document.clear();
        self.document.extend_from_slice(document);
    }

    pub(super) fn open(&mut self, array: bool) {
        if self.depth == self.frames.len() {
            self.frames.push(Frame::default());
        }
        if let Some(frame) = self.frames.get_mut(self.depth) {
            frame.array = array;
            frame.key.clear();
            frame.name.clear();
        }
        self.depth += 1;
    }

    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn innermost(&mut self) -> Option<&mut Frame> {
        self.depth.checked_sub(1).and_then(|at| self.frames.get_mut(at))
    }

    pub(super) fn key_begin(&mut self) {
        if let Some(frame) = self.innermost() {
            frame.key.clear();
        }
    }

    pub(super) fn key_part(&mut self, decoded: &[u8]) {
        if let Some(frame) = self.innermost() {
            let tail = decoded.get(decoded.len().saturating_sub(KEY)..).unwrap_or_default();
            frame.key.extend_from_slice(tail);
            let surplus = frame.key.len().saturating_sub(KEY);
            frame.key.drain(..surplus);
        }
    }

    /// A string begins as a value; whether it may say what another member is.
    pub(super) fn text_begin(&mut self) -> bool {
        self.string.clear();
        self.string_len = 0;
        let names = !self.is_kafka_key() && self.innermost().is_some_and(|frame| !frame.array && says(&frame.key));
        self.listening = names;
        names
    }

    /// Whether another member may say what the value that begins here is called.
    pub(super) fn is_told(&self) -> bool {
        let open = self.frames.get(..self.depth).unwrap_or_default();
        open.iter().rev().find(|frame| !frame.array).is_some_and(|own| speaks_of(&own.key))
    }

    /// Says what the next values are called, whatever is open; until [`Labels::follow`].
    pub(super) fn say(&mut self, label: &[u8]) {
        self.label.clear();
        self.label.extend_from_slice(label);
        self.said = true;
    }

    /// Follows the document again.
    pub(super) fn follow(&mut self) {
        self.said = false;
    }

    pub(super) fn text_part(&mut self, decoded: &[u8]) {
        if self.listening {
            self.string_len += decoded.len();
            if self.string_len <= KEY {
                self.string.extend_from_slice(decoded);
            }
        }
    }

    pub(super) fn text_end(&mut self) {
        if std::mem::take(&mut self.listening) && self.string_len <= KEY {
            let mut string = std::mem::take(&mut self.string);
            if let Some(frame) = self.innermost() {
                std::mem::swap(&mut frame.name, &mut string);
            }
            self.string = string;
        }
    }

    /// What the value that begins here is called; empty where it has no name.
    pub(super) fn label(&mut self) -> &[u8] {
        if self.said {
            return &self.label;
        }
        self.label.clear();
        self.label.reserve(2 * KEY);
        if self.is_kafka_key() {
            return &self.label;
        }
        let open = self.frames.get(..self.depth).unwrap_or_default();
        let mut objects = open.iter().rev().filter(|frame| !frame.array);
        let own = objects.next();
        let prose = self.model && own.is_none_or(|frame| is_one_of(&frame.key, &PROSE));
        if prose {
            return &self.label;
        }
        let around = objects.next().map_or(self.document.as_slice(), |frame| frame.key.as_slice());
        // What is said takes the place of the key, so that no `value` stands between a name and what it names.
        let said = |frame: &&Frame| speaks_of(&frame.key) && !frame.name.is_empty();
        let called = own.map(|frame| if said(&frame) { frame.name.as_slice() } else { frame.key.as_slice() });
        for part in [Some(around), called].into_iter().flatten() {
            if !part.is_empty() && !self.label.is_empty() {
                self.label.push(b' ');
            }
            self.label.extend_from_slice(part);
        }
        &self.label
    }
}

fn is_one_of(key: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| key.eq_ignore_ascii_case(name))
}
