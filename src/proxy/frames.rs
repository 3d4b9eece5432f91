//! A reader of HTTP/2 frames (RFC 9113 section 4) in front of hyper's, for those that cost a peer nothing and us work:
//! PING, SETTINGS, WINDOW_UPDATE, PRIORITY and what nobody knows.
//!
//! Enters: the bytes of a connection, in any chunking, and how many left on it. Leaves: the same bytes, up to the end of the
//! first frame that is one too many in its second. hyper bounds the others itself: resets, CONTINUATION, empty DATA.
//! Who receives much acknowledges much, so what we sent counts for the peer.

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
const CONTINUATION: u8 = 9;

/// Reads along.
pub(super) struct Frames {
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
    /// The frame at hand is one too many.
    over: bool,
    since: Option<Instant>,
    sent: u64,
    streams: u64,
    settings: u64,
    pings: u64,
    updates: u64,
    others: u64,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            skip: PREFACE,
            header: [0; HEADER],
            filled: 0,
            over: false,
            since: None,
            sent: 0,
            streams: 0,
            settings: 0,
            pings: 0,
            updates: 0,
            others: 0,
        }
    }

    /// So many bytes left on the connection.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// Reads the next bytes; gives how many may be taken where a frame among them is one too many: up to its end.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.skip.min(rest.len());
            self.skip -= taken;
            rest = rest.get(taken..).unwrap_or_default();
            if self.skip == 0 && self.over {
                return Some(bytes.len() - rest.len());
            }
            let Some(byte) = rest.first().filter(|_| self.skip == 0) else { continue };
            if let Some(slot) = self.header.get_mut(self.filled) {
                *slot = *byte;
            }
            self.filled += 1;
            rest = rest.get(1..).unwrap_or_default();
            if self.filled == HEADER {
                self.filled = 0;
                self.begins();
                if self.skip == 0 && self.over {
                    return Some(bytes.len() - rest.len());
                }
            }
        }
        None
    }

    /// A frame's header is whole.
    fn begins(&mut self) {
        let [first, second, third, kind, ..] = self.header;
        self.skip = usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third);
        if kind == HEADERS {
            self.streams += 1;
        }
        // DATA, HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, CONTINUATION.
        if matches!(kind, 0 | HEADERS | 3 | 5 | 7 | CONTINUATION) {
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
        self.over = *count > most;
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
                reader.sent(sent);
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
        for kind in [0, 1, 3, 9] {
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
            reader.sent(18);
            assert_eq!(reader.check(&frame(6, 8)), None);
            reader.sent(17);
        }
        // Answers alone earn nothing.
        let mut reader = Frames::new();
        assert_eq!(reader.check(&[0; PREFACE]), None);
        let ended = (0..1_000).find(|_| {
            reader.sent(17);
            reader.check(&frame(6, 8)).is_some()
        });
        assert_eq!(ended, Some(100));
    }

    #[test]
    fn each_stream_may_say_its_priority() {
        let mut frames: Vec<Vec<u8>> = (0..300).flat_map(|_| [frame(1, 9), frame(2, 5), frame(0x10, 5)]).collect();
        assert_eq!(passing(&frames, 4096, 0), None);
        frames.extend(vec![frame(2, 5); 101]);
        assert!(passing(&frames, 4096, 0).is_some());
    }
}
