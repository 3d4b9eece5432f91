//! `[[workspace]]` in, names, rules and key out; no certificate may belong to two of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::HashKey;
use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::{Place, Report, quote};
use crate::policy::files::{Fields, Value};
use crate::policy::rules::unknown_name;
use crate::policy::tokens::{TokensShape, tokens};
use crate::policy::{DeadLetter, OnFault, Quota, SanPattern, TokenBudget, is_within};

use super::keys::{KeyShape, api_keys};
use super::routes::region;
use super::{Names, letters, name};

/// A workspace as it was read, before its rules are.
#[derive(Debug)]
pub(super) struct WorkspaceShape {
    /// Its name.
    pub(super) name: String,
    /// Where the name is written.
    pub(super) place: Place,
    /// Its clients, and where each is written.
    pub(super) clients: Vec<(SanPattern, Place)>,
    /// Whether clients were asked for, well-formed or not.
    pub(super) wants_clients: bool,
    /// The rules file; none: the default packs.
    pub(super) rules: Option<(PathBuf, Place)>,
    /// The rules that read along.
    pub(super) shadow: Option<(PathBuf, Place)>,
    /// Whether `key` is there, well-formed or not.
    pub(super) wants_key: bool,
    /// The key.
    pub(super) key: Option<HashKey>,
    /// How its tokens are made and opened.
    pub(super) tokens: TokensShape,
    /// What a fault does.
    pub(super) on_fault: OnFault,
    /// The regions that it may reach.
    pub(super) regions: Vec<String>,
    /// How much it may ask.
    pub(super) quota: Quota,
    /// Its API keys.
    pub(super) api_keys: Vec<KeyShape>,
    /// Where dropped records go, and where the directory is written.
    pub(super) dead_letter: Option<(DeadLetter, Place)>,
}

impl WorkspaceShape {
    /// Whether what it sends may go to an upstream in this region, or in one that nobody has told.
    pub(super) fn may_reach(&self, region: Option<&str>) -> bool {
        self.regions.is_empty() || region.is_some_and(|region| is_within(&self.regions, region))
    }
}

/// Reads one `[[workspace]]`.
pub(super) fn workspace(
    mut fields: Fields<'_>,
    names: &mut Names,
    inspector: &mut Inspector<'_>,
) -> Option<WorkspaceShape> {
    let file = fields.source().path();
    let place = fields.value_place("name");
    let name = name(&mut fields, "workspace", names, inspector.report);
    let mut clients = Vec::new();
    let written = fields.texts("clients", inspector.report);
    let wants_clients = !written.is_empty();
    for (text, place) in written {
        match SanPattern::parse(text) {
            Ok(pattern) => clients.push((pattern, place)),
            Err(error) => {
                inspector.report.error(&place, "client-name", format!("{}: {error}", quote(text))).help(error.help());
            }
        }
    }
    let rules = fields.value("rules").and_then(|value| Named::read(&value, file, inspector.report));
    let shadow = fields.value("shadow").and_then(|value| Named::read(&value, file, inspector.report));
    let key = fields.value("key");
    let wants_key = key.is_some();
    let key = key.and_then(|value| inspector.hash_key(&value, file));
    let tokens = tokens(&mut fields, inspector.report);
    let on_fault = fields.value("on_fault").and_then(|value| on_fault(&value, inspector.report));
    let regions = fields.texts("regions", inspector.report);
    let regions = regions.into_iter().filter_map(|(text, place)| region(text, &place, inspector.report)).collect();
    let quota = fields.value("limits").map(|value| quota(&value, inspector.report)).unwrap_or_default();
    let api_keys = api_keys(&mut fields, inspector.report);
    let dead_letter = fields.value("dead_letter").and_then(|value| letters::dead_letter(&value, inspector));
    fields.finish(inspector.report);
    Some(WorkspaceShape {
        name: name?,
        place,
        clients,
        wants_clients,
        rules: rules.map(|named| (named.path, named.place)),
        shadow: shadow.map(|named| (named.path, named.place)),
        wants_key,
        key,
        tokens,
        on_fault: on_fault.unwrap_or(OnFault::Block),
        regions,
        quota,
        api_keys,
        dead_letter,
    })
}

/// The largest budget of tokens.
const MOST_TOKENS: i64 = 1_000_000_000_000;
/// The time of a budget that says none, and the longest.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 24 * 60 * 60);

pub(super) fn quota(value: &Value<'_>, report: &mut Report) -> Quota {
    let Some(mut table) = value.table("limits", report) else { return Quota::default() };
    let mut count = |key, report: &mut Report| {
        let number = table.value(key).and_then(|value| value.integer(1..=1_000_000, report));
        number.and_then(|number| u32::try_from(number).ok())
    };
    let rate = count("requests_per_second", report);
    let burst = count("burst", report);
    let in_flight = count("requests", report);
    if let (None, Some(burst)) = (rate, table.value("burst")) {
        let help = "add `requests_per_second`, or remove it";
        report.error(&burst.place(), "contradiction", "`burst` is what may come above a rate").help(help);
    }
    let tokens = table.value("tokens").and_then(|value| value.integer(1..=MOST_TOKENS, report));
    let per = table.value("tokens_per").map(|value| (value.place(), value.duration_up_to(LONGEST_WINDOW, report)));
    if let (None, Some((place, _))) = (tokens, &per) {
        let help = "add `tokens`, or remove it";
        report.error(place, "contradiction", "`tokens_per` is the time of a budget of tokens").help(help);
    }
    table.finish(report);
    let per = per.and_then(|(_, per)| per).unwrap_or(DAY).max(Duration::from_secs(1));
    let tokens = tokens.and_then(|tokens| u64::try_from(tokens).ok()).map(|tokens| TokenBudget { tokens, per });
    Quota { rate, burst: burst.or(rate).unwrap_or_default(), in_flight, tokens }
}

fn on_fault(value: &Value<'_>, report: &mut Report) -> Option<OnFault> {
    match value.text(report)? {
        "block" => Some(OnFault::Block),
        "pass" => {
            let message = "a body that cannot be scanned passes unscanned";
            report.warning(&value.place(), "unscanned", message).help("use \"block\" unless you mean it");
            Some(OnFault::Pass)
        }
        name => {
            unknown_name("on_fault", name, ["block", "pass"].into_iter(), &value.place(), report);
            None
        }
    }
}

/// Reports names that could belong to two workspaces, and names written twice.
pub(super) fn check_clients(workspaces: &[WorkspaceShape], report: &mut Report) {
    let mut first: HashMap<String, (usize, &Place)> = HashMap::new();
    let all = || {
        let clients = |(index, shape): (usize, _)| {
            let shape: &WorkspaceShape = shape;
            shape.clients.iter().map(move |(pattern, place)| (index, pattern, place))
        };
        workspaces.iter().enumerate().flat_map(clients)
    };
    for (index, pattern, place) in all() {
        match first.get(&key(pattern)) {
            None => {
                first.insert(key(pattern), (index, place));
            }
            Some((owner, other)) if *owner == index => {
                let help = format!("remove one, the other is at {}", other.line());
                report.warning(place, "client-name", "this name is listed twice").help(help);
            }
            Some((owner, other)) => shared(place, workspaces.get(*owner), other, report),
        }
    }
    // A pattern's wider patterns are found by their text, so that long lists stay quick.
    for (index, pattern, place) in all() {
        let (SanPattern::Uri(name) | SanPattern::UriPrefix(name)) = pattern else { continue };
        let folder = name.strip_suffix('/').unwrap_or(name);
        for (at, _) in folder.match_indices('/') {
            let Some((wide, _)) = folder.split_at_checked(at + 1) else { continue };
            let wider = SanPattern::UriPrefix(wide.to_owned());
            match first.get(&key(&wider)) {
                Some((owner, other)) if *owner != index && wider.overlaps(pattern) => {
                    shared(place, workspaces.get(*owner), other, report);
                }
                Some(_) | None => {}
            }
        }
    }
}

fn shared(place: &Place, owner: Option<&WorkspaceShape>, other: &Place, report: &mut Report) {
    let name = owner.map_or("?", |shape| shape.name.as_str());
    let message = format!("a certificate could belong to workspace {name} as well, by {}", other.line());
    report.error(place, "shared-client", message).help("a name has one workspace; narrow one of the two");
}

fn key(pattern: &SanPattern) -> String {
    match pattern {
        SanPattern::Uri(name) => format!("uri:{name}"),
        SanPattern::UriPrefix(name) => format!("prefix:{name}"),
        SanPattern::Dns(name) => format!("dns:{name}"),
        SanPattern::Email(name) => format!("email:{name}"),
        SanPattern::Ip(address) => format!("ip:{address}"),
    }
}
