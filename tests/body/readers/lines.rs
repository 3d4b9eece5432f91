//! Sequences of JSON documents beside `serde_json`: a line each, or one behind the other.

use serde_json::{Deserializer, Map, Value};

use super::{FILLERS, Side, run};

fn read(body: &[u8]) -> Vec<Value> {
    Deserializer::from_slice(body).into_iter().collect::<Result<_, _>>().unwrap()
}

fn value(side: &mut Side, depth: usize) -> Value {
    match side.below(if depth < 4 { 9 } else { 7 }) {
        0 => Value::Null,
        1 => (side.below(2) == 0).into(),
        2 => (side.below(1000) as f64 / 8.0).into(),
        3 => (9_007_199_254_740_993_u64 + side.below(9) as u64).into(),
        7 => (0..side.below(4)).map(|_| value(side, depth + 1)).collect(),
        8 => object(side, depth + 1),
        _ => side.text(FILLERS).into(),
    }
}

fn object(side: &mut Side, depth: usize) -> Value {
    let mut members = Map::new();
    for place in ["first", "second", "third"].into_iter().take(side.below(4)) {
        let name = match side.below(6) {
            0 => side.text(FILLERS),
            _ => String::from("a"),
        };
        let value = value(side, depth);
        members.insert(format!("{place} {name}"), value);
    }
    members.into()
}

#[test]
fn lines() {
    run(56, 400, |choices, plant| {
        let pretty = choices.below(3) == 0;
        let end = choices.one_of(&["\n", "\r\n", "\n\n"]);
        let whole_line = choices.below(4) > 0;
        let [body, wanted] = choices.both(plant, |side| {
            let mut body = String::new();
            for _ in 0..1 + side.below(5) {
                let object = object(side, 0);
                match pretty {
                    true => body.push_str(&serde_json::to_string_pretty(&object).unwrap()),
                    false => body.push_str(&object.to_string()),
                }
                body.push_str(end);
            }
            body
        });
        let body = if whole_line { body.as_str() } else { body.trim_end() };
        let kind = if pretty { "application/json" } else { "application/x-ndjson" };
        let out = choices.redacted(kind, body.as_bytes());
        assert_eq!(read(&out), read(wanted.as_bytes()), "{body}");
        assert!(plant || out == body.as_bytes());
    });
}
