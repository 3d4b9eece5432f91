//! Multipart: parts read by what they are, delimiters as they came, and nothing lost at a seam.

use blackbar::body::BodyErrorKind;

use super::fixtures::{inspector, outcome};

const KIND: &str = "multipart/form-data; boundary=XyZ";

fn part(head: &str, body: &str) -> String {
    format!("--XyZ\r\n{head}\r\n\r\n{body}\r\n")
}

fn field(name: &str, value: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), value)
}

fn redacted(body: &str) -> String {
    let (out, end) = outcome(inspector(KIND, &[]), body.as_bytes());
    assert_eq!(end, Ok(()), "{body}");
    String::from_utf8(out).unwrap()
}

fn refused(kind: &str, body: &[u8]) -> BodyErrorKind {
    outcome(inspector(kind, &[]), body).1.unwrap_err()
}

#[test]
fn every_part_is_read_as_what_it_is() {
    let file =
        "{\"custom_id\":\"1\",\"body\":{\"messages\":[{\"content\":\"card \\u0034111111111111111\"}]}}\n{\"n\":2}\n";
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"batch.jsonl\"\r\nContent-Type: application/octet-stream";
    let body = field("purpose", "batch") + &field("note", "call jane@example.com") + &part(head, file) + "--XyZ--\r\n";
    let out = redacted(&body);
    assert!(!out.contains("jane@example.com") && !out.contains("\\u0034111111111111111"), "{out}");
    assert!(out.starts_with(&field("purpose", "batch")), "{out}");
    assert!(out.contains(head) && out.contains("{\"n\":2}\n\r\n--XyZ--\r\n"), "{out}");
}

#[test]
fn names_of_files_are_scanned_and_stay_quoted() {
    let head = "Content-Disposition: form-data; name=\"f\"; filename=\"jane@example.com, card\"";
    let out = redacted(&(part(head, "hello") + "--XyZ--"));
    assert!(!out.contains("jane@example.com"), "{out}");
    assert!(out.contains("name=\"f\"; filename=\"") && out.contains("\"\r\n\r\nhello\r\n--XyZ--"), "{out}");
}

#[test]
fn what_no_finding_touches_stays() {
    for body in [
        "preamble\r\n--XyZ\r\nA: b\r\n\r\n\r\n--XyZ--\r\nepilogue".to_owned(),
        "--XyZ \t\r\n\r\nno head\r\n--XyZ--".to_owned(),
        field("a", "--XyZ1\r\n--Xy\r\n-\r\n--XyZq\r\nnear") + "--XyZ--\r\n",
        field("a", "") + &field("b", "\r\n") + "--XyZ--",
        field("a", "line\nline\r") + "--XyZ--\r\n\r\n",
    ] {
        assert_eq!(redacted(&body), body);
    }
}

#[test]
fn what_is_no_text_or_no_whole_is_refused() {
    let picture =
        part("Content-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png", "xx");
    let whole = picture + "--XyZ--\r\n";
    assert_eq!(refused(KIND, whole.as_bytes()), BodyErrorKind::MediaType);
    assert_eq!(refused(KIND, b"--XyZ\r\n\r\n\xff\xd8\xff\r\n--XyZ--"), BodyErrorKind::MediaType);
    assert_eq!(refused("multipart/form-data", b"--x\r\n"), BodyErrorKind::MediaType);
    assert_eq!(refused("multipart/form-data; boundary=\"a b \"", b"--x\r\n"), BodyErrorKind::MediaType);
    for body in ["--XyZ", "--XyZ\r\nA: b", "--XyZ\r\n\r\nx", "--XyZ\r\n\r\nx\r\n--Xy"] {
        assert_eq!(refused(KIND, body.as_bytes()), BodyErrorKind::Truncated, "{body}");
    }
    let head = format!("--XyZ\r\nA: {}", "b".repeat(20 << 10));
    assert_eq!(refused(KIND, head.as_bytes()), BodyErrorKind::TooLarge);
    let many = "--XyZ\r\n\r\n\r\n".repeat(1100);
    assert_eq!(refused(KIND, many.as_bytes()), BodyErrorKind::TooManyTexts);
    let deep = (0..5).map(|n| format!("--b{n}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n", n + 1));
    let deep: String = deep.collect();
    assert_eq!(refused("multipart/mixed; boundary=b0", deep.as_bytes()), BodyErrorKind::MediaType);
}

/// A part that is cut anywhere shows nothing of a value that it would have hidden.
#[test]
fn an_early_end_shows_nothing() {
    let body = field("card", "4111 1111 1111 1111") + "--XyZ--\r\n";
    for end in 0..body.len() {
        let (out, _) = outcome(inspector(KIND, &[]), &body.as_bytes()[..end]);
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains("4111 1"), "{out}");
    }
}

#[test]
fn what_readers_may_part_otherwise_is_refused_or_no_end() {
    for head in ["--XyZ\r\nA: b\r\n--XyZ\r\nC: d\r\n\r\nx\r\n--XyZ--", "--XyZ\r\nA: b\nC: d\r\n\r\nx\r\n--XyZ--"] {
        assert_eq!(refused(KIND, head.as_bytes()), BodyErrorKind::MediaType, "{head}");
    }
    let lines = format!("--XyZ\r\n{}\r\n", "a: b\r\n".repeat(100));
    assert_eq!(refused(KIND, lines.as_bytes()), BodyErrorKind::MediaType);
    let body = field("a", "x\r\n--XyZ--y") + "--XyZ--";
    assert_eq!(redacted(&body), body);
}

/// What a head says of bytes that may be others now does not go on; what is new in a line ends nothing.
#[test]
fn heads_stay_true() {
    let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 19";
    let out = redacted(&(part(head, "4111 1111 1111 1111") + "--XyZ--"));
    assert!(!out.contains("Content-Length") && out.contains("name=\"a\"\r\n\r\n"), "{out}");
    let head = "Content-Type: multipart/mixed; boundary=4111111111111111";
    assert_eq!(refused(KIND, part(head, "").as_bytes()), BodyErrorKind::MediaType);
}
