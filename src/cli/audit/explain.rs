//! `audit explain`: a request's id in, what became of it in plain words out.

use std::fmt;
use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use super::{Place, read, records};
use crate::audit::acts::Deed;
use crate::audit::record::spelled_out;
use crate::audit::verify::{Fault, Trust, verify};
use crate::cli::{Code, Failure, say};

/// Arguments of `audit explain`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit explain 5f0c6a9d3b1e4f708192a3b4c5d6e7f8 --dir audit

The id is the X-Request-Id of the answer.")]
pub(super) struct ExplainArguments {
    /// The request's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Place,
}

/// Runs `audit explain`.
pub(super) fn run(arguments: &ExplainArguments) -> Result<Code, Failure> {
    let mut out = io::stdout().lock();
    let directory = arguments.place.directory();
    let broken = match verify(directory, &Trust::default()) {
        Ok(_) => None,
        Err(Fault::Io(path, error)) => return Err(Failure::io(path.display(), &error)),
        Err(fault @ Fault::Broken { .. }) => Some(fault),
    };
    let mut found = false;
    for record in records(&arguments.place)? {
        let (seq, _, value) = read(record, &arguments.place)?;
        if value.get("req").and_then(Value::as_str) == Some(&arguments.id) {
            explain(seq, &value, &mut out)?;
            found = true;
        }
    }
    match broken {
        Some(fault) => Err(Failure::refused(format!("the log does not hold, and may say what nobody wrote: {fault}"))),
        None if found => Ok(Code::Fine),
        None => Err(Failure::failed("there is no record of this request")),
    }
}

/// Tells a line of what the log says: who changed it may have put in what a terminal obeys, or a line of their own.
fn tell(out: &mut dyn Write, line: fmt::Arguments<'_>) -> Result<(), Failure> {
    say(out, format_args!("{}", spelled_out(&line.to_string())))
}

fn explain(seq: u64, record: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let number = |name: &str| record.get(name).and_then(Value::as_u64);
    let or = |name: &str, other: &'static str| text(name).unwrap_or(other).to_owned();
    let about = match text("kind") {
        Some("session_open") => Some("A WebSocket connection was opened".to_owned()),
        Some("quarantine") => Some(decided(record)),
        Some("admin") => Some(done(record)),
        Some("exchange" | "syslog") => None,
        _ => Some(format!("This is of no request: {}", or("kind", "?"))),
    };
    if let Some(about) = about {
        return tell(out, format_args!("{about} (record {seq}, {}).", or("ts", "?")));
    }
    let who = record.get("actor").and_then(Value::as_array).and_then(|names| names.first()).and_then(Value::as_str);
    let workspace = text("ws").map_or("no workspace".to_owned(), |name| format!("workspace {name}"));
    let sent = match number("messages") {
        Some(messages) => format!("{messages} syslog messages"),
        None => format!("a {} request", or("method", "?")),
    };
    tell(
        out,
        format_args!(
            "At {} {} of {workspace}, from {}, sent {sent}{}.",
            or("ts", "?"),
            who.unwrap_or("a client without a certificate"),
            or("peer", "an unknown address"),
            text("route").map_or(String::new(), |route| format!(" to route {route} ({})", or("upstream", "?"))),
        ),
    )?;
    let became = match text("outcome") {
        Some("forwarded") => "It went through unchanged.".to_owned(),
        Some("redacted") => "It went through with findings redacted.".to_owned(),
        Some("blocked") => format!("It was blocked by rule {}.", or("rule", "(in a place where findings are refused)")),
        Some("held") => format!("It was held for a person as item {}.", or("item", "?")),
        Some("failed") => format!("It did not go through: {} ({}).", or("reason", "?"), or("side", "?")),
        _ => "What became of it is not known.".to_owned(),
    };
    let took = number("dur_us").unwrap_or(0) / 1000;
    if text("kind") == Some("syslog") {
        tell(out, format_args!("{became} The connection was {took} ms old."))?;
    } else {
        let status = number("status").map_or("no answer".to_owned(), |status| format!("status {status}"));
        tell(out, format_args!("{became} The client got {status}, after {took} ms."))?;
    }
    for (way, what) in [("request", "request body"), ("response", "answer's body")] {
        if let Some(receipt) = record.get(way) {
            receipt_in_words(receipt, what, out)?;
        }
    }
    for finding in record.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or("?");
        let count = finding.get("count").and_then(Value::as_u64).unwrap_or(0);
        tell(
            out,
            format_args!(
                "In the {}: {count} x {} by rule {}, action {}.",
                text("dir"),
                text("entity"),
                text("rule"),
                text("action")
            ),
        )?;
    }
    tell(out, format_args!("The rules were those of policy {}. This is record {seq} of the log.", or("policy", "?")))
}

/// What was made of a held request or answer.
fn decided(record: &Value) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let who = text("by").unwrap_or("Somebody");
    let item = format!(
        "item {} of workspace {}, held on route {}",
        text("item").unwrap_or("?"),
        text("ws").unwrap_or("?"),
        text("route").unwrap_or("?")
    );
    let status = record.get("status").and_then(Value::as_u64);
    let came = match text("outcome") {
        Some("released") => match status {
            Some(status) => format!("it was sent, and the upstream answered with status {status}"),
            None => "it was sent".to_owned(),
        },
        Some("cleared") => "it waits for whoever asked for it".to_owned(),
        Some("releasing") => "it is being sent".to_owned(),
        Some("uncertain") => "whether it has arrived is not known".to_owned(),
        Some("failed") => format!("it could not go on ({})", text("reason").unwrap_or("?")),
        Some("rejected") => "it is rejected, and its content erased".to_owned(),
        Some("expired") => "nobody decided in time, and its content is erased".to_owned(),
        Some("held") => "it waits on".to_owned(),
        _ => "what became of it is not known".to_owned(),
    };
    let why = text("why").map_or(String::new(), |why| format!(", giving as the reason: {why}"));
    match text("act") {
        Some("preview") => format!("{who} looked at {item}: {came}"),
        Some("release") => format!("{who} let {item} go on{why}: {came}"),
        Some("reject") => format!("{who} rejected {item}{why}: {came}"),
        Some("age") => format!("Time passed over {item}: {came}"),
        Some("deliver") => format!("What was asked for was to be handed over, {item}: {came}"),
        act => format!("{who} did to {item} what is not known here ({}): {came}", act.unwrap_or("?")),
    }
}

/// What somebody did who runs the service.
fn done(record: &Value) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let number = |name: &str| record.get(name).and_then(Value::as_u64);
    let count = number("count").map_or("an unknown number".to_owned(), |count| count.to_string());
    if text("act") == Some("call") {
        let name = record.get("actor").and_then(Value::as_array).and_then(|names| names.first()?.as_str());
        let who = text("by").or(name).unwrap_or("somebody unknown");
        let status = number("status").map_or(String::new(), |status| format!(" with status {status}"));
        let reason = text("reason").unwrap_or("?");
        return format!("Calls of {who} about held requests were refused{status}, {count} of them: {reason}");
    }
    let who = number("uid").map_or("The program".to_owned(), |uid| format!("User {uid}"));
    let place = text("ws").map_or("every workspace".to_owned(), |name| format!("workspace {name}"));
    let deed = Deed::ALL.into_iter().find(|deed| Some(deed.name()) == text("act"));
    let did = match deed {
        Some(Deed::Reveal) => format!("was about to open sealed tokens of {place}"),
        Some(Deed::Revealed) => format!("opened sealed tokens of {place}, {count} of them"),
        Some(Deed::DeadLetterShow) => format!("was about to open dead letters of {place}"),
        Some(Deed::Freeze) => format!("stopped {place}"),
        Some(Deed::Thaw) => format!("let {place} go on after a stop"),
        Some(Deed::Drain) => "had the proxy accept nothing more".to_owned(),
        Some(Deed::RotateKey) => "had another key sign the log".to_owned(),
        None => format!("did in {place} what is not known here ({})", text("act").unwrap_or("?")),
    };
    format!("{who} {did}; {}", text("why").map_or("no reason was given".to_owned(), |why| format!("the reason: {why}")))
}

fn receipt_in_words(receipt: &Value, what: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let number = |name: &str| receipt.get(name).and_then(Value::as_u64).unwrap_or(0);
    let mut parts = Vec::new();
    if number("scanned") > 0 || number("withheld") == 0 {
        parts.push(format!("{} scanned", number("scanned")));
    }
    for (reason, bytes) in receipt.get("unscanned").and_then(Value::as_object).into_iter().flatten() {
        parts.push(format!("{bytes} passed unscanned ({reason})"));
    }
    if number("withheld") > 0 {
        parts.push(format!("{} withheld", number("withheld")));
    }
    tell(out, format_args!("Of the {what}'s {} bytes: {}.", number("length"), parts.join(", ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use serde_json::json;

    use super::*;

    fn told(record: &Value) -> String {
        let mut out = Vec::new();
        explain(7, record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_people_did_is_told_in_sentences_of_its_own() {
        let held = |act: &str, outcome: &str, more: Value| {
            let mut record = json!({
                "kind": "quarantine", "ts": "T", "act": act, "item": "i1", "req": "r1", "ws": "acme", "route": "chat",
                "outcome": outcome,
            });
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record
        };
        let item = "item i1 of workspace acme, held on route chat";
        for (record, wanted) in [
            (held("preview", "held", json!({"by": "ada"})), format!("ada looked at {item}: it waits on")),
            (
                held("release", "released", json!({"by": "ada", "why": "a test", "status": 200})),
                format!(
                    "ada let {item} go on, giving as the reason: a test: it was sent, and the upstream answered with status 200"
                ),
            ),
            (
                held("release", "failed", json!({"by": "ada", "reason": "upstream_connect"})),
                format!("ada let {item} go on: it could not go on (upstream_connect)"),
            ),
            (
                held("release", "cleared", json!({"by": "ada"})),
                format!("ada let {item} go on: it waits for whoever asked for it"),
            ),
            (
                held("reject", "rejected", json!({"by": "ada", "why": "no"})),
                format!("ada rejected {item}, giving as the reason: no: it is rejected, and its content erased"),
            ),
            (
                held("age", "expired", json!({})),
                format!("Time passed over {item}: nobody decided in time, and its content is erased"),
            ),
            (
                held("age", "uncertain", json!({})),
                format!("Time passed over {item}: whether it has arrived is not known"),
            ),
            (
                held("deliver", "released", json!({"status": 200})),
                format!(
                    "What was asked for was to be handed over, {item}: it was sent, and the upstream answered with status 200"
                ),
            ),
            (
                held("later", "later", json!({})),
                format!("Somebody did to {item} what is not known here (later): what became of it is not known"),
            ),
            (
                json!({"kind": "admin", "ts": "T", "act": "call", "outcome": "denied", "reason": "no_token", "count": 3,
                    "status": 401, "actor": ["dns:a.example.com"]}),
                "Calls of dns:a.example.com about held requests were refused with status 401, 3 of them: no_token"
                    .to_owned(),
            ),
            (
                json!({"kind": "admin", "ts": "T", "act": "later", "uid": 4}),
                "User 4 did in every workspace what is not known here (later); no reason was given".to_owned(),
            ),
            (json!({"kind": "session_open", "ts": "T"}), "A WebSocket connection was opened".to_owned()),
            (json!({"kind": "start", "ts": "T"}), "This is of no request: start".to_owned()),
        ] {
            assert_eq!(told(&record), format!("{wanted} (record 7, T).\n"));
        }
    }

    #[test]
    fn every_deed_has_a_sentence() {
        let mut sentences: Vec<String> = Vec::new();
        for deed in Deed::ALL {
            let mut record = json!({"kind": "admin", "ts": "T", "act": deed.name(), "uid": 4, "why": "a test"});
            if !matches!(deed, Deed::Drain | Deed::RotateKey) {
                record.as_object_mut().unwrap().insert("ws".into(), json!("acme"));
            }
            let said = told(&record);
            assert!(said.starts_with("User 4 ") && said.ends_with("; the reason: a test (record 7, T).\n"), "{said}");
            assert!(!said.contains("request") && !said.contains(&format!("({})", deed.name())), "{said}");
            sentences.push(said);
        }
        sentences.dedup();
        assert_eq!(sentences.len(), Deed::ALL.len());
    }
}
