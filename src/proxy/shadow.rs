//! Rules that are tried beside those in force: where they read along in an exchange, and what is told of it.
//!
//! Enters: the workspace and the route. Leaves: scopes that act as those in force, and counts of what the other rules find
//! otherwise: by rule, entity and action, never a value.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::audit::Entry;
use crate::audit::record::{bounded, integer};
use crate::body::{Direction, Scopes};
use crate::engine::{Comparison, Difference, Rule};
use crate::policy::{Route, Workspace};
use crate::telemetry::Telemetry;

/// The most bytes that a record has for differences one by one: findings need the rest of its line.
const LISTED: usize = 2 << 10;
const DIRECTIONS: [Direction; 2] = [Direction::Request, Direction::Response];

/// What an exchange has of them.
pub(super) struct Along {
    /// Of the request, of the response.
    pub(super) scopes: (Arc<Scopes>, Arc<Scopes>),
    pub(super) comparisons: [Arc<Comparison>; 2],
}

/// The rules that read along on a route, if any do.
pub(super) fn along(workspace: &Workspace, route: &Route, index: usize) -> Option<Along> {
    let shadow = workspace.shadow.as_ref().filter(|_| route.shadow)?;
    let [request, response] = shadow.scopes.get(index)?;
    let comparisons = [(); 2].map(|()| Arc::new(Comparison::default()));
    let [asked, answered] = &comparisons;
    let scopes = (Arc::new(request.compared(asked)), Arc::new(response.compared(answered)));
    Some(Along { scopes, comparisons })
}

/// A difference in words: which it is, whose rule, the action in force, the shadow's action.
struct Told<'a> {
    kind: &'static str,
    rule: &'a Rule,
    action: Option<&'static str>,
    shadow: Option<&'static str>,
}

fn told(workspace: &Workspace, difference: Difference) -> Option<Told<'_>> {
    let own = |rule: usize| workspace.rules.rules().get(rule);
    let their = |rule: usize| workspace.shadow.as_ref()?.rules.rules().get(rule);
    Some(match difference {
        Difference::Lost(rule, action) => Told { kind: "lost", rule: own(rule)?, action: Some(action), shadow: None },
        Difference::Gained(rule, action) => {
            Told { kind: "gained", rule: their(rule)?, action: None, shadow: Some(action) }
        }
        Difference::Action(rule, action, shadow) => {
            Told { kind: "action", rule: own(rule)?, action: Some(action), shadow: Some(shadow) }
        }
    })
}

/// Counts what an exchange came to.
pub(super) fn count(telemetry: &Telemetry, workspace: &Workspace, route: &str, compared: &[Arc<Comparison>; 2]) {
    for (direction, comparison) in DIRECTIONS.into_iter().zip(compared) {
        let labels = [workspace.name.as_str(), route, direction.name()];
        for (name, count) in
            [("blackbar_shadow_bytes_total", comparison.bytes()), ("blackbar_shadow_missed_total", comparison.missed())]
        {
            if count > 0 {
                telemetry.add(name, &labels, count);
            }
        }
        for (difference, count) in comparison.differences() {
            let Some(Told { kind, rule, .. }) = told(workspace, difference) else { continue };
            let [tenant, route, way] = labels;
            let labels = [tenant, route, way, kind, rule.entity.as_str(), rule.id.as_str()];
            telemetry.add("blackbar_shadow_differences_total", &labels, count);
        }
    }
}

/// The record with what differed: nothing where nothing did.
pub(super) fn noted(entry: Entry, workspace: &Workspace, compared: &[Arc<Comparison>; 2]) -> Entry {
    let all = DIRECTIONS.into_iter().zip(compared);
    let all = all
        .flat_map(|(direction, one)| one.differences().into_iter().map(move |(what, count)| (direction, what, count)));
    let (mut listed, mut bytes, mut more) = (Vec::new(), 0, 0_u64);
    for (direction, difference, count) in all {
        let Some(Told { kind, rule, action, shadow }) = told(workspace, difference) else { continue };
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        set("count", integer(count));
        set("diff", kind.into());
        set("dir", direction.name().into());
        set("entity", bounded(rule.entity.as_str()).into_owned().into());
        set("rule", bounded(rule.id.as_str()).into_owned().into());
        action.into_iter().for_each(|action| set("action", action.into()));
        shadow.into_iter().for_each(|action| set("shadow", action.into()));
        let value = Value::Object(object);
        bytes += value.to_string().len() + 1;
        if bytes <= LISTED { listed.push(value) } else { more += count }
    }
    let missed: u64 = compared.iter().map(|one| one.missed()).sum();
    let entry = if listed.is_empty() { entry } else { entry.value("shadow", Value::Array(listed)) };
    let more = more + missed;
    if more > 0 { entry.number("shadow_more", more) } else { entry }
}
