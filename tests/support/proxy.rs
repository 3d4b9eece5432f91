//! The proxy under test, from files as an operator would write them.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use blackbar::policy::{self, Policy, Route};
use blackbar::proxy::{Address, Handle, Proxy};
use blackbar::telemetry::Telemetry;
use tokio::sync::oneshot;

use super::client::{self, Client};
use super::pki::{Name, Pki};
use super::upstream::Upstream;

/// The names of the client of workspace `acme`.
pub const ACME: Name = Name::Uri("spiffe://acme.example/agent");

/// What a test changes of what its files say.
type Change<T> = Box<dyn FnOnce(&mut T)>;

/// A proxy to be.
pub struct TestProxy {
    pub pki: Pki,
    listener: String,
    workspaces: Vec<(String, String)>,
    settings: String,
    tables: String,
    route_settings: String,
    routes: Vec<(String, String)>,
    route_changes: Vec<Change<Route>>,
    changes: Vec<Change<Policy>>,
    audited: bool,
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
        Self {
            pki: Pki::new(),
            listener: "certificate = \"server.crt\"\nprivate_key = \"server.key\"\nclient_ca = \"ca.crt\"\n".to_owned(),
            workspaces: Vec::new(),
            settings: String::new(),
            tables: String::new(),
            route_settings: String::new(),
            routes: Vec::new(),
            route_changes: Vec::new(),
            changes: Vec::new(),
            audited: false,
        }
    }

    /// A workspace whose client is `spiffe://NAME.example/agent`.
    pub fn workspace(mut self, name: &str, rules: &str) -> Self {
        self.workspaces.push((name.to_owned(), rules.to_owned()));
        self
    }

    /// A listener for syslog instead, with these lines besides.
    pub fn syslog(mut self, upstream: &str, more: &str) -> Self {
        write!(self.listener, "protocol = \"syslog\"\nupstream = \"{upstream}\"\n{more}\n").unwrap();
        self
    }

    /// More keys of every workspace.
    pub fn settings(mut self, settings: &str) -> Self {
        self.settings.push_str(settings);
        self
    }

    /// More tables of the file.
    pub fn tables(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self
    }

    /// More keys of every route.
    pub fn route_settings(mut self, settings: &str) -> Self {
        self.route_settings.push_str(settings);
        self
    }

    /// Route `/` to this upstream.
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.route("/", upstream.address, |_| {})
    }

    /// A route with changes of the test's own.
    pub fn route(mut self, path: &str, to: SocketAddr, change: impl FnOnce(&mut Route) + 'static) -> Self {
        self.routes.push((path.to_owned(), format!("http://{to}")));
        self.route_changes.push(Box::new(change));
        self
    }

    /// A change to limits, timeouts or listeners.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// With an audit log in the folder `audit`, and a key for each workspace.
    pub fn audited(mut self) -> Self {
        self.audited = true;
        self
    }

    /// Writes the files.
    pub fn write(&self) -> std::path::PathBuf {
        let mut config = format!("version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n{}", self.listener);
        for (name, rules) in &self.workspaces {
            std::fs::write(self.pki.file(&format!("{name}.toml")), rules).unwrap();
            let client = format!("uri:spiffe://{name}.example/agent");
            writeln!(config, "[[workspace]]\nname = \"{name}\"\nclients = [\"{client}\"]\nrules = \"{name}.toml\"")
                .unwrap();
            config.push_str(&self.settings);
            if self.audited {
                std::fs::write(self.pki.file("workspace.key32"), [7; 32]).unwrap();
                writeln!(config, "key = {{ file = \"workspace.key32\" }}").unwrap();
            }
        }
        if self.audited {
            std::fs::write(self.pki.file("audit.key"), blackbar::cli::certs::audit_key().unwrap()).unwrap();
            writeln!(config, "[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"").unwrap();
        }
        for (path, url) in &self.routes {
            let name = if path == "/" { "root" } else { path.trim_start_matches('/') };
            writeln!(config, "[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"{url}\"").unwrap();
            config.push_str(&self.route_settings);
        }
        config.push_str(&self.tables);
        let path = self.pki.file("blackbar.toml");
        std::fs::write(&path, config).unwrap();
        path
    }

    /// The policy, with the test's changes.
    pub fn build(self) -> (Pki, Policy) {
        let config = self.write();
        let mut policy = match policy::load(&config) {
            Ok(loaded) => loaded.policy,
            Err(diagnostics) => panic!("{diagnostics:?}"),
        };
        for (route, change) in policy.routes.iter_mut().zip(self.route_changes) {
            change(Arc::get_mut(route).unwrap());
        }
        for change in self.changes {
            change(&mut policy);
        }
        (self.pki, policy)
    }

    pub fn start(self) -> Running {
        let telemetry = Arc::new(Telemetry::new());
        let (pki, policy) = self.build();
        let bound = Proxy::bind(Arc::new(policy), Arc::clone(&telemetry)).unwrap();
        let address = match bound.addresses() {
            [Address::Tcp(address), ..] => *address,
            _ => ([0, 0, 0, 0], 0).into(),
        };
        let handle = bound.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(bound.run(async {
            let _ = stopped.await;
        }));
        Running { pki, address, handle, telemetry, stop: Some(stop), running }
    }
}

impl Running {
    /// Writes the configuration anew and lets it take over.
    pub fn reload(&self, change: impl FnOnce(String) -> String) {
        let path = self.pki.file("blackbar.toml");
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
        let loaded = match policy::load(&path) {
            Ok(loaded) => loaded,
            Err(diagnostics) => panic!("{diagnostics:?}"),
        };
        self.handle.replace(Arc::new(loaded.policy)).unwrap();
    }

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
