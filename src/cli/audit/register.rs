//! `audit register`: who processes what, as the configuration says it, and what of it the log has seen.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Place, read, records};
use crate::cli::check::readable;
use crate::cli::{Code, Failure, say};
use crate::policy::{self, Policy};

/// Arguments of `audit register`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit register --config blackbar.toml

One JSON object a line: route, upstream (host), region, purpose and workspaces as the configuration has them, and how many
records the log has of it, the first and the last time. What the log alone knows has \"configured\": false.")]
pub(super) struct RegisterArguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "blackbar.toml")]
    config: PathBuf,
    #[command(flatten)]
    place: Place,
    /// From this time on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// What the log has of a processor.
#[derive(Default)]
struct Used {
    records: u64,
    first: String,
    last: String,
    workspaces: BTreeMap<String, u64>,
}

/// Runs `audit register`.
pub(super) fn run(arguments: &RegisterArguments) -> Result<Code, Failure> {
    readable(&arguments.config)?;
    let policy = policy::load(&arguments.config).map_err(|faults| Failure::invalid(&faults))?.policy;
    let mut used: BTreeMap<(String, String), Used> = BTreeMap::new();
    let place = arguments.place.or_of(&policy);
    for record in records(&place)? {
        let (_, _, value) = read(record, &place)?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (Some(route), Some(upstream), Some(time)) = (text("route"), text("upstream"), text("ts")) else { continue };
        if arguments.since.as_deref().is_some_and(|since| time < since) {
            continue;
        }
        let one = used.entry((route.to_owned(), upstream.to_owned())).or_default();
        if one.records == 0 {
            time.clone_into(&mut one.first);
        }
        one.records += 1;
        time.clone_into(&mut one.last);
        *one.workspaces.entry(text("ws").unwrap_or("none").to_owned()).or_default() += 1;
    }
    let mut out = io::stdout().lock();
    for known in configured(&policy) {
        let one = used.remove(&(known.route.to_owned(), known.upstream.to_owned())).unwrap_or_default();
        say(&mut out, format_args!("{}", line(&known, &one, true)))?;
    }
    for ((route, upstream), one) in &used {
        let known = Processor { route, upstream, region: None, purpose: None, workspaces: Vec::new() };
        say(&mut out, format_args!("{}", line(&known, one, false)))?;
    }
    Ok(Code::Fine)
}

/// Where data may go.
struct Processor<'p> {
    route: &'p str,
    upstream: &'p str,
    region: Option<&'p str>,
    purpose: Option<&'p str>,
    workspaces: Vec<&'p str>,
}

fn configured(policy: &Policy) -> Vec<Processor<'_>> {
    let named = |indices: &[usize]| {
        let names = indices.iter().filter_map(|index| policy.workspaces.get(*index));
        names.map(|workspace| workspace.name.as_str()).collect()
    };
    let routes = policy.routes.iter().map(|route| Processor {
        route: &route.name,
        upstream: &route.upstream.host,
        region: route.region.as_deref(),
        purpose: route.purpose.as_deref(),
        workspaces: named(&route.workspaces),
    });
    let logs = policy.listeners.iter().filter_map(|listener| listener.syslog.as_ref()).map(|log| Processor {
        route: &log.name,
        upstream: &log.upstream.host,
        region: log.region.as_deref(),
        purpose: log.purpose.as_deref(),
        workspaces: named(&log.workspaces),
    });
    routes.chain(logs).collect()
}

fn line(known: &Processor<'_>, used: &Used, configured: bool) -> Value {
    let Processor { route, upstream, region, purpose, workspaces } = known;
    let time = |time: &String| Some(time.clone()).filter(|time| !time.is_empty());
    json!({
        "route": route, "upstream": upstream, "region": region, "purpose": purpose, "workspaces": workspaces,
        "configured": configured, "records": used.records, "first": time(&used.first), "last": time(&used.last),
        "records_by_workspace": used.workspaces,
    })
}
