//! A strict reader of HTTP/1.1 framing (RFC 9112) in front of hyper's parser.
//!
//! Enters: the bytes of a connection, in any chunking. Leaves: the same bytes, up to the first that two readers could
//! understand differently. It accepts a subset of what hyper accepts, so where a message ends is never in doubt: one
//! `Content-Length` in plain digits or one `Transfer-Encoding: chunked`, lines ended by CRLF, no folding, no blanks before
//! a colon, bounded chunk lines and trailers. What follows the first fault is never read, so nothing can hide in it.

use super::admission::Activity;

/// A chunk-size line with its extensions.
const CHUNK_LINE: usize = 256;
/// Blank lines before a request line (RFC 9112 section 2.2 asks for one at least).
const BLANK_LINES: u8 = 4;

/// What stands in a head in place of its faulty rest, so that hyper answers 400 and closes.
pub(crate) const SPOIL: &[u8] = b"\0\r\n\r\n";

/// Where the reader is, in the words of RFC 9112.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    RequestLine,
    FieldLine,
    MessageBody { left: u64 },
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    TrailerLine,
    Faulty,
}

/// How the body of the message at hand is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// What became of a stretch of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checked {
    /// All of it may be parsed.
    Good,
    /// Only this many bytes may, and a head must be spoiled after them.
    BadHead(usize),
    /// Only this many bytes may, and then the connection's input ends.
    BadBody(usize),
}

/// Reads along.
pub(crate) struct Guard {
    state: State,
    framing: Framing,
    http_10: bool,
    blank_lines: u8,
    line: Vec<u8>,
    /// Bytes of the head or the trailer section so far.
    section: usize,
    head_limit: usize,
    trailer_limit: usize,
}

impl Guard {
    pub(crate) fn new(head_limit: usize, trailer_limit: usize) -> Self {
        Self {
            state: State::RequestLine,
            framing: Framing::None,
            http_10: false,
            blank_lines: 0,
            line: Vec::new(),
            section: 0,
            head_limit,
            trailer_limit,
        }
    }

    /// Checks the next bytes of the connection.
    pub(crate) fn check(&mut self, bytes: &[u8], activity: &Activity) -> Checked {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let step = match self.state {
                State::MessageBody { left } => Ok(self.skip(rest, left)),
                State::ChunkData { left } => Ok(self.skip(rest, left)),
                State::Faulty => return Checked::BadBody(at),
                State::RequestLine | State::FieldLine | State::ChunkSize | State::ChunkEnd | State::TrailerLine => {
                    self.line_bytes(rest, activity)
                }
            };
            match step {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err((fault, taken)) => {
                    let head = matches!(self.state, State::RequestLine | State::FieldLine);
                    self.state = State::Faulty;
                    activity.malformed(fault);
                    let good = at + taken;
                    return if head { Checked::BadHead(good) } else { Checked::BadBody(good) };
                }
            }
        }
        Checked::Good
    }

    /// Bytes of a head or a trailer section that has begun and not ended. The parser behind has as many.
    pub(crate) fn unfinished(&self) -> usize {
        self.section
    }

    /// Passes body bytes; gives how many.
    fn skip(&mut self, rest: &[u8], left: u64) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let left = left - taken as u64;
        self.state = match self.state {
            State::MessageBody { .. } if left == 0 => State::RequestLine,
            State::MessageBody { .. } => State::MessageBody { left },
            _ if left == 0 => State::ChunkEnd,
            _ => State::ChunkData { left },
        };
        taken
    }

    /// Takes the bytes of a line; gives how many, or the fault and how many stand before it.
    fn line_bytes(&mut self, rest: &[u8], activity: &Activity) -> Result<usize, (&'static str, usize)> {
        if self.state == State::RequestLine && self.line.is_empty() && self.section == 0 {
            activity.head_begins();
        }
        let end = memchr::memchr(b'\n', rest);
        let taken = end.map_or(rest.len(), |end| end + 1);
        let piece = rest.get(..taken).unwrap_or_default();
        self.section += taken;
        let limit = match self.state {
            State::ChunkSize | State::ChunkEnd => CHUNK_LINE,
            State::TrailerLine => self.trailer_limit,
            _ => self.head_limit,
        };
        let counted = if matches!(self.state, State::ChunkSize | State::ChunkEnd) {
            self.line.len() + taken
        } else {
            self.section
        };
        if counted > limit {
            return Err((self.too_large(), 0));
        }
        // The line's own LF stays behind, so that hyper never sees the faulty line end.
        let fault = |fault| (fault, taken - 1);
        if end.is_some() && self.line.is_empty() {
            return self.line_ends(piece, activity).map(|()| taken).map_err(fault);
        }
        self.line.extend_from_slice(piece);
        if end.is_none() {
            return Ok(taken);
        }
        let mut line = std::mem::take(&mut self.line);
        let ended = self.line_ends(&line, activity);
        line.clear();
        if line.capacity() <= 1024 {
            self.line = line;
        }
        ended.map(|()| taken).map_err(fault)
    }

    fn too_large(&self) -> &'static str {
        match self.state {
            State::TrailerLine => "trailer",
            State::ChunkSize | State::ChunkEnd => "framing_chunk",
            _ => "header_size",
        }
    }

    fn line_ends(&mut self, line: &[u8], activity: &Activity) -> Result<(), &'static str> {
        let syntax = match self.state {
            State::ChunkSize | State::ChunkEnd => "framing_chunk",
            _ => "header_syntax",
        };
        let line = line.strip_suffix(b"\r\n").ok_or(syntax)?;
        if line.contains(&b'\r') {
            return Err(syntax);
        }
        match self.state {
            State::RequestLine if line.is_empty() => {
                self.blank_lines += 1;
                if self.blank_lines > BLANK_LINES { Err(syntax) } else { Ok(()) }
            }
            State::RequestLine => {
                self.http_10 = request_line(line)?;
                self.framing = Framing::None;
                self.state = State::FieldLine;
                Ok(())
            }
            State::FieldLine if line.is_empty() => {
                activity.head_ends();
                self.section_ends(match self.framing {
                    Framing::None | Framing::Length(0) => State::RequestLine,
                    Framing::Length(left) => State::MessageBody { left },
                    Framing::Chunked => State::ChunkSize,
                });
                Ok(())
            }
            State::FieldLine => self.field(line),
            State::ChunkSize => {
                self.state = match chunk_size(line)? {
                    0 => {
                        self.section = 0;
                        State::TrailerLine
                    }
                    left => State::ChunkData { left },
                };
                Ok(())
            }
            State::ChunkEnd if line.is_empty() => {
                self.state = State::ChunkSize;
                Ok(())
            }
            State::ChunkEnd => Err(syntax),
            State::TrailerLine if line.is_empty() => {
                self.section_ends(State::RequestLine);
                Ok(())
            }
            State::TrailerLine => field_line(line).map(|_| ()),
            State::MessageBody { .. } | State::ChunkData { .. } | State::Faulty => Ok(()),
        }
    }

    fn section_ends(&mut self, next: State) {
        self.section = 0;
        self.blank_lines = 0;
        self.state = next;
    }

    /// A field of the head; those that frame the body are read.
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let (name, value) = field_line(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).ok_or("framing_cl")?;
            self.framing = match self.framing {
                Framing::None => Framing::Length(length),
                Framing::Length(_) => return Err("framing_cl"),
                Framing::Chunked => return Err("framing_cl_te"),
            };
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.http_10 || !ends_chunked(value) {
                return Err("framing_te");
            }
            self.framing = match self.framing {
                Framing::None => Framing::Chunked,
                Framing::Length(_) => return Err("framing_cl_te"),
                Framing::Chunked => return Err("framing_te"),
            };
        }
        Ok(())
    }
}

/// `method SP request-target SP HTTP-version`; gives whether the version is 1.0.
fn request_line(line: &[u8]) -> Result<bool, &'static str> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("uri_syntax");
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err("method");
    }
    if target.is_empty() || !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return Err("uri_syntax");
    }
    match version {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        _ => Err("version"),
    }
}

/// `field-name ":" OWS field-value OWS`.
fn field_line(line: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("header_syntax")?;
    let (name, value) = line.split_at_checked(colon).ok_or("header_syntax")?;
    let value = value.strip_prefix(b":").ok_or("header_syntax")?;
    let legal = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || !value.iter().all(legal) {
        return Err("header_syntax");
    }
    Ok((name, value.trim_ascii()))
}

fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether `chunked` stands once and last; that nothing else may stand before it is for the handler to answer.
fn ends_chunked(value: &[u8]) -> bool {
    let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).rev();
    let chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(chunked) && !codings.any(|coding| coding.is_empty() || chunked(coding))
}

/// `chunk-size [ chunk-ext ]`.
fn chunk_size(line: &[u8]) -> Result<u64, &'static str> {
    let mut parts = line.splitn(2, |byte| *byte == b';');
    let size = parts.next().unwrap_or_default();
    let extension = parts.next().unwrap_or_default();
    let legal = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if size.is_empty() || size.len() > 15 || !size.iter().all(u8::is_ascii_hexdigit) || !extension.iter().all(legal) {
        return Err("framing_chunk");
    }
    std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or("framing_chunk")
}

/// The characters of a token (RFC 9110 section 5.6.2).
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        #[allow(clippy::indexing_slicing, reason = "a byte is below 256")]
        {
            token[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        }
        byte += 1;
    }
    token
};

fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(stream: &[u8]) -> Option<&'static str> {
        let activity = Activity::begin();
        let mut guard = Guard::new(64 << 10, 8 << 10);
        guard.check(stream, &activity);
        activity.fault()
    }

    #[test]
    fn well_framed_messages_pass_at_every_split() {
        let stream = b"\r\nPOST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /GET / HTTP/1.0\r\nHost:x\r\n\r\n\
            POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\n\r\n\r\n0\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for split in 0..stream.len() {
            let activity = Activity::begin();
            let mut guard = Guard::new(64 << 10, 8 << 10);
            let (left, right) = stream.split_at(split);
            assert_eq!(guard.check(left, &activity), Checked::Good, "{split}");
            assert_eq!(guard.check(right, &activity), Checked::Good, "{split}");
            assert_eq!(guard.state, State::RequestLine);
        }
    }

    #[test]
    fn doubtful_framing_is_a_fault() {
        let head = |fields: &str| format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
        for (fields, reason) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "framing_cl_te"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", "framing_cl_te"),
            ("Content-Length: 5\r\nContent-Length: 5", "framing_cl"),
            ("Content-Length: 5, 5", "framing_cl"),
            ("Content-Length: +5", "framing_cl"),
            ("Content-Length: 0x5", "framing_cl"),
            ("Content-Length: 5 5", "framing_cl"),
            ("Content-Length:", "framing_cl"),
            ("Content-Length: 99999999999999999999", "framing_cl"),
            ("Transfer-Encoding: chunked, gzip", "framing_te"),
            ("Transfer-Encoding: chunked, chunked", "framing_te"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "framing_te"),
            ("Transfer-Encoding: \"chunked\"", "framing_te"),
            ("Transfer-Encoding: xchunked", "framing_te"),
            ("Transfer-Encoding : chunked", "header_syntax"),
            ("Transfer-Encoding:\u{b}chunked", "header_syntax"),
            ("A: b\r\n c", "header_syntax"),
            ("A: b\nC: d", "header_syntax"),
            ("A: b\rC: d", "header_syntax"),
            (": x", "header_syntax"),
            ("A\0: x", "header_syntax"),
            ("A: \0", "header_syntax"),
            ("A B: x", "header_syntax"),
        ] {
            assert_eq!(fault(head(fields).as_bytes()), Some(reason), "{fields:?}");
        }
    }

    #[test]
    fn doubtful_lines_and_chunks_are_faults() {
        for (stream, reason) in [
            (&b"GET /\r\n\r\n"[..], "uri_syntax"),
            (b"GET  / HTTP/1.1\r\n", "uri_syntax"),
            (b"GET /a b HTTP/1.1\r\n", "uri_syntax"),
            (b"GET /a#b HTTP/1.1\r\n", "uri_syntax"),
            (b"GET /\xff HTTP/1.1\r\n", "uri_syntax"),
            (b"GET / HTTP/1.9\r\n", "version"),
            (b"GET / HTTP/2.0\r\n", "version"),
            (b"PRI * HTTP/2.0\r\n", "version"),
            (b"G(T / HTTP/1.1\r\n", "method"),
            (b"\r\n\r\n\r\n\r\n\r\n", "header_syntax"),
            (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", "framing_te"),
        ] {
            assert_eq!(fault(stream), Some(reason), "{}", stream.escape_ascii());
        }
        for chunks in [
            "5 \r\nhello\r\n",
            "-5\r\n",
            "0x5\r\n",
            "\r\n",
            "5\nhello",
            "5\r\nhelloX\r\n",
            "5\r\nhello\n",
            "fffffffffffffffff\r\n",
            "5;\0\r\n",
        ] {
            let stream = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
            assert_eq!(fault(stream.as_bytes()), Some("framing_chunk"), "{chunks:?}");
        }
        let long = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;{}\r\n", "x".repeat(300));
        assert_eq!(fault(long.as_bytes()), Some("framing_chunk"));
        let trailer = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {}\r\n", "x".repeat(9000));
        assert_eq!(fault(trailer.as_bytes()), Some("trailer"));
    }

    #[test]
    fn lines_and_sections_are_bounded() {
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let of = |less: usize, length: usize| "x".repeat(length - less);
        for (one, reason) in
            [(-1, [None; 3]), (0, [None; 3]), (1, ["framing_chunk", "trailer", "header_syntax"].map(Some))]
        {
            let near = |limit: usize| limit.checked_add_signed(one).expect("a limit is more than that");
            let line = format!("{chunked}5;{}\r\nhello\r\n", of(4, near(CHUNK_LINE)));
            let trailers = format!("{chunked}0\r\nX:{}\r\n\r\n", of(6, near(8 << 10)));
            let blank = "\r\n".repeat(near(usize::from(BLANK_LINES))) + "GET / HTTP/1.1\r\n\r\n";
            let faults = [line, trailers, blank].map(|stream| fault(stream.as_bytes()));
            assert_eq!(faults, reason, "{one}");
        }
    }

    #[test]
    fn a_faulty_line_end_is_never_let_through() {
        let activity = Activity::begin();
        let mut guard = Guard::new(64 << 10, 8 << 10);
        let stream = b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nXGET /evil HTTP/1.1\r\n\r\n";
        let Checked::BadHead(good) = guard.check(stream, &activity) else { panic!("not a fault") };
        assert!(stream[..good].ends_with(b"1, 1\r"));
        assert_eq!(guard.check(b"GET / HTTP/1.1\r\n\r\n", &activity), Checked::BadBody(0));
    }

    proptest::proptest! {
        /// Any chunking of any bytes lets the same bytes through for the same reason.
        #[test]
        fn chunking_changes_nothing(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "POST / HTTP/1.1\r\n", "GET / HTTP/1.0\r\n", "Host: x\r\n", "Content-Length: 3\r\n",
                    "Transfer-Encoding: chunked\r\n", "\r\n", "abc", "3\r\n", "0\r\n", "\n", "\r", " ", ";", ":", "\0",
                ]),
                0..20,
            ),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let stream = parts.concat().into_bytes();
            let passed = |cuts: &[usize]| {
                let activity = Activity::begin();
                let mut guard = Guard::new(64 << 10, 8 << 10);
                let mut passed = 0;
                let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(stream.len())).collect();
                cuts.extend([0, stream.len()]);
                cuts.sort_unstable();
                for pair in cuts.windows(2) {
                    match guard.check(&stream[pair[0]..pair[1]], &activity) {
                        Checked::Good => passed += pair[1] - pair[0],
                        Checked::BadHead(good) | Checked::BadBody(good) => {
                            passed += good;
                            break;
                        }
                    }
                }
                (passed, activity.fault())
            };
            proptest::prop_assert_eq!(passed(&cuts), passed(&[]));
        }
    }
}
