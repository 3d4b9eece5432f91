//! What rules say that they find, held against the rules that are to take over.
//!
//! Enters: the policy in force and the one that comes. Leaves: the rules of which an example is caught now and would pass
//! then: a rule that is gone or off, a pack that is left out, an expression that finds less. Workspaces and routes are told
//! apart by their names; one that is gone lets nothing pass.

use std::fmt;
use std::sync::Arc;

use crate::body::{Direction, Scopes};
use crate::engine::{Output, StreamRedactor};
use crate::policy::{Mode, Policy, Workspace};

/// Pairs of rules and actions, before and after, that are compared; those of the same rules are one.
const PAIRS: usize = 64;

/// A rule of which an example would pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::proxy) struct Lost {
    workspace: String,
    rule: String,
    entity: String,
}

impl Lost {
    /// The entity that the rule finds.
    pub(in crate::proxy) fn entity(&self) -> &str {
        &self.entity
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of rule {}", self.workspace, self.entity, self.rule)
    }
}

/// The rules of `before` of which an example is caught there and passes under `after`.
pub(in crate::proxy) fn lost(before: &Policy, after: &Policy) -> Vec<Lost> {
    let mut lost = Vec::new();
    let mut compared: Vec<[*const Scopes; 2]> = Vec::new();
    for (old, new) in shared(before, after) {
        let [old_workspace, new_workspace] = [old.workspace, new.workspace];
        for direction in [Direction::Request, Direction::Response] {
            // What is not read at all is a matter of the bodies that are sent.
            if !old.reads(direction) || !new.reads(direction) {
                continue;
            }
            let (Some(held), Some(coming)) = (old.scopes(direction), new.scopes(direction)) else { continue };
            let pair = [Arc::as_ptr(held), Arc::as_ptr(coming)];
            if compared.contains(&pair) || compared.len() == PAIRS {
                continue;
            }
            compared.push(pair);
            let (mut held, mut coming) = (Asked::new(held), Asked::new(coming));
            for state in old_workspace.catalogue.iter().filter(|state| state.off.is_none()) {
                let weaker = |example: &String| held.catches(example) && !coming.catches(example);
                let found = Lost {
                    workspace: new_workspace.name.clone(),
                    rule: state.id.as_str().to_owned(),
                    entity: state.entity.as_str().to_owned(),
                };
                if !lost.contains(&found) && state.examples.iter().any(weaker) {
                    lost.push(found);
                }
            }
        }
    }
    lost
}

/// A workspace over a route.
struct Side<'p> {
    workspace: &'p Workspace,
    route: usize,
    modes: [Mode; 2],
}

impl<'p> Side<'p> {
    fn scopes(&self, direction: Direction) -> Option<&'p Arc<Scopes>> {
        self.workspace.scopes(self.route, direction)
    }

    fn reads(&self, direction: Direction) -> bool {
        let [request, response] = self.modes;
        Mode::Off != if direction == Direction::Request { request } else { response }
    }
}

/// The ways that both policies have, by name.
fn shared<'p>(before: &'p Policy, after: &'p Policy) -> impl Iterator<Item = (Side<'p>, Side<'p>)> {
    let named = |name: &str| after.routes.iter().position(|route| route.name == name);
    let routes = before.routes.iter().enumerate();
    routes.filter_map(move |(at, route)| Some((at, route, named(&route.name)?))).flat_map(move |(at, old, other)| {
        old.workspaces.iter().filter_map(move |index| {
            let (workspace, new) = (before.workspaces.get(*index)?, after.routes.get(other)?);
            let mut theirs = new.workspaces.iter().filter_map(|index| after.workspaces.get(*index));
            let same = theirs.find(|one| one.name == workspace.name)?;
            Some((
                Side { workspace, route: at, modes: [old.request, old.response] },
                Side { workspace: same, route: other, modes: [new.request, new.response] },
            ))
        })
    })
}

/// Rules and actions, asked about one text after another.
struct Asked {
    redactor: StreamRedactor,
    scopes: Arc<Scopes>,
    out: Output,
}

impl Asked {
    fn new(scopes: &Arc<Scopes>) -> Self {
        let redactor = StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions));
        Self { redactor, scopes: Arc::clone(scopes), out: Output::default() }
    }

    /// Whether a text does not pass as it is.
    fn catches(&mut self, text: &str) -> bool {
        self.out.clear();
        self.redactor.restart(&self.scopes.actions);
        self.redactor.push_last(text.as_bytes(), &mut self.out).is_err() || self.out.bytes != text.as_bytes()
    }
}
