//! Sockets, TLS and HTTP: bind, accept, reload, drain.
//!
//! Enters: a [`Policy`] and connections. Leaves: inspected exchanges, until told to stop. What the configuration says
//! lives in one `Generation`; a reload builds the next one whole and swaps it in, or changes nothing. An exchange keeps
//! the generation that it began with.
//!
//! ```text
//! accept ─► admission ─► TLS ─► PeerIdentity ─► workspace ─► exchange
//!                                                  │ one snapshot of the generation
//! request ─► InspectedBody ─► upstream ─► InspectedBody ─► client
//! ```

mod acts;
mod admission;
mod answer;
mod audited;
mod batch;
mod budgets;
mod certificates;
mod cleared;
mod connection;
mod counted;
mod dial;
mod exchange;
mod export;
mod external;
mod forms;
mod frames;
mod guard;
mod handed;
mod headers;
mod held;
mod incident;
mod inspect;
mod keys;
mod ledger;
mod letters;
mod listeners;
mod memory;
mod pace;
mod peer;
mod pressure;
mod release;
mod reply;
mod reroute;
mod residency;
mod secret_names;
mod self_test;
mod service;
mod shadow;
mod shared_limits;
mod shown;
mod signature;
mod stall;
mod start;
mod syslog;
mod target;
mod tend;
mod tls;
mod together;
mod tokens;
mod traces;
mod uploads;
mod upstream;
mod websocket;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::audit::acts::{Act, Deed};
use crate::audit::{AuditLog, Entry, Health, Kind};
use crate::policy::{ListenAddress, ListenerTls, PeerIdentity, Policy, Upstream, Weaker};
use crate::quarantine::Quarantine;
use crate::telemetry::Telemetry;

use admission::{Admission, WorkspaceQuota};
use audited::Party;
use cleared::Cleared;
use export::{Exports, Progress};
use external::Externals;
use incident::{Frozen, Unreadable};
use keys::KeyQuotas;
use letters::Letters;
use listeners::Front;
use shared_limits::SharedCount;
use traces::Traces;
use upstream::Upstreams;

pub use audited::moment;
pub use incident::{FROZEN, THAWED, frozen_in};
pub use listeners::{listen_tcp, listen_unix};
pub use release::{Denied, Order, Reviewer};
pub use self_test::{Name as TestName, Outcome};
pub use service::Ending;
pub use start::StartError;
pub use tls::TlsFault;

/// One configuration, ready to serve.
pub(crate) struct Generation {
    pub(crate) policy: Arc<Policy>,
    pub(crate) upstreams: Upstreams,
    /// Head fields in which its rules have found nothing.
    pub(crate) cleared: Cleared,
    /// Who else is asked about bodies.
    pub(crate) externals: Externals,
    /// The dead letters of each workspace that keeps them, by its index.
    pub(crate) letters: HashMap<usize, Arc<Letters>>,
    /// The requests that wait for a person.
    pub(crate) quarantine: Option<Arc<Quarantine>>,
    /// How much each workspace may ask, in the order of the policy.
    pub(crate) quotas: Vec<Arc<WorkspaceQuota>>,
    /// How much each key may ask.
    pub(crate) key_quotas: KeyQuotas,
    /// The count that replicas share of both.
    pub(crate) shared_count: Option<Arc<SharedCount>>,
    /// Where traces are sent.
    pub(crate) traces: Option<Arc<Traces>>,
    /// Each listener, in the order of the policy.
    doors: Vec<Door>,
    /// How many came before it.
    serial: u64,
}

/// A listener, ready to serve.
#[derive(Clone)]
pub(crate) struct Door {
    /// How handshakes are answered, where it speaks TLS.
    pub(crate) config: Option<Arc<ServerConfig>>,
    /// Who judges client certificates, where it asks for any.
    pub(crate) trust: Option<Arc<dyn ClientCertVerifier>>,
    /// Where its messages go, if it speaks syslog.
    pub(crate) sink: Option<Arc<syslog::Sink>>,
}

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) admission: Admission,
    /// Where exchanges are written to, if anywhere.
    pub(crate) audit: Option<AuditLog>,
    /// Connections served so far.
    pub(crate) connections: AtomicU64,
    generation: ArcSwap<Generation>,
    drain: watch::Sender<bool>,
    /// The serial of the generation in force.
    turn: watch::Sender<u64>,
    /// What the self-test of the generation in force came to; empty where there is none.
    tested: ArcSwap<Outcome>,
    /// How far the audit log has been sent, for each target.
    exported: Vec<Arc<Progress>>,
    /// The workspaces that are stopped.
    pub(crate) frozen: Frozen,
}

impl Shared {
    pub(crate) fn generation(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.drain.subscribe()
    }

    /// Tells of every generation from now on.
    pub(crate) fn turns(&self) -> watch::Receiver<u64> {
        self.turn.subscribe()
    }
}

/// The proxy before it runs.
#[derive(Debug)]
pub struct Proxy;

/// A proxy whose listeners are bound.
#[derive(Debug)]
pub struct Bound {
    handle: Handle,
    fronts: Vec<Front>,
    addresses: Vec<Address>,
    exports: Exports,
}

/// Steers a running proxy.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// Where a listener was bound; port 0 has become a real one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// How an admin listener with these settings answers handshakes.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn tls_config(settings: &ListenerTls) -> Result<Arc<ServerConfig>, TlsFault> {
    Ok(tls::prepare(settings, &[b"http/1.1"])?.config)
}

/// How a client makes sure of a server, and shows who it is.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn client_tls(server: &Upstream) -> Result<Arc<rustls::ClientConfig>, TlsFault> {
    upstream::client_config(server, &[b"http/1.1"]).map(|(_, config)| config)
}

pub(crate) use tls::identity as peer_identity;

/// The names of a certificate as records have them.
pub(crate) fn certificate_names(names: &PeerIdentity) -> Vec<String> {
    Party::names(names)
}

impl Proxy {
    /// Reads certificates and roots and binds every listener of `policy`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The first file or address that cannot be used.
    pub fn bind(policy: Arc<Policy>, telemetry: Arc<Telemetry>) -> Result<Bound, StartError> {
        let generation = Generation::prepare(policy, None, &telemetry)?;
        let policy = Arc::clone(&generation.policy);
        let mut fronts = Vec::new();
        let mut addresses = Vec::new();
        for listener in &policy.listeners {
            let (front, address) = Front::bind(&listener.address)?;
            addresses.push(address);
            fronts.push(front);
        }
        let log = policy.audit.as_ref().map(|settings| settings.directory.as_path());
        let frozen = Frozen::read(&policy.incident, log, &telemetry);
        let frozen = frozen.map_err(|Unreadable(path, source)| StartError::Incident { path, source })?;
        let exports = match &policy.audit {
            Some(settings) => Exports::prepare(&settings.directory, &settings.exports)?,
            None => Exports::default(),
        };
        let audit = match &policy.audit {
            Some(settings) => {
                let start = audited::loaded(Kind::Start, &policy);
                let opened = AuditLog::open(settings, policy.limits.requests, audited::moment, start);
                Some(opened.map_err(StartError::Audit)?)
            }
            None => None,
        };
        telemetry.set("blackbar_audit_enabled", &[], i64::from(audit.is_some()));
        counted::begin(&telemetry, &policy);
        telemetry.configured(&policy.version);
        let tested = tested(&policy);
        tested.tell(&telemetry);
        let shared = Shared {
            admission: Admission::new(&policy.limits),
            telemetry,
            audit,
            connections: AtomicU64::new(0),
            generation: ArcSwap::from_pointee(generation),
            drain: watch::Sender::new(false),
            turn: watch::Sender::new(0),
            tested: ArcSwap::from_pointee(tested),
            exported: exports.progress(),
            frozen,
        };
        Ok(Bound { handle: Handle { shared: Arc::new(shared) }, fronts, addresses, exports })
    }
}

/// What the self-test of a policy comes to. Blocks.
fn tested(policy: &Arc<Policy>) -> Outcome {
    if policy.self_test.enabled { self_test::run(policy) } else { Outcome::default() }
}

/// Tests the configuration in force, again and again.
async fn test_again(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.generation().policy.self_test.interval).await;
        let shared = Arc::clone(&shared);
        let testing = tokio::task::spawn_blocking(move || {
            let generation = shared.generation();
            let outcome = tested(&generation.policy);
            // A reload that came meanwhile has an outcome of its own.
            if Arc::ptr_eq(&generation, &shared.generation()) {
                outcome.tell(&shared.telemetry);
                shared.tested.store(Arc::new(outcome));
            }
        });
        let _ = testing.await;
    }
}

/// A task that ends with its owner.
struct Companion(JoinHandle<()>);

impl Drop for Companion {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Generation {
    fn prepare(policy: Arc<Policy>, before: Option<&Self>, telemetry: &Arc<Telemetry>) -> Result<Self, StartError> {
        let mut doors = Vec::new();
        let mut expiries = Vec::new();
        for listener in &policy.listeners {
            let protocols: &[&[u8]] = if listener.syslog.is_some() { &[] } else { &[b"h2", b"http/1.1"] };
            let prepared = listener.tls.as_ref().map(|settings| tls::prepare(settings, protocols)).transpose()?;
            expiries.extend(prepared.as_ref().map(|prepared| (listener.address.to_string(), prepared.not_after)));
            let (config, trust) = prepared.map_or((None, None), |prepared| (Some(prepared.config), prepared.trust));
            let sink = listener.syslog.as_deref().map(syslog::Sink::prepare).transpose()?.map(Arc::new);
            doors.push(Door { config, trust, sink });
        }
        let upstreams = Upstreams::prepare(&policy, before.map(|before| &before.upstreams))?;
        let externals = Externals::prepare(&policy, before.map(|before| &before.externals), telemetry)?;
        let mut letters = HashMap::new();
        for (index, workspace) in policy.workspaces.iter().enumerate() {
            let Some(settings) = &workspace.dead_letter else { continue };
            let old = before.into_iter().flat_map(|before| before.letters.values());
            let kept = match old.into_iter().find(|letters| letters.serves(settings)) {
                Some(letters) => Arc::clone(letters),
                None => Arc::new(Letters::open(settings)?),
            };
            letters.insert(index, kept);
        }
        for (listener, not_after) in expiries {
            telemetry.set("blackbar_tls_cert_not_after_seconds", &[&listener], not_after);
        }
        let old = before.and_then(|before| before.quarantine.as_ref());
        let quarantine = policy.quarantine.as_ref().map(|settings| match old.and_then(|old| old.under(settings)) {
            Some(kept) => Ok(kept),
            None => Quarantine::open(settings, dial::store(&settings.store)).map_err(StartError::Quarantine),
        });
        let quarantine = quarantine.transpose()?;
        let quotas = policy.workspaces.iter().map(|workspace| {
            let kept = before.and_then(|before| before.quotas.iter().find(|quota| quota.is_of(workspace)).cloned());
            kept.unwrap_or_else(|| Arc::new(WorkspaceQuota::new(workspace)))
        });
        let quotas = quotas.collect();
        let key_quotas = keys::quotas(&policy, before.map(|before| &before.key_quotas));
        let shared_count = SharedCount::prepare(&policy, before.and_then(|before| before.shared_count.as_ref()));
        let traces = before.and_then(|before| before.traces.as_ref());
        let traces = Traces::prepare(policy.traces.as_ref(), traces, telemetry)?;
        Ok(Self {
            cleared: Cleared::new(&policy),
            policy,
            upstreams,
            externals,
            letters,
            quarantine,
            quotas,
            key_quotas,
            shared_count,
            traces,
            doors,
            serial: before.map_or(0, |before| before.serial + 1),
        })
    }
}

impl Bound {
    /// Where the listeners are, in the configuration's order.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What steers the proxy while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown` resolves, then drains: nothing more is accepted, what is under way may end within the
    /// policy's bound, and the last spans may leave. Gives whether everything ended in time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> bool {
        let shared = self.handle.shared;
        // Every connection holds a sender; when the last is gone, `recv` ends.
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let mut accepting = tokio::task::JoinSet::new();
        for (index, front) in self.fronts.into_iter().enumerate() {
            accepting.spawn(listeners::accept(Arc::clone(&shared), index, front, alive.clone()));
        }
        drop(alive);
        let testing = Companion(tokio::spawn(test_again(Arc::clone(&shared))));
        let tending = Companion(tokio::spawn(tend::tend(Arc::clone(&shared))));
        let _sending = Companion(tokio::spawn(self.exports.run(Arc::clone(&shared.telemetry))));
        let _watching = Companion(tokio::spawn(incident::follow(Arc::clone(&shared))));
        let _weighing = Companion(tokio::spawn(pressure::follow(Arc::clone(&shared))));
        let _counting = Companion(tokio::spawn(shared_limits::follow(Arc::clone(&shared))));
        let _recording = Companion(tokio::spawn(acts::follow(Arc::clone(&shared))));
        shutdown.await;
        drop(testing);
        if let Some(audit) = &shared.audit {
            audit.note(Act::new(Deed::Drain).entry());
        }
        tracing::info!("draining");
        drop(tending);
        shared.drain.send_replace(true);
        while accepting.join_next().await.is_some() {}
        let within = shared.generation().policy.timeouts.drain;
        let drained = tokio::time::timeout(within, all_gone.recv()).await.is_ok();
        if !drained {
            shared.admission.cut.store(true, Ordering::Release);
        }
        if let Some(traces) = &shared.generation().traces {
            let flushing = async {
                if drained {
                    // Over HTTP/2 an exchange may outlive its connection by a moment.
                    shared.admission.quiet().await;
                }
                traces.flush().await;
            };
            if tokio::time::timeout(traces::LAST, flushing).await.is_err() {
                tracing::warn!("the last traces are not taken");
            }
        }
        tracing::info!(drained, "stopped");
        drained
    }
}

impl Handle {
    /// Lets `policy` take over for every request that begins from now on.
    ///
    /// # Errors
    /// Its files cannot be used, or its listeners are others; then nothing changes.
    pub fn replace(&self, policy: Arc<Policy>) -> Result<(), StartError> {
        let before = self.shared.generation();
        let telemetry = &self.shared.telemetry;
        let next = if before.policy.listeners.len() == policy.listeners.len()
            && before.policy.listeners.iter().zip(&policy.listeners).all(|(old, new)| old.address == new.address)
        {
            self.no_weaker(&before.policy, &policy)
                .and_then(|outcome| Ok((Generation::prepare(policy, Some(&before), telemetry)?, outcome)))
                // Last, for it cannot be taken back.
                .and_then(|next| self.signs_as(&before.policy, &next.0.policy).map(|()| next))
        } else {
            Err(StartError::Listeners)
        };
        match next {
            Ok((next, outcome)) => {
                counted::begin(telemetry, &next.policy);
                telemetry.configured(&next.policy.version);
                tracing::info!(version = next.policy.version, "configuration in force");
                let serial = next.serial;
                if let Some(audit) = &self.shared.audit {
                    audit.note(audited::loaded(Kind::ConfigLoad, &next.policy));
                }
                outcome.tell(telemetry);
                self.shared.tested.store(Arc::new(outcome));
                self.shared.generation.store(Arc::new(next));
                self.shared.turn.send_replace(serial);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tests a policy that is to take over.
    ///
    /// # Errors
    /// Something that is caught now would pass under it, and it does not say that it may.
    fn no_weaker(&self, held: &Policy, policy: &Arc<Policy>) -> Result<Outcome, StartError> {
        let outcome = tested(policy);
        let before = self.shared.tested.load();
        let allowed = &policy.self_test.allow_weaker;
        let mut names = self_test::listed(outcome.weaker_than(&before).filter(|name| !allowed.allows(name.entity())));
        // What is allowed to be weaker as a whole need not be looked at.
        if policy.self_test.enabled && *allowed != Weaker::Any {
            let lost = self_test::lost(held, policy).into_iter().filter(|one| !allowed.allows(one.entity()));
            let lost = self_test::listed(lost);
            let and = if names.is_empty() || lost.is_empty() { "" } else { "; examples of " };
            names = [names.as_str(), and, &lost].concat();
        }
        if names.is_empty() { Ok(outcome) } else { Err(StartError::Weaker(names)) }
    }

    /// Whether the last self-test found a value that passed and should not.
    #[must_use]
    pub fn self_test_fails(&self) -> bool {
        self.shared.tested.load().missed().next().is_some()
    }

    /// How the audit log is, where there is one.
    #[must_use]
    pub fn audit(&self) -> Option<&Health> {
        self.shared.audit.as_ref().map(AuditLog::health)
    }

    /// Writes a record of what was done at the admin listener, where there is an audit log.
    pub fn note(&self, entry: Entry) {
        if let Some(audit) = &self.shared.audit {
            audit.note(entry);
        }
    }

    /// Ends the audit log in order; what is still to be recorded is written before. Blocks until then.
    pub fn close_audit(&self) {
        if let Some(audit) = &self.shared.audit {
            audit.close();
        }
    }

    /// Brings the metrics of the memory and the audit log up to date.
    pub fn refresh_metrics(&self) {
        let telemetry = &self.shared.telemetry;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let (held, most) = self.shared.admission.memory.state();
        telemetry.set("blackbar_memory_held_bytes", &[], number(held));
        telemetry.set("blackbar_memory_held_limit_bytes", &[], number(most));
        let Some(health) = self.audit() else { return };
        telemetry.set("blackbar_audit_failing", &[], i64::from(health.is_failing()));
        telemetry.set("blackbar_audit_records", &[], number(health.records()));
        telemetry.set("blackbar_audit_unsealed_records", &[], number(health.records().saturating_sub(health.sealed())));
        telemetry.set("blackbar_audit_checkpoint_timestamp_seconds", &[], number(health.sealed_at_ms() / 1000));
        telemetry.raise("blackbar_audit_failures_total", &[], health.failures());
        self.shared.exported.iter().for_each(|progress| progress.tell(health.records(), telemetry));
    }

    /// Whether new connections are no longer taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.shared.drain.borrow()
    }

    /// The version of the configuration in force.
    #[must_use]
    pub fn version(&self) -> String {
        self.shared.generation().policy.version.clone()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
