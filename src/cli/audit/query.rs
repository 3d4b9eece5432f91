//! `audit query`: filters in, the records that fit out, one a line as they are written.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Place, read, records};
use crate::audit::chain::hex;
use crate::cli::check::readable;
use crate::cli::{Code, Failure, say};
use crate::engine::{EntityType, HashKey, fingerprint};
use crate::policy::{Policy, load};

/// The longest value that is looked for.
const VALUE: u64 = 64 << 10;

/// Arguments of `audit query`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit query --ws acme --outcome blocked --since 2026-11-01
         printf %s 'jane@example.com' | blackbar audit query --value --config blackbar.toml --ws acme

Times are compared as they are written: 2026-11-29, or 2026-11-29T10:00.")]
pub(super) struct QueryArguments {
    #[command(flatten)]
    place: Place,
    /// Of this workspace
    #[arg(long = "ws", value_name = "NAME")]
    workspace: Option<String>,
    /// Of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Of this kind: exchange, session_open, config_load, config_reject, start, stop …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// With this outcome: forwarded, redacted, blocked, failed
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// With this reason, as answers have it
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// With a finding of this rule, or refused by it
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// With a finding of this entity
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// Of the request with this id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// From this time on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// In which the value on stdin was found; it is never shown
    #[arg(long, requires_all = ["config", "workspace"])]
    value: bool,
    /// The configuration, which names the log's directory and the workspace's key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs `audit query`.
pub(super) fn run(arguments: &QueryArguments) -> Result<Code, Failure> {
    let policy = match &arguments.config {
        Some(config) => {
            readable(config)?;
            Some(load(config).map_err(|faults| Failure::invalid(&faults))?.policy)
        }
        None => None,
    };
    let wanted = policy.as_ref().filter(|_| arguments.value).map(|policy| Wanted::read(arguments, policy));
    let mut wanted = wanted.transpose()?;
    let place = policy.map_or_else(|| arguments.place.clone(), |policy| arguments.place.or_of(&policy));
    let mut out = io::stdout().lock();
    for record in records(&place)? {
        let (_, line, value) = read(record, &place)?;
        if arguments.fits(&value) && wanted.as_mut().is_none_or(|wanted| wanted.is_in(&value)) {
            say(&mut out, format_args!("{}", String::from_utf8_lossy(&line)))?;
        }
    }
    Ok(Code::Fine)
}

impl QueryArguments {
    fn fits(&self, record: &Value) -> bool {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let is =
            |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| text(name) == Some(wanted));
        let finds = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| {
                findings(record).any(|finding| finding.get(name).and_then(Value::as_str) == Some(wanted))
            })
        };
        let time = text("ts").unwrap_or_default();
        is(&self.workspace, "ws")
            && is(&self.route, "route")
            && is(&self.kind, "kind")
            && is(&self.outcome, "outcome")
            && is(&self.reason, "reason")
            && is(&self.request, "req")
            && (finds(&self.rule, "rule") || is(&self.rule, "rule"))
            && finds(&self.entity, "entity")
            && self.since.as_deref().is_none_or(|since| time >= since)
            && self.until.as_deref().is_none_or(|until| time < until)
    }
}

fn findings(record: &Value) -> impl Iterator<Item = &Value> {
    record.get("findings").and_then(Value::as_array).into_iter().flatten()
}

/// A value that is looked for by what is left of it.
struct Wanted {
    value: Zeroizing<Vec<u8>>,
    key: HashKey,
    entities: Vec<EntityType>,
    /// Its fingerprints by epoch.
    known: HashMap<u64, Vec<String>>,
}

impl Wanted {
    fn read(arguments: &QueryArguments, policy: &Policy) -> Result<Self, Failure> {
        let name = arguments.workspace.clone().unwrap_or_default();
        let workspace = policy.workspaces.iter().find(|workspace| workspace.name == name);
        let workspace = workspace.ok_or_else(|| Failure::failed(format!("there is no workspace {name}")))?;
        let made = workspace.fingerprints.as_ref();
        let made = made
            .ok_or_else(|| Failure::failed(format!("workspace {name} has no `key`, so there are no fingerprints")))?;
        let mut value = Zeroizing::new(Vec::new());
        let read = io::stdin().lock().take(VALUE).read_to_end(&mut value);
        read.map_err(|error| Failure::io("stdin", &error))?;
        let trimmed = value.trim_ascii_end().len();
        value.truncate(trimmed);
        if value.is_empty() {
            return Err(Failure::failed("there is no value on stdin"));
        }
        let mut entities: Vec<EntityType> = workspace.rules.rules().iter().map(|rule| rule.entity.clone()).collect();
        entities.sort();
        entities.dedup();
        Ok(Self { value, key: made.key.clone(), entities, known: HashMap::new() })
    }

    fn is_in(&mut self, record: &Value) -> bool {
        let Some(epoch) = record.get("fp_epoch").and_then(Value::as_u64) else { return false };
        let (value, key, entities) = (&self.value, &self.key, &self.entities);
        let known = self.known.entry(epoch).or_insert_with(|| {
            let key = key.for_fingerprints(epoch);
            entities.iter().map(|entity| hex(&fingerprint(&key, entity, value))).collect()
        });
        let of = |finding: &Value| finding.get("fp").and_then(Value::as_array).cloned().unwrap_or_default();
        findings(record)
            .flat_map(of)
            .any(|found| found.as_str().is_some_and(|found| known.iter().any(|known| known == found)))
    }
}
