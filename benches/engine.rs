//! The engine alone: redacted bytes written, one thread. `cargo bench --bench engine`.
//!
//! Four seeded corpora: chat bodies (a value in every two kilobytes), clean prose, logs (values in every line), and
//! near misses. Beside them a copy of the same bytes, so that figures can be given as ratios.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, reason = "a bench may stop")]

use std::sync::Arc;

use blackbar::engine::{
    Action, ActionTable, Detector, EntityType, Output, Pattern, RuleId, RuleSet, RuleSpec, StreamRedactor,
};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

const SIZE: usize = 4 << 20;

const WORDS: &[&str] = &[
    "please", "look", "at", "the", "order", "that", "our", "customer", "sent", "last", "week", "and", "tell", "me",
    "whether", "it", "was", "shipped", "with", "second", "invoice", "or", "not", "because", "they", "asked", "again",
];

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % below
    }
}

#[derive(Clone, Copy, Debug)]
enum Corpus {
    Chat,
    Clean,
    Logs,
    NearMisses,
}

fn corpus(kind: Corpus) -> Vec<u8> {
    let mut random = Random(20_261_121);
    let values = ["4111 1111 1111 1111", "078-05-1120", "(212) 555-0123", "jane@example.com", "AKIAQQQQQQQQQQQQQQQQ"];
    let mut text = String::new();
    while text.len() < SIZE {
        match kind {
            Corpus::Chat | Corpus::Clean => {
                text.push_str(WORDS[random.next(WORDS.len())]);
                text.push_str(if random.next(12) == 0 { ". " } else { " " });
                if matches!(kind, Corpus::Chat) && random.next(360) == 0 {
                    text.push_str(values[random.next(values.len())]);
                    text.push(' ');
                }
            }
            Corpus::Logs => {
                let number = random.next(1 << 30);
                text.push_str(&format!(
                    "2026-11-21T10:32:{:02}.{:03}Z INFO req={number:08x} user={} status=200 took={}us bytes={}\n",
                    number % 60,
                    number % 1000,
                    values[random.next(values.len())],
                    number % 100_000,
                    number
                ));
            }
            Corpus::NearMisses => text.push_str(
                ["4111 1111 1111 1112 ", "000-12-3456 ", "x@y ", "sk-", "eyJ", "212-155-0123 ", "AKIA", "+210 "]
                    [random.next(8)],
            ),
        }
    }
    text.into_bytes()
}

fn redactor() -> StreamRedactor {
    let spec = |id: &str, pattern| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new("X"),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let regex = |id, pattern: &str| spec(id, Pattern::Regex { pattern: pattern.to_owned(), max_len: Some(4096) });
    let mut specs: Vec<_> =
        Detector::ALL.iter().map(|(name, detector)| spec(name, Pattern::Detector(*detector))).collect();
    specs.push(regex("aws", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"));
    specs.push(regex("sk", r"\bsk-(?:proj-|svcacct-|ant-api03-)?[A-Za-z0-9_-]{20,}"));
    specs.push(regex("ghp", r"\bgh[pousr]_[A-Za-z0-9]{36}\b"));
    specs.push(regex("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"));
    let actions = vec![Action::Redact; specs.len()];
    let rules = Arc::new(RuleSet::build(specs).unwrap());
    StreamRedactor::new(rules, Arc::new(ActionTable::new(actions, None)))
}

const ALL: [Corpus; 4] = [Corpus::Chat, Corpus::Clean, Corpus::Logs, Corpus::NearMisses];

#[divan::bench(args = ALL)]
fn redact_64_kib(bencher: Bencher, kind: Corpus) {
    push_by(bencher, kind, 64 << 10);
}

#[divan::bench(args = ALL)]
fn redact_4_kib(bencher: Bencher, kind: Corpus) {
    push_by(bencher, kind, 4 << 10);
}

#[divan::bench(args = ALL)]
fn redact_3_bytes(bencher: Bencher, kind: Corpus) {
    push_by(bencher, kind, 3);
}

fn push_by(bencher: Bencher, kind: Corpus, size: usize) {
    let text = corpus(kind);
    let mut redactor = redactor();
    let mut out = Output::default();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        for piece in text.chunks(size) {
            out.clear();
            redactor.push(piece, &mut out).unwrap();
        }
        out.clear();
        redactor.finish(&mut out).unwrap();
    });
}

#[divan::bench(args = ALL)]
fn copy(bencher: Bencher, kind: Corpus) {
    let text = corpus(kind);
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        for piece in text.chunks(64 << 10) {
            out.clear();
            out.extend_from_slice(divan::black_box(piece));
        }
    });
}
