//! Dead letters: what a rule that blocks drops is kept, sealed, or what it was a part of is refused.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use blackbar::policy::{DeadLetter, Policy, WhenFull};
use blackbar::seal::{Items, PrivateKey, Sealed, key_pair};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::client::connect;
use crate::support::proxy::ACME;
use crate::support::upstream::ok;
use crate::support::{TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
const EVENT: &str = r#"{"event":"card 4111 1111 1111 1111, mail jane@example.com"}"#;

fn keys() -> (PrivateKey, [u8; 32]) {
    let (private, public) = key_pair().unwrap();
    let public = SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap();
    (PrivateKey::from_pem(private.as_bytes()).unwrap(), public[12..].try_into().unwrap())
}

fn keeping(
    directory: &Path,
    recipient: [u8; 32],
    max_records: u64,
    when_full: WhenFull,
) -> impl FnOnce(&mut Policy) + use<> {
    let directory = directory.to_owned();
    move |policy| {
        let letter = DeadLetter { directory, recipient, max_bytes: 1 << 20, max_records, when_full };
        Arc::get_mut(&mut policy.workspaces[0]).unwrap().dead_letter = Some(letter);
    }
}

pub(crate) fn items(directory: &Path) -> Vec<Sealed> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.flat_map(|file| Items::new(File::open(file).unwrap()).map(Result::unwrap)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_record_is_kept_for_its_recipient_alone() {
    let upstream = Upstream::fixed(ok("application/json", r#"{"text":"Success","code":0}"#)).await;
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys();
    let change = keeping(folder.path(), public, 10, WhenFull::Refuse);
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).policy(change).start();
    for result in ["full", "error"] {
        let metric = format!("blackbar_dead_letters_total{{result=\"{result}\",route=\"root\",workspace=\"acme\"}} 0");
        assert!(proxy.telemetry.render().contains(&metric), "an alarm asks it before there is any: {metric}");
    }
    let body = format!("{{\"event\":\"fine\"}}{EVENT}");
    let answer = proxy.client().await.post("/services/collector", "application/json", &body).await;
    assert_eq!(answer.status, 200);
    assert!(upstream.saw("fine") && !upstream.saw("4111 1111"));
    let [item] = items(folder.path()).try_into().unwrap();
    let known = &item.description;
    assert_eq!((known.workspace.as_str(), known.route.as_str()), ("acme", "root"));
    assert!(known.rule.starts_with("pci.") && known.id.len() == 32 && known.time > 0, "{known:?}");
    assert_eq!(item.open(&private).unwrap().as_slice(), EVENT.as_bytes());
    assert!(item.open(&keys().0).is_err());
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("4111 1111"));
    }
    let metric = "blackbar_dead_letters_total{result=\"kept\",route=\"root\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(metric), 1.0, "{}", proxy.telemetry.render());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_the_batch_is_refused_or_the_record_lost_as_the_policy_says() {
    for (when_full, status) in [(WhenFull::Refuse, 503), (WhenFull::Drop, 200)] {
        let upstream = Upstream::fixed(ok("application/json", r#"{"text":"Success","code":0}"#)).await;
        let folder = tempfile::tempdir().unwrap();
        let change = keeping(folder.path(), keys().1, 1, when_full);
        let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).policy(change).start();
        let body = format!("{{\"event\":\"fine\"}}{EVENT}");
        assert_eq!(proxy.client().await.post("/services/collector", "application/json", &body).await.status, 200);
        let answer = proxy.client().await.post("/services/collector", "application/json", &body).await;
        assert_eq!(answer.status, status);
        let code = if status == 503 { "dead_letter" } else { "" };
        assert_eq!(answer.code(), if status == 503 { code.to_owned() } else { answer.code() });
        assert_eq!(items(folder.path()).len(), 1);
        assert!(!upstream.saw("4111 1111"));
        let metric = "blackbar_dead_letters_total{result=\"full\",route=\"root\",workspace=\"acme\"}";
        assert_eq!(proxy.metric(metric), 1.0, "{}", proxy.telemetry.render());
        let refused = "blackbar_rejected_total{reason=\"dead_letter\",workspace=\"acme\"}";
        assert_eq!(proxy.metric(refused), if status == 503 { 1.0 } else { 0.0 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_message_of_syslog_is_kept_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys();
    let test = TestProxy::new().workspace("acme", RULES).syslog(&format!("tcp://{address}"), "");
    let proxy = test.policy(keeping(folder.path(), public, 1, WhenFull::Refuse)).start();
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut all).await.unwrap();
        all
    });
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &[]);
    let mut client = connect(proxy.address, "localhost", config).await.unwrap();
    client.write_all(b"<13>one\n<13>card 4111 1111 1111 1111\n<13>two\n").await.unwrap();
    client.flush().await.unwrap();
    within(async {
        while items(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let [item] = items(folder.path()).try_into().unwrap();
    assert_eq!(item.open(&private).unwrap().as_slice(), b"<13>card 4111 1111 1111 1111");
    assert_eq!(item.description.route, "syslog");
    client.write_all(b"<13>card 4111 1111 1111 1111\n").await.unwrap();
    // There is no room: the connection ends.
    assert_eq!(within(received).await.unwrap(), "<13>one\n<13>two\n");
    let refused = "blackbar_rejected_total{reason=\"dead_letter\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(refused), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_used_is_no_start() {
    let upstream = Upstream::echo().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let change = keeping(&file, keys().1, 1, WhenFull::Refuse);
    let (_pki, policy) = TestProxy::new().workspace("acme", RULES).upstream(&upstream).policy(change).build();
    let bound = blackbar::proxy::Proxy::bind(Arc::new(policy), Arc::new(blackbar::telemetry::Telemetry::new()));
    assert!(bound.unwrap_err().to_string().starts_with("cannot keep dead letters in "));
}
