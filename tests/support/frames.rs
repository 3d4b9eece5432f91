//! HTTP/2 by its frames (RFC 9113 section 4), for what no client of a library sends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::client::connect;
use super::proxy::{ACME, Running};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a RST_STREAM or GOAWAY.
    pub fn code(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().ok()?))
    }

    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The window of a stream, or with 0 the connection's, grows.
pub fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// The fields of a request to `https://localhost/` in HPACK, without an index and without Huffman's code (RFC 7541, 6.2.2).
pub fn fields(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // By the static table: the method, https, the path; the authority's name.
    let mut fields = vec![if method == "POST" { 0x83 } else { 0x82 }, 0x87, 0x84, 0x01, 9];
    fields.extend(b"localhost");
    for (name, value) in more {
        fields.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "of one byte of length");
            fields.push(text.len() as u8);
            fields.extend(text.as_bytes());
        }
    }
    fields
}

/// A GET as a frame.
pub fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields("GET", &[]))
}

/// A connection of workspace `acme`.
pub struct FrameClient {
    stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

impl FrameClient {
    /// Connects, with these settings: identifiers and values (RFC 9113 section 6.5.1).
    pub async fn connect(proxy: &Running, settings: &[(u16, u32)]) -> Self {
        let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &["h2"]);
        let stream = connect(proxy.address, "localhost", config).await.unwrap();
        let mut client = Self { stream, unread: Vec::new() };
        let mut payload = Vec::new();
        for (identifier, value) in settings {
            payload.extend(identifier.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        client.write([&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &payload)].concat()).await;
        client
    }

    /// Sends bytes. The peer may have closed before it has taken all of them.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// The next frame that is no SETTINGS and no PING, which are acknowledged, and no WINDOW_UPDATE. None at the connection's
    /// end.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.read().await?;
            match frame.kind {
                WINDOW_UPDATE => {}
                SETTINGS | PING if frame.flags & ACK != 0 => {}
                SETTINGS => self.write(self::frame(SETTINGS, ACK, 0, &[])).await,
                PING => self.write(self::frame(PING, ACK, 0, &frame.payload)).await,
                _ => return Some(frame),
            }
        }
    }

    /// The next frame, whatever it is. Nothing is acknowledged.
    pub async fn unanswered(&mut self) -> Option<Frame> {
        self.read().await
    }

    /// Reads on to the first frame of which this holds.
    pub async fn until(&mut self, holds: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if holds(&frame) {
                return Some(frame);
            }
        }
    }

    async fn read(&mut self) -> Option<Frame> {
        loop {
            if let [first, second, third, kind, flags, a, b, c, d, rest @ ..] = self.unread.as_slice() {
                let length = u32::from_be_bytes([0, *first, *second, *third]) as usize;
                if let Some(payload) = rest.get(..length) {
                    let (stream, payload) = (u32::from_be_bytes([*a, *b, *c, *d]), payload.to_vec());
                    let frame = Frame { kind: *kind, flags: *flags, stream, payload };
                    self.unread.drain(..9 + length);
                    return Some(frame);
                }
            }
            let mut piece = [0; 16 << 10];
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.unread.extend_from_slice(&piece[..count]),
            }
        }
    }
}
