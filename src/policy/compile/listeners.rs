//! `[[listener]]` and `[admin]` in, addresses with their TLS out.
//!
//! A client without a certificate gets the workspace that its listener names, so a listener that lets such clients in
//! must name one; without TLS it must besides be out of the network's reach.

use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::{Place, Report, quote};
use crate::policy::files::{Fields, Value, beside};
use crate::policy::quarantine::{Wanted, people};
use crate::policy::routing::host_name;
use crate::policy::rules::unknown_name;
use crate::policy::{AdminSettings, ClientAuth, ListenAddress, Listener, ListenerTls};

use super::Names;
use super::syslog::SyslogShape;

/// A listener as it was read, with the place of what other tables must confirm.
#[derive(Debug)]
pub(super) struct ListenerShape {
    /// The listener.
    pub(super) listener: Listener,
    /// Where its address is written.
    pub(super) address: Place,
    /// Where its workspace is written.
    pub(super) workspace: Option<Place>,
    /// What it does with syslog.
    pub(super) syslog: Option<SyslogShape>,
}

/// The header field in which clients show a key.
const KEY_FIELD: &str = "x-blackbar-key";

impl ListenerShape {
    /// Where it is written, if it speaks syslog.
    pub(super) fn syslog_place(&self) -> Option<Place> {
        self.syslog.as_ref().map(|_| self.address.clone())
    }
}

/// The TLS keys of a listener as they stand.
struct TlsKeys {
    certificate: Option<Named>,
    private_key: Option<Named>,
    client_ca: Option<Named>,
    client_crl: Vec<Named>,
    client_auth: Option<(ClientAuth, Place)>,
}

/// Reads one `[[listener]]`.
/// Names of listeners for syslog are in `names`, so that scopes may refer to them.
pub(super) fn listener(
    mut fields: Fields<'_>,
    names: &mut Names,
    inspector: &mut Inspector<'_>,
) -> Option<ListenerShape> {
    let file = fields.source().path();
    let help = "say where clients connect, like address = \"0.0.0.0:8443\"";
    let address_value = fields.wanted("address", help, inspector.report);
    let address = address_value.and_then(|value| address(&value, file, inspector.report));
    let mut named = |key, report: &mut Report| fields.value(key).and_then(|value| Named::read(&value, file, report));
    let certificate = named("certificate", inspector.report);
    let private_key = named("private_key", inspector.report);
    let client_ca = named("client_ca", inspector.report);
    let client_crl = crls(fields.value("client_crl"), file, inspector.report);
    let client_auth = fields.value("client_auth");
    let client_auth = client_auth.and_then(|value| Some((client_auth_of(&value, inspector.report)?, value.place())));
    let workspace = fields.value("workspace");
    let workspace = workspace.and_then(|value| Some((value.text(inspector.report)?.to_owned(), value.place())));
    let api_keys_place = fields.value_place("api_keys");
    let api_keys = fields.value("api_keys").and_then(|value| api_keys(&value, inspector.report));
    let speaks_syslog = fields.value("protocol").is_some_and(|value| protocol(&value, inspector.report));
    let hosts_place = fields.has("hosts").then(|| fields.value_place("hosts"));
    let hosts = hosts(fields.texts("hosts", inspector.report), inspector.report);
    if let (true, Some(place)) = (speaks_syslog, hosts_place) {
        let message = "syslog names no host that it is for";
        inspector.report.error(&place, "contradiction", message).help("remove `hosts`");
    }
    if speaks_syslog && api_keys.is_some() {
        let message = "syslog has no place for a key";
        inspector.report.error(&api_keys_place, "contradiction", message).help("remove `api_keys`");
    }
    let syslog = if speaks_syslog {
        Some(super::syslog::syslog(&mut fields, names, inspector))
    } else {
        super::syslog::none(&mut fields, inspector.report);
        None
    };
    let (place, asked_tls) = (fields.place(), fields.has("certificate") || fields.has("private_key"));
    let keys = TlsKeys { certificate, private_key, client_ca, client_crl, client_auth };
    fields.finish(inspector.report);
    let tls = if asked_tls {
        tls(keys, &place, workspace.as_ref().map(|(_, place)| place), api_keys.is_some(), inspector)
    } else {
        let fixed = workspace.is_some() || api_keys.is_some();
        plain(&keys, address.as_ref(), address_value.map(|value| value.place()), fixed, inspector.report);
        None
    };
    let (workspace, workspace_place) = workspace.unzip();
    let listener = Listener { address: address?, tls, workspace, hosts, api_keys, syslog: None };
    let syslog = match syslog {
        Some(syslog) => Some(syslog?),
        None => None,
    };
    Some(ListenerShape { listener, address: address_value?.place(), workspace: workspace_place, syslog })
}

/// Reads `[admin]`.
pub(super) fn admin(mut fields: Fields<'_>, inspector: &mut Inspector<'_>) -> Option<AdminShape> {
    let file = fields.source().path();
    let value = fields.wanted("address", "say where, like address = \"127.0.0.1:9464\"", inspector.report);
    let address = value.and_then(|value| address(&value, file, inspector.report));
    let mut named = |key, report: &mut Report| fields.value(key).and_then(|value| Named::read(&value, file, report));
    let certificate = named("certificate", inspector.report);
    let private_key = named("private_key", inspector.report);
    let client_ca = named("client_ca", inspector.report);
    let (place, asked_tls) = (fields.place(), certificate.is_some() || private_key.is_some());
    let (people, wanted) = people(&mut fields, inspector.report);
    fields.finish(inspector.report);
    let tls = if asked_tls {
        // Probes and scrapers present none; who decides does.
        let client_auth = Some((ClientAuth::Optional, place.clone()));
        let keys = TlsKeys { certificate, private_key, client_ca, client_crl: Vec::new(), client_auth };
        let fixed = Some(place.clone());
        tls(keys, &place, fixed.as_ref(), false, inspector)
    } else if let Some(ca) = &client_ca {
        let help = "add `certificate` and `private_key`, or remove `client_ca`";
        inspector.report.error(&ca.place, "client-auth", "`client_ca` without TLS").help(help);
        None
    } else {
        None
    };
    let settings = AdminSettings { address: address?, tls, people };
    let at = value?.place();
    if !settings.people.is_empty() && !settings.is_guarded() {
        let help = "add `certificate`, `private_key` and `client_ca`, or listen on 127.0.0.1 or unix:PATH";
        inspector.report.error(&at, "plain-listener", "people decide over an unguarded address").help(help);
    }
    Some(AdminShape { settings, place: at, wanted })
}

/// `[admin]` as it was read.
#[derive(Debug)]
pub(super) struct AdminShape {
    /// What it says.
    pub(super) settings: AdminSettings,
    /// Where its address is written.
    pub(super) place: Place,
    /// The workspaces that people are bound to, and the keys that they have.
    pub(super) wanted: Wanted,
}

/// What a plain listener may be.
fn plain(keys: &TlsKeys, address: Option<&ListenAddress>, place: Option<Place>, fixed: bool, report: &mut Report) {
    if let Some(ca) = &keys.client_ca {
        let help = "add `certificate` and `private_key`, or remove `client_ca`";
        report.error(&ca.place, "client-auth", "`client_ca` without TLS").help(help);
    }
    if let Some(list) = keys.client_crl.first() {
        let help = "add `certificate`, `private_key` and `client_ca`, or remove it";
        report.error(&list.place, "client-auth", "`client_crl` without TLS").help(help);
    }
    if let Some((ClientAuth::Required | ClientAuth::Optional, place)) = &keys.client_auth {
        let help = "add `certificate` and `private_key`, or remove `client_auth`";
        report.error(place, "client-auth", "client certificates need TLS").help(help);
    }
    let (Some(address), Some(place)) = (address, place) else { return };
    if matches!(address, ListenAddress::Tcp(address) if !address.ip().is_loopback()) {
        let help = "add `certificate`, `private_key` and `client_ca`, or listen on 127.0.0.1 or unix:PATH";
        report.error(&place, "plain-listener", "a listener without TLS that the network can reach").help(help);
    }
    if !fixed {
        let help = "add workspace = \"NAME\": its clients present no certificate that would tell";
        report.error(&place, "plain-listener", "a listener without TLS and without a workspace").help(help);
    }
}

/// `true`, or the name of the header field in which keys stand.
fn api_keys(value: &Value<'_>, report: &mut Report) -> Option<String> {
    match (value.as_flag(), value.as_text()) {
        (Some(true), _) => Some(KEY_FIELD.to_owned()),
        (Some(false), _) => None,
        (None, Some(name)) => {
            let lower = name.to_ascii_lowercase();
            let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let free = lower == "authorization" || lower.starts_with("x-") || lower == "api-key" || lower == "apikey";
            if !lower.bytes().all(token) || !free || lower.starts_with("x-forwarded-") {
                let message = format!("{} is no header field for keys", quote(name));
                let help = "write true, which is x-blackbar-key, or a name like \"authorization\" or \"x-api-key\"";
                report.error(&value.place(), "api-keys", message).help(help);
                return None;
            }
            Some(lower)
        }
        (None, None) => {
            value.text(report);
            None
        }
    }
}

fn tls(
    keys: TlsKeys,
    place: &Place,
    fixed: Option<&Place>,
    api_keys: bool,
    inspector: &mut Inspector<'_>,
) -> Option<ListenerTls> {
    let auth = keys.client_auth.as_ref().map_or(ClientAuth::Required, |(auth, _)| *auth);
    let auth_place = keys.client_auth.as_ref().map_or(place, |(_, place)| place);
    let report = &mut *inspector.report;
    match (auth, &keys.client_ca) {
        (ClientAuth::Required | ClientAuth::Optional, None) => {
            let help = "add `client_ca`, or client_auth = \"none\" and the workspace that every client gets";
            report
                .error(auth_place, "client-auth", "client certificates are asked for, but `client_ca` is missing")
                .help(help);
        }
        (ClientAuth::None, Some(ca)) => {
            let help = "remove it, or ask with client_auth = \"optional\"";
            report.error(&ca.place, "client-auth", "`client_ca` with client_auth = \"none\" checks nobody").help(help);
        }
        (ClientAuth::Required | ClientAuth::Optional, Some(_)) | (ClientAuth::None, None) => {}
    }
    match (auth, fixed) {
        (ClientAuth::Required, Some(fixed)) => {
            let help = "remove `workspace`, or set client_auth to \"optional\" or \"none\"";
            report
                .error(fixed, "client-auth", "`workspace` is for clients without a certificate, and here all have one")
                .help(help);
        }
        (ClientAuth::Optional | ClientAuth::None, None) if !api_keys => {
            let help = "add workspace = \"NAME\", or require certificates";
            report.error(auth_place, "client-auth", "clients without a certificate would have no workspace").help(help);
        }
        (ClientAuth::Required, None) | (ClientAuth::Optional | ClientAuth::None, _) => {}
    }
    if let Some(ca) = &keys.client_ca {
        inspector.roots(ca);
    }
    for list in &keys.client_crl {
        if keys.client_ca.is_none() {
            let help = "add `client_ca`, or remove it";
            inspector.report.error(&list.place, "client-auth", "`client_crl` without `client_ca`").help(help);
        }
        inspector.revocations(list);
    }
    match (keys.certificate, keys.private_key) {
        (Some(certificate), Some(key)) => {
            inspector.pair(&certificate, &key);
            Some(ListenerTls {
                certificate: certificate.path,
                private_key: key.path,
                client_ca: keys.client_ca.map(|ca| ca.path),
                client_crl: keys.client_crl.into_iter().map(|list| list.path).collect(),
                client_auth: auth,
            })
        }
        (Some(lonely), None) => {
            let help = "add private_key = \"…\"";
            inspector.report.error(&lonely.place, "missing-key", "`certificate` without `private_key`").help(help);
            None
        }
        (None, Some(lonely)) => {
            let help = "add certificate = \"…\"";
            inspector.report.error(&lonely.place, "missing-key", "`private_key` without `certificate`").help(help);
            None
        }
        (None, None) => None,
    }
}

/// One path, or a list of them.
fn crls(value: Option<Value<'_>>, file: &Path, report: &mut Report) -> Vec<Named> {
    let Some(value) = value else { return Vec::new() };
    if value.as_text().is_some() {
        return Named::read(&value, file, report).into_iter().collect();
    }
    let items = value.list("a path or a list of paths", report);
    items.iter().filter_map(|item| Named::read(item, file, report)).collect()
}

fn address(value: &Value<'_>, file: &Path, report: &mut Report) -> Option<ListenAddress> {
    let text = value.text(report)?;
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() {
            report.error(&value.place(), "address", "`unix:` without a path").help("write \"unix:/run/blackbar.sock\"");
            return None;
        }
        let path = beside(file, path);
        // What a listener finds there it would have to put away; a socket that nobody listens on is all that it may.
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.file_type().is_socket()) {
            let message = format!("{} is there, and is no socket", path.display());
            report
                .error(&value.place(), "address", message)
                .help("name a path where nothing is, or move the file away");
            return None;
        }
        return Some(ListenAddress::Unix(path));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) => Some(ListenAddress::Tcp(address)),
        Err(_) => {
            report
                .error(&value.place(), "address", format!("{} is no address to listen on", quote(text)))
                .help("write an IP address and port, like \"0.0.0.0:8443\" or \"[::1]:8443\", or \"unix:PATH\"");
            None
        }
    }
}

fn client_auth_of(value: &Value<'_>, report: &mut Report) -> Option<ClientAuth> {
    let name = value.text(report)?;
    match name {
        "required" => Some(ClientAuth::Required),
        "optional" => Some(ClientAuth::Optional),
        "none" => Some(ClientAuth::None),
        _ => {
            unknown_name("client_auth", name, ["required", "optional", "none"].into_iter(), &value.place(), report);
            None
        }
    }
}

/// Whether it is syslog.
fn protocol(value: &Value<'_>, report: &mut Report) -> bool {
    match value.text(report) {
        Some("http") | None => false,
        Some("syslog") => true,
        Some(name) => {
            unknown_name("protocol", name, ["http", "syslog"].into_iter(), &value.place(), report);
            false
        }
    }
}

/// Names with or without a port, in lower case.
fn hosts(texts: Vec<(&str, Place)>, report: &mut Report) -> Vec<String> {
    let mut hosts = Vec::new();
    for (text, place) in texts {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !text.ends_with(']') => (name, Some(port)),
            Some(_) | None => (text, None),
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let named = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => host_name(name),
        };
        if named && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
            hosts.push(text.to_ascii_lowercase());
        } else {
            report
                .error(&place, "name-form", format!("{} is no host", quote(text)))
                .help("write \"proxy.acme.internal\", or with a port \"proxy.acme.internal:8443\"");
        }
    }
    hosts
}
