//! The bodies that `fuzz/` runs under libFuzzer, run as plain tests: a seeded set of inputs, each a seed that is changed at
//! random. An input that once broke a promise is among the seeds, or is a test of its own.

#[path = "../../support/inputs.rs"]
mod inputs;
mod syslog;

use self::inputs::Inputs;

/// Pieces that streams are made of: framing, headers of both kinds, structured data, CEF, LEEF and JSON, and values.
const PARTS: &[&str] = &[
    "\n",
    "\r\n",
    " ",
    "5 ",
    "12 ",
    "40 ",
    "0 ",
    "007 ",
    "161 ",
    "99999999999 ",
    "<34>",
    "<13>",
    "<165>1 ",
    "<999>",
    "2026-10-11T22:14:15.003Z ",
    "Oct 11 22:14:15 ",
    "host app 111 ID47 ",
    "- ",
    "-",
    "[a k=\"",
    "\\\"",
    "\"]",
    "][",
    "su[9]: ",
    "\u{feff}",
    "CEF:0|V|P|1|9|",
    "CEF:1|",
    "|5|",
    "msg=",
    "src=",
    "\\=",
    "\\|",
    "LEEF:2.0|V|P|1|E|",
    "^|",
    "x09|",
    "\t",
    "{\"a\":\"",
    "\\u0043",
    "\"}",
    "[1,",
    "\0",
    "CARD-1234",
    "CARD-",
    "GONE-1234",
    "LONG-1234",
    "STOP-1234",
    "1234",
    "text",
];

/// Choices and a stream of known pieces, half of them with true counts.
fn begin(inputs: &mut Inputs) -> Vec<u8> {
    let mut input: Vec<u8> = (0..3).map(|_| inputs.byte()).collect();
    let counted = inputs.below(2) == 0;
    for _ in 0..1 + inputs.below(4) {
        let message: String = (0..inputs.below(12)).map(|_| inputs.one_of(PARTS)).collect();
        if counted {
            input.extend_from_slice(format!("{} ", message.len()).as_bytes());
        }
        input.extend_from_slice(message.as_bytes());
        if !counted {
            input.push(b'\n');
        }
    }
    input
}

#[test]
fn streams_of_syslog() {
    let dear: Vec<_> = PARTS.iter().map(|part| part.as_bytes()).collect();
    inputs::run(31, 5_000, begin, &dear, syslog::syslog);
}

#[test]
fn short_inputs() {
    inputs::run_short(12, syslog::syslog);
}
