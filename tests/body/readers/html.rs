//! HTML beside `html5ever` (the HTML standard, section 13.2).

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use super::{Choices, FILLERS, VALUES, run};

/// Every element with its attributes, every text and comment, in order.
fn read(body: &[u8]) -> Vec<String> {
    let document = parse_document(RcDom::default(), ParseOpts::default()).from_utf8().one(body).document;
    let mut seen = Vec::new();
    collect(&document, &mut seen);
    seen
}

fn collect(node: &Handle, seen: &mut Vec<String>) {
    match &node.data {
        NodeData::Element { name, attrs, .. } => {
            let attributes = attrs.borrow();
            let attributes = attributes.iter().map(|one| format!(" {}={:?}", one.name.local, one.value));
            seen.push(format!("<{}{}>", name.local, attributes.collect::<String>()));
        }
        NodeData::Text { contents } => seen.push(contents.borrow().to_string()),
        NodeData::Comment { contents } => seen.push(format!("<!--{contents}-->")),
        _ => {}
    }
    node.children.borrow().iter().for_each(|child| collect(child, seen));
}

/// Text as a writer may write it: the characters that mark up are references, others now and then.
fn escaped(choices: &mut Choices, text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '"' => escaped.push_str("&quot;"),
            '>' | '\'' | '4' | '@' if choices.below(3) == 0 => escaped.push_str(&format!("&#{};", character as u32)),
            other => escaped.push(other),
        }
    }
    escaped
}

fn elements(choices: &mut Choices, plant: bool, depth: usize, (body, wanted): (&mut String, &mut String)) {
    for _ in 0..1 + choices.below(3) {
        let (text, read) = choices.text(FILLERS, plant);
        let (given, read) = (escaped(choices, &text), escaped(choices, &read));
        match choices.below(5) {
            0 if depth < 4 => {
                let name = choices.one_of(&["div", "section", "ul", "blockquote"]);
                for text in [&mut *body, &mut *wanted] {
                    text.push_str(&format!("<{name} class=c>\n"));
                }
                elements(choices, plant, depth + 1, (&mut *body, &mut *wanted));
                for text in [&mut *body, &mut *wanted] {
                    text.push_str(&format!("</{name}>"));
                }
            }
            1 => {
                body.push_str(&format!("<img alt=\"{given}\"/>"));
                wanted.push_str(&format!("<img alt=\"{read}\"/>"));
            }
            2 => {
                body.push_str(&format!("<!-- {} -->", text.replace("--", "- -").replace('>', " ")));
                let comment = VALUES.iter().fold(text, |text, (value, read)| text.replace(value, read));
                wanted.push_str(&format!("<!-- {} -->", comment.replace("--", "- -").replace('>', " ")));
            }
            _ => {
                body.push_str(&format!("<p title='t'>{given}</p>"));
                wanted.push_str(&format!("<p title='t'>{read}</p>"));
            }
        }
    }
}

#[test]
fn html() {
    run(55, 400, |choices, plant| {
        let (mut body, mut wanted) = (String::from("<!DOCTYPE html><html><body>"), String::new());
        wanted.push_str(&body);
        elements(choices, plant, 0, (&mut body, &mut wanted));
        let out = choices.redacted("text/html; charset=utf-8", body.as_bytes());
        assert_eq!(read(&out), read(wanted.as_bytes()), "{body}");
        assert!(plant || out == body.as_bytes());
    });
}
