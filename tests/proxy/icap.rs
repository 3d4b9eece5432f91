//! ICAP against a server of our own that says exactly what it is told: what it is asked, what its answers mean, and what
//! becomes of one that is slow, broken or hostile. The real c-icap is in `tests/sdk`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use blackbar::policy::{Mode, Route};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::upstream::ok;
use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";
const CARD: &str = "4111 1111 1111 1111";
const NO: &[u8] = b"ICAP/1.0 204 No Content\r\nISTag: \"one\"\r\nEncapsulated: null-body=0\r\n\r\n";

/// What a server says: to a question's head and the body that came with it.
type Responder = Arc<dyn Fn(&Asked) -> Vec<u8> + Send + Sync>;

/// A question as the server understood it.
#[derive(Clone, Default, Debug)]
struct Asked {
    head: String,
    /// The heads of the message.
    message: String,
    body: Vec<u8>,
    /// It came after `100 Continue`.
    continued: bool,
}

impl Asked {
    fn field(&self, name: &str) -> Option<&str> {
        let of = |line: &str| {
            line.split_once(':').filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.len())
        };
        self.head.lines().find_map(|line| of(line).map(|len| line[line.len() - len..].trim()))
    }
}

struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers OPTIONS with these fields besides, and everything else as told.
    async fn start(options: &str, responder: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_as(None, options, responder).await
    }

    /// The same, over TLS where that is told.
    async fn start_as(
        tls: Option<TlsAcceptor>,
        options: &str,
        responder: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let options = format!(
            "ICAP/1.0 200 OK\r\nMethods: REQMOD, RESPMOD\r\nISTag: \"one\"\r\nAllow: 204\r\n{options}Encapsulated: null-body=0\r\n\r\n"
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, connections) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let (all, count, responder): (_, _, Responder) =
            (Arc::clone(&asked), Arc::clone(&connections), Arc::new(responder));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (options, responder, all) = (options.clone(), Arc::clone(&responder), Arc::clone(&all));
                match tls.clone() {
                    None => drop(tokio::spawn(serve(stream, options, responder, all))),
                    Some(tls) => drop(tokio::spawn(async move {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, options, responder, all).await;
                        }
                    })),
                }
            }
        });
        Self { port, asked, connections }
    }

    fn table(&self, more: &str) -> String {
        self.table_as("icap", more)
    }

    fn table_as(&self, scheme: &str, more: &str) -> String {
        let url = format!("{scheme}://127.0.0.1:{}/service", self.port);
        format!("[[external]]\nname = \"av\"\nkind = \"icap\"\nurl = \"{url}\"\n{more}\n")
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|one| !one.head.starts_with("OPTIONS")).cloned().collect()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    options: String,
    responder: Responder,
    all: Arc<Mutex<Vec<Asked>>>,
) {
    let mut unread = Vec::new();
    loop {
        let Some(head) = section(&mut stream, &mut unread).await else { return };
        let mut asked = Asked { head, ..Asked::default() };
        if asked.head.starts_with("OPTIONS") {
            all.lock().unwrap().push(asked);
            stream.write_all(options.as_bytes()).await.unwrap();
            continue;
        }
        let sections = if asked.head.starts_with("RESPMOD") { 2 } else { 1 };
        for _ in 0..sections {
            let Some(section) = section(&mut stream, &mut unread).await else { return };
            asked.message.push_str(&section);
        }
        let Some(whole) = chunks(&mut stream, &mut unread, &mut asked.body).await else { return };
        if asked.field("preview").is_some() && !whole {
            let early = responder(&asked);
            if !early.is_empty() {
                all.lock().unwrap().push(asked);
                if stream.write_all(&early).await.is_err() {
                    return;
                }
                continue;
            }
            stream.write_all(b"ICAP/1.0 100 Continue\r\n\r\n").await.unwrap();
            if chunks(&mut stream, &mut unread, &mut asked.body).await.is_none() {
                return;
            }
            asked.continued = true;
        }
        let answer = responder(&asked);
        all.lock().unwrap().push(asked);
        if stream.write_all(&answer).await.is_err() || answer.is_empty() {
            return;
        }
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
    unread.extend_from_slice(&piece[..count]);
    Some(())
}

async fn section(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some(String::from_utf8_lossy(&unread.drain(..end + 4).collect::<Vec<_>>()).into_owned());
        }
        more(stream, unread).await?;
    }
}

/// Whether the chunks said that they are the whole body.
async fn chunks(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>, body: &mut Vec<u8>) -> Option<bool> {
    loop {
        let Some(end) = unread.windows(2).position(|window| window == b"\r\n") else {
            more(stream, unread).await?;
            continue;
        };
        let line = String::from_utf8_lossy(&unread[..end]).into_owned();
        let size = usize::from_str_radix(line.split(';').next().unwrap().trim(), 16).unwrap();
        while unread.len() < end + 2 + size + 2 {
            more(stream, unread).await?;
        }
        body.extend_from_slice(&unread[end + 2..end + 2 + size]);
        unread.drain(..end + 2 + size + 2);
        if size == 0 {
            return Some(line.contains("ieof"));
        }
    }
}

/// An answer that holds a message.
fn holding(heads: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let (mut parts, mut sections) = (Vec::new(), String::new());
    for (name, section) in heads {
        parts.push(format!("{name}-hdr={}", sections.len()));
        sections.push_str(section);
    }
    parts.push(format!("{}-body={}", heads.last().unwrap().0, sections.len()));
    let head = format!("ICAP/1.0 200 OK\r\nISTag: \"one\"\r\nEncapsulated: {}\r\n\r\n{sections}", parts.join(", "));
    let mut out = head.into_bytes();
    if !body.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn asks(route: &mut Route) {
    route.request = Mode::Buffer { limit: 1 << 20 };
    route.external = [vec![0], vec![]];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_shown_as_http_carries_it() {
    let server = Server::start("", |_| NO.to_vec()).await;
    let upstream = Upstream::echo().await;
    let proxy =
        TestProxy::new().workspace("acme", RULES).tables(&server.table("")).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    for round in 0..3 {
        let answer = client.post("/a/b?key=secret", "text/plain", format!("words {round} {CARD}")).await;
        assert_eq!((answer.status, answer.text()), (200, format!("words {round} **** **** **** 1111")));
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let first = &asked[0];
    assert!(first.head.starts_with(&format!("REQMOD icap://127.0.0.1:{}/service ICAP/1.0\r\n", server.port)));
    assert_eq!(first.field("allow"), Some("204"));
    assert_eq!(first.field("encapsulated"), Some(format!("req-hdr=0, req-body={}", first.message.len()).as_str()));
    assert_eq!((first.field("preview"), first.field("x-client-ip")), (None, None));
    let to = upstream.address;
    let fields = "content-type: text/plain\r\ncontent-length: 27";
    let line = format!("POST http://{to}/a/b HTTP/1.1\r\nHost: {to}\r\n{fields}\r\n\r\n");
    assert_eq!(first.message, line);
    assert_eq!(first.body, b"words 0 **** **** **** 1111");
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "one connection serves OPTIONS and questions");
    let options = server.asked.lock().unwrap().len() - asked.len();
    assert_eq!(options, 1, "OPTIONS hold for their time");
    // What it said of this content is remembered.
    client.post("/a/b", "text/plain", format!("words 0 {CARD}")).await;
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_shown_with_its_request_and_the_client_where_told() {
    let server = Server::start("", |_| NO.to_vec()).await;
    let upstream = Upstream::fixed(ok("text/plain", "an answer")).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .tables(&server.table("client_address = true"))
        .route("/", upstream.address, |route| {
            route.response = Mode::Buffer { limit: 1 << 20 };
            route.external = [vec![], vec![0]];
        })
        .start();
    assert_eq!(proxy.client().await.get("/a").await.text(), "an answer");
    let asked = server.asked();
    assert!(asked[0].head.starts_with("RESPMOD "));
    assert_eq!(asked[0].field("x-client-ip"), Some("127.0.0.1"));
    let to = upstream.address;
    let request = format!("GET http://{to}/a HTTP/1.1\r\nHost: {to}\r\n\r\n");
    assert_eq!(
        asked[0].message,
        format!("{request}HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n")
    );
    assert_eq!(asked[0].body, b"an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_decides_or_asks_for_the_rest() {
    for (rest_wanted, length, status) in [(false, 100, 200), (true, 100, 200), (true, 8, 200), (true, 7, 200)] {
        let server = Server::start("Preview: 8\r\n", move |asked| {
            match rest_wanted && asked.body.len() == 8 && asked.field("preview").is_some() && !asked.continued {
                // It wants to see more, unless this is all.
                true => Vec::new(),
                false => NO.to_vec(),
            }
        })
        .await;
        let upstream = Upstream::echo().await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .tables(&server.table(""))
            .route("/", upstream.address, asks)
            .start();
        let body = "w".repeat(length);
        // A server that wants more of what is whole has broken off.
        let status = if rest_wanted && length == 8 { 503 } else { status };
        let answer = proxy.client().await.post("/", "text/plain", &body).await;
        assert_eq!(answer.status, status, "{rest_wanted} {length}");
        let asked = server.asked();
        assert_eq!(asked[0].field("preview"), Some("8"));
        let seen = if rest_wanted && length > 8 { length } else { length.min(8) };
        assert_eq!((asked[0].body.len(), asked[0].continued), (seen, rest_wanted && length > 8));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_answers_instead_is_a_refusal_and_never_shown() {
    let page = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n";
    let server = Server::start("", move |_| holding(&[("res", page)], b"<h1>DLP says: Falcon</h1>")).await;
    let upstream = Upstream::fixed(ok("text/plain", "an answer")).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .tables(&server.table(""))
        .route("/", upstream.address, asks)
        .route("/back", upstream.address, |route| {
            route.response = Mode::Buffer { limit: 1 << 20 };
            route.external = [vec![], vec![0]];
        })
        .start();
    let mut client = proxy.client().await;
    let answer = client.post("/", "text/plain", "Falcon").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
    assert!(!answer.text().contains("Falcon") && upstream.is_untouched());
    let answer = client.get("/back").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
    assert!(!answer.text().contains("DLP says"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_changes_goes_on_and_the_rules_hold_over_it() {
    // It brings in a card.
    let server = Server::start("", |asked| {
        let body = String::from_utf8_lossy(&asked.body).replace("words", CARD);
        holding(&[("req", &asked.message)], body.as_bytes())
    })
    .await;
    let upstream = Upstream::echo().await;
    for more in ["", "content = \"original\""] {
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .tables(&server.table(more))
            .route("/", upstream.address, asks)
            .start();
        let mut client = proxy.client().await;
        assert_eq!(client.post("/", "text/plain", "some words").await.text(), "some **** **** **** 1111");
        let answer = client.post("/", "text/plain", "others").await;
        assert_eq!(answer.text(), "others", "it gave back what it got");
        let line = "blackbar_external_requests_total{direction=\"request\",external=\"av\",result=\"change\"}";
        assert_eq!(proxy.metric(line), 1.0);
    }
}

/// An answer that keeps this of the message and leaves the body from there on to us.
fn leaving(heads: &[(&str, &str)], body: &[u8], from: usize) -> Vec<u8> {
    let whole = String::from_utf8(holding(heads, body)).unwrap();
    let end = format!("0; use-original-body={from}\r\n\r\n");
    (whole.strip_suffix("0\r\n\r\n").unwrap().replace("200 OK", "206 Partial Content") + &end).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_offers_it_leaves_the_rest_of_a_body_to_us() {
    // With a preview, of which it is known before the rest is sent, and without one.
    for preview in ["", "Preview: 4\r\n"] {
        let server = Server::start(&format!("Allow: 206\r\n{preview}"), |asked| {
            let heads = [("req", asked.message.as_str())];
            match asked.body.first() {
                Some(b'c') => leaving(&heads, CARD.as_bytes(), 1),
                Some(b'k') => leaving(&heads, b"", 0),
                _ => leaving(&heads, b"more", 100),
            }
        })
        .await;
        let upstream = Upstream::echo().await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .tables(&server.table("cache = { entries = 0 }"))
            .route("/", upstream.address, asks)
            .start();
        let mut client = proxy.client().await;
        // What it put in is under the rules as what came.
        let answer = client.post("/", "text/plain", "c, some words").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "**** **** **** 1111, some words"), "{preview}");
        assert_eq!(client.post("/", "text/plain", "kept as it is").await.text(), "kept as it is");
        // It leaves what there is not.
        let answer = client.post("/", "text/plain", "another").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "external_unavailable"));
        let asked = server.asked();
        assert!(asked.iter().all(|one| one.field("allow") == Some("204, 206") && !one.continued));
        assert_eq!(asked[1].body.len(), if preview.is_empty() { 13 } else { 4 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_asked_over_tls_and_no_other_is_believed() {
    let test = TestProxy::new();
    let ca = test.pki.file("ca.crt").display().to_string();
    test.pki.write_server("other", &["other.example"]);
    for (certificate, more, status) in [
        ("server", format!("upstream_ca = \"{ca}\""), 200),
        // A name that is not its own, and an authority that nobody named.
        ("other", format!("upstream_ca = \"{ca}\""), 503),
        ("server", String::new(), 503),
    ] {
        let tls = TlsAcceptor::from(test.pki.server_config(certificate, &[]));
        let server = Server::start_as(Some(tls), "Preview: 4\r\n", |asked| {
            if asked.continued { holding(&[("req", &asked.message)], b"changed") } else { Vec::new() }
        })
        .await;
        let upstream = Upstream::echo().await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .tables(&server.table_as("icaps", &more))
            .route("/", upstream.address, asks)
            .start();
        let mut client = proxy.client().await;
        for text in ["one of them", "another"] {
            let answer = client.post("/", "text/plain", text).await;
            assert_eq!(answer.status, status, "{certificate} {more}");
            assert!(status != 200 || answer.text() == "changed");
        }
        let asked = server.asked();
        assert_eq!((asked.len(), upstream.is_untouched()), if status == 200 { (2, false) } else { (0, true) });
        assert!(asked.iter().all(|one| one.head.starts_with("REQMOD icap://")), "within TLS it is ICAP all the same");
        assert!(status != 200 || server.connections.load(Ordering::SeqCst) == 1, "the connection is used again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_istag_forgets_what_was_said() {
    let tags = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&tags);
    let server = Server::start("", move |_| {
        let tag = counting.load(Ordering::SeqCst);
        format!("ICAP/1.0 204 No\r\nISTag: \"tag-{tag}\"\r\n\r\n").into_bytes()
    })
    .await;
    let upstream = Upstream::echo().await;
    let proxy =
        TestProxy::new().workspace("acme", RULES).tables(&server.table("")).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    for text in ["one", "one", "two"] {
        assert_eq!(client.post("/", "text/plain", text).await.status, 200);
    }
    assert_eq!(server.asked().len(), 2);
    tags.store(1, Ordering::SeqCst);
    for text in ["three", "one"] {
        assert_eq!(client.post("/", "text/plain", text).await.status, 200);
    }
    assert_eq!(server.asked().len(), 4, "the first verdict rested on another state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_server_gives_no_verdict() {
    let good = holding(&[("req", "POST / HTTP/1.1\r\ncontent-type: text/plain\r\n\r\n")], b"words");
    let mut answers: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        b"ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=7, null-body=3\r\n\r\n".to_vec(),
        b"ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, req-body=99999\r\n\r\n".to_vec(),
        b"ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\nffffffff\r\n".to_vec(),
        [b"ICAP/1.0 204 No\r\n".to_vec(), b"X-Pad: yes\r\n".repeat(10_000)].concat(),
        b"ICAP/1.0 206 Partial Content\r\n\r\n".to_vec(),
        b"ICAP/1.0 500 Server error\r\n\r\n".to_vec(),
        b"ICAP/1.0 204 No\r\n\r\nsmuggled".to_vec(),
        b"ICAP/1.0 100 Continue\r\n\r\n".to_vec(),
        Vec::new(),
    ];
    // Broken off in each of its parts.
    answers.extend([1, 16, 40, 80, good.len() - 40, good.len() - 8, good.len() - 1].map(|end| good[..end].to_vec()));
    let answers = Arc::new(answers);
    let (turn, all) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&answers));
    let place = Arc::clone(&turn);
    let server = Server::start("", move |_| all[place.load(Ordering::SeqCst)].clone()).await;
    let upstream = Upstream::echo().await;
    let table = server.table("timeout = \"200ms\"\nbreaker = { failures = 1000 }\ncache = { entries = 0 }");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    for case in 0..answers.len() {
        turn.store(case, Ordering::SeqCst);
        let answer = client.post("/", "text/plain", "words").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "external_unavailable"), "{case}");
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_the_method_or_the_service_gives_no_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = Arc::new(Mutex::new("ICAP/1.0 404 No such service\r\n\r\n"));
    let saying = Arc::clone(&said);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut unread = Vec::new();
            section(&mut stream, &mut unread).await;
            let answer = *saying.lock().unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let upstream = Upstream::echo().await;
    let table = format!("[[external]]\nname = \"av\"\nkind = \"icap\"\nurl = \"icap://127.0.0.1:{port}/x\"\n");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    assert_eq!(client.post("/", "text/plain", "words").await.code(), "external_unavailable");
    *said.lock().unwrap() = "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\n\r\n";
    assert_eq!(client.post("/", "text/plain", "words").await.code(), "external_unavailable");
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_was_closed_gives_way_to_another() {
    let server = Server::start("", |asked| {
        let closes = asked.body == b"last";
        let more = if closes { "Connection: close\r\n" } else { "" };
        format!("ICAP/1.0 204 No\r\nISTag: \"one\"\r\n{more}\r\n").into_bytes()
    })
    .await;
    let upstream = Upstream::echo().await;
    let table = server.table("max_in_flight = 1");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    for text in ["one", "two", "last", "three", "four"] {
        assert_eq!(client.post("/", "text/plain", text).await.status, 200);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

/// The port of a server that lets everything go on.
pub(super) async fn allowing() -> u16 {
    Server::start("Preview: 1024\r\n", |_| NO.to_vec()).await.port
}
