//! What an answer says that it cost: what enters are the decoded bytes of a model's answer, what leaves is a number of
//! tokens.
//!
//! A lexer of JSON that needs no document around it: events, lines, arrays and AWS frames are read alike, and what is no JSON
//! is passed over. A number counts by its place (`usage.total_tokens` of an answer, of its `response` or `message`), so that
//! a model that writes of usage in a text, or a client in the arguments of a tool, is not believed. Totals that grow in a
//! stream count once, with the largest. Memory is a constant; nothing of the answer is kept.

/// Objects and arrays whose places are known; what stands deeper says nothing.
const DEPTH: usize = 6;
/// The longest name that means something.
const NAME: usize = 32;

/// What answers said of their tokens.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Tokens of requests and answers, as the provider counts them.
    pub said: u64,
    /// JSON documents in the body: events, of a stream.
    pub records: u64,
    /// A body that was read for it did not come to its end.
    pub broken: bool,
    /// Tokens of what came behind the last word on cost, where a connection has many answers: an estimate.
    pub unsaid: u64,
}

impl Usage {
    /// Adds another answer's.
    pub fn add(&mut self, other: Self) {
        self.said = self.said.saturating_add(other.said);
        self.records = self.records.saturating_add(other.records);
        self.broken |= other.broken;
        self.unsaid = self.unsaid.saturating_add(other.unsaid);
    }

    /// The tokens that count for a request of so many bytes, and whether the provider said them. A stream that does not
    /// say, and an answer that was broken off before it could, count a token for each event, and one for four bytes of the
    /// request.
    #[must_use]
    pub fn charge(&self, request: u64) -> (u64, bool) {
        if self.unsaid > 0 {
            return (self.said.saturating_add(self.unsaid), false);
        }
        if !self.broken && (self.records <= 1 || self.said > 0) {
            return (self.said, true);
        }
        let asked = if self.said == 0 { estimate(request) } else { 0 };
        let estimated = self.records.saturating_add(asked);
        if estimated > self.said { (estimated, false) } else { (self.said, true) }
    }
}

/// The tokens that so many bytes of a request are taken for, where nobody says: one for each four, rounded up.
#[must_use]
pub fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spot {
    /// The elements of an array that is the document.
    Elements,
    /// An answer, or a piece of a stream.
    Answer,
    /// What an answer may stand in, or its end.
    Holder,
    /// What it cost.
    Usage,
    /// Anything else.
    Other,
}

/// What a number is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Total,
    Input,
    Output,
    CacheRead,
    CacheWrite,
}

const PARTS: usize = 5;

impl Part {
    fn of(spot: Spot, name: &[u8]) -> Option<Self> {
        Some(match (spot, name) {
            (Spot::Usage, b"total_tokens" | b"totalTokens" | b"totalTokenCount") => Self::Total,
            (Spot::Usage, b"prompt_tokens" | b"input_tokens" | b"inputTokens" | b"promptTokenCount") => Self::Input,
            (Spot::Usage, b"completion_tokens" | b"output_tokens" | b"outputTokens" | b"candidatesTokenCount") => {
                Self::Output
            }
            (Spot::Usage, b"cache_read_input_tokens") => Self::CacheRead,
            (Spot::Usage, b"cache_creation_input_tokens") => Self::CacheWrite,
            // Ollama's own answers.
            (Spot::Answer, b"prompt_eval_count") => Self::Input,
            (Spot::Answer, b"eval_count") => Self::Output,
            _ => return None,
        })
    }
}

/// Reads an answer for what it cost.
#[derive(Clone, Debug)]
pub struct Meter {
    spots: [Spot; DEPTH],
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// The text that was read last, where it is short and without escapes: a name, if a colon follows.
    name: [u8; NAME],
    length: usize,
    /// The name before the value that follows.
    named: bool,
    /// The number that is read, and what it is of.
    number: Option<(Part, u64)>,
    parts: [u64; PARTS],
    records: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            spots: [Spot::Other; DEPTH],
            depth: 0,
            in_text: false,
            escaped: false,
            name: [0; NAME],
            length: 0,
            named: false,
            number: None,
            parts: [0; PARTS],
            records: 0,
        }
    }
}

impl Meter {
    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            bytes = rest;
            if !self.in_text {
                self.outside(*byte);
            } else if std::mem::take(&mut self.escaped) {
                self.length = NAME + 1;
            } else {
                match byte {
                    b'"' => self.in_text = false,
                    b'\\' => self.escaped = true,
                    0..=0x1f => self.lost(),
                    // Most of an answer is text that is no name: it is passed over at once.
                    _ if self.length > NAME => {
                        let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
                        let at = bytes.iter().position(stop).unwrap_or(bytes.len());
                        bytes = bytes.get(at..).unwrap_or_default();
                    }
                    byte => {
                        if let Some(slot) = self.name.get_mut(self.length) {
                            *slot = *byte;
                        }
                        self.length += 1;
                    }
                }
            }
        }
    }

    /// What was said so far.
    #[must_use]
    pub fn usage(&self, ended: bool) -> Usage {
        let mut parts = self.parts;
        if let Some((part, number)) = self.number {
            raise(&mut parts, part, number);
        }
        let [total, rest @ ..] = parts;
        let sum = rest.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
        Usage { said: if total > 0 { total } else { sum }, records: self.records, broken: !ended, unsaid: 0 }
    }

    fn outside(&mut self, byte: u8) {
        if let (b'0'..=b'9', Some((_, number))) = (byte, &mut self.number) {
            *number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            return;
        }
        match byte {
            b'0'..=b'9' => {
                // Within an array there are no names.
                let part = std::mem::take(&mut self.named).then(|| Part::of(self.spot(), self.last_name())).flatten();
                self.number = part.map(|part| (part, u64::from(byte - b'0')));
            }
            b'"' => {
                self.count();
                (self.in_text, self.length, self.named) = (true, 0, false);
            }
            b':' => self.named = true,
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => self.close(),
            b'\t' | b'\n' | b'\r' | b' ' => self.count(),
            0..=0x1f => self.lost(),
            _ => {
                self.count();
                self.named = false;
            }
        }
    }

    /// A number has ended. What stands behind a point is left out.
    fn count(&mut self) {
        if let Some((part, number)) = self.number.take() {
            raise(&mut self.parts, part, number);
        }
    }

    fn open(&mut self, object: bool) {
        self.count();
        let name = if std::mem::take(&mut self.named) { self.last_name() } else { &[] };
        let spot = match (self.depth, self.spot(), object, name) {
            (0, _, true, _) | (_, Spot::Elements, true, _) => Spot::Answer,
            (0, _, false, _) => Spot::Elements,
            (_, Spot::Answer, true, b"response" | b"message" | b"delta" | b"meta") => Spot::Holder,
            (_, Spot::Answer | Spot::Holder, true, b"usage" | b"usageMetadata") => Spot::Usage,
            // Cohere's.
            (_, Spot::Usage | Spot::Holder, true, b"tokens") => Spot::Usage,
            _ => Spot::Other,
        };
        if let Some(slot) = self.spots.get_mut(self.depth) {
            *slot = spot;
        }
        self.depth = self.depth.saturating_add(1);
    }

    fn close(&mut self) {
        self.count();
        self.named = false;
        self.depth = self.depth.saturating_sub(1);
        self.records += u64::from(self.depth == 0);
    }

    /// No JSON goes on like this: what follows begins anew.
    fn lost(&mut self) {
        (self.depth, self.in_text, self.escaped, self.named, self.number) = (0, false, false, false, None);
    }

    fn spot(&self) -> Spot {
        self.depth.checked_sub(1).and_then(|at| self.spots.get(at)).copied().unwrap_or(Spot::Other)
    }

    fn last_name(&self) -> &[u8] {
        self.name.get(..self.length).unwrap_or_default()
    }
}

fn raise(parts: &mut [u64; PARTS], part: Part, number: u64) {
    if let Some(slot) = parts.get_mut(part as usize) {
        *slot = number.max(*slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Usage {
        let mut meter = Meter::default();
        meter.push(body.as_bytes());
        let whole = meter.usage(true);
        for chunk in [1, 2, 3, 7] {
            let mut meter = Meter::default();
            body.as_bytes().chunks(chunk).for_each(|piece| meter.push(piece));
            assert_eq!(meter.usage(true), whole, "in pieces of {chunk}: {body}");
        }
        whole
    }

    #[test]
    fn every_protocol_says_it_in_its_own_place() {
        for (said, body) in [
            (
                12,
                r#"{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#,
            ),
            (
                12,
                "data: {\"choices\":[]}\n\ndata: {\"choices\":[],\"usage\":{\"total_tokens\":12}}\n\ndata: [DONE]\n\n",
            ),
            (
                9,
                r#"{"output":[],"usage":{"input_tokens":4,"input_tokens_details":{"cached_tokens":99},"output_tokens":5,"total_tokens":9}}"#,
            ),
            (
                9,
                "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"total_tokens\":9}}}\n\n",
            ),
            (
                16,
                r#"{"content":[],"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":2,"output_tokens":10}}"#,
            ),
            (
                21,
                "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":12}}\n\n",
            ),
            (
                8,
                "[{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":6}}\n,\r\n{\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":8}}]",
            ),
            (5, r#"{"usage":{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":2.0,"output_tokens":3}}}"#),
            (5, r#"{"type":"message-end","delta":{"usage":{"tokens":{"input_tokens":2,"output_tokens":3}}}}"#),
            (5, r#"{"text":"","meta":{"tokens":{"input_tokens":2,"output_tokens":3}}}"#),
            (30, "{\"done\":false}\n{\"done\":true,\"prompt_eval_count\":10,\"eval_count\":20}\n"),
            (
                7,
                "\0\0\0\x7b\x22:event-type\x07\0\x08metadata{\"metrics\":{},\"usage\":{\"inputTokens\":3,\"outputTokens\":4,\"totalTokens\":7}}\x22{\x07\0\0",
            ),
            (3, r#"{ "usage" : { "total_tokens" : 3 } }"#),
        ] {
            assert_eq!(read(body).said, said, "{body}");
        }
    }

    #[test]
    fn nobody_is_believed_elsewhere() {
        for body in [
            r#"{"choices":[{"message":{"content":"\"usage\":{\"total_tokens\":99}"}}]}"#,
            r#"{"content":[{"type":"tool_use","input":{"usage":{"total_tokens":99}}}]}"#,
            r#"{"input":{"usage":{"total_tokens":99}}}"#,
            r#"{"usage":[{"total_tokens":99}]}"#,
            r#"{"usage":{"total_tokens":"99","x":["total_tokens",99]}}"#,
            r#"{"usage":{"details":{"total_tokens":99}}}"#,
            r#"{"us\u0061ge":{"total_tokens":99}}"#,
            r#"[[{"usage":{"total_tokens":99}}]]"#,
            "text about {usage} and 99",
            "",
        ] {
            assert_eq!(read(body).said, 0, "{body}");
        }
        assert_eq!(read(&format!("{{\"usage\":{{\"total_tokens\":{}}}}}", "9".repeat(40))).said, u64::MAX);
        assert_eq!(read(&"[".repeat(10_000)).said, 0);
        // A text that never ends takes what follows with it, up to the next line.
        assert_eq!(read("data: {\"a\n\ndata: {\"usage\":{\"total_tokens\":4}}\n\n").said, 4);
    }

    #[test]
    fn a_stream_that_does_not_say_is_estimated() {
        let silent = read("data: {\"choices\":[]}\n\ndata: {}\n\ndata: {}\n\n");
        assert_eq!(silent.charge(40), (13, false));
        let said = Usage { said: 50, records: 3, ..Usage::default() };
        assert_eq!(said.charge(4_000), (50, true));
        let broken = Usage { said: 10, records: 30, broken: true, unsaid: 0 };
        assert_eq!(broken.charge(4_000), (30, false));
        let silent = Usage { said: 0, broken: true, ..Usage::default() };
        assert_eq!(silent.charge(4_000), (1_000, false), "an answer that nobody waited for");
        // What is no stream costs what it says.
        assert_eq!(read("{\"object\":\"list\"}").charge(4_000), (0, true));
        assert_eq!(Usage::default().charge(4_000), (0, true));
        // A connection whose last answer nobody waited for.
        assert_eq!(Usage { said: 50, unsaid: 7, ..Usage::default() }.charge(4_000), (57, false));
        assert_eq!([0, 1, 4, 5, u64::MAX].map(estimate), [0, 1, 1, 2, 1 << 62]);
    }
}
