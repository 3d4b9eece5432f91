//! `reroute` of a `[[route]]` in, the route that takes its requests instead out; and what the action means on each route.
//!
//! Requests go elsewhere once: a route that takes them sends none on, and there the action has become what is done with the
//! value. Where there is no elsewhere, it blocks.

use std::sync::Arc;

use crate::body::Scopes;
use crate::engine::Action;
use crate::policy::diagnostic::{Place, Report};
use crate::policy::files::Value;
use crate::policy::{Mode, Route, Workspace};

use super::{Names, Reach, known};

/// Where requests go instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reroute {
    /// The index of another route, which sends nothing elsewhere itself.
    pub route: usize,
    /// The model that is asked there, where the body says which; none: the one that the client asked for.
    pub model: Option<Arc<str>>,
}

/// `reroute` as it was read.
#[derive(Debug)]
pub(super) struct RerouteShape {
    upstream: String,
    model: Option<Arc<str>>,
    /// Where the name is written.
    place: Place,
}

impl RerouteShape {
    /// Nothing has left of what is decided whole.
    pub(super) fn needs_buffer(&self, report: &mut Report) {
        let message = "a request goes elsewhere before anything of it has left, which only mode = \"buffer\" knows";
        let help = "remove `request`, or write request = { mode = \"buffer\", limit = \"8MiB\" }";
        report.error(&self.place, "contradiction", message).help(help);
    }
}

/// Reads `reroute`.
pub(super) fn reroute(value: &Value<'_>, report: &mut Report) -> Option<RerouteShape> {
    let mut table = value.table("reroute", report)?;
    let upstream = table.wanted("upstream", "name another [[route]], like { upstream = \"self-hosted\" }", report);
    let model = table.value("model").and_then(|value| model(&value, report));
    table.finish(report);
    let upstream = upstream?;
    Some(RerouteShape { upstream: upstream.text(report)?.to_owned(), model, place: upstream.place() })
}

fn model(value: &Value<'_>, report: &mut Report) -> Option<Arc<str>> {
    let text = value.text(report)?;
    if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        let help = "write the name that the server there knows, of 256 bytes at most";
        report.error(&value.place(), "name-form", "no name of a model").help(help);
        return None;
    }
    Some(text.into())
}

/// Looks up the routes that are named.
pub(super) fn link(shapes: &[Option<RerouteShape>], routes: &mut [Route], names: &Names, report: &mut Report) {
    let found = |shape: &RerouteShape| routes.iter().position(|route| route.name == shape.upstream);
    let targets: Vec<Option<usize>> = shapes.iter().map(|shape| shape.as_ref().and_then(found)).collect();
    for (index, shape) in shapes.iter().enumerate() {
        let Some(shape) = shape else { continue };
        known("route", &shape.upstream, &shape.place, names, report);
        let Some(route) = targets.get(index).copied().flatten() else { continue };
        if route == index || shapes.get(route).is_some_and(Option::is_some) {
            let message = format!("{} sends requests elsewhere itself, and they go elsewhere once", shape.upstream);
            report.error(&shape.place, "reroute", message).help("name a route that has no `reroute`");
        }
        if let Some(from) = routes.get_mut(index) {
            from.reroute = Some(Reroute { route, model: shape.model.clone() });
        }
    }
}

/// Whether what a rule does with a value elsewhere holds there, too: the other route has actions of its own.
fn changes(request: &Scopes, (there, target): (&Route, &Scopes), place: &Place, report: &mut Report) {
    let lost = (0..request.rules.rules().len()).find(|rule| {
        let inner = match request.actions.action(*rule) {
            Action::Reroute(inner) => !matches!(**inner, Action::Observe | Action::Off),
            _ => false,
        };
        let left = matches!(target.actions.action(*rule), Action::Observe | Action::Off);
        inner && (left || there.request == Mode::Off)
    });
    if let Some(rule) = lost.and_then(|rule| request.rules.rules().get(rule)) {
        let message = format!("what {} does with a value elsewhere does not hold on the route {}", rule.id, there.name);
        let help = "write the same action in a [[scope]] with that route, and let its requests be scanned";
        report.error(place, "reroute", message).help(help);
    }
}

/// Makes of a workspace's actions what they are on each route.
pub(super) fn settle(workspace: &mut Workspace, place: &Place, reach: &Reach<'_>, report: &mut Report) {
    let is_target = |scope: usize| {
        reach.routes.iter().any(|route| route.reroute.as_ref().is_some_and(|there| there.route == scope))
    };
    let logs = reach.listeners.iter().filter_map(|listener| listener.syslog.as_ref());
    let logs: Vec<(usize, &str, bool)> =
        logs.map(|log| (log.scope, log.name.as_str(), log.workspaces.contains(&reach.index))).collect();
    let there_scopes: Vec<Arc<Scopes>> = workspace.scopes.iter().map(|[request, _]| Arc::clone(request)).collect();
    for (scope, [request, _]) in workspace.scopes.iter_mut().enumerate().filter(|(_, pair)| pair[0].reroutes()) {
        let place = reach.places.get(scope).unwrap_or(place);
        let route = reach.routes.get(scope);
        let there = route.and_then(|route| route.reroute.as_ref()).and_then(|there| reach.routes.get(there.route));
        let uses = route.map_or_else(
            || logs.iter().any(|(known, _, uses)| *known == scope && *uses),
            |route| route.workspaces.contains(&reach.index),
        );
        if let Some(there) = there {
            let index = route.and_then(|route| route.reroute.as_ref()).map(|there| there.route);
            if let Some(target) = index.and_then(|index| there_scopes.get(index)).filter(|_| uses) {
                changes(request, (there, target), place, report);
            }
            if uses && !there.workspaces.contains(&reach.index) {
                let message = format!(
                    "workspace {} may not use the route {} that its requests go to",
                    workspace.name, there.name
                );
                let help = "add it to the `workspaces` of that route, and its region to the workspace's";
                report.error(place, "reroute", message).help(help);
            }
        } else if is_target(scope) {
            *request = Arc::new(request.elsewhere());
        } else {
            *request = Arc::new(request.staying());
            let name = route.map(|route| route.name.as_str());
            let name = name.or_else(|| logs.iter().find(|(known, ..)| *known == scope).map(|(_, name, _)| *name));
            if uses {
                let message = format!(
                    "workspace {} sends requests elsewhere, but {} leads nowhere else: there they are blocked",
                    workspace.name,
                    name.unwrap_or("?")
                );
                let help =
                    "add reroute = { upstream = \"…\" }, or write \"block\" for it in a [[scope]] with this route";
                report.warning(place, "reroute", message).help(help);
            }
        }
    }
    for scopes in workspace.base.iter_mut().filter(|scopes| scopes.reroutes()) {
        *scopes = Arc::new(scopes.staying());
    }
}
