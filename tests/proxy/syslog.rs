//! Syslog through a listener of its own: real sockets, real TLS on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::client::TlsStream;

use crate::support::client::connect;
use crate::support::proxy::{ACME, Running};
use crate::support::{Name, Pki, TestProxy, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nUS_SSN = \"block\"\n";

/// A SIEM that takes syslog.
struct Siem {
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
    /// Whether it reads.
    reading: watch::Sender<bool>,
    /// Dropped: every connection is closed.
    open: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(PartialEq, Eq, Debug)]
enum Event {
    Opened,
    Bytes(Vec<u8>),
    /// Whether it said goodbye.
    Closed(bool),
}

impl Siem {
    async fn start(config: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let (reading, may_read) = watch::channel(true);
        let (open, is_open) = watch::channel(true);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, may_read, is_open) = (sender.clone(), may_read.clone(), is_open.clone());
                let config = config.clone();
                tokio::spawn(async move {
                    match config {
                        None => serve(stream, sender, may_read, is_open).await,
                        Some(config) => {
                            let accepted = tokio_rustls::TlsAcceptor::from(config).accept(stream).await;
                            let Ok(stream) = accepted else { return };
                            serve(stream, sender, may_read, is_open).await;
                        }
                    }
                });
            }
        });
        Self { address, events, reading, open, accepting }
    }

    async fn secure(pki: &Pki) -> Self {
        Self::start(Some(pki.server_config("server", &[]))).await
    }

    fn url(&self) -> String {
        format!("tls://{}", self.address)
    }

    async fn event(&mut self) -> Event {
        within(self.events.recv()).await.expect("the sink lives")
    }

    /// Reads until this many bytes have come.
    async fn bytes(&mut self, count: usize) -> String {
        let mut all = Vec::new();
        while all.len() < count {
            match self.event().await {
                Event::Bytes(bytes) => all.extend_from_slice(&bytes),
                Event::Opened => {}
                Event::Closed(_) => break,
            }
        }
        String::from_utf8(all).unwrap()
    }

    /// Reads a connection to its end.
    async fn rest(&mut self) -> (String, bool) {
        let mut all = Vec::new();
        loop {
            match self.event().await {
                Event::Bytes(bytes) => all.extend_from_slice(&bytes),
                Event::Opened => {}
                Event::Closed(clean) => return (String::from_utf8(all).unwrap(), clean),
            }
        }
    }
}

async fn serve<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    mut stream: S,
    sender: mpsc::UnboundedSender<Event>,
    mut may_read: watch::Receiver<bool>,
    mut is_open: watch::Receiver<bool>,
) {
    let _ = sender.send(Event::Opened);
    let mut piece = vec![0; 64 << 10];
    let clean = loop {
        if may_read.wait_for(|may| *may).await.is_err() {
            return;
        }
        tokio::select! {
            read = stream.read(&mut piece) => match read {
                Ok(0) => break true,
                Ok(count) => drop(sender.send(Event::Bytes(piece[..count].to_vec()))),
                Err(_) => break false,
            },
            () = async { drop(is_open.wait_for(|open| !*open).await) } => {
                let _ = stream.shutdown().await;
                return;
            }
        }
    };
    let _ = sender.send(Event::Closed(clean));
}

fn proxy(pki: Pki, siem: &Siem, more: &str) -> TestProxy {
    let mut test = TestProxy::new();
    test.pki = pki;
    test.workspace("acme", RULES).syslog(&siem.url(), &format!("upstream_ca = \"ca.crt\"\n{more}"))
}

async fn started() -> (Siem, Running) {
    let pki = Pki::new();
    let siem = Siem::secure(&pki).await;
    let running = proxy(pki, &siem, "").start();
    (siem, running)
}

async fn sender(proxy: &Running) -> std::io::Result<TlsStream<TcpStream>> {
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &[]);
    within(connect(proxy.address, "localhost", config)).await
}

/// Whether the other side has ended the connection.
async fn ended(client: &mut TlsStream<TcpStream>) {
    let mut sink = Vec::new();
    let _ = within(client.read_to_end(&mut sink)).await;
    assert!(sink.is_empty(), "syslog has no answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_redacted_and_counted_anew() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    let first = "<13>1 2026-10-11T22:14:15.003Z h a p m [x k=\"4111 1111 1111 1111\"] mail jane@example.com";
    let second = "<13>1 - h a p m - nothing to see";
    let stream = format!("{} {first}{} {second}", first.len(), second.len());
    let (left, right) = stream.split_at(70);
    client.write_all(left.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    client.write_all(right.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let changed = "<13>1 2026-10-11T22:14:15.003Z h a p m [x k=\"**** **** **** 1111\"] mail jane@***";
    let expected = format!("{} {changed}{} {second}", changed.len(), second.len());
    assert_eq!(siem.rest().await, (expected, true));
    ended(&mut client).await;
    assert!(proxy.metric("blackbar_syslog_messages_total{route=\"syslog\",workspace=\"acme\"}") == 2.0);
    assert!(proxy.metric("blackbar_request_bytes_total{route=\"syslog\",workspace=\"acme\"}") == stream.len() as f64);
    let text = proxy.telemetry.render();
    assert!(text.contains("entity=\"CREDIT_CARD\"") && !text.contains("4111 1111"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_stay_lines_and_a_blocked_one_goes_alone() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<13>one\n<13>ssn 078-05-1120\n<13>jane@example.com\n<13>last").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(siem.rest().await, ("<13>one\n<13>jane@***\n<13>last".to_owned(), true));
    ended(&mut client).await;
    let dropped = "blackbar_dropped_records_total{route=\"syslog\",rule=\"us-pii.ssn\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(dropped), 1.0, "{}", proxy.telemetry.render());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_message_ends_the_connection_where_that_is_asked_for() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let proxy = proxy(pki, &siem, "on_block = \"connection\"\nname = \"siem\"").start();
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<13>one\n<13>ssn 078-05-1120\n<13>three\n").await.unwrap();
    assert_eq!(siem.rest().await, ("<13>one\n".to_owned(), true));
    ended(&mut client).await;
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"policy_blocked\",workspace=\"acme\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_or_malformed_ends_the_connection_and_nothing_of_it_leaves() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let proxy = proxy(pki, &siem, "").policy(|policy| policy.body_limits.syslog_message = 64).start();
    for (stream, left, code) in [
        (format!("6 <1>one64 {}", "a".repeat(64)), format!("6 <1>one64 {}", "a".repeat(64)), ""),
        (format!("6 <1>one65 {}", "a".repeat(65)), "6 <1>one".to_owned(), "value_size"),
        (format!("<1>one\n{}\n", "a".repeat(65)), "<1>one\n".to_owned(), "value_size"),
        ("6 <1>one06 <1>two".to_owned(), "6 <1>one".to_owned(), "frame_syntax"),
        ("6 <1>one40 <1>4111 1111".to_owned(), "6 <1>one".to_owned(), "truncated"),
    ] {
        let mut client = sender(&proxy).await.unwrap();
        let _ = client.write_all(stream.as_bytes()).await;
        let _ = client.shutdown().await;
        assert_eq!(siem.rest().await, (left, true));
        ended(&mut client).await;
        if !code.is_empty() {
            let metric = format!("blackbar_rejected_total{{reason=\"{code}\",workspace=\"acme\"}}");
            assert!(proxy.metric(&metric) > 0.0, "{code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_goes_away_leaves_nothing_half() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<1>whole\n<1>half 4111 1111").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(siem.bytes(9).await, "<1>whole\n");
    drop(client);
    assert_eq!(siem.rest().await, (String::new(), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_upstream_no_client_is_answered() {
    let (siem, proxy) = started().await;
    siem.accepting.abort();
    drop(siem);
    within(async { while TcpStream::connect(proxy.address).await.is_err() {} }).await;
    assert!(sender(&proxy).await.is_err(), "the handshake fails before anything is sent");
    assert!(
        proxy.metric("blackbar_rejected_total{reason=\"upstream_connect\",workspace=\"none\"}") > 0.0,
        "{}",
        proxy.telemetry.render()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_upstream_ends_the_client_is_ended() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    assert_eq!(siem.event().await, Event::Opened);
    siem.open.send_replace(false);
    ended(&mut client).await;
    within(async {
        while proxy.metric("blackbar_connections") > 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let test = proxy(pki, &siem, "workspaces = [\"acme\"]").workspace("beta", RULES);
    let proxy = test.start();
    for names in [vec![Name::Dns("stranger.example")], vec![Name::Uri("spiffe://beta.example/agent")]] {
        let config = proxy.pki.client_config(Some(proxy.pki.client(&names)), &[]);
        let mut client = connect(proxy.address, "localhost", config).await.unwrap();
        let _ = client.write_all(b"<13>secret\n").await;
        ended(&mut client).await;
        assert_eq!(siem.rest().await.0, "");
    }
    let config = proxy.pki.client_config(None, &[]);
    if let Ok(mut client) = connect(proxy.address, "localhost", config).await {
        let _ = client.write_all(b"<13>secret\n").await;
        ended(&mut client).await;
    }
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"tls_no_cert\",workspace=\"none\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_sends_what_was_read() {
    let (mut siem, mut proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"6 <1>one21 <1>jane@exam").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(siem.bytes(8).await, "6 <1>one");
    proxy.stop();
    within(async {
        while !proxy.handle.is_draining() {
            tokio::task::yield_now().await
        }
    })
    .await;
    client.write_all(b"ple.com x6 <1>two").await.unwrap();
    client.flush().await.unwrap();
    let (rest, clean) = siem.rest().await;
    assert!(rest.starts_with("13 <1>jane@*** x") && clean, "{rest}");
    ended(&mut client).await;
    assert!(proxy.ended().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_holds_for_the_next_message() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<1>EMP-123456\n").await.unwrap();
    assert_eq!(siem.bytes(14).await, "<1>EMP-123456\n");
    let rule = "[[rule]]\nid = \"t.emp\"\nentity = \"EMP\"\npattern = 'EMP-[0-9]{6}'\naction = \"redact\"\n";
    std::fs::write(proxy.pki.file("acme.toml"), format!("{RULES}{rule}")).unwrap();
    let next = blackbar::policy::load(&proxy.pki.file("blackbar.toml")).unwrap().policy;
    proxy.handle.replace(Arc::new(next)).unwrap();
    client.write_all(b"<1>EMP-123456\n").await.unwrap();
    assert_eq!(siem.bytes(9).await, "<1>[EMP]\n");
    // Elsewhere: the connection ends, so that its sender comes again.
    let config = std::fs::read_to_string(proxy.pki.file("blackbar.toml")).unwrap();
    let other = Siem::secure(&proxy.pki).await;
    std::fs::write(proxy.pki.file("blackbar.toml"), config.replace(&siem.url(), &other.url())).unwrap();
    let next = blackbar::policy::load(&proxy.pki.file("blackbar.toml")).unwrap().policy;
    proxy.handle.replace(Arc::new(next)).unwrap();
    client.write_all(b"<1>three\n").await.unwrap();
    let (rest, clean) = siem.rest().await;
    assert!((rest.is_empty() || rest == "<1>three\n") && clean, "{rest}");
    ended(&mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_upstream_does_not_take_is_not_read() {
    let (mut siem, proxy) = started().await;
    let client = sender(&proxy).await.unwrap();
    siem.reading.send_replace(false);
    let line = format!("<13>{}\n", "x".repeat(995));
    let all = line.repeat(32 << 10);
    let (mut reader, mut writer) = tokio::io::split(client);
    let writing = tokio::spawn(async move {
        writer.write_all(all.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    // 32 MB do not fit into what stands between.
    let early = tokio::time::timeout(Duration::from_millis(500), async {
        while !writing.is_finished() {
            tokio::task::yield_now().await
        }
    });
    assert!(early.await.is_err(), "something takes it all");
    siem.reading.send_replace(true);
    let (rest, clean) = siem.rest().await;
    assert_eq!((rest.len(), clean), (line.len() * (32 << 10), true));
    within(writing).await.unwrap();
    let mut sink = Vec::new();
    within(reader.read_to_end(&mut sink)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_ends_a_connection() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let proxy = proxy(pki, &siem, "")
        .policy(|policy| {
            policy.timeouts.syslog_idle = Duration::from_millis(50);
            policy.timeouts.body_idle = Duration::from_millis(50);
        })
        .start();
    let mut client = sender(&proxy).await.unwrap();
    assert_eq!(siem.rest().await, (String::new(), true));
    ended(&mut client).await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"9 <1>").await.unwrap();
    assert_eq!(siem.rest().await, (String::new(), true));
    ended(&mut client).await;
    assert_eq!(
        proxy.metric("blackbar_rejected_total{reason=\"body_timeout\",workspace=\"acme\"}"),
        1.0,
        "{}",
        proxy.telemetry.render()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_may_ask_for_a_certificate_or_speak_no_tls() {
    let pki = Pki::new();
    pki.write_client(&[Name::Dns("proxy.example")]);
    let mut roots = rustls::RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(pki.file("ca.crt")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_file(pki.file("server.crt")).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(pki.file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let mut siem = Siem::start(Some(Arc::new(config))).await;
    let more = "upstream_certificate = \"client.crt\"\nupstream_private_key = \"client.key\"";
    let running = proxy(pki, &siem, more).start();
    let mut client = sender(&running).await.unwrap();
    client.write_all(b"<1>jane@example.com\n").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(siem.rest().await, ("<1>jane@***\n".to_owned(), true));

    let mut siem = Siem::start(None).await;
    let running = TestProxy::new().workspace("acme", RULES).syslog(&format!("tcp://{}", siem.address), "").start();
    let mut client = sender(&running).await.unwrap();
    client.write_all(b"<1>jane@example.com\n").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(siem.rest().await, ("<1>jane@***\n".to_owned(), true));
}

/// Records of the log, of one kind.
fn records(proxy: &Running, kind: &str) -> Vec<serde_json::Value> {
    let lines = blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap().map(Result::unwrap);
    let all = lines.map(|(_, line)| serde_json::from_slice::<serde_json::Value>(&line).unwrap());
    all.filter(|record| record["kind"] == kind).collect()
}

fn sum(records: &[serde_json::Value], name: &str) -> u64 {
    records.iter().filter_map(|record| record["request"][name].as_u64()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_on_has_its_record_before_and_receipts_balance() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let proxy = proxy(pki, &siem, "").audited().start();
    let mut client = sender(&proxy).await.unwrap();
    let (first, second, half) = ("7 <13>one19 <13>ssn 078-05-1120", "9 <13>fours", "40 <13>jane@exa");
    client.write_all(first.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(siem.bytes(9).await, "7 <13>one");
    let seen = records(&proxy, "syslog");
    assert_eq!(seen.len(), 1, "what has left has its record");
    let record = &seen[0];
    assert_eq!(
        (&record["ws"], &record["route"], &record["outcome"]),
        (&"acme".into(), &"syslog".into(), &"redacted".into())
    );
    assert_eq!((&record["messages"], &record["dropped_records"]), (&1.into(), &1.into()), "{record}");
    assert_eq!(record["actor"], serde_json::json!(["uri:spiffe://acme.example/agent"]));
    assert_eq!(record["findings"][0]["rule"], "us-pii.ssn");
    client.write_all(second.as_bytes()).await.unwrap();
    client.write_all(half.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    siem.rest().await;
    ended(&mut client).await;
    let connection = within(async {
        loop {
            let seen = records(&proxy, "syslog");
            if seen.last().unwrap()["outcome"] == "failed" {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let end = connection.last().unwrap();
    assert_eq!((&end["reason"], &end["req"]), (&"truncated".into(), &record["req"]));
    let came = (first.len() + second.len() + half.len()) as u64;
    assert_eq!((sum(&connection, "bytes_in"), sum(&connection, "length")), (came, came), "{connection:?}");
    assert_eq!(sum(&connection, "scanned") + sum(&connection, "withheld"), came);
    assert_eq!(sum(&connection, "withheld"), half.len() as u64);
    proxy.handle.close_audit();
    let folder = proxy.pki.file("audit");
    let report = blackbar::audit::verify::verify(&folder, &blackbar::audit::verify::Trust::default()).unwrap();
    assert_eq!(report.unknown, 0);
    let text = std::fs::read_dir(folder).unwrap().filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    assert!(text.into_iter().all(|text| !text.contains("078-05-1120") && !text.contains("jane@")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_record_no_message_is_sent_on() {
    let pki = Pki::new();
    let mut siem = Siem::secure(&pki).await;
    let small = |policy: &mut blackbar::policy::Policy| policy.audit.as_mut().unwrap().segment_bytes = 4096;
    let proxy = proxy(pki, &siem, "").audited().policy(small).start();
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<13>one\n").await.unwrap();
    client.flush().await.unwrap();
    siem.bytes(8).await;
    std::fs::rename(proxy.pki.file("audit"), proxy.pki.file("away")).unwrap();
    let mut sent = 0;
    while !proxy.handle.audit().unwrap().is_failing() {
        sent += 1;
        assert!(sent < 1_000_000);
        if client.write_all(b"<13>more\n").await.is_err() || client.flush().await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    // What failed may have been the log's own: the next message finds it so.
    let _ = client.write_all(b"<13>last\n").await;
    let _ = client.flush().await;
    ended(&mut client).await;
    assert!(!siem.rest().await.0.contains("<13>last"));
    // The next one is not even answered: its sender keeps what it has.
    assert!(sender(&proxy).await.is_err());
    assert!(proxy.metric("blackbar_rejected_total{reason=\"audit_unavailable\",workspace=\"none\"}") > 0.0);
    std::fs::rename(proxy.pki.file("away"), proxy.pki.file("audit")).unwrap();
    within(async {
        while proxy.handle.audit().unwrap().is_failing() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"<13>back\n").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(siem.bytes(9).await, "<13>back\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_has_a_record_too() {
    let pki = Pki::new();
    let siem = Siem::secure(&pki).await;
    let proxy = proxy(pki, &siem, "").audited().start();
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[Name::Dns("stranger.example")])), &[]);
    let mut client = connect(proxy.address, "localhost", config).await.unwrap();
    ended(&mut client).await;
    proxy.handle.close_audit();
    let seen = records(&proxy, "syslog");
    assert_eq!(
        (&seen[0]["reason"], &seen[0]["actor"]),
        (&"san_denied".into(), &serde_json::json!(["dns:stranger.example"]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_trusted_no_more_is_told_before_the_upstream_has_ended() {
    let (mut siem, proxy) = started().await;
    let mut client = sender(&proxy).await.unwrap();
    client.write_all(b"5 <13>a").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(siem.bytes(7).await, "5 <13>a");
    // It does not end its side.
    siem.reading.send_replace(false);
    std::fs::create_dir(proxy.pki.file("incident")).unwrap();
    std::fs::write(proxy.pki.file("incident/acme.frozen"), "").unwrap();
    tokio::time::timeout(Duration::from_secs(4), ended(&mut client)).await.expect("it is told at once");
}
