//! Actions as files write them in, one table of actions for each route, direction and JSON path out.
//!
//! A rule starts with its own action, else its entity's default. Then every entry that names it is applied in the order
//! of the files: the packs', the file's own, the scopes' from the widest to the narrowest. The last one wins. A rule whose
//! confidence is below the threshold starts switched off, and only an entry with its own id switches it on. A scope is
//! narrower the more of routes, directions and paths it names; then by having a path, by the narrower path, by its place
//! in the file.

use std::sync::Arc;

use crate::body::{Direction, JsonPath, Scopes};
use crate::engine::{Action, ActionTable, HashKey, RuleSet, Scoring, ToolRules};

use super::diagnostic::{Place, Report, nearest, quote, quoted_list};
use super::files::{Fields, Value};
use super::json_path;
use super::packs::Assembly;
use super::rules::{RuleShape, ScopeShape};

/// Longest text of `{ replace = … }`.
const REPLACE_LENGTH: usize = 256;
/// Actions that are a name alone.
const NAMED: [(&str, Action); 13] = [
    ("off", Action::Off),
    ("observe", Action::Observe),
    ("redact", Action::Redact),
    ("mask", Action::Mask),
    ("keep-last-4", Action::KeepLast4),
    ("mask-domain", Action::MaskDomain),
    ("remove", Action::Remove),
    ("hash", Action::Hash),
    ("neutralize", Action::Neutralize),
    ("tokenize", Action::Tokenize),
    ("stand-in", Action::StandIn),
    ("block", Action::Block),
    ("quarantine", Action::Quarantine),
];

/// What is done in each direction; none where nothing is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ActionPair {
    request: Option<Action>,
    response: Option<Action>,
}

impl ActionPair {
    fn of(&self, direction: Direction) -> Option<&Action> {
        match direction {
            Direction::Request => self.request.as_ref(),
            Direction::Response => self.response.as_ref(),
        }
    }

    /// The name of the action that needs a workspace's key, where one does.
    pub(crate) fn keyed(&self) -> Option<&'static str> {
        let both = [&self.request, &self.response].into_iter().flatten();
        let both = both.map(|action| match action {
            Action::Reroute(there) => &**there,
            action => action,
        });
        both.filter(|action| matches!(action, Action::Hash | Action::Tokenize | Action::StandIn))
            .map(Action::name)
            .next()
    }
}

/// One line of an `[actions]` table.
#[derive(Clone, Debug)]
pub(crate) struct ActionEntry {
    /// An entity, a rule's id, or the beginning of either and a `*`.
    pub(crate) key: String,
    /// Where the key is written.
    pub(crate) place: Place,
    /// What is done.
    pub(crate) action: ActionPair,
}

impl ActionEntry {
    /// Whether it names this rule.
    fn names(&self, rule: &RuleShape) -> bool {
        self.names_text(rule.spec.id.as_str()) || self.names_text(rule.spec.entity.as_str())
    }

    fn names_text(&self, name: &str) -> bool {
        match self.key.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == self.key,
        }
    }
}

/// The lines of an `[actions]` table, in their order.
pub(crate) fn action_entries(table: &Fields<'_>, report: &mut Report) -> Vec<ActionEntry> {
    let mut entries = Vec::new();
    for (key, place, value) in table.entries() {
        if let Some(inner) = dotted(&value) {
            let message = format!("{} is a table, not an action", quote(key));
            let help = format!("put quotes round a name with dots, like \"{key}.{inner}\" = \"redact\"");
            report.error(&place, "action", message).help(help);
            continue;
        }
        if let Some(action) = action_pair(&value, report) {
            entries.push(ActionEntry { key: key.to_owned(), place, action });
        }
    }
    entries
}

/// The first name within a table that TOML made of `a.b = "redact"`, where quotes were forgotten.
fn dotted<'a>(value: &Value<'a>) -> Option<&'a str> {
    let table = value.as_table("the action")?;
    let keys: Vec<&str> = table.entries().into_iter().map(|(key, _, _)| key).collect();
    let misspelt = |key: &&str| nearest(key, ["replace", "request", "response", "reroute"]).is_some();
    keys.first().copied().filter(|_| !keys.iter().any(misspelt))
}

/// An action, or `{ request = …, response = … }`.
pub(crate) fn action_pair(value: &Value<'_>, report: &mut Report) -> Option<ActionPair> {
    if !value.is_table() {
        let action = named_action(value, report)?;
        if matches!(action, Action::Reroute(_)) {
            return Some(ActionPair { request: Some(action), response: None });
        }
        // Nobody waits for an answer that a person may send tomorrow.
        let answers = if action == Action::Quarantine { Action::Block } else { action.clone() };
        return Some(ActionPair { request: Some(action), response: Some(answers) });
    }
    let mut fields = value.table("the action", report)?;
    let (replace, request, response) = (fields.value("replace"), fields.value("request"), fields.value("response"));
    let reroute = fields.value("reroute");
    let place = fields.place();
    let unknown = report.errors();
    fields.finish(report);
    if report.errors() > unknown {
        return None;
    }
    if let Some(there) = reroute {
        if [replace, request, response].iter().any(Option::is_some) {
            let help = "write { request = { reroute = \"…\" }, response = \"…\" }";
            let message = "an action has `reroute`, or `replace`, or `request` and `response`";
            report.error(&there.place(), "contradiction", message).help(help);
            return None;
        }
        return Some(ActionPair { request: Some(rerouted(&there, report)?), response: None });
    }
    match (replace, request, response) {
        (Some(text), None, None) => {
            let action = replacement(&text, report)?;
            Some(ActionPair { request: Some(action.clone()), response: Some(action) })
        }
        (None, None, None) => {
            let help = "write { replace = \"…\" }, or { request = \"…\", response = \"…\" }";
            report.error(&place, "action", "the action is empty").help(help);
            None
        }
        (Some(text), _, _) => {
            let message = "an action has `replace`, or `request` and `response`, not both";
            let help = "write { request = { replace = \"…\" }, response = \"…\" }";
            report.error(&text.place(), "contradiction", message).help(help);
            None
        }
        (None, request, response) => {
            let mut one = |value: Option<Value<'_>>| value.map(|value| single_action(&value, report));
            let (request, held) = (one(request), response);
            let response = one(response);
            if let (Some(value), Some(Some(Action::Quarantine))) = (held, &response) {
                let help = "use response = \"block\"; `quarantine` is for requests";
                report.error(&value.place(), "quarantine", "an answer cannot wait for a person").help(help);
                return None;
            }
            if let (Some(value), Some(Some(Action::Reroute(_)))) = (held, &response) {
                let help = "leave `response` out, or say what is done with it in answers";
                report.error(&value.place(), "reroute", "an answer has come from where it came").help(help);
                return None;
            }
            // A direction that was told, but not understood, must not fall back to the default unnoticed.
            if matches!(request, Some(None)) || matches!(response, Some(None)) {
                return None;
            }
            Some(ActionPair { request: request.flatten(), response: response.flatten() })
        }
    }
}

/// A name or `{ replace = … }`.
fn single_action(value: &Value<'_>, report: &mut Report) -> Option<Action> {
    if !value.is_table() {
        return named_action(value, report);
    }
    let mut fields = value.table("the action", report)?;
    if let Some(there) = fields.value("reroute") {
        fields.finish(report);
        return rerouted(&there, report);
    }
    let text = fields.wanted("replace", "write { replace = \"…\" }", report);
    fields.finish(report);
    replacement(&text?, report)
}

/// What holds where an exchange is sent to.
fn rerouted(value: &Value<'_>, report: &mut Report) -> Option<Action> {
    let action = if value.is_table() { single_action(value, report) } else { named_action(value, report) }?;
    if matches!(action, Action::Off | Action::Block | Action::Quarantine | Action::Reroute(_)) {
        let help = "use \"observe\", or what masks the value: { reroute = \"mask\" }";
        report.error(&value.place(), "reroute", "this is not what can be done with a value elsewhere").help(help);
        return None;
    }
    Some(Action::Reroute(Arc::new(action)))
}

fn replacement(value: &Value<'_>, report: &mut Report) -> Option<Action> {
    let text = value.text(report)?;
    if text.len() > REPLACE_LENGTH || text.chars().any(char::is_control) {
        let message = format!("a replacement has at most {REPLACE_LENGTH} bytes and no control characters");
        report.error(&value.place(), "action", message).help("shorten it to one line");
        return None;
    }
    Some(Action::Replace(Arc::from(text)))
}

fn named_action(value: &Value<'_>, report: &mut Report) -> Option<Action> {
    let name = value.text(report)?;
    if let Some((_, action)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(action.clone());
    }
    if name == "reroute" {
        return Some(Action::Reroute(Arc::new(Action::Observe)));
    }
    let place = value.place();
    match name {
        "replace" => {
            report.error(&place, "action", "`replace` needs its text").help("write { replace = \"…\" }");
        }
        _ => {
            let error = report.error(&place, "unknown-name", format!("unknown action {}", quote(name)));
            let names = NAMED.iter().map(|(name, _)| *name).chain(["reroute"]);
            match nearest(name, names.clone()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("there is {} and {{ replace = \"…\" }}", quoted_list(names))),
            }
        }
    }
    None
}

/// Reports the entries that name none of `rules`, nor one of the ids and entities that an error took away.
pub(crate) fn check_entries(entries: &[ActionEntry], rules: &[RuleShape], lost: &[String], report: &mut Report) {
    for entry in entries {
        if rules.iter().any(|rule| entry.names(rule)) || lost.iter().any(|name| entry.names_text(name)) {
            continue;
        }
        let message = format!("{} is no rule or entity here", quote(&entry.key));
        let ids = rules.iter().map(|rule| rule.spec.id.as_str());
        let entities = rules.iter().map(|rule| rule.spec.entity.as_str());
        let help = match nearest(&entry.key, entities.chain(ids)) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None => "`blackbar rules list` shows them; add the pack that has it, or remove the line".to_owned(),
        };
        report.error(&entry.place, "no-match", message).help(help);
    }
}

/// The actions of every rule in one route and direction, by place in the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Resolved {
    base: Vec<Action>,
    paths: Vec<(JsonPath, Vec<Action>)>,
}

impl Resolved {
    /// The action of rule `index` in the whole body.
    pub(crate) fn base(&self, index: usize) -> Action {
        self.base.get(index).cloned().unwrap_or(Action::Off)
    }

    /// The actions of rule `index` at JSON paths, where they differ from the whole body's.
    pub(crate) fn at_paths(&self, index: usize) -> Vec<(&JsonPath, Option<&Action>)> {
        let own = self.base.get(index);
        let at = self.paths.iter().map(|(path, actions)| (path, actions.get(index)));
        at.filter(|(_, action)| *action != own).collect()
    }

    /// Whether rule `index` does anything anywhere.
    pub(crate) fn uses(&self, index: usize) -> bool {
        let on = |actions: &[Action]| actions.get(index).is_some_and(|action| *action != Action::Off);
        on(&self.base) || self.paths.iter().any(|(_, actions)| on(actions))
    }

    /// Without the rules that `kept` leaves out.
    pub(crate) fn keep(&mut self, kept: &[bool]) {
        let narrow = |actions: &mut Vec<Action>| {
            let mut index = 0;
            actions.retain(|_| {
                index += 1;
                kept.get(index - 1).copied().unwrap_or(true)
            });
        };
        narrow(&mut self.base);
        self.paths.iter_mut().for_each(|(_, actions)| narrow(actions));
    }
}

/// What each rule does, while entries are applied.
#[derive(Clone)]
struct Applied {
    actions: Vec<Action>,
    /// Rules below the threshold that no entry has named by its id yet.
    muted: Vec<bool>,
}

impl Applied {
    fn new(rules: &[RuleShape], threshold: u8, direction: Direction) -> Self {
        let muted: Vec<bool> = rules.iter().map(|rule| rule.spec.confidence < threshold).collect();
        let action = |(rule, muted): (_, &bool)| if *muted { Action::Off } else { default_action(rule, direction) };
        Self { actions: rules.iter().zip(&muted).map(action).collect(), muted }
    }

    fn apply(&mut self, entries: &[ActionEntry], rules: &[RuleShape], direction: Direction) {
        for entry in entries {
            let Some(action) = entry.action.of(direction) else { continue };
            for ((rule, slot), muted) in rules.iter().zip(&mut self.actions).zip(&mut self.muted) {
                if *muted && entry.key == rule.spec.id.as_str() {
                    *muted = false;
                }
                if !*muted && entry.names(rule) {
                    *slot = action.clone();
                }
            }
        }
    }
}

/// Resolves the actions of `rules` for a route (none: text outside any route) and a direction.
pub(crate) fn resolve(assembly: &Assembly, route: Option<&str>, direction: Direction) -> Resolved {
    let Assembly { rules, actions, scopes, threshold, .. } = assembly;
    let mut base = Applied::new(rules, *threshold, direction);
    base.apply(actions, rules, direction);
    let here: Vec<&ScopeShape> = scopes
        .iter()
        .filter(|scope| scope.routes.is_empty() || scope.routes.iter().any(|(name, _)| Some(name.as_str()) == route))
        .filter(|scope| scope.directions.is_empty() || scope.directions.contains(&direction))
        .collect();
    let mut places: Vec<&JsonPath> = Vec::new();
    for path in here.iter().flat_map(|scope| &scope.paths) {
        if !places.contains(&path) {
            places.push(path);
        }
    }
    let places = json_path::narrow_first(places);
    // Each scope once for each of its paths, the widest first. Of two that are equally wide the later one is applied
    // later: the sort is stable.
    let mut applied: Vec<(Option<&JsonPath>, &ScopeShape)> = Vec::new();
    for scope in here.iter().copied() {
        match scope.paths.as_slice() {
            [] => applied.push((None, scope)),
            paths => applied.extend(paths.iter().map(|path| (Some(path), scope))),
        }
    }
    let wideness = |path: &JsonPath| places.iter().rev().position(|place| *place == path);
    applied.sort_by_key(|(path, scope)| (narrowness(scope), path.and_then(wideness)));
    let table = |place: Option<&JsonPath>| {
        let mut applied_here = base.clone();
        let holds = |path: &Option<&JsonPath>| match (path, place) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(path), Some(place)) => json_path::covers(path, place),
        };
        let around = applied.iter().filter(|(path, _)| holds(path));
        around.for_each(|(_, scope)| applied_here.apply(&scope.actions, rules, direction));
        applied_here.actions
    };
    let paths = places.iter().map(|place| ((*place).clone(), table(Some(place)))).collect();
    Resolved { base: table(None), paths }
}

/// How many of routes, directions and paths a scope names. Of two that name as many, one with a path is the narrower.
fn narrowness(scope: &ScopeShape) -> usize {
    [scope.routes.is_empty(), scope.directions.is_empty(), scope.paths.is_empty()]
        .iter()
        .filter(|empty| !**empty)
        .count()
}

fn default_action(rule: &RuleShape, direction: Direction) -> Action {
    let own = rule.action.as_ref().and_then(|action| action.of(direction));
    own.cloned().unwrap_or_else(|| Action::default_for(&rule.spec.entity))
}

/// Tables of a workspace, each kept once.
#[derive(Debug)]
pub(crate) struct Tables {
    rules: Arc<RuleSet>,
    key: Option<HashKey>,
    fingerprints: Option<HashKey>,
    scoring: Option<Arc<Scoring>>,
    tools: Option<Arc<ToolRules>>,
    tables: Vec<(Vec<Action>, Arc<ActionTable>)>,
    scopes: Vec<(Resolved, Arc<Scopes>)>,
}

impl Tables {
    /// No tables yet, for these rules and this key.
    pub(crate) fn new(rules: Arc<RuleSet>, key: Option<HashKey>) -> Self {
        Self { rules, key, fingerprints: None, scoring: None, tools: None, tables: Vec::new(), scopes: Vec::new() }
    }

    /// The same, whose findings have fingerprints under this key.
    pub(crate) fn with_fingerprints(self, key: Option<HashKey>) -> Self {
        Self { fingerprints: key, ..self }
    }

    /// The same, where scores block and tools are guarded.
    pub(crate) fn guarded(self, scoring: Option<Scoring>, tools: Option<Arc<ToolRules>>) -> Self {
        Self { scoring: scoring.map(Arc::new), tools, ..self }
    }

    /// The scopes of `resolved`; equal ones are the same.
    pub(crate) fn scopes(&mut self, resolved: &Resolved) -> Arc<Scopes> {
        if let Some((_, scopes)) = self.scopes.iter().find(|(known, _)| known == resolved) {
            return Arc::clone(scopes);
        }
        let scopes = Arc::new(Scopes {
            rules: Arc::clone(&self.rules),
            actions: self.table(&resolved.base),
            paths: resolved.paths.iter().map(|(path, actions)| (path.clone(), self.table(actions))).collect(),
            tools: self.tools.clone(),
            restore: None,
        });
        self.scopes.push((resolved.clone(), Arc::clone(&scopes)));
        scopes
    }

    fn table(&mut self, actions: &[Action]) -> Arc<ActionTable> {
        if let Some((_, table)) = self.tables.iter().find(|(known, _)| known == actions) {
            return Arc::clone(table);
        }
        let table = ActionTable::new(actions.to_vec(), self.key.clone());
        let table = Arc::new(table.with_fingerprints(self.fingerprints.clone()).scored(self.scoring.clone()));
        self.tables.push((actions.to_vec(), Arc::clone(&table)));
        table
    }
}
