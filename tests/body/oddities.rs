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

/// Half a surrogate pair, which RFC 8259 section 8.2 allows: it stays where it is, and a value beside it is found.
#[test]
fn halves_of_surrogate_pairs_stay() {
    for (dialect, body) in [
        (Dialect::Plain, r#""\ud800""#),
        (Dialect::Plain, r#"{"\ude00":["\ud83d","a\ud83d CARD \ude00\ud83d\ude00b","{\"a\":\"\\ud83d CARD\"}"]}"#),
        (Dialect::OpenAi, r#"{"messages":[{"role":"user","content":"\ud800 CARD \udfff"}]}"#),
    ] {
        assert_eq!(redact_as("application/json", dialect, &body.replace("CARD", CARD)), body.replace("CARD", MASKED));
    }
}

/// A character whose two halves come in two deltas is one to the reader who adds them up, and so it is here.
#[test]
fn characters_cut_over_deltas_are_whole() {
    let stream = |deltas: &[&str]| {
        let event = |delta: &&str| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{delta}\"}}}}]}}\n\n"
            )
        };
        let end = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        deltas.iter().map(event).collect::<String>() + end
    };
    let content = |stream: &str| {
        let parts = stream.split("\"content\":\"").skip(1).filter_map(|rest| rest.split("\"}").next());
        parts.collect::<String>()
    };
    for (deltas, wanted) in [
        (&["abc\\ud83d", "\\ude00def CARD ok"][..], "abc😀def MASKED ok"),
        (&["abc", "\\ud83d", "\\ude00", " x"], "abc😀 x"),
        (&["jane\\ud83d", "", "\\ude00jane@example.com "], "jane😀jane@*** "),
        (&["x \\ud83d", "CARD \\ude00", "y"], "x \\ud83dMASKED \\ude00y"),
        (&["x\\ud83d"], "x\\ud83d"),
        // A digit that is beyond the first 65,536 characters.
        (&["4111 1111 1111 111\\ud835", "\\udfcf end"], "**** **** **** 1111 end"),
    ] {
        let deltas: Vec<String> = deltas.iter().map(|delta| delta.replace("CARD", CARD)).collect();
        let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
        let out = redact_as("text/event-stream", Dialect::OpenAi, &stream(&deltas));
        assert_eq!(content(&out), wanted.replace("MASKED", MASKED), "{deltas:?}");
    }
    // Where nothing waits for more, events stay as they came.
    let clean = stream(&["a \\ude00 b ", "c \\ud83dd "]);
    assert_eq!(redact_as("text/event-stream", Dialect::OpenAi, &clean), clean);
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

/// In a URL's query a plus is a blank, but one that a value begins with is a plus by who forgot to encode it: written so
/// as it came, it is read as before. Where the query is encoded as a whole, its blanks are `%2B`.
#[test]
fn a_plus_in_a_query_stays_as_it_came() {
    for (body, expected) in [
        ("GET https://x.example/?to=+1+212+555+0199&b=1+2", "GET https://x.example/?to=+*+***+***+0199&b=1+2"),
        ("GET https://x.example/?a=b+c&to=+1+212+555+0199+x", "GET https://x.example/?a=b+c&to=+*+***+***+0199+x"),
        ("/?to=%2B1+212+555+0199", "/?to=%2B%2A%20%2A%2A%2A%20%2A%2A%2A%200199"),
        (
            "/go?next=%2Fpay%3Fcard%3D4111%2B1111%2B1111%2B1111&b=1",
            "/go?next=%2Fpay%3Fcard%3D****%2B****%2B****%2B1111&b=1",
        ),
        ("%3Fa%3D1%26card%3d4111%2b1111%2b1111%2b1111", "%3Fa%3D1%26card%3d****%2B****%2B****%2B1111"),
        ("/go?next=%3Fsum%3D1%2B2%26x%3D4111%2B1111", "/go?next=%3Fsum%3D1%2B2%26x%3D4111%2B1111"),
    ] {
        assert_eq!(redact("text/plain", body), expected);
        let json = format!("{{\"url\":\"{body}\"}}");
        assert_eq!(redact("application/json", &json), format!("{{\"url\":\"{expected}\"}}"));
    }
}
