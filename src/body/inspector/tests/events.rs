//! Bodies that are an event stream, or JSON, to some reader whatever they are called and whatever stands before it.

use super::*;

/// What readers of event streams skip before the first line of data.
#[test]
fn a_models_events_are_joined_whatever_stands_before_them_and_whatever_they_are_called() {
    let stream = deltas("badge EMP-123456 and 4111 1111 1111 1111 end");
    let many = "\n".repeat(5000);
    let prefixes = [
        "",
        "\n",
        "\r\n\r\n",
        "\r",
        &many,
        ":\n\n",
        ":ok\n\n",
        ": ok\n\n",
        "x: 1\n\n",
        "x\n\n",
        "retry: 5\n\n",
        "id\n",
        "event: x\nid: 7\n",
        "\u{feff}\n",
        "\u{feff}:\n",
        "{x\n\n",
        "{}\n\n",
        "[INFO] x\n",
        "<p>x</p>\n",
        "a,b\n",
        "data\n\n",
        "data\n",
        "data: x\n\n",
        "dat\n",
        "\u{e9}\u{2028}x\r\n",
    ];
    for media_type in [
        "text/plain",
        "",
        "application/octet-stream",
        "text/event-stream",
        "text/html",
        "text/csv",
        "text/xml",
        "text/yaml",
        "application/x-www-form-urlencoded",
        "text/plain; charset=iso-8859-1",
    ] {
        for prefix in prefixes {
            let body = format!("{prefix}{stream}");
            let spec = answer(media_type, &[]);
            let chunks = [body.len(), 7, 1];
            for size in chunks {
                let done = run_in(&spec, body.as_bytes().chunks(size));
                let case = format!("{media_type} {:?} by {size}", prefix.get(..20).unwrap_or(prefix));
                if done.end.is_ok() {
                    assert_eq!(contents(&done.text()), "badge [EMPLOYEE] and **** **** **** 1111 end", "{case}");
                } else {
                    // A line that some readers take for a model's event ends what is called events.
                    assert_eq!(done.end, Err(BodyErrorKind::FrameSyntax), "{case}");
                    assert!(
                        media_type == "text/event-stream" || prefix.starts_with('{') || prefix.starts_with('['),
                        "{case}"
                    );
                    assert_eq!(contents(&done.text()), "", "{case}");
                }
            }
        }
    }
}

/// Programs, tables and pages have lines that begin so.
#[test]
fn lines_of_data_that_begin_no_event_are_text() {
    for lines in
        ["  data: {\n    id: 1\n", "data: {\n", "data: [x],y\n", "data: [int] = []\n", "data: {}\n", "\tdata: [1, 2]\n"]
    {
        let body = format!("badge EMP-123456\n{lines}the end\n");
        for media_type in ["text/plain", "text/html", "text/csv", "application/octet-stream", ""] {
            for size in [body.len(), 7, 1] {
                let done = run_in(&answer(media_type, &[]), body.as_bytes().chunks(size));
                let wanted = (Ok(()), body.replace("EMP-123456", "[EMPLOYEE]"));
                assert_eq!((done.end.clone(), done.text()), wanted, "{media_type} {lines:?} by {size}");
            }
        }
    }
}

#[test]
fn lines_that_only_some_readers_take_for_data_refuse_a_models_answer() {
    let stream = deltas("badge EMP-123456 end");
    for line in [
        " data: {\"a\":1}\n\n",
        "\u{feff}data: {\"a\":1}\n\n",
        "\u{a0}data: {\"a\":1}\n\n",
        ": x\u{b}data: {\"a\":1}\n\n",
        "id: x\u{2028}data: {\"a\":1}\n\n",
    ] {
        for media_type in ["text/event-stream", "text/plain"] {
            for body in [format!("x: 1\n{line}{stream}"), format!("{stream}{line}")] {
                let done = run(&answer(media_type, &[]), body.as_bytes());
                assert_eq!(done.end, Err(BodyErrorKind::FrameSyntax), "{media_type} {line:?}");
            }
        }
        let done = run(&BodySpec { dialect: Dialect::Plain, ..answer("text/event-stream", &[]) }, line.as_bytes());
        assert_eq!((done.end.clone(), done.text().as_str()), (Ok(()), line));
    }
    // JSON that only trimming readers find, and an answer in parts.
    let trimmed = stream.replacen("data: ", "data:\u{a0}", 1);
    assert_eq!(run(&answer("text/event-stream", &[]), trimmed.as_bytes()).end, Err(BodyErrorKind::JsonSyntax));
    let parts = format!("--b\r\n\r\nx\r\n{stream}\r\n--b--\r\n");
    assert_eq!(run(&answer("multipart/mixed; boundary=b", &[]), parts.as_bytes()).end, Err(BodyErrorKind::FrameSyntax));
}

#[test]
fn a_models_answer_that_is_text_stays_text() {
    for text in [
        "a\ndata: 4 of EMP-123456",
        "the data: {EMP-123456}\n1\n00:01 --> 00:02\ndata: x",
        "a\ndata: ",
        "EMP-123456\ndat",
    ] {
        let done = run(&answer("text/plain", &[]), text.as_bytes());
        assert_eq!((done.end.clone(), done.text()), (Ok(()), text.replace("EMP-123456", "[EMPLOYEE]")), "{text}");
    }
}

/// Readers of JSON skip what stands before it, whatever it is called.
#[test]
fn json_that_is_called_an_event_stream_is_read_as_json() {
    let json = "{\"a\":\"badge EMP\\u002d123456\"}";
    let clean = "{\"a\":\"badge [EMPLOYEE]\"}";
    for (media_type, blanks) in [
        ("text/event-stream", 9),
        ("text/plain", 9),
        ("", 9),
        ("text/event-stream", 5000),
        ("text/plain", 5000),
        ("", 5000),
    ] {
        for mark in ["", "\u{feff}"] {
            for before in ["\n", "\r\n", " ", "\t\n "] {
                let before = before.repeat(blanks / before.len());
                let body = format!("{mark}{before}{json}");
                for direction in [Direction::Request, Direction::Response] {
                    for dialect in [Dialect::Plain, Dialect::OpenAi] {
                        let spec = BodySpec { dialect, direction, ..spec(media_type, &[]) };
                        for size in [body.len(), 1000, 1] {
                            let done = run_in(&spec, body.as_bytes().chunks(size));
                            let case = format!("{media_type} {mark:?} {before:.9?} {direction:?} {dialect:?} {size}");
                            assert_eq!(
                                (done.end.clone(), done.text()),
                                (Ok(()), format!("{mark}{before}{clean}")),
                                "{case}"
                            );
                        }
                    }
                }
            }
        }
    }
    // What is no JSON in the end may be events.
    let done = run(&spec("text/event-stream", &[]), b"\n{x\n\ndata: 4111 1111\ndata: 1111 1111\n\n");
    assert!(done.end.is_ok() && !done.text().contains("4111"), "{}", done.text());
}

#[test]
fn line_ends_before_an_event_stream_keep_it_alive() {
    let mut inspector = BodyInspector::new(answer("text/event-stream", &[])).unwrap();
    let mut out = Vec::new();
    for _ in 0..10_000 {
        inspector.push(b"\n", &mut out).unwrap();
    }
    assert!(out.len() >= 9_999 && inspector.held() <= 1, "{} {}", out.len(), inspector.held());
    inspector.push(b"data: EMP-123456\n\n", &mut out).unwrap();
    inspector.finish(&mut out).unwrap();
    assert_eq!(out, [b"\n".repeat(10_000), b"data: [EMPLOYEE]\n\n".to_vec()].concat());
}
