//! What the proxy shows and asks of an upstream: credentials that clients never hold, its own certificate, pins, a proxy on
//! the way out, and the regions that data may reach.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::proxy::{ACME, Running};
use crate::support::upstream::SecureUpstream;
use crate::support::{Pki, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";
const SECRET: &str = "sk-00c0ffee00c0ffee00c0ffee";

/// A proxy whose one route has these lines besides.
fn routed(upstream: &str, lines: &str, prepare: impl FnOnce(&Pki)) -> Running {
    let nobody = ([127, 0, 0, 1], 9).into();
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", nobody, |_| {}).start();
    prepare(&proxy.pki);
    proxy.reload(|config| config.replace("http://127.0.0.1:9\"", &format!("{upstream}\"\n{lines}")));
    proxy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_injected_in_place_of_the_clients() {
    let mut upstream = Upstream::echo().await;
    let lines = "inject = { Authorization = { prefix = \"Bearer \", file = \"provider.key\" }, X-Api-Key = { file = \"provider.key\" }, X-Provider-Token = { file = \"provider.key\" } }";
    let proxy = routed(&format!("http://{}", upstream.address), lines, |pki| {
        std::fs::write(pki.file("provider.key"), format!("{SECRET}\n")).unwrap();
    });
    let mut client = proxy.client().await;
    let answer = client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mine\r\nauthorization: Bearer also\r\nX-API-Key: mine\r\nX_Provider-Token: mine\r\n\r\n")
        .await;
    assert_eq!(answer.status, 200);
    let received = upstream.request().await;
    assert_eq!(received.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(received.header("x-api-key"), Some(SECRET));
    assert_eq!(received.head.to_ascii_lowercase().matches("authorization:").count(), 1);
    let trailed = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\
        Connection: TE\r\nTrailer: X-Provider-Token, X-Api-Key, X-Seen\r\n\r\n1\r\na\r\n0\r\nX-Provider-Token: mine\r\nX-Api-Key: mine\r\n\
        X-Seen: yes\r\n\r\n";
    assert_eq!(client.send(trailed).await.status, 200);
    assert_eq!(upstream.request().await.text(), "a");
    assert!(!upstream.saw("mine") && !upstream.saw("also"));
    assert!(!proxy.telemetry.render().contains(SECRET));
    // Another key is taken over with the next configuration.
    std::fs::write(proxy.pki.file("provider.key"), "another").unwrap();
    proxy.reload(|config| config);
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(upstream.request().await.header("x-api-key"), Some("another"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_asks_for_a_certificate_gets_the_proxys() {
    let pki = Pki::named("the upstream's CA");
    pki.write_client(&[ACME]);
    let upstream = SecureUpstream::start_as(pki.mutual_config("server")).await;
    let url = format!("https://localhost:{}", upstream.address.port());
    let copy = |proxy: &Pki| {
        for name in ["client.crt", "client.key"] {
            std::fs::copy(pki.file(name), proxy.file(name)).unwrap();
        }
        std::fs::copy(pki.file("ca.crt"), proxy.file("roots.crt")).unwrap();
    };
    let shown =
        "upstream_ca = \"roots.crt\"\nupstream_certificate = \"client.crt\"\nupstream_private_key = \"client.key\"";
    let proxy = routed(&url, shown, copy);
    assert_eq!(proxy.client().await.get("/").await.status, 200);
    let proxy = routed(&url, "upstream_ca = \"roots.crt\"", copy);
    let answer = proxy.client().await.get("/").await;
    assert_eq!(answer.status, 502, "without one the upstream ends the handshake");
    // A route beside it that shows nothing shares no connection with the one that does.
    let both = "upstream_ca = \"roots.crt\"\n[[route]]\nname = \"shown\"\npath = \"/shown\"\nupstream = \"URL\"\n"
        .replace("URL", &url)
        + shown;
    let proxy = routed(&url, &both, copy);
    assert_eq!(proxy.client().await.get("/shown").await.status, 200);
    assert_eq!(proxy.client().await.get("/").await.status, 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_hold_beside_the_roots() {
    let pki = Pki::named("the upstream's CA");
    pki.write_server("other", &["localhost"]);
    let upstream = SecureUpstream::start(&pki, "server", &["h2", "http/1.1"]).await;
    let url = format!("https://localhost:{}", upstream.address.port());
    let with = |ca: &str, pins: &str| {
        routed(&url, &format!("upstream_ca = \"{ca}\"\nupstream_pins = [{pins}]"), |proxy| {
            std::fs::copy(pki.file("ca.crt"), proxy.file("roots.crt")).unwrap();
        })
    };
    let (right, wrong) = (format!("\"{}\"", pki.pin("server")), format!("\"{}\"", pki.pin("other")));
    for (ca, pins, status) in [
        ("roots.crt", right.clone(), 200),
        ("roots.crt", format!("{wrong}, {right}"), 200),
        ("roots.crt", wrong, 502),
        // A pin does not stand in for a root.
        ("ca.crt", right, 502),
    ] {
        assert_eq!(with(ca, &pins).client().await.get("/").await.status, status, "{ca} {pins}");
    }
}

/// A proxy that tunnels wherever it is told, and the heads that it was sent.
async fn egress(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let head = String::from_utf8(head).unwrap();
                let to = head.split(' ').nth(1).unwrap().to_owned();
                seen.lock().unwrap().push(head);
                stream.write_all(answer.as_bytes()).await?;
                let mut there = TcpStream::connect(to).await?;
                copy_bidirectional(&mut stream, &mut there).await
            });
        }
    });
    (port, heads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_are_reached_through_a_proxy() {
    let pki = Pki::named("the upstream's CA");
    let upstream = SecureUpstream::start(&pki, "server", &["h2"]).await;
    let url = format!("https://localhost:{}", upstream.address.port());
    let prepare = |proxy: &Pki| {
        std::fs::copy(pki.file("ca.crt"), proxy.file("roots.crt")).unwrap();
        std::fs::write(proxy.file("egress.key"), "open sesame\n").unwrap();
    };
    let (port, heads) = egress("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let asked = format!(
        "upstream_proxy = {{ url = \"http://127.0.0.1:{port}\", user = \"blackbar\", password = {{ file = \"egress.key\" }} }}"
    );
    let proxy = routed(&url, &format!("upstream_ca = \"roots.crt\"\n{asked}"), prepare);
    assert_eq!(proxy.client().await.post("/", "text/plain", "4111 1111 1111 1111").await.text(), "**** **** **** 1111");
    let head = heads.lock().unwrap().first().cloned().unwrap();
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", upstream.address.port())), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic YmxhY2tiYXI6b3BlbiBzZXNhbWU="), "{head}");
    assert_eq!(heads.lock().unwrap().len(), 1);

    let (port, _) = egress("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let asked = format!("upstream_ca = \"roots.crt\"\nupstream_proxy = \"http://127.0.0.1:{port}\"");
    let answer = routed(&url, &asked, prepare).client().await.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_connect"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_stays_in_its_regions() {
    let upstream = Upstream::echo().await;
    let url = format!("http://{}", upstream.address);
    let elsewhere =
        "region = \"eu-central-1\"\n[[route]]\nname = \"us\"\npath = \"/us\"\nregion = \"us\"\nupstream = \"URL\"\n\
        [[route]]\nname = \"anywhere\"\npath = \"/anywhere\"\nupstream = \"URL\""
            .replace("URL", &url);
    let proxy = routed(&url, &elsewhere, |_| {});
    proxy.reload(|config| config.replace("name = \"acme\"", "name = \"acme\"\nregions = [\"eu\"]"));
    for (path, status, code) in [
        ("/model/anthropic.claude-3-haiku-20240307-v1:0/converse", 200, ""),
        ("/model/eu.anthropic.claude-sonnet-4-20250514-v1:0/converse", 200, ""),
        ("/model/us.anthropic.claude-sonnet-4-20250514-v1:0/converse", 403, "residency"),
        ("/model/%67lobal.anthropic.claude-sonnet-4-20250514-v1:0/converse", 403, "residency"),
        ("/model/amer.anthropic.claude-sonnet-4-20250514-v1:0/converse", 403, "residency"),
        // To this workspace there are no such routes.
        ("/us", 404, "no_route"),
        ("/anywhere", 404, "no_route"),
    ] {
        let answer = proxy.client().await.post(path, "application/json", "{}").await;
        assert_eq!(answer.status, status, "{path}");
        if !code.is_empty() && !path.starts_with("/model") {
            assert_eq!(answer.code(), code, "{path}");
        }
    }
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"residency\",workspace=\"acme\"}"), 3.0);
    assert_eq!(proxy.metric("blackbar_requests_total{route=\"us\",status=\"2xx\",workspace=\"acme\"}"), 0.0);
}
