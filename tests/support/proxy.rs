//! The proxy under test.

use std::net::SocketAddr;
use std::sync::Arc;

use blackbar::body::{BodyLimits, Scopes};
use blackbar::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};
use blackbar::policy::{
    ClientAuth, Limits, ListenAddress, Listener, ListenerTls, Mode, OnFault, Policy, Route, SanPattern, Timeouts,
    Upstream as Target, Workspace,
};
use blackbar::proxy::{Address, Handle, Proxy};
use blackbar::telemetry::Telemetry;
use tokio::sync::oneshot;

use super::client::{self, Client};
use super::pki::{Name, Pki};
use super::upstream::Upstream;

/// The names of the client of workspace `acme`.
pub const ACME: Name = Name::Uri("spiffe://acme.example/agent");

/// A proxy to be.
pub struct TestProxy {
    pub pki: Pki,
    pub policy: Policy,
}

/// A proxy that runs.
pub struct Running {
    pub pki: Pki,
    pub address: SocketAddr,
    pub handle: Handle,
    pub telemetry: Arc<Telemetry>,
    stop: Option<oneshot::Sender<()>>,
    running: tokio::task::JoinHandle<bool>,
}

impl TestProxy {
    pub fn new() -> Self {
        let pki = Pki::new();
        let tls = ListenerTls {
            certificate: pki.file("server.crt"),
            private_key: pki.file("server.key"),
            client_ca: Some(pki.file("ca.crt")),
            client_auth: ClientAuth::Required,
        };
        let listener = Listener {
            address: ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()),
            tls: Some(tls),
            workspace: None,
            hosts: Vec::new(),
        };
        let policy = Policy {
            version: "0000000000000001".to_owned(),
            listeners: vec![listener],
            admin: None,
            workspaces: Vec::new(),
            routes: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            body_limits: BodyLimits::default(),
        };
        Self { pki, policy }
    }

    /// A workspace of [`ACME`]; `rules` gives actions by entity.
    pub fn workspace(mut self, name: &str, rules: &str) -> Self {
        let rules: toml::Table = rules.parse().unwrap();
        let actions = rules.get("actions").and_then(|actions| actions.as_table()).cloned().unwrap_or_default();
        let known = [
            ("pci.card", "CREDIT_CARD", Detector::Card),
            ("us-pii.ssn", "US_SSN", Detector::UsSsn),
            ("contact.email", "EMAIL", Detector::Email),
            ("contact.phone", "PHONE", Detector::Phone),
        ];
        let specs = known.map(|(id, entity, detector)| RuleSpec {
            id: RuleId::new(id),
            entity: EntityType::new(entity),
            pattern: Pattern::Detector(detector),
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
        });
        let table = |direction: &str| {
            let action = |entity: &str| {
                let told = actions.get(entity).map(|told| told.get(direction).unwrap_or(told));
                match told.and_then(|told| told.as_str()) {
                    None => Action::default_for(&EntityType::new(entity)),
                    Some("block") => Action::Block,
                    Some("observe") => Action::Observe,
                    Some("redact") => Action::Redact,
                    Some("mask") => Action::Mask,
                    Some("off") => Action::Off,
                    Some(other) => panic!("{other}"),
                }
            };
            Arc::new(ActionTable::new(known.iter().map(|(_, entity, _)| action(entity)).collect(), None))
        };
        let rules = Arc::new(RuleSet::build(specs.to_vec()).unwrap());
        let scopes =
            |direction| Arc::new(Scopes { rules: Arc::clone(&rules), actions: table(direction), paths: Vec::new() });
        let workspace = Workspace {
            name: name.to_owned(),
            clients: vec![SanPattern::Uri(format!("spiffe://{name}.example/agent"))],
            rules: Arc::clone(&rules),
            on_fault: OnFault::Block,
            scopes: vec![[scopes("request"), scopes("response")]; 8],
        };
        self.policy.workspaces.push(Arc::new(workspace));
        self
    }

    /// Route `/` to this upstream.
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.route("/", upstream.address, |_| {})
    }

    /// A route with changes of the test's own.
    pub fn route(mut self, path: &str, to: SocketAddr, change: impl FnOnce(&mut Route)) -> Self {
        let mut route = Route {
            name: path.trim_start_matches('/').to_owned(),
            path: path.to_owned(),
            upstream: Target { tls: false, host: to.ip().to_string(), port: to.port(), path: String::new(), ca: None },
            workspaces: (0..self.policy.workspaces.len()).collect(),
            dialect: None,
            request: Mode::Stream,
            response: Mode::Stream,
        };
        change(&mut route);
        self.policy.routes.push(Arc::new(route));
        self
    }

    /// A change to limits, timeouts or listeners.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub fn start(self) -> Running {
        let telemetry = Arc::new(Telemetry::new());
        let bound = Proxy::bind(Arc::new(self.policy), Arc::clone(&telemetry)).unwrap();
        let address = match bound.addresses() {
            [Address::Tcp(address), ..] => *address,
            _ => ([0, 0, 0, 0], 0).into(),
        };
        let handle = bound.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(bound.run(async {
            let _ = stopped.await;
        }));
        Running { pki: self.pki, address, handle, telemetry, stop: Some(stop), running }
    }
}

impl Running {
    /// A client of workspace `acme` over HTTP/1.1.
    pub async fn client(&self) -> Client {
        self.client_named(&[ACME]).await
    }

    /// A client with these names.
    pub async fn client_named(&self, names: &[Name]) -> Client {
        let config = self.pki.client_config(Some(self.pki.client(names)), &["http/1.1"]);
        Client::new(client::connect(self.address, "localhost", config).await.unwrap())
    }

    /// A client of workspace `acme` over HTTP/2.
    pub async fn client2(&self) -> hyper::client::conn::http2::SendRequest<http_body_util::Full<hyper::body::Bytes>> {
        let config = self.pki.client_config(Some(self.pki.client(&[ACME])), &["h2"]);
        client::http2(client::connect(self.address, "localhost", config).await.unwrap()).await
    }

    /// The value of a metric's line that begins with these words; 0 where there is none.
    pub fn metric(&self, line: &str) -> f64 {
        let text = self.telemetry.render();
        let found = text.lines().find_map(|known| known.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0.0)
    }

    /// Begins to drain.
    pub fn stop(&mut self) {
        self.stop.take();
    }

    /// Waits for the end; whether everything ended in time.
    pub async fn ended(self) -> bool {
        super::within(self.running).await.unwrap()
    }
}
