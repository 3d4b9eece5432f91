//! The proxy tests itself: made-up values go the way that a client's go, and must not arrive as they were sent.
//!
//! Enters: a [`Policy`]. Leaves: an [`Outcome`], which names workspaces, routes, entities and spellings, and no value.
//! For every workspace and route, bodies of both directions pass through the code that serves clients (connection,
//! HTTP, exchange, body layers, rules; of listeners for syslog, the messages) between a client and a [`sink`] within the process: no socket is opened, nothing
//! is counted, logged or audited as traffic. Where a workspace's rules find a value as people write it, they must find
//! each of its spellings in each body; where they let it pass, that is what they say. A reload is held against the
//! configuration before it: what was caught and passes now is [`Outcome::weaker_than`] it, and so are rules whose own
//! examples pass now ([`lost`]).

mod examples;
mod messages;
mod probes;
mod sink;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tracing::subscriber::NoSubscriber;

use crate::body::syslog::Framing;
use crate::body::{Dialect, Direction};
use crate::engine::{Output, StreamRedactor};
use crate::policy::{HeldMemory, Limits, Listener, Mode, Policy, Route, Syslog, Workspace};
use crate::telemetry::{self, Telemetry};

use super::admission::{Admission, WorkspaceQuota};
use super::cleared::Cleared;
use super::connection::{self, Connection};
use super::external::Externals;
use super::incident::Frozen;
use super::keys::KeyQuotas;
use super::peer::Peer;
use super::upstream::Upstreams;
use super::{Generation, Shared, syslog};
pub(super) use examples::lost;
use probes::{Carrier, Probe, Spelling};
use sink::{Pieces, Sink};

/// Ways from a workspace over a route that are tested at most; those behind them are counted as left out.
const WAYS: usize = 512;
/// How long an exchange with the sink may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes on their way between the client and the proxy.
const BUFFER: usize = 64 << 10;
/// Bytes of syslog that come at once: no value fits into them.
const PIECE: usize = 7;
/// What a refusal by a rule is called.
const BLOCKED: &str = "policy_blocked";
/// Names of a list that a log line tells.
const NAMED: usize = 8;

/// One value, in one spelling, in one body, on one way. It is named in logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    workspace: String,
    route: String,
    response: bool,
    carrier: Carrier,
    probe: Probe,
}

impl Name {
    /// The entity that the value is one of.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.probe.entity
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, route, response, carrier, probe } = self;
        let direction = if *response { "response" } else { "request" };
        let (carrier, spelling) = (carrier.name(), probe.spelling.name());
        write!(f, "{workspace} {route} {direction} {carrier}: {} {spelling}", probe.entity)
    }
}

/// What became of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It did not arrive as it was sent.
    Caught,
    /// It did, and the rules let it.
    Passed,
    /// It did, and the rules do not.
    Missed,
}

/// What a test came to.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    fates: BTreeMap<Name, Fate>,
    /// Bodies that were refused for another reason than a rule, so that nothing is known of their probes.
    untested: usize,
    left_out: usize,
}

impl Outcome {
    /// Those that arrived though the rules say otherwise.
    pub fn missed(&self) -> impl Iterator<Item = &Name> {
        self.having(Fate::Missed)
    }

    fn having(&self, wanted: Fate) -> impl Iterator<Item = &Name> {
        self.fates.iter().filter(move |(_, fate)| **fate == wanted).map(|(name, _)| name)
    }

    /// What `before` caught and this one does not, where both were tested.
    pub fn weaker_than<'o>(&'o self, before: &'o Self) -> impl Iterator<Item = &'o Name> {
        before.having(Fate::Caught).filter(|name| self.fates.get(*name).is_some_and(|fate| *fate != Fate::Caught))
    }

    /// Brings the metrics up to date.
    pub(super) fn tell(&self, telemetry: &Telemetry) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let failing = self.missed().next().is_some();
        telemetry.set("blackbar_self_test_failing", &[], i64::from(failing));
        let seconds = i64::try_from(telemetry::unix_seconds()).unwrap_or(i64::MAX);
        telemetry.set("blackbar_self_test_timestamp_seconds", &[], seconds);
        let counts = [("caught", Fate::Caught), ("passed", Fate::Passed), ("missed", Fate::Missed)];
        for (result, fate) in counts {
            telemetry.set("blackbar_self_test_probes", &[result], number(self.having(fate).count()));
        }
        telemetry.set("blackbar_self_test_probes", &["untested"], number(self.untested + self.left_out));
        if failing {
            tracing::error!(missed = listed(self.missed()), "the self-test failed: these were not found");
        }
    }
}

/// The first few names of a list, and how many more there are.
pub(super) fn listed(names: impl Iterator<Item = impl fmt::Display>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    let more = names.len().saturating_sub(NAMED);
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first}, and {more} more") }
}

/// Tests a policy. Blocks; may be called from anywhere.
pub(super) fn run(policy: &Arc<Policy>) -> Outcome {
    // A thread of its own: a runtime within a runtime cannot be waited for, and what exchanges log is no traffic.
    let tested = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tracing::subscriber::with_default(NoSubscriber::new(), || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                runtime.ok().map(|runtime| runtime.block_on(Test::run(policy)))
            })
        });
        thread.join().ok().flatten()
    });
    tested.unwrap_or_else(|| Outcome { untested: 1, ..Outcome::default() })
}

/// A test under way.
struct Test {
    shared: Arc<Shared>,
    sink: Sink,
    outcome: Outcome,
}

/// From a workspace over a route, or by a listener for syslog.
struct Way<'p> {
    index: usize,
    workspace: &'p Workspace,
    /// What it is called in logs.
    name: &'p str,
    /// Which of the workspace's scopes hold.
    scope: usize,
    /// Whether requests, and answers, pass as they come.
    unread: [bool; 2],
    /// The listener, where it takes syslog.
    syslog: Option<&'p Listener>,
    dialect: Dialect,
    /// Of requests, as clients write it.
    path: String,
    /// Of WebSocket connections, where the route has any.
    live: Option<String>,
}

/// How an exchange ended.
enum Ended {
    /// Which probes arrived as they were sent.
    Read(Vec<bool>),
    /// A rule refused the body.
    Blocked,
    /// Something else did.
    Refused,
}

impl Test {
    async fn run(policy: &Arc<Policy>) -> Outcome {
        let (connections, incoming) = mpsc::channel(16);
        let sink = Sink::default();
        tokio::spawn(sink.clone().serve(incoming));
        let generation = Generation {
            policy: Arc::clone(policy),
            cleared: Cleared::new(policy),
            upstreams: Upstreams::to_sink(policy, &connections),
            letters: std::collections::HashMap::new(),
            quotas: policy.workspaces.iter().map(|one| Arc::new(WorkspaceQuota::unbounded(one))).collect(),
            key_quotas: KeyQuotas::new(),
            shared_count: None,
            traces: None,
            doors: Vec::new(),
            externals: Externals::none(),
            // What a person is to judge is refused here.
            quarantine: None,
            serial: 0,
        };
        let shared = Arc::new(Shared {
            telemetry: Arc::new(Telemetry::new()),
            // What is tested is what passes, not for how many there is room.
            admission: Admission::new(&Limits { held_memory: HeldMemory::Bytes(u64::MAX), ..policy.limits.clone() }),
            audit: None,
            connections: AtomicU64::new(0),
            generation: ArcSwap::from_pointee(generation),
            drain: watch::Sender::new(false),
            turn: watch::Sender::new(0),
            tested: ArcSwap::default(),
            exported: Vec::new(),
            frozen: Frozen::default(),
        });
        let mut test = Self { shared, sink, outcome: Outcome::default() };
        let (ways, left_out) = ways(policy);
        test.outcome.left_out = left_out;
        for way in &ways {
            if way.syslog.is_some() {
                test.carry(way, Direction::Request, Carrier::Syslog).await;
                continue;
            }
            for direction in [Direction::Request, Direction::Response] {
                for carrier in Carrier::of(way.dialect, direction, way.live.is_some()) {
                    test.carry(way, direction, carrier).await;
                }
            }
        }
        test.outcome
    }

    /// Sends every probe over a way in one kind of body.
    async fn carry(&mut self, way: &Way<'_>, direction: Direction, carrier: Carrier) {
        let probes: Vec<Probe> = Probe::all().into_iter().filter(|probe| carrier.spells(*probe)).collect();
        let mut passed = BTreeMap::new();
        // Where a rule refuses the whole, the halves are sent, down to single probes: each is to be judged by itself.
        let mut todo = vec![probes];
        while let Some(probes) = todo.pop() {
            let ended = match way.syslog {
                Some(listener) => self.log(way, listener, &probes).await,
                None => self.exchange(way, direction, carrier, &probes).await,
            };
            match ended {
                Ended::Read(read) => passed.extend(probes.into_iter().zip(read)),
                Ended::Blocked if probes.len() > 1 => {
                    let (left, right) = probes.split_at(probes.len() / 2);
                    todo.extend([left.to_vec(), right.to_vec()]);
                }
                Ended::Blocked => passed.extend(probes.into_iter().map(|probe| (probe, false))),
                Ended::Refused => self.outcome.untested += 1,
            }
        }
        for (probe, arrived) in &passed {
            let plain = Probe { spelling: Spelling::Plain, ..*probe };
            let caught = |probe: &Probe| passed.get(probe).is_some_and(|passed| !passed);
            let fate = match arrived {
                false => Fate::Caught,
                true if caught(&plain) || (*probe == plain && way.forbids(direction, plain)) => Fate::Missed,
                true => Fate::Passed,
            };
            let (workspace, route) = (way.workspace.name.clone(), way.name.to_owned());
            let response = direction == Direction::Response;
            self.outcome.fates.insert(Name { workspace, route, response, carrier, probe: *probe }, fate);
        }
    }

    /// One request and its answer.
    async fn exchange(&self, way: &Way<'_>, direction: Direction, carrier: Carrier, probes: &[Probe]) -> Ended {
        let body = carrier.body(way.dialect, direction, probes);
        let nothing = Bytes::from_static(b"{}");
        let (sent, kind) = match direction {
            Direction::Request => {
                let answer = if carrier == Carrier::Messages { Bytes::new() } else { nothing };
                self.sink.answers(("application/json", None), answer);
                (body, (carrier.media_type(), carrier.coding()))
            }
            Direction::Response => {
                self.sink.answers((carrier.media_type(), carrier.coding()), body);
                let asked = if carrier == Carrier::Messages { Bytes::new() } else { nothing };
                (asked, ("application/json", None))
            }
        };
        let asked = async {
            match way.live.as_deref().filter(|_| carrier == Carrier::Messages) {
                Some(path) => Some(self.talk(way, path, &sent).await),
                None => self.ask(way, kind, sent).await,
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let Some(answer) = asked.ok().flatten().and_then(|answer| carrier.opened(&answer)) else {
            return Ended::Refused;
        };
        let seen = match direction {
            Direction::Request => self.sink.taken().and_then(|seen| carrier.opened(&seen)),
            // An answer that the sink did not give is the proxy's own.
            Direction::Response => self.sink.taken().map(|_| answer.clone()),
        };
        match seen.and_then(|seen| carrier.passed(way.dialect, &seen, probes)) {
            Some(passed) if !says_blocked(&answer) => Ended::Read(passed),
            Some(_) | None if says_blocked(&answer) => Ended::Blocked,
            Some(_) | None => Ended::Refused,
        }
    }

    /// Sends messages of syslog on a connection of its own.
    async fn log(&self, way: &Way<'_>, listener: &Listener, probes: &[Probe]) -> Ended {
        let lines = Carrier::Syslog.body(way.dialect, Direction::Request, probes);
        let framing = listener.syslog.as_ref().map(|syslog| syslog.framing).unwrap_or_default();
        let messages: Vec<u8> = match framing {
            Framing::Octets => lines.split_inclusive(|byte| *byte == b'\n').flat_map(counted).collect(),
            Framing::Auto | Framing::Lines => lines.to_vec(),
        };
        let ((mut near, far), (beside, mut sink)) = (tokio::io::duplex(BUFFER), tokio::io::duplex(BUFFER));
        let (shared, peer) = (Arc::clone(&self.shared), Peer::probe(way.index));
        let mut served = tokio::spawn(syslog::probe(shared, peer, listener.clone(), far, beside));
        let carried = async {
            for piece in messages.chunks(PIECE) {
                if near.write_all(piece).await.is_err() {
                    break;
                }
                // So that it is read as it comes.
                tokio::task::yield_now().await;
            }
            let _ = near.shutdown().await;
            let mut taken = Vec::new();
            let read = sink.read_to_end(&mut taken).await;
            // The other side waits for it.
            drop(sink);
            let fault = (&mut served).await.ok()?;
            read.ok().map(|_| (taken, fault))
        };
        let carried = tokio::time::timeout(PATIENCE, carried).await.ok().flatten();
        served.abort();
        match carried {
            Some((_, Some(fault))) if fault.code() == BLOCKED => Ended::Blocked,
            Some((taken, None)) => match Carrier::Syslog.passed(way.dialect, &taken, probes) {
                Some(passed) => Ended::Read(passed),
                None => Ended::Refused,
            },
            Some(_) | None => Ended::Refused,
        }
    }

    /// Says messages on a WebSocket connection of its own; gives what came back.
    async fn talk(&self, way: &Way<'_>, path: &str, lines: &[u8]) -> Bytes {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (shared, peer) = (Arc::clone(&self.shared), Peer::probe(way.index));
        let drain = shared.draining();
        let connection = Connection::new(shared, peer, String::new(), None);
        let served = tokio::spawn(connection::http1(connection, far, drain));
        let heard = match messages::End::of_client(near, path).await {
            Ok(mut end) => {
                let heard = end.talk(lines).await;
                end.end().await;
                heard
            }
            Err(answer) => answer,
        };
        served.abort();
        heard
    }

    /// Asks on a connection of its own; gives the answer's body, as far as it came.
    async fn ask(&self, way: &Way<'_>, (media_type, coding): sink::Kind, body: Bytes) -> Option<Bytes> {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (shared, peer) = (Arc::clone(&self.shared), Peer::probe(way.index));
        let drain = shared.draining();
        let connection = Connection::new(shared, peer, String::new(), None);
        let served = tokio::spawn(connection::http1(connection, far, drain));
        let (mut sender, driver) = http1::handshake(TokioIo::new(near)).await.ok()?;
        let driver = tokio::spawn(driver);
        let mut request = Request::builder().method(Method::POST).uri(&way.path);
        if let Some(coding) = coding {
            request = request.header(CONTENT_ENCODING, coding);
        }
        let request =
            request.header(HOST, "self-test").header(CONTENT_TYPE, media_type).body(Pieces::new(body)).ok()?;
        let mut answer = sender.send_request(request).await.ok()?.into_body();
        let mut taken = Vec::new();
        // One that breaks off ends in an error event before.
        while let Some(Ok(frame)) = answer.frame().await {
            taken.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        served.abort();
        driver.abort();
        Some(Bytes::from(taken))
    }
}

/// Whether an answer is, or ends in, a refusal by a rule.
fn says_blocked(answer: &[u8]) -> bool {
    memchr::memmem::find(answer, BLOCKED.as_bytes()).is_some()
}

/// A line as a message with its length before it (RFC 6587 section 3.4.1).
fn counted(line: &[u8]) -> Vec<u8> {
    let message = line.trim_ascii_end();
    [message.len().to_string().as_bytes(), b" ", message].concat()
}

/// The ways of a policy, and how many are left out.
fn ways(policy: &Policy) -> (Vec<Way<'_>>, usize) {
    let workspace = |index: &usize| Some((*index, policy.workspaces.get(*index)?));
    let routes = policy.routes.iter().enumerate().flat_map(|(route_index, route)| {
        let workspaces = route.workspaces.iter().filter_map(workspace);
        workspaces.map(move |(index, workspace)| Way::new(index, workspace, route_index, route))
    });
    let logs = policy.listeners.iter().filter_map(|listener| Some((listener, listener.syslog.as_deref()?)));
    let logs = logs.flat_map(|(listener, syslog)| {
        let workspaces = syslog.workspaces.iter().filter_map(workspace);
        workspaces.map(move |(index, workspace)| Way::of_syslog(index, workspace, listener, syslog))
    });
    let mut all = routes.chain(logs);
    (all.by_ref().take(WAYS).collect(), all.count())
}

impl<'p> Way<'p> {
    fn new(index: usize, workspace: &'p Workspace, route_index: usize, route: &'p Route) -> Self {
        let named = route.dialect.or(route.retention.map(crate::body::retention::Provider::dialect));
        let (dialect, rest) = match named {
            None | Some(Dialect::OpenAi) => (Dialect::OpenAi, "/v1/chat/completions"),
            Some(Dialect::Anthropic) => (Dialect::Anthropic, "/v1/messages"),
            Some(_) => (Dialect::Plain, "/self-test"),
        };
        // The upstream's own path comes before.
        let path = |rest: &str| {
            let rest = if route.upstream.path.ends_with("/v1") { rest.trim_start_matches("/v1") } else { rest };
            format!("{}{rest}", route.path.trim_end_matches('/'))
        };
        let live =
            (dialect == Dialect::OpenAi && super::exchange::takes_connections(route)).then(|| path("/v1/realtime"));
        let unread = [route.request, route.response].map(|mode| mode == Mode::Off);
        let (name, scope, path) = (route.name.as_str(), route_index, path(rest));
        Self { index, workspace, name, scope, unread, syslog: None, dialect, path, live }
    }

    fn of_syslog(index: usize, workspace: &'p Workspace, listener: &'p Listener, syslog: &'p Syslog) -> Self {
        let (name, scope) = (syslog.name.as_str(), syslog.scope);
        let (dialect, unread, path, live) = (Dialect::Plain, [false; 2], String::new(), None);
        Self { index, workspace, name, scope, unread, syslog: Some(listener), dialect, path, live }
    }

    /// Whether the rules, asked by themselves, do not let a value pass. Where they differ by place in a document, it is
    /// not asked.
    fn forbids(&self, direction: Direction, probe: Probe) -> bool {
        let [request, response] = self.unread;
        let unread = match direction {
            Direction::Request => request,
            Direction::Response => response,
        };
        let Some(scopes) = self.workspace.scopes(self.scope, direction) else { return false };
        if unread || !scopes.paths.is_empty() {
            return false;
        }
        let mut redactor = StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions));
        let mut out = Output::default();
        redactor.push_last(probe.value().as_bytes(), &mut out).is_err() || out.bytes != probe.value().as_bytes()
    }
}
