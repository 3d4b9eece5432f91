//! Syslog beside `syslog_loose`: messages of RFC 5424 and RFC 3164, counted and as lines.

use blackbar::body::syslog::{Framing, Messages, Terms};
use blackbar::body::{BodyLimits, Inspection, Transform};
use syslog_loose::{Variant, parse_message_with_year};

use super::super::fixtures::scopes;
use super::{Side, run};

/// Those without the ends of lines.
const FILLERS: &[&str] = &[
    "one",
    "two words",
    "Zoë",
    "日本",
    "say \"hi\"",
    "it's",
    "x=y",
    "50%",
    "back\\slash",
    "[brackets]",
    "end;",
    ":",
    "",
];
const TERMS: Terms = Terms { framing: Framing::Auto, per_record: true, lenient: false, keep_dropped: false };

fn message(side: &mut Side) -> String {
    let pri = side.below(192);
    match side.below(3) {
        0 => format!("<{pri}>Oct 11 22:14:15 host app[9]: {}", side.text(FILLERS)),
        _ => {
            let mut data = String::new();
            for element in 0..side.below(3) {
                data.push_str(&format!("[element{element}@32473"));
                for parameter in 0..side.below(3) {
                    let value = side.text(FILLERS).replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
                    data.push_str(&format!(" p{parameter}=\"{value}\""));
                }
                data.push(']');
            }
            let data = if data.is_empty() { "-".to_owned() } else { data };
            format!("<{pri}>1 2026-10-11T22:14:15.003Z host app 111 ID47 {data} {}", side.text(FILLERS))
        }
    }
}

fn framed(messages: &[String], counted: bool) -> String {
    let framed =
        |message: &String| if counted { format!("{} {message}", message.len()) } else { format!("{message}\n") };
    messages.iter().map(framed).collect()
}

/// A stream's messages (RFC 6587 section 3.4).
fn cut(mut stream: &str, counted: bool) -> Vec<&str> {
    if !counted {
        return stream.lines().collect();
    }
    let mut messages = Vec::new();
    while let Some((count, rest)) = stream.split_once(' ') {
        let (message, behind) = rest.split_at(count.parse().unwrap());
        messages.push(message);
        stream = behind;
    }
    messages
}

/// All that the reader makes of a message, with what its parameters say.
fn read(message: &str) -> String {
    let read = parse_message_with_year(message, |_| 2026, Variant::Either);
    let said: Vec<_> = read.structured_data.iter().flat_map(|element| element.params()).collect();
    format!("{read:?} {said:?}")
}

#[test]
fn messages() {
    run(63, 400, |choices, plant| {
        let counted = choices.below(2) == 0;
        let [given, wanted] = choices.both(plant, |side| {
            let messages: Vec<String> = (0..1 + side.below(4)).map(|_| message(side)).collect();
            (framed(&messages, counted), messages)
        });
        let mut transform = Messages::new(&scopes(), &BodyLimits::default(), TERMS);
        let (mut out, mut seen) = (Vec::new(), Inspection::default());
        choices.pieces(given.0.as_bytes(), |piece| transform.push(piece, &mut out, &mut seen).unwrap());
        transform.finish(&mut out, &mut seen).unwrap();
        let out = String::from_utf8(out).unwrap();
        let read_all = |messages: &[&str]| messages.iter().map(|message| read(message)).collect::<Vec<_>>();
        let wanted: Vec<&str> = wanted.1.iter().map(String::as_str).collect();
        assert_eq!(read_all(&cut(&out, counted)), read_all(&wanted), "{}", given.0);
        assert!(plant || out == given.0);
    });
}
