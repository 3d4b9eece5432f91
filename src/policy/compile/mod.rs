//! `blackbar.toml` and every file it names in, one [`Policy`] or every fault out.
//!
//! What `serve` needs is read here and nowhere else: TOML, certificates, keys, lists of terms, the environment. Tables
//! are read first, then names are looked up between them, then rules are compiled for each workspace and route. An
//! error never ends the reading; it only means that there is no policy at the end.

mod apart;
mod audit;
mod catalogue;
mod changes;
mod export;
mod folders;
mod holds;
mod incident;
mod keys;
mod letters;
mod limits;
mod listeners;
mod proofs;
mod reroute;
mod routes;
mod ruleset;
mod self_test;
mod shadow;
mod standalone;
mod syslog;
mod workspaces;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::credentials::Inspector;
use super::diagnostic::{Diagnostic, Place, Report, quote};
use super::external::{ExternalShape, external};
use super::files::{Disk, Fields, FileHash, Watched, walk};
use super::packs::{BUNDLED, assemble_beside, assemble_bundled_beside};
use super::rules::{RuleShape, unknown_name, version};
use super::shared_limits::shared_limits;
use super::tokens::tokenized;
use super::{
    AuditSettings, ClientAuth, Fingerprints, HeldStore, Limits, ListenAddress, Listener, Policy, QuarantineSettings,
    Route, SelfTest, SharedLimits, Syslog, Timeouts, TraceExport, Workspace, fingerprint_epoch, quarantine,
};
use crate::body::{BodyLimits, Scopes};
use listeners::{AdminShape, ListenerShape};
use reroute::RerouteShape;
use routes::RouteShape;
use ruleset::{Bound, Compiled, compile};
use syslog::SyslogShape;
use workspaces::WorkspaceShape;

pub use catalogue::{OffReason, RuleState};
pub use changes::{Change, RuleChange, diff_rules, is_rules_path};
pub use incident::{Outline, outline};
pub use proofs::ProofCount;
pub use reroute::Reroute;
pub use ruleset::RuleTest;
pub use shadow::ShadowRules;
pub use standalone::{RuleTests, StandaloneRules, load_rules, test_rules};

/// A configuration that was taken.
#[derive(Debug)]
pub struct Loaded {
    /// What holds for whom.
    pub policy: Policy,
    /// Warnings, then notes.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read, with the SHA-256 of what was read.
    pub files: Vec<(PathBuf, FileHash)>,
}

/// A load and the files it looked at, whether they could be read or not.
pub(super) struct Attempt {
    /// What came of it.
    pub(super) result: Result<Loaded, Vec<Diagnostic>>,
    /// The files, those that could not be read among them.
    pub(super) watched: Vec<Watched>,
}

/// Reads a configuration and everything it names.
///
/// # Errors
/// Every fault at once, with the warnings.
pub fn load(config: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    attempt(config).result
}

/// As [`load`], and says which files to watch even if it failed.
pub(super) fn attempt(config: &Path) -> Attempt {
    let mut disk = Disk::default();
    let mut report = Report::default();
    let policy = disk
        .source(config, &Place::file(config), &mut report)
        .and_then(|source| walk(&source, &mut report, |fields, report| read(fields, &mut disk, report)))
        .flatten();
    let watched = disk.files().to_vec();
    let failed = report.errors() > 0;
    let diagnostics = report.into_sorted();
    let result = match policy {
        Some(mut policy) if !failed => {
            let files: Vec<(PathBuf, FileHash)> =
                watched.iter().filter_map(|file| Some((file.path.clone(), file.hash?))).collect();
            policy.hash = hash_of(&files);
            policy.version = policy.hash.chars().take(16).collect();
            Ok(Loaded { policy, warnings: diagnostics, files })
        }
        Some(_) | None => Err(diagnostics),
    };
    Attempt { result, watched }
}

/// The bundled packs count as files: another program with the same configuration is another policy.
fn hash_of(files: &[(PathBuf, FileHash)]) -> String {
    let mut hash = Sha256::new();
    files.iter().for_each(|(_, file)| hash.update(file));
    BUNDLED.iter().flat_map(|(_, files)| *files).for_each(|text| hash.update(Sha256::digest(text.as_bytes())));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of one kind, each with the place of its first use.
pub(super) type Names = HashMap<String, Place>;

/// The tables of the file, before they are held against each other.
struct Shapes {
    listeners: Vec<ListenerShape>,
    admin: Option<AdminShape>,
    audit: Option<AuditSettings>,
    quarantine: Option<QuarantineSettings>,
    shared_limits: Option<SharedLimits>,
    /// Whether `[quarantine]` is there, well-formed or not.
    wants_quarantine: bool,
    /// Of fingerprints.
    epoch: u64,
    workspaces: Vec<WorkspaceShape>,
    workspace_names: Names,
    routes: Vec<RouteShape>,
    route_names: Names,
    externals: Vec<ExternalShape>,
    external_names: Names,
    limits: Limits,
    body_limits: BodyLimits,
    timeouts: Timeouts,
    self_test: SelfTest,
    incident: PathBuf,
    /// Where the folders of held items and of stopped workspaces are written.
    folders: (Option<Place>, Place),
    traces: Option<TraceExport>,
}

fn read(mut fields: Fields<'_>, disk: &mut Disk, report: &mut Report) -> Option<Policy> {
    version(&mut fields, report);
    let strict = fields.value("strict_permissions").and_then(|value| value.flag(report)).unwrap_or(false);
    let place = fields.place();
    let audit = fields.value("audit");
    if audit.is_none() {
        let message = "there is no [audit]: what is redacted is counted in the metrics only";
        report
            .warning(&place, "audit-off", message)
            .help("add [audit] with `directory` and `signing_key`, and every exchange is written to a log");
    }
    let audit = audit.and_then(|value| value.table("[audit]", report));
    let (limits, body_limits, shared) = limits::limits(&mut fields, report);
    let timeouts = limits::timeouts(&mut fields, report);
    let self_test = self_test::self_test(&mut fields, report);
    let stopped = fields.value_place("incident");
    let incident = incident::folder(&mut fields, report);
    let traces = fields.value("telemetry").and_then(|value| value.table("[telemetry]", report));
    let admin = fields.value("admin").and_then(|value| value.table("[admin]", report));
    let quarantine = fields.value("quarantine").and_then(|value| value.table("[quarantine]", report));
    let listeners = several(&mut fields, "listener", "[[listener]]", report);
    let workspaces = several(&mut fields, "workspace", "[[workspace]]", report);
    // Syslog needs no route.
    let is_syslog = |table: &Fields<'_>| table.says("protocol", "syslog");
    let routes = if !listeners.is_empty() && listeners.iter().all(is_syslog) && !fields.has("route") {
        Vec::new()
    } else {
        several(&mut fields, "route", "[[route]]", report)
    };
    let externals = fields.tables("external", "[[external]]", report);
    fields.finish(report);

    let (mut workspace_names, mut route_names, mut external_names) = (Names::new(), Names::new(), Names::new());
    let now = now();
    let epoch = fingerprint_epoch(now.duration_since(UNIX_EPOCH).unwrap_or_default());
    let mut inspector = Inspector { disk, report, strict, now };
    let audit = audit.and_then(|table| audit::audit(table, &mut inspector));
    let traces = traces.and_then(|table| export::traces(table, &mut inspector));
    let admin = admin.and_then(|table| listeners::admin(table, &mut inspector));
    let wants_quarantine = quarantine.is_some();
    let folders = (quarantine.as_ref().map(|table| table.value_place("store")), stopped);
    let quarantine = quarantine.and_then(|table| quarantine::quarantine(table, &mut inspector));
    let listeners = listeners
        .into_iter()
        .filter_map(|table| listeners::listener(table, &mut route_names, &mut inspector))
        .collect();
    let workspaces: Vec<WorkspaceShape> = workspaces
        .into_iter()
        .filter_map(|table| workspaces::workspace(table, &mut workspace_names, &mut inspector))
        .collect();
    let routes =
        routes.into_iter().filter_map(|table| routes::route(table, &mut route_names, &mut inspector)).collect();
    let externals = externals
        .into_iter()
        .filter_map(|mut table| {
            let name = name(&mut table, "external", &mut external_names, inspector.report);
            external(name, table, &mut inspector)
        })
        .collect();
    let shared_limits = shared.and_then(|value| shared_limits(&value, &mut inspector));
    let shapes = Shapes {
        listeners,
        admin,
        audit,
        quarantine,
        wants_quarantine,
        shared_limits,
        epoch,
        workspaces,
        workspace_names,
        routes,
        route_names,
        externals,
        external_names,
        limits,
        body_limits,
        timeouts,
        self_test,
        incident,
        folders,
        traces,
    };
    let state = folders::of_state(&shapes);
    let policy = link(shapes, disk, report);
    folders::check(&state, disk, strict, &place, report);
    policy
}

/// The time that certificates are judged by, taken once in a load.
#[allow(clippy::disallowed_methods, reason = "a load begins here; below, the time is an argument")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The tables of a key that must be there at least once.
fn several<'a>(fields: &mut Fields<'a>, key: &'static str, what: &'static str, report: &mut Report) -> Vec<Fields<'a>> {
    let Some(value) = fields.value(key) else {
        report
            .error(&fields.place(), "missing-key", format!("there is no {what}"))
            .help("see the sample blackbar.toml");
        return Vec::new();
    };
    value.tables(what, report)
}

/// The `name` of a table: a label of metrics, and unique among its kind.
fn name(fields: &mut Fields<'_>, kind: &str, names: &mut Names, report: &mut Report) -> Option<String> {
    let value = fields.wanted("name", "give it a name: metrics and other tables use it", report)?;
    name_of(value.text(report)?, &value.place(), kind, names, report)
}

/// Whether a workspace, a route or a service may be called so: 1 to 64 letters, digits, `-`, `_` and `.` of ASCII.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(letters)
}

/// A name that is written at `place`.
fn name_of(text: &str, place: &Place, kind: &str, names: &mut Names, report: &mut Report) -> Option<String> {
    if !is_name(text) {
        report
            .error(place, "name-form", format!("{} is no name for a {kind}", quote(text)))
            .help("use 1 to 64 letters, digits, `-`, `_` and `.`");
        return None;
    }
    if let Some(first) = names.get(text) {
        report
            .error(place, "duplicate-name", format!("there are two {kind}s named {}", quote(text)))
            .help(format!("rename this one, the other is at {}", first.line()));
        return None;
    }
    names.insert(text.to_owned(), place.clone());
    Some(text.to_owned())
}

/// Holds the tables against each other and compiles the rules.
fn link(shapes: Shapes, disk: &mut Disk, report: &mut Report) -> Option<Policy> {
    check_addresses(&shapes, report);
    check_apart(&shapes, report);
    for listener in &shapes.listeners {
        if let (Some(name), Some(place)) = (&listener.listener.workspace, &listener.workspace) {
            known("workspace", name, place, &shapes.workspace_names, report);
        }
    }
    keys::check(&shapes.workspaces, report);
    for shape in shapes.workspaces.iter().filter(|shape| !shape.wants_clients && shape.api_keys.is_empty()) {
        let fixed = shapes.listeners.iter().any(|one| one.listener.workspace.as_ref() == Some(&shape.name));
        if !fixed {
            let help = "add clients = [\"uri:…\"], or name the workspace in a [[listener]]";
            report.error(&shape.place, "no-clients", format!("workspace {} has no clients", shape.name)).help(help);
        }
    }
    workspaces::check_clients(&shapes.workspaces, report);
    for (name, place) in shapes.workspaces.iter().flat_map(|shape| &shape.tokens.routes).flatten() {
        known("route", name, place, &shapes.route_names, report);
    }
    for (name, place) in shapes.admin.iter().flat_map(|shape| &shape.wanted.workspaces) {
        known("workspace", name, place, &shapes.workspace_names, report);
    }
    keys::check_owned(shapes.admin.iter().flat_map(|shape| &shape.wanted.keys), &shapes.workspaces, report);
    check_dead_letters(&shapes.workspaces, report);
    let has_certificates =
        |one: &ListenerShape| one.listener.tls.as_ref().is_some_and(|tls| tls.client_auth != ClientAuth::None);
    if !shapes.listeners.is_empty() && !shapes.listeners.iter().any(has_certificates) {
        for shape in shapes.workspaces.iter().filter(|shape| shape.wants_clients) {
            let message =
                format!("no listener asks for certificates, so workspace {} has no clients by name", shape.name);
            report
                .warning(&shape.place, "no-clients", message)
                .help("remove `clients`, or add `client_ca` to a listener");
        }
    }
    let epoch = shapes.audit.as_ref().map(|_| shapes.epoch);
    let places: Vec<Place> = shapes.routes.iter().map(|shape| shape.path.clone()).collect();
    let mut shaped = shapes.routes;
    link_externals(&mut shaped, &shapes.externals, &shapes.external_names, report);
    let reroutes: Vec<Option<RerouteShape>> = shaped.iter_mut().map(|shape| shape.reroute.take()).collect();
    let mut routes = link_routes(shaped, &shapes.workspaces, &shapes.workspace_names, report);
    reroute::link(&reroutes, &mut routes, &shapes.route_names, report);
    let places: Vec<Place> =
        places.into_iter().chain(shapes.listeners.iter().filter_map(ListenerShape::syslog_place)).collect();
    let found: Vec<RuleShape> = shapes.externals.iter().flat_map(ExternalShape::rules).collect();
    let listeners = link_listeners(shapes.listeners, routes.len(), &shapes.workspaces, &shapes.workspace_names, report);
    let logs = listeners.iter().filter_map(|listener| listener.syslog.as_ref());
    let names = routes.iter().map(|route| &route.name).chain(logs.map(|log| &log.name));
    let names: Vec<Option<&str>> = names.map(|name| Some(name.as_str())).collect();
    let mut compiled: HashMap<Option<PathBuf>, Option<Rc<Compiled>>> = HashMap::new();
    let mut workspaces = Vec::new();
    for shape in shapes.workspaces {
        let path = shape.rules.as_ref().map(|(path, _)| path.clone());
        let rules = compiled
            .entry(path)
            .or_insert_with(|| rules_of(shape.rules.as_ref(), &found, &shapes.route_names, disk, report));
        let Some(rules) = rules.clone() else { continue };
        let tried = shape.shadow.clone().map(|(path, place)| {
            let rules = compiled
                .entry(Some(path.clone()))
                .or_insert_with(|| rules_of(Some(&(path, place.clone())), &found, &shapes.route_names, disk, report));
            (rules.clone(), place)
        });
        let place = shape.place.clone();
        let mut workspace = bind(shape, &rules, &names, epoch, report);
        let reach = Reach { index: workspaces.len(), routes: &routes, listeners: &listeners, places: &places };
        reroute::settle(&mut workspace, &place, &reach, report);
        if let Some((Some(rules), place)) = tried {
            workspace.shadow = shadow::bind(&workspace, &rules, &names, &place, report);
        }
        holds::check(&workspace, &place, &reach, shapes.wants_quarantine, report);
        workspaces.push(Arc::new(workspace));
    }
    Some(Policy {
        version: String::new(),
        hash: String::new(),
        listeners,
        admin: shapes.admin.map(|shape| shape.settings),
        audit: shapes.audit,
        quarantine: shapes.quarantine,
        shared_limits: shapes.shared_limits,
        workspaces,
        routes: routes.into_iter().map(Arc::new).collect(),
        externals: shapes.externals.into_iter().map(|shape| Arc::new(shape.external)).collect(),
        limits: shapes.limits,
        timeouts: shapes.timeouts,
        body_limits: shapes.body_limits,
        self_test: shapes.self_test,
        incident: shapes.incident,
        traces: shapes.traces,
    })
}

/// What a workspace may use, and where it is written.
struct Reach<'a> {
    index: usize,
    routes: &'a [Route],
    listeners: &'a [Listener],
    /// Of the routes, then of the listeners for syslog.
    places: &'a [Place],
}

fn known(kind: &str, name: &str, place: &Place, names: &Names, report: &mut Report) {
    if !names.contains_key(name) {
        let mut known: Vec<&str> = names.keys().map(String::as_str).collect();
        known.sort_unstable();
        unknown_name(kind, name, known.into_iter(), place, report);
    }
}

/// What a directory may hold is said of one workspace.
fn check_dead_letters(workspaces: &[WorkspaceShape], report: &mut Report) {
    let mut taken: HashMap<&Path, &Place> = HashMap::new();
    for (letter, place) in workspaces.iter().filter_map(|shape| shape.dead_letter.as_ref()) {
        if let Some(first) = taken.get(letter.directory.as_path()) {
            let help = format!("name another one, the other is at {}", first.line());
            report.error(place, "duplicate-name", "two workspaces with dead letters in one directory").help(help);
        } else {
            taken.insert(&letter.directory, place);
        }
    }
}

/// Nothing else may be written among the files of the audit log. Its targets are looked at where they are read.
fn check_apart(shapes: &Shapes, report: &mut Report) {
    let Some(audit) = &shapes.audit else { return };
    let log = apart::LogFolder::new(&audit.directory);
    for (letter, place) in shapes.workspaces.iter().filter_map(|shape| shape.dead_letter.as_ref()) {
        log.keeps_out(&letter.directory, false, place, report);
    }
    let (held, stopped) = &shapes.folders;
    if let (Some(HeldStore::Directory(store)), Some(place)) =
        (shapes.quarantine.as_ref().map(|settings| &settings.store), held)
    {
        log.keeps_out(store, false, place, report);
    }
    log.keeps_out(&shapes.incident, false, stopped, report);
    let listeners = shapes.listeners.iter().map(|shape| (&shape.listener.address, &shape.address));
    for (address, place) in listeners.chain(shapes.admin.iter().map(|shape| (&shape.settings.address, &shape.place))) {
        if let ListenAddress::Unix(path) = address {
            log.keeps_out(path, true, place, report);
        }
    }
}

/// Two sockets cannot have one address. Port 0 is another port each time.
fn check_addresses(shapes: &Shapes, report: &mut Report) {
    let mut taken: HashMap<String, &Place> = HashMap::new();
    let listeners = shapes.listeners.iter().map(|shape| (&shape.listener.address, &shape.address));
    for (address, place) in listeners.chain(shapes.admin.iter().map(|shape| (&shape.settings.address, &shape.place))) {
        let key = match address {
            ListenAddress::Tcp(address) if address.port() == 0 => continue,
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => format!("unix:{}", path.display()),
        };
        if let Some(first) = taken.get(&key) {
            let help = format!("change one, the other is at {}", first.line());
            report.error(place, "duplicate-name", "two sockets on one address").help(help);
        } else {
            taken.insert(key, place);
        }
    }
}

/// The workspaces that a table names; none: all.
fn link_workspaces(
    wanted: Option<Vec<(String, Place)>>,
    region: Option<&str>,
    workspaces: &[WorkspaceShape],
    names: &Names,
    report: &mut Report,
) -> Vec<usize> {
    let all = workspaces.iter().enumerate();
    let Some(wanted) = wanted else {
        return all.filter(|(_, shape)| shape.may_reach(region)).map(|(index, _)| index).collect();
    };
    for (name, place) in &wanted {
        known("workspace", name, place, names, report);
        if workspaces.iter().any(|shape| shape.name == *name && !shape.may_reach(region)) {
            let message = format!("workspace {name} may not reach this upstream: its `regions` do not have it");
            let help = "say its `region`, or take the workspace out";
            report.error(place, "residency", message).help(help);
        }
    }
    let wants = |shape: &WorkspaceShape| wanted.iter().any(|(name, _)| *name == shape.name);
    all.filter(|(_, shape)| wants(shape)).map(|(index, _)| index).collect()
}

/// Listeners for syslog have their scopes behind those of the routes.
fn link_listeners(
    shapes: Vec<ListenerShape>,
    routes: usize,
    workspaces: &[WorkspaceShape],
    names: &Names,
    report: &mut Report,
) -> Vec<Listener> {
    let mut scope = routes;
    let link = |ListenerShape { mut listener, syslog, .. }| {
        listener.syslog = syslog.map(|SyslogShape { syslog, workspaces: wanted, place }| {
            let region = syslog.region.as_deref();
            if wanted.is_none() && !workspaces.is_empty() && !workspaces.iter().any(|shape| shape.may_reach(region)) {
                let message = "no workspace may use this listener: their `regions` do not have its upstream";
                report.error(&place, "residency", message).help("say its `region`");
            }
            let workspaces = link_workspaces(wanted, region, workspaces, names, report);
            scope += 1;
            Arc::new(Syslog { workspaces, scope: scope - 1, ..syslog })
        });
        listener
    };
    shapes.into_iter().map(link).collect()
}

fn link_routes(
    shapes: Vec<RouteShape>,
    workspaces: &[WorkspaceShape],
    names: &Names,
    report: &mut Report,
) -> Vec<Route> {
    let mut taken: HashMap<(String, usize), Place> = HashMap::new();
    let mut routes = Vec::new();
    for RouteShape { mut route, path, workspaces: wanted, .. } in shapes {
        route.workspaces = link_workspaces(wanted, route.region.as_deref(), workspaces, names, report);
        let clash = route.workspaces.iter().find_map(|index| taken.get(&(route.path.clone(), *index)));
        if let Some(first) = clash {
            let help = format!("change one, or give them different workspaces; the other is at {}", first.line());
            report.error(&path, "duplicate-name", "two routes with one path for one workspace").help(help);
        }
        for index in &route.workspaces {
            taken.entry((route.path.clone(), *index)).or_insert_with(|| path.clone());
        }
        routes.push(route);
    }
    routes
}

/// The services that routes name.
fn link_externals(routes: &mut [RouteShape], externals: &[ExternalShape], names: &Names, report: &mut Report) {
    for RouteShape { route, external, .. } in routes {
        for (wanted, into) in external.iter().zip(&mut route.external) {
            for (name, place) in wanted {
                known("external", name, place, names, report);
                let index = externals.iter().position(|shape| shape.external.name == *name);
                into.extend(index.filter(|index| !into.contains(index)));
            }
        }
    }
}

fn rules_of(
    rules: Option<&(PathBuf, Place)>,
    found: &[RuleShape],
    routes: &Names,
    disk: &mut Disk,
    report: &mut Report,
) -> Option<Rc<Compiled>> {
    let assembly = match rules {
        Some((path, place)) => assemble_beside(found, path, place, disk, report),
        None => assemble_bundled_beside(found, "default", disk, report),
    };
    for (name, place) in assembly.scopes.iter().flat_map(|scope| &scope.routes) {
        known("route", name, place, routes, report);
    }
    compile(assembly, report).map(Rc::new)
}

/// What holds where nobody can hold anything.
fn refusing(scopes: Arc<Scopes>) -> Arc<Scopes> {
    if scopes.quarantines() { Arc::new(scopes.refusing()) } else { scopes }
}

fn bind(
    shape: WorkspaceShape,
    rules: &Compiled,
    routes: &[Option<&str>],
    epoch: Option<u64>,
    report: &mut Report,
) -> Workspace {
    let fingerprints = shape.key.clone().zip(epoch).map(|(key, epoch)| Arc::new(Fingerprints { key, epoch }));
    if let (Some((place, action)), false) = (rules.keyed(), shape.wants_key) {
        let does = if *action == "hash" { "hashes" } else { "tokenizes" };
        let message = format!("workspace {} has no `key`, but {} {does}", shape.name, place.line());
        report.error(&shape.place, "hash-key", message).help("add key = { file = \"…\" } with 32 random bytes");
    }
    let key = shape.key.clone();
    let everywhere: Vec<Option<&str>> = routes.iter().copied().chain([None]).collect();
    let Bound { rules, mut scopes, catalogue } = {
        let key = fingerprints.as_ref().map(|one| one.key.for_fingerprints(one.epoch));
        rules.bind(&everywhere, shape.key, key)
    };
    let base = scopes.pop().expect("one for each route that was asked for, the last for none");
    let base = base.map(refusing);
    match rules.rules().iter().max_by_key(|rule| rule.holdback) {
        Some(longest) => {
            let message =
                format!("workspace {}: hold-back {} bytes (rule {})", shape.name, rules.holdback(), longest.id);
            report.note(&shape.place, "hold-back", message);
        }
        None => {
            let message = format!("workspace {}: every rule is off, nothing is found", shape.name);
            report.warning(&shape.place, "unscanned", message).help("switch a rule on in its [actions]");
        }
    }
    let entities = tokenized(&rules, scopes.iter().chain([&base]).flatten());
    let api_keys = keys::link(shape.api_keys, routes, report);
    let tokens = key.filter(|_| !entities.is_empty()).map(|key| shape.tokens.bind(&shape.name, key, entities));
    Workspace {
        name: shape.name,
        clients: shape.clients.into_iter().map(|(pattern, _)| pattern).collect(),
        rules,
        tokens,
        on_fault: shape.on_fault,
        regions: shape.regions,
        quota: shape.quota,
        api_keys,
        fingerprints,
        dead_letter: shape.dead_letter.map(|(dead_letter, _)| dead_letter),
        scopes,
        base,
        catalogue,
        shadow: None,
    }
}
