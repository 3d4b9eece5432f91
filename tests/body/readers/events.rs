//! Event streams beside `eventsource-stream` (the HTML standard, section 9.2.6).

use std::convert::Infallible;

use eventsource_stream::{Event, EventStream};
use futures_util::{FutureExt, StreamExt, stream};

use super::{FILLERS, run};

fn read(body: &[u8]) -> Vec<Event> {
    let pieces = stream::iter([Ok::<_, Infallible>(body.to_vec())]);
    let events = EventStream::new(pieces).map(Result::unwrap).collect::<Vec<_>>();
    events.now_or_never().unwrap()
}

#[test]
fn events() {
    run(54, 400, |choices, plant| {
        let end = choices.one_of(&["\n", "\r\n"]);
        let (mut body, mut wanted) = (String::new(), String::new());
        for number in 0..1 + choices.below(5) {
            let (text, read) = choices.text(FILLERS, plant);
            let as_json = choices.below(2) == 0;
            let head = match choices.below(4) {
                0 => format!(": a comment{end}"),
                1 => format!("event: kind-{number}{end}"),
                2 => format!("id:{number}{end}retry: 10{end}"),
                _ => String::new(),
            };
            for (stream, text) in [(&mut body, text), (&mut wanted, read)] {
                let data = match as_json {
                    true => serde_json::json!({ "note": text, "n": number }).to_string(),
                    false => text,
                };
                stream.push_str(&head);
                for line in data.split('\n') {
                    stream.push_str(&format!("data: {line}{end}"));
                }
                stream.push_str(end);
            }
        }
        let out = choices.redacted("text/event-stream", body.as_bytes());
        assert_eq!(read(&out), read(wanted.as_bytes()), "{body}");
        assert!(plant || out == body.as_bytes());
    });
}
