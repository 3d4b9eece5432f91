//! `shadow` of a `[[workspace]]` in: rules that read along with those in force, and change nothing, out.

use std::sync::Arc;

use crate::body::{SHADOW_PAIRS, Scopes};
use crate::engine::RuleSet;
use crate::policy::Workspace;
use crate::policy::diagnostic::{Place, Report};

use super::ruleset::{Bound, Compiled};

/// Rules that are tried beside those in force.
#[derive(Debug)]
pub struct ShadowRules {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// [`Workspace::scopes`] with these rules reading along.
    pub scopes: Vec<[Arc<Scopes>; 2]>,
}

/// The rules of `shadow`, beside those of `workspace`, for each of `routes` and listeners. What they would do needs no key:
/// nothing of it is done.
pub(super) fn bind(
    workspace: &Workspace,
    shadow: &Compiled,
    routes: &[Option<&str>],
    place: &Place,
    report: &mut Report,
) -> Option<ShadowRules> {
    let Bound { rules, scopes: tried, .. } = shadow.bind(routes, None, None);
    let mut scopes = Vec::new();
    for (live, tried) in workspace.scopes.iter().zip(&tried) {
        let both = |direction: usize| live.get(direction)?.beside(tried.get(direction)?).map(Arc::new);
        let (Some(request), Some(response)) = (both(0), both(1)) else {
            let message = format!(
                "the paths of its [[scope]] tables and of the rules in force make more than {SHADOW_PAIRS} pairs"
            );
            report.error(place, "shadow", message).help("name fewer paths, or the same ones in the same order");
            return None;
        };
        scopes.push([request, response]);
    }
    let message = format!("workspace {}: its shadow reads every text a second time", workspace.name);
    report.note(place, "shadow", message);
    Some(ShadowRules { rules, scopes })
}
