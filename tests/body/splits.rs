//! *Split* through every layer at once: TCP pieces, gzip blocks, events, JSON escapes, deltas.

use std::collections::BTreeMap;
use std::sync::Arc;

use blackbar::body::{BodyInspector, BodySpec, ContentCoding, Scopes};
use blackbar::engine::{Action, ActionTable};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::fixtures::{PLANTED, TEXT, anthropic, clean, cuts, gunzip, gzip, inspector, openai, scopes, spec, texts};

struct Case {
    name: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    coded: bool,
}

/// The text with its digits as escapes.
fn escaped() -> String {
    TEXT.chars().map(|c| if c.is_ascii_digit() { format!("\\u{:04x}", c as u32) } else { c.to_string() }).collect()
}

/// Documents that are read twice at once.
fn documents() -> [Case; 3] {
    let escaped = escaped();
    let xml = format!("<?xml version=\"1.0\"?><r><a t='{TEXT}'>{TEXT}</a><!-- {TEXT} --><b><![CDATA[{TEXT}]]></b></r>");
    let html = format!("<p title=\"{TEXT}\">{TEXT}<td>4111 <b>1111</b> 1111 1111<script>x('{TEXT}')</script>");
    let yaml = format!("note: {TEXT}\n'k': \"{escaped}\"\nlist:\n  - {TEXT} # {TEXT}\ntext: |\n  {TEXT}\n");
    [
        Case { name: "xml", kind: "application/xml", body: xml.into(), coded: false },
        Case { name: "html", kind: "text/html", body: html.into(), coded: false },
        Case { name: "yaml", kind: "application/yaml", body: yaml.into(), coded: false },
    ]
}

fn cases() -> Vec<Case> {
    let escaped = escaped();
    let document = format!("{{\"a\":[{{\"text\":\"{TEXT}\"}},\"{escaped}\",4111111111111111,{{\"{TEXT}\":null}}]}}");
    let lines = format!("{{\"event\":\"{TEXT}\",\"n\":1}}\r\n{{\"n\":4111111111111111,\"event\":\"{escaped}\"}}\n");
    let table = format!("n,\"note\"\r\n1,\"{TEXT} \"\"x\"\"\"\r\n\"{TEXT}\",2\n");
    let encoded: String = TEXT
        .bytes()
        .map(|byte| match byte {
            b' ' => String::from("+"),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect();
    let form = format!("a=1&note={encoded}&b=&c={encoded}%");
    let parts = format!(
        "--b-1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{TEXT}\r\n--b-1 \r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"a 4111111111111111.json\"\r\nContent-Type: application/octet-stream\r\n\r\n\
         {{\"a\":\"{escaped}\"}}\r\n--b-1\r\nContent-Type: multipart/mixed; boundary=\"b-2\"\r\n\r\n--b-2\r\n\r\n{TEXT}\r\n--b-\r\n\
         --b-2--\r\n--b-1--\r\n"
    );
    let mut cases = vec![
        Case { name: "parts", kind: "multipart/form-data; boundary=b-1", body: parts.into(), coded: false },
        Case { name: "text", kind: "text/plain", body: format!("{TEXT}\n{TEXT}").into(), coded: false },
        Case { name: "json", kind: "application/json", body: document.into(), coded: false },
        Case { name: "lines", kind: "application/x-ndjson", body: lines.into(), coded: false },
        Case { name: "table", kind: "text/csv", body: table.into(), coded: false },
        Case { name: "form", kind: "application/x-www-form-urlencoded", body: form.into(), coded: false },
    ];
    for size in [1, 3, 8] {
        cases.push(Case { name: "openai", kind: "text/event-stream", body: openai(TEXT, size).into(), coded: false });
        cases.push(Case {
            name: "anthropic",
            kind: "text/event-stream",
            body: anthropic(TEXT, size).into(),
            coded: false,
        });
    }
    let coded = cases.iter().map(|case| Case { body: gzip(&case.body), coded: true, ..*case }).collect::<Vec<_>>();
    cases.extend(coded);
    cases
}

fn run(case: &Case, pieces: &mut dyn Iterator<Item = &[u8]>) -> (Vec<u8>, u64) {
    let codings: &[ContentCoding] = if case.coded { &[ContentCoding::Gzip] } else { &[] };
    let mut inspector: BodyInspector = inspector(case.kind, codings);
    let mut out = Vec::new();
    for piece in pieces {
        inspector.push(piece, &mut out).unwrap();
        inspector.flush(&mut out).unwrap();
    }
    inspector.finish(&mut out).unwrap();
    let findings = inspector.inspection().findings.iter().map(|(_, _, count)| count).sum();
    (if case.coded { gunzip(&out) } else { out }, findings)
}

fn shown(case: &Case, out: &[u8]) -> String {
    if case.kind == "text/event-stream" { texts(out) } else { String::from_utf8_lossy(out).into_owned() }
}

/// Every two-piece split of every body, then 200,000 random chunkings (ten million with `BLACKBAR_LONG`).
#[test]
fn any_chunking_of_any_layer_gives_one_result() {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 10_000_000 } else { 200_000 };
    let cases = cases();
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]);
    let whole: Vec<_> = cases.iter().map(|case| run(case, &mut std::iter::once(case.body.as_slice()))).collect();
    for (case, (out, findings)) in cases.iter().zip(&whole) {
        let text = shown(case, out);
        clean(case.name, &text);
        assert!(*findings >= 5, "{}: {findings} findings", case.name);
        if case.kind != "text/event-stream" {
            // The reader's view: escapes opened.
            let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            lines.for_each(|value| clean(case.name, &value.to_string()));
        }
        assert!(PLANTED.iter().any(|value| String::from_utf8_lossy(&cases[0].body).contains(value)));
    }
    for (case, whole) in cases.iter().zip(&whole) {
        // Every place of the small bodies, every seventh of the streams: their events repeat. (Every one in the long form.)
        for cut in cuts(case.body.len(), if case.body.len() > 8_000 { 7 } else { 1 }) {
            let (first, second) = case.body.split_at(cut);
            assert_eq!(run(case, &mut [first, second].into_iter()).0, whole.0, "{} at {cut}", case.name);
        }
    }
    // Small bodies more often than large ones: the same time for each.
    let sizes: u64 = cases.iter().map(|case| 1_000_000 / case.body.len() as u64).sum();
    let mut done = 0;
    while done < count {
        for (case, whole) in cases.iter().zip(&whole) {
            let share = (1_000_000 / case.body.len() as u64 * 1_000 / sizes).max(1);
            for _ in 0..share {
                let largest = [2, 7, 50, 400][(rng.next_u32() % 4) as usize];
                let mut rest = case.body.as_slice();
                let mut pieces = std::iter::from_fn(|| {
                    let size = (1 + rng.next_u32() as usize % largest).min(rest.len());
                    let (piece, others) = rest.split_at(size);
                    rest = others;
                    (size > 0).then_some(piece)
                });
                let result = run(case, &mut pieces);
                assert_eq!(result, *whole, "{}", case.name);
                done += 1;
            }
        }
    }
}

/// What was held is let pass by the findings that it was held for: none is missing then, and none is new.
#[test]
fn what_is_approved_is_what_was_held_and_leaves_as_it_came() {
    let base = scopes();
    let all = base.rules.rules().len();
    let under = |action: Action| {
        let actions = Arc::new(ActionTable::new(vec![action; all], None));
        Arc::new(Scopes { actions, paths: Vec::new(), ..(*base).clone() })
    };
    let held = under(Action::Quarantine);
    let approved = Arc::new(held.approved(&(0..all).collect::<Vec<_>>()));
    let observed = under(Action::Observe);
    for case in cases().into_iter().chain(documents()) {
        let outcome = |scopes: &Arc<Scopes>| {
            let codings = if case.coded { vec![ContentCoding::Gzip] } else { Vec::new() };
            let spec = BodySpec { codings, scopes: Arc::clone(scopes), ..spec(case.kind) };
            let mut inspector = BodyInspector::new(spec).unwrap();
            let mut out = Vec::new();
            inspector.push(&case.body, &mut out).unwrap();
            inspector.finish(&mut out).unwrap();
            let found = inspector.inspection().findings.iter().map(|(rule, _, count)| (*rule, *count));
            (found.collect::<BTreeMap<_, _>>(), if case.coded { gunzip(&out) } else { out })
        };
        let (before, after) = (outcome(&held), outcome(&approved));
        clean(case.name, &shown(&case, &before.1));
        assert_eq!(after.0, before.0, "{}", case.name);
        // Which event carries a piece of a text may differ, what the text says does not.
        assert_eq!(shown(&case, &after.1), shown(&case, &outcome(&observed).1), "{}", case.name);
    }
}

/// Every third place is enough for what each room tests at every one; here the head, the set and the packs come to it.
#[test]
fn any_split_of_a_document_gives_one_result() {
    for case in documents() {
        let (whole, findings) = run(&case, &mut std::iter::once(case.body.as_slice()));
        clean(case.name, &shown(&case, &whole));
        assert!(findings >= 5, "{}: {findings} findings", case.name);
        for cut in cuts(case.body.len(), 3) {
            let (first, second) = case.body.split_at(cut);
            assert_eq!(run(&case, &mut [first, second].into_iter()).0, whole, "{} at {cut}", case.name);
        }
        assert_eq!(run(&case, &mut case.body.chunks(1)).0, whole, "{} byte by byte", case.name);
    }
}
