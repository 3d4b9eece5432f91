//! WebSocket beside `tungstenite` (RFC 6455): messages in fragments with others between them, in both directions.

use std::io::{self, Read, Write};

use blackbar::body::websocket::Half;
use blackbar::body::{BodySpec, Dialect, Direction};
use serde_json::json;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Error, Message};

use super::super::fixtures::spec;
use super::{Choices, FILLERS, Side, run};

/// What a peer has sent; what is answered is let go.
struct Sent<'a>(&'a [u8]);

impl Read for Sent<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Sent<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The messages of a side, to the frame that closes it.
fn read(bytes: &[u8], direction: Direction) -> Vec<Message> {
    let reader = if direction == Direction::Request { Role::Server } else { Role::Client };
    let mut socket = WebSocket::from_raw_socket(Sent(bytes), reader, None);
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => messages.push(message),
            Err(Error::ConnectionClosed) => return messages,
            Err(error) => panic!("{error} behind {messages:?}"),
        }
    }
}

/// A message in as many fragments as chance has it, cut at any byte, some with a ping behind them: those are read before it.
fn fragments(choices: &mut Choices, text: &str) -> (Vec<Frame>, Vec<Message>) {
    let (mut frames, mut pings, mut rest) = (Vec::new(), Vec::new(), text.as_bytes());
    let largest = choices.one_of(&[2, 20, 1000]);
    loop {
        let (piece, behind) = rest.split_at(choices.below(largest + 1).min(rest.len()));
        let kind = if frames.is_empty() { Data::Text } else { Data::Continue };
        frames.push(Frame::message(piece.to_vec(), OpCode::Data(kind), behind.is_empty()));
        if behind.is_empty() {
            return (frames, pings);
        }
        if choices.below(5) == 0 {
            frames.push(Frame::ping("beat"));
            pings.push(Message::Ping("beat".into()));
        }
        rest = behind;
    }
}

/// The texts of some messages, and why they end.
fn said(side: &mut Side) -> (Vec<String>, String) {
    let message = |side: &mut Side, number: usize| {
        let (note, list) = (side.text(FILLERS), [side.text(FILLERS)]);
        json!({"type": "something.new", "n": number, "note": note, "list": list}).to_string()
    };
    ((0..1 + side.below(4)).map(|number| message(side, number)).collect(), side.text(&["bye", "Zoë"]))
}

fn written(frames: Vec<Frame>, direction: Direction) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut frame in frames {
        frame.header_mut().mask = (direction == Direction::Request).then_some([9, 8, 7, 6]);
        frame.format(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn frames_of_both_directions() {
    run(62, 600, |choices, plant| {
        let direction = choices.one_of(&[Direction::Request, Direction::Response]);
        let [(texts, reason), (read_texts, read_reason)] = choices.both(plant, said);
        let (mut frames, mut wanted) = (Vec::new(), Vec::new());
        for (text, read) in texts.iter().zip(read_texts) {
            let (parts, pings) = fragments(choices, text);
            frames.extend(parts);
            wanted.extend(pings);
            wanted.push(Message::Text(read.into()));
        }
        let close = |reason: String| CloseFrame { code: CloseCode::Normal, reason: reason.into() };
        frames.push(Frame::close(Some(close(reason))));
        wanted.push(Message::Close(Some(close(read_reason))));
        let given = written(frames, direction);
        let spec = BodySpec { dialect: Dialect::OpenAi, direction, ..spec("application/json") };
        let mut half = Half::new(spec, Box::new(|| [1, 2, 3, 4]));
        let mut out = Vec::new();
        choices.pieces(&given, |piece| half.push(piece, &mut out).unwrap());
        assert!(half.is_closed());
        assert_eq!(read(&out, direction), wanted);
    });
}
