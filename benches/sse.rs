//! A model's streamed answer through the body layer: events a second on one thread. `cargo bench --bench sse`.
//!
//! Prose in deltas of three characters (about those of a tokenizer), each event pushed by itself and flushed as the proxy
//! does, with no rule, with the eleven rules of the engine's bench, and with the default packs; and the same bytes copied.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, reason = "a bench may stop")]

mod corpus;
mod eleven;

use std::sync::Arc;

use blackbar::body::{Beside, BodyInspector, BodyLimits, BodySpec, Dialect, Direction, Edits, MediaType, Scopes};
use blackbar::engine::{Action, ActionTable, RuleSet, RuleSpec};
use blackbar::policy;
use corpus::SEED;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Bytes of the answer's text.
const SIZE: usize = 64 << 10;

#[derive(Clone, Copy, Debug)]
enum Rules {
    None,
    Eleven,
    Default,
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Chat,
    Responses,
    Messages,
}

fn scopes(rules: Rules) -> Arc<Scopes> {
    let of = |specs: Vec<RuleSpec>| {
        let actions = ActionTable::new(vec![Action::Redact; specs.len()], None);
        Arc::new(Scopes {
            rules: Arc::new(RuleSet::build(specs).unwrap()),
            actions: Arc::new(actions),
            paths: Vec::new(),
            tools: None,
            restore: None,
        })
    };
    match rules {
        Rules::None => of(Vec::new()),
        Rules::Eleven => of(eleven::eleven()),
        Rules::Default => Arc::clone(policy::load_rules(None).unwrap().scopes(Direction::Response)),
    }
}

fn inspector(scopes: &Arc<Scopes>) -> BodyInspector {
    BodyInspector::new(BodySpec {
        media_type: MediaType::parse(b"text/event-stream"),
        codings: Vec::new(),
        dialect: Dialect::Plain,
        direction: Direction::Response,
        scopes: Arc::clone(scopes),
        limits: BodyLimits::default(),
        on_fault_pass: false,
        opaque: Arc::default(),
        edits: Edits::default(),
        batch: None,
        keep_dropped: false,
        beside: Beside::Nothing,
    })
    .unwrap()
}

/// The events of an answer.
fn events(protocol: Protocol) -> Vec<String> {
    let text = corpus::clean(SIZE, SEED).text;
    let letters: Vec<char> = text.chars().collect();
    let deltas =
        letters.chunks(3).map(|delta| delta.iter().collect::<String>().replace(['"', '\\', '\n', '\r', '\t'], " "));
    let event = |(at, delta): (usize, String)| match protocol {
        Protocol::Chat => format!(
            "data: {{\"id\":\"chatcmpl-BcVr3XwZ\",\"object\":\"chat.completion.chunk\",\"created\":1763690000,\"model\":\"gpt-5\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{delta}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        ),
        Protocol::Responses => format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{at},\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"{delta}\",\"logprobs\":[]}}\n\n"
        ),
        Protocol::Messages => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{delta}\"}}}}\n\n"
        ),
    };
    deltas.enumerate().map(event).collect()
}

#[divan::bench(args = [Rules::None, Rules::Eleven, Rules::Default], sample_count = 20)]
fn chat(bencher: Bencher, rules: Rules) {
    stream(bencher, Protocol::Chat, rules);
}

#[divan::bench(args = [Rules::None, Rules::Eleven, Rules::Default], sample_count = 20)]
fn responses(bencher: Bencher, rules: Rules) {
    stream(bencher, Protocol::Responses, rules);
}

#[divan::bench(args = [Rules::None, Rules::Eleven, Rules::Default], sample_count = 20)]
fn messages(bencher: Bencher, rules: Rules) {
    stream(bencher, Protocol::Messages, rules);
}

#[divan::bench(sample_count = 20)]
fn copy(bencher: Bencher) {
    let events = events(Protocol::Chat);
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| {
        let mut out = Vec::new();
        for event in &events {
            out.clear();
            out.extend_from_slice(divan::black_box(event.as_bytes()));
            divan::black_box(&out);
        }
    });
}

fn stream(bencher: Bencher, protocol: Protocol, rules: Rules) {
    let (scopes, events) = (scopes(rules), events(protocol));
    bencher.counter(ItemsCount::new(events.len())).with_inputs(|| inspector(&scopes)).bench_local_values(
        |mut inspector| {
            let mut out = Vec::new();
            for event in &events {
                out.clear();
                inspector.push(event.as_bytes(), &mut out).unwrap();
                inspector.flush(&mut out).unwrap();
                divan::black_box(&out);
            }
        },
    );
}
