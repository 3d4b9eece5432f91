//! The self-test's WebSocket connections (RFC 6455): a client and a sink that say what they are told and hear the rest.
//!
//! Enters: lines, each a message. Leaves: the lines that came from the other side. Frames are whole messages below 64 KiB;
//! masks are zeros, so that nothing here hides what the proxy wrote.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Sixteen bytes in base64, as a handshake has them.
const KEY: &str = "c2VsZi10ZXN0LXNlbGYtdA==";
/// The largest head of an answer.
const HEAD: usize = 64 << 10;
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
/// A normal end (section 7.4.1).
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

/// One end of a connection.
pub(super) struct End<S> {
    stream: S,
    /// A client masks.
    masks: bool,
    bytes: Vec<u8>,
    has_closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> End<S> {
    /// The sink's end.
    pub(super) fn of_sink(stream: S) -> Self {
        Self { stream, masks: false, bytes: Vec::new(), has_closed: false }
    }

    /// The client's end, once the handshake has gone through; else the answer to it.
    pub(super) async fn of_client(mut stream: S, path: &str) -> Result<Self, Bytes> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: self-test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        let (mut bytes, mut ended) = (Vec::new(), stream.write_all(head.as_bytes()).await.is_err());
        loop {
            if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
                if !bytes.starts_with(b"HTTP/1.1 101 ") {
                    return Err(bytes.into());
                }
                bytes.drain(..end + 4);
                return Ok(Self { stream, masks: true, bytes, has_closed: false });
            }
            if ended || bytes.len() > HEAD {
                return Err(bytes.into());
            }
            ended = !matches!(stream.read_buf(&mut bytes).await, Ok(1..));
        }
    }

    /// Says these lines and closes, where there are any, and hears what comes until the other side closes.
    pub(super) async fn talk(&mut self, lines: &[u8]) -> Bytes {
        let mut said = Vec::new();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.frame(TEXT, line, &mut said);
        }
        if !said.is_empty() {
            self.frame(CLOSE, &NORMAL, &mut said);
            self.has_closed = true;
        }
        let mut heard = Vec::new();
        // Where the other side has gone, what came before tells.
        let mut goes_on = self.stream.write_all(&said).await.is_ok();
        loop {
            while let Some((kind, payload)) = self.next_frame() {
                if kind == CLOSE {
                    return heard.into();
                }
                heard.extend_from_slice(&payload);
                heard.push(b'\n');
            }
            if !goes_on {
                return heard.into();
            }
            goes_on = matches!(self.stream.read_buf(&mut self.bytes).await, Ok(1..));
        }
    }

    /// Closes too.
    pub(super) async fn end(mut self) {
        let mut last = Vec::new();
        if !self.has_closed {
            self.frame(CLOSE, &NORMAL, &mut last);
        }
        let _ = self.stream.write_all(&last).await;
        let _ = self.stream.shutdown().await;
    }

    fn frame(&self, kind: u8, payload: &[u8], out: &mut Vec<u8>) {
        let mask = if self.masks { 0x80 } else { 0 };
        out.push(kind);
        match u8::try_from(payload.len()).ok().filter(|length| *length < 126) {
            Some(length) => out.push(mask | length),
            None => {
                out.push(mask | 126);
                out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
            }
        }
        if self.masks {
            out.extend_from_slice(&[0; 4]);
        }
        out.extend_from_slice(payload);
    }

    /// The next whole frame; none where more must come.
    fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, rest) = self.bytes.split_at_checked(2)?;
        let [kind, second] = *head else { return None };
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_at_checked(2)?;
                (usize::from(u16::from_be_bytes(length.try_into().ok()?)), rest)
            }
            length => (usize::from(length), rest),
        };
        let (key, rest) = if second & 0x80 == 0 { ([0; 4].as_slice(), rest) } else { rest.split_at_checked(4)? };
        let payload = rest.get(..length)?;
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let used = self.bytes.len() - rest.len() + length;
        self.bytes.drain(..used);
        Some((kind, payload))
    }
}
