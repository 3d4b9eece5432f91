//! What must wait for a person in, and whether it can: where it goes on as it comes, or nothing keeps it, it cannot.

use crate::policy::diagnostic::{Place, Report};
use crate::policy::{Mode, Route, Workspace};

use super::Reach;

/// A request can be held only where nothing of it has left before it is decided.
pub(super) fn check(workspace: &Workspace, place: &Place, reach: &Reach<'_>, stored: bool, report: &mut Report) {
    let uses = |route: &&Route| route.workspaces.contains(&reach.index);
    let routes = reach.routes.iter().enumerate().filter(|(_, route)| uses(route));
    let routes = routes.map(|(scope, route)| (scope, &route.name, matches!(route.request, Mode::Buffer { .. })));
    let logs = reach.listeners.iter().filter_map(|listener| listener.syslog.as_ref());
    let logs = logs.filter(|log| log.workspaces.contains(&reach.index)).map(|log| (log.scope, &log.name, false));
    let mut holds = false;
    for (scope, name, decides) in routes.chain(logs) {
        let quarantines = workspace.scopes.get(scope).is_some_and(|[request, _]| request.quarantines());
        holds |= quarantines;
        if quarantines && !decides {
            let message = format!(
                "workspace {} holds requests for a person, but {name} sends them on as they come",
                workspace.name
            );
            let help = if scope < reach.routes.len() {
                "add request = { mode = \"buffer\" }, or write \"block\" for it in a [[scope]] with this route"
            } else {
                "syslog is never held: write \"block\" for it in a [[scope]] with this listener"
            };
            let place = reach.places.get(scope).unwrap_or(place);
            report.error(place, "quarantine", message).help(help);
        }
    }
    holds |= check_calls(workspace, place, reach, report);
    if holds && !stored {
        let message = format!("workspace {} holds requests for a person, and there is no [quarantine]", workspace.name);
        let help = "add [quarantine] with `store` and `key`, or use \"block\"";
        report.error(place, "quarantine", message).help(help);
    }
}

/// Calls of tools are held where requests, or answers, are read whole; elsewhere they are refused, which is said. Gives
/// whether any may be held.
fn check_calls(workspace: &Workspace, place: &Place, reach: &Reach<'_>, report: &mut Report) -> bool {
    let (mut says, mut holds) = (false, false);
    let uses = reach.routes.iter().enumerate().filter(|(_, route)| route.workspaces.contains(&reach.index));
    for (scope, route) in uses {
        let Some([request, response]) = workspace.scopes.get(scope) else { continue };
        let whole = |mode: &Mode| matches!(mode, Mode::Buffer { .. });
        says |= request.holds_calls() || response.holds_calls();
        holds |= request.holds_calls() && whole(&route.request) || response.holds_calls() && whole(&route.response);
    }
    if says && !holds {
        let message =
            format!("workspace {} holds calls of tools, and reads nothing whole: they are refused", workspace.name);
        let help =
            "add response = { mode = \"buffer\" } to routes of models, request = { mode = \"buffer\" } to those of MCP";
        report.warning(place, "quarantine", message).help(help);
    }
    holds
}
