//! A server's bytes, read along: no reply is larger than this client can use.
//!
//! Enters: what the server sends (RESP, both versions of it). Leaves: the same bytes, up to the first that makes a reply
//! longer, fuller or deeper than any that is asked for, or that is no reply at all: there the connection ends. So what the
//! parser behind this keeps of a reply that has not ended is bounded, whoever answers at the server's address.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Wire;

/// Bytes of one reply. The largest that is asked for is a piece of a held request's content, or a page of ids.
pub(super) const REPLY_BYTES: u64 = 4 << 20;
/// Values in one reply, those that hold others among them: each costs its reader many times its own bytes.
pub(super) const REPLY_VALUES: u64 = 64 << 10;
/// Arrays within each other.
const DEPTH: usize = 8;
/// Digits of a length.
const DIGITS: u32 = 8;

/// Where the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// At the first byte of a value.
    Kind,
    /// In a line that is the value.
    Line,
    /// In the length of a value of this kind.
    Length { kind: u8, length: u64, digits: u32, null: bool },
    /// In as many bytes, the line end behind them among them.
    Bulk { left: u64 },
}

/// Counts what a reply has.
#[derive(Debug)]
pub(super) struct Replies {
    state: State,
    bytes: u64,
    values: u64,
    /// Values that are still to come in each array, the innermost last.
    open: Vec<u64>,
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { state: State::Kind, bytes: 0, values: 0, open: Vec::new() }
    }

    /// Reads on; `false` where the server says what it may not.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            let taken = match &mut self.state {
                State::Bulk { left } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.ends();
                    }
                    taken
                }
                State::Line => match memchr::memchr(b'\n', bytes) {
                    Some(end) => {
                        self.ends();
                        end + 1
                    }
                    None => bytes.len(),
                },
                State::Kind | State::Length { .. } => {
                    if !self.step(*first) {
                        return false;
                    }
                    bytes = rest;
                    continue;
                }
            };
            // A value that has ended may have ended its reply, whose bytes are no longer counted.
            if self.state != State::Kind || !self.open.is_empty() {
                self.bytes += taken as u64;
            }
            if self.bytes > REPLY_BYTES {
                return false;
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        true
    }

    /// Reads a byte of what says how a value goes on.
    fn step(&mut self, byte: u8) -> bool {
        self.bytes += 1;
        match (self.state, byte) {
            (State::Kind, b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_') => self.state = State::Line,
            (State::Kind, b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|') => {
                self.state = State::Length { kind: byte, length: 0, digits: 0, null: false };
            }
            (State::Length { kind, digits: 0, null: false, .. }, b'-') => {
                self.state = State::Length { kind, length: 0, digits: 0, null: true };
            }
            (State::Length { kind, length, digits, null }, b'0'..=b'9') if digits < DIGITS => {
                let length = length * 10 + u64::from(byte - b'0');
                self.state = State::Length { kind, length, digits: digits + 1, null };
            }
            (State::Length { digits: 1.., .. }, b'\r') => {}
            (State::Length { kind, length, digits: 1.., null }, b'\n') => return self.begins(kind, length, null),
            _ => return false,
        }
        self.bytes <= REPLY_BYTES
    }

    /// A value of this kind and length begins.
    fn begins(&mut self, kind: u8, length: u64, null: bool) -> bool {
        match kind {
            // As RESP's second version has nothing at all.
            _ if null => self.ends(),
            b'$' | b'!' | b'=' => {
                if self.bytes + length > REPLY_BYTES {
                    return false;
                }
                self.state = State::Bulk { left: length + 2 };
            }
            // Attributes stand before what they speak of.
            b'%' => return self.opens(length * 2),
            b'|' => return self.opens(length * 2 + 1),
            _ => return self.opens(length),
        }
        true
    }

    fn opens(&mut self, values: u64) -> bool {
        self.values += values + 1;
        if self.values > REPLY_VALUES || self.open.len() >= DEPTH {
            return false;
        }
        match values {
            0 => self.ends(),
            values => {
                self.open.push(values);
                self.state = State::Kind;
            }
        }
        true
    }

    /// A value ends, and with the last of an array the array.
    fn ends(&mut self) {
        self.state = State::Kind;
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        (self.bytes, self.values) = (0, 0);
    }
}

/// A connection whose replies are bounded.
pub(super) struct Bounded {
    wire: Box<dyn Wire>,
    replies: Replies,
}

impl Bounded {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, replies: Replies::new() }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut this.wire).poll_read(context, into);
        if let Poll::Ready(Ok(())) = &read
            && !this.replies.take(into.filled().get(before..).unwrap_or_default())
        {
            into.set_filled(before);
            let message = "the redis server answers what nobody asked for";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, message)));
        }
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of it passes, in pieces of any size alike; and what is counted of the reply that is open at its end.
    fn read(bytes: &[u8]) -> Option<(u64, u64)> {
        let of = |size: usize| {
            let mut replies = Replies::new();
            bytes.chunks(size).all(|piece| replies.take(piece)).then_some((replies.bytes, replies.values))
        };
        let whole = of(usize::MAX);
        for size in [1, 2, 3, 7] {
            assert_eq!(of(size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn replies_of_both_versions_pass_and_leave_nothing_behind() {
        for reply in [
            "+OK\r\n",
            "-ERR no\r\n",
            ":-12\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "$0\r\n\r\n",
            "$5\r\na\r\nb+\r\n",
            "*0\r\n",
            "*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n",
            "%1\r\n+a\r\n:1\r\n",
            "|1\r\n+a\r\n:1\r\n+OK\r\n",
            ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n",
            "_\r\n",
            "#t\r\n",
            "=5\r\ntxt:a\r\n",
            ",1.5\r\n",
            "(12\r\n",
            "~1\r\n+a\r\n",
        ] {
            assert_eq!(read(reply.as_bytes()), Some((0, 0)), "{reply:?}");
            assert_eq!(read(reply.repeat(3).as_bytes()), Some((0, 0)), "{reply:?} thrice");
        }
    }

    #[test]
    fn what_is_too_much_is_not_read() {
        let nested = "*1\r\n".repeat(DEPTH + 1);
        let most = REPLY_BYTES.to_string();
        let many = format!("*{}\r\n", REPLY_VALUES);
        let twice = format!("*2\r\n*{}\r\n{}*{}\r\n", REPLY_VALUES / 2, ":1\r\n".repeat(1 << 15), REPLY_VALUES / 2);
        for reply in [
            format!("${most}\r\n").as_str(),
            "$99999999999999999999\r\n",
            "$-\r\n",
            "$\r\n",
            "*--1\r\n",
            "HTTP/1.1 200 OK\r\n",
            "\r\n",
            nested.as_str(),
            many.as_str(),
            twice.as_str(),
        ] {
            assert_eq!(read(reply.as_bytes()), None, "{:?}", reply.get(..reply.len().min(40)));
        }
        let mut line = vec![b'+'];
        line.resize(usize::try_from(REPLY_BYTES).unwrap() + 2, b'x');
        assert!(!Replies::new().take(&line), "a line without an end");
        let mut pieces = Replies::new();
        let piece = format!("*4\r\n{}", format!("${}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20)).repeat(4));
        assert!(!pieces.take(piece.as_bytes()), "many values, none of which is too long");
    }

    #[test]
    fn the_largest_reply_is_read() {
        let length = usize::try_from(REPLY_BYTES).unwrap() - 16;
        let reply = format!("${length}\r\n{}\r\n+OK\r\n", "x".repeat(length));
        assert!(Replies::new().take(reply.as_bytes()));
    }
}
