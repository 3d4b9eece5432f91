//! Event streams and lines of JSON as few write them and every reader takes them.

use blackbar::body::Dialect;

use super::fields::redact_as;

const CARD: &str = "4111 1111 1111 1111";
const MASKED: &str = "**** **** **** 1111";

fn redact(kind: &str, body: &str) -> String {
    redact_as(kind, Dialect::Plain, body)
}

/// WHATWG HTML 9.2.5 and 9.2.6: three ends of lines, a mark at the beginning, one blank or none behind the colon, fields that
/// nobody knows, and an end without its empty line.
#[test]
fn event_streams_are_read_however_they_are_written() {
    for body in [
        "data:CARD\n\n",
        "data: CARD\r\rdata: CARD\r\n\r\ndata: CARD\n\n",
        "\u{feff}data: CARD\n\n",
        ": CARD\n\nevent: CARD\nid: CARD\nretry: CARD\nnote: CARD\nCARD\ndata: CARD\n\n",
        "data\ndata: CARD\ndata\n\n",
        "data: CARD",
        "data: CARD\n",
        "data: {\"a\": \"CARD\"}\rdata: x\r\r",
        "data: {\"a\":\ndata: \"CARD\"}\n\n",
        "id: CARD\rdata: {\"a\": \"CARD\"}",
        "event: CARD\r\n\r\n",
    ] {
        let out = redact("text/event-stream", &body.replace("CARD", CARD));
        assert_eq!(out.matches(MASKED).count(), body.matches("CARD").count(), "{body:?} {out:?}");
        assert!(!out.contains(CARD), "{out:?}");
    }
    // A value that stands on two lines of one event is one text to its reader.
    let out = redact("text/event-stream", "data: 4111 1111\ndata: 1111 1111\n\n");
    assert!(!out.contains("4111"), "{out}");
    let out = redact("text/event-stream", "data: {\"a\": \"4111 1111\ndata:  1111 1111\"}\r\n\r\n");
    assert!(!out.contains("4111"), "{out}");
}

#[test]
fn lines_of_json_are_read_however_they_end() {
    for body in [
        "{\"a\":\"CARD\"}\r{\"a\":\"CARD\"}\r\n{\"a\":\"CARD\"}",
        "\u{feff}{\"a\":\"CARD\"}\n",
        "\n\n  {\"a\":\"CARD\"}\n\n\n{\"a\":\"CARD\"}\n \n",
        "{\"a\":\"CARD\"}{\"a\":\"CARD\"}[\"CARD\"]\"CARD\"",
    ] {
        let out = redact("application/x-ndjson", &body.replace("CARD", CARD));
        assert_eq!(out, body.replace("CARD", MASKED));
    }
}
