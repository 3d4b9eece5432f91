//! What the demo plays on: certificates and a configuration in a directory of their own, upstreams, the proxy.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{Request, header};
use http_body_util::Full;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Planted;
use super::client::{Reply, exchange};
use super::upstream::{Kind, Upstream};
use crate::cli::certs::{AlternativeName, Authority, Credential};
use crate::cli::{Failure, say};
use crate::policy;
use crate::proxy::{Address, Proxy};
use crate::telemetry::Telemetry;

/// The name of the demo's client, and the workspace's pattern for it.
const CLIENT: &str = "spiffe://demo.example/agent";

/// Everything that runs.
pub(super) struct Stage {
    directory: Directory,
    proxy: SocketAddr,
    provider: Upstream,
    /// A provider that is asked without the proxy, so that the other one's record stays the proxy's.
    bystander: Upstream,
    sink: Upstream,
    tls: Arc<ClientConfig>,
    telemetry: Arc<Telemetry>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<bool>,
}

/// The demo could not run.
pub(super) fn fault(error: impl fmt::Display) -> Failure {
    Failure::failed(format!("demo: {error}"))
}

impl Stage {
    /// Makes everything and starts it.
    pub(super) async fn set(planted: &Planted) -> Result<Self, Failure> {
        let directory = Directory::new().map_err(fault)?;
        let authority = Authority::generate().map_err(fault)?;
        let hosts = ["localhost", "127.0.0.1", "::1"].map(AlternativeName::of_host);
        let server = authority.server(&hosts).map_err(fault)?;
        let client = authority.client("agent", &[AlternativeName::Uri(CLIENT.to_owned())]).map_err(fault)?;
        let upstream_tls = server_tls(&server).map_err(fault)?;
        let addition = planted.addition();
        let start = |kind| Upstream::start(kind, &addition, Arc::clone(&upstream_tls));
        let (provider, bystander) = (start(Kind::Provider).await, start(Kind::Provider).await);
        let (provider, bystander) = (provider.map_err(fault)?, bystander.map_err(fault)?);
        let sink = start(Kind::Sink).await.map_err(fault)?;
        let files = [
            ("ca.crt", authority.certificate_pem()),
            ("server.crt", &server.certificate_pem),
            ("server.key", &server.key_pem),
            ("agent.crt", &client.certificate_pem),
            ("agent.key", &client.key_pem),
            ("blackbar.toml", &configuration(provider.address, sink.address)),
        ];
        for (name, contents) in files {
            directory.write(name, contents).map_err(fault)?;
        }
        let loaded = policy::load(&directory.path.join("blackbar.toml")).map_err(|faults| Failure::invalid(&faults))?;
        let telemetry = Arc::new(Telemetry::new());
        let bound = Proxy::bind(Arc::new(loaded.policy), Arc::clone(&telemetry)).map_err(fault)?;
        let proxy = bound.addresses().iter().find_map(|address| match address {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        });
        let proxy = proxy.ok_or_else(|| fault("no address"))?;
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(bound.run(async {
            let _ = stopped.await;
        }));
        let tls = client_tls(&authority, &client).map_err(fault)?;
        Ok(Self { directory, proxy, provider, bystander, sink, tls, telemetry, stop, running })
    }

    /// Streams the chat through the proxy.
    pub(super) async fn chat(&self, planted: &Planted) -> Result<Reply, Failure> {
        let mut reply = self.ask(self.proxy, "/openai/v1/chat/completions", planted).await?;
        reply.written = self.provider.with_record(|record| record.written.clone());
        Ok(reply)
    }

    /// Streams the same chat from a provider, without the proxy.
    pub(super) async fn chat_directly(&self, planted: &Planted) -> Result<Reply, Failure> {
        let mut reply = self.ask(self.bystander.address, "/v1/chat/completions", planted).await?;
        reply.written = self.bystander.with_record(|record| record.written.clone());
        Ok(reply)
    }

    async fn ask(&self, address: SocketAddr, path: &str, planted: &Planted) -> Result<Reply, Failure> {
        let message = json!({ "role": "user", "content": planted.question() });
        let body = json!({ "model": "echo-3", "stream": true, "messages": [message] });
        let request = Request::post(path)
            .header(header::HOST, address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, "Bearer demo")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(fault)?;
        exchange(address, &self.tls, request).await.map_err(fault)
    }

    /// Sends the log batch through the proxy.
    pub(super) async fn send_batch(&self, planted: &Planted) -> Result<Reply, Failure> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(planted.batch().as_bytes()).map_err(fault)?;
        let body = encoder.finish().map_err(fault)?;
        let request = Request::post("/siem/services/collector/event")
            .header(header::HOST, self.proxy.to_string())
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header(header::CONTENT_ENCODING, "gzip")
            .header(header::AUTHORIZATION, "Splunk demo")
            .body(Full::new(Bytes::from(body)))
            .map_err(fault)?;
        exchange(self.proxy, &self.tls, request).await.map_err(fault)
    }

    /// The body of the last chat that the provider received.
    pub(super) fn provider_body(&self) -> Vec<u8> {
        self.provider.with_record(|record| record.bodies.last().map(|body| body.to_vec())).unwrap_or_default()
    }

    /// The last batch that the sink received, decoded.
    pub(super) fn sink_body(&self) -> String {
        let body = self.sink.with_record(|record| record.bodies.last().cloned()).unwrap_or_default();
        String::from_utf8_lossy(&decoded(&body)).into_owned()
    }

    /// Everything that the provider read.
    pub(super) fn provider_seen(&self) -> Vec<Vec<u8>> {
        vec![self.provider.with_record(|record| record.raw.clone())]
    }

    /// Everything that the sink read, and its batches decoded.
    pub(super) fn sink_seen(&self) -> Vec<Vec<u8>> {
        self.sink.with_record(|record| {
            let decoded = record.bodies.iter().map(|body| decoded(body));
            std::iter::once(record.raw.clone()).chain(decoded).collect()
        })
    }

    /// Findings by rule: its name, entity, action, and how many in requests and in responses, from the metrics.
    pub(super) fn findings(&self) -> Vec<Vec<String>> {
        let mut rows: Vec<(Vec<String>, [u64; 2])> = Vec::new();
        for line in self.telemetry.render().lines() {
            let Some((labels, count)) = sample(line, "blackbar_findings_total") else { continue };
            let label = |name: &str| labels.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
            let row = ["rule", "entity", "action"].map(|name| label(name).to_owned()).to_vec();
            let way = usize::from(label("direction") == "response");
            let at = rows.iter().position(|(known, _)| *known == row).unwrap_or_else(|| {
                rows.push((row, [0, 0]));
                rows.len() - 1
            });
            if let Some(total) = rows.get_mut(at).and_then(|(_, counts)| counts.get_mut(way)) {
                *total += count;
            }
        }
        rows.sort();
        let told = |count: u64| if count == 0 { "-".to_owned() } else { count.to_string() };
        rows.into_iter().map(|(row, counts)| row.into_iter().chain(counts.map(told)).collect()).collect()
    }

    /// Prints how to try it by hand.
    pub(super) fn invite(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let (at, port) = (self.directory.path.display(), self.proxy.port());
        say(&mut out, format_args!("\nStill running; stop it with Ctrl-C. Try:\n"))?;
        say(&mut out, format_args!("  cd {at} && curl -N --cacert ca.crt --cert agent.crt --key agent.key \\"))?;
        say(&mut out, format_args!("    https://localhost:{port}/openai/v1/chat/completions \\"))?;
        say(
            &mut out,
            format_args!(
                "    -H 'content-type: application/json' -d '{{\"stream\":true,\"messages\":[{{\"role\":\"user\","
            ),
        )?;
        say(&mut out, format_args!("    \"content\":\"my card is 4111 1111 1111 1111\"}}]}}'\n"))
    }

    /// Stops everything.
    pub(super) async fn strike(self) {
        let _ = self.stop.send(());
        let _ = self.running.await;
    }
}

/// Labels and value of a line of the Prometheus text format, if it is a sample of this metric.
fn sample<'a>(line: &'a str, name: &str) -> Option<(Vec<(&'a str, &'a str)>, u64)> {
    let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.split_once("} ")?;
    let labels = labels.split(',').filter_map(|label| {
        let (name, value) = label.split_once('=')?;
        Some((name, value.trim_matches('"')))
    });
    Some((labels.collect(), value.trim().parse().ok()?))
}

fn decoded(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let whole = io::Read::read_to_end(&mut io::Read::take(GzDecoder::new(body), 8 << 20), &mut text);
    if whole.is_err() && text.is_empty() { body.to_vec() } else { text }
}

fn configuration(provider: SocketAddr, sink: SocketAddr) -> String {
    format!(
        r#"version = 1

[[listener]]
address     = "127.0.0.1:0"
certificate = "server.crt"
private_key = "server.key"
client_ca   = "ca.crt"

[[workspace]]
name    = "demo"
clients = ["uri:{CLIENT}"]

[[route]]
name        = "openai"
path        = "/openai"
upstream    = "https://{provider}"
upstream_ca = "ca.crt"

[[route]]
name        = "siem"
path        = "/siem"
upstream    = "https://{sink}"
upstream_ca = "ca.crt"
"#
    )
}

fn server_tls(credential: &Credential) -> Result<Arc<ServerConfig>, rustls::Error> {
    let (chain, key) = parsed(credential)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, key)?;
    // Read as they are on the wire, heads can be searched.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn client_tls(authority: &Authority, credential: &Credential) -> Result<Arc<ClientConfig>, rustls::Error> {
    let (chain, key) = parsed(credential)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate(authority.certificate_pem())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn parsed(credential: &Credential) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rustls::Error> {
    let key = PrivateKeyDer::from_pem_slice(credential.key_pem.as_bytes());
    let key = key.map_err(|_| rustls::Error::General("not a private key".to_owned()))?;
    Ok((vec![certificate(&credential.certificate_pem)?], key))
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>, rustls::Error> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
    certificate.map_err(|_| rustls::Error::General("not a certificate".to_owned()))
}

/// A directory that only its owner reads and that goes with the demo.
struct Directory {
    path: PathBuf,
}

impl Directory {
    fn new() -> io::Result<Self> {
        let mut noise = [0_u8; 8];
        getrandom::fill(&mut noise).map_err(|_| io::Error::other("the system gives no randomness"))?;
        let path = std::env::temp_dir().join(format!("blackbar-demo-{:016x}", u64::from_ne_bytes(noise)));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, contents: &str) -> io::Result<()> {
        let path: &Path = &self.path.join(name);
        fs::write(path, contents)?;
        #[cfg(unix)]
        if name.ends_with(".key") {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        }
        Ok(())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left of it holds keys that nobody trusts any more.
        let _ = fs::remove_dir_all(&self.path);
    }
}
