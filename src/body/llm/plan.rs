//! What one event means: which of its literals continue which logical text, which texts end with it, and which values
//! are not text. The protocols' modules fill a [`Plan`]; [`super::Model`] carries it out.

use std::borrow::Cow;
use std::ops::Range;

use super::{bedrock, cohere, cohere_v1, grown, live, others, responses};
use crate::body::json::{Counts, Index, Kind, Node, Side, Unit, is_like, unescape};
use crate::body::{BodyError, BodyErrorKind};

/// Whose texts are and of what kind, and the place of one among them, where that is said.
type Order = ((u64, Part), Option<(u64, u64)>);

/// A logical text: the part of a choice, a content block or an item that fragments add up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TextKey {
    /// The choice's, block's or item's index.
    pub(super) of: u64,
    pub(super) part: Part,
}

impl TextKey {
    /// That of no text.
    pub(super) const NONE: Self = Self { of: 0, part: Part::Text };

    /// The texts that a reader may add this one to: whose and of what kind these are, and where it is among them, where that
    /// is said. Choices are answers of their own.
    fn order(self) -> Option<Order> {
        let (whose, part, place) = match self.part {
            Part::Item { kind, at } => {
                (self.of >> 32, Part::Item { kind: responses::sort(kind), at: 0 }, Some((self.of, at)))
            }
            part @ (Part::Text | Part::Message(_) | Part::Bedrock(_)) => (0, part, Some((self.of, 0))),
            Part::Grown { row, .. } => (0, Part::Grown { row, at: 0 }, None),
            Part::Other(row) => (0, Part::Other(others::sort(row)), None),
            _ => return None,
        };
        Some(((whose, part), place)).filter(|_| self.part.is_for_reader())
    }

    /// Whether it is one of several texts that a reader may add up.
    pub(super) fn is_one_of_several(self) -> bool {
        self.order().is_some()
    }

    /// Whether a reader may add it to one that ended: where that is among those before it, if that is said. Where it is
    /// not, texts follow each other as they come, one that begins anew itself.
    pub(super) fn follows(self, ended: Self) -> Option<(u64, u64)> {
        let ((whose, place), (other, before)) = (self.order()?, ended.order()?);
        (whose == other && (place.is_none() || before < place)).then_some(before.unwrap_or_default())
    }

    /// Whether how it ended takes the place of how that one did: no text follows that one any more.
    pub(super) fn replaces(self, ended: Self) -> bool {
        let orders = self.order().zip(ended.order());
        self == ended || orders.is_some_and(|((whose, place), (other, _))| whose == other && place.is_none())
    }

    /// Whether it is of the same tool call, or neither is of one and both are of the same owner.
    pub(super) fn is_of_call(self, other: Self) -> bool {
        (self.of, self.part.call()) == (other.of, other.part.call())
    }

    pub(super) fn is_of_choice(self, of: u64) -> bool {
        self.of == of && matches!(self.part.carrier(), Carrier::Choice | Carrier::Candidate)
    }
}

/// The parts of a choice or a block, with their own index where there may be several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    // `choices[].delta`
    Content,
    /// `thinking` inside an array of content chunks.
    ContentThinking,
    Refusal,
    ReasoningContent,
    Reasoning,
    ReasoningText(u64),
    ReasoningSummary(u64),
    ToolArguments(u64),
    ToolInput(u64),
    /// `thinking` of a block among the delta's `thinking_blocks`, or among those of its provider's own fields.
    ThinkingBlock {
        at: u64,
        own: bool,
    },
    /// Reasoning among the provider's own fields.
    OwnReasoning,
    FunctionArguments,
    Transcript,
    /// `choices[].text`
    Completion,
    /// Any other string of a delta.
    Named(Name),
    // `content_block_delta`
    Text,
    PartialJson,
    Thinking,
    /// Any other string of a delta.
    BlockNamed(Name),
    /// `response.….delta`, by its kind and its place in the item.
    Item {
        kind: u8,
        at: u64,
    },
    /// Any other `response.….delta`: its member, or the members of its object, each of a kind and a place in the item.
    ItemNamed {
        name: Name,
        at: u64,
    },
    // `candidates[].content.parts[]`
    CandidateText,
    /// `text` of a part that is a thought.
    CandidateThought,
    /// A string of a call's `partialArgs`, by where it belongs.
    CandidateArgument(u64),
    // `serverContent`
    /// By its row among a live turn's growing texts.
    Live(u8),
    // `content-delta` and its like
    /// By its row among the message's growing texts.
    Message(u8),
    /// Any other string of the content.
    MessageNamed(Name),
    // `text-generation` and its like
    /// By its row among the growing texts of version 1.
    Generated(u8),
    // Records that end with `done`
    /// By its row among the record's growing texts.
    Record(u8),
    /// Any other string of the message.
    RecordNamed(Name),
    // `thread.….delta` and its like
    /// By its row among the growing texts, and its place in the delta.
    Grown {
        row: u8,
        at: u64,
    },
    // Those of servers and programs
    /// By its row among their growing texts.
    Other(u8),
    // Bedrock's events
    /// By its row among Bedrock's growing texts.
    Bedrock(u8),
    /// Any other string of a delta.
    BedrockNamed(Name),
}

/// A member's name, as plain as names in protocols are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    bytes: [u8; 40],
    len: usize,
}

impl Name {
    /// Members of deltas that are words of the protocol, or bytes, and never grow.
    const FIXED: [&[u8]; 12] = [
        b"role",
        b"id",
        b"type",
        b"name",
        b"object",
        b"model",
        b"status",
        b"finish_reason",
        b"signature",
        b"encrypted_content",
        b"data",
        b"obfuscation",
    ];

    /// The name of a member that may be a growing text.
    pub(super) fn of_text(key: &[u8]) -> Option<Self> {
        let plain = key.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !plain || Self::FIXED.contains(&key) || key.ends_with(b"_id") {
            return None;
        }
        let mut bytes = [0; 40];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self { bytes, len: key.len() })
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

/// What carries a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carrier {
    /// A choice of OpenAI's chunks.
    Choice,
    /// A content block of Anthropic's.
    Block,
    /// An item of OpenAI's Responses.
    Item,
    /// A candidate of Gemini's.
    Candidate,
    /// A turn of Gemini's live API.
    Turn,
    /// A message of Cohere's.
    Message,
    /// A generation of Cohere's version 1.
    Generation,
    /// A record of Ollama's.
    Record,
    /// An event of Bedrock's.
    Bedrock,
    /// A delta of Assistants' or of interactions.
    Grown,
}

/// How a text is read: as a document's string at the same place, so that deltas and later copies agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// Never as JSON.
    Plain,
    /// As JSON where it begins like it.
    Sniffing,
    /// As JSON until it proves otherwise.
    Arguments,
}

impl Part {
    pub(super) fn reading(self) -> Reading {
        match self {
            Self::ToolArguments(_) | Self::FunctionArguments | Self::PartialJson => Reading::Arguments,
            Self::Thinking => Reading::Plain,
            Self::Item { kind, .. } => responses::reading(kind),
            Self::Message(row) => cohere::reading(row),
            Self::Bedrock(row) => bedrock::reading(row),
            Self::Generated(row) => cohere_v1::reading(row),
            Self::Grown { row, .. } => grown::reading(row),
            Self::Other(row) => others::reading(row),
            Self::Content
            | Self::ContentThinking
            | Self::Refusal
            | Self::ReasoningContent
            | Self::Reasoning
            | Self::ReasoningText(_)
            | Self::ReasoningSummary(_)
            | Self::ToolInput(_)
            | Self::ThinkingBlock { .. }
            | Self::OwnReasoning
            | Self::Transcript
            | Self::Completion
            | Self::Named(_)
            | Self::BlockNamed(_)
            | Self::Text
            | Self::CandidateText
            | Self::CandidateThought
            | Self::CandidateArgument(_)
            | Self::Live(_)
            | Self::ItemNamed { .. }
            | Self::MessageNamed(_)
            | Self::Record(_)
            | Self::RecordNamed(_)
            | Self::BedrockNamed(_) => Reading::Sniffing,
        }
    }

    /// Whether offsets may count in it.
    pub(super) fn is_cited(self) -> bool {
        match self {
            Self::Content | Self::CandidateText | Self::Item { .. } => true,
            Self::Message(row) => cohere::is_cited(row),
            Self::Generated(row) => cohere_v1::is_cited(row),
            _ => false,
        }
    }

    /// Whether it is one of the texts that an answer has for its reader.
    pub(super) fn is_for_reader(self) -> bool {
        match self {
            Self::Content
            | Self::Refusal
            | Self::ReasoningContent
            | Self::Reasoning
            | Self::Transcript
            | Self::Completion
            | Self::Text
            | Self::CandidateText
            | Self::CandidateThought
            | Self::Live(_)
            | Self::Record(_) => true,
            Self::Item { kind, .. } => responses::is_for_reader(kind),
            Self::Grown { row, .. } => grown::is_for_reader(row),
            Self::Other(row) => others::reading(row) != Reading::Arguments,
            Self::Message(_) => self.call().is_none(),
            Self::Bedrock(row) => row != bedrock::THOUGHT && self.call().is_none(),
            _ => false,
        }
    }

    /// Which tool call of its choice, block or item it is the arguments of: a kind and a place.
    pub(super) fn call(self) -> Option<(u8, u64)> {
        match self {
            Self::ToolArguments(at) | Self::ToolInput(at) => Some((0, at)),
            Self::FunctionArguments => Some((1, 0)),
            Self::PartialJson => Some((2, 0)),
            Self::Item { kind, .. } => responses::is_call(kind).then_some((3, 0)),
            Self::Message(row) => (cohere::reading(row) == Reading::Arguments).then_some((4, 0)),
            Self::Bedrock(row) => (bedrock::reading(row) == Reading::Arguments).then_some((5, 0)),
            Self::CandidateArgument(_) => Some((6, 0)),
            Self::Grown { row, at } => (grown::reading(row) == Reading::Arguments).then_some((7, at)),
            Self::Other(row) => (others::reading(row) == Reading::Arguments).then_some((8, 0)),
            _ => None,
        }
    }

    /// Whether only its member's name tells that it may be a text.
    pub(super) fn is_named(self) -> bool {
        matches!(
            self,
            Self::Named(_) | Self::BlockNamed(_) | Self::MessageNamed(_) | Self::RecordNamed(_) | Self::BedrockNamed(_)
        )
    }

    /// Whether a signature may cover it.
    pub(super) fn may_be_signed(self) -> bool {
        match self {
            Self::Thinking | Self::ContentThinking | Self::ReasoningText(_) | Self::ThinkingBlock { .. } => true,
            Self::CandidateText | Self::CandidateThought => true,
            Self::Bedrock(row) => row == bedrock::THOUGHT,
            _ => false,
        }
    }

    /// Whether what is held of it leaves in a copy of its last delta.
    pub(super) fn is_carried_by_copy(self) -> bool {
        matches!(self, Self::Item { .. } | Self::ItemNamed { .. } | Self::BlockNamed(_) | Self::CandidateArgument(_))
            || matches!(self.carrier(), Carrier::Bedrock | Carrier::Generation | Carrier::Grown)
    }

    pub(super) fn carrier(self) -> Carrier {
        match self {
            Self::Text | Self::PartialJson | Self::Thinking | Self::BlockNamed(_) => Carrier::Block,
            Self::Item { .. } | Self::ItemNamed { .. } => Carrier::Item,
            Self::CandidateText | Self::CandidateThought | Self::CandidateArgument(_) => Carrier::Candidate,
            Self::Live(_) => Carrier::Turn,
            Self::Message(_) | Self::MessageNamed(_) => Carrier::Message,
            Self::Generated(_) => Carrier::Generation,
            Self::Grown { .. } | Self::Other(_) => Carrier::Grown,
            Self::Record(_) | Self::RecordNamed(_) => Carrier::Record,
            Self::Bedrock(_) | Self::BedrockNamed(_) => Carrier::Bedrock,
            Self::Content
            | Self::ContentThinking
            | Self::Refusal
            | Self::ReasoningContent
            | Self::Reasoning
            | Self::ReasoningText(_)
            | Self::ReasoningSummary(_)
            | Self::ToolArguments(_)
            | Self::ToolInput(_)
            | Self::ThinkingBlock { .. }
            | Self::OwnReasoning
            | Self::FunctionArguments
            | Self::Transcript
            | Self::Named(_)
            | Self::Completion => Carrier::Choice,
        }
    }
}

/// Which texts end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    One(TextKey),
    /// The texts of a choice or candidate.
    Choice(u64),
    Block(u64),
    Item(u64),
    /// The texts of a kind and place in an item that have no row.
    ItemNamed {
        of: u64,
        at: u64,
    },
    /// The texts of an answer's items, of any answer's where it has no name; not those of what was heard.
    Answer(Option<u32>),
    /// The texts of one group of Cohere's events at this index.
    Message {
        of: u64,
        group: &'static str,
    },
    /// All that Cohere's version 1 generates but what is said.
    Calls,
    /// The strings of a candidate's calls.
    Arguments(u64),
    /// What is generated in a live turn of Gemini's.
    Generated,
    /// All texts of a live turn of Gemini's.
    Turn,
    /// The texts of Ollama's records.
    Records,
    /// The texts of a content block of Bedrock's.
    BedrockBlock(u64),
    /// The texts of an object of Assistants', or of a content of interactions.
    Grown(u64),
    /// The texts of this owner in streams of servers and programs.
    Other(u64),
    /// All texts of these.
    Others,
    All,
}

impl End {
    pub(super) fn covers(self, key: TextKey) -> bool {
        match self {
            Self::One(one) => key == one,
            Self::Choice(of) => key.is_of_choice(of),
            Self::Block(of) => key.of == of && key.part.carrier() == Carrier::Block,
            Self::Item(of) => key.of == of && key.part.carrier() == Carrier::Item,
            Self::ItemNamed { of, at } => {
                key.of == of && matches!(key.part, Part::ItemNamed { at: place, .. } if place == at)
            }
            Self::Answer(answer) => key.part.carrier() == Carrier::Item && responses::is_of_answer(key.of, answer),
            Self::Message { of, group } => key.of == of && cohere::group(key.part) == Some(group),
            Self::Calls => matches!(key.part, Part::Generated(row) if !cohere_v1::is_cited(row)),
            Self::Arguments(of) => key.of == of && matches!(key.part, Part::CandidateArgument(_)),
            Self::Generated => match key.part {
                Part::Live(row) => live::is_generated(row),
                part => matches!(part, Part::CandidateArgument(_)),
            },
            Self::Turn => matches!(key.part, Part::Live(_) | Part::CandidateArgument(_)),
            Self::Records => key.part.carrier() == Carrier::Record,
            Self::BedrockBlock(of) => key.of == of && key.part.carrier() == Carrier::Bedrock,
            Self::Grown(of) => key.of == of && key.part.carrier() == Carrier::Grown,
            Self::Other(of) => key.of == of && matches!(key.part, Part::Other(_)),
            Self::Others => matches!(key.part, Part::Other(_)),
            Self::All => true,
        }
    }
}

/// What a record of our own copies from one that carries texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// The object that has the members.
    pub(super) node: Node,
    pub(super) members: &'static [&'static str],
}

/// A copy of fragments, token by token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    pub(super) node: Node,
    /// The choice or item whose text it repeats; none where it repeats all that was said.
    pub(super) of: Option<u64>,
    /// It repeats what is not there to compare it with.
    pub(super) hidden: bool,
    /// What stands in its place where the text did not leave whole.
    pub(super) without: &'static [u8],
}

/// The text that an offset counts in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CountsIn {
    /// One that grows over the events.
    Growing(TextKey),
    /// A whole text of the same event.
    Whole(Node),
}

/// A number that says where in a text something begins or ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offset {
    pub(super) node: Node,
    pub(super) text: CountsIn,
    pub(super) counts: Counts,
}

/// One event, understood.
#[derive(Default, Debug)]
pub(super) struct Plan {
    /// Fragments of logical texts, in the order of the text.
    pub(super) deltas: Vec<(Node, TextKey)>,
    /// What may be words of the protocol at the beginning of texts whose names we do not know.
    pub(super) words: Vec<(Node, TextKey)>,
    /// Texts that end before this event.
    pub(super) before: Vec<End>,
    /// Texts in whose places others begin.
    pub(super) anew: Vec<End>,
    /// Texts that end with this event, after its fragments.
    pub(super) with: Vec<End>,
    /// Texts that have failed: what is held of them never leaves.
    pub(super) lost: Vec<End>,
    /// The provider tells of an error: a text that does not go on behind it has failed.
    pub(super) fails: bool,
    /// The provider tells that the answer is over and has not failed, whatever errors it told of before.
    pub(super) whole: bool,
    /// Identifiers of tool calls: a new one at the same place begins another call.
    pub(super) calls: Vec<(Node, TextKey)>,
    /// Names of tools, each with the arguments of its call, and whether the call begins here.
    pub(super) names: Vec<(Node, TextKey, bool)>,
    /// The arguments of calls that begin here, whether they are named or not.
    pub(super) begun: Vec<TextKey>,
    /// Choices that the event speaks of.
    pub(super) mentions: Vec<u64>,
    /// Choices that say that they have finished.
    pub(super) finishes: Vec<u64>,
    /// Choices whose text is over unless it goes on in the next event; where none comes, that is not said.
    pub(super) pauses: Vec<u64>,
    pub(super) copies: Vec<Copied>,
    /// Strings that repeat all that was said so far of a text.
    pub(super) repeats: Vec<(Node, TextKey)>,
    /// What stands in an event of our own that copies this one in the place of what it says.
    pub(super) instead: Vec<(Range<usize>, &'static str)>,
    /// The growing text that the event repeats whole, or of whose item it repeats all.
    pub(super) copied: Option<TextKey>,
    /// Token details, and the whole text that they repeat.
    pub(super) twins: Vec<(Node, Node)>,
    pub(super) offsets: Vec<Offset>,
    /// Signatures and the texts they sign: they go when that text has changed.
    pub(super) signatures: Vec<(Node, TextKey)>,
    /// Signatures of parts of messages, each with its part and the text that the part goes on with: they go when the part
    /// has changed, or that text has.
    pub(super) signed: Vec<(Node, Node, Option<TextKey>)>,
    /// The event is a chunk whose envelope can carry texts.
    pub(super) chunk: Option<Chunk>,
    /// The number of the event in its stream, where events are counted.
    pub(super) sequence: Option<Node>,
    /// What names the event, where no two events have one name.
    pub(super) identifier: Option<Node>,
    /// The event is of a model's protocol.
    pub(super) known: bool,
}

impl Plan {
    pub(super) fn clear(&mut self) {
        self.deltas.clear();
        self.words.clear();
        self.before.clear();
        self.anew.clear();
        self.with.clear();
        self.lost.clear();
        self.fails = false;
        self.whole = false;
        self.copied = None;
        self.instead.clear();
        self.calls.clear();
        self.names.clear();
        self.begun.clear();
        self.mentions.clear();
        self.finishes.clear();
        self.pauses.clear();
        self.copies.clear();
        self.repeats.clear();
        self.twins.clear();
        self.offsets.clear();
        self.signatures.clear();
        self.signed.clear();
        self.chunk = None;
        self.sequence = None;
        self.identifier = None;
        self.known = false;
    }

    /// Whether the event brings, repeats and ends no text, and speaks of no choice, call or failure.
    pub(super) fn is_silent(&self) -> bool {
        self.deltas.is_empty()
            && self.words.is_empty()
            && self.repeats.is_empty()
            && self.mentions.is_empty()
            && self.finishes.is_empty()
            && self.pauses.is_empty()
            && self.calls.is_empty()
            && self.names.is_empty()
            && self.before.is_empty()
            && self.anew.is_empty()
            && self.with.is_empty()
            && self.lost.is_empty()
            && !self.fails
            && !self.whole
    }

    /// How much the event speaks of.
    pub(super) fn size(&self) -> usize {
        self.deltas.len()
            + self.mentions.len()
            + self.copies.len()
            + self.repeats.len()
            + self.twins.len()
            + self.offsets.len()
            + self.signatures.len()
            + self.signed.len()
            + self.calls.len()
            + self.names.len()
            + self.instead.len()
    }

    /// Whether the event brings text of this choice.
    pub(super) fn speaks(&self, index: &Index, of: u64) -> bool {
        self.deltas.iter().any(|(node, key)| key.is_of_choice(of) && index.range(*node).len() > 2)
    }

    /// Adds a fragment where the value is a string.
    pub(super) fn delta(&mut self, index: &Index, node: Option<Node>, of: u64, part: Part) {
        if let Some(node) = node.filter(|node| index.kind(*node) == Kind::String) {
            self.deltas.push((node, TextKey { of, part }));
        }
    }

    /// Adds a tool's name, where there is one that is not empty.
    pub(super) fn name(&mut self, index: &Index, node: Option<Node>, of: u64, part: Part, begins: bool) {
        if let Some(node) = node.filter(|node| index.kind(*node) == Kind::String && index.range(*node).len() > 2) {
            self.names.push((node, TextKey { of, part }, begins));
        }
    }

    /// Says that a call begins, which may be named here or later.
    pub(super) fn begin_call(&mut self, index: &Index, name: Option<Node>, of: u64, part: Part) {
        self.begun.push(TextKey { of, part });
        self.name(index, name, of, part, true);
    }

    /// Adds a copy of text, where there is one.
    pub(super) fn copy(&mut self, index: &Index, node: Option<Node>, of: Option<u64>, without: &'static [u8]) {
        if let Some(node) = node.filter(|node| index.kind(*node) != Kind::Null) {
            self.copies.push(Copied { node, of, hidden: false, without });
        }
    }

    /// Adds a copy of a text that is not in the stream, where there is one.
    pub(super) fn hide(&mut self, index: &Index, node: Option<Node>) {
        if let Some(node) = node.filter(|node| index.kind(*node) != Kind::Null) {
            self.copies.push(Copied { node, of: None, hidden: true, without: b"null" });
        }
    }

    /// Adds every string of a delta that is not in `known` as a text of its own, since any of them may grow.
    pub(super) fn others(&mut self, index: &Index, delta: Node, known: &[&[u8]], of: u64, part: fn(Name) -> Part) {
        for child in index.children(delta).filter(|child| index.kind(*child) == Kind::String) {
            let key = index.key(child).filter(|key| !known.contains(key));
            if let Some(name) = key.and_then(Name::of_text) {
                self.deltas.push((child, TextKey { of, part: part(name) }));
            }
        }
    }

    /// Adds a signature, where there is one. What it signs must be judged to its end first.
    pub(super) fn signature(&mut self, index: &Index, node: Option<Node>, signs: TextKey) {
        if let Some(node) = node.filter(|node| index.kind(*node) == Kind::String && index.range(*node).len() > 2) {
            self.signatures.push((node, signs));
            self.with.push(End::One(signs));
        }
    }
}

/// The event at hand: its index and its bytes.
#[derive(Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) index: &'a Index,
    pub(super) data: &'a [u8],
}

impl<'a> Event<'a> {
    /// The member of this key. Readers differ on which of two equal keys counts, so that two are refused.
    pub(super) fn member(&self, node: Node, key: &str) -> Result<Option<Node>, BodyError> {
        let mut found = self.index.children(node).filter(|child| self.index.key(*child) == Some(key.as_bytes()));
        let first = found.next();
        if found.next().is_some() {
            return Err(BodyErrorKind::JsonSyntax.into());
        }
        Ok(first)
    }

    /// Refuses an object with a member that some reader takes for one of these, and that is not spelled so.
    pub(super) fn spells(&self, node: Node, keys: &[&str]) -> Result<(), BodyError> {
        let is_odd = |name: &[u8]| keys.iter().any(|key| name != key.as_bytes() && is_like(name, key.as_bytes()));
        let odd = self.index.children(node).filter_map(|child| self.index.key(child)).any(is_odd);
        if odd { Err(BodyErrorKind::JsonSyntax.into()) } else { Ok(()) }
    }

    /// As [`Event::member`], where it is of this kind.
    pub(super) fn of_kind(&self, node: Node, key: &str, kind: Kind) -> Result<Option<Node>, BodyError> {
        Ok(self.member(node, key)?.filter(|member| self.index.kind(*member) == kind))
    }

    /// The member that protocol buffers write under either of two names, where it is of this kind.
    pub(super) fn either(&self, node: Node, keys: [&str; 2], kind: Kind) -> Result<Option<Node>, BodyError> {
        let [first, second] = keys;
        let found = (self.of_kind(node, first, kind)?, self.of_kind(node, second, kind)?);
        match found {
            (Some(_), Some(_)) => Err(BodyErrorKind::JsonSyntax.into()),
            (first, second) => Ok(first.or(second)),
        }
    }

    /// The objects among the elements of an array.
    pub(super) fn objects(&self, array: Node) -> impl Iterator<Item = Node> + 'a {
        let index = self.index;
        index.children(array).filter(move |element| index.kind(*element) == Kind::Object)
    }

    /// A string's text, or any other literal as it stands.
    pub(super) fn word(&self, node: Node) -> Cow<'a, [u8]> {
        let literal = self.index.literal(node, self.data);
        match literal.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
            None => Cow::Borrowed(literal),
            Some(inside) if !inside.contains(&b'\\') => Cow::Borrowed(inside),
            Some(_) => {
                let mut text = Vec::new();
                // What does not unescape is no word that anyone knows.
                let _ = unescape(literal, &mut text);
                Cow::Owned(text)
            }
        }
    }

    /// The two numbers of an object that say where in a text something begins and ends.
    pub(super) fn offsets(
        &self,
        object: Node,
        names: [&str; 2],
        unit: Unit,
        text: CountsIn,
        plan: &mut Plan,
    ) -> Result<(), BodyError> {
        for (name, side) in names.into_iter().zip([Side::Start, Side::End]) {
            if let Some(node) = self.of_kind(object, name, Kind::Number)? {
                plan.offsets.push(Offset { node, text, counts: (unit, side) });
            }
        }
        Ok(())
    }

    /// The member of this key as a number, else `place`.
    pub(super) fn number(&self, node: Node, key: &str, place: usize) -> Result<u64, BodyError> {
        let number = self.member(node, key)?.filter(|at| matches!(self.index.kind(*at), Kind::Number | Kind::String));
        let number = number.and_then(|number| whole_number(&self.word(number)));
        Ok(number.unwrap_or(place as u64))
    }
}

/// A number that readers take for this one: `1`, `1.0` and `1e0` are one index.
pub(super) fn whole_number(text: &[u8]) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let same = |number: &f64| (0.0..EXACT).contains(number) && number.fract() == 0.0;
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(same).map(|number| number as u64))
}
