//! How syslog messages are told apart in a stream: octet counting (RFC 5425 section 4.3, RFC 6587 section 3.4.1) and lines
//! (RFC 6587 section 3.4.2, a LF behind each message).
//!
//! Enters: the bytes of a connection in any chunking. Leaves: whole messages, each at most the limit. A sender keeps to
//! one framing, so the first message settles it; from then on what does not fit is refused, because another reader could
//! find other messages in it.

use crate::body::{BodyError, BodyErrorKind};

/// Digits of a count; ten are more than any message that a limit lets in.
const DIGITS: u8 = 10;

/// Which framing a listener takes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Framing {
    /// What the first message has: a count and a blank, or else lines.
    #[default]
    Auto,
    /// A count before each message.
    Octets,
    /// A LF behind each message.
    Lines,
}

impl Framing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Octets, Self::Lines];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Octets => "octets",
            Self::Lines => "lines",
        }
    }
}

/// How a message was framed, and so will be again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// By a count.
    Octets,
    /// By a LF.
    Line,
    /// By the end of the connection.
    Last,
}

/// Where the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// At the beginning of a message.
    Start,
    /// In a count.
    Count { digits: u8, count: usize },
    /// In the digits that a message begins with, which are a count if a blank follows them.
    Unsettled { digits: u8, count: usize },
    /// In a message that was counted.
    Octets { left: usize },
    /// In a line.
    Line,
}

/// Cuts a stream into messages.
pub(super) struct Framer {
    framing: Framing,
    /// Nobody has said what framing there is.
    unsaid: bool,
    state: State,
    /// What has come of the message.
    message: Vec<u8>,
    limit: usize,
}

impl Framer {
    pub(super) fn new(framing: Framing, limit: usize) -> Self {
        Self { framing, unsaid: framing == Framing::Auto, state: State::Start, message: Vec::new(), limit }
    }

    /// Takes bytes up to the end of a message; `None` where there are no more. The message is [`Framer::message`] until the
    /// next call.
    ///
    /// # Errors
    /// [`BodyErrorKind::FrameSyntax`] for what no framing allows or only one reader of two would understand so,
    /// [`BodyErrorKind::TooLarge`] for a message beyond the limit.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, BodyError> {
        if self.state == State::Start {
            self.message.clear();
        }
        while let Some((first, rest)) = input.split_first() {
            match self.state {
                State::Start => {
                    self.begin(*first)?;
                    if !matches!(self.state, State::Line) {
                        *input = rest;
                    }
                }
                State::Count { digits, count } => {
                    *input = rest;
                    self.state = match first {
                        b'0'..=b'9' => {
                            let (digits, count) = self.digit(*first, digits, count)?;
                            State::Count { digits, count }
                        }
                        b' ' => State::Octets { left: count },
                        _ => return Err(BodyErrorKind::FrameSyntax.into()),
                    };
                }
                State::Unsettled { digits, count } => self.settle(*first, digits, count, input)?,
                State::Octets { left } => {
                    let (part, rest) = input.split_at(left.min(input.len()));
                    self.message.extend_from_slice(part);
                    *input = rest;
                    let left = left - part.len();
                    self.state = State::Octets { left };
                    if left == 0 {
                        self.state = State::Start;
                        return Ok(Some(Frame::Octets));
                    }
                }
                State::Line => {
                    let end = memchr::memchr(b'\n', input);
                    let (part, rest) = input.split_at(end.unwrap_or(input.len()));
                    if self.message.len().saturating_add(part.len()) > self.limit {
                        return Err(BodyErrorKind::TooLarge.into());
                    }
                    self.message.extend_from_slice(part);
                    *input = rest;
                    if end.is_some() {
                        *input = rest.get(1..).unwrap_or_default();
                        self.state = State::Start;
                        self.settled_line()?;
                        return Ok(Some(Frame::Line));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Ends the stream: a last line needs no LF.
    ///
    /// # Errors
    /// [`BodyErrorKind::Truncated`] within a counted message, as [`Framer::next`] else.
    pub(super) fn finish(&mut self) -> Result<Option<Frame>, BodyError> {
        match std::mem::replace(&mut self.state, State::Start) {
            State::Start => Ok(None),
            State::Line | State::Unsettled { .. } => {
                self.settled_line()?;
                Ok(Some(Frame::Last))
            }
            State::Count { .. } | State::Octets { .. } => Err(BodyErrorKind::Truncated.into()),
        }
    }

    /// The message that the last call gave.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Whether no message has begun.
    pub(super) fn is_between(&self) -> bool {
        self.state == State::Start
    }

    /// How many bytes surely belong to the message that has begun; at least 1.
    pub(super) fn wanted(&self) -> usize {
        match self.state {
            State::Octets { left } => left.max(1),
            State::Start | State::Count { .. } | State::Unsettled { .. } | State::Line => 1,
        }
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        if self.is_between() { 0 } else { self.message.len() }
    }

    fn begin(&mut self, first: u8) -> Result<(), BodyError> {
        self.state = match (self.framing, first) {
            (Framing::Octets, b'1'..=b'9') => {
                let (digits, count) = self.digit(first, 0, 0)?;
                State::Count { digits, count }
            }
            (Framing::Octets, _) => return Err(BodyErrorKind::FrameSyntax.into()),
            (Framing::Auto, b'0'..=b'9') => {
                self.message.push(first);
                State::Unsettled { digits: 1, count: usize::from(first - b'0') }
            }
            (Framing::Auto | Framing::Lines, _) => State::Line,
        };
        Ok(())
    }

    /// Whether the digits that the stream begins with are a count.
    fn settle(&mut self, byte: u8, digits: u8, count: usize, input: &mut &[u8]) -> Result<(), BodyError> {
        match byte {
            b'0'..=b'9' if digits >= DIGITS => return Err(BodyErrorKind::FrameSyntax.into()),
            b'0'..=b'9' => {
                self.message.push(byte);
                let count = count.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                self.state = State::Unsettled { digits: digits + 1, count };
            }
            b' ' if self.message.first() == Some(&b'0') => return Err(BodyErrorKind::FrameSyntax.into()),
            b' ' if count > self.limit => return Err(BodyErrorKind::TooLarge.into()),
            b' ' => {
                self.framing = Framing::Octets;
                self.message.clear();
                self.state = State::Octets { left: count };
            }
            _ => {
                self.state = State::Line;
                return Ok(());
            }
        }
        *input = input.get(1..).unwrap_or_default();
        Ok(())
    }

    fn digit(&self, digit: u8, digits: u8, count: usize) -> Result<(u8, usize), BodyError> {
        if digits >= DIGITS {
            return Err(BodyErrorKind::FrameSyntax.into());
        }
        let count = count.saturating_mul(10).saturating_add(usize::from(digit.wrapping_sub(b'0')));
        if count > self.limit {
            return Err(BodyErrorKind::TooLarge.into());
        }
        Ok((digits + 1, count))
    }

    /// A line has ended, the stream's framing is settled. One that begins as a counted message does would be one to a reader that decides anew each time.
    fn settled_line(&mut self) -> Result<(), BodyError> {
        if self.framing == Framing::Auto {
            self.framing = Framing::Lines;
        }
        if self.seems_counted(&self.message) { Err(BodyErrorKind::FrameSyntax.into()) } else { Ok(()) }
    }

    /// Whether a line begins as a counted message does: rsyslog, for one, takes any digits and a blank for a count, at each
    /// line anew. Where lines were asked for, a PRI must follow.
    pub(super) fn seems_counted(&self, line: &[u8]) -> bool {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mark: &[u8] = if self.unsaid { b" " } else { b" <" };
        digits > 0 && line.get(digits..).is_some_and(|rest| rest.starts_with(mark))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use super::*;

    type Cut = (Vec<(Frame, Vec<u8>)>, Result<(), BodyErrorKind>);

    fn cut_in(framing: Framing, chunks: &[&[u8]]) -> Cut {
        let (mut framer, mut messages) = (Framer::new(framing, 64), Vec::new());
        for chunk in chunks {
            let mut rest = *chunk;
            loop {
                match framer.next(&mut rest) {
                    Ok(Some(frame)) => messages.push((frame, framer.message().to_vec())),
                    Ok(None) => break,
                    Err(error) => return (messages, Err(error.kind)),
                }
            }
            assert!(framer.held() <= 64);
        }
        match framer.finish() {
            Ok(Some(frame)) => messages.push((frame, framer.message().to_vec())),
            Ok(None) => {}
            Err(error) => return (messages, Err(error.kind)),
        }
        (messages, Ok(()))
    }

    /// Cuts whole, at every split and byte by byte, which must agree.
    fn cut(framing: Framing, stream: &[u8]) -> Cut {
        let whole = cut_in(framing, &[stream]);
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(cut_in(framing, &[left, right]), whole, "at {at} of {stream:?}");
        }
        assert_eq!(cut_in(framing, &stream.chunks(1).collect::<Vec<_>>()), whole);
        whole
    }

    fn good(framing: Framing, stream: &str, expected: &[(Frame, &str)]) {
        let expected = expected.iter().map(|(frame, text)| (*frame, text.as_bytes().to_vec())).collect();
        assert_eq!(cut(framing, stream.as_bytes()), (expected, Ok(())), "{stream:?}");
    }

    #[test]
    fn the_first_message_settles_the_framing() {
        use Frame::{Last, Line, Octets};
        use Framing::Auto;
        good(Auto, "6 <1>abc4 <2>d", &[(Octets, "<1>abc"), (Octets, "<2>d")]);
        good(Auto, "7 <1>a\nbc4 <2>\n", &[(Octets, "<1>a\nbc"), (Octets, "<2>\n")]);
        good(Auto, "5 plain", &[(Octets, "plain")]);
        good(Auto, "<1>a\n\n<2>b\r\n<3>c", &[(Line, "<1>a"), (Line, ""), (Line, "<2>b\r"), (Last, "<3>c")]);
        good(Auto, "2026-11-29 on\n5-plain\n", &[(Line, "2026-11-29 on"), (Line, "5-plain")]);
        good(Framing::Lines, "<13>x\n25 card\n", &[(Line, "<13>x"), (Line, "25 card")]);
        good(Auto, "12", &[(Last, "12")]);
        good(Auto, "12\n", &[(Line, "12")]);
        good(Auto, "0x1 a\n", &[(Line, "0x1 a")]);
        good(Auto, "<1>a\0b\n", &[(Line, "<1>a\0b")]);
        good(Framing::Lines, "4111111111111111 paid\n", &[(Line, "4111111111111111 paid")]);
        good(Auto, "", &[]);
    }

    #[test]
    fn what_two_readers_would_cut_otherwise_is_refused() {
        use BodyErrorKind::{FrameSyntax, TooLarge, Truncated};
        for (framing, stream, expected) in [
            (Framing::Auto, "06 <1>abc", FrameSyntax),
            (Framing::Auto, "0 <1>abc", FrameSyntax),
            (Framing::Octets, "06 <1>abc", FrameSyntax),
            (Framing::Octets, "<1>abc", FrameSyntax),
            (Framing::Octets, "6\t<1>abc", FrameSyntax),
            (Framing::Octets, "6  <1>abc", FrameSyntax),
            (Framing::Auto, "6 <1>abc\n6 <1>abc", FrameSyntax),
            (Framing::Auto, "6 <1>abc<1>abc\n", FrameSyntax),
            (Framing::Auto, "<1>abc\n6 <1>abc\n", FrameSyntax),
            (Framing::Auto, "<13>x\n5 [x]\n", FrameSyntax),
            (Framing::Auto, "<13>x\n25 card\n", FrameSyntax),
            (Framing::Auto, "<13>x\n0 ", FrameSyntax),
            (Framing::Lines, "<13>x\n25 <13>x\n", FrameSyntax),
            (Framing::Auto, "12345678901 <1>abc", FrameSyntax),
            (Framing::Octets, "12345678901", TooLarge),
            (Framing::Auto, "1234567890 <1>abc", TooLarge),
            (Framing::Auto, "65 <1>abc", TooLarge),
            (Framing::Octets, "65", TooLarge),
            (Framing::Octets, "-1 <1>abc", FrameSyntax),
            (Framing::Auto, "7 <1>abc", Truncated),
            (Framing::Octets, "7", Truncated),
        ] {
            assert_eq!(cut(framing, stream.as_bytes()).1, Err(expected), "{framing:?} {stream:?}");
        }
    }

    #[test]
    fn a_message_is_at_most_the_limit() {
        let fits = "m".repeat(64);
        good(Framing::Auto, &format!("64 {fits}"), &[(Frame::Octets, &fits)]);
        good(Framing::Auto, &format!("{fits}\n"), &[(Frame::Line, &fits)]);
        assert_eq!(cut(Framing::Auto, format!("65 {fits}m").as_bytes()).1, Err(BodyErrorKind::TooLarge));
        assert_eq!(cut(Framing::Auto, format!("{fits}m\n").as_bytes()).1, Err(BodyErrorKind::TooLarge));
    }

    #[test]
    fn what_surely_belongs_to_a_message_is_known() {
        let mut framer = Framer::new(Framing::Auto, 64);
        let mut input: &[u8] = b"9 <1>";
        assert_eq!(framer.next(&mut input).unwrap(), None);
        assert_eq!((framer.wanted(), framer.is_between()), (6, false));
        let mut input: &[u8] = b"abcdef";
        assert_eq!(framer.next(&mut input).unwrap(), Some(Frame::Octets));
        assert_eq!((framer.wanted(), framer.is_between()), (1, true));
    }
}
