//! Held requests: a person's questions and orders in, what the admin listener says of them out.
//!
//! Everything is asked of a running proxy over its admin listener, on a Unix socket, loopback or mutual TLS.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{Code, Failure, say};
use crate::policy::{self, ListenAddress, Upstream, UpstreamIdentity};
use crate::proxy;

/// A question, and an order but for the time that the upstream takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// A release waits for the upstream.
const RELEASE: Duration = Duration::from_secs(900);
/// The most that is read of an answer.
const ANSWER: usize = 64 << 20;

/// The states of an item that `list` takes, and all of them.
const STATES: [&str; 9] =
    ["held", "cleared", "releasing", "released", "uncertain", "failed", "rejected", "expired", "all"];

/// Arguments of `quarantine`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: blackbar quarantine release 6f1c… --reason 'agreed with legal' --token-file jane.token

Exit codes: 0 done, 1 refused, 2 no answer."
)]
pub(super) struct QuarantineArguments {
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// List what is held, the oldest first
    #[command(after_help = "Example: blackbar quarantine list --config blackbar.toml --token-file jane.token")]
    List {
        /// Of this state
        #[arg(long, value_parser = STATES, default_value = "held")]
        state: String,
        /// Of this workspace
        #[arg(long)]
        workspace: Option<String>,
        #[command(flatten)]
        whom: Whom,
    },
    /// Show one item: who sent it, and which rules hold it
    #[command(
        after_help = "Example: blackbar quarantine show 6f1c… --preview --config blackbar.toml --token-file jane.token"
    )]
    Show {
        /// The item
        id: String,
        /// Show its body as well, with what holds it masked (reviewers; the audit says so)
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        whom: Whom,
    },
    /// Send an item to its upstream, once; of an answer, let who asked for it fetch it, once
    #[command(
        after_help = "Example: blackbar quarantine release 6f1c… --reason 'agreed with legal' --token-file jane.token"
    )]
    Release {
        /// The item
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Send it though it may have been sent before
        #[arg(long)]
        again: bool,
        #[command(flatten)]
        whom: Whom,
    },
    /// Refuse an item: its content is erased
    #[command(
        after_help = "Example: blackbar quarantine reject 6f1c… --reason 'not ours to send' --token-file jane.token"
    )]
    Reject {
        /// The item
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        whom: Whom,
    },
    /// Make a token for a person, and the line of [[admin.person]] that goes with it
    #[command(after_help = "Example: blackbar quarantine token > jane.token")]
    Token,
}

/// Whom to ask, and who asks.
#[derive(Args, Debug)]
struct Whom {
    /// The admin listener: http://HOST:PORT, https://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    admin: Option<String>,
    /// The configuration that says where it is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A certificate to present, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The authority of the listener's certificate, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print the answer as it came, in JSON
    #[arg(long)]
    json: bool,
}

/// Runs `quarantine`.
pub(super) fn run(arguments: &QuarantineArguments) -> Result<Code, Failure> {
    let mut out = io::stdout().lock();
    match &arguments.order {
        Order::Token => token(&mut out),
        Order::List { state, workspace, whom } => {
            let mut items = Vec::new();
            let mut after = String::new();
            loop {
                let mut query = Vec::new();
                query.extend((state != "all").then(|| format!("state={state}")));
                query.extend(workspace.as_ref().map(|name| format!("workspace={name}")));
                query.extend((!after.is_empty()).then(|| format!("after={after}")));
                let target = format!("/quarantine?{}", query.join("&"));
                let answer = whom.ask(Method::GET, &target, None, PATIENCE)?;
                let Some(page) = answer.get("items").and_then(Value::as_array) else { return Ok(Code::Failed) };
                items.extend(page.iter().cloned());
                after = page.last().map(|item| text(item, "id").to_owned()).unwrap_or_default();
                if answer.get("more") != Some(&Value::Bool(true)) || after.is_empty() {
                    break;
                }
            }
            for item in &items {
                if whom.json { say(&mut out, format_args!("{item}"))? } else { line(item, &mut out)? }
            }
            Ok(Code::Fine)
        }
        Order::Show { id, preview, whom } => {
            let item = whom.ask(Method::GET, &format!("/quarantine/{}", checked(id)?), None, PATIENCE)?;
            whom.show(&item, &mut out)?;
            if *preview {
                let shown = whom.ask(Method::GET, &format!("/quarantine/{id}/preview"), None, PATIENCE)?;
                if whom.json { say(&mut out, format_args!("{shown}"))? } else { masked(&shown, &mut out)? }
            }
            Ok(Code::Fine)
        }
        Order::Release { id, reason, again, whom } => {
            let order = json!({ "reason": reason, "again": again });
            let target = format!("/quarantine/{}/release", checked(id)?);
            let item = whom.ask(Method::POST, &target, Some(&order), RELEASE)?;
            whom.show(&item, &mut out)?;
            Ok(Code::Fine)
        }
        Order::Reject { id, reason, whom } => {
            let target = format!("/quarantine/{}/reject", checked(id)?);
            let item = whom.ask(Method::POST, &target, Some(&json!({ "reason": reason })), PATIENCE)?;
            whom.show(&item, &mut out)?;
            Ok(Code::Fine)
        }
    }
}

/// An id, which is a part of a path.
fn checked(id: &str) -> Result<&str, Failure> {
    let good = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if good {
        Ok(id)
    } else {
        Err(Failure::failed("an item's id is hexadecimal; `blackbar quarantine list` shows them"))
    }
}

fn token(out: &mut dyn Write) -> Result<Code, Failure> {
    let mut bits = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bits.as_mut_slice()).map_err(|_| Failure::failed("the system has no random bytes"))?;
    let token = Zeroizing::new(crate::audit::chain::hex(bits.as_slice()));
    say(out, format_args!("token: {}", token.as_str()))?;
    let hash = crate::audit::chain::hex(&Sha256::digest(token.as_bytes()));
    say(out, format_args!("token_sha256 = \"{hash}\""))?;
    Ok(Code::Fine)
}

impl Whom {
    fn show(&self, item: &Value, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json { say(out, format_args!("{item}")) } else { all(item, out) }
    }

    /// Where the admin listener is.
    fn address(&self) -> Result<String, Failure> {
        if let Some(admin) = &self.admin {
            return Ok(admin.clone());
        }
        let Some(config) = &self.config else { return Ok("http://127.0.0.1:9464".to_owned()) };
        let loaded = policy::load(config).map_err(|faults| Failure::invalid(&faults))?;
        let Some(admin) = loaded.policy.admin else { return Err(Failure::failed("the configuration has no [admin]")) };
        Ok(match (&admin.address, &admin.tls) {
            (ListenAddress::Unix(path), _) => format!("unix:{}", path.display()),
            (ListenAddress::Tcp(address), tls) => {
                format!("{}://{address}", if tls.is_some() { "https" } else { "http" })
            }
        })
    }

    /// Asks, and gives what is answered; what is refused is a failure.
    fn ask(&self, method: Method, target: &str, order: Option<&Value>, within: Duration) -> Result<Value, Failure> {
        let address = self.address()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
        let asking = async {
            match tokio::time::timeout(within, self.answered(&address, method, target, order)).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::failed(format!("{address}: no answer in time"))),
            }
        };
        let (status, answer) = runtime.block_on(asking)?;
        if status.is_success() {
            return Ok(answer);
        }
        let title = answer.get("title").and_then(Value::as_str).unwrap_or("no reason given");
        Err(Failure::refused(format!("{} ({}, status {})", title, text(&answer, "code"), status.as_u16())))
    }

    async fn answered(
        &self,
        address: &str,
        method: Method,
        target: &str,
        order: Option<&Value>,
    ) -> Result<(StatusCode, Value), Failure> {
        let failed = |error: &io::Error| Failure::failed(format!("{address}: {error}"));
        let request = |host: &str| self.request(host, method.clone(), target, order);
        if let Some(path) = address.strip_prefix("unix:") {
            let stream = UnixStream::connect(path).await.map_err(|error| failed(&error))?;
            return exchange(stream, request("localhost")?, address).await;
        }
        let wrong = || Failure::failed(format!("{address}: write http://HOST:PORT, https://HOST:PORT or unix:PATH"));
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme_str()) else { return Err(wrong()) };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed(&error))?;
        if !tls {
            let local = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
            if self.token_file.is_some() && !local {
                return Err(Failure::failed(format!("{address}: a token goes over TLS, loopback or a Unix socket")));
            }
            return exchange(stream, request(authority.as_str())?, address).await;
        }
        let identity = self.cert.clone().zip(self.key.clone());
        let identity = identity.map(|(certificate, private_key)| UpstreamIdentity { certificate, private_key });
        let upstream =
            Upstream { tls: true, host: host.clone(), port, ca: self.ca.clone(), identity, ..Upstream::default() };
        let config = proxy::client_tls(&upstream).map_err(|error| Failure::failed(error.to_string()))?;
        let name = ServerName::try_from(host).map_err(|_| wrong())?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| failed(&error))?;
        exchange(stream, request(authority.as_str())?, address).await
    }

    fn request(
        &self,
        host: &str,
        method: Method,
        target: &str,
        order: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(method).uri(target).header(HOST, host);
        if let Some(path) = &self.token_file {
            let token = read_token(path)?;
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        let body = match order {
            Some(order) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(order.to_string())
            }
            None => Bytes::new(),
        };
        request.body(Full::new(body)).map_err(|_| Failure::failed("this makes no request"))
    }
}

fn read_token(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))?;
    let text = Zeroizing::new(text);
    // As `blackbar quarantine token` prints it, or alone.
    let first = text.lines().next().unwrap_or_default().trim();
    Ok(Zeroizing::new(first.strip_prefix("token:").unwrap_or(first).trim().to_owned()))
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
    address: &str,
) -> Result<(StatusCode, Value), Failure> {
    let failed = |error: hyper::Error| Failure::failed(format!("{address}: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
    let body = Limited::new(body, ANSWER).collect().await;
    let body = body.map_err(|_| Failure::failed(format!("{address}: the answer broke off")))?.to_bytes();
    Ok((head.status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

/// Milliseconds since 1970 as RFC 3339 has them, in whole seconds.
fn time(item: &Value, name: &str) -> String {
    let seconds = item.get(name).and_then(Value::as_i64).unwrap_or(0) / 1000;
    let form = time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| at.format(&form).ok()).unwrap_or_default()
}

fn rules(item: &Value) -> String {
    let findings = item.get("findings").and_then(Value::as_array).into_iter().flatten();
    let held = findings.filter(|found| text(found, "action") == "quarantine");
    held.map(|found| text(found, "rule")).collect::<Vec<_>>().join(" ")
}

fn line(item: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    let (id, state, workspace, route) =
        (text(item, "id"), text(item, "state"), text(item, "workspace"), text(item, "route"));
    say(out, format_args!("{id}  {}  {state}  {workspace}/{route}  {}", time(item, "time_ms"), rules(item)))
}

fn all(item: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    line(item, out)?;
    let list = |name: &str| {
        let values = item.get(name).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    say(out, format_args!("  sender    {} from {}", list("sender"), text(item, "address")))?;
    say(
        out,
        format_args!(
            "  {}   {} {} bytes, id {}",
            if item.get("answer").and_then(Value::as_bool) == Some(true) { "answer to" } else { "request" },
            text(item, "method"),
            item.get("length").unwrap_or(&Value::Null),
            text(item, "request_id")
        ),
    )?;
    say(out, format_args!("  expires   {}", time(item, "expires_ms")))?;
    for found in item.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let count = found.get("count").and_then(Value::as_u64).unwrap_or(0);
        let (entity, rule, action) = (text(found, "entity"), text(found, "rule"), text(found, "action"));
        say(out, format_args!("  finding   {count} x {entity} by {rule}, {action}"))?;
    }
    if let Some(verdict) = item.get("verdict").filter(|verdict| verdict.is_object()) {
        let reason = printable(text(verdict, "reason"));
        say(
            out,
            format_args!("  verdict   {} at {}: {reason}", printable(text(verdict, "by")), time(verdict, "time")),
        )?;
    }
    if let Some(status) = item.get("upstream_status").and_then(Value::as_u64) {
        say(out, format_args!("  upstream  status {status}"))?;
    }
    if let Some(code) = item.get("code").and_then(Value::as_str) {
        say(out, format_args!("  reason    {code}"))?;
    }
    Ok(())
}

fn masked(shown: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    say(out, format_args!("{}", printable(text(shown, "preview"))))
}

/// Without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
