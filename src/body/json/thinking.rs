//! Signed thinking among a message's content blocks: Anthropic's, and Bedrock's, where it stands two objects deeper.
//!
//! Enters: the turns of the walk inside one `content` array. Leaves: the array without what its maker would reject. A
//! thinking block's text is bound to its signature. On the way up a block that a finding touches, or that has no
//! signature, is removed whole, its comma with it. On the way down such a block leaves redacted with an empty
//! signature, which is what makes it removable on the way up. A block is held until it is known to be another kind, or
//! until its end; keys come in any order. Some of the models behind Bedrock never sign: there a block without the member
//! is as any other.

use std::ops::Range;

use super::guide::bounded;
use super::index::Kind;
use super::walker::Spot;
use crate::body::{BodyError, Direction};

/// What stands where the last block was removed: the API takes no empty content.
const REMOVED: &[u8] = br#"{"type":"text","text":"[thinking removed]"}"#;
const REMOVED_BEDROCK: &[u8] = br#"{"text":"[thinking removed]"}"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Unknown,
    Thinking,
    Other,
}

/// The member of a block that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Type,
    Signature,
    Thinking,
    /// Bedrock's, with the thinking inside.
    Reasoning,
    Other,
}

/// The block being read.
struct Block {
    is: Is,
    /// It is Bedrock's, whose thinking and signature stand this much deeper than its members; 0 for Anthropic's.
    deeper: usize,
    member: Member,
    /// The text of `type`, as far as it matters.
    name: Vec<u8>,
    /// Its signature's literal, counted from where the hold begins.
    signature: Option<Range<usize>>,
    signed: bool,
    /// Its thinking has come.
    thought: bool,
    /// How many changes there were before it.
    changes: u64,
}

/// A `content` array being read.
pub(super) struct Blocks {
    direction: Direction,
    /// Objects and arrays open inside the array.
    depth: usize,
    limit: usize,
    hold: Option<usize>,
    /// Whether the hold begins with the comma before the block.
    comma: bool,
    kept: bool,
    /// What was removed last is Bedrock's, where anything was.
    removed: Option<bool>,
    block: Option<Block>,
}

/// How much deeper than a block's members those of `reasoningContent.reasoningText` stand.
const DEEPER: usize = 2;

impl Blocks {
    /// Begins behind the opening bracket.
    pub(super) fn new(direction: Direction, depth: usize, limit: usize, spot: &mut Spot<'_, '_>) -> Self {
        let hold = Some(spot.bytes().len());
        Self { direction, depth, limit, hold, comma: false, kept: false, removed: None, block: None }
    }

    pub(super) fn hold(&self) -> Option<usize> {
        self.hold
    }

    pub(super) fn held_at(&mut self, place: usize) {
        self.hold = self.hold.map(|_| place);
    }

    pub(super) fn comma(&mut self, depth: usize, spot: &mut Spot<'_, '_>) {
        if depth == self.depth {
            self.hold = Some(spot.bytes().len());
            self.comma = true;
        }
    }

    pub(super) fn key(&mut self, key: &[u8], depth: usize, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        let Some(block) = &mut self.block else { return Ok(()) };
        if depth == self.depth + 2 && block.member == Member::Reasoning && block.is == Is::Unknown {
            if key != b"reasoningText" {
                block.is = Is::Other;
                return self.keep(spot);
            }
            block.is = Is::Thinking;
            block.deeper = DEEPER;
            return if self.direction == Direction::Response { self.keep(spot) } else { Ok(()) };
        }
        if depth != self.depth + 1 + block.deeper {
            return Ok(());
        }
        block.member = match key {
            b"text" if block.deeper > 0 => Member::Thinking,
            b"type" if block.deeper == 0 => Member::Type,
            b"thinking" if block.deeper == 0 => Member::Thinking,
            b"reasoningContent" if block.deeper == 0 => Member::Reasoning,
            b"signature" => Member::Signature,
            _ => Member::Other,
        };
        if block.member == Member::Other && key != b"cache_control" && block.is == Is::Unknown {
            block.is = Is::Other;
            self.keep(spot)?;
        }
        Ok(())
    }

    pub(super) fn text(&mut self, decoded: &[u8]) {
        if let Some(block) = self.block.as_mut().filter(|block| block.member == Member::Type) {
            let room = 32_usize.saturating_sub(block.name.len());
            block.name.extend(decoded.iter().take(room));
        }
    }

    pub(super) fn value_begin(
        &mut self,
        kind: Kind,
        depth: usize,
        changes: u64,
        spot: &mut Spot<'_, '_>,
    ) -> Result<(), BodyError> {
        if depth == self.depth {
            return self.element(kind, changes, spot);
        }
        let Some(block) = self.block.as_mut().filter(|block| depth == self.depth + 1 + block.deeper) else {
            return Ok(());
        };
        match block.member {
            Member::Type => block.name.clear(),
            Member::Signature => {
                let at = spot.bytes().len();
                // Down, a thinking block flows until its signature, which must wait for the thinking.
                let hold = if self.direction == Direction::Response && block.is == Is::Thinking {
                    *self.hold.get_or_insert(at)
                } else {
                    self.hold.unwrap_or(at)
                };
                block.signature = Some(at - hold..at - hold);
                block.signed = kind == Kind::String;
            }
            Member::Thinking | Member::Reasoning | Member::Other => {}
        }
        Ok(())
    }

    fn element(&mut self, kind: Kind, changes: u64, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        if kind != Kind::Object {
            return self.keep(spot);
        }
        self.block = Some(Block {
            is: Is::Unknown,
            deeper: 0,
            member: Member::Other,
            name: Vec::new(),
            signature: None,
            signed: false,
            thought: false,
            changes,
        });
        Ok(())
    }

    pub(super) fn value_end(&mut self, depth: usize, changes: u64, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        if depth == self.depth {
            return self.element_end(changes, spot);
        }
        let Some(block) = self.block.as_mut().filter(|block| depth == self.depth + 1 + block.deeper) else {
            return Ok(());
        };
        let down = self.direction == Direction::Response;
        match std::mem::replace(&mut block.member, Member::Other) {
            Member::Type if block.is == Is::Unknown => {
                block.is = if block.name == b"thinking" { Is::Thinking } else { Is::Other };
                if block.is == Is::Other || (down && block.signature.is_none()) {
                    return self.keep(spot);
                }
            }
            Member::Signature => {
                let end = spot.bytes().len() - self.hold.unwrap_or(0);
                if let Some(signature) = &mut block.signature {
                    signature.end = end;
                    block.signed &= signature.len() > 2;
                }
                if down && block.is == Is::Thinking && block.thought {
                    self.unsign(changes, spot);
                    return self.keep(spot);
                }
            }
            Member::Thinking => block.thought = true,
            Member::Type | Member::Reasoning | Member::Other => {}
        }
        Ok(())
    }

    fn element_end(&mut self, changes: u64, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        let Some(block) = &self.block else { return Ok(()) };
        if block.is == Is::Thinking {
            match self.direction {
                // What no signature covers may change.
                Direction::Request if block.deeper > 0 && block.signature.is_none() => {}
                Direction::Request if changes != block.changes || !block.signed => {
                    self.removed = Some(block.deeper > 0);
                    self.remove(spot)?;
                }
                Direction::Request => {}
                Direction::Response => self.unsign(changes, spot),
            }
        }
        self.block = None;
        self.keep(spot)
    }

    /// Empties the signature that is held, if a finding changed its block.
    fn unsign(&mut self, changes: u64, spot: &mut Spot<'_, '_>) {
        let (Some(block), Some(hold)) = (&mut self.block, self.hold) else { return };
        if changes == block.changes {
            return;
        }
        if let Some(signature) = block.signature.take() {
            let bytes = spot.bytes();
            if signature.start <= signature.end && hold + signature.end <= bytes.len() {
                bytes.splice(hold + signature.start..hold + signature.end, *b"\"\"");
            }
        }
    }

    /// Lets the element that is held go.
    fn keep(&mut self, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        let Some(hold) = self.hold.take() else { return Ok(()) };
        let bytes = spot.bytes();
        bounded(bytes.len() - hold.min(bytes.len()), self.limit)?;
        if std::mem::take(&mut self.comma) && !self.kept && self.removed.is_some() && hold < bytes.len() {
            bytes.remove(hold);
        }
        self.kept = true;
        Ok(())
    }

    /// Takes the element that is held out of the array.
    fn remove(&mut self, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        let Some(hold) = self.hold.take() else { return Ok(()) };
        let bytes = spot.bytes();
        bounded(bytes.len() - hold.min(bytes.len()), self.limit)?;
        bytes.truncate(hold);
        self.comma = false;
        Ok(())
    }

    /// The array ends; the spot is before its bracket.
    pub(super) fn close(&mut self, depth: usize, spot: &mut Spot<'_, '_>) {
        if depth == self.depth {
            self.hold = None;
            if let Some(bedrock) = self.removed.filter(|_| !self.kept) {
                spot.bytes().extend_from_slice(if bedrock { REMOVED_BEDROCK } else { REMOVED });
            }
        }
    }
}
