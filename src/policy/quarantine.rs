//! `[quarantine]` and `[[admin.person]]` in: where held requests are kept, and who may decide about them.
//!
//! Enters: the tables. Leaves: [`QuarantineSettings`] and [`Person`]s, or diagnostics that repeat nothing of a secret.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::credentials::{Inspector, Named};
use super::diagnostic::{Place, Report, quote};
use super::files::{Fields, Value, beside};
use super::redis_server::{RedisSettings, is_url, redis};
use super::rules::unknown_name;
use super::{SanPattern, Upstream, routing};

/// The most bytes that may be let be held.
const LARGEST: u64 = 1 << 44;
/// Longest `ttl` and `keep`: a year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Most `[[admin.person]]` tables.
const PEOPLE: usize = 1024;
/// Shortest secret of a webhook, in bytes.
const SECRET: usize = 16;

/// Where held requests are kept, and how many.
#[derive(Clone, PartialEq, Eq)]
pub struct QuarantineSettings {
    /// Where.
    pub store: HeldStore,
    /// What every item's own key is wrapped under.
    pub key: Zeroizing<[u8; 32]>,
    /// How long a request waits for a person; what it said is erased then. 168 h.
    pub ttl: Duration,
    /// How long it is remembered what became of an item. 720 h.
    pub keep: Duration,
    /// Requests held at once. 10,000.
    pub max_items: u64,
    /// Their bytes, sealed. 1 GiB.
    pub max_bytes: u64,
    /// Requests of one workspace held at once. 1,000.
    pub workspace_items: u64,
    /// Their bytes. 256 MiB.
    pub workspace_bytes: u64,
    /// Items that are remembered, those that wait among them; beyond, what was decided first is forgotten first. 100,000.
    pub max_records: u64,
    /// Who is told of verdicts.
    pub webhook: Option<WebhookSettings>,
}

/// Where held requests are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeldStore {
    /// Files of one proxy.
    Directory(PathBuf),
    /// A Redis server that any number of proxies share.
    Redis {
        /// The server.
        server: Box<RedisSettings>,
        /// Whether it may be one that forgets what it holds when it is started again.
        may_forget: bool,
    },
}

/// Who is told of verdicts.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where it listens.
    pub url: Upstream,
    /// What deliveries are signed with.
    pub secret: Zeroizing<Vec<u8>>,
    /// How often a delivery is tried. 12.
    pub attempts: u32,
}

impl fmt::Debug for QuarantineSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuarantineSettings({:?})", self.store)
    }
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSettings({})", self.url.host)
    }
}

/// Somebody who may ask the admin listener about held requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that verdicts and the audit have.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The names of their certificates, as clients have them: what these sent, they do not release.
    pub clients: Vec<SanPattern>,
    /// Their API keys: likewise.
    pub keys: Vec<OwnKey>,
    /// SHA-256 of their bearer token, where they have one.
    pub token: Option<[u8; 32]>,
    /// The workspaces whose items they see; none: all.
    pub workspaces: Option<Vec<String>>,
}

/// An API key of somebody's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnKey {
    /// The workspace that it is of; none: whichever has one of this name.
    pub workspace: Option<String>,
    /// Its name.
    pub id: String,
}

impl OwnKey {
    /// `ID`, or `WORKSPACE/ID`.
    fn parse(text: &str) -> Self {
        match text.split_once('/') {
            Some((workspace, id)) => Self { workspace: Some(workspace.to_owned()), id: id.to_owned() },
            None => Self { workspace: None, id: text.to_owned() },
        }
    }

    /// Whether it is the key of this name of this workspace.
    #[must_use]
    pub fn is(&self, workspace: &str, id: &str) -> bool {
        self.id == id && self.workspace.as_ref().is_none_or(|own| own == workspace)
    }
}

/// What people's tables say of others, and where.
#[derive(Default, Debug)]
pub(super) struct Wanted {
    pub(super) workspaces: Vec<(String, Place)>,
    pub(super) keys: Vec<(OwnKey, Place)>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}, {:?})", self.name, self.role)
    }
}

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// See what is held: never what it says.
    Viewer,
    /// Besides, see it masked, release and reject.
    Reviewer,
}

/// Reads `[quarantine]`, and where it is written.
pub(super) fn quarantine(mut fields: Fields<'_>, inspector: &mut Inspector<'_>) -> Option<QuarantineSettings> {
    let file = fields.source().path();
    let help = "say where held requests are kept, like store = \"held\", a directory";
    let store = fields.wanted("store", help, inspector.report).and_then(|value| store(&value, file, inspector));
    let help = "name 32 random bytes: key = { file = \"certs/quarantine.key32\" }";
    let key = fields.wanted("key", help, inspector.report).and_then(|value| key(&value, file, inspector));
    let report = &mut *inspector.report;
    let mut time = |name, default: u64| match fields.value(name) {
        None => Some(Duration::from_secs(default * 60 * 60)),
        Some(value) => value.duration_up_to(LONGEST, report),
    };
    let (ttl, keep) = (time("ttl", 168), time("keep", 720));
    let mut count = |name, default: u64| match fields.value(name) {
        None => Some(default),
        Some(value) => value.integer(1..=1 << 32, report).and_then(|count| u64::try_from(count).ok()),
    };
    let (max_items, workspace_items) = (count("max_items", 10_000), count("workspace_items", 1_000));
    let max_records = count("max_records", 100_000);
    let mut size = |name, default: u64| match fields.value(name) {
        None => Some(default),
        Some(value) => value.size(LARGEST, report),
    };
    let (max_bytes, workspace_bytes) = (size("max_bytes", 1 << 30), size("workspace_bytes", 256 << 20));
    let webhook = fields.value("webhook").map(|value| webhook(&value, inspector));
    fields.finish(inspector.report);
    Some(QuarantineSettings {
        store: store?,
        key: key?,
        ttl: ttl?,
        keep: keep?,
        max_items: max_items?,
        max_bytes: max_bytes?,
        workspace_items: workspace_items?,
        workspace_bytes: workspace_bytes?,
        max_records: max_records?,
        webhook: match webhook {
            Some(webhook) => Some(webhook?),
            None => None,
        },
    })
}

fn store(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<HeldStore> {
    let path = value.as_text().filter(|text| !is_url(text));
    let Some(path) = path else {
        let (server, may_forget) =
            redis(value, "store", inspector, |fields, report| match fields.value("persistence") {
                None => Some(false),
                Some(value) => persistence(&value, report),
            })?;
        return Some(HeldStore::Redis { server: Box::new(server), may_forget });
    };
    if path.is_empty() {
        inspector.report.error(&value.place(), "empty", "an empty path").help("name a directory");
        return None;
    }
    Some(HeldStore::Directory(beside(file, path)))
}

/// Whether the server may be one that forgets.
fn persistence(value: &Value<'_>, report: &mut Report) -> Option<bool> {
    match value.text(report)? {
        "aof" => Some(false),
        "any" => {
            let message = "a server without an append-only file loses what is held, or holds what was sent";
            report.warning(&value.place(), "persistence", message).help("use \"aof\" unless others keep its data");
            Some(true)
        }
        name => {
            unknown_name("persistence", name, ["aof", "any"].into_iter(), &value.place(), report);
            None
        }
    }
}

fn key(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<Zeroizing<[u8; 32]>> {
    let (bytes, place) = inspector.secret(value, file)?;
    let key = super::credentials::key_32(&bytes);
    if key.is_none() {
        let help = "make one with `openssl rand -out FILE 32`; 64 hexadecimal digits or base64 do as well";
        inspector.report.error(&place, "hash-key", "the key is not 32 bytes").help(help);
    }
    key
}

fn webhook(value: &Value<'_>, inspector: &mut Inspector<'_>) -> Option<WebhookSettings> {
    let mut table = value.table("webhook", inspector.report)?;
    let file = table.source().path();
    let help = "say who is told of verdicts, like url = \"https://hooks.acme.internal/blackbar\"";
    let url = table.wanted("url", help, inspector.report);
    let secret = table.wanted("secret", "name what signs: secret = { file = \"webhook.key\" }", inspector.report);
    let attempts = table.value("attempts").map(|value| value.integer(1..=100, inspector.report));
    let ca = table.value("ca").and_then(|value| Named::read(&value, file, inspector.report));
    table.finish(inspector.report);
    if let Some(ca) = &ca {
        inspector.roots(ca);
    }
    let secret = secret.and_then(|value| {
        let (secret, place) = inspector.secret(&value, file)?;
        let trimmed = secret.trim_ascii();
        if trimmed.len() < SECRET {
            let message = format!("a secret of fewer than {SECRET} bytes");
            inspector.report.error(&place, "out-of-range", message).help("make one with `openssl rand -hex 32`");
            return None;
        }
        Some(Zeroizing::new(trimmed.to_vec()))
    });
    let place = url?.place();
    let text = url?.text(inspector.report)?;
    let Ok(url) = routing::upstream(text) else {
        inspector.report.error(&place, "upstream", "this is no URL of a webhook").help(help);
        return None;
    };
    if !url.tls && !is_local(&url.host) {
        let help = "have it begin with https://";
        inspector.report.warning(&place, "plain-webhook", "verdicts go over the network unencrypted").help(help);
    }
    Some(WebhookSettings {
        url: Upstream { ca: ca.map(|ca| ca.path), ..url },
        secret: secret?,
        attempts: u32::try_from(attempts.unwrap_or(Some(12))?).unwrap_or(12),
    })
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads `[[admin.person]]`.
pub(super) fn people(fields: &mut Fields<'_>, report: &mut Report) -> (Vec<Person>, Wanted) {
    let tables = fields.tables("person", "[[admin.person]]", report);
    if tables.len() > PEOPLE {
        let message = format!("more than {PEOPLE} people");
        report.error(&fields.value_place("person"), "out-of-range", message).help("remove some");
    }
    let (mut people, mut wanted) = (Vec::<Person>::new(), Wanted::default());
    for table in tables {
        let place = table.place();
        let Some(person) = person(table, &mut wanted, report) else { continue };
        let taken = |other: &Person| {
            other.name == person.name
                || (other.token.is_some() && other.token == person.token)
                || other.keys.iter().any(|key| person.keys.contains(key))
                || other.clients.iter().any(|name| person.clients.iter().any(|one| one.overlaps(name)))
        };
        if people.iter().any(taken) {
            let message =
                format!("{} has a name, a token, a key or a certificate of another person", quote(&person.name));
            report.error(&place, "duplicate-name", message).help("each of them belongs to one person");
        }
        people.push(person);
    }
    (people, wanted)
}

fn person(mut fields: Fields<'_>, wanted: &mut Wanted, report: &mut Report) -> Option<Person> {
    let place = fields.place();
    let name = fields.wanted("name", "say who it is: verdicts have the name", report);
    let name = name.and_then(|value| {
        let text = value.text(report)?;
        let good = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
        if !good {
            report.error(&value.place(), "name-form", "no name of a person").help("use 1 to 64 characters");
        }
        good.then(|| text.to_owned())
    });
    let role = fields.wanted("role", "write role = \"viewer\" or \"reviewer\"", report);
    let role = role.and_then(|value| match value.text(report)? {
        "viewer" => Some(Role::Viewer),
        "reviewer" => Some(Role::Reviewer),
        other => {
            unknown_name("role", other, ["viewer", "reviewer"].into_iter(), &value.place(), report);
            None
        }
    });
    let (mut clients, mut keys) = (Vec::new(), Vec::new());
    for (text, place) in fields.texts("clients", report) {
        if let Some(key) = text.strip_prefix("key:") {
            let key = OwnKey::parse(key);
            wanted.keys.push((key.clone(), place));
            keys.push(key);
            continue;
        }
        match SanPattern::parse(text) {
            Ok(pattern) => clients.push(pattern),
            Err(error) => {
                report.error(&place, "client-name", format!("{}: {error}", quote(text))).help(error.help());
            }
        }
    }
    let token = fields.value("token_sha256").map(|value| {
        let text = value.text(report)?;
        let hash = super::credentials::key_32(text.as_bytes()).filter(|_| text.len() == 64).map(|hash| *hash);
        if hash.is_none() {
            let help = "`blackbar quarantine token` makes a token and prints the line";
            report.error(&value.place(), "token", "this is no SHA-256 of a token").help(help);
        }
        hash
    });
    let workspaces = fields.value("workspaces").map(|value| {
        let names: Vec<(String, Place)> =
            value.texts(report).into_iter().map(|(name, place)| (name.to_owned(), place)).collect();
        wanted.workspaces.extend(names.iter().cloned());
        names.into_iter().map(|(name, _)| name).collect()
    });
    fields.finish(report);
    if clients.is_empty() && token.is_none() {
        let help = "add `clients`, names of a certificate, or `token_sha256`";
        report.error(&place, "missing-key", "nobody could tell who this person is").help(help);
        return None;
    }
    let token = match token {
        Some(token) => Some(token?),
        None => None,
    };
    Some(Person { name: name?, role: role?, clients, keys, token, workspaces })
}
