//! TOML in, what holds for whom out: one immutable [`Policy`] per configuration, shared by reference.
//!
//! [`load`] reads everything that `serve` would and gives every fault at once, each with its place and a way out.
//! [`PolicyStore`] keeps the policy that holds, [`Policy::workspace_for`] and [`Policy::route_for`] answer what an
//! exchange asks of it. This floor alone reads the file system and the environment.

mod actions;
mod compile;
mod credentials;
mod diagnostic;
mod export;
mod external;
mod files;
mod identity;
mod json_path;
mod keys;
mod outbound;
mod packs;
mod quarantine;
mod quota;
mod redis_server;
mod region;
mod routing;
mod rules;
mod segments;
mod shared_limits;
mod signing;
mod store;
mod terms;
mod tokens;
mod tools;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::body::retention::Provider;
use crate::body::syslog::Framing;
use crate::body::{BodyLimits, Dialect, Direction, JsonPath, MediaRange, Scopes};
use crate::engine::token::{MAX_TOKEN_BYTES, MAX_TOKENS};
use crate::engine::{HashKey, RuleSet};

pub(crate) use credentials::{CRL_LIMIT as REVOCATION_BYTES, is_enforceable, revocation_lists};
pub(crate) use region::is_within;
pub(crate) use segments::{plain as plain_segment, segments as path_segments};

pub use compile::{
    Change, Loaded, OffReason, Outline, ProofCount, Reroute, RuleChange, RuleState, RuleTest, RuleTests, ShadowRules,
    StandaloneRules, diff_rules, is_name, is_rules_path, load, load_rules, outline, test_rules,
};
pub use diagnostic::{Diagnostic, Severity};
pub use export::{Export, Format, Target, TraceExport};
pub use external::{External, ExternalKind};
pub use files::FileHash;
pub use keys::{ApiKey, Network, moment_of};
pub use outbound::{Egress, Injected, UpstreamIdentity};
pub use packs::{bundled_names, bundled_pack, is_pack};
pub use quarantine::{HeldStore, OwnKey, Person, QuarantineSettings, Role, WebhookSettings};
pub use quota::{Quota, TokenBudget};
pub use redis_server::RedisSettings;
pub use shared_limits::{SharedLimits, UncountedRequests};
pub use signing::{AwsCredentials, Signing};
pub use store::{PolicyStore, ReloadOutcome};
pub use terms::{HashTermsError, hash_terms};
pub use tokens::{TokenScope, Tokens};

/// Everything that `serve` needs, checked and compiled. An exchange takes one snapshot and keeps it to its end.
#[derive(Debug)]
pub struct Policy {
    /// First 16 hexadecimal digits of the SHA-256 over every file that was read.
    pub version: String,
    /// All 64 of them, as records of the audit have it.
    pub hash: String,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// The admin listener, if any.
    pub admin: Option<AdminSettings>,
    /// The audit log, if any.
    pub audit: Option<AuditSettings>,
    /// Where held requests are kept, if any are.
    pub quarantine: Option<QuarantineSettings>,
    /// Where replicas count together what may be asked, if they do.
    pub shared_limits: Option<SharedLimits>,
    /// Workspaces in file order.
    pub workspaces: Vec<Arc<Workspace>>,
    /// Routes in file order; a route's index selects [`Workspace::scopes`].
    pub routes: Vec<Arc<Route>>,
    /// Services that are asked for their verdict, in file order; [`Route::external`] has indices of these.
    pub externals: Vec<Arc<External>>,
    /// Limits of requests and connections.
    pub limits: Limits,
    /// Time bounds.
    pub timeouts: Timeouts,
    /// Bounds of bodies.
    pub body_limits: BodyLimits,
    /// How the proxy tests itself.
    pub self_test: SelfTest,
    /// The folder in which stopped workspaces have a file.
    pub incident: PathBuf,
    /// Where traces are sent, if they are.
    pub traces: Option<TraceExport>,
}

/// The entities of which the self-test has a value.
pub const TESTED: [&str; 5] = ["CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "SECRET"];

/// How the proxy tests itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelfTest {
    /// Whether it does.
    pub enabled: bool,
    /// Between two tests. 5 min.
    pub interval: Duration,
    /// What a reload may let pass that was caught before.
    pub allow_weaker: Weaker,
}

/// What a reload may let pass that was caught before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Weaker {
    /// Nothing: such a reload is refused.
    Nothing,
    /// Values of these entities.
    Entities(Vec<String>),
    /// Anything.
    Any,
}

impl Weaker {
    /// Whether values of an entity may pass that were caught.
    #[must_use]
    pub fn allows(&self, entity: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Entities(entities) => entities.iter().any(|one| one == entity),
            Self::Any => true,
        }
    }
}

impl Default for SelfTest {
    fn default() -> Self {
        Self { enabled: true, interval: Duration::from_secs(300), allow_weaker: Weaker::Nothing }
    }
}

/// Where clients connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// The address.
    pub address: ListenAddress,
    /// TLS, or none (then only on a Unix socket or loopback, with a fixed workspace).
    pub tls: Option<ListenerTls>,
    /// The workspace of clients that present no certificate.
    pub workspace: Option<String>,
    /// Authorities that are served; empty: any.
    pub hosts: Vec<String>,
    /// The header field in which clients may show an API key, in lower case; none: there they have none.
    pub api_keys: Option<String>,
    /// What is done with syslog, where it speaks that; none: it speaks HTTP.
    pub syslog: Option<Arc<Syslog>>,
}

/// A listener for syslog: where its messages go, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syslog {
    /// Name, as in metrics and scopes; unique among these and routes.
    pub name: String,
    /// Where messages are sent, over TLS or TCP; it has no path.
    pub upstream: Upstream,
    /// Where the upstream is, in the words of [`Workspace::regions`].
    pub region: Option<String>,
    /// What for, in the operator's words.
    pub purpose: Option<String>,
    /// Indices of the workspaces that may use it.
    pub workspaces: Vec<usize>,
    /// How messages are told apart.
    pub framing: Framing,
    /// What a rule that blocks takes with it: the message, or the connection.
    pub on_block: OnBlock,
    /// Which of [`Workspace::scopes`] holds.
    pub scope: usize,
}

/// A TCP or Unix address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenAddress {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

/// TLS of a listener. Paths are resolved against the file that named them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenerTls {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub private_key: PathBuf,
    /// PEM bundle that client certificates chain to.
    pub client_ca: Option<PathBuf>,
    /// Revocation lists (RFC 5280 section 5), PEM or DER. Where there are any, each certificate of a client's chain must be
    /// covered by one that is not out of date.
    pub client_crl: Vec<PathBuf>,
    /// Whether a client must present a certificate.
    pub client_auth: ClientAuth,
}

/// Whether a client must present a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// The handshake fails without one.
    Required,
    /// Without one, the listener's workspace holds.
    Optional,
    /// None is asked for; the listener's workspace holds.
    None,
}

/// The admin listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminSettings {
    /// The address.
    pub address: ListenAddress,
    /// TLS, where it speaks that. Certificates are optional: metrics and health need none.
    pub tls: Option<ListenerTls>,
    /// Who may ask about held requests.
    pub people: Vec<Person>,
}

impl AdminSettings {
    /// Whether a person's token, or a change, may come over it: TLS, a Unix socket or loopback.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        let local = match &self.address {
            ListenAddress::Tcp(address) => address.ip().is_loopback(),
            ListenAddress::Unix(_) => true,
        };
        local || self.tls.is_some()
    }
}

/// Where and how the audit log is written.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// The folder of its files.
    pub directory: PathBuf,
    /// The Ed25519 key that signs it: PKCS#8 in DER.
    pub key: Zeroizing<Vec<u8>>,
    /// The file of that key.
    pub key_file: PathBuf,
    /// What checkpoints call the deployment. "blackbar".
    pub name: String,
    /// When a record counts as written.
    pub durability: Durability,
    /// Bytes after which a segment ends. 64 MiB.
    pub segment_bytes: u64,
    /// Time after which it ends. 24 h.
    pub segment_age: Duration,
    /// Days after which a segment is removed; none: never.
    pub retention_days: Option<u32>,
    /// Where it is sent besides.
    pub exports: Vec<Export>,
}

impl fmt::Debug for AuditSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditSettings({}, {:?})", self.directory.display(), self.durability)
    }
}

/// When a record counts as written, and the answer may end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// When the system has it; it is synced in groups. The process may be killed, the machine may not.
    Os,
    /// When the disk has it.
    Disk,
}

/// A tenant: who belongs to it and what is done with its findings.
#[derive(Debug)]
pub struct Workspace {
    /// Name, as in metrics.
    pub name: String,
    /// Subject alternative names of its clients.
    pub clients: Vec<SanPattern>,
    /// Every rule of the workspace, compiled once.
    pub rules: Arc<RuleSet>,
    /// How its tokens are made and opened; none where no rule tokenizes.
    pub tokens: Option<Tokens>,
    /// What a detector's fault does; block unless told.
    pub on_fault: OnFault,
    /// The regions that what it sends may reach; empty: any.
    pub regions: Vec<String>,
    /// How much it may ask at once, and in a time.
    pub quota: Quota,
    /// Keys that its clients may show in place of a certificate, or besides.
    pub api_keys: Vec<ApiKey>,
    /// What fingerprints of values are made with; none without a key, or without an audit log.
    pub fingerprints: Option<Arc<Fingerprints>>,
    /// Where records go that a rule that blocks drops; none: nowhere.
    pub dead_letter: Option<DeadLetter>,
    /// Actions per route and direction: `[route][0]` request, `[route][1]` response. Behind the routes come the listeners
    /// for syslog.
    pub scopes: Vec<[Arc<Scopes>; 2]>,
    /// Actions outside any route, as filters use them: request, response.
    pub base: [Arc<Scopes>; 2],
    /// Every rule of the rules file and its packs, those that are off among them.
    pub catalogue: Arc<[RuleState]>,
    /// Rules that read along and change nothing; none: nobody does.
    pub shadow: Option<ShadowRules>,
}

/// What fingerprints of values are made with.
#[derive(Debug)]
pub struct Fingerprints {
    /// The workspace's key.
    pub key: HashKey,
    /// The epoch of those that are made now.
    pub epoch: u64,
}

/// The epoch of fingerprints at a time since 1970: it changes every 90 days.
#[must_use]
pub fn fingerprint_epoch(since_1970: Duration) -> u64 {
    since_1970.as_secs() / (90 * 24 * 60 * 60)
}

/// Where dropped records are kept, sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// The directory, of this workspace alone.
    pub directory: PathBuf,
    /// The X25519 public key that they are sealed to.
    pub recipient: [u8; 32],
    /// Bytes that the directory may hold. 1 GiB.
    pub max_bytes: u64,
    /// Records that it may hold. 100,000.
    pub max_records: u64,
    /// What happens when one cannot be kept.
    pub when_full: WhenFull,
}

/// What happens when a dropped record cannot be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFull {
    /// Its batch is refused, or its connection ended.
    Refuse,
    /// It is dropped all the same, counted.
    Drop,
}

/// What a body that cannot be scanned does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFault {
    /// It is refused.
    Block,
    /// It passes, counted and audited.
    Pass,
}

/// One name of the allow-list, compared after parsing (RFC 5280 section 4.2.1.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SanPattern {
    /// A URI; scheme and host are in lower case already.
    Uri(String),
    /// A URI and any non-empty rest of whole path segments: written with a final `/*`, kept with the final `/`.
    UriPrefix(String),
    /// A DNS name, in lower case.
    Dns(String),
    /// An e-mail address; the domain is in lower case.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
}

/// The names of a verified client certificate.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PeerIdentity {
    /// URI names; scheme and host in lower case.
    pub uris: Vec<String>,
    /// DNS names, in lower case.
    pub dns: Vec<String>,
    /// E-mail addresses; domain in lower case.
    pub emails: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
}

/// Why an identity has no workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoWorkspace {
    /// No name is on any list.
    Unknown,
    /// Names of more than one workspace.
    Ambiguous,
}

/// A path prefix and where it leads.
#[derive(Debug)]
pub struct Route {
    /// Name, as in metrics.
    pub name: String,
    /// Whole segments, beginning with `/`, without a final one; `/` alone is the empty prefix.
    pub path: String,
    /// Where it leads.
    pub upstream: Upstream,
    /// Indices of the workspaces that may use it.
    pub workspaces: Vec<usize>,
    /// The provider's protocol, where the file names it.
    pub dialect: Option<Dialect>,
    /// How its requests are signed, where the proxy signs them. Their bodies are read whole: [`Route::request`] is
    /// [`Mode::Buffer`].
    pub sign: Option<Arc<Signing>>,
    /// The header fields that its requests are given.
    pub inject: Vec<Injected>,
    /// Where its upstream is, in the words of [`Workspace::regions`].
    pub region: Option<String>,
    /// What for, in the operator's words.
    pub purpose: Option<String>,
    /// What its answers say of themselves in `AI-Disclosure`.
    pub disclosure: Option<String>,
    /// The types that pass unscanned where they are no text; none: all such bodies are refused.
    pub opaque: Arc<[MediaRange]>,
    /// The provider that is to keep nothing; none: requests go on as they ask.
    pub retention: Option<Provider>,
    /// Places in JSON requests whose values are taken out.
    pub drop: Arc<[JsonPath]>,
    /// Largest request body in bytes, as it comes; none: any.
    pub max_bytes: Option<u64>,
    /// What a rule that blocks takes with it in a request; none: a record where the body is known for a batch.
    pub on_block: Option<OnBlock>,
    /// What is done with request bodies.
    pub request: Mode,
    /// What is done with response bodies.
    pub response: Mode,
    /// Who else is asked about request bodies, and about response bodies: indices of [`Policy::externals`]. Such bodies are
    /// read whole.
    pub external: [Vec<usize>; 2],
    /// Whether a workspace's shadow reads along here.
    pub shadow: bool,
    /// Where requests go that a rule with the action `reroute` sends elsewhere. Their bodies are read whole.
    pub reroute: Option<Reroute>,
    /// What the model is told where a request has tokens; none: nothing. Such bodies are read whole.
    pub token_instruction: Option<Arc<str>>,
}

/// What a rule that blocks takes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnBlock {
    /// The record that holds the value; the rest of the batch goes on.
    Record,
    /// The request; of syslog, the connection.
    Request,
}

/// What is done with the bodies of a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Redacted in flight.
    Stream,
    /// Read whole up to the limit, decided, then sent.
    Buffer {
        /// Largest body in bytes.
        limit: u64,
    },
    /// Not scanned: counted and audited.
    Off,
}

/// An upstream: an origin and the path put before the request's own.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Upstream {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path without a final `/`; empty for none.
    pub path: String,
    /// PEM bundle of roots; the system's where none is named.
    pub ca: Option<PathBuf>,
    /// The certificate that the proxy presents to it.
    pub identity: Option<UpstreamIdentity>,
    /// SHA-256 of the public keys that its certificate may have (RFC 7469 section 2.4); none: any that the roots vouch for.
    pub pins: Vec<[u8; 32]>,
    /// The proxy on the way to it.
    pub proxy: Option<Egress>,
}

/// How much may wait in memory for all that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeldMemory {
    /// Per cent of the control group's memory, or the machine's where that has no bound.
    Percent(u32),
    /// Bytes.
    Bytes(u64),
}

/// Limits of requests and connections (sizes in bytes).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections open at once. 10,000.
    pub connections: usize,
    /// Connections open at once under one client certificate. 100.
    pub certificate_connections: usize,
    /// Requests in flight at once. 10,000.
    pub requests: usize,
    /// Of the memory that the control group may use, per cent above which new requests are refused. 90.
    pub memory_percent: u32,
    /// What bodies, heads and messages under way may hold back together. Half of the memory.
    pub held_memory: HeldMemory,
    /// Requests on one HTTP/1.1 connection. 1,000.
    pub requests_per_connection: u64,
    /// Fields of a header section. 100.
    pub header_fields: usize,
    /// A header section. 64 KiB.
    pub header_bytes: usize,
    /// A request target. 8 KiB.
    pub target_bytes: usize,
    /// A trailer section. 8 KiB.
    pub trailer_bytes: usize,
    /// Bytes per second that a request's body must bring over [`Timeouts::body_idle`] of waiting for it, and that a client
    /// must take of an answer over [`Timeouts::client_stall`] of waiting for the client. 500.
    pub body_rate: u64,
    /// HTTP/2 streams of a connection. 100.
    pub h2_streams: u32,
    /// Body bytes kept so that a refusal can still be answered with a clean status. 64 KiB.
    pub decision_buffer: usize,
    /// Tokens of one exchange whose values are kept; a value beyond them is redacted. 4,096.
    pub tokens: usize,
    /// Those values and their tokens. 1 MiB.
    pub token_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            certificate_connections: 100,
            requests: 10_000,
            memory_percent: 90,
            held_memory: HeldMemory::Percent(50),
            requests_per_connection: 1_000,
            header_fields: 100,
            header_bytes: 64 << 10,
            target_bytes: 8 << 10,
            trailer_bytes: 8 << 10,
            body_rate: 500,
            h2_streams: 100,
            decision_buffer: 64 << 10,
            tokens: MAX_TOKENS,
            token_bytes: MAX_TOKEN_BYTES,
        }
    }
}

/// Time bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// TLS handshake. 10 s.
    pub handshake: Duration,
    /// Head of a request. 10 s.
    pub header: Duration,
    /// Between two reads of a request body. 30 s.
    pub body_idle: Duration,
    /// A client that takes too little of an answer that is there ([`Limits::body_rate`]), or nothing on its connection. 30 s.
    pub client_stall: Duration,
    /// A connection without a request. 60 s.
    pub keep_alive: Duration,
    /// Connecting to an upstream. 5 s.
    pub connect: Duration,
    /// From the request's end to the answer's head. 600 s.
    pub first_byte: Duration,
    /// Between two reads of a response body. 120 s.
    pub upstream_idle: Duration,
    /// A whole exchange in buffer mode. 600 s.
    pub total: Duration,
    /// Between two messages on a connection for syslog. 1 h.
    pub syslog_idle: Duration,
    /// How long a client's certificate that was good is taken for good without being looked at again. 60 s.
    pub recheck: Duration,
    /// From SIGTERM to the end. 30 s.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            header: seconds(10),
            body_idle: seconds(30),
            client_stall: seconds(30),
            keep_alive: seconds(60),
            connect: seconds(5),
            first_byte: seconds(600),
            upstream_idle: seconds(120),
            total: seconds(600),
            syslog_idle: seconds(3600),
            recheck: seconds(60),
            drain: seconds(30),
        }
    }
}

impl Workspace {
    /// The actions of a route and direction.
    #[must_use]
    pub fn scopes(&self, route: usize, direction: Direction) -> Option<&Arc<Scopes>> {
        let [request, response] = self.scopes.get(route)?;
        Some(match direction {
            Direction::Request => request,
            Direction::Response => response,
        })
    }
}
