//! Streams of models and tools that end early, at each of their events: what was held never appears, and the client sees
//! that it is not the whole answer.

mod protocols;
mod realtime;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;

use crate::support::client::Answer;
use crate::support::{Client, Reply, TestProxy, Upstream};
use protocols::{Framing, PROTOCOLS, Protocol, redacted, shows};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n";

/// How a stream ends behind an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The connection closes.
    Closed,
    Reset,
    /// Nothing more comes.
    Silence,
    /// The body ends as bodies do.
    Clean,
}

async fn ask(protocol: &Protocol, mut client: Client, at: usize, end: End, count: usize) -> Answer {
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nX-End: {at} {end:?} {count}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        protocol.path,
        body.len()
    );
    client.send(head).await
}

/// So many events of the protocol that is asked for, and an end as the request says.
fn answer(head: &str, open: &Mutex<Vec<UnboundedSender<Vec<u8>>>>) -> Reply {
    let line = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("x-end: ").map(str::to_owned));
    let line = line.unwrap();
    let [at, end, count] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    let protocol = &PROTOCOLS[at.parse::<usize>().unwrap()];
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", protocol.media_type());
    let mut bytes = head.into_bytes();
    for event in protocol.events().iter().take(count.parse().unwrap()) {
        bytes.extend([format!("{:x}\r\n", event.len()).as_bytes(), event, b"\r\n"].concat());
    }
    match end {
        "closed" => Reply::Close(bytes),
        "reset" => Reply::Reset(bytes),
        "silence" => {
            let (pieces, script) = mpsc::unbounded_channel();
            pieces.send(bytes).unwrap();
            open.lock().unwrap().push(pieces);
            Reply::Pieces(script)
        }
        _ => {
            bytes.extend_from_slice(b"0\r\n\r\n");
            Reply::Bytes(bytes)
        }
    }
}

/// What the client has of a stream that ended like this behind so many events.
fn check(protocol: &Protocol, end: End, count: usize, answer: &Answer) {
    let what = format!("{} {end:?} {count}: {}", protocol.name, answer.text());
    let all = protocol.events();
    let events = protocol.read(&answer.body);
    let said = protocol.spelled(&events);
    let wanted = redacted(&protocol.text());
    assert!(wanted.starts_with(&said), "{what}");
    assert!(!events.iter().any(|event| shows(&event.to_string())), "{what}");
    // An array has no place for what is no element of it, and ends without its bracket.
    let told = protocol.framing == Framing::Array || answer.text().to_lowercase().contains("error");
    let fails = answer.status != 200 || (!answer.complete && told);
    match end {
        End::Clean if count == all.len() => assert_eq!((said, answer.complete), (wanted, true), "{what}"),
        // The end of a body that says nothing of a text's end: what was held of that is missing, and missed.
        End::Clean => {
            let came = protocol.spelled(&protocol.read(&all[..count].concat()));
            assert!(fails || said == redacted(&came), "{what}");
        }
        End::Closed | End::Reset | End::Silence => assert!(fails, "{what}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ends_early_at_any_event_is_no_whole_one_and_shows_nothing_held() {
    let open = Mutex::new(Vec::new());
    let upstream = Upstream::answering(move |received| answer(&received.head, &open)).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.upstream_idle = Duration::from_millis(100))
        .start();
    let proxy = Arc::new(proxy);
    for (at, protocol) in PROTOCOLS.iter().enumerate() {
        let mut asked = JoinSet::new();
        for end in [End::Closed, End::Reset, End::Silence, End::Clean] {
            for count in 0..=protocol.events().len() {
                let proxy = Arc::clone(&proxy);
                asked.spawn(async move {
                    let client = proxy.client().await;
                    (end, count, ask(&PROTOCOLS[at], client, at, end, count).await)
                });
            }
        }
        while let Some(answered) = asked.join_next().await {
            let (end, count, answer) = answered.unwrap();
            check(protocol, end, count, &answer);
        }
    }
}
