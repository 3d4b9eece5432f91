//! Ollama's records.

use super::{
    PROSE, Sums, assert_any_chunking, assert_clean, assert_cuts_show_nothing, fragments, json, quote, redacted,
    run_series, scopes,
};
use crate::body::series::Series;
use crate::body::{BodyErrorKind, BodyLimits, Dialect};

const HEAD: &str = r#""model":"llama3.2","created_at":"2026-01-01T00:00:00.0Z""#;

fn chat(message: &str, done: &str) -> String {
    format!("{{{HEAD},\"message\":{{\"role\":\"assistant\",{message}}},\"done\":{done}}}\n")
}

fn generate(members: &str, done: &str) -> String {
    format!("{{{HEAD},{members},\"done\":{done}}}\n")
}

/// Thinking, a call and a text; the last record has no text, or the end of it.
fn chat_answer(len: usize, text_at_end: bool) -> String {
    let mut body = String::new();
    let parts = fragments(PROSE, len);
    for part in &parts {
        body += &chat(&format!("\"content\":\"\",\"thinking\":{}", quote(part)), "false");
    }
    body += &chat(
        "\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"pay\",\"arguments\":{\"card\":\"4111 1111 1111 1111\",\"n\":4111111111111111}}}]",
        "false",
    );
    let (end, before) = parts.split_last().expect("a text");
    before.iter().for_each(|part| body += &chat(&format!("\"content\":{}", quote(part)), "false"));
    let stats = "true,\"done_reason\":\"stop\",\"total_duration\":123456,\"eval_count\":9";
    if text_at_end {
        body + &chat(&format!("\"content\":{}", quote(end)), stats)
    } else {
        body + &chat(&format!("\"content\":{}", quote(end)), "false") + &chat("\"content\":\"\"", stats)
    }
}

fn generate_answer(len: usize) -> String {
    let mut body = String::new();
    for part in fragments(PROSE, len) {
        body += &generate(&format!("\"response\":\"\",\"thinking\":{}", quote(&part)), "false");
    }
    for part in fragments(PROSE, len) {
        body += &generate(&format!("\"response\":{}", quote(&part)), "false");
    }
    body + &generate("\"response\":\"\"", "true,\"context\":[128006,9125,128007,4111]")
}

fn run(body: &str) -> String {
    let (outs, _) = run_series(Dialect::Ollama, [body.as_bytes()]).expect("passes");
    String::from_utf8(outs.concat()).expect("UTF-8")
}

/// What a reader adds up. Panics where anything follows the last record, or a record is not on a line of its own.
fn sums(body: &str) -> Sums {
    let mut sums = Sums::new();
    let mut done = false;
    for line in body.lines() {
        assert!(!done, "a record after the last: {line}");
        let record = json(line);
        assert_eq!(record["model"], "llama3.2");
        assert!(record["created_at"].is_string());
        for (name, text) in [
            ("content", &record["message"]["content"]),
            ("message.thinking", &record["message"]["thinking"]),
            ("response", &record["response"]),
            ("thinking", &record["thinking"]),
        ] {
            if let Some(text) = text.as_str() {
                sums.entry(name.to_owned()).or_default().push_str(text);
            }
        }
        done = record["done"].as_bool().expect("done");
    }
    sums
}

#[test]
fn every_text_adds_up_to_its_redaction_in_every_fragment_size() {
    let prose = redacted(PROSE, false);
    for len in 1..=9 {
        for text_at_end in [false, true] {
            let out = run(&chat_answer(len, text_at_end));
            assert_clean(&out);
            let sums = sums(&out);
            assert_eq!((&sums["content"], &sums["message.thinking"]), (&prose, &prose), "fragments of {len}");
        }
        let out = run(&generate_answer(len));
        assert_clean(&out);
        let sums = sums(&out);
        assert_eq!((&sums["response"], &sums["thinking"]), (&prose, &prose), "fragments of {len}");
        assert!(out.ends_with("\"done\":true,\"context\":null}\n"), "{out}");
    }
}

#[test]
fn any_chunking_gives_the_same_bytes_and_a_cut_shows_nothing_held() {
    for body in [chat_answer(3, true), chat_answer(4, false), generate_answer(4).replace('\n', "\r\n")] {
        let whole = run(&body);
        assert_any_chunking(&body, &whole, |parts| {
            run_series(Dialect::Ollama, parts.iter().copied()).expect("passes").0
        });
        assert_cuts_show_nothing(&body, &whole, || {
            Box::new(Series::new(scopes(), &BodyLimits::default(), Dialect::Ollama))
        });
        let cut = run_series(Dialect::Ollama, [&body.as_bytes()[..body.len() - 5]]);
        assert_eq!(cut.map(drop), Err(BodyErrorKind::Truncated));
    }
}

#[test]
fn the_last_record_keeps_its_place_and_its_line_end() {
    for ending in ["\n", "\r\n", ""] {
        let first = generate("\"response\":\"pay 4111 1111 1111 1111\"", "false");
        let last = generate("\"response\":\"\"", "true");
        let out = run(&format!("{}{ending}{}{ending}", first.trim_end(), last.trim_end()));
        assert!(out.ends_with(&format!("{}{ending}", last.trim_end())), "{out}");
        let text = generate("\"response\":\" 1111.\"", "true");
        let first = generate("\"response\":\"pay 4111 1111 1111\"", "false");
        assert_eq!(sums(&run(&(first + &text)))["response"], "pay **** **** **** 1111.");
    }
}

#[test]
fn what_is_held_never_leaves_before_an_error_or_without_a_last_record() {
    let (open, left) =
        (generate("\"response\":\"pay 4111 1111 1111 111\"", "false"), generate("\"response\":\"pay \"", "false"));
    let error = "{\"error\":\"busy\"}\n";
    assert_eq!(run(&(open.clone() + error)), left.clone() + error);
    let last = generate("\"response\":\"\"", "true");
    assert_eq!(run(&(open.clone() + error + &last)), left.clone() + error + &last);
    for open in [open.as_str(), open.trim_end()] {
        let mut series = Series::new(scopes(), &BodyLimits::default(), Dialect::Ollama);
        let (mut out, mut seen) = (Vec::new(), crate::body::Inspection::default());
        crate::body::Transform::push(&mut series, open.as_bytes(), &mut out, &mut seen).expect("passes");
        let end = crate::body::Transform::finish(&mut series, &mut out, &mut seen).map_err(|error| error.kind);
        assert_eq!(end, Err(BodyErrorKind::Truncated));
        assert_eq!(String::from_utf8(out).expect("UTF-8").trim_end(), left.trim_end());
    }
}

#[test]
fn what_no_finding_touches_leaves_byte_for_byte() {
    let body = generate("\"response\":\"Nothing to see. \"", "false")
        + "\r\n \n"
        + &generate(" \"response\" : \"Thank you. \"", "true , \"context\" : [ 1,2 ]");
    assert_eq!(run(&body), body);
    let error = "{\"error\":\"model jane@example.com not found\"}";
    assert_eq!(run(error), "{\"error\":\"model jane@*** not found\"}");
    let new = chat("\"content\":\"\",\"reasoning\":\"my 4111 1111\"", "false")
        + &chat("\"content\":\"\",\"reasoning\":\" 1111 1111\"", "false")
        + &chat("\"content\":\"\"", "true");
    let words: String =
        run(&new).lines().filter_map(|line| Some(json(line)["message"]["reasoning"].as_str()?.to_owned())).collect();
    assert_eq!(words, "my **** **** **** 1111");
}

#[test]
fn what_is_not_json_is_refused() {
    for body in ["{\"model\":\"m\",}\n", "{} x\n", "x", "{}\n]", "[1,]", "[{}{}]", "[,{}]", "{]\n", "[DONE]"] {
        assert_eq!(run_series(Dialect::Ollama, [body.as_bytes()]).map(drop), Err(BodyErrorKind::JsonSyntax), "{body}");
    }
    for body in ["{\"model\":\"m", "[{}", "[{},", "["] {
        assert_eq!(run_series(Dialect::Ollama, [body.as_bytes()]).map(drop), Err(BodyErrorKind::Truncated), "{body}");
    }
    let limits = BodyLimits { sse_event: 8, ..BodyLimits::default() };
    let push = |body: &[u8]| {
        let mut series = Series::new(scopes(), &limits, Dialect::Ollama);
        crate::body::Transform::push(&mut series, body, &mut Vec::new(), &mut crate::body::Inspection::default())
    };
    assert_eq!(push(b"{\"a\":12}\n{\"a\":12}\n"), Ok(()));
    assert_eq!(push(b"{\"a\":123}\n").map_err(|error| error.kind), Err(BodyErrorKind::TooLarge));
}

#[test]
fn what_is_not_held_leaves_with_its_own_bytes() {
    let words = ["one ", "two ", "three "].map(|word| generate(&format!("\"response\":\"{word}\""), "false"));
    let parts: Vec<&[u8]> = [words[0].trim_end(), "\n", &words[1], &words[2], "\n"].map(str::as_bytes).into();
    let (outs, _) = run_series(Dialect::Ollama, parts.iter().copied()).expect("passes");
    outs.iter().zip(&parts).for_each(|(out, part)| assert_eq!(out, part));
}

/// The line end that a record of our own has is the body's, wherever the body is cut: also between CR and LF.
#[test]
fn line_ends_are_the_bodys_at_every_cut() {
    for between in ["\r\n", "\n\r\n", "\r\n\n"] {
        let text = generate("\"response\":\"4111 1111\"", "false");
        let last = generate("\"response\":\"\"", "true");
        let body = [text.trim_end(), between, last.trim_end(), between].concat();
        let (outs, _) = run_series(Dialect::Ollama, [body.as_bytes()]).expect("passes");
        let whole = String::from_utf8(outs.concat()).expect("UTF-8");
        let own = text.trim_end().to_owned() + if between.ends_with("\r\n") { "\r\n" } else { "\n" };
        assert!(whole.ends_with(&(own + last.trim_end() + between)), "{whole:?}");
        assert_any_chunking(&body, &whole, |parts| {
            run_series(Dialect::Ollama, parts.iter().copied()).expect("passes").0
        });
    }
}
