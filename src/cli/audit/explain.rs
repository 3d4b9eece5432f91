//! `audit explain`: a request's id in, what became of it in plain words out.

use std::fmt;
use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use super::{Place, read, records};
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
    if text("kind") == Some("session_open") {
        return tell(out, format_args!("A WebSocket connection was opened (record {seq}, {}).", or("ts", "?")));
    }
    if text("kind") == Some("admin") {
        let (ws, why) = (or("ws", "every workspace"), or("why", "no reason was given"));
        return tell(out, format_args!("{} in {ws} (record {seq}, {}): {why}.", or("act", "?"), or("ts", "?")));
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
