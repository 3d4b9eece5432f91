//! A reader of HTTP/2 frames (RFC 9113 section 4) in front of hyper's, for those that cost a peer nothing and us work:
//! PING, SETTINGS, WINDOW_UPDATE, PRIORITY, what nobody knows, and resets on either side.
//!
//! Enters: the bytes of a connection, in any chunking, and those that left on it. Leaves: the same bytes, up to the end of the
//! first frame that is one too many in its second, or behind too many resets in the connection's life. hyper bounds the others itself:
//! CONTINUATION, empty DATA, resets of what it has not looked at; the code of the GOAWAY with which it ends them tells of it. Who receives much acknowledges much, so what we sent counts for the peer.

use std::time::{Duration, Instant};

use crate::telemetry;

/// The client's connection preface (RFC 9113 section 3.4).
const PREFACE: usize = 24;
const HEADER: usize = 9;
/// The time over which frames are counted.
const WINDOW: Duration = Duration::from_secs(1);
/// Frames of a kind in that time.
const SETTINGS: u64 = 50;
const PINGS: u64 = 100;
const UPDATES: u64 = 1_000;
const OTHERS: u64 = 100;
/// One more PING or WINDOW_UPDATE for so many bytes that we sent, of frames that nobody's frame asked for: less than any that
/// is worth one.
const ACKNOWLEDGED: u64 = 16;
/// What we send for each PING and SETTINGS.
const PONG: u64 = 17;
const SETTLED: u64 = 9;
/// More of the others for each stream: its priority, and its place in another scheme (RFC 9218).
const OF_STREAM: u64 = 2;

/// What follows the last frame that is taken, so that hyper says GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 section 7) and
/// closes: a header section that goes on for longer than it bears.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub(super) static SPOIL: [u8; HEADER * SPOILERS] = {
    let mut frames = [0; HEADER * SPOILERS];
    let mut at = 0;
    while at < SPOILERS {
        frames[at * HEADER + 3] = if at == 0 { HEADERS } else { CONTINUATION };
        frames[at * HEADER + HEADER - 1] = 1;
        at += 1;
    }
    frames
};
const SPOILERS: usize = 64;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// The last stream and the error code in a GOAWAY (RFC 9113 section 6.8).
const GOODBYE: usize = 8;

/// Streams that a client may reset in a connection's life, and that it may have us reset: what is begun and taken back costs it
/// nothing and us work.
const RESETS: u64 = 10_000;
const OWN_RESETS: u64 = 500;

/// Finds where frames begin.
struct Headers {
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
}

impl Headers {
    /// Of a direction that begins with so many bytes of something else.
    fn behind(skip: usize) -> Self {
        Self { skip, header: [0; HEADER], filled: 0 }
    }

    /// Passes what is left of the payload at hand, as far as it is there.
    fn payload(&mut self, rest: &mut &[u8]) {
        let taken = self.skip.min(rest.len());
        self.skip -= taken;
        *rest = rest.get(taken..).unwrap_or_default();
    }

    /// Reads on to the end of the next frame's header, which it gives, or to the end of the bytes.
    fn next(&mut self, rest: &mut &[u8]) -> Option<[u8; HEADER]> {
        loop {
            self.payload(rest);
            let (byte, after) = rest.split_first().filter(|_| self.skip == 0)?;
            if let Some(slot) = self.header.get_mut(self.filled) {
                *slot = *byte;
            }
            self.filled += 1;
            *rest = after;
            if self.filled == HEADER {
                self.filled = 0;
                let [first, second, third, ..] = self.header;
                self.skip = usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third);
                return Some(self.header);
            }
        }
    }
}

/// Reads along.
pub(super) struct Frames {
    came: Headers,
    left: Headers,
    /// Why the frame at hand is one too many, if it is.
    fault: Option<&'static str>,
    since: Option<Instant>,
    sent: u64,
    streams: u64,
    settings: u64,
    pings: u64,
    updates: u64,
    others: u64,
    /// Streams that were reset since the beginning: by the client, and by us.
    resets: u64,
    own_resets: u64,
    /// What is known of the GOAWAY that leaves.
    goodbye: Vec<u8>,
    saying: bool,
    /// Why hyper has ended the connection.
    ended: Option<&'static str>,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            came: Headers::behind(PREFACE),
            left: Headers::behind(0),
            fault: None,
            since: None,
            sent: 0,
            streams: 0,
            settings: 0,
            pings: 0,
            updates: 0,
            others: 0,
            resets: 0,
            own_resets: 0,
            goodbye: Vec::new(),
            saying: false,
            ended: None,
        }
    }

    /// These bytes left on the connection.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.sent += bytes.len() as u64;
        let mut rest = bytes;
        loop {
            if self.saying {
                let more = (GOODBYE - self.goodbye.len()).min(self.left.skip);
                self.goodbye.extend(rest.iter().take(more));
                if self.goodbye.len() == GOODBYE {
                    self.goodbye_is_said();
                }
            }
            let Some([_, _, _, kind, ..]) = self.left.next(&mut rest) else { return };
            self.own_resets += u64::from(kind == RST_STREAM);
            self.saying = kind == GOAWAY;
        }
    }

    /// Takes the code of a GOAWAY that has left (RFC 9113 section 7): what hyper bounds by itself it tells in no other way.
    fn goodbye_is_said(&mut self) {
        let code = self.goodbye.last_chunk().map_or(0, |code: &[u8; 4]| u32::from_be_bytes(*code));
        self.goodbye.clear();
        self.saying = false;
        let reason = match code {
            // ENHANCE_YOUR_CALM.
            11 => "h2_flood",
            // PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR.
            1 | 3 | 6 | 9 => "h2_connection",
            _ => return,
        };
        self.ended.get_or_insert(reason);
    }

    /// Why hyper has ended the connection, where its client's frames are why.
    pub(super) fn ended(&self) -> Option<&'static str> {
        self.ended
    }

    /// Whether so many streams have been reset that another connection is better: half of what may be. Whoever stays ends
    /// in the middle of something.
    pub(super) fn is_worn(&self) -> bool {
        self.resets > RESETS / 2 || self.own_resets > OWN_RESETS / 2
    }

    /// Why no more is taken.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    /// Reads the next bytes; gives how many may be taken where a frame among them is one too many: up to its end.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        loop {
            if self.fault.is_some() {
                self.came.payload(&mut rest);
                return (self.came.skip == 0).then(|| bytes.len() - rest.len());
            }
            let [_, _, _, kind, ..] = self.came.next(&mut rest)?;
            self.begins(kind);
        }
    }

    /// The header of a frame of this kind is whole.
    fn begins(&mut self, kind: u8) {
        self.resets += u64::from(kind == RST_STREAM);
        if self.resets > RESETS || self.own_resets > OWN_RESETS {
            self.fault = Some("h2_resets");
            return;
        }
        if kind == HEADERS {
            self.streams += 1;
        }
        // DATA, HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, CONTINUATION.
        if matches!(kind, 0 | HEADERS | RST_STREAM | 5 | 7 | CONTINUATION) {
            return;
        }
        let now = telemetry::now();
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            self.since = Some(now);
            (self.sent, self.streams) = (0, 0);
            (self.settings, self.pings, self.updates, self.others) = (0, 0, 0, 0);
        }
        let own = self.sent.saturating_sub(PONG * self.pings + SETTLED * self.settings);
        let acknowledged = own / ACKNOWLEDGED;
        let (count, most) = match kind {
            4 => (&mut self.settings, SETTINGS),
            6 => (&mut self.pings, PINGS + acknowledged),
            8 => (&mut self.updates, UPDATES + acknowledged),
            _ => (&mut self.others, OTHERS + OF_STREAM * self.streams),
        };
        *count += 1;
        if *count > most {
            self.fault = Some("h2_flood");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![0, (payload >> 8) as u8, payload as u8, kind, 0, 0, 0, 0, 0];
        frame.resize(HEADER + payload, 0);
        frame
    }

    #[test]
    fn the_word_of_a_goaway_is_read_however_it_leaves() {
        for (code, expected) in
            [(0, None), (1, Some("h2_connection")), (9, Some("h2_connection")), (11, Some("h2_flood"))]
        {
            let mut goaway = frame(GOAWAY, 12);
            goaway[HEADER + 7] = code;
            let all = [frame(4, 6), frame(GOAWAY, 8), frame(0, 3), goaway, frame(0, 300)].concat();
            for size in [1, 2, 5, 9, 13, 500] {
                let mut reader = Frames::new();
                all.chunks(size).for_each(|piece| reader.sent(piece));
                assert_eq!(reader.ended(), expected, "code {code} by {size}");
            }
        }
    }

    /// How many of these frames pass, pushed in pieces of so many bytes, once so much was sent.
    fn passing(frames: &[Vec<u8>], size: usize, sent: usize) -> Option<usize> {
        let all: Vec<u8> = [vec![0; PREFACE], frames.concat()].concat();
        let (mut reader, mut before) = (Frames::new(), 0);
        let first = frames.first().map_or(0, Vec::len);
        for piece in all.chunks(size) {
            if let Some(good) = reader.check(piece) {
                return Some((before + good - PREFACE) / first);
            }
            before += piece.len();
            if before == size {
                reader.sent(&vec![0; sent]);
            }
        }
        None
    }

    #[test]
    fn one_too_many_of_a_kind_is_the_last() {
        for (kind, payload, most) in
            [(4, 0, 50), (4, 6, 50), (6, 8, 100), (8, 4, 1_000), (2, 5, 100), (0xBB, 50, 100), (0x10, 300, 100)]
        {
            let frames = vec![frame(kind, payload); most + 1];
            for size in [1, 7, 9, 100, 1 << 20] {
                assert_eq!(passing(&frames, size, 0), Some(most + 1), "{kind} by {size}");
                assert_eq!(passing(&frames[1..], size, 0), None, "{kind} by {size}");
            }
        }
        for kind in [0, 1, 9] {
            assert_eq!(passing(&vec![frame(kind, 3); 5_000], 1 << 20, 0), None, "{kind}");
        }
    }

    #[test]
    fn who_receives_much_may_acknowledge_much() {
        // A window is counted from its first frame on.
        let frames = vec![frame(8, 4); 2_001];
        assert_eq!(passing(&frames, PREFACE + 13, 1_000 * 16), Some(2_001));
        assert_eq!(passing(&frames[1..], PREFACE + 13, 1_000 * 16), None);
        // A small event, and the answer to the PING that it is acknowledged with.
        let mut reader = Frames::new();
        assert_eq!(reader.check(&[0; PREFACE]), None);
        for _ in 0..5_000 {
            reader.sent(&[0; 18]);
            assert_eq!(reader.check(&frame(6, 8)), None);
            reader.sent(&[0; 17]);
        }
        // Answers alone earn nothing.
        let mut reader = Frames::new();
        assert_eq!(reader.check(&[0; PREFACE]), None);
        let ended = (0..1_000).find(|_| {
            reader.sent(&[0; 17]);
            reader.check(&frame(6, 8)).is_some()
        });
        assert_eq!(ended, Some(100));
    }

    #[test]
    fn a_connection_bears_so_many_resets() {
        let resets = vec![frame(RST_STREAM, 4); 10_001];
        for size in [1, 13, 1 << 20] {
            assert_eq!(passing(&resets, size, 0), Some(10_001), "by {size}");
            assert_eq!(passing(&resets[1..], size, 0), None, "by {size}");
        }
        for size in [1, 5, 9, 1 << 20] {
            let mut reader = Frames::new();
            assert_eq!(reader.check(&[0; PREFACE]), None);
            // Among others, in any pieces.
            let sent = [frame(0, 300), frame(RST_STREAM, 4), frame(1, 9)].concat();
            let send = |reader: &mut Frames, times: usize| {
                (0..times).for_each(|_| sent.chunks(size).for_each(|piece| reader.sent(piece)));
            };
            send(&mut reader, 250);
            assert!(!reader.is_worn(), "by {size}");
            send(&mut reader, 1);
            assert!(reader.is_worn(), "by {size}");
            send(&mut reader, 249);
            assert_eq!((reader.check(&frame(0, 3)), reader.fault()), (None, None), "by {size}");
            send(&mut reader, 1);
            // What has begun of a frame is taken to its end.
            assert_eq!(reader.check(&frame(0, 3)[..10]), None, "by {size}");
            assert_eq!((reader.check(&[0; 9]), reader.fault()), (Some(2), Some("h2_resets")), "by {size}");
        }
    }

    #[test]
    fn each_stream_may_say_its_priority() {
        let mut frames: Vec<Vec<u8>> = (0..300).flat_map(|_| [frame(1, 9), frame(2, 5), frame(0x10, 5)]).collect();
        assert_eq!(passing(&frames, 4096, 0), None);
        frames.extend(vec![frame(2, 5); 101]);
        assert!(passing(&frames, 4096, 0).is_some());
    }
}
