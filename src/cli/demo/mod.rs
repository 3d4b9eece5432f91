//! The main job on one machine, with nothing else installed: planted values in, a picture and a verdict out.
//!
//! A throw-away authority, a model provider and a log sink are made; the proxy is put in front of them over real
//! sockets, with client certificates. A streamed chat and a log batch go through. Everything that the upstreams read
//! and that came back is kept as raw bytes and searched for the planted values.

mod client;
mod picture;
mod stage;
mod upstream;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::client::Reply;
use self::picture::{Ink, Picture};
use self::stage::{Stage, fault};
use super::{Code, Failure, complain};

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar demo --keep

Exit codes: 0 nothing planted got through, 1 something did, 2 the demo could not run.")]
pub(super) struct DemoArguments {
    /// Go on running afterwards, and print a curl line to try
    #[arg(long)]
    keep: bool,
}

/// What a client sends, and what the model adds of its own. Values for tests, of nobody; in parts, so that a scanner of
/// this source does not take the key for a leak.
pub(super) struct Planted {
    /// In the chat's request.
    pub(super) asked: [(&'static str, String); 5],
    /// In the model's answer.
    pub(super) answered: [(&'static str, String); 3],
    /// In the log batch.
    pub(super) logged: [(&'static str, String); 5],
}

impl Planted {
    fn new() -> Self {
        let own = |kind: &'static str, value: &str| (kind, value.to_owned());
        Self {
            asked: [
                own("card", "4111 1111 1111 1111"),
                own("social security number", "078-05-1120"),
                own("phone", "(212) 555-0123"),
                own("e-mail", "jane@example.com"),
                ("key", ["sk", "live", "EXAMPLEkeyEXAMPLEkeyEXAMPLE"].join("_")),
            ],
            answered: [
                own("card", "5555 5555 5555 4444"),
                own("e-mail", "john.doe@example.org"),
                own("phone", "+1 646-555-0199"),
            ],
            logged: [
                own("card", "378282246310005"),
                own("social security number", "219-09-9999"),
                own("phone", "415.555.0134"),
                own("e-mail", "ops@example.net"),
                ("key", ["ghp", "EXAMPLEkeyEXAMPLEkeyEXAMPLEkeyEXAMPL"].join("_")),
            ],
        }
    }

    /// What the user writes.
    pub(super) fn question(&self) -> String {
        let [card, ssn, phone, mail, key] = &self.asked;
        format!(
            "Hi, I am Jane. My card {} was charged twice. My SSN is {}, call me at {} or write to {}. The payment key \
             is {}. What now?",
            card.1, ssn.1, phone.1, mail.1, key.1
        )
    }

    /// What the model says after it has repeated the question.
    pub(super) fn addition(&self) -> String {
        let [card, mail, phone] = &self.answered;
        format!("We also have card {} on file, for {}, phone {}. One charge is refunded.", card.1, mail.1, phone.1)
    }

    /// The log lines.
    pub(super) fn batch(&self) -> String {
        let [card, ssn, phone, mail, key] = &self.logged;
        let lines = [
            format!("login ok user={} phone={}", mail.1, phone.1),
            format!("payment card={} amount=12.50 order=83920174", card.1),
            format!("kyc check ssn={} result=pass", ssn.1),
            format!("deploy started with token {}", key.1),
            "GET /healthz 200 in 3 ms".to_owned(),
        ];
        let events = lines.iter().zip(1_700_000_000_u64..).map(|(line, time)| {
            serde_json::json!({ "time": time, "sourcetype": "app", "event": line }).to_string() + "\n"
        });
        events.collect()
    }

    /// Every value.
    fn all(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.asked.iter().chain(&self.answered).chain(&self.logged)
    }
}

/// Runs `demo`.
pub(super) fn run(arguments: &DemoArguments) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(fault)?;
    let code = runtime.block_on(show(arguments.keep));
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

/// What a run brought.
struct Run {
    chat: Reply,
    direct: Reply,
    batch: Reply,
}

async fn show(keep: bool) -> Result<Code, Failure> {
    let planted = Planted::new();
    let stage = Stage::set(&planted).await?;
    // The first of all is slower than those after it, whoever sends it.
    stage.chat_directly(&planted).await?;
    let run = Run {
        // The same chat past the proxy, to a provider of its own, tells what time the proxy adds.
        direct: stage.chat_directly(&planted).await?,
        chat: stage.chat(&planted).await?,
        batch: stage.send_batch(&planted).await?,
    };
    for (what, reply) in [("chat", &run.chat), ("log batch", &run.batch)] {
        if reply.status != 200 {
            return Err(Failure::failed(format!("the {what} was answered with status {}", reply.status)));
        }
    }
    let mut leaks = leaks(&stage, &planted, &run);
    leaks.extend(changes(&stage, &planted, &run)?);
    let ink = if io::stdout().is_terminal() { Ink::Colours } else { Ink::Plain };
    let text = draw(&stage, &planted, &run, &leaks, ink)?;
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::io("stdout", &error))?;
    leaks.iter().for_each(|leak| complain(leak));
    let code = if leaks.is_empty() { Code::Fine } else { Code::Refused };
    if keep {
        stage.invite()?;
        let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
        // Whoever stops it, the directory with its keys goes.
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.map_err(fault)?,
            _ = terminate.recv() => {}
        }
    }
    stage.strike().await;
    Ok(code)
}

/// Every planted value that got through, by its kind and where it was seen; never the value.
fn leaks(stage: &Stage, planted: &Planted, run: &Run) -> Vec<String> {
    let places = [
        ("the provider", stage.provider_seen()),
        ("the sink", stage.sink_seen()),
        ("the client's answer", run.chat.everything()),
    ];
    let mut leaks = Vec::new();
    for (place, seen) in &places {
        for (kind, value) in planted.all() {
            if seen.iter().any(|bytes| contains(bytes, value)) {
                leaks.push(format!("demo: a planted {kind} reached {place}"));
            }
        }
    }
    leaks
}

/// What was changed although no value stood there.
fn changes(stage: &Stage, planted: &Planted, run: &Run) -> Result<Vec<String>, Failure> {
    let question = received(stage)?;
    let answer = upstream::answer_to(&question, &planted.addition());
    let texts = [
        ("the chat", planted.question(), question),
        ("the answer", answer, run.chat.content()),
        ("the log batch", planted.batch(), stage.sink_body()),
    ];
    let values: Vec<&str> = planted.all().map(|(_, value)| value.as_str()).collect();
    let changed = texts.iter().filter(|(_, before, after)| !kept(before, after, &values));
    Ok(changed.map(|(what, _, _)| format!("demo: {what} was changed where nothing was planted")).collect())
}

/// Whether `after` is `before` with something in place of each value, and nothing else.
fn kept(before: &str, after: &str, values: &[&str]) -> bool {
    let (mut before, mut after, mut begun) = (before, after, false);
    loop {
        let next = values.iter().filter_map(|value| before.find(value).map(|at| (at, value.len()))).min();
        let Some((at, length)) = next else { return if begun { after.ends_with(before) } else { after == before } };
        let Some((between, rest)) = before.split_at_checked(at) else { return false };
        let Some(place) = after.find(between).filter(|place| begun || *place == 0) else { return false };
        begun = true;
        after = after.get(place + at..).unwrap_or_default();
        before = rest.get(length..).unwrap_or_default();
    }
}

/// The question as the provider received it.
fn received(stage: &Stage) -> Result<String, Failure> {
    upstream::question_in(&stage.provider_body()).ok_or_else(|| fault("the provider received no question"))
}

/// Whether the value stands in the bytes, as it is or by its letters and digits alone.
fn contains(bytes: &[u8], value: &str) -> bool {
    let bare = |bytes: &[u8]| bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect::<Vec<u8>>();
    let find = |hay: &[u8], needle: &[u8]| memchr::memmem::find(hay, needle).is_some();
    find(bytes, value.as_bytes()) || find(&bare(bytes), &bare(value.as_bytes()))
}

fn draw(stage: &Stage, planted: &Planted, run: &Run, leaks: &[String], ink: Ink) -> Result<String, Failure> {
    let values: Vec<&str> = planted.all().map(|(_, value)| value.as_str()).collect();
    let mut picture = Picture::new(ink, &values);
    picture.title("Blackbar, in front of a model provider and a log sink, over mTLS on this machine");
    picture.text(
        "A client with a certificate streams a chat and sends a log batch. Its values are planted: a card, a social \
         security number, a phone, an e-mail address, a key. The provider repeats what it was sent, adds values of its \
         own, and streams it all in pieces of 3 characters, so that every value is split.",
    );
    picture.heading("1  A chat, streamed");
    let question = received(stage)?;
    picture.columns(&[
        ("CLIENT SENT", &planted.question()),
        ("PROVIDER RECEIVED", &question),
        ("CLIENT GOT BACK", &run.chat.content()),
    ]);
    picture.heading("2  A log batch, gzip");
    picture.columns(&[("CLIENT SENT", &events(&planted.batch())), ("SINK RECEIVED", &events(&stage.sink_body()))]);
    picture.heading("3  Findings");
    picture.table(&["RULE", "ENTITY", "ACTION", "REQUESTS", "RESPONSES"], &stage.findings());
    picture.heading("4  Time, from the provider's write to the client's read of each event");
    picture.table(&["", "P50", "P99"], &times(run));
    let places = "provider, sink or client";
    let count = values.len();
    if leaks.is_empty() {
        picture.verdict(true, &format!("{count} values were planted; none reached {places}. Nothing else changed."));
    } else {
        picture.verdict(false, &format!("{} things are not as they must be; stderr says which.", leaks.len()));
    }
    Ok(picture.finish())
}

/// The events of a batch, one a line.
fn events(batch: &str) -> String {
    let texts = batch.lines().map(|line| match serde_json::from_str::<serde_json::Value>(line) {
        Ok(event) => event.get("event").and_then(serde_json::Value::as_str).unwrap_or(line).to_owned(),
        Err(_) => line.to_owned(),
    });
    texts.collect::<Vec<String>>().join("\n")
}

fn times(run: &Run) -> Vec<Vec<String>> {
    let (direct, through) = (run.direct.delays(), run.chat.delays());
    let row = |name: &str, p50: Duration, p99: Duration| {
        let told = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
        vec![name.to_owned(), told(p50), told(p99)]
    };
    let at = |delays: &[Duration], percent: usize| {
        let index = (delays.len() * percent).div_ceil(100).saturating_sub(1);
        delays.get(index).copied().unwrap_or_default()
    };
    let [fast, slow] = [50, 99].map(|percent| (at(&direct, percent), at(&through, percent)));
    vec![
        row("without Blackbar", fast.0, slow.0),
        row("through Blackbar", fast.1, slow.1),
        row("added", fast.1.saturating_sub(fast.0), slow.1.saturating_sub(slow.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_they_are_written() {
        assert!(contains(b"{\"a\":\"4111 1111 1111 1111\"}", "4111 1111 1111 1111"));
        assert!(contains(b"4111-1111-1111-1111", "4111 1111 1111 1111"));
        assert!(!contains(b"**** **** **** 1111", "4111 1111 1111 1111"));
    }

    #[test]
    fn changes_elsewhere_are_seen() {
        let values = ["4111", "jane"];
        assert!(kept("a 4111 b jane c", "a **** b [X] c", &values));
        assert!(kept("nothing", "nothing", &values));
        assert!(kept("4111", "****", &values));
        for after in ["x a **** b [X] c", "a **** B [X] c", "a **** b [X] C", "", "a ****"] {
            assert!(!kept("a 4111 b jane c", after, &values), "{after}");
        }
    }

    #[test]
    fn every_planted_value_is_sent() {
        let planted = Planted::new();
        let sent = [planted.question(), planted.addition(), planted.batch()].concat();
        for (kind, value) in planted.all() {
            assert!(sent.contains(value), "{kind}");
        }
    }
}
