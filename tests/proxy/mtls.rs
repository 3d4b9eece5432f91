//! Who may connect, and as whom (reliability table 7.1).

use rustls::{AlertDescription, Error};
use tokio::io::AsyncReadExt;

use crate::support::client::connect;
use crate::support::pki::{Identity, Leaf};
use crate::support::proxy::{ACME, Running};
use crate::support::{Client, Name, Pki, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

/// The alert that a handshake ends with, here or at the first read.
async fn alert(proxy: &Running, identity: Option<Identity>, protocols: &[&str]) -> Option<AlertDescription> {
    let config = proxy.pki.client_config(identity, protocols);
    let error = match within(connect(proxy.address, "localhost", config)).await {
        Err(error) => error,
        Ok(mut stream) => match within(stream.read(&mut [0; 1])).await {
            Err(error) => error,
            Ok(_) => return None,
        },
    };
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

async fn start(upstream: &Upstream) -> Running {
    TestProxy::new().workspace("acme", RULES).workspace("other", RULES).upstream(upstream).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_without_a_trusted_certificate_fail() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    assert_eq!(alert(&proxy, None, &[]).await, Some(AlertDescription::CertificateRequired));
    let foreign = Pki::named("another CA").client(&[ACME]);
    assert_eq!(alert(&proxy, Some(foreign), &[]).await, Some(AlertDescription::UnknownCA));
    let mut expired = Leaf::new(&[ACME]);
    expired.params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    assert_eq!(alert(&proxy, Some(proxy.pki.issue(expired)), &[]).await, Some(AlertDescription::CertificateExpired));
    let mut future = Leaf::new(&[ACME]);
    future.params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    assert!(alert(&proxy, Some(proxy.pki.issue(future)), &[]).await.is_some());
    let mut server_only = Leaf::new(&[ACME]);
    server_only.params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    assert!(alert(&proxy, Some(proxy.pki.issue(server_only)), &[]).await.is_some());
    let deep = Leaf { intermediates: 4, ..Leaf::new(&[ACME]) };
    assert!(alert(&proxy, Some(proxy.pki.issue(deep)), &[]).await.is_some());
    let metric = |reason: &str| proxy.metric(&format!("blackbar_tls_handshake_failures_total{{reason=\"{reason}\"}}"));
    assert_eq!((metric("tls_no_cert"), metric("tls_untrusted")), (1.0, 1.0));
    assert_eq!((metric("tls_expired"), metric("tls_bad_cert")), (2.0, 2.0));
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_four_is_taken() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    let chain = proxy.pki.issue(Leaf { intermediates: 3, ..Leaf::new(&[ACME]) });
    let config = proxy.pki.client_config(Some(chain), &[]);
    let mut client = Client::new(connect(proxy.address, "localhost", config).await.unwrap());
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_no_workspace_or_of_two_are_refused() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    let refused: &[&[Name]] = &[
        &[],
        &[Name::Uri("spiffe://acme.example/agents")],
        &[Name::Uri("spiffe://acme.example.evil/agent")],
        &[Name::Dns("acme.example")],
        &[Name::Email("agent@acme.example")],
        &[ACME, Name::Uri("spiffe://other.example/agent")],
    ];
    for names in refused {
        let mut client = proxy.client_named(names).await;
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "san_denied"), "{names:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed().await);
    }
    assert!(upstream.is_untouched());
    let mut client = proxy.client_named(&[Name::Dns("x.example"), ACME]).await;
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_protocols_and_plain_text_end_in_the_handshake() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    let identity = proxy.pki.client(&[ACME]);
    assert_eq!(alert(&proxy, Some(identity), &["foo"]).await, Some(AlertDescription::NoApplicationProtocol));
    for hello in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[0xff; 64 << 10]] {
        let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, hello).await;
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP"));
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_name_binds_the_authority() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    let mut client = proxy.client().await;
    let answer = client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n").await;
    assert_eq!((answer.status, answer.code().as_str()), (421, "misdirected"));
    assert!(client.is_closed().await);
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_never_resumed() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream).await;
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &[]);
    for _ in 0..2 {
        let mut client = Client::new(connect(proxy.address, "localhost", config.clone()).await.unwrap());
        assert_eq!(client.get("/").await.status, 200);
        assert_eq!(client.stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}
