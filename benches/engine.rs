//! The engine alone: redacted bytes written, one thread. `cargo bench --bench engine`.
//!
//! The seeded corpora of `benches/corpus/` with the eleven rules, pushed in pieces of several sizes, and a copy of the
//! same bytes, so that figures can be given as ratios. Without a filter it prints as well how long small pushes take
//! and how much of the text they leave undecided. `benches/peers` is where Blackbar stands beside other engines.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench may stop, and says what it found"
)]

mod corpus;
mod eleven;

use blackbar::engine::{Output, StreamRedactor};
use corpus::SEED;
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        latency();
    }
    divan::main();
}

const SIZE: usize = 4 << 20;

#[derive(Clone, Copy, Debug)]
enum Corpus {
    Chat,
    Clean,
    Logs,
    NearMisses,
}

const ALL: [Corpus; 4] = [Corpus::Chat, Corpus::Clean, Corpus::Logs, Corpus::NearMisses];

fn text(kind: Corpus, size: usize) -> Vec<u8> {
    let corpus = match kind {
        Corpus::Chat => corpus::chat(size, SEED),
        Corpus::Clean => corpus::clean(size, SEED),
        Corpus::Logs => corpus::logs(size, SEED),
        Corpus::NearMisses => corpus::adversarial(size, SEED),
    };
    corpus.text.into_bytes()
}

fn redactor() -> StreamRedactor {
    eleven::redactor(eleven::eleven()).unwrap()
}

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
    let text = text(kind, SIZE);
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
    let text = text(kind, SIZE);
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        for piece in text.chunks(64 << 10) {
            out.clear();
            out.extend_from_slice(divan::black_box(piece));
        }
    });
}

/// Small pushes, as a model streams: how long each takes, what it leaves held, and after how many further bytes a byte
/// is out.
fn latency() {
    println!("pushes, p50 / p99 / most  | time of a push, ns    | bytes held after it  | bytes until a byte is out");
    for kind in ALL {
        let text = text(kind, 1 << 20);
        for size in [4, 20, 200] {
            let (times, held, waits) = pushes(&text, size);
            let columns = [times, held, waits].map(|values| {
                let [half, most_pushes, most] = percentiles(values);
                format!("{half:>6} / {most_pushes:>5} / {most:>6}")
            });
            println!("{:<12} {size:>4} bytes   | {}", format!("{kind:?}"), columns.join(" | "));
        }
    }
    println!();
}

/// Nanoseconds and held bytes of each push, and for each byte how many more had come when it was out.
fn pushes(text: &[u8], size: usize) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let mut redactor = redactor();
    let mut out = Output::default();
    let (mut times, mut held, mut waits) = (Vec::new(), Vec::new(), Vec::with_capacity(text.len()));
    let mut pushed = 0;
    for piece in text.chunks(size) {
        out.clear();
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let begun = std::time::Instant::now();
        redactor.push(piece, &mut out).unwrap();
        times.push(usize::try_from(begun.elapsed().as_nanos()).unwrap());
        held.push(redactor.held());
        pushed += piece.len();
        let decided = pushed - redactor.held();
        waits.extend((waits.len()..decided).map(|place| pushed - 1 - place));
    }
    (times, held, waits)
}

fn percentiles(mut values: Vec<usize>) -> [usize; 3] {
    values.sort_unstable();
    let at = |part: usize| values[(values.len() - 1) * part / 100];
    [at(50), at(99), at(100)]
}
