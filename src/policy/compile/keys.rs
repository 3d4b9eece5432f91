//! `[[workspace.api_key]]` in, keys out; no key may be that of two.

use std::collections::HashMap;

use crate::policy::diagnostic::{Place, Report, quote};
use crate::policy::files::{Fields, Value};
use crate::policy::{ApiKey, Network, OwnKey, moment_of};

use super::workspaces::{WorkspaceShape, quota};
use super::{Names, name_of};

/// Keys of a workspace.
const MOST: usize = 256;

/// A key as it was read, with the names of its routes.
#[derive(Debug)]
pub(super) struct KeyShape {
    key: ApiKey,
    hash: Place,
    routes: Option<Vec<(String, Place)>>,
}

/// Reads the keys of a workspace.
pub(super) fn api_keys(fields: &mut Fields<'_>, report: &mut Report) -> Vec<KeyShape> {
    let tables = fields.tables("api_key", "[[workspace.api_key]]", report);
    if let Some(beyond) = tables.get(MOST) {
        let message = format!("more than {MOST} keys");
        report.error(&beyond.place(), "out-of-range", message).help("remove some");
    }
    let mut ids = Names::new();
    tables.into_iter().take(MOST).filter_map(|table| api_key(table, &mut ids, report)).collect()
}

/// Keys that people have are keys of a workspace.
pub(super) fn check_owned<'k>(
    owned: impl Iterator<Item = &'k (OwnKey, Place)>,
    workspaces: &[WorkspaceShape],
    report: &mut Report,
) {
    for (key, place) in owned {
        let mut named = workspaces.iter().flat_map(|one| one.api_keys.iter().map(move |shape| (one, &shape.key)));
        if !named.any(|(workspace, known)| key.is(&workspace.name, &known.id)) {
            let message = format!("no workspace has a key {}", quote(&key.id));
            let help = "write key:ID, or key:WORKSPACE/ID, with the `id` of a [[workspace.api_key]]";
            report.error(place, "unknown-name", message).help(help);
        }
    }
}

fn api_key(mut fields: Fields<'_>, ids: &mut Names, report: &mut Report) -> Option<KeyShape> {
    let id = fields.wanted("id", "give it a name: logs and records use it", report);
    let id = id.and_then(|value| name_of(value.text(report)?, &value.place(), "key", ids, report));
    let written = fields.wanted("hash", "`blackbar keys new` prints a key and its hash", report);
    let place = written.map(|value| value.place());
    let hash = written.and_then(|value| hash(&value, report));
    let routes = fields.value("routes").map(|value| {
        let named = value.texts(report);
        if named.is_empty() {
            let help = "name a route, or remove the key to mean all";
            report.error(&value.place(), "empty", "the key opens no route").help(help);
        }
        named.into_iter().map(|(name, place)| (name.to_owned(), place)).collect()
    });
    let expires = match fields.value("expires") {
        None => Some(None),
        Some(value) => value.text(report).and_then(|text| {
            let moment = moment_of(text);
            if moment.is_none() {
                let message = format!("{} is no time", quote(text));
                let help = "write \"2027-01-31\", its first moment in UTC, or \"2027-01-31T12:00:00Z\"";
                report.error(&value.place(), "time", message).help(help);
            }
            moment.map(Some)
        }),
    };
    let allow_from = fields.texts("allow_from", report).into_iter().filter_map(|(text, place)| {
        let network = Network::parse(text);
        if network.is_none() {
            let message = format!("{} is no network", quote(text));
            report.error(&place, "network", message).help("write it like \"10.0.0.0/8\" or \"2001:db8::/32\"");
        }
        network
    });
    let allow_from = allow_from.collect();
    let quota = fields.value("limits").map(|value| quota(&value, report)).unwrap_or_default();
    fields.finish(report);
    let key = ApiKey { id: id?, hash: hash?, routes: None, expires: expires?, allow_from, quota };
    Some(KeyShape { key, hash: place?, routes })
}

fn hash(value: &Value<'_>, report: &mut Report) -> Option<[u8; 32]> {
    let text = value.text(report)?;
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    let mut hash = [0; 32];
    let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    }
    if !whole {
        // What stands there may be the key itself.
        let help = "write sha256: and 64 hexadecimal digits, as `blackbar keys new` prints them";
        report.error(&value.place(), "key-hash", "no hash of a key").help(help);
    }
    whole.then_some(hash)
}

/// The keys with the indices of their routes.
pub(super) fn link(shapes: Vec<KeyShape>, routes: &[Option<&str>], report: &mut Report) -> Vec<ApiKey> {
    let linked = shapes.into_iter().map(|KeyShape { key, routes: named, .. }| {
        let indices = named.map(|named| {
            let found = named.into_iter().filter_map(|(name, place)| {
                let index = routes.iter().position(|route| *route == Some(&name));
                if index.is_none() {
                    let known = routes.iter().copied().flatten();
                    crate::policy::rules::unknown_name("route", &name, known, &place, report);
                }
                index
            });
            found.collect()
        });
        ApiKey { routes: indices, ..key }
    });
    linked.collect()
}

/// A key says which workspace its client is of, so it cannot be that of two.
pub(super) fn check(workspaces: &[WorkspaceShape], report: &mut Report) {
    let mut taken: HashMap<[u8; 32], &Place> = HashMap::new();
    for shape in workspaces.iter().flat_map(|shape| &shape.api_keys) {
        if let Some(first) = taken.get(&shape.key.hash) {
            let help = format!("make another one with `blackbar keys new`; the other is at {}", first.line());
            report.error(&shape.hash, "duplicate-name", "one key is there twice").help(help);
        } else {
            taken.insert(shape.key.hash, &shape.hash);
        }
    }
}
