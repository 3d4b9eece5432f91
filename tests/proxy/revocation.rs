//! Clients that are trusted no more: revoked, of an authority or a workspace that was taken out, on open connections too.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::client::{connect, exchange2, http2};
use crate::support::pki::Identity;
use crate::support::proxy::{ACME, Running};
use crate::support::{Client, Name, Pki, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\ndata: one\n\n";

/// As a change of the configuration's text.
#[allow(clippy::needless_pass_by_value, reason = "a change takes the text")]
fn with_crl(config: String) -> String {
    config.replacen("client_ca = ", "client_crl = [\"list.crl\"]\nclient_ca = ", 1)
}

async fn client(proxy: &Running, identity: Identity) -> std::io::Result<Client> {
    let config = proxy.pki.client_config(Some(identity), &["http/1.1"]);
    Ok(Client::new(connect(proxy.address, "localhost", config).await?))
}

/// Whether a client with this certificate gets an answer.
async fn is_served(proxy: &Running, identity: Identity) -> bool {
    let Ok(mut client) = client(proxy, identity).await else { return false };
    let _ = client.stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    matches!(within(client.head()).await, Some(answer) if answer.status == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_refuses_whom_it_names_and_one_out_of_date_everybody() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    assert!(is_served(&proxy, proxy.pki.numbered(7, &[ACME])).await);
    proxy.pki.write_crl("list", &[7], 4000);
    proxy.reload(with_crl);
    assert!(!is_served(&proxy, proxy.pki.numbered(7, &[ACME])).await);
    assert_eq!(proxy.metric("blackbar_tls_handshake_failures_total{reason=\"tls_revoked\"}"), 1.0);
    assert!(is_served(&proxy, proxy.pki.numbered(8, &[ACME])).await);
    proxy.pki.write_crl("list", &[7], 2021);
    proxy.reload(|config| config);
    assert!(!is_served(&proxy, proxy.pki.numbered(8, &[ACME])).await, "what is revoked by now is not known");
    assert_eq!(proxy.metric("blackbar_tls_handshake_failures_total{reason=\"tls_crl_stale\"}"), 1.0);
    // A list of another authority says nothing of these.
    let other = Pki::named("another CA");
    other.write_crl("list", &[], 4000);
    std::fs::copy(other.file("list.crl"), proxy.pki.file("list.crl")).unwrap();
    proxy.reload(|config| config);
    assert!(!is_served(&proxy, proxy.pki.numbered(8, &[ACME])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_lists_the_newest_counts() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    proxy.pki.write_crl("list", &[], 4000);
    proxy.reload(with_crl);
    let list = |number, serials: &[u64]| proxy.pki.crl(number, serials, 4000);
    // The second one takes back what the first one revoked.
    let (none, seventh, eighth) = (list(2, &[]), list(3, &[7]), list(300, &[8]));
    for (lists, served) in [
        ([&none, &seventh], [false, true]),
        ([&seventh, &none], [false, true]),
        ([&seventh, &eighth], [true, false]),
        ([&eighth, &seventh], [true, false]),
    ] {
        std::fs::write(proxy.pki.file("list.crl"), lists.map(String::as_str).concat()).unwrap();
        proxy.reload(|config| config);
        for (serial, served) in [7, 8].into_iter().zip(served) {
            assert_eq!(is_served(&proxy, proxy.pki.numbered(serial, &[ACME])).await, served, "{serial}: {lists:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_does_not_say_what_it_is_for_is_refused() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut leaf = crate::support::pki::Leaf::new(&[ACME]);
    leaf.params.extended_key_usages.clear();
    assert!(!is_served(&proxy, proxy.pki.issue(leaf)).await);
    assert!(upstream.is_untouched());
}

/// What one who was trusted when it connected has open: an idle connection, a streamed answer, and HTTP/2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_connections_end_with_what_is_under_way_on_them() {
    for (what, change) in [
        ("revoked", with_crl as fn(String) -> String),
        ("another authority", |config| config.replace("ca.crt", "other.crt")),
        ("no workspace", |config| config.replace("spiffe://acme.example/agent", "spiffe://acme.example/gone")),
    ] {
        let (pieces, script) = mpsc::unbounded_channel();
        let script = std::sync::Mutex::new(Some(script));
        let upstream = Upstream::answering(move |received| {
            match script.lock().unwrap().take_if(|_| received.request_line().contains("/busy")) {
                Some(script) => Reply::Pieces(script),
                None => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
            }
        })
        .await;
        let proxy = TestProxy::new().workspace("acme", RULES).workspace("other", RULES).upstream(&upstream).start();
        let mut idle = client(&proxy, proxy.pki.numbered(7, &[ACME])).await.unwrap();
        assert_eq!(idle.get("/").await.status, 200);
        let mut busy = client(&proxy, proxy.pki.numbered(7, &[ACME])).await.unwrap();
        busy.write("GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        pieces.send(EVENTS.to_vec()).unwrap();
        assert_eq!(within(busy.head()).await.unwrap().status, 200, "{what}");
        let config = proxy.pki.client_config(Some(proxy.pki.numbered(7, &[ACME])), &["h2"]);
        let mut second = http2(connect(proxy.address, "localhost", config).await.unwrap()).await;
        let request = hyper::Request::get("https://localhost/").body(Default::default()).unwrap();
        assert_eq!(exchange2(&mut second, request).await.status, 200);
        let other = [Name::Uri("spiffe://other.example/agent")];
        let mut good = client(&proxy, proxy.pki.numbered(8, &other)).await.unwrap();
        assert_eq!(good.get("/").await.status, 200);

        proxy.pki.write_crl("list", &[7], 4000);
        let authority = Pki::named("another CA");
        std::fs::copy(authority.file("ca.crt"), proxy.pki.file("other.crt")).unwrap();
        proxy.reload(change);
        assert!(idle.is_closed().await, "{what}");
        let mut rest = Vec::new();
        let ended = within(busy.stream.read_to_end(&mut rest)).await;
        assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{what}: {ended:?}");
        within(async {
            while second.ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        if what != "another authority" {
            assert_eq!(good.get("/").await.status, 200, "{what}: one that is trusted goes on");
        }
    }
}

/// A certificate that ends while its connections are open: nothing is reloaded, and nothing asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_connections_end_with_their_certificates() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let proxy = test.policy(|policy| policy.timeouts.recheck = std::time::Duration::from_millis(50)).start();
    // It must last until the handshake, however slow the machine.
    let mut seconds = 1;
    let (mut first, mut second) = loop {
        let mut leaf = crate::support::pki::Leaf::new(&[ACME]);
        leaf.params.not_after = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        let identity = proxy.pki.issue(leaf);
        let same = Identity { chain: identity.chain.clone(), key: identity.key.clone_key() };
        let config = proxy.pki.client_config(Some(same), &["h2"]);
        let both = (client(&proxy, identity).await, connect(proxy.address, "localhost", config).await);
        if let (Ok(mut first), Ok(second)) = both
            && first.stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok()
            && matches!(within(first.head()).await, Some(answer) if answer.status == 200)
        {
            break (first, http2(second).await);
        }
        seconds += 1;
    };
    assert!(first.is_closed().await);
    within(async {
        while second.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_changes_alone_is_named() {
    use rustls::pki_types::CertificateRevocationListDer;
    use rustls::pki_types::pem::PemObject;
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let list = CertificateRevocationListDer::from_pem_slice(test.pki.crl(1, &[7], 4000).as_bytes()).unwrap();
    // Its number (RFC 5280 section 5.2.3) becomes that of the list that it changes (section 5.2.4).
    let mut delta = list.to_vec();
    let number = delta.windows(3).position(|bytes| bytes == [0x55, 0x1d, 0x14]).unwrap();
    delta[number + 2] = 0x1b;
    std::fs::write(test.pki.file("list.crl"), &delta).unwrap();
    let path = test.write();
    std::fs::write(&path, with_crl(std::fs::read_to_string(&path).unwrap())).unwrap();
    let found = blackbar::policy::load(&path).err().unwrap_or_default();
    let named = |found: &str| found.contains("list.crl holds a revocation list that covers a part only");
    assert!(found.iter().any(|found| named(&found.to_string())), "{found:?}");
}
