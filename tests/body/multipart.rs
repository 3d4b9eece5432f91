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

/// Each value is changed where it stands: what keeps parameters apart stays, and so does the form of each (RFC 2183, RFC 8187).
#[test]
fn parameters_of_heads_stay_parameters() {
    let disposition = "Content-Disposition: form-data; name=\"a\"; ";
    for (head, expected) in [
        (
            "Content-Disposition: form-data; name=\"jane@example.com\"; filename=\"bob@example.com\"".to_owned(),
            "Content-Disposition: form-data; name=\"jane@***\"; filename=\"bob@***\"".to_owned(),
        ),
        (
            format!("{disposition}filename=\"say \\\"jane@example.com\\\" \\\\ x.txt\""),
            format!("{disposition}filename=\"say \\\"jane@***\\\" \\\\ x.txt\""),
        ),
        (
            format!("{disposition}filename*=UTF-8''jane%40example.com%20%C3%A9.txt"),
            format!("{disposition}filename*=UTF-8''jane%40%2A%2A%2A%20%C3%A9.txt"),
        ),
        (format!("{disposition}filename=jane@example.com;x=y"), format!("{disposition}filename=\"jane@***\";x=y")),
        (
            format!("{disposition}filename=x\r\nX-Note: \"a\" jane@example.com \"b\""),
            format!("{disposition}filename=x\r\nX-Note: \"a\" jane@*** \"b\""),
        ),
    ] {
        let body = part(&head, "hello") + "--XyZ--";
        assert_eq!(String::from_utf8(at_any_chunking(body.as_bytes())).unwrap(), part(&expected, "hello") + "--XyZ--");
    }
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
/// Each of these is read by some of the usual readers; none of them is a type that is missing.
#[test]
fn types_are_read_as_leniently_as_their_readers_do() {
    let inside = "--Y\r\nContent-Transfer-Encoding: base64\r\n\r\nNDExMSAxMTEx\r\nIDExMTEgMTExMQ==\r\n--Y--\r\n";
    for kind in ["boundary=Y", "boundary = Y", "boundary=Y; charset", "boundary=Y; a=b c", "charset=; boundary=\"Y\""] {
        let kind = format!("multipart/mixed; {kind}");
        let (out, end) = outcome(inspector(&kind, &[]), inside.as_bytes());
        let out = String::from_utf8(out).unwrap();
        assert!(end == Ok(()) && !out.contains("NDExMSAxMTEx"), "{kind} {end:?} {out}");
        let out = redacted(&(part(&format!("Content-Type: {kind}"), inside) + "--XyZ--"));
        assert!(!out.contains("NDExMSAxMTEx"), "{kind} {out}");
    }
    for (kind, fault) in [
        ("multipart/mixed; boundary=Y,Z", BodyErrorKind::MediaType),
        ("multipart/mixed; boundary=Y Z", BodyErrorKind::MediaType),
        ("multipart/mixed; boundary=; boundary=Y", BodyErrorKind::MediaType),
        ("multipart", BodyErrorKind::MediaType),
        ("text/plain; charset = utf-7", BodyErrorKind::Charset),
    ] {
        assert_eq!(refused(kind, inside.as_bytes()), fault, "{kind}");
        let body = part(&format!("Content-Type: {kind}"), inside) + "--XyZ--";
        assert_eq!(refused(KIND, body.as_bytes()), fault, "{kind}");
    }
}

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
    for head in [
        "--XyZ\r\nA: b\r\n--XyZ\r\nC: d\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nA: b\nC: d\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nA: b\rC: d\r\n\r\nx\r\n--XyZ--",
    ] {
        assert_eq!(refused(KIND, head.as_bytes()), BodyErrorKind::MediaType, "{head}");
    }
    let lines = format!("--XyZ\r\n{}\r\n", "a: b\r\n".repeat(100));
    assert_eq!(refused(KIND, lines.as_bytes()), BodyErrorKind::MediaType);
    let body = field("a", "x\r\n--XyZ--y") + "--XyZ--";
    assert_eq!(redacted(&body), body);
}

/// What a head says of bytes that may be others now does not go on; what is new in a line ends nothing.
/// Names reach their values over the lines of a head and in the spelling of RFC 2231.
#[test]
fn names_are_read_as_readers_of_mail_do() {
    for head in [
        "Content-Disposition: form-data; name=\"password\"",
        "Content-Disposition: form-data;\r\n name=\"password\"",
        "Content-Disposition:\r\n\tform-data; x=y;\r\n\tname=password",
        "Content-Disposition: form-data; name*=UTF-8''p%61ssword",
        "Content-Disposition: form-data; name*0=pass; name*1=word",
        "Content-Disposition: form-data; name*0*=utf-8'en'pass; name*1*=w%6Frd; name=password",
    ] {
        let body = part(head, "tiger; 4711") + "--XyZ--\r\n";
        let wanted = part(head, "[SECRET]") + "--XyZ--\r\n";
        assert_eq!(String::from_utf8(at_any_chunking(body.as_bytes())).unwrap(), wanted);
    }
    let head = "Content-Type:\r\n application/json\r\nContent-Transfer-Encoding:\r\n base64\r\nContent-Length:\r\n 2";
    let body = part(head, &base64(br#"{"card":"\u0034111111111111111"}"#, 76, "\r\n")) + "--XyZ--";
    let out = redacted(&body);
    assert!(
        out.starts_with("--XyZ\r\nContent-Type:\r\n application/json\r\nContent-Transfer-Encoding:\r\n base64\r\n\r\n"),
        "{out}"
    );
    assert!(out.contains(&base64(br#"{"card":"************1111"}"#, 76, "\r\n")), "{out}");
}

/// What readers of mail put together is looked at together, over sections and lines.
#[test]
fn a_value_in_sections_or_on_several_lines_is_one_value() {
    for (head, wanted) in [
        (
            "Content-Disposition: form-data; name=a; filename*0=\"of 4111 1111 \"; filename*1=\"1111 1111.txt\"",
            "Content-Disposition: form-data; name=a; filename*0=\"of **** **** **** 1111\"; filename*1=\".txt\"",
        ),
        (
            "Content-Disposition: form-data; name=a;\r\n filename*0=\"of 4111 1111 \";\r\n filename*1=\"1111 1111.txt\"",
            "Content-Disposition: form-data; name=a; filename*0=\"of **** **** **** 1111\"; filename*1=\".txt\"",
        ),
        ("X-Note: of 4111 1111\r\n 1111 1111", "X-Note: of **** **** **** 1111"),
    ] {
        let body = part(head, "x") + "--XyZ--\r\n";
        assert_eq!(redacted(&body), part(wanted, "x") + "--XyZ--\r\n");
    }
}

/// Of two that differ one reader takes the one and one the other.
#[test]
fn heads_that_say_two_things_are_refused() {
    for head in [
        "Content-Disposition: form-data; name=a; name=password",
        "Content-Disposition: form-data; name=a; name*=UTF-8''password",
        "Content-Disposition: form-data; name=password\r\nContent-Disposition: form-data; name=a",
        "Content-Type: text/plain\r\nContent-Type: application/json",
        " name: folded\r\nA: b",
        "Content-Type: multipart/mixed; boundary=a; boundary=b",
        "Content-Type: multipart/mixed; boundary*0=a; boundary=a",
        "Content-Disposition: form-data; name*1=word; name*0=pass",
        "Content-Disposition: form-data; filename*1=\"1111 1111\"; filename*0=\"4111 1111 \"",
    ] {
        let body = part(head, "--a\r\n\r\nx\r\n--a--") + "--XyZ--\r\n";
        assert_eq!(refused(KIND, body.as_bytes()), BodyErrorKind::MediaType, "{head}");
    }
    let same = part("Content-Type: text/plain\r\nContent-Type:\r\n text/plain", "x") + "--XyZ--\r\n";
    assert_eq!(redacted(&same), same);
    assert_eq!(refused("multipart/form-data; boundary=a; boundary=XyZ", same.as_bytes()), BodyErrorKind::MediaType);
}

#[test]
fn heads_stay_true() {
    let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 19";
    let out = redacted(&(part(head, "4111 1111 1111 1111") + "--XyZ--"));
    assert!(!out.contains("Content-Length") && out.contains("name=\"a\"\r\n\r\n"), "{out}");
    let head = "Content-Type: multipart/mixed; boundary=4111111111111111";
    assert_eq!(refused(KIND, part(head, "").as_bytes()), BodyErrorKind::MediaType);
}

/// What leaves when it comes whole, which every split in two and byte for byte must give.
fn at_any_chunking(body: &[u8]) -> Vec<u8> {
    let run = |pieces: &[&[u8]]| {
        let (mut inspector, mut out) = (inspector(KIND, &[]), Vec::new());
        pieces.iter().for_each(|piece| inspector.push(piece, &mut out).unwrap());
        inspector.finish(&mut out).unwrap();
        out
    };
    let whole = run(&[body]);
    for at in 0..=body.len() {
        let (left, right) = body.split_at(at);
        assert_eq!(run(&[left, right]), whole, "at {at}");
    }
    assert_eq!(run(&body.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

fn base64(text: &[u8], line: usize, end: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut all = Vec::new();
    for group in text.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        all.extend(
            (0..4).map(|at| if at > group.len() { b'=' } else { LETTERS[(bits >> (18 - 6 * at) & 63) as usize] }),
        );
    }
    let lines: Vec<_> = all.chunks(line).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    lines.join(end)
}

const ENCODED: &str =
    "Content-Disposition: form-data; name=\"f\"\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: ";

#[test]
fn parts_in_base64_are_opened_and_encoded_again() {
    let text = br#"{"note": "some words before it, so that more than one line is there", "mail": "jane@example.com", "password": "tiger, lily & 47 <x>"}"#;
    let new = br#"{"note": "some words before it, so that more than one line is there", "mail": "jane@***", "password": "[SECRET]"}"#;
    for (line, end) in [(76, "\r\n"), (60, "\n"), (64, "\r\n"), (10_000, "")] {
        let body = |text: &[u8]| part(&format!("{ENCODED}Base64"), &base64(text, line, end)) + "--XyZ--\r\n";
        let out = at_any_chunking(body(text).as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), body(new), "{line}");
        // What no finding touches stays as it came, however its lines are.
        let plain = body(&text[..70]).replacen("ey", "e\r\ny", 1);
        let plain = plain.replace("application/json", "text/plain");
        assert_eq!(at_any_chunking(plain.as_bytes()), plain.as_bytes());
    }
    let card = base64(b"number 4111 1111 1111 1111", 76, "");
    for kind in ["", "; charset=utf-8"] {
        let head = format!("Content-Type: text/plain{kind}\r\ncontent-transfer-encoding: BASE64");
        let out = redacted(&(part(&head, &card) + "--XyZ--"));
        assert!(out.contains(&base64(b"number **** **** **** 1111", 76, "")), "{out}");
    }
}

#[test]
fn parts_in_quoted_printable_are_opened_and_encoded_again() {
    let part = |text: &str| {
        part(&format!("{ENCODED}quoted-printable").replace("application/json", "text/plain"), text) + "--XyZ--\r\n"
    };
    for (text, new) in [
        ("caf=C3=A9 4111 11=\r\n11 1111 1=31=311 =3D ok=20\r\nx", "caf=C3=A9 **** **=\r\n** **** 1111 =3D ok=20\r\nx"),
        ("mail jane=40exa=6Dple.com now", "mail jane=40*** now"),
        ("caf=C3=A9 =\r\nline = 5 =3d \r\n", "caf=C3=A9 =\r\nline = 5 =3d \r\n"),
        ("=", "="),
    ] {
        let out = String::from_utf8(at_any_chunking(part(text).as_bytes())).unwrap();
        let opened = |text: &str| text.replace("=\r\n", "").replace("=31", "1");
        assert_eq!(opened(&out), opened(&part(new)), "{out}");
        assert_eq!(out == part(text), text == new);
    }
}

#[test]
fn transfer_encodings_that_readers_take_otherwise_are_refused() {
    for (encoding, body) in [
        ("x-uuencode", "begin"),
        ("base64 (x)", "aGVsbG8="),
        ("base64\r\nContent-Transfer-Encoding: 8bit", "aGVsbG8="),
        ("base64", "aGVs!bG8="),
        ("base64", "aGVsbG8=aGVsbG8="),
        ("base64", "aGVs_bG8"),
        ("quoted-printable", "4111=\rz\r\n1111=\rz\r\n1111=\rz\r\n1111"),
    ] {
        let body = part(&format!("Content-Transfer-Encoding: {encoding}"), body) + "--XyZ--";
        assert_eq!(refused(KIND, body.as_bytes()), BodyErrorKind::MediaType, "{encoding}");
    }
}
