//! Places in an answer's text: where a replacement is longer or shorter they move, wherever they stand.

use proptest::prelude::*;

use super::*;

/// What a text is made of, and what becomes of it.
const PARTS: [(&str, &str); 7] = [
    ("jane@example.com", "jane@***"),
    ("4111 1111 1111 1111", "**** **** **** 1111"),
    ("EMP-1234", "a \"name\"\n"),
    ("GONE-1234", ""),
    ("h\u{e9}, \u{6f22}\u{5b57} ", "h\u{e9}, \u{6f22}\u{5b57} "),
    ("\u{1f600} so ", "\u{1f600} so "),
    ("plain \\ ", "plain \\ "),
];

/// A text of these parts, each between blanks: as it comes, as it leaves, and from where to where each part goes in either.
struct Text {
    came: String,
    left: String,
    places: Vec<[(usize, usize); 2]>,
}

fn text(parts: &[usize], count: fn(&str) -> usize) -> Text {
    let mut text = Text { came: String::new(), left: String::new(), places: Vec::new() };
    for (came, left) in parts.iter().map(|part| PARTS[part % PARTS.len()]) {
        let begin = (count(&text.came), count(&text.left));
        text.came.push_str(came);
        text.left.push_str(left);
        text.places.push([(begin.0, count(&text.came)), (begin.1, count(&text.left))]);
        text.came.push_str(" , ");
        text.left.push_str(" , ");
    }
    text
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(text: &Text, side: usize, write: impl Fn(usize, usize) -> String) -> String {
    text.places.iter().map(|places| write(places[side].0, places[side].1)).collect::<Vec<_>>().join(" , ")
}

type Document = fn(&str, &str) -> String;

/// Of each protocol a document with a text and the places in it, before or behind it.
const DOCUMENTS: [(Dialect, bool, Document); 8] = [
    (Dialect::OpenAi, false, |text, notes| {
        format!(
            r#"{{"choices":[{{"message":{{"content":{text},"annotations":[{notes}]}}}},{{"message":{{"content":null,"annotations":[{{"start_index":7}}]}}}}],"x":1}}"#
        )
    }),
    (Dialect::OpenAi, false, |text, notes| {
        format!(r#"{{"choices":[{{"message":{{"annotations":[{notes}],"content":{text}}},"logprobs":null}}]}}"#)
    }),
    (Dialect::OpenAi, false, |text, notes| {
        format!(
            r#"{{"output":[{{"content":[{{"annotations":[{notes}],"logprobs":null,"text":{text}}},{{"text":"x"}}]}}]}}"#
        )
    }),
    (Dialect::OpenAi, false, |text, notes| {
        format!(r#"{{"data":[{{"content":[{{"text":{{"value":{text},"annotations":[{notes}]}}}}]}}]}}"#)
    }),
    (Dialect::OpenAi, false, |text, notes| {
        format!(
            r#"{{"response":{{"body":{{"choices":[{{"message":{{"content":{text},"annotations":[{notes}]}}}}]}}}}}}"#
        )
    }),
    (Dialect::Gemini, true, |text, notes| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"jane@example.com","thought":true}},{{"text":{text}}}]}},"groundingMetadata":{{"groundingSupports":[{notes}]}}}}]}}"#
        )
    }),
    (Dialect::Cohere, false, |text, notes| {
        format!(r#"{{"message":{{"content":[{{"type":"text","text":{text}}}],"citations":[{notes}]}}}}"#)
    }),
    (Dialect::Cohere, false, |text, notes| format!(r#"{{"text":{text},"citations":[{notes}]}}"#)),
];

fn notes(dialect: Dialect, text: &Text, side: usize) -> String {
    list(text, side, |begin, end| match dialect {
        Dialect::Gemini => format!(r#"{{"segment":{{"startIndex":{begin},"endIndex":{end}}}}}"#),
        Dialect::Cohere => format!(r#"{{"start":{begin},"end":{end}}}"#),
        _ => format!(r#"{{"url_citation":{{"end_index":{end},"start_index":{begin}}}}}"#),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn places_delimit_the_same_text(parts in proptest::collection::vec(0..PARTS.len(), 1..6)) {
        for (dialect, bytes, document) in DOCUMENTS {
            let text = text(&parts, if bytes { str::len } else { characters });
            let setting = Setting::dialect(dialect, Direction::Response);
            let came = document(&quote(&text.came), &notes(dialect, &text, 0));
            let wanted = document(&quote(&text.left), &notes(dialect, &text, 1)).replace("jane@example.com", "jane@***");
            let (whole, ended, _) = setting.run(&[came.as_bytes()]);
            prop_assert_eq!(ended, Ok(()));
            prop_assert_eq!(String::from_utf8_lossy(&whole), wanted.as_str());
            let (single, ended, _) = setting.run(&came.as_bytes().chunks(1).collect::<Vec<_>>());
            prop_assert_eq!(ended, Ok(()));
            prop_assert_eq!(String::from_utf8_lossy(&single), wanted.as_str());
        }
    }
}

#[test]
fn any_chunking_moves_them_alike() {
    let text = text(&[0, 4, 2, 5, 0], characters);
    for (dialect, bytes, document) in DOCUMENTS {
        if !bytes {
            let setting = Setting::dialect(dialect, Direction::Response);
            let out = setting.redact(&document(&quote(&text.came), &notes(dialect, &text, 0)));
            assert_eq!(out, document(&quote(&text.left), &notes(dialect, &text, 1)));
        }
    }
}

#[test]
fn what_is_no_place_in_a_text_stays() {
    let setting = Setting::dialect(Dialect::OpenAi, Direction::Response);
    for document in [
        r#"{"choices":[{"message":{"content":"jane@*** x","annotations":[{"start_index":-1,"end_index":1e2},{"index":99}]}}],"start_index":50}"#,
        r#"{"choices":[{"message":{"annotations":[{"start_index":4,"end_index":"9"}],"content":null}}]}"#,
        r#"{"output":[{"content":[{"annotations":[{"start_index":4}],"type":"x"}]},{"content":[{"text":"x"}]}]}"#,
    ] {
        assert_eq!(setting.redact(document), document);
    }
    let request = Setting::dialect(Dialect::OpenAi, Direction::Request);
    let document = r#"{"choices":[{"message":{"content":"EMP-1234 x","annotations":[{"start_index":9}]}}]}"#;
    assert_eq!(request.redact(document), document.replace("EMP-1234", r#"a \"name\"\n"#));
}

#[test]
fn places_that_would_wait_for_more_than_is_held_leave_as_they_are() {
    let mut setting = Setting::dialect(Dialect::OpenAi, Direction::Response);
    let document = |begin: usize, fill: usize, mail: &str| {
        format!(
            r#"{{"choices":[{{"message":{{"annotations":[{{"start_index":{begin}}}],"content":"{mail} {}"}}}}]}}"#,
            "a ".repeat(fill)
        )
    };
    let came = document(17, 100, "jane@example.com");
    let held = came.len() - came.find("17").unwrap_or_default();
    for (limit, begin) in [(held + 8, 9), (held / 2, 17)] {
        setting.limits.json_hold = limit;
        let (out, ended, _) = setting.run(&came.as_bytes().chunks(1).collect::<Vec<_>>());
        assert_eq!(ended, Ok(()));
        assert_eq!(String::from_utf8_lossy(&out), document(begin, 100, "jane@***"));
    }
}
