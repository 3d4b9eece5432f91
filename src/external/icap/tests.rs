#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
use proptest::prelude::*;

use super::*;

const REQUEST: &[u8] = b"POST /v1/chat HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

fn request(body: &[u8]) -> Subject<'_> {
    Subject { direction: Direction::Request, request: REQUEST, response: b"", body, client: None }
}

fn response(body: &[u8]) -> Subject<'_> {
    Subject { direction: Direction::Response, request: REQUEST, response: RESPONSE, body, client: None }
}

/// An answer that holds these heads and this body.
fn holding(heads: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let (mut parts, mut sections) = (Vec::new(), String::new());
    for (name, section) in heads {
        parts.push(format!("{name}-hdr={}", sections.len()));
        sections.push_str(section);
    }
    let kind = heads.last().map_or("opt", |(name, _)| name);
    parts.push(match body {
        Some(_) => format!("{kind}-body={}", sections.len()),
        None => format!("null-body={}", sections.len()),
    });
    let mut out =
        format!("ICAP/1.0 200 OK\r\nISTag: \"tag-1\"\r\nEncapsulated: {}\r\n\r\n{sections}", parts.join(", "));
    if let Some(body) = body {
        let (one, two) = body.split_at(body.len() / 2);
        for part in [one, two].into_iter().filter(|part| !part.is_empty()) {
            out.push_str(&format!("{:x};ext=1\r\n{part}\r\n", part.len()));
        }
        out.push_str("0\r\n\r\n");
    }
    out.into_bytes()
}

fn read(bytes: &[u8], chunk: usize) -> Result<Option<Answer>, Failure> {
    let mut reader = Reader::new(1 << 20);
    let mut found = None;
    for piece in bytes.chunks(chunk.max(1)) {
        match reader.push(piece)? {
            Some(_) if found.is_some() => return Err(Failure::Answer),
            answer => found = found.or(answer),
        }
    }
    if found.is_some() && reader.has_begun() { Err(Failure::Answer) } else { Ok(found) }
}

fn ruled(bytes: &[u8], subject: &Subject<'_>) -> Result<Ruling, Failure> {
    read(bytes, bytes.len())?.ok_or(Failure::Connect)?.ruling(subject, false)
}

/// What an answer means that may leave the rest of the body to us.
fn ruled_partly(bytes: &[u8], subject: &Subject<'_>) -> Result<Ruling, Failure> {
    for chunk in 1..bytes.len() {
        assert_eq!(read(bytes, chunk), read(bytes, bytes.len()), "in pieces of {chunk}");
    }
    read(bytes, bytes.len())?.ok_or(Failure::Connect)?.ruling(subject, true)
}

/// An answer with this body and this line behind it.
fn partly(status: u16, head: &str, body: &str, end: &str) -> Vec<u8> {
    let chunk = if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) };
    let parts = format!("req-hdr=0, req-body={}", head.len());
    format!("ICAP/1.0 {status} X\r\nISTag: \"x\"\r\nEncapsulated: {parts}\r\n\r\n{head}{chunk}{end}\r\n\r\n")
        .into_bytes()
}

#[test]
fn a_question_is_as_the_rfc_has_it() {
    let (bytes, waits) = ask(&request(b"0123456789"), ("icap://h/s", "h"), None, false);
    let text = String::from_utf8(bytes).unwrap();
    let head = format!(
        "REQMOD icap://h/s ICAP/1.0\r\nHost: h\r\nUser-Agent: blackbar\r\nAllow: 204\r\nEncapsulated: req-hdr=0, req-body={}\r\n\r\n",
        REQUEST.len()
    );
    assert!(text.starts_with(&head), "{text}");
    assert!(text.ends_with("\r\n\r\na\r\n0123456789\r\n0\r\n\r\n") && waits.is_none());

    let told = Subject { client: Some("192.0.2.7"), ..response(b"0123456789") };
    let (bytes, waits) = ask(&told, ("icap://h/s", "h"), Some(4), false);
    let text = String::from_utf8(bytes).unwrap();
    let parts = format!("req-hdr=0, res-hdr={}, res-body={}", REQUEST.len(), REQUEST.len() + RESPONSE.len());
    assert!(text.contains(&parts) && text.contains("Preview: 4\r\n") && text.contains("X-Client-IP: 192.0.2.7\r\n"));
    assert!(text.ends_with("4\r\n0123\r\n0\r\n\r\n"));
    assert_eq!(waits, Some(4));
    assert_eq!(rest(b"0123456789", 4), b"6\r\n456789\r\n0\r\n\r\n");
    for (preview, end) in [(10, "a\r\n0123456789\r\n0; ieof\r\n\r\n"), (4096, "0; ieof\r\n\r\n")] {
        let (bytes, waits) = ask(&request(b"0123456789"), ("icap://h/s", "h"), Some(preview), false);
        assert!(bytes.ends_with(end.as_bytes()) && waits.is_none());
    }
    let (bytes, waits) = ask(&request(b"0123456789"), ("icap://h/s", "h"), Some(0), false);
    assert!(bytes.ends_with(b"\r\n\r\n0\r\n\r\n") && waits == Some(0));
    let (bytes, _) = ask(&request(b"0123456789"), ("icap://h/s", "h"), None, true);
    assert!(String::from_utf8(bytes).unwrap().contains("\r\nAllow: 204, 206\r\n"));
}

#[test]
fn answers_mean_what_they_say() {
    let head = std::str::from_utf8(REQUEST).unwrap();
    let back = std::str::from_utf8(RESPONSE).unwrap();
    let no = "ICAP/1.0 204 No Content\r\nISTag: \"x\"\r\nEncapsulated: null-body=0\r\n\r\n";
    assert_eq!(ruled(no.as_bytes(), &request(b"body")), Ok(Ruling::Allow));
    assert_eq!(ruled(b"ICAP/1.0 204 Unmodified\r\n\r\n", &response(b"body")), Ok(Ruling::Allow));
    let same = holding(&[("req", head)], Some("body"));
    assert_eq!(ruled(&same, &request(b"body")), Ok(Ruling::Allow));
    assert_eq!(ruled(&same, &request(b"bod")), Ok(Ruling::Changed(b"body".to_vec())));
    let page = holding(&[("res", "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n")], Some("no"));
    assert_eq!(ruled(&page, &request(b"body")), Ok(Ruling::Block));
    assert_eq!(ruled(&page, &response(b"body")), Ok(Ruling::Block));
    let page = holding(&[("res", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")], Some("no"));
    assert_eq!(ruled(&page, &response(b"body")), Ok(Ruling::Block), "another type is another message");
    assert_eq!(ruled(&holding(&[("res", back)], Some("bo")), &response(b"body")), Ok(Ruling::Changed(b"bo".to_vec())));
    let both = holding(&[("req", head), ("res", back)], Some("body"));
    assert_eq!(ruled(&both, &response(b"body")), Ok(Ruling::Allow));
    assert_eq!(ruled(&both, &request(b"body")), Ok(Ruling::Block));
    // Another target, a body taken away, a word of a finding.
    let moved = head.replace("/v1/chat", "http://blocked.example/");
    assert_eq!(ruled(&holding(&[("req", &moved)], Some("body")), &request(b"body")), Ok(Ruling::Block));
    assert_eq!(ruled(&holding(&[("req", head)], None), &request(b"body")), Ok(Ruling::Block));
    let found = "ICAP/1.0 204 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\r\n\r\n";
    assert_eq!(ruled(found.as_bytes(), &request(b"body")), Ok(Ruling::Block));
    for status in [100, 206, 400, 404, 500, 503] {
        let answer = format!("ICAP/1.0 {status} X\r\n\r\n");
        assert_eq!(ruled(answer.as_bytes(), &request(b"body")), Err(Failure::Status), "{status}");
    }
}

#[test]
fn an_answer_may_leave_the_rest_of_the_body_to_us() {
    let head = std::str::from_utf8(REQUEST).unwrap();
    let whole = request(b"0123456789");
    let changed = |body: &str| Ok(Ruling::Changed(body.as_bytes().to_vec()));
    for (body, end, ruling) in [
        ("", "0; use-original-body=0", Ok(Ruling::Allow)),
        ("01", "0;use-original-body=2", Ok(Ruling::Allow)),
        ("<p>", "0; use-original-body=0", changed("<p>0123456789")),
        ("abc", "0; x=1; Use-Original-Body = 8", changed("abc89")),
        ("abc", "0; use-original-body=10", changed("abc")),
        // All of it is the server's.
        ("abc", "0", changed("abc")),
        ("abc", "0; use-original-body=11", Err(Failure::Answer)),
        ("abc", "0; use-original-body=99999999999", Err(Failure::Answer)),
        ("abc", "0; use-original-body=-1", Err(Failure::Answer)),
        ("abc", "0; use-original-body=0x1", Err(Failure::Answer)),
        ("abc", "0; use-original-body", Err(Failure::Answer)),
        ("abc", "0; use-original-body=", Err(Failure::Answer)),
        ("abc", "0; use-original-body=1; use-original-body=2", Err(Failure::Answer)),
        // Of the end alone can it be said.
        ("abc", "1; use-original-body=1\r\nx\r\n0", Err(Failure::Answer)),
    ] {
        assert_eq!(ruled_partly(&partly(206, head, body, end), &whole), ruling, "{body} {end}");
    }
    // It was not offered, or the answer claims to be whole, or holds no body.
    let part = partly(206, head, "abc", "0; use-original-body=8");
    assert_eq!(ruled(&part, &whole), Err(Failure::Status));
    assert_eq!(ruled_partly(&partly(200, head, "abc", "0; use-original-body=8"), &whole), Err(Failure::Answer));
    let none = format!("ICAP/1.0 206 X\r\nEncapsulated: req-hdr=0, null-body={}\r\n\r\n{head}", head.len());
    assert_eq!(ruled_partly(none.as_bytes(), &whole), Ok(Ruling::Block));
    assert_eq!(ruled_partly(b"ICAP/1.0 206 X\r\n\r\n", &whole), Err(Failure::Answer));
    // Another target, and what was found, count as ever.
    let moved = head.replace("/v1/chat", "http://blocked.example/");
    assert_eq!(ruled_partly(&partly(206, &moved, "", "0; use-original-body=0"), &whole), Ok(Ruling::Block));
    let found = "ICAP/1.0 206 X\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\r\n\r\n";
    assert_eq!(ruled_partly(found.as_bytes(), &whole), Ok(Ruling::Block));
}

#[test]
fn options_are_read() {
    let answer = b"ICAP/1.0 200 OK\r\nMethods: RESPMOD, reqmod\r\nISTag: \"CI0001-x\"\r\nMax-Connections: 20\r\nOptions-TTL: 60\r\nPreview: 1024\r\nAllow: 204\r\nEncapsulated: null-body=0\r\n\r\n";
    let options = read(answer, 1).unwrap().unwrap().options().unwrap();
    let known = Options {
        methods: [true, true],
        istag: "CI0001-x".to_owned(),
        max_connections: Some(20),
        ttl: 60,
        preview: Some(1024),
        partial: false,
    };
    assert_eq!(options, known);
    let bare = read(b"ICAP/1.0 200 OK\r\nMethods: REQMOD\r\n\r\n", 64).unwrap().unwrap().options().unwrap();
    assert_eq!((bare.methods, bare.ttl, bare.preview), ([true, false], OPTIONS_TTL, None));
    for (allow, partial) in
        [("204, 206", true), ("206", true), ("204\r\nAllow: 206", true), ("2060, 204", false), ("", false)]
    {
        let answer = format!("ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nAllow: {allow}\r\n\r\n");
        let options = read(answer.as_bytes(), 64).unwrap().unwrap().options().unwrap();
        assert_eq!(options.partial, partial, "{allow}");
    }
    assert_eq!(read(b"ICAP/1.0 404 Not Found\r\n\r\n", 64).unwrap().unwrap().options(), Err(Failure::Status));
}

#[test]
fn what_is_no_answer_is_none() {
    for bad in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "ICAP/1.0 2000 OK\r\n\r\n",
        "ICAP/1.0\r\n\r\n",
        "\r\n\r\n",
        "ICAP/1.0 200 OK\r\nno colon\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: null-body=0\r\nEncapsulated: null-body=0\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=1, null-body=2\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=0\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=-1\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=99999999999999999999\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: null-body=0, req-body=4\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, req-hdr=4, null-body=8\r\n\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=4\r\n\r\nabcd",
        "ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\nxyz\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\n1\r\nabc\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\n1\nabc",
        "ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\n+1\r\na\r\n",
        "ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\nfffffffff\r\n",
        "ICAP/1.0 204 OK\r\n\r\nmore",
    ] {
        for chunk in [1, 7, 1000] {
            assert_eq!(read(bad.as_bytes(), chunk), Err(Failure::Answer), "{bad:?}");
        }
    }
}

#[test]
fn every_part_has_its_bound() {
    let head = |len: usize| {
        let begin = "ICAP/1.0 204 OK\r\nX: ";
        format!("{begin}{}\r\n\r\n", "x".repeat(len - begin.len() - 4))
    };
    for (bytes, taken) in [(head(HEAD_LIMIT), true), (head(HEAD_LIMIT + 1), false)] {
        assert_eq!(read(bytes.as_bytes(), 997).is_ok(), taken);
    }
    let endless = "x".repeat(HEAD_LIMIT + 1);
    assert_eq!(read(endless.as_bytes(), 997), Err(Failure::Answer));
    let fields = |count: usize| format!("ICAP/1.0 204 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(read(fields(FIELD_LIMIT).as_bytes(), 64).is_ok());
    assert!(read(fields(FIELD_LIMIT + 1).as_bytes(), 64).is_err());
    let body = |len: usize| holding(&[], Some(&"b".repeat(len)));
    for (len, taken) in [(1000, true), (1001, false)] {
        let mut reader = Reader::new(1000);
        assert_eq!(reader.push(&body(len)).is_ok(), taken, "{len}");
    }
    let line = |len: usize| format!("ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\n0;{}", "x".repeat(len));
    assert!(read(line(LINE_LIMIT - 2).as_bytes(), 64).is_ok());
    assert!(read(line(LINE_LIMIT).as_bytes(), 64).is_err());
}

#[test]
fn an_answer_that_ends_early_is_none_at_every_byte() {
    let whole = holding(&[("req", std::str::from_utf8(REQUEST).unwrap())], Some("a body of some words"));
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end], 5), Ok(None), "{end}");
    }
    assert!(read(&whole, 5).unwrap().is_some());
}

proptest! {
    #[test]
    fn any_chunking_reads_the_same(body in "[a-z0-9 ]{1,80}", chunk in 1_usize..40) {
        let whole = holding(&[("req", std::str::from_utf8(REQUEST).unwrap())], Some(&body));
        prop_assert_eq!(read(&whole, chunk), read(&whole, whole.len()));
    }

    #[test]
    fn no_bytes_stop_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..20, cut in 0_usize..200) {
        let _ = read(&bytes, chunk);
        // And behind a good beginning.
        let mut whole = holding(&[("req", std::str::from_utf8(REQUEST).unwrap())], Some("some body"));
        whole.truncate(cut);
        whole.extend_from_slice(&bytes);
        let split = read(&whole, chunk).map(|answer| answer.map(|answer| answer.ruling(&request(b"some body"), true)));
        let once = read(&whole, whole.len()).map(|answer| answer.map(|answer| answer.ruling(&request(b"some body"), true)));
        prop_assert_eq!(split, once);
    }
}
