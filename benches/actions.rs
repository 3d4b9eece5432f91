//! What each action adds: to an event of a model's streamed answer, and to a request. `cargo bench --bench actions`.
//!
//! One thread, the body layer as the proxy runs it, the default packs with one action for every rule, in the chat corpus
//! (a value in about every two kilobytes). Events are deltas of three characters, pushed one by one and flushed; a request
//! is a chat of 16 KiB in JSON, read whole. `nothing` has no rule. Tokens are minted in requests and opened in answers:
//! `restore` is an answer whose text has the tokens of its request, under rules that do nothing else. `quarantine` holds its
//! request in the directory store, sealed and synced, before its time ends. Each figure is the best of several rounds, as
//! other programs only ever add time; what one action adds is its difference to `observe`, what rules cost that of
//! `observe` to `nothing`.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench may stop, measures time, and says what it found"
)]

mod corpus;

use std::sync::Arc;
use std::time::{Duration, Instant};

use blackbar::body::{
    Beside, BodyInspector, BodyLimits, BodySpec, Dialect, Direction, Edits, MediaType, Restore, Scopes,
};
use blackbar::engine::token::Seal;
use blackbar::engine::{Action, ActionTable, HashKey, RuleSet, TokenMap, TokenSpec};
use blackbar::policy::{self, HeldStore, QuarantineSettings};
use blackbar::quarantine::Quarantine;
use blackbar::quarantine::item::{Facts, VERSION};
use corpus::SEED;
use zeroize::Zeroizing;

/// Bytes of an answer's text and of a request's.
const ANSWER: usize = 64 << 10;
const REQUEST: usize = 16 << 10;
const ROUNDS: usize = 5;
/// Requests of a round, and held ones.
const REQUESTS: usize = 200;
const HELD: usize = 50;

#[derive(Clone, Copy)]
enum Tokens {
    Placeholders,
    Sealed,
    StandIns,
}

/// What is measured, and how it is called.
struct Case {
    name: &'static str,
    action: Option<Action>,
    tokens: Option<Tokens>,
    /// Whether answers have tokens that are opened.
    restores: bool,
    held: bool,
}

fn cases() -> Vec<Case> {
    let plain = |name, action| Case { name, action: Some(action), tokens: None, restores: false, held: false };
    let minted = |name, action, tokens| Case { tokens: Some(tokens), ..plain(name, action) };
    vec![
        Case { action: None, ..plain("nothing", Action::Off) },
        plain("observe", Action::Observe),
        plain("redact", Action::Redact),
        plain("mask", Action::Mask),
        plain("keep-last-4", Action::KeepLast4),
        plain("mask-domain", Action::MaskDomain),
        plain("remove", Action::Remove),
        plain("replace", Action::Replace("(gone)".into())),
        plain("hash", Action::Hash),
        minted("tokenize, placeholders", Action::Tokenize, Tokens::Placeholders),
        minted("tokenize, sealed", Action::Tokenize, Tokens::Sealed),
        minted("stand-in", Action::StandIn, Tokens::StandIns),
        plain("neutralize", Action::Neutralize),
        plain("block, to the refusal", Action::Block),
        Case { held: true, ..plain("quarantine, a directory", Action::Quarantine) },
        Case { restores: true, ..minted("restore, placeholders", Action::Tokenize, Tokens::Placeholders) },
        Case { restores: true, ..minted("restore, sealed", Action::Tokenize, Tokens::Sealed) },
        Case { restores: true, ..minted("restore, stand-ins", Action::StandIn, Tokens::StandIns) },
    ]
}

/// What holds in each direction for one exchange.
struct Exchange {
    request: Arc<Scopes>,
    response: Arc<Scopes>,
}

impl Exchange {
    fn new(rules: &Arc<RuleSet>, case: &Case) -> Self {
        let empty = Arc::new(RuleSet::build(Vec::new()).unwrap());
        let rules = if case.action.is_some() { rules } else { &empty };
        let key = HashKey::new([7; 32]);
        let scopes = |action: Action| Scopes {
            rules: Arc::clone(rules),
            actions: Arc::new(ActionTable::new(vec![action; rules.rules().len()], Some(key.clone()))),
            paths: Vec::new(),
            tools: None,
            restore: None,
        };
        let action = case.action.clone().unwrap_or(Action::Off);
        let answers = if case.restores { Action::Off } else { action.clone() };
        let (request, response) = (scopes(action), scopes(answers));
        let Some(kind) = case.tokens else {
            return Self { request: Arc::new(request), response: Arc::new(response) };
        };
        let entities: Vec<_> = rules.rules().iter().map(|rule| rule.entity.clone()).collect();
        let seal = matches!(kind, Tokens::Sealed).then(|| Seal::new(&key, entities.clone()).unwrap());
        let spec = TokenSpec { key, workspace: "acme".into(), entities: Some(entities), seal };
        let map = TokenMap::new(Arc::new(spec), None, true);
        let map = Arc::new(if matches!(kind, Tokens::StandIns) { map.with_stand_ins() } else { map });
        let restore = case.restores.then(|| Arc::new(Restore::default()));
        Self {
            request: Arc::new(request.in_exchange(&map, true, None)),
            response: Arc::new(response.in_exchange(&map, false, restore)),
        }
    }
}

fn inspector(kind: &str, dialect: Dialect, direction: Direction, scopes: &Arc<Scopes>) -> BodyInspector {
    BodyInspector::new(BodySpec {
        media_type: MediaType::parse(kind.as_bytes()),
        codings: Vec::new(),
        dialect,
        direction,
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

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn request(text: &str) -> String {
    format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":{}}}]}}", quoted(text))
}

/// The events of an answer with this text.
fn events(dialect: Dialect, text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let event = |delta: &[char]| {
        let delta = quoted(&delta.iter().collect::<String>());
        if dialect == Dialect::Anthropic {
            return format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":{delta}}}}}\n\n"
            );
        }
        format!(
            "data: {{\"id\":\"chatcmpl-BcVr3XwZ\",\"object\":\"chat.completion.chunk\",\"created\":1763690000,\"model\":\"gpt-5\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{delta}}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        )
    };
    letters.chunks(3).map(event).collect()
}

/// What times come to: the middle one, and the one that a hundredth is above.
#[derive(Clone, Copy)]
struct Spread {
    p50: Duration,
    p99: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        Self { p50: at(50), p99: at(99) }
    }

    fn best(one: Option<Self>, other: Self) -> Self {
        one.map_or(other, |one| Self { p50: one.p50.min(other.p50), p99: one.p99.min(other.p99) })
    }

    fn shown(self, unit: f64) -> String {
        let number = |time: Duration| time.as_secs_f64() * unit;
        format!("{:>8.1} {:>8.1}", number(self.p50), number(self.p99))
    }
}

/// The text that an upstream has of a request, so that a model may repeat it.
fn sent(exchange: &Exchange, body: &str) -> String {
    let mut out = Vec::new();
    let mut inspector = inspector("application/json", Dialect::OpenAi, Direction::Request, &exchange.request);
    inspector.push(body.as_bytes(), &mut out).unwrap();
    inspector.finish(&mut out).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&out).unwrap();
    sent["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn per_event(rules: &Arc<RuleSet>, case: &Case, dialect: Dialect, text: &str) -> Spread {
    let exchange = Exchange::new(rules, case);
    let text = if case.restores { sent(&exchange, &request(text)) } else { text.to_owned() };
    let events = events(dialect, &text);
    let begin = || inspector("text/event-stream", dialect, Direction::Response, &exchange.response);
    let (mut times, mut out) = (Vec::with_capacity(events.len()), Vec::new());
    let mut inspector = begin();
    for event in &events {
        out.clear();
        let start = Instant::now();
        let pushed = inspector.push(event.as_bytes(), &mut out).and_then(|()| inspector.flush(&mut out));
        times.push(start.elapsed());
        if pushed.is_err() {
            // What blocks ends its stream; another one goes on from there.
            inspector = begin();
        }
    }
    Spread::of(times)
}

fn per_request(rules: &Arc<RuleSet>, case: &Case, body: &str, store: &Arc<Quarantine>) -> Spread {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let count = if case.held { HELD } else { REQUESTS };
    let times = (0..count).map(|_| {
        let exchange = Exchange::new(rules, case);
        let mut out = Vec::with_capacity(body.len() * 2);
        let start = Instant::now();
        let mut inspector = inspector("application/json", Dialect::OpenAi, Direction::Request, &exchange.request);
        let pushed = inspector.push(body.as_bytes(), &mut out).and_then(|()| inspector.finish(&mut out));
        assert_eq!(pushed.is_err(), case.action == Some(Action::Block));
        if case.held {
            let content = Zeroizing::new(body.as_bytes().to_vec());
            runtime.block_on(store.hold(facts(body.len()), content)).unwrap();
        }
        start.elapsed()
    });
    Spread::of(times.collect())
}

fn facts(length: usize) -> Facts {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Facts {
        v: VERSION,
        id: format!("{:032x}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
        time: 1,
        expires: u64::MAX,
        workspace: "acme".to_owned(),
        route: "openai".to_owned(),
        method: "POST".to_owned(),
        request_id: "0".repeat(32),
        policy: "0".repeat(64),
        address: "127.0.0.1".to_owned(),
        sender: vec!["uri:spiffe://acme.example/agent".to_owned()],
        certificate: None,
        length: length as u64,
        findings: Vec::new(),
        answer: false,
    }
}

fn main() {
    let rules = policy::load_rules(None).unwrap().rules;
    let folder = tempfile::tempdir().unwrap();
    let settings = QuarantineSettings {
        store: HeldStore::Directory(folder.path().join("held")),
        key: Zeroizing::new([9; 32]),
        ttl: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
        max_items: 1 << 20,
        max_bytes: 1 << 40,
        workspace_items: 1 << 20,
        workspace_bytes: 1 << 40,
        max_records: 1 << 20,
        webhook: None,
    };
    let store = Quarantine::open(&settings, None).unwrap();
    let (answer, asked) = (corpus::chat(ANSWER, SEED).text, request(&corpus::chat(REQUEST, SEED).text));
    println!(
        "{} rules; events in deltas of three characters, microseconds; requests of 16 KiB, milliseconds",
        rules.rules().len()
    );
    println!("{:<26}{:>18}{:>20}{:>20}", "", "chat event", "messages event", "request");
    println!("{:<26}{:>9}{:>9}  {:>9}{:>9}  {:>9}{:>9}", "", "p50", "p99", "p50", "p99", "p50", "p99");
    for case in cases() {
        let (mut chat, mut messages, mut whole) = (None, None, None);
        for _ in 0..ROUNDS {
            if !case.held {
                chat = Some(Spread::best(chat, per_event(&rules, &case, Dialect::OpenAi, &answer)));
                messages = Some(Spread::best(messages, per_event(&rules, &case, Dialect::Anthropic, &answer)));
            }
            if !case.restores {
                whole = Some(Spread::best(whole, per_request(&rules, &case, &asked, &store)));
            }
        }
        let shown =
            |spread: Option<Spread>, unit| spread.map_or(format!("{:>8} {:>8}", "-", "-"), |spread| spread.shown(unit));
        println!("{:<26} {}   {}   {}", case.name, shown(chat, 1e6), shown(messages, 1e6), shown(whole, 1e3));
    }
}
