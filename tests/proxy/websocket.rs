//! WebSocket connections through the proxy: the handshake, both directions, and every way to end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::client::Client;
use crate::support::proxy::Running;
use crate::support::{TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n\n[actions]\nCREDIT_CARD = \"redact\"\n";
const BLOCKING: &str = "version = 1\npacks = [\"pci\"]\n\n[actions]\nCREDIT_CARD = \"block\"\n";
const CARD: &str = "4111 1111 1111 1111";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One connection that became a WebSocket connection, as the upstream sees it.
pub(crate) struct Peer {
    head: String,
    pub(crate) stream: TcpStream,
}

/// An upstream that agrees with these header lines, and hands its connections over.
pub(crate) async fn upstream(lines: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<Peer>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = sender.send(Peer { head: String::from_utf8(head).unwrap(), stream });
        }
    });
    (address, receiver)
}

pub(crate) const AGREED: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

fn start(upstream: SocketAddr, rules: &str) -> Running {
    TestProxy::new().workspace("acme", rules).route("/", upstream, |_| {}).start()
}

fn handshake(path: &str, lines: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{lines}\r\n"
    )
}

/// A frame; the first bits as they are.
pub(crate) fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut bytes = vec![first];
    let mask = if masked { 0x80 } else { 0 };
    if payload.len() < 126 {
        bytes.push(mask | payload.len() as u8);
    } else {
        bytes.push(mask | 126);
        bytes.extend((payload.len() as u16).to_be_bytes());
    }
    if masked {
        let key = [9, 8, 7, 6];
        bytes.extend(key);
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        bytes.extend(payload);
    }
    bytes
}

/// Reads a frame: its first byte, whether it is masked, its payload.
pub(crate) async fn read_frame(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, bool, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let second = stream.read_u8().await.ok()?;
    let length = match second & 0x7F {
        126 => usize::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()? as usize,
        short => usize::from(short),
    };
    let mut key = [0; 4];
    if second & 0x80 != 0 {
        stream.read_exact(&mut key).await.ok()?;
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some((first, second & 0x80 != 0, payload))
}

pub(crate) async fn open(proxy: &Running, peers: &mut mpsc::UnboundedReceiver<Peer>, lines: &str) -> (Client, Peer) {
    let mut client = proxy.client().await;
    client.write(handshake("/v1/realtime?model=gpt-realtime", lines)).await;
    let answer = within(client.head()).await.unwrap();
    assert_eq!(answer.status, 101, "{}", answer.head);
    assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert!(answer.header("x-request-id").is_some());
    (client, within(peers.recv()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_redacted_in_both_directions() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    let lines = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
                 Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-test\r\n";
    let (mut client, mut peer) = open(&proxy, &mut peers, lines).await;
    let head = peer.head.to_ascii_lowercase();
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"));
    assert!(head.contains("openai-insecure-api-key.sk-test") && head.contains(&KEY.to_ascii_lowercase()));
    assert!(head.starts_with("get /v1/realtime?model=gpt-realtime http/1.1"));

    // In two fragments, with a ping between them.
    let message = format!(r#"{{"type":"conversation.item.create","item":{{"content":[{{"text":"{CARD}"}}]}}}}"#);
    let (one, two) = message.as_bytes().split_at(70);
    client.write([frame(0x01, one, true), frame(0x89, b"beat", true), frame(0x80, two, true)].concat()).await;
    assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x89, true, b"beat".to_vec())));
    let wanted = message.replace(CARD, "[CREDIT_CARD]").into_bytes();
    assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x81, true, wanted)));

    let mut said = String::new();
    for letter in format!("{CARD}, thanks").chars() {
        let event = format!(
            r#"{{"type":"response.output_text.delta","response_id":"r","output_index":0,"content_index":0,"delta":"{letter}"}}"#
        );
        peer.stream.write_all(&frame(0x81, event.as_bytes(), false)).await.unwrap();
    }
    let done = r#"{"type":"response.output_text.done","response_id":"r","output_index":0,"content_index":0,"text":"4111 1111 1111 1111, thanks"}"#;
    peer.stream.write_all(&frame(0x81, done.as_bytes(), false)).await.unwrap();
    loop {
        let (first, masked, payload) = within(read_frame(&mut client.stream)).await.unwrap();
        assert_eq!((first, masked), (0x81, false));
        let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        if let Some(text) = event["text"].as_str() {
            assert_eq!(text, "[CREDIT_CARD], thanks");
            break;
        }
        said.push_str(event["delta"].as_str().unwrap());
    }
    assert_eq!(said, "[CREDIT_CARD], thanks");

    // A close goes through, and its answer back.
    client.write(frame(0x88, b"\x03\xE8bye 4111111111111111", true)).await;
    let close = within(read_frame(&mut peer.stream)).await;
    assert_eq!(close, Some((0x88, true, b"\x03\xE8bye [CREDIT_CARD]".to_vec())));
    peer.stream.write_all(&frame(0x88, b"\x03\xE8", false)).await.unwrap();
    assert_eq!(within(read_frame(&mut client.stream)).await, Some((0x88, false, b"\x03\xE8".to_vec())));
    assert_eq!(within(read_frame(&mut client.stream)).await, None);
    assert_eq!(within(read_frame(&mut peer.stream)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_blocked_never_arrives_and_both_sides_are_told() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, BLOCKING);
    let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
    client.write(frame(0x81, format!(r#"{{"instructions":"{CARD}"}}"#).as_bytes(), true)).await;
    let (_, _, error) = within(read_frame(&mut client.stream)).await.unwrap();
    let error: serde_json::Value = serde_json::from_slice(&error).unwrap();
    assert_eq!((error["type"].as_str(), error["error"]["code"].as_str()), (Some("error"), Some("policy_blocked")));
    let close = within(read_frame(&mut client.stream)).await;
    assert_eq!(close, Some((0x88, false, b"\x03\xF0policy_blocked".to_vec())), "1008");
    assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x88, true, b"\x03\xE9going away".to_vec())));
    assert_eq!(within(read_frame(&mut peer.stream)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_breaks_off_is_no_clean_end_and_what_is_held_never_comes() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
    let event =
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"4111 1111 1111 11"}"#;
    peer.stream.write_all(&frame(0x81, event.as_bytes(), false)).await.unwrap();
    let (_, _, first) = within(read_frame(&mut client.stream)).await.unwrap();
    assert!(!String::from_utf8(first).unwrap().contains("1111"));
    drop(peer);
    let mut frames = Vec::new();
    while let Some(frame) = within(read_frame(&mut client.stream)).await {
        frames.push(frame);
    }
    let (first, _, payload) = frames.pop().unwrap();
    assert_eq!((first, &payload[..2]), (0x88, &b"\x03\xF3"[..]), "1011");
    assert!(frames.iter().all(|(_, _, payload)| !String::from_utf8_lossy(payload).contains("1111")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_within_a_text_is_no_clean_end_unless_the_client_has_closed() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    for client_first in [false, true] {
        let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
        let event =
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"4111 1111 1111 111"}"#;
        peer.stream.write_all(&frame(0x81, event.as_bytes(), false)).await.unwrap();
        let (_, _, first) = within(read_frame(&mut client.stream)).await.unwrap();
        assert!(!String::from_utf8(first).unwrap().contains("1111"));
        if client_first {
            client.write(frame(0x88, b"\x03\xE8", true)).await;
            assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x88, true, b"\x03\xE8".to_vec())));
        }
        peer.stream.write_all(&frame(0x88, b"\x03\xE8", false)).await.unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = within(read_frame(&mut client.stream)).await {
            frames.push(frame);
        }
        let (first, _, payload) = frames.pop().unwrap();
        let code = if client_first { b"\x03\xE9" } else { b"\x03\xF3" };
        assert_eq!((first, &payload[..2]), (0x88, &code[..]), "1001, 1011");
        assert_eq!(frames.len(), usize::from(!client_first), "the error event");
        assert!(frames.iter().all(|(_, _, payload)| !String::from_utf8_lossy(payload).contains("1111")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_a_word_is_closed_after_total_and_sooner_while_the_proxy_drains() {
    let (address, mut peers) = upstream(AGREED).await;
    let start = |total| {
        let proxy = TestProxy::new().workspace("acme", RULES).route("/", address, |_| {});
        proxy.policy(move |policy| policy.timeouts.total = total).start()
    };
    let silent = start(Duration::from_millis(100));
    let mut draining = start(Duration::from_secs(600));
    let (mut client, mut peer) = open(&silent, &mut peers, "").await;
    let (_, _, error) = within(read_frame(&mut client.stream)).await.unwrap();
    assert!(String::from_utf8(error).unwrap().contains("\"code\":\"upstream_timeout\""));
    let close = within(read_frame(&mut client.stream)).await;
    assert_eq!(close, Some((0x88, false, b"\x03\xE9upstream_timeout".to_vec())));
    assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x88, true, b"\x03\xE9going away".to_vec())));
    let (mut client, mut peer) = open(&draining, &mut peers, "").await;
    draining.stop();
    let close = within(read_frame(&mut client.stream)).await;
    assert_eq!(close, Some((0x88, false, b"\x03\xE9going away".to_vec())));
    assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x88, true, b"\x03\xE9going away".to_vec())));
    assert!(within(draining.ended()).await, "nothing was cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_none_are_refused_with_1002() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    let (mut client, _peer) = open(&proxy, &mut peers, "").await;
    client.write(frame(0x81, b"unmasked", false)).await;
    let mut last = None;
    while let Some(frame) = within(read_frame(&mut client.stream)).await {
        last = Some(frame);
    }
    assert_eq!(last, Some((0x88, false, b"\x03\xEAwebsocket".to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_are_none_and_paths_without_live_models_are_refused() {
    let (address, _peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    let whole = handshake("/v1/realtime", "");
    for request in [
        handshake("/v1/files", ""),
        whole.replace("Version: 13", "Version: 8"),
        whole.replace("keep-alive, Upgrade", "keep-alive"),
        whole.replace(KEY, "short"),
        whole.replace("GET", "POST"),
        handshake("/v1/realtime", "Content-Length: 2\r\n") + "{}",
    ] {
        let answer = proxy.client().await.send(&request).await;
        assert_eq!((answer.status, answer.code().as_str()), (501, "upgrade"), "{request}");
    }
}

/// The client's side of Gemini's live API: a value in two messages of a turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_of_the_client_is_one_text() {
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = start(address, RULES);
    let path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k";
    let mut client = proxy.client().await;
    client.write(handshake(path, "")).await;
    assert_eq!(within(client.head()).await.unwrap().status, 101);
    let mut peer = within(peers.recv()).await.unwrap();
    let turn = |text: &str, complete: bool| {
        let part = format!(r#"{{"role":"user","parts":[{{"text":"{text}"}}]}}"#);
        format!(r#"{{"clientContent":{{"turns":[{part}],"turnComplete":{complete}}}}}"#)
    };
    for message in [turn("pay 4111 1111 ", false), turn("1111 1111", true)] {
        client.write(frame(0x81, message.as_bytes(), true)).await;
    }
    for wanted in [turn("pay ", false), turn("[CREDIT_CARD]", true)] {
        assert_eq!(within(read_frame(&mut peer.stream)).await, Some((0x81, true, wanted.into_bytes())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_agrees_to_something_else_is_502() {
    for lines in [
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
    ] {
        let (address, _peers) = upstream(lines).await;
        let proxy = start(address, RULES);
        let answer = proxy.client().await.send(handshake("/v1/realtime", "")).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_protocol"), "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_handshake_passes_as_any_other() {
    let upstream = crate::support::Upstream::answering(|_| {
        let body = format!("{{\"error\":\"no card {CARD} here\"}}");
        crate::support::Reply::Bytes(crate::support::upstream::ok("application/json", &body))
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let answer = proxy.client().await.send(handshake("/v1/realtime", "")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"error\":\"no card [CREDIT_CARD] here\"}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_a_record_at_its_beginning_and_one_before_its_end() {
    use blackbar::audit::read::Records;
    let (address, mut peers) = upstream(AGREED).await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES).route("/", address, |_| {}).start();
    let kinds = || -> Vec<serde_json::Value> {
        let lines = Records::open(&proxy.pki.file("audit")).unwrap().map(|line| line.unwrap().1);
        let all = lines.map(|line| serde_json::from_slice::<serde_json::Value>(&line).unwrap());
        all.filter(|record| record.get("req").is_some()).collect()
    };
    let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
    let opened = kinds();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((&opened[0]["kind"], &opened[0]["status"]), (&"session_open".into(), &101.into()));
    let message = format!(r#"{{"type":"x","text":"{CARD}"}}"#);
    client.write(frame(0x81, message.as_bytes(), true)).await;
    assert!(within(read_frame(&mut peer.stream)).await.is_some());
    peer.stream.write_all(&frame(0x81, br#"{"type":"y"}"#, false)).await.unwrap();
    assert!(within(read_frame(&mut client.stream)).await.is_some());
    drop(peer);
    // An error event, then the close; both come behind the record.
    assert!(within(read_frame(&mut client.stream)).await.is_some());
    let all = kinds();
    assert_eq!(all.len(), 2, "its record is there before the session ends: {all:?}");
    let end = &all[1];
    assert_eq!((&end["kind"], &end["req"], &end["outcome"]), (&"exchange".into(), &opened[0]["req"], &"failed".into()));
    assert_eq!(
        (end["request"]["length"].as_u64(), end["response"]["length"].as_u64()),
        (Some(message.len() as u64), Some(12))
    );
    assert_eq!(end["request"]["scanned"], end["request"]["length"]);
    assert_eq!(end["findings"][0]["entity"], "CREDIT_CARD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_asked_and_nobody_priced_is_estimated() {
    let (address, mut peers) = upstream(AGREED).await;
    let settings = "limits = { tokens = 1000, tokens_per = \"744h\" }\n";
    let proxy = TestProxy::new().workspace("acme", RULES).settings(settings).route("/", address, |_| {}).start();
    let counted = |source: &str| {
        proxy.metric(&format!("blackbar_model_tokens_total{{route=\"root\",source=\"{source}\",workspace=\"acme\"}}"))
    };
    let ask = br#"{"type":"response.create"}"#;
    let delta = br#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hi "}"#;
    let done = br#"{"type":"response.done","response":{"usage":{"total_tokens":9}}}"#;
    let sound = format!(r#"{{"type":"input_audio_buffer.append","audio":"{}"}}"#, "gICA".repeat(400));

    // What is asked, what is answered, and what was counted then, by who says it. 26 bytes are seven tokens.
    let (mut provider, mut estimate) = (0.0, 0.0);
    for (asked, answered, said, guessed) in [
        (&[][..], &[&done[..]][..], 9.0, 0.0),
        (&[&ask[..]], &[done], 9.0, 0.0),
        (&[ask], &[], 0.0, 7.0),
        (&[ask], &[delta, delta], 0.0, 9.0),
        (&[], &[delta, delta], 0.0, 0.0),
        // 1,600 bytes of sound are no text.
        (&[sound.as_bytes()], &[], 0.0, 12.0),
    ] {
        let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
        for message in asked {
            client.write(frame(0x81, message, true)).await;
            within(read_frame(&mut peer.stream)).await.unwrap();
        }
        for message in answered {
            peer.stream.write_all(&frame(0x81, message, false)).await.unwrap();
            within(read_frame(&mut client.stream)).await.unwrap();
        }
        drop(client);
        while within(read_frame(&mut peer.stream)).await.is_some() {}
        (provider, estimate) = (provider + said, estimate + guessed);
        assert_eq!((counted("provider"), counted("estimate")), (provider, estimate), "{asked:?} {answered:?}");
    }

    // Behind what the provider has said, the last question is left open.
    let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
    for answer in [&done[..], delta] {
        client.write(frame(0x81, ask, true)).await;
        within(read_frame(&mut peer.stream)).await.unwrap();
        peer.stream.write_all(&frame(0x81, answer, false)).await.unwrap();
        within(read_frame(&mut client.stream)).await.unwrap();
    }
    drop(peer);
    while within(read_frame(&mut client.stream)).await.is_some() {}
    assert_eq!((counted("provider"), counted("estimate")), (provider, estimate + 9.0 + 8.0));
}

/// What a handshake makes up passes there, and is a value as any other elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_handshakes_are_scanned_where_there_is_no_handshake() {
    const RULE: &str = "version = 1\npacks = [\"pci\"]\n[[rule]]\nid = \"acme.staff\"\nentity = \"STAFF\"\n\
        pattern = 'STAFF\\d{17}'\naction = \"redact\"\nexamples = [\"STAFF12345678901234567\"]\n";
    let (key, accept) = ("STAFF12345678901234567==", "STAFF12345678901234567ABCDE=");
    let mut upstream = Upstream::fixed(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ))
    .await;
    let proxy = TestProxy::new().workspace("acme", RULE).upstream(&upstream).start();
    let lines = format!("Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Version: 13\r\n");
    let answer = proxy.client().await.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.head.contains("STAFF1"), "{}", answer.head);
    let head = upstream.request().await.head;
    assert!(!head.contains("STAFF1") && head.to_lowercase().contains("sec-websocket-version: 13"), "{head}");
    let (address, mut peers) = self::upstream(AGREED).await;
    let proxy = start(address, RULE);
    let mut client = proxy.client().await;
    client.write(handshake("/v1/realtime", "").replace(KEY, key)).await;
    assert_eq!(within(client.head()).await.unwrap().status, 101);
    assert!(within(peers.recv()).await.unwrap().head.contains(key));
}
